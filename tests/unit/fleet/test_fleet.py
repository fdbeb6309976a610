# Copyright: (c) 2026, flotilla.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""`count`, addresses, networks, order, selection, hosts, prune and engines."""

from __future__ import annotations

import ipaddress

import pytest
from ansible_collections.flotilla.virt.plugins.module_utils._reconcile.errors import DeclarationError
from ansible_collections.flotilla.virt.plugins.module_utils._reconcile.fleet import HostFacts, Present, resources_here
from hypothesis import given
from hypothesis import strategies as st

from .support import DEBIAN, LAB, PROD, one_problem, parsed, problems, resolved

WEB = {"name": "web", "count": 3, "nics": [{"name": "lan", "network": "prod", "address": {"from": "10.20.0.21/24"}}]}


def lxc(*engines: str) -> HostFacts:
    return HostFacts(engines={name: {"usable": True} for name in engines})


# -- count ----------------------------------------------------------------------------------------------------------


def test_members_get_their_own_addresses() -> None:
    guests = parsed(WEB).guests
    assert {name: guest.spec["nics"]["lan"]["address"] for name, guest in guests.items()} == {
        "web-1": "10.20.0.21/24", "web-2": "10.20.0.22/24", "web-3": "10.20.0.23/24"}
    assert [guest.where for guest in guests.values()] == ["guests[0]"] * 3


def test_count_zero_declares_nobody_and_one_is_still_numbered() -> None:
    assert not parsed({"name": "web", "count": 0}).guests
    assert list(parsed({"name": "web", "count": 1}).guests) == ["web-1"]


@pytest.mark.parametrize("item, path, text", [
    ({"nics": [{"name": "lan", "address": "10.20.0.21/24"}]}, "nics[0].address", "write address: {from: 10.20.0.21/24}"),
    ({"nics": [{"name": "lan", "mac": "52:54:00:00:00:01"}]}, "nics[0].mac", "one value for the 2 members"),
    ({"disks": [{"name": "d", "file": "/x"}]}, "disks[0].file", "one value for the 2 members"),
    ({"nics": [{"name": "lan", "address": {"from": "10.20.0.254/24"}}]}, "nics[0].address", "whose last one is 10.20.0.254"),
    ({"nics": [{"name": "lan", "address": {"form": "10.20.0.4/24"}}]}, "nics[0].address", "{from: ADDRESS}"),
    ({"nics": [{"name": "lan", "address": {"from": "10.20.0.4"}}]}, "nics[0].address", "no prefix length"),
])
def test_values_that_members_cannot_share(item, path, text) -> None:  # type: ignore[no-untyped-def]
    where, told = one_problem({"name": "web", "count": 2, **item})
    assert where == "guests[0]." + path and text in told


def test_a_members_name_that_another_guest_has() -> None:
    assert one_problem({"name": "web-2"}, {"name": "web", "count": 2}) == (
        "guests[1]", "its member web-2 has the name of guests[0] (rename one of them)")


@given(st.integers(0, 60), st.integers(1, 250), st.integers(24, 30))
def test_addresses_are_consecutive_and_inside_or_refused(count: int, first: int, prefix: int) -> None:
    start = ipaddress.ip_interface("10.50.0.%d/%d" % (first, prefix))
    entry = {"name": "web", "count": count, "nics": [{"name": "lan", "bridge": "br0", "address": {"from": str(start)}}]}
    last = int(start.ip) + max(count, 1) - 1
    if last >= int(start.network.broadcast_address):
        assert "leave its network" in problems(entry)[0][1]
        return
    found = [guest.spec["nics"]["lan"]["address"] for guest in parsed(entry).guests.values()]
    assert found == ["%s/%d" % (start.ip + offset, prefix) for offset in range(count)]


# -- networks -------------------------------------------------------------------------------------------------------


def test_gateway_dns_and_prefix_come_from_the_network() -> None:
    nic = parsed({"name": "a", "nics": [{"name": "lan", "network": "prod", "address": "10.20.0.9"}]}).guests["a"].spec["nics"]["lan"]
    assert nic == {"name": "lan", "network": "prod", "address": "10.20.0.9/24", "gateway": "10.20.0.1", "dns": ["10.20.0.2"]}


def test_a_nat_network_without_gateway_has_its_first_address_as_gateway_and_dns() -> None:
    nic = parsed({"name": "a", "nics": [{"network": "lab", "address": "10.30.0.9/24"}]}).guests["a"].spec["nics"]["lab"]
    assert nic["gateway"] == "10.30.0.1" and nic["dns"] == ["10.30.0.1"]


def test_a_guest_on_dhcp_gets_nothing() -> None:
    assert parsed({"name": "a", "nics": ["prod"]}).guests["a"].spec["nics"] == {"prod": {"name": "prod", "network": "prod"}}


def test_only_one_nic_gets_the_default_route() -> None:
    nics = [{"network": "prod", "address": "10.20.0.9"}, {"network": "lab", "address": "10.30.0.9"}]
    found = parsed({"name": "a", "nics": nics}).guests["a"].spec["nics"]
    assert found["prod"]["gateway"] == "10.20.0.1" and "gateway" not in found["lab"]
    nics[1]["gateway"] = "10.30.0.7"
    found = parsed({"name": "a", "nics": nics}).guests["a"].spec["nics"]
    assert "gateway" not in found["prod"] and found["lab"]["gateway"] == "10.30.0.7"


@pytest.mark.parametrize("address, text", [
    ("10.21.0.9/24", "outside the network prod (10.20.0.0/24)"),
    ("10.20.0.9/16", "another prefix length"),
    ("10.20.0.1/24", "is the gateway"),
    ("10.20.0.255/24", "no host's address"),
    ("10.20.0.300/24", "is not an address"),
    (["10.20.0.9/24", "10.21.0.9/24"], "10.21.0.9/24 is outside"),
])
def test_addresses_outside_their_network(address, text) -> None:  # type: ignore[no-untyped-def]
    path, told = one_problem({"name": "b"}, {"name": "a", "nics": [{"network": "prod", "address": address}]})
    assert path == "guests[1].nics[0].address" and text in told


def test_one_address_twice_names_both_guests() -> None:
    path, text = one_problem(WEB, {"name": "db", "nics": [{"network": "prod", "address": "10.20.0.22/24"}]})
    assert path == "guests[1].nics[0].address" and "both web-2 and db" in text


def test_the_same_address_on_two_networks_is_fine_and_a_mac_never_is() -> None:
    nets = [{"name": name, "mode": "isolated", "subnet": "10.0.0.0/24"} for name in ("x", "y")]
    nics = [[{"network": name, "address": "10.0.0.5", "mac": "52:54:00:00:00:01"}] for name in ("x", "y")]
    found = one_problem({"name": "a", "nics": nics[0]}, {"name": "b", "nics": nics[1]}, networks=nets)
    assert found[0] == "guests[1].nics[0].mac" and "both a and b" in found[1]


def test_a_guest_that_goes_away_frees_its_address() -> None:
    nics = [{"network": "prod", "address": "10.20.0.22"}]
    assert len(parsed({"name": "a", "nics": nics, "state": "absent"}, {"name": "b", "nics": nics}).guests) == 2


def test_a_nat_network_used_on_two_hosts() -> None:
    guests = [{"name": name, "host": host, "nics": ["lab"]} for name, host in (("a", "kvm1"), ("b", "kvm2"))]
    path, text = one_problem(*guests, host="kvm1", hosts=["kvm1", "kvm2"])
    assert path == "networks[1].mode" and "kvm1 (a), kvm2 (b)" in text and "use mode bridge" in text


def test_a_network_that_the_guests_host_does_not_have() -> None:
    path, text = one_problem({"name": "a", "nics": ["prod"]}, host="kvm2", networks=[{**PROD, "hosts": ["kvm1"]}])
    assert path == "guests[0].nics[0].network" and "not on host kvm2" in text


def test_resources_differ_by_host_and_with_only_are_those_needed() -> None:
    params = dict(host="kvm2", hosts=["kvm1", "kvm2"], networks=[PROD, LAB, {"name": "x", "mode": "nat", "hosts": ["kvm1"]}],
                  pools=[{"name": "fast", "path": "/f"}, {"name": "slow", "path": "/s"}])
    guests = [{"name": "a", "host": "kvm1", "nics": ["lab"]}, {"name": "b", "host": "kvm2", "nics": ["prod"],
              "disks": [{"name": "d", "pool": "slow"}], "image": "debian-12"}]
    here = resources_here(parsed(*guests, **params))
    assert list(here["networks"]) == ["prod"] and list(here["pools"]) == ["fast", "slow"] and list(here["images"]) == ["debian-12"]
    assert "name" not in here["networks"]["prod"]
    needed = resources_here(parsed(*guests, only=["b"], **params))
    assert [list(needed[kind]) for kind in ("networks", "pools", "images")] == [["prod"], ["slow"], ["debian-12"]]


# -- hosts ----------------------------------------------------------------------------------------------------------


def test_guests_of_other_hosts_are_left_out_and_stay_declared() -> None:
    fleet = parsed({"name": "a", "host": "kvm1"}, {"name": "b", "host": "kvm2"}, host="kvm1", elsewhere=["c"])
    assert [guest.name for guest in fleet.here()] == ["a"]
    assert all(fleet.declares(name) for name in "abc") and not fleet.declares("d")


@pytest.mark.parametrize("guest, more, path, text", [
    ({"host": "kvm1"}, {}, "host", "is needed"),
    ({"host": "kvm9"}, {"host": "kvm1", "hosts": ["kvm1", "kvm2"]}, "guests[0].host", "did you mean kvm"),
    ({}, {"host": "kvm1", "hosts": {"kvm1": {}, "kvm2": {}}}, "guests[0]", "declare host for it"),
    ({}, {"host": "kvm1", "hosts": {"kvm1": {"maintenance": True}}}, "guests[0]", "in maintenance"),
    ({}, {"hosts": {"kvm1": {"maintenence": True}}}, "hosts.kvm1.maintenence", "did you mean maintenance?"),
])
def test_mistakes_about_hosts(guest, more, path, text) -> None:  # type: ignore[no-untyped-def]
    where, told = one_problem({"name": "a", **guest}, **more)
    assert where == path and text in told


def test_spread_and_together_contradicted_by_the_hosts() -> None:
    guests = [{"name": "a", "spread": "s", "host": "kvm1"}, {"name": "b", "spread": "s", "host": "kvm1"}]
    assert one_problem(*guests, host="kvm1")[0] == "guests[1].spread"
    guests = [{"name": "a", "together": "s", "host": "kvm1"}, {"name": "b", "together": "s", "host": "kvm2"}]
    assert one_problem(*guests, host="kvm1")[0] == "guests[1].together"


# -- after ----------------------------------------------------------------------------------------------------------


def test_levels_follow_after_and_members_are_spelled_out() -> None:
    guests = parsed({"name": "lb", "after": ["web"]}, {"name": "web", "count": 2, "after": ["db"]}, {"name": "db"}).guests
    assert {name: guest.level for name, guest in guests.items()} == {"lb": 2, "web-1": 1, "web-2": 1, "db": 0}
    assert guests["lb"].after == ("web-1", "web-2")


def test_a_cycle_is_shown_once() -> None:
    path, text = one_problem({"name": "a", "after": ["b"]}, {"name": "b", "after": ["c"]}, {"name": "c", "after": ["a"]})
    assert path == "guests[0].after" and "a comes after b, which comes after c, which comes after a" in text


def test_an_entry_after_itself_is_a_cycle() -> None:
    assert "a comes after a" in one_problem({"name": "a", "after": ["a"]})[1]
    assert "web-1 comes after web-1" in one_problem({"name": "web", "count": 2, "after": ["web"]})[1]


def test_unknown_names_in_after() -> None:
    path, text = one_problem({"name": "web", "count": 2, "after": ["db2"]}, {"name": "db1"})
    assert path == "guests[0].after[0]" and "did you mean db1?" in text
    assert parsed({"name": "web", "after": ["db2"]}, elsewhere=["db2"]).guests["web"].after == ()


def test_a_long_chain() -> None:
    chain = [{"name": "g%d" % i, "after": ["g%d" % (i + 1)]} for i in range(2000)] + [{"name": "g2000"}]
    assert parsed(*chain).guests["g0"].level == 2000


@given(st.lists(st.tuples(st.integers(0, 9), st.integers(0, 9)), max_size=25))
def test_levels_respect_every_edge_or_there_is_a_cycle(edges) -> None:  # type: ignore[no-untyped-def]
    after = {i: [] for i in range(10)}  # type: ignore[var-annotated]
    for low, high in edges:
        after[high].append("g%d" % low)
    guests = [{"name": "g%d" % i, "after": names} for i, names in after.items()]
    reach = {i: {int(name[1:]) for name in names} for i, names in after.items()}
    for _round in range(10):
        reach = {i: found.union(*(reach[j] for j in found)) for i, found in reach.items()}
    if any(i in found for i, found in reach.items()):
        assert any("goes round in a circle" in text for _path, text in problems(*guests))
    else:
        levels = {name: guest.level for name, guest in parsed(*guests).guests.items()}
        assert all(levels["g%d" % low] < levels["g%d" % high] for low, high in edges)


# -- only and prune -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("only, chosen", [
    (["db"], ["db"]), (["web"], ["web-1", "web-2", "web-3"]), (["web-*"], ["web-1", "web-2", "web-3"]), (["web-2", "db"], ["web-2", "db"]),
    (["tag:role=db"], ["db"]), (["tag:role"], ["db"]), (["tag:role=d*"], ["db"]), (["far-*"], []), ("db", ["db"]),
])
def test_only(only, chosen) -> None:  # type: ignore[no-untyped-def]
    fleet = parsed(WEB, {"name": "db", "tags": {"role": "db"}}, only=only, elsewhere=["far-1"])
    assert [guest.name for guest in fleet.here()] == chosen and fleet.declares("web-1")


def test_only_that_fits_nothing() -> None:
    assert one_problem({"name": "web"}, only=["wbe"]) == ("only[0]", "'wbe' fits no guest of this fleet (did you mean web?)")


def test_prune_is_refused_with_only_and_with_nothing_declared() -> None:
    assert one_problem({"name": "a"}, prune=True, only=["a"])[0] == "prune"
    assert one_problem(prune=True)[0] == "prune"
    assert parsed({"name": "a"}, prune=True).prune


# -- engines --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("guest, engines, engine, reason", [
    ({}, ("lxc",), "kvm", "the default"),
    ({"engine": "auto"}, ("lxc", "podman"), "lxc", "this host has lxc"),
    ({"engine": "auto", "os": "windows"}, ("lxc",), "kvm", "only kvm can run windows"),
    ({"engine": "auto", "os": "linux"}, ("lxc",), "lxc", "this host has lxc"),
    ({"engine": "auto", "os": {"kernel": "/vmlinuz"}}, ("lxc",), "kvm", "only kvm has os"),
    ({"engine": "auto", "agent": True}, ("lxc",), "kvm", "only kvm has agent"),
    ({"engine": "auto"}, (), "kvm", "no usable container engine"),
    ({"engine": "auto", "image": "disk-only"}, ("lxc",), "kvm", "no variant for lxc"),
    ({"engine": "auto"}, ("lxc", "virtuozzo"), "virtuozzo", "this host has virtuozzo"),
    ({"engine": "auto", "ports": ["80:80"]}, ("lxc", "podman"), "podman", "this host has podman"),
    ({"engine": "auto", "image": "docker.io/library/nginx"}, ("lxc", "podman"), "podman", "this host has podman"),
    ({"engine": "auto", "cloud_init": {"timezone": "UTC"}}, ("lxc", "podman"), "lxc", "this host has lxc"),
])
def test_the_decision_of_auto(guest, engines, engine, reason) -> None:  # type: ignore[no-untyped-def]
    found = resolved({"name": "a", **guest}, facts=lxc(*engines), images=[DEBIAN, {"name": "disk-only", "disk": "/d"}],
                     defaults={"virtualization": "prefer_kvm"})["a"]
    assert found.engine == engine and reason in found.engine_reason


def test_an_existing_guest_keeps_its_engine() -> None:
    facts = HostFacts(engines={"virtuozzo": {"usable": True}}, guests={"a": [Present("lxc", "shop")]})
    assert resolved({"name": "a", "engine": "auto"}, facts=facts)["a"].engine == "lxc"
    assert resolved({"name": "a"}, facts=facts)["a"].engine == "lxc"
    assert "The engine of a guest never changes" in resolved({"name": "a", "engine": "kvm"}, facts=facts)["a"].refusal
    stranger = HostFacts(guests={"a": [Present("lxc", "")]})
    assert resolved({"name": "a"}, facts=stranger)["a"].engine == "kvm"


def test_impossible_pairs_and_missing_variants() -> None:
    path, text = one_problem({"name": "a", "engine": "lxc", "os": "windows"})
    assert path == "guests[0].os.family" and "windows cannot run in a container" in text
    path, text = one_problem({"name": "a", "engine": "lxc", "image": "d"}, images=[{"name": "d", "disk": "/d"}])
    assert path == "guests[0].image" and "declare rootfs in images[0]" in text
    path, text = one_problem({"name": "a", "disk": {"image": "debian-21"}})
    assert path == "guests[0].disk.image" and "did you mean debian-12?" in text
    path, text = one_problem({"name": "a", "disks": [{"name": "x"}, {"name": "root", "image": "nope"}]})
    assert path == "guests[0].disks[1].image" and "no image nope" in text


def test_an_option_that_the_only_container_engine_lacks_is_an_error_that_names_both() -> None:
    facts = lxc("lxc")
    with pytest.raises(DeclarationError, match=r"guests\[0\]\.ports: engine lxc has no such option"):
        resolved({"name": "a", "engine": "auto", "ports": ["80:80"]}, facts=facts)


def test_the_image_of_an_existing_guest_is_not_asked_for() -> None:
    facts = HostFacts(guests={"a": [Present("kvm", "shop")]})
    assert resolved({"name": "a", "image": "gone"}, facts=facts)["a"].spec["disks"]["root"]["image"] == "gone"
