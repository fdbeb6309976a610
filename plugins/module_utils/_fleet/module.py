# Copyright: (c) 2026, flotilla.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The body of the module `fleet`: parameters in, one run, results out."""

from __future__ import annotations

from typing import Any, Dict, Mapping, Tuple

from .. import _module
from .._containers.engines import TRANSPORT_SPEC
from .._libvirt.connection import is_local
from .._module import HERE, Place
from .._reconcile.errors import DeclarationError, FlotillaError
from .._reconcile.fleet import Fleet, parse_fleet
from .drivers import Host, prefetch
from .node import Node
from .run import FleetRun, Settings, as_result

# How to run, and no part of the declaration.
_HOW = ("uri", "expect_plan", "batch", "phase", "lock_timeout", "transport")
SPEC: Dict[str, Any] = {
    "name": {"type": "str", "required": True},
    "host": {"type": "str"},
    "hosts": {"type": "raw"},
    "elsewhere": {"type": "list", "elements": "str"},
    "images": {"type": "raw"},
    "pools": {"type": "raw"},
    "networks": {"type": "raw"},
    "limits": {"type": "raw"},
    "defaults": {"type": "raw"},
    "profiles": {"type": "raw"},
    "guests": {"type": "raw"},
    "only": {"type": "list", "elements": "str"},
    "set": {"type": "dict"},
    "prune": {"type": "bool"},
    "parallel": {"type": "int"},
    "expect_plan": {"type": "str"},
    "batch": {"type": "int"},
    "phase": {"type": "str", "choices": ["all", "batch", "removals"], "default": "all"},
    "lock_timeout": {"type": "int", "default": 300},
    **TRANSPORT_SPEC,
    **_module.URI_SPEC,
}


def invocation(params: Mapping[str, Any]) -> Dict[str, Any]:
    """What may be shown of the parameters: the fleet's name and counts. The rest may hold secrets."""
    counts = {kind: len(params[kind]) for kind in ("images", "pools", "networks", "guests", "profiles", "only", "set")
              if isinstance(params.get(kind), (list, dict))}
    return {"module_args": {"name": params.get("name"), "host": params.get("host"), **counts}}


def run_fleet(module: Any, place: Place = HERE) -> None:
    """Runs the module and ends it."""
    shown = invocation(module.params)
    try:
        result, failed = _run(module, place)
    except FlotillaError as error:
        _module.fail(module, error, invocation=shown)
    result["invocation"] = shown
    if failed:
        module.fail_json(**result)
    module.exit_json(**result)


def _run(module: Any, place: Place) -> Tuple[Dict[str, Any], bool]:
    params, check = module.params, bool(module.check_mode)
    _check_transport(params, place)
    fleet = parse_fleet({name: value for name, value in params.items() if name not in _HOW and value is not None})
    host = Host(fleet, params.get("uri"), check) if place.host is None else Node(fleet, place.host, check)
    drivers = host.drivers()
    if not check and place.host is None:
        prefetch(fleet, drivers)
    outcome = FleetRun(fleet, drivers, place.seal(not check), _settings(module, fleet, place)).run()
    result = as_result(outcome, fleet, check)
    result["host_ready"] = drivers.ready
    if place.host is None and not is_local(params.get("uri")):
        result["lock"] = "none: through a remote uri only the comparison before each define protects"
    return result, bool(result.pop("failed"))


def _check_transport(params: Mapping[str, Any], place: Place) -> None:
    if params["transport"] == "command" and place.host is None:
        raise DeclarationError.at("transport", "command is carried out on the controller, and this module runs on the host",
                                  "run it as a task of a play")
    if place.host is not None and params.get("uri"):
        raise DeclarationError.at("uri", "with transport: command there is no libvirt on the way", "leave it out, or use transport: module")


def _settings(module: Any, fleet: Fleet, place: Place) -> Settings:
    params = module.params
    timeout = params["lock_timeout"]
    return Settings(
        turn=lambda: place.turn("fleet %s" % fleet.name, timeout), check_mode=bool(module.check_mode),
        expect_plan=params.get("expect_plan") or "", batch=params.get("batch") or 0, phase=params["phase"])
