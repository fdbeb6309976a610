# Copyright: (c) 2026, flotilla.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A host that is reached by commands alone (`transport: command`): the driver runs here, and there a POSIX shell and coreutils do what it asks.

What is relied on there is what RHEL 6 has in its smallest installation: sh, coreutils 8.4 (timeout, mktemp, readlink, stat,
dd with nofollow and fsync), flock of util-linux, and /proc.
"""
