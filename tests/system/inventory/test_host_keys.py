# Copyright: (c) 2026, flotilla.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""SSH host keys of a booted guest and of a container, and a login that knows them before it has ever been there."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from support.libvirtd import PrivateLibvirtd

pytestmark = [pytest.mark.system, pytest.mark.slow]

BIN = Path(sys.executable).parent
IMAGES = "/var/lib/flotilla/images/"
HOST = "kvm1 ansible_connection=local ansible_python_interpreter=/usr/bin/python3\n"
BUILD = "- {hosts: kvm1, gather_facts: false, roles: [flotilla.virt.guest_image]}\n"
CONFIG = """
plugin: flotilla.virt.guests
hosts: [kvm1]
fleets: [keys]
known_hosts: known hosts/of the fleet
compose: {ansible_user: "'ops'"}
"""


class Guests:
    """A machine with a virtual machine and a container that have booted; `place` is the folder of their inventory."""

    def __init__(self, daemon: PrivateLibvirtd, place: Path) -> None:
        self.daemon = daemon
        self.place = place
        self.known = place / "known hosts/of the fleet"

    def run(self, *argv: str, code: int = 0) -> str:
        done = subprocess.run([*self.daemon.enter, *argv], capture_output=True, text=True, cwd=self.place, check=False)
        assert done.returncode == code, done.stdout + done.stderr
        return done.stdout + done.stderr

    def ansible(self, host: str, module: str, arguments: str, *more: str, code: int = 0) -> str:
        return self.run(str(BIN / "ansible"), host, "-m", module, "-a", arguments, *more, code=code)

    def list(self) -> dict[str, Any]:
        words = [str(BIN / "ansible-inventory"), "-i", "hosts.ini", "-i", "guests.flotilla.yml", "--list"]
        done = subprocess.run([*self.daemon.enter, *words], capture_output=True, text=True, cwd=self.place, check=True)
        found: dict[str, Any] = json.loads(done.stdout)["_meta"]["hostvars"]
        return found

    def login(self) -> str:
        """Into the virtual machine with the inventory's own options, by an ansible that checks host keys and can ask nobody."""
        return self.ansible("vm", "ansible.builtin.command", "uname -n", "-i", "hosts.ini", "-i", "guests.flotilla.yml", "--private-key", "id")


def fleet(place: Path, pool: Path, **more: Any) -> str:
    """One virtual machine and one container of one fleet, on a network of their own."""
    key = (place / "id.pub").read_text().strip()
    return json.dumps({
        "name": "keys",
        "images": [{"name": "debian", "disk": IMAGES + "debian-12.qcow2", "rootfs": IMAGES + "debian-12.tar"}],
        "pools": [{"name": "keys", "path": str(pool)}],
        "networks": [{"name": "keys", "mode": "nat", "bridge": "fl-keys", "subnet": "10.89.0.0/24"}],
        "guests": [
            {"name": "vm", "virtualization": "qemu", "cpus": 2, "memory": "768MiB", "nics": [{"name": "lan", "network": "keys", "address": "10.89.0.10/24"}],
             "disks": [{"name": "root", "pool": "keys", "size": "6GiB", "image": "debian"}], "wait_for": {"what": "cloud_init", "timeout": 900},
             "cloud_init": {"users": [{"name": "ops", "ssh_keys": [key]}]}},
            {"name": "ct", "engine": "lxc", "image": "debian", "nics": [{"name": "lan", "network": "keys", "address": "10.89.0.11/24"}]},
        ], **more})


@pytest.fixture(scope="module")
def guests(private_libvirtd: PrivateLibvirtd, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Guests]:
    found = Guests(private_libvirtd, tmp_path_factory.mktemp("keys"))
    (found.place / "hosts.ini").write_text(HOST)
    (found.place / "guests.flotilla.yml").write_text(CONFIG)
    (found.place / "build.yml").write_text(BUILD)
    found.run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", "id")
    subprocess.run([str(BIN / "ansible-playbook"), "-i", "hosts.ini", "build.yml"], cwd=found.place, check=True, capture_output=True)
    pool = Path(tempfile.mkdtemp(prefix="keys-"))
    pool.chmod(0o755)  # QEMU runs as a user of its own
    found.ansible("kvm1", "flotilla.virt.fleet", fleet(found.place, pool), "-i", "hosts.ini")
    yield found
    gone = [{"name": name, "engine": engine, "state": "absent", "force_stop": True, "stop_timeout": 0, "remove_storage": True}
            for name, engine in (("vm", "kvm"), ("ct", "lxc"))]
    found.ansible("kvm1", "flotilla.virt.fleet", fleet(found.place, pool, guests=gone), "-i", "hosts.ini")
    found.run("virsh", "net-destroy", "keys")
    found.run("virsh", "net-undefine", "keys")
    found.run("virsh", "pool-destroy", "keys")
    found.run("virsh", "pool-undefine", "keys")
    shutil.rmtree(pool)


def test_the_keys_are_those_that_sshd_in_the_guest_has(guests: Guests) -> None:
    found = guests.list()
    scanned = guests.run("ssh-keyscan", "10.89.0.10")
    offered = {" ".join(line.split()[1:]) for line in scanned.splitlines() if line.startswith("10.89.0.10 ")}
    assert set(found["vm"]["flotilla_host_keys"]) == offered and len(offered) > 1
    inside = guests.run("lxc-attach", "-n", "ct", "--", "cat", "/etc/ssh/ssh_host_ed25519_key.pub")
    assert " ".join(inside.split()[:2]) in found["ct"]["flotilla_host_keys"]


def test_a_first_login_is_checked_and_an_impostor_refused(guests: Guests) -> None:
    said = guests.list()["vm"]
    written = guests.known.read_text()
    assert "vm | CHANGED" in guests.login() and guests.known.read_text() == written
    # Somebody else answers at the address: there, the container's keys are those of the machine. The inventory is not asked again, or it
    # would mend the file.
    lines = [line.split(" ", 1) for line in written.splitlines() if not line.startswith("#")]
    guests.known.write_text("".join("vm %s\n" % key for alias, key in lines if alias == "ct"))
    way = {name: said[name] for name in ("ansible_host", "ansible_user", "ansible_ssh_common_args")} | {"ansible_ssh_args": "-o ControlMaster=no"}
    refused = guests.ansible("vm", "ansible.builtin.command", "uname -n", "-i", "vm,", "--private-key", "id", "-e", json.dumps(way), code=4)
    assert "UNREACHABLE" in refused and "REMOTE HOST IDENTIFICATION HAS CHANGED" in refused


def test_a_guest_whose_agent_is_silent_has_no_keys_and_the_inventory_no_error(guests: Guests) -> None:
    guests.run("virsh", "suspend", "vm")
    try:
        found = guests.list()
    finally:
        guests.run("virsh", "resume", "vm")
    assert found["vm"]["flotilla_host_keys"] == [] and "ansible_ssh_common_args" not in found["vm"]
    assert found["ct"]["flotilla_host_keys"] and "vm " not in guests.known.read_text()
