# Copyright: (c) 2026, flotilla.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""podman for the run of `_reconcile`: how to read containers, which impact a change has, how to apply it."""

from __future__ import annotations

import uuid
from dataclasses import replace
from typing import Any, Dict, List, Mapping, Optional, Sequence

from ..._reconcile import schema
from ..._reconcile.annotation import Annotation, union
from ..._reconcile.contract import Request, Work
from ..._reconcile.errors import EngineError
from ..._reconcile.grammar import GUEST
from ..._reconcile.plan import NOT_STORED, Actual, Change, Pending, Rule
from ..._reconcile.schema import Spec
from .. import cgroup, inside
from ..addresses import same_addresses
from ..host import Host
from ..images import Images
from ..names import check_names
from . import grammar, limits, read, units
from .build import HEALTH, Builder, carried_out, completed, network_options, volumes_of
from .command import LONG, PLACES, Podman
from .declare import Checker, References, is_making, secret_name
from .read import Container, Reader

STOP_TIMEOUT = 120
"""Seconds that a container has to end when asked, when nothing is declared."""
VOLUME = "volume/"
ANEW = "anew"
"""The fact that says what a container that is being made shall be; gone when it is made."""
_ANEW = Rule(recreate=True)


class PodmanDriver:
    """The containers of one host under podman, as root.

    images: the root file system tarball of a declared image. references: the OCI image of one.
    directory: where the last declarations lie.
    """

    kind = "container"
    options = GUEST
    annotates = True

    def __init__(self, host: Host, images: Images = lambda name: None, references: References = lambda name: None,
                 check_mode: bool = False, directory: str = read.DIRECTORY) -> None:
        self.host = host
        self.podman = Podman(host)
        self.reader = Reader(self.podman, directory)
        self.checker = Checker(self.podman, self.reader, images, references, check_mode)
        self.builder = Builder(self.podman, self.checker)
        self.host_ready = self.podman.installed()
        self.rules = self._rules()
        self._anew: Dict[str, Spec] = {}

    def _rules(self) -> Dict[str, Rule]:
        words = replace(_ANEW, same=grammar.same_words)
        rules = {name: _ANEW for name in grammar.MADE}
        rules.update({
            # The kernel does not take away what is in use and cannot be reclaimed.
            "memory.size": Rule(cooperative=True),
            # What podman itself gives where only memory is said.
            "memory.swap": Rule(default=lambda spec: (spec.get("memory") or {}).get("size")),
            "cpus.shares": Rule(default=limits.DEFAULT_UNITS),
            "nics[].address": Rule(same=same_addresses),
            "autostart": Rule(default=False, always=True),
            "tags": Rule(always=True),
            "image": replace(_ANEW, same=self.checker.same_image),
            # Taking a host name back leaves it: nothing is made anew for a default.
            "hostname": replace(_ANEW, default=lambda spec: spec.get("hostname")),
            "environment": words, "command": words, "entrypoint": words, "dns": words, "search": words,
            "ports": replace(_ANEW, same=grammar.same_ports),
            "capabilities.add": replace(_ANEW, same=grammar.same_capabilities),
            "capabilities.drop": replace(_ANEW, same=grammar.same_capabilities),
            "restart_policy": replace(_ANEW, default="no"),
            "mounts[].readonly": replace(_ANEW, default=False),
            "devices[].permissions": replace(_ANEW, default="rwm"),
            "devices[].inside": _ANEW,
            "id_mapping.size": replace(_ANEW, default=65536),
        })
        rules.update({"health." + name: replace(_ANEW, default=value) for name, value in HEALTH.items()})
        return rules

    # -- reading --------------------------------------------------------------------------------------------------

    def read(self, names: Optional[Sequence[str]] = None) -> Dict[str, Actual]:
        """Read these containers, or all of the host; what is begun and not finished, or left of one, is there too.

        Raises Refused for named ones where the run is an ordinary user's: one that is root's would be told as absent. A list of
        all is what that user's own podman has.
        """
        check_names(names)
        if names:
            self.podman.refuse_users()
        enabled = units.enabled(self.host)
        return {name: self._actual(item, name in enabled) for name, item in self.reader.read(names).items()}

    def _actual(self, item: Container, enabled: bool) -> Actual:
        if item.document is None:
            return Actual(item.name, {"state": "stopped"}, None, item.note, status={"state": read.ABSENT, "engine": "podman"},
                          handle=item, begun=True)
        stored = grammar.stored_spec(item, enabled)
        live = grammar.live_spec(item, stored) if item.init else None
        unfinished = {name: value for name, value in (item.facts.get(ANEW) or {}).items() if name in ("state", "autostart")}
        facts = {**_still_asked(item), **_still_attached(item)}
        if all(stored[name] == value for name, value in unfinished.items()):
            facts[ANEW] = None
        return Actual(item.name, stored, live, item.note, pending=self._not_stored(item, stored), status=self._status(item),
                      handle=item, facts=facts, unfinished=unfinished)

    @staticmethod
    def _not_stored(item: Container, stored: Spec) -> List[Pending]:
        """The limits that the next start would not set."""
        by_limit = "limit" in (stored.get("cpus") or {})
        running = limits.to_spec(item.live, by_limit) if item.live is not None else {}
        kept = limits.to_spec(item.stored, by_limit)
        found = []
        for group, options in (("cpus", ("count", "limit", "shares", "cpuset")), ("memory", ("size", "swap"))):
            for name in options:
                asked, next_time = (stored.get(group) or {}).get(name), (kept.get(group) or {}).get(name)
                if asked != next_time:
                    option = next(each for each in GUEST if each.name == group).by_name[name]
                    found.append(Pending("%s.%s" % (group, name), schema.show(option, (running.get(group) or {}).get(name)),
                                         schema.show(option, next_time), NOT_STORED))
        return found

    def _status(self, item: Container) -> Dict[str, Any]:
        status: Dict[str, Any] = {"state": str(item.part("State", "Status") or ""), "engine": "podman", "id": item.part("Id"),
                                  "image": item.part("ImageName"), "addresses": inside.addresses(self.host, item.init)}
        if item.init:
            status["pid"] = item.init
        health = item.part("State", "Health", "Status") or item.part("State", "Healthcheck", "Status")
        if health:
            status["health"] = health
        if item.note is not None:
            status["fleet"] = item.note.fleet
        return status

    # -- deciding is the run's; what it asks ----------------------------------------------------------------------

    def rule(self, pattern: str) -> Rule:
        """How a change of this option reaches a container."""
        known = self.rules.get(pattern)
        if known is None:
            # Whatever stands below something that podman fixes is fixed with it.
            known = self.rules.get(pattern.split(".")[0].replace("[]", ""), Rule())
            known = _ANEW if known.recreate else Rule()
        return known

    def complete(self, request: Request, actual: Optional[Actual]) -> Spec:
        """The declaration with derived MAC addresses and our defaults."""
        return self.checker.complete(request, actual)

    def check(self, work: Work) -> None:
        """Refuse, before anything is touched, what podman or this host cannot do; note what will be chosen."""
        self.checker.check(work, self._target(work))
        if work.request.option("state") not in ("absent", "released"):
            self._note(work)

    def _target(self, work: Work) -> Spec:
        """What the container shall be, with what nobody declared."""
        actual = work.actual
        if actual is None:
            # Where it was there a moment ago it is made anew, and what it shall be was found out before it went.
            return self._anew.get(work.name) or completed(work.want)
        if not actual.begun:
            target = carried_out(actual.stored, work.changes)
            for name, nic in (work.want.get("nics") or {}).items():
                target.setdefault("nics", {})[name] = {**target.get("nics", {}).get(name, {}), **nic}
            return completed(target)
        # A run died over it, or somebody removed it: what nobody had declared stands in the annotation.
        note = actual.annotation or Annotation()
        made = note.facts.get("made") or {}
        kept = note.facts[ANEW] if ANEW in note.facts else {name: made[name] for name in made if name not in note.applied}
        return completed({**kept, **work.want})

    def _note(self, work: Work) -> None:
        making = is_making(work)
        target = self._target(work)
        facts: Dict[str, Any] = {"nics": self._noted_nics(work, target), ANEW: None}
        if making:
            facts["made"] = self._made(work, target)
            facts["token"] = uuid.uuid4().hex
            facts.update({"limits": None, "id": None})
            missing = set(volumes_of(target)) - set(self.podman.names("volume")) if volumes_of(target) and self.host_ready else set()
            work.note(owned=[VOLUME + name for name in missing])
        elif any(change.route[:1] in (("cpus",), ("memory",)) for change in work.changes):
            facts["limits"] = self._asked(work, target)
        if making or any(change.route[:1] == ("tags",) for change in work.changes):
            facts["tags"] = dict(target["tags"]) if target.get("tags") else None
        work.annotation = replace(work.annotation, facts={name: value for name, value in {**work.annotation.facts, **facts}.items()
                                                          if value is not None})

    @staticmethod
    def _made(work: Work, target: Spec) -> Dict[str, Any]:
        """What podman will not change any more, as it may be written down: secrets sealed."""
        made = {name: target[name] for name in grammar.MADE if target.get(name) is not None}
        sealed = work.annotation.applied.get("secrets") or {}
        stored = (work.actual.stored.get("secrets") or {}) if work.actual is not None else {}
        if "secrets" in made:
            made["secrets"] = {name: {**secret, "value": (sealed.get(name) or stored.get(name) or {}).get("value")}
                               for name, secret in made["secrets"].items()}
        return made

    def _with_aim(self, work: Work, target: Spec, facts: Mapping[str, Any]) -> Annotation:
        """The annotation with all that a container being made shall be, for the run that finishes it if this one dies."""
        aim = {name: target[name] for name in ("state", "cpus", "memory", "nics", "autostart", "tags") if target.get(name) is not None}
        return replace(work.annotation, facts={**facts, ANEW: {**self._made(work, target), **aim}})

    @staticmethod
    def _noted_nics(work: Work, target: Spec) -> Dict[str, Any]:
        # One that is taken away, or goes to another network, stays noted until that is done, or a run that dies would forget it.
        nics = {name: dict(nic) for name, nic in (work.annotation.facts.get("nics") or {}).items()} if not is_making(work) else {}
        there = (work.actual.stored.get("nics") or {}) if work.actual is not None else {}
        for name, nic in (target.get("nics") or {}).items():
            nics[name] = {key: nic[key] for key in ("network", "mac", "address") if nic.get(key)}
            old = (there.get(name) or {}).get("network")
            if old and old != nic["network"]:
                nics[name]["old"] = old
        return nics

    def _asked(self, work: Work, target: Spec) -> Dict[str, Any]:
        wanted = limits.from_spec(target, work.request.declared)
        item: Container = work.existing.handle
        return {name: wanted[name] for name in limits.NAMES if wanted[name] != item.stored[name]}

    # -- applying -------------------------------------------------------------------------------------------------

    def create(self, work: Work) -> None:
        """Make the container: annotation, image, volumes, secrets, the container itself, its unit, start."""
        target = self._target(work)
        with work.step("note the declaration of %s" % work.name):
            self._write(work.name, self._with_aim(work, target, work.annotation.facts))
        self.builder.make(work, target)
        if target.get("autostart"):
            self._autostart(work, True)
        self._start(work, read.STOPPED, target.get("state") or "running")

    def change(self, work: Work) -> None:
        """Attach what is to be attached, set limits live, then autostart and state."""
        item: Container = work.existing.handle
        self._attach(work)
        touched = any(change.route[:1] in (("cpus",), ("memory",)) for change in work.changes)
        if touched and item.init and work.request.option("on_change", "live") != "defer":
            self._set_limits(work, item, limits.from_spec(self._target(work), work.request.declared))
        elif touched and not item.init and self._stores(item):
            wanted = limits.from_spec(self._target(work), work.request.declared)
            with work.step("store the limits of the container %s" % work.name):
                self._update(item, limits.update(item.stored, wanted, self.reader.every_cpu()), wanted)
        for change in work.changes:
            if change.pattern == "autostart":
                self._autostart(work, bool(change.want))
        self._power(work, item)

    def _attach(self, work: Work) -> None:
        names = list(dict.fromkeys(change.route[1] for change in work.changes if change.route[:1] == ("nics",)))
        nics = dict(work.annotation.facts.get("nics") or {})
        own = own_id(work.existing.handle)
        for name in names:
            there = (work.existing.stored.get("nics") or {}).get(name)
            wanted = self._target(work).get("nics", {}).get(name)
            with work.step("attach the nic %s of %s" % (name, work.name) if wanted else "detach the nic %s of %s" % (name, work.name)):
                if there:
                    self.podman.run("detach the nic %s of %s" % (name, work.name), "network", "disconnect", there["network"], own)
                if wanted:
                    options = [word for key, value in network_options(wanted)
                               for word in ({"mac": "--mac-address", "ip": "--ip6" if ":" in value else "--ip"}[key], value)]
                    self.podman.run("attach the nic %s of %s" % (name, work.name), "network", "connect", *options, wanted["network"], own)
            nics.pop(name, None)
            if wanted:
                nics[name] = {key: wanted[key] for key in ("network", "mac", "address") if wanted.get(key)}
        if names:
            work.note(facts={"nics": nics})

    def _set_limits(self, work: Work, item: Container, wanted: limits.Limits) -> None:
        now = item.live or item.asked
        if not self._may_shrink(item, wanted["memory"]):
            wanted = {**wanted, "memory": now["memory"], "swap": now["swap"]}
        words = limits.update(now, wanted, self.reader.every_cpu())
        if words:
            with work.step("set the limits of the running container %s" % work.name):
                self._update(item, words, wanted)

    def _may_shrink(self, item: Container, size: Optional[int]) -> bool:
        return cgroup.can_shrink(self.host, item.cgroups, size, cgroup.probe(self.host))

    def _stores(self, item: Container) -> bool:
        """Whether this podman stores what `podman update` is told; 4 is known without asking for the version, 5.0 does not yet."""
        return item.by_podman_5 and self.podman.version() >= limits.STORING

    def _update(self, item: Container, words: Sequence[str], wanted: limits.Limits) -> None:
        if words:
            if self._stores(item):
                words = limits.whole(words, wanted, item.part("HostConfig") or {})
            self.podman.run("set the limits of the container %s" % item.name, "update", *words, own_id(item))

    def _autostart(self, work: Work, on: bool) -> None:
        with work.step("%s %s with the host" % ("start" if on else "no longer start", work.name)):
            if on:
                place = next((place for place in PLACES if self.host.exists(place)), PLACES[0])
                units.enable(self.host, work.name, place)
            else:
                units.disable(self.host, work.name)

    # -- power ----------------------------------------------------------------------------------------------------

    def _power(self, work: Work, item: Container) -> None:
        state = next((change.want for change in work.changes if change.pattern == "state"), None)
        now = item.state
        if work.restart and item.init and state in (None, "running", "paused"):
            self._stop(work, item)
            state, now = state or work.existing.stored["state"], read.STOPPED
        if state == "stopped":
            self._stop(work, item)
        elif state is not None:
            self._start(work, now, state)

    def _start(self, work: Work, now: str, state: str) -> None:
        """Bring a container up, or let it go on, and pause it where it is to be paused."""
        if state not in ("running", "paused"):
            return
        if now == read.PAUSED and state == "running":
            with work.step("let the container %s go on" % work.name):
                self.podman.run("let the container %s go on" % work.name, "unpause", work.name)
        elif now == read.STOPPED:
            with work.step("start the container %s" % work.name):
                self.podman.run("start the container %s" % work.name, "start", work.name, timeout=LONG)
            self._set_asked(work)
        if state == "paused" and now != read.PAUSED:
            with work.step("pause the container %s" % work.name):
                self.podman.run("pause the container %s" % work.name, "pause", work.name)

    def _set_asked(self, work: Work) -> None:
        """podman 4 has forgotten at the stop what was set while it ran."""
        if not work.annotation.facts.get("limits"):
            return
        item = self.reader.read([work.name]).get(work.name)
        if item is not None and item.live is not None:
            self._set_limits(work, item, {**item.stored, **work.annotation.facts["limits"]})

    def _stop(self, work: Work, item: Container) -> None:
        if not item.init:
            return
        timeout = work.request.option("stop_timeout", STOP_TIMEOUT)
        with work.step("stop the container %s" % work.name):
            if item.state == read.PAUSED:
                self.podman.run("let the container %s go on" % work.name, "unpause", work.name)
            if work.request.option("force_stop", False):
                self.podman.run("stop the container %s" % work.name, "stop", "--time", str(timeout), own_id(item), timeout=timeout + 60)
                return
            try:
                # podman kills at its own deadline, so it gets one that lies behind ours.
                self.podman.run("stop the container %s" % work.name, "stop", "--time", str(timeout + 86400), own_id(item), timeout=max(timeout, 1))
            except EngineError as error:
                if "did not finish" not in error.message:
                    raise
                raise EngineError("the container %s did not stop within %d s" % (work.name, timeout),
                                  "give it more time with stop_timeout, or allow killing it with force_stop: true") from None

    # -- removing -------------------------------------------------------------------------------------------------

    def remove(self, work: Work) -> None:
        """Remove the container, and the volumes that were made for it only where `remove_storage` says so.

        To be made anew it is removed too; then the annotation stays, and says what is to come.
        """
        item: Container = work.existing.handle
        anew = work.anew
        storage = not anew and bool(work.request.option("remove_storage"))
        if anew:
            self._anew[work.name] = self._target(work)
            aim = self._with_aim(work, self._anew[work.name], work.annotation.facts)
            with work.step("note the declaration of %s" % work.name):
                self._write(work.name, _about(item, union(work.existing.annotation, aim)))
        if item.document is not None:
            self._stop(work, item)
            with work.step("remove the container %s" % work.name):
                self.podman.remove(work.name, *(["--volumes"] if storage else []), own_id(item))
        self._remove_secrets(work, item, anew)
        if anew:
            return
        if units.exists(self.host, work.name):
            self._autostart(work, False)
        if storage:
            self._remove_volumes(work, item)
        with work.step("forget the declaration of %s" % work.name):
            self.host.remove_file(self.reader.path(work.name))

    def _remove_secrets(self, work: Work, item: Container, anew: bool) -> None:
        ours = (item.facts.get("made") or {}).get("secrets") or {}
        kept = (self._target(work).get("secrets") or {}) if anew else {}
        gone = [secret_name(work.name, name) for name in ours if name not in kept]
        there = set(self.podman.names("secret")) if gone else set()
        for name in gone:
            if name in there:
                with work.step("remove the secret %s" % name):
                    self.podman.run("remove the secret %s" % name, "secret", "rm", name)

    def _remove_volumes(self, work: Work, item: Container) -> None:
        owned = item.note.owned if item.note is not None else ()
        there = set(self.podman.names("volume")) if owned else set()
        for name in [each[len(VOLUME):] for each in owned if each.startswith(VOLUME)]:
            if name not in there:
                continue
            users = self.podman.run("ask who uses the volume %s" % name, "ps", "--all", "--quiet", "--filter", "volume=" + name)
            if not users.strip():
                with work.step("remove the volume %s" % name):
                    self.podman.run("remove the volume %s" % name, "volume", "rm", name)

    # -- bookkeeping ------------------------------------------------------------------------------------------------

    def annotate(self, actual: Actual, annotation: Optional[Annotation]) -> None:
        """Write the last declaration, readable by root only; None removes it."""
        item: Container = actual.handle
        if annotation is None:
            self.host.remove_file(self.reader.path(actual.name))
        else:
            annotation = _about(item, annotation)
            self._write(actual.name, annotation)
        actual.annotation = annotation

    def _write(self, name: str, annotation: Annotation) -> None:
        if not self.host.exists(self.reader.directory):
            self.host.make_dir(self.reader.directory, 0o700)
        self.host.write_file(self.reader.path(name), annotation.to_json(), 0o600)

    def nudge(self, actual: Actual, changes: Sequence[Change]) -> None:
        """Try again to take memory away that was in use the last time."""
        item: Container = actual.handle
        if item.live is not None and any(change.pattern == "memory.size" for change in changes) \
                and self._may_shrink(item, item.asked["memory"]):
            self._update(item, limits.update(item.live, item.asked, self.reader.every_cpu()), item.asked)

    def wait(self, request: Request, actual: Actual) -> Dict[str, Any]:
        """Wait until the container runs, or has an address."""
        wanted = request.declared["wait_for"]

        def look() -> inside.Seen:
            item = self.reader.read([actual.name]).get(actual.name)
            if item is None:
                return inside.Seen(read.ABSENT, up=False, running=False)
            return inside.Seen(item.state, bool(item.init), item.state == read.RUNNING, inside.addresses(self.host, item.init))

        found = inside.wait("podman", actual.name, wanted["what"], wanted.get("timeout") or inside.TIMEOUT, look)
        actual.status.update(addresses=found.get("addresses", actual.status.get("addresses")))
        return found


def own_id(item: Container) -> str:
    """The id of the very container that was read: one that got its name since is not touched in its place."""
    return str(item.part("Id"))


def _about(item: Container, annotation: Annotation) -> Annotation:
    """The annotation as it is true of the container that is there, which may be about to be made anew.

    One that somebody else made is known by its id: that says later whether it is still the same one.
    """
    if item.document is None or read.is_of(annotation, item.document):
        return annotation
    of_its_own = ("token", "made", "limits", "nics", "tags", "id") if annotation.facts.get("token") else ("id",)
    own = {name: item.facts[name] for name in of_its_own if name in item.facts}
    if item.made is None:
        own["id"] = item.part("Id")
    return replace(annotation, facts={**{name: value for name, value in annotation.facts.items() if name not in of_its_own}, **own})


def _still_asked(item: Container) -> Dict[str, Any]:
    """Limits that were asked for and that podman has stored meanwhile need no note any more."""
    noted = item.facts.get("limits")
    if noted is None:
        return {}
    left = {name: value for name, value in noted.items() if value != item.stored[name]}
    return {"limits": left or None} if left != noted else {}


def _still_attached(item: Container) -> Dict[str, Any]:
    """NICs that a run noted and had no time to forget, or to say that they have moved."""
    noted, attached = item.facts.get("nics") or {}, item.part("NetworkSettings", "Networks") or {}
    there = {name: nic for name, nic in noted.items() if nic.get("network") in attached or nic.get("old") in attached}
    moved = {name: {key: value for key, value in nic.items() if key != "old" or nic.get("network") not in attached} for name, nic in there.items()}
    return {"nics": moved} if moved != noted else {}
