# Copyright: (c) 2026, flotilla.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Images: told apart by their first bytes, checked, downloaded once, kept only when right; and known by name."""

from __future__ import annotations

import functools
import hashlib
import http.server
import os
import shutil
import struct
import subprocess
import threading

import pytest
from laws import laws
from laws.file_wire import files_below
from laws.image_lab import ImageLab

from ansible_collections.flotilla.virt.plugins.module_utils._host import images
from ansible_collections.flotilla.virt.plugins.module_utils._host.image_driver import source_of
from ansible_collections.flotilla.virt.plugins.module_utils._reconcile.errors import FlotillaError


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


NAME = "debian-12"


@pytest.fixture
def lab(tmp_path):
    return ImageLab(tmp_path)


def test_an_image_is_declared_changed_taken_back_and_forgotten(lab, tmp_path, image, server):
    (server.folder / "x.tar").write_bytes(b"a root file system")
    base = str(tmp_path / "base")
    laws.converge(lab, NAME, {"disk": str(image)})
    assert source_of(NAME, "disk", base) == {"path": str(image)}
    both = {"disk": str(image), "rootfs": {"url": url(server, "x.tar"), "checksum": checksum(b"a root file system")}}
    laws.converge(lab, NAME, both)
    cached = [name for name in files(tmp_path / "base") if name.endswith("x.tar")]
    assert len(cached) == 1
    (tmp_path / "base" / cached[0]).unlink()
    assert [entry["path"] for entry in lab.check(NAME, both).plan] == ["rootfs.url", "rootfs.checksum"]
    assert server.asked == ["/x.tar"]
    lab.must(NAME, both)
    laws.assert_idempotent(lab, NAME, both)
    assert server.asked == ["/x.tar"] * 2
    done = laws.converge(lab, NAME, {"disk": str(image)})
    assert [entry["after"] for entry in done.plan] == [None, None]
    assert not [name for name in files(tmp_path / "base") if name.endswith("x.tar")]
    assert source_of(NAME, "rootfs", base) is None
    laws.converge(lab, NAME, {"state": "absent"})
    assert image.exists() and source_of(NAME, "disk", base) is None


def test_a_variant_that_nobody_declared_is_left_alone(lab, image):
    record = {"disk": {"path": str(image)}, "rootfs": {"path": str(image)}}
    images.write_json(str(lab.base / "records" / (NAME + ".json")), record)
    laws.converge(lab, NAME, {"disk": str(image)})
    assert lab.spec(NAME)["rootfs"] == {"path": str(image)}


def test_an_image_that_others_noted_is_adopted_by_its_own_spec_and_by_no_other(lab, image, tmp_path):
    other = tmp_path / "other.qcow2"
    other.write_bytes(qcow2(capacity=32 << 20))
    images.write_json(str(lab.base / "records" / (NAME + ".json")), {"disk": {"path": str(image)}})
    laws.assert_refused(lab, NAME, {"disk": str(other)}, "was not made by this collection", "disk.path")
    laws.assert_adoption(lab, NAME)
    assert laws.entries(laws.converge(lab, NAME, {"disk": str(other)})) == {"disk.path": (str(image), str(other), "live")}


def fresh_host(tmp_path):
    """Makes one empty host after the other."""
    def fresh():
        lab = ImageLab(tmp_path)
        if lab.base.exists():
            shutil.rmtree(lab.base)
        return lab, lab.wire
    return fresh


def test_killed_at_every_change_of_a_file(tmp_path, image, server):
    (server.folder / "x.qcow2").write_bytes(qcow2(capacity=32 << 20))
    (server.folder / "x.tar").write_bytes(b"a root file system")
    got = {"disk": {"url": url(server, "x.qcow2"), "checksum": checksum(qcow2(capacity=32 << 20))}}
    more = {"disk": str(image), "rootfs": {"url": url(server, "x.tar"), "checksum": checksum(b"a root file system")}}
    fresh = fresh_host(tmp_path)
    assert laws.assert_killed_runs_are_finished(fresh, NAME, got) >= 6
    assert laws.assert_killed_runs_are_finished(fresh, NAME, more, [got]) >= 8
    assert laws.assert_killed_runs_are_finished(fresh, NAME, {"state": "absent"}, [got]) >= 2


def test_a_download_that_a_dead_run_began_is_swept_away(tmp_path, server):
    (server.folder / "x.qcow2").write_bytes(qcow2())
    source = {"url": url(server, "x.qcow2"), "checksum": checksum(qcow2())}
    ended = subprocess.Popen(["true"])
    ended.wait()
    place = images.cached_path(source["url"], images.parse_checksum(source["checksum"]), str(tmp_path / "base/cache"))
    os.makedirs(os.path.dirname(place))
    begun = {pid: "%s.%d.partial" % (place, pid) for pid in (ended.pid, os.getppid())}
    for path in begun.values():
        with open(path, "wb") as handle:
            handle.write(b"half of it")
    images.fetch(source, base=str(tmp_path / "base"))
    assert os.path.exists(begun[os.getppid()]), "another run is at it"
    assert not os.path.exists(begun[ended.pid])


def test_of_another_fleet(lab, image):
    laws.converge(lab, NAME, {"disk": str(image)})
    laws.assert_refused(lab, NAME, {"rootfs": str(image)}, "belongs to fleet", fleet="other")


def test_one_images_failure_is_its_own(lab, image):
    results = lab.run_all({"good": {"disk": str(image)}, "lost": {"disk": "/nowhere/image.qcow2"}, "fine": {"rootfs": str(image)}})
    laws.assert_failure_is_its_own(results, ["lost"])
    assert lab.exists("good") and lab.exists("fine") and not lab.exists("lost")


def test_an_unchanged_image_is_read_once_and_never_its_content(lab, image, tmp_path):
    many = {"i%d" % number: {"disk": str(image)} for number in range(20)}
    with files_below(tmp_path, lab.wire):
        lab.run_all(many)
        # Its record, and when a run begins nothing else.
        laws.assert_cost_of_nothing(lab.wire, lambda: lab.run_all(many), 20, 1, 1)
        laws.assert_one_change_is_one_resource(lab, lab.wire, many, "i7", {"disk": str(image), "rootfs": str(image)})


@pytest.mark.parametrize(("raw", "words"), [
    ({}, ["disk", "rootfs is required"]),
    ({"disk": {"url": "http://example.com/x"}}, ["disk.checksum", "required"]),
    ({"disk": {"url": "http://example.com/x", "path": "/x", "checksum": "sha256:" + "0" * 64}}, ["disk", "both"]),
    ({"disk": {"checksum": "sha256:" + "0" * 64}}, ["disk", "neither"]),
    ({"disk": {"path": "/x", "checksum": "md5:0"}}, ["disk.checksum", "algorithm"]),
    ({"disk": "/nowhere/image.qcow2"}, ["disk", "is not there"]),
    ({"rootfs": "/tmp"}, ["rootfs", "is not a file"]),
])
def test_bad_input(lab, raw, words):
    laws.assert_refused(lab, NAME, raw, *words)
