# Copyright: (c) 2026, flotilla.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Snapshots: of containers with layout simfs what the real program answers; of ploop ones a simulation, names and dates only."""

from __future__ import annotations

import json
import time
import uuid
from typing import TYPE_CHECKING, Any

from .node import Ended

if TYPE_CHECKING:
    from .vzctl import Vzctl

_FIELDS = {"uuid": "UUID", "parent_uuid": "PARENT_UUID", "current": "C", "date": "DATE", "name": "NAME", "desc": "DESC", "device": "DEVICE",
           "target": "TARGET"}
_CODES = {"create": 156, "delete": 158, "switch": 159, "mount": 160, "umount": 161, "list": 167}


class Snapshots:
    """The snapshots of one container."""

    def __init__(self, call: Vzctl, ident: str) -> None:
        self.call = call
        self.ident = ident
        self.four = call.node.version == 4
        self.path = call.node.private(ident) / "Snapshots.json"

    def _end(self, rc: int, *err: str) -> None:
        self.call.err.extend(err)
        raise Ended(rc)

    def run(self, verb: str, options: dict[str, Any]) -> None:
        """Carry out one of the snapshot commands."""
        if verb == "list":
            fields = (options.get("-o") or options.get("--output") or "parent_uuid,current,uuid,date,name").split(",")
            for field in fields:
                if field not in _FIELDS:
                    self._end(21, "Unknown field: %s" % field)
            if "-L" in options or "--list" in options:
                self.call.out.extend("%-15s %-15s" % pair for pair in _FIELDS.items())
                return
        elif verb != "create":
            self._check_words(verb, options)
        config = self.call.config(self.ident)
        if config.values.get("VE_LAYOUT") != "ploop" or not self.four:
            if verb == "list" and not self.four:
                self._list(fields, options)
                return
            self._end(_CODES[verb], "Snapshot feature is only available for ploop-based CTs" if self.four
                      else "Snapshot supported for ploop based Container only")
        if verb == "list":
            self._list(fields, options)
        else:
            getattr(self, "_" + verb)(options)

    def _check_words(self, verb: str, options: dict[str, Any]) -> None:
        if "--id" not in options:
            self._end(20, "Invalid syntax: snapshot id is missing" if self.four else "Snapshot uuid is not specified.")
        if verb == "mount" and "--target" not in options:
            self._end(20, "Invalid syntax: mount target is missing" if self.four else "Mount direcory is not specified.")
        if "--skip-resume" in options and "--must-resume" in options:
            self._end(20, "Invalid syntax: --skip-resume and --must-resume can not be used together")

    def _read(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = json.loads(self.path.read_text()) if self.path.exists() else []
        return found

    def _list(self, fields: list[str], options: dict[str, Any]) -> None:
        widths = {"uuid": 38, "parent_uuid": 38, "current": 1, "date": 19, "name": 32, "desc": 32, "device": 16, "target": 16}
        if "-H" not in options and "--no-header" not in options:
            self.call.out.append(" ".join("%-*s" % (widths[field], _FIELDS[field]) for field in fields))
        for row in self._read():
            cells = [row.get(field, "") for field in fields]
            self.call.out.extend(" ".join("%-*s" % (widths[field], cell) if index < len(fields) - 1 else cell
                                          for index, (field, cell) in enumerate(zip(fields, cells))).split("\n"))

    def _create(self, options: dict[str, Any]) -> None:
        word = "{%s}" % (options.get("--id") or options.get("--uuid") or uuid.uuid4())
        rows = self._read()
        self.call.out.append("Creating snapshot %s" % word)
        if any(row["uuid"] == word for row in rows):
            self._end(156, "Invalid guid %s specified: already exists" % word, "Failed to create snapshot")
        current = next((row["uuid"] for row in rows if row["current"] == "*"), "")
        for row in rows:
            row["current"] = ""
        rows.append({"uuid": word, "parent_uuid": current, "current": "*", "name": options.get("--name", ""),
                     "desc": options.get("--description", ""), "date": time.strftime("%Y-%m-%d %H:%M:%S")})
        self.path.write_text(json.dumps(rows))
        self.call.out.extend(["ploop snapshot %s has been successfully created" % word,
                              "Snapshot %s has been successfully created" % word])

    def _find(self, options: dict[str, Any], code: int) -> dict[str, Any]:
        word = "{%s}" % options["--id"]
        row = next((row for row in self._read() if row["uuid"] == word), None)
        if row is None:
            self._end(code, "Unable to find snapshot by uuid %s" % word)
        assert row is not None
        return row

    def _switch(self, options: dict[str, Any]) -> None:
        row = self._find(options, 159)
        if "--must-resume" in options:
            self._end(159, "Error: no dump in snapshot, unable to resume", "Failed to switch to snapshot %s" % row["uuid"])
        self.call.out.extend(["Switching to snapshot %s" % row["uuid"], "ploop snapshot has been successfully switched",
                              "Container has been successfully switched to another snapshot"])

    def _delete(self, options: dict[str, Any]) -> None:
        row = self._find(options, 158)
        self.path.write_text(json.dumps([other for other in self._read() if other["uuid"] != row["uuid"]]))

    def _mount(self, _options: dict[str, Any]) -> None:
        self._end(160, "Snapshot description file %s/Snapshots.xml not found" % self.call.node.place(self.ident, "VE_PRIVATE"))

    def _umount(self, options: dict[str, Any]) -> None:
        word, image = "{%s}" % options["--id"], self.call.node.place(self.ident, "VE_PRIVATE") + "/root.hdd/root.hdd"
        self.call.out.append("Umounting snapshot %s" % word)
        self._end(161, "Image %s is not mounted" % image, "Failed to umount snapshot %s: Image %s is not mounted [40]" % (word, image))
