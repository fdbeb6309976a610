# Copyright: (c) 2026, flotilla.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Fragments of domain XML by their properties: merged, compared, taken back, and found as what the options do not say."""

from __future__ import annotations

import copy
from xml.etree.ElementTree import Element, fromstring

import pytest
from adoption import elements
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ansible_collections.flotilla.virt.plugins.module_utils._libvirt import xmltree
from ansible_collections.flotilla.virt.plugins.module_utils._libvirt.domain import fragment, remainder

MANY = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])


@st.composite
def documents(draw: st.DrawFn, size: int = 8) -> Element:
    """A document of elements drawn together."""
    machine = draw(st.sampled_from(["pc", "q35"]))
    numbers = draw(st.lists(st.integers(0, len(elements.PIECES) - 1), max_size=size))
    return fromstring(elements.together(elements.draw(numbers, machine), machine))


@given(documents(), documents(4))
@MANY
def test_a_document_holds_what_was_merged_into_it(document: Element, wanted: Element) -> None:
    text = xmltree.tostring(wanted)
    fragment.merge(document, fragment.parse(text))
    assert fragment.differences(text, document) == ({}, {})
    once = fragment.canonical(document)
    fragment.merge(document, fragment.parse(text))
    assert fragment.canonical(document) == once


@given(documents(), documents(4))
@MANY
def test_a_fragment_that_is_taken_back_leaves_what_was_before_it(document: Element, wanted: Element) -> None:
    before, text = copy.deepcopy(document), xmltree.tostring(wanted)
    said = fragment.Said(document, None, {}, None)
    noted = said.note(text)["xml_before"] or {}
    fragment.merge(document, fragment.parse(text))
    fragment.take_out(document, fragment.parse(text), None, noted)
    for one, other in ((before, document), (document, before)):
        assert fragment.differences(xmltree.tostring(one), other) == ({}, {})


def test_two_elements_of_one_name_are_taken_back_each_for_itself() -> None:
    """libvirt tells two virtio consoles apart by a port that it numbers itself, so that they are named by their type alone."""
    one = "<devices><console type='pty'><target type='virtio'/></console>%s</devices>"
    document = fromstring("<domain>%s</domain>" % one % "")
    wanted = "<domain>%s</domain>" % one % "<console type='file'><source path='/tmp/c'/><target type='virtio' port='1'/></console>"
    before, noted = copy.deepcopy(document), fragment.Said(document, None, {}, None).note(wanted)["xml_before"]
    fragment.merge(document, fragment.parse(wanted))
    assert len(document.findall("devices/console")) == 2
    fragment.take_out(document, fragment.parse(wanted), None, noted)
    assert fragment.canonical(document) == fragment.canonical(before)


@given(documents())
@MANY
def test_a_document_holds_all_of_itself(document: Element) -> None:
    assert fragment.contains(document, copy.deepcopy(document))
    assert fragment.differences(xmltree.tostring(document), document) == ({}, {})


@given(documents())
@MANY
def test_a_document_holds_what_no_option_says_of_it(document: Element) -> None:
    text = remainder.rest(document, True)
    assert text is None or fragment.differences(text, document) == ({}, {})


@pytest.mark.parametrize(("one", "other"), [
    ("<memory unit='MiB'>1</memory>", "<memory>1024</memory>"), ("<memory unit='KiB'>1024</memory>", "<memory unit='b'>1048576</memory>"),
    ("<memory unit='GB'>1</memory>", "<memory unit='MB'>1000</memory>"),
    ("<devices><controller type='pci' index='01'/></devices>", "<devices><controller index='0x1' type='pci'/></devices>"),
    ("<devices><hostdev><source><address bus='0x03'/></source></hostdev></devices>",
     "<devices><hostdev><source><address bus='3'/></source></hostdev></devices>"),
    ("<title> a </title>", "<title>a</title>"),
])
def test_what_means_the_same_is_no_difference(one: str, other: str) -> None:
    for left, right in ((one, other), (other, one)):
        assert fragment.differences("<domain>%s</domain>" % left, fromstring("<domain>%s</domain>" % right)) == ({}, {})


@pytest.mark.parametrize(("one", "other"), [
    ("<memory unit='MiB'>1</memory>", "<memory>1</memory>"), ("<features><acpi/></features>", "<features/>"),
    ("<on_crash>restart</on_crash>", "<on_crash>destroy</on_crash>"),
    ("<devices><disk><target dev='vdb'/></disk></devices>", "<devices><disk><target dev='vda'/></disk></devices>"),
    ("<metadata><x xmlns='urn:x'><b/><a/></x></metadata>", "<metadata><x xmlns='urn:x'><a/><b/></x></metadata>"),
])
def test_what_means_something_else_is_a_difference(one: str, other: str) -> None:
    assert fragment.differences("<domain>%s</domain>" % one, fromstring("<domain>%s</domain>" % other))[1]


def test_a_part_that_counts_as_one_is_taken_back_as_one() -> None:
    qemu = "<domain xmlns:q='http://libvirt.org/schemas/domain/qemu/1.0'><q:commandline><q:arg value='%s'/></q:commandline></domain>"
    document = fromstring(qemu % "-s")
    before, noted = copy.deepcopy(document), fragment.Said(document, None, {}, None).note(qemu % "-S")["xml_before"]
    fragment.merge(document, fragment.parse(qemu % "-S"))
    fragment.take_out(document, fragment.parse(qemu % "-S"), None, noted)
    assert fragment.canonical(document) == fragment.canonical(before)
