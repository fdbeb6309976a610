# Copyright: (c) 2026, flotilla.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The filter that merges a fleet's files."""

from __future__ import annotations

import pytest
from ansible.errors import AnsibleFilterError
from ansible_collections.flotilla.virt.plugins.filter.merge_fleet import FilterModule

merge_fleet = FilterModule().filters()["merge_fleet"]


def test_parts_under_the_key_fleet_and_at_the_top_merge() -> None:
    merged = merge_fleet([{"fleet": {"name": "shop", "guests": [{"name": "a", "cpus": 1}]}}, {"guests": [{"name": "a", "cpus": 2}]}],
                         ["10.yml", "20.yml"])
    assert merged["fleet"] == {"name": "shop", "guests": [{"name": "a", "cpus": 2}]}
    assert merged["origins"]["guests[a].cpus"] == "20.yml"


@pytest.mark.parametrize("parts, sources, text", [
    ([["x"]], ["10.yml"], "10.yml: must be a dictionary"), ([{}], [], "a name for each"), ({}, [], "a list of parts"),
])
def test_parts_that_cannot_be_merged(parts, sources, text) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(AnsibleFilterError, match=text):
        merge_fleet(parts, sources)
