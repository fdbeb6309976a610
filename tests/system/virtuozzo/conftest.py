# Copyright: (c) 2026, flotilla.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Nodes of the contract double that have prlctl: those of OpenVZ version 7, whose templates and network they share."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from vznode.fixtures import DEBIAN, TEMPLATE, debian, host_network, make_node, stubborn, tiny
from vznode.node import Node

__all__ = ["DEBIAN", "TEMPLATE", "debian", "host_network", "make_node", "node", "stubborn", "tiny"]


@pytest.fixture
def node(make_node: Callable[..., Node]) -> Node:  # pylint: disable=redefined-outer-name
    """An empty strict node with the newest prlctl."""
    return make_node(7)
