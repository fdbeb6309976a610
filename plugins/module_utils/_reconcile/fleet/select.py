# Copyright: (c) 2026, flotilla.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""`only`: which guests a run is about; and the rules of `prune`."""

from __future__ import annotations

from fnmatch import fnmatchcase
from typing import Dict, FrozenSet, Iterable, List, Mapping, Optional, Sequence, Set

from ..errors import Problem
from .layers import did_you_mean
from .model import Guest

_GLOB = frozenset("*?[")


def choose(patterns: Optional[Sequence[str]], guests: Mapping[str, Guest], elsewhere: Iterable[str],
           problems: List[Problem]) -> Optional[FrozenSet[str]]:
    """The names that `only` means, or None without it.

    A pattern is a guest's name, the name of an entry with a count, a glob such as `web-*`, or `tag:role=db`
    (`tag:role` for any value; the value may be a glob). A pattern that fits nothing is a problem.
    """
    if patterns is None:
        return None
    by_entry: Dict[str, List[str]] = {}
    for guest in guests.values():
        by_entry.setdefault(guest.entry, []).append(guest.name)
    others = set(elsewhere)
    chosen: Set[str] = set()
    for index, pattern in enumerate(patterns):
        found = _matching(pattern, guests, by_entry)
        if not found and not any(fnmatchcase(name, pattern) for name in others):
            problems.append(Problem("only[%d]" % index, "%r fits no guest of this fleet" % pattern, did_you_mean(
                pattern, list(by_entry) + list(guests), "write a name, a glob such as web-*, or tag:role=db")))
        chosen.update(found)
    return frozenset(chosen)


def _matching(pattern: str, guests: Mapping[str, Guest], by_entry: Mapping[str, List[str]]) -> List[str]:
    if pattern.startswith("tag:"):
        key, equals, value = pattern[4:].partition("=")
        return [name for name, guest in guests.items()
                if _tag_fits((guest.spec.get("tags") or {}).get(key), value if equals else "*")]
    if pattern in guests:
        return [pattern]
    if pattern in by_entry:
        return by_entry[pattern]
    if _GLOB.intersection(pattern):
        return [name for name in guests if fnmatchcase(name, pattern)]
    return []


def _tag_fits(tag: Optional[str], pattern: str) -> bool:
    return tag is not None and fnmatchcase(tag, pattern)


def check_prune(prune: bool, only: Optional[Sequence[str]], guests: Mapping[str, Guest]) -> List[Problem]:
    """Removing what is not declared needs a whole declaration: neither a part of it nor an empty one."""
    if not prune:
        return []
    if only is not None:
        return [Problem("prune", "cannot go with only, which leaves most guests out", "run it without only")]
    if not guests:
        return [Problem("prune", "would remove every guest of the fleet, since guests is empty",
                        "declare state: absent for guests that are to go")]
    return []
