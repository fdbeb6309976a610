# Copyright: (c) 2026, flotilla.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The program that the guest_agent connection runs on a domain's host, against an agent that answers as QEMU's does."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest

from ansible_collections.flotilla.virt.plugins.plugin_utils import _agent_relay as relay


class Said(Exception):
    """What libvirt raises."""


class Agent:
    """An agent with files and one program, which echoes its input; it answers as the protocol's schema says (qga/qapi-schema.json)."""

    def __init__(self) -> None:
        self.files: dict[str, bytearray] = {}
        self.open: dict[int, list[Any]] = {}
        self.asked: list[str] = []
        self.polls = 0
        self.exit: dict[str, Any] = {"exitcode": 0}

    def call(self, text: str) -> str:
        message = json.loads(text)
        self.asked.append(message["execute"])
        answer = getattr(self, message["execute"].replace("-", "_"))(**{
            name.replace("-", "_"): value for name, value in message.get("arguments", {}).items()})
        return json.dumps({"return": answer})

    def guest_exec(self, path: str, arg: list[str], capture_output: bool, input_data: str = "", env: Any = ()) -> dict[str, int]:
        assert capture_output
        if path == "missing":
            raise Said("internal error: unable to execute QEMU agent command 'guest-exec': Guest agent command failed, error was 'no such file'")
        self.input, self.env = input_data, env
        return {"pid": 7}

    def guest_exec_status(self, pid: int) -> dict[str, Any]:
        assert pid == 7
        self.polls += 1
        if self.polls < 3:
            return {"exited": False}
        return {"exited": True, **({"out-data": self.input} if self.input else {}), **self.exit}

    def guest_file_open(self, path: str, mode: str) -> int:
        if mode == "rb" and path not in self.files:
            raise Said("unable to execute QEMU agent command 'guest-file-open': failed to open file")
        if mode == "wb":
            self.files[path] = bytearray()
        self.open[len(self.open) + 1] = [path, 0]
        return len(self.open)

    def guest_file_write(self, handle: int, buf_b64: str) -> dict[str, int]:
        # A real agent may write less than it was given.
        assert len(buf_b64) <= 64 << 10, "a large message reaches a busy guest in pieces, which its agent takes for an error"
        data = base64.b64decode(buf_b64)[:30000]
        self.files[self.open[handle][0]] += data
        return {"count": len(data), "eof": False}

    def guest_file_seek(self, handle: int, offset: int, whence: int) -> dict[str, int]:
        assert whence == 0
        self.open[handle][1] = offset
        return {"position": offset, "eof": False}

    def guest_file_read(self, handle: int, count: int) -> dict[str, Any]:
        path, place = self.open[handle]
        data = bytes(self.files[path][place:place + count])
        self.open[handle][1] += len(data)
        return {"count": len(data), "buf-b64": base64.b64encode(data).decode(), "eof": place + len(data) >= len(self.files[path])}

    def guest_file_close(self, handle: int) -> dict[str, Any]:
        return {}


def ask(agent: Agent, **request: Any) -> dict[str, Any]:
    return relay.answer(relay.Guest(agent.call, Said), request)


def test_a_program_gets_its_input_and_is_waited_for() -> None:
    agent = Agent()
    stdin = base64.b64encode(b"\0binary\n").decode()
    assert ask(agent, do="run", path="/bin/cat", arguments=[], stdin=stdin, env=["HOME=/root"]) == {"code": 0, "out": stdin, "err": ""}
    assert agent.polls == 3 and agent.env == ["HOME=/root"]


def test_exit_codes_and_signals() -> None:
    agent = Agent()
    agent.exit = {"exitcode": 3, "err-data": "bm8="}
    assert ask(agent, do="run", path="x", arguments=["-a"], stdin="", env=[]) == {"code": 3, "out": "", "err": "bm8="}
    agent.exit = {"signal": 9}
    assert ask(agent, do="run", path="x", arguments=[], stdin="", env=[])["code"] == 137


def test_output_that_was_cut_off_is_an_error() -> None:
    agent = Agent()
    agent.exit = {"exitcode": 0, "out-truncated": True}
    assert "16 MiB" in ask(agent, do="run", path="x", arguments=[], stdin="", env=[])["refused"]


def test_files_are_written_whole_appended_and_read_in_parts() -> None:
    agent, data = Agent(), bytes(range(256)) * 4000
    assert ask(agent, do="write", path="/f", mode="wb", data=base64.b64encode(data).decode()) == {}
    assert ask(agent, do="write", path="/f", mode="ab", data=base64.b64encode(b"end").decode()) == {}
    assert bytes(agent.files["/f"]) == data + b"end"
    parts = [base64.b64decode(ask(agent, do="read", path="/f", offset=offset, count=700000)["data"]) for offset in (0, 700000, 1400000)]
    assert b"".join(parts) == data + b"end" and parts[2] == b""
    assert agent.asked.count("guest-file-open") == agent.asked.count("guest-file-close") == 5


def test_what_the_agent_refuses_is_told_from_an_agent_that_is_away() -> None:
    agent = Agent()
    assert "failed to open" in ask(agent, do="read", path="/none", offset=0, count=1)["refused"]
    assert "no such file" in ask(agent, do="run", path="missing", arguments=[], stdin="", env=[])["refused"]

    def away(_text: str) -> str:
        raise Said("Guest agent is not responding: QEMU guest agent is not connected")

    assert "not connected" in relay.answer(relay.Guest(away, Said), {"do": "read", "path": "/f", "offset": 0, "count": 1})["away"]


def test_a_busy_agent_is_asked_again_and_one_that_is_not_connected_is_not(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(relay.time, "sleep", lambda _seconds: None)
    agent, refusals = Agent(), ["Guest agent is not responding: Guest agent not available for now"] * 2 + ["QEMU guest agent is not connected"]
    agent.files["/f"] = bytearray(b"x")

    def call(text: str) -> str:
        if refusals:
            raise Said(refusals.pop(0))
        return agent.call(text)

    guest = relay.Guest(call, Said)
    assert "not connected" in relay.answer(guest, {"do": "read", "path": "/f", "offset": 0, "count": 1})["away"]
    assert relay.answer(guest, {"do": "read", "path": "/f", "offset": 0, "count": 1}) == {"data": "eA=="}
