#!/usr/bin/python
# Copyright: (c) 2026, flotilla.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: fleet
short_description: Declare all pools, networks and guests of a host in one call
version_added: 0.1.0
author: The flotilla.virt team (@flotilla)
description:
  - Makes everything that a fleet declares for one host match its declaration. Storage pools come first, then networks, then guests
    in the order of their C(after), several at a time; removals come last.
  - Nothing is touched before the whole declaration is valid and the whole plan is known. Every mistake is named with its path, such as
    C(guests[3].disks[0].size), in the place where it was written.
  - One guest's failure is its own. The others go on, those that come after it are skipped, and the run ends in an error that names both.
  - A second run of the same declaration changes nothing, and costs one connection and one reading of the host.
extends_documentation_fragment:
  - flotilla.virt.transport
  - flotilla.virt.attributes
  - flotilla.virt.connection
  - flotilla.virt.fleet
options:
  name:
    description: Name of the fleet. It labels every guest, and a guest of another fleet is never touched.
    type: str
    required: true
  host:
    description:
      - This host's name in the inventory. Guests whose C(host) is another one are left out here and stay declared.
      - Required where a guest names a host.
    type: str
  elsewhere:
    description: Names of guests that are declared for other hosts and are not in O(guests). They count as declared.
    type: list
    elements: str
  only:
    description:
      - Plan just these guests, and the pools, networks and images that they need. Names, names of guests with a C(count), globs such as
        V(web-*), or tags such as V(tag:role=db) and V(tag:role). An item that fits nothing is an error.
    type: list
    elements: str
  set:
    description:
      - Values by path over what is declared, such as V(8GiB) under C(db1.memory.size) or under C(web-2.disks[data].size), checked like the
        declaration itself. What they change is returned as RV(drift).
      - As text, C(db1.memory.size=8GiB, db1.cpus.count=4), for surveys.
    type: dict
  prune:
    description:
      - Remove guests that this fleet made and no longer declares for any host. Their storage is kept. Adopted and protected guests stay.
      - Refused with O(only), and when no guest is declared at all.
      - Without it such guests are reported with the status V(orphaned).
    type: bool
  parallel:
    description: Most guests at work at a time. Without it twice the number of CPUs, between 2 and 16.
    type: int
  expect_plan:
    description: The RV(plan_id) of a check run. The run is applied only if the plan is still that one.
    type: str
  batch:
    description:
      - When more guests than this would be made or changed, leave those as they are and return their names as RV(batches), for
        calls with O(only) and O(phase=batch). Pools and networks are applied. V(0) or nothing applies everything in this call.
      - The role P(flotilla.virt.fleet#role) uses it, since a module cannot show progress while it runs.
    type: int
  phase:
    description:
      - V(batch) is one of the calls after O(batch). A guest is skipped in it when one that it comes C(after) is not what it is declared to
        be, since an earlier batch has failed then.
      - V(removals) carries out only what O(prune) and C(state=absent) or C(state=released) ask for. It is the last call after batches.
    type: str
    choices: [all, batch, removals]
    default: all
  lock_timeout:
    description: Longest wait, in seconds, for another run on the same host to end.
    type: int
    default: 300
notes:
  - A guest with a static address takes gateway, name servers and prefix length from the declaration of its network. Where several of its
    NICs could have a gateway, the first one gets it.
  - While it waits for a guest that others come after, the run does not hold the host. It then reads and decides anew about what is left.
  - O(guests) and what else is documented as raw is checked by the collection itself, so that errors can name their place.
seealso:
  - module: flotilla.virt.domain
  - module: flotilla.virt.container
  - module: flotilla.virt.network
  - module: flotilla.virt.pool
"""

EXAMPLES = r"""
- name: A network, a pool, a database and three web servers
  flotilla.virt.fleet:
    name: shop
    images:
      - {name: debian-12, disk: {path: /var/lib/flotilla/images/debian-12.qcow2}, rootfs: {path: /var/lib/flotilla/images/debian-12.tar}}
    pools:
      - {name: fast, path: /srv/fast}
    networks:
      - {name: lab, mode: nat, bridge: fl-lab, subnet: 10.30.0.0/24}
    defaults:
      cloud_init:
        users:
          - {name: ops, sudo: true, ssh_keys: ["ssh-ed25519 AAAA… ops@example"]}
      nics:
        - {name: lan, network: lab}
    guests:
      - name: db1
        cpus: {count: 2, maximum: 8}
        memory: {size: 4GiB, maximum: 16GiB}
        disks:
          - {name: root, pool: fast, size: 20GiB, image: debian-12}
        nics:
          - {name: lan, address: 10.30.0.11/24}
        tags: {role: db}
        wait_for: cloud_init
      - name: web
        count: 3
        engine: lxc
        image: debian-12
        cpus: 1
        memory: 512MiB
        nics:
          - {name: lan, address: {from: 10.30.0.21/24}}
        after: [db1]
  register: converged

- name: What a run would do, and its number
  flotilla.virt.fleet: "{{ shop }}"
  check_mode: true
  register: approved

- name: Do exactly that
  flotilla.virt.fleet: "{{ shop | combine({'expect_plan': approved.plan_id}) }}"

- name: More memory for the databases only, beside the file
  flotilla.virt.fleet: "{{ shop | combine({'only': ['tag:role=db'], 'set': {'db1.memory.size': '8GiB'}}) }}"

- name: The part of an OpenVZ node that has no Python for modules
  flotilla.virt.fleet:
    name: shop
    host: vz6
    transport: command
    images:
      - {name: centos-6, template: centos-6-x86_64}
    guests:
      - {name: old-mail, engine: openvz, image: centos-6, memory: 1GiB, nics: [{name: wan, type: venet, address: 192.0.2.10}]}
"""

RETURN = r"""
results:
  description: What became of each pool, network and guest, in the order declared; then what is on the host and no longer declared.
  returned: success, or when single resources failed
  type: list
  elements: dict
  contains:
    kind: {description: "V(pool), V(network), V(domain) or V(container).", type: str, returned: always}
    name: {description: Its name., type: str, returned: always}
    status:
      description:
        - V(unchanged), V(changed), V(pending) (unchanged, and something waits for a restart), V(removed), V(released), V(orphaned),
          V(elsewhere) (it is here and declared for another host), V(skipped) or V(failed).
      type: str
      returned: always
    changed: {description: Whether anything of it was changed., type: bool, returned: always}
    plan: {description: "What differed, each with C(path), C(before), C(after) and C(impact).", type: list, returned: always}
    pending:
      description:
        - What is stored and not yet running, each with its reason. An impact V(restart) in RV(results[].plan) whose entry here says
          C(first boot only) is not reached by a restart either, and needs C(cloud_init.reseed).
      type: list
      returned: always
    failed: {description: Whether it was refused or went wrong., type: bool, returned: always}
    msg: {description: "Why, and what to do.", type: str, returned: always}
    applied_steps: {description: What was done before it failed., type: list, returned: when it failed after a step}
    engine: {description: The engine that runs it., type: str, returned: for guests}
    engine_reason: {description: Why that engine., type: str, returned: for guests whose engine was not declared by name}
  sample:
    - {kind: domain, name: db1, status: changed, changed: true, failed: false, msg: "", engine: kvm, pending: [],
       plan: [{path: memory.size, before: 4GiB, after: 8GiB, impact: live}]}
summary:
  description: "Counts of RV(results): by status, and C(ok), C(pending) and C(total)."
  returned: success, or when single resources failed
  type: dict
  sample: {total: 5, ok: 5, unchanged: 4, changed: 1, pending: 0, removed: 0, released: 0, orphaned: 0, elsewhere: 0, skipped: 0, failed: 0}
plan:
  description: The plans of all resources in one list, each path under its resource's name.
  returned: success, or when single resources failed
  type: list
  elements: dict
  sample: [{path: db1.memory.size, before: 4GiB, after: 8GiB, impact: live}]
plan_id:
  description: Digest of declaration, plan and actual state, for O(expect_plan).
  returned: in check mode, and with O(expect_plan)
  type: str
drift:
  description: What O(set) changed against the declaration.
  returned: success, or when single resources failed
  type: list
  elements: dict
  sample: [{path: db1.memory.size, declared: 4GiB, set: 8GiB}]
batches:
  description: The guests to make or change, in the order to do it.
  returned: when there are more of them than O(batch)
  type: list
  elements: list
removals_left:
  description: Whether a call with O(phase=removals) is still to be made.
  returned: with RV(batches)
  type: bool
failed_names:
  description: What failed or was skipped.
  returned: when single resources failed
  type: list
  elements: str
host_ready:
  description: Whether the engines that the fleet needs are installed. In check mode a host without them is planned as an empty one.
  returned: success, or when single resources failed
  type: bool
problems:
  description: What is wrong with the declaration, each with C(path), C(problem) and C(remedy).
  returned: when the declaration is not valid
  type: list
  elements: dict
"""

from ansible_collections.flotilla.virt.plugins.module_utils import _module
from ansible_collections.flotilla.virt.plugins.module_utils._fleet.module import SPEC, run_fleet


def main():
    run_fleet(_module.Module(SPEC))


if __name__ == "__main__":
    main()
