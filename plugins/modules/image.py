#!/usr/bin/python
# Copyright: (c) 2026, flotilla.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: image
short_description: Declare an image that guests are made from
version_added: 0.1.0
description:
  - Makes an image known on the host under a name, from a file that is there or by one download, and checks it.
  - One image has a variant for each family of engines. C(disk) is for domains, C(rootfs) for containers.
  - A download is kept below C(/var/lib/flotilla/images/cache) (C(~/.local/share/flotilla/images/cache) for other users
    than root), under a temporary name until its checksum is right. Nothing is kept of what is wrong. Other runs need not
    wait for it.
  - A disk image must be one whole file. An overlay that refers to another file is refused.
  - Guests get copy-on-write clones. The image is copied into a pool once, when the first guest there is made from it.
author: The flotilla.virt team (@flotilla)
extends_documentation_fragment:
  - flotilla.virt.attributes
  - flotilla.virt.image
  - flotilla.virt.run
options:
  name:
    description: Name of the image.
    type: str
    required: true
seealso:
  - module: flotilla.virt.domain
  - module: flotilla.virt.container
"""

EXAMPLES = r"""
- name: An image that was built on the host
  flotilla.virt.image:
    name: debian-12
    disk: /var/lib/flotilla/images/debian-12.qcow2
    rootfs: /var/lib/flotilla/images/debian-12.tar

- name: An image from a server, downloaded once
  flotilla.virt.image:
    name: debian-13
    disk:
      url: https://images.example.com/debian-13.qcow2
      checksum: "sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"

- name: Forget an image and its download; guests made from it stay as they are
  flotilla.virt.image:
    name: debian-13
    state: absent
"""

RETURN = r"""
kind:
  description: Kind of the resource.
  returned: always
  type: str
  sample: image
name:
  description: Name of the resource.
  returned: always
  type: str
  sample: debian-12
plan:
  description:
    - What differs from the declaration, in order. In check mode it is what a run would change.
  returned: always
  type: list
  elements: dict
  contains:
    path:
      description: Which option, such as V(disk.path).
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
  description: The image as the host has it now, which is a valid declaration of it.
  returned: always
  type: dict
  sample: {state: present, disk: {path: /srv/images/debian-12.qcow2}}
status:
  description: What is not declared but found out.
  returned: always
  type: dict
  contains:
    disk:
      description: Where the disk image is (C(path)) and whether it is there (C(present)).
      type: dict
    rootfs:
      description: The same of the root file system.
      type: dict
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
from ansible_collections.flotilla.virt.plugins.module_utils._host.image_driver import ImageDriver
from ansible_collections.flotilla.virt.plugins.module_utils._reconcile.contract import Driver, Request
from ansible_collections.flotilla.virt.plugins.module_utils._reconcile.grammar import IMAGE


def main() -> None:
    """Declares one image."""
    module = AnsibleModule(argument_spec=_module.argument_spec(IMAGE), supports_check_mode=True)

    def make(check_mode: bool) -> tuple[Driver, Request]:
        request = Request(module.params["name"], _module.declared(module, IMAGE), fleet=module.params["fleet"] or "")
        driver = ImageDriver(check_mode=check_mode)
        # Before the host's turn is taken: a download may take long.
        driver.prefetch(request)
        return driver, request

    _module.run_one(module, make, "test:///default")


if __name__ == "__main__":
    main()
