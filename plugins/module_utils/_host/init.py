# Copyright: (c) 2026, flotilla.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How services are run on this host."""

from __future__ import annotations

from ansible_collections.flotilla.virt.plugins.module_utils._host import files


def service_manager(root: str = "/") -> str:
    """Return ``systemd`` where it is PID 1 (the test of sd_booted(3)), else ``none``: daemons are then started directly."""
    return "systemd" if files.exists(root, "/run/systemd/system") else "none"
