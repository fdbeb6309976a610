# Copyright: (c) 2026, flotilla.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The lab of domains: a host of libvirt's test driver, or a real one."""

from __future__ import annotations

import os
from types import MappingProxyType
from pathlib import Path
from typing import Any, Mapping, Sequence

import libvirt

from ansible_collections.flotilla.virt.plugins.module_utils._libvirt import xmltree
from ansible_collections.flotilla.virt.plugins.module_utils._libvirt.domain import module
from ansible_collections.flotilla.virt.plugins.module_utils._libvirt.storage import PARTIAL
from ansible_collections.flotilla.virt.plugins.module_utils._libvirt.domain.driver import DomainDriver, Surroundings
from ansible_collections.flotilla.virt.plugins.module_utils._reconcile import grammar
from ansible_collections.flotilla.virt.plugins.module_utils._reconcile.annotation import Annotation
from ansible_collections.flotilla.virt.plugins.module_utils._reconcile.errors import Problem, raise_if_any
from ansible_collections.flotilla.virt.plugins.module_utils._reconcile.schema import Spec

from .domain_cases import BASE, Case
from .lab import Documents, Raw
from .libvirt_lab import LibvirtLab
from .libvirt_lab import settled as host_settled

# A host of the test driver with two networks and a pool. Opened by file, each connection is a host of its own.
TEST_HOST = """<node>
<network><name>lan</name><uuid>004b96e1-2d78-c30f-5aa5-f03c87d21e69</uuid><bridge name='virbr7'/><ip address='192.168.77.1' netmask='255.255.255.0'/></network>
<network><name>dmz</name><uuid>004b96e1-2d78-c30f-5aa5-f03c87d21e70</uuid><bridge name='virbr8'/><ip address='192.168.78.1' netmask='255.255.255.0'/></network>
<pool type='dir'><name>fast</name><target><path>/nonexistent/fast</path></target></pool>
</node>
"""


class DomainLab(LibvirtLab):
    """Domains of one connection, seen through a wire."""

    kind = "domain"

    def __init__(self, uri: str, surroundings: Surroundings | None = None) -> None:
        super().__init__(uri)
        self.surroundings = surroundings or Surroundings()
        # The name that the guest of a test had before it was renamed: under it, it is still that guest.
        self.earlier = ""

    def driver(self) -> DomainDriver:
        return module.make(self.connection, self.uri, self.surroundings)

    def parse(self, raw: Raw) -> Spec:
        problems: list[Problem] = []
        spec = grammar.parse_guest(raw, "kvm", "", problems)
        raise_if_any(problems)
        return spec

    def documents(self) -> Documents:
        found = super().documents()
        for domain in self.raw.listAllDomains():
            name = domain.name()
            found["domain:%s stored" % name] = domain.XMLDesc(libvirt.VIR_DOMAIN_XML_INACTIVE | libvirt.VIR_DOMAIN_XML_SECURE)
            found["domain:%s live" % name] = domain.XMLDesc(libvirt.VIR_DOMAIN_XML_SECURE) if domain.isActive() else ""
            found["domain:%s power" % name] = "%s autostart %s" % (domain.state()[0], domain.autostart() if domain.isPersistent() else "")
        return found

    def public_documents(self) -> Documents:
        found: Documents = {}
        for domain in self.raw.listAllDomains():
            found["domain:%s stored" % domain.name()] = domain.XMLDesc(libvirt.VIR_DOMAIN_XML_INACTIVE)
            if domain.isActive():
                found["domain:%s live" % domain.name()] = domain.XMLDesc(0)
        return found

    def belongs(self, key: str, name: str) -> bool:
        names = [each for each in (name, self.earlier) if each]
        return any(key.startswith("domain:%s " % each) or (key.startswith("volume:") and key.split("/", 1)[1].startswith(each + "-"))
                   for each in names)

    def volumes(self) -> list[str]:
        """Every volume as POOL/VOLUME."""
        return sorted(key.split(":", 1)[1] for key in self.documents() if key.startswith("volume:"))

    def unnamed(self) -> Sequence[str]:
        named: set[str] = set()
        for domain in self.raw.listAllDomains():
            text = xmltree.annotation_of(self.stored(domain.name()))
            if text:
                named.update(Annotation.from_json(text, domain.name()).owned)
        named |= {volume + PARTIAL for volume in named}
        return [volume for volume in self.volumes() if volume not in named and not self.is_base(volume)]

    def is_base(self, volume: str) -> bool:
        """Whether this is a copy of an image that guests are clones of: named by its digest, shared, kept."""
        return False

    # -- what tests look at, and what other people do to a host -----------------------------------------------------------

    def stored(self, name: str) -> Any:
        """The stored document of a domain."""
        flags = libvirt.VIR_DOMAIN_XML_INACTIVE | libvirt.VIR_DOMAIN_XML_SECURE
        return xmltree.parse(self.raw.lookupByName(name).XMLDesc(flags))

    def live(self, name: str) -> Any:
        """The running document of a domain."""
        return xmltree.parse(self.raw.lookupByName(name).XMLDesc(0))

    def define(self, text: str) -> Any:
        """Somebody else defines a domain."""
        return self.raw.defineXML(text)


def test_host(folder: Path) -> DomainLab:
    """A new, empty host of the test driver."""
    place = folder / "node.xml"
    if not place.exists():
        place.write_text(TEST_HOST, encoding="utf-8")
    return DomainLab("test://%s" % os.path.abspath(place))


test_host.__test__ = False  # type: ignore[attr-defined]  # a helper, though its name starts like a test's


def settled(documents: Documents) -> Documents:
    """The documents less what two hosts that were brought to the same state may differ in: notes, and running numbers."""
    out: Documents = {}
    for key, text in host_settled(documents).items():
        if text.startswith("<domain"):
            root = xmltree.parse(text)
            xmltree.set_annotation(root, None)
            root.attrib.pop("id", None)
            text = xmltree.tostring(root)
        out[key] = text
    return out


def build_up(pattern: str, value: Any, base: Mapping[str, Any]) -> dict[str, Any]:
    """The declaration `base` with `value` at a pattern such as `nics[].link` (in the first item) or `cpus.count`."""
    out: dict[str, Any] = {name: _copy(part) for name, part in base.items()}
    here: Any = out
    steps = pattern.split(".")
    for step in steps[:-1]:
        here = here.setdefault(step[:-2], [{}])[0] if step.endswith("[]") else here.setdefault(step, {})
    if value is None:
        here.pop(steps[-1], None)
    else:
        here[steps[-1]] = value
    return out


def _copy(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {name: _copy(part) for name, part in value.items()}
    return [_copy(part) for part in value] if isinstance(value, list) else value


def declare(case: Case, value: Any, base: Mapping[str, Any] = MappingProxyType(BASE)) -> dict[str, Any]:
    """The declaration that gives a case's option a value (None: does not declare it), with what it needs beside."""
    raw = {**base, **case.instead}
    for pattern, other in case.beside.items():
        raw = build_up(pattern, other, raw)
    if value is None and case.pattern == "nics[].network":
        # A NIC whose network is declared no more is still that NIC.
        return dict(raw, nics=[{"name": "lan"}])
    return build_up(case.pattern, value, raw)


def gone(spec: Any, case: Case) -> bool:
    """Whether the items that a case declares are no longer there."""
    names = {item["name"] for item in case.first}
    return not names & {item["name"] for item in spec.get(case.pattern, [])}


def at(spec: Any, pattern: str) -> Any:
    """What a rendered spec says at a pattern, in the first item of each list."""
    for step in pattern.split("."):
        spec = (spec or {}).get(step[:-2] if step.endswith("[]") else step)
        if step.endswith("[]"):
            spec = spec[0] if spec else None
    return spec
