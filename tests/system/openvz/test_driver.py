# Copyright: (c) 2026, flotilla.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The driver against the contract double, version 4 and 7, through the one laws harness."""

from __future__ import annotations

import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from laws import laws, planted
from laws.openvz_lab import OpenvzLab, settled
from vznode.node import Node

from ansible_collections.flotilla.virt.plugins.module_utils._containers import locked
from ansible_collections.flotilla.virt.plugins.module_utils._containers.openvz.declare import LEAST_MEMORY

from .conftest import TEMPLATE

pytestmark = pytest.mark.system
Lab = OpenvzLab
Raw = dict[str, Any]

BASE: Raw = {"image": TEMPLATE, "memory": {"size": "128MiB", "swap": "64MiB"}, "cpus": {"count": 1, "limit": "0.5", "shares": 500},
             "disk": {"size": "1GiB", "inodes": 100000}, "hostname": "web1.example.com", "dns": ["192.0.2.53"],
             "search": ["example.com"], "nics": [{"name": "wan", "type": "venet", "address": "192.0.2.10"}],
             "autostart": True, "tags": {"role": "web"}}
SMALL: Raw = {"image": TEMPLATE, "memory": {"size": "128MiB", "swap": "64MiB"}}
HASH = "$6$saltsalt$0123456789abcdefPLANTED"


@pytest.fixture(params=[4, 7])
def lab(request: pytest.FixtureRequest, make_node: Callable[..., Node]) -> Lab:
    """A lab on an empty node of each version."""
    return OpenvzLab(make_node(request.param))


@pytest.fixture
def lab4(make_node: Callable[..., Node]) -> Lab:
    """A lab on an empty node of version 4."""
    return OpenvzLab(make_node(4))


def edited(**changes: Any) -> Raw:
    """The base declaration with some options said otherwise; None takes one away."""
    return {name: value for name, value in {**BASE, **changes}.items() if value is not None}


def test_a_container_is_made_and_the_second_run_changes_nothing(lab: Lab) -> None:
    result = laws.converge(lab, "web1", BASE)
    assert result.pending == []
    settings = lab.config("web1")
    assert settings["NAME"] == "web1" and settings["ONBOOT"] == "yes" and settings["IP_ADDRESS"] == "192.0.2.10"
    assert settings["PHYSPAGES"] == ("0:32768" if lab.node.version == 4 else "32768:32768")
    assert lab.inside("web1", "hostname") == "web1.example.com"
    assert "192.0.2.10/32" in lab.inside("web1", "ip", "-o", "addr")
    assert "nameserver 192.0.2.53" in lab.inside("web1", "cat", "/etc/resolv.conf")


# -- every option -----------------------------------------------------------------------------------------------------

# Option, two values of it, and what taking it back leaves in the spec ("kept": the second value).
CASES: list[tuple[str, Raw, Raw, Any]] = [
    ("cpus.count", {"cpus": {"count": 1}}, {"cpus": {"count": 2}}, "kept"),
    ("cpus.limit", {"cpus": {"limit": "0.5"}}, {"cpus": {"limit": "150%"}}, None),
    ("cpus.shares", {"cpus": {"shares": 500}}, {"cpus": {"shares": 2000}}, 1000),
    ("cpus.cpuset", {"cpus": {"cpuset": "0"}}, {"cpus": {"cpuset": "0-1"}}, None),
    ("memory.size", {"memory": "128MiB"}, {"memory": "192MiB"}, "kept"),
    ("memory.swap", {"memory": {"swap": "64MiB"}}, {"memory": {"swap": "0B"}}, "0B"),
    ("disks.size", {"disk": "3GiB"}, {"disk": "4GiB"}, "kept"),
    ("disks.inodes", {"disk": {"inodes": 200000}}, {"disk": {"inodes": 300000}}, "kept"),
    ("io.limit", {"io": {"limit": "10MiB"}}, {"io": {"limit": "512KiB"}}, "0B"),
    ("io.iops", {"io": {"iops": 500}}, {"io": {"iops": 100}}, 0),
    ("io.priority", {"io": {"priority": 7}}, {"io": {"priority": 0}}, 4),
    ("hostname", {"hostname": "a.example.com"}, {"hostname": "b.example.com"}, None),
    ("dns", {"dns": ["192.0.2.53"]}, {"dns": ["192.0.2.54", "2001:db8::53"]}, None),
    ("search", {"search": ["example.com"]}, {"search": ["a.example", "b.example"]}, None),
    ("autostart", {"autostart": True}, {"autostart": False}, False),
    ("boot_order", {"boot_order": 5}, {"boot_order": 0}, None),
    ("tags", {"tags": {"role": "web"}}, {"tags": {"role": "db", "tier": "gold"}}, None),
    ("container_features", {"container_features": {"nfs": True}}, {"container_features": {"sit": True, "nfs": False}}, None),
]


def at(spec: Any, path: str) -> Any:
    """The value at a path of a rendered spec; of the disks that of the only one."""
    for part in path.split("."):
        spec = spec[0] if isinstance(spec, list) and part not in ("0",) else spec
        spec = (spec or {}).get(part)
    return spec


@pytest.mark.parametrize("state", ["stopped", "running"])
def test_every_option_is_set_changed_and_taken_back(lab: Lab, state: str) -> None:
    """One container for all of them: making one costs more than what is done to it."""
    base = {"image": TEMPLATE, "state": state}
    laws.converge(lab, "web1", base)
    for case in CASES:
        _set_change_take_back(lab, base, *case)


def _set_change_take_back(lab: Lab, base: Raw, path: str, first: Raw, second: Raw, left: Any) -> None:
    state = base["state"]
    init = lab.init("web1") if state == "running" else None
    for declared in (first, second):
        result = laws.converge(lab, "web1", {**base, **declared})
        assert len(result.plan) <= 1, result.plan
    value = at(lab.spec("web1"), path)
    result = laws.converge(lab, "web1", base)
    assert at(lab.spec("web1"), path) == (value if left == "kept" else left)
    assert (result.plan == []) == (left == "kept" or left == value or (path == "autostart")), result.plan
    if state == "running":
        assert lab.init("web1") == init
    assert set(lab.config("web1")) >= {"NAME", "OSTEMPLATE"}


def test_every_row_has_a_case() -> None:
    """An option that the table has and no test exercises."""
    from ansible_collections.flotilla.virt.plugins.module_utils._containers.openvz import table  # pylint: disable=import-outside-toplevel
    assert {row.pattern.replace("[]", "") for row in table.ROWS} <= {case[0] for case in CASES}


def test_capabilities_of_version_4(lab4: Lab) -> None:
    laws.converge(lab4, "web1", {**SMALL, "capabilities": {"add": ["SYS_TIME"], "drop": ["NET_RAW"]}})
    assert lab4.config("web1")["CAPABILITY"] == "NET_RAW:off,SYS_TIME:on"
    result = laws.converge(lab4, "web1", {**SMALL, "capabilities": {"add": ["CAP_NET_ADMIN"]}})
    assert set(laws.pendings(result)) == {"capabilities.add", "capabilities.drop"}
    laws.converge(lab4, "web1", {**SMALL, "on_change": "restart"})
    assert "capabilities" not in lab4.spec("web1") and not lab4.apply("web1", SMALL).pending


# -- live and restart -------------------------------------------------------------------------------------------------

def test_a_running_container_is_resized_and_its_connections_stay_open(lab: Lab) -> None:
    """Memory, CPUs, disk, addresses, host name and DNS change while init goes on and a TCP connection stays open."""
    laws.converge(lab, "web1", edited())
    init = lab.init("web1")
    before = lab.power(lab.ident("web1"))
    with Connection(lab, "web1", "192.0.2.10") as connection:
        connection.say("before")
        result = laws.converge(lab, "web1", edited(
            memory={"size": "192MiB", "swap": "0B"}, cpus={"count": 2, "limit": "1.5", "shares": 900}, disk={"size": "2GiB", "inodes": 200000},
            hostname="web2.example.com", dns=["192.0.2.54"],
            nics=[{"name": "wan", "type": "venet", "address": ["192.0.2.10", "192.0.2.11", "2001:db8::11"]}]))
        connection.say("after")
    assert result.pending == [] and {entry["impact"] for entry in result.plan} == {"live"}
    assert lab.init("web1") == init
    assert "limit 32768" in before and "limit 49152" in lab.power(lab.ident("web1"))
    assert lab.inside("web1", "hostname") == "web2.example.com"
    assert "nameserver 192.0.2.54" in lab.inside("web1", "cat", "/etc/resolv.conf")
    inside = lab.inside("web1", "ip", "-o", "addr")
    assert "192.0.2.11/32" in inside and "2001:db8::11/128" in inside


class Connection:
    """A TCP connection from the node into a container, which answers each line with itself."""

    def __init__(self, lab: Any, name: str, address: str) -> None:
        self.lab, self.address = lab, address
        self.server = subprocess.Popen(  # pylint: disable=consider-using-with
            ["nsenter", "-t", str(lab.init(name)[0]), "-n", "python3", "-c",
             "import socket\ns=socket.create_server(('0.0.0.0', 7))\nprint('up', flush=True)\nc,_=s.accept()\n"
             "while True:\n d=c.recv(99)\n if not d: break\n c.sendall(d)"], stdout=subprocess.PIPE)
        assert self.server.stdout is not None and self.server.stdout.readline() == b"up\n"
        self.client = subprocess.Popen(  # pylint: disable=consider-using-with
            [*lab.node.host_network, "python3", "-c",
             "import socket,sys\ns=socket.create_connection((%r, 7), 20)\ns.settimeout(20)\nfor line in sys.stdin:\n"
             " s.sendall(line.encode()); print(s.recv(99).decode(), end='', flush=True)" % address],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def __enter__(self) -> Connection:
        return self

    def say(self, word: str) -> None:
        """Send a word and have it back."""
        assert self.client.stdin is not None and self.client.stdout is not None
        self.client.stdin.write(word + "\n")
        self.client.stdin.flush()
        assert self.client.stdout.readline().strip() == word

    def __exit__(self, *_error: Any) -> None:
        for process in (self.client, self.server):
            process.kill()
            process.wait()


def test_what_waits_for_a_restart_is_pending_in_every_run_until_then(lab: Lab) -> None:
    laws.converge(lab, "web1", SMALL)
    want = {**SMALL, "container_features": {"nfs": True}}
    result = laws.converge(lab, "web1", want)
    assert laws.entries(result)["container_features"][2] == "restart"
    assert laws.pendings(result)["container_features"][:2] == (None, {"nfs": True})
    assert lab.apply("web1", want).pending == result.pending
    init = lab.init("web1")
    result = laws.converge(lab, "web1", {**want, "on_change": "restart"})
    assert laws.entries(result)["container_features"][2] == "restart" and result.pending == []
    assert lab.init("web1") != init
    assert lab.apply("web1", want).pending == []


def test_a_restart_by_hand_ends_what_is_pending(lab: Lab) -> None:
    laws.converge(lab, "web1", SMALL)
    laws.converge(lab, "web1", {**SMALL, "container_features": {"nfs": True}})
    lab.vzctl("restart", lab.ident("web1"))
    assert lab.apply("web1", {**SMALL, "container_features": {"nfs": True}}).pending == []


def test_defer_leaves_the_running_container_alone(lab: Lab) -> None:
    laws.converge(lab, "web1", BASE)
    before = lab.power(lab.ident("web1"))
    want = edited(on_change="defer", memory={"size": "192MiB", "swap": "64MiB"}, hostname="later.example.com",
                  nics=[{"name": "wan", "type": "venet", "address": "192.0.2.10"}, {"name": "lan", "bridge": "br0"}])
    result = laws.converge(lab, "web1", want)
    assert {entry["impact"] for entry in result.plan} <= {"restart", "live"}
    assert lab.power(lab.ident("web1")) == before
    assert "memory.size" in laws.pendings(result)
    settings = lab.config("web1")
    assert settings["HOSTNAME"] == "later.example.com" and "bridge=br0" in settings["NETIF"]


def test_somebodys_live_change_is_seen_and_taken_back(lab: Lab) -> None:
    laws.converge(lab, "web1", BASE)
    lab.vzctl("set", lab.ident("web1"), "--ram", "96M")
    result = lab.apply("web1", BASE)
    # Only the kernel gives memory up, so it is asked for again, and that is no change.
    assert not result.failed and not result.changed and "memory.size" in laws.pendings(result)
    assert "limit 32768" in lab.power(lab.ident("web1")) and lab.apply("web1", BASE).pending == []


def test_power(lab: Lab) -> None:
    laws.live_through(lab, "web1", [{**BASE, "state": "stopped"}, {**BASE, "state": "running"}, {**BASE, "state": "present"},
                                    {**BASE, "state": "stopped"}])
    assert lab.power(lab.ident("web1")) == "stopped"


def test_one_that_went_by_itself_is_started_again(lab: Lab) -> None:
    """A guest that powers itself off stays mounted until its next start."""
    laws.converge(lab, "web1", SMALL)
    pid = lab.init("web1")[0]
    subprocess.run(["kill", str(pid)], check=True)
    deadline = time.monotonic() + 20
    while lab.node.init(lab.ident("web1")):
        assert time.monotonic() < deadline
        time.sleep(0.01)
    assert lab.power(lab.ident("web1")) == "mounted"
    laws.converge(lab, "web1", {**SMALL, "state": "running"})
    assert lab.power(lab.ident("web1")).startswith("running")


def test_a_container_that_does_not_stop(lab: Lab) -> None:
    lab.templates["stubborn"] = "stubborn-1-x86_64"
    declared = {"image": "stubborn", "memory": {"size": "128MiB", "swap": "0B"}}
    lab.must("web1", declared)
    result = lab.apply("web1", {**declared, "state": "stopped", "stop_timeout": 1})
    assert result.failed and "force_stop" in result.msg and lab.power(lab.ident("web1")).startswith("running")
    lab.must("web1", {**declared, "state": "stopped", "stop_timeout": 1, "force_stop": True})
    assert lab.power(lab.ident("web1")) == "stopped"


# -- interfaces -------------------------------------------------------------------------------------------------------

def test_interfaces_come_and_go_on_the_running_container(lab: Lab) -> None:
    laws.converge(lab, "web1", SMALL)
    init = lab.init("web1")
    lan, wan = {"name": "lan", "bridge": "br0"}, {"name": "wan", "type": "venet", "address": "192.0.2.10"}
    laws.converge(lab, "web1", {**SMALL, "nics": [lan]})
    assert "eth0" in lab.inside("web1", "ip", "-o", "link")
    laws.converge(lab, "web1", {**SMALL, "nics": [lan, wan, {"name": "back", "network": "lab"}]})
    assert "eth1" in lab.inside("web1", "ip", "-o", "link") and "bridge=br1" in lab.config("web1")["NETIF"]
    laws.converge(lab, "web1", {**SMALL, "nics": [{**lan, "mac": "52:54:00:11:22:33"}, {"name": "back", "network": "prod"}]})
    assert "52:54:00:11:22:33" in lab.inside("web1", "ip", "-o", "link") and "192.0.2.10" not in lab.inside("web1", "ip", "-o", "addr")
    laws.converge(lab, "web1", SMALL)
    assert "eth0" not in lab.inside("web1", "ip", "-o", "link") and "eth1" not in lab.inside("web1", "ip", "-o", "link")
    assert lab.init("web1") == init


def test_an_address_is_added_before_the_old_one_goes_and_one_that_is_there_is_not_touched(lab: Lab) -> None:
    laws.converge(lab, "web1", edited(nics=[{"name": "wan", "type": "venet", "address": ["192.0.2.10", "192.0.2.11"]}]))
    start = len(lab.calls())
    lab.must("web1", edited(nics=[{"name": "wan", "type": "venet", "address": ["192.0.2.11", "192.0.2.12"]}]))
    sent = [argv for argv in lab.calls()[start:] if argv[1] == "set"]
    assert [argv[3:5] for argv in sent] == [["--ipadd", "192.0.2.12"], ["--ipdel", "192.0.2.10"]]


# -- adoption ---------------------------------------------------------------------------------------------------------

def by_hand(lab: Lab, ident: str = "150", name: str = "legacy", **options: str) -> str:
    """A container as an administrator makes it."""
    words = [word for key, value in options.items() for word in ("--" + key, value)]
    lab.vzctl("create", ident, "--ostemplate", TEMPLATE, "--name", name, *words)
    return ident


def test_any_container_is_adopted_by_its_own_spec(lab: Lab) -> None:
    ident = by_hand(lab, ipadd="192.0.2.20", hostname="old.example.com")
    lab.vzctl("set", ident, "--netif_add", "eth0,00:18:51:AA:BB:01,veth150.0,00:18:51:AA:BB:02,br0", "--save")
    lab.vzctl("set", ident, "--description", "by hand", "--features", "nfs:on", "--nameserver", "inherit", "--save")
    lab.vzctl("start", ident)
    laws.assert_adoption(lab, "legacy")
    config = lab.node.config(ident)
    assert config is not None and config.values["DESCRIPTION"] == "by hand" and config.values["NAMESERVER"] == "inherit"


def test_what_nobody_declared_survives_every_edit(lab: Lab) -> None:
    ident = by_hand(lab)
    path = lab.node.path(ident)
    path.write_text("# a comment of the administrator\n" + path.read_text() + 'UNKNOWN_KEY="1"\nQUOTAUGIDLIMIT="100"\n')
    laws.converge(lab, "legacy", {"memory": "256MiB", "container_features": {"nfs": True}, "boot_order": 3, "adopt": True})
    laws.converge(lab, "legacy", {"memory": "300MiB"})
    text = path.read_text()
    assert text.startswith("# a comment of the administrator\n") and 'UNKNOWN_KEY="1"' in text and 'QUOTAUGIDLIMIT="100"' in text
    assert "BOOTORDER" not in text


def test_adoption_needs_consent_where_it_differs(lab: Lab) -> None:
    by_hand(lab)
    laws.assert_refused(lab, "legacy", {"memory": "1GiB"}, "was not made by this collection", "memory.size", "adopt: true")
    laws.converge(lab, "legacy", {"memory": "1GiB", "adopt": True})
    laws.assert_refused(lab, "legacy", {"memory": "2GiB"}, "belongs to fleet", fleet="other")


def test_a_container_is_found_by_its_id_too(lab: Lab) -> None:
    laws.converge(lab, "160", {**SMALL, "state": "stopped"})
    assert lab.node.path("160").exists() and "NAME" not in lab.config("160")
    laws.converge(lab, "160", {**SMALL, "state": "stopped", "memory": {"size": "160MiB", "swap": "64MiB"}})


# -- bad input --------------------------------------------------------------------------------------------------------

@pytest.mark.parametrize("change, words", [
    ({"image": "absent-1-x86_64"}, ("image", "there is no OS template absent-1-x86_64", "none is fetched")),
    ({"image": None}, ("image", "is required")),
    ({"memory": {"size": "8MiB"}}, ("memory.size", "less than an init needs", "16MiB")),
    ({"memory": {"size": "134217729B"}}, ("memory.size", "pages")),
    ({"cpus": {"shares": 7}}, ("cpus.shares", "8 to 500000")),
    ({"cpus": {"limit": "0.125"}}, ("cpus.limit", "percents")),
    ({"io": {"priority": 8}}, ("io.priority", "0 to 7")),
    ({"io": {"limit": "1000B"}}, ("io.limit", "KiB")),
    ({"hostname": "a$(id)"}, ("hostname", "root's shell")),
    ({"hostname": 'a"b'}, ("hostname", "root's shell")),
    ({"hostname": "a\nb"}, ("hostname", "root's shell")),
    ({"hostname": "a`id`"}, ("hostname", "root's shell")),
    ({"search": ["ok.example", "a;b"]}, ("search[1]", "not a domain")),
    ({"container_features": {"fuse": True}}, ("container_features.fuse", "no such feature")),
    ({"disks": [{"name": "data", "size": "1GiB"}], "disk": None}, ("disks[0]", "one disk, named root")),
    ({"disk": {"size": "1GiB", "pool": "fast"}}, ("disks[0].pool", "no such option")),
    ({"nics": [{"name": "a", "type": "venet"}]}, ("nics[0].address", "required")),
    ({"nics": [{"name": "a", "type": "venet", "address": "300.1.1.1"}]}, ("nics[0].address", "not an address")),
    ({"nics": [{"name": "a", "type": "venet", "address": "0.0.0.0"}]}, ("nics[0].address", "no address for a container")),
    ({"nics": [{"name": "a", "type": "venet", "address": "192.0.2.1", "bridge": "br0"}]}, ("nics[0].bridge", "a venet has no bridge")),
    ({"nics": [{"name": n, "type": "venet", "address": "192.0.2.%d" % i} for i, n in enumerate("ab", 1)]}, ("nics", "one venet")),
    ({"nics": [{"name": "a", "bridge": "br9"}]}, ("nics[0].bridge", "there is no bridge br9")),
    ({"nics": [{"name": "a", "network": "nowhere"}]}, ("nics[0].network", "no network nowhere")),
    ({"nics": [{"name": "a", "bridge": "br0", "address": "192.0.2.1/24"}]}, ("nics[0].address", "bridged interface", "type: venet")),
    ({"state": "paused"}, ("state", "cannot pause")),
    ({"wait_for": "agent"}, ("wait_for.what", "cannot wait for agent")),
    ({"ports": ["80:80"]}, ("ports", "engine openvz has no such option")),
    ({"cloud_init": {"packages": ["vim"]}}, ("cloud_init.packages", "no such option")),
    ({"cloud_init": {"users": [{"name": "Bad Name"}]}}, ("cloud_init.users", "not a user name")),
])
def test_bad_input_is_an_error_with_its_place(lab: Lab, change: Raw, words: tuple[str, ...]) -> None:
    result = lab.apply("web1", edited(**change)) if "name" in str(words) and "users" in str(words) else None
    if result is None:
        laws.assert_refused(lab, "web1", edited(**change), *words)
    else:
        assert result.failed and not result.applied_steps
    assert lab.idents() == []
    assert LEAST_MEMORY == 16 << 20


@pytest.mark.parametrize("name", ["a/b", "a b", "-x", "a$b", 'a"b', "a\nb", "", "x" * 256, "5", "0101", "a:b"])
def test_bad_names(lab: Lab, name: str) -> None:
    try:
        result = lab.apply(name, SMALL)
    except Exception as error:  # pylint: disable=broad-except  # the module says it; a name is read before a driver is asked
        assert type(error).__name__ == "DeclarationError", error
    else:
        assert result.failed and not result.applied_steps, name
    assert lab.idents() == []


def test_capabilities_of_version_7_are_refused(make_node: Callable[..., Node]) -> None:
    lab = OpenvzLab(make_node(7))
    laws.assert_refused(lab, "web1", {**SMALL, "capabilities": {"add": ["SYS_TIME"]}}, "capabilities", "ignores")


def test_a_disk_never_shrinks(lab: Lab) -> None:
    laws.converge(lab, "web1", BASE)
    laws.assert_refused(lab, "web1", edited(disk="512MiB"), "disks[0].size", "never shrinks")


def test_an_address_in_use(lab: Lab) -> None:
    laws.converge(lab, "web1", BASE)
    laws.assert_refused(lab, "web2", edited(hostname=None), "nics[0].address", "192.0.2.10 is an address of the container web1")
    by_hand(lab, ipadd="192.0.2.77")
    laws.assert_refused(lab, "web1", edited(nics=[{"name": "wan", "type": "venet", "address": ["192.0.2.10", "192.0.2.77"]}]),
                        "192.0.2.77 is an address of the container legacy")


def test_a_name_that_another_configuration_has(lab: Lab) -> None:
    by_hand(lab, name="web1")
    laws.assert_refused(lab, "web1", BASE, "was not made by this collection")


def test_an_id_in_use(lab: Lab) -> None:
    (lab.node.vz / "private/160").mkdir()
    laws.assert_refused(lab, "160", SMALL, "the id 160", "private area without configuration")


def test_ids_in_use_are_passed_over(lab4: Lab) -> None:
    by_hand(lab4, "101", "a")
    (lab4.node.vz / "private/102").mkdir()
    lab4.must("web1", SMALL)
    assert lab4.ident("web1") == "103"


# -- what went on by hand between two runs ----------------------------------------------------------------------------

def test_one_that_was_destroyed_by_hand_is_made_anew(lab: Lab) -> None:
    laws.converge(lab, "web1", BASE)
    ident = lab.ident("web1")
    lab.vzctl("stop", ident, "--fast")
    lab.vzctl("destroy", ident)
    result = laws.converge(lab, "web1", BASE)
    assert result.changed and lab.power(lab.ident("web1")).startswith("running")


def test_one_that_was_destroyed_by_hand_is_gone_when_it_is_to_be(lab: Lab) -> None:
    laws.converge(lab, "web1", BASE)
    ident = lab.ident("web1")
    lab.vzctl("stop", ident, "--fast")
    lab.vzctl("destroy", ident)
    laws.converge(lab, "web1", {"state": "absent"})
    assert not (lab.node.etc / f"conf/{ident}.flotilla").exists()


def test_an_id_that_somebody_took_over_is_not_ours(lab4: Lab) -> None:
    """Destroyed by hand, and the id used for another container: our note is of the old one."""
    laws.converge(lab4, "web1", {**BASE, "state": "stopped"})
    lab4.vzctl("destroy", "101")
    lab4.vzctl("create", "101", "--ostemplate", TEMPLATE, "--name", "web1")
    laws.assert_refused(lab4, "web1", BASE, "was not made by this collection")


def test_a_configuration_without_private_area(lab: Lab) -> None:
    laws.converge(lab, "web1", {**BASE, "state": "stopped"})
    ident = lab.ident("web1")
    area = lab.node.vz / "private" / ident
    area.rename(lab.node.root / "away")
    laws.assert_refused(lab, "web1", edited(state="running"), "private area /vz/private/%s is gone" % ident, "state: absent")
    assert "is gone" in lab.driver().read()["web1"].status["problem"]
    laws.converge(lab, "web1", {"state": "absent"})
    assert not lab.exists("web1") and not (lab.node.etc / "names/web1").is_symlink()


def test_a_private_area_whose_configuration_is_gone(lab: Lab) -> None:
    laws.converge(lab, "web1", {**BASE, "state": "stopped"})
    lab.node.path(lab.ident("web1")).unlink()
    laws.assert_refused(lab, "web1", BASE, "is gone, and its private area", "put the configuration back")


# -- locks ------------------------------------------------------------------------------------------------------------

def test_a_container_that_somebody_holds_for_a_moment(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    """The driver tries again until the lock is free."""
    laws.converge(lab, "web1", BASE)
    lock = lab.node.vz / f"lock/{lab.ident('web1')}.lck"
    with subprocess.Popen(["sleep", "infinity"]) as holder:
        lock.write_text(f"{holder.pid}\nlocked\n")
        tries = 0

        def pause(_seconds: float) -> None:
            nonlocal tries
            tries += 1
            if tries == 3:
                lock.unlink()

        monkeypatch.setattr(locked.time, "sleep", pause)
        lab.must("web1", edited(cpus={"count": 1, "limit": "0.5", "shares": 700}))
        holder.kill()
    assert tries == 3 and lab.config("web1")["CPUUNITS"] == "700"


def test_a_container_that_stays_locked_is_a_clear_error(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    laws.converge(lab, "web1", BASE)
    monkeypatch.setattr(locked, "LOCK_TIMEOUT", 0.05)
    monkeypatch.setattr(locked, "LOCK_PAUSE", 0.01)
    with subprocess.Popen(["sleep", "infinity"]) as holder:
        (lab.node.vz / f"lock/{lab.ident('web1')}.lck").write_text(f"{holder.pid}\nlocked\n")
        result = lab.apply("web1", edited(cpus={"count": 1, "limit": "0.5", "shares": 700}))
        holder.kill()
    assert result.failed and "is held by another command" in result.msg and "run again" in result.msg
    lab.must("web1", edited(cpus={"count": 1, "limit": "0.5", "shares": 700}))


# -- nothing is lost --------------------------------------------------------------------------------------------------

def test_removal_keeps_the_private_area_unless_told(lab: Lab) -> None:
    laws.converge(lab, "web1", BASE)
    ident = lab.ident("web1")
    laws.converge(lab, "web1", {"state": "absent"})
    assert (lab.node.vz / "private" / ident / "sbin/init").exists() and not lab.exists("web1")
    laws.assert_refused(lab, "web1", BASE, "was kept when the container web1 was removed")
    assert "web1" not in lab.vzctl_list()


def test_remove_storage_removes_what_was_made(lab: Lab) -> None:
    laws.converge(lab, "web1", BASE)
    laws.converge(lab, "web1", {"state": "absent", "remove_storage": True})
    assert lab.idents() == [] or all(path.suffix == ".destroyed" for path in (lab.node.etc / "conf").glob("101.*"))
    laws.converge(lab, "web1", BASE)


def test_remove_storage_spares_an_adopted_container(lab: Lab) -> None:
    ident = by_hand(lab)
    lab.must("legacy", {"memory": "256MiB", "adopt": True})
    laws.converge(lab, "legacy", {"state": "absent", "remove_storage": True})
    assert (lab.node.vz / "private" / ident / "sbin/init").exists() and not lab.exists("legacy")


def test_protect_and_released(lab: Lab) -> None:
    laws.converge(lab, "web1", edited(protect=True))
    laws.assert_refused(lab, "web1", {"state": "absent"}, "is protected")
    laws.converge(lab, "web1", edited(protect=False))
    laws.converge(lab, "web1", {"state": "released"})
    assert lab.annotation("web1") is None and lab.exists("web1")
    laws.assert_adoption(lab, "web1")


def test_the_image_is_used_at_creation_only(lab: Lab) -> None:
    laws.converge(lab, "web1", SMALL)
    result = laws.converge(lab, "web1", {**SMALL, "image": "debian-12-x86_64"})
    assert laws.pendings(result)["image"][:2] == (TEMPLATE, "debian-12-x86_64") and not result.changed


def test_a_declared_image_names_its_template(lab: Lab) -> None:
    lab.templates["web"] = TEMPLATE
    laws.converge(lab, "web1", {**SMALL, "image": "web"})
    assert lab.config("web1")["OSTEMPLATE"].lstrip(".") == TEMPLATE


@pytest.fixture
def fresh(lab: Lab, make_node: Callable[..., Node]) -> Iterator[Callable[[], tuple[Any, Any]]]:
    """A new node for each death; the one before is cleaned at once."""
    made: list[Node] = []

    def make() -> tuple[Any, Any]:
        if made:
            made[-1].clean()
        new = OpenvzLab(make_node(lab.node.version))
        made.append(new.node)
        return new, new.wire

    yield make


def same(documents: dict[str, str]) -> dict[str, str]:
    """What must come out equal, whichever way it came about: what vzctl 4 keeps of a destroyed one is not."""
    return {key: text for key, text in settled(documents).items() if ".destroyed" not in key}


def test_a_creation_that_was_killed_is_finished(fresh: Callable[[], tuple[Any, Any]]) -> None:
    declared = edited(root_password=HASH, cloud_init={"timezone": "Europe/Berlin"}, container_features={"nfs": True})
    if fresh()[0].node.version == 7:
        # What differs between the versions is the commands; what is written inside is the same.
        declared = {**SMALL, "state": "stopped"}
    assert laws.assert_killed_runs_are_finished(fresh, "web1", declared, same=same) > 8


def test_a_change_that_was_killed_is_finished(fresh: Callable[[], tuple[Any, Any]]) -> None:
    changed = edited(memory={"size": "192MiB", "swap": "0B"}, hostname="b.example.com", container_features={"nfs": True}, dns=None, tags={"role": "db"},
                     nics=[{"name": "wan", "type": "venet", "address": ["192.0.2.11"]}, {"name": "lan", "bridge": "br0"}])
    assert laws.assert_killed_runs_are_finished(fresh, "web1", changed, [BASE], same=same) > 6


def test_a_restart_that_was_killed_is_finished(fresh: Callable[[], tuple[Any, Any]]) -> None:
    earlier = [SMALL, {**SMALL, "container_features": {"nfs": True}}]
    assert laws.assert_killed_runs_are_finished(fresh, "web1", {**earlier[1], "on_change": "restart"}, earlier, same=same) >= 3


@pytest.mark.parametrize("storage", [True, False])
def test_a_removal_that_was_killed_is_finished(fresh: Callable[[], tuple[Any, Any]], storage: bool) -> None:
    assert laws.assert_killed_runs_are_finished(fresh, "web1", {"state": "absent", "remove_storage": storage}, [BASE], same=same) >= 3


def test_somebody_elses_change_in_between_is_noticed(lab: Lab) -> None:
    """The configuration is compared again directly before it is written."""
    laws.converge(lab, "web1", {**SMALL, "state": "stopped"})
    path = lab.node.path(lab.ident("web1"))

    def meddle(step: str) -> None:
        if step.startswith("store FEATURES"):
            path.write_text(path.read_text() + "# somebody else\n")

    result = lab.apply("web1", {**SMALL, "state": "stopped", "container_features": {"nfs": True}}, meddle)
    assert result.failed and "changed by somebody else just now" in result.msg
    assert "# somebody else" in path.read_text() and "FEATURES" not in path.read_text()
    lab.must("web1", {**SMALL, "state": "stopped", "container_features": {"nfs": True}})


def test_a_failed_run_says_what_was_done(lab: Lab) -> None:
    """A start that vzctl refuses: the container is made, which the result says, and the next run carries on."""
    laws.converge(lab, "web1", {**SMALL, "state": "stopped"})
    ident = lab.ident("web1")
    lab.vzctl("set", ident, "--disabled", "yes", "--save")
    result = lab.apply("web1", {**SMALL, "memory": {"size": "192MiB", "swap": "64MiB"}, "state": "running"})
    assert result.failed and "it is disabled" in result.msg and any("--ram" in step for step in result.applied_steps)
    lab.vzctl("set", ident, "--disabled", "no", "--save")
    lab.must("web1", {**SMALL, "memory": {"size": "192MiB", "swap": "64MiB"}, "state": "running"})


def test_what_is_written_into_an_unprivileged_container_is_its_own(lab4: Lab) -> None:
    """Without an OpenVZ kernel vzctl 4 shifts the owners of everything inside."""
    conf = lab4.node.etc / "vz.conf"
    conf.write_text(conf.read_text() + "LOCAL_UID=100000\nLOCAL_GID=100000\n")
    cloud = {"users": [{"name": "ops", "ssh_keys": ["ssh-ed25519 AAAA ops"]}]}
    laws.converge(lab4, "web1", {**SMALL, "state": "stopped", "root_password": HASH, "cloud_init": cloud})
    area = lab4.node.vz / "private" / lab4.ident("web1")
    assert [(area / path).stat().st_uid for path in ("etc/shadow", "home/ops/.ssh/authorized_keys", "sbin/init")] == [100000, 101000, 100000]


def test_a_later_first_boot_is_pending_and_never_done(lab: Lab) -> None:
    cloud = {"users": [{"name": "ops", "ssh_keys": ["ssh-ed25519 AAAA ops"]}]}
    laws.converge(lab, "web1", {**SMALL, "state": "stopped", "cloud_init": cloud})
    assert "ops:" in (lab.node.vz / "private" / lab.ident("web1") / "etc/passwd").read_text()
    later = {"users": [{"name": "ops", "ssh_keys": ["ssh-ed25519 BBBB ops"]}]}
    result = laws.converge(lab, "web1", {**SMALL, "state": "stopped", "cloud_init": later})
    assert {entry[2] for entry in laws.pendings(result).values()} == {"first boot only"} and not result.changed


def test_memory_in_use_is_not_taken_and_waits(lab4: Lab) -> None:
    """A limit that the kernel refuses is stored, pending, and asked for again in every run."""
    laws.converge(lab4, "web1", {**SMALL, "memory": {"size": "128MiB", "swap": "64MiB"}})
    pid = lab4.init("web1")[0]
    group = Path("/sys/fs/cgroup/memory") / f"vznode-{lab4.node.live(lab4.ident('web1'))['token']}"
    if not group.is_dir():
        group = Path("/sys/fs/cgroup") / group.name
    with subprocess.Popen([sys.executable, "-c", "x = bytearray(64 << 20)\nprint('full', flush=True)\ninput()"], stdin=subprocess.PIPE,
                          stdout=subprocess.PIPE, preexec_fn=lambda: (group / "cgroup.procs").write_text("0")) as hungry:
        assert hungry.stdout is not None and hungry.stdout.readline() == b"full\n"
        want = {**SMALL, "memory": {"size": "32MiB", "swap": "64MiB"}}
        for _run in range(2):
            result = lab4.apply("web1", want)
            assert not result.failed and laws.pendings(result)["memory.size"] == ("128MiB", "32MiB", "guest has not complied")
        assert result.changed is False
        hungry.kill()
    lab4.must("web1", want)
    assert lab4.apply("web1", want).pending == [] and lab4.init("web1")[0] == pid


# -- many, cost, secrets ----------------------------------------------------------------------------------------------

def test_one_containers_failure_is_its_own(lab: Lab) -> None:
    wan = [{"name": "wan", "type": "venet", "address": "192.0.2.%d"}]
    raws = {"c%d" % number: {**SMALL, "nics": [{**wan[0], "address": wan[0]["address"] % number}]} for number in range(1, 5)}
    raws["c3"]["image"] = "absent-1-x86_64"
    laws.assert_failure_is_its_own(lab.run_all(raws, threads=4), ["c3"])
    assert len({lab.ident(name) for name in ("c1", "c2", "c4")}) == 3


def test_nothing_costs_one_vzlist_whatever_there_is(lab: Lab) -> None:
    raws = {"c%d" % number: {**SMALL, "state": "stopped"} for number in range(5)}
    assert not any(result.failed for result in lab.run_all(raws).values())
    laws.assert_cost_of_nothing(lab.wire, lambda: lab.run_all(raws), len(raws), reads_each=3, fixed=12)
    assert lab.wire.calls["host.run vzlist"] == 1 and lab.wire.calls["host.run vzctl"] <= 1


def test_one_change_is_one_container(lab: Lab) -> None:
    raws = {"c%d" % number: {**SMALL, "state": "stopped"} for number in range(4)}
    laws.assert_one_change_is_one_resource(lab, lab.wire, raws, "c2", {**raws["c2"], "memory": {"size": "256MiB", "swap": "64MiB"}})


def test_secrets_are_said_nowhere(lab: Lab) -> None:
    declared = edited(root_password=HASH, cloud_init={"users": [{"name": "ops", "hashed_password": HASH + "2"}]})
    planted.assert_secrets_secret(lab, "web1", declared, [HASH])
    assert HASH in (lab.node.vz / "private" / lab.ident("web1") / "etc/shadow").read_text()
    assert not any(HASH in word for argv in lab.calls() for word in argv)
    rest = {"cloud_init": declared["cloud_init"]}
    laws.converge(lab, "web1", edited(root_password={"keep": True}, **rest))
    result = laws.converge(lab, "web1", edited(root_password=HASH + "3", **rest))
    assert laws.entries(result) == {"root_password": ("********", "********", "live")}
    assert HASH + "3" in (lab.node.vz / "private" / lab.ident("web1") / "etc/shadow").read_text()


def test_waiting(lab: Lab) -> None:
    result = lab.must("web1", edited(wait_for={"what": "address", "timeout": 20}))
    assert result.status["ready"]["addresses"] == ["192.0.2.10"]
    result = lab.apply("web2", {**SMALL, "wait_for": {"what": "address", "timeout": 1}})
    assert result.failed and "was not ready (address)" in result.msg


def test_without_openvz_check_mode_plans_against_an_empty_host(lab: Lab) -> None:
    (lab.node.root / "usr/sbin/vzctl").unlink()
    result = lab.check("web1", BASE)
    assert not result.failed and result.changed
    assert lab.apply("web1", BASE).failed and "vzctl" in lab.apply("web1", BASE).msg
    assert socket.AF_INET  # the node's network is not the machine's


# -- the grammar of the double ----------------------------------------------------------------------------------------

def test_everything_that_the_driver_may_send_is_sent_by_a_test(lab: Lab) -> None:
    """A grand tour; the driver's own table and the calls on the node are compared, and each is in the double's grammar."""
    lab.must("web1", edited(io={"limit": "10MiB", "iops": 100, "priority": 3}, boot_order=4, cpus={"count": 1, "limit": "0.5", "shares": 500, "cpuset": "0"},
                            nics=[{"name": "wan", "type": "venet", "address": "192.0.2.10"}, {"name": "lan", "bridge": "br0"}]))
    lab.must("web1", edited(nics=[{"name": "wan", "type": "venet", "address": "192.0.2.11"}]))
    lab.must("web1", edited(nics=None, container_features={"nfs": True}))
    lab.must("web1", {"state": "stopped", "force_stop": True, "stop_timeout": 1})
    lab.templates["stubborn"] = "stubborn-1-x86_64"
    lab.must("web2", {"image": "stubborn", "memory": {"size": "64MiB", "swap": "0B"}})
    lab.must("web2", {"state": "stopped", "force_stop": True, "stop_timeout": 1})
    lab.vzctl("mount", lab.ident("web2"))
    lab.must("web2", {"state": "absent", "remove_storage": True})
    (lab.node.vz / "private" / lab.ident("web1") / "root.hdd").touch()
    lab.must("web1", {"root_password": HASH})
    lab.must("web1", {"state": "absent"})
    uses = lab.driver().vzctl.dialect.uses
    wanted = {(command_, option) for command_, options in uses.items() for option in ("", *options) if (command_, option) not in (("", ""), ("vzlist", ""))}
    assert wanted - lab.used() == set()
