#!/usr/bin/python
# Copyright: (c) 2026, flotilla.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: network
short_description: Declare a virtual network of libvirt
version_added: 0.1.0
description:
  - Makes a network match what is declared, and says exactly what it did. A second run changes nothing.
  - Options that are not declared are left alone. What an earlier run declared and this one no longer does is taken back.
  - The running network is changed where libvirt can (its DHCP range and fixed leases). Everything else is stored and
    reported as pending until the network restarts; see O(on_change).
  - The declaration is remembered in the network's own document on the host.
author: The flotilla.virt team (@flotilla)
extends_documentation_fragment:
  - flotilla.virt.attributes
  - flotilla.virt.connection
  - flotilla.virt.network
  - flotilla.virt.run
options:
  name:
    description: Name of the network.
    type: str
    required: true
seealso:
  - module: flotilla.virt.network_info
"""

EXAMPLES = r"""
- name: A network with address translation, DHCP and a fixed lease
  flotilla.virt.network:
    name: lab
    fleet: shop
    mode: nat
    bridge: fl-lab
    subnet: 10.30.0.0/24
    dhcp:
      start: 10.30.0.50
      end: 10.30.0.200
      hosts:
        - {mac: "52:54:00:11:22:33", address: 10.30.0.60, name: printer}

- name: Guests directly on the host's own bridge, with what their static addresses need
  flotilla.virt.network:
    name: prod
    mode: bridge
    bridge: br20
    subnet: 10.20.0.0/24
    gateway: 10.20.0.1
    dns: [10.20.0.2]

- name: Another MTU, at once, by restarting the network
  flotilla.virt.network:
    name: lab
    fleet: shop
    mode: nat
    bridge: fl-lab
    subnet: 10.30.0.0/24
    mtu: 1400
    on_change: restart

- name: Remove it
  flotilla.virt.network:
    name: lab
    fleet: shop
    state: absent
"""

RETURN = r"""
kind:
  description: Kind of the resource.
  returned: always
  type: str
  sample: network
name:
  description: Name of the resource.
  returned: always
  type: str
  sample: lab
plan:
  description:
    - What differs from the declaration, in order. In check mode it is what a run would change.
  returned: always
  type: list
  elements: dict
  contains:
    path:
      description: Which option, such as V(dhcp.end).
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
  description: The network as the host has it now, which is a valid declaration of it.
  returned: always
  type: dict
  sample: {state: running, mode: nat, bridge: fl-lab, subnet: 10.30.0.0/24, gateway: 10.30.0.1, autostart: true}
status:
  description: What is not declared but found out.
  returned: always
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
from ansible_collections.flotilla.virt.plugins.module_utils._libvirt.network import NetworkDriver
from ansible_collections.flotilla.virt.plugins.module_utils._reconcile.contract import Driver, Request
from ansible_collections.flotilla.virt.plugins.module_utils._reconcile.grammar import NETWORK


def main() -> None:
    """Declares one network."""
    module = AnsibleModule(
        argument_spec=_module.argument_spec(NETWORK, **_module.URI_SPEC), supports_check_mode=True)
    uri = module.params["uri"]

    def make(check_mode: bool) -> tuple[Driver, Request]:
        request = Request(module.params["name"], _module.declared(module, NETWORK), fleet=module.params["fleet"] or "")
        connection = _module.connection_or_none(uri, check_mode)
        return NetworkDriver(connection, is_local(uri)), request

    _module.run_one(module, make, uri)


if __name__ == "__main__":
    main()
