# Copyright: (c) 2026, flotilla.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Making a container, and the part of a change that reaches into its root file system."""

from __future__ import annotations

from typing import Any, Callable, Dict, List, Mapping

from ..._reconcile.contract import Work
from ..._reconcile.errors import EngineError
from ..._reconcile.plan import LIVE, Change
from .. import personality, users
from ..users import set_root_password
from ..host import Host
from ..rootfs import RootFs
from . import cgroup, edit, extras, grammar, probes, read, running, store, verbs
from .config import ConfigFile, Pair, expand, nets_of, pairs_of
from .declare import Checker, plain_user

_ROOTFS_ROUTES = ("nics", "hostname", "dns", "search", "root_password")


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
        directory, want = "%s/%s" % (read.container_path(self.host), work.name), work.want
        item = read.Container(work.name, directory)
        with work.step("note the declaration of %s" % work.name):
            self.host.make_dir(directory, 0o755)
            self.host.write_file(directory + "/" + read.ANNOTATION, work.annotation.to_json(), 0o600)
        with work.step("unpack image %s for %s" % (work.want["image"], work.name)):
            verbs.remove_storage(self.host, item)
            shift = (want.get("id_mapping") or {}).get("first", 0)
            image = self.checker.image_path(work.want["image"])
            if not image:
                raise EngineError("the image %s is gone" % work.want["image"], "run again when it is there")
            partial = verbs.unpack(self.host, item, image, store.kind_of(want))
            size = ((want.get("disks") or {}).get(store.ROOT) or {}).get("size")
            if size:
                work.note(facts={store.SUBVOLUME: store.group_of(self.host, partial)})
                store.limit(self.host, partial, size)
                # The next read finds the quota by its number.
                self.host.write_file(directory + "/" + read.ANNOTATION, work.annotation.to_json(), 0o600)
            if shift:
                self.host.rootfs(partial).shift_owners("/", shift, shift)
        links = {name: self.checker.link_of(nic) for name, nic in (want.get("nics") or {}).items()}
        text = self._with_capabilities(edit.new_config(work.name, directory, want, links, self._platform(directory, want)), want)
        with work.step("make the root file system of %s its own" % work.name):
            self._personalize(self.host.rootfs(partial, shift, shift), want, pairs_of(text))
            self.host.rename(partial, directory + "/rootfs")
        with work.step("write the configuration of %s" % work.name):
            self.host.write_file(directory + "/config", text)
        item.config = text
        self.start(work, item, want.get("state") or "running")

    def _platform(self, directory: str, want: Mapping[str, Any]) -> edit.Platform:
        enabled = (self.host.read_file("/sys/module/apparmor/parameters/enabled") or "").strip() == "Y"
        hierarchies = cgroup.probe(self.host)
        return edit.Platform(
            common=self.host.exists(edit.COMMON), apparmor=enabled, limits=edit.limits_of(want), hierarchies=hierarchies,
            device=probes.device_of(self.host, directory) if want.get("io") else "",
            nodes={path: probes.node_of(self.host, path) for path in want.get("devices") or {}},
            is_file=lambda path: not probes.is_directory(self.host, path))

    def _with_capabilities(self, text: str, want: Mapping[str, Any]) -> str:
        capabilities = want.get("capabilities") or {}
        config = ConfigFile(text)
        extras.set_capabilities(config, extras.drops_of(expand(text, self.host)), capabilities.get("add") or [],
                                capabilities.get("drop") or [])
        return str(config)

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
                stored = grammar.stored_spec(self.host, now, work.annotation, cgroup.probe(self.host), self.checker.networks)
                work.note(facts={"started": running.proof_of_start(now, stored, now.config or "")})
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
        set_root_password(root, want.get("root_password"))

    def _network(self, root: RootFs, want: Mapping[str, Any], pairs: List[Pair]) -> None:
        # What is said of the container comes before what is said of its networks.
        dns: List[str] = list(want.get("dns") or [])
        interfaces = []
        nics = {nic.get("mac"): nic for nic in (want.get("nics") or {}).values()}
        for index, values in sorted(nets_of(pairs).items()):
            name = (values.get("name") or ["eth%d" % index])[-1]
            mac = (values.get("hwaddr") or [""])[-1]
            addresses = tuple(word.split()[0] for key in ("ipv4.address", "ipv6.address") for word in values.get(key, []) if word)
            interfaces.append(personality.Interface(name, mac, addresses))
            dns += [server for server in (nics.get(mac) or {}).get("dns") or [] if server not in dns]
        personality.set_network(root, interfaces, dns, want.get("search") or [])
        if not dns and not want.get("search"):
            personality.clear_dns(root)

    def follow(self, work: Work, item: read.Container, text: str) -> None:
        """Make the root file system follow a change of NICs or host name, where this collection made it.

        `text` is the configuration that is to be stored. It comes after: a run that dies in between finds the change
        undone there, and makes both again.
        """
        touched = {change.route[0] for change in work.changes if change.route}.intersection(_ROOTFS_ROUTES)
        if not touched or "rootfs" not in work.annotation.owned:
            return
        shift = read.shift_of(item)
        root = self.host.rootfs(item.directory + "/rootfs", shift, shift)
        with work.step("store the %s of %s inside" % (" and ".join(sorted(touched)), work.name)):
            if "hostname" in touched:
                personality.set_hostname(root, work.want.get("hostname") or work.name)
            if "root_password" in touched:
                set_root_password(root, work.want.get("root_password"))
            if touched.intersection(("nics", "dns", "search")):
                stored = work.actual.stored if work.actual is not None else {}
                nics = {name: dict(nic, **(work.want.get("nics") or {}).get(name, {})) for name, nic in (stored.get("nics") or {}).items()}
                nics.update({name: nic for name, nic in (work.want.get("nics") or {}).items() if name not in nics})
                after = {change.pattern: change.want for change in work.changes if change.pattern in ("dns", "search")}
                self._network(root, {"nics": nics, "dns": after.get("dns", stored.get("dns")),
                                     "search": after.get("search", stored.get("search"))}, pairs_of(text))
        reached = any(change.impact == LIVE and change.pattern in ("dns", "search", "nics[].dns") for change in work.changes)
        # Before the change is noted as done: a run that dies here does both again.
        if reached and item.state == read.RUNNING and personality.uses_resolved(root):
            with work.step("have the running container %s use its name servers" % work.name):
                verbs.restart_resolved(self.host, item)

    # -- lines of the configuration -------------------------------------------------------------------------------

    def edit(self, config: ConfigFile, change: Change, work: Work) -> None:
        """Store one change. A change that LXC's configuration has no line for (tags, state) is somebody else's."""
        simple: Dict[str, Callable[[], None]] = {
            "environment": lambda: extras.set_environment(config, change.want),
            "nesting": lambda: extras.set_nesting(config, bool(change.want)),
            "boot_order": lambda: extras.set_boot_order(config, change.want),
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
            edit.add_nic(config, nic, self.checker.link_of(nic))

    def _edit_nic_value(self, config: ConfigFile, change: Change, work: Work) -> None:
        name, option = change.route[1], change.route[2]
        index = self._index(config, name, work)
        if index is None:
            raise EngineError("the container %s has no interface for nic %s" % (work.name, name), "run again")
        if option in ("network", "bridge", "macvlan", "macvlan_mode"):
            edit.set_link(config, index, work.want["nics"][name], self.checker.link_of(work.want["nics"][name]))
        elif option == "mac":
            edit.set_mac(config, index, change.want)
        elif option == "address":
            edit.set_addresses(config, index, change.want)
        elif option == "gateway":
            edit.set_gateway(config, index, change.want)

    def edit_together(self, config: ConfigFile, work: Work, item: read.Container, limits: cgroup.Limits) -> None:
        """Store what several changes make together: limits, mounts, devices, capabilities."""
        patterns = [change.pattern for change in work.changes]
        groups = tuple(group for group in cgroup.GROUPS if any(cgroup.OPTIONS.get(pattern, ("",))[0] == group for pattern in patterns))
        if groups:
            device = probes.device_of(self.host, item.directory) if "io" in groups else ""
            edit.set_lines(config, cgroup.config_lines(limits, cgroup.probe(self.host), device, groups))
        stored = work.actual.stored if work.actual is not None else {}
        if any(pattern.startswith("mounts[]") for pattern in patterns):
            extras.set_mounts(config, stored.get("mounts") or {}, after_changes(work, "mounts"),
                              lambda path: not probes.is_directory(self.host, path))
        if any(pattern.startswith("devices[]") for pattern in patterns):
            there, want = stored.get("devices") or {}, after_changes(work, "devices")
            noted = work.annotation.facts.get("devices") or {}
            nodes = {path: (noted.get(path) or {}).get("node") or probes.node_of(self.host, path) for path in set(there) | set(want)}
            extras.set_devices(config, there, want, nodes)
        if any(pattern.startswith("capabilities") for pattern in patterns):
            words = dict(stored.get("capabilities") or {})
            words.update({change.route[1]: change.want for change in work.changes if change.pattern.startswith("capabilities.")})
            extras.set_capabilities(config, item.base_drops, words.get("add") or [], words.get("drop") or [])


def after_changes(work: Work, name: str) -> Dict[str, Any]:
    """Named things (mounts, devices) as they are to be: those that are stored, with the changes of this run."""
    stored = work.actual.stored.get(name) if work.actual is not None else None
    items: Dict[str, Any] = {key: dict(item) for key, item in (stored or {}).items()}
    for change in work.changes:
        if change.pattern == name + "[]":
            if change.want is None:
                items.pop(change.route[1], None)
            else:
                items[change.route[1]] = dict(change.want)
        elif change.pattern.startswith(name + "[]."):
            item = items.setdefault(change.route[1], {})
            item[change.route[2]] = change.want
            if change.want is None:
                del item[change.route[2]]
    return items
