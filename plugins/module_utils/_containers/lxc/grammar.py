# Copyright: (c) 2026, flotilla.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A container as the grammar says it: what its configuration stores, and what runs of it."""

from __future__ import annotations

import copy
import re
from typing import Any, Dict, List, Mapping, Optional, Sequence

from ..._reconcile.annotation import Annotation
from ..._reconcile.attachment import Networks
from ..._reconcile.schema import Spec
from ..addresses import is_address
from ..host import Host
from . import cgroup, extras, read, running, store
from .config import Pair, nets_of

BY_LIMIT = "by_limit"
"""The fact that says that CPU time was declared as `cpus.limit`."""
STATES = {read.RUNNING: "running", read.FROZEN: "paused", read.STOPPED: "stopped"}


def stored_spec(host: Host, item: read.Container, note: Optional[Annotation], hierarchies: cgroup.Hierarchies, networks: Networks) -> Spec:
    """What the next start will make of the container, and what was noted when it was made."""
    settings = item.settings
    facts = note.facts if note is not None else {}
    spec: Spec = {"state": STATES.get(item.state, "present")}
    spec.update(limits_spec(cgroup.stored_limits(settings, hierarchies), bool(facts.get(BY_LIMIT))))
    spec.update(extras.read(item.own, item.base_drops, facts))
    disks = store.read(host, item.own, facts)
    if disks:
        spec["disks"] = disks
    order = extras.boot_order(item.own)
    if order is not None:
        spec["boot_order"] = order
    spec["nics"] = nics_of(item.pairs, facts.get("nics") or {}, networks)
    spec["autostart"] = settings.get("lxc.start.auto") == "1"
    if settings.get("lxc.uts.name"):
        spec["hostname"] = settings["lxc.uts.name"]
    for fact in ("tags", "image", "cloud_init", "root_password", "dns", "search"):
        if facts.get(fact):
            spec[fact] = copy.deepcopy(facts[fact])
    return spec


def limits_spec(limits: cgroup.Limits, by_limit: bool) -> Spec:
    """Limits as the grammar says them; `by_limit`: CPU time was declared as `limit` and not as `count`."""
    spec: Spec = {"memory": {"size": limits.memory, "swap": limits.swap},
                  "cpus": {"shares": limits.shares, "cpuset": limits.cpuset},
                  "io": {"limit": limits.rate, "iops": limits.operations, "priority": limits.priority}}
    if limits.cpus is not None and limits.cpus == int(limits.cpus) and not by_limit:
        spec["cpus"]["count"] = int(limits.cpus)
    else:
        spec["cpus"]["limit"] = cgroup.cores(limits.cpus)
    for group in list(spec):
        spec[group] = {name: value for name, value in spec[group].items() if value is not None}
        if not spec[group]:
            del spec[group]
    return spec


def live_spec(host: Host, item: read.Container, stored: Spec, note: Optional[Annotation], networks: Networks,
              hierarchies: cgroup.Hierarchies) -> Spec:
    """What runs: limits from the cgroup, the rest as stored, unless the configuration was edited since the start."""
    facts = note.facts if note is not None else {}
    live = copy.deepcopy(stored)
    for name in ("memory", "cpus", "io"):
        live.pop(name, None)
    limits = cgroup.as_declared(item.live, cgroup.stored_limits(item.settings, hierarchies), item.every_cpu, hierarchies)
    live.update(limits_spec(limits, bool(facts.get(BY_LIMIT))))
    at_start = running.fixed_at_start(item, note)
    if at_start is not None:
        for name in extras.FIXED:
            live.pop(name, None)
        live.update(copy.deepcopy(at_start))
    if not running.edited_since_start(host, item, note):
        return live
    noted = facts.get("nics") or {}
    links = {}
    for name, nic in stored["nics"].items():
        attachment = networks(nic["network"]) if nic.get("network") else None
        if attachment is not None:
            links[name] = attachment.bridge
    live["nics"] = running.nics_of(host, item, stored["nics"], noted, links)
    # Without a line of its own the container sets its name from its own /etc/hostname.
    if "hostname" in stored or noted:
        hostname = running.hostname_of(host, item)
        live.pop("hostname", None)
        if "hostname" in stored or hostname != item.name:
            live["hostname"] = hostname
    return live


def nics_of(pairs: Sequence[Pair], noted: Mapping[str, Mapping[str, Any]], networks: Networks) -> Dict[str, Spec]:
    """The veth interfaces on bridges and the macvlan ones, by name. Other kinds are not in the grammar, and stay untouched."""
    names = {str(values.get("mac")): name for name, values in noted.items()}
    result: Dict[str, Spec] = {}
    for index, values in sorted(nets_of(pairs).items()):
        link = _last(values, "link")
        if _last(values, "type") not in ("veth", "macvlan") or not link:
            continue
        mac = _last(values, "hwaddr").lower()
        name = names.get(mac) or _last(values, "name") or "eth%d" % index
        result[name] = _nic(name, values, link, mac, noted.get(name) or {}, networks)
    return result


def _nic(name: str, values: Mapping[str, List[str]], link: str, mac: str, noted: Mapping[str, Any], networks: Networks) -> Spec:
    nic: Spec = {"name": name}
    network = noted.get("network")
    attachment = networks(network) if network else None
    if _last(values, "type") == "macvlan":
        nic.update(macvlan=link, macvlan_mode=_last(values, "macvlan.mode") or "private")
    elif attachment is not None and attachment.bridge == link:
        nic["network"] = network
    else:
        nic["bridge"] = link
    # `xx` in an address is a random digit at each start: such a MAC is not known.
    if re.match(r"[0-9a-f]{2}(:[0-9a-f]{2}){5}\Z", mac):
        nic["mac"] = mac
    addresses = [word.split()[0] for key in ("ipv4.address", "ipv6.address") for word in values.get(key, []) if word]
    if addresses:
        nic["address"] = addresses[0] if len(addresses) == 1 else addresses
    gateways = [_last(values, key) for key in ("ipv4.gateway", "ipv6.gateway")]
    for gateway in gateways:
        if "gateway" not in nic and is_address(gateway):
            nic["gateway"] = gateway
    if noted.get("dns"):
        nic["dns"] = list(noted["dns"])
    return nic


def _last(values: Mapping[str, List[str]], key: str) -> str:
    return values[key][-1] if values.get(key) else ""


def index_of(pairs: Sequence[Pair], name: str, noted: Mapping[str, Mapping[str, Any]]) -> Optional[int]:
    """The number of the interface that has this name, as `nics_of` names them."""
    mac = (noted.get(name) or {}).get("mac")
    for index, values in sorted(nets_of(pairs).items()):
        if mac and _last(values, "hwaddr").lower() == mac:
            return index
    for index, values in sorted(nets_of(pairs).items()):
        if (_last(values, "name") or "eth%d" % index) == name:
            return index
    return None
