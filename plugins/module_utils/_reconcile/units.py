# Copyright: (c) 2026, flotilla.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Sizes with binary units. Inside, a size is an int in bytes; outside, a string such as `4GiB`."""

from __future__ import annotations

import re
from typing import Any

UNITS = {"B": 1, "KiB": 1 << 10, "MiB": 1 << 20, "GiB": 1 << 30, "TiB": 1 << 40, "PiB": 1 << 50}
_SIZE = re.compile(r"(\d+(?:\.\d+)?)\s*([A-Za-z]*)\Z")


def parse_size(value: Any) -> int:
    """Bytes in a size such as `512MiB` or `1.5GiB`.

    Raises ValueError, with what to write instead, for a bare number, a decimal unit or anything else.
    """
    if isinstance(value, bool) or not isinstance(value, (int, float, str)):
        raise ValueError("is not a size; write a number with a binary unit, such as 512MiB or 4GiB")
    if isinstance(value, (int, float)):
        raise ValueError("%s has no unit; write it with one, such as %sMiB or %sGiB" % (value, value, value))
    match = _SIZE.match(value.strip())
    if not match:
        raise ValueError("%r is not a size; write a number with a binary unit, such as 512MiB or 4GiB" % value)
    number, unit = match.groups()
    if not unit:
        raise ValueError("%s has no unit; write it with one, such as %sMiB or %sGiB" % (number, number, number))
    if unit not in UNITS:
        raise ValueError("%r is not a known unit; use one of %s" % (unit, ", ".join(UNITS)))
    whole = float(number) * UNITS[unit] if "." in number else int(number) * UNITS[unit]
    if whole != int(whole):
        raise ValueError("%r is not a whole number of bytes" % value)
    return int(whole)


def format_size(size: int) -> str:
    """The shortest exact form of a size in bytes: 4294967296 is `4GiB`, 1073741825 is `1073741825B`."""
    for unit in reversed(list(UNITS)):
        factor = UNITS[unit]
        if size >= factor and size % factor == 0:
            return "%d%s" % (size // factor, unit)
    return "%dB" % size
