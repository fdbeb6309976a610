# Copyright: (c) 2026, flotilla.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the host has to give: CPUs, memory, and storage pools where libvirt answers."""

from __future__ import annotations

import os
import typing as t

from ansible_collections.flotilla.virt.plugins.module_utils._host import files
from ansible_collections.flotilla.virt.plugins.module_utils._reconcile.units import format_size

_MIB = 1024**2


def size(amount: int) -> str:
    """Write a number of bytes as the grammar does: ``16GiB``, ``24076MiB``.

    From 1 MiB on it is rounded down to whole MiB, so that it stays readable and nothing is promised that the host does not have.
    """
    return format_size(amount - amount % _MIB if amount >= _MIB else amount)


def count_list(text: str) -> int:
    """Count the CPUs of a kernel list such as ``0-3,8``. Raises ValueError when it is none."""
    total = 0
    for part in text.split(","):
        first, dash, last = part.partition("-")
        total += int(last if dash else first) - int(first) + 1
    return total


def cpus(root: str = "/") -> int:
    """Return the number of CPUs that are online."""
    try:
        return count_list(files.read(root, "/sys/devices/system/cpu/online") or "")
    except ValueError:
        return os.cpu_count() or 1


def memory(root: str = "/") -> t.Dict[str, t.Optional[str]]:
    """Return total and available memory, as the kernel counts them in /proc/meminfo (kB there means KiB)."""
    fields = {}
    for line in (files.read(root, "/proc/meminfo") or "").splitlines():
        words = line.replace(":", " ").split()
        if len(words) >= 2 and words[1].isdigit():
            fields[words[0]] = size(int(words[1]) * 1024)
    return {"memory": fields.get("MemTotal"), "memory_available": fields.get("MemAvailable")}


def probe(root: str = "/", pools: t.Optional[t.List[t.Dict[str, t.Any]]] = None) -> t.Dict[str, t.Any]:
    """Return CPUs, memory and ``pools`` (None where libvirt did not answer)."""
    result: t.Dict[str, t.Any] = {"cpus": cpus(root), "pools": pools}
    result.update(memory(root))
    return result
