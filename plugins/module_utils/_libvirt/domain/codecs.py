# Copyright: (c) 2026, flotilla.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How values are written in a domain's document, by the names that the rows of the table use. Never imports libvirt.

`LEAVES` are one attribute or text: a function each way. `SHAPES` are anything else: a reader and a writer that get the
element, the place and the arguments of the row; a writer that gets None takes the value out again.
"""

from __future__ import annotations

from typing import Any, Callable, Dict, List, NamedTuple, Sequence
from xml.etree.ElementTree import Element, SubElement

from ..._reconcile import kinds
from .. import xmltree
from . import elements, memory, network_source, osinfo

KIB = 1024


class Leaf(NamedTuple):
    """One attribute or one text. `decode` returns None, or raises ValueError, for what the grammar cannot say."""

    decode: Callable[[str], Any] = str
    encode: Callable[[Any], str] = str


class Shape(NamedTuple):
    """Anything that is more than one attribute or text."""

    read: Callable[[Element, str, Sequence[str]], Any]
    write: Callable[[Element, str, Sequence[str], Any], None]


def _word(yes: str, no: str) -> Leaf:
    return Leaf({yes: True, no: False}.get, lambda value: yes if value else no)


LEAVES: Dict[str, Leaf] = {
    "text": Leaf(), "fragment": Leaf(), "bus": Leaf(), "clock_offset": Leaf(), "int": Leaf(int), "bytes": Leaf(int),
    "yesno": _word("yes", "no"), "onoff": _word("on", "off"), "kib_number": Leaf(lambda text: int(text) * KIB,
                                                                                 lambda size: str(size // KIB)),
    "cpuset": Leaf(kinds.number_set), "hex": Leaf(kinds.hexadecimal), "osinfo": Leaf(osinfo.short_name, osinfo.address),
}


# -- elements that are there or not, and sizes with a unit ---------------------------------------------------------------

def _read_presence(element: Element, place: str, _arguments: Sequence[str]) -> Any:
    return True if xmltree.find(element, place) is not None else None


def _write_presence(element: Element, place: str, _arguments: Sequence[str], value: Any) -> None:
    if value:
        xmltree.ensure(element, place)
    elif xmltree.find(element, place) is not None:
        xmltree.put(element, place, None)


def _read_absence(element: Element, place: str, _arguments: Sequence[str]) -> Any:
    return False if xmltree.find(element, place) is not None else None


def _write_absence(element: Element, place: str, arguments: Sequence[str], value: Any) -> None:
    _write_presence(element, place, arguments, value is not None and not value)


def _read_kib(element: Element, place: str, _arguments: Sequence[str]) -> Any:
    return memory.size_at(element, place)


def _write_kib(element: Element, place: str, _arguments: Sequence[str], value: Any) -> None:
    if value is None:
        xmltree.put(element, place, None)
    else:
        memory.write_size(element, place, value)


def _read_kib_attribute(element: Element, place: str, _arguments: Sequence[str]) -> Any:
    text = xmltree.get(element, place)
    return int(text) * memory.FACTORS[element.get("unit", "KiB")] if text else None


def _write_kib_attribute(element: Element, place: str, _arguments: Sequence[str], value: Any) -> None:
    xmltree.put(element, place, None if value is None else str(value // KIB))
    xmltree.put(element, "@unit", None if value is None else "KiB")


def _read_huge_pages(element: Element, place: str, _arguments: Sequence[str]) -> Any:
    node = xmltree.find(element, place)
    if node is None:
        return None
    pages = node.findall("page")
    if len(pages) == 1 and pages[0].get("nodeset") is None:
        return int(pages[0].get("size", "0")) * memory.FACTORS[pages[0].get("unit", "KiB")]
    return None if pages else True


def _write_huge_pages(element: Element, place: str, _arguments: Sequence[str], value: Any) -> None:
    if xmltree.find(element, place) is not None:
        xmltree.put(element, place, None)
    if value:
        node = xmltree.ensure(element, place)
        if value is not True:
            SubElement(node, "page", {"size": str(value // KIB), "unit": "KiB"})


# -- several children ------------------------------------------------------------------------------------------------------

def _read_pairs(element: Element, place: str, arguments: Sequence[str]) -> Any:
    node = xmltree.find(element, place) if place else element
    tag, key, value = arguments
    found = {child.get(key[1:], ""): child.get(value[1:], "") for child in (node.findall(tag) if node is not None else ())}
    return {name: kinds.number_set(word) for name, word in found.items()} or None if value == "@cpuset" else found or None


def _write_pairs(element: Element, place: str, arguments: Sequence[str], value: Any) -> None:
    tag, key, attribute = (word.lstrip("@") for word in arguments)
    wanted = dict(value or {})
    node = xmltree.ensure(element, place) if wanted else xmltree.find(element, place)
    if node is None:
        return
    for child in node.findall(tag):
        if child.get(key) in wanted:
            child.set(attribute, str(wanted.pop(child.get(key))))
        else:
            node.remove(child)
    for name, word in wanted.items():
        SubElement(node, tag, {key: name, attribute: str(word)})
    _prune(element, place, node)


def _prune(element: Element, place: str, node: Element) -> None:
    if not len(node) and not node.attrib and not (node.text or "").strip():
        xmltree.put(element, place, None)


def _read_int_pairs(element: Element, place: str, arguments: Sequence[str]) -> Any:
    found = _read_pairs(element, place, arguments)
    return {name: int(word) for name, word in found.items()} if found else None


def _read_entries(element: Element, place: str, _arguments: Sequence[str]) -> Any:
    node = xmltree.find(element, place)
    return {child.get("name", ""): child.text or "" for child in (node.findall("entry") if node is not None else ())} or None


def _write_entries(element: Element, place: str, _arguments: Sequence[str], value: Any) -> None:
    if xmltree.find(element, place) is not None:
        xmltree.put(element, place, None)
    for name, text in (value or {}).items():
        SubElement(xmltree.ensure(element, place), "entry", {"name": name}).text = text
    _type_sysinfo(element)


def _read_oem_strings(element: Element, place: str, _arguments: Sequence[str]) -> Any:
    node = xmltree.find(element, place)
    return [child.text or "" for child in node.findall("entry")] if node is not None else None


def _write_oem_strings(element: Element, place: str, _arguments: Sequence[str], value: Any) -> None:
    if xmltree.find(element, place) is not None:
        xmltree.put(element, place, None)
    for text in value or ():
        SubElement(xmltree.ensure(element, place), "entry").text = text
    _type_sysinfo(element)


def _type_sysinfo(domain: Element) -> None:
    for node in domain.findall("sysinfo"):
        if len(node):
            node.set("type", node.get("type", "smbios"))
        else:
            domain.remove(node)


def _read_attributes(element: Element, place: str, arguments: Sequence[str]) -> Any:
    node, (tag, attribute) = xmltree.find(element, place), arguments
    return [child.get(attribute[1:], "") for child in (node.findall(tag) if node is not None else ()) if child.get(attribute[1:])] or None


def _write_attributes(element: Element, place: str, arguments: Sequence[str], value: Any) -> None:
    tag, attribute = arguments[0], arguments[1][1:]
    node, wanted = xmltree.ensure(element, place), list(value or ())
    for child in node.findall(tag):
        if child.get(attribute) in wanted:
            wanted.remove(child.get(attribute, ""))
        else:
            node.remove(child)
    for word in wanted:
        SubElement(node, tag, {attribute: word})


def _matching(element: Element, place: str, arguments: Sequence[str]) -> List[Element]:
    node = xmltree.find(element, place)
    attributes = [word.split("=") for word in arguments[1:]]
    return [child for child in (node.findall(arguments[0]) if node is not None else ())
            if all(child.get(name) == value for name, value in attributes)]


def _read_count(element: Element, place: str, arguments: Sequence[str]) -> Any:
    return len(_matching(element, place, arguments)) or None


def _write_count(element: Element, place: str, arguments: Sequence[str], value: Any) -> None:
    there, node = _matching(element, place, arguments), xmltree.ensure(element, place)
    for child in there[value or 0:]:
        node.remove(child)
    attributes = dict(word.split("=", 1) for word in arguments[1:])
    for number in range(len(there), value or 0):
        SubElement(SubElement(node, arguments[0], attributes), "alias", {"name": elements.alias(arguments[0], str(number))})


def _read_root_ports(element: Element, place: str, _arguments: Sequence[str]) -> Any:
    return _read_count(element, place, ("controller", "model=pcie-root-port"))


def _write_root_ports(element: Element, place: str, _arguments: Sequence[str], value: Any) -> None:
    """Adds ports, never takes one away: which are free is known to libvirt alone. The root must come first in the list."""
    node = xmltree.ensure(element, place)
    if node.find("controller[@model='pcie-root']") is None:
        node.insert(0, elements.build("controller", {"type": "pci", "index": "0", "model": "pcie-root"}))
    taken = [int(child.get("index") or 0) for child in node.findall("controller[@type='pci']")]
    for _port in range((value or 0) - len(_matching(element, place, ("controller", "model=pcie-root-port")))):
        taken.append(max(taken) + 1)
        SubElement(node, "controller", {"type": "pci", "index": str(taken[-1]), "model": "pcie-root-port"})


# -- processors ------------------------------------------------------------------------------------------------------------

def vcpus(domain: Element) -> int:
    """How many CPUs the guest can have at most."""
    return int(xmltree.get(domain, "vcpu") or 1)


def _read_vcpu_maximum(domain: Element, _place: str, _arguments: Sequence[str]) -> Any:
    return vcpus(domain)


def _read_vcpu_count(domain: Element, _place: str, _arguments: Sequence[str]) -> Any:
    return int(xmltree.get(domain, "vcpu/@current") or vcpus(domain))


def _drop_single_vcpus(domain: Element) -> None:
    """`<vcpus>` says of each CPU whether it is there, and wins over the counts; libvirt makes it anew when it needs to."""
    for node in domain.findall("vcpus"):
        domain.remove(node)


def _write_vcpu_count(domain: Element, _place: str, _arguments: Sequence[str], count: Any) -> None:
    if count is None:
        xmltree.put(domain, "vcpu/@current", None)
        return
    _drop_single_vcpus(domain)
    if vcpus(domain) < count or domain.find("vcpu") is None:
        xmltree.ensure(domain, "vcpu").text = str(count)
    xmltree.put(domain, "vcpu/@current", str(count) if count != vcpus(domain) else None)


def _write_vcpu_maximum(domain: Element, place: str, arguments: Sequence[str], maximum: Any) -> None:
    if maximum is None:
        xmltree.put(domain, "vcpu", None)
        return
    _drop_single_vcpus(domain)
    count = min(_read_vcpu_count(domain, place, arguments), maximum)
    xmltree.ensure(domain, "vcpu").text = str(maximum)
    xmltree.put(domain, "vcpu/@current", str(count) if count != maximum else None)
    memory.follow_vcpus(domain, maximum)


def _read_cpu_model(domain: Element, _place: str, _arguments: Sequence[str]) -> Any:
    node = domain.find("cpu")
    if node is None:
        return None
    mode, model = node.get("mode"), (node.findtext("model") or "").strip()
    return mode if mode not in (None, "custom") else model or None


def _write_cpu_model(domain: Element, _place: str, _arguments: Sequence[str], value: Any) -> None:
    if value is None:
        for place in ("cpu/@mode", "cpu/@match", "cpu/@check", "cpu/model"):
            xmltree.put(domain, place, None)
        return
    node = elements.required(domain, "cpu")
    for old in node.findall("model"):
        node.remove(old)
    for attribute in ("match", "check", "migratable"):
        node.attrib.pop(attribute, None)
    if value in ("host-model", "host-passthrough", "maximum"):
        node.set("mode", value)
        # As libvirt's own default; what virt-install writes too.
        node.set("check", "partial" if value == "host-model" else "none")
        return
    node.set("mode", "custom")
    node.set("match", "exact")
    node.set("check", "partial")
    SubElement(node, "model", {"fallback": "forbid"}).text = value


# -- I/O threads -----------------------------------------------------------------------------------------------------------

def _read_iothreads(domain: Element, place: str, _arguments: Sequence[str]) -> Any:
    """libvirt makes as many as are listed, where the number says fewer (virDomainIOThreadIDDefArrayInit)."""
    return max(int(xmltree.get(domain, place) or 0), len(domain.findall("iothreadids/iothread"))) or None


def _write_iothreads(domain: Element, place: str, _arguments: Sequence[str], value: Any) -> None:
    """Those that are listed and not wanted go; libvirt adds what is missing by its lowest numbers."""
    wanted = {str(number) for number in range(1, (value or 0) + 1)}
    listed = domain.find("iothreadids")
    for thread in list(listed) if listed is not None else ():
        if thread.get("id") not in wanted:
            listed.remove(thread)  # type: ignore[union-attr]
    if listed is not None and not len(listed):
        domain.remove(listed)
    xmltree.put(domain, place, str(value) if value else None)


# -- firmware and boot -----------------------------------------------------------------------------------------------------

def _read_firmware(domain: Element, _place: str, _arguments: Sequence[str]) -> Any:
    if xmltree.get(domain, "os/@firmware") == "efi" or xmltree.get(domain, "os/loader/@type") == "pflash":
        return "uefi"
    return "bios" if domain.find("os") is not None else None


def _forget_firmware(domain: Element) -> None:
    """libvirt has stored which images it chose, and would keep them."""
    for place in ("os/loader", "os/nvram", "os/firmware"):
        for node in domain.findall(place):
            elements.required(domain, "os").remove(node)


def _write_firmware(domain: Element, _place: str, _arguments: Sequence[str], value: Any) -> None:
    if value is not None:
        _forget_firmware(domain)
    xmltree.put(domain, "os/@firmware", "efi" if value == "uefi" else None)


_SECURE = "os/firmware/feature[@name='secure-boot']/@enabled"
_KEYS = "os/firmware/feature[@name='enrolled-keys']/@enabled"


def _read_secure_boot(domain: Element, _place: str, _arguments: Sequence[str]) -> Any:
    """Firmware that is chosen by its features says both; without keys that it knows it refuses nothing."""
    if domain.find("os/firmware") is None:
        text = None if xmltree.get(domain, "os/@firmware") else xmltree.get(domain, "os/loader/@secure")
        return {"yes": True, "no": False}.get(text or "")
    if xmltree.get(domain, "os/@firmware") == "bios":
        return None
    found = xmltree.get(domain, _SECURE) or "", xmltree.get(domain, _KEYS) or ""
    return {("yes", "yes"): True, ("no", "no"): False, ("no", ""): False}.get(found)


def _write_secure_boot(domain: Element, _place: str, _arguments: Sequence[str], value: Any) -> None:
    if value is None:
        for node in domain.findall("os/firmware"):
            elements.required(domain, "os").remove(node)
        xmltree.put(domain, "os/loader/@secure", None)
        return
    _forget_firmware(domain)
    domain.find("os").set("firmware", "efi")  # type: ignore[union-attr]
    xmltree.put(domain, _SECURE, "yes" if value else "no")
    if value:
        xmltree.put(domain, _KEYS, "yes")
        # Without system management mode the variables with the keys could be written by anybody (qemuFirmwareMatchDomain).
        xmltree.put(domain, "features/smm/@state", "on")


def _read_boot_order(device: Element, place: str, _arguments: Sequence[str]) -> Any:
    text = xmltree.get(device, place)
    return int(text) if text else None


def _write_boot_order(device: Element, place: str, _arguments: Sequence[str], value: Any) -> None:
    xmltree.put(device, place, None if value is None else str(value))


def _read_boot_devices(domain: Element, _place: str, _arguments: Sequence[str]) -> Any:
    return [node.get("dev", "") for node in domain.findall("os/boot")] or None


def _write_boot_devices(domain: Element, _place: str, _arguments: Sequence[str], value: Any) -> None:
    system = elements.required(domain, "os")
    for node in system.findall("boot"):
        system.remove(node)
    for word in value or ():
        SubElement(system, "boot", {"dev": word})
    if value:
        elements.drop_boot_orders(domain)


# -- devices ---------------------------------------------------------------------------------------------------------------

def _read_agent(domain: Element, _place: str, _arguments: Sequence[str]) -> Any:
    return elements.agent_channel(domain) is not None


def _write_agent(domain: Element, _place: str, _arguments: Sequence[str], value: Any) -> None:
    devices, there = elements.required(domain, "devices"), elements.agent_channel(domain)
    if there is not None and not value:
        devices.remove(there)
    elif there is None and value:
        devices.append(elements.build("channel", {"type": "unix"}, [
            ("target", {"type": "virtio", "name": elements.AGENT_CHANNEL})]))


def _read_console(domain: Element, _place: str, _arguments: Sequence[str]) -> Any:
    return domain.find("devices/serial") is not None


def _write_console(domain: Element, _place: str, _arguments: Sequence[str], value: Any) -> None:
    devices = elements.required(domain, "devices")
    if not value:
        for node in domain.findall("devices/serial") + domain.findall("devices/console"):
            devices.remove(node)
    elif domain.find("devices/serial") is None:
        devices.append(elements.build("serial", {"type": "pty"}, [("target", {"port": "0"})]))


def _read_domain_type(domain: Element, _place: str, _arguments: Sequence[str]) -> Any:
    return domain.get("type") if domain.get("type") in ("kvm", "qemu") else None


def _write_nothing(_element: Element, _place: str, _arguments: Sequence[str], _value: Any) -> None:
    """What is decided once and elsewhere."""


def _read_port(device: Element, place: str, _arguments: Sequence[str]) -> Any:
    text = xmltree.get(device, place)
    automatic = device.get("autoport") == "yes" or text in (None, "", "-1")
    return None if automatic else int(str(text))


def _write_port(device: Element, place: str, _arguments: Sequence[str], value: Any) -> None:
    device.set(place[1:], "-1" if value is None else str(value))
    if place == "@port":
        device.set("autoport", "yes" if value is None else "no")


def _read_listen(device: Element, _place: str, _arguments: Sequence[str]) -> Any:
    node = device.find("listen")
    if node is None:
        return device.get("listen") or device.get("socket")
    return {"none": "none", "socket": node.get("socket"), "address": node.get("address")}.get(node.get("type", ""))


def _write_listen(device: Element, _place: str, _arguments: Sequence[str], value: Any) -> None:
    for node in device.findall("listen"):
        device.remove(node)
    for attribute in ("listen", "socket"):
        device.attrib.pop(attribute, None)
    if value == "none":
        SubElement(device, "listen", {"type": "none"})
    elif value is not None and value.startswith("/"):
        SubElement(device, "listen", {"type": "socket", "socket": value})
    elif value is not None:
        SubElement(device, "listen", {"type": "address", "address": value})


def _read_cid(device: Element, _place: str, _arguments: Sequence[str]) -> Any:
    text = xmltree.get(device, "cid/@address")
    return None if xmltree.get(device, "cid/@auto") == "yes" or not text else int(text)


def _write_cid(device: Element, _place: str, _arguments: Sequence[str], value: Any) -> None:
    node = elements.required(device, "cid")
    node.attrib.clear()
    node.attrib.update({"auto": "yes"} if value is None else {"auto": "no", "address": str(value)})


def _read_spinlocks(domain: Element, place: str, _arguments: Sequence[str]) -> Any:
    node = xmltree.find(domain, place)
    return int(node.get("retries", "4095")) if node is not None and node.get("state") == "on" else None


def _write_spinlocks(domain: Element, place: str, _arguments: Sequence[str], value: Any) -> None:
    xmltree.put(domain, place + "/@retries", None if value is None else str(value))
    xmltree.put(domain, place + "/@state", None if value is None else "on")


def _read_vendor_id(domain: Element, place: str, _arguments: Sequence[str]) -> Any:
    return xmltree.get(domain, place)


def _write_vendor_id(domain: Element, place: str, _arguments: Sequence[str], value: Any) -> None:
    xmltree.put(domain, place, value)
    xmltree.put(domain, place.rsplit("/", 1)[0] + "/@state", None if value is None else "on")


def _read_chardev_path(device: Element, place: str, _arguments: Sequence[str]) -> Any:
    # A pseudo-terminal is chosen at each start.
    return None if device.get("type") == "pty" else xmltree.get(device, place)


def _write_text(device: Element, place: str, _arguments: Sequence[str], value: Any) -> None:
    xmltree.put(device, place, value)


def _read_backend_text(device: Element, place: str, _arguments: Sequence[str]) -> Any:
    return xmltree.get(device, place) or None


def _write_backend_text(device: Element, place: str, _arguments: Sequence[str], value: Any) -> None:
    # The element says more than its text, so it stays without one.
    xmltree.ensure(device, place).text = value


def _input_attribute(device: Element) -> str:
    return "source/@dev" if device.get("type") == "evdev" else "source/@evdev"


def _read_input_device(device: Element, _place: str, _arguments: Sequence[str]) -> Any:
    return xmltree.get(device, _input_attribute(device))


def _write_input_device(device: Element, _place: str, _arguments: Sequence[str], value: Any) -> None:
    xmltree.put(device, _input_attribute(device), value)


SHAPES: Dict[str, Shape] = {
    "presence": Shape(_read_presence, _write_presence), "absence": Shape(_read_absence, _write_absence), "kib": Shape(_read_kib,
                                                                                                                      _write_kib),
    "unit": Shape(_read_kib, _write_kib), "kib_attribute": Shape(_read_kib_attribute, _write_kib_attribute),
    "huge_pages": Shape(_read_huge_pages, _write_huge_pages), "pairs": Shape(_read_pairs, _write_pairs),
    "int_pairs": Shape(_read_int_pairs, _write_pairs), "sysinfo": Shape(_read_entries, _write_entries),
    "oem_strings": Shape(_read_oem_strings, _write_oem_strings), "attributes": Shape(_read_attributes, _write_attributes),
    "count": Shape(_read_count, _write_count), "root_ports": Shape(_read_root_ports, _write_root_ports),
    "vcpu_count": Shape(_read_vcpu_count, _write_vcpu_count), "vcpu_maximum": Shape(_read_vcpu_maximum, _write_vcpu_maximum),
    "cpu_model": Shape(_read_cpu_model, _write_cpu_model), "firmware": Shape(_read_firmware, _write_firmware),
    "iothreads": Shape(_read_iothreads, _write_iothreads),
    "secure_boot": Shape(_read_secure_boot, _write_secure_boot), "boot_order": Shape(_read_boot_order, _write_boot_order),
    "boot_devices": Shape(_read_boot_devices, _write_boot_devices), "agent": Shape(_read_agent, _write_agent),
    "console": Shape(_read_console, _write_console), "domain_type": Shape(_read_domain_type, _write_nothing),
    "port": Shape(_read_port, _write_port), "tls_port": Shape(_read_port, _write_port), "listen": Shape(_read_listen, _write_listen),
    "cid": Shape(_read_cid, _write_cid), "spinlocks": Shape(_read_spinlocks, _write_spinlocks), "vendor_id": Shape(_read_vendor_id,
                                                                                                                   _write_vendor_id),
    "chardev_path": Shape(_read_chardev_path, _write_text), "backend_text": Shape(_read_backend_text, _write_backend_text),
    "input_device": Shape(_read_input_device, _write_input_device),
    **{name: Shape(*functions) for name, functions in memory.SHAPES.items()},
    **{name: Shape(*functions) for name, functions in network_source.SHAPES.items()},
}

__all__ = ["LEAVES", "SHAPES", "Leaf", "Shape", "vcpus"]
