# Copyright: (c) 2026, flotilla.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""One bulk read of a node: every container and virtual machine by one prlctl, with our notes and the configuration files.

Our note of a guest is `/etc/vz/flotilla/UUID.json`: beside the engine's own configuration, and apart from the notes of engine
openvz, whose containers a Virtuozzo node has too.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Dict, List, Mapping, Optional, Sequence, Tuple

from ..._reconcile.annotation import Annotation
from ..host import Host
from ..openvz import read as openvz
from ..openvz.config import settings_of
from ..openvz.read import ETC, KEPT, MADE, NAME, RUNNING, STOPPED
from ..openvz.table import limit
from . import table
from .command import Prlctl

NOTES = ETC + "/flotilla"
ENDING = ".json"
DOWN = ("stopped", "mounted", "suspended", "invalid", "unknown")


@dataclass
class Guest:
    """What a node has of one guest. `document` is its JSON, None where only our note is left of it."""

    ident: str
    document: Optional[Dict[str, Any]] = None
    note: Optional[Annotation] = None
    settings: Mapping[str, str] = field(default_factory=dict)
    name: str = ""

    def part(self, *place: str) -> Any:
        """A value of its JSON."""
        return table.at(self.document or {}, place)

    @property
    def kind(self) -> str:
        """`ct` or `vm`; of one that is begun only, as it was noted."""
        if self.document is None:
            return str(self.note.facts.get("vmtype") or table.CT) if self.note is not None else table.CT
        return table.VM if str(self.part("Type")).upper() == "VM" else table.CT

    @property
    def state(self) -> str:
        """prlctl's word for the state; `stopped` where there is none."""
        return str(self.part("State") or STOPPED)

    @property
    def is_up(self) -> bool:
        """Whether it has processes."""
        return self.document is not None and self.state not in DOWN

    @property
    def home(self) -> str:
        """Its directory."""
        return str(self.part("Home") or "").rstrip("/")

    @property
    def note_path(self) -> str:
        """Our note of it."""
        return "%s/%s%s" % (NOTES, self.ident, ENDING)

    @property
    def is_begun(self) -> bool:
        """Whether it was begun and not made, or somebody removed it: then a run makes it (again)."""
        if self.document is None:
            return True
        return self.note is not None and self.note.created and not self.note.facts.get(MADE)

    def devices(self, kind: str) -> Dict[str, Dict[str, Any]]:
        """Its devices of a kind (`hdd`, `net`, `cdrom`, `venet`) by name, in the order of their numbers."""
        hardware = self.part("Hardware") or {}
        names = [name for name in hardware if name[len(kind):].isdigit() and name.startswith(kind)]
        return {name: hardware[name] for name in sorted(names, key=lambda name: int(name[len(kind):]))}

    def images(self, devices: Sequence[str]) -> List[str]:
        """The images of these disks, with their whole path."""
        found = [str(self.part("Hardware", device, "image") or device) for device in devices]
        return [path if path.startswith("/") else "%s/%s" % (self.home, path) for path in found]

    @property
    def swap(self) -> Optional[int]:
        """Bytes of swap in its configuration file, None for no limit and where there is none."""
        pages = limit(self.settings["SWAPPAGES"], table.PAGE) if "SWAPPAGES" in self.settings else None
        return None if pages is None else pages * table.PAGE

    @property
    def addresses(self) -> List[str]:
        """All addresses that are configured for it, with prefix length."""
        devices = list(self.devices("venet").values()) + list(self.devices("net").values())
        return [word for device in devices for word in str(device.get("ips") or "").split()]


def read_node(host: Host, prlctl: Prlctl) -> Dict[str, Guest]:
    """Read every guest of the node, by its id; what only a note is left of too. Templates are none."""
    documents = {str(document.get("ID", "")).strip("{}"): document for document in prlctl.guests() if document.get("Template") != "yes"}
    notes = [name for name in host.list_dir(NOTES) if name.endswith(ENDING)]
    # One that vzctl made has its number there in place of its UUID.
    confs = {ident: ["%s/%s.conf" % (openvz.CONF, word) for word in (ident, document.get("EnvID")) if word]
             for ident, document in documents.items() if document.get("Type") == "CT"}
    texts = host.read_files(["%s/%s" % (NOTES, name) for name in notes] + [path for paths in confs.values() for path in paths])
    found = {ident: Guest(ident, document) for ident, document in documents.items()}
    for name in notes:
        text = texts.get("%s/%s" % (NOTES, name))
        ident = name[:-len(ENDING)]
        if text:
            found.setdefault(ident, Guest(ident)).note = Annotation.from_json(text, "guest %s" % ident)
    for ident, item in found.items():
        item.settings = settings_of(next((texts[path] for path in confs.get(ident, ()) if path in texts), ""))
        item.name = _name(item)
    return found


def _name(item: Guest) -> str:
    noted = item.note.facts.get(NAME) if item.note is not None else None
    return str(item.part("Name") or (noted if item.document is None else None) or item.ident)


def by_name(found: Mapping[str, Guest]) -> Dict[str, Guest]:
    """The guests by name; of two with one name the first, and the other by its id. One that was kept is none."""
    result: Dict[str, Guest] = {}
    for ident, item in sorted(found.items(), key=lambda pair: pair[1].document is None):
        if item.document is None and (item.note is None or item.note.facts.get(KEPT)):
            continue
        result[item.name if item.name not in result else ident] = item
    return result


def by_id(name: str, found: Mapping[str, Guest]) -> Optional[Guest]:
    """A guest by its UUID, or a container by its number."""
    there = [item for item in found.values() if item.document is not None]
    return next((item for item in there if name.lower() == item.ident or name == str(item.part("EnvID") or "")), None)


def write_note(host: Host, item: Guest, annotation: Annotation) -> None:
    """Write our note of a guest, readable by root only."""
    if not host.exists(NOTES):
        host.make_dir(NOTES, 0o700)
    host.write_file(item.note_path, annotation.to_json(), 0o600)


def boot_of(prlctl: Prlctl, item: Guest) -> Optional[Tuple[int, int]]:
    """Which start of the guest this is: when it was, and for a container its init's own start; None where it does not say."""
    if item.kind == table.VM:
        uptime = str(item.part("Uptime") or "")
        return (int(prlctl.host.clock()) - int(uptime), 0) if uptime.isdigit() else None
    said = prlctl.run("exec", item.ident, "--without-shell", "cat", "/proc/uptime", "/proc/1/stat", wrong=True)
    return openvz.boot_in(said, prlctl.host.clock())


__all__ = ["KEPT", "MADE", "NAME", "RUNNING", "STOPPED", "Guest", "boot_of", "by_id", "by_name", "read_node", "write_note"]
