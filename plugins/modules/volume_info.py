#!/usr/bin/python
# Copyright: (c) 2026, flotilla.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: volume_info
short_description: Read the volumes of a host
version_added: 0.1.0
description:
  - Returns volumes with their options as a declaration (C(spec)) and what else is known (C(status)), in one bulk read.
  - Changes nothing.
author: The flotilla.virt team (@flotilla)
extends_documentation_fragment:
  - flotilla.virt.attributes.info
  - flotilla.virt.connection
options:
  name:
    description: Name of one volume. Without O(name) and O(names) all volumes of the host.
    type: str
  names:
    description: Names of the volumes wanted. One that is not there is left out of the result.
    type: list
    elements: str
  pool:
    description: Pool to look in. Without it all active pools.
    type: str
seealso:
  - module: flotilla.virt.volume
"""

EXAMPLES = r"""
- name: Read all volumes of a pool
  flotilla.virt.volume_info:
    pool: fast
  register: found

- name: Read one volume wherever it is
  flotilla.virt.volume_info:
    name: data1
"""

RETURN = r"""
volumes:
  description: The volumes that were asked for and are there.
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
      sample: {state: present, pool: fast, size: 20GiB, format: qcow2}
    status:
      description: What is not declared but found out.
      type: dict
      contains:
        path:
          description: Where it is, as a guest's disk names it.
          type: str
        capacity:
          description: Bytes that a guest sees.
          type: int
        allocation:
          description: Bytes that it takes.
          type: int
        format:
          description: Format of its content.
          type: str
        backing:
          description: Path of the file that it is a clone of, if any.
          type: str
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.flotilla.virt.plugins.module_utils import _module
from ansible_collections.flotilla.virt.plugins.module_utils._libvirt.connection import connect, is_local
from ansible_collections.flotilla.virt.plugins.module_utils._libvirt.storage import Storage
from ansible_collections.flotilla.virt.plugins.module_utils._libvirt.volume import VolumeDriver
from ansible_collections.flotilla.virt.plugins.module_utils._reconcile.errors import FlotillaError
from ansible_collections.flotilla.virt.plugins.module_utils._reconcile.grammar import VOLUME


def main() -> None:
    """Reads volumes."""
    module = AnsibleModule(
        argument_spec=dict(_module.INFO_SPEC, pool={"type": "str"}, **_module.URI_SPEC), supports_check_mode=True)
    uri = module.params["uri"]
    try:
        driver = VolumeDriver(Storage(connect(uri), is_local(uri)), module.params["pool"])
    except FlotillaError as error:
        _module.fail(module, error)
    _module.info(module, "volumes", VOLUME, driver)


if __name__ == "__main__":
    main()
