# Copyright: (c) 2026, flotilla.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The laws for networks, on a real libvirtd with a real dnsmasq: each test names the one it proves."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import libvirt
import pytest
from laws import laws
from laws.libvirt_lab import NetworkLab, settled

from ansible_collections.flotilla.virt.plugins.module_utils._libvirt import xmltree
from ansible_collections.flotilla.virt.plugins.module_utils._libvirt.network import NetworkDriver
from ansible_collections.flotilla.virt.plugins.module_utils._reconcile.reconcile import Run

pytestmark = pytest.mark.system

Raw = dict[str, Any]
MAC, MAC2 = "52:54:00:11:22:33", "52:54:00:11:22:34"
LAB: Raw = {
    "mode": "nat", "bridge": "fvs-lab", "subnet": "10.231.7.0/24",
    "dhcp": {"start": "10.231.7.50", "end": "10.231.7.99",
             "hosts": [{"mac": MAC, "address": "10.231.7.60", "name": "printer"}]},
}
EDITED: Raw = {**LAB, "mtu": 1400, "dhcp": {
    "start": "10.231.7.30", "end": "10.231.7.99", "hosts": [{"mac": MAC2, "address": "10.231.7.61"}]}}
# What another tool made, with elements that the grammar does not know.
BY_HAND = """<network>
  <name>lab</name>
  <forward mode='nat'><nat><port start='2000' end='3000'/></nat></forward>
  <bridge name='fvs-lab' stp='off' delay='3'/>
  <dns><txt name='who' value='somebody else'/></dns>
  <ip address='10.231.7.1' netmask='255.255.255.0'/>
</network>"""
UNKNOWN = ("<port start='2000' end='3000'/>", "somebody else", "stp='off'", "netmask='255.255.255.0'")


@pytest.fixture
def lab(private_uri: str) -> Iterator[NetworkLab]:
    lab = NetworkLab(private_uri)
    yield lab
    lab.wipe()


def without(raw: Raw, *names: str) -> Raw:
    return {name: value for name, value in raw.items() if name not in names}


def live(lab: NetworkLab) -> Any:
    return xmltree.parse(lab.raw.networkLookupByName("lab").XMLDesc(0))


# -- laws 1, 2 and 6, which every `converge` asserts ---------------------------------------------------------------------


def test_made_and_made_again(lab: NetworkLab) -> None:
    done = laws.converge(lab, "lab", LAB)
    assert done.plan == [{"path": "state", "before": "absent", "after": "running", "impact": "live"}]
    assert done.spec["gateway"] == "10.231.7.1" and done.spec["autostart"] is True
    assert lab.raw.networkLookupByName("lab").autostart()


@pytest.mark.parametrize("mode", ["route", "open", "isolated"])
def test_every_mode_that_libvirt_gives_addresses_in(lab: NetworkLab, mode: str) -> None:
    assert laws.converge(lab, "lab", {**LAB, "mode": mode}).spec["mode"] == mode


def test_bridge_mode_keeps_addresses_with_the_declaration(lab: NetworkLab) -> None:
    raw: Raw = {"mode": "bridge", "bridge": "br20", "subnet": "10.20.0.0/24", "gateway": "10.20.0.1",
                "dns": ["10.20.0.2"]}
    assert laws.converge(lab, "lab", raw).spec["dns"] == ["10.20.0.2"]
    moved = laws.converge(lab, "lab", {**raw, "gateway": "10.20.0.254"})
    assert moved.plan == [{"path": "gateway", "before": "10.20.0.1", "after": "10.20.0.254", "impact": "live"}]
    assert moved.pending == []


def test_a_host_without_libvirt_is_planned_as_an_empty_one(lab: NetworkLab) -> None:
    driver = NetworkDriver(None)
    run = Run(driver, [lab.request("lab", LAB)], lab.seal)
    foreseen = run.report(run.survey()[0], check_mode=True)
    assert not driver.host_ready and foreseen.plan == lab.check("lab", LAB).plan


def test_state(lab: NetworkLab) -> None:
    laws.live_through(lab, "lab", [{**LAB, "state": "stopped"}])
    assert not lab.raw.networkLookupByName("lab").isActive()
    laws.converge(lab, "lab", {**LAB, "state": "running"})
    assert laws.converge(lab, "lab", {**LAB, "state": "present"}).plan == []
    laws.converge(lab, "lab", {"state": "absent"})
    assert not lab.exists("lab")


# -- law 3: three-way apply ----------------------------------------------------------------------------------------------


def test_what_is_no_longer_declared_is_taken_back(lab: NetworkLab) -> None:
    laws.converge(lab, "lab", {**LAB, "domain": "lab.example.com"})
    done = laws.converge(lab, "lab", without(LAB, "dhcp"))
    assert {entry["path"] for entry in done.plan} == {"domain", "dhcp.start", "dhcp.end", "dhcp.hosts[%s]" % MAC}
    assert live(lab).find("ip/dhcp/range") is None
    assert "dhcp" not in done.spec and "domain" not in done.spec


def test_what_nobody_declared_is_left_alone(lab: NetworkLab) -> None:
    laws.converge(lab, "lab", {"subnet": "10.231.7.0/24"})
    network = lab.raw.networkLookupByName("lab")
    network.update(libvirt.VIR_NETWORK_UPDATE_COMMAND_ADD_LAST, libvirt.VIR_NETWORK_SECTION_DNS_TXT, -1,
                   "<txt name='who' value='somebody else'/>",
                   libvirt.VIR_NETWORK_UPDATE_AFFECT_LIVE | libvirt.VIR_NETWORK_UPDATE_AFFECT_CONFIG)
    network.setAutostart(0)
    network.destroy()
    assert laws.converge(lab, "lab", {"subnet": "10.231.7.0/24"}).plan == []
    laws.converge(lab, "lab", {"subnet": "10.231.7.0/24", "mtu": 1400})
    stored = network.XMLDesc(0)
    assert "somebody else" in stored and not network.isActive() and not network.autostart()


def test_the_note_stands_in_the_stored_document_and_is_no_difference(lab: NetworkLab) -> None:
    laws.converge(lab, "lab", LAB)
    network = lab.raw.networkLookupByName("lab")
    assert "urn:flotilla:virt:1" in network.XMLDesc(libvirt.VIR_NETWORK_XML_INACTIVE)
    # It was defined with the note of an unfinished creation and then again; libvirt shows the running one as it began.
    assert lab.check("lab", LAB).pending == []


# -- law 4: live when possible, honest when not ----------------------------------------------------------------------------


def test_dhcp_is_changed_on_the_running_network(lab: NetworkLab) -> None:
    laws.converge(lab, "lab", LAB)
    mac_of_bridge = xmltree.get(live(lab), "mac/@address")
    edited = {**LAB, "dhcp": {"start": "10.231.7.40", "end": "10.231.7.120", "hosts": [
        {"mac": MAC, "address": "10.231.7.61"}, {"mac": MAC2, "address": "10.231.7.62", "name": "other"}]}}
    done = laws.converge(lab, "lab", edited)
    assert {entry["impact"] for entry in done.plan} == {"live"} and done.pending == []
    running = live(lab)
    assert xmltree.get(running, "ip/dhcp/range/@end") == "10.231.7.120"
    assert {host.get("mac"): host.get("ip") for host in running.findall("ip/dhcp/host")} == {
        MAC: "10.231.7.61", MAC2: "10.231.7.62"}
    assert xmltree.get(running, "mac/@address") == mac_of_bridge


def test_what_needs_a_restart_is_pending_in_every_run_until_then(lab: NetworkLab) -> None:
    laws.converge(lab, "lab", LAB)
    raw = {**LAB, "mtu": 1400}
    expected = [{"path": "mtu", "running": None, "stored": 1400, "reason": "the network has to be restarted"}]
    assert laws.converge(lab, "lab", raw).pending == expected
    assert lab.must("lab", raw).pending == expected
    restarted = laws.converge(lab, "lab", {**raw, "on_change": "restart"})
    assert laws.entries(restarted) == {"mtu": (None, 1400, "restart")} and restarted.pending == []


def test_defer_does_not_touch_the_running_network(lab: NetworkLab) -> None:
    laws.converge(lab, "lab", LAB)
    raw = {**LAB, "dhcp": {**LAB["dhcp"], "end": "10.231.7.120"}, "on_change": "defer"}
    done = laws.converge(lab, "lab", raw)
    assert [entry["path"] for entry in done.pending] == ["dhcp.end"]
    assert xmltree.get(live(lab), "ip/dhcp/range/@end") == "10.231.7.99"


# -- law 5: adoption -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("running", [False, True])
def test_the_spec_of_any_network_is_a_declaration_of_it(lab: NetworkLab, running: bool) -> None:
    network = lab.raw.networkDefineXML(BY_HAND)
    if running:
        network.create()
    laws.assert_adoption(lab, "lab")


def test_adoption_needs_consent_where_it_differs_and_unknown_elements_survive(lab: NetworkLab) -> None:
    network = lab.raw.networkDefineXML(BY_HAND)
    laws.assert_refused(lab, "lab", {"mtu": 1400}, "was not made by this collection", "adopt: true", "mtu None -> 1400")
    assert laws.converge(lab, "lab", {"subnet": "10.231.7.0/24"}).plan == []
    laws.converge(lab, "lab", {"subnet": "10.231.7.0/24", "mtu": 1400, "adopt": True, "dhcp": {"start": "10.231.7.9", "end": "10.231.7.20"}})
    laws.converge(lab, "lab", {"subnet": "10.231.7.0/24"})
    assert all(text in network.XMLDesc(0) for text in UNKNOWN), network.XMLDesc(0)


def test_of_another_fleet_and_released(lab: NetworkLab) -> None:
    laws.converge(lab, "lab", LAB)
    laws.assert_refused(lab, "lab", {**LAB, "mtu": 1400, "adopt": True}, "belongs to fleet 'shop'", fleet="other")
    assert laws.converge(lab, "lab", {"state": "released"}).changed
    assert "flotilla" not in lab.raw.networkLookupByName("lab").XMLDesc(libvirt.VIR_NETWORK_XML_INACTIVE)
    assert not lab.must("lab", {"state": "released"}).changed


def test_a_transient_network_is_read_and_refused(lab: NetworkLab) -> None:
    lab.raw.networkCreateXML(BY_HAND)
    assert lab.spec("lab")["subnet"] == "10.231.7.0/24" and not lab.driver().read(["lab"])["lab"].status["persistent"]
    laws.assert_refused(lab, "lab", {"subnet": "10.231.7.0/24", "mtu": 1400, "adopt": True}, "is transient")


# -- law 7: nothing is lost ----------------------------------------------------------------------------------------------


def fresh(lab: NetworkLab) -> Any:
    """Makes one empty host after the other."""
    def make() -> Any:
        lab.wipe()
        return lab, lab.wire
    return make


@pytest.mark.parametrize(("earlier", "raw"), [
    ([], LAB), ([], {**LAB, "state": "stopped", "autostart": False}), ([LAB], EDITED), ([LAB], without(LAB, "dhcp")),
    ([LAB, EDITED], {**EDITED, "on_change": "restart"}), ([LAB], {"state": "absent"}), ([LAB], {"state": "released"}),
    ([{**LAB, "state": "stopped"}], {**EDITED, "state": "running"}),
], ids=["create", "create stopped", "edit", "take back", "restart", "remove", "release", "edit and start"])
def test_killed_at_every_changing_call(lab: NetworkLab, earlier: list[Raw], raw: Raw) -> None:
    assert laws.assert_killed_runs_are_finished(fresh(lab), "lab", raw, earlier, settled) >= 1


def test_somebody_elses_change_in_between_is_noticed(lab: NetworkLab) -> None:
    laws.converge(lab, "lab", LAB)
    run, decision = lab.decide("lab", {**LAB, "mtu": 1400})
    text = lab.network_text(lab.raw.networkLookupByName("lab"))
    theirs = lab.raw.networkDefineXML(text.replace("10.231.7.60", "10.231.7.66"))
    assert "was changed by somebody else" in run.apply([decision])[0].msg
    assert "10.231.7.66" in lab.network_text(theirs) and "1400" not in lab.network_text(theirs)


# -- laws 8 and 9: of many -------------------------------------------------------------------------------------------------


def many(count: int) -> dict[str, Raw]:
    return {"n%d" % number: {"subnet": "10.231.%d.0/24" % (100 + number), "bridge": "fvs-%d" % number} for number in range(count)}


@pytest.mark.parametrize("threads", [1, 4])
def test_one_networks_failure_is_its_own(lab: NetworkLab, threads: int) -> None:
    """One is refused before anything is touched, one fails when libvirt starts it: `lo` is no bridge."""
    results = lab.run_all({**many(3), "bad": {"subnet": "10.231.100.0/25"}, "lost": {"subnet": "10.231.200.0/24", "bridge": "lo"}}, threads)
    laws.assert_failure_is_its_own(results, ["bad", "lost"])
    assert all(lab.exists(name) for name in many(3)) and not lab.exists("bad")
    assert results["lost"].applied_steps == ["define network lost", "set autostart of network lost"]


def test_an_unchanged_network_costs_one_read_of_its_documents(lab: NetworkLab) -> None:
    assert not any(result.failed for result in lab.run_all(many(6)).values())
    # Both documents, whether it is active (twice), persistent and autostarted, its UUID, its leases, its name; what the
    # stored document is asked of the connection's type.
    laws.assert_cost_of_nothing(lab.wire, lambda: lab.run_all(many(6)), 6, 13, 1)
    laws.assert_one_change_is_one_resource(lab, lab.wire, many(6), "n3", {**many(6)["n3"], "mtu": 1400})


# -- bad input -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("raw", "words"), [
    ({"mode": "nat"}, ["subnet", "required"]),
    ({"mode": "bridge"}, ["bridge", "required"]),
    ({"mode": "macvtap"}, ["device", "required"]),
    ({"bridge": "a-name-that-is-too-long", "subnet": "10.9.0.0/24"}, ["bridge", "15"]),
    ({"subnet": "10.9.0.0/24", "gateway": "10.8.0.1"}, ["gateway", "outside"]),
    ({"subnet": "10.9.0.0/24", "gateway": "10.9.0.255"}, ["gateway", "broadcast"]),
    ({"subnet": "10.9.0.0/24", "dhcp": {"start": "10.9.0.9"}}, ["dhcp.end", "required"]),
    ({"subnet": "10.9.0.0/24", "dhcp": {"start": "10.9.1.9", "end": "10.9.0.20"}}, ["dhcp.start", "outside"]),
    ({"subnet": "10.9.0.0/24", "dhcp": {"start": "10.9.0.30", "end": "10.9.0.20"}}, ["dhcp.start", "above"]),
    ({"subnet": "10.9.0.0/24", "dhcp": {"hosts": [{"mac": MAC, "address": "10.8.0.2"}]}},
     ["dhcp.hosts[0].address", "outside"]),
    ({"subnet": "10.9.0.0/24", "dhcp": {"hosts": [
        {"mac": MAC, "address": "10.9.0.2"}, {"mac": MAC2, "address": "10.9.0.2"}]}},
     ["dhcp.hosts[1].address", "already"]),
    ({"mode": "bridge", "bridge": "br20", "mtu": 1400}, ["mtu", "mode bridge has no such option"]),
])
def test_bad_input(lab: NetworkLab, raw: Raw, words: list[str]) -> None:
    laws.assert_refused(lab, "lab", raw, *words)


def test_subnet_and_bridge_of_another_network(lab: NetworkLab) -> None:
    laws.converge(lab, "lab", LAB)
    laws.assert_refused(lab, "other", {"subnet": "10.231.7.128/25"}, "subnet", "overlaps", "lab")
    laws.assert_refused(lab, "other", {"subnet": "10.9.0.0/24", "bridge": "fvs-lab"}, "bridge", "lab")
