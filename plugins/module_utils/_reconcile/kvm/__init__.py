# Copyright: (c) 2026, flotilla.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The domain table: every option of a domain with its place in the document and how it changes, a file for each part.

The facts about what libvirt changes live come from libvirt's own source (function names beside them) and from running
guests; `tests/system/domain` asks the installed libvirt.
"""
