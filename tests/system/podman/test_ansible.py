# Copyright: (c) 2026, flotilla.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""podman through real Ansible: modules, fleet, inventory and plays inside."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from laws.ansible_run import Ansible, syslog
from laws.planted import assert_not_in
from laws.podman_cases import BASE, NETWORK, PORT, SUBNET
from laws.podman_lab import PodmanLab, podman
from support.inside import TRANSFER, play
from support.tiny_image import make_image

NOTES = Path("/var/lib/containers/flotilla")
SHELL = {"ansible_connection": "flotilla.virt.container", "flotilla_engine": "podman", "flotilla_name": "fltest-app"}
SECRET = "Pl4nted w0rd"


def forget() -> None:
    for note in NOTES.glob("fltest-*.json"):
        note.unlink()


@pytest.fixture
def clean(lab: PodmanLab) -> Iterator[PodmanLab]:
    """The lab, and none of our notes where modules keep them."""
    forget()
    yield lab
    forget()


@pytest.fixture(scope="module")
def roomy(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The small image with what a connection itself needs of a system: `dd` for fetching."""
    return str(make_image(tmp_path_factory.mktemp("roomy"), tools=("dd", "id")))


def test_a_module_is_truthful_and_says_no_secret(clean: PodmanLab, tmp_path: Path, images: dict[str, str]) -> None:
    arguments = {**BASE, "name": "fltest-app", "engine": "podman", "fleet": "shop", "images": [{"name": "tiny", "rootfs": images["tiny"]}],
                 "secrets": [{"name": "token", "value": SECRET}]}
    with syslog() as log:
        ansible = Ansible(tmp_path, log)
        foreseen = ansible.module("container", arguments, check=True)
        assert clean.documents() == {}, "check mode touched the host"
        real, again = ansible.module("container", arguments), ansible.module("container", arguments)
        found = ansible.module("container_info", {"engines": ["podman"]})
        wrong = ansible.module("container", {**arguments, "secrets": [{"name": "token", "valeu": SECRET}]})
    for said in (foreseen, real, again):
        assert not said.result["failed"], said.result["msg"]
    assert [foreseen.result[part] for part in ("changed", "plan", "diff")] == [real.result[part] for part in ("changed", "plan", "diff")]
    assert real.result["changed"] and not again.result["changed"] and again.result["plan"] == []
    assert [(each["name"], each["status"]["engine"], each["spec"]["secrets"]) for each in found.result["containers"]] == [
        ("fltest-app", "podman", [{"name": "token", "value": {"keep": True}}])]
    assert wrong.result["failed"] and "valeu" in wrong.result["msg"]
    for said in (foreseen, real, again, found, wrong):
        assert "flotilla" in said.syslog, "the listener heard nothing, so it proves nothing"
        assert_not_in(said.places(), [SECRET])


def test_a_fleet_chooses_podman_prunes_and_says_why(clean: PodmanLab, tmp_path: Path, images: dict[str, str]) -> None:
    def fleet(*guests: dict[str, Any], **more: Any) -> Any:
        said = ansible.module("fleet", {"name": "fltest", "images": [{"name": "tiny", "rootfs": images["tiny"]}], "guests": list(guests), **more},
                              verbosity=0)
        return said.result

    app = {"name": "fltest-app", "engine": "auto", "image": "tiny", "ports": ["127.0.0.1:%d:99" % (PORT + 4)]}
    with syslog() as log:
        ansible = Ansible(tmp_path, log)
        podman("create", "--name", "stranger", podman("import", images["tiny"], "localhost/theirs:1").strip(), "/sbin/init")
        made = fleet(app, {**app, "name": "fltest-old", "ports": ["127.0.0.1:%d:98" % (PORT + 5)]})
        assert not made["failed"], json.dumps(made)
        # What it chose, and why, is part of each guest's result.
        assert [(each["name"], each["engine"], "this host has podman" in each["engine_reason"]) for each in made["results"]] == [
            ("fltest-app", "podman", True), ("fltest-old", "podman", True)]
        assert not fleet(app)["changed"], "one that is declared no more is not touched"
        pruned = fleet(app, prune=True)
        assert not pruned["failed"] and pruned["changed"], pruned
        refused = fleet({"name": "fltest-app", "engine": "podman", "image": "tiny", "cloud_init": {"timezone": "UTC"}})
    assert sorted(podman("ps", "--all", "--format", "{{.Names}}").split()) == ["fltest-app", "stranger"]
    assert refused["failed"] and "guests[0].cloud_init: engine podman has no such option" in refused["msg"]


def test_plays_run_inside_with_exit_codes_and_files(clean: PodmanLab, tmp_path: Path, roomy: str) -> None:
    clean.images["roomy"] = roomy
    clean.must("fltest-app", {**BASE, "image": "roomy", "user": "1000"})
    done = play(tmp_path, {"guest": SHELL}, [
        {"raw": "echo out; echo \"it's \\\"err\\\"\" >&2; exit 7", "register": "r", "failed_when": "r.rc != 7 or r.stdout_lines != ['out']"},
        {"assert": {"that": ["'it\\'s \"err\"' in r.stderr"]}},
        {"raw": "uname -n; id -u", "register": "n", "failed_when": "n.stdout_lines != ['fltest-app', '0']"},
        {"raw": "echo Error: no such container >&2; exit 1", "register": "e", "failed_when": "e.rc != 1"}])
    assert done["rc"] == 0, done["out"]
    content = os.urandom((16 << 20) + 1)
    (tmp_path / "in").write_bytes(content)
    moved = subprocess.run([sys.executable, "-c", TRANSFER, str(tmp_path), "fltest-app", "{}", "podman"], capture_output=True, text=True, check=False)
    assert moved.returncode == 0, moved.stdout + moved.stderr
    assert (tmp_path / "out").read_bytes() == content
    clean.must("fltest-app", {**BASE, "image": "roomy", "user": "1000", "state": "stopped"})
    for name in ("fltest-app", "fltest-nobody"):
        done = play(tmp_path, {"guest": {**SHELL, "flotilla_name": name}}, [{"raw": "true"}])
        assert done["rc"] == 4 and "UNREACHABLE" in done["out"] and "cannot enter the container" in done["out"], done["out"]


def test_the_inventory_has_them_with_their_addresses(clean: PodmanLab, tmp_path: Path) -> None:
    clean.must("fltest-app", {**BASE, "tags": {"role": "web"}})
    shutil.copytree(clean.directory, NOTES, dirs_exist_ok=True)
    (tmp_path / "all.flotilla.yml").write_text("plugin: flotilla.virt.guests\nengines: [podman]\n")
    said = subprocess.run(["ansible-inventory", "-i", str(tmp_path / "all.flotilla.yml"), "--list"], capture_output=True, text=True, check=True)
    found = json.loads(said.stdout)
    assert found["engine_podman"]["hosts"] == ["fltest-app"] == found["tag_role_web"]["hosts"] == found["fleet_shop"]["hosts"], said.stderr
    host = found["_meta"]["hostvars"]["fltest-app"]
    assert (host["ansible_host"], host["ansible_connection"], host["flotilla_engine"]) == (SUBNET + ".21", "flotilla.virt.container", "podman")
    assert host["flotilla_spec"]["nics"][0]["network"] == NETWORK
