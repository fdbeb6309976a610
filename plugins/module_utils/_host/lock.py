# Copyright: (c) 2026, flotilla.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Turns between runs: an advisory lock of the machine where the module runs, freed by the kernel when a run dies."""

from __future__ import annotations

import errno
import fcntl
import json
import os
import time
from contextlib import contextmanager
from typing import Iterator, List

from .._reconcile.errors import Busy

DIRECTORIES = ("/run/lock", "/var/lock", "/tmp")
POLL_SECONDS = 0.1


def lock_path(name: str = "host", directories: "tuple[str, ...]" = DIRECTORIES) -> str:
    """The lock file of this host (or of one resource on it), in the first directory that is there."""
    base = next((directory for directory in directories if os.path.isdir(directory)), "/tmp")
    return os.path.join(base, "flotilla-virt-%s-%d.lock" % (name, os.getuid()))


@contextmanager
def turn(what: str, timeout: float = 300.0, path: str = "") -> Iterator[None]:
    """Holds the host's lock (flock) while the block runs; `what` is told to whoever waits.

    Waits at most `timeout` seconds and then raises Busy, which says who holds it and since when.
    """
    handle = os.open(path or lock_path(), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        _take(handle, time.monotonic() + timeout, path or lock_path())
        _tell(handle, {"pid": os.getpid(), "what": what, "since": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())})
        yield
    finally:
        os.close(handle)


def _take(handle: int, deadline: float, path: str) -> None:
    while True:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return
        except OSError as error:
            if error.errno not in (errno.EAGAIN, errno.EACCES):
                raise
        if time.monotonic() > deadline:
            raise Busy("another run holds this host: %s" % _holder(handle),
                       "wait for it to end, or raise lock_timeout (the lock is %s)" % path)
        time.sleep(POLL_SECONDS)


def _tell(handle: int, holder: "dict[str, object]") -> None:
    os.ftruncate(handle, 0)
    os.pwrite(handle, json.dumps(holder).encode("utf-8"), 0)


def _holder(handle: int) -> str:
    return holder_text(os.pread(handle, 4096, 0).decode("utf-8", "replace"))


def holder_text(told: str) -> str:
    """Who holds the host, from what a lock file says."""
    try:
        holder = json.loads(told)
        return "process %s (%s) since %s" % (holder["pid"], holder["what"], holder["since"])
    except (ValueError, KeyError, TypeError):
        return "unknown"


__all__: List[str] = ["holder_text", "lock_path", "turn"]
