# Copyright: (c) 2026, flotilla.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A guest's addresses: from its agent, else from leases of libvirt's networks, else from the host's ARP table."""

from __future__ import annotations

from typing import Any, Dict, List, Optional
from xml.etree.ElementTree import Element

from ..connection import libvirt
from . import agent, elements

Address = Dict[str, str]


def of(connection: Any, domain: Any, live: Optional[Element], leases: Optional[Dict[str, List[str]]] = None,
       ask_agent: bool = True) -> List[Address]:
    """The addresses of a running guest, each with `mac`, `address` and `source` (agent, lease, arp).

    Link-local addresses are left out. `leases` may be passed in when many guests are asked.
    """
    if live is None:
        return []
    if ask_agent and agent.connected(live):
        try:
            found = [dict(entry, source="agent") for entry in agent.addresses(domain)]
            if _useful(found):
                return _useful(found)
        except agent.AgentError:
            # The agent went away between the document and the question; the other sources still know.
            pass
    known = all_leases(connection) if leases is None else leases
    macs = elements.macs(live)
    found = [{"mac": mac, "address": address, "source": "lease"} for mac in macs for address in known.get(mac, [])]
    return _useful(found) or _useful(_arp(domain))


def _useful(found: List[Address]) -> List[Address]:
    return [entry for entry in found if not entry["address"].lower().startswith(("fe80:", "127.", "::1"))]


def all_leases(connection: Any) -> Dict[str, List[str]]:
    """Every DHCP lease of the host's active networks by MAC address (virNetworkGetDHCPLeases)."""
    leases: Dict[str, List[str]] = {}
    try:
        for network in connection.listAllNetworks(libvirt.VIR_CONNECT_LIST_NETWORKS_ACTIVE):
            for lease in network.DHCPLeases():
                leases.setdefault(lease["mac"], []).append(lease["ipaddr"])
    except libvirt.libvirtError as error:
        # A driver without networks or leases (the test driver) knows none.
        if error.get_error_code() != libvirt.VIR_ERR_NO_SUPPORT:
            raise
    return leases


def _arp(domain: Any) -> List[Address]:
    try:
        interfaces = domain.interfaceAddresses(libvirt.VIR_DOMAIN_INTERFACE_ADDRESSES_SRC_ARP)
    except libvirt.libvirtError:
        # A stopped guest, or a driver without this source: no address is known this way.
        return []
    return [{"mac": str(interface["hwaddr"]), "address": entry["addr"], "source": "arp"}
            for interface in interfaces.values() for entry in interface["addrs"] or []]
