# Copyright: (c) 2026, flotilla.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Identities that nobody has to write: derived, so that check mode and the real run, and every later run, agree."""

from __future__ import annotations

import hashlib


def derived_mac(fleet: str, guest: str, nic: str) -> str:
    """A MAC address from fleet, guest and NIC, under QEMU's prefix 52:54:00 (locally administered, unicast)."""
    digest = hashlib.sha256("\0".join(("mac", fleet, guest, nic)).encode("utf-8")).hexdigest()
    return "52:54:00:%s:%s:%s" % (digest[0:2], digest[2:4], digest[4:6])
