# Copyright: (c) 2026, flotilla.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The double against every recorded step: exit code, both streams, the shape of the output, configuration files.

A normalised line differs only where the recording says that it must (process ids, random MAC addresses, dates, emulated
counters, what the small template lacks). Steps of artefacts that a double must not copy are named in SKIPPED with the reason.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from vznode.call import call
from vznode.node import Node, values

CONTRACTS = Path(__file__).parents[2] / "vznode/contracts"
FILES = ("vzctl4", "vzlist4", "vzctl7-parser", "vzlist7-format")


def _load() -> dict[str, list[dict[str, Any]]]:
    rows = [json.loads(line) for name in FILES for line in (CONTRACTS / f"{name}.jsonl").read_text().splitlines()]
    found: dict[str, list[dict[str, Any]]] = {}
    for row in sorted(rows, key=lambda row: row["step"]):
        version = "7" if "7" in row["dialect"] else "4"
        found.setdefault(f"{version} {row['scenario']}", []).append(row)
    return found


SCENARIOS = _load()

# What the README of the contracts calls artefacts of the recording, and what the guest prints and not vzctl.
SKIPPED: dict[tuple[str, int], str] = {
    ("4 snapshot/errors", 15): "the recording's ploop library without its kernel module",
    ("4 snapshot/errors", 17): "the recording's ploop library without its kernel module",
    ("4 set-live/below-usage", 4): "how little memory an init can have is the machine's own",
    ("4 set-live/below-usage", 5): "how little memory an init can have is the machine's own",
    ("4 set-live/below-usage", 7): "how little memory an init can have is the machine's own",
    ("7 identity/create-ids", 5): "the recording has no vzpkg; the words are accepted",
    ("7 identity/create-ids", 7): "the recording has no vzpkg; the words are accepted",
    ("7 identity/create-ids", 8): "the recording has no vzpkg; the words are accepted",
    ("7 identity/create-ids", 10): "the recording has no vzpkg; the words are accepted",
}
GUESTS_OWN = {("4 exec/debian", step): "the Debian template's programs" for step in (3, 4, 10)}
GUESTS_OWN.update({("4 create/default-template", 4): "the Debian template's files", ("4 startstop/debian", 4): "the Debian template's programs",
                   ("4 exec/environment", 3): "the shell's own variables", ("4 exec/environment", 5): "the order of the variables",
                   ("4 exec/environment", 4): "BusyBox' tty", ("4 exec/environment", 7): "BusyBox' ps",
                   ("4 set-password/busybox", 5): "the template's accounts",
                   ("4 set-netif/add-del", 7): "interface numbers", ("4 set-netif/stopped", 8): "interface numbers"})

_DROPPED = re.compile(
    r"Directory /proc/vz not found|Warning: (configuration file for distribution|distribution not specified)|awk: |stat\(/vz/root|"
    r"Child \d+ exited|Killing container|/bin/sh: /etc/init.d/network|Cannot find device|Storing |Opening delta|Creating delta|Removing /vz|"
    r"/usr/libexec/|The restore log|run_script: executable|executable /usr/sbin/vzpkg|Restore failed|#|\s*\Z")
_MAC = re.compile(r"(?:[0-9A-F]{2}:){5}[0-9A-F]{2}")
_COUNTERS = re.compile(r'"(held|maxheld|usage)": \d+')
_TEXT_COUNTERS = {"SWAPP.L", "NPROC", "NPROC.M", "PHYSP", "DSPACE"}


def normal(text: str, argv: list[str]) -> list[str]:
    """The lines of an output that mean something, in a form that two runs share."""
    lines = []
    swap = 0
    for line in text.split("\n"):
        if _DROPPED.match(line):
            continue
        line = _MAC.sub("MAC", _COUNTERS.sub(r'"\1": N', line)).replace("\udc80", "?")
        line = re.sub(r"\bpid \d+", "pid N", re.sub(r"\.conf:\d+", ".conf:N", line))
        line = re.sub(r"\{[0-9a-f-]{36}\}", "UUID", line) if "--skip-config" in argv else line
        line = re.sub(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d", "DATE", line)
        if '"swappages"' in line:
            swap = 6
        if swap and argv[0] == "vzlist":
            # The swap limits of running containers are the recording's own.
            line = re.sub(r'"(barrier|limit)": \d+', r'"\1": N', line)
            swap -= 1
        lines.append(" ".join(line.split()))
    return _columns(lines) if argv[0] == "vzlist" and "-j" not in argv and "--json" not in argv else lines


def _columns(lines: list[str]) -> list[str]:
    heads = lines[0].split() if lines else []
    places = [index for index, head in enumerate(heads) if head in _TEXT_COUNTERS]
    if not places or len(heads) > 6 or any(line.startswith(("Usage", "ctid")) for line in lines[:1]):
        return lines
    result = lines[:1]
    for line in lines[1:]:
        words = line.split()
        for place in places:
            if place < len(words) and words[place].isdigit():
                words[place] = "N"
        result.append(" ".join(words))
    return result


class World:
    """A node on which one scenario is played, with what was done by hand between its steps."""

    def __init__(self, node: Node, scenario: str) -> None:
        self.node = node
        self.scenario = scenario
        self.starting: subprocess.Popen[bytes] | None = None

    def before(self, step: dict[str, Any]) -> None:
        """What was done by hand before a step; the notes of the recording say it."""
        name = re.sub(r"\W", "_", self.scenario[2:])
        hook = getattr(self, f"_{name}", None)
        if hook is not None:
            hook(step["step"])

    def _config_text_bad_config(self, step: int) -> None:
        if step == 2:
            with self.node.path("101").open("a") as stream:
                stream.write('CPUUNITS="x"\nIP_ADDRESS="nonsense"\nONBOOT="perhaps"\nUNKNOWN_KEY="1"\nNOEQUALS\n')

    def _script(self, text: str) -> None:
        path = self.node.etc / "conf/101.mount"
        path.write_text("#!/bin/sh\n" + text)
        path.chmod(0o755)

    def _hooks_mount_script(self, step: int) -> None:
        if step == 2:
            self._script("echo mount hook VEID=$VEID VE_CONFFILE=$VE_CONFFILE\n")
        elif step == 4:
            self._script("exit 3\n")

    def _lock_stale(self, step: int) -> None:
        if step == 2:
            gone = subprocess.run(["sh", "-c", "echo $$"], capture_output=True, check=True, text=True).stdout.strip()
            (self.node.vz / "lock/101.lck").write_text(gone + "\nstarting\n")
        elif step == 4:
            (self.node.vz / "lock/101.lck").write_text("")

    def _lock_starting_more(self, step: int) -> None:
        if step != 2:
            return
        self._script(f"touch {self.node.root}/held; while [ ! -e {self.node.root}/go ]; do sleep 0.01; done\n")
        program = Path(__file__).parents[2] / "vznode/bin/vzctl"
        environment = dict(os.environ, VZNODE_ROOT=str(self.node.root), VZNODE_VERSION="4", VZNODE_MAINLINE="1", VZNODE_STRICT="0")
        self.starting = subprocess.Popen(  # pylint: disable=consider-using-with
            [sys.executable, str(program), "start", "101"], env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        deadline = time.monotonic() + 20
        while not (self.node.root / "held").exists():
            assert time.monotonic() < deadline and self.starting.poll() is None
            time.sleep(0.005)

    def _startstop_no_private(self, step: int) -> None:
        place = self.node.vz / "private"
        if step == 2:
            (place / "101").rename(place / "away")
        elif step == 8:
            (place / "away").rename(place / "101")

    def _startstop_no_init(self, step: int) -> None:
        if step == 2:
            (self.node.vz / "private/101/sbin/init").unlink()

    def _runscript_running(self, step: int) -> None:
        texts = {3: "echo script in $(hostname)\nexit 5\n", 4: "echo fine; cat\n"}
        if step in texts:
            (self.node.root / "root").mkdir(exist_ok=True)
            (self.node.root / "root/rs.sh").write_text("#!/bin/sh\n" + texts[step])

    def _ploop(self, step: int) -> None:
        if step == 1:
            (self.node.vz / "private/101").mkdir()
            self.node.path("101").write_text('VE_LAYOUT="ploop"\nPHYSPAGES="0:65536"\nSWAPPAGES="0:131072"\nCPUUNITS="1000"\n')

    _snapshot_ploop_names = _snapshot_ploop_unknown = _ploop

    def two_stopped(self) -> None:
        """The two containers of version 7 with which its recordings begin."""
        for ident, text in (("101", CONFIG_101), (UUID, CONFIG_DB1)):
            self.node.path(ident).write_text(text)
            (self.node.vz / "private" / ident).mkdir()
            self.node.rename(ident, "", re.search(r'NAME="(web1|db1)"', text).group(1))  # type: ignore[union-attr]

    def run(self, step: dict[str, Any]) -> tuple[int, str, str]:
        """Run one step on the node."""
        argv = step["argv"]
        stdin = (step.get("stdin") or "").encode()
        if argv[0] in ("vzctl", "vzlist"):
            if self.starting is not None and argv[1:] == ["start", "101"] and step["step"] == 10:
                (self.node.root / "go").touch()
                out, err = self.starting.communicate(timeout=30)
                return self.starting.returncode, out.decode(), err.decode()
            said = call(self.node, argv, stdin)
            return said.rc, said.out, said.err
        words = [str(self.node.root) + word if word.startswith(("/etc/vz", "/vz/")) else word for word in argv]
        done = subprocess.run(words, capture_output=True, check=False, text=True)
        return done.returncode, done.stdout.replace(str(self.node.root), ""), done.stderr


UUID = "6d1d0b0e-0a1b-4c2d-8e3f-0123456789ab"
CONFIG_101 = """NAME="web1"
HOSTNAME="web1.example.com"
OSTEMPLATE=".debian-12-x86_64"
DISTRIBUTION="debian"
IP_ADDRESS="192.0.2.10/255.255.255.0"
NAMESERVER="192.0.2.53"
PHYSPAGES="131072:131072"
SWAPPAGES="0:65536"
DISKSPACE="10485760:10485760"
CPUUNITS="1000"
IOLIMIT="0"
ONBOOT="yes"
""".replace("/255.255.255.0", "/24")
CONFIG_DB1 = f"""NAME="db1"
UUID="{UUID}"
HOSTNAME="db1.example.com"
DESCRIPTION="data base"
OSTEMPLATE=".centos-8-x86_64"
NAMESERVER="inherit"
PHYSPAGES="262144:262144"
SWAPPAGES="0:0"
CPULIMIT="50"
ONBOOT="no"
FEATURES="nfs:on"
"""


@pytest.mark.system
@pytest.mark.parametrize("scenario", sorted(SCENARIOS))
def test_a_recorded_scenario(scenario: str, make_node: Callable[..., Node]) -> None:
    """Every step of a scenario has the recorded exit code and says what was recorded."""
    version = int(scenario[0])
    world = World(make_node(version, mainline=True, strict=False), scenario)
    if version == 7 and scenario != "7 list/empty":
        world.two_stopped()
    wrong = []
    for step in SCENARIOS[scenario]:
        place = (scenario, step["step"])
        world.before(step)
        if place in SKIPPED:
            continue
        rc, out, err = world.run(step)
        want: tuple[Any, ...] = (step["rc"], normal(step["stdout"], step["argv"]), normal(step["stderr"], step["argv"]))
        have: tuple[Any, ...] = (rc, normal(out, step["argv"]), normal(err, step["argv"]))
        if place in GUESTS_OWN:
            want, have = want[:1], have[:1]
        if want != have:
            wrong.append("%d$ %s\n  recorded %s\n  double   %s" % (step["step"], " ".join(step["argv"]), want, have))
    assert not wrong, "\n".join(wrong)


def test_every_exception_is_a_step() -> None:
    """The tables of exceptions name steps that exist, and leave out no more than a fiftieth of all."""
    steps = {(scenario, row["step"]) for scenario, rows in SCENARIOS.items() for row in rows}
    assert set(SKIPPED) | set(GUESTS_OWN) <= steps
    assert len(SKIPPED) * 100 < len(steps) and len(GUESTS_OWN) * 50 < len(steps)
    assert values.PAGE == 4096
