# Copyright: (c) 2026, flotilla.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The pool driver: storage pools of libvirt. A pool cannot carry an annotation: only what is declared is enforced."""

from __future__ import annotations

import os
import xml.etree.ElementTree as ET
from typing import Any, Dict, List, Mapping, Optional, Sequence, Tuple

from .._reconcile import grammar
from .._reconcile.annotation import Annotation
from .._reconcile.contract import Request, Work
from .._reconcile.errors import EngineError, Problem, Refused, join_path, raise_if_any
from .._reconcile.plan import GONE, Actual, Change, Rule
from .._reconcile.schema import Spec
from . import xmltree
from .connection import is_code, translated
from .storage import DIRECTORY_TYPES

# Where each option of `source` stands in the document (libvirt's formatstorage).
_SOURCE = {"host": "source/host/@name", "dir": "source/dir/@path", "device": "source/device/@path",
           "name": "source/name", "format": "source/format/@type", "initiator": "source/initiator/iqn/@name"}
# What libvirt needs to define a pool of each type.
REQUIRED: Dict[str, Tuple[str, ...]] = {
    "dir": ("path",), "fs": ("path", "source.device"), "netfs": ("path", "source.host", "source.dir"),
    "logical": ("source.name",), "disk": ("source.device",), "iscsi": ("source.host", "source.device"),
    "iscsi-direct": ("source.host", "source.device", "source.initiator"), "rbd": ("source.name",),
    "gluster": ("source.host", "source.name"), "zfs": ("source.name",),
}
# libvirt asks for a target; these are its documentation's.
TARGETS = {"logical": "/dev/%s", "disk": "/dev", "iscsi": "/dev/disk/by-path"}
ANEW = "remove the pool (what is in it stays) and declare it anew, or choose another name"
_FIXED = Rule(fixed=ANEW)
_RULES = {"state": Rule(), "autostart": Rule(default=False)}


def spec_of(root: ET.Element) -> Spec:
    """A pool's document in the grammar's terms."""
    spec: Spec = {"type": root.get("type", "dir")}
    path = xmltree.get(root, "target/path")
    if path:
        spec["path"] = path.rstrip("/") or "/"
    source = {name: xmltree.get(root, place) for name, place in _SOURCE.items()}
    declared = {name: value for name, value in source.items() if value}
    if declared.get("format") == "auto" or spec["type"] not in ("fs", "netfs", "disk", "logical"):
        declared.pop("format", None)
    if spec["type"] == "dir":
        declared = {}
    if declared:
        spec["source"] = declared
    return spec


def build(name: str, want: Mapping[str, Any]) -> ET.Element:
    """The document of a new pool."""
    root = ET.Element("pool", {"type": want["type"]})
    xmltree.put(root, "name", name)
    source = want.get("source") or {}
    for option, place in _SOURCE.items():
        if source.get(option) is not None:
            xmltree.put(root, place, source[option])
    path = want.get("path") or (TARGETS.get(want["type"], "") % ((source.get("name"),) if want["type"] == "logical"
                                                                 else ()))
    if path:
        xmltree.put(root, "target/path", path)
    return root


class PoolDriver:
    """Pools through libvirt. `connection` None is a host without libvirt, which check mode plans against."""

    kind = "pool"
    options = grammar.POOL
    annotates = False

    def __init__(self, connection: Any, local: bool = True) -> None:
        self.connection = connection
        self.host_ready = connection is not None
        self.local = local

    # -- reading --------------------------------------------------------------------------------------------------

    def read(self, names: Optional[Sequence[str]] = None) -> Dict[str, Actual]:
        """See `Driver.read`."""
        if self.connection is None:
            return {}
        with translated("list the pools"):
            found = {pool.name(): pool for pool in self.connection.listAllStoragePools(0)}
        actuals: Dict[str, Actual] = {}
        for name in found if names is None else [name for name in names if name in found]:
            try:
                with translated("read pool %s" % name):
                    actuals[name] = self._actual(name, found[name])
            except EngineError as error:
                # It went away between listing and reading.
                if not is_code(error, "NO_STORAGE_POOL"):
                    raise
        return actuals

    @staticmethod
    def _actual(name: str, pool: Any) -> Actual:
        root = xmltree.parse(pool.XMLDesc(0), "pool %s" % name)
        active, persistent = bool(pool.isActive()), bool(pool.isPersistent())
        actual = Actual(name, stored=spec_of(root), handle=pool)
        actual.stored["state"] = "running" if active else "stopped"
        actual.stored["autostart"] = bool(pool.autostart()) if persistent else False
        capacity, allocation, available = pool.info()[1:]
        actual.status = {"active": active, "persistent": persistent, "uuid": pool.UUIDString(), "capacity": capacity,
                         "allocation": allocation, "available": available,
                         "volumes": pool.numOfVolumes() if active else None}
        if not active:
            # Without an annotation a creation that died looks like this, and a declared pool is there to be used.
            actual.unfinished = {"state": "running"}
            if not actual.stored["autostart"]:
                actual.unfinished["autostart"] = True
        return actual

    def rule(self, pattern: str) -> Rule:
        """See `Driver.rule`."""
        return _RULES.get(pattern, _FIXED)

    # -- preparing ------------------------------------------------------------------------------------------------

    def complete(self, request: Request, actual: Optional[Actual]) -> Spec:
        """See `Driver.complete`."""
        want: Spec = dict(request.declared)
        if actual is None:
            want.setdefault("type", "dir")
            # One that is not wanted running now is not either after the host's next start.
            want.setdefault("autostart", want.get("state") != "stopped")
            if want.get("state", "present") == "present":
                want["state"] = "running"
        return want

    def check(self, work: Work) -> None:
        """See `Driver.check`."""
        if work.actual is not None and not work.actual.status["persistent"]:
            raise Refused("pool %s is transient: it has no stored document to change" % work.name,
                          "define it first (virsh pool-dumpxml, virsh pool-define)")
        if work.request.option("state") in GONE:
            return
        target = work.want if work.actual is None else {**work.actual.stored, **work.want}
        problems = _missing(target, work.request.where) if work.actual is None else []
        if self.local and self.host_ready and target.get("type") in DIRECTORY_TYPES:
            problems += self._directory(target, work)
        raise_if_any(problems)

    def _directory(self, target: Mapping[str, Any], work: Work) -> List[Problem]:
        path, where = target.get("path"), join_path(work.request.where, "path")
        if not path or self.connection.getType() == "TEST":
            return []
        there = path
        while not os.path.lexists(there):
            there = os.path.dirname(there)
        if not os.path.isdir(there):
            what = "is a file" if there == path else "lies below %s, which is a file" % there
            return [Problem(where, "%s %s, not a directory" % (path, what), "choose another path")]
        if work.actual is None:
            for name, other in self.read().items():
                if other.stored.get("path") == path and other.stored["type"] in DIRECTORY_TYPES:
                    return [Problem(where, "%s is already the path of pool %s" % (path, name), "use that pool")]
        return []

    # -- applying -------------------------------------------------------------------------------------------------

    def create(self, work: Work) -> None:
        """See `Driver.create`: definition, autostart, directory, start. Nothing is ever formatted."""
        with work.step("define pool %s" % work.name), translated("define pool %s" % work.name, _driver_hint(work.want)):
            pool = self.connection.storagePoolDefineXML(xmltree.tostring(build(work.name, work.want)), 0)
        self._finish(work, pool, work.want["type"], work.want["autostart"], work.want["state"])

    def change(self, work: Work) -> None:
        """See `Driver.change`: autostart and whether it is active are all that can change."""
        actual = work.existing
        values = {change.pattern: change.want for change in work.changes}
        self._finish(work, actual.handle, actual.stored["type"], values.get("autostart"), values.get("state"))

    def _finish(self, work: Work, pool: Any, kind: str, autostart: Optional[bool], state: Optional[str]) -> None:
        if autostart is not None and bool(pool.autostart()) != bool(autostart):
            with work.step("set autostart of pool %s" % work.name), translated("set autostart of %s" % work.name):
                pool.setAutostart(1 if autostart else 0)
        if state == "running" and not pool.isActive():
            if kind in DIRECTORY_TYPES:
                # Without flags this makes the directory and no file system (virStoragePoolBuild).
                with work.step("make the directory of pool %s" % work.name), translated("build pool %s" % work.name):
                    pool.build(0)
            with work.step("start pool %s" % work.name), translated("start pool %s" % work.name):
                pool.create(0)
        elif state == "stopped" and pool.isActive():
            with work.step("stop pool %s" % work.name), translated("stop pool %s" % work.name):
                pool.destroy()

    def remove(self, work: Work) -> None:
        """See `Driver.remove`: the definition goes, what is in the pool stays."""
        pool = work.existing.handle
        if pool.isActive():
            with work.step("stop pool %s" % work.name), translated("stop pool %s" % work.name):
                pool.destroy()
        with work.step("undefine pool %s" % work.name), translated("undefine pool %s" % work.name):
            pool.undefine()

    def annotate(self, actual: Actual, annotation: Optional[Annotation]) -> None:
        """A pool's document keeps no metadata."""

    def nudge(self, actual: Actual, changes: Sequence[Change]) -> None:
        """Nothing about a pool needs a guest to comply."""

    def wait(self, request: Request, actual: Actual) -> Dict[str, Any]:
        """A pool is ready when it is active."""
        return {"by": "state"}


def _missing(target: Mapping[str, Any], where: str) -> List[Problem]:
    found: List[Problem] = []
    for place in REQUIRED[target["type"]]:
        here: Any = target
        for part in place.split("."):
            here = (here or {}).get(part)
        if here is None:
            found.append(Problem(join_path(where, place), "is required for type %s" % target["type"], "declare it"))
    return found


def _driver_hint(want: Mapping[str, Any]) -> str:
    if want["type"] in ("dir", "fs", "netfs"):
        return ""
    return "libvirt's driver for type %s must be installed (libvirt-daemon-driver-storage-...)" % want["type"]


__all__ = ["PoolDriver", "build", "spec_of"]
