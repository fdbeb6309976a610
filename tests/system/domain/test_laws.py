# Copyright: (c) 2026, flotilla.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The laws for domains on a real libvirtd and real QEMU processes. The guests have nothing to boot: they are there to be changed."""

from __future__ import annotations

from typing import Any

import pytest
from laws import laws
from laws.domain_cases import CASES, GONE, KEEPS, USER_KEY, Case
from laws.domain_lab import DomainLab, at, declare, gone, settled
from laws.wire import Wire

from .conftest import empty

pytestmark = pytest.mark.system

# Paused: a guest that does nothing costs the machine nothing, and complies with nothing.
HELD = {"state": "paused", "virtualization": "qemu", "memory": {"size": "64MiB"}, "cpus": {"count": 1},
        "disks": [{"name": "data", "pool": "fast", "size": "1MiB"}], "nics": [{"name": "lan", "network": "lan"}]}
EACH = [pytest.param(case, id=case.pattern) for case in CASES if not case.fake]
NEEDS_GUEST = "guest has not complied"


def restart(lab: DomainLab, name: str) -> None:
    """A person restarts the guest."""
    domain = lab.raw.lookupByName(name)
    domain.destroy()
    domain.createWithFlags(1)


@pytest.mark.parametrize("case", EACH)
def test_an_option_of_a_stopped_guest(lab: DomainLab, case: Case) -> None:
    laws.converge(lab, "web", declare(case, case.first))
    if case.fixed:
        return
    second = laws.converge(lab, "web", declare(case, case.second))
    assert len(second.plan) == (0 if case.same else case.entries), second.plan
    kept = at(second.spec, case.pattern)
    if case.stays:
        return
    last = laws.converge(lab, "web", declare(case, None))
    expected = kept if case.taken_back is KEEPS else case.taken_back
    assert gone(last.spec, case) if expected is GONE else at(last.spec, case.pattern) == expected


LIVE = [pytest.param(case, id=case.pattern) for case in CASES if not (case.fake or case.not_live or case.fixed)]


@pytest.mark.parametrize("case", LIVE)
def test_an_option_of_a_running_guest(lab: DomainLab, case: Case) -> None:
    """Law 4: live what can be, else pending with a reason in every run until a new process runs."""
    laws.converge(lab, "web", {**HELD, **case.instead})
    process = lab.raw.lookupByName("web").ID()
    last = case.second if case.stays else None
    for value in (case.first, case.second, last):
        result = laws.converge(lab, "web", declare(case, value, HELD))
        waiting = laws.pendings(result)
        for path, (_before, _after, impact) in laws.entries(result).items():
            if impact == "restart":
                # A new item that waits is one entry, whatever of it is declared later.
                assert [values for other, values in waiting.items() if (path.startswith(other) or other.startswith(path)) and values[2] != NEEDS_GUEST]
            else:
                assert path not in waiting or waiting[path][2] == NEEDS_GUEST
        assert laws.pendings(laws.converge(lab, "web", declare(case, value, HELD))) == waiting
    assert lab.raw.lookupByName("web").ID() == process
    if not case.not_started:
        restart(lab, "web")
        left = laws.pendings(laws.converge(lab, "web", declare(case, last, HELD)))
        assert {path: reason for path, (_running, _stored, reason) in left.items()
                if reason != "first boot only" and not path.startswith("memory")} == {}


def fresh_of(lab: DomainLab) -> Any:
    def fresh() -> tuple[DomainLab, Wire]:
        empty(lab)
        return lab, lab.wire
    return fresh


def same(documents: dict[str, str]) -> dict[str, Any]:
    """What must come out equal on a real host: the grammar's view is compared by the runs; here what is there at all."""
    settled_ones = settled(documents)
    # A temporary file is named by what it was to become: it goes with that, not before.
    return {key: text for key, text in settled_ones.items()
            if key.startswith("volume:") and not key.endswith(".partial") or key.endswith("power")} | {
        key: sorted(child.tag for child in _root(text).iter()) for key, text in settled_ones.items() if key.endswith(("stored", "live")) and text}


def _root(text: str) -> Any:
    import xml.etree.ElementTree as ET
    return ET.fromstring(text)


CREATION = {"memory": "64MiB", "virtualization": "qemu", "autostart": True, "nics": ["lan"], "disks": [{"name": "root", "pool": "fast", "size": "1MiB"}],
            "cloud_init": {"hostname": "web", "users": [{"name": "ops", "ssh_keys": [USER_KEY]}]}}


def test_a_creation_with_a_seed_survives_being_killed_anywhere(lab: DomainLab) -> None:
    assert laws.assert_killed_runs_are_finished(fresh_of(lab), "web", dict(CREATION, state="stopped"), same=same) >= 5


def test_a_creation_that_nobody_declares_a_state_for_is_started(lab: DomainLab) -> None:
    assert laws.assert_killed_runs_are_finished(fresh_of(lab), "web", {"memory": "64MiB", "virtualization": "qemu"}, same=same) >= 2


def test_another_seed_survives_being_killed_anywhere(lab: DomainLab) -> None:
    before = dict(CREATION, state="stopped")
    after = dict(before, cloud_init={"hostname": "other"})
    assert laws.assert_killed_runs_are_finished(fresh_of(lab), "web", after, [before], same) >= 4
    assert sum("seed" in volume for volume in lab.volumes()) == 1


def test_taking_the_seed_back_survives_being_killed_anywhere(lab: DomainLab) -> None:
    before = dict(CREATION, state="stopped")
    after = {name: value for name, value in before.items() if name != "cloud_init"}
    laws.assert_killed_runs_are_finished(fresh_of(lab), "web", after, [before], same)
    assert not any("seed" in volume for volume in lab.volumes())


def test_plugging_survives_being_killed_anywhere(lab: DomainLab) -> None:
    after = dict(HELD, title="t", disks=HELD["disks"] + [{"name": "more", "pool": "fast", "size": "1MiB"}],
                 nics=HELD["nics"] + [{"name": "dmz", "network": "dmz"}])
    assert laws.assert_killed_runs_are_finished(fresh_of(lab), "web", after, [HELD], same) >= 6


@pytest.mark.parametrize("earlier_rename", [False, True], ids=["in one run", "in two"])
def test_a_new_disk_is_plugged_under_the_name_that_another_had(lab: DomainLab, earlier_rename: bool) -> None:
    """libvirt refuses two devices of one alias, and an alias cannot change while the guest runs."""
    data = {"name": "data", "pool": "fast", "size": "1MiB"}
    others = [disk for disk in HELD["disks"] if disk["name"] != "data"]
    before = dict(HELD, disks=[*others, data])
    renamed = dict(HELD, disks=[*others, {**data, "name": "archive", "was": "data"}])
    after = dict(HELD, disks=[*renamed["disks"], {**data, "volume": "web-new.qcow2"}])
    earlier = [before, renamed] if earlier_rename else [before]
    laws.live_through(lab, "web", earlier)
    process = lab.raw.lookupByName("web").ID()
    result = laws.converge(lab, "web", after)
    assert result.pending == [] and lab.raw.lookupByName("web").ID() == process
    volumes = {disk["name"]: disk.get("volume") for disk in lab.spec("web")["disks"]}
    assert (volumes["archive"], volumes["data"]) == ("web-data.qcow2", "web-new.qcow2")
    restart(lab, "web")
    assert laws.converge(lab, "web", after).pending == []
    assert laws.assert_killed_runs_are_finished(fresh_of(lab), "web", after, earlier, same) >= 4


def test_a_removal_survives_being_killed_anywhere(lab: DomainLab) -> None:
    raw = {"state": "absent", "remove_storage": True}
    assert laws.assert_killed_runs_are_finished(fresh_of(lab), "web", raw, [dict(CREATION, state="stopped")], same) >= 3
    assert lab.volumes() == []


def test_a_network_of_mode_bridge_is_not_pending(lab: DomainLab) -> None:
    raw = dict(HELD, nics=[{"name": "lan", "network": "trunk"}])
    assert not laws.converge(lab, "web", raw).pending
    assert not laws.converge(lab, "web", dict(HELD, nics=[{"name": "lan", "network": "lan"}])).pending
    assert not laws.converge(lab, "web", dict(HELD, nics=[{"name": "lan", "bridge": "laws-br1"}])).pending
    assert not laws.converge(lab, "web", raw).pending


def test_a_device_that_does_not_leave_is_pending_and_asked_again(lab: DomainLab) -> None:
    more = dict(HELD, disks=HELD["disks"] + [{"name": "more", "pool": "fast", "size": "1MiB"}])
    laws.converge(lab, "web", more)
    result = laws.assert_check_is_truthful(lab, "web", HELD)
    assert not result.failed and laws.pendings(result)["disks[more]"][2] == NEEDS_GUEST, result.msg
    lab.wire.clear()
    again = lab.must("web", HELD)
    assert not again.changed and "disks[more]" in laws.pendings(again)
    assert lab.wire.changes == ["virDomain.detachDeviceAlias"]
    other = lab.must("web", dict(HELD, disks=HELD["disks"] + [{"name": "next", "pool": "fast", "size": "1MiB"}]))
    assert "disks[next]" not in laws.pendings(other)
    restart(lab, "web")
    assert not lab.must("web", dict(HELD, disks=HELD["disks"] + [{"name": "next", "pool": "fast", "size": "1MiB"}])).pending


def test_on_change_restart_does_not_restart_for_the_balloon(lab: DomainLab) -> None:
    raw = dict(HELD, memory={"size": "64MiB", "maximum": "128MiB"}, on_change="restart", force_stop=True, stop_timeout=0)
    result = laws.converge(lab, "web", raw)
    process = lab.raw.lookupByName("web").ID()
    for _run in range(2):
        assert not lab.must("web", raw).changed
    assert lab.raw.lookupByName("web").ID() == process, result.pending


def test_on_change_restart(lab: DomainLab) -> None:
    laws.converge(lab, "web", HELD)
    changed = dict(HELD, cpus={"count": 1, "maximum": 4})
    assert laws.converge(lab, "web", changed).pending
    result = laws.converge(lab, "web", dict(changed, on_change="restart", force_stop=True, stop_timeout=0))
    assert result.changed and not result.pending and result.status["state"] == "paused"


def test_a_cpu_feature_that_is_taken_back_is_pending_until_a_new_process_runs(lab: DomainLab) -> None:
    """The running document lists it among those that libvirt added by itself."""
    cpus = {"count": 1, "model": "Nehalem"}
    laws.converge(lab, "web", dict(HELD, cpus=dict(cpus, features={"aes": "disable", "sse4.2": "disable"})))
    left = laws.converge(lab, "web", dict(HELD, cpus=dict(cpus, features={"aes": "disable"})))
    assert [(entry["path"], entry["running"], entry["stored"]) for entry in left.pending] == [
        ("cpus.features", {"aes": "disable", "sse4.2": "disable"}, {"aes": "disable"})]
    left = laws.converge(lab, "web", dict(HELD, cpus=cpus))
    assert [entry["running"] for entry in left.pending] == [{"aes": "disable", "sse4.2": "disable"}]
    assert laws.converge(lab, "web", dict(HELD, cpus=cpus, title="other")).pending == left.pending
    done = laws.converge(lab, "web", dict(HELD, cpus=cpus, title="other", on_change="restart", force_stop=True, stop_timeout=0))
    assert done.changed and not done.pending


def test_adoption_of_what_libvirt_makes_of_a_small_document(lab: DomainLab) -> None:
    lab.define("<domain type='qemu'><name>old</name><memory>65536</memory><os><type machine='pc'>hvm</type></os><devices>"
               "<disk type='file' device='disk'><source file='/dev/null'/><target dev='hda' bus='ide'/></disk>"
               "<interface type='user'/><graphics type='vnc' passwd='vncpass'/><watchdog model='i6300esb'/></devices></domain>")
    laws.assert_adoption(lab, "old")
    stored = lab.stored("old")
    laws.converge(lab, "old", dict(lab.spec("old"), title="t", cpus={"count": 2, "maximum": 4}))
    after = lab.stored("old")
    assert after.find("devices/graphics").get("passwd") == "vncpass"
    assert [node.tag for node in after.find("devices")] == [node.tag for node in stored.find("devices")]
