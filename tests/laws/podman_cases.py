# Copyright: (c) 2026, flotilla.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Every option of a podman container at two values, and what stands there once it is taken back."""

from __future__ import annotations

import os
from typing import Any, Iterator, Mapping

# Others in each session: podman keeps the addresses in use for the whole machine, by the name of the network.
_SESSION = os.getpid() % 125
NETWORK, SUBNET = "fltest-net-%d" % _SESSION, "10.214.%d" % (2 * _SESSION)
PORT = 20000 + 40 * _SESSION
OTHER, OTHER_SUBNET = "fltest-other-%d" % _SESSION, "10.214.%d" % (2 * _SESSION + 1)
BASE: Mapping[str, Any] = {
    "image": "tiny", "cpus": {"count": 1}, "memory": {"size": "64MiB"},
    "nics": [{"name": "lan", "network": NETWORK, "address": SUBNET + ".21/24"}],
}

# What podman changes on the container that is there: the declarations of a container's life, in turn, and what its spec
# then says that differs from what was declared.
LIVE: tuple[tuple[Mapping[str, Any], Mapping[str, Any]], ...] = (
    ({"cpus": {"count": 2, "shares": 512, "cpuset": "0"}, "memory": {"size": "96MiB", "swap": "32MiB"}, "tags": {"role": "db"},
      "nics": [{"name": "lan", "network": NETWORK, "mac": "52:54:00:00:00:01", "address": SUBNET + ".31/24"}]}, {}),
    ({"cpus": {"limit": "0.5", "shares": 2048, "cpuset": "1"}, "memory": {"size": "128MiB", "swap": "0B"}, "tags": {"role": "web", "tier": "gold"},
      "nics": [{"name": "lan", "network": OTHER, "mac": "52:54:00:00:00:02", "address": OTHER_SUBNET + ".32/24"},
               {"name": "extra", "network": NETWORK, "mac": "52:54:00:00:00:03"}]}, {}),
    # Taken back: limit, cpuset, tags and address go, shares and swap are podman's own again, the rest stays.
    ({"nics": [{"name": "lan"}]}, {"cpus": {"shares": 1024}, "memory": {"size": "128MiB", "swap": "128MiB"}, "tags": None,
                                   "nics": [{"name": "lan", "network": OTHER, "mac": "52:54:00:00:00:02"}]}),
    ({"cpus": {"count": 1}, "nics": [{"name": "lan", "address": [OTHER_SUBNET + ".33/24"]}]},
     {"cpus": {"count": 1, "shares": 1024},
      "nics": [{"name": "lan", "network": OTHER, "mac": "52:54:00:00:00:02", "address": [OTHER_SUBNET + ".33/24"]}]}),
)

# What it makes the container anew for: each differs between the two, and LAST is what stands there when nothing of it is declared.
FIRST: Mapping[str, Any] = {
    "image": "tiny", "hostname": "one", "dns": ["10.1.1.1"], "search": ["example.com"], "entrypoint": ["/bin/sh"], "command": ["/sbin/init"],
    "environment": {"A": "1", "B": "x y"}, "user": "0:0", "workdir": "/tmp", "ports": ["127.0.0.1:%d:80" % PORT], "restart_policy": "on-failure",
    "capabilities": {"add": ["NET_ADMIN"], "drop": ["MKNOD"]},
    "mounts": [{"target": "/bound", "type": "bind", "source": "/var", "readonly": True}, {"target": "/named", "volume": "fltest-one"},
               {"target": "/scratch", "type": "tmpfs", "size": "1MiB"}],
    "devices": [{"path": "/dev/full", "inside": "/dev/one", "permissions": "r"}],
    "secrets": [{"name": "token", "value": "first s3cret"}],
}
SECOND: Mapping[str, Any] = {
    "image": "stubborn", "hostname": "two.example.com", "dns": ["10.1.1.2", "10.1.1.1"], "search": ["example.org"], "entrypoint": ["/bin/sh", "-u"],
    "command": ["/sbin/init", "x y"], "environment": {"A": 2}, "user": "0", "workdir": "/home",
    "ports": ["127.0.0.1:%d:81" % (PORT + 1), "127.0.0.1:%d:53/udp" % (PORT + 2)], "restart_policy": "always",
    "capabilities": {"add": ["CAP_SYS_TIME"], "drop": ["chown", "MKNOD"]},
    "mounts": [{"target": "/bound", "source": "/usr", "readonly": False}, {"target": "/named", "volume": "fltest-two"},
               {"target": "/scratch", "type": "tmpfs", "size": "2MiB"}],
    "devices": [{"path": "/dev/full", "inside": "/dev/two", "permissions": "rw"}],
    "secrets": [{"name": "token", "value": "second s3cret", "variable": "TOKEN"}],
}
LAST: Mapping[str, Any] = {"image": "stubborn", "hostname": "two.example.com", "restart_policy": "no"}

# Options whose test has another form.
ELSEWHERE: Mapping[str, str] = {
    "state": "test_power", "autostart": "test_units.py", "id_mapping.first": "test_users_of_its_own", "id_mapping.size": "test_users_of_its_own",
    "health.command": "test_health", "health.interval": "test_health", "health.timeout": "test_health", "health.retries": "test_health",
    "health.start_period": "test_health",
    "nics[].bridge": "refused: test_bad_input", "nics[].gateway": "refused: test_bad_input", "nics[].dns": "refused: test_bad_input",
}


def patterns(raw: Any, place: str = "") -> Iterator[str]:
    """The options that a declaration names, such as `mounts[].source`."""
    if isinstance(raw, Mapping) and not place.endswith(("environment", "tags")):
        for name, value in raw.items():
            yield from patterns(value, "%s.%s" % (place, name) if place else name)
    elif isinstance(raw, list) and raw and isinstance(raw[0], Mapping):
        for value in raw:
            yield from patterns(value, place + "[]")
    else:
        yield place
