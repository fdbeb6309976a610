# Copyright: (c) 2026, flotilla.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""`count`: one entry becomes its members, and what must differ between them is distributed."""

from __future__ import annotations

import ipaddress
from typing import Any, Dict, Iterable, List, Mapping, Tuple, Union

from ..errors import Problem
from ..kinds import interface
from ..schema import Spec
from .model import Guest, Route

Interface = Union[ipaddress.IPv4Interface, ipaddress.IPv6Interface]
# One of these for several guests would be the same thing used by all of them.
_OF_ONE_GUEST = (("nics", "mac"), ("disks", "volume"), ("disks", "file"), ("disks", "device"))


def names_of(entry: str, count: Any) -> List[str]:
    """The guests of an entry: its own name, or with a count `web-1`, `web-2` and so on."""
    if count is None:
        return [entry]
    return ["%s-%d" % (entry, number) for number in range(1, count + 1)]


def check_single_values(guest: Guest, count: int, problems: List[Problem]) -> None:
    """Refuses single values that several members would share; `guest` is the entry before it is multiplied."""
    if count < 2:
        return
    for kind, option in _OF_ONE_GUEST:
        for name, item in (guest.spec.get(kind) or {}).items():
            if item.get(option) is not None and not item.get("readonly"):
                problems.append(Problem(guest.written((kind, name, option)),
                                        "is one value for the %d members of %s" % (count, guest.name),
                                        "leave it out, or declare the guests one by one"))
    for name, nic in (guest.spec.get("nics") or {}).items():
        address = nic.get("address")
        if address is not None and not isinstance(address, Mapping):
            first = address[0] if isinstance(address, list) and address else address
            problems.append(Problem(guest.written(("nics", name, "address")),
                                    "is one address for the %d members of %s" % (count, guest.name),
                                    "write address: {from: %s}" % first))


def check_ranges(guest: Guest, count: int, prefixes: Mapping[str, int], problems: List[Problem]) -> Spec:
    """The entry's declaration with every `{from: ...}` checked and parsed to its first address.

    `prefixes` gives the prefix length of a declared network, for addresses that are written without one.
    """
    spec = guest.spec
    for name, nic in (spec.get("nics") or {}).items():
        route: Route = ("nics", name, "address")
        if nic.get("address") is not None:
            _check_nic(nic, guest, route, max(count, 1), prefixes.get(nic.get("network", "")), problems)
    return spec


def _check_nic(nic: Dict[str, Any], guest: Guest, route: Route, count: int, prefix: Any,
               problems: List[Problem]) -> None:
    address = nic["address"]
    try:
        if isinstance(address, Mapping):
            nic["address"] = {"from": _check_range(address, count, prefix)}
        elif isinstance(address, list):
            nic["address"] = [interface(_with_prefix(word, prefix)) for word in address]
        else:
            nic["address"] = interface(_with_prefix(address, prefix))
    except ValueError as error:
        del nic["address"]
        problems.append(Problem(guest.written(route), str(error)))


def _with_prefix(word: Any, prefix: Any) -> Any:
    return "%s/%d" % (word, prefix) if isinstance(word, str) and "/" not in word and prefix is not None else word


def _check_range(address: Mapping[str, Any], count: int, prefix: Any) -> Interface:
    if set(address) != {"from"}:
        raise ValueError("must be an address, a list of them, or {from: ADDRESS} with count")
    first = ipaddress.ip_interface(interface(_with_prefix(address["from"], prefix)))
    last = int(first.ip) + count - 1
    top = int(first.network.broadcast_address)
    if first.version == 4 and first.network.prefixlen < 31:
        top -= 1
    if last > top:
        raise ValueError("%d addresses from %s leave its network %s, whose last one is %s"
                         % (count, first, first.network, ipaddress.ip_address(top)))
    return first


def check_earlier_names(guests: Iterable[Guest], problems: List[Problem]) -> None:
    """Two guests cannot have been the same one."""
    seen: Dict[Tuple[str, str], Guest] = {}
    for guest in guests:
        other = seen.setdefault((guest.host, guest.was), guest) if guest.was else guest
        if other is not guest:
            problems.append(Problem(guest.written(("was",)), "%s is the earlier name of %s too" % (guest.was, other.name),
                                    "remove it from one of them"))


def distribute(spec: Spec, member: int) -> None:
    """Gives a member its own addresses and earlier name, in place; `member` counts from 1, and 0 is a guest without a count."""
    if member and spec.get("was"):
        spec["was"] = names_of(spec["was"], member)[-1]
    for nic in (spec.get("nics") or {}).values():
        address = nic.get("address")
        if isinstance(address, dict):
            first: Interface = address["from"]
            offset = max(member - 1, 0)
            nic["address"] = "%s/%d" % (first.ip + offset, first.network.prefixlen)
