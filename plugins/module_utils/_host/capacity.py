# Copyright: (c) 2026, flotilla.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the host has to give: CPUs, memory, and storage pools where libvirt answers."""

from __future__ import annotations

import os
import typing as t

from ansible_collections.flotilla.virt.plugins.module_utils._host import files

_UNITS = (("TiB", 1024**4), ("GiB", 1024**3), ("MiB", 1024**2), ("KiB", 1024))


def size(amount: int) -> str:
    """Write a number of bytes as the grammar does: ``16GiB``, ``24076MiB``.

    The largest unit that divides it is used. What no unit divides is rounded down to whole MiB (below 1 MiB to KiB, and 0 is
    ``0KiB``), so that nothing is promised that the host does not have.
    """
    for unit, factor in _UNITS:
        if amount and amount % factor == 0 and factor >= 1024**2:
            return "%d%s" % (amount // factor, unit)
    if amount >= 1024**2:
        return "%dMiB" % (amount // 1024**2)
    return "%dKiB" % (amount // 1024)


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
