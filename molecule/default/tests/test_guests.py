# Copyright: (c) 2026, flotilla.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The guests as they see themselves: the VM over SSH, the container through its engine, both by the inventory."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
import testinfra

DIRECTORY = Path(os.environ["MOLECULE_EPHEMERAL_DIRECTORY"])
SCENARIO = Path(os.environ["MOLECULE_SCENARIO_DIRECTORY"])
HOST = """
all:
  hosts:
    molecule-host:
      ansible_connection: local
      ansible_python_interpreter: /usr/bin/python3
"""
ADDRESSES = {"molecule-vm": "10.88.0.10", "molecule-ct": "10.88.0.11"}


@pytest.fixture(scope="module")
def inventory() -> Path:
    """An inventory of the host and of its guests, with the key that the scenario made."""
    folder = DIRECTORY / "guests"
    (folder / "group_vars").mkdir(parents=True, exist_ok=True)
    (folder / "hosts.yml").write_text(HOST)
    (folder / "molecule.flotilla.yml").write_text((SCENARIO / "files/molecule.flotilla.yml").read_text())
    (folder / "group_vars/engine_kvm.yml").write_text(
        "ansible_user: ops\n"
        f"ansible_ssh_private_key_file: {DIRECTORY}/id_ed25519\n")
    return folder


@pytest.fixture(params=sorted(ADDRESSES))
def guest(request: pytest.FixtureRequest, inventory: Path) -> "testinfra.host.Host":
    """Each guest, seen from inside."""
    return testinfra.get_host(f"ansible://{request.param}?ansible_inventory={inventory}&force_ansible=True")


def name_of(guest: "testinfra.host.Host") -> str:
    return str(guest.check_output("uname -n"))


def test_it_has_its_own_name_and_address(guest: "testinfra.host.Host") -> None:
    assert ADDRESSES[name_of(guest)] in guest.check_output("hostname -I").split()


def test_its_first_process_is_its_own(guest: "testinfra.host.Host") -> None:
    assert guest.check_output("cat /proc/1/comm") == "systemd"


def test_its_user_is_there_with_the_key(guest: "testinfra.host.Host") -> None:
    assert guest.check_output("getent passwd ops").endswith(":/bin/bash")
    key = (DIRECTORY / "id_ed25519.pub").read_text().split()[1]
    assert key in guest.check_output("sudo -n cat /home/ops/.ssh/authorized_keys || cat /home/ops/.ssh/authorized_keys")


def test_it_is_up(guest: "testinfra.host.Host") -> None:
    assert guest.check_output("systemctl is-active multi-user.target") == "active"
