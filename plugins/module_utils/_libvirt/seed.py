# Copyright: (c) 2026, flotilla.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The seed: a small ISO 9660 image that hands cloud-init its files. Equal files give equal bytes.

ECMA-119 (ISO 9660) for the volume, with Rock Ridge (IEEE P1282, on SUSP) for the real file names, which is what
Linux and the BSDs read. One flat directory. All dates are the epoch, and nothing of the machine goes into the image.
"""

from __future__ import annotations

import re
import struct
from dataclasses import dataclass
from typing import Dict, List, Mapping, Sequence

SECTOR = 2048
LABEL_LIMIT = 32
NAME_LIMIT = 128

_FIRST_SECTOR = 16
# Seven bytes of a directory record: years since 1900, month, day, hour, minute, second, zone.
_EPOCH = bytes((70, 1, 1, 0, 0, 0, 0))
_LONG_EPOCH = b"1970010100000000\0"
_NO_DATE = b"0" * 16 + b"\0"

# The seed may hold password hashes: for root only.
_FILE_MODE = 0o100400
_DIRECTORY_MODE = 0o040500

_ROCK_RIDGE = b"RRIP_1991A"


@dataclass(frozen=True)
class _File:
    """A file to place: its real name, its ISO 9660 name, its contents, its first sector."""

    name: str
    identifier: bytes
    content: bytes
    sector: int = 0


def build_iso(files: Mapping[str, bytes], label: str) -> bytes:
    """Returns an ISO 9660 image with the files in its root directory and `label` as its volume label.

    Names keep their case and characters through Rock Ridge. The size is a multiple of 2048 bytes.
    Raises ValueError for a label or a name that the format cannot hold.
    """
    volume = _label(label)
    placed = [_File(name, identifier, files[name]) for name, identifier in _identifiers(files).items()]
    directory_sector = _FIRST_SECTOR + 4
    # The directory's size does not depend on where it and the files lie.
    directory_sectors = len(_directory(placed, 0, 0)) // SECTOR
    sector = directory_sector + directory_sectors
    located = []
    for file in placed:
        located.append(_File(file.name, file.identifier, file.content, sector))
        sector += _sectors(len(file.content))
    directory = _directory(located, directory_sector, directory_sectors * SECTOR)
    parts = [
        bytes(_FIRST_SECTOR * SECTOR),
        _primary_descriptor(volume, sector, directory_sector, len(directory)),
        _pad(b"\xffCD001\x01"),
        _pad(_path_table("<", directory_sector)),
        _pad(_path_table(">", directory_sector)),
        directory,
    ]
    parts.extend(_pad(file.content) for file in located)
    return b"".join(parts)


def _sectors(size: int) -> int:
    return (size + SECTOR - 1) // SECTOR


def _pad(content: bytes) -> bytes:
    return content.ljust(_sectors(len(content)) * SECTOR, b"\0")


def _both16(value: int) -> bytes:
    return struct.pack("<H", value) + struct.pack(">H", value)


def _both32(value: int) -> bytes:
    return struct.pack("<I", value) + struct.pack(">I", value)


def _label(label: str) -> bytes:
    # Lower case is outside the standard's characters, but cloud-init's own label, cidata, is lower case.
    if not re.match(r"[A-Za-z0-9_.-]{1,%d}\Z" % LABEL_LIMIT, label):
        raise ValueError("%r is no volume label: use 1 to %d letters, digits, dots and dashes" % (label, LABEL_LIMIT))
    return label.encode("ascii").ljust(LABEL_LIMIT)


def _identifiers(names: Mapping[str, bytes]) -> Dict[str, bytes]:
    """Gives each name an ISO 9660 identifier of its own, in the order in which a directory must list them."""
    identifiers: Dict[str, bytes] = {}
    for name in sorted(names):
        encoded = name.encode("utf-8")
        if not name or name in (".", "..") or "/" in name or "\0" in name or len(encoded) > NAME_LIMIT:
            raise ValueError("%r is no file name of 1 to %d bytes" % (name, NAME_LIMIT))
        base = re.sub(r"[^A-Z0-9_]", "_", name.upper())[:20].encode("ascii")
        identifier, number = base + b".;1", 0
        while identifier in identifiers.values():
            number += 1
            identifier = base + b"_%d.;1" % number
        identifiers[name] = identifier
    return dict(sorted(identifiers.items(), key=lambda item: item[1]))


def _entry(kind: bytes, body: bytes) -> bytes:
    """A system use entry: signature, length, version 1, body."""
    return kind + bytes((4 + len(body), 1)) + body


def _posix(mode: int, links: int) -> bytes:
    return _entry(b"PX", _both32(mode) + _both32(links) + _both32(0) + _both32(0))


def _record(identifier: bytes, sector: int, size: int, directory: bool, system_use: bytes) -> bytes:
    """A directory record (ECMA-119, 9.1) of an even number of bytes."""
    body = (
        b"\0" + _both32(sector) + _both32(size) + _EPOCH + bytes((2 if directory else 0, 0, 0)) + _both16(1)
        + bytes((len(identifier),)) + identifier
    )
    if len(identifier) % 2 == 0:
        body += b"\0"
    body += system_use
    if len(body) % 2 == 0:
        body += b"\0"
    return bytes((len(body) + 1,)) + body


def _directory(files: Sequence[_File], sector: int, size: int) -> bytes:
    """The root directory; no record crosses a sector's end."""
    posix = _posix(_DIRECTORY_MODE, 2)
    # The first record announces SUSP (SP, with its check bytes) and that Rock Ridge is what it carries (ER).
    announce = _entry(b"SP", b"\xbe\xef\0") + posix + _entry(b"ER", bytes((len(_ROCK_RIDGE), 0, 0, 1)) + _ROCK_RIDGE)
    records: List[bytes] = [
        _record(b"\0", sector, size, True, announce),
        _record(b"\1", sector, size, True, posix),
    ]
    for file in files:
        name = _entry(b"NM", b"\0" + file.name.encode("utf-8"))
        records.append(
            _record(file.identifier, file.sector, len(file.content), False, _posix(_FILE_MODE, 1) + name)
        )
    packed = b""
    for record in records:
        if len(packed) % SECTOR + len(record) > SECTOR:
            packed = _pad(packed)
        packed += record
    return _pad(packed)


def _path_table(order: str, directory_sector: int) -> bytes:
    """The path table: the root directory alone, which is its own parent."""
    return struct.pack(order + "BBIH", 1, 0, directory_sector, 1) + b"\0\0"


def _primary_descriptor(label: bytes, sectors: int, directory_sector: int, directory_size: int) -> bytes:
    """The primary volume descriptor (ECMA-119, 8.4): one sector."""
    return _pad(b"".join((
        b"\x01CD001\x01\0",
        b" " * 32,                                   # system
        label,
        bytes(8),
        _both32(sectors),
        bytes(32),
        _both16(1), _both16(1), _both16(SECTOR),     # volumes in the set, number of this one, block size
        _both32(len(_path_table("<", directory_sector))),
        struct.pack("<II", _FIRST_SECTOR + 2, 0),
        struct.pack(">II", _FIRST_SECTOR + 3, 0),
        _record(b"\0", directory_sector, directory_size, True, b""),
        b" " * 128 * 4,                              # volume set, publisher, preparer, application
        b" " * 37 * 3,                               # copyright, abstract and bibliography files
        _LONG_EPOCH, _LONG_EPOCH, _NO_DATE, _NO_DATE,  # created, modified, expires, effective
        b"\x01\0",
    )))
