# Copyright: (c) 2026, flotilla.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Installation trees on a web server: where their kernel and RAM disk are, fetched and checked."""

from __future__ import annotations

import configparser
import hashlib
from typing import Callable, Dict, Optional, Tuple

from .._reconcile.errors import FlotillaError
from . import images

# Debian's names of the architectures that its own trees are sorted by.
_DEBIAN = {"x86_64": "amd64", "aarch64": "arm64", "i686": "i386", "armv7l": "armhf", "ppc64le": "ppc64el", "s390x": "s390x"}
Get = Callable[[str], bytes]


def fetch(url: str, architecture: str, get: Get = images.content) -> Tuple[bytes, bytes]:
    """Kernel and RAM disk of the tree at `url`: one with a `.treeinfo` (Fedora and its kin), or Debian's `images` folder.

    Both are checked against the digests that the tree has for them. Raises FlotillaError where it is no tree or a digest is wrong.
    """
    base = url.rstrip("/") + "/"
    info = _try(get, base + ".treeinfo")
    if info is not None:
        kernel, initrd, digests = _treeinfo(info.decode("utf-8", "replace"), architecture, url)
    else:
        place = "netboot/debian-installer/%s/" % _DEBIAN.get(architecture, architecture)
        sums = _try(get, base + "SHA256SUMS")
        if sums is None:
            raise FlotillaError("%s is no installation tree: it has neither .treeinfo nor SHA256SUMS" % url,
                                "correct tree, make it reachable from this host, or declare kernel and initrd")
        kernel, initrd, digests = place + "linux", place + "initrd.gz", _sums(sums.decode("utf-8", "replace"))
    return _checked(get, base, kernel, digests), _checked(get, base, initrd, digests)


def _try(get: Get, url: str) -> Optional[bytes]:
    try:
        return get(url)
    except FlotillaError:
        return None


def _treeinfo(text: str, architecture: str, url: str) -> Tuple[str, str, Dict[str, str]]:
    parser = configparser.ConfigParser(interpolation=None, strict=False)
    try:
        parser.read_string(text)
        section = "images-" + architecture
        digests = {path: value.split(":", 1)[1] for path, value in
                   (parser.items("checksums") if parser.has_section("checksums") else ()) if value.startswith("sha256:")}
        return parser.get(section, "kernel"), parser.get(section, "initrd"), digests
    except configparser.Error as error:
        raise FlotillaError("the .treeinfo of %s names no kernel for %s: %s" % (url, architecture, str(error).splitlines()[0]),
                            "name the tree of that architecture") from None


def _sums(text: str) -> Dict[str, str]:
    lines = [line.split() for line in text.splitlines()]
    return {words[1].lstrip("*").replace("./", "", 1): words[0] for words in lines if len(words) == 2}


def _checked(get: Get, base: str, path: str, digests: Dict[str, str]) -> bytes:
    data, wanted = get(base + path), digests.get(path)
    if wanted is not None and hashlib.sha256(data).hexdigest() != wanted.lower():
        raise FlotillaError("%s%s has another checksum than its tree says" % (base, path), "run again, or use another mirror")
    return data
