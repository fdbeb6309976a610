# Copyright: (c) 2026, flotilla.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Images: told apart by their first bytes, checked, downloaded once, kept only when right; and known by name."""

from __future__ import annotations

import functools
import hashlib
import http.server
import os
import struct
import threading

import pytest

from ansible_collections.flotilla.virt.plugins.module_utils._host import images
from ansible_collections.flotilla.virt.plugins.module_utils._host.image_driver import ImageDriver, source_of
from ansible_collections.flotilla.virt.plugins.module_utils._reconcile.errors import FlotillaError

from ...system.storage.laws import Bench


def qcow2(capacity=64 << 20, backing=0, features=0):
    return struct.pack(">4sIQIIQ", b"QFI\xfb", 3, backing, 0, 16, capacity).ljust(72, b"\0") + struct.pack(
        ">Q", features) + bytes(440)


def checksum(data):
    return "sha256:" + hashlib.sha256(data).hexdigest()


@pytest.fixture
def image(tmp_path):
    place = tmp_path / "image.qcow2"
    place.write_bytes(qcow2())
    return place


@pytest.fixture
def server(tmp_path):
    class Quiet(http.server.SimpleHTTPRequestHandler):
        asked = []

        def log_message(self, *_arguments):
            self.asked.append(self.path)

    folder = tmp_path / "www"
    folder.mkdir()
    running = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Quiet, directory=str(folder)))
    running.folder, running.asked = folder, Quiet.asked
    Quiet.asked.clear()
    thread = threading.Thread(target=running.serve_forever)
    thread.start()
    yield running
    running.shutdown()
    thread.join()
    running.server_close()


def url(server, name):
    return "http://127.0.0.1:%d/%s" % (server.server_port, name)


def files(folder):
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


def test_format_is_found_out(tmp_path, image):
    assert images.probe(str(image)) == ("qcow2", 64 << 20)
    raw = tmp_path / "raw"
    raw.write_bytes(bytes(1024))
    assert images.probe(str(raw)) == ("raw", 1024)


@pytest.mark.parametrize(("data", "words"), [
    (qcow2(backing=512), "overlay that refers to another file"),
    (qcow2(features=4), "overlay that refers to another file"),
    (b"QFI\xfb", "cut off"),
    (b"\x1f\x8b" + bytes(600), "compressed with gzip"),
    (b"KDMV" + bytes(600), "VMDK"),
    (bytes(257) + b"ustar" + bytes(600), "tar archive"),
    (b"", "empty"),
])
def test_what_is_no_image_is_refused(tmp_path, data, words):
    place = tmp_path / "image"
    place.write_bytes(data)
    with pytest.raises(FlotillaError, match=words):
        images.fetch({"path": str(place)}, base=str(tmp_path / "base"))


def test_declared_format_must_be_right(tmp_path, image):
    with pytest.raises(FlotillaError, match="is qcow2, not raw"):
        images.fetch({"path": str(image), "format": "raw"}, base=str(tmp_path / "base"))


@pytest.mark.parametrize(("text", "words"), [
    ("md5:00", "known algorithm"), ("sha256:12", "is not a sha256 digest"), ("nothing", "known algorithm"),
    ("sha256:" + "g" * 64, "is not a sha256 digest")])
def test_checksum_form(text, words):
    with pytest.raises(FlotillaError, match=words):
        images.parse_checksum(text)


def test_digest_is_computed_again_when_the_file_changes(tmp_path, image):
    base = str(tmp_path / "base")
    first = images.fetch({"path": str(image)}, base=base).digest
    assert first == hashlib.sha256(qcow2()).hexdigest()
    times = image.stat()
    image.write_bytes(qcow2(capacity=32 << 20))
    os.utime(image, ns=(times.st_atime_ns, times.st_mtime_ns))
    assert images.fetch({"path": str(image)}, base=base).digest == hashlib.sha256(image.read_bytes()).hexdigest()


def test_check_mode_writes_and_downloads_nothing(tmp_path, image, server):
    base = tmp_path / "base"
    (server.folder / "x").write_bytes(qcow2())
    images.fetch({"path": str(image)}, base=str(base), keep=False)
    with pytest.raises(images.NotFetched):
        images.fetch({"url": url(server, "x"), "checksum": checksum(qcow2())}, base=str(base), keep=False)
    assert not base.exists() and server.asked == []


def test_downloaded_once(tmp_path, server):
    (server.folder / "x.qcow2").write_bytes(qcow2())
    source = {"url": url(server, "x.qcow2"), "checksum": checksum(qcow2())}
    got = images.fetch(source, base=str(tmp_path / "base"))
    assert (got.format, got.capacity) == ("qcow2", 64 << 20)
    assert images.fetch(source, base=str(tmp_path / "base")) == got
    assert server.asked == ["/x.qcow2"]


@pytest.mark.parametrize("sum_of", [b"other", None])
def test_nothing_is_kept_of_what_is_wrong_or_not_there(tmp_path, server, sum_of):
    if sum_of:
        (server.folder / "x").write_bytes(qcow2())
    with pytest.raises(FlotillaError, match="checksum" if sum_of else "cannot be downloaded"):
        images.fetch({"url": url(server, "x"), "checksum": checksum(sum_of or b"")}, base=str(tmp_path / "base"))
    assert files(tmp_path / "base") == []


def test_a_download_that_spoiled_in_the_cache_is_an_error(tmp_path, server):
    (server.folder / "x").write_bytes(qcow2())
    source = {"url": url(server, "x"), "checksum": checksum(qcow2())}
    place = images.fetch(source, base=str(tmp_path / "base")).path
    os.chmod(place, 0o644)
    with open(place, "wb") as handle:
        handle.write(b"spoiled")
    with pytest.raises(FlotillaError, match="checksum"):
        images.fetch(source, base=str(tmp_path / "base"))


# -- by name -------------------------------------------------------------------------------------------------------------


@pytest.fixture
def bench(tmp_path):
    base = tmp_path / "base"
    return Bench(lambda: ImageDriver(str(base)), "debian-12", lambda: [
        name for name in files(tmp_path) if not name.endswith(".digest")])


def test_laws_of_an_image(bench, tmp_path, image, server):
    (server.folder / "x.tar").write_bytes(b"a root file system")
    base = str(tmp_path / "base")
    bench.prove({"disk": str(image)})
    assert source_of("debian-12", "disk", base) == {"path": str(image)}
    both = {"disk": str(image), "rootfs": {"url": url(server, "x.tar"), "checksum": checksum(b"a root file system")}}
    bench.prove(both)
    cached = [name for name in files(tmp_path / "base") if name.endswith("x.tar")]
    assert len(cached) == 1
    (tmp_path / "base" / cached[0]).unlink()
    assert [entry["path"] for entry in bench.prove(both).plan] == ["rootfs.url", "rootfs.checksum"]
    done = bench.prove({"disk": str(image)})
    assert [entry["after"] for entry in done.plan] == [None, None]
    assert not [name for name in files(tmp_path / "base") if name.endswith("x.tar")]
    assert source_of("debian-12", "rootfs", base) is None
    bench.prove({"state": "absent"})
    assert image.exists() and source_of("debian-12", "disk", base) is None


def test_dying_anywhere_is_finished(bench, image):
    def gone():
        assert not bench.run({"state": "absent"}).failed

    assert bench.kill_everywhere(None, {"disk": str(image)}, gone) == 2


def test_of_another_fleet(bench, image):
    bench.prove({"disk": str(image)})
    bench.refuse({"rootfs": "/nowhere"}, "belongs to fleet", fleet="other")


@pytest.mark.parametrize(("raw", "words"), [
    ({}, ["it.disk", "rootfs is required"]),
    ({"disk": {"url": "http://example.com/x"}}, ["it.disk.checksum", "required"]),
    ({"disk": {"url": "http://example.com/x", "path": "/x", "checksum": "sha256:" + "0" * 64}}, ["it.disk", "both"]),
    ({"disk": {"checksum": "sha256:" + "0" * 64}}, ["it.disk", "neither"]),
    ({"disk": {"path": "/x", "checksum": "md5:0"}}, ["it.disk.checksum", "algorithm"]),
    ({"disk": "/nowhere/image.qcow2"}, ["it.disk", "is not there"]),
    ({"rootfs": "/tmp"}, ["it.rootfs", "is not a file"]),
])
def test_bad_input(bench, raw, words):
    bench.refuse(raw, *words)
