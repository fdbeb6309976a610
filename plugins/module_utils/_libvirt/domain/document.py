# Copyright: (c) 2026, flotilla.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""From a domain document to the grammar, and one change of the grammar into the document. Never imports libvirt."""

from __future__ import annotations

import copy
from typing import Any, Callable, Dict, Mapping, Optional
from xml.etree.ElementTree import Element

from ..._reconcile.plan import Change
from ..._reconcile.schema import Spec
from .. import xmltree
from . import build, elements, fragment, table

# Volume facts that the document does not carry: (pool, volume) -> capacity in bytes, None when it is not there.
Capacity = Callable[[str, str], Optional[int]]


def spec_of(domain: Element, capacity: Capacity, renamed: elements.Names = elements.NO_NAMES) -> Spec:
    """Everything of a domain document that the grammar knows. Disks whose volume is missing are left out."""
    spec: Spec = table.DOMAIN.read(domain)
    for things in table.DOMAIN.things:
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
        elements.name_by_alias(things.thing, element)
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


def _element_of(domain: Element, things: table.Things, change: Change, renamed: elements.Names) -> Optional[Element]:
    """The element of the thing that a change is about; things within things are found from the outside in."""
    outer = next((other for other in table.DOMAIN.things if other is not things and things.pattern.startswith(other.pattern + ".")), None)
    start: Optional[Element] = domain
    if outer is not None:
        start = outer.find(domain, _name(outer, change), renamed)
    return None if start is None else things.find(start, "" if outer is not None and things.single else _name(things, change), renamed)


def _name(things: table.Things, change: Change) -> str:
    return "" if things.single else change.route[things.pattern.count(".") + things.pattern.count("[]")]


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
    """Makes, or takes away, one thing. A thing within a thing (the virtual port of a NIC) is one with its outer one."""
    outer = next((other for other in table.DOMAIN.things if other is not things and things.pattern.startswith(other.pattern + ".")), None)
    start: Optional[Element] = domain if outer is None else outer.find(domain, _name(outer, change), renamed)
    if start is None:
        return False
    name = "" if things.single else _name(things, change)
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


# -- what no option says ---------------------------------------------------------------------------------------------------------

def rest(domain: Element, generated: bool) -> Optional[str]:
    """Everything of a document that the options do not say, as a fragment that `xml` takes; None for nothing.

    generated: also what libvirt adds to a document by itself (addresses, PCI controllers), for a guest that others made:
    there nobody knows what was chosen and what was meant.
    """
    domain = copy.deepcopy(domain)
    _strip(table.DOMAIN, domain)
    for things in table.DOMAIN.things:
        for name, element in list(things.among(domain)):
            _strip_thing(domain, things, element)
    for tag in ("uuid", "name"):
        for node in domain.findall(tag):
            domain.remove(node)
    kind = domain.find("os/type")
    if kind is not None and kind.text == "hvm":
        # Every guest that the grammar knows is one.
        kind.text = None
    xmltree.set_annotation(domain, None)
    domain.attrib.clear()
    _drop_ours(domain, generated)
    _prune(domain)
    return xmltree.tostring(domain) if len(domain) else None


def _strip(level: table.Level, element: Element) -> None:
    """Takes out of an element what its fields say."""
    said = [one for one in level.fields if one.get(element) is not None]
    for one in said:
        if one.row.codec not in ("agent", "console", "fragment", "root_ports"):
            one.put(element, None)


def _strip_thing(domain: Element, things: table.Things, element: Element) -> None:
    """Takes out of a thing what the options say, and the whole of it where nothing but its names are left."""
    keep = copy.deepcopy(element)
    for inner in things.level.things:
        for _name_of, part in list(inner.among(element)):
            _strip_thing(element, inner, part)
    _strip(things.level, element)
    for alias in element.findall("alias"):
        element.remove(alias)
    _prune(element)
    driver = element.find("driver")
    if things in (table.DISKS, table.MEDIA) and driver is not None and dict(driver.attrib) == {"name": "qemu"}:
        element.remove(driver)
    if things is table.MEDIA:
        # No medium is ever written to.
        for node in element.findall("readonly"):
            element.remove(node)
    left = set(element.attrib) - {"type", "device", "model", "mode", "managed", "autoport", "port", "index", "listen", "version"}
    if not len(element) and not left and not (element.text or "").strip():
        xmltree.remove(domain, element)
        return
    if left or len(element):
        _name_again(things, element, keep)


def _name_again(things: table.Things, element: Element, before: Element) -> None:
    """Puts back what tells the element from others, so that the fragment finds it."""
    for places in fragment.IDENTITY.get(element.tag, ()):
        values = [xmltree.get(before, place) for place in places]
        if places and all(values):
            for place, value in zip(places, values):
                xmltree.put(element, place, value)
            return
    for name in ("type", "mode", "model"):
        if before.get(name) is not None:
            element.set(name, before.get(name, ""))
    source = before.find("source")
    if source is not None and element.find("source") is None:
        element.append(copy.deepcopy(source))


# What libvirt adds to a document that does not have it (qemuDomainDefPostParse and the assignment of addresses).
_GENERATED = ("address", "alias")


def _drop_ours(domain: Element, generated: bool) -> None:
    devices = domain.find("devices")
    if devices is None:
        return
    for device in list(devices):
        if elements.is_seed(device) or (device.tag == "channel" and xmltree.get(device, "target/@name") == elements.AGENT_CHANNEL):
            devices.remove(device)
        elif not generated and device.tag == "controller" and device.get("type") == "pci":
            devices.remove(device)
    for parent in list(domain.iter()):
        for child in list(parent):
            if child.tag == "alias" or (not generated and child.tag in _GENERATED and parent.tag != "source"):
                parent.remove(child)
    if not generated:
        for place in ("serial/target", "console/target", "serial/log", "console/log", "channel/source"):
            for node in devices.findall(place):
                xmltree.remove(devices, node)
        for node in devices.findall("video/model[@primary]"):
            node.attrib.pop("primary")
        _prune(devices)
        _drop_names_alone(devices)


def _drop_names_alone(devices: Element) -> None:
    """Without their addresses many elements say nothing but who they are."""
    for device in list(devices):
        twin = copy.deepcopy(device)
        for places in fragment.IDENTITY.get(device.tag, ()):
            for place in places:
                if xmltree.get(twin, place) is not None:
                    xmltree.put(twin, place, None)
        _prune(twin)
        if not len(twin) and not set(twin.attrib) - {"type", "device", "model", "bus"} and not (twin.text or "").strip():
            devices.remove(device)


def _prune(element: Element) -> None:
    for child in list(element):
        _prune(child)
        if not len(child) and not child.attrib and not (child.text or "").strip() and child.tag in _EMPTY_MEANS_NOTHING:
            element.remove(child)


# Elements that say nothing when they are empty; others (`<acpi/>`) say something by being there.
_EMPTY_MEANS_NOTHING = frozenset((
    "driver", "source", "target", "iotune", "bandwidth", "inbound", "outbound", "features", "hyperv", "kvm", "clock", "cpu", "numa",
        "cputune", "memtune",
    "memoryBacking", "numatune", "blkiotune", "os", "devices", "metadata", "resource", "pm", "sysinfo", "bios", "system", "vcpu",
        "memory", "currentMemory",
    "maxMemory", "model", "acceleration", "backend", "rate", "blockio", "auth", "host", "virtualport", "parameters", "gl", "binary",
        "rom", "log", "type",
    "{http://libosinfo.org/xmlns/libvirt/domain/1.0}libosinfo", "stats", "topology", "firmware", "link", "mac", "port", "vlan",
        "filterref", "mtu", "boot",
    "nvram", "loader", "distances", "iothreads", "title", "description", "smbios", "bootmenu", "listen", "cid", "alias", "emulator",
        "on_poweroff",
    "on_reboot", "on_crash", "partition", "cell"))
