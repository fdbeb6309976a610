# Copyright: (c) 2026, flotilla.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Identities that nobody has to write: derived, so that check mode and the real run, and every later run, agree."""

from __future__ import annotations

import hashlib


def derived_mac(fleet: str, guest: str, nic: str) -> str:
    """A MAC address from fleet, guest and NIC: locally administered and unicast, like those that QEMU makes up.

    Five bytes are derived. With three (after QEMU's usual 52:54:00) two of 1,000 guests share one in 3 fleets of 100, and
    two of 10,000 nearly always do; with five that is one fleet in 20,000.
    """
    digest = hashlib.sha256("\0".join(("mac", fleet, guest, nic)).encode("utf-8")).hexdigest()
    return ":".join(["52"] + [digest[start:start + 2] for start in range(0, 10, 2)])
