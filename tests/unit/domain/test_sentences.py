# Copyright: (c) 2026, flotilla.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a declaration of a domain means, sentence by sentence of the laws, on libvirt's test driver."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from laws import laws
from laws.domain_cases import BASE, USER_KEY
from laws.domain_lab import DomainLab, settled
from laws.wire import Wire

Fresh = Callable[[], tuple[DomainLab, Wire]]
SMALL = {"memory": "64MiB", "state": "stopped"}
RUNNING = {"memory": {"size": "64MiB", "maximum": "128MiB"}, "cpus": {"count": 1, "maximum": 2}, "state": "running"}


# -- power ----------------------------------------------------------------------------------------------------------------

def test_power(lab: DomainLab) -> None:
    for state in ("stopped", "running", "paused", "running", "stopped", "paused", "stopped", "running"):
        result = laws.converge(lab, "web", dict(SMALL, state=state))
        assert result.status["state"] == state
    assert laws.converge(lab, "web", {"memory": "64MiB"}).status["state"] == "running"
    assert laws.converge(lab, "web", dict(SMALL, state="present")).status["state"] == "running"
    laws.converge(lab, "web", {"state": "absent"})
    assert not lab.exists("web")
    laws.converge(lab, "web", {"state": "absent"})


def test_a_creation_without_state_is_running(lab: DomainLab) -> None:
    assert laws.converge(lab, "web", {"memory": "64MiB"}).status["state"] == "running"


@pytest.mark.parametrize("raw", [{"memory": "64MiB"}, {"memory": "64MiB", "state": "paused"},
                                 dict(BASE, state="running", autostart=True, tags={"a": "b"})])
def test_a_creation_that_was_killed_is_finished(fresh: Fresh, raw: dict[str, object]) -> None:
    assert laws.assert_killed_runs_are_finished(fresh, "web", raw, same=settled) >= 2


def test_a_guest_stopped_by_hand_after_its_creation_stays_stopped(lab: DomainLab) -> None:
    laws.converge(lab, "web", {"memory": "64MiB"})
    lab.raw.lookupByName("web").destroy()
    assert laws.converge(lab, "web", {"memory": "64MiB"}).status["state"] == "stopped"


def test_a_finished_creation_is_forgotten(fresh: Fresh) -> None:
    """Killed after the start: the next run has nothing to do, and must not start what a person stops later."""
    lab, wire = fresh()
    raw = {"memory": "64MiB"}
    count = laws.assert_killed_runs_are_finished(fresh, "web", raw, same=settled)
    wire.kill_before_change(count - 1)
    with pytest.raises(BaseException, match="before"):
        lab.apply("web", raw)
    wire.clear()
    lab.must("web", raw)
    lab.raw.lookupByName("web").destroy()
    assert lab.must("web", raw).status["state"] == "stopped"


def test_a_restart_that_was_killed_is_finished(fresh: Fresh) -> None:
    raw = {"memory": "64MiB", "cpus": {"count": 1, "maximum": 4}, "on_change": "restart"}
    assert laws.assert_killed_runs_are_finished(fresh, "web", raw, [{"memory": "64MiB"}], settled) >= 4


# -- items ----------------------------------------------------------------------------------------------------------------

def test_items(lab: DomainLab) -> None:
    one, two = {"name": "lan", "network": "lan"}, {"name": "back.end_1", "network": "dmz"}
    root, data = {"name": "root", "pool": "fast", "size": "1MiB"}, {"name": "data", "pool": "fast", "size": "2MiB", "bus": "scsi"}
    ops, dev = {"name": "ops", "ssh_keys": [USER_KEY]}, {"name": "dev", "sudo": True}
    laws.converge(lab, "web", dict(SMALL, nics=[one], disks=[root], cloud_init={"users": [ops]}))
    more = laws.converge(lab, "web", dict(SMALL, nics=[two, one], disks=[data, root], cloud_init={"users": [dev, ops]}))
    assert sorted(laws.entries(more)) == ["cloud_init.users[dev]", "disks[data]", "nics[back.end_1]"]
    assert {nic["name"] for nic in more.spec["nics"]} == {"lan", "back.end_1"}
    less = laws.converge(lab, "web", dict(SMALL, nics=[two], disks=[data]))
    assert set(laws.entries(less)) == {"cloud_init.users[dev]", "cloud_init.users[ops]", "disks[root]", "nics[lan]"}
    assert lab.volumes() == ["fast/web-data.qcow2", "fast/web-root.qcow2"]
    none = laws.converge(lab, "web", SMALL)
    assert none.spec["disks"] == [] and none.spec["nics"] == []
    assert lab.volumes() == ["fast/web-data.qcow2", "fast/web-root.qcow2"]


def test_a_killed_change_of_items_is_finished(fresh: Fresh) -> None:
    before = dict(SMALL, nics=[{"name": "lan", "network": "lan"}], disks=[{"name": "root", "pool": "fast", "size": "1MiB"}])
    after = dict(SMALL, nics=[{"name": "dmz", "network": "dmz"}],
                 disks=[{"name": name, "pool": "fast", "size": "1MiB"} for name in ("root", "data")])
    assert laws.assert_killed_runs_are_finished(fresh, "web", after, [before], settled) >= 3


def test_a_disk_that_left_is_orphaned_and_said_so(lab: DomainLab) -> None:
    lab.must("web", BASE)
    result = laws.converge(lab, "web", dict(BASE, disks=[]))
    assert result.status["orphaned"] == ["fast/web-data.qcow2"]
    assert lab.volumes() == ["fast/web-data.qcow2"]


def test_a_disk_is_renamed_and_keeps_its_volume(lab: DomainLab) -> None:
    lab.must("web", BASE)
    result = laws.converge(lab, "web", dict(BASE, disks=[{"name": "store", "was": "data", "pool": "fast", "size": "1MiB"}]))
    assert len(result.plan) == 1
    assert [disk["volume"] for disk in result.spec["disks"]] == ["web-data.qcow2"]
    assert [disk["name"] for disk in result.spec["disks"]] == ["store"]
    laws.converge(lab, "web", dict(BASE, disks=[{"name": "store", "pool": "fast", "size": "1MiB"}]))
    assert lab.volumes() == ["fast/web-data.qcow2"]


ROOT = {"name": "root", "pool": "fast", "size": "1MiB"}
ARCHIVE = {"name": "archive", "was": "data", "pool": "fast", "size": "1MiB"}
# A new disk under the old name of one that is renamed; its usual volume is the other's.
NEW_DATA = {"name": "data", "pool": "fast", "size": "2MiB", "volume": "web-new.qcow2"}
RENAMED = dict(BASE, disks=[ROOT, ARCHIVE])
RENAMED_AND_NEW = dict(BASE, disks=[ROOT, ARCHIVE, NEW_DATA])
BEFORE = dict(BASE, disks=[ROOT, *BASE["disks"]])


def volumes_by_name(lab: DomainLab) -> dict[str, str]:
    return {disk["name"]: disk["volume"] for disk in lab.spec("web")["disks"]}


@pytest.mark.parametrize("earlier", [[BEFORE], [BEFORE, RENAMED]], ids=["in one run", "in two"])
def test_a_new_disk_gets_the_name_of_a_renamed_one(lab: DomainLab, earlier: list[dict[str, object]]) -> None:
    laws.live_through(lab, "web", earlier)
    laws.assert_refused(lab, "web", dict(BASE, disks=[ROOT, ARCHIVE, BASE["disks"][0]]), "disks[2].volume",
                        "this is the guest's disk archive already", "declare another volume")
    result = laws.converge(lab, "web", RENAMED_AND_NEW)
    assert set(laws.entries(result)) - {"disks[archive].name"} == {"disks[data]"}
    wanted = {"root": "web-root.qcow2", "archive": "web-data.qcow2", "data": "web-new.qcow2"}
    assert volumes_by_name(lab) == wanted and result.status["orphaned"] == []
    # It is changed, and taken away, under the name that it has, and the other stays.
    laws.converge(lab, "web", dict(BASE, disks=[ROOT, ARCHIVE, {**NEW_DATA, "serial": "S1"}]))
    assert [disk.get("serial") for disk in lab.spec("web")["disks"]] == [None, None, "S1"]
    gone = laws.converge(lab, "web", RENAMED)
    assert gone.status["orphaned"] == ["fast/web-new.qcow2"] and volumes_by_name(lab) == {"root": "web-root.qcow2", "archive": "web-data.qcow2"}
    laws.converge(lab, "web", RENAMED_AND_NEW)
    laws.converge(lab, "web", dict(BASE, disks=[ROOT, NEW_DATA]))
    assert volumes_by_name(lab) == {"root": "web-root.qcow2", "data": "web-new.qcow2"}


@pytest.mark.parametrize("earlier", [[BEFORE], [BEFORE, RENAMED]], ids=["in one run", "in two"])
def test_a_new_disk_under_an_old_name_survives_being_killed_anywhere(fresh: Fresh, earlier: list[dict[str, object]]) -> None:
    assert laws.assert_killed_runs_are_finished(fresh, "web", RENAMED_AND_NEW, earlier, settled) >= 3


def test_fixed(lab: DomainLab) -> None:
    lab.must("web", BASE)
    disk = BASE["disks"][0]
    for part, value in (("pool", "slow"), ("volume", "other.qcow2"), ("format", "raw"), ("file", "/dev/null"), ("device", "/dev/null")):
        laws.assert_refused(lab, "web", dict(BASE, disks=[dict(disk, **{part: value})]), "disks[data].%s" % part)


def test_creation_only(lab: DomainLab) -> None:
    made = laws.converge(lab, "web", dict(SMALL, os={"family": "linux", "variant": "debian12"}))
    assert (made.spec["os"]["family"], made.spec["os"]["variant"]) == ("linux", "debian12")
    later = laws.converge(lab, "web", dict(SMALL, os={"family": "bsd"}))
    assert not later.changed and laws.pendings(later)["os.family"][:2] == ("linux", "bsd")
    assert laws.converge(lab, "web", SMALL).spec["os"]["family"] == "linux"


def test_machine(lab: DomainLab) -> None:
    laws.converge(lab, "web", SMALL)
    result = laws.converge(lab, "web", dict(SMALL, os={"machine": "pc"}))
    assert sorted(laws.entries(result)) == ["os.machine"]


def test_bridge(lab: DomainLab) -> None:
    laws.converge(lab, "web", dict(SMALL, nics=[{"name": "lan", "network": "lan"}]))
    laws.converge(lab, "web", dict(SMALL, nics=[{"name": "lan", "bridge": "br20"}]))
    back = laws.converge(lab, "web", dict(SMALL, nics=[{"name": "lan", "network": "dmz"}]))
    assert "bridge" not in back.spec["nics"][0]
    laws.assert_refused(lab, "web", dict(SMALL, nics=[{"name": "lan", "network": "lan", "bridge": "br20"}]), "nics[0]")


# -- three-way ------------------------------------------------------------------------------------------------------------

def test_taking_back_a_whole_dictionary(lab: DomainLab) -> None:
    raw = {"state": "stopped", "memory": {"size": "64MiB", "maximum": "128MiB"}, "cpus": {"count": 2, "maximum": 4}}
    lab.must("web", raw)
    result = laws.converge(lab, "web", {"state": "stopped"})
    memory = {name: result.spec["memory"][name] for name in ("size", "maximum")}
    assert (memory, result.spec["cpus"]) == ({"size": "64MiB", "maximum": "64MiB"}, {"count": 2, "maximum": 2})


def test_empty_values_converge(lab: DomainLab) -> None:
    laws.converge(lab, "web", dict(SMALL, tags={}, title="", description="", disks=[], nics=[], cloud_init={}))
    laws.converge(lab, "web", dict(SMALL, tags={"a": "b"}, title="x", description="y"))
    laws.converge(lab, "web", dict(SMALL, tags={}, title="", description=""))


FOREIGN = """<domain type='test'><name>%s</name><title>mine</title>
<metadata><x:app xmlns:x='urn:other:tool'><x:note kind='1'>keep <x:b/> this</x:note></x:app></metadata>
<memory unit='KiB'>65536</memory><vcpu>1</vcpu><os><type arch='i686'>hvm</type><smbios mode='sysinfo'/></os>
<sysinfo type='smbios'><bios><entry name='vendor'>Someone</entry></bios></sysinfo>
<cputune><shares>512</shares></cputune><on_crash>restart</on_crash>
<devices><disk type='file' device='cdrom'><target dev='sdz' bus='sata'/><readonly/></disk>
<disk type='file' device='disk'><driver name='qemu' type='raw' discard='unmap'/><source file='/srv/old.img'/><target dev='vda' bus='virtio'/></disk>
<interface type='network'><mac address='52:54:00:aa:bb:cc'/><source network='lan'/><bandwidth><inbound average='100'/></bandwidth></interface>
<hostdev mode='subsystem' type='usb' managed='yes'><source><vendor id='0x1234'/><product id='0xbeef'/></source></hostdev>
</devices></domain>"""


def strange(lab: DomainLab, name: str) -> list[str]:
    root = lab.stored(name)
    return [root.findtext("cputune/shares"), root.findtext("on_crash"), root.findtext("sysinfo/bios/entry"),
            root.find("devices/disk[@device='cdrom']/target").get("dev"), root.find("devices/interface/bandwidth/inbound").get("average"),
            root.find("devices/hostdev/source/vendor").get("id"), root.find("devices/disk/driver[@discard]").get("discard"),
            "".join(root.find("metadata/{urn:other:tool}app").itertext())]


def test_foreign_elements_survive_every_edit(lab: DomainLab) -> None:
    lab.define(FOREIGN % "old")
    before = strange(lab, "old")
    more = {"state": "stopped", "adopt": True, "title": "ours", "memory": {"size": "96MiB", "maximum": "128MiB"}, "tags": {"a": "b"}, "autostart": True,
            "disks": [{"name": "vda"}], "nics": [{"name": "52:54:00:aa:bb:cc"}, {"name": "dmz", "network": "dmz"}]}
    laws.converge(lab, "old", more)
    assert strange(lab, "old") == before
    laws.converge(lab, "old", {"state": "stopped", "disks": [{"name": "vda"}], "nics": [{"name": "52:54:00:aa:bb:cc"}]})
    assert strange(lab, "old") == before


@pytest.mark.parametrize("change", [("bus='virtio'", "bus='ide'"), ("type='raw'", "type='vmdk'"), ("type='raw'", "type='raw' cache='default'"),
                                    ("<interface type='network'>", "<interface type='user'>"), ("<name>old<", "<name>Windows 10 (old)<"),
                                    ("<vcpu>1</vcpu>", "<vcpu current='1'>2</vcpu><vcpus><vcpu id='0' enabled='yes' hotpluggable='no'/>"
                                                       "<vcpu id='1' enabled='no' hotpluggable='yes'/></vcpus>"),
                                    ("<title>mine</title>", "<title> mine </title><description>\n  a\n b\n</description>")])
def test_the_spec_of_any_guest_is_a_declaration_of_it(lab: DomainLab, change: tuple[str, str]) -> None:
    text = FOREIGN % "old"
    assert change[0] in text
    text = text.replace(*change)
    if "user" in change[1]:
        text = text.replace("<source network='lan'/>", "")
    lab.define(text)
    laws.assert_adoption(lab, lab.raw.listAllDomains()[0].name())


def test_vcpus_of_an_adopted_guest_can_be_changed(lab: DomainLab) -> None:
    lab.define((FOREIGN % "old").replace("<vcpu>1</vcpu>", "<vcpu current='1'>2</vcpu><vcpus><vcpu id='0' enabled='yes' hotpluggable='no'/>"
                                         "<vcpu id='1' enabled='no' hotpluggable='yes'/></vcpus>"))
    laws.converge(lab, "old", {"cpus": {"count": 2}, "adopt": True, "state": "stopped"})
    laws.converge(lab, "old", {"cpus": {"count": 1, "maximum": 4}, "state": "stopped"})


def test_adoption_needs_consent_where_it_differs(lab: DomainLab) -> None:
    lab.define(FOREIGN % "old")
    laws.assert_refused(lab, "old", {"title": "ours"}, "adopt: true", "title", "mine", "ours")
    assert lab.annotation("old") is None
    adopted = laws.converge(lab, "old", {"title": "ours", "adopt": True})
    note = lab.annotation("old")
    assert adopted.changed and note is not None and not note.created and "adopt" not in note.applied
    laws.assert_refused(lab, "new", {"title": "x"}, "memory")


def test_the_only_disk_of_an_adopted_guest_moves_to_another_bus(lab: DomainLab) -> None:
    lab.define(FOREIGN % "old")
    raw = {"state": "stopped", "adopt": True, "disks": [{"name": "vda", "bus": "scsi"}]}
    result = laws.converge(lab, "old", raw)
    assert [(disk["name"], disk["bus"], disk["file"]) for disk in result.spec["disks"]] == [("vda", "scsi", "/srv/old.img")]


def test_a_device_of_an_adopted_guest_is_not_plugged_twice(lab: DomainLab) -> None:
    lab.define(FOREIGN % "old")
    laws.assert_refused(lab, "old", {"adopt": True, "disks": [{"name": "root", "file": "/srv/old.img"}]}, "disks[0]", "vda")
    laws.assert_refused(lab, "old", {"adopt": True, "nics": [{"name": "lan", "network": "lan", "mac": "52:54:00:aa:bb:cc"}]}, "nics[0]")


def test_a_transient_domain_is_read_and_refused(lab: DomainLab) -> None:
    lab.raw.createXML(FOREIGN % "old")
    spec = lab.spec("old")
    assert spec["state"] == "running"
    laws.assert_adoption(lab, "old")
    for raw in ({"title": "x", "adopt": True}, {"state": "absent", "adopt": True}, {"state": "stopped", "adopt": True}):
        laws.assert_refused(lab, "old", raw, "transient")


def test_protect_is_part_of_the_spec(lab: DomainLab) -> None:
    lab.must("web", dict(SMALL, protect=True))
    laws.assert_adoption(lab, "web")
    laws.assert_refused(lab, "web", {"state": "absent"}, "protect")


# -- pending --------------------------------------------------------------------------------------------------------------

def test_live_or_pending(lab: DomainLab) -> None:
    laws.converge(lab, "web", RUNNING)
    moved = laws.converge(lab, "web", dict(RUNNING, cpus={"count": 2, "maximum": 2}, memory={"size": "96MiB", "maximum": "128MiB"}, title="now"))
    assert {impact for _before, _after, impact in laws.entries(moved).values()} == {"live"} and not moved.pending
    live = lab.live("web")
    assert (live.find("vcpu").get("current"), live.findtext("currentMemory"), live.findtext("title")) == (None, "98304", "now")
    raised = laws.converge(lab, "web", dict(RUNNING, cpus={"count": 2, "maximum": 8}, memory={"size": "96MiB", "maximum": "256MiB"}))
    assert {path: values[:2] for path, values in laws.pendings(raised).items()} == {
        "cpus.maximum": (2, 8), "memory.maximum": ("128MiB", "256MiB")}
    for _run in range(2):
        assert laws.pendings(laws.converge(lab, "web", {"state": "running"})).keys() <= {"cpus.maximum", "memory.maximum"}
    lab.raw.lookupByName("web").destroy()
    lab.raw.lookupByName("web").create()
    assert not laws.converge(lab, "web", {"state": "running"}).pending


def test_pending_clears_with_a_restart(lab: DomainLab) -> None:
    lab.must("web", RUNNING)
    changed = dict(RUNNING, cpus={"count": 1, "maximum": 8})
    assert laws.converge(lab, "web", changed).pending
    number = lab.raw.lookupByName("web").ID()
    restarted = laws.converge(lab, "web", dict(changed, on_change="restart"))
    assert laws.entries(restarted) == {"cpus.maximum": (2, 8, "restart")} and not restarted.pending
    assert lab.raw.lookupByName("web").ID() != number


def test_defer_leaves_the_running_guest_alone(lab: DomainLab) -> None:
    lab.must("web", RUNNING)
    before = lab.documents()["domain:web live"]
    raw = dict(RUNNING, title="later", memory={"size": "96MiB", "maximum": "128MiB"}, tags={"a": "b"}, autostart=True, on_change="defer")
    result = laws.converge(lab, "web", raw)
    assert sorted(laws.pendings(result)) == ["memory.size", "title"]
    impacts = {path: values[2] for path, values in laws.entries(result).items()}
    assert impacts == {"title": "restart", "memory.size": "restart", "tags": "live", "autostart": "live"}
    live = lab.live("web")
    assert live.findtext("currentMemory") == "65536" and live.find("title") is None and before
    now = laws.converge(lab, "web", dict(raw, on_change="live"))
    assert not now.pending and lab.live("web").findtext("title") == "later"


def test_a_killed_live_change_is_finished(fresh: Fresh) -> None:
    after = dict(RUNNING, title="t", description="d", cpus={"count": 2, "maximum": 2}, memory={"size": "96MiB", "maximum": "128MiB"})
    assert laws.assert_killed_runs_are_finished(fresh, "web", after, [RUNNING], settled) >= 6
    assert laws.assert_killed_runs_are_finished(fresh, "web", RUNNING, [after], settled) >= 6


def test_first_boot_only(lab: DomainLab) -> None:
    raw = dict(RUNNING, cloud_init={"hostname": "one"})
    laws.converge(lab, "web", raw)
    number = lab.raw.lookupByName("web").ID()
    later = laws.converge(lab, "web", dict(raw, cloud_init={"hostname": "two"}, on_change="restart"))
    assert laws.pendings(later)["cloud_init.hostname"] == ("one", "two", "first boot only")
    assert lab.raw.lookupByName("web").ID() == number, "a restart cannot bring it, and must not happen"
    lab.raw.lookupByName("web").destroy()
    stopped = laws.converge(lab, "web", dict(raw, state="stopped", cloud_init={"hostname": "three"}))
    assert laws.pendings(stopped)["cloud_init.hostname"] == ("one", "three", "first boot only")


@pytest.mark.parametrize("more", [{}, {"on_change": "restart"}, {"on_change": "defer"}])
def test_a_change_for_the_first_boot_is_told_apart_from_one_that_a_restart_brings(lab: DomainLab, more: dict[str, object]) -> None:
    raw = dict(RUNNING, cloud_init={"hostname": "one"})
    laws.converge(lab, "web", raw)
    later = dict(raw, cloud_init={"hostname": "two"}, console=False, force_stop=True, stop_timeout=0, **more)
    foreseen, done = lab.check("web", later), laws.converge(lab, "web", later)
    for result in (foreseen, done):
        assert laws.entries(result)["cloud_init.hostname"] == ("one", "two", "restart")
        assert laws.entries(result)["console"][2] == "restart"
        assert laws.pendings(result)["cloud_init.hostname"] == ("one", "two", "first boot only")
        assert result.to_dict()["diff"]["after_header"] == (
            "first boot only, which not even a restart brings into a guest that has booted: cloud_init.hostname")
    again = lab.must("web", later)
    assert again.diff() == {"before": {}, "after": {}} and laws.pendings(again)["cloud_init.hostname"][2] == "first boot only"


def test_cloud_init_of_an_adopted_guest_never_runs(lab: DomainLab) -> None:
    lab.define(FOREIGN % "old")
    result = laws.converge(lab, "old", {"adopt": True, "cloud_init": {"hostname": "new"}})
    assert laws.pendings(result)["cloud_init.hostname"] == (None, "new", "first boot only")


# -- nothing is lost ------------------------------------------------------------------------------------------------------

def test_removal_keeps_storage_unless_told(lab: DomainLab) -> None:
    lab.must("web", BASE)
    laws.converge(lab, "web", {"state": "absent"})
    assert lab.volumes() == ["fast/web-data.qcow2"]
    laws.assert_refused(lab, "web", BASE, "disks[0].volume", "existing: true")
    lab.must("web", dict(BASE, disks=[dict(BASE["disks"][0], existing=True)]))
    laws.converge(lab, "web", {"state": "absent", "remove_storage": True})
    assert lab.volumes() == ["fast/web-data.qcow2"], "it was not made for this guest"


def test_remove_storage_removes_what_was_made(lab: DomainLab) -> None:
    lab.must("other", dict(BASE, disks=[{"name": "data", "pool": "fast", "size": "1MiB"}]))
    lab.must("web", dict(BASE, disks=[*BASE["disks"], {"name": "more", "pool": "fast", "size": "1MiB"}]))
    lab.must("web", BASE)
    laws.converge(lab, "web", {"state": "absent", "remove_storage": True})
    assert lab.volumes() == ["fast/other-data.qcow2"]


def test_remove_storage_spares_a_disk_that_another_guest_has_now(lab: DomainLab) -> None:
    lab.must("web", BASE)
    lab.must("web", dict(BASE, disks=[]))
    moved = {"name": "data", "pool": "fast", "volume": "web-data.qcow2", "existing": True}
    lab.must("heir", dict(SMALL, disks=[moved]))
    result = laws.converge(lab, "web", {"state": "absent", "remove_storage": True})
    assert lab.volumes() == ["fast/web-data.qcow2"] and not result.failed
    assert not lab.exists("web")


@pytest.mark.parametrize("threads", [1, 4])
def test_removing_many_with_their_storage_reads_the_host_once(lab: DomainLab, threads: int) -> None:
    def documents_read(count: int) -> int:
        raws = {"n%d" % number: dict(SMALL, disks=BASE["disks"]) for number in range(count)}
        assert not any(result.failed for result in lab.run_all(raws).values())
        lab.wire.clear()
        results = lab.run_all({name: {"state": "absent", "remove_storage": True} for name in raws}, threads)
        assert all(result.changed and not result.failed for result in results.values()), [result.msg for result in results.values()]
        assert not any(volume.startswith("fast/n") for volume in lab.volumes())
        return lab.wire.calls["virDomain.XMLDesc"]

    lab.must("web", BASE)
    lab.must("web", dict(BASE, disks=[]))
    lab.must("heir", dict(SMALL, disks=[{"name": "data", "pool": "fast", "volume": "web-data.qcow2", "existing": True}]))
    few, many = documents_read(10), documents_read(40)
    # Each its stored document when the run begins, and both documents of each when the first is removed; less those gone by then.
    assert many - few <= 3 * 30, "the cost grows faster than the number of guests"
    assert lab.volumes() == ["fast/web-data.qcow2"]


def test_a_disk_that_another_guest_gets_in_the_same_run_is_spared(lab: DomainLab) -> None:
    """The host is read for the first removal; what the run itself does after that is known without reading."""
    for name in ("first", "web"):
        lab.must(name, dict(SMALL, disks=[dict(BASE["disks"][0], volume="%s-data.qcow2" % name)]))
    lab.must("web", SMALL)
    moved = {"name": "data", "pool": "fast", "volume": "web-data.qcow2", "existing": True}
    gone = {"state": "absent", "remove_storage": True}
    results = lab.run_all({"first": gone, "heir": dict(SMALL, disks=[moved]), "web": gone})
    assert not any(result.failed for result in results.values()), [result.msg for result in results.values()]
    assert lab.volumes() == ["fast/web-data.qcow2"]


def test_a_killed_removal_is_finished(fresh: Fresh) -> None:
    raw = {"state": "absent", "remove_storage": True}
    assert laws.assert_killed_runs_are_finished(fresh, "web", raw, [dict(BASE, state="running")], settled) >= 3


def test_protect(lab: DomainLab) -> None:
    raw = dict(BASE, protect=True, cloud_init={"users": [{"name": "ops"}]})
    lab.must("web", raw)
    laws.assert_refused(lab, "web", {"state": "absent"}, "protected")
    laws.assert_refused(lab, "web", {"state": "absent", "remove_storage": True, "recreate": True, "adopt": True}, "protected")
    laws.assert_refused(lab, "web", dict(raw, disks=[]), "protected", "disks[data]")
    laws.assert_refused(lab, "web", {"state": "stopped"}, "protected")
    laws.converge(lab, "web", dict(raw, cloud_init={}))
    laws.converge(lab, "web", {"state": "absent", "protect": False})


def test_released(lab: DomainLab) -> None:
    lab.must("web", BASE)
    before = lab.stored("web")
    result = laws.converge(lab, "web", {"state": "released"})
    assert result.changed and lab.annotation("web") is None and lab.exists("web")
    assert [node.tag for node in lab.stored("web") if len(node) or node.tag != "metadata"] == [
        node.tag for node in before if node.tag != "metadata"]
    assert not laws.assert_check_is_truthful(lab, "web", {"state": "released"}).changed
    laws.assert_refused(lab, "web", {"state": "absent"}, "was not made by this collection")


def test_another_fleets_guest(lab: DomainLab) -> None:
    lab.must("web", BASE)
    for raw in (BASE, dict(BASE, adopt=True, title="mine"), {"state": "absent"}, {"state": "released"}):
        laws.assert_refused(lab, "web", raw, "fleet", "shop", fleet="bank")


def test_a_failed_run_says_what_was_done(lab: DomainLab) -> None:
    raw = dict(SMALL, state="running", nics=[{"name": "lan", "network": "lan"}])
    lab.raw.networkLookupByName("lan").destroy() if lab.raw.networkLookupByName("lan").isActive() else None
    result = lab.apply("web", dict(raw, disks=[{"name": "d", "pool": "fast", "size": "1MiB", "volume": "d.qcow2"}]))
    assert not result.failed or result.applied_steps


def test_somebody_elses_change_in_between_is_noticed(lab: DomainLab) -> None:
    lab.must("web", BASE)
    run, _decision = lab.decide("web", dict(BASE, title="ours"))
    lab.define(lab.raw.lookupByName("web").XMLDesc(2).replace("<memory", "<title>theirs</title><memory"))
    result = run.apply()[0]
    assert result.failed and "somebody else" in result.msg
    assert lab.stored("web").findtext("title") == "theirs"
    laws.converge(lab, "web", dict(BASE, title="ours"))


# -- bad input ------------------------------------------------------------------------------------------------------------

@pytest.mark.parametrize(("raw", "words"), [
    ({}, ["memory", "required"]),
    ({"memory": 512}, ["memory", "unit"]),
    ({"memory": "1GiB", "cpu": 2}, ["cpu", "cpus"]),
    ({"memory": {"size": "2GiB", "maximum": "1GiB"}}, ["memory.maximum", "below"]),
    ({"memory": "1GiB", "cpus": {"count": 3, "maximum": 2}}, ["cpus.maximum", "below"]),
    ({"memory": "1025B"}, ["memory.size", "KiB"]),
    ({"memory": "1GiB", "nics": ["nowhere"]}, ["nics[0].network", "nowhere"]),
    ({"memory": "1GiB", "nics": [{"name": "a", "network": "lan", "bridge": "br0"}]}, ["nics[0]"]),
    ({"memory": "1GiB", "nics": ["lan", "lan"]}, ["nics[1]", "twice"]),
    ({"memory": "1GiB", "nics": [{"network": "lan", "mac": 525400112233}]}, ["nics[0].mac", "quotes"]),
    ({"memory": "1GiB", "nics": [{"name": "a", "network": "lan", "mac": "52:54:00:00:00:01"},
                                 {"name": "b", "network": "lan", "mac": "52:54:00:00:00:01"}]}, ["nics[1].mac", "nics"]),
    ({"memory": "1GiB", "disks": [{"name": "a", "size": "1GiB"}]}, ["disks[0].pool", "required"]),
    ({"memory": "1GiB", "disks": [{"name": "a", "pool": "nope", "size": "1GiB"}]}, ["disks[0].pool", "nope"]),
    ({"memory": "1GiB", "disks": [{"name": "a", "pool": "fast"}]}, ["disks[0].size", "required"]),
    ({"memory": "1GiB", "disks": [{"name": "a", "pool": "fast", "size": "1GiB", "volume": "x"},
                                  {"name": "b", "pool": "fast", "size": "1GiB", "volume": "x"}]}, ["disks[1].volume", "disks"]),
    ({"memory": "1GiB", "disks": [{"name": "a", "pool": "fast", "image": "debian"}]}, ["disks[0].image", "debian"]),
    ({"memory": "1GiB", "disks": [{"name": "a", "file": "/nonexistent/x.img"}]}, ["disks[0].file", "/nonexistent/x.img"]),
    ({"memory": "1GiB", "image": "debian", "disks": [{"name": "root", "pool": "fast"}]}, ["disks", "root"]),
    ({"memory": "1GiB", "state": "runing"}, ["state", "running"]),
    ({"memory": "1GiB", "disks": [{"name": "a", "pool": "fast", "size": "1GiB", "transient": True}]}, ["disks[0].transient", "file"]),
    ({"memory": "1GiB", "cpus": {"count": 1, "period": 5}}, ["cpus.period", "below 1000"]),
    ({"memory": "1GiB", "cpus": {"count": 1, "period": 1000001}}, ["cpus.period", "above 1000000"]),
    ({"memory": "1GiB", "cpus": {"count": 1, "quota": 5}}, ["cpus.quota", "-1"]),
    ({"memory": "1GiB", "cpus": {"count": 1, "shares": 1}}, ["cpus.shares", "below 2"]),
    ({"memory": "1GiB", "cpus": {"count": 1, "pins": {"0": "4000"}}}, ["cpus.pins", "4000"]),
    ({"memory": "1GiB", "cpus": {"count": 1, "emulator_pin": "4000"}}, ["cpus.emulator_pin", "4000"]),
    ({"memory": {"size": "1GiB", "hard_limit": "4GiB", "swap_hard_limit": "3GiB"}}, ["memory.swap_hard_limit", "3GiB"]),
    ({"memory": "1GiB", "io_weight": 1001}, ["io_weight", "above 1000"]),
    ({"memory": "1GiB", "title": "a\nb"}, ["title", "one line"]),
    ({"memory": "1GiB", "lifecycle": {"poweroff": "preserve"}}, ["lifecycle.poweroff", "destroy"]),
    ({"memory": "1GiB", "media": [{"name": "a", "pool": "fast"}]}, ["media[0].volume", "required"]),
    ({"memory": "1GiB", "graphics": [{"type": "spice", "share_policy": "ignore"}]}, ["graphics[0].share_policy", "vnc"]),
    ({"memory": "1GiB", "graphics": ["vnc", {"type": "sdl", "port": 5999}]}, ["graphics[1].port", "sdl", "spice"]),
    ({"memory": "1GiB", "serials": [{"name": "a", "type": "pty", "path": "/tmp/x"}]}, ["serials[0].path", "pty", "unix"]),
    ({"memory": "1GiB", "filesystems": [{"name": "a", "source": "/srv", "driver": "path", "cache": "none"}]}, ["filesystems[0].cache", "virtiofs"]),
    ({"memory": "1GiB", "inputs": [{"name": "a", "type": "tablet", "device": "/dev/input/event0"}]}, ["inputs[0].device", "evdev"]),
    ({"memory": "1GiB", "tpm": {"type": "passthrough", "version": "2.0"}}, ["tpm.version", "emulator"]),
    ({"memory": "1GiB", "video": {"model": "none", "heads": 2}}, ["video.heads", "none"]),
    ({"memory": "1GiB", "nics": [{"name": "a", "network": "lan", "model": "e1000", "queues": 2}]}, ["nics[0].queues", "virtio"]),
])
def test_bad_input_is_an_error_with_its_place(lab: DomainLab, raw: dict[str, object], words: list[str]) -> None:
    laws.assert_refused(lab, "web", raw, *words)


@pytest.mark.parametrize("name", ["a/b", "", ".hidden", "-x", "with space", "x" * 300])
def test_a_bad_name(lab: DomainLab, name: str) -> None:
    laws.assert_refused(lab, name, SMALL, "name")


def test_a_taken_mac(lab: DomainLab) -> None:
    lab.must("web", BASE)
    mac = lab.spec("web")["nics"][0]["mac"]
    laws.assert_refused(lab, "two", dict(SMALL, nics=[{"name": "lan", "network": "lan", "mac": mac}]), "nics[0].mac", "web")
    lab.must("two", dict(SMALL, nics=[{"name": "lan", "network": "lan"}]))
    laws.assert_refused(lab, "two", dict(SMALL, nics=[{"name": "lan", "network": "lan", "mac": mac}]), "nics[0].mac", "web")


def test_a_nic_cannot_move_to_a_network_that_is_not_there(lab: DomainLab) -> None:
    lab.must("web", BASE)
    laws.assert_refused(lab, "web", dict(BASE, nics=[{"name": "lan", "network": "nowhere"}]), "nics[0].network", "nowhere")


def test_a_disk_never_shrinks(lab: DomainLab) -> None:
    lab.must("web", BASE)
    laws.assert_refused(lab, "web", dict(BASE, disks=[dict(BASE["disks"][0], size="512KiB")]), "disks[0].size", "shrink")


def test_a_disk_that_comes_back_does_not_shrink(lab: DomainLab) -> None:
    lab.must("web", BASE)
    lab.must("web", dict(BASE, disks=[]))
    laws.assert_refused(lab, "web", dict(BASE, disks=[dict(BASE["disks"][0], size="512KiB")]), "disks[0].size", "shrink")
    assert laws.converge(lab, "web", BASE).changed


def test_what_libvirt_makes_by_itself_stays_when_a_whole_spec_is_declared_no_more(lab: DomainLab) -> None:
    """A person adopts a guest by its whole spec, and then shortens the declaration to what he cares about."""
    lab.define((FOREIGN % "old").replace("</devices>", "<input type='mouse' bus='ps2'/><serial type='pty'><target port='0'/></serial></devices>"))
    spec = lab.spec("old")
    assert {"controllers", "consoles", "serials"} <= set(spec)
    laws.converge(lab, "old", spec)
    kept = {name: spec[name] for name in ("state", "memory", "cpus", "disks", "nics", "media", "host_devices", "xml")}
    short = laws.converge(lab, "old", kept)
    assert not {path for path in laws.entries(short) if path.startswith(("controllers", "consoles", "serials", "inputs"))}, short.plan


@pytest.mark.parametrize(("option", "xml", "expected"), [
    ({"disks": [{"name": "data", "pool": "fast", "size": "1MiB", "cache": "none"}]},
     "<domain><devices><disk><target dev='vda'/><driver cache='odd'/></disk></devices></domain>",
     "disks[0].cache: is none here, and xml makes it 'odd', which this option has no value for"),
    ({"clock": {"timezone": "Europe/Berlin", "offset": "timezone"}}, "<domain><clock timezone='Asia/Tokyo'/></domain>",
     "clock.timezone: is Europe/Berlin here, and xml makes it Asia/Tokyo"),
    ({"lifecycle": {"crash": "restart"}}, "<domain><on_crash>odd</on_crash></domain>",
     "lifecycle.crash: is restart here, and xml makes it 'odd', which this option has no value for"),
])
def test_an_option_that_xml_contradicts_is_told_what_xml_says(lab: DomainLab, option: dict[str, Any], xml: str, expected: str) -> None:
    laws.assert_refused(lab, "web", {**BASE, **option, "xml": xml}, expected)
