# Copyright: (c) 2026, flotilla.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The one table: option of the grammar, option of prlctl, place in the JSON of `prlctl list -i -j`, and the words between them.

Adding an option is adding a row, its rule and its test. What is in a list (disks, NICs, media) is in `devices`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Callable, Dict, List, Mapping, Optional, Tuple

from ..addresses import is_address
from ..openvz.table import HOSTNAME, switches

PAGE = 4096
MIB = 1 << 20
CT, VM = "ct", "vm"
BOTH = (CT, VM)
_SIZE = re.compile(r"(\d+)\s*([KMGT]?)b\Z", re.IGNORECASE)
_UNITS = {"": 1, "K": 1 << 10, "M": 1 << 20, "G": 1 << 30, "T": 1 << 40}
NO_CHOICE = ("sysfs",)
"""Features that some versions tell of every container, and that nobody declares."""
KINDS = {"hd": "hdd", "cdrom": "cdrom", "network": "net", "fd": "fdd"}
"""Devices to boot from, by the grammar's word and by prlctl's."""


@dataclass(frozen=True)
class Row:
    """One option.

    place: where it stands in the JSON. read: what a value there is in the grammar, None where it says nothing. send: the word
    after prlctl's option. gone: the word that takes it back, None where prlctl has none and it stays. kinds: what has it.
    """

    pattern: str
    option: str
    place: Tuple[str, ...]
    read: Callable[[Any], Any]
    send: Callable[[Any], str]
    gone: Optional[str] = None
    kinds: Tuple[str, ...] = BOTH

    @property
    def route(self) -> Tuple[str, ...]:
        """Where its value stands in a spec."""
        return tuple(self.pattern.split("."))


def size(word: Any) -> Optional[int]:
    """Bytes in a size such as `512Mb`."""
    match = _SIZE.match(str(word).strip())
    return int(match.group(1)) * _UNITS[match.group(2).upper()] if match else None


def in_mib(value: Any) -> str:
    """Bytes as prlctl takes the size of a disk: a number of mebibytes."""
    return str(int(value) // MIB)


def _memory(word: Any) -> Optional[int]:
    # 0 is what a container without a limit has.
    return size(word) or None


def _count(word: Any) -> Optional[int]:
    return int(word) if str(word).isdigit() and int(word) > 0 else None


def _number(word: Any) -> Optional[int]:
    return int(word) if str(word).isdigit() else None


def _cores(word: Any) -> Optional[str]:
    # A limit in MHz is none that the grammar can say: it stays.
    text = str(word)
    if not text.endswith("%") or not text[:-1].isdigit() or int(text[:-1]) == 0:
        return None
    return format((Decimal(text[:-1]) / 100).normalize(), "f")


def _percent(value: Any) -> str:
    return str(int(Decimal(str(value)) * 100))


def _rate(value: Any) -> str:
    # In the largest unit that it is a whole number of: whether the parser's range is of the number or of the MiB is not known.
    units = next(((1 << shift, unit) for shift, unit in ((30, "G"), (20, "M")) if value % (1 << shift) == 0), (1 << 10, "K"))
    return "%d%s" % (int(value) // units[0], units[1]) if value else "0"


def _mask(word: Any) -> Optional[str]:
    return None if str(word) in ("", "all", "auto") else str(word)


def _hostname(word: Any) -> Optional[str]:
    return str(word) if HOSTNAME.match(str(word)) else None


def _servers(word: Any) -> Optional[List[str]]:
    words = str(word).split()
    return words if words and all(is_address(each) for each in words) else None


def _domains(word: Any) -> Optional[List[str]]:
    words = str(word).split()
    return words if words and all(HOSTNAME.match(each) for each in words) else None


def _joined(value: Any) -> str:
    return " ".join(str(word) for word in value)


def _flag(word: Any) -> bool:
    return str(word) in ("on", "auto")


def _on_off(value: Any) -> str:
    return "on" if value else "off"


def features_of(text: Any) -> Dict[str, bool]:
    """The features that are on in `nfs:on sysfs:on `, less those that nobody declares."""
    return {name: True for name, on in switches(str(text)).items() if on and name not in NO_CHOICE}


def features_text(want: Mapping[str, Any], have: Mapping[str, Any]) -> str:
    """What to send so that a container that has some features has others: each that differs, on or off."""
    now, then = _effective(have), _effective(want)
    names = sorted(name for name in set(now) | set(then) if now.get(name, False) != then.get(name, False))
    return ",".join("%s:%s" % (name, _on_off(then.get(name, False))) for name in names)


def same_features(want: Any, have: Any) -> bool:
    """Whether two maps leave a container with the same features."""
    return not features_text(want or {}, have or {})


def _effective(value: Mapping[str, Any]) -> Dict[str, bool]:
    return {str(name).lower(): on in (True, "true", "yes", "on") for name, on in value.items()}


def boot_order(text: Any) -> Optional[List[str]]:
    """The kinds of devices in `hdd0 cdrom0 `, in their order."""
    names = {word: name for name, word in KINDS.items()}
    kinds = [names.get(word.rstrip("0123456789")) for word in str(text).split()]
    return list(dict.fromkeys(kind for kind in kinds if kind)) or None


_CPU, _MEMORY = ("Hardware", "cpu"), ("Hardware", "memory")
ROWS: Tuple[Row, ...] = (
    Row("cpus.count", "--cpus", _CPU + ("cpus",), _count, str),
    Row("cpus.limit", "--cpulimit", _CPU + ("cpulimit",), _cores, _percent, gone="0"),
    Row("cpus.shares", "--cpuunits", _CPU + ("cpuunits",), _count, str),
    Row("cpus.cpuset", "--cpumask", _CPU + ("mask",), _mask, str, gone="all"),
    Row("memory.size", "--memsize", _MEMORY + ("size",), _memory, lambda value: in_mib(value) + "M"),
    Row("io.limit", "--iolimit", _CPU + ("iolimit",), _number, _rate),
    Row("io.iops", "--iopslimit", _CPU + ("iopslimit",), _number, str),
    Row("io.priority", "--ioprio", _CPU + ("ioprio",), _number, str),
    Row("hostname", "--hostname", ("Hostname",), _hostname, str, kinds=(CT,)),
    Row("dns", "--nameserver", ("DNS Servers",), _servers, _joined, kinds=(CT,)),
    Row("search", "--searchdomain", ("Search Domains",), _domains, _joined, kinds=(CT,)),
    Row("autostart", "--autostart", ("Autostart",), _flag, _on_off),
)
SWAP = Row("memory.swap", "--swappages", (), _number, lambda value: str(int(value) // PAGE), kinds=(CT,))
"""Not in the JSON: it is read from the container's configuration file."""
BY_PATTERN: Dict[str, Row] = {row.pattern: row for row in ROWS + (SWAP,)}


def at(document: Mapping[str, Any], place: Tuple[str, ...]) -> Any:
    """The value at a place of the JSON, None where there is none."""
    here: Any = document
    for name in place:
        here = here.get(name) if isinstance(here, Mapping) else None
    return here


def words_of(row: Row, value: Any) -> List[str]:
    """The words that set a value, or take it back; none where prlctl cannot."""
    if value is None:
        return [] if row.gone is None else [row.option, row.gone]
    return [row.option, row.send(value)]
