# Copyright: (c) 2026, flotilla.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: merge_fleet
short_description: Merge a fleet's declaration that is split over several files
version_added: 0.1.0
author: The flotilla.virt team (@flotilla)
description:
  - Merges in the order given. Dictionaries merge by key and lists whose items all have a C(name) by that name; any other list and any
    single value is replaced by the later one. A value of null declares nothing.
  - A part that holds nothing but the key C(fleet) stands for what is below it.
positional: sources
options:
  _input:
    description: The parts of the declaration, the last one over all others.
    type: list
    elements: dict
    required: true
  sources:
    description: A name for each part, for messages and for C(origins), such as its file's.
    type: list
    elements: str
    required: true
"""

EXAMPLES = r"""
- name: Merge two parts
  ansible.builtin.debug:
    msg: "{{ parts | flotilla.virt.merge_fleet(['10-base.yml', '20-web.yml']) }}"
  vars:
    parts:
      - {name: shop, guests: [{name: db1, cpus: 2}]}
      - {guests: [{name: web}, {name: db1, memory: 2GiB}]}
"""

RETURN = r"""
_value:
  description:
    - The merged declaration as C(fleet).
    - Where each value came from as C(origins), a dictionary from paths such as V(guests[db1].cpus) to names of sources.
  type: dict
"""

from ansible.errors import AnsibleFilterError
from ansible_collections.flotilla.virt.plugins.module_utils._reconcile.errors import DeclarationError
from ansible_collections.flotilla.virt.plugins.module_utils._reconcile.merge import merge_sources


def _unwrapped(value):
    return value["fleet"] if isinstance(value, dict) and set(value) == {"fleet"} else value


def merge_fleet(parts, sources):
    """See DOCUMENTATION."""
    if not isinstance(parts, (list, tuple)) or not isinstance(sources, (list, tuple)) or len(parts) != len(sources):
        raise AnsibleFilterError("merge_fleet needs a list of parts and a name for each of them")
    try:
        merged = merge_sources([(str(source), _unwrapped(part)) for source, part in zip(sources, parts)])
    except DeclarationError as error:
        raise AnsibleFilterError(str(error)) from None
    return {"fleet": merged.value, "origins": merged.origins}


class FilterModule:
    """The filter."""

    def filters(self):
        """Names of the filters in this file."""
        return {"merge_fleet": merge_fleet}
