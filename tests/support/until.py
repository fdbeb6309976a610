# Copyright: (c) 2026, flotilla.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Waiting for a condition, never for a time."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Optional, TypeVar

T = TypeVar("T")


def until(condition: Callable[[], Optional[T]], what: str, seconds: float = 300, pause: float = 0.2) -> T:
    """Ask until the answer is a true one, and return it; the deadline is for a machine much slower than ours."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        value = condition()
        if value:
            return value
        time.sleep(pause)
    raise AssertionError("not within %d seconds: %s" % (seconds, what))
