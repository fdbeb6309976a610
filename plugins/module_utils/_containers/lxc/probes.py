# Copyright: (c) 2026, flotilla.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a host says about its own devices, directories and user ids, as far as a container's declaration needs it."""

from __future__ import annotations

from typing import Iterable, List, Mapping, Optional, Tuple

from ..._reconcile.errors import EngineError
from ..host import Host

LEAST_IDS = 65536
"""User and group ids that a whole system needs: nobody is 65534."""
FREE_FROM = 1 << 20
"""Where ids begin that this collection takes by itself, where nobody administers them: above those of shadow's useradd."""
_LAST_ID = (1 << 32) - 2


def node_of(host: Host, path: str) -> str:
    """Kind and numbers of a device node, such as `c 10:229`. Raises EngineError for what is none."""
    said = host.run(["stat", "-L", "-c", "%F:%t:%T", path])
    words = said.stdout.strip().split(":")
    kind = {"character special file": "c", "block special file": "b"}.get(words[0])
    if said.rc != 0 or kind is None:
        raise EngineError("%s is no device node of this host" % path, "name one that is there")
    return "%s %d:%d" % (kind, int(words[1], 16), int(words[2], 16))


def is_directory(host: Host, path: str) -> bool:
    """Whether a path of the host is a directory, links followed."""
    return host.exists(path + "/.")


def mount_of(host: Host, directory: str) -> Tuple[str, str]:
    """Number (`8:1`) and type of the file system that holds a directory (proc_pid_mountinfo(5))."""
    best, found = "", ("", "")
    for line in (host.read_file("/proc/self/mountinfo") or "").splitlines():
        left, _dash, right = line.partition(" - ")
        fields = left.split(" ")
        place = fields[4].rstrip("/")
        # The last of two mounts on one place is the one that is seen.
        if (directory == place or directory.startswith(place + "/")) and len(place) >= len(best):
            best, found = place, (fields[2], right.split(" ")[0])
    return found


def device_of(host: Host, directory: str) -> str:
    """The number of the disk that holds a directory, as the kernel limits it; empty where it lies on none."""
    number = mount_of(host, directory)[0]
    if number.startswith("0:") or not number:
        return ""
    if host.exists("/sys/dev/block/%s/partition" % number):
        # Limits are those of whole disks.
        return (host.read_file("/sys/dev/block/%s/../dev" % number) or "").strip()
    return number


def scheduler_of(host: Host, device: str) -> str:
    """The scheduler that a disk uses: the one in brackets."""
    text = host.read_file("/sys/dev/block/%s/queue/scheduler" % device) or ""
    return text.partition("[")[2].partition("]")[0]


def _ranges(host: Host, path: str) -> List[Tuple[str, int, int]]:
    found = []
    for line in (host.read_file(path) or "").splitlines():
        words = line.strip().split(":")
        if len(words) == 3 and words[1].isdigit() and words[2].isdigit():
            found.append((words[0], int(words[1]), int(words[2])))
    return found


def ids_of_root(host: Host) -> List[Tuple[int, int]]:
    """The ranges of ids, first and size, that are root's as users and as groups alike (subuid(5), subgid(5))."""
    groups = [(first, size) for owner, first, size in _ranges(host, "/etc/subgid") if owner in ("root", "0")]
    both = []
    for owner, first, size in _ranges(host, "/etc/subuid"):
        for other, length in groups if owner in ("root", "0") else []:
            begin, end = max(first, other), min(first + size, other + length)
            if end > begin:
                both.append((begin, end - begin))
    return both


def is_administered(host: Host) -> bool:
    """Whether LXC asks shadow for ids: where its newuidmap is installed, root may only use those that it was given."""
    return any(host.exists(place + "/newuidmap") for place in ("/usr/bin", "/bin", "/usr/local/bin"))


def may_map(host: Host, first: int, size: int) -> bool:
    """Whether LXC can map these ids for root."""
    return not is_administered(host) or any(begin <= first and first + size <= begin + length for begin, length in ids_of_root(host))


def free_ids(host: Host, used: Iterable[Tuple[int, int]]) -> Optional[Mapping[str, int]]:
    """A mapping for a new container: ids that no other container has, else (where root was given no more) the first ones.

    None where root was given none.
    """
    taken = list(used)
    if is_administered(host):
        ranges = [(first, size) for first, size in ids_of_root(host) if size >= LEAST_IDS]
    else:
        taken += [(first, size) for path in ("/etc/subuid", "/etc/subgid") for _owner, first, size in _ranges(host, path)]
        ranges = [(FREE_FROM, _LAST_ID - FREE_FROM)]
    for first, size in ranges:
        # As many blocks as there are ranges in use, and one more: one of them is free, if so many fit.
        for begin in range(first, min(first + size, first + (len(taken) * 2 + 2) * LEAST_IDS) - LEAST_IDS + 1, LEAST_IDS):
            if not any(begin < other + length and other < begin + LEAST_IDS for other, length in taken):
                return {"first": begin, "size": LEAST_IDS}
    return {"first": ranges[0][0], "size": LEAST_IDS} if ranges else None
