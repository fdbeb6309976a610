# Copyright: (c) 2026, flotilla.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The control groups of a host, v1 and v2, for every engine: where they are mounted, and what their files say.

A host may mix both (hybrid: controllers on v1, an empty v2 beside them), so it is decided for each controller (Linux:
Documentation/admin-guide/cgroup-v1 and cgroup-v2.rst).
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Dict, Mapping, Optional, Sequence, Tuple

from .._reconcile import kinds
from .._reconcile.errors import EngineError
from .host import Host

PERIOD = 100000
"""Microseconds in a scheduling period: the kernel's own default, so a limit of 2 CPUs is a quota of 200000."""
UNLIMITED_V1 = 1 << 62
"""v1 shows "no limit" as the largest page-aligned number; anything above this is none."""
CONTROLLERS = ("memory", "cpu", "freezer", "cpuset", "blkio")
_SUFFIX = {"": 1, "K": 1 << 10, "M": 1 << 20, "G": 1 << 30, "T": 1 << 40, "P": 1 << 50}
_NUMBER = re.compile(r"(\d+)\s*([KMGTP]?)(?:i?B)?\Z", re.IGNORECASE)

HEADROOM = 4 << 20
"""Bytes that must stay free under a lowered limit: at 8 MiB with 5 in use an idle systemd was killed within a second."""

MEMORY_V1, MEMORY_V2 = "memory.limit_in_bytes", "memory.max"
QUOTA_V1, PERIOD_V1, CPU_V2 = "cpu.cfs_quota_us", "cpu.cfs_period_us", "cpu.max"


@dataclass(frozen=True)
class Hierarchies:
    """Where this host's controllers are mounted: version (1, 2 or 0 for not there) and mount point of each."""

    version: Mapping[str, int] = field(default_factory=dict)
    mounts: Mapping[str, str] = field(default_factory=dict)


def probe(host: Host) -> Hierarchies:
    """Find each controller's hierarchy from the mounts and the controllers that the v2 root offers."""
    mountinfo = host.read_file("/proc/self/mountinfo") or ""
    version: Dict[str, int] = {}
    mounts: Dict[str, str] = {}
    unified = ""
    for line in mountinfo.splitlines():
        left, _dash, right = line.partition(" - ")
        kind, _source, options = (right.split(" ") + ["", "", ""])[:3]
        place = left.split(" ")[4]
        if kind == "cgroup2" and not unified:
            unified = place
        elif kind == "cgroup":
            for controller in set(options.split(",")).intersection(CONTROLLERS):
                if controller not in version:
                    version[controller], mounts[controller] = 1, place
    if unified:
        offered = (host.read_file(unified + "/cgroup.controllers") or "").split()
        for controller in ("memory", "cpu", "cpuset", "io"):
            if controller not in version and controller in offered:
                version[controller], mounts[controller] = 2, unified
        # The v2 freezer is no controller: every v2 cgroup has cgroup.freeze.
        if "freezer" not in version:
            version["freezer"], mounts["freezer"] = 2, unified
    return Hierarchies(version, mounts)


def parse_bytes(text: Optional[str]) -> Optional[int]:
    """Bytes in a memory limit as a configuration or a cgroup file has it; None for no limit.

    The kernel takes `512M` too (memparse, binary units). Raises EngineError for anything else.
    """
    word = (text or "").strip()
    if word in ("", "max", "-1"):
        return None
    match = _NUMBER.match(word)
    if not match:
        raise EngineError("%r is not a memory limit" % word)
    value = int(match.group(1)) * _SUFFIX[match.group(2).upper()]
    return None if value >= UNLIMITED_V1 else value


def parse_cpus(quota: Optional[str], period: Optional[str]) -> Optional[float]:
    """CPUs that a quota in a period allows; None for no limit."""
    if not quota or quota.strip() in ("max", "-1") or quota.strip().startswith("-"):
        return None
    if not quota.strip().isdigit() or not (period or "1").strip().isdigit():
        raise EngineError("%r is not a CPU quota in microseconds" % quota)
    return int(quota) / int(period or PERIOD)


def cores(amount: Optional[float]) -> Optional[str]:
    """CPU time as the grammar has it, from a number of CPUs."""
    if not amount or amount <= 0:
        return None
    return kinds.cores(format(Decimal(str(amount)).quantize(Decimal("0.0001")), "f"))


def can_shrink(host: Host, cgroups: Mapping[str, str], size: Optional[int], hierarchies: Hierarchies) -> bool:
    """Whether a memory limit of `size` bytes leaves room for what a container uses and the kernel cannot reclaim.

    `cgroups` has the container's cgroup by controller ('' is v2). cgroup v1 refuses such a limit with EBUSY; v2 takes it and
    kills processes inside until it fits, which is why it is asked before. Page cache does not count: it is dropped.
    """
    version = hierarchies.version.get("memory", 0)
    place = cgroups.get("memory" if version == 1 else "")
    if size is None or place is None or not version:
        return True
    base = hierarchies.mounts["memory"] + place.rstrip("/") + "/"
    used = parse_bytes(host.read_file(base + ("memory.usage_in_bytes" if version == 1 else "memory.current"))) or 0
    text = host.read_file(base + "memory.stat") or ""
    values = {key: int(value) for key, _space, value in (line.partition(" ") for line in text.splitlines()) if value.isdigit()}
    prefix = "total_" if version == 1 else ""
    dropped = sum(values.get(prefix + key, 0) for key in ("active_file", "inactive_file"))
    return used - dropped + HEADROOM < size


def setting_files(cgroups: Mapping[str, str], hierarchies: Hierarchies, names: Mapping[Tuple[str, int], Sequence[str]]) -> Dict[str, str]:
    """The files that hold what is in force for one container: setting name to path.

    `names` has the settings of each controller and version, `cgroups` the container's cgroup by controller ('' is v2).
    """
    found: Dict[str, str] = {}
    for (controller, version), settings in names.items():
        place = cgroups.get(controller if version == 1 else "")
        if place is not None and hierarchies.version.get(controller, 0) == version:
            found.update((setting, hierarchies.mounts[controller] + place.rstrip("/") + "/" + setting) for setting in settings)
    return found
