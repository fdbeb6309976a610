# Copyright: (c) 2026, flotilla.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Putting bytes into volumes: directly where the pool is a directory of this machine, else through libvirt."""

from __future__ import annotations

import errno
import fcntl
import os
from typing import Any, BinaryIO

from .._host.images import CHUNK, Fetched
from .._reconcile.errors import FlotillaError
from .connection import translated

# linux/fs.h: shares the blocks where the file system can (XFS, Btrfs), which takes no time and no space.
FICLONE = 0x40049409


def write(connection: Any, volume: Any, path: str, data: bytes) -> None:
    """Writes `data` to the start of an empty volume, by its file `path` if given, else as a stream.

    The file is preferred: after each stream libvirt reads the whole pool anew.
    """
    if path:
        try:
            with open(path, "r+b") as handle:
                handle.write(data)
                handle.flush()
                os.fsync(handle.fileno())
        except OSError as error:
            raise failed("fill", path, error) from None
        return
    with translated("fill volume %s" % volume.name(), "use a pool of type dir for it"):
        stream = connection.newStream(0)
        volume.upload(stream, 0, len(data), 0)
        view = memoryview(data)
        stream.sendAll(_send_view, [view])
        stream.finish()


def _send_view(_stream: Any, count: int, left: Any) -> bytes:
    chunk, left[0] = bytes(left[0][:count]), left[0][count:]
    return chunk


def _send_file(_stream: Any, count: int, handle: Any) -> bytes:
    return bytes(handle.read(count))


def stream_file(connection: Any, volume: Any, fetched: Fetched) -> None:
    """Uploads an image file into a volume through libvirt."""
    try:
        with open(fetched.path, "rb") as handle, translated("fill volume %s" % volume.name()):
            stream = connection.newStream(0)
            volume.upload(stream, 0, fetched.size, 0)
            stream.sendAll(_send_file, handle)
            stream.finish()
    except OSError as error:
        raise failed("read", fetched.path, error) from None


def copy_file(fetched: Fetched, place: str, temporary: str) -> None:
    """Copies an image to `place`, read-only, under a temporary name until it is whole; holes stay holes.

    A temporary file left by a run that died is written over. Raises FlotillaError and leaves nothing.
    """
    try:
        try:
            with open(fetched.path, "rb") as source, open(temporary, "wb") as target:
                _copy(source, target, os.fstat(source.fileno()).st_size)
                target.flush()
                os.fsync(target.fileno())
            os.chmod(temporary, 0o444)
            os.rename(temporary, place)
        finally:
            if os.path.exists(temporary):
                os.unlink(temporary)
    except OSError as error:
        raise failed("copy %s to" % fetched.path, place, error) from None


def _copy(source: BinaryIO, target: BinaryIO, size: int) -> None:
    try:
        fcntl.ioctl(target.fileno(), FICLONE, source.fileno())
        return
    except OSError as error:
        if error.errno not in (errno.EOPNOTSUPP, errno.EXDEV, errno.EINVAL, errno.ENOTTY, errno.ENOSYS):
            raise
    os.ftruncate(target.fileno(), size)
    position = 0
    while position < size:
        try:
            start = os.lseek(source.fileno(), position, os.SEEK_DATA)
        except OSError as error:
            if error.errno == errno.ENXIO:
                return
            raise
        position = os.lseek(source.fileno(), start, os.SEEK_HOLE)
        _copy_range(source.fileno(), target.fileno(), start, position)


def _copy_range(source: int, target: int, start: int, end: int) -> None:
    while start < end:
        chunk = os.pread(source, min(CHUNK, end - start), start)
        if not chunk:
            return
        view = memoryview(chunk)
        while view:
            written = os.pwrite(target, view, start)
            view, start = view[written:], start + written


def failed(doing: str, path: str, error: OSError) -> FlotillaError:
    """The error for a file that could not be read or written."""
    remedy = {errno.ENOSPC: "free space there, or use another pool", errno.EDQUOT: "raise the quota, or use another pool",
              errno.EACCES: "run with become: true", errno.EROFS: "mount it writable"}.get(error.errno or 0, "")
    return FlotillaError("cannot %s %s: %s" % (doing, path, error.strerror or error), remedy)
