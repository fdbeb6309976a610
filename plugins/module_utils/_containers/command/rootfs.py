# Copyright: (c) 2026, flotilla.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Reading and writing in a container's root file system by a shell, whose working directory stands in for a directory handle.

A link of the container's must never lead the node's root out of it, not even one that the running container puts in place at the
wrong moment. The shell therefore goes one directory at a time, asks the kernel after each where it is (getcwd(3), which no
link can change), and gives every program a name without a slash. Files are read without following a link, and are written
where the container cannot see them and then renamed into it.
"""

from __future__ import annotations

from typing import List, Optional

from ..rootfs import LINKS_ALLOWED, RootFs
from .shell import Answer, Shell
from ..._reconcile.errors import EngineError

_WALK = """
root=$1 path=$2 follow=$3 create=$4 owner=$5
shift 5
fail() { echo "$1" >&2; exit 1; }
here() { [ "$(env pwd -P)" = "$real$at" ] || fail 'it leads out of the root file system'; }
bare() { while :; do case $bare in /*) bare=${bare#/} ;; *) break ;; esac; done; }
cd -P -- "$root" || exit 1
real=$(env pwd -P)
at= todo=$path links=0 name=.
while :; do
  bare=$todo; bare; todo=$bare
  [ -n "$todo" ] || break
  part=${todo%%/*}
  bare=${todo#"$part"}; bare; rest=$bare
  case $part in
    ..) if [ -n "$at" ]; then cd -P .. || exit 1; at=${at%/*}; here; fi; todo=$rest; continue ;;
    .) todo=$rest; continue ;;
  esac
  if [ -L "./$part" ] && { [ -n "$rest" ] || [ "$follow" = 1 ]; }; then
    links=$((links + 1))
    [ "$links" -le LINKS ] || fail 'too many levels of symbolic links'
    target=$(readlink -- "./$part")
    case $target in /*) cd -P -- "$root" || exit 1; at=; here ;; esac
    todo=$target/$rest
    continue
  fi
  if [ -z "$rest" ]; then name=$part; break; fi
  if [ "$create" = 1 ] && ! [ -e "./$part" ]; then mkdir -m 755 -- "./$part" && chown -h "$owner" "./$part" || exit 1; fi
  if ! [ -d "./$part" ]; then
    [ "$create" != 1 ] || fail "$part is no directory"
    verdict=absent; exit
  fi
  cd -P "./$part" || exit 1
  at=$at/$part
  here
  todo=$rest
done
""".replace("LINKS", str(LINKS_ALLOWED))
_REGULAR = '{ [ -f "./$name" ] && ! [ -L "./$name" ]; } || { verdict=absent; exit; }\n'
_READ = _REGULAR + 'dd if="./$name" bs=65536 iflag=nofollow,nonblock'
_HEAD = _REGULAR + 'dd if="./$name" bs="$1" count=1 iflag=nofollow,nonblock,fullblock'
# Renaming across file systems copies, never through a link that is there; the second one is a rename in any case.
_WRITE = """
tmp=$(mktemp "${real%/*}/.flotilla-XXXXXXXX") || exit 1
if dd of="$tmp" bs=65536 conv=notrunc,fsync && whole "$tmp" "$2" && chown "$3" "$tmp" && chmod "$1" "$tmp" &&
   mv -fT -- "$tmp" "./.flotilla-$$" && mv -fT -- "./.flotilla-$$" "./$name"; then exit 0; fi
rm -f -- "$tmp"
exit 1
"""
_THERE = '[ -e "./$name" ] || [ -L "./$name" ]'
_MAKE_DIR = '{ %s; } || { mkdir -m "$1" -- "./$name" && chown -h "$2" "./$name"; }' % _THERE
_LINK = '{ %s; } || ln -sT -- "$1" "./$name"' % _THERE
_READ_LINK = '[ -L "./$name" ] || { verdict=absent; exit; }\nreadlink -n -- "./$name"'
_REMOVE = 'if %s; then rm -f -- "./$name"; fi' % _THERE
_EXISTS = '{ %s; } || verdict=absent' % _THERE
LIST = 'for f in * .[!.]* ..?*; do if [ -e "./$f" ] || [ -L "./$f" ]; then printf "%s\\0" "$f"; fi; done; exit 0'


class CommandRootFs(RootFs):
    """One root file system of the node; every path given to its methods is as seen from inside."""

    def __init__(self, shell: Shell, root: str, uid_shift: int = 0, gid_shift: int = 0) -> None:
        """Look into ``root`` through this shell; the shifts are added to each owner."""
        super().__init__(root, uid_shift, gid_shift)
        self.shell = shell

    def read(self, path: str) -> Optional[str]:
        said = self._ask("read", path, _READ, follow=True)
        return None if said.verdict else said.out

    def write(self, path: str, text: str, mode: int = 0o644, uid: int = 0, gid: int = 0) -> None:
        size = len(text.encode("utf-8", "surrogateescape"))
        self._ask("write", path, _WRITE, "%o" % mode, str(size), self._owner(uid, gid), create=True, stdin=text)

    def make_dir(self, path: str, mode: int = 0o755, uid: int = 0, gid: int = 0) -> None:
        self._ask("make the directory", path, _MAKE_DIR, "%o" % mode, self._owner(uid, gid), create=True)

    def link(self, path: str, target: str) -> None:
        self._ask("link", path, _LINK, target, create=True)

    def read_link(self, path: str) -> Optional[str]:
        said = self._ask("read the link", path, _READ_LINK)
        return None if said.verdict else said.out

    def remove(self, path: str) -> None:
        self._ask("remove", path, _REMOVE)

    def list_dir(self, path: str) -> List[str]:
        said = self._ask("list", path + "/.", LIST, follow=True)
        return sorted(name for name in said.out.split("\0") if name)

    def exists(self, path: str) -> bool:
        return not self._ask("look at", path, _EXISTS, follow=True).verdict

    def read_head(self, path: str, size: int) -> bytes:
        said = self._ask("read", path, _HEAD, str(size), follow=True)
        return b"" if said.verdict else said.out.encode("utf-8", "surrogateescape")

    def _owner(self, uid: int, gid: int) -> str:
        return "%d:%d" % (uid + self.uid_shift, gid + self.gid_shift)

    def _ask(self, verb: str, path: str, script: str, *words: str, follow: bool = False, create: bool = False, stdin: str = "") -> Answer:
        said = self.shell.ask(_WALK + script, self.root, path, str(int(follow)), str(int(create)), self._owner(0, 0), *words, stdin=stdin)
        if said.code != 0:
            raise EngineError("cannot %s %s in %s: %s" % (verb, path, self.root, said.reason()))
        return said
