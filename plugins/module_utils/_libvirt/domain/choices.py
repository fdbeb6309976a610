# Copyright: (c) 2026, flotilla.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is derived or chosen once when a domain is made: UUID, MAC addresses, platform, volume names, defaults."""

from __future__ import annotations

import uuid as uuid_module
from typing import Any, Callable, Dict, Mapping, Optional, Tuple

from ..._reconcile.contract import Request
from ..._reconcile.errors import DeclarationError, join_path
from ..._reconcile.identity import derived_mac
from ..._reconcile.kvm.cpus import count_of
from ..._reconcile.merge import merge_specs
from ..._reconcile.schema import Spec
from .. import xmltree
from ..connection import libvirt
from . import build, fragment, profiles, table

_NAMESPACE = uuid_module.uuid5(uuid_module.NAMESPACE_URL, "urn:flotilla:virt:1")
LOG_DIRECTORY = "/var/log/libvirt/qemu"
DEFAULT_MACHINES = {"x86_64": "q35", "aarch64": "virt", "armv7l": "virt", "riscv64": "virt"}
# Why hardware virtualization cannot be used; empty when it can.
KvmProblem = Callable[[], str]


def uuid(fleet: str, name: str) -> str:
    """The UUID of a new domain: the same in check mode, in the real run, and after a removal."""
    return str(uuid_module.uuid5(_NAMESPACE, "%s/%s" % (fleet, name)))


def disk_defaults(guest: str, disk: Mapping[str, Any], defaults: Mapping[str, Any]) -> Spec:
    """A new disk with our defaults: a qcow2 volume named after guest and disk, on the bus that the system has a driver for."""
    full: Dict[str, Any] = dict(defaults)
    if all(disk.get(part) is None for part in ("file", "device", "source", "url")):
        kind = disk.get("format", "qcow2")
        full.update(format=kind, volume="%s-%s.%s" % (guest, disk["name"], kind))
    elif disk.get("format") is None:
        full["format"] = "qcow2" if disk.get("file") else "raw"
    full.update(disk)
    return full


def nic_defaults(fleet: str, guest: str, nic: Mapping[str, Any], defaults: Mapping[str, Any]) -> Spec:
    """A new NIC with our defaults: a model that the system has a driver for, and a derived MAC address."""
    return {**defaults, "mac": derived_mac(fleet, guest, nic["name"]), **nic}


def medium_defaults(medium: Mapping[str, Any], defaults: Mapping[str, Any]) -> Spec:
    """A new drive with our defaults."""
    return {**({} if medium.get("type") == "floppy" else defaults), "format": "raw", **medium}


def creation_defaults(request: Request, profile: Mapping[str, Any]) -> Spec:
    """The whole declaration of a domain that does not exist yet: our defaults and its profile's below what is declared."""
    if "size" not in request.declared.get("memory", {}):
        raise DeclarationError.at(join_path(request.where, "memory"), "is required to create a domain",
                                  "declare it, such as memory: 2GiB")
    layer = {name: value for name, value in profile.items() if name not in EACH}
    layer = _unsaid(layer, request.declared.get("xml"))
    if _boots_by_device(request.declared):
        layer = {name: value for name, value in layer.items() if name != "boot"}
    want = merge_specs(layer, request.declared)
    want["memory"].setdefault("maximum", want["memory"]["size"])
    cpus = want.setdefault("cpus", {})
    topology = cpus.get("topology")
    if topology is not None:
        cpus["topology"] = {"sockets": 1, "cores": 1, "threads": 1, **topology}
        cpus.setdefault("maximum", count_of(want))
        cpus.setdefault("count", cpus["maximum"])
    cpus.setdefault("count", 1)
    cpus.setdefault("maximum", cpus["count"])
    want["state"] = _first_state(want.get("state"))
    want.setdefault("agent", True)
    want.setdefault("console", True)
    return want


# Parts of a profile that are for each disk, drive and NIC.
EACH = ("disk", "medium", "nic")


def _unsaid(layer: Mapping[str, Any], xml: Optional[str]) -> Dict[str, Any]:
    """A profile without what the declared XML speaks of: there the user has chosen himself."""
    root = fragment.parse_or_empty(xml)
    said = {place: root.find(place) is not None for place in ("clock", "features", "cpu", "os/boot", "os/loader")}
    system = root.find("os")
    out: Dict[str, Any] = merge_specs({}, layer)
    for name, place in (("clock", "clock"), ("features", "features"), ("cpus", "cpu"), ("boot", "os/boot")):
        if said[place]:
            out.pop(name, None)
    if said["os/loader"] or (system is not None and system.get("firmware")):
        for part in ("firmware", "secure_boot"):
            out.get("os", {}).pop(part, None)
    for things in table.DOMAIN.things:
        if things.thing.place.startswith("devices/") and root.find(things.thing.place) is not None:
            holder = build.value_at(out, things.route[:-1]) if len(things.route) > 1 else out
            (holder or {}).pop(things.route[-1], None)
    if root.find("devices/controller[@model='pcie-root-port']") is not None:
        out.pop("pcie_root_ports", None)
    return out


def _boots_by_device(declared: Mapping[str, Any]) -> bool:
    return any(item.get("boot_order") is not None for option in ("disks", "media", "nics", "host_devices")
               for item in declared.get(option, {}).values())


def _first_state(state: Optional[str]) -> str:
    return "running" if state in (None, "present") else str(state)


class Capabilities:
    """What the host's libvirt offers, read once and only when a domain is made (virConnectGetCapabilities)."""

    def __init__(self, connection: Any, kvm_problem: KvmProblem) -> None:
        self._root = xmltree.parse(connection.getCapabilities())
        self._kvm_problem = kvm_problem
        self._connection = connection
        self._domains: Dict[Tuple[Any, ...], Optional[Any]] = {}
        self.test = connection.getType() == "TEST"

    def of_domain(self, kind: str, architecture: Optional[str], machine: Optional[str], path: str) -> Optional[Any]:
        """What a guest of this type can have (virConnectGetDomainCapabilities); asked once for each kind of guest.

        Raises DeclarationError at `path` where there is no such machine type.
        """
        key = (kind, architecture, machine)
        if key not in self._domains:
            try:
                self._domains[key] = xmltree.parse(self._connection.getDomainCapabilities(None, architecture, machine or None, kind, 0))
            except libvirt.libvirtError as error:
                if error.get_error_code() == libvirt.VIR_ERR_INVALID_ARG:
                    raise DeclarationError.at(path, "this host cannot make a %s guest with machine type %s: %s" % (
                        kind, machine, error.get_error_message()), "virsh capabilities lists the machine types") from None
                # An old libvirt, or a driver without this call: nothing is known, and libvirt itself will judge.
                self._domains[key] = None
        return self._domains[key]

    def architecture(self) -> str:
        """The host's own architecture."""
        return xmltree.get(self._root, "host/cpu/arch") or "x86_64"

    def _types(self, architecture: str) -> Tuple[str, ...]:
        for guest in self._root.findall("guest"):
            arch = guest.find("arch")
            if xmltree.get(guest, "os_type") == "hvm" and arch is not None and arch.get("name") == architecture:
                return tuple(node.get("type", "") for node in arch.findall("domain"))
        return ()

    def profile(self, request: Request) -> Mapping[str, Any]:
        """The defaults of a new guest on this host. A host of libvirt's test driver has no hardware to choose."""
        if self.test:
            return {"disk": {"bus": "virtio"}, "nic": {"model": "virtio"}}
        platform = self.platform(request.option("virtualization", "kvm"), request)[0]
        system = request.declared.get("os", {})
        return profiles.profile(system, platform.architecture, system.get("machine") or platform.machine, platform.domain_type == "kvm")

    def platform(self, wanted: str, request: Request) -> Tuple[build.Platform, str]:
        """The platform of a new domain for `virtualization`, and a sentence about it where it is emulated.

        Raises DeclarationError where hardware virtualization is wanted and cannot be used.
        """
        if self.test:
            return build.Platform("test", self._any_architecture()), ""
        path = request.where
        architecture = request.declared.get("os", {}).get("architecture") or self.architecture()
        types = self._types(architecture)
        problem = "" if wanted == "qemu" else self._problem(types, architecture)
        if problem and wanted == "kvm":
            raise DeclarationError.at(
                join_path(path, "virtualization"), "this host cannot run KVM guests: %s" % problem,
                "see host_info and the role kvm_host, or declare virtualization: prefer_kvm to emulate here")
        kind = "qemu" if wanted == "qemu" or problem else "kvm"
        if kind not in types:
            raise DeclarationError.at(path, "libvirt has no %s domains for %s here" % (kind, architecture),
                                      "install QEMU for it (the role kvm_host does for the host's own)")
        note = "emulated, because %s" % problem if problem else "emulated, as declared" if kind == "qemu" else ""
        return build.Platform(kind, architecture, DEFAULT_MACHINES.get(architecture, ""), LOG_DIRECTORY), note

    def _any_architecture(self) -> str:
        arch = self._root.find("guest/arch")
        return "i686" if arch is None else arch.get("name", "i686")

    def _problem(self, types: Tuple[str, ...], architecture: str) -> str:
        if architecture != self.architecture():
            return "the host's architecture is %s, not %s" % (self.architecture(), architecture)
        return self._kvm_problem() if "kvm" in types else "libvirt offers no kvm domains here"
