# Copyright: (c) 2026, flotilla.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The small interface through which a container driver touches its host.

A driver never calls subprocess or os itself: it runs commands, reads and writes files through a :class:`Host`. The one here
works on the machine where the module runs; another transport (a driver on the controller, only the engine's commands on the
node) is another class with the same methods.
"""
from __future__ import annotations

import contextlib
import errno
import os
import shutil
import subprocess
import tempfile
import time
from typing import Dict, List, NamedTuple, Optional, Protocol, Sequence, Set

from .._reconcile.errors import EngineError
from .rootfs import RootFs

COMMAND_TIMEOUT = 120.0
"""Seconds that a command may take when the caller names no limit: longer than any engine command that only asks."""


class Result(NamedTuple):
    """What a command said: exit code, standard output and standard error as text."""

    rc: int
    stdout: str
    stderr: str


class Host(Protocol):
    """What a driver may ask of its host. Paths are absolute; text is UTF-8 (undecodable bytes survive a round trip)."""

    def run(self, argv: Sequence[str], stdin: Optional[str] = None, timeout: Optional[float] = None) -> Result:
        """Run a command (an argument list, never a shell) and wait for it; a command that is not there is an error."""

    def read_file(self, path: str) -> Optional[str]:
        """Return a file's text, or None where there is no such file."""

    def read_files(self, paths: Sequence[str]) -> Dict[str, str]:
        """Return the text of each of these files that is there: one round trip on a transport that has any."""

    def write_file(self, path: str, text: str, mode: int = 0o644) -> None:
        """Replace a file atomically: a reader, or a run after a crash, sees the old text or the new one."""

    def exists(self, path: str) -> bool:
        """Say whether something has this name (a dangling symbolic link has it too)."""

    def existing(self, paths: Sequence[str]) -> Set[str]:
        """Return those of these names that something has: one round trip on a transport that has any."""

    def list_dir(self, path: str) -> List[str]:
        """Return the sorted names in a directory; an empty list where there is no such directory."""

    def modified(self, path: str) -> float:
        """Return when a file was last written, in seconds since 1970 by the host's clock; 0 where there is none."""

    def clock(self) -> float:
        """Return the seconds since 1970 by the host's clock."""

    def started(self, pid: int) -> float:
        """Return when a process started, on the same scale; 0 where there is none. Exact to 10 ms."""

    def make_dir(self, path: str, mode: int = 0o755) -> None:
        """Make a directory and its parents; one that is there already keeps its mode."""

    def rename(self, old: str, new: str) -> None:
        """Rename within one file system."""

    def remove_file(self, path: str) -> None:
        """Remove a file or a symbolic link; one that is not there is fine."""

    def remove_dir(self, path: str) -> bool:
        """Remove a directory if it is empty; say whether it is gone."""

    def remove_tree(self, path: str) -> None:
        """Remove a directory and all below it, following no symbolic link; refuse when something is mounted in it."""

    def rootfs(self, path: str, uid_shift: int = 0, gid_shift: int = 0) -> RootFs:
        """Return a view of a root file system whose symbolic links cannot lead out of it; the shifts are added to each owner."""


class LocalHost:
    """The machine on which this Python runs."""

    def run(self, argv: Sequence[str], stdin: Optional[str] = None, timeout: Optional[float] = None) -> Result:
        limit = COMMAND_TIMEOUT if timeout is None else timeout
        # A fixed locale: messages are matched and shown, and must not depend on who runs the module.
        environment = dict(os.environ, LC_ALL="C.UTF-8", LANG="C.UTF-8")
        source = {"stdin": subprocess.DEVNULL} if stdin is None else {"input": stdin}
        try:
            done = subprocess.run(list(argv), stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=limit, env=environment,
                                  check=False, encoding="utf-8", errors="surrogateescape", **source)
        except FileNotFoundError as missing:
            raise EngineError("the command %s is not installed on this host" % argv[0], "install the package that has it") from missing
        except subprocess.TimeoutExpired as late:
            raise EngineError("%s did not finish within %g s" % (" ".join(argv), limit)) from late
        return Result(done.returncode, done.stdout, done.stderr)

    def read_file(self, path: str) -> Optional[str]:
        try:
            with open(path, encoding="utf-8", errors="surrogateescape") as handle:
                return handle.read()
        except OSError as error:
            # ESRCH and ENODEV: a process or a cgroup that ended between being listed and being read.
            if error.errno in (errno.ENOENT, errno.ENOTDIR, errno.ESRCH, errno.ENODEV):
                return None
            raise EngineError("cannot read %s: %s" % (path, error.strerror)) from error

    def read_files(self, paths: Sequence[str]) -> Dict[str, str]:
        found = {}
        for path in paths:
            text = self.read_file(path)
            if text is not None:
                found[path] = text
        return found

    def write_file(self, path: str, text: str, mode: int = 0o644) -> None:
        try:
            handle, temporary = tempfile.mkstemp(prefix=".flotilla-", dir=os.path.dirname(path))
        except OSError as error:
            raise EngineError("cannot write %s: %s" % (path, error.strerror)) from error
        try:
            with os.fdopen(handle, "w", encoding="utf-8", errors="surrogateescape") as stream:
                stream.write(text)
                stream.flush()
                os.fchmod(stream.fileno(), mode)
                os.fsync(stream.fileno())
            os.replace(temporary, path)
        except OSError as error:
            with contextlib.suppress(OSError):
                os.unlink(temporary)
            raise EngineError("cannot write %s: %s" % (path, error.strerror)) from error

    def exists(self, path: str) -> bool:
        return os.path.lexists(path)

    def existing(self, paths: Sequence[str]) -> Set[str]:
        return {path for path in paths if self.exists(path)}

    def list_dir(self, path: str) -> List[str]:
        try:
            return sorted(os.listdir(path))
        except (FileNotFoundError, NotADirectoryError):
            return []
        except OSError as error:
            raise EngineError("cannot list %s: %s" % (path, error.strerror)) from error

    def modified(self, path: str) -> float:
        try:
            return os.stat(path).st_mtime
        except FileNotFoundError:
            return 0.0

    def clock(self) -> float:
        return time.time()

    def started(self, pid: int) -> float:
        text = self.read_file("/proc/%d/stat" % pid)
        if not text:
            return 0.0
        # proc_pid_stat(5), field 22: ticks since boot.
        ticks = int(text.rpartition(")")[2].split()[19])
        return time.time() - time.clock_gettime(time.CLOCK_BOOTTIME) + ticks / os.sysconf("SC_CLK_TCK")

    def make_dir(self, path: str, mode: int = 0o755) -> None:
        if os.path.isdir(path):
            return
        try:
            os.makedirs(path)
            os.chmod(path, mode)
        except OSError as error:
            if isinstance(error, FileExistsError) and os.path.isdir(path):
                # Another thread of this run, or another run, has just made it.
                return
            raise EngineError("cannot make the directory %s: %s" % (path, error.strerror)) from error

    def rename(self, old: str, new: str) -> None:
        try:
            os.rename(old, new)
        except OSError as error:
            raise EngineError("cannot rename %s to %s: %s" % (old, new, error.strerror)) from error

    def remove_file(self, path: str) -> None:
        try:
            os.unlink(path)
        except FileNotFoundError:
            return
        except OSError as error:
            raise EngineError("cannot remove %s: %s" % (path, error.strerror)) from error

    def remove_dir(self, path: str) -> bool:
        try:
            os.rmdir(path)
        except FileNotFoundError:
            return True
        except OSError as error:
            if error.errno in (errno.ENOTEMPTY, errno.EEXIST):
                return False
            raise EngineError("cannot remove the directory %s: %s" % (path, error.strerror)) from error
        return True

    def remove_tree(self, path: str) -> None:
        if not os.path.lexists(path):
            return
        inner = [place for place in self._mounts() if place == path or place.startswith(path.rstrip("/") + "/")]
        if inner:
            raise EngineError("%s is not removed: %s is mounted there; unmount it first" % (path, inner[0]))
        try:
            shutil.rmtree(path)
        except OSError as error:
            raise EngineError("cannot remove %s: %s" % (path, error)) from error

    def _mounts(self) -> List[str]:
        text = self.read_file("/proc/self/mountinfo") or ""
        # proc_pid_mountinfo(5): the fifth field, with space, tab, newline and backslash as octal escapes.
        fields = [line.split(" ")[4] for line in text.splitlines()]
        return [field.encode("utf-8", "surrogateescape").decode("unicode_escape") if "\\" in field else field for field in fields]

    def rootfs(self, path: str, uid_shift: int = 0, gid_shift: int = 0) -> RootFs:
        return RootFs(path, uid_shift, gid_shift)
