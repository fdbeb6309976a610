# Copyright: (c) 2026, flotilla.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations


class ModuleDocFragment:
    DOCUMENTATION = r"""
options: {}
attributes:
  check_mode:
    description: Plans exactly what a real run would do, and touches nothing.
    support: full
  diff_mode:
    description: Shows the plan as before and after.
    support: full
"""

    INFO = r"""
options: {}
attributes:
  check_mode:
    description: Can run in check mode and returns the same, since it changes nothing.
    support: full
  diff_mode:
    description: Reading changes nothing, so there is no difference to show.
    support: none
"""
