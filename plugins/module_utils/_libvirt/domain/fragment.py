# Copyright: (c) 2026, flotilla.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A piece of domain XML as an option: merged over a document, compared with it by meaning, and taken back again.

A fragment says something about single places, its leaves: an attribute, or the text of an element. Elements are told apart
as libvirt does. What the fragment does not say is left alone, and what it said first is put back when it is taken back.
"""

from __future__ import annotations

import copy
import re
from typing import Any, Dict, Iterator, List, Mapping, Optional, Sequence, Set, Tuple, Union
from xml.etree.ElementTree import Element, fromstring, tostring

from ..._reconcile import kinds
from . import memory

# By what an element is told from others of its name: paths below it, the first set that the fragment's element has whole.
IDENTITY: Mapping[str, Tuple[Tuple[str, ...], ...]] = {
    "disk": (("target/@dev",), ("alias/@name",)), "interface": (("mac/@address",), ("alias/@name",)), "controller": (("@type", "@index"),),
    "filesystem": (("target/@dir",),), "graphics": (("@type",),), "serial": (("target/@port",),), "parallel": (("target/@port",),),
    "console": (("target/@type",), ("target/@port",)), "channel": (("target/@name",), ("alias/@name",)),
    "input": (("@type", "@bus"),), "shmem": (("@name",),), "feature": (("@name",),), "timer": (("@name",),), "vcpupin": (("@vcpu",),),
    "iothreadpin": (("@iothread",),), "vcpu": (("@id",), ()), "iothread": (("@id",), ()), "cell": (("@id",),),
    "sibling": (("@id",),), "memnode": (("@cellid",),),
    "entry": (("@name",), ("@file",)), "boot": (("@dev",), ()), "seclabel": (("@model",), ()), "page": (("@nodeset",), ("@size",)),
    "tag": (("@id",),),
    "parameter": (("@name",),), "host": (("@name", "@port"), ("@socket",), ()), "audio": (("@id",),), "link": (("@name",),),
    "lease": (("key",),),
    "device": (("@alias",), ()), "iothreadsched": (("@iothreads",),), "vcpusched": (("@vcpus",),),
    "{http://libvirt.org/schemas/domain/qemu/1.0}env": (("@name",),), "{http://libvirt.org/schemas/domain/qemu/1.0}device": (("@alias",),),
}
# Where the order of the children counts and an argument has no name: these are one leaf each, as a whole.
WHOLE = ("{http://libvirt.org/schemas/domain/qemu/1.0}commandline", "{http://libvirt.org/schemas/domain/lxc/1.0}namespace",
         "oemStrings", "initarg")
# Elements of which a domain may have several that nothing tells apart: matched by what they hold.
SEVERAL = ("hostdev", "redirdev", "video", "sound", "hub", "rng", "memory", "panic", "smartcard", "watchdog", "tpm", "lease", "address",
           "redirfilter", "usbdev", "listen", "initarg", "host", "iothread", "crypto", "boot", "vcpu", "loader")
_ROOT_CHILDREN = ("vcpu", "memory")
_OURS = ("{http://libvirt.org/", "{http://libosinfo.org/")
_NUMBER = re.compile(r"0x[0-9a-fA-F]+\Z|\d+\Z")
Leaves = Dict[str, str]
# What the places that a fragment changed said before it came; None where there was nothing.
Before = Mapping[str, Optional[str]]


class FragmentError(ValueError):
    """The text is not a piece of domain XML."""


def parse(text: str) -> Element:
    """The root element. Raises FragmentError with what is wrong."""
    try:
        return kinds.domain_element(text)
    except ValueError as error:
        raise FragmentError(str(error)) from None


def parse_or_empty(text: Optional[str]) -> Element:
    """The root element; an empty one where there is no text, or a wrong one, which is told elsewhere."""
    try:
        return parse(text or "<domain/>")
    except FragmentError:
        return Element("domain")


def _text(element: Element) -> str:
    return (element.text or "").strip()


def same_value(one: Optional[str], other: Optional[str]) -> bool:
    """Whether two texts mean the same: as text, or as numbers in any notation."""
    if one == other:
        return True
    if one is None or other is None or not (_NUMBER.match(one) and _NUMBER.match(other)):
        return False
    return int(one, 16 if one.startswith("0x") else 10) == int(other, 16 if other.startswith("0x") else 10)


def _at(element: Element, place: str) -> Optional[str]:
    path, attribute, name = place.rpartition("@")
    node: Optional[Element] = element
    if not attribute:
        node = element.find(place)
        return None if node is None else _text(node)
    if path:
        node = element.find(path.rstrip("/"))
    return None if node is None else node.get(name)


def is_whole(element: Element) -> bool:
    """Whether an element counts as one: where the order of its children matters, and what other tools keep in the metadata."""
    return element.tag in WHOLE or (element.tag.startswith("{") and not element.tag.startswith(_OURS))


def named(element: Element) -> Optional[Tuple[Tuple[str, str], ...]]:
    """What tells this element from others of its name; None for an element that nothing names."""
    for places in IDENTITY.get(element.tag, ()):
        values = [_at(element, place) for place in places]
        if places and all(value is not None for value in values):
            return tuple((place, str(value)) for place, value in zip(places, values))
    return None


def is_several(parent: Element, element: Element) -> bool:
    """Whether there may be several of these that nothing tells apart but what they hold."""
    return element.tag in SEVERAL and not (parent.tag == "domain" and element.tag in _ROOT_CHILDREN)


def match(parent: Element, wanted: Element, taken: List[Element]) -> Optional[Element]:
    """The child of `parent` that an element of a fragment speaks of; None where there is none yet."""
    others = [child for child in parent if child.tag == wanted.tag and not any(child is other for other in taken)]
    names = named(wanted)
    if names is not None:
        return _of_that_name(others, names)
    holding = next((child for child in others if contains(child, wanted)), None)
    if holding is not None:
        return holding
    if is_several(parent, wanted):
        return next((child for child in others if _fits(child, wanted)), None)
    return next(iter(others), None)


def _of_that_name(others: List[Element], names: Sequence[Tuple[str, str]]) -> Optional[Element]:
    """The element that is called so; else one of which the document does not say yet at which port it is."""
    for unsaid in (False, True):
        for child in others:
            said = [(place, _at(child, place), value) for place, value in names]
            if all(same_value(there, value) or (unsaid and there is None and place.startswith("target/")) for place, there, value in said):
                return child
    return None


def _fits(there: Element, wanted: Element) -> bool:
    """Whether an element says nothing else than a fragment's element where both say anything."""
    if is_whole(wanted):
        return contains(there, wanted)
    if _text(there) and _text(wanted) and not same_content(there, wanted):
        return False
    if any(there.get(name) is not None and not same_value(there.get(name), value) for name, value in wanted.items() if name != "unit"):
        return False
    for child in wanted:
        others = there.findall(child.tag)
        if others and named(child) is None and not is_several(there, child) and not _fits(others[0], child):
            return False
    return True


def same_content(one: Element, other: Element) -> bool:
    """Whether the texts of two elements mean the same; sizes are compared as such."""
    sizes = _sized(one), _sized(other)
    return sizes[0] == sizes[1] if sizes[0] is not None and sizes[1] is not None else same_value(_text(one), _text(other))


def _sized(element: Element) -> Optional[int]:
    """Bytes of an element that is a size with a unit."""
    unit, text = element.get("unit"), _text(element)
    if (unit is None and element.tag not in ("memory", "currentMemory", "maxMemory")) or not text.isdigit():
        return None
    factor = memory.FACTORS.get(unit or "KiB")
    return None if factor is None else int(text) * factor


def contains(there: Element, wanted: Element) -> bool:
    """Whether a document's element says all that a fragment's element says."""
    if is_whole(wanted):
        return canonical(there) == canonical(wanted)
    sizes = _sized(there), _sized(wanted)
    if sizes[1] is not None:
        if sizes[0] != sizes[1]:
            return False
    elif _text(wanted) and not same_value(_text(there), _text(wanted)):
        return False
    if any(not same_value(there.get(name), value) for name, value in wanted.items() if not (name == "unit" and sizes[1] is not None)):
        return False
    taken: List[Element] = []
    for child in wanted:
        names = named(child)
        if names is None:
            found = next((one for one in there if one.tag == child.tag and one not in taken and contains(one, child)), None)
        else:
            found = match(there, child, taken)
        if found is None or (names is not None and not contains(found, child)):
            return False
        taken.append(found)
    return True


def canonical(element: Element) -> str:
    """An element as text in which blanks between elements and the order of attributes do not count."""
    twin = copy.deepcopy(element)
    twin.tail = None
    for node in twin.iter():
        node.text, node.tail = _text(node) or None, (node.tail or "").strip() or None
        for name, value in sorted(node.attrib.items()):
            del node.attrib[name]
            node.attrib[name] = value
    return tostring(twin, encoding="unicode")


def merge(there: Element, wanted: Element) -> None:
    """Makes a document's element say what a fragment's element says."""
    sizes = _sized(there), _sized(wanted)
    differs = sizes[0] != sizes[1] if sizes[1] is not None else not same_value(_text(there), _text(wanted))
    if _text(wanted) and differs:
        there.text = _text(wanted)
        if sizes[1] is not None:
            there.set("unit", wanted.get("unit", "KiB"))
    for name, value in wanted.items():
        if not same_value(there.get(name), value) and not (name == "unit" and sizes[1] is not None):
            there.set(name, value)
    taken: List[Element] = []
    for child in wanted:
        found = match(there, child, taken)
        if found is not None and is_whole(child) and not contains(found, child):
            there.remove(found)
            found = None
        if found is None:
            found = copy.deepcopy(child)
            there.append(found)
        else:
            merge(found, child)
        taken.append(found)


# Devices that are nothing without their type: a part of one that has none only adds to a device that is there.
_NEEDS_TYPE = ("disk", "interface", "channel", "serial", "console", "filesystem", "hostdev")


def adds_to_nothing(there: Element, wanted: Element) -> List[str]:
    """What a fragment would add to devices that the document does not have: `disk vda`, as libvirt tells them apart."""
    devices, parts = there.find("devices"), wanted.find("devices")
    found: List[str] = []
    taken: List[Element] = []
    for part in parts if parts is not None else ():
        twin = match(devices, part, taken) if devices is not None else None
        if twin is not None:
            taken.append(twin)
        elif part.tag in _NEEDS_TYPE and part.get("type") is None and not (part.tag == "disk" and part.find("source") is not None):
            found.append(" ".join([part.tag] + [value for _place, value in named(part) or ()]))
    return found


# -- single places, by which a fragment is taken back and a difference is told ----------------------------------------------------

def _step(parent: Element, number: int) -> str:
    """The step of a path to that child: with what names it, and with a number where an earlier one is called the same."""
    element = parent[number]
    names = named(element)
    step = element.tag.rsplit("}", 1)[-1]
    if names is not None:
        step += "[%s]" % ",".join("%s=%s" % pair for pair in names)
    earlier = sum(other.tag == element.tag and (names is None or named(other) == names) for other in list(parent)[:number])
    return "%s[%d]" % (step, earlier) if earlier else step


def leaves(wanted: Element, there: Optional[Element] = None, path: str = "") -> Iterator[Tuple[str, str, Optional[str]]]:
    """Every leaf of a fragment: its path, what it says, and what the document says there (None: nothing)."""
    if is_whole(wanted):
        yield path, canonical(wanted), None if there is None else canonical(there)
        return
    size = _sized(wanted)
    if size is not None:
        yield path, str(size), None if there is None or _sized(there) is None else str(_sized(there))
    elif _text(wanted):
        yield path, _text(wanted), (_text(there) or None) if there is not None else None
    for name, value in sorted(wanted.items()):
        if not (name == "unit" and size is not None):
            yield "%s/@%s" % (path, name), value, None if there is None else there.get(name)
    if not len(wanted) and not wanted.attrib and not _text(wanted) and path:
        yield path, "", None if there is None else ""
    taken: List[Element] = []
    for number, child in enumerate(wanted):
        found = match(there, child, taken) if there is not None else None
        if found is not None:
            taken.append(found)
        step = _step(wanted, number)
        yield from leaves(child, found, "%s/%s" % (path, step) if path else step)


def differences(text: str, document: Element) -> Tuple[Leaves, Leaves]:
    """What the document says where it differs from the fragment, and what the fragment says there; by path."""
    there: Leaves = {}
    wanted: Leaves = {}
    for path, said, found in leaves(parse(text), document):
        if not same_value(said, found):
            wanted[path] = said
            if found is not None:
                there[path] = found
    return there, wanted


def take_out(document: Element, old: Element, new: Optional[Element], before: Before, path: str = "") -> None:
    """Takes back what the old fragment said and the new one does not: what was there before it, or nothing.

    A place that says something else by now was changed by somebody else since, and is left alone.
    """
    taken: List[Element] = []
    taken_new: List[Element] = []
    for name, value in old.items():
        place = "%s/@%s" % (path, name)
        if place in before and (new is None or new.get(name) is None) and same_value(document.get(name), value):
            _restore_attribute(document, name, before[place])
    if path in before and (new is None or not _text(new)) and contains(document, _only_text(old)):
        document.text = before[path]
        if before[path] is not None and _sized(old) is not None:
            # Sizes are noted in bytes.
            document.set("unit", "b")
    for number, child in enumerate(old):
        found = match(document, child, taken)
        still = match(new, child, taken_new) if new is not None else None
        if still is not None:
            taken_new.append(still)
        if found is None:
            continue
        taken.append(found)
        step = _step(old, number)
        below = "%s/%s" % (path, step) if path else step
        if still is None and below + "/" in before:
            document.remove(found)
        elif not is_whole(child):
            take_out(found, child, still, before, below)
        elif still is None and before.get(below) is not None and contains(found, child):
            document[list(document).index(found)] = fromstring(str(before[below]))


def made(wanted: Element, there: Optional[Element], path: str = "") -> Iterator[str]:
    """The elements of a fragment that a document does not have, each as its path with a slash at its end."""
    if there is None:
        yield path + "/"
    taken: List[Element] = []
    for number, child in enumerate(wanted if not is_whole(wanted) else ()):
        found = match(there, child, taken) if there is not None else None
        if found is not None:
            taken.append(found)
        step = _step(wanted, number)
        yield from made(child, found, "%s/%s" % (path, step) if path else step)


def _paths(text: Optional[str]) -> Set[str]:
    """Every place that a fragment speaks of: its leaves, and its elements as `made` names them."""
    root = parse_or_empty(text)
    return {path for path, _said, _found in leaves(root)} | set(made(root, None))


def _only_text(element: Element) -> Element:
    twin = Element(element.tag, {"unit": element.get("unit", "KiB")} if _sized(element) is not None else {})
    twin.text = element.text
    return twin


def _restore_attribute(element: Element, name: str, value: Optional[str]) -> None:
    if value is None:
        element.attrib.pop(name, None)
    else:
        element.set(name, value)


class Said:
    """What a document says that the option `xml` may speak of: compared with a fragment, and told as one.

    document: the document, or its text: of 10,000 domains the parsed ones take 700 MB, and hardly any is looked at.
    applied: the fragment of the last declaration. before: what the places that it changed said before it came.
    means: how libvirt wrote a place of it, by path, where that is not as the fragment has it.
    """

    def __init__(self, document: Union[Element, str], applied: Optional[str], facts: Mapping[str, Any], rest: Any) -> None:
        self._document = document
        # A run that died on the way to another fragment has noted the one before.
        self.applied: Optional[str] = facts.get("xml_last") or applied
        self.before: Before = facts.get("xml_before", {})
        self.means: Mapping[str, str] = facts.get("xml_means", {})
        self._rest = rest

    @property
    def document(self) -> Element:
        """The document itself."""
        return fromstring(self._document) if isinstance(self._document, str) else self._document

    def render(self) -> Optional[str]:
        """Everything of the document that no other option says, as a fragment; None where there is nothing."""
        text: Optional[str] = self._rest(self.document)
        return text

    def told(self, other: Any) -> Any:
        """What the document says where it differs from a fragment, or from another document; for a plan entry."""
        if isinstance(other, Said):
            return {path: found for path, _said, found in leaves(parse(self.applied or "<domain/>"), self.document)} or None
        return self.differing(other)[0] or self.left(other) or None

    def fingerprint(self) -> str:
        """What a plan's digest knows it by, never to be shown: telling what no other option says of a document costs 2 ms."""
        return self._document if isinstance(self._document, str) else repr(self)

    def __repr__(self) -> str:
        return self.render() or ""

    def holds(self, wanted: Optional[str]) -> bool:
        """Whether the document says what a fragment says, and nothing any more of what only the last one said."""
        if wanted and not contains(self.document, parse(wanted)) and self.differing(wanted)[1]:
            return False
        return not self.left(wanted)

    def differing(self, wanted: Optional[str]) -> Tuple[Leaves, Leaves]:
        """See `differences`, less what libvirt writes in its own way."""
        there, said = differences(wanted, self.document) if wanted else ({}, {})
        known = [path for path in said if path in there and wanted == self.applied and self.means.get(path) == there[path]]
        return ({path: value for path, value in there.items() if path not in known},
                {path: value for path, value in said.items() if path not in known})

    def left(self, wanted: Optional[str]) -> Leaves:
        """Places of the last fragment that the new one does not speak of and that still say what it said."""
        if not self.applied or self.applied == wanted:
            return {}
        new = {path for path, _said, _found in leaves(parse(wanted))} if wanted else set()
        return {path: found for path, said, found in leaves(parse(self.applied), self.document)
                if path not in new and found is not None and (same_value(said, found) or self.means.get(path) == found)
                and path in self.before}

    def note(self, wanted: Optional[str]) -> Dict[str, Any]:
        """Facts for the annotation of a run that is about to bring this fragment in."""
        places = _paths(self.applied) | _paths(wanted)
        there, said = self.differing(wanted)
        before = {path: value for path, value in self.before.items() if path in places}
        before.update({path: there.get(path) for path in said if path not in before})
        # Which elements it makes: these go with it as a whole, whatever libvirt adds to them.
        before.update({path: None for path in made(parse_or_empty(wanted), self.document)})
        last = self.applied if self.applied != wanted else None
        return {"xml_before": before or None, "xml_last": last}

    def understood(self, wanted: str) -> Dict[str, str]:
        """How libvirt wrote what the fragment says, where that is not as the fragment has it; by path."""
        there, said = differences(wanted, self.document)
        return {path: there[path] for path in said if path in there}

    def __eq__(self, other: object) -> bool:
        """Whether two documents say the same at the places of the last fragment."""
        if not isinstance(other, Said):
            return NotImplemented
        if not self.applied:
            return True
        return not differences(self.applied, other.document)[1] or not self.holds(self.applied)

    __hash__ = None  # type: ignore[assignment]
