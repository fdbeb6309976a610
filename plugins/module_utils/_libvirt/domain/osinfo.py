# Copyright: (c) 2026, flotilla.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Names of operating systems as libosinfo has them: short ones (`debian12`) and addresses (`http://debian.org/debian/12`).

A domain's metadata has the address, by which virt-manager, Cockpit and others show the right system. libosinfo's database is
not needed: its addresses follow from the short names for the systems below, and any address can be written as it is.
"""

from __future__ import annotations

import re
from typing import Tuple

# Start of the short name, start of the address. The rest is the version, written alike in both; longer starts come first.
_SYSTEMS: Tuple[Tuple[str, str], ...] = (
    ("debian", "http://debian.org/debian/"), ("ubuntu", "http://ubuntu.com/ubuntu/"), ("fedora", "http://fedoraproject.org/fedora/"),
    ("centos-stream", "http://centos.org/centos-stream/"), ("centos", "http://centos.org/centos/"), ("rhel-atomic-",
                                                                                                     "http://redhat.com/rhel-atomic/"),
    ("rhel", "http://redhat.com/rhel/"), ("almalinux", "http://almalinux.org/almalinux/"), ("rocky", "http://rockylinux.org/rocky/"),
    ("ol", "http://oracle.com/ol/"), ("opensuse", "http://opensuse.org/opensuse/"), ("alpinelinux", "http://alpinelinux.org/alpinelinux/"),
    ("gentoo", "http://gentoo.org/gentoo/"), ("linux", "http://libosinfo.org/linux/"), ("win", "http://microsoft.com/win/"),
    ("freebsd", "http://freebsd.org/freebsd/"), ("openbsd", "http://openbsd.org/openbsd/"), ("netbsd", "http://netbsd.org/netbsd/"),
    ("dragonflybsd", "http://dragonflybsd.org/dragonflybsd/"), ("solaris", "http://oracle.com/solaris/"), ("openindiana",
                                                                                                           "http://openindiana.org/openindiana/"),
    ("macosx", "http://apple.com/macosx/"), ("macos", "http://apple.com/macos/"),
)
_WHOLE = {"archlinux": "http://archlinux.org/archlinux/rolling", "debiantesting": "http://debian.org/debian/testing",
          "opensusetumbleweed": "http://opensuse.org/opensuse/tumbleweed", "freebsd": "http://freebsd.org/freebsd/"}
_BY_ADDRESS = {address: name for name, address in _WHOLE.items()}
_SUSE = re.compile(r"(sles|sled|sle)(\d+)(?:sp(\d+))?\Z")
_SUSE_ADDRESS = re.compile(r"http://suse\.com/(sles|sled|sle)/(\d+)(?:\.(\d+))?\Z")


def address(name: str) -> str:
    """The address of a short name; an address, or a name that is not known, stays as it is."""
    if name in _WHOLE:
        return _WHOLE[name]
    suse = _SUSE.match(name)
    if suse:
        return "http://suse.com/%s/%s%s" % (suse.group(1), suse.group(2), "." + suse.group(3) if suse.group(3) else "")
    for start, place in _SYSTEMS:
        if name.startswith(start) and name[len(start):] and "/" not in name:
            return place + name[len(start):]
    return name


def short_name(text: str) -> str:
    """The short name of an address; any other address stays as it is."""
    if text in _BY_ADDRESS:
        return _BY_ADDRESS[text]
    suse = _SUSE_ADDRESS.match(text)
    if suse:
        return "%s%s%s" % (suse.group(1), suse.group(2), "sp" + suse.group(3) if suse.group(3) else "")
    for start, place in _SYSTEMS:
        if text.startswith(place) and address(start + text[len(place):]) == text:
            return start + text[len(place):]
    return text
