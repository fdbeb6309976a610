# Copyright: (c) 2026, flotilla.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""LXC's container configuration, edited in place (lxc.container.conf(5)).

A configuration is a list of `key = value` lines, comments, and includes. What we do not know stays where and as it is.
"""

from __future__ import annotations

import re
from typing import Callable, Dict, Iterable, List, Optional, Tuple

from ..host import Host

_LINE = re.compile(r"\s*(?P<key>[A-Za-z][\w.:-]*)\s*=\s*(?P<value>.*?)\s*\Z")
_NET = re.compile(r"lxc\.net\.(\d+)\.(.+)\Z")
_INCLUDES_DEEP = 10

Pair = Tuple[str, str]


def _unquote(value: str) -> str:
    # LXC takes one pair of quotes off a value (parse_line in its confile.c); what is inside is not interpreted.
    if len(value) >= 2 and value[0] in "\"'" and value[-1] == value[0]:
        return value[1:-1]
    return value


def pairs_of(text: str) -> List[Pair]:
    """The settings of a configuration, in their order."""
    pairs = []
    for line in text.splitlines():
        match = _LINE.match(line)
        if match:
            pairs.append((match.group("key"), _unquote(match.group("value"))))
    return pairs


def expand(text: str, host: Host, cache: Optional[Dict[str, List[Pair]]] = None, depth: int = 0) -> List[Pair]:
    """The settings with those of `lxc.include` in their place: a file, or every `*.conf` of a directory.

    `cache` saves reading the distribution's common files again for each of a hundred containers.
    """
    cache = {} if cache is None else cache
    result: List[Pair] = []
    for key, value in pairs_of(text):
        if key != "lxc.include":
            result.append((key, value))
        elif depth < _INCLUDES_DEEP:
            if value not in cache:
                cache[value] = _included(value, host, cache, depth + 1)
            result.extend(cache[value])
    return result


def _included(path: str, host: Host, cache: Dict[str, List[Pair]], depth: int) -> List[Pair]:
    names = host.list_dir(path)
    files = [path] if not names else [path.rstrip("/") + "/" + name for name in names if name.endswith(".conf")]
    found = host.read_files(files)
    return [pair for file in files if file in found for pair in expand(found[file], host, cache, depth)]


def last(pairs: Iterable[Pair], key: str) -> Optional[str]:
    """The value that holds: the last one; None where the key is absent, or cleared by an empty value."""
    value = None
    for name, text in pairs:
        if name == key:
            value = text or None
    return value


def all_of(pairs: Iterable[Pair], key: str) -> List[str]:
    """The values of a key that may repeat; an empty value clears what was before it."""
    values: List[str] = []
    for name, text in pairs:
        if name == key:
            values = values + [text] if text else []
    return values


def nets_of(pairs: Iterable[Pair]) -> Dict[int, Dict[str, List[str]]]:
    """The network interfaces by index, each a dictionary of the values of each key (addresses may repeat)."""
    nets: Dict[int, Dict[str, List[str]]] = {}
    for name, text in pairs:
        match = _NET.match(name)
        if match:
            values = nets.setdefault(int(match.group(1)), {}).setdefault(match.group(2), [])
            values.append(text)
        elif name == "lxc.net" and not text:
            nets.clear()
    return nets


class ConfigFile:
    """The text of one configuration, changed line by line."""

    def __init__(self, text: str) -> None:
        self.lines = text.splitlines()

    def __str__(self) -> str:
        return "\n".join(self.lines) + "\n" if self.lines else ""

    def _where(self, key: str) -> List[int]:
        found = []
        for index, line in enumerate(self.lines):
            match = _LINE.match(line)
            if match and match.group("key") == key:
                found.append(index)
        return found

    def get(self, key: str) -> Optional[str]:
        """The last value written in this file itself."""
        return last(pairs_of(str(self)), key)

    def set(self, key: str, value: str) -> None:
        """Make this the value that holds: in the place of the last one, or at the end where an include follows it."""
        where = self._where(key)
        text = "%s = %s" % (key, value)
        if where and not any(index > where[-1] for index in self._where("lxc.include")):
            self.lines[where[-1]] = text
            return
        # A later include could set the same key again, and the last value holds.
        for index in reversed(where):
            del self.lines[index]
        self._append(key, text)

    def set_all(self, key: str, values: List[str]) -> None:
        """Make these the values of a key that may repeat, where the first of them stood."""
        where = self._where(key)
        if [_unquote(self._value(index)) for index in where] == values:
            return
        for index in reversed(where):
            del self.lines[index]
        if where:
            self.lines[where[0]:where[0]] = ["%s = %s" % (key, value) for value in values]
        else:
            for value in values:
                self._append(key, "%s = %s" % (key, value))

    def _value(self, index: int) -> str:
        match = _LINE.match(self.lines[index])
        return match.group("value") if match else ""

    def remove(self, key: str) -> None:
        """Remove every line of a key."""
        for index in reversed(self._where(key)):
            del self.lines[index]

    def put(self, key: str, value: Optional[str]) -> None:
        """Make this the value that holds, or remove the key where there is none."""
        if value is None:
            self.remove(key)
        elif self.get(key) != value:
            self.set(key, value)

    def append(self, key: str, value: str) -> None:
        """Add one more line of a key that may repeat, at the end."""
        self.lines.append("%s = %s" % (key, value) if value else key + " =")

    def replace(self, key: str, chosen: Callable[[str], bool], value: Optional[str]) -> None:
        """Put a value in the place of those of a key that are chosen, or after the last line of the key; None removes them."""
        where = [index for index in self._where(key) if chosen(_unquote(self._value(index)))]
        for index in reversed(where[1:] if value is not None else where):
            del self.lines[index]
        if value is None:
            return
        text, all_lines = "%s = %s" % (key, value), self._where(key)
        if where:
            self.lines[where[0]] = text
        elif all_lines:
            self.lines.insert(all_lines[-1] + 1, text)
        else:
            self.lines.append(text)

    def remove_net(self, number: int) -> None:
        """Remove every line of one network interface."""
        prefix = "lxc.net.%d." % number
        self.lines = [line for line in self.lines if not line.strip().startswith(prefix)]

    def _append(self, key: str, text: str) -> None:
        # Lines of one interface stay together: a person reads the file too.
        match = _NET.match(key)
        if match:
            prefix = "lxc.net.%s." % match.group(1)
            block = [index for index, line in enumerate(self.lines) if line.strip().startswith(prefix)]
            if block:
                self.lines.insert(block[-1] + 1, text)
                return
        self.lines.append(text)
