# Copyright: (c) 2026, flotilla.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a host must have, as a list for people: each check, what was found, and what to do."""

from __future__ import annotations

import typing as t

from ansible_collections.flotilla.virt.plugins.module_utils._host import cgroups as groups
from ansible_collections.flotilla.virt.plugins.module_utils._host import kvm as device

Check = t.Dict[str, t.Any]
Facts = t.Mapping[str, t.Any]

_CONTAINERS = ("lxc", "podman")
_FIRMWARE = "switch on Intel VT-x, AMD-V or SVM in the machine's firmware; in a virtual machine, nested virtualization on the host beneath it"


def _check(name: str, ok: bool, found: str, remedy: str, needed_for: t.Sequence[str], repairs: t.Optional[str] = None) -> Check:
    """Build one check. ``repairs`` is the role that puts it right, so that it is no reason to stop before that role has run."""
    return {
        "name": name,
        "ok": ok,
        "found": found,
        "remedy": None if ok else remedy,
        "needed_for": list(needed_for),
        "repaired_by": None if ok else repairs,
    }


def _kernel(facts: Facts) -> Check:
    return _check(
        "kernel", facts["kernel"]["supported"], "Linux %s" % (facts["kernel"]["release"] or "of an unknown release"),
        "boot Linux 2.6.20 or later", ("kvm",) + _CONTAINERS,
    )


def _cpu(facts: Facts) -> Check:
    sign = facts["cpu"]["hardware_virtualization"]
    names = "%s, %s" % (facts["cpu"]["architecture"], facts["cpu"]["vendor"] or "vendor unknown")
    found = "none (%s)" % names if sign == "none" else "%s (%s)" % (sign, names)
    return _check("cpu_virtualization", sign != "none", found, _FIRMWARE, ("kvm",))


def _device(facts: Facts) -> Check:
    kvm = facts["kvm"]
    has_cpu = facts["cpu"]["hardware_virtualization"] != "none"
    if kvm["usable"]:
        found = "/dev/kvm opens and answers with API version %s" % kvm["api_version"]
    else:
        found = kvm["reason"]
    if not has_cpu:
        remedy = "see cpu_virtualization: without it the device is of no use"
    elif not kvm["present"]:
        remedy = "load the module: modprobe kvm_intel, kvm_amd or kvm; dmesg says why it refuses"
    else:
        remedy = "make it a character device (major 10, minor 232) that root and group kvm may read and write"
    repairable = has_cpu and not kvm["present"]
    return _check("kvm_device", kvm["usable"], found, remedy, ("kvm",), "kvm_host" if repairable else None)


def _access(facts: Facts) -> Check:
    kvm = facts["kvm"]
    if kvm["present"]:
        found = "owner %s, group %s, mode %s" % (kvm["owner"], kvm["group"], kvm["mode"])
    else:
        found = "/dev/kvm does not exist"
    return _check(
        "kvm_device_access", device.shared_with_qemu(kvm), found,
        "give /dev/kvm group kvm and mode 0660, since libvirt runs QEMU as a member of that group", ("kvm",), "kvm_host",
    )


def _binding(python: t.Mapping[str, t.Any]) -> Check:
    if python["distribution"]:
        remedy = "install the distribution's package of libvirt's Python binding (python3-libvirt)"
    else:
        remedy = (
            "set ansible_python_interpreter to the distribution's own Python (/usr/bin/python3), which has libvirt's binding as"
            " a package, or install libvirt-python for %s" % python["executable"]
        )
    found = python["reason"] or "%s imports libvirt" % python["executable"]
    # A package of the distribution is of no use to another Python, so there the role cannot help.
    repairs = "kvm_host" if python["distribution"] else None
    return _check("python_libvirt", python["reason"] is None, found, remedy, ("kvm",), repairs)


def _libvirt(facts: Facts) -> Check:
    libvirt = facts["libvirt"]
    found = "libvirt %s answers at %s" % (libvirt["version"], libvirt["uri"]) if libvirt["answers"] else libvirt["reason"]
    return _check("libvirt", libvirt["answers"], found, "apply the role flotilla.virt.kvm_host", ("kvm",), "kvm_host")


def _optional(name: str, ok: bool, remedy: str) -> Check:
    return _check(name, ok, "on" if ok else "off", remedy, ())


def _cgroups(facts: Facts) -> Check:
    layout = facts["cgroups"]["layout"]
    return _check(
        "cgroups", layout != "none", "layout %s" % layout,
        "mount the control groups (cgroup2 on /sys/fs/cgroup)", _CONTAINERS,
    )


def _cgroup_limits(facts: Facts) -> Check:
    # Containers run without these controllers; only their limits do not hold. So this informs and stops nobody.
    lacking = groups.missing_controllers(facts["cgroups"])
    found = "missing: %s" % ", ".join(lacking) if lacking else "the controllers cpu and memory are there"
    return _check(
        "cgroup_limits", not lacking, found,
        "to limit what containers use, boot with these controllers (a kernel may need cgroup_enable=memory)", (),
    )


def _namespaces(lacking: t.Sequence[str]) -> Check:
    found = "missing: %s" % ", ".join(lacking) if lacking else "all that containers need"
    return _check("namespaces", not lacking, found, "boot a kernel with these namespaces", _CONTAINERS)


def _engine(name: str, engine: t.Mapping[str, t.Any]) -> Check:
    found = "version %s" % (engine["version"] or "unknown") if engine["present"] else "not installed"
    return _check(
        "%s_installed" % name, engine["present"], found,
        "apply the role flotilla.virt.container_host with container_host_engines: [%s]" % name, (name,), "container_host",
    )


def probe(facts: Facts, lacking_namespaces: t.Sequence[str], python: t.Mapping[str, t.Any]) -> t.List[Check]:
    """Return every check of this host, in the order in which they build on each other.

    ``python`` is what `libvirtd.binding` found.

    ``needed_for`` names the engines that a check matters to; one without any (nesting, IOMMU, limits) only informs.
    """
    return [
        _kernel(facts),
        _cpu(facts),
        _device(facts),
        _access(facts),
        _binding(python),
        _libvirt(facts),
        _optional("nested", facts["cpu"]["nested"], "to run KVM inside guests, load the kvm module with nested=1"),
        _optional("iommu", facts["cpu"]["iommu"], "for PCI passthrough, boot with intel_iommu=on or amd_iommu=on"),
        _cgroups(facts),
        _cgroup_limits(facts),
        _namespaces(lacking_namespaces),
    ] + [_engine(name, facts["engines"][name]) for name in _CONTAINERS]
