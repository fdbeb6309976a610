# Copyright: (c) 2026, flotilla.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The table: option, its place in the domain XML, and how libvirt changes it on a running guest or why it cannot.

Reading, editing, impact and pending all come from these rows. A row is added together with its option in the grammar
and its test; `tests/unit/domain` fails for an option of the grammar without a row, and for a row without an option.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Callable, Dict, Mapping, Optional, Tuple
from xml.etree.ElementTree import Element

from ..._reconcile import grammar, schema
from ..._reconcile.plan import FIRST_BOOT, Rule
from .. import xmltree
from . import elements

KIB = 1024


def _choices() -> Dict[str, Tuple[str, ...]]:
    found: Dict[str, Tuple[str, ...]] = {}

    def note(pattern: str, option: schema.Option) -> None:
        if option.choices:
            found[pattern] = option.choices

    schema.walk(grammar.GUEST, note)
    return found


_CHOICES = _choices()


@dataclass(frozen=True)
class Row:
    """One option.

    pattern: the option's path, such as `disks[].bus`. place: mini path below the domain, or below the device for a
    pattern with `[]`; empty for what does not stand in the XML. read, write: for places that are not plain text.
    verb: name of the method of `live.Guest` that changes it on the running guest.
    """

    pattern: str
    place: str
    rule: Rule
    read: Optional[Callable[[Element], Any]] = None
    write: Optional[Callable[[Element, Any], None]] = None
    decode: Callable[[str], Any] = str
    encode: Callable[[Any], str] = str
    verb: str = ""

    def get(self, element: Element) -> Any:
        """The option's value in a domain (or device) element; None where it does not stand there.

        A value that the grammar does not have (a disk on an IDE bus) is left alone like an element that it does not know.
        """
        if self.read is not None:
            return self.read(element)
        text = xmltree.get(element, self.place)
        if not text or text not in _CHOICES.get(self.pattern, (text,)):
            return None
        return self.decode(text)

    def put(self, element: Element, value: Any) -> None:
        """Writes the value into the element; None removes it."""
        if self.write is not None:
            self.write(element, value)
        else:
            xmltree.put(element, self.place, None if value is None else self.encode(value))


# -- values whose place is not plain text ---------------------------------------------------------------------------

_FACTORS = {"b": 1, "bytes": 1, "KB": 1000, "k": KIB, "KiB": KIB, "MB": 10**6, "M": 1 << 20, "MiB": 1 << 20,
            "GB": 10**9, "G": 1 << 30, "GiB": 1 << 30, "TB": 10**12, "T": 1 << 40, "TiB": 1 << 40}


def _memory_at(place: str) -> Callable[[Element], Any]:
    def read(domain: Element) -> Any:
        node = domain.find(place)
        if node is None or not (node.text or "").strip():
            return None
        return int(str(node.text)) * _FACTORS[node.get("unit", "KiB")]
    return read


def _read_memory_size(domain: Element) -> Any:
    return _memory_at("currentMemory")(domain) or _memory_at("memory")(domain)


def _write_memory(place: str, domain: Element, size: int) -> None:
    xmltree.put(domain, place, str(size // KIB))
    xmltree.put(domain, place + "/@unit", "KiB")


def _write_memory_size(domain: Element, size: Any) -> None:
    _write_memory("currentMemory", domain, size)
    if (_memory_at("memory")(domain) or 0) < size:
        _write_memory("memory", domain, size)


def _write_memory_maximum(domain: Element, size: Any) -> None:
    # Before shrinking the ceiling, the current size must not stand above it, or libvirt refuses the document.
    if (_read_memory_size(domain) or 0) > size:
        _write_memory("currentMemory", domain, size)
    _write_memory("memory", domain, size)


def _read_vcpus(domain: Element) -> Any:
    text = xmltree.get(domain, "vcpu")
    return int(text) if text else 1


def _read_vcpu_count(domain: Element) -> Any:
    current = xmltree.get(domain, "vcpu/@current")
    return int(current) if current else _read_vcpus(domain)


def _drop_single_vcpus(domain: Element) -> None:
    """`<vcpus>` says of each CPU whether it is there, and wins over the counts; libvirt makes it anew when it needs to."""
    for node in domain.findall("vcpus"):
        domain.remove(node)


def _write_vcpu_count(domain: Element, count: Any) -> None:
    _drop_single_vcpus(domain)
    if _read_vcpus(domain) < count or domain.find("vcpu") is None:
        xmltree.put(domain, "vcpu", str(count))
    xmltree.put(domain, "vcpu/@current", str(count) if count != _read_vcpus(domain) else None)


def _write_vcpu_maximum(domain: Element, maximum: Any) -> None:
    _drop_single_vcpus(domain)
    count = min(_read_vcpu_count(domain), maximum)
    xmltree.put(domain, "vcpu", str(maximum))
    xmltree.put(domain, "vcpu/@current", str(count) if count != maximum else None)


def _read_firmware(domain: Element) -> Any:
    if xmltree.get(domain, "os/@firmware") == "efi" or xmltree.get(domain, "os/loader/@type") == "pflash":
        return "uefi"
    return "bios"


def _write_firmware(domain: Element, value: Any) -> None:
    for place in ("os/loader", "os/nvram", "os/firmware"):
        for node in domain.findall(place):
            elements.required(domain, "os").remove(node)
    xmltree.put(domain, "os/@firmware", "efi" if value == "uefi" else None)


def _same_text(want: Any, have: Any) -> bool:
    """Text is read without the blanks around it, and empty text is none: libvirt stores neither reliably."""
    return (want or "").strip() == (have or "").strip()


def _same_machine(want: Any, have: Any) -> bool:
    """libvirt expands an alias (`q35`) to the versioned machine (`pc-q35-7.2`) when it stores the document."""
    if want == have:
        return True
    if want is None or have is None:
        return False
    if want == "pc":
        return bool(have.startswith("pc-i440fx"))
    return bool(have.startswith("pc-%s-" % want) or have.startswith("%s-" % want))


AGENT_CHANNEL = "org.qemu.guest_agent.0"


def agent_channel(domain: Element) -> Optional[Element]:
    """The channel of the QEMU guest agent, if the domain has one."""
    for channel in domain.findall("devices/channel"):
        if xmltree.get(channel, "target/@name") == AGENT_CHANNEL:
            return channel
    return None


def _write_agent(domain: Element, value: Any) -> None:
    devices, there = elements.required(domain, "devices"), agent_channel(domain)
    if there is not None and not value:
        devices.remove(there)
    elif there is None and value:
        devices.append(elements.build("channel", {"type": "unix"}, [
            ("target", {"type": "virtio", "name": AGENT_CHANNEL})]))


def _write_console(domain: Element, value: Any) -> None:
    devices = elements.required(domain, "devices")
    if not value:
        for node in domain.findall("devices/serial") + domain.findall("devices/console"):
            devices.remove(node)
    elif domain.find("devices/serial") is None:
        devices.append(elements.build("serial", {"type": "pty"}, [("target", {"port": "0"})]))


def _read_network(nic: Element) -> Any:
    """A running NIC on a network of mode bridge says type bridge, and still names its network."""
    return xmltree.get(nic, "source/@network")


def _read_bridge(nic: Element) -> Any:
    if nic.get("type") != "bridge" or _read_network(nic) is not None:
        return None
    return xmltree.get(nic, "source/@bridge")


def _source(kind: str, place: str) -> Callable[[Element], Any]:
    def read(device: Element) -> Any:
        return xmltree.get(device, place) if device.get("type") == kind else None
    return read


def _write_source(kind: str, attribute: str) -> Callable[[Element, Any], None]:
    def write(device: Element, value: Any) -> None:
        if value is None:
            return
        device.set("type", kind)
        source = device.find("source")
        if source is not None and kind != "volume":
            device.remove(source)
        xmltree.put(device, "source/@" + attribute, value)
    return write


def _read_presence(place: str) -> Callable[[Element], Any]:
    return lambda element: element.find(place) is not None


def _write_presence(place: str) -> Callable[[Element, Any], None]:
    def write(element: Element, value: Any) -> None:
        node = element.find(place)
        if value and node is None:
            element.append(Element(place))
        elif not value and node is not None:
            element.remove(node)
    return write


# -- what the running guest can take ---------------------------------------------------------------------------------

def _above_memory_ceiling(size: Any, live: Mapping[str, Any]) -> str:
    ceiling = live.get("memory", {}).get("maximum", 0)
    return "above memory.maximum of the running guest, which is fixed when it starts" if size > ceiling else ""


def _above_cpu_ceiling(count: Any, live: Mapping[str, Any]) -> str:
    ceiling = live.get("cpus", {}).get("maximum", 0)
    return "above cpus.maximum of the running guest, which is fixed when it starts" if count > ceiling else ""


def _not_hotplug_bus(disk: Any, _live: Mapping[str, Any]) -> str:
    bus = disk.get("bus", "virtio")
    return "" if bus in ("virtio", "usb", "scsi") else "a disk on bus %s cannot be plugged while the guest runs" % bus


def _follows(option: str, part: str) -> Callable[[Mapping[str, Any]], Any]:
    return lambda spec: spec.get(option, {}).get(part)


_AT_START = "fixed when the guest starts"
_NEW_DISK = "declare a disk under another name instead, and copy the data"
_LATER = Rule(live=False, reason=_AT_START)

ROWS: Tuple[Row, ...] = (
    Row("state", "", Rule(always=True), verb="set_state"),
    Row("autostart", "", Rule(default=False, always=True)),
    Row("tags", "", Rule(always=True)),
    Row("title", "title", Rule(same=_same_text), verb="set_metadata"),
    Row("description", "description", Rule(same=_same_text), verb="set_metadata"),
    Row("cpus.count", "vcpu/@current", Rule(cooperative=True, unless=_above_cpu_ceiling),
        read=_read_vcpu_count, write=_write_vcpu_count, verb="set_vcpus"),
    Row("cpus.maximum", "vcpu", Rule(live=False, reason="the CPU ceiling is " + _AT_START,
                                     default=_follows("cpus", "count")),
        read=_read_vcpus, write=_write_vcpu_maximum),
    Row("memory.size", "currentMemory", Rule(cooperative=True, guests_own=True, unless=_above_memory_ceiling),
        read=_read_memory_size, write=_write_memory_size, verb="set_memory"),
    Row("memory.maximum", "memory", Rule(live=False, reason="the memory ceiling is " + _AT_START,
                                         default=_follows("memory", "size")),
        read=_memory_at("memory"), write=_write_memory_maximum),
    Row("os.family", "", Rule(creation=True)),
    Row("os.variant", "", Rule(creation=True)),
    Row("os.firmware", "os/@firmware", _LATER, read=_read_firmware, write=_write_firmware),
    Row("os.machine", "os/type/@machine", Rule(live=False, reason="the machine type is " + _AT_START,
                                               same=_same_machine)),
    Row("os.kernel", "os/kernel", _LATER),
    Row("os.initrd", "os/initrd", _LATER),
    Row("os.cmdline", "os/cmdline", Rule(live=False, reason=_AT_START, same=_same_text)),
    Row("agent", "devices/channel", Rule(default=True), read=lambda domain: agent_channel(domain) is not None,
        write=_write_agent, verb="set_agent"),
    Row("console", "devices/serial", Rule(live=False, reason="serial ports are " + _AT_START, default=True),
        read=_read_presence("devices/serial"), write=_write_console),

    Row("disks[]", "", Rule(unless=_not_hotplug_bus, cooperative=True), verb="plug"),
    Row("disks[].name", "", Rule(always=True)),
    Row("disks[].pool", "source/@pool", Rule(fixed=_NEW_DISK), read=_source("volume", "source/@pool"),
        write=_write_source("volume", "pool")),
    Row("disks[].volume", "source/@volume", Rule(fixed=_NEW_DISK), read=_source("volume", "source/@volume"),
        write=_write_source("volume", "volume")),
    Row("disks[].file", "source/@file", Rule(fixed=_NEW_DISK), read=_source("file", "source/@file"),
        write=_write_source("file", "file")),
    Row("disks[].device", "source/@dev", Rule(fixed=_NEW_DISK), read=_source("block", "source/@dev"),
        write=_write_source("block", "dev")),
    Row("disks[].size", "", Rule(), verb="resize"),
    Row("disks[].image", "", Rule(creation=True, reason="an image is used only when the disk is made")),
    Row("disks[].format", "driver/@type", Rule(fixed=_NEW_DISK)),
    Row("disks[].bus", "target/@bus", Rule(live=False, reason="the bus is " + _AT_START)),
    Row("disks[].cache", "driver/@cache", Rule(live=False, reason="the cache mode is " + _AT_START)),
    Row("disks[].readonly", "readonly", Rule(live=False, reason=_AT_START, default=False),
        read=_read_presence("readonly"), write=_write_presence("readonly")),
    Row("disks[].serial", "serial", Rule(live=False, reason=_AT_START)),

    Row("nics[]", "", Rule(cooperative=True), verb="plug"),
    Row("nics[].name", "", Rule(always=True)),
    Row("nics[].network", "source/@network", Rule(), read=_read_network,
        write=_write_source("network", "network"), verb="update_nic"),
    Row("nics[].bridge", "source/@bridge", Rule(), read=_read_bridge,
        write=_write_source("bridge", "bridge"), verb="update_nic"),
    Row("nics[].mac", "mac/@address", Rule(live=False, reason="the MAC address is " + _AT_START)),
    Row("nics[].model", "model/@type", Rule(live=False, reason="the device model is " + _AT_START)),
    Row("nics[].link", "link/@state", Rule(default="up"), verb="update_nic",
        read=lambda nic: xmltree.get(nic, "link/@state") or "up",
        write=lambda nic, value: xmltree.put(nic, "link/@state", None if value == "up" else value)),
    Row("nics[].mtu", "mtu/@size", Rule(live=False, reason=_AT_START), decode=int),
)

# What only the seed carries: known from the annotation, and read by the guest at its first boot alone.
SEED_OPTIONS = ("cloud_init", "nics[].address", "nics[].gateway", "nics[].dns")
SEED_RULE = Rule(live=False, reason=FIRST_BOOT, harmless=True)
RESEED = "cloud_init.reseed"
RESEED_RULE = Rule(live=False, same=lambda want, have: not want or bool(have),
                   reason="at the next start cloud-init runs again: users, SSH keys, packages, commands, network")

BY_PATTERN: Dict[str, Row] = {row.pattern: row for row in ROWS}


def is_seed_option(pattern: str) -> bool:
    """Whether the option reaches the guest through the cloud-init seed."""
    return pattern in SEED_OPTIONS or pattern.startswith("cloud_init.")


def rule(pattern: str) -> Rule:
    """The rule of an option's pattern."""
    if pattern == RESEED:
        return RESEED_RULE
    return SEED_RULE if is_seed_option(pattern) else BY_PATTERN[pattern].rule


DOMAIN_ROWS: Tuple[Row, ...] = tuple(row for row in ROWS if "[]" not in row.pattern and (row.place or row.read))
DISK_ROWS: Tuple[Row, ...] = tuple(row for row in ROWS if row.pattern.startswith("disks[].") and row.place)
NIC_ROWS: Tuple[Row, ...] = tuple(row for row in ROWS if row.pattern.startswith("nics[].") and row.place)
