# Copyright: (c) 2026, flotilla.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Waiting until an LXC container is ready, as `wait_for` says."""

from __future__ import annotations

from typing import Any, Dict

from .. import inside
from ..host import Host
from . import read


def wait(host: Host, item: read.Container, what: str, timeout: float) -> Dict[str, Any]:
    """Wait for `running` (init runs and has said so to LXC) or `address`; see `inside.wait`."""
    def look() -> inside.Seen:
        now = read.read_host(host, [item.name]).get(item.name)
        if now is None:
            return inside.Seen(read.STOPPED, up=False, running=False)
        return inside.Seen(now.state, now.is_up, now.state == read.RUNNING, inside.addresses(host, now.init))

    return inside.wait("lxc", item.name, what, timeout, look)
