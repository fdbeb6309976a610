# Copyright: (c) 2026, flotilla.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The static addresses of a NIC, as a declaration has them: one, or a list."""

from __future__ import annotations

import ipaddress
from typing import Any, List, Mapping, Optional

from .._reconcile.attachment import Attachment
from .._reconcile.errors import Problem


def is_address(word: str) -> bool:
    """Whether a word is an IPv4 or IPv6 address, without a prefix length."""
    try:
        ipaddress.ip_address(word)
    except ValueError:
        return False
    return True


def addresses_of(value: Any) -> List[str]:
    """The addresses in a declared `address`: one, or a list."""
    if value is None:
        return []
    return [str(word) for word in value] if isinstance(value, (list, tuple)) else [str(value)]


def same_addresses(want: Any, have: Any) -> bool:
    """Whether two `address` values say the same, whatever the form."""
    return interfaces(want) == interfaces(have)


def interfaces(value: Any) -> List[str]:
    """The addresses of a declared `address`, each with its prefix length, in their shortest form."""
    result = []
    for word in addresses_of(value):
        try:
            result.append(str(ipaddress.ip_interface(word)))
        except ValueError:
            result.append(word)
    return result


def same_family(gateway: str, address: Any) -> bool:
    versions = set()
    for word in addresses_of(address):
        try:
            versions.add(ipaddress.ip_interface(word).version)
        except ValueError:
            continue
    return ipaddress.ip_address(gateway).version in versions


def address_problems(nic: Mapping[str, Any], place: str, attachment: Optional[Attachment]) -> List[Problem]:
    problems = []
    for word in addresses_of(nic.get("address")):
        try:
            if "/" not in word:
                raise ValueError(word)
            interface = ipaddress.ip_interface(word)
        except ValueError:
            problems.append(Problem(place + ".address", "%r is not an address with a prefix length" % word, "write it such as 10.20.0.11/24"))
            continue
        subnet = ipaddress.ip_network(attachment.subnet) if attachment is not None and attachment.subnet else None
        if subnet is not None and subnet.version == interface.version and interface.ip not in subnet:
            problems.append(Problem(place + ".address", "%s is outside the network %s (%s)" % (word, nic["network"], subnet),
                                    "choose an address in it"))
    return problems
