# Copyright: (c) 2026, flotilla.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""From a domain document to the grammar, and one change of the grammar into the document. Never imports libvirt."""

from __future__ import annotations

from typing import Any, Callable, Dict, Mapping, Optional, Tuple
from xml.etree.ElementTree import Element

from ..._reconcile.plan import Change
from ..._reconcile.schema import Spec
from . import build, elements, table

# Volume facts that the document does not carry: (pool, volume) -> capacity in bytes, None when it is not there.
Capacity = Callable[[str, str], Optional[int]]


def spec_of(domain: Element, capacity: Capacity, renamed: elements.Names = elements.NO_NAMES) -> Spec:
    """Everything of a domain document that the grammar knows. Disks whose volume is missing are left out."""
    spec: Spec = {}
    for row in table.DOMAIN_ROWS:
        value = row.get(domain)
        if value is not None:
            _put(spec, row.pattern.split("."), value)
    disks = {name: _disk_spec(name, device, capacity) for name, device in elements.disks(domain, renamed)}
    spec["disks"] = {name: disk for name, disk in disks.items() if disk is not None}
    spec["nics"] = {name: _device_spec(name, device, table.NIC_ROWS) for name, device in elements.nics(domain)}
    return spec


def _put(spec: Spec, route: Any, value: Any) -> None:
    for name in route[:-1]:
        spec = spec.setdefault(name, {})
    spec[route[-1]] = value


def _device_spec(name: str, device: Element, rows: Tuple[table.Row, ...]) -> Spec:
    spec: Spec = {"name": name}
    for row in rows:
        value = row.get(device)
        if value is not None:
            spec[row.pattern.rsplit(".", 1)[1]] = value
    return spec


def _disk_spec(name: str, device: Element, capacity: Capacity) -> Optional[Spec]:
    spec = _device_spec(name, device, table.DISK_ROWS)
    if "volume" in spec:
        size = capacity(spec["pool"], spec["volume"])
        if size is None:
            return None
        spec["size"] = size
    return spec


def edit(domain: Element, change: Change, want: Mapping[str, Any], renamed: elements.Names,
         live: Optional[Element] = None) -> bool:
    """Applies one change to the stored document; returns whether the document has a place for it.

    `live` is the running document, where a new disk's target must be free as well.
    """
    if change.pattern in ("disks[]", "nics[]"):
        kind = elements.DISK if change.pattern == "disks[]" else elements.NIC
        return _edit_item(domain, kind, change, want, renamed, live)
    row = table.BY_PATTERN.get(change.pattern)
    if row is None or not (row.place or row.write):
        return False
    if "[]" not in change.pattern:
        row.put(domain, change.want)
        return True
    kind = elements.DISK if change.pattern.startswith("disks") else elements.NIC
    device = elements.find(domain, kind, change.route[1], renamed)
    if device is None:
        return False
    if change.pattern in ("disks[].bus", "nics[].mac"):
        elements.name_by_alias(kind, device)
    row.put(device, change.want)
    if change.pattern == "disks[].bus":
        _move_to_bus(domain, device, change.want, live)
    return True


def _move_to_bus(domain: Element, device: Element, bus: str, live: Optional[Element]) -> None:
    """Another bus needs another target name and no address of the old one."""
    target = elements.required(device, "target")
    target.set("dev", "")
    target.set("dev", elements.next_target(domain, bus, live))
    for address in device.findall("address"):
        device.remove(address)
    build.ensure_controller(domain, bus)


def _edit_item(domain: Element, kind: str, change: Change, want: Mapping[str, Any], renamed: elements.Names,
               live: Optional[Element]) -> bool:
    name = change.route[1]
    there = elements.find(domain, kind, name, renamed)
    devices = elements.required(domain, "devices")
    if change.want is None:
        if there is not None:
            devices.remove(there)
    elif there is None:
        item: Dict[str, Any] = want["disks" if kind == elements.DISK else "nics"][name]
        if kind == elements.DISK:
            label = next((label for label, known in renamed.items() if known == name), name)
            build.add_disk(domain, {**item, "name": label}, live)
        else:
            build.add_nic(domain, item)
    return True
