# Copyright: (c) 2026, flotilla.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A fleet as a typed value: what every part of it hands to the next."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any, Dict, FrozenSet, List, Mapping, Optional, Sequence, Tuple

from ..errors import Problem, join_path
from ..schema import Option, Spec
from .grammar import ENTRY

Route = Tuple[str, ...]
_TOKEN = re.compile(r"([^.\[\]]+)|\[([^\]]*)\]")
ROOT_IMAGE: Route = ("disks", "root", "image")
_ROOT = Option("", kind="dict", options=ENTRY)


@dataclass(frozen=True)
class Layer:
    """One of the places that a guest's options come from.

    where: its path in the declaration, such as `defaults` or `guests[3]`. aliases: the paths of what was written in
    a short form, by route (`disk` for `("disks", "root")`). general: meant for all engines (the defaults), so that
    what one engine lacks is left out there instead of refused.
    """

    where: str
    spec: Spec
    aliases: Mapping[Route, str] = field(default_factory=dict)
    general: bool = False

    def holds(self, route: Route) -> int:
        """How many leading parts of a route this layer declares."""
        value: Any = self.spec
        for depth, part in enumerate(route):
            if not isinstance(value, Mapping) or part not in value:
                return depth
            value = value[part]
        return len(route)

    def path(self, route: Route) -> str:
        """The route as the user wrote it here: items by their position, short forms by their own name."""
        for length in range(len(route), 0, -1):
            alias = self.aliases.get(route[:length])
            if alias is not None:
                return join_path(self.where, alias, *route[length:])
        return join_path(self.where, _render(route, self.spec, self.aliases))


def _render(route: Route, spec: Any, aliases: Mapping[Route, str]) -> str:
    text, option, value = "", _ROOT, spec
    for depth, part in enumerate(route):
        if option.kind == "items":
            text += "[%s]" % _position(part, value, route[:depth], aliases)
            option = Option("", kind="dict", options=option.options)
        else:
            text = join_path(text, part)
            option = option.by_name.get(part, Option(part, "any"))
        value = value.get(part) if isinstance(value, Mapping) else None
    return text


def _position(name: str, items: Any, route: Route, aliases: Mapping[Route, str]) -> str:
    if not isinstance(items, Mapping) or name not in items:
        return name
    return str([item for item in items if route + (item,) not in aliases].index(name))


@dataclass(frozen=True)
class Guest:
    """One guest, its layers merged. `spec` is the guest's own grammar, without what is the fleet's.

    entry: the name in `guests` that it comes from; member: its number where that one has a `count`, else 0.
    after: names of guests, members spelled out. level: how many others come before it, one after the other.
    engine, engine_reason: empty until `resolve` has seen the host. refusal: why the host's state forbids it.
    """

    name: str
    entry: str
    where: str
    spec: Spec
    layers: Tuple[Layer, ...]
    wish: str = ""
    host: str = ""
    member: int = 0
    after: Tuple[str, ...] = ()
    level: int = 0
    spread: str = ""
    together: str = ""
    engine: str = ""
    engine_reason: str = ""
    refusal: str = ""

    @property
    def ends(self) -> bool:
        """Whether it is declared to go away."""
        return self.spec.get("state") in ("absent", "released")

    @property
    def was(self) -> str:
        """Its earlier name, where it is to be renamed unless there is one of its own name already."""
        return "" if self.ends else str(self.spec.get("was") or "")

    def written(self, route: Route) -> str:
        """The path under which the user wrote the value at this route: that of the highest layer that has it."""
        if route == ROOT_IMAGE:
            # Between layers, and so in each of them, it is kept under its short name.
            route = ("image",)
        best = next(layer for layer in self.layers if layer.where == self.where)
        depth = 0
        for layer in reversed(self.layers):
            held = layer.holds(route)
            if held > depth:
                best, depth = layer, held
        return best.path(route)

    def translate(self, problem: Problem) -> Problem:
        """A driver's problem, whose path counts items after merging, with the path that the user wrote."""
        if not problem.path.startswith(self.where):
            return problem
        rest = problem.path[len(self.where):].lstrip(".")
        if not rest:
            return problem
        return Problem(self.written(self.route(rest)), problem.problem, problem.remedy)

    def route(self, path: str) -> Route:
        """The route of a path within this guest: `disks[0].size` is `("disks", "data", "size")`."""
        route: List[str] = []
        value: Any = self.spec
        for word, inner in _TOKEN.findall(path):
            part = word or inner
            if inner.isdigit() and isinstance(value, Mapping) and inner not in value and int(inner) < len(value):
                part = list(value)[int(inner)]
            route.append(part)
            value = value.get(part) if isinstance(value, Mapping) else None
        return tuple(route)


@dataclass(frozen=True)
class Fleet:
    """A whole declaration, valid as far as that can be known without a host.

    guests: every declared guest by name, also those of other hosts. images, pools, networks: all of them, by name.
    drift: what `set` changed against the file. order of `guests`: as written.
    """

    name: str
    host: str = ""
    hosts: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    guests: Mapping[str, Guest] = field(default_factory=dict)
    images: Mapping[str, Spec] = field(default_factory=dict)
    pools: Mapping[str, Spec] = field(default_factory=dict)
    networks: Mapping[str, Spec] = field(default_factory=dict)
    elsewhere: FrozenSet[str] = frozenset()
    chosen: Optional[FrozenSet[str]] = None
    prune: bool = False
    removals: Optional[int] = None
    parallel: int = 0
    drift: Sequence[Mapping[str, Any]] = ()

    def declares(self, name: str) -> bool:
        """Whether a guest of this name is declared for any host."""
        return name in self.guests or name in self.elsewhere

    def is_here(self, guest: Guest) -> bool:
        """Whether a guest belongs to this host."""
        return not guest.host or not self.host or guest.host == self.host

    def here(self) -> List[Guest]:
        """The guests that this run is about: of this host, and chosen by `only`; in the order written."""
        return [guest for guest in self.guests.values()
                if self.is_here(guest) and (self.chosen is None or guest.name in self.chosen)]

    @property
    def asks_engine(self) -> bool:
        """Whether some guest of this run needs to know which engines the host has."""
        return any(guest.wish == "auto" for guest in self.here())

    def option(self, kind: str, name: str) -> Dict[str, Any]:
        """The declaration of a pool, network or image, empty where there is none."""
        found: Mapping[str, Mapping[str, Any]] = getattr(self, kind)
        return dict(found.get(name) or {})
