# Copyright: (c) 2026, flotilla.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Runs on the host of a domain, sent there by the guest_agent connection: one request on standard input, one answer on standard output.

Alone in its file on purpose: it is passed to the host's Python as text and may import nothing of this collection. Python 3.8.
"""

from __future__ import annotations

import base64
import json
import sys
import time
from typing import Any, Callable, Dict, List, Type

SECONDS = 30
# Seen with QEMU 7.2: a message of 700 KB reaches a busy guest in pieces, and its agent answers "JSON parse error".
CHUNK = 48 << 10
FASTEST, SLOWEST = 0.02, 0.5
# A busy guest's agent has not answered libvirt's guest-sync, so that the command itself was never sent (qemuAgentGuestSync).
BUSY = "Guest agent not available for now"


class Refused(Exception):
    """The agent answered with an error: the guest is there, and will not do this."""


class Away(Exception):
    """The agent cannot be asked."""


class Guest:
    """The agent of one domain. `call` sends one command as text and returns the answer as text; it raises `error`."""

    def __init__(self, call: Callable[[str], str], error: Type[Exception]) -> None:
        self.call, self.error = call, error

    def ask(self, command: str, **arguments: Any) -> Any:
        """One command of the QEMU guest agent protocol; returns its `return`."""
        text = json.dumps({"execute": command, "arguments": arguments} if arguments else {"execute": command})
        deadline = time.monotonic() + SECONDS
        while True:
            try:
                return json.loads(self.call(text)).get("return")
            except self.error as error:
                words = str(error)
            # libvirt wraps what the agent itself answers in this sentence (qemuAgentCheckError).
            if "unable to execute QEMU agent command" in words:
                raise Refused(words)
            if BUSY not in words or time.monotonic() >= deadline:
                raise Away(words)
            time.sleep(SLOWEST)

    def run(self, path: str, arguments: List[str], stdin: str, env: List[str]) -> Dict[str, Any]:
        """Runs a program until its end: exit code (128 and the signal for a killed one) and both streams, in base64.

        env: the whole environment as NAME=VALUE; empty for the agent's own.
        """
        more: Dict[str, Any] = {"input-data": stdin} if stdin else {}
        if env:
            more["env"] = env
        process = self.ask("guest-exec", path=path, arg=arguments, **{"capture-output": True}, **more)["pid"]
        pause = FASTEST
        while True:
            status = self.ask("guest-exec-status", pid=process)
            if status["exited"]:
                break
            time.sleep(pause)
            pause = min(pause * 1.5, SLOWEST)
        if status.get("out-truncated") or status.get("err-truncated"):
            raise Refused("the command said more than the agent keeps (16 MiB)")
        code = status["exitcode"] if "exitcode" in status else 128 + status.get("signal", 0)
        return {"code": code, "out": status.get("out-data", ""), "err": status.get("err-data", "")}

    def write(self, path: str, mode: str, data: str) -> Dict[str, Any]:
        """Writes (mode `wb`) or appends (`ab`) base64 data to a file."""
        handle = self.ask("guest-file-open", path=path, mode=mode)
        try:
            raw = base64.b64decode(data)
            place = 0
            while place < len(raw):
                part = base64.b64encode(raw[place:place + CHUNK]).decode("ascii")
                place += self.ask("guest-file-write", **{"handle": handle, "buf-b64": part})["count"]
        finally:
            self.ask("guest-file-close", handle=handle)
        return {}

    def read(self, path: str, offset: int, count: int) -> Dict[str, Any]:
        """Up to `count` bytes of a file from `offset`, in base64."""
        handle = self.ask("guest-file-open", path=path, mode="rb")
        try:
            if offset:
                self.ask("guest-file-seek", handle=handle, offset=offset, whence=0)
            raw = b""
            while len(raw) < count:
                answer = self.ask("guest-file-read", handle=handle, count=min(CHUNK, count - len(raw)))
                raw += base64.b64decode(answer["buf-b64"])
                if answer["eof"] or not answer["count"]:
                    break
        finally:
            self.ask("guest-file-close", handle=handle)
        return {"data": base64.b64encode(raw).decode("ascii")}


def answer(guest: Guest, request: Dict[str, Any]) -> Dict[str, Any]:
    """The answer to one request: what it gave, or `refused`, or `away` with the reason."""
    try:
        done: Dict[str, Any] = getattr(guest, request.pop("do"))(**request)
        return done
    except Refused as error:
        return {"refused": str(error)}
    except Away as error:
        return {"away": str(error)}


def main() -> None:
    """Reads the request, finds the domain, prints the answer."""
    request = json.load(sys.stdin)
    try:
        import libvirt
        import libvirt_qemu
    except ImportError as error:
        print(json.dumps({"away": "%s has no libvirt-python (%s); install the host's python3-libvirt" % (sys.executable, error)}))
        return
    libvirt.registerErrorHandler(lambda _context, _error: None, None)
    try:
        domain = libvirt.open(request.pop("uri")).lookupByName(request.pop("domain"))
    except libvirt.libvirtError as error:
        print(json.dumps({"away": str(error)}))
        return
    guest = Guest(lambda text: libvirt_qemu.qemuAgentCommand(domain, text, SECONDS, 0), libvirt.libvirtError)
    print(json.dumps(answer(guest, request)))


if __name__ == "__main__":
    main()
