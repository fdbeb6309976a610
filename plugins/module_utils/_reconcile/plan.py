# Copyright: (c) 2026, flotilla.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The plan: what differs between the declaration, the last one, and what the host has. Pure, no input or output."""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from typing import Any, Callable, Dict, List, Mapping, Optional, Sequence, Tuple

from . import schema
from .annotation import Annotation
from .errors import join_path
from .schema import Option, Spec
from .secrets import Seal, Secret, matches

LIVE, RESTART, RECREATE = "live", "restart", "recreate"

# States that are not kept by an engine but say what shall become of the resource.
GONE = ("absent", "released")
FIRST_BOOT = "first boot only"
NOT_COMPLIED = "guest has not complied"
NOT_STORED = "not stored"
# What is pending for one of these does not come true with a restart.
NO_RESTART = (FIRST_BOOT, NOT_STORED)
INSTALLING = "the installation is not over"
DEFERRED = "stored only; it takes a restart"
SAVED_IMAGE = "saved"
SAVED = "the guest was saved without it, and is restored as it was"


@dataclass(frozen=True)
class Rule:
    """What a driver knows about one option: how a change of it reaches a running guest.

    live: the engine changes it on the running guest; otherwise `reason` says why it waits for a restart.
    cooperative: the guest itself must comply, so what it has not done yet is pending, never a failure.
    creation: used only when the resource or item is made; a later difference is reported as pending.
    known: of what is used at creation: that nothing is read back says that nothing was used.
    fixed: part of the identity; changing it is refused, and this says how to do it.
    recreate: changing it would destroy and make anew; refused unless `recreate: true`.
    same: how to compare a declared with an actual value where equality is not enough (machine aliases).
    default: the value that taking the option back leaves, where `take_back` is `default`; None removes it. A function
        gets what is stored with the declaration over it (for a value that follows another option).
    assumed: the engine chooses it at each start where nothing is stored, so that its running value says nothing then.
    shown: how to tell a value in a plan, given what it is compared with, where the value as it is would be too much.
    inherent: whether an item, given all that is stored, is part of what the engine makes by itself, which would be back at
        once: declared no more, it stays.
    always: not a matter of the running guest (power, autostart, a note of ours): reached whatever `on_change` says.
    harmless: an item whose removal takes nothing away from the guest that it has, so that `protect` allows it.
    guests_own: only the guest's own driver settles it, so that a restart would not, and none is made for it.
    unless: why this very value cannot reach the running guest although the option is live, given the value and the
        live spec; empty when it can.
    """

    live: bool = True
    reason: str = ""
    cooperative: bool = False
    creation: bool = False
    known: bool = False
    fixed: str = ""
    recreate: bool = False
    same: Optional[Callable[[Any, Any], bool]] = None
    default: Any = None
    unless: Optional[Callable[[Any, Mapping[str, Any]], str]] = None
    always: bool = False
    harmless: bool = False
    guests_own: bool = False
    assumed: bool = False
    inherent: Optional[Callable[[Mapping[str, Any], Mapping[str, Any]], bool]] = None
    shown: Optional[Callable[[Any, Any], Any]] = None

    def stays(self, item: Mapping[str, Any], stored: Mapping[str, Any]) -> bool:
        """Whether an item that is declared no more stays all the same."""
        return self.inherent is not None and self.inherent(item, stored)

    def show(self, option: Option, value: Any, other: Any) -> Any:
        """The value as a plan entry tells it."""
        return self.shown(value, other) if self.shown is not None else schema.show(option, value)

    def obstacle(self, value: Any, live: Mapping[str, Any]) -> str:
        """Why this value waits for a restart; empty when the running guest can take it."""
        if not self.live:
            return self.reason or "it takes a restart"
        return self.unless(value, live) if self.unless is not None else ""


@dataclass(frozen=True)
class Change:
    """One difference, and what closing it costs.

    `path` is for people (`disks[data].size`), `route` for the driver (`("disks", "data", "size")`), `pattern` finds
    the rule (`disks[].size`). `want` is the typed value (None: remove); `before` and `after` are as a user writes.
    """

    path: str
    before: Any
    after: Any
    impact: str
    pattern: str = ""
    route: Tuple[str, ...] = ()
    want: Any = None
    removes: bool = False

    def entry(self) -> Dict[str, Any]:
        """The plan entry of a result."""
        return {"path": self.path, "before": self.before, "after": self.after, "impact": self.impact}


@dataclass(frozen=True)
class Pending:
    """Stored, not yet running."""

    path: str
    running: Any
    stored: Any
    reason: str

    def entry(self) -> Dict[str, Any]:
        """The pending entry of a result."""
        return {"path": self.path, "running": self.running, "stored": self.stored, "reason": self.reason}


@dataclass
class Actual:
    """What the host has of one resource.

    stored: what the engine keeps for the next start, as the grammar says it. live: what runs, None when it does not.
    facts: what reading found out that the annotation is to remember.
    unfinished: what a run that died has not done yet; wanted as if declared, unless something else is.
    saved: what a saved guest will run again when it is started, None where no image of a running guest is kept.
    leaving: routes of items that run and are stored no more, which the guest was asked to let go.
    begun: there is no such resource, only the annotation of one: a creation that died, or it was removed by hand.
    pending: what the driver alone can know is waiting (first boot only, a guest that did not comply).
    nudges: what the driver itself is to look after again, which is no change (an installation that may be over).
    handle: the driver's own, such as the parsed document.
    """

    name: str
    stored: Spec = field(default_factory=dict)
    live: Optional[Spec] = None
    annotation: Optional[Annotation] = None
    pending: List[Pending] = field(default_factory=list)
    status: Dict[str, Any] = field(default_factory=dict)
    handle: Any = None
    facts: Dict[str, Any] = field(default_factory=dict)
    unfinished: Spec = field(default_factory=dict)
    leaving: Sequence[Tuple[str, ...]] = ()
    begun: bool = False
    nudges: List[Change] = field(default_factory=list)
    saved: Optional[Spec] = None

    @property
    def running(self) -> Optional[Spec]:
        """What runs, or was saved while it ran and will run again; None for a guest that starts from nothing."""
        return self.saved if self.live is None else self.live


@dataclass
class Comparison:
    """Everything that the walk over the option tree needs, so that its functions stay small.

    frozen: what is to run was saved while it ran and stays so: nothing reaches it before it is restored.
    """

    rule: Callable[[str], Rule]
    want: Mapping[str, Any] = field(default_factory=dict)
    stored: Mapping[str, Any] = field(default_factory=dict)
    leaving: Sequence[Tuple[str, ...]] = ()
    live: Optional[Mapping[str, Any]] = None
    defer: bool = False
    frozen: bool = False
    seal: Optional[Seal] = None
    changes: List[Change] = field(default_factory=list)
    nudges: List[Change] = field(default_factory=list)
    pending: List[Pending] = field(default_factory=list)

    def impact(self, rule: Rule, value: Any) -> str:
        """What a change to (or the removal of) this value costs on this resource."""
        if rule.recreate or rule.fixed:
            return RECREATE
        if self.frozen and not rule.always:
            return RESTART
        if self.live is None or rule.always or (rule.assumed and value is None):
            return LIVE
        return RESTART if self.defer or rule.obstacle(value, self.live) else LIVE

    def same(self, option: Option, rule: Rule, want: Any, have: Any) -> bool:
        """Whether what is there is what is wanted."""
        if option.kind in schema.SECRETS and isinstance(want, Secret):
            return matches(want, have, self.seal)
        if have is None and not callable(rule.default):
            # What is not there is as the engine has it by itself.
            have = rule.default
        if rule.same is not None:
            return rule.same(want, have)
        return bool(want == have)

    def change(self, option: Option, place: "Place", before: Any, after: Any, rule: Rule, runs: bool = False) -> None:
        """Notes one difference. `runs`: the guest runs with `after` already, so that only the store is to follow."""
        impact = LIVE if runs and not (rule.recreate or rule.fixed) else self.impact(rule, after)
        if place.dormant and impact == LIVE and not rule.always:
            impact = RESTART
        self.changes.append(Change(
            path=place.path, before=rule.show(option, before, after), after=rule.show(option, after, before),
            impact=impact, pattern=place.pattern, route=place.route, want=after,
            removes=option.kind == "items" and after is None))

    def rename(self, place: "Place", old: str, new: str) -> None:
        """Notes that an item goes by another name from now on; nothing else of it changes."""
        below = place.option("name")
        self.changes.append(Change(below.path, old, new, LIVE, below.pattern, below.route, new))

    def live_difference(self, option: Option, place: "Place", live: Any, want: Any, rule: Rule) -> None:
        """Notes what is stored but does not run; a guest that has not complied is asked again, which is no change."""
        if rule.cooperative:
            self.nudges.append(Change(place.path, live, want, LIVE, place.pattern, place.route, want))
        else:
            self.change(option, place, live, want, rule)


@dataclass(frozen=True)
class Place:
    """Where in the tree the walk is: for people, for rules and for drivers.

    Each keeps the places below it: guests have nearly all of theirs in common, and making them anew for each guest took
    a third of the time of a comparison that finds nothing.
    """

    path: str = ""
    pattern: str = ""
    route: Tuple[str, ...] = ()
    # Below a thing that is stored and does not run, where nothing can be changed live.
    dormant: bool = False
    _options: Dict[str, "Place"] = field(init=False, default_factory=dict, compare=False, repr=False)
    _items: Dict[str, "Place"] = field(init=False, default_factory=dict, compare=False, repr=False)

    def option(self, name: str) -> "Place":
        """The place of an option below this one."""
        found = self._options.get(name)
        if found is None:
            found = Place(join_path(self.path, name), join_path(self.pattern, name), self.route + (name,), self.dormant)
            self._options[name] = found
        return found

    def named(self, name: str) -> "Place":
        """The place of a named item of this list."""
        found = self._items.get(name)
        if found is None:
            found = Place("%s[%s]" % (self.path, name), self.pattern + "[]", self.route + (name,), self.dormant)
            self._items[name] = found
        return found

    def asleep(self, dormant: bool) -> "Place":
        """The same place, below something that does not run or not."""
        return self if dormant == self.dormant else replace(self, dormant=dormant)


_TOP = Place()

_NOTHING: Mapping[str, Any] = {}
_ITEM = re.compile(r"\[[^\]]*\]")


def pattern_of(path: str) -> str:
    """The pattern of a path: `disks[data].size` is `disks[].size`."""
    return _ITEM.sub("[]", path)


def compare(options: Sequence[Option], want: Mapping[str, Any], applied: Mapping[str, Any], actual: Actual,
            comparison: Comparison) -> None:
    """Three-way comparison of a whole resource; fills `comparison.changes` and `comparison.pending`."""
    live = None if comparison.defer else comparison.live
    comparison.stored, comparison.leaving = actual.stored, () if comparison.defer else actual.leaving
    _compare_dict(options, want, applied, actual.stored, live, _TOP, comparison)


def _compare_dict(options: Sequence[Option], want: Mapping[str, Any], applied: Mapping[str, Any],
                  have: Mapping[str, Any], live: Optional[Mapping[str, Any]], place: Place,
                  comparison: Comparison) -> None:
    for option in schema.grammar_of(options).among(want, applied):
        name = option.name
        wanted, earlier = want.get(name), applied.get(name)
        if option.control or (wanted is None and earlier is None):
            continue
        there, here = have.get(name), None if live is None else live.get(name)
        below = place.option(name)
        if option.kind == "dict":
            _compare_dict(option.options, wanted or _NOTHING, earlier or _NOTHING, there or _NOTHING,
                          None if live is None else here or _NOTHING, below, comparison)
        elif option.kind == "one":
            _compare_one(option, wanted, earlier, there, None if live is None else here, live is not None, below, comparison)
        elif option.kind == "items":
            _compare_items(option, wanted or _NOTHING, earlier or _NOTHING, there or _NOTHING,
                           None if live is None else here or _NOTHING, below, comparison)
        elif wanted is None:
            _take_back(option, there, here, live is not None, below, comparison)
        else:
            _compare_value(option, wanted, there, here, live is not None, below, comparison)


def _compare_one(option: Option, want: Optional[Mapping[str, Any]], applied: Optional[Mapping[str, Any]],
                 have: Optional[Mapping[str, Any]], live: Optional[Mapping[str, Any]], runs: bool, place: Place,
                 comparison: Comparison) -> None:
    """A thing of which there is one or none: made, changed or taken away, as an item of a list is."""
    if want is None:
        rule = comparison.rule(place.pattern)
        if have is None and live is not None and rule.cooperative:
            # Stored without it already: the guest was asked to let it go, and is asked again.
            if place.route in comparison.leaving:
                comparison.nudges.append(Change(place.path, None, None, LIVE, place.pattern, place.route, None))
        elif option.take_back != "keep" and have is not None and not rule.stays(have, comparison.stored):
            _change_item(option, place, have, None, comparison, runs=runs and live is None)
    elif have is None or (runs and live is None
                          and not comparison.rule(place.pattern).obstacle(want, comparison.live or _NOTHING)):
        _change_item(option, place, None, want, comparison)
    else:
        _compare_dict(option.options, want, applied or _NOTHING, have, live, place.asleep(runs and live is None), comparison)


def _compare_value(option: Option, want: Any, have: Any, live: Any, runs: bool, place: Place,
                   comparison: Comparison) -> None:
    rule = comparison.rule(place.pattern)
    if not comparison.same(option, rule, want, have):
        if rule.creation:
            if have is not None or rule.known:
                comparison.pending.append(Pending(place.path, schema.show(option, have), schema.show(option, want),
                                                  rule.reason or "used at creation only"))
        else:
            comparison.change(option, place, have, want, rule, runs=runs and comparison.same(option, rule, want, live))
    elif runs and not rule.creation and not rule.assumed and not comparison.same(option, rule, want, live) \
            and not rule.obstacle(want, comparison.live or _NOTHING):
        comparison.live_difference(option, place, live, want, rule)


def _take_back(option: Option, have: Any, live: Any, runs: bool, place: Place, comparison: Comparison) -> None:
    """Nobody declares it any more. A run that died may have left the running guest with it, so that counts too."""
    rule = comparison.rule(place.pattern)
    if option.take_back == "keep" or rule.creation or rule.fixed:
        return
    default = rule.default if option.take_back == "default" else None
    if callable(default):
        default = default(_over(comparison.stored, comparison.want))
    if have is not None and not comparison.same(option, rule, default, have):
        comparison.change(option, place, have, default, rule, runs=runs and comparison.same(option, rule, default, live))
    elif live is not None and not comparison.same(option, rule, default, live) and not rule.obstacle(default, comparison.live or _NOTHING):
        comparison.live_difference(option, place, live, default, rule)


def _over(below: Mapping[str, Any], above: Mapping[str, Any]) -> Spec:
    """One specification laid over another."""
    merged = dict(below)
    for name, value in above.items():
        there = merged.get(name)
        merged[name] = _over(there, value) if isinstance(there, Mapping) and isinstance(value, Mapping) else value
    return merged


def _compare_items(option: Option, want: Mapping[str, Any], applied: Mapping[str, Any], have: Mapping[str, Any],
                   live: Optional[Mapping[str, Any]], place: Place, comparison: Comparison) -> None:
    if schema.NONE in want and option.none:
        # Declared to be empty: whatever is there goes, whoever put it there.
        want, applied = _NOTHING, have
    renamed = {str(item["was"]): name for name, item in want.items() if item.get("was") in have and name not in have}
    for name, item in want.items():
        below = place.named(name)
        old = str(item["was"]) if renamed.get(str(item.get("was"))) == name else name
        # An item may get the name of one that goes by another name from now on.
        taken = old == name and name in renamed
        there = None if taken else have.get(old)
        here = None if live is None or taken else live.get(old)
        if old != name:
            comparison.rename(below, old, name)
            applied = {**applied, name: applied.get(old) or _NOTHING}
            there = {**(there or _NOTHING), option.key: name}
            here = None if here is None else {**here, option.key: name}
        if there is None or (live is not None and here is None
                             and not comparison.rule(below.pattern).obstacle(item, comparison.live or _NOTHING)):
            _change_item(option, below, there if here is not None else None, item, comparison)
        else:
            _compare_dict(option.options, item, applied.get(name) or _NOTHING, there, here,
                          below.asleep(live is not None and here is None), comparison)
    for name in live or ():
        if name not in want and name not in have and place.route + (name,) in comparison.leaving:
            below = place.named(name)
            comparison.nudges.append(Change(below.path, None, None, LIVE, below.pattern, below.route, None))
    for name in applied:
        if name in want or name in renamed:
            continue
        there, below = have.get(name), place.named(name)
        if option.take_back == "keep":
            continue
        if there is None and comparison.rule(below.pattern).cooperative:
            # Stored without it already: the guest was asked to let it go and has not done so, which is pending.
            continue
        here = None if live is None else live.get(name)
        there = there or here
        declared_empty = applied is have
        if there is not None and (declared_empty or not comparison.rule(below.pattern).stays(there, comparison.stored)):
            _change_item(option, below, there, None, comparison, runs=live is not None and here is None)


def _change_item(option: Option, place: Place, before: Any, after: Any, comparison: Comparison, runs: bool = False) -> None:
    """One thing comes or goes as a whole. `runs`: the guest runs like that already."""
    whole = Option(option.name, kind="dict", options=option.options, key=option.key)
    rule = comparison.rule(place.pattern)
    if rule.creation:
        comparison.pending.append(Pending(place.path, schema.show(whole, before), schema.show(whole, after),
                                          rule.reason or "used at creation only"))
        return
    comparison.changes.append(Change(
        path=place.path, before=schema.show(whole, before), after=schema.show(whole, after),
        impact=LIVE if (runs or (rule.assumed and after is None)) and not (rule.recreate or rule.fixed)
        else comparison.impact(rule, after or before), pattern=place.pattern,
        route=place.route, want=after, removes=after is None and not rule.harmless))


def waiting(options: Sequence[Option], actual: Actual, rule: Callable[[str], Rule]) -> List[Pending]:
    """Everything that is stored and not yet running: by the two documents, and what the driver alone can know."""
    return list(actual.pending) + pending_between(options, actual, rule)


def pending_between(options: Sequence[Option], actual: Actual, rule: Callable[[str], Rule]) -> List[Pending]:
    """What is stored and not yet running: the stored against the live document, never remembered."""
    found: List[Pending] = []
    if actual.running is not None:
        _PendingWalk(actual.running, rule, found, actual.live is None).dictionary(options, actual.stored, actual.running, _TOP)
    return found


@dataclass
class _PendingWalk:
    """The walk that compares a stored with a live spec."""

    root: Mapping[str, Any]
    rule: Callable[[str], Rule]
    found: List[Pending]
    frozen: bool = False

    def dictionary(self, options: Sequence[Option], stored: Mapping[str, Any], live: Mapping[str, Any],
                   place: Place) -> None:
        """Every option of a dictionary."""
        for option in schema.grammar_of(options).among(stored, live):
            there, here = stored.get(option.name), live.get(option.name)
            if option.control or there == here:
                continue
            below = place.option(option.name)
            if option.kind == "dict" or (option.kind == "one" and there is not None and here is not None):
                self.dictionary(option.options, there or _NOTHING, here or _NOTHING, below)
            elif option.kind == "items":
                self.items(option, there or _NOTHING, here or _NOTHING, below)
            else:
                self.note(option, there, here, below)

    def items(self, option: Option, stored: Mapping[str, Any], live: Mapping[str, Any], place: Place) -> None:
        """Every named item of a list, those that only run included."""
        whole = Option(option.name, kind="dict", options=option.options)
        for name in list(stored) + [name for name in live if name not in stored]:
            there, here, below = stored.get(name), live.get(name), place.named(name)
            if there is not None and here is not None:
                self.dictionary(option.options, there, here, below)
            else:
                self.note(whole, there, here, below)

    def note(self, option: Option, there: Any, here: Any, place: Place) -> None:
        """One difference, with the reason why it waits."""
        rule = self.rule(place.pattern)
        if rule.creation or (rule.assumed and there is None):
            return
        if not callable(rule.default):
            there, here = (rule.default if value is None else value for value in (there, here))
        if there == here or (rule.same is not None and there is not None and here is not None and rule.same(there, here)):
            return
        # A thing that goes is told by what it was, and a value that goes by what comes after it.
        gone = there is None and (option.kind in ("dict", "one", "items") or option.take_back == "keep")
        reason = rule.obstacle(here if gone else there, self.root)
        if not reason:
            reason = SAVED if self.frozen else NOT_COMPLIED if rule.cooperative else DEFERRED
        self.found.append(Pending(place.path, rule.show(option, here, there), rule.show(option, there, here), reason))
