# Copyright: (c) 2026, flotilla.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""`transport: command` through real Ansible and a real sshd of the abilities of OpenSSH 5.3, on a node that has no Python at all.

The node is `vznode.bare` (see test_command_driver.py), and `vznode.old_ssh` is its sshd. Ansible runs outside, and reaches it over SSH
alone.
"""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from laws.ansible_run import Ansible, syslog
from laws.planted import assert_not_in
from support.tiny_image import make_image
from vznode.bare import BareNode
from vznode.node import Node
from vznode.old_ssh import COMMON, OldSshd

from .conftest import TEMPLATE, TOOLS
from .test_driver import HASH

pytestmark = pytest.mark.system
DECLARED: dict[str, Any] = {
    "name": "web1", "engine": "openvz", "transport": "command", "image": "web", "images": [{"name": "web", "template": TEMPLATE}],
    "memory": "128MiB", "nics": [{"name": "wan", "type": "venet", "address": "192.0.2.10"}], "root_password": HASH, "tags": {"role": "web"}}


class Reached:
    """A node without Python, and its sshd."""

    def __init__(self, bare: BareNode, folder: Path) -> None:
        self.bare = bare
        self.node = bare.node
        self.ssh = OldSshd(bare, folder)
        self.key = (self.node.root / "var/lib/flotilla/key")


@pytest.fixture(scope="module")
def reached(tmp_path_factory: pytest.TempPathFactory, host_network: tuple[str, ...], bare_base: Path) -> Iterator[Reached]:
    """One for all tests here."""
    tarball = make_image(tmp_path_factory.mktemp("template"), tools=(*TOOLS, "dd", "chmod", "rm", "mkdir", "test"))
    node = Node(tmp_path_factory.mktemp("node") / "root", 4, host_network=host_network)
    node.make()
    node.add_template(TEMPLATE, tarball)
    bare = BareNode(node, bare_base)
    there = Reached(bare, tmp_path_factory.mktemp("ssh"))
    try:
        yield there
    finally:
        there.ssh.end()
        node.clean()
        bare.end()


@pytest.fixture(autouse=True)
def _settings(reached: Reached, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in reached.ssh.settings.items():
        monkeypatch.setenv(name, value)


def test_ssh_of_that_age_is_switched_on_for_that_host_only(reached: Reached, tmp_path: Path) -> None:
    """Refused as a client of today does, and reached with the variables of the documentation; another host keeps today's."""
    for common in ("", COMMON):
        (tmp_path / "hosts.json").write_text(json.dumps({"all": {"hosts": {
            "old": reached.ssh.variables(common), "another": reached.ssh.variables("-o ControlPath=none")}}}))
        said = subprocess.run(["ansible", "-i", str(tmp_path / "hosts.json"), "all", "-m", "ansible.builtin.raw", "-a", "echo reached $((40 + 2))"],
                              capture_output=True, text=True, check=False)
        assert ("reached 42" in said.stdout) is bool(common), said.stdout
        assert ("old | UNREACHABLE" in said.stdout) is not bool(common) and "no matching key exchange method found" in said.stdout
        assert "another | UNREACHABLE" in said.stdout


def test_modules(reached: Reached, tmp_path: Path) -> None:
    """Check mode is true, the second run changes nothing, secrets are said nowhere, and no lock is left."""
    with syslog() as log:
        ansible = Ansible(tmp_path, log, inventory=reached.ssh.variables())
        foreseen = ansible.module("container", DECLARED, check=True)
        assert not reached.key.exists() and not list((reached.node.etc / "conf").glob("*.flotilla"))
        said = ansible.module("container", DECLARED)
        again = ansible.module("container", DECLARED, verbosity=0)
        read = ansible.module("container_info", {"transport": "command"})
    assert not said.result.get("failed"), said.output
    assert (foreseen.result["changed"], foreseen.result["plan"], foreseen.result["diff"]) == (True, said.result["plan"], said.result["diff"])
    assert again.result["changed"] is False and again.result["host_ready"] is True, again.result
    assert [item["name"] for item in read.result["containers"]] == ["web1"]
    key = reached.key.read_bytes()
    assert len(key) == 32 and reached.key.stat().st_mode & 0o777 == 0o600
    private = reached.node.private(read.result["containers"][0]["status"]["id"])
    host_key = (private / "etc/ssh/ssh_host_ed25519_key").read_text().splitlines()[2]
    for run in (foreseen, said, again, read):
        assert_not_in(run.places(), [HASH, host_key, repr(key)[2:12]])
        assert "AnsiballZ_container" not in run.output
    assert "COMMAND vzctl create" in said.output and HASH in (private / "etc/shadow").read_text()
    assert not list((reached.node.root / "var/lock").glob("*.lease"))
