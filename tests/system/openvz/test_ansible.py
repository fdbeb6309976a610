# Copyright: (c) 2026, flotilla.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""OpenVZ through real Ansible: modules, inventory and connection, on a node in mount and network namespaces of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
from laws.ansible_run import Ansible, Said, syslog
from laws.planted import assert_not_in
from support.tiny_image import make_image

from .conftest import TEMPLATE, TOOLS
from .test_driver import HASH

pytestmark = pytest.mark.system
DOUBLE = Path(__file__).parents[2] / "vznode"
SHELL = {"ansible_connection": "flotilla.virt.container", "flotilla_engine": "openvz"}
_MAKE = """
import sys
sys.path.insert(0, %r)
from pathlib import Path
from vznode.node import Node
node = Node("/", %d)
node.make()
node.add_template(%r, Path(%r))
"""
_CLEAN = "import sys\nsys.path.insert(0, %r)\nfrom vznode.node import Node\nNode('/', %d).clean()"


class Space:
    """Namespaces in which this machine is an OpenVZ node: its own /etc/vz, /vz and /usr/local/sbin, and no network but its own."""

    def __init__(self, version: int, tarball: Path, programs: Sequence[str] = ("vzctl", "vzlist", "vzpkg")) -> None:
        self.version = version
        script = "mount -t tmpfs x /etc/vz && mount -t tmpfs x /vz && mount -t tmpfs x /usr/local/sbin && " \
                 "ln -s %s /usr/local/sbin && ip link set lo up && echo up && exec sleep infinity" % " ".join(
                     "%s/bin/%s" % (DOUBLE, program) for program in programs)
        self.made = [path for path in ("/etc/vz", "/vz") if not os.path.isdir(path)]
        for path in self.made:
            os.mkdir(path)
        self.holder = subprocess.Popen(  # pylint: disable=consider-using-with
            ["unshare", "-m", "-n", "--propagation", "private", "sh", "-c", script], stdout=subprocess.PIPE)
        assert self.holder.stdout is not None and self.holder.stdout.readline() == b"up\n"
        self.enter = ["nsenter", "-t", str(self.holder.pid), "-m", "-n", "env", f"VZNODE_VERSION={version}",
                      f"PATH=/usr/local/sbin:{os.environ['PATH']}"]
        self.python(_MAKE % (str(DOUBLE.parent), version, TEMPLATE, str(tarball)))

    def python(self, script: str) -> None:
        """Run a script on the node."""
        subprocess.run([*self.enter, sys.executable, "-c", script], check=True)

    def run(self, *argv: str) -> subprocess.CompletedProcess[str]:
        """Run a program on the node."""
        return subprocess.run([*self.enter, *argv], capture_output=True, text=True, check=False)

    def end(self) -> None:
        """Everything on the node ends."""
        try:
            self.python(_CLEAN % (str(DOUBLE.parent), self.version))
        finally:
            self.holder.kill()
            self.holder.wait()
            for path in self.made:
                os.rmdir(path)


@pytest.fixture(scope="module", params=[4, 7])
def space(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Space]:
    """A node, with a template that has what a connection needs of a system."""
    tarball = make_image(tmp_path_factory.mktemp("template"), tools=(*TOOLS, "dd", "chmod", "rm", "mkdir", "test"))
    space = Space(request.param, tarball)
    try:
        yield space
    finally:
        space.end()


def test_modules_inventory_and_connection(space: Space, tmp_path: Path) -> None:
    """Check mode is true, secrets are said nowhere, and the container is entered with exit codes, streams and files."""
    declared: dict[str, Any] = {
        "name": "web1", "engine": "openvz", "image": "web", "images": [{"name": "web", "template": TEMPLATE}], "memory": "128MiB",
        "nics": [{"name": "wan", "type": "venet", "address": "192.0.2.10"}], "root_password": HASH, "tags": {"role": "web"}}
    with syslog() as log:
        ansible = Ansible(tmp_path, log, space.enter)
        said = _assert_modules(ansible, declared) if space.version == 4 else ansible.module("container", declared, verbosity=0)
    assert not said.result.get("failed"), said.result
    _assert_inventory(space, tmp_path)
    _assert_connection(space, tmp_path)


def _assert_modules(ansible: Ansible, declared: Mapping[str, Any]) -> Said:
    foreseen = ansible.module("container", declared, check=True)
    said = ansible.module("container", declared)
    again = ansible.module("container", declared, verbosity=0)
    read = ansible.module("container_info", {"engines": ["openvz"]})
    facts = ansible.module("host_info", {}, verbosity=0)
    assert (foreseen.result["changed"], foreseen.result["plan"]) == (said.result["changed"], said.result["plan"])
    assert again.result["changed"] is False and again.result["host_ready"] is True
    for run in (foreseen, said, read):
        assert_not_in(run.places(), [HASH])
    assert [item["name"] for item in read.result["containers"]] == ["web1"]
    assert facts.result["engines"]["openvz"]["present"] is True
    return said


def inventory_of(space: Space, tmp_path: Path, variables: Mapping[str, Any]) -> Any:
    """What the inventory plugin says on the node."""
    (tmp_path / "guests.flotilla.yml").write_text(json.dumps({"plugin": "flotilla.virt.guests", **variables}))
    done = space.run("ansible-inventory", "-i", str(tmp_path / "guests.flotilla.yml"), "--list")
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def _assert_inventory(space: Space, tmp_path: Path) -> None:
    found = inventory_of(space, tmp_path, {"hosts": ["localhost"], "engines": ["openvz"], "python": sys.executable})
    variables = found["_meta"]["hostvars"]["web1"]
    assert variables["flotilla_engine"] == "openvz" and variables["ansible_connection"] == "flotilla.virt.container"
    assert variables["ansible_host"] == "192.0.2.10" and "web1" in found["engine_openvz"]["hosts"] and "web1" in found["tag_role_web"]["hosts"]


TRANSFER = """
import sys
from ansible.errors import AnsibleConnectionFailure
from ansible.plugins.loader import connection_loader, init_plugin_loader
from ansible.playbook.play_context import PlayContext
place = sys.argv[1]
init_plugin_loader()
def connect(name):
    connection = connection_loader.get("flotilla.virt.container", PlayContext(), ansible_playbook_pid="1", task_uuid="1")
    connection._host_vars = {}
    connection.set_options(var_options={"flotilla_name": name, "flotilla_engine": sys.argv[2]})
    return connection
connection = connect("web1")
path = "/root/it's a \\"file\\" $(id)"
connection.put_file(place + "/in", path)
connection.fetch_file(path, place + "/out")
assert connection.exec_command("exit 3")[0] == 3
# A code that the engine's own command has too is the command's own where the container runs.
for own in (31, 253, 255):
    assert connection.exec_command("exit %d" % own)[0] == own
assert connection.exec_command("cat", in_data=b"piped\\n")[1] == b"piped\\n"
code, out, err = connection.exec_command("echo $HOME; echo wrong >&2; exit 14")
assert (code, out, err) == (14, b"/root\\n", b"wrong\\n"), (code, out, err)
connection.close()
for name in ("nosuch", "stopped"):
    try:
        connect(name).exec_command("true")
    except AnsibleConnectionFailure as error:
        assert "cannot enter the container " + name in str(error)
    else:
        raise AssertionError(name)
"""


def _assert_connection(space: Space, tmp_path: Path) -> None:
    content = bytes(range(256)) * 5000
    (tmp_path / "in").write_bytes(content)
    made = space.run("vzctl", "create", "150", "--ostemplate", TEMPLATE, "--name", "stopped")
    assert made.returncode == 0, made.stderr
    done = space.run(sys.executable, "-c", TRANSFER, str(tmp_path), "openvz")
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "out").read_bytes() == content


def test_a_fleet_with_a_container_of_openvz(space: Space, tmp_path: Path) -> None:
    """The fleet module places it by its engine, and finds the template of the declared image."""
    fleet: dict[str, Any] = {"name": "shop", "host": "node", "images": [{"name": "web", "template": TEMPLATE}], "guests": [
        {"name": "fl-web", "count": 2, "engine": "openvz", "image": "web", "memory": "128MiB", "state": "stopped"}]}
    with syslog() as log:
        ansible = Ansible(tmp_path, log, space.enter)
        said = ansible.module("fleet", fleet, verbosity=0)
        again = ansible.module("fleet", fleet, verbosity=0)
    assert not said.result.get("failed"), said.result.get("msg")
    assert [(item["name"], item["engine"], item["changed"]) for item in said.result["results"] if item["kind"] == "container"] == [
        ("fl-web-1", "openvz", True), ("fl-web-2", "openvz", True)]
    assert again.result["changed"] is False


def play_role(space: Space, tmp_path: Path, role: str = "openvz_host", **variables: Any) -> subprocess.CompletedProcess[str]:
    """Run a role on the node."""
    play = [{"hosts": "localhost", "gather_facts": False, "roles": [{"role": "flotilla.virt." + role, "vars": variables}]}]
    (tmp_path / "role.yml").write_text(json.dumps(play))
    return space.run("ansible-playbook", "-i", "localhost,", "-c", "local", "-e", f"ansible_python_interpreter={sys.executable}", str(tmp_path / "role.yml"))


def test_the_role(space: Space, tmp_path: Path) -> None:
    """Version 4 works on this kernel; version 7 does not, and the role says why. Nothing is installed."""
    wanted = {"openvz_host_templates": [TEMPLATE], "openvz_host_defaults": {"DEF_OSTEMPLATE": TEMPLATE, "CONFIGFILE": "vswap-1g"}}
    first = play_role(space, tmp_path, **wanted)
    if space.version == 7:
        assert first.returncode != 0 and "no OpenVZ kernel" in first.stdout and "which this role does not install" in first.stdout
        return
    assert first.returncode == 0 and "changed=1" in first.stdout, first.stdout
    text = space.run("cat", "/etc/vz/vz.conf").stdout
    assert f'DEF_OSTEMPLATE="{TEMPLATE}"' in text and 'CONFIGFILE="vswap-1g"' in text and "LOCKDIR=/vz/lock" in text
    again = play_role(space, tmp_path, **wanted)
    assert "changed=0" in again.stdout, again.stdout
    missing = play_role(space, tmp_path, openvz_host_templates=[TEMPLATE, "absent-1"])
    assert missing.returncode != 0 and "absent-1 not on this node" in missing.stdout
    (tmp_path / "role.yml").rename(tmp_path / "good.yml")
    bad = play_role(space, tmp_path, openvz_host_defaults={"DEF_OSTEMPLATE": "$(id)"})
    assert bad.returncode != 0 and "which root's shell reads" in bad.stdout
    without = space.run("ansible-playbook", "-i", "localhost,", "-c", "local", "-e", "ansible_python_interpreter=/nonexistent/python3",
                        str(tmp_path / "good.yml"))
    assert without.returncode != 0 and "has no Python 3.8 or later" in without.stdout, without.stdout
