# Copyright: (c) 2026, flotilla.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What prlctl's double must refuse or reproduce (what a driver could rely on, and must not), and that its work is real."""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from vznode import machine
from vznode.call import Said, call, entries, log_of, used
from vznode.node import Node
from vznode.prl.guests import Guests

from .conftest import DEBIAN, TEMPLATE

pytestmark = pytest.mark.system
Make = Callable[..., Node]
WARNING = "WARNING: You are using a deprecated CLI component"
PENDING = "The changes will take effect after you restart the virtual machine."
NUMBER = str(0x6D1D0B0E)
IDENT = "6d1d0b0e-0a1b-4c2d-8e3f-0123456789ab"


def prl(node: Node, *words: str, stdin: bytes = b"") -> Said:
    """One call of prlctl."""
    return call(node, ["prlctl", *words], stdin)


def done(node: Node, *words: str) -> Said:
    """One that must succeed."""
    said = prl(node, *words)
    assert said.rc == 0 and said.violations == [], (words, said)
    return said


def shown(node: Node, word: str) -> dict[str, Any]:
    """What the list says of a guest."""
    found: list[dict[str, Any]] = json.loads(done(node, "list", "-i", "-j", word).out)
    return found[0]


def inside(node: Node, name: str, *words: str) -> str:
    """What a command in a container prints."""
    return done(node, "exec", name, "--without-shell", *words).out


@pytest.fixture
def web(node: Node) -> Node:
    """With a stopped container web1."""
    done(node, "create", "web1", "--vmtype", "ct", "--ostemplate", TEMPLATE, "--uuid", IDENT)
    return node


@pytest.fixture
def vm(node: Node) -> Node:
    """With a stopped virtual machine vm1."""
    done(node, "create", "vm1", "--vmtype", "vm", "--distribution", "debian")
    return node


# -- words ------------------------------------------------------------------------------------------------------------

@pytest.mark.parametrize("line, text", [
    ("set web1 --memsize 512 --save", "Unrecognized option: --save"),
    ("set web1 --ram 1G", "Unrecognized option: --ram"),
    ("set web1 --setmode restart", "Unrecognized option: --setmode"),
    ("set web1 --netfilter full", "Unrecognized option: --netfilter"),
    ("set web1 --bootorder 1", "Unrecognized option: --bootorder"),
    ("set web1 --numproc 1", "Unrecognized option: --numproc"),
    ("set web1 --cpu 1", "Unrecognized option: --cpu"),
    ("set web1 --memsize 0", "An incorrect value for --memsize is specified: 0"),
    ("set web1 --memsize 512X", "An incorrect value for --memsize is specified: 512X"),
    ("set web1 --ioprio 8", "An incorrect value for --ioprio is specified: 8"),
    ("set web1 --features fuse:on", "An incorrect feature 'fuse' for --features is specified"),
    ("set web1 --onboot maybe", "An incorrect value for --onboot is specified: maybe"),
    ("exec2 web1 true", "Unknown action: exec2"),
    ("start web1 extra", "Unrecognized option: extra"),
    ("create web2 --memsize 512", "Unrecognized option: --memsize"),
    ("list -o nosuch", "Unknown field: nosuch"),
    ("snapshot-list web1 -j", "Unrecognized option: -j"),
])
def test_what_prlctl_does_not_take_is_refused_and_noted(web: Node, line: str, text: str) -> None:
    """As the real one refuses it; and no driver may have sent it."""
    before = shown(web, "web1")
    said = prl(web, *line.split())
    assert said.rc == 1 and text in said.err.splitlines() and len(said.violations) == 1
    assert shown(web, "web1") == before


@pytest.mark.parametrize("line, text", [
    ("create web2", "without --vmtype"),
    ("create web2 --vmtype c", "abbreviated"),
    ("create '' --vmtype ct", "a name"),
    ("create web2 --vmtype ct --ostemplate absent-1", "from the network"),
    ("create vm9 --vmtype vm -d nosuch", "does not know"),
    ("backup-list -j", "ignores"),
    ("list --all2", "ignores"),
    ("list web1 web2", "ignores"),
    ("set web1", "without an option"),
    ("exec web1 true", "to a shell"),
    ("exec web1 --without-shell", "without a command"),
    ("snapshot-switch web1", "without an id"),
    ("snapshot-delete web1", "without an id"),
    ("set web1 --cpuunits 7", "vzctl does not"),
    ("set web1 --ipadd x", "no address"),
    ("set web1 --hostname 'a b'", "no host name"),
    ("capture web1", "does not do"),
])
def test_what_the_real_one_takes_and_no_driver_may_send(web: Node, line: str, text: str) -> None:
    said = prl(web, *shlex.split(line))
    assert said.rc == 250 and text in said.violations[0]
    assert [guest.name for guest in Guests(web).all()] == ["web1"]


@pytest.mark.parametrize("value", ['say "hi"', "$(id)", "`id`", "a\\b", "two\nlines"])
@pytest.mark.parametrize("option", ["--description", "--hostname", "--searchdomain", "--name"])
def test_values_that_root_s_shell_would_read(web: Node, option: str, value: str) -> None:
    assert prl(web, "set", "web1", option, value).rc == 250
    assert value not in web.path(IDENT).read_text()


def test_the_warning_is_nearly_everywhere_and_means_nothing(make_node: Make) -> None:
    node, old = make_node(7), make_node(7, prlctl=2020)
    for each in (node, old):
        done(each, "create", "web1", "--vmtype", "ct", "--ostemplate", TEMPLATE)
        done(each, "start", "web1")
    for words in (("list", "-a"), ("exec", "web1", "--without-shell", "hostname")):
        assert done(node, *words).err == ""
    for line in ("status web1", "backup-list", "stop web1 --kill"):
        assert WARNING in done(node, *line.split()).err and done(old, *line.split()).err == ""
    assert WARNING in call(node, ["prlsrvctl", "info", "-j"]).err and call(old, ["prlsrvctl", "info", "-j"]).err == ""


# -- states and codes -------------------------------------------------------------------------------------------------

def test_states_and_what_each_refuses(web: Node) -> None:
    assert prl(web, "status", "nosuch").rc == 255 and "could not be found" in prl(web, "start", "nosuch").err
    said = prl(web, "stop", "web1")
    assert said.rc == 0 and '"web1" is not started' in said.err
    for words in (("exec", "web1", "--without-shell", "true"), ("pause", "web1"), ("restart", "web1")):
        assert prl(web, *words).rc == 255
    done(web, "start", "web1")
    init = web.init(IDENT)
    for words, text in ((("start", "web1"), "is not stopped"), (("delete", "web1"), "is running"), (("mount", "web1"), "is not stopped")):
        said = prl(web, *words)
        assert said.rc == 255 and text in said.err
    done(web, "pause", "web1")
    assert done(web, "status", "{%s}" % IDENT.upper()).out == "CT {%s} exist paused\n" % IDENT.upper()
    done(web, "resume", "web1")
    done(web, "suspend", "web1")
    assert shown(web, NUMBER)["State"] == "suspended"
    done(web, "resume", "web1")
    assert web.init(IDENT) == init
    done(web, "stop", "web1")
    done(web, "mount", "web1")
    assert (web.mount_point(IDENT) / "sbin/init").exists() and shown(web, "web1")["State"] == "mounted"
    done(web, "umount", "web1")
    done(web, "delete", "web1")
    assert not web.path(IDENT).is_symlink() and not web.private(IDENT).exists() and prl(web, "status", "web1").rc == 255


def test_names_and_ids_that_are_taken(web: Node) -> None:
    words = ("--vmtype", "ct", "--ostemplate", TEMPLATE)
    said = prl(web, "create", "web1", *words)
    assert said.rc == 255 and "The name web1 is already used by another virtual machine or template." in said.err
    assert prl(web, "create", "web2", *words, "--uuid", IDENT).rc == 255
    done(web, "create", "web2", "--vmtype", "vm")
    assert prl(web, "set", "web2", "--name", "web1").rc == 255
    done(web, "set", "web2", "--name", "web3")
    assert sorted(guest.name for guest in Guests(web).all()) == ["web1", "web3"]


def test_a_container_operation_that_failed_has_vzctl_s_own_code(web: Node) -> None:
    with subprocess.Popen(["sleep", "infinity"]) as holder:
        (web.vz / f"lock/{IDENT}.lck").write_text(f"{holder.pid}\nlocked\n")
        assert prl(web, "start", "web1").rc == 9 and prl(web, "set", "web1", "--cpus", "1").rc == 9 and prl(web, "status", "web1").rc == 0
        holder.kill()
    done(web, "set", "web1", "--ipadd", "192.0.2.10/24")
    done(web, "start", "web1")
    assert prl(web, "set", "web1", "--cpumask", "7").rc == 146
    done(web, "create", "web2", "--vmtype", "ct", "--ostemplate", TEMPLATE)
    done(web, "set", "web2", "--ipadd", "192.0.2.10/24")
    said = prl(web, "start", "web2")
    assert said.rc == 78 and "Address already in use" in said.err


def test_no_dispatcher_and_the_frozen_state(web: Node) -> None:
    web.dispatcher_down = True
    for argv in (["prlctl", "list", "-a"], ["prlctl", "exec", "web1", "--without-shell", "true"], ["prlsrvctl", "info", "-j"]):
        said = call(web, argv)
        assert said.rc == 253 and "Unable to connect to Virtuozzo." in said.err and said.out == ""
    web.dispatcher_down = False
    guest = Guests(web).find("web1")
    assert guest is not None
    guest.record["frozen"] = True
    guest.save()
    assert prl(web, "start", "web1").rc == 254 and prl(web, "list", "-a").rc == 0


# -- real work --------------------------------------------------------------------------------------------------------

def test_a_container_is_changed_while_it_runs(web: Node) -> None:
    done(web, "set", "web1", "--cpus", "1", "--memsize", "128", "--hostname", "web1.example.com", "--nameserver", "192.0.2.53 192.0.2.54",
         "--searchdomain", "example.com", "--ipadd", "192.0.2.10/24", "--autostart", "on", "--swappages", "1000")
    done(web, "start", "web1")
    init, live = web.init(IDENT), web.live(IDENT)
    assert machine.memory_pages(live)[1] == 128 << 8 and inside(web, "web1", "hostname") == "web1.example.com\n"
    done(web, "set", "web1", "--memsize", "192M", "--ipadd", "192.0.2.11/24", "--hostname", "web.example.com", "--cpulimit", "50")
    done(web, "set", "web1", "--ipdel", "192.0.2.10/24")
    assert web.init(IDENT) == init and machine.memory_pages(live)[1] == 192 << 8
    assert "192.0.2.11/32" in inside(web, "web1", "ip", "-o", "addr") and "192.0.2.10" not in inside(web, "web1", "ip", "-o", "addr")
    assert inside(web, "web1", "cat", "/etc/resolv.conf").splitlines()[-2:] == ["nameserver 192.0.2.53", "nameserver 192.0.2.54"]
    there = shown(web, "web1")
    assert there["Hardware"]["memory"]["size"] == "192Mb" and there["Hardware"]["cpu"]["cpulimit"] == "50%" and there["Hostname"] == "web.example.com"
    assert there["Hardware"]["venet0"]["ips"] == "192.0.2.11/255.255.255.0 " and there["Autostart"] == "on"
    config = web.config(IDENT)
    assert config is not None and config.values["SWAPPAGES"] == "1000:1000" and config.values["PHYSPAGES"] == "49152:49152"
    assert os.readlink(web.path(IDENT)) == str(web.private(IDENT) / "ve.conf")
    said = prl(web, "exec", "web1", "--without-shell", "sh", "-c", "cat; echo err >&2; exit 7", stdin=b"hello\n")
    assert (said.rc, said.out, said.err) == (7, "hello\n", "err\n")


def test_features_of_a_container_wait_for_its_restart(web: Node) -> None:
    assert PENDING not in done(web, "set", "web1", "--features", "nfs:on").out
    done(web, "start", "web1")
    init = web.init(IDENT)
    assert PENDING in done(web, "set", "web1", "--features", "sit:on,nfs:off").out
    assert shown(web, "web1")["Features"] == "sit:on " and web.init(IDENT) == init and web.live(IDENT)["settings"]["FEATURES"] == "nfs:on"
    done(web, "restart", "web1")
    assert web.init(IDENT) not in (0, init) and web.live(IDENT)["settings"]["FEATURES"] == "nfs:off,sit:on"
    assert prl(web, "set", "web1", "--capability", "sys_time:on").rc == 255


def test_interfaces_of_a_container_are_real(web: Node) -> None:
    done(web, "start", "web1")
    done(web, "set", "web1", "--device-add", "net", "--network", "Bridged", "--mac", "001C42AABB01", "--ipadd", "198.51.100.5/24", "--ipadd",
         "2001:db8::5/64")
    net = shown(web, "web1")["Hardware"]["net0"]
    assert (net["ifname"], net["network"], net["mac"]) == ("eth0", "Bridged", "001C42AABB01")
    assert net["ips"] == "198.51.100.5/255.255.255.0 2001:db8::5/64 "
    bridge = subprocess.run([*web.host_network, "ip", "-o", "link", "show", net["dev"]], capture_output=True, check=True, text=True).stdout
    assert "master br0" in bridge
    text = inside(web, "web1", "ip", "-o", "addr")
    assert "198.51.100.5/24" in text and "2001:db8::5/64" in text
    done(web, "set", "web1", "--device-set", "net0", "--ipdel", "198.51.100.5", "--ipadd", "198.51.100.6/24", "--gw", "198.51.100.1")
    text = inside(web, "web1", "ip", "-o", "addr")
    assert "198.51.100.6/24" in text and "198.51.100.5" not in text and "default via 198.51.100.1" in inside(web, "web1", "ip", "route")
    done(web, "restart", "web1")
    assert "198.51.100.6/24" in inside(web, "web1", "ip", "-o", "addr")
    assert prl(web, "set", "web1", "--device-set", "net0", "--network", "nosuch").rc == 255
    done(web, "set", "web1", "--device-del", "net0")
    assert "eth0" not in inside(web, "web1", "ip", "-o", "link") and "net0" not in shown(web, "web1")["Hardware"]
    assert prl(web, "set", "web1", "--device-del", "net0").rc == 255


def test_the_disk_of_a_container_does_not_shrink_below_what_it_has(web: Node) -> None:
    said = done(web, "set", "web1", "--size", "20G")
    assert f"Resize disk image '/vz/private/{IDENT}/root.hdd' up to 20480" in said.out
    assert shown(web, "web1")["Hardware"]["hdd0"]["size"] == "20480Mb"
    said = prl(web, "set", "web1", "--device-set", "hdd0", "--size", "1")
    assert said.rc == 255 and "Unable to change image size" in said.err and shown(web, "web1")["Hardware"]["hdd0"]["size"] == "20480Mb"


@pytest.mark.parametrize("running", [False, True])
def test_a_password_is_set_by_the_container_s_own_programs(node: Node, running: bool) -> None:
    done(node, "create", "web1", "--vmtype", "ct", "--ostemplate", DEBIAN, "--uuid", IDENT)
    if running:
        done(node, "start", "web1")
    done(node, "set", "web1", "--userpasswd", "root:secret", "--crypted")
    assert re.search(r"^root:\$1\$x\$", (node.rootfs(IDENT) / "etc/shadow").read_text(), re.MULTILINE)


def test_containers_of_vzctl_and_of_prlctl_are_the_same(web: Node) -> None:
    assert call(web, ["vzctl", "create", "101", "--ostemplate", "." + TEMPLATE, "--name", "old"]).rc == 0
    ident = shown(web, "old")["ID"]
    assert shown(web, "101")["ID"] == ident and shown(web, "old")["EnvID"] == "101"
    done(web, "start", "old")
    assert "running" in call(web, ["vzctl", "status", "101"]).out
    rows = json.loads(call(web, ["vzlist", "-a", "-j", "-o", "ctid,name,status"]).out)
    assert [(row["ctid"], row["name"], row["status"]) for row in rows] == [("101", "old", "running"), (IDENT, "web1", "stopped")]
    assert call(web, ["vzctl", "stop", "101", "--fast"]).rc == 0 and shown(web, "old")["State"] == "stopped"


def test_a_guest_is_taken_out_and_in_again(web: Node, vm: Node) -> None:
    for name in ("web1", "vm1"):
        home = shown(web, name)["Home"]
        done(web, "unregister", name)
        assert prl(web, "status", name).rc == 255
        done(web, "register", home)
        assert shown(web, name)["Home"] == home and prl(web, "register", home).rc == 255
    assert vm is web


# -- virtual machines -------------------------------------------------------------------------------------------------

def test_what_a_running_machine_takes_depends_on_its_hot_plug(vm: Node) -> None:
    def hardware() -> tuple[str, int]:
        there = shown(vm, "vm1")["Hardware"]
        return there["memory"]["size"], there["cpu"]["cpus"]

    def runs() -> tuple[int, int]:
        guest = Guests(vm).find("vm1")
        assert guest is not None
        return guest.record["live"]["memsize"], guest.record["live"]["cpus"]

    done(vm, "start", "vm1")
    for words in (("--memsize", "4G"), ("--cpus", "4"), ("--mem-hotplug", "on"), ("--cpu-hotplug", "on")):
        assert PENDING in done(vm, "set", "vm1", *words).out
    assert hardware() == ("4096Mb", 4) and runs() == (2048, 2)
    done(vm, "restart", "vm1")
    assert runs() == (4096, 4)
    assert PENDING not in done(vm, "set", "vm1", "--memsize", "6G", "--cpus", "5").out and runs() == (6144, 5)
    assert PENDING in done(vm, "set", "vm1", "--memsize", "5G").out and runs() == (6144, 5) and hardware() == ("5120Mb", 5)
    assert prl(vm, "set", "vm1", "--memsize", "1M").rc == 255 and prl(vm, "set", "vm1", "--features", "nfs:on").rc == 255
    assert prl(vm, "set", "vm1", "--cpus", "0").rc == 255
    assert prl(vm, "exec", "vm1", "--without-shell", "true").rc == 255


def test_devices_of_a_machine(vm: Node, tmp_path: Path) -> None:
    iso = tmp_path / "cd.iso"
    iso.touch()
    done(vm, "set", "vm1", "--device-add", "hdd", "--size", "10G")
    done(vm, "set", "vm1", "--device-add", "cdrom", "--image", str(iso))
    done(vm, "set", "vm1", "--device-add", "net", "--network", "Host-Only", "--mac", "001C42AABB09")
    done(vm, "set", "vm1", "--device-bootorder", "cdrom1 hdd0")
    done(vm, "set", "vm1", "--device-set", "net0", "--network", "Host-Only")
    there = shown(vm, "vm1")
    assert there["Boot order"] == "cdrom1 hdd0 " and there["Hardware"]["hdd1"]["size"] == "10240Mb"
    assert there["Hardware"]["cdrom1"]["image"] == str(iso) and there["Hardware"]["net1"]["mac"] == "001C42AABB09"
    assert there["Hardware"]["net0"]["network"] == "Host-Only"
    image = Guests(vm).all()[0].home_path / there["Hardware"]["hdd1"]["image"]
    done(vm, "set", "vm1", "--device-del", "hdd1", "--detach-only")
    done(vm, "set", "vm1", "--device-del", "hdd0")
    assert shown(vm, "vm1")["Boot order"] == "cdrom1 "
    assert image.exists() and "hdd1" not in shown(vm, "vm1")["Hardware"]
    assert prl(vm, "set", "vm1", "--device-add", "cdrom", "--image", "/absent.iso").rc == 1
    assert prl(vm, "set", "vm1", "--device-set", "hdd7", "--size", "1G").rc == 255


# -- output -----------------------------------------------------------------------------------------------------------

@pytest.mark.parametrize("year, gone", [(2024, set()), (2022, {"Chipset", "NUMA nodes:"}), (2020, {"Chipset", "NUMA nodes:", "state"}),
                                        (2018, {"Chipset", "NUMA nodes:", "state", "Backup path"}),
                                        (2016, {"Chipset", "NUMA nodes:", "state", "Backup path", "sockets"})])
def test_old_versions_have_fewer_keys(make_node: Make, year: int, gone: set[str]) -> None:
    node = make_node(7, prlctl=year)
    assert prl(node, "list", "-i", "-j").out == "[\n\n]\n"
    done(node, "create", "vm1", "--vmtype", "vm")
    there = shown(node, "vm1")
    hardware = there["Hardware"]
    everything = {"Chipset", "NUMA nodes:", "state", "Backup path", "sockets"}
    assert {*there, *hardware, *hardware["cpu"], *hardware["hdd0"]} & everything == everything - gone


def test_the_node_and_its_templates_and_networks(node: Node) -> None:
    def server(*words: str) -> Any:
        said = call(node, ["prlsrvctl", *words])
        assert said.rc == 0 and said.violations == []
        return json.loads(said.out) if "-j" in words else None

    info = server("info", "-j")
    assert info["Version"] == "Server 9.0.26" and info["License"]["state"] == "active" and info["ID"] == server("info", "-j")["ID"]
    (node.vz / "template/installed/other-1-x86_64").mkdir(parents=True)
    cached = {row["Name"]: row["Cached"] for row in server("cttemplate", "list", "-j")}
    assert cached[TEMPLATE] == "yes" and cached["other-1-x86_64"] == "no"
    node.strict = False
    assert prl(node, "create", "web2", "--vmtype", "ct", "--ostemplate", "other-1-x86_64").rc == 221
    assert prl(node, "create", "web2", "--vmtype", "ct", "--ostemplate", "absent-1").rc == 91
    node.strict = True
    server("net", "add", "br1")
    assert [row["Network ID"] for row in server("net", "list", "-j")] == ["Bridged", "Host-Only", "br1"]
    server("net", "del", "br1")
    server("set", "--backup-path", "/vz/elsewhere")
    assert server("info", "-j")["Backup path"] == "/vz/elsewhere"
    assert call(node, ["prlsrvctl", "net", "set", "n1", "--name", "n2"]).violations
    assert call(node, ["prlsrvctl", "privnet", "add", "p1"]).rc == 250


# -- copies -----------------------------------------------------------------------------------------------------------

def write(node: Node, text: str) -> None:
    """Change a file of web1."""
    (node.rootfs(IDENT) / "root/file").write_text(text)


def backup(node: Node, name: str, *words: str) -> str:
    """Make a backup; its id."""
    return done(node, "backup", name, *words).out.split()[-1]


def test_a_backup_brings_back_the_files_of_its_moment(web: Node) -> None:
    assert prl(web, "backup-list", IDENT).rc == 255 and prl(web, "restore", "web1").rc == 255
    done(web, "start", "web1")
    write(web, "one")
    first = backup(web, "web1", "-i", "--description", "the first: of all")
    write(web, "two")
    second = backup(web, "web1", "-i")
    assert second == first + ".2"
    done(web, "set", "web1", "--memsize", "128", "--ipadd", "192.0.2.10")
    write(web, "three")
    blocks = done(web, "backup-list", "-f").out.rstrip("\n").split("\n\n")
    assert len(blocks) == 2 and f"Backup_ID: {first}\n" in blocks[0]
    assert "\nType: f\n" in blocks[0] and "\nDescription: the first: of all\n" in blocks[0]
    assert f"Backup_ID: {second}\n" in blocks[1] and "\nType: i\n" in blocks[1] and f"VM_UUID: {{{IDENT}}}" in blocks[1]
    assert len(done(web, "backup-list", IDENT, "-H").out.splitlines()) == 2 and prl(web, "restore", "-t", first).rc == 255
    done(web, "restore", "-t", first, "-n", "web2")
    other = Guests(web).find("web2")
    assert other is not None and (web.rootfs(other.ident) / "root/file").read_text() == "one" and other.uuid != IDENT
    assert prl(web, "restore", "-t", first, "-n", "web2").rc == 255
    done(web, "stop", "web1", "--kill")
    done(web, "restore", "-t", second)
    assert (web.rootfs(IDENT) / "root/file").read_text() == "two" and shown(web, "web1")["Hardware"]["memory"]["size"] == "256Mb"
    done(web, "delete", "web1")
    done(web, "restore", "web1")
    done(web, "start", IDENT)
    assert inside(web, "web1", "cat", "/root/file") == "two"
    third = backup(web, "web1", "-f")
    done(web, "backup-delete", "-t", first)
    assert [line.split()[1] for line in done(web, "backup-list", "-H").out.splitlines()] == [third]
    assert prl(web, "backup-delete", "-t", first).rc == 255


def test_backups_of_a_machine(vm: Node) -> None:
    ident = shown(vm, "vm1")["ID"]
    image = Guests(vm).all()[0].home_path / "harddisk.hdd"
    image.write_text("one")
    first = backup(vm, "vm1")
    image.write_text("two")
    done(vm, "set", "vm1", "--memsize", "4G")
    done(vm, "restore", "-t", first)
    assert image.read_text() == "one" and shown(vm, "vm1")["Hardware"]["memory"]["size"] == "2048Mb" and shown(vm, "vm1")["ID"] == ident
    assert done(vm, "backup-list", "--vmtype", "ct", "-H").out == "" and done(vm, "backup-list", "--vmtype", "vm", "-H").out != ""


def test_snapshots(web: Node) -> None:
    done(web, "start", "web1")
    found = []
    for text in ("one", "two"):
        write(web, text)
        found += re.findall(r"with id (\{.*\}) has", done(web, "snapshot", "web1", "-n", text).out)
    write(web, "three")
    lines = done(web, "snapshot-list", "web1").out.splitlines()
    assert lines[1:] == ["%38s  %38s" % ("", found[0]), "%38s *%38s" % (found[0], found[1])]
    done(web, "snapshot-switch", "web1", "-i", found[0])
    assert inside(web, "web1", "cat", "/root/file") == "one"
    assert "Current: yes" in done(web, "snapshot-list", "web1", "-i", found[0]).out.splitlines()
    assert prl(web, "snapshot-delete", "web1", "-i", IDENT).rc == 255
    done(web, "snapshot-delete", "web1", "-i", found[0], "-c")
    assert len(done(web, "snapshot-list", "web1").out.splitlines()) == 1 and prl(web, "snapshot-switch", "web1", "-i", found[1]).rc == 255


def test_clones_and_another_node(make_node: Make) -> None:
    here, there = make_node(7), make_node(7)
    done(here, "create", "web1", "--vmtype", "ct", "--ostemplate", TEMPLATE, "--uuid", IDENT)
    done(here, "set", "web1", "--device-add", "net", "--mac", "001C42AABB01")
    write(here, "one")
    done(here, "clone", "web1", "--name", "web2")
    clone = shown(here, "web2")
    assert clone["ID"] != IDENT and clone["EnvID"] != NUMBER and clone["Hardware"]["net0"]["mac"] != "001C42AABB01"
    assert (here.rootfs(clone["ID"]) / "root/file").read_text() == "one"
    assert prl(here, "clone", "web1", "--name", "web2").rc == 255
    assert prl(here, "migrate", "web1", "node2").rc == 1 and prl(here, "migrate", "web1", "127.0.0.1").rc == 255
    Guests(here).set_peers({"node2": str(there.root)})
    done(here, "start", "web1")
    done(here, "migrate", "web1", "root@node2/moved")
    assert prl(here, "status", "web1").rc == 255 and shown(there, "moved")["ID"] == IDENT
    assert inside(there, "moved", "cat", "/root/file") == "one"


# -- programs, log ----------------------------------------------------------------------------------------------------

@pytest.fixture
def program(web: Node) -> Iterator[Callable[..., subprocess.CompletedProcess[str]]]:
    """The programs as programs: their node is in the environment."""
    def run(name: str, *words: str, **more: Any) -> subprocess.CompletedProcess[str]:
        environment = {**os.environ, "VZNODE_ROOT": str(web.root), "VZNODE_VERSION": "7", "VZNODE_PRLCTL": "2024"}
        path = Path(__file__).parents[2] / "vznode/bin" / name
        return subprocess.run([*web.host_network, sys.executable, str(path), *words], env=environment, text=True, capture_output=True,
                              check=False, **more)

    yield run


def test_the_programs(web: Node, program: Callable[..., subprocess.CompletedProcess[str]]) -> None:
    done(web, "start", "web1")
    said = program("prlctl", "exec", "web1", "--without-shell", "sh", "-c", "cat; exit 3", input="hello\n")
    assert (said.returncode, said.stdout, said.stderr) == (3, "hello\n", "")
    assert json.loads(program("prlctl", "list", "-i", "-j").stdout)[0]["Name"] == "web1"
    assert json.loads(program("prlsrvctl", "info", "-j").stdout)["Version"] == "Server 9.0.26"


def test_calls_at_the_same_time_see_whole_guests(node: Node) -> None:
    """Three containers are made, changed and removed at once, while the node is listed again and again."""
    def work(number: int) -> list[int]:
        name = "web%d" % number
        lines = ("create %s --vmtype ct --ostemplate " + TEMPLATE, "set %s --memsize 64", "start %s", "set %s --cpus 1", "stop %s --kill", "delete %s")
        return [prl(node, *(line % name).split()).rc for line in lines]

    with ThreadPoolExecutor(3) as pool:
        running = [pool.submit(work, number) for number in range(3)]
        while not all(each.done() for each in running):
            found = json.loads(done(node, "list", "-i", "-j").out)
            assert len({guest["EnvID"] for guest in found}) == len(found) <= 3
        assert [each.result() for each in running] == [[0] * 6] * 3
    assert json.loads(done(node, "list", "-i", "-j").out) == []


def test_every_call_and_every_entry_is_logged(web: Node) -> None:
    done(web, "set", "web1", "--memsize", "128", "--cpus", "1")
    call(web, ["prlsrvctl", "cttemplate", "list", "-j"])
    assert log_of(web)[-2]["argv"] == ["prlctl", "set", "web1", "--memsize", "128", "--cpus", "1"]
    assert used(web, "prlsrvctl") == {("cttemplate", ""), ("cttemplate", "list"), ("cttemplate", "-j")}
    assert {("set", ""), ("set", "--memsize"), ("set", "--cpus"), ("create", "--vmtype")} <= used(web, "prlctl")
    for name in ("prlctl", "prlsrvctl"):
        assert used(web, name) <= entries(name)
    assert ("set", "--save") not in entries("prlctl") and ("set", "--save") in entries("vzctl7")
