# Copyright: (c) 2026, flotilla.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The seed volume of a guest: when a run makes one, what it is called, where it is put, and when an old one goes."""

from __future__ import annotations

from dataclasses import replace
from typing import Mapping, Optional, Tuple
from xml.etree.ElementTree import Element

from ..._reconcile.contract import Work
from . import build, seeding, table
from .about import is_windows
from .host import DomainHost
from .volumes import Volumes


class Seeds:
    """The seeds of one host's guests. What they say is `seeding`'s."""

    def __init__(self, host: DomainHost, volumes: Volumes) -> None:
        self._host = host
        self._volumes = volumes

    def place(self, work: Work) -> Optional[str]:
        """The seed that this run is to store, as POOL/VOLUME; None for none: a guest that has booted keeps the one it has."""
        if not self._is_due(work):
            return None
        _files, digest = self._contents(work)
        return "%s/%s" % (pool(work), seeding.volume_name(work.name, digest))

    def _is_due(self, work: Work) -> bool:
        if not self._host.ready or self._host.test or not seeding.wanted(work.want):
            return False
        if "booted" in work.annotation.facts and not _again(work):
            return False
        return work.actual is None or changes(work)

    def _contents(self, work: Work) -> Tuple[Mapping[str, bytes], str]:
        stored = work.actual.stored["nics"] if work.actual is not None else {}
        want = dict(work.want, nics={name: {"mac": stored.get(name, {}).get("mac"), **nic}
                                     for name, nic in work.want.get("nics", {}).items()})
        again = _again(work)
        return seeding.contents(work.request, want, instance(work, again), again, is_windows(work))

    def put(self, root: Element, work: Work) -> bool:
        """Brings into a document what this run does about the seed; says whether that is anything."""
        place = self.place(work)
        if place is None and not self.is_taken_back(work):
            return False
        pool_name, volume = (None, None) if place is None else place.split("/", 1)
        build.set_seed(root, pool_name, volume, "" if place is None else self._drive(work))
        return True

    def _drive(self, work: Work) -> str:
        """The bus of the CD drive that Windows finds its seed in; empty for every other system, which gets a disk."""
        profile = self._host.profile(work.request, work.actual)
        return str(profile.get("medium", {}).get("bus", "sata")) if is_windows(work) else ""

    def store(self, work: Work) -> None:
        """Stores the seed of this run, unless it is there."""
        place = self.place(work)
        if place is None or pool(work) is None:
            return
        pool_name, volume = place.split("/", 1)
        if self._host.storage.volume(pool_name, volume) is None:
            files, _digest = self._contents(work)
            with work.step("store the cloud-init seed of %s" % work.name):
                self._host.storage.upload(pool_name, volume, seeding.image(files, is_windows(work)))

    def drop_old(self, work: Work, current: Optional[str]) -> None:
        """What a seed said that no document names any more is nobody's: it may hold secrets."""
        for owned in [volume for volume in work.annotation.owned
                      if seeding.is_seed_volume(volume) and volume != current]:
            self._volumes.remove(work, owned)
            work.annotation = replace(work.annotation, owned=tuple(
                volume for volume in work.annotation.owned if volume != owned))
        work.note(facts={"seed": current})

    @staticmethod
    def is_taken_back(work: Work) -> bool:
        """Nothing is declared any more that the guest, which has not booted yet, should read at its first boot."""
        return changes(work) and not seeding.wanted(work.want) and "booted" not in work.annotation.facts


def changes(work: Work) -> bool:
    """Whether anything changes that only a seed carries."""
    return any(table.is_seed_option(change.pattern) for change in work.changes)


def _again(work: Work) -> bool:
    return any(change.pattern == table.RESEED and change.want for change in work.changes)


def pool(work: Work) -> Optional[str]:
    """The pool for the seed: where the guest has one, else where its first disk is."""
    actual = work.actual
    there = seeding.place(actual.handle.stored()) if actual is not None else None
    if there is not None:
        return there.split("/", 1)[0]
    disks = list(actual.stored["disks"].values()) if actual is not None else []
    return next((disk["pool"] for disk in disks + list(work.want.get("disks", {}).values()) if disk.get("pool")), None)


def instance(work: Work, again: bool) -> str:
    """The instance-id: fixed at creation, and another one only where cloud-init is to run again."""
    first = str(work.annotation.facts.get("instance", work.name))
    return "%s+%s" % (first.split("+", 1)[0], seeding.digest_of(work.annotation.applied)) if again else first
