# Copyright: (c) 2026, flotilla.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Reading and writing in somebody else's root file system.

What lies in a container's root file system is the container's: a symbolic link ``/etc/passwd -> /etc/shadow`` or
``/home -> ../../../root`` in it must never lead a write of ours to the host's files. Every path is therefore walked one component
at a time from a directory handle, no link is ever followed by the kernel, and a link found on the way is resolved as the
container itself would see it: from its own root, from which ``..`` leads nowhere.
"""
from __future__ import annotations

import contextlib
import errno
import os
import stat
from typing import Iterator, List, Optional, Set, Tuple

from .._reconcile.errors import EngineError

LINKS_ALLOWED = 40
"""As many links as the kernel follows in one path (path_resolution(7))."""


class RootFs:
    """One root file system at ``root``; every path given to its methods is as seen from inside."""

    def __init__(self, root: str, uid_shift: int = 0, gid_shift: int = 0) -> None:
        """Look into ``root``; the shifts are added to each owner, for a container with an id mapping."""
        self.root = root
        self.uid_shift = uid_shift
        self.gid_shift = gid_shift

    def read(self, path: str) -> Optional[str]:
        """Return the text of a regular file, or None where there is none."""
        try:
            with self._place(path, follow_last=True) as (parent, name):
                # O_NONBLOCK: opening a pipe that the container put there must not hang the run.
                handle = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK, dir_fd=parent)
                with os.fdopen(handle, encoding="utf-8", errors="surrogateescape") as stream:
                    if not stat.S_ISREG(os.fstat(handle).st_mode):
                        return None
                    return stream.read()
        except (FileNotFoundError, NotADirectoryError):
            return None
        except OSError as error:
            raise self._error("read", path, error) from error

    def write(self, path: str, text: str, mode: int = 0o644, uid: int = 0, gid: int = 0) -> None:
        """Replace a file atomically, with its directories; what had the name before (a link too) is gone."""
        temporary = ".flotilla-%d" % os.getpid()
        try:
            with self._place(path, create=True) as (parent, name):
                with contextlib.suppress(FileNotFoundError):
                    os.unlink(temporary, dir_fd=parent)
                handle = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600, dir_fd=parent)
                with os.fdopen(handle, "w", encoding="utf-8", errors="surrogateescape") as stream:
                    stream.write(text)
                    stream.flush()
                    os.fchown(handle, uid + self.uid_shift, gid + self.gid_shift)
                    os.fchmod(handle, mode)
                os.rename(temporary, name, src_dir_fd=parent, dst_dir_fd=parent)
        except OSError as error:
            raise self._error("write", path, error) from error

    def make_dir(self, path: str, mode: int = 0o755, uid: int = 0, gid: int = 0) -> None:
        """Make a directory with this owner; one that is there already stays as it is."""
        try:
            with self._place(path, create=True) as (parent, name):
                try:
                    os.mkdir(name, 0o700, dir_fd=parent)
                except FileExistsError:
                    return
                handle = os.open(name, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW, dir_fd=parent)
                try:
                    os.fchown(handle, uid + self.uid_shift, gid + self.gid_shift)
                    os.fchmod(handle, mode)
                finally:
                    os.close(handle)
        except OSError as error:
            raise self._error("make the directory", path, error) from error

    def link(self, path: str, target: str) -> None:
        """Make a symbolic link to ``target``; one that is there already stays."""
        try:
            with self._place(path, create=True) as (parent, name):
                with contextlib.suppress(FileExistsError):
                    os.symlink(target, name, dir_fd=parent)
        except OSError as error:
            raise self._error("link", path, error) from error

    def read_link(self, path: str) -> Optional[str]:
        """Return the target of a symbolic link, or None where the name is no link."""
        try:
            with self._place(path) as (parent, name):
                return os.readlink(name, dir_fd=parent)
        except (FileNotFoundError, NotADirectoryError):
            return None
        except OSError as error:
            if error.errno == errno.EINVAL:
                return None
            raise self._error("read the link", path, error) from error

    def remove(self, path: str) -> None:
        """Remove a file or a link; one that is not there is fine."""
        try:
            with self._place(path) as (parent, name):
                os.unlink(name, dir_fd=parent)
        except (FileNotFoundError, NotADirectoryError):
            return
        except OSError as error:
            raise self._error("remove", path, error) from error

    def list_dir(self, path: str) -> List[str]:
        """Return the sorted names in a directory; an empty list where there is none."""
        try:
            with self._place(path + "/.", follow_last=True) as (parent, _name):
                return sorted(os.listdir(parent))
        except (FileNotFoundError, NotADirectoryError):
            return []
        except OSError as error:
            raise self._error("list", path, error) from error

    def exists(self, path: str) -> bool:
        """Say whether the path, links followed, leads to something."""
        try:
            with self._place(path, follow_last=True) as (parent, name):
                os.stat(name, dir_fd=parent, follow_symlinks=False)
                return True
        except (FileNotFoundError, NotADirectoryError):
            return False
        except OSError as error:
            raise self._error("look at", path, error) from error

    def read_head(self, path: str, size: int) -> bytes:
        """Return the first ``size`` bytes of a file; none where there is no file."""
        try:
            with self._place(path, follow_last=True) as (parent, name):
                handle = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK, dir_fd=parent)
                try:
                    return os.read(handle, size)
                finally:
                    os.close(handle)
        except (FileNotFoundError, NotADirectoryError):
            return b""
        except OSError as error:
            raise self._error("read", path, error) from error

    def shift_owners(self, path: str, uid: int, gid: int) -> None:
        """Add these numbers to each owner below a directory, once, as an id mapping needs it.

        What chown takes away comes back: the bits that make a program run as its owner, and file capabilities, which get the
        root of the mapping (capabilities(7), version 3).
        """
        seen: Set[Tuple[int, int]] = set()
        try:
            with self._place(path + "/.", follow_last=True) as (parent, _name):
                for _directory, names, files, handle in os.fwalk(".", dir_fd=parent, follow_symlinks=False):
                    for name in names + files:
                        _shift(handle, name, uid, gid, seen)
                _shift(parent, ".", uid, gid, seen)
        except OSError as error:
            raise self._error("change the owners below", path, error) from error

    def _error(self, verb: str, path: str, error: OSError) -> EngineError:
        return EngineError("cannot %s %s in %s: %s" % (verb, path, self.root, error.strerror))

    @contextlib.contextmanager
    def _place(self, path: str, follow_last: bool = False, create: bool = False) -> Iterator[Tuple[int, str]]:
        """Give a handle of the directory that holds ``path`` and its last component's name, valid inside the block."""
        handles = [os.open(self.root, os.O_RDONLY | os.O_DIRECTORY)]
        try:
            name = self._walk(handles, path, follow_last, create)
            yield handles[-1], name
        finally:
            for handle in handles:
                os.close(handle)

    def _walk(self, handles: List[int], path: str, follow_last: bool, create: bool) -> str:
        todo = [part for part in path.split("/") if part]
        links = 0
        while todo:
            part = todo.pop(0)
            if part == "..":
                if len(handles) > 1:
                    os.close(handles.pop())
                continue
            last = not todo
            if part == ".":
                if last:
                    return "."
                continue
            target = self._target(handles[-1], part) if follow_last or not last else None
            if target is not None:
                links += 1
                if links > LINKS_ALLOWED:
                    raise OSError(errno.ELOOP, os.strerror(errno.ELOOP))
                if target.startswith("/"):
                    while len(handles) > 1:
                        os.close(handles.pop())
                todo = [piece for piece in target.split("/") if piece] + todo
            elif last:
                return part
            else:
                handles.append(self._enter(handles[-1], part, create))
        return "."

    def _target(self, parent: int, name: str) -> Optional[str]:
        try:
            return os.readlink(name, dir_fd=parent)
        except OSError as error:
            if error.errno in (errno.EINVAL, errno.ENOENT):
                return None
            raise

    def _enter(self, parent: int, name: str, create: bool) -> int:
        flags = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW
        try:
            return os.open(name, flags, dir_fd=parent)
        except FileNotFoundError:
            if not create:
                raise
        os.mkdir(name, 0o755, dir_fd=parent)
        handle = os.open(name, flags, dir_fd=parent)
        os.fchown(handle, self.uid_shift, self.gid_shift)
        return handle


_CAPABILITY = "security.capability"


def _shift(directory: int, name: str, uid: int, gid: int, seen: Set[Tuple[int, int]]) -> None:
    there = os.stat(name, dir_fd=directory, follow_symlinks=False)
    if there.st_nlink > 1 and not stat.S_ISDIR(there.st_mode):
        # One file under several names is met under each.
        if (there.st_dev, there.st_ino) in seen:
            return
        seen.add((there.st_dev, there.st_ino))
    regular = stat.S_ISREG(there.st_mode)
    # Only a regular file is opened: a device or a pipe must not be, and a link has neither bits nor capabilities.
    handle = os.open(name, os.O_RDONLY | os.O_NOFOLLOW, dir_fd=directory) if regular else -1
    try:
        value = _capability(handle) if regular else b""
        os.chown(name, there.st_uid + uid, there.st_gid + gid, dir_fd=directory, follow_symlinks=False)
        if regular and there.st_mode & (stat.S_ISUID | stat.S_ISGID):
            os.fchmod(handle, stat.S_IMODE(there.st_mode))
        if value:
            os.setxattr(handle, _CAPABILITY, _capability_of(value, uid))
    finally:
        if handle >= 0:
            os.close(handle)


def _capability(handle: int) -> bytes:
    try:
        return os.getxattr(handle, _CAPABILITY)
    except OSError as error:
        if error.errno in (errno.ENODATA, errno.ENOTSUP):
            return b""
        raise


def _capability_of(value: bytes, root: int) -> bytes:
    """struct vfs_ns_cap_data (linux/capability.h): as it was, for the root of an id mapping."""
    flags = int.from_bytes(value[:4], "little") & 0xFFFFFF
    return (0x03000000 | flags).to_bytes(4, "little") + value[4:20] + root.to_bytes(4, "little")
