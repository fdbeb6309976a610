# Copyright: (c) 2026, flotilla.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The ISO 9660 writer, read back by a reader that shares no code with it."""

from __future__ import annotations

import struct
import subprocess
from pathlib import Path
from typing import Dict, Iterator, Tuple

import pytest
from ansible_collections.flotilla.virt.plugins.module_utils._libvirt.seed import build_iso

SEED = {"user-data": b"#cloud-config\n{}\n", "meta-data": b"{}\n", "network-config": b'{"version": 2}\n'}


def entries(area: bytes) -> Iterator[Tuple[bytes, bytes]]:
    """The system use entries of a directory record."""
    while len(area) >= 4:
        length = area[2]
        yield area[:2], area[4:length]
        area = area[length:]


def records(image: bytes) -> Iterator[Tuple[bytes, int, int, Dict[bytes, bytes]]]:
    """Identifier, sector, size and system use of each record of the root directory."""
    root = image[16 * 2048 + 156:16 * 2048 + 190]
    sector, size = struct.unpack("<I", root[2:6])[0], struct.unpack("<I", root[10:14])[0]
    assert struct.unpack(">I", root[6:10])[0] == sector
    for start in range(sector * 2048, sector * 2048 + size, 2048):
        place = start
        while place < start + 2048 and image[place]:
            length = image[place]
            assert place + length <= start + 2048, "a record crosses a sector's end"
            record = image[place:place + length]
            named = 33 + record[32]
            use = record[named + (named % 2):]
            yield (record[33:named], struct.unpack("<I", record[2:6])[0], struct.unpack("<I", record[10:14])[0],
                   dict(entries(use)))
            place += length


def read_back(image: bytes) -> Dict[str, bytes]:
    """The files of an image by their Rock Ridge names."""
    found = {}
    for identifier, sector, size, use in records(image):
        if identifier not in (b"\0", b"\1"):
            found[use[b"NM"][1:].decode()] = image[sector * 2048:sector * 2048 + size]
    return found


def test_files_come_back_under_their_own_names() -> None:
    assert read_back(build_iso(SEED, "cidata")) == SEED


def test_same_files_give_same_bytes_in_any_order() -> None:
    assert build_iso(SEED, "cidata") == build_iso(dict(reversed(list(SEED.items()))), "cidata")


@pytest.mark.parametrize("count", [1, 12, 60])
@pytest.mark.parametrize("size", [0, 1, 2047, 2048, 2049, 70000])
def test_any_number_and_size_of_files(count: int, size: int) -> None:
    files = {"file-%03d-%s" % (number, "x" * (number % 90)): bytes([number % 251]) * size for number in range(count)}
    image = build_iso(files, "cidata")
    assert read_back(image) == files
    assert len(image) % 2048 == 0
    assert struct.unpack("<I", image[16 * 2048 + 80:16 * 2048 + 84])[0] * 2048 == len(image)


def test_directory_is_in_the_order_of_the_standard_and_names_are_unique() -> None:
    files = {name: name.encode() for name in ("a.b", "a-b", "A-B", "z", "ä", "b" * 128)}
    image = build_iso(files, "cidata")
    identifiers = [identifier for identifier, *_rest in records(image)]
    assert identifiers == sorted(set(identifiers))
    assert read_back(image) == files


def test_root_announces_rock_ridge_and_only_root_may_read() -> None:
    everything = list(records(build_iso(SEED, "cidata")))
    assert everything[0][3][b"SP"][:2] == b"\xbe\xef"
    assert b"RRIP_1991A" in everything[0][3][b"ER"]
    modes = {struct.unpack("<I", use[b"PX"][:4])[0] & 0o777 for _name, _sector, _size, use in everything[2:]}
    assert modes == {0o400}


def test_the_system_finds_the_label(tmp_path: Path) -> None:
    path = tmp_path / "seed.iso"
    path.write_bytes(build_iso(SEED, "cidata"))
    said = subprocess.run(["/sbin/blkid", "-p", "-o", "export", str(path)], stdout=subprocess.PIPE, check=True).stdout
    assert b"LABEL=cidata" in said.splitlines()
    assert b"TYPE=iso9660" in said.splitlines()


@pytest.mark.parametrize("name", ["", ".", "..", "a/b", "a\0b", "n" * 129])
def test_impossible_names_are_refused(name: str) -> None:
    with pytest.raises(ValueError, match="no file name"):
        build_iso({name: b""}, "cidata")


@pytest.mark.parametrize("label", ["", "a b", "l" * 33, "ä"])
def test_impossible_labels_are_refused(label: str) -> None:
    with pytest.raises(ValueError, match="no volume label"):
        build_iso(SEED, label)
