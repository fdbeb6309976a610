# Copyright: (c) 2026, flotilla.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The body of the module `fleet` in this process, without Ansible: seconds of each part, and peak memory.

    in_process.py create COUNT FILE       from nothing on libvirt's test driver, whose documents are then written to FILE
    in_process.py unchanged COUNT PLACE   the same declaration again, on such a FILE or on what a URI has
    in_process.py full COUNT URI FOLDER   full-featured guests from nothing, with volumes in FOLDER, then the plan of all of them unchanged
    in_process.py profile COUNT PLACE     the second, under cProfile, for people
    in_process.py profile-full COUNT URI FOLDER   the plan of the third, under cProfile

What a run imports when it needs it is imported before the clock starts.
Run with build/venv/bin/python and PYTHONPATH at the installed collection. Prints one JSON object.
"""

from __future__ import annotations

import cProfile
import gc
import json
import pstats
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import fleets
import libvirt
from ansible_collections.flotilla.virt.plugins.module_utils._libvirt import network, pool  # noqa: F401  pylint: disable=unused-import
from ansible_collections.flotilla.virt.plugins.module_utils._libvirt.domain import module  # noqa: F401  pylint: disable=unused-import
from ansible_collections.flotilla.virt.plugins.module_utils._module import collect_rarely
from ansible_collections.flotilla.virt.plugins.module_utils._fleet.drivers import Host
from ansible_collections.flotilla.virt.plugins.module_utils._fleet.run import FleetRun, Settings, as_result
from ansible_collections.flotilla.virt.plugins.module_utils._host.lock import turn
from ansible_collections.flotilla.virt.plugins.module_utils._reconcile.fleet import parse_fleet
from ansible_collections.flotilla.virt.plugins.module_utils._reconcile.secrets import sealer

TEST = "test:///default"


def memory(field: str) -> float:
    """VmRSS or VmHWM of this process, in MB of 10^6 bytes."""
    line = next(line for line in Path("/proc/self/status").read_text(encoding="ascii").splitlines() if line.startswith(field))
    return int(line.split()[1]) * 1024 / 1e6


def run(uri: str, count: int) -> dict[str, Any]:
    """One run over that many guests; seconds of its parts, and MB above what was there with the parameters."""
    text = json.dumps(fleets.parameters(count))
    bare = memory("VmRSS")
    raw = json.loads(text)
    gc.collect()
    before = memory("VmRSS")
    Path("/proc/self/clear_refs").write_text("5", encoding="ascii")  # the peak starts again here: proc(5)
    collect_rarely()  # as the module does
    marks, cpu = [time.perf_counter()], time.process_time()
    fleet = parse_fleet(raw)
    marks.append(time.perf_counter())
    host = Host(fleet, uri, False)
    settings = Settings(turn=lambda: turn("fleet bench", 300))
    outcome = FleetRun(fleet, host.drivers(), sealer(b"bench" * 8), settings).run()
    marks.append(time.perf_counter())
    result = as_result(outcome, fleet, False)
    returned = len(json.dumps(result))
    marks.append(time.perf_counter())
    cpu = time.process_time() - cpu
    parse, work, report = (after - earlier for earlier, after in zip(marks, marks[1:]))
    if result["failed"]:
        raise SystemExit(result["msg"])
    return {
        "guests": count,
        "changed": result["summary"]["changed"],
        "seconds": marks[-1] - marks[0],
        "cpu_seconds": cpu,
        "parse_seconds": parse,
        "run_seconds": work,
        "report_seconds": report,
        "parameters_bytes": len(text),
        "parameters_mb": before - bare,
        "result_bytes": returned,
        "above_parameters_mb": memory("VmHWM") - before,
    }


def test_driver() -> Any:
    """libvirt's test driver, empty. All its connections in one process share what it has, while one of them is open."""
    connection = libvirt.open(TEST)
    for domain in connection.listAllDomains(0):
        domain.destroy()
        domain.undefine()
    return connection


def create(count: int, path: Path) -> dict[str, Any]:
    """From nothing. The test driver's domains live in this process too; `unchanged` tells how much that is."""
    connection = test_driver()
    measured = run(TEST, count)
    with path.open("w", encoding="utf-8") as file:
        for domain in connection.listAllDomains(0):
            file.write(domain.XMLDesc(libvirt.VIR_DOMAIN_XML_INACTIVE).replace("\n", " ") + "\n")
    return measured


@contextmanager
def opened(place: str) -> Iterator[str]:
    """The URI of a place, and what is there if it is a file; the driver's own memory is used before anything is measured."""
    if "://" in place:
        yield place
        return
    connection = test_driver()
    with Path(place).open(encoding="utf-8") as file:
        for line in file:
            connection.defineXML(line)
    yield TEST
    connection.close()


def unchanged(count: int, place: str) -> dict[str, Any]:
    """The same declaration again."""
    before = memory("VmRSS")
    with opened(place) as uri:
        driver = memory("VmRSS") - before
        return {**run(uri, count), "driver_mb": driver}


def full(uri: str, count: int, folder: str) -> dict[str, Any]:
    """Makes full-featured guests, unless they are there, and takes the median of five plans of all of them."""
    text = json.dumps(fleets.full_parameters(count, folder))
    made = plan(uri, text, apply=True)
    plans = sorted((plan(uri, text) for _turn in range(5)), key=lambda each: each["cpu_seconds"])
    return {**plans[len(plans) // 2], "guests": count, "parameters_bytes": len(text), "made_seconds": made["seconds"]}


def plan(uri: str, text: str, apply: bool = False) -> dict[str, Any]:
    """One run over a declaration, in check mode unless it is to be applied: seconds of its parts."""
    raw = json.loads(text)
    gc.collect()
    collect_rarely()
    marks, cpu = [time.perf_counter()], time.process_time()
    fleet = parse_fleet(raw)
    marks.append(time.perf_counter())
    settings = Settings(turn=lambda: turn("fleet bench", 300), check_mode=not apply)
    drivers = Host(fleet, uri, not apply).drivers()
    reads: list[float] = []
    domains: Any = drivers.guests["kvm"]
    domains.read = counted(domains.read, reads)
    outcome = FleetRun(fleet, drivers, sealer(b"bench" * 8), settings).run()
    marks.append(time.perf_counter())
    cpu = time.process_time() - cpu
    result = as_result(outcome, fleet, not apply)
    if result["failed"]:
        raise SystemExit(result["msg"])
    parse, read_and_decide = (after - earlier for earlier, after in zip(marks, marks[1:]))
    return {"changed": result["summary"]["changed"], "seconds": marks[-1] - marks[0], "cpu_seconds": cpu, "parse_seconds": parse,
            "read_seconds": sum(reads), "decide_seconds": read_and_decide - sum(reads)}


def counted(work: Callable[..., Any], seconds: list[float]) -> Callable[..., Any]:
    """The same function, whose time goes to a list."""
    def run_it(*arguments: Any) -> Any:
        start = time.perf_counter()
        try:
            return work(*arguments)
        finally:
            seconds.append(time.perf_counter() - start)
    return run_it


def profile(work: Callable[[], Any]) -> None:
    """Where the time goes."""
    with cProfile.Profile() as profiler:
        work()
    pstats.Stats(profiler).sort_stats("tottime").print_stats(40)


def main(arguments: list[str]) -> None:
    """Do what the first argument says."""
    verb, count, place = arguments[0], int(arguments[1]), arguments[2]
    if verb == "profile":
        with opened(place) as uri:
            profile(lambda: run(uri, count))
    elif verb == "profile-full":
        text = json.dumps(fleets.full_parameters(count, arguments[3]))
        plan(place, text, apply=True)
        profile(lambda: plan(place, text))
    elif verb == "full":
        print(json.dumps(full(place, count, arguments[3])))
    else:
        print(json.dumps(create(count, Path(place)) if verb == "create" else unchanged(count, place)))


if __name__ == "__main__":
    main(sys.argv[1:])
