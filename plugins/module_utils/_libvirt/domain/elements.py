# Copyright: (c) 2026, flotilla.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Finding, naming and making elements of a domain document."""

from __future__ import annotations

import re
from types import MappingProxyType
from typing import Iterator, List, Mapping, Optional, Sequence, Set, Tuple
from xml.etree.ElementTree import Element, SubElement

DISK, NIC, SEED = "disk", "nic", "seed"
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


def alias(kind: str, name: str) -> str:
    """The user alias of a device that we make: `ua-disk-root`.

    libvirt allows letters, digits, dash and underscore in one (virDomainDefCheckUserAlias...); everything else, and
    the underscore itself, is written as `_` and two hex digits.
    """
    encoded = "".join(sign if _PLAIN.match(sign) else "".join("_%02x" % byte for byte in sign.encode("utf-8"))
                      for sign in name)
    return "ua-%s-%s" % (kind, encoded)


def name_by_alias(kind: str, device: Element) -> None:
    """Gives a device of the stored document its present label as alias: what it was found by is about to change."""
    label = _attribute(device, "target", "dev") if kind == DISK else _attribute(device, "mac", "address")
    if named_by_alias(kind, device) is None:
        required(device, "alias").set("name", alias(kind, label))


def named_by_alias(kind: str, device: Element) -> Optional[str]:
    """The name that a device's user alias carries; None for a device without one of ours."""
    node = device.find("alias")
    text = node.get("name", "") if node is not None else ""
    prefix = "ua-%s-" % kind
    if not text.startswith(prefix):
        return None
    return _ESCAPED.sub(lambda match: chr(int(match.group(1), 16)), text[len(prefix):])


def _attribute(device: Element, child: str, attribute: str) -> str:
    node = device.find(child)
    return "" if node is None else node.get(attribute, "")


def is_seed(device: Element) -> bool:
    """Whether this disk is the cloud-init seed that we made."""
    return named_by_alias(SEED, device) is not None


def disks(domain: Element, renamed: Names = NO_NAMES) -> Iterator[Tuple[str, Element]]:
    """The disks of the grammar with their names: by alias, else by target. No CD, floppy or seed.

    `renamed` gives new names for old ones: an alias cannot change while the guest runs.
    """
    for device in domain.iterfind("devices/disk"):
        if device.get("device", "disk") == "disk" and not is_seed(device):
            label = named_by_alias(DISK, device) or _attribute(device, "target", "dev")
            yield renamed.get(label, label), device


def nics(domain: Element) -> Iterator[Tuple[str, Element]]:
    """The network interfaces with their names: by alias, else by MAC address."""
    for device in domain.iterfind("devices/interface"):
        yield named_by_alias(NIC, device) or _attribute(device, "mac", "address"), device


def seed(domain: Element) -> Optional[Element]:
    """The seed disk, if there is one."""
    return next((device for device in domain.iterfind("devices/disk") if is_seed(device)), None)


def find(domain: Element, kind: str, name: str, renamed: Names = NO_NAMES) -> Optional[Element]:
    """The disk or NIC of that name."""
    known = disks(domain, renamed) if kind == DISK else nics(domain)
    return next((device for label, device in known if label == name), None)


def volumes(domain: Element) -> Set[str]:
    """Every volume (POOL/VOLUME) that a device of the domain uses, CD drives included."""
    return {"%s/%s" % (node.get("pool"), node.get("volume"))
            for node in domain.iterfind("devices/disk/source") if node.get("volume")}


def macs(domain: Element) -> List[str]:
    """Every MAC address of the domain."""
    return [_attribute(device, "mac", "address") for device in domain.iterfind("devices/interface")]


def next_target(domain: Element, bus: str, live: Optional[Element] = None) -> str:
    """A target name for the bus that is free in the document, and in the running one if given: `vdb`, `sda`."""
    prefix = "vd" if bus == "virtio" else "sd"
    taken = {_attribute(device, "target", "dev") for root in (domain, live) if root is not None
             for device in root.iterfind("devices/disk")}
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
