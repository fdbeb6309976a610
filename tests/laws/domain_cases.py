# Copyright: (c) 2026, flotilla.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""For every option of a domain: two values, and what stands there once it is taken back.

Every row of the domain table and every option of the grammar is here, or in `ELSEWHERE` with the reason; a test says so.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Mapping

KEEPS = object()
BASE: Mapping[str, Any] = {
    "state": "stopped", "memory": {"size": "64MiB"}, "cpus": {"count": 1}, "virtualization": "qemu",
    "disks": [{"name": "data", "pool": "fast", "size": "1MiB"}], "nics": [{"name": "lan", "network": "lan"}],
}


@dataclass(frozen=True)
class Case:
    """One option: the values that it is declared with in turn, and its value in `spec` after it is declared no more.

    beside: what else the declaration needs (by pattern). alone: changing it changes this path only, so it must be the
    only plan entry. real: libvirt's test driver cannot do it; only a real host can.
    """

    pattern: str
    first: Any
    second: Any
    taken_back: Any
    beside: Mapping[str, Any] = field(default_factory=dict)
    real: bool = False
    path: str = ""


USER_KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOMqqnkVzrm0SdG6UOoqKLsabgH5C9okWi0dh2l9GKJl"

CASES: tuple[Case, ...] = (
    Case("autostart", True, False, False),
    Case("tags", {"role": "db"}, {"role": "web", "tier": "gold"}, None),
    Case("title", "Shop's <db> & \"cache\"", "Büro", None),
    Case("description", "line one\nline two", "  spaces around and a newline\n", None),
    Case("cpus.count", 2, 3, KEEPS, {"cpus.maximum": 4}),
    Case("cpus.maximum", 4, 8, 1),
    Case("memory.size", "96MiB", "128MiB", KEEPS, {"memory.maximum": "256MiB"}),
    Case("memory.maximum", "256MiB", "512MiB", "64MiB"),
    Case("os.firmware", "uefi", "bios", KEEPS),
    Case("os.kernel", "/boot/vmlinuz-a", "/boot/vmlinuz-b", None),
    Case("os.initrd", "/boot/initrd-a", "/boot/initrd-b", None, {"os.kernel": "/boot/vmlinuz"}),
    Case("os.cmdline", "console=ttyS0 quiet", "root=LABEL=root", None, {"os.kernel": "/boot/vmlinuz"}),
    Case("agent", False, True, True),
    Case("console", False, True, True),
    Case("disks[].cache", "none", "writeback", None),
    Case("disks[].readonly", True, False, False),
    Case("disks[].serial", "S1", "S2", None),
    Case("disks[].bus", "scsi", "virtio", KEEPS),
    Case("disks[].size", "1MiB", "4MiB", KEEPS, real=True),
    Case("nics[].network", "dmz", "lan", KEEPS),
    Case("nics[].mac", "52:54:00:00:00:01", "52:54:00:00:00:02", KEEPS),
    Case("nics[].model", "e1000", "virtio", KEEPS),
    Case("nics[].link", "down", "up", "up"),
    Case("nics[].mtu", 1400, 9000, None),
    Case("nics[].address", "192.168.77.5/24", ["192.168.77.6/24", "fd00::6/64"], None),
    Case("nics[].gateway", "192.168.77.1", "192.168.77.2", None),
    Case("nics[].dns", ["192.168.77.1"], ["9.9.9.9", "192.168.77.1"], None),
    Case("cloud_init.hostname", "one", "two", None),
    Case("cloud_init.ssh_keys", [USER_KEY], [USER_KEY, USER_KEY + " second"], None),
    Case("cloud_init.packages", ["vim"], ["vim", "tmux"], None),
    Case("cloud_init.timezone", "Europe/Berlin", "UTC", None),
    Case("cloud_init.locale", "C.UTF-8", "de_DE.UTF-8", None),
    Case("cloud_init.user_data", "#cloud-config\n{}\n", {"bootcmd": ["true"]}, None),
    Case("cloud_init.network_config", {"version": 2}, {"version": 2, "ethernets": {}}, None),
    Case("cloud_init.run_commands", ["true"], ["true", "touch /tmp/ran"], None),
    Case("cloud_init.users[].ssh_keys", [USER_KEY], [USER_KEY + " other"], None, {"cloud_init.users[].name": "ops"}),
    Case("cloud_init.users[].groups", ["adm"], ["adm", "sudo"], None, {"cloud_init.users[].name": "ops"}),
    Case("cloud_init.users[].sudo", True, "ALL=(ALL) ALL", None, {"cloud_init.users[].name": "ops"}),
    Case("cloud_init.users[].shell", "/bin/bash", "/bin/sh", None, {"cloud_init.users[].name": "ops"}),
    Case("cloud_init.users[].hashed_password", "$6$salt$one", "$6$salt$two", None, {"cloud_init.users[].name": "ops"}),
    Case("cloud_init.users[].lock_password", True, False, None, {"cloud_init.users[].name": "ops"}),
)

# Options whose test has another form than first, second, taken back.
ELSEWHERE: Mapping[str, str] = {
    "state": "test_power", "disks[]": "test_items", "nics[]": "test_items", "disks": "test_items", "nics": "test_items",
    "disks[].name": "test_items", "nics[].name": "test_items",
    "disks[].pool": "test_fixed", "disks[].volume": "test_fixed", "disks[].file": "test_fixed", "disks[].device": "test_fixed",
    "disks[].format": "test_fixed", "disks[].image": "test_creation_only", "os.family": "test_creation_only", "os.variant": "test_creation_only",
    "os.machine": "test_machine", "nics[].bridge": "test_bridge",
    "cloud_init.reseed": "tests/system/domain/test_reseed.py",
    "cloud_init": "a dictionary", "cloud_init.users": "test_items", "cloud_init.users[].name": "test_items",
    "image": "the short form of the image of disk root", "cpus": "a dictionary", "memory": "a dictionary", "os": "a dictionary",
}
