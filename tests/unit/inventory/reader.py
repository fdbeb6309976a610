# Copyright: (c) 2026, flotilla.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Reads inventories for the tests in a process of its own, one for each line of JSON on standard input.

Ansible finds the plugins of collections only where its own importer came first, which in the tests' process it does not.
What hosts would answer is in the request; everything else is Ansible as it is.
"""

from __future__ import annotations

import contextlib
import io
import json
import sys
from collections.abc import Mapping, Sequence
from typing import Any

from ansible import constants
from ansible.errors import AnsibleError
from ansible.inventory.manager import InventoryManager
from ansible.parsing.dataloader import DataLoader
from ansible.plugins.loader import init_plugin_loader, inventory_loader
from ansible.template import Templar
from ansible.utils.display import Display

init_plugin_loader([])
# The plugin is loaded first, and with it the modules that it uses.
inventory_loader.get("flotilla.virt.guests")
from ansible_collections.flotilla.virt.plugins.plugin_utils import _run  # noqa: E402


def parse(request: Mapping[str, Any]) -> dict[str, Any]:
    """The inventory of the request's sources, the runs that it asked for, and all that was shown."""
    runs: list[list[str]] = []

    def run(_way: _run.Way, hosts: Sequence[str], calls: Sequence[_run.Call]) -> dict[tuple[str, str], _run.Answer]:
        runs.append(list(hosts))
        keys = {call.key for call in calls}
        return {(host, key): _run.Answer(**answer) for host, key, answer in request["answers"] if host in hosts and key in keys}

    _run.run = run
    constants.INVENTORY_ANY_UNPARSED_IS_FAILED = True
    Display()._warns.clear()
    shown = io.StringIO()
    error = ""
    hosts: dict[str, Any] = {}
    groups: dict[str, Any] = {}
    with contextlib.redirect_stderr(shown), contextlib.redirect_stdout(shown):
        try:
            inventory = InventoryManager(loader=DataLoader(), sources=request["sources"], cache=request["cache"])
            hosts = {name: Templar(loader=DataLoader(), variables=host.vars).template(host.vars) for name, host in inventory.hosts.items()}
            groups = {name: sorted(host.name for host in group.get_hosts()) for name, group in inventory.groups.items()}
        except AnsibleError as failure:
            error = str(failure)
    # Ansible folds lines where it likes.
    return {"hosts": hosts, "groups": groups, "runs": runs, "error": error, "shown": " ".join((shown.getvalue() + error).split())}


def verify(request: Mapping[str, Any]) -> dict[str, Any]:
    """Whether the plugin wants these files."""
    plugin = inventory_loader.get("flotilla.virt.guests")
    return {"fits": {path: plugin.verify_file(path) for path in request["verify"]}}


for line in sys.stdin:
    asked = json.loads(line)
    print(json.dumps(verify(asked) if "verify" in asked else parse(asked)), flush=True)
