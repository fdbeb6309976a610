# Copyright: (c) 2026, flotilla.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations


class ModuleDocFragment:
    DOCUMENTATION = r"""
options:
  fleet:
    description: Name of the fleet that it belongs to. Another fleet's resource is never touched.
    type: str
  expect_plan:
    description: Apply only if the plan is still the one with this C(plan_id), as an earlier run in check mode returned it.
    type: str
  lock_timeout:
    description: How long to wait for another run on this host, in seconds.
    type: int
    default: 300
"""
