# Copyright: (c) 2026, flotilla.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Recorded parts of /proc and /sys, and a helper that lays them out below a folder."""

from __future__ import annotations

import pathlib
import typing as t

Tree = t.Dict[str, str]

INTEL = """processor\t: 0
vendor_id\t: GenuineIntel
cpu family\t: 6
model name\t: Intel(R) Xeon(R) Gold 6130 CPU @ 2.10GHz
flags\t\t: fpu vme de pse tsc msr pae mce cx8 apic sep mtrr pge vmx smx est tm2 ssse3 sdbg fma
processor\t: 1
vendor_id\t: GenuineIntel
flags\t\t: fpu vme de pse tsc msr pae mce cx8 apic sep mtrr pge vmx smx est tm2 ssse3 sdbg fma
"""
AMD = "processor\t: 0\nvendor_id\t: AuthenticAMD\nflags\t\t: fpu vme lahf_lm cmp_legacy svm extapic cr8_legacy abm\n"
# A virtual machine without nested virtualization, as cloud runners are: an AMD CPU with vmmcall and without svm.
AMD_GUEST = "processor\t: 0\nvendor_id\t: AuthenticAMD\nflags\t\t: fpu vme syscall hypervisor lahf_lm cmp_legacy topoext vmmcall\n"
ARM = "processor\t: 0\nBogoMIPS\t: 50.00\nFeatures\t: fp asimd evtstrm aes\nCPU implementer\t: 0x41\nCPU architecture: 8\nCPU part\t: 0xd0c\n"
S390 = (
    "vendor_id       : IBM/S390\n# processors    : 2\nfeatures\t: esan3 zarch stfle msa ldisp eimm dfp te vx sie\n"
    "processor 0: version = FF,  identification = 0123,  machine = 3906\n"
)
POWER_BARE = "processor\t: 0\ncpu\t\t: POWER9, altivec supported\nclock\t\t: 2300.000000MHz\n\ntimebase\t: 512000000\nplatform\t: PowerNV\n"
POWER_PARTITION = POWER_BARE.replace("PowerNV", "pSeries")
RISCV = "processor\t: 0\nhart\t\t: 0\nisa\t\t: rv64imafdch_zicsr_zifencei_zihpm\nmmu\t\t: sv57\nmvendorid\t: 0x0\n"
RISCV_PLAIN = RISCV.replace("imafdch_", "imafdc_")

MISC_WITH_KVM = "234 btrfs-control\n200 tun\n229 fuse\n232 kvm\n183 hw_random\n"
MISC_WITHOUT_KVM = "234 btrfs-control\n200 tun\n"

MEMINFO = "MemTotal:       24684096 kB\nMemFree:        23148544 kB\nMemAvailable:   23452672 kB\n"

CGROUP_V1 = (
    "proc /proc proc rw,relatime 0 0\n"
    "tmpfs /sys/fs/cgroup tmpfs ro,nosuid,nodev,noexec,mode=755 0 0\n"
    "cgroup /sys/fs/cgroup/systemd cgroup rw,nosuid,nodev,noexec,relatime,xattr,name=systemd 0 0\n"
    "cgroup /sys/fs/cgroup/cpu,cpuacct cgroup rw,nosuid,nodev,noexec,relatime,cpuacct,cpu 0 0\n"
    "cgroup /sys/fs/cgroup/memory cgroup rw,nosuid,nodev,noexec,relatime,memory 0 0\n"
)
CGROUP_V2 = "proc /proc proc rw,relatime 0 0\ncgroup2 /sys/fs/cgroup cgroup2 rw,nosuid,nodev,noexec,relatime,nsdelegate 0 0\n"
CGROUP_HYBRID = CGROUP_V1 + "cgroup2 /sys/fs/cgroup/unified cgroup2 rw,relatime 0 0\n"

NAMESPACES: Tree = {"/proc/self/ns/%s" % name: "" for name in ("cgroup", "ipc", "mnt", "net", "pid", "user", "uts")}


def lay_out(root: pathlib.Path, tree: Tree) -> str:
    """Write each file of a tree below ``root`` and return the root as the probes take it."""
    for path, text in tree.items():
        target = root / path.lstrip("/")
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text, encoding="utf-8")
    return str(root)


def command(root: pathlib.Path, path: str, script: str) -> None:
    """Put an executable script below ``root``, which stands for an engine's own command."""
    target = root / path.lstrip("/")
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text("#!/bin/sh\n" + script, encoding="utf-8")
    target.chmod(0o755)
