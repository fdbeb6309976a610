# Copyright: (c) 2026, flotilla.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""cloud-init's files: what each option becomes, and how the user's own data is combined with it."""

from __future__ import annotations

import email
import json
from typing import Any, Dict, List

import pytest
from ansible_collections.flotilla.virt.plugins.module_utils._reconcile.cloudinit import HEADER, digest, render
from ansible_collections.flotilla.virt.plugins.module_utils._reconcile.errors import DeclarationError, Problem
from ansible_collections.flotilla.virt.plugins.module_utils._reconcile.grammar import CLOUD_INIT
from ansible_collections.flotilla.virt.plugins.module_utils._reconcile.schema import parse_value
from ansible_collections.flotilla.virt.plugins.module_utils._reconcile.secrets import Secret

MAC = "52:54:00:AA:00:01"
KEY = "ssh-ed25519 AAAA ops"


def seed(cloud_init: Dict[str, Any], nics: Any = ()) -> Dict[str, bytes]:
    return render(cloud_init, instance_id="iid-1", hostname="db1", nics=nics)


def config(cloud_init: Dict[str, Any]) -> Dict[str, Any]:
    text = seed(cloud_init)["user-data"].decode()
    assert text.startswith(HEADER)
    return json.loads(text[len(HEADER):])


def network(*nics: Dict[str, Any]) -> Dict[str, Any]:
    return json.loads(seed({}, nics)["network-config"])


def parts(cloud_init: Dict[str, Any]) -> List[Any]:
    message = email.message_from_bytes(seed(cloud_init)["user-data"])
    assert message.get_content_type() == "multipart/mixed"
    assert not message.defects
    return message.get_payload()


def problem(cloud_init: Dict[str, Any], nics: Any = ()) -> str:
    with pytest.raises(DeclarationError) as caught:
        seed(cloud_init, nics)
    return str(caught.value)


def test_meta_data_names_instance_and_host() -> None:
    assert json.loads(seed({})["meta-data"]) == {"instance-id": "iid-1", "local-hostname": "db1"}
    assert json.loads(seed({"hostname": "a.example"})["meta-data"])["local-hostname"] == "a.example"


def test_a_user_with_everything() -> None:
    user = {"name": "ops", "ssh_keys": [KEY], "groups": ["adm", "sudo"], "sudo": True, "shell": "/bin/bash",
            "hashed_password": Secret("$6$salt$hash")}
    expected = {"name": "ops", "ssh_authorized_keys": [KEY], "groups": ["adm", "sudo"], "shell": "/bin/bash",
                "sudo": "ALL=(ALL) NOPASSWD:ALL", "hashed_passwd": "$6$salt$hash", "lock_passwd": False}
    assert config({"users": [user]})["users"] == [expected]
    assert config({"users": {"ops": user}})["users"] == [expected]


def test_a_user_without_a_password_is_locked_and_has_no_sudo() -> None:
    assert config({"users": [{"name": "ops", "sudo": False}]})["users"] == [{"name": "ops", "lock_passwd": True}]
    assert config({"users": [{"name": "ops", "lock_password": False}]})["users"][0]["lock_passwd"] is False
    assert config({"users": [{"name": "ops", "sudo": "ALL=(root) /bin/ls"}]})["users"][0]["sudo"] == "ALL=(root) /bin/ls"


def test_keys_are_the_default_users() -> None:
    assert config({"ssh_keys": [KEY]})["ssh_authorized_keys"] == [KEY]
    both = config({"ssh_keys": [KEY], "users": [{"name": "ops"}]})
    assert [user if user == "default" else user["name"] for user in both["users"]] == ["default", "ops"]
    assert "users" not in config({})


def test_the_plain_options() -> None:
    made = config({"packages": ["nginx"], "timezone": "Europe/Zurich", "locale": "de_CH.UTF-8",
                   "run_commands": ["echo a", ["echo", "b"]],
                   "write_files": [{"path": "/etc/x", "content": Secret("s"), "permissions": "0600"}]})
    assert made["packages"] == ["nginx"] and made["package_update"] is True
    assert (made["timezone"], made["locale"]) == ("Europe/Zurich", "de_CH.UTF-8")
    assert made["runcmd"] == ["echo a", ["echo", "b"]]
    assert made["write_files"] == [{"path": "/etc/x", "content": "s", "permissions": "0600"}]


def test_user_data_as_dictionary_is_merged_and_the_user_wins() -> None:
    made = config({"packages": ["b"], "timezone": "UTC", "user_data": {"packages": ["a"], "timezone": "Asia/Tokyo", "x": {"y": 1}}})
    assert made["packages"] == ["a", "b"]
    assert made["timezone"] == "Asia/Tokyo"
    assert made["x"] == {"y": 1}


@pytest.mark.parametrize("text, kind", [
    ("#!/bin/sh\necho\n", "text/x-shellscript"), ("#cloud-config\na: 1\n", "text/cloud-config"),
    ("#cloud-config-archive\n- a\n", "text/cloud-config-archive"), ("#cloud-boothook\n", "text/cloud-boothook"),
    ("#include\nhttp://x\n", "text/x-include-url"), ("## template: jinja\n#cloud-config\n", "text/jinja2"),
])
def test_user_data_as_text_becomes_the_first_part(text: str, kind: str) -> None:
    own, ours = parts({"user_data": text + "# ü\n", "timezone": "UTC"})
    assert own.get_content_type() == kind
    assert own.get_payload(decode=True).decode() == text + "# ü\n"
    assert own["Merge-Type"] is None
    assert ours.get_content_type() == "text/cloud-config"
    assert json.loads(ours.get_payload(decode=True)[len(HEADER):])["timezone"] == "UTC"
    assert "no_replace" in ours["Merge-Type"]


def test_user_data_may_be_a_secret() -> None:
    assert parts({"user_data": Secret("#!/bin/sh\n")})[0].get_payload(decode=True) == b"#!/bin/sh\n"


def test_nics_are_matched_by_mac() -> None:
    made = network({"name": "lan", "mac": MAC, "address": "10.20.0.11/24", "gateway": "10.20.0.1", "dns": ["10.20.0.2"]},
                   {"mac": "52:54:00:aa:00:02"}, {"mac": "52:54:00:aa:00:03", "dhcp": False})
    assert made["version"] == 2
    assert made["ethernets"] == {
        "lan": {"match": {"macaddress": MAC.lower()}, "dhcp4": False, "addresses": ["10.20.0.11/24"],
                "routes": [{"to": "0.0.0.0/0", "via": "10.20.0.1"}], "nameservers": {"addresses": ["10.20.0.2"]}},
        "nic1": {"match": {"macaddress": "52:54:00:aa:00:02"}, "dhcp4": True},
        "nic2": {"match": {"macaddress": "52:54:00:aa:00:03"}, "dhcp4": False},
    }


def test_two_addresses_of_both_families() -> None:
    nic = network({"mac": MAC, "address": ["10.0.0.2/24", "fd00::2/64"], "gateway": ["10.0.0.1", "fd00::1"], "dhcp": True})
    made = nic["ethernets"]["nic0"]
    assert made["dhcp4"] is True
    assert made["addresses"] == ["10.0.0.2/24", "fd00::2/64"]
    assert [route["to"] for route in made["routes"]] == ["0.0.0.0/0", "::/0"]


def test_network_config_replaces_ours() -> None:
    own = {"version": 2, "ethernets": {}}
    for given in (own, {"network": own}):
        assert json.loads(seed({"network_config": given}, [{"mac": MAC}])["network-config"]) == own


@pytest.mark.parametrize("cloud_init, nics, place", [
    ({"user_data": "echo hello"}, [], "cloud_init.user_data"),
    ({"user_data": "{hello"}, [], "cloud_init.user_data"),
    ({"user_data": ["a"]}, [], "cloud_init.user_data"),
    ({"users": [{"name": "a"}, {"name": "b", "hashed_password": "secret"}]}, [], "cloud_init.users[1].hashed_password"),
    ({"users": [{"name": "a", "hashed_password": Secret(None)}]}, [], "cloud_init.users[0].hashed_password"),
    ({"write_files": [{"path": "/a", "permissions": 420}]}, [], "cloud_init.write_files[0].permissions"),
    ({"write_files": [{"path": "a"}]}, [], "cloud_init.write_files[0].path"),
    ({}, [{"address": "10.0.0.2/24"}], "nics[0].mac"),
    ({}, [{"mac": MAC}, {"mac": MAC, "address": "10.0.0.2"}], "nics[1].address"),
    ({}, [{"mac": MAC, "address": "10.0.0.300/24"}], "nics[0].address"),
    ({}, [{"mac": MAC, "gateway": "here"}], "nics[0].gateway"),
    ({}, [{"mac": MAC, "dns": ["8.8.8"]}], "nics[0].dns"),
])
def test_bad_input_is_named_by_its_path(cloud_init: Dict[str, Any], nics: Any, place: str) -> None:
    assert problem(cloud_init, nics).startswith(place + ": ")


def test_a_parsed_declaration_is_rendered_like_the_written_one() -> None:
    """What the grammar makes of the options (secrets, users by name) gives the same bytes."""
    written = {"users": [{"name": "ops", "ssh_keys": [KEY], "hashed_password": "$6$x"}], "packages": ["a"],
               "user_data": {"packages": ["b"], "nested": {"a": [1]}}, "network_config": {"version": 2, "ethernets": {}}}
    problems: List[Problem] = []
    parsed = parse_value(CLOUD_INIT, written, "cloud_init", problems)
    assert problems == []
    assert seed(parsed) == seed(written)


def test_user_data_is_not_repeated_in_an_error() -> None:
    for text in ("hunter2", "{hunter2"):
        assert "hunter2" not in problem({"user_data": Secret(text)})


def test_a_wrong_password_hash_is_not_repeated() -> None:
    assert "hunter2" not in problem({"users": [{"name": "a", "hashed_password": Secret("hunter2")}]})


def test_equal_input_gives_equal_bytes_and_digest() -> None:
    one = {"timezone": "UTC", "user_data": "#!/bin/sh\n", "locale": "C"}
    other = {"locale": "C", "user_data": "#!/bin/sh\n", "timezone": "UTC"}
    assert seed(one) == seed(other)
    assert digest(seed(one)) == digest(dict(reversed(list(seed(one).items()))))
    assert len(digest(seed(one))) == 12
    assert digest(seed(one)) != digest(seed({**one, "locale": "POSIX"}))


def test_digest_tells_names_from_contents() -> None:
    assert digest({"ab": b"c"}) != digest({"a": b"bc"})
