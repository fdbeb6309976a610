# Copyright: (c) 2026, flotilla.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""One run for the backups of one guest, whatever the engine: read, decide, stop in check mode, act, read and decide again."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import Any, Callable, Dict, List, Optional, Protocol, Sequence, Tuple

from .._reconcile.backups import DELETE, MAKE, NONE, Backup, Plan, There, Wanted, decide, newest, plan_id
from .._reconcile.contract import diff_of
from .._reconcile.errors import EngineError, FlotillaError, NotConverged


class Store(Protocol):
    """What an engine knows of backups. It never decides."""

    def there(self, want: Wanted) -> There:
        """The guest, its backups, and what it was last restored from: read anew at each call."""

    def all(self, names: Optional[Sequence[str]]) -> List[Backup]:
        """The backups of these guests (None: every backup of the host)."""

    def make(self, want: Wanted, kind: str) -> None:
        """Make a full or an incremental backup."""

    def delete(self, backup: Backup) -> None:
        """Remove a backup, with those that stand on it."""

    def restore(self, want: Wanted, backup: Backup) -> None:
        """Restore a guest in its place, or under the name `want.to`; note that it was done."""


def run(store: Store, want: Wanted, check_mode: bool, clock: Callable[[], float] = time.time, expected: str = "") -> Dict[str, Any]:
    """Bring the backups of one guest to what is declared; what a module returns. Raises FlotillaError.

    expected: the `plan_id` that was approved, empty for any.
    """
    before = store.there(want)
    plan = decide(want, before, clock())
    identity = plan_id(want, before, plan)
    if expected and expected != identity:
        raise FlotillaError("the plan is no longer %s" % expected, "look at the new plan and approve that one")
    after = before
    if plan.action != NONE and not check_mode:
        _act(store, want, plan)
        after = store.there(want)
        _verify(want, plan, before, after, clock())
    entries = [change.entry() for change in plan.changes]
    chosen = _chosen(plan, before, after)
    out: Dict[str, Any] = {"plan_id": identity} if check_mode else {}
    return {**out, "changed": bool(entries), "plan": entries, "diff": diff_of(entries, []), "backup": item_of(chosen, clock()) if chosen else None,
            "backups": [item_of(backup, clock()) for backup in ordered(after.backups)]}


def _act(store: Store, want: Wanted, plan: Plan) -> None:
    if plan.action == MAKE:
        store.make(want, plan.type)
    elif plan.action == DELETE:
        # One that stands on another that goes too may be gone by then.
        for backup in sorted(plan.backups, key=lambda backup: (backup.type == "full", -backup.date)):
            if any(each.ident == backup.ident for each in store.there(want).backups):
                store.delete(backup)
    else:
        store.restore(want, plan.backups[0])


def _verify(want: Wanted, plan: Plan, before: There, after: There, now: float) -> None:
    if plan.action == MAKE:
        made = {backup.ident for backup in after.backups} - {backup.ident for backup in before.backups}
        if not made:
            raise EngineError("a backup of %s was made, and none is there that was not there before" % want.name,
                              "look at the node's backup directory")
    left = decide(replace(want, new=False), after, now)
    if left.action != NONE:
        raise NotConverged("the backups of %s were changed and still differ: %s" % (
            want.name, ", ".join("%s %s -> %s" % (change.path, change.before, change.after) for change in left.changes)), "run again")


def _chosen(plan: Plan, before: There, after: There) -> Optional[Backup]:
    """The backup that was made or restored, else the newest."""
    if plan.action == MAKE:
        there = {backup.ident for backup in before.backups}
        return newest([backup for backup in after.backups if backup.ident not in there])
    if plan.action not in (NONE, DELETE):
        return plan.backups[0]
    return newest(after.backups)


def ordered(backups: Sequence[Backup]) -> List[Backup]:
    """By guest, the oldest first."""
    return sorted(backups, key=_order)


def _order(backup: Backup) -> Tuple[str, float, str]:
    return backup.guest, backup.date, backup.ident


def item_of(backup: Backup, now: float) -> Dict[str, Any]:
    """One backup as an info module returns it."""
    spec = {"state": "present", "id": backup.ident, "type": backup.type, "description": backup.description}
    status = {"date": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(backup.date)), "age": max(0, int(now - backup.date)), "size": backup.size,
              "guest_id": backup.guest_id, "node": backup.node, "base": backup.base}
    return {"name": backup.guest, "spec": spec, "status": status}
