# Copyright: (c) 2026, flotilla.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which sign of cloud-init's end is taken: agent, console, SSH. With real guests: tests/system/domain/test_wait_for.py."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from ansible_collections.flotilla.virt.plugins.module_utils._libvirt.domain import agent, waiting
from ansible_collections.flotilla.virt.plugins.module_utils._reconcile.annotation import Annotation
from ansible_collections.flotilla.virt.plugins.module_utils._reconcile.errors import EngineError
from ansible_collections.flotilla.virt.plugins.module_utils._reconcile.plan import Actual

CHANNEL = "<channel type='unix'><target type='virtio' name='org.qemu.guest_agent.0' state='%s'/></channel>"
FINISHED = "Cloud-init v. 22.4.2 finished at Wed, 25 Nov 2026 21:00:00 +0000. Datasource DataSourceNoCloud\n"
WORKING = "Cloud-init v. 22.4.2 running 'modules:config'\n"
APPLIED = {"nics": {"lan": {"address": ["10.9.0.5/24", "fd00::5/64"]}}}


class Guest:
    """A running domain, as far as a wait asks; nothing is known of its addresses but what is declared."""

    def __init__(self, place: Path, said: str | None, channel: str = "") -> None:
        log = "<serial><log file='%s'/></serial>" % place if said is not None else ""
        if said is not None:
            place.write_text(said)
        self.text = "<domain><devices>%s%s</devices></domain>" % (log, CHANNEL % channel if channel else "")

    def XMLDesc(self, _flags: int = 0) -> str:
        return self.text

    def isActive(self) -> int:
        return 1

    def interfaceAddresses(self, _source: int) -> dict[str, Any]:
        return {}

    def listAllNetworks(self, _flags: int) -> list[Any]:
        return []


def wait(guest: Guest, facts: dict[str, Any] | None = None) -> dict[str, Any]:
    actual = Actual("web", annotation=Annotation(applied=APPLIED, facts=facts or {}))
    return waiting.Wait(guest, guest, actual).until({"what": "cloud_init", "timeout": 0})


def refuses(guest: Guest, words: str) -> None:
    with pytest.raises(EngineError, match=words):
        wait(guest)


@pytest.fixture(name="ssh")
def _ssh(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The addresses at which an SSH server answers."""
    answering: list[str] = []
    monkeypatch.setattr(waiting, "_greets", lambda address: address in answering)
    return answering


def test_the_console_says_the_end(tmp_path: Path, ssh: list[str]) -> None:
    assert wait(Guest(tmp_path / "log", WORKING + FINISHED, "disconnected")) == {"what": "cloud_init", "by": "console"}


def test_what_the_console_said_before_this_start_is_not_heard(tmp_path: Path, ssh: list[str]) -> None:
    guest = Guest(tmp_path / "log", FINISHED + WORKING)
    assert wait(guest)["by"] == "console"
    with pytest.raises(EngineError, match="the console shows no end"):
        wait(guest, {"console": len(FINISHED)})


def test_ssh_is_not_asked_where_the_console_will_tell(tmp_path: Path, ssh: list[str]) -> None:
    ssh.append("10.9.0.5")
    refuses(Guest(tmp_path / "log", WORKING), "the console shows no end of cloud-init")


@pytest.mark.parametrize("said", [None, "", "GRUB loading\n"])
def test_ssh_at_a_declared_address_where_nothing_else_tells(tmp_path: Path, ssh: list[str], said: str | None) -> None:
    guest = Guest(tmp_path / "log", said)
    refuses(guest, "no SSH server answers at 10.9.0.5, fd00::5")
    ssh.append("fd00::5")
    assert wait(guest) == {"what": "cloud_init", "by": "ssh", "address": "fd00::5", "proves": waiting.SSH_PROVES}


def test_an_agent_that_may_come_is_given_its_time(tmp_path: Path, ssh: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    ssh.append("10.9.0.5")
    guest = Guest(tmp_path / "log", None, "disconnected")
    refuses(guest, "an SSH server answers at 10.9.0.5, and the agent has not opened its channel")
    monkeypatch.setattr(waiting, "AGENT_SECONDS", 0)
    assert wait(guest)["by"] == "ssh"


def test_an_agent_that_may_not_run_commands_leaves_it_to_the_console(tmp_path: Path, ssh: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_arguments: Any) -> Any:
        raise agent.AgentError("guest-exec has been disabled")

    monkeypatch.setattr(agent, "run", refuse)
    ssh.append("10.9.0.5")
    refuses(Guest(tmp_path / "log", None, "connected"), "guest-exec has been disabled")
    assert wait(Guest(tmp_path / "log", FINISHED, "connected"))["by"] == "console"
