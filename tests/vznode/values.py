# Copyright: (c) 2026, flotilla.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The value types of the grammars: what vzctl takes, what it makes of it, and what it refuses.

A parser returns the text for the configuration file, or a list of words for types that add to what is there.
Raises Bad, with the lines that the real program prints before its "Bad parameter".
"""

from __future__ import annotations

import ipaddress
import re
from typing import Any, Callable

PAGE = 4096
UNLIMITED = 9223372036854775807
_SUFFIX = {"": 1, "B": 1, "K": 1 << 10, "M": 1 << 20, "G": 1 << 30, "T": 1 << 40, "P": 1 << 50}
FEATURES = ("nfs", "nfsd", "sysfs", "sit", "ipip", "ppp", "ipgre", "bridge", "time")
CAPABILITIES = ("chown", "dac_override", "fowner", "fsetid", "kill", "setgid", "setuid", "net_admin", "net_raw", "sys_time", "sys_admin",
                "sys_module", "sys_rawio", "sys_chroot", "sys_ptrace", "sys_nice", "mknod", "net_bind_service", "ve_admin", "ipc_lock")
IPTABLES = ("iptable_filter", "iptable_nat", "iptable_mangle", "ip_conntrack", "ipt_REJECT", "ipt_LOG", "ipt_state", "ip_tables")
NEEDED = {"iptable_filter": ("ip_tables",), "iptable_nat": ("ip_conntrack",), "iptable_mangle": ("ip_tables",)}


class Bad(Exception):
    """A value that the program refuses; `out` and `err` are what it says first, `error` another entry than bad_value."""

    def __init__(self, out: str = "", err: str = "", error: str = "bad_value") -> None:
        super().__init__(out or err or error)
        self.out, self.err, self.error = out, err, error


def scaled(text: str) -> float:
    """A number with an optional binary suffix. Raises Bad."""
    match = re.fullmatch(r"(\d+(?:\.\d+)?|\.\d+)([BKMGTP]?)", text.strip(), re.IGNORECASE)
    if not match:
        raise Bad()
    return float(match.group(1)) * _SUFFIX[match.group(2).upper()]


def pair(barrier: int, limit: int, version: int) -> str:
    """A barrier and a limit as the configuration file has them."""
    if version == 7:
        return "%d:%d" % (barrier, limit)
    words = ["unlimited" if value == UNLIMITED else str(value) for value in (barrier, limit)]
    return words[0] if words[0] == words[1] else ":".join(words)


def _bytes(text: str, version: int) -> str:
    if ":" in text:
        raise Bad()
    negative = 0 if version == 4 else 4503599627370495
    if text == "unlimited":
        pages = UNLIMITED
    elif text in ("", "-1"):
        pages = 0 if text == "" else negative
    else:
        try:
            pages = min(UNLIMITED, -(-int(scaled(text)) // PAGE))
        except Bad:
            raise Bad(err="An incorrect value: (null)" if version == 7 else "") from None
    return pair(0 if version == 4 and pages else pages, pages, version)


def _ub(unit: int) -> Callable[[str, int], str]:
    def one(word: str) -> int:
        if word == "unlimited":
            return UNLIMITED
        value = scaled(word)
        return int(value if word.strip()[-1:].isdigit() else value / unit)

    def parse(text: str, version: int) -> str:
        words = text.split(":")
        if len(words) > 2:
            raise Bad()
        try:
            values = [one(word) for word in words]
        except Bad:
            raise Bad(err="An incorrect value: (null)" if version == 7 else "") from None
        return pair(values[0], values[-1], version)

    return parse


def _disk(unit: int) -> Callable[[str, int], str]:
    def one(word: str) -> int:
        value = scaled(word)
        return int(value if word[-1:].isdigit() else value / unit)

    def parse(text: str, _version: int) -> str:
        words = text.split(":")
        if len(words) > 2:
            raise Bad()
        return "%d:%d" % (one(words[0]), one(words[-1]))

    return parse


def _count(text: str, _version: int) -> str:
    if not re.fullmatch(r"\d+", text):
        raise Bad()
    return text


def _between(low: int, high: int) -> Callable[[str, int], str]:
    def parse(text: str, version: int) -> str:
        if not low <= int(_count(text, version)) <= high:
            raise Bad()
        return text

    return parse


def _cpus(text: str, version: int) -> str:
    if version == 7 and text == "-1":
        return "18446744073709551615"
    return _count(text, version)


def _cpulimit(text: str, version: int) -> str:
    if text == "-1":
        return "18446744073709551615"
    match = re.fullmatch(r"(\d+)(%|m|mhz)?", text, re.IGNORECASE)
    if not match:
        raise Bad()
    number, unit = int(match.group(1)), (match.group(2) or "").lower()
    if version == 7:
        return "MHZ:%d" % number if unit.startswith("m") else str(number)
    if unit.startswith("m") or (unit == "%" and number > 100):
        raise Bad()
    # The trap: N% is N percent of all CPUs of the node (two here), and plain N is percent of one.
    return str(number * 2 if unit == "%" else number)


def _iolimit(text: str, version: int) -> str:
    if not text or text.startswith("-"):
        raise Bad()
    value = scaled(text)
    return str(int(value * (1 << 20) if version == 4 and text[-1].isdigit() else value))


def _cpumask(text: str, _version: int) -> str:
    if text not in ("auto", "all") and not re.fullmatch(r"\d+(-\d+)?(,\d+(-\d+)?)*", text):
        raise Bad()
    return text


def addresses(text: str, _version: int = 4) -> list[str]:
    """Addresses with optional prefix lengths; an empty text is none."""
    found = []
    for word in text.split():
        try:
            if "/" in word and not word.rpartition("/")[2].isdigit():
                raise ValueError(word)
            ipaddress.ip_interface(word)
        except ValueError:
            raise Bad() from None
        found.append(word)
    return found


def _address_or_all(text: str, version: int) -> list[str]:
    return ["all"] if text == "all" else addresses(text, version)


def _choice(*words: str) -> Callable[[str, int], str]:
    def parse(text: str, _version: int) -> str:
        if text not in words:
            raise Bad()
        return text

    return parse


def _switches(known: tuple[str, ...], text: str, strange: Callable[[str], Bad], upper: bool = False) -> str:
    words = [word for word in re.split(r"[,\s]+", text) if word]
    for word in words:
        name, _colon, value = word.partition(":")
        # The bug: an unknown feature of four letters counts as nfsd.
        if value not in ("on", "off") or (name.lower() not in known and not (known is FEATURES and len(name) == 4)):
            raise strange(word)
    return ",".join(word.partition(":")[0].upper() + ":" + word.partition(":")[2] if upper else word for word in words)


def _features(text: str, version: int) -> str:
    return _switches(FEATURES, text, lambda word: Bad(out="Warning: Unknown feature: %s" % word if version == 4 else ""))


def _capability(text: str, _version: int) -> str:
    def strange(word: str) -> Bad:
        if ":" not in word:
            return Bad(err="Can't parse capability %s (expecting capname:on|off)" % word)
        return Bad(err="Capability %s is unknown" % word.partition(":")[0])

    return _switches(CAPABILITIES, text, strange, upper=True)


def _netfilter(text: str, _version: int) -> str:
    if text not in ("disabled", "stateless", "stateful", "full"):
        raise Bad(err="Incorrect netfilter value: %s" % text)
    return text


def _iptables(text: str, _version: int) -> str:
    found: list[str] = []
    for word in re.split(r"[,\s]+", text):
        if word and word not in IPTABLES:
            raise Bad(err="Warning: Unknown iptable module: %s, skipped" % word)
        found += [name for name in (*NEEDED.get(word, ()), word) if name and name not in found]
    return "".join(name + " " for name in found)


def _netif(text: str, _version: int) -> list[str]:
    words = [word for word in re.split(r"\s+", text) if word]
    for word in words:
        for mac in word.split(",")[1:4:2]:
            if mac and len(mac) != 17:
                raise Bad(err="Invalid container MAC address length")
    return words


def _name4(text: str, _version: int) -> str:
    if not re.fullmatch(r"[A-Za-z0-9 \-+_.]*", text):
        raise Bad()
    return text


def _float(text: str, _version: int) -> str:
    if not re.fullmatch(r"\d+(\.\d+)?", text):
        raise Bad()
    return text


def _memguarantee(text: str, _version: int) -> str:
    if text != "auto" and not (text.isdigit() and int(text) <= 100):
        raise Bad()
    return text


def _rate(text: str, _version: int) -> str:
    if not re.fullmatch(r"\S+:\d+:\d+", text):
        raise Bad()
    return text


def _uuid(text: str, version: int) -> str:
    if not re.fullmatch(r"\{?[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}\}?", text):
        raise Bad(error="bad_guid" if version == 7 else "bad_value")
    return text.strip("{}")


def _layout(text: str, version: int) -> str:
    if text.split(":")[0] not in (("simfs", "ploop") if version == 4 else ("ploop",)):
        raise Bad(error="" if version == 7 else "bad_value")
    return text.split(":")[0]


def _bindmount(text: str, _version: int) -> str:
    if not text.startswith("/"):
        raise Bad()
    return text + " "


def _device_type(text: str, _version: int) -> str:
    if text != "hdd":
        raise Bad(err="Incorrect device type is specified: %s" % text, error="")
    return text


def _device_id(text: str, _version: int) -> str:
    try:
        return _uuid(text, 4)
    except Bad:
        raise Bad(err="Incorrect device uuid specified: %s" % text, error="") from None


def _devnodes(text: str, _version: int) -> str:
    raise Bad(err="An incorrect device name /dev/%s: No such file or directory" % text.partition(":")[0], error="devnodes")


PARSERS: dict[str, Callable[[str, int], Any]] = {
    "text": lambda text, version: text, "bytes": _bytes, "ub_pages": _ub(PAGE), "ub_bytes": _ub(1), "ub_count": _ub(1),
    "blocks": _disk(1024), "counts": _disk(1), "count": _count, "cpus": _cpus, "cpuunits": _between(8, 500000), "ioprio": _between(0, 7),
    "cpulimit": _cpulimit, "iolimit": _iolimit, "cpumask": _cpumask, "address": addresses, "address_or_all": _address_or_all,
    "yesno": _choice("yes", "no"), "yesnoauto": _choice("yes", "no", "auto"), "setmode": _choice("restart", "ignore"),
    "autostop": _choice("stop", "suspend"), "features": _features, "capability": _capability, "netfilter": _netfilter, "iptables": _iptables,
    "netif": _netif, "name": _name4, "name7": lambda text, version: text, "float": _float, "memguarantee": _memguarantee, "rate": _rate,
    "uuid": _uuid, "layout": _layout, "template": lambda text, version: text, "sample": lambda text, version: text,
    "bindmount": _bindmount, "device_type": _device_type, "device_id": _device_id, "devices": lambda text, version: text + " ",
    "devnodes": _devnodes,
}
