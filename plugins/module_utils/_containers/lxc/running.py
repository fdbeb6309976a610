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
from ..host import Host
from . import read


class Gone(EngineError):
    """The container ended while it was looked at."""


def _failed(host: Host, item: Optional[read.Container], text: str) -> EngineError:
    if item is not None and not host.exists("/proc/%d" % item.init):
        return Gone("the container %s stopped just now" % item.name)
    return EngineError("cannot look into %s: %s" % ("the container " + item.name if item is not None else "this host's network", text))


def proof_of_start(host: Host, item: read.Container) -> Dict[str, Any]:
    """What is noted when we start a container: this very init came up with this very configuration."""
    return {"init": item.init, "at": item.started, "config": _digest(host.read_file(item.directory + "/config") or "")}


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogateescape")).hexdigest()[:16]


def edited_since_start(host: Host, item: read.Container, note: Optional[Annotation]) -> bool:
    """Whether the configuration may have changed after the container started.

    Where we started this init, its configuration was noted. Where somebody else did (lxc-autostart, a reboot inside), a
    file older than init says no; the start is known to 10 ms.
    """
    proof = (note.facts.get("started") if note is not None else None) or {}
    if proof.get("init") == item.init and proof.get("at") == item.started:
        return bool(proof.get("config") != _digest(item.config or ""))
    return host.modified(item.directory + "/config") > host.started(item.init) - 0.02


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
    """The veth interfaces inside, by name, in the words of the stored ones where these are in force.

    `networks` is the bridge of the network that a stored NIC names, by the NIC's name.
    What is only inside (an address from DHCP, one that an adopted container sets by itself) is no difference.
    """
    bridges = {entry["ifindex"]: entry.get("master", "") for entry in _ip(host, None, "link")}
    routes = _ip(host, item, "route", "show", "default") + _ip(host, item, "-6", "route", "show", "default")
    names = {str(values.get("mac")): name for name, values in noted.items()}
    names.update({str(nic.get("mac")): name for name, nic in stored.items() if nic.get("mac")})
    result: Dict[str, Spec] = {}
    for link in _ip(host, item, "-d", "addr"):
        if (link.get("linkinfo") or {}).get("info_kind") != "veth" or not bridges.get(link.get("link_index")):
            continue
        name = names.get(link.get("address", "")) or link["ifname"]
        result[name] = _nic(name, link, bridges[link["link_index"]], routes, stored.get(name), name in noted,
                            networks.get(name))
    return result


def _nic(name: str, link: Mapping[str, Any], bridge: str, routes: Sequence[Mapping[str, Any]], stored: Optional[Spec],
         ours: bool, of_network: Optional[str]) -> Spec:
    there: Spec = dict(stored or {})
    nic: Spec = {"name": name}
    if of_network == bridge:
        nic["network"] = there["network"]
    else:
        nic["bridge"] = bridge
    if stored is None or there.get("mac"):
        nic["mac"] = link["address"]
    address = _address(link, there.get("address"), ours)
    if address is not None:
        nic["address"] = address
    gateways = [route.get("gateway") for route in routes if route.get("dev") == link["ifname"]]
    if there.get("gateway") in gateways:
        nic["gateway"] = there["gateway"]
    elif there.get("gateway") and gateways:
        nic["gateway"] = gateways[0]
    if there.get("dns"):
        # Name servers stand in the root file system and are in force when written.
        nic["dns"] = there["dns"]
    return nic


def _address(link: Mapping[str, Any], stored: Any, ours: bool) -> Any:
    static = ["%s/%s" % (entry["local"], entry["prefixlen"]) for entry in link.get("addr_info", [])
              if entry.get("scope") == "global" and not entry.get("dynamic")]
    wanted = [stored] if isinstance(stored, str) else list(stored or [])
    if wanted and all(address in static for address in wanted):
        return stored
    if not static or (not wanted and not ours):
        return None
    return static[0] if len(static) == 1 else static
