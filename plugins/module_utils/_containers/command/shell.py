# Copyright: (c) 2026, flotilla.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""One script at a time on a node, over whatever way there is to run a command line on it.

A script and what it is to read go through standard input, so that neither stands in the process list of either machine, nor in
what a connection logs. The answer stands between two lines with a random word: one without them never ran to its end.
"""

from __future__ import annotations

import math
import re
import secrets
import shlex
import threading
from typing import Callable, NamedTuple, Optional, Tuple

from ..._reconcile.errors import EngineError

Execute = Callable[[str, str, float], Tuple[int, str, str]]
"""Gives a line to /bin/sh on the node: line, standard input, seconds; returns exit code and both streams as text.

Text is UTF-8, in which undecodable bytes survive a round trip. Raises EngineError where there is no answer in that time.
"""
MARGIN = 30.0
"""Seconds that the way to the node and back may take beside the command itself."""
# What vzctl needs is not in the PATH of a login that is not root's, and messages must not depend on who runs this.
_BEFORE = """PATH=$PATH:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin LC_ALL=C LANG=C
export PATH LC_ALL LANG
umask 022
verdict=
heard() { :; }
whole() { [ "$(wc -c <"$1")" -eq "$2" ] || { echo 'it arrived only in part: the connection broke off' >&2; return 1; }; }
trap 'code=$?; heard 0; printf "\\n%%s %%s\\n" %(token)s "${verdict:-$code}"; exit 0' 0
printf '%%s\\n' %(token)s
"""
# What dd counts is no message.
_COUNTS = re.compile(r"\d+\+\d+ records (in|out)$|\d+ bytes .*copied, ")


_NEEDED = """missing=
for tool in head cat wc dd mktemp readlink stat timeout chmod chown mkdir mv ln rm rmdir ls env date id sleep; do
  command -v "$tool" >/dev/null || missing="$missing $tool"
done
[ -r /proc/uptime ] || missing="$missing /proc/uptime"
printf %s "${missing# }"
"""


class Answer(NamedTuple):
    """What a script said. verdict: the word that it ended with; empty where it ended with an exit code."""

    code: int
    verdict: str
    out: str
    err: str

    def reason(self) -> str:
        """The last of its messages."""
        lines = [line.strip() for line in self.err.splitlines() if line.strip() and not _COUNTS.match(line.strip())]
        return lines[-1] if lines else "it ended with %s" % (self.verdict or self.code)


class Shell:
    """Runs scripts on one node, one at a time: few ways there can do two at once. `trips` counts them."""

    def __init__(self, execute: Execute) -> None:
        self.execute = execute
        self.trips = 0
        self.guard: Optional[Callable[[float], str]] = None
        self._turn = threading.Lock()

    def greet(self) -> None:
        """Ask for the tools that the other scripts need. Raises EngineError where the node lacks some."""
        missing = self.ask(_NEEDED).out
        if missing:
            raise EngineError("transport: command needs on the node what is not there: %s" % ", ".join(missing.split()),
                              "install coreutils of version 8.4 or later, and mount /proc")

    def ask(self, script: str, *words: str, stdin: str = "", timeout: float = 60.0, guarded: bool = True) -> Answer:
        """Run a script with these words as $1 and so on; what it reads is `stdin`, and no more.

        The script may set `verdict` before it ends. Its own time is for itself to bound, `timeout` says to what. Raises
        EngineError where it did not run, or not to its end.
        """
        token = secrets.token_hex(16)
        guard = self.guard(timeout) if self.guard is not None and guarded else ""
        words_line = "set -- %s\n" % " ".join(shlex.quote(word) for word in words) if words else ""
        whole = _BEFORE % {"token": token} + guard + words_line + script
        size = len(whole.encode("utf-8", "surrogateescape"))
        with self._turn:
            self.trips += 1
            code, out, err = self.execute('eval "$(head -c %d)"' % size, whole + stdin, math.ceil(timeout) + MARGIN)
        return _answer(token, code, out, err)


def _answer(token: str, code: int, out: str, err: str) -> Answer:
    _noise, start, rest = out.partition(token + "\n")
    body, end, word = rest.rpartition("\n%s " % token)
    if not start or not end:
        said = [line.strip() for line in err.splitlines() if line.strip()]
        raise EngineError("the node did not carry out a command to its end (exit code %d): %s" % (code, said[-1] if said else "it said nothing"),
                          "see that `ansible -m ansible.builtin.raw -a 'head -c 0 /dev/null'` works there, with become where it is needed")
    word = word.strip()
    if word == "lost":
        raise EngineError("this run no longer holds the node: it was not heard of for too long, and another may have begun", "run again")
    return Answer(int(word), "", body, err) if word.isdigit() else Answer(0, word, body, err)
