# Copyright: (c) 2026, flotilla.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The driver's virtual machines against the contract double of prlctl: nothing runs in them, so what they store and wait for is looked at."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from laws import laws
from laws.virtuozzo_lab import VirtuozzoLab, settled
from vznode.node import Node

from .nodes import virtuozzo
from .test_driver import Raw

pytestmark = pytest.mark.system
Lab = VirtuozzoLab


@pytest.fixture
def lab(make_node: Callable[..., Node]) -> Lab:
    """A lab on an empty node."""
    return VirtuozzoLab(virtuozzo(make_node))


@pytest.fixture(scope="module")
def isos(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """Two images of media."""
    place = tmp_path_factory.mktemp("iso")
    for name in ("one.iso", "two.iso"):
        (place / name).write_bytes(b"\0" * 2048)
    return [str(place / name) for name in ("one.iso", "two.iso")]


def machine(isos: list[str], **changes: Any) -> Raw:
    """A virtual machine that boots from an ISO until its disk has a system."""
    declared: Raw = {"vmtype": "vm", "os": "linux", "cpus": 2, "memory": "1GiB",
                     "disks": [{"name": "root", "size": "20GiB"}, {"name": "data", "size": "5GiB"}],
                     "nics": [{"name": "lan", "network": "Bridged"}], "media": [{"name": "cd", "file": isos[0]}], "boot": {"order": ["hd", "cdrom"]},
                     "autostart": True, "tags": {"role": "db"}}
    return {name: value for name, value in {**declared, **changes}.items() if value is not None}


def test_a_machine_is_made_and_the_second_run_changes_nothing(lab: Lab, isos: list[str]) -> None:
    result = laws.converge(lab, "vm1", machine(isos))
    shown = lab.shown("vm1")
    assert result.pending == [] and shown["Type"] == "VM" and shown["State"] == "running" and shown["Autostart"] == "on"
    hardware = shown["Hardware"]
    assert (hardware["cpu"]["cpus"], hardware["memory"]["size"]) == (2, "1024Mb")
    assert (hardware["hdd0"]["size"], hardware["hdd1"]["size"]) == ("20480Mb", "5120Mb")
    assert hardware["cdrom0"]["image"] == isos[0] and [hardware[name]["network"] for name in hardware if name.startswith("net")] == ["Bridged"]
    assert shown["Boot order"].split() == ["hdd0", "hdd1", "cdrom0"]


def test_it_grows_while_it_runs_and_gives_back_at_its_next_start(lab: Lab, isos: list[str]) -> None:
    laws.converge(lab, "vm1", machine(isos))
    result = laws.converge(lab, "vm1", machine(isos, cpus=4, memory="2GiB"))
    assert result.pending == [] and {entry["impact"] for entry in result.plan} == {"live"}
    result = laws.converge(lab, "vm1", machine(isos, cpus=1, memory="1GiB"))
    assert {entry["impact"] for entry in result.plan} == {"restart"}
    assert laws.pendings(result)["memory.size"] == ("2GiB", "1GiB", "a running virtual machine gives no memory back")
    assert laws.pendings(result)["cpus.count"][:2] == (4, 1)
    assert lab.apply("vm1", machine(isos, cpus=1, memory="1GiB")).pending == result.pending
    result = laws.converge(lab, "vm1", machine(isos, cpus=1, memory="1GiB", on_change="restart"))
    assert result.changed and result.pending == [] and not lab.apply("vm1", machine(isos, cpus=1, memory="1GiB")).pending


def test_without_hot_plug_growth_waits_although_prlctl_ends_with_0(lab: Lab, isos: list[str]) -> None:
    """"The changes will take effect after you restart": from the driver's own table, not from the text."""
    lab.prlctl("create", "vm1", "--vmtype", "vm", "--ostype", "linux")
    lab.prlctl("set", "vm1", "--memsize", "1G", "--cpus", "1", "--cpu-hotplug", "off", "--mem-hotplug", "off")
    lab.prlctl("start", "vm1")
    want = {"memory": "2GiB", "cpus": 2, "adopt": True}
    result = lab.must("vm1", want)
    assert "hot-plug of this virtual machine is off" in laws.pendings(result)["memory.size"][2] and "cpus.count" in laws.pendings(result)
    assert lab.apply("vm1", want).pending == result.pending and not lab.apply("vm1", want).changed
    assert lab.apply("vm1", {**want, "on_change": "defer"}).pending == result.pending
    lab.must("vm1", {**want, "on_change": "restart"})
    assert lab.apply("vm1", want).pending == []


def test_disks_come_grow_and_are_detached_with_their_image(lab: Lab, isos: list[str]) -> None:
    laws.converge(lab, "vm1", machine(isos))
    image = lab.shown("vm1")["Hardware"]["hdd1"]["image"]
    disks = [{"name": "root", "size": "30GiB"}, {"name": "data", "size": "5GiB"}, {"name": "log", "size": "1GiB"}]
    laws.converge(lab, "vm1", machine(isos, disks=disks))
    laws.assert_refused(lab, "vm1", machine(isos, disks=[{"name": "root", "size": "29GiB"}]), "a disk never shrinks", "30GiB")
    result = laws.converge(lab, "vm1", machine(isos, disks=[{"name": "root", "size": "30GiB"}, {"name": "log", "size": "1GiB"}]))
    [orphan] = result.status["orphaned"]
    assert orphan.endswith("/" + Path(image).name) and [disk["name"] for disk in lab.spec("vm1")["disks"]] == ["root", "log"]
    laws.assert_refused(lab, "vm1", machine(isos, protect=True, disks=[{"name": "root", "size": "30GiB"}]), "is protected")
    laws.assert_refused(lab, "vm1", machine(isos, disks=[{"name": "root", "size": "30GiB"}, {"name": "more"}]), "disks[1].size", "is required")


def test_nics_and_media_change_while_it_runs(lab: Lab, isos: list[str]) -> None:
    laws.converge(lab, "vm1", machine(isos))
    result = laws.converge(lab, "vm1", machine(isos, nics=[{"name": "back", "network": "Host-Only"}], media=[{"name": "cd", "file": isos[1]}]))
    hardware = lab.shown("vm1")["Hardware"]
    assert [hardware[name]["network"] for name in hardware if name.startswith("net")] == ["Host-Only"] and hardware["cdrom0"]["image"] == isos[1]
    assert result.pending == []
    nics = [{"name": "back", "network": "Bridged"}]
    laws.converge(lab, "vm1", machine(isos, nics=nics, media=[{"name": "cd", "file": isos[1]}, {"name": "two", "file": isos[0]}]))
    laws.converge(lab, "vm1", machine(isos, nics=nics, media=[{"name": "two", "file": isos[0]}]))
    assert [drive["file"] for drive in lab.spec("vm1")["media"] if drive.get("file")] == [isos[0]]


def test_the_boot_order_and_a_mac_address_wait_for_the_next_start(lab: Lab, isos: list[str]) -> None:
    laws.converge(lab, "vm1", machine(isos))
    other = machine(isos, boot={"order": ["cdrom", "hd"]}, nics=[{"name": "lan", "network": "Bridged", "mac": "52:54:00:11:22:33"}])
    result = laws.converge(lab, "vm1", other)
    assert set(laws.pendings(result)) == {"boot.order", "nics[lan].mac"}
    laws.converge(lab, "vm1", {**other, "on_change": "restart"})
    assert lab.apply("vm1", other).pending == []


def test_power(lab: Lab, isos: list[str]) -> None:
    states = ("stopped", "running", "paused", "present", "running", "paused", "stopped")
    laws.live_through(lab, "vm1", [machine(isos, state=state) for state in states])


def test_any_machine_is_adopted_by_its_own_spec(lab: Lab, isos: list[str]) -> None:
    lab.prlctl("create", "legacy", "--vmtype", "vm", "--ostype", "linux")
    lab.prlctl("set", "legacy", "--device-add", "hdd", "--size", "5G")
    lab.prlctl("set", "legacy", "--device-add", "net", "--network", "Bridged")
    lab.prlctl("set", "legacy", "--description", "by hand", "--cpulimit", "1000m")
    lab.prlctl("start", "legacy")
    laws.assert_adoption(lab, "legacy")
    assert lab.shown("legacy")["Description"] == "by hand" and lab.shown("legacy")["Hardware"]["cpu"]["cpulimit"] == "1000Mhz"


@pytest.mark.parametrize("changes, words", [
    ({"image": "debian-12-x86_64"}, ["image", "for a virtual machine"]), ({"hostname": "x"}, ["hostname", "for a virtual machine"]),
    ({"root_password": "$6$x"}, ["root_password", "for a virtual machine"]),
    ({"memory": {"size": "1GiB", "swap": "1GiB"}}, ["memory.swap", "virtual machine"]),
    ({"nics": [{"name": "lan", "network": "Bridged", "address": "192.0.2.1/24"}]}, ["nics[0].address", "set it inside"]),
    ({"media": [{"name": "cd", "file": "/nosuch.iso"}]}, ["media[0].file", "there is no file /nosuch.iso"]),
    ({"media": [{"name": "cd", "bus": "sata"}]}, ["media[0].bus", "engine virtuozzo has no such option"]),
    ({"disks": [{"name": "root", "size": "20GiB", "pool": "fast"}]}, ["disks[0].pool", "engine virtuozzo"]),
    ({"disks": [{"name": "root"}]}, ["disks[0].size", "is required"]),
    ({"wait_for": "address"}, ["wait_for.what", "does not know the addresses"]),
    ({"cloud_init": {"timezone": "UTC"}}, ["cloud_init", "for a virtual machine"]),
    ({"boot": {"order": ["fd"]}}, ["boot.order", "nothing of the kind fd"]), ({"nics": None, "boot": {"order": ["network"]}}, ["boot.order"]),
    ({"os": {"family": "linux", "firmware": "uefi"}}, ["os.firmware", "engine virtuozzo has no such option"]),
])
def test_what_a_machine_cannot_do(lab: Lab, isos: list[str], changes: Raw, words: list[str]) -> None:
    laws.assert_refused(lab, "vm1", machine(isos, **changes), *words)


def test_removal_keeps_the_files_unless_told(lab: Lab, isos: list[str]) -> None:
    laws.converge(lab, "vm1", machine(isos))
    home = lab.node.root / lab.shown("vm1")["Home"].strip("/")
    laws.converge(lab, "vm1", {"state": "absent"})
    assert home.exists()
    laws.converge(lab, "vm2", machine(isos, nics=None))
    home = lab.node.root / lab.shown("vm2")["Home"].strip("/")
    laws.converge(lab, "vm2", {"state": "absent", "remove_storage": True})
    assert not home.exists()


@pytest.fixture
def fresh(make_node: Callable[..., Node]) -> Iterator[Callable[[], tuple[Any, Any]]]:
    """A new node for each death."""
    def make() -> tuple[Any, Any]:
        new = VirtuozzoLab(virtuozzo(make_node))
        return new, new.wire

    yield make


def same(documents: dict[str, str]) -> dict[str, str]:
    """Less the notes, and what the machine's own file says of its start."""
    return {key: text for key, text in settled(documents).items() if not key.endswith("/vmprivate")}


def test_a_creation_that_was_killed_is_finished(fresh: Callable[[], tuple[Any, Any]], isos: list[str]) -> None:
    assert laws.assert_killed_runs_are_finished(fresh, "vm1", machine(isos), same=same) > 8


def test_a_change_that_was_killed_is_finished(fresh: Callable[[], tuple[Any, Any]], isos: list[str]) -> None:
    changed = machine(isos, cpus=4, memory="2GiB", disks=[{"name": "root", "size": "30GiB"}, {"name": "more", "size": "1GiB"}], autostart=False,
                      nics=[{"name": "back", "network": "Host-Only"}], media=[{"name": "cd", "file": isos[1]}], boot={"order": ["cdrom", "hd"]})
    assert laws.assert_killed_runs_are_finished(fresh, "vm1", changed, [machine(isos)], same=same) > 8


@pytest.mark.parametrize("storage", [True, False])
def test_a_removal_that_was_killed_is_finished(fresh: Callable[[], tuple[Any, Any]], isos: list[str], storage: bool) -> None:
    assert laws.assert_killed_runs_are_finished(fresh, "vm1", {"state": "absent", "remove_storage": storage}, [machine(isos)], same=same) >= 3
