# Copyright: (c) 2026, flotilla.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the fleet tests share: a small valid fleet, and the problems of an invalid one as (path, text)."""

from __future__ import annotations

from typing import Any, Dict, List, Tuple

from ansible_collections.flotilla.virt.plugins.module_utils._reconcile.errors import DeclarationError
from ansible_collections.flotilla.virt.plugins.module_utils._reconcile.fleet import (
    Fleet,
    Guest,
    HostFacts,
    parse_fleet,
    resolve,
)

PROD = {"name": "prod", "mode": "bridge", "bridge": "br20", "subnet": "10.20.0.0/24", "gateway": "10.20.0.1",
        "dns": ["10.20.0.2"]}
LAB = {"name": "lab", "mode": "nat", "subnet": "10.30.0.0/24"}
DEBIAN = {"name": "debian-12", "disk": "/images/debian.qcow2", "rootfs": "/images/debian.tar"}


def fleet_params(*guests: Any, **more: Any) -> Dict[str, Any]:
    """Parameters of a fleet with these guests."""
    params: Dict[str, Any] = {"name": "shop", "networks": [PROD, LAB], "images": [DEBIAN], "guests": list(guests)}
    params.update(more)
    return params


def parsed(*guests: Any, **more: Any) -> Fleet:
    """The fleet, parsed."""
    return parse_fleet(fleet_params(*guests, **more))


def resolved(*guests: Any, facts: HostFacts = HostFacts(), **more: Any) -> Dict[str, Guest]:
    """The guests of this host, with their engines, by name."""
    return {guest.name: guest for guest in resolve(parsed(*guests, **more), facts)}


def problems(*guests: Any, facts: HostFacts = HostFacts(), **more: Any) -> List[Tuple[str, str]]:
    """The problems of an invalid fleet: path, and what is wrong with the remedy."""
    try:
        resolve(parsed(*guests, **more), facts)
    except DeclarationError as error:
        return [(problem.path, "%s (%s)" % (problem.problem, problem.remedy)) for problem in error.problems]
    raise AssertionError("the fleet is valid")


def one_problem(*guests: Any, **more: Any) -> Tuple[str, str]:
    """The only problem of an invalid fleet."""
    found = problems(*guests, **more)
    assert len(found) == 1, found
    return found[0]
