# Copyright: (c) 2026, flotilla.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The heading of a diff: which changes not even a restart brings into a guest that has booted."""

from __future__ import annotations

import pytest

from ansible_collections.flotilla.virt.plugins.module_utils._reconcile.contract import diff_of
from ansible_collections.flotilla.virt.plugins.module_utils._reconcile.plan import FIRST_BOOT


@pytest.mark.parametrize(("changes", "pending", "named"), [
    ({"cloud_init.hostname": "restart", "cpus.maximum": "restart"}, ["cloud_init.hostname"], "cloud_init.hostname"),
    ({"cloud_init.users[ops].shell": "restart"}, ["cloud_init.users[ops]"], "cloud_init.users[ops].shell"),
    ({"cloud_init.users[ops]": "restart"}, ["cloud_init.users[ops].shell"], "cloud_init.users[ops]"),
    ({"nics[lan].address": "restart", "nics[lan2].address": "restart"}, ["nics[lan].address"], "nics[lan].address"),
    # A guest that does not run: the change is stored, and no restart is spoken of.
    ({"cloud_init.hostname": "live"}, ["cloud_init.hostname"], None),
    ({"cpus.maximum": "restart"}, ["cloud_init.hostname"], None),
    ({"cloud_init.hostname": "restart", "cloud_init.reseed": "restart"}, ["cloud_init.hostname"], None),
    ({"a.cloud_init.hostname": "restart", "a.cloud_init.reseed": "restart", "b.cloud_init.hostname": "restart"},
     ["a.cloud_init.hostname", "b.cloud_init.hostname"], "b.cloud_init.hostname"),
])
def test_the_heading(changes: dict[str, str], pending: list[str], named: str | None) -> None:
    plan = [{"path": path, "before": 1, "after": 2, "impact": impact} for path, impact in changes.items()]
    waits = [{"path": path, "running": 1, "stored": 2, "reason": FIRST_BOOT} for path in pending]
    heading = diff_of(plan, [*waits, {"path": "cpus.maximum", "running": 1, "stored": 2, "reason": "it takes a restart"}]).get("after_header")
    assert heading == (named and "first boot only, which not even a restart brings into a guest that has booted: " + named)
