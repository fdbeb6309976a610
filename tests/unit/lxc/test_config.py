# Copyright: (c) 2026, flotilla.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The configuration editor: what it does not know stays, and the value that holds is the last one."""

from __future__ import annotations

from ansible_collections.flotilla.virt.plugins.module_utils._containers.host import LocalHost
from ansible_collections.flotilla.virt.plugins.module_utils._containers.lxc.config import (
    ConfigFile, all_of, expand, last, nets_of, pairs_of)
from ansible_collections.flotilla.virt.plugins.module_utils._containers.lxc.edit import set_addresses
from ansible_collections.flotilla.virt.plugins.module_utils._containers.lxc.grammar import nics_of

HAND_MADE = """# by hand, 2019
lxc.include = %s

lxc.uts.name =	old
   lxc.cap.drop = sys_module
lxc.net.0.type = veth
lxc.net.0.link=br0
# second card
lxc.net.1.type = macvlan
lxc.net.1.ipv4.address = 10.0.0.2/24
lxc.net.1.ipv4.address = 10.0.0.3/24
lxc.mount.entry = /srv srv none bind 0 0
lxc.mount.entry = /opt opt none bind 0 0
"""


def test_an_edit_changes_its_own_line_only() -> None:
    before = HAND_MADE % "/nowhere"
    config = ConfigFile(before)
    config.set("lxc.net.0.link", "br1")
    assert str(config) == before.replace("lxc.net.0.link=br0", "lxc.net.0.link = br1")


def test_no_edit_gives_the_same_text() -> None:
    before = HAND_MADE % "/nowhere"
    assert str(ConfigFile(before)) == before
    config = ConfigFile(before)
    config.set_all("lxc.mount.entry", ["/srv srv none bind 0 0", "/opt opt none bind 0 0"])
    assert str(config) == before


def test_the_last_of_a_repeated_key_holds_and_is_the_one_that_is_edited() -> None:
    config = ConfigFile("lxc.start.auto = 0\n# x\nlxc.start.auto = 1\n")
    assert config.get("lxc.start.auto") == "1"
    config.set("lxc.start.auto", "0")
    assert str(config) == "lxc.start.auto = 0\n# x\nlxc.start.auto = 0\n"


def test_a_value_before_an_include_moves_behind_it() -> None:
    config = ConfigFile("lxc.start.auto = 0\nlxc.include = /x\n")
    config.set("lxc.start.auto", "1")
    assert str(config) == "lxc.include = /x\nlxc.start.auto = 1\n"


def test_a_new_line_of_an_interface_stands_with_its_others() -> None:
    config = ConfigFile("lxc.net.0.type = veth\nlxc.uts.name = a\n")
    config.set("lxc.net.0.hwaddr", "52:54:00:00:00:01")
    assert str(config).splitlines() == ["lxc.net.0.type = veth", "lxc.net.0.hwaddr = 52:54:00:00:00:01", "lxc.uts.name = a"]


def test_an_interface_is_removed_whole_and_alone() -> None:
    config = ConfigFile(HAND_MADE % "/nowhere" + "lxc.net.10.type = veth\n")
    config.remove_net(1)
    assert sorted(nets_of(pairs_of(str(config)))) == [0, 10]
    assert "# second card" in str(config)


def test_repeated_values_are_a_list_that_an_empty_value_clears() -> None:
    pairs = pairs_of("lxc.cap.drop = a\nlxc.cap.drop =\nlxc.cap.drop = b\n")
    assert all_of(pairs, "lxc.cap.drop") == ["b"]
    assert last(pairs_of("lxc.uts.name = a\nlxc.uts.name =\n"), "lxc.uts.name") is None


def test_quotes_are_taken_off_as_lxc_does() -> None:
    assert last(pairs_of('lxc.uts.name = "web"\n'), "lxc.uts.name") == "web"


def test_addresses_of_an_interface_repeat() -> None:
    nets = nets_of(pairs_of(HAND_MADE % "/nowhere"))
    assert nets[1]["ipv4.address"] == ["10.0.0.2/24", "10.0.0.3/24"]
    assert nets[0] == {"type": ["veth"], "link": ["br0"]}


def test_includes_are_read_in_their_place(tmp_path) -> None:
    (tmp_path / "d").mkdir()
    (tmp_path / "d" / "1.conf").write_text("lxc.uts.name = from-directory\n")
    (tmp_path / "d" / "2.txt").write_text("lxc.uts.name = not-read\n")
    (tmp_path / "f").write_text("lxc.include = %s/d\nlxc.tty.max = 3\nlxc.include = %s/f\n" % (tmp_path, tmp_path))
    pairs = expand("lxc.tty.max = 1\nlxc.include = %s/f\nlxc.start.auto = 1\n" % tmp_path, LocalHost())
    assert last(pairs, "lxc.uts.name") == "from-directory"
    assert last(pairs, "lxc.tty.max") == "3"
    assert last(pairs, "lxc.start.auto") == "1"


def test_an_address_is_written_with_its_broadcast_and_read_without() -> None:
    config = ConfigFile("")
    set_addresses(config, 0, ["10.20.0.21/24", "fd00::1/64", "10.9.0.1/31"])
    assert str(config).splitlines() == ["lxc.net.0.ipv4.address = 10.20.0.21/24 10.20.0.255", "lxc.net.0.ipv4.address = 10.9.0.1/31",
                                        "lxc.net.0.ipv6.address = fd00::1/64"]
    net = "lxc.net.0.type = veth\nlxc.net.0.link = br0\n"
    assert nics_of(pairs_of(net + str(config)), {}, lambda name: None)["eth0"]["address"] == ["10.20.0.21/24", "10.9.0.1/31", "fd00::1/64"]
