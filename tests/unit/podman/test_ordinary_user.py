# Copyright: (c) 2026, flotilla.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a run as an ordinary user says: that podman's containers of a single user are not managed, and what to do."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.flotilla.virt.plugins.module_utils._containers.host import LocalHost, Result
from ansible_collections.flotilla.virt.plugins.module_utils._containers.podman.driver import PodmanDriver
from ansible_collections.flotilla.virt.plugins.module_utils._reconcile import grammar
from ansible_collections.flotilla.virt.plugins.module_utils._reconcile.contract import Request
from ansible_collections.flotilla.virt.plugins.module_utils._reconcile.errors import EngineError, Refused
from ansible_collections.flotilla.virt.plugins.module_utils._reconcile.reconcile import Run
from ansible_collections.flotilla.virt.plugins.module_utils._reconcile.secrets import sealer

NOBODYS = 65533
"""A user id of no account: the kernel asks for none."""


class WithEmptyPodman(LocalHost):
    """A host whose podman has nothing; all else (files, permissions, `id`) is the real host's."""

    def exists(self, path: str) -> bool:
        return path == "/usr/bin/podman" or super().exists(path)

    def run(self, argv: Sequence[str], stdin: Any = None, timeout: Any = None) -> Result:
        if argv[0] != "podman":
            return super().run(argv, stdin=stdin, timeout=timeout)
        return Result(0, "", "") if argv[1] == "ps" else Result(125, "[]\n", "Error: no such container")


def said(directory: str, state: str, check_mode: bool) -> str:
    """What a run as that user says."""
    os.setuid(NOBODYS)
    declared = grammar.parse_guest({"state": state, **({"image": "localhost/app:1"} if state != "absent" else {})}, "podman", "", [])
    run = Run(PodmanDriver(WithEmptyPodman(), check_mode=check_mode, directory=directory), [Request("web", declared)], sealer(b"k" * 32))
    try:
        return run.report(run.survey()[0], check_mode=True).msg
    except Refused as error:
        return str(error)


def listed(directory: str) -> list[str]:
    """The containers of all that such a user can see."""
    os.setuid(NOBODYS)
    return list(PodmanDriver(WithEmptyPodman(), directory=directory).read())


def as_nobody(work: Any, *arguments: Any) -> Any:
    """What this returns in a process of its own, which gives its rights away."""
    with ProcessPoolExecutor(1, get_context("fork")) as pool:
        return pool.submit(work, *arguments).result(timeout=60)


@pytest.fixture
def notes() -> Iterator[Path]:
    """Where root keeps what it declared: readable by root only, below folders that everybody may enter."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        place = Path(folder) / "flotilla"
        place.mkdir(mode=0o700)
        yield place


@pytest.mark.skipif(os.getuid() != 0, reason="only root can become another user")
@pytest.mark.parametrize("check_mode", [False, True])
@pytest.mark.parametrize("state", ["running", "absent"])
def test_it_is_refused_with_what_to_do_where_root_has_containers_too(notes: Path, state: str, check_mode: bool) -> None:
    for directory in (notes, notes / "never-made"):
        told = as_nobody(said, str(directory), state, check_mode)
        assert "containers of a single user are not managed" in told and "become: true" in told, told


@pytest.mark.skipif(os.getuid() != 0, reason="only root can become another user")
def test_what_such_a_user_lists_is_without_roots_notes(notes: Path) -> None:
    assert as_nobody(listed, str(notes)) == as_nobody(listed, str(notes / "never-made")) == []


def test_notes_that_root_cannot_read_are_an_error(notes: Path) -> None:
    (notes / "web.json").mkdir()
    with pytest.raises(EngineError, match=r"cannot read .*web\.json"):
        PodmanDriver(WithEmptyPodman(), directory=str(notes)).read(["web"])
