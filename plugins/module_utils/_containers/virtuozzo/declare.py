# Copyright: (c) 2026, flotilla.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a declaration of a guest of Virtuozzo must satisfy on this node, and what it is completed with."""

from __future__ import annotations

import copy
import re
import uuid
from typing import Any, Callable, Dict, List, Mapping, Optional, Sequence, Tuple

from ..._reconcile import schema
from ..._reconcile.contract import Request, Work
from ..._reconcile.errors import Problem, Refused, join_path, raise_if_any
from ..._reconcile.identity import derived_mac
from ..._reconcile.plan import Actual, Rule
from ..._reconcile.schema import Option, Spec
from .. import users
from ..addresses import address_problems, addresses_of, same_family
from ..host import Host
from ..inhabit import users_of
from ..lxc.declare import plain_user
from ..openvz.config import DANGEROUS
from ..openvz.declare import Templates, of_disks, of_limits, of_power, of_venet, shrinking, template_of, template_problems
from ..openvz.grammar import VENET, canonical
from ..openvz.read import global_settings
from ..openvz.table import HOSTNAME
from . import grammar, read, table
from .command import Prlctl
from .table import CT, MIB, VM

FEATURES = frozenset(("bridge", "ipgre", "ipip", "nfs", "nfsd", "ppp", "sit", "time"))
ENGINE = "virtuozzo"
MOST_RATE = 4095 << 20
"""Bytes a second: prlctl's own range of --iolimit is 0 to 4095 MiB."""
_DISK_OPTIONS = ("name", "size", "was", "existing")
_UUIDS = uuid.UUID("3c0c8d0e-6b59-5d53-a6cb-0a4a7f1a2d11")
_NOT_OF: Mapping[str, Sequence[str]] = {
    CT: ("media", "boot", "os"),
    VM: ("image", "hostname", "dns", "search", "root_password", "container_features", "cloud_init"),
}
"""What a container, or a virtual machine, does not have."""


class Checker:
    """Validation and completion for one node."""

    def __init__(self, host: Host, prlctl: Prlctl, options: "tuple[Option, ...]", rule: Callable[[str], Rule], templates: Templates) -> None:
        self.host = host
        self.prlctl = prlctl
        self.options = options
        self.rule = rule
        self.templates = templates
        self.found: Dict[str, read.Guest] = {}
        self.reserved: Dict[str, str] = {}
        self._known: Dict[str, Any] = {}

    # -- completing -----------------------------------------------------------------------------------------------

    def complete(self, request: Request, actual: Optional[Actual], making: bool) -> Spec:
        """The declaration with derived and default values for what is new; what is there already gets none."""
        want = copy.deepcopy(dict(request.declared))
        want.setdefault("vmtype", CT if actual is None else actual.stored.get("vmtype", CT))
        if making:
            want.setdefault("state", "running")
            if want["vmtype"] == CT:
                want.setdefault("hostname", (want.get("cloud_init") or {}).get("hostname") or request.name)
        for name, nic in (want.get("nics") or {}).items():
            there = (actual.stored.get("nics") or {}).get(name) or {} if actual is not None else {}
            if want["vmtype"] == CT:
                nic.setdefault("type", there.get("type", "veth"))
            if nic.get("type") == VENET:
                continue
            for key in ("mac", "network"):
                if there.get(key):
                    nic.setdefault(key, there[key])
            nic.setdefault("mac", derived_mac(request.fleet, request.name, name))
        return want

    # -- checking -------------------------------------------------------------------------------------------------

    def check(self, work: Work, making: bool) -> None:
        """Raise DeclarationError for what cannot be. Nothing is touched."""
        raise_if_any(self.problems(work, making))
        plain = [plain_user(user) if making else {key: value for key, value in user.items() if key != "hashed_password"}
                 for user in users_of(work.want)]
        users.check_users(plain, join_path(work.request.where, "cloud_init.users"))

    def problems(self, work: Work, making: bool) -> List[Problem]:
        """Everything that is wrong with a declaration on this node."""
        where, declared, kind = work.request.where, work.request.declared, str(work.want["vmtype"])
        found = schema.problems_of_engine(self.options, declared, ENGINE, where)
        found += [Problem(join_path(where, name), "engine %s has no such option for a %s" % (ENGINE, _WORD[kind]), "remove it")
                  for name in _NOT_OF[kind] if declared.get(name) is not None]
        found += _dangerous(declared, where)
        found += self._of_values(declared, where, kind)
        found += self._of_disks(work, where, kind)
        found += self._of_nics(work, where, kind, making)
        found += self._of_defer(work, where)
        if kind == VM:
            found += self._of_media(work, where, making)
        if making:
            found += self._of_name(work.name, where, kind)
            found += self._of_template(work.want, where) if kind == CT else []
        return found

    @staticmethod
    def _of_values(spec: Mapping[str, Any], where: str, kind: str) -> List[Problem]:
        found: List[Problem] = []

        def bad(path: str, problem: str, remedy: str = "") -> None:
            found.append(Problem(join_path(where, path), problem, remedy))

        of_power(spec, bad, ENGINE)
        of_limits(spec, bad)
        memory = spec.get("memory") or {}
        if memory.get("size") is not None and memory["size"] % MIB:
            bad("memory.size", "is no whole number of MiB", "prlctl takes whole MiB")
        if ((spec.get("io") or {}).get("limit") or 0) > MOST_RATE:
            bad("io.limit", "is more than prlctl takes", "give it at most 4095MiB, or 0B for no limit")
        if kind == VM and memory.get("swap") is not None:
            bad("memory.swap", "engine %s has no such option for a virtual machine" % ENGINE, "its own system has swap")
        if spec.get("hostname") and not HOSTNAME.match(spec["hostname"]):
            bad("hostname", "%r is not a host name" % spec["hostname"], "use letters, digits, dots and dashes: root's shell reads where it is stored")
        for index, word in enumerate(spec.get("search") or ()):
            if not HOSTNAME.match(str(word)):
                bad("search[%d]" % index, "%r is not a domain" % word, "use letters, digits, dots and dashes")
        for name in spec.get("container_features") or ():
            if str(name).lower() not in FEATURES:
                bad("container_features.%s" % name, "engine %s has no such feature" % ENGINE, "choose from " + ", ".join(sorted(FEATURES)))
        if (spec.get("cloud_init") or {}).get("packages"):
            bad("cloud_init.packages", "engine %s has no such option" % ENGINE, "nothing in a container runs them; build them into the template")
        if "address" == (spec.get("wait_for") or {}).get("what") and kind == VM:
            bad("wait_for.what", "engine %s does not know the addresses of a virtual machine" % ENGINE, "choose running")
        return found

    def _of_defer(self, work: Work, where: str) -> List[Problem]:
        """prlctl sets what it stores: a running guest that must not be touched can get nothing that it would take."""
        live = work.actual.live if work.actual is not None else None
        if live is None or work.request.option("on_change", "live") != "defer":
            return []
        touching = [change for change in work.changes if change.pattern and not self.rule(change.pattern).always
                    and not self.rule(change.pattern).obstacle(change.want, live)]
        return [Problem(join_path(where, change.path), "engine %s cannot store it without setting it on the running guest" % ENGINE,
                        "declare on_change: live, or wait until it is stopped") for change in touching]

    def _of_disks(self, work: Work, where: str, kind: str) -> List[Problem]:
        declared, actual = work.request.declared, work.actual
        found = of_disks(declared, actual, where, ENGINE, _DISK_OPTIONS) if kind == CT else []
        for index, (name, disk) in enumerate((declared.get("disks") or {}).items()):
            place = join_path(where, "disks[%d]" % index)
            if disk.get("size") is not None and disk["size"] % MIB:
                found.append(Problem(place + ".size", "is no whole number of MiB", "prlctl takes whole MiB"))
            if kind == VM:
                there = ((actual.stored.get("disks") or {}) if actual is not None and not actual.begun else {}).get(name)
                found += [Problem(join_path(place, option), "engine %s has no such option" % ENGINE, "the disk has a size")
                          for option in disk if option not in ("name", "size")]
                found += shrinking(disk.get("size"), (there or {}).get("size"), place)
                if there is None and disk.get("size") is None:
                    found.append(Problem(place + ".size", "is required for a new disk", "give it a size such as 20GiB"))
        return found

    def _of_media(self, work: Work, where: str, making: bool) -> List[Problem]:
        declared, found = work.request.declared, []
        for index, drive in enumerate((declared.get("media") or {}).values()):
            if drive.get("file") and not self.host.exists(drive["file"]):
                found.append(Problem(join_path(where, "media[%d].file" % index), "there is no file %s on this host" % drive["file"],
                                     "put the image there, or correct the path"))
        # A new virtual machine has a drive, and what is declared.
        stored = {"media": True} if making or work.actual is None else work.actual.stored
        has = {kind for kind, option in (("hd", "disks"), ("cdrom", "media"), ("network", "nics")) if work.want.get(option) or stored.get(option)}
        for word in (declared.get("boot") or {}).get("order") or ():
            if word not in has:
                found.append(Problem(join_path(where, "boot.order"), "the virtual machine has nothing of the kind %s" % word,
                                     "declare it, or choose from " + (", ".join(sorted(has)) or "nothing")))
        return found

    # -- NICs -----------------------------------------------------------------------------------------------------

    def _of_nics(self, work: Work, where: str, kind: str, making: bool) -> List[Problem]:
        found: List[Problem] = []
        nics = work.want.get("nics") or {}
        taken = self._addresses_of_others(work)
        touched = {change.route[1] for change in work.changes if change.route[:1] == ("nics",) and len(change.route) > 1}
        for index, (name, nic) in enumerate(nics.items()):
            place = join_path(where, "nics[%d]" % index)
            if nic.get("type") == VENET and kind == CT:
                found += of_venet(nic, place, taken)
                continue
            found += self._of_bridged(nic, place, kind, making or name in touched)
            found += _of_addresses(nic, place, taken)
            found += self._of_mac(work, nic, place)
        if len([nic for nic in nics.values() if nic.get("type") == VENET]) > 1:
            found.append(Problem(join_path(where, "nics"), "a container has one venet", "list all its addresses in one nic"))
        return found

    def _of_bridged(self, nic: Mapping[str, Any], place: str, kind: str, new: bool) -> List[Problem]:
        found = []
        if nic.get("bridge"):
            found.append(Problem(place + ".bridge", "engine %s connects a NIC to one of its own networks" % ENGINE,
                                 "name it with network; prlsrvctl net list shows them"))
        elif new and not nic.get("network"):
            found.append(Problem(place + ".network", "is required", "name a virtual network of the node (prlsrvctl net list), or use type: venet"))
        elif new and nic["network"] not in self.networks():
            found.append(Problem(place + ".network", "there is no virtual network %s on this node" % nic["network"],
                                 "choose from %s, or make it with prlsrvctl net add" % (", ".join(self.networks()) or "none")))
        if nic.get("dns"):
            found.append(Problem(place + ".dns", "engine %s has no name servers of a NIC" % ENGINE, "declare dns of the container"))
        if kind == VM:
            found += [Problem("%s.%s" % (place, option), "engine %s has no such option for a virtual machine" % ENGINE, "set it inside")
                      for option in ("type", "address", "gateway") if nic.get(option)]
        return found

    def _of_mac(self, work: Work, nic: Mapping[str, Any], place: str) -> List[Problem]:
        for other in self.found.values():
            if other.name != work.name and nic.get("mac") in [grammar.mac_of(there) for there in other.devices("net").values()]:
                return [Problem(place + ".mac", "%s is the MAC address of the guest %s" % (nic["mac"], other.name), "declare another one in quotes")]
        return []

    def _addresses_of_others(self, work: Work) -> Dict[str, str]:
        return {canonical(word): other.name for other in self.found.values() if other.name != work.name and other.document is not None
                for word in other.addresses}

    def networks(self) -> List[str]:
        """The node's virtual networks, asked for once."""
        if "networks" not in self._known:
            self._known["networks"] = self.prlctl.networks()
        return list(self._known["networks"])

    # -- names, templates, ids ------------------------------------------------------------------------------------

    @staticmethod
    def _of_name(name: str, where: str, kind: str) -> List[Problem]:
        place = join_path(where, "name")
        if ":" in name and kind == CT:
            return [Problem(place, "a container has no name with a colon", "use letters, digits, dots, dashes and underscores")]
        if name.isdigit() or re.match(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\Z", name.lower()):
            return [Problem(place, "%s is an id, and no guest has it" % name, "Virtuozzo chooses ids itself: use a name")]
        return []

    def template_of(self, image: str) -> str:
        """The OS template of an image: as declared, else the one of that name."""
        return template_of(self.templates, image)

    def _of_template(self, want: Mapping[str, Any], where: str) -> List[Problem]:
        def missing(template: str) -> Optional[Tuple[str, str]]:
            if "templates" not in self._known:
                self._known["templates"] = self.prlctl.templates()
            cached = self._known["templates"].get(template)
            if cached is None:
                return "there is no OS template %s on this host, and none is fetched" % template, "install it (vzpkg install template)"
            return None if cached else ("the OS template %s has no cache on this host, and none is fetched" % template, "make it with vzpkg create cache")

        return template_problems(self.templates, want, where, missing)

    def files_of(self, ident: str) -> Optional[str]:
        """The directory of a guest that has this id, registered or not."""
        if "places" not in self._known:
            private = global_settings(self.host).get("VE_PRIVATE", "/vz/private/$VEID")
            self._known["places"] = (private, self.prlctl.machine_home() + "/$VEID")
        places = [place.replace("$VEID", ident) for place in self._known["places"]]
        return next((place for place in places if self.host.exists(place)), None)

    def choose_id(self, name: str, fleet: str) -> str:
        """The UUID of a new guest: derived from fleet and name. Raises Refused where it, or its directory, is in use."""
        for item in self.found.values():
            if item.note is not None and item.note.facts.get(read.NAME) == name and item.is_begun:
                if item.document is None and item.note.facts.get(read.KEPT):
                    raise Refused("the files of the guest %s were kept when it was removed: %s" % (name, item.note.facts.get("home") or item.ident),
                                  "move them and %s away before a new one gets this name, or register them again" % item.note_path)
                return item.ident
        chosen = str(uuid.uuid5(_UUIDS, "%s\0%s" % (fleet, name)))
        there = self.files_of(chosen)
        if chosen in self.found or there or self.reserved.get(chosen, name) != name:
            raise Refused("the id %s of the guest %s is in use: by %s" % (
                chosen, name, self.found[chosen].name if chosen in self.found else there), "choose another name")
        self.reserved[chosen] = name
        return chosen


_WORD = {CT: "container", VM: "virtual machine"}


def _of_addresses(nic: Mapping[str, Any], place: str, taken: Mapping[str, str]) -> List[Problem]:
    found = address_problems(nic, place, None)
    found += [Problem(place + ".address", "%s is an address of the guest %s" % (word, taken[canonical(word)]),
                      "choose another one, or take it away there first") for word in addresses_of(nic.get("address")) if canonical(word) in taken]
    if nic.get("gateway") and not found and not same_family(nic["gateway"], nic.get("address")):
        found.append(Problem(place + ".gateway", "%s is of no family that the NIC has an address of" % nic["gateway"],
                             "give it such an address, or remove it"))
    return found


def _dangerous(value: Any, path: str) -> List[Problem]:
    """Text that prlctl or vzctl would store with quotes, $, backquotes, backslashes or control characters, at its path."""
    if isinstance(value, Mapping):
        return [problem for name, below in value.items() if name not in _UNSTORED for problem in _dangerous(below, join_path(path, str(name)))]
    if isinstance(value, (list, tuple)):
        return [problem for index, below in enumerate(value) for problem in _dangerous(below, "%s[%d]" % (path, index))]
    if isinstance(value, str) and DANGEROUS.search(value):
        return [Problem(path, "%r has characters that a shell would interpret, and root's shell reads where it is stored" % value,
                        "use no quotes, $, backquotes, backslashes or control characters")]
    return []


_UNSTORED = ("cloud_init", "tags", "wait_for")
"""What stands in files of the guest or in our note only."""
