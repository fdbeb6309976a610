# Copyright: (c) 2026, flotilla.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Nodes of the contract double with a dispatcher: the same nodes as OpenVZ's tests have, with prlctl on them."""

from __future__ import annotations

from system.openvz.conftest import debian, host_network, make_node, stubborn, tiny

__all__ = ["debian", "host_network", "make_node", "stubborn", "tiny"]
