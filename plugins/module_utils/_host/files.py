# Copyright: (c) 2026, flotilla.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reading /proc, /sys and /dev below a root that tests can replace by a recorded tree."""

from __future__ import annotations

import os
import typing as t


def at(root: str, path: str) -> str:
    """Place an absolute path such as ``/proc/cpuinfo`` below ``root``."""
    return os.path.join(root, path.lstrip("/"))


def read(root: str, path: str) -> t.Optional[str]:
    """Return the text of a file without surrounding white space, or None where it cannot be read.

    Kernel files come and go with modules and hardware, so a missing one is an answer and not an error.
    """
    try:
        with open(at(root, path), encoding="utf-8", errors="replace") as stream:
            return stream.read().strip()
    except OSError:
        return None


def names(root: str, path: str) -> t.List[str]:
    """Return the sorted names in a folder; an empty list where it is missing or unreadable."""
    try:
        return sorted(os.listdir(at(root, path)))
    except OSError:
        return []


def exists(root: str, path: str) -> bool:
    """Say whether a path exists below ``root``."""
    return os.path.exists(at(root, path))
