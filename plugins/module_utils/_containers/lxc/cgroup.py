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
from dataclasses import dataclass
from typing import Dict, List, Mapping, Optional, Sequence, Tuple

from ..cgroup import (
    CPU_V2, MEMORY_V1, MEMORY_V2, PERIOD, PERIOD_V1, QUOTA_V1, Hierarchies, can_shrink, parse_bytes, parse_cpus, probe, setting_files,
)


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
    names: Dict[Tuple[str, int], Sequence[str]] = {
        ("memory", 1): (MEMORY_V1,), ("memory", 2): (MEMORY_V2,), ("cpu", 1): (QUOTA_V1, PERIOD_V1), ("cpu", 2): (CPU_V2,),
        ("freezer", 1): ("freezer.state",), ("freezer", 2): ("cgroup.events",)}
    return setting_files(cgroups, hierarchies, names)


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


__all__ = ["PERIOD", "Hierarchies", "Limits", "can_shrink", "container_cgroup", "cpu_settings", "is_frozen", "limit_files", "live_cpus",
           "live_limits", "live_memory", "memory_settings", "parse_bytes", "parse_cpus", "probe", "stored_limits"]
