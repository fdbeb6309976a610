# Copyright: (c) 2026, flotilla.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A command that somebody else's command keeps waiting: it is tried again, for a while."""

from __future__ import annotations

import time
from typing import Callable, Collection

from .._reconcile.errors import EngineError
from .host import Result

LOCK_TIMEOUT = 60.0
"""Seconds that a container may be held by another command. A start with its mount scripts takes longer only when it hangs."""
LOCK_PAUSE = 0.2


def until_free(ident: str, codes: Collection[int], call: Callable[[], Result], last: Callable[[Result], str]) -> Result:
    """What the command says when its exit code is none of those that say that the container is held.

    last: the words that tell why. Raises EngineError when it is held for LOCK_TIMEOUT seconds.
    """
    deadline = time.monotonic() + LOCK_TIMEOUT
    while True:
        said = call()
        if said.rc not in codes:
            return said
        if time.monotonic() >= deadline:
            raise EngineError("the container %s is held by another command for %g s: %s" % (ident, LOCK_TIMEOUT, last(said)),
                              "wait until it has ended, or end it, and run again")
        time.sleep(LOCK_PAUSE)
