# Copyright: (c) 2026, flotilla.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""One run for every resource kind and every engine: read, decide, stop in check mode, apply, read and decide again."""

from __future__ import annotations

import hashlib
import json
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any, Callable, List, Optional, Sequence

from . import plan, schema
from .annotation import Annotation, union
from .contract import Driver, Request, Result, Work, problem_entries
from .decide import CHANGE, CREATE, NONE, RECREATE_WHOLE, RELEASE, REMOVE, Decider, Decision, listed
from .errors import DeclarationError, FlotillaError, NotConverged
from .plan import RESTART, Actual, Change, Pending
from .secrets import Seal


class Run:
    """The run over the resources of one kind on one host.

    `survey` reads and decides, `apply` carries out; in check mode only the first is called. Both may be called with
    work of other kinds between them, which is what a fleet does. `with_spec`: whether results carry the whole spec.
    """

    with_spec = True

    def __init__(self, driver: Driver, requests: Sequence[Request], seal: Seal, threads: int = 1,
                 hook: Optional[Callable[[str], None]] = None) -> None:
        self.driver = driver
        self.requests = list(requests)
        self.seal = seal
        self.threads = threads
        self.decider = Decider(driver, seal, hook)
        self.decisions: List[Decision] = []

    def survey(self) -> List[Decision]:
        """Reads everything once and decides about each request."""
        actuals = self.driver.read([name for request in self.requests for name in request.names()])
        self.decisions = [self.decider.decide(request, request.among(actuals)) for request in self.requests]
        return self.decisions

    def apply(self, chosen: Optional[Sequence[Decision]] = None) -> List[Result]:
        """Carries out the decisions (all, or those chosen), verifies them with one bulk read, and reports."""
        decisions = list(self.decisions if chosen is None else chosen)
        todo = [decision for decision in decisions if decision.action != NONE and decision.error is None]
        if self.threads > 1 and len(todo) > 1:
            with ThreadPoolExecutor(max_workers=self.threads) as pool:
                list(pool.map(self._carry_out, todo))
        else:
            for decision in todo:
                self._carry_out(decision)
        self._keep_books([decision for decision in decisions if decision.action == NONE and decision.error is None])
        self._verify(todo)
        return [self.report(decision) for decision in decisions]

    def wait(self, decision: Decision) -> None:
        """Waits until the guest is as its `wait_for` says, unless an earlier run saw that; notes it when it is.

        Needs no lock. A wait that times out is an error of this guest, in this run and in the next.
        """
        actual, result = decision.actual, decision.result
        if result is None or result.failed or actual is None or not self.waits(decision):
            return
        wanted = decision.request.declared["wait_for"]
        try:
            found = self.driver.wait(decision.request, actual)
        except FlotillaError as error:
            self._fail(decision, error)
            self._report_failure(decision, result)
            return
        note = actual.annotation or Annotation()
        actual.annotation = replace(note, facts={**note.facts, "ready": wanted["what"]})
        try:
            self.driver.annotate(actual, actual.annotation)
            self._refresh(decision, result)
        except FlotillaError as error:
            self._fail(decision, error)
            self._report_failure(decision, result)
        result.status = {**result.status, "ready": found}

    def _refresh(self, decision: Decision, result: Result) -> None:
        """A guest that has come up may have complied meanwhile with what was pending when it started."""
        request = decision.request
        again = Decision(request, request.among(self.driver.read(request.names())))
        self.decider.plan(again)
        result.pending = [entry.entry() for entry in again.pending]
        if again.actual is not None:
            result.status = dict(again.actual.status)

    def waits(self, decision: Decision) -> bool:
        """Whether readiness is declared, was not reached yet, and can be (the guest runs)."""
        wanted = decision.request.declared.get("wait_for")
        actual = decision.actual
        if not wanted or actual is None or decision.error is not None or actual.stored.get("state") != "running":
            return False
        noted = actual.annotation.facts.get("ready") if actual.annotation else None
        return bool(noted != wanted["what"])

    # -- carrying out ---------------------------------------------------------------------------------------------

    def _carry_out(self, decision: Decision) -> None:
        work = decision.work
        if work is None:
            return
        try:
            if decision.action == CREATE:
                self.driver.create(work)
            elif decision.action == REMOVE:
                self.driver.remove(work)
            elif decision.action == RELEASE:
                self._annotate(work.actual, None, work)
            elif decision.action == RECREATE_WHOLE:
                self._make_anew(decision, work)
            else:
                self._change(work)
                if decision.nudges and work.actual is not None and not work.restart:
                    self.driver.nudge(work.actual, decision.nudges)
        except FlotillaError as error:
            self._fail(decision, error)

    def _change(self, work: Work) -> None:
        """Between the two annotations a run may die: then the first still knows the old and the new declaration."""
        old = work.actual.annotation if work.actual else None
        self._annotate(work.actual, union(old, work.annotation), work)
        self.driver.change(work)
        self._annotate(work.actual, work.annotation, work)

    def _make_anew(self, decision: Decision, work: Work) -> None:
        """As `_change`, with a removal in between, over which the first of the two annotations stays."""
        work.anew = True
        old = work.actual.annotation if work.actual else None
        self._annotate(work.actual, union(old, work.annotation), work)
        self.driver.remove(work)
        # What the creation notes is to stand in the end.
        decision.work = replace(work, actual=None)
        self.driver.create(decision.work)

    def _annotate(self, actual: Optional[Actual], annotation: Optional[Annotation], work: Optional[Work]) -> None:
        """Writes the annotation if it says anything new."""
        if actual is None or not self.driver.annotates:
            return
        old = actual.annotation
        # Equal values make equal texts, and are told cheaper; unequal ones may still (a list for a tuple).
        if old == annotation or (
                old is not None and annotation is not None and old.to_json() == annotation.to_json()):
            return
        if work is not None:
            with work.step("note the declaration of %s" % work.name):
                self.driver.annotate(actual, annotation)
        else:
            self.driver.annotate(actual, annotation)
        actual.annotation = annotation

    def _keep_books(self, unchanged: Sequence[Decision]) -> None:
        for decision in unchanged:
            try:
                if decision.actual is not None and decision.annotation is not None:
                    self._annotate(decision.actual, decision.annotation, None)
                    if decision.nudges:
                        self.driver.nudge(decision.actual, decision.nudges)
            except FlotillaError as error:
                self._fail(decision, error)

    def _verify(self, done: Sequence[Decision]) -> None:
        """Reads what was touched once more: a plan that is not empty is an error that shows what is left."""
        if not done:
            return
        try:
            actuals = self.driver.read([name for decision in done for name in decision.request.names()])
        except FlotillaError as error:
            for decision in done:
                self._fail(decision, error)
            return
        for decision in done:
            self._verify_one(decision, decision.request.among(actuals))

    def _verify_one(self, decision: Decision, actual: Optional[Actual]) -> None:
        again = Decision(decision.request, actual)
        try:
            self.decider.plan(again)
        except FlotillaError as error:
            self._fail(decision, error)
            return
        decision.actual, decision.pending, decision.nudges = actual, again.pending, again.nudges
        if decision.error is not None:
            decision.error.remedy = _and_then(decision.error.remedy, again.changes)
        elif again.changes:
            self._fail(decision, NotConverged("%s %s was changed and still differs: %s" % (
                self.driver.kind, decision.request.name, listed(again.changes)), "run again"))
            self._remember(decision, actual)
        elif decision.action in (CREATE, CHANGE, RECREATE_WHOLE) and decision.work is not None:
            try:
                self._annotate(actual, decision.work.annotation, None)
            except FlotillaError as error:
                self._fail(decision, error)

    def _remember(self, decision: Decision, actual: Optional[Actual]) -> None:
        """What did not converge stays in the annotation, so that the next run still knows of it."""
        before = decision.before
        if actual is None or before is None or decision.work is None:
            return
        try:
            self._annotate(actual, union(before, decision.work.annotation), None)
        except FlotillaError as error:
            self._fail(decision, error)

    def _fail(self, decision: Decision, error: FlotillaError) -> None:
        if decision.error is None:
            decision.error = error

    # -- reporting ------------------------------------------------------------------------------------------------

    def report(self, decision: Decision, check_mode: bool = False) -> Result:
        """The result of one decision; in check mode it says what carrying it out would do."""
        actual = decision.actual
        result = Result(self.driver.kind, decision.request.name, changed=bool(decision.changes),
                        plan=[change.entry() for change in decision.changes])
        pending = decision.pending if not check_mode else _foreseen(decision, self.driver)
        result.pending = [entry.entry() for entry in pending]
        if actual is not None:
            result.status = dict(actual.status)
        if self.with_spec:
            result.spec = self._spec_after(decision, check_mode)
        if decision.error is not None:
            self._report_failure(decision, result)
        decision.result = result
        return result

    def _spec_after(self, decision: Decision, check_mode: bool) -> schema.Spec:
        if decision.actual is not None and not decision.actual.begun:
            return schema.render_spec(self.driver.options, decision.actual.stored)
        if check_mode and decision.work is not None:
            return schema.render_spec(self.driver.options, decision.work.want)
        return {}

    @staticmethod
    def _report_failure(decision: Decision, result: Result) -> None:
        error = decision.error
        result.failed, result.msg = True, str(error)
        if isinstance(error, DeclarationError):
            result.problems = problem_entries(error.problems)
        steps = decision.work.steps.done if decision.work is not None else []
        result.applied_steps = list(steps)
        # Refused before the first step: nothing has changed, whatever the plan would have been.
        result.changed = bool(steps)


def reconcile(driver: Driver, requests: Sequence[Request], seal: Seal, check_mode: bool = False,
              threads: int = 1, hook: Optional[Callable[[str], None]] = None) -> List[Result]:
    """The whole run for resources of one kind: what a module calls."""
    run = Run(driver, requests, seal, threads, hook)
    decisions = run.survey()
    if check_mode:
        return [run.report(decision, check_mode=True) for decision in decisions]
    return run.apply()


def plan_id(decisions: Sequence[Decision]) -> str:
    """A digest of declaration (secrets sealed), plan and actual: equal when approving the one means approving the other."""
    digest = hashlib.sha256()
    for decision in decisions:
        document = [decision.request.name, decision.action, [change.entry() for change in decision.changes],
                    decision.annotation.applied if decision.annotation else None,
                    decision.actual.stored if decision.actual else None]
        digest.update(json.dumps(document, sort_keys=True, default=_fingerprint).encode("utf-8"))
    return digest.hexdigest()[:32]


def _fingerprint(value: Any) -> str:
    """A text that changes whenever a value of no JSON type does; one that is costly to tell has a cheaper one of its own."""
    own = getattr(value, "fingerprint", None)
    return str(value) if own is None else str(own())


def _foreseen(decision: Decision, driver: Driver) -> List[Pending]:
    """What will be pending after the run: what is now, less what a restart clears, and what the plan stores only."""
    closed = {change.path for change in decision.changes}
    live = (decision.actual.running if decision.actual is not None else None) or {}
    new = []
    for change in decision.changes:
        if change.impact == RESTART and change.pattern:
            value = change.before if change.removes else change.want
            reason = driver.rule(change.pattern).obstacle(value, live) or plan.DEFERRED
            running = next((entry.running for entry in decision.pending if entry.path == change.path), change.before)
            new.append(Pending(change.path, running, change.after, reason))
    all_of_it = [entry for entry in decision.pending if entry.path not in closed] + new
    if decision.work is not None and decision.work.restart:
        return [entry for entry in all_of_it if entry.reason in plan.NO_RESTART]
    return all_of_it


def _and_then(remedy: str, left: Sequence[Change]) -> str:
    text = "not applied: %s" % listed(left) if left else "everything else was applied"
    return "%s; %s" % (remedy, text) if remedy else text


__all__ = ["CHANGE", "CREATE", "NONE", "RECREATE_WHOLE", "RELEASE", "REMOVE", "Decision", "Run", "plan_id", "reconcile"]
