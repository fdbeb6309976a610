# Copyright: (c) 2026, flotilla.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Layering: dictionaries merge by key, lists of named items by name, everything else is replaced.

Null and absent are undeclared, so a higher layer cannot erase what a lower one says.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any, Dict, List, Mapping, Sequence, Tuple

from .errors import DeclarationError, Problem, join_path, raise_if_any
from .kinds import describe
from .schema import DICTS, NONE, Option, Spec, grammar_of


def copy_spec(value: Any) -> Any:
    """A copy of a parsed declaration in which every dictionary and list is new; scalars and secrets are shared."""
    if isinstance(value, dict):
        return {name: copy_spec(item) for name, item in value.items()}
    if isinstance(value, list):
        return [copy_spec(item) for item in value]
    return value


def merge_specs(low: Mapping[str, Any], high: Mapping[str, Any]) -> Spec:
    """`high` over `low`, both parsed (there named items are dictionaries by name). Shares nothing with either.

    Items keep the lower layer's order; what the higher one adds comes after them.
    """
    merged: Spec = {}
    for name, value in low.items():
        if name in high:
            merged[name] = _over(value, high[name])
        else:
            merged[name] = copy_spec(value)
    for name, value in high.items():
        if name not in low:
            merged[name] = copy_spec(value)
    return merged


def _over(low: Any, high: Any) -> Any:
    if isinstance(low, dict) and isinstance(high, dict) and not (_is_none(low) or _is_none(high)):
        return merge_specs(low, high)
    return copy_spec(high)


def _is_none(items: Mapping[str, Any]) -> bool:
    """Whether these named items are the word `none`, which means that there shall be none and is no item to merge."""
    item = items.get(NONE)
    return len(items) == 1 and isinstance(item, dict) and list(item.values()) == [NONE]


def relaxed(options: Sequence[Option]) -> Tuple[Option, ...]:
    """The same options with nothing required: a layer need not say everything, only all layers together must."""
    return tuple(replace(option, required=False, options=relaxed(option.options)) for option in options)


def missing(options: Sequence[Option], spec: Mapping[str, Any], path: str) -> List[Problem]:
    """A problem for every required option that no layer declared."""
    found: List[Problem] = []
    level = grammar_of(options)
    for option in level.required:
        if spec.get(option.name) is None:
            found.append(Problem(join_path(path, option.name), "is required", "declare it"))
    for name, value in spec.items():
        known = level.by_name.get(name)
        if value is None or known is None:
            continue
        if known.kind in DICTS:
            found.extend(missing(known.options, value, join_path(path, name)))
        elif known.kind == "items" and known.options:
            for index, item in enumerate(value.values()):
                found.extend(missing(known.options, item, "%s[%d]" % (join_path(path, name), index)))
    return found


# -- raw declarations that are split over several files -------------------------------------------------------------


@dataclass
class Merged:
    """One raw declaration made of several; `origins` says for each leaf path which source gave its value."""

    value: Dict[str, Any] = field(default_factory=dict)
    origins: Dict[str, str] = field(default_factory=dict)


def merge_sources(sources: Sequence[Tuple[str, Any]]) -> Merged:
    """Merges raw declarations in the order given, each with the name of its source.

    Dictionaries merge by key, lists whose items all carry a `name` by that name, and any other list is replaced.
    Paths in `origins` use names: `guests[db1].memory.size`. Raises DeclarationError for a source that is no
    dictionary, and for one name that is a list in one source and a dictionary in another.
    """
    merged = Merged()
    problems: List[Problem] = []
    for source, raw in sources:
        if raw is None:
            continue
        if not isinstance(raw, Mapping):
            raise DeclarationError.at(source, "must be a dictionary, not %s" % describe(raw),
                                      "write the fleet's keys (name, guests, ...) at the top level")
        merged.value = _merge_raw(merged.value, raw, "", source, merged.origins, problems)
    raise_if_any(problems)
    return merged


def _merge_raw(low: Any, high: Any, path: str, source: str, origins: Dict[str, str], problems: List[Problem]) -> Any:
    if isinstance(high, Mapping):
        if isinstance(low, list):
            problems.append(Problem(path, "is a dictionary in %s and a list in %s" % (source, _origin(origins, path)),
                                    "write it the same way in both"))
            return low
        base = low if isinstance(low, Mapping) else {}
        out = dict(base)
        for name, value in high.items():
            if value is not None:
                out[name] = _merge_raw(base.get(name), value, join_path(path, str(name)), source, origins, problems)
        return out
    if isinstance(high, (list, tuple)) and _named(high) and (low is None or _named(low)):
        return _merge_named(low or [], high, path, source, origins, problems)
    for old in [key for key in origins if _below(key, path)]:
        del origins[old]
    origins[path] = source
    return high


def _merge_named(low: Sequence[Any], high: Sequence[Any], path: str, source: str, origins: Dict[str, str],
                 problems: List[Problem]) -> List[Any]:
    items: Dict[str, Any] = {str(item["name"]): item for item in low}
    seen: Dict[str, int] = {}
    for index, item in enumerate(high):
        name = str(item["name"])
        if name in seen:
            problems.append(Problem("%s[%d]" % (path, index), "%r is there twice in %s" % (name, source),
                                    "give each its own name"))
            continue
        seen[name] = index
        items[name] = _merge_raw(items.get(name), item, "%s[%s]" % (path, name), source, origins, problems)
    return list(items.values())


def _named(value: Any) -> bool:
    return isinstance(value, (list, tuple)) and bool(value) and all(
        isinstance(item, Mapping) and item.get("name") is not None for item in value)


def _below(key: str, path: str) -> bool:
    return key == path or key.startswith((path + ".", path + "["))


def _origin(origins: Mapping[str, str], path: str) -> str:
    return next((source for key, source in origins.items() if _below(key, path)), "an earlier one")
