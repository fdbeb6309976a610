# Copyright: (c) 2026, flotilla.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A guest as the grammar says it: what its configuration stores, and what runs of it."""

from __future__ import annotations

import copy
import ipaddress
from typing import Any, Dict, List, Mapping, Optional

from ..._reconcile.schema import Spec
from ..addresses import addresses_of, same_addresses, same_family
from ..openvz import grammar as openvz
from ..openvz.grammar import VENET, bare, canonical
from . import table
from .read import Guest

STATES = {"running": "running", "stopped": "stopped", "mounted": "stopped", "paused": "paused"}
ROOT = "root"
HOTPLUG = "hotplug"
"""What a running guest can take while it runs: no option, but part of what runs."""


def stored_spec(item: Guest) -> Spec:
    """What the next start will make of the guest, and what was noted when it was made."""
    spec: Spec = {"state": STATES.get(item.state, "present"), "vmtype": item.kind}
    for row in table.ROWS:
        word = table.at(item.document or {}, row.place)
        value = row.read(word) if word is not None and item.kind in row.kinds else None
        if value is not None:
            put(spec, row.route, value)
    spec.setdefault("autostart", False)
    facts = item.note.facts if item.note is not None else {}
    if item.kind == table.CT:
        if item.swap is not None:
            put(spec, ("memory", "swap"), item.swap)
        features = table.features_of(item.part("Features") or "")
        if features:
            spec["container_features"] = features
    else:
        spec.update(_of_machine(item, facts))
    disks = _disks(item, facts.get("disks") or {})
    if disks:
        spec["disks"] = disks
    spec["nics"] = _nics(item, facts.get("nics") or {})
    for fact in ("tags", "image", "cloud_init", "root_password", "os"):
        if facts.get(fact):
            spec[fact] = copy.deepcopy(facts[fact])
    return spec


def put(spec: Dict[str, Any], route: "tuple[str, ...]", value: Any) -> None:
    """Put a value at a place of a spec; None takes it away."""
    here = spec
    for name in route[:-1]:
        here = here.setdefault(name, {})
    if value is None:
        here.pop(route[-1], None)
    else:
        here[route[-1]] = value


def _of_machine(item: Guest, facts: Mapping[str, Any]) -> Spec:
    """What only a virtual machine has: its drives, and where it boots from."""
    spec: Spec = {}
    order = table.boot_order(item.part("Boot order") or "")
    if order:
        spec["boot"] = {"order": order}
    names = {str(device): name for name, device in (facts.get("media") or {}).items()}
    media = {}
    for device, drive in item.devices("cdrom").items():
        name = names.get(device, device)
        media[name] = {"name": name, **({"file": drive["image"]} if str(drive.get("image") or "").startswith("/") else {})}
    if media:
        spec["media"] = media
    return spec


def _disks(item: Guest, noted: Mapping[str, str]) -> Dict[str, Spec]:
    """The disks: the first is `root`; a container's others are not ours."""
    names = {device: name for name, device in noted.items()}
    found: Dict[str, Spec] = {}
    for number, (device, disk) in enumerate(item.devices("hdd").items()):
        if number and item.kind == table.CT:
            break
        name = names.get(device) or (device if number else ROOT)
        size = table.size(disk.get("size"))
        found[name] = {"name": name, **({"size": size} if size else {})}
    return found


def device_of(item: Guest, name: str, noted: Mapping[str, Mapping[str, Any]]) -> Optional[str]:
    """The device (`net0`) of a NIC, by its noted MAC address, else by its noted device, else by its own name."""
    nics = item.devices("net")
    wanted = noted.get(name) or {}
    by_mac = {mac_of(nic): device for device, nic in nics.items()}
    if wanted.get("mac") in by_mac:
        return by_mac[wanted["mac"]]
    claimed = {by_mac[nic["mac"]] for nic in noted.values() if nic.get("mac") in by_mac}
    if wanted.get("device") in nics and wanted["device"] not in claimed:
        return str(wanted["device"])
    return None if wanted else next((device for device, nic in nics.items() if name in (device, nic.get("ifname")) and device not in claimed), None)


def mac_of(nic: Mapping[str, Any]) -> str:
    """A MAC address of the JSON, which has no colons there."""
    word = str(nic.get("mac") or "").lower().replace(":", "")
    return ":".join(word[place:place + 2] for place in range(0, len(word), 2))


def _nics(item: Guest, noted: Mapping[str, Mapping[str, Any]]) -> Dict[str, Spec]:
    found: Dict[str, Spec] = {}
    routed = [word for venet in item.devices("venet").values() for word in bare(str(venet.get("ips") or "").split())]
    if routed:
        name = next((name for name, nic in noted.items() if nic.get("type") == VENET), openvz.VENET_NAME)
        found[name] = {"name": name, "type": VENET, "address": _one_or_all(routed)}
    names = {device_of(item, name, noted): name for name in noted}
    for device, nic in item.devices("net").items():
        name = names.get(device) or str(nic.get("ifname") or device)
        found[name] = _nic(name, nic, item.kind)
    return found


def _one_or_all(words: List[str]) -> Any:
    return words[0] if len(words) == 1 else words


def _nic(name: str, nic: Mapping[str, Any], kind: str) -> Spec:
    spec: Spec = {"name": name}
    if nic.get("network"):
        spec["network"] = str(nic["network"])
    if nic.get("mac"):
        spec["mac"] = mac_of(nic)
    if kind == table.VM:
        return spec
    spec["type"] = "veth"
    addresses = nic_addresses(nic)
    if addresses:
        spec["address"] = _one_or_all(addresses)
    if nic.get("gw") and same_family(canonical(str(nic["gw"])), addresses):
        # One that a DHCP server gave stands there too, and is nobody's declaration.
        spec["gateway"] = canonical(str(nic["gw"]))
    return spec


def with_prefix(word: str) -> str:
    """An address with its prefix length, however it is written."""
    return str(ipaddress.ip_interface(word))


def nic_addresses(nic: Mapping[str, Any]) -> List[str]:
    """The addresses of a NIC of the JSON, each with its prefix length."""
    return [with_prefix(word) for word in str(nic.get("ips") or "").split()]


def still_there(item: Guest) -> Dict[str, Any]:
    """The noted devices less those that are gone, where any is: a run may have died after taking one away."""
    facts = item.note.facts if item.note is not None else {}
    routed = any(str(venet.get("ips") or "").split() for venet in item.devices("venet").values())
    nics = {name: nic for name, nic in (facts.get("nics") or {}).items()
            if (routed if nic.get("type") == VENET else device_of(item, name, facts["nics"]) is not None)}
    now = {"nics": nics, **{kind: {name: device for name, device in (facts.get(kind) or {}).items() if device in item.devices(word)}
                            for kind, word in (("disks", "hdd"), ("media", "cdrom"))}}
    return {kind: devices or None for kind, devices in now.items() if devices != (facts.get(kind) or {})}


def live_spec(item: Guest, stored: Spec, waiting: Optional[Mapping[str, Any]]) -> Spec:
    """What runs: as stored, since prlctl applies what it stores, less what is known to wait for the next start.

    waiting: values by their path, such as `memory.size`; None is a value that does not run yet.
    """
    live = copy.deepcopy(stored)
    for path, value in (waiting or {}).items():
        put(live, tuple(path.split("/")), copy.deepcopy(value))
    live[HOTPLUG] = {"vm": item.kind == table.VM, "cpus": bool(item.part("Hardware", "cpu", "hotplug")),
                     "memory": bool(item.part("Hardware", "memory", "hotplug"))}
    return live


def no_memory(size: Any, running: Mapping[str, Any]) -> str:
    """Why a running virtual machine does not take this much memory now."""
    able, now = running.get(HOTPLUG) or {}, (running.get("memory") or {}).get("size") or 0
    if not able.get("vm"):
        return ""
    if not able.get("memory"):
        return "memory hot-plug of this virtual machine is off, so that it has it from its next start"
    return "a running virtual machine gives no memory back" if size is not None and size < now else ""


def no_cpus(count: Any, running: Mapping[str, Any]) -> str:
    """Why a running virtual machine does not take this many CPUs now."""
    able, now = running.get(HOTPLUG) or {}, (running.get("cpus") or {}).get("count") or 0
    if not able.get("vm"):
        return ""
    if not able.get("cpus"):
        return "CPU hot-plug of this virtual machine is off, so that it has them from its next start"
    return "a running virtual machine gives no CPU back" if count is not None and count < now else ""


def same_address(want: Any, have: Any) -> bool:
    """Whether two values name the same addresses: routed ones are a set without prefix lengths."""
    if all("/" in word for word in addresses_of(want) + addresses_of(have)):
        return same_addresses(sorted(addresses_of(want)), sorted(addresses_of(have)))
    return openvz.same_addresses(want, have)
