# Copyright: (c) 2026, flotilla.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The grammar of a fleet: what stands around the guests, and what a guest has only as part of a fleet."""

from __future__ import annotations

from dataclasses import replace
from typing import Tuple

from .. import grammar_containers as containers
from ..grammar import ENGINES, GUEST, IMAGE, NETWORK, POOL
from ..merge import relaxed
from ..schema import Option

NAME = Option("name", "name", doc=("Name of the guest on its host.",))
ENGINE = Option("engine", "str", choices=ENGINES + ("auto",), take_back="keep", doc=(
    "Engine that runs the guest. V(kvm) when nothing is declared. V(auto) decides once, at creation, and the result"
    " says why: another operating system than Linux, or an option that only V(kvm) has, needs V(kvm); any other guest"
    " goes into the first usable container engine of the host (V(virtuozzo), V(openvz), V(lxc), V(podman), in that"
    " order) for which its image has a variant.",))
COUNT = Option("count", "int", control=True, doc=(
    "Number of equal guests, named C(NAME-1), C(NAME-2) and so on. A lower count leaves the surplus reported as"
    " V(orphaned) until it is pruned.",))
PROFILE = Option("profile", "name", control=True, doc=("Profile below this guest's own options.",))
AFTER = Option("after", "list", item="name", control=True, doc=(
    "Guests that are started before this one and stopped after it. The name of a guest with O(count) means all its"
    " members.",))
HOST = Option("host", "name", control=True, doc=(
    "Inventory host that the guest is on. On all others it is left out, and stays declared.",))
SPREAD = Option("spread", "name", control=True, doc=("Guests with the same word must be on different hosts.",))
TOGETHER = Option("together", "name", control=True, doc=("Guests with the same word must be on the same host.",))

# What is the fleet's and not the guest's: taken off before a driver sees the declaration.
FLEET_ONLY: Tuple[Option, ...] = (NAME, ENGINE, COUNT, PROFILE, AFTER, HOST, SPREAD, TOGETHER)

_DISKS = next(option for option in GUEST if option.name == "disks")
# The short form of the disk named root, on every engine.
DISK = replace(_DISKS, name="disk", kind="dict", short="size", required=False, doc=(
    "Short for the disk named C(root). A bare size such as V(20GiB) is its size.",),
    options=tuple(option for option in relaxed(_DISKS.options) if option.name != "name"))

ENTRY: Tuple[Option, ...] = FLEET_ONLY + (DISK,) + GUEST
_NOT_SHARED = ("name", "profile")

# A layer need not say everything; `merge.missing` asks the strict grammar about all layers together.
GUEST_LAYER = relaxed(ENTRY)
SHARED_LAYER = tuple(option for option in GUEST_LAYER if option.name not in _NOT_SHARED)

_HOSTS = Option("hosts", "list", item="name", control=True, doc=(
    "Inventory hosts that have it. Without it every host of the fleet has it; a network of the modes V(nat), V(route)"
    " and V(isolated), which lives on one host only, those whose guests use it.",))


def _named(name: str, doc: str, options: Tuple[Option, ...], own: Tuple[Option, ...] = ()) -> Option:
    head = Option("name", "name", required=True, doc=("Its name.",))
    return Option(name, "items", doc=(doc,), options=(head,) + own + options)


IMAGES = _named("images", "Images, with a variant for each family of engines.", IMAGE + containers.IMAGE)
POOLS = _named("pools", "Storage pools.", POOL, (_HOSTS,))
NETWORKS = _named("networks", "Networks.", NETWORK, (_HOSTS,))
LIMITS = Option("limits", "dict", doc=("What a plan may not exceed; it is stopped whole, before its first step.",),
                options=(Option("removals", "int", doc=(
                    "Most guests and other resources that one run may remove or make anew.",)),))

# What says which resources there are; the rest of the module's options says how to run.
DECLARING = ("hosts", "images", "pools", "networks", "limits", "defaults", "profiles", "guests")

FLEET: Tuple[Option, ...] = (
    Option("name", "name", required=True, doc=("Name of the fleet; it labels every guest.",)),
    Option("host", "name", doc=("This host's name in the inventory.",)),
    Option("hosts", "any", doc=(
        "All inventory hosts of this fleet: a list of names, or a dictionary such as"
        " C({kvm1: {}, kvm2: {maintenance: true}}). A host in maintenance takes no new guests.",
        "With more than one host a guest that names none is an error.")),
    Option("elsewhere", "list", item="name", doc=("Names of guests that are declared for other hosts.",)),
    IMAGES, POOLS, NETWORKS, LIMITS,
    Option("defaults", "any", doc=(
        "Options under every guest: those of O(guests), less C(name) and C(profile). What the engine of a guest lacks is"
        " left out there.",
        "Dictionaries merge by key and lists of named items by name; any other list is replaced. Short forms merge as"
        " what they stand for.")),
    Option("profiles", "any", doc=(
        "Options under the guests that name the profile and over O(defaults). A dictionary by name, each with options"
        " of O(guests), less C(name) and C(profile).",)),
    Option("guests", "any", doc=("The guests of the whole fleet, also those of other hosts.",)),
    Option("only", "list", doc=("Plan just these guests and the pools, networks and images that they need.",)),
    Option("set", "map", doc=("Values by path over what is declared.",)),
    Option("prune", "bool", doc=("Remove guests that this fleet made and no longer declares.",)),
    Option("parallel", "int", minimum=1, doc=("Most guests at work at a time.",)),
)
