# Copyright: (c) 2026, flotilla.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""One bulk read of a host: every LXC container with its configuration, annotation, state, init and limits in force.

Which containers run is read from the kernel and not asked of each: a running container's monitor listens on the
abstract socket `LXCPATH/NAME/command`, all of which one look at /proc/net/unix shows, and its init is the one child of the
process that titles itself `[lxc monitor] LXCPATH NAME`. `lxc-info` costs a process of 6 ms for each container, against
0.1 ms this way; it is asked only where the two looks do not give exactly one init: a container that is starting or
stopping, or one whose path is so long that LXC hashes it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Dict, Iterable, List, Optional, Sequence, Set, Tuple

from ..._reconcile import kinds
from ..._reconcile.errors import EngineError
from ..host import Host
from . import cgroup, extras
from .config import ConfigFile, Pair, all_of, expand, last, pairs_of

SYSTEM_CONFIG = "/etc/lxc/lxc.conf"
DEFAULT_PATH = "/var/lib/lxc"
ANNOTATION = "flotilla.json"
STOPPED, RUNNING, FROZEN = "STOPPED", "RUNNING", "FROZEN"
_LISTENING = "00010000"
_MONITOR = re.compile(r"\[lxc monitor\] (?P<path>/.*) (?P<name>[^ ]+)\Z")


@dataclass
class Container:
    """What a host has of one container.

    `started` is when its init did, in ticks since boot: with the process id it names one init for ever. `config` is None where only left-overs or
    kept storage have the name. `own` are the settings of its own file, `pairs` those of the files that this includes too, and
    `base_drops` the capabilities that only these take away. `every_cpu` is the set of the host's CPUs.
    """

    name: str
    directory: str
    entries: List[str] = field(default_factory=list)
    config: Optional[str] = None
    annotation: Optional[str] = None
    pairs: List[Pair] = field(default_factory=list)
    own: List[Pair] = field(default_factory=list)
    base_drops: Set[str] = field(default_factory=set)
    state: str = STOPPED
    init: int = 0
    started: int = 0
    cgroups: Dict[str, str] = field(default_factory=dict)
    live: cgroup.Limits = field(default_factory=cgroup.Limits)
    every_cpu: str = ""

    @property
    def settings(self) -> Dict[str, str]:
        """Each key with the value that holds, included files and all; of keys that repeat only the last."""
        return dict(self.pairs)

    @property
    def is_up(self) -> bool:
        """Whether it has processes: running, frozen, or on the way up or down."""
        return self.state != STOPPED


def shift_of(item: Container) -> int:
    """The user and group id of the host that root inside is; 0 without an id mapping."""
    for text in all_of(item.own, extras.IDMAP):
        words = text.split()
        if len(words) == 4 and words[:2] == ["u", "0"]:
            return int(words[2])
    return 0


def container_path(host: Host) -> str:
    """The directory that holds all containers of this host: `lxc.lxcpath` of lxc.system.conf(5)."""
    return last(pairs_of(host.read_file(SYSTEM_CONFIG) or ""), "lxc.lxcpath") or DEFAULT_PATH


def read_host(host: Host, names: Optional[Sequence[str]] = None) -> Dict[str, Container]:
    """Read all containers of the host, or the named ones; names without anything on disk are not in the result."""
    base = container_path(host)
    wanted = host.list_dir(base) if names is None else sorted(set(names))
    found: Dict[str, Container] = {}
    for name in wanted:
        entries = host.list_dir("%s/%s" % (base, name))
        if "config" in entries or ANNOTATION in entries:
            found[name] = Container(name, "%s/%s" % (base, name), entries)
    _read_stored(host, found.values())
    _read_processes(host, base, found)
    _read_live(host, found.values())
    return found


def _read_stored(host: Host, containers: Iterable[Container]) -> None:
    listed = list(containers)
    texts = host.read_files([item.directory + "/" + name for item in listed for name in ("config", ANNOTATION)
                             if name in item.entries])
    cache: Dict[str, List[Pair]] = {}
    for item in listed:
        item.config = texts.get(item.directory + "/config")
        item.annotation = texts.get(item.directory + "/" + ANNOTATION)
        if item.config is not None:
            item.pairs, item.own = expand(item.config, host, cache), pairs_of(item.config)
            bare = ConfigFile(item.config)
            bare.remove(extras.DROP)
            item.base_drops = extras.drops_of(expand(str(bare), host, cache) if "lxc.cap.drop" in item.config else item.pairs)


def _sockets(host: Host, base: str) -> Tuple[Set[str], bool]:
    """The names whose command socket listens, and whether there are sockets whose names are hashed."""
    names, hashed = set(), False
    prefix, suffix = "@%s/" % base, "/command"
    for line in (host.read_file("/proc/net/unix") or "").splitlines():
        fields = line.split(None, 7)
        if len(fields) < 8 or fields[3] != _LISTENING or not fields[7].endswith(suffix):
            continue
        if fields[7].startswith(prefix):
            names.add(fields[7][len(prefix):-len(suffix)])
        hashed = hashed or fields[7].startswith("@lxc/")
    return names, hashed


def _monitors(host: Host, base: str) -> Dict[str, List[int]]:
    """The monitor processes of each container by name, from one look at /proc."""
    paths = ["/proc/%s/cmdline" % entry for entry in host.list_dir("/proc") if entry.isdigit()]
    result: Dict[str, List[int]] = {}
    for path, text in host.read_files(paths).items():
        match = _MONITOR.match(text.replace("\0", " ").rstrip())
        if match and match.group("path") == base:
            result.setdefault(match.group("name"), []).append(int(path.split("/")[2]))
    return result


def _read_processes(host: Host, base: str, found: Dict[str, Container]) -> None:
    names, hashed = _sockets(host, base)
    up = [item for name, item in found.items() if name in names]
    monitors = _monitors(host, base) if up else {}
    for item in up:
        children = [child for monitor in monitors.get(item.name, [])
                    for child in (host.read_file("/proc/%d/task/%d/children" % (monitor, monitor)) or "").split()]
        if len(children) == 1:
            item.state, item.init = RUNNING, int(children[0])
        else:
            ask(host, base, item)
    if hashed:
        for name, item in found.items():
            if name not in names and item.config is not None:
                ask(host, base, item)


def ask(host: Host, base: str, item: Container) -> None:
    """Have LXC itself say state and init process of one container."""
    said = host.run(["lxc-info", "-P", base, "-n", item.name, "-s", "-p"])
    values = dict(re.findall(r"^(State|PID):\s+(\S+)$", said.stdout, re.MULTILINE))
    if said.rc != 0 or "State" not in values:
        raise EngineError("lxc-info cannot read the container %s: %s" % (item.name, (said.stderr or said.stdout).strip()))
    item.state, item.init = values["State"], int(values.get("PID", "0"))


def _read_live(host: Host, containers: Iterable[Container]) -> None:
    up = [item for item in containers if item.init]
    if not up:
        return
    hierarchies, every_cpu = cgroup.probe(host), cpus_of(host)
    texts = host.read_files(["/proc/%d/%s" % (item.init, name) for item in up for name in ("cgroup", "stat")])
    files: Dict[str, Dict[str, str]] = {}
    for item in up:
        item.started = start_of(texts.get("/proc/%d/stat" % item.init, ""))
        settings = item.settings
        configured = settings.get("lxc.cgroup.dir.container") or settings.get("lxc.cgroup.dir", "")
        item.cgroups = cgroup.container_cgroup(texts.get("/proc/%d/cgroup" % item.init, ""), item.name, configured)
        files[item.name] = cgroup.limit_files(item.cgroups, hierarchies)
    values = host.read_files([path for of_one in files.values() for path in of_one.values()])
    for item in up:
        mine = {setting: values[path] for setting, path in files[item.name].items() if path in values}
        item.live, item.every_cpu = cgroup.live_limits(mine, hierarchies), every_cpu
        if item.state == RUNNING and cgroup.is_frozen(mine):
            item.state = FROZEN


def cpus_of(host: Host) -> str:
    """The set of the host's CPUs, as the grammar writes it; empty where the kernel does not say."""
    text = (host.read_file("/sys/devices/system/cpu/online") or "").strip()
    return kinds.number_set(text) if text else ""


def start_of(stat: str) -> int:
    """When a process started, in ticks since boot, from its /proc/PID/stat (proc_pid_stat(5), field 22); 0 where it is gone.

    The name in field 2 may hold spaces and brackets.
    """
    return int(stat.rpartition(")")[2].split()[19]) if ")" in stat else 0
