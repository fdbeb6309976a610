# Copyright: (c) 2026, flotilla.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Making a container, and the part of a change that reaches into its root file system."""

from __future__ import annotations

import contextlib
from dataclasses import replace
from typing import Any, Dict, Iterator, List, Mapping, Optional, Tuple

from ..._reconcile.contract import Work
from ..._reconcile.errors import EngineError
from ..._reconcile.identity import derived_mac
from .. import users
from ..host import Host
from ..inhabit import personalize
from ..rootfs import RootFs
from . import command, grammar, read, table
from .command import Vzctl
from .config import edited, nics_of, settings_of
from .declare import Checker


class Builder:
    """Creates containers on one node; the steps leave what the next run finds by our note and carries on with."""

    def __init__(self, host: Host, vzctl: Vzctl, checker: Checker) -> None:
        self.host = host
        self.vzctl = vzctl
        self.checker = checker

    def create(self, work: Work, item: read.Container) -> None:
        """Note, `vzctl create`, everything in one `vzctl set`, users and keys, start.

        The note says from its start on whose the id is, and at the end that the container is made: until then it has
        never been started, and every step may be taken again.
        """
        with work.step("note the declaration of %s" % work.name):
            self._annotate(item, work, made=False)
        with work.step("create the container %s from the template %s" % (work.name, self.checker.template_of(work.want["image"]))):
            self._create(work, item)
        text = self.host.read_file(item.config_path)
        if text is None:
            raise EngineError("vzctl create of the container %s left no %s" % (work.name, item.config_path))
        item.config, item.settings = text, settings_of(text)
        self._mark(work, item)
        with work.step("store the options of %s" % work.name):
            self._set(work, item)
        with work.step("make the root file system of %s its own" % work.name), self.root_of(item) as root:
            self._inhabit(root, work.want)
        with work.step("note that %s is made" % work.name):
            self._annotate(item, work, made=True)
        self.start(work, item, work.want.get("state") or "running")

    def _annotate(self, item: read.Container, work: Work, made: bool) -> None:
        facts = dict(work.annotation.facts, **({read.MADE: True} if made else {}))
        if made:
            work.note(facts={read.MADE: True})
        self.host.write_file(item.note_path, replace(work.annotation, facts=facts).to_json(), 0o600)

    def _create(self, work: Work, item: read.Container) -> None:
        # What a creation that died has left was never started, and goes; our note was there first, so nobody else's is here.
        if item.status == read.MOUNTED:
            self.vzctl.run("umount", item.ident)
        if item.config is not None:
            self.host.remove_file(item.config_path)
            self.host.remove_file("%s/%s" % (read.NAMES, work.name))
        for place in (item.private, item.private + ".tmp"):
            self.host.remove_tree(place)
        for kind in ("ed25519", "ecdsa", "rsa"):
            for ending in ("", ".pub"):
                # A key that it has made beside its root file system (personality.set_identity).
                self.host.remove_file("%s.key-%s%s" % (item.private, kind, ending))
        name = [] if work.name == item.ident else ["--name", work.name]
        self.vzctl.run("create", item.ident, "--ostemplate", self.checker.template_of(work.want["image"]), *name,
                       timeout=command.CREATE_TIMEOUT)

    def _mark(self, work: Work, item: read.Container) -> None:
        """A line of the configuration by which our note knows it again."""
        mark = work.annotation.facts.get(read.MARK)
        if mark and item.config is not None:
            item.config += "%s\n" % mark
            self.host.write_file(item.config_path, item.config)

    def _set(self, work: Work, item: read.Container) -> None:
        words: List[str] = []
        files: Dict[str, Optional[str]] = {}
        for row in table.ROWS:
            value = table.value_at(work.want, row.route)
            if value is None:
                continue
            sent = table.words_of(row, value, self.vzctl.dialect)
            words += sent
            if not sent:
                files[row.key] = row.store(value, self.vzctl.dialect)
        words += self.swap_for(item, words)
        text = capabilities_text(item.settings.get("CAPABILITY", ""), work.want.get("capabilities") or {})
        if text is not None:
            files["CAPABILITY"] = text
        for nic in (work.want.get("nics") or {}).values():
            words += self.nic_words(work, item, nic)
        if files:
            self.store(item, files)
        if words:
            self.vzctl.run("set", item.ident, *words, "--save")

    def swap_for(self, item: read.Container, words: List[str]) -> List[str]:
        """Version 4 refuses memory without swap (code 28): none, where neither the sample nor the declaration has any."""
        needs = self.vzctl.dialect.version < 7 and "--ram" in words and "--swap" not in words
        return ["--swap", "0"] if needs and "SWAPPAGES" not in item.settings else []

    def store(self, item: read.Container, changes: Mapping[str, Optional[str]]) -> None:
        """Edit the configuration file itself, which must be as it was read."""
        text = item.config or ""
        new = edited(text, changes)
        if new == text:
            return
        if self.host.read_file(item.config_path) != text:
            raise EngineError("the configuration of the container %s was changed by somebody else just now" % item.name, "run again")
        self.host.write_file(item.config_path, new)
        item.config, item.settings = new, settings_of(new)

    def nic_words(self, work: Work, item: read.Container, nic: Mapping[str, Any]) -> List[str]:
        """The words that give a container an interface."""
        if nic.get("type") == grammar.VENET:
            return [word for address in grammar.bare(nic.get("address")) for word in ("--ipadd", address)]
        return ["--netif_add", self.veth(work, item, nic)]

    def veth(self, work: Work, item: read.Container, nic: Mapping[str, Any]) -> str:
        """An interface as --netif_add has it: name, MAC address, the host's name and MAC address for it, bridge."""
        noted = (work.annotation.facts.get("nics") or {}).get(nic["name"]) or {}
        ifname = str(noted.get("ifname") or nic["name"])
        there = next((nic for nic in nics_of(item.settings.get("NETIF", "")) if nic["ifname"] == ifname), {})
        number = "".join(letter for letter in ifname if letter.isdigit()) or "0"
        host_mac = there.get("host_mac") or derived_mac(work.request.fleet, work.name, nic["name"] + " host").upper()
        # An interface has at most 15 characters, so the id of version 7 does not fit in.
        host = "veth%s.%s" % (item.ident, number) if len(item.ident) < 8 else "veth%s.%s" % (item.ident.replace("-", "")[:7], number)
        return ",".join([ifname, str(nic["mac"]).upper(), there.get("host_ifname") or host, host_mac, self.checker.bridge_of(nic)])

    def start(self, work: Work, item: read.Container, state: str) -> None:
        """Bring a container up where it is to run and does not."""
        if state == "running" and not item.is_up:
            with work.step("start the container %s" % work.name):
                self.vzctl.run("start", item.ident, timeout=command.START_TIMEOUT)

    # -- into the root file system --------------------------------------------------------------------------------

    @contextlib.contextmanager
    def root_of(self, item: read.Container) -> Iterator[RootFs]:
        """The root file system: the private area, or where that holds an image, what vzctl mounts of it."""
        shifts = self._shifts(item)
        if not self.host.exists(item.private + "/root.hdd"):
            inner = item.private + "/fs"
            yield self.host.rootfs(inner if self.host.exists(inner) else item.private, *shifts)
        elif item.status == read.MOUNTED or item.is_up:
            yield self.host.rootfs(item.root, *shifts)
        else:
            self.vzctl.run("mount", item.ident)
            try:
                yield self.host.rootfs(item.root, *shifts)
            finally:
                self.vzctl.run("umount", item.ident)

    def _shifts(self, item: read.Container) -> Tuple[int, int]:
        """What is added to the owners inside: without an OpenVZ kernel vzctl 4 makes containers whose root is an ordinary user."""
        if self.host.exists("/proc/vz"):
            return 0, 0
        settings = dict(read.global_settings(self.host), **item.settings)
        words = (settings.get("LOCAL_UID", ""), settings.get("LOCAL_GID", ""))
        return int(words[0]) if words[0].isdigit() else 0, int(words[1]) if words[1].isdigit() else 0

    def _inhabit(self, root: RootFs, want: Mapping[str, Any]) -> None:
        personalize(root, self.host, want)
        users.set_root_password(root, want.get("root_password"))


def capabilities_text(text: str, want: Mapping[str, Any]) -> Optional[str]:
    """CAPABILITY with the declared lists in place of those that were there; None where nothing is declared of it.

    A list that is declared is whole; one that is there with None was taken back.
    """
    if not want:
        return None
    words = table.switches(text)
    for part, on in (("add", True), ("drop", False)):
        if part in want:
            words = {name: state for name, state in words.items() if state is not on}
            words.update({grammar.capability(word).lower(): on for word in want[part] or ()})
    return ",".join("%s:%s" % (name.upper(), "on" if on else "off") for name, on in sorted(words.items()))
