# Copyright: (c) 2026, flotilla.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The file system as a wire: for what keeps its state in files and has no engine in between.

Python tells an audit hook of each of its calls before it is made (PEP 578), so that nothing can be written unseen.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from .wire import Wire

# Events of changing calls (docs.python.org, audit events table). Each names the path first.
_CHANGES = ("os.rename", "os.remove", "os.mkdir", "os.rmdir", "os.chmod", "os.truncate", "os.link", "os.symlink", "os.utime")
_WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND

_watched: list[tuple[str, Wire]] = []
_hooked = False


def _audit(event: str, arguments: tuple[Any, ...]) -> None:
    if not _watched or (event != "open" and event not in _CHANGES):
        return
    path = arguments[0]
    if not isinstance(path, (str, bytes, os.PathLike)):
        return
    text = os.fsdecode(path)
    for folder, wire in list(_watched):
        if text.startswith(folder):
            reads = event == "open" and not int(arguments[2] or 0) & _WRITING
            wire.note("file", "%s %s" % (event, text[len(folder):].lstrip("/")), reads)


@contextmanager
def files_below(folder: Path, wire: Wire) -> Iterator[None]:
    """Notes on `wire` every call of this process that opens or changes something below `folder`."""
    global _hooked  # pylint: disable=global-statement  # a hook stays for the life of the process
    if not _hooked:
        sys.addaudithook(_audit)
        _hooked = True
    entry = (str(folder), wire)
    _watched.append(entry)
    try:
        yield
    finally:
        _watched.remove(entry)
