# Copyright: (c) 2026, flotilla.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Fixtures of the in-process domain tests."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from laws.domain_lab import DomainLab, test_host
from laws.wire import Wire


@pytest.fixture(name="lab")
def _lab(tmp_path: Path) -> DomainLab:
    """A new, empty host."""
    return test_host(tmp_path)


@pytest.fixture(name="fresh")
def _fresh(tmp_path: Path) -> Callable[[], tuple[DomainLab, Wire]]:
    """Makes one more new host, with its wire."""
    def make() -> tuple[DomainLab, Wire]:
        lab = test_host(tmp_path)
        return lab, lab.wire
    return make
