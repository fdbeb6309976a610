# Copyright: (c) 2026, flotilla.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A node of the contract double that has Virtuozzo's dispatcher."""

from __future__ import annotations

from collections.abc import Callable

from vznode.node import Node


def virtuozzo(make_node: Callable[..., Node]) -> Node:
    """An empty node, strict, with prlctl 9."""
    return make_node(7)


def stop_dispatcher(node: Node, down: bool = True) -> None:
    """Let prlctl find no dispatcher, or one again."""
    node.dispatcher_down = down
