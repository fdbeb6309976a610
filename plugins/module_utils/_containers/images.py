# Copyright: (c) 2026, flotilla.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Root file systems that containers are made from: where a tarball is found, and whether it can run here."""

from __future__ import annotations

from typing import Any, Callable, List, Mapping, Optional

from .._reconcile.errors import EngineError, Problem, join_path
from .host import Host

IMAGES = "/var/lib/flotilla/images"
ENDINGS = (".tar", ".tar.gz", ".tar.xz", ".tar.zst", ".tar.bz2")

Images = Callable[[str], Optional[str]]
"""Gives the path of a declared image's root file system; None for one that is not declared."""

_MACHINES = {"x86_64": 62, "i686": 3, "i386": 3, "aarch64": 183, "armv7l": 40, "armv6l": 40, "ppc64le": 21, "ppc64": 21, "s390x": 22,
             "riscv64": 243}
_ALSO_RUNS = {62: (3,), 183: (40,)}
"""ELF machines (elf.h) and the 32-bit ones that their kernels run too."""
_ARCHITECTURES = {"x86_64": ("amd64", "386"), "i686": ("386",), "i386": ("386",), "aarch64": ("arm64", "arm"), "armv7l": ("arm",),
                  "armv6l": ("arm",), "ppc64le": ("ppc64le",), "ppc64": ("ppc64",), "s390x": ("s390x",), "riscv64": ("riscv64",)}
"""The architectures of OCI images (the words of Go) that each runs, its own first."""


def image_path(host: Host, images: Images, name: str) -> Optional[str]:
    """The root file system tarball of an image: as declared, else the one of that name in the image directory.

    Empty for one that is declared and, in check mode, not fetched.
    """
    declared = images(name)
    if declared is not None:
        return declared
    places = ["%s/%s%s" % (IMAGES, name, ending) for ending in ENDINGS]
    return next((place for place in places if host.exists(place)), None)


def image_problems(host: Host, images: Images, want: Mapping[str, Any], where: str) -> List[Problem]:
    """What is wrong with the image that a new container is to be made from."""
    place = join_path(where, "image")
    if not want.get("image"):
        return [Problem(place, "is required to make a container", "name an image with a root file system")]
    path = image_path(host, images, want["image"])
    if path is None:
        return [Problem(place, "there is no image %s with a root file system on this host" % want["image"],
                        "declare it with rootfs, or put it there as %s/%s.tar" % (IMAGES, want["image"]))]
    if path and not host.exists(path):
        return [Problem(place, "the root file system %s of image %s is not there" % (path, want["image"]), "correct its path")]
    return []


def platform_problems(document: Mapping[str, Any], machine: str, image: str, place: str) -> List[Problem]:
    """What keeps an OCI image (its inspection) from running on a Linux host of this `uname -m`."""
    system, architecture = str(document.get("Os") or "linux"), str(document.get("Architecture") or "")
    if system != "linux":
        return [Problem(place, "%s is made for %s, and a container shares the host's Linux kernel" % (image, system),
                        "take an image for Linux, or engine kvm, which runs other systems")]
    runs = _ARCHITECTURES.get(machine)
    if runs and architecture and architecture not in runs:
        return [Problem(place, "%s is built for %s, another CPU architecture than this host's (%s)" % (image, architecture, runs[0]),
                        "a container shares the host's kernel: take an image of its architecture, or engine kvm with emulation")]
    return []


def check_root(host: Host, root: str, image: str, name: str, needs_init: bool = True) -> None:
    """Refuse an unpacked root file system without init, or with programs of an architecture that this host does not run."""
    inside = host.rootfs(root)
    head = inside.read_head("/sbin/init", 20) or inside.read_head("/init", 20)
    if not head and needs_init:
        raise EngineError("the image %s for the container %s has no /sbin/init" % (image, name),
                          "a system container needs a root file system with an init, such as one built with systemd-sysv")
    if head[:4] != b"\x7fELF":
        # An init may be a script; then the shell that runs it says what the image is built for.
        head = inside.read_head("/bin/sh", 20)
    wanted = _MACHINES.get(host.run(["uname", "-m"]).stdout.strip())
    if head[:4] != b"\x7fELF" or wanted is None:
        return
    machine = int.from_bytes(head[18:20], "little" if head[5] == 1 else "big")
    if machine != wanted and machine not in _ALSO_RUNS.get(wanted, ()):
        raise EngineError("the image %s is built for another CPU architecture than this host's (ELF machine %d, here %d)"
                          % (image, machine, wanted), "a container shares the host's kernel: take an image of its "
                          "architecture, or engine kvm with emulation")
