# Copyright: (c) 2026, flotilla.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Virtuozzo for the run of `_reconcile`: how to read guests, which impact a change has, how to apply it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Dict, List, Mapping, Optional, Sequence, Tuple

from ..._reconcile.annotation import Annotation
from ..._reconcile.contract import Request, Work
from ..._reconcile.errors import EngineError, Refused
from ..._reconcile.grammar import GUEST
from ..._reconcile.plan import RESTART, Actual, Change, Rule
from ..._reconcile.schema import Option, Spec
from .. import due, inside, noting
from ..host import Host
from ..names import check_names
from ..noting import WAITING
from ..openvz.declare import Templates
from ..openvz.grammar import VENET, bare, noted_waiting
from ..rules import rule_of
from . import command, devices, grammar, read, table
from .build import Builder
from .command import Prlctl
from .declare import Checker
from .read import Guest

ORPHANED = "orphaned"
"""Images of disks that were detached: kept, and named until somebody moves the guest's note."""
STOP_TIMEOUT = 110
"""Seconds that a guest has to shut down, where nothing else is declared."""
_ANOTHER = "declare another guest under another name: one of the two never becomes the other"

RULES: Dict[str, Rule] = {
    "vmtype": Rule(fixed=_ANOTHER),
    "cpus.count": Rule(unless=grammar.no_cpus),
    "memory.size": Rule(unless=grammar.no_memory),
    "memory.swap": Rule(default=0),
    "cpus.shares": Rule(default=1000),
    "io.limit": Rule(default=0),
    "io.iops": Rule(default=0),
    "io.priority": Rule(default=4),
    "disks[]": Rule(inherent=lambda disk, stored: stored.get("vmtype") != table.VM),
    "nics[].address": Rule(same=grammar.same_address),
    "nics[].mac": Rule(live=False, reason="the MAC address is fixed when the guest starts"),
    "boot.order": Rule(live=False, reason="a guest looks where to boot from when it starts"),
    "container_features": Rule(live=False, reason="a container has its features from its start on", same=table.same_features),
    "autostart": Rule(default=False, always=True),
    "tags": Rule(always=True),
    "state": Rule(always=True),
    "image": Rule(creation=True, reason="the template is used when the container is made"),
    "os.family": Rule(creation=True, reason="used when the virtual machine is made"),
}
# prlctl has no word that takes these back.
_KEPT = ("hostname", "dns", "search", "os", "boot")


def _option(option: Option) -> Option:
    if option.name in _KEPT:
        return replace(option, take_back="keep")
    if option.name == "nics":
        return replace(option, options=tuple(replace(below, take_back="keep") if below.name == "gateway" else below for below in option.options))
    return option


OPTIONS = tuple(_option(option) for option in GUEST)


class VirtuozzoDriver:
    """The containers and virtual machines of one Virtuozzo node. templates: the OS template of a declared image."""

    kind = "container"
    options = OPTIONS
    annotates = True

    def __init__(self, host: Host, templates: Templates = lambda name: None, check_mode: bool = False) -> None:
        self.host = host
        self.check_mode = check_mode
        self.prlctl = Prlctl(host)
        self.checker = Checker(host, self.prlctl, OPTIONS, self.rule, templates)
        self.builder = Builder(host, self.prlctl, self.checker)
        self.host_ready = self.prlctl.installed()

    # -- reading --------------------------------------------------------------------------------------------------

    def read(self, names: Optional[Sequence[str]] = None) -> Dict[str, Actual]:
        """Read these guests (by name, or by id), or all of the node, in one look."""
        check_names(names)
        if not self.host_ready:
            return {}
        found = self.checker.found = read.read_node(self.host, self.prlctl)
        named = read.by_name(found)
        wanted = named if names is None else {
            name: item for name, item in ((name, named.get(name) or read.by_id(name, found)) for name in names) if item is not None}
        return {name: self._actual(name, item) for name, item in wanted.items()}

    def _actual(self, name: str, item: Guest) -> Actual:
        note = item.note
        status = self._status(item)
        if item.is_begun:
            return Actual(name, {"state": "stopped", "vmtype": item.kind}, None, note, status=dict(status, unfinished=True), handle=item, begun=True)
        stored = grammar.stored_spec(item)
        actual = Actual(name, stored, None, note, status=status, handle=item, facts=grammar.still_there(item))
        if item.is_up:
            actual.live = grammar.live_spec(item, stored, noting.waiting(
                noted_waiting(item.note), actual, lambda: read.boot_of(self.prlctl, item)))
        return due.recall(actual, note)

    @staticmethod
    def _status(item: Guest) -> Dict[str, Any]:
        status: Dict[str, Any] = {"state": item.state if item.document is not None else "absent", "engine": "virtuozzo", "vmtype": item.kind,
                                  "id": item.ident, "directory": item.home, "addresses": bare(item.addresses) if item.is_up else []}
        if item.kind == table.VM:
            status["guest_tools"] = str(item.part("GuestTools", "state") or "unknown")
        if item.part("EnvID"):
            status["number"] = str(item.part("EnvID"))
        if item.note is not None:
            status["fleet"] = item.note.fleet
            status["orphaned"] = list(item.note.facts.get(ORPHANED) or ())
        return status

    # -- deciding is the run's; what it asks ----------------------------------------------------------------------

    def rule(self, pattern: str) -> Rule:
        """How a change of this option reaches a guest."""
        return rule_of(RULES, pattern)

    def complete(self, request: Request, actual: Optional[Actual]) -> Spec:
        """The declaration with derived MAC addresses, and our defaults for what is new."""
        return self.checker.complete(request, actual, _making(actual))

    def check(self, work: Work) -> None:
        """Refuse, before anything is touched, what prlctl or this node cannot do; note what will be chosen."""
        if not self.host_ready:
            if not self.check_mode:
                raise EngineError("Virtuozzo is not installed on this host (no prlctl)",
                                  "run the role flotilla.virt.virtuozzo_host to see what is missing")
            # Check mode plans against an empty host; the result says host_ready: false.
            return
        if work.request.option("state") in ("absent", "released"):
            return
        self._refuse_broken(work)
        making = _making(work.actual)
        self.checker.check(work, making)
        self._note(work, making)

    def _refuse_broken(self, work: Work) -> None:
        item: Optional[Guest] = work.actual.handle if work.actual is not None else None
        if item is None:
            return
        where = work.request.where + ": " if work.request.where else ""
        left = self.checker.files_of(item.ident) if item.document is None and item.note is not None and item.note.facts.get(read.MADE) else None
        if left:
            raise Refused("%sthe guest %s is registered no more, and its files are in %s" % (where, work.name, left),
                          "register it again (prlctl register %s), or move them away" % left)
        if item.is_begun:
            return
        if item.state in ("invalid", "unknown"):
            raise Refused("%sthe guest %s is %s for Virtuozzo" % (where, work.name, item.state),
                          "look at its directory %s, or declare state: absent to drop its registration" % (item.home or "that is gone"))

    def _note(self, work: Work, making: bool) -> None:
        facts: Dict[str, Any] = {read.KEPT: None, read.NAME: work.name, "vmtype": work.want["vmtype"]}
        if making:
            # Removed by hand it is made anew: then it is not made yet.
            ident = self.checker.choose_id(work.name, work.request.fleet)
            facts.update({"id": ident, read.MADE: None, "image": work.want.get("image"), "os": work.want.get("os"), "nics": None, "disks": None,
                          # As it was at creation, sealed: what a later declaration says differently waits for a first boot.
                          "media": None, "cloud_init": work.annotation.applied.get("cloud_init")})
            work.note(owned=["disks"])
            item = Guest(ident)
        else:
            item = work.existing.handle
        facts.update(noting.declared_facts(work, making))
        noted = {} if making else work.annotation.facts
        facts.update(self._noted_devices(work, item, noted))
        facts[ORPHANED] = sorted(set(noted.get(ORPHANED) or ()) | set(_left(work, item, facts["disks"] or {}))) or None
        facts["due"] = due.due_state(work, making)
        facts[WAITING] = None if making else self._to_wait(work) or work.annotation.facts.get(WAITING)
        noting.set_facts(work, facts)

    @staticmethod
    def _noted_devices(work: Work, item: Guest, noted: Mapping[str, Any]) -> Dict[str, Any]:
        """Which device is which; of one that is taken away until it is gone, or a run that dies would forget its name."""
        first = list(item.devices("hdd"))[:1]
        known = {**{device: device for kind in ("hdd", "cdrom") for device in item.devices(kind)}, **{grammar.ROOT: device for device in first}}
        nics = dict(noted.get("nics") or {})
        for name, nic in (work.want.get("nics") or {}).items():
            device = grammar.device_of(item, name, nics) or devices.free(item, "net", [str(other.get("device")) for other in nics.values()])
            nics[name] = {"type": VENET} if nic.get("type") == VENET else {"mac": nic["mac"], "device": device}
        names = {kind: list(dict.fromkeys([*(work.want.get(kind) or {}), *_touched(work, kind)])) for kind in ("disks", "media")}
        return {"disks": devices.chosen(item, "hdd", noted.get("disks") or {}, names["disks"], known) or None,
                "media": devices.chosen(item, "cdrom", noted.get("media") or {}, names["media"], known) or None,
                "nics": nics or None}

    def _to_wait(self, work: Work) -> Optional[Dict[str, Any]]:
        """What goes on running as it is now although something else is to be stored, with the start that it is noted for."""
        actual = work.actual
        touched = [change for change in work.changes if change.pattern and change.impact == RESTART]
        if actual is None or actual.live is None or not touched:
            return None
        running = {"/".join(change.route): table.at(actual.live, change.route) for change in touched}
        return noting.to_wait(running, noted_waiting(actual.annotation), read.boot_of(self.prlctl, actual.handle))

    # -- applying -------------------------------------------------------------------------------------------------

    def create(self, work: Work) -> None:
        """Make the guest: note, prlctl's create, options, devices, users, start."""
        ident = str(work.annotation.facts["id"])
        self.builder.create(work, self.checker.found.get(ident) or Guest(ident))
        work.note(facts={"due": None})

    def change(self, work: Work) -> None:
        """Set what changed, option by option, then devices, the password and the power state."""
        item: Guest = work.existing.handle
        for change in work.changes:
            words = self._words(change, item)
            if words:
                with work.step("set %s of %s" % (change.path, work.name)):
                    self.prlctl.run("set", item.ident, *words)
        self._change_devices(work, item)
        for change in work.changes:
            if change.pattern == "root_password":
                self.builder.set_password(work, item, change.want)
        self._keep_names(work)
        self._power(work, item)

    @staticmethod
    def _words(change: Change, item: Guest) -> List[str]:
        if change.pattern == "container_features":
            return ["--features", table.features_text(change.want or {}, table.features_of(item.part("Features") or ""))]
        row = table.BY_PATTERN.get(change.pattern)
        return table.words_of(row, change.want) if row is not None else []

    def _change_devices(self, work: Work, item: Guest) -> None:
        facts = work.annotation.facts
        for kind, acts in (("disks", devices.disk_acts), ("media", devices.medium_acts)):
            for name in _touched(work, kind):
                device = (facts.get(kind) or {}).get(name)
                if device:
                    self.builder.act(work, item, acts(item, name, device, (work.want.get(kind) or {}).get(name), work.name))
        for name in _touched(work, "nics"):
            noted = {**(facts.get("nics") or {}), **((work.existing.annotation or Annotation()).facts.get("nics") or {})}
            self.builder.act(work, item, devices.nic_acts(item, name, self._nic(work, name), noted, work.name))
        order = (work.want.get("boot") or {}).get("order")
        if order and any(change.route[:1] in (("boot",), ("disks",), ("media",), ("nics",)) for change in work.changes):
            self.builder.boot(work, item, order)

    @staticmethod
    def _nic(work: Work, name: str) -> Optional[Mapping[str, Any]]:
        """What a NIC shall be: a declared address that is taken back is none."""
        nic = (work.want.get("nics") or {}).get(name)
        if nic is None:
            return None
        gone = any(change.route == ("nics", name, "address") and change.want is None for change in work.changes)
        return {**nic, **({"address": []} if gone else {})}

    def _keep_names(self, work: Work) -> None:
        for kind in ("nics", "disks", "media"):
            gone = {change.route[1] for change in work.changes if change.pattern == kind + "[]" and change.want is None}
            if gone:
                kept = {name: device for name, device in (work.annotation.facts.get(kind) or {}).items() if name not in gone}
                work.note(facts={kind: kept})
        # Tags and names of devices stand in the note's facts, and the next read needs them to see what is done.
        note = work.existing.annotation
        if note is not None and note.facts != work.annotation.facts:
            self.annotate(work.existing, replace(note, facts=work.annotation.facts))

    def _power(self, work: Work, item: Guest) -> None:
        state = next((change.want for change in work.changes if change.pattern == "state"), None)
        if work.restart and item.is_up and state in (None, "running", "paused"):
            self._stop(work, item)
            state = state or work.existing.stored["state"]
            work.note(facts={WAITING: None})
        if state == "stopped":
            self._stop(work, item)
        elif state is not None:
            self.builder.power(work, item, state)
        work.note(facts={"due": None})

    def _stop(self, work: Work, item: Guest) -> None:
        if not item.is_up:
            return
        noting.stop(work, work.name, lambda limit: self.prlctl.run("stop", item.ident, timeout=limit),
                    lambda: self.prlctl.run("stop", item.ident, "--kill"), STOP_TIMEOUT)
        item.document = dict(item.document or {}, State=read.STOPPED)

    def remove(self, work: Work) -> None:
        """Stop it and drop its registration; its files only where `remove_storage` says so and we made it."""
        item: Guest = work.existing.handle
        note = work.existing.annotation
        ours = note is not None and "disks" in note.owned
        unfinished = note is not None and item.is_begun and not note.facts.get(read.MADE)
        storage = bool(ours and (work.request.option("remove_storage") or unfinished))
        if item.document is None:
            with work.step("forget %s" % work.name):
                self.host.remove_file(item.note_path)
            return
        self._stop(work, item)
        if item.state == "mounted":
            with work.step("unmount %s" % work.name):
                self.prlctl.run("umount", item.ident)
        if storage:
            with work.step("delete %s" % work.name):
                self.prlctl.run("delete", item.ident, timeout=command.CREATE_TIMEOUT)
        else:
            with work.step("unregister %s, whose files stay in %s" % (work.name, item.home)):
                if ours and note is not None:
                    # Before it goes: a later run must find out whose the files are.
                    kept = replace(note, facts=dict(note.facts, **{read.KEPT: True, "home": item.home}))
                    self.host.write_file(item.note_path, kept.to_json(), 0o600)
                self.prlctl.run("unregister", item.ident)
        if storage or not ours:
            self.host.remove_file(item.note_path)

    def annotate(self, actual: Actual, annotation: Optional[Annotation]) -> None:
        """Write the last declaration in our own file beside the engine's configuration; None removes it."""
        item: Guest = actual.handle
        if annotation is None:
            self.host.remove_file(item.note_path)
        else:
            if not annotation.facts.get(read.NAME):
                # An adopted guest's note needs its name too.
                annotation = replace(annotation, facts=dict(annotation.facts, **{read.NAME: actual.name, read.MADE: True, "vmtype": item.kind}))
            read.write_note(self.host, item, annotation)
        actual.annotation = annotation

    def nudge(self, actual: Actual, changes: Sequence[Change]) -> None:
        """Nothing here needs the guest's cooperation."""

    def wait(self, request: Request, actual: Actual) -> Dict[str, Any]:
        """Wait until the guest runs, or a container has an address."""
        wanted = request.declared["wait_for"]
        item: Guest = actual.handle

        def look() -> inside.Seen:
            now = Guest(item.ident, self.prlctl.guest(item.ident))
            return inside.Seen(now.state, now.is_up, now.state == read.RUNNING, bare(now.addresses))

        found = inside.wait("virtuozzo", request.name, wanted["what"], wanted.get("timeout") or inside.TIMEOUT, look)
        actual.status.update(addresses=found.get("addresses", actual.status.get("addresses")))
        return found


def _left(work: Work, item: Guest, disks: Mapping[str, str]) -> List[str]:
    """The images of the disks that are to be detached."""
    gone = {change.route[1] for change in work.changes if change.pattern == "disks[]" and change.want is None}
    return item.images([device for name, device in disks.items() if name in gone])


def _touched(work: Work, kind: str) -> Tuple[str, ...]:
    names = [change.route[1] for change in work.changes if change.route[:1] == (kind,) and len(change.route) > 1]
    return tuple(dict.fromkeys(names))


def _making(actual: Optional[Actual]) -> bool:
    return actual is None or actual.begun
