# Copyright: (c) 2026, flotilla.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""From a domain document to the grammar, and one change of the grammar into the document. Never imports libvirt."""

from __future__ import annotations

from typing import Any, Callable, Dict, Mapping, Optional, Tuple
from xml.etree.ElementTree import Element

from ..._reconcile.plan import Change
from ..._reconcile.schema import Spec
from .. import xmltree
from . import build, elements, table

# Volume facts that the document does not carry: (pool, volume) -> capacity in bytes, None when it is not there.
Capacity = Callable[[str, str], Optional[int]]


def spec_of(domain: Element, capacity: Capacity, renamed: elements.Names = elements.NO_NAMES) -> Spec:
    """Everything of a domain document that the grammar knows. Disks whose volume is missing are left out."""
    spec: Spec = table.DOMAIN.read(domain)
    there = {(child.tag, below.tag) for child in domain for below in child} | {(child.tag, "") for child in domain}
    for things in table.DOMAIN.things:
        # Most documents have few of all the kinds of things, and looking for each takes longer than looking once.
        if things.always or things.start in there:
            things.read_into(spec, domain, renamed if things is table.DISKS else elements.NO_NAMES)
    spec["disks"] = {name: disk for name, disk in spec["disks"].items() if _measured(disk, capacity)}
    return spec


def _measured(disk: Dict[str, Any], capacity: Capacity) -> bool:
    """Adds the size of a disk that is a volume; says whether the disk is there."""
    if "volume" not in disk:
        return True
    size = capacity(disk["pool"], disk["volume"])
    if size is not None:
        disk["size"] = size
    return size is not None


# -- editing -------------------------------------------------------------------------------------------------------------------

def edit(domain: Element, change: Change, want: Mapping[str, Any], renamed: elements.Names,
         live: Optional[Element] = None) -> bool:
    """Applies one change to the stored document; returns whether the document has a place for it.

    `live` is the running document, where a new disk's target must be free as well.
    """
    things = table.owner(change.pattern)
    one = table.FIELDS.get(change.pattern)
    if things is not None and change.pattern == things.pattern:
        return _edit_thing(domain, things, change, want, renamed, live)
    if one is None or not (one.row.place or one.shape is not None):
        return False
    element = domain if things is None else _element_of(domain, things, change, renamed)
    if element is None:
        return False
    if things is not None:
        elements.name_by_alias(things.thing, element, _label(things, change, renamed))
    one.put(element, change.want)
    _follow(domain, change, element, live)
    return True


def _follow(domain: Element, change: Change, element: Element, live: Optional[Element]) -> None:
    """What else of the document goes with a change."""
    last = change.pattern.rsplit(".", 1)[-1]
    if change.pattern in ("disks[].bus", "media[].bus"):
        _move_to_bus(domain, element, change.want, live)
    elif last == "boot_order" and change.want is not None:
        elements.drop_boot_devices(domain)
    elif change.pattern.startswith("features.hyperv."):
        _drop_bare_hyperv(domain)


def _drop_bare_hyperv(domain: Element) -> None:
    """Without any of its features left, the element says no more than libvirt's own default, which is to have none."""
    for node in domain.findall("features/hyperv"):
        if not len(node) and node.get("mode", "custom") == "custom":
            xmltree.remove(domain, node)


def _holder(domain: Element, things: table.Things, change: Change, renamed: elements.Names) -> Tuple[Optional[Element], str]:
    """The element in which the thing of a change is, or would be, and the thing's name there.

    A thing within a thing (the virtual port of a NIC) is in the outer one, which is found first.
    """
    outer = next((other for other in table.DOMAIN.things if other is not things and things.pattern.startswith(other.pattern + ".")), None)
    if outer is None:
        return domain, _name(things, change)
    return outer.find(domain, _name(outer, change), renamed), _name(things, change)


def _element_of(domain: Element, things: table.Things, change: Change, renamed: elements.Names) -> Optional[Element]:
    """The element of the thing that a change is about."""
    holder, name = _holder(domain, things, change, renamed)
    return None if holder is None else things.find(holder, name, renamed)


def _name(things: table.Things, change: Change) -> str:
    return "" if things.single else change.route[things.pattern.count(".") + things.pattern.count("[]")]


def _label(things: table.Things, change: Change, renamed: elements.Names) -> str:
    """The name of a thing as its alias says it."""
    name = _name(things, change)
    return next((label for label, other in renamed.items() if other == name), name)


def _move_to_bus(domain: Element, device: Element, bus: str, live: Optional[Element]) -> None:
    """Another bus needs another target name and no address of the old one."""
    target = elements.required(device, "target")
    target.set("dev", "")
    target.set("dev", elements.next_target(domain, bus, live))
    for address in device.findall("address"):
        device.remove(address)
    build.ensure_controller(domain, bus)


def _edit_thing(domain: Element, things: table.Things, change: Change, want: Mapping[str, Any], renamed: elements.Names,
                live: Optional[Element]) -> bool:
    """Makes, or takes away, one thing."""
    start, name = _holder(domain, things, change, renamed)
    if start is None:
        return False
    there = things.find(start, name, renamed)
    if change.want is None:
        if there is not None:
            xmltree.remove(start, there)
            _remove_twin(domain, things)
    elif there is None:
        value: Any = want
        for part in change.route:
            value = value[part]
        if things is table.DISKS:
            value = {**value, "name": next((label for label, known in renamed.items() if known == name), name)}
        build.add_thing(domain, start, things, value, live)
    return True


def _remove_twin(domain: Element, things: table.Things) -> None:
    """The console of the first serial port is the same device for libvirt, which would make the port again of it."""
    if things.pattern == "serials[]" and domain.find("devices/serial") is None:
        for console in domain.findall("devices/console"):
            if xmltree.get(console, "target/@type") in (None, "serial"):
                xmltree.remove(domain, console)
