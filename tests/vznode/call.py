# Copyright: (c) 2026, flotilla.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""One call of any of the programs, in this process, and the log of what was called."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from .node import Node
from .prl.core import Prlctl
from .prl.server import Prlsrvctl
from .vzctl import Vzctl, grammar
from .vzlist import Vzlist


@dataclass
class Said:
    """What a program said, which grammar entries the call used, and what a driver must not have sent."""

    rc: int
    out: str
    err: str
    used: set[tuple[str, str]] = field(default_factory=set)
    violations: list[str] = field(default_factory=list)


class Vzpkg:
    """`vzpkg list -O -c`, the one call of it that is known here: from its manual, not recorded."""

    def __init__(self, node: Node, argv: list[str]) -> None:
        self.node, self.argv = node, list(argv)
        self.used: set[tuple[str, str]] = set()
        self.violations: list[str] = []

    def run(self) -> tuple[int, str, str]:
        """List the OS templates that have a cache."""
        if self.argv[1:] != ["list", "-O", "-c"]:
            self.violations.append("vzpkg %s is not in the grammar" % " ".join(self.argv[1:]))
            return 250, "", "vznode: not in the grammar\n"
        names = sorted(path.name.partition(".tar")[0] for path in (self.node.vz / "template/cache").iterdir())
        return 0, "".join("%-35s 2026-11-25 10:00:00\n" % name for name in names), ""


def call(node: Node, argv: list[str], stdin: bytes = b"", stream: bool = False, limit: float | None = None,
         parse_only: bool = False) -> Said:
    """Run one of the programs on a node; every call is appended to the node's log.

    parse_only: end prlctl and prlsrvctl with 77 where their words are taken, as the recording of their parser does.
    """
    name = Path(argv[0]).name
    acting: dict[str, Any] = {"vzctl": Vzctl, "prlctl": Prlctl, "prlsrvctl": Prlsrvctl}
    listing: dict[str, Any] = {"vzlist": Vzlist, "vzpkg": Vzpkg}
    program = acting[name](node, argv, stdin, stream, limit) if name in acting else listing[name](node, argv)
    rc, out, err = program.run(parse_only) if parse_only else program.run()
    said = Said(rc, out, err, program.used, program.violations)
    with (node.root / "calls.log").open("a") as log:
        log.write(json.dumps({"argv": [name, *argv[1:]], "rc": rc, "used": sorted(said.used), "violations": said.violations}) + "\n")
    return said


def log_of(node: Node) -> list[dict[str, Any]]:
    """Every call on this node so far."""
    path = node.root / "calls.log"
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


def used(node: Node, *programs: str) -> set[tuple[str, str]]:
    """The grammar entries that the calls of these programs used (all: of any), each as its command and option.

    A command itself is (command, ""); a sub-command of prlsrvctl is (command, sub-command). For the rule that everything that a driver may send
    is sent by a test: the driver's own table less this set must be empty. Each entry is in the grammar, or it would not be here.
    """
    return {(command, option) for entry in log_of(node) if not programs or entry["argv"][0] in programs for command, option in entry["used"]}


def entries(program: str) -> set[tuple[str, str]]:
    """Everything that a grammar knows, in the form of `used`: what a driver's table names and this has not, the double would refuse."""
    rules = grammar(program)
    found = {("", option) for option in rules["global_options"]}
    for name, entry in (rules.get("actions") or rules["commands"]).items():
        subs = entry.get("subs", {})
        options = set(rules["set"] if name == "set" and "set" in rules else entry.get("options", {}))
        options |= {option for sub in subs.values() for option in sub["options"]}
        found |= {(name, option) for option in ("", *options, *subs, *(rules["global_options"] if "actions" in rules else ()))}
    return found
