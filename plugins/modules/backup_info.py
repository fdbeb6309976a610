#!/usr/bin/python
# Copyright: (c) 2026, flotilla.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: backup_info
short_description: List the backups of guests
version_added: 0.1.0
author: The flotilla.virt team (@flotilla)
description:
  - Returns the backups of all guests, or of those named, in one call of the engine's own command. Those of guests that are gone are listed too.
options:
  name:
    description: Only the backups of this guest.
    type: str
  names:
    description: Only the backups of these guests. Without O(name) and O(names), all.
    type: list
    elements: str
  engines:
    description: Engines whose backups are listed. Without it all that have any.
    type: list
    elements: str
    choices: [virtuozzo]
extends_documentation_fragment:
  - flotilla.virt.attributes.info
seealso:
  - module: flotilla.virt.backup
"""

EXAMPLES = r"""
- name: List the backups
  flotilla.virt.backup_info:
  register: found

- name: Show the guests without a backup of the last day
  ansible.builtin.debug:
    msg: "{{ guests | difference(found.backups | selectattr('status.age', 'lt', 86400) | map(attribute='name')) }}"
"""

RETURN = r"""
backups:
  description: The backups, by guest and age.
  type: list
  elements: dict
  returned: success
  contains:
    name:
      description: Name of the guest, as the backup has it.
      type: str
    spec:
      description:
        - What M(flotilla.virt.backup) takes. C(state), C(id), C(type) and C(description).
      type: dict
    status:
      description:
        - C(date) in UTC, C(age) in seconds, C(size) in bytes, C(guest_id), C(node), and C(base), the full backup that an incremental one
          stands on.
      type: dict
  sample:
    - name: web
      spec: {state: present, id: "{6d1d0b0e-0a1b-4c2d-8e3f-0123456789ab}", type: full, description: ""}
      status: {date: "2026-03-01T10:00:00Z", age: 3600, size: 524288000, guest_id: 7e2e1c1f-1b2c-4d3e-9f40-123456789abc, node: node1, base: ""}
"""

import time

from ansible_collections.flotilla.virt.plugins.module_utils._backup.engines import STORES
from ansible_collections.flotilla.virt.plugins.module_utils._backup.run import item_of, ordered
from ansible_collections.flotilla.virt.plugins.module_utils._containers.host import LocalHost
from ansible_collections.flotilla.virt.plugins.module_utils._module import INFO_SPEC, Module, fail, info_names
from ansible_collections.flotilla.virt.plugins.module_utils._reconcile.errors import FlotillaError


def main() -> None:
    """Run the module."""
    module = Module({**INFO_SPEC, "engines": {"type": "list", "elements": "str", "choices": sorted(STORES)}})
    try:
        stores = [STORES[engine](LocalHost()) for engine in module.params["engines"] or sorted(STORES)]
        found = [backup for store in stores for backup in store.all(info_names(module.params))]
    except FlotillaError as error:
        fail(module, error)
    module.exit_json(changed=False, backups=[item_of(backup, time.time()) for backup in ordered(found)])


if __name__ == "__main__":
    main()
