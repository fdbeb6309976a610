# Copyright: (c) 2026, flotilla.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The module `container_info` as a task: run on the host, or with `transport: command` here."""

from __future__ import annotations

from ansible_collections.flotilla.virt.plugins.plugin_utils._action import TransportAction


class ActionModule(TransportAction):
    """Runs it."""

    body = "_container_module", "CONTAINER_INFO_SPEC", "run_container_info"
