# Copyright: (c) 2026, flotilla.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The elements of libvirt's domain format, each with what it takes to stand in a document.

They are in elements.tsv.

A piece is XML for one place: `/` is the domain, `devices` its devices, `os`, `features`, `clock` and so on the element of that
name. Documents are made of one piece each, and of many drawn together.
"""

from __future__ import annotations

from pathlib import Path
from typing import Iterator, NamedTuple, Sequence
from xml.etree.ElementTree import Element, SubElement, fromstring

from ansible_collections.flotilla.virt.plugins.module_utils._libvirt import xmltree

NAMESPACES = "xmlns:qemu='http://libvirt.org/schemas/domain/qemu/1.0' xmlns:t='http://example.com/tool'"


class Piece(NamedTuple):
    """One element. `group`: of those in one group a document has at most one. `machine`: where it needs one."""

    place: str
    xml: str
    group: str = ""
    machine: str = ""


def _pieces() -> list[Piece]:
    lines = Path(__file__).with_name("elements.tsv").read_text(encoding="utf-8").splitlines()
    found = []
    for line in lines:
        if not line.startswith("#"):
            place, group, machine, xml = line.split("\t")
            found.append(Piece(place, xml, group.strip("-"), machine.strip("-")))
    return found


PIECES = _pieces()


def base(machine: str, kind: str = "qemu") -> Element:
    """The smallest document."""
    return fromstring("<domain type='%s'><name>x</name><memory unit='MiB'>512</memory><vcpu>1</vcpu><os><type%s>hvm</type></os><devices/></domain>"
                      % (kind, "" if kind == "test" else " arch='x86_64' machine='%s'" % machine))


def put(root: Element, piece: Piece) -> None:
    """Puts a piece into a document; what a piece brings for the domain replaces what is there, devices are added."""
    text = "<p %s>%s</p>" % (NAMESPACES, piece.xml)
    parent = root if piece.place == "/" else root.find(piece.place)
    if parent is None:
        parent = SubElement(root, piece.place)
    for child in fromstring(text):
        there = parent.find(child.tag) if piece.place == "/" and child.tag != "seclabel" else None
        if there is None:
            parent.append(child)
        elif child.tag in ("devices", "os", "cputune", "features", "cpu"):
            there.extend(list(child))
            there.attrib.update(child.attrib)
        else:
            parent.remove(there)
            parent.append(child)


def together(pieces: Sequence[Piece], machine: str, kind: str = "qemu") -> str:
    """A document of pieces, as text."""
    root = base(machine, kind)
    for piece in pieces:
        put(root, piece)
    return xmltree.tostring(root)


def singles(kind: str = "qemu") -> Iterator[tuple[str, str]]:
    """A document for each piece."""
    for number, piece in enumerate(PIECES):
        machine = piece.machine or ("q35" if number % 2 else "pc")
        yield "element-%03d" % number, together([piece], machine, kind)


def draw(chosen: Sequence[int], machine: str) -> list[Piece]:
    """The pieces of these numbers that can stand together in one document for a machine."""
    groups: set[str] = set()
    found: list[Piece] = []
    for number in chosen:
        piece = PIECES[number % len(PIECES)]
        if piece.machine not in ("", machine) or piece in found or (piece.group and piece.group in groups):
            continue
        groups.add(piece.group)
        found.append(piece)
    return found


def mixtures(count: int, size: int = 9) -> Iterator[tuple[str, str]]:
    """Documents of several pieces each, by a fixed walk over all of them."""
    for number in range(count):
        machine = "q35" if number % 3 else "pc"
        chosen = draw([number * 5 + step * (37 + number % 11) for step in range(size)], machine)
        yield "mixture-%03d" % number, together(chosen, machine)
