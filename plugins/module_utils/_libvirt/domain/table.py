# Copyright: (c) 2026, flotilla.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The domain table made usable: from the rows of the grammar (`_reconcile.kvm`) to reading, writing, rules and verbs.

A document is read in one walk over its elements, so that reading costs what the document holds and not what the grammar
knows. `tests/unit/domain` fails for an option of the grammar without a row, and for a row that no test exercises.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Dict, Iterator, List, Mapping, Optional, Sequence, Tuple
from xml.etree.ElementTree import Element

from ..._reconcile import grammar, rows
from ..._reconcile.plan import FIRST_BOOT, Rule
from ..._reconcile.schema import DICTS, Option
from ..._reconcile.secrets import Secret
from .. import xmltree
from . import codecs, elements

_PARSED_TYPE = "source/@network"


class Field:
    """One option with its row: how to read and write it in the element that it belongs to."""

    def __init__(self, pattern: str, route: Tuple[str, ...], option: Option, row: rows.Row) -> None:
        self.pattern = pattern
        self.route = route
        self.option = option
        self.row = row
        name, *arguments = row.codec.split()
        self.arguments: Sequence[str] = arguments
        self.shape: Optional[codecs.Shape] = codecs.SHAPES.get(name)
        self.leaf = codecs.LEAVES["text"] if self.shape is not None or name == "secret" else codecs.LEAVES[name]
        self.secret = name == "secret"
        self.choices = frozenset(option.choices)
        self.absolute = option.kind == "path"
        self.minimum, self.maximum = option.minimum, option.maximum
        # Libvirt's own default is not told: it is what the option's absence means, unless it is kept as it was given.
        default = row.rule.default
        self.untold = None if callable(default) or name in ("agent", "console") or "told" in arguments else default

    def decode(self, text: str) -> Any:
        """The value that a text stands for; None where the grammar has none for it, which is then left alone."""
        if self.secret:
            return Secret(text)
        if not text or (self.choices and text not in self.choices):
            return None
        try:
            return self._if_possible(self.leaf.decode(text))
        except ValueError:
            return None

    def _if_possible(self, value: Any) -> Any:
        """The value, unless the option would not take it."""
        if self.absolute and isinstance(value, str) and not value.startswith("/"):
            return None
        if value is not None and ((self.minimum is not None and value < self.minimum) or (self.maximum is not None and value > self.maximum)):
            return None
        return value

    def get(self, element: Element) -> Any:
        """The value in an element; None where it does not stand there."""
        if self.row.when and not self._holds(element):
            return None
        if self.shape is not None:
            value = self.shape.read(element, self.row.place, self.arguments)
            return None if self.choices and isinstance(value, str) and value not in self.choices else self._if_possible(value)
        text = xmltree.get(element, self.row.place)
        return None if text is None else self.decode(text)

    def _holds(self, element: Element) -> bool:
        # A running NIC on a network has the type of what the network is.
        return element.get("type") == self.row.when or (
            self.row.when == "network" and element.tag == "interface" and xmltree.get(element, _PARSED_TYPE) is not None)

    def put(self, element: Element, value: Any) -> None:
        """Writes a value into an element; None takes it out."""
        if self.row.when and value is not None and element.get("type") != self.row.when:
            element.set("type", self.row.when)
            for source in element.findall("source"):
                element.remove(source)
        if self.shape is not None:
            self.shape.write(element, self.row.place, self.arguments, value)
        elif self.row.place:
            xmltree.put(element, self.row.place, None if value is None else self._text(value))

    def _text(self, value: Any) -> str:
        return value.reveal() if self.secret else self.leaf.encode(value)


class _Node:
    """One element of the walk: which fields are its text and its attributes, and what may be below it."""

    __slots__ = ("text", "attributes", "children")

    def __init__(self) -> None:
        self.text: List[Field] = []
        self.attributes: Dict[str, Field] = {}
        self.children: Dict[str, List[Tuple[xmltree.Step, "_Node"]]] = {}

    def child(self, step: xmltree.Step) -> "_Node":
        """The node of a step, made when it is not there."""
        for known, node in self.children.setdefault(step.tag, []):
            if known == step:
                return node
        self.children[step.tag].append((step, _Node()))
        return self.children[step.tag][-1][1]


@dataclass
class Level:
    """The options that belong to one element: the domain, or a thing of a list."""

    fields: List[Field] = field(default_factory=list)
    things: List["Things"] = field(default_factory=list)
    _root: _Node = field(default_factory=_Node)
    _shapes: Dict[str, List[Field]] = field(default_factory=dict)

    def add(self, one: Field) -> None:
        """Adds a field to the walk."""
        self.fields.append(one)
        steps, attribute = xmltree.path_steps(one.row.place)
        if one.shape is not None or one.row.when:
            self._shapes.setdefault(steps[0].tag if steps else "", []).append(one)
            return
        node = self._root
        for step in steps:
            node = node.child(step)
        if attribute:
            node.attributes[attribute] = one
        elif steps:
            node.text.append(one)

    def read(self, element: Element) -> Dict[str, Any]:
        """What the element says, as a part of a spec."""
        spec: Dict[str, Any] = {}
        self._walk(self._root, element, spec)
        for one in self._shapes.get("", ()):
            _note(spec, one, one.get(element))
        seen = {child.tag for child in element}
        for tag, shapes in self._shapes.items():
            if tag in seen:
                for one in shapes:
                    _note(spec, one, one.get(element))
        return spec

    def _walk(self, node: _Node, element: Element, spec: Dict[str, Any]) -> None:
        if node.attributes:
            for name, text in element.items():
                one = node.attributes.get(name)
                if one is not None:
                    _note(spec, one, one.decode(text))
        for one in node.text:
            _note(spec, one, one.decode((element.text or "").strip()))
        if not node.children:
            return
        for child in element:
            for step, below in node.children.get(child.tag, ()):
                if not step.name or child.get(step.name) == step.value:
                    self._walk(below, child, spec)


def _note(spec: Dict[str, Any], one: Field, value: Any) -> None:
    """The first of several elements counts, as it does for `xmltree.get`."""
    if value is None or value == one.untold:
        return
    here = spec
    for name in one.route[:-1]:
        here = here.setdefault(name, {})
    here.setdefault(one.route[-1], value)


@dataclass
class Things:
    """A list of things of one kind, or the only one."""

    pattern: str
    route: Tuple[str, ...]
    option: Option
    thing: rows.Thing
    level: Level

    def __post_init__(self) -> None:
        self.required = tuple(option for option in self.option.options if option.required)
        # The first two elements on the way to a thing.
        self.start = tuple((self.thing.place + "/").split("/")[:2])
        # Disks and NICs are what every guest may have, so an empty list of them says something.
        self.always = self.pattern in ("disks[]", "nics[]")

    @property
    def single(self) -> bool:
        """Whether there is one or none."""
        return self.option.kind == "one"

    def among(self, domain: Element, renamed: elements.Names = elements.NO_NAMES) -> Iterator[Tuple[str, Element]]:
        """The elements with their names."""
        if not self.single:
            yield from elements.things(domain, self.thing, renamed)
            return
        only = elements.one(domain, self.thing)
        if only is not None:
            yield "", only

    def find(self, domain: Element, name: str = "", renamed: elements.Names = elements.NO_NAMES) -> Optional[Element]:
        """The element of that name; the name of the only one is empty."""
        return next((element for there, element in self.among(domain, renamed) if there == name), None)

    def read(self, element: Element, name: str) -> Dict[str, Any]:
        """The thing as a part of a spec."""
        spec = self.level.read(element)
        for inner in self.level.things:
            inner.read_into(spec, element)
        if not self.single:
            spec = {self.option.key: name, **{part: value for part, value in spec.items() if part != self.option.key}}
        return spec

    def read_into(self, spec: Dict[str, Any], element: Element, renamed: elements.Names = elements.NO_NAMES) -> None:
        """Puts all of these things of an element into its spec; lists of devices are there even when they are empty."""
        found = {name: thing for name, thing in ((name, self.read(one, name)) for name, one in self.among(element, renamed))
                 if self._can_be_said(thing)}
        if not found and not self.always:
            return
        here = spec
        for name in self.route[:-1]:
            here = here.setdefault(name, {})
        here[self.route[-1]] = found[""] if self.single else found

    def _can_be_said(self, thing: Mapping[str, Any]) -> bool:
        """Whether the grammar takes the thing: what it cannot say is left alone, as a whole."""
        for option in self.required:
            value = thing.get(option.name)
            if value is None or (option.choices and value not in option.choices):
                return False
        return True


def _compile(options: Sequence[Option], level: Level, pattern: str, route: Tuple[str, ...]) -> None:
    for option in options:
        place = "%s.%s" % (pattern, option.name) if pattern else option.name
        if isinstance(option.row, rows.Thing):
            below = place if option.kind == "one" else place + "[]"
            things = Things(below, route + (option.name,), option, option.row, Level())
            _compile(option.options, things.level, below, ())
            level.things.append(things)
            THINGS[below] = things
        elif option.kind in DICTS and option.row is None:
            _compile(option.options, level, place, route + (option.name,))
        elif isinstance(option.row, rows.Row):
            one = Field(place, route + (option.name,), option, option.row)
            FIELDS[place] = one
            if option.row.place or one.shape is not None:
                level.add(one)


FIELDS: Dict[str, Field] = {}
THINGS: Dict[str, Things] = {}
DOMAIN = Level()
_compile([option for option in grammar.GUEST if not option.engines or "kvm" in option.engines], DOMAIN, "", ())
DISKS, NICS, MEDIA = THINGS["disks[]"], THINGS["nics[]"], THINGS["media[]"]

# What only the seed carries: known from the annotation, and read by the guest at its first boot alone.
SEED_OPTIONS = ("cloud_init", "nics[].address", "nics[].gateway", "nics[].dns")
SEED_RULE = Rule(live=False, reason=FIRST_BOOT, harmless=True)
RESEED = "cloud_init.reseed"
RESEED_RULE = Rule(live=False, same=lambda want, have: not want or bool(have),
                   reason="at the next start cloud-init runs again: users, SSH keys, packages, commands, network")


def is_seed_option(pattern: str) -> bool:
    """Whether the option reaches the guest through the cloud-init seed."""
    return pattern in SEED_OPTIONS or pattern.startswith("cloud_init.")


def _rules() -> Dict[str, Rule]:
    found = {pattern: one.row.rule for pattern, one in FIELDS.items()}
    found.update({pattern: things.thing.rule for pattern, things in THINGS.items()})
    found[RESEED] = RESEED_RULE
    return found


RULES: Dict[str, Rule] = _rules()


def rule(pattern: str) -> Rule:
    """The rule of an option's pattern."""
    known = RULES.get(pattern)
    return known if known is not None else SEED_RULE


def verb(pattern: str) -> str:
    """The method of `live.Guest` that brings a change of this option into the running guest; empty for none."""
    if pattern in THINGS:
        return THINGS[pattern].thing.verb
    return FIELDS[pattern].row.verb if pattern in FIELDS else ""


# Verbs whose call libvirt judges by its one value, within bounds that the grammar knows.
_PLAIN_VERBS = ("set_metadata", "set_osinfo", "set_vcpus", "pin_vcpus", "pin_emulator", "pin_iothreads", "set_scheduler", "set_memory",
                "set_memory_limits", "set_balloon_period", "set_lifecycle", "set_io_weight", "set_state")


def is_plain(pattern: str) -> bool:
    """Whether a live change of this option is one value by a call of its own, which no other part of the document bears on."""
    return verb(pattern) in _PLAIN_VERBS


def owner(pattern: str) -> Optional[Things]:
    """The innermost things that an option belongs to: `disks[].iotune.group` belongs to the disks."""
    best: Optional[Things] = None
    for place, things in THINGS.items():
        if (pattern == place or pattern.startswith(place + ".")) and (best is None or len(place) > len(best.pattern)):
            best = things
    return best
