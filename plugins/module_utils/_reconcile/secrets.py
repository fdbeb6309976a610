# Copyright: (c) 2026, flotilla.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Secrets: carried as an object that cannot print itself, remembered as an HMAC under a key of the host."""

from __future__ import annotations

import hashlib
import hmac
from typing import Any, Callable, Mapping, Optional

HIDDEN = "********"
KEEP: Mapping[str, bool] = {"keep": True}

Seal = Callable[[str], str]


class Secret:
    """A secret value. `reveal()` is the only way to it; printing shows a mask.

    A secret without a value stands for `{keep: true}`: leave what is there as it is.
    """

    __slots__ = ("_value",)

    def __init__(self, value: Optional[str]) -> None:
        self._value = value

    @property
    def keeps(self) -> bool:
        """Whether this is `{keep: true}`."""
        return self._value is None

    def reveal(self) -> str:
        """The value itself, for the one call that hands it to an engine."""
        if self._value is None:
            raise ValueError("{keep: true} has no value")
        return self._value

    def __repr__(self) -> str:
        return HIDDEN

    __str__ = __repr__

    def __eq__(self, other: Any) -> bool:
        return isinstance(other, Secret) and other._value == self._value

    def __hash__(self) -> int:
        return hash(self._value)


def sealer(key: bytes) -> Seal:
    """A function that turns a secret into `hmac:KEYID:DIGEST`.

    KEYID names the key without revealing it, so that a digest under another host's key is recognised as unknown.
    """
    key_id = hashlib.sha256(b"flotilla.virt key id" + key).hexdigest()[:8]

    def seal(value: str) -> str:
        return "hmac:%s:%s" % (key_id, hmac.new(key, value.encode("utf-8"), hashlib.sha256).hexdigest())

    return seal


def matches(secret: Secret, sealed: Any, seal: Optional[Seal]) -> bool:
    """Whether a declared secret is the one remembered as `sealed`.

    `{keep: true}` always matches. A digest under an unknown key matches too: it never causes a change by itself.
    """
    if secret.keeps:
        return True
    if isinstance(sealed, Secret):
        # The engine itself says what it has.
        return secret == sealed
    if not isinstance(sealed, str) or not sealed.startswith("hmac:") or seal is None:
        return False
    mine = seal(secret.reveal())
    if mine.split(":")[1] != sealed.split(":")[1]:
        return True
    return hmac.compare_digest(mine, sealed)
