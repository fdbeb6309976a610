# Copyright: (c) 2026, flotilla.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a resource gives so that the laws can be asserted of it."""

from __future__ import annotations

import abc
import copy
from typing import Any, Callable, Mapping, Optional, Sequence

from ansible_collections.flotilla.virt.plugins.module_utils._reconcile import schema, secrets
from ansible_collections.flotilla.virt.plugins.module_utils._reconcile.annotation import Annotation
from ansible_collections.flotilla.virt.plugins.module_utils._reconcile.contract import Driver, Request, Result, problem_entries
from ansible_collections.flotilla.virt.plugins.module_utils._reconcile.errors import DeclarationError, Problem, raise_if_any
from ansible_collections.flotilla.virt.plugins.module_utils._reconcile.reconcile import Decision, Run, reconcile
from ansible_collections.flotilla.virt.plugins.module_utils._reconcile.schema import Spec, render_spec

Raw = Mapping[str, Any]
Documents = dict[str, str]
Hook = Optional[Callable[[str], None]]


class Lab(abc.ABC):
    """One host and one kind of resource on it."""

    kind = ""
    fleet = "shop"
    # One sealing key for the whole lab, as a host has one.
    seal = staticmethod(secrets.sealer(b"k" * 32))

    @abc.abstractmethod
    def driver(self) -> Driver:
        """A fresh driver: one for each run, as each module run has."""

    def check_driver(self) -> Driver:
        """The same for check mode, where a driver must be told of it."""
        return self.driver()

    def parse(self, raw: Raw) -> Spec:
        """The typed declaration. Raises DeclarationError."""
        problems: list[Problem] = []
        spec = schema.parse(self.driver().options, raw, "", problems)
        raise_if_any(problems)
        return spec

    @abc.abstractmethod
    def documents(self) -> Documents:
        """Every raw document of the host by a key that says what it is (`domain:web stored`, `volume:fast/web-root`)."""

    @abc.abstractmethod
    def belongs(self, key: str, name: str) -> bool:
        """Whether this document is the resource's own, so that a run of it may change it."""

    def public_documents(self) -> Documents:
        """The documents as a reader without privileges sees them."""
        return self.documents()

    def unnamed(self) -> Sequence[str]:
        """What is on the host and is named by no definition and no annotation: nobody would ever remove it."""
        return ()

    def lasting(self, note: Annotation) -> Annotation:
        """The part of an annotation that is the same whenever the same is declared (a process number is not)."""
        return note

    # -- what follows from these --------------------------------------------------------------------------------------

    def request(self, name: str, raw: Raw, fleet: str | None = None) -> Request:
        """A request for one declaration, in this lab's fleet unless told otherwise."""
        return Request(name, self.parse(copy.deepcopy(dict(raw))), fleet=self.fleet if fleet is None else fleet)

    def decide(self, name: str, raw: Raw, hook: Hook = None, fleet: str | None = None, check: bool = False) -> tuple[Run, Decision]:
        """A surveyed run of one declaration."""
        run = Run(self.check_driver() if check else self.driver(), [self.request(name, raw, fleet)], self.seal, hook=hook)
        return run, run.survey()[0]

    def check(self, name: str, raw: Raw, fleet: str | None = None) -> Result:
        """What check mode says."""
        try:
            run, decision = self.decide(name, raw, fleet=fleet, check=True)
        except DeclarationError as error:
            return self._no_declaration(name, error)
        return run.report(decision, check_mode=True)

    def apply(self, name: str, raw: Raw, hook: Hook = None, fleet: str | None = None) -> Result:
        """What a real run says, waits included."""
        try:
            run, decision = self.decide(name, raw, hook, fleet)
        except DeclarationError as error:
            return self._no_declaration(name, error)
        result = run.apply()[0]
        run.wait(decision)
        return result

    def _no_declaration(self, name: str, error: DeclarationError) -> Result:
        return Result(self.kind, name, failed=True, msg=str(error), problems=problem_entries(error.problems))

    def run_all(self, raws: Mapping[str, Raw], threads: int = 1) -> dict[str, Result]:
        """Several declarations in one run, as a fleet has them."""
        return {result.name: result for result in reconcile(
            self.driver(), [self.request(name, raw) for name, raw in raws.items()], self.seal, threads=threads)}

    def must(self, name: str, raw: Raw) -> Result:
        """A real run that must succeed."""
        result = self.apply(name, raw)
        assert not result.failed, result.msg
        return result

    def spec(self, name: str) -> Spec:
        """What an info module says of the resource."""
        driver = self.driver()
        return render_spec(driver.options, driver.read([name])[name].stored)

    def annotation(self, name: str) -> Annotation | None:
        """The annotation that stands with the resource; None without resource or annotation."""
        actual = self.driver().read([name]).get(name)
        return None if actual is None else actual.annotation

    def exists(self, name: str) -> bool:
        """Whether the resource is there."""
        return name in self.driver().read([name])
