# Copyright: (c) 2026, flotilla.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What needs no node: vzlist's output as it really is, configuration files, the dialects, the words between them."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from ansible_collections.flotilla.virt.plugins.module_utils._containers.host import LocalHost, Result
from ansible_collections.flotilla.virt.plugins.module_utils._containers.openvz import command, config, dialect, grammar, listing, table
from ansible_collections.flotilla.virt.plugins.module_utils._fleet import drivers
from ansible_collections.flotilla.virt.plugins.module_utils._reconcile.errors import EngineError

CONTRACTS = Path(__file__).parents[2] / "vznode/contracts"


def recorded(*names: str) -> list[dict[str, Any]]:
    """Recorded steps."""
    return [json.loads(line) for name in names for line in (CONTRACTS / f"{name}.jsonl").read_text().splitlines()]


def test_every_recorded_json_is_read() -> None:
    """Where a JSON reader can read it too, both say the same; where it cannot, every container is still there."""
    strict = loose = 0
    for step in recorded("vzlist4", "vzlist7-format"):
        if step["argv"][0] != "vzlist" or not {"-j", "--json", "--js"} & set(step["argv"]) or step["rc"]:
            continue
        text = step["stdout"].replace("Directory /proc/vz not found, assuming non-OpenVZ kernel\n", "")
        rows = listing.parse(step["stdout"])
        try:
            wanted = json.loads(text)
        except json.JSONDecodeError:
            loose += 1
            assert len(rows) == text.count("  {\n") and all("ctid" in row for row in rows)
        else:
            strict += 1
            assert rows == wanted
    assert strict > 100 and loose >= 2


@pytest.mark.parametrize("text, value", [
    ('say "hi"', 'say "hi"'), ('{"a": 1}', '{"a": 1}'), ("a, b", "a, b"), ('"', '"'), ("", ""), ("ends with ,", "ends with ,"), ("[1, 2]", "[1, 2]"),
])
def test_an_unescaped_string(text: str, value: str) -> None:
    rows = listing.parse('[\n  {\n    "ctid": 101,\n    "description": "%s",\n    "status": "running"\n  }\n]' % text)
    assert rows == [{"ctid": 101, "description": value, "status": "running"}]


def test_settings_are_read_as_vzctl_reads_them() -> None:
    text = '# A="comment"\nA="1"\nA="2"\nB="say "hi""\nC="a\\b"\nD=bare\n NOEQUALS\nE=""\n'
    assert config.settings_of(text) == {"A": "1", "B": 'say "hi"', "C": "ab", "D": "bare", "E": ""}


def test_a_configuration_is_edited_in_place() -> None:
    text = '# kept\nA="1"\nUNKNOWN="x y"\nB="2"\nNOEQUALS\n'
    assert config.edited(text, {"B": "3", "C": "new", "A": None}) == '# kept\nUNKNOWN="x y"\nB="3"\nNOEQUALS\nC="new"\n'
    assert config.edited(text, {}) == text


@pytest.mark.parametrize("value", ['a"b', "a'b", "$(id)", "`id`", "a\\b", "a\nb", "a\x00b", "a\x7f"])
def test_nothing_that_a_shell_would_interpret_is_stored_or_sent(value: str) -> None:
    with pytest.raises(EngineError, match="root's shell"):
        config.edited("", {"HOSTNAME": value})
    with pytest.raises(EngineError, match="a shell would interpret"):
        command.Vzctl(LocalHost(), dialect.VZCTL4).run("set", "101", "--hostname", value, "--save")


def test_nothing_outside_the_table_is_sent() -> None:
    for words in (("quotaon",), ("set", "--description", "x")):
        with pytest.raises(ValueError, match="not in the table"):
            command.Vzctl(LocalHost(), dialect.VZCTL4).run(words[0], "101", *words[1:])


class Says(LocalHost):
    """A host whose only command says something."""

    def __init__(self, out: str, rc: int = 0, err: str = "") -> None:
        self.result = Result(rc, out, err)

    def run(self, argv: Any, stdin: str | None = None, timeout: float | None = None) -> Result:
        return self.result


@pytest.mark.parametrize("said, version", [("vzctl version 4.11.1\n", 4), ("vzctl version 3.0.28.3\n", 4), ("vzctl v.7.0.250\n", 7),
                                           ("Directory /proc/vz not found, assuming non-OpenVZ kernel\nvzctl version 4.9\n", 4), ("vzctl v.9.0.1\n", 7)])
def test_the_dialect_is_found_by_asking(said: str, version: int) -> None:
    assert dialect.probe(Says(said)).version == version


def test_an_answer_that_is_none() -> None:
    with pytest.raises(EngineError, match="nothing that is known"):
        dialect.probe(Says("prlctl version 9"))


@pytest.mark.parametrize("rc, words", [(78, "in use"), (91, "template"), (105, "disabled"), (21, "ended with 21")])
def test_an_error_says_what_its_code_means(rc: int, words: str) -> None:
    with pytest.raises(EngineError) as caught:
        command.Vzctl(Says("", rc, "Warning: a notice\nthe reason\n"), dialect.VZCTL4).run("start", "101")
    assert words in str(caught.value) and "the reason" in str(caught.value) and "a notice" not in str(caught.value)


@pytest.mark.parametrize("pattern, text, value", [
    ("memory.size", "0:65536", 268435456), ("memory.size", "0:256M", 268435456), ("memory.size", "131072:131072", 536870912),
    ("memory.size", "0:unlimited", None), ("memory.size", "0", 0), ("memory.size", "9223372036854775807:9223372036854775807", None),
    ("disks[].size", "2G:2.2G", 2147483648), ("disks[].size", "2097152:2306867", 2147483648), ("disks[].inodes", "131072:144179", 131072),
    ("cpus.limit", "150", "1.5"), ("cpus.limit", "0", None), ("cpus.limit", "18446744073709551615", None), ("cpus.count", "18446744073709551615", None),
    ("cpus.cpuset", "all", None), ("cpus.cpuset", "0-1", "0-1"), ("dns", "inherit", None), ("dns", "192.0.2.53 192.0.2.54", ["192.0.2.53", "192.0.2.54"]),
    ("hostname", "$(id)", None), ("hostname", "web1.example.com", "web1.example.com"), ("search", "inherit", None), ("autostart", "auto", True),
    ("container_features", "nfs:on,sit:off", {"nfs": True}), ("container_features", "sit:off", None),
])
def test_what_a_stored_text_is_in_the_grammar(pattern: str, text: str, value: Any) -> None:
    assert table.BY_PATTERN[pattern].read(text) == value


@pytest.mark.parametrize("version, pattern, value, words", [
    (4, "cpus.limit", "1.5", ["--cpulimit", "150"]), (7, "cpus.limit", "1.5", ["--cpulimit", "150"]), (4, "cpus.limit", None, ["--cpulimit", "0"]),
    (4, "memory.size", 268435456, ["--ram", "268435456"]), (4, "io.limit", 10485760, ["--iolimit", "10240K"]),
    (7, "io.limit", 0, ["--iolimit", "0"]),
    (4, "disks[].size", 1073741824, ["--diskspace", "1048576:1048576"]),
    (4, "dns", ["192.0.2.1", "192.0.2.2"], ["--nameserver", "192.0.2.1", "--nameserver", "192.0.2.2"]),
    (4, "dns", None, []), (4, "container_features", {"nfs": True}, []),
    (4, "cpus.cpuset", None, ["--cpumask", "all"]), (4, "autostart", False, ["--onboot", "no"]),
])
def test_what_is_sent(version: int, pattern: str, value: Any, words: list[str]) -> None:
    """Plain numbers and explicit units: without them the versions mean different things."""
    spoken = dialect.VZCTL4 if version == 4 else dialect.VZCTL7
    assert table.words_of(table.BY_PATTERN[pattern], value, spoken) == words


def test_a_limit_is_stored_as_each_version_does() -> None:
    row = table.BY_PATTERN["memory.size"]
    assert row.store(268435456, dialect.VZCTL4) == "0:65536" and row.store(268435456, dialect.VZCTL7) == "65536:65536"
    assert table.BY_PATTERN["memory.swap"].store(0, dialect.VZCTL4) == "0"


def test_no_root_file_system_is_downloaded_for_it() -> None:
    image = {"rootfs": {"url": "https://example.com/a.tar", "checksum": "sha256:0"}, "template": "a"}
    fleet = SimpleNamespace(images={"a": image})
    sources = {engine: list(drivers._remote_sources(fleet, SimpleNamespace(wish=engine, spec={"image": "a"})))  # type: ignore[arg-type]
               for engine in ("lxc", "openvz")}
    assert sources == {"lxc": [(image["rootfs"], False)], "openvz": []}


def test_interfaces() -> None:
    text = "ifname=eth0,mac=00:18:51:AA:BB:01,host_ifname=veth101.0,host_mac=00:18:51:AA:BB:02,bridge=br0;ifname=eth1,mac=00:18:51:AA:BB:03"
    assert [nic["ifname"] for nic in config.nics_of(text)] == ["eth0", "eth1"] and config.nics_text(config.nics_of(text)) == text
    assert config.nics_of("") == []


def test_routed_addresses_are_a_set_without_prefix_lengths() -> None:
    assert grammar.same_addresses(["192.0.2.10/24", "2001:db8:0::1"], ["2001:db8::1/64", "192.0.2.10"])
    assert not grammar.same_addresses("192.0.2.10", ["192.0.2.10", "192.0.2.11"])
    assert grammar.same_features({"nfs": True, "sit": False}, {"nfs": True}) and grammar.same_capabilities(["CAP_sys_time"], ["SYS_TIME"])
