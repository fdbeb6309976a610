# Copyright: (c) 2026, flotilla.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""`transport: command` through real Ansible and a real sshd of the abilities of OpenSSH 5.3, on a node that has no Python at all.

The node is `vznode.bare` (see test_command_driver.py), and `vznode.old_ssh` is its sshd. Ansible runs outside, and reaches it over SSH
alone.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from laws.ansible_run import Ansible, syslog
from laws.planted import assert_not_in
from support.tiny_image import make_image
from vznode.bare import BareNode
from vznode.call import log_of
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
    shown = re.findall(r'"invocation": \{\s*"module_args": \{([^}]*)\}', said.output)
    assert [re.sub(r"\s", "", text) for text in shown if "web1" in text] == ['"name":"web1"'], said.output
    assert "COMMAND vzctl create" in said.output and HASH in (private / "etc/shadow").read_text()
    assert not list((reached.node.root / "var/lock").glob("*.lease"))


FLEET: dict[str, Any] = {"name": "shop", "host": "node", "transport": "command", "images": [{"name": "web", "template": TEMPLATE}], "guests": [
    {"name": "fl-web", "count": 2, "engine": "auto", "image": "web", "memory": "128MiB", "state": "stopped"}]}


Task = tuple[str, dict[str, Any], dict[str, Any]]


def _results(tmp_path: Path, inventory: dict[str, Any], *tasks: Task) -> list[dict[str, Any]]:
    """What each task returned, all in one play: module, its options, the task's own keywords."""
    (tmp_path / "hosts.json").write_text(json.dumps({"all": {"hosts": {"node": inventory}}}))
    book = [{"name": f"Task {index}", "flotilla.virt." + module: options, "register": f"said{index}", "ignore_errors": True,
             "ignore_unreachable": True, **keywords}
            for index, (module, options, keywords) in enumerate(tasks)]
    kept = {"ansible.builtin.copy": {"content": "{{ [%s] | to_json }}" % ", ".join(f"said{index}" for index in range(len(tasks))),
                                     "dest": str(tmp_path / "results.json"), "mode": "0600"},
            "check_mode": False, "delegate_to": "localhost", "vars": {"ansible_connection": "local"}, "no_log": True}
    (tmp_path / "many.yml").write_text(json.dumps([{"hosts": "node", "gather_facts": False, "tasks": [*book, kept]}]))
    done = subprocess.run(["ansible-playbook", "-i", str(tmp_path / "hosts.json"), str(tmp_path / "many.yml"), "-vvv"],
                          capture_output=True, text=True, check=False)
    assert (tmp_path / "results.json").exists(), done.stdout + done.stderr
    assert_not_in({"output": done.stdout + done.stderr}, [HASH])
    found: list[dict[str, Any]] = json.loads((tmp_path / "results.json").read_text())
    return found


def test_a_fleet(reached: Reached, tmp_path: Path) -> None:
    """Guests are decided, made, unchanged the next time, and pruned; what needs libvirt or Python there is an error with its place."""
    said, again, kvm, net, uri, pruned = _results(tmp_path, reached.ssh.variables(), *(("fleet", {**FLEET, **more}, {}) for more in (
        {}, {}, {"guests": [*FLEET["guests"], {"name": "vm", "disk": "1GiB"}]},
        {"networks": [{"name": "lab", "mode": "nat", "subnet": "10.30.0.0/24"}]}, {"uri": "qemu:///system"},
        {"prune": True, "guests": [{**FLEET["guests"][0], "count": 1}]})))
    assert not said["failed"], said["msg"]
    assert [(item["name"], item["engine"], item["changed"]) for item in said["results"] if item["status"] != "orphaned"] == [
        ("fl-web-1", "openvz", True), ("fl-web-2", "openvz", True)]
    assert again["changed"] is False
    assert "guests[1]" in kvm["msg"] and "transport: command is set for this host" in kvm["msg"], kvm
    assert "networks[0]: needs libvirt on this host (with transport: command" in net["msg"]
    assert "uri: with transport: command" in uri["msg"]
    assert [item["name"] for item in pruned["results"] if item["status"] == "removed"] == ["fl-web-2"]


def test_what_cannot_be_is_refused_before_anything_is_touched(reached: Reached, tmp_path: Path) -> None:
    """An engine that needs Python there, async, a wrong option, a wrong declaration."""
    before = len(log_of(reached.node))
    lxc, podman, info, asynchronous, option, size, transport = _results(
        tmp_path, reached.ssh.variables(), ("container", {**DECLARED, "engine": "lxc"}, {}), ("container", {**DECLARED, "engine": "podman"}, {}),
        ("container_info", {"engines": ["lxc"], "transport": "command"}, {}), ("container", DECLARED, {"async": 10, "poll": 1}),
        ("container", {**DECLARED, "memori": "1GiB"}, {}), ("container", {**DECLARED, "memory": "128"}, {}),
        ("container", {**DECLARED, "transport": "telepathy"}, {"delegate_to": "localhost", "vars": {
            "ansible_connection": "local", "ansible_python_interpreter": sys.executable}}))
    assert "engine: engine lxc cannot be driven with transport: command" in lxc["msg"] and "engine podman cannot be driven" in podman["msg"]
    assert "engines: engine lxc cannot be driven" in info["msg"]
    assert "Leave async out" in asynchronous["msg"] and "memori" in option["msg"]
    assert size["problems"][0]["path"] == "memory.size"
    assert "value of transport must be one of" in transport["msg"]
    assert {tuple(entry["argv"]) for entry in log_of(reached.node)[before:]} <= {("vzctl", "--version")}


def test_a_module_on_its_host_is_run_as_ever(reached: Reached, tmp_path: Path) -> None:
    """With `transport: module` the tasks are Ansible's own runs of a module: async, delegated, in check mode, with its own check of options."""
    here = {"delegate_to": "localhost", "vars": {"ansible_connection": "local", "ansible_python_interpreter": sys.executable}}
    plain, later, check, wrong = _results(
        tmp_path, reached.ssh.variables(), ("container_info", {"engines": ["openvz"]}, here),
        ("container_info", {"engines": ["openvz"], "transport": "module"}, {**here, "async": 60, "poll": 1}),
        ("fleet", {"name": "none", "guests": [{"name": "x", "state": "absent", "engine": "openvz"}]}, {**here, "check_mode": True}),
        ("container", {**DECLARED, "transport": "module", "memori": 1}, here))
    assert plain["containers"] == [] and plain["changed"] is False
    assert later["containers"] == [] and later["finished"] == 1
    assert check["plan_id"] and check["changed"] is False
    assert wrong["failed"] and "memori" in wrong["msg"]


def test_an_unreachable_node_is_unreachable(reached: Reached, tmp_path: Path) -> None:
    """With the reason why, as for any module."""
    said, = _results(tmp_path, reached.ssh.variables("-o ControlPath=none"), ("container", DECLARED, {}))
    assert said["unreachable"] is True and "no matching key exchange method" in said["msg"]


def test_become(reached: Reached, tmp_path: Path) -> None:
    """Another user than root needs it, and is told so; with it nothing else differs."""
    without, said = _results(tmp_path, {**reached.ssh.variables(), "ansible_user": "ops"}, ("container", DECLARED, {}),
                             ("container", DECLARED, {"become": True}))
    assert without["failed"] and "become: true" in without["msg"], without
    assert said["changed"] is False and not said["failed"], said


def _inventory(reached: Reached, tmp_path: Path, **options: Any) -> dict[str, Any]:
    (tmp_path / "10-hosts.json").write_text(json.dumps({"all": {"hosts": {"node": {**reached.ssh.variables(), "fleet_transport": "command"}}}}))
    (tmp_path / "20-guests.flotilla.yml").write_text(json.dumps({"plugin": "flotilla.virt.guests", "hosts": ["node"], **options}))
    done = subprocess.run(["ansible-inventory", "-i", str(tmp_path / "10-hosts.json"), "-i", str(tmp_path / "20-guests.flotilla.yml"), "--list"],
                          capture_output=True, text=True, check=True, env={**os.environ, "ANSIBLE_INVENTORY_ANY_UNPARSED_IS_FAILED": "false"})
    found: dict[str, Any] = json.loads(done.stdout)
    return {**found, "warnings": done.stderr}


CONTENT = bytes(range(256)) * 5000


def test_inventory_and_connection(reached: Reached, tmp_path: Path) -> None:
    """Guests are read, and a container is entered: commands with exit codes and input, files there and back."""
    found = _inventory(reached, tmp_path, engines=["kvm", "openvz"])
    variables = found["_meta"]["hostvars"]["web1"]
    assert (variables["ansible_connection"], variables["flotilla_host"]) == ("flotilla.virt.container", "node")
    assert "web1" in found["tag_role_web"]["hosts"]
    assert "only those of openvz can be read" in _inventory(reached, tmp_path, engines=["lxc"])["warnings"]
    _inventory(reached, tmp_path, engines=["openvz"])
    (tmp_path / "in").write_bytes(CONTENT)
    path = "/root/it's a \"file\" $(id)"
    play = [{"hosts": "web1", "gather_facts": False, "tasks": [
        {"name": "Run", "ansible.builtin.raw": "echo $HOME $(hostname); exit 3", "register": "ran",
         "failed_when": "ran.rc != 3 or '/root web1' not in ran.stdout"},
        {"name": "Script", "ansible.builtin.script": {"cmd": str(tmp_path / "script.sh")}, "register": "script",
         "failed_when": "'from the file' not in script.stdout"}]}]
    (tmp_path / "script.sh").write_text("#!/bin/sh\necho from the file\n")
    (tmp_path / "play.yml").write_text(json.dumps(play))
    sources = ["-i", str(tmp_path / "10-hosts.json"), "-i", str(tmp_path / "20-guests.flotilla.yml")]
    done = subprocess.run(["ansible-playbook", *sources, str(tmp_path / "play.yml")], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    transfer = [sys.executable, "-c", TRANSFER, json.dumps({**reached.ssh.variables()}), str(tmp_path), path]
    done = subprocess.run(transfer, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "out").read_bytes() == CONTENT


TRANSFER = """
import json, sys
from ansible.plugins.loader import connection_loader, init_plugin_loader
from ansible.playbook.play_context import PlayContext
init_plugin_loader()
connection = connection_loader.get("flotilla.virt.container", PlayContext(), ansible_playbook_pid="1", task_uuid="1")
connection._host_vars = json.loads(sys.argv[1])
connection.set_options(var_options={"flotilla_name": "web1", "flotilla_engine": "openvz", "flotilla_host": "node"})
place, path = sys.argv[2:]
connection.put_file(place + "/in", path)
connection.fetch_file(path, place + "/out")
assert connection.exec_command("exit 31")[0] == 31
code, out, err = connection.exec_command("cat; echo wrong >&2; exit 14", in_data=b"piped\\n")
assert (code, out, err) == (14, b"piped\\n", b"wrong\\n"), (code, out, err)
connection.close()
"""


def _play_role(reached: Reached, tmp_path: Path, *options: str, **variables: Any) -> str:
    play = [{"hosts": "node", "gather_facts": False, "roles": [{"role": "flotilla.virt.openvz_host", "vars": variables}]}]
    (tmp_path / "role.yml").write_text(json.dumps(play))
    (tmp_path / "hosts.json").write_text(json.dumps({"all": {"hosts": {"node": reached.ssh.variables()}}}))
    return subprocess.run(["ansible-playbook", "-i", str(tmp_path / "hosts.json"), str(tmp_path / "role.yml"), *options],
                          capture_output=True, text=True, check=False).stdout


def test_the_role(reached: Reached, tmp_path: Path) -> None:
    """Without Python it says what to do; with the variable of that name it does all that it does elsewhere."""
    conf = reached.node.etc / "vz.conf"
    before = conf.read_text()
    wanted = {"openvz_host_templates": [TEMPLATE], "openvz_host_defaults": {"DEF_OSTEMPLATE": TEMPLATE, "IPV6": "no"}}
    assert "set the variable fleet_transport to command" in _play_role(reached, tmp_path, **wanted).replace("\n", " ").replace("  ", " ")
    wanted["fleet_transport"] = "command"
    said = _play_role(reached, tmp_path, "--check", **wanted)
    assert "changed=1" in said and conf.read_text() == before, said
    said = _play_role(reached, tmp_path, **wanted)
    assert "changed=1" in said and "failed=0" in said, said
    assert conf.read_text() == before.replace('DEF_OSTEMPLATE="debian-12-x86_64"', f'DEF_OSTEMPLATE="{TEMPLATE}"') + 'IPV6="no"\n'
    assert "changed=0" in _play_role(reached, tmp_path, **wanted)
    assert "absent-1 not on this node" in _play_role(reached, tmp_path, **{**wanted, "openvz_host_templates": [TEMPLATE, "absent-1"]})
    program = reached.node.root / "usr/sbin/vzctl"
    program.rename(program.with_name("away"))
    try:
        assert "OpenVZ is not installed" in _play_role(reached, tmp_path, **wanted)
    finally:
        program.with_name("away").rename(program)


def test_the_role_fleet(reached: Reached, tmp_path: Path) -> None:
    """The variable of the host is all that it takes."""
    (tmp_path / "hosts.json").write_text(json.dumps({"all": {"hosts": {"node": {**reached.ssh.variables(), "fleet_transport": "command"}}}}))
    declared = {"name": "small", "images": FLEET["images"], "guests": [{**FLEET["guests"][0], "name": "role-web", "count": 1}]}
    (tmp_path / "vars.json").write_text(json.dumps({"fleet": declared}))
    (tmp_path / "play.yml").write_text(json.dumps([{"hosts": "node", "gather_facts": False, "roles": ["flotilla.virt.fleet"]}]))
    argv = ["ansible-playbook", "-i", str(tmp_path / "hosts.json"), str(tmp_path / "play.yml"), "-e", f"@{tmp_path}/vars.json"]
    for changed in ("changed=1", "changed=0"):
        done = subprocess.run(argv, capture_output=True, text=True, check=False)
        assert done.returncode == 0 and changed in done.stdout, done.stdout + done.stderr


def test_a_hundred_containers_cost_a_few_questions(reached: Reached, tmp_path: Path) -> None:
    """Their number does not matter: everything is read in bulk."""
    count = {}
    with syslog() as log:
        ansible = Ansible(tmp_path, log, inventory=reached.ssh.variables())
        for number in (1, 100):
            _by_hand(reached, number)
            said = ansible.module("container_info", {"transport": "command"})
            assert len([item for item in said.result["containers"] if item["name"].startswith("many")]) == number
            count[number] = said.output.count("eval \"$(head -c")
    assert count[1] == count[100] <= 8, count


def _by_hand(reached: Reached, number: int) -> None:
    """So many containers as an administrator has made them, without unpacking a template for each."""
    sample = (reached.node.etc / "conf/ve-vswap-256m.conf-sample").read_text()
    for index in range(number):
        ident = str(5000 + index)
        (reached.node.etc / f"conf/{ident}.conf").write_text(sample + f'NAME="many{index}"\nOSTEMPLATE="{TEMPLATE}"\n')
        reached.node.private(ident).mkdir(exist_ok=True)
