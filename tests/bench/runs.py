# Copyright: (c) 2026, flotilla.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Whole runs of ansible-playbook, timed from the start of the process to its end."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import fleets
import yaml

BIN = Path(sys.prefix) / "bin"
LOCAL = {"ansible_connection": "local"}
_RECAP = re.compile(r"changed=(\d+)\s+unreachable=(\d+)\s+failed=(\d+)")


@dataclass
class Sample:
    """One measured run: wall seconds, CPU seconds of all its processes, and the largest process's peak in MB."""

    seconds: float
    cpu: float = 0.0
    peak_mb: float = 0.0
    changed: int = 0


@dataclass
class Ansible:
    """ansible-playbook as a user runs it, with the collections of one folder and the interpreter of the system.

    enter: the command prefix that runs it where the measured libvirt is. connection: the host's variables.
    """

    enter: list[str]
    collections: Path
    folder: Path
    connection: dict[str, Any] = field(default_factory=lambda: dict(LOCAL))
    settings: dict[str, str] = field(default_factory=dict)

    def run(self, task: dict[str, Any], variables: dict[str, Any] | None = None, as_yaml: bool = False) -> Sample:
        """Run a play of one task and return what it took. A run that fails ends the benchmark with its output.

        The variables stand in a file in group_vars, as JSON or (what costs Ansible more to read) as YAML.
        """
        with tempfile.TemporaryDirectory(dir=self.folder) as temporary:
            command = self.enter + self._command(Path(temporary), task)
            _write(Path(temporary) / "group_vars", variables or {}, as_yaml)
            environment = self._environment(temporary)
            start = time.perf_counter()
            with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as process:
                assert process.stdout is not None
                said = process.stdout.read()
                _pid, status, usage = os.wait4(process.pid, 0)
                seconds = time.perf_counter() - start
                process.returncode = os.waitstatus_to_exitcode(status)
        recap = _RECAP.search(said)
        if process.returncode != 0 or recap is None:
            raise SystemExit(f"a measured run failed:\n{said[-4000:]}")
        return Sample(seconds, usage.ru_utime + usage.ru_stime, usage.ru_maxrss * 1024 / 1e6, int(recap.group(1)))

    def fleet(self, guests: list[dict[str, Any]], as_yaml: bool = False) -> Sample:
        """A run of the module `fleet` over these guests."""
        return self.run({"flotilla.virt.fleet": {"name": fleets.FLEET, "guests": "{{ guests }}"}}, {"guests": guests}, as_yaml)

    def nothing(self) -> Sample:
        """The floor: a play that never leaves the controller."""
        return self.run({"ansible.builtin.debug": {"msg": "nothing"}})

    def ping(self) -> Sample:
        """The floor of a play of one module."""
        return self.run({"ansible.builtin.ping": {}})

    def _command(self, folder: Path, task: dict[str, Any]) -> list[str]:
        play = {"hosts": "all", "gather_facts": False, "tasks": [task]}
        (folder / "ansible.cfg").touch()  # the user's own does not count
        (folder / "play.yml").write_text(json.dumps([play]), encoding="utf-8")
        (folder / "hosts.yml").write_text(json.dumps({"all": {"hosts": {"measured": self.connection}}}), encoding="utf-8")
        return [str(BIN / "ansible-playbook"), "-i", str(folder / "hosts.yml"), str(folder / "play.yml")]

    def _environment(self, temporary: str) -> dict[str, str]:
        kept = {key: value for key, value in os.environ.items() if not key.startswith(("ANSIBLE_", "PYTHON", "LIBVIRT_"))}
        return {
            **kept,
            "ANSIBLE_CONFIG": f"{temporary}/ansible.cfg",
            "ANSIBLE_COLLECTIONS_PATH": str(self.collections),
            "ANSIBLE_PYTHON_INTERPRETER": "/usr/bin/python3",
            "ANSIBLE_INVENTORY_ANY_UNPARSED_IS_FAILED": "true",
            "ANSIBLE_LOCAL_TEMP": temporary,
            "ANSIBLE_NOCOLOR": "1",
            "ANSIBLE_NOCOWS": "1",
            **self.settings,
        }


def _write(folder: Path, variables: dict[str, Any], as_yaml: bool) -> None:
    folder.mkdir()
    if as_yaml:
        (folder / "all.yml").write_text(yaml.safe_dump(variables, sort_keys=False), encoding="utf-8")
    else:
        (folder / "all.json").write_text(json.dumps(variables), encoding="utf-8")
