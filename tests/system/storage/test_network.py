# Copyright: (c) 2026, flotilla.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The laws for networks, on a real libvirtd with a real dnsmasq: each test names the one it proves."""

from __future__ import annotations

from typing import Any

import libvirt
import pytest

from ansible_collections.flotilla.virt.plugins.module_utils._libvirt import xmltree
from ansible_collections.flotilla.virt.plugins.module_utils._libvirt.network import NetworkDriver

from .conftest import documents
from .laws import Bench, Raw

pytestmark = [pytest.mark.system, pytest.mark.usefixtures("clean")]

MAC, MAC2 = "52:54:00:11:22:33", "52:54:00:11:22:34"
LAB: Raw = {
    "mode": "nat", "bridge": "fvs-lab", "subnet": "10.231.7.0/24",
    "dhcp": {"start": "10.231.7.50", "end": "10.231.7.99",
             "hosts": [{"mac": MAC, "address": "10.231.7.60", "name": "printer"}]},
}


@pytest.fixture
def lab(connection: Any) -> Bench:
    return Bench(lambda: NetworkDriver(connection, local=False), "lab", lambda: documents(connection))


def without(raw: Raw, *names: str) -> Raw:
    return {name: value for name, value in raw.items() if name not in names}


def live(connection: Any) -> Any:
    return xmltree.parse(connection.networkLookupByName("lab").XMLDesc(0))


def test_1_2_5_6_made_and_made_again(lab: Bench, connection: Any) -> None:
    done = lab.prove(LAB)
    assert done.plan == [{"path": "state", "before": "absent", "after": "running", "impact": "live"}]
    assert done.spec["gateway"] == "10.231.7.1" and done.spec["autostart"] is True
    assert connection.networkLookupByName("lab").autostart()


@pytest.mark.parametrize("mode", ["route", "open", "isolated"])
def test_1_every_mode_that_libvirt_gives_addresses_in(lab: Bench, mode: str) -> None:
    assert lab.prove({**LAB, "mode": mode}).spec["mode"] == mode


def test_1_bridge_mode_keeps_addresses_with_the_declaration(lab: Bench) -> None:
    raw: Raw = {"mode": "bridge", "bridge": "br20", "subnet": "10.20.0.0/24", "gateway": "10.20.0.1",
                "dns": ["10.20.0.2"]}
    assert lab.prove(raw).spec["dns"] == ["10.20.0.2"]
    moved = lab.prove({**raw, "gateway": "10.20.0.254"})
    assert moved.plan == [{"path": "gateway", "before": "10.20.0.1", "after": "10.20.0.254", "impact": "live"}]
    assert moved.pending == []


def test_4_dhcp_is_changed_on_the_running_network(lab: Bench, connection: Any) -> None:
    lab.prove(LAB)
    mac_of_bridge = xmltree.get(live(connection), "mac/@address")
    edited = {**LAB, "dhcp": {"start": "10.231.7.40", "end": "10.231.7.120", "hosts": [
        {"mac": MAC, "address": "10.231.7.61"}, {"mac": MAC2, "address": "10.231.7.62", "name": "other"}]}}
    done = lab.prove(edited)
    assert {entry["impact"] for entry in done.plan} == {"live"} and done.pending == []
    running = live(connection)
    assert xmltree.get(running, "ip/dhcp/range/@end") == "10.231.7.120"
    assert {host.get("mac"): host.get("ip") for host in running.findall("ip/dhcp/host")} == {
        MAC: "10.231.7.61", MAC2: "10.231.7.62"}
    assert xmltree.get(running, "mac/@address") == mac_of_bridge


def test_3_what_is_no_longer_declared_is_taken_back(lab: Bench, connection: Any) -> None:
    lab.prove({**LAB, "domain": "lab.example.com"})
    done = lab.prove(without(LAB, "dhcp"))
    assert {entry["path"] for entry in done.plan} == {"domain", "dhcp.start", "dhcp.end", "dhcp.hosts[%s]" % MAC}
    assert live(connection).find("ip/dhcp/range") is None
    assert "dhcp" not in done.spec and "domain" not in done.spec


def test_3_what_nobody_declared_is_left_alone(lab: Bench, connection: Any) -> None:
    lab.prove({"subnet": "10.231.7.0/24"})
    network = connection.networkLookupByName("lab")
    network.update(libvirt.VIR_NETWORK_UPDATE_COMMAND_ADD_LAST, libvirt.VIR_NETWORK_SECTION_DNS_TXT, -1,
                   "<txt name='who' value='somebody else'/>",
                   libvirt.VIR_NETWORK_UPDATE_AFFECT_LIVE | libvirt.VIR_NETWORK_UPDATE_AFFECT_CONFIG)
    network.setAutostart(0)
    network.destroy()
    assert lab.prove({"subnet": "10.231.7.0/24"}).plan == []
    lab.prove({"subnet": "10.231.7.0/24", "mtu": 1400})
    stored = network.XMLDesc(0)
    assert "somebody else" in stored and not network.isActive() and not network.autostart()


def test_4_what_needs_a_restart_is_pending_in_every_run_until_then(lab: Bench) -> None:
    lab.prove(LAB)
    raw = {**LAB, "mtu": 1400}
    expected = [{"path": "mtu", "running": None, "stored": 1400, "reason": "the network has to be restarted"}]
    assert lab.prove(raw).pending == expected
    assert lab.run(raw).pending == expected
    restarted = lab.run({**raw, "on_change": "restart"})
    assert restarted.changed and restarted.pending == [] and not restarted.failed, restarted.msg
    assert not lab.run({**raw, "on_change": "restart"}).changed


def test_4_defer_does_not_touch_the_running_network(lab: Bench, connection: Any) -> None:
    lab.prove(LAB)
    raw = {**LAB, "dhcp": {**LAB["dhcp"], "end": "10.231.7.120"}, "on_change": "defer"}
    done = lab.prove(raw)
    assert [entry["path"] for entry in done.pending] == ["dhcp.end"]
    assert xmltree.get(live(connection), "ip/dhcp/range/@end") == "10.231.7.99"


def test_5_adoption(lab: Bench, connection: Any) -> None:
    connection.networkDefineXML(
        "<network><name>lab</name><forward mode='nat'/><ip address='10.231.7.1' netmask='255.255.255.0'/></network>")
    lab.refuse({"mtu": 1400}, "was not made by this collection", "adopt: true")
    assert lab.prove({"subnet": "10.231.7.0/24"}).plan == []
    assert lab.run({"subnet": "10.231.7.0/24", "mtu": 1400, "adopt": True}).changed
    assert "netmask='255.255.255.0'" in connection.networkLookupByName("lab").XMLDesc(0)


def test_5_of_another_fleet_and_released(lab: Bench, connection: Any) -> None:
    lab.prove(LAB)
    lab.refuse({**LAB, "mtu": 1400}, "belongs to fleet 'shop'", fleet="other")
    assert lab.run({"state": "released"}).changed
    assert "flotilla" not in connection.networkLookupByName("lab").XMLDesc(libvirt.VIR_NETWORK_XML_INACTIVE)
    assert not lab.run({"state": "released"}).changed


def test_7_a_creation_that_dies_is_finished(lab: Bench) -> None:
    assert lab.kill_everywhere(None, LAB, lambda: check(lab.run({"state": "absent"}))) == 3


def test_7_an_edit_that_dies_is_finished(lab: Bench) -> None:
    edited = {**without(LAB, "dhcp"), "mtu": 1400, "dhcp": {
        "start": "10.231.7.30", "end": "10.231.7.99", "hosts": [{"mac": MAC2, "address": "10.231.7.61"}]}}
    assert lab.kill_everywhere(LAB, edited, lambda: check(lab.run({"state": "absent"}))) >= 5


def check(result: Any) -> None:
    assert not result.failed, result.msg


def test_state(lab: Bench, connection: Any) -> None:
    lab.prove({**LAB, "state": "stopped"})
    assert not connection.networkLookupByName("lab").isActive()
    lab.prove({**LAB, "state": "running"})
    assert lab.prove({**LAB, "state": "present"}).plan == []
    lab.prove({"state": "absent"})
    assert "network lab" not in documents(connection)


@pytest.mark.parametrize(("raw", "words"), [
    ({"mode": "nat"}, ["it.subnet", "required"]),
    ({"mode": "bridge"}, ["it.bridge", "required"]),
    ({"mode": "macvtap"}, ["it.device", "required"]),
    ({"bridge": "a-name-that-is-too-long", "subnet": "10.9.0.0/24"}, ["it.bridge", "15"]),
    ({"subnet": "10.9.0.0/24", "gateway": "10.8.0.1"}, ["it.gateway", "outside"]),
    ({"subnet": "10.9.0.0/24", "gateway": "10.9.0.255"}, ["it.gateway", "broadcast"]),
    ({"subnet": "10.9.0.0/24", "dhcp": {"start": "10.9.0.9"}}, ["it.dhcp.end", "required"]),
    ({"subnet": "10.9.0.0/24", "dhcp": {"start": "10.9.1.9", "end": "10.9.0.20"}}, ["it.dhcp.start", "outside"]),
    ({"subnet": "10.9.0.0/24", "dhcp": {"start": "10.9.0.30", "end": "10.9.0.20"}}, ["it.dhcp.start", "above"]),
    ({"subnet": "10.9.0.0/24", "dhcp": {"hosts": [{"mac": MAC, "address": "10.8.0.2"}]}},
     ["it.dhcp.hosts[0].address", "outside"]),
    ({"subnet": "10.9.0.0/24", "dhcp": {"hosts": [
        {"mac": MAC, "address": "10.9.0.2"}, {"mac": MAC2, "address": "10.9.0.2"}]}},
     ["it.dhcp.hosts[1].address", "already"]),
    ({"mode": "bridge", "bridge": "br20", "mtu": 1400}, ["it.mtu", "mode bridge has no such option"]),
])
def test_bad_input(lab: Bench, raw: Raw, words: list[str]) -> None:
    lab.refuse(raw, *words)


def test_subnet_and_bridge_of_another_network(lab: Bench, connection: Any) -> None:
    lab.prove(LAB)
    other = Bench(lab.driver, "other", lab.look)
    other.refuse({"subnet": "10.231.7.128/25"}, "it.subnet", "overlaps", "lab")
    other.refuse({"subnet": "10.9.0.0/24", "bridge": "fvs-lab"}, "it.bridge", "lab")
