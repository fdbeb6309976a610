# Copyright: (c) 2026, flotilla.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""From the grammar to lines of LXC's configuration. Pure: text in, text out."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass, field
from typing import Any, Callable, Dict, List, Mapping, Optional

from ..._reconcile.schema import Spec
from ..addresses import addresses_of
from . import cgroup, extras, store
from .config import ConfigFile, Pair, nets_of, pairs_of

COMMON = "/usr/share/lxc/config/common.conf"
_HEADER = """# Made by flotilla.virt. Edits are kept: only the lines that a declaration names are changed.
"""


@dataclass(frozen=True)
class Platform:
    """What this host adds to a new container, and what it says about the limits and things that are declared."""

    common: bool = True
    apparmor: bool = False
    limits: cgroup.Limits = field(default_factory=cgroup.Limits)
    hierarchies: cgroup.Hierarchies = field(default_factory=cgroup.Hierarchies)
    device: str = ""
    nodes: Mapping[str, str] = field(default_factory=dict)
    is_file: Callable[[str], bool] = lambda path: False


def new_config(name: str, directory: str, want: Spec, links: Mapping[str, str], platform: Platform) -> str:
    """The configuration of a new container. `links` is the bridge or interface of each NIC by the NIC's name."""
    lines: List[Pair] = [("lxc.include", COMMON)] if platform.common else []
    mapping = want.get("id_mapping")
    if mapping and platform.common:
        lines.append(("lxc.include", extras.USERNS))
    lines += [("lxc.uts.name", want.get("hostname") or name), ("lxc.rootfs.path", "%s:%s/rootfs" % (store.kind_of(want), directory))]
    if mapping:
        lines += [(extras.IDMAP, text) for text in extras.mapping_lines(mapping["first"], mapping["size"])]
    if platform.apparmor:
        # Only where it is on: LXC refuses to start with a profile on a kernel without AppArmor.
        lines += [("lxc.apparmor.profile", "generated"), ("lxc.apparmor.allow_nesting", "1")]
    config = ConfigFile(_HEADER + "".join("%s = %s\n" % pair for pair in lines))
    set_autostart(config, bool(want.get("autostart")))
    extras.set_boot_order(config, want.get("boot_order"))
    set_lines(config, cgroup.config_lines(platform.limits, platform.hierarchies, platform.device))
    extras.set_environment(config, want.get("environment"))
    extras.set_nesting(config, bool(want.get("nesting")))
    extras.set_mounts(config, {}, want.get("mounts") or {}, platform.is_file)
    extras.set_devices(config, {}, want.get("devices") or {}, platform.nodes)
    for nic in (want.get("nics") or {}).values():
        add_nic(config, nic, links[nic["name"]])
    return str(config)


def limits_of(want: Mapping[str, Any]) -> cgroup.Limits:
    """The limits that a declaration names."""
    values: Dict[str, Any] = {}
    for option, (_group, field) in cgroup.OPTIONS.items():
        part, name = option.split(".")
        value = (want.get(part) or {}).get(name)
        if value is not None:
            values[field] = float(value) if field == "cpus" else value
    return cgroup.Limits(**values)


def set_lines(config: ConfigFile, lines: Mapping[str, Optional[str]]) -> None:
    """Store these lines; those without a value go."""
    for key, value in lines.items():
        config.put(key, value)


def set_autostart(config: ConfigFile, on: bool) -> None:
    """Store whether `lxc-autostart` starts it with the host."""
    if on or config.get("lxc.start.auto") is not None:
        config.set("lxc.start.auto", "1" if on else "0")


def set_hostname(config: ConfigFile, hostname: Optional[str]) -> None:
    """Store the host name; None leaves it to the container's own /etc/hostname."""
    config.put("lxc.uts.name", hostname)


def add_nic(config: ConfigFile, nic: Spec, bridge: str) -> int:
    """Add an interface under the first free number; return it."""
    used = nets_of(pairs_of(str(config)))
    index = next(number for number in range(len(used) + 1) if number not in used)
    place = "lxc.net.%d." % index
    kind = [("type", "macvlan"), ("macvlan.mode", nic.get("macvlan_mode") or "bridge")] if nic.get("macvlan") else [("type", "veth")]
    for key, value in kind + [("link", bridge), ("flags", "up"), ("name", "eth%d" % index), ("hwaddr", nic["mac"])]:
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
        config.put("lxc.net.%d.ipv%d.gateway" % (index, family), gateway if family == version else None)


def set_link(config: ConfigFile, index: int, nic: Mapping[str, Any], link: str) -> None:
    """Store the bridge of an interface, or the interface of the host that it shares."""
    place = "lxc.net.%d." % index
    config.put(place + "type", "macvlan" if nic.get("macvlan") else "veth")
    config.put(place + "link", link)
    config.put(place + "macvlan.mode", (nic.get("macvlan_mode") or "bridge") if nic.get("macvlan") else None)


def set_mac(config: ConfigFile, index: int, mac: str) -> None:
    """Store the MAC address of an interface."""
    config.set("lxc.net.%d.hwaddr" % index, mac)
