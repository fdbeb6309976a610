# Copyright: (c) 2026, flotilla.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Figures: collected, printed as tables, and written as JSON."""

from __future__ import annotations

import json
import os
import platform
import re
import statistics
import subprocess
import sys
from dataclasses import asdict, dataclass, field
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from runs import Sample

WORKS = ("define from nothing", "nothing to do", "one changed")


@dataclass
class Figure:
    """What one contender took for one work on so many domains. The figure is the median of the samples' seconds.

    extrapolated_from: the number of domains that were measured, where `domains` were not.
    """

    contender: str
    work: str
    domains: int
    samples: list[Sample] = field(default_factory=list)
    extrapolated_from: int = 0
    extrapolated_seconds: float = 0.0

    @property
    def seconds(self) -> float:
        """The figure."""
        return self.extrapolated_seconds or statistics.median(sample.seconds for sample in self.samples)

    @property
    def cpu(self) -> float:
        """The median of the samples' CPU seconds, which another load on the machine disturbs less."""
        return statistics.median(sample.cpu for sample in self.samples)

    def text(self) -> str:
        """The figure for a table; `~` marks one that was not measured."""
        return f"{'~' if self.extrapolated_from else ''}{seconds_text(self.seconds)}"


@dataclass
class Target:
    """What a figure should be. Nothing fails when it is not."""

    what: str
    wanted: str
    figure: str
    met: bool


@dataclass
class Report:
    """Everything of one run of the benchmark. full, live, containers: as `in_process.py full`, `live.py` and `containers.py` print them."""

    figures: list[Figure] = field(default_factory=list)
    targets: list[Target] = field(default_factory=list)
    in_process: list[dict[str, Any]] = field(default_factory=list)
    full: dict[str, Any] = field(default_factory=dict)
    live: dict[str, Any] = field(default_factory=dict)
    containers: dict[str, Any] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    versions: dict[str, str] = field(default_factory=dict)
    machine: dict[str, Any] = field(default_factory=dict)

    def add(self, contender: str, work: str, domains: int, *samples: Sample) -> Figure:
        """Note samples and say so on stderr, since the whole takes minutes."""
        figure = Figure(contender, work, domains, list(samples))
        self.figures.append(figure)
        each = " ".join(seconds_text(sample.seconds) for sample in samples) or "extrapolated"
        print(f"{contender}, {domains} domains, {work}: {each}", file=sys.stderr, flush=True)
        return figure

    def find(self, contender: str, work: str, domains: int) -> Figure | None:
        """The figure of a contender, if there is one."""
        wanted = (contender, work, domains)
        return next((figure for figure in self.figures if (figure.contender, figure.work, figure.domains) == wanted), None)

    def write(self, path: Path) -> None:
        """Write all of it, with each sample, and each figure with its seconds."""
        document = {
            "when": datetime.now(timezone.utc).isoformat(timespec="seconds"),
            "versions": self.versions,
            "machine": self.machine,
            "figures": [{**asdict(figure), "seconds": figure.seconds} for figure in self.figures],
            "in_process": self.in_process,
            "full": self.full,
            "live": self.live,
            "containers": self.containers,
            "targets": [asdict(target) for target in self.targets],
            "notes": self.notes,
        }
        path.write_text(json.dumps(document, indent=2) + "\n", encoding="utf-8")


def seconds_text(seconds: float) -> str:
    """Seconds with about three figures."""
    return f"{seconds * 1000:.1f} ms" if seconds < 0.1 else f"{seconds:.2f} s" if seconds < 100 else f"{seconds:.0f} s"


def lines(rows: list[list[str]]) -> list[str]:
    """Rows as lines with columns of one width, the first to the left and the others to the right."""
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    return ["  ".join(cell.ljust(width) if column == 0 else cell.rjust(width) for column, (cell, width) in enumerate(zip(row, widths)))
            for row in rows]


def command_output(*command: str) -> str:
    """The first line that a command prints."""
    said = subprocess.run(command, capture_output=True, text=True, check=False).stdout.strip()
    return said.splitlines()[0] if said else "unknown"


def version_in(text: str) -> str:
    """The first version number in what a program says about itself, or all of it."""
    found = re.search(r"\d+(\.\d+)+", text)
    return found.group(0) if found else text


def machine() -> dict[str, Any]:
    """What the figures depend on."""
    cpu = next((line.split(":", 1)[1].strip() for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
                if line.startswith("model name")), platform.machine())
    memory = int(Path("/proc/meminfo").read_text(encoding="ascii").split()[1])
    return {"cpu": cpu, "cores": os.cpu_count(), "memory_gib": round(memory / 2**20, 1), "kernel": platform.release(),
            "load_before": os.getloadavg()[0]}
