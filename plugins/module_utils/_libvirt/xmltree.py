# Copyright: (c) 2026, flotilla.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Reading and editing libvirt's XML in place: what the grammar does not know stays as it is."""

from __future__ import annotations

import functools
import re
import xml.etree.ElementTree as ET
from typing import List, NamedTuple, Optional, Tuple

from .._reconcile.annotation import NAMESPACE
from .._reconcile.errors import FlotillaError

NAMESPACES = {
    "flotilla": NAMESPACE,
    "qemu": "http://libvirt.org/schemas/domain/qemu/1.0",
    "lxc": "http://libvirt.org/schemas/domain/lxc/1.0",
    "dnsmasq": "http://libvirt.org/schemas/network/dnsmasq/1.0",
    "rbd": "http://libvirt.org/schemas/storagepool/source/rbd/1.0",
    "fs": "http://libvirt.org/schemas/storagepool/fs/1.0",
    "libosinfo": "http://libosinfo.org/xmlns/libvirt/domain/1.0",
}
for _prefix, _uri in NAMESPACES.items():
    ET.register_namespace(_prefix, _uri)

ANNOTATION = "guest"
_METADATA = "metadata/flotilla:" + ANNOTATION
# A step of a path: a tag (perhaps with a known prefix) and at most one attribute that it must have, or an attribute.
_STEP = re.compile(r"(?:(?P<prefix>\w+):)?(?P<tag>[\w.-]+)(?:\[@(?P<name>[\w.-]+)='(?P<value>[^']*)'\])?(?:/|\Z)"
                   r"|@(?P<attribute>[\w.-]+)\Z")


class Step(NamedTuple):
    """One element on the way of a path; `name` and `value` are the attribute that it must have, if any."""

    tag: str
    name: str = ""
    value: str = ""


def parse(text: str, what: str = "the document") -> ET.Element:
    """The root element of an XML text. Raises FlotillaError, naming `what`, where it is not well formed."""
    try:
        return ET.fromstring(text)
    except ET.ParseError as error:
        raise FlotillaError("%s is not well-formed XML: %s" % (what, error), "correct it there") from None


def tostring(root: ET.Element) -> str:
    """The document as text, without the indentation that edits would have left uneven."""
    for element in root.iter():
        if len(element) and element.text is not None and not element.text.strip():
            element.text = None
        if element.tail is not None and not element.tail.strip():
            element.tail = None
    return ET.tostring(root, encoding="unicode")


@functools.lru_cache(maxsize=None)
def path_steps(path: str) -> Tuple[Tuple[Step, ...], str]:
    """The elements of a path and its attribute (empty for none). A wrong path is a defect of ours: ValueError."""
    steps: List[Step] = []
    position, attribute = 0, ""
    while position < len(path):
        match = _STEP.match(path, position)
        if match is None or attribute:
            raise ValueError("not a path: %r" % path)
        attribute = match.group("attribute") or ""
        if not attribute:
            prefix = match.group("prefix")
            tag = "{%s}%s" % (NAMESPACES[prefix], match.group("tag")) if prefix else match.group("tag")
            steps.append(Step(tag, match.group("name") or "", match.group("value") or ""))
        position = match.end()
    return tuple(steps), attribute


def _child(element: ET.Element, step: Step) -> Optional[ET.Element]:
    if not step.name:
        return element.find(step.tag)
    return next((child for child in element.findall(step.tag) if child.get(step.name) == step.value), None)


def find(element: ET.Element, path: str) -> Optional[ET.Element]:
    """The first element at a path such as `devices/disk` or `devices/channel/target[@name='x']`, or None."""
    here: Optional[ET.Element] = element
    for step in path_steps(path)[0]:
        here = _child(here, step) if here is not None else None
    return here


def get(element: ET.Element, path: str) -> Optional[str]:
    """The text of the first element at `a/b`, or the attribute at `a/b/@c`; None where it is not there.

    An element that is there without text gives the empty string, so that its presence can be told.
    """
    steps, attribute = path_steps(path)
    here = element
    for step in steps:
        child = _child(here, step)
        if child is None:
            return None
        here = child
    if attribute:
        return here.get(attribute)
    return (here.text or "").strip()


def ensure(element: ET.Element, path: str) -> ET.Element:
    """The element at a path, made (with its parents, last among their siblings) where it is not there."""
    here = element
    for step in path_steps(path)[0]:
        child = _child(here, step)
        if child is None:
            child = ET.SubElement(here, step.tag, {step.name: step.value} if step.name else {})
        here = child
    return here


def put(element: ET.Element, path: str, value: Optional[str]) -> None:
    """Sets the text or attribute at a path, making elements as needed; None removes it.

    Removing also removes the elements on the way that are left with nothing in them, never `element` itself.
    Removing an element that has children or attributes removes it with them.
    """
    steps, attribute = path_steps(path)
    if value is None:
        _remove(element, steps, attribute)
    elif attribute:
        ensure(element, path).set(attribute, value)
    else:
        ensure(element, path).text = value or None


def remove(root: ET.Element, element: ET.Element) -> None:
    """Takes an element out of the tree below `root`, and the parents that are left with nothing in them, never `root` itself."""
    parents = {child: parent for parent in root.iter() for child in parent}
    while element is not root and element in parents:
        parent = parents[element]
        parent.remove(element)
        if len(parent) or parent.attrib or (parent.text or "").strip():
            return
        element = parent


def _remove(element: ET.Element, steps: Tuple[Step, ...], attribute: str) -> None:
    way = [element]
    for step in steps:
        child = _child(way[-1], step)
        if child is None:
            return
        way.append(child)
    if attribute:
        if way[-1].attrib.pop(attribute, None) is None:
            return
    elif len(way) > 1:
        way[-2].remove(way.pop())
    for index in range(len(way) - 1, 0, -1):
        if not _is_empty(way[index], steps[index - 1]):
            return
        way[index - 1].remove(way[index])


def _is_empty(element: ET.Element, step: Step) -> bool:
    return not len(element) and not set(element.attrib) - {step.name} and not (element.text or "").strip()


def annotation_of(root: ET.Element) -> Optional[str]:
    """The JSON text of our annotation in a document's metadata, or None."""
    return get(root, _METADATA) or None


def set_annotation(root: ET.Element, text: Optional[str]) -> None:
    """Writes the annotation into a document's metadata, or removes it (None), leaving other tools' metadata."""
    put(root, _METADATA, text)
    metadata = root.find("metadata")
    if text is None and metadata is not None and not len(metadata):
        # libvirt keeps an empty one where something was released.
        root.remove(metadata)


def annotation_element(text: str) -> str:
    """The annotation as an element of its own, for virDomainSetMetadata (which takes it with its key and URI)."""
    element = ET.Element(ANNOTATION)
    element.text = text
    return ET.tostring(element, encoding="unicode")
