# Copyright: (c) 2026, flotilla.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is said of one guest, and the way to it."""

from __future__ import annotations

import shlex

import pytest

from ansible_collections.flotilla.virt.plugins.plugin_utils import _guests, _jump
from ansible_collections.flotilla.virt.plugins.plugin_utils._guests import Source, guest_of

MAC = "52:54:00:00:00:01"
REMOTE = Source("kvm1", remote=True, ssh_args="-o ProxyJump=ops@192.0.2.11", networks={"lab": "nat", "prod": "bridge"})


def domain(addresses: list[dict[str, str]], network: str = "lab") -> dict[str, object]:
    return {"name": "db1", "spec": {"state": "running", "tags": {"role": "db"}, "nics": [{"name": "lan", "network": network, "mac": MAC}]},
            "status": {"state": "running", "fleet": "shop", "uuid": "u-1", "pending": [{"path": "cpus.maximum"}], "addresses": addresses}}


def address(text: str, source: str = "agent", mac: str = MAC) -> dict[str, str]:
    return {"address": text, "mac": mac, "source": source}


def test_variables_and_groups_of_a_domain() -> None:
    guest = guest_of(domain([address("10.30.0.5")]), "kvm", Source("kvm1"))
    said = guest.variables
    assert said["ansible_host"] == "10.30.0.5"
    assert "ansible_connection" not in said and "ansible_ssh_common_args" not in said
    assert (said["flotilla_name"], said["flotilla_engine"], said["flotilla_host"]) == ("db1", "kvm", "kvm1")
    assert (said["flotilla_state"], said["flotilla_fleet"], said["flotilla_uuid"]) == ("running", "shop", "u-1")
    assert said["flotilla_tags"] == {"role": "db"} and said["flotilla_pending"] == [{"path": "cpus.maximum"}]
    assert guest.groups() == ["state_running", "engine_kvm", "host_kvm1", "fleet_shop", "tag_role_db"]


def test_a_container_is_entered_through_its_engine_and_its_state_is_the_grammars() -> None:
    item = {"name": "web", "spec": {"state": "running"}, "status": {"state": "RUNNING", "addresses": ["fe80::1", "10.20.0.21"]}}
    guest = guest_of(item, "lxc", Source("kvm1"))
    assert guest.variables["ansible_connection"] == "flotilla.virt.container"
    assert guest.variables["ansible_host"] == "10.20.0.21"
    assert guest.state == "running" and guest.fleet == ""
    assert guest.groups() == ["state_running", "engine_lxc", "host_kvm1"]


def test_a_guest_without_an_address_has_no_ansible_host() -> None:
    assert "ansible_host" not in guest_of(domain([]), "kvm", REMOTE).variables


def test_an_address_behind_a_remote_host_is_reached_by_a_jump() -> None:
    said = guest_of(domain([address("10.30.0.5")]), "kvm", REMOTE).variables
    assert said["ansible_host"] == "10.30.0.5" and said["ansible_ssh_common_args"] == REMOTE.ssh_args


def test_an_address_on_a_bridge_is_reached_directly() -> None:
    said = guest_of(domain([address("10.20.0.5")], network="prod"), "kvm", REMOTE).variables
    assert said["ansible_host"] == "10.20.0.5" and "ansible_ssh_common_args" not in said


def test_a_remote_guest_with_both_is_reached_without_the_jump() -> None:
    item = domain([address("10.30.0.5"), address("10.20.0.5", mac="52:54:00:00:00:02")])
    item["spec"]["nics"].append({"name": "prod", "network": "prod", "mac": "52:54:00:00:00:02"})  # type: ignore[index]
    said = guest_of(item, "kvm", REMOTE).variables
    assert said["ansible_host"] == "10.20.0.5" and "ansible_ssh_common_args" not in said


@pytest.mark.parametrize(("source", "jumps"), [("lease", True), ("arp", False), ("agent", False)])
def test_without_knowing_the_network_only_a_lease_says_that_it_is_the_hosts_own(source: str, jumps: bool) -> None:
    said = guest_of(domain([address("10.30.0.5", source)], network="other"), "kvm", REMOTE).variables
    assert ("ansible_ssh_common_args" in said) is jumps


def test_what_is_no_usable_address_never_becomes_a_variable() -> None:
    told = ["{{ lookup('pipe', 'id') }}", "127.0.0.1", "fe80::5054", "::1", "169.254.1.1", "", None, "2001:db8::5", "10.0.0.9/24"]
    assert [entry["address"] for entry in _guests.usable(told)] == ["10.0.0.9", "2001:db8::5"]


def test_a_jump_is_a_proxy_jump_where_that_is_enough() -> None:
    variables = {"ansible_host": "192.0.2.11", "ansible_user": "ops", "ansible_port": 2222}
    assert _jump.through_host("kvm1", variables) == "-o ProxyJump=ops@192.0.2.11:2222"
    assert _jump.through_host("kvm1", {}) == "-o ProxyJump=kvm1"
    assert _jump.through_host("kvm1", {"ansible_host": "2001:db8::1"}) == "-o 'ProxyJump=[2001:db8::1]'"


def test_a_host_with_a_key_and_options_of_its_own_gets_a_proxy_command() -> None:
    variables = {"ansible_host": "192.0.2.11", "ansible_user": "ops", "ansible_ssh_private_key_file": "/keys/my key",
                 "ansible_ssh_common_args": "-o ProxyJump=bastion -o ControlPath=/tmp/%C"}
    option, value = shlex.split(_jump.through_host("kvm1", variables))
    name, command = value.split("=", 1)
    assert (option, name) == ("-o", "ProxyCommand")
    assert shlex.split(command) == ["ssh", "-W", "[%h]:%p", "-o", "ProxyJump=bastion", "-o", "ControlPath=/tmp/%%C",
                                    "-i", "/keys/my key", "-l", "ops", "192.0.2.11"]


@pytest.mark.parametrize(("variables", "checks"), [({}, False), ({"ansible_host_key_checking": "false"}, True),
                                                   ({"ansible_ssh_host_key_checking": False}, True)])
def test_a_jump_checks_host_keys_where_ansible_does(variables: dict[str, object], checks: bool) -> None:
    assert "StrictHostKeyChecking=no" in _jump.through_host("kvm1", variables, checks_keys=checks)
    assert "StrictHostKeyChecking" not in _jump.through_host("kvm1", {"ansible_host_key_checking": True}, checks_keys=checks)


def test_no_jump_through_what_is_not_reached_by_ssh() -> None:
    assert _jump.through_host("kvm1", {"ansible_connection": "community.docker.docker"}) == ""
    assert _jump.is_remote({"ansible_connection": "local"}) is False
    assert _jump.is_remote({}) is True


@pytest.mark.parametrize(("uri", "args"), [
    ("qemu+ssh://root@kvm1/system", "-o ProxyJump=root@kvm1"),
    ("qemu+ssh://kvm1:2222/system", "-o ProxyJump=kvm1:2222"),
    ("qemu+tls://kvm1/system", ""),
    ("qemu:///system", ""),
])
def test_a_jump_from_a_libvirt_uri(uri: str, args: str) -> None:
    assert _jump.through_uri(uri) == args


def test_a_libvirt_uri_with_a_key() -> None:
    assert "-i /k" in _jump.through_uri("qemu+ssh://root@kvm1/system?keyfile=/k")
