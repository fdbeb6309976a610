# Copyright: (c) 2026, flotilla.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""`prlctl set`: what is stored, what runs at once, and what waits for a restart with exit code 0."""

from __future__ import annotations

import ipaddress
import os
import re
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..node import Ended
from . import network
from .guests import CT, Guest, new_mac
from .listing import device_text, hardware
from .making import IMAGE

if TYPE_CHECKING:
    from .core import Parsed, Prlctl

PENDING = "The changes will take effect after you restart the virtual machine."
LEAST_MEMORY = 4
"""MB below which a virtual machine cannot be."""
_TO_VZCTL = {"cpus": "--cpus", "cpuunits": "--cpuunits", "cpumask": "--cpumask", "nodemask": "--nodemask", "ioprio": "--ioprio",
             "iolimit": "--iolimit", "iopslimit": "--iopslimit", "memguarantee": "--memguarantee", "swappages": "--swappages", "swap": "--swap",
             "hostname": "--hostname",
             "nameserver": "--nameserver", "searchdomain": "--searchdomain", "description": "--description", "autostop": "--autostop",
             "quotaugidlimit": "--quotaugidlimit", "rate": "--rate", "ratebound": "--ratebound", "ha_enable": "--ha_enable", "ha_prio": "--ha_prio",
             "os": "--distribution", "applyconfig": "--applyconfig"}
_NET = ("network", "mac", "ipadd", "ipdel", "ipset", "gw", "gw6", "dhcp", "dhcp6", "ifname", "card", "nameserver", "searchdomain", "type", "ipfilter")
_SAYS = (("name", "Set name of {word} to '{value}'"), ("cpus", "set cpu cores({node}): {value}"), ("cpuunits", "set cpuunits {value}"),
         ("cpulimit", "set cpulimit {value}"), ("ioprio", "set ioprio {value}"), ("iolimit", "Set up iolimit: {value}"),
         ("iopslimit", "set IOPS limit {value}"), ("memsize", "Set the memsize parameter to {value}Mb."), ("features", "set features: {value} "),
         ("swappages", "Set swappages {value}"), ("userpasswd", "Authentication tokens updated successfully."))


def check_words(call: Prlctl, parsed: Parsed) -> None:
    """What the parser judges of the words together, and what a driver must not send."""
    if not parsed.options:
        call.violation("set without an option")
    by_name = dict(parsed.options)
    device = bool({"--device-add", "--device-set", "--device-del", "--ifname"} & set(by_name))
    for name, value in parsed.options:
        entry = call.rules["set"].get(name, {})
        if entry.get("alone") is False and not device:
            call.refuse("no_device")
        if name == "--image" and value and not image_path(call, value).exists():
            call.refuse("path", value=value)
        if name == "--cpuunits" and not 8 <= value <= 500000:
            call.violation("cpuunits %d: prlctl takes it, and vzctl does not" % value)
        if name in ("--ipadd", "--ipdel", "--ipset", "--gw", "--gw6") and not _is_address(value):
            call.violation("%s %r is no address: prlctl takes it, and only the dispatcher judges" % (name, value))
        if name == "--hostname" and not re.fullmatch(r"[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?|", value):
            call.violation("%r is no host name: prlctl takes it, and only the dispatcher judges" % value)


def image_path(call: Prlctl, word: str) -> Path:
    """Where an image is: below the node's root, or on this machine."""
    below = call.node.root / word.lstrip("/")
    return below if word.startswith("/") and below.exists() else Path(word)


def _is_address(word: str) -> bool:
    if word in ("all", "", "removed"):
        return True
    try:
        ipaddress.ip_interface(word)
    except ValueError:
        return False
    return True


class Setting:
    """One `set` on one guest."""

    def __init__(self, call: Prlctl, guest: Guest, parsed: Parsed) -> None:
        self.call, self.guest = call, guest
        rules = call.rules["set"]
        self.options = [(name, value) for name, value in parsed.options if name in rules]
        self.said: dict[str, Any] = {}
        self.lists: dict[str, list[str]] = {}
        for name, value in self.options:
            key = rules[name]["key"]
            self.said[key] = value
            if rules[name].get("many"):
                self.lists.setdefault(key, []).extend(value.split())
        self.running = guest.state in ("running", "paused", "suspended")
        self.pending = False
        self.said_of_devices: list[str] = []

    # -- the whole ------------------------------------------------------------------------------------------------

    def run(self) -> None:
        """Carry it out."""
        call, guest = self.call, self.guest
        for name, _value in self.options:
            if call.rules["set"][name].get("kinds", guest.kind) != guest.kind:
                call.fail("not_configured")
        if "name" in self.said and any(other.name == self.said["name"] and other.uuid != guest.uuid for other in call.guests.all()):
            call.fail("name_taken", verb="configure", kind=guest.word, name=self.said["name"])
        if "capability" in self.said and self.running:
            call.err.append("Unable to set the capability for the running Container.")
            raise Ended(255)
        self._device()
        if guest.kind == CT:
            self._container()
        else:
            self._machine()
        guest.save()
        self._report()

    def _report(self) -> None:
        call = self.call
        for key, text in _SAYS:
            if key in self.said:
                call.out.append(text.format(value=self.said[key], word=self.guest.word, node=os.cpu_count()))
        call.out.extend(self.said_of_devices)
        if self.said.get("swappages") or self.said.get("swap"):
            call.err.append("WARNING: Use of swap significantly slows down both the container and the node.")
        if self.pending:
            call.out.append(PENDING)
        call.out.extend(["", "The %s has been successfully configured." % self.guest.word])

    # -- devices --------------------------------------------------------------------------------------------------

    def _device(self) -> None:
        """The part that is of one device; what it takes is no longer the guest's."""
        for key, act in (("device_add", self._add), ("device_set", self._change), ("device_del", self._delete), ("device_connect", self._connect),
                         ("device_disconnect", self._connect)):
            if key in self.said:
                act(self.said[key])
                return
        if "netif_add" in self.said:
            self._add_net({"ifname": self.said["netif_add"]})
        elif "netif_del" in self.said:
            self._delete(self._by_ifname(self.said["netif_del"]))
        elif "ifname" in self.said:
            self._change(self._by_ifname(self.said["ifname"]))
        elif "size" in self.said:
            self._resize("hdd0")

    def _by_ifname(self, ifname: str) -> str:
        for number, nic in enumerate(self.guest.view().get("nics", [])):
            if nic["ifname"] == ifname:
                return "net%d" % number
        self.call.fail("no_device_there", value=ifname)
        raise AssertionError

    def _take(self, *keys: str) -> dict[str, Any]:
        """The settings of the device, taken out of those of the guest."""
        return {key: self.said.pop(key) for key in keys if key in self.said}

    def _add(self, kind: str) -> None:
        if kind == "net":
            self._add_net(self._take(*_NET))
            return
        disks = self._disks()
        first = 1 if kind == "hdd" and self.guest.kind == CT else 0
        name = next(word for word in ("%s%d" % (kind, number) for number in range(first, 99)) if word not in disks)
        words = self._take("size", "image", "mnt", "iface", "subtype", "position", "type", "enable", "disable")
        if kind == "hdd":
            image = words.get("image") or (self.guest.home.rstrip("/") + "/" if self.guest.kind == CT else "") + "harddisk-%s.hdd" % name
            device = {"enabled": True, "port": "scsi:%s" % name[3:], "image": image, "type": "expanded", "size": words.get("size") or 65536,
                      **({"mnt": words["mnt"]} if words.get("mnt") else {}), "state": "connected", "subtype": "virtio-scsi"}
            if not words.get("image"):
                self._image(image).write_text(IMAGE)
        elif kind == "cdrom" and self.guest.kind != CT:
            device = {"enabled": True, "port": "ide:%s" % name[5:], "image": words.get("image", ""),
                      "state": "connected" if words.get("image") else "disconnected"}
        else:
            self.call.fail("not_configured")
        disks[name] = device
        self._told("Created", name)

    def _told(self, what: str, name: str) -> None:
        device = hardware(self.guest, False, self.call.node.prlctl).get(name)
        if device is not None:
            self.said_of_devices += ["%s %s" % (what, device_text(name, device)), ""]

    def _disks(self) -> dict[str, Any]:
        found: dict[str, Any] = self.guest.record.setdefault("disks" if self.guest.kind == CT else "devices", {})
        return found

    def _image(self, word: str) -> Path:
        return self.guest.node.root / word.lstrip("/") if word.startswith("/") else self.guest.home_path / word

    def _change(self, name: str) -> None:
        if name.startswith(("net", "venet")):
            self._change_net(name)
            return
        if name == "hdd0" and self.guest.kind == CT:
            if "size" in self.said:
                self._resize(name)
            self._take("mnt", "enable", "disable", "iface", "subtype", "position", "type", "offline", "no_fs_resize")
            return
        device = self._disks().get(name)
        if device is None:
            self.call.fail("no_device_there", value=name)
        assert device is not None
        if "size" in self.said:
            self._resize(name)
            return
        words = self._take("image", "mnt", "enable", "disable")
        if "image" in words:
            device.update({"image": words["image"], "state": "connected"})
        if "mnt" in words:
            device["mnt"] = words["mnt"]
        if "enable" in words or "disable" in words:
            device["enabled"] = "enable" in words
        self._told("Configured", name)

    def _resize(self, name: str) -> None:
        size = self.said.pop("size")
        device = hardware(self.guest, False, self.call.node.prlctl).get(name)
        if device is None:
            self.call.fail("no_device_there", value=name)
        assert device is not None
        self.said_of_devices.append("Resize disk image '%s' up to %d" % (device["image"], size))
        # The size in this line is that from before.
        self._told("Configured", name)
        if self.guest.kind == CT and name == "hdd0":
            done = subprocess.run(["du", "-sm", str(self.guest.node.rootfs(self.guest.ident))], capture_output=True, check=True, text=True)
            if size < int(done.stdout.split()[0]):
                self.call.say("operation", verb="configure", kind="CT", text="Unable to change image size to %d sectors" % (size * 2048))
                raise Ended(255)
            self.call.must("configure", self.guest, "set", "--diskspace", "%d:%d" % (size << 10, size << 10), "--save")
        else:
            self._disks()[name]["size"] = size

    def _delete(self, name: str) -> None:
        words = self._take("detach_only", "destroy_image")
        if name.startswith("net"):
            self._delete_net(name)
        else:
            device = self._disks().pop(name, None)
            if device is None:
                self.call.fail("no_device_there", value=name)
            assert device is not None
            if name.startswith("hdd") and "detach_only" not in words:
                self._image(device["image"]).unlink(missing_ok=True)
        self.said_of_devices.append("Remove the %s device." % name)

    def _connect(self, name: str) -> None:
        device = self._disks().get(name)
        if device is None or self.guest.kind == CT:
            self.call.fail("no_device_there", value=name)
        assert device is not None
        device["state"] = "connected" if "device_connect" in self.said else "disconnected"
        self._take("device_connect", "device_disconnect")

    # -- interfaces -----------------------------------------------------------------------------------------------

    def _addresses(self, have: list[str]) -> list[str]:
        """The addresses after --ipadd, --ipdel and --ipset."""
        if "ipset" in self.lists:
            return self.lists["ipset"]
        gone = self.lists.get("ipdel", [])
        bare = [word.partition("/")[0] for word in gone]
        left = [word for word in have if "all" not in gone and word.partition("/")[0] not in bare]
        added = self.lists.get("ipadd", [])
        return [word for word in left if word.partition("/")[0] not in [each.partition("/")[0] for each in added]] + added

    def _known_network(self, words: dict[str, Any]) -> None:
        network_id = words.get("network")
        if network_id is not None and network_id not in [one["Network ID"] for one in self.call.guests.networks()]:
            self.call.say("operation", verb="configure", kind=self.guest.word, text="The virtual network %s does not exist." % network_id)
            raise Ended(255)

    def _add_net(self, words: dict[str, Any]) -> None:
        guest = self.guest
        if words.get("type") == "routed":
            return
        self._known_network(words)
        if guest.kind == CT:
            nics = guest.view()["nics"]
            nic = network.new(guest, nics, {"network": "Bridged", **words})
            nic["ip"] = "|".join(self._addresses([]))
            network.store(guest, [*nics, nic])
            network.replug(guest, None, nic)
            name = "net%d" % len(nics)
        else:
            devices = self._disks()
            name = next("net%d" % number for number in range(99) if "net%d" % number not in devices)
            mac = words["mac"] if words.get("mac") not in (None, "auto") else new_mac()
            devices[name] = {"dev": "vme" + mac.lower(), "enabled": True, "network": words.get("network", "Bridged"), "mac": mac,
                             "card": words.get("card", "virtio"), "state": "connected"}
            self._net_of_machine(devices[name], {key: value for key, value in words.items() if key not in ("mac", "network", "card")})
        self._told("Created", name)

    def _net_of_machine(self, device: dict[str, Any], words: dict[str, Any]) -> None:
        device["ips"] = self._addresses(device.get("ips", []))
        for key in ("gw", "gw6", "dhcp", "dhcp6", "network", "card"):
            if key in words:
                device[key] = words[key]
        if words.get("mac"):
            device.update({"mac": words["mac"], "dev": "vme" + words["mac"].lower()})

    def _change_net(self, name: str) -> None:
        guest = self.guest
        if name == "venet0" and guest.kind == CT:
            return
        words = self._take(*_NET, "enable", "disable")
        self._known_network(words)
        if guest.kind == CT:
            nics = guest.view()["nics"]
            place = int(re.sub(r"\D", "", name))
            if place >= len(nics):
                self.call.fail("no_device_there", value=name)
            before = nics[place]
            after = network.change(guest, before, words)
            after["ip"] = "|".join(self._addresses(network.addresses(before)))
            network.store(guest, [*nics[:place], after, *nics[place + 1:]])
            network.replug(guest, before, after)
        else:
            device = self._disks().get(name)
            if device is None:
                self.call.fail("no_device_there", value=name)
            assert device is not None
            self._net_of_machine(device, words)
        self._told("Configured", name)

    def _delete_net(self, name: str) -> None:
        guest = self.guest
        if guest.kind != CT:
            if self._disks().pop(name, None) is None:
                self.call.fail("no_device_there", value=name)
            return
        nics = guest.view()["nics"]
        place = int(re.sub(r"\D", "", name))
        if place >= len(nics):
            self.call.fail("no_device_there", value=name)
        network.store(guest, nics[:place] + nics[place + 1:])
        network.replug(guest, nics[place], None)

    # -- a container ----------------------------------------------------------------------------------------------

    def _container(self) -> None:
        guest, said = self.guest, self.said
        words = [word for key, option in _TO_VZCTL.items() if key in said and said[key] != "" for word in (option, str(said[key]))]
        if "memsize" in said:
            words += ["--ram", "%dM" % said["memsize"]]
        if "cpulimit" in said:
            words += ["--cpulimit", said["cpulimit"].replace("Mhz", "mhz").replace("%", "")]
        if "autostart" in said:
            words += ["--onboot", {"on": "yes", "off": "no"}.get(said["autostart"], said["autostart"])]
        if "name" in said:
            words += ["--name", said["name"]]
        if "features" in said:
            words += ["--features", self._features()]
        words += self._routed()
        if words:
            self.call.must("configure", guest, "set", *words, "--save")
        self._emptied()
        if "userpasswd" in said:
            self._password()
        for key in ("template", "cpu_hotplug", "mem_hotplug", "sockets", "autocompact", "backup_path", "offline_management", "vnc_mode", "vnc_port",
                    "vnc_address"):
            if key in said:
                guest.record[key] = said[key]
        self.pending = self.running and "restart" in [self._entry(key).get("change") for key in said]

    def _entry(self, key: str) -> dict[str, Any]:
        """The grammar's entry of what is changed."""
        found: dict[str, Any] = next(entry for entry in self.call.rules["set"].values() if entry.get("key") == key)
        return found

    def _features(self) -> str:
        now = dict(word.partition(":")[::2] for word in re.split(r"[,\s]+", self.guest.config.values.get("FEATURES", "")) if word)
        now.update(dict(word.partition(":")[::2] for word in re.split(r"[,\s]+", self.said["features"]) if word))
        return ",".join("%s:%s" % pair for pair in now.items())

    def _routed(self) -> list[str]:
        if not {"ipadd", "ipdel", "ipset"} & set(self.said):
            return []
        if "ipset" in self.lists:
            return ["--ipdel", "all"] + [word for address in self.lists["ipset"] for word in ("--ipadd", address)]
        gone = [word for address in self.lists.get("ipdel", []) for word in ("--ipdel", address.partition("/")[0])]
        return gone + [word for address in self.lists.get("ipadd", []) for word in ("--ipadd", address)]

    def _emptied(self) -> None:
        """What is taken back with an empty word, which vzctl has no option for."""
        keys = {"hostname": "HOSTNAME", "nameserver": "NAMESERVER", "searchdomain": "SEARCHDOMAIN", "description": "DESCRIPTION"}
        gone: dict[str, str | None] = {keys[key]: None for key, value in self.said.items() if key in keys and value == ""}
        if gone:
            config = self.guest.config
            config.update(gone)
            self.guest.node.save(self.guest.ident, config)

    def _password(self) -> None:
        crypted = ["--crypted"] if "crypted" in self.said else []
        if self.guest.node.init(self.guest.ident):
            self.call.must("configure", self.guest, "set", "--userpasswd", self.said["userpasswd"], *crypted)
            return
        # A stopped container is not started for it here: its programs work on its root.
        user = self.said["userpasswd"].partition(":")[0]
        script = "grep -q ^%s: /etc/passwd || useradd -m %s; chpasswd %s" % (user, user, "-e" if crypted else "")
        done = subprocess.run(["chroot", str(self.guest.node.rootfs(self.guest.ident)), "/bin/sh", "-c", script], capture_output=True, check=False,
                              input=(self.said["userpasswd"] + "\n").encode(), env={"PATH": "/usr/sbin:/usr/bin:/sbin:/bin"})
        if done.returncode:
            self.call.say("operation", verb="configure", kind="CT", text="Password change failed")
            raise Ended(74)

    # -- a virtual machine ----------------------------------------------------------------------------------------

    def _machine(self) -> None:
        record, said = self.guest.record, self.said
        if said.get("memsize", LEAST_MEMORY) < LEAST_MEMORY or said.get("cpus") == 0:
            self.call.fail("not_configured")
        if "userpasswd" in said:
            # Nothing runs in it, and so no guest tools.
            self.call.fail("no_session")
        live = record.get("live", {})
        for key, value in said.items():
            if key in ("device_add", "device_set", "device_del", "crypted"):
                continue
            if self.running and value != live.get(key) and not self._takes(key, value, live):
                self.pending = True
            elif self.running:
                live[key] = value
            record[key] = value

    def _takes(self, key: str, value: Any, live: dict[str, Any]) -> bool:
        """Whether a running machine has it at once: what grows does where hot-plug was on when it was started."""
        entry = self._entry(key)
        if "hotplug" in entry:
            return bool(live.get(entry["hotplug"]) == "on" and value > live.get(key, 0))
        return entry.get("change") != "restart"
