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
  - Creates, changes, starts, stops and removes one container of LXC, podman, OpenVZ or Virtuozzo, in the same grammar as M(flotilla.virt.domain).
  - A second run of the same declaration changes nothing. Memory and CPUs change while the container runs; what needs a
    restart is stored and reported as pending until the container restarts.
  - What an earlier run declared and this one no longer does is taken back. What nobody declared stays as it is, down to the
    comments in the engine's configuration file.
  - The last declaration is kept on the host in the engine's own directory, C(/var/lib/lxc/NAME/flotilla.json) for LXC,
    C(/var/lib/containers/flotilla/NAME.json) for podman, C(/etc/vz/conf/CTID.flotilla) for OpenVZ and C(/etc/vz/flotilla/UUID.json) for
    Virtuozzo, readable by root only.
    Passwords are in it as a digest under a key of the host.
notes:
  - For LXC the root file system is a directory, or a subvolume of btrfs, that the image's tarball is unpacked into. Users, SSH keys, host name and
    network of O(cloud_init), O(hostname) and O(nics) are written into it, without cloud-init; every container gets its own
    machine id and SSH host keys.
  - "LXC: what limits a container (O(cpus), O(memory), O(io)), the addresses and gateways of its interfaces, O(hostname), O(dns), O(search),
    O(root_password) and the size of its disk change while it runs: init and open connections go on. Interfaces that come or go, how
    they are connected, O(mounts), O(capabilities), O(nesting) and O(environment) change when it restarts."
  - "LXC: a new container is unprivileged where the host has user ids for it: those that C(/etc/subuid) and C(/etc/subgid) give root (such as
    C(root:1000000:1048576)), or free ones where C(newuidmap) is not installed. Elsewhere it is privileged, which its C(spec) says.
    O(privileged) and O(id_mapping) decide it; what is there already stays as it is. ACLs that name users are not translated."
  - "LXC: a disk has a size on btrfs only, by a quota of its subvolume. Backing stores of other kinds (overlay, loop, LVM, ZFS) that others made
    are left as they are. Snapshots of C(lxc-snapshot) are never touched; restoring one makes LXC forget our note, so the
    container is adopted again. Restart policies and features of an engine are not LXC's."
  - "LXC 5 on cgroup v1 is what it is tested on; cgroup v2 and LXC 6 by recorded files and configurations only."
  - A memory limit below what is in use is stored, and pending until the memory is free. Taking O(memory) or O(cpus) back
    keeps the limit.
  - A container that is removed without O(remove_storage) leaves its root file system and C(config.removed) in its directory,
    and no other container can be made there until they are moved.
  - "podman (4 and later, as root): O(cpus), O(memory), O(nics) and O(tags) change while the container runs. podman 4 forgets
    limits at the next stop, so they are reported as pending with the reason V(not stored) in every run, and set again by the
    next run. Everything else is fixed when podman makes a container: changing it makes the container anew, which is refused
    unless O(recreate) allows it, and what is not in a volume is lost with it."
  - "podman 5.1 and later store what C(podman update) sets, for a stopped container too, so nothing is pending there. This is from
    its release notes and documents of its shape; podman 4.3.1 is what was run."
  - "podman: the run must be root's (C(become)). As an ordinary user it is refused, since limits, units and addresses of a single
    user's containers are that user's session's."
  - "podman: a NIC is on one of podman's own networks (C(podman network create)), which is named by C(network) of O(nics). An image
    that is a root file system is imported as C(localhost/flotilla/NAME)."
  - "podman: removing a container keeps its named volumes. O(remove_storage) removes those that were made for it. O(autostart)
    writes and enables a systemd unit, and is an error on a host without systemd."
  - "OpenVZ: vzctl 4, and 7 to 9, found by asking it. B(Contract-tested; not run on an OpenVZ node): it is tested against a double of
    vzctl that agrees with recorded transcripts of the real programs."
  - "OpenVZ: O(image) is an OS template by its exact name, or a declared image with C(template). It must be on the host, where
    vzctl itself would fetch it. O(name) is the container's name, or its id where it is a number; a new one gets the first free id."
  - "OpenVZ: O(nics) of V(type) V(venet) have addresses that the host routes to. vzctl sets none on bridged interfaces.
    O(container_features) and O(capabilities) change when the container restarts; everything else changes while it runs, except where
    O(on_change=defer) says otherwise. vzctl 7 and later know no capabilities. O(cpus) V(shares) are what OpenVZ calls CPU units, from 8 to
    500000, and 1000 when nothing is declared."
  - "OpenVZ: a container that is removed without O(remove_storage) leaves its private area, and C(CTID.conf.removed). One that somebody
    destroyed by hand is made anew. A configuration without private area, or the other way round, is an error that says what
    to put back. A container that another command holds is tried again for a minute."
  - "Virtuozzo: containers and virtual machines (O(vmtype)) by C(prlctl). B(Contract-tested; not run on a Virtuozzo node): it is tested against
    a double of prlctl that agrees with recorded transcripts of the real programs. prlctl's own warning that it is deprecated is no error; a
    dispatcher that does not answer is one that says how to start it."
  - "Virtuozzo: O(image) of a container is an OS template with a cache on the node, as C(prlsrvctl cttemplate list) shows them: none is fetched. A
    virtual machine is made empty, and installed from O(media) in the order of O(boot). O(nics) are on virtual networks of the node (C(prlsrvctl net list)),
    by C(network); V(type) V(venet) has routed addresses, and a container's other NICs may have addresses and a gateway of their own."
  - "Virtuozzo: memory, CPUs, I/O limits, disks (larger only), addresses, host name and DNS of a container change while it runs, C(container_features)
    when it restarts. Memory and CPUs of a virtual machine grow while it runs where its hot-plug is on, as it is for those made here; less of either, its MAC
    addresses and its boot order are pending until it restarts."
  - "Virtuozzo: prlctl has no word that takes O(hostname), O(dns), O(search), O(boot) or a gateway back, so they stay; and it sets whatever it
    stores, so O(on_change=defer) refuses what a running guest would take. A guest that is removed without O(remove_storage) is unregistered, and its files
    stay. A disk that is no longer declared is detached, and its image named by C(status.orphaned)."
options:
  name:
    description: Name of the container.
    type: str
    required: true
  engine:
    description: The engine that runs it.
    type: str
    required: true
    choices: [lxc, openvz, podman, virtuozzo]
  images:
    description:
      - Images that O(image) may name. A list of dictionaries with C(name) and C(rootfs), which has C(path) or C(url) with
        C(checksum), C(oci), the full name of an OCI image, or
        C(template), the name of an OS template. One that is not listed is looked for as
        C(/var/lib/flotilla/images/NAME.tar); a name with a slash is that of an OCI image itself (O(engine=podman)).
    type: raw
extends_documentation_fragment:
  - flotilla.virt.transport
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

- name: A container with everything around it
  flotilla.virt.container:
    name: builder
    engine: lxc
    image: debian-12
    cpus: {limit: "1.5", shares: 512, cpuset: 0-1}
    memory: {size: 2GiB, swap: 512MiB}
    io: {limit: 50MiB}
    disk: {size: 20GiB, store: btrfs}
    id_mapping: {first: 1000000}
    nesting: true
    capabilities: {drop: [NET_RAW]}
    devices:
      - path: /dev/fuse
    mounts:
      - {target: /srv/cache, source: /srv/builder/cache}
      - {target: /scratch, type: tmpfs, size: 1GiB}
    nics:
      - {name: lan, macvlan: eth1, address: [10.20.0.31/24, "fd00:20::31/64"], gateway: 10.20.0.1}
    dns: [10.20.0.1]
    search: [example.com]
    autostart: true
    boot_order: 5

- name: Take over a container that was made by hand
  flotilla.virt.container:
    name: legacy
    engine: lxc
    memory: 512MiB
    adopt: true

- name: An application in a container of podman
  flotilla.virt.container:
    name: shop
    engine: podman
    image: docker.io/library/nginx:1.27
    memory: 256MiB
    cpus: {limit: 50%}
    ports: ["8080:80"]
    environment: {TZ: UTC}
    mounts:
      - {target: /usr/share/nginx/html, volume: shop-pages}
    secrets:
      - {name: token, value: "{{ shop_token }}"}
    health: {command: [curl -f http://localhost], interval: 10}
    restart_policy: on-failure

- name: Another image, for which the container is made anew
  flotilla.virt.container:
    name: shop
    engine: podman
    image: docker.io/library/nginx:1.28
    recreate: true

- name: A container of OpenVZ with a routed address
  flotilla.virt.container:
    name: mail
    engine: openvz
    image: debian-12-x86_64
    cpus: {count: 2, limit: 150%}
    memory: {size: 1GiB, swap: 512MiB}
    disk: {size: 20GiB, inodes: 400000}
    nics:
      - {name: wan, type: venet, address: 192.0.2.10}
    dns: [192.0.2.53]
    container_features: {nfs: true}
    autostart: true

- name: The same on a node that has no Python for modules
  flotilla.virt.container:
    name: mail
    engine: openvz
    transport: command
    image: debian-12-x86_64
    memory: {size: 1GiB, swap: 512MiB}
    nics:
      - {name: wan, type: venet, address: 192.0.2.10}

- name: A container of Virtuozzo with a routed and a bridged interface
  flotilla.virt.container:
    name: web
    engine: virtuozzo
    image: debian-12-x86_64
    cpus: {count: 2, limit: 150%}
    memory: {size: 1GiB, swap: 512MiB}
    disk: 20GiB
    nics:
      - {name: wan, type: venet, address: 192.0.2.10}
      - {name: lan, network: Bridged, address: 10.20.0.21/24, gateway: 10.20.0.1}
    container_features: {nfs: true}

- name: A virtual machine of Virtuozzo that is installed from an ISO
  flotilla.virt.container:
    name: crm
    engine: virtuozzo
    vmtype: vm
    os: windows
    cpus: 4
    memory: 8GiB
    disks:
      - {name: root, size: 80GiB}
      - {name: data, size: 200GiB}
    nics:
      - {name: lan, network: Bridged}
    media:
      - {name: setup, file: /srv/iso/server-2022.iso}
    boot: {order: [hd, cdrom]}

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
    - {path: nesting, running: false, stored: true, reason: LXC sets it when the container starts}
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

from ansible_collections.flotilla.virt.plugins.module_utils._container_module import CONTAINER_SPEC, run_container
from ansible_collections.flotilla.virt.plugins.module_utils._module import Module


def main() -> None:
    """Run the module."""
    run_container(Module(CONTAINER_SPEC))


if __name__ == "__main__":
    main()
