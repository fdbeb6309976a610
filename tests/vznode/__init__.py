# Copyright: (c) 2026, flotilla.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A contract double of an OpenVZ node: vzctl and vzlist as their recorded transcripts show them, with real work behind.

See README.md in this folder. Nothing of it is part of the product.
"""
