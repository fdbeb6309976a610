# Copyright: (c) 2026, flotilla.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""One bulk read of a node: every container with its configuration file, our note, and what runs, by one vzlist.

Existence is the configuration file: one without private area is invisible to vzlist.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any, Dict, List, Mapping, Optional, Tuple

from ..._reconcile.annotation import Annotation
from ..._reconcile.errors import EngineError
from ..host import Host, Result
from .command import Vzctl
from .config import settings_of

ETC = "/etc/vz"
CONF, NAMES, GLOBAL = ETC + "/conf", ETC + "/names", ETC + "/vz.conf"
ANNOTATION = ".flotilla"
RUNNING, STOPPED, MOUNTED = "running", "stopped", "mounted"
MADE, KEPT, NAME, MARK = "made", "kept", "name", "mark"
_IDENT = re.compile(r"(?:[1-9][0-9]*|[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})\Z")


@dataclass
class Container:
    """What a node has of one container. `config` is None where only our note, or a private area of ours, is left of it.

    listed: what vzlist said; empty where it does not see the container.
    """

    name: str
    ident: str
    config: Optional[str] = None
    settings: Dict[str, str] = field(default_factory=dict)
    note: Optional[Annotation] = None
    listed: Mapping[str, Any] = field(default_factory=dict)
    private: str = ""
    root: str = ""
    has_private: bool = False

    @property
    def status(self) -> str:
        """vzlist's word for the state; `stopped` where it does not see the container."""
        return str(self.listed.get("status") or STOPPED)

    @property
    def is_up(self) -> bool:
        """Whether it has processes."""
        return self.status not in (STOPPED, MOUNTED)

    @property
    def config_path(self) -> str:
        """Its configuration file."""
        return "%s/%s.conf" % (CONF, self.ident)

    @property
    def note_path(self) -> str:
        """Our note of it."""
        return "%s/%s%s" % (CONF, self.ident, ANNOTATION)

    @property
    def addresses(self) -> List[str]:
        """The routed addresses that it has while it runs, without prefix length."""
        return [word.partition("/")[0] for word in self.settings.get("IP_ADDRESS", "").split()]


def read_node(host: Host, vzctl: Vzctl) -> Dict[str, Container]:
    """Read every container of the node, by its id; what only a note is left of too."""
    entries = host.list_dir(CONF)
    idents = sorted({entry.rpartition(".")[0] for entry in entries if entry.endswith((".conf", ANNOTATION))
                     and _IDENT.match(entry.rpartition(".")[0])}, key=lambda ident: (len(ident), ident))
    texts = host.read_files([GLOBAL] + ["%s/%s%s" % (CONF, ident, ending) for ident in idents for ending in (".conf", ANNOTATION)
                                        if ident + ending in entries])
    everywhere = settings_of(texts.get(GLOBAL, ""))
    found = {ident: _container(ident, texts, everywhere) for ident in idents}
    there = host.existing([item.private for item in found.values()])
    for item in found.values():
        item.has_private = item.private in there
    if any(item.config is not None for item in found.values()):
        for row in vzctl.list(vzctl.dialect.fields):
            ident = str(row.get("ctid", row.get("veid", "")))
            if ident in found:
                found[ident].listed = row
    return found


def _container(ident: str, texts: Mapping[str, str], everywhere: Mapping[str, str]) -> Container:
    config, note = texts.get("%s/%s.conf" % (CONF, ident)), texts.get("%s/%s%s" % (CONF, ident, ANNOTATION))
    item = Container(ident, ident, config, settings_of(config or ""))
    item.note = Annotation.from_json(note, "container %s" % ident) if note else None
    noted = item.note.facts.get(NAME) if item.note is not None else None
    item.name = item.settings.get("NAME") or (str(noted) if noted and config is None else ident)
    if item.note is not None and config is not None and not _is_of(item, str(noted)):
        item.note = None
    item.private = item.settings.get("VE_PRIVATE", everywhere.get("VE_PRIVATE", "/vz/private/$VEID")).replace("$VEID", ident)
    item.root = item.settings.get("VE_ROOT", everywhere.get("VE_ROOT", "/vz/root/$VEID")).replace("$VEID", ident)
    return item


def _is_of(item: Container, noted: str) -> bool:
    """Whether our note is of this container, and not of an earlier one of the same id that somebody destroyed.

    An id of version 4 is soon used again, by the same name even, so its configuration has a line that the note knows; vzctl
    keeps every line that it cannot read (seen with 4.11.1).
    """
    facts = item.note.facts if item.note is not None else {}
    mark = facts.get(MARK) if facts.get(MADE) else None
    return noted in (item.name, item.ident) and (not mark or str(mark) in (item.config or "").splitlines())


def by_name(found: Mapping[str, Container]) -> Dict[str, Container]:
    """The containers by name; of two with one name the first, and the other by its id. One that was kept is none."""
    result: Dict[str, Container] = {}
    for ident, item in found.items():
        if item.config is None and (item.note is None or item.note.facts.get(KEPT)):
            continue
        if item.name in result and result[item.name].config is not None:
            item.name = ident
        result[item.name] = item
    return result


def is_unfinished(item: Container) -> bool:
    """Whether it was begun and not made, or somebody destroyed it: then a run makes it (again) from its template."""
    if item.config is None:
        return True
    return item.note is not None and item.note.created and not item.note.facts.get(MADE)


def global_settings(host: Host) -> Dict[str, str]:
    """The node's own settings. Raises EngineError where they are not there: then no command of vzctl works."""
    text = host.read_file(GLOBAL)
    if text is None:
        raise EngineError("%s is not there" % GLOBAL, "install OpenVZ whole, or put the file back")
    return settings_of(text)


def boot_of(vzctl: Vzctl, item: Container) -> Optional[Tuple[int, int]]:
    """Which start of the container this is: when it was, and its init's own start; None where it does not say.

    On an OpenVZ kernel the first tells two starts apart, on any other the second.
    """
    return boot_in(vzctl.run("exec2", item.ident, "cat /proc/uptime /proc/1/stat", wrong=True), vzctl.host.clock())


def boot_in(said: Result, now: float) -> Optional[Tuple[int, int]]:
    """The start of a container in the texts of its /proc/uptime and /proc/1/stat, by the host's clock."""
    lines = said.stdout.splitlines()
    if said.rc != 0 or len(lines) < 2 or ")" not in lines[-1]:
        return None
    return int(now - float(lines[-2].split()[0])), int(lines[-1].rpartition(")")[2].split()[19])
