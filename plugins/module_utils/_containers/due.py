# Copyright: (c) 2026, flotilla.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A power state that nobody declares and that a run must reach all the same, should it die before: noted as `due`."""

from __future__ import annotations

from typing import Optional

from .._reconcile.annotation import Annotation
from .._reconcile.contract import Work
from .._reconcile.plan import Actual


def due_state(work: Work, making: bool) -> Optional[str]:
    """The state to note before the first step: that of a new container, or the one after a restart."""
    if work.request.option("state") is not None:
        return None
    if making:
        return "running"
    changed = next((str(change.want) for change in work.changes if change.pattern == "state"), None)
    return changed or (str(work.existing.stored["state"]) if work.restart else None)


def recall(actual: Actual, note: Optional[Annotation]) -> Actual:
    """The reading, with what an earlier run died before. Reached or not, it is noted no longer, unless noted again."""
    due = note.facts.get("due") if note is not None else None
    if due is not None:
        actual.facts["due"] = None
        actual.unfinished = {} if due == actual.stored["state"] else {"state": due}
    return actual
