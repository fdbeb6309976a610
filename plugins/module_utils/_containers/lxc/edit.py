# Copyright: (c) 2026, flotilla.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""From the grammar to lines of LXC's configuration. Pure: text in, text out."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from typing import Any, Dict, List, Mapping, Optional, Tuple

from ..._reconcile.schema import Spec
from ..addresses import addresses_of
from . import cgroup
from .config import ConfigFile, Pair, nets_of, pairs_of

COMMON = "/usr/share/lxc/config/common.conf"
_HEADER = """# Made by flotilla.virt. Edits are kept: only the lines that a declaration names are changed.
"""


@dataclass(frozen=True)
class Platform:
    """What this host adds to every new container."""

    common: bool = True
    apparmor: bool = False


def new_config(name: str, directory: str, want: Spec, bridges: Mapping[str, str], platform: Platform) -> str:
    """The configuration of a new container. `bridges` is the bridge of each NIC by the NIC's name."""
    lines: List[Pair] = [("lxc.include", COMMON)] if platform.common else []
    lines += [("lxc.uts.name", want.get("hostname") or name), ("lxc.rootfs.path", "dir:%s/rootfs" % directory)]
    if platform.apparmor:
        # Only where it is on: LXC refuses to start with a profile on a kernel without AppArmor.
        lines += [("lxc.apparmor.profile", "generated"), ("lxc.apparmor.allow_nesting", "1")]
    config = ConfigFile(_HEADER + "".join("%s = %s\n" % pair for pair in lines))
    set_autostart(config, bool(want.get("autostart")))
    for limits in (memory_lines(want), cpu_lines(want)):
        for key, value in limits.items():
            _put(config, key, value)
    for nic in (want.get("nics") or {}).values():
        add_nic(config, nic, bridges[nic["name"]])
    return str(config)


def memory_lines(want: Mapping[str, Any]) -> Dict[str, Optional[str]]:
    """The lines of the memory limit."""
    return cgroup.memory_settings((want.get("memory") or {}).get("size"))


def cpu_lines(want: Mapping[str, Any]) -> Dict[str, Optional[str]]:
    """The lines of the CPU limit."""
    return cgroup.cpu_settings((want.get("cpus") or {}).get("count"))


def _put(config: ConfigFile, key: str, value: Optional[str]) -> None:
    if value is None:
        config.remove(key)
    elif config.get(key) != value:
        config.set(key, value)


def set_limit(config: ConfigFile, what: str, value: Optional[int]) -> None:
    """Store a limit: `memory` in bytes or `cpus` in CPUs; None removes it."""
    settings = cgroup.memory_settings(value) if what == "memory" else cgroup.cpu_settings(value)
    for key, text in settings.items():
        _put(config, key, text)


def set_autostart(config: ConfigFile, on: bool) -> None:
    """Store whether `lxc-autostart` starts it with the host."""
    if on or config.get("lxc.start.auto") is not None:
        config.set("lxc.start.auto", "1" if on else "0")


def set_hostname(config: ConfigFile, hostname: Optional[str]) -> None:
    """Store the host name; None leaves it to the container's own /etc/hostname."""
    _put(config, "lxc.uts.name", hostname)


def add_nic(config: ConfigFile, nic: Spec, bridge: str) -> int:
    """Add an interface under the first free number; return it."""
    used = nets_of(pairs_of(str(config)))
    index = next(number for number in range(len(used) + 1) if number not in used)
    place = "lxc.net.%d." % index
    for key, value in (("type", "veth"), ("link", bridge), ("flags", "up"), ("name", "eth%d" % index), ("hwaddr", nic["mac"])):
        config.set(place + key, value)
    set_addresses(config, index, nic.get("address"))
    set_gateway(config, index, nic.get("gateway"))
    return index


def set_addresses(config: ConfigFile, index: int, value: Any) -> None:
    """Store the static addresses of an interface; none means that the container asks by DHCP."""
    families: Dict[int, List[str]] = {4: [], 6: []}
    for word in addresses_of(value):
        interface = ipaddress.ip_interface(word)
        # LXC sets 0.0.0.255 where no broadcast address is written, and systemd-networkd then fails to set the right one.
        broadcast = " %s" % interface.network.broadcast_address if interface.version == 4 and interface.network.prefixlen < 31 else ""
        families[interface.version].append("%s%s" % (interface, broadcast))
    for version, words in families.items():
        config.set_all("lxc.net.%d.ipv%d.address" % (index, version), words)


def set_gateway(config: ConfigFile, index: int, gateway: Optional[str]) -> None:
    """Store the default gateway of an interface."""
    version = ipaddress.ip_address(gateway).version if gateway else 0
    for family in (4, 6):
        _put(config, "lxc.net.%d.ipv%d.gateway" % (index, family), gateway if family == version else None)


def set_link(config: ConfigFile, index: int, bridge: str) -> None:
    """Store the bridge of an interface."""
    config.set("lxc.net.%d.link" % index, bridge)


def set_mac(config: ConfigFile, index: int, mac: str) -> None:
    """Store the MAC address of an interface."""
    config.set("lxc.net.%d.hwaddr" % index, mac)


def live_limit(what: str, value: Optional[int], hierarchies: cgroup.Hierarchies) -> List[Tuple[str, str]]:
    """The cgroup files and values of a limit: `memory` in bytes or `cpus` in CPUs."""
    return cgroup.live_memory(value, hierarchies) if what == "memory" else cgroup.live_cpus(value, hierarchies)
