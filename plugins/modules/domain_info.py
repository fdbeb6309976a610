#!/usr/bin/python
# Copyright: (c) 2026, flotilla.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: domain_info
short_description: Read domains as declarations
version_added: 0.1.0
author: The flotilla.virt team (@flotilla)
description:
  - Reads the domains of a host in one bulk read. The C(spec) of each is a valid declaration of it, whoever made it, and
    applying it changes nothing.
extends_documentation_fragment:
  - flotilla.virt.attributes.info
  - flotilla.virt.connection
options:
  name:
    description: Only this domain.
    type: str
  names:
    description: Only these domains. Without a name, all.
    type: list
    elements: str
  addresses:
    description:
      - Also find out the addresses of running guests, from agent, lease or ARP table, as C(status.addresses).
    type: bool
    default: true
  host_keys:
    description:
      - Also read the SSH host keys of running guests through their agents, as C(status.host_keys), each as C(type data) without a
        comment. A guest without an agent that answers has none.
    type: bool
    default: false
"""

EXAMPLES = r"""
- name: Everything on the host
  flotilla.virt.domain_info:
  register: found

- name: Show what waits for a restart
  ansible.builtin.debug:
    msg: "{{ item.name }}: {{ item.status.pending }}"
  loop: "{{ found.domains | selectattr('status.pending') }}"
  loop_control:
    label: "{{ item.name }}"
"""

RETURN = r"""
domains:
  description: The domains, each with C(name), C(spec) and C(status).
  returned: success
  type: list
  elements: dict
  contains:
    name: {description: Name of the domain., type: str, returned: always}
    spec: {description: "The domain as a declaration; sizes have binary units.", type: dict, returned: always}
    status:
      description: >-
        What is not declared. C(state), C(uuid), C(virtualization) (kvm or qemu), C(fleet), C(created) (by this
        collection), C(pending), C(addresses), C(host_keys) (where asked for), C(saved) (an image of
        the running guest is kept, from which it starts).
      type: dict
      returned: always
"""

from ansible_collections.flotilla.virt.plugins.module_utils import _module
from ansible_collections.flotilla.virt.plugins.module_utils._libvirt.connection import connect
from ansible_collections.flotilla.virt.plugins.module_utils._libvirt.domain import module as domain
from ansible_collections.flotilla.virt.plugins.module_utils._reconcile import grammar
from ansible_collections.flotilla.virt.plugins.module_utils._reconcile.errors import FlotillaError


def main():
    module = _module.Module(
        dict(_module.INFO_SPEC, addresses={"type": "bool", "default": True}, host_keys={"type": "bool", "default": False},
             **_module.URI_SPEC))
    try:
        driver = domain.make(connect(module.params["uri"]), module.params["uri"], domain.Surroundings())
    except FlotillaError as error:
        _module.fail(module, error)
    _module.info(module, "domains", grammar.GUEST,
                 domain.Observer(driver, module.params["addresses"], module.params["host_keys"]))


if __name__ == "__main__":
    main()
