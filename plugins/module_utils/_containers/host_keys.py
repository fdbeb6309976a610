# Copyright: (c) 2026, flotilla.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The SSH host keys of a container, from its root file system as its engine mounts it. Nothing runs in the container."""

from __future__ import annotations

from typing import Any, Dict, List, Optional, Sequence

from .._reconcile.errors import EngineError
from .._reconcile.host_keys import FILES, LONGEST, public_keys
from .._reconcile.plan import Actual
from .host import Host

DIRECTORY = "/etc/ssh/"


class KeyReader:
    """A driver as an info module reads by it, with `status.host_keys` of each running container; `pid` in its status is its init."""

    def __init__(self, driver: Any, host: Host) -> None:
        self.driver = driver
        self.rule = driver.rule
        self.host = host

    def read(self, names: Optional[Sequence[str]]) -> Dict[str, Actual]:
        """The containers of these names (None: all), by name."""
        found: Dict[str, Actual] = self.driver.read(names)
        for actual in found.values():
            if actual.status.get("pid"):
                actual.status["host_keys"] = self._keys(int(actual.status["pid"]))
        return found

    def _keys(self, init: int) -> List[str]:
        inside = self.host.rootfs("/proc/%d/root" % init)
        texts: List[str] = []
        for name in FILES:
            try:
                texts.append(inside.read_head(DIRECTORY + name, LONGEST + 1).decode("utf-8", "replace"))
            except EngineError:
                # Not a file that can be read. Where there is none, there is just no text.
                continue
        return public_keys(texts)
