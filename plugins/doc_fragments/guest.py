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
  cloud_init:
    description:
    - First-boot configuration by cloud-init. A later change waits as pending with the reason V(first boot only), since it
      never runs again by itself on a guest that has booted.
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
  disk:
    description:
    - 'Short for the disk C(root): its size such as V(20GiB), or its options.'
    type: raw
"""
