# Copyright: (c) 2026, flotilla.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The seed: a small ISO 9660 image that hands cloud-init its files. Equal files give equal bytes.

ECMA-119 (ISO 9660) for the volume, with Rock Ridge (IEEE P1282, on SUSP) for the real file names, which is what
Linux and the BSDs read, and Joliet, which Windows reads, where asked for. One flat directory. All dates are the epoch, and
nothing of the machine goes into the image.
"""

from __future__ import annotations

import re
import struct
from dataclasses import dataclass
from typing import Dict, List, Mapping, Sequence

SECTOR = 2048
LABEL_LIMIT = 32
NAME_LIMIT = 128
# With the version at its end.
JOLIET_LIMIT = 64

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


def build_iso(files: Mapping[str, bytes], label: str, joliet: bool = False) -> bytes:
    """Returns an ISO 9660 image with the files in its root directory and `label` as its volume label.

    Names keep their case and characters through Rock Ridge, and through Joliet too where that is asked for. The size is a
    multiple of 2048 bytes. Raises ValueError for a label or a name that the format cannot hold.
    """
    volume = _label(label)
    placed = [_File(name, identifier, files[name]) for name, identifier in _identifiers(files).items()]
    makers = [_directory, _joliet_directory] if joliet else [_directory]
    # The descriptors and their end, then two path tables for each tree of directories, then its directory.
    tables = _FIRST_SECTOR + len(makers) + 1
    sector = tables + 2 * len(makers)
    # A directory's size does not depend on where it and the files lie.
    places, sizes = [], [len(make(placed, 0, 0)) for make in makers]
    for size in sizes:
        places.append(sector)
        sector += size // SECTOR
    located = []
    for file in placed:
        located.append(_File(file.name, file.identifier, file.content, sector))
        sector += _sectors(len(file.content))
    parts = [bytes(_FIRST_SECTOR * SECTOR)]
    parts.extend(_descriptor(number == 1, volume, sector, tables + 2 * number, places[number], sizes[number])
                 for number in range(len(makers)))
    parts.append(_pad(b"\xffCD001\x01"))
    parts.extend(_pad(_path_table(order, place)) for place in places for order in "<>")
    parts.extend(make(located, place, size) for make, place, size in zip(makers, places, sizes))
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
    """The root directory with Rock Ridge's names and modes."""
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
    return _packed(records)


def _joliet_directory(files: Sequence[_File], sector: int, size: int) -> bytes:
    """The same directory for Windows: names in UCS-2 (Joliet specification, 1995), no system use."""
    named = sorted((_ucs2(file.name + ";1"), file) for file in files)
    return _packed([_record(b"\0", sector, size, True, b""), _record(b"\1", sector, size, True, b"")] + [
        _record(name, file.sector, len(file.content), False, b"") for name, file in named])


def _ucs2(text: str) -> bytes:
    encoded = text.encode("utf-16-be")
    if len(encoded) > 2 * JOLIET_LIMIT:
        raise ValueError("%r is longer than the %d characters that Joliet allows" % (text, JOLIET_LIMIT))
    return encoded


def _packed(records: Sequence[bytes]) -> bytes:
    """Directory records, none of which crosses a sector's end."""
    packed = b""
    for record in records:
        if len(packed) % SECTOR + len(record) > SECTOR:
            packed = _pad(packed)
        packed += record
    return _pad(packed)


def _path_table(order: str, directory_sector: int) -> bytes:
    """The path table: the root directory alone, which is its own parent."""
    return struct.pack(order + "BBIH", 1, 0, directory_sector, 1) + b"\0\0"


def _descriptor(joliet: bool, label: bytes, sectors: int, tables: int, directory: int, size: int) -> bytes:
    """A volume descriptor: the primary one (ECMA-119, 8.4) or the supplementary one of Joliet. One sector."""
    space = " ".encode("utf-16-be") if joliet else b" "

    def text(length: int) -> bytes:
        return (space * length)[:length]

    volume = _ucs2(label.decode("ascii")[:16]) if joliet else label
    # Escape sequence of UCS-2 level 3, which makes Joliet of a supplementary descriptor.
    escape = b"%/E".ljust(32, b"\0") if joliet else bytes(32)
    return _pad(b"".join((
        (b"\x02" if joliet else b"\x01") + b"CD001\x01\0",
        text(32),                                    # system
        volume,
        bytes(8),
        _both32(sectors),
        escape,
        _both16(1), _both16(1), _both16(SECTOR),     # volumes in the set, number of this one, block size
        _both32(len(_path_table("<", directory))),
        struct.pack("<II", tables, 0),
        struct.pack(">II", tables + 1, 0),
        _record(b"\0", directory, size, True, b""),
        text(128) * 4,                               # volume set, publisher, preparer, application
        text(37) * 3,                                # copyright, abstract and bibliography files
        _LONG_EPOCH, _LONG_EPOCH, _NO_DATE, _NO_DATE,  # created, modified, expires, effective
        b"\x01\0",
    )))
