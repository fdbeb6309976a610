# Copyright: (c) 2026, flotilla.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Generated from the grammar by tests/tools/generate_docs.py: change the grammar, not this file.

from __future__ import annotations


class ModuleDocFragment:
    """Options of an image, from the grammar."""

    DOCUMENTATION = r"""
options:
  state:
    description:
    - V(present) (the default); V(absent) forgets the image. Guests made from it, and the volumes that they are clones of,
      stay.
    - One of V(present), V(absent).
    type: raw
  disk:
    description:
    - 'Disk image, for domains: qcow2 or raw, which is found out. A bare path is short for V(path).'
    type: raw
    suboptions:
      url:
        description:
        - Where to download it from (http, https, file), once; needs O(disk.checksum).
        type: str
      path:
        description:
        - File on the host, used where it is.
        type: str
      checksum:
        description:
        - Digest such as C(sha256:...), C(sha384:...) or C(sha512:...). Nothing is kept when it is wrong.
        type: str
      format:
        description:
        - Format that it must have. An image of another one is then refused.
        type: str
        choices:
        - qcow2
        - raw
  rootfs:
    description:
    - Tarball of a root file system, for containers. A bare path is short for V(path).
    type: raw
    suboptions:
      url:
        description:
        - Where to download it from (http, https, file), once; needs O(rootfs.checksum).
        type: str
      path:
        description:
        - File on the host, used where it is.
        type: str
      checksum:
        description:
        - Digest such as C(sha256:...), C(sha384:...) or C(sha512:...). Nothing is kept when it is wrong.
        type: str
"""
