# Copyright: (c) 2026, flotilla.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a fleet's run works on: drivers by kind, one item for each resource, and the run over one kind."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any, Callable, Dict, List, Mapping, Optional, Sequence

from .._reconcile.contract import Driver, Request, Result
from .._reconcile.errors import DeclarationError, FlotillaError, Problem
from .._reconcile.fleet import Guest
from .._reconcile.plan import Actual
from .._reconcile.reconcile import NONE, RECREATE_WHOLE, RELEASE, REMOVE, Decision, Run

Facts = Mapping[str, Mapping[str, Any]]


@dataclass
class Drivers:
    """The drivers of one host. `guests` is by engine; `engines` probes the host, asked only where a guest needs it.

    unusable: why an engine has no driver here. no_libvirt: what to do where pool and network have none. forget: called when
    pools or networks have changed, so that the guests' drivers drop what they read of them before.
    """

    pool: Optional[Driver] = None
    network: Optional[Driver] = None
    guests: Mapping[str, Driver] = field(default_factory=dict)
    engines: Callable[[], Facts] = dict
    unusable: Dict[str, str] = field(default_factory=dict)
    no_libvirt: str = "apply the role flotilla.virt.kvm_host first"
    forget: Callable[[], None] = lambda: None

    @property
    def ready(self) -> bool:
        """Whether everything that the drivers stand on is installed and answers."""
        every = [self.pool, self.network] + list(self.guests.values())
        return all(getattr(driver, "host_ready", True) for driver in every if driver is not None)


class KindRun(Run):
    """The run over one kind, fed from a reading that the fleet has made already."""

    # A fleet's list of results is brief.
    with_spec = False

    def survey_from(self, actuals: Mapping[str, Actual]) -> List[Decision]:
        """Decides about each request on what was read."""
        self.decisions = [self.decider.decide(request, request.among(actuals)) for request in self.requests]
        return self.decisions

    def decide_again(self, decision: Decision, actual: Optional[Actual]) -> Decision:
        """Decides once more about one resource, on a newer reading."""
        return self.decider.decide(decision.request, actual)

    def refuse(self, request: Request, actual: Optional[Actual], error: FlotillaError) -> Decision:
        """A decision that only says why there is none."""
        decision = Decision(request, actual, error=error)
        self.decisions.append(decision)
        return decision


@dataclass
class Item:
    """One resource of the run. `needs` are the labels of items without which it cannot be made."""

    run: KindRun
    decision: Decision
    guest: Optional[Guest] = None
    level: int = 0
    needs: Sequence[str] = ()
    orphan: bool = False
    note: str = ""
    status: str = ""
    deferred: bool = False
    skipped: str = ""
    result: Optional[Result] = None

    @property
    def name(self) -> str:
        """The resource's name."""
        return self.decision.request.name

    @property
    def kind(self) -> str:
        """The resource's kind."""
        return self.run.driver.kind

    @property
    def label(self) -> str:
        """What other items name it by; guests of all engines share one name space within a fleet."""
        return "guest %s" % self.name if self.guest is not None else "%s %s" % (self.kind, self.name)

    @property
    def ends(self) -> bool:
        """Whether it goes away in this run."""
        return self.decision.action in (REMOVE, RELEASE)

    @property
    def removes(self) -> bool:
        """Whether the resource as it is now is destroyed; this is what limits count."""
        return self.decision.action in (REMOVE, RECREATE_WHOLE) and self.decision.error is None

    @property
    def acts(self) -> bool:
        """Whether there is something to carry out."""
        return self.decision.action != NONE and self.decision.error is None and not self.skipped

    @property
    def failed(self) -> bool:
        """Whether it was refused or went wrong."""
        return self.decision.error is not None

    def problems(self) -> List[Problem]:
        """What is wrong with its declaration, with the paths that the user wrote."""
        error = self.decision.error
        if not isinstance(error, DeclarationError):
            return []
        return [self.guest.translate(problem) for problem in error.problems] if self.guest else error.problems

    def report(self, check_mode: bool) -> Result:
        """The result so far; a skipped item has its plan and did not change."""
        if self.result is None:
            self.result = self.run.report(self.decision, check_mode=check_mode)
        if self.skipped:
            self.result = replace(self.result, changed=False, msg=self.skipped)
        return self.result

    def entry(self, check_mode: bool) -> Dict[str, Any]:
        """The item as the module's `results` lists it."""
        result = self.report(check_mode)
        out = result.to_dict(brief=True)
        out["status"] = self._status(result)
        if not out["msg"]:
            out["msg"] = self.note or (str(result.status.get("emulated", "")) if result.changed else "")
        if self.guest is not None:
            out["engine"] = self.guest.engine
            if self.guest.engine_reason:
                out["engine_reason"] = self.guest.engine_reason
        return out

    def _status(self, result: Result) -> str:
        if result.failed:
            return "failed"
        if self.skipped:
            return "skipped"
        if self.ends:
            return "removed" if self.decision.action == REMOVE else "released"
        if self.status:
            return self.status
        if result.changed:
            return "changed"
        return "pending" if result.pending else "unchanged"
