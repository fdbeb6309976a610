# Copyright: (c) 2026, flotilla.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What guests take from the declared networks, and what their addresses must satisfy."""

from __future__ import annotations

import ipaddress
from typing import Any, Dict, Iterable, List, Mapping, Optional, Set, Tuple

from ..errors import Problem
from ..schema import Spec
from .layers import did_you_mean
from .model import Fleet, Guest

# libvirt makes the bridge of these on one host, and nothing carries it to another.
HOST_LOCAL = ("nat", "route", "isolated")
# On these libvirt's own dnsmasq answers for DNS at the gateway's address, and the host routes.
_ROUTED = ("nat", "route", "open")


def prefixes(networks: Mapping[str, Spec]) -> Dict[str, int]:
    """The prefix length of every network that declares a subnet."""
    return {name: ipaddress.ip_network(spec["subnet"]).prefixlen for name, spec in networks.items()
            if spec.get("subnet")}


def mode_of(network: Mapping[str, Any]) -> str:
    """The declared mode; V(nat) is what a network is made with when it declares none."""
    return str(network.get("mode") or "nat")


class Surroundings:
    """What the networks' declarations say about addresses, worked out once for all guests."""

    def __init__(self, networks: Mapping[str, Spec]) -> None:
        self.networks = networks
        self.subnets = {name: ipaddress.ip_network(spec["subnet"]) for name, spec in networks.items()
                        if spec.get("subnet")}
        self.gateways = {name: self._gateway(name, spec) for name, spec in networks.items()}

    def _gateway(self, name: str, spec: Mapping[str, Any]) -> Optional[str]:
        if spec.get("gateway"):
            return str(spec["gateway"])
        subnet = self.subnets.get(name)
        if subnet is None or mode_of(spec) not in _ROUTED:
            return None
        return str(subnet.network_address + 1)

    def complete(self, spec: Spec) -> None:
        """Fills gateway and DNS of NICs with a static address from their network, in place.

        Only the first such NIC gets the gateway, since a guest has one default route; none does where any NIC
        declares its own.
        """
        nics: Iterable[Dict[str, Any]] = (spec.get("nics") or {}).values()
        routed = any(nic.get("gateway") for nic in nics)
        for nic in nics:
            network = nic.get("network", "")
            if not nic.get("address") or network not in self.networks:
                continue
            gateway = self.gateways[network]
            if gateway and not routed and _same_family(gateway, nic["address"]):
                nic["gateway"], routed = gateway, True
            servers = self.networks[network].get("dns") or (
                [gateway] if gateway and mode_of(self.networks[network]) in _ROUTED else None)
            if servers and "dns" not in nic:
                nic["dns"] = list(servers)

    def problems_of(self, guest: Guest) -> List[Problem]:
        """What is wrong with a guest's addresses in the networks that it is on."""
        found: List[Problem] = []
        for name, nic in (guest.spec.get("nics") or {}).items():
            network = nic.get("network")
            subnet = self.subnets.get(network)
            if subnet is None:
                continue
            for word in addresses_of(nic):
                problem = self._problem(word, network, subnet)
                if problem:
                    found.append(Problem(guest.written(("nics", name, "address")), problem,
                                         "choose a free address of %s" % subnet))
        return found

    def _problem(self, word: str, network: str, subnet: Any) -> str:
        address, _slash, prefix = word.partition("/")
        ip = ipaddress.ip_address(address)
        if ip.version != subnet.version:
            return ""
        if ip not in subnet:
            return "%s is outside the network %s (%s)" % (word, network, subnet)
        if prefix and int(prefix) != subnet.prefixlen:
            return "%s has another prefix length than the network %s (%s)" % (word, network, subnet)
        if address == self.gateways.get(network):
            return "%s is the gateway of the network %s" % (address, network)
        if ip.version == 4 and subnet.prefixlen < 31 and ip in (subnet.network_address, subnet.broadcast_address):
            return "%s is no host's address in the network %s (%s)" % (address, network, subnet)
        return ""


def addresses_of(nic: Mapping[str, Any]) -> List[str]:
    """The static addresses of a NIC."""
    address = nic.get("address")
    if address is None:
        return []
    return list(address) if isinstance(address, list) else [address]


def _same_family(gateway: str, address: Any) -> bool:
    words = address if isinstance(address, list) else [address]
    return any((":" in gateway) == (":" in word) for word in words)


def duplicates(guests: Iterable[Guest]) -> List[Problem]:
    """A problem for every address and every MAC address that two guests declare; it names both."""
    found: List[Problem] = []
    seen: Dict[Tuple[str, str], str] = {}
    for guest in guests:
        if guest.ends:
            continue
        for name, nic in (guest.spec.get("nics") or {}).items():
            segment = nic.get("network") or nic.get("bridge") or ""
            keys = [(segment, word.partition("/")[0], "address") for word in addresses_of(nic)]
            if nic.get("mac"):
                keys.append(("", nic["mac"], "mac"))
            for place, value, option in keys:
                other = seen.setdefault((place, value), guest.name)
                if other is not guest.name:
                    found.append(Problem(guest.written(("nics", name, option)), "%s is declared for both %s and %s" % (
                        value, other, guest.name), "give each its own"))
    return found


def check_placement(fleet: Fleet) -> List[Problem]:
    """Networks that live on one host and are used on several, and networks or pools that a guest's host lacks."""
    found: List[Problem] = []
    users: Dict[str, Dict[str, str]] = {}
    for guest in fleet.guests.values():
        if guest.ends:
            continue
        host = guest.host or fleet.host
        for kind, route, name in uses_of(guest):
            spec = fleet.option(kind, name)
            if host and spec.get("hosts") and host not in spec["hosts"]:
                found.append(Problem(guest.written(route), "%s %s is not on host %s" % (kind[:-1], name, host),
                                     "add the host to its hosts (%s)" % ", ".join(spec["hosts"])))
            if kind == "networks" and spec and mode_of(spec) in HOST_LOCAL:
                users.setdefault(name, {}).setdefault(host, guest.name)
    for name, by_host in users.items():
        if len(by_host) > 1:
            index = list(fleet.networks).index(name)
            found.append(Problem("networks[%d].mode" % index, "a network of mode %s lives on one host, and %s is used on %s"
                                 % (mode_of(fleet.networks[name]), name, ", ".join(
                                     "%s (%s)" % pair for pair in sorted(by_host.items()))),
                                 "use mode bridge, or put these guests on one host"))
    return found


def uses_of(guest: Guest) -> List[Tuple[str, Tuple[str, ...], str]]:
    """The pools and networks that a guest names: kind, route and name."""
    found: List[Tuple[str, Tuple[str, ...], str]] = []
    for kind, items, option in (("networks", "nics", "network"), ("pools", "disks", "pool")):
        for name, item in (guest.spec.get(items) or {}).items():
            if item.get(option):
                found.append((kind, (items, name, option), item[option]))
    return found


def resources_here(fleet: Fleet) -> Dict[str, Dict[str, Spec]]:
    """The images, pools and networks that this run makes on this host: with `only`, those that the guests need."""
    out: Dict[str, Dict[str, Spec]] = {"images": dict(fleet.images), "pools": {}, "networks": {}}
    needed = _needed(fleet)
    elsewhere = _local_elsewhere(fleet)
    for kind in ("pools", "networks"):
        for name, spec in getattr(fleet, kind).items():
            hosts = spec.get("hosts")
            if (hosts and fleet.host and fleet.host not in hosts) or (kind == "networks" and name in elsewhere):
                continue
            if fleet.chosen is None or name in needed[kind]:
                out[kind][name] = {key: value for key, value in spec.items() if key not in ("name", "hosts")}
    if fleet.chosen is not None:
        out["images"] = {name: spec for name, spec in fleet.images.items() if name in needed["images"]}
    out["images"] = {name: {key: value for key, value in spec.items() if key != "name"}
                     for name, spec in out["images"].items()}
    return out


def _needed(fleet: Fleet) -> Dict[str, Set[str]]:
    needed: Dict[str, Set[str]] = {"pools": set(), "networks": set(), "images": set()}
    for guest in fleet.here():
        for kind, _route, name in uses_of(guest):
            needed[kind].add(name)
        needed["images"] |= set(images_of(guest).values())
    return needed


def images_of(guest: Guest) -> Dict[Tuple[str, ...], str]:
    """The images that a guest names, by route."""
    found: Dict[Tuple[str, ...], str] = {}
    if guest.spec.get("image"):
        found[("image",)] = guest.spec["image"]
    for name, disk in (guest.spec.get("disks") or {}).items():
        if disk.get("image"):
            found[("disks", name, "image")] = disk["image"]
    return found


def _local_elsewhere(fleet: Fleet) -> Set[str]:
    """Networks that live on one host, say nothing about which, and are used only by guests of other hosts."""
    here: Set[str] = set()
    there: Set[str] = set()
    for guest in fleet.guests.values():
        names = {name for kind, _route, name in uses_of(guest) if kind == "networks"}
        (here if fleet.is_here(guest) else there).update(names)
    return {name for name, spec in fleet.networks.items()
            if mode_of(spec) in HOST_LOCAL and not spec.get("hosts") and name in there and name not in here}


def check_hosts(fleet: Fleet) -> List[Problem]:
    """Guests whose host is unknown or left open, and words of `spread` and `together` that the hosts contradict."""
    found: List[Problem] = []
    groups: Dict[Tuple[str, str], Dict[str, str]] = {}
    for guest in fleet.guests.values():
        found.extend(_host_problems(fleet, guest))
        host = guest.host or fleet.host or "this host"
        if guest.spread and not guest.ends:
            hosts = groups.setdefault(("spread", guest.spread), {})
            if host in hosts:
                found.append(Problem(guest.written(("spread",)), "asks for different hosts, and both %s and %s are on %s"
                                     % (hosts[host], guest.name, host), "declare another host for one of them"))
            hosts.setdefault(host, guest.name)
        if guest.together and not guest.ends:
            hosts = groups.setdefault(("together", guest.together), {})
            hosts.setdefault(host, guest.name)
            if len(hosts) == 2 and hosts.get(host) == guest.name:
                found.append(Problem(guest.written(("together",)), "asks for one host, and %s" % " and ".join(
                    "%s is on %s" % (name, place) for place, name in hosts.items()), "declare the same host for them"))
    return found


def _host_problems(fleet: Fleet, guest: Guest) -> List[Problem]:
    if guest.host and not fleet.host:
        return [Problem("host", "is needed, since guest %s names the host %s" % (guest.name, guest.host),
                        "give this host's inventory name")]
    if guest.host and fleet.hosts and guest.host not in fleet.hosts:
        return [Problem(guest.written(("host",)), "%s is no host of this fleet" % guest.host, did_you_mean(
            guest.host, fleet.hosts, "its hosts are %s" % ", ".join(fleet.hosts)))]
    if not guest.host and len(fleet.hosts) > 1 and not guest.ends:
        return [Problem(guest.where, "guest %s names no host, and this fleet has several (%s)"
                        % (guest.name, ", ".join(fleet.hosts)), "declare host for it")]
    return []
