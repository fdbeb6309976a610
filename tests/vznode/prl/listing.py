# Copyright: (c) 2026, flotilla.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""`prlctl list`: columns, `list -i` as text and as JSON, as the real formatter prints them, with what old versions do not have."""

from __future__ import annotations

import re
import time
from typing import TYPE_CHECKING, Any

from .guests import CT, Guest, colons
from .network import addresses, shown

if TYPE_CHECKING:
    from .core import Parsed, Prlctl

HEADS: dict[str, tuple[str, int]] = {
    "uuid": ("UUID", 39), "id": ("UUID", 39), "ctid": ("UUID", 39), "veid": ("UUID", 39), "envid": ("ENVID", 10), "home": ("HOME", 60),
    "private": ("HOME", 60), "type": ("T", 2), "name": ("NAME", 32), "status": ("STATUS", 12), "dist": ("DIST", 15), "owner": ("OWNER", 15),
    "system-flags": ("SYSTEM_FLAGS", 15), "description": ("DESCRIPTION", 32), "numproc": ("NPROC", 10), "ip": ("IP_ADDR", 15),
    "ip_configured": ("IP_ADDR", 15), "hostname": ("HOSTNAME", 32), "netif": ("NETIF", 16), "mac": ("MAC", 18), "ostemplate": ("OSTEMPLATE", 24),
    "features": ("FEATURES", 15), "location": ("LOCATION", 15), "iolimit": ("IOLIMIT", 10), "netdev": ("NETDEV", 16),
    "ha_enable": ("HA_ENABLE", 10), "ha_prio": ("HA_PRIO", 10)}
"""Fields, with the head of the column and its width."""
DEFAULT = ("uuid", "status", "ip_configured", "type", "name")
TEMPLATES = ("uuid", "dist", "type", "name")
FEATURES = ("sysfs", "nfs", "sit", "ipip", "ppp", "ipgre", "bridge", "nfsd", "time")
"""In the order of the formatter."""
_ESCAPED = {'"': '\\"', "\\": "\\\\", "\t": "\\t", "\b": "\\b", "\f": "\\f", "\r": "\\r"}


def listing(call: Prlctl, parsed: Parsed) -> None:
    """Print a list."""
    info, as_json = parsed.has("-i", "--info"), parsed.has("-j", "--json")
    fields = [word for word in (parsed.get("-o", "--output") or "").split(",") if word]
    for word in fields + [(parsed.get("-s", "--sort") or "name").lstrip("-")]:
        if word not in HEADS:
            if call.node.strict:
                call.violations.append("prlctl list has no field %s" % word)
            call.fail("field", value=word)
    chosen, missing = _chosen(call, parsed, info)
    chosen = _sorted(chosen, parsed, fields)
    if info:
        _print_info(call, parsed, chosen, as_json, missing)
    else:
        _print_columns(call, parsed, chosen, fields, as_json, missing)
    if missing:
        call.fail("not_found")


def _chosen(call: Prlctl, parsed: Parsed, info: bool) -> tuple[list[Guest], bool]:
    found = call.guests.all()
    if parsed.ident:
        one = call.guests.find(parsed.ident)
        return ([one] if one is not None else []), one is None
    kind = parsed.get("--vmtype") or "all"
    found = [guest for guest in found if kind in ("all", guest.kind)]
    if parsed.has("-t", "--template"):
        return [guest for guest in found if guest.view()["template"] == "yes"], False
    if not info:
        found = [guest for guest in found if guest.view()["template"] != "yes"]
    if parsed.has("-S", "--stopped"):
        return [guest for guest in found if guest.state == "stopped"], False
    everything = info or parsed.has("-a", "--all")
    return [guest for guest in found if everything or guest.state == "running"], False


def _sorted(found: list[Guest], parsed: Parsed, fields: list[str]) -> list[Guest]:
    """By name and by UUID there is an order; by everything else they stay as they come."""
    word = parsed.get("-s", "--sort") or (fields[0] if fields else "name")
    if word.lstrip("-") in ("name", "uuid"):
        return sorted(found, key=lambda guest: guest.name if word.lstrip("-") == "name" else guest.uuid, reverse=word.startswith("-"))
    return found


# -- columns ------------------------------------------------------------------------------------------------------

def _print_columns(call: Prlctl, parsed: Parsed, chosen: list[Guest], fields: list[str], as_json: bool, missing: bool) -> None:
    fields = fields or list(TEMPLATES if parsed.has("-t", "--template") else DEFAULT)
    table = [[_column(guest, field, place == len(fields) - 1, as_json) for place, field in enumerate(fields)] for guest in chosen]
    if as_json:
        if not missing:
            _print_json(call, [dict(zip(fields, row)) for row in table])
        return
    heads = [[HEADS[field][0] for field in fields]] if not parsed.has("-H", "--no-header") else []
    for row in heads + table:
        cells = ["%-*s" % (HEADS[field][1], cell) for field, cell in zip(fields[:-1], row)]
        call.out.append(" ".join([*cells, row[-1]]))


def _column(guest: Guest, field: str, is_last: bool, as_json: bool) -> str:
    view = guest.view()
    if field in ("uuid", "id", "ctid", "veid"):
        return guest.uuid if field == "uuid" and as_json else "{%s}" % guest.uuid
    if field in ("ip", "ip_configured"):
        words = [word.partition("/")[0] for word in addresses_of(guest)]
        return "".join(word + " " for word in words) + " " if is_last else (words or ["-"])[0]
    if field in ("netif", "mac", "netdev"):
        return _devices(guest, field)
    plain = {"envid": view.get("envid") or "", "home": guest.home, "private": guest.home, "type": guest.word, "name": guest.name,
             "status": guest.state, "dist": view["os"], "owner": "", "system-flags": "",
             "description": _line(view["description"]) or "-", "numproc": "-",
             "hostname": view["hostname"] or "-", "ostemplate": view.get("ostemplate", "") if guest.kind == CT else view["os"],
             "features": _features(view["features"]), "location": "unknown", "iolimit": str(view["iolimit"]), "ha_enable": view["ha_enable"],
             "ha_prio": str(view["ha_prio"])}
    return str(plain[field])


def _devices(guest: Guest, field: str) -> str:
    nets = [(name, device) for name, device in hardware(guest, False, 9999).items() if name.startswith(("net", "venet"))]
    if field == "netdev":
        return " ".join(device["dev"] for _name, device in nets if device["dev"]) or "-"
    if field == "mac":
        return "".join(colons(device["mac"]) + " " for _name, device in nets)
    return "".join("net%s " % re.sub(r"\D", "", name) for name, _device in nets)


def addresses_of(guest: Guest) -> list[str]:
    """Every address of a guest: version 4 first, of venet0 first."""
    words = [word for name, device in hardware(guest, False, 9999).items() if name.startswith(("net", "venet"))
             for word in device.get("ips", "").split()]
    return sorted(words, key=lambda word: ":" in word)


def _line(text: str) -> str:
    return text.replace("\n", " ")


def _features(text: str) -> str:
    have = re.split(r"[,\s]+", text)
    return "".join(name + ":on " for name in FEATURES if name + ":on" in have)


# -- everything of a guest ----------------------------------------------------------------------------------------

def hardware(guest: Guest, full: bool, year: int) -> dict[str, dict[str, Any]]:
    """The devices of a guest, in the order of the lists."""
    view = guest.view()
    found: dict[str, dict[str, Any]] = {}
    disks = _container_disks(guest, view) if guest.kind == CT else {name: one for name, one in view["devices"].items() if name.startswith("hdd")}
    for name, disk in sorted(disks.items()):
        found[name] = {**disk, "size": "%dMb" % disk["size"]}
        if year < 2021:
            found[name].pop("state", None)
    if guest.kind == CT:
        found["venet0"] = _net({"dev": "", "enabled": True, "type": "routed", "mac": view["mac"]}, [shown(word) for word in view["addresses"]], full)
        for number, nic in enumerate(view["nics"]):
            device = {"dev": nic["host_ifname"], "enabled": True, "ifname": nic["ifname"], "network": nic.get("network", ""),
                      "mac": nic["mac"].replace(":", "")}
            found["net%d" % number] = _net(device, [shown(word) for word in addresses(nic)], full, nic)
        return found
    for name, device in sorted(view["devices"].items(), key=lambda pair: (pair[0].startswith("net"), pair[0])):
        if name.startswith("net"):
            plain = {key: value for key, value in device.items() if key not in ("ips", "gw", "gw6", "dhcp", "state")}
            found[name] = _net(plain, [shown(word) for word in device.get("ips", [])], full, device)
        elif not name.startswith("hdd"):
            found[name] = dict(device)
    return found


def _container_disks(guest: Guest, view: dict[str, Any]) -> dict[str, dict[str, Any]]:
    root = {"enabled": True, "port": "scsi:0", "image": guest.home + "/root.hdd", "type": "expanded", "size": view["disk"], "mnt": "/",
            "state": "connected", "subtype": "virtio-scsi"}
    if view["autocompact"] == "off":
        root["autocompact"] = "off"
    return {"hdd0": root, **view["disks"]}


def _net(device: dict[str, Any], ips: list[str], full: bool, more: dict[str, Any] | None = None) -> dict[str, Any]:
    if full:
        device = {**device, "preventpromisc": "on", "mac_filter": "on", "ip_filter": "on", "nameservers": "", "searchdomains": ""}
    more = more or {}
    if ips:
        device["ips"] = "".join(word + " " for word in ips)
    for key in ("gw", "gw6", "dhcp", "dhcp6"):
        if more.get(key):
            device[key] = more[key]
    return {**device, "state": more.get("state") or "connected"}


def document(guest: Guest, full: bool, year: int) -> dict[str, Any]:
    """What `list -i -j` says of a guest, in its order."""
    view = guest.view()
    is_ct = guest.kind == CT
    found: dict[str, Any] = {"ID": guest.uuid, "EnvID": view.get("envid") or "", "Name": guest.name, "Description": _line(view["description"]),
                             "Type": guest.word}
    if not is_ct and year >= 2023:
        found["Chipset"] = ""
    found.update({"State": guest.state, "OS": view["os"], "Template": view["template"], "Uptime": str(guest.uptime), "Home": guest.home})
    if year >= 2020:
        found["Backup path"] = view["backup_path"]
    tools = view.get("fed", {}).get("tools") or {"state": "possibly_installed" if is_ct else "not_installed"}
    found.update({"Owner": "root", "GuestTools": tools, "GuestTools autoupdate": "on", "Autostart": view["autostart"], "Autostop": view["autostop"],
                  "Autocompact": "on", "Boot order": _boot(view), "EFI boot": view["efi"], "Allow select boot device": "off",
                  "External boot device": ""})
    if not is_ct:
        found["On guest crash"] = ""
    display = {"mode": view["vnc_mode"], **({"port": view["vnc_port"]} if view.get("vnc_port") else {}), "address": view["vnc_address"]}
    found.update({"Remote display": display, "Remote display state": "stopped", "Hardware": _machine(guest, view, full, year)})
    if is_ct:
        found["Features"] = _features(view["features"])
    else:
        found["SmartMount"] = {"enabled": False}
    found.update({"Disabled Windows logo": "on", "Nested virtualization": "off",
                  "Offline management": {"enabled": view.get("offline_management") == "on"}})
    for key, name in (("Hostname", "hostname"), ("DNS Servers", "nameserver"), ("Search Domains", "searchdomain")):
        if is_ct and view[name]:
            found[key] = view[name]
    if full:
        found["High Availability"] = {"enabled": view["ha_enable"], "prio": view["ha_prio"]}
    return found


def _boot(view: dict[str, Any]) -> str:
    """What it boots from, of what it has."""
    return "".join(word + " " for word in view["boot"].split() if word in view["devices"])


def _machine(guest: Guest, view: dict[str, Any], full: bool, year: int) -> dict[str, Any]:
    count = view["cpus"] or "unlimited"
    cpu: dict[str, Any] = {"sockets": view["sockets"], "cpus": count, "cores": count, "VT-x": True, "hotplug": view["cpu_hotplug"] == "on",
                           "accl": "high", "mode": "64", "cpuunits": view["cpuunits"]}
    if year < 2017:
        del cpu["sockets"]
    if view["cpulimit"]:
        cpu.update({"cpulimit": view["cpulimit"], "cpulimitmode": "full"})
    cpu.update({"ioprio": view["ioprio"], "iolimit": str(view["iolimit"])})
    for key, name in (("iopslimit", "iopslimit"), ("mask", "cpumask"), ("nodemask", "nodemask")):
        if view[name]:
            cpu[key] = view[name]
    found: dict[str, Any] = {"cpu": cpu, "memory": {"size": "%dMb" % view["memsize"], "hotplug": view["mem_hotplug"] == "on"}}
    if year >= 2023:
        found["NUMA nodes:"] = {"nodes": view.get("numa", "disabled")}
    found["video"] = {"size": "%dMb" % view["videosize"], "3d acceleration": "off", "vertical sync": "yes"}
    guarantee = view["memguarantee"]
    found["memory_guarantee"] = {"auto": True} if guarantee == "auto" else {"value": "%s%%" % guarantee}
    return {**found, **hardware(guest, full, year)}


def _print_info(call: Prlctl, parsed: Parsed, chosen: list[Guest], as_json: bool, missing: bool) -> None:
    documents = [document(guest, parsed.has("-f", "--full"), call.node.prlctl) for guest in chosen]
    if as_json:
        if not missing:
            _print_json(call, documents)
        return
    call.out.append("INFO")
    for guest, one in zip(chosen, documents):
        call.out.extend([*_text(guest, one), ""])


def _text(guest: Guest, one: dict[str, Any]) -> list[str]:
    lines = []
    for key, value in one.items():
        if key == "Hardware":
            lines += ["Hardware:"] + ["  " + device_text(name, device) for name, device in value.items()]
        elif key == "ID":
            lines.append("ID: {%s}" % value)
        elif key == "Uptime":
            seconds = int(value)
            since = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(time.time() - seconds))
            lines.append("Uptime: %02d:%02d:%02d (since %s)" % (seconds // 3600, seconds // 60 % 60, seconds % 60, since))
        elif key == "Chipset":
            # The text has what the JSON leaves empty.
            lines.append("Chipset: q35")
        elif key in ("SmartMount", "Offline management"):
            lines.append("%s: (%s)" % (key, "+" if value["enabled"] else "-"))
        elif isinstance(value, dict):
            lines.append("%s: %s" % (key, " ".join("%s=%s" % pair for pair in value.items())))
        else:
            lines.append("%s: %s" % (key, value))
    return lines


_QUOTED = ("iolimit", "image", "type", "dev", "ifname", "network", "ips", "gw", "gw6")


def device_text(name: str, device: dict[str, Any]) -> str:
    """One device in a line."""
    if name == "memory_guarantee":
        return "memory_guarantee " + ("auto" if device.get("auto") else str(device["value"]))
    if name == "NUMA nodes:":
        return "NUMA nodes: %s" % device["nodes"]
    words = [name]
    for key, value in device.items():
        if key == "enabled":
            words.append("(+)" if value else "(-)")
        elif key in ("VT-x", "hotplug"):
            words += [key] if value else []
        elif key in ("size", "port") and name != "cpu":
            words.append(str(value))
        elif key in _QUOTED and not (key == "type" and name.startswith("venet")):
            words.append("%s='%s'" % (key, value))
        else:
            words.append("%s=%s" % (key, value))
    return " ".join(words)


# -- JSON ---------------------------------------------------------------------------------------------------------

def _print_json(call: Prlctl, found: list[dict[str, Any]]) -> None:
    call.out.extend(json_lines(found))


def json_lines(found: list[dict[str, Any]]) -> list[str]:
    """A list of objects as the real formatter prints it: tabs, an empty line where there is nothing, few escapes."""
    if not found:
        return ["[", "", "]"]
    lines = ["["]
    for place, one in enumerate(found):
        lines += _object(one, 1)
        if place < len(found) - 1:
            lines[-1] += ","
    return lines + ["]"]


def _object(one: dict[str, Any], depth: int) -> list[str]:
    lines = ["\t" * depth + "{"]
    for place, (key, value) in enumerate(one.items()):
        head = "\t" * (depth + 1) + '"%s": ' % key
        inner = _object(value, depth + 1) if isinstance(value, dict) else [_value(value)]
        inner[0] = head + inner[0].lstrip("\t")
        if place < len(one) - 1:
            inner[-1] += ","
        lines += inner
    return [*lines, "\t" * depth + "}"]


def _value(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value)
    return '"%s"' % "".join(_ESCAPED.get(letter, letter) for letter in str(value))
