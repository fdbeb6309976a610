# Copyright: (c) 2026, flotilla.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A domain that is being installed: the document of its first start, and what can be told of its progress.

The installer is only in the running document of that first start (virDomainCreateXML beside the stored definition). The stored
one is the finished guest's from the beginning, so that every other start, whoever makes it, is from the disks. What the
annotation's fact `install` says is gone when the installation is over; `installed` stays and says what was used.
"""

from __future__ import annotations

import copy
import xml.etree.ElementTree as ET
from typing import Any, Dict, Iterator, List, Mapping, Optional, Tuple
from xml.etree.ElementTree import Element

from ..._reconcile import installation
from ..._reconcile.annotation import Annotation
from ..._reconcile.plan import INSTALLING, LIVE, Actual, Change, Pending
from .. import xmltree
from ..connection import libvirt
from . import agent, build, elements, table

FACT, USED = "install", "installed"
# In this order they get their places on the bus, and Windows its drive letters.
DRIVES = ("iso", "drivers", "answer")
_BOOTED = ("os/kernel", "os/initrd", "os/cmdline")


def volume_name(guest: str, part: str) -> str:
    """A volume that is made for the installation of a guest alone."""
    return "%s-install-%s" % (guest, part)


def is_volume(guest: str, owned: str) -> bool:
    """Whether an owned volume (`POOL/VOLUME`) was made for the installation of this guest."""
    return owned.split("/", 1)[1] in [volume_name(guest, part) for part in ("kernel.img", "initrd.img", "answer.iso")]


def fact_of(annotation: Optional[Annotation]) -> Optional[Mapping[str, Any]]:
    """What there is to know of an installation that is not over."""
    return annotation.facts.get(FACT) if annotation is not None else None


def plan(guest: str, install: Mapping[str, Any], pool: Optional[str], bus: str) -> Dict[str, Any]:
    """The fact with which an installation begins: what its first start has besides the stored document. No secret is in it."""
    def made(part: str) -> Dict[str, Any]:
        return {"pool": pool, "volume": volume_name(guest, part)}

    fact: Dict[str, Any] = {"started": False, "bus": bus, "drives": {name: dict(install[name]) for name in ("iso", "drivers") if name in install}}
    if installation.kind(install) in ("unattend", "kickstart", "autoinstall"):
        fact["drives"]["answer"] = made("answer.iso")
    if installation.boots_kernel(install):
        own = "kernel" in install
        fact["kernel"] = {"file": install["kernel"]} if own else made("kernel.img")
        fact["initrd"] = {"file": install["initrd"]} if own and installation.kind(install) != "preseed" else made("initrd.img")
        fact["cmdline"] = installation.command_line(install)
    return fact


def volumes(fact: Mapping[str, Any]) -> List[Tuple[str, str]]:
    """Pool and name of every volume that is made for the installation."""
    places = [fact.get("kernel", {}), fact.get("initrd", {}), fact["drives"].get("answer", {})]
    return [(place["pool"], place["volume"]) for place in places if "volume" in place]


# -- the document of the first start -------------------------------------------------------------------------------------------

def boot(root: Element, fact: Mapping[str, Any], kernel: str = "", initrd: str = "") -> None:
    """Makes the document of the installer's start of a stored one; `kernel` and `initrd` are paths on the host."""
    for name in DRIVES:
        if name in fact["drives"]:
            _add_drive(root, name, fact)
    if kernel:
        for place, value in zip(_BOOTED, (kernel, initrd, fact["cmdline"])):
            xmltree.put(root, place, value or None)
        # The same process would boot the kernel again.
        xmltree.put(root, "on_reboot", "destroy")
    else:
        _boot_disk_then_medium(root)


def _add_drive(root: Element, name: str, fact: Mapping[str, Any]) -> None:
    drive = build.add_thing(root, root, table.MEDIA, {"name": name, "bus": fact["bus"], "format": "raw", **fact["drives"][name]})
    elements.required(drive, "alias").set("name", elements.alias("install", name))


def _boot_disk_then_medium(root: Element) -> None:
    """An empty disk is passed over; at the reboot, in the same process, it has the system. libvirt tries one CD only."""
    ordered = sorted(_ordered(root), key=lambda pair: pair[0])
    devices = [device for _order, device in ordered] or root.findall("devices/disk[@device='disk']")[:1]
    medium = next(device for device in root.iterfind("devices/disk") if elements.named_by_alias("install", device) == "iso")
    elements.drop_boot_orders(root)
    elements.drop_boot_devices(root)
    for number, device in enumerate(devices + [medium], 1):
        xmltree.put(device, "boot/@order", str(number))


def _ordered(root: Element) -> Iterator[Tuple[int, Element]]:
    for device in root.iterfind("devices/*"):
        order = xmltree.get(device, "boot/@order")
        if order is not None:
            yield int(order), device


def drives(root: Element) -> List[Element]:
    """The drives of an installer in a running document."""
    return [device for device in root.iterfind("devices/disk") if elements.named_by_alias("install", device) is not None]


def runs_kernel(live: Element, stored: Element) -> bool:
    """Whether an installer runs that was booted by its kernel."""
    kernel = xmltree.get(live, "os/kernel")
    return bool(kernel) and kernel != xmltree.get(stored, "os/kernel")


def stripped(running: Element, stored: Element, annotation: Optional[Annotation]) -> Element:
    """A running document without what only an installer's start has: that is no difference to what is stored.

    Its drives stay, empty, until the next start: a CD drive cannot be unplugged from a running guest.
    """
    if not drives(running) and not (fact_of(annotation) and runs_kernel(running, stored)):
        return running
    live = copy.deepcopy(running)
    devices = elements.required(live, "devices")
    for drive in drives(live):
        devices.remove(drive)
    for place in _BOOTED + ("on_reboot",):
        xmltree.put(live, place, xmltree.get(stored, place))
    elements.drop_boot_devices(live)
    elements.drop_boot_orders(live)
    for node in stored.findall("os/boot"):
        elements.required(live, "os").append(copy.deepcopy(node))
    there = {_identity(device): device for device in live.iterfind("devices/*")}
    for order, device in _ordered(stored):
        if _identity(device) in there:
            xmltree.put(there[_identity(device)], "boot/@order", str(order))
    return live


def _identity(device: Element) -> Tuple[str, ...]:
    """What tells a device that can be booted from the others, stored and running alike."""
    source = device.find("source") if device.tag == "hostdev" else None
    return (device.tag, xmltree.get(device, "target/@dev") or "" if device.tag == "disk" else "", xmltree.get(device, "mac/@address") or "",
            "" if source is None else ET.tostring(source, encoding="unicode"))


# -- what reading finds out ----------------------------------------------------------------------------------------------------

def observe(actual: Actual, domain: Any, stored: Element, live: Optional[Element]) -> None:
    """Adds to what was read what there is to know of an installation that is not over. `live` is the document as it runs."""
    used = actual.annotation.facts.get(USED) if actual.annotation is not None else None
    if used is not None:
        for spec in (actual.stored, actual.live):
            if spec is not None:
                spec["install"] = used
    fact = fact_of(actual.annotation)
    if fact is None:
        return
    if live is not None:
        _observe_running(actual, fact, stored, live)
    elif not fact["started"]:
        actual.status["installing"] = "not started"
    else:
        actual.status["installing"] = "waits for its start from disk"
        if domain.state()[1] == libvirt.VIR_DOMAIN_SHUTOFF_SHUTDOWN:
            # The installer ended the machine by itself: that is its reboot.
            actual.unfinished = {"state": "running"}


def _observe_running(actual: Actual, fact: Mapping[str, Any], stored: Element, live: Element) -> None:
    by_kernel = runs_kernel(live, stored)
    actual.status["installing"] = running = "the installer" if by_kernel else "the installer, or its system for the first time"
    actual.pending = actual.pending + [Pending("install", running, "the installed system", INSTALLING)]
    if not fact["started"]:
        # A run died right after the start.
        actual.facts[FACT] = {**fact, "started": True}
    if not by_kernel and agent.connected(live):
        actual.nudges.append(Change("install", running, "over", LIVE, "install", ("install",)))


def is_over(domain: Any, live: Element, stored: Element) -> bool:
    """Whether the installed system's agent answers. The agent of an installer does not count: what it runs on is no disk."""
    if runs_kernel(live, stored) or not agent.connected(live):
        return False
    try:
        agent.command(domain, "guest-ping")
        systems = agent.command(domain, "guest-get-fsinfo")
    except agent.AgentError:
        return False
    return any(system.get("mountpoint") in ("/", "C:\\") for system in systems)


def holds(drive: Element) -> bool:
    """Whether there is a medium in a drive: libvirt numbers the sources of empty ones too."""
    return any(set(source.attrib) - {"index"} or len(source) for source in drive.findall("source"))


def eject(domain: Any, live: Element) -> bool:
    """Empties the installer's drives in the running guest; returns whether there was anything in them."""
    full = [drive for drive in drives(live) if holds(drive)]
    for drive in full:
        for node in drive.findall("source") + drive.findall("backingStore"):
            drive.remove(node)
        drive.set("type", "file")
        # A locked tray would need the guest's consent; a person would take the medium out.
        domain.updateDeviceFlags(xmltree.tostring(drive), libvirt.VIR_DOMAIN_AFFECT_LIVE | libvirt.VIR_DOMAIN_DEVICE_MODIFY_FORCE)
    return bool(full)
