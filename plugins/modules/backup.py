#!/usr/bin/python
# Copyright: (c) 2026, flotilla.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: backup
short_description: Make, remove and restore backups of a guest
version_added: 0.1.0
author: The flotilla.virt team (@flotilla)
description:
  - "Declares the backups of one guest. With O(state=present) a backup that is young enough is there: one is made only where none is, so a task that
    runs every hour with O(max_age=24h) makes one a day."
  - Full and incremental backups, of containers and of virtual machines, by the engine's own means and in its own place.
  - "For now the engine is Virtuozzo (C(prlctl backup)). B(Contract-tested; not run on a Virtuozzo node)."
notes:
  - An incremental backup stands on the full one before it, so the first backup of a guest is full, whatever O(type) says. Removing a full backup
    removes the incremental ones that stand on it, and the plan names them.
  - "Which backup a guest was last restored from is noted on its host (C(/etc/vz/flotilla/UUID.restored)): a second run with the same O(id) changes
    nothing, unless O(new) says so. Without O(id) it is the newest backup, so that a run after another backup restores again."
  - A guest is restored in its place only while it is stopped, and not when it is declared with C(protect). A guest that is gone is restored by its name
    as the backups have it. One that was restored to another name is nobody's, until a declaration with C(adopt) takes it over.
options:
  name:
    description: Name of the guest.
    type: str
    required: true
  engine:
    description: The engine that runs it.
    type: str
    required: true
    choices: [virtuozzo]
  state:
    description:
      - "V(present): a backup is there, as O(type) and O(max_age) say."
      - "V(absent): the backup O(id), or with O(all) every backup of the guest, is not there."
      - "V(restored): the guest is what the backup O(id), or the newest, has; in its place, or under the name O(to)."
    type: str
    choices: [present, absent, restored]
    default: present
  type:
    description:
      - "With O(state=present), what a new backup is: V(full), or V(incremental) (when nothing is declared)."
      - With V(full) only a full backup counts as being there; otherwise any does.
    type: str
    choices: [full, incremental]
  max_age:
    description:
      - "With O(state=present), the age up to which a backup counts: a number with V(s), V(m), V(h), V(d) or V(w), such as V(24h).
        Without it any age does."
    type: str
  new:
    description:
      - "For this run: make a backup even where one is young enough, or restore again what was restored last."
    type: bool
    default: false
  id:
    description: The backup to remove or to restore, as M(flotilla.virt.backup_info) names it.
    type: str
  all:
    description: With O(state=absent), every backup of the guest.
    type: bool
    default: false
  to:
    description:
      - With O(state=restored), the name of the guest to restore to, which must be free. Where there is a guest of this name already, nothing is done.
    type: str
  description:
    description: Text that is kept with a new backup.
    type: str
extends_documentation_fragment:
  - flotilla.virt.attributes
  - flotilla.virt.run
seealso:
  - module: flotilla.virt.backup_info
  - module: flotilla.virt.container
"""

EXAMPLES = r"""
- name: A backup that is at most a day old, and a full one every week
  flotilla.virt.backup:
    name: web
    engine: virtuozzo
    type: "{{ item.type }}"
    max_age: "{{ item.age }}"
  loop:
    - {type: full, age: 7d}
    - {type: incremental, age: 24h}

- name: A backup before an upgrade, whatever there is
  flotilla.virt.backup:
    name: web
    engine: virtuozzo
    new: true
    description: before the upgrade
  register: before

- name: Have a look at it beside the guest that it was made of
  flotilla.virt.backup:
    name: web
    engine: virtuozzo
    state: restored
    id: "{{ before.backup.spec.id }}"
    to: web-before

- name: Stop the guest
  flotilla.virt.container:
    name: web
    engine: virtuozzo
    state: stopped

- name: Go back to it
  flotilla.virt.backup:
    name: web
    engine: virtuozzo
    state: restored
    id: "{{ before.backup.spec.id }}"

- name: Remove the backup
  flotilla.virt.backup:
    name: web
    engine: virtuozzo
    state: absent
    id: "{{ before.backup.spec.id }}"
"""

RETURN = r"""
plan:
  description: What was changed, or would be in check mode.
  type: list
  elements: dict
  returned: always
  sample:
    - {path: backups, before: null, after: {type: full}, impact: live}
backup:
  description: The backup that was made or restored, else the newest. Null where there is none, and in check mode for one that would be made.
  type: dict
  returned: always
  sample:
    name: web
    spec: {state: present, id: "{6d1d0b0e-0a1b-4c2d-8e3f-0123456789ab}", type: full, description: before the upgrade}
    status: {date: "2026-03-01T10:00:00Z", age: 3600, size: 524288000, guest_id: 7e2e1c1f-1b2c-4d3e-9f40-123456789abc, node: node1, base: ""}
backups:
  description: Every backup of the guest, the oldest first, each like RV(backup).
  type: list
  elements: dict
  returned: always
diff:
  description: The plan as C(before) and C(after), for C(--diff).
  type: dict
  returned: always
plan_id:
  description: Digest of declaration, plan and what is there, for O(expect_plan).
  type: str
  returned: check mode
"""

from ansible_collections.flotilla.virt.plugins.module_utils._backup.engines import STORES
from ansible_collections.flotilla.virt.plugins.module_utils._backup.run import run
from ansible_collections.flotilla.virt.plugins.module_utils._containers.host import LocalHost
from ansible_collections.flotilla.virt.plugins.module_utils._host.lock import turn
from ansible_collections.flotilla.virt.plugins.module_utils._module import RUN_SPEC, Module, fail
from ansible_collections.flotilla.virt.plugins.module_utils._reconcile.backups import wanted_of
from ansible_collections.flotilla.virt.plugins.module_utils._reconcile.errors import FlotillaError


def main() -> None:
    """Run the module."""
    module = Module({
        **RUN_SPEC, "name": {"type": "str", "required": True}, "engine": {"type": "str", "required": True, "choices": sorted(STORES)},
        "state": {"type": "str", "choices": ["present", "absent", "restored"], "default": "present"},
        "type": {"type": "str", "choices": ["full", "incremental"]}, "max_age": {"type": "str"}, "new": {"type": "bool", "default": False},
        "id": {"type": "str"}, "all": {"type": "bool", "default": False}, "to": {"type": "str"}, "description": {"type": "str"}})
    try:
        want = wanted_of(module.params)
        store = STORES[module.params["engine"]](LocalHost())
        with turn("backup %s" % want.name, module.params["lock_timeout"]):
            result = run(store, want, bool(module.check_mode), expected=module.params["expect_plan"] or "")
    except FlotillaError as error:
        fail(module, error)
    module.exit_json(**result)


if __name__ == "__main__":
    main()
