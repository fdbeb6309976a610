# Copyright: (c) 2026, flotilla.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A guest is renamed on a real libvirtd: what libvirt keeps by name, and what of a real process survives."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import libvirt
import pytest
from laws import laws
from laws.domain_lab import DomainLab
from laws.wire import Wire

from .conftest import empty
from .test_laws import CREATION, HELD, same

pytestmark = pytest.mark.system

RESTART = {"on_change": "restart", "force_stop": True, "stop_timeout": 0}
VARIABLES = "/var/lib/libvirt/qemu/nvram/old_VARS.fd"


@pytest.fixture(name="lab")
def _lab(host: DomainLab) -> Iterator[DomainLab]:
    """An empty host, on which `old` is to become `db`."""
    empty(host)
    host.earlier = "old"
    yield host
    host.earlier = ""
    empty(host)


def names(lab: DomainLab) -> list[str]:
    return sorted(domain.name() for domain in lab.raw.listAllDomains())


def kept(lab: DomainLab, name: str) -> dict[str, Any]:
    """What nobody wants to lose."""
    root = lab.stored(name)
    return {"uuid": root.find("uuid").text, "macs": [mac.get("address") for mac in root.iter("mac")],
            "sources": [dict(source.attrib) for source in root.iterfind("devices/disk/source")],
            "log": root.find("devices/serial/log").get("file"), "volumes": lab.volumes(),
            "autostart": lab.raw.lookupByName(name).autostart(), "note": lab.annotation(name)}


def test_a_guest_with_a_seed_keeps_everything_and_a_new_one_shares_nothing(lab: DomainLab) -> None:
    laws.converge(lab, "old", dict(CREATION, state="stopped", tags={"role": "db"}))
    before = kept(lab, "old")
    result = laws.converge(lab, "db", dict(CREATION, state="stopped", tags={"role": "db"}, was="old"))
    assert laws.entries(result) == {"name": ("old", "db", "live")} and names(lab) == ["db"]
    assert kept(lab, "db") == before and result.status["orphaned"] == []
    # One that takes the old name has a log and a seed of its own; what the declaration names must differ.
    lab.earlier = ""
    laws.converge(lab, "old", dict(CREATION, state="stopped", uuid="11111111-2222-4333-8444-555555555555",
                                   nics=[{"name": "lan", "network": "lan", "mac": "52:54:00:11:22:33"}],
                                   disks=[{"name": "root", "pool": "fast", "size": "1MiB", "volume": "old-second.qcow2"}]))
    after = kept(lab, "old")
    assert (after["log"], before["log"]) == ("/var/log/libvirt/qemu/old-11111111-serial0.log", "/var/log/libvirt/qemu/old-serial0.log")
    assert not {str(source) for source in after["sources"]} & {str(source) for source in before["sources"]}
    # Another seed replaces the renamed one's, whatever name that was made under; what is left goes with the guest.
    lab.earlier = "old"
    laws.converge(lab, "db", dict(CREATION, state="stopped", tags={"role": "db"}, cloud_init={"hostname": "other"}))
    assert sorted(volume.split("-seed-")[0] for volume in lab.volumes() if "-seed-" in volume) == ["fast/db", "fast/old"]
    lab.must("db", {"state": "absent", "remove_storage": True})
    assert [volume.split("-seed-")[0] for volume in lab.volumes()] == ["fast/old-second.qcow2", "fast/old"]


def test_a_running_process_keeps_its_name_until_it_is_restarted(lab: DomainLab) -> None:
    uefi = dict(HELD, os={"firmware": "uefi"})
    laws.converge(lab, "old", uefi)
    process = lab.raw.lookupByName("old").ID()
    waiting = laws.converge(lab, "db", dict(uefi, was="old", title="t"))
    assert list(laws.pendings(waiting)) == ["name"] and names(lab) == ["old"] and lab.raw.lookupByName("old").ID() == process
    result = laws.converge(lab, "db", dict(uefi, was="old", title="t", **RESTART))
    assert laws.entries(result) == {"name": ("old", "db", "restart")} and names(lab) == ["db"] and result.pending == []
    assert lab.raw.lookupByName("db").ID() not in (process, -1)
    # libvirt 9.0 would look for them under the new name, and begin with fresh ones.
    assert lab.live("db").find("os/nvram").text == VARIABLES


def test_a_stopped_guest_keeps_its_firmware_variables_too(lab: DomainLab) -> None:
    uefi = dict(HELD, os={"firmware": "uefi"})
    laws.converge(lab, "old", uefi)
    lab.raw.lookupByName("old").destroy()
    laws.converge(lab, "db", dict(uefi, was="old"))
    assert lab.live("db").find("os/nvram").text == VARIABLES
    lab.earlier = ""
    laws.converge(lab, "old", {"state": "stopped", "virtualization": "qemu", "memory": "64MiB", "os": {"firmware": "uefi"},
                               "uuid": "11111111-2222-4333-8444-555555555555"})
    assert lab.stored("old").find("os/nvram").text == VARIABLES.replace("old", "old-11111111")


def test_a_saved_guest_keeps_its_name_until_it_was_started_again(lab: DomainLab) -> None:
    laws.converge(lab, "old", HELD)
    lab.raw.lookupByName("old").managedSave()
    waiting = laws.converge(lab, "db", dict(HELD, was="old", state="stopped"))
    assert "was saved while it ran" in laws.pendings(waiting)["name"][2] and lab.raw.lookupByName("old").hasManagedSaveImage()
    result = laws.converge(lab, "db", dict(HELD, was="old", state="stopped", discard_saved=True))
    assert list(laws.entries(result)) == ["name", "saved"] and names(lab) == ["db"]


def test_a_saved_guest_is_restored_stopped_and_renamed_by_on_change_restart(lab: DomainLab) -> None:
    laws.converge(lab, "old", HELD)
    lab.raw.lookupByName("old").managedSave()
    laws.converge(lab, "db", dict(HELD, was="old", **RESTART))
    assert names(lab) == ["db"] and lab.raw.lookupByName("db").state()[0] == libvirt.VIR_DOMAIN_PAUSED


def test_snapshots_go_with_it(lab: DomainLab) -> None:
    laws.converge(lab, "old", dict(HELD, state="stopped"))
    lab.raw.lookupByName("old").snapshotCreateXML("<domainsnapshot><name>before</name></domainsnapshot>", 0)
    laws.converge(lab, "db", dict(HELD, state="stopped", was="old"))
    domain = lab.raw.lookupByName("db")
    domain.revertToSnapshot(domain.snapshotLookupByName("before"))
    assert names(lab) == ["db"]
    domain.snapshotLookupByName("before").delete()


def test_a_restart_for_the_name_survives_being_killed_anywhere(lab: DomainLab) -> None:
    def fresh() -> tuple[DomainLab, Wire]:
        empty(lab)
        lab.must("old", HELD)
        lab.wire.clear()
        return lab, lab.wire

    raw = {name: value for name, value in HELD.items() if name != "state"}
    assert laws.assert_killed_runs_are_finished(fresh, "db", dict(raw, was="old", **RESTART), same=same) >= 4
