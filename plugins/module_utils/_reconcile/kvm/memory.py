# Copyright: (c) 2026, flotilla.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Memory: how much, how it grows, what backs it, and on which host nodes."""

from __future__ import annotations

from typing import Any, Mapping

from ..plan import Rule
from ..rows import KVM, Thing, kvm, later, live
from ..schema import Option, Spec

# How a growing guest gets its memory: by the balloon, by DIMMs that are plugged in, or by a virtio-mem device.
METHODS = ("balloon", "dimm", "virtio-mem")
# The guest's own unit of memory that can be plugged: Linux on x86 adds and removes memory in blocks of 128 MiB.
DIMM_BLOCK = 128 << 20


def above_ceiling(size: Any, running: Mapping[str, Any]) -> str:
    """Why the running guest cannot have this much memory."""
    memory = running.get("memory", {})
    if size > memory.get("maximum", 0):
        return "above memory.maximum of the running guest, which is fixed when it starts"
    return ""


def size_of(spec: Spec) -> Any:
    """What the ceiling is when nobody declares one."""
    return spec.get("memory", {}).get("size")


def no_strict(_nodes: Any, running: Mapping[str, Any]) -> str:
    """virDomainSetNumaParameters moves memory only where the mode is not strict."""
    return "the nodes of mode strict are fixed when the guest starts" if running.get("numa", {}).get("mode", "strict") == "strict" else ""


def for_hot_plug(_cell: Mapping[str, Any], stored: Mapping[str, Any]) -> bool:
    """Memory that can be plugged needs a cell (virDomainDefValidateMemoryHotplug)."""
    return stored.get("memory", {}).get("method") in ("dimm", "virtio-mem") and len(stored.get("numa", {}).get("cells", ())) == 1


BALLOON = kvm("balloon", "one", Thing("devices/memballoon", rule=Rule(live=False, reason="the balloon is fixed when the guest starts")),
              "The balloon device, by which O(memory.size) changes while the guest runs.", short="model", take_back="keep", options=(
    kvm("model", "str", later("@model"), "V(virtio) (at creation), or V(none) for a guest without one.", required=True,
        choices=("virtio", "virtio-transitional", "virtio-non-transitional", "xen", "none"), take_back="keep"),
    kvm("autodeflate", "bool", later("@autodeflate", "onoff told", default=False), "Give memory back to a guest that runs out of it."),
    kvm("free_page_reporting", "bool", later("@freePageReporting", "onoff told", default=False),
        "Let the guest report memory that it does not use."),
    kvm("stats_period", "int", live("stats/@period", "set_balloon_period", "int", default=0),
        "Seconds between two reports of the guest's memory statistics; 0 for none."),
))

MEMORY = Option("memory", "dict", short="size", example="2GiB", doc=(
    "Memory. A bare size such as V(2GiB) is short for V(size).",), options=(
    Option("size", "size", take_back="keep", example="2GiB", row=live(
        "currentMemory", "set_memory", "memory_size", cooperative=True, guests_own=True, unless=above_ceiling), doc=(
        "Memory that the guest has now, with a binary unit (V(MiB), V(GiB)). Changed on the running guest, up to"
        " O(memory.maximum).",)),
    Option("maximum", "size", engines=KVM, example="4GiB", row=later(
        "memory", "memory_maximum", "the memory ceiling is fixed when the guest starts", default=size_of), doc=(
        "Ceiling up to which O(memory.size) can grow while the guest runs, with a binary unit; fixed when the guest"
        " starts. Taking it back makes it equal to the size.",)),
    kvm("method", "str", later("", "memory_method", "the way in which memory grows is fixed when the guest starts"),
        "How memory grows up to O(memory.maximum) on the running guest.",
        "V(balloon) (at creation): the guest boots with the whole maximum and gives back what is above the size; costs page"
        " tables for the maximum, needs the guest's balloon driver.",
        "V(dimm): the guest boots with the size, and growth plugs in DIMMs of the difference, a multiple of 128 MiB; a DIMM"
        " leaves only when the guest has freed all of it. Costs a slot for each growth.",
        "V(virtio-mem): the guest boots with the size, and one virtio-mem device of the rest gives and takes blocks of 2 MiB;"
        " needs Linux 5.8 or later in the guest.",
        choices=METHODS, take_back="keep"),
    kvm("slots", "int", later("maxMemory/@slots", "memory_slots", "memory slots are fixed when the guest starts"),
        "DIMMs that can be plugged in with O(memory.method=dimm). 16 at creation.", minimum=1, take_back="keep"),
    kvm("huge_pages", "huge_pages", later("memoryBacking/hugepages", "huge_pages", "huge pages are fixed when the guest starts",
        default=False),
        "Back the memory with huge pages: V(true) for the host's default size, or a size such as V(2MiB) or V(1GiB)."),
    kvm("locked", "bool", later("memoryBacking/locked", "presence", default=False), "Keep the memory from being swapped out by the host."),
    kvm("ksm", "bool", later("memoryBacking/nosharepages", "absence", default=True),
        "Let the host merge equal pages of this guest with those of others (kernel samepage merging)."),
    kvm("source", "str", later("memoryBacking/source/@type"), "What backs the memory. V(memfd) or V(file) for virtiofs and vhost-user.",
        choices=("file", "anonymous", "memfd")),
    kvm("access", "str", later("memoryBacking/access/@mode"), "Whether other processes may map it. V(shared) for virtiofs and vhost-user.",
        choices=("shared", "private")),
    kvm("allocation", "str", later("memoryBacking/allocation/@mode"), "Whether the memory is taken from the host at start.",
        choices=("immediate", "ondemand")),
    kvm("discard", "bool", later("memoryBacking/discard", "presence", default=False),
        "Free what backs the memory when the guest ends, without writing it out."),
    kvm("hard_limit", "size", live("memtune/hard_limit", "set_memory_limits", "kib"),
        "Most host memory that the guest's QEMU may use altogether. Too low a value kills the guest."),
    kvm("soft_limit", "size", live("memtune/soft_limit", "set_memory_limits", "kib"),
        "Host memory that it is held to when the host is short of memory."),
    kvm("swap_hard_limit", "size", live("memtune/swap_hard_limit", "set_memory_limits", "kib"), "Most host memory and swap together."),
    BALLOON,
))

CELLS = kvm("cells", "items", Thing("cpu/numa/cell", names=("@id",), rule=Rule(live=False,
                                                                               reason="NUMA cells are fixed when the guest starts", inherent=for_hot_plug)),
            "NUMA cells that the guest sees. Their memory together is what the guest boots with.", key="id", take_back="delete", options=(
    kvm("id", "str", later("@id"), "Number from 0.", required=True),
    kvm("cpus", "cpuset", later("@cpus", "cpuset"), "CPUs of the cell, such as V(0-3).", required=True, example="0-3"),
    kvm("memory", "size", later("@memory", "kib_attribute"), "Memory of the cell.", required=True),
    kvm("access", "str", later("@memAccess"), "Whether other processes may map it.", choices=("shared", "private")),
    kvm("discard", "bool", later("@discard", "yesno"), "Free what backs it when the guest ends."),
    kvm("distances", "int_map", later("distances", "int_pairs sibling @id @value"), "Distance to other cells by their number, 10 to 255.",
        example={"1": 20}),
))

NUMA = kvm("numa", "dict", None, "NUMA: what the guest sees, and which nodes of the host its memory comes from.", options=(
    CELLS,
    kvm("mode", "str", later("numatune/memory/@mode", reason="the NUMA mode is fixed when the guest starts", default="strict"),
        "How O(numa.nodeset) is meant. V(strict) when only that is declared.",
        choices=("strict", "preferred", "interleave", "restrictive")),
    kvm("nodeset", "cpuset", live("numatune/memory/@nodeset", "set_numa_nodes", "cpuset", unless=no_strict),
        "Nodes of the host that the memory comes from.", example="0"),
    kvm("placement", "str", later("numatune/memory/@placement", default="static"), "V(auto) lets numad choose the nodes at each start.",
        choices=("static", "auto")),
))
