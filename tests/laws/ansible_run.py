# Copyright: (c) 2026, flotilla.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The same through real Ansible: a module run as a user runs it, with everything that it says anywhere."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

SYSLOG = Path("/dev/log")


@dataclass
class Said:
    """One run: the module's result as JSON, all of the output, what went to syslog."""

    result: dict[str, Any]
    output: str
    syslog: str

    def places(self) -> dict[str, str]:
        """Everything by where it was said."""
        return {"result": json.dumps(self.result, default=str), "output": self.output, "syslog": self.syslog}


@dataclass
class Syslog:
    """What was written to /dev/log while a test listened there."""

    datagrams: list[str] = field(default_factory=list)

    def take(self) -> str:
        """All of it, and forget it."""
        text, self.datagrams = "\n".join(self.datagrams), []
        return text


@contextmanager
def syslog() -> Iterator[Syslog]:
    """Listens on /dev/log. A machine with a syslog daemon of its own keeps it, and gets it back afterwards."""
    said, own = Syslog(), SYSLOG.with_name("log.laws")
    before = SYSLOG.with_name("log.before-laws") if SYSLOG.exists() or SYSLOG.is_symlink() else None
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    listener.bind(str(own))
    os.chmod(own, 0o666)
    if before is not None:
        SYSLOG.rename(before)
    own.rename(SYSLOG)

    def read() -> None:
        while True:
            datagram = listener.recv(1 << 16)
            if datagram == b"stop":
                return
            said.datagrams.append(datagram.decode("utf-8", "replace"))

    reader = threading.Thread(target=read, daemon=True)
    reader.start()
    try:
        yield said
    finally:
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as last:
            last.connect(str(SYSLOG))
            last.send(b"stop")
        reader.join(10)
        listener.close()
        SYSLOG.unlink()
        if before is not None:
            before.rename(SYSLOG)


class Ansible:
    """Runs single modules of the collection on this machine, in a folder for its files.

    inventory: the variables of another host on which they run instead.
    """

    def __init__(self, folder: Path, log: Syslog, enter: Sequence[str] = (), timeout: float = 300,
                 inventory: Mapping[str, Any] | None = None) -> None:
        self.timeout = timeout
        self.folder = folder
        self.log = log
        self.enter = list(enter)
        self.reach = ["-i", "localhost,", "-c", "local"]
        if inventory is not None:
            (folder / "hosts.json").write_text(json.dumps({"all": {"hosts": {"node": dict(inventory)}}}), encoding="utf-8")
            self.reach = ["-i", str(folder / "hosts.json")]

    def module(self, name: str, arguments: Mapping[str, Any], check: bool = False, verbosity: int = 3,
               keywords: Mapping[str, Any] | None = None) -> Said:
        """One module run by ansible-playbook, with `--diff`; a failing module is a result too. `keywords` are the task's own."""
        place = self.folder / "result.json"
        place.unlink(missing_ok=True)
        play = [{"name": "One module", "hosts": "all", "gather_facts": False, "tasks": [
            {"name": "Run it", "flotilla.virt.%s" % name: dict(arguments), "register": "said", "ignore_errors": True,
             "ignore_unreachable": True, **(keywords or {})},
            {"name": "Keep the result", "ansible.builtin.copy": {"content": "{{ said | to_json }}", "dest": str(place), "mode": "0600"},
             "check_mode": False, "diff": False, "no_log": True, "delegate_to": "localhost", "vars": {"ansible_connection": "local"}}]}]
        book = self.folder / "play.yml"
        book.write_text(json.dumps(play), encoding="utf-8")  # JSON is YAML
        argv = [*self.enter, "ansible-playbook", str(book), *self.reach, "--diff"]
        argv += ["-" + "v" * verbosity] if verbosity else []
        argv += ["--check"] if check else []
        self.log.take()
        ran = subprocess.run(argv, capture_output=True, text=True, check=False, timeout=self.timeout)
        assert place.exists(), ran.stdout + ran.stderr
        return Said(json.loads(place.read_text(encoding="utf-8")), ran.stdout + ran.stderr, self.log.take())
