# Copyright: (c) 2026, flotilla.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Backups of Virtuozzo's guests: `prlctl backup`, `backup-list`, `backup-delete` and `restore`."""

from __future__ import annotations

import re
import time
from typing import Any, Dict, List, Mapping, Optional, Sequence

from ..._reconcile.backups import FULL, INCREMENTAL, Backup, There, Wanted
from ..._reconcile.errors import DeclarationError, EngineError
from ..host import Host
from ..names import check_names
from ..openvz.config import DANGEROUS
from . import grammar, read
from .command import LONG, Prlctl

RESTORED = ".restored"
_DATES = ("%m/%d/%Y %H:%M:%S", "%Y-%m-%d %H:%M:%S", "%Y-%m-%dT%H:%M:%S")


class VirtuozzoStore:
    """The backups of one node. Which backup a guest was last restored from stands in a file beside our notes."""

    def __init__(self, host: Host) -> None:
        self.host = host
        self.prlctl = Prlctl(host)
        self._guests: Dict[str, read.Guest] = {}

    def there(self, want: Wanted) -> There:
        """See `Store.there`."""
        check_names([want.name] + ([want.to] if want.to else []))
        if DANGEROUS.search(want.description):
            raise DeclarationError.at("description", "has characters that a shell would interpret", "leave quotes, $, backquotes and backslashes out")
        if not self.prlctl.installed():
            raise EngineError("Virtuozzo is not installed on this host (no prlctl)",
                              "run the role flotilla.virt.virtuozzo_host to see what is missing")
        found = read.read_node(self.host, self.prlctl)
        self._guests = read.by_name({ident: item for ident, item in found.items() if item.document is not None})
        item = self._guests.get(want.name) or read.by_id(want.name, found)
        backups = [backup for backup in self.all(None) if backup.guest_id == item.ident] if item is not None else self.all([want.name])
        ident = item.ident if item is not None else next((backup.guest_id for backup in backups), "")
        noted = (self.host.read_file(self._note(ident)) or "").strip() if ident else ""
        return There(_guest(item), backups, noted, bool(want.to) and want.to in self._guests)

    def all(self, names: Optional[Sequence[str]]) -> List[Backup]:
        """See `Store.all`. One call."""
        if not self.prlctl.installed():
            return []
        said = self.prlctl.run("backup-list", "", "-f", "--vmtype", "all", timeout=LONG)
        found = backups_of(said.stdout)
        return found if names is None else [backup for backup in found if backup.guest in names or backup.guest_id in names]

    def make(self, want: Wanted, kind: str) -> None:
        """See `Store.make`."""
        words = ["--description", want.description] if want.description else []
        self.prlctl.run("backup", self._ident(want.name), "-f" if kind == FULL else "-i", *words, timeout=LONG)

    def delete(self, backup: Backup) -> None:
        """See `Store.delete`."""
        self.prlctl.run("backup-delete", "", "-t", backup.ident, timeout=LONG)

    def restore(self, want: Wanted, backup: Backup) -> None:
        """See `Store.restore`. The note is written after it: a run that dies before is done again."""
        name = ["-n", want.to] if want.to else []
        self.prlctl.run("restore", "", "-t", backup.ident, *name, timeout=LONG)
        if not want.to:
            if not self.host.exists(read.NOTES):
                self.host.make_dir(read.NOTES, 0o700)
            self.host.write_file(self._note(backup.guest_id), backup.ident + "\n", 0o600)

    def _ident(self, name: str) -> str:
        item = self._guests.get(name)
        return item.ident if item is not None else name

    @staticmethod
    def _note(ident: str) -> str:
        return "%s/%s%s" % (read.NOTES, ident, RESTORED)


def _guest(item: Optional[read.Guest]) -> Optional[Mapping[str, Any]]:
    if item is None:
        return None
    note = item.note
    return {"id": item.ident, "state": grammar.STATES.get(item.state, item.state), "protect": bool(note is not None and note.applied.get("protect")),
            "fleet": note.fleet if note is not None else None}


def backups_of(text: str) -> List[Backup]:
    """The backups in what `prlctl backup-list -f` prints: blocks of `Key: value`, apart by an empty line, the disks indented."""
    found: List[Backup] = []
    for block in re.split(r"\n\s*\n", text):
        pairs = [line.partition(":") for line in block.splitlines() if ":" in line and not line.startswith(("\t", " "))]
        values = {key.strip(): value.strip() for key, _colon, value in pairs}
        if values.get("Backup_ID"):
            found.append(_backup(values))
    return found


def _backup(values: Mapping[str, str]) -> Backup:
    ident = values["Backup_ID"]
    # An incremental backup is its full one with a number: `{UUID}.2`.
    base = ident.rpartition(".")[0] if "." in ident else ""
    full = values.get("Type", "f").lower().startswith("f")
    size = values.get("Size", "")
    return Backup(ident, values.get("Name", ""), values.get("VM_UUID", "").strip("{}"), FULL if full else INCREMENTAL, _date(values.get("Date", "")),
                  int(size) if size.isdigit() else None, values.get("Description", ""), values.get("Host", ""), "" if full else base)


def _date(text: str) -> float:
    """Seconds since 1970 of a date in the node's own time; 0 (older than any age) for one that cannot be read."""
    for form in _DATES:
        try:
            return time.mktime(time.strptime(text, form))
        except ValueError:
            continue
    return 0.0
