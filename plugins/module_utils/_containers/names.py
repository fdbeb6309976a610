# Copyright: (c) 2026, flotilla.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Names of containers, before they become parts of paths and command lines."""

from __future__ import annotations

from typing import Optional, Sequence

from .._reconcile import kinds
from .._reconcile.errors import DeclarationError


def check_names(names: Optional[Sequence[str]]) -> None:
    """Refuse what is no name. Raises DeclarationError."""
    for name in names or ():
        try:
            kinds.name(name)
        except ValueError as error:
            raise DeclarationError.at("name", str(error)) from None
