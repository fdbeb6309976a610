# Copyright: (c) 2026, flotilla.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Where a container's root file system lies: in a directory, or in a subvolume of btrfs, whose quota is its size.

The quota is read from the kernel's own files, without a process, by the number of the subvolume, which is noted.
"""

from __future__ import annotations

import re
from typing import Any, Dict, List, Mapping, Optional, Sequence

from ..._reconcile import schema
from ..._reconcile.errors import EngineError, Problem, join_path
from ..._reconcile.schema import Option, Spec
from ..host import Host, Result
from . import probes
from .config import Pair, last

ROOT = "root"
SUBVOLUME = "subvolume"
"""The fact that names the quota group of the root file system: `UUID/0_ID`."""
FIXED = "a root file system does not move; make a new container"
_KNOWN = ("name", "size", "store")


def read(host: Host, own: Sequence[Pair], facts: Mapping[str, Any]) -> Dict[str, Spec]:
    """The disk of a container as the grammar has it; none where it lies on something that the grammar has no word for."""
    path = last(own, "lxc.rootfs.path") or ""
    kind = path.partition(":")[0] if ":" in path.split("/")[0] else "dir"
    if kind not in ("dir", "btrfs") or not path:
        return {}
    disk: Spec = {"name": ROOT, "store": kind}
    size = _quota(host, facts.get(SUBVOLUME)) if kind == "btrfs" else None
    if size:
        disk["size"] = size
    return {ROOT: disk}


def _quota(host: Host, group: Optional[str]) -> Optional[int]:
    text = host.read_file("/sys/fs/btrfs/%s/max_referenced" % group.replace("/", "/qgroups/")) if group else None
    return int(text) if text and text.strip().isdigit() else None


def kind_of(want: Mapping[str, Any]) -> str:
    """The store of a declared container: in a directory unless it is declared otherwise."""
    disk = (want.get("disks") or {}).get(ROOT) or {}
    return disk.get("store") or ("btrfs" if disk.get("size") else "dir")


def problems(host: Host, want: Mapping[str, Any], stored: Mapping[str, Any], directory: str, where: str) -> List[Problem]:
    """What LXC or this host cannot do of the declared disks."""
    found: List[Problem] = []
    for index, (name, disk) in enumerate((want.get("disks") or {}).items()):
        place = join_path(where, "disks[%d]" % index)
        if name != ROOT:
            found.append(Problem(place + ".name", "a container of LXC has one disk, root", "bind what else it needs as mounts"))
        found += [Problem("%s.%s" % (place, option), "engine lxc has no such option", "remove it")
                  for option in disk if option not in _KNOWN]
        found += _root_problems(host, disk, (stored.get("disks") or {}).get(name) or {}, directory, place)
    return found


def _root_problems(host: Host, disk: Mapping[str, Any], there: Mapping[str, Any], directory: str, place: str) -> List[Problem]:
    kind = there.get("store") or kind_of({"disks": {ROOT: disk}})
    if kind == "btrfs" and probes.mount_of(host, directory)[1] != "btrfs":
        return [Problem(place + (".store" if disk.get("store") else ".size"), "%s does not lie on btrfs, and LXC limits the size of no"
                        " directory" % directory, "put the containers' directory on btrfs, or remove the option")]
    if kind == "dir" and disk.get("size"):
        return [Problem(place + ".size", "LXC limits the size of no directory", "use store btrfs for a new container, or remove it")]
    now = there.get("size")
    if now and disk.get("size") and disk["size"] < now:
        return [Problem(place + ".size", "a disk never shrinks (it has %s)" % schema.show(Option("", "size"), now),
                        "give it its size or more")]
    return []


def _btrfs(host: Host, *arguments: str) -> Result:
    said = host.run(["btrfs"] + list(arguments))
    if said.rc != 0:
        raise EngineError("btrfs %s failed: %s" % (" ".join(arguments), said.stderr.strip()), "look at the file system, then run again")
    return said


def make(host: Host, kind: str, path: str) -> None:
    """Make what a root file system is unpacked into."""
    if kind == "btrfs":
        _btrfs(host, "subvolume", "create", path)
    else:
        host.make_dir(path)


def group_of(host: Host, path: str) -> str:
    """The quota group of a subvolume: what `SUBVOLUME` notes."""
    number = re.search(r"Subvolume ID:\s+(\d+)", _btrfs(host, "subvolume", "show", path).stdout)
    uuid = host.run(["findmnt", "-n", "-o", "UUID", "-T", path]).stdout.strip()
    if number is None or not uuid:
        raise EngineError("btrfs does not say which subvolume %s is" % path, "look at the file system, then run again")
    return "%s/0_%s" % (uuid, number.group(1))


def limit(host: Host, path: str, size: int) -> None:
    """Give a subvolume its size, at once; quotas are counted on the file system from then on."""
    _btrfs(host, "quota", "enable", path)
    _btrfs(host, "qgroup", "limit", str(size), path)
