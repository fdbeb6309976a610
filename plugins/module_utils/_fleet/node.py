# Copyright: (c) 2026, flotilla.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A fleet's host that is reached by commands alone: containers, without libvirt."""

from __future__ import annotations

from typing import Any, Dict

from .._containers import engines
from .._reconcile.contract import Driver
from .._reconcile.fleet import Fleet
from .drivers import Host
from .items import Drivers, Facts

_REASON = "transport: command is set for this host, and %s"
_NO_LIBVIRT = "with transport: command nobody asks a libvirt of this host; name other hosts in its hosts, and bridges in nics"


class Node(Host):
    """That host, as the drivers of one fleet need it. `host` is a `Host` of `_containers`."""

    def __init__(self, fleet: Fleet, host: Any, check_mode: bool) -> None:
        super().__init__(fleet, None, check_mode)
        self.host = host

    def drivers(self) -> Drivers:
        """A driver for each engine that can be driven by commands."""
        guests: Dict[str, Driver] = {engine: engines.DRIVERS[engine](self.host, self._around(), self.check_mode)
                                     for engine in engines.BY_COMMAND}
        return Drivers(guests=guests, engines=self.engines, no_libvirt=_NO_LIBVIRT,
                       unusable={engine: _REASON % why for engine, why in engines.NOT_BY_COMMAND.items()})

    def engines(self) -> Facts:
        """Which engines this host has, of those that can be driven by commands."""
        found = {engine: self.host.run(["sh", "-c", "command -v %s" % engines.COMMANDS[engine]]).rc == 0 for engine in engines.BY_COMMAND}
        return {engine: {"present": there, "usable": there, "reason": None if there else "it is not installed"} for engine, there in found.items()}

    def attachments(self) -> Any:
        """What a network is to a container: nothing that libvirt would have to say."""
        return self._declared
