# Copyright: (c) 2026, flotilla.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Images on the host: found or downloaded, checked, and told apart by their first bytes. Needs no engine."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import stat
import struct
import urllib.parse
from dataclasses import dataclass
from typing import Any, BinaryIO, Dict, Iterator, Mapping, Optional, Tuple

from .._reconcile.errors import FlotillaError

DIRECTORY = "/var/lib/flotilla/images"
USER_DIRECTORY = "~/.local/share/flotilla/images"
CHUNK = 4 << 20
TIMEOUT_SECONDS = 60
ALGORITHMS = ("sha256", "sha384", "sha512")

# First bytes of what is not a disk image by itself, and what to do about it.
_FOREIGN: Tuple[Tuple[int, bytes, str], ...] = (
    (0, b"KDMV", "a VMDK image"),
    (0, b"# Disk DescriptorFile", "a VMDK image"),
    (64, b"\x7f\x10\xda\xbe", "a VDI image"),
    (0, b"vhdxfile", "a VHDX image"),
    (0, b"conectix", "a VHD image"),
    (0, b"\x1f\x8b", "compressed with gzip"),
    (0, b"\xfd7zXZ\x00", "compressed with xz"),
    (0, b"\x28\xb5\x2f\xfd", "compressed with zstd"),
    (0, b"BZh", "compressed with bzip2"),
    (0, b"PK\x03\x04", "a zip archive"),
    (257, b"ustar", "a tar archive"),
)
# What libvirt does not take for a raw disk either, and a disk image may well be.
_NOT_RAW: Tuple[Tuple[int, bytes, str], ...] = (
    (0, b"LUKS\xba\xbe", "encrypted"), (0, b"QED\0", "a QED image"), (0, b"WithoutFreeSpace", "a Parallels image"),
    (0, b"WithouFreSpacExt", "a Parallels image"))
_HEAD_BYTES = 512
_QCOW2 = b"QFI\xfb"
_EXTERNAL_DATA = 1 << 2
_PARTIAL = ".partial"


class NotFetched(FlotillaError):
    """The image is not on this host yet, and this run may not get it."""


@dataclass(frozen=True)
class Fetched:
    """An image file that is on this host and was checked.

    path: where it is. digest: SHA-256 of its content, in hex. size: bytes in the file. format: `qcow2` or `raw`
    (empty for a root file system). capacity: bytes that a guest sees.
    """

    path: str
    digest: str
    size: int
    format: str = ""
    capacity: int = 0


def directory() -> str:
    """Where this user's images are kept: the machine's for root, the user's own otherwise."""
    return DIRECTORY if os.getuid() == 0 else os.path.expanduser(USER_DIRECTORY)


def is_cached(source: Mapping[str, Any], base: str = "") -> bool:
    """Whether the download that a `source` names is on this host already."""
    checksum = parse_checksum(source.get("checksum"))
    cache = os.path.join(base or directory(), "cache")
    return checksum is not None and os.path.isfile(cached_path(str(source["url"]), checksum, cache))


def fetch(source: Mapping[str, Any], disk: bool = True, base: str = "", keep: bool = True) -> Fetched:
    """The image that a `source` (`path` or `url`, `checksum`, `format`) names, on this host and checked.

    A path is used where it is; a URL is downloaded once into the cache below `base`, under a temporary name until its
    checksum is right. Takes no lock and may take long: call it before the host's turn. With `disk` false it is taken
    for a root file system, whose format is not looked at. `keep` false writes nothing and downloads nothing (check
    mode): a URL that is not in the cache is then an error. Raises FlotillaError and keeps nothing of what is wrong.
    """
    cache = os.path.join(base or directory(), "cache")
    checksum = parse_checksum(source.get("checksum"))
    if source.get("path"):
        path = os.path.realpath(str(source["path"]))
        _require_file(path, str(source["path"]))
        digest = remembered_digest(path, cache, checksum, keep)
    elif source.get("url"):
        if checksum is None:
            raise FlotillaError("an image with a url needs a checksum", 'declare checksum: "sha256:..."')
        path = cached_path(str(source["url"]), checksum, cache)
        if not os.path.isfile(path):
            _download(str(source["url"]), checksum, path, keep)
        digest = remembered_digest(path, cache, checksum, keep)
    else:
        raise FlotillaError("an image needs a path or a url", "declare one of them")
    return describe(path, digest, str(source.get("format") or ""), disk)


def describe(path: str, digest: str, declared: str = "", disk: bool = True) -> Fetched:
    """What a file is, by its first bytes. Raises FlotillaError where it is no usable image."""
    size = os.stat(path).st_size
    if not disk:
        return Fetched(path, digest, size)
    found, capacity = probe(path)
    if declared and declared != found:
        raise FlotillaError("%s is %s, not %s" % (path, found, declared), "correct format, or leave it out")
    return Fetched(path, digest, size, found, capacity)


def parse_checksum(text: Optional[str]) -> Optional[Tuple[str, str]]:
    """Algorithm and hex digest of a checksum such as `sha256:9f86...`. Raises FlotillaError."""
    if not text:
        return None
    algorithm, _colon, digest = str(text).partition(":")
    algorithm, digest = algorithm.lower(), digest.strip().lower()
    if algorithm not in ALGORITHMS:
        raise FlotillaError("checksum %r does not start with a known algorithm" % text,
                            "write one of %s, a colon and the digest" % ", ".join(ALGORITHMS))
    if len(digest) != hashlib.new(algorithm).digest_size * 2 or set(digest) - set("0123456789abcdef"):
        raise FlotillaError("checksum %r is not a %s digest" % (text, algorithm),
                            "it has %d hex digits" % (hashlib.new(algorithm).digest_size * 2))
    return algorithm, digest


def probe(path: str) -> Tuple[str, int]:
    """Format (`qcow2` or `raw`) and capacity in bytes, from the header (QEMU's docs/interop/qcow2).

    An image that refers to another file is refused: that file's name would be followed on this host.
    """
    with open(path, "rb") as handle:
        head = handle.read(_HEAD_BYTES)
    if head[:4] == _QCOW2:
        return "qcow2", _check_qcow2(head, path)
    for offset, magic, what in _FOREIGN:
        if head[offset:offset + len(magic)] == magic:
            raise FlotillaError("%s is %s" % (path, what), "unpack it, or convert it with qemu-img to qcow2 or raw")
    size = os.stat(path).st_size
    if not size:
        raise FlotillaError("%s is empty" % path, "get the image again")
    return "raw", size


def virtual_size(path: str) -> Optional[int]:
    """The bytes that a guest sees of a disk's file, qcow2 or raw, overlays too.

    None where its first bytes do not tell (another format, no file, no right to read it): then somebody else has to.
    """
    try:
        with open(path, "rb", buffering=0) as handle:
            status = os.fstat(handle.fileno())
            head = handle.read(_HEAD_BYTES)
    except OSError:
        return None
    if not stat.S_ISREG(status.st_mode):
        return None
    if head.startswith(_QCOW2):
        return int(struct.unpack(">Q", head[24:32])[0]) if len(head) >= 32 else None
    return None if any(head[at:at + len(magic)] == magic for at, magic, _what in _FOREIGN + _NOT_RAW) else status.st_size


def _check_qcow2(head: bytes, path: str) -> int:
    if len(head) < 72:
        raise FlotillaError("%s is cut off" % path, "get the image again")
    version, backing, _length, _bits, capacity = struct.unpack(">IQIIQ", head[4:32])
    features = struct.unpack(">Q", head[72:80])[0] if version >= 3 else 0
    if backing or features & _EXTERNAL_DATA:
        raise FlotillaError("%s is an overlay that refers to another file" % path,
                            "make it one whole image with: qemu-img convert -O qcow2")
    return int(capacity)


def _require_file(path: str, declared: str) -> None:
    if not os.path.exists(path):
        raise FlotillaError("%s is not there" % declared, "correct the path, or put the image there")
    if not os.path.isfile(path):
        raise FlotillaError("%s is not a file" % declared, "name the image file itself")


def _digest(path: str, algorithm: str) -> str:
    digest = hashlib.new(algorithm)
    try:
        with open(path, "rb") as handle:
            for chunk in iter(lambda: handle.read(CHUNK), b""):
                digest.update(chunk)
    except OSError as error:
        raise FlotillaError("%s cannot be read: %s" % (path, error.strerror), "run with become: true") from None
    return digest.hexdigest()


def _require_checksum(what: str, found: str, checksum: Tuple[str, str]) -> None:
    if found != checksum[1]:
        raise FlotillaError("%s has the %s checksum %s, not %s" % (what, checksum[0], found, checksum[1]),
                            "get the right image, or correct checksum; nothing of it was kept")


def remembered_digest(path: str, cache: str, checksum: Optional[Tuple[str, str]] = None, keep: bool = True) -> str:
    """SHA-256 of a file, after its declared checksum was checked.

    Reading an image of some GB takes seconds, so both are remembered beside the file's identity (device, inode, size,
    time of change) and computed again only when that differs. Without `keep`, or for a user who may not write there,
    they are not noted.
    """
    status = os.stat(path)
    identity = [status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns]
    note = os.path.join(cache, hashlib.sha256(path.encode("utf-8", "surrogateescape")).hexdigest()[:32] + ".digest")
    known: Dict[str, Any] = read_json(note)
    digests: Dict[str, str] = known.get("digests", {}) if known.get("identity") == identity else {}
    before = dict(digests)
    for algorithm in ("sha256",) + ((checksum[0],) if checksum else ()):
        if algorithm not in digests:
            digests[algorithm] = _digest(path, algorithm)
    if checksum:
        _require_checksum(path, digests[checksum[0]], checksum)
    if keep and digests != before and _may_write(cache):
        write_json(note, {"identity": identity, "digests": digests})
    return digests["sha256"]


def _may_write(directory_of_ours: str) -> bool:
    """Whether this user can write there, or make it."""
    while not os.path.exists(directory_of_ours):
        directory_of_ours = os.path.dirname(directory_of_ours)
    return os.access(directory_of_ours, os.W_OK)


def read_json(path: str) -> Dict[str, Any]:
    """A JSON file's dictionary; empty where there is none."""
    try:
        with open(path, encoding="utf-8") as handle:
            found = json.load(handle)
    except (FileNotFoundError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def write_json(path: str, document: Mapping[str, Any]) -> None:
    """Writes a JSON file as a whole or not at all (temporary name, then rename)."""
    os.makedirs(os.path.dirname(path), mode=0o755, exist_ok=True)
    temporary = _temporary(path)
    with open(temporary, "w", encoding="utf-8") as handle:
        json.dump(document, handle, sort_keys=True)
    os.replace(temporary, path)


def cached_path(url: str, checksum: Tuple[str, str], cache: str) -> str:
    """Where the download of a URL is kept: named by its checksum, with the URL's last part for people."""
    name = os.path.basename(urllib.parse.urlsplit(url).path) or "image"
    return os.path.join(cache, "%s-%s" % (checksum[1][:32], name))


def _download(url: str, checksum: Tuple[str, str], place: str, keep: bool) -> None:
    if not keep:
        raise NotFetched("%s was not downloaded yet" % url, "check mode downloads nothing")
    try:
        os.makedirs(os.path.dirname(place), mode=0o755, exist_ok=True)
    except OSError as error:
        raise _not_kept(url, place, error) from None
    temporary = _temporary(place)
    try:
        with open(temporary, "wb") as handle:
            found = _receive(url, handle, checksum[0])
        _require_checksum(url, found, checksum)
        os.chmod(temporary, 0o444)
        os.replace(temporary, place)
    except OSError as error:
        raise _not_kept(url, place, error) from None
    finally:
        if os.path.exists(temporary):
            os.unlink(temporary)


def content(url: str) -> bytes:
    """All that a URL gives, which must fit into memory. Raises FlotillaError."""
    return b"".join(_chunks(url))


def _not_kept(url: str, place: str, error: OSError) -> FlotillaError:
    return FlotillaError("%s cannot be kept in %s: %s" % (url, os.path.dirname(place), error.strerror or error),
                         "free space there, or run with become: true")


def _temporary(place: str) -> str:
    """A name beside `place` for what is not whole yet. What runs that died have left under such names goes.

    The name carries the process id, so that two runs that get the same file do not disturb each other.
    """
    folder, name = os.path.split(place)
    for left in os.listdir(folder):
        pid = left[len(name) + 1:-len(_PARTIAL)]
        if left.startswith(name + ".") and left.endswith(_PARTIAL) and pid.isdigit() and not os.path.exists("/proc/" + pid):
            with contextlib.suppress(FileNotFoundError):
                os.unlink(os.path.join(folder, left))
    return "%s.%d%s" % (place, os.getpid(), _PARTIAL)


def _receive(url: str, handle: BinaryIO, algorithm: str) -> str:
    """Downloads into an open file and gives the digest of what came."""
    digest = hashlib.new(algorithm)
    for chunk in _chunks(url):
        digest.update(chunk)
        handle.write(chunk)
    handle.flush()
    os.fsync(handle.fileno())
    return digest.hexdigest()


def _chunks(url: str) -> Iterator[bytes]:
    # Importing these costs 60 ms, and hardly a run downloads.
    import http.client

    from ansible.module_utils.urls import open_url

    try:
        with open_url(url, timeout=TIMEOUT_SECONDS) as answer:  # type: ignore[no-untyped-call]
            while True:
                chunk = answer.read(CHUNK)
                if not chunk:
                    return
                yield chunk
    except (http.client.HTTPException, ValueError, OSError) as error:
        raise FlotillaError("%s cannot be downloaded: %s" % (url, getattr(error, "reason", None) or error),
                            "correct url, or make it reachable from this host") from None
