# Copyright: (c) 2026, flotilla.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The body of the module `fleet`: parameters in, one run, results out."""

from __future__ import annotations

from typing import Any, Dict, Mapping, Tuple

from ansible.module_utils.basic import AnsibleModule

from .. import _module
from .._host.key import host_sealer
from .._host.lock import turn
from .._libvirt.connection import is_local
from .._reconcile.errors import FlotillaError
from .._reconcile.fleet import Fleet, parse_fleet
from .drivers import Host, prefetch
from .run import FleetRun, Settings, as_result

# How to run, and no part of the declaration.
_HOW = ("uri", "expect_plan", "batch", "phase", "lock_timeout")


def invocation(params: Mapping[str, Any]) -> Dict[str, Any]:
    """What may be shown of the parameters: the fleet's name and counts. The rest may hold secrets."""
    counts = {kind: len(params[kind]) for kind in ("images", "pools", "networks", "guests", "profiles", "only", "set")
              if isinstance(params.get(kind), (list, dict))}
    return {"module_args": {"name": params.get("name"), "host": params.get("host"), **counts}}


def run_fleet(module: AnsibleModule) -> None:
    """Runs the module and ends it."""
    shown = invocation(module.params)
    try:
        result, failed = _run(module)
    except FlotillaError as error:
        _module.fail(module, error, invocation=shown)
    result["invocation"] = shown
    if failed:
        module.fail_json(**result)
    module.exit_json(**result)


def _run(module: AnsibleModule) -> Tuple[Dict[str, Any], bool]:
    params, check = module.params, bool(module.check_mode)
    fleet = parse_fleet({name: value for name, value in params.items() if name not in _HOW and value is not None})
    host = Host(fleet, params.get("uri"), check)
    drivers = host.drivers()
    if not check:
        prefetch(fleet, drivers)
    outcome = FleetRun(fleet, drivers, host_sealer(create=not check), _settings(module, fleet)).run()
    result = as_result(outcome, fleet, check)
    result["host_ready"] = drivers.ready
    if not is_local(params.get("uri")):
        result["lock"] = "none: through a remote uri only the comparison before each define protects"
    return result, bool(result.pop("failed"))


def _settings(module: AnsibleModule, fleet: Fleet) -> Settings:
    params = module.params
    timeout = params["lock_timeout"]
    return Settings(
        turn=lambda: turn("fleet %s" % fleet.name, timeout), check_mode=bool(module.check_mode),
        expect_plan=params.get("expect_plan") or "", batch=params.get("batch") or 0, phase=params["phase"])
