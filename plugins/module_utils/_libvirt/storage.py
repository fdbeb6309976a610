# Copyright: (c) 2026, flotilla.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Pools and volumes as the drivers need them: one bulk read of what is asked for, and safe ways to make volumes.

Errors carry no path of a declaration; whoever called adds it.
"""

from __future__ import annotations

import os
import threading
import time
import xml.etree.ElementTree as ET
from dataclasses import dataclass
from typing import Any, Dict, List, Mapping, Optional, Union

from .._host import images
from .._reconcile.errors import EngineError, FlotillaError
from .._reconcile.units import format_size
from . import filling, xmltree
from .connection import is_code, libvirt, translated

PARTIAL = ".partial"
DIRECTORY_TYPES = ("dir", "fs", "netfs")
SECTOR = 512
REFRESH_SECONDS = 300.0
POLL_SECONDS = 0.05


@dataclass(frozen=True)
class Volume:
    """One volume. `capacity` is what a guest sees and `allocation` what it takes, in bytes; `backing` is a path."""

    pool: str
    name: str
    path: str
    capacity: int
    allocation: int
    format: str
    backing: Optional[str] = None


@dataclass(frozen=True)
class PoolInfo:
    """One pool; sizes in bytes. `path` is its target, empty for a pool without one."""

    name: str
    type: str
    path: str
    active: bool
    capacity: int
    available: int


class Storage:
    """The pools and volumes of one connection (None: an empty host, in check mode).

    Reads lazily and remembers: the pools in one list, the volumes of a pool in one list when the first is asked for,
    and a volume's document only for the volume asked for. What this class changes it forgets; `forget` drops the rest.
    `local` says whether the daemon's files are this machine's. Safe for use by several threads.
    """

    def __init__(self, connection: Any, local: bool = True, images_directory: str = "") -> None:
        self.connection = connection
        self.local = local
        self.images_directory = images_directory
        self._lock = threading.RLock()
        self._seeding: Dict[str, threading.Lock] = {}
        self.forget()

    def forget(self) -> None:
        """Drops everything remembered, so that the next question is asked anew."""
        with self._lock:
            self._handles: Optional[Dict[str, Any]] = None
            self._pools: Dict[str, PoolInfo] = {}
            self._volumes: Dict[str, Dict[str, Any]] = {}
            self._details: Dict["tuple[str, str]", Volume] = {}

    # -- pools ----------------------------------------------------------------------------------------------------

    def pool_handles(self) -> Dict[str, Any]:
        """libvirt's pools by name."""
        with self._lock:
            if self._handles is None:
                self._handles = {}
                if self.connection is not None:
                    with translated("list the pools"):
                        self._handles = {pool.name(): pool for pool in self.connection.listAllStoragePools(0)}
            return self._handles

    def pool_exists(self, name: str) -> bool:
        """Whether a pool is defined."""
        return name in self.pool_handles()

    def pool(self, name: str) -> PoolInfo:
        """A pool. Raises FlotillaError where there is none of that name."""
        with self._lock:
            if name not in self._pools:
                handle = self._pool_handle(name)
                with translated("read pool %s" % name):
                    root = xmltree.parse(handle.XMLDesc(0), "pool %s" % name)
                    state, capacity, _allocation, available = handle.info()
                self._pools[name] = PoolInfo(
                    name, root.get("type", ""), xmltree.get(root, "target/path") or "",
                    state == libvirt.VIR_STORAGE_POOL_RUNNING, capacity, available)
            return self._pools[name]

    def _pool_handle(self, name: str) -> Any:
        handle = self.pool_handles().get(name)
        if handle is None:
            raise FlotillaError("there is no pool %s" % name, "declare it under pools, or name another one")
        return handle

    def free_bytes(self, name: str) -> Optional[int]:
        """Bytes free in a pool; None where that cannot be known (not there, not active)."""
        if not self.pool_exists(name) or not self.pool(name).active:
            return None
        return self.pool(name).available

    def _active(self, name: str) -> Any:
        handle = self._pool_handle(name)
        if not self.pool(name).active:
            raise FlotillaError("pool %s is not active" % name, "start it: declare the pool with state: present")
        return handle

    def directory(self, name: str) -> Optional[str]:
        """The directory of a pool whose volumes are files that this machine sees, else None."""
        pool = self.pool(name)
        return pool.path if self.local and pool.type in DIRECTORY_TYPES and os.path.isdir(pool.path) else None

    def refresh(self, name: str) -> None:
        """Lets libvirt look at a pool again; waits for copies into it that are under way, which forbid that."""
        handle, deadline = self._active(name), time.monotonic() + REFRESH_SECONDS
        while True:
            try:
                with translated("refresh pool %s" % name):
                    handle.refresh(0)
                break
            except EngineError as error:
                busy = is_code(error, "INTERNAL_ERROR", "OPERATION_INVALID") and "asynchronous" in str(error)
                if not busy or time.monotonic() > deadline:
                    raise
                time.sleep(POLL_SECONDS)
        self._forget_pool(name)

    def _forget_pool(self, name: str) -> None:
        with self._lock:
            self._pools.pop(name, None)
            self._volumes.pop(name, None)
            for key in [key for key in self._details if key[0] == name]:
                del self._details[key]

    # -- volumes --------------------------------------------------------------------------------------------------

    def volume_handles(self, pool: str) -> Dict[str, Any]:
        """libvirt's volumes of a pool by name; none while the pool is not active."""
        with self._lock:
            if pool not in self._volumes:
                found: Dict[str, Any] = {}
                if self.pool_exists(pool) and self.pool(pool).active:
                    with translated("list the volumes of pool %s" % pool):
                        found = {volume.name(): volume for volume in self._pool_handle(pool).listAllVolumes(0)}
                self._volumes[pool] = found
            return self._volumes[pool]

    def volume(self, pool: str, name: str) -> Optional[Volume]:
        """A volume, or None. A file that came into or left the pool's directory unseen by libvirt is noticed."""
        with self._lock:
            known = self._details.get((pool, name))
            if known is not None:
                return known
            handle = self.volume_handles(pool).get(name)
            if handle is None and not self._lies_unseen(pool, name):
                return None
            try:
                if handle is not None:
                    return self._read(pool, name, handle)
            except EngineError as error:
                if not self._went_away(pool, name, error):
                    raise
            self.refresh(pool)
            handle = self.volume_handles(pool).get(name)
            return None if handle is None else self._read(pool, name, handle)

    def capacity(self, pool: str, name: str) -> Optional[int]:
        """The bytes that a guest sees of a volume; None where there is none.

        Of a file that this machine has it is read from the file's own head, where libvirt reads it too: asking libvirt
        costs a call for each volume (0.15 ms), and for 1,000 guests with three disks was half of the whole plan. A guest that
        writes such a head into its raw disk can make it look another size, here as to libvirt when it looks at the pool again.
        """
        if self.pool_exists(pool) and self.pool(pool).active:
            place = self.directory(pool)
            size = images.virtual_size(os.path.join(place, name)) if place is not None else None
            if size is not None:
                return size
        there = self.volume(pool, name)
        return None if there is None else there.capacity

    def _lies_unseen(self, pool: str, name: str) -> bool:
        if not self.pool_exists(pool) or not self.pool(pool).active:
            return False
        place = self.directory(pool)
        return place is not None and os.path.isfile(os.path.join(place, name))

    def _went_away(self, pool: str, name: str, error: EngineError) -> bool:
        place = self.directory(pool)
        return is_code(error, "NO_STORAGE_VOL") or (
            place is not None and not os.path.exists(os.path.join(place, name)))

    def _read(self, pool: str, name: str, handle: Any) -> Volume:
        with translated("read volume %s of pool %s" % (name, pool)):
            root = xmltree.parse(handle.XMLDesc(0), "volume %s" % name)
        details = Volume(pool, name, xmltree.get(root, "target/path") or "", int(xmltree.get(root, "capacity") or 0),
                         int(xmltree.get(root, "allocation") or 0), xmltree.get(root, "target/format/@type") or "raw",
                         xmltree.get(root, "backingStore/path") or None)
        self._details[(pool, name)] = details
        return details

    def _required(self, pool: str, name: str) -> Volume:
        found = self.volume(pool, name)
        if found is None:
            raise FlotillaError("there is no volume %s in pool %s" % (name, pool), "make it first, or name another one")
        return found

    def create_volume(self, pool: str, name: str, size: Optional[int], format: str,  # pylint: disable=redefined-builtin
                      backing: Optional[str] = None) -> Volume:
        """Makes an empty volume of `size` bytes, or an overlay of the volume `backing` of the same pool.

        Without a size an overlay has its backing volume's. Raises FlotillaError where the name is taken, the backing
        volume is missing or larger than the overlay, or there is no space.
        """
        handle = self._active(pool)
        under = self._required(pool, backing) if backing else None
        capacity = size if size is not None else under.capacity if under is not None else None
        if capacity is None:
            raise FlotillaError("volume %s needs a size" % name, "declare one, such as size: 20GiB")
        if under is not None and capacity < under.capacity:
            raise FlotillaError("volume %s of %s is smaller than %s, which has %s" % (
                name, format_size(capacity), under.name, format_size(under.capacity)), "raise its size")
        root = volume_xml(name, capacity, format, under)
        with translated("create volume %s in pool %s" % (name, pool)):
            created = handle.createXML(xmltree.tostring(root), 0)
        return self._made(pool, name, created)

    def _made(self, pool: str, name: str, handle: Any) -> Volume:
        with self._lock:
            # Its free space has changed; its other volumes have not.
            self._pools.pop(pool, None)
            if pool in self._volumes:
                self._volumes[pool][name] = handle
            return self._read(pool, name, handle)

    def delete_volume(self, pool: str, name: str) -> bool:
        """Deletes a volume and its data; False when there was none."""
        if self.volume(pool, name) is None:
            return False
        handle = self.volume_handles(pool)[name]
        try:
            with translated("delete volume %s of pool %s" % (name, pool)):
                handle.delete(0)
        except EngineError as error:
            if not is_code(error, "NO_STORAGE_VOL"):
                raise
        with self._lock:
            self._pools.pop(pool, None)
            self._details.pop((pool, name), None)
            self._volumes.get(pool, {}).pop(name, None)
        return True

    def resize(self, pool: str, name: str, size: int) -> None:
        """Grows a volume that no guest uses to `size` bytes. It never shrinks: that is a FlotillaError."""
        there = self._required(pool, name)
        if size < there.capacity:
            raise FlotillaError("volume %s has %s and never shrinks to %s" % (
                name, format_size(there.capacity), format_size(size)), "declare at least its present size")
        if size > there.capacity:
            with translated("grow volume %s of pool %s to %s" % (name, pool, format_size(size))):
                self.volume_handles(pool)[name].resize(size, 0)
        with self._lock:
            self._pools.pop(pool, None)
            self._details.pop((pool, name), None)

    # -- filling --------------------------------------------------------------------------------------------------

    def upload(self, pool: str, name: str, data: bytes) -> Volume:
        """Makes a raw volume (mode 0600) that holds `data`, which replaces one that is there under this name.

        It is filled under a temporary name and then cloned by libvirt, so that a volume of this name is always whole.
        """
        handle, temporary = self._active(pool), name + PARTIAL
        self.delete_volume(pool, temporary)
        filled = self.create_volume(pool, temporary, _whole_sectors(len(data)), "raw")
        source = self.volume_handles(pool).get(temporary) or self._lookup(pool, temporary)
        try:
            filling.write(self.connection, source, filled.path if self.directory(pool) else "", data)
            self.delete_volume(pool, name)
            with translated("store volume %s in pool %s" % (name, pool)):
                made = handle.createXMLFrom(xmltree.tostring(volume_xml(name, filled.capacity, "raw")), source, 0)
        finally:
            self.delete_volume(pool, temporary)
        return self._made(pool, name, made)

    def _lookup(self, pool: str, name: str) -> Any:
        with translated("find volume %s of pool %s" % (name, pool)):
            return self._pool_handle(pool).storageVolLookupByName(name)

    def base_image(self, pool: str, image: str, source: Union[Mapping[str, Any], images.Fetched]) -> str:
        """The name of the volume that holds an image in this pool; seeds it when it is not there.

        `source` is what `images.fetch` gave, or its declaration, which is then fetched now. The name carries the
        image's name and digest, so that a changed image is another volume and clones of the old one stay valid.
        """
        fetched = source if isinstance(source, images.Fetched) else images.fetch(source, base=self.images_directory)
        name = base_name(image, fetched)
        with self._lock:
            turn = self._seeding.setdefault("%s/%s" % (pool, name), threading.Lock())
        with turn:
            if self.volume(pool, name) is None:
                self._seed(pool, name, fetched)
        return name

    def _seed(self, pool: str, name: str, fetched: images.Fetched) -> None:
        handle, kind, free = self._active(pool), self.pool(pool).type, self.pool(pool).available
        if kind not in DIRECTORY_TYPES:
            raise FlotillaError("pool %s of type %s cannot hold copy-on-write clones of an image" % (pool, kind),
                                "use a pool of type %s for it" % ", ".join(DIRECTORY_TYPES))
        if fetched.size > free:
            raise FlotillaError("pool %s has %s free, and the image needs %s" % (
                pool, format_size(free), format_size(fetched.size)), "free space there, or use another pool")
        place = self.directory(pool)
        if place is not None:
            filling.copy_file(fetched, os.path.join(place, name), os.path.join(place, name + PARTIAL))
            self.refresh(pool)
            return
        temporary = name + PARTIAL
        self.delete_volume(pool, temporary)
        partial = self.create_volume(pool, temporary, _whole_sectors(fetched.size), "raw")
        try:
            source = self._lookup(pool, partial.name)
            filling.stream_file(self.connection, source, fetched)
            # The refresh lets libvirt see the format of what was uploaded.
            self.refresh(pool)
            with translated("store image %s in pool %s" % (name, pool)):
                handle.createXMLFrom(xmltree.tostring(volume_xml(name, fetched.capacity, fetched.format)), source, 0)
        finally:
            self.delete_volume(pool, temporary)
        self._forget_pool(pool)


def base_name(image: str, fetched: images.Fetched) -> str:
    """The volume that an image is kept as: its name, the start of its digest, its format."""
    return "%s-%s.%s" % (image, fetched.digest[:16], "qcow2" if fetched.format == "qcow2" else "img")


def _whole_sectors(size: int) -> int:
    return -(-size // SECTOR) * SECTOR


def volume_xml(name: str, capacity: int, format: str,  # pylint: disable=redefined-builtin
               under: Optional[Volume] = None) -> ET.Element:
    """The document of a volume to be made, sparse, readable by its owner alone, on top of `under` if given."""
    root = ET.Element("volume")
    xmltree.put(root, "name", name)
    xmltree.put(root, "capacity", str(capacity))
    xmltree.put(root, "capacity/@unit", "bytes")
    if under is None or format != "qcow2":
        xmltree.put(root, "allocation", "0")
    xmltree.put(root, "target/format/@type", format)
    xmltree.put(root, "target/permissions/mode", "0600")
    if under is not None:
        xmltree.put(root, "backingStore/path", under.path)
        xmltree.put(root, "backingStore/format/@type", under.format)
    return root


__all__: List[str] = ["PoolInfo", "Storage", "Volume", "base_name", "volume_xml"]
