# Copyright: (c) 2026, flotilla.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Everything that is validated against the host before the first step. Reads, never changes."""

from __future__ import annotations

import os
from typing import Any, Callable, Dict, List, Mapping, Optional, Set

from ..._reconcile.contract import Request, Work
from ..._reconcile.errors import Problem, join_path
from ..._reconcile.schema import Spec
from .. import xmltree
from ..connection import translated
from ..storage import Storage
from . import about, fragment

KIB = 1024
SIZES = ("size", "maximum", "hard_limit", "soft_limit", "swap_hard_limit")
Path = Callable[..., str]
# What a NIC can be connected to, and where a disk's data can be: one of each.
CONNECTIONS = ("network", "bridge", "macvtap", "hostdev", "user", "vhost_user", "vdpa")
ELSEWHERE = ("file", "device", "source", "url")


def path_in(request: Request, option: str, name: str, *rest: str) -> str:
    """The path of an item as the user counts: `guests[3].disks[0].size`."""
    names = list(request.declared.get(option, {}))
    index = names.index(name) if name in names else 0
    return join_path(request.where, "%s[%d]" % (option, index), *rest)


def ceilings(request: Request, want: Mapping[str, Any]) -> List[Problem]:
    """Counts and sizes that stand above their maximum, and sizes that libvirt cannot keep."""
    problems: List[Problem] = []
    for option, part in (("cpus", "count"), ("memory", "size")):
        values = want.get(option, {})
        if values.get("maximum") is not None and values.get(part) is not None and values[part] > values["maximum"]:
            problems.append(Problem(join_path(request.where, option, "maximum"), "is below %s.%s" % (option, part),
                                    "raise the maximum or lower the %s" % part))
    for part in SIZES:
        if want.get("memory", {}).get(part, 0) % KIB:
            problems.append(Problem(join_path(request.where, "memory", part), "is not a whole number of KiB"))
    return problems


class DiskChecks:
    """Whether the disks to be made can be made."""

    def __init__(self, storage: Storage, planned_pools: Set[str], images: Mapping[str, Mapping[str, Any]],
                 local: bool, ready: bool) -> None:
        self.storage = storage
        self.planned_pools = planned_pools
        self.images = images
        self.local = local
        self.ready = ready

    def new_disk(self, work: Work, name: str, disk: Spec) -> List[Problem]:
        """Problems of a disk that is about to be made or attached."""
        where: Path = lambda *rest: path_in(work.request, "disks", name, *rest)
        other = self._has_it_already(work, name, disk)
        if other:
            part = next(part for part in (*ELSEWHERE, "volume") if disk.get(part) is not None)
            return [Problem(where(part), "this is the guest's disk %s already (in disks)" % other,
                            "call it %s, give %s a new name with was, or declare another volume" % (other, other))]
        if any(disk.get(option) is not None for option in ELSEWHERE):
            return self._file(disk, where)
        if disk.get("pool") is None:
            return [Problem(where("pool"), "is required for a new disk", "name a pool, or use file, device, source or url")]
        problems = self._image(disk, where)
        if not self.ready:
            return problems
        if not self.storage.pool_exists(disk["pool"]):
            if disk["pool"] not in self.planned_pools:
                problems.append(Problem(where("pool"), "there is no pool %r on this host" % disk["pool"],
                                        "declare it under pools, or name another"))
            return problems
        return problems + self._volume(work, disk, where)

    @staticmethod
    def _has_it_already(work: Work, name: str, disk: Spec) -> Optional[str]:
        """The name of another disk of this guest with the same data: written twice, it would be destroyed."""
        def data(of: Mapping[str, Any]) -> List[Any]:
            return [of.get("file"), of.get("device"), of.get("source"), of.get("url"), of.get("pool") if of.get("volume") else None, of.get("volume")]

        renamed = about.moves(work)
        stored = {renamed.get(label, label): one for label, one in work.actual.stored["disks"].items()} if work.actual else {}
        leaving = [change.route[1] for change in work.changes if change.pattern == "disks[]" and change.want is None]
        names = list(work.want["disks"])
        earlier = {label: work.want["disks"][label] for label in names[:names.index(name)]}
        others = {**earlier, **{label: one for label, one in stored.items() if label not in leaving}}
        return next((label for label, other in others.items()
                     if label != name and any(data(disk)) and data(other) == data(disk)), None)

    def _file(self, disk: Spec, where: Path) -> List[Problem]:
        used = [option for option in ELSEWHERE if disk.get(option) is not None]
        problems = [Problem(where(option), "cannot be used together with %s" % used[0], "remove one of them")
                    for option in ("pool", "volume", "size", "image", *used[1:]) if disk.get(option) is not None
                    and not (option == "volume" and disk.get("pool") is None)]
        place = disk.get("file") or disk.get("device")
        if place and self.local and not os.path.exists(str(place)):
            problems.append(Problem(where("file" if disk.get("file") else "device"), "%s is not there" % place,
                                    "correct the path, or make it first"))
        return problems

    def _image(self, disk: Spec, where: Path) -> List[Problem]:
        image = disk.get("image")
        if image is None:
            if disk.get("size") is None and not disk.get("existing"):
                return [Problem(where("size"), "is required for a disk without an image", "such as size: 20GiB")]
            return []
        source = self.images.get(image)
        if source is None:
            known = ", ".join(sorted(self.images)) or "none"
            return [Problem(where("image"), "%r is not a declared image with a disk variant" % image,
                            "declare it under images (declared: %s)" % known)]
        if disk.get("format") == "raw":
            return [Problem(where("format"), "a disk made from an image is a copy-on-write clone, which raw has not",
                            "use qcow2")]
        if source.get("path") and self.local and not os.path.isfile(source["path"]):
            return [Problem(where("image"), "its file %s is not there" % source["path"],
                            "build it (the role guest_image does), or correct images")]
        return []

    def _volume(self, work: Work, disk: Spec, where: Path) -> List[Problem]:
        there = self.storage.volume(disk["pool"], disk["volume"])
        if there is None:
            if disk.get("existing"):
                return [Problem(where("volume"), "there is no volume %s in pool %s" % (disk["volume"], disk["pool"]),
                                "remove existing: true to make it")]
            return self._space(disk, where)
        if disk.get("existing") or owned_name(disk) in work.annotation.owned:
            return growth_of(where("size"), there.capacity, disk.get("size", there.capacity))
        return [Problem(where("volume"), "a volume %s is in pool %s already and no declaration made it"
                        % (disk["volume"], disk["pool"]), "declare existing: true to use it, or choose another name")]

    def _space(self, disk: Spec, where: Path) -> List[Problem]:
        """A raw volume is allocated whole, so that it must fit now."""
        size, free = disk.get("size"), self.storage.free_bytes(disk["pool"])
        if disk.get("format") != "raw" or size is None or free is None or size <= free:
            return []
        return [Problem(where("size"), "pool %s has %d MiB free" % (disk["pool"], free >> 20),
                        "free space there, or use another pool or a smaller size")]


class NicChecks:
    """Whether the declared NICs can be: networks that are there, addresses that nobody else has.

    connection None is a host without libvirt. macs: reads every MAC address of the host with its domain.
    """

    def __init__(self, connection: Any, macs: Callable[[], Dict[str, str]], planned_networks: Set[str]) -> None:
        self.connection = connection
        self.macs = macs
        self.planned_networks = planned_networks

    def problems(self, work: Work, new: Mapping[str, Spec]) -> List[Problem]:
        """Problems of the new NICs, and of what changes on those that are there."""
        found: List[Problem] = []
        changed = {(change.route[1], change.pattern.rsplit(".", 1)[1]) for change in work.changes
                   if change.pattern.startswith("nics[].")}
        taken: Dict[str, str] = {}
        for name, nic in work.want.get("nics", {}).items():
            where: Path = lambda *rest, name=name: path_in(work.request, "nics", name, *rest)
            ends = [option for option in CONNECTIONS if nic.get(option) not in (None, False)]
            if len(ends) > 1 or (name in new and not ends and not _connected_by_xml(work.request, nic)):
                found.append(Problem(where(), "needs one place to be connected to, such as a network or a bridge, and has %s" % (
                    " and ".join(ends) or "none"), "name one of %s" % ", ".join(CONNECTIONS)))
            elif nic.get("network") is not None and (name in new or (name, "network") in changed):
                found += self._network(nic["network"], where)
            if nic.get("mac") is not None:
                if name in new or (name, "mac") in changed:
                    found += self._mac(nic["mac"], work.there_as, where)
                if nic["mac"] in taken:
                    found.append(Problem(where("mac"), "%s is the address of nics[%s] too" % (nic["mac"], taken[nic["mac"]]),
                                         "declare another mac"))
                taken[nic["mac"]] = name
        return found + self._clashes(work, new)

    def _clashes(self, work: Work, new: Mapping[str, Spec]) -> List[Problem]:
        stored = work.actual.stored["nics"] if work.actual is not None else {}
        leaving = [change.route[1] for change in work.changes if change.pattern == "nics[]" and change.want is None]
        return [Problem(path_in(work.request, "nics", name, "mac"), "%s is the guest's NIC %s already" % (nic["mac"], label),
                        "call it %s" % label)
                for name, nic in new.items() for label, other in stored.items()
                if label != name and label not in leaving and label not in work.want["nics"] and other.get("mac") == nic["mac"]]

    def _network(self, name: str, where: Path) -> List[Problem]:
        if name in self.planned_networks or self.connection is None:
            return []
        with translated("list the networks"):
            if any(network.name() == name for network in self.connection.listAllNetworks(0)):
                return []
        return [Problem(where("network"), "there is no network %r on this host" % name,
                        "declare it under networks, or name another")]

    def _mac(self, mac: str, guest: str, where: Path) -> List[Problem]:
        if self.connection is None:
            return []
        owner = self.macs().setdefault(mac, guest)
        if owner == guest:
            return []
        return [Problem(where("mac"), "%s is used by domain %s already" % (mac, owner), "declare another mac")]


def _connected_by_xml(request: Request, nic: Mapping[str, Any]) -> bool:
    """Whether `xml` says what a NIC is connected to."""
    root = fragment.parse_or_empty(request.declared.get("xml"))
    return any(there.get("type") is not None and (xmltree.get(there, "mac/@address") or "").lower() == nic.get("mac")
               for there in root.iterfind("devices/interface"))


def growth(request: Request, route: Any, before: Optional[int], after: int) -> List[Problem]:
    """A disk never shrinks."""
    return growth_of(path_in(request, "disks", route[1], "size"), before, after)


def growth_of(path: str, before: Optional[int], after: int) -> List[Problem]:
    """The same for the size at a path, for a volume that is there already."""
    if before is not None and after < before:
        return [Problem(path, "the disk is larger already, and a disk never shrinks",
                        "declare at least its present size, or make a smaller disk and copy the data")]
    return []


def owned_name(disk: Mapping[str, Any]) -> str:
    """How the annotation names a volume."""
    return "%s/%s" % (disk["pool"], disk["volume"])
