# Copyright: (c) 2026, flotilla.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A container as the grammar says it: what its configuration stores, and what runs of it."""

from __future__ import annotations

import copy
import ipaddress
from decimal import Decimal
from typing import Any, Dict, List, Mapping, Optional, Set

from ..._reconcile.annotation import Annotation
from ..._reconcile.attachment import Networks
from ..._reconcile.schema import Spec
from ..noting import WAITING
from . import read, table
from .config import nics_of
from .dialect import PAGE

STATES = {read.RUNNING: "running", read.STOPPED: "stopped", read.MOUNTED: "stopped"}
VENET = "venet"
VENET_NAME = "venet0"


def stored_spec(item: read.Container, networks: Networks) -> Spec:
    """What the next start will make of the container, and what was noted when it was made."""
    spec: Spec = {"state": STATES.get(item.status, "present")}
    for row in table.ROWS:
        if row.key in item.settings:
            value = row.read(item.settings[row.key])
            if value is not None:
                table.put(spec, row.route, value)
    spec.setdefault("autostart", False)
    capabilities = _capabilities(item.settings.get("CAPABILITY", ""))
    if capabilities:
        spec["capabilities"] = capabilities
    facts = item.note.facts if item.note is not None else {}
    spec["nics"] = _nics(item, facts.get("nics") or {}, networks)
    for fact in ("tags", "image", "cloud_init", "root_password"):
        if facts.get(fact):
            spec[fact] = copy.deepcopy(facts[fact])
    return spec


def _capabilities(text: str) -> Spec:
    words = table.switches(text)
    named = {"add": sorted(name.upper() for name, on in words.items() if on), "drop": sorted(name.upper() for name, on in words.items() if not on)}
    return {name: value for name, value in named.items() if value}


def _nics(item: read.Container, noted: Mapping[str, Mapping[str, Any]], networks: Networks) -> Dict[str, Spec]:
    names = {str(nic.get("ifname")): name for name, nic in noted.items()}
    found: Dict[str, Spec] = {}
    addresses = item.settings.get("IP_ADDRESS", "").split()
    if addresses:
        name = names.get(VENET_NAME, VENET_NAME)
        found[name] = {"name": name, "type": VENET, "address": addresses[0] if len(addresses) == 1 else addresses}
    for nic in nics_of(item.settings.get("NETIF", "")):
        name = names.get(nic["ifname"], nic["ifname"])
        found[name] = _veth(name, nic, noted.get(name) or {}, networks)
    return found


def _veth(name: str, nic: Mapping[str, str], noted: Mapping[str, Any], networks: Networks) -> Spec:
    spec: Spec = {"name": name, "type": "veth"}
    if nic.get("mac"):
        spec["mac"] = nic["mac"].lower()
    network = noted.get("network")
    attachment = networks(network) if network else None
    if network and (attachment is None or attachment.bridge == nic.get("bridge", "")):
        spec["network"] = network
    elif nic.get("bridge"):
        spec["bridge"] = nic["bridge"]
    return spec


def live_spec(item: read.Container, stored: Spec, waiting: Optional[Mapping[str, Any]]) -> Spec:
    """What runs: memory and CPU limits as the kernel has them, the rest as stored, since vzctl applies what it stores.

    `waiting` is what is known to run otherwise until the next start. Swap is not looked at: without an OpenVZ kernel
    vzlist shows none after a start.
    """
    live = copy.deepcopy(stored)
    pages = (item.listed.get("physpages") or {}).get("limit")
    if isinstance(pages, int):
        live.get("memory", {}).pop("size", None)
        if 0 < pages < table.MAX_PAGES:
            table.put(live, ("memory", "size"), pages * PAGE)
    units = item.listed.get("cpuunits")
    if isinstance(units, int) and units:
        table.put(live, ("cpus", "shares"), units)
    percent = item.listed.get("cpulimit")
    if isinstance(percent, int) and percent not in _expected_limits(stored):
        live.get("cpus", {}).pop("limit", None)
        if percent:
            table.put(live, ("cpus", "limit"), format((Decimal(percent) / 100).normalize(), "f"))
    for name, value in (waiting or {}).items():
        live.pop(name, None)
        if value is not None:
            live[name] = copy.deepcopy(value)
    return live


def _expected_limits(stored: Spec) -> Set[int]:
    """The limits in percent that vzlist may show: without an OpenVZ kernel a number of CPUs is a limit too, and the last one counts."""
    cpus = stored.get("cpus") or {}
    limits = {int(Decimal(cpus["limit"]) * 100)} if cpus.get("limit") else {0}
    return limits | ({cpus["count"] * 100} if cpus.get("count") else set())


def bare(value: Any) -> List[str]:
    """The addresses in a declared or stored value without prefix lengths, each in its canonical form."""
    words = [] if value is None else value if isinstance(value, (list, tuple)) else [value]
    return [canonical(str(word)) for word in words]


def canonical(word: str) -> str:
    """One address without its prefix length; as it is where it is none."""
    try:
        return str(ipaddress.ip_interface(word).ip)
    except ValueError:
        return word


def same_addresses(want: Any, have: Any) -> bool:
    """Whether two values name the same routed addresses: a set, for which prefix lengths mean nothing."""
    return set(bare(want)) == set(bare(have))


def same_features(want: Any, have: Any) -> bool:
    """Whether two maps turn the same features on; off is what every feature is by itself."""
    return _on(want) == _on(have)


def _on(value: Optional[Mapping[str, Any]]) -> Set[str]:
    return {str(name).lower() for name, on in (value or {}).items() if on in (True, "true", "yes", "on")}


def capability(word: str) -> str:
    """A capability's name as OpenVZ has it."""
    upper = str(word).upper()
    return upper[4:] if upper.startswith("CAP_") else upper


def same_capabilities(want: Any, have: Any) -> bool:
    """Whether two lists name the same capabilities."""
    return {capability(word) for word in want or ()} == {capability(word) for word in have or ()}


def noted_waiting(note: Optional[Annotation]) -> Mapping[str, Any]:
    """What an earlier run noted to run otherwise than it is stored, and in which start."""
    return (note.facts.get(WAITING) if note is not None else None) or {}
