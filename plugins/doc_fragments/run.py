# Copyright: (c) 2026, flotilla.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations


class ModuleDocFragment:
    """Options of a run that every changing module has."""

    DOCUMENTATION = r"""
options:
  fleet:
    description:
      - Fleet that the resource belongs to. A resource of another fleet is never touched.
    type: str
  expect_plan:
    description:
      - The C(plan_id) of a check run. The run is applied only if the plan is still that one.
    type: str
  lock_timeout:
    description:
      - Longest wait, in seconds, for another run on the same host to end.
    type: int
    default: 300
"""
