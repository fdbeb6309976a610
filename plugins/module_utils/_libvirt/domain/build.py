# Copyright: (c) 2026, flotilla.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Making a domain document from a completed declaration. Used at creation and for new devices only."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Mapping, Optional
from xml.etree.ElementTree import Element, SubElement

from ..._reconcile.annotation import Annotation
from .. import xmltree
from . import elements, table

# q35 leaves one free port; each device plugged later needs a port of its own (LIBVIRT.md trap 4; the same number as
# libosinfo's and virt-install's default machines get).
SPARE_ROOT_PORTS = 14


@dataclass(frozen=True)
class Platform:
    """What the host decides about a new domain: its type (kvm, qemu, test), architecture and default machine."""

    domain_type: str
    architecture: str
    machine: str = ""
    log_directory: str = ""


def domain(name: str, uuid: str, want: Mapping[str, Any], platform: Platform, annotation: Annotation) -> Element:
    """The whole document of a new domain."""
    root = elements.build("domain", {"type": platform.domain_type})
    SubElement(root, "name").text = name
    SubElement(root, "uuid").text = uuid
    xmltree.set_annotation(root, annotation.to_json())
    _boot(root, want.get("os", {}), platform)
    elements.required(root, "vcpu").text = "1"
    for pattern in ("cpus.maximum", "cpus.count", "memory.maximum", "memory.size", "title", "description"):
        value = _at(want, pattern)
        if value is not None:
            table.BY_PATTERN[pattern].put(root, value)
    if platform.domain_type != "test":
        _hardware(root, platform, want.get("os", {}))
    devices = elements.required(root, "devices")
    for disk in want.get("disks", {}).values():
        add_disk(root, disk)
    for nic in want.get("nics", {}).values():
        add_nic(root, nic)
    table.BY_PATTERN["agent"].put(root, want.get("agent", True))
    if want.get("console", True):
        devices.append(_serial(name, platform))
    devices.append(elements.build("memballoon", {"model": "virtio"}))
    return root


def _at(want: Mapping[str, Any], pattern: str) -> Any:
    value: Any = want
    for part in pattern.split("."):
        value = value.get(part) if isinstance(value, Mapping) else None
    return value


def _boot(root: Element, system: Mapping[str, Any], platform: Platform) -> None:
    boot = SubElement(root, "os")
    kind = SubElement(boot, "type", {"arch": platform.architecture})
    kind.text = "hvm"
    machine = system.get("machine") or platform.machine
    if machine:
        kind.set("machine", machine)
    if system.get("firmware") == "uefi":
        boot.set("firmware", "efi")
    for part in ("kernel", "initrd", "cmdline"):
        if system.get(part) is not None:
            SubElement(boot, part).text = str(system[part])
    SubElement(boot, "boot", {"dev": "hd"})


def _hardware(root: Element, platform: Platform, system: Mapping[str, Any]) -> None:
    features = SubElement(root, "features")
    if platform.architecture in ("x86_64", "i686"):
        SubElement(features, "acpi")
        SubElement(features, "apic")
    elif system.get("firmware") == "uefi":
        SubElement(features, "acpi")
    if platform.domain_type == "kvm":
        SubElement(root, "cpu", {"mode": "host-model", "check": "partial"})
    offset = "localtime" if system.get("family") == "windows" else "utc"
    clock = SubElement(root, "clock", {"offset": offset})
    if platform.architecture in ("x86_64", "i686"):
        # Linux under emulation with several CPUs was seen to hang for good right after it had switched to the HPET.
        for timer in ({"name": "rtc", "tickpolicy": "catchup"}, {"name": "pit", "tickpolicy": "delay"},
                      {"name": "hpet", "present": "no"}):
            SubElement(clock, "timer", timer)
    devices = elements.required(root, "devices")
    machine = system.get("machine") or platform.machine
    if machine == "q35" or "-q35-" in machine:
        devices.append(elements.build("controller", {"type": "pci", "index": "0", "model": "pcie-root"}))
        for _port in range(SPARE_ROOT_PORTS):
            devices.append(elements.build("controller", {"type": "pci", "model": "pcie-root-port"}))
    devices.append(elements.build("rng", {"model": "virtio"}))
    backend = SubElement(devices[-1], "backend", {"model": "random"})
    backend.text = "/dev/urandom"


def _serial(name: str, platform: Platform) -> Element:
    serial = elements.build("serial", {"type": "pty"}, [("target", {"port": "0"})])
    if platform.log_directory:
        serial.append(elements.build("log", {"file": console_log(name, platform.log_directory), "append": "on"}))
    return serial


def console_log(name: str, directory: str) -> str:
    """Where virtlogd keeps what a guest says on its serial console."""
    return "%s/%s-serial0.log" % (directory.rstrip("/"), name)


def ensure_controller(root: Element, bus: str) -> None:
    """A SCSI disk gets a virtio-scsi controller: libvirt would add an emulated LSI one, which has no hot-plug."""
    devices = elements.required(root, "devices")
    if bus == "scsi" and devices.find("controller[@type='scsi']") is None:
        devices.append(elements.build("controller", {"type": "scsi", "index": "0", "model": "virtio-scsi"}))


def add_disk(root: Element, disk: Mapping[str, Any], live: Optional[Element] = None) -> Element:
    """Appends a disk of the declaration and returns it; its target is free in the running document too."""
    bus = disk.get("bus", "virtio")
    ensure_controller(root, bus)
    device = elements.build("disk", {"type": "volume", "device": "disk"}, [
        ("driver", {"name": "qemu", "type": disk.get("format", "qcow2")})])
    SubElement(device, "target", {"dev": elements.next_target(root, bus, live), "bus": bus})
    for row in table.DISK_ROWS:
        option = row.pattern.rsplit(".", 1)[1]
        if disk.get(option) is not None and option not in ("bus", "format"):
            row.put(device, disk[option])
    SubElement(device, "alias", {"name": elements.alias(elements.DISK, disk["name"])})
    elements.required(root, "devices").append(device)
    return device


def add_nic(root: Element, nic: Mapping[str, Any]) -> Element:
    """Appends a NIC of the declaration and returns it."""
    device = elements.build("interface", {"type": "network"})
    for row in table.NIC_ROWS:
        option = row.pattern.rsplit(".", 1)[1]
        if nic.get(option) is not None:
            row.put(device, nic[option])
    SubElement(device, "alias", {"name": elements.alias(elements.NIC, nic["name"])})
    elements.required(root, "devices").append(device)
    return device


def set_seed(root: Element, pool: Optional[str], volume: Optional[str]) -> None:
    """Puts the seed disk into the document, points it to another volume, or removes it (None).

    Read-only and on virtio, since cloud kernels have neither AHCI nor IDE.
    """
    devices, there = elements.required(root, "devices"), elements.seed(root)
    if there is not None and volume is None:
        devices.remove(there)
    elif volume is not None:
        if there is None:
            there = elements.build("disk", {"type": "volume", "device": "disk"}, [
                ("driver", {"name": "qemu", "type": "raw"}),
                ("target", {"dev": elements.next_target(root, "virtio"), "bus": "virtio"}), ("readonly", {}),
                ("alias", {"name": elements.alias(elements.SEED, "cidata")})])
            devices.append(there)
        xmltree.put(there, "source/@pool", pool)
        xmltree.put(there, "source/@volume", volume)
