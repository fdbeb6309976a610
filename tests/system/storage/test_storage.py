# Copyright: (c) 2026, flotilla.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the domain driver builds on: filling, seeding, growing; what is left after dying in between."""

from __future__ import annotations

import hashlib
import os
import stat
import subprocess
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.flotilla.virt.plugins.module_utils._libvirt import filling
from ansible_collections.flotilla.virt.plugins.module_utils._libvirt.storage import Storage
from ansible_collections.flotilla.virt.plugins.module_utils._reconcile.errors import EngineError, FlotillaError

pytestmark = [pytest.mark.system, pytest.mark.usefixtures("clean")]


@pytest.fixture
def image(folder: Path) -> Path:
    place = folder / "image.qcow2"
    subprocess.run(["qemu-img", "create", "-q", "-f", "qcow2", str(place), "64M"], check=True)
    return place


@pytest.fixture
def storage(connection: Any, folder: Path) -> Storage:
    return Storage(connection, images_directory=str(folder / "images"))


@pytest.fixture(params=["directory", "stream"])
def either(request: Any, connection: Any, folder: Path) -> Storage:
    """As on this machine, and as through a remote connection, where files cannot be reached."""
    return Storage(connection, local=request.param == "directory", images_directory=str(folder / "images"))


def test_upload(either: Storage, pool: str, folder: Path) -> None:
    made = either.upload(pool, "seed.iso", b"x" * 1000)
    place = folder / "pool/seed.iso"
    assert place.read_bytes() == b"x" * 1000 + bytes(24)
    assert stat.S_IMODE(place.stat().st_mode) == 0o600 and made.path == str(place) and made.format == "raw"
    either.upload(pool, "seed.iso", b"y" * 512)
    assert place.read_bytes() == b"y" * 512
    assert os.listdir(folder / "pool") == ["seed.iso"]


def test_upload_that_died_is_done_again(storage: Storage, pool: str, folder: Path, monkeypatch: Any) -> None:
    class Killed(BaseException):
        pass

    def die(*_arguments: Any) -> None:
        raise Killed

    monkeypatch.setattr(filling, "write", die)
    monkeypatch.setattr(Storage, "delete_volume", lambda *_arguments: False)
    with pytest.raises(Killed):
        storage.upload(pool, "seed.iso", b"x" * 1000)
    assert os.listdir(folder / "pool") == ["seed.iso.partial"]
    monkeypatch.undo()
    storage.forget()
    assert storage.volume(pool, "seed.iso") is None
    storage.upload(pool, "seed.iso", b"x" * 1024)
    assert os.listdir(folder / "pool") == ["seed.iso"]


def test_base_image_is_seeded_once_and_clones_stand_on_it(either: Storage, pool: str, folder: Path, image: Path) -> None:
    digest = hashlib.sha256(image.read_bytes()).hexdigest()
    name = either.base_image(pool, "debian", {"path": str(image)})
    assert name == f"debian-{digest[:16]}.qcow2"
    place = folder / "pool" / name
    before = place.stat()
    assert either.base_image(pool, "debian", {"path": str(image)}) == name
    assert place.stat() == before
    clone = either.create_volume(pool, "root", None, "qcow2", backing=name)
    assert (clone.capacity, clone.backing) == (64 << 20, str(place))
    with pytest.raises(FlotillaError, match="is smaller than"):
        either.create_volume(pool, "small", 32 << 20, "qcow2", backing=name)
    assert sorted(os.listdir(folder / "pool")) == [name, "root"]


def test_base_image_is_read_only_and_the_same(storage: Storage, pool: str, folder: Path, image: Path) -> None:
    name = storage.base_image(pool, "debian", {"path": str(image)})
    place = folder / "pool" / name
    assert stat.S_IMODE(place.stat().st_mode) == 0o444
    assert place.read_bytes() == image.read_bytes()


def test_a_changed_image_is_another_volume(storage: Storage, pool: str, image: Path) -> None:
    first = storage.base_image(pool, "debian", {"path": str(image)})
    subprocess.run(["qemu-img", "resize", "-q", str(image), "128M"], check=True)
    second = storage.base_image(pool, "debian", {"path": str(image)})
    assert first != second and storage.volume(pool, first) is not None


def test_wrong_checksum_keeps_nothing(storage: Storage, pool: str, folder: Path, image: Path) -> None:
    for source in ({"path": str(image)}, {"url": image.as_uri()}):
        with pytest.raises(FlotillaError, match="checksum"):
            storage.base_image(pool, "debian", {**source, "checksum": "sha256:" + "0" * 64})
    assert os.listdir(folder / "pool") == []
    assert [path for path in (folder / "images").rglob("*") if path.is_file() and path.suffix != ".digest"] == []


def test_a_file_that_came_or_went_unseen_is_noticed(storage: Storage, pool: str, folder: Path) -> None:
    assert storage.volume(pool, "copied") is None
    (folder / "pool/copied").write_bytes(bytes(1024))
    found = storage.volume(pool, "copied")
    assert found is not None and found.capacity == 1024
    storage.forget()
    (folder / "pool/copied").unlink()
    assert storage.volume(pool, "copied") is None


def test_grow_only(storage: Storage, pool: str) -> None:
    storage.create_volume(pool, "disk", 8 << 20, "qcow2")
    storage.resize(pool, "disk", 16 << 20)
    found = storage.volume(pool, "disk")
    assert found is not None and found.capacity == 16 << 20
    with pytest.raises(FlotillaError, match="never shrinks"):
        storage.resize(pool, "disk", 8 << 20)


def test_errors_say_what_to_do(storage: Storage, pool: str, connection: Any) -> None:
    storage.create_volume(pool, "disk", 8 << 20, "qcow2")
    with pytest.raises(EngineError, match="exists already"):
        storage.create_volume(pool, "disk", 8 << 20, "qcow2")
    with pytest.raises(FlotillaError, match="there is no pool none.*declare it"):
        storage.create_volume("none", "disk", 8 << 20, "qcow2")
    with pytest.raises(FlotillaError, match="there is no volume none in pool"):
        storage.create_volume(pool, "other", None, "qcow2", backing="none")
    connection.storagePoolLookupByName(pool).destroy()
    storage.forget()
    with pytest.raises(FlotillaError, match="not active"):
        storage.create_volume(pool, "other", 8 << 20, "qcow2")
    assert storage.free_bytes(pool) is None and storage.free_bytes("none") is None


def test_no_space(connection: Any, folder: Path, storage: Storage, clean: None) -> None:
    """A pool whose file system is smaller than the image."""
    small = folder / "small"
    small.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", str(small)], check=True)
    try:
        big = folder / "big.img"
        big.write_bytes(os.urandom(1 << 20))
        made = connection.storagePoolDefineXML(
            "<pool type='dir'><name>small</name><target><path>%s</path></target></pool>" % small, 0)
        made.create(0)
        with pytest.raises(FlotillaError, match="free"):
            storage.base_image("small", "big", {"path": str(big)})
        assert os.listdir(small) == []
        made.destroy()
    finally:
        subprocess.run(["umount", str(small)], check=True)


@pytest.mark.parametrize("kind", ["raw", "qcow2", "vmdk", "qed", "luks"])
def test_capacity_is_what_libvirt_says_of_the_file(storage: Storage, pool: str, folder: Path, kind: str) -> None:
    """Read from the file where its head tells it, and asked of libvirt where it does not."""
    secret = ["--object", "secret,id=s,data=word", "-o", "key-secret=s,iter-time=10"] if kind == "luks" else []
    subprocess.run(["qemu-img", "create", "-q", *secret, "-f", kind, str(folder / "pool/disk"), "7M"], check=True)
    storage.refresh(pool)
    there = storage.volume(pool, "disk")
    assert there is not None and storage.capacity(pool, "disk") == there.capacity


def test_capacity_of_an_overlay_and_of_nothing(storage: Storage, pool: str) -> None:
    storage.create_volume(pool, "base.qcow2", 1 << 20, "qcow2")
    storage.create_volume(pool, "over.qcow2", 3 << 20, "qcow2", "base.qcow2")
    assert storage.capacity(pool, "over.qcow2") == 3 << 20
    storage.resize(pool, "over.qcow2", 5 << 20)
    assert storage.capacity(pool, "over.qcow2") == 5 << 20
    assert storage.capacity(pool, "none") is None and storage.capacity("none", "none") is None
