# Copyright: (c) 2026, flotilla.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Runs a command where `qemu:///system` is a libvirtd of its own, so that tests leave the machine's guests alone.

    sandbox.py COMMAND [ARGUMENT...]

The network is the machine's: names of networks and bridges must not clash with those of the machine's libvirt.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from support.libvirtd import PrivateLibvirtd  # noqa: E402  pylint: disable=wrong-import-position


def main(command: list[str]) -> int:
    """Run the command and return its exit status."""
    if not command:
        raise SystemExit("usage: sandbox.py COMMAND [ARGUMENT...]")
    with PrivateLibvirtd(share_net=True) as daemon:
        return subprocess.run(daemon.enter + command, check=False).returncode


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
