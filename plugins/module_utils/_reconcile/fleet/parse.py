# Copyright: (c) 2026, flotilla.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""From the raw parameters of the module `fleet` to a typed, validated Fleet. Pure: no host is asked."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Dict, List, Mapping, Tuple

from .. import schema
from ..errors import Problem, raise_if_any
from ..grammar import GUEST
from ..kinds import describe
from ..merge import copy_spec, missing
from ..schema import Spec
from . import members, networks, order, override, select
from .grammar import FLEET, FLEET_ONLY
from .layers import did_you_mean, merge_layers, read_guest, read_shared
from .model import Fleet, Guest, Layer


def parse_fleet(params: Mapping[str, Any]) -> Fleet:
    """The fleet that the parameters declare. Raises DeclarationError with every problem that can be told at once.

    Mistakes in single values come first, and alone: what follows from them would only be noise.
    """
    problems: List[Problem] = []
    top = schema.parse(FLEET, params, "", problems)
    reader = _Reader(top, problems)
    guests = reader.guests()
    raise_if_any(problems)
    fleet = _assemble(top, reader, guests, problems)
    raise_if_any(problems)
    return fleet


def _assemble(top: Spec, reader: "_Reader", guests: Dict[str, Guest], problems: List[Problem]) -> Fleet:
    elsewhere = frozenset(top.get("elsewhere") or ())
    guests = order.ordered(guests, reader.members, set(elsewhere), problems)
    only = top.get("only")
    fleet = Fleet(
        name=top["name"], host=top.get("host", ""), hosts=_hosts(top.get("hosts"), problems), guests=guests,
        images=top.get("images") or {}, pools=top.get("pools") or {}, networks=top.get("networks") or {},
        elsewhere=elsewhere, chosen=select.choose(only, guests, elsewhere, problems), prune=bool(top.get("prune")),
        removals=(top.get("limits") or {}).get("removals"), parallel=top.get("parallel") or 0, drift=reader.drift())
    members.check_earlier_names(guests.values(), problems)
    problems.extend(select.check_prune(fleet.prune, only, guests))
    problems.extend(networks.duplicates(guests.values()))
    problems.extend(networks.check_placement(fleet))
    problems.extend(networks.check_hosts(fleet))
    return fleet


def _hosts(raw: Any, problems: List[Problem]) -> Dict[str, Mapping[str, Any]]:
    """The fleet's hosts: a list of names, or a dictionary with what is said about each."""
    if raw is None:
        return {}
    if isinstance(raw, (list, tuple)):
        return {str(name): {} for name in raw}
    if not isinstance(raw, Mapping):
        problems.append(Problem("hosts", "must be a list or a dictionary, not %s" % describe(raw),
                                "write the hosts' inventory names"))
        return {}
    known = (schema.Option("maintenance", "bool"),)
    return {str(name): schema.parse(known, said or {}, "hosts.%s" % name, problems) for name, said in raw.items()}


class _Reader:
    """Reads `guests` over their profiles and the defaults; keeps what several steps need."""

    def __init__(self, top: Spec, problems: List[Problem]) -> None:
        self.problems = problems
        self.raw = self._entries(top.get("guests"))
        self.defaults, self.profiles = read_shared(top.get("defaults"), top.get("profiles"), problems)
        self.overrides = override.read_overrides(top.get("set"), self.raw, problems)
        self.surroundings = networks.Surroundings(top.get("networks") or {})
        self.prefixes = networks.prefixes(top.get("networks") or {})
        self.members: Dict[str, List[str]] = {}
        self._below: Dict[Tuple[str, int], Spec] = {}
        self._bases: Dict[str, Spec] = {}

    def drift(self) -> List[Dict[str, Any]]:
        """What `set` says differently from the file."""
        return override.drift(self.overrides, self._below)

    def _entries(self, raw: Any) -> Dict[str, Tuple[str, Mapping[str, Any]]]:
        """The entries by name, each with its path."""
        if raw is None:
            return {}
        if not isinstance(raw, (list, tuple)):
            self.problems.append(Problem("guests", "must be a list, not %s" % describe(raw), "start each guest with a dash"))
            return {}
        entries: Dict[str, Tuple[str, Mapping[str, Any]]] = {}
        for index, item in enumerate(raw):
            where = "guests[%d]" % index
            name = item.get("name") if isinstance(item, Mapping) else None
            if not isinstance(item, Mapping):
                self.problems.append(Problem(where, "must be a dictionary, not %s" % describe(item),
                                             "write its name and options"))
            elif name is None:
                self.problems.append(Problem(where + ".name", "is required", "give each guest its own name"))
            elif str(name) in entries:
                self.problems.append(Problem(where + ".name", "%r is the name of %s too" % (name, entries[str(name)][0]),
                                             "give each guest its own name"))
            else:
                entries[str(name)] = (where, item)
        return entries

    def guests(self) -> Dict[str, Guest]:
        """Every guest, members spelled out."""
        found: Dict[str, Guest] = {}
        for name, (where, raw) in self.raw.items():
            before = len(self.problems)
            layer = read_guest(raw, where, self.problems)
            if len(self.problems) > before or "name" not in layer.spec:
                continue
            for guest in self._expand(layer):
                other = found.setdefault(guest.name, guest)
                if other is not guest:
                    self.problems.append(Problem(where, "its member %s has the name of %s" % (guest.name, other.where),
                                                 "rename one of them"))
        self._check_members()
        return found

    def _check_members(self) -> None:
        for each in self.overrides:
            names = self.members.get(each.entry)
            if each.member and names is not None and "%s-%d" % (each.entry, each.member) not in names:
                self.problems.append(Problem(each.where, "%s has no member %d" % (each.entry, each.member),
                                             "its members are %s" % (", ".join(names) or "none")))

    def _expand(self, layer: Layer) -> List[Guest]:
        """The guests of one entry: itself, or its members."""
        entry = layer.spec["name"]
        own = [each for each in self.overrides if each.entry == entry] if self.overrides else []
        over = [each.layer() for each in own if not each.member]
        base, below = self._base(layer, over)
        spec = merge_layers([layer], base)
        self._remember(own, entry, spec)
        layers = below + (layer,) + tuple(over)
        if over:
            spec = merge_layers(over, spec)
        fleet = {option.name: spec.pop(option.name) for option in FLEET_ONLY if option.name in spec}
        guest = self._guest(entry, layer.where, spec, layers, fleet)
        names = members.names_of(entry, fleet.get("count"))
        self.members[entry] = names
        self._check_entry(guest, len(names))
        if fleet.get("count") is None:
            members.distribute(spec, 0)
            return [self._finished(guest)]
        numbered = {number: [each for each in own if each.member == number] for number in range(1, len(names) + 1)}
        return [self._member(guest, name, number, numbered[number])
                for number, name in enumerate(names, 1)]

    def _base(self, layer: Layer, over: List[Layer]) -> Tuple[Spec, Tuple[Layer, ...]]:
        """What lies under an entry: the defaults and its profile, merged once for each profile."""
        name = next((each.spec["profile"] for each in reversed([layer] + over) if "profile" in each.spec), "")
        profile = self.profiles.get(name) if name else None
        if name and profile is None:
            place = next(each for each in reversed([layer] + over) if "profile" in each.spec)
            self.problems.append(Problem(place.path(("profile",)), "there is no profile %s" % name, did_you_mean(
                name, self.profiles, "declare it in profiles")))
        below = (self.defaults,) + ((profile,) if profile is not None else ())
        if name not in self._bases:
            self._bases[name] = merge_layers(below)
        return self._bases[name], below

    def _remember(self, own: List[override.Override], entry: str, spec: Spec) -> None:
        for each in own:
            self._below.setdefault((entry, each.member), copy_spec(spec))

    @staticmethod
    def _guest(name: str, where: str, spec: Spec, layers: Tuple[Layer, ...], fleet: Mapping[str, Any]) -> Guest:
        return Guest(name=name, entry=name, where=where, spec=spec, layers=layers, wish=fleet.get("engine", ""),
                     host=fleet.get("host", ""), after=tuple(fleet.get("after") or ()),
                     spread=fleet.get("spread", ""), together=fleet.get("together", ""))

    def _check_entry(self, guest: Guest, count: int) -> None:
        for problem in missing(GUEST, guest.spec, guest.where):
            self.problems.append(guest.translate(problem))
        members.check_single_values(guest, count, self.problems)
        members.check_ranges(guest, count, self.prefixes, self.problems)

    def _member(self, guest: Guest, name: str, number: int, own: List[override.Override]) -> Guest:
        over = [each.layer() for each in own]
        spec = copy_spec(guest.spec)
        if over:
            spec = merge_layers(over, spec)
        member = replace(guest, name=name, member=number, spec=spec, layers=guest.layers + tuple(over))
        if over:
            members.check_ranges(member, 1, self.prefixes, self.problems)
        members.distribute(spec, number)
        return self._finished(member)

    def _finished(self, guest: Guest) -> Guest:
        self.surroundings.complete(guest.spec)
        if not guest.ends:
            self.problems.extend(self.surroundings.problems_of(guest))
        return guest
