# Copyright: (c) 2026, flotilla.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The whole plan of one domain validated before the first step, also in check mode: by us, then by libvirt. Changes nothing."""

from __future__ import annotations

from typing import Dict, List, Optional

from ..._reconcile import grammar, kinds
from ..._reconcile.contract import Work
from ..._reconcile.errors import DeclarationError, Problem, Refused, join_path, raise_if_any
from ..._reconcile.plan import LIVE, RECREATE, RESTART
from ..._reconcile.schema import Spec, problems_of_engine
from ..connection import libvirt, translated
from . import about, checks, consistency, document, installer, reader, seeding, seeds, table, trial
from .editor import Editor
from .host import DomainHost
from .notes import Notes


class Checker:
    """Checks the plans of one host's domains."""

    def __init__(self, host: DomainHost, domains: reader.Reader, editor: Editor, installs: installer.Installer, notes: Notes) -> None:
        self._host = host
        self._domains = domains
        self._editor = editor
        self._installer = installs
        self._notes = notes
        self.judge = trial.Judge(host.connection)
        self._macs: Optional[Dict[str, str]] = None

    def check(self, work: Work) -> None:
        """See `Driver.check`."""
        if work.actual is not None and not work.actual.status.get("persistent", True):
            raise Refused("domain %s is transient: it has no stored document to change" % work.name,
                          "define it first (virsh dumpxml, virsh define)")
        _refuse_losing_memory(work)
        installer.refuse_ends(work.request, work.actual)
        if work.request.option("state") in ("absent", "released"):
            return
        installer.refuse_restart(work)
        if work.actual is None or work.renames:
            self._new_name(work)
        raise_if_any(self._problems(work))
        if work.actual is None:
            self._creation(work)
        self._notes.take(work)
        self._try(work)

    def _problems(self, work: Work) -> List[Problem]:
        request, host = work.request, self._host
        problems = problems_of_engine(grammar.GUEST, request.declared, "kvm", request.where)
        problems += checks.ceilings(request, work.want)
        stored = work.actual.stored if work.actual is not None else {}
        problems += consistency.problems(request, work.want, stored, host.domain_capabilities(work),
                                         host.local and host.ready and not host.test)
        if host.ready:
            problems += consistency.pins(request, work.want, self._domains.cpu_count)
        disk_checks = checks.DiskChecks(host.storage, host.surroundings.pools, host.surroundings.images, host.local, host.ready)
        for name, disk in about.new_items(work, "disks").items():
            problems += disk_checks.new_disk(work, name, disk)
        if work.actual is None and "install" in work.want:
            problems += self._installer.problems(work, about.family(work), seeds.pool(work), host.surroundings.pools)
        nic_checks = checks.NicChecks(host.connection, self._all_macs, host.surroundings.networks)
        return problems + _growth(work) + nic_checks.problems(work, about.new_items(work, "nics"))

    def _all_macs(self) -> Dict[str, str]:
        if self._macs is None:
            self._macs = self._domains.all_macs()
        return self._macs

    def _creation(self, work: Work) -> None:
        """Whether there can be a new domain here."""
        if not self._host.ready:
            return
        # Says where hardware virtualization is wanted and cannot be used.
        self._host.platform(work.request)
        if seeding.wanted(work.want) and seeds.pool(work) is None and not self._host.test:
            raise DeclarationError.at(join_path(work.request.where, "cloud_init"),
                                      "needs a place for its seed", "declare a disk in a pool")

    def _new_name(self, work: Work) -> None:
        """Whether a domain can have this name, made or renamed."""
        try:
            kinds.name(work.name)
        except ValueError as error:
            raise DeclarationError.at(join_path(work.request.where, "name"), str(error)) from None
        if work.actual is None and self._host.ready:
            self._identity(work)

    def _identity(self, work: Work) -> None:
        identity = about.uuid(work)
        with translated("look up a UUID"):
            try:
                other = self._host.connection.lookupByUUIDString(identity)
            except libvirt.libvirtError as error:
                if error.get_error_code() != libvirt.VIR_ERR_NO_DOMAIN:
                    raise
            else:
                raise DeclarationError.at(join_path(work.request.where, "name"), "its UUID %s is that of domain %s"
                                          % (identity, other.name()), "choose another name; or, where that one had this name before, declare"
                                          " another uuid here, and other volumes and MAC addresses than it has")

    def _try(self, work: Work) -> None:
        """Lets libvirt judge the document that this run would define, before anything is touched."""
        if not self._host.ready:
            return
        root, edited = self._editor.document(work)
        if not edited:
            return
        if work.want.get("xml"):
            typed, _edited = self._editor.typed(work)
            without, merged = (document.spec_of(one, lambda *_place: 0) for one in (typed, root))
            raise_if_any(consistency.without_device(work.request, typed) + consistency.overruled(work.request, without, merged, root))
        if self._host.test or (work.actual is not None and all(
                change.impact == LIVE and table.is_plain(change.pattern) for change in work.changes)):
            return
        objection = self.judge.objection(root)
        if objection and (work.actual is None or objection != self.judge.objection(work.actual.handle.stored())):
            # What cannot run here as it is may be changed all the same.
            raise DeclarationError.at(work.request.where, "libvirt refuses the domain %s: %s" % (work.name, objection),
                                      "correct what it names, or see virsh domcapabilities for what this host can do")


def _refuse_losing_memory(work: Work) -> None:
    """What a saved guest has in its memory is lost only where the run says so, and a disk does not grow under it."""
    if work.actual is None or work.actual.saved is None or work.request.option("discard_saved", False):
        return
    if work.request.option("state") == "absent" or any(change.impact == RECREATE for change in work.changes):
        raise Refused("domain %s was saved while it ran, and its memory would be lost" % work.name,
                      "start it first, or declare discard_saved: true for one run")
    for change in work.changes:
        if change.pattern == "disks[].size" and change.impact == RESTART:
            raise DeclarationError.at(checks.path_in(work.request, "disks", change.route[1], "size"),
                                      "a disk of a saved guest cannot grow", "start the guest first")


def _growth(work: Work) -> List[Problem]:
    found: List[Problem] = []
    for change in work.changes:
        if change.pattern == "disks[].size" and work.actual is not None:
            disk: Spec = work.actual.stored["disks"].get(change.route[1], {})
            found += checks.growth(work.request, change.route, disk.get("size"), change.want)
            if "volume" not in disk:
                found.append(Problem(checks.path_in(work.request, "disks", change.route[1], "size"),
                                     "only a volume of a pool has a size here", "grow the file or device itself"))
    return found
