# Copyright: (c) 2026, flotilla.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""`set`: values by path over the declaration, typed by the same grammar, and reported as drift from it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, Dict, Iterable, List, Mapping, Optional, Tuple

from .. import schema
from ..errors import Problem
from ..schema import DICTS, Option, Spec
from .grammar import GUEST_LAYER
from .layers import did_you_mean
from .model import Layer, Route

_PART = re.compile(r"\.?([^.\[\]]+)|\[([^\]]+)\]")
_ROOT = Option("", kind="dict", options=GUEST_LAYER)
# These decide which guests there are, so they cannot differ between the members of one entry.
OF_ENTRY = ("name", "count", "profile", "host", "after", "engine", "spread", "together")


@dataclass(frozen=True)
class Override:
    """One value of `set`: for a whole entry of `guests` (member 0) or for one of its members."""

    path: str
    entry: str
    member: int
    route: Route
    option: Option
    value: Any

    @property
    def where(self) -> str:
        """Its path for errors."""
        return "set[%s]" % self.path

    def layer(self) -> Layer:
        """The value as a layer of its own, over all others."""
        spec: Any = self.value
        option, keys = _ROOT, []
        for part in self.route:
            keys.append((part, option.kind == "items"))
            option = _below(option, part) or option
        for part, is_item in reversed(keys):
            spec = {part: spec}
            if is_item and isinstance(spec[part], dict):
                spec[part].setdefault("name", part)
        return Layer(self.where, spec, {self.route[:depth]: "" for depth in range(1, len(self.route) + 1)})


def read_overrides(raw: Optional[Mapping[str, Any]], entries: Iterable[str], problems: List[Problem]) -> List[Override]:
    """Reads `set` against the names in `guests`."""
    names = sorted(entries, key=len, reverse=True)
    found = []
    for path, value in (raw or {}).items():
        override = _read_one(str(path), value, names, problems) if value is not None else None
        if override is not None:
            found.append(override)
    return found


def _read_one(path: str, value: Any, names: List[str], problems: List[Problem]) -> Optional[Override]:
    where = "set[%s]" % path
    target = _target(path, names)
    if target is None:
        name = path.split(".")[0]
        problems.append(Problem(where, "%r is no guest of this fleet" % name, did_you_mean(
            name, names, "write the guest's name and the option's path, such as db1.memory.size")))
        return None
    entry, member, rest = target
    located = _locate(rest, where, problems)
    if located is None:
        return None
    route, option = located
    if member and route[0] in OF_ENTRY:
        problems.append(Problem(where, "%s cannot differ between the members of %s" % (route[0], entry),
                                "set %s.%s instead" % (entry, route[0])))
        return None
    before = len(problems)
    parsed = schema.parse_value(option, value, where, problems)
    if len(problems) > before or parsed is None:
        return None
    return Override(path, entry, member, route, option, parsed)


def _target(path: str, names: List[str]) -> Optional[Tuple[str, int, str]]:
    """The entry, the member's number (0 for all) and the rest of a path; names may hold dots, the longest one wins."""
    for name in names:
        if path.startswith(name + "."):
            return name, 0, path[len(name) + 1:]
        match = re.match(re.escape(name) + r"-([1-9]\d*)\.", path)
        if match:
            return name, int(match.group(1)), path[match.end():]
    return None


def _locate(rest: str, where: str, problems: List[Problem]) -> Optional[Tuple[Route, Option]]:
    route: List[str] = []
    option = _ROOT
    for word, inner in _PART.findall(rest):
        part = word or inner
        below = _below(option, part)
        if below is None:
            known = option.by_name if option.kind in DICTS else {}
            problems.append(Problem(where, "%s is not an option" % ".".join(route + [part]),
                                    did_you_mean(part, known, "known here: %s" % (", ".join(sorted(known)) or "nothing"))))
            return None
        route.append(part)
        option = below
    route, option = _long_form(route, option)
    if not route or option.kind in ("items",):
        problems.append(Problem(where, "names no single option", "write the path of one, such as db1.disks[data].size"))
        return None
    return tuple(route), option


def _long_form(route: List[str], option: Option) -> Tuple[List[str], Option]:
    """`disk` is the disk named root, and the root disk's image is `image`, as in every layer."""
    if route[:1] == ["disk"]:
        route = ["disks", "root"] + route[1:]
        if route == ["disks", "root"]:
            option = Option("disk", "dict", options=option.options, short="size")
    if route == ["disks", "root", "image"]:
        route = ["image"]
    return route, option


def _below(option: Option, part: str) -> Optional[Option]:
    if option.kind == "items":
        return Option(part, "dict", options=option.options, short=option.short)
    if option.kind in DICTS:
        return option.by_name.get(part)
    if option.kind == "tags":
        return Option(part, "str")
    return None


def drift(overrides: Iterable[Override], below: Mapping[Tuple[str, int], Spec]) -> List[Dict[str, Any]]:
    """What `set` says differently from the file: path, the declared value, and the one set; secrets are masked."""
    entries = []
    for override in overrides:
        value: Any = below.get((override.entry, override.member), {})
        for part in override.route:
            value = value.get(part) if isinstance(value, dict) else None
        if value != override.value:
            entries.append({"path": override.path, "declared": schema.show(override.option, value),
                            "set": schema.show(override.option, override.value)})
    return entries
