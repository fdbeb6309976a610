# Copyright: (c) 2026, flotilla.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What no option of a document says, as the fragment that `xml` takes. Never imports libvirt.

Found by making the document from its own options and looking for what is missing there. So the fragment, merged over the
options again, gives the document, whatever the options can and cannot say.
"""

from __future__ import annotations

import copy
from typing import List, Optional
from xml.etree.ElementTree import Element, SubElement

from ..._reconcile.annotation import Annotation
from .. import xmltree
from . import build, document, elements, fragment, table

# Written whole where anything of them is left: by what is in there libvirt tells one from the others.
_DISCRIMINATING = {"hostdev": ("source",)}
# What libvirt adds to a document that does not have it (qemuDomainDefPostParse and the assignment of addresses).
_GENERATED = ("address", "alias")
# Says which document this is, and not what is in it.
_OTHERWISE = ("name", "uuid")
_SECRETS = ("passwd",)


def rest(domain: Element, generated: bool) -> Optional[str]:
    """Everything of a document that the options do not say, as a fragment that `xml` takes; None for nothing.

    generated: also what libvirt adds to a document by itself (addresses, PCI controllers), for a guest that others made:
    there nobody knows what was chosen and what was meant.
    """
    there = _without_ours(domain)
    _steady(there)
    left = _minus(there, _by_options(domain))
    if left is None:
        return None
    for tag in _OTHERWISE:
        for node in left.findall(tag):
            left.remove(node)
    left.attrib.clear()
    if not generated:
        _drop_generated(left)
    _drop_empty(left)
    return xmltree.tostring(left) if len(left) else None


def _by_options(domain: Element) -> Element:
    """The document that the options alone would make."""
    spec = document.spec_of(domain, lambda _pool, _volume: 0)
    system = spec.get("os", {})
    platform = build.Platform(domain.get("type", ""), system.get("architecture", ""), system.get("machine", ""))
    made = build.domain("", "", spec, platform, Annotation())
    _say_defaults(table.DOMAIN, domain, made)
    return _without_ours(made)


def _say_defaults(level: table.Level, there: Element, made: Element) -> None:
    """What an option says by its absence is not for the fragment: it would stand against the option when that is declared."""
    for one in level.fields:
        if one.untold is not None and one.get(there) == one.untold:
            one.put(made, one.untold)
    for things in level.things:
        for name, element in things.among(there):
            twin = things.find(made, name)
            if twin is not None:
                _say_defaults(things.level, element, twin)


def _without_ours(domain: Element) -> Element:
    """A copy without our annotation, our seed, and the aliases, which say nothing about the guest."""
    twin = copy.deepcopy(domain)
    xmltree.set_annotation(twin, None)
    for parent in list(twin.iter()):
        for child in list(parent):
            if (child.tag == "alias" and parent.tag != "device") or (child.tag == "disk" and elements.is_seed(child)):
                parent.remove(child)
    return twin


def _steady(there: Element) -> None:
    """libvirt numbers consoles anew when it reads them again, by their place in the list; another number does not last."""
    for number, console in enumerate(there.iterfind("devices/console")):
        target = console.find("target")
        if target is not None and target.get("port") != str(number):
            target.attrib.pop("port", None)


# -- the difference ------------------------------------------------------------------------------------------------------

def _minus(there: Element, made: Element) -> Optional[Element]:
    """What the first element says and the second does not; None for nothing."""
    if fragment.is_whole(there):
        return None if fragment.contains(made, there) else copy.deepcopy(there)
    left = Element(there.tag)
    if not fragment.same_content(there, made):
        left.text = (there.text or "").strip()
        if there.get("unit") is not None:
            left.set("unit", there.get("unit", ""))
    for name, value in there.items():
        if not fragment.same_value(made.get(name), value) and name not in _SECRETS and name != "unit":
            left.set(name, value)
    _children(there, made, left)
    return left if len(left) or left.attrib or left.text else None


def _children(there: Element, made: Element, left: Element) -> None:
    """The same for all children, each with its counterpart."""
    taken: List[Element] = []
    pairs = []
    for child in there:
        twin = _counterpart(made, child, taken)
        if twin is not None:
            taken.append(twin)
        pairs.append((child, twin))
    for number, (child, twin) in enumerate(pairs):
        if twin is None:
            left.append(_new(child))
            continue
        part = _minus(child, twin)
        if part is not None:
            left.append(_named(part, child))
        elif any(other.tag == child.tag and twin_of is None and _alike(child, other) for other, twin_of in pairs[number + 1:]):
            # So that the one that is new does not take its place.
            left.append(_named(Element(child.tag), child))


def _counterpart(made: Element, child: Element, taken: List[Element]) -> Optional[Element]:
    """The element that the options made for one of the document."""
    others = [other for other in made if other.tag == child.tag and other not in taken]
    if fragment.named(child):
        return fragment.match(made, child, taken)
    inside = next((other for other in others if fragment.contains(child, other)), None)
    if inside is not None or fragment.is_several(made, child):
        return inside
    return next(iter(others), None)


def _alike(one: Element, other: Element) -> bool:
    return fragment.named(one) == fragment.named(other)


def _new(child: Element) -> Element:
    twin = copy.deepcopy(child)
    for node in twin.iter():
        for name in _SECRETS:
            node.attrib.pop(name, None)
    return twin


def _named(part: Element, child: Element) -> Element:
    """Adds what tells the element from others, so that the fragment finds it."""
    for place, value in fragment.named(child) or ():
        xmltree.put(part, place, value)
    for tag in _DISCRIMINATING.get(child.tag, ()):
        for node in part.findall(tag):
            part.remove(node)
        for node in child.findall(tag):
            part.append(copy.deepcopy(node))
    return part


# -- less what libvirt adds by itself --------------------------------------------------------------------------------------

def _drop_generated(left: Element) -> None:
    """For a guest that we made: there what is not declared was chosen by libvirt."""
    for node in left.findall("cpu"):
        node.attrib.pop("check", None)
    devices = left.find("devices")
    if devices is None:
        return
    for device in list(devices):
        if (device.tag == "controller" and device.get("type") == "pci") or (device.tag == "audio" and device.get("type") == "none"):
            devices.remove(device)
        elif device.tag == "graphics" and device.get("port") == "-1":
            device.attrib.pop("port")
    for parent in list(devices.iter()):
        for child in list(parent):
            if (child.tag in _GENERATED and parent.tag != "source") or (child.tag == "listen" and child.attrib == {"type": "address"}):
                parent.remove(child)
    for place in ("serial/target", "console/target", "serial/log", "console/log", "channel/source"):
        for node in devices.findall(place):
            xmltree.remove(devices, node)
    for node in devices.findall("video/model"):
        node.attrib.pop("primary", None)


def _drop_empty(left: Element) -> None:
    """Elements that say nothing but who they are, where no other one needs that to be told from them."""
    for tag in ("cpu", "vcpu", "clock"):
        for node in left.findall(tag):
            if not len(node) and not node.attrib and not (node.text or "").strip():
                left.remove(node)
    devices = left.find("devices")
    if devices is None:
        return
    for tag in {device.tag for device in devices}:
        same = devices.findall(tag)
        if all(_says_only_its_name(device) for device in same):
            for device in same:
                devices.remove(device)
    if not len(devices):
        left.remove(devices)


def _says_only_its_name(device: Element) -> bool:
    bare = SubElement(Element("devices"), device.tag)
    for place, value in fragment.named(device) or ():
        xmltree.put(bare, place, value)
    for model in device.findall("model"):
        if not len(model) and not model.attrib:
            device.remove(model)
    return fragment.canonical(bare) == fragment.canonical(device)


__all__ = ["rest"]
