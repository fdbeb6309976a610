#!/usr/bin/python
# Copyright: (c) 2026, flotilla.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: pool_info
short_description: Read the storage pools of a host
version_added: 0.1.0
description:
  - Returns pools with their options as a declaration (C(spec)) and what else is known (C(status)), in one bulk read.
  - Changes nothing.
author: The flotilla.virt team (@flotilla)
extends_documentation_fragment:
  - flotilla.virt.attributes.info
  - flotilla.virt.connection
options:
  name:
    description: Name of one pool. Without O(name) and O(names) all pools of the host.
    type: str
  names:
    description: Names of the pools wanted. One that is not there is left out of the result.
    type: list
    elements: str
seealso:
  - module: flotilla.virt.pool
"""

EXAMPLES = r"""
- name: Read all pools
  flotilla.virt.pool_info:
  register: found

- name: Show which have less than 10 GiB free
  ansible.builtin.debug:
    msg: "{{ found.pools | selectattr('status.available', 'lt', 10737418240) | map(attribute='name') }}"
"""

RETURN = r"""
pools:
  description: The pools that were asked for and are there.
  returned: always
  type: list
  elements: dict
  contains:
    name:
      description: Its name.
      type: str
    spec:
      description: A valid declaration of it; applying that changes nothing.
      type: dict
      sample: {state: running, type: dir, path: /srv/fast, autostart: true}
    status:
      description: What is not declared but found out.
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
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.flotilla.virt.plugins.module_utils import _module
from ansible_collections.flotilla.virt.plugins.module_utils._libvirt.connection import connect, is_local
from ansible_collections.flotilla.virt.plugins.module_utils._libvirt.pool import PoolDriver
from ansible_collections.flotilla.virt.plugins.module_utils._reconcile.errors import FlotillaError
from ansible_collections.flotilla.virt.plugins.module_utils._reconcile.grammar import POOL


def main() -> None:
    """Reads pools."""
    module = AnsibleModule(
        argument_spec=dict(_module.INFO_SPEC, **_module.URI_SPEC), supports_check_mode=True)
    uri = module.params["uri"]
    try:
        driver = PoolDriver(connect(uri), is_local(uri))
    except FlotillaError as error:
        _module.fail(module, error)
    _module.info(module, "pools", POOL, driver)


if __name__ == "__main__":
    main()
