# Copyright: (c) 2026, flotilla.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The run of a fleet over one host, against doubles that keep what an engine keeps."""

from __future__ import annotations

from typing import Any, Dict, List

import pytest
from ansible_collections.flotilla.virt.plugins.module_utils._reconcile.annotation import Annotation
from ansible_collections.flotilla.virt.plugins.module_utils._reconcile.errors import DeclarationError, Refused
from ansible_collections.flotilla.virt.plugins.module_utils._reconcile.plan import FIRST_BOOT, Rule

from .doubles import RESTARTED, Host, Killed, statuses

NETWORKS = [{"name": "prod", "mode": "nat", "subnet": "10.20.0.0/24"}]
POOLS = [{"name": "fast", "path": "/srv/fast"}]
IMAGES = [{"name": "deb", "disk": "/d", "rootfs": "/r"}]


def shop(*guests: Any, **more: Any) -> Dict[str, Any]:
    params: Dict[str, Any] = {"name": "shop", "networks": NETWORKS, "pools": POOLS, "images": IMAGES, "guests": list(guests)}
    params.update(more)
    return params


DB = {"name": "db", "cpus": 2, "disks": [{"name": "root", "pool": "fast", "size": "1GiB"}], "nics": ["prod"]}
WEB = {"name": "web", "count": 2, "engine": "lxc", "image": "deb", "after": ["db"]}


@pytest.fixture(name="host")
def _host() -> Host:
    return Host()


def test_drivers_forget_what_they_read_before_pools_were_made(host: Host) -> None:
    host.run(shop(DB))
    assert host.done() == ["create pool fast", "create network prod", "forget", "create domain db"]
    host.run(shop(dict(DB, cpus=3)))
    assert "forget" not in host.done()


def test_pools_then_networks_then_guests_by_level(host: Host) -> None:
    result = host.laws(shop(WEB, DB))
    assert result["changed"] and result["summary"]["changed"] == 5 and result["summary"]["failed"] == 0
    fresh = Host()
    fresh.run(shop(WEB, DB))
    assert fresh.done()[:4] == ["create pool fast", "create network prod", "forget", "create domain db"]
    assert sorted(fresh.done()[4:]) == ["create container web-1", "create container web-2"]
    assert [entry["name"] for entry in result["results"]] == ["fast", "prod", "web-1", "web-2", "db"]


def test_an_unchanged_fleet_reads_each_kind_once(host: Host) -> None:
    host.run(shop(DB, WEB))
    for driver in (host.pool, host.network, host.domain, host.container):
        del driver.reads[:]
    assert host.run(shop(DB, WEB))["summary"]["unchanged"] == 5
    assert [len(driver.reads) for driver in (host.pool, host.network, host.domain, host.container)] == [1, 1, 1, 1]


def test_a_change_is_planned_under_its_guest(host: Host) -> None:
    host.run(shop(DB))
    result = host.laws(shop({**DB, "cpus": 4}))
    assert result["plan"] == [{"path": "db.cpus.count", "before": 2, "after": 4, "impact": "live"}]
    assert result["diff"] == {"before": {"db.cpus.count": 2}, "after": {"db.cpus.count": 4}}
    assert statuses(result) == {"fast": "unchanged", "prod": "unchanged", "db": "changed"}


def test_what_waits_for_a_restart_is_pending_in_every_run(host: Host) -> None:
    host.run(shop({**DB, "cpus": {"count": 2, "maximum": 4}}))
    params = shop({**DB, "cpus": {"count": 2, "maximum": 8}})
    assert host.run(params)["summary"]["pending"] == 1
    again = host.run(params)
    assert statuses(again)["db"] == "pending" and not again["changed"]


def test_the_diff_names_what_not_even_a_restart_brings(host: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    host.run(shop({**DB, "cpus": {"count": 2, "maximum": 4}}))
    monkeypatch.setattr(host.domain, "rule", lambda pattern: Rule(live=pattern != RESTARTED, reason=FIRST_BOOT))
    result = host.laws(shop({**DB, "cpus": {"count": 2, "maximum": 8}}))
    assert result["diff"]["after"] == {"db.cpus.maximum": 8} and result["diff"]["after_header"].endswith(": db.cpus.maximum")


def test_a_wrong_declaration_stops_the_run_before_the_first_step(host: Host) -> None:
    host.container.invalid["web-2"] = "nics[0].network"
    with pytest.raises(DeclarationError, match=r"guests\[0\].nics\[0\].network: is not on this host"):
        host.run(shop({**WEB, "nics": ["far"]}, DB))
    assert host.done() == []


def test_a_drivers_path_is_the_one_that_was_written(host: Host) -> None:
    host.domain.invalid["db"] = "nics[0].network"
    with pytest.raises(DeclarationError, match=r"defaults\.nics\[0\]\.network: is not on this host"):
        host.run(shop({"name": "db"}, defaults={"nics": [{"network": "far"}]}))


def test_one_guests_failure_is_its_own_and_those_after_it_are_skipped(host: Host) -> None:
    host.domain.fails.add("db")
    result = host.run(shop(WEB, DB, {"name": "other"}, {"name": "last", "after": ["web"]}))
    assert statuses(result) == {"fast": "changed", "prod": "changed", "web-1": "skipped", "web-2": "skipped", "db": "failed",
                                "other": "changed", "last": "skipped"}
    assert result["failed"] and "db: create db: the engine says no" in result["msg"]
    assert "1 of 7 failed: db" in result["msg"] and "Skipped after them: web-1, web-2, last" in result["msg"]
    skipped = {entry["name"]: entry["msg"] for entry in result["results"]}
    assert skipped["web-1"] == "skipped, since it comes after guest db, which failed or was skipped"
    assert result["failed_names"] == ["web-1", "web-2", "db", "last"]
    host.domain.fails.clear()
    assert host.run(shop(WEB, DB, {"name": "other"}, {"name": "last", "after": ["web"]}))["summary"]["changed"] == 4


def test_a_failed_pool_takes_only_the_guests_that_need_it(host: Host) -> None:
    host.pool.fails.add("fast")
    result = host.run(shop(DB, {"name": "diskless"}))
    assert statuses(result) == {"fast": "failed", "prod": "changed", "db": "skipped", "diskless": "changed"}


def test_adoption_and_foreign_fleets_are_that_guests_own_failure(host: Host) -> None:
    host.domain.stored["old"] = {"state": "stopped", "cpus": {"count": 1}}
    host.domain.stored["theirs"] = {"state": "stopped"}
    host.domain.notes["theirs"] = Annotation(fleet="other")
    params = shop({"name": "old", "cpus": 2}, {"name": "theirs"}, {"name": "mine"})
    foreseen = host.run(params, check_mode=True)
    result = host.run(params)
    assert statuses(result) == statuses(foreseen) == {
        "fast": "changed", "prod": "changed", "old": "failed", "theirs": "failed", "mine": "changed"}
    messages = {entry["name"]: entry["msg"] for entry in result["results"]}
    assert "adopt: true" in messages["old"] and "belongs to fleet 'other'" in messages["theirs"]
    assert host.domain.stored["old"]["cpus"] == {"count": 1}


def test_changing_the_engine_is_refused_for_that_guest(host: Host) -> None:
    host.run(shop({"name": "a", "engine": "lxc", "image": "deb"}))
    result = host.run(shop({"name": "a", "engine": "kvm"}, {"name": "b"}))
    assert statuses(result) == {"fast": "unchanged", "prod": "unchanged", "a": "failed", "b": "changed"}
    assert "The engine of a guest never changes" in result["msg"] and list(host.container.stored) == ["a"]


def test_auto_is_decided_once_and_says_why(host: Host) -> None:
    result = host.laws(shop({"name": "a", "engine": "auto", "image": "deb"}))
    entry = result["results"][-1]
    assert entry["engine"] == "lxc" and "this host has lxc" in entry["engine_reason"]
    host.engines = {}
    assert host.run(shop({"name": "a", "engine": "auto", "image": "deb"}))["results"][-1]["engine"] == "lxc"


# -- removing -------------------------------------------------------------------------------------------------------


def test_surplus_members_are_orphaned_until_prune(host: Host) -> None:
    host.run(shop(DB, {**WEB, "count": 3}))
    result = host.laws(shop(DB, {**WEB, "count": 1}))
    assert statuses(result)["web-2"] == statuses(result)["web-3"] == "orphaned"
    assert "prune: true would remove it" in result["results"][-1]["msg"] and len(host.container.stored) == 3
    pruned = host.laws(shop(DB, {**WEB, "count": 1}, prune=True))
    assert statuses(pruned)["web-2"] == "removed" and pruned["summary"]["removed"] == 2
    assert list(host.container.stored) == ["web-1"]


def test_prune_takes_only_what_this_fleet_made_and_nobody_declares(host: Host) -> None:
    host.run(shop({"name": "a"}, {"name": "moved"}, {"name": "kept", "protect": True}, {"name": "gone"}))
    host.domain.stored["adopted"] = {"state": "stopped"}
    host.domain.notes["adopted"] = Annotation(fleet="shop", created=False)
    host.domain.stored["stranger"] = {"state": "stopped"}
    host.domain.stored["theirs"] = {"state": "stopped"}
    host.domain.notes["theirs"] = Annotation(fleet="other", created=True)
    result = host.run(shop({"name": "a"}, prune=True, elsewhere=["moved"]))
    found = statuses(result)
    assert found["gone"] == "removed" and found["kept"] == "failed" and found["adopted"] == "orphaned"
    assert found["moved"] == "elsewhere" and "stranger" not in found and "theirs" not in found
    assert set(host.domain.stored) == {"a", "moved", "kept", "adopted", "stranger", "theirs"}
    assert "protected" in result["msg"]


def test_limits_stop_the_plan_whole(host: Host) -> None:
    host.run(shop(DB, {"name": "old"}))
    params = shop(DB, {"name": "old", "state": "absent"}, {"name": "new"}, limits={"removals": 0})
    for check_mode in (True, False):
        with pytest.raises(Refused, match="limits.removals is 0, and this plan would remove or make anew 1: guest old"):
            host.run(params, check_mode=check_mode)
        assert host.done() == []
    host.run(shop(DB, {"name": "old"}, {"name": "a"}))
    with pytest.raises(Refused, match="anew 2: guest old, domain a"):
        host.run(shop(DB, {"name": "old", "state": "absent"}, prune=True, limits={"removals": 1}))
    assert set(host.domain.stored) == {"db", "old", "a"}
    host.laws(dict(params, limits={"removals": 1}))


def test_removals_come_last_and_in_reverse_order(host: Host) -> None:
    host.run(shop(DB, WEB))
    gone = [{**DB, "state": "absent"}, {**WEB, "state": "absent"}, {"name": "new"}]
    absent: List[Any] = [dict(NETWORKS[0], state="absent")]
    host.run(shop(*gone, networks=absent, pools=[dict(POOLS[0], state="absent")]))
    done = host.done()
    assert done[0] == "create domain new" and sorted(done[1:3]) == ["remove container web-1", "remove container web-2"]
    assert done[3:] == ["remove domain db", "remove network prod", "remove pool fast"]


def test_released_guests_stay(host: Host) -> None:
    host.run(shop(DB))
    assert statuses(host.run(shop({**DB, "state": "released"})))["db"] == "released"
    assert "db" in host.domain.stored and "db" not in host.domain.notes


def test_a_network_that_is_no_longer_declared_is_reported(host: Host) -> None:
    host.run(shop({"name": "a"}))
    result = host.run(shop({"name": "a"}, networks=[]))
    assert statuses(result)["prod"] == "orphaned" and "prod" in host.network.stored


# -- approval, parts, batches ---------------------------------------------------------------------------------------


def test_only_the_approved_plan_runs(host: Host) -> None:
    approved = host.run(shop(DB), check_mode=True)["plan_id"]
    assert approved == host.run(shop(DB), check_mode=True)["plan_id"]
    with pytest.raises(Refused, match="the plan is no longer %s" % approved):
        host.run(shop({**DB, "cpus": 3}), expect_plan=approved)
    assert host.done() == []
    assert host.run(shop(DB), expect_plan=approved)["changed"]
    assert host.run(shop(DB), check_mode=True)["plan_id"] != approved


def test_only_touches_the_chosen_and_what_they_need(host: Host) -> None:
    host.run(shop(WEB, DB, only=["db"], pools=POOLS + [{"name": "slow", "path": "/s"}]))
    assert host.done() == ["create pool fast", "create network prod", "forget", "create domain db"]


def test_with_more_to_do_than_a_batch_only_names_come_back(host: Host) -> None:
    guests = [{"name": "g%d" % index, "after": ["db"]} for index in range(5)] + [DB]
    host.run(shop(*guests, {"name": "old"}))
    host.run(shop(*guests))
    params = shop(*[dict(guest, cpus=7) for guest in guests], prune=True)
    first = host.run(params, batch=4)
    assert first["batches"] == [["db", "g0", "g1", "g2"], ["g3", "g4"]] and first["removals_left"] and not first["changed"]
    assert host.done() == []
    for names in first["batches"]:
        assert host.run(dict(params, prune=False, only=names), phase="batch")["summary"]["changed"] == len(names)
    last = host.run(params, phase="removals")
    assert statuses(last) == {"old": "removed"}
    assert not host.run(params, batch=4)["changed"]


def test_a_small_change_needs_no_batches(host: Host) -> None:
    result = host.run(shop(DB, {"name": "a"}), batch=2)
    assert "batches" not in result and result["summary"]["changed"] == 4


def test_guests_after_one_that_failed_in_an_earlier_batch_are_skipped(host: Host) -> None:
    host.run(shop(networks=NETWORKS))
    host.domain.fails.add("db")
    assert statuses(host.run(shop(DB, WEB, only=["db"]), phase="batch")) == {"fast": "unchanged", "prod": "unchanged", "db": "failed"}
    params = shop(DB, WEB, only=["web-1"])
    assert statuses(host.run(params, phase="batch")) == {"web-1": "skipped"} and host.done() == []
    # Asked for alone, it is not in a batch: the user knows best.
    assert statuses(host.run(params, check_mode=True)) == {"web-1": "changed"}
    host.domain.fails.clear()
    host.run(shop(DB, only=["db"]))
    assert statuses(host.run(params, phase="batch")) == {"web-1": "changed"}


def test_a_guest_that_is_not_ready_holds_back_the_next_batch(host: Host) -> None:
    host.domain.unready.add("db")
    host.run(shop({**DB, "wait_for": "agent"}, only=["db"]), phase="batch")
    assert statuses(host.run(shop({**DB, "wait_for": "agent"}, WEB, only=["web"]), phase="batch")) == {"web-1": "skipped", "web-2": "skipped"}


# -- waiting --------------------------------------------------------------------------------------------------------


def test_waits_hold_no_lock_and_come_before_the_next_level(host: Host) -> None:
    held: List[bool] = []
    host.domain.meanwhile = lambda name: held.append(host.held)
    result = host.run(shop({**DB, "wait_for": "agent"}, WEB))
    assert held == [False] and not result["failed"]
    log = host.log
    assert log.index("create domain db") < log.index("wait db") < log.index("create container web-1")
    assert host.run(shop({**DB, "wait_for": "agent"}, WEB))["changed"] is False
    assert "wait db" not in host.done()


def test_a_guest_that_is_not_ready_fails_in_this_run_and_the_next(host: Host) -> None:
    host.domain.unready.add("db")
    for _run in range(2):
        result = host.run(shop({**DB, "wait_for": "agent"}, WEB, {"name": "other"}))
        found = statuses(result)
        assert found["db"] == "failed" and found["web-1"] == "skipped" and result["failed"]
        assert "not ready after 1 s" in result["msg"]
    assert found["other"] == "unchanged"


def test_what_another_run_did_meanwhile_is_seen(host: Host) -> None:
    def meddle(_name: str) -> None:
        host.container.stored["web-1"] = {"state": "stopped"}
        host.container.notes["web-1"] = Annotation(fleet="other")

    host.domain.meanwhile = meddle
    result = host.run(shop({**DB, "wait_for": "agent"}, WEB))
    assert statuses(result)["web-1"] == "failed" and "belongs to fleet 'other'" in result["msg"]
    assert statuses(result)["web-2"] == "changed"


def test_an_approved_plan_that_changes_while_waiting_is_refused(host: Host) -> None:
    params = shop({**DB, "wait_for": "agent"}, WEB)
    host.domain.meanwhile = lambda name: host.container.stored.update({"web-1": {"state": "stopped"}})
    approved = host.run(params, check_mode=True)["plan_id"]
    result = host.run(params, expect_plan=approved)
    assert statuses(result)["web-1"] == "failed" and list(host.container.stored["web-1"]) == ["state"]


# -- dying ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("threads", [1, 4])
def test_a_run_that_dies_at_any_step_is_finished_by_the_next(threads: int) -> None:
    params = shop(DB, WEB, {"name": "gone", "state": "absent"}, parallel=threads)
    steps: List[str] = []
    whole = Host()
    whole.run(shop({"name": "gone"}, pools=[], networks=[]))
    whole.run(params, hook=steps.append)
    assert len(steps) == 11
    for deadly in range(len(steps)):
        host = Host()
        host.run(shop({"name": "gone"}, pools=[], networks=[]))
        countdown = iter(range(deadly, -1, -1))

        def die(_text: str) -> None:
            if next(countdown, -1) == 0:
                raise Killed

        with pytest.raises(Killed):
            host.run(params, hook=die)
        assert not host.held
        host.run(params)
        for mine, theirs in ((host.domain, whole.domain), (host.container, whole.container), (host.pool, whole.pool)):
            assert mine.stored == theirs.stored and mine.live == theirs.live
        assert not host.run(params)["changed"]


def test_secrets_are_nowhere_in_the_result(host: Host) -> None:
    users = {"users": [{"name": "ops", "hashed_password": "hunter2"}]}
    first = host.run(shop({"name": "hunter", "cloud_init": users}), check_mode=True)
    second = host.run(shop({"name": "hunter", "cloud_init": users}))
    assert "hunter2" not in repr(first) + repr(second) and "'name': 'hunter'" in repr(second)
