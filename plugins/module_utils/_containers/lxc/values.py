# Copyright: (c) 2026, flotilla.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Values of a declaration that this host, its kernel or LXC cannot carry out: each a problem with its place and a remedy."""

from __future__ import annotations

import re
from typing import Any, List, Mapping, Sequence, Tuple

from ..._reconcile import kinds
from ..._reconcile.contract import Work
from ..._reconcile.errors import EngineError, Problem, join_path
from ..host import Host
from . import cgroup, extras, probes, read

LEAST_SHARES, MOST_SHARES = 2, 262144
"""What the kernel takes as cpu.shares (MIN_SHARES, MAX_SHARES in its sched.h)."""
LEAST_CPU = 0.01
"""The kernel takes no quota below 1 ms (cfs_quota in its core.c), and the period is 100 ms."""
CAPABILITIES = frozenset((
    "CHOWN DAC_OVERRIDE DAC_READ_SEARCH FOWNER FSETID KILL SETGID SETUID SETPCAP LINUX_IMMUTABLE NET_BIND_SERVICE NET_BROADCAST NET_ADMIN"
    " NET_RAW IPC_LOCK IPC_OWNER SYS_MODULE SYS_RAWIO SYS_CHROOT SYS_PTRACE SYS_PACCT SYS_ADMIN SYS_BOOT SYS_NICE SYS_RESOURCE SYS_TIME"
    " SYS_TTY_CONFIG MKNOD LEASE AUDIT_WRITE AUDIT_CONTROL SETFCAP MAC_OVERRIDE MAC_ADMIN SYSLOG WAKE_ALARM BLOCK_SUSPEND AUDIT_READ"
    " PERFMON BPF CHECKPOINT_RESTORE").split())
"""capabilities(7)."""
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*\Z")


def limit_problems(host: Host, want: Mapping[str, Any], directory: str, where: str) -> List[Problem]:
    """Limits that the kernel of this host does not take, or that contradict each other."""
    cpus, memory = want.get("cpus") or {}, want.get("memory") or {}
    problems: List[Problem] = []
    if cpus.get("count") and cpus.get("limit"):
        problems.append(Problem(join_path(where, "cpus.limit"), "is the same limit as cpus.count for engine lxc", "declare one of them"))
    if cpus.get("limit") and float(cpus["limit"]) < LEAST_CPU:
        problems.append(Problem(join_path(where, "cpus.limit"), "%s is less than the kernel can give" % cpus["limit"], "give it 0.01 or more"))
    shares = cpus.get("shares")
    if shares is not None and not LEAST_SHARES <= shares <= MOST_SHARES:
        problems.append(Problem(join_path(where, "cpus.shares"), "%s is not from %d to %d" % (shares, LEAST_SHARES, MOST_SHARES)))
    problems += _cpuset_problems(host, cpus.get("cpuset"), where)
    if memory.get("swap") is not None:
        problems += _swap_problems(host, memory, where)
    return problems + _io_problems(host, want.get("io") or {}, directory, where)


def _cpuset_problems(host: Host, cpuset: Any, where: str) -> List[Problem]:
    every = read.cpus_of(host)
    if not cpuset or not every:
        return []
    missing = [number for number in kinds.numbers_of(cpuset) if number not in kinds.numbers_of(every)]
    return [Problem(join_path(where, "cpus.cpuset"), "this host has no CPU %d, only %s" % (missing[0], every), "name CPUs of the host")
            ] if missing else []


def _swap_problems(host: Host, memory: Mapping[str, Any], where: str) -> List[Problem]:
    place = join_path(where, "memory.swap")
    if memory.get("size") is None:
        return [Problem(place, "is swap beside memory.size, which is not declared", "declare memory.size too")]
    hierarchies = cgroup.probe(host)
    if hierarchies.version.get("memory") == 1 and not host.exists(hierarchies.mounts["memory"] + "/" + cgroup.MEMSW_V1):
        return [Problem(place, "the kernel of this host does not count swap", "start it with swapaccount=1, or remove the option")]
    return []


def _io_problems(host: Host, limits: Mapping[str, Any], directory: str, where: str) -> List[Problem]:
    wanted = [name for name in ("limit", "iops", "priority") if limits.get(name)]
    if limits.get("priority") is not None and limits["priority"] >= len(cgroup.PRIORITY_WEIGHTS):
        return [Problem(join_path(where, "io.priority"), "%s is not from 0 to 7" % limits["priority"])]
    if not wanted:
        return []
    place, device = join_path(where, "io." + wanted[0]), probes.device_of(host, directory)
    if not device:
        return [Problem(place, "%s lies on no disk whose traffic the kernel could limit" % directory, "remove the option")]
    scheduler = probes.scheduler_of(host, device)
    if "priority" in wanted and scheduler != "bfq":
        return [Problem(join_path(where, "io.priority"), "the scheduler of the disk below %s is %s, which knows no weights"
                        % (directory, scheduler or "unknown"), "choose bfq for the disk, or remove the option")]
    return []


def mapping_problems(host: Host, want: Mapping[str, Any], where: str) -> List[Problem]:
    """What is wrong with the id mapping of a new container."""
    mapping, place = want.get("id_mapping") or {}, join_path(where, "id_mapping")
    if want.get("privileged") and mapping:
        return [Problem(join_path(where, "privileged"), "contradicts id_mapping, which makes the container unprivileged", "keep one of them")]
    if want.get("privileged"):
        return []
    if not mapping.get("first"):
        return [Problem(join_path(where, "privileged") if want.get("privileged") is False else place,
                        "this host gives root no ids for an unprivileged container",
                        "add a line such as root:1000000:65536 to /etc/subuid and to /etc/subgid")]
    if mapping["size"] < probes.LEAST_IDS:
        return [Problem(place + ".size", "%d ids are less than a system needs" % mapping["size"], "give it 65536 or more")]
    if not probes.may_map(host, mapping["first"], mapping["size"]):
        return [Problem(place + ".first", "root may not use the ids from %d to %d" % (mapping["first"], mapping["first"] + mapping["size"] - 1),
                        "add root:%d:%d to /etc/subuid and to /etc/subgid" % (mapping["first"], mapping["size"]))]
    return []


def thing_problems(host: Host, work: Work, making: bool, where: str) -> List[Problem]:
    """What is wrong with mounts, devices, capabilities and the environment."""
    want = work.want
    touched = {change.route[:2] for change in work.changes}
    problems: List[Problem] = []
    for index, (target, mount) in enumerate((want.get("mounts") or {}).items()):
        if making or ("mounts", target) in touched:
            problems += _mount_problems(host, mount, join_path(where, "mounts[%d]" % index))
    for index, path in enumerate(want.get("devices") or {}):
        if making or ("devices", path) in touched:
            problems += _device_problems(host, path, join_path(where, "devices[%d].path" % index))
    problems += _capability_problems(want, making or work.actual is None, work, where)
    for name, value in (want.get("environment") or {}).items():
        if not _VARIABLE.match(str(name)) or not isinstance(value, (str, int, float)) or not str(value).isprintable():
            problems.append(Problem(join_path(where, "environment.%s" % name), "is no variable with a text of one line",
                                    "use letters, digits and underscores in names"))
    return problems


def _mount_problems(host: Host, mount: Mapping[str, Any], place: str) -> List[Problem]:
    kind = mount.get("type") or ("bind" if mount.get("source") else "tmpfs")
    checks: Sequence[Tuple[bool, str, str, str]] = (
        (kind == "volume", ".type", "engine lxc has no volumes", "bind a directory of the host, or use engine podman"),
        (kind == "bind" and not mount.get("source"), "", "a bind mount needs a source", "name a path of the host"),
        (kind == "tmpfs" and bool(mount.get("source")), ".source", "a tmpfs has no source", "remove it"),
        (kind == "bind" and bool(mount.get("size")), ".size", "only a tmpfs has a size", "remove it"),
        (mount["target"] == "/" or ".." in mount["target"].split("/"), ".target", "is no place in the container", "name a path below /"),
    )
    found = [Problem(place + where, what, remedy) for wrong, where, what, remedy in checks if wrong]
    if not found and kind == "bind" and not host.exists(mount["source"]):
        found.append(Problem(place + ".source", "%s is not on this host" % mount["source"], "make it, or correct the path"))
    return found


def _device_problems(host: Host, path: str, place: str) -> List[Problem]:
    try:
        probes.node_of(host, path)
    except EngineError:
        return [Problem(place, "%s is no device node of this host" % path, "name one that is there")]
    return []


def _capability_problems(want: Mapping[str, Any], making: bool, work: Work, where: str) -> List[Problem]:
    capabilities = want.get("capabilities") or {}
    problems = [Problem(join_path(where, "capabilities.%s[%d]" % (verb, index)), "%r is no capability that LXC knows" % word,
                        "write it such as NET_ADMIN")
                for verb in ("add", "drop") for index, word in enumerate(capabilities.get(verb) or [])
                if extras.capability(str(word)) not in CAPABILITIES]
    both = {extras.capability(str(word)) for word in capabilities.get("add") or []}.intersection(
        extras.capability(str(word)) for word in capabilities.get("drop") or [])
    if both:
        problems.append(Problem(join_path(where, "capabilities.add"), "%s is dropped too" % sorted(both)[0], "keep one of them"))
    kept = not making and any(key == "lxc.cap.keep" and value for key, value in work.existing.handle.own)
    if capabilities and kept:
        problems.append(Problem(join_path(where, "capabilities"), "the configuration of the container lists all of its capabilities"
                                " (lxc.cap.keep)", "edit that line, or remove it"))
    return problems
