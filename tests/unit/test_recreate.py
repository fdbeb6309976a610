# Copyright: (c) 2026, flotilla.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Making a whole resource anew: whatever step a run dies before, nothing that it owned is forgotten, and the next run finishes.

The driver here keeps everything in memory, and knows one option that cannot change but with the whole resource.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import pytest

from ansible_collections.flotilla.virt.plugins.module_utils._reconcile import schema
from ansible_collections.flotilla.virt.plugins.module_utils._reconcile.annotation import Annotation
from ansible_collections.flotilla.virt.plugins.module_utils._reconcile.contract import Request, Result, Work
from ansible_collections.flotilla.virt.plugins.module_utils._reconcile.plan import Actual, Change, Rule
from ansible_collections.flotilla.virt.plugins.module_utils._reconcile.reconcile import reconcile
from ansible_collections.flotilla.virt.plugins.module_utils._reconcile.secrets import sealer


class Killed(BaseException):
    """The run dies here."""


@dataclass
class Disc:
    """What is on the host: resources, notes of what was declared, and volumes."""

    resources: dict[str, dict[str, Any]] = field(default_factory=dict)
    notes: dict[str, Annotation] = field(default_factory=dict)
    volumes: set[str] = field(default_factory=set)

    def nameless(self) -> set[str]:
        """Volumes that no note names: nobody would ever remove them."""
        return self.volumes - {owned for note in self.notes.values() for owned in note.owned}


class MemoryDriver:
    """Each resource has a volume that is named after its color; another color is another resource, and the old volume stays."""

    kind = "thing"
    annotates = True
    options = (schema.Option("state", "str", choices=("running", "absent"), take_back="keep"), schema.Option("color", "str", take_back="keep"),
               schema.Option("recreate", "bool", control=True, once=True))

    def __init__(self, disc: Disc) -> None:
        self.disc = disc

    def read(self, names: Sequence[str] | None = None) -> dict[str, Actual]:
        known = set(self.disc.resources) | set(self.disc.notes)
        return {name: Actual(name, stored=dict(self.disc.resources.get(name, {})), annotation=self.disc.notes.get(name))
                for name in known if names is None or name in names}

    def rule(self, pattern: str) -> Rule:
        return Rule(recreate=True) if pattern == "color" else Rule()

    def complete(self, request: Request, actual: Actual | None) -> dict[str, Any]:
        return {"state": "running", **request.declared}

    def check(self, work: Work) -> None:
        if work.request.option("state") != "absent":
            work.note(owned=["pool/%s" % work.want["color"]])

    def create(self, work: Work) -> None:
        with work.step("note"):
            self.disc.notes[work.name] = work.annotation
        with work.step("make the volume"):
            self.disc.volumes.add("pool/%s" % work.want["color"])
        with work.step("make the resource"):
            self.disc.resources[work.name] = {"state": "running", "color": work.want["color"]}
        work.note(facts={"made": work.want["color"]})

    def change(self, work: Work) -> None:
        raise AssertionError("everything here is made anew")

    def remove(self, work: Work) -> None:
        with work.step("remove the resource"):
            self.disc.resources.pop(work.name, None)
        if not work.anew:
            with work.step("forget"):
                del self.disc.notes[work.name]

    def annotate(self, actual: Actual, annotation: Annotation | None) -> None:
        if annotation is None:
            del self.disc.notes[actual.name]
        else:
            self.disc.notes[actual.name] = annotation

    def nudge(self, actual: Actual, changes: Sequence[Change]) -> None:
        """Nothing asks a guest."""

    def wait(self, request: Request, actual: Actual) -> dict[str, Any]:
        return {}


def run(disc: Disc, color: str, hook: Callable[[str], None] | None = None, **more: Any) -> Result:
    request = Request("one", {"state": "running", "color": color, **more}, fleet="shop")
    return reconcile(MemoryDriver(disc), [request], sealer(b"k" * 32), hook=hook)[0]


def steps_of_recreation() -> list[str]:
    disc, steps = Disc(), []
    run(disc, "red")
    run(disc, "blue", steps.append, recreate=True)
    return steps


def test_it_is_refused_unless_that_is_said() -> None:
    disc = Disc()
    run(disc, "red")
    result = run(disc, "blue")
    assert result.failed and "recreate: true" in result.msg and disc.resources["one"]["color"] == "red"


def test_what_it_owned_and_what_was_chosen_is_noted_in_the_end() -> None:
    disc = Disc()
    run(disc, "red")
    result = run(disc, "blue", recreate=True)
    assert result.changed and not result.failed, result.msg
    assert disc.resources == {"one": {"state": "running", "color": "blue"}}
    note = disc.notes["one"]
    assert note.owned == ("pool/blue", "pool/red") and note.created and note.facts == {"made": "blue"}
    assert not run(disc, "blue", recreate=True).changed and not run(disc, "blue").changed


@pytest.mark.parametrize("number", range(len(steps_of_recreation())))
def test_whatever_step_it_dies_before_nothing_is_forgotten(number: int) -> None:
    disc = Disc()
    run(disc, "red")
    taken: list[str] = []

    def hook(step: str) -> None:
        if len(taken) == number:
            raise Killed(step)
        taken.append(step)

    with pytest.raises(Killed):
        run(disc, "blue", hook, recreate=True)
    assert disc.nameless() == set()
    assert "pool/red" in disc.notes["one"].owned
    finished = run(disc, "blue", recreate=True)
    assert not finished.failed, finished.msg
    assert disc.resources == {"one": {"state": "running", "color": "blue"}} and disc.notes["one"].owned == ("pool/blue", "pool/red")
    assert not run(disc, "blue").changed


def test_a_removal_is_no_recreation() -> None:
    disc = Disc()
    run(disc, "red")
    request = Request("one", {"state": "absent"}, fleet="shop")
    assert reconcile(MemoryDriver(disc), [request], sealer(b"k" * 32))[0].changed
    assert disc.resources == {} and disc.notes == {}
