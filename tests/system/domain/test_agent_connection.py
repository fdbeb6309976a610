# Copyright: (c) 2026, flotilla.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Plays inside a running Debian guest through its agent alone: it has no network card."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import libvirt
import pytest
from ansible_collections.flotilla.virt.plugins.module_utils._libvirt.domain import agent
from ansible_collections.flotilla.virt.plugins.module_utils._libvirt import xmltree
from support.libvirtd import PrivateLibvirtd

pytestmark = [pytest.mark.system, pytest.mark.slow]

NAME = "it's"
DOMAIN = """<domain type='qemu'><name>%s</name><memory unit='MiB'>512</memory><vcpu>1</vcpu>
<os><type machine='q35'>hvm</type><kernel>%s</kernel><initrd>%s</initrd><cmdline>root=LABEL=root console=ttyS0 rw</cmdline></os>
<features><acpi/></features><devices>
<disk type='file' device='disk'><driver name='qemu' type='qcow2'/><source file='%s'/><target dev='vda' bus='virtio'/></disk>
<channel type='unix'><target type='virtio' name='org.qemu.guest_agent.0'/></channel>
<rng model='virtio'><backend model='random'>/dev/urandom</backend></rng></devices></domain>"""
PLAY = """
- hosts: guest
  gather_facts: false
  tasks:
    - ansible.builtin.ping:
      register: ping
    - ansible.builtin.copy:
        content: "planted-secret and it's a file"
        dest: "/root/it's a file"
        mode: "0600"
      register: copied
    - ansible.builtin.copy:
        src: "{{ place }}/big"
        dest: /root/big
        mode: "0644"
    - ansible.builtin.fetch:
        src: /root/big
        dest: "{{ place }}/back"
        flat: true
    - ansible.builtin.command: id -un
      become: true
      become_user: nobody
      register: who
    - ansible.builtin.shell: echo out; echo err >&2; exit 3
      register: failed
      failed_when: false
    - ansible.builtin.command: cat
      args:
        stdin: piped
      register: piped
    - ansible.builtin.copy:
        dest: "{{ place }}/result.json"
        content: "{{ {'ping': ping.ping, 'copied': copied.changed, 'who': who.stdout, 'piped': piped.stdout,
                      'failed': [failed.rc, failed.stdout, failed.stderr]} | to_json }}"
        mode: "0644"
      delegate_to: localhost
      vars: {ansible_connection: local}
"""


@pytest.fixture(scope="module", name="uri")
def _uri(image: Path, private_libvirtd: PrivateLibvirtd) -> Iterator[str]:
    """A libvirt with a guest whose agent answers."""
    disk = private_libvirtd.state / "agent.qcow2"
    subprocess.run(["qemu-img", "create", "-q", "-f", "qcow2", "-F", "qcow2", "-b", os.path.realpath(f"{image}.qcow2"), str(disk)], check=True)
    connection = libvirt.open(private_libvirtd.uri)
    domain = connection.defineXML(DOMAIN % (NAME, os.path.realpath(f"{image}.vmlinuz"), os.path.realpath(f"{image}.initrd"), disk))
    domain.create()
    deadline = time.monotonic() + 600
    while not answers(domain):
        assert time.monotonic() < deadline, "the agent does not answer"
        time.sleep(0.5)
    yield private_libvirtd.uri
    domain.destroy()
    domain.undefine()


def answers(domain: Any) -> bool:
    """Whether the agent answers; before it has opened its channel, asking would only block."""
    try:
        return agent.connected(xmltree.parse(domain.XMLDesc())) and agent.command(domain, "guest-ping") == {}
    except agent.AgentError:
        return False


def play(place: Path, uri: str, text: str, **more: Any) -> subprocess.CompletedProcess[str]:
    variables = {"ansible_connection": "flotilla.virt.guest_agent", "flotilla_name": NAME, "ansible_guest_agent_uri": uri,
                 "ansible_python_interpreter": "/usr/bin/python3", "place": str(place), **more}
    (place / "hosts.json").write_text(json.dumps({"all": {"hosts": {"guest": variables}}}))
    (place / "play.yml").write_text(text)
    return subprocess.run(["ansible-playbook", "-i", str(place / "hosts.json"), str(place / "play.yml")], capture_output=True, text=True, check=False)


def test_modules_files_become_and_exit_codes(uri: str, tmp_path: Path) -> None:
    (tmp_path / "big").write_bytes(os.urandom(3_000_001))
    done = play(tmp_path, uri, PLAY)
    assert done.returncode == 0, done.stdout + done.stderr
    assert json.loads((tmp_path / "result.json").read_text()) == {
        "ping": "pong", "copied": True, "who": "nobody", "piped": "piped", "failed": [3, "out", "err"]}
    assert (tmp_path / "back").read_bytes() == (tmp_path / "big").read_bytes()
    again = play(tmp_path, uri, PLAY)
    assert again.returncode == 0 and json.loads((tmp_path / "result.json").read_text())["copied"] is False


def test_through_an_inner_connection_with_become_on_the_host(uri: str, tmp_path: Path) -> None:
    hosts = {"all": {"hosts": {
        "metal": {"ansible_connection": "local", "ansible_become": True, "ansible_become_method": "ansible.builtin.su"},
        "guest": {"ansible_connection": "flotilla.virt.guest_agent", "flotilla_name": NAME, "ansible_guest_agent_uri": uri, "flotilla_host": "metal",
                  "ansible_guest_agent_python": sys.executable}}}}
    (tmp_path / "hosts.json").write_text(json.dumps(hosts))
    done = subprocess.run(["ansible", "-i", str(tmp_path / "hosts.json"), "guest", "-m", "ansible.builtin.raw", "-a", "uname -n; exit 4"],
                          capture_output=True, text=True, check=False)
    assert "rc=4" in done.stdout, done.stdout + done.stderr


def test_a_domain_that_is_not_there_is_unreachable(uri: str, tmp_path: Path) -> None:
    done = play(tmp_path, uri, PLAY, flotilla_name="nobody")
    assert "UNREACHABLE" in done.stdout and "Domain not found" in done.stdout
