# Copyright: (c) 2026, flotilla.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The domain driver: how to read domains, which impact a change has, how to apply it. It never decides."""

from __future__ import annotations

import os
from dataclasses import dataclass, field, replace
from itertools import count
from typing import Any, Callable, Dict, List, Mapping, Optional, Sequence, Set, Tuple
from xml.etree.ElementTree import Element

from ..._reconcile import grammar, kinds
from ..._reconcile.annotation import NAMESPACE, Annotation
from ..._reconcile.contract import Request, Work
from ..._reconcile.errors import DeclarationError, EngineError, Problem, Refused, join_path, raise_if_any
from ..._reconcile.plan import LIVE, RECREATE, RESTART, SAVED_IMAGE, Actual, Change, Rule
from ..._reconcile.schema import Spec, problems_of_engine
from ..._host import images
from .. import xmltree
from ..connection import libvirt, translated
from ..storage import PARTIAL, Storage
from . import build, checks, choices, consistency, document, elements, fragment, installer, installing, live, power, profiles, reader
from . import seeding, table, trial, waiting

METADATA_KEY = "flotilla"


@dataclass
class Surroundings:
    """What a fleet declares beside its guests, which need not be there yet when a domain is planned.

    images: disk sources by image name. pools, networks: names that this run will make.
    """

    images: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    pools: Set[str] = field(default_factory=set)
    networks: Set[str] = field(default_factory=set)


class DomainDriver:
    """KVM guests through libvirt. `connection` None is a host without libvirt, which check mode plans against."""

    kind = "domain"
    options = grammar.GUEST
    annotates = True

    def __init__(self, connection: Any, storage: Optional[Storage], surroundings: Surroundings,
                 kvm_problem: choices.KvmProblem, local: bool = True) -> None:
        self.connection = connection
        self.host_ready = connection is not None
        self.storage = storage
        self.surroundings = surroundings
        self.local = local
        self._kvm_problem = kvm_problem
        self._capabilities: Optional[choices.Capabilities] = None
        self._macs: Optional[Dict[str, str]] = None
        self._fetched: Dict[str, images.Fetched] = {}
        self._reader = reader.Reader(connection, self._capacity)
        self._installer = installer.Installer(connection, self._storage, local)
        self._judge = trial.Judge(connection)

    # -- reading --------------------------------------------------------------------------------------------------

    def read(self, names: Optional[Sequence[str]] = None) -> Dict[str, Actual]:
        """See `Driver.read`."""
        return self._reader.read(names) if self.connection is not None else {}

    def _capacity(self, pool: str, volume: str) -> Optional[int]:
        return self.storage.capacity(pool, volume) if self.storage is not None else None

    def rule(self, pattern: str) -> Rule:
        """See `Driver.rule`."""
        return table.rule(pattern)

    # -- preparing ------------------------------------------------------------------------------------------------

    def complete(self, request: Request, actual: Optional[Actual]) -> Spec:
        """See `Driver.complete`: defaults for a new domain, and for the new devices of an existing one."""
        profile = self._profile(request, actual)
        want = choices.creation_defaults(request, profile) if actual is None else dict(request.declared)
        have = actual.stored if actual is not None else {}
        makers: Mapping[str, Callable[[Spec], Spec]] = {
            "disks": lambda disk: choices.disk_defaults(request.name, disk, profile.get("disk", {})),
            "media": lambda medium: choices.medium_defaults(medium, profile.get("medium", {})),
            "nics": lambda nic: choices.nic_defaults(request.fleet, request.name, nic, profile.get("nic", {}))}
        for option, make in makers.items():
            items, there = want.get(option, {}), set(have.get(option, {}))
            # The name of one that is renamed is free for another.
            there -= {item["was"] for name, item in items.items() if item.get("was") in there and name not in there}
            if items or option != "media":
                want[option] = {name: item if name in there else make(item) for name, item in items.items()}
        return want

    def _profile(self, request: Request, actual: Optional[Actual]) -> Mapping[str, Any]:
        """The defaults of this guest; of one that is there already, only those of its new devices count."""
        if not self.host_ready:
            return profiles.profile(request.declared.get("os", {}), "x86_64", "q35", False)
        if actual is None:
            return self._capable().profile(request)
        system = {**request.declared.get("os", {}), **actual.stored.get("os", {})}
        return profiles.profile(system, system.get("architecture", "x86_64"), system.get("machine", ""), False)

    def check(self, work: Work) -> None:
        """See `Driver.check`."""
        request = work.request
        if work.actual is not None and not work.actual.status.get("persistent", True):
            raise Refused("domain %s is transient: it has no stored document to change" % work.name,
                          "define it first (virsh dumpxml, virsh define)")
        self._refuse_losing_memory(work)
        installer.refuse_ends(request, work.actual)
        if request.option("state") in ("absent", "released"):
            return
        installer.refuse_restart(work)
        problems = problems_of_engine(self.options, request.declared, "kvm", request.where)
        problems += checks.ceilings(request, work.want)
        stored = work.actual.stored if work.actual is not None else {}
        problems += consistency.problems(request, work.want, stored, self._domain_capabilities(work),
                                         self.local and self.host_ready and not self._test())
        new_disks = self._new_items(work, "disks")
        disk_checks = checks.DiskChecks(self._storage(), self.surroundings.pools, self.surroundings.images,
                                        self.local, self.host_ready)
        for name, disk in new_disks.items():
            problems += disk_checks.new_disk(work, name, disk)
        nic_checks = checks.NicChecks(self.connection, self._all_macs, self.surroundings.networks)
        if work.actual is None and "install" in work.want:
            problems += self._installer.problems(work, self._family(work), self._seed_pool(work), self.surroundings.pools)
        problems += self._growth(work) + nic_checks.problems(work, self._new_items(work, "nics"))
        raise_if_any(problems)
        if work.actual is None:
            work.note(facts={"emulated": self._check_creation(work)})
        self._note(work, new_disks)
        self._try(work)

    def _try(self, work: Work) -> None:
        """Lets libvirt judge the document that this run would define, before anything is touched."""
        if not self.host_ready:
            return
        if work.actual is None:
            root = self._new_document(work)
        else:
            root = work.actual.handle.stored()
            if not self._edit(work, root):
                return
        if work.want.get("xml"):
            raise_if_any(consistency.overruled(work.request, document.spec_of(self._typed(work), lambda *_place: 0),
                                               document.spec_of(root, lambda *_place: 0)))
        if self._test() or (work.actual is not None and all(
                change.impact == LIVE and table.is_plain(change.pattern) for change in work.changes)):
            return
        objection = self._judge.objection(root)
        if objection and (work.actual is None or objection != self._judge.objection(work.actual.handle.stored())):
            # What cannot run here as it is may be changed all the same.
            raise DeclarationError.at(work.request.where, "libvirt refuses the domain %s: %s" % (work.name, objection),
                                      "correct what it names, or see virsh domcapabilities for what this host can do")

    @staticmethod
    def _refuse_losing_memory(work: Work) -> None:
        """What a saved guest has in its memory is lost only where the run says so, and a disk does not grow under it."""
        if work.actual is None or work.actual.saved is None or work.request.option("discard_saved", False):
            return
        if work.request.option("state") == "absent" or any(change.impact == RECREATE for change in work.changes):
            raise Refused("domain %s was saved while it ran, and its memory would be lost" % work.name,
                          "start it first, or declare discard_saved: true for one run")
        for change in work.changes:
            if change.pattern == "disks[].size" and change.impact == RESTART:
                raise DeclarationError.at(checks.path_in(work.request, "disks", change.route[1], "size"),
                                          "a disk of a saved guest cannot grow", "start the guest first")

    def _new_items(self, work: Work, option: str) -> Dict[str, Spec]:
        if work.actual is None:
            return dict(work.want.get(option, {}))
        # One that is stored and does not run yet is only to be plugged; the name of one that is renamed is free.
        stored = set(work.actual.stored[option]) - set(checks.moves(work) if option == "disks" else ())
        names = [change.route[1] for change in work.changes
                 if change.pattern == option + "[]" and change.route[1] not in stored]
        return {name: work.want[option][name] for name in names if name in work.want[option]}

    def _all_macs(self) -> Dict[str, str]:
        if self._macs is None:
            self._macs = self._reader.all_macs()
        return self._macs

    def _growth(self, work: Work) -> List[Problem]:
        found: List[Problem] = []
        for change in work.changes:
            if change.pattern == "disks[].size" and work.actual is not None:
                disk = work.actual.stored["disks"].get(change.route[1], {})
                found += checks.growth(work.request, change.route, disk.get("size"), change.want)
                if "volume" not in disk:
                    found.append(Problem(checks.path_in(work.request, "disks", change.route[1], "size"),
                                         "only a volume of a pool has a size here", "grow the file or device itself"))
        return found

    def _check_creation(self, work: Work) -> Optional[str]:
        """Returns why the new domain is emulated, if it is."""
        try:
            kinds.name(work.name)
        except ValueError as error:
            raise DeclarationError.at(join_path(work.request.where, "name"), str(error)) from None
        if not self.host_ready:
            return None
        identity = self._uuid(work)
        with translated("look up a UUID"):
            try:
                other = self.connection.lookupByUUIDString(identity)
            except libvirt.libvirtError as error:
                if error.get_error_code() != libvirt.VIR_ERR_NO_DOMAIN:
                    raise
            else:
                raise DeclarationError.at(join_path(work.request.where, "name"), "its UUID %s is that of domain %s"
                                          % (identity, other.name()), "rename that one back, or choose another name")
        emulated = self._platform(work.request)[1]
        if seeding.wanted(work.want) and self._seed_pool(work) is None and not self._capable().test:
            raise DeclarationError.at(join_path(work.request.where, "cloud_init"),
                                      "needs a place for its seed", "declare a disk in a pool")
        return emulated or None

    @staticmethod
    def _uuid(work: Work) -> str:
        return str(work.want.get("uuid") or choices.uuid(work.request.fleet, work.name))

    def _family(self, work: Work) -> str:
        """The family of the system of a guest, declared now or at creation, or told from its variant."""
        stored = work.actual.stored.get("os", {}) if work.actual is not None else {}
        system = {**stored, **work.want.get("os", {})}
        return str(system.get("family") or profiles.family_of(str(system.get("variant", ""))))

    def _architecture(self, spec: Mapping[str, Any]) -> str:
        return str(spec.get("os", {}).get("architecture") or self._capable().architecture())

    def _platform(self, request: Request) -> Tuple[build.Platform, str]:
        return self._capable().platform(request.option("virtualization", "kvm"), request)

    def _domain_capabilities(self, work: Work) -> Optional[Element]:
        """What QEMU can do for this guest; None where nobody can be asked. Raises DeclarationError for a machine that there is not."""
        if not self.host_ready or self._test():
            return None
        system = work.want.get("os", {})
        if work.actual is None:
            platform = self._platform(work.request)[0]
            kind, architecture, machine = platform.domain_type, platform.architecture, system.get("machine") or platform.machine
        else:
            stored = work.actual.stored.get("os", {})
            kind = work.actual.status["virtualization"]
            architecture, machine = stored.get("architecture"), system.get("machine") or stored.get("machine")
        return self._capable().of_domain(kind, architecture, machine, join_path(work.request.where, "os", "machine"))

    def _capable(self) -> choices.Capabilities:
        if self._capabilities is None:
            with translated("read the capabilities of the host"):
                self._capabilities = choices.Capabilities(self.connection, self._kvm_problem)
        return self._capabilities

    def _is_windows(self, work: Work) -> bool:
        return self._family(work) == "windows"

    def _seed_drive(self, work: Work) -> str:
        """The bus of the CD drive that Windows finds its seed in; empty for every other system, which gets a disk."""
        return str(self._profile(work.request, work.actual).get("medium", {}).get("bus", "sata")) if self._is_windows(work) else ""

    @staticmethod
    def _seed_pool(work: Work) -> Optional[str]:
        """The pool for the seed: where the guest has one, else where its first disk is."""
        actual = work.actual
        there = seeding.place(actual.handle.stored()) if actual is not None else None
        if there is not None:
            return there.split("/", 1)[0]
        disks = list(actual.stored["disks"].values()) if actual is not None else []
        return next((disk["pool"] for disk in disks + list(work.want.get("disks", {}).values()) if disk.get("pool")),
                    None)

    def _note(self, work: Work, new_disks: Mapping[str, Spec]) -> None:
        """Notes what this run will make and choose, so that the annotation says it before the first step."""
        owned = [checks.owned_name(disk) for disk in new_disks.values()
                 if disk.get("volume") and not disk.get("existing")]
        renames = checks.moves(work)
        images = {renames.get(name, name): image for name, image in work.annotation.facts.get("images", {}).items()}
        images.update({name: disk["image"] for name, disk in new_disks.items() if disk.get("image")})
        facts: Dict[str, Any] = {"images": images} if images else {}
        renamed = self._renamed(work, new_disks)
        facts["renamed"] = renamed or None
        if work.actual is None:
            facts["instance"] = choices.uuid(work.request.fleet, work.name)
            facts["family"] = work.want.get("os", {}).get("family")
            if "install" in work.want:
                medium = self._profile(work.request, None).get("medium", {})
                facts["system"] = self._family(work)
                self._installer.note(work, self._seed_pool(work), medium.get("bus", "sata"))
        work.note(owned=owned, facts=facts)
        if self._changes_fragment(work) and work.actual is not None:
            work.note(facts=work.actual.stored["xml"].note(work.want.get("xml")))
        facts = {"due": self._due(work)}
        if self._starts(work):
            # Readiness is to be found out anew, from what the console says after this moment.
            console = build.console_log(work.name, choices.LOG_DIRECTORY)
            facts["ready"] = ""
            facts["console"] = os.path.getsize(console) if self.local and os.path.exists(console) else 0
        _image, seed = self._seed(work)
        if seed:
            facts["seed"] = "%s/%s" % (self._seed_pool(work), seed)
            if work.request.declared.get("cloud_init", {}).get("reseed"):
                facts["reseeded"] = seeding.digest_of(work.annotation.applied)
                facts["instance"] = self._instance(work, work.actual is not None)
            work.note(owned=[facts["seed"]])
        elif self._seed_is_taken_back(work):
            facts["seed"] = ""
        work.note(facts=facts)

    @staticmethod
    def _starts(work: Work) -> bool:
        """Whether a new QEMU process will run the guest."""
        state = work.want.get("state") if work.actual is None else next(
            (change.want for change in work.changes if change.pattern == "state"), None)
        return work.restart or ((work.actual is None or work.actual.live is None) and state in ("running", "paused"))

    @staticmethod
    def _due(work: Work) -> Optional[str]:
        """The power state that nobody declares and that this run must reach all the same, should it die before."""
        if work.request.option("state") is not None:
            return None
        if work.actual is None:
            return str(work.want["state"])
        changed = next((str(change.want) for change in work.changes if change.pattern == "state"), None)
        return changed or (str(work.actual.stored["state"]) if work.restart else None)

    @staticmethod
    def _renamed(work: Work, new_disks: Mapping[str, Spec]) -> Dict[str, str]:
        """New names by the names that the devices' aliases carry, for disks declared with `was`.

        A new disk under the old name of such a one gets a number in its alias, which is still the other's.
        """
        renamed = dict(work.annotation.facts.get("renamed", {}))
        for before, after in checks.moves(work).items():
            renamed[next((label for label, name in renamed.items() if name == before), before)] = after
        specs = [spec for spec in (work.want, work.actual and work.actual.stored, work.actual and work.actual.live) if spec]
        for new in new_disks:
            if new in renamed and new not in renamed.values():
                taken = set(renamed).union(*(spec.get("disks", {}) for spec in specs))
                renamed[next(label for label in ("%s.%d" % (new, number) for number in count(2)) if label not in taken)] = new
        # One that leaves in this run is still found by its name; a later run forgets it.
        known = set(new_disks).union(checks.moves(work).values(), *(spec.get("disks", {}) for spec in specs[1:]))
        return {label: name for label, name in renamed.items() if name in known}

    def _storage(self) -> Storage:
        if self.storage is None:
            self.storage = Storage(self.connection, self.local)
        return self.storage

    # -- applying -------------------------------------------------------------------------------------------------

    def create(self, work: Work) -> None:
        """See `Driver.create`. The definition comes first: it names all that follows."""
        self._fetch(work)
        seed, seed_volume = self._seed(work)
        root = self._new_document(work)
        if seed_volume:
            build.set_seed(root, self._seed_pool(work), seed_volume, self._seed_drive(work))
        with work.step("define %s" % work.name):
            domain = self._define(root)
        self._note_fragment(work, domain)
        for name, disk in work.want["disks"].items():
            self._make_volume(work, name, disk)
        self._store_seed(work, seed, seed_volume)
        self._finish(work, domain, work.want.get("autostart"), work.want["state"])

    def _new_document(self, work: Work) -> Element:
        """The document of a domain that does not exist yet."""
        platform, _note = self._platform(work.request)
        root = build.domain(work.name, self._uuid(work), work.want, platform, work.annotation)
        if work.want.get("xml"):
            work.note(facts=fragment.Said(root, None, {}, None).note(work.want["xml"]))
            xmltree.set_annotation(root, work.annotation.to_json())
            fragment.merge(root, fragment.parse(work.want["xml"]))
        return root

    def _typed(self, work: Work) -> Element:
        """The document that this run would define, but for what the declared fragment says."""
        if work.actual is None:
            return build.domain(work.name, self._uuid(work), work.want, self._platform(work.request)[0], work.annotation)
        root: Element = work.actual.handle.stored()
        self._edit_typed(work, root)
        return root

    def _edit(self, work: Work, root: Element) -> bool:
        """Brings every change of the plan into a stored document; says whether there was anything to bring."""
        edited = self._edit_typed(work, root)
        return self._merge_fragment(root, work) or edited

    def _edit_typed(self, work: Work, root: Element) -> bool:
        """Brings every change of the plan but the new fragment into a stored document."""
        edited = self._take_fragment_out(root, work)
        renamed, live_document = work.annotation.facts.get("renamed", {}), work.existing.handle.live()
        for change in work.changes:
            edited = document.edit(root, change, work.want, renamed, live_document) or edited
        return edited

    def change(self, work: Work) -> None:
        """See `Driver.change`: volumes, the stored document, the running guest, then its power."""
        actual = work.existing
        handle: reader.Handle = actual.handle
        self._fetch(work)
        root = xmltree.parse(self._unchanged(handle, work))
        for name, disk in self._new_items(work, "disks").items():
            self._make_volume(work, name, disk)
        edited = self._edit(work, root)
        seed, seed_volume = self._seed(work)
        if seed_volume:
            build.set_seed(root, self._seed_pool(work), seed_volume, self._seed_drive(work))
            self._store_seed(work, seed, seed_volume)
            edited = True
        elif self._seed_is_taken_back(work):
            build.set_seed(root, None, None)
            edited = True
        if edited:
            with work.step("store the document of %s" % work.name):
                handle.domain = self._define(root)
            self._note_fragment(work, handle.domain)
        if self._changes_seed(work) and actual.running is None:
            self._drop_old_seeds(work, seeding.place(root))
        values = {change.pattern: change.want for change in work.changes}
        if actual.saved is not None:
            self._end_saved(work, handle, values.get("state"))
        self._resize_stopped(work)
        self._apply_live(work, handle, root)
        if work.restart:
            power.stop(handle.domain, work)
        state = values.get("state") or (actual.stored["state"] if work.restart else None)
        self._finish(work, handle.domain, values.get("autostart"), state)

    @staticmethod
    def _end_saved(work: Work, handle: reader.Handle, state: Optional[str]) -> None:
        """A saved guest is restored before anything is done with what runs in it, unless its image is not wanted any more."""
        if any(change.path == SAVED_IMAGE for change in work.changes):
            power.discard(handle.domain, work)
        elif work.restart or state in ("running", "paused"):
            power.reach(handle.domain, "running" if work.restart else str(state), work)

    @staticmethod
    def _changes_fragment(work: Work) -> bool:
        return any(change.pattern == "xml" for change in work.changes)

    def _take_fragment_out(self, root: Element, work: Work) -> bool:
        """Before anything else is edited: what the last fragment said and the new one does not is as it was before it."""
        said = work.existing.stored["xml"]
        wanted = work.want.get("xml")
        if not self._changes_fragment(work) or not said.applied:
            return False
        fragment.take_out(root, fragment.parse(said.applied), fragment.parse(wanted) if wanted else None, said.before)
        return True

    def _merge_fragment(self, root: Element, work: Work) -> bool:
        """After all typed options: the fragment is merged over them, and they may have touched what it says."""
        wanted = work.want.get("xml")
        if wanted is None or not work.changes:
            return False
        fragment.merge(root, fragment.parse(wanted))
        return self._changes_fragment(work)

    def _unchanged(self, handle: reader.Handle, work: Work) -> str:
        """The stored text, read again right before it is edited; somebody else's change in between is an error."""
        flags = libvirt.VIR_DOMAIN_XML_INACTIVE | libvirt.VIR_DOMAIN_XML_SECURE
        with translated("read domain %s" % work.name):
            text = str(handle.domain.XMLDesc(flags))
        before, now = xmltree.parse(handle.text), xmltree.parse(text)
        for root in (before, now):
            # Our own annotation was written between the two readings.
            xmltree.set_annotation(root, None)
        if xmltree.tostring(before) != xmltree.tostring(now):
            raise EngineError("domain %s was changed by somebody else during this run" % work.name, "run again")
        return text

    def _define(self, root: Element) -> Any:
        name = xmltree.get(root, "name") or ""
        with translated("define domain %s" % name):
            defined = self.connection.defineXML(xmltree.tostring(root))
        self._reader.note(name, root)
        return defined

    def _note_fragment(self, work: Work, domain: Any) -> None:
        """Notes how libvirt wrote what the fragment says: that is what it means by it, and no difference."""
        wanted = work.want.get("xml")
        means: Dict[str, str] = {}
        if wanted:
            with translated("read domain %s" % work.name):
                stored = xmltree.parse(domain.XMLDesc(libvirt.VIR_DOMAIN_XML_INACTIVE | libvirt.VIR_DOMAIN_XML_SECURE))
            means = fragment.Said(stored, wanted, {}, None).understood(wanted)
        work.note(facts={"xml_means": means or None, "xml_last": None})
        note = replace(work.annotation) if means else None
        if note is not None:
            self.annotate(Actual(work.name, handle=reader.Handle(domain, "", None)), note)

    def prefetch(self, request: Request) -> None:
        """Downloads, before the host's turn is taken, the images that a domain still to be made needs."""
        needed = [disk["image"] for disk in request.declared.get("disks", {}).values() if self._to_download(disk.get("image"))]
        tree = "tree" in request.declared.get("install", {})
        if (needed or tree) and request.name not in self.read([request.name]):
            for image in needed:
                self._fetched[image] = images.fetch(self.surroundings.images[image])
            self._installer.fetch(request, self._architecture(request.declared))

    def _to_download(self, image: Optional[str]) -> bool:
        source = self.surroundings.images.get(image or "", {})
        return bool(source.get("url")) and not images.is_cached(source)

    def _fetch(self, work: Work) -> None:
        """Has the images of new disks on the host and checked before anything is made of them."""
        for disk in self._new_items(work, "disks").values():
            image = disk.get("image")
            if image and image not in self._fetched and self._storage().volume(disk["pool"], disk["volume"]) is None:
                with work.step("fetch image %s" % image):
                    self._fetched[image] = images.fetch(self.surroundings.images[image])

    def _make_volume(self, work: Work, name: str, disk: Mapping[str, Any]) -> None:
        if not disk.get("volume") or disk.get("existing"):
            return
        storage = self._storage()
        if storage.free_bytes(disk["pool"]) is None:
            # The pool was made or started by this very run, after the host was read.
            storage.forget()
        if storage.volume(disk["pool"], disk["volume"]) is not None:
            return
        backing = None
        if disk.get("image"):
            source = self._fetched[disk["image"]]
            with work.step("copy image %s into pool %s" % (disk["image"], disk["pool"])):
                backing = storage.base_image(disk["pool"], disk["image"], source)
        with work.step("create volume %s for disk %s" % (checks.owned_name(disk), name)):
            storage.create_volume(disk["pool"], disk["volume"], disk.get("size"), disk["format"], backing=backing)

    def _seed(self, work: Work) -> Tuple[bytes, Optional[str]]:
        """The seed to be stored in this run, if any; a guest that has booted keeps the one it has."""
        facts = work.annotation.facts
        wants_more = self._changes_seed(work)
        again = any(change.pattern == table.RESEED and change.want for change in work.changes)
        booted = "booted" in facts and not again
        if not self.host_ready or self._test() or not seeding.wanted(work.want) or booted or not (work.actual is None or wants_more):
            return b"", None
        stored = work.actual.stored["nics"] if work.actual is not None else {}
        want = dict(work.want, nics={name: {"mac": stored.get(name, {}).get("mac"), **nic}
                                     for name, nic in work.want.get("nics", {}).items()})
        image, digest = seeding.contents(work.request, want, self._instance(work, again), again, self._is_windows(work))
        return image, seeding.volume_name(work.name, digest)

    @staticmethod
    def _instance(work: Work, again: bool) -> str:
        """The instance-id: fixed at creation, and another one only where cloud-init is to run again."""
        first = str(work.annotation.facts.get("instance", work.name))
        return "%s+%s" % (first.split("+", 1)[0], seeding.digest_of(work.annotation.applied)) if again else first

    @staticmethod
    def _changes_seed(work: Work) -> bool:
        return any(table.is_seed_option(change.pattern) for change in work.changes)

    def _seed_is_taken_back(self, work: Work) -> bool:
        """Nothing is declared any more that the guest, which has not booted yet, should read at its first boot."""
        return self._changes_seed(work) and not seeding.wanted(work.want) and "booted" not in work.annotation.facts

    def _test(self) -> bool:
        return bool(self.connection.getType() == "TEST")

    def _store_seed(self, work: Work, image: bytes, volume: Optional[str]) -> None:
        pool = self._seed_pool(work)
        if volume is None or pool is None:
            return
        if self._storage().volume(pool, volume) is None:
            with work.step("store the cloud-init seed of %s" % work.name):
                self._storage().upload(pool, volume, image)

    def _drop_old_seeds(self, work: Work, current: Optional[str]) -> None:
        """What a seed said that no document names any more is nobody's: it may hold secrets."""
        for owned in [volume for volume in work.annotation.owned
                      if seeding.is_seed_volume(work.name, volume) and volume != current]:
            self._remove_volume(work, owned)
            work.annotation = replace(work.annotation, owned=tuple(
                volume for volume in work.annotation.owned if volume != owned))
        work.note(facts={"seed": current})

    def _resize_stopped(self, work: Work) -> None:
        """Grows the volumes of a stopped guest; a running one's are grown by its QEMU."""
        actual = work.existing
        for change in work.changes:
            if change.pattern == "disks[].size" and not actual.handle.domain.isActive():
                disk = actual.stored["disks"][change.route[1]]
                with work.step("grow %s to %s" % (change.path, change.after)):
                    self._storage().resize(disk["pool"], disk["volume"], change.want)

    def _apply_live(self, work: Work, handle: reader.Handle, root: Element) -> None:
        actual = work.existing
        if actual.running is None or not handle.domain.isActive():
            return
        with translated("read domain %s" % work.name):
            # As libvirt stored it: with the addresses that the devices are to have, now and after a restart.
            root = xmltree.parse(handle.domain.XMLDesc(libvirt.VIR_DOMAIN_XML_INACTIVE | libvirt.VIR_DOMAIN_XML_SECURE))
        guest = live.Guest(handle.domain, root, work.annotation.facts.get("renamed", {}))
        for change in work.changes:
            if change.impact == LIVE and change.pattern not in ("state", "autostart", "tags"):
                with work.step("change %s of the running guest" % change.path):
                    guest.apply(change)
        if any(change.pattern == "disks[].size" for change in work.changes) and self.storage is not None:
            self.storage.forget()

    def _finish(self, work: Work, domain: Any, autostart: Optional[bool], state: Optional[str]) -> None:
        if autostart is not None and bool(autostart) != (work.actual is not None and bool(
                work.actual.stored.get("autostart"))):
            with work.step("set autostart of %s" % work.name), translated("set autostart of %s" % work.name):
                domain.setAutostart(1 if autostart else 0)
        if state is None:
            work.note(facts={"due": None})
            return
        starts = state in ("running", "paused") and not domain.isActive()
        if starts and self._installer.is_due(work, domain):
            self._installer.start(work, domain, state == "paused", self._architecture(work.want))
        power.reach(domain, state, work)
        work.note(facts={"due": None})
        if starts and ("booted" not in work.annotation.facts or work.annotation.facts.get("reseeded")
                       == seeding.digest_of(work.annotation.applied)):
            work.note(facts={"booted": seeding.parts(work.annotation.applied)})

    def remove(self, work: Work) -> None:
        """See `Driver.remove`. Storage goes first: while the guest is defined, what is left of it has a name."""
        actual = work.existing
        handle: reader.Handle = actual.handle
        erase = work.request.option("remove_storage", False)
        has_disks = bool(actual.stored.get("disks"))
        if erase or not has_disks:
            power.power_off(handle.domain, work)
        else:
            power.stop(handle.domain, work)
        note = actual.annotation
        for owned in note.owned if note is not None else ():
            if erase and self._reader.used_by_others(work.name, owned):
                # It was detached here and is another guest's disk now.
                continue
            # The seed is part of the guest's definition and holds what it was told: it always goes.
            if erase or seeding.is_seed_volume(work.name, owned) or installing.is_volume(work.name, owned):
                self._remove_volume(work, owned)
        power.undefine(handle.domain, work, keep_nvram=not erase)
        self._reader.note(work.name, None)

    def _remove_volume(self, work: Work, owned: str) -> None:
        """Removes an owned volume, and what a run that died while it filled it has left under its temporary name."""
        pool, volume = owned.split("/", 1)
        for name in (volume, volume + PARTIAL):
            if self._storage().volume(pool, name) is not None:
                with work.step("delete volume %s/%s" % (pool, name)):
                    self._storage().delete_volume(pool, name)

    def annotate(self, actual: Actual, annotation: Optional[Annotation]) -> None:
        """See `Driver.annotate`: virDomainSetMetadata, live and stored."""
        domain = actual.handle.domain
        if not actual.status.get("persistent", True):
            # A transient domain has no stored document to remember anything in, and ends with its process.
            return
        text = None if annotation is None else xmltree.annotation_element(annotation.to_json())
        with translated("note the declaration of domain %s" % actual.name):
            flags = libvirt.VIR_DOMAIN_AFFECT_CONFIG
            if domain.isActive():
                flags |= libvirt.VIR_DOMAIN_AFFECT_LIVE
            domain.setMetadata(libvirt.VIR_DOMAIN_METADATA_ELEMENT, text, METADATA_KEY, NAMESPACE, flags)

    def nudge(self, actual: Actual, changes: Sequence[Change]) -> None:
        """See `Driver.nudge`."""
        renamed = actual.annotation.facts.get("renamed", {}) if actual.annotation else {}
        with translated("ask %s again" % actual.name):
            if not actual.handle.domain.isActive():
                return
        if any(change.pattern == "install" for change in changes) and actual.annotation is not None:
            over = self._installer.finish(actual.handle.domain, actual.name, actual.annotation)
            if over is not None:
                self.annotate(actual, over)
                actual.annotation = over
            changes = [change for change in changes if change.pattern != "install"]
        guest = live.Guest(actual.handle.domain, actual.handle.stored(), renamed, patient=False)
        for change in changes:
            guest.apply(change)

    def wait(self, request: Request, actual: Actual) -> Dict[str, Any]:
        """See `Driver.wait`. A guest that is being installed is not ready before that is over."""
        wanted = request.declared["wait_for"]
        if installing.fact_of(actual.annotation) is not None and wanted["what"] != "running":
            left = self._installer.wait(actual.handle.domain, actual, wanted.get("timeout", installer.SECONDS))
            wanted = {**wanted, "timeout": max(left, waiting.POLL_SECONDS)}
            return waiting.Wait(self.connection, actual.handle.domain, actual).until(wanted)
        return waiting.Wait(self.connection, actual.handle.domain, actual).until(request.declared["wait_for"])


__all__ = ["DomainDriver", "Surroundings", "elements"]
