# Copyright: (c) 2026, flotilla.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What an installer is given: its answer file in the place and form in which it looks for one. Pure: equal input, equal bytes."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from dataclasses import dataclass
from typing import Any, Dict, List, Mapping, Optional, Tuple

from .errors import Problem, join_path
from .schema import Spec
from .secrets import Secret

UNATTEND = "urn:schemas-microsoft-com:unattend"
WCM = "http://schemas.microsoft.com/WMIConfig/2002/State"
# Kernel and RAM disk on the media of those systems whose installer reads its answers only when its kernel is told so.
ON_MEDIUM: Mapping[str, Tuple[Tuple[str, str], ...]] = {
    "preseed": (("install.amd/vmlinuz", "install.amd/initrd.gz"), ("install.a64/vmlinuz", "install.a64/initrd.gz"),
                ("install.386/vmlinuz", "install.386/initrd.gz")),
    "autoinstall": (("casper/vmlinuz", "casper/initrd"), ("casper/hwe-vmlinuz", "casper/hwe-initrd")),
}
# Debian's installer reads /preseed.cfg of its RAM disk before anything else ("Using preseeding", installation guide, B.2).
# Anaconda looks for OEMDRV by itself, and is told all the same. Ubuntu's asks before it erases a disk unless told so.
_TOLD = {"preseed": "priority=critical", "kickstart": "inst.ks=hd:LABEL=OEMDRV:/ks.cfg", "autoinstall": "autoinstall"}


@dataclass(frozen=True)
class Disc:
    """A CD with an answer file. joliet: the reader is Windows."""

    label: str
    files: Mapping[str, bytes]
    joliet: bool = False


def kind(install: Mapping[str, Any]) -> str:
    """The kind of the answer file; empty for none."""
    return str(install.get("answer", {}).get("kind", ""))


def from_medium(install: Mapping[str, Any]) -> bool:
    """Whether kernel and RAM disk are to be taken from the installation medium."""
    return "iso" in install and kind(install) in ON_MEDIUM and not {"kernel", "tree"} & set(install)


def boots_kernel(install: Mapping[str, Any]) -> bool:
    """Whether the installer is booted by its kernel, and not from its medium."""
    return bool({"kernel", "tree"} & set(install)) or from_medium(install)


def command_line(install: Mapping[str, Any]) -> str:
    """What the installer's kernel is told."""
    parts = [_TOLD.get(kind(install), "")]
    if "tree" in install and kind(install) == "kickstart":
        parts.append("inst.repo=%s" % install["tree"])
    return " ".join(part for part in parts + [install.get("cmdline", "")] if part)


def disc(install: Mapping[str, Any], instance: str) -> Optional[Disc]:
    """The CD with the answer file, for the installers that read one. Its secrets are in it."""
    text = _text(install)
    if kind(install) == "unattend":
        return Disc("UNATTEND", {"Autounattend.xml": unattended(text, install.get("product_key"))}, joliet=True)
    if kind(install) == "kickstart":
        return Disc("OEMDRV", {"ks.cfg": text.encode("utf-8")})
    if kind(install) == "autoinstall":
        return Disc("CIDATA", {"user-data": text.encode("utf-8"), "meta-data": b"instance-id: %s\n" % instance.encode("utf-8")})
    return None


def overlay(install: Mapping[str, Any]) -> Dict[str, bytes]:
    """Files to add to the installer's RAM disk."""
    return {"preseed.cfg": _text(install).encode("utf-8")} if kind(install) == "preseed" else {}


def _text(install: Mapping[str, Any]) -> str:
    secret = install.get("answer", {}).get("text")
    return secret.reveal() if isinstance(secret, Secret) else ""


def cpio(files: Mapping[str, bytes]) -> bytes:
    """An archive that the kernel unpacks over its RAM disk when it stands behind it (initramfs buffer format, newc).

    Readable by root alone, dated the epoch, a multiple of four bytes.
    """
    packed = b""
    for number, (name, content) in enumerate(list(sorted(files.items())) + [("TRAILER!!!", b"")]):
        path = name.encode("utf-8") + b"\0"
        mode = 0o100600 if number < len(files) else 0
        fields = (number + 1, mode, 0, 0, 1, 0, len(content), 0, 0, 0, 0, len(path), 0)
        head = b"070701" + b"".join(b"%08X" % field for field in fields)
        packed += _fours(head + path) + _fours(content)
    return packed


def _fours(data: bytes) -> bytes:
    return data + bytes(-len(data) % 4)


def with_overlay(initrd: bytes, files: Mapping[str, bytes]) -> bytes:
    """The installer's RAM disk with files added. An archive begins at a multiple of four bytes."""
    return _fours(initrd) + cpio(files) if files else initrd


# -- unattend.xml ------------------------------------------------------------------------------------------------------


def unattended(text: str, key: Optional[Secret]) -> bytes:
    """The answer file of Windows with the product key in it. Raises ValueError where it is none, or has no place for the key."""
    try:
        root = ET.fromstring(text)
    except ET.ParseError as error:
        raise ValueError("is not well-formed XML: %s" % error) from None
    if root.tag != "{%s}unattend" % UNATTEND:
        raise ValueError("is no answer file of Windows: its root must be unattend in the namespace %s" % UNATTEND)
    if key is None:
        return text.encode("utf-8")
    setup = next((part for settings in root.findall("{%s}settings" % UNATTEND) if settings.get("pass") == "windowsPE"
                  for part in settings if part.get("name") == "Microsoft-Windows-Setup"), None)
    if setup is None:
        raise ValueError("has no component Microsoft-Windows-Setup in the pass windowsPE, where the product key belongs")
    here = setup
    for tag in ("UserData", "ProductKey", "Key"):
        name = "{%s}%s" % (UNATTEND, tag)
        below = here.find(name)
        here = ET.SubElement(here, name) if below is None else below
    here.text = key.reveal()
    ET.register_namespace("", UNATTEND)
    ET.register_namespace("wcm", WCM)
    body: str = ET.tostring(root, encoding="unicode")
    return ('<?xml version="1.0" encoding="utf-8"?>\n' + body).encode("utf-8")


# -- what does not fit together ------------------------------------------------------------------------------------------


def problems(want: Spec, family: str, where: str) -> List[Problem]:
    """What is wrong with a declared installation, whatever the host has. `where` is the path of the guest."""
    install = want["install"]

    def at(route: str, problem: str, remedy: str) -> Problem:
        return Problem(join_path(where, "install", *route.split(".")) if route else join_path(where, "install"), problem, remedy)

    found = _sources(install, at) + _answer(install, family, at)
    if not want.get("agent", True):
        found.append(Problem(join_path(where, "agent"), "must be true for install: the agent tells when the installation is over", "leave agent out"))
    if want.get("os", {}).get("kernel"):
        found.append(Problem(join_path(where, "os", "kernel"), "boots another kernel for good beside install, which boots an installer once",
                             "remove one of them"))
    disks = list(want.get("disks", {}).values())
    if not disks or disks[0].get("image"):
        found.append(Problem(join_path(where, "disks"), "has no empty disk in the first place to install on", "declare one with a size and no image"))
    if kind(install) == "autoinstall" and want.get("cloud_init"):
        found.append(Problem(join_path(where, "cloud_init"), "stands on a medium with the same label as the answer file of kind autoinstall",
                             "write it as user-data: below autoinstall: in the answer file"))
    return found


def _sources(install: Mapping[str, Any], at: Any) -> List[Problem]:
    found = []
    boots = [option for option in ("iso", "tree", "kernel") if option in install]
    if not boots:
        found.append(at("", "has nothing to boot", "declare iso, tree, or kernel and initrd"))
    if "tree" in install and "kernel" in install:
        found.append(at("tree", "cannot be used together with kernel", "remove one of them"))
    if ("kernel" in install) != ("initrd" in install):
        found.append(at("kernel", "and initrd go together", "declare both or neither"))
    if "tree" in install and not install["tree"].startswith(("http://", "https://", "file://")):
        found.append(at("tree", "is no address of a tree", "begin it with http://, https:// or file://"))
    if "cmdline" in install and not boots_kernel(install):
        found.append(at("cmdline", "reaches no kernel: the medium boots its own", "declare kernel and initrd, or remove it"))
    for medium in ("iso", "drivers"):
        given = install.get(medium)
        if given is None:
            continue
        if sorted(given) not in (["file"], ["pool", "volume"], ["url"]):
            found.append(at(medium, "needs one place, and has %s" % (" and ".join(sorted(given)) or "none"), "declare file, or pool and volume, or url"))
        elif "url" in given and medium == "iso" and from_medium(install):
            found.append(at("iso.url", "cannot be read for its kernel", "declare it as a file or as pool and volume, or declare kernel and initrd"))
    return found


def _answer(install: Mapping[str, Any], family: str, at: Any) -> List[Problem]:
    found = []
    for route, secret in (("answer.text", install.get("answer", {}).get("text")), ("product_key", install.get("product_key"))):
        if isinstance(secret, Secret) and secret.keeps:
            return [at(route, "says {keep: true}, and there is nothing to keep it from", "write the value itself")]
    if "answer" in install and (kind(install) == "unattend") != (family == "windows"):
        found.append(at("answer.kind", "%s is not what the installer of %s reads" % (kind(install), family), "correct it, or os.family"))
    if "product_key" in install and kind(install) != "unattend":
        found.append(at("product_key", "has no answer file of kind unattend to stand in", "declare one, or remove it"))
    elif kind(install) == "preseed" and not boots_kernel(install):
        found.append(at("answer", "of kind preseed needs a kernel that is booted directly", "declare kernel and initrd, a tree, or an iso"))
    if kind(install) == "unattend":
        try:
            unattended(_text(install), install.get("product_key"))
        except ValueError as error:
            found.append(at("answer.text", str(error), "correct it"))
    return found
