# Copyright: (c) 2026, flotilla.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A guest of a fleet that was called otherwise: who is renamed, who is left alone, and who is in the way."""

from __future__ import annotations

from typing import Any, Dict

import pytest
from ansible_collections.flotilla.virt.plugins.module_utils._reconcile.errors import DeclarationError

from .doubles import Host, statuses

OLD = {"name": "old", "state": "stopped", "cpus": 2}
NEW = {**OLD, "name": "db", "was": "old"}


def shop(*guests: Any, **more: Any) -> Dict[str, Any]:
    return {"name": "shop", "guests": list(guests), **more}


@pytest.fixture(name="host")
def _host() -> Host:
    """A host with the guest `old` of the fleet."""
    host = Host()
    host.run(shop(OLD))
    return host


def entry(result: Dict[str, Any], name: str) -> Dict[str, Any]:
    return next(item for item in result["results"] if item["name"] == name)


@pytest.mark.parametrize("more", [{}, {"prune": True}, {"only": ["db"]}, {"prune": True, "limits": {"removals": 0}}])
def test_it_is_renamed_and_nothing_is_removed(host: Host, more: Dict[str, Any]) -> None:
    result = host.laws(shop(NEW, {"name": "other", "state": "stopped"}, **more))
    assert [(change["path"], change["before"], change["after"]) for change in entry(result, "db")["plan"]] == [("name", "old", "db")]
    assert "old" not in statuses(result) and result["summary"]["removed"] == 0
    assert set(host.domain.stored) == ({"db"} if "only" in more else {"db", "other"})


def test_while_it_runs_it_is_pending_and_not_pruned(host: Host) -> None:
    host.run(shop(dict(OLD, state="running")))
    result = host.laws(shop(dict(NEW, state="running"), prune=True))
    assert entry(result, "db")["status"] == "pending" and entry(result, "db")["pending"][0]["path"] == "name"
    assert list(host.domain.stored) == ["old"] and result["summary"]["removed"] == 0
    done = host.laws(shop(dict(NEW, state="running", on_change="restart"), prune=True))
    assert entry(done, "db")["changed"] and list(host.domain.stored) == ["db"]


def test_the_approved_plan_is_that_one(host: Host) -> None:
    foreseen = host.run(shop(NEW), check_mode=True)
    assert host.run(shop(NEW), expect_plan=foreseen["plan_id"])["changed"] and list(host.domain.stored) == ["db"]


def test_others_may_come_after_it(host: Host) -> None:
    result = host.laws(shop(NEW, {"name": "web", "state": "stopped", "after": ["db"]}))
    assert statuses(result) == {"db": "changed", "web": "changed"}


def test_with_both_there_the_other_is_never_pruned(host: Host) -> None:
    host.run(shop(OLD, {"name": "db", "state": "stopped"}))
    result = host.laws(shop(NEW, prune=True))
    assert statuses(result)["old"] == "orphaned" and "db was called so, and is there too" in entry(result, "old")["msg"]
    assert set(host.domain.stored) == {"old", "db"}
    host.run(shop(dict(OLD, name="db"), prune=True))
    assert set(host.domain.stored) == {"db"}


def test_one_that_ends_leaves_the_other_alone(host: Host) -> None:
    host.laws(shop(dict(NEW, state="absent"), OLD))
    assert list(host.domain.stored) == ["old"]


@pytest.mark.parametrize("more", [{}, {"state": "absent"}])
def test_the_old_name_declared_too_stops_both(host: Host, more: Dict[str, Any]) -> None:
    result = host.run(shop(NEW, dict(OLD, cpus=7, **more), {"name": "web", "state": "stopped"}))
    for name in ("db", "old"):
        assert entry(result, name)["failed"] and "is to be renamed to db" in entry(result, name)["msg"]
    assert host.domain.stored["old"]["cpus"]["count"] == 2 and set(host.domain.stored) == {"old", "web"}


def test_once_renamed_another_may_be_called_so(host: Host) -> None:
    host.run(shop(NEW))
    result = host.laws(shop(NEW, OLD))
    assert statuses(result) == {"db": "unchanged", "old": "changed"}


def test_two_cannot_have_been_the_same(host: Host) -> None:
    with pytest.raises(DeclarationError, match=r"guests\[1\].was: old is the earlier name of db too"):
        host.run(shop(NEW, {"name": "web", "was": "old"}))


def test_an_entry_with_a_count_was_one_with_a_count(host: Host) -> None:
    host.run(shop({"name": "web", "count": 2, "state": "stopped"}))
    result = host.laws(shop(OLD, {"name": "front", "count": 3, "state": "stopped", "was": "web"}))
    assert [entry(result, name)["plan"][0]["path"] for name in ("front-1", "front-2", "front-3")] == ["name", "name", "state"]
    assert set(host.domain.stored) == {"old", "front-1", "front-2", "front-3"}


def test_a_container_has_no_earlier_name(host: Host) -> None:
    with pytest.raises(DeclarationError, match=r"guests\[0\].was.*lxc"):
        host.run(shop({"name": "web", "engine": "lxc", "image": "deb", "was": "elsewhere"}, images=[{"name": "deb", "rootfs": "/r"}]))


def test_a_guest_of_another_fleet_is_left_alone(host: Host) -> None:
    result = host.run(dict(shop(NEW), name="other"))
    assert "belongs to fleet 'shop'" in entry(result, "db")["msg"] and list(host.domain.stored) == ["old"]
