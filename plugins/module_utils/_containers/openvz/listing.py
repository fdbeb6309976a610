# Copyright: (c) 2026, flotilla.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""vzlist's JSON as it really is: strings are not escaped, a key may be there twice, ids are numbers or text.

A JSON reader fails on a description with a quote in it, so the lines are read: vzlist writes one key a line, and a value is all
that follows the colon. What has more lines in it than one (only a description that somebody else wrote can) loses the rest.
"""

from __future__ import annotations

import re
from typing import Any, Dict, List, Optional

_KEY = re.compile(r'\s*"(?P<key>[^"]+)": (?P<value>.*?),?\Z')
_ARRAY = re.compile(r'"([^"]*)"')


def parse(text: str) -> List[Dict[str, Any]]:
    """The containers in vzlist's output; lines that are none of it (a notice about the kernel) are passed over."""
    rows: List[Dict[str, Any]] = []
    inner: Optional[Dict[str, Any]] = None
    for line in text.splitlines():
        indent = len(line) - len(line.lstrip(" "))
        if line == "  {":
            rows.append({})
            inner = None
            continue
        match = _KEY.match(line)
        if not rows or not match:
            continue
        key, value = match.group("key"), match.group("value")
        if value == "{":
            inner = rows[-1][key] = {}
        elif inner is not None and indent > 4:
            inner[key] = _value(value)
        else:
            rows[-1][key] = _value(value)
    return rows


def _value(word: str) -> Any:
    if word in ("null", "true", "false"):
        return {"null": None, "true": True, "false": False}[word]
    if word.startswith("["):
        return _ARRAY.findall(word)
    if word.startswith('"'):
        return word[1:-1] if len(word) > 1 and word.endswith('"') else word[1:]
    try:
        return float(word) if "." in word else int(word)
    except ValueError:
        return word
