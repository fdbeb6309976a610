#!/usr/bin/python
# Copyright: (c) 2026, flotilla.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: container
short_description: Make one container what its declaration says
version_added: 0.1.0
author: The flotilla.virt team (@flotilla)
description:
  - Creates, changes, starts, stops and removes one system container, in the same grammar as M(flotilla.virt.domain).
  - A second run of the same declaration changes nothing. Memory and CPUs change while the container runs; what needs a
    restart is stored and reported as pending until the container restarts.
  - What an earlier run declared and this one no longer does is taken back. What nobody declared stays as it is, down to the
    comments in the engine's configuration file.
  - The last declaration is kept on the host in the engine's own directory, C(/var/lib/lxc/NAME/flotilla.json) for LXC,
    readable by root only. Passwords are in it as a digest under a key of the host.
notes:
  - For LXC the root file system is a directory that the image's tarball is unpacked into. Users, SSH keys, host name and
    network of O(cloud_init), O(hostname) and O(nics) are written into it, without cloud-init; every container gets its own
    machine id and SSH host keys.
  - Interfaces and host name of an LXC container change when it restarts.
  - A memory limit below what is in use is stored, and pending until the memory is free. Taking O(memory) or O(cpus) back
    keeps the limit.
  - A container that is removed without O(remove_storage) leaves its root file system and C(config.removed) in its directory,
    and no other container can be made there until they are moved.
options:
  name:
    description: Name of the container.
    type: str
    required: true
  engine:
    description: The engine that runs it.
    type: str
    required: true
    choices: [lxc]
  images:
    description:
      - Images that O(image) may name. A list of dictionaries with C(name) and C(rootfs), which has C(path) or C(url) with
        C(checksum). One that is not listed is looked for as C(/var/lib/flotilla/images/NAME.tar).
    type: raw
extends_documentation_fragment:
  - flotilla.virt.attributes
  - flotilla.virt.guest
  - flotilla.virt.run
seealso:
  - module: flotilla.virt.container_info
  - module: flotilla.virt.domain
  - module: flotilla.virt.fleet
"""

EXAMPLES = r"""
- name: A container with its own address on a bridge
  flotilla.virt.container:
    name: web
    engine: lxc
    image: debian-12
    cpus: 2
    memory: 1GiB
    nics:
      - name: lan
        bridge: br0
        address: 10.20.0.21/24
        gateway: 10.20.0.1
        dns: [10.20.0.1]
    cloud_init:
      users:
        - name: ops
          ssh_keys: ["ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIGc9 ops@example.com"]
          sudo: true
    autostart: true
    tags: {role: web}
    wait_for: address

- name: More memory, while it runs
  flotilla.virt.container:
    name: web
    engine: lxc
    memory: 2GiB

- name: Take over a container that was made by hand
  flotilla.virt.container:
    name: legacy
    engine: lxc
    memory: 512MiB
    adopt: true

- name: Remove it with its root file system
  flotilla.virt.container:
    name: web
    engine: lxc
    state: absent
    remove_storage: true
"""

RETURN = r"""
plan:
  description: What was changed, or would be in check mode.
  type: list
  elements: dict
  returned: always
  sample:
    - {path: memory.size, before: 1GiB, after: 2GiB, impact: live}
pending:
  description: What is stored and does not run yet, with the reason. Computed anew in every run.
  type: list
  elements: dict
  returned: always
  sample:
    - {path: hostname, running: web, stored: web1, reason: LXC sets it when the container starts}
spec:
  description: "The container as a valid declaration of itself. Secrets stand as C({keep: true})."
  type: dict
  returned: always
status:
  description: What is not declared. The engine's state, the process id of init, the addresses in use.
  type: dict
  returned: always
  sample: {state: RUNNING, engine: lxc, pid: 4711, addresses: [10.20.0.21], directory: /var/lib/lxc/web}
host_ready:
  description: Whether the engine is installed. Where it is not, check mode plans against an empty host.
  type: bool
  returned: always
plan_id:
  description: Digest of declaration, plan and actual state, for O(expect_plan).
  type: str
  returned: check mode
"""

from typing import Tuple

from ansible_collections.flotilla.virt.plugins.module_utils._containers.host import LocalHost
from ansible_collections.flotilla.virt.plugins.module_utils._containers.lxc.driver import LxcDriver
from ansible_collections.flotilla.virt.plugins.module_utils._host.rootfs_images import rootfs_images, rootfs_sources
from ansible_collections.flotilla.virt.plugins.module_utils._libvirt.attachment import libvirt_networks
from ansible_collections.flotilla.virt.plugins.module_utils._module import Module, argument_spec, declared, run_one
from ansible_collections.flotilla.virt.plugins.module_utils._reconcile.contract import Driver, Request
from ansible_collections.flotilla.virt.plugins.module_utils._reconcile.grammar import GUEST, parse_guest


def main() -> None:
    """Run the module."""
    spec = argument_spec(GUEST, engine={"type": "str", "required": True, "choices": ["lxc"]}, disk={"type": "raw"},
                         images={"type": "raw"})
    module = Module(spec)

    def make(check: bool) -> Tuple[Driver, Request]:
        engine = module.params["engine"]
        spec = declared(module, GUEST, lambda raw, path, problems: parse_guest(raw, engine, path, problems))
        images = rootfs_images(rootfs_sources(module.params["images"]), keep=not check)
        driver = LxcDriver(LocalHost(), images=images, networks=libvirt_networks(), check_mode=check)
        return driver, Request(module.params["name"], spec, "", module.params["fleet"] or "")

    run_one(module, make)


if __name__ == "__main__":
    main()
