# Copyright: (c) 2026, flotilla.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Plays inside a container: from its host, through an inner connection, and as another user on the way."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from support.inside import NAME, TRANSFER, play
from support.tiny_image import make_image

from .conftest import PREFIX, Place

SHELL = {"ansible_connection": "flotilla.virt.container", "flotilla_name": PREFIX + "a"}


@pytest.fixture(scope="module")
def roomy_image(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The small image with what a connection itself needs of a system: `dd` for fetching, and a second user."""
    return make_image(tmp_path_factory.mktemp("roomy"), tools=("dd", "chmod", "rm", "mkdir", "id", "test"))


@pytest.fixture
def container(place: Place, base: dict[str, Any], roomy_image: Path) -> Place:
    place.images["roomy"] = str(roomy_image)
    result = place.run({**base, "image": "roomy"})
    assert not result.failed, result.msg
    return place


@pytest.fixture
def sshd(tmp_path: Path) -> Iterator[dict[str, Any]]:
    """An SSH server on this machine: the variables of a host that is reached through it."""
    for name in ("host", "user"):
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(tmp_path / name)], check=True)
    (tmp_path / "authorized").write_text((tmp_path / "user.pub").read_text())
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    os.makedirs("/run/sshd", exist_ok=True)
    server = subprocess.Popen(["/usr/sbin/sshd", "-D", "-e", "-f", "/dev/null", "-p", str(port), "-h", str(tmp_path / "host"),
                               "-o", "ListenAddress=127.0.0.1", "-o", f"AuthorizedKeysFile={tmp_path}/authorized",
                               "-o", "StrictModes=no", "-o", f"PidFile={tmp_path}/pid"], stderr=subprocess.DEVNULL)
    try:
        deadline = time.monotonic() + 20
        while True:
            try:
                socket.create_connection(("127.0.0.1", port), timeout=1).close()
                break
            except ConnectionRefusedError:
                assert time.monotonic() < deadline, "sshd does not answer"
                time.sleep(0.05)
        yield {"ansible_host": "127.0.0.1", "ansible_port": port, "ansible_user": "root",
               "ansible_ssh_private_key_file": str(tmp_path / "user"),
               "ansible_ssh_common_args": "-o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null -o ControlMaster=no"}
    finally:
        server.terminate()
        server.wait()


def some_tasks() -> list[dict[str, Any]]:
    return [
        {"raw": "echo out; echo \"it's \\\"err\\\"\" >&2; exit 7", "register": "r", "failed_when": "r.rc != 7 or r.stdout_lines != ['out']"},
        {"assert": {"that": ["'it\\'s \"err\"' in r.stderr"]}},
        {"raw": "uname -n", "register": "n", "failed_when": f"n.stdout_lines != ['{PREFIX}a']"},
    ]


@pytest.mark.parametrize("way", ["here", "local host", "ssh"])
def test_commands_run_inside_with_their_own_exit_code_and_streams(container: Place, tmp_path: Path, sshd: dict[str, Any], way: str) -> None:
    hosts: dict[str, Any] = {"guest": dict(SHELL)}
    if way != "here":
        hosts["metal"] = sshd if way == "ssh" else {"ansible_connection": "local"}
        hosts["guest"]["flotilla_host"] = "metal"
    done = play(tmp_path, hosts, some_tasks())
    assert done["rc"] == 0, done["out"]


@pytest.mark.parametrize("way", ["here", "ssh"])
@pytest.mark.parametrize("size", [0, 5, (16 << 20) + 1])
def test_files_go_in_and_come_out_whole(container: Place, tmp_path: Path, sshd: dict[str, Any], way: str, size: int) -> None:
    content = os.urandom(size)
    (tmp_path / "in").write_bytes(content)
    done = subprocess.run([sys.executable, "-c", TRANSFER, str(tmp_path), PREFIX + "a", json.dumps(sshd if way == "ssh" else {}), "lxc"],
                          capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 0, done.stdout + done.stderr
    assert (container.directory() / "rootfs/root" / NAME).read_bytes() == content
    assert (tmp_path / "out").read_bytes() == content


def test_a_container_that_does_not_run_is_unreachable(container: Place, tmp_path: Path) -> None:
    container.run({"state": "stopped"})
    done = play(tmp_path, {"guest": dict(SHELL)}, [{"raw": "true"}])
    assert done["rc"] == 4 and "UNREACHABLE" in done["out"] and "cannot enter the container" in done["out"]


def test_a_delegated_task_enters_its_own_container(container: Place, tmp_path: Path) -> None:
    done = play(tmp_path, {"guest": {"ansible_connection": "local"}, PREFIX + "a": {"ansible_connection": SHELL["ansible_connection"]}},
                [{"raw": "uname -n", "delegate_to": PREFIX + "a", "register": "n", "failed_when": f"n.stdout_lines != ['{PREFIX}a']"}])
    assert done["rc"] == 0, done["out"]


def test_a_host_that_is_in_no_inventory_is_said(container: Place, tmp_path: Path) -> None:
    done = play(tmp_path, {"guest": {**SHELL, "flotilla_host": "nobody"}}, [{"raw": "true"}])
    assert done["rc"] != 0 and "'nobody' is not in the inventory" in done["out"]


def test_a_failing_command_that_names_lxc_attach_is_no_lost_connection(container: Place, tmp_path: Path) -> None:
    done = play(tmp_path, {"guest": dict(SHELL)}, [{"raw": "echo lxc-attach: not me >&2; exit 1", "register": "r", "failed_when": "r.rc != 1"}])
    assert done["rc"] == 0, done["out"]
