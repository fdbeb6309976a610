# Copyright: (c) 2026, flotilla.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The `Host` of a container driver as a wire: its commands and its files, those inside a root file system too."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from ansible_collections.flotilla.virt.plugins.module_utils._containers.host import Host

from .wire import Wire

HOST_READS = ("read_file", "read_files", "exists", "existing", "list_dir", "modified", "clock", "started")
ROOT_READS = ("read", "read_link", "list_dir", "exists", "read_head")
Asks = Callable[[Sequence[str]], bool]


class WiredHost:
    """A host each of whose calls is noted on a wire. `asks` says of a command whether it only asks; any other changes something."""

    def __init__(self, host: Host, wire: Wire, asks: Asks) -> None:
        self._host = host
        self._wire = wire
        self._asks = asks

    def run(self, argv: Sequence[str], *arguments: Any, **options: Any) -> Any:
        """See `Host.run`."""
        self._wire.note("host", "run %s" % argv[0], self._asks(argv))
        return self._host.run(argv, *arguments, **options)

    def rootfs(self, path: str, *shifts: int) -> Any:
        """See `Host.rootfs`."""
        return _Wired(self._host.rootfs(path, *shifts), "rootfs", ROOT_READS, self._wire)

    def __getattr__(self, name: str) -> Any:
        return getattr(_Wired(self._host, "host", HOST_READS, self._wire), name)


class _Wired:
    """An object whose methods are noted, each by its name and the path that it is given first."""

    def __init__(self, target: Any, kind: str, reads: Sequence[str], wire: Wire) -> None:
        self._target, self._kind, self._reads, self._wire = target, kind, reads, wire

    def __getattr__(self, name: str) -> Any:
        value = getattr(self._target, name)
        if not callable(value):
            return value

        def call(*arguments: Any, **options: Any) -> Any:
            self._wire.note(self._kind, " ".join([name, *map(str, arguments[:1])]), name in self._reads)
            return value(*arguments, **options)

        return call
