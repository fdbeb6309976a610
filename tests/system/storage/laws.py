# Copyright: (c) 2026, flotilla.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The laws as calls: any declaration of any driver goes through check, apply, again, edit, dying at every step."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from ansible_collections.flotilla.virt.plugins.module_utils._reconcile import schema
from ansible_collections.flotilla.virt.plugins.module_utils._reconcile.contract import Request, Result
from ansible_collections.flotilla.virt.plugins.module_utils._reconcile.errors import raise_if_any
from ansible_collections.flotilla.virt.plugins.module_utils._reconcile.reconcile import Run
from ansible_collections.flotilla.virt.plugins.module_utils._reconcile.secrets import sealer

SEAL = sealer(b"0" * 32)
Raw = dict[str, Any]


class Killed(BaseException):
    """The run dies here."""


@dataclass
class Bench:
    """Runs declarations of one resource. `driver` makes a new driver each time, as each module run has its own.

    `look` gives what is on the host, by which "touches nothing" and "the same in the end" are judged.
    """

    driver: Callable[[], Any]
    name: str
    look: Callable[[], Any]
    fleet: str = "shop"

    def run(self, raw: Raw, check: bool = False, hook: Callable[[str], None] | None = None, fleet: str = "") -> Result:
        """One run of a declaration."""
        driver = self.driver()
        problems: list[Any] = []
        spec = schema.parse(driver.options, raw, "it", problems)
        raise_if_any(problems)
        run = Run(driver, [Request(self.name, spec, "it", fleet or self.fleet)], SEAL, hook=hook)
        decision = run.survey()[0]
        return run.report(decision, check_mode=True) if check else run.apply()[0]

    def prove(self, raw: Raw) -> Result:
        """Laws 1, 2, 5 and 6: check touches nothing and tells the truth; the second run is empty; so is its spec's."""
        before = self.look()
        foreseen = self.run(raw, check=True)
        assert self.look() == before, "check mode has touched something"
        done = self.run(raw)
        assert not done.failed, done.msg
        assert (foreseen.changed, foreseen.plan, foreseen.diff()) == (done.changed, done.plan, done.diff())
        after = self.look()
        again = self.run(raw)
        assert (again.failed, again.changed, again.plan) == (False, False, []), (again.msg, again.plan)
        assert self.look() == after, "a run with nothing to do has touched something"
        if done.spec:
            returned = self.run({**raw, **done.spec}, check=True)
            assert (returned.failed, returned.plan) == (False, []), (returned.msg, returned.plan)
        return done

    def refuse(self, raw: Raw, *words: str, fleet: str = "") -> Result:
        """Bad input: an error with these words, in check mode too, and nothing touched."""
        before = self.look()
        for check in (True, False):
            result = self.run(raw, check=check, fleet=fleet)
            assert result.failed and not result.changed, (result.plan, result.msg)
            for word in words:
                assert word in result.msg, result.msg
        assert self.look() == before, "a refused run has touched something"
        return result

    def kill_everywhere(self, first: Raw | None, raw: Raw, last: Callable[[], None]) -> int:
        """Law 7: whatever step a run dies before, the next one finishes, and ends where an undisturbed one does.

        Each round starts from `first` (None: nothing there) and is cleared away by `last`. Returns how many steps died.
        """
        steps: list[str] = []
        if first is not None:
            self.run(first)
        assert not self.run(raw, hook=steps.append).failed
        wanted = self.run(raw).spec
        last()
        for number in range(len(steps)):
            if first is not None:
                self.run(first)
            self._die(raw, number)
            finished = self.run(raw)
            assert not finished.failed, (steps[number], finished.msg)
            again = self.run(raw)
            assert not again.changed, (steps[number], again.plan)
            assert again.spec == wanted, steps[number]
            last()
        return len(steps)

    def _die(self, raw: Raw, number: int) -> None:
        taken = 0

        def hook(_step: str) -> None:
            nonlocal taken
            if taken == number:
                raise Killed
            taken += 1

        try:
            self.run(raw, hook=hook)
        except Killed:
            return
        raise AssertionError("it did not come to step %d" % number)
