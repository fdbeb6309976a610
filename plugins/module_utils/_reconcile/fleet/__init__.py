# Copyright: (c) 2026, flotilla.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The declaration of a whole fleet: from raw parameters to typed guests, pure."""

from __future__ import annotations

from .engine import HostFacts, Present, resolve
from .model import Fleet, Guest, Layer
from .networks import resources_here
from .parse import parse_fleet

__all__ = ["Fleet", "Guest", "HostFacts", "Layer", "Present", "parse_fleet", "resolve", "resources_here"]
