# Copyright: (c) 2026, flotilla.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a network is for a guest that an engine other than libvirt connects to it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Callable, Optional, Sequence


@dataclass(frozen=True)
class Attachment:
    """A network on this host: its bridge, and what a static address on it needs.

    `bridge` is empty while the network is declared and not made yet, where its name is only known afterwards.
    """

    bridge: str
    subnet: str = ""
    gateway: str = ""
    dns: Sequence[str] = ()


Networks = Callable[[str], Optional[Attachment]]
