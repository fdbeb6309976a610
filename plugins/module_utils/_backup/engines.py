# Copyright: (c) 2026, flotilla.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The engines that have backups, and how each one's store is made. Another engine is one entry more."""

from __future__ import annotations

from typing import Any, Callable, Dict

from .run import Store


def _virtuozzo(host: Any) -> Store:
    from .._containers.virtuozzo.backup import VirtuozzoStore

    return VirtuozzoStore(host)


STORES: Dict[str, Callable[[Any], Store]] = {"virtuozzo": _virtuozzo}
