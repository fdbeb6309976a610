# Copyright: (c) 2026, flotilla.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Starting with the host: the unit, by the real systemctl, which needs no running systemd to enable and disable.

That the unit is then started at boot is systemd's business and not seen here.
"""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from laws import laws
from laws.podman_cases import BASE
from laws.podman_lab import PodmanLab, settled

from ansible_collections.flotilla.virt.plugins.module_utils._containers.host import LocalHost

NAME = "fltest-unit"
UNIT = Path("/etc/systemd/system/flotilla-podman-fltest-unit.service")
LINK = Path("/etc/systemd/system/multi-user.target.wants") / UNIT.name


class Booted(LocalHost):
    """This machine, as if systemd had booted it."""

    def exists(self, path: str) -> bool:
        return path == "/run/systemd/system" or super().exists(path)


@pytest.fixture
def booted(lab: PodmanLab, monkeypatch: pytest.MonkeyPatch) -> Iterator[PodmanLab]:
    monkeypatch.setenv("SYSTEMD_OFFLINE", "1")
    lab.host._host = Booted()
    yield lab
    for left in (LINK, UNIT):
        left.unlink(missing_ok=True)


def test_autostart_is_a_unit_that_goes_with_the_container(booted: PodmanLab) -> None:
    stopped = {**BASE, "state": "stopped"}
    laws.converge(booted, NAME, {**stopped, "autostart": True})
    assert LINK.is_symlink() and "ExecStart=/usr/bin/podman start fltest-unit" in UNIT.read_text()
    if shutil.which("systemd-analyze"):
        checked = subprocess.run(["systemd-analyze", "verify", "--man=no", str(UNIT)], capture_output=True, text=True, check=False)
        assert UNIT.name not in checked.stderr, checked.stderr
    off = laws.converge(booted, NAME, {**stopped, "autostart": False})
    assert laws.entries(off) == {"autostart": (True, False, "live")} and not LINK.exists() and not UNIT.exists()
    laws.converge(booted, NAME, {**stopped, "autostart": True})
    assert laws.converge(booted, NAME, stopped).spec["autostart"] is False, "taken back"
    laws.converge(booted, NAME, {**stopped, "autostart": True})
    booted.must(NAME, {"state": "absent"})
    assert not LINK.exists() and not UNIT.exists()


def test_a_run_killed_over_the_unit_is_finished(booted: PodmanLab) -> None:
    stopped = {**BASE, "state": "stopped"}

    def fresh() -> tuple[PodmanLab, laws.Wire]:
        booted.clean()
        for left in (LINK, UNIT):
            left.unlink(missing_ok=True)
        return booted, booted.wire

    assert laws.assert_killed_runs_are_finished(fresh, NAME, {**stopped, "autostart": True}, [stopped], settled) >= 4
    assert LINK.is_symlink()
