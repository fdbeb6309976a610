# Copyright: (c) 2026, flotilla.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What podman 5 does otherwise than 4, on documents of its shape. No podman 5 was run for it.

The differences are from its release notes, pull request 22322 (`podman update` stores since 5.1) and issue 24610 (up to 5.3 an
update drops every stored limit that it does not name).
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.flotilla.virt.plugins.module_utils._containers.host import LocalHost, Result
from ansible_collections.flotilla.virt.plugins.module_utils._containers.podman import limits
from ansible_collections.flotilla.virt.plugins.module_utils._containers.podman.driver import PodmanDriver
from ansible_collections.flotilla.virt.plugins.module_utils._reconcile import grammar
from ansible_collections.flotilla.virt.plugins.module_utils._reconcile.contract import Request
from ansible_collections.flotilla.virt.plugins.module_utils._reconcile.plan import NOT_STORED
from ansible_collections.flotilla.virt.plugins.module_utils._reconcile.reconcile import Run
from ansible_collections.flotilla.virt.plugins.module_utils._reconcile.secrets import sealer

MIB = 1 << 20
KEYS = {"--memory": "Memory", "--memory-swap": "MemorySwap", "--cpu-shares": "CpuShares", "--pids-limit": "PidsLimit",
        "--cpuset-cpus": "CpusetCpus", "--cpus": "NanoCpus"}
IMAGE = {"Id": "beef", "RepoTags": ["localhost/app:1"], "Config": {"Entrypoint": ["/sbin/init"]}}


def document() -> dict[str, Any]:
    return {
        "Id": "c0ffee", "Name": "web", "Image": "beef", "ImageName": "localhost/app:1", "State": {"Status": "exited", "Pid": 0},
        # podman 4 has a number and a text here.
        "Config": {"StopSignal": "SIGTERM", "Entrypoint": ["/sbin/init"], "Hostname": "web", "Labels": {}, "CreateCommand": []},
        "HostConfig": {"Memory": 64 * MIB, "MemorySwap": 96 * MIB, "CpuShares": 512, "PidsLimit": 2048, "CpusetCpus": "0",
                       "RestartPolicy": {"Name": "no"}, "NetworkMode": "none"},
        "NetworkSettings": {"Networks": {}}, "Mounts": []}


class WithPodman(LocalHost):
    """A host whose podman has one stopped container and stores updates as 5.1 to 5.3 do: what is not said goes."""

    def __init__(self, version: str) -> None:
        super().__init__()
        self.version = version
        self.document = document()
        self.updates: list[list[str]] = []

    def exists(self, path: str) -> bool:
        return path == "/usr/bin/podman" or super().exists(path)

    def run(self, argv: Sequence[str], stdin: Any = None, timeout: Any = None) -> Result:
        words = list(argv[1:])
        answers = {"--version": f"podman version {self.version}\n", "ps": "c0ffee\n", "container": json.dumps([self.document]),
                   "image": json.dumps([IMAGE]), "-u": "0\n"}
        if argv[0] == "podman" and words[0] == "update":
            self.update(words[1:-1])
            return Result(0, "c0ffee\n", "")
        assert argv[0] in ("podman", "id"), argv
        return Result(0, answers[words[0]], "")

    def update(self, words: list[str]) -> None:
        self.updates.append(words)
        for key in KEYS.values():
            self.document["HostConfig"].pop(key, None)
        for option, value in zip(words[::2], words[1::2]):
            self.document["HostConfig"][KEYS[option]] = int(value) if value.isdigit() and option != "--cpuset-cpus" else value


def applied(host: WithPodman, directory: Path, **declared: Any) -> Any:
    problems: list[Any] = []
    spec = grammar.parse_guest({"state": "stopped", "adopt": True, **declared}, "podman", "", problems)
    run = Run(PodmanDriver(host, directory=str(directory)), [Request("web", spec)], sealer(b"k" * 32))
    result = run.apply(run.survey())[0]
    assert not problems and not result.failed, problems or result.msg
    return result


def test_a_stored_limit_is_not_pending_and_the_others_stay(tmp_path: Path) -> None:
    host = WithPodman("5.2.0")
    result = applied(host, tmp_path, memory={"size": "128MiB", "swap": "0B"})
    assert [entry["path"] for entry in result.plan] == ["memory.size", "memory.swap"] and not result.pending
    kept = {key: host.document["HostConfig"].get(key) for key in ("Memory", "MemorySwap", "CpuShares", "PidsLimit", "CpusetCpus")}
    assert kept == {"Memory": 128 * MIB, "MemorySwap": 128 * MIB, "CpuShares": 512, "PidsLimit": 2048, "CpusetCpus": "0"}
    again = applied(host, tmp_path, memory={"size": "128MiB", "swap": "0B"})
    assert not again.changed and not again.pending and len(host.updates) == 1


@pytest.mark.parametrize("version", ["5.0.3", "4.9.4"])
def test_a_podman_that_does_not_store_is_asked_for_nothing_and_the_limit_is_pending(tmp_path: Path, version: str) -> None:
    host = WithPodman(version)
    if version[0] == "4":
        host.document["Config"].update(StopSignal=15, Entrypoint="/sbin/init")
    result = applied(host, tmp_path, memory={"size": "128MiB", "swap": "0B"})
    assert host.updates == [] and {entry["reason"] for entry in result.pending} == {NOT_STORED}


def test_swap_without_a_limit_of_ours_stays_as_it_is_stored() -> None:
    wanted = {"memory": 64 * MIB, "swap": None, "cpus": None, "units": 1024, "pinning": None}
    settings = {"MemorySwap": 200 * MIB, "PidsLimit": -1}
    assert limits.whole(["--cpu-shares", "2048"], wanted, settings) == [
        "--memory", str(64 * MIB), "--memory-swap", str(200 * MIB), "--cpu-shares", "2048"]
