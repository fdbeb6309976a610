# Copyright: (c) 2026, flotilla.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The other end of relay.c: runs the double for programs on a node that has no Python.

    python relay.py SOCKET ROOT VERSION [WORD…]     the words enter the node's network namespace

Each call is a process of its own, with the caller's own streams, and is killed when its caller is.
"""

from __future__ import annotations

import os
import select
import signal
import socket
import sys
from pathlib import Path

sys.path.insert(0, str(Path(os.path.realpath(__file__)).parents[1]))

from vznode.call import call  # noqa: E402  pylint: disable=wrong-import-position
from vznode.node import Node  # noqa: E402  pylint: disable=wrong-import-position


def main() -> None:
    """Serve until killed."""
    place, root, version, *enter = sys.argv[1:]
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(place)
    listener.listen(64)
    # Who has forked need not be waited for.
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    print("up", flush=True)
    while True:
        caller, _address = listener.accept()
        if os.fork() == 0:
            listener.close()
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            _serve(caller, Node(root, int(version), host_network=tuple(enter)))
            os._exit(0)
        caller.close()


def _serve(caller: socket.socket, node: Node) -> None:
    words, streams, _flags, _address = socket.recv_fds(caller, 1 << 18, 3)
    while part := caller.recv(1 << 18):
        words += part
    worker = os.fork()
    if worker == 0:
        caller.close()
        for number, stream in enumerate(streams):
            os.dup2(stream, number)
            os.close(stream)
        os._exit(_run(node, words.decode("utf-8", "surrogateescape").split("\0")[:-1]))
    for stream in streams:
        os.close(stream)
    ended = os.pidfd_open(worker)
    poll = select.poll()
    poll.register(ended, select.POLLIN)
    # The caller has shut its half already; only its end hangs up the whole.
    poll.register(caller, 0)
    if not any(number == ended for number, _what in poll.poll()):
        os.kill(worker, signal.SIGKILL)
        os.waitpid(worker, 0)
        return
    caller.send(bytes([os.waitstatus_to_exitcode(os.waitpid(worker, 0)[1])]))


def _run(node: Node, argv: list[str]) -> int:
    argv[0] = os.path.basename(argv[0])
    streams = argv[0] == "vzctl" and any(word in ("exec", "exec2", "exec3") for word in argv[1:3])
    said = call(node, argv, b"", streams)
    sys.stdout.write(said.out)
    sys.stderr.write(said.err)
    sys.stdout.flush()
    sys.stderr.flush()
    return said.rc


if __name__ == "__main__":
    main()
