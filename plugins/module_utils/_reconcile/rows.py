# Copyright: (c) 2026, flotilla.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Rows of the domain table: what an option of the grammar carries about its place in a domain's document.

Pure data. `_libvirt.domain.table` makes reading, editing and live changes of it; the heart looks only at the rule.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Tuple

from .plan import Rule
from .schema import Option

KVM: Tuple[str, ...] = ("kvm",)
AT_START = "fixed when the guest starts"


@dataclass(frozen=True)
class Row:
    """One option of a domain.

    place: mini path below the domain, or below the element of the list item that the option belongs to
        (`driver/@cache`); empty for what does not stand in the document.
    codec: name in `_libvirt.domain.codecs` of how the value is written there, with its arguments after blanks. `told` is
        that the default is part of a spec where it stands in the document: libvirt keeps it there, and drops others.
    verb: name of the method of `_libvirt.domain.live.Guest` that changes it on the running guest.
    when: the place holds only for a device of this `@type`, and declaring the option gives it that type.
    capability: where virConnectGetDomainCapabilities lists the values that this host can do (`disk/bus`).
    only: the option beside it and the values of that one with which libvirt keeps this one; with others it drops it.
    """

    place: str = ""
    codec: str = "text"
    rule: Rule = Rule()
    verb: str = ""
    when: str = ""
    capability: str = ""
    only: Tuple[str, ...] = ()

    def only_for(self, option: str, *values: str) -> Row:
        """The same row, for things whose `option` has one of these values."""
        return replace(self, only=(option,) + values)


@dataclass(frozen=True)
class Thing:
    """A list of elements, or one element, that an option of kind `items` or `one` stands for.

    place: path of the element: `devices/disk`.
    alias: the word in our user alias (`ua-disk-root`); empty where the name stands in the element itself.
    names: paths below the element that tell one without our alias from the others, joined by dashes.
    only, never: attributes with the values that an element must, or must not have to be one of these.
    first: attributes that a new element begins with.
    """

    place: str
    alias: str = ""
    names: Tuple[str, ...] = ()
    only: Tuple[Tuple[str, Tuple[str, ...]], ...] = ()
    never: Tuple[Tuple[str, Tuple[str, ...]], ...] = ()
    first: Tuple[Tuple[str, str], ...] = ()
    rule: Rule = Rule()
    verb: str = ""


def live(place: str, verb: str, codec: str = "text", when: str = "", capability: str = "", **rule: Any) -> Row:
    """A row that libvirt changes on the running guest, by this verb."""
    return Row(place, codec, Rule(**rule), verb, when, capability)


def later(place: str, codec: str = "text", reason: str = AT_START, when: str = "", capability: str = "", **rule: Any) -> Row:
    """A row that takes a restart, with the reason."""
    return Row(place, codec, Rule(live=False, reason=reason, **rule), "", when, capability)


def fixed(place: str, how: str, codec: str = "text", when: str = "", **rule: Any) -> Row:
    """A row that is part of the identity; `how` says what to do instead of changing it."""
    return Row(place, codec, Rule(fixed=how, **rule), "", when)


def kvm(name: str, kind: str, row: Any, *doc: str, **more: Any) -> Option:
    """An option that only domains have."""
    return Option(name, kind, doc=doc, row=row, engines=KVM, **more)
