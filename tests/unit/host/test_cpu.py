# Copyright: (c) 2026, flotilla.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import pathlib

import pytest

from ansible_collections.flotilla.virt.plugins.module_utils._host import cpu
from ansible_collections.flotilla.virt.tests.unit.host import trees


@pytest.mark.parametrize(
    ("architecture", "cpuinfo", "extra", "vendor", "sign"),
    [
        ("x86_64", trees.INTEL, {}, "GenuineIntel", "vmx"),
        ("x86_64", trees.AMD, {}, "AuthenticAMD", "svm"),
        ("x86_64", trees.AMD_GUEST, {}, "AuthenticAMD", "none"),
        ("i686", trees.INTEL, {}, "GenuineIntel", "vmx"),
        ("aarch64", trees.ARM, {"/proc/misc": trees.MISC_WITH_KVM}, "ARM", "el2"),
        ("aarch64", trees.ARM, {"/proc/misc": trees.MISC_WITHOUT_KVM}, "ARM", "none"),
        ("s390x", trees.S390, {}, "IBM/S390", "sie"),
        ("s390x", trees.S390.replace(" sie", ""), {}, "IBM/S390", "none"),
        ("ppc64le", trees.POWER_BARE, {}, "IBM", "hv"),
        ("ppc64le", trees.POWER_PARTITION, {}, "IBM", "none"),
        ("ppc64le", trees.POWER_PARTITION, {"/sys/module/kvm_hv/refcnt": "0"}, "IBM", "hv"),
        ("riscv64", trees.RISCV, {}, "0x0", "h"),
        ("riscv64", trees.RISCV_PLAIN, {}, "0x0", "none"),
        ("sparc64", "cpu\t\t: TI UltraSparc\n", {}, None, "none"),
        ("x86_64", "", {}, None, "none"),
    ],
)
def test_sign(
    tmp_path: pathlib.Path, architecture: str, cpuinfo: str, extra: trees.Tree, vendor: str | None, sign: str
) -> None:
    root = trees.lay_out(tmp_path, {"/proc/cpuinfo": cpuinfo, **extra})
    found = cpu.probe(root, architecture)
    assert (found["vendor"], found["hardware_virtualization"]) == (vendor, sign)


def test_a_flag_is_a_whole_word(tmp_path: pathlib.Path) -> None:
    # vmmcall and vmx_something are other flags.
    root = trees.lay_out(tmp_path, {"/proc/cpuinfo": "flags : fpu vmxnet svm_lock\n"})
    assert cpu.probe(root, "x86_64")["hardware_virtualization"] == "none"


def test_x86_is_not_fooled_by_the_device(tmp_path: pathlib.Path) -> None:
    root = trees.lay_out(tmp_path, {"/proc/cpuinfo": trees.AMD_GUEST, "/proc/misc": trees.MISC_WITH_KVM})
    assert cpu.probe(root, "x86_64")["hardware_virtualization"] == "none"


@pytest.mark.parametrize(("value", "nested"), [("Y", True), ("1", True), ("N", False), ("0", False)])
def test_nested(tmp_path: pathlib.Path, value: str, nested: bool) -> None:
    root = trees.lay_out(tmp_path, {"/sys/module/kvm_intel/parameters/nested": value + "\n"})
    assert cpu.nested(root) is nested


def test_no_module_is_not_nested(tmp_path: pathlib.Path) -> None:
    assert cpu.nested(str(tmp_path)) is False


def test_iommu_needs_groups(tmp_path: pathlib.Path) -> None:
    (tmp_path / "sys/kernel/iommu_groups").mkdir(parents=True)
    assert cpu.iommu(str(tmp_path)) is False
    (tmp_path / "sys/kernel/iommu_groups/0").mkdir()
    assert cpu.iommu(str(tmp_path)) is True
