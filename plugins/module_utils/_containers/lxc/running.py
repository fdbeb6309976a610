# Copyright: (c) 2026, flotilla.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a running container has of what is set only at its start: interfaces and host name, as the kernel shows them.

LXC does not say what a container was started with: `lxc-info -c` prints the file as it is now (seen with 5.0.2). It costs
four processes (some 15 ms), so only a container whose configuration was edited after its start is asked.
"""

from __future__ import annotations

import hashlib
import json
from typing import Any, Dict, List, Mapping, Optional, Sequence

from ..._reconcile.annotation import Annotation
from ..._reconcile.errors import EngineError
from ..._reconcile.schema import Spec
from ..addresses import interfaces
from ..host import Host
from . import extras, read


class Gone(EngineError):
    """The container ended while it was looked at."""


def _failed(host: Host, item: Optional[read.Container], text: str) -> EngineError:
    if item is not None and not host.exists("/proc/%d" % item.init):
        return Gone("the container %s stopped just now" % item.name)
    return EngineError("cannot look into %s: %s" % ("the container " + item.name if item is not None else "this host's network", text))


def proof_of_start(item: read.Container, stored: Spec, config: str) -> Dict[str, Any]:
    """What is noted of this very init: what of its configuration it keeps until it ends, and a digest of the configuration.

    An empty `config` says that it came up with another one than that which is stored.
    """
    fixed = {name: stored[name] for name in extras.FIXED if stored.get(name) is not None}
    return {"init": item.init, "at": item.started, "config": digest(config) if config else "", "fixed": fixed}


def _proof(item: read.Container, note: Optional[Annotation]) -> Dict[str, Any]:
    proof = (note.facts.get("started") if note is not None else None) or {}
    return dict(proof) if proof.get("init") == item.init and proof.get("at") == item.started else {}


def fixed_at_start(item: read.Container, note: Optional[Annotation]) -> Optional[Spec]:
    """Those options that this init keeps until it ends, as they were at its start; None where nobody noted them."""
    return _proof(item, note).get("fixed")


def proof_before(host: Host, item: read.Container, note: Optional[Annotation], stored: Spec) -> Dict[str, Any]:
    """What is to be noted before the configuration of a running container is edited for the first time."""
    known = _proof(item, note)
    if known.get("fixed") is not None:
        return known
    return proof_of_start(item, stored, "" if edited_since_start(host, item, note) else item.config or "")


def digest(text: str) -> str:
    """What tells one configuration from another."""
    return hashlib.sha256(text.encode("utf-8", "surrogateescape")).hexdigest()[:16]


def edited_since_start(host: Host, item: read.Container, note: Optional[Annotation]) -> bool:
    """Whether the configuration may have changed after the container started.

    Where we started this init, its configuration was noted. Where somebody else did (lxc-autostart, a reboot inside), a
    file older than init says no; the start is known to 10 ms.
    """
    proof = _proof(item, note)
    if proof:
        return bool(proof.get("config") != digest(item.config or ""))
    return host.modified(item.directory + "/config") > host.started(item.init) - 0.02


def is_as_started(proof: Mapping[str, Any], item: read.Container) -> bool:
    """Whether this init runs with the configuration that was read, less what is noted as kept from its start."""
    return bool(proof.get("config") == digest(item.config or ""))


def hostname_of(host: Host, item: read.Container) -> str:
    """The host name that is in force inside."""
    said = host.run(["nsenter", "-t", str(item.init), "-u", "--", "uname", "-n"])
    if said.rc != 0:
        raise _failed(host, item, said.stderr.strip())
    return said.stdout.strip()


def _ip(host: Host, item: Optional[read.Container], *arguments: str) -> List[Dict[str, Any]]:
    inside = ["nsenter", "-t", str(item.init), "-n", "--"] if item is not None else []
    said = host.run(inside + ["ip", "-j"] + list(arguments))
    if said.rc != 0:
        raise _failed(host, item, said.stderr.strip())
    return [entry for entry in json.loads(said.stdout or "[]") if entry]


def nics_of(host: Host, item: read.Container, stored: Mapping[str, Spec], noted: Mapping[str, Mapping[str, Any]],
            networks: Mapping[str, str]) -> Dict[str, Spec]:
    """The veth and macvlan interfaces inside, by name, in the words of the stored ones where these are in force.

    `networks` is the bridge of the network that a stored NIC names, by the NIC's name.
    What is only inside (an address from DHCP, one that an adopted container sets by itself) is no difference.
    """
    links = {entry["ifindex"]: entry for entry in _ip(host, None, "link")}
    routes = _ip(host, item, "route", "show", "default") + _ip(host, item, "-6", "route", "show", "default")
    names = {str(values.get("mac")): name for name, values in noted.items()}
    names.update({str(nic.get("mac")): name for name, nic in stored.items() if nic.get("mac")})
    result: Dict[str, Spec] = {}
    for link in _ip(host, item, "-d", "addr"):
        kind = (link.get("linkinfo") or {}).get("info_kind")
        other = links.get(link.get("link_index")) or {}
        beside = other.get("ifname", "") if kind == "macvlan" else other.get("master", "") if kind == "veth" else ""
        if not beside:
            continue
        name = names.get(link.get("address", "")) or link["ifname"]
        result[name] = _nic(name, link, beside, routes, stored.get(name), noted.get(name), networks.get(name))
    return result


def _nic(name: str, link: Mapping[str, Any], bridge: str, routes: Sequence[Mapping[str, Any]], stored: Optional[Spec],
         noted: Optional[Mapping[str, Any]], of_network: Optional[str]) -> Spec:
    there: Spec = dict(stored or {})
    was = (noted or {}).get("was") or {}
    nic: Spec = {"name": name}
    if link["linkinfo"]["info_kind"] == "macvlan":
        nic.update(macvlan=bridge, macvlan_mode=link["linkinfo"].get("info_data", {}).get("mode"))
    elif of_network == bridge:
        nic["network"] = there["network"]
    else:
        nic["bridge"] = bridge
    if stored is None or there.get("mac"):
        nic["mac"] = link["address"]
    address = _address(link, there.get("address"), noted is not None, was.get("address"))
    if address is not None:
        nic["address"] = address
    gateways = [route.get("gateway") for route in routes if route.get("dev") == link["ifname"]]
    if was.get("gateway") in gateways and was.get("gateway") != there.get("gateway"):
        # A run that died has not taken it back.
        nic["gateway"] = was["gateway"]
    elif there.get("gateway") in gateways:
        nic["gateway"] = there["gateway"]
    elif there.get("gateway") and gateways:
        nic["gateway"] = gateways[0]
    if there.get("dns"):
        # Name servers stand in the root file system and are in force when written.
        nic["dns"] = there["dns"]
    return nic


def _address(link: Mapping[str, Any], stored: Any, ours: bool, was: Any) -> Any:
    static = ["%s/%s" % (entry["local"], entry["prefixlen"]) for entry in link.get("addr_info", [])
              if entry.get("scope") == "global" and not entry.get("dynamic")]
    wanted = interfaces(stored)
    left = [address for address in interfaces(was) if address in static and address not in wanted]
    if wanted and all(address in static for address in wanted) and not left:
        return stored
    if not static or (not wanted and not ours):
        return None
    return static[0] if len(static) == 1 else static


# -- changing what runs -----------------------------------------------------------------------------------------------


def set_hostname(host: Host, item: read.Container, hostname: str) -> None:
    """Give the running container another host name."""
    said = host.run(["nsenter", "-t", str(item.init), "-u", "--", "hostname", hostname])
    if said.rc != 0:
        raise _failed(host, item, said.stderr.strip())


def _set(host: Host, item: read.Container, *arguments: str) -> None:
    said = host.run(["nsenter", "-t", str(item.init), "-n", "--"] + list(arguments))
    if said.rc != 0:
        raise EngineError("cannot change the network of the running container %s: %s" % (item.name, said.stderr.strip()),
                          "look at its interfaces, then run again")


def set_network(host: Host, item: read.Container, mac: str, was: Mapping[str, Any], nic: Mapping[str, Any]) -> None:
    """Give one interface of the running container its addresses and its gateway; what is there already is not touched.

    `was` is what it had by its configuration: an address that is in neither is somebody else's and stays. New addresses come
    before old ones go, and connections over an address that stays go on: without promote_secondaries the kernel would remove
    with an address all later ones of its subnet (Linux: ip-sysctl.rst).
    """
    link = next((entry for entry in _ip(host, item, "addr") if entry.get("address") == mac), None)
    if link is None:
        raise EngineError("the running container %s has no interface with the MAC address %s" % (item.name, mac), "restart it")
    name = link["ifname"]
    there = ["%s/%s" % (entry["local"], entry["prefixlen"]) for entry in link.get("addr_info", [])]
    wanted, old = interfaces(nic.get("address")), interfaces(was.get("address"))
    for address in wanted:
        if address not in there:
            _set(host, item, "ip", "addr", "add", address, "dev", name)
    gone = [address for address in old if address in there and address not in wanted]
    promote = "net.ipv4.conf.%s.promote_secondaries" % name
    before = host.run(["nsenter", "-t", str(item.init), "-n", "--", "sysctl", "-n", promote]).stdout.strip() if gone else ""
    if before == "0":
        _set(host, item, "sysctl", "-q", "-w", promote + "=1")
    for address in gone:
        _set(host, item, "ip", "addr", "del", address, "dev", name)
    if before == "0":
        _set(host, item, "sysctl", "-q", "-w", promote + "=0")
    _set_gateway(host, item, name, was.get("gateway"), nic.get("gateway"))


def _set_gateway(host: Host, item: read.Container, name: str, was: Optional[str], gateway: Optional[str]) -> None:
    if was and (not gateway or is_v6(was) != is_v6(gateway)):
        routes = _ip(host, item, "-6" if is_v6(was) else "-4", "route", "show", "default")
        if any(route.get("gateway") == was and route.get("dev") == name for route in routes):
            _set(host, item, "ip", "-6" if is_v6(was) else "-4", "route", "del", "default", "via", was, "dev", name)
    if gateway:
        # Also where it is the same: the kernel forgets the route with the last address of its subnet.
        _set(host, item, "ip", "-6" if is_v6(gateway) else "-4", "route", "replace", "default", "via", gateway, "dev", name)


def is_v6(word: str) -> bool:
    """Whether an address is one of IPv6."""
    return ":" in word
