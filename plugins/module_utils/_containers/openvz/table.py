# Copyright: (c) 2026, flotilla.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The one table: option of the grammar, key in the configuration file, option of vzctl, and the words between them.

Adding an option is adding a row, its rule and its test.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Callable, Dict, List, Mapping, Optional, Tuple

from ..addresses import is_address
from .dialect import PAGE, Dialect

UNLIMITED = 9223372036854775807
MAX_PAGES = UNLIMITED // PAGE
HOSTNAME = re.compile(r"[A-Za-z0-9]([A-Za-z0-9.-]{0,252}[A-Za-z0-9])?\Z")
"""A host name or a domain: what may stand in a file that root's shell reads."""
_AMOUNT = re.compile(r"(\d+(?:\.\d+)?)([BKMGTP]?)\Z", re.IGNORECASE)
_SUFFIX = {"": 0, "B": 1, "K": 1 << 10, "M": 1 << 20, "G": 1 << 30, "T": 1 << 40, "P": 1 << 50}

Write = Callable[[Any, Dialect], str]
Read = Callable[[str], Any]


@dataclass(frozen=True)
class Row:
    """One option.

    read: what a stored text is in the grammar, None where it says nothing. store: the text to store. send: the words after
    vzctl's option, which are several where it repeats it (None: it is only stored, in the file itself). gone: what to send
    and store to take it back, None where the key is removed from the file.
    """

    pattern: str
    key: str
    option: str
    read: Read
    store: Write
    send: Optional[Callable[[Any, Dialect], List[str]]] = None
    gone: Any = None

    @property
    def route(self) -> Tuple[str, ...]:
        """Where its value stands in a spec."""
        return tuple(self.pattern.replace("[]", ".root").split("."))


def amount(text: str, unit: int) -> Optional[int]:
    """A number in a configuration, in `unit` bytes where it has a suffix; None for no limit and for what is no number."""
    word = text.strip()
    match = _AMOUNT.match(word)
    if not match:
        return None
    scale = _SUFFIX[match.group(2).upper()]
    value = Decimal(match.group(1)) * scale / unit if scale else Decimal(match.group(1))
    return None if value >= UNLIMITED // unit else int(value)


def limit(text: str, unit: int) -> Optional[int]:
    """The limit of a `barrier:limit` (a single number is both)."""
    return amount(text.split(":")[-1], unit)


def _pages(text: str) -> Optional[int]:
    count = limit(text, PAGE)
    return None if count is None or count >= MAX_PAGES else count * PAGE


def _send(write: Write) -> Callable[[Any, Dialect], List[str]]:
    return lambda value, dialect: [write(value, dialect)]


def _text(value: Any, _dialect: Dialect) -> str:
    return str(value)


def _in_pages(value: Any, dialect: Dialect) -> str:
    return dialect.pages(int(value) // PAGE)


def _percent(value: Any, _dialect: Dialect) -> str:
    # Plain numbers: with a % sign version 4 multiplies by the number of the node's CPUs.
    return str(int(Decimal(str(value)) * 100))


def _cores(text: str) -> Optional[str]:
    number = int(text) if text.isdigit() else 0
    return format((Decimal(number) / 100).normalize(), "f") if 0 < number < 1 << 32 else None


def _positive(text: str) -> Optional[int]:
    return int(text) if text.isdigit() and 0 < int(text) < 1 << 32 else None


def _whole(text: str) -> Optional[int]:
    return int(text) if text.isdigit() else None


def _blocks(value: Any, _dialect: Dialect) -> str:
    return "%d:%d" % (int(value) >> 10, int(value) >> 10)


def _size(text: str) -> Optional[int]:
    # The soft limit is what the container sees as the size of its disk.
    blocks = amount(text.split(":")[0], 1024)
    return blocks << 10 if blocks else None


def _inodes(text: str) -> Optional[int]:
    return amount(text.split(":")[0], 1) or None


def _both(value: Any, _dialect: Dialect) -> str:
    return "%d:%d" % (value, value)


def _bytes(text: str) -> Optional[int]:
    return int(text) if text.isdigit() else None


def _in_kib(value: Any, _dialect: Dialect) -> List[str]:
    # Without a suffix version 4 means MiB and version 7 bytes.
    return ["%dK" % (int(value) >> 10) if value else "0"]


def _servers(text: str) -> Optional[List[str]]:
    # `inherit` (the node's own), or what somebody wrote by hand, is no value of ours: it stays, unnamed.
    words = text.split()
    return words if words and all(is_address(word) for word in words) else None


def _domains(text: str) -> Optional[List[str]]:
    words = text.split()
    return words if words and words != ["inherit"] and all(HOSTNAME.match(word) for word in words) else None


def _hostname(text: str) -> Optional[str]:
    return text if HOSTNAME.match(text) else None


def _joined(value: Any, _dialect: Dialect) -> str:
    return " ".join(str(word) for word in value)


def _each(value: Any, _dialect: Dialect) -> List[str]:
    return [str(word) for word in value]


def _flag(text: str) -> bool:
    return text in ("yes", "auto")


def _yes_no(value: Any, _dialect: Dialect) -> str:
    return "yes" if value else "no"


def _mask(text: str) -> Optional[str]:
    return None if text in ("", "all", "auto") else text


def switches(text: str) -> Dict[str, bool]:
    """The names in a value such as `nfs:on,sysfs:off`, in lower case."""
    words = [word.partition(":") for word in re.split(r"[,\s]+", text) if word]
    return {name.lower(): state == "on" for name, _colon, state in words}


def _features(text: str) -> Optional[Dict[str, bool]]:
    return {name: True for name, on in switches(text).items() if on} or None


def _features_text(value: Mapping[str, Any], _dialect: Dialect) -> str:
    return ",".join("%s:%s" % (name, "on" if on else "off") for name, on in sorted(value.items()))


ROWS: Tuple[Row, ...] = (
    Row("cpus.count", "CPUS", "--cpus", _positive, _text, _send(_text)),
    Row("cpus.limit", "CPULIMIT", "--cpulimit", _cores, _percent, _send(_percent), gone=0),
    Row("cpus.shares", "CPUUNITS", "--cpuunits", _positive, _text, _send(_text)),
    Row("cpus.cpuset", "CPUMASK", "--cpumask", _mask, _text, _send(_text), gone="all"),
    Row("memory.size", "PHYSPAGES", "--ram", _pages, _in_pages, _send(_text)),
    Row("memory.swap", "SWAPPAGES", "--swap", _pages, _in_pages, _send(_text)),
    Row("disks[].size", "DISKSPACE", "--diskspace", _size, _blocks, _send(_blocks)),
    Row("disks[].inodes", "DISKINODES", "--diskinodes", _inodes, _both, _send(_both)),
    Row("io.limit", "IOLIMIT", "--iolimit", _bytes, _text, _in_kib),
    Row("io.iops", "IOPSLIMIT", "--iopslimit", _whole, _text, _send(_text)),
    Row("io.priority", "IOPRIO", "--ioprio", _whole, _text, _send(_text)),
    Row("hostname", "HOSTNAME", "--hostname", _hostname, _text, _send(_text)),
    Row("dns", "NAMESERVER", "--nameserver", _servers, _joined, _each),
    Row("search", "SEARCHDOMAIN", "--searchdomain", _domains, _joined, _each),
    Row("autostart", "ONBOOT", "--onboot", _flag, _yes_no, _send(_yes_no)),
    Row("boot_order", "BOOTORDER", "--bootorder", _whole, _text, _send(_text)),
    # Only the next start takes them, and version 4 takes unknown names for others: they go into the file itself.
    Row("container_features", "FEATURES", "", _features, _features_text),
)
BY_PATTERN: Dict[str, Row] = {row.pattern: row for row in ROWS}


def value_at(spec: Mapping[str, Any], route: Tuple[str, ...]) -> Any:
    """The value at a place of a spec, None where there is none."""
    here: Any = spec
    for name in route:
        here = (here or {}).get(name)
    return here


def put(spec: Dict[str, Any], route: Tuple[str, ...], value: Any) -> None:
    """Put a value at a place of a spec."""
    here = spec
    for depth, name in enumerate(route[:-1]):
        here = here.setdefault(name, {"name": name} if depth and route[depth - 1] == "disks" else {})
    here[route[-1]] = value


def stored_text(row: Row, value: Any, dialect: Dialect) -> Optional[str]:
    """The text to store for a value; None removes the key."""
    if value is not None:
        return row.store(value, dialect)
    return None if row.gone is None else str(row.gone)


def words_of(row: Row, value: Any, dialect: Dialect) -> List[str]:
    """The words that set a value by vzctl; none where it goes into the file itself."""
    if row.send is None or (value is None and row.gone is None):
        return []
    words = [str(row.gone)] if value is None else row.send(value, dialect)
    return [word for text in words for word in (row.option, text)]
