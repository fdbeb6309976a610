# Copyright: (c) 2026, flotilla.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The declarations that are measured: diskless guests, spelled out one by one, as a file of a user's would have them."""

from __future__ import annotations

from typing import Any

FLEET = "bench"


def guests(count: int, changed: bool = False) -> list[dict[str, Any]]:
    """That many guests; with `changed`, the middle one has more memory."""
    made = [
        {
            "name": name(index),
            "state": "stopped",
            "virtualization": "qemu",
            "cpus": 2,
            "memory": "256MiB",
            "nics": [{"name": "lan", "bridge": "br-bench"}],
            "tags": {"role": "bench", "row": str(index // 100)},
        }
        for index in range(count)
    ]
    if changed:
        made[count // 2]["memory"] = "384MiB"
    return made


def name(index: int) -> str:
    """The name of a guest by its number."""
    return f"bench-{index:05d}"


def parameters(count: int, changed: bool = False) -> dict[str, Any]:
    """What the module `fleet` gets."""
    return {"name": FLEET, "guests": guests(count, changed)}
