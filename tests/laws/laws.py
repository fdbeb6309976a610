# Copyright: (c) 2026, flotilla.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The assertions, one function for each sentence of a law. Each takes a lab, so that any resource can be put through."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Callable, Mapping, Sequence

from ansible_collections.flotilla.virt.plugins.module_utils._reconcile.annotation import Annotation
from ansible_collections.flotilla.virt.plugins.module_utils._reconcile.contract import Result

from .lab import Documents, Lab, Raw
from .wire import Killed, Wire


def unchanged(before: Documents, after: Documents, what: str) -> None:
    """Both readings of the host are equal, byte by byte."""
    different = sorted(key for key in set(before) | set(after) if before.get(key) != after.get(key))
    assert not different, "%s touched %s:\n%s\n-- is now --\n%s" % (
        what, ", ".join(different), before.get(different[0]), after.get(different[0]))


def others_unchanged(lab: Lab, name: str, before: Documents, after: Documents) -> None:
    """Nothing but the resource itself was touched."""
    unchanged({key: text for key, text in before.items() if not lab.belongs(key, name)},
              {key: text for key, text in after.items() if not lab.belongs(key, name)}, "a run of %s" % name)


def assert_check_is_truthful(lab: Lab, name: str, raw: Raw) -> Result:
    """Law 2: check mode touches nothing, and its changed, plan and diff are those of the real run that follows."""
    before = lab.documents()
    foreseen = lab.check(name, raw)
    unchanged(before, lab.documents(), "check mode")
    real = lab.apply(name, raw)
    assert foreseen.failed == real.failed, (foreseen.msg, real.msg)
    if real.failed:
        assert foreseen.msg == real.msg
        unchanged(before, lab.documents(), "a refused run")
    assert (foreseen.changed, foreseen.plan, foreseen.diff()) == (real.changed, real.plan, real.diff())
    others_unchanged(lab, name, before, lab.documents())
    return real


def assert_idempotent(lab: Lab, name: str, raw: Raw) -> Result:
    """Law 1: a second run changes nothing, says so, and leaves every document as it is, annotation included."""
    before = lab.documents()
    again = lab.apply(name, raw)
    assert not again.failed, again.msg
    assert (again.changed, again.plan) == (False, [])
    unchanged(before, lab.documents(), "a second run")
    seen = lab.check(name, raw)
    assert (seen.changed, seen.plan, seen.pending) == (False, [], again.pending)
    return again


def converge(lab: Lab, name: str, raw: Raw) -> Result:
    """Laws 1, 2 and 6 for one declaration: check, apply (which verifies itself by reading again), and again nothing."""
    result = assert_check_is_truthful(lab, name, raw)
    assert not result.failed, result.msg
    if raw.get("state") not in ("absent", "released"):
        again = assert_idempotent(lab, name, raw)
        assert again.pending == result.pending
    return result


def live_through(lab: Lab, name: str, declarations: Sequence[Raw]) -> list[Result]:
    """A resource's life: each declaration in turn is checked, applied, and found to be there."""
    return [converge(lab, name, raw) for raw in declarations]


def assert_refused(lab: Lab, name: str, raw: Raw, *words: str, fleet: str | None = None) -> Result:
    """A run that must not be carried out: the same error in check mode, with these words, and nothing touched."""
    before = lab.documents()
    foreseen = lab.check(name, raw, fleet)
    real = lab.apply(name, raw, fleet=fleet)
    for result in (foreseen, real):
        assert result.failed and not result.changed, (result.changed, result.msg)
        for word in words:
            assert word in result.msg, result.msg
        assert result.applied_steps == []
    unchanged(before, lab.documents(), "a refused run")
    return real


def entries(result: Result) -> dict[str, tuple[Any, Any, str]]:
    """A plan by path: before, after, impact."""
    return {entry["path"]: (entry["before"], entry["after"], entry["impact"]) for entry in result.plan}


def pendings(result: Result) -> dict[str, tuple[Any, Any, str]]:
    """What is pending by path: running, stored, reason."""
    return {entry["path"]: (entry["running"], entry["stored"], entry["reason"]) for entry in result.pending}


def assert_adoption(lab: Lab, name: str) -> None:
    """Law 5: the spec that an info module returns, applied by itself, changes nothing but the note that we now know it."""
    documents = lab.documents()
    result = assert_check_is_truthful(lab, name, lab.spec(name))
    assert not result.failed, result.msg
    assert (result.changed, result.plan) == (False, [])
    others_unchanged(lab, name, documents, lab.documents())
    assert_idempotent(lab, name, lab.spec(name))


def assert_killed_runs_are_finished(fresh: Callable[[], tuple[Lab, Wire]], name: str, raw: Raw,
                                    earlier: Sequence[Raw] = (), same: Callable[[Documents], Any] = dict) -> int:
    """Law 7: killed before any changing call, what is left is named, and the next run finishes as if nothing had been.

    `fresh` makes a new host, on which `earlier` is applied first. `same` reduces documents to what must come out equal.
    Returns at how many places the run was killed.
    """
    lab, _wire = fresh()
    for declaration in earlier:
        lab.must(name, declaration)
    lab.must(name, raw)
    wanted, note = same(lab.documents()), lab.annotation(name)
    for number in range(1000):
        lab, wire = fresh()
        for declaration in earlier:
            lab.must(name, declaration)
        wire.kill_before_change(number)
        try:
            result = lab.apply(name, raw)
        except Killed as death:
            wire.clear()
            _assert_finished(lab, name, raw, str(death), wanted, same)
            _assert_same_note(lab, lab.annotation(name), note, death)
        else:
            assert not result.failed, result.msg
            assert number, "the run changes nothing, so there is nowhere to die"
            return number
    raise AssertionError("the run never ends")


def _assert_same_note(lab: Lab, found: Annotation | None, wanted: Annotation | None, death: str) -> None:
    """Nothing is forgotten; what is owned may name a volume more that is gone."""
    assert (found is None) == (wanted is None), "killed %s" % death
    if found is not None and wanted is not None:
        assert replace(lab.lasting(found), owned=()) == replace(lab.lasting(wanted), owned=()), "killed %s" % death
        assert set(found.owned) >= set(wanted.owned), "killed %s" % death


def _assert_finished(lab: Lab, name: str, raw: Raw, death: str, wanted: Any, same: Callable[[Documents], Any]) -> None:
    assert not lab.unnamed(), "killed %s, left and named nowhere: %s" % (death, lab.unnamed())
    foreseen = lab.check(name, raw)
    result = lab.apply(name, raw)
    assert not result.failed, "killed %s, the next run fails: %s" % (death, result.msg)
    assert (foreseen.changed, foreseen.plan) == (result.changed, result.plan)
    found = same(lab.documents())
    assert found == wanted, "killed %s, the next run leaves something else:\n%s" % (death, _differences(found, wanted))
    again = lab.apply(name, raw)
    assert not again.changed and not again.failed, "killed %s, the run after the next still changes: %s" % (death, again.plan)


def _differences(found: Any, wanted: Any) -> str:
    """What differs, and no more: a host has many documents."""
    if not isinstance(found, dict) or not isinstance(wanted, dict):
        return "%s\n-- instead of --\n%s" % (found, wanted)
    return "\n".join("%s:\n%s\n-- instead of --\n%s" % (key, found.get(key), wanted.get(key))
                     for key in sorted(set(found) | set(wanted)) if found.get(key) != wanted.get(key))


def assert_failure_is_its_own(results: Mapping[str, Result], failed: Sequence[str]) -> None:
    """Law 8: exactly these failed, each with a message, and the others were done."""
    assert sorted(name for name, result in results.items() if result.failed) == sorted(failed)
    for name, result in results.items():
        assert bool(result.msg) == (name in failed)
        assert result.changed or name in failed, "%s was not done" % name


def assert_cost_of_nothing(wire: Wire, run: Callable[[], Any], resources: int, reads_each: int, fixed: int) -> None:
    """Law 9, counted and never timed: an unchanged run makes at most these calls, and none that changes anything."""
    wire.clear()
    run()
    total, changes = sum(wire.calls.values()), list(wire.changes)
    assert changes == []
    assert total <= fixed + reads_each * resources, "%d calls for %d resources: %s" % (total, resources, dict(wire.calls))


def assert_one_change_is_one_resource(lab: Lab, wire: Wire, declarations: Mapping[str, Raw], name: str, edited: Raw) -> None:
    """Law 9: of many, the one that changed is the only one touched."""
    assert not any(result.failed for result in lab.run_all(declarations).values())
    before = lab.documents()
    wire.clear()
    results = lab.run_all({**declarations, name: edited})
    assert [result.name for result in results.values() if result.changed] == [name], [result.msg for result in results.values()]
    assert wire.changes
    others_unchanged(lab, name, before, lab.documents())
