# Copyright: (c) 2026, flotilla.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""podman's command: the one place where it is called, its JSON read and its errors told."""

from __future__ import annotations

import json
import re
import time
from typing import Any, Dict, List, Optional, Sequence, Tuple

from ..._reconcile.errors import EngineError, Refused
from ..host import Host, Result

PLACES = ("/usr/bin/podman", "/usr/local/bin/podman", "/bin/podman")
LONG = 1800.0
"""Seconds for what moves whole images."""
BUSY, PAUSE = 15.0, 0.2
"""Seconds for which a container that is in use is asked to go again, and between two times."""
Document = Dict[str, Any]


class Podman:
    """podman on one host."""

    def __init__(self, host: Host) -> None:
        self.host = host
        self._version: Tuple[int, ...] = ()
        self._is_root: Optional[bool] = None

    def installed(self) -> bool:
        """Whether podman is on this host."""
        return any(self.host.exists(place) for place in PLACES)

    def is_root(self) -> bool:
        """Whether the run is root's, so that its podman is the host's and not a single user's. The host is asked once."""
        if self._is_root is None:
            self._is_root = self.host.run(["id", "-u"]).stdout.strip() == "0"
        return self._is_root

    def refuse_users(self) -> None:
        """Raise Refused where the run is an ordinary user's."""
        if self.installed() and not self.is_root():
            raise Refused("podman's containers of a single user are not managed: their limits, units and addresses are the user's"
                          " session's and end with it", "run with become: true")

    def ask(self, *arguments: str, timeout: Optional[float] = None) -> Result:
        """What podman answers, whatever its exit code."""
        return self.host.run(["podman"] + list(arguments), timeout=timeout)

    def run(self, doing: str, *arguments: str, stdin: Optional[str] = None, timeout: Optional[float] = None) -> str:
        """What podman prints. Raises EngineError that begins with `cannot DOING` and goes on with podman's own words."""
        said = self.host.run(["podman"] + list(arguments), stdin=stdin, timeout=timeout)
        if said.rc != 0:
            raise EngineError("cannot %s: %s" % (doing, reason(said)))
        return said.stdout

    def remove(self, name: str, *arguments: str) -> None:
        """Removes a container.

        podman 4 loses a race with its own cleanup of a container that has just ended: the file systems of the container are still in use
        then ("device or resource busy"), and it is asked again, for BUSY seconds. What the first attempt took away is no error then.
        """
        deadline = time.monotonic() + BUSY
        while True:
            said = self.ask("rm", *arguments)
            if said.rc == 0:
                return
            words = reason(said)
            if "device or resource busy" not in words or time.monotonic() >= deadline:
                raise EngineError("cannot remove the container %s: %s" % (name, words))
            time.sleep(PAUSE)
            if self.ask("container", "exists", "--external", arguments[-1]).rc != 0:
                return

    def version(self) -> Tuple[int, ...]:
        """The version as numbers: (4, 3, 1)."""
        if not self._version:
            words = re.findall(r"\d+", self.run("ask podman for its version", "--version"))
            self._version = tuple(int(word) for word in words[:3]) or (0,)
        return self._version

    def inspect(self, kind: str, names: Sequence[str]) -> List[Document]:
        """The documents of these containers or images, in one call; those that are not there are left out."""
        if not names:
            return []
        said = self.ask(kind, "inspect", *names)
        # One that is missing makes the exit code 125, and the others are printed all the same.
        if said.rc != 0 and not re.search(r"no such|not known", said.stderr, re.IGNORECASE):
            raise EngineError("cannot read the %ss of podman: %s" % (kind, reason(said)))
        return list(json.loads(said.stdout or "[]"))

    def container_ids(self) -> List[str]:
        """The ids of all containers, running or not."""
        return self.run("list the containers of podman", "ps", "--all", "--quiet", "--no-trunc").split()

    def names(self, kind: str) -> List[str]:
        """The names of all volumes, secrets or networks."""
        form = "{{.Name}}"
        return self.run("list the %ss of podman" % kind, kind, "ls", "--format", form).split()

    def networks(self) -> Dict[str, Document]:
        """All networks with their subnets, by name."""
        listed = json.loads(self.run("list the networks of podman", "network", "ls", "--format", "json") or "[]")
        return {network["name"]: network for network in listed}

    def has_image(self, reference: str) -> bool:
        """Whether an image is in the host's own storage."""
        return self.ask("image", "exists", reference).rc == 0


def reason(said: Result) -> str:
    """What podman gave as the reason: its `Error:` and what follows, without the warnings before it."""
    lines = [line.strip() for line in said.stderr.splitlines() if line.strip()]
    first = next((index for index, line in enumerate(lines) if line.startswith("Error: ")), None)
    # What follows belongs to it: podman writes several errors one below the other.
    told = lines[-2:] if first is None else [lines[first][len("Error: "):]] + lines[first + 1:]
    return (" ".join(told) or "exit code %d" % said.rc)[:800]
