# Copyright: (c) 2026, flotilla.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The interfaces of containers: stored in NETIF, and real in what runs."""

from __future__ import annotations

import contextlib
import ipaddress
from typing import Any

from .. import machine
from .guests import CT, Guest, Guests, colons, new_mac


def addresses(nic: dict[str, str]) -> list[str]:
    """The addresses of a stored interface, with prefix length."""
    return [word for word in nic.get("ip", "").split("|") if word]


def store(guest: Guest, nics: list[dict[str, str]]) -> None:
    """Write the interfaces into a container's configuration. How the real one joins several addresses was not recorded."""
    config = guest.config
    text = ";".join(",".join("%s=%s" % (key, value) for key, value in nic.items() if value) for nic in nics)
    config.update({"NETIF": text or None})
    guest.node.save(guest.ident, config)


def new(guest: Guest, nics: list[dict[str, str]], words: dict[str, str]) -> dict[str, str]:
    """A new interface, with the first free name."""
    taken = {nic["ifname"] for nic in nics}
    name = words.get("ifname") or next("eth%d" % number for number in range(64) if "eth%d" % number not in taken)
    mac = words.get("mac") if words.get("mac") not in (None, "", "auto") else new_mac()
    assert mac is not None
    return change(guest, {"ifname": name, "mac": colons(mac), "host_mac": colons(new_mac()), "host_ifname": "veth" + mac[4:].lower()}, words)


def change(guest: Guest, nic: dict[str, str], words: dict[str, str]) -> dict[str, str]:
    """An interface with other settings."""
    nic = dict(nic)
    for key in ("gw", "gw6", "dhcp", "dhcp6", "ifname", "network"):
        if key in words:
            nic[key] = words[key]
    if words.get("mac") and words["mac"] != "auto":
        nic["mac"] = colons(words["mac"])
        nic["host_ifname"] = "veth" + words["mac"][4:].lower()
    if "network" in words:
        nic["bridge"] = Guests(guest.node).bridge_of(words["network"])
    return nic


def bring_up(guest: Guest) -> None:
    """Give the interfaces of a container that has just started their addresses."""
    if guest.kind == CT:
        for nic in guest.view()["nics"]:
            _up(guest, nic)


def replug(guest: Guest, before: dict[str, str] | None, nic: dict[str, str] | None) -> None:
    """Make what runs follow a changed interface."""
    if not guest.node.init(guest.ident):
        return
    same = before is not None and nic is not None and all(before.get(key) == nic.get(key) for key in ("ifname", "mac", "bridge", "network"))
    if before is not None and not same:
        machine.delete_nic(guest.node, guest.ident, before["ifname"])
    if nic is None:
        return
    if not same:
        machine.add_nic(guest.node, guest.ident, nic)
    _up(guest, nic, addresses(before) if same and before is not None else [])


def _up(guest: Guest, nic: dict[str, str], had: list[str] | None = None) -> None:
    live = guest.node.live(guest.ident)
    inside: Any = machine._inside  # pylint: disable=protected-access
    inside(live, "link", "set", nic["ifname"], "up", check=False)
    for word in had or []:
        if word not in addresses(nic):
            inside(live, "addr", "del", word, "dev", nic["ifname"], check=False)
    for word in addresses(nic):
        inside(live, "addr", "replace", word, "dev", nic["ifname"], check=False)
    for key, family in (("gw", "-4"), ("gw6", "-6")):
        if nic.get(key):
            inside(live, family, "route", "replace", "default", "via", nic[key], "dev", nic["ifname"], check=False)


def shown(word: str) -> str:
    """An address as the lists have it: version 4 with a netmask, version 6 with a prefix length."""
    with contextlib.suppress(ValueError):
        interface = ipaddress.ip_interface(word)
        return "%s/%s" % (interface.ip, interface.network.netmask if interface.version == 4 else interface.network.prefixlen)
    return word
