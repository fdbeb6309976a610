# Copyright: (c) 2026, flotilla.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""For every live row of the domain table: values that a running guest goes through, and where each is seen to have arrived.

Not in libvirt's live document, which says what was asked for, but inside the guest, in QEMU, in the kernel of the host, or
in the answer of another call of libvirt.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import libvirt
from laws.domain_cases import NO_HARDWARE, NO_SPICE, NO_TC, NO_VSOCK
from support.until import until

from . import rfb
from .real_guest import Guest

Look = Callable[[Guest], None]


class Step(NamedTuple):
    """What is declared beside the guest's own declaration, and how one sees that it is so."""

    declared: Mapping[str, Any]
    seen: Look


@dataclass(frozen=True)
class Life:
    """Steps that one running guest goes through; the last one leaves it as it was made."""

    name: str
    steps: tuple[Step, ...]


# -- where one looks ----------------------------------------------------------------------------------------------------------

def inside(script: str, words: str) -> Look:
    """A script inside the guest prints these words."""
    return lambda guest: guest.sees(script, words)


def answers(ask: Callable[[Any], Any], value: Any) -> Look:
    """A call of libvirt about the running domain answers this."""
    def look(guest: Guest) -> None:
        assert ask(guest.domain) == value
    return look


def in_qemu(command: str, holds: Callable[[Any], Any], **arguments: Any) -> Look:
    """QEMU says something about the guest that holds."""
    def look(guest: Guest) -> None:
        said = guest.qemu(command, **arguments)
        assert holds(said), said
    return look


def both(*looks: Look) -> Look:
    """All of these."""
    def look(guest: Guest) -> None:
        for one in looks:
            one(guest)
    return look


def threads(guest: Guest) -> dict[str, set[int]]:
    """The host's CPUs that each thread of the guest's QEMU may run on, as the host's kernel has it."""
    found = {}
    for task in Path("/proc/%d/task" % process_of(guest)).iterdir():
        status = (task / "status").read_text(encoding="utf-8")
        allowed = status.split("Cpus_allowed_list:")[1].split()[0]
        found[(task / "comm").read_text(encoding="utf-8").strip()] = cpus_of(allowed)
    return found


def process_of(guest: Guest) -> int:
    """The number of the guest's QEMU process, outside the namespace of its libvirtd."""
    name = "guest=%s," % guest.name
    found = [int(place.name) for place in Path("/proc").iterdir() if place.name.isdigit() and _is_qemu(place, name, guest)]
    assert len(found) == 1, found
    return found[0]


def _is_qemu(place: Path, name: str, guest: Guest) -> bool:
    try:
        line = (place / "cmdline").read_bytes().decode("utf-8", "replace")
    except OSError:
        return False
    return name in line and guest.domain.UUIDString() in line


def cpus_of(text: str) -> set[int]:
    """A set of numbers as the kernel writes it."""
    found: set[int] = set()
    for part in text.split(","):
        first, _dash, last = part.partition("-")
        found |= set(range(int(first), int(last or first) + 1))
    return found


def thread_runs_on(name: str, cpus: set[int]) -> Look:
    """A thread of QEMU may run on these CPUs of the host alone, by the host's kernel."""
    def look(guest: Guest) -> None:
        found = threads(guest)
        assert found[name] == cpus, found
    return look


def scheduler(name: str, value: int) -> Look:
    """virDomainGetSchedulerParameters reads the control groups."""
    return answers(lambda domain: domain.schedulerParametersFlags(libvirt.VIR_DOMAIN_AFFECT_LIVE)[name], value)


def limit(name: str, size: int | None) -> Look:
    """virDomainGetMemoryParameters reads the control groups."""
    def ask(domain: Any) -> Any:
        found = domain.memoryParameters(libvirt.VIR_DOMAIN_AFFECT_LIVE)[name]
        return None if found == UNLIMITED else found << 10
    return answers(ask, size)


def throttled(device: str, **limits: int) -> Look:
    """QEMU's own limits of the disk on a target (query-block)."""
    def look(guest: Guest) -> None:
        said = {name: value for name, value in block(guest, device)["inserted"].items() if name in THROTTLE}
        assert said == {**dict.fromkeys(said, 0), **limits}, said
    return look


# VIR_DOMAIN_MEMORY_PARAM_UNLIMITED in KiB; the Python binding lacks it.
UNLIMITED = (1 << 53) - 1
THROTTLE = tuple("%s%s%s" % (what, part, burst) for what in ("bps", "iops") for part in ("", "_rd", "_wr") for burst in ("", "_max"))


def block(guest: Guest, alias: str) -> Any:
    """What QEMU says of a drive, by the alias of its device."""
    return next(one for one in guest.qemu("query-block") if one.get("qdev", "").rstrip("/").split("/virtio-backend")[0].endswith(alias))


def host_device(guest: Guest, nic: str) -> str:
    """The NIC's device on the host, by its alias."""
    for node in guest.live().findall("devices/interface"):
        if node.find("alias").get("name") == "ua-nic-" + nic:
            return str(node.find("target").get("dev"))
    raise AssertionError("no NIC %s" % nic)


def outside(command: str, holds: Callable[[str], Any], nic: str = "lan") -> Look:
    """A command on the host, in the network of its libvirt, says something about the NIC's device `{}`."""
    def look(guest: Guest) -> None:
        said = guest.on_host(*command.format(host_device(guest, nic)).split())
        assert holds(said), said
    return look


def on_bridge(bridge: str) -> Look:
    """The host's kernel has the first NIC on this bridge."""
    return outside("ip -o link show {}", lambda said: "master %s " % bridge in said)


def medium(name: str, file: str | None) -> Look:
    """QEMU has this file in a drive; None for an empty one."""
    def look(guest: Guest) -> None:
        said = block(guest, "ua-media-" + name)
        assert said.get("inserted", {}).get("file") == file, said
    return look


def device(kind: str, there: bool) -> Look:
    """A device of this kind, or with this alias, is on QEMU's PCI or other buses (`info qtree`)."""
    def look(guest: Guest) -> None:
        said = guest.monitor("info qtree")
        assert (kind in said) is there, said
    return look


def filtered(address: str | None) -> Look:
    """The host's packet filter knows what the first NIC may send (nwfilter makes ebtables rules by its device)."""
    def look(guest: Guest) -> None:
        said = guest.on_host("ebtables", "-t", "nat", "-L")
        assert (host_device(guest, "lan") in said) is (address is not None), said
        assert address is None or address in said, said
    return look


def vnc(word: str) -> Look:
    """QEMU's VNC server lets in who knows this password, and nobody else."""
    def look(guest: Guest) -> None:
        assert rfb.lets_in(guest.domain.openGraphicsFD(0, 0), word)
        assert not rfb.lets_in(guest.domain.openGraphicsFD(0, 0), word + "x")
    return look


# -- lives --------------------------------------------------------------------------------------------------------------------

# What the guest begins with beside what every one of these has: what cannot be plugged later.
BASE: Mapping[str, Any] = {
    # The kernel of the image has drivers for SCSI drives and not for SATA ones.
    "cpus": {"count": 2, "maximum": 4, "shares": 1024}, "io_weight": 100,
    "graphics": [{"type": "vnc", "password": "secret0"}], "media": [{"name": "cd", "bus": "scsi"}],
    "memory": {"size": "512MiB", "maximum": "768MiB", "balloon": {"model": "virtio"}}, "numa": {"mode": "preferred", "nodeset": "0"},
}
DATA = {"name": "data", "pool": "fast", "size": "16MiB"}
SIZE = "lsblk -bdno SIZE /dev/disk/by-id/virtio-grow"
CARRIER = "for nic in /sys/class/net/en*; do ip link set ${nic##*/} up; cat $nic/carrier; done"
CHANNEL = {"name": "own", "target": "com.example.own", "type": "unix"}


def _iotune() -> tuple[Step, ...]:
    """All limits in turn; a total and its parts exclude each other."""
    def limits(**said: Any) -> Mapping[str, Any]:
        return {"disks": [{"name": "root", "iotune": said}]}
    return (
        Step(limits(total_bytes="64MiB", total_iops=5000), throttled("root", bps=64 << 20, iops=5000)),
        Step(limits(total_bytes="32MiB", total_bytes_max="64MiB", total_bytes_max_length=2, total_iops=4000,
                    total_iops_max=8000, total_iops_max_length=3, size_iops=8192),
             both(throttled("root", bps=32 << 20, bps_max=64 << 20, iops=4000, iops_max=8000),
                  answers(lambda d: [d.blockIoTune("vda")[name] for name in (
                      "size_iops_sec", "total_bytes_sec_max_length", "total_iops_sec_max_length")], [8192, 2, 3]))),
        Step(limits(read_bytes="64MiB", read_bytes_max="128MiB", read_bytes_max_length=2, write_bytes="32MiB",
                    write_bytes_max="64MiB", write_bytes_max_length=4,
                    read_iops=5000, read_iops_max=6000, read_iops_max_length=3, write_iops=4000, write_iops_max=7000, write_iops_max_length=5),
             both(throttled("root", bps_rd=64 << 20, bps_rd_max=128 << 20, bps_wr=32 << 20, bps_wr_max=64 << 20, iops_rd=5000, iops_rd_max=6000,
                            iops_wr=4000, iops_wr_max=7000),
                  answers(lambda d: [d.blockIoTune("vda")["%s_sec_max_length" % name] for name in (
                      "read_bytes", "write_bytes", "read_iops", "write_iops")], [2, 4, 3, 5]))),
        Step({}, throttled("root")),
    )


def _scheduler() -> tuple[Step, ...]:
    both_values = (("shares", "cpu_shares", 512, 2048, None), ("period", "vcpu_period", 50000, 200000, 100000),
                   ("quota", "vcpu_quota", 60000, 90000, -1))
    both_values += tuple(("%s_%s" % (who, what), "%s_%s" % (who, what), first, second, last) for who in ("global", "emulator", "iothread")
                         for what, first, second, last in (("period", 50000, 200000, 100000), ("quota", 150000, 190000, -1)))
    steps = [Step({"cpus": {name: value[at] for name, _key, *value in both_values}},
                  both(*(scheduler(key, value[at]) for _name, key, *value in both_values))) for at in (0, 1)]
    return tuple(steps) + (Step({}, both(*(scheduler(key, last) for _name, key, _one, _two, last in both_values if last is not None))),)


LIVES = (
    Life("title, description, variant", (
        Step({"title": "Shop's <db>", "description": "one\ntwo", "os": {"variant": "debian12"}},
             both(answers(lambda d: d.metadata(libvirt.VIR_DOMAIN_METADATA_TITLE, None, libvirt.VIR_DOMAIN_AFFECT_LIVE), "Shop's <db>"),
                  answers(lambda d: "debian/12" in d.metadata(libvirt.VIR_DOMAIN_METADATA_ELEMENT, "http://libosinfo.org/xmlns/libvirt/domain/1.0",
                                                              libvirt.VIR_DOMAIN_AFFECT_LIVE), True))),
        Step({"title": "Other", "os": {"variant": "debian11"}},
             answers(lambda d: d.metadata(libvirt.VIR_DOMAIN_METADATA_TITLE, None, libvirt.VIR_DOMAIN_AFFECT_LIVE), "Other")))),
    Life("pins", (
        Step({"cpus": {"pins": {"0": "0", "1": "1"}, "emulator_pin": "1", "iothreads": 1, "iothread_pins": {"1": "0"}}},
             both(thread_runs_on("CPU 0/TCG", {0}), thread_runs_on("CPU 1/TCG", {1}), thread_runs_on("qemu-system-x86", {1}),
                  thread_runs_on("IO iothread1", {0}))),
        Step({"cpus": {"pins": {"0": "1"}, "emulator_pin": "0", "iothreads": 1, "iothread_pins": {"1": "1"}}},
             both(thread_runs_on("CPU 0/TCG", {1}), thread_runs_on("CPU 1/TCG", {0, 1}), thread_runs_on("qemu-system-x86", {0}),
                  thread_runs_on("IO iothread1", {1}))),
        Step({}, both(thread_runs_on("CPU 0/TCG", {0, 1}), thread_runs_on("qemu-system-x86", {0, 1}))))),
    Life("I/O threads", (
        Step({"cpus": {"iothreads": 2}}, in_qemu("query-iothreads", lambda said: sorted(one["id"] for one in said) == ["iothread1", "iothread2"])),
        Step({"cpus": {"iothreads": 1}}, in_qemu("query-iothreads", lambda said: [one["id"] for one in said] == ["iothread1"])),
        Step({}, in_qemu("query-iothreads", lambda said: not said)))),
    Life("shares, quotas and periods", _scheduler()),
    Life("balloon", (
        Step({"memory": {"size": "768MiB"}}, in_qemu("query-balloon", lambda said: said["actual"] == 768 << 20)),
        Step({"memory": {"size": "448MiB"}}, in_qemu("query-balloon", lambda said: said["actual"] == 448 << 20)),
        Step({"memory": {"size": "512MiB"}}, in_qemu("query-balloon", lambda said: said["actual"] == 512 << 20)))),
    Life("statistics of the balloon", (
        Step({"memory": {"balloon": {"model": "virtio", "stats_period": 1}}}, lambda guest: until(
            lambda: guest.domain.memoryStats().get("available", 0) > 0 and guest.domain.memoryStats().get("last_update", 0) > 0, "statistics come")),
        Step({}, in_qemu("qom-get", lambda said: said == 0, path="/machine/peripheral/balloon0", property="guest-stats-polling-interval")))),
    Life("memory limits", (
        Step({"memory": {"hard_limit": "3GiB", "soft_limit": "2GiB", "swap_hard_limit": "4GiB"}},
             both(limit("hard_limit", 3 << 30), limit("soft_limit", 2 << 30), limit("swap_hard_limit", 4 << 30))),
        Step({"memory": {"hard_limit": "2GiB", "soft_limit": "1GiB", "swap_hard_limit": "2GiB"}},
             both(limit("hard_limit", 2 << 30), limit("soft_limit", 1 << 30), limit("swap_hard_limit", 2 << 30))),
        Step({}, both(limit("hard_limit", None), limit("soft_limit", None), limit("swap_hard_limit", None))))),
    Life("virtio disk, and its growth", (
        Step({"disks": [{**DATA, "serial": "grow"}]}, inside(SIZE, str(16 << 20))),
        Step({"disks": [{**DATA, "serial": "grow", "size": "32MiB"}]}, inside(SIZE, str(32 << 20))),
        Step({}, inside("ls /dev/disk/by-id | grep -c virtio-grow", "0")))),
    Life("drive", (
        Step({"media": [{"name": "second", "bus": "scsi", "file": "{one}"}]}, inside("head -c3 /dev/sr1", "one")),
        Step({}, inside("ls /dev | grep -c sr1", "0")))),
    Life("SCSI disk", (
        Step({"disks": [{**DATA, "name": "scsi", "bus": "scsi", "serial": "one"}]}, inside("lsblk -dno SIZE,TRAN,SERIAL /dev/sda", "16M one")),
        Step({}, inside("lsblk -dno NAME | grep -c sda", "0")))),
    Life("virtio-scsi controller", (
        Step({"controllers": [{"name": "more", "type": "scsi", "index": "3", "model": "virtio-scsi"}]}, device("ua-controller-more", True)),
        Step({}, device("ua-controller-more", False)))),
    Life("throttling", _iotune()),
    Life("medium", (
        Step({"media": [{"name": "cd", "file": "{one}"}]}, inside("head -c3 /dev/sr0", "one")),
        Step({"media": [{"name": "cd", "file": "{two}", "startup_policy": "optional"}]}, inside("head -c3 /dev/sr0", "two")),
        Step({"media": [{"name": "cd", "pool": "fast", "volume": "medium.raw"}]}, inside("head -c3 /dev/sr0", "vol")),
        Step({"media": [{"name": "cd"}]}, medium("cd", None)))),
    Life("NIC added and removed", (
        Step({"nics": [{"name": "second", "network": "dmz", "mac": "52:54:00:00:77:01"}]},
             inside("cat /sys/class/net/*/address | grep -c 52:54:00:00:77:01", "1")),
        Step({}, inside("cat /sys/class/net/*/address | grep -c 52:54:00:00:77:01", "0")))),
    Life("NIC on another network, on a bridge", (
        Step({"nics": [{"name": "lan", "network": "dmz"}]}, on_bridge("laws-br1")),
        Step({"nics": [{"name": "lan", "network": "trunk"}]}, on_bridge("laws-br2")),
        Step({}, on_bridge("laws-br0")))),
    Life("link", (
        Step({"nics": [{"name": "lan", "link": "down"}]}, inside(CARRIER, "0")),
        Step({"nics": [{"name": "lan", "link": "up"}]}, inside(CARRIER, "1")),
        Step({"nics": [{"name": "lan", "link": "down"}]}, inside(CARRIER, "0")),
        Step({}, inside(CARRIER, "1")))),
    Life("filter", (
        Step({"nics": [{"name": "lan", "filter": "clean-traffic", "filter_parameters": {"IP": "192.168.77.5"}}]}, filtered("192.168.77.5")),
        Step({"nics": [{"name": "lan", "filter": "clean-traffic", "filter_parameters": {"IP": "192.168.77.6"}}]}, filtered("192.168.77.6")),
        Step({}, filtered(None)))),
    Life("isolation", (
        Step({"nics": [{"name": "lan", "isolated": True}]}, outside("bridge -d link show dev {}", lambda said: "isolated on" in said)),
        Step({}, outside("bridge -d link show dev {}", lambda said: "isolated off" in said)))),
    Life("random numbers", (
        Step({"rng": {"source": "/dev/random", "rate_bytes": 4096, "rate_period": 1000}}, both(
            in_qemu("qom-get", lambda said: said == "/dev/random", path="/objects/objua-rng-0", property="filename"),
            inside("cat /sys/class/misc/hw_random/rng_available", "virtio_rng.0"))),
        Step({}, device("virtio-rng", False)),
        Step({"rng": {"source": "/dev/urandom"}}, inside("cat /sys/class/misc/hw_random/rng_available", "virtio_rng.0")),
        Step({}, device("virtio-rng", False)))),
    Life("input", (
        Step({"inputs": [{"name": "pen", "type": "tablet", "bus": "virtio"}]}, device("virtio-tablet", True)),
        Step({}, device("virtio-tablet", False)))),
    Life("channel", (
        Step({"channels": [CHANNEL]}, inside("ls /dev/virtio-ports | grep example", "com.example.own")),
        Step({}, inside("ls /dev/virtio-ports | grep -c example", "0")))),
    Life("VNC password", (
        Step({"graphics": [{"type": "vnc", "password": "secret1"}]}, vnc("secret1")),
        Step({"graphics": [{"type": "vnc", "password": "secret2", "password_valid_to": "2090-01-01T00:00:00"}]}, vnc("secret2")))),
    Life("lifecycle", (
        Step({"lifecycle": {"poweroff": "destroy", "reboot": "destroy", "crash": "preserve"}}, in_qemu("query-status", lambda said: said["running"])),
        Step({}, in_qemu("query-status", lambda said: said["running"])))),
    Life("weight of disk requests", (
        Step({"io_weight": 200}, answers(lambda d: d.blkioParameters(libvirt.VIR_DOMAIN_AFFECT_LIVE)["weight"], 200)),
        Step({"io_weight": 400}, answers(lambda d: d.blkioParameters(libvirt.VIR_DOMAIN_AFFECT_LIVE)["weight"], 400)))),
)

# Live rows that have a test of their own, and where.
OF_THEIR_OWN: Mapping[str, str] = {
    "agent": "test_the_agents_channel_is_unplugged", "disks[].iotune.group": "test_a_group_of_limits_is_joined_and_left_with_a_restart",
    "state": "test_power", "memory.size": "test_memory_is_plugged", "numa.nodeset": "test_nodes_of_the_host", "cpus.count": "test_cpus_leave",
    "nics[].bridge": "test_a_nic_moves_to_a_bridge", "filesystems[]": "test_memory_is_plugged",
}

# Live rows that no guest of these tests can go through, and why.
NOT_HERE: Mapping[str, str] = {
    "host_devices[]": NO_HARDWARE, "media[].device": NO_HARDWARE, "usb_redirection": NO_SPICE,
    "watchdog": "the image's kernel has no driver for the i6300esb, and q35 no conventional PCI slot for it",
    "shared_memory[]": "ivshmem needs a conventional PCI slot, which q35 has not",
    "media[].url": "QEMU's web client is in another package (qemu-block-extra)", "vsock": NO_VSOCK,
    **{"nics[].bandwidth.%s.%s" % (way, what): NO_TC
       for way in ("inbound", "outbound") for what in ("average", "peak", "burst")},
    "nics[].vlan": "needs Open vSwitch", "nics[].bandwidth.inbound.floor": "only a network with limits has a floor",
}
