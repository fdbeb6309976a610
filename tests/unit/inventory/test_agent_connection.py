# Copyright: (c) 2026, flotilla.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The guest_agent connection as far as the host: what it asks the relay for, on Linux and on Windows. No guest is needed."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest
from ansible.errors import AnsibleConnectionFailure, AnsibleError
from ansible.playbook.play_context import PlayContext
from ansible.plugins.loader import get_shell_plugin
from ansible_collections.flotilla.virt.plugins.connection import guest_agent


class Host:
    """The connection to the domain's host: it keeps what it is asked, and answers what it is told to."""

    become = None

    def __init__(self, *answers: Any) -> None:
        self.answers = list(answers)
        self.asked: list[dict[str, Any]] = []
        self.lines: list[str] = []

    def set_become_plugin(self, plugin: Any) -> None:
        assert plugin is None

    def exec_command(self, line: str, in_data: bytes, sudoable: bool) -> tuple[int, bytes, bytes]:
        self.lines.append(line)
        self.asked.append(json.loads(in_data))
        answer = self.answers.pop(0)
        return answer if isinstance(answer, tuple) else (0, b"a banner\n" + json.dumps(answer).encode(), b"")


def connection(host: Host, shell: str = "sh") -> Any:
    """The connection of a guest with this shell, on that host."""
    made = guest_agent.Connection(PlayContext(), shell=get_shell_plugin(shell), ansible_playbook_pid="1", task_uuid="1")
    options = {"domain": "db1", "uri": "qemu:///system", "host": None, "python": None, "host_become": None}
    made.get_option = options.get
    made._inner, made._connected = host, True
    return made


def b64(data: bytes) -> str:
    return base64.b64encode(data).decode()


def test_a_command_runs_in_a_shell_and_gives_code_and_streams() -> None:
    host = Host({"code": 3, "out": b64(b"out"), "err": b64(b"err")})
    assert connection(host).exec_command("echo $HOME", in_data=b"planted-secret") == (3, b"out", b"err")
    assert host.asked == [{"uri": "qemu:///system", "domain": "db1", "do": "run", "path": "/bin/sh", "arguments": ["-c", "echo $HOME"],
                           "stdin": b64(b"planted-secret"), "env": [
                               "HOME=/root", "LANG=C.UTF-8", "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "USER=root"]}]
    assert "echo" not in host.lines[0] and "planted" not in host.lines[0]


def test_windows_runs_powershell_and_its_errors_are_plain() -> None:
    clixml = (b"#< CLIXML\r\n<Objs Version=\"1.1.0.1\" xmlns=\"http://schemas.microsoft.com/powershell/2004/04\">"
              b"<S S=\"Error\">went wrong_x000D__x000A_</S></Objs>")
    host = Host({"code": 1, "out": "", "err": b64(clixml)})
    made = connection(host, "powershell")
    code, _out, err = made.exec_command("Get-Item C:\\none", in_data=None)
    assert (code, err.strip()) == (1, b"went wrong")
    request = host.asked[0]
    assert request["env"] == [] and request["path"].lower().startswith("powershell") and request["arguments"][-2] == "-EncodedCommand"
    assert "Get-Item C:\\none" in base64.b64decode(request["arguments"][-1]).decode("utf-16-le")
    assert made.module_implementation_preferences == (".ps1", ".exe", "") and made.always_pipeline_modules and not made.allow_executable


def test_files_travel_in_parts(tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    host = Host({}, {}, {"data": b64(b"12345")}, {"data": b64(b"67")})
    made = connection(host)
    monkeypatch.setattr(guest_agent, "CHUNK", 5)
    (tmp_path / "in").write_bytes(b"1234567")
    made.put_file(str(tmp_path / "in"), "/root/f")
    assert [(request["mode"], base64.b64decode(request["data"])) for request in host.asked] == [("wb", b"12345"), ("ab", b"67")]
    made.fetch_file("/root/f", str(tmp_path / "out"))
    assert (tmp_path / "out").read_bytes() == b"1234567"
    assert [request["offset"] for request in host.asked[2:]] == [0, 5]


def test_an_agent_that_is_away_makes_the_guest_unreachable() -> None:
    with pytest.raises(AnsibleConnectionFailure, match="db1.*not connected"):
        connection(Host({"away": "not connected"})).exec_command("true")
    with pytest.raises(AnsibleConnectionFailure, match="exit code 127: no python"):
        connection(Host((127, b"", b"no python"))).exec_command("true")


def test_what_the_agent_refuses_is_told(tmp_path: Any) -> None:
    with pytest.raises(AnsibleConnectionFailure, match="does not run commands.*disabled"):
        connection(Host({"refused": "disabled"})).exec_command("true")
    with pytest.raises(AnsibleError, match="cannot read /none.*no such file"):
        connection(Host({"refused": "no such file"})).fetch_file("/none", str(tmp_path / "out"))
