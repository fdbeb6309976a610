# Copyright: (c) 2026, flotilla.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Verbs on a running network: what libvirt changes while it runs, and a restart that keeps its guests connected."""

from __future__ import annotations

import fcntl
import os
import socket
import struct
import xml.etree.ElementTree as ET
from typing import Any, Dict, List, Optional

from .._reconcile.contract import Work
from .._reconcile.errors import EngineError
from .._reconcile.plan import LIVE, Change
from . import network_document, xmltree
from .connection import libvirt, translated

SIOCBRADDIF = 0x89A2  # linux/sockios.h: put an interface on a bridge
SIOCGIFINDEX = 0x8933
INTERFACES = "/sys/class/net/"
_RANGE = ("dhcp.start", "dhcp.end")


def apply(network: Any, live: ET.Element, stored: ET.Element, work: Work) -> None:
    """Brings the DHCP server of a running network to what is stored now (virNetworkUpdate, live only)."""
    changes = [change for change in work.changes if change.impact == LIVE and change.route[:1] == ("dhcp",)]
    running, wanted = live.find("ip"), stored.find("ip")
    if not changes or running is None or wanted is None:
        return
    if any(change.pattern in _RANGE for change in changes):
        with work.step("change the DHCP range of network %s" % work.name):
            _change_range(network, running, wanted)
    for change in changes:
        if change.route[1:2] == ("hosts",):
            with work.step("change %s of network %s" % (change.path, work.name)):
                _change_host(network, running, wanted, change)


def _update(network: Any, command: int, section: int, element: ET.Element) -> None:
    # The first ip element is the one that the grammar knows.
    with translated("change the DHCP server of network %s" % network.name()):
        network.update(command, section, 0, ET.tostring(element, encoding="unicode"),
                       libvirt.VIR_NETWORK_UPDATE_AFFECT_LIVE)


def _change_range(network: Any, running: ET.Element, wanted: ET.Element) -> None:
    # libvirt cannot modify a range (bridge_driver, virNetworkDefUpdateIPDHCPRange): out with the old, in with the new.
    section = libvirt.VIR_NETWORK_SECTION_IP_DHCP_RANGE
    old, new = running.find("dhcp/range"), wanted.find("dhcp/range")
    if old is not None:
        _update(network, libvirt.VIR_NETWORK_UPDATE_COMMAND_DELETE, section, old)
    if new is not None:
        _update(network, libvirt.VIR_NETWORK_UPDATE_COMMAND_ADD_LAST, section, new)


def _change_host(network: Any, running: ET.Element, wanted: ET.Element, change: Change) -> None:
    section, mac = libvirt.VIR_NETWORK_SECTION_IP_DHCP_HOST, change.route[2]
    old, new = network_document.find_host(running, mac), network_document.find_host(wanted, mac)
    if new is None and old is not None:
        _update(network, libvirt.VIR_NETWORK_UPDATE_COMMAND_DELETE, section, old)
    elif new is not None and old is not None:
        _update(network, libvirt.VIR_NETWORK_UPDATE_COMMAND_MODIFY, section, new)
    elif new is not None:
        _update(network, libvirt.VIR_NETWORK_UPDATE_COMMAND_ADD_LAST, section, new)


def taps_on(connection: Any, name: str) -> Dict[str, List[str]]:
    """The interfaces on the host of each running guest that is connected to a network."""
    found: Dict[str, List[str]] = {}
    with translated("read the running guests"):
        domains = connection.listAllDomains(libvirt.VIR_CONNECT_LIST_DOMAINS_ACTIVE)
        documents = {domain.name(): domain.XMLDesc(0) for domain in domains}
    for guest, text in documents.items():
        for nic in xmltree.parse(text, "domain %s" % guest).findall("devices/interface"):
            if xmltree.get(nic, "source/@network") == name:
                found.setdefault(guest, []).append(xmltree.get(nic, "target/@dev") or "")
    return found


def guests_on(connection: Any, name: str) -> List[str]:
    """Names of the running guests that are connected to a network."""
    return list(taps_on(connection, name))


def restart(network: Any, work: Work) -> None:
    """Stops and starts a network, after which its running guests' interfaces are on no bridge: see `reconnect`."""
    with work.step("restart network %s" % work.name), translated("restart network %s" % work.name):
        network.destroy()
        network.create()


def reconnect(connection: Any, network: Any, work: Work) -> None:
    """Puts the interfaces of the running guests of a network on its bridge, where they are on none.

    libvirt itself does that only when its daemon starts. Works on this machine alone. Raises EngineError where one stays off.
    """
    bridge = xmltree.get(xmltree.parse(network.XMLDesc(0)), "bridge/@name")
    taps = astray(connection, work.name, bridge)
    if taps:
        with work.step("connect the guests of network %s again" % work.name):
            for tap in taps:
                put_on_bridge(str(bridge), tap)
            left = astray(connection, work.name, bridge)
            if left:
                raise EngineError("interfaces of running guests of network %s could not be put on its bridge %s: %s"
                                  % (work.name, bridge, ", ".join(left)), "run with become: true, or restart these guests")


def astray(connection: Any, name: str, bridge: Optional[str]) -> List[str]:
    """The interfaces of running guests of a network with a bridge that are on none (Linux: they have no master)."""
    if not bridge:
        return []
    taps = [tap for of_guest in taps_on(connection, name).values() for tap in of_guest if tap]
    return [tap for tap in taps if os.path.isdir(INTERFACES + tap) and not os.path.exists(INTERFACES + tap + "/master")]


def put_on_bridge(bridge: str, tap: str) -> Optional[int]:
    """Puts an interface of this machine on a bridge; its index, or None where it is gone or on a bridge already."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as handle:
        try:
            found = fcntl.ioctl(handle, SIOCGIFINDEX, struct.pack("16si20x", tap.encode(), 0))
            index = int(struct.unpack("16si20x", found)[1])
            fcntl.ioctl(handle, SIOCBRADDIF, struct.pack("16si20x", bridge.encode(), index))
        except OSError:
            return None
    return index
