# Copyright: (c) 2026, flotilla.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A container that podman's own cleanup still holds is asked to go again."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
from ansible_collections.flotilla.virt.plugins.module_utils._containers.host import LocalHost, Result
from ansible_collections.flotilla.virt.plugins.module_utils._containers.podman import command
from ansible_collections.flotilla.virt.plugins.module_utils._reconcile.errors import EngineError

BUSY = Result(125, "", "Error: removing container abc root filesystem: unlinkat /x/userdata/shm: device or resource busy")


class Answering(LocalHost):
    """A host whose podman gives these answers, in turn; the last one from then on."""

    def __init__(self, *answers: Result) -> None:
        super().__init__()
        self.answers = list(answers)
        self.asked: list[str] = []

    def run(self, argv: Sequence[str], stdin: Any = None, timeout: Any = None) -> Result:
        self.asked.append(" ".join(argv[1:3]))
        return self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]


def test_it_is_asked_again_until_it_has_gone() -> None:
    host = Answering(BUSY, Result(0, "", ""), Result(0, "abc", ""))
    command.Podman(host).remove("web", "abc")
    assert host.asked == ["rm abc", "container exists", "rm abc"]


def test_what_the_first_attempt_took_away_is_gone() -> None:
    host = Answering(BUSY, Result(1, "", ""))
    command.Podman(host).remove("web", "abc")
    assert host.asked == ["rm abc", "container exists"]


def test_it_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(command, "BUSY", 0.0)
    with pytest.raises(EngineError, match="cannot remove the container web.*busy"):
        command.Podman(Answering(BUSY)).remove("web", "abc")


def test_another_error_is_told_at_once() -> None:
    host = Answering(Result(2, "", "Error: container abc has dependent containers"))
    with pytest.raises(EngineError, match="dependent"):
        command.Podman(host).remove("web", "abc")
    assert host.asked == ["rm abc"]
