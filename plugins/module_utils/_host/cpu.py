# Copyright: (c) 2026, flotilla.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The CPU: vendor, architecture, and whether it virtualizes in hardware."""

from __future__ import annotations

import os
import re
import typing as t

from ansible_collections.flotilla.virt.plugins.module_utils._host import files

# Implementer codes of the Arm architecture reference manual (MIDR_EL1), as /proc/cpuinfo prints them.
_ARM_IMPLEMENTERS = {
    "0x41": "ARM",
    "0x42": "Broadcom",
    "0x43": "Cavium",
    "0x46": "Fujitsu",
    "0x48": "HiSilicon",
    "0x4e": "NVIDIA",
    "0x50": "APM",
    "0x51": "Qualcomm",
    "0x61": "Apple",
    "0xc0": "Ampere",
}

# Kernel modules whose parameter `nested` says whether a guest may itself run KVM guests.
_NESTED_PARAMETERS = ("kvm_intel", "kvm_amd", "kvm_hv", "kvm")


def parse_cpuinfo(text: str) -> t.Dict[str, str]:
    """Return the fields of /proc/cpuinfo, each as its first CPU has it. Keys are in lower case."""
    fields: t.Dict[str, str] = {}
    for line in text.splitlines():
        key, colon, value = line.partition(":")
        if colon:
            fields.setdefault(key.strip().lower(), value.strip())
    return fields


def vendor(fields: t.Mapping[str, str]) -> t.Optional[str]:
    """Return the vendor as the CPU names itself (``GenuineIntel``), or None where cpuinfo does not say."""
    if "vendor_id" in fields:
        return fields["vendor_id"]
    if "cpu implementer" in fields:
        return _ARM_IMPLEMENTERS.get(fields["cpu implementer"].lower(), fields["cpu implementer"])
    if fields.get("cpu", "").upper().startswith("POWER"):
        return "IBM"
    return fields.get("mvendorid")


def _x86(fields: t.Mapping[str, str], root: str) -> str:
    flags = fields.get("flags", "").split()
    return next((flag for flag in ("vmx", "svm") if flag in flags), "none")


def _arm(fields: t.Mapping[str, str], root: str) -> str:
    # An Arm CPU has no flag for it. The kernel registers the kvm device only when it was started at EL2, so that is the sign.
    misc = files.read(root, "/proc/misc") or ""
    return "el2" if re.search(r"^\s*\d+\s+kvm$", misc, re.MULTILINE) else "none"


def _s390(fields: t.Mapping[str, str], root: str) -> str:
    return "sie" if "sie" in fields.get("features", "").split() else "none"


def _power(fields: t.Mapping[str, str], root: str) -> str:
    # Bare metal (PowerNV) runs in hypervisor mode; a partition can only with nested KVM, whose module is then loaded.
    bare = fields.get("platform", "") == "PowerNV"
    return "hv" if bare or files.exists(root, "/sys/module/kvm_hv") else "none"


def _riscv(fields: t.Mapping[str, str], root: str) -> str:
    # The single-letter extensions end at the first underscore: rv64imafdch_zicsr has h, the hypervisor extension.
    letters = fields.get("isa", "").split("_")[0][len("rv64"):]
    return "h" if "h" in letters else "none"


def _loongarch(fields: t.Mapping[str, str], root: str) -> str:
    return "lvz" if "lvz" in fields.get("features", "").split() else "none"


_SIGNS = (
    (re.compile(r"x86_64|i[3-6]86"), _x86),
    (re.compile(r"aarch64|arm"), _arm),
    (re.compile(r"s390"), _s390),
    (re.compile(r"ppc"), _power),
    (re.compile(r"riscv"), _riscv),
    (re.compile(r"loongarch"), _loongarch),
)


def hardware_virtualization(architecture: str, fields: t.Mapping[str, str], root: str = "/") -> str:
    """Return the sign of hardware virtualization, or ``none``.

    ``vmx`` (Intel) and ``svm`` (AMD) are CPU flags; ``el2`` (Arm), ``sie`` (s390x), ``hv`` (POWER), ``h`` (RISC-V) and ``lvz``
    (LoongArch) are what those architectures show instead.
    """
    for pattern, sign in _SIGNS:
        if pattern.match(architecture):
            return sign(fields, root)
    return "none"


def nested(root: str = "/") -> bool:
    """Say whether the loaded KVM module lets guests run KVM guests of their own."""
    values = (files.read(root, "/sys/module/%s/parameters/nested" % module) for module in _NESTED_PARAMETERS)
    return any(value in ("1", "Y", "y") for value in values)


def iommu(root: str = "/") -> bool:
    """Say whether an IOMMU is active, as PCI passthrough needs: the kernel has then made IOMMU groups."""
    return bool(files.names(root, "/sys/kernel/iommu_groups"))


def probe(root: str = "/", architecture: t.Optional[str] = None) -> t.Dict[str, t.Any]:
    """Return what the CPU is and what it can virtualize. ``architecture`` is that of uname unless a test gives one."""
    arch = architecture or os.uname().machine
    fields = parse_cpuinfo(files.read(root, "/proc/cpuinfo") or "")
    return {
        "architecture": arch,
        "vendor": vendor(fields),
        "hardware_virtualization": hardware_virtualization(arch, fields, root),
        "nested": nested(root),
        "iommu": iommu(root),
    }
