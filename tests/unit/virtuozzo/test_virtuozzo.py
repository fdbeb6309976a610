# Copyright: (c) 2026, flotilla.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What needs no node: the recorded JSON of prlctl read as the grammar says it, the words that are sent, exit codes and texts."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.flotilla.virt.plugins.module_utils._containers.engines import DRIVERS, engines_here
from ansible_collections.flotilla.virt.plugins.module_utils._containers.host import LocalHost, Result
from ansible_collections.flotilla.virt.plugins.module_utils._containers.virtuozzo import command, declare, devices, driver, grammar, read, table
from ansible_collections.flotilla.virt.plugins.module_utils._reconcile import schema
from ansible_collections.flotilla.virt.plugins.module_utils._reconcile.annotation import Annotation
from ansible_collections.flotilla.virt.plugins.module_utils._reconcile.errors import EngineError
from ansible_collections.flotilla.virt.plugins.module_utils._reconcile.fleet.engine import HostFacts, choose
from ansible_collections.flotilla.virt.plugins.module_utils._reconcile.fleet.model import Guest
from ansible_collections.flotilla.virt.plugins.module_utils._reconcile.grammar import parse_guest
from ansible_collections.flotilla.virt.plugins.plugin_utils._guests import Source, guest_of

CONTRACTS = Path(__file__).parents[2] / "vznode/contracts"
WARNING = "WARNING: You are using a deprecated CLI component that will be dropped in the next major release. Please use virsh instead\n"
CT1, VM1 = "6d1d0b0e-0a1b-4c2d-8e3f-0123456789ab", "8f3f2d20-2c3d-4e4f-a051-23456789abcd"
CT2, VM2 = "7e2e1c1f-1b2c-4d3e-9f40-123456789abc", "90403e31-3d4e-4f50-b162-3456789abcde"


def recorded(name: str) -> list[dict[str, Any]]:
    """Recorded steps."""
    return [json.loads(line) for line in (CONTRACTS / f"{name}.jsonl").read_text().splitlines()]


class Says(LocalHost):
    """A host with prlctl, which says something; nothing else is there. `calls` are the argument lists."""

    def __init__(self, out: str = "", rc: int = 0, err: str = "", files: dict[str, str] | None = None) -> None:
        self.result = Result(rc, out, err)
        self.files = files or {}
        self.calls: list[list[str]] = []

    def run(self, argv: Any, stdin: str | None = None, timeout: float | None = None) -> Result:
        self.calls.append(list(argv))
        return self.result

    def exists(self, path: str) -> bool:
        return path in command.PLACES or path in self.files

    def list_dir(self, path: str) -> list[str]:
        return sorted(name.rpartition("/")[2] for name in self.files if name.rpartition("/")[0] == path)

    def read_files(self, paths: Any) -> dict[str, str]:
        return {path: self.files[path] for path in paths if path in self.files}


def step(scenario: str, number: int = 1) -> dict[str, Any]:
    """One recorded step."""
    return next(each for each in recorded("prlctl-format") if (each["scenario"], each["step"]) == (scenario, number))


def node(scenario: str, files: dict[str, str] | None = None) -> dict[str, read.Guest]:
    """The node that `prlctl list -i -j` of a scenario shows."""
    host = Says(step(scenario)["stdout"], files=files)
    return read.read_node(host, command.Prlctl(host))


def specs(scenario: str, files: dict[str, str] | None = None) -> dict[str, dict[str, Any]]:
    """Its guests as the grammar says them, rendered."""
    found = read.by_name(node(scenario, files))
    return {name: schema.render_spec(driver.OPTIONS, grammar.stored_spec(item)) for name, item in found.items()}


# -- reading ----------------------------------------------------------------------------------------------------------

def test_the_recorded_containers_are_read() -> None:
    found = specs("info-json/several")
    assert sorted(found) == ["db1", "vm two", "vm1", "web1"]
    assert found["web1"] == {
        "state": "running", "vmtype": "ct", "cpus": {"count": 2, "limit": "0.5", "shares": 1000}, "memory": {"size": "512MiB"},
        "io": {"limit": "0B", "priority": 4}, "hostname": "web1.example.com", "dns": ["192.0.2.53"], "autostart": True,
        "disks": [{"name": "root", "size": "10GiB"}], "nics": [{"name": "venet0", "type": "venet", "address": "192.0.2.10"}]}
    assert found["db1"] == {
        "state": "stopped", "vmtype": "ct", "cpus": {"cpuset": "0-1", "shares": 1000}, "memory": {"size": "1GiB"},
        "io": {"limit": "0B", "iops": 300, "priority": 4}, "hostname": "db1.example.com", "dns": ["192.0.2.53", "192.0.2.54"],
        "search": ["example.com", "example.org"], "autostart": False,
        "disks": [{"name": "root", "size": "20GiB"}],
        "nics": [{"name": "venet0", "type": "venet", "address": ["192.0.2.11", "192.0.2.12", "2001:db8::11"]},
                 {"name": "eth0", "type": "veth", "network": "Bridged", "mac": "00:1c:42:aa:bb:03", "address": "198.51.100.5/24",
                  "gateway": "198.51.100.1"}]}


def test_the_recorded_virtual_machines_are_read() -> None:
    found = specs("info-json/several")
    assert found["vm1"] == {
        "state": "running", "vmtype": "vm", "cpus": {"count": 2, "shares": 1000}, "memory": {"size": "2GiB"}, "io": {"limit": "0B", "priority": 4},
        "autostart": True, "disks": [{"name": "root", "size": "64GiB"}], "media": [{"name": "cdrom0", "file": "/vz/vmprivate/iso/cd.iso"}],
        "nics": [{"name": "net0", "network": "Bridged", "mac": "00:1c:42:aa:bb:04"}]}
    # A limit in MHz is none that the grammar has: it stays unsaid.
    assert "limit" not in found["vm two"]["cpus"] and found["vm two"]["cpus"]["count"] == 4 and "media" not in found["vm two"]


def test_every_recorded_spec_is_a_valid_declaration() -> None:
    for scenario in ("info-json/several", "info-json/ct-running", "info-json/ct-stopped", "info-json/vm-stopped", "values/limits",
                     "values/limits-more"):
        for name, spec in specs(scenario).items():
            problems: list[Any] = []
            parsed = parse_guest(spec, "virtuozzo", "", problems)
            assert problems == [] and not schema.problems_of_engine(driver.OPTIONS, parsed, "virtuozzo", ""), (scenario, name)


def test_every_recorded_list_is_read_and_text_keeps_its_control_characters() -> None:
    read_lists = 0
    for each in recorded("prlctl-format"):
        if each["argv"][:4] == ["prlctl", "list", "-i", "-j"] and each["rc"] == 0:
            guests = command.Prlctl(Says(each["stdout"])).guests()
            assert len(guests) == each["stdout"].count('\t\t"ID": "')
            read_lists += 1
    assert read_lists >= 8
    [guest] = command.Prlctl(Says(step("text/description", 3)["stdout"])).guests()
    assert guest["Description"] == 'say "hi" \\ back\ttab new'


def test_keys_that_other_versions_lack_are_not_needed() -> None:
    bare = json.dumps([{"ID": "{%s}" % CT1, "Type": "CT", "State": "stopped"}, {"ID": VM1, "Name": "vm1", "Type": "VM", "Hardware": {}}])
    host = Says(bare)
    found = read.read_node(host, command.Prlctl(host))
    assert grammar.stored_spec(found[CT1]) == {"state": "stopped", "vmtype": "ct", "autostart": False, "nics": {}}
    assert found[CT1].name == CT1 and found[VM1].kind == "vm"


def test_swap_is_read_from_the_configuration_file() -> None:
    files = {f"/etc/vz/conf/{CT1}.conf": 'SWAPPAGES="16384:16384"\n'}
    assert specs("info-json/several", files)["web1"]["memory"] == {"size": "512MiB", "swap": "64MiB"}
    assert "swap" not in specs("info-json/several", {f"/etc/vz/conf/{CT1}.conf": 'SWAPPAGES="unlimited"\n'})["web1"]["memory"]


def test_a_guest_is_found_by_name_number_and_id() -> None:
    found = node("info-json/several")
    assert read.by_id("101", found) is found[CT1] and read.by_id(VM1.upper(), found) is found[VM1] and read.by_id("999", found) is None
    host = Says(step("info-json/several")["stdout"])
    assert sorted(driver.VirtuozzoDriver(host).read(["web1", "102", VM2, "absent"])) == sorted(["102", VM2, "web1"])
    assert host.calls == [["prlctl", "list", "-i", "-j", "--vmtype", "all"]]


def test_notes_name_devices_and_a_note_alone_is_a_guest_that_was_begun() -> None:
    note = Annotation(fleet="shop", created=True, facts={
        "name": "db1", "made": True, "tags": {"role": "db"},
        "nics": {"wan": {"type": "venet"}, "lan": {"mac": "00:1c:42:aa:bb:03", "device": "net7"}}})
    begun = Annotation(fleet="shop", created=True, facts={"name": "new1", "vmtype": "vm", "id": "11111111-2222-3333-4444-555555555555"})
    files = {f"{read.NOTES}/{CT2}.json": note.to_json(), f"{read.NOTES}/11111111-2222-3333-4444-555555555555.json": begun.to_json()}
    found = read.by_name(node("info-json/several", files))
    assert list(grammar.stored_spec(found["db1"])["nics"]) == ["wan", "lan"] and grammar.stored_spec(found["db1"])["tags"] == {"role": "db"}
    assert found["new1"].is_begun and found["new1"].kind == "vm" and not found["db1"].is_begun


def test_of_two_guests_with_one_name_both_are_told() -> None:
    text = json.dumps([{"ID": CT1, "Name": "web", "Type": "CT"}, {"ID": CT2, "Name": "web", "Type": "CT"},
                       {"ID": VM1, "Name": "t", "Template": "yes"}])
    host = Says(text)
    assert set(read.by_name(read.read_node(host, command.Prlctl(host)))) == {"web", CT2}


# -- the words --------------------------------------------------------------------------------------------------------

@pytest.mark.parametrize("pattern, value, words", [
    ("cpus.count", 2, ["--cpus", "2"]), ("cpus.limit", "1.5", ["--cpulimit", "150"]), ("cpus.limit", None, ["--cpulimit", "0"]),
    ("cpus.shares", 500, ["--cpuunits", "500"]), ("cpus.cpuset", "0-1", ["--cpumask", "0-1"]), ("cpus.cpuset", None, ["--cpumask", "all"]),
    ("memory.size", 536870912, ["--memsize", "512M"]), ("memory.swap", 67108864, ["--swappages", "16384"]), ("memory.swap", 0, ["--swappages", "0"]),
    ("io.limit", 524288, ["--iolimit", "512K"]), ("io.limit", 10485760, ["--iolimit", "10M"]), ("io.limit", 2 << 30, ["--iolimit", "2G"]),
    ("io.limit", 0, ["--iolimit", "0"]),
    ("dns", ["192.0.2.1", "192.0.2.2"], ["--nameserver", "192.0.2.1 192.0.2.2"]),
    ("dns", None, []), ("hostname", None, []), ("autostart", False, ["--autostart", "off"]),
])
def test_what_is_sent(pattern: str, value: Any, words: list[str]) -> None:
    assert table.words_of(table.BY_PATTERN[pattern], value) == words


@pytest.mark.parametrize("want, have, text", [
    ({"nfs": True}, {}, "nfs:on"), ({}, {"nfs": True}, "nfs:off"),
    ({"sit": True, "nfs": False}, {"nfs": True}, "nfs:off,sit:on"), ({"nfs": True}, {"nfs": True}, ""),
    ({"nfs": False}, {}, ""),
])
def test_only_features_that_differ_are_sent(want: dict[str, bool], have: dict[str, bool], text: str) -> None:
    assert table.features_text(want, have) == text and table.same_features(want, have) == (not text)


@pytest.mark.parametrize("word, value", [("512Mb", 536870912), ("0Mb", 0), ("10G", None), ("10Gb", 10737418240), ("128Kb", 131072), ("", None)])
def test_sizes_carry_units(word: str, value: int | None) -> None:
    assert table.size(word) == value


def test_everything_that_may_be_sent_is_taken_by_the_recorded_parser() -> None:
    """Each option that the recording shows as refused for an action is none that the driver may send with it."""
    for each in recorded("prlctl-parser"):
        if "Unrecognized option: --" in each["stderr"]:
            option = each["stderr"].split("Unrecognized option: ")[1].split()[0]
            assert option not in command.USES.get((each["argv"][0], each["argv"][1]), ()), each["argv"]


def test_new_addresses_come_before_old_ones_go() -> None:
    item = node("info-json/several")[CT2]
    noted = {"wan": {"type": "venet"}, "lan": {"mac": "00:1c:42:aa:bb:03"}}
    acts = devices.nic_acts(item, "wan", {"name": "wan", "type": "venet", "address": ["192.0.2.12", "192.0.2.77"]}, noted, "db1")
    assert [list(act.words) for act in acts] == [["--ipadd", "192.0.2.77"], ["--ipdel", "192.0.2.11"], ["--ipdel", "2001:db8::11"]]
    lan = {"name": "lan", "type": "veth", "network": "Bridged", "mac": "00:1c:42:aa:bb:03", "address": "198.51.100.6/24", "gateway": "198.51.100.1"}
    acts = devices.nic_acts(item, "lan", lan, noted, "db1")
    assert [list(act.words) for act in acts] == [["--device-set", "net0", "--ipadd", "198.51.100.6/24"],
                                                 ["--device-set", "net0", "--ipdel", "198.51.100.5/24"]]
    assert [list(act.words) for act in devices.nic_acts(item, "lan", None, noted, "db1")] == [["--device-del", "net0"]]


def test_disks_are_added_grown_and_detached_with_their_image_kept() -> None:
    item = node("info-json/several")[VM1]
    [added] = devices.disk_acts(item, "data", "hdd1", {"size": 5 << 30}, "vm1")
    [grown] = devices.disk_acts(item, "root", "hdd0", {"size": 65 << 30}, "vm1")
    assert list(added.words) == ["--device-add", "hdd", "--size", "5120"] and list(grown.words) == ["--device-set", "hdd0", "--size", "66560"]
    assert devices.disk_acts(item, "root", "hdd0", {"size": 64 << 30}, "vm1") == []
    assert [list(act.words) for act in devices.disk_acts(item, "root", "hdd0", None, "vm1")] == [["--device-del", "hdd0", "--detach-only"]]


@pytest.mark.parametrize("hotplug, size, reason", [
    ({"vm": False}, 1, ""), ({"vm": True, "memory": True}, 3, ""),
    ({"vm": True, "memory": True}, 1, "gives no memory back"), ({"vm": True, "memory": False}, 3, "hot-plug"),
])
def test_when_a_running_machine_takes_memory(hotplug: dict[str, bool], size: int, reason: str) -> None:
    said = grammar.no_memory(size, {"memory": {"size": 2}, "hotplug": hotplug})
    assert bool(said) == bool(reason) and reason in said


# -- exit codes and texts ---------------------------------------------------------------------------------------------

@pytest.mark.parametrize("rc, err, words", [
    (253, WARNING + "Unable to connect to Virtuozzo.", "dispatcher does not answer"),
    (255, WARNING + "Failed to start the CT: no", "ended with 255: Failed to start the CT"),
    (91, "", "the OS template is not there"),
])
def test_an_error_says_what_its_code_means(rc: int, err: str, words: str) -> None:
    with pytest.raises(EngineError) as caught:
        command.Prlctl(Says("", rc, err)).run("start", CT1)
    assert words in str(caught.value) and "deprecated" not in str(caught.value)


def test_a_warning_is_no_error() -> None:
    assert command.Prlctl(Says("", 0, WARNING)).run("start", CT1).rc == 0


def test_a_stopped_dispatcher_is_told_by_prlsrvctl_too() -> None:
    with pytest.raises(EngineError, match="systemctl start prl-disp"):
        command.Prlctl(Says("", 253, "Unable to connect to Virtuozzo.")).networks()


@pytest.mark.parametrize("value", ['a"b', "a'b", "$(id)", "`id`", "a\\b", "a\nb", "a\x7f"])
def test_nothing_that_a_shell_would_interpret_is_sent(value: str) -> None:
    host = Says()
    with pytest.raises(EngineError, match="a shell would interpret"):
        command.Prlctl(host).run("set", CT1, "--hostname", value)
    assert host.calls == []
    assert declare._dangerous({"nics": [{"name": value}], "cloud_init": {"locale": value}}, "")[0].path == "nics[0].name"


def test_nothing_outside_the_table_is_sent() -> None:
    for words in (("reinstall",), ("set", "--save"), ("create", "--memsize")):
        with pytest.raises(ValueError, match="not in the table"):
            command.Prlctl(Says()).run(words[0], CT1, *words[1:])


def test_what_a_guest_runs_is_its_own() -> None:
    """Words after --without-shell are the guest's, and its exit code is not prlctl's."""
    host = Says("", 253)
    assert command.Prlctl(host).run("exec", CT1, "--without-shell", "sh", "-c", 'echo "$HOME"', wrong=True).rc == 253


# -- around the driver ------------------------------------------------------------------------------------------------

@pytest.mark.parametrize("status, entered", [
    ({"vmtype": "ct", "addresses": ["192.0.2.10"]}, True), ({"vmtype": "vm", "guest_tools": "installed"}, True),
    ({"vmtype": "vm", "guest_tools": "not_installed"}, False), ({"vmtype": "vm"}, False),
])
def test_a_machine_is_entered_where_it_has_the_guest_tools(status: dict[str, Any], entered: bool) -> None:
    found = guest_of({"name": "one", "spec": {"state": "running"}, "status": status}, "virtuozzo", Source("node1"))
    assert ("ansible_connection" in found.variables) == entered


@pytest.mark.parametrize("guest, usable, engine", [
    ({}, ["virtuozzo", "openvz", "lxc"], "virtuozzo"), ({}, ["openvz", "lxc"], "openvz"), ({"vmtype": "vm"}, ["virtuozzo", "lxc"], "virtuozzo"),
    ({"vmtype": "vm", "os": "windows"}, ["virtuozzo"], "virtuozzo"), ({"os": "windows"}, ["virtuozzo"], "kvm"),
])
def test_auto_prefers_virtuozzo_where_it_is(guest: dict[str, Any], usable: list[str], engine: str) -> None:
    problems: list[Any] = []
    spec = parse_guest(guest, "auto", "", problems)
    facts = HostFacts({name: {"usable": True} for name in usable})
    assert not problems and choose({}, Guest("one", "one", "guests[0]", spec, ()), facts)[0] == engine


def test_openvz_is_left_out_where_the_dispatcher_manages_its_containers() -> None:
    assert "openvz" not in engines_here(Says()) and "openvz" in engines_here(LocalHost()) and set(engines_here(Says())) < set(DRIVERS)
