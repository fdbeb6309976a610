# Copyright: (c) 2026, flotilla.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Devices other than disks and NICs."""

from __future__ import annotations

from typing import Any, Mapping, Tuple

from ..plan import Rule
from ..rows import Row, Thing, fixed, kvm, later, live
from ..schema import Option

PLUG = Rule(cooperative=True)


def of_the_machine(item: Mapping[str, Any], _stored: Mapping[str, Any]) -> bool:
    """PS/2 devices are part of the machine (qemuDomainDefAddDefaultDevices)."""
    return item.get("bus") in ("ps2", "xen")


def of_other_devices(item: Mapping[str, Any], _stored: Mapping[str, Any]) -> bool:
    """Controllers that we did not name are there for devices that need them."""
    return item.get("name") == "%s-%s" % (item.get("type"), item.get("index"))


def of_a_serial_port(item: Mapping[str, Any], _stored: Mapping[str, Any]) -> bool:
    """The console of the first serial port is the same device."""
    return item.get("target_type") == "serial"


def of_the_console(item: Mapping[str, Any], _stored: Mapping[str, Any]) -> bool:
    """A serial port that goes by its number is the one that O(console) is about."""
    return item.get("name") == item.get("port")


def of_a_display(_item: Mapping[str, Any], stored: Mapping[str, Any]) -> bool:
    """Where there is a remote display libvirt makes a graphics card for it (virDomainDefAddImplicitVideo)."""
    return bool(stored.get("graphics"))


_SOLDERED = Rule(live=False, reason="this device cannot be plugged while the guest runs")
_NAME = kvm("name", "label", Row(rule=Rule(always=True)), "Name of the device within the guest.", required=True)
_OTHER = "declare it under another name instead"


def only_virtiofs(item: Any, running: Mapping[str, Any]) -> str:
    """qemuDomainAttachDeviceLive plugs file systems of virtiofs alone."""
    if item.get("driver") != "virtiofs":
        return "only a virtiofs file system can be plugged while the guest runs"
    shared = running.get("memory", {}).get("access") == "shared"
    return "" if shared else "virtiofs needs shared memory, which the running guest does not have"


def only_virtio_scsi(item: Any, _running: Mapping[str, Any]) -> str:
    """qemuDomainAttachDeviceLive plugs controllers of virtio-scsi alone."""
    if item.get("type") == "scsi" and item.get("model", "virtio-scsi") == "virtio-scsi":
        return ""
    return "only a virtio-scsi controller can be plugged while the guest runs"


def needs_pci_slot(item: Any, _running: Mapping[str, Any]) -> str:
    """qemuDomainAttachWatchdog: the i6300esb is a conventional PCI device, which a PCI Express port does not take."""
    return "" if item.get("model") == "diag288" else "it needs a conventional PCI slot, which the running guest may lack"


def not_ps2(item: Any, _running: Mapping[str, Any]) -> str:
    """qemuDomainAttachInputDevice: PS/2 devices are part of the machine."""
    return "" if item.get("bus") in ("usb", "virtio", None) else "an input device on bus %s cannot be plugged" % item["bus"]


# Displays that somebody else connects to, and graphics cards that are one.
_REMOTE = ("vnc", "spice", "rdp")
_CARDS = ("virtio", "qxl", "vga", "bochs", "cirrus", "ramfb", "vmvga", "xen", "vbox", "gop")

GRAPHICS = kvm("graphics", "items", Thing("devices/graphics", names=("@type",), rule=Rule(live=False,
                                                                                          reason="a display cannot be plugged while the guest runs")),
               "Remote displays by type, such as V([vnc]). The word V(none) in place of the list means that there shall be none.",
               key="type", short="type", none=True, take_back="delete", options=(
    kvm("type", "str", later("@type", capability="graphics/type"), "Protocol.", choices=("vnc", "spice", "sdl", "rdp", "desktop",
        "egl-headless", "dbus"), required=True),
    kvm("port", "int", later("@port", "port", assumed=True).only_for("type", *_REMOTE), "TCP port. Chosen at each start when nothing is declared."),
    kvm("tls_port", "int", later("@tlsPort", "tls_port", assumed=True).only_for("type", "spice"), "TCP port for TLS of SPICE."),
    kvm("websocket", "integer", later("@websocket", "int", assumed=True).only_for("type", "vnc"),
        "TCP port for VNC over WebSocket; the host chooses one for V(-1)."),
    kvm("listen", "str", later("", "listen", assumed=True).only_for("type", *_REMOTE),
        "Address that it listens on, the word V(none), or the path of a Unix socket."
        " V(127.0.0.1) when nothing is declared."),
    kvm("password", "secret", live("@passwd", "update_graphics", "secret").only_for("type", "vnc", "spice"), "Password. A secret: never shown."),
    kvm("password_valid_to", "str", live("@passwdValidTo", "update_graphics").only_for("type", "vnc", "spice"),
        "Time (UTC) from which the password is refused, such as V(2027-01-31T12:00:00)."),
    kvm("keymap", "str", later("@keymap").only_for("type", "vnc", "spice"), "Keyboard layout, such as V(de)."),
    kvm("share_policy", "str", later("@sharePolicy").only_for("type", "vnc"), "Whether several people may look at VNC at once.", choices=("allow-exclusive",
        "force-shared", "ignore")),
    kvm("gl", "bool", later("gl/@enable", "yesno").only_for("type", "spice", "sdl", "dbus"), "OpenGL acceleration on the host."),
))

VIDEO = kvm("video", "one", Thing("devices/video", rule=Rule(live=False,
                                                             reason="this device cannot be plugged while the guest runs", inherent=of_a_display)),
            "The (first) graphics card. A bare word is short for its model.",
            short="model", take_back="delete", options=(
    kvm("model", "str", later("model/@type", capability="video/modelType"),
        "Model: V(virtio), V(qxl), V(vga), V(bochs), V(cirrus), V(ramfb), V(none).",
        choices=_CARDS + ("none",), take_back="keep",
            required=True),
    kvm("vram", "size", later("model/@vram", "kib_number", assumed=True).only_for("model", *_CARDS), "Video memory.", take_back="keep"),
    kvm("ram", "size", later("model/@ram", "kib_number", assumed=True).only_for("model", *_CARDS), "Primary memory of qxl.", take_back="keep"),
    kvm("vgamem", "size", later("model/@vgamem", "kib_number", assumed=True).only_for("model", *_CARDS), "VGA memory of qxl.", take_back="keep"),
    kvm("heads", "int", later("model/@heads", "int", assumed=True).only_for("model", *_CARDS), "Screens.", take_back="keep"),
    kvm("accel3d", "bool", later("model/acceleration/@accel3d", "yesno").only_for("model", *_CARDS), "3D acceleration."),
))

SOUND = kvm("sound", "one", Thing("devices/sound", rule=_SOLDERED), "The (first) sound card. A bare word is short for its model.",
            short="model", options=(
    kvm("model", "str", later("@model"), "Model, such as V(ich9), V(ich6), V(ac97), V(usb).", required=True, take_back="keep"),),
    take_back="delete")

INPUTS = kvm("inputs", "items", Thing("devices/input", "input", ("@type", "@bus"), rule=Rule(cooperative=True, unless=not_ps2,
                                                                                             inherent=of_the_machine),
                                      verb="plug"),
             "Input devices. A tablet keeps the pointer of a remote display in place.", take_back="delete", options=(
    _NAME,
    kvm("type", "str", later("@type"), "Kind.", choices=("tablet", "mouse", "keyboard", "passthrough", "evdev"), required=True),
    kvm("bus", "str", later("@bus"), "Bus. V(usb) or V(virtio) can be plugged while the guest runs.", choices=("usb", "virtio",
        "ps2", "xen"), take_back="keep"),
    kvm("device", "path", later("source/@evdev", "input_device").only_for("type", "passthrough", "evdev"),
        "Device of the host for V(passthrough) and V(evdev)."),
))

RNG = kvm("rng", "one", Thing("devices/rng", "rng", rule=PLUG, verb="plug", first=(("model", "virtio"),)),
          "The (first) source of random numbers for the guest. A bare path is short for V(source).", short="source",
          take_back="delete", options=(
    kvm("model", "str", later("@model", default="virtio"), "Device model.", choices=("virtio", "virtio-transitional",
        "virtio-non-transitional")),
    kvm("backend", "str", later("backend/@model", capability="rng/backendModel", default="random"), "Where they come from.",
        choices=("random", "builtin", "egd")),
    kvm("source", "path", later("backend", "backend_text", default="/dev/urandom"),
        "Device of the host for V(random), such as V(/dev/urandom)."),
    kvm("rate_bytes", "int", later("rate/@bytes", "int"), "Bytes that the guest may take in a period."),
    kvm("rate_period", "int", later("rate/@period", "int"), "Length of the period in milliseconds."),
))

WATCHDOG = kvm("watchdog", "one", Thing("devices/watchdog", "watchdog", rule=Rule(cooperative=True, unless=needs_pci_slot), verb="plug"),
               "The (first) watchdog. A bare word is short for its model.", short="model", take_back="delete", options=(
    kvm("model", "str", later("@model"), "Model. V(itco) is part of the q35 machine (libvirt 9.1 or later).", choices=("i6300esb",
        "ib700", "diag288", "itco"),
        required=True, take_back="keep"),
    kvm("action", "str", later("@action", default="reset"),
        "What happens when the guest does not answer.", choices=("reset", "shutdown", "poweroff", "pause", "none", "dump", "inject-nmi")),
))

PANIC = kvm("panic", "list", later("devices", "attributes panic @model", reason="panic devices are fixed when the guest starts"),
            "Panic devices, by which a guest tells that its kernel has died: V(isa), V(hyperv), V(pvpanic), V(pseries), V(s390).",
            take_back="delete", choices=("isa", "hyperv", "pvpanic", "pseries", "s390"))

TPM = kvm("tpm", "one", Thing("devices/tpm", rule=_SOLDERED), "Trusted platform module. A bare word is short for its type.", short="type",
          take_back="delete", options=(
    kvm("type", "str", later("backend/@type", capability="tpm/backendModel"),
        "V(emulator) (swtpm, with its state on the host), V(passthrough) of the host's own.",
        choices=("emulator", "passthrough", "external"), required=True, take_back="keep"),
    kvm("model", "str", later("@model", capability="tpm/model"), "Device model. V(tpm-crb) on x86.", choices=("tpm-crb", "tpm-tis",
        "tpm-spapr", "spapr-tpm-proxy"),
        take_back="keep"),
    kvm("version", "str", later("backend/@version").only_for("type", "emulator"), "Version of V(emulator). V(2.0) at creation.", choices=("1.2", "2.0"),
        take_back="keep"),
    kvm("device", "path", later("backend/device/@path", default="/dev/tpm0"), "Device of the host for V(passthrough)."),
    kvm("persistent_state", "bool", later("backend/@persistent_state", "yesno", default=False).only_for("type", "emulator"),
        "Keep the state of V(emulator) when a transient guest ends."),
))

VSOCK = kvm("vsock", "one", Thing("devices/vsock", "vsock", rule=PLUG, verb="plug", first=(("model", "virtio"),)),
            "Sockets between host and guest without a network. V(vsock: {}) lets the host choose the number.", short="cid",
            take_back="delete", options=(
    kvm("cid", "int", later("", "cid", assumed=True),
        "Context identifier, 3 or above. Chosen at each start when nothing is declared.", minimum=3),
    kvm("model", "str", later("@model", default="virtio"), "Device model.", choices=("virtio", "virtio-transitional",
        "virtio-non-transitional")),
))

IOMMU = kvm("iommu", "one", Thing("devices/iommu", rule=_SOLDERED),
            "IOMMU that the guest sees. A bare word is short for its model.", short="model",
            take_back="delete", options=(
    kvm("model", "str", later("@model"), "Model. V(intel) needs q35 and V(features.ioapic=qemu) for interrupt remapping.",
        choices=("intel", "smmuv3", "virtio"), required=True, take_back="keep"),
    kvm("intremap", "bool", later("driver/@intremap", "onoff"), "Interrupt remapping."),
    kvm("caching_mode", "bool", later("driver/@caching_mode", "onoff"), "Caching mode, needed for devices of the host."),
    kvm("iotlb", "bool", later("driver/@iotlb", "onoff"), "Device IOTLB."),
    kvm("eim", "bool", later("driver/@eim", "onoff"), "Extended interrupt mode, for more than 255 CPUs."),
))

FILESYSTEMS = kvm("filesystems", "items", Thing("devices/filesystem", "fs", ("target/@dir",), first=(("type", "mount"),),
                                                rule=Rule(cooperative=True, unless=only_virtiofs), verb="plug"),
                  "Directories of the host that the guest can mount.", take_back="delete", options=(
    _NAME,
    kvm("source", "path", fixed("source/@dir", _OTHER, when="mount"), "Directory on the host.", take_back="keep"),
    kvm("target", "str", later("target/@dir"), "Tag that the guest mounts. The name when nothing is declared.", take_back="keep"),
    kvm("driver", "str", later("driver/@type", capability="filesystem/driverType"),
        "V(virtiofs) (fast, needs O(memory.access=shared) and a O(memory.source)) or V(path) (9p). V(path) when nothing is declared.",
        choices=("virtiofs", "path", "handle", "loop", "nbd", "ploop"), take_back="keep"),
    kvm("access_mode", "str", later("@accessmode", assumed=True), "Whose permissions count on the host.", choices=("passthrough",
        "mapped", "squash"), take_back="keep"),
    kvm("readonly", "bool", later("readonly", "presence", default=False), "Whether the guest may only read."),
    kvm("queue", "int", later("driver/@queue", "int").only_for("driver", "virtiofs"), "Requests that may wait with virtiofs."),
    kvm("cache", "str", later("binary/cache/@mode").only_for("driver", "virtiofs"), "What virtiofs may keep in memory.", choices=("none", "always")),
    kvm("xattr", "bool", later("binary/@xattr", "onoff").only_for("driver", "virtiofs"), "Extended attributes with virtiofs."),
))

HOST_DEVICES = kvm("host_devices", "items", Thing("devices/hostdev", "hostdev", ("source",), first=(("mode", "subsystem"),
                                                                                                    ("managed", "yes")), rule=PLUG, verb="plug",
                                                  only=(("type", ("pci", "usb", "mdev")),)),
                   "Devices of the host that the guest gets as a whole.", take_back="delete", options=(
    _NAME,
    kvm("pci", "pci", fixed("source", _OTHER, "hostdev_pci", "pci"), "Address of a PCI device, such as V(0000:03:00.0).",
        take_back="keep", example="0000:03:00.0"),
    kvm("usb", "usb", fixed("source", _OTHER, "hostdev_usb", "usb"),
        "Vendor and product of a USB device such as V(046d:c52b), or its place as V(bus.device) such as V(1.4).",
        take_back="keep", example="046d:c52b"),
    kvm("mdev", "uuid", fixed("source/address/@uuid", _OTHER, "mdev", "mdev"), "UUID of a mediated device.", take_back="keep"),
    kvm("mdev_model", "str", later("@model"), "Model of O(host_devices[].mdev). V(vfio-pci) at creation.", choices=("vfio-pci",
        "vfio-ap", "vfio-ccw"), take_back="keep"),
    kvm("managed", "bool", later("@managed", "yesno"),
        "Whether libvirt takes a PCI device from the host's driver and gives it back. V(true) at creation.", take_back="keep"),
    kvm("display", "bool", later("@display", "onoff"), "Whether a mediated device is a display."),
    kvm("rom", "bool", later("rom/@bar", "onoff"), "Whether its ROM is visible to the guest."),
    kvm("rom_file", "path", later("rom/@file"), "File with its ROM."),
    kvm("boot_order", "int", later("boot/@order", "boot_order"),
        "Place in the order in which devices are tried to boot from, from 1.", minimum=1),
))

USB_REDIRECTION = kvm("usb_redirection", "int", live("devices", "set_usb_redirection", "count redirdev type=spicevmc bus=usb", default=0),
                      "USB devices that a SPICE viewer can pass to the guest at once.")


# What a character device is at the host's end that has a place in its file system.
_WITH_PATH = ("file", "unix", "dev", "pipe")


def _character(*more: Option) -> Tuple[Option, ...]:
    return (
        kvm("type", "str", later("@type"), "What is at the host's end.", choices=(
            "pty", "file", "unix", "tcp", "udp", "null", "dev", "pipe", "stdio", "vc", "spicevmc", "spiceport", "nmdm",
            "qemu-vdagent", "dbus"), take_back="keep"),
        kvm("path", "path", later("source/@path", "chardev_path", assumed=True).only_for("type", *_WITH_PATH), "File, device or Unix socket on the host.",
            take_back="keep"),
        kvm("mode", "str", later("source/@mode", assumed=True).only_for("type", "unix", "tcp", "udp"),
            "Whether QEMU waits at the socket (V(bind)) or connects to it.", choices=("bind", "connect"), take_back="keep"),
        kvm("host", "str", later("source/@host").only_for("type", "tcp", "udp"), "Host of V(tcp).", take_back="keep"),
        kvm("service", "str", later("source/@service").only_for("type", "tcp", "udp"), "Port of V(tcp).", take_back="keep"),
        kvm("channel", "str", later("source/@channel").only_for("type", "spiceport", "dbus"), "Name of a V(spiceport) or V(dbus) channel.", take_back="keep"),
        kvm("log", "path", later("log/@file"), "File on the host that keeps a copy of what the guest says."),
    ) + more


CHANNELS = kvm("channels", "items", Thing("devices/channel", "channel", ("target/@name",), rule=PLUG, verb="plug"),
               "Channels between host and guest besides the guest agent's (O(agent)).", take_back="delete", options=(
    _NAME,
    kvm("target", "str", later("target/@name"), "Name of the port in the guest, such as V(com.redhat.spice.0).", take_back="keep"),
    kvm("target_type", "str", later("target/@type"), "V(virtio) at creation.", choices=("virtio", "guestfwd", "xen"), take_back="keep"),
) + _character())

_PORT = Rule(live=False, reason="serial ports are fixed when the guest starts", inherent=of_the_console)
SERIALS = kvm("serials", "items", Thing("devices/serial", "serial", ("target/@port",), rule=_PORT),
              "Serial ports, named by their number from 0 when they were not made here. O(console) makes the first one.",
              take_back="delete", options=(
    _NAME,
    kvm("port", "str", later("target/@port"), "Number of the port from 0.", take_back="keep"),
    kvm("model", "str", later("target/model/@name", assumed=True), "Model, such as V(isa-serial).", take_back="keep"),
) + _character())

CONSOLES = kvm("consoles", "items", Thing("devices/console", "console", ("target/@type",),
                                          rule=Rule(live=False, reason="consoles are fixed when the guest starts",
                                                    inherent=of_a_serial_port)),
               "Consoles. libvirt makes one of the first serial port by itself; others are V(virtio).", take_back="delete", options=(
    _NAME,
    kvm("target_type", "str", later("target/@type"), "V(virtio), or V(serial) for the first serial port.", choices=(
        "virtio", "serial", "xen", "sclp", "sclplm", "uml"), take_back="keep"),
    kvm("type", "str", later("@type"), "What is at the host's end.", choices=("pty", "file", "unix", "tcp", "udp", "null", "dev",
        "pipe", "stdio", "vc", "spiceport"), take_back="keep"),
    kvm("path", "path", later("source/@path", "chardev_path", assumed=True).only_for("type", *_WITH_PATH),
        "File, device or Unix socket on the host.", take_back="keep"),
))

SHARED_MEMORY = kvm("shared_memory", "items", Thing("devices/shmem", names=("@name",), rule=Rule(unless=needs_pci_slot), verb="plug"),
                    "Memory that several guests share (ivshmem).", take_back="delete", options=(
    kvm("name", "label", later("@name"), "Name of the region; guests that use the same name share it.", required=True),
    kvm("model", "str", later("model/@type"), "Model.", choices=("ivshmem", "ivshmem-plain", "ivshmem-doorbell"), take_back="keep"),
    kvm("size", "size", later("size", "unit M"), "Size, a power of two.", take_back="keep"),
    kvm("role", "str", later("@role"), "Whether this guest's copy counts when it migrates.", choices=("master", "peer")),
))

SMARTCARD = kvm("smartcard", "one", Thing("devices/smartcard", rule=_SOLDERED), "Smart card reader.", short="mode",
                take_back="delete", options=(
    kvm("mode", "str", later("@mode"), "V(host) uses the host's, V(passthrough) that of the SPICE viewer.", choices=("host",
        "passthrough", "host-certificates"), required=True,
        take_back="keep"),
    kvm("type", "str", later("@type"), "V(spicevmc) for V(passthrough).", choices=("spicevmc", "tcp"), take_back="keep"),
))

CONTROLLERS = kvm("controllers", "items", Thing(
    "devices/controller", "controller", ("@type", "@index"), never=(("type", ("pci",)),),
    rule=Rule(cooperative=True, unless=only_virtio_scsi, inherent=of_other_devices), verb="plug"),
    "Controllers other than PCI (O(pcie_root_ports)). libvirt makes those that devices need by itself.", take_back="delete", options=(
    _NAME,
    kvm("type", "str", later("@type"), "Kind.", choices=("scsi", "sata", "usb", "ide", "fdc", "virtio-serial", "ccid", "xenbus",
        "nvme"), required=True, take_back="keep"),
    kvm("index", "str", later("@index"), "Number among its kind from 0, by which disks address it.", take_back="keep"),
    kvm("model", "str", later("@model"), "Model, such as V(virtio-scsi), V(qemu-xhci), V(lsilogic).", take_back="keep"),
    kvm("ports", "int", later("@ports", "int"), "Ports.", take_back="keep"),
    kvm("queues", "int", later("driver/@queues", "int"), "Request queues of virtio-scsi.", minimum=1),
    kvm("iothread", "int", later("driver/@iothread", "int"), "Number of the I/O thread (O(cpus.iothreads)) that serves it.", minimum=1),
))

PCIE_ROOT_PORTS = kvm("pcie_root_ports", "int", later(
    "devices", "root_ports", "PCI Express ports are fixed when the guest starts", same=lambda want,
    have: want is None or (have or 0) >= want),
    "Ports for devices, at least: each PCI device takes one, and one that is plugged later needs a free one. A q35 machine is made with 14 spare"
    " ones.", take_back="keep")

DEVICES = (GRAPHICS, VIDEO, SOUND, INPUTS, RNG, WATCHDOG, PANIC, TPM, VSOCK, IOMMU, FILESYSTEMS, HOST_DEVICES, USB_REDIRECTION,
           CHANNELS, SERIALS,
           CONSOLES, SHARED_MEMORY, SMARTCARD, CONTROLLERS, PCIE_ROOT_PORTS)
