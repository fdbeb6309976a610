# Copyright: (c) 2026, flotilla.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Installing a system: what a new guest boots from once, and what its installer is told."""

from __future__ import annotations

from typing import Any

from ..plan import Rule
from ..rows import KVM, Row, kvm
from ..schema import Option

KINDS = ("preseed", "kickstart", "autoinstall", "unattend")
# Whether it was used is always known: the annotation says it for good.
ONCE = Row(rule=Rule(creation=True, known=True, reason="used at creation only"))


def _once(name: str, kind: str, *doc: str, **more: Any) -> Option:
    return kvm(name, kind, ONCE, *doc, take_back="keep", **more)


def _medium(name: str, *doc: str) -> Option:
    return kvm(name, "dict", None, *doc, short="file", take_back="keep", options=(
        _once("file", "path", "Absolute path of the image on the host."),
        _once("pool", "reference", "Storage pool of the volume that holds it."),
        _once("volume", "reference", "Volume that holds it."),
        _once("url", "str", "Address of the image on a web server, which QEMU reads directly.", example="https://example.com/netinst.iso"),
    ))


ANSWER = Option("answer", "dict", engines=KVM, take_back="keep", doc=(
    "Answer file, so that nobody needs to type. Where it stands is what each installer looks for by itself: a CD with"
    " C(Autounattend.xml), a CD labelled C(OEMDRV) with C(ks.cfg), a CD labelled C(CIDATA) with C(user-data), or C(preseed.cfg) in the"
    " installer's own RAM disk. It is removed when the installation is over.",
), options=(
    _once("kind", "str", "What the installer reads: Debian's V(preseed), V(kickstart) (Fedora and its kin), Ubuntu's V(autoinstall),"
          " Windows' V(unattend).", choices=KINDS, required=True),
    _once("text", "secret", "The file itself, such as C({{ lookup('template', 'preseed.cfg.j2') }}). A secret as a whole, since it"
          " often holds some.", required=True),
))

INSTALL = Option("install", "dict", engines=KVM, take_back="keep", doc=(
    "Installs a new guest: at its first start it boots an installer, once. What is declared or changed here later is pending, with the reason"
    " V(used at creation only).",
    "Nothing of it stands in the stored definition, so that every other start is from the disks. When the guest agent of the installed"
    " system answers, the media are ejected and what was made for them is removed; so the answer file has to install the agent.",
    "O(wait_for) waits for that end. Without it the next run finishes what is left to do: an installer that was booted by its kernel ends"
    " the virtual machine at its reboot, and whoever comes next, the wait or the next run, starts it from its disk.",
), options=(
    _medium("iso", "Installation medium. With O(install.answer.kind=preseed) or V(autoinstall) its kernel is booted directly."),
    _once("tree", "str", "Address of an installation tree, from which kernel and RAM disk are fetched: one with a C(.treeinfo), or Debian's"
          " C(.../dists/SUITE/main/installer-ARCH/current/images).",
          example="http://mirror.example.com/debian/dists/bookworm/main/installer-amd64/current/images"),
    _once("kernel", "path", "Kernel of an installer on the host, to boot once."),
    _once("initrd", "path", "RAM disk for O(install.kernel)."),
    _once("cmdline", "str", "Command line for a kernel that is booted, after what the answer file needs.", example="console=ttyS0"),
    _medium("drivers", "Second CD, such as C(virtio-win.iso) for Windows."),
    ANSWER,
    _once("product_key", "secret", "Product key, written into O(install.answer) of kind V(unattend)."),
))
