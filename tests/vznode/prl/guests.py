# Copyright: (c) 2026, flotilla.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The guests that the dispatcher knows: the node's containers, each with what their ve.conf does not have, and virtual machines.

A container is a UUID, a number (EnvID) and a name; what it has stands in its ve.conf, and the rest in the dispatcher's own record.
A virtual machine is such a record alone, in its home.
"""

from __future__ import annotations

import contextlib
import json
import random
import time
import uuid
from pathlib import Path
from typing import Any

from ..node import Config, Node, nics_of, replace
from ..setting import limit_of
from ..values import PAGE

CT, VM = "ct", "vm"
MACHINE: dict[str, Any] = {
    "os": "linux", "cpus": 2, "sockets": 1, "memsize": 2048, "cpu_hotplug": "off", "mem_hotplug": "off", "videosize": 32, "cpuunits": 1000,
    "autostop": "suspend", "autostart": "off", "state": "stopped", "efi": "off", "devices": {}, "boot": "", "vnc_mode": "off"}
"""What a new virtual machine has."""
UNLIMITED = 1 << 50


def new_mac() -> str:
    """A MAC address of Virtuozzo, without colons, as its JSON has it."""
    return "001C42%06X" % random.randrange(1 << 24)


def colons(mac: str) -> str:
    """A MAC address with colons."""
    return ":".join(mac[place:place + 2] for place in range(0, 12, 2))


class Guest:
    """One guest: its record, and for a container its configuration."""

    def __init__(self, node: Node, record: dict[str, Any]) -> None:
        self.node = node
        self.record = record

    @property
    def uuid(self) -> str:
        """Its UUID, without braces."""
        return str(self.record["uuid"])

    @property
    def ident(self) -> str:
        """The id that vzctl knows a container by."""
        return str(self.record.get("ident") or self.uuid)

    @property
    def kind(self) -> str:
        """`ct` or `vm`."""
        return str(self.record["kind"])

    @property
    def word(self) -> str:
        """How prlctl writes the kind."""
        return self.kind.upper()

    @property
    def config(self) -> Config:
        """The configuration of a container."""
        return self.node.config(self.ident) or Config("")

    @property
    def name(self) -> str:
        """Its name; a container without one is called by its id."""
        return str(self.record["name"]) if self.kind == VM else self.config.values.get("NAME") or self.ident

    @property
    def home(self) -> str:
        """Its directory, as the node calls it."""
        return "/vz/vmprivate/%s/" % self.uuid if self.kind == VM else self.node.place(self.ident, "VE_PRIVATE")

    @property
    def home_path(self) -> Path:
        """Its directory in this file system."""
        return self.node.root / self.home.strip("/")

    @property
    def state(self) -> str:
        """prlctl's word for its state. `fed` in the record is what a test says of a guest, whatever it is."""
        if self.record.get("fed", {}).get("state"):
            return str(self.record["fed"]["state"])
        if self.kind == VM:
            return str(self.record["state"])
        live = self.node.live(self.ident)
        if self.node.init(self.ident):
            return "suspended" if live.get("suspended") else "paused" if live.get("paused") else "running"
        return "mounted" if self.node.mounted(self.ident) else "stopped"

    @property
    def uptime(self) -> int:
        """Seconds since its start."""
        fed = self.record.get("fed", {}).get("uptime")
        since = self.record.get("since") or 0
        return int(fed) if fed is not None else int(time.time() - since) if since and self.state in ("running", "paused") else 0

    def save(self) -> None:
        """Write the record."""
        place = self.node.state / "prl" / (self.uuid + ".json")
        place.parent.mkdir(parents=True, exist_ok=True)
        replace(place, json.dumps(self.record, indent=1))
        if self.kind == VM and self.home_path.exists():
            (self.home_path / "config.pvs").write_text(json.dumps(self.record, indent=1))

    # -- what it has, whatever its kind ---------------------------------------------------------------------------

    def view(self) -> dict[str, Any]:
        """Every setting by the name that the grammar calls it."""
        found: dict[str, Any] = {"cpuunits": 1000, "ioprio": 4, "iolimit": 0, "iopslimit": 0, "memguarantee": "auto", "sockets": 1,
                                 "autocompact": "on", "cpulimit": "", "cpumask": "", "nodemask": "", "description": "", "hostname": "",
                                 "nameserver": "",
                                 "searchdomain": "", "template": "no", "backup_path": "", "features": "", "autostop": "suspend", "videosize": 0,
                                 "ha_enable": "yes", "ha_prio": 0, "efi": "off", "boot": "", "vnc_mode": "off", "vnc_address": "0.0.0.0"}
        found.update(self.record)
        if self.kind == CT:
            found.update(self._stored())
        found.update({"name": self.name, **self.record.get("fed", {})})
        return found

    def _stored(self) -> dict[str, Any]:
        have = self.config.values
        limit = have.get("CPULIMIT", "0")
        mhz = have.get("CPULIMIT_MHZ", "")
        pages = limit_of(have.get("PHYSPAGES", ""), PAGE)
        return {
            "cpus": int(have.get("CPUS") or 0), "cpuunits": int(have.get("CPUUNITS") or 1000), "ioprio": int(have.get("IOPRIO") or 4),
            "iolimit": int(have.get("IOLIMIT") or 0), "iopslimit": int(have.get("IOPSLIMIT") or 0),
            "cpulimit": mhz + "Mhz" if mhz else limit + "%" if limit != "0" else "",
            "cpumask": _mask(have.get("CPUMASK", "")), "nodemask": _mask(have.get("NODEMASK", "")),
            "memsize": 0 if pages >= UNLIMITED else pages * PAGE >> 20, "memguarantee": have.get("MEMGUARANTEE", "auto"),
            "description": have.get("DESCRIPTION", ""), "hostname": have.get("HOSTNAME", ""), "nameserver": have.get("NAMESERVER", ""),
            "searchdomain": have.get("SEARCHDOMAIN", ""), "autostart": {"yes": "on", "auto": "auto"}.get(have.get("ONBOOT", ""), "off"),
            "autostop": have.get("AUTOSTOP", "suspend"), "features": have.get("FEATURES", ""), "ostemplate": have.get("OSTEMPLATE", ""),
            "addresses": have.get("IP_ADDRESS", "").split(), "disk": limit_of(have.get("DISKSPACE", "0"), 1024) >> 10,
            "nics": nics_of(have.get("NETIF", "")),
        }


def _mask(text: str) -> str:
    return "" if text in ("all", "auto") else text


class Guests:
    """All guests of a node."""

    def __init__(self, node: Node) -> None:
        self.node = node

    def all(self) -> list[Guest]:
        """Every guest, by UUID."""
        records = {}
        for path in sorted((self.node.state / "prl").glob("*-*.json")):
            # Another call may have removed it just now.
            with contextlib.suppress(FileNotFoundError):
                record = json.loads(path.read_text())
                records[record["uuid"]] = record
        idents = self.node.idents()
        known = {record.get("ident") for record in records.values()}
        found = [Guest(self.node, record) for record in records.values() if record["kind"] == VM or record["ident"] in idents]
        found += [self._adopt(ident) for ident in idents if ident not in known]
        return sorted(found, key=lambda guest: guest.uuid)

    def _adopt(self, ident: str) -> Guest:
        """A container that vzctl made."""
        distribution = (self.node.config(ident) or Config("")).values.get("DISTRIBUTION", "linux")
        guest = Guest(self.node, self.container_record(ident if "-" in ident else str(uuid.uuid4()), ident, distribution))
        guest.save()
        return guest

    @staticmethod
    def container_record(uuid_: str, ident: str, distribution: str) -> dict[str, Any]:
        """The record of a new container. Its number comes from its UUID, so that two that are made at once have two."""
        return {"kind": CT, "uuid": uuid_, "ident": ident, "envid": ident if ident.isdigit() else str(int(uuid_[:8], 16) & 0x7FFFFFFF or 1),
                "os": distribution, "cpu_hotplug": "on", "mem_hotplug": "on", "mac": new_mac(), "disks": {}}

    def find(self, word: str) -> Guest | None:
        """The guest that a word names: UUID with or without braces, then name, then number."""
        found = self.all()
        bare = word.strip("{}").lower()
        for wanted, names in ((bare, [guest.uuid for guest in found]), (word, [guest.name for guest in found]),
                              (word, [str(guest.record.get("envid")) for guest in found])):
            if wanted in names:
                return found[names.index(wanted)]
        return None

    def forget(self, guest: Guest) -> None:
        """Drop the record of a guest that is gone."""
        (self.node.state / "prl" / (guest.uuid + ".json")).unlink(missing_ok=True)

    # -- the node's own -------------------------------------------------------------------------------------------

    def networks(self) -> list[dict[str, str]]:
        """The virtual networks, each with the bridge that it is."""
        place = self.node.state / "prl/networks.json"
        if place.exists():
            found: list[dict[str, str]] = json.loads(place.read_text())
            return found
        return [{"Network ID": "Bridged", "Type": "bridged", "Bound To": "eth0", "Bridge": "br0"},
                {"Network ID": "Host-Only", "Type": "host-only", "Bound To": "", "Bridge": "virbr1"}]

    def bridge_of(self, network: str) -> str:
        """The bridge behind a virtual network, empty where there is none."""
        return next((one["Bridge"] for one in self.networks() if one["Network ID"] == network), "")

    def peers(self) -> dict[str, str]:
        """Other nodes by their host name or address: the folder of each, as a test has put it there."""
        place = self.node.state / "prl/peers.json"
        found: dict[str, str] = json.loads(place.read_text()) if place.exists() else {}
        return found

    def set_peers(self, peers: dict[str, str]) -> None:
        """Let this node know others."""
        place = self.node.state / "prl/peers.json"
        place.parent.mkdir(exist_ok=True)
        place.write_text(json.dumps(peers))

    def server(self) -> dict[str, Any]:
        """What prlsrvctl has been set to, and the node's own id."""
        place = self.node.state / "prl/server.json"
        if place.exists():
            found: dict[str, Any] = json.loads(place.read_text())
            return found
        found = {"id": str(uuid.uuid4())}
        self.set_server(found)
        return found

    def set_server(self, settings: dict[str, Any]) -> None:
        """Write them."""
        place = self.node.state / "prl/server.json"
        place.parent.mkdir(exist_ok=True)
        place.write_text(json.dumps(settings))
