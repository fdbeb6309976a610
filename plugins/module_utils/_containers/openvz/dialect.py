# Copyright: (c) 2026, flotilla.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The dialects of vzctl, found by asking it: version 4 (OpenVZ 6 and older) and version 7 to 9.

They look alike and differ in units, exit codes and what they know. Everything in which they do stands here.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Dict, FrozenSet, Mapping, Optional, Tuple

from ..._reconcile.errors import EngineError
from ..host import Host

PAGE = 4096
"""Bytes of a page: memory is stored in pages, on every architecture that OpenVZ was made for."""
_VERSION = re.compile(r"vzctl (?:version |v\.)(\d+)((?:\.\d+)*)")
_COMMON: Dict[str, Tuple[str, ...]] = {
    "": ("--version",),
    "create": ("--ostemplate", "--name"),
    "start": (), "stop": ("--fast",), "mount": (), "umount": (), "destroy": (), "exec2": (),
    "set": ("--save", "--ram", "--swap", "--cpus", "--cpulimit", "--cpuunits", "--cpumask", "--diskspace", "--diskinodes", "--ioprio",
            "--iolimit", "--iopslimit", "--ipadd", "--ipdel", "--hostname", "--nameserver", "--searchdomain", "--netif_add", "--netif_del",
            "--onboot", "--bootorder"),
    "vzlist": ("-a", "-j", "-o"),
}


@dataclass(frozen=True)
class Dialect:
    """One dialect: what it may be asked, and how it says what.

    uses: every command with every option that this driver may send; nothing else passes `command.Vzctl`.
    retry: exit codes that say that somebody else holds the container for the moment.
    features: the names that it knows. Version 4 takes any unknown one of four letters for nfsd, so they are checked here.
    """

    version: int
    text: str
    uses: Mapping[str, Tuple[str, ...]]
    retry: FrozenSet[int]
    features: FrozenSet[str]
    fields: Tuple[str, ...]
    meanings: Mapping[int, str] = field(default_factory=dict)

    def pages(self, count: int) -> str:
        """A number of pages as the configuration has a limit: version 4 keeps the barrier at 0."""
        if self.version >= 7:
            return "%d:%d" % (count, count)
        return "0:%d" % count if count else "0"


_FIELDS = ("ctid", "status", "physpages", "cpulimit", "cpuunits")
_MEANINGS = {
    5: "the running kernel is no OpenVZ kernel", 6: "the node has not enough resources for it", 12: "vzctl must be run by root",
    34: "an address could not be added", 46: "the disk is full", 47: "its root file system has no /sbin/init", 78: "an address of it is in use",
    91: "the OS template is not there", 105: "it is disabled (DISABLED=\"yes\" in its configuration)",
    139: "its configuration could not be saved",
}
VZCTL4 = Dialect(
    4, "vzctl 4", _COMMON, frozenset((9,)), frozenset(("nfs", "nfsd", "sysfs", "sit", "ipip", "ppp", "ipgre", "bridge")), _FIELDS,
    {**_MEANINGS, 131: "its name is taken or not possible", 96: "the node has not these CPUs"})
VZCTL7 = Dialect(
    7, "vzctl 7 or later", dict(_COMMON, unregister=()), frozenset((9, 207)),
    frozenset(("nfs", "nfsd", "sysfs", "sit", "ipip", "ppp", "ipgre", "bridge", "time")), _FIELDS,
    {**_MEANINGS, 12: "the node has no licence", 137: "its name is taken or not possible", 146: "the node has not these CPUs"})


def probe(host: Host) -> Dialect:
    """Ask vzctl for its version. Raises EngineError for an answer that is none."""
    said = host.run(["vzctl", "--version"])
    match = _VERSION.search(said.stdout) or _VERSION.search(said.stderr)
    if not match:
        raise EngineError("vzctl --version says nothing that is known: %s" % (said.stdout + said.stderr).strip(),
                          "this collection knows version 3 and 4, and 7 to 9")
    return VZCTL7 if int(match.group(1)) >= 5 else VZCTL4


def version_of(text: str) -> Optional[str]:
    """The version in what `vzctl --version` says."""
    match = _VERSION.search(text)
    return match.group(1) + match.group(2) if match else None
