# Copyright: (c) 2026, flotilla.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Everything about a network that is validated against the host before the first step. Reads, never changes."""

from __future__ import annotations

import ipaddress
import os
import socket
import struct
from typing import Any, Dict, List, Mapping, Tuple

from .._reconcile.errors import Problem, join_path
from .network_document import ROUTED, gateway_of

BRIDGE_LENGTH = 15  # linux/if.h: IFNAMSIZ less the closing zero
NEEDS_SUBNET = ("nat", "route", "open")
NEEDS_DEVICE = ("macvtap", "hostdev")
TAKES_DEVICE = NEEDS_DEVICE + ("nat", "route")

Others = Mapping[str, Mapping[str, Any]]


def problems_of(target: Mapping[str, Any], where: str, declared: Mapping[str, Any]) -> List[Problem]:
    """What contradicts itself in a network; `target` is the whole of it, `declared` what the user wrote."""
    found = _Problems(where)
    mode = target.get("mode", "nat")
    if len(target.get("bridge") or "") > BRIDGE_LENGTH:
        found.add("bridge", "%r has more than %d characters" % (target["bridge"], BRIDGE_LENGTH), "shorten it")
    if mode == "bridge" and not target.get("bridge"):
        found.add("bridge", "is required for mode bridge", "name the host's own bridge")
    if mode in NEEDS_DEVICE and not target.get("device"):
        found.add("device", "is required for mode %s" % mode, "name an interface of the host")
    for option, modes in (("bridge", ROUTED + ("bridge",)), ("device", TAKES_DEVICE), ("domain", ROUTED),
                          ("mtu", ROUTED), ("dhcp", ROUTED)):
        if declared.get(option) and mode not in modes:
            found.add(option, "mode %s has no such option" % mode, "remove it, or use mode %s" % " or ".join(modes))
    if target.get("subnet") is None:
        if mode in NEEDS_SUBNET:
            found.add("subnet", "is required for mode %s" % mode, "such as subnet: 10.30.0.0/24")
        for option in ("gateway", "dhcp"):
            if declared.get(option):
                found.add(option, "needs subnet", "declare subnet")
    else:
        _addresses(target, found, declared)
    return found.problems


class _Problems:
    def __init__(self, where: str) -> None:
        self.where = where
        self.problems: List[Problem] = []

    def add(self, path: str, problem: str, remedy: str) -> None:
        """Notes a problem at a path below this network's."""
        self.problems.append(Problem(join_path(self.where, path), problem, remedy))


def _addresses(target: Mapping[str, Any], found: _Problems, declared: Mapping[str, Any]) -> None:
    subnet = ipaddress.ip_network(target["subnet"])
    if declared.get("gateway") is not None:
        _inside(declared["gateway"], subnet, "gateway", found)
    dhcp = target.get("dhcp") or {}
    if ("start" in dhcp) != ("end" in dhcp):
        missing = "end" if "start" in dhcp else "start"
        found.add("dhcp." + missing, "is required beside dhcp.%s" % ("start" if missing == "end" else "end"),
                  "declare both")
    elif "start" in dhcp:
        # Both are looked at, so that both are told.
        inside = [_inside(dhcp[name], subnet, "dhcp." + name, found) for name in ("start", "end")]
        if all(inside) and int(ipaddress.ip_address(dhcp["start"])) > int(ipaddress.ip_address(dhcp["end"])):
            found.add("dhcp.start", "%s is above dhcp.end %s" % (dhcp["start"], dhcp["end"]), "exchange them")
    _hosts(dhcp.get("hosts", {}), subnet, target, found)


def _hosts(hosts: Mapping[str, Any], subnet: Any, target: Mapping[str, Any], found: _Problems) -> None:
    taken: Dict[str, str] = {gateway_of(target): "the gateway"}
    for index, host in enumerate(hosts.values()):
        place = "dhcp.hosts[%d].address" % index
        if not _inside(host["address"], subnet, place, found):
            continue
        if host["address"] in taken:
            found.add(place, "%s is already that of %s" % (host["address"], taken[host["address"]]),
                      "choose another address")
        taken[host["address"]] = host["mac"]


def _inside(address: str, subnet: Any, place: str, found: _Problems) -> bool:
    value = ipaddress.ip_address(address)
    if value not in subnet:
        found.add(place, "%s is outside the subnet %s" % (address, subnet), "choose an address in it")
        return False
    if value.version == 4 and subnet.prefixlen < 31 and value in (subnet.network_address, subnet.broadcast_address):
        found.add(place, "%s is the subnet's network or broadcast address" % address, "choose another address in it")
        return False
    return True


def collisions(name: str, target: Mapping[str, Any], others: Others, where: str) -> List[Problem]:
    """Another network of the host with the same bridge or an overlapping subnet."""
    found = _Problems(where)
    if target.get("mode") not in ROUTED:
        return []
    subnet = ipaddress.ip_network(target["subnet"]) if target.get("subnet") else None
    for other, spec in others.items():
        if other == name or spec.get("mode") not in ROUTED:
            continue
        if target.get("bridge") and spec.get("bridge") == target["bridge"]:
            found.add("bridge", "%s is already the bridge of network %s" % (target["bridge"], other), "choose another name")
        theirs = ipaddress.ip_network(spec["subnet"]) if spec.get("subnet") else None
        if subnet is not None and theirs is not None and subnet.version == theirs.version and subnet.overlaps(theirs):
            found.add("subnet", "%s overlaps with %s of network %s" % (subnet, theirs, other), "choose another subnet")
    return found.problems


def of_this_machine(target: Mapping[str, Any], where: str) -> List[Problem]:
    """What the kernel of this machine says: a bridge or interface that is missing, a subnet that is in use."""
    found = _Problems(where)
    mode, bridge = target.get("mode"), target.get("bridge")
    if mode == "bridge" and bridge and not os.path.isdir("/sys/class/net/%s/bridge" % bridge) and not _is_ovs(bridge):
        found.add("bridge", "the host has no bridge %s" % bridge, "make it first, or name another one")
    device = target.get("device")
    if device and mode in TAKES_DEVICE and not os.path.isdir("/sys/class/net/%s" % device):
        found.add("device", "the host has no interface %s" % device, "name one that it has")
    if mode in ROUTED and target.get("subnet"):
        for interface, network in _routes():
            # libvirt refuses to start such a network (bridge_driver_linux.c, networkCheckRouteCollision).
            if str(network) == target["subnet"] and interface != bridge:
                found.add("subnet", "%s is in use by the host's interface %s" % (network, interface),
                          "choose another subnet")
    return found.problems


def _is_ovs(bridge: str) -> bool:
    # An Open vSwitch bridge is a plain interface to the kernel.
    return os.path.isdir("/sys/class/net/%s" % bridge) and os.path.isdir("/sys/class/net/ovs-system")


def _routes(path: str = "/proc/net/route") -> List[Tuple[str, Any]]:
    """Interface and network of each IPv4 route, less default routes (proc(5): addresses are hex in host order)."""
    routes: List[Tuple[str, Any]] = []
    try:
        with open(path, encoding="ascii") as handle:
            lines = handle.read().splitlines()[1:]
    except OSError:
        return routes
    for line in lines:
        fields = line.split()
        network, mask = (_address(fields[index]) for index in (1, 7))
        if mask != "0.0.0.0":
            routes.append((fields[0], ipaddress.ip_network("%s/%s" % (network, mask), strict=False)))
    return routes


def _address(text: str) -> str:
    return socket.inet_ntoa(struct.pack("=L", int(text, 16)))
