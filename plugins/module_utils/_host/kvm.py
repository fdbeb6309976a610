# Copyright: (c) 2026, flotilla.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""/dev/kvm: present, and usable: a device node alone is not hardware virtualization."""

from __future__ import annotations

import fcntl
import grp
import os
import pwd
import stat
import typing as t

from ansible_collections.flotilla.virt.plugins.module_utils._host import files

DEVICE = "/dev/kvm"

# linux/kvm.h: KVM_GET_API_VERSION is _IO(0xAE, 0x00), and every kernel since 2.6.22 answers 12. Documentation/virt/kvm/api.rst
# tells applications to refuse any other version.
KVM_GET_API_VERSION = 0xAE00
API_VERSION = 12


def api_version(path: str) -> int:
    """Open the device for reading and writing and ask for the version of its interface.

    Raises OSError when it cannot be opened or does not know the call.
    """
    descriptor = os.open(path, os.O_RDWR | os.O_CLOEXEC)
    try:
        return fcntl.ioctl(descriptor, KVM_GET_API_VERSION, 0)
    finally:
        os.close(descriptor)


def _owner(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)


def _group(gid: int) -> str:
    try:
        return grp.getgrgid(gid).gr_name
    except KeyError:
        return str(gid)


def node(root: str = "/") -> t.Dict[str, t.Any]:
    """Return ``present``, ``character_device``, ``owner``, ``group`` and ``mode`` (four octal digits) of the device node."""
    try:
        status = os.stat(files.at(root, DEVICE))
    except OSError:
        return {"present": False, "character_device": False, "owner": None, "group": None, "mode": None}
    return {
        "present": True,
        "character_device": stat.S_ISCHR(status.st_mode),
        "owner": _owner(status.st_uid),
        "group": _group(status.st_gid),
        "mode": "%04o" % stat.S_IMODE(status.st_mode),
    }


def shared_with_qemu(device: t.Mapping[str, t.Any]) -> bool:
    """Say whether QEMU, which libvirt runs as a member of group kvm, may open the node.

    Distributions differ in the mode (0660 or 0666); either will do, and the distribution's choice is left alone.
    """
    if not device["present"]:
        return False
    mode = int(device["mode"], 8)
    return mode & 0o006 == 0o006 or (device["group"] == "kvm" and mode & 0o060 == 0o060)


def _missing(virtualization: str) -> str:
    if virtualization == "none":
        return "/dev/kvm does not exist, and the CPU shows no hardware virtualization"
    return "/dev/kvm does not exist, although the CPU has %s: the kernel's kvm module is not loaded" % virtualization


def probe(
    root: str = "/",
    virtualization: str = "none",
    ask: t.Callable[[str], int] = api_version,
) -> t.Dict[str, t.Any]:
    """Return the device node's state, ``usable``, and where it is not, the ``reason``.

    ``virtualization`` is the CPU's sign from `cpu.hardware_virtualization`. Usable means: a character device, opened by this
    process for real, that answers with API version 12, on a CPU that virtualizes in hardware. The last is needed because
    a nested or para-virtualized kvm module offers a device that opens and answers, and on which ordinary guests hang in early boot.
    """
    result: t.Dict[str, t.Any] = {"device": DEVICE, "api_version": None, "usable": False}
    result.update(node(root))
    result["reason"] = _problem(root, result, virtualization, ask)
    result["usable"] = result["reason"] is None
    return result


def _problem(
    root: str, result: t.Dict[str, t.Any], virtualization: str, ask: t.Callable[[str], int]
) -> t.Optional[str]:
    """Return the first thing that makes KVM unusable, or None; notes the API version on the way."""
    if not result["present"]:
        return _missing(virtualization)
    if not result["character_device"]:
        return "/dev/kvm is not a character device"
    try:
        result["api_version"] = ask(files.at(root, DEVICE))
    except OSError as error:
        return "/dev/kvm (owner %s, group %s, mode %s) cannot be used by %s: %s" % (
            result["owner"], result["group"], result["mode"], _owner(os.geteuid()), error.strerror,
        )
    if result["api_version"] != API_VERSION:
        return "/dev/kvm answers with API version %s, and only %s is known" % (result["api_version"], API_VERSION)
    if virtualization == "none":
        return (
            "/dev/kvm opens, but the CPU shows no hardware virtualization (vmx, svm or its architecture's own sign):"
            " guests would hang or die in early boot"
        )
    return None
