# Copyright: (c) 2026, flotilla.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The engines of this host: kvm, lxc, podman, openvz and virtuozzo."""

from __future__ import annotations

import re
import typing as t

from ansible_collections.flotilla.virt.plugins.module_utils._host import commands, files

NAMES = ("kvm", "lxc", "podman", "openvz", "virtuozzo")

_QEMU = (
    (re.compile(r"x86_64|i[3-6]86"), "qemu-system-x86_64"),
    (re.compile(r"aarch64"), "qemu-system-aarch64"),
    (re.compile(r"arm"), "qemu-system-arm"),
    (re.compile(r"ppc64"), "qemu-system-ppc64"),
    (re.compile(r"s390x"), "qemu-system-s390x"),
    (re.compile(r"riscv64"), "qemu-system-riscv64"),
    (re.compile(r"loongarch64"), "qemu-system-loongarch64"),
)

# What a system container is made of (namespaces(7)); the names are those in /proc/self/ns.
_NAMESPACES = ("ipc", "mnt", "net", "pid", "uts")

OLDEST_PODMAN = 4

Engine = t.Dict[str, t.Any]


def _engine(path: t.Optional[str], reason: t.Optional[str], ask: commands.Run) -> Engine:
    """Return an engine whose command is at ``path``, usable unless there is a reason against it."""
    return {
        "present": path is not None,
        "version": commands.version(path, ask) if path else None,
        "usable": path is not None and reason is None,
        "reason": reason,
    }


def missing_namespaces(root: str = "/") -> t.List[str]:
    """Return the kinds of namespace that a container needs and the kernel lacks."""
    offered = files.names(root, "/proc/self/ns")
    return [name for name in _NAMESPACES if name not in offered]


def qemu(root: str, architecture: str) -> t.Optional[str]:
    """Return the path of the QEMU that runs guests of this host's own architecture, or None."""
    for pattern, name in _QEMU:
        if pattern.match(architecture):
            return commands.find(root, name) or commands.find(root, "qemu-kvm")
    return None


def kvm(root: str, facts: t.Mapping[str, t.Any], ask: commands.Run) -> Engine:
    """Return the kvm engine. ``usable`` is accelerated guests; ``emulation`` is whether QEMU can at least emulate them."""
    path = qemu(root, facts["cpu"]["architecture"])
    libvirt = facts["libvirt"]
    if path is None:
        reason = "QEMU for %s is not installed" % facts["cpu"]["architecture"]
    else:
        reason = libvirt["reason"] or facts["kvm"]["reason"]
    result = _engine(path, reason, ask)
    result["emulation"] = path is not None and libvirt["answers"]
    return result


def _container_problem(root: str, facts: t.Mapping[str, t.Any]) -> t.Optional[str]:
    namespaces = missing_namespaces(root)
    if namespaces:
        return "the kernel has no %s namespaces" % ", ".join(namespaces)
    if facts["cgroups"]["layout"] == "none":
        return "no control groups are mounted"
    return None


def lxc(root: str, facts: t.Mapping[str, t.Any], ask: commands.Run) -> Engine:
    """Return the lxc engine, known by its lxc-start."""
    path = commands.find(root, "lxc-start")
    reason = "LXC is not installed (no lxc-start)" if path is None else _container_problem(root, facts)
    return _engine(path, reason, ask)


def podman(root: str, facts: t.Mapping[str, t.Any], ask: commands.Run) -> Engine:
    """Return the podman engine, known by its command."""
    path = commands.find(root, "podman")
    found = _engine(path, "podman is not installed" if path is None else _container_problem(root, facts), ask)
    if found["usable"] and found["version"] and int(found["version"].split(".")[0]) < OLDEST_PODMAN:
        found.update(usable=False, reason="podman %s cannot change a running container; version %d or later can" % (
            found["version"], OLDEST_PODMAN))
    return found


def _openvz_problem(root: str, path: t.Optional[str], facts: t.Mapping[str, t.Any], ask: commands.Run) -> t.Optional[str]:
    if path is None:
        return "OpenVZ is not installed (no vzctl)"
    if not files.exists(root, "/proc/vz") and (commands.version(path, ask) or "").startswith("4."):
        # vzctl 4 also works on other kernels (3.9 and later), with their own namespaces and control groups.
        return _container_problem(root, facts)
    if not files.exists(root, "/proc/vz"):
        return "the running kernel is no OpenVZ kernel (no /proc/vz)"
    # Inside an OpenVZ container /proc/vz is there too, but the beancounters of /proc/bc only exist on the node itself.
    if not files.exists(root, "/proc/bc"):
        return "this is itself an OpenVZ container (/proc/vz without /proc/bc)"
    return None


def openvz(root: str, facts: t.Mapping[str, t.Any], ask: commands.Run) -> Engine:
    """Return the openvz engine, known by vzctl and an OpenVZ kernel. A Virtuozzo node has it too."""
    path = commands.find(root, "vzctl")
    return _engine(path, _openvz_problem(root, path, facts, ask), ask)


def _virtuozzo_problem(root: str, path: t.Optional[str], ask: commands.Run) -> t.Optional[str]:
    if path is None:
        return "Virtuozzo is not installed (no prlctl)"
    server = commands.find(root, "prlsrvctl")
    if server is None:
        return "prlctl is there and prlsrvctl is not: the installation is incomplete"
    # Only an answer shows that the dispatcher runs: prlctl without one exits with 253.
    code, output = ask([server, "info", "-j"])
    if code != 0:
        return "the Virtuozzo dispatcher does not answer: prlsrvctl info ended with %d: %s" % (code, output or "no output")
    return None


def virtuozzo(root: str, facts: t.Mapping[str, t.Any], ask: commands.Run) -> Engine:
    """Return the virtuozzo engine, known by prlctl and a dispatcher that answers."""
    path = commands.find(root, "prlctl")
    return _engine(path, _virtuozzo_problem(root, path, ask), ask)


def probe(root: str, facts: t.Mapping[str, t.Any], ask: commands.Run = commands.run) -> t.Dict[str, Engine]:
    """Return every engine. ``facts`` holds what was found so far: cpu, kvm, cgroups and libvirt."""
    probes = {"kvm": kvm, "lxc": lxc, "podman": podman, "openvz": openvz, "virtuozzo": virtuozzo}
    return {name: probes[name](root, facts, ask) for name in NAMES}
