# Copyright: (c) 2026, flotilla.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Making a domain document from a completed declaration. Used at creation and for new devices only."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, List, Mapping, Optional
from xml.etree.ElementTree import Element, SubElement

from ..._reconcile.annotation import Annotation
from .. import xmltree
from . import elements, table
from .profiles import PLAIN

# Written in this order; everything else follows in the order of the grammar. The way in which memory grows is turned over
# once its size and ceiling stand there.
_FIRST = ("cpus.maximum", "cpus.count", "memory.maximum", "memory.size", "os.firmware", "os.secure_boot")
_LAST = ("memory.method", "memory.slots")
_CELLS = "numa.cells[]"


@dataclass(frozen=True)
class Platform:
    """What the host decides about a new domain: its type (kvm, qemu, test), architecture and default machine."""

    domain_type: str
    architecture: str
    machine: str = ""
    log_directory: str = ""


def domain(name: str, uuid: str, want: Mapping[str, Any], platform: Platform, annotation: Annotation) -> Element:
    """The whole document of a new domain, less what its option `xml` says."""
    root = elements.build("domain", {"type": platform.domain_type})
    SubElement(root, "name").text = name
    SubElement(root, "uuid").text = uuid
    xmltree.set_annotation(root, annotation.to_json())
    _machine(root, want.get("os", {}), platform)
    elements.required(root, "vcpu").text = "1"
    elements.required(root, "devices")
    for one in _in_order():
        value = value_at(want, one.route)
        if one.pattern == _LAST[0]:
            # Memory that grows needs cells, and makes one where there is none.
            _add_things(root, table.THINGS[_CELLS], want)
        if value is not None and one.pattern not in ("uuid", "virtualization", "os.architecture", "os.machine", "console", "xml"):
            one.put(root, value)
    _given_firmware(root, want.get("os", {}))
    # Controllers first: a disk that finds none gets one made.
    for things in sorted(table.DOMAIN.things, key=lambda things: things.pattern != "controllers[]"):
        if things.pattern != _CELLS:
            _add_things(root, things, want)
    devices = elements.required(root, "devices")
    if want.get("console", True) and devices.find("serial") is None:
        devices.append(_serial(name, platform))
    if devices.find("memballoon") is None and value_at(want, ("os", "family")) != PLAIN:
        devices.append(elements.build("memballoon", {"model": "virtio"}))
    return root


def _add_things(root: Element, things: table.Things, want: Mapping[str, Any]) -> None:
    for item in _items(things, value_at(want, things.route)):
        add_thing(root, root, things, item)


def _given_firmware(root: Element, system: Mapping[str, Any]) -> None:
    """An image that is declared is used as it is: libvirt then chooses none by features."""
    node = root.find("os/loader")
    if node is None or system.get("firmware") != "uefi":
        return
    elements.required(root, "os").attrib.pop("firmware", None)
    for features in root.findall("os/firmware"):
        elements.required(root, "os").remove(features)
    node.attrib.update({"readonly": "yes", "type": "pflash"})
    if system.get("secure_boot") is not None:
        node.set("secure", "yes" if system["secure_boot"] else "no")


def _in_order() -> List[table.Field]:
    fields = {one.pattern: one for one in table.DOMAIN.fields}
    return [fields[pattern] for pattern in _FIRST] + [one for pattern, one in fields.items() if pattern not in _FIRST + _LAST] + [
        fields[pattern] for pattern in _LAST]


def value_at(want: Mapping[str, Any], route: Any) -> Any:
    """The value of a declaration at a route; None where nothing is declared."""
    value: Any = want
    for part in route:
        value = value.get(part) if isinstance(value, Mapping) else None
    return value


def _items(things: table.Things, value: Any) -> List[Mapping[str, Any]]:
    if not value:
        # A thing without any options is declared all the same.
        return [{}] if things.single and value is not None else []
    return [value] if things.single else [item for name, item in value.items() if name != "none"]


def _machine(root: Element, system: Mapping[str, Any], platform: Platform) -> None:
    kind = SubElement(SubElement(root, "os"), "type", {"arch": system.get("architecture") or platform.architecture})
    kind.text = "hvm"
    machine = system.get("machine") or platform.machine
    if machine:
        kind.set("machine", machine)


def _serial(name: str, platform: Platform) -> Element:
    serial = elements.build("serial", {"type": "pty"}, [("target", {"port": "0"})])
    if platform.log_directory:
        serial.append(elements.build("log", {"file": console_log(name, platform.log_directory), "append": "on"}))
    return serial


def console_log(name: str, directory: str) -> str:
    """Where virtlogd keeps what a guest says on its serial console."""
    return "%s/%s-serial0.log" % (directory.rstrip("/"), name)


def ensure_controller(root: Element, bus: str) -> None:
    """A SCSI disk gets a virtio-scsi controller: libvirt would add an emulated LSI one, which has no hot-plug."""
    devices = elements.required(root, "devices")
    if bus == "scsi" and devices.find("controller[@type='scsi']") is None:
        devices.append(elements.build("controller", {"type": "scsi", "index": "0", "model": "virtio-scsi"}))


# -- things --------------------------------------------------------------------------------------------------------------------

def add_thing(domain_root: Element, parent: Element, things: table.Things, value: Mapping[str, Any],
              live: Optional[Element] = None) -> Element:
    """Makes a thing of the declaration below `parent` and returns it.

    live: the running document, in which the target name of a disk must be free too.
    """
    thing = things.thing
    way, _slash, tag = thing.place.rpartition("/")
    element = SubElement(xmltree.ensure(parent, way) if way else parent, tag)
    for place, word in thing.first:
        xmltree.put(element, place if "@" in place else "@" + place, word)
    if things.pattern in ("disks[]", "media[]"):
        _begin_disk(domain_root, element, things.pattern == "media[]", value, live)
    for one in things.level.fields:
        said = value_at(value, one.route)
        if said is not None and one.row.codec != "bus":
            one.put(element, said)
    for inner in things.level.things:
        for item in _items(inner, value_at(value, inner.route)):
            add_thing(domain_root, element, inner, item, live)
    _complete(domain_root, element, things, value)
    return element


def _begin_disk(root: Element, element: Element, medium: bool, disk: Mapping[str, Any], live: Optional[Element]) -> None:
    floppy = disk.get("type") == "floppy"
    bus = disk.get("bus") or ("fdc" if floppy else "sata" if medium else "virtio")
    ensure_controller(root, bus)
    SubElement(element, "driver", {"name": "qemu", "type": disk.get("format", "raw" if medium else "qcow2")})
    SubElement(element, "target", {"dev": elements.next_target(root, bus, live, str(disk.get("name", ""))), "bus": bus})
    if medium and not floppy:
        SubElement(element, "readonly")


def _complete(root: Element, element: Element, things: table.Things, value: Mapping[str, Any]) -> None:
    """What a new thing has besides what is declared of it."""
    if things.thing.alias:
        SubElement(element, "alias", {"name": elements.alias(things.thing.alias, value.get("name") or "0")})
    completed = _COMPLETED.get(things.pattern)
    if completed is not None:
        completed(root, element, value)
    if value.get("boot_order") is not None:
        elements.drop_boot_devices(root)


def _complete_vsock(_root: Element, element: Element, value: Mapping[str, Any]) -> None:
    if value.get("cid") is None:
        xmltree.put(element, "cid/@auto", "yes")


def _complete_rng(_root: Element, element: Element, value: Mapping[str, Any]) -> None:
    if element.find("backend") is None:
        SubElement(element, "backend")
    backend = elements.required(element, "backend")
    backend.set("model", value.get("backend", "random"))
    if backend.get("model") == "random" and not backend.text:
        backend.text = "/dev/urandom"


def _complete_graphics(_root: Element, element: Element, value: Mapping[str, Any]) -> None:
    if value.get("port") is None and element.get("type") in ("vnc", "spice"):
        element.set("autoport", "yes")


def _complete_filesystem(_root: Element, element: Element, value: Mapping[str, Any]) -> None:
    if value.get("target") is None:
        xmltree.put(element, "target/@dir", value["name"])
    if value.get("access_mode") is None and value.get("source") is not None:
        element.set("accessmode", "passthrough")


def _complete_channel(_root: Element, element: Element, value: Mapping[str, Any]) -> None:
    target = elements.required(element, "target")
    target.set("type", target.get("type", "virtio"))
    if target.get("type") == "virtio" and not elements.is_unnamed("channel", value["name"]):
        target.set("name", target.get("name", value["name"]))
    element.set("type", element.get("type", "unix"))


def _complete_chardev(_root: Element, element: Element, _value: Mapping[str, Any]) -> None:
    element.set("type", element.get("type", "pty"))


def _complete_usb_controller(_root: Element, element: Element, value: Mapping[str, Any]) -> None:
    if value.get("type") == "scsi" and value.get("model") is None:
        element.set("model", "virtio-scsi")


def _complete_topology(_root: Element, element: Element, _value: Mapping[str, Any]) -> None:
    for part in ("sockets", "dies", "cores", "threads"):
        element.set(part, element.get(part, "1"))


def _complete_security_label(_root: Element, element: Element, _value: Mapping[str, Any]) -> None:
    element.set("type", element.get("type", "dynamic"))


def _complete_interface(_root: Element, element: Element, _value: Mapping[str, Any]) -> None:
    if element.get("type") == "direct":
        source = elements.required(element, "source")
        source.set("mode", source.get("mode", "bridge"))
    if element.get("type") == "vhostuser":
        elements.required(element, "source").set("mode", elements.required(element, "source").get("mode", "client"))


_COMPLETED = {
    "vsock": _complete_vsock, "rng": _complete_rng, "graphics[]": _complete_graphics, "filesystems[]": _complete_filesystem,
    "channels[]": _complete_channel, "serials[]": _complete_chardev, "controllers[]": _complete_usb_controller,
    "cpus.topology": _complete_topology, "nics[]": _complete_interface, "security_labels[]": _complete_security_label,
}


def set_seed(root: Element, pool: Optional[str], volume: Optional[str], drive: str = "") -> None:
    """Puts the seed disk into the document, points it to another volume, or removes it (None).

    Read-only and on virtio, since cloud kernels have neither AHCI nor IDE; a CD in a `drive` on that bus where it is named,
    which is the only place where Windows mounts such a file system.
    """
    devices, there = elements.required(root, "devices"), elements.seed(root)
    if there is not None and volume is None:
        devices.remove(there)
    elif volume is not None:
        if there is None:
            there = elements.build("disk", {"type": "volume", "device": "cdrom" if drive else "disk"}, [
                ("driver", {"name": "qemu", "type": "raw"}),
                ("target", {"dev": elements.next_target(root, drive or "virtio"), "bus": drive or "virtio"}), ("readonly", {}),
                ("alias", {"name": elements.alias(elements.SEED, "cidata")})])
            devices.append(there)
        xmltree.put(there, "source/@pool", pool)
        xmltree.put(there, "source/@volume", volume)
