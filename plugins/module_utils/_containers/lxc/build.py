# Copyright: (c) 2026, flotilla.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Making a container, and the part of a change that reaches into its root file system."""

from __future__ import annotations

from typing import Any, Callable, Dict, List, Mapping

from ..._reconcile.contract import Work
from ..._reconcile.errors import EngineError
from ..._reconcile.plan import Change
from .. import personality, users
from ..host import Host
from ..rootfs import RootFs
from . import edit, grammar, read, running, verbs
from .config import ConfigFile, Pair, nets_of, pairs_of
from .declare import Checker, plain_user

_ROOTFS_ROUTES = ("nics", "hostname")


class Builder:
    """Creates containers on one host; the steps leave what the next run finds by its annotation and makes anew."""

    def __init__(self, host: Host, checker: Checker) -> None:
        self.host = host
        self.checker = checker

    def create(self, work: Work) -> None:
        """Annotation, root file system, configuration, start.

        The configuration comes last of the files: until it is there no LXC tool sees a container, and a run that died is
        known by the annotation alone; its root file system has never been started and is made again.
        """
        directory = "%s/%s" % (read.container_path(self.host), work.name)
        item = read.Container(work.name, directory)
        with work.step("note the declaration of %s" % work.name):
            self.host.make_dir(directory, 0o755)
            self.host.write_file(directory + "/" + read.ANNOTATION, work.annotation.to_json(), 0o600)
        with work.step("unpack image %s for %s" % (work.want["image"], work.name)):
            verbs.remove_storage(self.host, item)
            image = self.checker.image_path(work.want["image"])
            if not image:
                raise EngineError("the image %s is gone" % work.want["image"], "run again when it is there")
            partial = verbs.unpack(self.host, item, image)
        bridges = {name: self.checker.bridge_of(nic) for name, nic in (work.want.get("nics") or {}).items()}
        text = edit.new_config(work.name, directory, work.want, bridges, self._platform())
        with work.step("make the root file system of %s its own" % work.name):
            self._personalize(self.host.rootfs(partial), work.want, pairs_of(text))
            self.host.rename(partial, directory + "/rootfs")
        with work.step("write the configuration of %s" % work.name):
            self.host.write_file(directory + "/config", text)
        item.config = text
        self.start(work, item, work.want.get("state") or "running")

    def _platform(self) -> edit.Platform:
        enabled = (self.host.read_file("/sys/module/apparmor/parameters/enabled") or "").strip() == "Y"
        return edit.Platform(common=self.host.exists(edit.COMMON), apparmor=enabled)

    def start(self, work: Work, item: read.Container, state: str) -> None:
        """Bring a container up, or thaw it, and freeze it where it is to be paused."""
        if state not in ("running", "paused"):
            return
        if item.state == read.FROZEN and state == "running":
            with work.step("unfreeze the container %s" % work.name):
                verbs.thaw(self.host, item)
        elif item.state == read.STOPPED:
            with work.step("start the container %s" % work.name):
                verbs.start(self.host, item)
            now = read.read_host(self.host, [item.name]).get(item.name)
            if now is not None and now.init:
                work.note(facts={"started": running.proof_of_start(self.host, now)})
        if state == "paused" and item.state != read.FROZEN:
            with work.step("freeze the container %s" % work.name):
                verbs.freeze(self.host, item)

    # -- into the root file system --------------------------------------------------------------------------------

    def _personalize(self, root: RootFs, want: Mapping[str, Any], pairs: List[Pair]) -> None:
        cloud = want.get("cloud_init") or {}
        personality.set_hostname(root, want["hostname"])
        personality.set_identity(root, self.host)
        self._network(root, want, pairs)
        if cloud.get("timezone"):
            personality.set_timezone(root, cloud["timezone"])
        if cloud.get("locale"):
            personality.set_locale(root, cloud["locale"])
        accounts = [plain_user(user) for user in (cloud.get("users") or {}).values()]
        if cloud.get("ssh_keys"):
            # A container's image has no default user but root.
            accounts.append({"name": "root", "ssh_keys": cloud["ssh_keys"]})
        users.apply_users(root, accounts)

    def _network(self, root: RootFs, want: Mapping[str, Any], pairs: List[Pair]) -> None:
        dns: List[str] = []
        interfaces = []
        nics = {nic.get("mac"): nic for nic in (want.get("nics") or {}).values()}
        for index, values in sorted(nets_of(pairs).items()):
            name = (values.get("name") or ["eth%d" % index])[-1]
            mac = (values.get("hwaddr") or [""])[-1]
            addresses = tuple(word.split()[0] for key in ("ipv4.address", "ipv6.address") for word in values.get(key, []) if word)
            interfaces.append(personality.Interface(name, mac, addresses))
            dns += [server for server in (nics.get(mac) or {}).get("dns") or [] if server not in dns]
        personality.set_network(root, interfaces, dns)

    def follow(self, work: Work, item: read.Container, text: str) -> None:
        """Make the root file system follow a change of NICs or host name, where this collection made it.

        `text` is the configuration that is to be stored. It comes after: a run that dies in between finds the change
        undone there, and makes both again.
        """
        touched = {change.route[0] for change in work.changes if change.route}.intersection(_ROOTFS_ROUTES)
        if not touched or "rootfs" not in work.annotation.owned:
            return
        root = self.host.rootfs(item.directory + "/rootfs")
        with work.step("store the %s of %s inside" % (" and ".join(sorted(touched)), work.name)):
            if "hostname" in touched:
                personality.set_hostname(root, work.want.get("hostname") or work.name)
            if "nics" in touched:
                stored = (work.actual.stored.get("nics") or {}) if work.actual is not None else {}
                nics = {name: dict(nic, **(work.want.get("nics") or {}).get(name, {})) for name, nic in stored.items()}
                nics.update({name: nic for name, nic in (work.want.get("nics") or {}).items() if name not in nics})
                self._network(root, {"nics": nics}, pairs_of(text))

    # -- lines of the configuration -------------------------------------------------------------------------------

    def edit(self, config: ConfigFile, change: Change, work: Work) -> None:
        """Store one change. A change that LXC's configuration has no line for (tags, state) is somebody else's."""
        simple: Dict[str, Callable[[], None]] = {
            "memory.size": lambda: edit.set_limit(config, "memory", change.want),
            "cpus.count": lambda: edit.set_limit(config, "cpus", change.want),
            "autostart": lambda: edit.set_autostart(config, bool(change.want)),
            "hostname": lambda: edit.set_hostname(config, change.want),
        }
        if change.pattern in simple:
            simple[change.pattern]()
        elif change.pattern == "nics[]":
            self._edit_nic(config, change, work)
        elif change.pattern.startswith("nics[]."):
            self._edit_nic_value(config, change, work)

    def _index(self, config: ConfigFile, name: str, work: Work) -> Any:
        there = work.actual.stored.get("nics") or {} if work.actual is not None else {}
        return grammar.index_of(pairs_of(str(config)), name, there)

    def _edit_nic(self, config: ConfigFile, change: Change, work: Work) -> None:
        name = change.route[1]
        index = self._index(config, name, work)
        if change.want is None:
            if index is not None:
                config.remove_net(index)
        elif index is None:
            nic = work.want["nics"][name]
            edit.add_nic(config, nic, self.checker.bridge_of(nic))

    def _edit_nic_value(self, config: ConfigFile, change: Change, work: Work) -> None:
        name, option = change.route[1], change.route[2]
        index = self._index(config, name, work)
        if index is None:
            raise EngineError("the container %s has no interface for nic %s" % (work.name, name), "run again")
        if option in ("network", "bridge"):
            edit.set_link(config, index, self.checker.bridge_of(work.want["nics"][name]))
        elif option == "mac":
            edit.set_mac(config, index, change.want)
        elif option == "address":
            edit.set_addresses(config, index, change.want)
        elif option == "gateway":
            edit.set_gateway(config, index, change.want)
