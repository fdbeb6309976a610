# Copyright: (c) 2026, flotilla.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Waiting until a guest is ready: by its agent, else by its serial console, else by SSH; the result says which."""

from __future__ import annotations

import os
import re
import socket
import time
from typing import Any, Callable, Dict, Mapping, Optional

from ..._reconcile.errors import EngineError
from ..._reconcile.plan import Actual
from .. import xmltree
from ..connection import translated
from . import addresses, agent, elements

SECONDS = 300
POLL_SECONDS = 0.5
_FINISHED = re.compile(rb"Cloud-init v\. .* finished at")
_CONSOLE_BYTES = 1 << 20

Found = Optional[Dict[str, Any]]


class Wait:
    """A wait on one running domain."""

    def __init__(self, connection: Any, domain: Any, actual: Actual) -> None:
        self.connection = connection
        self.domain = domain
        self.facts: Mapping[str, Any] = actual.annotation.facts if actual.annotation else {}
        self.name = actual.name
        self.last = ""

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
        live = self._live()
        if agent.connected(live):
            return self._cloud_init_by_agent()
        log = xmltree.get(live, "devices/serial/log/@file") or xmltree.get(live, "devices/console/log/@file")
        if log and os.access(log, os.R_OK):
            self.last = "the agent has not opened its channel, and the console shows no end of cloud-init"
            return {"by": "console"} if _FINISHED.search(self._console(log)) else None
        if elements.agent_channel(live) is None:
            return self._cloud_init_by_ssh()
        self.last = "the agent has not opened its channel"
        return None

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

    def _console(self, log: str) -> bytes:
        """What the console said since this guest was started, at most the last mebibyte."""
        start = int(self.facts.get("console", 0))
        size = os.path.getsize(log)
        with open(log, "rb") as handle:
            # virtlogd rotates a log that has grown too large: then all of it is newer than the start.
            handle.seek(max(start if start <= size else 0, size - _CONSOLE_BYTES))
            return handle.read()

    def _cloud_init_by_ssh(self) -> Found:
        found = self._address()
        if found is None:
            return None
        self.last = "no SSH server answers at %s" % found["address"]
        try:
            with socket.create_connection((found["address"], 22), timeout=2) as link:
                return {"by": "ssh", "address": found["address"]} if link.recv(4) == b"SSH-" else None
        except OSError:
            return None
