# Copyright: (c) 2026, flotilla.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import pathlib

import pytest

from ansible_collections.flotilla.virt.plugins.module_utils._host import capacity
from ansible_collections.flotilla.virt.tests.unit.host import trees


@pytest.mark.parametrize(
    ("amount", "text"),
    [
        (0, "0B"),
        (512 * 1024, "512KiB"),
        (1024**2, "1MiB"),
        (1536 * 1024**2, "1536MiB"),
        (16 * 1024**3, "16GiB"),
        (2 * 1024**4, "2TiB"),
        (24684096 * 1024, "24105MiB"),
        (1024**3 - 1, "1023MiB"),
    ],
)
def test_size(amount: int, text: str) -> None:
    assert capacity.size(amount) == text


@pytest.mark.parametrize(("text", "count"), [("0", 1), ("0-3", 4), ("0-3,8", 5), ("0,2,4-5", 4)])
def test_count_list(text: str, count: int) -> None:
    assert capacity.count_list(text) == count


def test_probe(tmp_path: pathlib.Path) -> None:
    root = trees.lay_out(tmp_path, {"/proc/meminfo": trees.MEMINFO, "/sys/devices/system/cpu/online": "0-1\n"})
    assert capacity.probe(root) == {"cpus": 2, "memory": "24105MiB", "memory_available": "22903MiB", "pools": None}


def test_without_sys_the_cpus_are_still_counted(tmp_path: pathlib.Path) -> None:
    assert capacity.cpus(str(tmp_path)) >= 1
