# Copyright: (c) 2026, flotilla.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The inventory of real guests, by the real ansible-inventory, in the tests' own libvirtd and LXC."""

from __future__ import annotations

import json
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from support.libvirtd import PrivateLibvirtd

pytestmark = pytest.mark.system

BIN = Path(sys.executable).parent
PYTHON = "/usr/bin/python3"
HOST = "kvm1 ansible_connection=local ansible_python_interpreter=%s\n" % PYTHON
MACHINE = {"virtualization": "qemu", "cpus": 1, "memory": "32MiB", "console": False}
DOMAINS: list[dict[str, Any]] = [
    dict(MACHINE, name="db1", fleet="shop", tags={"role": "db", "tier": "gold"}, state="running"),
    dict(MACHINE, name="idle", fleet="shop", tags={"role": "spare"}, state="stopped"),
]


class Machine:
    """The machine of the private libvirtd, on which Ansible runs."""

    def __init__(self, daemon: PrivateLibvirtd, place: Path) -> None:
        self.daemon = daemon
        self.place = place

    def run(self, *argv: str, env: tuple[str, ...] = (), code: int = 0) -> subprocess.CompletedProcess[str]:
        done = subprocess.run([*self.daemon.enter, "env", *env, *argv], capture_output=True, text=True, cwd=self.place, check=False)
        assert done.returncode == code, done.stdout + done.stderr
        return done

    def write(self, name: str, text: str) -> str:
        (self.place / name).write_text(textwrap.dedent(text))
        return name

    def list(self, *sources: str) -> dict[str, Any]:
        words = [word for source in sources for word in ("-i", source)]
        found: dict[str, Any] = json.loads(self.run(str(BIN / "ansible-inventory"), *words, "--list").stdout)
        return found

    def refusal(self, *sources: str) -> str:
        words = [word for source in sources for word in ("-i", source)]
        done = self.run(str(BIN / "ansible-inventory"), *words, "--list", code=1)
        return " ".join((done.stdout + done.stderr).split())


@pytest.fixture(scope="module")
def machine(private_libvirtd: PrivateLibvirtd, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Machine]:
    """A machine with two domains of a fleet, one made by hand, and a container."""
    found = Machine(private_libvirtd, tmp_path_factory.mktemp("inventory"))
    found.write("hosts.ini", "[hypervisors]\n" + HOST)
    for declared in DOMAINS:
        found.run(str(BIN / "ansible"), "kvm1", "-i", "hosts.ini", "-m", "flotilla.virt.domain", "-a", json.dumps(declared))
    by_hand = found.place / "byhand.xml"
    by_hand.write_text("<domain type='qemu'><name>by-hand</name><memory unit='MiB'>32</memory><os><type>hvm</type></os></domain>")
    found.run("virsh", "define", str(by_hand))
    found.run("lxc-create", "-n", "box", "-t", "none")
    yield found
    for name in ("db1", "idle"):
        found.run(str(BIN / "ansible"), "kvm1", "-i", "hosts.ini", "-m", "flotilla.virt.domain", "-a",
                  json.dumps({"name": name, "fleet": "shop", "state": "absent", "force_stop": True, "stop_timeout": 0}))
    found.run("virsh", "undefine", "by-hand")
    found.run("lxc-destroy", "-n", "box")


def members(found: dict[str, Any], group: str) -> list[str]:
    return sorted(found[group]["hosts"])


def test_all_guests_of_an_inventory_host(machine: Machine) -> None:
    found = machine.list("hosts.ini", machine.write("all.flotilla.yml", "plugin: flotilla.virt.guests\nhosts: [hypervisors]\n"))
    assert members(found, "engine_kvm") == ["by-hand", "db1", "idle"]
    assert members(found, "engine_lxc") == ["box"]
    assert members(found, "state_running") == ["db1"] and members(found, "state_stopped") == ["box", "by-hand", "idle"]
    assert members(found, "host_kvm1") == ["box", "by-hand", "db1", "idle"]
    assert members(found, "fleet_shop") == ["db1", "idle"]
    assert members(found, "tag_role_db") == ["db1"] == members(found, "tag_tier_gold")
    said = found["_meta"]["hostvars"]["db1"]
    uuid = machine.run("virsh", "domuuid", "db1").stdout.strip()
    assert said["flotilla_uuid"] == uuid and said["flotilla_fleet"] == "shop" and said["flotilla_tags"] == {"role": "db", "tier": "gold"}
    assert said["flotilla_spec"]["memory"]["size"] == "32MiB" and said["flotilla_status"]["virtualization"] == "qemu"
    assert found["_meta"]["hostvars"]["box"]["ansible_connection"] == "flotilla.virt.container"
    assert found["_meta"]["hostvars"]["by-hand"]["flotilla_fleet"] is None


def test_what_waits_for_a_restart_is_told(machine: Machine) -> None:
    changed = dict(DOMAINS[0], cpus={"count": 1, "maximum": 2})
    machine.run(str(BIN / "ansible"), "kvm1", "-i", "hosts.ini", "-m", "flotilla.virt.domain", "-a", json.dumps(changed))
    config = "plugin: flotilla.virt.guests\nhosts: [kvm1]\nengines: [kvm]\ngroups: {needs_restart: flotilla_pending | length > 0}\n"
    found = machine.list("hosts.ini", machine.write("pending.flotilla.yml", config))
    assert members(found, "needs_restart") == ["db1"]
    assert found["_meta"]["hostvars"]["db1"]["flotilla_pending"][0]["path"] == "cpus.maximum"


def test_this_machine_without_any_other_inventory(machine: Machine) -> None:
    found = machine.list(machine.write("flotilla.yml", "plugin: flotilla.virt.guests\nnames: [db1, box]\n"))
    assert members(found, "host_localhost") == ["box", "db1"]


def test_by_uri_from_outside(machine: Machine) -> None:
    config = f"plugin: flotilla.virt.guests\nuris: {{far: '{machine.daemon.uri}'}}\nstates: [running]\n"
    path = machine.place / machine.write("uri.flotilla.yml", config)
    done = subprocess.run([str(BIN / "ansible-inventory"), "-i", str(path), "--list"], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert members(found, "host_far") == ["db1"] and found["_meta"]["hostvars"]["db1"]["flotilla_state"] == "running"


def test_host_and_group_variables_make_the_connection(machine: Machine) -> None:
    """The interpreter stands in group_vars only, as a template; the one that Ansible would find has no such name."""
    (machine.place / "sites/group_vars").mkdir(parents=True)
    machine.write("sites/10-hosts.ini", "[hypervisors]\nkvm7 ansible_connection=local ansible_python_interpreter=/nowhere/python\n")
    machine.write("sites/20-guests.flotilla.yml", "plugin: flotilla.virt.guests\nhosts: [hypervisors]\nengines: [kvm]\nnames: [idle]\n")
    text = machine.refusal("sites")
    assert "Cannot read the kvm guests of kvm7" in text and "/nowhere/python" in text and "Traceback" not in text
    machine.write("sites/10-hosts.ini", "[hypervisors]\nkvm7\n")
    machine.write("sites/group_vars/hypervisors.yml", "way: local\nansible_connection: '{{ way }}'\nansible_python_interpreter: %s\n" % PYTHON)
    assert members(machine.list("sites"), "host_kvm7") == ["idle"]


def test_libvirt_that_does_not_answer(machine: Machine) -> None:
    machine.write("hosts-down.ini", HOST)
    config = machine.write("down.flotilla.yml", "plugin: flotilla.virt.guests\nuris: {down: 'qemu+unix:///system?socket=/nowhere'}\n")
    text = machine.refusal(config)
    assert "Cannot read the kvm guests of down with flotilla.virt.domain_info: libvirt does not answer" in text
    assert "start libvirtd" in text and "Traceback" not in text


def test_an_unreachable_host(machine: Machine) -> None:
    config = machine.write("gone.flotilla.yml", """
        plugin: flotilla.virt.guests
        hosts:
          gone: {ansible_host: 127.0.0.1, ansible_port: 1, ansible_connection: ssh}
          kvm1: {ansible_connection: local, ansible_python_interpreter: %s}
        engines: [kvm]
        """ % PYTHON)
    text = machine.refusal(config)
    assert "Cannot read the guests of gone:" in text and "ansible.builtin.ping gone" in text and "on_error: warn" in text
    machine.write("gone.flotilla.yml", (machine.place / config).read_text() + "on_error: warn\n")
    assert members(machine.list(config), "host_kvm1") == ["by-hand", "db1", "idle"]


def test_a_play_with_options_of_its_own(machine: Machine) -> None:
    """Reading is no part of the play that the command line is about: not its tags, user, check mode or first task."""
    machine.write("play.flotilla.yml", "plugin: flotilla.virt.guests\nhosts: [kvm1]\n")
    play = machine.write("play.yml", """
        - hosts: fleet_shop
          gather_facts: false
          connection: local
          tasks:
            - {name: first, ansible.builtin.debug: {msg: "not this one"}}
            - {name: second, tags: [mine], ansible.builtin.debug: {msg: "{{ inventory_hostname }} is {{ flotilla_state }}"}}
        """)
    done = machine.run(str(BIN / "ansible-playbook"), "-i", "hosts.ini", "-i", "play.flotilla.yml", play, "--check", "--tags", "mine",
                       "--start-at-task", "second", "--user", "nobody-here", "--limit", "db1")
    assert "db1 is running" in done.stdout and "idle is" not in done.stdout and "not this one" not in done.stdout
    assert "read kvm" not in done.stdout
