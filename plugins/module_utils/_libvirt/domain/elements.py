# Copyright: (c) 2026, flotilla.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Finding, naming and making elements of a domain document."""

from __future__ import annotations

import re
from types import MappingProxyType
from typing import Iterator, List, Mapping, Optional, Sequence, Set, Tuple
from xml.etree.ElementTree import Element, SubElement

from ..._reconcile import rows
from .. import xmltree

SEED = "seed"
AGENT_CHANNEL = "org.qemu.guest_agent.0"
# Start of the target names on each bus. They name the device for libvirt alone; the guest chooses its own names.
_PREFIXES = {"virtio": "vd", "ide": "hd", "fdc": "fd", "xen": "xvd", "nvme": "nvme"}
_PLAIN = re.compile(r"[A-Za-z0-9-]")
_ESCAPED = re.compile(r"_([0-9a-f]{2})")

Child = Tuple[str, Mapping[str, str]]
Names = Mapping[str, str]
NO_NAMES: Names = MappingProxyType({})


def required(parent: Element, tag: str) -> Element:
    """The child of that name, made when it is not there."""
    child = parent.find(tag)
    return SubElement(parent, tag) if child is None else child


def build(tag: str, attributes: Mapping[str, str], children: Sequence[Child] = ()) -> Element:
    """An element with plain children."""
    element = Element(tag, dict(attributes))
    for name, child in children:
        SubElement(element, name, dict(child))
    return element


# -- aliases -----------------------------------------------------------------------------------------------------------------

def alias(kind: str, name: str) -> str:
    """The user alias of a device that we make: `ua-disk-root`.

    libvirt allows letters, digits, dash and underscore in one (virDomainDefCheckUserAlias...); everything else, and
    the underscore itself, is written as `_` and two hex digits.
    """
    encoded = "".join(sign if _PLAIN.match(sign) else "".join("_%02x" % byte for byte in sign.encode("utf-8"))
                      for sign in name)
    return "ua-%s-%s" % (kind, encoded)


def named_by_alias(kind: str, device: Element) -> Optional[str]:
    """The name that a device's user alias carries; None for a device without one of ours."""
    node = device.find("alias")
    text = node.get("name", "") if node is not None else ""
    prefix = "ua-%s-" % kind
    if not kind or not text.startswith(prefix):
        return None
    raw = _ESCAPED.sub(lambda match: chr(int(match.group(1), 16)), text[len(prefix):])
    # Escapes are bytes of UTF-8.
    return raw.encode("latin-1", "replace").decode("utf-8", "replace")


def is_seed(device: Element) -> bool:
    """Whether this disk is the cloud-init seed that we made."""
    return named_by_alias(SEED, device) is not None


# -- lists of things ---------------------------------------------------------------------------------------------------------

def label(thing: rows.Thing, element: Element) -> str:
    """What a thing is called where no alias of ours says it: by what libvirt tells it from the others."""
    return "-".join(part for part in (xmltree.get(element, place) or "" for place in thing.names) if part)


def belongs(thing: rows.Thing, element: Element) -> bool:
    """Whether an element of that tag is one of these things."""
    return all(element.get(name, values[0]) in values for name, values in thing.only) and not any(
        element.get(name) in values for name, values in thing.never)


def things(domain: Element, thing: rows.Thing, renamed: Names = NO_NAMES) -> Iterator[Tuple[str, Element]]:
    """The things of one kind with their names: by alias, else by what libvirt tells them apart by.

    `renamed` gives new names for old ones: an alias cannot change while the guest runs. No seed, and not the agent's channel.
    """
    unnamed = 0
    seen: Set[str] = set()
    for element in domain.iterfind(thing.place):
        if not belongs(thing, element) or (thing.alias in ("disk", "media") and is_seed(element)) or (
                thing.alias == "channel" and xmltree.get(element, "target/@name") == AGENT_CHANNEL):
            continue
        name = named_by_alias(thing.alias, element) or _told(thing, element)
        if not name:
            name, unnamed = "%s-%d" % (element.tag, unnamed), unnamed + 1
        name = _free(thing, name, seen)
        if name in seen:
            # What is named by what it says can be there once; another one is for `xml`.
            continue
        seen.add(name)
        yield renamed.get(name, name), element


def is_unnamed(tag: str, name: str) -> bool:
    """Whether this is how a thing is called that nothing names."""
    return re.match(tag + r"-\d+\Z", name) is not None


def _free(thing: rows.Thing, name: str, seen: Set[str]) -> str:
    """A name that no other of these things has; of those that nothing tells apart the second is `NAME-2`."""
    number, free = 2, name
    while thing.alias and free in seen:
        free, number = "%s-%d" % (name, number), number + 1
    return free


def _told(thing: rows.Thing, element: Element) -> str:
    if thing.names == ("source",):
        return _source_label(element)
    return label(thing, element)


def _source_label(element: Element) -> str:
    """A device of the host: by its address, which is what the guest gets."""
    source = element.find("source")
    if source is None:
        return ""
    node = source.find("address")
    if node is not None and node.get("uuid"):
        return "mdev-" + node.get("uuid", "")
    if node is not None and node.get("slot"):
        return "pci-%s" % ".".join(str(int(node.get(part, "0"), 0)) for part in ("domain", "bus", "slot", "function"))
    numbers = [xmltree.get(source, place) for place in ("vendor/@id", "product/@id", "address/@bus", "address/@device")]
    return "usb-" + "-".join(number for number in numbers if number)


def find(domain: Element, thing: rows.Thing, name: str, renamed: Names = NO_NAMES) -> Optional[Element]:
    """The thing of that kind and name."""
    return next((element for there, element in things(domain, thing, renamed) if there == name), None)


def one(domain: Element, thing: rows.Thing) -> Optional[Element]:
    """The first element of a kind of which the grammar knows one."""
    return next((element for element in domain.iterfind(thing.place) if belongs(thing, element)), None)


def name_by_alias(thing: rows.Thing, element: Element, name: str) -> None:
    """Gives a thing of the stored document its present name as alias: what it was found by is about to change."""
    if thing.alias and name and named_by_alias(thing.alias, element) is None:
        required(element, "alias").set("name", alias(thing.alias, name))


# -- what several files ask ----------------------------------------------------------------------------------------------------

def agent_channel(domain: Element) -> Optional[Element]:
    """The channel of the QEMU guest agent, if the domain has one."""
    for channel in domain.iterfind("devices/channel"):
        if xmltree.get(channel, "target/@name") == AGENT_CHANNEL:
            return channel
    return None


def seed(domain: Element) -> Optional[Element]:
    """The seed disk, if there is one."""
    return next((device for device in domain.iterfind("devices/disk") if is_seed(device)), None)


def volumes(domain: Element) -> Set[str]:
    """Every volume (POOL/VOLUME) that a device of the domain uses, CD drives included."""
    return {"%s/%s" % (node.get("pool"), node.get("volume"))
            for node in domain.iterfind("devices/disk/source") if node.get("volume")}


def macs(domain: Element) -> List[str]:
    """Every MAC address of the domain."""
    return [xmltree.get(device, "mac/@address") or "" for device in domain.iterfind("devices/interface")]


def next_target(domain: Element, bus: str, live: Optional[Element] = None, name: str = "") -> str:
    """A target name for the bus that is free in the document, and in the running one if given: `vdb`, `sda`.

    A device that is called by such a name has it: so those of others are called, and so they are made again.
    """
    prefix = _PREFIXES.get(bus, "sd")
    taken = {xmltree.get(device, "target/@dev") for root in (domain, live) if root is not None
             for device in root.iterfind("devices/disk")}
    if re.match(prefix + r"[a-z]+\Z", name) and name not in taken:
        return name
    index = 0
    while prefix + letters(index) in taken:
        index += 1
    return prefix + letters(index)


def letters(index: int) -> str:
    """0 is `a`, 25 is `z`, 26 is `aa`, as the kernel counts disks."""
    text = ""
    index += 1
    while index:
        index, digit = divmod(index - 1, 26)
        text = chr(ord("a") + digit) + text
    return text


def drop_boot_orders(domain: Element) -> None:
    """Takes the place in the boot order from every device: libvirt refuses it beside a list of kinds of devices."""
    for device in domain.iterfind("devices/*"):
        for node in device.findall("boot"):
            device.remove(node)


def drop_boot_devices(domain: Element) -> None:
    """Takes the list of kinds of devices to boot from away, where a device has a place of its own."""
    for system in domain.findall("os"):
        for node in system.findall("boot"):
            system.remove(node)
