# Copyright: (c) 2026, flotilla.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""LXC for the run of `_reconcile`: how to read containers, which impact a change has, how to apply it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Dict, Optional, Sequence

from ..._reconcile.annotation import Annotation
from ..._reconcile.attachment import Networks
from ..._reconcile.contract import Request, Work
from ..._reconcile.errors import EngineError
from ..._reconcile.grammar import GUEST
from ..._reconcile.plan import Actual, Change, Rule
from ..._reconcile.schema import Spec
from .. import due, inside
from ..addresses import same_addresses
from ..host import Host
from ..images import Images
from ..names import check_names
from ..rules import rule_of
from . import cgroup, edit, grammar, read, ready, running, verbs
from .build import Builder
from .config import ConfigFile
from .declare import Checker
from .read import Container

KEPT, UNFINISHED = "kept", "unfinished"
_AT_START = "LXC sets it when the container starts"

RULES: Dict[str, Rule] = {
    "cpus.count": Rule(),
    # The kernel does not take away what is in use and cannot be reclaimed.
    "memory.size": Rule(cooperative=True),
    "nics[]": Rule(live=False, reason=_AT_START),
    "nics[].network": Rule(live=False, reason=_AT_START),
    "nics[].bridge": Rule(live=False, reason=_AT_START),
    "nics[].mac": Rule(live=False, reason=_AT_START),
    "nics[].address": Rule(live=False, reason=_AT_START, same=same_addresses),
    "nics[].gateway": Rule(live=False, reason=_AT_START),
    "nics[].dns": Rule(),
    "hostname": Rule(live=False, reason=_AT_START),
    "autostart": Rule(default=False),
    "image": Rule(creation=True, reason="the image is used when the container is made"),
}


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
        stored = grammar.stored_spec(item, note, self.hierarchies, self.networks)
        live = None
        if item.init:
            try:
                live = grammar.live_spec(self.host, item, stored, note, self.networks)
            except running.Gone:
                # One container that ends now must not end the read of a whole host.
                read.ask(self.host, read.container_path(self.host), item)
                stored["state"] = grammar.STATES.get(item.state, "present")
        actual = Actual(item.name, stored, live, note, status=self._status(item, note), handle=item)
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
        facts["nics"] = self._noted_nics(work)
        facts["due"] = due.due_state(work, making)
        work.note(facts=facts)
        work.annotation = replace(work.annotation, facts={
            name: value for name, value in work.annotation.facts.items() if facts.get(name, value) is not None
            and not (name in facts and facts[name] is None)})

    @staticmethod
    def _noted_nics(work: Work) -> Dict[str, Any]:
        # One that is taken away stays noted until it is gone, or a run that dies would forget its name.
        nics = dict(work.annotation.facts.get("nics") or {})
        for name, nic in (work.want.get("nics") or {}).items():
            nics[name] = {key: nic[key] for key in ("mac", "network", "dns") if nic.get(key)}
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
        self._store(work, item)
        if item.is_up and work.request.option("on_change", "live") != "defer":
            self._set_live(work, item)
        self._power(work, item)

    def _store(self, work: Work, item: Container) -> None:
        text = item.config or ""
        config = ConfigFile(text)
        for change in work.changes:
            self.builder.edit(config, change, work)
        if str(config) != text and self.host.read_file(item.directory + "/config") != text:
            raise EngineError("the configuration of the container %s was changed by somebody else just now" % work.name, "run again")
        self.builder.follow(work, item, str(config))
        if str(config) != text:
            with work.step("store the configuration of %s" % work.name):
                self.host.write_file(item.directory + "/config", str(config))
        gone = {change.route[1] for change in work.changes if change.pattern == "nics[]" and change.want is None}
        work.note(facts={"nics": {name: nic for name, nic in work.annotation.facts.get("nics", {}).items() if name not in gone}})
        # Tags, NIC names and DNS stand in the annotation's facts, and the next read needs them to see what is done.
        note = work.actual.annotation if work.actual is not None else None
        if note is not None and note.facts != work.annotation.facts:
            self.annotate(work.actual, replace(note, facts=work.annotation.facts))  # type: ignore[arg-type]

    def _set_live(self, work: Work, item: Container) -> None:
        for change in work.changes:
            what = {"memory.size": "memory", "cpus.count": "cpus"}.get(change.pattern)
            if what is None:
                continue
            with work.step("set %s of the running container %s" % (change.path, work.name)):
                if what != "memory" or cgroup.can_shrink(self.host, item.cgroups, change.want, self.hierarchies):
                    verbs.set_live(self.host, item, edit.live_limit(what, change.want, self.hierarchies))

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
                verbs.set_live(self.host, actual.handle, edit.live_limit("memory", change.want, self.hierarchies))

    def wait(self, request: Request, actual: Actual) -> Dict[str, Any]:
        """Wait until the container runs, or has an address."""
        wanted = request.declared["wait_for"]
        found = ready.wait(self.host, actual.handle, wanted["what"], wanted.get("timeout") or inside.TIMEOUT)
        actual.status.update(addresses=found.get("addresses", actual.status.get("addresses")))
        return found
