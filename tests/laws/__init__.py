# Copyright: (c) 2026, flotilla.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The laws of the design as reusable assertions: what every resource's tests put their declarations through.

`lab` is what a resource gives (how to run it, what the host's raw documents are), `laws` the assertions, `wire` a
connection that counts and that can die, `planted` the search for secrets.
"""
