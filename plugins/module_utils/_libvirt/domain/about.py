# Copyright: (c) 2026, flotilla.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a run is about, told from its work: the guest's identity and system, and what the plan changes. Reads no host."""

from __future__ import annotations

from typing import Dict

from ..._reconcile.contract import Work
from ..._reconcile.schema import Spec
from . import choices, profiles


def uuid(work: Work) -> str:
    """The UUID that a new domain gets."""
    return str(work.want.get("uuid") or choices.uuid(work.request.fleet, work.name))


def family(work: Work) -> str:
    """The family of the system of a guest, declared now or at creation, or told from its variant."""
    stored = work.actual.stored.get("os", {}) if work.actual is not None else {}
    system = {**stored, **work.want.get("os", {})}
    return str(system.get("family") or profiles.family_of(str(system.get("variant", ""))))


def is_windows(work: Work) -> bool:
    """Whether the guest runs Windows."""
    return family(work) == "windows"


def moves(work: Work) -> Dict[str, str]:
    """The new names, by their present ones, of the disks that this run renames."""
    return {change.before: change.want for change in work.changes if change.pattern == "disks[].name"}


def new_items(work: Work, option: str) -> Dict[str, Spec]:
    """The disks, NICs or other devices that this run makes."""
    if work.actual is None:
        return dict(work.want.get(option, {}))
    # One that is stored and does not run yet is only to be plugged; the name of one that is renamed is free.
    stored = set(work.actual.stored[option]) - set(moves(work) if option == "disks" else ())
    names = [change.route[1] for change in work.changes
             if change.pattern == option + "[]" and change.route[1] not in stored]
    return {name: work.want[option][name] for name in names if name in work.want[option]}


def changes_fragment(work: Work) -> bool:
    """Whether the option `xml` is new, another one, or taken back."""
    return work.actual is None or any(change.pattern == "xml" for change in work.changes)
