# Copyright: (c) 2026, flotilla.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The volume driver: volumes of one pool. A volume cannot carry an annotation: only what is declared is enforced."""

from __future__ import annotations

import os
from typing import Any, Dict, List, Optional, Sequence, Set

from .._reconcile import grammar
from .._reconcile.annotation import Annotation
from .._reconcile.contract import Request, Work
from .._reconcile.errors import Problem, Refused, join_path, raise_if_any
from .._reconcile.plan import Actual, Change, Rule
from .._reconcile.schema import Spec
from .._reconcile.units import format_size
from . import xmltree
from .connection import documents_of, libvirt
from .storage import DIRECTORY_TYPES, SECTOR, Storage, Volume

FORMATS = ("qcow2", "raw", "iso")
COPY = "make another volume and copy the data"


def _same_format(want: str, have: str) -> bool:
    # A raw volume that holds an ISO 9660 file system reads as iso.
    return want == have or {want, have} == {"raw", "iso"}


_RULES = {"state": Rule(), "pool": Rule(fixed=COPY), "size": Rule(),
          "format": Rule(fixed=COPY, same=_same_format), "backing": Rule(fixed=COPY)}


class VolumeDriver:
    """Volumes of one pool (None: of all, for reading only). `storage` reads an empty host in check mode."""

    kind = "volume"
    options = grammar.VOLUME
    annotates = False

    def __init__(self, storage: Storage, pool: Optional[str]) -> None:
        self.storage = storage
        self.pool = pool
        self.host_ready = storage.connection is not None

    def read(self, names: Optional[Sequence[str]] = None) -> Dict[str, Actual]:
        """See `Driver.read`. Read from all pools, the keys are `POOL/VOLUME`."""
        self.storage.forget()
        if self.pool is not None:
            return self._read_pool(self.pool, names)
        found: Dict[str, Actual] = {}
        for pool in sorted(self.storage.pool_handles()):
            found.update({"%s/%s" % (pool, name): actual for name, actual in self._read_pool(pool, names).items()})
        return found

    def _read_pool(self, pool: str, names: Optional[Sequence[str]]) -> Dict[str, Actual]:
        wanted = sorted(self.storage.volume_handles(pool)) if names is None else names
        volumes = {name: self.storage.volume(pool, name) for name in wanted}
        return {name: self._actual(volume) for name, volume in volumes.items() if volume is not None}

    def _actual(self, volume: Volume) -> Actual:
        spec: Spec = {"state": "present", "pool": volume.pool, "size": volume.capacity}
        if volume.format in FORMATS:
            spec["format"] = volume.format
        backing = self._name_of(volume.pool, volume.backing)
        if backing is not None:
            spec["backing"] = backing
        return Actual(volume.name, stored=spec, status={
            "path": volume.path, "capacity": volume.capacity, "allocation": volume.allocation,
            "format": volume.format, "backing": volume.backing})

    def _name_of(self, pool: str, path: Optional[str]) -> Optional[str]:
        """The volume of the same pool that a path is; None for a file elsewhere."""
        if not path or os.path.dirname(path) != self.storage.pool(pool).path.rstrip("/"):
            return None
        return os.path.basename(path)

    def rule(self, pattern: str) -> Rule:
        """See `Driver.rule`."""
        return _RULES[pattern]

    def complete(self, request: Request, actual: Optional[Actual]) -> Spec:
        """See `Driver.complete`."""
        want: Spec = dict(request.declared)
        if actual is None:
            want["state"] = "present"
            if "format" not in want:
                pool = want["pool"]
                files = not self.storage.pool_exists(pool) or self.storage.pool(pool).type in DIRECTORY_TYPES
                want["format"] = "qcow2" if files else "raw"
        return want

    def check(self, work: Work) -> None:
        """See `Driver.check`."""
        if work.request.option("state") == "absent":
            self._refuse_in_use(work)
            return
        where, want = work.request.where, work.want
        problems: List[Problem] = []
        if want.get("size", 0) % SECTOR:
            problems.append(Problem(join_path(where, "size"), "is not a whole number of sectors of %d bytes" % SECTOR,
                                    "write it in KiB or above"))
        if work.actual is not None:
            have = work.actual.stored["size"]
            if want.get("size", have) < have:
                problems.append(Problem(
                    join_path(where, "size"), "%s is less than the present %s, and a volume never shrinks" % (
                        format_size(want["size"]), format_size(have)), "declare at least its present size"))
        elif self.host_ready:
            problems += self._creation(work)
        raise_if_any(problems)

    def _refuse_in_use(self, work: Work) -> None:
        pool, path = work.existing.stored["pool"], work.existing.status["path"]
        users = ["volume %s" % name for name, other in self._read_pool(pool, None).items() if other.status["backing"] == path]
        users += ["domain %s" % name for name in self._domains_with(pool, work.name, path)]
        if users:
            raise Refused("volume %s of pool %s is in use by %s" % (work.name, pool, ", ".join(users)),
                          "remove those first, or detach it there")

    def _domains_with(self, pool: str, name: str, path: str) -> List[str]:
        """The domains that have a disk on a volume, by its name or its path, stored or running."""
        found: Set[str] = set()
        for flags in (0, libvirt.VIR_DOMAIN_XML_INACTIVE):
            for domain, text in documents_of(self.storage.connection, flags):
                for source in xmltree.parse(text).iterfind("devices/disk/source"):
                    if (source.get("pool"), source.get("volume")) == (pool, name) or path in (source.get("file"), source.get("dev")):
                        found.add(domain)
        return sorted(found)

    def _creation(self, work: Work) -> List[Problem]:
        where, want, pool = work.request.where, work.want, work.want["pool"]
        if not self.storage.pool_exists(pool):
            return [Problem(join_path(where, "pool"), "there is no pool %s" % pool, "declare it first, or name another")]
        if not self.storage.pool(pool).active:
            return [Problem(join_path(where, "pool"), "pool %s is not active" % pool, "start it: state: running")]
        if want["format"] == "iso":
            return [Problem(join_path(where, "format"), "an empty volume is no ISO image", "use raw or qcow2")]
        if want.get("backing") is not None:
            return self._backing(work)
        if want.get("size") is None:
            return [Problem(join_path(where, "size"), "is required without backing", "such as size: 20GiB")]
        free = self.storage.free_bytes(pool)
        if want["format"] == "raw" and free is not None and want["size"] > free:
            return [Problem(join_path(where, "size"), "pool %s has only %s free" % (pool, format_size(free)),
                            "free space there, use another pool, or a smaller size")]
        return []

    def _backing(self, work: Work) -> List[Problem]:
        where, want = work.request.where, work.want
        under = self.storage.volume(want["pool"], want["backing"])
        if under is None:
            return [Problem(join_path(where, "backing"), "there is no volume %s in pool %s" % (
                want["backing"], want["pool"]), "make it first, or name another one")]
        if want["format"] != "qcow2":
            return [Problem(join_path(where, "format"), "a copy-on-write clone cannot be %s" % want["format"],
                            "use qcow2, or leave it out")]
        if want.get("size", under.capacity) < under.capacity:
            return [Problem(join_path(where, "size"), "%s is less than the %s of %s" % (
                format_size(want["size"]), format_size(under.capacity), under.name), "declare at least that")]
        return []

    def create(self, work: Work) -> None:
        """See `Driver.create`."""
        with work.step("create volume %s in pool %s" % (work.name, work.want["pool"])):
            self.storage.create_volume(work.want["pool"], work.name, work.want.get("size"), work.want["format"],
                                       work.want.get("backing"))

    def change(self, work: Work) -> None:
        """See `Driver.change`: growing is all that there is."""
        for change in work.changes:
            if change.pattern == "size":
                with work.step("grow volume %s to %s" % (work.name, change.after)):
                    self.storage.resize(work.want["pool"], work.name, change.want)

    def remove(self, work: Work) -> None:
        """See `Driver.remove`: the volume and its data."""
        with work.step("delete volume %s of pool %s" % (work.name, work.want["pool"])):
            self.storage.delete_volume(work.want["pool"], work.name)

    def annotate(self, actual: Actual, annotation: Optional[Annotation]) -> None:
        """A volume's document keeps no metadata."""

    def nudge(self, actual: Actual, changes: Sequence[Change]) -> None:
        """Nothing about a volume needs a guest to comply."""

    def wait(self, request: Request, actual: Actual) -> Dict[str, Any]:
        """A volume is ready when it is there."""
        return {"by": "state"}
