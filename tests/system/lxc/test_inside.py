# Copyright: (c) 2026, flotilla.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Two containers side by side, looked at from inside by testinfra: users, addresses, processes and files of their own."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import testinfra.backend.base
import testinfra.host
from support.tiny_image import make_image

from .conftest import BRIDGE, PREFIX, SUBNET, Place

TOOLS = ("stat", "getent", "id", "ps", "ip", "test", "grep", "readlink", "env")


class Attached(testinfra.backend.base.BaseBackend):
    """Runs testinfra's commands in a container by LXC's own command."""

    NAME = "lxc-attach"

    def run(self, command: str, *args: str, **kwargs: Any) -> testinfra.backend.base.CommandResult:
        """See testinfra."""
        return self.run_local("lxc-attach -n %s --clear-env --set-var PATH=/bin:/sbin -- /bin/sh -c %s", self.hostname_of, self.get_command(command, *args))

    hostname_of = ""


def inside(name: str) -> testinfra.host.Host:
    """The container as a host of testinfra."""
    backend = Attached(name)
    backend.hostname_of = PREFIX + name
    return testinfra.host.Host(backend)


def test_each_has_users_addresses_processes_and_files_of_its_own(place: Place, bridge: str, tmp_path: Path) -> None:
    place.images["tiny"] = str(make_image(tmp_path, tools=TOOLS))
    shared = tmp_path / "shared"
    shared.mkdir()
    for name, number in (("a", 51), ("b", 52)):
        (shared / name).write_text("of " + name)
        result = place.run({"image": "tiny", "memory": "64MiB", "cloud_init": {"users": [{"name": "user-" + name}]},
                            "mounts": [{"target": "/mine", "source": str(shared / name)}],
                            "nics": [{"name": "lan", "bridge": BRIDGE, "address": [f"{SUBNET}.{number}/24", f"fd77:78::{number}/64"]}]}, name=name)
        assert not result.failed, result.msg
    for name, other, number in (("a", "b", 51), ("b", "a", 52)):
        host = inside(name)
        assert host.check_output("uname -n") == PREFIX + name
        assert host.user("user-" + name).exists and not host.user("user-" + other).exists
        assert host.user("user-" + name).home == "/home/user-" + name and host.file("/home/user-" + name).user == "user-" + name
        addresses = host.interface("eth0").addresses
        assert {f"{SUBNET}.{number}", f"fd77:78::{number}"} <= set(addresses) and f"{SUBNET}.{103 - number}" not in addresses
        running = host.process.filter()
        assert running[0].pid == 1 and len(running) < 10 and not [process for process in running if process.pid == os.getpid()]
        assert host.file("/mine").content_string == "of " + name and not host.file("/var/lib/lxc").exists
