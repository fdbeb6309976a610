# Copyright: (c) 2026, flotilla.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What one live change of a running guest takes, field by field: ours in process, and the bare libvirt calls that it comes down to.

    live.py URI    prints one JSON object: `fields`, and `left_out` with the reason why a row of the table was not measured

The fields are the rows of the domain table that have a verb; their values are those of the laws' tests. Ours is reading the guest,
deciding, storing the document and changing the running guest; the annotation, the verification and the lock are measured beside it. The
bare calls are those that ours made on the running guest, recorded on the way and made again on the binding, told to store the change too, as
`virsh --live --config` has it. The two take turns. Nothing runs in the guest, which has no disk, so what needs its answer is left out.
Run with build/venv/bin/python and PYTHONPATH at the installed collection.
"""

from __future__ import annotations

import json
import statistics
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import libvirt  # noqa: E402  pylint: disable=wrong-import-position
from ansible_collections.flotilla.virt.plugins.module_utils._host.lock import turn  # noqa: E402  pylint: disable=wrong-import-position
from ansible_collections.flotilla.virt.plugins.module_utils._libvirt.domain import table  # noqa: E402  pylint: disable=wrong-import-position
from laws.domain_cases import BASE, CASES, Case  # noqa: E402  pylint: disable=wrong-import-position
from laws.domain_lab import DomainLab, build_up, declare  # noqa: E402  pylint: disable=wrong-import-position

TURNS = 5
OURS, TWIN = "bench-live", "bench-live-twin"
GUEST: Mapping[str, Any] = {name: value for name, value in BASE.items() if name != "disks"} | {"state": "running"}
NETWORKS = ("lan", "dmz", "carrier")
# On the bridge that `carrier` makes, and that a second one makes.
BRIDGE = Case("nics[].bridge", "bench-br0", "bench-br1", None)
# Fields that go one way only while nothing runs in the guest: each with the value for a number of steps up, and what it needs beside.
UPWARD: Mapping[str, tuple[Callable[[int], Any], Mapping[str, Any]]] = {
    "cpus.count": (lambda step: 1 + step, {"cpus.maximum": 1 + TURNS}),
}
UNANSWERED = "the guest has to answer, and nothing runs in it"
LEFT_OUT: Mapping[str, str] = {
    "state": "it starts and stops the guest", "agent": UNANSWERED, "disks[]": UNANSWERED, "nics[]": UNANSWERED,
    "disks[].size": "the guest has no disk",
}
_STORING = ("defineXML", "defineXMLFlags")
Calls = list[tuple[str, tuple[Any, ...], dict[str, Any]]]


class Stopwatch:
    """Seconds by what they were spent on."""

    def __init__(self) -> None:
        """Start at nothing."""
        self.seconds: dict[str, float] = {}

    @contextmanager
    def running(self, what: str) -> Iterator[None]:
        """Count the time of a block."""
        start = time.perf_counter()
        try:
            yield
        finally:
            self.seconds[what] = self.seconds.get(what, 0.0) + time.perf_counter() - start

    def around(self, what: str, work: Callable[..., Any]) -> Callable[..., Any]:
        """The same function, counted."""
        def counted(*arguments: Any, **options: Any) -> Any:
            with self.running(what):
                return work(*arguments, **options)
        return counted


class LiveChanges:
    """One running guest, and a twin for what cannot be changed back."""

    def __init__(self, uri: str) -> None:
        """Make the networks that the guests are moved between."""
        self.lab = DomainLab(uri)
        for index, name in enumerate(NETWORKS):
            self.lab.raw.networkDefineXML(f"<network><name>{name}</name><bridge name='bench-br{index}'/></network>").create()

    def close(self) -> None:
        """Leave nothing behind."""
        for domain in self.lab.raw.listAllDomains():
            if domain.name() in (OURS, TWIN):
                domain.destroy()
                domain.undefine()
        for name in NETWORKS:
            network = self.lab.raw.networkLookupByName(name)
            network.destroy()
            network.undefine()

    def field(self, case: Case) -> dict[str, Any]:
        """There by one and back by the other, so many times: medians in seconds."""
        base = {**GUEST, "nics": [{"name": "lan"}]} if case is BRIDGE else GUEST
        values = [declare(case, value, base) for value in (case.second, case.first)]
        self._make(OURS, values[-1])
        domain = self.lab.raw.lookupByName(OURS)
        there, back = (self._change(value)[1] for value in values)
        watches, bare = [], []
        for _turn in range(TURNS):
            watches.append(self._change(values[0])[0])
            bare += [_seconds(domain, back), _seconds(domain, there)]
            watches.append(self._change(values[1])[0])
        return _figures(case.pattern, watches, bare)

    def upward(self, pattern: str) -> dict[str, Any]:
        """Step by step up, each step made bare on the twin."""
        value, beside = UPWARD[pattern]
        base: Mapping[str, Any] = GUEST
        for other, needed in beside.items():
            base = build_up(other, needed, base)
        for name in (OURS, TWIN):
            self._make(name, build_up(pattern, value(0), base))
        twin = self.lab.raw.lookupByName(TWIN)
        watches, bare = [], []
        for step in range(1, TURNS + 1):
            watch, calls = self._change(build_up(pattern, value(step), base))
            watches.append(watch)
            bare.append(_seconds(twin, calls))
        return _figures(pattern, watches, bare)

    def _make(self, name: str, raw: Mapping[str, Any]) -> None:
        """A new guest: what a field needs beside, such as a higher ceiling, is fixed when a guest starts."""
        self.lab.must(name, {"state": "absent"})
        self.lab.must(name, raw)

    def _change(self, raw: Mapping[str, Any]) -> tuple[Stopwatch, Calls]:
        """One change by ours, and the calls on the running guest that it was made of."""
        watch = Stopwatch()
        calls: Calls = []
        self.lab.wire.clear()
        with watch.running("all"):
            run, decision = self.lab.decide(OURS, raw)
            decided = time.perf_counter()
            driver: Any = run.driver
            change = driver.change

            def recorded(work: Any) -> None:
                before = len(self.lab.wire.made)
                with watch.running("change"):
                    change(work)
                calls.extend(call for call in self.lab.wire.made[before:] if call[0] not in _STORING)

            driver.change = recorded
            driver.annotate = watch.around("annotate", driver.annotate)
            start = time.perf_counter()
            result = run.apply()[0]
        watch.seconds["decide"] = watch.seconds["all"] - (time.perf_counter() - decided)
        watch.seconds["verify"] = time.perf_counter() - start - watch.seconds["change"] - watch.seconds.get("annotate", 0.0)
        if result.failed or not result.changed or any(entry["impact"] != "live" for entry in result.plan) or not calls:
            raise SystemExit(f"not a live change: {result.plan} {result.msg}")
        return watch, calls


def _seconds(domain: Any, calls: Calls) -> float:
    """Seconds that calls on the running guest take which store the change as well: the flags are their last argument."""
    made = [(getattr(domain, method), arguments[:-1] + (arguments[-1] | libvirt.VIR_DOMAIN_AFFECT_CONFIG,), options)
            for method, arguments, options in calls]
    start = time.perf_counter()
    for call, arguments, options in made:
        call(*arguments, **options)
    return time.perf_counter() - start


def _figures(pattern: str, watches: list[Stopwatch], bare: list[float]) -> dict[str, Any]:
    def median(*parts: str) -> float:
        return statistics.median(sum(watch.seconds.get(part, 0.0) for part in parts) for watch in watches)

    pairs = [watch.seconds["decide"] + watch.seconds["change"] - seconds for watch, seconds in zip(watches, bare)]
    return {"field": pattern, "bare": statistics.median(bare), "ours": median("decide", "change"), "above": statistics.median(pairs),
            "decide": median("decide"), "change": median("change"), "annotate": median("annotate"), "verify": median("verify"), "samples": len(watches)}


def _lock() -> float:
    """Seconds that taking and leaving a free lock takes."""
    start = time.perf_counter()
    with turn("bench", 10):
        pass
    return time.perf_counter() - start


def measure(uri: str) -> dict[str, Any]:
    """Every row of the table that has a verb, or why it was left out."""
    cases = {case.pattern: case for case in CASES + (BRIDGE,)}
    fields, left_out = [], {}
    changes = LiveChanges(uri)
    try:
        for row in table.ROWS:
            if not row.verb:
                continue
            if row.pattern in UPWARD:
                fields.append(changes.upward(row.pattern))
            elif row.pattern in LEFT_OUT or row.pattern not in cases:
                left_out[row.pattern] = LEFT_OUT.get(row.pattern, "the laws' tests have no values for it")
            else:
                fields.append(changes.field(cases[row.pattern]))
    finally:
        changes.close()
    return {"fields": fields, "left_out": left_out, "lock": statistics.median(_lock() for _turn in range(TURNS))}


if __name__ == "__main__":
    print(json.dumps(measure(sys.argv[1])))
