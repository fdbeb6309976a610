# Copyright: (c) 2026, flotilla.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Copies of a guest: backups, snapshots, clones, and the guest on another node. A simulation that copies files and settings for real.

Every copy is a folder: the container's root file system or the machine's images, its configuration and its record.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import time
import uuid
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..node import Config, Ended, Node
from .guests import CT, Guest, Guests, new_mac
from .making import ROOT_DISK, place

if TYPE_CHECKING:
    from .core import Parsed, Prlctl


def duplicate(source: Path, target: Path) -> None:
    """Copy a tree with owners, modes and times."""
    target.parent.mkdir(parents=True, exist_ok=True)
    subprocess.run(["cp", "-a", "--reflink=auto", str(source), str(target)], check=True)


def size_of(path: Path) -> int:
    """Bytes of a tree."""
    return int(subprocess.run(["du", "-sb", str(path)], capture_output=True, check=True, text=True).stdout.split()[0])


def save(guest: Guest, folder: Path) -> None:
    """Copy a guest into a folder."""
    folder.mkdir(parents=True)
    record = {**guest.record, "name": guest.name, "was": guest.state}
    (folder / "record.json").write_text(json.dumps(record))
    if guest.kind == CT:
        (folder / "ve.conf").write_text(str(guest.config))
        duplicate(guest.node.rootfs(guest.ident), folder / ROOT_DISK)
    else:
        for image in guest.home_path.glob("*.hdd"):
            duplicate(image, folder / image.name)


def load(node: Node, folder: Path, name: str, ident: str) -> Guest:
    """Make a guest of a folder, by this name and UUID; what was there by that UUID is replaced."""
    record: dict[str, Any] = json.loads((folder / "record.json").read_text())
    del record["was"]
    same = record["uuid"] == ident
    if record["kind"] != CT:
        record.update({"uuid": ident, "name": name, "state": "stopped", "since": 0})
        record.pop("live", None)
        guest = Guest(node, record)
        shutil.rmtree(guest.home_path, ignore_errors=True)
        guest.home_path.mkdir(parents=True)
        for image in folder.glob("*.hdd"):
            duplicate(image, guest.home_path / image.name)
        if not same:
            _new_macs(record)
        guest.save()
        return guest
    return _load_container(node, folder, name, ident, record, same)


def _load_container(node: Node, folder: Path, name: str, ident: str, record: dict[str, Any], same: bool) -> Guest:
    config = Config((folder / "ve.conf").read_text())
    old = node.config(ident)
    if old is not None:
        node.rename(ident, old.values.get("NAME", ""), "")
    shutil.rmtree(node.private(ident) / ROOT_DISK, ignore_errors=True)
    node.private(ident).mkdir(parents=True, exist_ok=True)
    duplicate(folder / ROOT_DISK, node.private(ident) / ROOT_DISK)
    config.update({"NAME": name, "UUID": ident})
    record.update({"uuid": ident, "ident": ident, "since": 0})
    if not same:
        record.update({"envid": Guests.container_record(ident, ident, "")["envid"], "mac": new_mac()})
        nics = Guest(node, record)
        place(node, ident, config)
        from .network import change, store  # pylint: disable=import-outside-toplevel,cyclic-import
        store(nics, [change(nics, nic, {"mac": new_mac()}) for nic in nics.view()["nics"]])
    else:
        place(node, ident, config)
    node.rename(ident, "", name)
    guest = Guest(node, record)
    guest.save()
    return guest


def _new_macs(record: dict[str, Any]) -> None:
    for device, one in record["devices"].items():
        if device.startswith("net"):
            mac = new_mac()
            one.update({"mac": mac, "dev": "vme" + mac.lower()})


# -- clone, move, migrate -----------------------------------------------------------------------------------------

def clone(call: Prlctl, parsed: Parsed) -> None:
    """A second guest with the same files and settings."""
    name = parsed.get("--name") or "Clone of " + call.guest(parsed).name
    guest = call.begin(parsed, new=name)
    if call.guests.find(name) is not None:
        call.fail("name_taken", verb="clone", kind=guest.word, name=name)
    folder = call.node.state / "prl" / "clone"
    shutil.rmtree(folder, ignore_errors=True)
    save(guest, folder)
    new = load(call.node, folder, name, str(uuid.uuid4()))
    shutil.rmtree(folder)
    if parsed.has("--template"):
        new.record["template"] = "yes"
        new.save()
    call.end(parsed, guest)


def migrate(call: Prlctl, parsed: Parsed) -> None:
    """The guest on another node, which prl/peers.json names. Its processes do not go with it: it is stopped here and started there."""
    host, _slash, name = parsed.destination.rpartition("@")[2].partition("/")
    peer = call.guests.peers().get(host)
    guest = call.begin(parsed, new=host)
    if peer is None:
        call.say("operation", verb="migrate", kind=guest.word, text="Unable to connect to %s" % host)
        raise Ended(255)
    there = Node(peer, 7, call.node.mainline, call.node.strict, call.node.host_network, call.node.prlctl)
    if Guests(there).find(guest.uuid) is not None or Guests(there).find(name or guest.name) is not None:
        call.fail("exists", verb="migrate", kind=guest.word, value=name or guest.name)
    running, keep = guest.state == "running", parsed.has("--clone")
    if running and not keep:
        call.stop(guest, "migrate")
    folder = call.node.state / "prl" / "migrate"
    shutil.rmtree(folder, ignore_errors=True)
    save(guest, folder)
    new = load(there, folder, name or guest.name, str(uuid.uuid4()) if keep else guest.uuid)
    shutil.rmtree(folder)
    if not keep:
        _remove(call, guest)
    if running and not keep:
        type(call)(there, call.argv, limit=call.limit).start(new, "migrate")
    call.end(parsed, guest)


def _remove(call: Prlctl, guest: Guest) -> None:
    if guest.kind == CT:
        call.must("migrate", guest, "destroy")
    else:
        shutil.rmtree(guest.home_path)
    call.guests.forget(guest)


# -- snapshots ----------------------------------------------------------------------------------------------------

class Snapshots:
    """The snapshots of one guest: in its own directory."""

    def __init__(self, call: Prlctl, guest: Guest) -> None:
        self.call, self.guest = call, guest
        self.folder = guest.home_path / "snapshots"
        place_ = self.folder / "tree.json"
        self.tree: dict[str, Any] = json.loads(place_.read_text()) if place_.exists() else {"current": "", "all": {}}

    def _write(self) -> None:
        self.folder.mkdir(exist_ok=True)
        (self.folder / "tree.json").write_text(json.dumps(self.tree))

    def _one(self, verb: str, word: str | None) -> str:
        ident = (word or "").strip("{}")
        if ident not in self.tree["all"]:
            self.call.fail("no_snapshot", verb=verb, value=word or "")
        return ident

    def make(self, parsed: Parsed) -> None:
        """Take one."""
        ident = str(uuid.uuid4())
        self.call.out.append("Creating the snapshot...")
        save(self.guest, self.folder / ident)
        self.tree["all"][ident] = {"parent": self.tree["current"], "name": parsed.get("--name") or "",
                                   "description": parsed.get("--description") or "",
                                   "date": time.strftime("%Y-%m-%d %H:%M:%S"), "state": {"running": "running"}.get(self.guest.state, "poweroff")}
        self.tree["current"] = ident
        self._write()
        self.call.out.append("The snapshot with id {%s} has been successfully created." % ident)

    def print(self, parsed: Parsed) -> None:
        """The list, or one."""
        out, word = self.call.out, parsed.get("--id")
        if word is not None:
            ident = self._one("show", word)
            one = self.tree["all"][ident]
            out += ["ID: {%s}" % ident, "Name: " + one["name"], "Date: " + one["date"],
                    "Current: " + ("yes" if ident == self.tree["current"] else "no"),
                    "State: " + one["state"], "Description: " + one["description"]]
            return
        if not parsed.has("-H", "--no-header"):
            out.append("%-38s  %s" % ("PARENT_SNAPSHOT_ID", "SNAPSHOT_ID"))
        for ident, one in self.tree["all"].items():
            parent, mark = "{%s}" % one["parent"] if one["parent"] else "", "*" if ident == self.tree["current"] else " "
            out.append("%38s %s%38s" % (parent, mark, "{%s}" % ident))

    def switch(self, parsed: Parsed) -> None:
        """Bring the files and settings of one back. A guest that ran then is started, and its processes are new."""
        ident = self._one("switch to", parsed.get("--id"))
        call, guest = self.call, self.guest
        call.begin(parsed, guest)
        if guest.state not in ("stopped", "mounted"):
            call.stop(guest, "switch", fast=True)
        if guest.kind == CT and guest.state == "mounted":
            call.must("switch", guest, "umount")
        kept = guest.home_path.with_name(guest.home_path.name + ".snapshots")
        self.folder.rename(kept)
        new = load(call.node, kept / ident, guest.name, guest.uuid)
        kept.rename(self.folder)
        self.tree["current"] = ident
        self._write()
        if self.tree["all"][ident]["state"] == "running" and not parsed.has("--skip-resume"):
            call.start(new, "switch")
        call.end(parsed, guest)

    def delete(self, parsed: Parsed) -> None:
        """Remove one; its children become its parent's, unless they go with it."""
        ident = self._one("delete", parsed.get("--id"))
        everything = self.tree["all"]
        gone = [ident]
        if parsed.has("--children"):
            for other, one in everything.items():
                gone += [other] if one["parent"] in gone else []
        parent = everything[ident]["parent"]
        for other in gone:
            shutil.rmtree(self.folder / other)
            del everything[other]
        for one in everything.values():
            if one["parent"] in gone:
                one["parent"] = parent
        if self.tree["current"] in gone:
            self.tree["current"] = parent
        self._write()
        self.call.out.append("The snapshot has been successfully deleted.")


# -- backups ------------------------------------------------------------------------------------------------------

class Backups:
    """The backups that the node keeps. An incremental one is a whole copy too, and goes with those before it."""

    def __init__(self, call: Prlctl) -> None:
        self.call = call
        self.folder = call.node.root / "vz/backups"
        self.all: list[dict[str, Any]] = [json.loads(path.read_text()) for path in self.folder.glob("*/*/backup.json")]
        self.all.sort(key=lambda one: (one["time"], one["number"]))

    def path(self, one: dict[str, Any]) -> Path:
        """Where a backup is."""
        return Path(self.folder, one["base"], str(one["number"]))

    @staticmethod
    def ident(one: dict[str, Any]) -> str:
        """How it is called: the full one by its UUID, what goes on from it with a number."""
        return "{%s}" % one["base"] + (".%d" % one["number"] if one["number"] > 1 else "")

    def _of(self, word: str, verb: str) -> dict[str, Any]:
        found = [one for one in self.all if self.ident(one).replace("{", "").replace("}", "") == word.replace("{", "").replace("}", "")]
        if not found:
            self.call.fail("no_such_backup", verb=verb, value=word)
        return found[0]

    def make(self, parsed: Parsed, guest: Guest) -> None:
        """Back a guest up; incrementally only where there is a full one."""
        call = self.call
        before = [one for one in self.all if one["guest"] == guest.uuid]
        full = parsed.has("--full") or not before
        base = (parsed.get("--uuid") or str(uuid.uuid4())) if full else before[-1]["base"]
        number = 1 if full else 1 + max(one["number"] for one in before if one["base"] == base)
        call.out.append("Backing up the %s %s" % (guest.word, guest.name))
        one = {"base": base, "number": number, "guest": guest.uuid, "name": guest.name, "kind": guest.kind, "time": time.time(),
               "description": parsed.get("--description") or ""}
        partial = self.folder / (base + ".partial")
        shutil.rmtree(partial, ignore_errors=True)
        save(guest, partial)
        one["size"] = size_of(partial)
        (partial / "backup.json").write_text(json.dumps(one))
        self.path(one).parent.mkdir(parents=True, exist_ok=True)
        partial.rename(self.path(one))
        call.out.append("The %s has been successfully backed up with backup id %s" % (guest.word, self.ident(one)))

    def print(self, parsed: Parsed) -> None:
        """The list, as columns or in blocks."""
        call = self.call
        kind = parsed.get("--vmtype") or "all"
        found = [one for one in self.all if kind in ("all", one["kind"])]
        if parsed.ident:
            found = [one for one in found if parsed.ident.strip("{}") in (one["guest"], one["name"])]
            if not found:
                call.fail("no_backup", name=parsed.ident)
        if parsed.has("--full"):
            for one in found:
                call.out.extend(self._block(one))
            return
        form = "%-38s %-41s %-20s %-20s %-4s %12s"
        if not parsed.has("-H", "--no-header"):
            call.out.append(form % ("ID", "Backup_ID", "Node", "Date", "Type", "Size"))
        for one in found:
            letter = "f" if one["number"] == 1 else "i"
            call.out.append(form % ("{%s}" % one["guest"], self.ident(one), _host(), _date(one["time"]), letter, one["size"]))

    def _block(self, one: dict[str, Any]) -> list[str]:
        disks = sorted(path.name for path in self.path(one).glob("*.hdd"))
        lines = ["VM_UUID: {%s}" % one["guest"], "Name: " + one["name"], "Host: " + _host(), "Owner: root@" + _host(),
                 "Backup_ID: " + self.ident(one),
                 "Date: " + _date(one["time"]), "Type: " + ("f" if one["number"] == 1 else "i"), "Size: %d" % one["size"],
                 "Description: " + one["description"], "ServerUuid: {%s}" % self.call.guests.server()["id"], "DiskList:"]
        home = "/vz/private/" if one["kind"] == CT else "/vz/vmprivate/"
        for disk in disks:
            lines += ["\tName: " + disk, "\tOriginalPath: %s%s/%s" % (home, one["guest"], disk), "\tSize: %d" % size_of(self.path(one) / disk)]
        return [*lines, ""]

    def delete(self, parsed: Parsed) -> None:
        """Remove one with those that go on from it, or all of a guest."""
        call, tag = self.call, parsed.get("-t")
        call.out.append("Delete the backup")
        if tag:
            one = self._of(tag, "delete")
            keep = parsed.has("--keep-chain")
            gone = [each for each in self.all if each["base"] == one["base"] and (each == one or each["number"] > one["number"] and not keep)]
        else:
            gone = [one for one in self.all if parsed.ident.strip("{}") in (one["guest"], one["name"])]
            if not gone:
                call.fail("no_backup", name=parsed.ident)
        for one in gone:
            shutil.rmtree(self.path(one))
        call.out.append("The backup has been successfully removed.")

    def restore(self, parsed: Parsed) -> None:
        """Bring a guest back as it was, in its place or as another."""
        call, tag, name = self.call, parsed.get("-t"), parsed.get("--name")
        if tag:
            one = self._of(tag, "restore")
        else:
            found = [one for one in self.all if parsed.ident.strip("{}") in (one["guest"], one["name"])]
            if not found:
                call.fail("no_backup", name=parsed.ident)
            one = found[-1]
        word = one["kind"].upper()
        call.out.append("Restore the %s %s" % (word, one["name"]))
        there = call.guests.find(one["guest"])
        if name and call.guests.find(name) is not None:
            call.fail("name_taken", verb="restore", kind=word, name=name)
        if there is not None and not name and there.state not in ("stopped", "mounted"):
            call.fail("is_running", verb="restore", kind=word, name=there.name)
        if there is not None and not name and there.kind == CT and there.state == "mounted":
            call.must("restore", there, "umount")
        new = there is not None and name
        taken = call.guests.find(one["name"])
        if not name and taken is not None and taken.uuid != one["guest"]:
            call.fail("name_taken", verb="restore", kind=word, name=one["name"])
        load(call.node, self.path(one), name or one["name"], str(uuid.uuid4()) if new else one["guest"])
        call.out.append("The %s has been successfully restored." % word)


def _host() -> str:
    return os.uname().nodename


def _date(when: float) -> str:
    return time.strftime("%m/%d/%Y %H:%M:%S", time.localtime(when))
