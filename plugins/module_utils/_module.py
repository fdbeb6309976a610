# Copyright: (c) 2026, flotilla.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What every module shares: from parameters to one run, and from the run's results to Ansible's."""

from __future__ import annotations

import gc
from dataclasses import dataclass
from typing import Any, Callable, ContextManager, Dict, List, Mapping, NoReturn, Optional, Sequence, Tuple

from ansible.module_utils.basic import AnsibleModule, env_fallback

from ._host.key import host_sealer
from ._host.lock import turn
from ._libvirt.connection import NotReady, connect, is_local
from ._reconcile import kinds, schema
from ._reconcile.contract import Driver, Request, problem_entries
from ._reconcile.errors import DeclarationError, FlotillaError, Problem, raise_if_any
from ._reconcile.plan import waiting
from ._reconcile.reconcile import Decision, Run, plan_id
from ._reconcile.secrets import Seal

# How many objects are made before Python looks for cycles among them, and how many such looks before it looks further back.
RARELY = (100000, 50, 1000)
URI_SPEC: Dict[str, Any] = {"uri": {"type": "str", "fallback": (env_fallback, ["LIBVIRT_DEFAULT_URI"])}}
RUN_SPEC: Dict[str, Any] = {
    "fleet": {"type": "str"},
    "expect_plan": {"type": "str"},
    "lock_timeout": {"type": "int", "default": 300},
}


@dataclass(frozen=True)
class Place:
    """Where a run is at work: how it remembers secrets there, how it takes its turn, and the host of its containers.

    host: a `Host` of `_containers` that is another machine; None for the one on which this Python runs.
    """

    seal: Callable[[bool], Seal] = lambda create: host_sealer(create=create)
    turn: Callable[[str, float], ContextManager[None]] = turn
    host: Any = None


HERE = Place()


def collect_rarely() -> None:
    """Has Python look for unreachable cycles of objects less often.

    A run makes trees, in which there are none: memory stays the same. The usual way looks through everything again and again as
    it grows, which for 10,000 unchanged guests took 0.7 of 2.8 CPU seconds, and for 1,000 none that could be measured.
    """
    gc.set_threshold(*RARELY)


class Module(AnsibleModule):
    """A module whose parameters may hold secrets in places that Ansible knows nothing of.

    They are neither logged to syslog nor repeated in results, not even where Ansible itself refuses them.
    """

    def __init__(self, argument_spec: Mapping[str, Any]) -> None:
        collect_rarely()
        super().__init__(  # type: ignore[no-untyped-call]
            argument_spec=dict(argument_spec), supports_check_mode=True, no_log=True)

    def _log_invocation(self) -> None:
        """What Ansible writes to syslog. The `no_log` above does not reach it: a task without one sets it back."""
        self.log("Invoked with parameters that are not logged")  # type: ignore[no-untyped-call]

    def _return_formatted(self, kwargs: Dict[str, Any]) -> None:
        kwargs.setdefault("invocation", {"module_args": {"name": (getattr(self, "params", None) or {}).get("name")}})
        super()._return_formatted(kwargs)  # type: ignore[no-untyped-call]


def argument_spec(options: Sequence[schema.Option], **more: Any) -> Dict[str, Any]:
    """The argument spec of a module for one resource: raw options, since the heart itself checks them."""
    spec: Dict[str, Any] = {"name": {"type": "str", "required": True}}
    # Nothing of a module's parameters is ever logged (see Module), so an option that is named like a secret needs no more.
    spec.update({option.name: {"type": "raw", "no_log": False} for option in options})
    spec.update(RUN_SPEC)
    spec.update(more)
    return spec


def fail(module: AnsibleModule, error: FlotillaError, **more: Any) -> NoReturn:
    """Ends the module with an error's text, and each problem with its path."""
    if isinstance(error, DeclarationError):
        more["problems"] = problem_entries(error.problems)
    module.fail_json(msg=str(error), **more)


def declared(module: AnsibleModule, options: Sequence[schema.Option],
             parser: Optional[Callable[..., schema.Spec]] = None, any_name: bool = False) -> schema.Spec:
    """The typed declaration in a module's parameters. Raises DeclarationError.

    any_name: the driver itself looks at the name where it makes something; what others made may be called anything.
    """
    names = [option.name for option in options] + ["disk", "image"]
    raw = {name: module.params[name] for name in names if module.params.get(name) is not None}
    problems: List[Any] = []
    try:
        if not any_name:
            kinds.name(module.params["name"])
    except ValueError as error:
        problems.append(Problem("name", str(error)))
    spec = parser(raw, "", problems) if parser else schema.parse(options, raw, "", problems)
    raise_if_any(problems)
    return spec


def run_one(module: AnsibleModule, make: Callable[[bool], Tuple[Driver, Request]], uri: Optional[str] = None,
            place: Place = HERE) -> None:
    """Runs one resource's module: `make(host_ready)` gives the driver and the request."""
    try:
        result = _run_one(module, make, uri, place)
    except FlotillaError as error:
        fail(module, error)
    if result.pop("failed"):
        module.fail_json(**result)
    result.pop("msg")
    module.exit_json(**result)


def _run_one(module: AnsibleModule, make: Callable[[bool], Tuple[Driver, Request]],
             uri: Optional[str], place: Place) -> Dict[str, Any]:
    check = bool(module.check_mode)
    seal = place.seal(not check)
    driver, request = make(check)
    run = Run(driver, [request], seal)
    if not check and hasattr(driver, "prefetch"):
        # Downloads take long; the host is not held meanwhile.
        driver.prefetch(request)
    with place.turn("%s %s" % (driver.kind, request.name), module.params.get("lock_timeout") or 300):
        decision = run.survey()[0]
        expected = module.params.get("expect_plan")
        identity = plan_id([decision]) if check or expected else ""
        if expected and expected != identity:
            raise FlotillaError("the plan is no longer %s" % expected, "look at the new plan and approve that one")
        result = run.report(decision, check_mode=True) if check else run.apply()[0]
    if not check:
        run.wait(decision)
    out = decision.result.to_dict() if decision.result else result.to_dict()
    out["host_ready"] = getattr(driver, "host_ready", True)
    if check:
        out["plan_id"] = identity
    if not is_local(uri):
        out["lock"] = "none: through a remote uri only the comparison before each define protects"
    return out


def connection_or_none(uri: Optional[str], check_mode: bool) -> Any:
    """A connection; in check mode None where libvirt is not there yet, which plans against an empty host."""
    try:
        return connect(uri)
    except NotReady:
        if check_mode:
            return None
        raise


def info(module: AnsibleModule, plural: str, options: Sequence[schema.Option], *drivers: Any) -> None:
    """Ends an info module: all resources of the kind, or those named, in one bulk read of each driver."""
    try:
        names = info_names(module.params)
        found = [(driver, actual) for driver in drivers for actual in driver.read(names).values()]
    except FlotillaError as error:
        fail(module, error)
    items = [{"name": actual.name, "spec": schema.render_spec(options, actual.stored),
              "status": {**actual.status, "pending": [entry.entry() for entry in waiting(options, actual, driver.rule)]}}
             for driver, actual in found]
    module.exit_json(changed=False, **{plural: items})


INFO_SPEC: Dict[str, Any] = {"name": {"type": "str"}, "names": {"type": "list", "elements": "str"}}


def info_names(params: Mapping[str, Any]) -> Optional[List[str]]:
    """The names asked for, or None for everything."""
    names = list(params.get("names") or [])
    if params.get("name"):
        names.append(params["name"])
    return names or None


__all__ = ["HERE", "Decision", "Module", "Place", "argument_spec", "connection_or_none", "declared", "fail", "info", "run_one"]
