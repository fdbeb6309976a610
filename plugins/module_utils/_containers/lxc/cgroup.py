# Copyright: (c) 2026, flotilla.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Limits of a container in cgroup v1 and v2: the names of the settings, what is in force, changing it live.

Memory is in bytes, CPU in whole CPUs. On v1 that is `memory.limit_in_bytes` and `cpu.cfs_quota_us` over `cpu.cfs_period_us`,
on v2 `memory.max` and `cpu.max` (Linux: Documentation/admin-guide/cgroup-v1 and cgroup-v2.rst). A host may mix both
(hybrid: controllers on v1, an empty v2 beside them), so it is decided for each controller.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass, field
from typing import Dict, List, Mapping, Optional, Sequence, Tuple

from ..._reconcile.errors import EngineError
from ..host import Host

PERIOD = 100000
"""Microseconds in a scheduling period: the kernel's own default, so a limit of 2 CPUs is a quota of 200000."""
UNLIMITED_V1 = 1 << 62
"""v1 shows "no limit" as the largest page-aligned number; anything above this is none."""
CONTROLLERS = ("memory", "cpu", "freezer")
_SUFFIX = {"": 1, "K": 1 << 10, "M": 1 << 20, "G": 1 << 30, "T": 1 << 40, "P": 1 << 50}
_NUMBER = re.compile(r"(\d+)\s*([KMGTP]?)(?:i?B)?\Z", re.IGNORECASE)

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
        for controller in ("memory", "cpu"):
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


@dataclass(frozen=True)
class Limits:
    """Memory in bytes and CPUs (a whole number, or a fraction in a container made by hand); None is no limit."""

    memory: Optional[int] = None
    cpus: Optional[float] = None


def stored_limits(pairs: Mapping[str, str], hierarchies: Hierarchies) -> Limits:
    """The limits that the next start will set, from the configuration's settings (key to the value that holds)."""
    memory_key = "lxc.cgroup." + MEMORY_V1 if hierarchies.version.get("memory") == 1 else "lxc.cgroup2." + MEMORY_V2
    memory = parse_bytes(pairs.get(memory_key))
    if hierarchies.version.get("cpu") == 1:
        cpus = parse_cpus(pairs.get("lxc.cgroup." + QUOTA_V1), pairs.get("lxc.cgroup." + PERIOD_V1))
    else:
        quota, period = (pairs.get("lxc.cgroup2." + CPU_V2, "max").split() + [str(PERIOD)])[:2]
        cpus = parse_cpus(quota, period)
    return Limits(memory, cpus)


def memory_settings(size: Optional[int]) -> Dict[str, Optional[str]]:
    """The configuration lines for a memory limit, of both versions; None means remove the line.

    LXC ignores those of the version that the host does not have, so the container survives the host's change from v1 to v2.
    """
    text = None if size is None else str(size)
    return {"lxc.cgroup." + MEMORY_V1: text, "lxc.cgroup2." + MEMORY_V2: text}


def cpu_settings(count: Optional[int]) -> Dict[str, Optional[str]]:
    """The configuration lines for a number of CPUs, of both versions; None means remove the line."""
    if count is None:
        return {"lxc.cgroup." + QUOTA_V1: None, "lxc.cgroup." + PERIOD_V1: None, "lxc.cgroup2." + CPU_V2: None}
    quota = str(count * PERIOD)
    return {"lxc.cgroup." + QUOTA_V1: quota, "lxc.cgroup." + PERIOD_V1: str(PERIOD),
            "lxc.cgroup2." + CPU_V2: "%s %d" % (quota, PERIOD)}


def live_memory(size: Optional[int], hierarchies: Hierarchies) -> List[Tuple[str, str]]:
    """The cgroup file and value that set a memory limit now."""
    if hierarchies.version.get("memory") == 1:
        return [(MEMORY_V1, "-1" if size is None else str(size))]
    return [(MEMORY_V2, "max" if size is None else str(size))]


def live_cpus(count: Optional[int], hierarchies: Hierarchies) -> List[Tuple[str, str]]:
    """The cgroup files and values that set a number of CPUs now."""
    if hierarchies.version.get("cpu") == 1:
        quota = "-1" if count is None else str(count * PERIOD)
        # The quota is compared with the period at each write, and the period of a container made by hand may be another.
        return [(PERIOD_V1, str(PERIOD)), (QUOTA_V1, quota)]
    return [(CPU_V2, "max %d" % PERIOD if count is None else "%d %d" % (count * PERIOD, PERIOD))]


def container_cgroup(text: str, name: str, configured: str = "") -> Dict[str, str]:
    """The container's own cgroup in each hierarchy ('' is v2), from its init's /proc/PID/cgroup.

    An init such as systemd moves itself further down (`/lxc.payload.web/init.scope`), and the limits stand at the
    container's top: everything after the component that LXC made is cut off. LXC 4 and later name it
    `lxc.payload.NAME` (with `-1` and so on when a left-over has the name), earlier ones `lxc/NAME`, and
    `lxc.cgroup.dir` or `lxc.cgroup.dir.container` (`configured`) replaces it.
    """
    result = {}
    for line in text.splitlines():
        _number, _colon, rest = line.partition(":")
        controllers, _colon, path = rest.partition(":")
        for controller in controllers.split(","):
            result[controller] = _cut(path, name, configured)
    return result


def _cut(path: str, name: str, configured: str) -> str:
    parts = path.split("/")
    pattern = re.compile(r"lxc\.payload\.%s(-\d+)?\Z" % re.escape(name))
    for index, part in enumerate(parts):
        if pattern.match(part) or (index and parts[index - 1] == "lxc" and part == name):
            return "/".join(parts[:index + 1])
    if configured:
        wanted = configured.strip("/")
        match = re.match(r".*?/%s(-\d+)?(?=/|\Z)" % re.escape(wanted), path)
        if match:
            return match.group(0)
    return os.path.dirname(path) if path.endswith("/init.scope") else path


def limit_files(cgroups: Mapping[str, str], hierarchies: Hierarchies) -> Dict[str, str]:
    """The files that hold what is in force for one container: setting name to path."""
    files = {}
    names: Dict[Tuple[str, int], Sequence[str]] = {
        ("memory", 1): (MEMORY_V1,), ("memory", 2): (MEMORY_V2,), ("cpu", 1): (QUOTA_V1, PERIOD_V1), ("cpu", 2): (CPU_V2,),
        ("freezer", 1): ("freezer.state",), ("freezer", 2): ("cgroup.events",)}
    for controller in CONTROLLERS:
        version = hierarchies.version.get(controller, 0)
        place = cgroups.get(controller if version == 1 else "")
        for setting in names.get((controller, version), ()):
            if place is not None:
                files[setting] = hierarchies.mounts[controller] + place.rstrip("/") + "/" + setting
    return files


def live_limits(values: Mapping[str, str], hierarchies: Hierarchies) -> Limits:
    """The limits in force, from the texts of `limit_files`."""
    memory = parse_bytes(values.get(MEMORY_V1) if hierarchies.version.get("memory") == 1 else values.get(MEMORY_V2))
    if hierarchies.version.get("cpu") == 1:
        return Limits(memory, parse_cpus(values.get(QUOTA_V1), values.get(PERIOD_V1, str(PERIOD)).strip()))
    quota, period = (values.get(CPU_V2, "max").split() + [str(PERIOD)])[:2]
    return Limits(memory, parse_cpus(quota, period))


def is_frozen(values: Mapping[str, str]) -> bool:
    """Whether the freezer holds the container."""
    if "freezer.state" in values:
        return values["freezer.state"].strip() != "THAWED"
    return "frozen 1" in values.get("cgroup.events", "").splitlines()
