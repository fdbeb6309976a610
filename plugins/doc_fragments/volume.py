# Copyright: (c) 2026, flotilla.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Generated from the grammar by tests/tools/generate_docs.py: change the grammar, not this file.

from __future__ import annotations


class ModuleDocFragment:
    """Options of a volume, from the grammar."""

    DOCUMENTATION = r"""
options:
  state:
    description:
    - V(present) (the default) or V(absent), which removes the volume and its data. One that a domain has as a disk, or that
      another volume stands on, is not removed.
    - One of V(present), V(absent).
    type: raw
  pool:
    description:
    - Pool that it is in.
    type: raw
  size:
    description:
    - Capacity with a binary unit, in whole sectors of 512 bytes. It can grow and never shrinks. Required at creation unless
      there is O(backing). Resize the volume of a running guest through C(flotilla.virt.domain).
    - A size with a binary unit, such as V(512MiB) or V(4GiB).
    type: raw
  format:
    description:
    - Format. V(qcow2) at creation in a pool of files, V(raw) in any other. It cannot be changed later.
    - One of V(qcow2), V(raw), V(iso).
    type: raw
  backing:
    description:
    - Volume of the same pool that this one is a copy-on-write clone of. It cannot be changed later.
    type: raw
"""
