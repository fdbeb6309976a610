# Copyright: (c) 2026, flotilla.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The private libvirtd of the tests keeps apart from the machine's own, and leaves nothing behind."""

from __future__ import annotations

import subprocess
from pathlib import Path

import libvirt
import pytest

from support.libvirtd import PrivateLibvirtd

pytestmark = pytest.mark.system

GUEST = """<domain type='qemu'><name>{name}</name><memory unit='MiB'>32</memory><os><type>hvm</type></os>
<devices><console type='pty'/></devices></domain>"""


def names(uri: str) -> list[str]:
    """Return the names of the domains that this connection knows."""
    connection = libvirt.open(uri)
    try:
        return sorted(domain.name() for domain in connection.listAllDomains())
    finally:
        connection.close()


def test_a_guest_runs_there_and_nowhere_else(private_uri: str, libvirt_uri: str) -> None:
    """A running guest is seen by the private libvirtd only."""
    connection = libvirt.open(private_uri)
    domain = connection.defineXML(GUEST.format(name="private-apart"))
    domain.create()
    try:
        assert "private-apart" in names(private_uri)
        assert "private-apart" not in names(libvirt_uri)
    finally:
        domain.destroy()
        domain.undefine()
        connection.close()


def test_commands_run_inside(private_libvirtd: PrivateLibvirtd, tmp_path: Path) -> None:
    """`enter` runs a command in the caller's folder, where qemu:///system is the private one and only `lo` is a network."""
    inside = subprocess.run(
        private_libvirtd.enter + ["bash", "-c", "pwd; ls /sys/class/net; virsh -c qemu:///system capabilities | grep '<uuid>'"],
        cwd=tmp_path, capture_output=True, text=True, check=True,
    ).stdout.split()
    outside = subprocess.run(["virsh", "-c", private_libvirtd.uri, "capabilities"], capture_output=True, text=True, check=True).stdout
    assert inside[:2] == [str(tmp_path), "lo"]
    assert inside[2] in outside


def test_ansible_sees_no_systemd_inside(private_libvirtd: PrivateLibvirtd) -> None:
    """Ansible's fact tells that services are started directly there, though systemd is installed."""
    asked = ["ansible", "localhost", "-i", "localhost,", "-c", "local", "-m", "setup", "-a", "filter=ansible_service_mgr"]
    answer = subprocess.run(private_libvirtd.enter + asked, capture_output=True, text=True, check=True).stdout
    assert '"ansible_service_mgr": "flotilla-test"' in answer


def test_it_takes_its_guests_and_state_along(libvirt_uri: str) -> None:
    """After the block there is no process, no folder and no control group of it."""
    with PrivateLibvirtd() as daemon:
        connection = libvirt.open(daemon.uri)
        connection.createXML(GUEST.format(name="private-gone"))
        connection.close()
        state = daemon.state
        assert state.is_dir()
    assert not state.exists()
    assert not list(Path("/sys/fs/cgroup").rglob("*private-gone*"))
    listed = subprocess.run(["ps", "-e", "-o", "args="], capture_output=True, text=True, check=True).stdout
    assert "private-gone" not in listed


def test_it_may_share_the_network(libvirt_uri: str) -> None:
    """With `share_net` the interfaces are the machine's, and the guests still its own."""
    with PrivateLibvirtd(share_net=True) as daemon:
        listed = subprocess.run(daemon.enter + ["ls", "/sys/class/net"], capture_output=True, text=True, check=True).stdout.split()
        assert sorted(listed) == sorted(path.name for path in Path("/sys/class/net").iterdir())
        assert names(daemon.uri) == []
