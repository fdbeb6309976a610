# Copyright: (c) 2026, flotilla.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Where root file systems lie: subvolumes of btrfs with a size that grows live, and LXC's own snapshots, which nothing touches."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from laws import laws
from laws.container_lab import settled
from laws.host_wire import WiredHost

from ansible_collections.flotilla.virt.plugins.module_utils._containers.host import LocalHost
from ansible_collections.flotilla.virt.plugins.module_utils._containers.lxc import read

from .conftest import PREFIX, Place
from .test_driver import fresh_of

ONE = {"image": "tiny", "memory": "64MiB", "disk": "40MiB"}


class Elsewhere(LocalHost):
    """This machine, with its containers in another directory."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def read_file(self, path: str) -> str | None:
        return f"lxc.lxcpath = {self.path}\n" if path == read.SYSTEM_CONFIG else super().read_file(path)


@pytest.fixture(scope="module")
def btrfs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A btrfs of the test's own."""
    folder = tmp_path_factory.mktemp("btrfs")
    with open(folder / "disk", "wb") as disk:
        disk.truncate(600 << 20)
    place = Path("/run/fltest-btrfs")
    place.mkdir(exist_ok=True)
    subprocess.run(["mkfs.btrfs", "-q", str(folder / "disk")], check=True)
    subprocess.run(["mount", "-o", "loop", str(folder / "disk"), str(place)], check=True)
    try:
        yield place
    finally:
        subprocess.run(["umount", str(place)], check=True)
        place.rmdir()


@pytest.fixture
def on_btrfs(place: Place, btrfs: Path) -> Iterator[Place]:
    place.path = btrfs
    place.host = WiredHost(Elsewhere(btrfs), place.wire, place.asks)
    yield place


def subvolumes(path: Path) -> list[str]:
    said = subprocess.run(["btrfs", "subvolume", "list", str(path)], capture_output=True, text=True, check=True).stdout
    return sorted(line.split()[-1] for line in said.splitlines())


def fill(place: Place, mebibytes: int) -> bool:
    """Whether so much can be written inside; it is gone again."""
    done = subprocess.run(["lxc-attach", "-P", str(place.path), "-n", PREFIX + "a", "--", "sh", "-c",
                           f"head -c {mebibytes << 20} /dev/urandom > /big"], capture_output=True, text=True, check=False)
    (place.directory() / "rootfs/big").unlink()
    subprocess.run(["btrfs", "filesystem", "sync", str(place.path)], check=True)
    return done.returncode == 0


def test_a_disk_has_a_size_and_grows_while_the_container_runs(on_btrfs: Place) -> None:
    result = on_btrfs.converge(ONE)
    assert result.spec["disks"] == [{"name": "root", "size": "40MiB", "store": "btrfs"}]
    assert subvolumes(on_btrfs.path) == [f"{PREFIX}a/rootfs"] and "lxc.rootfs.path = btrfs:" in on_btrfs.config()
    init = on_btrfs.pid()
    assert not fill(on_btrfs, 60)
    result = on_btrfs.converge({**ONE, "disk": "120MiB"})
    assert [(entry["path"], entry["impact"]) for entry in result.plan] == [("disks[root].size", "live")] and result.pending == []
    assert fill(on_btrfs, 60) and on_btrfs.pid() == init
    laws.assert_refused(on_btrfs, PREFIX + "a", ONE, "disks[0].size", "never shrinks")
    laws.assert_refused(on_btrfs, PREFIX + "a", {**ONE, "disk": {"store": "dir"}}, "disks[root].store")
    on_btrfs.converge({"image": "tiny"})
    assert on_btrfs.spec(PREFIX + "a")["disks"][0]["size"] == "120MiB", "what is declared no more stays"
    laws.assert_adoption(on_btrfs, PREFIX + "a")
    on_btrfs.converge({"state": "absent", "remove_storage": True})
    assert subvolumes(on_btrfs.path) == [] and not on_btrfs.directory().exists()


def test_a_disk_is_made_and_grown_killed_anywhere(on_btrfs: Place) -> None:
    stopped: dict[str, Any] = {**ONE, "state": "stopped"}
    assert laws.assert_killed_runs_are_finished(fresh_of(on_btrfs), PREFIX + "a", stopped, [], settled) > 8
    grown = {**stopped, "disk": "80MiB"}
    assert laws.assert_killed_runs_are_finished(fresh_of(on_btrfs), PREFIX + "a", grown, [stopped], settled) > 1


def test_lxcs_own_snapshots_are_left_intact(place: Place) -> None:
    plain = {"image": "tiny", "memory": "64MiB", "state": "stopped"}
    place.converge(plain)
    subprocess.run(["lxc-snapshot", "-n", PREFIX + "a"], check=True, capture_output=True)

    def kept() -> dict[str, str]:
        return {str(path.relative_to(place.directory())): path.read_text() for path in place.directory().glob("snaps/snap0/*") if path.is_file()}
    before = kept()
    assert {"snaps/snap0/config", "snaps/snap0/ts"} <= set(before)
    laws.live_through(place, PREFIX + "a", [{**plain, "memory": "80MiB", "hostname": "other", "nesting": True}, {**plain, "state": "running"}, plain])
    assert kept() == before
    result = place.converge({"state": "absent", "remove_storage": True})
    assert result.changed and kept() == before and not (place.directory() / "rootfs").exists()


def test_one_that_was_restored_from_a_snapshot_is_what_it_was(place: Place) -> None:
    plain = {"image": "tiny", "memory": "64MiB", "state": "stopped"}
    place.converge(plain)
    for more in ([], ["-r", "snap0"]):
        subprocess.run(["lxc-snapshot", "-n", PREFIX + "a", *more], check=True, capture_output=True)
    # LXC makes the container anew, so that the note of it is gone: it is adopted, since nothing differs.
    assert place.converge(plain).plan == []


@pytest.mark.parametrize("change,path", [
    ({"disk": "1GiB"}, "disks[0].size"), ({"disk": {"store": "btrfs"}}, "disks[0].store"), ({"disks": [{"name": "data", "size": "1GiB"}]}, "disks[0].name"),
    ({"disk": {"size": "1GiB", "pool": "fast"}}, "disks[0].pool"),
])
def test_what_a_directory_cannot_is_refused(place: Place, change: dict[str, Any], path: str) -> None:
    result = laws.assert_refused(place, PREFIX + "a", {"image": "tiny", **change})
    assert path in [problem["path"] for problem in result.problems], result.msg
