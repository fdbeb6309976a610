# Copyright: (c) 2026, flotilla.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The running kernel: its release, and whether it is recent enough for virtualization."""

from __future__ import annotations

import re
import typing as t

from ansible_collections.flotilla.virt.plugins.module_utils._host import files

# KVM entered Linux with 2.6.20 (February 2007); nothing older can run it.
MINIMUM = (2, 6, 20)

# Everything after the numbers belongs to the distribution: -fc, -042stab145.3, -1160.el7, +, -rc1.
_RELEASE = re.compile(r"(\d+)\.(\d+)(?:\.(\d+))?")


def parse_release(release: str) -> t.Optional[t.Tuple[int, int, int]]:
    """Return the three version numbers of a release such as ``3.10.0-1160.el7``, or None if it has none.

    A release without a third number counts as ``.0``: ``4.19-rc1`` is (4, 19, 0).
    """
    match = _RELEASE.match(release.strip())
    if match is None:
        return None
    major, minor, patch = match.groups(default="0")
    return int(major), int(minor), int(patch)


def supported(release: str) -> bool:
    """Say whether a release is 2.6.20 or later. One that cannot be read is not."""
    version = parse_release(release)
    return version is not None and version >= MINIMUM


def probe(root: str = "/") -> t.Dict[str, t.Any]:
    """Return ``release``, ``version`` (its numbers, or None) and ``supported`` of the running kernel."""
    release = files.read(root, "/proc/sys/kernel/osrelease") or ""
    version = parse_release(release)
    return {
        "release": release,
        "version": ".".join(str(part) for part in version) if version else None,
        "supported": supported(release),
    }
