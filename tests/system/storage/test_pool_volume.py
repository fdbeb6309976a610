# Copyright: (c) 2026, flotilla.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The laws for pools and volumes, on a real libvirtd: each test names the one it proves."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from laws import laws
from laws.libvirt_lab import PoolLab, VolumeLab, settled

from ansible_collections.flotilla.virt.plugins.module_utils._libvirt.pool import PoolDriver, build, spec_of
from ansible_collections.flotilla.virt.plugins.module_utils._libvirt.storage import Storage
from ansible_collections.flotilla.virt.plugins.module_utils._libvirt.volume import VolumeDriver
from ansible_collections.flotilla.virt.plugins.module_utils._reconcile.reconcile import Run

pytestmark = [pytest.mark.system, pytest.mark.usefixtures("clean")]

Raw = dict[str, Any]


@pytest.fixture
def pools(private_uri: str, folder: Path) -> PoolLab:
    return PoolLab(private_uri, folder)


@pytest.fixture(params=[True, False], ids=["local", "remote"])
def volumes(request: Any, private_uri: str, pool: str) -> Iterator[VolumeLab]:
    """As on this machine, and as through a remote connection, where files cannot be reached."""
    yield VolumeLab(private_uri, pool, request.param)


def fresh_pools(lab: PoolLab) -> Any:
    """Makes one empty host after the other."""
    def make() -> Any:
        lab.wipe()
        for left in lab.folder.iterdir():
            shutil.rmtree(left)
        return lab, lab.wire
    return make


def fresh_volumes(lab: VolumeLab) -> Any:
    """Makes one empty pool after the other."""
    def make() -> Any:
        lab.empty()
        return lab, lab.wire
    return make


# -- pools ---------------------------------------------------------------------------------------------------------------


def test_a_pool_is_made_and_made_again(pools: PoolLab, folder: Path) -> None:
    path = f"{folder}/new/fast"
    done = laws.converge(pools, "fast", {"path": path})
    assert done.spec == {"state": "running", "type": "dir", "path": path, "autostart": True}
    assert (folder / "new/fast").is_dir()
    stopped = {"path": path, "state": "stopped", "autostart": False}
    laws.live_through(pools, "fast", [{"path": path, "autostart": False}, stopped])
    # Without an annotation, a pool that is declared and not active is one whose creation died.
    assert laws.converge(pools, "fast", {"path": path}).spec["state"] == "running"


def test_only_what_is_declared_of_a_pool_is_enforced(pools: PoolLab, folder: Path) -> None:
    laws.converge(pools, "fast", {"path": f"{folder}/fast", "autostart": False})
    assert laws.converge(pools, "fast", {"state": "running"}).spec["autostart"] is False


def test_a_pool_has_no_note_so_that_anybodys_is_taken_as_it_is(pools: PoolLab, folder: Path) -> None:
    (folder / "theirs").mkdir()
    (folder / "theirs").chmod(0o711)
    made = pools.raw.storagePoolDefineXML("<pool type='dir'><name>fast</name><target><path>%s/theirs</path></target></pool>" % folder)
    made.create()
    laws.assert_adoption(pools, "fast")
    laws.converge(pools, "fast", {"autostart": True})
    assert "0711" in made.XMLDesc() and made.autostart()


def test_a_transient_pool_is_read_and_refused(pools: PoolLab, folder: Path) -> None:
    (folder / "theirs").mkdir()
    pools.raw.storagePoolCreateXML("<pool type='dir'><name>fast</name><target><path>%s/theirs</path></target></pool>" % folder)
    assert pools.spec("fast")["path"] == f"{folder}/theirs"
    laws.assert_refused(pools, "fast", {"state": "stopped"}, "is transient")


def test_removing_a_pool_keeps_what_is_in_it(pools: PoolLab, folder: Path) -> None:
    laws.converge(pools, "fast", {"path": f"{folder}/fast"})
    (folder / "fast/kept").write_text("data")
    laws.converge(pools, "fast", {"state": "absent"})
    assert (folder / "fast/kept").read_text() == "data"


@pytest.mark.parametrize(("earlier", "raw"), [
    ([], {}), ([], {"state": "stopped"}), ([{}], {"autostart": False}), ([{}], {"state": "stopped", "autostart": False}), ([{}], {"state": "absent"}),
], ids=["create", "create stopped", "autostart", "stop", "remove"])
def test_a_pool_killed_at_every_changing_call(pools: PoolLab, folder: Path, earlier: list[Raw], raw: Raw) -> None:
    path = {"path": f"{folder}/fast"}
    before = [{**path, **one} for one in earlier]
    assert laws.assert_killed_runs_are_finished(fresh_pools(pools), "fast", {**path, **raw}, before, settled) >= 1


@pytest.mark.parametrize("threads", [1, 4])
def test_one_pools_failure_is_its_own(pools: PoolLab, folder: Path, threads: int) -> None:
    (folder / "file").write_text("no directory")
    raws: dict[str, Raw] = {"p%d" % number: {"path": f"{folder}/p{number}"} for number in range(3)}
    results = pools.run_all({**raws, "bad": {"path": f"{folder}/file"},
                             "lost": {"type": "fs", "path": f"{folder}/mnt", "source": {"device": "/dev/nowhere", "format": "xfs"}}}, threads)
    laws.assert_failure_is_its_own(results, ["bad", "lost"])
    assert all(pools.exists(name) for name in raws) and not pools.exists("bad")


def test_an_unchanged_pool_costs_one_read_of_its_document(pools: PoolLab, folder: Path) -> None:
    many: dict[str, Raw] = {"p%d" % number: {"path": f"{folder}/p{number}"} for number in range(8)}
    assert not any(result.failed for result in pools.run_all(many).values())
    # Its name, document, activity, persistence, autostart, sizes, UUID and number of volumes; and one list for all.
    laws.assert_cost_of_nothing(pools.wire, lambda: pools.run_all(many), 8, 8, 1)
    laws.assert_one_change_is_one_resource(pools, pools.wire, many, "p3", {**many["p3"], "autostart": False})


def test_bad_input_of_a_pool(pools: PoolLab, folder: Path) -> None:
    (folder / "file").write_text("no directory")
    laws.assert_refused(pools, "fast", {}, "path", "required")
    laws.assert_refused(pools, "fast", {"path": f"{folder}/file"}, "path", "is a file")
    laws.assert_refused(pools, "fast", {"path": f"{folder}/file/below"}, "path", "which is a file")
    laws.assert_refused(pools, "fast", {"type": "netfs", "path": "/mnt/x"}, "source.host", "source.dir", "required")


def test_what_a_pool_is_cannot_change(pools: PoolLab, folder: Path) -> None:
    laws.converge(pools, "fast", {"path": f"{folder}/fast"})
    laws.assert_refused(pools, "fast", {"path": f"{folder}/other"}, "path", "cannot be changed", "declare it anew")
    laws.assert_refused(pools, "fast", {"type": "fs"}, "type", "cannot be changed")
    assert not (folder / "other").exists()
    laws.assert_refused(pools, "second", {"path": f"{folder}/fast"}, "path", "already the path of pool fast")


DEFINITIONS: list[Raw] = [
    {"type": "fs", "path": "/mnt/a", "source": {"device": "/dev/sdx1", "format": "xfs"}},
    {"type": "netfs", "path": "/mnt/b", "source": {"host": "nfs.example.com", "dir": "/export", "format": "nfs"}},
    {"type": "logical", "source": {"name": "vg0"}},
    {"type": "disk", "source": {"device": "/dev/sdx", "format": "gpt"}},
    {"type": "iscsi", "source": {"host": "san.example.com", "device": "iqn.2013-06.com.example:pool"}},
    {"type": "iscsi-direct", "source": {"host": "san.example.com", "device": "iqn.2013-06.com.example:pool",
                                        "initiator": "iqn.2013-06.com.example:host"}},
    {"type": "rbd", "source": {"host": "mon.example.com", "name": "vms"}},
    {"type": "gluster", "source": {"host": "gluster.example.com", "name": "vms", "dir": "/"}},
    {"type": "zfs", "source": {"name": "tank/vms"}},
]


@pytest.mark.parametrize("raw", DEFINITIONS, ids=lambda raw: raw["type"])
def test_the_definition_of_every_type_reads_back(raw: Raw) -> None:
    read = spec_of(build("x", raw))
    assert {name: read[name] for name in raw} == raw


@pytest.mark.parametrize("raw", DEFINITIONS, ids=lambda raw: raw["type"])
def test_every_type_is_defined_where_libvirt_has_its_driver(pools: PoolLab, raw: Raw) -> None:
    supported = pools.raw.getStoragePoolCapabilities()
    stopped = {**raw, "state": "stopped"}
    if f"<pool type='{raw['type']}' supported='yes'>" in supported:
        laws.converge(pools, "fast", stopped)
    else:
        done = pools.apply("fast", stopped)
        assert done.failed and "driver for type %s must be installed" % raw["type"] in done.msg, done.msg


# -- volumes -------------------------------------------------------------------------------------------------------------


def test_a_volume_is_made_grown_and_removed(volumes: VolumeLab, pool: str, folder: Path) -> None:
    done = laws.converge(volumes, "disk", {"pool": pool, "size": "8MiB"})
    assert done.spec == {"state": "present", "pool": pool, "size": "8MiB", "format": "qcow2"}
    grown = laws.converge(volumes, "disk", {"pool": pool, "size": "16MiB"})
    assert grown.plan == [{"path": "size", "before": "8MiB", "after": "16MiB", "impact": "live"}]
    shown = subprocess.run(["qemu-img", "info", str(folder / "pool/disk")], capture_output=True, text=True, check=True)
    assert "16 MiB" in shown.stdout
    laws.converge(volumes, "disk", {"pool": pool, "state": "absent"})
    assert not (folder / "pool/disk").exists()


def test_a_volume_never_shrinks_and_keeps_its_format(volumes: VolumeLab, pool: str) -> None:
    laws.converge(volumes, "disk", {"pool": pool, "size": "8MiB"})
    laws.assert_refused(volumes, "disk", {"pool": pool, "size": "4MiB"}, "size", "never shrinks")
    laws.assert_refused(volumes, "disk", {"pool": pool, "format": "raw"}, "format", "cannot be changed")
    assert laws.converge(volumes, "disk", {"pool": pool}).plan == []


def test_a_volume_has_no_note_so_that_anybodys_is_taken_as_it_is(volumes: VolumeLab, pool: str) -> None:
    volumes.raw.storagePoolLookupByName(pool).createXML(
        "<volume><name>disk</name><capacity unit='MiB'>4</capacity><target><format type='raw'/></target></volume>")
    laws.assert_adoption(volumes, "disk")
    laws.assert_adoption(volumes, "disk")


def test_a_volume_that_is_a_clone(volumes: VolumeLab, pool: str) -> None:
    laws.converge(volumes, "disk", {"pool": pool, "size": "8MiB"})
    assert laws.converge(volumes, "clone", {"pool": pool, "backing": "disk"}).spec["size"] == "8MiB"
    laws.assert_adoption(volumes, "clone")
    laws.assert_refused(volumes, "clone", {"pool": pool, "backing": "other"}, "backing", "cannot be changed")
    laws.assert_refused(volumes, "third", {"pool": pool, "backing": "disk", "size": "4MiB"}, "size", "less than")
    laws.assert_refused(volumes, "third", {"pool": pool, "backing": "disk", "format": "raw"}, "format", "cannot be raw")
    laws.assert_refused(volumes, "third", {"pool": pool, "backing": "nothing"}, "backing", "there is no volume nothing")


DOMAIN = """<domain type='qemu'><name>user</name><memory unit='MiB'>32</memory><os><type>hvm</type></os><devices>
<disk type='%s' device='disk'><driver name='qemu' type='qcow2'/><source %s/><target dev='vda' bus='virtio'/></disk></devices></domain>"""


@pytest.mark.parametrize("source", ["volume", "file"])
def test_a_volume_in_use_is_not_removed(volumes: VolumeLab, pool: str, folder: Path, source: str) -> None:
    laws.converge(volumes, "disk", {"pool": pool, "size": "8MiB"})
    laws.converge(volumes, "clone", {"pool": pool, "backing": "disk"})
    laws.assert_refused(volumes, "disk", {"pool": pool, "state": "absent"}, "is in use by volume clone")
    laws.converge(volumes, "clone", {"pool": pool, "state": "absent"})
    where = "pool='%s' volume='disk'" % pool if source == "volume" else "file='%s/pool/disk'" % folder
    domain = volumes.raw.defineXML(DOMAIN % (source, where))
    try:
        laws.assert_refused(volumes, "disk", {"pool": pool, "state": "absent"}, "is in use by domain user")
    finally:
        domain.undefine()
    laws.converge(volumes, "disk", {"pool": pool, "state": "absent"})


def test_bad_input_of_a_volume(volumes: VolumeLab, pool: str, private_uri: str) -> None:
    laws.assert_refused(volumes, "disk", {"pool": pool}, "size", "required")
    laws.assert_refused(volumes, "disk", {"pool": pool, "size": "1000B"}, "size", "sectors")
    laws.assert_refused(volumes, "disk", {"pool": pool, "size": "4000TiB", "format": "raw"}, "size", "free")
    laws.assert_refused(VolumeLab(private_uri, "none"), "disk", {"pool": "none", "size": "1MiB"}, "pool", "there is no pool none")
    volumes.raw.storagePoolLookupByName(pool).destroy()
    laws.assert_refused(volumes, "disk", {"pool": pool, "size": "1MiB"}, "pool", "not active")


@pytest.mark.parametrize(("earlier", "raw"), [
    ([], {"size": "8MiB"}), ([], {"size": "1MiB", "format": "raw"}), ([{"size": "8MiB"}], {"size": "16MiB"}), ([{"size": "8MiB"}], {"state": "absent"}),
], ids=["create", "create raw", "grow", "remove"])
def test_a_volume_killed_at_every_changing_call(volumes: VolumeLab, pool: str, earlier: list[Raw], raw: Raw) -> None:
    before = [{"pool": pool, **one} for one in earlier]
    assert laws.assert_killed_runs_are_finished(fresh_volumes(volumes), "disk", {"pool": pool, **raw}, before, settled) >= 1


@pytest.mark.parametrize("threads", [1, 4])
def test_one_volumes_failure_is_its_own(volumes: VolumeLab, pool: str, folder: Path, threads: int) -> None:
    (folder / "pool/lost").mkdir()
    raws: dict[str, Raw] = {"v%d" % number: {"pool": pool, "size": "1MiB"} for number in range(3)}
    results = volumes.run_all({**raws, "bad": {"pool": pool}, "lost": {"pool": pool, "size": "1MiB"}}, threads)
    laws.assert_failure_is_its_own(results, ["bad", "lost"])
    assert all(volumes.exists(name) for name in raws) and not volumes.exists("bad")


def test_an_unchanged_volume_costs_one_read_of_its_document(volumes: VolumeLab, pool: str) -> None:
    many: dict[str, Raw] = {"v%d" % number: {"pool": pool, "size": "1MiB"} for number in range(8)}
    assert not any(result.failed for result in volumes.run_all(many).values())
    # Its name and document; of all together the pools, this pool's document, sizes and volumes.
    laws.assert_cost_of_nothing(volumes.wire, lambda: volumes.run_all(many), 8, 2, 5)
    laws.assert_one_change_is_one_resource(volumes, volumes.wire, many, "v3", {"pool": pool, "size": "2MiB"})


# -- both ----------------------------------------------------------------------------------------------------------------


def test_a_host_without_libvirt_is_planned_as_an_empty_one(pools: PoolLab, volumes: VolumeLab, folder: Path) -> None:
    for lab, driver, raw in ((volumes, VolumeDriver(Storage(None), "fast"), {"pool": "plain", "size": "1GiB"}),
                             (pools, PoolDriver(None), {"path": f"{folder}/srv"})):
        run = Run(driver, [lab.request("fast", raw)], lab.seal)
        foreseen = run.report(run.survey()[0], check_mode=True)
        assert not driver.host_ready and foreseen.plan == lab.check("fast", raw).plan and foreseen.changed
