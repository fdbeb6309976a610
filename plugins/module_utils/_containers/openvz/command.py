# Copyright: (c) 2026, flotilla.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Running vzctl: always an argument list, judged by its exit code alone, tried again while somebody else holds the container."""

from __future__ import annotations

from typing import Any, Dict, List, Optional, Sequence

from ..._reconcile.errors import EngineError
from ..host import Host, Result
from ..locked import until_free
from . import listing
from .config import DANGEROUS
from .dialect import Dialect

CREATE_TIMEOUT = 1800.0
START_TIMEOUT = 300.0


class Vzctl:
    """vzctl and vzlist of one node."""

    def __init__(self, host: Host, dialect: Dialect) -> None:
        self.host = host
        self.dialect = dialect

    def run(self, command: str, ident: str, *options: str, timeout: Optional[float] = None, wrong: bool = False) -> Result:
        """One command on one container; `options` in pairs or single, as vzctl has them.

        Raises EngineError for an exit code that is not 0, unless `wrong` allows any. Code 9 (7 and later: 207 too) says
        that another command holds the container: it is tried again for a while (`locked`).
        """
        self._check(command, options)
        said = until_free(ident, self.dialect.retry, lambda: self.host.run(["vzctl", command, ident] + list(options), timeout=timeout), _last)
        if said.rc != 0 and not wrong:
            raise self.error(command, ident, said)
        return said

    def _check(self, command: str, options: Sequence[str]) -> None:
        known = self.dialect.uses.get(command)
        sent = [word for word in options if word.startswith("--")] if command != "exec2" else []
        if known is None or any(word not in known for word in sent):
            raise ValueError("vzctl %s %s is not in the table of %s" % (command, " ".join(sent), self.dialect.text))
        if command != "exec2" and any(DANGEROUS.search(word) for word in options):
            raise EngineError("a value for vzctl %s has characters that a shell would interpret" % command, "leave them out")

    def error(self, command: str, ident: str, said: Result) -> EngineError:
        """The error of a command: what its code means, and what it printed last."""
        meaning = self.dialect.meanings.get(said.rc)
        reason = "%s; vzctl says: " % meaning if meaning else ""
        return EngineError("vzctl %s of the container %s ended with %d: %s%s" % (command, ident, said.rc, reason, _last(said)))

    def list(self, fields: Sequence[str]) -> List[Dict[str, Any]]:
        """What vzlist knows of every container, stopped ones included, in one call."""
        said = self.host.run(["vzlist", "-a", "-j", "-o", ",".join(fields)])
        if said.rc != 0:
            raise EngineError("vzlist ended with %d: %s" % (said.rc, _last(said)))
        return listing.parse(said.stdout)


def _last(said: Result) -> str:
    """The last lines that say something; what vzctl only notices (no OpenVZ kernel, no distribution file) is none of it."""
    lines = [line.strip() for line in (said.stderr.strip() or said.stdout).splitlines() if line.strip()]
    telling = [line for line in lines if not line.startswith(("Warning:", "Directory /proc/vz"))]
    return "; ".join((telling or lines)[-3:]) or "it printed nothing"
