# Copyright: (c) 2026, flotilla.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations


class ModuleDocFragment:
    """What every module of the collection can and cannot do."""

    DOCUMENTATION = r"""
options: {}
attributes:
  check_mode:
    support: full
    description: In check mode nothing is touched, and RV(ignore:plan), RV(ignore:changed) and the diff are those of the real run.
  diff_mode:
    support: full
    description: The diff is made from the plan, so that the two cannot disagree.
  platform:
    support: full
    platforms: linux
    description: Runs on the host of the guests.
"""

    INFO = r"""
options: {}
attributes:
  check_mode:
    support: full
    description: Only reads.
  diff_mode:
    support: N/A
    description: Changes nothing.
  platform:
    support: full
    platforms: linux
    description: Runs on the host of the guests.
"""
