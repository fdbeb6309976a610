# Copyright: (c) 2026, flotilla.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The laws for domains, in process, on libvirt's test driver: breadth. tests/system/domain has the same for real."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from laws import domain_cases, laws
from laws.domain_cases import BASE, CASES, GONE, KEEPS, Case
from laws.domain_lab import DomainLab, at, declare, gone, settled, test_host

from ansible_collections.flotilla.virt.plugins.module_utils._libvirt.domain import table
from ansible_collections.flotilla.virt.plugins.module_utils._reconcile import grammar, schema

IN_PROCESS = [pytest.param(case, id=case.pattern) for case in CASES if not case.real]


def declared_by_cases() -> set[str]:
    """The options that some declaration of the cases has, so that they have been through the laws."""
    found: set[str] = set()

    def walk(value: Any, place: str) -> None:
        found.add(place)
        if isinstance(value, dict):
            for name, below in value.items():
                walk(below, "%s.%s" % (place, name) if place else name)
        elif isinstance(value, list):
            for item in value:
                walk(item, place + "[]")

    for case in CASES:
        for value in (case.first, case.second):
            walk(declare(case, value), "")
    return found


def test_every_row_and_every_option_is_exercised() -> None:
    options: set[str] = set()
    controls: set[str] = set()

    def note(pattern: str, option: schema.Option) -> None:
        steers = option.control or any(pattern.startswith(other + ".") for other in controls)
        if steers:
            controls.add(pattern)
        elif not option.engines or "kvm" in option.engines:
            options.add(pattern)

    schema.walk(grammar.GUEST, note)
    tested = declared_by_cases() | set(domain_cases.ELSEWHERE)
    assert options - tested == set(), "options of the grammar without a test"
    assert (set(table.FIELDS) | set(table.THINGS)) - tested == set(), "rows of the table without a test"
    for pattern in options:
        dictionary = any(other.startswith(pattern + ".") for other in options)
        known = pattern in table.FIELDS or {pattern, pattern + "[]"} & set(table.THINGS) or table.is_seed_option(pattern)
        assert known or dictionary or pattern in grammar.GUEST_SHORT_FORMS, "%s has no row" % pattern


def test_every_row_has_an_option() -> None:
    known: set[str] = set()
    schema.walk(grammar.GUEST, lambda pattern, option: known.add(pattern))
    assert set(table.FIELDS) <= known


@pytest.mark.parametrize("case", IN_PROCESS)
def test_an_option_is_set_changed_and_taken_back(lab: DomainLab, case: Case) -> None:
    laws.converge(lab, "web", declare(case, case.first))
    if case.fixed:
        return
    second = laws.converge(lab, "web", declare(case, case.second))
    assert len(second.plan) == (0 if case.same else case.entries), second.plan
    kept = at(second.spec, case.pattern)
    if case.stays:
        return
    last = laws.converge(lab, "web", declare(case, None))
    expected = kept if case.taken_back is KEEPS else case.taken_back
    if expected is GONE:
        assert gone(last.spec, case), last.spec
        return
    assert at(last.spec, case.pattern) == expected
    assert len(last.plan) == (0 if expected == kept else 1), last.plan


@pytest.mark.parametrize("case", IN_PROCESS)
def test_an_option_declared_later_is_enforced(lab: DomainLab, case: Case) -> None:
    # What a creation cannot do without starts with another value instead of none.
    needed = case.stays or case.pattern in ("memory.size", "nics[].network")
    if case.fixed:
        return
    laws.converge(lab, "web", declare(case, case.second if needed else None))
    result = laws.converge(lab, "web", declare(case, case.first))
    assert len(result.plan) <= case.entries, result.plan


@pytest.mark.parametrize("case", IN_PROCESS)
def test_an_option_survives_being_killed_anywhere(tmp_path: Path, case: Case) -> None:
    def fresh() -> Any:
        lab = test_host(tmp_path)
        return lab, lab.wire

    if case.fixed or case.same:
        laws.assert_killed_runs_are_finished(fresh, "web", declare(case, case.first), same=settled)
    else:
        laws.assert_killed_runs_are_finished(fresh, "web", declare(case, case.second), [declare(case, case.first)], settled)


def test_a_creation_survives_being_killed_anywhere(tmp_path: Path) -> None:
    def fresh() -> Any:
        lab = test_host(tmp_path)
        return lab, lab.wire

    raw = {name: value for name, value in BASE.items() if name != "state"}
    places = laws.assert_killed_runs_are_finished(fresh, "web", dict(raw, autostart=True), same=settled)
    assert places >= 4
