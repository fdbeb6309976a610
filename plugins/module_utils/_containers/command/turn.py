# Copyright: (c) 2026, flotilla.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The turn of a run on a node that is reached by commands: the same lock file as `_host.lock`, held by a process there.

No command lasts as long as a run, so a process that the first one leaves behind holds the lock (flock(2)). It goes when the run
says so, and by itself when the run has not been heard of for LEASE seconds. Every command of the run is heard: it
puts the end of the lease off, by the time that it may take itself while it runs, and refuses where the holder is gone. So
a controller that dies frees the node LEASE seconds after the last command that it began has ended. The lease counts by
/proc/uptime, which nobody sets.
"""

from __future__ import annotations

import json
import math
import secrets
import time
from contextlib import contextmanager
from typing import Iterator

from ..._host.lock import DIRECTORIES, POLL_SECONDS, holder_text
from ..._reconcile.errors import Busy, EngineError, FlotillaError
from .shell import Shell

LEASE = 60
"""Seconds that a run may be silent: between two commands lies only what the driver thinks."""
# The file stays readable by its owner only; descriptor 9 is the holder's alone, so that nothing that it starts keeps the lock.
_TAKE = """command -v flock >/dev/null || { echo 'flock is not installed on this node (it is part of util-linux)' >&2; exit 1; }
for place in DIRECTORIES; do [ -d "$place" ] && break; done
lock=$place/flotilla-virt-host-$(id -u).lock lease=$place/flotilla-virt-host-$1.lease
umask 077
exec 9>>"$lock" || exit 1
flock -n 9 || { cat "$lock"; verdict=busy; exit; }
read -r up rest </proc/uptime
last=$((${up%%.*} + $2))
echo "$last" >"$lease" || exit 1
(
  trap - 0
  trap '' 1
  while sleep 1 9>&-; do
    [ -e "$lease" ] || break
    read -r next <"$lease" && last=$next
    read -r up rest </proc/uptime
    [ "${up%%.*}" -le "$last" ] || break
  done
  rm -f "$lease" 9>&-
) </dev/null >/dev/null 2>&1 &
printf '{"pid": %d, "what": "%s", "since": "%s"}' $! "$3" "$(date -u +%Y-%m-%dT%H:%M:%SZ)" >"$lock"
echo "$! $lease"
""".replace("DIRECTORIES", " ".join(DIRECTORIES))
# The lease is empty for a moment here; its reader then goes by what it read before.
_GUARD = """heard() {
  { kill -0 %(pid)d && [ -e %(lease)s ]; } 2>/dev/null || return 1
  read -r now rest </proc/uptime
  echo $((${now%%%%.*} + $1 + %(length)d)) >%(lease)s
}
heard %(seconds)d || { verdict=lost; exit; }
"""
_GIVE_BACK = 'rm -f -- "$2"; kill "$1" 2>/dev/null; exit 0'


class NodeTurn:
    """Turns on one node."""

    def __init__(self, shell: Shell, lease: int = LEASE) -> None:
        self.shell = shell
        self.lease = lease

    @contextmanager
    def __call__(self, what: str, timeout: float = 300.0) -> Iterator[None]:
        """Holds the node while the block runs. Waits at most `timeout` seconds and then raises Busy, which says who holds it."""
        pid, lease = self._take(what, time.monotonic() + timeout).split()
        self.shell.guard = lambda seconds: _GUARD % {"pid": int(pid), "lease": lease, "seconds": math.ceil(seconds), "length": self.lease}
        try:
            yield
        finally:
            self.shell.guard = None
            self._give_back(pid, lease)

    def _take(self, what: str, deadline: float) -> str:
        token = secrets.token_hex(8)
        plain = json.dumps(what)[1:-1]
        while True:
            said = self.shell.ask(_TAKE, token, str(self.lease), plain)
            if said.code != 0:
                raise EngineError("cannot take the turn on this node: %s" % said.reason(), "run with become: true where it is not root's")
            if not said.verdict:
                return said.out
            if time.monotonic() > deadline:
                raise Busy("another run holds this host: %s" % holder_text(said.out), "wait for it to end, or raise lock_timeout")
            time.sleep(5 * POLL_SECONDS)

    def _give_back(self, pid: str, lease: str) -> None:
        try:
            self.shell.ask(_GIVE_BACK, pid, lease)
        except FlotillaError:
            # The node does not answer. What the run did is told all the same, and the lease ends by itself.
            return
