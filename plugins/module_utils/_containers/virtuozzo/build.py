# Copyright: (c) 2026, flotilla.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Making a guest, and the part of a change that reaches into a container's root file system."""

from __future__ import annotations

import contextlib
from typing import Any, Iterator, List, Mapping

from ..._reconcile.contract import Work
from ..._reconcile.errors import EngineError
from .. import users
from ..host import Host
from ..inhabit import personalize
from ..openvz.read import global_settings
from ..rootfs import RootFs
from . import command, devices, read, table
from .command import Prlctl
from .declare import Checker
from .read import Guest


class Builder:
    """Creates guests on one node; the steps leave what the next run finds by our note and carries on with."""

    def __init__(self, host: Host, prlctl: Prlctl, checker: Checker) -> None:
        self.host = host
        self.prlctl = prlctl
        self.checker = checker

    def create(self, work: Work, item: Guest) -> None:
        """Note, `prlctl create`, everything that can be set at once, devices, users and keys, start.

        The note says from its start on whose the id is, and at the end that the guest is made: until then it has never been
        started, and every step may be taken again.
        """
        with work.step("note the declaration of %s" % work.name):
            read.write_note(self.host, item, work.annotation)
        what = "container" if work.want["vmtype"] == table.CT else "virtual machine"
        with work.step("create the %s %s" % (what, work.name)):
            self._create(work, item)
        self.reread(item)
        words = self._words(work.want)
        if words:
            with work.step("store the options of %s" % work.name):
                self.prlctl.run("set", item.ident, *words)
        self._devices(work, item)
        if work.want["vmtype"] == table.CT:
            self._inhabit(work, item)
        work.note(facts={read.MADE: True})
        with work.step("note that %s is made" % work.name):
            read.write_note(self.host, item, work.annotation)
        self.power(work, item, str(work.want.get("state") or "running"))

    def _create(self, work: Work, item: Guest) -> None:
        if item.document is not None:
            # What a creation that died has left was never started; our note was there first, so nobody else's is here.
            if item.state == "mounted":
                self.prlctl.run("umount", item.ident)
            self.prlctl.run("delete", item.ident, timeout=command.CREATE_TIMEOUT)
        left = self.checker.files_of(item.ident)
        if left:
            self.host.remove_tree(left)
        options = ["--vmtype", work.want["vmtype"], "--uuid", item.ident]
        if work.want["vmtype"] == table.CT:
            options += ["--ostemplate", self.checker.template_of(work.want["image"])]
        else:
            options += ["--ostype", (work.want.get("os") or {}).get("family") or "linux", "--no-hdd"]
        self.prlctl.run("create", work.name, *options, timeout=command.CREATE_TIMEOUT)

    def reread(self, item: Guest) -> None:
        """Look at a guest again, after something has made or changed its devices."""
        item.document = self.prlctl.guest(item.ident)
        if item.document is None:
            raise EngineError("prlctl does not show the guest %s that it has just changed" % item.ident, "run again")

    @staticmethod
    def _words(want: Mapping[str, Any]) -> List[str]:
        words: List[str] = []
        rows = table.ROWS + (table.SWAP,)
        for row in rows:
            value = table.at(want, row.route)
            if value is not None and want["vmtype"] in row.kinds:
                words += table.words_of(row, value)
        features = table.features_text(want.get("container_features") or {}, {})
        if features:
            words += ["--features", features]
        if want["vmtype"] == table.VM:
            # Chosen once, so that what grows later grows while it runs.
            words += ["--cpu-hotplug", "on", "--mem-hotplug", "on"]
        return words

    # -- devices --------------------------------------------------------------------------------------------------

    def act(self, work: Work, item: Guest, acts: List[devices.Act]) -> None:
        """Take these steps, each one command."""
        for act in acts:
            with work.step(act.text):
                self.prlctl.run("set", item.ident, *act.words, timeout=command.CREATE_TIMEOUT)

    def _devices(self, work: Work, item: Guest) -> None:
        want, facts = work.want, work.annotation.facts
        if want["vmtype"] == table.VM:
            # A new virtual machine has a NIC that nobody declared; a drive that nobody declared is empty, and stays.
            self.act(work, item, [devices.Act("take the NIC %s that %s was made with" % (device, work.name), ["--device-del", device])
                                  for device in item.devices("net")])
            self.reread(item)
        for name, disk in (want.get("disks") or {}).items():
            self.act(work, item, devices.disk_acts(item, name, facts["disks"][name], disk, work.name))
        for name, drive in (want.get("media") or {}).items():
            self.act(work, item, devices.medium_acts(item, name, facts["media"][name], drive, work.name))
        for name, nic in (want.get("nics") or {}).items():
            self.act(work, item, devices.nic_acts(item, name, nic, facts.get("nics") or {}, work.name))
        order = (want.get("boot") or {}).get("order")
        if order:
            self.boot(work, item, order)

    def boot(self, work: Work, item: Guest, order: List[str]) -> None:
        """Set the order of devices to boot from where it is another one: a device that went has taken its kind along."""
        self.reread(item)
        if table.boot_order(item.part("Boot order") or "") == order:
            return
        names = [device for word in order for device in item.devices(table.KINDS[word])]
        self.act(work, item, [devices.Act("set the boot order of %s" % work.name, ["--device-bootorder", " ".join(names)])])

    # -- into a container -----------------------------------------------------------------------------------------

    def _inhabit(self, work: Work, item: Guest) -> None:
        with work.step("make the root file system of %s its own" % work.name), self.root_of(item) as root:
            personalize(root, self.host, work.want)
            users.set_root_password(root, work.want.get("root_password"))

    @contextlib.contextmanager
    def root_of(self, item: Guest) -> Iterator[RootFs]:
        """The root file system of a container, where it is mounted while it runs; prlctl mounts that of a stopped one."""
        place = global_settings(self.host).get("VE_ROOT", "/vz/root/$VEID").replace("$VEID", item.ident)
        if item.is_up or item.state == "mounted":
            yield self.host.rootfs(place)
            return
        self.prlctl.run("mount", item.ident)
        try:
            yield self.host.rootfs(place)
        finally:
            self.prlctl.run("umount", item.ident)

    def set_password(self, work: Work, item: Guest, secret: Any) -> None:
        """Put the hash of root's password into the shadow file, so that it stands on no command line."""
        with work.step("set the password of root in %s" % work.name), self.root_of(item) as root:
            users.set_root_password(root, secret)

    # -- power ----------------------------------------------------------------------------------------------------

    def power(self, work: Work, item: Guest, state: str) -> None:
        """Bring a guest up where it is to run and does not, and pause it where it is to be paused."""
        if state not in ("running", "paused"):
            return
        if item.state == "paused" and state == "running":
            with work.step("let %s go on" % work.name):
                self.prlctl.run("resume", item.ident, timeout=command.START_TIMEOUT)
        elif not item.is_up:
            with work.step("start %s" % work.name):
                self.prlctl.run("start", item.ident, timeout=command.START_TIMEOUT)
        if state == "paused" and item.state != "paused":
            with work.step("pause %s" % work.name):
                self.prlctl.run("pause", item.ident)
