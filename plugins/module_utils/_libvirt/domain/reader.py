# Copyright: (c) 2026, flotilla.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Reading domains: one bulk read for a host, each document parsed once."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from typing import Any, Dict, Iterator, List, Optional, Sequence, Set, Tuple
from xml.etree.ElementTree import Element

from ..._reconcile import kinds
from ..._reconcile.annotation import Annotation
from ..._reconcile.plan import Actual
from ..._reconcile.schema import Spec
from .. import xmltree
from ..connection import ahead, documents_of, libvirt, translated
from . import document, elements, fragment, installing, profiles, remainder, seeding, table

# Below this many names, asking for each is cheaper than listing the host.
FEW = 16
# virDomainGetID of a domain that does not run.
NO_ID = -1
CPU_FEATURES = "cpu_features"
"""The fact that names CPU features which were taken back and still run."""
# CPU models that stand for one that is chosen when the guest starts (qemuProcessUpdateGuestCPU).
CHOSEN_AT_START = ("host-model", "host-passthrough", "maximum")


@dataclass
class Handle:
    """What a driver keeps of a domain that was read: the object and the texts of both documents.

    Not the parsed documents: with them 10,000 domains take 150 MB more, and hardly any is looked at again.
    """

    domain: Any
    text: str
    live_text: Optional[str]

    def stored(self) -> Element:
        """The stored document, parsed anew."""
        return xmltree.parse(self.text)

    def live(self) -> Optional[Element]:
        """The running document, parsed anew; None where the domain does not run."""
        return None if self.live_text is None else xmltree.parse(self.live_text)


class Reader:
    """Reads the domains of one connection."""

    def __init__(self, connection: Any, capacity: document.Capacity) -> None:
        self.connection = connection
        self.capacity = capacity
        self._lock = threading.Lock()
        self._users: Optional[Dict[str, Set[str]]] = None
        self._cpus: Optional[int] = None

    def read(self, names: Optional[Sequence[str]]) -> Dict[str, Actual]:
        """The domains of these names (None: all), by name."""
        with self._lock:
            self._users = None
        with translated("list the domains"):
            domains = self._domains(names)
            autostart = self._flagged(libvirt.VIR_CONNECT_LIST_DOMAINS_AUTOSTART, len(domains))
            paused = self._flagged(libvirt.VIR_CONNECT_LIST_DOMAINS_PAUSED, len(domains))
            saved = self._flagged(libvirt.VIR_CONNECT_LIST_DOMAINS_MANAGEDSAVE, len(domains))
            odd = self._flagged(libvirt.VIR_CONNECT_LIST_DOMAINS_OTHER, len(domains))
        found: Dict[str, Actual] = {}
        for domain, stored in ahead(_stored_text, domains):
            try:
                actual = self._actual(domain, stored(), domain.name() in saved)
            except libvirt.libvirtError as error:
                # A domain that went away between listing and reading is not there.
                if error.get_error_code() == libvirt.VIR_ERR_NO_DOMAIN:
                    continue
                with translated("read domain %s" % domain.name()):
                    raise
            self._power(actual, domain, autostart, paused, odd)
            if actual.saved is not None:
                actual.status["saved"] = True
            found[actual.name] = actual
        return found

    def cpu_count(self) -> int:
        """CPUs that the host has, on line or not (virNodeGetCPUMap); it is asked once."""
        if self._cpus is None:
            with translated("count the CPUs of the host"):
                self._cpus = int(self.connection.getCPUMap()[0])
        return self._cpus

    def all_macs(self) -> Dict[str, str]:
        """Every MAC address on the host with the domain that has it."""
        return {mac: name for name, root in self._documents(libvirt.VIR_DOMAIN_XML_INACTIVE) for mac in elements.macs(root)}

    def used_by_others(self, name: str, volume: str) -> bool:
        """Whether a volume (POOL/VOLUME) is a disk of any other domain, stored or running.

        The host is read for the first that asks, and then remembered until the next `read`: a run that removes many guests
        must not read all for each. What this run itself defines and removes meanwhile is told by `note`.
        """
        with self._lock:
            if self._users is None:
                self._users = {}
                for flags in (libvirt.VIR_DOMAIN_XML_INACTIVE, 0):
                    for domain, root in self._documents(flags):
                        self._add_user(domain, root)
            return bool(self._users.get(volume, set()) - {name})

    def note(self, name: str, root: Optional[Element]) -> None:
        """This run has defined a domain so, or removed it (None)."""
        with self._lock:
            if self._users is not None and root is not None:
                self._add_user(name, root)
            elif self._users is not None:
                for users in self._users.values():
                    users.discard(name)

    def _add_user(self, name: str, root: Element) -> None:
        if self._users is not None:
            for volume in elements.volumes(root):
                self._users.setdefault(volume, set()).add(name)

    def _documents(self, flags: int) -> Iterator[Tuple[str, Element]]:
        """The document of every domain."""
        for name, text in documents_of(self.connection, flags):
            yield name, xmltree.parse(text)

    def _domains(self, names: Optional[Sequence[str]]) -> List[Any]:
        if names is None or len(names) > FEW:
            wanted = None if names is None else set(names)
            return [domain for domain in self.connection.listAllDomains(0)
                    if wanted is None or domain.name() in wanted]
        found = []
        for name in names:
            try:
                found.append(self.connection.lookupByName(name))
            except libvirt.libvirtError as error:
                if error.get_error_code() != libvirt.VIR_ERR_NO_DOMAIN:
                    raise
        return found

    def _flagged(self, flag: int, count: int) -> Set[str]:
        return {domain.name() for domain in self.connection.listAllDomains(flag)} if count else set()

    def _actual(self, domain: Any, text: str, has_image: bool) -> Actual:
        stored = xmltree.parse(text)
        # The ID came with the listing; isActive would ask the daemon once more for each domain.
        live_text = domain.XMLDesc(libvirt.VIR_DOMAIN_XML_SECURE) if domain.ID() != NO_ID else None
        whole = None if live_text is None else xmltree.parse(live_text)
        name = domain.name()
        written = xmltree.annotation_of(stored)
        annotation = Annotation.from_json(written, "domain %s" % name) if written else None
        live = None if whole is None else installing.stripped(whole, stored, annotation)
        seeded = annotation is None or seeding.delivered(annotation, stored, self.capacity)
        actual = Actual(name, stored=self._spec(stored, annotation, seeded, text), annotation=annotation,
                        live=None if live is None else self._spec(live, annotation, seeded, live_text, live=True),
                        handle=Handle(domain, text, live_text))
        saved_text = _saved(domain, text) if has_image else None
        saved = None if saved_text is None else xmltree.parse(saved_text)
        if saved is not None:
            actual.saved = self._spec(saved, annotation, seeded, saved_text, live=True)
        running = saved if live is None else live
        if actual.running is not None and running is not None:
            _complete_live(actual.stored, actual.running, _features_left(annotation, domain))
            self._drop_pins_to_anywhere(actual.running)
            actual.leaving = _leaving(stored, running, annotation.facts.get("renamed", {}) if annotation else {})
        if annotation is not None and annotation.facts.get("xml_last") and actual.stored["xml"].holds(annotation.applied.get("xml")):
            # A run that died was through with the change of the fragment.
            actual.facts["xml_last"] = None
        if annotation is not None and annotation.facts.get("seed") == "" and not seeded:
            actual.facts["seed"] = None
        actual.status.update({"uuid": xmltree.get(stored, "uuid"), "virtualization": stored.get("type")})
        self._first_boot(actual, stored, live)
        installing.observe(actual, domain, stored, whole)
        actual.status["orphaned"] = self._orphaned(actual)
        return actual

    def _drop_pins_to_anywhere(self, live: Spec) -> None:
        """A pin that is taken back on a running guest stays there as a pin to every CPU of the host, which is none."""
        cpus = live.get("cpus", {})
        if not {"pins", "emulator_pin", "iothread_pins"} & set(cpus):
            return
        anywhere = kinds.number_set("0-%d" % (self.cpu_count() - 1))
        if cpus.get("emulator_pin") == anywhere:
            del cpus["emulator_pin"]
        for part in ("pins", "iothread_pins"):
            left = {number: where for number, where in cpus.get(part, {}).items() if where != anywhere}
            cpus.pop(part, None)
            if left:
                cpus[part] = left

    def _orphaned(self, actual: Actual) -> List[str]:
        """Volumes that were made for the guest and are no longer its disks: kept, and named until they are removed."""
        if actual.annotation is None:
            return []
        used = {"%s/%s" % (disk.get("pool"), disk.get("volume")) for disk in actual.stored["disks"].values()}
        left = [owned for owned in actual.annotation.owned
                if owned not in used and not seeding.is_seed_volume(owned) and not installing.is_volume(actual.name, owned)]
        return [owned for owned in left if self.capacity(*owned.split("/", 1)) is not None]

    def _spec(self, root: Element, annotation: Optional[Annotation], seeded: bool, text: Any, live: bool = False) -> Spec:
        spec = document.spec_of(root, self.capacity, annotation.facts.get("renamed", {}) if annotation else {})
        facts = annotation.facts if annotation is not None else {}
        spec["xml"] = fragment.Said(text, annotation.applied.get("xml") if annotation is not None else None, facts,
                                    lambda document_root: remainder.rest(document_root, annotation is None or not annotation.created))
        if seeded:
            seeding.overlay(spec, annotation, root, live)
        if annotation is None or not annotation.created:
            spec.setdefault("os", {})["family"] = profiles.PLAIN
        if annotation is not None:
            if "tags" in annotation.applied:
                spec["tags"] = annotation.applied["tags"]
            if annotation.applied.get("protect"):
                spec["protect"] = True
            if annotation.facts.get("family"):
                spec.setdefault("os", {})["family"] = annotation.facts["family"]
            for disk, image in annotation.facts.get("images", {}).items():
                if disk in spec["disks"]:
                    spec["disks"][disk]["image"] = image
        return spec

    @staticmethod
    def _first_boot(actual: Actual, stored: Element, live: Optional[Element]) -> None:
        note = actual.annotation
        if note is None:
            # Whoever made it has booted it: a seed that it never saw must not run on a living guest.
            actual.facts["booted"] = seeding.parts({})
        if note is not None and actual.live is not None and "booted" not in note.facts:
            actual.facts["booted"] = seeding.parts(note.applied)
        elif note is not None and live is not None and seeding.reseeded(note, live):
            actual.facts["booted"] = seeding.parts(note.applied)
        if actual.live is None and not (note is not None and seeding.reseeded(note, stored)):
            # Of a running guest the two documents say it.
            actual.pending = seeding.first_boot_only(note)

    @staticmethod
    def _power(actual: Actual, domain: Any, autostart: Set[str], paused: Set[str], odd: Set[str]) -> None:
        if actual.name in odd:
            state = "present"
        elif actual.name in paused:
            state = "paused"
        else:
            state = "stopped" if actual.live is None else "running"
        for spec in (actual.stored, actual.live, actual.saved):
            if spec is not None:
                spec["state"], spec["autostart"] = state, actual.name in autostart
        actual.status.update({"state": state, "engine": "kvm", "persistent": True})
        if actual.live is not None:
            actual.status["id"] = domain.ID()
            actual.status["persistent"] = bool(domain.isPersistent())
        actual.status.update(_ownership(actual.annotation))
        due = actual.annotation.facts.get("due") if actual.annotation is not None else None
        if due is not None:
            # Reached or not, it is noted no longer, unless the run that reads this notes it again.
            actual.facts["due"] = None
            actual.unfinished = {} if due == state else {"state": due}


def stored_text(domain: Any, name: str) -> str:
    """The stored document as it is now, secrets included."""
    with translated("read domain %s" % name):
        return _stored_text(domain)


def _stored_text(domain: Any) -> str:
    return str(domain.XMLDesc(libvirt.VIR_DOMAIN_XML_INACTIVE | libvirt.VIR_DOMAIN_XML_SECURE))


def _saved(domain: Any, stored: str) -> str:
    """The document in the image of a saved guest, secrets included; the stored one where the image cannot be read.

    One broken image must not keep a whole host from being read, and is still not discarded without consent.
    """
    try:
        return str(domain.managedSaveGetXMLDesc(libvirt.VIR_DOMAIN_SAVE_IMAGE_XML_SECURE))
    except libvirt.libvirtError:
        return stored


def _features_left(annotation: Optional[Annotation], domain: Any) -> Set[str]:
    """CPU features that were taken back while this very process ran."""
    left = (annotation.facts.get(CPU_FEATURES) if annotation is not None else None) or {}
    return set(left.get("names", ())) if left.get("process") == domain.ID() else set()


def _complete_live(stored: Spec, live: Spec, left: Set[str]) -> None:
    """Text that is stored and does not run is no text there, so that it can be told from what nobody can know."""
    for part in ("title", "description"):
        if part in stored:
            live.setdefault(part, "")
    for name, medium in live.get("media", {}).items():
        # An empty drive of a running guest has no format.
        if "format" not in medium and "format" in stored.get("media", {}).get(name, {}):
            medium["format"] = stored["media"][name]["format"]
    cpus, running = stored.get("cpus", {}), live.setdefault("cpus", {})
    if cpus.get("model") in CHOSEN_AT_START:
        # The running document says what libvirt made of it on this host.
        for part in ("model", "features", "cache", "migratable"):
            running.pop(part, None)
            if part in cpus:
                running[part] = cpus[part]
    elif "features" in running:
        # libvirt adds those by which this host's CPU differs from the model (qemuProcessUpdateGuestCPU).
        features = {name: policy for name, policy in running["features"].items() if name in left or name in cpus.get("features", {})}
        running.pop("features")
        if features:
            running["features"] = features


def _leaving(stored: Element, live: Element, renamed: elements.Names) -> List[Tuple[str, ...]]:
    """Routes of the running devices of ours that are stored no more."""
    found: List[Tuple[str, ...]] = []
    for things in table.DOMAIN.things:
        if not things.thing.alias or not things.thing.rule.cooperative:
            continue
        names = renamed if things is table.DISKS else elements.NO_NAMES
        kept = {name for name, _device in things.among(stored, names)}
        found += [things.route + ((name,) if name else ()) for name, device in things.among(live, names)
                  if name not in kept and elements.named_by_alias(things.thing.alias, device) is not None]
    return found


def _ownership(note: Optional[Annotation]) -> Dict[str, Any]:
    if note is None:
        return {"fleet": None, "created": False}
    said = {"fleet": note.fleet or None, "created": note.created}
    return {**said, "emulated": note.facts["emulated"]} if note.facts.get("emulated") else said
