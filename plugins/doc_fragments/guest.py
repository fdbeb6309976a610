# Copyright: (c) 2026, flotilla.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Generated from the grammar by tests/tools/generate_docs.py: change the grammar, not this file.

from __future__ import annotations


class ModuleDocFragment:
    """Options of a guest, from the grammar."""

    DOCUMENTATION = r"""
options:
  state:
    description:
    - V(running) (the default at creation), V(stopped), V(paused); V(present) leaves the power as it is.
    - V(absent) removes the guest and keeps its storage, unless O(remove_storage) is set.
    - V(released) drops our annotation and leaves the guest as it is.
    - One of V(running), V(stopped), V(paused), V(present), V(absent), V(released).
    type: raw
  virtualization:
    description:
    - V(kvm) (the default) uses hardware virtualization and is an error where the host cannot. V(prefer_kvm) emulates there
      and says so. V(qemu) always emulates. Decided at creation.
    - Only for engine V(kvm).
    - One of V(kvm), V(prefer_kvm), V(qemu).
    type: raw
  title:
    description:
    - Short title.
    - Only for engine V(kvm).
    type: raw
  description:
    description:
    - Free text.
    - Only for engine V(kvm).
    type: raw
  cpus:
    description:
    - Virtual CPUs. A bare number is short for V(count).
    type: raw
    suboptions:
      count:
        description:
        - CPUs that the guest has now. Changed on the running guest, up to O(cpus.maximum).
        type: int
      maximum:
        description:
        - Ceiling up to which O(cpus.count) can grow while the guest runs; fixed when the guest starts.
        - Taking it back makes it equal to the count.
        - Only for engine V(kvm).
        type: int
      limit:
        description:
        - Most CPU time that the container gets, in CPUs (V(1.5)) or as a percentage of one CPU (V(150%)). Changed while it
          runs. Taking it back removes the limit.
        - For podman O(cpus.count) and this are one and the same limit, so only one of them can be declared.
        - Only for engine V(podman) and V(openvz) and V(virtuozzo).
        type: str
      units:
        description:
        - 'Weight against the other containers of the host when CPU time is short: twice the number gets twice the time. podman
          calls it shares (V(1024) when nothing is declared), OpenVZ and Virtuozzo units (V(1000)).'
        - Changed while the container runs.
        - Only for engine V(podman) and V(openvz) and V(virtuozzo).
        type: int
      pinning:
        description:
        - CPUs of the host that the container may run on, such as V(0-1,4). Changed while it runs. Taking it back allows all.
        - Only for engine V(podman) and V(openvz) and V(virtuozzo).
        type: str
  memory:
    description:
    - Memory. A bare size such as V(2GiB) is short for V(size).
    type: raw
    suboptions:
      size:
        description:
        - Memory that the guest has now, with a binary unit (V(MiB), V(GiB)). Changed on the running guest, up to O(memory.maximum).
        - A size with a binary unit, such as V(512MiB) or V(4GiB).
        type: str
      maximum:
        description:
        - Ceiling up to which O(memory.size) can grow while the guest runs, with a binary unit; fixed when the guest starts.
          Taking it back makes it equal to the size.
        - Only for engine V(kvm).
        - A size with a binary unit, such as V(512MiB) or V(4GiB).
        type: str
      swap:
        description:
        - Swap that the container may use beside O(memory.size). V(0B) is none. Changed while it runs. Taking it back leaves
          it to the engine.
        - Only for engine V(podman) and V(openvz) and V(virtuozzo).
        - A size with a binary unit, such as V(512MiB) or V(4GiB).
        type: str
  os:
    description:
    - Operating system and firmware. A bare word is short for V(family).
    - Only for engine V(kvm).
    type: raw
    suboptions:
      family:
        description:
        - Family of the operating system.
        type: str
        choices:
        - linux
        - windows
        - bsd
        - solaris
        - macos
      variant:
        description:
        - Name of the system, such as V(debian12).
        type: str
      firmware:
        description:
        - Firmware. V(bios) at creation.
        type: str
        choices:
        - bios
        - uefi
      machine:
        description:
        - Machine type, such as V(q35) (the default at creation).
        type: str
      kernel:
        description:
        - Kernel on the host to boot directly.
        type: str
      initrd:
        description:
        - Initial RAM disk on the host for O(os.kernel).
        type: str
      cmdline:
        description:
        - Command line for O(os.kernel).
        type: str
  disks:
    description:
    - Disks, matched by name and never by position. A disk that is no longer declared is detached and its volume kept.
    type: raw
    suboptions:
      name:
        description:
        - Name of the disk within the guest.
        type: str
        required: true
      was:
        description:
        - Earlier name of this disk, when it is renamed.
        type: str
      pool:
        description:
        - Storage pool of the volume.
        type: str
      volume:
        description:
        - Name of the volume. Without it C(GUEST-DISK) with the format as ending.
        type: str
      file:
        description:
        - Absolute path of an image file that is used as it is, instead of a volume.
        - Only for engine V(kvm).
        type: str
      device:
        description:
        - Absolute path of a block device that is used as it is, instead of a volume.
        - Only for engine V(kvm).
        type: str
      size:
        description:
        - Capacity with a binary unit. It can grow while the guest runs and never shrinks.
        - Without it a disk made from an image has the size of the image.
        - A size with a binary unit, such as V(512MiB) or V(4GiB).
        type: str
      image:
        description:
        - Image that the disk is made from, as a copy-on-write clone. Used only when the disk is made.
        type: str
      format:
        description:
        - Format of the volume. V(qcow2) when it is made and nothing is declared.
        type: str
        choices:
        - qcow2
        - raw
      bus:
        description:
        - Bus that the guest sees the disk on. V(virtio) at creation.
        - Only for engine V(kvm).
        type: str
        choices:
        - virtio
        - scsi
        - sata
        - usb
      cache:
        description:
        - Host cache mode.
        - Only for engine V(kvm).
        type: str
        choices:
        - none
        - writethrough
        - writeback
        - directsync
        - unsafe
      readonly:
        description:
        - Whether the guest may only read the disk.
        - Only for engine V(kvm).
        type: bool
      serial:
        description:
        - Serial number that the guest sees.
        - Only for engine V(kvm).
        type: str
      existing:
        description:
        - Use the volume that is already there although no declaration made it. Otherwise that is an error.
        type: bool
      inodes:
        description:
        - Most files and directories on the disk. Changed while the container runs.
        - Only for engine V(openvz).
        type: int
  nics:
    description:
    - Network interfaces, matched by name. A bare name in the list is short for a NIC of that name on that network.
    type: raw
    suboptions:
      name:
        description:
        - Name of the NIC within the guest. Without it the name of its network or bridge.
        type: str
      network:
        description:
        - Network that it is connected to.
        type: str
      bridge:
        description:
        - Host bridge that it is connected to, instead of a network.
        type: str
      mac:
        description:
        - MAC address in quotes. Without it one is derived from fleet, guest and NIC and stays the same.
        type: str
      model:
        description:
        - Device model. V(virtio) at creation.
        - Only for engine V(kvm).
        type: str
      link:
        description:
        - Whether the cable is plugged in.
        - Only for engine V(kvm).
        type: str
        choices:
        - up
        - down
      mtu:
        description:
        - Largest packet in bytes.
        - Only for engine V(kvm).
        type: int
      address:
        description:
        - 'Static address with its prefix length, such as V(10.20.0.11/24), or a list of them. Without it the guest asks a
          DHCP server. With C(count), C({from: 10.20.0.21/24}) gives each member the next address.'
        type: raw
      gateway:
        description:
        - Default gateway. Without it that of the network's declaration, if any.
        type: str
      dns:
        description:
        - Name servers. Without them those of the network's declaration, if any.
        type: list
        elements: str
      type:
        description:
        - 'V(veth) (the default) is one end of a pair whose other end is in a bridge of the host. V(venet) has no MAC address:
          the host routes to the addresses of the container.'
        - Only for engine V(openvz) and V(virtuozzo).
        type: str
        choices:
        - veth
        - venet
  cloud_init:
    description:
    - First-boot configuration by cloud-init. A later change waits as pending with the reason V(first boot only), since it
      never runs again by itself on a guest that has booted.
    - Only for engine V(kvm) and V(lxc) and V(openvz) and V(virtuozzo).
    type: raw
    suboptions:
      hostname:
        description:
        - Host name inside the guest. Without it the guest's name.
        type: str
      users:
        description:
        - Users inside the guest.
        type: list
        elements: dict
        suboptions:
          name:
            description:
            - Login name.
            type: str
            required: true
          ssh_keys:
            description:
            - Public SSH keys that may log in.
            type: list
            elements: str
          groups:
            description:
            - Supplementary groups.
            type: list
            elements: str
          sudo:
            description:
            - V(true) for sudo without a password, or a sudo rule as text.
            type: raw
          shell:
            description:
            - Login shell.
            type: str
          hashed_password:
            description:
            - 'Password as a crypt(5) hash. A secret: never shown.'
            - 'C({keep: true}) leaves it as it is.'
            type: str
          lock_password:
            description:
            - Whether logging in with a password is forbidden.
            type: bool
      ssh_keys:
        description:
        - Public SSH keys of the image's default user.
        type: list
        elements: str
      packages:
        description:
        - Packages to install at first boot.
        type: list
        elements: str
      timezone:
        description:
        - Time zone, such as V(Europe/Berlin).
        type: str
      locale:
        description:
        - Locale, such as V(C.UTF-8).
        type: str
      user_data:
        description:
        - Own user-data, as text or as a dictionary, merged with the options above. Treated as a secret as a whole, since
          it often holds some.
        - Only for engine V(kvm).
        - 'C({keep: true}) leaves it as it is.'
        type: raw
      network_config:
        description:
        - Own network configuration (version 2), instead of the one made from O(nics).
        - Only for engine V(kvm).
        type: dict
      run_commands:
        description:
        - Commands to run once, at the end of the first boot.
        - Only for engine V(kvm).
        type: list
        elements: str
      reseed:
        description:
        - 'For one run and never stored: let the guest see a new instance at its next start, so that a changed configuration
          is applied.'
        - 'cloud-init then runs everything again that it runs once for an instance: users, SSH keys, packages, commands and
          the network configuration. SSH host keys stay.'
        - Only for engine V(kvm).
        type: bool
  image:
    description:
    - Image of the guest. For a domain short for the image of its disk C(root).
    type: raw
  hostname:
    description:
    - Host name of a container. Without it the container's name.
    - Only for engine V(lxc) and V(podman) and V(openvz) and V(virtuozzo).
    type: raw
  agent:
    description:
    - A channel for the QEMU guest agent. Present at creation.
    - Only for engine V(kvm).
    type: raw
  console:
    description:
    - A serial console with a log. Present at creation.
    - Only for engine V(kvm).
    type: raw
  autostart:
    description:
    - Whether the guest starts with the host.
    type: raw
  tags:
    description:
    - Tags, stored with the guest; they become groups of the inventory.
    type: raw
  on_change:
    description:
    - V(live) (the default) applies what the running guest can take and reports the rest as pending. V(restart) also restarts
      the guest for whatever is pending. V(defer) does not touch the running guest.
    - One of V(live), V(restart), V(defer).
    type: raw
  adopt:
    description:
    - Take over a guest that was not made by this collection.
    type: raw
  recreate:
    description:
    - Allow changes that destroy the guest and make it anew.
    type: raw
  remove_storage:
    description:
    - With O(state=absent), also remove the volumes that this collection made for the guest.
    type: raw
  protect:
    description:
    - Refuse to remove the guest, to make it anew or to detach its disks, whatever else is said.
    type: raw
  wait_for:
    description:
    - Wait until the guest is ready. A wait that timed out is waited for, and fails again, in the next run.
    type: raw
    suboptions:
      what:
        description:
        - 'What to wait for. V(cloud_init) is asked of the guest''s agent, else looked for on its serial console. Where neither
          can tell, an SSH server that answers is taken for it, which proves less: C(status.ready) says by what it was found
          and what that proves.'
        type: str
        required: true
        choices:
        - running
        - agent
        - address
        - cloud_init
      timeout:
        description:
        - Longest wait in seconds. 300 when nothing is declared.
        type: int
  stop_timeout:
    description:
    - How long a graceful stop may take, in seconds. 120 when nothing is declared.
    type: raw
  force_stop:
    description:
    - Power the guest off when it did not stop in time. Otherwise that is an error.
    type: raw
  io:
    description:
    - Limits of the container's disk traffic.
    - Only for engine V(openvz) and V(virtuozzo).
    type: raw
    suboptions:
      limit:
        description:
        - Most data a second, read and written. V(0B) is none. Changed while the container runs.
        - Only for engine V(openvz) and V(virtuozzo).
        - A size with a binary unit, such as V(512MiB) or V(4GiB).
        type: str
      iops:
        description:
        - Most operations a second. V(0) is none. Changed while the container runs.
        - Only for engine V(openvz) and V(virtuozzo).
        type: int
      priority:
        description:
        - Priority from V(0) to V(7), the highest. V(4) is the engine's default. Changed while the container runs.
        - Only for engine V(openvz) and V(virtuozzo).
        type: int
  dns:
    description:
    - Name servers of the container. Without them those of its networks' declarations, if any, else those of the host.
    - Only for engine V(podman) and V(openvz) and V(virtuozzo).
    type: raw
  search:
    description:
    - Domains in which short names are looked up.
    - Only for engine V(podman) and V(openvz) and V(virtuozzo).
    type: raw
  root_password:
    description:
    - 'Password of root inside, as a crypt(5) hash. A secret: never shown.'
    - Only for engine V(openvz) and V(virtuozzo).
    - 'C({keep: true}) leaves it as it is.'
    type: raw
  mounts:
    description:
    - What is mounted in the container, matched by O(mounts.target). Changing it makes the container anew.
    - Only for engine V(podman).
    type: raw
    suboptions:
      target:
        description:
        - Absolute path inside the container.
        - Only for engine V(podman).
        type: str
        required: true
      type:
        description:
        - V(bind) mounts the host's directory or file O(mounts.source), V(volume) the engine's named volume O(mounts.volume),
          which is made when it is not there, V(tmpfs) an empty file system in memory. Without it what O(mounts.source) or
          O(mounts.volume) says, else V(tmpfs).
        - Only for engine V(podman).
        type: str
        choices:
        - bind
        - volume
        - tmpfs
      source:
        description:
        - Absolute path on the host, which must be there.
        - Only for engine V(podman).
        type: str
      volume:
        description:
        - Name of the volume.
        - Only for engine V(podman).
        type: str
      size:
        description:
        - Most that a V(tmpfs) holds.
        - Only for engine V(podman).
        - A size with a binary unit, such as V(512MiB) or V(4GiB).
        type: str
      readonly:
        description:
        - Whether the container may only read it.
        - Only for engine V(podman).
        type: bool
  devices:
    description:
    - Device nodes of the host that the container may use, matched by O(devices.path).
    - Only for engine V(podman) and V(openvz).
    type: raw
    suboptions:
      path:
        description:
        - The device node on the host.
        - Only for engine V(podman) and V(openvz).
        type: str
        required: true
      inside:
        description:
        - Its path inside. Without it that on the host.
        - Only for engine V(podman).
        type: str
      permissions:
        description:
        - Read (V(r)), write (V(w)) and make the node (V(m)). V(rwm) when nothing is declared.
        - Only for engine V(podman) and V(openvz).
        type: str
        choices:
        - r
        - w
        - rw
        - rm
        - wm
        - rwm
  capabilities:
    description:
    - Linux capabilities beside those that the engine gives every container.
    - Only for engine V(podman) and V(openvz).
    type: raw
    suboptions:
      add:
        description:
        - Capabilities that it gets too, such as V(NET_ADMIN).
        - Only for engine V(podman) and V(openvz).
        type: list
        elements: str
      drop:
        description:
        - Capabilities that it does not get, or V(ALL) (podman).
        - Only for engine V(podman) and V(openvz).
        type: list
        elements: str
  features:
    description:
    - 'Features of the engine by name, each V(true) or V(false), such as C({nfs: true, fuse: false}).'
    - Only for engine V(openvz) and V(virtuozzo).
    type: raw
  id_mapping:
    description:
    - 'Makes the container unprivileged: its users, root too, are ordinary users of the host.'
    - Only for engine V(podman).
    type: raw
    suboptions:
      first:
        description:
        - User and group id of the host that root inside is.
        - Only for engine V(podman).
        type: int
      size:
        description:
        - How many ids it has. V(65536) when nothing is declared.
        - Only for engine V(podman).
        type: int
  entrypoint:
    description:
    - What is run instead of the image's entry point.
    - Only for engine V(podman).
    type: raw
  command:
    description:
    - The command and its arguments, or the arguments of the entry point. Without it the image's own; for an image made from
      a root file system its C(/sbin/init).
    - Only for engine V(podman).
    type: raw
  environment:
    description:
    - 'Variables of the environment by name. They can be read on the host: use O(secrets) for secrets.'
    - Only for engine V(podman).
    type: raw
  user:
    description:
    - User, and group after a colon, that the command runs as.
    - Only for engine V(podman).
    type: raw
  workdir:
    description:
    - Directory in which the command runs.
    - Only for engine V(podman).
    type: raw
  ports:
    description:
    - Ports of the host that lead into the container, each as V(HOST:CONTAINER), V(ADDRESS:HOST:CONTAINER), with V(/udp) after
      it where it is not TCP.
    - Only for engine V(podman).
    type: raw
  secrets:
    description:
    - Secrets that the engine hands to the container, as a file or as a variable of its environment. Changing one makes the
      container anew.
    - Only for engine V(podman).
    type: raw
    suboptions:
      name:
        description:
        - Name of the secret, and of the file below C(/run/secrets).
        - Only for engine V(podman).
        type: str
        required: true
      value:
        description:
        - 'The secret itself: never shown.'
        - Only for engine V(podman).
        - 'C({keep: true}) leaves it as it is.'
        type: str
        required: true
      variable:
        description:
        - Variable of the environment that holds it, instead of a file.
        - Only for engine V(podman).
        type: str
  health:
    description:
    - How the engine finds out whether the container is healthy.
    - Only for engine V(podman).
    type: raw
    suboptions:
      command:
        description:
        - Command that is run inside; its exit code 0 says that the container is healthy. One word alone is given to the container's
          shell.
        - Only for engine V(podman).
        type: list
        elements: str
      interval:
        description:
        - Seconds between two runs. V(30) when nothing is declared.
        - Only for engine V(podman).
        type: int
      timeout:
        description:
        - Seconds after which a run has failed. V(30) when nothing is declared.
        - Only for engine V(podman).
        type: int
      retries:
        description:
        - Failed runs in a row that make it unhealthy. V(3) when nothing is declared.
        - Only for engine V(podman).
        type: int
      start_period:
        description:
        - Seconds after the start in which a failed run does not count.
        - Only for engine V(podman).
        type: int
  restart_policy:
    description:
    - When the engine starts it again after it has ended by itself. V(no) (in quotes) when nothing is declared.
    - Only for engine V(podman).
    - One of V(no), V(on-failure), V(always), V(unless-stopped).
    type: raw
  boot_order:
    description:
    - 'Place in the order in which containers with O(autostart) start with the host: a higher number is earlier.'
    - Only for engine V(openvz).
    type: raw
  pull:
    description:
    - 'When an OCI image is fetched from its registry as the container is made. V(missing) (the default): when it is not on
      the host; V(always); V(newer): when the registry has a newer one; V(never): one that is not there is an error.'
    - Only for engine V(podman).
    - One of V(missing), V(always), V(newer), V(never).
    type: raw
  disk:
    description:
    - 'Short for the disk C(root): its size such as V(20GiB), or its options.'
    type: raw
"""
