# Copyright: (c) 2026, flotilla.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Backups of guests: what a declaration of them asks for, decided from what is there. Pure, whatever the engine.

`present`: a backup that is young enough, and full where that is asked for, is there. `absent`: one, or all, are not. `restored`: the guest
is what a backup has; that the last restore was of this very backup is noted on the host, so that a second run does nothing.
"""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import asdict, dataclass, field
from typing import Any, Dict, List, Mapping, Optional, Sequence

from .errors import DeclarationError, Refused
from .plan import LIVE, Change

FULL, INCREMENTAL = "full", "incremental"
MAKE, DELETE, RESTORE, NONE = "make", "delete", "restore", "none"
_AGE = re.compile(r"(\d+)\s*([smhdw])\Z")
_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800}


@dataclass(frozen=True)
class Backup:
    """One backup. date: when it was made, in seconds since 1970. size: in bytes, None where that is not known.

    base: the full backup that an incremental one stands on, empty for a full one.
    """

    ident: str
    guest: str
    guest_id: str
    type: str
    date: float
    size: Optional[int] = None
    description: str = ""
    node: str = ""
    base: str = ""


@dataclass(frozen=True)
class Wanted:
    """What is declared of the backups of one guest."""

    name: str
    state: str = "present"
    type: str = ""
    max_age: Optional[int] = None
    new: bool = False
    ident: str = ""
    every: bool = False
    to: str = ""
    description: str = ""
    fleet: str = ""


@dataclass
class There:
    """What the host has: the guest (None: no such guest), its backups, and the backup that it was last restored from.

    guest: `state`, `protect` and `fleet` (None: nobody's). taken: whether a guest of the name to restore to is there.
    """

    guest: Optional[Mapping[str, Any]]
    backups: Sequence[Backup] = ()
    restored: str = ""
    taken: bool = False


@dataclass
class Plan:
    """What is to be done: one action on these backups."""

    action: str = NONE
    type: str = ""
    backups: List[Backup] = field(default_factory=list)
    changes: List[Change] = field(default_factory=list)


def age(word: Any) -> int:
    """Seconds in an age such as `12h`, `7d`. Raises ValueError."""
    match = _AGE.match(str(word).strip())
    if not match:
        raise ValueError("%r is no age; write a number with s, m, h, d or w, such as 24h" % (word,))
    return int(match.group(1)) * _SECONDS[match.group(2)]


def wanted_of(params: Mapping[str, Any]) -> Wanted:
    """The typed declaration. Raises DeclarationError for what contradicts itself."""
    state = params.get("state") or "present"
    try:
        max_age = None if params.get("max_age") is None else age(params["max_age"])
    except ValueError as error:
        raise DeclarationError.at("max_age", str(error)) from None
    want = Wanted(params["name"], state, params.get("type") or "", max_age, bool(params.get("new")), params.get("id") or "",
                  bool(params.get("all")), params.get("to") or "", params.get("description") or "", params.get("fleet") or "")
    _refuse_mixed(want, params)
    return want


_ONLY = {"type": "present", "max_age": "present", "description": "present", "all": "absent", "to": "restored"}


def _refuse_mixed(want: Wanted, params: Mapping[str, Any]) -> None:
    for option, state in _ONLY.items():
        if params.get(option) not in (None, False) and want.state != state:
            raise DeclarationError.at(option, "says nothing with state: %s" % want.state, "use it with state: %s" % state)
    if want.state == "present" and want.ident:
        raise DeclarationError.at("id", "is chosen when a backup is made", "use it with state: absent or state: restored")
    if want.state == "absent" and bool(want.ident) == want.every:
        raise DeclarationError.at("id", "either one backup or all of them are to go", "name one by its id, or say all: true")
    if want.state == "absent" and want.new:
        raise DeclarationError.at("new", "says nothing with state: absent", "remove it")


def decide(want: Wanted, there: There, now: float) -> Plan:
    """The one action that is needed. Raises Refused or DeclarationError for what cannot be done."""
    if want.state == "present":
        return _present(want, there, now)
    return _absent(want, there) if want.state == "absent" else _restored(want, there)


def newest(backups: Sequence[Backup]) -> Optional[Backup]:
    """The latest backup."""
    return max(backups, key=lambda backup: (backup.date, backup.ident), default=None)


def _present(want: Wanted, there: There, now: float) -> Plan:
    if there.guest is None:
        raise Refused("there is no guest %s to back up on this host" % want.name, "correct the name")
    kinds = [backup for backup in there.backups if want.type != FULL or backup.type == FULL]
    last = newest(kinds)
    if not want.new and last is not None and (want.max_age is None or now - last.date <= want.max_age):
        return Plan()
    # An incremental backup stands on a full one: without any the first is full.
    kind = want.type or INCREMENTAL
    kind = kind if any(backup.type == FULL for backup in there.backups) else FULL
    before = None if last is None else shown(last)
    return Plan(MAKE, kind, [], [Change("backups", before, {"type": kind}, LIVE)])


def _absent(want: Wanted, there: There) -> Plan:
    going = [backup for backup in there.backups if want.every or backup.ident == want.ident]
    if not going:
        return Plan()
    # What stands on a full backup goes with it.
    bases = {backup.ident for backup in going if backup.type == FULL}
    whole = [backup for backup in there.backups if backup in going or backup.base in bases]
    return Plan(DELETE, "", going, [Change("backups[%s]" % backup.ident, shown(backup), None, LIVE, removes=True) for backup in whole])


def _restored(want: Wanted, there: There) -> Plan:
    chosen = newest(there.backups) if not want.ident else next((backup for backup in there.backups if backup.ident == want.ident), None)
    if chosen is None:
        raise Refused("there is no backup %sof %s on this host" % (want.ident + " " if want.ident else "", want.name),
                      "look at what there is with backup_info")
    if want.to:
        if there.taken:
            if want.new:
                raise Refused("there is a guest %s already" % want.to, "restore to another name, or remove that guest first")
            return Plan()
        return Plan(RESTORE, "", [chosen], [Change("guests[%s]" % want.to, None, {"restored": chosen.ident}, LIVE)])
    if there.guest is not None and there.restored == chosen.ident and not want.new:
        return Plan()
    if there.guest is not None:
        _refuse_in_place(want, there.guest)
    before = None if there.guest is None else {"restored": there.restored or None}
    return Plan(RESTORE, "", [chosen], [Change("guests[%s]" % want.name, before, {"restored": chosen.ident}, LIVE, removes=there.guest is not None)])


def _refuse_in_place(want: Wanted, guest: Mapping[str, Any]) -> None:
    if guest.get("fleet") not in (None, want.fleet):
        raise Refused("the guest %s belongs to fleet %r" % (want.name, guest["fleet"]), "say that fleet, or restore to another name")
    if guest.get("protect"):
        raise Refused("the guest %s is protected, and a restore would replace its disks" % want.name,
                      "declare protect: false of it first, or restore to another name")
    if guest.get("state") != "stopped":
        raise Refused("the guest %s is %s, and only a stopped one can be restored in its place" % (want.name, guest.get("state")),
                      "stop it first, or restore to another name")


def shown(backup: Backup) -> Dict[str, Any]:
    """A backup as a plan tells it."""
    return {"id": backup.ident, "type": backup.type}


def plan_id(want: Wanted, there: There, plan: Plan) -> str:
    """A digest of declaration, plan and what is there: equal when approving the one means approving the other."""
    document = [asdict(want), [change.entry() for change in plan.changes], sorted(backup.ident for backup in there.backups), there.guest]
    return hashlib.sha256(json.dumps(document, sort_keys=True, default=str).encode("utf-8")).hexdigest()[:32]
