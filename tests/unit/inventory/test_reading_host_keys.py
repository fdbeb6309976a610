# Copyright: (c) 2026, flotilla.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How SSH host keys are read: by an agent that allows this or that or nothing, and from a container's files, whatever lies there."""

from __future__ import annotations

import base64
import os
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from xml.etree import ElementTree

import pytest
from ansible_collections.flotilla.virt.plugins.module_utils._containers.host_keys import KeyReader
from ansible_collections.flotilla.virt.plugins.module_utils._containers.rootfs import RootFs
from ansible_collections.flotilla.virt.plugins.module_utils._libvirt.domain import agent, host_keys
from ansible_collections.flotilla.virt.plugins.module_utils._reconcile.plan import Actual

KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOMqqnkVzrm0SdG6UOoqKLsabgH5C9okWi0dh2l9GKJl"
CHANNEL = "<domain><devices><channel><target name='org.qemu.guest_agent.0' state='%s'/></channel></devices></domain>"
FILES = ("guest-file-open", "guest-file-read", "guest-file-close")


class Agent:
    """What a guest's agent answers: files by path, and the commands that are turned on."""

    def __init__(self, files: dict[str, str], *enabled: str) -> None:
        self.files = files
        self.enabled = enabled
        self.open: list[str] = []

    def command(self, _domain: Any, name: str, arguments: dict[str, Any] | None = None, _seconds: int = 5) -> Any:
        given = arguments or {}
        if name == "guest-info":
            return {"supported_commands": [{"name": each, "enabled": each in self.enabled} for each in (*FILES, "guest-exec")]}
        if name not in (*self.enabled, "guest-exec-status"):
            raise agent.AgentError("the command %s has been disabled" % name)
        if name == "guest-file-open":
            if given["path"] not in self.files:
                raise agent.AgentError("No such file or directory")
            self.open.append(given["path"])
            return len(self.open) - 1
        if name == "guest-file-read":
            text = self.files[self.open[given["handle"]]].encode()[:given["count"]]
            return {"buf-b64": base64.b64encode(text).decode()}
        if name == "guest-file-close":
            self.open[given["handle"]] = ""
            return {}
        if name == "guest-exec":
            self.said = "".join(self.files.get(path, "") for path in given["arg"])
            return {"pid": 1}
        return {"exited": True, "exitcode": 1, "out-data": base64.b64encode(self.said.encode()).decode()}


def running(state: str = "connected", family: str = "linux") -> dict[str, Actual]:
    handle = SimpleNamespace(domain=None, live=lambda: ElementTree.fromstring(CHANNEL % state))
    return {"db1": Actual("db1", {"os": {"family": family}}, live={}, handle=handle), "off": Actual("off", handle=None)}


def keys_of(monkeypatch: pytest.MonkeyPatch, told: Agent, **guest: str) -> list[str]:
    monkeypatch.setattr(agent, "command", told.command)
    found = running(**guest)
    host_keys.add(found)
    assert "host_keys" not in found["off"].status and not any(told.open)
    keys: list[str] = found["db1"].status["host_keys"]
    return keys


PATH = "/etc/ssh/ssh_host_ed25519_key.pub"


@pytest.mark.parametrize("enabled", [FILES, ("guest-exec",), (*FILES, "guest-exec")])
def test_by_files_or_by_a_command(monkeypatch: pytest.MonkeyPatch, enabled: tuple[str, ...]) -> None:
    assert keys_of(monkeypatch, Agent({PATH: KEY + " root@db1\n"}, *enabled)) == [KEY]


def test_windows_keeps_them_elsewhere(monkeypatch: pytest.MonkeyPatch) -> None:
    place = "C:\\ProgramData\\ssh\\ssh_host_ed25519_key.pub"
    assert keys_of(monkeypatch, Agent({place: KEY + "\r\n"}, *FILES), family="windows") == [KEY]
    assert keys_of(monkeypatch, Agent({place: KEY + "\r\n"}, "guest-exec"), family="windows") == []


def test_an_agent_that_tells_nothing_is_no_error(monkeypatch: pytest.MonkeyPatch) -> None:
    assert keys_of(monkeypatch, Agent({PATH: KEY})) == []
    assert keys_of(monkeypatch, Agent({PATH: KEY}, *FILES), state="disconnected") == []
    assert keys_of(monkeypatch, Agent({PATH: "* " + KEY}, *FILES)) == []
    assert keys_of(monkeypatch, Agent({PATH: KEY + " " + "x" * 10**6}, *FILES)) == []

    def silent(*_arguments: Any) -> Any:
        raise agent.AgentError("the agent does not respond")

    told = Agent({})
    told.command = silent  # type: ignore[method-assign]
    assert keys_of(monkeypatch, told) == []


class Driver:
    """A driver with one running container and one that is stopped."""

    rule = None

    def read(self, _names: Any) -> dict[str, Actual]:
        return {"web": Actual("web", status={"pid": 42}), "off": Actual("off")}


def test_a_container_is_read_from_its_root_and_never_leaves_it(tmp_path: Path) -> None:
    outside, ssh = tmp_path / "outside.pub", tmp_path / "root/etc/ssh"
    outside.write_text(KEY)
    ssh.mkdir(parents=True)
    asked: list[str] = []

    def rootfs(path: str) -> RootFs:
        asked.append(path)
        return RootFs(str(tmp_path / "root"))

    reader = KeyReader(Driver(), SimpleNamespace(rootfs=rootfs))  # type: ignore[arg-type]
    (ssh / "ssh_host_ed25519_key.pub").write_text(KEY + " root@web\n")
    (ssh / "ssh_host_ecdsa_key.pub").symlink_to(outside)
    os.mkfifo(ssh / "ssh_host_rsa_key.pub")
    found = reader.read(None)
    assert found["web"].status["host_keys"] == [KEY] and "host_keys" not in found["off"].status
    assert asked == ["/proc/42/root"]
    (ssh / "ssh_host_ed25519_key.pub").unlink()
    assert reader.read(None)["web"].status["host_keys"] == []
