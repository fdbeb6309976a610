# Copyright: (c) 2026, flotilla.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Merging a declaration that is split over files, with where each value came from."""

from __future__ import annotations

from typing import Any, Dict

import pytest
from ansible_collections.flotilla.virt.plugins.module_utils._reconcile.errors import DeclarationError
from ansible_collections.flotilla.virt.plugins.module_utils._reconcile.merge import copy_spec, merge_sources, merge_specs
from hypothesis import given
from hypothesis import strategies as st

SPECS = st.recursive(st.one_of(st.integers(), st.text(max_size=3), st.lists(st.integers(), max_size=2)),
                     lambda inner: st.dictionaries(st.sampled_from("abc"), inner, max_size=3), max_leaves=8)
DICTS = st.dictionaries(st.sampled_from("abc"), SPECS, max_size=3)


@given(DICTS, DICTS)
def test_the_higher_layer_wins_and_nothing_is_lost(low: Dict[str, Any], high: Dict[str, Any]) -> None:
    merged = merge_specs(low, high)
    assert set(merged) == set(low) | set(high)
    assert merge_specs(merged, high) == merged
    assert merge_specs({}, high) == high and merge_specs(low, {}) == low


@given(DICTS, DICTS, DICTS)
def test_layers_can_be_merged_in_any_grouping(a: Dict[str, Any], b: Dict[str, Any], c: Dict[str, Any]) -> None:
    # Not where a dictionary meets a scalar: there the middle layer decides what the highest one meets.
    if merge_specs(a, merge_specs(b, c)) != merge_specs(merge_specs(a, b), c):
        kinds = [dict(_kinds(spec)) for spec in (a, b, c)]
        assert any(len({each.get(path) for each in kinds if path in each}) > 1 for path in kinds[0])


def _kinds(spec: Any, path: str = "") -> Any:
    for key, value in spec.items():
        yield path + key, isinstance(value, dict)
        if isinstance(value, dict):
            yield from _kinds(value, path + key + ".")


@given(DICTS)
def test_a_copy_shares_nothing(spec: Dict[str, Any]) -> None:
    copy = copy_spec(spec)
    assert copy == spec and not _shared(copy, spec)


def _shared(one: Any, other: Any) -> bool:
    if isinstance(one, (dict, list)) and one is other:
        return True
    return isinstance(one, dict) and any(_shared(one[key], other[key]) for key in one)


def test_files_merge_with_their_origins() -> None:
    merged = merge_sources([
        ("10-base.yml", {"name": "shop", "guests": [{"name": "db1", "cpus": 2, "nics": ["lan"]}], "limits": {"removals": 0}}),
        ("20-web.yml", {"guests": [{"name": "web"}, {"name": "db1", "cpus": 4, "memory": "2GiB"}], "hosts": ["a", "b"]}),
        ("variable", {"hosts": ["c"], "limits": None}),
    ])
    assert merged.value == {
        "name": "shop", "limits": {"removals": 0}, "hosts": ["c"],
        "guests": [{"name": "db1", "cpus": 4, "nics": ["lan"], "memory": "2GiB"}, {"name": "web"}]}
    assert merged.origins == {
        "name": "10-base.yml", "guests[db1].name": "20-web.yml", "guests[db1].cpus": "20-web.yml",
        "guests[db1].nics": "10-base.yml", "guests[db1].memory": "20-web.yml", "guests[web].name": "20-web.yml",
        "limits.removals": "10-base.yml", "hosts": "variable"}


def test_a_short_form_gives_way_with_its_origin() -> None:
    merged = merge_sources([("a", {"cpus": {"count": 2}}), ("b", {"cpus": 3})])
    assert merged.value == {"cpus": 3} and merged.origins == {"cpus": "b"}


@pytest.mark.parametrize("sources, path, text", [
    ([("a.yml", ["x"])], "a.yml", "must be a dictionary, not a list"),
    ([("a", {"guests": [{"name": "x"}]}), ("b", {"guests": {"x": {}}})], "guests", "is a dictionary in b and a list in a"),
    ([("a", {"guests": [{"name": "x"}, {"name": "x"}]})], "guests[1]", "'x' is there twice in a"),
])
def test_sources_that_do_not_fit(sources, path, text) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(DeclarationError) as caught:
        merge_sources(sources)
    assert caught.value.problems[0].path == path and text in caught.value.problems[0].problem
