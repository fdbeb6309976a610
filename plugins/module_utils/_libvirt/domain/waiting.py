# Copyright: (c) 2026, flotilla.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Waiting until a guest is ready: by its agent, else by its serial console, else by SSH; the result says which.

Only the first two know that cloud-init has finished. The last needs no key and knows less, which the result says too.
"""

from __future__ import annotations

import os
import re
import socket
import time
from typing import Any, Callable, Dict, List, Mapping, Optional

from ..._reconcile.errors import EngineError
from ..._reconcile.plan import Actual
from .. import xmltree
from ..connection import translated
from . import addresses, agent, elements

SECONDS = 300
POLL_SECONDS = 0.5
# How long a guest whose SSH server answers has to open its agent's channel: the agent starts before cloud-init ends.
AGENT_SECONDS = 30
# What cloud-init's final stage prints (its default final_message), and anything else that it says of itself.
_FINISHED = re.compile(rb"Cloud-init v\. .* finished at")
_SPEAKS = b"loud-init"
_CONSOLE_BYTES = 1 << 20
SSH_PROVES = ("only that an SSH server answers, which it does after cloud-init's network stage (users, keys, host name); "
              "its last stages (packages, run_commands) may still be at work")

Found = Optional[Dict[str, Any]]


class Wait:
    """A wait on one running domain."""

    def __init__(self, connection: Any, domain: Any, actual: Actual) -> None:
        self.connection = connection
        self.domain = domain
        self.facts: Mapping[str, Any] = actual.annotation.facts if actual.annotation else {}
        self.applied: Mapping[str, Any] = actual.annotation.applied if actual.annotation else {}
        self.name = actual.name
        self.last = ""
        self._ssh_since: Optional[float] = None

    def until(self, wanted: Mapping[str, Any]) -> Dict[str, Any]:
        """Waits as `wait_for` says; returns `what`, `by` and what was learned.

        Raises EngineError after its `timeout` (seconds), with what was seen last.
        """
        what, seconds = wanted["what"], wanted.get("timeout", SECONDS)
        look: Callable[[], Found] = getattr(self, "_" + what)
        deadline = time.monotonic() + seconds
        while True:
            with translated("wait for %s of %s" % (what, self.name)):
                found = look() if self.domain.isActive() else None
            if found is not None:
                return dict(found, what=what)
            if time.monotonic() >= deadline:
                raise EngineError("%s has not reached wait_for: %s within %d s%s" % (
                    self.name, what, seconds, " (%s)" % self.last if self.last else ""),
                    "look at its console; the next run waits again")
            time.sleep(POLL_SECONDS)

    def _live(self) -> Any:
        return xmltree.parse(self.domain.XMLDesc(0))

    def _running(self) -> Found:
        return {"by": "libvirt"}

    def _agent(self) -> Found:
        live = self._live()
        if elements.agent_channel(live) is None:
            raise EngineError("%s has no channel for the guest agent" % self.name, "declare agent: true")
        if not agent.connected(live):
            self.last = "the agent has not opened its channel"
            return None
        try:
            agent.command(self.domain, "guest-ping")
        except agent.AgentError as error:
            self.last = str(error)
            return None
        return {"by": "agent"}

    def _address(self) -> Found:
        found = addresses.of(self.connection, self.domain, self._live())
        self.last = "no address by agent, lease or ARP"
        return {"by": found[0]["source"], "address": found[0]["address"]} if found else None

    def _cloud_init(self) -> Found:
        """By the agent, else by the console, else by SSH. The last is weak and says so: see SSH_PROVES.

        An agent that is there and cannot run commands knows nothing of cloud-init, and then the console is asked. A
        console that cloud-init writes to will show its end, so SSH is not asked where there is one.
        """
        live = self._live()
        connected = agent.connected(live)
        found = self._cloud_init_by_agent() if connected else None
        if found is not None:
            return found
        said = self._console(live)
        if said is not None and _FINISHED.search(said):
            return {"by": "console"}
        if connected:
            return None
        if said is not None and _SPEAKS in said:
            self.last = "the console shows no end of cloud-init"
            return None
        return self._cloud_init_by_ssh(elements.agent_channel(live) is not None)

    def _cloud_init_by_agent(self) -> Found:
        try:
            code, output = agent.run(self.domain, ["/usr/bin/cloud-init", "status"])
        except agent.AgentError as error:
            self.last = str(error)
            return None
        self.last = output.strip()
        if "status: error" in output:
            raise EngineError("cloud-init of %s ended in an error: %s" % (self.name, output.strip()),
                              "look at /var/log/cloud-init.log in the guest")
        # Exit code 2 is done with recoverable problems (cloud-init status --help).
        return {"by": "agent", "status": output.strip()} if code in (0, 2) and "status: done" in output else None

    def _console(self, live: Any) -> Optional[bytes]:
        """What the console said since this guest was started, at most the last mebibyte; None where it cannot be read."""
        log = xmltree.get(live, "devices/serial/log/@file") or xmltree.get(live, "devices/console/log/@file")
        if not log or not os.access(log, os.R_OK):
            return None
        start = int(self.facts.get("console", 0))
        size = os.path.getsize(log)
        with open(log, "rb") as handle:
            # virtlogd rotates a log that has grown too large: then all of it is newer than the start.
            handle.seek(max(start if start <= size else 0, size - _CONSOLE_BYTES))
            return handle.read()

    def _cloud_init_by_ssh(self, has_channel: bool) -> Found:
        """Whether an SSH server answers, for so long that an agent would have come up if there were one."""
        where = self._addresses()
        answers = next((address for address in where if _greets(address)), None)
        if answers is None:
            self._ssh_since = None
            self.last = "no SSH server answers at %s" % ", ".join(where) if where else \
                "no agent, nothing of cloud-init on the console, and no address to try SSH at"
            return None
        if self._ssh_since is None:
            self._ssh_since = time.monotonic()
        if has_channel and time.monotonic() - self._ssh_since < AGENT_SECONDS:
            self.last = "an SSH server answers at %s, and the agent has not opened its channel" % answers
            return None
        return {"by": "ssh", "address": answers, "proves": SSH_PROVES}

    def _addresses(self) -> List[str]:
        """Where the guest may be reached: what leases and ARP say, and the static addresses that were declared."""
        known = [entry["address"] for entry in addresses.of(self.connection, self.domain, self._live(), ask_agent=False)]
        for nic in self.applied.get("nics", {}).values():
            declared = nic.get("address") or []
            known += [text.split("/")[0] for text in ([declared] if isinstance(declared, str) else declared)]
        return list(dict.fromkeys(known))


def _greets(address: str) -> bool:
    """Whether an SSH server says who it is (RFC 4253, 4.2)."""
    try:
        with socket.create_connection((address, 22), timeout=2) as link:
            return link.recv(4) == b"SSH-"
    except OSError:
        return False
