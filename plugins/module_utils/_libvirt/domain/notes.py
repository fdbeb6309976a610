# Copyright: (c) 2026, flotilla.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a run notes with a domain before its first step: what it will make, choose and must finish should it die."""

from __future__ import annotations

import os
from itertools import count
from typing import Any, Dict, Mapping, Optional

from ..._reconcile.annotation import NAMESPACE, Annotation
from ..._reconcile.contract import Work
from ..._reconcile.schema import Spec
from .. import xmltree
from ..connection import libvirt, translated
from . import about, checks, seeding, seeds
from .host import DomainHost
from .installer import Installer
from .reader import CPU_FEATURES
from .seeds import Seeds

METADATA_KEY = "flotilla"


class Notes:
    """Makes the notes of one host's domains."""

    def __init__(self, host: DomainHost, seed_volumes: Seeds, installer: Installer) -> None:
        self._host = host
        self._seeds = seed_volumes
        self._installer = installer

    def take(self, work: Work) -> None:
        """Notes on `work` everything that the annotation is to say before the first step."""
        new_disks = about.new_items(work, "disks")
        work.note(owned=[checks.owned_name(disk) for disk in new_disks.values() if disk.get("volume") and not disk.get("existing")],
                  facts={"images": _images(work, new_disks), "renamed": renamed_disks(work, new_disks) or None})
        if work.actual is None:
            self._creation(work)
        elif about.changes_fragment(work):
            work.note(facts=work.actual.stored["xml"].note(work.want.get("xml")))
        work.note(facts={"due": _due(work), CPU_FEATURES: _features_left(work)})
        if _starts(work):
            work.note(facts=self._readiness(work))
        self._seed(work)

    def _creation(self, work: Work) -> None:
        """What is chosen once. A host without libvirt has nothing to say of an emulation."""
        emulated = self._host.platform(work.request)[1] if self._host.ready else ""
        work.note(facts={"emulated": emulated or None, "instance": about.uuid(work),
                         "family": work.want.get("os", {}).get("family")})
        if "install" in work.want:
            work.note(facts={"system": about.family(work)})
            medium = self._host.profile(work.request, None).get("medium", {})
            self._installer.note(work, seeds.pool(work), medium.get("bus", "sata"))

    def _readiness(self, work: Work) -> Dict[str, Any]:
        """Readiness is to be found out anew, from what the console says after this moment."""
        if work.actual is None:
            console = self._host.console_log(work)
        else:
            console = xmltree.get(work.actual.handle.stored(), "devices/serial/log/@file") or ""
        return {"ready": "", "console": os.path.getsize(console) if self._host.local and os.path.exists(console) else 0}

    def _seed(self, work: Work) -> None:
        place = self._seeds.place(work)
        if place is not None:
            if work.request.declared.get("cloud_init", {}).get("reseed"):
                work.note(facts={"reseeded": seeding.digest_of(work.annotation.applied),
                                 "instance": seeds.instance(work, work.actual is not None)})
            work.note(owned=[place], facts={"seed": place})
        elif self._seeds.is_taken_back(work):
            work.note(facts={"seed": ""})


def _images(work: Work, new_disks: Mapping[str, Spec]) -> Optional[Dict[str, str]]:
    """The image that each disk was made from."""
    renames = about.moves(work)
    images = {renames.get(name, name): image for name, image in work.annotation.facts.get("images", {}).items()}
    images.update({name: disk["image"] for name, disk in new_disks.items() if disk.get("image")})
    return images or None


def _features_left(work: Work) -> Optional[Dict[str, Any]]:
    """CPU features that the declaration takes back and that the running process keeps, with that process.

    The running document lists them among those that libvirt itself added for the host's CPU, so that it does not tell them.
    """
    process = work.actual.status.get("id") if work.actual is not None and work.actual.live is not None else None
    if process is None or work.actual is None or work.restart:
        return None
    earlier = work.annotation.facts.get(CPU_FEATURES) or {}
    left = set(earlier.get("names", ())) if earlier.get("process") == process else set()
    if any(change.pattern == "cpus.features" for change in work.changes):
        left |= set(work.actual.stored.get("cpus", {}).get("features", {}))
    left -= set(work.want.get("cpus", {}).get("features", {}))
    return {"process": process, "names": sorted(left)} if left else None


def _starts(work: Work) -> bool:
    """Whether a new QEMU process will run the guest."""
    state = work.want.get("state") if work.actual is None else next(
        (change.want for change in work.changes if change.pattern == "state"), None)
    return work.restart or ((work.actual is None or work.actual.live is None) and state in ("running", "paused"))


def _due(work: Work) -> Optional[str]:
    """The power state that nobody declares and that this run must reach all the same, should it die before."""
    if work.request.option("state") is not None:
        return None
    if work.actual is None:
        return str(work.want["state"])
    changed = next((str(change.want) for change in work.changes if change.pattern == "state"), None)
    return changed or (str(work.actual.stored["state"]) if work.restart else None)


def renamed_disks(work: Work, new_disks: Mapping[str, Spec]) -> Dict[str, str]:
    """New names by the names that the devices' aliases carry, for disks declared with `was`.

    A new disk under the old name of such a one gets a number in its alias, which is still the other's.
    """
    renamed = dict(work.annotation.facts.get("renamed", {}))
    for before, after in about.moves(work).items():
        renamed[next((label for label, name in renamed.items() if name == before), before)] = after
    specs = [spec for spec in (work.want, work.actual and work.actual.stored, work.actual and work.actual.live) if spec]
    for new in new_disks:
        if new in renamed and new not in renamed.values():
            taken = set(renamed).union(*(spec.get("disks", {}) for spec in specs))
            renamed[next(label for label in ("%s.%d" % (new, number) for number in count(2)) if label not in taken)] = new
    # One that leaves in this run is still found by its name; a later run forgets it.
    known = set(new_disks).union(about.moves(work).values(), *(spec.get("disks", {}) for spec in specs[1:]))
    return {label: name for label, name in renamed.items() if name in known}


def write(domain: Any, name: str, annotation: Optional[Annotation]) -> None:
    """Writes the annotation of a domain (None: drops it), live and stored (virDomainSetMetadata)."""
    text = None if annotation is None else xmltree.annotation_element(annotation.to_json())
    with translated("note the declaration of domain %s" % name):
        flags = libvirt.VIR_DOMAIN_AFFECT_CONFIG
        if domain.isActive():
            flags |= libvirt.VIR_DOMAIN_AFFECT_LIVE
        domain.setMetadata(libvirt.VIR_DOMAIN_METADATA_ELEMENT, text, METADATA_KEY, NAMESPACE, flags)
