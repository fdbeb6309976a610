# Copyright: (c) 2026, flotilla.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is decided about backups, whatever the engine, the run around it, and how prlctl's list of them is read."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import Any

import pytest

from ansible_collections.flotilla.virt.plugins.module_utils._backup import run
from ansible_collections.flotilla.virt.plugins.module_utils._containers.virtuozzo import backup as prl
from ansible_collections.flotilla.virt.plugins.module_utils._reconcile import backups
from ansible_collections.flotilla.virt.plugins.module_utils._reconcile.backups import Backup, There, Wanted
from ansible_collections.flotilla.virt.plugins.module_utils._reconcile.errors import (
    DeclarationError, EngineError, FlotillaError, NotConverged, Refused)

HOUR = 3600
NOW = 1_000_000.0
F1 = Backup("{f1}", "web", "u1", "full", NOW - 48 * HOUR, 100)
I1 = Backup("{f1}.1", "web", "u1", "incremental", NOW - 2 * HOUR, 10, base="{f1}")
F2 = Backup("{f2}", "web", "u1", "full", NOW - 30 * HOUR, 100)
STOPPED = {"state": "stopped", "protect": False, "fleet": None}
WEB = Wanted("web")


def there(*found: Backup, guest: Any = "stopped", restored: str = "", taken: bool = False) -> There:
    """A host with these backups."""
    return There(STOPPED if guest == "stopped" else guest, list(found), restored, taken)


@pytest.mark.parametrize("want, found, action, kind", [
    (WEB, [], "make", "full"), (WEB, [F1], "none", ""), (replace(WEB, max_age=24 * HOUR), [F1], "make", "incremental"),
    (replace(WEB, max_age=24 * HOUR), [F1, I1], "none", ""), (replace(WEB, max_age=24 * HOUR, type="full"), [F1, I1], "make", "full"),
    (replace(WEB, type="full"), [F1, I1], "none", ""), (replace(WEB, new=True), [F1, I1], "make", "incremental"),
    (replace(WEB, type="incremental"), [], "make", "full"), (replace(WEB, new=True, type="full"), [F1], "make", "full"),
    (replace(WEB, max_age=2 * HOUR), [F1, I1], "none", ""), (replace(WEB, max_age=2 * HOUR - 1), [F1, I1], "make", "incremental"),
])
def test_present(want: Wanted, found: list[Backup], action: str, kind: str) -> None:
    plan = backups.decide(want, there(*found), NOW)
    assert (plan.action, plan.type) == (action, kind) and bool(plan.changes) == (action != "none")


def test_absent_names_what_goes_with_it() -> None:
    plan = backups.decide(replace(WEB, state="absent", ident="{f1}"), there(F1, I1, F2), NOW)
    assert plan.backups == [F1] and [change.path for change in plan.changes] == ["backups[{f1}]", "backups[{f1}.1]"]
    assert backups.decide(replace(WEB, state="absent", ident="{gone}"), there(F1), NOW).action == "none"
    assert len(backups.decide(replace(WEB, state="absent", every=True), there(F1, I1, F2), NOW).changes) == 3


def test_restored() -> None:
    want = replace(WEB, state="restored")
    assert backups.decide(want, there(F1, I1, F2), NOW).backups == [I1]
    assert backups.decide(replace(want, ident="{f2}"), there(F1, F2), NOW).backups == [F2]
    assert backups.decide(replace(want, ident="{f2}"), there(F1, F2, restored="{f2}"), NOW).action == "none"
    assert backups.decide(replace(want, ident="{f2}", new=True), there(F1, F2, restored="{f2}"), NOW).action == "restore"
    # A guest that is gone is restored, whatever is noted of it.
    assert backups.decide(replace(want, ident="{f2}"), there(F2, guest=None, restored="{f2}"), NOW).action == "restore"
    assert backups.decide(replace(want, to="other"), there(F1, guest={**STOPPED, "state": "running"}), NOW).action == "restore"
    assert backups.decide(replace(want, to="other"), there(F1, taken=True), NOW).action == "none"


@pytest.mark.parametrize("want, guest, found, words", [
    (replace(WEB, state="restored"), {**STOPPED, "state": "running"}, [F1], "only a stopped one"),
    (replace(WEB, state="restored"), {**STOPPED, "protect": True}, [F1], "is protected"),
    (replace(WEB, state="restored"), {**STOPPED, "fleet": "shop"}, [F1], "belongs to fleet"),
    (replace(WEB, state="restored"), STOPPED, [], "no backup"), (replace(WEB, state="restored", ident="{x}"), STOPPED, [F1], "no backup {x}"),
    (WEB, None, [], "no guest web"),
])
def test_what_is_refused(want: Wanted, guest: Any, found: list[Backup], words: str) -> None:
    with pytest.raises(Refused, match=words.replace("{", r"\{").replace("}", r"\}")):
        backups.decide(want, there(*found, guest=guest), NOW)


@pytest.mark.parametrize("params, path", [
    ({"max_age": "soon"}, "max_age"), ({"max_age": 24}, "max_age"), ({"state": "absent"}, "id"),
    ({"state": "absent", "id": "x", "all": True}, "id"), ({"id": "x"}, "id"),
    ({"state": "absent", "all": True, "type": "full"}, "type"), ({"to": "x"}, "to"), ({"state": "restored", "max_age": "1h"}, "max_age"),
    ({"state": "absent", "id": "x", "new": True}, "new"), ({"all": True}, "all"),
])
def test_what_contradicts_itself(params: dict[str, Any], path: str) -> None:
    with pytest.raises(DeclarationError) as caught:
        backups.wanted_of({"name": "web", **params})
    assert caught.value.problems[0].path == path


@pytest.mark.parametrize("word, seconds", [("90s", 90), ("5m", 300), ("24h", 86400), ("7d", 604800), ("2w", 1209600), (" 1 h ", 3600)])
def test_ages(word: str, seconds: int) -> None:
    assert backups.age(word) == seconds


class Memory:
    """A store in memory. `lame`: it does nothing."""

    def __init__(self, host: There, lame: bool = False) -> None:
        self.host, self.lame = host, lame
        self.did: list[str] = []

    def there(self, _want: Wanted) -> There:
        return replace(self.host, backups=list(self.host.backups))

    def all(self, _names: Any) -> list[Backup]:
        return list(self.host.backups)

    def make(self, want: Wanted, kind: str) -> None:
        self.did.append("make " + kind)
        if not self.lame:
            self.host.backups = [*self.host.backups, Backup("{n%d}" % len(self.did), want.name, "u1", kind, NOW)]

    def delete(self, backup: Backup) -> None:
        self.did.append("delete " + backup.ident)
        if not self.lame:
            self.host.backups = [each for each in self.host.backups if backup.ident not in (each.ident, each.base)]

    def restore(self, want: Wanted, backup: Backup) -> None:
        self.did.append("restore %s %s" % (backup.ident, want.to))
        if want.to:
            self.host.taken = not self.lame
        elif not self.lame:
            self.host.restored = backup.ident
            self.host.guest = self.host.guest or STOPPED


@pytest.mark.parametrize("want, found, did", [
    (WEB, [], ["make full"]), (replace(WEB, max_age=HOUR), [F1, I1], ["make incremental"]), (replace(WEB, new=True), [F1], ["make incremental"]),
    (replace(WEB, state="absent", every=True), [F1, I1, F2], ["delete {f1}.1", "delete {f2}", "delete {f1}"]),
    (replace(WEB, state="restored"), [F1], ["restore {f1} "]), (replace(WEB, state="restored", to="other"), [F1], ["restore {f1} other"]),
])
def test_check_mode_says_what_the_run_does_and_the_second_run_does_nothing(want: Wanted, found: list[Backup], did: list[str]) -> None:
    store = Memory(there(*found))
    foreseen = run.run(store, want, True, lambda: NOW)
    assert store.did == [] and foreseen["plan_id"]
    said = run.run(store, want, False, lambda: NOW, foreseen["plan_id"])
    assert store.did == did and (said["changed"], said["plan"]) == (foreseen["changed"], foreseen["plan"]) == (True, said["plan"])
    assert run.run(store, replace(want, new=False), False, lambda: NOW)["changed"] is False and store.did == did


def test_a_plan_that_is_no_longer_the_approved_one() -> None:
    store = Memory(there())
    approved = run.run(store, WEB, True, lambda: NOW)["plan_id"]
    store.host.backups = [F1]
    with pytest.raises(FlotillaError, match="no longer"):
        run.run(store, replace(WEB, max_age=HOUR), False, lambda: NOW, approved)
    assert store.did == []


@pytest.mark.parametrize("want, error", [(WEB, EngineError), (replace(WEB, state="absent", ident="{f1}"), NotConverged),
                                         (replace(WEB, state="restored", ident="{f1}"), NotConverged)])
def test_what_was_not_done_is_an_error(want: Wanted, error: type[Exception]) -> None:
    with pytest.raises(error):
        run.run(Memory(there(*([] if want == WEB else [F1])), lame=True), want, False, lambda: NOW)


# Built from the printf formats of PrlBackup.cpp in OpenVZ/prlctl.
LISTED = """VM_UUID: {7e2e1c1f-1b2c-4d3e-9f40-123456789abc}
Name: web
Host: node1.example.com
Owner: root@node1
Backup_ID: {6d1d0b0e-0a1b-4c2d-8e3f-0123456789ab}
Date: 03/01/2024 10:00:00
Type: f
Size: 524288000
Description: before: the upgrade
ServerUuid: {11111111-0a1b-4c2d-8e3f-0123456789ab}
DiskList:
\tName: root.hdd
\tOriginalPath: /vz/private/7e2e1c1f/root.hdd
\tSize: 1048576

VM_UUID: {7e2e1c1f-1b2c-4d3e-9f40-123456789abc}
Name: web
Host: node1.example.com
Owner: root@node1
Backup_ID: {6d1d0b0e-0a1b-4c2d-8e3f-0123456789ab}.2
Date: 03/02/2024 10:00:00
Type: i
Size: 1048576
Description:\x20
ServerUuid: {11111111-0a1b-4c2d-8e3f-0123456789ab}
DiskList:

"""


def test_the_list_of_prlctl() -> None:
    full, increment = prl.backups_of(LISTED)
    when = time.mktime((2024, 3, 1, 10, 0, 0, 0, 0, -1))
    assert full == Backup("{6d1d0b0e-0a1b-4c2d-8e3f-0123456789ab}", "web", "7e2e1c1f-1b2c-4d3e-9f40-123456789abc", "full", when, 524288000,
                          "before: the upgrade", "node1.example.com", "")
    assert (increment.type, increment.base, increment.size) == ("incremental", full.ident, 1048576)
    assert prl.backups_of("") == [] and prl._date("no date") == 0.0
