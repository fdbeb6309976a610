# Copyright: (c) 2026, flotilla.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The domain driver: how to read domains, which impact a change has, how to apply it. It never decides."""

from __future__ import annotations

from typing import Any, Callable, Dict, Mapping, Optional, Sequence

from ..._reconcile import grammar
from ..._reconcile.annotation import Annotation
from ..._reconcile.contract import Request, Work
from ..._reconcile.plan import LIVE, SAVED_IMAGE, Actual, Change, Rule
from ..._reconcile.schema import Spec
from .. import xmltree
from ..connection import translated
from ..storage import Storage
from . import choices, installer, installing, live, notes, power, reader, seeding, seeds, table, waiting
from .checking import Checker
from .editor import Editor
from .host import DomainHost, Surroundings
from .volumes import Volumes


class DomainDriver:
    """KVM guests through libvirt. `connection` None is a host without libvirt, which check mode plans against."""

    kind = "domain"
    options = grammar.GUEST
    annotates = True

    def __init__(self, connection: Any, storage: Optional[Storage], surroundings: Surroundings,
                 kvm_problem: choices.KvmProblem, local: bool = True) -> None:
        self.connection = connection
        self.host_ready = connection is not None
        self.host = host = DomainHost(connection, storage, surroundings, kvm_problem, local)
        self.storage = host.storage
        self._reader = reader.Reader(connection, self.storage.capacity)
        self._installer = installer.Installer(connection, host.storage, local)
        self._volumes = Volumes(host)
        self._seeds = seeds.Seeds(host, self._volumes)
        self._editor = Editor(host, self._reader, self._seeds)
        self.checker = Checker(host, self._reader, self._editor, self._installer, notes.Notes(host, self._seeds, self._installer))

    # -- reading --------------------------------------------------------------------------------------------------

    def read(self, names: Optional[Sequence[str]] = None) -> Dict[str, Actual]:
        """See `Driver.read`."""
        return self._reader.read(names) if self.connection is not None else {}

    def rule(self, pattern: str) -> Rule:
        """See `Driver.rule`."""
        return table.rule(pattern)

    # -- preparing ------------------------------------------------------------------------------------------------

    def complete(self, request: Request, actual: Optional[Actual]) -> Spec:
        """See `Driver.complete`: defaults for a new domain, and for the new devices of an existing one."""
        profile = self.host.profile(request, actual)
        want = choices.creation_defaults(request, profile) if actual is None else dict(request.declared)
        have = actual.stored if actual is not None else {}
        makers: Mapping[str, Callable[[Spec], Spec]] = {
            "disks": lambda disk: choices.disk_defaults(request.name, disk, profile.get("disk", {})),
            "media": lambda medium: choices.medium_defaults(medium, profile.get("medium", {})),
            "nics": lambda nic: choices.nic_defaults(request.fleet, request.name, nic, profile.get("nic", {}))}
        for option, make in makers.items():
            items, there = want.get(option, {}), set(have.get(option, {}))
            # The name of one that is renamed is free for another.
            there -= {item["was"] for name, item in items.items() if item.get("was") in there and name not in there}
            if items or option != "media":
                want[option] = {name: item if name in there else make(item) for name, item in items.items()}
        return want

    def check(self, work: Work) -> None:
        """See `Driver.check`."""
        self.checker.check(work)

    def prefetch(self, request: Request) -> None:
        """Downloads, before the host's turn is taken, what a domain still to be made needs."""
        tree = "tree" in request.declared.get("install", {})
        if (tree or self._volumes.to_download(request)) and request.among(self.read(request.names())) is None:
            self._volumes.prefetch(request)
            self._installer.fetch(request, self.host.architecture(request.declared))

    # -- applying -------------------------------------------------------------------------------------------------

    def create(self, work: Work) -> None:
        """See `Driver.create`. The definition comes first: it names all that follows."""
        self._volumes.fetch(work)
        root, _edited = self._editor.document(work)
        with work.step("define %s" % work.name):
            domain = self._editor.define(root)
        self._editor.note_fragment(work, domain)
        self._volumes.make(work)
        self._seeds.store(work)
        self._finish(work, domain, work.want.get("autostart"), work.want["state"])

    def change(self, work: Work) -> None:
        """See `Driver.change`: volumes, the stored document, the running guest, then its power."""
        actual = work.existing
        handle: reader.Handle = actual.handle
        self._volumes.fetch(work)
        text = self._editor.unchanged(work)
        self._volumes.make(work)
        self._seeds.store(work)
        root = self._editor.store(work, text)
        if seeds.changes(work) and actual.running is None:
            self._seeds.drop_old(work, seeding.place(root))
        values = {change.pattern: change.want for change in work.changes}
        if actual.saved is not None:
            _end_saved(work, handle, values.get("state"))
        self._volumes.grow_stopped(work)
        self._apply_live(work, handle)
        if work.restart or work.renames:
            power.stop(handle.domain, work)
        if work.renames:
            self._rename(work, handle)
        state = values.get("state") or (actual.stored["state"] if work.restart else None)
        self._finish(work, handle.domain, values.get("autostart"), state)

    def _rename(self, work: Work, handle: reader.Handle) -> None:
        """Gives a guest that is off its new name. libvirt moves what it keeps by name: definition, autostart, snapshots."""
        with work.step("rename %s to %s" % (work.there_as, work.name)), translated("rename %s to %s" % (work.there_as, work.name)):
            handle.domain.rename(work.name, 0)
            handle.domain = self.connection.lookupByName(work.name)
        self._reader.note(work.there_as, None)
        self._reader.note(work.name, xmltree.parse(reader.stored_text(handle.domain, work.name)))

    def _apply_live(self, work: Work, handle: reader.Handle) -> None:
        if work.existing.running is None or not handle.domain.isActive():
            return
        # As libvirt stored it: with the addresses that the devices are to have, now and after a restart.
        root = xmltree.parse(reader.stored_text(handle.domain, work.name))
        guest = live.Guest(handle.domain, root, work.annotation.facts.get("renamed", {}))
        for change in work.changes:
            if change.impact == LIVE and change.pattern not in ("state", "autostart", "tags"):
                with work.step("change %s of the running guest" % change.path):
                    guest.apply(change)
        if any(change.pattern == "disks[].size" for change in work.changes):
            self.storage.forget()

    def _finish(self, work: Work, domain: Any, autostart: Optional[bool], state: Optional[str]) -> None:
        if autostart is not None and bool(autostart) != (work.actual is not None and bool(
                work.actual.stored.get("autostart"))):
            with work.step("set autostart of %s" % work.name), translated("set autostart of %s" % work.name):
                domain.setAutostart(1 if autostart else 0)
        if state is None:
            work.note(facts={"due": None})
            return
        starts = state in ("running", "paused") and not domain.isActive()
        if starts and self._installer.is_due(work, domain):
            self._installer.start(work, domain, state == "paused", self.host.architecture(work.want))
        power.reach(domain, state, work)
        work.note(facts={"due": None})
        if starts and ("booted" not in work.annotation.facts or work.annotation.facts.get("reseeded")
                       == seeding.digest_of(work.annotation.applied)):
            work.note(facts={"booted": seeding.parts(work.annotation.applied)})

    def remove(self, work: Work) -> None:
        """See `Driver.remove`. Storage goes first: while the guest is defined, what is left of it has a name."""
        actual = work.existing
        handle: reader.Handle = actual.handle
        erase = work.request.option("remove_storage", False)
        has_disks = bool(actual.stored.get("disks"))
        if erase or not has_disks:
            power.power_off(handle.domain, work)
        else:
            power.stop(handle.domain, work)
        note = actual.annotation
        for owned in note.owned if note is not None else ():
            if erase and self._reader.used_by_others(work.name, owned):
                # It was detached here and is another guest's disk now.
                continue
            # The seed is part of the guest's definition and holds what it was told: it always goes.
            if erase or seeding.is_seed_volume(owned) or installing.is_volume(work.name, owned):
                self._volumes.remove(work, owned)
        power.undefine(handle.domain, work, keep_nvram=not erase)
        self._reader.note(work.name, None)

    def annotate(self, actual: Actual, annotation: Optional[Annotation]) -> None:
        """See `Driver.annotate`. A transient domain has no stored document to remember anything in, and ends with its process."""
        if actual.status.get("persistent", True):
            notes.write(actual.handle.domain, actual.name, annotation)

    def nudge(self, actual: Actual, changes: Sequence[Change]) -> None:
        """See `Driver.nudge`."""
        renamed = actual.annotation.facts.get("renamed", {}) if actual.annotation else {}
        with translated("ask %s again" % actual.name):
            if not actual.handle.domain.isActive():
                return
        if any(change.pattern == "install" for change in changes) and actual.annotation is not None:
            over = self._installer.finish(actual.handle.domain, actual.name, actual.annotation)
            if over is not None:
                self.annotate(actual, over)
                actual.annotation = over
            changes = [change for change in changes if change.pattern != "install"]
        guest = live.Guest(actual.handle.domain, actual.handle.stored(), renamed, patient=False)
        for change in changes:
            guest.apply(change)

    def wait(self, request: Request, actual: Actual) -> Dict[str, Any]:
        """See `Driver.wait`. A guest that is being installed is not ready before that is over."""
        wanted = request.declared["wait_for"]
        if installing.fact_of(actual.annotation) is not None and wanted["what"] != "running":
            left = self._installer.wait(actual.handle.domain, actual, wanted.get("timeout", installer.SECONDS))
            wanted = {**wanted, "timeout": max(left, waiting.POLL_SECONDS)}
        return waiting.Wait(self.connection, actual.handle.domain, actual).until(wanted)


def _end_saved(work: Work, handle: reader.Handle, state: Optional[str]) -> None:
    """A saved guest is restored before anything is done with what runs in it, unless its image is not wanted any more."""
    if any(change.path == SAVED_IMAGE for change in work.changes):
        power.discard(handle.domain, work)
    elif work.restart or state in ("running", "paused"):
        power.reach(handle.domain, "running" if work.restart else str(state), work)


__all__ = ["DomainDriver", "Surroundings"]
