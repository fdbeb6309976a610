# Copyright: (c) 2026, flotilla.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The value types of prlctl: what its parser takes, what it makes of it, and which error of the grammar a refusal is."""

from __future__ import annotations

import re
from typing import Any, Callable

FEATURES = ("bridge", "ipgre", "ipip", "nfs", "nfsd", "ppp", "sit", "sysfs", "time")
CAPABILITIES = ("chown", "net_admin", "sys_time", "sys_admin", "sys_module", "net_raw", "ve_admin", "mknod", "setuid", "setgid")
DEVICES = ("hdd", "net", "cdrom", "fdd", "serial", "parallel", "sound", "usb", "pci")
UUID = re.compile(r"\{?[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}\}?\Z")
_UNITS = {"": 20, "K": 10, "M": 20, "G": 30, "T": 40}


class Bad(Exception):
    """A value that the parser refuses, with an error of the grammar and words for its text."""

    def __init__(self, error: str = "value", **words: str) -> None:
        super().__init__(error)
        self.error, self.words = error, words


def _amount(text: str) -> int:
    """Bytes of a whole number with a suffix, MB without one. Raises Bad."""
    match = re.fullmatch(r"(\d+)([KMGT]?)", text)
    if not match:
        raise Bad()
    return int(match.group(1)) << _UNITS[match.group(2)]


def _memsize(text: str) -> int:
    if re.fullmatch(r"-\d+", text):
        raise Bad("range", range="0;4294967295")
    megabytes = _amount(text) >> 20
    if not megabytes:
        raise Bad()
    return megabytes


def _iolimit(text: str) -> int:
    if re.fullmatch(r"-\d+", text):
        raise Bad("range", range="0;4095")
    return _amount(text)


def _pages(text: str) -> int:
    match = re.fullmatch(r"(?:\d+:)?(\d+)", text)
    if not match:
        raise Bad("an_invalid")
    return int(match.group(1))


def _swap(text: str) -> int:
    match = re.fullmatch(r"(\d+)([KMGT]?)", text)
    if not match:
        raise Bad("an_invalid")
    return int(match.group(1)) << (_UNITS[match.group(2)] if match.group(2) else 0)


def _number(text: str, low: int = 0, high: int = 1 << 63, error: str = "value") -> int:
    if not re.fullmatch(r"\d+", text) or not low <= int(text) <= high:
        raise Bad(error)
    return int(text)


def _cpulimit(text: str) -> str:
    match = re.fullmatch(r"(\d+)(%|m|mhz)?", text)
    if not match:
        raise Bad()
    return match.group(1) + ("Mhz" if (match.group(2) or "").startswith("m") else "%")


def _memguarantee(text: str) -> Any:
    return text if text == "auto" else _number(text)


def choice(*words: str, error: str = "value") -> Callable[[str], str]:
    """A type of a few words."""
    def parse(text: str) -> str:
        if text not in words:
            raise Bad(error)
        return text

    return parse


def _onoff(text: str) -> str:
    return "on" if choice("on", "off", "yes", "no")(text) in ("on", "yes") else "off"


def _autostart(text: str) -> str:
    choice("on", "off", "yes", "no", "auto")(text)
    return {"yes": "on", "no": "off"}.get(text, text)


def _switches(known: tuple[str, ...], error: str) -> Callable[[str], str]:
    """Names with `:on` or `:off`; `error` is what a strange name is, and with `_mode` one without."""
    def parse(text: str) -> str:
        for word in re.split(r"[,\s]+", text):
            name, colon, mode = word.partition(":")
            if name not in known:
                raise Bad(error, value=name)
            if not colon or mode not in ("on", "off"):
                raise Bad(error + "_mode", value=word)
        return text

    return parse


def _uuid(text: str) -> str:
    if not UUID.match(text):
        raise Bad("invalid")
    return text.strip("{}").lower()


def _vmtype(text: str) -> str:
    # The real one takes the first letter of each.
    found = {"ct": "ct", "c": "ct", "vm": "vm", "v": "vm", "all": "all", "a": "all"}.get(text)
    if found is None:
        raise Bad()
    return found


def _ostype(text: str) -> str:
    if text == "list":
        raise Bad("ostype_list")
    return choice("windows", "win", "linux", "lin", "freebsd", "os2", "msdos", "netware", "solaris", "other", error="ostype")(text)


def _password(text: str) -> str:
    if ":" not in text:
        raise Bad()
    return text


def _mac(text: str) -> str:
    word = text.replace(":", "").upper()
    if text != "auto" and not re.fullmatch(r"[0-9A-F]{12}", word):
        raise Bad()
    return text if text == "auto" else word


def _rate(text: str) -> str:
    if not re.fullmatch(r"\d+:\d+(:\d+)?", text):
        raise Bad()
    return text


def _storage(text: str) -> str:
    if ":" in text.rpartition("@")[2]:
        raise Bad("storage")
    return text


def _memquota(_text: str) -> str:
    raise Bad("memquota")


PARSERS: dict[str, Callable[[str], Any]] = {
    "text": str, "number": _number, "count": _number, "cpus": _number, "memsize": _memsize, "iolimit": _iolimit, "swappages": _pages, "swap": _swap,
    "cpuunits": lambda text: _number(text, 1), "cpulimit": _cpulimit, "ioprio": lambda text: _number(text, 0, 7), "megabytes": _number,
    "memguarantee": _memguarantee, "memquota": _memquota, "onoff": _onoff, "yesno": choice("yes", "no"), "autostart": _autostart,
    "yesno_invalid": choice("yes", "no", error="invalid"), "autostop": choice("stop", "suspend"), "features": _switches(FEATURES, "feature"),
    "capability": _switches(CAPABILITIES, "capability"), "quota": lambda text: _number(text, error="an_invalid"), "password": _password,
    "rate": _rate, "uuid": _uuid,
    "ha_prio": lambda text: _number(text, error="quoted"), "vmtype": _vmtype, "ostype": _ostype, "distribution": str, "mac": _mac,
    "adapter": choice("virtio", "e1000", "rtl"), "device_kind": choice(*DEVICES, error="parameter"), "size": lambda text: _amount(text) >> 20,
    "device_type": choice("expanded", "bridged", "bridged_network", "host-only", "shared", "routed"), "image": str,
    "vncmode": choice("auto", "manual", "off"), "mountmode": choice("ro", "rw", error="mount_option"), "storage": _storage,
}
