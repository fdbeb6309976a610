# Copyright: (c) 2026, flotilla.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Limits of a container in cgroup v1 and v2: the names of the settings, what is stored, what is in force, changing it live.

A host may mix both versions (hybrid: controllers on v1, an empty v2 beside them), so it is decided for each controller (Linux:
Documentation/admin-guide/cgroup-v1 and cgroup-v2.rst). The lines of both versions are stored, of which LXC ignores those that the
host does not have, so the container survives the host's change from v1 to v2; only what names a device or a scheduler is
stored for the version that is here.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from typing import Dict, List, Mapping, NamedTuple, Optional, Tuple

from ..._reconcile import kinds
from ..cgroup import (
    CPU_V2, MEMORY_V1, MEMORY_V2, PERIOD, PERIOD_V1, QUOTA_V1, Hierarchies, can_shrink, cores, parse_bytes, parse_cpus, probe, setting_files,
)

MEMSW_V1, SWAP_V2, SHARES_V1, WEIGHT_V2, CPUSET = (
    "memory.memsw.limit_in_bytes", "memory.swap.max", "cpu.shares", "cpu.weight", "cpuset.cpus")
RATES_V1 = ("blkio.throttle.read_bps_device", "blkio.throttle.write_bps_device")
OPERATIONS_V1 = ("blkio.throttle.read_iops_device", "blkio.throttle.write_iops_device")
IO_V2, PRIORITY_V1, PRIORITY_V2 = "io.max", "blkio.bfq.weight", "io.bfq.weight"
DEFAULT_SHARES, DEFAULT_WEIGHT = 1024, 100
PRIORITY_WEIGHTS = (10, 25, 50, 75, 100, 200, 400, 800)
"""The weight of each priority from 0 to 7; 100, the kernel's own, is 4."""
DEFAULT_PRIORITY = 4
PREFIX = {1: "lxc.cgroup.", 2: "lxc.cgroup2."}


@dataclass(frozen=True)
class Limits:
    """What limits a container; None is no limit, or the kernel's own value.

    memory, swap: bytes. cpus: CPUs, also a fraction. shares: on the scale of v1. cpuset: numbers as the grammar writes them.
    rate, operations: bytes and operations a second, of reading and of writing. priority: 0 to 7.
    """

    memory: Optional[int] = None
    cpus: Optional[float] = None
    swap: Optional[int] = None
    shares: Optional[int] = None
    cpuset: Optional[str] = None
    rate: Optional[int] = None
    operations: Optional[int] = None
    priority: Optional[int] = None


class Setting(NamedTuple):
    """One file of a cgroup: of which version and controller, what is stored (None: no line), what is written now."""

    version: int
    controller: str
    name: str
    stored: Optional[str]
    live: str


OPTIONS: Mapping[str, Tuple[str, str]] = {
    "memory.size": ("memory", "memory"), "memory.swap": ("memory", "swap"), "cpus.count": ("cpus", "cpus"), "cpus.limit": ("cpus", "cpus"),
    "cpus.shares": ("shares", "shares"), "cpus.cpuset": ("cpuset", "cpuset"),
    "io.limit": ("io", "rate"), "io.iops": ("io", "operations"), "io.priority": ("priority", "priority")}
"""The group of settings that are written together, and the field of `Limits`, of each option."""
GROUPS = ("memory", "cpus", "shares", "cpuset", "io", "priority")


def settings_of(group: str, limits: Limits, hierarchies: Hierarchies, device: str = "", every_cpu: str = "0") -> List[Setting]:
    """The settings of one group. `device` is the number of the block device, `every_cpu` the set of the host's CPUs."""
    if group == "memory":
        return _memory(limits)
    if group == "cpus":
        return _cpus(limits)
    if group == "shares":
        weight = None if limits.shares is None else weight_of(limits.shares)
        return [Setting(1, "cpu", SHARES_V1, _text(limits.shares), str(limits.shares or DEFAULT_SHARES)),
                Setting(2, "cpu", WEIGHT_V2, _text(weight), str(weight or DEFAULT_WEIGHT))]
    if group == "cpuset":
        return [Setting(version, "cpuset", CPUSET, limits.cpuset, limits.cpuset or every_cpu) for version in (1, 2)]
    here = _io(limits, device) if group == "io" else _priority(limits)
    return [setting for setting in here if hierarchies.version.get(setting.controller) == setting.version]


def _text(value: Optional[int]) -> Optional[str]:
    return None if value is None else str(value)


def _memory(limits: Limits) -> List[Setting]:
    both = limits.memory + limits.swap if limits.memory is not None and limits.swap is not None else None
    return [Setting(1, "memory", MEMORY_V1, _text(limits.memory), _text(limits.memory) or "-1"),
            Setting(1, "memory", MEMSW_V1, _text(both), _text(both) or "-1"),
            Setting(2, "memory", MEMORY_V2, _text(limits.memory), _text(limits.memory) or "max"),
            Setting(2, "memory", SWAP_V2, _text(limits.swap), _text(limits.swap) or "max")]


def _cpus(limits: Limits) -> List[Setting]:
    quota = None if limits.cpus is None else str(round(limits.cpus * PERIOD))
    return [Setting(1, "cpu", PERIOD_V1, None if quota is None else str(PERIOD), str(PERIOD)),
            # The quota is compared with the period at each write, and the period of a container made by hand may be another.
            Setting(1, "cpu", QUOTA_V1, quota, quota or "-1"),
            Setting(2, "cpu", CPU_V2, None if quota is None else "%s %d" % (quota, PERIOD), "%s %d" % (quota or "max", PERIOD))]


def _io(limits: Limits, device: str) -> List[Setting]:
    found = []
    for names, value in ((RATES_V1, limits.rate), (OPERATIONS_V1, limits.operations)):
        for name in names:
            found.append(Setting(1, "blkio", name, "%s %d" % (device, value) if value else None, "%s %d" % (device, value or 0)))
    words = [(key, value) for keys, value in ((("rbps", "wbps"), limits.rate), (("riops", "wiops"), limits.operations)) for key in keys]
    text = " ".join([device] + ["%s=%s" % (key, value or "max") for key, value in words])
    found.append(Setting(2, "io", IO_V2, text if limits.rate or limits.operations else None, text))
    return found


def _priority(limits: Limits) -> List[Setting]:
    weight = None if limits.priority is None else str(PRIORITY_WEIGHTS[limits.priority])
    return [Setting(1, "blkio", PRIORITY_V1, weight, weight or str(DEFAULT_WEIGHT)),
            Setting(2, "io", PRIORITY_V2, weight, weight or str(DEFAULT_WEIGHT))]


def weight_of(shares: int) -> int:
    """The v2 weight that is to the kernel's own (100) as the shares are to v1's own (1024)."""
    return max(1, min(10000, round(shares * DEFAULT_WEIGHT / DEFAULT_SHARES)))


def shares_of(weight: int, wanted: Optional[int] = None) -> int:
    """The shares that a v2 weight stands for: the wanted ones where these make it, since v2's scale is coarser."""
    return wanted if wanted is not None and weight_of(wanted) == weight else round(weight * DEFAULT_SHARES / DEFAULT_WEIGHT)


def config_lines(limits: Limits, hierarchies: Hierarchies, device: str = "", groups: Tuple[str, ...] = GROUPS) -> Dict[str, Optional[str]]:
    """The lines of the configuration that store these groups of limits; None means remove the line."""
    return {PREFIX[setting.version] + setting.name: setting.stored
            for group in groups for setting in settings_of(group, limits, hierarchies, device)}


def live_settings(group: str, limits: Limits, now: Limits, hierarchies: Hierarchies, device: str = "",
                  every_cpu: str = "0") -> List[Tuple[str, str]]:
    """The cgroup files and values that set one group of limits now, in an order that the kernel takes."""
    found = [(setting.name, setting.live) for setting in settings_of(group, limits, hierarchies, device, every_cpu)
             if hierarchies.version.get(setting.controller) == setting.version]
    if group == "memory" and MEMSW_V1 in dict(found):
        if limits.swap is None and now.swap is None:
            # Nobody limits the sum, and a kernel without swap accounting does not even have the file.
            return [pair for pair in found if pair[0] != MEMSW_V1]
        if limits.memory is None or (now.memory is not None and limits.memory > now.memory):
            # Memory never exceeds the sum of memory and swap: whichever grows first.
            found.reverse()
    return found


def stored_limits(pairs: Mapping[str, str], hierarchies: Hierarchies) -> Limits:
    """The limits that the next start will set, from the configuration's settings (key to the value that holds)."""
    texts = {}
    for controller in ("memory", "cpu", "cpuset", "blkio", "io"):
        prefix = PREFIX.get(hierarchies.version.get(controller, 0), "")
        texts.update({key[len(prefix):]: value for key, value in pairs.items() if prefix and key.startswith(prefix + controller + ".")})
    limits = live_limits(texts, hierarchies)
    said = pairs.get(PREFIX[1] + SHARES_V1, "")
    if limits.shares is not None and WEIGHT_V2 in texts and said.isdigit():
        limits = Limits(**dict(vars(limits), shares=shares_of(int(texts[WEIGHT_V2]), int(said))))
    return limits


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
    return setting_files(cgroups, hierarchies, {
        ("memory", 1): (MEMORY_V1, MEMSW_V1), ("memory", 2): (MEMORY_V2, SWAP_V2), ("cpu", 1): (QUOTA_V1, PERIOD_V1, SHARES_V1),
        ("cpu", 2): (CPU_V2, WEIGHT_V2), ("cpuset", 1): (CPUSET,), ("cpuset", 2): (CPUSET,),
        ("blkio", 1): RATES_V1 + OPERATIONS_V1 + (PRIORITY_V1,), ("io", 2): (IO_V2, PRIORITY_V2),
        ("freezer", 1): ("freezer.state",), ("freezer", 2): ("cgroup.events",)})


def live_limits(values: Mapping[str, str], hierarchies: Hierarchies) -> Limits:
    """The limits in force, from the texts of `limit_files`. Shares and CPUs that are the kernel's own are there too."""
    memory = parse_bytes(values.get(MEMORY_V1) if hierarchies.version.get("memory") == 1 else values.get(MEMORY_V2))
    if hierarchies.version.get("cpu") == 1:
        cpus = parse_cpus(values.get(QUOTA_V1), values.get(PERIOD_V1, str(PERIOD)).strip())
    else:
        quota, period = (values.get(CPU_V2, "max").split() + [str(PERIOD)])[:2]
        cpus = parse_cpus(quota, period)
    rate, operations = _io_in_force(values)
    return Limits(memory, cpus, _swap(values, memory), _shares(values), _cpuset(values), rate, operations, _weight(values))


def _swap(values: Mapping[str, str], memory: Optional[int]) -> Optional[int]:
    both = parse_bytes(values.get(MEMSW_V1))
    if both is not None:
        return None if memory is None else max(0, both - memory)
    return parse_bytes(values.get(SWAP_V2))


def _shares(values: Mapping[str, str]) -> Optional[int]:
    if SHARES_V1 in values:
        return int(values[SHARES_V1])
    return shares_of(int(values[WEIGHT_V2])) if WEIGHT_V2 in values else None


def _cpuset(values: Mapping[str, str]) -> Optional[str]:
    text = values.get(CPUSET, "").strip()
    return kinds.number_set(text) if text else None


def _io_in_force(values: Mapping[str, str]) -> Tuple[Optional[int], Optional[int]]:
    """Bytes and operations a second, where reading and writing have the same limit on one device; else it is not ours."""
    if IO_V2 in values:
        lines = [line.split()[1:] for line in values[IO_V2].splitlines()]
        words = dict(word.split("=") for word in lines[0] if "=" in word) if len(lines) == 1 else {}
        return _equal([words.get("rbps"), words.get("wbps")]), _equal([words.get("riops"), words.get("wiops")])
    found = []
    for names in (RATES_V1, OPERATIONS_V1):
        lines_of = [values.get(name, "").splitlines() for name in names]
        found.append(_equal([lines[0].split()[-1] if len(lines) == 1 else None for lines in lines_of]))
    return found[0], found[1]


def _equal(words: List[Optional[str]]) -> Optional[int]:
    word = words[0]
    return int(word) if word is not None and word.isdigit() and set(words) == {word} and int(word) else None


def _weight(values: Mapping[str, str]) -> Optional[int]:
    text = values.get(PRIORITY_V1, values.get(PRIORITY_V2, "")).split()
    weight = int(text[-1]) if text and text[-1].isdigit() else None
    return PRIORITY_WEIGHTS.index(weight) if weight in PRIORITY_WEIGHTS else None


def as_declared(live: Limits, stored: Limits, every_cpu: str, hierarchies: Hierarchies) -> Limits:
    """What is in force, in the words of what is stored: the kernel's own values are none where none are stored."""
    shares = live.shares
    if shares is not None and hierarchies.version.get("cpu") == 2:
        shares = shares_of(weight_of(shares), stored.shares)
    return Limits(**dict(
        vars(live), shares=None if shares == DEFAULT_SHARES and stored.shares is None else shares,
        cpuset=None if live.cpuset == every_cpu and stored.cpuset is None else live.cpuset,
        priority=None if live.priority == DEFAULT_PRIORITY and stored.priority is None else live.priority))


def is_frozen(values: Mapping[str, str]) -> bool:
    """Whether the freezer holds the container."""
    if "freezer.state" in values:
        return values["freezer.state"].strip() != "THAWED"
    return "frozen 1" in values.get("cgroup.events", "").splitlines()


__all__ = ["CPU_V2", "MEMORY_V1", "MEMORY_V2", "PERIOD", "PERIOD_V1", "QUOTA_V1", "Hierarchies", "Limits", "can_shrink", "config_lines",
           "container_cgroup", "cores", "is_frozen", "limit_files", "live_limits", "live_settings", "parse_bytes", "parse_cpus", "probe",
           "stored_limits"]
