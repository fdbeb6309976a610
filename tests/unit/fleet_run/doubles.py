# Copyright: (c) 2026, flotilla.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A double: the driver protocol on a dictionary, for what a fleet's run decides by itself.

It keeps what a real engine keeps (a stored and a live document, an annotation), so that a run against it verifies
like a real one, and it can fail, refuse and never become ready on demand.
"""

from __future__ import annotations

import threading
from contextlib import contextmanager
from typing import Any, Callable, Dict, Iterator, List, Mapping, Optional, Sequence, Set

from ansible_collections.flotilla.virt.plugins.module_utils._fleet.items import Drivers
from ansible_collections.flotilla.virt.plugins.module_utils._fleet.run import FleetRun, Outcome, Settings, as_result
from ansible_collections.flotilla.virt.plugins.module_utils._reconcile.annotation import Annotation
from ansible_collections.flotilla.virt.plugins.module_utils._reconcile.contract import Request, Work
from ansible_collections.flotilla.virt.plugins.module_utils._reconcile.errors import DeclarationError, EngineError, FlotillaError
from ansible_collections.flotilla.virt.plugins.module_utils._reconcile.fleet import parse_fleet
from ansible_collections.flotilla.virt.plugins.module_utils._reconcile.grammar import GUEST, NETWORK, POOL
from ansible_collections.flotilla.virt.plugins.module_utils._reconcile.merge import copy_spec
from ansible_collections.flotilla.virt.plugins.module_utils._reconcile.plan import Actual, Change, Rule
from ansible_collections.flotilla.virt.plugins.module_utils._reconcile.secrets import sealer

RESTARTED = "cpus.maximum"


class Killed(BaseException):
    """Stands for the process dying: nothing of ours may catch it."""


class DictDriver:
    """One kind of resource, kept in a dictionary. `log` lists what was done, in order, over all drivers of a host."""

    def __init__(self, kind: str, options: Sequence[Any], log: List[str], annotates: bool = True) -> None:
        self.kind, self.options, self.annotates, self.log = kind, options, annotates, log
        self.stored: Dict[str, Dict[str, Any]] = {}
        self.live: Dict[str, Dict[str, Any]] = {}
        self.notes: Dict[str, Annotation] = {}
        self.begun: Dict[str, str] = {}
        self.fails: Set[str] = set()
        self.invalid: Dict[str, str] = {}
        self.unready: Set[str] = set()
        self.reads: List[Optional[List[str]]] = []
        self.meanwhile: Callable[[str], None] = lambda name: None
        self._guard = threading.Lock()

    def read(self, names: Optional[Sequence[str]] = None) -> Dict[str, Actual]:
        self.reads.append(None if names is None else list(names))
        return {name: Actual(name, copy_spec(spec), copy_spec(self.live.get(name)), self.notes.get(name),
                             unfinished={"state": self.begun[name]} if name in self.begun else {})
                for name, spec in self.stored.items() if names is None or name in names}

    def rule(self, pattern: str) -> Rule:
        return Rule(live=pattern != RESTARTED, reason="fixed when it starts", default=None)

    def complete(self, request: Request, actual: Optional[Actual]) -> Dict[str, Any]:
        first = "running" if self.options is GUEST else "present"
        return {"state": first, **request.declared}

    def check(self, work: Work) -> None:
        if work.name in self.invalid:
            raise DeclarationError.at("%s.%s" % (work.request.where, self.invalid[work.name]), "is not on this host")

    def _done(self, work: Work, verb: str) -> None:
        if work.name in self.fails:
            raise EngineError("%s %s: the engine says no" % (verb, work.name))
        with self._guard:
            self.log.append("%s %s %s" % (verb, self.kind, work.name))

    def create(self, work: Work) -> None:
        with work.step("define %s" % work.name):
            self._done(work, "create")
            self.stored[work.name] = {"state": "stopped" if self.options is GUEST else "present"}
            self.begun[work.name] = work.want["state"]
            self.notes[work.name] = work.annotation
        with work.step("fill %s" % work.name):
            self._store(work.name, copy_spec(work.want))
            del self.begun[work.name]

    def _store(self, name: str, spec: Dict[str, Any]) -> None:
        self.stored[name] = {key: value for key, value in spec.items()
                             if not next(option.control for option in self.options if option.name == key)}
        if spec.get("state") == "running":
            self.live[name] = copy_spec(self.stored[name])

    def change(self, work: Work) -> None:
        with work.step("change %s" % work.name):
            self._done(work, "change")
            if work.renames:
                for place in (self.stored, self.live, self.notes):
                    if work.there_as in place:
                        place[work.name] = place.pop(work.there_as)  # type: ignore[attr-defined]
                assert work.actual is not None
                work.actual.name = work.name
            for change in work.changes:
                if change.path == "name":
                    continue
                _put(self.stored[work.there_as], change)
                self.begun.pop(work.there_as, None)
                if change.impact == "live" and work.there_as in self.live:
                    _put(self.live[work.there_as], change)
            if self.stored[work.there_as].get("state") == "running" and (work.restart or work.there_as not in self.live):
                self.live[work.there_as] = copy_spec(self.stored[work.there_as])

    def remove(self, work: Work) -> None:
        with work.step("remove %s" % work.name):
            self._done(work, "remove")
            for place in (self.stored, self.live, self.notes):
                place.pop(work.name, None)  # type: ignore[attr-defined]

    def annotate(self, actual: Actual, annotation: Optional[Annotation]) -> None:
        if annotation is None:
            self.notes.pop(actual.name, None)
        else:
            self.notes[actual.name] = annotation

    def nudge(self, actual: Actual, changes: Sequence[Change]) -> None:
        raise AssertionError("nothing here is cooperative")

    def wait(self, request: Request, actual: Actual) -> Dict[str, Any]:
        self.meanwhile(request.name)
        with self._guard:
            self.log.append("wait %s" % request.name)
        if request.name in self.unready:
            raise EngineError("guest %s is not ready after 1 s" % request.name)
        return {"by": "the double"}


def _put(document: Dict[str, Any], change: Change) -> None:
    place = document
    for part in change.route[:-1]:
        place = place.setdefault(part, {})
    if change.want is None:
        place.pop(change.route[-1], None)
    else:
        place[change.route[-1]] = copy_spec(change.want)


class Host:
    """A host of doubles, and runs on it."""

    def __init__(self) -> None:
        self.log: List[str] = []
        self.pool = DictDriver("pool", POOL, self.log, annotates=False)
        self.network = DictDriver("network", NETWORK, self.log)
        self.domain = DictDriver("domain", GUEST, self.log)
        self.container = DictDriver("container", GUEST, self.log)
        self.engines: Mapping[str, Mapping[str, Any]] = {"lxc": {"usable": True}}
        self.held = False

    @contextmanager
    def turn(self) -> Iterator[None]:
        assert not self.held
        self.held = True
        self.log.append("lock")
        try:
            yield
        finally:
            self.held = False
            self.log.append("unlock")

    def run(self, params: Mapping[str, Any], hook: Any = None, **settings: Any) -> Dict[str, Any]:
        """One run, as the module makes it; whole-run errors are raised."""
        fleet = parse_fleet(params)
        del self.log[:]
        drivers = Drivers(self.pool, self.network, {"kvm": self.domain, "lxc": self.container}, lambda: self.engines,
                          forget=lambda: self.log.append("forget"))
        made = FleetRun(fleet, drivers, sealer(b"k"), Settings(turn=self.turn, hook=hook, **settings))
        outcome: Outcome = made.run()
        return as_result(outcome, fleet, settings.get("check_mode", False))

    def done(self) -> List[str]:
        """What was done, without the lock."""
        return [entry for entry in self.log if entry not in ("lock", "unlock")]

    def laws(self, params: Mapping[str, Any]) -> Dict[str, Any]:
        """Check, apply, check, apply: check mode touches nothing and agrees, the second run changes nothing."""
        before = repr((self.pool.stored, self.network.stored, self.domain.stored, self.container.stored))
        foreseen = self.run(params, check_mode=True)
        assert self.done() == []
        assert before == repr((self.pool.stored, self.network.stored, self.domain.stored, self.container.stored))
        real = self.run(params)
        assert {key: real[key] for key in ("changed", "plan", "diff")} == {key: foreseen[key] for key in ("changed", "plan", "diff")}
        assert [entry["status"] for entry in real["results"]] == [entry["status"] for entry in foreseen["results"]]
        for check_mode in (True, False):
            again = self.run(params, check_mode=check_mode)
            assert not again["changed"] and again["plan"] == [] and not again["failed"]
        return real


def statuses(result: Mapping[str, Any]) -> Dict[str, str]:
    """Status by name."""
    return {entry["name"]: entry["status"] for entry in result["results"]}


__all__ = ["FlotillaError", "Host", "Killed", "statuses"]
