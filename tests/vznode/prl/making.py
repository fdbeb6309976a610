# Copyright: (c) 2026, flotilla.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""`prlctl create`, `delete`, `unregister` and `register`."""

from __future__ import annotations

import copy
import json
import shutil
import uuid
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .. import machine
from ..node import SAMPLES, Config, Ended
from .guests import CT, MACHINE, VM, Guest, new_mac

if TYPE_CHECKING:
    from .core import Parsed, Prlctl

ROOT_DISK = "root.hdd"
IMAGE = "an image of the double: nothing reads it\n"


def create(call: Prlctl, parsed: Parsed) -> None:
    """Make a guest."""
    kind = parsed.get("--vmtype") or VM
    word = kind.upper()
    call.out.append("Creating the %s..." % word)
    ident = parsed.get("--uuid") or str(uuid.uuid4())
    others = call.guests.all()
    if any(other.name == parsed.ident for other in others):
        call.fail("name_taken", verb="create", kind=word, name=parsed.ident)
    if any(other.uuid == ident for other in others):
        call.fail("exists", verb="create", kind=word, value=ident)
    if kind == CT:
        _container(call, parsed, ident)
    else:
        _machine(call, parsed, ident)
    call.out.append("The %s has been successfully created." % word)


def _container(call: Prlctl, parsed: Parsed, ident: str) -> None:
    node = call.node
    settings = node.global_config().values
    template = "." + (parsed.get("-t", "--ostemplate") or settings["DEF_OSTEMPLATE"]).lstrip(".")
    sample = parsed.get("-c", "--config") or settings["CONFIGFILE"]
    if sample not in SAMPLES:
        _vzctl_failed(call, 206, "Unable to open /etc/vz/conf/ve-%s.conf-sample: No such file or directory" % sample)
    tarball = node.template(template)
    if tarball is None:
        call.violation("the template %s is not there: prlctl would make its cache from the network" % template)
        installed = template.lstrip(".") in node.uncached()
        _vzctl_failed(call, 221 if installed else 91, "The OS template %s is not %s" % (template, "cached" if installed else "found"))
    assert tarball is not None
    if node.private(ident).exists():
        _vzctl_failed(call, 44, "Container %s already exists" % ident)
    home = node.private(ident)
    new = home.with_name(ident + ".new")
    shutil.rmtree(new, ignore_errors=True)
    machine.unpack(node, ident, tarball, new / ROOT_DISK)
    config = Config((node.etc / ("conf/ve-%s.conf-sample" % sample)).read_text())
    config.update({"VE_ROOT": "/vz/root/$VEID", "VE_PRIVATE": "/vz/private/$VEID", "VE_LAYOUT": "ploop", "OSTEMPLATE": template,
                   "ORIGIN_SAMPLE": sample, "DISTRIBUTION": template.lstrip(".").split("-")[0], "UUID": ident,
                   "NAME": parsed.ident, "DISKSPACE": "10485760:10485760"})
    new.rename(home)
    # First the record: a container without one is taken for one of vzctl's.
    Guest(node, call.guests.container_record(ident, ident, config.values["DISTRIBUTION"])).save()
    place(node, ident, config)
    node.rename(ident, "", parsed.ident)


def place(node: Any, ident: str, config: Config) -> None:
    """Put a container's configuration into its private area, and the link to it where vzctl looks."""
    (node.private(ident) / "ve.conf").write_text(str(config))
    link = node.path(ident)
    link.unlink(missing_ok=True)
    link.symlink_to(node.private(ident) / "ve.conf")


def _vzctl_failed(call: Prlctl, rc: int, text: str) -> None:
    call.say("operation", verb="create", kind="CT", text=text)
    raise Ended(rc)


def _machine(call: Prlctl, parsed: Parsed, ident: str) -> None:
    record: dict[str, Any] = copy.deepcopy({**MACHINE, "kind": VM, "uuid": ident, "name": parsed.ident, "envid": "",
                                            "os": parsed.get("-d", "--distribution") or parsed.get("-o", "--ostype") or "linux"})
    guest = Guest(call.node, record)
    guest.home_path.mkdir(parents=True, exist_ok=True)
    devices: dict[str, Any] = record["devices"]
    if not parsed.has("--no-hdd"):
        devices["hdd0"] = {"enabled": True, "port": "scsi:0", "image": "harddisk.hdd", "type": "expanded", "size": 65536, "state": "connected",
                           "subtype": "virtio-scsi"}
        (guest.home_path / "harddisk.hdd").write_text(IMAGE)
    devices["cdrom0"] = {"enabled": True, "port": "ide:1", "image": "", "state": "disconnected"}
    mac = new_mac()
    devices["net0"] = {"dev": "vme" + mac.lower(), "enabled": True, "network": "Bridged", "mac": mac, "card": "virtio", "state": "connected"}
    record["boot"] = "".join(name + " " for name in ("hdd0", "cdrom0", "net0") if name in devices)
    guest.save()


def delete(call: Prlctl, parsed: Parsed) -> None:
    """Remove a guest with its files."""
    guest = call.begin(parsed)
    if guest.state not in ("stopped", "mounted"):
        call.stop(guest, "remove", fast=True)
    if guest.kind == CT:
        call.must("remove", guest, "destroy")
    else:
        shutil.rmtree(guest.home_path)
    call.guests.forget(guest)
    call.end(parsed, guest)


def unregister(call: Prlctl, parsed: Parsed) -> None:
    """Take a guest out of the node, and leave its files."""
    guest = call.begin(parsed)
    record = {**guest.record, "name": guest.name}
    if guest.kind == CT:
        config = guest.config
        call.node.rename(guest.ident, config.values.get("NAME", ""), "")
        home = guest.home_path
        call.node.path(guest.ident).unlink()
        (home / "ve.conf").write_text(str(config))
        (home / "record.json").write_text(json.dumps(record))
    call.guests.forget(guest)
    call.end(parsed, guest)


def register(call: Prlctl, parsed: Parsed) -> None:
    """Take in what was unregistered, or copied here."""
    home = call.node.root / parsed.ident.strip("/")
    found: list[Path] = [home / name for name in ("record.json", "config.pvs") if (home / name).exists()]
    if not found:
        call.fail("operation", verb="register", kind="VM", text="no guest in %s" % parsed.ident)
    record = json.loads(found[0].read_text())
    guest = Guest(call.node, record)
    if any(guest.uuid == other.uuid for other in call.guests.all()):
        call.fail("exists", verb="register", kind=guest.word, value=guest.uuid)
    if guest.kind == CT:
        place(call.node, guest.ident, Config((home / "ve.conf").read_text()))
        call.node.rename(guest.ident, "", record["name"])
    guest.save()
    call.out.append("The %s has been successfully registered." % guest.word)
