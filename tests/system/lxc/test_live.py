# Copyright: (c) 2026, flotilla.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What changes on a running container: init goes on, connections into it stay open, and the kernel has what is declared."""

from __future__ import annotations

import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from laws import laws
from laws.container_lab import settled
from support.tiny_image import make_image

from ansible_collections.flotilla.virt.plugins.module_utils._containers.lxc import cgroup, probes

from .conftest import BRIDGE, PREFIX, SUBNET, Place
from .test_driver import fresh_of

V6 = "fd77:77::"
NIC = {"name": "lan", "bridge": BRIDGE, "address": [f"{SUBNET}.21/24", f"{SUBNET}.22/24"], "gateway": f"{SUBNET}.1"}
ONE = {"image": "tiny", "cpus": 1, "memory": "128MiB", "nics": [NIC], "hostname": "one", "dns": ["10.0.0.1"]}
LIMITED = {**ONE, "cpus": {"limit": "0.5", "shares": 512, "cpuset": "0"}, "memory": {"size": "96MiB", "swap": "32MiB"},
           "io": {"limit": "20MiB", "iops": 400}}
OTHER = {**LIMITED, "hostname": "other", "dns": ["10.0.0.2", "10.0.0.3"], "search": ["example.com"],
         "nics": [{**NIC, "address": [f"{SUBNET}.22/24", f"{SUBNET}.23/24", f"{V6}23/64"], "gateway": f"{SUBNET}.2"}]}


def in_force(place: Place, setting: str) -> str:
    """A setting of the container's own control group, by LXC's own command."""
    return subprocess.run(["lxc-cgroup", "-n", PREFIX + "a", setting], capture_output=True, text=True, check=True).stdout.strip()


def expected(place: Place) -> dict[str, str]:
    """What the kernel says of LIMITED, on the version of control groups that this machine has."""
    device = probes.device_of(place.host, "/var/lib/lxc")
    if cgroup.probe(place.host).version["memory"] == 1:
        return {"memory.limit_in_bytes": str(96 << 20), "memory.memsw.limit_in_bytes": str(128 << 20), "cpu.cfs_quota_us": "50000",
                "cpu.shares": "512", "cpuset.cpus": "0", "blkio.throttle.read_bps_device": f"{device} {20 << 20}",
                "blkio.throttle.write_iops_device": f"{device} 400"}
    return {"memory.max": str(96 << 20), "memory.swap.max": str(32 << 20), "cpu.max": "50000 100000", "cpu.weight": "50", "cpuset.cpus": "0",
            "io.max": f"{device} rbps={20 << 20} wbps={20 << 20} riops=400 wiops=400"}


def test_limits_come_and_go_on_the_running_container(place: Place, bridge: str) -> None:
    place.converge(ONE)
    untouched = {setting: in_force(place, setting) for setting in expected(place)}
    before = place.pid(), place.started()
    result = place.converge(LIMITED)
    assert {entry["impact"] for entry in result.plan} == {"live"} and result.pending == []
    assert {setting: in_force(place, setting) for setting in expected(place)} == expected(place)
    back = place.converge(ONE)
    assert back.pending == [] and {setting: in_force(place, setting) for setting in expected(place)} == untouched
    assert (place.pid(), place.started()) == before


def test_limits_hold_from_the_start(place: Place, bridge: str) -> None:
    place.converge({**LIMITED, "state": "stopped"})
    assert place.converge({**LIMITED, "state": "running"}).pending == []
    assert {setting: in_force(place, setting) for setting in expected(place)} == expected(place)
    # One and the same limit, said in the other way.
    place.converge({**LIMITED, "cpus": {"limit": "2"}})
    result = place.converge({**LIMITED, "cpus": 2})
    assert {(entry["path"], entry["before"], entry["after"]) for entry in result.plan} == {("cpus.count", None, 2), ("cpus.limit", "2", None)}


class Connection:
    """A TCP connection to a program inside the container that sends back each line it is sent."""

    def __init__(self, place: Place, address: str) -> None:
        echo = "import socket\nc, _ = socket.create_server(('%s', 7)).accept()\nwhile True: c.sendall(c.recv(99) or exit())" % address
        # The container's network and processes, this machine's Python: the image has none.
        self.server = subprocess.Popen(["nsenter", "-t", str(place.pid()), "-n", "-p", "-u", "python3", "-c", echo])
        self.client = self._connect(address)

    def _connect(self, address: str) -> socket.socket:
        while True:
            assert self.server.poll() is None
            try:
                return socket.create_connection((address, 7), timeout=30)
            except ConnectionRefusedError:
                continue

    def answers(self) -> bool:
        """Whether what is sent comes back over the connection that was opened at first."""
        self.client.sendall(b"still there?\n")
        return self.client.recv(99) == b"still there?\n"

    def close(self) -> None:
        self.client.close()
        self.server.wait(timeout=30)


def test_a_connection_stays_open_while_everything_changes(place: Place, bridge: str) -> None:
    place.converge(ONE)
    before = place.pid(), place.started()
    connection = Connection(place, f"{SUBNET}.22")
    try:
        for declared in (OTHER, {**OTHER, "memory": "200MiB", "cpus": 2, "hostname": "third"}, ONE):
            result = place.converge(declared)
            assert {entry["impact"] for entry in result.plan} == {"live"} and result.pending == [], result.pending
            assert connection.answers() and (place.pid(), place.started()) == before
            assert place.inside("uname", "-n") == declared["hostname"]
            said = [address.partition("/")[0] for address in declared["nics"][0]["address"]]
            seen = place.run(declared, check=True).status["addresses"]
            assert set(seen) - {word for word in seen if word.startswith("fe80")} == set(said)
            lines = place.inside("cat", "/etc/resolv.conf").splitlines()
            assert lines == [*(f"search {word}" for word in declared.get("search", [])), *(f"nameserver {word}" for word in declared["dns"])]
            route = subprocess.run(["nsenter", "-t", str(place.pid()), "-n", "ip", "route", "show", "default"], capture_output=True, text=True, check=True)
            assert route.stdout.split()[:3] == ["default", "via", declared["nics"][0]["gateway"]]
    finally:
        connection.close()


def test_a_resolver_inside_is_told_of_new_name_servers(place: Place, bridge: str, tmp_path: Path) -> None:
    image = make_image(tmp_path, files={"bin/systemctl": "#!/bin/sh\necho \"$* $(cat /etc/systemd/resolved.conf.d/flotilla.conf | tr '\\n' ' ')\" >> /asked\n"})
    (tmp_path / "tree/etc/resolv.conf").symlink_to("../run/systemd/resolve/stub-resolv.conf")
    subprocess.run(["tar", "-cf", str(image), "-C", str(tmp_path / "tree"), "."], check=True)
    place.images["tiny"] = str(image)
    place.converge(ONE)
    place.converge({**ONE, "dns": ["10.0.0.9"], "search": ["example.com"]})
    # A container that runs: once for each run that changed something, and with what is to be read in place.
    assert place.inside("cat", "/asked").splitlines() == [
        "try-restart systemd-resolved.service [Resolve] DNS=10.0.0.9 Domains=example.com"]


def test_what_was_changed_live_needs_no_look_inside(place: Place, bridge: str) -> None:
    place.converge(ONE)
    place.converge(OTHER)
    place.wire.clear()
    assert not place.run(OTHER).changed
    assert not [call for call in place.wire.calls if "nsenter" in str(call)], "it is known to run as it is stored"


@pytest.mark.usefixtures("bridge")
@pytest.mark.parametrize(("earlier", "raw"), [(ONE, OTHER), (OTHER, ONE)], ids=["there", "back"])
def test_a_live_change_killed_anywhere_is_finished(place: Place, earlier: dict[str, Any], raw: dict[str, Any]) -> None:
    def with_network(documents: Any) -> Any:
        said = subprocess.run(["nsenter", "-t", str(place.pid()), "-n", "ip", "-br", "addr", "show", "eth0"], capture_output=True, text=True, check=True)
        # The order of addresses and the link's own one are not declared.
        return {**settled(documents), "network": " ".join(sorted(word for word in said.stdout.split()[2:] if not word.startswith("fe80")))}
    assert laws.assert_killed_runs_are_finished(fresh_of(place), PREFIX + "a", raw, [earlier], with_network) > 5


def test_a_password_of_root_is_hashed_and_changed_while_it_runs(place: Place, bridge: str) -> None:
    shadow = place.directory() / "rootfs/etc/shadow"
    first, other = "$6$salt$planted-one", "$6$salt$planted-other"
    place.converge({**ONE, "root_password": first})
    init = place.pid()
    assert first in shadow.read_text()
    result = place.converge({**ONE, "root_password": other})
    assert [(entry["path"], entry["impact"]) for entry in result.plan] == [("root_password", "live")]
    assert other in shadow.read_text() and place.pid() == init
    assert result.spec["root_password"] == {"keep": True} and not place.run({**ONE, "root_password": {"keep": True}}).changed
    assert "planted" not in str(result.plan) + str(result.diff()) + (place.directory() / "flotilla.json").read_text()


def test_the_order_of_starting(place: Place, bridge: str) -> None:
    laws.live_through(place, PREFIX + "a", [{**ONE, "autostart": True, "boot_order": 7}, {**ONE, "boot_order": 3}, ONE])
    place.converge({**ONE, "autostart": True, "boot_order": 1, "state": "stopped"}, name="a")
    place.converge({**ONE, "nics": [], "autostart": True, "boot_order": 5, "state": "stopped"}, name="b")
    listed = subprocess.run(["lxc-autostart", "-L", "-P", "/var/lib/lxc"], capture_output=True, text=True, check=True).stdout
    ours = [line.split()[0] for line in listed.splitlines() if line.startswith(PREFIX)]
    assert ours == [PREFIX + "b", PREFIX + "a"], "a higher number is earlier"


@pytest.fixture
def parent() -> Iterator[str]:
    """An interface of the host that containers share."""
    subprocess.run(["ip", "link", "add", "fltestmv0", "type", "veth", "peer", "name", "fltestmv1"], check=True)
    subprocess.run(["ip", "link", "set", "fltestmv0", "up"], check=True)
    try:
        yield "fltestmv0"
    finally:
        subprocess.run(["ip", "link", "del", "fltestmv0"], check=True)


def test_a_macvlan_interface(place: Place, bridge: str, parent: str) -> None:
    nic = {"name": "lan", "macvlan": parent, "address": f"{SUBNET}.40/24"}
    place.converge({**ONE, "nics": [nic]})

    def link() -> str:
        return subprocess.run(["nsenter", "-t", str(place.pid()), "-n", "ip", "-d", "addr", "show", "eth0"], capture_output=True, text=True, check=True).stdout
    assert "macvlan mode bridge" in link() and f"{SUBNET}.40/24" in link()
    result = place.converge({**ONE, "nics": [{**nic, "address": f"{SUBNET}.41/24"}]})
    assert [(entry["path"], entry["impact"]) for entry in result.plan] == [("nics[lan].address", "live")] and f"{SUBNET}.41/24" in link()
    laws.assert_adoption(place, PREFIX + "a")
    other = {**ONE, "nics": [{**nic, "macvlan_mode": "private"}]}
    assert "nics[lan].macvlan_mode" in [entry["path"] for entry in place.converge(other).pending]
    place.converge({**other, "on_change": "restart"})
    assert "macvlan mode private" in link()
    place.converge({**ONE, "nics": [{"name": "lan", "bridge": bridge, "address": f"{SUBNET}.40/24"}], "on_change": "restart"})
    assert "macvlan" not in link() and "macvlan" not in place.config()


@pytest.mark.parametrize("change,path", [
    ({"memory": {"swap": "1GiB"}}, "memory.swap"), ({"cpus": {"cpuset": "0-63"}}, "cpus.cpuset"), ({"cpus": {"shares": 1}}, "cpus.shares"),
    ({"cpus": {"count": 1, "limit": "2"}}, "cpus.limit"), ({"io": {"priority": 9}}, "io.priority"), ({"restart_policy": "always"}, "restart_policy"),
    ({"container_features": {"nfs": True}}, "container_features"), ({"nics": [{"name": "lan", "macvlan": "nosuchif"}]}, "nics[0].macvlan"),
    ({"nics": [{"name": "lan", "macvlan": "lo", "bridge": BRIDGE}]}, "nics[0]"), ({"environment": {"A B": "c"}}, "environment.A B"),
    ({"mounts": [{"target": "/x", "source": "/nonexistent"}]}, "mounts[0].source"), ({"mounts": [{"target": "/x", "type": "volume"}]}, "mounts[0].type"),
    ({"devices": [{"path": "/etc/passwd"}]}, "devices[0].path"), ({"capabilities": {"add": ["FLY"]}}, "capabilities.add[0]"),
    ({"id_mapping": {"first": 4000000000, "size": 65536}}, "id_mapping.first"), ({"privileged": False}, "privileged"),
])
def test_what_lxc_cannot_is_refused_with_its_place(place: Place, bridge: str, change: dict[str, Any], path: str) -> None:
    result = laws.assert_refused(place, PREFIX + "a", {**ONE, **change})
    assert path in [problem["path"] for problem in result.problems], result.msg
    assert not place.directory().exists()


def test_an_address_of_another_container_is_refused(place: Place, bridge: str) -> None:
    place.converge({**ONE, "state": "stopped"}, name="b")
    result = laws.assert_refused(place, PREFIX + "a", {**ONE, "nics": [{**NIC, "address": f"{SUBNET}.22/24"}]})
    assert "nics[0].address" in result.msg and PREFIX + "b" in result.msg


def test_one_that_was_removed_by_hand_is_made_again(place: Place, bridge: str) -> None:
    place.converge(ONE)
    subprocess.run(["lxc-destroy", "-f", "-n", PREFIX + "a"], check=True)
    result = place.converge(ONE)
    assert result.changed and place.pid() and not Path(place.directory() / "rootfs.partial").exists()
