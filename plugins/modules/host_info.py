#!/usr/bin/python
# Copyright: (c) 2026, flotilla.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
---
module: host_info
short_description: Tell what a host can virtualize, and what it lacks
version_added: 0.1.0
description:
  - Reads the kernel, the CPU, C(/dev/kvm), the control groups, the engines that are installed and the capacity of a host.
  - Needs nothing on the host but Python 3.8 or later. Where libvirt or an engine is missing, that is part of the answer.
  - C(/dev/kvm) counts as usable only when it was opened for real, answers with the API version that every current kernel has, and the CPU
    virtualizes in hardware. A device node alone proves nothing. Run the module as root to learn what libvirt will be able to do.
options:
  uri:
    description:
      - The libvirt connection of the host.
      - With a remote URI such as V(qemu+ssh://kvm1/system) only what libvirt can tell is returned. The kernel, the CPU's flags, the control
        groups and the container engines of that host are then V(null), and RV(checks) is empty.
      - If it is not set, the environment variable E(LIBVIRT_DEFAULT_URI) is used.
    type: str
    default: qemu:///system
author:
  - The flotilla.virt team (@flotilla)
attributes:
  check_mode:
    description: Can run in check mode and returns the same, since it changes nothing.
    support: full
seealso:
  - name: Role flotilla.virt.kvm_host
    description: Makes a host able to run KVM guests.
    link: https://example.com/flotilla/virt/docs
"""

EXAMPLES = r"""
- name: Look at the host
  flotilla.virt.host_info:
  become: true
  register: host

- name: Stop where KVM cannot be used
  ansible.builtin.assert:
    that: host.kvm.usable
    fail_msg: "{{ host.kvm.reason }}"

- name: Show what fails, and what to do
  ansible.builtin.debug:
    msg: "{{ item.name }}: {{ item.found }}; {{ item.remedy }}"
  loop: "{{ host.checks | rejectattr('ok') }}"
  loop_control:
    label: "{{ item.name }}"

- name: Ask the libvirt of another machine
  flotilla.virt.host_info:
    uri: qemu+ssh://kvm1.example.com/system
  register: other
"""

RETURN = r"""
host_ready:
  description: Whether at least one engine can run a guest now. For kvm, emulation counts.
  returned: success
  type: bool
  sample: true
kernel:
  description: The running kernel. Its values are V(null) through a remote O(uri).
  returned: success
  type: dict
  contains:
    release:
      description: The release as the kernel gives it.
      type: str
      sample: 3.10.0-1160.el7.x86_64
    version:
      description: The three numbers of the release, or V(null) where it has none.
      type: str
      sample: 3.10.0
    supported:
      description: Whether it is 2.6.20 or later, the first kernel with KVM.
      type: bool
      sample: true
cpu:
  description: The CPU.
  returned: success
  type: dict
  contains:
    architecture:
      description: The machine's architecture, as C(uname -m) prints it.
      type: str
      sample: x86_64
    vendor:
      description: The CPU's vendor as it names itself, or V(null) where it does not.
      type: str
      sample: GenuineIntel
    hardware_virtualization:
      description:
        - The sign of hardware virtualization, or V(none).
        - V(vmx) on Intel and V(svm) on AMD; V(el2) on Arm, V(sie) on s390x, V(hv) on POWER, V(h) on RISC-V, V(lvz) on LoongArch.
        - V(null) through a remote O(uri).
      type: str
      sample: vmx
    nested:
      description: Whether the loaded KVM module lets guests run KVM guests of their own.
      type: bool
      sample: false
    iommu:
      description: Whether an IOMMU is active, as passing PCI devices through needs.
      type: bool
      sample: true
kvm:
  description: The device C(/dev/kvm). All but RV(kvm.usable) and RV(kvm.reason) are V(null) through a remote O(uri).
  returned: success
  type: dict
  contains:
    device:
      description: The path of the device.
      type: str
      sample: /dev/kvm
    present:
      description: Whether the device node exists.
      type: bool
      sample: true
    character_device:
      description: Whether the node is a character device.
      type: bool
      sample: true
    owner:
      description: The user that owns the node.
      type: str
      sample: root
    group:
      description: The group of the node.
      type: str
      sample: kvm
    mode:
      description: The mode of the node, four octal digits.
      type: str
      sample: "0660"
    api_version:
      description: What the device answered to KVM_GET_API_VERSION, or V(null) where it was not asked or did not answer.
      type: int
      sample: 12
    usable:
      description: Whether guests can run with hardware virtualization. Through a remote O(uri), whether libvirt offers domains of type kvm.
      type: bool
      sample: true
    reason:
      description: Why it is not usable, else V(null).
      type: str
      sample: /dev/kvm does not exist, and the CPU shows no hardware virtualization
cgroups:
  description: The control groups, V(null) through a remote O(uri).
  returned: success
  type: dict
  contains:
    layout:
      description: V(v1), V(v2), V(hybrid) (controllers of version 1 beside a mount of version 2) or V(none).
      type: str
      sample: v2
    mount_point:
      description: Where version 2 is mounted, or V(null).
      type: str
      sample: /sys/fs/cgroup
    controllers:
      description: The names of the controllers that each version offers, in the lists C(v1) and C(v2).
      type: dict
      sample: {v1: [], v2: [cpu, io, memory, pids]}
libvirt:
  description: The libvirt of the host.
  returned: success
  type: dict
  contains:
    uri:
      description: The connection that was tried.
      type: str
      sample: qemu:///system
    installed:
      description: Whether a libvirt daemon is installed.
      type: bool
      sample: true
    answers:
      description: Whether it answered.
      type: bool
      sample: true
    version:
      description: Its version, or V(null) where it did not answer.
      type: str
      sample: 9.0.0
    reason:
      description: Why it did not answer, else V(null).
      type: str
      sample: libvirt is not installed (no libvirtd and no virtqemud)
service_manager:
  description: V(systemd) where it is PID 1, else V(none). V(null) through a remote O(uri).
  returned: success
  type: str
  sample: systemd
engines:
  description: The engines C(kvm), C(lxc), C(podman), C(openvz) and C(virtuozzo), each with the same keys.
  returned: success
  type: dict
  contains:
    kvm:
      description: QEMU with KVM, through libvirt. The other engines look the same, without RV(engines.kvm.emulation).
      type: dict
      contains:
        present:
          description: Whether the engine is installed. V(null) where a remote O(uri) cannot tell.
          type: bool
          sample: true
        version:
          description: The engine's version, for kvm that of QEMU, or V(null).
          type: str
          sample: 7.2.18
        usable:
          description: Whether it can run guests now, for kvm with hardware virtualization.
          type: bool
          sample: true
        reason:
          description: Why it is not usable, else V(null).
          type: str
          sample: QEMU for x86_64 is not installed
        emulation:
          description: Whether it can at least run guests in emulation. Only for kvm.
          type: bool
          sample: true
  sample:
    kvm: {present: true, version: 7.2.18, usable: true, reason: null, emulation: true}
    lxc: {present: true, version: 5.0.2, usable: true, reason: null}
    podman: {present: false, version: null, usable: false, reason: podman is not installed}
    openvz: {present: false, version: null, usable: false, reason: OpenVZ is not installed (no vzctl)}
    virtuozzo: {present: false, version: null, usable: false, reason: Virtuozzo is not installed (no prlctl)}
capacity:
  description: What the host has to give. Sizes have binary units and are rounded down to whole MiB.
  returned: success
  type: dict
  contains:
    cpus:
      description: The number of CPUs that are online.
      type: int
      sample: 16
    memory:
      description: The memory of the host.
      type: str
      sample: 64213MiB
    memory_available:
      description: The memory that programs could take now without swapping, or the free memory through a remote O(uri).
      type: str
      sample: 50118MiB
    pools:
      description: The storage pools by name, or V(null) where libvirt does not answer.
      type: list
      elements: dict
      contains:
        name:
          description: The pool's name.
          type: str
          sample: fast
        type:
          description: Its type in libvirt.
          type: str
          sample: dir
        active:
          description: Whether it is started.
          type: bool
          sample: true
        capacity:
          description: Its size, or V(null) while it is not active.
          type: str
          sample: 500GiB
        available:
          description: What is left of it, or V(null) while it is not active.
          type: str
          sample: 220GiB
checks:
  description: What the host must have, in the order in which the checks build on each other. Empty through a remote O(uri).
  returned: success
  type: list
  elements: dict
  contains:
    name:
      description: The check.
      type: str
      sample: cpu_virtualization
    ok:
      description: Whether it holds.
      type: bool
      sample: false
    found:
      description: What was found.
      type: str
      sample: none (x86_64, AuthenticAMD)
    remedy:
      description: What to do, or V(null) where the check holds.
      type: str
      sample: switch on Intel VT-x, AMD-V or SVM in the machine's firmware
    needed_for:
      description: The engines that need it. Empty for what is only worth knowing (nesting, IOMMU, limits of containers).
      type: list
      elements: str
      sample: [kvm]
    repaired_by:
      description: The role of this collection that puts it right, or V(null) where the check holds or a person must act.
      type: str
      sample: kvm_host
"""

from ansible.module_utils.basic import AnsibleModule, env_fallback

from ansible_collections.flotilla.virt.plugins.module_utils._host import facts
from ansible_collections.flotilla.virt.plugins.module_utils._reconcile.errors import FlotillaError


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            "uri": {"type": "str", "default": "qemu:///system", "fallback": (env_fallback, ["LIBVIRT_DEFAULT_URI"])},
        },
        supports_check_mode=True,
    )
    try:
        found = facts.gather(module.params["uri"])
    except FlotillaError as error:
        module.fail_json(msg=str(error))
    module.exit_json(changed=False, **found)


if __name__ == "__main__":
    main()
