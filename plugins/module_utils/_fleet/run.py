# Copyright: (c) 2026, flotilla.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The run of a fleet over one host: pools, networks, guests in their order, removals last; waits outside the lock."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import Any, Callable, ContextManager, Dict, Iterable, List, Optional, Sequence, Set

from .._reconcile.contract import diff_of
from .._reconcile.errors import FlotillaError, Refused
from .._reconcile.fleet import Fleet
from .._reconcile.secrets import Seal
from .items import Drivers, Item
from .survey import Survey, Surveyor

ALL, BATCH, REMOVALS = "all", "batch", "removals"
# Waiting is idle: the guests boot, we only look. Enough threads that all of a batch wait at once.
WAITERS = 64


@dataclass(frozen=True)
class Settings:
    """How to run.

    turn: takes the host's lock. expect_plan: the only plan that may run. batch: with more guests than this to
    change, apply none of them and return their names in batches instead. phase: `batch` is one of these batches, in
    which a guest is skipped when one that it comes after is not what it is declared to be (an earlier batch failed);
    `removals` carries out only removals, the last call after the batches. hook: called with each step's text; tests die there.
    """

    turn: Callable[[], ContextManager[Any]]
    check_mode: bool = False
    expect_plan: str = ""
    batch: int = 0
    phase: str = ALL
    hook: Optional[Callable[[str], None]] = None


def default_threads() -> int:
    """Guests at work at a time when nothing is declared: making one waits for the disk more than for a CPU."""
    return min(16, max(2, 2 * (os.cpu_count() or 1)))


@dataclass
class Outcome:
    """What came of a run. `plan_id` is empty where nobody asked for it."""

    items: List[Item] = field(default_factory=list)
    plan_id: str = ""
    batches: List[List[str]] = field(default_factory=list)
    removals_left: bool = False


class FleetRun:
    """One run. `run` returns what came of it, failures of single guests included; FlotillaError stops the whole."""

    def __init__(self, fleet: Fleet, drivers: Drivers, seal: Seal, settings: Settings) -> None:
        self.fleet = fleet
        self.settings = settings
        self.surveyor = Surveyor(fleet, drivers, seal, fleet.parallel or default_threads(), settings.hook)
        self._forget = drivers.forget
        self._failed: Set[str] = set()
        self._lock = ExitStack()

    def run(self) -> Outcome:
        """Reads, decides, and carries out what was decided, unless in check mode."""
        with self._lock:
            self._lock.enter_context(self.settings.turn())
            found = self.surveyor.survey()
            identity = self._identity(found)
            if self.settings.phase == BATCH:
                self._failed.update(self.surveyor.not_converged(found))
            outcome = Outcome(found.all(), identity)
            if self.settings.check_mode:
                self._skip_in_order(found)
                return outcome
            if self.settings.phase == REMOVALS:
                self._remove(found)
                outcome.items = [item for item in outcome.items if item.ends]
                return outcome
            self._defer(found, outcome)
            self._apply(found, outcome)
        self._wait([item for item in found.guests if not item.deferred])
        outcome.items = [item for item in outcome.items if not item.deferred]
        return outcome

    def _identity(self, found: Survey) -> str:
        """The plan's digest where somebody approves plans, else empty: it costs 13 us a guest. Raises Refused."""
        expected = self.settings.expect_plan
        if not expected and not self.settings.check_mode:
            return ""
        identity = self.surveyor.plan_id(found)
        if expected and expected != identity:
            raise Refused("the plan is no longer %s; it is %s now" % (expected, identity),
                          "look at the new plan in check mode and approve that one")
        return identity

    def _skip_in_order(self, found: Survey) -> None:
        """What a real run would leave out because of what was refused already."""
        for item in found.pools + found.networks + sorted(found.guests, key=lambda item: item.level):
            self._skip_or_go(item)
            if item.failed:
                self._failed.add(item.label)

    def _defer(self, found: Survey, outcome: Outcome) -> None:
        """With too many guests to change for one call, leaves them to calls of their own, so that progress shows."""
        size = self.settings.batch
        todo = sorted((item for item in found.guests if item.acts and not item.ends), key=lambda item: item.level)
        if not size or len(todo) <= size:
            return
        outcome.batches = [[item.name for item in todo[start:start + size]] for start in range(0, len(todo), size)]
        endings = [item for item in found.all() if item.ends and item.acts]
        outcome.removals_left = bool(endings)
        for item in todo + endings:
            item.deferred = True

    # -- carrying out ---------------------------------------------------------------------------------------------

    def _apply(self, found: Survey, outcome: Outcome) -> None:
        for stage in (found.pools, found.networks):
            self._apply_together([item for item in stage if not item.ends])
        if any(item.acts and not item.ends for item in found.pools + found.networks):
            self._forget()
        self._apply_guests([item for item in found.guests if not item.ends and not item.deferred])
        if not outcome.removals_left:
            self._remove(found)

    def _apply_guests(self, items: List[Item]) -> None:
        levels = sorted({item.level for item in items})
        for level in levels:
            now = [item for item in items if item.level == level]
            later = [item for item in items if item.level > level]
            self._apply_together(now)
            awaited = self._awaited(now, later)
            if awaited:
                self._wait_unlocked(awaited, later)

    def _apply_together(self, items: Sequence[Item]) -> None:
        """Applies items that do not depend on each other, kind by kind, each kind with its threads."""
        for item in items:
            self._skip_or_go(item)
        runs = list({id(item.run): item.run for item in items}.values())
        for run in runs:
            mine = [item for item in items if item.run is run and not item.skipped]
            for item, result in zip(mine, run.apply([item.decision for item in mine])):
                item.result = result
        self._failed.update(item.label for item in items if item.failed or item.skipped)

    def _skip_or_go(self, item: Item) -> None:
        if item.failed or item.decision.action == "none":
            return
        missing = next((need for need in item.needs if need in self._failed), None)
        if missing is not None:
            item.skipped = "skipped, since it comes after %s, which failed or was skipped" % missing
            self._failed.add(item.label)

    def _remove(self, found: Survey) -> None:
        """Removals last, and in the reverse order of making: guests, the last level first, then networks and pools."""
        ending = [item for item in found.guests + found.orphans if item.ends]
        for level in sorted({item.level for item in ending}, reverse=True):
            self._apply_together([item for item in ending if item.level == level])
        for stage in (found.networks, found.pools):
            self._apply_together([item for item in stage if item.ends])

    # -- waiting --------------------------------------------------------------------------------------------------

    def _awaited(self, now: Iterable[Item], later: Iterable[Item]) -> List[Item]:
        """The guests of this level that must be ready before one of a later level is touched."""
        needed = {need for item in later if item.acts for need in item.needs}
        return [item for item in now if item.label in needed and not item.skipped and item.run.waits(item.decision)]

    def _wait_unlocked(self, awaited: Sequence[Item], later: Sequence[Item]) -> None:
        """Waits without holding the host, then decides anew about what is left: others may have been at work."""
        self._lock.close()
        self._wait(awaited)
        self._lock.enter_context(self.settings.turn())
        for run in {id(item.run): item.run for item in later}.values():
            mine = [item for item in later if item.run is run and not item.failed]
            if not mine:
                continue
            actuals = run.driver.read([item.name for item in mine])
            for item in mine:
                self._decide_again(item, run.decide_again(item.decision, actuals.get(item.name)))

    def _decide_again(self, item: Item, again: Any) -> None:
        before = [change.entry() for change in item.decision.changes]
        item.decision = again
        if self.settings.expect_plan and before != [change.entry() for change in again.changes]:
            again.error = again.error or Refused(
                "the plan of guest %s is another one than was approved: something changed it meanwhile" % item.name,
                "look at the new plan in check mode and approve that one")

    def _wait(self, items: Sequence[Item]) -> None:
        waiting = [item for item in items if not item.skipped and item.result is not None
                   and item.run.waits(item.decision)]
        if not waiting:
            return
        with ThreadPoolExecutor(max_workers=min(WAITERS, len(waiting))) as pool:
            list(pool.map(_wait_one, waiting))
        self._failed.update(item.label for item in waiting if item.failed)


def _wait_one(item: Item) -> None:
    try:
        item.run.wait(item.decision)
    except FlotillaError as error:
        item.decision.error = error
    if item.decision.result is not None and item.failed:
        item.decision.result.failed = True
        item.decision.result.msg = item.decision.result.msg or str(item.decision.error)
        item.result = item.decision.result


def summarise(entries: Sequence[Dict[str, Any]]) -> Dict[str, int]:
    """Counts of the results by status, and how many have something pending; `ok` is all that did not fail."""
    words = ("unchanged", "changed", "pending", "removed", "released", "orphaned", "elsewhere", "skipped", "failed")
    counts = {word: sum(1 for entry in entries if entry["status"] == word) for word in words}
    # A guest that changed may have something pending too.
    counts["pending"] = sum(1 for entry in entries if entry["pending"])
    counts["ok"] = len(entries) - counts["failed"] - counts["skipped"]
    counts["total"] = len(entries)
    return counts


def failure_text(entries: Sequence[Dict[str, Any]]) -> str:
    """The message of a run in which something failed; empty when nothing did."""
    bad = [entry for entry in entries if entry["failed"]]
    if not bad:
        return ""
    skipped = [entry["name"] for entry in entries if entry["status"] == "skipped"]
    told = "; ".join("%s %s: %s" % (entry["kind"], entry["name"], entry["msg"]) for entry in bad[:10])
    more = "; and %d more" % (len(bad) - 10) if len(bad) > 10 else ""
    left = ". Skipped after them: %s" % ", ".join(skipped) if skipped else ""
    return "%d of %d failed: %s. %s%s%s" % (len(bad), len(entries), ", ".join(entry["name"] for entry in bad), told, more, left)


def as_result(outcome: Outcome, fleet: Fleet, check_mode: bool) -> Dict[str, Any]:
    """What the module returns."""
    entries = [item.entry(check_mode) for item in outcome.items]
    text = failure_text(entries)
    out: Dict[str, Any] = {
        "changed": any(entry["changed"] for entry in entries), "failed": bool(text), "results": entries,
        "summary": summarise(entries), "drift": [dict(entry) for entry in fleet.drift],
        "plan": [dict(change, path="%s.%s" % (entry["name"], change["path"])) for entry in entries
                 for change in entry["plan"] if entry["changed"]],
    }
    out["diff"] = diff_of(out["plan"], [dict(waits, path="%s.%s" % (entry["name"], waits["path"])) for entry in entries
                                        for waits in entry["pending"]])
    if outcome.plan_id:
        out["plan_id"] = outcome.plan_id
    if outcome.batches:
        out["batches"] = outcome.batches
        out["removals_left"] = outcome.removals_left
    if text:
        out["msg"] = text
        out["failed_names"] = [entry["name"] for entry in entries if entry["failed"] or entry["status"] == "skipped"]
    return out
