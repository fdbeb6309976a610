# Copyright: (c) 2026, flotilla.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is decided about a whole fleet on one host, before anything is touched."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from typing import Any, Dict, Iterable, List, Mapping, Optional, Tuple

from .._reconcile import reconcile
from .._reconcile.contract import Driver, Request
from .._reconcile.errors import Problem, Refused, raise_if_any
from .._reconcile.fleet import Fleet, Guest, HostFacts, Present, resolve, resources_here
from .._reconcile.fleet.networks import uses_of
from .._reconcile.plan import Actual
from .._reconcile.secrets import Seal
from .items import Drivers, Item, KindRun


@dataclass
class Survey:
    """Every item of the run, by stage; nothing has been touched."""

    pools: List[Item] = field(default_factory=list)
    networks: List[Item] = field(default_factory=list)
    guests: List[Item] = field(default_factory=list)
    orphans: List[Item] = field(default_factory=list)

    def all(self) -> List[Item]:
        """All items in the order of the results."""
        return self.pools + self.networks + self.guests + self.orphans


class Surveyor:
    """Reads all kinds once, decides about each resource, and refuses a plan that must not run at all."""

    def __init__(self, fleet: Fleet, drivers: Drivers, seal: Seal, threads: int = 1, hook: Any = None) -> None:
        self.fleet = fleet
        self.drivers = drivers
        self.seal = seal
        self.threads = threads
        self.hook = hook

        self._there: Dict[str, Mapping[str, Actual]] = {}

    def survey(self) -> Survey:
        """Raises DeclarationError for anything wrong in the declaration, and Refused beyond a limit."""
        there = {engine: driver.read(None) for engine, driver in self.drivers.guests.items()}
        self._there = dict(there)
        guests = resolve(self.fleet, self._facts(there))
        self._check_engines(guests)
        found = Survey()
        resources = resources_here(self.fleet)
        found.pools, _others = self._resources("pools", self.drivers.pool, resources["pools"])
        found.networks, stray = self._resources("networks", self.drivers.network, resources["networks"])
        found.guests = self._guests(guests, there)
        found.orphans = stray + (self._orphans(there) if self.fleet.chosen is None else [])
        raise_if_any([problem for item in found.all() for problem in item.problems()])
        self._check_limits(found)
        return found

    def not_converged(self, found: Survey) -> List[str]:
        """The labels of guests outside this run that its guests come after, and that are not as declared.

        Asked between batches: such a guest failed in an earlier one.
        """
        mine = {item.name for item in found.guests}
        names = dict.fromkeys(name for item in found.guests if item.guest is not None for name in item.guest.after
                              if name not in mine)
        before = [self.fleet.guests[name] for name in names if self.fleet.is_here(self.fleet.guests[name])]
        if not before:
            return []
        items = self._guests(resolve(self.fleet, self._facts(self._there), before), self._there)
        return [item.label for item in items if item.failed or item.acts or item.run.waits(item.decision)]

    # -- what is there --------------------------------------------------------------------------------------------

    def _facts(self, there: Mapping[str, Mapping[str, Actual]]) -> HostFacts:
        guests: Dict[str, List[Present]] = {}
        for engine, actuals in there.items():
            for name, actual in actuals.items():
                guests.setdefault(name, []).append(
                    Present(engine, actual.annotation.fleet if actual.annotation else ""))
        return HostFacts(self.drivers.engines() if self.fleet.asks_engine else {}, guests)

    def _check_engines(self, guests: Iterable[Guest]) -> None:
        usable = self.drivers.guests
        raise_if_any([self._engine_problem(guest) for guest in guests if guest.engine not in usable and not guest.ends])

    def _engine_problem(self, guest: Guest) -> Problem:
        why = self.drivers.unusable.get(guest.engine, "it has no driver")
        return Problem(guest.written(("engine",)), "engine %s of guest %s cannot be used here: %s"
                       % (guest.engine, guest.name, why), "choose one of %s" % ", ".join(self.drivers.guests))

    def _run(self, driver: Driver, requests: List[Request]) -> KindRun:
        return KindRun(driver, requests, self.seal, self.threads, self.hook)

    # -- pools and networks ---------------------------------------------------------------------------------------

    def _resources(self, kind: str, driver: Optional[Driver],
                   declared: Mapping[str, Any]) -> Tuple[List[Item], List[Item]]:
        """The items of one kind, and those of this fleet that are no longer declared."""
        everything: Mapping[str, Any] = getattr(self.fleet, kind)
        if driver is None:
            raise_if_any([Problem("%s[%d]" % (kind, list(everything).index(name)), "needs libvirt on this host",
                                  self.drivers.no_libvirt) for name in declared])
            return [], []
        looks_around = driver.annotates and self.fleet.chosen is None
        if not declared and not looks_around:
            return [], []
        positions = {name: index for index, name in enumerate(everything)}
        run = self._run(driver, [Request(name, spec, "%s[%d]" % (kind, positions[name]), self.fleet.name)
                                 for name, spec in declared.items()])
        actuals = driver.read(None if looks_around else list(declared))
        items = [Item(run, decision) for decision in run.survey_from(actuals)]
        stray = [self._stray(driver, actual, "declare state: absent to remove it, or state: released to let it go")
                 for name, actual in sorted(actuals.items()) if looks_around and name not in everything and self._is_own(actual)]
        return items, stray

    def _is_own(self, actual: Actual) -> bool:
        return actual.annotation is not None and actual.annotation.fleet == self.fleet.name

    # -- guests ---------------------------------------------------------------------------------------------------

    def _guests(self, guests: List[Guest], there: Mapping[str, Mapping[str, Actual]]) -> List[Item]:
        items: Dict[str, Item] = {}
        for engine, driver in self.drivers.guests.items():
            mine = [guest for guest in guests if guest.engine == engine]
            run = self._run(driver, [self._request(guest) for guest in mine if not guest.refusal])
            decisions = {decision.request.name: decision for decision in run.survey_from(there[engine])}
            for guest in mine:
                decision = decisions.get(guest.name) or run.refuse(
                    self._request(guest), self._request(guest).among(there[engine]), Refused(guest.refusal))
                items[guest.name] = Item(run, decision, guest, guest.level, self._needs(guest))
        # A guest that is to be gone, under an engine that the host does not have, is gone.
        return [items[guest.name] for guest in guests if guest.name in items]

    def _request(self, guest: Guest) -> Request:
        return Request(guest.name, guest.spec, guest.where, self.fleet.name)

    def _needs(self, guest: Guest) -> List[str]:
        """What must have gone well before: the fleet's own pools and networks, and the guests before it."""
        if guest.ends:
            return []
        own = ["%s %s" % (kind[:-1], name) for kind, _route, name in uses_of(guest) if self.fleet.option(kind, name)]
        return list(dict.fromkeys(own)) + ["guest %s" % name for name in guest.after]

    # -- orphans --------------------------------------------------------------------------------------------------

    def _orphans(self, there: Mapping[str, Mapping[str, Actual]]) -> List[Item]:
        """This fleet's guests that nobody declares any more: removed with `prune`, otherwise only reported."""
        items: List[Item] = []
        here = {guest.name for guest in self.fleet.here()}
        earlier = {guest.was: guest.name for guest in self.fleet.here() if guest.was}
        for engine, driver in self.drivers.guests.items():
            # Sorted, since an engine lists in any order and the plan's digest must not depend on it.
            for name, actual in sorted(there[engine].items()):
                if name in here or not self._is_own(actual):
                    continue
                if name in earlier:
                    # Not there under its new name yet: it is reported, and renamed, as that guest.
                    items += [self._stray(driver, actual, "%s was called so, and is there too; remove was there, and prune: true would "
                                          "remove this one" % earlier[name])] if any(earlier[name] in each for each in there.values()) else []
                elif self.fleet.declares(name):
                    other = self.fleet.guests.get(name)
                    place = "host %s" % other.host if other is not None else "another host"
                    items.append(self._stray(driver, actual, "it is declared for %s and is here too" % place, "elsewhere"))
                elif self.fleet.prune and actual.annotation is not None and actual.annotation.created:
                    items.append(self._pruned(driver, name, actual))
                else:
                    adopted = actual.annotation is not None and not actual.annotation.created
                    items.append(self._stray(driver, actual, "it was adopted, so it is never pruned; declare "
                                             "state: absent or state: released" if adopted else
                                             "no longer declared; prune: true would remove it and keep its storage"))
        return items

    def _pruned(self, driver: Driver, name: str, actual: Actual) -> Item:
        run = self._run(driver, [Request(name, {"state": "absent"}, "", self.fleet.name)])
        return Item(run, run.survey_from({name: actual})[0], orphan=True)

    def _stray(self, driver: Driver, actual: Actual, note: str, status: str = "orphaned") -> Item:
        """An item that is reported as it is."""
        run = self._run(driver, [Request(actual.name, {}, "", self.fleet.name)])
        decision = reconcile.Decision(run.requests[0], actual)
        run.decisions = [decision]
        return Item(run, decision, orphan=True, note=note, status=status)

    # -- the whole plan -------------------------------------------------------------------------------------------

    def _check_limits(self, found: Survey) -> None:
        limit = self.fleet.removals
        names = [item.label for item in found.all() if item.removes]
        if limit is not None and len(names) > limit:
            raise Refused("limits.removals is %d, and this plan would remove or make anew %d: %s"
                          % (limit, len(names), _listed(names)), "raise the limit, or correct the declaration")

    def plan_id(self, found: Survey) -> str:
        """A digest of declaration, plan and actual state of everything: what `expect_plan` is compared with."""
        digest = hashlib.sha256(self.fleet.name.encode("utf-8"))
        for stage in (found.pools, found.networks, found.guests, found.orphans):
            decisions = [item.decision for item in stage]
            kinds = ",".join(item.kind for item in stage)
            digest.update(("%s:%s;" % (kinds, reconcile.plan_id(decisions))).encode("utf-8"))
        return digest.hexdigest()[:32]


def _listed(names: List[str]) -> str:
    more = " and %d more" % (len(names) - 10) if len(names) > 10 else ""
    return ", ".join(names[:10]) + more


__all__ = ["Survey", "Surveyor"]
