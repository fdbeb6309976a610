# Copyright: (c) 2026, flotilla.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Networks with running guests on them. The guests have no disk: their firmware asks DHCP for something to boot.

That it gets an answer proves that traffic flows, and by its reset it asks again.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from laws import laws
from laws.lab import Documents
from laws.libvirt_lab import NetworkLab, settled
from support.libvirtd import PrivateLibvirtd
from support.until import until

from ansible_collections.flotilla.virt.plugins.module_utils._libvirt import network_live, xmltree

pytestmark = pytest.mark.system

Raw = dict[str, Any]
INTERFACES = Path("/sys/class/net")
MAC = "52:54:00:77:12:01"
GUEST = """<domain type='qemu'><name>%s</name><memory unit='MiB'>64</memory><os><type arch='x86_64' machine='q35'>hvm</type>
<boot dev='network'/></os><clock><timer name='hpet' present='no'/></clock><devices><interface type='network'><mac address='%s'/>
<source network='lab'/><model type='virtio'/></interface></devices></domain>"""
LAB: Raw = {"mode": "isolated", "bridge": "fvs-guests", "subnet": "10.231.12.0/24", "dhcp": {"start": "10.231.12.50", "end": "10.231.12.99"}}
MOVED: Raw = {**LAB, "subnet": "10.231.13.0/24", "dhcp": {"start": "10.231.13.50", "end": "10.231.13.99"}}
RESTART: Raw = {**MOVED, "on_change": "restart"}


class GuestsLab(NetworkLab):
    """Networks of this machine's own network namespace, and on which bridge each guest's interface is."""

    local = True

    def taps(self) -> list[str]:
        """The interfaces on the host of the running guests."""
        live = [xmltree.parse(domain.XMLDesc()) for domain in self.raw.listAllDomains() if domain.isActive()]
        return [str(target.get("dev")) for document in live for target in document.iterfind("devices/interface/target")]

    def documents(self) -> Documents:
        masters = {"bridge of the interface %d" % number: master(tap) for number, tap in enumerate(self.taps())}
        return {**super().documents(), **masters}

    def belongs(self, key: str, name: str) -> bool:
        return key.startswith("bridge of") or super().belongs(key, name)

    def start(self, name: str = "web", mac: str = MAC) -> Any:
        """A running guest on the network."""
        return self.raw.createXML(GUEST % (name, mac))

    def wipe(self) -> None:
        for domain in self.raw.listAllDomains():
            domain.destroy()
        super().wipe()

    def leases(self) -> set[str]:
        """The addresses that DHCP gave to the guest."""
        return {lease["ipaddr"] for lease in self.raw.networkLookupByName("lab").DHCPLeases() if lease["mac"] == MAC}


def master(interface: str) -> str:
    """The bridge that an interface is on; empty where it is on none."""
    place = INTERFACES / interface / "master"
    return os.path.basename(os.readlink(place)) if place.exists() else ""


@pytest.fixture(scope="module", name="shared")
def _shared() -> Iterator[PrivateLibvirtd]:
    with PrivateLibvirtd(share_net=True) as daemon:
        yield daemon


@pytest.fixture(name="lab")
def _lab(shared: PrivateLibvirtd) -> Iterator[GuestsLab]:
    lab = GuestsLab(shared.uri)
    yield lab
    lab.wipe()


def test_a_restart_puts_running_guests_back_and_traffic_flows(lab: GuestsLab) -> None:
    laws.converge(lab, "lab", LAB)
    guest = lab.start()
    lab.start("db", "52:54:00:77:12:02")
    assert [master(tap) for tap in lab.taps()] == ["fvs-guests"] * 2
    until(lambda: any(address.startswith("10.231.12.") for address in lab.leases()), "the guest has a lease")
    assert [entry["path"] for entry in laws.converge(lab, "lab", MOVED).pending] == ["subnet", "gateway", "dhcp.start", "dhcp.end"]

    result = laws.converge(lab, "lab", RESTART)
    assert result.changed and result.pending == []
    assert [master(tap) for tap in lab.taps()] == ["fvs-guests"] * 2
    guest.reset()
    until(lambda: any(address.startswith("10.231.13.") for address in lab.leases()), "the guest has a lease of the new range")


def test_a_network_that_was_stopped_and_started_has_its_guests_again(lab: GuestsLab) -> None:
    laws.converge(lab, "lab", LAB)
    lab.start()
    laws.converge(lab, "lab", {**LAB, "state": "stopped"})
    assert [master(tap) for tap in lab.taps()] == [""]
    laws.converge(lab, "lab", {**LAB, "state": "running"})
    assert [master(tap) for tap in lab.taps()] == ["fvs-guests"]


@pytest.mark.parametrize(("earlier", "raw"), [([LAB, MOVED], RESTART), ([LAB], RESTART)], ids=["pending", "changed"])
def test_a_restart_killed_anywhere_leaves_no_guest_off_the_network(lab: GuestsLab, monkeypatch: pytest.MonkeyPatch,
                                                                   earlier: list[Raw], raw: Raw) -> None:
    put = network_live.put_on_bridge

    def noted(bridge: str, tap: str) -> Any:
        lab.wire.note("kernel", "put on bridge")
        return put(bridge, tap)

    def fresh() -> Any:
        lab.wipe()
        for declaration in earlier:
            lab.must("lab", declaration)
            if not lab.taps():
                lab.start()
        return lab, lab.wire

    monkeypatch.setattr(network_live, "put_on_bridge", noted)
    assert laws.assert_killed_runs_are_finished(fresh, "lab", raw, [], settled) >= 5


def test_an_interface_that_cannot_be_put_back_is_an_error(lab: GuestsLab, monkeypatch: pytest.MonkeyPatch) -> None:
    laws.converge(lab, "lab", LAB)
    lab.start()
    monkeypatch.setattr(network_live, "put_on_bridge", lambda bridge, tap: None)
    result = lab.apply("lab", RESTART)
    assert result.failed and lab.taps()[0] in result.msg and "could not be put on its bridge" in result.msg
    monkeypatch.undo()
    assert lab.must("lab", MOVED).changed
    assert [master(tap) for tap in lab.taps()] == ["fvs-guests"]


def test_a_network_in_use_is_neither_removed_nor_restarted_from_afar(lab: GuestsLab, shared: PrivateLibvirtd) -> None:
    laws.converge(lab, "lab", LAB)
    lab.start()
    laws.assert_refused(lab, "lab", {"state": "absent"}, "is in use by running guests: web")
    afar = NetworkLab(shared.uri)
    laws.assert_refused(afar, "lab", RESTART, "would cut off running guests: web")


# -- on an interface of the host, without a bridge -------------------------------------------------------------------------

LISTEN = """
import socket, sys
link = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3))
link.bind((sys.argv[1], 0))
link.settimeout(120)
wanted = bytes.fromhex(sys.argv[2].replace(":", ""))
print("listening", flush=True)
while link.recv(2048)[6:12] != wanted:
    pass
print("heard", flush=True)
"""


@pytest.fixture(scope="module", name="wired")
def _wired() -> Iterator[PrivateLibvirtd]:
    """A host with an interface, `fvs0`, and what is at the other end of its cable, `fvs1`."""
    with PrivateLibvirtd() as daemon:
        for command in ("link add fvs0 type veth peer name fvs1", "link set fvs0 up", "link set fvs1 up"):
            subprocess.run([*daemon.enter, "ip", *command.split()], check=True)
        yield daemon


def test_guests_on_a_macvtap_network_are_heard_at_the_other_end_of_the_cable(wired: PrivateLibvirtd) -> None:
    lab = GuestsLab(wired.uri)
    raw = {"mode": "macvtap", "device": "fvs0", "subnet": "10.20.0.0/24", "gateway": "10.20.0.1", "dns": ["10.20.0.2"]}
    lab.local = False
    try:
        assert laws.converge(lab, "lab", raw).spec["device"] == "fvs0"
        laws.assert_adoption(lab, "lab")
        listener = subprocess.Popen([*wired.enter, sys.executable, "-c", LISTEN, "fvs1", MAC], stdout=subprocess.PIPE, text=True)
        assert listener.stdout is not None and listener.stdout.readline() == "listening\n"
        lab.start()
        assert listener.stdout.readline() == "heard\n"
        assert listener.wait() == 0
        laws.assert_refused(lab, "lab", {"state": "absent"}, "is in use by running guests: web")
    finally:
        lab.wipe()


def test_a_hostdev_network_is_defined_and_says_what_it_needs_to_start(wired: PrivateLibvirtd) -> None:
    """There is no interface with virtual functions on any machine that runs these tests."""
    lab = NetworkLab(wired.uri)
    raw = {"mode": "hostdev", "device": "fvs0", "state": "stopped"}
    try:
        assert laws.converge(lab, "lab", raw).spec["mode"] == "hostdev"
        laws.assert_adoption(lab, "lab")
        started = lab.apply("lab", {**raw, "state": "running"})
        assert started.failed and "start network lab" in started.msg and "fvs0" in started.msg
        assert not lab.raw.networkLookupByName("lab").isActive()
    finally:
        lab.wipe()
