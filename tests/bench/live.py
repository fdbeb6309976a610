# Copyright: (c) 2026, flotilla.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What one live change of a running guest takes, field by field: ours in process, and the bare libvirt calls that it comes down to.

    live.py URI    prints one JSON object: `fields`, and `left_out` with the reason why a verb of the table was not measured

The fields are those of the domain table, one for each verb, the first that this guest can change; their values are those of the laws'
tests. Ours is reading the guest,
deciding, storing the document and changing the running guest; the annotation, the verification and the lock are measured beside it. The
bare calls are those that ours made on the running guest, recorded on the way and made again on the binding, told to store the change too, as
`virsh --live --config` has it. The two take turns. Nothing runs in the guest, so what needs its answer is left out; it has no disk
unless the field is one of disks.
Run with build/venv/bin/python and PYTHONPATH at the installed collection.
"""

from __future__ import annotations

import json
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import libvirt  # noqa: E402  pylint: disable=wrong-import-position
from ansible_collections.flotilla.virt.plugins.module_utils._host.lock import turn  # noqa: E402  pylint: disable=wrong-import-position
from ansible_collections.flotilla.virt.plugins.module_utils._libvirt.domain import live as verbs_of_guests  # noqa: E402  pylint: disable=wrong-import-position
from ansible_collections.flotilla.virt.plugins.module_utils._libvirt.domain import table, trial  # noqa: E402  pylint: disable=wrong-import-position
from laws.domain_cases import BASE, CASES, Case  # noqa: E402  pylint: disable=wrong-import-position
from laws.domain_lab import DomainLab, build_up, declare  # noqa: E402  pylint: disable=wrong-import-position

TURNS = 5
OURS, TWIN = "bench-live", "bench-live-twin"
GUEST: Mapping[str, Any] = {**BASE, "state": "running"}
DISKLESS = {name: value for name, value in GUEST.items() if name != "disks"}
NETWORKS = ("lan", "dmz", "carrier")
POOL = "fast"
# Fields that go one way only while nothing runs in the guest: each with the value for a number of steps up, and what it needs beside.
UPWARD: Mapping[str, tuple[Callable[[int], Any], Mapping[str, Any]]] = {
    "cpus.count": (lambda step: 1 + step, {"cpus.maximum": 1 + TURNS}),
}
UNANSWERED = "the guest has to answer, and nothing runs in it"
LEFT_OUT: Mapping[str, str] = {
    "set_state": "it starts and stops the guest", "plug": UNANSWERED, "set_agent": UNANSWERED, "set_usb_redirection": UNANSWERED,
    "resize": "a disk cannot be made smaller again",
}


# Nothing runs in the guest that could comply, so nobody waits for it.
verbs_of_guests.UNPLUG_SECONDS = 0.0


class NotMeasured(Exception):
    """This guest cannot change the field live, there and back; the text says what happened."""


_STORING = ("defineXML", "defineXMLFlags")
_APART: set[str] = set()
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

    @contextmanager
    def method(self, what: str, owner: type, name: str) -> Iterator[None]:
        """Count the time of a method of all objects of a class, while the block runs."""
        original = getattr(owner, name)
        setattr(owner, name, self.around(what, original))
        try:
            yield
        finally:
            setattr(owner, name, original)


class LiveChanges:
    """One running guest, and a twin for what cannot be changed back."""

    def __init__(self, uri: str, folder: str) -> None:
        """Make the networks that the guests are moved between, and a pool in a folder."""
        self.lab = DomainLab(uri)
        self.lab.raw.storagePoolDefineXML(f"<pool type='dir'><name>{POOL}</name><target><path>{folder}</path></target></pool>").create()
        for index, name in enumerate(NETWORKS):
            self.lab.raw.networkDefineXML(f"<network><name>{name}</name><bridge name='bench-br{index}'/></network>").create()

    def close(self) -> None:
        """Leave nothing behind."""
        for domain in self.lab.raw.listAllDomains():
            if domain.name() in (OURS, TWIN):
                domain.destroy()
                domain.undefine()
        for made in [self.lab.raw.networkLookupByName(name) for name in NETWORKS] + [self.lab.raw.storagePoolLookupByName(POOL)]:
            made.destroy()
            made.undefine()

    def field(self, case: Case) -> dict[str, Any]:
        """There by one and back by the other, so many times: medians in seconds."""
        base = GUEST if case.pattern.startswith("disks[]") else DISKLESS
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
        base: Mapping[str, Any] = DISKLESS
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
        for declared in ({"state": "absent", "remove_storage": True, "force_stop": True, "stop_timeout": 0}, raw):
            result = self.lab.apply(name, declared)
            if result.failed:
                raise NotMeasured(result.msg)

    def _change(self, raw: Mapping[str, Any]) -> tuple[Stopwatch, Calls]:
        """One change by ours, and the calls on the running guest that it was made of."""
        watch = Stopwatch()
        calls: Calls = []
        self.lab.wire.clear()
        with watch.running("all"), watch.method("trial", trial.Judge, "objection"):
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
        watch.seconds["decide"] = watch.seconds["all"] - (time.perf_counter() - decided) - watch.seconds.get("trial", 0.0)
        watch.seconds["verify"] = time.perf_counter() - start - watch.seconds.get("change", 0.0) - watch.seconds.get("annotate", 0.0)
        if result.failed or not result.changed or any(entry["impact"] != "live" for entry in result.plan) or not calls:
            raise NotMeasured(f"not a live change: {result.msg or result.plan}")
        return watch, calls


def _seconds(domain: Any, calls: Calls) -> float:
    """Seconds that calls on the running guest take which store the change as well: the flags are their last argument."""
    try:
        return _timed(domain, calls)
    except libvirt.libvirtError as error:
        if error.get_error_code() != libvirt.VIR_ERR_INVALID_ARG:
            raise
        # Some calls take one of the two only, and have to be made twice.
        _APART.update(method for method, _arguments, _options in calls)
        return _timed(domain, calls)


def _timed(domain: Any, calls: Calls) -> float:
    live, stored = libvirt.VIR_DOMAIN_AFFECT_LIVE, libvirt.VIR_DOMAIN_AFFECT_CONFIG
    made = [(getattr(domain, method), arguments[:-1] + (arguments[-1] & ~live | flags,), options) for method, arguments, options in calls
            for flags in ((live, stored) if method in _APART else (live | stored,))]
    start = time.perf_counter()
    for call, arguments, options in made:
        call(*arguments, **options)
    return time.perf_counter() - start


def _figures(pattern: str, watches: list[Stopwatch], bare: list[float]) -> dict[str, Any]:
    def median(*parts: str) -> float:
        return statistics.median(sum(watch.seconds.get(part, 0.0) for part in parts) for watch in watches)

    pairs = [watch.seconds["decide"] + watch.seconds["change"] - seconds for watch, seconds in zip(watches, bare)]
    return {"field": pattern, "bare": statistics.median(bare), "ours": median("decide", "change"), "above": statistics.median(pairs),
            "decide": median("decide"), "change": median("change"), "trial": median("trial"),
            "annotate": median("annotate"), "verify": median("verify"), "samples": len(watches)}


def _lock() -> float:
    """Seconds that taking and leaving a free lock takes."""
    start = time.perf_counter()
    with turn("bench", 10):
        pass
    return time.perf_counter() - start


def measure(uri: str) -> dict[str, Any]:
    """One field for each verb of the table, or why there is none."""
    verbs: dict[str, list[str]] = {}
    for pattern in (*table.FIELDS, *table.THINGS):
        verbs.setdefault(table.verb(pattern), []).append(pattern)
    del verbs[""]
    fields: list[dict[str, Any]] = []
    left_out = {}
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        Path(folder).chmod(0o755)  # QEMU runs as a user of its own
        changes = LiveChanges(uri, folder)
        try:
            for verb, patterns in verbs.items():
                reason = LEFT_OUT.get(verb) or _first(changes, patterns, fields)
                if reason:
                    left_out[verb] = reason
        finally:
            changes.close()
    return {"fields": fields, "left_out": left_out, "lock": statistics.median(_lock() for _turn in range(TURNS))}


def _first(changes: LiveChanges, patterns: list[str], fields: list[dict[str, Any]]) -> str:
    """Measures the first of these fields that can be; returns why none of them can, the first reason."""
    reasons = ["the laws' tests have no values for it"]
    for case in (case for case in CASES if case.pattern in patterns):
        try:
            fields.append(changes.upward(case.pattern) if case.pattern in UPWARD else changes.field(case))
        except (NotMeasured, libvirt.libvirtError) as error:
            reasons.append(f"{case.pattern}: {str(error).splitlines()[0]}")
        else:
            return ""
    return reasons[min(1, len(reasons) - 1)]


if __name__ == "__main__":
    print(json.dumps(measure(sys.argv[1])))
