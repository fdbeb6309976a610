# Copyright: (c) 2026, flotilla.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""SSH host keys as guests tell them: only what really is a public key is kept of it.

A guest writes what it likes into its own files. A line of it that reached a known_hosts file as it is could name other hosts.
"""

from __future__ import annotations

import base64
import binascii
import re
from typing import Any, Iterable, List

# Their files in sshd's directory, the one that most clients choose first.
FILES = ("ssh_host_ed25519_key.pub", "ssh_host_ecdsa_key.pub", "ssh_host_rsa_key.pub")
# An RSA key of 16,384 bits takes less than 3,000 characters.
LONGEST = 4096
_KEY = re.compile(r"(?P<type>[a-z0-9@.-]+) (?P<data>[A-Za-z0-9+/]+={0,2})(?: .*)?")


def public_keys(texts: Iterable[Any]) -> List[str]:
    """The public keys in these texts, one in each, as `type data` without a comment; what is none is left out (sshd(8))."""
    found = [_key(text.strip()) for text in texts if isinstance(text, str) and len(text) <= LONGEST]
    return list(dict.fromkeys(key for key in found if key))


def _key(text: str) -> str:
    match = _KEY.fullmatch(text)
    if match is None:
        return ""
    try:
        data = base64.b64decode(match.group("data"), validate=True)
    except binascii.Error:
        return ""
    # The data begins with the type once more, after its length in four bytes (RFC 4253, section 6.6).
    name = match.group("type").encode("ascii")
    return "%s %s" % match.group("type", "data") if data.startswith(len(name).to_bytes(4, "big") + name) else ""
