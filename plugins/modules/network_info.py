#!/usr/bin/python
# Copyright: (c) 2026, flotilla.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: network_info
short_description: Read the virtual networks of a host
version_added: 0.1.0
description:
  - Returns networks with their options as a declaration (C(spec)) and what else is known (C(status)), in one bulk read.
  - Changes nothing.
author: The flotilla.virt team (@flotilla)
extends_documentation_fragment:
  - flotilla.virt.attributes.info
  - flotilla.virt.connection
options:
  name:
    description: Name of one network. Without O(name) and O(names) all networks of the host.
    type: str
  names:
    description: Names of the networks wanted. One that is not there is left out of the result.
    type: list
    elements: str
seealso:
  - module: flotilla.virt.network
"""

EXAMPLES = r"""
- name: Read one network
  flotilla.virt.network_info:
    name: lab
  register: found

- name: Show who has an address on it
  ansible.builtin.debug:
    msg: "{{ found.networks[0].status.leases }}"
"""

RETURN = r"""
networks:
  description: The networks that were asked for and are there.
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
      sample: {state: running, mode: nat, bridge: fl-lab, subnet: 10.30.0.0/24, gateway: 10.30.0.1, autostart: true}
    status:
      description: What is not declared but found out.
      type: dict
      contains:
        active:
          description: Whether it runs.
          type: bool
        persistent:
          description: Whether it is defined, and not only running.
          type: bool
        uuid:
          description: Its UUID.
          type: str
        bridge:
          description: Its bridge on the host.
          type: str
        fleet:
          description: Fleet that it belongs to. Null for one that was not made by this collection.
          type: str
        leases:
          description: Addresses that its DHCP server gave, each with C(mac), C(address), C(hostname) and C(expires) (a Unix time in seconds).
          type: list
          elements: dict
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.flotilla.virt.plugins.module_utils import _module
from ansible_collections.flotilla.virt.plugins.module_utils._libvirt.connection import connect, is_local
from ansible_collections.flotilla.virt.plugins.module_utils._libvirt.network import NetworkDriver
from ansible_collections.flotilla.virt.plugins.module_utils._reconcile.errors import FlotillaError
from ansible_collections.flotilla.virt.plugins.module_utils._reconcile.grammar import NETWORK


def main() -> None:
    """Reads networks."""
    module = AnsibleModule(
        argument_spec=dict(_module.INFO_SPEC, **_module.URI_SPEC), supports_check_mode=True)
    uri = module.params["uri"]
    try:
        driver = NetworkDriver(connect(uri), is_local(uri))
    except FlotillaError as error:
        _module.fail(module, error)
    _module.info(module, "networks", NETWORK, driver)


if __name__ == "__main__":
    main()
