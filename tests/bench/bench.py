# Copyright: (c) 2026, flotilla.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""`make bench`: raw libvirt-python, ours and community.libvirt side by side, in one run, on one private libvirtd.

Prints tables and writes build/bench.json. How each figure is taken stands in docs/benchmarks.rst. Nothing fails for being
slow; a run that does something else than it is measured for ends the benchmark.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "tests"), str(ROOT / "tests/tools")]

import collection  # noqa: E402  pylint: disable=wrong-import-position
import figures  # noqa: E402  pylint: disable=wrong-import-position
import fleets  # noqa: E402  pylint: disable=wrong-import-position
import libvirt  # noqa: E402  pylint: disable=wrong-import-position
import peers  # noqa: E402  pylint: disable=wrong-import-position
from figures import WORKS, Report, Target, seconds_text  # noqa: E402  pylint: disable=wrong-import-position
from runs import BIN, Ansible, Sample  # noqa: E402  pylint: disable=wrong-import-position
from ssh import PrivateSshd  # noqa: E402  pylint: disable=wrong-import-position
from support.libvirtd import PrivateLibvirtd  # noqa: E402  pylint: disable=wrong-import-position

SIZES = (100, 1000)
LARGEST = 10_000
RAW, OURS, PEER, SSH = "raw libvirt-python", "flotilla.virt", "community.libvirt", "flotilla.virt over SSH"
FROM_NOTHING, NOTHING, ONE = WORKS
CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "flotilla-virt"


class Bench:
    """One run of the benchmark."""

    def __init__(self, daemon: PrivateLibvirtd, folder: Path) -> None:
        """Prepare for this libvirtd, with scratch files below `folder`."""
        self.daemon = daemon
        self.folder = folder
        self.report = Report(machine=figures.machine())
        self.ours = Ansible(daemon.enter, collection.install(), folder)
        self.connection: Any = libvirt.open(daemon.uri)
        self.template = ""

    def run(self) -> Report:
        """Measure everything."""
        self._warm_up()
        for size in SIZES:
            self._ours(size)
            self._clear()
            self._raw(size)
            self._clear()
        self._over_ssh()
        self._clear()
        self._peer()
        self._clear()
        self._in_process()
        self._live()
        self._full()
        self.report.containers = self._answer("containers.py")
        self._versions()
        self.report.machine["load_after"] = os.getloadavg()[0]
        self._targets()
        return self.report

    def _warm_up(self) -> None:
        """What happens once: byte code, QEMU's capabilities. And the document that all contenders define."""
        self.ours.fleet(fleets.guests(1))
        self.template = peers.template(self.connection, fleets.name(0))
        self._clear()
        self.report.add("ansible-playbook", "one debug", 0, *(self.ours.nothing() for _turn in range(2)))
        self.report.add("ansible-playbook", "one ping", 0, *(self.ours.ping() for _turn in range(2)))

    def _ours(self, size: int) -> None:
        first, other = fleets.guests(size), fleets.guests(size, changed=True)
        self.report.add(OURS, FROM_NOTHING, size, self._expect(self.ours.fleet(first), 1, size))
        self.report.add(OURS, NOTHING, size, *(self._expect(self.ours.fleet(first), 0, size) for _turn in range(3)))
        # There and back: each of the two runs changes one guest.
        self.report.add(OURS, ONE, size, *(self._expect(self.ours.fleet(guests), 1, size, guests is other) for guests in (other, first)))
        if size == SIZES[-1]:
            self.report.add(OURS, NOTHING + ", written as YAML", size, self._expect(self.ours.fleet(first, as_yaml=True), 0, size))
            self._measure_here("unchanged", size, self.daemon.uri)

    def _raw(self, size: int) -> None:
        first, other = (peers.documents(self.template, size, changed) for changed in (False, True))
        raw = peers.Raw(self.daemon.uri)
        self.report.add(RAW, FROM_NOTHING, size, self._expect(raw.define(first), size, size))
        self.report.add(RAW, NOTHING, size, *(self._expect(raw.define(first), 0, size) for _turn in range(3)))
        self.report.add(RAW, ONE, size, *(self._expect(raw.define(texts), 1, size, texts is other) for texts in (other, first)))

    def _over_ssh(self) -> None:
        size, keys = SIZES[-1], self.folder / "ssh"
        first, other = fleets.guests(size), fleets.guests(size, changed=True)
        keys.mkdir(mode=0o700)
        with PrivateSshd(self.daemon.enter, keys) as sshd:
            ours = Ansible(self.daemon.enter, self.ours.collections, self.folder, sshd.variables, sshd.settings)
            self.report.add(SSH, FROM_NOTHING, size, self._expect(ours.fleet(first), 1, size))
            self.report.add(SSH, NOTHING, size, *(self._expect(ours.fleet(first), 0, size) for _turn in range(2)))
            self.report.add(SSH, ONE, size, self._expect(ours.fleet(other), 1, size, True))

    def _peer(self) -> None:
        measured = peers.Community.COUNT
        try:
            peer = peers.Community(Ansible(self.daemon.enter, CACHE, self.folder), CACHE)
        except peers.Missing as reason:
            self.report.notes.append(f"{PEER} was not measured: {reason}")
            return
        self.report.versions[PEER] = peer.version
        first, other = (peers.documents(self.template, measured, changed) for changed in (False, True))
        floor = self._seconds("ansible-playbook", "one debug", 0)
        for work, texts in ((FROM_NOTHING, first), (NOTHING, first), (ONE, other)):
            sample = self._expect(peer.define(texts), None, measured, texts is other)
            self.report.add(PEER, work, measured, sample)
            for size in SIZES:
                figure = self.report.add(PEER, work, size)
                figure.extrapolated_from = measured
                figure.extrapolated_seconds = floor + (sample.seconds - floor) / measured * size

    # -- in process -----------------------------------------------------------------------------------------------------

    def _in_process(self) -> None:
        for size in (SIZES[-1], LARGEST):
            state = self.folder / f"{size}.xml"
            self._measure_here("create", size, str(state))
            self._measure_here("unchanged", size, str(state))

    def _full(self) -> None:
        size = SIZES[-1]
        found = self._answer("in_process.py", "full", str(size), self.daemon.uri, str(self.folder / "pool"))
        if found["changed"]:
            raise SystemExit(f"{found['changed']} of {size} full-featured guests would be changed again")
        self.report.full = found
        print(f"in process, plan of {size} full-featured guests: {seconds_text(found['seconds'])}", file=sys.stderr, flush=True)

    def _live(self) -> None:
        self.report.live = self._answer("live.py", self.daemon.uri)
        for verb, reason in self.report.live["left_out"].items():
            self.report.notes.append(f"Live changes by {verb} were not measured: {reason}")

    def _answer(self, script: str, *arguments: str) -> dict[str, Any]:
        """What a script of this folder prints, run on the installed collection."""
        command = [sys.executable, str(ROOT / "tests/bench" / script), *arguments]
        done = subprocess.run(command, env={**os.environ, "PYTHONPATH": str(self.ours.collections)}, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise SystemExit(f"{' '.join(command)} failed:\n{done.stderr}")
        answer: dict[str, Any] = json.loads(done.stdout)
        return answer

    def _measure_here(self, verb: str, size: int, place: str) -> None:
        where = "qemu" if "://" in place else "test driver"
        answer = self._answer("in_process.py", verb, str(size), place)
        found = {"work": FROM_NOTHING if verb == "create" else NOTHING, "where": where, **answer}
        if found["changed"] != (size if verb == "create" else 0):
            raise SystemExit(f"{found['changed']} of {size} guests changed in process, for {found['work']}")
        self.report.in_process.append(found)
        print(f"in process on {where}, {size} domains, {found['work']}: {seconds_text(found['seconds'])}", file=sys.stderr, flush=True)

    # -- what was really done -------------------------------------------------------------------------------------------

    def _expect(self, sample: Sample, changed: int | None, domains: int, grown: bool = False) -> Sample:
        """The sample, if so much was reported as changed and the host has these domains, the middle one grown or not."""
        there = self.connection.listAllDomains(0)
        memory = {256 * 1024: False, 384 * 1024: True}[self.connection.lookupByName(fleets.name(domains // 2)).info()[2]]
        if len(there) != domains or memory != grown or (changed is not None and sample.changed != changed):
            raise SystemExit(f"not what was to be measured: {len(there)} domains for {domains}, {sample.changed} changed for {changed}")
        return sample

    def _clear(self) -> None:
        for domain in self.connection.listAllDomains(0):
            domain.undefine()

    def _seconds(self, contender: str, work: str, domains: int) -> float:
        figure = self.report.find(contender, work, domains)
        if figure is None:
            raise KeyError((contender, work, domains))
        return figure.seconds

    # -- what it means --------------------------------------------------------------------------------------------------

    def _versions(self) -> None:
        number = self.connection.getLibVersion()
        said = {
            "libvirt": f"{number // 10**6}.{number // 1000 % 1000}.{number % 1000}",
            "QEMU": figures.version_in(figures.command_output("qemu-system-x86_64", "--version")),
            "ansible-core": figures.version_in(figures.command_output(str(BIN / "ansible"), "--version")),
            "Python of the controller": sys.version.split()[0],
            "Python of the host": figures.version_in(figures.command_output("/usr/bin/python3", "--version")),
            OURS: figures.command_output("git", "-C", str(ROOT), "describe", "--always", "--dirty"),
        }
        self.report.versions.update(said)

    def _targets(self) -> None:
        size = SIZES[-1]
        unchanged, made = self._seconds(OURS, NOTHING, size), self._seconds(OURS, FROM_NOTHING, size)
        targets = [Target(f"{size} domains, nothing to do", "3 s or less", seconds_text(unchanged), unchanged <= 3),
                   Target(f"{size} domains from nothing", "10 s or less", seconds_text(made), made <= 10)]
        peer = self.report.find(PEER, NOTHING, size)
        if peer is not None:
            times = peer.seconds / unchanged
            targets.append(Target("faster than community.libvirt (its time extrapolated)", "100 times or more", f"{times:.0f} times", times >= 100))
        same = {found["guests"]: found for found in self.report.in_process if found["where"] != "qemu" and found["work"] == NOTHING}
        above = same[LARGEST]["above_parameters_mb"]
        targets.append(Target(f"{LARGEST} domains, memory above the parameters", "below 200 MB", f"{above:.0f} MB", above < 200))
        growth = same[LARGEST]["cpu_seconds"] / same[size]["cpu_seconds"]
        targets.append(Target(f"{LARGEST} domains against {size}, CPU time in process", "linear: about 10 times", f"{growth:.1f} times", growth < 12))
        for what, key in (("deciding alone", "decide_seconds"), ("with parsing and reading from libvirt", "seconds")):
            plan = self.report.full[key]
            targets.append(Target(f"plan of {size} full-featured guests, in process, {what}", "0.5 s or less", seconds_text(plan), plan <= 0.5))
        slowest = max(self.report.live["fields"], key=lambda field: float(field["above"]))
        targets.append(Target(f"live change, the slowest field ({slowest['field']}), above the bare call", "within 10 ms",
                              seconds_text(slowest["above"]), slowest["above"] <= 0.01))
        self.report.targets = targets + container_targets(self.report.containers)


def container_targets(containers: dict[str, Any]) -> list[Target]:
    """What each engine that was measured should reach."""
    targets = []
    for engine, found in containers.items():
        task, above = found["unchanged_seconds"], found["live_memory"]["above"]
        targets.append(Target(f"{engine}: {found['containers']} containers, nothing to do, the task alone", "1 s or less",
                              seconds_text(task - found["empty_seconds"]), task - found["empty_seconds"] <= 1))
        targets.append(Target(f"{engine}: live memory change above the engine's own command", "within 20 ms", seconds_text(above), above <= 0.02))
        if "peer_seconds" in found:
            times = found["peer_seconds"] / task
            targets.append(Target(f"{engine}: faster than the peer's loop ({found['peer_measured']} measured)", "40 times or more",
                                  f"{times:.0f} times", times >= 40))
    return targets


def show_containers(containers: dict[str, Any]) -> list[str]:
    """The table of container engines."""
    rows = [["containers", "made", "nothing to do", "empty play", "in process", "live memory: command", "ours", "above it", "peer's loop"]]
    for engine, found in containers.items():
        live = found["live_memory"]
        rows.append([f"{found['containers']} of {engine}", *(seconds_text(found[key]) for key in (
            "made_seconds", "unchanged_seconds", "empty_seconds", "in_process_seconds")),
            *(seconds_text(live[key]) for key in ("command", "ours", "above")),
            "~" + seconds_text(found["peer_seconds"]) if "peer_seconds" in found else "none"])
    return figures.lines(rows) + [""]


def show_plan_and_live(report: Report) -> list[str]:
    """The tables of the plan of full-featured guests, and of single live changes."""
    full = report.full
    parts = [("parse", "parse_seconds"), ("read", "read_seconds"), ("decide", "decide_seconds"), ("wall", "seconds"), ("CPU", "cpu_seconds")]
    plan = [["plan in process", *(name for name, _key in parts), "parameters"],
            [f"{full['guests']} full-featured guests, nothing to do", *(seconds_text(full[key]) for _name, key in parts),
             f"{full['parameters_bytes'] / 1e6:.1f} MB"]]
    columns = ("bare", "ours", "above", "decide", "change", "trial", "annotate", "verify")
    live = [["one live change in process", "bare call", "ours", "above it", "of it: decide", "change", "beside: trial", "annotation", "verification"]]
    live += [[field["field"], *(seconds_text(field[column]) for column in columns)] for field in report.live["fields"]]
    return figures.lines(plan) + [""] + figures.lines(live) + [f"Taking the host's lock, beside that: {seconds_text(report.live['lock'])}", ""]


def show(report: Report) -> str:
    """The tables."""
    out: list[str] = []
    header = ["", *(f"{contender}{'' if contender != PEER else ' (~ from 50)'}" for contender in (RAW, OURS, PEER))]
    rows = [header]
    for size in SIZES:
        for work in WORKS:
            found = [report.find(contender, work, size) for contender in (RAW, OURS, PEER)]
            rows.append([f"{size} domains, {work}", *(figure.text() if figure else "not measured" for figure in found)])
    out += figures.lines(rows) + [""]
    runs = [["whole runs of ansible-playbook", "wall", "CPU", "peak"]]
    for figure in report.figures:
        if figure.contender != RAW and figure.samples:
            what = f"{figure.contender}: {f'{figure.domains} domains, ' if figure.domains else ''}{figure.work}"
            runs.append([what, figure.text(), seconds_text(figure.cpu), f"{max(sample.peak_mb for sample in figure.samples):.0f} MB"])
    out += figures.lines(runs) + [""]
    memory = [["the module in process, without Ansible", "wall", "CPU", "CPU a guest", "parameters", "above them", "result"]]
    for found in report.in_process:
        memory.append([f"{found['guests']} on the {found['where']}, {found['work']}", seconds_text(found["seconds"]),
                       seconds_text(found["cpu_seconds"]), f"{found['cpu_seconds'] / found['guests'] * 1e6:.0f} us",
                       f"{found['parameters_bytes'] / 1e6:.1f} MB",
                       f"{found['above_parameters_mb']:.0f} MB", f"{found['result_bytes'] / 1e6:.1f} MB"])
    out += figures.lines(memory) + [""] + show_plan_and_live(report) + show_containers(report.containers)
    out += figures.lines([["target", "wanted", "figure", "met"]] + [
        [target.what, target.wanted, target.figure, "yes" if target.met else "NO"] for target in report.targets]) + [""]
    out += report.notes
    machine = report.machine
    out.append(f"{machine['cpu']}, {machine['cores']} cores, {machine['memory_gib']} GiB; load {machine['load_before']:.1f} before, "
               f"{machine['load_after']:.1f} after")
    return "\n".join(out + [", ".join(f"{name} {version}" for name, version in report.versions.items())])


def main() -> None:
    """Run it."""
    with tempfile.TemporaryDirectory(prefix="fv-bench-") as folder, PrivateLibvirtd() as daemon:
        report = Bench(daemon, Path(folder)).run()
    report.write(ROOT / "build/bench.json")
    print(show(report))
    print("Written to build/bench.json.")


if __name__ == "__main__":
    main()
