# Copyright: (c) 2026, flotilla.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The driver's containers against the contract double of prlctl, through the one laws harness."""

from __future__ import annotations

import json
import subprocess
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from laws import laws, planted
from laws.virtuozzo_lab import VirtuozzoLab, settled
from vznode.node import Node

from ansible_collections.flotilla.virt.plugins.module_utils._containers import locked
from ansible_collections.flotilla.virt.plugins.module_utils._containers.virtuozzo import table
from ansible_collections.flotilla.virt.plugins.module_utils._reconcile.errors import EngineError

from vznode.fixtures import TEMPLATE
from system.openvz.test_driver import HASH, Connection, at
from .nodes import stop_dispatcher, virtuozzo

pytestmark = pytest.mark.system
Lab = VirtuozzoLab
Raw = dict[str, Any]

WAN: Raw = {"name": "wan", "type": "venet", "address": "192.0.2.10"}
LAN: Raw = {"name": "lan", "network": "Bridged", "address": "198.51.100.5/24", "gateway": "198.51.100.1"}
BASE: Raw = {"image": TEMPLATE, "memory": {"size": "128MiB", "swap": "64MiB"}, "cpus": {"count": 1, "limit": "0.5", "shares": 500},
             "disk": "11GiB", "hostname": "web1.example.com", "dns": ["192.0.2.53"], "search": ["example.com"], "nics": [WAN],
             "autostart": True, "tags": {"role": "web"}}
SMALL: Raw = {"image": TEMPLATE, "memory": "128MiB"}


@pytest.fixture
def lab(make_node: Callable[..., Node]) -> Lab:
    """A lab on an empty node."""
    return VirtuozzoLab(virtuozzo(make_node))


def edited(**changes: Any) -> Raw:
    """The base declaration with some options said otherwise; None takes one away."""
    return {name: value for name, value in {**BASE, **changes}.items() if value is not None}


def test_a_container_is_made_and_the_second_run_changes_nothing(lab: Lab) -> None:
    result = laws.converge(lab, "web1", BASE)
    assert result.pending == []
    shown = lab.shown("web1")
    assert shown["Hardware"]["memory"]["size"] == "128Mb" and shown["Autostart"] == "on" and shown["Type"] == "CT"
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
    ("memory.swap", {"memory": {"swap": "64MiB"}}, {"memory": {"swap": "32MiB"}}, "0B"),
    ("disks.size", {"disk": "12GiB"}, {"disk": "13GiB"}, "kept"),
    ("io.limit", {"io": {"limit": "10MiB"}}, {"io": {"limit": "512KiB"}}, "0B"),
    ("io.iops", {"io": {"iops": 500}}, {"io": {"iops": 100}}, 0),
    ("io.priority", {"io": {"priority": 7}}, {"io": {"priority": 0}}, 4),
    ("hostname", {"hostname": "a.example.com"}, {"hostname": "b.example.com"}, "kept"),
    ("dns", {"dns": ["192.0.2.53"]}, {"dns": ["192.0.2.54", "2001:db8::53"]}, "kept"),
    ("search", {"search": ["example.com"]}, {"search": ["a.example", "b.example"]}, "kept"),
    ("autostart", {"autostart": True}, {"autostart": False}, False),
    ("tags", {"tags": {"role": "web"}}, {"tags": {"role": "db", "tier": "gold"}}, None),
    ("container_features", {"container_features": {"nfs": True}}, {"container_features": {"sit": True, "nfs": False}}, None),
]


@pytest.mark.parametrize("state", ["stopped", "running"])
def test_every_option_is_set_changed_and_taken_back(lab: Lab, state: str) -> None:
    """One container for all of them: making one costs more than what is done to it."""
    base = {"image": TEMPLATE, "state": state}
    laws.converge(lab, "web1", base)
    for case in CASES:
        _set_change_take_back(lab, base, *case)


def _set_change_take_back(lab: Lab, base: Raw, path: str, first: Raw, second: Raw, left: Any) -> None:
    init = lab.init("web1") if base["state"] == "running" else None
    for declared in (first, second):
        result = laws.converge(lab, "web1", {**base, **declared})
        assert len(result.plan) <= 1, result.plan
    value = at(lab.spec("web1"), path)
    result = laws.converge(lab, "web1", base)
    assert at(lab.spec("web1"), path) in ([value] if left == "kept" else [left, None] if left == 0 else [left])
    assert (result.plan == []) == (left in ("kept", value) or path == "autostart"), result.plan
    if init is not None:
        assert lab.init("web1") == init


def test_every_row_has_a_case() -> None:
    """An option that the table has and no test exercises."""
    assert set(table.BY_PATTERN) <= {case[0] for case in CASES}


# -- live and restart -------------------------------------------------------------------------------------------------

def test_a_running_container_is_resized_and_its_connections_stay_open(lab: Lab) -> None:
    """Memory, CPUs, disk, addresses, host name and DNS change while init goes on and a TCP connection stays open."""
    laws.converge(lab, "web1", BASE)
    init = lab.init("web1")
    with Connection(lab, "web1", "192.0.2.10") as connection:
        connection.say("before")
        result = laws.converge(lab, "web1", edited(
            memory={"size": "192MiB", "swap": "32MiB"}, cpus={"count": 2, "limit": "1.5", "shares": 900}, disk="12GiB", hostname="web2.example.com",
            dns=["192.0.2.54"], nics=[{**WAN, "address": ["192.0.2.10", "192.0.2.11", "2001:db8::11"]}]))
        connection.say("after")
    assert result.pending == [] and {entry["impact"] for entry in result.plan} == {"live"}
    assert lab.init("web1") == init
    assert lab.inside("web1", "hostname") == "web2.example.com"
    assert "nameserver 192.0.2.54" in lab.inside("web1", "cat", "/etc/resolv.conf")
    inside = lab.inside("web1", "ip", "-o", "addr")
    assert "192.0.2.11/32" in inside and "2001:db8::11/128" in inside


def test_what_waits_for_a_restart_is_pending_in_every_run_until_then(lab: Lab) -> None:
    laws.converge(lab, "web1", SMALL)
    want = {**SMALL, "container_features": {"nfs": True}}
    result = laws.converge(lab, "web1", want)
    assert laws.entries(result)["container_features"][2] == "restart"
    assert laws.pendings(result)["container_features"][:2] == (None, {"nfs": True})
    assert lab.apply("web1", want).pending == result.pending
    # A paused container does not say which start it is.
    lab.must("web1", {**want, "state": "paused"})
    assert lab.must("web1", {**want, "state": "running"}).pending == result.pending
    init = lab.init("web1")
    result = laws.converge(lab, "web1", {**want, "on_change": "restart"})
    assert laws.entries(result)["container_features"][2] == "restart" and result.pending == []
    assert lab.init("web1") != init
    assert lab.apply("web1", want).pending == []


def test_a_restart_by_hand_ends_what_is_pending(lab: Lab) -> None:
    laws.converge(lab, "web1", SMALL)
    assert laws.converge(lab, "web1", {**SMALL, "container_features": {"nfs": True}}).pending
    lab.prlctl("restart", "web1")
    assert lab.apply("web1", {**SMALL, "container_features": {"nfs": True}}).pending == []


def test_defer_refuses_what_prlctl_would_set_at_once(lab: Lab) -> None:
    laws.converge(lab, "web1", SMALL)
    laws.assert_refused(lab, "web1", {**SMALL, "memory": "192MiB", "on_change": "defer"}, "memory.size", "cannot store it without setting it")
    result = laws.converge(lab, "web1", {**SMALL, "container_features": {"nfs": True}, "autostart": True, "on_change": "defer"})
    assert "container_features" in laws.pendings(result)


def test_power(lab: Lab) -> None:
    states = ("stopped", "running", "present", "paused", "running", "paused", "stopped")
    laws.live_through(lab, "web1", [{**SMALL, "state": state} for state in states])
    assert lab.shown("web1")["State"] == "stopped"


def test_one_that_went_by_itself_is_started_again(lab: Lab) -> None:
    laws.converge(lab, "web1", SMALL)
    subprocess.run(["kill", str(lab.init("web1")[0])], check=True)
    deadline = time.monotonic() + 20
    while lab.node.init(lab.ident("web1")):
        assert time.monotonic() < deadline
        time.sleep(0.01)
    laws.converge(lab, "web1", {**SMALL, "state": "running"})
    assert lab.shown("web1")["State"] == "running"


def test_a_container_that_does_not_stop(lab: Lab) -> None:
    lab.templates["stubborn"] = "stubborn-1-x86_64"
    declared = {"image": "stubborn", "memory": "128MiB"}
    lab.must("web1", declared)
    result = lab.apply("web1", {**declared, "state": "stopped", "stop_timeout": 1})
    assert result.failed and "force_stop" in result.msg and lab.shown("web1")["State"] == "running"
    lab.must("web1", {**declared, "state": "stopped", "stop_timeout": 1, "force_stop": True})
    assert lab.shown("web1")["State"] == "stopped"


# -- interfaces -------------------------------------------------------------------------------------------------------

def test_interfaces_come_and_go_on_the_running_container(lab: Lab) -> None:
    laws.converge(lab, "web1", SMALL)
    init = lab.init("web1")
    laws.converge(lab, "web1", {**SMALL, "nics": [LAN]})
    assert "198.51.100.5/24" in lab.inside("web1", "ip", "-o", "addr")
    back = {"name": "back", "network": "Host-Only"}
    laws.converge(lab, "web1", {**SMALL, "nics": [{**LAN, "address": ["198.51.100.6/24", "198.51.100.5/24"]}, WAN, back]})
    inside = lab.inside("web1", "ip", "-o", "addr")
    assert "198.51.100.6/24" in inside and "192.0.2.10/32" in inside
    laws.converge(lab, "web1", {**SMALL, "nics": [{**LAN, "address": "198.51.100.6/24"}, {"name": "back", "network": "Bridged"}]})
    assert "198.51.100.5/24" not in lab.inside("web1", "ip", "-o", "addr") and "192.0.2.10" not in lab.inside("web1", "ip", "-o", "addr")
    nics = {name: nic for name, nic in lab.shown("web1")["Hardware"].items() if name.startswith("net")}
    assert sorted(nic["network"] for nic in nics.values()) == ["Bridged", "Bridged"]
    laws.converge(lab, "web1", {**SMALL, "nics": [{"name": "lan", "network": "Bridged"}]})
    assert "198.51.100.6" not in lab.inside("web1", "ip", "-o", "addr")
    laws.converge(lab, "web1", SMALL)
    assert not any(name.startswith("net") for name in lab.shown("web1")["Hardware"]) and lab.init("web1") == init


def test_an_address_is_added_before_the_old_one_goes_and_one_that_is_there_is_not_touched(lab: Lab) -> None:
    laws.converge(lab, "web1", edited(nics=[{**WAN, "address": ["192.0.2.10", "192.0.2.11"]}]))
    start = len(lab.calls())
    lab.must("web1", edited(nics=[{**WAN, "address": ["192.0.2.11", "192.0.2.12"]}]))
    sent = [argv for argv in lab.calls()[start:] if argv[1] == "set"]
    assert [argv[3:5] for argv in sent] == [["--ipadd", "192.0.2.12"], ["--ipdel", "192.0.2.10"]]


# -- adoption ---------------------------------------------------------------------------------------------------------

def by_hand(lab: Lab, name: str = "legacy", **options: str) -> str:
    """A container as an administrator makes it."""
    lab.prlctl("create", name, "--vmtype", "ct", "--ostemplate", TEMPLATE)
    for option, value in options.items():
        lab.prlctl("set", name, "--" + option, value)
    return lab.ident(name)


def test_any_container_is_adopted_by_its_own_spec(lab: Lab) -> None:
    ident = by_hand(lab, ipadd="192.0.2.20/24", hostname="old.example.com", description="by hand", features="nfs:on", cpulimit="1000m")
    lab.prlctl("set", "legacy", "--device-add", "net", "--network", "Bridged", "--ipadd", "198.51.100.7/24")
    lab.prlctl("start", "legacy")
    laws.assert_adoption(lab, "legacy")
    assert lab.shown("legacy")["Description"] == "by hand" and lab.shown("legacy")["Hardware"]["cpu"]["cpulimit"] == "1000Mhz"
    assert lab.driver().read([ident])[ident].stored["memory"] == lab.driver().read(["legacy"])["legacy"].stored["memory"]


def test_adoption_needs_consent_where_it_differs(lab: Lab) -> None:
    by_hand(lab)
    laws.assert_refused(lab, "legacy", {"memory": "1GiB"}, "was not made by this collection", "memory.size", "adopt: true")
    laws.converge(lab, "legacy", {"memory": "1GiB", "adopt": True})
    laws.assert_refused(lab, "legacy", {"memory": "2GiB"}, "belongs to fleet", fleet="other")


# -- refused ----------------------------------------------------------------------------------------------------------

@pytest.mark.parametrize("raw, words", [
    ({**SMALL, "image": "absent-1-x86_64"}, ["image", "there is no OS template absent-1-x86_64"]),
    ({**SMALL, "hostname": "$(id)"}, ["hostname", "root's shell"]), ({**SMALL, "search": ['a"b']}, ["search[0]", "root's shell"]),
    ({**SMALL, "memory": "4MiB"}, ["memory.size", "less than an init needs"]),
    ({**SMALL, "memory": "128.5MiB"}, ["memory.size", "whole number of MiB"]),
    ({**SMALL, "capabilities": {"add": ["SYS_TIME"]}}, ["capabilities", "engine virtuozzo has no such option"]),
    ({**SMALL, "disk": {"inodes": 100}}, ["inodes", "engine virtuozzo"]), ({**SMALL, "boot_order": 3}, ["boot_order", "engine virtuozzo"]),
    ({**SMALL, "media": [{"name": "cd"}]}, ["media", "engine virtuozzo has no such option for a container"]),
    ({**SMALL, "os": "windows"}, ["os", "for a container"]),
    ({**SMALL, "container_features": {"fuse": True}}, ["container_features.fuse", "no such feature"]),
    ({**SMALL, "nics": [{"name": "lan", "bridge": "br0"}]}, ["nics[0].bridge", "one of its own networks"]),
    ({**SMALL, "nics": [{"name": "lan", "network": "nosuch"}]}, ["nics[0].network", "no virtual network nosuch"]),
    ({**SMALL, "nics": [{**LAN, "address": "198.51.100.5"}]}, ["nics[0].address", "prefix length"]),
    ({**SMALL, "nics": [WAN, {**WAN, "name": "w2"}]}, ["one venet"]),
    ({**SMALL, "cpus": {"shares": 7}}, ["cpus.shares", "8 to 500000"]), ({"memory": "128MiB"}, ["image", "is required"]),
    ({**SMALL, "wait_for": "agent"}, ["wait_for.what", "engine virtuozzo"]),
    ({**SMALL, "disk": {"size": "1025KiB"}}, ["disks[0].size", "whole number of MiB"]),
])
def test_what_cannot_be_is_refused_before_anything_is_touched(lab: Lab, raw: Raw, words: list[str]) -> None:
    laws.assert_refused(lab, "web1", raw, *words)
    assert not any(argv[1] in ("create", "set") for argv in lab.calls())


def test_names_addresses_and_ids_in_use(lab: Lab) -> None:
    by_hand(lab, ipadd="192.0.2.20")
    laws.assert_refused(lab, "web1", {**SMALL, "nics": [{**WAN, "address": "192.0.2.20"}]}, "192.0.2.20 is an address of the container legacy")
    laws.assert_refused(lab, "101", SMALL, "is an id")
    ident = str(lab.driver().checker.choose_id("web1", "shop"))
    (lab.node.root / "vz/private" / ident).mkdir(parents=True)
    laws.assert_refused(lab, "web1", SMALL, "the id %s of the guest web1 is in use" % ident)


def test_a_disk_never_shrinks(lab: Lab) -> None:
    laws.converge(lab, "web1", {**SMALL, "state": "stopped", "disk": "12GiB"})
    laws.assert_refused(lab, "web1", {**SMALL, "disk": "11GiB"}, "a disk never shrinks", "12GiB")


def test_the_kind_is_part_of_the_identity(lab: Lab) -> None:
    laws.converge(lab, "web1", {**SMALL, "state": "stopped"})
    laws.assert_refused(lab, "web1", {"vmtype": "vm", "recreate": True}, "vmtype", "cannot be changed from ct to vm")


# -- by hand between two runs -----------------------------------------------------------------------------------------

def test_one_that_was_deleted_by_hand_is_made_anew(lab: Lab) -> None:
    laws.converge(lab, "web1", BASE)
    lab.prlctl("delete", "web1", "--force")
    laws.converge(lab, "web1", BASE)
    assert lab.shown("web1")["State"] == "running"


def test_one_that_was_unregistered_by_hand_is_not_made_again(lab: Lab) -> None:
    laws.converge(lab, "web1", {**BASE, "state": "stopped"})
    home = lab.shown("web1")["Home"]
    lab.prlctl("unregister", "web1")
    laws.assert_refused(lab, "web1", BASE, "registered no more", "prlctl register " + home)


# -- the dispatcher, and locks ----------------------------------------------------------------------------------------

def test_a_container_that_somebody_holds_for_a_moment(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    """The driver tries again until the lock is free."""
    laws.converge(lab, "web1", {**SMALL, "state": "stopped"})
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
        lab.must("web1", {**SMALL, "state": "stopped", "cpus": {"shares": 700}})
        holder.kill()
    assert tries == 3 and lab.shown("web1")["Hardware"]["cpu"]["cpuunits"] == 700


def test_a_container_that_stays_locked_is_a_clear_error(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    laws.converge(lab, "web1", {**SMALL, "state": "stopped"})
    monkeypatch.setattr(locked, "LOCK_TIMEOUT", 0.05)
    monkeypatch.setattr(locked, "LOCK_PAUSE", 0.01)
    with subprocess.Popen(["sleep", "infinity"]) as holder:
        (lab.node.vz / f"lock/{lab.ident('web1')}.lck").write_text(f"{holder.pid}\nlocked\n")
        result = lab.apply("web1", {**SMALL, "state": "stopped", "cpus": {"shares": 700}})
        holder.kill()
    assert result.failed and "is held by another command" in result.msg and "run again" in result.msg
    lab.must("web1", {**SMALL, "state": "stopped", "cpus": {"shares": 700}})


# -- nothing is lost --------------------------------------------------------------------------------------------------

def test_removal_keeps_the_files_unless_told(lab: Lab) -> None:
    laws.converge(lab, "web1", BASE)
    home = lab.node.root / lab.shown("web1")["Home"].lstrip("/")
    laws.converge(lab, "web1", {"state": "absent"})
    assert home.exists() and not lab.exists("web1")
    laws.assert_refused(lab, "web1", BASE, "were kept when it was removed")
    lab.prlctl("register", "/" + str(home.relative_to(lab.node.root)))
    assert lab.exists("web1")


def test_remove_storage_removes_what_was_made(lab: Lab) -> None:
    laws.converge(lab, "web1", BASE)
    home = lab.node.root / lab.shown("web1")["Home"].lstrip("/")
    laws.converge(lab, "web1", {"state": "absent", "remove_storage": True})
    assert not home.exists() and not list((lab.node.root / "etc/vz/flotilla").iterdir())
    laws.converge(lab, "web1", BASE)


def test_remove_storage_spares_an_adopted_container(lab: Lab) -> None:
    by_hand(lab)
    home = lab.node.root / lab.shown("legacy")["Home"].lstrip("/")
    lab.must("legacy", {"memory": "256MiB", "adopt": True})
    laws.converge(lab, "legacy", {"state": "absent", "remove_storage": True})
    assert home.exists() and not lab.exists("legacy")


def test_protect_and_released(lab: Lab) -> None:
    laws.converge(lab, "web1", edited(protect=True))
    laws.assert_refused(lab, "web1", {"state": "absent"}, "is protected")
    laws.converge(lab, "web1", edited(protect=False))
    laws.converge(lab, "web1", {"state": "released"})
    assert lab.annotation("web1") is None and lab.exists("web1")
    laws.assert_adoption(lab, "web1")


def test_the_image_and_the_first_boot_are_used_at_creation_only(lab: Lab) -> None:
    cloud = {"users": [{"name": "ops", "ssh_keys": ["ssh-ed25519 AAAA ops"]}], "timezone": "Europe/Berlin"}
    laws.converge(lab, "web1", {**SMALL, "cloud_init": cloud})
    assert "ops:" in lab.inside("web1", "cat", "/etc/passwd")
    later = {"users": [{"name": "ops", "ssh_keys": ["ssh-ed25519 BBBB ops"]}], "timezone": "Europe/Berlin"}
    result = laws.converge(lab, "web1", {**SMALL, "image": "debian-12-x86_64", "cloud_init": later})
    assert laws.pendings(result)["image"][:2] == (TEMPLATE, "debian-12-x86_64") and not result.changed
    assert {entry[2] for path, entry in laws.pendings(result).items() if path != "image"} == {"first boot only"}


def test_a_declared_image_names_its_template(lab: Lab) -> None:
    lab.templates["web"] = TEMPLATE
    laws.converge(lab, "web1", {**SMALL, "state": "stopped", "image": "web"})
    lab.templates["none"] = ""
    laws.assert_refused(lab, "web2", {**SMALL, "image": "none"}, "has no template")


@pytest.fixture
def fresh(make_node: Callable[..., Node]) -> Iterator[Callable[[], tuple[Any, Any]]]:
    """A new node for each death; the one before is cleaned at once."""
    made: list[Node] = []

    def make() -> tuple[Any, Any]:
        if made:
            made[-1].clean()
        new = VirtuozzoLab(virtuozzo(make_node))
        made.append(new.node)
        return new, new.wire

    yield make


def test_a_creation_that_was_killed_is_finished(fresh: Callable[[], tuple[Any, Any]]) -> None:
    declared = {**SMALL, "root_password": HASH, "container_features": {"nfs": True}, "nics": [LAN]}
    assert laws.assert_killed_runs_are_finished(fresh, "web1", declared, same=settled) > 8


def test_a_change_that_was_killed_is_finished(fresh: Callable[[], tuple[Any, Any]]) -> None:
    changed = edited(memory={"size": "192MiB", "swap": "0B"}, hostname="b.example.com", container_features={"nfs": True}, tags={"role": "db"},
                     nics=[{**LAN, "address": ["198.51.100.6/24"]}])
    assert laws.assert_killed_runs_are_finished(fresh, "web1", changed, [edited(nics=[WAN, LAN])], same=settled) > 6


def test_a_restart_that_was_killed_is_finished(fresh: Callable[[], tuple[Any, Any]]) -> None:
    earlier = [SMALL, {**SMALL, "container_features": {"nfs": True}}]
    assert laws.assert_killed_runs_are_finished(fresh, "web1", {**earlier[1], "on_change": "restart"}, earlier, same=settled) >= 3


@pytest.mark.parametrize("storage", [True, False])
def test_a_removal_that_was_killed_is_finished(fresh: Callable[[], tuple[Any, Any]], storage: bool) -> None:
    assert laws.assert_killed_runs_are_finished(fresh, "web1", {"state": "absent", "remove_storage": storage}, [SMALL], same=settled) >= 3


# -- many, cost, secrets ----------------------------------------------------------------------------------------------

def test_one_containers_failure_is_its_own(lab: Lab) -> None:
    raws = {"c%d" % number: {**SMALL, "nics": [{**WAN, "address": "192.0.2.%d" % number}]} for number in range(1, 5)}
    raws["c3"]["image"] = "absent-1-x86_64"
    laws.assert_failure_is_its_own(lab.run_all(raws, threads=4), ["c3"])
    assert len({lab.ident(name) for name in ("c1", "c2", "c4")}) == 3


def test_nothing_costs_one_prlctl_and_one_change_is_one_container(lab: Lab) -> None:
    raws = {"c%d" % number: {**SMALL, "state": "stopped"} for number in range(4)}
    assert not any(result.failed for result in lab.run_all(raws).values())
    laws.assert_cost_of_nothing(lab.wire, lambda: lab.run_all(raws), len(raws), reads_each=2, fixed=8)
    assert lab.wire.calls["host.run prlctl"] == 1 and lab.wire.calls["host.run prlsrvctl"] == 0
    laws.assert_one_change_is_one_resource(lab, lab.wire, raws, "c2", {**raws["c2"], "memory": "256MiB"})


def test_secrets_are_said_nowhere(lab: Lab) -> None:
    declared = edited(root_password=HASH, cloud_init={"users": [{"name": "ops", "hashed_password": HASH + "2"}]})
    planted.assert_secrets_secret(lab, "web1", declared, [HASH])
    assert HASH in lab.inside("web1", "cat", "/etc/shadow")
    assert not any(HASH in word for argv in lab.calls() for word in argv)
    rest = {"cloud_init": declared["cloud_init"]}
    laws.converge(lab, "web1", edited(root_password={"keep": True}, **rest))
    result = laws.converge(lab, "web1", edited(root_password=HASH + "3", **rest))
    assert laws.entries(result) == {"root_password": ("********", "********", "live")}
    assert HASH + "3" in lab.inside("web1", "cat", "/etc/shadow")


def test_waiting(lab: Lab) -> None:
    result = lab.must("web1", edited(wait_for={"what": "address", "timeout": 20}))
    assert result.status["ready"]["addresses"] == ["192.0.2.10"]
    result = lab.apply("web2", {**SMALL, "wait_for": {"what": "address", "timeout": 1}})
    assert result.failed and "was not ready (address)" in result.msg


def test_without_virtuozzo_check_mode_plans_against_an_empty_host(lab: Lab) -> None:
    (lab.node.root / "usr/bin/prlctl").unlink()
    result = lab.check("web1", BASE)
    assert not result.failed and result.changed
    assert lab.apply("web1", BASE).failed and "prlctl" in lab.apply("web1", BASE).msg


def test_a_dispatcher_that_is_down_is_told(lab: Lab) -> None:
    """Reading says so, and how to start it; nothing is taken for gone."""
    laws.converge(lab, "web1", {**SMALL, "state": "stopped"})
    stop_dispatcher(lab.node)
    with pytest.raises(EngineError, match="dispatcher does not answer.*systemctl start prl-disp"):
        lab.apply("web1", SMALL)
    stop_dispatcher(lab.node, down=False)
    assert not lab.must("web1", {**SMALL, "state": "stopped"}).changed


def test_a_frozen_guest_is_told(lab: Lab) -> None:
    """Code 254: what it means is said."""
    laws.converge(lab, "web1", {**SMALL, "state": "stopped"})
    record = lab.node.state / "prl" / (lab.ident("web1") + ".json")
    record.write_text(json.dumps({**json.loads(record.read_text()), "frozen": True}))
    result = lab.apply("web1", {**SMALL, "state": "stopped", "memory": "192MiB"})
    assert result.failed and "ended with 254: it is in the frozen state" in result.msg


@pytest.mark.parametrize("year", [2016, 2020])
def test_older_versions_show_less(make_node: Callable[..., Node], year: int) -> None:
    """Keys that came later are not needed, and a warning that came later is not missed."""
    lab = VirtuozzoLab(make_node(7, prlctl=year))
    laws.converge(lab, "web1", edited(state="stopped", nics=[WAN, LAN]))
    by_hand(lab)
    laws.assert_adoption(lab, "legacy")
