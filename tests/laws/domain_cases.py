# Copyright: (c) 2026, flotilla.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""For every option of a domain: two values, and what stands there once it is taken back.

Every row of the domain table and every option of the grammar is here, or in `ELSEWHERE` with the reason; a test says so.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Mapping

KEEPS = object()
# What was declared is gone; libvirt's own of that kind stay.
GONE = object()
BASE: Mapping[str, Any] = {
    "state": "stopped",
    "memory": {"size": "64MiB"},
    "cpus": {"count": 1},
    "virtualization": "qemu",
    "disks": [{"name": "data", "pool": "fast", "size": "1MiB"}],
    "nics": [{"name": "lan", "network": "lan"}],
}


@dataclass(frozen=True)
class Case:
    """One option: the values that it is declared with in turn, and its value in `spec` after it is declared no more.

    beside: what else the declaration needs (by pattern). alone: changing it changes this path only, so it must be the
    only plan entry. real: libvirt's test driver cannot do it; only a real host can. fake: why no host of the tests can do
    it, so that only the test driver is asked. same: both values are one, since there is no other. fixed: it cannot change.
    instead: what else the declaration has in place of the base's. entries: plan entries from the first to the second
    value. not_live: why no running guest of the tests can be put through it. not_started: why none can be started with it.
    stays: libvirt refuses, or ignores, a document without it, so it is not taken back alone.
    """

    pattern: str
    first: Any
    second: Any
    taken_back: Any
    beside: Mapping[str, Any] = field(default_factory=dict)
    real: bool = False
    path: str = ""
    fake: str = ""
    same: bool = False
    fixed: bool = False
    instead: Mapping[str, Any] = field(default_factory=dict)
    entries: int = 1
    stays: bool = False
    not_live: str = ""
    not_started: str = ""


NO_KERNEL = "these kernels are not there"
USER_KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOMqqnkVzrm0SdG6UOoqKLsabgH5C9okWi0dh2l9GKJl"

CASES: tuple[Case, ...] = (
    Case("autostart", True, False, False),
    Case("tags", {"role": "db"}, {"role": "web", "tier": "gold"}, None),
    Case("title", 'Shop\'s <db> & "cache"', "Büro", None),
    Case("description", "line one\nline two", "  spaces around and a newline\n", None),
    Case("cpus.count", 2, 3, KEEPS, {"cpus.maximum": 4}),
    Case("cpus.maximum", 4, 8, 1),
    Case("memory.size", "96MiB", "128MiB", KEEPS, {"memory.maximum": "256MiB"}),
    Case("memory.maximum", "256MiB", "512MiB", "64MiB"),
    Case("os.firmware", "uefi", "bios", KEEPS),
    Case("os.kernel", "/boot/vmlinuz-a", "/boot/vmlinuz-b", None, not_started=NO_KERNEL),
    Case("os.initrd", "/boot/initrd-a", "/boot/initrd-b", None, {"os.kernel": "/boot/vmlinuz"}, not_started=NO_KERNEL),
    Case("os.cmdline", "console=ttyS0 quiet", "root=LABEL=root", None, {"os.kernel": "/boot/vmlinuz"}, not_started=NO_KERNEL),
    Case("agent", False, True, True),
    Case("console", False, True, True),
    Case("disks[].cache", "none", "writeback", None),
    Case("disks[].readonly", True, False, None),
    Case("disks[].serial", "S1", "S2", None),
    Case("disks[].bus", "scsi", "virtio", KEEPS),
    Case("disks[].size", "1MiB", "4MiB", KEEPS, real=True),
    Case("nics[].network", "dmz", "lan", KEEPS),
    Case("nics[].mac", "52:54:00:00:00:01", "52:54:00:00:00:02", KEEPS),
    Case("nics[].model", "e1000", "virtio", KEEPS),
    Case("nics[].link", "down", "up", "up"),
    Case("nics[].mtu", 1400, 9000, None),
    Case("nics[].address", "192.168.77.5/24", ["192.168.77.6/24", "fd00::6/64"], None),
    Case("nics[].gateway", "192.168.77.1", "192.168.77.2", None),
    Case("nics[].dns", ["192.168.77.1"], ["9.9.9.9", "192.168.77.1"], None),
    Case("cloud_init.hostname", "one", "two", None),
    Case("cloud_init.ssh_keys", [USER_KEY], [USER_KEY, USER_KEY + " second"], None),
    Case("cloud_init.packages", ["vim"], ["vim", "tmux"], None),
    Case("cloud_init.timezone", "Europe/Berlin", "UTC", None),
    Case("cloud_init.locale", "C.UTF-8", "de_DE.UTF-8", None),
    Case("cloud_init.user_data", "#cloud-config\n{}\n", {"bootcmd": ["true"]}, None),
    Case("cloud_init.network_config", {"version": 2}, {"version": 2, "ethernets": {}}, None),
    Case("cloud_init.run_commands", ["true"], ["true", "touch /tmp/ran"], None),
    Case("cloud_init.users[].ssh_keys", [USER_KEY], [USER_KEY + " other"], None, {"cloud_init.users[].name": "ops"}),
    Case("cloud_init.users[].groups", ["adm"], ["adm", "sudo"], None, {"cloud_init.users[].name": "ops"}),
    Case("cloud_init.users[].sudo", True, "ALL=(ALL) ALL", None, {"cloud_init.users[].name": "ops"}),
    Case("cloud_init.users[].shell", "/bin/bash", "/bin/sh", None, {"cloud_init.users[].name": "ops"}),
    Case("cloud_init.users[].hashed_password", "$6$salt$one", "$6$salt$two", None, {"cloud_init.users[].name": "ops"}),
    Case("cloud_init.users[].lock_password", True, False, None, {"cloud_init.users[].name": "ops"}),
)


def _iotune() -> tuple[Case, ...]:
    """Every limit of a disk: beside a burst stands what it bursts above, and beside its length the burst."""
    found = []
    for part in ("total", "read", "write"):
        base = "disks[].iotune.%s" % part
        for what, first, second in (("bytes", "4MiB", "8MiB"), ("iops", 100, 200)):
            rate, burst = "%s_%s" % (base, what), "%s_%s_max" % (base, what)
            found += [
                Case(rate, first, second, None),
                Case(burst, "40MiB" if what == "bytes" else 1000, "80MiB" if what == "bytes" else 2000, None, {rate: first}),
                Case(burst + "_length", 2, 5, None, {rate: first, burst: "40MiB" if what == "bytes" else 1000}, stays=True),
            ]
    return tuple(found) + (
        Case("disks[].iotune.size_iops", 4096, 8192, None, {"disks[].iotune.total_iops": 100}),
        Case("disks[].iotune.group", "one", "two", None, {"disks[].iotune.total_iops": 100}),
    )


def _hyperv() -> tuple[Case, ...]:
    plain = (
        "relaxed",
        "vapic",
        "vpindex",
        "runtime",
        "synic",
        "reset",
        "frequencies",
        "reenlightenment",
        "tlbflush",
        "ipi",
        "evmcs",
        "avic",
    )
    return tuple(Case("features.hyperv.%s" % name, True, False, None) for name in plain) + (
        Case("features.hyperv.mode", "passthrough", "custom", None),
        Case("features.hyperv.spinlocks", 4095, 8191, None),
        Case("features.hyperv.stimer", True, False, None),
        Case("features.hyperv.stimer_direct", True, False, None, {"features.hyperv.stimer": True}),
        Case("features.hyperv.vendor_id", "KVMKVM", "other", None),
    )


def _rates() -> tuple[Case, ...]:
    found = []
    for direction in ("inbound", "outbound"):
        base = "nics[].bandwidth.%s." % direction
        found += [
            Case(base + "average", "1MiB", "2MiB", None, not_live=NO_TC),
            Case(base + "peak", "4MiB", "8MiB", None, {base + "average": "1MiB"}, not_live=NO_TC),
            Case(base + "burst", "4MiB", "8MiB", None, {base + "average": "1MiB"}, not_live=NO_TC),
        ]
    return tuple(found) + (Case("nics[].bandwidth.inbound.floor", "1MiB", "2MiB", None, fake="only a network with limits has a floor"),)


NO_TC = "this kernel has no traffic control"
NO_VSOCK = "this kernel has no vhost-vsock"
NO_SPICE = "no SPICE in this QEMU"
NO_HARDWARE = "needs hardware of the host"
VNC = {"graphics[].type": "vnc"}
CD = {"media[].name": "cd"}
FS = {"filesystems[].name": "srv", "filesystems[].source": "/srv", "filesystems[].target": "srv"}
PCI = {"host_devices[].name": "card", "host_devices[].pci": "0000:03:00.0"}
SERIAL = {"serials[].name": "s0"}
CONSOLE = {"consoles[].name": "hvc0", "consoles[].target_type": "virtio"}
CHANNEL = {"channels[].name": "c0", "channels[].target": "com.example.c0"}
SCSI = {"controllers[].name": "big", "controllers[].type": "scsi", "controllers[].index": "1", "controllers[].model": "virtio-scsi"}
CELL = {"cpus.maximum": 2, "numa.cells[].id": "0", "numa.cells[].cpus": "0-1", "numa.cells[].memory": "64MiB"}
TIMER = {"clock.timers[].name": "rtc"}
SEV = {
    "launch_security.type": "sev",
    "launch_security.policy": "0x0001",
    "launch_security.cbitpos": 47,
    "launch_security.reduced_phys_bits": 1,
}
NET = {"disks[].name": "data"}

CASES += (
    _iotune()
    + _hyperv()
    + _rates()
    + (
        Case("uuid", "6b3a0a4e-5a4e-4b6c-9a51-111111111111", None, KEEPS, fixed=True),
        Case("virtualization", "qemu", None, KEEPS, fixed=True, real=True),
        Case("os.architecture", "x86_64", None, KEEPS, fixed=True, real=True),
        # -- CPUs
        Case(
            "cpus.topology",
            {"sockets": 2, "dies": 1, "cores": 2, "threads": 1},
            {"sockets": 1, "cores": 4},
            None,
            {"cpus.maximum": 4},
            entries=2,
        ),
        Case("cpus.model", "qemu64", "Nehalem", KEEPS),
        Case("cpus.features", {"aes": "disable"}, {"aes": False, "avx": "optional"}, None, {"cpus.model": "Nehalem"}),
        Case("cpus.migratable", True, False, None, {"cpus.model": "host-passthrough"}, fake="emulation has no CPU to pass through"),
        Case("cpus.cache", "emulate", "disable", None, {"cpus.model": "host-passthrough"}, fake="emulation has no CPU to pass through"),
        Case("cpus.placement", "auto", None, None, fake="needs numad", fixed=True),
        Case("cpus.cpuset", "0", "0-1", None),
        Case("cpus.pins", {"0": "0"}, {"0": "1"}, None),
        Case("cpus.emulator_pin", "0", "1", None),
        Case("cpus.iothreads", 2, 3, None),
        Case("cpus.iothread_pins", {"1": "0"}, {"1": "1"}, None, {"cpus.iothreads": 1}),
        Case("cpus.shares", 512, 2048, None),
        Case("cpus.period", 50000, 200000, 100000),
        Case("cpus.quota", 20000, 40000, -1),
        Case("cpus.global_period", 50000, 200000, 100000),
        Case("cpus.global_quota", 20000, 40000, -1),
        Case("cpus.emulator_period", 50000, 200000, 100000),
        Case("cpus.emulator_quota", 20000, 40000, -1),
        Case("cpus.iothread_period", 50000, 200000, 100000, {"cpus.iothreads": 1}),
        Case("cpus.iothread_quota", 20000, 40000, -1, {"cpus.iothreads": 1}),
        # -- memory
        Case("memory.huge_pages", True, "2MiB", None),
        Case("memory.locked", True, False, None),
        Case("memory.ksm", False, True, None),
        Case("memory.source", "memfd", "file", None),
        Case("memory.access", "shared", "private", None),
        Case("memory.allocation", "immediate", "ondemand", None),
        Case("memory.discard", True, False, None),
        Case("memory.hard_limit", "1GiB", "2GiB", None),
        Case("memory.soft_limit", "1GiB", "512MiB", None),
        Case(
            "memory.swap_hard_limit",
            "2GiB",
            "3GiB",
            None,
            {"memory.hard_limit": "1GiB"},
            not_started="this machine lets nobody lock memory",
        ),
        Case("memory.balloon.autodeflate", False, True, False, {"memory.balloon.model": "virtio"}),
        Case("memory.balloon.free_page_reporting", False, True, False, {"memory.balloon.model": "virtio"}),
        Case("memory.balloon.stats_period", 5, 10, None, {"memory.balloon.model": "virtio"}),
        Case("memory.balloon", {"model": "virtio"}, {"model": "none"}, KEEPS),
        Case("numa.mode", "preferred", "interleave", None, {"numa.nodeset": "0"}),
        Case("numa.nodeset", "0", "0", None, {"numa.mode": "preferred"}, same=True, stays=True),
        Case("numa.placement", "auto", None, None, {"numa.mode": "preferred"}, fake="needs numad", fixed=True),
        Case(
            "numa.cells",
            [{"id": "0", "cpus": "0-1", "memory": "64MiB"}],
            [{"id": "0", "cpus": "0-1", "memory": "64MiB", "access": "shared"}],
            None,
            {"cpus.maximum": 2},
        ),
        Case("numa.cells[].access", "shared", "private", None, CELL),
        Case("numa.cells[].discard", True, False, None, CELL),
        Case("numa.cells[].distances", {"0": 10}, {"0": 10}, None, CELL, same=True),
        # -- disks
        Case("disks[].type", "disk", "disk", None, same=True),
        Case("disks[].io", "native", "threads", None, {"disks[].cache": "none"}),
        Case("disks[].discard", "unmap", "ignore", None),
        Case("disks[].detect_zeroes", "on", "unmap", None),
        Case("disks[].error_policy", "stop", "enospace", None),
        Case("disks[].rerror_policy", "stop", "report", None),
        Case("disks[].copy_on_read", True, False, None),
        Case("disks[].queues", 2, 4, None),
        Case("disks[].iothread", 1, 2, None, {"cpus.iothreads": 2}),
        Case("disks[].shareable", True, False, None, instead={"disks": [{"name": "raw", "pool": "fast", "size": "1MiB", "format": "raw"}]}),
        Case("disks[].transient", True, False, None, fake="a guest cannot be started so on the null device",
             instead={"disks": [{"name": "own", "file": "/dev/null", "format": "raw"}]}),
        Case("disks[].wwn", "5000c50015ea71aa", "5000c50015ea71ab", None, {"disks[].bus": "scsi"}),
        Case("disks[].vendor", "ONE", "TWO", None, {"disks[].bus": "scsi"}),
        Case("disks[].product", "P1", "P2", None, {"disks[].bus": "scsi"}),
        Case("disks[].rotation_rate", 1, 7200, None, {"disks[].bus": "scsi"}),
        Case("disks[].removable", True, False, None, {"disks[].bus": "usb"}),
        Case("disks[].logical_block_size", 512, 4096, None),
        Case("disks[].physical_block_size", 512, 4096, None),
        Case("disks[].boot_order", 1, 2, None),
        Case(
            "disks[].source.protocol",
            "nbd",
            None,
            KEEPS,
            fixed=True,
            instead={"disks": [{"name": "data", "source": {"protocol": "nbd", "name": "x", "hosts": ["10.0.0.1:10809"]}}]},
        ),
        # -- drives
        Case("media[].type", "cdrom", "cdrom", None, CD, same=True),
        Case("media[].bus", "sata", "scsi", KEEPS, CD),
        Case("media[].file", "/dev/null", "/dev/zero", None, CD),
        Case("media[].device", "/dev/sr0", "/dev/sr1", None, CD, fake=NO_HARDWARE),
        Case("media[].url", "http://example.com/a.iso", "https://example.com:8443/b/c.iso?x=1", None, CD),
        Case(
            "media[].pool",
            "fast",
            "fast",
            KEEPS,
            {**CD, "media[].volume": "web-data.qcow2"},
            same=True,
            stays=True,
            not_live="the volume is the disk's",
        ),
        Case("media[].serial", "S1", "S2", None, CD),
        Case("media[].startup_policy", "optional", "requisite", None, {**CD, "media[].file": "/etc/hostname"}),
        Case("media[].boot_order", 1, 2, None, CD),
        # -- NICs
        Case("nics[].portgroup", "one", "two", None),
        Case("nics[].vlan", 42, [42, 43], None, fake="needs Open vSwitch"),
        Case(
            "nics[].virtual_port",
            {"type": "openvswitch"},
            {"type": "midonet", "interface_id": "09b11c53-8b5c-4eeb-8f00-d84eaa0aaa4f"},
            None,
            fake="needs Open vSwitch",
            entries=2,
        ),
        Case("nics[].driver", "vhost", "qemu", None),
        Case("nics[].queues", 2, 4, None),
        Case("nics[].filter", "clean-traffic", "no-ip-spoofing", None),
        Case("nics[].filter_parameters", {"IP": "192.168.77.5"}, {"IP": "192.168.77.6"}, None, {"nics[].filter": "clean-traffic"}),
        Case("nics[].isolated", False, True, False),
        Case("nics[].trust_guest_rx_filters", False, True, False),
        Case("nics[].target", "shop0", "shop1", None, real=True),
        Case("nics[].rom", False, True, None),
        Case("nics[].boot_order", 1, 2, None),
        # -- devices
        Case("graphics[].port", 5999, 5998, None, VNC),
        Case("graphics[].tls_port", 5999, 5998, None, {"graphics[].type": "spice", "graphics[].port": 5901}, fake=NO_SPICE),
        Case("graphics[].websocket", 5999, 5998, None, VNC),
        Case("graphics[].listen", "127.0.0.1", "0.0.0.0", None, VNC),
        Case("graphics[].password", "one", "two", None, VNC),
        Case("graphics[].password_valid_to", "2030-01-01T00:00:00", "2031-01-01T00:00:00", None, {**VNC, "graphics[].password": "one"}),
        Case("graphics[].keymap", "de", "fr", None, VNC),
        Case("graphics[].share_policy", "force-shared", "ignore", None, VNC),
        Case("graphics[].gl", True, False, None, {"graphics[].type": "sdl"}, fake="no OpenGL here"),
        Case("video", {"model": "vga"}, {"model": "virtio"}, None),
        Case("video.vram", "16MiB", "32MiB", KEEPS, {"video.model": "vga"}),
        Case("video.ram", "64MiB", "128MiB", KEEPS, {"video.model": "qxl"}, fake="no QXL in this QEMU"),
        Case("video.vgamem", "16MiB", "32MiB", KEEPS, {"video.model": "qxl"}, fake="no QXL in this QEMU"),
        Case("video.heads", 1, 2, KEEPS, {"video.model": "virtio"}),
        Case("video.accel3d", True, False, None, {"video.model": "virtio"}, fake="no OpenGL here"),
        Case("sound", {"model": "ich9"}, {"model": "ac97"}, None),
        Case("inputs", [{"name": "pad", "type": "tablet", "bus": "usb"}], [{"name": "pad", "type": "mouse", "bus": "usb"}], GONE),
        Case(
            "inputs[].device",
            "/dev/input/event0",
            "/dev/input/event1",
            None,
            {"inputs[].name": "pad", "inputs[].type": "passthrough", "inputs[].bus": "virtio"},
            fake=NO_HARDWARE,
        ),
        Case("rng.model", "virtio", "virtio-non-transitional", None),
        Case("rng.backend", "random", "builtin", None),
        Case("rng.source", "/dev/urandom", "/dev/random", None),
        Case("rng.rate_bytes", 1024, 2048, None, {"rng.rate_period": 1000}, stays=True),
        Case("rng.rate_period", 1000, 2000, None, {"rng.rate_bytes": 1024}),
        Case("watchdog", {"model": "i6300esb"}, {"model": "i6300esb", "action": "pause"}, None),
        Case("watchdog.action", "pause", "poweroff", None, {"watchdog.model": "i6300esb"}),
        Case("panic", ["isa"], ["isa", "hyperv"], None),
        Case(
            "tpm",
            {"type": "emulator", "version": "2.0", "model": "tpm-crb"},
            {"type": "emulator", "version": "2.0", "model": "tpm-tis"},
            None,
        ),
        Case("tpm.device", "/dev/tpm0", "/dev/tpm1", None, {"tpm.type": "passthrough", "tpm.model": "tpm-tis"}, fake=NO_HARDWARE),
        Case(
            "tpm.persistent_state",
            True,
            False,
            None,
            {"tpm.type": "emulator", "tpm.version": "2.0"},
            not_live="tests/system/domain has a guest with a TPM",
        ),
        Case("vsock", {"cid": 77}, {"cid": 78}, None, not_live=NO_VSOCK),
        Case("vsock.cid", 77, 78, None, not_live=NO_VSOCK),
        Case("vsock.model", "virtio", "virtio-non-transitional", None, not_live=NO_VSOCK),
        Case("iommu", {"model": "intel"}, {"model": "intel", "caching_mode": True}, None),
        Case("iommu.intremap", True, False, None, {"iommu.model": "intel", "features.ioapic": "qemu"}),
        Case("iommu.caching_mode", True, False, None, {"iommu.model": "intel"}),
        Case("iommu.iotlb", True, False, None, {"iommu.model": "intel"}),
        Case("iommu.eim", True, False, None, {"iommu.model": "intel", "iommu.intremap": True, "features.ioapic": "qemu"}),
        Case("filesystems[].readonly", True, False, None, FS),
        Case("filesystems[].access_mode", "mapped", "squash", KEEPS, FS),
        Case("filesystems[].target", "srv", "other", KEEPS, FS),
        Case(
            "filesystems[].queue",
            512,
            1024,
            None,
            {**FS, "filesystems[].driver": "virtiofs", "memory.access": "shared", "memory.source": "memfd"},
        ),
        Case(
            "filesystems[].cache",
            "always",
            "none",
            None,
            {**FS, "filesystems[].driver": "virtiofs", "memory.access": "shared", "memory.source": "memfd"},
        ),
        Case(
            "filesystems[].xattr",
            True,
            False,
            None,
            {**FS, "filesystems[].driver": "virtiofs", "memory.access": "shared", "memory.source": "memfd"},
        ),
        Case("host_devices[].managed", True, False, KEEPS, PCI, fake=NO_HARDWARE),
        Case("host_devices[].rom", True, False, None, PCI, fake=NO_HARDWARE),
        Case("host_devices[].rom_file", "/srv/rom1", "/srv/rom2", None, PCI, fake=NO_HARDWARE),
        Case("host_devices[].boot_order", 1, 2, None, PCI, fake=NO_HARDWARE),
        Case(
            "host_devices[].display",
            True,
            False,
            None,
            {"host_devices[].name": "gpu", "host_devices[].mdev": "53764d0e-85a0-42b4-af5c-2046b460b1dc"},
            fake=NO_HARDWARE,
        ),
        Case(
            "usb_redirection",
            1,
            2,
            None,
            {
                "graphics[].type": "spice",
                "controllers[].name": "usb",
                "controllers[].type": "usb",
                "controllers[].index": "0",
                "controllers[].model": "qemu-xhci",
            },
            fake=NO_SPICE,
        ),
        Case("channels[].target", "com.example.a", "com.example.b", KEEPS, CHANNEL),
        Case("channels[].log", "/var/log/libvirt/qemu/a.log", "/var/log/libvirt/qemu/b.log", None, CHANNEL),
        Case("channels[].type", "unix", "pty", KEEPS, CHANNEL),
        Case("serials[].type", "pty", "null", KEEPS, SERIAL),
        Case("serials[].log", "/var/log/libvirt/qemu/a.log", "/var/log/libvirt/qemu/b.log", None, SERIAL),
        Case("serials[].path", "/tmp/s0.log", "/tmp/s1.log", KEEPS, {**SERIAL, "serials[].type": "file"}, stays=True),
        Case("consoles[].type", "pty", "null", KEEPS, CONSOLE),
        Case("shared_memory[].size", "4MiB", "8MiB", KEEPS, {"shared_memory[].name": "sm0", "shared_memory[].model": "ivshmem-plain"}),
        Case(
            "shared_memory[].role",
            "master",
            "peer",
            None,
            {"shared_memory[].name": "sm0", "shared_memory[].model": "ivshmem-plain", "shared_memory[].size": "4MiB"},
        ),
        Case(
            "smartcard",
            {"mode": "passthrough", "type": "spicevmc"},
            {"mode": "host"},
            None,
            {"graphics[].type": "spice"},
            fake="the reader of a host needs hardware",
        ),
        Case("controllers[].queues", 2, 4, None, SCSI),
        Case("controllers[].iothread", 1, 2, None, {**SCSI, "cpus.iothreads": 2}),
        Case("pcie_root_ports", 16, 18, KEEPS, {"os.machine": "q35"}),
        # -- machine
        Case("os.variant", "debian12", "win11", KEEPS),
        Case("os.dtb", "/boot/a.dtb", "/boot/b.dtb", None, {"os.kernel": "/boot/vmlinuz"}, not_started=NO_KERNEL),
        Case("boot.order", ["hd", "network"], ["cdrom"], KEEPS),
        Case("boot.menu", True, False, None),
        Case("boot.menu_timeout", 3000, 5000, None, {"boot.menu": True}),
        Case("boot.serial", True, False, None),
        Case("boot.reboot_timeout", 1000, 2000, None),
        Case("features.acpi", True, False, KEEPS),
        Case("features.apic", True, False, KEEPS),
        Case("features.pae", True, False, None),
        Case("features.smm", True, False, None, {"os.machine": "q35"}),
        Case("features.vmport", False, True, None),
        Case("features.pmu", True, False, None),
        Case("features.hap", True, False, None),
        Case("features.pvspinlock", True, False, None),
        Case("features.vmcoreinfo", True, False, None),
        Case("features.ioapic", "qemu", "kvm", None),
        Case("features.gic", "2", "3", KEEPS, fake="ARM only"),
        Case("features.kvm_hidden", True, False, None),
        Case("features.kvm_hint_dedicated", True, False, None),
        Case("clock.offset", "localtime", "utc", None),
        Case("clock.timezone", "Europe/Berlin", "Europe/Paris", None, {"clock.offset": "timezone"}, stays=True),
        Case("clock.adjustment", "3600", "7200", KEEPS, {"clock.offset": "variable", "clock.basis": "utc"}),
        Case("clock.basis", "localtime", "utc", KEEPS, {"clock.offset": "variable", "clock.adjustment": "0"}),
        Case("clock.start", "1000000000", "1500000000", KEEPS, {"clock.offset": "absolute"}, stays=True),
        Case("clock.timers[].present", True, False, None, TIMER),
        Case("clock.timers[].tickpolicy", "catchup", "delay", None, TIMER),
        Case("clock.timers[].track", "guest", "wall", None, TIMER),
        Case("clock.timers[].frequency", 2000000000, 2100000000, None, {"clock.timers[].name": "tsc"}, fake="needs the frequency of the host's own CPU"),
        Case("clock.timers[].mode", "native", "emulate", None, {"clock.timers[].name": "tsc"}),
        Case("smbios.mode", "sysinfo", "emulate", None, {"smbios.bios": {"vendor": "Shop"}}),
        Case("smbios.bios", {"vendor": "Shop"}, {"vendor": "Other", "version": "2"}, None),
        Case("smbios.system", {"manufacturer": "Shop"}, {"manufacturer": "Other", "product": "Till"}, None),
        Case("smbios.base_board", {"manufacturer": "Shop"}, {"product": "Board"}, None),
        Case("smbios.chassis", {"manufacturer": "Shop"}, {"serial": "1"}, None),
        Case("smbios.oem_strings", ["one"], ["one", "two"], None),
        Case("lifecycle.poweroff", "restart", "destroy", None),
        Case("lifecycle.reboot", "destroy", "restart", None),
        Case("lifecycle.crash", "restart", "preserve", None),
        Case("lifecycle.lock_failure", "poweroff", "pause", None),
        Case("power_management.suspend_to_mem", True, False, None),
        Case("power_management.suspend_to_disk", True, False, None),
        Case(
            "launch_security",
            {"type": "sev", "policy": "0x0001", "cbitpos": 47, "reduced_phys_bits": 1},
            {"type": "sev", "policy": "0x0003", "cbitpos": 47, "reduced_phys_bits": 1},
            None,
            fake=NO_HARDWARE,
        ),
        Case("launch_security.kernel_hashes", True, False, None, SEV, fake=NO_HARDWARE),
        Case("launch_security.dh_cert", "AAAA", "BBBB", KEEPS, SEV, fake=NO_HARDWARE),
        Case("launch_security.session", "AAAA", "BBBB", KEEPS, SEV, fake=NO_HARDWARE),
        Case(
            "security_labels", [{"model": "dac", "type": "none"}], [{"model": "dac", "type": "static", "label": "+0:+0"}], None, entries=2
        ),
        Case(
            "security_labels[].relabel",
            False,
            True,
            KEEPS,
            {"security_labels[].model": "dac", "security_labels[].type": "static", "security_labels[].label": "+0:+0"},
        ),
        Case(
            "security_labels[].label",
            "+0:+0",
            "+64055:+108",
            KEEPS,
            {"security_labels[].model": "dac", "security_labels[].type": "static"},
            stays=True,
            not_started="its QEMU would be nobody who may read the pool",
        ),
        Case(
            "security_labels[].base_label",
            "+0:+0",
            "+64055:+108",
            KEEPS,
            {"security_labels[].model": "dac", "security_labels[].type": "dynamic"},
            fake="DAC has no base label",
        ),
        Case("resource_partition", "/machine", "/machine/prod", None),
        Case("io_weight", 200, 400, None),
        # -- whole items, for what an item cannot do without, or what comes together
        *(
            Case("nics", [{"name": "lan", **one}], [{"name": "lan", **other}], [], fake=why)
            for one, other, why in (
                ({"macvtap": "eth1", "macvtap_mode": "vepa"}, {"macvtap": "eth1", "macvtap_mode": "bridge"}, ""),
                ({"hostdev": "0000:03:10.0"}, {"hostdev": "0000:03:10.1"}, NO_HARDWARE),
                ({"user": True}, {"user": True, "link": "down"}, ""),
                ({"vdpa": "/dev/vhost-vdpa-0"}, {"vdpa": "/dev/vhost-vdpa-1"}, NO_HARDWARE),
                (
                    {"macvtap": "eth1", "virtual_port": {"type": "802.1Qbh", "profile_id": "one"}},
                    {"macvtap": "eth1", "virtual_port": {"type": "802.1Qbh", "profile_id": "two"}},
                    NO_HARDWARE,
                ),
            )
        ),
        Case(
            "nics",
            [{"name": "lan", "vhost_user": "/run/a.sock", "vhost_user_mode": "client"}],
            [{"name": "lan", "vhost_user": "/run/b.sock", "vhost_user_mode": "client"}],
            [],
            {"memory.access": "shared"},
        ),
        *(
            Case(
                "disks",
                [{"name": "data", **one}],
                [{"name": "data", "cache": "none", **one}],
                [],
                instead={"disks": []},
                not_live="the servers are not there",
            )
            for one in (
                {"source": {"protocol": "nbd", "name": "x", "hosts": ["/run/nbd.sock"], "tls": False}},
                {"url": "https://example.com/disk.raw", "readonly": True},
                {
                    "source": {
                        "protocol": "rbd",
                        "name": "vms/web",
                        "hosts": ["10.0.0.1:6789", "10.0.0.2:6789"],
                        "user": "libvirt",
                        "secret": "3a5f0f0e-8c2f-4b8f-9a75-1c9c2b7d5f0e",
                    }
                },
                {
                    "source": {
                        "protocol": "iscsi",
                        "name": "iqn.2026-01.com.example:store/1",
                        "hosts": ["10.0.0.5:3260"],
                        "initiator": "iqn.2026-01.com.example:host",
                    }
                },
            )
        ),
        Case(
            "host_devices",
            [{"name": "stick", "usb": "046d:c52b"}],
            [{"name": "stick", "usb": "046d:c52b", "boot_order": 1}],
            None,
            fake=NO_HARDWARE,
        ),
        Case(
            "host_devices",
            [{"name": "gpu", "mdev": "53764d0e-85a0-42b4-af5c-2046b460b1dc", "mdev_model": "vfio-pci"}],
            [{"name": "gpu", "mdev": "53764d0e-85a0-42b4-af5c-2046b460b1dc", "mdev_model": "vfio-pci", "display": True}],
            None,
            fake=NO_HARDWARE,
        ),
        *(
            Case(
                "channels",
                [{"name": "c0", "target": "com.example.c0", **one}],
                [{"name": "c0", "target": "com.example.c0", **one, "log": "/var/log/libvirt/qemu/c.log"}],
                None,
                fake=why,
            )
            for one, why in (
                ({"target_type": "virtio", "type": "unix", "path": "/run/libvirt/c0.sock", "mode": "bind"}, ""),
                ({"type": "tcp", "host": "127.0.0.1", "service": "4555", "mode": "bind"}, ""),
                ({"type": "spiceport", "channel": "com.example.c0"}, NO_SPICE),
            )
        ),
        *(
            Case("serials", [{"name": "s0", **one}], [{"name": "s0", **one, "log": "/var/log/libvirt/qemu/s.log"}], GONE, fake=why)
            for one, why in (
                ({"port": "1", "type": "pty", "model": "isa-serial"}, ""),
                ({"type": "tcp", "host": "127.0.0.1", "service": "4556", "mode": "bind"}, ""),
                ({"type": "spiceport", "channel": "com.example.s0"}, NO_SPICE),
            )
        ),
        Case(
            "consoles",
            [{"name": "h0", "target_type": "virtio", "type": "file", "path": "/tmp/h0"}],
            [{"name": "h0", "target_type": "virtio", "type": "file", "path": "/tmp/h1"}],
            GONE,
        ),
        Case(
            "controllers",
            [{"name": "vs", "type": "virtio-serial", "index": "0", "ports": 16}],
            [{"name": "vs", "type": "virtio-serial", "index": "0", "ports": 8}],
            None,
            real=True,
            stays=True,
            not_live="the agent's channel has made one",
        ),
        Case("media", [{"name": "cd", "format": "raw", "file": "/dev/null"}], [{"name": "cd", "format": "raw", "file": "/dev/zero"}], None),
        Case("media", [{"name": "fl", "type": "floppy"}], [{"name": "fl", "type": "floppy", "file": "/dev/zero"}], None),
        Case("os.secure_boot", True, False, KEEPS, {"os.firmware": "uefi", "os.machine": "q35"}, real=True),
        Case("os.loader", "/usr/share/OVMF/OVMF_CODE.fd", "/usr/share/OVMF/OVMF_CODE_4M.fd", KEEPS, not_live="a BIOS that is none"),
        Case("os.nvram", "/tmp/a.fd", "/tmp/b.fd", KEEPS, {"os.loader": "/usr/share/OVMF/OVMF_CODE.fd"}, fake="a BIOS has no variables"),
        Case("os.emulator", "/usr/bin/qemu-system-x86_64", "/usr/bin/qemu-system-i386", KEEPS, fake="another emulator is another guest"),
        *(
            Case(
                "memory",
                {"size": "512MiB", "maximum": "2GiB", "method": method, **more},
                {"size": "768MiB", "maximum": "2GiB", "method": method, **more},
                KEEPS,
                real=True,
                stays=True,
            )
            for method, more in (("dimm", {"slots": 4}), ("virtio-mem", {}))
        ),
        Case(
            "xml",
            "<domain><features><privnet/></features></domain>",
            "<domain><features><privnet/></features><on_crash>preserve</on_crash></domain>",
            None,
        ),
    )
)

# Options whose test has another form than first, second, taken back.
ELSEWHERE: Mapping[str, str] = {
    "state": "test_power",
    "disks[]": "test_items",
    "nics[]": "test_items",
    "disks": "test_items",
    "nics": "test_items",
    "disks[].name": "test_items",
    "nics[].name": "test_items",
    "disks[].pool": "test_fixed",
    "disks[].volume": "test_fixed",
    "disks[].file": "test_fixed",
    "disks[].device": "test_fixed",
    "disks[].format": "test_fixed",
    "disks[].image": "test_creation_only",
    "os.family": "test_creation_only",
    "os.variant": "test_creation_only",
    "os.machine": "test_machine",
    "nics[].bridge": "test_bridge",
    **{
        "install" + part: "tests/unit/install, tests/system/domain/test_install.py"
        for part in (
            "", ".iso", ".iso.file", ".iso.pool", ".iso.volume", ".iso.url", ".tree", ".kernel", ".initrd", ".cmdline", ".drivers",
            ".drivers.file", ".drivers.pool", ".drivers.volume", ".drivers.url", ".answer", ".answer.kind", ".answer.text", ".product_key",
        )
    },
    "cloud_init.reseed": "tests/system/domain/test_reseed.py",
    "cloud_init": "a dictionary",
    "cloud_init.users": "test_items",
    "cloud_init.users[].name": "test_items",
    "image": "the short form of the image of disk root",
    "cpus": "a dictionary",
    "memory": "a dictionary",
    "os": "a dictionary",
}
