# Copyright: (c) 2026, flotilla.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The cloud-init seed of a domain: what it says, where it is kept, and what of it a booted guest never sees."""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import replace
from typing import Any, Callable, Mapping, Optional, Tuple

from ..._reconcile import cloudinit, grammar
from ..._reconcile.annotation import Annotation
from ..._reconcile.contract import Request
from ..._reconcile.errors import DeclarationError, join_path
from ..._reconcile.plan import Actual, Pending, pending_between
from ..._reconcile.schema import Spec
from ..._reconcile.secrets import Secret
from .. import seed as iso
from .. import xmltree
from . import elements, table

LABEL = "cidata"
_SEED = re.compile(r"-seed-[0-9a-f]{12}\.iso\Z")
_NIC_PARTS = ("address", "gateway", "dns")
_OPTIONS = tuple(option for option in grammar.GUEST if option.name in ("cloud_init", "nics"))


def parts(declared: Mapping[str, Any]) -> Spec:
    """The options of a (sealed or parsed) declaration that only the seed carries."""
    nics = {name: {part: nic[part] for part in _NIC_PARTS if part in nic}
            for name, nic in declared.get("nics", {}).items()}
    cloud_init = {name: value for name, value in declared.get("cloud_init", {}).items() if name != "reseed"}
    return {"cloud_init": cloud_init, "nics": {name: nic for name, nic in nics.items() if nic}}


def wanted(want: Mapping[str, Any]) -> bool:
    """Whether the declaration has anything for a seed to say."""
    mine = parts(want)
    return bool(mine["cloud_init"] or mine["nics"])


def place(root: Any) -> Optional[str]:
    """The seed that a document has, as POOL/VOLUME."""
    device = elements.seed(root)
    if device is None:
        return None
    return "%s/%s" % (xmltree.get(device, "source/@pool"), xmltree.get(device, "source/@volume"))


def delivered(annotation: Annotation, root: Any, there: Callable[[str, str], Optional[int]]) -> bool:
    """Whether the guest has been given what the annotation says: a run may have died before it stored the seed.

    A guest that has booted has read it, whatever became of the seed since. One whose seed is being taken back has it
    until the last of it is gone.
    """
    noted = annotation.facts.get("seed")
    if noted is None or "booted" in annotation.facts:
        return True
    if not noted:
        return place(root) is not None or any(there(*owned.split("/", 1)) is not None for owned in annotation.owned
                                              if is_seed_volume(owned))
    pool, volume = str(noted).split("/", 1)
    return place(root) == noted and there(pool, volume) is not None


def digest_of(declared: Mapping[str, Any]) -> str:
    """A digest of what a declaration has for the seed, by which a reseed is remembered."""
    text = json.dumps(parts(declared), sort_keys=True)
    return hashlib.sha256(text.encode("utf-8")).hexdigest()[:12]


def reseeded(annotation: Annotation, root: Any) -> bool:
    """Whether this document has the seed with which the guest is to run cloud-init again, as now declared."""
    noted = annotation.facts.get("reseeded")
    return bool(noted) and noted == digest_of(annotation.applied) and place(root) == annotation.facts.get("seed")


def booted_with(annotation: Annotation, root: Any) -> Optional[Mapping[str, Any]]:
    """What the running guest with this document has read: at its first boot, or again since."""
    return parts(annotation.applied) if reseeded(annotation, root) else annotation.facts.get("booted")


def overlay(spec: Spec, annotation: Optional[Annotation], root: Any, live: bool = False) -> None:
    """Adds to a spec read from a document what only the annotation knows; to the running one what it booted with."""
    if annotation is None:
        return
    booted = booted_with(annotation, root) if live else None
    mine = parts(annotation.applied if booted is None else booted)
    if mine["cloud_init"]:
        spec["cloud_init"] = mine["cloud_init"]
    if reseeded(annotation, root):
        spec.setdefault("cloud_init", {})["reseed"] = True
    for name, nic in mine["nics"].items():
        if name in spec["nics"]:
            spec["nics"][name] = {**spec["nics"][name], **nic}


def first_boot_only(annotation: Optional[Annotation]) -> "list[Pending]":
    """What was declared after the guest had booted: it will not see that by itself."""
    booted = annotation.facts.get("booted") if annotation is not None else None
    if annotation is None or booted is None:
        return []
    mine = parts(annotation.applied)
    names = set(mine["nics"]) | set(booted.get("nics", {}))
    for side in (mine, booted):
        side["nics"] = {name: side.get("nics", {}).get(name, {}) for name in sorted(names)}
    return pending_between(_OPTIONS, Actual("", stored=mine, live=booted), lambda _pattern: table.SEED_RULE)


def contents(request: Request, want: Mapping[str, Any], instance: str, again: bool, windows: bool = False) -> Tuple[Mapping[str, bytes], str]:
    """The files of the seed and the digest that its volume name carries; `again` for a guest that has booted before.

    windows: cloudbase-init reads it.

    Raises DeclarationError where a secret says `{keep: true}`: there is no seed to keep it from.
    """
    cloud_init = dict(want.get("cloud_init", {}))
    _refuse_keep(cloud_init, join_path(request.where, "cloud_init"))
    nics = [{**nic, "name": name} for name, nic in want.get("nics", {}).items()]
    try:
        files = cloudinit.render(cloud_init, instance_id=instance, hostname=request.name, nics=nics,
                                 keep_host_keys=again, windows=windows)
    except DeclarationError as error:
        raise DeclarationError([replace(problem, path=join_path(request.where, problem.path))
                                for problem in error.problems]) from None
    return files, cloudinit.digest(files)


def image(files: Mapping[str, bytes], windows: bool) -> bytes:
    """The seed's ISO image; Windows reads it through a file system that knows no Rock Ridge."""
    return iso.build_iso(files, LABEL, joliet=windows)


def _refuse_keep(value: Any, path: str) -> None:
    if isinstance(value, Secret) and value.keeps:
        raise DeclarationError.at(path, "says {keep: true}, and there is nothing to keep it from",
                                  "write the value itself")
    if isinstance(value, Mapping):
        for name, inner in value.items():
            _refuse_keep(inner, join_path(path, str(name)))


def volume_name(guest: str, digest: str) -> str:
    """The seed's volume: named after the guest and what it says."""
    return "%s-seed-%s.iso" % (guest, digest)


def is_seed_volume(owned: str) -> bool:
    """Whether a volume (`POOL/VOLUME`) that a guest owns is a seed of it, made under its present name or under an earlier one."""
    return _SEED.search(owned) is not None
