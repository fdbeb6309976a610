# Copyright: (c) 2026, flotilla.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Running prlctl and prlsrvctl: always an argument list, judged by its exit code alone, which is read together with the state.

Both warn on standard error, nearly always, that they are deprecated: text there is never a failure by itself.
"""

from __future__ import annotations

import json
from typing import Any, Dict, List, Mapping, Optional, Sequence, Tuple

from ..._reconcile.errors import EngineError
from ..host import Host, Result
from ..locked import until_free
from ..openvz.config import DANGEROUS

PLACES = ("/usr/bin/prlctl", "/usr/sbin/prlctl", "/usr/local/bin/prlctl", "/usr/local/sbin/prlctl", "/bin/prlctl")
RETRY = frozenset((9, 207))
"""Exit codes of vzctl below prlctl that say that another command holds the container for the moment."""
NO_DISPATCHER, FROZEN, SDK = 253, 254, 255
CREATE_TIMEOUT = 1800.0
START_TIMEOUT = 300.0
LONG = 7200.0
"""Seconds for what copies all the data of a guest."""

USES: Mapping[Tuple[str, str], Tuple[str, ...]] = {
    ("prlctl", "list"): ("-i", "-j", "--vmtype"),
    ("prlctl", "create"): ("--vmtype", "--ostemplate", "--uuid", "--ostype", "--no-hdd"),
    ("prlctl", "start"): (), ("prlctl", "mount"): (), ("prlctl", "umount"): (), ("prlctl", "delete"): (), ("prlctl", "unregister"): (),
    ("prlctl", "pause"): (), ("prlctl", "resume"): (),
    ("prlctl", "stop"): ("--kill",),
    ("prlctl", "exec"): ("--without-shell",),
    ("prlctl", "set"): (
        "--cpus", "--cpulimit", "--cpuunits", "--cpumask", "--memsize", "--swappages", "--ioprio", "--iolimit", "--iopslimit", "--hostname",
        "--nameserver", "--searchdomain", "--autostart", "--features", "--ipadd", "--ipdel", "--cpu-hotplug",
        "--mem-hotplug", "--device-add", "--device-set", "--device-del", "--detach-only", "--size", "--network", "--mac", "--gw", "--image",
        "--device-bootorder", "--dhcp"),
    ("prlctl", "backup"): ("-f", "-i", "--description"),
    ("prlctl", "backup-list"): ("-f", "--vmtype"),
    ("prlctl", "backup-delete"): ("-t",),
    ("prlctl", "restore"): ("-t", "-n"),
    ("prlsrvctl", "info"): ("-j",),
    ("prlsrvctl", "cttemplate"): ("list", "-j"),
    ("prlsrvctl", "net"): ("list", "-j"),
}
"""Every action with every option that this driver may send; nothing else passes."""

_MEANINGS = {
    5: "the running kernel is none of Virtuozzo", 6: "the node has not enough resources for it", 12: "the node has no licence",
    34: "an address could not be added", 46: "the disk is full", 78: "an address of it is in use", 91: "the OS template is not there",
    137: "its name is taken or not possible",
    146: "the node has not these CPUs", 221: "the OS template has no cache",
    FROZEN: "it is in the frozen state",
}


class Prlctl:
    """prlctl and prlsrvctl of one node."""

    def __init__(self, host: Host) -> None:
        self.host = host

    def installed(self) -> bool:
        """Whether prlctl is on this host."""
        return any(self.host.exists(place) for place in PLACES)

    def run(self, action: str, ident: str, *options: str, timeout: Optional[float] = None, wrong: bool = False) -> Result:
        """One action on one guest. No word of it is ever a secret.

        Raises EngineError for an exit code that is not 0, unless `wrong` allows any but that of a dispatcher that is down.
        """
        self._check("prlctl", action, options)
        argv = ["prlctl", action] + ([ident] if ident else []) + list(options)
        said = until_free(ident, RETRY if action != "exec" else (), lambda: self.host.run(argv, timeout=timeout), last)
        if said.rc == NO_DISPATCHER and action != "exec":
            raise no_dispatcher(said)
        if said.rc != 0 and not wrong:
            raise self._error(action, ident, said)
        return said

    @staticmethod
    def _check(program: str, action: str, options: Sequence[str]) -> None:
        known = USES.get((program, action))
        # What follows --without-shell is the guest's.
        own = options[:options.index("--without-shell") + 1] if "--without-shell" in options else options
        sent = [word for word in own if word.startswith("-") and len(word) > 1]
        if known is None or any(word not in known for word in sent):
            raise ValueError("%s %s %s is not in the table of what may be sent" % (program, action, " ".join(sent)))
        if any(DANGEROUS.search(word) for word in own):
            raise EngineError("a value for %s %s has characters that a shell would interpret" % (program, action), "leave them out")

    @staticmethod
    def _error(action: str, ident: str, said: Result) -> EngineError:
        meaning = _MEANINGS.get(said.rc)
        reason = "%s; prlctl says: " % meaning if meaning else ""
        return EngineError("prlctl %s%s ended with %d: %s%s" % (action, " of " + ident if ident else "", said.rc, reason, last(said)))

    # -- asking ---------------------------------------------------------------------------------------------------

    def guests(self) -> List[Dict[str, Any]]:
        """Every container and virtual machine of the node, running or not, in one call."""
        return _objects(self.run("list", "", "-i", "-j", "--vmtype", "all"), "prlctl list")

    def guest(self, ident: str) -> Optional[Dict[str, Any]]:
        """One guest by its id; None where there is none. One call."""
        said = self.run("list", "", "-i", "-j", ident, wrong=True)
        if said.rc != 0:
            return None
        return next(iter(_objects(said, "prlctl list")), None)

    def server(self, *words: str) -> Any:
        """What prlsrvctl answers, as it is in its JSON."""
        self._check("prlsrvctl", words[0], words[1:])
        said = self.host.run(["prlsrvctl"] + list(words))
        if said.rc == NO_DISPATCHER:
            raise no_dispatcher(said)
        if said.rc != 0:
            raise EngineError("prlsrvctl %s ended with %d: %s" % (" ".join(words), said.rc, last(said)))
        return _json(said.stdout, "prlsrvctl %s" % words[0])

    def templates(self) -> Dict[str, bool]:
        """The OS templates of the node, each with whether its cache is there: without one it would be fetched."""
        rows = [row for row in self.server("cttemplate", "list", "-j") if row.get("Type", "os") == "os"]
        return {str(row.get("Name", "")).lstrip("."): row.get("Cached", "yes") == "yes" for row in rows}

    def machine_home(self) -> str:
        """The directory of the node in which new virtual machines are made."""
        return str(self.server("info", "-j").get("VM home") or "/vz/vmprivate").rstrip("/")

    def networks(self) -> List[str]:
        """The names of the node's virtual networks."""
        return [str(row.get("Network ID", "")) for row in self.server("net", "list", "-j")]


def no_dispatcher(said: Result) -> EngineError:
    """The error of a node whose dispatcher does not answer (code 253)."""
    return EngineError("Virtuozzo's dispatcher does not answer: %s" % last(said),
                       "start it (systemctl start prl-disp), and run again")


def last(said: Result) -> str:
    """The last lines that say something; the warning that prlctl itself is deprecated is none of it."""
    for text in (said.stderr, said.stdout):
        lines = [line.strip() for line in text.splitlines() if line.strip() and not line.startswith("WARNING: You are using a deprecated")]
        if lines:
            return "; ".join(lines[-3:])
    return "it printed nothing"


def _json(text: str, what: str) -> Any:
    try:
        # strict: control characters in what people wrote are not escaped.
        return json.loads(text or "[]", strict=False)
    except ValueError as error:
        raise EngineError("the JSON of %s cannot be read: %s" % (what, error)) from None


def _objects(said: Result, what: str) -> List[Dict[str, Any]]:
    found = _json(said.stdout, what)
    return [each for each in found if isinstance(each, dict)] if isinstance(found, list) else []
