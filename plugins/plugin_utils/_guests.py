# Copyright: (c) 2026, flotilla.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What an inventory says of one guest: its variables and groups, from what an info module returned. Pure."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass, field
from typing import Any, Callable, Dict, List, Mapping, Optional, Sequence

from ansible_collections.flotilla.virt.plugins.module_utils._reconcile.host_keys import public_keys

# Modes in which libvirt itself makes the bridge, so that the addresses on it mean something on its host only.
HOST_LOCAL_MODES = ("nat", "route", "open", "isolated")

PLANNED, UNKNOWN = "planned", "unknown"


@dataclass(frozen=True)
class Source:
    """Where guests are read: an inventory host, or a libvirt connection under a name.

    remote: it is another machine than this one. ssh_args: options of `ssh` that jump through it, empty where there is
    no way. networks: mode of each of its libvirt networks by name, as far as they are known.
    """

    name: str
    remote: bool = False
    ssh_args: str = ""
    networks: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Guest:
    """One guest of the inventory; `variables` are all that it gets."""

    name: str
    host: str
    engine: str
    variables: Mapping[str, Any]

    @property
    def state(self) -> str:
        """Its power state, `planned`, or `unknown`."""
        return str(self.variables["flotilla_state"])

    @property
    def fleet(self) -> str:
        """The fleet that it belongs to, empty without one."""
        return str(self.variables["flotilla_fleet"] or "")

    def groups(self) -> List[str]:
        """Its groups before their names are made safe; `engine: auto` is none yet."""
        groups = ["state_" + self.state]
        if self.engine and self.engine != "auto":
            groups.append("engine_" + self.engine)
        if self.host:
            groups.append("host_" + self.host)
        if self.fleet:
            groups.append("fleet_" + self.fleet)
        return groups + ["tag_%s_%s" % pair for pair in self.variables["flotilla_tags"].items()]

    def to_dict(self) -> Dict[str, Any]:
        """The form that a cache keeps."""
        return {"name": self.name, "host": self.host, "engine": self.engine, "variables": dict(self.variables)}


def guest_of(item: Mapping[str, Any], engine: str, source: Source) -> Guest:
    """The guest that one entry of an info module's list describes."""
    spec, status = item.get("spec") or {}, item.get("status") or {}
    variables: Dict[str, Any] = {
        "flotilla_name": item["name"],
        "flotilla_engine": engine,
        "flotilla_host": source.name,
        "flotilla_state": spec.get("state") or status.get("state") or UNKNOWN,
        "flotilla_fleet": status.get("fleet"),
        "flotilla_uuid": status.get("uuid"),
        "flotilla_tags": spec.get("tags") or {},
        "flotilla_spec": spec,
        "flotilla_status": status,
        "flotilla_pending": status.get("pending") or [],
        # Checked once more here, on the controller: it is the guest's own word, and a known_hosts file may be made of it.
        "flotilla_host_keys": public_keys(status.get("host_keys") or []),
    }
    variables.update(WAYS.get(engine, into_container)(spec, status, source))
    return Guest(item["name"], source.name, engine, variables)


def declared_guest(name: str, host: str, engine: str, state: str, fleet: str, tags: Mapping[str, str]) -> Guest:
    """A guest that a fleet file declares and that was not found."""
    return Guest(name, host, engine, {
        "flotilla_name": name, "flotilla_engine": engine, "flotilla_host": host or None, "flotilla_state": state,
        "flotilla_fleet": fleet, "flotilla_uuid": None, "flotilla_tags": dict(tags), "flotilla_spec": {},
        "flotilla_status": {}, "flotilla_pending": [], "flotilla_host_keys": []})


def into_container(_spec: Mapping[str, Any], status: Mapping[str, Any], _source: Source) -> Dict[str, Any]:
    """A container is entered through its engine on its host; its address, if any, is only told."""
    found = usable(status.get("addresses") or [])
    variables: Dict[str, Any] = {"ansible_connection": "flotilla.virt.container"}
    if found:
        variables["ansible_host"] = found[0]["address"]
    return variables


def into_domain(spec: Mapping[str, Any], status: Mapping[str, Any], source: Source) -> Dict[str, Any]:
    """A domain is entered by SSH; through its host where its address means something there only."""
    found = usable(status.get("addresses") or [])
    if not found:
        return {}
    networks = _network_of_mac(spec.get("nics") or [])
    if not source.remote:
        return {"ansible_host": found[0]["address"]}
    hidden = {entry["address"]: _is_hidden(entry, networks, source) for entry in found}
    best = min(found, key=lambda entry: hidden[entry["address"]])
    variables: Dict[str, Any] = {"ansible_host": best["address"]}
    if hidden[best["address"]] and source.ssh_args:
        variables["ansible_ssh_common_args"] = source.ssh_args
    return variables


def into_either(spec: Mapping[str, Any], status: Mapping[str, Any], source: Source) -> Dict[str, Any]:
    """A container of Virtuozzo is entered as any; a virtual machine too, where it has the guest tools that take commands."""
    enters = status.get("vmtype") != "vm" or status.get("guest_tools") == "installed"
    return into_container(spec, status, source) if enters else {}


# How an engine's guests are entered; every other engine is one of containers.
WAYS: Dict[str, Callable[[Mapping[str, Any], Mapping[str, Any], Source], Dict[str, Any]]] = {"kvm": into_domain, "virtuozzo": into_either}


def usable(addresses: Sequence[Any]) -> List[Dict[str, str]]:
    """The addresses that another machine could use, IPv4 first, else in the order given.

    A guest's agent can say what it likes, so what is no address never becomes a variable.
    """
    found = []
    for entry in addresses:
        told = dict(entry) if isinstance(entry, Mapping) else {"address": entry}
        parsed = _parsed(told.get("address"))
        if parsed is not None:
            found.append((parsed.version, {"address": str(parsed), "mac": str(told.get("mac", "")).lower(),
                                           "source": str(told.get("source", ""))}))
    return [entry for _version, entry in sorted(found, key=lambda pair: pair[0])]


def _parsed(text: Any) -> Any:
    try:
        address = ipaddress.ip_address(str(text).split("/", 1)[0])
    except ValueError:
        return None
    useless = address.is_loopback or address.is_link_local or address.is_multicast or address.is_unspecified
    return None if useless else address


def _network_of_mac(nics: Sequence[Mapping[str, Any]]) -> Dict[str, Optional[str]]:
    return {str(nic["mac"]).lower(): nic.get("network") for nic in nics if nic.get("mac")}


def _is_hidden(entry: Mapping[str, str], networks: Mapping[str, Optional[str]], source: Source) -> bool:
    """Whether an address is on a network that ends at the guest's host."""
    network = networks.get(entry["mac"])
    if network is not None and network in source.networks:
        return source.networks[network] in HOST_LOCAL_MODES
    # Only the DHCP servers of libvirt's own networks are asked for leases.
    return entry["source"] == "lease"
