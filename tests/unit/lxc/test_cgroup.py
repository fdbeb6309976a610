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
    assert found.version == {"memory": 1, "cpu": 1, "freezer": 1}
    assert found.mounts["cpu"] == "/sys/fs/cgroup/cpu,cpuacct"


def test_a_v2_host_has_all_in_one_place() -> None:
    found = hierarchies(V2, "cpuset cpu io memory pids\n")
    assert found.version == {"memory": 2, "cpu": 2, "freezer": 2, "cpuset": 2}
    assert set(found.mounts.values()) == {"/sys/fs/cgroup"}


def test_limits_stored_for_v1() -> None:
    pairs = {"lxc.cgroup.memory.limit_in_bytes": "512M", "lxc.cgroup.cpu.cfs_quota_us": "150000", "lxc.cgroup2.memory.max": "1G"}
    assert cgroup.stored_limits(pairs, hierarchies(V1)) == cgroup.Limits(512 << 20, 1.5)


def test_limits_stored_for_v2() -> None:
    pairs = {"lxc.cgroup.memory.limit_in_bytes": "512M", "lxc.cgroup2.memory.max": "1073741824",
             "lxc.cgroup2.cpu.max": "400000 200000"}
    assert cgroup.stored_limits(pairs, hierarchies(V2, "cpu memory")) == cgroup.Limits(1 << 30, 2.0)


@pytest.mark.parametrize("mounts,controllers", [(V1, ""), (V2, "cpu memory")])
def test_what_is_written_at_creation_reads_back(mounts: str, controllers: str) -> None:
    found = hierarchies(mounts, controllers)
    settings = dict(cgroup.memory_settings(768 << 20), **cgroup.cpu_settings(3))
    assert cgroup.stored_limits(settings, found) == cgroup.Limits(768 << 20, 3.0)
    assert cgroup.stored_limits({}, found) == cgroup.Limits(None, None)


@pytest.mark.parametrize("mounts,controllers", [(V1, ""), (V2, "cpu memory")])
def test_what_is_set_live_reads_back(mounts: str, controllers: str) -> None:
    found = hierarchies(mounts, controllers)
    for memory, cpus in ((768 << 20, 3), (None, None)):
        values = dict(cgroup.live_memory(memory, found) + cgroup.live_cpus(cpus, found))
        assert cgroup.live_limits(values, found) == cgroup.Limits(memory, cpus)


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
