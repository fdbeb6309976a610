# Copyright: (c) 2026, flotilla.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Two runs at once on one host take turns; a turn ends with the process that had it; a bounded wait says who holds it."""

from __future__ import annotations

import multiprocessing
import os
import signal
from multiprocessing.synchronize import Event
from pathlib import Path

import pytest
from ansible_collections.flotilla.virt.plugins.module_utils._host.lock import lock_path, turn
from ansible_collections.flotilla.virt.plugins.module_utils._reconcile.errors import Busy

DEADLINE = 30
CONTEXT = multiprocessing.get_context("fork")


def hold(path: str, held: Event, release: Event) -> None:
    with turn("fleet shop", path=path):
        held.set()
        release.wait(DEADLINE)


@pytest.fixture(name="path")
def _path(tmp_path: Path) -> str:
    return str(tmp_path / "host.lock")


def start(path: str) -> "tuple[multiprocessing.process.BaseProcess, Event]":
    held, release = CONTEXT.Event(), CONTEXT.Event()
    process = CONTEXT.Process(target=hold, args=(path, held, release), daemon=True)
    process.start()
    assert held.wait(DEADLINE)
    return process, release


def test_a_bounded_wait_says_who_holds_the_host(path: str) -> None:
    process, release = start(path)
    with pytest.raises(Busy) as refused:
        with turn("domain db1", timeout=0, path=path):
            pytest.fail("two runs had the host at once")
    assert "process %d (fleet shop) since" % process.pid in str(refused.value)
    assert path in str(refused.value)
    release.set()
    process.join(DEADLINE)


def test_the_next_one_goes_on_when_the_turn_ends(path: str) -> None:
    process, release = start(path)
    release.set()
    with turn("domain db1", timeout=DEADLINE, path=path):
        pass
    process.join(DEADLINE)
    assert process.exitcode == 0


def test_death_frees_the_host(path: str) -> None:
    process, _release = start(path)
    assert process.pid is not None
    os.kill(process.pid, signal.SIGKILL)
    with turn("domain db1", timeout=DEADLINE, path=path):
        pass
    process.join(DEADLINE)


def test_an_error_inside_a_turn_ends_it(path: str) -> None:
    with pytest.raises(KeyError):
        with turn("domain db1", path=path):
            raise KeyError("x")
    with turn("domain db1", timeout=0, path=path):
        pass


def test_each_user_has_a_lock_of_his_own_in_the_first_directory_there(tmp_path: Path) -> None:
    found = lock_path("host", (str(tmp_path / "not-there"), str(tmp_path)))
    assert os.path.dirname(found) == str(tmp_path) and str(os.getuid()) in os.path.basename(found)
