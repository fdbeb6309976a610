# Copyright: (c) 2026, flotilla.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a task of a module with `transport` is: Ansible's own run of the module, unless `transport: command` says otherwise."""

from __future__ import annotations

from typing import Any, Dict, Optional, Tuple

from ansible.plugins.action import ActionBase
from ansible.plugins.action.normal import ActionModule as NormalAction


class TransportAction(NormalAction):  # type: ignore[misc]
    """An action beside a module. `body`: the module of `module_utils` with its body, and there its argument spec and its function."""

    body: Tuple[str, str, str]

    def run(self, tmp: Optional[str] = None, task_vars: Optional[Dict[str, Any]] = None) -> Dict[str, Any]:
        """Runs the task."""
        if self._task.args.get("transport") != "command":
            # Nothing of what follows is even imported: a module that runs on the host costs what it did.
            return super().run(tmp, task_vars)  # type: ignore[no-any-return]
        from ansible_collections.flotilla.virt.plugins.plugin_utils import _over_connection  # pylint: disable=import-outside-toplevel

        result: Dict[str, Any] = ActionBase.run(self, tmp, task_vars)
        result.update(_over_connection.run(self, *self.body))
        return result
