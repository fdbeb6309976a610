# Copyright: (c) 2026, flotilla.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is to be done about one resource, decided before anything is touched."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Callable, List, Optional, Sequence

from . import plan, schema
from .annotation import Annotation
from .contract import Driver, Request, Result, Steps, Work
from .errors import DeclarationError, FlotillaError, Refused, join_path
from .plan import GONE, LIVE, RECREATE, RESTART, Actual, Change, Comparison, Pending
from .secrets import Seal

# Why a guest that is to be renamed keeps its name for now.
OFF_ONLY = "a guest gets another name only while it is off: declare on_change: restart, or run again while it is stopped"
SAVED_SO = "a guest that was saved while it ran has no other name before it was started again and is off, or its image is discarded"

NONE, CREATE, CHANGE, REMOVE, RELEASE, RECREATE_WHOLE = "none", "create", "change", "remove", "release", "recreate"


@dataclass
class Decision:
    """What is to be done about one resource. Made before anything is touched; `error` says why it must not be done."""

    request: Request
    actual: Optional[Actual]
    action: str = NONE
    changes: List[Change] = field(default_factory=list)
    pending: List[Pending] = field(default_factory=list)
    nudges: List[Change] = field(default_factory=list)
    work: Optional[Work] = None
    error: Optional[FlotillaError] = None
    result: Optional[Result] = None
    annotation: Optional[Annotation] = None
    before: Optional[Annotation] = None

    @property
    def removes(self) -> bool:
        """Whether carrying it out removes a resource or detaches something from one."""
        return self.action in (REMOVE, RECREATE_WHOLE) or any(change.removes for change in self.changes)


class Decider:
    """Plans, refuses what must not be, and lets the driver check the rest against the host. Changes nothing."""

    def __init__(self, driver: Driver, seal: Seal, hook: Optional[Callable[[str], None]] = None) -> None:
        self.driver = driver
        self.seal = seal
        self.hook = hook

    def decide(self, request: Request, actual: Optional[Actual]) -> Decision:
        """The decision about one request; an error is part of it and stops only this resource."""
        decision = Decision(request, actual)
        try:
            self.plan(decision)
            self._refuse(decision)
            self._prepare(decision)
        except FlotillaError as error:
            decision.error = error
        return decision

    def plan(self, decision: Decision) -> None:
        """Compares the declaration with what is there; nothing is refused and nothing checked."""
        request, actual = decision.request, decision.actual
        state = request.option("state")
        if request.declared.get("was") == request.name:
            raise DeclarationError.at(join_path(request.where, "was"), "is the guest's own name", "write its earlier name, or remove it")
        if actual is None or (actual.begun and state not in GONE):
            if state in GONE:
                return
            decision.action = CREATE
            decision.changes = [Change("state", "absent", state or self._first_state(), LIVE, "state", ("state",))]
        elif state in GONE:
            self._plan_end(decision, actual, state)
        else:
            self._plan_change(decision, actual)

    def _first_state(self) -> str:
        option = next((option for option in self.driver.options if option.name == "state"), None)
        return "running" if option is not None and "running" in option.choices else "present"

    @staticmethod
    def _plan_end(decision: Decision, actual: Actual, state: str) -> None:
        if state == "released" and actual.annotation is None:
            return
        decision.action = REMOVE if state == "absent" else RELEASE
        decision.changes = [Change("state", actual.stored.get("state", "present"), state, LIVE, "state", ("state",))]

    def _plan_change(self, decision: Decision, actual: Actual) -> None:
        request = decision.request
        on_change = request.option("on_change", "live")
        discard = actual.saved is not None and bool(request.option("discard_saved", False))
        restored = actual.saved is not None and not discard and request.option("state") in ("running", "paused")
        comparison = Comparison(self.driver.rule, want=request.declared, live=actual.saved if restored else actual.live,
                                defer=on_change == "defer", frozen=actual.saved is not None and not (restored or discard), seal=self.seal)
        applied = actual.annotation.applied if actual.annotation else {}
        want = {**_to_finish(actual, request), **request.declared}
        if want.get("state") == "present":
            del want["state"]
        # A state is never taken back: undeclared, the power stays as it is.
        plan.compare(self.driver.options, want, {k: v for k, v in applied.items() if k != "state"}, actual, comparison)
        waiting = list(actual.pending) if discard else plan.waiting(self.driver.options, actual, self.driver.rule)
        if discard:
            comparison.changes.append(Change(plan.SAVED_IMAGE, True, None, LIVE))
        decision.changes = comparison.changes
        decision.nudges = comparison.nudges + actual.nudges
        decision.pending = waiting + comparison.pending
        if on_change == "restart":
            decision.changes = comparison.changes + _restarts(waiting, comparison.changes, self.driver)
        if actual.name != request.name:
            self._plan_name(decision, actual, discard)
        if any(change.impact == RECREATE for change in decision.changes):
            decision.action = RECREATE_WHOLE
        elif decision.changes:
            decision.action = CHANGE

    @staticmethod
    def _plan_name(decision: Decision, actual: Actual, discard: bool) -> None:
        """A guest gets its new name in the first run that finds it off, or that may turn it off."""
        request = decision.request
        saved = actual.saved is not None and not discard
        runs = actual.live is not None
        if request.option("on_change") == "restart" and (runs or saved):
            impact = RESTART
        elif saved or (runs and request.option("state") != "stopped"):
            decision.pending = [Pending("name", actual.name, request.name, SAVED_SO if saved else OFF_ONLY)] + decision.pending
            return
        else:
            impact = LIVE
        decision.changes = [Change("name", actual.name, request.name, impact)] + decision.changes

    def _refuse(self, decision: Decision) -> None:
        actual, request = decision.actual, decision.request
        for change in decision.changes:
            fixed = self.driver.rule(change.pattern).fixed if change.pattern else ""
            if fixed and decision.action == RECREATE_WHOLE:
                raise DeclarationError.at(join_path(request.where, change.path), "cannot be changed from %s to %s"
                                          % (change.before, change.after), fixed)
        if actual is None or not self.driver.annotates:
            self._refuse_recreation(decision)
            return
        name = "%s %s" % (self.driver.kind, actual.name)
        note = actual.annotation
        if note is not None and note.fleet != request.fleet:
            raise Refused("%s%s belongs to fleet %r" % (_at(request), name, note.fleet),
                          "choose another name, or release it there with state: released")
        later = [Change("name", actual.name, request.name, RESTART)] if any(entry.path == "name" for entry in decision.pending) else []
        differs = listed(later + decision.changes)
        if note is None and differs and not request.option("adopt", False):
            raise Refused("%s%s is there already, was not made by this collection, and differs: %s"
                          % (_at(request), name, differs),
                          "declare adopt: true to make it match, or correct the declaration")
        self._refuse_recreation(decision)
        self._refuse_protected(decision, note, name)

    def _refuse_recreation(self, decision: Decision) -> None:
        if decision.action == RECREATE_WHOLE and not decision.request.option("recreate", False):
            what = [change for change in decision.changes if change.impact == RECREATE]
            raise Refused("%s%s %s would have to be made anew for %s" % (
                _at(decision.request), self.driver.kind, decision.request.name, listed(what)),
                "declare recreate: true to allow it, or leave these as they are")

    @staticmethod
    def _refuse_protected(decision: Decision, note: Optional[Annotation], name: str) -> None:
        declared = decision.request.option("protect")
        protected = declared if declared is not None else bool(note and note.applied.get("protect"))
        if protected and decision.removes:
            raise Refused("%s%s is protected, and this would remove or detach: %s"
                          % (_at(decision.request), name, listed(decision.changes)),
                          "declare protect: false first")

    def _prepare(self, decision: Decision) -> None:
        """Completes the declaration, makes the annotation, and lets the driver check all against the host."""
        request, actual = decision.request, decision.actual
        old = decision.before = actual.annotation if actual else None
        if request.option("state") not in GONE:
            applied = schema.seal_spec(self.driver.options, request.declared, self.seal, old.applied if old else None)
            decision.annotation = Annotation(
                fleet=request.fleet, applied=applied, created=old.created if old else actual is None,
                owned=old.owned if old else (),
                facts={name: value for name, value in {**(old.facts if old else {}),
                                                       **(actual.facts if actual else {})}.items() if value is not None})
        if decision.action == NONE:
            return
        ends = decision.action in (REMOVE, RELEASE)
        want = request.declared if ends else self.driver.complete(request, actual)
        decision.work = Work(request, actual, want, decision.changes, decision.annotation or old or Annotation(),
                             Steps(self.hook), decision.pending,
                             restart=request.option("on_change") == "restart" and any(
                                 change.impact == RESTART and not self._first_boot_only(change)
                                 for change in decision.changes))
        self.driver.check(decision.work)

    def _first_boot_only(self, change: Change) -> bool:
        """Whether not even a restart brings it into the guest, so that none is made for it."""
        return bool(change.pattern) and self.driver.rule(change.pattern).reason == plan.FIRST_BOOT


def _to_finish(actual: Actual, request: Request) -> schema.Spec:
    """What a creation that died left to be done, unless another state is declared now: then its aim was another."""
    state = actual.unfinished.get("state")
    return {} if request.option("state", state) not in (state, "present") else actual.unfinished


def _restarts(waiting: Sequence[Pending], changes: Sequence[Change], driver: Driver) -> List[Change]:
    """What is pending and comes true with a restart."""
    known = {change.path for change in changes}
    return [Change(entry.path, entry.running, entry.stored, RESTART) for entry in waiting
            if entry.path not in known and entry.reason not in plan.NO_RESTART and not _guests_own(entry, driver)]


def _guests_own(entry: Pending, driver: Driver) -> bool:
    if entry.reason == plan.INSTALLING:
        return True
    return entry.reason == plan.NOT_COMPLIED and driver.rule(plan.pattern_of(entry.path)).guests_own


def _at(request: Request) -> str:
    return "%s: " % request.where if request.where else ""


def listed(changes: Sequence[Change]) -> str:
    """Changes as a sentence of an error shows them: the first eight, and how many more."""
    shown = ["%s %s -> %s" % (change.path, change.before, change.after) for change in changes[:8]]
    more = ["and %d more" % (len(changes) - 8)] if len(changes) > 8 else []
    return ", ".join(shown + more)
