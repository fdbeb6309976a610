# Copyright: (c) 2026, flotilla.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a new guest is like where its declaration says nothing: data, by operating system, architecture and machine.

The values are parsed ones, as a declaration's are. They are chosen once, at creation, and stored: another release with other
profiles never changes a guest. What is `X86` holds on x86 only. `disk`, `medium` and `nic` are for each disk, drive and NIC.
"""

from __future__ import annotations

import re
from typing import Any, Dict, Mapping, Tuple

from ..._reconcile.merge import merge_specs

Profile = Mapping[str, Any]
X86 = ("x86_64", "i686")
MIB = 1 << 20

# q35 leaves one free port; each device plugged later needs a port of its own (LIBVIRT.md trap 4; the same number as
# libosinfo's and virt-install's default machines get).
SPARE_ROOT_PORTS = 14
# The family without a profile: guests of others are told as one, so that their spec makes just them again.
PLAIN = "plain"

_EVERY: Profile = {
    "disk": {"bus": "virtio"}, "medium": {}, "nic": {"model": "virtio"}, "clock": {"offset": "utc"}, "rng": {"source": "/dev/urandom"},
    "boot": {"order": ["hd"]}, "memory": {"balloon": {"model": "virtio"}},
}
_X86: Profile = {
    "features": {"acpi": True, "apic": True},
    # Linux under emulation with several CPUs was seen to hang for good right after it had switched to the HPET.
    "clock": {"timers": {"rtc": {"name": "rtc", "tickpolicy": "catchup"}, "pit": {"name": "pit", "tickpolicy": "delay"},
                         "hpet": {"name": "hpet", "present": False}}},
}
# What Microsoft documents for its guests on other hypervisors, as QEMU names it.
_HYPERV: Profile = {
    "relaxed": True, "vapic": True, "spinlocks": 8191, "vpindex": True, "runtime": True, "synic": True, "stimer": True, "frequencies": True,
    "tlbflush": True, "ipi": True,
}
_TABLET: Profile = {"inputs": {"tablet": {"name": "tablet", "type": "tablet", "bus": "usb"}}}
_SCREEN: Profile = {"graphics": {"vnc": {"type": "vnc"}}, "video": {"model": "vga"}, **_TABLET}

FAMILIES: Mapping[str, Profile] = {
    "linux": {}, PLAIN: {},
    # Its installer brings drivers for SATA and the e1000e alone; with virtio-win the declaration says bus: virtio, model: virtio.
    "windows": {"disk": {"bus": "sata"}, "nic": {"model": "e1000e"}, "clock": {"offset": "localtime"}, **_SCREEN},
    "bsd": {**_SCREEN},
    # The virtio drivers of Solaris are young, and its HBA driver knows SATA well.
    "solaris": {"disk": {"bus": "sata"}, "nic": {"model": "e1000"}, **_SCREEN},
    "macos": {"disk": {"bus": "sata"}, "nic": {"model": "vmxnet3"}, "os": {"firmware": "uefi"},
              "graphics": {"vnc": {"type": "vnc"}}, "video": {"model": "vga"},
              "inputs": {"tablet": {"name": "tablet", "type": "tablet", "bus": "usb"}, "keyboard": {"name": "keyboard",
                                                                                                    "type": "keyboard", "bus": "usb"}}},
    "other": {"disk": {"bus": "sata"}, "nic": {"model": "e1000"}, **_SCREEN},
}
FAMILIES_X86: Mapping[str, Profile] = {
    "windows": {"features": {"hyperv": _HYPERV, "vmport": False},
                "clock": {"timers": {"hypervclock": {"name": "hypervclock", "present": True}}}},
}
# A guest with hyperv's clock features asks for hardware that emulation does not have.
ONLY_KVM: Tuple[Tuple[str, ...], ...] = (("features", "hyperv"), ("clock", "timers", "hypervclock"))

# By the short name of the system: what that system alone needs.
VARIANTS: Tuple[Tuple[str, Profile], ...] = (
    # Windows 11 and Server 2025 refuse to install without both.
    (r"win11|win2k25", {"os": {"firmware": "uefi", "secure_boot": True}, "tpm": {"type": "emulator", "model": "tpm-crb",
                                                                                 "version": "2.0"}}),
    (r"win(xp|2k3|7|vista|2k8)", {"nic": {"model": "e1000"}}),
    (r"macos|macosx", {"features": {"smm": True}}),
)


def family_of(variant: str) -> str:
    """The family of a system by its short name."""
    for start, family in (("win", "windows"), ("freebsd", "bsd"), ("openbsd", "bsd"), ("netbsd", "bsd"), ("dragonflybsd", "bsd"),
                          ("solaris", "solaris"), ("openindiana", "solaris"), ("macos", "macos")):
        if variant.startswith(start):
            return family
    return "linux"


def profile(system: Mapping[str, Any], architecture: str, machine: str, hardware: bool) -> Dict[str, Any]:
    """The defaults of a new guest: those of every guest, then of its architecture, its family, its variant.

    system: the declared `os`. hardware: whether it is a KVM guest, and not an emulated one.
    """
    variant = str(system.get("variant", ""))
    family = system.get("family") or family_of(variant)
    if family == PLAIN:
        return {}
    layers = [_EVERY, _X86 if architecture in X86 else {}, FAMILIES[family], FAMILIES_X86.get(family, {}) if architecture in X86 else {}]
    layers += [layer for pattern, layer in VARIANTS if re.match("(%s)" % pattern, variant)]
    merged: Dict[str, Any] = {}
    for layer in layers:
        merged = merge_specs(merged, layer)
    if hardware:
        merged = merge_specs(merged, {"cpus": {"model": "host-model"}})
    else:
        for route in ONLY_KVM:
            _without(merged, route)
    return merge_specs(merged, _of_machine(machine, architecture))


def _of_machine(machine: str, architecture: str) -> Profile:
    if machine == "q35" or "-q35-" in machine:
        return {"pcie_root_ports": SPARE_ROOT_PORTS, "medium": {"bus": "sata"}}
    if architecture in X86:
        return {"medium": {"bus": "ide"}}
    return {"medium": {"bus": "scsi"}}


def _without(spec: Dict[str, Any], route: Tuple[str, ...]) -> None:
    for part in route[:-1]:
        spec = spec.get(part, {})
    spec.pop(route[-1], None)
