# Copyright: (c) 2026, flotilla.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""One Debian guest with its agent, booted once, lives through everything that libvirt can change while it runs."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import libvirt
import pytest
from ansible_collections.flotilla.virt.plugins.module_utils._libvirt.domain import agent, table
from laws import laws
from laws.domain_lab import DomainLab
from support import guest_image
from support.libvirtd import PrivateLibvirtd
from support.until import until

from . import live_rows
from .conftest import empty
from .real_guest import CMDLINE, Guest, base_of, boot_files, surroundings

pytestmark = [pytest.mark.system, pytest.mark.slow]

NOT_COMPLIED = "guest has not complied"


@pytest.fixture(scope="module", name="images")
def _images(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The image of a Debian guest, built unless it is there."""
    return dict(guest_image.images(tmp_path_factory.mktemp("role")))


@pytest.fixture(scope="module", name="files")
def _files(images: dict[str, str]) -> Iterator[Path]:
    """A folder that QEMU may read: what guests boot, and media."""
    folder = Path(tempfile.mkdtemp(prefix="guest-"))
    folder.chmod(0o755)
    boot_files(images, folder)
    for name in ("one", "two"):
        (folder / name).write_bytes(name.encode().ljust(1 << 20, b"\0"))
    (folder / "shared").mkdir()
    (folder / "shared/hello").write_text("from the host", encoding="utf-8")
    yield folder
    shutil.rmtree(folder)


@pytest.fixture(scope="module", name="guest")
def _guest(host: DomainLab, private_libvirtd: PrivateLibvirtd, images: dict[str, str], files: Path) -> Iterator[Guest]:
    """The guest, running, with its agent."""
    empty(host)
    pool = host.raw.storagePoolLookupByName("fast")
    lab = DomainLab(host.uri, surroundings(images))
    guest = Guest(lab, "debian", base_of(system(files), **live_rows.BASE), private_libvirtd.enter)
    guest.start()
    medium = pool.createXML("<volume><name>medium.raw</name><capacity>1048576</capacity><target><format type='raw'/></target></volume>")
    Path(medium.path()).write_bytes(b"vol".ljust(1 << 20, b"\0"))
    # It was made with a source of random numbers that nobody declared: declared and taken back, it is gone.
    for rng in ({"source": "/dev/urandom"}, None):
        lab.must("debian", {**guest.base, "rng": rng})
    yield guest
    empty(host)


def system(files: Path, more: str = "") -> dict[str, str]:
    """What a guest boots."""
    return {"kernel": str(files / "kernel"), "initrd": str(files / "initrd"), "cmdline": CMDLINE + more}


def filled(declared: Any, words: Mapping[str, str]) -> Any:
    """A declaration with its words in braces replaced."""
    if isinstance(declared, Mapping):
        return {name: filled(value, words) for name, value in declared.items()}
    if isinstance(declared, list):
        return [filled(value, words) for value in declared]
    return words.get(declared, declared) if isinstance(declared, str) else declared


# -- live rows ----------------------------------------------------------------------------------------------------------------

def patterns(declared: Any, pattern: str = "") -> set[str]:
    """Every pattern of the table that a declaration names."""
    if isinstance(declared, Mapping):
        return {pattern}.union(*(patterns(value, "%s.%s" % (pattern, name) if pattern else name) for name, value in declared.items()))
    if isinstance(declared, list):
        return {pattern}.union(*(patterns(value, pattern + "[]") for value in declared))
    return {pattern}


def test_every_live_row_is_lived_through() -> None:
    live = {pattern for pattern, one in table.FIELDS.items() if one.row.verb} | {pattern for pattern, one in table.THINGS.items() if one.thing.verb}
    lived = set().union(*(patterns(step.declared) for life in live_rows.LIVES for step in life.steps)) | set(live_rows.OF_THEIR_OWN)
    assert live - lived == set(live_rows.NOT_HERE), sorted((live - lived) ^ set(live_rows.NOT_HERE))


@pytest.mark.parametrize("life", live_rows.LIVES, ids=lambda life: life.name)
def test_it_lives_through(guest: Guest, files: Path, life: live_rows.Life) -> None:
    words = {"{one}": str(files / "one"), "{two}": str(files / "two")}
    try:
        for step in life.steps:
            assert guest.has(filled(step.declared, words)).changed, "nothing was to be done"
            step.seen(guest)
    finally:
        guest.lab.apply(guest.name, guest.base)
    guest.has({})


def test_the_agents_channel_is_unplugged(guest: Guest) -> None:
    """Without it nobody can look inside, so that QEMU is asked."""
    assert laws.converge(guest.lab, guest.name, guest.declared({"agent": False, "wait_for": {"what": "running"}})).pending == []
    assert "guest_agent" not in guest.monitor("info qtree")
    laws.converge(guest.lab, guest.name, guest.base)
    guest.same_boot()


def test_a_nic_moves_to_a_bridge(guest: Guest) -> None:
    result = laws.converge(guest.lab, guest.name, dict(guest.base, nics=[{"name": "lan", "bridge": "laws-br1"}]))
    assert result.pending == []
    live_rows.on_bridge("laws-br1")(guest)
    guest.has({})
    live_rows.on_bridge("laws-br0")(guest)


def test_nodes_of_the_host(guest: Guest) -> None:
    """The host of these tests has one node; that it is asked for it is seen in the control groups."""
    assert guest.domain.numaParameters(libvirt.VIR_DOMAIN_AFFECT_LIVE)["numa_nodeset"] == "0"
    guest.has({"numa": {"mode": "preferred"}})


# -- what does not go as declared ---------------------------------------------------------------------------------------------

def test_a_device_that_the_guest_keeps_is_pending_and_asked_again(guest: Guest) -> None:
    """The guest is made deaf for the ACPI event by which a device is asked to leave, and hears again."""
    guest.has({"disks": [{**live_rows.DATA, "name": "kept"}]})
    guest.sh("echo mask > /sys/firmware/acpi/interrupts/gpe01")
    result = laws.assert_check_is_truthful(guest.lab, guest.name, guest.base)
    assert not result.failed and laws.pendings(result)["disks[kept]"][2] == NOT_COMPLIED, result.msg
    again = guest.lab.must(guest.name, guest.base)
    assert not again.changed and "disks[kept]" in laws.pendings(again)
    guest.same_boot()
    guest.sh("echo unmask > /sys/firmware/acpi/interrupts/gpe01")
    until(lambda: not guest.lab.must(guest.name, guest.base).pending, "the disk has left")
    guest.has({})


def test_a_step_that_fails_says_what_was_done_and_the_next_run_finishes(guest: Guest) -> None:
    network = guest.lab.raw.networkLookupByName("dmz")
    network.destroy()
    raw = guest.declared({"title": "before it", "nics": [{"name": "second", "network": "dmz"}]})
    try:
        result = guest.lab.apply(guest.name, raw)
    finally:
        network.create()
    assert result.failed and result.changed and "dmz" in result.msg
    assert [step for step in result.applied_steps if "title" in step], result.applied_steps
    assert "not applied: nics[second]" in result.msg
    assert guest.live().find("title").text == "before it"
    finished = guest.has({"title": "before it", "nics": [{"name": "second", "network": "dmz"}]})
    assert list(laws.entries(finished)) == ["nics[second]"]
    guest.sees("ls /sys/class/net | grep -c en", "2")
    guest.has({})


# -- what takes a restart -----------------------------------------------------------------------------------------------------

# Rows that wait for a restart, with values that the guest can boot with.
LATER: Mapping[str, Any] = {
    "cpus": {"maximum": 3, "model": "Nehalem", "features": {"aes": "disable"}, "topology": {"sockets": 3, "cores": 1}},
    "memory": {"maximum": "640MiB", "ksm": False, "source": "memfd", "access": "shared", "allocation": "ondemand", "discard": True,
               "balloon": {"model": "virtio", "autodeflate": True, "free_page_reporting": True}},
    "boot": {"menu": True, "menu_timeout": 1000, "serial": True},
    "disks": [{"name": "root", "cache": "writeback", "io": "threads", "discard": "unmap", "detect_zeroes": "unmap", "error_policy": "stop",
               "rerror_policy": "report", "queues": 2, "serial": "root", "boot_order": 1, "physical_block_size": 4096}],
    "nics": [{"name": "lan", "mac": "52:54:00:00:77:09", "model": "e1000e", "mtu": 1400, "rom": False, "target": "pet0"}],
    "graphics": [{"type": "vnc", "password": "secret0", "keymap": "de", "share_policy": "force-shared"}],
    "video": "vga", "sound": "ich9", "panic": ["isa"], "iommu": {"model": "intel"}, "tpm": {"type": "emulator", "version": "2.0"},
    "serials": [{"name": "second", "port": "1", "type": "pty"}], "features": {"pae": True, "vmport": False},
    "clock": {"offset": "localtime", "timers": [{"name": "rtc", "tickpolicy": "delay"}]},
    "smbios": {"mode": "sysinfo", "system": {"manufacturer": "Shop"}},
    "lifecycle": {"lock_failure": "poweroff"}, "power_management": {"suspend_to_mem": False}, "pcie_root_ports": 16,
    "xml": "<domain><features><privnet/></features></domain>",
}


def test_rows_that_wait_for_a_restart_wait_until_a_new_process_runs(guest: Guest) -> None:
    """Through a reboot, a reset and a restored image; then the guest stops gracefully and starts as declared."""
    raw = guest.declared(LATER)
    result = laws.converge(guest.lab, guest.name, raw)
    waiting = laws.pendings(result)
    for path, (_before, _after, impact) in laws.entries(result).items():
        reasons = [reason for other, (_running, _stored, reason) in waiting.items() if path.startswith(other)]
        assert impact == "restart" and set(reasons) - {NOT_COMPLIED}, path
    guest.same_boot()
    for again in (lambda: agent_run(guest, "systemctl reboot"), guest.domain.reset, lambda: until(lambda: saved(guest), "it is saved")):
        before = guest.booted()
        again()
        is_saved = bool(guest.domain.hasManagedSaveImage())
        seen = guest.lab.must(guest.name, raw)
        # A saved guest is started from its image, which is a change; one that boots again runs already.
        assert seen.changed is is_saved and rows_that_wait(laws.pendings(seen)) == rows_that_wait(waiting)
        until(lambda: (guest.booted() == before) is is_saved, "it is as it was, or has booted again")  # pylint: disable=cell-var-from-loop
    process, boot = guest.domain.ID(), guest.booted()
    result = laws.assert_check_is_truthful(guest.lab, guest.name, dict(raw, on_change="restart"))
    # Not powered off, since force_stop is not declared. What is left to it is what the balloon has not taken back yet.
    assert not result.failed and {
        reason for _running, _stored, reason in laws.pendings(result).values()} <= {NOT_COMPLIED}, (result.msg, result.pending)
    assert guest.domain.ID() != process and guest.booted() != boot
    guest.sees("cat /sys/class/dmi/id/sys_vendor", "Shop")
    assert not laws.converge(guest.lab, guest.name, dict(raw, on_change="restart")).changed
    guest.complies(raw)


def saved(guest: Guest) -> bool:
    """Saves the guest. QEMU gave up on that on a busy host, which leaves the guest running and is no fault of ours: it is asked again."""
    try:
        guest.domain.managedSave()
    except libvirt.libvirtError as error:
        if error.get_error_code() != libvirt.VIR_ERR_OPERATION_FAILED:
            raise
    return bool(guest.domain.hasManagedSaveImage())


def rows_that_wait(pending: dict[str, tuple[Any, Any, str]]) -> set[str]:
    """What waits for a restart. What waits for the guest comes and goes: one that boots has given the balloon nothing yet."""
    return {path for path, (_running, _stored, reason) in pending.items() if reason != NOT_COMPLIED}


def agent_run(guest: Guest, command: str) -> None:
    """Starts a command in the guest whose end nobody will see."""
    agent.command(guest.domain, "guest-exec", {"path": "/bin/sh", "arg": ["-c", command]})


# -- power, last: it ends the guest -------------------------------------------------------------------------------------------

def test_a_group_of_limits_is_joined_and_left(guest: Guest) -> None:
    guest.base = guest.declared(LATER)
    guest.has({"disks": [{"name": "root", "iotune": {"read_iops": 5000, "group": "slow"}}]})
    assert guest.domain.blockIoTune("vda")["group_name"] == "slow"
    # The plan says that leaving a group takes a restart, as it does while limits stay; without any libvirt forgets the group.
    assert laws.converge(guest.lab, guest.name, guest.base).pending == []
    assert guest.domain.blockIoTune("vda")["group_name"] == ""
    guest.same_boot()


def test_cpus_leave(guest: Guest) -> None:
    """Late: libvirt 9.0 forgets a CPU that the guest let go after more than 5 s, and then says for good that it is there."""
    guest.lab.must(guest.name, guest.declared({"cpus": {"count": 3}}))
    guest.sees("nproc", "3")
    result = guest.lab.must(guest.name, guest.base)
    until(lambda: len(guest.qemu("query-cpus-fast")) == 2, "QEMU has two CPUs")
    guest.sees("nproc", "2")
    assert {reason for path, (_running, _stored, reason) in laws.pendings(result).items() if path == "cpus.count"} <= {NOT_COMPLIED}
    guest.same_boot()


def test_power(guest: Guest) -> None:
    """A state is waited for. A guest that ignores the request to stop is powered off only where that is declared."""
    laws.converge(guest.lab, guest.name, dict(guest.base, state="paused"))
    assert guest.domain.state()[0] == libvirt.VIR_DOMAIN_PAUSED
    laws.converge(guest.lab, guest.name, guest.base)
    guest.same_boot()
    agent_run(guest, "mkdir -p /run/systemd/logind.conf.d; printf '[Login]\\nHandlePowerKey=ignore\\n' > /run/systemd/logind.conf.d/deaf.conf;"
                     " systemctl restart systemd-logind; systemctl stop qemu-guest-agent")
    until(lambda: not agent.connected(guest.live()), "the agent has gone")
    stopped = dict(guest.base, state="stopped", stop_timeout=3)
    result = guest.lab.apply(guest.name, stopped)
    assert result.failed and "has not shut down within 3 s" in result.msg and "force_stop" in result.msg
    assert guest.domain.ID() == guest.process
    assert laws.converge(guest.lab, guest.name, dict(stopped, force_stop=True)).status["state"] == "stopped"


# -- guests whose memory grows by devices -------------------------------------------------------------------------------------

@pytest.mark.parametrize("method", ["dimm", "virtio-mem"])
def test_memory_is_plugged(host: DomainLab, private_libvirtd: PrivateLibvirtd, images: dict[str, str], files: Path, method: str) -> None:
    empty(host)
    memory = {"size": "512MiB", "maximum": "1GiB", "method": method, "source": "memfd", "access": "shared"}
    base = base_of(system(files, " memhp_default_state=online_movable"), memory=memory, cpus={"count": 1})
    guest = Guest(DomainLab(host.uri, surroundings(images)), method, base, private_libvirtd.enter)
    guest.start()
    at_boot = int(guest.sh(MEMORY))
    for size in (768, 640, 512) if method == "virtio-mem" else (768, 512):
        guest.has({"memory": {"size": "%dMiB" % size}})
        until(lambda: int(guest.sh(MEMORY)) == at_boot + size - 512, "the guest has %d MiB" % size)  # pylint: disable=cell-var-from-loop
    guest.has({"disks": [{**live_rows.DATA, "bus": "scsi", "serial": "one"}]})
    guest.sees("lsblk -dno SIZE,SERIAL /dev/sda", "16M one")
    guest.has({})
    guest.has({"filesystems": [{"name": "share", "driver": "virtiofs", "source": str(files / "shared"), "target": "share"}]})
    guest.sees("modprobe virtiofs; mkdir -p /run/s; mount -t virtiofs share /run/s && cat /run/s/hello; umount /run/s", "from the host")
    guest.has({})
    empty(host)


# What the guest's kernel has of memory blocks that are in use, in MiB.
MEMORY = "lsmem -b -o SIZE,STATE -n | awk '/online/ {sum += $1} END {printf \"%d\", sum / 1048576}'"
