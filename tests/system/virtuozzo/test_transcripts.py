# Copyright: (c) 2026, flotilla.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The double of prlctl and prlsrvctl against every recorded step: exit code, both streams, the shape of the output.

The recordings of the parser end where the words were taken (code 77); those of the formatter were made from values that were fed to it,
and here from guests that have them.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from vznode import machine
from vznode.call import call, entries
from vznode.node import Config, Node
from vznode.prl.guests import MACHINE, Guest, Guests
from vznode.prl.making import place
from vznode.vzctl import grammar

from .conftest import DEBIAN, TEMPLATE

pytestmark = pytest.mark.system


@pytest.fixture
def node(make_node: Callable[..., Node]) -> Node:
    """An empty node with the newest prlctl, as the recordings were made: not strict."""
    return make_node(7, strict=False)


CONTRACTS = Path(__file__).parents[2] / "vznode/contracts"


def load(name: str) -> dict[str, list[dict[str, Any]]]:
    """The steps of a recording by scenario."""
    found: dict[str, list[dict[str, Any]]] = {}
    for line in (CONTRACTS / f"{name}.jsonl").read_text().splitlines():
        step = json.loads(line)
        found.setdefault(step["scenario"], []).append(step)
    return {scenario: sorted(steps, key=lambda step: int(step["step"])) for scenario, steps in found.items()}


PARSER, FORMAT = load("prlctl-parser"), load("prlctl-format")


def different(step: dict[str, Any], said: Any) -> str:
    """Where an answer is another one; empty where it is not."""
    want, have = [step["rc"], step["stdout"], step["stderr"]], [said.rc, said.out, said.err]
    return "" if want == have else "%d$ %s\n  recorded %s\n  double   %s" % (step["step"], " ".join(map(repr, step["argv"])), want, have)


@pytest.mark.parametrize("scenario", sorted(PARSER))
def test_the_words_that_the_parser_takes(node: Node, scenario: str) -> None:
    wrong = [different(step, call(node, step["argv"], parse_only=True)) for step in PARSER[scenario]]
    assert not any(wrong), "\n".join(filter(None, wrong))


# -- the formatter ----------------------------------------------------------------------------------------------------

WEB1, DB1 = "6d1d0b0e-0a1b-4c2d-8e3f-0123456789ab", "7e2e1c1f-1b2c-4d3e-9f40-123456789abc"
VM1, VM2 = "8f3f2d20-2c3d-4e4f-a051-23456789abcd", "90403e31-3d4e-4f50-b162-3456789abcde"
NIC = "ifname=eth0,mac=00:1C:42:AA:BB:03,host_ifname=veth42aabb03,host_mac=00:1C:42:00:00:03,network=Bridged,ip=198.51.100.5/24,gw=198.51.100.1"
CONFIGS: dict[str, dict[str, str]] = {
    WEB1: {"NAME": "web1", "HOSTNAME": "web1.example.com", "IP_ADDRESS": "192.0.2.10/24", "NAMESERVER": "192.0.2.53", "PHYSPAGES": "131072:131072",
           "CPUS": "2", "CPULIMIT": "50", "CPUUNITS": "1000", "ONBOOT": "yes", "FEATURES": "sysfs:on", "OSTEMPLATE": ".debian-12-x86_64",
           "DISTRIBUTION": "debian", "DISKSPACE": "10485760:10485760"},
    DB1: {"NAME": "db1", "HOSTNAME": "db1.example.com", "IP_ADDRESS": "192.0.2.11 192.0.2.12 2001:db8::11/64", "NAMESERVER": "192.0.2.53 192.0.2.54",
          "SEARCHDOMAIN": "example.com example.org", "PHYSPAGES": "262144:262144", "CPUUNITS": "1000", "IOPSLIMIT": "300", "CPUMASK": "0-1",
          "NODEMASK": "0", "ONBOOT": "no", "DISTRIBUTION": "debian", "DISKSPACE": "20971520:20971520", "NETIF": NIC}}
RECORDS: dict[str, dict[str, Any]] = {
    WEB1: {"envid": "101", "mac": "001C42AABB01", "fed": {"state": "running", "uptime": 3600}},
    DB1: {"envid": "102", "mac": "001C42AABB02", "fed": {"description": 'data base "main"'}, "disks": {"hdd1": {
        "enabled": True, "port": "scsi:1", "image": f"/vz/private/{DB1}/data.hdd", "type": "expanded", "size": 5120, "mnt": "/srv",
        "state": "connected", "subtype": "virtio-scsi", "autocompact": "off"}}},
    VM1: {"name": "vm1", "os": "centos8", "state": "running", "cpus": 2, "memsize": 2048, "memguarantee": 80, "autostart": "on",
          "vnc_mode": "auto", "vnc_port": 5901,
          "fed": {"uptime": 120, "tools": {"state": "installed", "version": "9.0.3-1.vz9"}}, "devices": {
              "hdd0": {"enabled": True, "port": "scsi:0", "image": "harddisk.hdd", "type": "expanded", "size": 65536, "state": "connected",
                       "subtype": "virtio-scsi"},
              "cdrom0": {"enabled": True, "port": "ide:1", "image": "/vz/vmprivate/iso/cd.iso", "state": "disconnected"},
              "net0": {"dev": "vme001c42aabb04", "enabled": True, "network": "Bridged", "mac": "001C42AABB04", "card": "virtio", "dhcp": "yes"}}},
    VM2: {"name": "vm two", "os": "debian", "state": "stopped", "cpus": 4, "sockets": 2, "memsize": 4096, "cpulimit": "1000Mhz", "cpu_hotplug": "on",
          "mem_hotplug": "on", "numa": 2, "efi": "on", "autostart": "auto", "autostop": "stop", "devices": {
              "hdd0": {"enabled": True, "port": "virtio:0", "image": "harddisk.hdd", "type": "expanded", "size": 131072, "state": "connected"},
              "net0": {"dev": "vme001c42aabb05", "enabled": True, "network": "Host-Only", "mac": "001C42AABB05", "card": "e1000",
                       "ips": ["203.0.113.9/24", "2001:db8::9/64"], "gw": "203.0.113.1"}}}}
BY_NOTE: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("two containers and two virtual machines", (WEB1, DB1, VM1, VM2)), ("two containers;", (WEB1, DB1)), ("one stopped container", (DB1,)),
    ("one stopped virtual machine", (VM2,)), ('"vm two" is a template', (VM1, VM2)), ("virtual machine suspended", (VM1,)),
    ("no guest at all", ()), ("no such guest", ()))
"""Which guests a recording had, by its notes; web1 alone where none of these stands there."""
CHANGES: dict[str, tuple[dict[str, str], dict[str, Any]]] = {
    "text/description": ({}, {"fed": {"state": "running", "uptime": 3600, "description": 'say "hi" \\ back\ttab\nnew'}}),
    "values/limits": ({"CPUS": "0", "CPULIMIT": "0", "PHYSPAGES": "0:0", "IOLIMIT": "10485760", "MEMGUARANTEE": "50",
                       "FEATURES": "nfs:on,sysfs:on"}, {}),
    "values/limits-more": ({"CPUS": "8", "CPULIMIT": "0", "CPULIMIT_MHZ": "2000", "PHYSPAGES": "4194304:4194304", "IOPRIO": "7", "IOPSLIMIT": "1000",
                            "CPUMASK": "0-3", "NODEMASK": "0-1", "ONBOOT": "auto", "AUTOSTOP": "stop",
                            "FEATURES": "bridge:on,nfsd:on,ipgre:on,ppp:on,ipip:on,sit:on,nfs:on,sysfs:on"}, {"sockets": 2}),
    "template/vm": ({}, {"template": "yes"}),
    "state/vm-suspended": ({}, {"state": "suspended"}),
    "message/set-ct-more": ({}, {"fed": {}}),
    "state/ct-unknown": ({}, {"fed": {"state": "invalid"}}),
    "state/ct-paused": ({}, {"fed": {"state": "paused"}}),
    "state/ct-starting": ({}, {"fed": {"state": "starting"}}),
}
"""What the last guest of a scenario has otherwise."""


def feed(node: Node, scenario: str, note: str) -> None:
    """Give a node the guests that a recording was made from."""
    idents = next((found for text, found in BY_NOTE if text in note), (WEB1,))
    for ident in idents:
        config, record = CHANGES.get(scenario, ({}, {})) if ident == idents[-1] else ({}, {})
        whole: dict[str, Any] = {**RECORDS[ident], **record, "uuid": ident}
        if ident in CONFIGS:
            node.private(ident).mkdir(exist_ok=True)
            text = "".join('%s="%s"\n' % pair for pair in {**CONFIGS[ident], **config}.items())
            place(node, ident, Config(text))
            node.rename(ident, "", CONFIGS[ident]["NAME"])
            Guest(node, {**Guests.container_record(ident, ident, "debian"), **whole}).save()
        else:
            Guest(node, {**MACHINE, "kind": "vm", "envid": "", **whole}).save()


def normal(text: str) -> str:
    """The parts of an output that two runs share."""
    text = re.sub(r"\(since [^)]*\)", "(since DATE)", re.sub(r"cpu cores\(\d+\)", "cpu cores(N)", text))
    # The server's own text is not part of the recording.
    return re.sub(r"Failed to get VM config: .*", "Failed to get VM config: ", text)


def compared(node: Node, steps: list[dict[str, Any]], before: Callable[[dict[str, Any]], None]) -> list[str]:
    """Where the steps end otherwise than they were recorded; `before` does what the recording's server did without being asked."""
    wrong = []
    for step in steps:
        before(step)
        said = call(node, step["argv"])
        want, have = [step["rc"], normal(step["stdout"]), normal(step["stderr"])], [said.rc, normal(said.out), normal(said.err)]
        if want != have:
            wrong.append("%d$ %s\n  recorded %s\n  double   %s" % (step["step"], " ".join(step["argv"]), want, have))
    return wrong


@pytest.mark.parametrize("scenario", sorted(set(FORMAT) - {"message/power-ct"}))
def test_what_the_formatter_prints(node: Node, scenario: str) -> None:
    if scenario == "message/set-ct-more":
        # Its password is changed by its own programs.
        tarball = node.template(DEBIAN)
        assert tarball is not None
        machine.unpack(node, WEB1, tarball, node.private(WEB1) / "root.hdd")
    wrong = compared(node, FORMAT[scenario], lambda step: feed(node, scenario, step["note"]))
    assert not wrong, "\n".join(wrong)


def test_what_is_said_of_power(node: Node) -> None:
    """The recording's server answers success to everything: here the container is brought to where that is the answer, and does it."""
    create, start, stop = ("create", "web1", "--vmtype", "ct", "--ostemplate", TEMPLATE), ("start", "web1"), ("stop", "web1")
    by_hand: dict[int, list[tuple[str, ...]]] = {1: [create], 3: [start], 8: [stop], 11: [create], 12: [("register", "HOME"), start]}
    homes: list[str] = []

    def before(step: dict[str, Any]) -> None:
        for words in by_hand.get(step["step"], []):
            assert call(node, ["prlctl", *[homes[-1] if word == "HOME" else word for word in words]]).rc == 0
        homes.extend(guest.home for guest in Guests(node).all())

    wrong = compared(node, FORMAT["message/power-ct"], before)
    assert not wrong, "\n".join(wrong)


def recorded(program: str) -> set[tuple[str, str]]:
    """The grammar entries that stand in a recorded call and were not refused there as unknown."""
    found: set[tuple[str, str]] = set()
    for step in [step for steps in (*PARSER.values(), *FORMAT.values()) for step in steps if step["argv"][0] == program and len(step["argv"]) > 1]:
        action, *words = step["argv"][1:]
        letters = ["-" + letter for word in words if re.fullmatch("-[a-z]{2,}", word) for letter in word[1:]]
        strange = re.findall(r"Un(?:recognized option|known action): (\S+)", step["stderr"])
        found |= {(action, word) for word in ["", *words, *letters] if word not in strange and action not in strange}
    return found


@pytest.mark.parametrize("program", ["prlctl", "prlsrvctl"])
def test_what_no_recording_has_is_named(program: str) -> None:
    """The grammar says which of its entries come from the manual alone."""
    known = grammar(program)
    everything = {entry for entry in entries(program) if entry[0] and entry[1] not in known["global_options"]}
    named = {(action, option) for action, options in known["unrecorded"].items() for option in options}
    assert everything - recorded(program) == named


def test_nothing_is_left_out() -> None:
    """Every recorded step is replayed by one of the tests above: there is no table of exceptions."""
    assert sum(map(len, PARSER.values())) == 366 and sum(map(len, FORMAT.values())) == 144
