# Copyright: (c) 2026, flotilla.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Runs a playbook of examples/ with the collection as a user has it: built into an archive and installed.

    example.py -i INVENTORY PLAYBOOK [ARGUMENT...]      all arguments go to ansible-playbook, run in examples/
"""

from __future__ import annotations

import os
import sys

import collection
from gates import environment


def main(arguments: list[str]) -> None:
    """Become ansible-playbook."""
    if not arguments:
        raise SystemExit("usage: example.py -i INVENTORY PLAYBOOK [ARGUMENT...]")
    examples = collection.ROOT / "examples"
    env = {**environment(), "ANSIBLE_COLLECTIONS_PATH": str(collection.install())}
    os.chdir(examples)
    os.execvpe("ansible-playbook", ["ansible-playbook", *arguments], env)


if __name__ == "__main__":
    main(sys.argv[1:])
