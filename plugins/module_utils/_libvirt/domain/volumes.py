# Copyright: (c) 2026, flotilla.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The volumes of a guest: made from images or empty, grown while it is off, and removed."""

from __future__ import annotations

from typing import Any, Dict, Mapping, Optional

from ..._host import images
from ..._reconcile.contract import Request, Work
from ..storage import PARTIAL
from . import about, checks
from .host import DomainHost


class Volumes:
    """What is made and removed in the pools of one host for its guests."""

    def __init__(self, host: DomainHost) -> None:
        self._host = host
        self._fetched: Dict[str, images.Fetched] = {}

    def prefetch(self, request: Request) -> None:
        """Downloads the images of a domain still to be made."""
        for image in self.to_download(request):
            self._fetched[image] = images.fetch(self._host.surroundings.images[image])

    def to_download(self, request: Request) -> "list[str]":
        """The images of a declaration that are not on this host yet."""
        named = [disk.get("image") or "" for disk in request.declared.get("disks", {}).values()]
        sources = self._host.surroundings.images
        return [image for image in named if sources.get(image, {}).get("url") and not images.is_cached(sources[image])]

    def fetch(self, work: Work) -> None:
        """Has the images of new disks on the host and checked before anything is made of them."""
        for disk in about.new_items(work, "disks").values():
            image = disk.get("image")
            if image and image not in self._fetched and self._host.storage.volume(disk["pool"], disk["volume"]) is None:
                with work.step("fetch image %s" % image):
                    self._fetched[image] = images.fetch(self._host.surroundings.images[image])

    def make(self, work: Work) -> None:
        """Makes the volumes of new disks that are not there yet."""
        for name, disk in about.new_items(work, "disks").items():
            if disk.get("volume") and not disk.get("existing"):
                self._make(work, name, disk)

    def _make(self, work: Work, name: str, disk: Mapping[str, Any]) -> None:
        storage = self._host.storage
        if storage.free_bytes(disk["pool"]) is None:
            # The pool was made or started by this very run, after the host was read.
            storage.forget()
        if storage.volume(disk["pool"], disk["volume"]) is not None:
            return
        backing: Optional[Any] = None
        if disk.get("image"):
            source = self._fetched[disk["image"]]
            with work.step("copy image %s into pool %s" % (disk["image"], disk["pool"])):
                backing = storage.base_image(disk["pool"], disk["image"], source)
        with work.step("create volume %s for disk %s" % (checks.owned_name(disk), name)):
            storage.create_volume(disk["pool"], disk["volume"], disk.get("size"), disk["format"], backing=backing)

    def grow_stopped(self, work: Work) -> None:
        """Grows the volumes of a stopped guest; a running one's are grown by its QEMU."""
        actual = work.existing
        for change in work.changes:
            if change.pattern == "disks[].size" and not actual.handle.domain.isActive():
                disk = actual.stored["disks"][change.route[1]]
                with work.step("grow %s to %s" % (change.path, change.after)):
                    self._host.storage.resize(disk["pool"], disk["volume"], change.want)

    def remove(self, work: Work, owned: str) -> None:
        """Removes an owned volume, and what a run that died while it filled it has left under its temporary name."""
        pool, volume = owned.split("/", 1)
        for name in (volume, volume + PARTIAL):
            if self._host.storage.volume(pool, name) is not None:
                with work.step("delete volume %s/%s" % (pool, name)):
                    self._host.storage.delete_volume(pool, name)
