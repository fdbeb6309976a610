# Copyright: (c) 2026, flotilla.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The laws for pools and volumes, on a real libvirtd: each test names the one it proves."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.flotilla.virt.plugins.module_utils._libvirt.pool import PoolDriver, build, spec_of
from ansible_collections.flotilla.virt.plugins.module_utils._libvirt.storage import Storage
from ansible_collections.flotilla.virt.plugins.module_utils._libvirt.volume import VolumeDriver

from .conftest import documents
from .laws import Bench, Raw

pytestmark = [pytest.mark.system, pytest.mark.usefixtures("clean")]


@pytest.fixture
def fast(connection: Any, folder: Path) -> Bench:
    return Bench(lambda: PoolDriver(connection), "fast",
                 lambda: (documents(connection), sorted(str(path) for path in folder.rglob("*"))))


@pytest.fixture
def disk(connection: Any, pool: str) -> Bench:
    return Bench(lambda: VolumeDriver(Storage(connection), pool), "disk", lambda: documents(connection))


def test_pool_1_2_5_6_made_and_made_again(fast: Bench, folder: Path) -> None:
    done = fast.prove({"path": f"{folder}/new/fast"})
    assert done.spec == {"state": "running", "type": "dir", "path": f"{folder}/new/fast", "autostart": True}
    assert (folder / "new/fast").is_dir()
    fast.prove({"path": f"{folder}/new/fast", "autostart": False})
    fast.prove({"path": f"{folder}/new/fast", "state": "stopped"})
    assert fast.prove({"path": f"{folder}/new/fast"}).spec["state"] == "running"


def test_pool_3_only_what_is_declared_is_enforced(fast: Bench, folder: Path) -> None:
    fast.prove({"path": f"{folder}/fast", "autostart": False})
    assert fast.prove({"state": "running"}).spec["autostart"] is False


def test_pool_7_removing_keeps_what_is_in_it(fast: Bench, folder: Path) -> None:
    fast.prove({"path": f"{folder}/fast"})
    (folder / "fast/kept").write_text("data")
    fast.prove({"state": "absent"})
    assert (folder / "fast/kept").read_text() == "data"


def test_pool_7_a_creation_that_dies_is_finished(fast: Bench, folder: Path) -> None:
    raw = {"path": f"{folder}/fast"}
    assert fast.kill_everywhere(None, raw, lambda: check(fast.run({"state": "absent"}))) == 4


def check(result: Any) -> None:
    assert not result.failed, result.msg


def test_pool_bad_input(fast: Bench, folder: Path) -> None:
    (folder / "file").write_text("no directory")
    fast.refuse({}, "it.path", "required")
    fast.refuse({"path": f"{folder}/file"}, "it.path", "is a file")
    fast.refuse({"path": f"{folder}/file/below"}, "it.path", "which is a file")
    fast.refuse({"type": "netfs", "path": "/mnt/x"}, "it.source.host", "it.source.dir", "required")


def test_pool_what_it_is_cannot_change(fast: Bench, folder: Path) -> None:
    fast.prove({"path": f"{folder}/fast"})
    fast.refuse({"path": f"{folder}/other"}, "it.path", "cannot be changed", "declare it anew")
    fast.refuse({"type": "fs"}, "it.type", "cannot be changed")
    assert not (folder / "other").exists()
    Bench(fast.driver, "second", fast.look).refuse({"path": f"{folder}/fast"}, "it.path", "already the path of pool fast")


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
def test_pool_definition_of_every_type_reads_back(raw: Raw) -> None:
    read = spec_of(build("x", raw))
    assert {name: read[name] for name in raw} == raw


@pytest.mark.parametrize("raw", DEFINITIONS, ids=lambda raw: raw["type"])
def test_pool_every_type_is_defined_where_libvirt_has_its_driver(fast: Bench, raw: Raw, connection: Any) -> None:
    supported = connection.getStoragePoolCapabilities()
    done = fast.run({**raw, "state": "stopped"})
    if f"<pool type='{raw['type']}' supported='yes'>" in supported:
        assert not done.failed, done.msg
        fast.prove({**raw, "state": "stopped"})
    else:
        assert done.failed and "driver for type %s must be installed" % raw["type"] in done.msg, done.msg


def test_volume_1_2_6_made_grown_and_removed(disk: Bench, pool: str, folder: Path) -> None:
    done = disk.prove({"pool": pool, "size": "8MiB"})
    assert done.spec == {"state": "present", "pool": pool, "size": "8MiB", "format": "qcow2"}
    grown = disk.prove({"pool": pool, "size": "16MiB"})
    assert grown.plan == [{"path": "size", "before": "8MiB", "after": "16MiB", "impact": "live"}]
    shown = subprocess.run(["qemu-img", "info", str(folder / "pool/disk")], capture_output=True, text=True, check=True)
    assert "16 MiB" in shown.stdout
    disk.prove({"pool": pool, "state": "absent"})
    assert not (folder / "pool/disk").exists()


def test_volume_7_never_shrinks_and_keeps_its_format(disk: Bench, pool: str) -> None:
    disk.prove({"pool": pool, "size": "8MiB"})
    disk.refuse({"pool": pool, "size": "4MiB"}, "it.size", "never shrinks")
    disk.refuse({"pool": pool, "format": "raw"}, "it.format", "cannot be changed")
    assert disk.prove({"pool": pool}).plan == []


def test_volume_clone(disk: Bench, pool: str) -> None:
    disk.prove({"pool": pool, "size": "8MiB"})
    clone = Bench(disk.driver, "clone", disk.look)
    assert clone.prove({"pool": pool, "backing": "disk"}).spec["size"] == "8MiB"
    clone.refuse({"pool": pool, "backing": "other"}, "it.backing", "cannot be changed")
    third = Bench(disk.driver, "third", disk.look)
    third.refuse({"pool": pool, "backing": "disk", "size": "4MiB"}, "it.size", "less than")
    third.refuse({"pool": pool, "backing": "disk", "format": "raw"}, "it.format", "cannot be raw")
    third.refuse({"pool": pool, "backing": "nothing"}, "it.backing", "there is no volume nothing")


def test_volume_bad_input(disk: Bench, pool: str, connection: Any) -> None:
    disk.refuse({"pool": pool}, "it.size", "required")
    disk.refuse({"pool": pool, "size": "1000B"}, "it.size", "sectors")
    disk.refuse({"pool": pool, "size": "4000TiB", "format": "raw"}, "it.size", "free")
    elsewhere = Bench(lambda: VolumeDriver(Storage(connection), "none"), "disk", disk.look)
    elsewhere.refuse({"pool": "none", "size": "1MiB"}, "it.pool", "there is no pool none")
    connection.storagePoolLookupByName(pool).destroy()
    disk.refuse({"pool": pool, "size": "1MiB"}, "it.pool", "not active")


def test_volume_7_a_creation_that_dies_is_finished(disk: Bench, pool: str) -> None:
    raw = {"pool": pool, "size": "8MiB"}
    assert disk.kill_everywhere(None, raw, lambda: check(disk.run({"pool": pool, "state": "absent"}))) == 1


def test_read_on_an_empty_host_in_check_mode() -> None:
    bench = Bench(lambda: VolumeDriver(Storage(None), "fast"), "disk", lambda: None)
    assert bench.run({"pool": "fast", "size": "1GiB"}, check=True).plan[0]["after"] == "present"
    pools = Bench(lambda: PoolDriver(None), "fast", lambda: None)
    assert pools.run({"path": "/srv/fast"}, check=True).plan[0]["after"] == "running"
