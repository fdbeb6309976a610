# Copyright: (c) 2026, flotilla.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Disks, NICs and media: which words of prlctl bring a guest's devices from what it has to what it shall have.

prlctl changes one device a command, so each is a step of its own; names of devices are chosen and noted before they are made.
"""

from __future__ import annotations

from typing import Any, Dict, List, Mapping, NamedTuple, Sequence

from ..addresses import addresses_of
from ..openvz.grammar import VENET, bare, canonical
from . import grammar, table
from .read import Guest


class Act(NamedTuple):
    """One command: what it does, in words, and the words after `prlctl set ID`."""

    text: str
    words: Sequence[str]


def free(item: Guest, kind: str, taken: Sequence[str]) -> str:
    """The name that the next new device of a kind gets."""
    there = set(item.devices(kind)) | set(taken)
    return next("%s%d" % (kind, number) for number in range(1000) if "%s%d" % (kind, number) not in there)


def chosen(item: Guest, kind: str, noted: Mapping[str, str], wanted: Sequence[str], known: Mapping[str, str]) -> Dict[str, str]:
    """The device of each wanted disk or drive: as noted, else as it is known by, else the next that is free."""
    devices = dict(noted)
    for name in wanted:
        if name not in devices:
            devices[name] = known.get(name) or free(item, kind, list(devices.values()))
    return devices


# -- disks and media ------------------------------------------------------------------------------------------------------------

def disk_acts(item: Guest, name: str, device: str, want: "Mapping[str, Any] | None", guest: str) -> List[Act]:
    """Add a disk, grow it, or detach it: its image is kept."""
    there = item.devices("hdd").get(device)
    if want is None:
        return [Act("detach the disk %s from %s" % (name, guest), ["--device-del", device, "--detach-only"])] if there is not None else []
    size = want.get("size")
    if there is None:
        return [Act("add the disk %s to %s" % (name, guest), ["--device-add", "hdd"] + (["--size", table.in_mib(size)] if size else []))]
    if size is None or size == table.size(there.get("size")):
        return []
    return [Act("grow the disk %s of %s" % (name, guest), ["--device-set", device, "--size", table.in_mib(size)])]


def medium_acts(item: Guest, name: str, device: str, want: "Mapping[str, Any] | None", guest: str) -> List[Act]:
    """Add a drive, put another image into it, or take it away."""
    there = item.devices("cdrom").get(device)
    if want is None:
        return [Act("take the drive %s from %s" % (name, guest), ["--device-del", device])] if there is not None else []
    image = ["--image", str(want["file"])] if want.get("file") else []
    if there is None:
        return [Act("add the drive %s to %s" % (name, guest), ["--device-add", "cdrom"] + image)]
    if not image or str(there.get("image") or "") == want["file"]:
        return []
    return [Act("put %s into the drive %s of %s" % (want["file"], name, guest), ["--device-set", device] + image)]


# -- NICs -----------------------------------------------------------------------------------------------------------------------

def nic_acts(item: Guest, name: str, want: "Mapping[str, Any] | None", noted: Mapping[str, Mapping[str, Any]], guest: str) -> List[Act]:
    """What a NIC needs. New addresses come before old ones go, so that the guest is never without."""
    device = grammar.device_of(item, name, noted)
    wanted = want if want is not None and want.get("type") != VENET else None
    acts = _routed(item, name, want, noted, guest)
    if wanted is None:
        return acts + ([Act("unplug the NIC %s from %s" % (name, guest), ["--device-del", device])] if device else [])
    if device is None:
        return acts + [Act("plug the NIC %s into %s" % (name, guest), ["--device-add", "net"] + _connection(wanted) + _addressing(wanted, item.kind))]
    return acts + _change(item.devices("net")[device], device, name, wanted, guest)


def _connection(want: Mapping[str, Any]) -> List[str]:
    words = ["--network", str(want["network"])] if want.get("network") else []
    return words + (["--mac", _mac(want["mac"])] if want.get("mac") else [])


def _mac(word: str) -> str:
    return word.replace(":", "").upper()


def _addressing(want: Mapping[str, Any], kind: str) -> List[str]:
    if kind == table.VM:
        return []
    words = [word for address in addresses_of(want.get("address")) for word in ("--ipadd", address)] or ["--dhcp", "yes"]
    return words + (["--gw", str(want["gateway"])] if want.get("gateway") else [])


def _change(there: Mapping[str, Any], device: str, name: str, want: Mapping[str, Any], guest: str) -> List[Act]:
    acts = []
    words = (["--network", str(want["network"])] if want.get("network") and want["network"] != there.get("network") else [])
    words += ["--mac", _mac(want["mac"])] if want.get("mac") and want["mac"] != grammar.mac_of(there) else []
    if words:
        acts.append(Act("connect the NIC %s of %s" % (name, guest), ["--device-set", device] + words))
    have = grammar.nic_addresses(there)
    then = [grammar.with_prefix(word) for word in addresses_of(want.get("address"))]
    acts += [Act("add the address %s to the NIC %s of %s" % (word, name, guest), ["--device-set", device, "--ipadd", word])
             for word in then if word not in have]
    if "address" in want:
        acts += [Act("take the address %s from the NIC %s of %s" % (word, name, guest), ["--device-set", device, "--ipdel", word])
                 for word in have if word not in then]
    if there.get("dhcp") == "yes" and then:
        acts.append(Act("let the NIC %s of %s ask no DHCP server" % (name, guest), ["--device-set", device, "--dhcp", "no"]))
    elif have and "address" in want and not then:
        acts.append(Act("let the NIC %s of %s ask a DHCP server" % (name, guest), ["--device-set", device, "--dhcp", "yes"]))
    if want.get("gateway") and canonical(str(there.get("gw") or "")) != want["gateway"]:
        acts.append(Act("set the gateway of the NIC %s of %s" % (name, guest), ["--device-set", device, "--gw", str(want["gateway"])]))
    return acts


def _routed(item: Guest, name: str, want: "Mapping[str, Any] | None", noted: Mapping[str, Mapping[str, Any]], guest: str) -> List[Act]:
    """The addresses of the container's venet, where this NIC is it or was it."""
    there = [str(word) for venet in item.devices("venet").values() for word in str(venet.get("ips") or "").split()]
    is_it = want is not None and want.get("type") == VENET
    was_it = (noted.get(name) or {}).get("type") == VENET or (name not in noted and name == "venet0")
    then = bare(want.get("address")) if want is not None and is_it else []
    have = bare(there) if is_it or was_it else []
    acts = [Act("add the address %s to %s" % (word, guest), ["--ipadd", word]) for word in then if word not in have]
    return acts + [Act("take the address %s from %s" % (word, guest), ["--ipdel", word]) for word in have if word not in then]
