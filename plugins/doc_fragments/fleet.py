# Copyright: (c) 2026, flotilla.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Generated from the grammar by tests/tools/generate_docs.py: change the grammar, not this file.

from __future__ import annotations


class ModuleDocFragment:
    """Options of a fleet, from the grammar."""

    DOCUMENTATION = r"""
options:
  hosts:
    description:
    - 'All inventory hosts of this fleet: a list of names, or a dictionary such as C({kvm1: {}, kvm2: {maintenance: true}}).
      A host in maintenance takes no new guests.'
    - With more than one host a guest that names none is an error.
    type: raw
  images:
    description:
    - Images, with a variant for each family of engines.
    type: raw
    suboptions:
      name:
        description:
        - Its name.
        type: str
        required: true
      state:
        description:
        - V(present) (the default); V(absent) forgets the image. Guests made from it, and the volumes that they are clones
          of, stay.
        type: str
        choices:
        - present
        - absent
      disk:
        description:
        - 'Disk image, for domains: qcow2 or raw, which is found out. A bare path is short for V(path).'
        type: raw
        suboptions:
          url:
            description:
            - Where to download it from (http, https, file), once; needs O(images.disk.checksum).
            type: str
          path:
            description:
            - File on the host, used where it is.
            type: str
          checksum:
            description:
            - Digest such as C(sha256:...), C(sha384:...) or C(sha512:...). Nothing is kept when it is wrong.
            type: str
          format:
            description:
            - Format that it must have. An image of another one is then refused.
            type: str
            choices:
            - qcow2
            - raw
      rootfs:
        description:
        - Tarball of a root file system, for containers. A bare path is short for V(path).
        type: raw
        suboptions:
          url:
            description:
            - Where to download it from (http, https, file), once; needs O(images.rootfs.checksum).
            type: str
          path:
            description:
            - File on the host, used where it is.
            type: str
          checksum:
            description:
            - Digest such as C(sha256:...), C(sha384:...) or C(sha512:...). Nothing is kept when it is wrong.
            type: str
      oci:
        description:
        - OCI image by its full name with registry, for podman.
        type: str
      template:
        description:
        - 'OS template by its exact name, for OpenVZ and Virtuozzo. It must be on the host: none is fetched.'
        type: str
  pools:
    description:
    - Storage pools.
    type: raw
    suboptions:
      name:
        description:
        - Its name.
        type: str
        required: true
      hosts:
        description:
        - Inventory hosts that have it. Without it every host of the fleet has it; a network of the modes V(nat), V(route)
          and V(isolated), which lives on one host only, those whose guests use it.
        type: list
        elements: str
      state:
        description:
        - 'V(running) (the default: a pool that is not active is started) or V(stopped); V(present) leaves it as it is.'
        - V(absent) removes the definition and leaves everything that is in the pool.
        type: str
        choices:
        - running
        - stopped
        - present
        - absent
      type:
        description:
        - Type of storage. V(dir) at creation. It cannot be changed later.
        type: str
        choices:
        - dir
        - fs
        - netfs
        - logical
        - disk
        - iscsi
        - iscsi-direct
        - rbd
        - gluster
        - zfs
      path:
        description:
        - Directory on the host (the target). For O(pools.type=dir) it is made when it is not there. For O(pools.type=fs)
          and O(pools.type=netfs) the mount point. It cannot be changed later.
        type: str
      source:
        description:
        - Where the storage comes from. Nothing is ever formatted. It cannot be changed later.
        type: dict
        suboptions:
          host:
            description:
            - 'Server: O(pools.type=netfs), V(iscsi), V(iscsi-direct), V(rbd), V(gluster).'
            type: str
          dir:
            description:
            - 'Directory or export on the server: O(pools.type=netfs), O(pools.type=gluster).'
            type: str
          device:
            description:
            - 'Device or target: O(pools.type=fs), O(pools.type=disk), O(pools.type=iscsi), O(pools.type=iscsi-direct), O(pools.type=logical).'
            type: str
          name:
            description:
            - 'Volume group, RBD pool, Gluster volume or ZFS dataset: O(pools.type=logical), O(pools.type=rbd), O(pools.type=gluster),
              O(pools.type=zfs).'
            type: str
          format:
            description:
            - File system or partition table that is there, such as V(nfs), V(xfs) or V(lvm2).
            type: str
          initiator:
            description:
            - 'IQN of this host: O(pools.type=iscsi-direct).'
            type: str
      autostart:
        description:
        - Whether it starts with the host. V(true) at creation, V(false) with O(pools.state=stopped).
        type: bool
  networks:
    description:
    - Networks.
    type: raw
    suboptions:
      name:
        description:
        - Its name.
        type: str
        required: true
      hosts:
        description:
        - Inventory hosts that have it. Without it every host of the fleet has it; a network of the modes V(nat), V(route)
          and V(isolated), which lives on one host only, those whose guests use it.
        type: list
        elements: str
      state:
        description:
        - V(running) (the default at creation) or V(stopped); V(present) leaves it running or not, as it is.
        - V(absent) removes it, which is refused while running guests are connected to it.
        - V(released) drops our annotation and leaves the network as it is.
        type: str
        choices:
        - running
        - stopped
        - present
        - absent
        - released
      mode:
        description:
        - How it is connected. V(nat) at creation.
        - 'V(nat), V(route) and V(open) forward between guests and the host''s networks: with address translation, without
          it, and without any firewall rules of libvirt. V(isolated) forwards nothing.'
        - V(bridge) connects guests to the host's own bridge O(networks.bridge), V(macvtap) and V(hostdev) to the host's interface
          O(networks.device). V(hostdev) gives each guest a virtual function of it, which it must have (SR-IOV); only its
          definition has been tested, not a guest on it.
        type: str
        choices:
        - nat
        - route
        - open
        - isolated
        - bridge
        - macvtap
        - hostdev
      bridge:
        description:
        - Name of its bridge, at most 15 characters. Required for O(networks.mode=bridge), where the bridge is the host's
          own and must be there. In the other modes libvirt makes the bridge, and chooses a name when nothing is declared.
        type: str
      device:
        description:
        - Host interface. Required for O(networks.mode=macvtap) and O(networks.mode=hostdev) (there the physical function).
          For O(networks.mode=nat) and O(networks.mode=route) the only interface that traffic may leave by.
        type: str
      domain:
        description:
        - DNS domain of the guests on it.
        type: str
      mtu:
        description:
        - Largest packet in bytes.
        type: int
      subnet:
        description:
        - Its addresses. Required for O(networks.mode=nat), O(networks.mode=route) and O(networks.mode=open); must not overlap
          with another network of the host.
        type: str
      gateway:
        description:
        - Address of the host in O(networks.subnet) (O(networks.mode=nat), O(networks.mode=route), O(networks.mode=open) and
          O(networks.mode=isolated); the first one when nothing is declared), or of the router (O(networks.mode=bridge), O(networks.mode=macvtap),
          O(networks.mode=hostdev)).
        type: str
      dns:
        description:
        - Name servers for guests with static addresses. Kept with the declaration, not in libvirt.
        type: list
        elements: str
      dhcp:
        description:
        - DHCP server on it (O(networks.mode=nat), O(networks.mode=route), O(networks.mode=open) and O(networks.mode=isolated)).
          Changed while it runs.
        type: dict
        suboptions:
          start:
            description:
            - First address of the range.
            type: str
          end:
            description:
            - Last address of the range.
            type: str
          hosts:
            description:
            - Fixed leases.
            type: list
            elements: dict
            suboptions:
              mac:
                description:
                - MAC address in quotes.
                type: str
                required: true
              address:
                description:
                - Address that it gets.
                type: str
                required: true
              name:
                description:
                - Host name that it gets.
                type: str
      autostart:
        description:
        - Whether it starts with the host. V(true) at creation.
        type: bool
      adopt:
        description:
        - Take over a network that was not made by this collection and differs from the declaration.
        type: bool
      on_change:
        description:
        - V(live) (the default) changes what the running network can take and reports the rest as pending.
        - V(restart) also restarts the network for whatever is pending; guests lose it for that moment and are connected again.
        - V(defer) does not touch the running network.
        type: str
        choices:
        - live
        - restart
        - defer
  limits:
    description:
    - What a plan may not exceed; it is stopped whole, before its first step.
    type: raw
    suboptions:
      removals:
        description:
        - Most guests and other resources that one run may remove or make anew.
        type: int
  defaults:
    description:
    - 'Options under every guest: those of O(guests), less C(name) and C(profile). What the engine of a guest lacks is left
      out there.'
    - Dictionaries merge by key and lists of named items by name; any other list is replaced. Short forms merge as what they
      stand for.
    type: raw
  profiles:
    description:
    - Options under the guests that name the profile and over O(defaults). A dictionary by name, each with options of O(guests),
      less C(name) and C(profile).
    type: raw
  guests:
    description:
    - The guests of the whole fleet, also those of other hosts.
    type: raw
    suboptions:
      name:
        description:
        - Name of the guest on its host.
        type: str
      engine:
        description:
        - 'Engine that runs the guest. V(kvm) when nothing is declared. V(auto) decides once, at creation, and the result
          says why: another operating system than Linux, or an option that only V(kvm) has, needs V(kvm); any other guest
          goes into the first usable container engine of the host (V(virtuozzo), V(openvz), V(lxc), V(podman), in that order)
          for which its image has a variant.'
        type: str
        choices:
        - kvm
        - lxc
        - podman
        - openvz
        - virtuozzo
        - auto
      count:
        description:
        - Number of equal guests, named C(NAME-1), C(NAME-2) and so on. A lower count leaves the surplus reported as V(orphaned)
          until it is pruned.
        type: int
      profile:
        description:
        - Profile below this guest's own options.
        type: str
      after:
        description:
        - Guests that are started before this one and stopped after it. The name of a guest with O(guests.count) means all
          its members.
        type: list
        elements: str
      host:
        description:
        - Inventory host that the guest is on. On all others it is left out, and stays declared.
        type: str
      spread:
        description:
        - Guests with the same word must be on different hosts.
        type: str
      together:
        description:
        - Guests with the same word must be on the same host.
        type: str
      disk:
        description:
        - Short for the disk named C(root). A bare size such as V(20GiB) is its size.
        type: raw
        suboptions:
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
      state:
        description:
        - V(running) (the default at creation), V(stopped), V(paused); V(present) leaves the power as it is.
        - V(absent) removes the guest and keeps its storage, unless O(guests.remove_storage) is set.
        - V(released) drops our annotation and leaves the guest as it is.
        type: str
        choices:
        - running
        - stopped
        - paused
        - present
        - absent
        - released
      virtualization:
        description:
        - V(kvm) (the default) uses hardware virtualization and is an error where the host cannot. V(prefer_kvm) emulates
          there and says so. V(qemu) always emulates. Decided at creation.
        - Only for engine V(kvm).
        type: str
        choices:
        - kvm
        - prefer_kvm
        - qemu
      title:
        description:
        - Short title.
        - Only for engine V(kvm).
        type: str
      description:
        description:
        - Free text.
        - Only for engine V(kvm).
        type: str
      cpus:
        description:
        - Virtual CPUs. A bare number is short for V(count).
        type: raw
        suboptions:
          count:
            description:
            - CPUs that the guest has now. Changed on the running guest, up to O(guests.cpus.maximum).
            type: int
          maximum:
            description:
            - Ceiling up to which O(guests.cpus.count) can grow while the guest runs; fixed when the guest starts.
            - Taking it back makes it equal to the count.
            - Only for engine V(kvm).
            type: int
          limit:
            description:
            - Most CPU time that the container gets, in CPUs (V(1.5)) or as a percentage of one CPU (V(150%)). Changed while
              it runs. Taking it back removes the limit.
            - For podman O(guests.cpus.count) and this are one and the same limit, so only one of them can be declared.
            - Only for engine V(podman) and V(openvz) and V(virtuozzo).
            type: str
          units:
            description:
            - 'Weight against the other containers of the host when CPU time is short: twice the number gets twice the time.
              podman calls it shares (V(1024) when nothing is declared), OpenVZ and Virtuozzo units (V(1000)).'
            - Changed while the container runs.
            - Only for engine V(podman) and V(openvz) and V(virtuozzo).
            type: int
          pinning:
            description:
            - CPUs of the host that the container may run on, such as V(0-1,4). Changed while it runs. Taking it back allows
              all.
            - Only for engine V(podman) and V(openvz) and V(virtuozzo).
            type: str
      memory:
        description:
        - Memory. A bare size such as V(2GiB) is short for V(size).
        type: raw
        suboptions:
          size:
            description:
            - Memory that the guest has now, with a binary unit (V(MiB), V(GiB)). Changed on the running guest, up to O(guests.memory.maximum).
            - A size with a binary unit, such as V(512MiB) or V(4GiB).
            type: str
          maximum:
            description:
            - Ceiling up to which O(guests.memory.size) can grow while the guest runs, with a binary unit; fixed when the
              guest starts. Taking it back makes it equal to the size.
            - Only for engine V(kvm).
            - A size with a binary unit, such as V(512MiB) or V(4GiB).
            type: str
          swap:
            description:
            - Swap that the container may use beside O(guests.memory.size). V(0B) is none. Changed while it runs. Taking it
              back leaves it to the engine.
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
            - Initial RAM disk on the host for O(guests.os.kernel).
            type: str
          cmdline:
            description:
            - Command line for O(guests.os.kernel).
            type: str
      disks:
        description:
        - Disks, matched by name and never by position. A disk that is no longer declared is detached and its volume kept.
        type: list
        elements: dict
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
        type: list
        elements: raw
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
            - 'Static address with its prefix length, such as V(10.20.0.11/24), or a list of them. Without it the guest asks
              a DHCP server. With C(count), C({from: 10.20.0.21/24}) gives each member the next address.'
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
            - 'V(veth) (the default) is one end of a pair whose other end is in a bridge of the host. V(venet) has no MAC
              address: the host routes to the addresses of the container.'
            - Only for engine V(openvz) and V(virtuozzo).
            type: str
            choices:
            - veth
            - venet
      cloud_init:
        description:
        - First-boot configuration by cloud-init. A later change waits as pending with the reason V(first boot only), since
          it never runs again by itself on a guest that has booted.
        - Only for engine V(kvm) and V(lxc) and V(openvz) and V(virtuozzo).
        type: dict
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
            - Own network configuration (version 2), instead of the one made from O(guests.nics).
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
            - 'cloud-init then runs everything again that it runs once for an instance: users, SSH keys, packages, commands
              and the network configuration. SSH host keys stay.'
            - Only for engine V(kvm).
            type: bool
      image:
        description:
        - Image of the guest. For a domain short for the image of its disk C(root).
        type: str
      hostname:
        description:
        - Host name of a container. Without it the container's name.
        - Only for engine V(lxc) and V(podman) and V(openvz) and V(virtuozzo).
        type: str
      agent:
        description:
        - A channel for the QEMU guest agent. Present at creation.
        - Only for engine V(kvm).
        type: bool
      console:
        description:
        - A serial console with a log. Present at creation.
        - Only for engine V(kvm).
        type: bool
      autostart:
        description:
        - Whether the guest starts with the host.
        type: bool
      tags:
        description:
        - Tags, stored with the guest; they become groups of the inventory.
        type: dict
      on_change:
        description:
        - V(live) (the default) applies what the running guest can take and reports the rest as pending. V(restart) also restarts
          the guest for whatever is pending. V(defer) does not touch the running guest.
        type: str
        choices:
        - live
        - restart
        - defer
      adopt:
        description:
        - Take over a guest that was not made by this collection.
        type: bool
      recreate:
        description:
        - Allow changes that destroy the guest and make it anew.
        type: bool
      remove_storage:
        description:
        - With O(guests.state=absent), also remove the volumes that this collection made for the guest.
        type: bool
      protect:
        description:
        - Refuse to remove the guest, to make it anew or to detach its disks, whatever else is said.
        type: bool
      wait_for:
        description:
        - Wait until the guest is ready. A wait that timed out is waited for, and fails again, in the next run.
        type: raw
        suboptions:
          what:
            description:
            - 'What to wait for. V(cloud_init) is asked of the guest''s agent, else looked for on its serial console. Where
              neither can tell, an SSH server that answers is taken for it, which proves less: C(status.ready) says by what
              it was found and what that proves.'
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
        type: int
      force_stop:
        description:
        - Power the guest off when it did not stop in time. Otherwise that is an error.
        type: bool
      io:
        description:
        - Limits of the container's disk traffic.
        - Only for engine V(openvz) and V(virtuozzo).
        type: dict
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
        type: list
        elements: str
      search:
        description:
        - Domains in which short names are looked up.
        - Only for engine V(podman) and V(openvz) and V(virtuozzo).
        type: list
        elements: str
      root_password:
        description:
        - 'Password of root inside, as a crypt(5) hash. A secret: never shown.'
        - Only for engine V(openvz) and V(virtuozzo).
        - 'C({keep: true}) leaves it as it is.'
        type: str
      mounts:
        description:
        - What is mounted in the container, matched by O(guests.mounts[].target). Changing it makes the container anew.
        - Only for engine V(podman).
        type: list
        elements: dict
        suboptions:
          target:
            description:
            - Absolute path inside the container.
            - Only for engine V(podman).
            type: str
            required: true
          type:
            description:
            - V(bind) mounts the host's directory or file O(guests.mounts[].source), V(volume) the engine's named volume O(guests.mounts[].volume),
              which is made when it is not there, V(tmpfs) an empty file system in memory. Without it what O(guests.mounts[].source)
              or O(guests.mounts[].volume) says, else V(tmpfs).
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
        - Device nodes of the host that the container may use, matched by O(guests.devices[].path).
        - Only for engine V(podman) and V(openvz).
        type: list
        elements: dict
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
        type: dict
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
        type: dict
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
        type: list
        elements: str
      command:
        description:
        - The command and its arguments, or the arguments of the entry point. Without it the image's own; for an image made
          from a root file system its C(/sbin/init).
        - Only for engine V(podman).
        type: list
        elements: str
      environment:
        description:
        - 'Variables of the environment by name. They can be read on the host: use O(guests.secrets) for secrets.'
        - Only for engine V(podman).
        type: dict
      user:
        description:
        - User, and group after a colon, that the command runs as.
        - Only for engine V(podman).
        type: str
      workdir:
        description:
        - Directory in which the command runs.
        - Only for engine V(podman).
        type: str
      ports:
        description:
        - Ports of the host that lead into the container, each as V(HOST:CONTAINER), V(ADDRESS:HOST:CONTAINER), with V(/udp)
          after it where it is not TCP.
        - Only for engine V(podman).
        type: list
        elements: str
      secrets:
        description:
        - Secrets that the engine hands to the container, as a file or as a variable of its environment. Changing one makes
          the container anew.
        - Only for engine V(podman).
        type: list
        elements: dict
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
        type: dict
        suboptions:
          command:
            description:
            - Command that is run inside; its exit code 0 says that the container is healthy. One word alone is given to the
              container's shell.
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
        type: str
        choices:
        - 'no'
        - on-failure
        - always
        - unless-stopped
      boot_order:
        description:
        - 'Place in the order in which containers with O(guests.autostart) start with the host: a higher number is earlier.'
        - Only for engine V(openvz).
        type: int
      pull:
        description:
        - 'When an OCI image is fetched from its registry as the container is made. V(missing) (the default): when it is not
          on the host; V(always); V(newer): when the registry has a newer one; V(never): one that is not there is an error.'
        - Only for engine V(podman).
        type: str
        choices:
        - missing
        - always
        - newer
        - never
"""
