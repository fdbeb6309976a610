# Copyright: (c) 2026, flotilla.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Reading single files out of an ISO 9660 image (ECMA-119), such as the kernel on an installation medium."""

from __future__ import annotations

import struct
from typing import BinaryIO, Iterator, NamedTuple, Optional

from .._reconcile.errors import FlotillaError

SECTOR = 2048
_DESCRIPTOR = 16 * SECTOR
_DIRECTORY = 2
_MORE_EXTENTS = 0x80


class _Record(NamedTuple):
    """One entry of a directory: its name in lower case and without a version, flags, first sector, bytes."""

    name: str
    flags: int
    sector: int
    size: int


def read(image: str, path: str) -> Optional[bytes]:
    """The file at `path` (case does not count) in an image file; None where there is none.

    Raises FlotillaError where the image cannot be read, is none, or the file has more than one extent (4 GiB and above).
    """
    try:
        with open(image, "rb") as handle:
            return _read(handle, image, path)
    except OSError as error:
        raise FlotillaError("%s cannot be read: %s" % (image, error.strerror or error), "run with become: true") from None


def _read(handle: BinaryIO, image: str, path: str) -> Optional[bytes]:
    handle.seek(_DESCRIPTOR)
    descriptor = handle.read(SECTOR)
    if descriptor[:6] != b"\x01CD001":
        raise FlotillaError("%s is no ISO 9660 image" % image, "name the installation medium")
    here = _record(descriptor[156:190])
    for part in path.lower().split("/"):
        found = next((record for record in _entries(handle, here) if record.name == part), None)
        if found is None:
            return None
        here = found
    if here.flags & _DIRECTORY:
        return None
    if here.flags & _MORE_EXTENTS:
        raise FlotillaError("%s of %s is too large" % (path, image), "declare kernel and initrd as files")
    handle.seek(here.sector * SECTOR)
    return handle.read(here.size)


def _entries(handle: BinaryIO, directory: _Record) -> Iterator[_Record]:
    handle.seek(directory.sector * SECTOR)
    area = handle.read(directory.size)
    for start in range(0, len(area), SECTOR):
        place, end = start, min(start + SECTOR, len(area))
        while place < end and area[place]:
            yield _record(area[place:place + area[place]])
            place += area[place]


def _record(data: bytes) -> _Record:
    length = data[32]
    identifier = data[33:33 + length].split(b";")[0].rstrip(b".").decode("ascii", "replace").lower()
    real = _rock_ridge(data[33 + length + (length + 1) % 2:])
    return _Record(real or identifier, data[25], struct.unpack("<I", data[2:6])[0], struct.unpack("<I", data[10:14])[0])


def _rock_ridge(area: bytes) -> str:
    """The real name (IEEE P1282, NM), where it stands in the record itself."""
    name = b""
    while len(area) >= 5 and area[2] >= 4:
        if area[:2] == b"NM":
            name += area[5:area[2]]
        area = area[area[2]:]
    return name.decode("utf-8", "replace").lower()
