# Copyright: (c) 2026, flotilla.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Memory in a domain's document: its size and ceiling, and the three ways in which it grows. Never imports libvirt.

balloon: `memory` is the ceiling and `currentMemory` the size. dimm: `maxMemory` is the ceiling, and `memory` counts what the
guest boots with and every DIMM. virtio-mem: `maxMemory` is the ceiling, and one device of the rest is asked for the size less
what the guest boots with. libvirt wants a NUMA cell for the last two (virDomainDefValidateMemoryHotplug on x86).
"""

from __future__ import annotations

from typing import Any, Callable, Dict, List, Optional, Sequence, Tuple
from xml.etree.ElementTree import Element, SubElement

from .. import xmltree
from . import elements

KIB = 1024
# Blocks that a virtio-mem device gives and takes: the least that QEMU allows on x86 with pages of 4 KiB and huge pages of 2 MiB.
BLOCK = 2 << 20
SLOTS = 16
DIMM_ALIAS = "dimm"
FACTORS = {"b": 1, "bytes": 1, "KB": 1000, "k": KIB, "KiB": KIB, "MB": 10**6, "M": 1 << 20, "MiB": 1 << 20,
           "GB": 10**9, "G": 1 << 30, "GiB": 1 << 30, "TB": 10**12, "T": 1 << 40, "TiB": 1 << 40}


def size_at(element: Element, place: str) -> Optional[int]:
    """Bytes of a size with a unit; None where there is none."""
    node = xmltree.find(element, place)
    if node is None or not (node.text or "").strip():
        return None
    return int(str(node.text)) * FACTORS[node.get("unit", "KiB")]


def write_size(element: Element, place: str, size: int) -> None:
    """Writes a size in KiB."""
    node = xmltree.ensure(element, place)
    node.text = str(size // KIB)
    node.set("unit", "KiB")


def method_of(domain: Element) -> str:
    """How the memory of this domain grows."""
    if _virtio_mem(domain) is not None:
        return "virtio-mem"
    return "dimm" if domain.find("maxMemory") is not None else "balloon"


def _virtio_mem(domain: Element) -> Optional[Element]:
    return domain.find("devices/memory[@model='virtio-mem']")


def dimms(domain: Element) -> List[Element]:
    """The DIMMs of a domain."""
    return domain.findall("devices/memory[@model='dimm']")


def total(domain: Element) -> int:
    """All memory that the document speaks of: what the guest boots with, DIMMs and virtio-mem devices at their full size."""
    return size_at(domain, "memory") or 0


def at_boot(domain: Element) -> int:
    """What the guest boots with."""
    return total(domain) - sum(size_at(device, "target/size") or 0 for device in domain.findall("devices/memory"))


# -- size --------------------------------------------------------------------------------------------------------------------

def read_size(domain: Element, _place: str = "", _arguments: Sequence[str] = ()) -> Any:
    """What the guest has now, or is to have."""
    device = _virtio_mem(domain)
    if device is not None:
        # A running device says what it has got; a stored one what it is asked for.
        got = size_at(device, "target/current")
        return at_boot(domain) + (got if got is not None else size_at(device, "target/requested") or 0)
    if method_of(domain) == "dimm":
        return size_at(domain, "memory")
    return size_at(domain, "currentMemory") or size_at(domain, "memory")


def _write_size(domain: Element, _place: str, _arguments: Sequence[str], size: Any) -> None:
    if size is None:
        for place in ("currentMemory", "memory"):
            xmltree.put(domain, place, None)
        return
    method = method_of(domain)
    if method == "balloon":
        write_size(domain, "currentMemory", size)
        if total(domain) < size:
            _write_total(domain, size)
    elif method == "dimm":
        _plug(domain, size - total(domain))
        write_size(domain, "memory", size)
        write_size(domain, "currentMemory", size)
    else:
        write_size(_virtio_mem(domain), "target/requested", size - at_boot(domain))  # type: ignore[arg-type]


def _write_total(domain: Element, size: int) -> None:
    write_size(domain, "memory", size)
    cells = domain.findall("cpu/numa/cell")
    if len(cells) == 1:
        # libvirt takes the sum of the cells and forgets what stands in `memory`.
        cells[0].set("memory", str(size // KIB))
        cells[0].set("unit", "KiB")


def _plug(domain: Element, difference: int) -> None:
    devices = elements.required(domain, "devices")
    if difference > 0:
        taken = {elements.named_by_alias(DIMM_ALIAS, device) for device in dimms(domain)}
        name = next(str(number) for number in range(len(taken) + 1) if str(number) not in taken)
        devices.append(dimm(name, difference))
    for device in removable(domain, -difference):
        devices.remove(device)


def dimm(name: str, size: int) -> Element:
    """A DIMM on the first node."""
    device = Element("memory", {"model": "dimm"})
    write_size(device, "target/size", size)
    SubElement(elements.required(device, "target"), "node").text = "0"
    SubElement(device, "alias", {"name": elements.alias(DIMM_ALIAS, name)})
    return device


def removable(domain: Element, size: int) -> List[Element]:
    """DIMMs that have exactly this size together, the last ones first; none where no such set is."""
    if size <= 0:
        return []
    sums: Dict[int, List[Element]] = {0: []}
    for device in reversed(dimms(domain)):
        for known, chosen in list(sums.items()):
            sums.setdefault(known + (size_at(device, "target/size") or 0), chosen + [device])
    return sums.get(size, [])


# -- ceiling, slots, method ----------------------------------------------------------------------------------------------------

def _read_maximum(domain: Element, _place: str, _arguments: Sequence[str]) -> Any:
    return size_at(domain, "maxMemory") or size_at(domain, "memory")


def _write_maximum(domain: Element, _place: str, _arguments: Sequence[str], size: Any) -> None:
    if size is None:
        for place in ("maxMemory", "memory"):
            xmltree.put(domain, place, None)
        return
    method = method_of(domain)
    if method == "balloon":
        # Before shrinking the ceiling, the current size must not stand above it, or libvirt refuses the document.
        if (read_size(domain) or 0) > size:
            write_size(domain, "currentMemory", size)
        _write_total(domain, size)
        return
    write_size(domain, "maxMemory", size)
    device = _virtio_mem(domain)
    if device is not None:
        boot = at_boot(domain)
        write_size(device, "target/size", size - boot)
        write_size(domain, "memory", size)


def _read_slots(domain: Element, place: str, _arguments: Sequence[str]) -> Any:
    text = xmltree.get(domain, place) if _read_method(domain, "", ()) == "dimm" else None
    return int(text) if text else None


def _write_slots(domain: Element, place: str, _arguments: Sequence[str], value: Any) -> None:
    if value is None or domain.find("maxMemory") is not None:
        xmltree.put(domain, place, None if value is None else str(value))


def _read_method(domain: Element, _place: str, _arguments: Sequence[str]) -> Any:
    """The layouts that we make. A virtio-mem device of somebody else's is for `xml`: it may have any size and block."""
    method = method_of(domain)
    if method == "virtio-mem" and elements.named_by_alias("memory", _virtio_mem(domain)) is None:  # type: ignore[arg-type]
        return None
    return None if method == "balloon" else method


def _write_method(domain: Element, _place: str, _arguments: Sequence[str], method: Any) -> None:
    """Turns the document over to another way of growing, with the size and the ceiling that it has."""
    if method is None:
        xmltree.put(domain, "maxMemory", None)
        return
    size, ceiling = read_size(domain) or 0, _read_maximum(domain, "", ()) or 0
    devices = elements.required(domain, "devices")
    for device in dimms(domain) + [node for node in [_virtio_mem(domain)] if node is not None]:
        devices.remove(device)
    for node in domain.findall("maxMemory"):
        domain.remove(node)
    if method == "balloon":
        _write_total(domain, ceiling)
        write_size(domain, "currentMemory", size)
        return
    _need_cell(domain, size)
    _write_total(domain, size)
    write_size(domain, "currentMemory", size)
    write_size(domain, "maxMemory", ceiling)
    if method == "dimm":
        domain.find("maxMemory").set("slots", str(SLOTS))  # type: ignore[union-attr]
    else:
        domain.find("maxMemory").set("slots", "1")  # type: ignore[union-attr]
        devices.append(_virtio_mem_device(ceiling - size))
        write_size(domain, "memory", ceiling)


def _virtio_mem_device(size: int) -> Element:
    device = Element("memory", {"model": "virtio-mem"})
    write_size(device, "target/size", size)
    SubElement(elements.required(device, "target"), "node").text = "0"
    write_size(device, "target/block", BLOCK)
    write_size(device, "target/requested", 0)
    SubElement(device, "alias", {"name": elements.alias("memory", "growth")})
    return device


def _need_cell(domain: Element, size: int) -> None:
    if domain.find("cpu/numa/cell") is None:
        count = int(xmltree.get(domain, "vcpu") or 1)
        SubElement(xmltree.ensure(domain, "cpu/numa"), "cell", {
            "id": "0", "cpus": _all(count), "memory": str(size // KIB), "unit": "KiB"})


def _all(count: int) -> str:
    return "0-%d" % (count - 1) if count > 1 else "0"


def follow_vcpus(domain: Element, maximum: int) -> None:
    """The only cell has all CPUs, also when their number changes."""
    cells = domain.findall("cpu/numa/cell")
    if len(cells) == 1:
        cells[0].set("cpus", _all(maximum))


SHAPES: Dict[str, Tuple[Callable[[Element, str, Sequence[str]], Any], Callable[[Element, str, Sequence[str], Any], None]]] = {
    "memory_size": (read_size, _write_size), "memory_maximum": (_read_maximum, _write_maximum),
    "memory_slots": (_read_slots, _write_slots), "memory_method": (_read_method, _write_method),
}
