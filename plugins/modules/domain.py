#!/usr/bin/python
# Copyright: (c) 2026, flotilla.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: domain
short_description: Declare a KVM guest
version_added: 0.1.0
author: The flotilla.virt team (@flotilla)
description:
  - Makes a libvirt domain match its declaration. What is declared is enforced; what an earlier run declared and this one
    does not is taken back; what nobody declared is left alone.
  - A change that the running guest can take is applied to it and stored. One that it cannot take is stored and returned
    in RV(pending), in this run and in every later one, until the guest restarts.
  - A second run of the same declaration changes nothing.
extends_documentation_fragment:
  - flotilla.virt.attributes
  - flotilla.virt.connection
  - flotilla.virt.guest
  - flotilla.virt.run
options:
  name:
    description: Name of the domain.
    type: str
    required: true
  images:
    description:
      - Images that O(disks.image) may name. A list of dictionaries with C(name) and C(disk), which has C(path) or C(url)
        with C(checksum).
    type: raw
seealso:
  - module: flotilla.virt.fleet
  - module: flotilla.virt.domain_info
"""

EXAMPLES = r"""
- name: A small server from an image, with a user and a static address
  flotilla.virt.domain:
    name: db1
    fleet: shop
    cpus: {count: 2, maximum: 8}
    memory: {size: 4GiB, maximum: 16GiB}
    images:
      - {name: debian-12, disk: {path: /var/lib/flotilla/images/debian-12.qcow2}}
    disks:
      - {name: root, pool: fast, size: 20GiB, image: debian-12}
      - {name: data, pool: fast, size: 100GiB}
    nics:
      - {name: lan, network: prod, address: 10.20.0.11/24, gateway: 10.20.0.1}
    cloud_init:
      users:
        - {name: ops, sudo: true, ssh_keys: ["ssh-ed25519 AAAA… ops@example"]}
    tags: {role: db}
    wait_for: {what: cloud_init, timeout: 300}

- name: More memory for the running guest, up to memory.maximum
  flotilla.virt.domain:
    name: db1
    fleet: shop
    memory: {size: 8GiB, maximum: 16GiB}

- name: Call it db2 from now on; a running guest is stopped and started for it
  flotilla.virt.domain:
    name: db2
    was: db1
    fleet: shop
    on_change: restart

- name: Remove it and keep its disks
  flotilla.virt.domain:
    name: db2
    fleet: shop
    state: absent
"""

RETURN = r"""
plan:
  description: What differed, in order. In check mode what the run would do, and the same as the real run's.
  returned: always
  type: list
  elements: dict
  contains:
    path: {description: "The option, such as V(disks[data].size).", type: str, returned: always}
    before: {description: What the host has., type: raw, returned: always}
    after: {description: What the declaration wants., type: raw, returned: always}
    impact:
      description:
        - V(live), V(restart) (stored, and pending until a restart) or V(recreate).
        - A change of O(cloud_init), or of what it tells the guest of its NICs, says V(restart) too once the guest has booted. Not even
          a restart brings that into it, and none is made for it. Its RV(pending) entry says C(first boot only), the heading of the
          diff names it, and O(cloud_init.reseed) applies it.
      type: str
      returned: always
  sample: [{path: memory.size, before: 4GiB, after: 8GiB, impact: live}]
pending:
  description: What is stored and not yet running, with the reason. Computed from the two documents in each run.
  returned: always
  type: list
  elements: dict
  sample: [{path: cpus.maximum, running: 2, stored: 8, reason: the CPU ceiling is fixed when the guest starts}]
spec:
  description: "The domain as a declaration. Applying it changes nothing. Secrets stand as C({keep: true})."
  returned: success
  type: dict
status:
  description:
    - What is not declared, such as C(uuid), C(state), C(virtualization) and C(fleet).
    - A stopped guest that was saved while it ran has C(saved), and is restored when it starts.
    - After a wait, C(ready) says C(what) was waited for and C(by) what it was found (V(agent), V(console), V(ssh), V(lease), V(arp)
      or V(libvirt)). By V(ssh), C(proves) says that cloud-init's last stages may still be at work.
  returned: success
  type: dict
host_ready:
  description: Whether libvirt answers on this host. In check mode a host without it is planned as an empty one.
  returned: always
  type: bool
plan_id:
  description: Digest of declaration, plan and actual state, for O(expect_plan).
  returned: in check mode
  type: str
"""

from ansible_collections.flotilla.virt.plugins.module_utils import _module
from ansible_collections.flotilla.virt.plugins.module_utils._libvirt.domain import module as domain
from ansible_collections.flotilla.virt.plugins.module_utils._reconcile import grammar
from ansible_collections.flotilla.virt.plugins.module_utils._reconcile.contract import Request


def main():
    module = _module.Module(
        _module.argument_spec(grammar.GUEST, images={"type": "raw"}, disk={"type": "raw"}, **_module.URI_SPEC))
    params = module.params

    def make(check_mode):
        spec = _module.declared(module, grammar.GUEST, lambda raw, path, problems: grammar.parse_guest(
            raw, "kvm", path, problems), any_name=True)
        sources = domain.image_sources(params["images"])
        connection = _module.connection_or_none(params["uri"], check_mode)
        driver = domain.make(connection, params["uri"], domain.Surroundings(images=sources))
        return driver, Request(params["name"], spec, fleet=params["fleet"] or "")

    _module.run_one(module, make, params["uri"])


if __name__ == "__main__":
    main()
