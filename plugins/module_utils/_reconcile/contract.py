# Copyright: (c) 2026, flotilla.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a driver gives to the run, and what the run gives back: the types between the heart and the engines."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any, Callable, Dict, Iterator, List, Mapping, Optional, Protocol, Sequence

from .annotation import Annotation
from .plan import FIRST_BOOT, GONE, RESTART, Actual, Change, Pending, Rule
from .schema import Option, Spec


# Declared for one run, it lets the guest do its first boot again.
RESEED = "cloud_init.reseed"


@dataclass(frozen=True)
class Request:
    """One resource that a user declared: `declared` is the parsed declaration, `where` its path for errors."""

    name: str
    declared: Spec
    where: str = ""
    fleet: str = ""

    def option(self, name: str, default: Any = None) -> Any:
        """A declared option's value, or the default of a control option."""
        value = self.declared.get(name)
        return default if value is None else value

    def names(self) -> List[str]:
        """The names that the resource may be found under: its own, and the one that it had before (`was`).

        What is to be gone is meant by its own name alone: under the earlier one there may be another by now.
        """
        was = self.declared.get("was")
        return [self.name] if was is None or self.declared.get("state") in GONE else [self.name, str(was)]

    def among(self, actuals: Mapping[str, Actual]) -> Optional[Actual]:
        """The resource among those that were read; by its earlier name where there is none of its own yet."""
        return next((actuals[name] for name in self.names() if name in actuals), None)


class Steps:
    """The steps that a run takes on one resource, in order, so that a failure can say what was done.

    `hook` is called with each step's text before it is taken; tests use it to die there.
    """

    def __init__(self, hook: Optional[Callable[[str], None]] = None) -> None:
        self.done: List[str] = []
        self._hook = hook

    @contextmanager
    def step(self, text: str) -> Iterator[None]:
        """Takes one step: `with work.step("define domain db1"): ...`."""
        if self._hook is not None:
            self._hook(text)
        yield
        self.done.append(text)


@dataclass
class Work:
    """One decision to carry out, as a driver sees it.

    want: the declaration completed with our defaults and derived values (use it to create, and for new items).
    changes: the plan entries to close, in order. restart: whether the guest is to be restarted at the end.
    annotation: what will stand after success; for a creation, what to define the resource with.
    anew: a whole resource is destroyed to be made again: `remove` is called, and then `create` as for one that is not there.
    """

    request: Request
    actual: Optional[Actual]
    want: Spec
    changes: List[Change]
    annotation: Annotation
    steps: Steps
    pending: List[Pending] = field(default_factory=list)
    restart: bool = False
    anew: bool = False

    @property
    def name(self) -> str:
        """The resource's name."""
        return self.request.name

    @property
    def there_as(self) -> str:
        """The name under which the resource is there now: another one where it is still to be renamed."""
        return self.request.name if self.actual is None else self.actual.name

    @property
    def renames(self) -> bool:
        """Whether this run gives the resource its new name."""
        return self.there_as != self.name and any(change.path == "name" for change in self.changes)

    @property
    def existing(self) -> Actual:
        """What is there, for work on a resource that exists."""
        if self.actual is None:
            raise ValueError("%s does not exist" % self.name)
        return self.actual

    def step(self, text: str) -> Any:
        """See `Steps.step`."""
        return self.steps.step(text)

    def note(self, owned: Sequence[str] = (), facts: Optional[Mapping[str, Any]] = None) -> None:
        """Adds to what the annotation will say this collection made or chose."""
        merged = {name: value for name, value in {**self.annotation.facts, **(facts or {})}.items()
                  if value is not None}
        self.annotation = replace(self.annotation, facts=merged,
                                  owned=tuple(sorted(set(self.annotation.owned) | set(owned))))


class Driver(Protocol):
    """What an engine knows: how to read, which impact a change has, how to apply it. It never decides."""

    @property
    def kind(self) -> str:
        """The resource kind, such as `domain`."""

    @property
    def options(self) -> Sequence[Option]:
        """The grammar of the kind."""

    @property
    def annotates(self) -> bool:
        """Whether the resource can carry an annotation; pools and volumes cannot."""

    def read(self, names: Optional[Sequence[str]] = None) -> Dict[str, Actual]:
        """Reads these resources (None: all on the host) in one bulk read; a name that is not there is left out."""

    def rule(self, pattern: str) -> Rule:
        """How a change of this option reaches the resource."""

    def complete(self, request: Request, actual: Optional[Actual]) -> Spec:
        """The declaration with our defaults and derived values. Raises DeclarationError."""

    def check(self, work: Work) -> None:
        """Validates the whole plan against the host before anything is touched, also in check mode.

        Notes on `work` what will be owned and chosen. Raises DeclarationError or Refused.
        """

    def create(self, work: Work) -> None:
        """Makes the resource, in steps; each step leaves something that the next run can finish."""

    def change(self, work: Work) -> None:
        """Closes `work.changes` on an existing resource, and restarts it when `work.restart` says so."""

    def remove(self, work: Work) -> None:
        """Removes the resource, and its own storage where the request says `remove_storage`.

        Where `work.anew` says that it is made again, the annotation that is there must stay, and the next read must find it
        should the run die in between: it names what the resource owned. A driver that cannot do so has no rule with `recreate`.
        """

    def annotate(self, actual: Actual, annotation: Optional[Annotation]) -> None:
        """Writes the annotation (None: drops it); bookkeeping, never a change."""

    def nudge(self, actual: Actual, changes: Sequence[Change]) -> None:
        """Asks a guest again for what it has not complied with."""

    def wait(self, request: Request, actual: Actual) -> Dict[str, Any]:
        """Waits until the guest is ready as `wait_for` says; returns how that was found. Raises FlotillaError."""


@dataclass
class Result:
    """What a run says about one resource."""

    kind: str
    name: str
    changed: bool = False
    plan: List[Dict[str, Any]] = field(default_factory=list)
    pending: List[Dict[str, Any]] = field(default_factory=list)
    failed: bool = False
    msg: str = ""
    spec: Spec = field(default_factory=dict)
    status: Dict[str, Any] = field(default_factory=dict)
    applied_steps: List[str] = field(default_factory=list)
    problems: List[Dict[str, str]] = field(default_factory=list)

    def diff(self) -> Dict[str, Any]:
        """Before and after, made from the plan, so that the two cannot disagree."""
        return diff_of(self.plan, self.pending)

    def to_dict(self, brief: bool = False) -> Dict[str, Any]:
        """The form that a module returns; `brief` leaves out spec and status (for a fleet's long list)."""
        out: Dict[str, Any] = {"kind": self.kind, "name": self.name, "changed": self.changed, "plan": self.plan,
                               "pending": self.pending, "failed": self.failed, "msg": self.msg}
        if self.applied_steps and self.failed:
            out["applied_steps"] = self.applied_steps
        if self.problems:
            out["problems"] = self.problems
        if not brief:
            out.update(spec=self.spec, status=self.status, diff=self.diff())
        return out


def diff_of(changes: Sequence[Mapping[str, Any]], pending: Sequence[Mapping[str, Any]]) -> Dict[str, Any]:
    """The `diff` of a result, from the entries of its plan and of what is pending.

    A change whose impact says `restart` and that no restart brings into the guest is named in the heading of `after`.
    """
    out: Dict[str, Any] = {"before": {entry["path"]: entry["before"] for entry in changes},
                           "after": {entry["path"]: entry["after"] for entry in changes}}
    unreached = _unreached([entry["path"] for entry in changes if entry["impact"] == RESTART],
                           [entry["path"] for entry in pending if entry["reason"] == FIRST_BOOT])
    if unreached:
        out["after_header"] = "%s, which not even a restart brings into a guest that has booted: %s" % (FIRST_BOOT, ", ".join(unreached))
    return out


def _unreached(restarting: Sequence[str], first_boot: Sequence[str]) -> List[str]:
    """Which paths are first boot only. Where only a part of an item changes, all of it may be what waits, and the reverse."""
    reseeded = tuple(path[:-len(RESEED)] for path in restarting if path.endswith(RESEED))
    return [path for path in restarting if not path.startswith(reseeded) and any(
        path == other or path.startswith((other + ".", other + "[")) or other.startswith((path + ".", path + "[")) for other in first_boot)]


def problem_entries(problems: Sequence[Any]) -> List[Dict[str, str]]:
    """Problems as plain dictionaries for a result."""
    return [{"path": p.path, "problem": p.problem, "remedy": p.remedy} for p in problems]
