# Copyright: (c) 2026, flotilla.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""OpenVZ's configuration files, edited in place.

`KEY="value"` lines that root's shell reads too, which is why nothing goes into one that a shell would interpret. What we do
not know stays where and as it is.
"""

from __future__ import annotations

import re
from typing import Dict, List, Mapping, Optional

from ..._reconcile.errors import EngineError

_LINE = re.compile(r"(?P<key>[A-Z][A-Z0-9_]*)=(?P<value>.*)\Z")
DANGEROUS = re.compile(r"[\"'$`\\\x00-\x1f\x7f]")
"""What a shell, or vzctl's own reader, would make something else of."""


def _unquote(value: str) -> str:
    # vzctl takes one pair of quotes off and drops backslashes (seen with 4.11.1).
    text = value.strip()
    if text[:1] == '"':
        text = text[1:-1] if len(text) > 1 and text[-1:] == '"' else text[1:]
    return text.replace("\\", "")


def settings_of(text: str) -> Dict[str, str]:
    """The settings of a configuration file; of a key that is there twice the first, as vzctl takes it."""
    found: Dict[str, str] = {}
    for line in text.splitlines():
        match = _LINE.match(line.strip())
        if match:
            found.setdefault(match.group("key"), _unquote(match.group("value")))
    return found


def edited(text: str, changes: Mapping[str, Optional[str]]) -> str:
    """The text with these keys set, each where it stands or at the end; None removes every line of the key.

    Raises EngineError for a value that must not stand in a file that root's shell reads.
    """
    lines = text.splitlines()
    for key, value in changes.items():
        if value is not None and DANGEROUS.search(value):
            raise EngineError("the value %r must not be stored as %s, since root's shell reads that file" % (value, key))
        lines = _edit(lines, key, value)
    return "".join(line + "\n" for line in lines)


def _edit(lines: List[str], key: str, value: Optional[str]) -> List[str]:
    where = [index for index, line in enumerate(lines) if (_LINE.match(line.strip()) or {"key": None})["key"] == key]
    if value is None:
        return [line for index, line in enumerate(lines) if index not in where]
    line = '%s="%s"' % (key, value)
    if not where:
        return lines + [line]
    return lines[:where[0]] + [line] + lines[where[0] + 1:]


def nics_of(text: str) -> List[Dict[str, str]]:
    """The veth interfaces in a NETIF value: `ifname=eth0,mac=M,host_ifname=H,host_mac=M,bridge=B;ifname=...`."""
    found = []
    for part in text.split(";"):
        words = [word.partition("=") for word in part.split(",") if "=" in word]
        nic = {key.strip(): value for key, _equals, value in words}
        if nic.get("ifname"):
            found.append(nic)
    return found


def nics_text(nics: List[Dict[str, str]]) -> str:
    """The value of NETIF for these interfaces."""
    return ";".join(",".join("%s=%s" % pair for pair in nic.items() if pair[1]) for nic in nics)
