# Copyright: (c) 2026, flotilla.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Where a run touches its host, each call is written down, and before any call that changes something it can be killed.

Killing at that edge is finer than killing before a step: there is no place where a run can die unseen. The edge is
libvirt's connection (`Wire.attach`), the `Host` of a container driver (`host_wire`), or the file system (`file_wire`).
"""

from __future__ import annotations

from collections import Counter
from typing import Any

READS = (
    "ID", "OSType", "UUIDString", "XMLDesc", "allocation", "autostart", "connect", "getCPUMap", "getCapabilities", "getDomainCapabilities", "getHostname",
    "getInfo", "getLibVersion", "getType", "getURI", "getVersion", "hasManagedSaveImage", "info", "interfaceAddresses", "isActive",
    "isPersistent", "jobInfo", "key", "listAllDomains", "listAllInterfaces", "listAllNetworks", "listAllStoragePools", "listAllVolumes",
    "lookupByName", "lookupByUUIDString", "metadata", "name", "networkLookupByName", "numOfVolumes", "path", "refresh", "state",
    "storagePoolLookupByName", "storageVolLookupByName", "storageVolLookupByPath", "DHCPLeases", "bridgeName", "getAllDomainStats",
)


class Killed(BaseException):
    """The run was killed here. Not an Exception: nothing in the product may catch it."""


class Wire:
    """The calls that went through: `calls` counts them by `class.method`, `changes` lists those that change something.

    made: of those the method and what it was called with, so that a benchmark can make them again.
    """

    def __init__(self) -> None:
        self.calls: Counter[str] = Counter()
        self.changes: list[str] = []
        self.made: list[tuple[str, tuple[Any, ...], dict[str, Any]]] = []
        self.die_before: int | None = None

    def clear(self) -> None:
        """Forget what was counted; let the run live."""
        self.calls.clear()
        self.changes.clear()
        self.made.clear()
        self.die_before = None

    def kill_before_change(self, number: int) -> None:
        """Forget what was counted, and kill the run before its `number`-th changing call (0 is the first)."""
        self.clear()
        self.die_before = number

    def note(self, kind: str, method: str, reads: bool | None = None, arguments: tuple[Any, ...] = (),
             options: dict[str, Any] | None = None) -> None:
        """One call is about to be made. `reads`: whether it changes nothing; by its name where that is not said."""
        self.calls["%s.%s" % (kind, method)] += 1
        if method in READS if reads is None else reads:
            return
        if self.die_before is not None and len(self.changes) >= self.die_before:
            raise Killed("before %s.%s" % (kind, method))
        self.changes.append("%s.%s" % (kind, method))
        self.made.append((method, arguments, options or {}))

    def attach(self, connection: Any) -> Any:
        """The connection, seen through this wire."""
        return _Wired(connection, self)


class _Wired:
    """An object of the libvirt binding whose calls are noted; what it returns is seen through the same wire."""

    def __init__(self, target: Any, wire: Wire) -> None:
        self._target = target
        self._wire = wire

    def __getattr__(self, name: str) -> Any:
        value = getattr(self._target, name)
        if not callable(value):
            return value
        kind = type(self._target).__name__

        def call(*arguments: Any, **options: Any) -> Any:
            given = tuple(_bare(argument) for argument in arguments)
            self._wire.note(kind, name, arguments=given, options=options)
            return _seen(value(*given, **options), self._wire)

        return call


def _bare(value: Any) -> Any:
    return value._target if isinstance(value, _Wired) else value


def _seen(value: Any, wire: Wire) -> Any:
    if isinstance(value, list):
        return [_seen(item, wire) for item in value]
    if type(value).__module__ == "libvirt":
        return _Wired(value, wire)
    return value
