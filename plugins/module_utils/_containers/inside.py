# Copyright: (c) 2026, flotilla.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What can be seen of a running container from its host, whatever the engine: its addresses, and waiting for them."""

from __future__ import annotations

import ipaddress
import re
import time
from dataclasses import dataclass
from typing import Any, Callable, Dict, List, Sequence

from .._reconcile.errors import DeclarationError, EngineError
from .host import Host

TIMEOUT = 300
"""Seconds that a wait takes at most when the declaration names no limit."""


def addresses(host: Host, init: int) -> List[str]:
    """The IPv4 and global IPv6 addresses inside a running container, by its init, without a process.

    /proc/PID/net is the container's own network: fib_trie names each local IPv4 address, if_inet6 each IPv6 one.
    """
    if not init:
        return []
    texts = host.read_files(["/proc/%d/net/fib_trie" % init, "/proc/%d/net/if_inet6" % init])
    found: List[str] = []
    previous = ""
    for line in texts.get("/proc/%d/net/fib_trie" % init, "").splitlines():
        if "/32 host LOCAL" in line and previous not in found and not previous.startswith("127."):
            found.append(previous)
        match = re.search(r"\|-- (\S+)", line)
        previous = match.group(1) if match else previous
    for line in texts.get("/proc/%d/net/if_inet6" % init, "").splitlines():
        digits, _index, _length, scope = line.split()[:4]
        if scope == "00" and digits != "0" * 31 + "1":
            found.append(_inet6(digits))
    return found


def _inet6(digits: str) -> str:
    return str(ipaddress.IPv6Address(int(digits, 16)))


def reachable(words: Sequence[str]) -> List[str]:
    """Those addresses that another machine could use."""
    return [word for word in words if not ipaddress.ip_address(word).is_link_local and not ipaddress.ip_address(word).is_loopback]


@dataclass(frozen=True)
class Seen:
    """One look at a container that is waited for: the engine's word for its state, and whether that is up, and running."""

    state: str
    up: bool
    running: bool
    addresses: Sequence[str] = ()


def wait(engine: str, name: str, what: str, timeout: float, look: Callable[[], Seen]) -> Dict[str, Any]:
    """Wait for `running` or `address` (one that others can reach). Returns how it was found.

    Raises EngineError at the deadline, with what there was instead, and at once when the container has stopped.
    """
    if what not in ("running", "address"):
        raise DeclarationError.at("wait_for.what", "engine %s cannot wait for %s" % (engine, what), "choose running or address")
    deadline = time.monotonic() + timeout
    while True:
        now = look()
        if not now.up:
            raise EngineError("the container %s stopped while it was waited for" % name,
                              "look at its console and its log, then run again")
        found = reachable(now.addresses)
        if what == "running" and now.running:
            return {"what": what, "by": engine}
        if what == "address" and found:
            return {"what": what, "by": "the container's own network", "addresses": found}
        if time.monotonic() >= deadline:
            raise EngineError("the container %s was not ready (%s) within %g s: it is %s with %s" % (
                name, what, timeout, now.state, ", ".join(found) or "no address"),
                "look at its network and its log, or raise wait_for.timeout")
        time.sleep(0.1)
