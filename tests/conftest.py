# Copyright: (c) 2026, flotilla.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What every test of this repository has: the collection's import path, and libvirt.

Markers say what a test needs; `tests/unit` needs nothing that runs.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
TREE = ROOT / "build/tree"

sys.path.insert(0, str(ROOT / "tests"))

from support.libvirtd import PrivateLibvirtd  # noqa: E402  pylint: disable=wrong-import-position


def _link_tree() -> None:
    """Make build/tree/ansible_collections/flotilla/virt, a link to this working tree, so that nothing is imported stale."""
    link = TREE / "ansible_collections/flotilla/virt"
    link.parent.mkdir(parents=True, exist_ok=True)
    if not link.is_symlink() or link.resolve() != ROOT:
        own = link.with_name(f"virt.{os.getpid()}")  # several test processes start at once: each puts its whole link in place
        own.symlink_to(ROOT)
        own.replace(link)


_link_tree()
sys.path.insert(0, str(TREE))
os.environ["PATH"] = os.pathsep.join([f"{sys.prefix}/bin", os.environ.get("PATH", os.defpath)])
os.environ["PYTHONPATH"] = str(TREE)
os.environ["ANSIBLE_COLLECTIONS_PATH"] = str(TREE)
os.environ.setdefault("ANSIBLE_CONFIG", str(ROOT / "tests/ansible.cfg"))


@pytest.fixture(scope="session")
def libvirt_uri() -> str:
    """The machine's libvirt, started when it does not run. It is shared: give names of your own, and remove what you make."""
    subprocess.run([str(ROOT / "tests/tools/services.sh")], check=True)
    return "qemu:///system"


@pytest.fixture(scope="session")
def private_libvirtd() -> Iterator[PrivateLibvirtd]:
    """A libvirtd, network and process namespace for this test session alone, empty at its start."""
    with PrivateLibvirtd() as daemon:
        yield daemon


@pytest.fixture(scope="session")
def private_uri(private_libvirtd: PrivateLibvirtd) -> str:
    """The connection URI of the private libvirtd."""
    return private_libvirtd.uri
