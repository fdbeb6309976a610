# Copyright: (c) 2026, flotilla.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The lab of Virtuozzo's guests: the driver on a node of the contract double of prlctl."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from vznode.call import call, log_of
from vznode.node import Node

from ansible_collections.flotilla.virt.plugins.module_utils._containers.virtuozzo.driver import VirtuozzoDriver
from ansible_collections.flotilla.virt.plugins.module_utils._reconcile.annotation import Annotation

from .container_lab import ContainerLab
from .lab import Documents
from .openvz_lab import NodeHost

PROGRAMS = ("prlctl", "prlsrvctl")
NOTES = "etc/vz/flotilla"


class PrlHost(NodeHost):
    """A node of the double whose prlctl and prlsrvctl run in this process."""

    programs = PROGRAMS
    there = "/usr/bin/prlctl"


class VirtuozzoLab(ContainerLab):
    """The guests of one node."""

    engine = "virtuozzo"

    def __init__(self, node: Node, templates: Mapping[str, str] | None = None) -> None:
        super().__init__(PrlHost(node))
        self.node = node
        self.templates = dict(templates or {})
        # Whose what is left of a removed guest is.
        self.seen: dict[str, str] = {}
        program = node.root / "usr/bin/prlctl"
        program.parent.mkdir(parents=True, exist_ok=True)
        program.touch()

    def asks(self, argv: Sequence[str]) -> bool:
        return argv[0] == "prlsrvctl" or argv[1] in ("list", "exec", "backup-list")

    def driver(self) -> VirtuozzoDriver:
        return VirtuozzoDriver(self.host, self.templates.get)

    def check_driver(self) -> VirtuozzoDriver:
        return VirtuozzoDriver(self.host, self.templates.get, check_mode=True)

    def lasting(self, note: Annotation) -> Annotation:
        """Less the start in which something was noted to wait."""
        waiting = note.facts.get("waiting")
        return replace(note, facts={**note.facts, "waiting": waiting["values"]} if waiting else note.facts)

    # -- the documents --------------------------------------------------------------------------------------------

    def guests(self) -> list[dict[str, Any]]:
        """Every guest as prlctl shows it."""
        found: list[dict[str, Any]] = json.loads(self.prlctl("list", "-i", "-j", "--vmtype", "all") or "[]", strict=False)
        return found

    def documents(self) -> Documents:
        found: Documents = {}
        for guest in self.guests():
            self.seen[guest["ID"]] = guest["Name"]
            shown = {key: value for key, value in guest.items() if key != "Uptime"}
            found["container:%s %s shown" % (guest["Name"], guest["ID"])] = json.dumps(shown, sort_keys=True)
        for place, ending in (("vz/private", ""), ("vz/vmprivate", ""), (NOTES, ".json"), ("etc/vz/conf", ".conf")):
            for path in sorted((self.node.root / place).glob("*-*-*-*-*" + ending)):
                ident = path.name[:36]
                key = "container:%s %s %s" % (self.name_of(ident), ident, place)
                found[key] = path.read_text() if path.is_file() else self._files(path)
        return found

    @staticmethod
    def _files(place: Any) -> str:
        """The names of all files of a guest, with the content of those below /etc."""
        lines = []
        for path in sorted(place.rglob("*")):
            inner = str(path.relative_to(place))
            content = path.read_text(errors="replace") if "/etc/" in "/" + inner and path.is_file() and not path.is_symlink() else ""
            if not path.name.startswith("ssh_host_"):
                lines.append("%s %s" % (inner, content))
        return "\n".join(lines)

    def name_of(self, ident: str) -> str:
        """The name by which a document belongs to a declaration."""
        path = self.node.root / NOTES / (ident + ".json")
        noted = json.loads(path.read_text())["facts"].get("name") if path.exists() else None
        self.seen[ident] = str(noted or self.seen.get(ident, ident))
        return self.seen[ident]

    def public_documents(self) -> Documents:
        return {key: text for key, text in self.documents().items() if not key.endswith("/private")}

    def unnamed(self) -> list[str]:
        named = {guest["ID"] for guest in self.guests()} | {path.stem for path in (self.node.root / NOTES).glob("*.json")}
        areas = [path.name for place in ("vz/private", "vz/vmprivate") for path in (self.node.root / place).glob("*-*-*-*-*")]
        return [ident for ident in areas if ident not in named]

    # -- what tests look at ---------------------------------------------------------------------------------------

    def prlctl(self, *argv: str) -> str:
        """What an administrator does by hand."""
        said = call(self.node, ["prlctl", *argv])
        assert said.rc == 0, (argv, said.rc, said.err)
        return said.out

    def shown(self, name: str) -> dict[str, Any]:
        """A guest as prlctl shows it."""
        return next(guest for guest in self.guests() if guest["Name"] == name)

    def ident(self, name: str) -> str:
        """The UUID of a guest."""
        return str(self.shown(name)["ID"])

    def init(self, name: str) -> tuple[int, str]:
        """Process id and start of a container's init: two inits never share both."""
        live = self.node.live(self.ident(name))
        return live["pid"], live["started"]

    def inside(self, name: str, *argv: str) -> str:
        """What a program says inside."""
        return self.prlctl("exec", name, "--without-shell", *argv).strip()

    def calls(self) -> list[list[str]]:
        """The command lines so far."""
        return [entry["argv"] for entry in log_of(self.node)]

    def used(self) -> set[tuple[str, ...]]:
        """The grammar entries that were used so far."""
        return {tuple(entry) for each in log_of(self.node) for entry in each["used"]}


def settled(documents: Documents) -> Documents:
    """The documents less our notes, in whose starts two guests of one declaration differ, and the MAC addresses that prlctl makes up."""
    return {key: re.sub("00:?1C:?42(:?[0-9A-F]{2}){3}", "001C42", text) for key, text in documents.items() if not key.endswith(NOTES)}
