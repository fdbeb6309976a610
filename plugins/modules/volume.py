#!/usr/bin/python
# Copyright: (c) 2026, flotilla.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: volume
short_description: Declare a volume in a storage pool of libvirt
version_added: 0.1.0
description:
  - Makes a volume match what is declared, and says exactly what it did. A second run changes nothing.
  - A volume can grow and never shrinks. Its format and what it is a clone of cannot be changed; that is refused.
  - libvirt keeps no notes with a volume, so only the options that are declared are enforced.
  - Disks of guests are made by the module for the guest itself. This one is for volumes apart from them.
author: The flotilla.virt team (@flotilla)
extends_documentation_fragment:
  - flotilla.virt.attributes
  - flotilla.virt.connection
  - flotilla.virt.volume
  - flotilla.virt.run
options:
  name:
    description: Name of the volume.
    type: str
    required: true
seealso:
  - module: flotilla.virt.volume_info
"""

EXAMPLES = r"""
- name: A volume of 20 GiB
  flotilla.virt.volume:
    name: data1
    pool: fast
    size: 20GiB

- name: A copy-on-write clone of another volume
  flotilla.virt.volume:
    name: data2
    pool: fast
    backing: data1

- name: Let it grow
  flotilla.virt.volume:
    name: data1
    pool: fast
    size: 30GiB

- name: Remove it with its data
  flotilla.virt.volume:
    name: data2
    pool: fast
    state: absent
"""

RETURN = r"""
kind:
  description: Kind of the resource.
  returned: always
  type: str
  sample: volume
name:
  description: Name of the resource.
  returned: always
  type: str
  sample: data1
plan:
  description:
    - What differs from the declaration, in order. In check mode it is what a run would change.
  returned: always
  type: list
  elements: dict
  contains:
    path:
      description: Which option, such as V(size).
      type: str
    before:
      description: What the host had, as it is written in a declaration. Null where there was nothing.
      type: raw
    after:
      description: What the declaration says. Null where it is removed.
      type: raw
    impact:
      description: V(live), V(restart) (stored, and pending until it restarts) or V(recreate) (refused).
      type: str
pending:
  description: What is stored and not yet running.
  returned: always
  type: list
  elements: dict
  contains:
    path:
      description: Which option.
      type: str
    running:
      description: The value that runs.
      type: raw
    stored:
      description: The value that is stored.
      type: raw
    reason:
      description: What it waits for.
      type: str
diff:
  description: The plan as C(before) and C(after), for C(--diff).
  returned: always
  type: dict
spec:
  description: The volume as the host has it now, which is a valid declaration of it.
  returned: always
  type: dict
  sample: {state: present, pool: fast, size: 20GiB, format: qcow2}
status:
  description: What is not declared but found out.
  returned: always
  type: dict
  contains:
    path:
      description: Where it is, as a guest's disk names it.
      type: str
    capacity:
      description: Bytes that a guest sees.
      type: int
    allocation:
      description: Bytes that it takes.
      type: int
    format:
      description: Format of its content.
      type: str
    backing:
      description: Path of the file that it is a clone of, if any.
      type: str
plan_id:
  description: Digest of the plan, for O(expect_plan).
  returned: in check mode
  type: str
host_ready:
  description: Whether the host has what it takes. V(false) in check mode on a host where libvirt is not there yet.
  returned: always
  type: bool
problems:
  description: What is wrong in the declaration, each with its path and a remedy.
  returned: when the declaration is refused
  type: list
  elements: dict
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.flotilla.virt.plugins.module_utils import _module
from ansible_collections.flotilla.virt.plugins.module_utils._libvirt.connection import is_local
from ansible_collections.flotilla.virt.plugins.module_utils._libvirt.storage import Storage
from ansible_collections.flotilla.virt.plugins.module_utils._libvirt.volume import VolumeDriver
from ansible_collections.flotilla.virt.plugins.module_utils._reconcile.contract import Driver, Request
from ansible_collections.flotilla.virt.plugins.module_utils._reconcile.grammar import VOLUME


def main() -> None:
    """Declares one volume."""
    module = AnsibleModule(
        argument_spec=_module.argument_spec(VOLUME, **_module.URI_SPEC), supports_check_mode=True)
    uri = module.params["uri"]

    def make(check_mode: bool) -> tuple[Driver, Request]:
        request = Request(module.params["name"], _module.declared(module, VOLUME), fleet=module.params["fleet"] or "")
        connection = _module.connection_or_none(uri, check_mode)
        return VolumeDriver(Storage(connection, is_local(uri)), request.declared["pool"]), request

    _module.run_one(module, make, uri)


if __name__ == "__main__":
    main()
