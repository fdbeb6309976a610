# Copyright: (c) 2026, flotilla.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Waiting until a container is ready, as `wait_for` says."""

from __future__ import annotations

import ipaddress
import time
from typing import Any, Dict, List

from ..._reconcile.errors import DeclarationError, EngineError
from ..host import Host
from . import read

TIMEOUT = 300
"""Seconds that a wait takes at most when the declaration names no limit."""


def wait(host: Host, item: read.Container, what: str, timeout: float) -> Dict[str, Any]:
    """Wait for `running` (init runs and has said so to LXC) or `address` (one that others can reach). Returns how it was found.

    Raises EngineError at the deadline, with what there was instead, and at once when the container has stopped.
    """
    if what not in ("running", "address"):
        raise DeclarationError.at("wait_for.what", "engine lxc cannot wait for %s" % what, "choose running or address")
    deadline = time.monotonic() + timeout
    while True:
        now = read.read_host(host, [item.name]).get(item.name)
        if now is None or not now.is_up:
            raise EngineError("the container %s stopped while it was waited for" % item.name,
                              "look at its console and its log, then run again")
        addresses = reachable(read.addresses(host, now))
        if what == "running" and now.state == read.RUNNING:
            return {"what": what, "by": "lxc"}
        if what == "address" and addresses:
            return {"what": what, "by": "the container's own network", "addresses": addresses}
        if time.monotonic() >= deadline:
            raise EngineError("the container %s was not ready (%s) within %g s: it is %s with %s" % (
                item.name, what, timeout, now.state, ", ".join(addresses) or "no address"),
                "look at its network and its log, or raise wait_for.timeout")
        time.sleep(0.1)


def reachable(addresses: List[str]) -> List[str]:
    """Those addresses that another machine could use."""
    return [word for word in addresses if not ipaddress.ip_address(word).is_link_local and not ipaddress.ip_address(word).is_loopback]
