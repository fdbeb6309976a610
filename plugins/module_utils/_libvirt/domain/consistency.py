# Copyright: (c) 2026, flotilla.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What options of a domain must have to do with each other, and with what this host's QEMU can do.

Looks at the declaration over what is stored, as it would stand after the run. Reads nothing but the domain capabilities.
"""

from __future__ import annotations

import os
from typing import Any, Callable, Dict, Iterator, List, Mapping, Optional, Sequence, Tuple
from xml.etree.ElementTree import Element

from ..._reconcile import kinds
from ..._reconcile.contract import Request
from ..._reconcile.errors import Problem, join_path
from ..._reconcile.kvm.cpus import count_of
from ..._reconcile.kvm.memory import DIMM_BLOCK
from ..._reconcile.merge import merge_specs
from ..._reconcile.secrets import Secret
from ..._reconcile.units import format_size
from .. import xmltree
from . import checks, fragment, memory, table

# Lists of devices that can have a place in the order in which the guest tries them.
BOOTABLE = ("disks", "media", "nics", "host_devices")
PCI_DEVICES = "/sys/bus/pci/devices"


class Declared:
    """One declaration, with paths as the user counts, over what is stored."""

    def __init__(self, request: Request, want: Mapping[str, Any], stored: Mapping[str, Any]) -> None:
        self.request = request
        self.want = want
        self.whole = merge_specs({name: value for name, value in stored.items() if name != "xml"}, want)
        for option in BOOTABLE:
            # What is no longer declared goes, or stays as it is; only what stays together must fit together.
            if option in request.declared:
                self.whole[option] = {name: item for name, item in self.whole.get(option, {}).items() if name in want.get(option, {})}

    def at(self, *route: str) -> Any:
        """The value as it will stand."""
        value: Any = self.whole
        for part in route:
            value = value.get(part) if isinstance(value, Mapping) else None
        return value

    def says(self, *route: str) -> bool:
        """Whether the user declares this himself."""
        value: Any = self.request.declared
        for part in route:
            value = value.get(part) if isinstance(value, Mapping) else None
        return value is not None

    def path(self, *parts: str) -> str:
        """The path of an option; an item of a list by its place in it."""
        if len(parts) > 1 and parts[0] in _LISTS:
            return checks.path_in(self.request, *parts)
        return join_path(self.request.where, *parts)

    def items(self, option: str) -> Iterator[Tuple[str, Mapping[str, Any]]]:
        """The items of a list that the user declares, as they will stand."""
        for name in self.request.declared.get(option, {}):
            yield name, self.whole.get(option, {}).get(name, {})


_LISTS = frozenset(things.pattern[:-2] for things in table.DOMAIN.things if not things.single)


def problems(request: Request, want: Mapping[str, Any], stored: Mapping[str, Any], capabilities: Optional[Element] = None,
             local: bool = True) -> List[Problem]:
    """Everything that does not fit together. capabilities: what virConnectGetDomainCapabilities says for this guest."""
    declared = Declared(request, want, stored)
    found: List[Problem] = []
    for check in _CHECKS:
        found += check(declared)
    if capabilities is not None:
        found += _beyond_the_host(declared, capabilities)
    if local:
        found += _devices_of_the_host(declared)
    return found


# -- processors and memory -------------------------------------------------------------------------------------------------------

def _topology(declared: Declared) -> List[Problem]:
    if declared.at("cpus", "topology") is None or not declared.says("cpus"):
        return []
    product, maximum = count_of(declared.whole), declared.at("cpus", "maximum")
    if product == maximum or maximum is None:
        return []
    return [Problem(declared.path("cpus", "topology"), "makes %d CPUs, and cpus.maximum is %d" % (product, maximum),
                    "declare cpus.maximum: %d, or another topology" % product)]


def _numbers(declared: Declared) -> List[Problem]:
    """Pins and threads of CPUs and I/O threads that there are not."""
    found = []
    maximum, threads = declared.at("cpus", "maximum") or 1, declared.at("cpus", "iothreads") or 0
    for number in declared.want.get("cpus", {}).get("pins", {}):
        if int(number) >= maximum:
            found.append(Problem(declared.path("cpus", "pins"), "there is no CPU %s; they are numbered from 0 to %d" % (number,
                                                                                                                        maximum - 1),
                                 "pin another one, or raise cpus.maximum"))
    for option, value in declared.want.get("cpus", {}).items():
        if option.endswith("quota") and value is not None and 0 <= value < 1000:
            found.append(Problem(declared.path("cpus", option), "%d is below 1000 microseconds" % value, "declare more, or -1 for no limit"))
    for number in declared.want.get("cpus", {}).get("iothread_pins", {}):
        found += _no_thread(declared, int(number), threads, "cpus", "iothread_pins")
    for option in ("disks", "controllers"):
        for name, item in declared.items(option):
            if item.get("iothread") is not None:
                found += _no_thread(declared, item["iothread"], threads, option, name, "iothread")
    return found


def _memory_limits(declared: Declared) -> List[Problem]:
    """virDomainSetMemoryParameters takes no limit of memory with swap below that of memory alone."""
    hard, both = declared.at("memory", "hard_limit"), declared.at("memory", "swap_hard_limit")
    if hard is None or both is None or both >= hard:
        return []
    where = "swap_hard_limit" if declared.says("memory", "swap_hard_limit") else "hard_limit"
    return [Problem(declared.path("memory", where), "memory and swap together (%s) are less than memory alone (%s)"
                    % (format_size(both), format_size(hard)), "raise memory.swap_hard_limit, or lower memory.hard_limit")]


def _title(declared: Declared) -> List[Problem]:
    if "\n" in (declared.at("title") or ""):
        return [Problem(declared.path("title"), "is one line", "put the rest into description")]
    return []


def pins(request: Request, want: Mapping[str, Any], host_cpus: Callable[[], int]) -> List[Problem]:
    """Pins to CPUs of which the host has none at all. host_cpus: how many it has; it is asked only where there are pins."""
    cpus = want.get("cpus", {})
    pinned = [(option, where) for option in ("pins", "iothread_pins") for where in cpus.get(option, {}).values()]
    pinned += [("emulator_pin", cpus["emulator_pin"])] if cpus.get("emulator_pin") else []
    return [Problem(join_path(request.where, "cpus", option), "the host has no CPU %s; its CPUs are numbered from 0 to %d"
                    % (where, host_cpus() - 1), "pin to one of those")
            for option, where in pinned if min(kinds.numbers_of(where)) >= host_cpus()]


def _no_thread(declared: Declared, number: int, threads: int, *route: str) -> List[Problem]:
    if 1 <= number <= threads:
        return []
    return [Problem(declared.path(*route), "there is no I/O thread %d; there are %d, numbered from 1" % (number, threads),
                    "declare cpus.iothreads: %d" % number)]


def _growth_of_memory(declared: Declared) -> List[Problem]:
    size, maximum, method = (declared.at("memory", part) for part in ("size", "maximum", "method"))
    if not declared.says("memory") or size is None or maximum is None:
        return []
    block = {"dimm": DIMM_BLOCK, "virtio-mem": memory.BLOCK}.get(method or "balloon")
    if block is None:
        return [Problem(declared.path("memory", "slots"), "only DIMMs are plugged into slots", "declare memory.method: dimm")] \
            if declared.says("memory", "slots") else []
    found = []
    for part, value in (("size", size), ("maximum", maximum)):
        if value % block:
            found.append(Problem(declared.path("memory", part), "%s is no multiple of %s, in which memory is plugged with method %s"
                                 % (format_size(value), format_size(block), method), "declare %s" % format_size(value - value % block)))
    if maximum <= size and not found and not declared.at("state") == "absent":
        found.append(Problem(declared.path("memory", "maximum"), "leaves no room to grow with method %s" % method,
                             "raise it above the size, or leave the method out"))
    return found


def _numa(declared: Declared) -> List[Problem]:
    cells = declared.want.get("numa", {}).get("cells")
    if not cells or not declared.says("numa", "cells") or _plugged_by_xml(declared):
        return []
    together = sum(cell.get("memory", 0) for cell in cells.values())
    ceiling = declared.at("memory", "size" if declared.at("memory", "method") else "maximum")
    if ceiling is None or together == ceiling:
        return []
    return [Problem(declared.path("numa", "cells"), "have %s together, and the guest boots with %s" % (format_size(together),
                                                                                                       format_size(ceiling)),
                    "make the memory of the cells add up to that")]


def _plugged_by_xml(declared: Declared) -> bool:
    """Whether `xml` plugs memory in, which counts for the size and is in no cell."""
    return fragment.parse_or_empty(declared.request.declared.get("xml")).find("devices/memory") is not None


# -- devices -----------------------------------------------------------------------------------------------------------------------

def _boot(declared: Declared) -> List[Problem]:
    """Two devices with the same place, and places beside a list of kinds of devices."""
    found: List[Problem] = []
    taken: Dict[int, str] = {}
    for option in BOOTABLE:
        for name, item in declared.whole.get(option, {}).items():
            place = item.get("boot_order") if isinstance(item, Mapping) else None
            if place is None:
                continue
            if place in taken and (declared.says(option, name, "boot_order") or declared.says(*taken[place].split("/"), "boot_order")):
                found.append(Problem(declared.path(option, name, "boot_order"), "%d is the place of %s too" % (place,
                                                                                                               taken[place].replace("/", " ")),
                                     "give each device its own"))
            taken[place] = "%s/%s" % (option, name)
    if declared.says("boot", "order") and any(declared.says(*label.split("/"), "boot_order") for label in taken.values()):
        found.append(Problem(declared.path("boot", "order"), "cannot be used beside boot_order of a device", "remove one of them"))
    return found


def _limits(declared: Declared) -> List[Problem]:
    """A total excludes the limits of its parts (virDomainSetBlockIoTune)."""
    found = []
    for name, disk in declared.items("disks"):
        limits = declared.request.declared["disks"][name].get("iotune", {})
        for what in ("bytes", "iops", "bytes_max", "iops_max"):
            parts = [part for part in ("read", "write") if limits.get("%s_%s" % (part, what))]
            if limits.get("total_" + what) and parts:
                found.append(Problem(declared.path("disks", name, "iotune", "total_" + what), "excludes %s_%s" % (parts[0], what),
                                     "declare either"))
        found += [Problem(declared.path("disks", name, "iotune", "group"), "is a group without any limit",
                          "declare one, such as total_iops")] \
            if limits.get("group") and not any(value for part, value in limits.items() if part != "group") else []
    return found


def _shared_memory_for(declared: Declared) -> List[Problem]:
    shared = declared.at("memory", "access") == "shared" or any(
        cell.get("access") == "shared" for cell in (declared.at("numa", "cells") or {}).values())
    if shared:
        return []
    users = [declared.path("filesystems", name, "driver") for name,
             item in declared.items("filesystems") if item.get("driver") == "virtiofs"]
    users += [declared.path("nics", name, "vhost_user") for name, item in declared.items("nics") if item.get("vhost_user")]
    return [Problem(place, "needs memory that other processes of the host can map",
                    "declare memory.access: shared and memory.source: memfd")
            for place in users]


def _firmware(declared: Declared) -> List[Problem]:
    if declared.at("os", "secure_boot") and declared.at("os", "firmware") == "bios" and declared.says("os", "secure_boot"):
        return [Problem(declared.path("os", "secure_boot"), "needs UEFI", "declare os.firmware: uefi")]
    return []


def _needs_partner(declared: Declared) -> List[Problem]:
    """Options that mean nothing without another one."""
    found = []
    for route, partner, words in (
            (("clock", "timezone"), ("clock", "offset"), "timezone"), (("clock", "start"), ("clock", "offset"), "absolute"),
            (("clock", "adjustment"), ("clock", "offset"), "variable")):
        if route[-1] == "adjustment" and declared.at(*route) == "reset" and declared.at(*partner) in (None, "utc", "localtime"):
            continue
        if declared.says(*route) and declared.at(*partner) != words:
            found.append(Problem(declared.path(*route), "is only for %s: %s" % (".".join(partner), words), "declare that, or remove it"))
    if declared.says("numa", "mode") and declared.at("numa", "nodeset") is None and declared.at("numa", "placement") != "auto":
        found.append(Problem(declared.path("numa", "mode"), "says how memory is taken from nodes, and none are named",
                             "declare numa.nodeset"))
    return found


def _only_for(declared: Declared) -> List[Problem]:
    """Options that libvirt drops, as it says of the row: a port of a display that nobody connects to."""
    found = []
    for things, fields in _LIMITED:
        names = [""] if things.single else list(_value_at(declared.request.declared, things.route) or ())
        for name in names:
            route = things.route + ((name,) if name else ())
            for one in fields:
                option, *values = one.row.only
                there = declared.at(*route, option)
                if there is not None and there not in values and declared.says(*route, *one.route):
                    found.append(Problem(declared.path(*route, *one.route), "means nothing with %s %s" % (option, there),
                                         "remove it, or declare %s as one of %s" % (option, ", ".join(values))))
    return found


_LIMITED = [(things, [one for one in things.level.fields if one.row.only]) for things in table.DOMAIN.things
            if any(one.row.only for one in things.level.fields)]


def _storage_of_media(declared: Declared) -> List[Problem]:
    """What libvirt says of volumes and files, which the trial does not know: it looks at none."""
    found = []
    for name, disk in declared.items("disks"):
        if declared.says("disks", name, "transient") and disk.get("transient") and not disk.get("file"):
            found.append(Problem(declared.path("disks", name, "transient"), "only a disk that is a file can forget what was written to it",
                                 "declare its file in place of a volume, or remove transient"))
    for name, medium in declared.items("media"):
        if bool(medium.get("pool")) != bool(medium.get("volume")):
            missing = "volume" if medium.get("pool") else "pool"
            found.append(Problem(declared.path("media", name, missing), "is required beside the %s of a medium"
                                 % ("pool" if missing == "volume" else "volume"), "declare it"))
    return found


def _console(declared: Declared) -> List[Problem]:
    if declared.at("console") is False and declared.request.declared.get("serials"):
        where = "console" if declared.says("console") else "serials"
        return [Problem(declared.path(where), "the first of serials is the guest's console, and console is false",
                        "declare console: true, or no serials")]
    return []


def _xml(declared: Declared) -> List[Problem]:
    text = declared.request.declared.get("xml")
    if text is None:
        return []
    where = declared.path("xml")
    try:
        root = fragment.parse(text)
    except fragment.FragmentError as error:
        return [Problem(where, str(error), "correct it")]
    found = []
    for tag, value, option in (("name", declared.request.name, "name"), ("uuid", declared.at("uuid"), "uuid")):
        there = (root.findtext(tag) or "").strip()
        if there and value is not None and there != value:
            found.append(Problem(where, "is of another domain: its <%s> is %s" % (tag, there), "remove it there, or correct %s" % option))
    if any(node.get("passwd") for node in root.iter()):
        found.append(Problem(where, "holds a password", "use graphics[].password, which is treated as a secret"))
    return found


def overruled(request: Request, typed: Mapping[str, Any], merged: Mapping[str, Any], root: Element) -> List[Problem]:
    """Options that the user declares and whose value `xml` turns into another one: both cannot be meant.

    typed, merged: what a spec says of the document without the fragment, and with it. root: the latter document.
    """
    declared = Declared(request, {}, {})
    found = []
    for route, value in _said(request.declared, ()):
        here, there = _value_at(typed, route), _value_at(merged, route)
        if here == value and there != value and route[0] != "xml":
            text = _written(root, route) if there is None else None
            found.append(Problem(declared.path(*route), "is %s here, and xml makes it %s" % (
                _told(value), _told(there) if text is None else "%r, which this option has no value for" % text), "remove one of the two"))
    return found


def without_device(request: Request, typed: Element) -> List[Problem]:
    """Parts of `xml` about devices that the guest does not have, or no more: its spec once said them of a disk that is to go."""
    try:
        wanted = fragment.parse(request.declared["xml"])
    except fragment.FragmentError:
        return []
    return [Problem(join_path(request.where, "xml"), "adds to a device that the guest does not have: %s" % what,
                    "take that out of xml too, or declare the device, or give the part its type") for what in fragment.adds_to_nothing(typed, wanted)]


def _written(root: Element, route: Tuple[str, ...]) -> Optional[str]:
    """What stands in the document where an option of the domain, or of one of its devices, is kept; None where that is not one place."""
    things = table.THINGS.get(route[0] + "[]")
    element = root if things is None else things.find(root, route[1]) if len(route) > 1 else None
    one = table.FIELDS.get(".".join(route) if things is None else ".".join((route[0] + "[]",) + route[2:]))
    if element is None or one is None or one.shape is not None or one.secret or not one.row.place:
        return None
    return xmltree.get(element, one.row.place)


def _said(value: Mapping[str, Any], route: Tuple[str, ...]) -> Iterator[Tuple[Tuple[str, ...], Any]]:
    for name, part in value.items():
        if isinstance(part, Mapping):
            yield from _said(part, route + (str(name),))
        else:
            yield route + (str(name),), part


def _value_at(spec: Any, route: Tuple[str, ...]) -> Any:
    for part in route:
        spec = spec.get(part) if isinstance(spec, Mapping) else None
    return spec


def _told(value: Any) -> str:
    return "what it holds" if isinstance(value, Secret) else "nothing" if value is None else str(value)


# -- what this host can do -----------------------------------------------------------------------------------------------------------

def _values(capabilities: Element, place: str) -> Optional[Sequence[str]]:
    """The values that a capability lists; None where this libvirt says nothing about it."""
    group, name = place.split("/")
    node = capabilities.find("devices/" + group)
    if node is None:
        node = capabilities.find(group)
    if node is None:
        return None
    if node.get("supported") == "no":
        return ()
    values = node.find("enum[@name='%s']" % name)
    return None if values is None else [value.text or "" for value in values.findall("value")]


def _beyond_the_host(declared: Declared, capabilities: Element) -> List[Problem]:
    found: List[Problem] = []
    for pattern, one in table.FIELDS.items():
        if not one.row.capability or pattern == "os.firmware":
            continue
        values = _values(capabilities, one.row.capability)
        if values is not None:
            for place, value in _each(declared, pattern):
                if value not in values and value != "none":
                    found.append(Problem(place, "%s is not possible with this machine type and QEMU" % value,
                                         "use one of %s" % ", ".join(values) if values else "install what it needs, or leave it out"))
    return found + _missing_firmware(declared, capabilities) + _missing_model(declared, capabilities)


def _each(declared: Declared, pattern: str) -> Iterator[Tuple[str, Any]]:
    """Every value that the user declares for a pattern, with its path."""
    head, _list, rest = pattern.partition("[].")
    if not rest:
        route = pattern.split(".")
        if declared.says(*route):
            yield declared.path(*route), declared.at(*route)
        return
    for name, _item in declared.items(head):
        if declared.says(head, name, *rest.split(".")):
            yield declared.path(head, name, *rest.split(".")), declared.at(head, name, *rest.split("."))


def _missing_firmware(declared: Declared, capabilities: Element) -> List[Problem]:
    if not declared.says("os") or declared.at("os", "firmware") != "uefi" or declared.at("os", "loader"):
        return []
    firmware = capabilities.find("os/enum[@name='firmware']")
    if firmware is not None and "efi" not in [value.text for value in firmware.findall("value")]:
        return [Problem(declared.path("os", "firmware"), "no UEFI firmware for this machine type is installed on the host",
                        "install it (ovmf), or use bios")]
    secure = capabilities.find("os/loader/enum[@name='secure']")
    if declared.at("os", "secure_boot") and secure is not None and "yes" not in [value.text for value in secure.findall("value")]:
        return [Problem(declared.path("os", "secure_boot"), "no firmware with secure boot for this machine type is installed on the host",
                        "install it (ovmf), use machine q35, or leave it out")]
    return []


def _missing_model(declared: Declared, capabilities: Element) -> List[Problem]:
    model = declared.request.declared.get("cpus", {}).get("model")
    if model is None:
        return []
    modes = {mode.get("name"): mode.get("supported") for mode in capabilities.findall("cpu/mode")}
    if model in modes and model != "custom":
        return [] if modes[model] == "yes" else [Problem(declared.path("cpus", "model"), "%s is not possible for this guest" % model,
                                                         "use one of %s, or a named model" % ", ".join(str(name) for name,
                                                                                                       yes in modes.items() if yes == "yes"))]
    known = [node.text for node in capabilities.findall("cpu/mode[@name='custom']/model")]
    if not known or model in known:
        return []
    return [Problem(declared.path("cpus", "model"), "libvirt knows no CPU model %s here" % model, "virsh cpu-models lists them")]


def _devices_of_the_host(declared: Declared) -> List[Problem]:
    """A PCI device that is not there, or that the host itself works with."""
    found = []
    for name, item in declared.items("host_devices"):
        if not item.get("pci") or not declared.says("host_devices", name, "pci"):
            continue
        place, where = os.path.join(PCI_DEVICES, item["pci"]), declared.path("host_devices", name, "pci")
        if not os.path.isdir(place):
            found.append(Problem(where, "this host has no PCI device %s" % item["pci"], "lspci -D lists them"))
            continue
        driver = os.path.basename(os.path.realpath(os.path.join(place, "driver")))
        if os.path.isdir(os.path.join(place, "net")) or driver in ("ahci", "nvme", "virtio-pci", "xhci_hcd", "ehci-pci", "pcieport"):
            found += _in_use(where, item["pci"], place, driver)
    return found


def _in_use(where: str, address: str, place: str, driver: str) -> List[Problem]:
    """Whether the host would lose a disk or a link that it uses right now."""
    used = [name for name in (os.listdir(os.path.join(place, "net")) if os.path.isdir(os.path.join(place, "net")) else ())
            if _reads(os.path.join(place, "net", name, "operstate")) == "up"]
    if not used and driver not in ("ahci", "nvme", "virtio-pci", "pcieport"):
        return []
    return [Problem(where, "the host itself works with %s (driver %s%s)" % (address, driver,
                                                                            ", interface %s is up" % used[0] if used else ""),
                    "free it on the host first, or name another device")]


def _reads(place: str) -> str:
    try:
        with open(place, encoding="utf-8") as handle:
            return handle.read().strip()
    except OSError:
        return ""


_CHECKS: Tuple[Callable[[Declared], List[Problem]], ...] = (
    _topology, _numbers, _memory_limits, _title, _growth_of_memory, _numa, _boot, _limits, _shared_memory_for, _firmware, _needs_partner,
    _only_for, _storage_of_media, _console, _xml)
