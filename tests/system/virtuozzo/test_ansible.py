# Copyright: (c) 2026, flotilla.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Virtuozzo through real Ansible: modules, inventory, connection, fleet and role, on a node in mount and network namespaces of its own."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from laws.ansible_run import Ansible, syslog
from laws.planted import assert_not_in
from support.tiny_image import make_image

from vznode.fixtures import TEMPLATE, TOOLS
from system.openvz.test_ansible import TRANSFER, Space, inventory_of, play_role
from system.openvz.test_driver import HASH

pytestmark = pytest.mark.system


@pytest.fixture(scope="module")
def space(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Space]:
    """A node with prlctl beside vzctl, and a template that has what a connection needs of a system."""
    tarball = make_image(tmp_path_factory.mktemp("template"), tools=(*TOOLS, "dd", "chmod", "rm", "mkdir", "test"))
    space = Space(7, tarball, ("vzctl", "vzlist", "vzpkg", "prlctl", "prlsrvctl"))
    try:
        yield space
    finally:
        space.end()


def test_modules_inventory_and_connection(space: Space, tmp_path: Path) -> None:
    """Check mode is true, secrets are said nowhere, and the container is entered with exit codes, streams and files."""
    declared: dict[str, Any] = {
        "name": "web1", "engine": "virtuozzo", "image": "web", "images": [{"name": "web", "template": TEMPLATE}], "memory": "128MiB",
        "nics": [{"name": "wan", "type": "venet", "address": "192.0.2.10"}], "root_password": HASH, "tags": {"role": "web"}}
    with syslog() as log:
        ansible = Ansible(tmp_path, log, space.enter)
        foreseen = ansible.module("container", declared, check=True)
        said = ansible.module("container", declared)
        again = ansible.module("container", declared, verbosity=0)
        read = ansible.module("container_info", {})
        facts = ansible.module("host_info", {}, verbosity=0)
        backups = _assert_backups(ansible)
    assert not said.result.get("failed"), said.result
    assert (foreseen.result["changed"], foreseen.result["plan"]) == (said.result["changed"], said.result["plan"])
    assert again.result["changed"] is False and again.result["host_ready"] is True
    for run in (foreseen, said, read):
        assert_not_in(run.places(), [HASH])
    # vzctl has the same container, which is told once.
    assert [item["status"]["engine"] for item in read.result["containers"] if item["name"] == "web1"] == ["virtuozzo"]
    assert facts.result["engines"]["virtuozzo"]["usable"] is True
    assert [item["name"] for item in backups] == ["web1"]
    _assert_inventory(space, tmp_path)
    _assert_connection(space, tmp_path)


def _assert_backups(ansible: Ansible) -> list[dict[str, Any]]:
    """A full backup as it was foreseen, and listed."""
    want = {"name": "web1", "engine": "virtuozzo", "max_age": "1h"}
    foreseen = ansible.module("backup", want, check=True, verbosity=0)
    said = ansible.module("backup", {**want, "expect_plan": foreseen.result["plan_id"]}, verbosity=0)
    listed: list[dict[str, Any]] = ansible.module("backup_info", {"name": "web1"}, verbosity=0).result["backups"]
    assert said.result["changed"] is True and said.result["plan"] == foreseen.result["plan"]
    assert [item["spec"] for item in listed] == [said.result["backup"]["spec"]]
    return listed


def _assert_inventory(space: Space, tmp_path: Path) -> None:
    found = inventory_of(space, tmp_path, {"hosts": ["localhost"], "engines": ["virtuozzo"], "python": sys.executable})
    variables = found["_meta"]["hostvars"]["web1"]
    assert variables["flotilla_engine"] == "virtuozzo" and variables["ansible_connection"] == "flotilla.virt.container"
    assert variables["ansible_host"] == "192.0.2.10" and "web1" in found["engine_virtuozzo"]["hosts"] and "web1" in found["tag_role_web"]["hosts"]


def _assert_connection(space: Space, tmp_path: Path) -> None:
    content = bytes(range(256)) * 5000
    (tmp_path / "in").write_bytes(content)
    made = space.run("prlctl", "create", "stopped", "--vmtype", "ct", "--ostemplate", TEMPLATE)
    assert made.returncode == 0, made.stderr
    done = space.run(sys.executable, "-c", TRANSFER, str(tmp_path), "virtuozzo")
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "out").read_bytes() == content


def test_a_fleet_chooses_virtuozzo_and_makes_a_container_and_a_machine(space: Space, tmp_path: Path) -> None:
    """`engine: auto` prefers it; a guest of openvz is refused on this node, with the reason."""
    fleet: dict[str, Any] = {"name": "shop", "host": "node", "images": [{"name": "web", "template": TEMPLATE}], "guests": [
        {"name": "fl-web", "count": 2, "engine": "auto", "image": "web", "memory": "128MiB", "state": "stopped"},
        {"name": "fl-win", "engine": "virtuozzo", "vmtype": "vm", "os": "windows", "memory": "1GiB", "disk": "10GiB", "state": "stopped"}]}
    other = {**fleet, "guests": [{"name": "old", "engine": "openvz", "image": "web"}]}
    with syslog() as log:
        ansible = Ansible(tmp_path, log, space.enter)
        said = ansible.module("fleet", fleet, verbosity=0)
        again = ansible.module("fleet", fleet, verbosity=0)
        refused = ansible.module("fleet", other, verbosity=0)
    assert not said.result.get("failed"), said.result.get("msg")
    assert [(item["name"], item["engine"], item["changed"]) for item in said.result["results"] if item["kind"] == "container"] == [
        ("fl-web-1", "virtuozzo", True), ("fl-web-2", "virtuozzo", True), ("fl-win", "virtuozzo", True)]
    assert again.result["changed"] is False
    assert refused.result["failed"] and "use engine virtuozzo" in json.dumps(refused.result)


def test_the_role(space: Space, tmp_path: Path) -> None:
    """The second run changes nothing; what is missing is told with the command that makes it, and nothing is installed."""
    wanted = {"virtuozzo_host_templates": [TEMPLATE], "virtuozzo_host_networks": ["Bridged"], "virtuozzo_host_backup_path": "/vz/backups-of-ours",
              "virtuozzo_host_defaults": {"DEF_OSTEMPLATE": TEMPLATE}}
    first = play_role(space, tmp_path, "virtuozzo_host", **wanted)
    assert first.returncode == 0 and "changed=2" in first.stdout, first.stdout
    assert f'DEF_OSTEMPLATE="{TEMPLATE}"' in space.run("cat", "/etc/vz/vz.conf").stdout
    assert json.loads(space.run("prlsrvctl", "info", "-j").stdout)["Backup path"] == "/vz/backups-of-ours"
    again = play_role(space, tmp_path, "virtuozzo_host", **wanted)
    assert again.returncode == 0 and "changed=0" in again.stdout, again.stdout
    nowhere = play_role(space, tmp_path, "virtuozzo_host", virtuozzo_host_networks=["nosuch"])
    assert nowhere.returncode != 0 and "nosuch not on this node, which has Bridged, Host-Only" in " ".join(nowhere.stdout.split())
