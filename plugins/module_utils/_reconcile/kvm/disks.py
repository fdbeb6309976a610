# Copyright: (c) 2026, flotilla.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Disks, and drives with removable media."""

from __future__ import annotations

from typing import Any, Mapping, Tuple

from ..plan import Rule
from ..rows import KVM, Row, Thing, fixed, kvm, later, live
from ..schema import Option

NEW_DISK = "declare a disk under another name instead, and copy the data"
PLUGGABLE = ("virtio", "usb", "scsi")
BUSES = ("virtio", "scsi", "sata", "usb", "ide", "nvme", "sd")
CACHES = ("none", "writethrough", "writeback", "directsync", "unsafe", "default")
PROTOCOLS = ("rbd", "iscsi", "nbd", "gluster", "sheepdog", "ssh", "vxhs", "nfs", "tftp")


def not_pluggable(disk: Any, _running: Mapping[str, Any]) -> str:
    """qemuDomainAttachDeviceDiskLive takes virtio, usb and scsi."""
    bus = disk.get("bus", "virtio")
    return "" if bus in PLUGGABLE else "a disk on bus %s cannot be plugged while the guest runs" % bus


def no_group(group: Any, _running: Mapping[str, Any]) -> str:
    """virDomainSetBlockIoTune takes another group, and never none."""
    return "" if group is not None else "a group is left when the guest starts"


def medium_not_pluggable(item: Any, _running: Mapping[str, Any]) -> str:
    """Drives on scsi and usb can be plugged, and libvirt 9.0 fails to plug an empty one."""
    bus = item.get("bus", "sata")
    if bus not in ("usb", "scsi"):
        return "a drive on bus %s cannot be plugged while the guest runs" % bus
    empty = not any(item.get(option) for option in ("file", "device", "volume", "url"))
    return "an empty drive cannot be plugged while the guest runs" if empty else ""


def same_length(want: Any, have: Any) -> bool:
    """QEMU takes no length of a burst for one second, and says so when it is asked."""
    return (want or 1) == (have or 1)


def _limit(name: str, place: str, kind: str, *doc: str) -> Option:
    """virDomainSetBlockIoTune: a limit of 0 is none, and what is not stored is none."""
    return kvm(name, kind, live("iotune/" + place, "set_block_iotune", "bytes" if kind == "size" else "int", default=0,
                                same=same_length if name.endswith("_length") else None), *doc)


def _limits() -> Tuple[Option, ...]:
    what = {"total": "read and written", "read": "read", "write": "written"}
    found = []
    for part, words in what.items():
        found += [
            _limit(part + "_bytes", part + "_bytes_sec", "size", "Most that may be %s in a second, with a binary unit." % words),
            _limit(part + "_iops", part + "_iops_sec", "int", "Most requests in a second for what is %s." % words),
            _limit(part + "_bytes_max", part + "_bytes_sec_max", "size", "Most that may be %s in a second of a burst." % words),
            _limit(part + "_iops_max", part + "_iops_sec_max", "int", "Most requests in a second of a burst for what is %s." % words),
            _limit(part + "_bytes_max_length", part + "_bytes_sec_max_length", "int", "Length of that burst in seconds."),
            _limit(part + "_iops_max_length", part + "_iops_sec_max_length", "int", "Length of that burst in seconds."),
        ]
    return tuple(found) + (
        _limit("size_iops", "size_iops_sec", "int", "Bytes of a request that count as one request."),
        kvm("group", "str", live("iotune/group_name", "set_block_iotune", unless=no_group),
            "Name of a group of disks of this guest that share the limits."),
    )


IOTUNE = kvm("iotune", "dict", None, "Limits of throughput, changed while the guest runs. A total excludes the limits of its parts.",
             options=_limits())

SOURCE = kvm("source", "dict", None, "A disk on the network, reached by QEMU itself.", take_back="keep", options=(
    kvm("protocol", "str", fixed("source/@protocol", NEW_DISK, "net_protocol", "network"), "Protocol.", choices=PROTOCOLS,
        take_back="keep"),
    kvm("name", "str", fixed("source/@name", NEW_DISK, "net_name", "network"),
        "What the server calls it: C(POOL/IMAGE) for rbd, C(IQN/LUN) for iscsi, the export for nbd.", take_back="keep",
        example="iqn.2026-01.com.example:store/1"),
    kvm("hosts", "list", fixed("source", NEW_DISK, "net_hosts", "network"),
        "Servers, each C(HOST) or C(HOST:PORT), or the path of a Unix socket.", take_back="keep", example=["10.0.0.5:3260"]),
    kvm("tls", "bool", fixed("source/@tls", NEW_DISK, "net_yesno", "network"), "Whether to use TLS.", take_back="keep"),
    kvm("initiator", "str", fixed("source/initiator/iqn/@name", NEW_DISK, "net_text", "network"), "IQN of this host for iscsi.",
        take_back="keep"),
    kvm("user", "str", fixed("source/auth/@username", NEW_DISK, "net_text", "network"), "User name for the server.", take_back="keep"),
    kvm("secret", "str", fixed("source/auth/secret", NEW_DISK, "net_secret", "network"),
        "libvirt secret with the password or key: its UUID or its usage name. The secret itself is never in a declaration.",
        take_back="keep"),
))

URL_DOC = "Address of an image on a web server that QEMU reads directly, such as V(https://example.com/netinst.iso)."
# Others (nvme, vhostuser, dir, ...) are for `xml`.
SOURCE_TYPES = (("type", ("file", "block", "volume", "network")),)
FIRST_DISK = (("type", "file"), ("device", "disk"))

DISKS = Option("disks", "items", take_back="delete", row=Thing(
    "devices/disk", "disk", ("target/@dev",), never=(("device", ("cdrom", "floppy")),), only=SOURCE_TYPES, first=FIRST_DISK,
    rule=Rule(unless=not_pluggable, cooperative=True), verb="plug"), doc=(
    "Disks, matched by name and never by position. A disk that is no longer declared is detached and its volume kept.",
), options=(
    Option("name", "label", required=True, row=Row(rule=Rule(always=True)), doc=("Name of the disk within the guest.",)),
    Option("was", "name", control=True, doc=("Earlier name of this disk, when it is renamed.",)),
    Option("pool", "reference", take_back="keep", row=fixed("source/@pool", NEW_DISK, when="volume"), doc=("Storage pool of the volume.",)),
    Option("volume", "reference", take_back="keep", row=fixed("source/@volume", NEW_DISK, when="volume"), doc=(
        "Name of the volume. Without it C(GUEST-DISK) with the format as ending.",)),
    Option("file", "path", take_back="keep", engines=KVM, row=fixed("source/@file", NEW_DISK, when="file"), doc=(
        "Absolute path of an image file that is used as it is, instead of a volume.",)),
    Option("device", "path", take_back="keep", engines=KVM, row=fixed("source/@dev", NEW_DISK, when="block"), doc=(
        "Absolute path of a block device that is used as it is, instead of a volume.",)),
    SOURCE,
    kvm("url", "str", fixed("source", NEW_DISK, "url", "network"), URL_DOC, take_back="keep"),
    Option("size", "size", take_back="keep", example="20GiB", row=live("", "resize"), doc=(
        "Capacity with a binary unit. It can grow while the guest runs and never shrinks.",
        "Without it a disk made from an image has the size of the image.")),
    Option("image", "name", take_back="keep", row=Row(rule=Rule(creation=True, reason="an image is used only when the disk is made")), doc=(
        "Image that the disk is made from, as a copy-on-write clone. Used only when the disk is made.",)),
    Option("format", "str", choices=("qcow2", "raw"), take_back="keep", row=fixed("driver/@type", NEW_DISK), doc=(
        "Format of the volume. V(qcow2) when it is made and nothing is declared.",)),
    Option("bus", "str", choices=BUSES, take_back="keep", engines=KVM, row=later(
        "target/@bus", "bus", "the bus is " + "fixed when the guest starts", capability="disk/bus"), doc=(
        "Bus that the guest sees the disk on. V(virtio) at creation, where the operating system has its driver.",)),
    kvm("type", "str", later("@device", reason="the kind of device is fixed when the guest starts", default="disk"),
        "V(lun) passes SCSI commands of the guest through to a block device.", choices=("disk", "lun")),
    kvm("cache", "str", later("driver/@cache", reason="the cache mode is fixed when the guest starts"), "Host cache mode.", choices=CACHES),
    kvm("io", "str", later("driver/@io"), "How QEMU reads and writes: V(native) needs a O(disks[].cache) of V(none) or V(directsync).",
        choices=("threads", "native", "io_uring")),
    kvm("discard", "str", later("driver/@discard"), "Whether freed blocks are given back to the storage.", choices=("unmap", "ignore")),
    kvm("detect_zeroes", "str", later("driver/@detect_zeroes"), "Whether written zeroes are found and not stored.",
        choices=("off", "on", "unmap")),
    kvm("error_policy", "str", later("driver/@error_policy"), "What happens when the host cannot write.",
        choices=("stop", "report", "ignore", "enospace")),
    kvm("rerror_policy", "str", later("driver/@rerror_policy"), "What happens when the host cannot read.", choices=("stop",
        "report", "ignore")),
    kvm("copy_on_read", "bool", later("driver/@copy_on_read", "onoff"), "Copy what is read from the backing image into the disk."),
    kvm("queues", "int", later("driver/@queues", "int"), "Request queues of a virtio disk.", minimum=1),
    kvm("iothread", "int", later("driver/@iothread", "int"),
        "Number of the I/O thread (O(cpus.iothreads)) that serves a virtio disk.", minimum=1),
    kvm("readonly", "bool", later("readonly", "presence", default=False), "Whether the guest may only read the disk."),
    kvm("shareable", "bool", later("shareable", "presence", default=False), "Whether other guests may use it at the same time."),
    kvm("transient", "bool", later("transient", "presence", default=False), "Throw away what the guest writes when it stops."),
    kvm("serial", "str", later("serial"), "Serial number that the guest sees."),
    kvm("wwn", "str", later("wwn"), "World wide name that the guest sees, 16 hex digits."),
    kvm("vendor", "str", later("vendor"), "Vendor of a SCSI disk, at most 8 characters."),
    kvm("product", "str", later("product"), "Product of a SCSI disk, at most 16 characters."),
    kvm("rotation_rate", "int", later("target/@rotation_rate", "int"),
        "Rotations in a minute that the guest sees; 1 for a solid state disk."),
    kvm("removable", "bool", later("target/@removable", "onoff"), "Whether a USB disk says that it is removable."),
    kvm("logical_block_size", "int", later("blockio/@logical_block_size", "int"), "Bytes of a logical block that the guest sees."),
    kvm("physical_block_size", "int", later("blockio/@physical_block_size", "int"), "Bytes of a physical block that the guest sees."),
    kvm("boot_order", "int", later("boot/@order", "boot_order"), "Place in the order in which devices are tried to boot from, from 1."
        " Replaces O(boot.order).", minimum=1),
    IOTUNE,
    Option("existing", "bool", control=True, doc=(
        "Use the volume that is already there although no declaration made it. Otherwise that is an error.",)),
))


def _medium(place: str, codec: str = "text", when: str = "") -> Row:
    """qemuDomainChangeDiskLive: the source of a cdrom or floppy is all that changes."""
    return live(place, "update_medium", codec, when)


MEDIA = kvm("media", "items", Thing(
    "devices/disk", "media", ("target/@dev",), only=(("device", ("cdrom", "floppy")),) + SOURCE_TYPES, first=(("type", "file"), ("device", "cdrom")),
    rule=Rule(unless=medium_not_pluggable, cooperative=True), verb="plug"),
    "Drives with removable media. What is in one changes while the guest runs; a drive with no source is empty.",
    take_back="delete", options=(
    kvm("name", "label", Row(rule=Rule(always=True)), "Name of the drive within the guest.", required=True),
    kvm("type", "str", later("@device", default="cdrom"), "Kind of drive. V(cdrom) when nothing is declared.", choices=("cdrom", "floppy")),
    kvm("bus", "str", later("target/@bus", "bus", capability="disk/bus"),
        "Bus. V(sata) at creation on q35, V(ide) on pc, V(fdc) for a floppy.",
        choices=("sata", "scsi", "usb", "ide", "fdc"), take_back="keep"),
    kvm("pool", "reference", _medium("source/@pool", when="volume"), "Storage pool of the medium."),
    kvm("volume", "reference", _medium("source/@volume", when="volume"), "Volume that is the medium."),
    kvm("file", "path", _medium("source/@file", when="file"), "Absolute path of an image file that is the medium."),
    kvm("device", "path", _medium("source/@dev", when="block"), "Absolute path of the host's own drive."),
    kvm("url", "str", _medium("source", "url", "network"), URL_DOC),
    kvm("format", "str", later("driver/@type", default="raw"), "Format of the medium. V(raw) when nothing is declared.",
        choices=("raw", "qcow2"), take_back="keep"),
    kvm("serial", "str", later("serial"), "Serial number that the guest sees."),
    kvm("startup_policy", "str", live("source/@startupPolicy", "update_medium"), "What happens when the medium is not there at start.",
        choices=("mandatory", "requisite", "optional")),
    kvm("boot_order", "int", later("boot/@order", "boot_order"),
        "Place in the order in which devices are tried to boot from, from 1.", minimum=1),
))
