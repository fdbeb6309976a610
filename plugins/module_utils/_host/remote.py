# Copyright: (c) 2026, flotilla.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A host behind a remote libvirt URI: what libvirt itself can tell, and nothing that would be this machine's."""

from __future__ import annotations

import typing as t
import xml.etree.ElementTree as ET

from ansible_collections.flotilla.virt.plugins.module_utils._host import capacity, engines, libvirtd

_UNKNOWN = "unknown: it cannot be seen through the remote connection %s"


def _guest_types(capabilities: ET.Element, architecture: t.Optional[str]) -> t.List[t.Optional[str]]:
    """Return the domain types that libvirt offers for guests of the host's own architecture."""
    return [
        domain.get("type")
        for arch in capabilities.findall("guest/arch")
        if arch.get("name") == architecture
        for domain in arch.findall("domain")
    ]


def _kvm(types: t.List[t.Optional[str]], uri: str) -> t.Dict[str, t.Any]:
    usable = "kvm" in types
    reason = None if usable else "libvirt at %s offers no domains of type kvm" % uri
    return {
        "device": None, "present": None, "character_device": None, "owner": None, "group": None, "mode": None,
        "api_version": None, "usable": usable, "reason": reason,
    }


def _engines(connection: t.Any, types: t.List[t.Optional[str]], kvm: t.Mapping[str, t.Any], uri: str) -> t.Dict[str, t.Any]:
    unknown = _UNKNOWN % uri
    found: t.Dict[str, t.Any] = {
        name: {"present": None, "version": None, "usable": False, "reason": unknown} for name in engines.NAMES
    }
    found["kvm"] = {
        "present": bool(types),
        "version": libvirtd.version_text(connection.getVersion()),
        "usable": kvm["usable"],
        "reason": kvm["reason"],
        "emulation": "qemu" in types,
    }
    return found


def probe(connection: t.Any, uri: str, libvirt: t.Dict[str, t.Any]) -> t.Dict[str, t.Any]:
    """Return the same facts as for a local host; what only the host itself can see is None."""
    capabilities = ET.fromstring(connection.getCapabilities())
    architecture = capabilities.findtext("host/cpu/arch")
    kvm = _kvm(_guest_types(capabilities, architecture), uri)
    iommu = capabilities.find("host/iommu")
    info = connection.getInfo()  # model, memory in MiB, CPUs, ...
    return {
        "kernel": {"release": None, "version": None, "supported": None},
        "cpu": {
            "architecture": architecture,
            "vendor": capabilities.findtext("host/cpu/vendor"),
            "hardware_virtualization": None,
            "nested": None,
            "iommu": None if iommu is None else iommu.get("support") == "yes",
        },
        "kvm": kvm,
        "cgroups": None,
        "libvirt": libvirt,
        "service_manager": None,
        "engines": _engines(connection, _guest_types(capabilities, architecture), kvm, uri),
        "capacity": {
            "cpus": info[2],
            "memory": capacity.size(info[1] * 1024**2),
            "memory_available": capacity.size(connection.getFreeMemory()),
            "pools": libvirtd.pools(connection),
        },
        "checks": [],
        "host_ready": True,
    }
