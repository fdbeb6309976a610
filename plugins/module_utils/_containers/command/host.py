# Copyright: (c) 2026, flotilla.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The `Host` of a container driver on a node that is reached by commands alone."""

from __future__ import annotations

import math
import secrets
import shlex
import time
from typing import Callable, Dict, List, Optional, Sequence, Set

from ..._reconcile.errors import EngineError
from ..host import COMMAND_TIMEOUT, Result
from ..rootfs import RootFs
from .rootfs import LIST, CommandRootFs
from .shell import Answer, Execute, Shell

# KILL, as for a process of our own: nothing that it does may outlast its time. timeout ends itself with it (137), so the clock
# says whether that was it.
_RUN = """limit=$1; shift
command -v "$1" >/dev/null 2>&1 || { verdict=missing; exit; }
read -r up rest </proc/uptime; before=${up%%.*}
timeout -s KILL "$limit" "$@"
code=$?
read -r up rest </proc/uptime
if [ "$code" -ge 124 ] && [ $((${up%%.*} - before)) -ge "$limit" ]; then verdict=late; fi
exit "$code"
"""
_READ = """[ -e "$1" ] || { verdict=absent; exit; }
cat -- "$1" && exit
[ -e "$1" ] || verdict=absent
exit 1
"""
_READ_MANY = """n=0
while IFS= read -r path; do
  if [ -e "$path" ]; then
    printf '\\n%s %d\\n' "$1" "$n"
    cat -- "$path" || { [ -e "$path" ] && exit 1; printf '\\n%s gone\\n' "$1"; }
  fi
  n=$((n + 1))
done
exit 0
"""
_EXISTING = """n=0
while IFS= read -r path; do
  if [ -e "$path" ] || [ -L "$path" ]; then echo "$n"; fi
  n=$((n + 1))
done
exit 0
"""
# mktemp makes it 0600, and it stays so until all of it is there.
_WRITE = """tmp=$(mktemp "${1%/*}/.flotilla-XXXXXXXX") || exit 1
if dd of="$tmp" bs=65536 conv=notrunc,fsync && whole "$tmp" "$3" && chmod "$2" "$tmp" && mv -fT -- "$tmp" "$1"; then exit 0; fi
rm -f -- "$tmp"
exit 1
"""
_LIST = '[ -d "$1" ] || exit 0\ncd -- "$1" || exit 1\n' + LIST
_MODIFIED = 'if [ -e "$1" ]; then stat -L -c %Y -- "$1"; else echo 0; fi'
_STARTED = """{ read -r line <"/proc/$1/stat"; } 2>/dev/null || { verdict=absent; exit; }
echo "$line"
date +%s.%N; cat /proc/uptime; getconf CLK_TCK
"""
_MAKE_DIR = '[ -d "$1" ] && exit 0\nmkdir -p -- "$1" && chmod "$2" "$1"'
_REMOVE_FILE = 'if [ -e "$1" ] || [ -L "$1" ]; then rm -f -- "$1"; fi'
_REMOVE_DIR = """[ -d "$1" ] || exit 0
rmdir -- "$1" && exit
[ -z "$(ls -A -- "$1")" ] || verdict=full
exit 1
"""
# $2 is the path as mountinfo has it (proc_pid_mountinfo(5)).
_REMOVE_TREE = """[ -e "$1" ] || [ -L "$1" ] || exit 0
while read -r id parent device inner place rest; do
  case $place in "$2"|"$2"/*) echo "$place"; verdict=mounted; exit ;; esac
done </proc/self/mountinfo
rm -rf --one-file-system -- "$1"
"""
_ESCAPES = str.maketrans({"\\": "\\134", " ": "\\040", "\t": "\\011", "\n": "\\012"})


class CommandHost:
    """A node with a shell and coreutils. See `..host.Host` for what each method promises."""

    def __init__(self, execute: Execute, tell: Callable[[str], None] = lambda line: None) -> None:
        """`tell` is told each command line, in which no secret ever stands; files and their content are not told."""
        self.shell = Shell(execute)
        self.tell = tell
        self._ahead: Optional[float] = None

    def run(self, argv: Sequence[str], stdin: Optional[str] = None, timeout: Optional[float] = None) -> Result:
        self.tell(" ".join(shlex.quote(word) for word in argv))
        limit = max(1, math.ceil(COMMAND_TIMEOUT if timeout is None else timeout))
        said = self.shell.ask(_RUN, str(limit), *argv, stdin=stdin or "", timeout=limit)
        if said.verdict == "missing":
            raise EngineError("the command %s is not installed on this host" % argv[0], "install the package that has it")
        if said.verdict == "late":
            raise EngineError("%s did not finish within %g s" % (" ".join(argv), limit))
        return Result(said.code, said.out, said.err)

    def read_file(self, path: str) -> Optional[str]:
        said = self._ask("read", path, _READ, path)
        return None if said.verdict else said.out

    def read_files(self, paths: Sequence[str]) -> Dict[str, str]:
        word = secrets.token_hex(16)
        said = self._ask("read", "one of %d files" % len(paths), _READ_MANY, word, stdin=_lines(paths)) if paths else None
        found: Dict[str, str] = {}
        last = ""
        for part in said.out.split("\n%s " % word)[1:] if said is not None else ():
            number, _line, text = part.partition("\n")
            if number == "gone":
                # It went between the look at its name and the reading.
                found.pop(last, None)
                continue
            last = paths[int(number)]
            found[last] = text
        return found

    def write_file(self, path: str, text: str, mode: int = 0o644) -> None:
        size = len(text.encode("utf-8", "surrogateescape"))
        self._ask("write", path, _WRITE, path, "%o" % mode, str(size), stdin=text)

    def exists(self, path: str) -> bool:
        return bool(self.existing([path]))

    def existing(self, paths: Sequence[str]) -> Set[str]:
        said = self._ask("look for", "names", _EXISTING, stdin=_lines(paths)) if paths else None
        return {paths[int(number)] for number in said.out.split()} if said is not None else set()

    def list_dir(self, path: str) -> List[str]:
        return sorted(name for name in self._ask("list", path, _LIST, path).out.split("\0") if name)

    def modified(self, path: str) -> float:
        return float(self._ask("look at", path, _MODIFIED, path).out)

    def clock(self) -> float:
        if self._ahead is None:
            self._ahead = float(self._ask("ask", "date", "date +%s.%N").out) - time.time()
        return time.time() + self._ahead

    def started(self, pid: int) -> float:
        said = self._ask("look at", "the process %d" % pid, _STARTED, str(pid))
        if said.verdict:
            return 0.0
        line, now, uptime, ticks = said.out.splitlines()[:4]
        return float(now) - float(uptime.split()[0]) + int(line.rpartition(")")[2].split()[19]) / int(ticks)

    def make_dir(self, path: str, mode: int = 0o755) -> None:
        self._ask("make the directory", path, _MAKE_DIR, path, "%o" % mode)

    def rename(self, old: str, new: str) -> None:
        self._ask("rename", "%s to %s" % (old, new), 'mv -fT -- "$1" "$2"', old, new)

    def remove_file(self, path: str) -> None:
        self._ask("remove", path, _REMOVE_FILE, path)

    def remove_dir(self, path: str) -> bool:
        return not self._ask("remove the directory", path, _REMOVE_DIR, path).verdict

    def remove_tree(self, path: str) -> None:
        said = self._ask("remove", path, _REMOVE_TREE, path, path.rstrip("/").translate(_ESCAPES), timeout=600.0)
        if said.verdict:
            raise EngineError("%s is not removed: %s is mounted there; unmount it first" % (path, said.out.strip()))

    def rootfs(self, path: str, uid_shift: int = 0, gid_shift: int = 0) -> RootFs:
        return CommandRootFs(self.shell, path, uid_shift, gid_shift)

    def _ask(self, verb: str, what: str, script: str, *words: str, stdin: str = "", timeout: float = 60.0) -> Answer:
        said = self.shell.ask(script, *words, stdin=stdin, timeout=timeout)
        if said.code != 0:
            raise EngineError("cannot %s %s: %s" % (verb, what, said.reason()))
        return said


def _lines(paths: Sequence[str]) -> str:
    """Paths for a loop that reads lines. Raises EngineError for one that would be two."""
    if any("\n" in path for path in paths):
        raise EngineError("a path on the host has a line break in it", "rename it")
    return "".join(path + "\n" for path in paths)
