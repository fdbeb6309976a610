# Copyright: (c) 2026, flotilla.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import pathlib

import pytest

from ansible_collections.flotilla.virt.plugins.module_utils._host import cgroups
from ansible_collections.flotilla.virt.tests.unit.host import trees


@pytest.mark.parametrize(
    ("tree", "layout", "mount_point", "v1", "v2", "missing"),
    [
        ({"/proc/self/mounts": trees.CGROUP_V1}, "v1", None, ["cpu", "cpuacct", "memory"], [], []),
        (
            {"/proc/self/mounts": trees.CGROUP_V2, "/sys/fs/cgroup/cgroup.controllers": "cpuset cpu io memory pids\n"},
            "v2", "/sys/fs/cgroup", [], ["cpu", "cpuset", "io", "memory", "pids"], [],
        ),
        (
            {"/proc/self/mounts": trees.CGROUP_HYBRID, "/sys/fs/cgroup/unified/cgroup.controllers": "hugetlb\n"},
            "hybrid", "/sys/fs/cgroup/unified", ["cpu", "cpuacct", "memory"], ["hugetlb"], [],
        ),
        (
            {"/proc/self/mounts": trees.CGROUP_HYBRID, "/sys/fs/cgroup/unified/cgroup.controllers": "\n"},
            "hybrid", "/sys/fs/cgroup/unified", ["cpu", "cpuacct", "memory"], [], [],
        ),
        # Raspberry Pi OS boots with the memory controller switched off.
        (
            {"/proc/self/mounts": trees.CGROUP_V2, "/sys/fs/cgroup/cgroup.controllers": "cpuset cpu io pids\n"},
            "v2", "/sys/fs/cgroup", [], ["cpu", "cpuset", "io", "pids"], ["memory"],
        ),
        ({"/proc/self/mounts": "proc /proc proc rw 0 0\n"}, "none", None, [], [], ["cpu", "memory"]),
        ({}, "none", None, [], [], ["cpu", "memory"]),
    ],
)
def test_layout(
    tmp_path: pathlib.Path, tree: trees.Tree, layout: str, mount_point: str | None, v1: list, v2: list, missing: list
) -> None:
    found = cgroups.probe(trees.lay_out(tmp_path, tree))
    assert found == {"layout": layout, "mount_point": mount_point, "controllers": {"v1": v1, "v2": v2}}
    assert cgroups.missing_controllers(found) == missing


def test_systemd_hierarchy_alone_is_no_controller(tmp_path: pathlib.Path) -> None:
    mounts = "cgroup /sys/fs/cgroup/systemd cgroup rw,xattr,name=systemd 0 0\n" + trees.CGROUP_V2
    found = cgroups.probe(trees.lay_out(tmp_path, {"/proc/self/mounts": mounts}))
    assert found["layout"] == "v2"
