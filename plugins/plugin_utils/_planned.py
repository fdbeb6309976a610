# Copyright: (c) 2026, flotilla.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The guests that fleet files declare: just what the inventory shows of one that does not exist yet. Pure.

A fleet file is written for a play: passwords, images and addresses in it are often templates over variables that an
inventory does not have. So only what names and places a guest is looked at here, and the rest is never touched.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Callable, Dict, Iterable, List, Mapping, Sequence, Tuple

from ansible_collections.flotilla.virt.plugins.module_utils._reconcile import grammar, kinds, schema
from ansible_collections.flotilla.virt.plugins.module_utils._reconcile.errors import Problem, raise_if_any
from ansible_collections.flotilla.virt.plugins.module_utils._reconcile.fleet.members import names_of

# Gives the value of what may be a template; raises ValueError for one that cannot be told.
Resolve = Callable[[Any], Any]
OPTIONS: Tuple[schema.Option, ...] = (
    schema.Option("name", "name"),
    schema.Option("engine", "str", choices=grammar.ENGINES + ("auto",)),
    schema.Option("count", "int"),
    schema.Option("profile", "str"),
    schema.Option("host", "str"),
) + tuple(option for option in grammar.GUEST if option.name in ("state", "tags", "was"))
ENDED = ("absent", "released")


@dataclass(frozen=True)
class Declared:
    """One guest that a fleet declares, members spelled out. An empty host means that it is placed."""

    name: str
    fleet: str
    engine: str
    host: str
    tags: Mapping[str, str]
    was: str = ""


@dataclass
class Declarations:
    """What all fleet files together declare: for each fleet its hosts and guests."""

    hosts: Dict[str, Tuple[str, ...]] = field(default_factory=dict)
    guests: List[Declared] = field(default_factory=list)


def read_fleets(files: Sequence[Tuple[str, Any]], resolve: Resolve) -> Declarations:
    """The declared guests of files, given as (name, content); parts of one fleet may be in several.

    Raises DeclarationError with every problem, each with file and path.
    """
    problems: List[Problem] = []
    parts: Dict[str, List[Tuple[str, Mapping[str, Any]]]] = {}
    for file, content in files:
        fleet = _fleet_of(file, content, problems)
        name = _resolved(resolve, fleet.get("name"), "%s: fleet.name" % file, problems)
        if fleet and not name:
            problems.append(Problem("%s: fleet.name" % file, "is required", "write the fleet's name in each of its files"))
        elif fleet:
            parts.setdefault(str(name), []).append(("%s: fleet" % file, fleet))
    found = Declarations()
    for name, pieces in parts.items():
        found.hosts[name] = tuple(str(host) for _where, piece in pieces for host in piece.get("hosts") or ())
        found.guests.extend(_Fleet(name, pieces, resolve, problems).guests())
    raise_if_any(problems)
    return found


def _fleet_of(file: str, content: Any, problems: List[Problem]) -> Mapping[str, Any]:
    fleet = content.get("fleet") if isinstance(content, Mapping) else None
    if isinstance(fleet, Mapping):
        return fleet
    problems.append(Problem(file, "has no dictionary `fleet`", "name a YAML file of variables with one"))
    return {}


class _Fleet:
    """The parts of one fleet, in the order of their files."""

    def __init__(self, name: str, pieces: Sequence[Tuple[str, Mapping[str, Any]]], resolve: Resolve,
                 problems: List[Problem]) -> None:
        self.name = name
        self.pieces = pieces
        self.resolve = resolve
        self.problems = problems

    def guests(self) -> Iterable[Declared]:
        """Its guests that are to exist."""
        below = self._layered("defaults", lambda where, piece: [("", where, piece.get("defaults"))]).get("", {})
        profiles = self._layered("profiles", lambda where, piece: [
            (str(name), "%s.%s" % (where, name), raw) for name, raw in self._mapping(where, piece.get("profiles"))])
        entries = self._layered("guests", self._entries)
        for name, own in entries.items():
            if own.get("profile") and own["profile"] not in profiles:
                self.problems.append(Problem("fleet %s: guest %s" % (self.name, name), "its profile %s is not declared" % own["profile"],
                                             "declare it in profiles, in a file that fleet_files names"))
            merged: Dict[str, Any] = {}
            for layer in (below, profiles.get(own.get("profile", ""), {}), own):
                tags = {**merged.get("tags", {}), **layer.get("tags", {})}
                merged = {**merged, **layer, "tags": tags}
            if merged.get("state") not in ENDED:
                yield from self._members(name, merged)

    def _members(self, name: str, merged: Mapping[str, Any]) -> Iterable[Declared]:
        earlier = names_of(merged.get("was", ""), merged.get("count"))
        for each, was in zip(names_of(name, merged.get("count")), earlier):
            yield Declared(each, self.name, merged.get("engine", "kvm"), merged.get("host", ""), merged["tags"], was if merged.get("was") else "")

    def _layered(self, kind: str, entries: Callable[[str, Mapping[str, Any]], Iterable[Tuple[str, str, Any]]]) -> Dict[str, Dict[str, Any]]:
        """All layers of a kind by name; a later file adds to an earlier one."""
        found: Dict[str, Dict[str, Any]] = {}
        for where, piece in self.pieces:
            for name, path, raw in entries("%s.%s" % (where, kind), piece):
                layer = found.setdefault(name, {})
                read = self._read(raw, path)
                layer.update(read, tags={**layer.get("tags", {}), **(read.get("tags") or {})})
        return found

    def _read(self, raw: Any, path: str) -> schema.Spec:
        """The options that the inventory knows, of one layer."""
        known = {}
        for option in OPTIONS:
            if isinstance(raw, Mapping) and raw.get(option.name) is not None:
                known[option.name] = _resolved(self.resolve, raw[option.name], "%s.%s" % (path, option.name), self.problems)
        return schema.parse(OPTIONS, {name: value for name, value in known.items() if value is not None}, path, self.problems)

    def _entries(self, where: str, piece: Mapping[str, Any]) -> Iterable[Tuple[str, str, Any]]:
        raw = piece.get("guests") or []
        if not isinstance(raw, (list, tuple)):
            self.problems.append(Problem(where, "must be a list, not %s" % kinds.describe(raw), "start each guest with a dash"))
            return
        for index, entry in enumerate(raw):
            path = "%s[%d]" % (where, index)
            name = entry.get("name") if isinstance(entry, Mapping) else None
            name = _resolved(self.resolve, name, path + ".name", self.problems)
            if name:
                yield str(name), path, entry
            else:
                self.problems.append(Problem(path + ".name", "is required", "give each guest its own name"))

    def _mapping(self, where: str, raw: Any) -> Iterable[Tuple[Any, Any]]:
        if raw is None or isinstance(raw, Mapping):
            return list((raw or {}).items())
        self.problems.append(Problem(where, "must be a dictionary, not %s" % kinds.describe(raw), "write each under its name"))
        return []


def _resolved(resolve: Resolve, value: Any, path: str, problems: List[Problem]) -> Any:
    try:
        return resolve(value)
    except ValueError as error:
        problems.append(Problem(path, str(error), "the inventory needs this value: write it out, or pass it as an extra variable"))
        return None
