#!/usr/bin/python
# Copyright: (c) 2026, flotilla.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: pool
short_description: Declare a storage pool of libvirt
version_added: 0.1.0
description:
  - Makes a storage pool match what is declared, and says exactly what it did. A second run changes nothing.
  - The directory of a pool is made when it is not there. No device is ever formatted, and nothing in a pool is removed.
  - libvirt keeps no notes with a pool, so only the options that are declared are enforced, and one that is no longer declared stays as it is.
  - Where a pool is and of what type cannot be changed; that is refused.
author: The flotilla.virt team (@flotilla)
extends_documentation_fragment:
  - flotilla.virt.attributes
  - flotilla.virt.connection
  - flotilla.virt.pool
  - flotilla.virt.run
options:
  name:
    description: Name of the pool.
    type: str
    required: true
seealso:
  - module: flotilla.virt.pool_info
"""

EXAMPLES = r"""
- name: A directory of the host as a pool
  flotilla.virt.pool:
    name: fast
    path: /srv/fast

- name: An export of an NFS server
  flotilla.virt.pool:
    name: shared
    type: netfs
    path: /mnt/shared
    source:
      host: nfs.example.com
      dir: /export/guests
      format: nfs

- name: A volume group that is there
  flotilla.virt.pool:
    name: vg0
    type: logical
    source: {name: vg0}

- name: Remove the definition, and leave everything in it
  flotilla.virt.pool:
    name: fast
    state: absent
"""

RETURN = r"""
kind:
  description: Kind of the resource.
  returned: always
  type: str
  sample: pool
name:
  description: Name of the resource.
  returned: always
  type: str
  sample: fast
plan:
  description:
    - What differs from the declaration, in order. In check mode it is what a run would change.
  returned: always
  type: list
  elements: dict
  contains:
    path:
      description: Which option, such as V(autostart).
      type: str
    before:
      description: What the host had, as it is written in a declaration. Null where there was nothing.
      type: raw
    after:
      description: What the declaration says. Null where it is removed.
      type: raw
    impact:
      description: V(live), V(restart) (stored, and pending until it restarts) or V(recreate) (refused).
      type: str
pending:
  description: What is stored and not yet running.
  returned: always
  type: list
  elements: dict
  contains:
    path:
      description: Which option.
      type: str
    running:
      description: The value that runs.
      type: raw
    stored:
      description: The value that is stored.
      type: raw
    reason:
      description: What it waits for.
      type: str
diff:
  description: The plan as C(before) and C(after), for C(--diff).
  returned: always
  type: dict
spec:
  description: The pool as the host has it now, which is a valid declaration of it.
  returned: always
  type: dict
  sample: {state: running, type: dir, path: /srv/fast, autostart: true}
status:
  description: What is not declared but found out.
  returned: always
  type: dict
  contains:
    active:
      description: Whether it can be used.
      type: bool
    persistent:
      description: Whether it is defined, and not only running.
      type: bool
    uuid:
      description: Its UUID.
      type: str
    capacity:
      description: Size in bytes. 0 while the pool is not active.
      type: int
    allocation:
      description: Bytes in use.
      type: int
    available:
      description: Bytes free.
      type: int
    volumes:
      description: How many volumes it has. Null while the pool is not active.
      type: int
plan_id:
  description: Digest of the plan, for O(expect_plan).
  returned: in check mode
  type: str
host_ready:
  description: Whether the host has what it takes. V(false) in check mode on a host where libvirt is not there yet.
  returned: always
  type: bool
problems:
  description: What is wrong in the declaration, each with its path and a remedy.
  returned: when the declaration is refused
  type: list
  elements: dict
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.flotilla.virt.plugins.module_utils import _module
from ansible_collections.flotilla.virt.plugins.module_utils._libvirt.connection import is_local
from ansible_collections.flotilla.virt.plugins.module_utils._libvirt.pool import PoolDriver
from ansible_collections.flotilla.virt.plugins.module_utils._reconcile.contract import Driver, Request
from ansible_collections.flotilla.virt.plugins.module_utils._reconcile.grammar import POOL


def main() -> None:
    """Declares one pool."""
    module = AnsibleModule(
        argument_spec=_module.argument_spec(POOL, **_module.URI_SPEC), supports_check_mode=True)
    uri = module.params["uri"]

    def make(check_mode: bool) -> tuple[Driver, Request]:
        request = Request(module.params["name"], _module.declared(module, POOL), fleet=module.params["fleet"] or "")
        connection = _module.connection_or_none(uri, check_mode)
        return PoolDriver(connection, is_local(uri)), request

    _module.run_one(module, make, uri)


if __name__ == "__main__":
    main()
