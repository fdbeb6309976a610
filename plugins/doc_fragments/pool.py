# Copyright: (c) 2026, flotilla.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Generated from the grammar by tests/tools/generate_docs.py: change the grammar, not this file.

from __future__ import annotations


class ModuleDocFragment:
    """Options of a pool, from the grammar."""

    DOCUMENTATION = r"""
options:
  state:
    description:
    - 'V(running) (the default: a pool that is not active is started) or V(stopped); V(present) leaves it as it is.'
    - V(absent) removes the definition and leaves everything that is in the pool.
    - One of V(running), V(stopped), V(present), V(absent).
    type: raw
  type:
    description:
    - Type of storage. V(dir) at creation. It cannot be changed later.
    - One of V(dir), V(fs), V(netfs), V(logical), V(disk), V(iscsi), V(iscsi-direct), V(rbd), V(gluster), V(zfs).
    type: raw
  path:
    description:
    - Directory on the host (the target). For O(type=dir) it is made when it is not there. For O(type=fs) and O(type=netfs)
      the mount point. It cannot be changed later.
    type: raw
  source:
    description:
    - Where the storage comes from. Nothing is ever formatted. It cannot be changed later.
    type: raw
    suboptions:
      host:
        description:
        - 'Server: O(type=netfs), V(iscsi), V(iscsi-direct), V(rbd), V(gluster).'
        type: str
      dir:
        description:
        - 'Directory or export on the server: O(type=netfs), O(type=gluster).'
        type: str
      device:
        description:
        - 'Device or target: O(type=fs), O(type=disk), O(type=iscsi), O(type=iscsi-direct), O(type=logical).'
        type: str
      name:
        description:
        - 'Volume group, RBD pool, Gluster volume or ZFS dataset: O(type=logical), O(type=rbd), O(type=gluster), O(type=zfs).'
        type: str
      format:
        description:
        - File system or partition table that is there, such as V(nfs), V(xfs) or V(lvm2).
        type: str
      initiator:
        description:
        - 'IQN of this host: O(type=iscsi-direct).'
        type: str
  autostart:
    description:
    - Whether it starts with the host. V(true) at creation, V(false) with O(state=stopped).
    type: raw
"""
