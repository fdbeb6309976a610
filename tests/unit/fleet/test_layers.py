# Copyright: (c) 2026, flotilla.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Layering: defaults, profile, guest and `set`, short forms, and paths that say what the user wrote."""

from __future__ import annotations

import pytest
from ansible_collections.flotilla.virt.plugins.module_utils._reconcile.errors import Problem
from ansible_collections.flotilla.virt.plugins.module_utils._reconcile.fleet import HostFacts

from .support import one_problem, parsed, problems, resolved

GIB = 1 << 30
LXC = HostFacts(engines={"lxc": {"usable": True}})


def test_short_form_under_a_profiles_long_form_merges() -> None:
    fleet = parsed({"name": "db1", "profile": "db", "cpus": 2, "memory": "4GiB"},
                   profiles={"db": {"cpus": {"maximum": 8}, "memory": {"maximum": "16GiB"}}})
    spec = fleet.guests["db1"].spec
    assert spec["cpus"] == {"count": 2, "maximum": 8}
    assert spec["memory"] == {"size": 4 * GIB, "maximum": 16 * GIB}


def test_lists_merge_by_name_and_others_are_replaced() -> None:
    fleet = parsed(
        {"name": "a", "nics": [{"name": "lan", "address": "10.20.0.11/24"}], "tags": {"role": "db"},
         "cloud_init": {"packages": ["vim"], "users": [{"name": "ops", "groups": ["adm"]}]}},
        defaults={"nics": [{"name": "lan", "network": "prod"}], "tags": {"tier": "gold"},
                  "cloud_init": {"packages": ["curl", "jq"], "users": [{"name": "ops", "ssh_keys": ["k"]}]}})
    spec = fleet.guests["a"].spec
    assert spec["nics"]["lan"]["network"] == "prod" and spec["nics"]["lan"]["address"] == "10.20.0.11/24"
    assert spec["cloud_init"]["packages"] == ["vim"]
    assert spec["cloud_init"]["users"]["ops"] == {"name": "ops", "ssh_keys": ["k"], "groups": ["adm"]}
    assert spec["tags"] == {"tier": "gold", "role": "db"}


def test_null_is_undeclared_and_leaves_the_lower_layer() -> None:
    fleet = parsed({"name": "a", "protect": None, "cpus": {"count": None, "maximum": 4}}, defaults={"protect": True, "cpus": 2})
    assert fleet.guests["a"].spec == {"protect": True, "cpus": {"count": 2, "maximum": 4}}


def test_bridge_in_a_guest_takes_the_place_of_the_defaults_network() -> None:
    fleet = parsed({"name": "a", "nics": [{"name": "lan", "bridge": "br7"}]}, defaults={"nics": [{"name": "lan", "network": "prod"}]})
    assert fleet.guests["a"].spec["nics"]["lan"] == {"name": "lan", "bridge": "br7"}


def test_tags_named_network_and_bridge_are_only_tags() -> None:
    fleet = parsed({"name": "a", "tags": {"bridge": "x"}}, defaults={"tags": {"network": "y"}})
    assert fleet.guests["a"].spec["tags"] == {"network": "y", "bridge": "x"}


def test_disk_and_image_short_forms_become_the_root_disk() -> None:
    guest = resolved({"name": "a", "disk": "20GiB", "image": "debian-12", "disks": [{"name": "data", "size": "1GiB"}]},
                     defaults={"disks": [{"name": "root", "pool": "fast"}]})["a"]
    assert guest.spec["disks"]["root"] == {"name": "root", "pool": "fast", "size": 20 * GIB, "image": "debian-12"}
    assert list(guest.spec["disks"]) == ["root", "data"]
    assert "image" not in guest.spec


def test_the_guests_own_root_image_wins_over_the_defaults_short_form() -> None:
    images = [{"name": "old", "disk": "/o"}, {"name": "new", "disk": "/n"}]
    guest = resolved({"name": "a", "disks": [{"name": "root", "image": "new"}]}, defaults={"image": "old"}, images=images)["a"]
    assert guest.spec["disks"]["root"]["image"] == "new"


def test_one_guests_merge_never_reaches_another() -> None:
    fleet = parsed({"name": "a", "nics": [{"name": "lan", "address": "10.20.0.11/24"}]}, {"name": "b"},
                   defaults={"nics": [{"name": "lan", "network": "prod"}], "cloud_init": {"packages": ["vim"]}})
    fleet.guests["a"].spec["cloud_init"]["packages"].append("emacs")
    assert "address" not in fleet.guests["b"].spec["nics"]["lan"]
    assert fleet.guests["b"].spec["cloud_init"]["packages"] == ["vim"]


@pytest.mark.parametrize("guest, more, path, text", [
    ({"name": "a", "memory": "4096"}, {}, "guests[0].memory.size", "has no unit"),
    ({"name": "a", "memory": 4096}, {}, "guests[0].memory.size", "4096 has no unit"),
    ({"name": "a", "memry": "4GiB"}, {}, "guests[0].memry", "did you mean memory?"),
    ({"name": "a", "disks": [{"name": "d", "size": 5}]}, {}, "guests[0].disks[0].size", "has no unit"),
    ({"name": "a", "disk": {"sise": "5GiB"}}, {}, "guests[0].disk.sise", "did you mean size?"),
    ({"name": "a", "disk": "5GB"}, {}, "guests[0].disk.size", "'GB' is not a known unit"),
    ({"name": "a/b"}, {}, "guests[0].name", "is not a name"),
    ({"name": "a", "nics": [{"name": "n", "mac": 905283141}]}, {}, "guests[0].nics[0].mac", "quotes"),
    ({"memory": "1GiB"}, {}, "guests[0].name", "is required"),
    ("web", {}, "guests[0]", "must be a dictionary"),
    ({"name": "a", "profile": "dbs"}, {"profiles": {"db": {}}}, "guests[0].profile", "did you mean db?"),
    ({"name": "a"}, {"profiles": {"db": {"cpu": 2}}}, "profiles.db.cpu", "did you mean cpus?"),
    ({"name": "a"}, {"defaults": {"memory": 5}}, "defaults.memory.size", "has no unit"),
    ({"name": "a"}, {"defaults": {"name": "x"}}, "defaults.name", "is not an option"),
    ({"name": "a"}, {"networks": [{"name": "n", "subnet": "10.0.0.1/24"}]}, "networks[0].subnet", "the network is 10.0.0.0/24"),
    ({"name": "a"}, {"pools": [{"path": "/x"}]}, "pools[0].name", "is required"),
    ({"name": "a", "wait_for": {"timeout": 3}}, {}, "guests[0].wait_for.what", "is required"),
    ({"name": "a", "disk": "1GiB", "disks": [{"name": "root"}]}, {}, "guests[0].disk", "use one of the two"),
])
def test_mistakes_are_named_with_the_path_that_was_written(guest, more, path, text) -> None:  # type: ignore[no-untyped-def]
    found = one_problem(guest, **more)
    assert found[0] == path and text in found[1]


def test_every_mistake_is_told_at_once() -> None:
    found = problems({"name": "a", "memory": 1, "cpus": "x"}, {"name": "b", "disk": 3}, defaults={"state": "up"})
    assert [path for path, _text in found] == ["defaults.state", "guests[0].memory.size", "guests[0].cpus.count", "guests[1].disk.size"]


def test_two_guests_of_one_name_name_both_places() -> None:
    assert one_problem({"name": "a"}, {"name": "b"}, {"name": "a"}) == (
        "guests[2].name", "'a' is the name of guests[0] too (give each guest its own name)")


def test_required_is_asked_of_all_layers_together() -> None:
    fleet = parsed({"name": "a", "wait_for": "agent"}, defaults={"wait_for": {"timeout": 60}})
    assert fleet.guests["a"].spec["wait_for"] == {"timeout": 60, "what": "agent"}


def test_guests_that_are_no_list() -> None:
    assert one_problem(guests={"a": {}})[0] == "guests"


def test_a_drivers_problem_is_translated_to_what_was_written() -> None:
    guest = resolved({"name": "a", "disk": "5GiB", "disks": [{"name": "data", "size": "1GiB"}], "image": "debian-12"},
                     defaults={"disks": [{"name": "extra", "size": "1GiB"}, {"name": "data", "pool": "fast"}]})["a"]
    order = list(guest.spec["disks"])
    told = {name: guest.translate(Problem("guests[0].disks[%d].pool" % index, "x")).path for index, name in enumerate(order)}
    assert told["data"] == "defaults.disks[1].pool"
    assert guest.translate(Problem("guests[0].disks[data].size", "x")).path == "guests[0].disks[0].size"
    assert guest.translate(Problem("guests[0].disks[%d].size" % order.index("root"), "x")).path == "guests[0].disk.size"
    assert guest.translate(Problem("guests[0].disks[root].image", "x")).path == "guests[0].image"
    assert guest.translate(Problem("guests[0].disks[%d].size" % order.index("extra"), "x")).path == "defaults.disks[0].size"
    assert guest.translate(Problem("pools[0].path", "x")).path == "pools[0].path"


def test_defaults_apply_only_as_far_as_the_engine_has_them() -> None:
    guest = resolved({"name": "c", "engine": "lxc", "image": "debian-12"},
                     defaults={"virtualization": "prefer_kvm", "cpus": {"count": 2, "maximum": 4}, "agent": True})["c"]
    assert guest.spec == {"image": "debian-12", "cpus": {"count": 2}}


def test_what_an_engine_lacks_is_refused_in_guest_and_profile() -> None:
    path, text = one_problem({"name": "c", "engine": "lxc", "image": "debian-12", "cpus": {"maximum": 4}})
    assert path == "guests[0].cpus.maximum" and "engine lxc has no such option" in text
    path, _text = one_problem({"name": "c", "engine": "lxc", "image": "debian-12", "profile": "p"}, profiles={"p": {"agent": True}})
    assert path == "profiles.p.agent"


# -- set ------------------------------------------------------------------------------------------------------------


def test_set_is_typed_and_reported_as_drift() -> None:
    fleet = parsed({"name": "db1", "memory": "4GiB", "cpus": 2}, set={"db1.memory.size": "8GiB", "db1.cpus": "2"})
    assert fleet.guests["db1"].spec == {"memory": {"size": 8 * GIB}, "cpus": {"count": 2}}
    assert list(fleet.drift) == [{"path": "db1.memory.size", "declared": "4GiB", "set": "8GiB"}]


def test_set_reaches_items_members_and_names_with_dots() -> None:
    fleet = parsed({"name": "web", "count": 2, "disks": [{"name": "data", "size": "1GiB"}]}, {"name": "db.example.org"},
                   set={"web-2.disks[data].size": "2GiB", "db.example.org.autostart": "yes", "web.tags.role": "w"})
    guests = fleet.guests
    assert [guests[name].spec["disks"]["data"]["size"] // GIB for name in ("web-1", "web-2")] == [1, 2]
    assert guests["web-1"].spec["tags"] == {"role": "w"}
    assert guests["db.example.org"].spec == {"autostart": True}


def test_set_can_change_count_and_profile() -> None:
    fleet = parsed({"name": "web", "count": 2, "profile": "s"}, profiles={"s": {"cpus": 1}, "l": {"cpus": 8}},
                   set={"web.count": 1, "web.profile": "l"})
    assert {name: guest.spec for name, guest in fleet.guests.items()} == {"web-1": {"cpus": {"count": 8}}}


def test_set_of_the_short_disk_form() -> None:
    fleet = parsed({"name": "a", "disk": "1GiB"}, set={"a.disk": "3GiB"})
    assert fleet.guests["a"].spec["disks"]["root"]["size"] == 3 * GIB


def test_a_secret_that_is_set_is_masked_in_the_drift() -> None:
    fleet = parsed({"name": "a"}, set={"a.cloud_init.users[ops].hashed_password": "$6$secret"})
    assert fleet.guests["a"].spec["cloud_init"]["users"]["ops"]["name"] == "ops"
    assert "secret" not in repr(fleet)
    assert list(fleet.drift) == [{"path": "a.cloud_init.users[ops].hashed_password", "declared": None, "set": "********"}]


@pytest.mark.parametrize("path, value, text", [
    ("db2.memory.size", "8GiB", "did you mean db1?"),
    ("db1.memory.sise", "8GiB", "did you mean size?"),
    ("db1.memory.size", 8, "8 has no unit"),
    ("db1.disks", [], "names no single option"),
    ("db1", 3, "is no guest of this fleet"),
    ("web-7.cpus", 3, "web has no member 7"),
    ("web-1.count", 3, "cannot differ between the members"),
])
def test_mistakes_in_set(path, value, text) -> None:  # type: ignore[no-untyped-def]
    where, told = one_problem({"name": "db1"}, {"name": "web", "count": 2}, set={path: value})
    assert where == "set[%s]" % path and text in told


def test_what_follows_from_a_set_value_is_blamed_on_it() -> None:
    path, text = one_problem({"name": "a", "nics": [{"name": "lan", "network": "prod"}]}, set={"a.nics[lan].address": "10.9.0.1/24"})
    assert path == "set[a.nics[lan].address]" and "outside the network prod" in text
