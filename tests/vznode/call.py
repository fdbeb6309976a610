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
from .vzctl import Vzctl
from .vzlist import Vzlist


@dataclass
class Said:
    """What a program said, which grammar entries the call used, and what a driver must not have sent."""

    rc: int
    out: str
    err: str
    used: set[tuple[str, str]] = field(default_factory=set)
    violations: list[str] = field(default_factory=list)


def call(node: Node, argv: list[str], stdin: bytes = b"", stream: bool = False) -> Said:
    """Run `vzctl` or `vzlist` on a node; every call is appended to the node's log."""
    name = Path(argv[0]).name
    program: Any = Vzlist(node, argv) if name == "vzlist" else Vzctl(node, argv, stdin, stream)
    rc, out, err = program.run()
    said = Said(rc, out, err, program.used, program.violations)
    with (node.root / "calls.log").open("a") as log:
        log.write(json.dumps({"argv": [name, *argv[1:]], "rc": rc, "used": sorted(said.used), "violations": said.violations}) + "\n")
    return said


def log_of(node: Node) -> list[dict[str, Any]]:
    """Every call on this node so far."""
    path = node.root / "calls.log"
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []
