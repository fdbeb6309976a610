#!/usr/bin/python
# Copyright: (c) 2026, flotilla.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: container_info
short_description: Read the containers of a host
version_added: 0.1.0
author: The flotilla.virt team (@flotilla)
description:
  - Returns every container of a host, or those named, whoever made them, in one bulk read.
  - The C(spec) of each is a valid declaration of it for M(flotilla.virt.container), and applying it changes nothing.
options:
  name:
    description: Name of one container to read.
    type: str
  names:
    description: Names of containers to read. Without O(name) and O(names) all are.
    type: list
    elements: str
  engines:
    description:
      - Engines whose containers are read. Without it all that are installed. V(openvz) is left out then where V(virtuozzo) is, whose
        dispatcher manages the same containers.
    type: list
    elements: str
    choices: [lxc, openvz, podman, virtuozzo]
  host_keys:
    description:
      - Also read the SSH host keys in the root file systems of running containers, as C(status.host_keys), each as C(type data)
        without a comment.
    type: bool
    default: false
extends_documentation_fragment:
  - flotilla.virt.transport
  - flotilla.virt.attributes.info
seealso:
  - module: flotilla.virt.container
"""

EXAMPLES = r"""
- name: Read all containers
  flotilla.virt.container_info:
  register: found

- name: Show the addresses of those that run
  ansible.builtin.debug:
    msg: "{{ item.name }}: {{ item.status.addresses | join(', ') }}"
  loop: "{{ found.containers | selectattr('spec.state', 'equalto', 'running') }}"

- name: Read those of a node that has no Python for modules
  flotilla.virt.container_info:
    transport: command
"""

RETURN = r"""
containers:
  description: The containers, by name.
  type: list
  elements: dict
  returned: success
  contains:
    name:
      description: Name of the container.
      type: str
    spec:
      description: The container as a valid declaration, always with its C(state).
      type: dict
    status:
      description:
        - What is not declared, such as the engine and its word for the state, the process id of init, the addresses in use,
          C(pending), what is stored and does not run yet, and C(host_keys), where they were asked for.
      type: dict
  sample:
    - name: web
      spec:
        state: running
        cpus: {count: 2}
        memory: {size: 1GiB}
        nics:
          - {name: lan, bridge: br0, mac: "52:54:00:11:22:33", address: 10.20.0.21/24}
        hostname: web
        autostart: true
      status: {state: RUNNING, engine: lxc, pid: 4711, addresses: [10.20.0.21], directory: /var/lib/lxc/web}
"""

from ansible_collections.flotilla.virt.plugins.module_utils._container_module import CONTAINER_INFO_SPEC, run_container_info
from ansible_collections.flotilla.virt.plugins.module_utils._module import Module


def main() -> None:
    """Run the module."""
    run_container_info(Module(CONTAINER_INFO_SPEC))


if __name__ == "__main__":
    main()
