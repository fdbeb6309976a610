# Copyright: (c) 2026, flotilla.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The declarations that are measured, spelled out guest by guest as a file of a user's would have them.

Most are of diskless guests, which every contender can define. `FULL` is a server with everything on it.
"""

from __future__ import annotations

from typing import Any

FLEET = "bench"
POOL = "bench"
KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOMqqnkVzrm0SdG6UOoqKLsabgH5C9okWi0dh2l9GKJl ops@example.com"

# A full-featured guest, all of it but its name. An option that the grammar gains is added here, and nowhere else.
FULL: dict[str, Any] = {
    "state": "stopped",
    "virtualization": "qemu",
    "title": "Database of the shop",
    "description": "Orders and customers.\nAsk the shop's team before it is restarted.",
    "cpus": {"count": 4, "maximum": 8, "topology": {"sockets": 1, "cores": 4, "threads": 2}, "shares": 2048, "iothreads": 2},
    "memory": {"size": "4GiB", "maximum": "16GiB", "ksm": False, "balloon": {"model": "virtio", "stats_period": 10}},
    "os": {"family": "linux", "variant": "debian12", "machine": "q35"},
    "boot": {"menu": True, "menu_timeout": 3000},
    "graphics": [{"type": "vnc", "listen": "127.0.0.1"}],
    "video": {"model": "virtio"},
    "rng": {"model": "virtio", "source": "/dev/urandom"},
    "watchdog": {"model": "i6300esb", "action": "reset"},
    "clock": {"offset": "utc"},
    "lifecycle": {"crash": "restart"},
    "agent": True,
    "console": True,
    "autostart": True,
    "protect": True,
    "stop_timeout": 120,
    "wait_for": {"what": "cloud_init", "timeout": 300},
    "disks": [
        {"name": "root", "pool": POOL, "size": "20GiB", "cache": "none", "io": "native", "discard": "unmap", "serial": "ROOT",
         "iothread": 1, "boot_order": 1},
        {"name": "data", "pool": POOL, "size": "100GiB", "cache": "none", "serial": "DATA", "bus": "scsi",
         "iotune": {"read_iops": 2000, "write_iops": 1000}},
        {"name": "log", "pool": POOL, "size": "10GiB", "format": "raw"},
    ],
    "nics": [
        {"name": "lan", "bridge": "br-bench", "model": "virtio", "mtu": 1500, "link": "up", "address": "10.20.0.11/16",
         "gateway": "10.20.0.1", "dns": ["10.20.0.2", "10.20.0.3"]},
        {"name": "backup", "bridge": "br-backup", "model": "virtio", "mtu": 9000, "queues": 4,
         "bandwidth": {"inbound": {"average": "10MiB"}, "outbound": {"average": "10MiB"}}},
    ],
    "cloud_init": {
        "hostname": "db", "timezone": "Europe/Berlin", "locale": "C.UTF-8", "packages": ["postgresql", "chrony"], "ssh_keys": [KEY],
        "users": [{"name": "ops", "groups": ["adm", "sudo"], "sudo": True, "shell": "/bin/bash", "ssh_keys": [KEY], "lock_password": True},
                  {"name": "backup", "shell": "/bin/sh", "hashed_password": "$6$salt$hash"}],
        "run_commands": ["systemctl enable --now postgresql"],
    },
    "tags": {"role": "db", "tier": "gold", "owner": "shop"},
}


def guests(count: int, changed: bool = False) -> list[dict[str, Any]]:
    """That many guests; with `changed`, the middle one has more memory."""
    made = [
        {
            "name": name(index),
            "state": "stopped",
            "virtualization": "qemu",
            "cpus": 2,
            "memory": "256MiB",
            "nics": [{"name": "lan", "bridge": "br-bench"}],
            "tags": {"role": "bench", "row": str(index // 100)},
        }
        for index in range(count)
    ]
    if changed:
        made[count // 2]["memory"] = "384MiB"
    return made


def name(index: int) -> str:
    """The name of a guest by its number."""
    return f"bench-{index:05d}"


def parameters(count: int, changed: bool = False) -> dict[str, Any]:
    """What the module `fleet` gets."""
    return {"name": FLEET, "guests": guests(count, changed)}


def full_parameters(count: int, pool: str) -> dict[str, Any]:
    """What the module `fleet` gets for that many full-featured guests, whose pool is at this path; each has its own address."""
    made = []
    for index in range(count):
        nics = [dict(nic) for nic in FULL["nics"]]
        nics[0]["address"] = f"10.20.{index // 250 + 1}.{index % 250 + 1}/16"
        made.append({"name": name(index), **FULL, "nics": nics})
    return {"name": FLEET, "pools": [{"name": POOL, "path": pool}], "guests": made}
