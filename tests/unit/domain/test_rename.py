# Copyright: (c) 2026, flotilla.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A guest that gets a new name (`was`) is still that guest: nothing is made anew, and nothing of it is anybody else's."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from laws import laws
from laws.domain_cases import BASE
from laws.domain_lab import DomainLab, settled, test_host
from laws.wire import Wire

OLD = {**BASE, "autostart": True, "tags": {"role": "db"}}
NEW = {**OLD, "was": "old"}
RENAMED = {"name": ("old", "db", "live")}


@pytest.fixture(name="there")
def _there(lab: DomainLab) -> DomainLab:
    """A host with the guest `old`."""
    laws.converge(lab, "old", OLD)
    lab.earlier = "old"
    return lab


def names(lab: DomainLab) -> list[str]:
    return sorted(domain.name() for domain in lab.raw.listAllDomains())


def identity(lab: DomainLab, name: str) -> dict[str, str]:
    """The document but for the name and what is noted."""
    text = settled({"domain:%s stored" % name: lab.raw.lookupByName(name).XMLDesc(2)})
    return {key.replace(name, "x", 1): value.replace("<name>%s</name>" % name, "") for key, value in text.items()}


def test_it_is_one_entry_and_nothing_else_changes(there: DomainLab) -> None:
    before, volumes, note = identity(there, "old"), there.volumes(), there.annotation("old")
    result = laws.converge(there, "db", NEW)
    assert laws.entries(result) == RENAMED and names(there) == ["db"]
    assert (identity(there, "db"), there.volumes(), there.annotation("db")) == (before, volumes, note)
    assert result.status["orphaned"] == []
    # `was` may stay for ever, and may go.
    laws.assert_idempotent(there, "db", OLD)


def test_it_is_renamed_and_changed_in_one_run_and_then_started(there: DomainLab) -> None:
    result = laws.converge(there, "db", {**NEW, "title": "t", "state": "running", "disks": [*OLD["disks"], {
        "name": "more", "pool": "fast", "size": "1MiB"}], "nics": [*OLD["nics"], {"name": "second", "network": "dmz"}]})
    assert list(laws.entries(result)) == ["name", "state", "title", "disks[more]", "nics[second]"]
    assert [disk["volume"] for disk in result.spec["disks"]] == ["old-data.qcow2", "db-more.qcow2"]


def test_a_running_one_waits_and_says_so_in_every_run(there: DomainLab) -> None:
    laws.converge(there, "old", {**OLD, "state": "running"})
    running = {**NEW, "state": "running"}
    result = laws.converge(there, "db", {**running, "title": "t"})
    assert list(laws.entries(result)) == ["title"] and names(there) == ["old"]
    assert laws.pendings(result) == {"name": ("old", "db", "a guest gets another name only while it is off: declare on_change: restart,"
                                              " or run again while it is stopped")}
    restarted = laws.converge(there, "db", {**running, "title": "t", "on_change": "restart"})
    assert laws.entries(restarted) == {"name": ("old", "db", "restart")} and names(there) == ["db"]
    assert restarted.status["state"] == "running" and not restarted.pending


def test_one_that_is_declared_stopped_is_stopped_and_renamed(there: DomainLab) -> None:
    laws.converge(there, "old", {**OLD, "state": "running"})
    result = laws.converge(there, "db", NEW)
    assert list(laws.entries(result)) == ["name", "state"] and names(there) == ["db"] and result.status["state"] == "stopped"


def test_with_no_guest_of_either_name_one_is_made(lab: DomainLab) -> None:
    assert list(laws.entries(laws.converge(lab, "db", NEW))) == ["state"] and names(lab) == ["db"]


def test_with_both_there_nobody_is_renamed(there: DomainLab) -> None:
    laws.converge(there, "db", {**BASE, "nics": []})
    there.earlier = ""
    laws.converge(there, "db", {**BASE, "nics": [], "was": "old"})
    assert names(there) == ["db", "old"]


def test_only_its_own_name_counts_for_an_end(there: DomainLab) -> None:
    there.earlier = ""
    assert laws.converge(there, "db", {"state": "absent", "was": "old"}).plan == [] and names(there) == ["old"]


def test_a_name_that_is_its_own_or_none_is_refused(there: DomainLab) -> None:
    laws.assert_refused(there, "old", {**OLD, "was": "old"}, "was: is the guest's own name")
    laws.assert_refused(there, "no/name", NEW, "name: ")


def test_a_guest_of_another_fleet_is_not_renamed(there: DomainLab) -> None:
    laws.assert_refused(there, "db", NEW, "domain old belongs to fleet 'shop'", fleet="other")


@pytest.mark.parametrize("state", ["stopped", "running"])
def test_a_guest_of_nobody_is_renamed_with_adopt(there: DomainLab, state: str) -> None:
    laws.converge(there, "old", {**OLD, "state": state})
    there.must("old", {"state": "released"})
    wanted = {**NEW, "state": state, "on_change": "restart"}
    laws.assert_refused(there, "db", wanted, "domain old is there already", "name old -> db")
    laws.assert_refused(there, "db", {**NEW, "state": state, "on_change": "live"}, "domain old is there already", "name old -> db")
    laws.converge(there, "db", {**wanted, "adopt": True})
    assert names(there) == ["db"]


def test_its_volumes_are_still_its_own_and_go_with_it(there: DomainLab) -> None:
    laws.converge(there, "db", NEW)
    there.must("db", {"state": "absent", "remove_storage": True})
    assert there.volumes() == []


def test_a_new_guest_of_the_old_name_is_told_what_it_may_not_share(there: DomainLab) -> None:
    laws.converge(there, "db", NEW)
    there.earlier = ""
    laws.assert_refused(there, "old", OLD, "is that of domain db", "another uuid")
    own = {**OLD, "uuid": "11111111-2222-4333-8444-555555555555"}
    laws.assert_refused(there, "old", own, "is used by domain db already", "a volume old-data.qcow2 is in pool fast already")
    laws.converge(there, "old", {**own, "nics": [{"name": "lan", "network": "lan", "mac": "52:54:00:11:22:33"}],
                                 "disks": [{"name": "data", "pool": "fast", "size": "1MiB", "volume": "old-second.qcow2"}]})
    assert names(there) == ["db", "old"]


@pytest.mark.parametrize(("first", "then"), [
    ({}, {}), ({}, {"state": "running", "title": "t"}), ({"state": "running"}, {"state": None, "on_change": "restart", "title": "t"})])
def test_it_survives_being_killed_anywhere(tmp_path: Path, first: dict[str, Any], then: dict[str, Any]) -> None:
    def fresh() -> tuple[DomainLab, Wire]:
        lab = test_host(tmp_path)
        lab.must("old", {**OLD, **first})
        return lab, lab.wire

    places = laws.assert_killed_runs_are_finished(fresh, "db", {name: value for name, value in {**NEW, **then}.items() if value is not None}, same=settled)
    assert places >= 1 + len(then)
