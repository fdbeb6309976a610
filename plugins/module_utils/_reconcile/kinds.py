# Copyright: (c) 2026, flotilla.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Scalar kinds of the grammar: each a function from a raw value to a canonical one, or ValueError with a remedy."""

from __future__ import annotations

import ipaddress
import json
import re
from typing import Any, Callable, Dict

from .secrets import Secret
from .units import parse_size

_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.+:-]*\Z")
_MAC = re.compile(r"[0-9a-f]{2}(:[0-9a-f]{2}){5}\Z")
_TRUE = ("true", "yes", "on", "1")
_FALSE = ("false", "no", "off", "0")


def describe(value: Any) -> str:
    """What a value is, in words a YAML author uses."""
    if isinstance(value, bool):
        return "a boolean"
    if isinstance(value, (int, float)):
        return "a number"
    if isinstance(value, str):
        return "text"
    if isinstance(value, (list, tuple)):
        return "a list"
    return "a dictionary"


def text(value: Any) -> str:
    """Text; a number is taken as written, since YAML makes numbers of some names."""
    if isinstance(value, (str, int, float)) and not isinstance(value, bool):
        return str(value)
    raise ValueError("must be text, not %s; put it in quotes" % describe(value))


def boolean(value: Any) -> bool:
    """A boolean, also as the words that Ansible's command line and surveys send."""
    if isinstance(value, bool):
        return value
    word = str(value).lower()
    if word in _TRUE:
        return True
    if word in _FALSE:
        return False
    raise ValueError("%r is neither true nor false" % (value,))


def count(value: Any) -> int:
    """A whole number, zero or above."""
    if isinstance(value, str) and value.strip().isdigit():
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        raise ValueError("%r is not a whole number" % (value,))
    return value


def name(value: Any) -> str:
    """A resource name: letters, digits and `_ . + : -`, no slash, not starting with a dot or a dash."""
    word = text(value)
    if not _NAME.match(word):
        raise ValueError("%r is not a name; use letters, digits, dot, dash and underscore, "
                         "and start with a letter or a digit" % word)
    if len(word) > 200:
        raise ValueError("a name of %d characters is too long; use at most 200" % len(word))
    return word


def mac(value: Any) -> str:
    """A unicast MAC address in lower case."""
    if isinstance(value, int) and not isinstance(value, bool):
        raise ValueError("YAML read this MAC address as the number %s; put it in quotes" % value)
    word = text(value).lower()
    if not _MAC.match(word):
        raise ValueError("%r is not a MAC address; write six pairs of hex digits in quotes, "
                         'such as "52:54:00:11:22:33"' % word)
    if int(word[:2], 16) & 1:
        raise ValueError("%r is a multicast address; a network card needs one whose first byte is even" % word)
    return word


def ip(value: Any) -> str:
    """An IPv4 or IPv6 address."""
    try:
        return str(ipaddress.ip_address(text(value)))
    except ValueError:
        raise ValueError("%r is not an IP address, such as 10.0.0.1" % (value,)) from None


def interface(value: Any) -> str:
    """An address with its prefix length, such as `10.20.0.11/24`."""
    word = text(value)
    if "/" not in word:
        raise ValueError("%r has no prefix length; write it such as %s/24" % (word, word))
    try:
        return str(ipaddress.ip_interface(word))
    except ValueError:
        raise ValueError("%r is not an address with a prefix length, such as 10.20.0.11/24" % word) from None


def subnet(value: Any) -> str:
    """A network, such as `10.20.0.0/24`."""
    word = text(value)
    try:
        return str(ipaddress.ip_network(word, strict=True))
    except ValueError as error:
        if "host bits" in str(error):
            raise ValueError("%r has host bits set; the network is %s"
                             % (word, ipaddress.ip_network(word, strict=False))) from None
        raise ValueError("%r is not a network, such as 10.20.0.0/24" % word) from None


def absolute_path(value: Any) -> str:
    """An absolute path on the host."""
    word = text(value)
    if not word.startswith("/") or "\0" in word:
        raise ValueError("%r is not an absolute path" % word)
    return word.rstrip("/") or "/"


def secret(value: Any) -> Secret:
    """A secret, or `{keep: true}`."""
    if isinstance(value, dict):
        if value == {"keep": True}:
            return Secret(None)
        raise ValueError("must be the secret as text, or {keep: true}")
    if isinstance(value, str):
        return Secret(value)
    raise ValueError("must be text, not %s; put it in quotes" % describe(value))


def secret_any(value: Any) -> Secret:
    """A secret that may also be written as a dictionary, which is kept as JSON with sorted keys."""
    if isinstance(value, dict) and value != {"keep": True}:
        return Secret(json.dumps(value, sort_keys=True))
    return secret(value)


def mapping(value: Any) -> Dict[str, Any]:
    """A free-form dictionary."""
    if not isinstance(value, dict):
        raise ValueError("must be a dictionary, not %s" % describe(value))
    return value


def tags(value: Any) -> Dict[str, str]:
    """A dictionary of text by name."""
    return {name(key): text(word) for key, word in mapping(value).items() if word is not None}


PARSERS: Dict[str, Callable[[Any], Any]] = {
    "str": text, "bool": boolean, "int": count, "name": name, "size": parse_size, "mac": mac, "ip": ip,
    "interface": interface, "subnet": subnet, "path": absolute_path, "secret": secret, "secret_any": secret_any, "map": mapping,
    "tags": tags, "any": lambda value: value,
}
