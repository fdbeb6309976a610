# Copyright: (c) 2026, flotilla.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Defining somebody's document, adopting it, and making it anew from nothing but what an info module says of it."""

from __future__ import annotations

import copy
from typing import Any, Iterator, Mapping
from xml.etree.ElementTree import Element

import libvirt
from laws import laws
from laws.domain_lab import DomainLab

from ansible_collections.flotilla.virt.plugins.module_utils._libvirt import xmltree
from ansible_collections.flotilla.virt.plugins.module_utils._libvirt.domain import fragment
from ansible_collections.flotilla.virt.plugins.module_utils._libvirt.domain.driver import DomainDriver


class AdoptionLab(DomainLab):
    """A host that is asked for nothing but libvirt's own word: files need not be there, nor hardware."""

    def driver(self) -> DomainDriver:
        driver = super().driver()
        driver.host.local = False
        driver.host.kvm_problem = lambda: ""
        driver.checker.judge.objection = lambda root: ""  # type: ignore[method-assign]
        driver.host.domain_capabilities = lambda work: None  # type: ignore[method-assign]
        return driver


KEEP = {"keep": True}


def define(lab: DomainLab, name: str, text: str) -> Element:
    """Defines the document under a name and returns what libvirt made of it. Raises libvirtError where it refuses."""
    root = xmltree.parse(text)
    node = root.find("name")
    if node is None:
        node = Element("name")
        root.insert(0, node)
    node.text = name
    lab.define(xmltree.tostring(root))
    return lab.stored(name)


def remove(lab: DomainLab) -> None:
    """Removes every domain, nothing else."""
    for domain in lab.raw.listAllDomains():
        domain.undefineFlags(libvirt.VIR_DOMAIN_UNDEFINE_NVRAM)


def adopt(lab: DomainLab, name: str, original: Element) -> None:
    """Its own spec changes nothing but our annotation."""
    laws.assert_adoption(lab, name)
    after = lab.stored(name)
    assert differences(original, after) == []


def recreate(lab: DomainLab, name: str, original: Element) -> None:
    """The spec makes the same guest again where there is none."""
    domain = lab.raw.lookupByName(name)
    domain.undefineFlags(libvirt.VIR_DOMAIN_UNDEFINE_NVRAM)
    try:
        # libvirt does not always write again what it wrote: what it makes of its own document is what counts.
        original = define(lab, name, xmltree.tostring(original))
    except libvirt.libvirtError:
        # It refuses what it wrote itself (it added a serial port beyond those that the machine can have).
        return
    raw = revealed(lab.spec(name), original)
    remove(lab)
    result = lab.apply(name, raw)
    assert not result.failed, result.msg
    found = differences(original, lab.stored(name))
    assert found == [], "\n".join(found)
    laws.assert_idempotent(lab, name, raw)


def revealed(spec: Mapping[str, Any], document: Element) -> dict[str, Any]:
    """The spec as a person completes it for a new guest: secrets, and that the volumes are there already."""
    raw = copy.deepcopy(dict(spec))
    for graphics in raw.get("graphics", ()):
        if graphics.get("password") == KEEP:
            graphics["password"] = document.find("devices/graphics[@type='%s']" % graphics["type"]).get("passwd")
    for disk in raw.get("disks", ()):
        if "volume" in disk:
            disk["existing"] = True
    return raw


# -- comparing by meaning ------------------------------------------------------------------------------------------------

def differences(one: Element, other: Element) -> list[str]:
    """What differs between two of libvirt's own documents: our annotation, aliases and the order of attributes do not count."""
    return list(_differences(_reduced(one), _reduced(other), ""))


def _reduced(root: Element) -> Element:
    twin = copy.deepcopy(root)
    xmltree.set_annotation(twin, None)
    for parent in list(twin.iter()):
        for child in parent.findall("alias"):
            parent.remove(child)
    return twin


def _differences(one: Element, other: Element, path: str) -> Iterator[str]:
    if (one.text or "").strip() != (other.text or "").strip():
        yield "%s: %r became %r" % (path, one.text, other.text)
    for name in sorted({*one.attrib, *other.attrib}):
        if one.get(name) != other.get(name):
            yield "%s/@%s: %r became %r" % (path, name, one.get(name), other.get(name))
    ours, theirs = _grouped(one), _grouped(other)
    for tag in list(ours) + [tag for tag in theirs if tag not in ours]:
        left, right = ours.get(tag, []), theirs.get(tag, [])
        # Elements of one name whose order libvirt does not keep are told apart by what they hold.
        for child in list(left):
            twin = next((other for other in right if fragment.canonical(other) == fragment.canonical(child)), None)
            if twin is not None:
                right.remove(twin)
                left.remove(child)
        for number in range(max(len(left), len(right))):
            place = "%s/%s" % (path, tag)
            if number >= len(left):
                yield "%s: new %s" % (place, fragment.canonical(right[number]))
            elif number >= len(right):
                yield "%s: lost %s" % (place, fragment.canonical(left[number]))
            else:
                yield from _differences(left[number], right[number], place)


def _grouped(element: Element) -> dict[str, list[Element]]:
    found: dict[str, list[Element]] = {}
    for child in element:
        found.setdefault(child.tag, []).append(child)
    return found


# -- the host ----------------------------------------------------------------------------------------------------------------

def prepare(lab: DomainLab) -> None:
    """What the documents name: pools with volumes, and networks."""
    for name in ("default", "lan"):
        if name not in [network.name() for network in lab.raw.listAllNetworks()]:
            lab.raw.networkDefineXML("<network><name>%s</name><bridge name='ad-%s'/></network>" % (name, name))
    if "fast" not in [pool.name() for pool in lab.raw.listAllStoragePools()]:
        pool = lab.raw.storagePoolDefineXML("<pool type='dir'><name>fast</name><target><path>/var/lib/libvirt/fast</path></target></pool>")
        pool.build()
        pool.create()
        for volume in ("v1.qcow2", "v2.raw"):
            pool.createXML("<volume><name>%s</name><capacity unit='MiB'>1</capacity><target><format type='%s'/></target></volume>"
                           % (volume, volume.rsplit(".", 1)[-1]))


def clean(lab: DomainLab) -> None:
    """Removes what `prepare` made."""
    remove(lab)
    pool = lab.raw.storagePoolLookupByName("fast")
    for volume in pool.listAllVolumes():
        volume.delete()
    pool.destroy()
    pool.undefine()
    for network in lab.raw.listAllNetworks():
        network.undefine()


__all__ = ["AdoptionLab", "adopt", "clean", "define", "differences", "prepare", "recreate", "remove", "revealed"]
