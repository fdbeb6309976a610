# Copyright: (c) 2026, flotilla.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a change of an option costs, where that is the same for every engine of system containers."""

from __future__ import annotations

from typing import Mapping

from .._reconcile.plan import FIRST_BOOT, Rule

_CREATION = Rule(creation=True, reason=FIRST_BOOT)


def rule_of(rules: Mapping[str, Rule], pattern: str) -> Rule:
    """The rule of an option in an engine's own table; what `cloud_init` says is used when a container is made."""
    return _CREATION if pattern.startswith("cloud_init") else rules.get(pattern, Rule())
