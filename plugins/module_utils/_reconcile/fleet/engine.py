# Copyright: (c) 2026, flotilla.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which engine runs a guest, and whether it can: the last step, since it needs to know the host."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any, List, Mapping, Optional, Sequence, Tuple

from ..errors import Problem, raise_if_any
from ..grammar import GUEST
from ..schema import DICTS, Spec, problems_of_engine
from .layers import did_you_mean, merge_layers
from .model import Fleet, Guest
from .networks import images_of

# Denser first: the order in which a guest that could run in any of them gets one.
CONTAINERS = ("virtuozzo", "openvz", "lxc", "podman")
# Which variants of an image an engine can start from, the best first.
VARIANTS: Mapping[str, Tuple[str, ...]] = {
    "kvm": ("disk",), "lxc": ("rootfs",), "podman": ("rootfs", "oci"), "openvz": ("template",),
    "virtuozzo": ("template",),
}


@dataclass(frozen=True)
class Present:
    """A guest that is on the host already: its engine, and the fleet that its annotation names ("": none)."""

    engine: str
    fleet: str = ""


@dataclass(frozen=True)
class HostFacts:
    """What the decision needs of a host: `engines` as `host_info` returns them, and the guests that are there."""

    engines: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    guests: Mapping[str, Sequence[Present]] = field(default_factory=dict)

    def own(self, name: str, fleet: str) -> Optional[Present]:
        """The guest of this name that belongs to this fleet."""
        return next((guest for guest in self.guests.get(name, ()) if guest.fleet == fleet), None)

    def name_of(self, guest: Guest) -> str:
        """The name under which a guest is there, or would be: its earlier one where it is still to be renamed."""
        return guest.was if guest.was in self.guests and guest.name not in self.guests else guest.name

    def has(self, name: str, engine: str) -> bool:
        """Whether this engine has a guest of this name, whoever made it."""
        return any(guest.engine == engine for guest in self.guests.get(name, ()))


def resolve(fleet: Fleet, facts: HostFacts, chosen: Optional[Sequence[Guest]] = None) -> List[Guest]:
    """The guests of this run (or those chosen) with their engine decided and checked, in the order written.

    Raises DeclarationError for what no engine or not this one can do, and for images without the variant needed.
    """
    problems: List[Problem] = []
    moving = {facts.name_of(guest): guest.name for guest in fleet.guests.values()
              if guest.was and fleet.is_here(guest) and facts.name_of(guest) != guest.name}
    guests = [_resolve_one(fleet, guest, facts, problems, moving) for guest in (fleet.here() if chosen is None else chosen)]
    raise_if_any(problems)
    return guests


def _resolve_one(fleet: Fleet, guest: Guest, facts: HostFacts, problems: List[Problem], moving: Mapping[str, str]) -> Guest:
    there = facts.name_of(guest)
    own = facts.own(there, fleet.name)
    contested = _contested(fleet, guest, there, moving)
    if contested:
        return replace(guest, engine=own.engine if own is not None else guest.wish or "kvm", refusal=contested)
    if own is not None and guest.wish and guest.wish not in ("auto", own.engine):
        text = "%s: guest %s is there under engine %s, and engine %s is declared. The engine of a guest never changes; " \
               "declare engine: %s, or give the new guest another name" % (
                   guest.where, there, own.engine, guest.wish, own.engine)
        return replace(guest, engine=own.engine, refusal=text)
    engine, reason = _decide(fleet, guest, own, facts)
    spec = _for_engine(guest, engine)
    if guest.ends:
        return replace(guest, engine=engine, engine_reason=reason, spec=spec)
    ready = replace(guest, engine=engine, engine_reason=reason, spec=spec)
    found = [ready.translate(problem) for problem in _engine_problems(ready)]
    if not facts.has(there, engine):
        found.extend(_image_problems(fleet, ready))
        if fleet.hosts.get(fleet.host, {}).get("maintenance"):
            found.append(Problem(guest.where, "guest %s would be made on host %s, which is in maintenance"
                                 % (guest.name, fleet.host), "declare another host, or end the maintenance"))
    problems.extend(found)
    return ready


def _contested(fleet: Fleet, guest: Guest, there: str, moving: Mapping[str, str]) -> str:
    """Why this guest is not touched: another one is to get its name, or has the name that this one is to leave.

    there: the name under which it is there now. moving: new names of the guests to be renamed here, by their present ones.
    """
    old, new = (there, guest.name) if there != guest.name and fleet.declares(there) else (guest.name, moving.get(guest.name, ""))
    if not new:
        return ""
    return "%s: the guest %s that is there is to be renamed to %s (was), and a guest %s is declared too. Rename it in a run of its own, " \
           "and declare the other afterwards" % (guest.where, old, new, old)


def _decide(fleet: Fleet, guest: Guest, own: Optional[Present], facts: HostFacts) -> Tuple[str, str]:
    if own is not None:
        return own.engine, "" if guest.wish == own.engine else "decided when it was made"
    if guest.wish and guest.wish != "auto":
        return guest.wish, ""
    if not guest.wish:
        return "kvm", "the default"
    if guest.ends:
        present = facts.guests.get(guest.name, ())
        return (present[0].engine if present else "kvm"), "it is there" if present else "nothing is there"
    return choose(fleet.images, guest, facts)


def choose(images: Mapping[str, Spec], guest: Guest, facts: HostFacts) -> Tuple[str, str]:
    """The decision of `engine: auto`, with its reason."""
    family = (guest.spec.get("os") or {}).get("family")
    machine = guest.spec.get("vmtype") == "vm"
    if family not in (None, "linux") and not machine:
        return "kvm", "only kvm can run %s" % family
    lacks = {name: problems_of_engine(GUEST, _for_engine(guest, name), name, "") for name in CONTAINERS}
    only_kvm = [problem for problem in lacks["lxc"] if "kvm" in problem.remedy]
    if only_kvm and all(lacks.values()):
        return "kvm", "only kvm has %s" % only_kvm[0].path
    usable = [name for name in CONTAINERS if (facts.engines.get(name) or {}).get("usable")]
    # One that lacks an option is taken only where none has them all: the error then names option and engine.
    usable = [name for name in usable if not lacks[name]] or usable
    if not usable:
        return "kvm", "this host has no usable container engine"
    for engine in usable:
        if not guest.spec.get("image") or _has_variant(images, guest.spec["image"], engine):
            return engine, "a virtual machine of Virtuozzo, by its vmtype" if machine else (
                "a Linux guest without own kernel or hardware, and this host has %s" % engine)
    return "kvm", "image %s has no variant for %s" % (guest.spec.get("image"), " or ".join(usable))


def _for_engine(guest: Guest, engine: str) -> Spec:
    """The declaration as this engine takes it: the image in its place, and the defaults only as far as they apply."""
    spec = guest.spec
    if engine != "kvm":
        spec = _without_foreign_defaults(guest, spec, engine)
    if engine == "kvm" and spec.get("image"):
        spec = dict(spec)
        image = spec.pop("image")
        disks = dict(spec.get("disks") or {})
        root = {**disks.pop("root", {"name": "root"}), "image": image}
        spec["disks"] = {"root": root, **disks}
    return spec


def _without_foreign_defaults(guest: Guest, spec: Spec, engine: str) -> Spec:
    """Defaults are for all engines: what one of them lacks is left out, unless profile or guest say it too."""
    system = spec.get("os") or {}
    if system.get("family") == "linux" and len(system) == 1:
        spec = {name: value for name, value in spec.items() if name != "os"}
    general = [layer for layer in guest.layers if layer.general]
    foreign = {name for layer in general for name in layer.spec
               if problems_of_engine(GUEST, {name: layer.spec[name]}, engine, "")}
    if not foreign:
        return spec
    own = merge_layers(layer for layer in guest.layers if not layer.general)
    spec = dict(spec)
    for name in foreign:
        kept = _allowed(GUEST, {name: spec[name]}, own, engine)
        if name in kept:
            spec[name] = kept[name]
        else:
            spec.pop(name, None)
    return spec


def _allowed(options: Sequence[Any], spec: Mapping[str, Any], own: Mapping[str, Any], engine: str) -> Spec:
    """The part of a declaration that the engine has, or that a layer above the defaults names itself."""
    kept: Spec = {}
    for option in options:
        value, mine = spec.get(option.name), own.get(option.name)
        if value is None:
            continue
        if option.engines and engine not in option.engines:
            if mine is not None:
                kept[option.name] = value
        elif option.kind in DICTS:
            inner = _allowed(option.options, value, mine or {}, engine)
            if inner or mine is not None:
                kept[option.name] = inner
        elif option.kind == "items":
            kept[option.name] = {name: _allowed(option.options, item, (mine or {}).get(name) or {}, engine)
                                 for name, item in value.items()}
        else:
            kept[option.name] = value
    return kept


def _engine_problems(guest: Guest) -> List[Problem]:
    family = (guest.spec.get("os") or {}).get("family")
    if guest.engine != "kvm" and family not in (None, "linux") and guest.spec.get("vmtype") != "vm":
        return [Problem(guest.where + ".os.family", "%s cannot run in a container, and engine is %s%s" % (
            family, guest.engine, " (%s)" % guest.engine_reason if guest.engine_reason else ""),
            "use engine kvm or auto")]
    return problems_of_engine(GUEST, guest.spec, guest.engine, guest.where)


def _image_problems(fleet: Fleet, guest: Guest) -> List[Problem]:
    """Images that are not declared, or not in a variant that the engine starts from; only where the guest is made."""
    found: List[Problem] = []
    for route, name in images_of(guest).items():
        image = fleet.images.get(name)
        path = guest.written(route)
        if _is_reference(name, guest.engine):
            continue
        if image is None:
            found.append(Problem(path, "there is no image %s" % name, did_you_mean(
                name, fleet.images, "declare it in images")))
        elif not _variant(image, guest.engine):
            wanted = VARIANTS[guest.engine]
            found.append(Problem(path, "image %s has no variant for engine %s" % (name, guest.engine),
                                 "declare %s in images[%d]" % (" or ".join(wanted), list(fleet.images).index(name))))
    return found


def _is_reference(name: str, engine: str) -> bool:
    """Whether an image is named as its registry names it, which podman takes without a declaration of the image."""
    return engine == "podman" and "/" in name


def _has_variant(images: Mapping[str, Spec], name: str, engine: str) -> bool:
    return _is_reference(name, engine) or bool(_variant(images.get(name) or {}, engine))


def _variant(image: Mapping[str, Any], engine: str) -> str:
    return next((name for name in VARIANTS[engine] if image.get(name)), "")
