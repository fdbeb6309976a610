# Copyright: (c) 2026, flotilla.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The fifteen groups of things that the double must refuse or reproduce (what a driver could rely on, and must not)."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable

import pytest
from vznode.call import Said, call, log_of
from vznode.node import Node

from .conftest import TEMPLATE

pytestmark = pytest.mark.system
Make = Callable[..., Node]


@pytest.fixture(params=[4, 7])
def node(request: pytest.FixtureRequest, make_node: Make) -> Node:
    """An empty strict node of each version."""
    return make_node(request.param)


@pytest.fixture
def both(node: Node) -> Node:
    """With a stopped container 101, named web1."""
    assert vz(node, "create", "101", "--ostemplate", TEMPLATE, "--name", "web1").rc == 0
    return node


def vz(node: Node, *words: str) -> Said:
    """One call of vzctl."""
    return call(node, ["vzctl", *words])


def four(node: Node, old: int, new: int) -> int:
    """The code of the node's version."""
    return old if node.version == 4 else new


def test_1_words_that_it_does_not_know(both: Node) -> None:
    assert vz(both, "nosuch", "101").rc == 20
    assert vz(both, "set", "101", "--nosuch", "--save").rc == 21
    assert vz(both, "stop", "101", "--nosuch").rc == 20
    assert vz(both, "start", "101", "extra").rc == 20
    assert vz(both, "status").rc == 21
    # The real one takes it; the double is stricter, and says so.
    said = vz(both, "set", "101", "--hostn", "a.example.com", "--save")
    assert said.rc == 250 and "abbreviated" in said.violations[0]


@pytest.mark.parametrize("words", [("--memsize", "512"), ("--device-set", "hdd0", "--size", "10G"), ("--autostart", "on"), ("--ipset", "192.0.2.1")])
def test_2_options_of_other_dialects(both: Node, words: tuple[str, ...]) -> None:
    assert vz(both, "set", "101", *words, "--save").rc == 21


def test_2_more_options_of_other_dialects(make_node: Make) -> None:
    four_, seven = make_node(4), make_node(7)
    for made in (four_, seven):
        assert vz(made, "create", "101", "--ostemplate", TEMPLATE).rc == 0
    assert vz(four_, "set", "101", "--memory", "512M", "--save").rc == 21
    assert vz(seven, "set", "101", "--netfilter", "full", "--save").rc == 21
    assert vz(seven, "set", "101", "--force", "--ram", "1G", "--save").rc == 21
    assert vz(seven, "set", "101", "--diskquota", "yes", "--save").rc == 21
    assert call(four_, ["vzlist", "-a", "-j", "-o", "physpages.l"]).rc == 1
    assert call(seven, ["vzlist", "-a", "-j", "-o", "physpages.l"]).rc == 0


def test_3_what_needs_save(both: Node) -> None:
    assert vz(both, "set", "101", "--name", "b").rc == four(both, 131, 137)
    assert vz(both, "set", "101", "--setmode", "restart").rc == 20
    if both.version == 4:
        for words in (("--ostemplate", "x"), ("--stop-timeout", "5"), ("--force",)):
            assert vz(both, "set", "101", *words).rc == 20
    else:
        assert vz(both, "set", "101", "--diskspace", "2G").rc == 20


def test_4_a_container_that_is_not_there(node: Node) -> None:
    for command in ("start", "restart", "mount", "umount", "destroy"):
        assert vz(node, command, "555").rc == 14
    assert vz(node, "exec2", "555", "true").rc == 14
    assert vz(node, "stop", "555").rc == four(node, 14, 0)
    said = vz(node, "set", "555", "--hostname", "a", "--save")
    assert said.rc == 250 and "makes a configuration file" in said.violations[0]
    assert not node.path("555").exists()


def test_5_states_that_conflict(both: Node) -> None:
    assert vz(both, "stop", "101").rc == 0
    assert vz(both, "exec", "101", "true").rc == four(both, 8, 31) and vz(both, "exec2", "101", "true").rc == 31
    assert vz(both, "umount", "101").rc == 40
    assert vz(both, "create", "101", "--ostemplate", TEMPLATE).rc == 44
    assert vz(both, "mount", "101").rc == 0 and vz(both, "destroy", "101").rc == 41
    assert vz(both, "start", "101").rc == 0 and vz(both, "start", "101").rc == 32 and vz(both, "destroy", "101").rc == 32
    assert vz(both, "umount", "101").rc == 32
    assert vz(both, "set", "101", "--disabled", "yes", "--save").rc == 0 and vz(both, "restart", "101").rc == 105
    said = vz(both, "create", "102", "--ostemplate", "absent-1")
    assert said.rc == 250 and "go to the network" in said.violations[0]


def test_6_ids_and_names(both: Node) -> None:
    for word in ("-1", "1x", "web9"):
        assert vz(both, "create", word, "--ostemplate", TEMPLATE).rc == 21
    assert vz(both, "status", "0101").rc == 250
    assert vz(both, "create", "102", "--ostemplate", TEMPLATE, "--name", "web1").rc == four(both, 131, 137)
    for name in ("a/b", "a,b"):
        assert vz(both, "set", "101", "--name", name, "--save").rc == 21
    if both.version == 7:
        assert vz(both, "status", "6D1D0B0E-0A1B-4C2D-8E3F-0123456789AB").rc == 250


@pytest.mark.parametrize("words", [("--cpuunits", "7"), ("--cpuunits", "500001"), ("--ioprio", "8"), ("--ram", "512X"), ("--diskspace", "x"),
                                   ("--ipadd", "300.1.1.1"), ("--ipadd", "192.0.2.1/255.255.255.0"), ("--cpulimit", "x"), ("--onboot", "maybe")])
def test_7_values_out_of_range(both: Node, words: tuple[str, ...]) -> None:
    said = vz(both, "set", "101", *words, "--save")
    assert said.rc == 21 and f"Bad parameter for {words[0]}: {words[1]}" in said.err


def test_7_the_traps_of_values(make_node: Make) -> None:
    node = make_node(4)
    assert vz(node, "create", "101", "--ostemplate", TEMPLATE, "--config", "basic").rc == 0
    assert vz(node, "set", "101", "--cpulimit", "50%", "--save").rc == 0
    config = node.config("101")
    assert config is not None and config.values["CPULIMIT"] == "100"
    assert vz(node, "start", "101").rc == 0
    assert vz(node, "set", "101", "--ram", "256M", "--save").rc == 28
    assert vz(node, "set", "101", "--ram", "256M", "--swap", "0", "--save").rc == 0


@pytest.mark.parametrize("value", ['say "hi"', "$(id)", "`id`", "a\\b", "two\nlines"])
@pytest.mark.parametrize("option", ["--description", "--hostname", "--searchdomain", "--name"])
def test_8_values_that_root_s_shell_would_read(both: Node, option: str, value: str) -> None:
    said = vz(both, "set", "101", option, value, "--save")
    assert said.rc == 250 and "root's shell" in said.violations[0]
    assert value not in both.path("101").read_text()


def test_9_what_only_a_restart_brings(both: Node) -> None:
    assert vz(both, "start", "101").rc == 0
    init = both.init("101")
    assert vz(both, "set", "101", "--features", "nfs:on", "--save").rc == 0
    config = both.config("101")
    assert config is not None and config.values["FEATURES"] == "nfs:on" and both.init("101") == init
    assert both.live("101")["settings"].get("FEATURES") is None
    assert vz(both, "set", "101", "--features", "sit:on", "--setmode", "ignore", "--save").rc == 32
    config = both.config("101")
    assert config is not None and config.values["FEATURES"] == "nfs:on"
    assert vz(both, "set", "101", "--features", "sit:on", "--setmode", "restart", "--save").rc == 0
    assert both.init("101") not in (0, init) and both.live("101")["settings"]["FEATURES"] == "sit:on"


def test_10_a_lock_that_is_held_and_goes(both: Node) -> None:
    with subprocess.Popen(["sleep", "infinity"]) as holder:
        (both.vz / "lock/101.lck").write_text(f"{holder.pid}\nlocked\n")
        assert vz(both, "start", "101").rc == 9 and vz(both, "status", "101").rc == 0
        holder.kill()
    said = vz(both, "start", "101")
    assert said.rc == 0 and "Removing stale lock file" in said.out


def test_11_saved_and_failed_at_once(make_node: Make) -> None:
    node = make_node(7)
    for ident, name in (("101", "web1"), ("102", "web2")):
        assert vz(node, "create", ident, "--ostemplate", TEMPLATE, "--name", name).rc == 0
    said = vz(node, "set", "101", "--name", "web2", "--save")
    assert said.rc == 137 and "Saved parameters for Container 101" in said.out


def test_12_stopping_a_stopped_one_is_no_failure(both: Node) -> None:
    """Of this group (prlctl's texts) only what vzctl has too."""
    said = vz(both, "stop", "101")
    assert said.rc == 0 and "not running" in said.err


def test_13_what_vzlist_really_prints(node: Node) -> None:
    empty = call(node, ["vzlist", "-j"]).out
    assert empty == ("[]\n" if node.version == 4 else "[\n]\n")
    node.strict = False
    for ident in ("101", "102"):
        assert vz(node, "create", ident, "--ostemplate", TEMPLATE).rc == 0
    assert vz(node, "set", "101", "--description", 'say "hi"', "--save").rc == 0
    out = call(node, ["vzlist", "-a", "-j", "-o", "ctid,description"]).out
    assert '"description": "say "hi""' in out
    with pytest.raises(json.JSONDecodeError):
        json.loads(out)
    assert ('"ctid": 101' if node.version == 4 else '"ctid": "101"') in out
    default = call(node, ["vzlist", "-a", "-j"]).out
    assert default.count('"numproc"') == (2 if node.version == 4 else 4)
    # A configuration without private area: version 4 does not show it.
    (node.vz / "private/102").rename(node.root / "away")
    assert ("102" in call(node, ["vzlist", "-a", "-o", "ctid"]).out) == (node.version == 7)


def test_14_snapshots_without_an_image(both: Node) -> None:
    ident = "6d1d0b0e-0a1b-4c2d-8e3f-0123456789ab"
    if both.version == 4:
        assert vz(both, "snapshot", "101").rc == 156
        assert vz(both, "snapshot-switch", "101", "--id", ident).rc == 159
    assert vz(both, "snapshot-switch", "101").rc == 20 and vz(both, "snapshot-delete", "101").rc == 20
    assert vz(both, "snapshot-delete", "101", "--id", ident).rc == 158


def test_15_every_call_and_every_entry_is_logged(both: Node) -> None:
    vz(both, "set", "101", "--ram", "128M", "--swap", "0", "--save")
    entry = log_of(both)[-1]
    assert entry["argv"][1:3] == ["set", "101"] and ["set", "--ram"] in entry["used"] and ["set", "--save"] in entry["used"]
    assert vz(both, "set", "101", "--bogus").used == {("set", "")}
