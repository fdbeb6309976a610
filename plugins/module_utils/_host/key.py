# Copyright: (c) 2026, flotilla.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The host's own key for remembering secrets as an HMAC; only root can read it."""

from __future__ import annotations

import os
import secrets

from .._reconcile.errors import FlotillaError
from .._reconcile.secrets import Seal, sealer

PATH = "/var/lib/flotilla/key"
USER_PATH = "~/.local/share/flotilla/key"
BYTES = 32


def key_path() -> str:
    """Where this user's key is: the machine's for root, the user's own otherwise."""
    return PATH if os.getuid() == 0 else os.path.expanduser(USER_PATH)


def host_sealer(create: bool, path: str = "") -> Seal:
    """The sealing function of this host.

    Without a key yet, `create` says whether to make one; a check run must not, and seals under a passing key:
    there is no annotation yet that it could disagree with.
    """
    place = path or key_path()
    try:
        with open(place, "rb") as handle:
            key = handle.read()
    except FileNotFoundError:
        key = _make(place) if create else secrets.token_bytes(BYTES)
    except OSError as error:
        raise FlotillaError("the key %s cannot be read: %s" % (place, error.strerror),
                            "run with become: true") from None
    return sealer(key)


def _make(place: str) -> bytes:
    """Makes the key; of two runs at once the first one's stays (O_EXCL through a hard link)."""
    os.makedirs(os.path.dirname(place), mode=0o755, exist_ok=True)
    temporary = "%s.%d" % (place, os.getpid())
    handle = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        os.write(handle, secrets.token_bytes(BYTES))
        os.fsync(handle)
    finally:
        os.close(handle)
    try:
        os.link(temporary, place)
    except FileExistsError:
        pass
    finally:
        os.unlink(temporary)
    with open(place, "rb") as existing:
        return existing.read()
