# Copyright: (c) 2026, flotilla.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Paths into libvirt's XML: reading, editing in place, and leaving what is unknown."""

from __future__ import annotations

import pytest

from ansible_collections.flotilla.virt.plugins.module_utils._libvirt import xmltree
from ansible_collections.flotilla.virt.plugins.module_utils._reconcile.errors import FlotillaError

DOCUMENT = """
<domain>
  <name>db1</name>
  <features><acpi/></features>
  <metadata><other:tool xmlns:other="urn:other">kept</other:tool></metadata>
  <devices>
    <channel type='unix'><target name='org.a'/></channel>
    <channel type='spice'><target name='org.b' state='up'/></channel>
  </devices>
</domain>
"""


@pytest.fixture
def root():
    return xmltree.parse(DOCUMENT)


def test_get(root):
    assert xmltree.get(root, "name") == "db1"
    assert xmltree.get(root, "features/acpi") == ""
    assert xmltree.get(root, "features/pae") is None
    assert xmltree.get(root, "devices/channel/@type") == "unix"
    assert xmltree.get(root, "devices/channel[@type='spice']/target/@state") == "up"
    assert xmltree.get(root, "devices/channel[@type='pty']/target/@state") is None


def test_put_makes_what_is_missing_and_removes_what_it_leaves_empty(root):
    before = xmltree.tostring(root)
    xmltree.put(root, "cputune/vcpupin[@vcpu='0']/@cpuset", "1-2")
    assert '<cputune><vcpupin vcpu="0" cpuset="1-2" /></cputune>' in xmltree.tostring(root)
    xmltree.put(root, "cputune/vcpupin[@vcpu='0']/@cpuset", None)
    xmltree.put(root, "os/kernel", "/boot/vmlinuz")
    xmltree.put(root, "os/kernel", None)
    assert xmltree.tostring(root) == before


def test_removing_keeps_neighbours(root):
    xmltree.put(root, "devices/channel[@type='spice']/target/@state", None)
    assert xmltree.get(root, "devices/channel[@type='spice']/target/@name") == "org.b"
    xmltree.put(root, "features/none/@here", None)
    assert xmltree.get(root, "features/acpi") == ""


def test_annotation_stands_beside_other_tools(root):
    assert xmltree.annotation_of(root) is None
    xmltree.set_annotation(root, '{"a": "<&>"}')
    again = xmltree.parse(xmltree.tostring(root))
    assert xmltree.annotation_of(again) == '{"a": "<&>"}'
    xmltree.set_annotation(again, None)
    assert xmltree.annotation_of(again) is None
    assert "urn:other" in xmltree.tostring(again) and "urn:flotilla" not in xmltree.tostring(again)


def test_tostring_has_no_indentation_left(root):
    assert "\n" not in xmltree.tostring(root) and ">kept<" in xmltree.tostring(root)


def test_bad_xml_is_an_error_of_ours():
    with pytest.raises(FlotillaError, match="the answer is not well-formed"):
        xmltree.parse("<domain>", "the answer")


@pytest.mark.parametrize("path", ["a//b", "@a/b", "a[b]", "unknown:a"])
def test_a_wrong_path_is_a_defect(root, path):
    with pytest.raises((ValueError, KeyError)):
        xmltree.get(root, path)
