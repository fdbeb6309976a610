# Copyright: (c) 2026, flotilla.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Scalar kinds of the grammar: each a function from a raw value to a canonical one, or ValueError with a remedy."""

from __future__ import annotations

import ipaddress
import json
import re
from decimal import Decimal
import uuid as uuid_module
from typing import Any, Callable, Dict, List, Set
from xml.etree.ElementTree import Element, ParseError, fromstring

from .secrets import Secret
from .units import parse_size

_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.+:-]*\Z")
_MAC = re.compile(r"[0-9a-f]{2}(:[0-9a-f]{2}){5}\Z")
_OCI = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:/@-]*\Z")
_CORES = re.compile(r"(\d+(?:\.\d+)?)\s*(%?)\Z")
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


def image(value: Any) -> str:
    """The name of a declared image, or of an OCI image with its registry."""
    word = text(value)
    if "/" not in word:
        return name(word)
    if not _OCI.match(word):
        raise ValueError("%r is neither the name of an image nor of an OCI image such as docker.io/library/nginx:1.27" % word)
    return word


def cores(value: Any) -> str:
    """CPU time in CPUs (`1.5`) or percent of one (`150%`), as the shortest decimal number of CPUs."""
    word = "" if isinstance(value, bool) else str(value).strip()
    match = _CORES.match(word)
    amount = Decimal(match.group(1)) / (100 if match.group(2) else 1) if match else Decimal(0)
    if amount <= 0 or amount != amount.quantize(Decimal("0.0001")):
        raise ValueError("%r is no CPU limit; write a number of CPUs such as 1.5, or a percentage of one such as 150%%" % (value,))
    return format(amount.normalize(), "f")


def label(value: Any) -> str:
    """The name of a part of a guest, which somebody else may have given: any text without control characters."""
    word = text(value)
    if not word or not word.isprintable():
        raise ValueError("%r is not a name" % word)
    return word


def integer(value: Any) -> int:
    """A whole number, also below zero."""
    if isinstance(value, str) and re.match(r"-?\d+\Z", value.strip()):
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int):
        raise ValueError("%r is not a whole number" % (value,))
    return value


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


def texts(value: Any) -> Dict[str, str]:
    """A dictionary of text by any name."""
    return {text(key): text(word) for key, word in mapping(value).items() if word is not None}


def int_map(value: Any) -> Dict[str, int]:
    """A dictionary of whole numbers by name."""
    return {text(key): integer(number) for key, number in mapping(value).items() if number is not None}


_POLICIES = ("require", "disable", "optional", "force", "forbid")


def cpu_features(value: Any) -> Dict[str, str]:
    """CPU features with their policy; a boolean is short for require or disable."""
    found = {}
    for key, policy in mapping(value).items():
        word = {True: "require", False: "disable"}.get(policy, policy) if isinstance(policy, bool) else policy
        if word is not None and word not in _POLICIES:
            raise ValueError("%s: %r is no policy; use one of %s" % (key, word, ", ".join(_POLICIES)))
        if word is not None:
            found[text(key)] = word
    return found


MOST_NUMBERS = 65535


def number_set(value: Any) -> str:
    """A set of numbers such as `0-3,8`, in libvirt's own order (virBitmapParse): `^2` takes one out."""
    word = str(value).replace(" ", "") if isinstance(value, (int, str)) and not isinstance(value, bool) else ""
    if not re.match(r"\^?\d+(-\d+)?(,\^?\d+(-\d+)?)*\Z", word):
        raise ValueError("%r is not a set of numbers, such as 0-3,8" % (value,))
    chosen: Set[int] = set()
    for part in word.split(","):
        first, _dash, last = part.lstrip("^").partition("-")
        if last and int(last) < int(first):
            raise ValueError("%r ends before it begins" % part)
        if int(last or first) > MOST_NUMBERS:
            raise ValueError("%r is beyond %d" % (part, MOST_NUMBERS))
        numbers = range(int(first), int(last or first) + 1)
        chosen = chosen - set(numbers) if part.startswith("^") else chosen | set(numbers)
    return _ranges(sorted(chosen))


def numbers_of(text_of: str) -> List[int]:
    """The numbers of a set that `number_set` has written."""
    found: List[int] = []
    for part in text_of.split(","):
        first, _dash, last = part.partition("-")
        found.extend(range(int(first), int(last or first) + 1))
    return found


def _ranges(numbers: List[int]) -> str:
    parts: List[List[int]] = []
    for number in numbers:
        if parts and number == parts[-1][1] + 1:
            parts[-1][1] = number
        else:
            parts.append([number, number])
    return ",".join(str(first) if first == last else "%d-%d" % (first, last) for first, last in parts)


def number_sets(value: Any) -> Dict[str, str]:
    """Sets of numbers by number: what runs where."""
    return {str(count(key)): number_set(word) for key, word in mapping(value).items() if word is not None}


def pages(value: Any) -> Any:
    """True or false, or the size of a page in bytes."""
    return value if isinstance(value, bool) else parse_size(value)


_PCI = re.compile(r"(?:([0-9a-f]{4}):)?([0-9a-f]{2}):([0-9a-f]{2})\.([0-7])\Z")
_USB = re.compile(r"[0-9a-f]{4}:[0-9a-f]{4}\Z|\d+\.\d+\Z")


def pci(value: Any) -> str:
    """A PCI address: `0000:03:00.0`, the domain may be left out."""
    match = _PCI.match(text(value).lower())
    if not match:
        raise ValueError("%r is not a PCI address, such as 0000:03:00.0" % (value,))
    return "%s:%s:%s.%s" % (match.group(1) or "0000", match.group(2), match.group(3), match.group(4))


def usb(value: Any) -> str:
    """A USB device: vendor and product (`046d:c52b`), or bus and device (`1.4`)."""
    word = text(value).lower()
    if isinstance(value, int) or not _USB.match(word):
        raise ValueError('%r is not a USB device; write vendor and product in quotes such as "046d:c52b", or bus and device such as "1.4"' % (value,))
    return word


def uuid(value: Any) -> str:
    """A UUID in lower case with dashes."""
    try:
        return str(uuid_module.UUID(text(value)))
    except ValueError:
        raise ValueError("%r is not a UUID" % (value,)) from None


def hexadecimal(value: Any) -> str:
    """A number in hexadecimal notation: `0x0003`."""
    try:
        return "0x%04x" % (value if isinstance(value, int) else int(text(value), 16))
    except ValueError:
        raise ValueError("%r is not a hexadecimal number, such as 0x0003" % (value,)) from None


def vlan(value: Any) -> Any:
    """A VLAN tag, or a list of tags for a trunk."""
    tags_of = [integer(tag) for tag in (value if isinstance(value, (list, tuple)) else [value])]
    if not tags_of or any(not 0 <= tag <= 4095 for tag in tags_of):
        raise ValueError("%r is no VLAN tag, 0 to 4095, and no list of such" % (value,))
    return tags_of if isinstance(value, (list, tuple)) else tags_of[0]


def domain_element(word: str) -> Element:
    """The outermost element of a piece of domain XML. Raises ValueError with what is wrong."""
    try:
        root = fromstring(word)
    except ParseError as error:
        raise ValueError("is not well-formed XML: %s" % error) from None
    if root.tag != "domain":
        raise ValueError("its outermost element is <%s>; write <domain>...</domain>" % root.tag)
    return root


def domain_xml(value: Any) -> str:
    """A piece of domain XML: text whose outermost element is `domain`."""
    word = text(value)
    domain_element(word)
    return word


PARSERS: Dict[str, Callable[[Any], Any]] = {
    "str": text, "bool": boolean, "int": count, "name": name, "size": parse_size, "mac": mac, "ip": ip,
    "interface": interface, "subnet": subnet, "path": absolute_path, "secret": secret, "secret_any": secret_any, "map": mapping,
    "tags": tags, "image": image, "cores": cores, "any": lambda value: value, "label": label, "reference": label, "integer": integer, "texts": texts,
    "int_map": int_map, "cpu_features": cpu_features, "cpuset": number_set, "cpusets": number_sets, "huge_pages": pages,
    "pci": pci, "usb": usb, "uuid": uuid, "vlan": vlan, "hex": hexadecimal, "xml": domain_xml,
}
