# Copyright: (c) 2026, flotilla.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""CPU seconds to parse, layer, check and resolve a fleet of 100, 1,000 and 10,000 guests: should grow in step."""

from __future__ import annotations

import time
from typing import Any, Dict

from ansible_collections.flotilla.virt.plugins.module_utils._reconcile.fleet import HostFacts, parse_fleet, resolve


def declaration(size: int) -> Dict[str, Any]:
    """A fleet in which every guest has a profile, defaults, short forms, a static address and tags."""
    guests = [{
        "name": "g%d" % index, "profile": "db", "cpus": 2, "memory": "2GiB", "disk": "20GiB", "image": "debian-12",
        "nics": [{"name": "lan", "address": "10.20.%d.%d/16" % (index // 200 + 1, index % 200 + 10)}],
        "tags": {"role": "db"}, "after": ["g%d" % (index - 1)] if index % 10 else [],
    } for index in range(size)]
    return {
        "name": "shop", "guests": guests,
        "networks": [{"name": "prod", "mode": "bridge", "bridge": "br20", "subnet": "10.20.0.0/16",
                      "gateway": "10.20.0.1", "dns": ["10.20.0.2"]}],
        "images": [{"name": "debian-12", "disk": "/images/debian.qcow2", "rootfs": "/images/debian.tar"}],
        "defaults": {"cloud_init": {"users": [{"name": "ops", "ssh_keys": ["ssh-ed25519 AAAA"]}]},
                     "nics": [{"name": "lan", "network": "prod"}], "virtualization": "prefer_kvm"},
        "profiles": {"db": {"protect": True, "cpus": {"maximum": 8}}},
    }


def main() -> None:
    """Prints one line for each size."""
    print("guests   parse (CPU s)   resolve (CPU s)")
    for size in (100, 1000, 10000):
        raw = declaration(size)
        start = time.process_time()
        fleet = parse_fleet(raw)
        middle = time.process_time()
        resolve(fleet, HostFacts())
        print("%6d   %13.3f   %15.3f" % (size, middle - start, time.process_time() - middle))


if __name__ == "__main__":
    main()
