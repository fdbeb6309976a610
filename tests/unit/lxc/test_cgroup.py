# Copyright: (c) 2026, flotilla.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Limits in both cgroup versions, from mount tables and files as kernels show them."""

from __future__ import annotations

from typing import Dict, List, Sequence

import pytest

from ansible_collections.flotilla.virt.plugins.module_utils._containers.lxc import cgroup
from ansible_collections.flotilla.virt.plugins.module_utils._reconcile.errors import EngineError

V1 = """24 1 0:22 / /sys/fs/cgroup rw - tmpfs tmpfs rw
25 24 0:23 / /sys/fs/cgroup/cpu,cpuacct rw - cgroup cgroup rw,cpu,cpuacct
26 24 0:24 / /sys/fs/cgroup/memory rw shared:5 - cgroup cgroup rw,memory
29 24 0:29 / /sys/fs/cgroup/cpuset rw - cgroup cgroup rw,cpuset
30 24 0:30 / /sys/fs/cgroup/blkio rw - cgroup cgroup rw,blkio
27 24 0:25 / /sys/fs/cgroup/freezer rw - cgroup cgroup rw,freezer
28 24 0:26 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw
"""
V2 = "24 1 0:22 / /sys/fs/cgroup rw,nosuid shared:4 - cgroup2 cgroup2 rw,nsdelegate\n"


class Files:
    """A host with these files and no more."""

    def __init__(self, files: Dict[str, str]) -> None:
        self.files = files

    def read_file(self, path: str):
        return self.files.get(path)

    def read_files(self, paths: Sequence[str]) -> Dict[str, str]:
        return {path: self.files[path] for path in paths if path in self.files}

    def list_dir(self, path: str) -> List[str]:
        return []


def hierarchies(mounts: str, controllers: str = "") -> cgroup.Hierarchies:
    place = "/sys/fs/cgroup" if mounts == V2 else "/sys/fs/cgroup/unified"
    return cgroup.probe(Files({"/proc/self/mountinfo": mounts, place + "/cgroup.controllers": controllers}))


def test_a_hybrid_host_has_its_controllers_on_v1() -> None:
    found = hierarchies(V1)
    assert found.version == {"memory": 1, "cpu": 1, "freezer": 1, "cpuset": 1, "blkio": 1}
    assert found.mounts["cpu"] == "/sys/fs/cgroup/cpu,cpuacct"


def test_a_v2_host_has_all_in_one_place() -> None:
    found = hierarchies(V2, "cpuset cpu io memory pids\n")
    assert found.version == {"memory": 2, "cpu": 2, "freezer": 2, "cpuset": 2, "io": 2}
    assert set(found.mounts.values()) == {"/sys/fs/cgroup"}


def test_limits_stored_for_v1() -> None:
    pairs = {"lxc.cgroup.memory.limit_in_bytes": "512M", "lxc.cgroup.cpu.cfs_quota_us": "150000", "lxc.cgroup2.memory.max": "1G"}
    assert cgroup.stored_limits(pairs, hierarchies(V1)) == cgroup.Limits(512 << 20, 1.5)


def test_limits_stored_for_v2() -> None:
    pairs = {"lxc.cgroup.memory.limit_in_bytes": "512M", "lxc.cgroup2.memory.max": "1073741824",
             "lxc.cgroup2.cpu.max": "400000 200000"}
    assert cgroup.stored_limits(pairs, hierarchies(V2, "cpu memory")) == cgroup.Limits(1 << 30, 2.0)


EVERYTHING = cgroup.Limits(768 << 20, 1.5, 256 << 20, 700, "0-1", 10 << 20, 500, 6)
DEVICE = "8:0"


@pytest.mark.parametrize("limits", [cgroup.Limits(768 << 20, 3.0), cgroup.Limits(), EVERYTHING])
@pytest.mark.parametrize("mounts,controllers", [(V1, ""), (V2, "cpu memory io cpuset")])
def test_what_is_written_at_creation_reads_back(mounts: str, controllers: str, limits: cgroup.Limits) -> None:
    found = hierarchies(mounts, controllers)
    lines = {key: value for key, value in cgroup.config_lines(limits, found, DEVICE).items() if value is not None}
    assert cgroup.stored_limits(lines, found) == limits


@pytest.mark.parametrize("limits", [cgroup.Limits(768 << 20, 3.0), cgroup.Limits(), EVERYTHING])
@pytest.mark.parametrize("mounts,controllers", [(V1, ""), (V2, "cpu memory io cpuset")])
def test_what_is_set_live_reads_back(mounts: str, controllers: str, limits: cgroup.Limits) -> None:
    found = hierarchies(mounts, controllers)
    values: Dict[str, str] = {}
    for group in cgroup.GROUPS:
        for name, value in cgroup.live_settings(group, limits, EVERYTHING, found, DEVICE, "0-3"):
            # A device without a limit has no line in the kernel's files.
            values[name] = "" if value.endswith(" 0") else value
    read = cgroup.live_limits(values, found)
    assert cgroup.as_declared(read, limits, "0-3", found) == limits


def test_shares_on_both_scales() -> None:
    assert [cgroup.weight_of(shares) for shares in (2, 512, 1024, 2048, 262144)] == [1, 50, 100, 200, 10000]
    two = hierarchies(V2, "cpu")
    live = cgroup.live_limits({"cpu.weight": "68\n"}, two)
    assert cgroup.as_declared(live, cgroup.Limits(shares=700), "", two).shares == 700, "the scale of v2 is coarser"
    one = hierarchies(V1)
    live = cgroup.live_limits({"cpu.shares": "701\n"}, one)
    assert cgroup.as_declared(live, cgroup.Limits(shares=700), "", one).shares == 701, "but v1 says what it says"


def test_memory_never_exceeds_the_sum_with_swap() -> None:
    one = hierarchies(V1)
    small, large = cgroup.Limits(64 << 20, swap=0), cgroup.Limits(128 << 20, swap=0)
    assert [name for name, _value in cgroup.live_settings("memory", large, small, one)] == ["memory.memsw.limit_in_bytes", "memory.limit_in_bytes"]
    assert [name for name, _value in cgroup.live_settings("memory", small, large, one)] == ["memory.limit_in_bytes", "memory.memsw.limit_in_bytes"]
    nothing = cgroup.Limits(64 << 20), cgroup.Limits(128 << 20)
    assert [name for name, _value in cgroup.live_settings("memory", *nothing, one)] == ["memory.limit_in_bytes"]


def test_traffic_that_somebody_limits_otherwise_is_not_ours() -> None:
    two = hierarchies(V2, "io")
    for text in ("8:0 rbps=1048576 wbps=2097152 riops=max wiops=max", "8:0 rbps=1 wbps=1 riops=max wiops=max\n8:16 rbps=1 wbps=1 riops=max wiops=max"):
        assert cgroup.live_limits({"io.max": text}, two).rate is None
    assert cgroup.live_limits({"io.max": "8:0 rbps=1048576 wbps=1048576 riops=max wiops=max\n"}, two).rate == 1 << 20


def test_the_kernels_way_to_say_no_limit() -> None:
    values = {"memory.limit_in_bytes": "9223372036854771712\n", "cpu.cfs_quota_us": "-1\n", "cpu.cfs_period_us": "100000\n"}
    assert cgroup.live_limits(values, hierarchies(V1)) == cgroup.Limits(None, None)
    assert cgroup.live_limits({"memory.max": "max\n", "cpu.max": "max 100000\n"}, hierarchies(V2, "cpu memory")) == cgroup.Limits()


@pytest.mark.parametrize("path,configured,expected", [
    ("/lxc.payload.web/init.scope", "", "/lxc.payload.web"),
    ("/lxc.payload.web-1/system.slice/x.service", "", "/lxc.payload.web-1"),
    ("/user.slice/user-0.slice/session-1.scope/lxc.payload.web/init.scope", "", "/user.slice/user-0.slice/session-1.scope/lxc.payload.web"),
    ("/lxc/web/init.scope", "", "/lxc/web"),
    ("/mine/web/init.scope", "mine/web", "/mine/web"),
    ("/elsewhere/init.scope", "", "/elsewhere"),
    ("/lxc.payload.web2", "", "/lxc.payload.web2"),
])
def test_the_containers_own_cgroup_is_found_above_its_init(path: str, configured: str, expected: str) -> None:
    found = cgroup.container_cgroup("4:memory:%s\n0::%s\n" % (path, path), "web", configured)
    assert found == {"memory": expected, "": expected}


def test_frozen_in_both_versions() -> None:
    assert cgroup.is_frozen({"freezer.state": "FROZEN\n"}) and not cgroup.is_frozen({"freezer.state": "THAWED\n"})
    assert cgroup.is_frozen({"cgroup.events": "populated 1\nfrozen 1\n"})
    assert not cgroup.is_frozen({"cgroup.events": "populated 1\nfrozen 0\n"})


@pytest.mark.parametrize("text", ["lots", "1.5G", "-5"])
def test_a_limit_that_is_none(text: str) -> None:
    with pytest.raises(EngineError):
        cgroup.parse_bytes(text)
