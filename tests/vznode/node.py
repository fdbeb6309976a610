# Copyright: (c) 2026, flotilla.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The node: its directories, configuration files, names, locks, and what runs."""

from __future__ import annotations

import contextlib
import json
import os
import random
import re
import shutil
import signal
import string
import threading
from pathlib import Path
from typing import Any, Iterator

from . import values

UBS = ("KMEMSIZE", "LOCKEDPAGES", "PRIVVMPAGES", "SHMPAGES", "NUMPROC", "PHYSPAGES", "VMGUARPAGES", "OOMGUARPAGES", "NUMTCPSOCK",
       "NUMFLOCK", "NUMPTY", "NUMSIGINFO", "TCPSNDBUF", "TCPRCVBUF", "OTHERSOCKBUF", "DGRAMRCVBUF", "NUMOTHERSOCK", "DCACHESIZE",
       "NUMFILE", "AVNUMPROC", "NUMIPTENT", "SWAPPAGES")
# The order in which new keys are appended by one save.
ORDER = UBS + ("DISK_QUOTA", "DISKSPACE", "DISKINODES", "QUOTATIME", "QUOTAUGIDLIMIT", "CPUUNITS", "CPULIMIT", "CPUS", "CPUMASK", "NODEMASK",
               "IOPRIO", "IOLIMIT", "IOPSLIMIT", "ONBOOT", "BOOTORDER", "DISABLED", "IP_ADDRESS", "HOSTNAME", "SEARCHDOMAIN", "NAMESERVER",
               "NETIF", "DESCRIPTION", "VE_ROOT", "VE_PRIVATE", "VE_LAYOUT", "OSTEMPLATE", "ORIGIN_SAMPLE", "UUID", "NAME", "STOP_TIMEOUT")
_KNOWN = set(ORDER) | {"VM_OVERCOMMIT", "CAPABILITY", "FEATURES", "NETFILTER", "IPTABLES", "MOUNT_OPTS", "TEMPLATE", "DEVICES", "DEVNODES"}
UNKEPT = "# this comment, and every key that vzctl does not know, survives\n"
SAMPLES = {
    "basic": {"KMEMSIZE": "14372700:14790164", "LOCKEDPAGES": "2048:2048", "PRIVVMPAGES": "65536:69632", "SHMPAGES": "21504:21504",
              "NUMPROC": "240:240", "PHYSPAGES": "0:unlimited", "VMGUARPAGES": "33792:unlimited", "OOMGUARPAGES": "26112:unlimited",
              "NUMTCPSOCK": "360:360", "NUMFLOCK": "188:206", "NUMPTY": "16:16", "NUMSIGINFO": "256:256",
              "TCPSNDBUF": "1720320:2703360", "TCPRCVBUF": "1720320:2703360", "OTHERSOCKBUF": "1126080:2097152",
              "DGRAMRCVBUF": "262144:262144", "NUMOTHERSOCK": "360:360", "DCACHESIZE": "3409920:3624960", "NUMFILE": "9312:9312",
              "AVNUMPROC": "180:180", "NUMIPTENT": "128:128"},
    "light": {"PHYSPAGES": "0:unlimited"},
}
SAMPLES.update({"vswap-" + name: {"PHYSPAGES": "0:" + ram, "SWAPPAGES": "0:" + swap} for name, ram, swap in (
    ("256m", "256M", "512M"), ("512m", "512M", "1G"), ("1024m", "1024M", "2G"), ("1g", "1G", "2G"), ("2g", "2G", "4G"), ("4g", "4G", "8G"))})
_TAIL = {"DISKSPACE": "2G:2.2G", "DISKINODES": "131072:144179", "QUOTATIME": "0", "CPUUNITS": "1000"}


def unquote(text: str) -> str:
    """A value as vzctl reads it back: one pair of quotes off, and backslashes dropped."""
    text = text.strip()
    if text[:1] == '"':
        text = text[1:-1] if text[-1:] == '"' and len(text) > 1 else text[1:]
    return text.replace("\\", "")


class Config:
    """One configuration file, edited line by line."""

    def __init__(self, text: str, where: str = "") -> None:
        self.lines = text.splitlines()
        self.where = where
        self.warnings: list[str] = []
        self.values = self._read()

    def _read(self) -> dict[str, str]:
        found: dict[str, str] = {}
        for number, line in enumerate(self.lines, 1):
            if not line.strip() or line.lstrip().startswith("#"):
                continue
            key, equals, value = line.partition("=")
            text = unquote(value)
            if not equals:
                self.warnings.append(f"Warning: can't parse {self.where}:{number} ('=' not found), skipping")
            elif key in found and key in _KNOWN:
                self.warnings.append(f'Warning at {self.where}:{number}: duplicate for {key} ("{text}"), ignored')
            elif not _valid(key, text):
                self.warnings.append(f'Warning at {self.where}:{number}: invalid value for {key} ("{text}"), skipped')
            else:
                found[key] = text
        return found

    def set(self, key: str, value: str | None) -> None:
        """Put a value where the key stands, or at the end; None removes it."""
        place = next((index for index, line in enumerate(self.lines) if line.partition("=")[0] == key), None)
        if value is None:
            if place is not None:
                del self.lines[place]
            self.values.pop(key, None)
            return
        line = f'{key}="{value}"'
        if place is None:
            self.lines.append(line)
        else:
            self.lines[place] = line
        self.values[key] = unquote(f'"{value}"')

    def update(self, changed: dict[str, str | None]) -> None:
        """Put several values, new keys in vzctl's own order."""
        for key in sorted(changed, key=lambda key: ORDER.index(key) if key in ORDER else 99):
            self.set(key, changed[key])

    def __str__(self) -> str:
        return "".join(line + "\n" for line in self.lines)


def _valid(key: str, text: str) -> bool:
    try:
        if key == "IP_ADDRESS":
            values.addresses(text)
        elif key in ("ONBOOT", "DISABLED"):
            return text in ("yes", "no", "auto", "on", "off")
    except values.Bad:
        return False
    return True


class Node:
    """One node below `root` (its /etc/vz and /vz), of version 4 or 7.

    mainline: as the transcripts were recorded, without an OpenVZ kernel: no I/O limits, no check for addresses in use.
    strict: what the real program takes and a driver must not send is a violation (see README.md), and is refused.
    host_network: a command line that enters the network namespace of the node, empty for the current one.
    prlctl: the year of the prlctl and prlsrvctl of version 7, whose output has fewer keys the older it is.
    """

    def __init__(self, root: str | Path, version: int = 4, mainline: bool = False, strict: bool = True,
                 host_network: tuple[str, ...] = (), prlctl: int = 2024) -> None:
        self.root = Path(root)
        self.version = version
        self.mainline = mainline
        self.strict = strict
        self.host_network = host_network
        self.prlctl = prlctl
        self.processes: list[Any] = []
        self.etc, self.vz = self.root / "etc/vz", self.root / "vz"
        self.state = self.root / "vz/vznode"

    # -- making it ------------------------------------------------------------------------------------------------

    def make(self) -> None:
        """Make an empty node: configuration, samples, folders."""
        for folder in (self.etc / "conf", self.etc / "names", self.vz / "private", self.vz / "root", self.vz / "lock", self.vz / "dump",
                       self.vz / "template/cache", self.state):
            folder.mkdir(parents=True, exist_ok=True)
        (self.etc / "vz.conf").write_text(
            '# Global parameters\nVIRTUOZZO=yes\nLOCKDIR=/vz/lock\nDUMPDIR=/vz/dump\nTEMPLATE=/vz/template\nVE_ROOT=/vz/root/$VEID\n'
            'VE_PRIVATE=/vz/private/$VEID\nDEF_OSTEMPLATE="%s"\nCONFIGFILE="%s"\nVE_LAYOUT=%s\nDISK_QUOTA=no\n'
            % (("debian-12-x86_64", "vswap-256m", "simfs") if self.version == 4 else (".debian-12-x86_64", "vswap-256m", "ploop")))
        (self.etc / "conf/0.conf").write_text('ONBOOT="no"\n')
        for name, settings in SAMPLES.items():
            everything = {**settings, **_TAIL, **({"NETFILTER": "stateless"} if self.version == 4 else {})}
            text = "# A sample of the double\n" + UNKEPT + "".join(f'{key}="{value}"\n' for key, value in everything.items())
            (self.etc / f"conf/ve-{name}.conf-sample").write_text(text)

    def add_template(self, name: str, tarball: Path) -> None:
        """Put an OS template where vzctl looks for it."""
        if self.version == 7:
            (self.vz / f"template/cache/{name.lstrip('.')}.tar").symlink_to(tarball)
        else:
            (self.vz / f"template/cache/{name}.tar").symlink_to(tarball)

    def uncached(self) -> list[str]:
        """The templates that are installed and have no cache; a test puts them there as folders."""
        place = self.vz / "template/installed"
        return sorted(path.name for path in place.iterdir()) if place.exists() else []

    def template(self, name: str) -> Path | None:
        """The tarball of a template."""
        name = name.lstrip(".") if self.version == 7 else name
        found = [self.vz / f"template/cache/{name}.tar{ending}" for ending in ("", ".gz", ".bz2", ".xz")]
        return next((path for path in found if path.exists()), None)

    def clean(self) -> None:
        """Kill every container and unmount what is mounted."""
        from . import machine  # pylint: disable=import-outside-toplevel,cyclic-import
        for ident in [path.stem for path in self.state.glob("*.json")] + [path.name for path in (self.vz / "root").glob("*")]:
            machine.kill(self, ident)
            machine.umount(self, ident)
        for process in self.processes:
            with contextlib.suppress(OSError):
                process.kill()
            process.wait()
        shutil.rmtree(self.root / "vz", ignore_errors=True)
        shutil.rmtree(self.etc, ignore_errors=True)

    # -- configuration --------------------------------------------------------------------------------------------

    def global_config(self) -> Config:
        """The node's own settings."""
        return Config((self.etc / "vz.conf").read_text(), "/etc/vz/vz.conf")

    def path(self, ident: str) -> Path:
        """The configuration file of a container."""
        return self.etc / f"conf/{ident}.conf"

    def config(self, ident: str) -> Config | None:
        """A container's configuration, or None."""
        try:
            return Config(self.path(ident).read_text(errors="surrogateescape"), f"/etc/vz/conf/{ident}.conf")
        except FileNotFoundError:
            return None

    def save(self, ident: str, config: Config) -> None:
        """Write a container's configuration."""
        path = self.path(ident)
        target = Path(os.path.realpath(path)) if path.is_symlink() else path
        replace(target, str(config))

    def idents(self) -> list[str]:
        """All containers that have a configuration file."""
        names = [path.name[:-5] for path in (self.etc / "conf").glob("*.conf")]
        return sorted((name for name in names if name != "0"), key=lambda name: (0, int(name), "") if name.isdigit() else (1, 0, name))

    def place(self, ident: str, key: str) -> str:
        """The private area or the root of a container, as the node calls it."""
        config = self.config(ident)
        text = (config.values.get(key) if config else None) or self.global_config().values[key]
        return text.replace("$VEID", ident)

    def private(self, ident: str) -> Path:
        """The private area in this file system."""
        return self.root / self.place(ident, "VE_PRIVATE").lstrip("/")

    def mount_point(self, ident: str) -> Path:
        """The root in this file system."""
        return self.root / self.place(ident, "VE_ROOT").lstrip("/")

    def rootfs(self, ident: str) -> Path:
        """The root file system in the private area: below root.hdd where prlctl made the container."""
        disk = self.private(ident) / "root.hdd"
        return disk if disk.is_dir() else self.private(ident)

    @property
    def dispatcher_down(self) -> bool:
        """Whether prlctl and prlsrvctl find no dispatcher; to be set by a test."""
        return (self.state / "dispatcher-down").exists()

    @dispatcher_down.setter
    def dispatcher_down(self, down: bool) -> None:
        if down:
            (self.state / "dispatcher-down").touch()
        else:
            (self.state / "dispatcher-down").unlink(missing_ok=True)

    # -- names ----------------------------------------------------------------------------------------------------

    def by_name(self, name: str) -> str | None:
        """The container that has this name."""
        link = self.etc / "names" / name
        if not name or len(name.encode()) > 255 or not link.is_symlink():
            return None
        ident = os.path.basename(os.readlink(link))[:-5]
        config = self.config(ident)
        return ident if config is not None and config.values.get("NAME") == name else None

    def rename(self, ident: str, old: str, new: str) -> None:
        """Move the link of a container's name."""
        if old:
            (self.etc / "names" / old).unlink(missing_ok=True)
        if new:
            link = self.etc / "names" / new
            link.unlink(missing_ok=True)
            link.symlink_to(f"../conf/{ident}.conf")

    # -- what runs ------------------------------------------------------------------------------------------------

    def live(self, ident: str) -> dict[str, Any]:
        """What is noted of a running container."""
        try:
            found: dict[str, Any] = json.loads((self.state / f"{ident}.json").read_text())
        except FileNotFoundError:
            return {}
        return found

    def note(self, ident: str, live: dict[str, Any]) -> None:
        """Note what runs of a container; empty forgets it."""
        path = self.state / f"{ident}.json"
        if live:
            replace(path, json.dumps(live))
        else:
            path.unlink(missing_ok=True)

    def init(self, ident: str) -> int:
        """The process id of a container's init, 0 where it does not run."""
        live = self.live(ident)
        pid = live.get("pid", 0)
        return pid if pid and started(pid) == live["started"] else 0

    def mounted(self, ident: str) -> bool:
        """Whether the root is mounted."""
        place = os.path.realpath(self.mount_point(ident))
        return any(line.split(" ")[4] == place for line in Path("/proc/self/mountinfo").read_text().splitlines())

    def exists(self, ident: str) -> bool:
        """Whether it has a configuration and a private area."""
        return self.path(ident).exists() and self.private(ident).exists()

    # -- lock -----------------------------------------------------------------------------------------------------

    @contextlib.contextmanager
    def lock(self, ident: str) -> Iterator[str]:
        """Hold a container's lock; yields a line about a stale one. Raises Locked."""
        path = self.vz / f"lock/{ident}.lck"
        said = ""
        if path.exists():
            pid = path.read_text().split("\n")[0]
            if pid.isdigit() and started(int(pid)):
                raise Locked(int(pid))
            if pid:
                said = f"Removing stale lock file /vz/lock/{ident}.lck"
        path.write_text(f"{os.getpid()}\nlocked\n")
        try:
            yield said
        finally:
            path.unlink(missing_ok=True)


def replace(path: Path, text: str) -> None:
    """Write a file whole: other calls read it at the same time."""
    partial = path.with_name("%s.%d.new" % (path.name, threading.get_ident()))
    partial.write_text(text, errors="surrogateescape")
    partial.replace(path)


class Ended(Exception):
    """The program ends with this code."""

    def __init__(self, rc: int) -> None:
        super().__init__(rc)
        self.rc = rc


class Locked(Exception):
    """Another command holds the container."""

    def __init__(self, pid: int) -> None:
        super().__init__(pid)
        self.pid = pid
        words = Path(f"/proc/{pid}/cmdline").read_bytes().decode(errors="replace").rstrip("\0").split("\0")
        start = next((index for index, word in enumerate(words) if os.path.basename(word) == "vzctl"), 0)
        self.cmdline = " ".join([os.path.basename(words[start]), *words[start + 1:]])


def started(pid: int) -> str:
    """When a process started, in ticks since boot; empty where there is none, or only a zombie."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return ""
    return "" if fields[0] in ("Z", "X") else fields[19]


def random_mac() -> str:
    """A MAC address as vzctl makes one."""
    return "00:18:51:" + ":".join("%02X" % random.randrange(256) for _byte in range(3))


def token() -> str:
    """A short random word for host interfaces."""
    return "".join(random.choices(string.ascii_lowercase + string.digits, k=6))


def kill_quietly(pid: int, number: int = signal.SIGKILL) -> None:
    """Send a signal to a process that may be gone."""
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, number)


def nics_of(text: str) -> list[dict[str, str]]:
    """The interfaces in a NETIF value."""
    return [dict(word.partition("=")[::2] for word in part.split(",") if word) for part in text.split(";") if re.search(r"\S", part)]
