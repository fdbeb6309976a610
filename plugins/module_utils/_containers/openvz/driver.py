# Copyright: (c) 2026, flotilla.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""OpenVZ for the run of `_reconcile`: how to read containers, which impact a change has, how to apply it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Dict, List, Mapping, Optional, Sequence, Tuple

from ..._reconcile.annotation import Annotation
from ..._reconcile.attachment import Networks
from ..._reconcile.contract import Request, Work
from ..._reconcile.errors import EngineError, Refused
from ..._reconcile.grammar import GUEST
from ..._reconcile.plan import Actual, Change, Rule
from ..._reconcile.schema import Spec
from .. import due, inside, noting, users
from ..host import Host
from ..names import check_names
from ..rules import rule_of
from . import dialect as dialects
from . import grammar, read, table
from .build import Builder, capabilities_text
from .command import Vzctl
from .config import nics_of, nics_text
from .declare import Checker, Templates
from .read import Container

STOP_TIMEOUT = 110
"""Seconds that a container has to shut down: a little less than vzctl gives it before it kills."""
_AT_START = "vzctl sets it when the container starts"

RULES: Dict[str, Rule] = {
    # The kernel does not take away what is in use, and without an OpenVZ kernel a CPU limit is not taken back.
    "memory.size": Rule(cooperative=True),
    "cpus.limit": Rule(cooperative=True),
    "cpus.shares": Rule(default=1000),
    "memory.swap": Rule(default=0),
    "io.limit": Rule(default=0),
    "io.iops": Rule(default=0),
    "io.priority": Rule(default=4),
    "nics[].address": Rule(same=grammar.same_addresses),
    "container_features": Rule(live=False, reason=_AT_START, same=grammar.same_features),
    "capabilities.add": Rule(live=False, reason=_AT_START, same=grammar.same_capabilities),
    "capabilities.drop": Rule(live=False, reason=_AT_START, same=grammar.same_capabilities),
    "autostart": Rule(default=False, always=True),
    "boot_order": Rule(always=True),
    "tags": Rule(always=True),
    "state": Rule(always=True),
    "image": Rule(creation=True, reason="the template is used when the container is made"),
}
_WAITS = ("container_features", "capabilities")

# A container has one disk, which is never taken away from it: undeclared, its size stays.
OPTIONS = tuple(replace(option, take_back="keep") if option.name == "disks" else option for option in GUEST)


class OpenvzDriver:
    """The containers of one OpenVZ node.

    templates: the OS template of a declared image. networks: what a declared network is on this node.
    """

    kind = "container"
    options = OPTIONS
    annotates = True

    def __init__(self, host: Host, templates: Templates = lambda name: None, networks: Networks = lambda name: None,
                 check_mode: bool = False) -> None:
        self.host = host
        self.networks = networks
        self.check_mode = check_mode
        self.checker = Checker(host, OPTIONS, templates, networks)
        self.host_ready = self.checker.installed()
        self._vzctl: Optional[Vzctl] = None

    @property
    def vzctl(self) -> Vzctl:
        """The node's vzctl, asked once for its version."""
        if self._vzctl is None:
            self._vzctl = Vzctl(self.host, dialects.probe(self.host))
        return self._vzctl

    @property
    def builder(self) -> Builder:
        """What makes containers."""
        return Builder(self.host, self.vzctl, self.checker)

    # -- reading --------------------------------------------------------------------------------------------------

    def read(self, names: Optional[Sequence[str]] = None) -> Dict[str, Actual]:
        """Read these containers (by name, or by id), or all of the node, in one look."""
        check_names(names)
        if not self.host_ready:
            return {}
        found = read.read_node(self.host, self.vzctl)
        self.checker.found = found
        named = read.by_name(found)
        wanted = named if names is None else {
            name: item for name, item in ((name, named.get(name) or self._by_id(name, found)) for name in names) if item is not None}
        return {name: self._actual(name, item) for name, item in wanted.items()}

    @staticmethod
    def _by_id(name: str, found: Mapping[str, Container]) -> Optional[Container]:
        item = found.get(name)
        return item if item is not None and item.config is not None else None

    def _actual(self, name: str, item: Container) -> Actual:
        note = item.note
        status = self._status(item)
        if read.is_unfinished(item):
            return due.recall(Actual(name, {"state": "stopped"}, None, note, status=dict(status, unfinished=True), handle=item), note)
        stored = grammar.stored_spec(item, self.networks)
        actual = Actual(name, stored, None, note, status=status, handle=item)
        if item.is_up and item.status == read.RUNNING:
            actual.live = grammar.live_spec(item, stored, noting.waiting(
                grammar.noted_waiting(item.note), actual, lambda: read.boot_of(self.vzctl, item)))
        return due.recall(actual, note)

    def _status(self, item: Container) -> Dict[str, Any]:
        status: Dict[str, Any] = {"state": item.status if item.config is not None else "absent", "engine": "openvz", "id": item.ident,
                                  "directory": item.private, "addresses": item.addresses if item.is_up else []}
        if item.config is not None and not item.has_private:
            status["problem"] = "its private area %s is gone" % item.private
        if item.note is not None:
            status["fleet"] = item.note.fleet
        return status

    # -- deciding is the run's; what it asks ----------------------------------------------------------------------

    def rule(self, pattern: str) -> Rule:
        """How a change of this option reaches a container."""
        return rule_of(RULES, pattern)

    def complete(self, request: Request, actual: Optional[Actual]) -> Spec:
        """The declaration with derived MAC addresses, and our defaults for what is new."""
        return self.checker.complete(request, actual, _making(actual))

    def check(self, work: Work) -> None:
        """Refuse, before anything is touched, what vzctl or this node cannot do; note what will be chosen."""
        if not self.host_ready:
            if not self.check_mode:
                raise EngineError("OpenVZ is not installed on this host (no vzctl)", "run the role flotilla.virt.openvz_host to see what is missing")
            # Check mode plans against an empty host; the result says host_ready: false.
            return
        if work.request.option("state") in ("absent", "released"):
            return
        self._refuse_broken(work)
        making = _making(work.actual)
        self.checker.check(work, self.vzctl.dialect, making)
        self._note(work, making)

    @staticmethod
    def _refuse_broken(work: Work) -> None:
        if work.actual is None:
            return
        item: Container = work.actual.handle
        made = item.note is not None and item.note.facts.get(read.MADE)
        where = work.request.where + ": " if work.request.where else ""
        if item.config is not None and not item.has_private and not read.is_unfinished(item):
            raise Refused("%sthe container %s has a configuration, and its private area %s is gone" % (where, work.name, item.private),
                          "put it back, or declare state: absent to drop the configuration %s" % item.config_path)
        if item.config is None and item.has_private and made:
            raise Refused("%sthe configuration %s of the container %s is gone, and its private area %s is there" % (
                where, item.config_path, work.name, item.private),
                "put the configuration back (vzctl keeps a removed one as %s.destroyed), or move the private area away" % item.config_path)

    def _note(self, work: Work, making: bool) -> None:
        facts: Dict[str, Any] = {read.KEPT: None}
        if making:
            # Removed by hand it is made anew: then it is not made yet.
            ident = self.checker.choose_id(work.name, work.request.fleet, self.vzctl.dialect)
            facts.update({"id": ident, read.NAME: work.name, read.MADE: None, "image": work.want.get("image"),
                          read.MARK: "# %s of fleet %s" % (work.name, work.request.fleet) if self.vzctl.dialect.version < 7 else None,
                          # As it was at creation, sealed: what a later declaration says differently waits for a first boot.
                          "cloud_init": work.annotation.applied.get("cloud_init")})
            work.note(owned=["rootfs"])
        else:
            facts[read.NAME] = work.name
        facts.update(noting.declared_facts(work, making))
        facts["nics"] = self._noted_nics(work)
        facts["due"] = due.due_state(work, making)
        facts[noting.WAITING] = self._to_wait(work) or work.annotation.facts.get(noting.WAITING)
        noting.set_facts(work, facts)

    @staticmethod
    def _noted_nics(work: Work) -> Dict[str, Any]:
        # One that is taken away stays noted until it is gone, or a run that dies would forget its name.
        nics = dict(work.annotation.facts.get("nics") or {})
        item: Optional[Container] = work.actual.handle if work.actual is not None else None
        used = {nic["ifname"] for nic in nics_of(item.settings.get("NETIF", ""))} if item is not None else set()
        used |= {str(nic.get("ifname")) for nic in nics.values()}
        for name, nic in (work.want.get("nics") or {}).items():
            noted = dict(nics.get(name) or {})
            if nic.get("type") == grammar.VENET:
                noted = {"ifname": grammar.VENET_NAME}
            else:
                if noted.get("ifname") in (None, grammar.VENET_NAME):
                    noted["ifname"] = name if name in used and not nics.get(name) else next(
                        "eth%d" % number for number in range(1000) if "eth%d" % number not in used)
                used.add(noted["ifname"])
                noted["network"] = nic.get("network")
            nics[name] = {key: value for key, value in noted.items() if value is not None}
        return nics

    def _to_wait(self, work: Work) -> Optional[Dict[str, Any]]:
        """What goes on running as it is now although something else is to be stored, with the start that it is noted for."""
        actual = work.actual
        touched = [name for name in _WAITS if any(change.route[:1] == (name,) for change in work.changes)]
        if actual is None or actual.live is None or not touched:
            return None
        running = {name: actual.live.get(name) for name in touched}
        return noting.to_wait(running, grammar.noted_waiting(actual.annotation), read.boot_of(self.vzctl, actual.handle))

    # -- applying -------------------------------------------------------------------------------------------------

    def create(self, work: Work) -> None:
        """Make the container: note, template unpacked by vzctl, options, users, start."""
        ident = str(work.annotation.facts["id"])
        item = self.checker.found.get(ident) or Container(work.name, ident)
        if not item.private:
            everywhere = read.global_settings(self.host)
            item.private = everywhere.get("VE_PRIVATE", "/vz/private/$VEID").replace("$VEID", ident)
            item.root = everywhere.get("VE_ROOT", "/vz/root/$VEID").replace("$VEID", ident)
        self.builder.create(work, item)
        work.note(facts={"due": None})

    def change(self, work: Work) -> None:
        """Store what changed and set it live, by vzctl where it can; then the power state."""
        item: Container = work.existing.handle
        if read.is_unfinished(item):
            self.create(work)
            return
        defer = item.is_up and work.request.option("on_change", "live") == "defer"
        self._store(work, item, defer)
        self._inside(work, item)
        self._keep_names(work)
        self._power(work, item)

    def _store(self, work: Work, item: Container, defer: bool) -> None:
        files: Dict[str, Optional[str]] = {}
        words: List[str] = []
        for change in work.changes:
            row = table.BY_PATTERN.get(change.pattern)
            if row is not None:
                self._store_row(row, change.want, defer, files, words)
            elif change.pattern == "disks[]" and change.want is not None:
                for option in ("size", "inodes"):
                    if change.want.get(option) is not None:
                        self._store_row(table.BY_PATTERN["disks[].%s" % option], change.want[option], defer, files, words)
        lists = {change.route[1]: change.want for change in work.changes if change.route[:1] == ("capabilities",)}
        text = capabilities_text(item.settings.get("CAPABILITY", ""), lists)
        if text is not None:
            files["CAPABILITY"] = text or None
        if defer:
            files.update(self._deferred_nics(work, item))
        if files:
            with work.step("store %s of %s" % (", ".join(sorted(files)), work.name)):
                self.builder.store(item, files)
        if words:
            words += self.builder.swap_for(item, words)
            with work.step("set %s of the container %s" % (" ".join(word for word in words if word.startswith("--")), work.name)):
                self.vzctl.run("set", item.ident, *words, "--save")
        if not defer:
            for name in self._touched_nics(work):
                self._change_nic(work, item, name)

    def _store_row(self, row: table.Row, value: Any, defer: bool, files: Dict[str, Optional[str]], words: List[str]) -> None:
        sent = [] if defer else table.words_of(row, value, self.vzctl.dialect)
        if sent:
            words.extend(sent)
        else:
            files[row.key] = table.stored_text(row, value, self.vzctl.dialect)

    # -- interfaces -----------------------------------------------------------------------------------------------

    @staticmethod
    def _touched_nics(work: Work) -> List[str]:
        names = [change.route[1] for change in work.changes if change.route[:1] == ("nics",) and len(change.route) > 1]
        return list(dict.fromkeys(names))

    def _addresses(self, work: Work, item: Container, name: str) -> Tuple[List[str], List[str]]:
        """The routed addresses that a venet has and shall have."""
        there = (work.existing.stored.get("nics") or {}).get(name) or {}
        want = (work.want.get("nics") or {}).get(name) or {}
        have = item.settings.get("IP_ADDRESS", "").split() if there.get("type") == grammar.VENET else []
        return have, grammar.bare(want.get("address")) if want.get("type") == grammar.VENET else []

    def _change_nic(self, work: Work, item: Container, name: str) -> None:
        have, want = self._addresses(work, item, name)
        now = {grammar.canonical(word) for word in have}
        # New ones first, so that a container is never without; one that is there is not added again, which would take it away.
        for address in want:
            if address not in now:
                with work.step("add the address %s to the container %s" % (address, work.name)):
                    self.vzctl.run("set", item.ident, "--ipadd", address, "--save")
        for word in have:
            if grammar.canonical(word) not in want:
                with work.step("take the address %s from the container %s" % (word, work.name)):
                    self.vzctl.run("set", item.ident, "--ipdel", grammar.canonical(word), "--save")
        nic = (work.want.get("nics") or {}).get(name)
        ifname = str(((work.annotation.facts.get("nics") or {}).get(name) or {}).get("ifname") or name)
        there = any(other["ifname"] == ifname for other in nics_of(item.settings.get("NETIF", "")))
        wanted = nic is not None and nic.get("type") != grammar.VENET
        spec = self.builder.veth(work, item, nic) if wanted and nic is not None else ""
        if there:
            with work.step("unplug the interface %s from the container %s" % (ifname, work.name)):
                self.vzctl.run("set", item.ident, "--netif_del", ifname, "--save")
        if spec:
            with work.step("plug the interface %s into the container %s" % (ifname, work.name)):
                self.vzctl.run("set", item.ident, "--netif_add", spec, "--save")

    def _deferred_nics(self, work: Work, item: Container) -> Dict[str, Optional[str]]:
        """What is to be stored of interfaces where the running container is not to be touched."""
        files: Dict[str, Optional[str]] = {}
        nics = nics_of(item.settings.get("NETIF", ""))
        for name in self._touched_nics(work):
            have, want = self._addresses(work, item, name)
            if have or want:
                files["IP_ADDRESS"] = " ".join(want)
            nic = (work.want.get("nics") or {}).get(name)
            ifname = str(((work.annotation.facts.get("nics") or {}).get(name) or {}).get("ifname") or name)
            wanted = nic is not None and nic.get("type") != grammar.VENET
            spec = self.builder.veth(work, item, nic).split(",") if wanted and nic is not None else None
            if spec or any(other["ifname"] == ifname for other in nics):
                nics = [other for other in nics if other["ifname"] != ifname]
                nics += [dict(zip(("ifname", "mac", "host_ifname", "host_mac", "bridge"), spec))] if spec else []
                files["NETIF"] = nics_text(nics)
        return files

    # -- the rest of a change -------------------------------------------------------------------------------------

    def _inside(self, work: Work, item: Container) -> None:
        change = next((change for change in work.changes if change.pattern == "root_password"), None)
        if change is not None:
            with work.step("set the password of root in %s" % work.name), self.builder.root_of(item) as root:
                users.set_root_password(root, change.want)

    def _keep_names(self, work: Work) -> None:
        gone = {change.route[1] for change in work.changes if change.pattern == "nics[]" and change.want is None}
        work.note(facts={"nics": {name: nic for name, nic in (work.annotation.facts.get("nics") or {}).items() if name not in gone}})
        # Tags and names of NICs stand in the note's facts, and the next read needs them to see what is done.
        note = work.existing.annotation
        if note is not None and note.facts != work.annotation.facts:
            self.annotate(work.existing, replace(note, facts=work.annotation.facts))

    def _power(self, work: Work, item: Container) -> None:
        state = next((change.want for change in work.changes if change.pattern == "state"), None)
        if work.restart and item.is_up and state in (None, "running"):
            self._stop(work, item)
            state = state or work.existing.stored["state"]
            work.note(facts={noting.WAITING: None})
        if state == "stopped":
            self._stop(work, item)
        elif state == "running":
            self.builder.start(work, item, state)
        work.note(facts={"due": None})

    def _stop(self, work: Work, item: Container) -> None:
        if not item.is_up:
            return
        noting.stop(work, "the container %s" % work.name, lambda limit: self.vzctl.run("stop", item.ident, timeout=limit),
                    lambda: self.vzctl.run("stop", item.ident, "--fast"), STOP_TIMEOUT)
        item.listed = dict(item.listed, status=read.STOPPED)

    def remove(self, work: Work) -> None:
        """Stop it and drop its configuration; its private area only where `remove_storage` says so and we made it."""
        item: Container = work.existing.handle
        note = work.existing.annotation
        ours = note is not None and "rootfs" in note.owned
        storage = bool(work.request.option("remove_storage") and ours)
        self._stop(work, item)
        if read.is_unfinished(item) and not (item.note is not None and item.note.facts.get(read.MADE)):
            storage = True
        if item.config is None:
            self._forget_rest(work, item, note, storage)
            return
        if item.status == read.MOUNTED:
            with work.step("unmount the container %s" % work.name):
                self.vzctl.run("umount", item.ident)
        if storage and item.has_private:
            with work.step("destroy the container %s" % work.name):
                self.vzctl.run("destroy", item.ident, timeout=600.0)
        else:
            self._drop_config(work, item, note if ours and item.has_private else None)
        if storage or not (ours and item.has_private):
            self.host.remove_file(item.note_path)

    def _forget_rest(self, work: Work, item: Container, note: Optional[Annotation], storage: bool) -> None:
        """What is left of one that somebody destroyed, or that was never made."""
        with work.step("forget the container %s" % work.name):
            if storage:
                for place in (item.private, item.private + ".tmp"):
                    self.host.remove_tree(place)
            if note is not None and item.has_private and not storage:
                self.host.write_file(item.note_path, replace(note, facts=dict(note.facts, **{read.KEPT: True})).to_json(), 0o600)
            else:
                self.host.remove_file(item.note_path)

    def _drop_config(self, work: Work, item: Container, note: Optional[Annotation]) -> None:
        with work.step("remove the configuration of %s" % work.name):
            if note is not None:
                # Before the configuration goes: a later run must find out whose the private area is.
                self.host.write_file(item.note_path, replace(note, facts=dict(note.facts, **{read.KEPT: True})).to_json(), 0o600)
            if item.settings.get("NAME"):
                self.host.remove_file("%s/%s" % (read.NAMES, item.settings["NAME"]))
            if self.vzctl.dialect.version >= 7 and item.has_private:
                # The file is a link into the private area, where the configuration itself stays.
                self.vzctl.run("unregister", item.ident)
            else:
                self.host.rename(item.config_path, item.config_path + ".removed")

    def annotate(self, actual: Actual, annotation: Optional[Annotation]) -> None:
        """Write the last declaration beside the configuration, readable by root only; None removes it."""
        path = actual.handle.note_path
        if annotation is None:
            self.host.remove_file(path)
        else:
            self.host.write_file(path, self._complete_note(actual, annotation).to_json(), 0o600)
        actual.annotation = annotation

    @staticmethod
    def _complete_note(actual: Actual, annotation: Annotation) -> Annotation:
        """An adopted container's note needs its name, by which it is known to be of this one."""
        if annotation.facts.get(read.NAME):
            return annotation
        return replace(annotation, facts=dict(annotation.facts, **{read.NAME: actual.name, read.MADE: True}))

    def nudge(self, actual: Actual, changes: Sequence[Change]) -> None:
        """Ask again for what the kernel did not take the last time, unless the container has been stopped meanwhile."""
        item: Container = actual.handle
        if not item.is_up:
            return
        for change in changes:
            row = table.BY_PATTERN.get(change.pattern)
            words = table.words_of(row, change.want, self.vzctl.dialect) if row is not None else []
            if words:
                self.vzctl.run("set", item.ident, *words, "--save")

    def wait(self, request: Request, actual: Actual) -> Dict[str, Any]:
        """Wait until the container runs, or has an address."""
        wanted = request.declared["wait_for"]
        ident = actual.handle.ident

        def look() -> inside.Seen:
            now = read.read_node(self.host, self.vzctl).get(ident) or Container(request.name, ident)
            return inside.Seen(now.status, now.is_up, now.status == read.RUNNING, now.addresses)

        found = inside.wait("openvz", request.name, wanted["what"], wanted.get("timeout") or inside.TIMEOUT, look)
        actual.status.update(addresses=found.get("addresses", actual.status.get("addresses")))
        return found


def _making(actual: Optional[Actual]) -> bool:
    return actual is None or read.is_unfinished(actual.handle)
