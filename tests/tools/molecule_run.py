# Copyright: (c) 2026, flotilla.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Runs one molecule scenario, or all, with the collection as a user has it: built into an archive and installed.

    molecule_run.py [SCENARIO]      molecule/SCENARIO; all of them without a name
"""

from __future__ import annotations

import subprocess
import sys

import collection
from gates import environment


def main(arguments: list[str]) -> int:
    """Run molecule and return its exit status."""
    scenarios = sorted(path.parent.name for path in collection.ROOT.glob("molecule/*/molecule.yml"))
    if arguments and arguments[0] not in scenarios:
        print(f"There is no scenario molecule/{arguments[0]}; there are: {', '.join(scenarios) or 'none'}", file=sys.stderr)
        return 2
    which = ["--scenario-name", arguments[0]] if arguments else ["--all"]
    env = {**environment(), "ANSIBLE_COLLECTIONS_PATH": str(collection.install())}
    base = str(collection.ROOT / "molecule/base.yml")
    return subprocess.run(["molecule", "--base-config", base, "test", *which], cwd=collection.ROOT, env=env, check=False).returncode


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
