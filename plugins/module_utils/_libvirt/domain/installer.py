# Copyright: (c) 2026, flotilla.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The steps of an installation: its media, its start, its end."""

from __future__ import annotations

import os
import time
from dataclasses import replace
from typing import Any, Dict, List, Mapping, Optional, Tuple

from ..._host import isofiles, trees
from ..._reconcile import installation
from ..._reconcile.annotation import Annotation
from ..._reconcile.contract import Request, Work
from ..._reconcile.errors import EngineError, FlotillaError, Problem, Refused, join_path
from ..._reconcile.plan import Actual
from .. import seed as iso
from .. import xmltree
from ..connection import is_code, libvirt, translated
from ..storage import DIRECTORY_TYPES, Storage
from . import installing, reader

SECONDS = 3600
POLL_SECONDS = 1.0
# A new qcow2 volume takes some 200 KiB; an installer writes more than this before it asks anything.
UNTOUCHED_BYTES = 1 << 20
# "Press any key to boot from CD": the firmware needs some seconds until then, the prompt stays for five.
KEY_PRESSES, KEY_SECONDS, KEY_ENTER, KEY_HOLD_MS = 15, 1.0, 28, 50


class Installer:
    """Installs the guests of one connection. `local` says whether the files of its host are this machine's."""

    def __init__(self, connection: Any, storage: Storage, local: bool) -> None:
        self.connection = connection
        self._storage = storage
        self.local = local
        self._fetched: Dict[Tuple[str, str], Tuple[bytes, bytes]] = {}

    # -- before anything is touched ---------------------------------------------------------------------------------------

    def problems(self, work: Work, family: str, pool: Optional[str], planned_pools: Any) -> List[Problem]:
        """What is wrong with the installation of a new guest; `pool` is where what is made for it would be."""
        found = installation.problems(work.want, family, work.request.where)
        if found:
            return found
        install, where = work.want["install"], join_path(work.request.where, "install")
        needed = installing.volumes(installing.plan(work.name, install, pool, ""))
        if needed and pool is None:
            found.append(Problem(where, "needs a place for what is made for it", "declare a disk in a pool"))
        elif pool is not None and any(name.endswith(".img") for _pool, name in needed) and pool not in planned_pools:
            if self._storage.pool(pool).type not in DIRECTORY_TYPES:
                found.append(Problem(where, "boots a kernel, which QEMU reads from a file, and pool %s has none" % pool,
                                     "put the first disk into a pool of type %s" % ", ".join(DIRECTORY_TYPES)))
        if pool is not None and pool not in planned_pools:
            found += [Problem(where, "a volume %s is in pool %s already and no declaration made it" % (volume, pool), "remove it, or rename it")
                      for _pool, volume in needed if self._storage.volume(pool, volume) is not None]
        for medium in ("iso", "drivers"):
            if medium in install:
                found += self._medium(install[medium], join_path(where, medium), planned_pools)
        for option in ("kernel", "initrd"):
            if option in install:
                found += self._file(install[option], join_path(where, option))
        if not self.local and ("initrd" in install and installation.overlay(install) or installation.from_medium(install)):
            found.append(Problem(where, "reads a file of the host, which a remote uri cannot", "declare a tree, or run on the host itself"))
        return found

    def _medium(self, medium: Mapping[str, Any], where: str, planned_pools: Any) -> List[Problem]:
        if "file" in medium:
            return self._file(medium["file"], join_path(where, "file"))
        pool = medium.get("pool")
        if pool is None or pool in planned_pools or self._storage.volume(pool, medium["volume"]) is not None:
            return []
        return [Problem(join_path(where, "volume"), "there is no volume %s in pool %s" % (medium["volume"], pool), "make it first, or correct the name")]

    def _file(self, path: str, where: str) -> List[Problem]:
        if not self.local or os.path.isfile(path):
            return []
        return [Problem(where, "%s is not there" % path, "correct the path, or put it there")]

    def note(self, work: Work, pool: Optional[str], bus: str) -> None:
        """Notes what a new guest is installed with, so that the annotation names it before anything is made."""
        fact = installing.plan(work.name, work.want["install"], pool, bus)
        used = work.annotation.applied.get("install")
        work.note(owned=["%s/%s" % place for place in installing.volumes(fact)], facts={installing.FACT: fact, installing.USED: used})

    def fetch(self, request: Request, architecture: str) -> None:
        """Downloads what an installation tree has for a guest; kept for the rest of this run."""
        tree = request.declared.get("install", {}).get("tree")
        if tree is not None and (tree, architecture) not in self._fetched:
            self._fetched[(tree, architecture)] = trees.fetch(tree, architecture)

    # -- the first start --------------------------------------------------------------------------------------------------

    def is_due(self, work: Work, domain: Any) -> bool:
        """Whether the next start is the installer's: never again over a disk that somebody has written to meanwhile."""
        fact = installing.fact_of(work.annotation)
        if fact is None or fact["started"] or domain.isActive():
            return False
        if work.actual is None or self._untouched(work, domain):
            return True
        self._note_started(work, fact)
        return False

    def _untouched(self, work: Work, domain: Any) -> bool:
        if domain.state()[1] == libvirt.VIR_DOMAIN_SHUTOFF_SHUTDOWN:
            return False
        for disk in work.existing.stored["disks"].values():
            if "%s/%s" % (disk.get("pool"), disk.get("volume")) not in work.annotation.owned or disk.get("image"):
                continue
            volume = self._storage.volume(disk["pool"], disk["volume"])
            if volume is not None and self._storage.pool(disk["pool"]).type in DIRECTORY_TYPES and volume.allocation > UNTOUCHED_BYTES:
                return False
        return True

    def start(self, work: Work, domain: Any, paused: bool, architecture: str) -> None:
        """Boots the installer: its media are made, then the domain runs with them while its stored document stays as it is."""
        fact = installing.fact_of(work.annotation) or {}
        self._make_volumes(work, fact, architecture)
        root = xmltree.parse(reader.stored_text(domain, work.name))
        installing.boot(root, fact, *(self._path(fact[part]) for part in ("kernel", "initrd") if part in fact))
        with work.step("boot the installer of %s" % work.name), translated("boot the installer of %s" % work.name):
            self.connection.createXML(xmltree.tostring(root), libvirt.VIR_DOMAIN_START_PAUSED if paused else 0)
        self._note_started(work, fact)
        if not paused and work.want["install"].get("answer", {}).get("kind") == "unattend" and xmltree.get(root, "os/loader") is not None:
            self._press_a_key(work, domain)

    @staticmethod
    def _note_started(work: Work, fact: Mapping[str, Any]) -> None:
        work.note(facts={installing.FACT: {**fact, "started": True}})

    @staticmethod
    def _press_a_key(work: Work, domain: Any) -> None:
        """Windows' medium asks under UEFI whether to boot it, and nothing tells when: Enter does no harm before and after."""
        with work.step("answer the medium's prompt"), translated("press a key for %s" % work.name):
            for _number in range(KEY_PRESSES):
                domain.sendKey(libvirt.VIR_KEYCODE_SET_LINUX, KEY_HOLD_MS, [KEY_ENTER], 1, 0)
                time.sleep(KEY_SECONDS)

    def _path(self, place: Mapping[str, str]) -> str:
        if "file" in place:
            return place["file"]
        volume = self._storage.volume(place["pool"], place["volume"])
        if volume is None:
            raise FlotillaError("volume %s of pool %s is gone" % (place["volume"], place["pool"]), "run again")
        return volume.path

    def _make_volumes(self, work: Work, fact: Mapping[str, Any], architecture: str) -> None:
        places = installing.volumes(fact)
        if not places:
            return
        install = work.want.get("install")
        wrong = installation.problems(work.want, _family_of(work), work.request.where) if install else [
            Problem(join_path(work.request.where, "install"), "is declared no longer, and its media were not made yet", "declare it as it was")]
        if wrong:
            raise EngineError("%s: %s" % (wrong[0].path, wrong[0].problem), wrong[0].remedy)
        for (pool, volume), data in zip(places, self._contents(work, work.want["install"], places, architecture)):
            with work.step("store %s for the installer of %s" % (volume, work.name)):
                self._storage.upload(pool, volume, data)

    def _contents(self, work: Work, install: Mapping[str, Any], places: List[Tuple[str, str]], architecture: str) -> List[bytes]:
        """What each of the volumes holds."""
        kernel, initrd = self._boot_files(work.request, install, architecture)
        disc = installation.disc(install, str(work.annotation.facts.get("instance", work.name)))
        made = {"kernel.img": kernel, "initrd.img": installation.with_overlay(initrd, installation.overlay(install)),
                "answer.iso": iso.build_iso(disc.files, disc.label, disc.joliet) if disc is not None else b""}
        by_name = {installing.volume_name(work.name, part): data for part, data in made.items()}
        return [by_name[volume] for _pool, volume in places]

    def _boot_files(self, request: Request, install: Mapping[str, Any], architecture: str) -> Tuple[bytes, bytes]:
        """Kernel and RAM disk of the installer, as far as they are read here."""
        if "tree" in install:
            self.fetch(request, architecture)
            return self._fetched[(install["tree"], architecture)]
        if installation.from_medium(install):
            return self._from_medium(install)
        if "initrd" in install and installation.overlay(install):
            try:
                with open(install["initrd"], "rb") as handle:
                    return b"", handle.read()
            except OSError as error:
                raise FlotillaError("%s cannot be read: %s" % (install["initrd"], error.strerror or error), "run with become: true") from None
        return b"", b""

    def _from_medium(self, install: Mapping[str, Any]) -> Tuple[bytes, bytes]:
        image = self._path(install["iso"])
        for kernel, initrd in installation.ON_MEDIUM[installation.kind(install)]:
            found = isofiles.read(image, kernel), isofiles.read(image, initrd)
            if found[0] is not None and found[1] is not None:
                return found[0], found[1]
        raise FlotillaError("%s has no kernel where an installer for %s has it" % (image, installation.kind(install)), "declare kernel and initrd")

    # -- the end ----------------------------------------------------------------------------------------------------------

    def finish(self, domain: Any, name: str, annotation: Annotation) -> Optional[Annotation]:
        """Ends an installation whose system answers: media ejected, what was made for it removed. Returns what the annotation
        is to say then; None while it is not over."""
        fact = installing.fact_of(annotation)
        if fact is None or not domain.isActive():
            return None
        with translated("look at the installation of %s" % name):
            live = xmltree.parse(domain.XMLDesc(libvirt.VIR_DOMAIN_XML_SECURE))
            stored = xmltree.parse(domain.XMLDesc(libvirt.VIR_DOMAIN_XML_INACTIVE))
        if not installing.is_over(domain, live, stored):
            return None
        with translated("eject the installation media of %s" % name):
            installing.eject(domain, live)
        for pool, volume in installing.volumes(fact):
            self._storage.delete_volume(pool, volume)
        gone = ["%s/%s" % place for place in installing.volumes(fact)]
        return replace(annotation, facts={key: value for key, value in annotation.facts.items() if key != installing.FACT},
                       owned=tuple(volume for volume in annotation.owned if volume not in gone))

    def wait(self, domain: Any, actual: Actual, seconds: float) -> float:
        """Waits until the installation is over, and starts the guest from its disk when the installer has ended the machine.

        Notes the end on `actual`. Returns the seconds that are left. Raises EngineError after the deadline, or when the
        machine ended otherwise.
        """
        deadline = time.monotonic() + seconds
        annotation = actual.annotation or Annotation()
        while True:
            over = self.finish(domain, actual.name, annotation)
            if over is not None:
                actual.annotation = over
                return max(deadline - time.monotonic(), 0.0)
            if not domain.isActive():
                self._start_from_disk(domain, actual.name)
            if time.monotonic() >= deadline:
                raise EngineError("%s is not installed within %d s" % (actual.name, seconds),
                                  "look at its console; the next run waits again. To begin anew, remove it with its storage")
            time.sleep(POLL_SECONDS)

    @staticmethod
    def _start_from_disk(domain: Any, name: str) -> None:
        with translated("start %s from its disk" % name):
            if domain.state()[1] in (libvirt.VIR_DOMAIN_SHUTOFF_DESTROYED, libvirt.VIR_DOMAIN_SHUTOFF_CRASHED, libvirt.VIR_DOMAIN_SHUTOFF_FAILED):
                raise EngineError("%s was ended during its installation" % name,
                                  "start it from its disk with state: running, or remove it with its storage to begin anew")
            try:
                domain.create()
            except libvirt.libvirtError as error:
                # Another run that waits was faster.
                if not is_code(error, "OPERATION_INVALID"):
                    raise


def _family_of(work: Work) -> str:
    return str(work.annotation.facts.get("system", "linux"))


def refuse_ends(request: Request, actual: Optional[Actual]) -> None:
    """A guest that is being installed is not left to itself: what its media say would stay."""
    if actual is not None and installing.fact_of(actual.annotation) is not None and request.option("state") == "released":
        raise Refused("%s is being installed" % request.name, "wait until that is over, or remove it")


def refuse_restart(work: Work) -> None:
    """A restart would end the installer; and what is made for it is found by the guest's name."""
    if work.renames and work.actual is not None and installing.fact_of(work.actual.annotation) is not None:
        raise Refused("%s is being installed and cannot be renamed to %s" % (work.there_as, work.name), "remove was until that is over")
    if work.restart and work.actual is not None and work.actual.live is not None and installing.fact_of(work.actual.annotation) is not None:
        raise Refused("%s is being installed and cannot be restarted for what is pending" % work.name,
                      "declare on_change: live until that is over")
