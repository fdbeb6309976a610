# Copyright: (c) 2026, flotilla.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Nodes of the contract double: in this process, each empty at its start, with a network of their own."""

from __future__ import annotations

from pathlib import Path

import pytest
from vznode.bare import make_base
from vznode.fixtures import DEBIAN, TEMPLATE, TOOLS, debian, host_network, make_node, stubborn, tiny

__all__ = ["DEBIAN", "TEMPLATE", "TOOLS", "debian", "host_network", "make_node", "stubborn", "tiny"]


@pytest.fixture(scope="session")
def bare_base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What every node without Python has."""
    return make_base(tmp_path_factory.mktemp("bare") / "root")
