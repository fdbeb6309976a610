# Copyright: (c) 2026, flotilla.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The lab of images: a folder where a host keeps what it knows of them."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

from ansible_collections.flotilla.virt.plugins.module_utils._host.image_driver import ImageDriver
from ansible_collections.flotilla.virt.plugins.module_utils._reconcile.contract import Result
from ansible_collections.flotilla.virt.plugins.module_utils._reconcile.errors import FlotillaError
from ansible_collections.flotilla.virt.plugins.module_utils._reconcile.reconcile import Decision, Run

from .file_wire import files_below
from .lab import Documents, Hook, Lab, Raw
from .wire import Wire


def content(path: Path) -> str:
    """A file's content as a document: what is text as it is, and of anything else a digest."""
    data = path.read_bytes()
    try:
        return data.decode("ascii")
    except UnicodeDecodeError:
        return hashlib.sha256(data).hexdigest()


class ImageLab(Lab):
    """Images below `folder`/base; what else is in `folder` is what images are declared from."""

    kind = "image"

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.base = folder / "base"
        self.wire = Wire()

    def driver(self) -> ImageDriver:
        return ImageDriver(str(self.base))

    def check_driver(self) -> ImageDriver:
        return ImageDriver(str(self.base), check_mode=True)

    def decide(self, name: str, raw: Raw, hook: Hook = None, fleet: str | None = None, check: bool = False) -> tuple[Run, Decision]:
        with files_below(self.folder, self.wire):
            return super().decide(name, raw, hook, fleet, check)

    def apply(self, name: str, raw: Raw, hook: Hook = None, fleet: str | None = None) -> Result:
        """As the module does it: what has to be downloaded comes before the host's turn."""
        with files_below(self.folder, self.wire):
            try:
                self.driver().prefetch(self.request(name, raw, fleet))
            except FlotillaError as error:
                return Result(self.kind, name, failed=True, msg=str(error))
            return super().apply(name, raw, hook, fleet)

    def documents(self) -> Documents:
        # The digest of a file that was read is remembered; that is no state. Nor is what a run of this very process
        # left unfinished, which no later process takes for its own.
        return {"file:%s" % path.relative_to(self.folder): content(path) for path in self.folder.rglob("*")
                if path.is_file() and path.suffix != ".digest" and not path.name.endswith(".%d.partial" % os.getpid())}

    def belongs(self, key: str, name: str) -> bool:
        return key == "file:base/records/%s.json" % name or key.startswith("file:base/cache/")

    def unnamed(self) -> list[str]:
        """Unfinished downloads that the next one will not sweep away: their name says which process is at it.

        A finished one stands in the cache under its checksum, where whoever declares it next finds it.
        """
        return [str(path) for path in self.base.rglob("*.partial") if ".%d." % os.getpid() not in path.name]
