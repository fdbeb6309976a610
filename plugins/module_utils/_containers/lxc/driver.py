# Copyright: (c) 2026, flotilla.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""LXC for the run of `_reconcile`: how to read containers, which impact a change has, how to apply it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Callable, Dict, Mapping, Optional, Sequence

from ..._reconcile.annotation import Annotation
from ..._reconcile.attachment import Networks
from ..._reconcile.contract import Request, Work
from ..._reconcile.errors import EngineError
from ..._reconcile.grammar import GUEST
from ..._reconcile.plan import LIVE, Actual, Change, Rule
from ..._reconcile.schema import Spec
from .. import due, inside
from ..addresses import interfaces, same_addresses
from ..host import Host
from ..images import Images
from ..names import check_names
from ..rules import rule_of
from . import cgroup, extras, grammar, probes, read, ready, running, store, verbs
from .build import Builder
from .config import ConfigFile
from .declare import Checker
from .read import Container

KEPT, UNFINISHED = "kept", "unfinished"
_AT_START = "LXC sets it when the container starts"

_STAYS = "the ids own the root file system; make a new container with them"


def _stored(*route: str) -> Callable[[Mapping[str, Any]], Any]:
    """What is stored: of an option that stays when it is taken back."""
    def find(spec: Mapping[str, Any]) -> Any:
        value: Any = spec
        for name in route:
            value = (value or {}).get(name)
        return value
    return find


def _not_pluggable(device: Any, live: Mapping[str, Any]) -> str:
    """Why a device cannot be given to, or taken from, the running container by `lxc-device`, which makes nodes with all rights."""
    if device["path"] in (live.get("devices") or {}):
        return "a device is taken away when the container starts"
    if live.get("id_mapping") or not live.get("privileged"):
        return "a device of an unprivileged container is bound in when it starts"
    return "" if (device.get("permissions") or "rwm") == "rwm" else "rights are given when the container starts"


_START = Rule(live=False, reason=_AT_START)
RULES: Dict[str, Rule] = {
    "cpus.count": Rule(), "cpus.limit": Rule(), "cpus.shares": Rule(), "cpus.cpuset": Rule(),
    "io.limit": Rule(default=0), "io.iops": Rule(default=0), "io.priority": Rule(default=cgroup.DEFAULT_PRIORITY),
    # The kernel does not take away what is in use and cannot be reclaimed.
    "memory.size": Rule(cooperative=True), "memory.swap": Rule(),
    "nics[]": _START, "nics[].network": _START, "nics[].bridge": _START, "nics[].macvlan": _START,
    "nics[].macvlan_mode": replace(_START, default=lambda spec: "bridge"), "nics[].mac": _START,
    "nics[].address": Rule(same=same_addresses), "nics[].gateway": Rule(), "nics[].dns": Rule(), "dns": Rule(), "search": Rule(),
    "hostname": Rule(unless=lambda value, live: "" if value else "the container takes its name from its own files when it starts"),
    "root_password": Rule(always=True),
    "autostart": Rule(default=False, always=True), "boot_order": Rule(always=True),
    "environment": replace(_START, same=lambda want, have: _words(want) == _words(have)),
    "nesting": replace(_START, default=False),
    "capabilities.add": replace(_START, same=extras.same_capabilities),
    "capabilities.drop": replace(_START, same=extras.same_capabilities),
    "mounts[]": _START, "mounts[].type": _START, "mounts[].source": _START, "mounts[].size": _START,
    "mounts[].readonly": replace(_START, default=False),
    "devices[]": Rule(unless=_not_pluggable), "devices[].inside": _START, "devices[].permissions": replace(_START, default="rwm"),
    "privileged": Rule(fixed=_STAYS, default=False),
    "id_mapping.first": Rule(fixed=_STAYS, default=_stored("id_mapping", "first")),
    "id_mapping.size": Rule(fixed=_STAYS, default=_stored("id_mapping", "size")),
    "disks[]": Rule(always=True, inherent=lambda item, spec: True), "disks[].size": Rule(always=True),
    "disks[].store": Rule(fixed=store.FIXED),
    "image": Rule(creation=True, reason="the image is used when the container is made"),
}


def _words(value: Any) -> Dict[str, str]:
    return {str(name): str(word) for name, word in (value or {}).items()}


def _has_let_go(name: str, stored: Mapping[str, Any], live: Optional[Mapping[str, Any]]) -> bool:
    """Whether a NIC has nothing left of what it had before a change of its addresses."""
    if live is None:
        return True
    there, runs = stored["nics"].get(name) or {}, live["nics"].get(name) or {}
    return all(there.get(key) == runs.get(key) for key in ("address", "gateway"))


def _without_was(nic: Mapping[str, Any]) -> Dict[str, Any]:
    """What is noted of a NIC, less what it has let go of."""
    return {key: value for key, value in nic.items() if key != "was"}


class LxcDriver:
    """The containers of one host under LXC.

    images: the root file system tarball of a declared image, asked before the image directory.
    networks: what a declared network is on this host (None: there is no such network).
    """

    kind = "container"
    options = GUEST
    annotates = True

    def __init__(self, host: Host, images: Images = lambda name: None,
                 networks: Networks = lambda name: None, check_mode: bool = False) -> None:
        self.host = host
        self.networks = networks
        self.hierarchies = cgroup.probe(host)
        self.checker = Checker(host, images, networks, check_mode)
        self.builder = Builder(host, self.checker)
        self.host_ready = self.checker.installed()

    # -- reading --------------------------------------------------------------------------------------------------

    def read(self, names: Optional[Sequence[str]] = None) -> Dict[str, Actual]:
        """Read these containers, or all of the host; one that was begun and not finished is there too, without limits."""
        check_names(names)
        found = {}
        for name, item in read.read_host(self.host, names).items():
            note = Annotation.from_json(item.annotation, "container %s" % name) if item.annotation else None
            if item.config is not None or (note is not None and not note.facts.get(KEPT)):
                found[name] = self._actual(item, note)
        return found

    def _actual(self, item: Container, note: Optional[Annotation]) -> Actual:
        if item.config is None:
            return Actual(item.name, {"state": "stopped"}, None, note, status={UNFINISHED: True, "state": "ABSENT"}, handle=item)
        stored = grammar.stored_spec(self.host, item, note, self.hierarchies, self.networks)
        live = None
        if item.init:
            try:
                live = grammar.live_spec(self.host, item, stored, note, self.networks, self.hierarchies)
            except running.Gone:
                # One container that ends now must not end the read of a whole host.
                read.ask(self.host, read.container_path(self.host), item)
                stored["state"] = grammar.STATES.get(item.state, "present")
        actual = Actual(item.name, stored, live, note, status=self._status(item, note), handle=item)
        noted = (note.facts.get("nics") if note is not None else None) or {}
        kept = {name: nic for name, nic in noted.items() if "was" not in nic or not _has_let_go(name, stored, live)}
        if len(kept) < len(noted):
            # A run that died had let go of everything already.
            actual.facts["nics"] = {name: nic if name in kept else _without_was(nic) for name, nic in noted.items()}
        return due.recall(actual, note)

    def _status(self, item: Container, note: Optional[Annotation]) -> Dict[str, Any]:
        status: Dict[str, Any] = {"state": item.state, "engine": "lxc", "directory": item.directory,
                                  "addresses": inside.addresses(self.host, item.init)}
        if item.init:
            status["pid"] = item.init
        if note is not None:
            status["fleet"] = note.fleet
        return status

    # -- deciding is the run's; what it asks ----------------------------------------------------------------------

    def rule(self, pattern: str) -> Rule:
        """How a change of this option reaches a container."""
        return rule_of(RULES, pattern)

    def complete(self, request: Request, actual: Optional[Actual]) -> Spec:
        """The declaration with derived MAC addresses, the network's gateway and DNS for new NICs, and our defaults."""
        return self.checker.complete(request, actual)

    def check(self, work: Work) -> None:
        """Refuse, before anything is touched, what LXC or this host cannot do; note what will be chosen."""
        self.checker.check(work)
        if work.request.option("state") not in ("absent", "released"):
            self._note(work)

    def _note(self, work: Work) -> None:
        making = work.actual is None or work.actual.handle.config is None
        facts: Dict[str, Any] = {}
        if making:
            facts["image"] = work.want.get("image")
            # As it was at creation, sealed: what a later declaration says differently waits for a first boot.
            facts["cloud_init"] = work.annotation.applied.get("cloud_init")
            work.note(owned=["rootfs"])
        if making or any(change.route[:1] == ("tags",) for change in work.changes):
            facts["tags"] = dict(work.want["tags"]) if work.want.get("tags") else None
        for name in ("root_password", "dns", "search"):
            if making or any(change.pattern == name for change in work.changes):
                facts[name] = work.annotation.applied.get(name)
        facts.update(self._noted_words(work, making))
        facts["nics"] = self._noted_nics(work)
        facts["due"] = due.due_state(work, making)
        work.note(facts=facts)
        work.annotation = replace(work.annotation, facts={
            name: value for name, value in work.annotation.facts.items() if facts.get(name, value) is not None
            and not (name in facts and facts[name] is None)})

    def _noted_words(self, work: Work, making: bool) -> Dict[str, Any]:
        """What the configuration has no words for: how CPU time was declared, which capabilities were asked for, device numbers."""
        routes = {change.route[0] for change in work.changes if change.route}
        facts: Dict[str, Any] = {}
        if making or "cpus" in routes:
            facts[grammar.BY_LIMIT] = True if (work.want.get("cpus") or {}).get("limit") else None
        if making or "capabilities" in routes:
            facts["capabilities"] = {"add": list((work.want.get("capabilities") or {}).get("add") or [])}
        if making or "devices" in routes:
            # One that is taken away stays noted until its lines are gone.
            devices = dict(work.annotation.facts.get("devices") or {})
            for path, device in (work.want.get("devices") or {}).items():
                devices[path] = dict(device, node=probes.node_of(self.host, path))
            facts["devices"] = devices or None
        return facts

    @staticmethod
    def _noted_nics(work: Work) -> Dict[str, Any]:
        # One that is taken away stays noted until it is gone, or a run that dies would forget its name.
        nics = dict(work.annotation.facts.get("nics") or {})
        for name, nic in (work.want.get("nics") or {}).items():
            was = (nics.get(name) or {}).get("was")
            nics[name] = {key: nic[key] for key in ("mac", "network", "dns") if nic.get(key)}
            there = (work.actual.stored.get("nics") or {}).get(name) if work.actual is not None else None
            changed = {change.route[2] for change in work.changes if change.route[:2] == ("nics", name) and len(change.route) > 2}
            if there and work.existing.live is not None and changed.intersection(("address", "gateway")):
                # Until the running container has let go of them: a run that dies in between must find them.
                runs = ((work.existing.live or {}).get("nics") or {}).get(name) or {}
                known = [nic.get("address") for nic in (there, runs, was or {})]
                was = {"address": sorted({address for each in known for address in interfaces(each)}),
                       "gateway": runs.get("gateway") or there.get("gateway") or (was or {}).get("gateway")}
            if was:
                nics[name]["was"] = was
        return nics

    # -- applying -------------------------------------------------------------------------------------------------

    def create(self, work: Work) -> None:
        """Make the container: annotation, root file system under a temporary name, configuration, start."""
        self.builder.create(work)
        work.note(facts={"due": None})

    def change(self, work: Work) -> None:
        """Store every change in one write, then set live what the running container can take, then its state."""
        actual = work.actual
        if actual is None:
            raise ValueError("a change needs something to change")
        item: Container = actual.handle
        if item.config is None:
            self.create(work)
            return
        if item.init:
            # Once the configuration is edited, nothing else tells what this init has of it.
            work.note(facts={"started": running.proof_before(self.host, item, actual.annotation, actual.stored)})
        self._store(work, item)
        self._grow(work, item)
        if item.is_up and work.request.option("on_change", "live") != "defer":
            self._set_live(work, item)
        self._power(work, item)

    def _store(self, work: Work, item: Container) -> None:
        text = item.config or ""
        config = ConfigFile(text)
        for change in work.changes:
            self.builder.edit(config, change, work)
        self.builder.edit_together(config, work, item, self._limits(work, item))
        if str(config) != text and self.host.read_file(item.directory + "/config") != text:
            raise EngineError("the configuration of the container %s was changed by somebody else just now" % work.name, "run again")
        self.builder.follow(work, item, str(config))
        if str(config) != text:
            with work.step("store the configuration of %s" % work.name):
                self.host.write_file(item.directory + "/config", str(config))
        gone = {change.route[:2] for change in work.changes if change.pattern in ("nics[]", "devices[]") and change.want is None}
        for kind in ("nics", "devices"):
            noted = work.annotation.facts.get(kind)
            if noted is not None:
                work.note(facts={kind: {name: thing for name, thing in noted.items() if (kind, name) not in gone}})
        # Tags, NIC names and DNS stand in the annotation's facts, and the next read needs them to see what is done.
        note = work.actual.annotation if work.actual is not None else None
        if note is not None and note.facts != work.annotation.facts:
            self.annotate(work.actual, replace(note, facts=work.annotation.facts))  # type: ignore[arg-type]

    def _grow(self, work: Work, item: Container) -> None:
        for change in work.changes:
            if change.pattern == "disks[].size":
                root = item.directory + "/rootfs"
                with work.step("give the disk %s of %s its size" % (change.route[1], work.name)):
                    work.note(facts={store.SUBVOLUME: store.group_of(self.host, root)})
                    store.limit(self.host, root, change.want)
                    # The next read finds the quota by its number.
                    self.annotate(work.existing, replace(work.existing.annotation or work.annotation, facts=work.annotation.facts))

    def _limits(self, work: Work, item: Container) -> cgroup.Limits:
        """The limits that are to be: those that are stored, with the changes of this run."""
        limits = dict(vars(cgroup.stored_limits(item.settings, self.hierarchies)))
        said: Dict[str, Any] = {}
        for change in work.changes:
            if change.pattern in cgroup.OPTIONS:
                field = cgroup.OPTIONS[change.pattern][1]
                # Of count and limit the one that is declared holds, whichever is taken back.
                said[field] = said.get(field) if change.want is None else change.want
        limits.update(said)
        if limits["cpus"] is not None:
            limits["cpus"] = float(limits["cpus"])
        if limits["memory"] is None:
            limits["swap"] = None
        return cgroup.Limits(**limits)

    def _set_live(self, work: Work, item: Container) -> None:
        reached = [change for change in work.changes if change.impact == LIVE]
        limits, done = self._limits(work, item), set()
        for change in reached:
            group = cgroup.OPTIONS.get(change.pattern, ("", ""))[0]
            if group and group not in done:
                done.add(group)
                with work.step("set %s of the running container %s" % (change.path, work.name)):
                    self._set_limits(item, group, limits)
            elif change.pattern == "hostname":
                with work.step("rename the running container %s" % work.name):
                    running.set_hostname(self.host, item, change.want)
            elif change.pattern == "devices[]":
                with work.step("give %s to the running container %s" % (change.route[1], work.name)):
                    verbs.add_device(self.host, item, change.route[1], change.want.get("inside"))
        self._set_nics(work, item, reached)
        self._note_live(work, item, reached)

    def _set_limits(self, item: Container, group: str, limits: cgroup.Limits) -> None:
        if group == "memory" and not cgroup.can_shrink(self.host, item.cgroups, limits.memory, self.hierarchies):
            return
        device = probes.device_of(self.host, item.directory) if group == "io" else ""
        verbs.set_live(self.host, item, cgroup.live_settings(group, limits, item.live, self.hierarchies, device, item.every_cpu))

    def _set_nics(self, work: Work, item: Container, reached: Sequence[Change]) -> None:
        names = [change.route[1] for change in reached if change.pattern in ("nics[].address", "nics[].gateway")]
        stored = work.existing.stored.get("nics") or {}
        for name in sorted(set(names)):
            nic = dict(stored.get(name) or {}, **work.want["nics"][name])
            for change in reached:
                if change.route[:2] == ("nics", name) and len(change.route) == 3:
                    nic[change.route[2]] = change.want
            was = (work.annotation.facts["nics"].get(name) or {}).get("was") or {}
            with work.step("set the addresses of %s of the running container %s" % (name, work.name)):
                running.set_network(self.host, item, nic["mac"], was, nic)
            noted = dict(work.annotation.facts["nics"])
            noted[name] = _without_was(noted[name])
            work.note(facts={"nics": noted})

    def _note_live(self, work: Work, item: Container, reached: Sequence[Change]) -> None:
        """What runs is as stored again, where it was before: then nobody has to look into the container to find out."""
        proof = dict(work.annotation.facts.get("started") or {})
        for change in reached:
            if change.pattern == "devices[]":
                proof["fixed"] = dict(proof["fixed"], devices=dict(proof["fixed"].get("devices") or {}, **{change.route[1]: change.want}))
        late = [change for change in work.changes if change.impact != LIVE and change.route[:1] in (("nics",), ("hostname",))]
        if running.is_as_started(proof, item) and not late:
            proof["config"] = running.digest(self.host.read_file(item.directory + "/config") or "")
        work.note(facts={"started": proof})

    def _power(self, work: Work, item: Container) -> None:
        state = next((change.want for change in work.changes if change.pattern == "state"), None)
        if work.restart and item.is_up and state in (None, "running", "paused"):
            self._stop(work, item)
            state = state or work.actual.stored["state"]  # type: ignore[union-attr]
        if state == "stopped":
            self._stop(work, item)
        elif state in ("running", "paused"):
            self.builder.start(work, item, state)
        work.note(facts={"due": None})

    def _stop(self, work: Work, item: Container) -> None:
        if not item.is_up:
            return
        with work.step("stop the container %s" % work.name):
            verbs.stop(self.host, item, work.request.option("stop_timeout", verbs.STOP_TIMEOUT),
                       kill=work.request.option("force_stop", False))

    def remove(self, work: Work) -> None:
        """Stop it and remove its configuration; its root file system only where `remove_storage` says so and we made it."""
        actual = work.actual
        if actual is None:
            raise ValueError("a removal needs something to remove")
        item: Container = actual.handle
        note = actual.annotation
        storage = bool(work.request.option("remove_storage") and note is not None and "rootfs" in note.owned)
        self._stop(work, item)
        if storage or item.config is None:
            with work.step("remove the root file system of %s" % work.name):
                verbs.remove_storage(self.host, item)
        with work.step("remove the configuration of %s" % work.name):
            self._forget(item, note)

    def _forget(self, item: Container, note: Optional[Annotation]) -> None:
        directory = item.directory
        kept = self.host.exists(directory + "/rootfs")
        ours = note is not None and "rootfs" in note.owned
        if kept and ours and note is not None:
            # Before the configuration goes: a later run must find out whose the root file system is.
            self.host.write_file(directory + "/" + read.ANNOTATION,
                                 replace(note, facts=dict(note.facts, **{KEPT: True})).to_json(), 0o600)
        if item.config is not None:
            if kept:
                self.host.rename(directory + "/config", directory + "/config.removed")
            else:
                self.host.remove_file(directory + "/config")
        if not kept:
            self.host.remove_file(directory + "/config.removed")
        if not (kept and ours):
            self.host.remove_file(directory + "/" + read.ANNOTATION)
        if not kept:
            self.host.remove_dir(directory)

    def annotate(self, actual: Actual, annotation: Optional[Annotation]) -> None:
        """Write the last declaration beside the configuration, readable by root only; None removes it."""
        path = actual.handle.directory + "/" + read.ANNOTATION
        if annotation is None:
            self.host.remove_file(path)
        else:
            self.host.write_file(path, annotation.to_json(), 0o600)
        actual.annotation = annotation

    def nudge(self, actual: Actual, changes: Sequence[Change]) -> None:
        """Try again to take memory away that was in use the last time, unless the container has been stopped meanwhile."""
        if not actual.handle.is_up:
            return
        for change in changes:
            if change.pattern == "memory.size" and cgroup.can_shrink(self.host, actual.handle.cgroups, change.want, self.hierarchies):
                limits = replace(cgroup.stored_limits(actual.handle.settings, self.hierarchies), memory=change.want)
                verbs.set_live(self.host, actual.handle, cgroup.live_settings("memory", limits, actual.handle.live, self.hierarchies))

    def wait(self, request: Request, actual: Actual) -> Dict[str, Any]:
        """Wait until the container runs, or has an address."""
        wanted = request.declared["wait_for"]
        found = ready.wait(self.host, actual.handle, wanted["what"], wanted.get("timeout") or inside.TIMEOUT)
        actual.status.update(addresses=found.get("addresses", actual.status.get("addresses")))
        return found
