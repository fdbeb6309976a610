# Copyright: (c) 2026, flotilla.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations


class ModuleDocFragment:
    """The connection to libvirt."""

    DOCUMENTATION = r"""
options:
  uri:
    description:
      - The libvirt connection.
      - Without it the environment variable E(LIBVIRT_DEFAULT_URI) of the host counts, else C(qemu:///system).
    type: str
requirements:
  - libvirt-python on the host (the distribution's C(python3-libvirt))
"""
