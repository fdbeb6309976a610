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
    - It cannot be changed.
    - One of V(kvm), V(prefer_kvm), V(qemu).
    type: raw
  uuid:
    description:
    - UUID of the guest. Derived from fleet and name when nothing is declared.
    - Only for engine V(kvm).
    - It cannot be changed.
    type: raw
  title:
    description:
    - Short title.
    - Only for engine V(kvm).
    - Changed while a domain runs.
    type: raw
  description:
    description:
    - Free text.
    - Only for engine V(kvm).
    - Changed while a domain runs.
    type: raw
  cpus:
    description:
    - Virtual CPUs. A bare number is short for V(count).
    type: raw
    suboptions:
      count:
        description:
        - CPUs that the guest has now. Changed on the running guest, up to O(cpus.maximum).
        - Changed while a domain runs.
        type: int
      maximum:
        description:
        - Ceiling up to which O(cpus.count) can grow while the guest runs; fixed when the guest starts.
        - Taking it back makes it equal to the count, or to what O(cpus.topology) has.
        - Only for engine V(kvm).
        - A change takes a restart.
        type: int
      topology:
        description:
        - How the CPUs look to the guest. Sockets times dies times cores times threads must be O(cpus.maximum).
        - Only for engine V(kvm).
        - A change takes a restart.
        type: dict
        suboptions:
          sockets:
            description:
            - Sockets. 1 when nothing is declared.
            - Only for engine V(kvm).
            - A change takes a restart.
            type: int
          dies:
            description:
            - Dies in each socket. 1 when nothing is declared.
            - Only for engine V(kvm).
            - A change takes a restart.
            type: int
          cores:
            description:
            - Cores in each die. 1 when nothing is declared.
            - Only for engine V(kvm).
            - A change takes a restart.
            type: int
          threads:
            description:
            - Threads in each core. 1 when nothing is declared.
            - Only for engine V(kvm).
            - A change takes a restart.
            type: int
      model:
        description:
        - 'CPU that the guest sees: V(host-model) (the default at creation on KVM), V(host-passthrough), V(maximum), or a
          name such as V(EPYC) or V(Skylake-Server) that C(virsh cpu-models x86_64) lists.'
        - Only for engine V(kvm).
        - A change takes a restart.
        type: str
      features:
        description:
        - 'CPU features by name: V(require), V(disable), V(optional), V(force) or V(forbid). V(true) is short for V(require)
          and V(false) for V(disable).'
        - Only for engine V(kvm).
        - A change takes a restart.
        type: dict
      migratable:
        description:
        - Whether V(host-passthrough) leaves out features that would prevent migration.
        - Only for engine V(kvm).
        - A change takes a restart.
        type: bool
      cache:
        description:
        - CPU cache that the guest sees.
        - Only for engine V(kvm).
        - A change takes a restart.
        type: str
        choices:
        - emulate
        - passthrough
        - disable
      placement:
        description:
        - V(auto) lets numad choose host CPUs at each start.
        - Only for engine V(kvm).
        - A change takes a restart.
        type: str
        choices:
        - static
        - auto
      cpuset:
        description:
        - Host CPUs that the guest may use at all, such as V(0-3,8).
        - Only for engine V(kvm) and V(podman) and V(openvz) and V(virtuozzo) and V(lxc).
        - A change takes a restart.
        type: str
      pins:
        description:
        - Host CPUs for each virtual CPU, by its number from 0.
        - Only for engine V(kvm).
        - Changed while a domain runs.
        type: dict
      emulator_pin:
        description:
        - Host CPUs for QEMU's own threads.
        - Only for engine V(kvm).
        - Changed while a domain runs.
        type: str
      iothreads:
        description:
        - I/O threads, numbered from 1. Disks and controllers name theirs with C(iothread).
        - Only for engine V(kvm).
        - Changed while a domain runs.
        type: int
      iothread_pins:
        description:
        - Host CPUs for each I/O thread, by its number from 1.
        - Only for engine V(kvm).
        - Changed while a domain runs.
        type: dict
      shares:
        description:
        - Weight against other guests when CPU time is short. The kernel's own default is 1024.
        - Only for engine V(kvm) and V(podman) and V(openvz) and V(virtuozzo) and V(lxc).
        - Changed while a domain runs.
        type: int
      period:
        description:
        - Interval of O(cpus.quota) in microseconds, 1000 to 1000000.
        - Only for engine V(kvm).
        - Changed while a domain runs.
        type: int
      quota:
        description:
        - CPU time that each virtual CPU may use in a period, in microseconds; V(-1) is no limit.
        - Only for engine V(kvm).
        - Changed while a domain runs.
        type: int
      global_period:
        description:
        - Interval of O(cpus.global_quota) in microseconds.
        - Only for engine V(kvm).
        - Changed while a domain runs.
        type: int
      global_quota:
        description:
        - CPU time that the whole guest may use in a period, in microseconds; V(-1) is no limit.
        - Only for engine V(kvm).
        - Changed while a domain runs.
        type: int
      emulator_period:
        description:
        - Interval of O(cpus.emulator_quota) in microseconds.
        - Only for engine V(kvm).
        - Changed while a domain runs.
        type: int
      emulator_quota:
        description:
        - CPU time for QEMU's own threads in a period, in microseconds; V(-1) is no limit.
        - Only for engine V(kvm).
        - Changed while a domain runs.
        type: int
      iothread_period:
        description:
        - Interval of O(cpus.iothread_quota) in microseconds.
        - Only for engine V(kvm).
        - Changed while a domain runs.
        type: int
      iothread_quota:
        description:
        - CPU time for each I/O thread in a period, in microseconds; V(-1) is no limit.
        - Only for engine V(kvm).
        - Changed while a domain runs.
        type: int
      limit:
        description:
        - Most CPU time that the container gets, in CPUs (V(1.5)) or as a percentage of one CPU (V(150%)). Changed while it
          runs. Taking it back removes the limit.
        - For podman and LXC O(cpus.count) and this are one and the same limit, so only one of them can be declared.
        - Only for engine V(podman) and V(openvz) and V(virtuozzo) and V(lxc).
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
        - Changed while a domain runs.
        type: str
      maximum:
        description:
        - Ceiling up to which O(memory.size) can grow while the guest runs, with a binary unit; fixed when the guest starts.
          Taking it back makes it equal to the size.
        - Only for engine V(kvm).
        - A size with a binary unit, such as V(512MiB) or V(4GiB).
        - A change takes a restart.
        type: str
      method:
        description:
        - How memory grows up to O(memory.maximum) on the running guest.
        - 'V(balloon) (at creation): the guest boots with the whole maximum and gives back what is above the size; costs page
          tables for the maximum, needs the guest''s balloon driver.'
        - 'V(dimm): the guest boots with the size, and growth plugs in DIMMs of the difference, a multiple of 128 MiB; a DIMM
          leaves only when the guest has freed all of it. Costs a slot for each growth.'
        - 'V(virtio-mem): the guest boots with the size, and one virtio-mem device of the rest gives and takes blocks of 2
          MiB; needs Linux 5.8 or later in the guest.'
        - Only for engine V(kvm).
        - A change takes a restart.
        type: str
        choices:
        - balloon
        - dimm
        - virtio-mem
      slots:
        description:
        - DIMMs that can be plugged in with O(memory.method=dimm). 16 at creation.
        - Only for engine V(kvm).
        - A change takes a restart.
        type: int
      huge_pages:
        description:
        - 'Back the memory with huge pages: V(true) for the host''s default size, or a size such as V(2MiB) or V(1GiB).'
        - Only for engine V(kvm).
        - A change takes a restart.
        type: raw
      locked:
        description:
        - Keep the memory from being swapped out by the host.
        - Only for engine V(kvm).
        - A change takes a restart.
        type: bool
      ksm:
        description:
        - Let the host merge equal pages of this guest with those of others (kernel samepage merging).
        - Only for engine V(kvm).
        - A change takes a restart.
        type: bool
      source:
        description:
        - What backs the memory. V(memfd) or V(file) for virtiofs and vhost-user.
        - Only for engine V(kvm).
        - A change takes a restart.
        type: str
        choices:
        - file
        - anonymous
        - memfd
      access:
        description:
        - Whether other processes may map it. V(shared) for virtiofs and vhost-user.
        - Only for engine V(kvm).
        - A change takes a restart.
        type: str
        choices:
        - shared
        - private
      allocation:
        description:
        - Whether the memory is taken from the host at start.
        - Only for engine V(kvm).
        - A change takes a restart.
        type: str
        choices:
        - immediate
        - ondemand
      discard:
        description:
        - Free what backs the memory when the guest ends, without writing it out.
        - Only for engine V(kvm).
        - A change takes a restart.
        type: bool
      hard_limit:
        description:
        - Most host memory that the guest's QEMU may use altogether. Too low a value kills the guest.
        - Only for engine V(kvm).
        - A size with a binary unit, such as V(512MiB) or V(4GiB).
        - Changed while a domain runs.
        type: str
      soft_limit:
        description:
        - Host memory that it is held to when the host is short of memory.
        - Only for engine V(kvm).
        - A size with a binary unit, such as V(512MiB) or V(4GiB).
        - Changed while a domain runs.
        type: str
      swap_hard_limit:
        description:
        - Most host memory and swap together.
        - Only for engine V(kvm).
        - A size with a binary unit, such as V(512MiB) or V(4GiB).
        - Changed while a domain runs.
        type: str
      balloon:
        description:
        - The balloon device, by which O(memory.size) changes while the guest runs.
        - Only for engine V(kvm).
        - A change takes a restart.
        type: raw
        suboptions:
          model:
            description:
            - V(virtio) (at creation), or V(none) for a guest without one.
            - Only for engine V(kvm).
            - A change takes a restart.
            type: str
            required: true
            choices:
            - virtio
            - virtio-transitional
            - virtio-non-transitional
            - xen
            - none
          autodeflate:
            description:
            - Give memory back to a guest that runs out of it.
            - Only for engine V(kvm).
            - A change takes a restart.
            type: bool
          free_page_reporting:
            description:
            - Let the guest report memory that it does not use.
            - Only for engine V(kvm).
            - A change takes a restart.
            type: bool
          stats_period:
            description:
            - Seconds between two reports of the guest's memory statistics; 0 for none.
            - Only for engine V(kvm).
            - Changed while a domain runs.
            type: int
      swap:
        description:
        - Swap that the container may use beside O(memory.size). V(0B) is none. Changed while it runs. Taking it back leaves
          it to the engine.
        - Only for engine V(podman) and V(openvz) and V(virtuozzo) and V(lxc).
        - A size with a binary unit, such as V(512MiB) or V(4GiB).
        type: str
  numa:
    description:
    - 'NUMA: what the guest sees, and which nodes of the host its memory comes from.'
    - Only for engine V(kvm).
    type: raw
    suboptions:
      cells:
        description:
        - NUMA cells that the guest sees. Their memory together is what the guest boots with.
        - Only for engine V(kvm).
        type: list
        elements: dict
        suboptions:
          id:
            description:
            - Number from 0.
            - Only for engine V(kvm).
            - A change takes a restart.
            type: str
            required: true
          cpus:
            description:
            - CPUs of the cell, such as V(0-3).
            - Only for engine V(kvm).
            - A change takes a restart.
            type: str
            required: true
          memory:
            description:
            - Memory of the cell.
            - Only for engine V(kvm).
            - A size with a binary unit, such as V(512MiB) or V(4GiB).
            - A change takes a restart.
            type: str
            required: true
          access:
            description:
            - Whether other processes may map it.
            - Only for engine V(kvm).
            - A change takes a restart.
            type: str
            choices:
            - shared
            - private
          discard:
            description:
            - Free what backs it when the guest ends.
            - Only for engine V(kvm).
            - A change takes a restart.
            type: bool
          distances:
            description:
            - Distance to other cells by their number, 10 to 255.
            - Only for engine V(kvm).
            - A change takes a restart.
            type: dict
      mode:
        description:
        - How O(numa.nodeset) is meant. V(strict) when only that is declared.
        - Only for engine V(kvm).
        - A change takes a restart.
        type: str
        choices:
        - strict
        - preferred
        - interleave
        - restrictive
      nodeset:
        description:
        - Nodes of the host that the memory comes from.
        - Only for engine V(kvm).
        - Changed while a domain runs.
        type: str
      placement:
        description:
        - V(auto) lets numad choose the nodes at each start.
        - Only for engine V(kvm).
        - A change takes a restart.
        type: str
        choices:
        - static
        - auto
  os:
    description:
    - Operating system, firmware and machine. A bare word is short for V(family).
    - Only for engine V(kvm) and V(virtuozzo).
    type: raw
    suboptions:
      family:
        description:
        - 'Family of the operating system. It decides what a new guest is like where nothing else is declared: clock, bus
          of the disks, model of the NICs, hypervisor features, graphics. V(linux) at creation. V(plain) adds nothing to what
          is declared; guests that others made read as such.'
        - Only for engine V(kvm) and V(virtuozzo).
        type: str
        choices:
        - linux
        - windows
        - bsd
        - solaris
        - macos
        - other
        - plain
      variant:
        description:
        - Name of the system as libosinfo has it, such as V(debian12), V(win11), V(freebsd13.1), or its address. Other tools
          show it.
        - Only for engine V(kvm).
        - Changed while a domain runs.
        type: str
      firmware:
        description:
        - Firmware. V(bios) at creation, V(uefi) where the system or the machine needs it.
        - Only for engine V(kvm).
        - A change takes a restart.
        type: str
        choices:
        - bios
        - uefi
      secure_boot:
        description:
        - Boot only what is signed by a key that the firmware knows. Needs O(os.firmware=uefi).
        - Only for engine V(kvm).
        - A change takes a restart.
        type: bool
      loader:
        description:
        - Firmware image on the host. libvirt chooses one when nothing is declared.
        - Only for engine V(kvm).
        - A change takes a restart.
        type: str
      nvram:
        description:
        - File on the host with the guest's firmware variables. libvirt chooses one when nothing is declared.
        - Only for engine V(kvm).
        - A change takes a restart.
        type: str
      reset_nvram:
        description:
        - 'For one run and never stored: begin with fresh firmware variables at the start that this run makes.'
        - Only for engine V(kvm).
        type: bool
      architecture:
        description:
        - Architecture of the CPU. The host's own at creation; another one is emulated.
        - Only for engine V(kvm).
        - It cannot be changed.
        type: str
      machine:
        description:
        - Machine type, such as V(q35) (the default at creation on x86). libvirt stores the version that it stands for.
        - Only for engine V(kvm).
        - A change takes a restart.
        type: str
      emulator:
        description:
        - QEMU binary on the host. libvirt chooses one when nothing is declared.
        - Only for engine V(kvm).
        - A change takes a restart.
        type: str
      kernel:
        description:
        - Kernel on the host to boot directly.
        - Only for engine V(kvm).
        - A change takes a restart.
        type: str
      initrd:
        description:
        - Initial RAM disk on the host for O(os.kernel).
        - Only for engine V(kvm).
        - A change takes a restart.
        type: str
      cmdline:
        description:
        - Command line for O(os.kernel).
        - Only for engine V(kvm).
        - A change takes a restart.
        type: str
      dtb:
        description:
        - Device tree on the host for O(os.kernel).
        - Only for engine V(kvm).
        - A change takes a restart.
        type: str
  boot:
    description:
    - How the guest finds what it boots.
    - Only for engine V(kvm) and V(virtuozzo).
    type: raw
    suboptions:
      order:
        description:
        - Kinds of devices in the order in which they are tried. V([hd]) at creation. A C(boot_order) on a device replaces
          it.
        - Only for engine V(kvm) and V(virtuozzo).
        - A change takes a restart.
        type: list
        elements: str
        choices:
        - hd
        - cdrom
        - network
        - fd
      menu:
        description:
        - Offer a menu.
        - Only for engine V(kvm).
        - A change takes a restart.
        type: bool
      menu_timeout:
        description:
        - How long the menu waits, in milliseconds.
        - Only for engine V(kvm).
        - A change takes a restart.
        type: int
      serial:
        description:
        - Let the BIOS use the serial port.
        - Only for engine V(kvm).
        - A change takes a restart.
        type: bool
      reboot_timeout:
        description:
        - Milliseconds until another try when nothing boots.
        - Only for engine V(kvm).
        - A change takes a restart.
        type: int
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
        - It cannot be changed.
        type: str
      volume:
        description:
        - Name of the volume. Without it C(GUEST-DISK) with the format as ending.
        - It cannot be changed.
        type: str
      file:
        description:
        - Absolute path of an image file that is used as it is, instead of a volume.
        - Only for engine V(kvm).
        - It cannot be changed.
        type: str
      device:
        description:
        - Absolute path of a block device that is used as it is, instead of a volume.
        - Only for engine V(kvm).
        - It cannot be changed.
        type: str
      source:
        description:
        - A disk on the network, reached by QEMU itself.
        - Only for engine V(kvm).
        type: dict
        suboptions:
          protocol:
            description:
            - Protocol.
            - Only for engine V(kvm).
            - It cannot be changed.
            type: str
            choices:
            - rbd
            - iscsi
            - nbd
            - gluster
            - sheepdog
            - ssh
            - vxhs
            - nfs
            - tftp
          name:
            description:
            - 'What the server calls it: C(POOL/IMAGE) for rbd, C(IQN/LUN) for iscsi, the export for nbd.'
            - Only for engine V(kvm).
            - It cannot be changed.
            type: str
          hosts:
            description:
            - Servers, each C(HOST) or C(HOST:PORT), or the path of a Unix socket.
            - Only for engine V(kvm).
            - It cannot be changed.
            type: list
            elements: str
          tls:
            description:
            - Whether to use TLS.
            - Only for engine V(kvm).
            - It cannot be changed.
            type: bool
          initiator:
            description:
            - IQN of this host for iscsi.
            - Only for engine V(kvm).
            - It cannot be changed.
            type: str
          user:
            description:
            - User name for the server.
            - Only for engine V(kvm).
            - It cannot be changed.
            type: str
          secret:
            description:
            - 'libvirt secret with the password or key: its UUID or its usage name. The secret itself is never in a declaration.'
            - Only for engine V(kvm).
            - It cannot be changed.
            type: str
      url:
        description:
        - Address of an image on a web server that QEMU reads directly, such as V(https://example.com/netinst.iso).
        - Only for engine V(kvm).
        - It cannot be changed.
        type: str
      size:
        description:
        - Capacity with a binary unit. It can grow while the guest runs and never shrinks.
        - Without it a disk made from an image has the size of the image.
        - A size with a binary unit, such as V(512MiB) or V(4GiB).
        - Changed while a domain runs.
        type: str
      image:
        description:
        - Image that the disk is made from, as a copy-on-write clone. Used only when the disk is made.
        type: str
      format:
        description:
        - Format of the volume. V(qcow2) when it is made and nothing is declared.
        - It cannot be changed.
        type: str
        choices:
        - qcow2
        - raw
      bus:
        description:
        - Bus that the guest sees the disk on. V(virtio) at creation, where the operating system has its driver.
        - Only for engine V(kvm).
        - A change takes a restart.
        type: str
        choices:
        - virtio
        - scsi
        - sata
        - usb
        - ide
        - nvme
        - sd
      type:
        description:
        - V(lun) passes SCSI commands of the guest through to a block device.
        - Only for engine V(kvm).
        - A change takes a restart.
        type: str
        choices:
        - disk
        - lun
      cache:
        description:
        - Host cache mode.
        - Only for engine V(kvm).
        - A change takes a restart.
        type: str
        choices:
        - none
        - writethrough
        - writeback
        - directsync
        - unsafe
        - default
      io:
        description:
        - 'How QEMU reads and writes: V(native) needs a O(disks.cache) of V(none) or V(directsync).'
        - Only for engine V(kvm).
        - A change takes a restart.
        type: str
        choices:
        - threads
        - native
        - io_uring
      discard:
        description:
        - Whether freed blocks are given back to the storage.
        - Only for engine V(kvm).
        - A change takes a restart.
        type: str
        choices:
        - unmap
        - ignore
      detect_zeroes:
        description:
        - Whether written zeroes are found and not stored.
        - Only for engine V(kvm).
        - A change takes a restart.
        type: str
        choices:
        - 'off'
        - 'on'
        - unmap
      error_policy:
        description:
        - What happens when the host cannot write.
        - Only for engine V(kvm).
        - A change takes a restart.
        type: str
        choices:
        - stop
        - report
        - ignore
        - enospace
      rerror_policy:
        description:
        - What happens when the host cannot read.
        - Only for engine V(kvm).
        - A change takes a restart.
        type: str
        choices:
        - stop
        - report
        - ignore
      copy_on_read:
        description:
        - Copy what is read from the backing image into the disk.
        - Only for engine V(kvm).
        - A change takes a restart.
        type: bool
      queues:
        description:
        - Request queues of a virtio disk.
        - Only for engine V(kvm).
        - A change takes a restart.
        type: int
      iothread:
        description:
        - Number of the I/O thread (O(cpus.iothreads)) that serves a virtio disk.
        - Only for engine V(kvm).
        - A change takes a restart.
        type: int
      readonly:
        description:
        - Whether the guest may only read the disk.
        - Only for engine V(kvm).
        - A change takes a restart.
        type: bool
      shareable:
        description:
        - Whether other guests may use it at the same time.
        - Only for engine V(kvm).
        - A change takes a restart.
        type: bool
      transient:
        description:
        - Throw away what the guest writes when it stops.
        - Only for engine V(kvm).
        - A change takes a restart.
        type: bool
      serial:
        description:
        - Serial number that the guest sees.
        - Only for engine V(kvm).
        - A change takes a restart.
        type: str
      wwn:
        description:
        - World wide name that the guest sees, 16 hex digits.
        - Only for engine V(kvm).
        - A change takes a restart.
        type: str
      vendor:
        description:
        - Vendor of a SCSI disk, at most 8 characters.
        - Only for engine V(kvm).
        - A change takes a restart.
        type: str
      product:
        description:
        - Product of a SCSI disk, at most 16 characters.
        - Only for engine V(kvm).
        - A change takes a restart.
        type: str
      rotation_rate:
        description:
        - Rotations in a minute that the guest sees; 1 for a solid state disk.
        - Only for engine V(kvm).
        - A change takes a restart.
        type: int
      removable:
        description:
        - Whether a USB disk says that it is removable.
        - Only for engine V(kvm).
        - A change takes a restart.
        type: bool
      logical_block_size:
        description:
        - Bytes of a logical block that the guest sees.
        - Only for engine V(kvm).
        - A change takes a restart.
        type: int
      physical_block_size:
        description:
        - Bytes of a physical block that the guest sees.
        - Only for engine V(kvm).
        - A change takes a restart.
        type: int
      boot_order:
        description:
        - Place in the order in which devices are tried to boot from, from 1. Replaces O(boot.order).
        - Only for engine V(kvm).
        - A change takes a restart.
        type: int
      iotune:
        description:
        - Limits of throughput, changed while the guest runs. A total excludes the limits of its parts.
        - Only for engine V(kvm).
        type: dict
        suboptions:
          total_bytes:
            description:
            - Most that may be read and written in a second, with a binary unit.
            - Only for engine V(kvm).
            - A size with a binary unit, such as V(512MiB) or V(4GiB).
            - Changed while a domain runs.
            type: str
          total_iops:
            description:
            - Most requests in a second for what is read and written.
            - Only for engine V(kvm).
            - Changed while a domain runs.
            type: int
          total_bytes_max:
            description:
            - Most that may be read and written in a second of a burst.
            - Only for engine V(kvm).
            - A size with a binary unit, such as V(512MiB) or V(4GiB).
            - Changed while a domain runs.
            type: str
          total_iops_max:
            description:
            - Most requests in a second of a burst for what is read and written.
            - Only for engine V(kvm).
            - Changed while a domain runs.
            type: int
          total_bytes_max_length:
            description:
            - Length of that burst in seconds.
            - Only for engine V(kvm).
            - Changed while a domain runs.
            type: int
          total_iops_max_length:
            description:
            - Length of that burst in seconds.
            - Only for engine V(kvm).
            - Changed while a domain runs.
            type: int
          read_bytes:
            description:
            - Most that may be read in a second, with a binary unit.
            - Only for engine V(kvm).
            - A size with a binary unit, such as V(512MiB) or V(4GiB).
            - Changed while a domain runs.
            type: str
          read_iops:
            description:
            - Most requests in a second for what is read.
            - Only for engine V(kvm).
            - Changed while a domain runs.
            type: int
          read_bytes_max:
            description:
            - Most that may be read in a second of a burst.
            - Only for engine V(kvm).
            - A size with a binary unit, such as V(512MiB) or V(4GiB).
            - Changed while a domain runs.
            type: str
          read_iops_max:
            description:
            - Most requests in a second of a burst for what is read.
            - Only for engine V(kvm).
            - Changed while a domain runs.
            type: int
          read_bytes_max_length:
            description:
            - Length of that burst in seconds.
            - Only for engine V(kvm).
            - Changed while a domain runs.
            type: int
          read_iops_max_length:
            description:
            - Length of that burst in seconds.
            - Only for engine V(kvm).
            - Changed while a domain runs.
            type: int
          write_bytes:
            description:
            - Most that may be written in a second, with a binary unit.
            - Only for engine V(kvm).
            - A size with a binary unit, such as V(512MiB) or V(4GiB).
            - Changed while a domain runs.
            type: str
          write_iops:
            description:
            - Most requests in a second for what is written.
            - Only for engine V(kvm).
            - Changed while a domain runs.
            type: int
          write_bytes_max:
            description:
            - Most that may be written in a second of a burst.
            - Only for engine V(kvm).
            - A size with a binary unit, such as V(512MiB) or V(4GiB).
            - Changed while a domain runs.
            type: str
          write_iops_max:
            description:
            - Most requests in a second of a burst for what is written.
            - Only for engine V(kvm).
            - Changed while a domain runs.
            type: int
          write_bytes_max_length:
            description:
            - Length of that burst in seconds.
            - Only for engine V(kvm).
            - Changed while a domain runs.
            type: int
          write_iops_max_length:
            description:
            - Length of that burst in seconds.
            - Only for engine V(kvm).
            - Changed while a domain runs.
            type: int
          size_iops:
            description:
            - Bytes of a request that count as one request.
            - Only for engine V(kvm).
            - Changed while a domain runs.
            type: int
          group:
            description:
            - Name of a group of disks of this guest that share the limits.
            - Only for engine V(kvm).
            - Changed while a domain runs.
            type: str
      existing:
        description:
        - Use the volume that is already there although no declaration made it. Otherwise that is an error.
        type: bool
      store:
        description:
        - 'Where LXC keeps the root file system, the disk C(root): in a directory (V(dir), the default without O(disks.size)),
          or in a subvolume (V(btrfs), the default with a size, which is its quota), for which the containers'' directory
          must lie on btrfs. It cannot be changed later.'
        - Only for engine V(lxc).
        type: str
        choices:
        - dir
        - btrfs
      inodes:
        description:
        - Most files and directories on the disk. Changed while the container runs.
        - Only for engine V(openvz).
        type: int
  media:
    description:
    - Drives with removable media. What is in one changes while the guest runs; a drive with no source is empty.
    - Only for engine V(kvm) and V(virtuozzo).
    type: raw
    suboptions:
      name:
        description:
        - Name of the drive within the guest.
        - Only for engine V(kvm) and V(virtuozzo).
        type: str
        required: true
      type:
        description:
        - Kind of drive. V(cdrom) when nothing is declared.
        - Only for engine V(kvm).
        - A change takes a restart.
        type: str
        choices:
        - cdrom
        - floppy
      bus:
        description:
        - Bus. V(sata) at creation on q35, V(ide) on pc, V(fdc) for a floppy.
        - Only for engine V(kvm).
        - A change takes a restart.
        type: str
        choices:
        - sata
        - scsi
        - usb
        - ide
        - fdc
      pool:
        description:
        - Storage pool of the medium.
        - Only for engine V(kvm).
        - Changed while a domain runs.
        type: str
      volume:
        description:
        - Volume that is the medium.
        - Only for engine V(kvm).
        - Changed while a domain runs.
        type: str
      file:
        description:
        - Absolute path of an image file that is the medium.
        - Only for engine V(kvm) and V(virtuozzo).
        - Changed while a domain runs.
        type: str
      device:
        description:
        - Absolute path of the host's own drive.
        - Only for engine V(kvm).
        - Changed while a domain runs.
        type: str
      url:
        description:
        - Address of an image on a web server that QEMU reads directly, such as V(https://example.com/netinst.iso).
        - Only for engine V(kvm).
        - Changed while a domain runs.
        type: str
      format:
        description:
        - Format of the medium. V(raw) when nothing is declared.
        - Only for engine V(kvm).
        - A change takes a restart.
        type: str
        choices:
        - raw
        - qcow2
      serial:
        description:
        - Serial number that the guest sees.
        - Only for engine V(kvm).
        - A change takes a restart.
        type: str
      startup_policy:
        description:
        - What happens when the medium is not there at start.
        - Only for engine V(kvm).
        - Changed while a domain runs.
        type: str
        choices:
        - mandatory
        - requisite
        - optional
      boot_order:
        description:
        - Place in the order in which devices are tried to boot from, from 1.
        - Only for engine V(kvm).
        - A change takes a restart.
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
        - Changed while a domain runs.
        type: str
      portgroup:
        description:
        - Port group of the network.
        - Only for engine V(kvm).
        - A change takes a restart.
        type: str
      bridge:
        description:
        - Host bridge that it is connected to, instead of a network.
        - Changed while a domain runs.
        type: str
      macvtap:
        description:
        - Host interface that it is connected to directly, instead of a network.
        - Only for engine V(kvm).
        - A change takes a restart.
        type: str
      macvtap_mode:
        description:
        - How O(nics.macvtap) is shared. V(bridge) at creation.
        - Only for engine V(kvm).
        - A change takes a restart.
        type: str
        choices:
        - bridge
        - vepa
        - private
        - passthrough
      hostdev:
        description:
        - PCI address of a virtual function that the guest gets as a whole, instead of a network. Take one from a network
          of mode hostdev with O(nics.network).
        - Only for engine V(kvm).
        - A change takes a restart.
        type: str
      user:
        description:
        - 'User-mode networking by QEMU itself: the guest reaches out and is not reached.'
        - Only for engine V(kvm).
        - A change takes a restart.
        type: bool
      vhost_user:
        description:
        - Unix socket of a vhost-user switch, instead of a network. Needs O(memory.access=shared).
        - Only for engine V(kvm).
        - A change takes a restart.
        type: str
      vhost_user_mode:
        description:
        - Whether QEMU connects to the socket (V(client)) or waits there (V(server)).
        - Only for engine V(kvm).
        - A change takes a restart.
        type: str
        choices:
        - client
        - server
      vdpa:
        description:
        - vDPA device of the host, instead of a network.
        - Only for engine V(kvm).
        - A change takes a restart.
        type: str
      vlan:
        description:
        - VLAN tag, or a list of tags for a trunk, on a switch that can do it (Open vSwitch, SR-IOV).
        - Only for engine V(kvm).
        - Changed while a domain runs.
        type: raw
      virtual_port:
        description:
        - 'Port on a virtual switch: V(openvswitch) for a bridge of Open vSwitch.'
        - Only for engine V(kvm).
        - A change takes a restart.
        type: raw
        suboptions:
          type:
            description:
            - Kind of switch.
            - Only for engine V(kvm).
            - A change takes a restart.
            type: str
            required: true
            choices:
            - openvswitch
            - 802.1Qbg
            - 802.1Qbh
            - midonet
          interface_id:
            description:
            - UUID of the port. Made by libvirt when nothing is declared.
            - Only for engine V(kvm).
            - A change takes a restart.
            type: str
          profile_id:
            description:
            - Port profile.
            - Only for engine V(kvm).
            - A change takes a restart.
            type: str
      mac:
        description:
        - MAC address in quotes. Without it one is derived from fleet, guest and NIC and stays the same.
        - A change takes a restart.
        type: str
      model:
        description:
        - Device model. V(virtio) at creation, where the operating system has its driver.
        - Only for engine V(kvm).
        - A change takes a restart.
        type: str
      driver:
        description:
        - 'Who moves the packets of a virtio NIC: the host''s kernel (V(vhost)) or QEMU.'
        - Only for engine V(kvm).
        - Only where C(model) is V(virtio) or V(virtio-transitional) or V(virtio-non-transitional).
        - A change takes a restart.
        type: str
        choices:
        - vhost
        - qemu
      queues:
        description:
        - Queues of a virtio NIC.
        - Only for engine V(kvm).
        - Only where C(model) is V(virtio) or V(virtio-transitional) or V(virtio-non-transitional).
        - A change takes a restart.
        type: int
      link:
        description:
        - Whether the cable is plugged in.
        - Only for engine V(kvm).
        - Changed while a domain runs.
        type: str
        choices:
        - up
        - down
      mtu:
        description:
        - Largest packet in bytes.
        - Only for engine V(kvm).
        - A change takes a restart.
        type: int
      bandwidth:
        description:
        - Limits of throughput, changed while the guest runs.
        - Only for engine V(kvm).
        type: dict
        suboptions:
          inbound:
            description:
            - Limits of what the guest receives.
            - Only for engine V(kvm).
            type: dict
            suboptions:
              average:
                description:
                - What may pass in a second, with a binary unit, at least V(1KiB).
                - Only for engine V(kvm).
                - A size with a binary unit, such as V(512MiB) or V(4GiB).
                - Changed while a domain runs.
                type: str
              peak:
                description:
                - Most that may pass in a second of a burst.
                - Only for engine V(kvm).
                - A size with a binary unit, such as V(512MiB) or V(4GiB).
                - Changed while a domain runs.
                type: str
              burst:
                description:
                - How much may pass at the peak.
                - Only for engine V(kvm).
                - A size with a binary unit, such as V(512MiB) or V(4GiB).
                - Changed while a domain runs.
                type: str
              floor:
                description:
                - What is guaranteed in a second, on a network that has limits itself.
                - Only for engine V(kvm).
                - A size with a binary unit, such as V(512MiB) or V(4GiB).
                - Changed while a domain runs.
                type: str
          outbound:
            description:
            - Limits of what the guest sends.
            - Only for engine V(kvm).
            type: dict
            suboptions:
              average:
                description:
                - What may pass in a second, with a binary unit, at least V(1KiB).
                - Only for engine V(kvm).
                - A size with a binary unit, such as V(512MiB) or V(4GiB).
                - Changed while a domain runs.
                type: str
              peak:
                description:
                - Most that may pass in a second of a burst.
                - Only for engine V(kvm).
                - A size with a binary unit, such as V(512MiB) or V(4GiB).
                - Changed while a domain runs.
                type: str
              burst:
                description:
                - How much may pass at the peak.
                - Only for engine V(kvm).
                - A size with a binary unit, such as V(512MiB) or V(4GiB).
                - Changed while a domain runs.
                type: str
      filter:
        description:
        - Network filter of libvirt, such as V(clean-traffic).
        - Only for engine V(kvm).
        - Changed while a domain runs.
        type: str
      filter_parameters:
        description:
        - Parameters of O(nics.filter) by name.
        - Only for engine V(kvm).
        - Changed while a domain runs.
        type: dict
      isolated:
        description:
        - Keep it apart from other isolated NICs of the same bridge.
        - Only for engine V(kvm).
        - Changed while a domain runs.
        type: bool
      trust_guest_rx_filters:
        description:
        - Let the guest change the filters of a macvtap or network device of the host.
        - Only for engine V(kvm).
        - A change takes a restart.
        type: bool
      target:
        description:
        - Name of its device on the host. Chosen at each start when nothing is declared.
        - Only for engine V(kvm).
        - A change takes a restart.
        type: str
      rom:
        description:
        - Whether its boot ROM is visible to the guest.
        - Only for engine V(kvm).
        - A change takes a restart.
        type: bool
      boot_order:
        description:
        - Place in the order in which devices are tried to boot from, from 1. Replaces O(boot.order).
        - Only for engine V(kvm).
        - A change takes a restart.
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
      macvlan:
        description:
        - Interface of the host that the NIC shares, with a MAC address of its own, instead of a bridge. The host itself does
          not reach the container over it.
        - Only for engine V(lxc).
        type: str
      macvlan_mode:
        description:
        - How O(nics.macvlan) is shared. V(bridge) when nothing is declared.
        - Only for engine V(lxc).
        type: str
        choices:
        - bridge
        - private
        - vepa
        - passthru
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
  install:
    description:
    - 'Installs a new guest: at its first start it boots an installer, once. What is declared or changed here later is pending,
      with the reason V(used at creation only).'
    - Nothing of it stands in the stored definition, so that every other start is from the disks. When the guest agent of
      the installed system answers, the media are ejected and what was made for them is removed; so the answer file has to
      install the agent.
    - 'O(wait_for) waits for that end. Without it the next run finishes what is left to do: an installer that was booted by
      its kernel ends the virtual machine at its reboot, and whoever comes next, the wait or the next run, starts it from
      its disk.'
    - Only for engine V(kvm).
    type: raw
    suboptions:
      iso:
        description:
        - Installation medium. With O(install.answer.kind=preseed) or V(autoinstall) its kernel is booted directly.
        - Only for engine V(kvm).
        type: raw
        suboptions:
          file:
            description:
            - Absolute path of the image on the host.
            - Only for engine V(kvm).
            type: str
          pool:
            description:
            - Storage pool of the volume that holds it.
            - Only for engine V(kvm).
            type: str
          volume:
            description:
            - Volume that holds it.
            - Only for engine V(kvm).
            type: str
          url:
            description:
            - Address of the image on a web server, which QEMU reads directly.
            - Only for engine V(kvm).
            type: str
      tree:
        description:
        - 'Address of an installation tree, from which kernel and RAM disk are fetched: one with a C(.treeinfo), or Debian''s
          C(.../dists/SUITE/main/installer-ARCH/current/images).'
        - Only for engine V(kvm).
        type: str
      kernel:
        description:
        - Kernel of an installer on the host, to boot once.
        - Only for engine V(kvm).
        type: str
      initrd:
        description:
        - RAM disk for O(install.kernel).
        - Only for engine V(kvm).
        type: str
      cmdline:
        description:
        - Command line for a kernel that is booted, after what the answer file needs.
        - Only for engine V(kvm).
        type: str
      drivers:
        description:
        - Second CD, such as C(virtio-win.iso) for Windows.
        - Only for engine V(kvm).
        type: raw
        suboptions:
          file:
            description:
            - Absolute path of the image on the host.
            - Only for engine V(kvm).
            type: str
          pool:
            description:
            - Storage pool of the volume that holds it.
            - Only for engine V(kvm).
            type: str
          volume:
            description:
            - Volume that holds it.
            - Only for engine V(kvm).
            type: str
          url:
            description:
            - Address of the image on a web server, which QEMU reads directly.
            - Only for engine V(kvm).
            type: str
      answer:
        description:
        - 'Answer file, so that nobody needs to type. Where it stands is what each installer looks for by itself: a CD with
          C(Autounattend.xml), a CD labelled C(OEMDRV) with C(ks.cfg), a CD labelled C(CIDATA) with C(user-data), or C(preseed.cfg)
          in the installer''s own RAM disk. It is removed when the installation is over.'
        - Only for engine V(kvm).
        type: dict
        suboptions:
          kind:
            description:
            - 'What the installer reads: Debian''s V(preseed), V(kickstart) (Fedora and its kin), Ubuntu''s V(autoinstall),
              Windows'' V(unattend).'
            - Only for engine V(kvm).
            type: str
            required: true
            choices:
            - preseed
            - kickstart
            - autoinstall
            - unattend
          text:
            description:
            - The file itself, such as C({{ lookup('template', 'preseed.cfg.j2') }}). A secret as a whole, since it often
              holds some.
            - Only for engine V(kvm).
            - 'C({keep: true}) leaves it as it is.'
            type: str
            required: true
      product_key:
        description:
        - Product key, written into O(install.answer) of kind V(unattend).
        - Only for engine V(kvm).
        - 'C({keep: true}) leaves it as it is.'
        type: str
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
    - Changed while a domain runs.
    type: raw
  console:
    description:
    - A serial console with a log. Present at creation.
    - Only for engine V(kvm).
    - A change takes a restart.
    type: raw
  autostart:
    description:
    - Whether the guest starts with the host.
    type: raw
  tags:
    description:
    - Tags, stored with the guest; they become groups of the inventory.
    type: raw
  graphics:
    description:
    - Remote displays by type, such as V([vnc]). The word V(none) in place of the list means that there shall be none.
    - Only for engine V(kvm).
    type: raw
    suboptions:
      type:
        description:
        - Protocol.
        - Only for engine V(kvm).
        - A change takes a restart.
        type: str
        required: true
        choices:
        - vnc
        - spice
        - sdl
        - rdp
        - desktop
        - egl-headless
        - dbus
      port:
        description:
        - TCP port. Chosen at each start when nothing is declared.
        - Only for engine V(kvm).
        - Only where C(type) is V(vnc) or V(spice) or V(rdp).
        - A change takes a restart.
        type: int
      tls_port:
        description:
        - TCP port for TLS of SPICE.
        - Only for engine V(kvm).
        - Only where C(type) is V(spice).
        - A change takes a restart.
        type: int
      websocket:
        description:
        - TCP port for VNC over WebSocket; the host chooses one for V(-1).
        - Only for engine V(kvm).
        - Only where C(type) is V(vnc).
        - A change takes a restart.
        type: int
      listen:
        description:
        - Address that it listens on, the word V(none), or the path of a Unix socket. V(127.0.0.1) when nothing is declared.
        - Only for engine V(kvm).
        - Only where C(type) is V(vnc) or V(spice) or V(rdp).
        - A change takes a restart.
        type: str
      password:
        description:
        - 'Password. A secret: never shown.'
        - Only for engine V(kvm).
        - 'C({keep: true}) leaves it as it is.'
        - Only where C(type) is V(vnc) or V(spice).
        - Changed while a domain runs.
        type: str
      password_valid_to:
        description:
        - Time (UTC) from which the password is refused, such as V(2027-01-31T12:00:00).
        - Only for engine V(kvm).
        - Only where C(type) is V(vnc) or V(spice).
        - Changed while a domain runs.
        type: str
      keymap:
        description:
        - Keyboard layout, such as V(de).
        - Only for engine V(kvm).
        - Only where C(type) is V(vnc) or V(spice).
        - A change takes a restart.
        type: str
      share_policy:
        description:
        - Whether several people may look at VNC at once.
        - Only for engine V(kvm).
        - Only where C(type) is V(vnc).
        - A change takes a restart.
        type: str
        choices:
        - allow-exclusive
        - force-shared
        - ignore
      gl:
        description:
        - OpenGL acceleration on the host.
        - Only for engine V(kvm).
        - Only where C(type) is V(spice) or V(sdl) or V(dbus).
        - A change takes a restart.
        type: bool
  video:
    description:
    - The (first) graphics card. A bare word is short for its model.
    - Only for engine V(kvm).
    - A change takes a restart.
    type: raw
    suboptions:
      model:
        description:
        - 'Model: V(virtio), V(qxl), V(vga), V(bochs), V(cirrus), V(ramfb), V(none).'
        - Only for engine V(kvm).
        - A change takes a restart.
        type: str
        required: true
        choices:
        - virtio
        - qxl
        - vga
        - bochs
        - cirrus
        - ramfb
        - vmvga
        - xen
        - vbox
        - gop
        - none
      vram:
        description:
        - Video memory.
        - Only for engine V(kvm).
        - A size with a binary unit, such as V(512MiB) or V(4GiB).
        - Only where C(model) is V(virtio) or V(qxl) or V(vga) or V(bochs) or V(cirrus) or V(ramfb) or V(vmvga) or V(xen)
          or V(vbox) or V(gop).
        - A change takes a restart.
        type: str
      ram:
        description:
        - Primary memory of qxl.
        - Only for engine V(kvm).
        - A size with a binary unit, such as V(512MiB) or V(4GiB).
        - Only where C(model) is V(virtio) or V(qxl) or V(vga) or V(bochs) or V(cirrus) or V(ramfb) or V(vmvga) or V(xen)
          or V(vbox) or V(gop).
        - A change takes a restart.
        type: str
      vgamem:
        description:
        - VGA memory of qxl.
        - Only for engine V(kvm).
        - A size with a binary unit, such as V(512MiB) or V(4GiB).
        - Only where C(model) is V(virtio) or V(qxl) or V(vga) or V(bochs) or V(cirrus) or V(ramfb) or V(vmvga) or V(xen)
          or V(vbox) or V(gop).
        - A change takes a restart.
        type: str
      heads:
        description:
        - Screens.
        - Only for engine V(kvm).
        - Only where C(model) is V(virtio) or V(qxl) or V(vga) or V(bochs) or V(cirrus) or V(ramfb) or V(vmvga) or V(xen)
          or V(vbox) or V(gop).
        - A change takes a restart.
        type: int
      accel3d:
        description:
        - 3D acceleration.
        - Only for engine V(kvm).
        - Only where C(model) is V(virtio) or V(qxl) or V(vga) or V(bochs) or V(cirrus) or V(ramfb) or V(vmvga) or V(xen)
          or V(vbox) or V(gop).
        - A change takes a restart.
        type: bool
  sound:
    description:
    - The (first) sound card. A bare word is short for its model.
    - Only for engine V(kvm).
    - A change takes a restart.
    type: raw
    suboptions:
      model:
        description:
        - Model, such as V(ich9), V(ich6), V(ac97), V(usb).
        - Only for engine V(kvm).
        - A change takes a restart.
        type: str
        required: true
  inputs:
    description:
    - Input devices. A tablet keeps the pointer of a remote display in place.
    - Only for engine V(kvm).
    type: raw
    suboptions:
      name:
        description:
        - Name of the device within the guest.
        - Only for engine V(kvm).
        type: str
        required: true
      type:
        description:
        - Kind.
        - Only for engine V(kvm).
        - A change takes a restart.
        type: str
        required: true
        choices:
        - tablet
        - mouse
        - keyboard
        - passthrough
        - evdev
      bus:
        description:
        - Bus. V(usb) or V(virtio) can be plugged while the guest runs.
        - Only for engine V(kvm).
        - A change takes a restart.
        type: str
        choices:
        - usb
        - virtio
        - ps2
        - xen
      device:
        description:
        - Device of the host for V(passthrough) and V(evdev).
        - Only for engine V(kvm).
        - Only where C(type) is V(passthrough) or V(evdev).
        - A change takes a restart.
        type: str
  rng:
    description:
    - The (first) source of random numbers for the guest. A bare path is short for V(source).
    - Only for engine V(kvm).
    - Changed while a domain runs.
    type: raw
    suboptions:
      model:
        description:
        - Device model.
        - Only for engine V(kvm).
        - A change takes a restart.
        type: str
        choices:
        - virtio
        - virtio-transitional
        - virtio-non-transitional
      backend:
        description:
        - Where they come from.
        - Only for engine V(kvm).
        - A change takes a restart.
        type: str
        choices:
        - random
        - builtin
        - egd
      source:
        description:
        - Device of the host for V(random), such as V(/dev/urandom).
        - Only for engine V(kvm).
        - A change takes a restart.
        type: str
      rate_bytes:
        description:
        - Bytes that the guest may take in a period.
        - Only for engine V(kvm).
        - A change takes a restart.
        type: int
      rate_period:
        description:
        - Length of the period in milliseconds.
        - Only for engine V(kvm).
        - A change takes a restart.
        type: int
  watchdog:
    description:
    - The (first) watchdog. A bare word is short for its model.
    - Only for engine V(kvm).
    - Changed while a domain runs.
    type: raw
    suboptions:
      model:
        description:
        - Model. V(itco) is part of the q35 machine (libvirt 9.1 or later).
        - Only for engine V(kvm).
        - A change takes a restart.
        type: str
        required: true
        choices:
        - i6300esb
        - ib700
        - diag288
        - itco
      action:
        description:
        - What happens when the guest does not answer.
        - Only for engine V(kvm).
        - A change takes a restart.
        type: str
        choices:
        - reset
        - shutdown
        - poweroff
        - pause
        - none
        - dump
        - inject-nmi
  panic:
    description:
    - 'Panic devices, by which a guest tells that its kernel has died: V(isa), V(hyperv), V(pvpanic), V(pseries), V(s390).'
    - Only for engine V(kvm).
    - A change takes a restart.
    - One of V(isa), V(hyperv), V(pvpanic), V(pseries), V(s390).
    type: raw
  tpm:
    description:
    - Trusted platform module. A bare word is short for its type.
    - Only for engine V(kvm).
    - A change takes a restart.
    type: raw
    suboptions:
      type:
        description:
        - V(emulator) (swtpm, with its state on the host), V(passthrough) of the host's own.
        - Only for engine V(kvm).
        - A change takes a restart.
        type: str
        required: true
        choices:
        - emulator
        - passthrough
        - external
      model:
        description:
        - Device model. V(tpm-crb) on x86.
        - Only for engine V(kvm).
        - A change takes a restart.
        type: str
        choices:
        - tpm-crb
        - tpm-tis
        - tpm-spapr
        - spapr-tpm-proxy
      version:
        description:
        - Version of V(emulator). V(2.0) at creation.
        - Only for engine V(kvm).
        - Only where C(type) is V(emulator).
        - A change takes a restart.
        type: str
        choices:
        - '1.2'
        - '2.0'
      device:
        description:
        - Device of the host for V(passthrough).
        - Only for engine V(kvm).
        - A change takes a restart.
        type: str
      persistent_state:
        description:
        - Keep the state of V(emulator) when a transient guest ends.
        - Only for engine V(kvm).
        - Only where C(type) is V(emulator).
        - A change takes a restart.
        type: bool
  vsock:
    description:
    - 'Sockets between host and guest without a network. V(vsock: {}) lets the host choose the number.'
    - Only for engine V(kvm).
    - Changed while a domain runs.
    type: raw
    suboptions:
      cid:
        description:
        - Context identifier, 3 or above. Chosen at each start when nothing is declared.
        - Only for engine V(kvm).
        - A change takes a restart.
        type: int
      model:
        description:
        - Device model.
        - Only for engine V(kvm).
        - A change takes a restart.
        type: str
        choices:
        - virtio
        - virtio-transitional
        - virtio-non-transitional
  iommu:
    description:
    - IOMMU that the guest sees. A bare word is short for its model.
    - Only for engine V(kvm).
    - A change takes a restart.
    type: raw
    suboptions:
      model:
        description:
        - Model. V(intel) needs q35 and V(features.ioapic=qemu) for interrupt remapping.
        - Only for engine V(kvm).
        - A change takes a restart.
        type: str
        required: true
        choices:
        - intel
        - smmuv3
        - virtio
      intremap:
        description:
        - Interrupt remapping.
        - Only for engine V(kvm).
        - A change takes a restart.
        type: bool
      caching_mode:
        description:
        - Caching mode, needed for devices of the host.
        - Only for engine V(kvm).
        - A change takes a restart.
        type: bool
      iotlb:
        description:
        - Device IOTLB.
        - Only for engine V(kvm).
        - A change takes a restart.
        type: bool
      eim:
        description:
        - Extended interrupt mode, for more than 255 CPUs.
        - Only for engine V(kvm).
        - A change takes a restart.
        type: bool
  filesystems:
    description:
    - Directories of the host that the guest can mount.
    - Only for engine V(kvm).
    type: raw
    suboptions:
      name:
        description:
        - Name of the device within the guest.
        - Only for engine V(kvm).
        type: str
        required: true
      source:
        description:
        - Directory on the host.
        - Only for engine V(kvm).
        - It cannot be changed.
        type: str
      target:
        description:
        - Tag that the guest mounts. The name when nothing is declared.
        - Only for engine V(kvm).
        - A change takes a restart.
        type: str
      driver:
        description:
        - V(virtiofs) (fast, needs O(memory.access=shared) and a O(memory.source)) or V(path) (9p). V(path) when nothing is
          declared.
        - Only for engine V(kvm).
        - A change takes a restart.
        type: str
        choices:
        - virtiofs
        - path
        - handle
        - loop
        - nbd
        - ploop
      access_mode:
        description:
        - Whose permissions count on the host.
        - Only for engine V(kvm).
        - A change takes a restart.
        type: str
        choices:
        - passthrough
        - mapped
        - squash
      readonly:
        description:
        - Whether the guest may only read.
        - Only for engine V(kvm).
        - A change takes a restart.
        type: bool
      queue:
        description:
        - Requests that may wait with virtiofs.
        - Only for engine V(kvm).
        - Only where C(driver) is V(virtiofs).
        - A change takes a restart.
        type: int
      cache:
        description:
        - What virtiofs may keep in memory.
        - Only for engine V(kvm).
        - Only where C(driver) is V(virtiofs).
        - A change takes a restart.
        type: str
        choices:
        - none
        - always
      xattr:
        description:
        - Extended attributes with virtiofs.
        - Only for engine V(kvm).
        - Only where C(driver) is V(virtiofs).
        - A change takes a restart.
        type: bool
  host_devices:
    description:
    - Devices of the host that the guest gets as a whole.
    - Only for engine V(kvm).
    type: raw
    suboptions:
      name:
        description:
        - Name of the device within the guest.
        - Only for engine V(kvm).
        type: str
        required: true
      pci:
        description:
        - Address of a PCI device, such as V(0000:03:00.0).
        - Only for engine V(kvm).
        - It cannot be changed.
        type: str
      usb:
        description:
        - Vendor and product of a USB device such as V(046d:c52b), or its place as V(bus.device) such as V(1.4).
        - Only for engine V(kvm).
        - It cannot be changed.
        type: str
      mdev:
        description:
        - UUID of a mediated device.
        - Only for engine V(kvm).
        - It cannot be changed.
        type: str
      mdev_model:
        description:
        - Model of O(host_devices.mdev). V(vfio-pci) at creation.
        - Only for engine V(kvm).
        - A change takes a restart.
        type: str
        choices:
        - vfio-pci
        - vfio-ap
        - vfio-ccw
      managed:
        description:
        - Whether libvirt takes a PCI device from the host's driver and gives it back. V(true) at creation.
        - Only for engine V(kvm).
        - A change takes a restart.
        type: bool
      display:
        description:
        - Whether a mediated device is a display.
        - Only for engine V(kvm).
        - A change takes a restart.
        type: bool
      rom:
        description:
        - Whether its ROM is visible to the guest.
        - Only for engine V(kvm).
        - A change takes a restart.
        type: bool
      rom_file:
        description:
        - File with its ROM.
        - Only for engine V(kvm).
        - A change takes a restart.
        type: str
      boot_order:
        description:
        - Place in the order in which devices are tried to boot from, from 1.
        - Only for engine V(kvm).
        - A change takes a restart.
        type: int
  usb_redirection:
    description:
    - USB devices that a SPICE viewer can pass to the guest at once.
    - Only for engine V(kvm).
    - Changed while a domain runs.
    type: raw
  channels:
    description:
    - Channels between host and guest besides the guest agent's (O(agent)).
    - Only for engine V(kvm).
    type: raw
    suboptions:
      name:
        description:
        - Name of the device within the guest.
        - Only for engine V(kvm).
        type: str
        required: true
      target:
        description:
        - Name of the port in the guest, such as V(com.redhat.spice.0).
        - Only for engine V(kvm).
        - A change takes a restart.
        type: str
      target_type:
        description:
        - V(virtio) at creation.
        - Only for engine V(kvm).
        - A change takes a restart.
        type: str
        choices:
        - virtio
        - guestfwd
        - xen
      type:
        description:
        - What is at the host's end.
        - Only for engine V(kvm).
        - A change takes a restart.
        type: str
        choices:
        - pty
        - file
        - unix
        - tcp
        - udp
        - 'null'
        - dev
        - pipe
        - stdio
        - vc
        - spicevmc
        - spiceport
        - nmdm
        - qemu-vdagent
        - dbus
      path:
        description:
        - File, device or Unix socket on the host.
        - Only for engine V(kvm).
        - Only where C(type) is V(file) or V(unix) or V(dev) or V(pipe).
        - A change takes a restart.
        type: str
      mode:
        description:
        - Whether QEMU waits at the socket (V(bind)) or connects to it.
        - Only for engine V(kvm).
        - Only where C(type) is V(unix) or V(tcp) or V(udp).
        - A change takes a restart.
        type: str
        choices:
        - bind
        - connect
      host:
        description:
        - Host of V(tcp).
        - Only for engine V(kvm).
        - Only where C(type) is V(tcp) or V(udp).
        - A change takes a restart.
        type: str
      service:
        description:
        - Port of V(tcp).
        - Only for engine V(kvm).
        - Only where C(type) is V(tcp) or V(udp).
        - A change takes a restart.
        type: str
      channel:
        description:
        - Name of a V(spiceport) or V(dbus) channel.
        - Only for engine V(kvm).
        - Only where C(type) is V(spiceport) or V(dbus).
        - A change takes a restart.
        type: str
      log:
        description:
        - File on the host that keeps a copy of what the guest says.
        - Only for engine V(kvm).
        - A change takes a restart.
        type: str
  serials:
    description:
    - Serial ports, named by their number from 0 when they were not made here. O(console) makes the first one.
    - Only for engine V(kvm).
    type: raw
    suboptions:
      name:
        description:
        - Name of the device within the guest.
        - Only for engine V(kvm).
        type: str
        required: true
      port:
        description:
        - Number of the port from 0.
        - Only for engine V(kvm).
        - A change takes a restart.
        type: str
      model:
        description:
        - Model, such as V(isa-serial).
        - Only for engine V(kvm).
        - A change takes a restart.
        type: str
      type:
        description:
        - What is at the host's end.
        - Only for engine V(kvm).
        - A change takes a restart.
        type: str
        choices:
        - pty
        - file
        - unix
        - tcp
        - udp
        - 'null'
        - dev
        - pipe
        - stdio
        - vc
        - spicevmc
        - spiceport
        - nmdm
        - qemu-vdagent
        - dbus
      path:
        description:
        - File, device or Unix socket on the host.
        - Only for engine V(kvm).
        - Only where C(type) is V(file) or V(unix) or V(dev) or V(pipe).
        - A change takes a restart.
        type: str
      mode:
        description:
        - Whether QEMU waits at the socket (V(bind)) or connects to it.
        - Only for engine V(kvm).
        - Only where C(type) is V(unix) or V(tcp) or V(udp).
        - A change takes a restart.
        type: str
        choices:
        - bind
        - connect
      host:
        description:
        - Host of V(tcp).
        - Only for engine V(kvm).
        - Only where C(type) is V(tcp) or V(udp).
        - A change takes a restart.
        type: str
      service:
        description:
        - Port of V(tcp).
        - Only for engine V(kvm).
        - Only where C(type) is V(tcp) or V(udp).
        - A change takes a restart.
        type: str
      channel:
        description:
        - Name of a V(spiceport) or V(dbus) channel.
        - Only for engine V(kvm).
        - Only where C(type) is V(spiceport) or V(dbus).
        - A change takes a restart.
        type: str
      log:
        description:
        - File on the host that keeps a copy of what the guest says.
        - Only for engine V(kvm).
        - A change takes a restart.
        type: str
  consoles:
    description:
    - Consoles. libvirt makes one of the first serial port by itself; others are V(virtio).
    - Only for engine V(kvm).
    type: raw
    suboptions:
      name:
        description:
        - Name of the device within the guest.
        - Only for engine V(kvm).
        type: str
        required: true
      target_type:
        description:
        - V(virtio), or V(serial) for the first serial port.
        - Only for engine V(kvm).
        - A change takes a restart.
        type: str
        choices:
        - virtio
        - serial
        - xen
        - sclp
        - sclplm
        - uml
      type:
        description:
        - What is at the host's end.
        - Only for engine V(kvm).
        - A change takes a restart.
        type: str
        choices:
        - pty
        - file
        - unix
        - tcp
        - udp
        - 'null'
        - dev
        - pipe
        - stdio
        - vc
        - spiceport
      path:
        description:
        - File, device or Unix socket on the host.
        - Only for engine V(kvm).
        - Only where C(type) is V(file) or V(unix) or V(dev) or V(pipe).
        - A change takes a restart.
        type: str
  shared_memory:
    description:
    - Memory that several guests share (ivshmem).
    - Only for engine V(kvm).
    type: raw
    suboptions:
      name:
        description:
        - Name of the region; guests that use the same name share it.
        - Only for engine V(kvm).
        - A change takes a restart.
        type: str
        required: true
      model:
        description:
        - Model.
        - Only for engine V(kvm).
        - A change takes a restart.
        type: str
        choices:
        - ivshmem
        - ivshmem-plain
        - ivshmem-doorbell
      size:
        description:
        - Size, a power of two.
        - Only for engine V(kvm).
        - A size with a binary unit, such as V(512MiB) or V(4GiB).
        - A change takes a restart.
        type: str
      role:
        description:
        - Whether this guest's copy counts when it migrates.
        - Only for engine V(kvm).
        - A change takes a restart.
        type: str
        choices:
        - master
        - peer
  smartcard:
    description:
    - Smart card reader.
    - Only for engine V(kvm).
    - A change takes a restart.
    type: raw
    suboptions:
      mode:
        description:
        - V(host) uses the host's, V(passthrough) that of the SPICE viewer.
        - Only for engine V(kvm).
        - A change takes a restart.
        type: str
        required: true
        choices:
        - host
        - passthrough
        - host-certificates
      type:
        description:
        - V(spicevmc) for V(passthrough).
        - Only for engine V(kvm).
        - A change takes a restart.
        type: str
        choices:
        - spicevmc
        - tcp
  controllers:
    description:
    - Controllers other than PCI (O(pcie_root_ports)). libvirt makes those that devices need by itself.
    - Only for engine V(kvm).
    type: raw
    suboptions:
      name:
        description:
        - Name of the device within the guest.
        - Only for engine V(kvm).
        type: str
        required: true
      type:
        description:
        - Kind.
        - Only for engine V(kvm).
        - A change takes a restart.
        type: str
        required: true
        choices:
        - scsi
        - sata
        - usb
        - ide
        - fdc
        - virtio-serial
        - ccid
        - xenbus
        - nvme
      index:
        description:
        - Number among its kind from 0, by which disks address it.
        - Only for engine V(kvm).
        - A change takes a restart.
        type: str
      model:
        description:
        - Model, such as V(virtio-scsi), V(qemu-xhci), V(lsilogic).
        - Only for engine V(kvm).
        - A change takes a restart.
        type: str
      ports:
        description:
        - Ports.
        - Only for engine V(kvm).
        - A change takes a restart.
        type: int
      queues:
        description:
        - Request queues of virtio-scsi.
        - Only for engine V(kvm).
        - A change takes a restart.
        type: int
      iothread:
        description:
        - Number of the I/O thread (O(cpus.iothreads)) that serves it.
        - Only for engine V(kvm).
        - A change takes a restart.
        type: int
  pcie_root_ports:
    description:
    - 'Ports for devices, at least: each PCI device takes one, and one that is plugged later needs a free one. A q35 machine
      is made with 14 spare ones.'
    - Only for engine V(kvm).
    - A change takes a restart.
    type: raw
  features:
    description:
    - Features of the machine and of the hypervisor.
    - Only for engine V(kvm).
    type: raw
    suboptions:
      acpi:
        description:
        - ACPI. V(true) at creation where the machine has it.
        - Only for engine V(kvm).
        - A change takes a restart.
        type: bool
      apic:
        description:
        - APIC. V(true) at creation on x86.
        - Only for engine V(kvm).
        - A change takes a restart.
        type: bool
      pae:
        description:
        - Physical address extension for 32-bit guests.
        - Only for engine V(kvm).
        - A change takes a restart.
        type: bool
      smm:
        description:
        - System management mode, which secure boot needs.
        - Only for engine V(kvm).
        - A change takes a restart.
        type: bool
      vmport:
        description:
        - The port of VMware's tools. Off is better for Windows and for Linux in SPICE.
        - Only for engine V(kvm).
        - A change takes a restart.
        type: bool
      pmu:
        description:
        - Performance counters.
        - Only for engine V(kvm).
        - A change takes a restart.
        type: bool
      hap:
        description:
        - Hardware assisted paging.
        - Only for engine V(kvm).
        - A change takes a restart.
        type: bool
      pvspinlock:
        description:
        - Spinlocks that tell the host.
        - Only for engine V(kvm).
        - A change takes a restart.
        type: bool
      vmcoreinfo:
        description:
        - Notes for crash dumps.
        - Only for engine V(kvm).
        - A change takes a restart.
        type: bool
      ioapic:
        description:
        - Where the I/O APIC is. V(qemu) for an IOMMU with interrupt remapping.
        - Only for engine V(kvm).
        - A change takes a restart.
        type: str
        choices:
        - kvm
        - qemu
      gic:
        description:
        - Interrupt controller of ARM.
        - Only for engine V(kvm).
        - A change takes a restart.
        type: str
        choices:
        - '2'
        - '3'
        - host
      kvm_hidden:
        description:
        - Hide from the guest that KVM runs it.
        - Only for engine V(kvm).
        - A change takes a restart.
        type: bool
      kvm_hint_dedicated:
        description:
        - Tell the guest that its CPUs are its own. Needs O(cpus.pins).
        - Only for engine V(kvm).
        - A change takes a restart.
        type: bool
      hyperv:
        description:
        - What Windows knows from Hyper-V and runs faster with.
        - Only for engine V(kvm).
        type: dict
        suboptions:
          mode:
            description:
            - V(passthrough) offers all that the host can.
            - Only for engine V(kvm).
            - A change takes a restart.
            type: str
            choices:
            - custom
            - passthrough
          relaxed:
            description:
            - Relaxed timing of its watchdogs.
            - Only for engine V(kvm).
            - A change takes a restart.
            type: bool
          vapic:
            description:
            - Virtual APIC.
            - Only for engine V(kvm).
            - A change takes a restart.
            type: bool
          spinlocks:
            description:
            - Tries until a spinlock tells the host, 4095 or more.
            - Only for engine V(kvm).
            - A change takes a restart.
            type: int
          vpindex:
            description:
            - Index of virtual processors.
            - Only for engine V(kvm).
            - A change takes a restart.
            type: bool
          runtime:
            description:
            - Run time of processors.
            - Only for engine V(kvm).
            - A change takes a restart.
            type: bool
          synic:
            description:
            - Synthetic interrupt controller.
            - Only for engine V(kvm).
            - A change takes a restart.
            type: bool
          stimer:
            description:
            - Synthetic timers.
            - Only for engine V(kvm).
            - A change takes a restart.
            type: bool
          stimer_direct:
            description:
            - Synthetic timers that interrupt directly.
            - Only for engine V(kvm).
            - A change takes a restart.
            type: bool
          reset:
            description:
            - Reset.
            - Only for engine V(kvm).
            - A change takes a restart.
            type: bool
          vendor_id:
            description:
            - Name of the hypervisor, at most 12 characters.
            - Only for engine V(kvm).
            - A change takes a restart.
            type: str
          frequencies:
            description:
            - Frequencies of the time stamp counter.
            - Only for engine V(kvm).
            - A change takes a restart.
            type: bool
          reenlightenment:
            description:
            - Notice of migration.
            - Only for engine V(kvm).
            - A change takes a restart.
            type: bool
          tlbflush:
            description:
            - Flush of page tables by the host.
            - Only for engine V(kvm).
            - A change takes a restart.
            type: bool
          ipi:
            description:
            - Interrupts between processors by the host.
            - Only for engine V(kvm).
            - A change takes a restart.
            type: bool
          evmcs:
            description:
            - Nesting on Intel.
            - Only for engine V(kvm).
            - A change takes a restart.
            type: bool
          avic:
            description:
            - APIC by hardware.
            - Only for engine V(kvm).
            - A change takes a restart.
            type: bool
  clock:
    description:
    - Clock of the guest. A bare word is short for its offset.
    - Only for engine V(kvm).
    type: raw
    suboptions:
      offset:
        description:
        - V(utc) at creation, V(localtime) for Windows.
        - Only for engine V(kvm).
        - A change takes a restart.
        type: str
        choices:
        - utc
        - localtime
        - timezone
        - variable
        - absolute
      timezone:
        description:
        - Time zone for O(clock.offset=timezone), such as V(Europe/Berlin).
        - Only for engine V(kvm).
        - A change takes a restart.
        type: str
      adjustment:
        description:
        - Seconds from the base for O(clock.offset=variable), or V(reset).
        - Only for engine V(kvm).
        - A change takes a restart.
        type: str
      basis:
        description:
        - Base for O(clock.offset=variable).
        - Only for engine V(kvm).
        - A change takes a restart.
        type: str
        choices:
        - utc
        - localtime
      start:
        description:
        - Seconds since 1970 for O(clock.offset=absolute).
        - Only for engine V(kvm).
        - A change takes a restart.
        type: str
      timers:
        description:
        - Timers that the guest sees.
        - Only for engine V(kvm).
        type: list
        elements: dict
        suboptions:
          name:
            description:
            - Timer.
            - Only for engine V(kvm).
            - A change takes a restart.
            type: str
            required: true
            choices:
            - platform
            - hpet
            - kvmclock
            - pit
            - rtc
            - tsc
            - hypervclock
            - armvtimer
          present:
            description:
            - Whether there is one.
            - Only for engine V(kvm).
            - A change takes a restart.
            type: bool
          tickpolicy:
            description:
            - What happens to ticks that the guest missed.
            - Only for engine V(kvm).
            - A change takes a restart.
            type: str
            choices:
            - delay
            - catchup
            - merge
            - discard
          track:
            description:
            - What it follows.
            - Only for engine V(kvm).
            - A change takes a restart.
            type: str
            choices:
            - boot
            - guest
            - wall
            - realtime
          frequency:
            description:
            - Frequency in Hz, for V(tsc).
            - Only for engine V(kvm).
            - A change takes a restart.
            type: int
          mode:
            description:
            - Mode of V(tsc).
            - Only for engine V(kvm).
            - A change takes a restart.
            type: str
            choices:
            - auto
            - native
            - emulate
            - paravirt
            - smpsafe
  smbios:
    description:
    - What the guest's DMI tables say.
    - Only for engine V(kvm).
    type: raw
    suboptions:
      mode:
        description:
        - V(host) for what the host's say, V(sysinfo) for the tables below.
        - Only for engine V(kvm).
        - A change takes a restart.
        type: str
        choices:
        - emulate
        - host
        - sysinfo
      bios:
        description:
        - Entries of the BIOS such as C(vendor), C(version), C(date), C(release).
        - Only for engine V(kvm).
        - A change takes a restart.
        type: dict
      system:
        description:
        - Entries of the system such as C(manufacturer), C(product), C(version), C(serial), C(sku), C(family).
        - Only for engine V(kvm).
        - A change takes a restart.
        type: dict
      base_board:
        description:
        - Entries of the base board such as C(manufacturer), C(product), C(serial), C(asset).
        - Only for engine V(kvm).
        - A change takes a restart.
        type: dict
      chassis:
        description:
        - Entries of the chassis such as C(manufacturer), C(version), C(serial), C(asset), C(sku).
        - Only for engine V(kvm).
        - A change takes a restart.
        type: dict
      oem_strings:
        description:
        - OEM strings in order.
        - Only for engine V(kvm).
        - A change takes a restart.
        type: list
        elements: str
  lifecycle:
    description:
    - What becomes of the guest at certain events.
    - Only for engine V(kvm).
    type: raw
    suboptions:
      poweroff:
        description:
        - When it powers off.
        - Only for engine V(kvm).
        - Changed while a domain runs.
        type: str
        choices:
        - destroy
        - restart
      reboot:
        description:
        - When it reboots.
        - Only for engine V(kvm).
        - Changed while a domain runs.
        type: str
        choices:
        - destroy
        - restart
      crash:
        description:
        - When it crashes.
        - Only for engine V(kvm).
        - Changed while a domain runs.
        type: str
        choices:
        - destroy
        - restart
        - preserve
        - coredump-destroy
        - coredump-restart
      lock_failure:
        description:
        - When it loses the lock of a disk.
        - Only for engine V(kvm).
        - A change takes a restart.
        type: str
        choices:
        - poweroff
        - restart
        - pause
        - ignore
  power_management:
    description:
    - Whether the guest can put itself to sleep.
    - Only for engine V(kvm).
    type: raw
    suboptions:
      suspend_to_mem:
        description:
        - Sleep with its memory powered.
        - Only for engine V(kvm).
        - A change takes a restart.
        type: bool
      suspend_to_disk:
        description:
        - Sleep with its memory on disk.
        - Only for engine V(kvm).
        - A change takes a restart.
        type: bool
  launch_security:
    description:
    - Memory encryption that protects the guest from its host. A bare word is short for its type.
    - Only for engine V(kvm).
    - A change takes a restart.
    type: raw
    suboptions:
      type:
        description:
        - Technology.
        - Only for engine V(kvm).
        - A change takes a restart.
        type: str
        required: true
        choices:
        - sev
        - sev-snp
        - s390-pv
        - tdx
      policy:
        description:
        - Policy of the guest owner as a hexadecimal number such as V(0x0003).
        - Only for engine V(kvm).
        - A change takes a restart.
        type: raw
      cbitpos:
        description:
        - Position of the encryption bit. The host's own when nothing is declared.
        - Only for engine V(kvm).
        - A change takes a restart.
        type: int
      reduced_phys_bits:
        description:
        - Bits of physical addresses that encryption takes. The host's own when nothing is declared.
        - Only for engine V(kvm).
        - A change takes a restart.
        type: int
      kernel_hashes:
        description:
        - Whether a kernel that is booted directly is measured.
        - Only for engine V(kvm).
        - A change takes a restart.
        type: bool
      dh_cert:
        description:
        - Diffie-Hellman certificate of the guest owner.
        - Only for engine V(kvm).
        - A change takes a restart.
        type: str
      session:
        description:
        - Session blob of the guest owner.
        - Only for engine V(kvm).
        - A change takes a restart.
        type: str
  security_labels:
    description:
    - How the host confines the guest (sVirt), by model. Dynamic labels are chosen at each start.
    - Only for engine V(kvm).
    type: raw
    suboptions:
      model:
        description:
        - Security model.
        - Only for engine V(kvm).
        - A change takes a restart.
        type: str
        required: true
        choices:
        - selinux
        - apparmor
        - dac
        - none
      type:
        description:
        - V(none) switches it off.
        - Only for engine V(kvm).
        - A change takes a restart.
        type: str
        choices:
        - dynamic
        - static
        - none
      relabel:
        description:
        - Whether its disks are labelled.
        - Only for engine V(kvm).
        - A change takes a restart.
        type: bool
      label:
        description:
        - Label of a V(static) guest, such as V(system_u:system_r:svirt_t:s0:c392,c662) or V(+64055:+108).
        - Only for engine V(kvm).
        - A change takes a restart.
        type: str
      base_label:
        description:
        - What a V(dynamic) label is made from.
        - Only for engine V(kvm).
        - A change takes a restart.
        type: str
  resource_partition:
    description:
    - cgroup partition of the host that the guest runs in, such as V(/machine/prod).
    - Only for engine V(kvm).
    - A change takes a restart.
    type: raw
  io_weight:
    description:
    - Weight of the guest's disk requests against other guests, 10 to 1000.
    - Only for engine V(kvm).
    - Changed while a domain runs.
    type: raw
  xml:
    description:
    - 'A piece of domain XML, merged over all other options: elements are told apart as libvirt does (disks by target, NICs
      by MAC, controllers by type and index, others by their name), and attributes and text are compared by meaning. For what
      no option has. In the result of an info module it holds everything of the guest that the options do not say.'
    - Only for engine V(kvm).
    - A change takes a restart.
    type: raw
  on_change:
    description:
    - V(live) (the default) applies what the running guest can take and reports the rest as pending. V(restart) also restarts
      the guest for whatever is pending. V(defer) does not touch the running guest.
    - One of V(live), V(restart), V(defer).
    type: raw
  was:
    description:
    - 'Earlier name of this guest, when it is renamed. Nothing is made anew: identity, disks, volumes, seed, firmware variables
      and logs stay as they are, also those that are named after it, and so does the host name inside the guest.'
    - libvirt renames a guest only while it is off. A running one keeps its name, which is reported as pending, until a run
      finds it stopped, or stops and starts it (O(on_change=restart)).
    - It counts while there is no guest of the new name, and may be removed once there is. Where neither is there, a guest
      is made. With O(state=absent) and O(state=released) only the new name counts.
    - Only for engine V(kvm).
    type: raw
  adopt:
    description:
    - Take over a guest that was not made by this collection.
    type: raw
  recreate:
    description:
    - Allow changes that destroy the guest and make it anew.
    type: raw
  discard_saved:
    description:
    - 'For one run and never stored: throw away the image of a guest that was saved while it ran (C(virsh managedsave)), with
      all that its memory holds, so that it starts anew or can be removed. Otherwise the guest is restored from it.'
    - Only for engine V(kvm).
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
        - Longest wait in seconds. 300 when nothing is declared, 3600 while the guest is being installed.
        type: int
  stop_timeout:
    description:
    - How long a graceful stop may take, in seconds. 120 when nothing is declared.
    type: raw
  force_stop:
    description:
    - Power the guest off when it did not stop in time. Otherwise that is an error.
    type: raw
  vmtype:
    description:
    - 'Whether the guest of Virtuozzo is a container (V(ct), the default at creation) or a virtual machine (V(vm)), in prlctl''s
      own word. It is part of the identity: one of the two never becomes the other.'
    - A virtual machine has O(cpus), O(memory), O(disks), O(nics), O(io), O(media), O(boot), O(os) V(family), O(autostart),
      O(tags) and O(state).
    - Only for engine V(virtuozzo).
    - One of V(ct), V(vm).
    type: raw
  io:
    description:
    - Limits of the container's disk traffic.
    - Only for engine V(openvz) and V(virtuozzo) and V(lxc).
    type: raw
    suboptions:
      limit:
        description:
        - Most data a second, read and written. V(0B) is none. Changed while the container runs.
        - For LXC this is of reading and of writing each, on the disk that the container's root file system lies on.
        - Only for engine V(openvz) and V(virtuozzo) and V(lxc).
        - A size with a binary unit, such as V(512MiB) or V(4GiB).
        type: str
      iops:
        description:
        - Most operations a second. V(0) is none. Changed while the container runs. For LXC as O(io.limit).
        - Only for engine V(openvz) and V(virtuozzo) and V(lxc).
        type: int
      priority:
        description:
        - Priority from V(0) to V(7), the highest. V(4) is the engine's default. Changed while the container runs.
        - 'For LXC a weight of the disk''s scheduler, which must be bfq: no other one knows of weights.'
        - Only for engine V(openvz) and V(virtuozzo) and V(lxc).
        type: int
  dns:
    description:
    - Name servers of the container. Without them those of its networks' declarations, if any, else those of the host.
    - Only for engine V(podman) and V(openvz) and V(virtuozzo) and V(lxc).
    type: raw
  search:
    description:
    - Domains in which short names are looked up.
    - Only for engine V(podman) and V(openvz) and V(virtuozzo) and V(lxc).
    type: raw
  root_password:
    description:
    - 'Password of root inside, as a crypt(5) hash. A secret: never shown.'
    - Only for engine V(openvz) and V(virtuozzo) and V(lxc).
    - 'C({keep: true}) leaves it as it is.'
    type: raw
  mounts:
    description:
    - What is mounted in the container, matched by O(mounts.target). Changing it makes a container of podman anew; LXC mounts
      it when the container starts.
    - Only for engine V(podman) and V(lxc).
    type: raw
    suboptions:
      target:
        description:
        - Absolute path inside the container.
        - Only for engine V(podman) and V(lxc).
        type: str
        required: true
      type:
        description:
        - V(bind) mounts the host's directory or file O(mounts.source), V(volume) the engine's named volume O(mounts.volume),
          which is made when it is not there, V(tmpfs) an empty file system in memory. Without it what O(mounts.source) or
          O(mounts.volume) says, else V(tmpfs).
        - Only for engine V(podman) and V(lxc).
        type: str
        choices:
        - bind
        - volume
        - tmpfs
      source:
        description:
        - Absolute path on the host, which must be there.
        - Only for engine V(podman) and V(lxc).
        type: str
      volume:
        description:
        - Name of the volume.
        - Only for engine V(podman).
        type: str
      size:
        description:
        - Most that a V(tmpfs) holds.
        - Only for engine V(podman) and V(lxc).
        - A size with a binary unit, such as V(512MiB) or V(4GiB).
        type: str
      readonly:
        description:
        - Whether the container may only read it.
        - Only for engine V(podman) and V(lxc).
        type: bool
  devices:
    description:
    - Device nodes of the host that the container may use, matched by O(devices.path). LXC gives one to a running privileged
      container, and takes it away; an unprivileged one gets it at its next start.
    - Only for engine V(podman) and V(lxc).
    type: raw
    suboptions:
      path:
        description:
        - The device node on the host.
        - Only for engine V(podman) and V(lxc).
        type: str
        required: true
      inside:
        description:
        - Its path inside. Without it that on the host.
        - Only for engine V(podman) and V(lxc).
        type: str
      permissions:
        description:
        - Read (V(r)), write (V(w)) and make the node (V(m)). V(rwm) when nothing is declared.
        - Only for engine V(podman) and V(lxc).
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
    - Only for engine V(podman) and V(openvz) and V(lxc).
    type: raw
    suboptions:
      add:
        description:
        - Capabilities that it gets too, such as V(NET_ADMIN).
        - Only for engine V(podman) and V(openvz) and V(lxc).
        type: list
        elements: str
      drop:
        description:
        - Capabilities that it does not get, or V(ALL) (podman).
        - Only for engine V(podman) and V(openvz) and V(lxc).
        type: list
        elements: str
  container_features:
    description:
    - 'Features of the engine by name, each V(true) or V(false), such as C({nfs: true, fuse: false}).'
    - Only for engine V(openvz) and V(virtuozzo).
    type: raw
  id_mapping:
    description:
    - 'Makes the container unprivileged: its users, root too, are ordinary users of the host.'
    - 'A new container of LXC has it by itself where the host has ids for it: those that C(/etc/subuid) and C(/etc/subgid)
      give root, or free ones where C(newuidmap) is not installed. Containers get different ones as long as there are enough.
      It owns the root file system, so it cannot be changed later; taking it back leaves it.'
    - Only for engine V(podman) and V(lxc).
    type: raw
    suboptions:
      first:
        description:
        - User and group id of the host that root inside is.
        - Only for engine V(podman) and V(lxc).
        type: int
      size:
        description:
        - How many ids it has. V(65536) when nothing is declared.
        - Only for engine V(podman) and V(lxc).
        type: int
  privileged:
    description:
    - 'V(true) makes a container without O(id_mapping): its root is the host''s root, with less capabilities. V(false) insists
      on an id mapping. Without it a new container has a mapping where the host has ids for one. It cannot be changed later.'
    - Only for engine V(lxc).
    type: raw
  nesting:
    description:
    - Whether containers may run inside the container. In force at its next start.
    - Only for engine V(lxc).
    type: raw
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
    - For LXC they are init's, which decides what it hands on.
    - Only for engine V(podman) and V(lxc).
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
    - 'Place in the order in which containers with O(autostart) start with the host: a higher number is earlier, and those
      without one come last.'
    - Only for engine V(openvz) and V(lxc).
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
