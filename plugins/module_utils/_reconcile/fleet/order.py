# Copyright: (c) 2026, flotilla.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""`after`: who comes before whom."""

from __future__ import annotations

from dataclasses import replace
from typing import Dict, List, Mapping, Sequence, Set, Tuple

from ..errors import Problem
from .layers import did_you_mean
from .model import Guest


def ordered(guests: Mapping[str, Guest], members: Mapping[str, Sequence[str]], elsewhere: Set[str],
            problems: List[Problem]) -> Dict[str, Guest]:
    """The guests with `after` spelled out (an entry with a count is all its members) and their levels.

    A guest's level is 0 when nothing comes before it, else one more than the highest of those before it. Names in
    `elsewhere` are known and take no part. An unknown name and a cycle are problems.
    """
    if not any(guest.after for guest in guests.values()):
        return dict(guests)
    before = {name: _spelled_out(guest, guests, members, elsewhere, problems) for name, guest in guests.items()}
    levels: Dict[str, int] = {}
    reported: Set[str] = set()
    for name in guests:
        _level(name, before, levels, guests, reported, problems)
    return {name: replace(guest, after=before[name], level=levels.get(name, 0)) for name, guest in guests.items()}


def _spelled_out(guest: Guest, guests: Mapping[str, Guest], members: Mapping[str, Sequence[str]],
                 elsewhere: Set[str], problems: List[Problem]) -> Tuple[str, ...]:
    names: List[str] = []
    for index, word in enumerate(guest.after):
        if word in members:
            names.extend(members[word])
        elif word in guests:
            names.append(word)
        elif word not in elsewhere:
            problem = Problem("%s[%d]" % (guest.written(("after",)), index), "%r is no guest of this fleet" % word,
                              did_you_mean(word, list(members) + list(guests), "declare it, or remove it here"))
            if problem not in problems:
                problems.append(problem)
    return tuple(dict.fromkeys(names))


def _level(start: str, before: Mapping[str, Sequence[str]], levels: Dict[str, int], guests: Mapping[str, Guest],
           reported: Set[str], problems: List[Problem]) -> None:
    """Depth-first with a stack of its own: chains may be longer than Python's recursion limit."""
    if start in levels:
        return
    path: List[str] = [start]
    waiting: List[List[str]] = [list(reversed(before[start]))]
    on_path = {start}
    while path:
        name = path[-1]
        if waiting[-1]:
            following = waiting[-1].pop()
            if following in on_path:
                _report_cycle(path[path.index(following):], guests, reported, problems)
            elif following not in levels:
                path.append(following)
                on_path.add(following)
                waiting.append(list(reversed(before[following])))
            continue
        levels[name] = 1 + max((levels[other] for other in before[name] if other in levels), default=-1)
        on_path.discard(name)
        path.pop()
        waiting.pop()


def _report_cycle(cycle: List[str], guests: Mapping[str, Guest], reported: Set[str], problems: List[Problem]) -> None:
    entries = [guests[name].entry for name in cycle]
    if reported & set(entries):
        return
    reported.update(entries)
    first = guests[cycle[0]]
    problems.append(Problem(first.written(("after",)), "the order goes round in a circle: %s comes after %s" % (
        cycle[0], ", which comes after ".join(cycle[1:] + cycle[:1])), "remove one of these"))
