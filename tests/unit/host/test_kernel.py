# Copyright: (c) 2026, flotilla.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import pathlib

import pytest

from ansible_collections.flotilla.virt.plugins.module_utils._host import kernel
from ansible_collections.flotilla.virt.tests.unit.host import trees


@pytest.mark.parametrize(
    ("release", "version", "supported"),
    [
        ("6.18.44-fc", (6, 18, 44), True),
        ("2.6.32-042stab145.3", (2, 6, 32), True),
        ("3.10.0-1160.el7", (3, 10, 0), True),
        ("5.10.0+", (5, 10, 0), True),
        ("4.19-rc1", (4, 19, 0), True),
        ("2.6.20", (2, 6, 20), True),
        ("2.6.20rc1", (2, 6, 20), True),
        ("2.6.19.7-grsec", (2, 6, 19), False),
        ("2.6", (2, 6, 0), False),
        ("2.4.37-9.el3", (2, 4, 37), False),
        ("10.0.1", (10, 0, 1), True),
        # Compared as numbers, not as text: as text 2.6.9 is later than 2.6.20.
        ("2.6.9-89.EL", (2, 6, 9), False),
    ],
)
def test_release(release: str, version: tuple, supported: bool) -> None:
    assert kernel.parse_release(release) == version
    assert kernel.supported(release) is supported


@pytest.mark.parametrize("release", ["", "linux", "6", "-6.1", "v6.1", "six.one"])
def test_a_release_without_numbers_is_not_supported(release: str) -> None:
    assert kernel.parse_release(release) is None
    assert kernel.supported(release) is False


def test_probe(tmp_path: pathlib.Path) -> None:
    root = trees.lay_out(tmp_path, {"/proc/sys/kernel/osrelease": "2.6.32-042stab145.3\n"})
    assert kernel.probe(root) == {"release": "2.6.32-042stab145.3", "version": "2.6.32", "supported": True}


def test_probe_where_proc_is_missing(tmp_path: pathlib.Path) -> None:
    assert kernel.probe(str(tmp_path)) == {"release": "", "version": None, "supported": False}
