# Copyright: (c) 2026, flotilla.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The plugin as Ansible calls it, with the run of modules replaced by what hosts would answer."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

HOSTS = "hosts: {kvm1: {ansible_host: 192.0.2.11, ansible_user: ops}, kvm2: {ansible_connection: local}}\n"


class Reader:
    """The process that parses inventories."""

    def __init__(self) -> None:
        self.process = subprocess.Popen([sys.executable, str(Path(__file__).with_name("reader.py"))], text=True,
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE)

    def ask(self, request: Mapping[str, Any]) -> dict[str, Any]:
        assert self.process.stdin is not None and self.process.stdout is not None
        self.process.stdin.write(json.dumps(request) + "\n")
        self.process.stdin.flush()
        answer: dict[str, Any] = json.loads(self.process.stdout.readline())
        return answer


@pytest.fixture(scope="session")
def reader() -> Iterator[Reader]:
    found = Reader()
    yield found
    found.process.communicate()


class Ansible:
    """One inventory folder, and what its hosts answer by host and engine."""

    def __init__(self, reader: Reader, place: Path) -> None:
        self.reader = reader
        self.place = place
        self.said: dict[tuple[str, str], dict[str, Any]] = {}
        self.runs: list[list[str]] = []
        for host in ("kvm1", "kvm2"):
            for engine in ("kvm", "lxc", "podman"):
                self.has(host, engine)

    def has(self, host: str, engine: str, *items: Mapping[str, Any]) -> None:
        self.said[(host, engine)] = {"result": {"domains" if engine == "kvm" else "containers": list(items)}}

    def fails(self, host: str, engine: str, error: str, unreachable: bool = False) -> None:
        self.said[(host, engine)] = {"result": {}, "error": error, "unreachable": unreachable}

    def read(self, text: str, cache: bool = True, before: str = "") -> dict[str, Any]:
        sources = []
        if before:
            (self.place / "hosts.ini").write_text(before)
            sources.append(str(self.place / "hosts.ini"))
        path = self.place / "all.flotilla.yml"
        path.write_text("plugin: flotilla.virt.guests\n" + text)
        answers = [[host, engine, answer] for (host, engine), answer in self.said.items()]
        found = self.reader.ask({"sources": [*sources, str(path)], "cache": cache, "answers": answers})
        self.runs += found["runs"]
        return found

    def parse(self, text: str, cache: bool = True, before: str = "") -> dict[str, Any]:
        """Parses an inventory that is right."""
        found = self.read(text, cache, before)
        assert not found["error"], found["shown"]
        return found

    def refusal(self, text: str) -> str:
        """Parses one that is not, and returns what was shown; a failed source adds nothing."""
        found = self.read(text)
        assert found["error"] and "Traceback" not in found["shown"]
        return str(found["shown"])


@pytest.fixture
def ansible(reader: Reader, tmp_path: Path) -> Ansible:
    return Ansible(reader, tmp_path)


def guest(name: str, state: str = "running", fleet: str | None = None, **spec: Any) -> dict[str, Any]:
    return {"name": name, "spec": dict(spec, state=state), "status": {"fleet": fleet, "uuid": "uuid-of-" + name}}


def test_guests_of_two_hosts_with_their_groups(ansible: Ansible) -> None:
    ansible.has("kvm1", "kvm", guest("db1", fleet="shop", tags={"role": "db", "tier": "a-b"}))
    ansible.has("kvm2", "lxc", guest("web", "stopped"))
    ansible.has("kvm2", "podman", guest("app"))
    inventory = ansible.parse(HOSTS)
    assert sorted(inventory["hosts"]) == ["app", "db1", "kvm1", "kvm2", "web"]
    for group, names in {"engine_kvm": ["db1"], "engine_lxc": ["web"], "engine_podman": ["app"], "state_running": ["app", "db1"],
                         "state_stopped": ["web"], "host_kvm1": ["db1"], "host_kvm2": ["app", "web"], "fleet_shop": ["db1"], "tag_role_db": ["db1"],
                         "tag_tier_a_b": ["db1"]}.items():
        assert inventory["groups"][group] == names
    assert inventory["hosts"]["web"]["ansible_connection"] == "flotilla.virt.container"
    assert inventory["hosts"]["db1"]["flotilla_uuid"] == "uuid-of-db1"
    assert ansible.runs == [["kvm1", "kvm2"]]


def test_hosts_by_a_group_of_an_earlier_source(ansible: Ansible) -> None:
    ansible.has("kvm1", "kvm", guest("db1"))
    inventory = ansible.parse("hosts: [hypervisors]\n", before="[hypervisors]\nkvm1\nkvm2\n[other]\nx\n")
    assert inventory["groups"]["host_kvm1"] == ["db1"]
    assert ansible.runs == [["kvm1", "kvm2"]]


def test_hosts_that_no_earlier_source_has(ansible: Ansible) -> None:
    shown = ansible.refusal("hosts: [hypervisors]\n")
    assert "no host matches 'hypervisors'" in shown and "let the hosts' file come earlier" in shown


def test_an_unreachable_host_fails_the_source(ansible: Ansible) -> None:
    ansible.has("kvm1", "kvm", guest("db1"))
    ansible.said[("kvm2", "kvm")] = {"result": {}, "error": "connection refused", "unreachable": True}
    shown = ansible.refusal(HOSTS)
    assert "Cannot read the guests of kvm2: connection refused." in shown
    assert "ansible.builtin.ping kvm2" in shown and "on_error: warn" in shown and "Traceback" not in shown


def test_an_engine_that_is_missing_names_host_module_and_remedy(ansible: Ansible) -> None:
    ansible.said[("kvm1", "kvm")] = {"result": {}, "error": "libvirt's Python binding is not installed on this host"}
    shown = ansible.refusal(HOSTS)
    assert "the kvm guests of kvm1 with flotilla.virt.domain_info: libvirt's Python binding" in shown
    assert "leave kvm out of engines" in shown


def test_a_host_without_an_answer_is_an_error_too(ansible: Ansible) -> None:
    del ansible.said[("kvm2", "lxc")]
    shown = ansible.refusal(HOSTS)
    assert "the lxc guests of kvm2" in shown


def test_on_error_warn_goes_on_and_is_never_cached(ansible: Ansible, tmp_path: Path) -> None:
    ansible.has("kvm1", "kvm", guest("db1"))
    kvm2 = ansible.said.pop(("kvm2", "kvm"))
    text = HOSTS + "on_error: warn\n" + cached(tmp_path)
    found = ansible.parse(text)
    assert "db1" in found["hosts"] and "guests of kvm2" in found["shown"]
    ansible.said[("kvm2", "kvm")] = kvm2
    ansible.parse(text)
    assert len(ansible.runs) == 2


def cached(place: Path) -> str:
    return "cache: true\ncache_plugin: ansible.builtin.jsonfile\ncache_connection: %s/kept\n" % place


def test_the_cache_serves_the_same_inventory_without_asking(ansible: Ansible, tmp_path: Path) -> None:
    ansible.has("kvm1", "kvm", guest("db1", fleet="shop", tags={"role": "db"}))
    first = ansible.parse(HOSTS + cached(tmp_path))
    ansible.has("kvm1", "kvm")
    second = ansible.parse(HOSTS + cached(tmp_path))
    assert len(ansible.runs) == 1
    assert second["hosts"]["db1"] == first["hosts"]["db1"]
    assert second["groups"]["tag_role_db"] == ["db1"]
    assert "db1" not in ansible.parse(HOSTS + cached(tmp_path), cache=False)["hosts"]
    assert "db1" not in ansible.parse(HOSTS + cached(tmp_path))["hosts"]


def test_a_cache_of_other_hosts_is_not_used(ansible: Ansible, tmp_path: Path) -> None:
    ansible.parse(HOSTS + cached(tmp_path))
    ansible.parse("hosts: {kvm1: {}}\n" + cached(tmp_path))
    assert ansible.runs == [["kvm1", "kvm2"], ["kvm1"]]


@pytest.mark.parametrize(("option", "expected"), [
    ("names: ['web-*']", ["web-1", "web-2"]),
    ("fleets: [shop]", ["db1", "web-1"]),
    ("states: [running]", ["db1", "web-1"]),
    ("states: [running]\nnames: ['web-?']", ["web-1"]),
])
def test_filters(option: str, expected: list[str], ansible: Ansible) -> None:
    ansible.has("kvm1", "kvm", guest("db1", fleet="shop"), guest("web-1", fleet="shop"), guest("web-2", "stopped", fleet="blog"))
    assert sorted(set(ansible.parse(HOSTS + option + "\n")["hosts"]) - {"kvm1", "kvm2"}) == expected


def test_constructed_options(ansible: Ansible) -> None:
    ansible.has("kvm1", "kvm", guest("db1", os={"variant": "debian12"}))
    inventory = ansible.parse(HOSTS + "compose: {nick: flotilla_name ~ '!'}\ngroups: {on_kvm1: flotilla_host == 'kvm1'}\n"
                              "keyed_groups: [{key: flotilla_spec.os.variant, prefix: os}]\n")
    assert inventory["hosts"]["db1"]["nick"] == "db1!"
    assert inventory["groups"]["on_kvm1"] == ["db1"] and inventory["groups"]["os_debian12"] == ["db1"]


def test_strict_composition_fails(ansible: Ansible) -> None:
    ansible.has("kvm1", "kvm", guest("db1"))
    assert "nick" not in ansible.parse(HOSTS + "compose: {nick: nothing_of_that_name}\n")["hosts"]["db1"]
    shown = ansible.refusal(HOSTS + "strict: true\ncompose: {nick: nothing_of_that_name}\n")
    assert "nick" in shown


def test_one_name_on_two_hosts_is_an_error_that_names_both(ansible: Ansible) -> None:
    ansible.has("kvm1", "kvm", guest("web"))
    ansible.has("kvm2", "lxc", guest("web"))
    shown = ansible.refusal(HOSTS)
    assert "the inventory name web: one of kvm on kvm1, one of lxc on kvm2" in shown and "{name}.{host}" in shown
    inventory = ansible.parse(HOSTS + "inventory_name: '{name}.{host}'\n")
    assert {"web.kvm1", "web.kvm2"} <= set(inventory["hosts"])
    assert inventory["hosts"]["web.kvm2"]["flotilla_name"] == "web"


def test_a_guest_with_the_name_of_its_host_is_an_error(ansible: Ansible) -> None:
    ansible.has("kvm1", "kvm", guest("kvm2"))
    shown = ansible.refusal(HOSTS)
    assert "the guest kvm2 of kvm1 has the inventory name of a host" in shown


@pytest.mark.parametrize(("text", "expected"), [
    ("inventory_name: '{host}'", "must hold {name}"),
    ("inventory_name: '{name.__class__}'", "must hold {name}"),
    ("inventory_name: '{name'", "is no form"),
    ("hosts: 5", "hosts: must be a list"),
    ("hosts: {kvm1: [a]}", "hosts.kvm1: must be a dictionary"),
    ("uris: {kvm1: nothing}", "uris.kvm1: 'nothing' is no libvirt URI"),
    ("engines: [vmware]", "vmware"),
    ("fleet_files: [none.yml]", "fleet_files: there is no file"),
])
def test_wrong_options(text: str, expected: str, ansible: Ansible) -> None:
    shown = ansible.refusal((HOSTS if "hosts:" not in text else "") + text + "\n")
    assert expected in shown


def test_text_of_a_guest_is_never_a_template(ansible: Ansible) -> None:
    ansible.has("kvm1", "kvm", guest("db1", description="{{ lookup('pipe', 'id') }}"))
    inventory = ansible.parse(HOSTS + "compose: {copy: flotilla_spec.description}\n")
    said = inventory["hosts"]["db1"]
    assert said["flotilla_spec"]["description"] == "{{ lookup('pipe', 'id') }}" == said["copy"]


def test_declared_guests_that_do_not_exist_yet(ansible: Ansible, tmp_path: Path) -> None:
    ansible.has("kvm1", "kvm", guest("db1", fleet="shop"))
    (tmp_path / "shop.yml").write_text("""
fleet:
  name: shop
  hosts: {kvm1: {}, kvm2: {}}
  profiles: {web: {engine: lxc, tags: {role: web}}}
  guests:
    - {name: db1}
    - {name: db2, host: kvm1, tags: {role: db}}
    - {name: web, count: 2, profile: web, memory: "{{ unknown_here }}"}
    - {name: far, host: kvm9}
    - {name: gone, state: absent}
""")
    inventory = ansible.parse(HOSTS + "fleet_files: [shop.yml]\n")
    states = {name: host.get("flotilla_state") for name, host in inventory["hosts"].items()}
    assert states == {"kvm1": None, "kvm2": None, "db1": "running", "db2": "planned", "web-1": "planned", "web-2": "planned",
                      "far": "unknown"}
    assert inventory["groups"]["state_planned"] == ["db2", "web-1", "web-2"]
    assert inventory["groups"]["tag_role_web"] == ["web-1", "web-2"] == inventory["groups"]["engine_lxc"]
    assert inventory["groups"]["host_kvm1"] == ["db1", "db2"]


def test_a_guest_that_is_to_be_renamed_is_shown_under_its_present_name(ansible: Ansible, tmp_path: Path) -> None:
    ansible.has("kvm1", "kvm", guest("old", fleet="shop"), guest("web-1", fleet="shop"))
    (tmp_path / "shop.yml").write_text("fleet: {name: shop, hosts: [kvm1], guests: [{name: db, was: old}, {name: front, count: 2, was: web}]}")
    inventory = ansible.parse(HOSTS + "fleet_files: [shop.yml]\n")
    assert set(inventory["hosts"]) == {"kvm1", "kvm2", "old", "web-1", "front-2"}


def test_what_was_not_read_is_not_called_planned(ansible: Ansible, tmp_path: Path) -> None:
    ansible.said[("kvm2", "kvm")] = {"result": {}, "error": "no", "unreachable": True}
    (tmp_path / "shop.yml").write_text("fleet: {name: shop, guests: [{name: a}, {name: b, host: kvm1}, {name: c, host: kvm2}]}")
    inventory = ansible.parse(HOSTS + "on_error: warn\nfleet_files: [shop.yml]\n")
    assert inventory["groups"]["state_unknown"] == ["a", "c"] and inventory["groups"]["state_planned"] == ["b"]


@pytest.mark.parametrize(("content", "expected"), [
    ("other: 1", "has no dictionary `fleet`"),
    ("fleet: {guests: []}", "fleet.name: is required"),
    ("fleet: {name: s, guests: {a: 1}}", "fleet.guests: must be a list"),
    ("fleet: {name: s, guests: [{count: 2}]}", "fleet.guests[0].name: is required"),
    ("fleet: {name: s, guests: [{name: a, count: many}]}", "fleet.guests[0].count"),
    ("fleet: {name: s, guests: [{name: a, count: '{{ nowhere }}'}]}", "fleet.guests[0].count: its template cannot be resolved"),
    ("fleet: {name: s, guests: [{name: a, profile: p}]}", "its profile p is not declared"),
])
def test_wrong_fleet_files(content: str, expected: str, ansible: Ansible, tmp_path: Path) -> None:
    (tmp_path / "shop.yml").write_text(content)
    shown = ansible.refusal(HOSTS + "fleet_files: [shop.yml]\n")
    assert expected in shown


def test_names_of_configuration_files(reader: Reader, tmp_path: Path) -> None:
    expected = {"flotilla.yml": True, "a.flotilla.yaml": True, "myflotilla.yml": False, "hosts.yml": False}
    for name in expected:
        (tmp_path / name).write_text("plugin: flotilla.virt.guests\n")
    found = reader.ask({"verify": [str(tmp_path / name) for name in [*expected, "no.flotilla.yml"]]})["fits"]
    assert {Path(path).name: fits for path, fits in found.items()} == {**expected, "no.flotilla.yml": False}


KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOMqqnkVzrm0SdG6UOoqKLsabgH5C9okWi0dh2l9GKJl"


def with_key(name: str, key: str = KEY) -> dict[str, Any]:
    item = guest(name)
    item["status"]["host_keys"] = [key]
    return item


def test_known_hosts_beside_the_inventory(ansible: Ansible) -> None:
    ansible.has("kvm1", "kvm", with_key("db1"), guest("quiet"), with_key("liar", "* " + KEY))
    ansible.has("kvm2", "lxc", with_key("web"))
    found = ansible.parse(HOSTS + "known_hosts: ssh/known\n")["hosts"]
    written = (ansible.place / "ssh/known").read_text().splitlines()[1:]
    assert written == ["db1 " + KEY, "web " + KEY]
    assert found["db1"]["flotilla_host_keys"] == [KEY] and found["quiet"]["flotilla_host_keys"] == found["liar"]["flotilla_host_keys"] == []
    assert "HostKeyAlias=db1" in found["db1"]["ansible_ssh_common_args"] and str(ansible.place / "ssh/known") in found["db1"]["ansible_ssh_common_args"]
    assert "ansible_ssh_common_args" not in found["quiet"] and "ansible_ssh_common_args" not in found["liar"]


def test_known_hosts_of_a_cached_reading(ansible: Ansible) -> None:
    ansible.has("kvm1", "kvm", with_key("db1"))
    text = HOSTS + cached(ansible.place) + "known_hosts: known\n"
    ansible.parse(text)
    (ansible.place / "known").unlink()
    ansible.parse(text)
    assert len(ansible.runs) == 1 and "db1 " + KEY in (ansible.place / "known").read_text()


def test_known_hosts_that_cannot_be_written(ansible: Ansible) -> None:
    (ansible.place / "file").touch()
    assert "known_hosts: cannot write" in ansible.refusal(HOSTS + "known_hosts: file/known\n")


def test_known_hosts_in_a_directory_of_inventories(ansible: Ansible) -> None:
    """As the example in the documentation has it: the file is no inventory."""
    ansible.has("kvm1", "kvm", with_key("db1"))
    folder = ansible.place / "inventory"
    folder.mkdir()
    (folder / "guests.flotilla.yml").write_text("plugin: flotilla.virt.guests\nknown_hosts: known_hosts.txt\n" + HOSTS)
    answers = [[host, engine, answer] for (host, engine), answer in ansible.said.items()]
    for _turn in range(2):
        found = ansible.reader.ask({"sources": [str(folder)], "cache": False, "answers": answers})
        assert not found["error"] and not found["shown"], found["shown"]
        assert "db1 " + KEY in (folder / "known_hosts.txt").read_text() and "db1" in found["hosts"]
