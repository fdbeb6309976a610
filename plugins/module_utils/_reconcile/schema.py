# Copyright: (c) 2026, flotilla.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Options as data, and the parser from what a user wrote to a typed declaration.

One tree of `Option` gives the types, the unknown-key errors, the comparison, the rendering and the documentation.
A parsed declaration is a plain nested dictionary: sizes are ints in bytes, secrets are `Secret`, and a list of
named items is a dictionary by name in the order written. Null and absent mean undeclared: the key is not there.
"""

from __future__ import annotations

import difflib
from dataclasses import dataclass, field
from typing import Any, Callable, Dict, List, Mapping, Optional, Sequence, Tuple

from . import kinds
from .errors import Problem, join_path
from .secrets import HIDDEN, KEEP, Secret, Seal
from .units import format_size

Spec = Dict[str, Any]
SECRETS = ("secret", "secret_any")
# Kinds that hold a dictionary of options.
DICTS = ("dict", "one")
# The only name in a list of items that is declared to be empty.
NONE = "none"


@dataclass(frozen=True)
class Option:
    """One option of the grammar.

    kind: a scalar kind of `kinds.PARSERS`, or `dict` (with `options`), `one` (a dictionary that stands for one thing,
        which is there or not), `items` (a list of dictionaries merged by `key`), `list` (of the scalar kind `item`).
    short: the sub-option that a scalar written in place of the dictionary stands for (`cpus: 2`).
    take_back: what happens when an earlier run declared it and this one does not: `delete`, `default`, `keep`.
    control: steers the run and is not a property of the resource, so it is never compared.
    once: holds for one run only, so it is neither remembered nor part of a `spec`.
    engines: the engines that have it; empty means all.
    none: of `items`: a bare `none` in place of the list means that there shall be none at all.
    row: how a driver finds and changes it (`rows.Row` for domains); the parser never looks at it.
    """

    name: str
    kind: str = "str"
    doc: Tuple[str, ...] = ()
    choices: Tuple[str, ...] = ()
    minimum: Optional[int] = None
    maximum: Optional[int] = None
    options: Tuple["Option", ...] = ()
    item: str = "str"
    key: str = "name"
    key_from: Tuple[str, ...] = ()
    short: str = ""
    required: bool = False
    take_back: str = "default"
    control: bool = False
    once: bool = False
    engines: Tuple[str, ...] = ()
    example: Any = None
    none: bool = False
    row: Any = field(default=None, compare=False, repr=False)
    by_name: Mapping[str, "Option"] = field(default_factory=dict, compare=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "by_name", {option.name: option for option in self.options})


class Grammar:
    """A level of options by name, with their order: what is declared is little against what could be."""

    __slots__ = ("options", "by_name", "order", "required")

    def __init__(self, options: Sequence[Option]) -> None:
        # Kept, so that no other level can come to have this one's identity.
        self.options = options
        self.by_name = {option.name: option for option in options}
        self.order = {option.name: number for number, option in enumerate(options)}
        self.required = tuple(option for option in options if option.required)

    def among(self, *specs: Mapping[str, Any]) -> List[Option]:
        """The options that any of these specs names, in the order of the grammar."""
        names = set(specs[0]).union(*specs[1:])
        by_name = self.by_name
        return [by_name[name] for name in sorted(names & self.order.keys(), key=self.order.__getitem__)]


_GRAMMARS: Dict[int, Grammar] = {}


def grammar_of(options: Sequence[Option]) -> Grammar:
    """The level of these options, made once. 1,000 guests of some forty options spent half of their plan on looking for the others."""
    known = _GRAMMARS.get(id(options))
    if known is None or known.options is not options:
        known = _GRAMMARS[id(options)] = Grammar(options)
    return known


def parse(options: Sequence[Option], raw: Any, path: str, problems: List[Problem]) -> Spec:
    """Parses a dictionary against `options`; appends to `problems` whatever is wrong, each with its path."""
    return _parse_dict(Option("", kind="dict", options=tuple(options)), raw, path, problems)


def _parse_dict(option: Option, raw: Any, path: str, problems: List[Problem]) -> Spec:
    if not isinstance(raw, Mapping):
        if option.short and not isinstance(raw, (list, tuple)):
            raw = {option.short: raw}
        else:
            problems.append(Problem(path, "must be a dictionary, not %s" % kinds.describe(raw),
                                    "write its options as key: value"))
            return {}
    spec: Spec = {}
    for name, value in raw.items():
        known = option.by_name.get(name)
        if known is None:
            problems.append(_unknown(option, str(name), path))
        elif value is not None:
            spec[str(name)] = parse_value(known, value, join_path(path, str(name)), problems)
    for known in grammar_of(option.options).required:
        if raw.get(known.name) is None:
            problems.append(Problem(join_path(path, known.name), "is required", "declare it"))
    return {name: value for name, value in spec.items() if value is not None}


def _unknown(option: Option, name: str, path: str) -> Problem:
    close = difflib.get_close_matches(name, option.by_name, n=1)
    known = "did you mean %s?" % close[0] if close else "known here: %s" % ", ".join(sorted(option.by_name))
    return Problem(join_path(path, name), "is not an option", known)


def parse_value(option: Option, raw: Any, path: str, problems: List[Problem]) -> Any:
    """Parses one value; returns None (undeclared) where it is wrong, with the reason in `problems`."""
    if option.kind in DICTS:
        return _parse_dict(option, raw, path, problems)
    if option.kind == "items":
        return _parse_items(option, raw, path, problems)
    if option.kind == "list":
        return _parse_list(option, raw, path, problems)
    try:
        value = kinds.PARSERS[option.kind](raw)
    except ValueError as error:
        problems.append(Problem(path, str(error)))
        return None
    if option.choices and value not in option.choices:
        close = difflib.get_close_matches(str(value), option.choices, n=1)
        hint = "did you mean %s?" % close[0] if close else "choose one of %s" % ", ".join(option.choices)
        problems.append(Problem(path, "%r is not possible" % (value,), hint))
        return None
    if option.minimum is not None and value < option.minimum:
        problems.append(Problem(path, "%s is below %s" % (value, option.minimum)))
        return None
    if option.maximum is not None and value > option.maximum:
        problems.append(Problem(path, "%s is above %s" % (value, option.maximum)))
        return None
    return value


def _parse_list(option: Option, raw: Any, path: str, problems: List[Problem]) -> Any:
    if not isinstance(raw, (list, tuple)):
        raw = [raw]
    inner = Option("", kind=option.item, choices=option.choices)
    values = [parse_value(inner, value, "%s[%d]" % (path, index), problems) for index, value in enumerate(raw)]
    return [value for value in values if value is not None]


def _parse_items(option: Option, raw: Any, path: str, problems: List[Problem]) -> Any:
    if option.none and raw in (NONE, [NONE]):
        return {NONE: {option.key: NONE}}
    if option.short and isinstance(raw, str):
        raw = [raw]
    if not isinstance(raw, (list, tuple)):
        problems.append(Problem(path, "must be a list, not %s" % kinds.describe(raw), "start each item with a dash"))
        return None
    items: Dict[str, Spec] = {}
    for index, value in enumerate(raw):
        place = "%s[%d]" % (path, index)
        before = len(problems)
        item = _parse_dict(option, value, place, problems)
        if option.key not in item:
            item[option.key] = next((str(item[name]) for name in option.key_from if name in item), None)
        name = item[option.key]
        if name is None:
            if len(problems) == before:
                problems.append(Problem(join_path(place, option.key), "is required", "give each item its own name"))
        elif name in items:
            problems.append(Problem(place, "%r is there twice" % name,
                                    "give each item its own %s" % option.key))
        else:
            items[name] = item
    return items


def render(option: Option, value: Any) -> Any:
    """The value as a user would write it: sizes with units, items as lists, secrets as `{keep: true}`."""
    if value is None:
        return None
    if option.kind in DICTS:
        return render_spec(option.options, value)
    if option.kind == "items":
        return [render_spec(option.options, item) for item in value.values()]
    if option.kind in SECRETS:
        return dict(KEEP)
    if option.kind == "size" or (option.kind == "huge_pages" and not isinstance(value, bool)):
        return format_size(value)
    return value.render() if hasattr(value, "render") else value


def render_spec(options: Sequence[Option], spec: Mapping[str, Any]) -> Spec:
    """Renders a whole parsed dictionary in the order of the grammar."""
    rendered = {option.name: render(option, spec[option.name]) for option in options
                if spec.get(option.name) is not None and not option.once}
    return {name: value for name, value in rendered.items() if value is not None}


def show(option: Option, value: Any) -> Any:
    """The value for a plan entry or a diff: like `render`, with secrets masked."""
    if value is not None and option.kind in SECRETS:
        return HIDDEN
    if value is not None and option.kind in DICTS:
        return {o.name: show(o, value[o.name]) for o in option.options if value.get(o.name) is not None}
    if value is not None and option.kind == "items":
        return [show(Option("", kind="dict", options=option.options), item) for item in value.values()]
    return render(option, value)


def seal_spec(options: Sequence[Option], spec: Mapping[str, Any], seal: Seal,
              earlier: Optional[Mapping[str, Any]] = None) -> Spec:
    """The declaration as the annotation keeps it: JSON types, secrets sealed, control options that last kept.

    `earlier` is the previous one: a secret declared as `{keep: true}` keeps the digest that stands there.
    """
    sealed: Spec = {}
    earlier = earlier or {}
    by_name = grammar_of(options).by_name
    for name, value in spec.items():
        option = by_name.get(name)
        if value is None or option is None or option.once:
            continue
        old = earlier.get(option.name)
        if option.kind in DICTS:
            sealed[option.name] = seal_spec(option.options, value, seal, old)
        elif option.kind == "items":
            olds = old or {}
            sealed[option.name] = {name: seal_spec(option.options, item, seal, olds.get(name))
                                   for name, item in value.items()}
        elif option.kind in SECRETS:
            sealed[option.name] = _seal_one(value, seal, old)
        else:
            sealed[option.name] = value
    return sealed


def _seal_one(secret: Any, seal: Seal, old: Any) -> Any:
    if not isinstance(secret, Secret):
        return secret
    return old if secret.keeps else seal(secret.reveal())


def walk(options: Sequence[Option], visit: Callable[[str, Option], None], pattern: str = "") -> None:
    """Calls `visit(pattern, option)` for every option of the tree, such as `disks[].size`."""
    for option in options:
        place = join_path(pattern, option.name)
        visit(place, option)
        if option.options:
            walk(option.options, visit, place + "[]" if option.kind == "items" else place)


def problems_of_engine(options: Sequence[Option], spec: Mapping[str, Any], engine: str, path: str) -> List[Problem]:
    """A problem for every declared option that the engine does not have."""
    found: List[Problem] = []
    by_name = grammar_of(options).by_name
    for name, value in spec.items():
        option = by_name.get(name)
        if value is None or option is None:
            continue
        if option.engines and engine not in option.engines:
            place = join_path(path, option.name)
            found.append(Problem(place, "engine %s has no such option" % engine,
                                 "remove it, or use engine %s" % " or ".join(option.engines)))
        elif option.kind in DICTS:
            found.extend(problems_of_engine(option.options, value, engine, join_path(path, option.name)))
        elif option.kind == "items":
            for index, item in enumerate(value.values()):
                found.extend(problems_of_engine(option.options, item, engine, "%s[%d]" % (join_path(path, option.name), index)))
    return found
