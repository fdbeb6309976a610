# Copyright: (c) 2026, flotilla.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The limits of a podman container: what its next start sets, what was asked for, what is in force, and how to change it.

podman 4 changes the limits of a running container and forgets them when it stops (`podman update` writes to the cgroup
alone, seen with 4.3.1). So what was asked for is kept in the annotation, and compared with both.
"""

from __future__ import annotations

from typing import Any, Dict, List, Mapping, Optional, Tuple

from ..._reconcile import kinds
from ..._reconcile.schema import Spec
from ..cgroup import CPU_V2, MEMORY_V1, MEMORY_V2, PERIOD, PERIOD_V1, QUOTA_V1, Hierarchies, cores, parse_bytes, parse_cpus, setting_files

Limits = Dict[str, Any]
"""`memory` and `swap` in bytes, `cpus` as text ("1.5"), `units` are its shares, `pinning` its CPUs ("0-1"); None is no limit."""

NAMES = ("memory", "swap", "cpus", "units", "pinning")
OPTIONS = {"memory": ("memory", "size"), "swap": ("memory", "swap"), "units": ("cpus", "shares"), "pinning": ("cpus", "cpuset")}
DEFAULT_UNITS = 1024
_MEMSW_V1, _SWAP_V2, _SHARES_V1, _WEIGHT_V2, _CPUSET = (
    "memory.memsw.limit_in_bytes", "memory.swap.max", "cpu.shares", "cpu.weight", "cpuset.cpus")
_FILES: Mapping[Tuple[str, int], Tuple[str, ...]] = {
    ("memory", 1): (MEMORY_V1, _MEMSW_V1), ("memory", 2): (MEMORY_V2, _SWAP_V2),
    ("cpu", 1): (QUOTA_V1, PERIOD_V1, _SHARES_V1), ("cpu", 2): (CPU_V2, _WEIGHT_V2),
    ("cpuset", 1): (_CPUSET,), ("cpuset", 2): (_CPUSET,)}


def stored(settings: Mapping[str, Any]) -> Limits:
    """What the next start sets, from the `HostConfig` of an inspection."""
    memory = settings.get("Memory") or None
    both = settings.get("MemorySwap") or 0
    quota, period = settings.get("CpuQuota") or 0, settings.get("CpuPeriod") or PERIOD
    cpus = quota / period if quota > 0 else (settings.get("NanoCpus") or 0) / 1e9
    return {"memory": memory, "swap": both - memory if memory and both > 0 else None, "cpus": cores(cpus),
            "units": settings.get("CpuShares") or DEFAULT_UNITS, "pinning": _cpuset(settings.get("CpusetCpus"))}


def _cpuset(text: Optional[str]) -> Optional[str]:
    return kinds.number_set(text.strip()) if text and text.strip() else None


def files(cgroups: Mapping[str, str], hierarchies: Hierarchies) -> Dict[str, str]:
    """The files that hold what is in force: setting name to path."""
    return setting_files(cgroups, hierarchies, _FILES)


def live(texts: Mapping[str, str], asked: Limits, every_cpu: str) -> Limits:
    """What is in force, from the texts of `files`; what cannot be read counts as it was asked for.

    podman 4 cannot take a CPU limit or a pinning away from a running container, only set it to every CPU, so that is none
    where none was asked for. v2 has weights of 1 to 10000 instead of shares.
    """
    found = dict(asked)
    if MEMORY_V1 in texts or MEMORY_V2 in texts:
        found["memory"] = parse_bytes(texts.get(MEMORY_V1, texts.get(MEMORY_V2)))
    if _MEMSW_V1 in texts or _SWAP_V2 in texts:
        found["swap"] = _swap(texts, found["memory"])
    if QUOTA_V1 in texts or CPU_V2 in texts:
        found["cpus"] = cores(_quota(texts))
        if asked["cpus"] is None and found["cpus"] == str(count(every_cpu)):
            found["cpus"] = None
    if _SHARES_V1 in texts:
        found["units"] = int(texts[_SHARES_V1])
    elif _WEIGHT_V2 in texts and int(texts[_WEIGHT_V2]) != weight(asked["units"]):
        # Without shares podman leaves the kernel's own weight, which is 100.
        default = int(texts[_WEIGHT_V2]) == 100
        found["units"] = DEFAULT_UNITS if default else shares(int(texts[_WEIGHT_V2]))
    if _CPUSET in texts:
        found["pinning"] = _cpuset(texts[_CPUSET])
        if asked["pinning"] is None and found["pinning"] == every_cpu:
            found["pinning"] = None
    return found


def _swap(texts: Mapping[str, str], memory: Optional[int]) -> Optional[int]:
    if _SWAP_V2 in texts:
        return parse_bytes(texts[_SWAP_V2])
    both = parse_bytes(texts[_MEMSW_V1])
    return None if both is None or memory is None else both - memory


def _quota(texts: Mapping[str, str]) -> Optional[float]:
    if QUOTA_V1 in texts:
        return parse_cpus(texts[QUOTA_V1], texts.get(PERIOD_V1, str(PERIOD)).strip())
    quota, period = (texts[CPU_V2].split() + [str(PERIOD)])[:2]
    return parse_cpus(quota, period)


def weight(units: int) -> int:
    """The v2 weight that the runtimes make of a number of shares."""
    return 1 + (units - 2) * 9999 // 262142


def shares(found: int) -> int:
    """A number of shares of which the runtimes make this v2 weight."""
    return 2 + -(-(found - 1) * 262142 // 9999)


def count(every_cpu: str) -> int:
    """How many CPUs a set such as `0-3` has."""
    total = 0
    for part in every_cpu.split(","):
        first, _dash, last = part.partition("-")
        total += int(last or first) - int(first) + 1
    return total


def to_spec(limits: Limits, by_limit: bool) -> Spec:
    """The limits as the grammar says them. `by_limit`: the CPU limit was declared as `limit` and not as `count`."""
    spec: Spec = {}
    for name, (group, option) in OPTIONS.items():
        if limits[name] is not None:
            spec.setdefault(group, {})[option] = limits[name]
    cpus = limits["cpus"]
    if cpus is not None:
        whole = "." not in cpus and not by_limit
        spec.setdefault("cpus", {})["count" if whole else "limit"] = int(cpus) if whole else cpus
    return spec


def from_spec(spec: Mapping[str, Any], declared: Mapping[str, Any]) -> Limits:
    """The limits of a specification; of count and limit the declared one holds."""
    limits: Limits = {name: (spec.get(group) or {}).get(option) for name, (group, option) in OPTIONS.items()}
    cpus = spec.get("cpus") or {}
    by_count = "limit" not in (declared.get("cpus") or {}) and ("count" in (declared.get("cpus") or {}) or "limit" not in cpus)
    said = cpus.get("count") if by_count else cpus.get("limit")
    limits["cpus"] = None if said is None else str(said)
    limits["units"] = limits["units"] or DEFAULT_UNITS
    return limits


def creation(limits: Limits) -> List[str]:
    """The options of `podman create`."""
    words: List[str] = []
    if limits["memory"] is not None:
        words += ["--memory", str(limits["memory"])]
        if limits["swap"] is not None:
            words += ["--memory-swap", str(limits["memory"] + limits["swap"])]
    if limits["cpus"] is not None:
        words += ["--cpus", limits["cpus"]]
    if limits["units"] != DEFAULT_UNITS:
        words += ["--cpu-shares", str(limits["units"])]
    if limits["pinning"] is not None:
        words += ["--cpuset-cpus", limits["pinning"]]
    return words


def update(now: Limits, wanted: Limits, every_cpu: str) -> List[str]:
    """The options of `podman update` that bring a container from one to the other; none where nothing differs."""
    words: List[str] = []
    if wanted["memory"] is not None and (now["memory"], now["swap"]) != (wanted["memory"], wanted["swap"]):
        # Memory alone would make podman set the swap to as much again.
        swap = wanted["memory"] if wanted["swap"] is None else wanted["swap"]
        words += ["--memory", str(wanted["memory"]), "--memory-swap", str(wanted["memory"] + swap)]
    if now["cpus"] != wanted["cpus"]:
        words += ["--cpus", wanted["cpus"] or str(count(every_cpu))]
    if now["units"] != wanted["units"]:
        words += ["--cpu-shares", str(wanted["units"])]
    if now["pinning"] != wanted["pinning"]:
        words += ["--cpuset-cpus", wanted["pinning"] or every_cpu]
    return words
