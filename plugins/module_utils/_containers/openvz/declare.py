# Copyright: (c) 2026, flotilla.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a declaration of an OpenVZ container must satisfy on this node, and what it is completed with."""

from __future__ import annotations

import copy
import ipaddress
import re
import uuid
from decimal import Decimal
from typing import Any, Callable, Dict, List, Mapping, Optional, Sequence, Set, Tuple

from ..._reconcile import schema
from ..._reconcile.attachment import Networks
from ..._reconcile.contract import Request, Work
from ..._reconcile.errors import EngineError, Problem, Refused, join_path, raise_if_any
from ..._reconcile.identity import derived_mac
from ..._reconcile.plan import Actual
from ..._reconcile.schema import Option, Spec
from .. import users
from ..host import Host
from ..inhabit import users_of
from ..lxc.declare import plain_user
from . import grammar, read, table
from .config import nics_of
from .dialect import PAGE, Dialect

PLACES = ("/usr/sbin/vzctl", "/usr/local/sbin/vzctl", "/sbin/vzctl", "/usr/bin/vzctl")
LEAST_MEMORY = 16 << 20
"""Bytes below which no init stays up: an idle systemd of Debian 12 was killed at 8 MiB."""
FIRST_ID, LAST_ID = 101, 2147483644
"""Ids below 101 are reserved for OpenVZ's own use (vzctl(8))."""
ENDINGS = ("", ".gz", ".bz2", ".xz")
_TEMPLATE = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.+-]*\Z")
_DISK_OPTIONS = ("name", "size", "inodes", "was", "existing")
_UUIDS = uuid.UUID("9f2a2bb2-6a2c-5f0e-8b0e-0d6f3a1c5e77")

Templates = Callable[[str], Optional[str]]
"""Gives the OS template of a declared image; None for an image that is not declared, empty for one that has none."""


class Checker:
    """Validation and completion for one node."""

    def __init__(self, host: Host, options: "tuple[Option, ...]", templates: Templates, networks: Networks) -> None:
        self.host = host
        self.options = options
        self.templates = templates
        self.networks = networks
        self.found: Dict[str, read.Container] = {}
        self.reserved: Dict[str, str] = {}

    def installed(self) -> bool:
        """Whether vzctl is on this host."""
        return bool(self.host.existing(PLACES))

    # -- completing -----------------------------------------------------------------------------------------------

    def complete(self, request: Request, actual: Optional[Actual], making: bool) -> Spec:
        """The declaration with derived and default values for what is new; what is there already gets none."""
        want = copy.deepcopy(dict(request.declared))
        if making:
            want.setdefault("state", "running")
            want.setdefault("hostname", (want.get("cloud_init") or {}).get("hostname") or request.name)
        for name, nic in (want.get("nics") or {}).items():
            there = None if actual is None else (actual.stored.get("nics") or {}).get(name)
            if there is not None:
                for key in ("type", "mac") + (() if nic.get("network") or nic.get("bridge") else ("network", "bridge")):
                    if there.get(key):
                        nic.setdefault(key, there[key])
            elif nic.setdefault("type", "veth") == "veth":
                nic.setdefault("mac", derived_mac(request.fleet, request.name, name))
        return want

    # -- checking -------------------------------------------------------------------------------------------------

    def problems(self, work: Work, dialect: Dialect, making: bool) -> List[Problem]:
        """Everything that is wrong with a declaration on this node."""
        where, declared = work.request.where, work.request.declared
        found = schema.problems_of_engine(self.options, declared, "openvz", where)
        found += self._of_values(declared, where, dialect)
        found += self._of_disks(work, where)
        found += self._of_nics(work, where, making)
        if making:
            found += self._of_name(work.name, where, dialect)
            found += self._of_template(work.want, where, dialect)
        return found

    def check(self, work: Work, dialect: Dialect, making: bool) -> None:
        """Raise DeclarationError for what cannot be. Nothing is touched."""
        raise_if_any(self.problems(work, dialect, making))
        plain = [plain_user(user) if making else {key: value for key, value in user.items() if key != "hashed_password"}
                 for user in users_of(work.want)]
        users.check_users(plain, join_path(work.request.where, "cloud_init.users"))

    def _of_values(self, spec: Mapping[str, Any], where: str, dialect: Dialect) -> List[Problem]:
        found: List[Problem] = []

        def bad(path: str, problem: str, remedy: str = "") -> None:
            found.append(Problem(join_path(where, path), problem, remedy))

        of_power(spec, bad, "openvz")
        of_limits(spec, bad)
        if spec.get("hostname") and not table.HOSTNAME.match(spec["hostname"]):
            bad("hostname", "%r is not a host name" % spec["hostname"], "use letters, digits, dots and dashes: root's shell reads where it is stored")
        for index, word in enumerate(spec.get("search") or ()):
            if not table.HOSTNAME.match(str(word)):
                bad("search[%d]" % index, "%r is not a domain" % word, "use letters, digits, dots and dashes")
        for name in spec.get("container_features") or ():
            if str(name).lower() not in dialect.features:
                bad("container_features.%s" % name, "%s has no such feature" % dialect.text, "choose from " + ", ".join(sorted(dialect.features)))
        if spec.get("capabilities") and dialect.version >= 7:
            bad("capabilities", "%s ignores capabilities" % dialect.text, "remove them")
        for part in ("add", "drop"):
            for word in (spec.get("capabilities") or {}).get(part) or ():
                if not re.match(r"[A-Za-z_]+\Z", str(word)):
                    bad("capabilities.%s" % part, "%r is not a capability" % word, "write it such as SYS_TIME")
        for option in ("packages",):
            if (spec.get("cloud_init") or {}).get(option):
                bad("cloud_init." + option, "engine openvz has no such option", "nothing in a container runs them; build them into the template")
        return found

    def _of_disks(self, work: Work, where: str) -> List[Problem]:
        return of_disks(work.request.declared, work.actual, where, "openvz", _DISK_OPTIONS)

    def _of_nics(self, work: Work, where: str, making: bool) -> List[Problem]:
        found: List[Problem] = []
        routed = 0
        taken = self._addresses_of_others(work)
        touched = {change.route[1] for change in work.changes if change.route[:1] == ("nics",) and len(change.route) > 1}
        for index, (name, nic) in enumerate((work.want.get("nics") or {}).items()):
            place = join_path(where, "nics[%d]" % index)
            if nic.get("type") == grammar.VENET:
                routed += 1
                found += of_venet(nic, place, taken)
            else:
                found += self._of_veth(nic, place, making or name in touched)
                found += self._of_mac(work, nic, place)
        if routed > 1:
            found.append(Problem(join_path(where, "nics"), "a container has one venet", "list all its addresses in one nic"))
        return found

    def _of_veth(self, nic: Mapping[str, Any], place: str, new: bool) -> List[Problem]:
        found = [Problem("%s.%s" % (place, option), "vzctl sets no %s on a bridged interface" % option,
                         "use type: venet, or configure it inside the container") for option in ("address", "gateway", "dns") if nic.get(option)]
        if nic.get("network") and nic.get("bridge"):
            found.append(Problem(place, "names both a network and a bridge", "keep one of them"))
        elif new and nic.get("network"):
            attachment = self.networks(nic["network"])
            if attachment is None:
                found.append(Problem(place + ".network", "there is no network %s with a bridge on this host" % nic["network"],
                                     "declare the network, or name a bridge"))
        elif new and nic.get("bridge") and not self.host.exists("/sys/class/net/%s/bridge" % nic["bridge"]):
            found.append(Problem(place + ".bridge", "there is no bridge %s on this host" % nic["bridge"], "make it, or name another"))
        elif new and not nic.get("bridge"):
            found.append(Problem(place, "names neither a network nor a bridge", "name one, or use type: venet with an address"))
        return found

    def _of_mac(self, work: Work, nic: Mapping[str, Any], place: str) -> List[Problem]:
        for other in self.found.values():
            if other.name != work.name and nic.get("mac") and nic["mac"] in [
                    there.get("mac", "").lower() for there in nics_of(other.settings.get("NETIF", ""))]:
                return [Problem(place + ".mac", "%s is the MAC address of the container %s" % (nic["mac"], other.name),
                                "declare another one in quotes")]
        return []

    def bridge_of(self, nic: Mapping[str, Any]) -> str:
        """The bridge that a veth NIC is connected to on this node."""
        attachment = self.networks(nic["network"]) if nic.get("network") else None
        if nic.get("network") and (attachment is None or not attachment.bridge):
            raise EngineError("the network %s of nic %s has no bridge on this host" % (nic["network"], nic["name"]), "start the network")
        return attachment.bridge if attachment is not None else str(nic.get("bridge") or "")

    def _addresses_of_others(self, work: Work) -> Dict[str, str]:
        return {grammar.canonical(word): other.name for other in self.found.values() if other.name != work.name and other.config is not None
                for word in other.addresses}

    def _of_name(self, name: str, where: str, dialect: Dialect) -> List[Problem]:
        place = join_path(where, "name")
        if ":" in name:
            return [Problem(place, "%s has no names with a colon" % dialect.text, "use letters, digits, dots, dashes and underscores")]
        if len(name.encode("utf-8")) > 200:
            return [Problem(place, "is too long for the name of a container", "use at most 200 bytes")]
        if name.isdigit() and (not FIRST_ID <= int(name) <= LAST_ID or name != str(int(name))):
            return [Problem(place, "%s is no id for a container" % name, "use a number from %d to %d, or a name" % (FIRST_ID, LAST_ID))]
        return []

    # -- templates ------------------------------------------------------------------------------------------------

    def template_of(self, image: str) -> str:
        """The OS template of an image: as declared, else the one of that name."""
        return template_of(self.templates, image)

    def _of_template(self, want: Mapping[str, Any], where: str, dialect: Dialect) -> List[Problem]:
        def missing(template: str) -> Optional[Tuple[str, str]]:
            if self.has_template(template, dialect):
                return None
            return "there is no OS template %s on this host, and none is fetched" % template, self._template_remedy(dialect)

        return template_problems(self.templates, want, where, missing)

    def has_template(self, template: str, dialect: Dialect) -> bool:
        """Whether vzctl would find the template without going to the network."""
        if dialect.version >= 7:
            return template in self._cached()
        base = read.global_settings(self.host).get("TEMPLATE", "/vz/template")
        return bool(self.host.existing(["%s/cache/%s.tar%s" % (base, template, ending) for ending in ENDINGS]))

    def _cached(self) -> Set[str]:
        """The OS templates that have a cache, as vzpkg(8) lists them: the first word of each line."""
        said = self.host.run(["vzpkg", "list", "-O", "-c"])
        if said.rc != 0:
            raise EngineError("vzpkg list ended with %d: %s" % (said.rc, said.stderr.strip()), "install vzpkg, and make the template's cache")
        return {line.split()[0].lstrip(".") for line in said.stdout.splitlines() if line.split()}

    @staticmethod
    def _template_remedy(dialect: Dialect) -> str:
        if dialect.version >= 7:
            return "make its cache with vzpkg create cache"
        return "put its tarball below the cache directory of TEMPLATE in /etc/vz/vz.conf"

    # -- ids ------------------------------------------------------------------------------------------------------

    def choose_id(self, name: str, fleet: str, dialect: Dialect) -> str:
        """The id of a new container: its name where that is a number, else the first free one (version 7: derived).

        Raises Refused where that is in use, or where a private area of that name was kept.
        """
        for item in self.found.values():
            if item.note is not None and item.note.facts.get(read.NAME) == name and read.is_unfinished(item):
                if item.note.facts.get(read.KEPT):
                    raise Refused("%s was kept when the container %s was removed" % (item.private, name),
                                  "move it and %s away before a new one gets this name" % item.note_path)
                return item.ident
        taken = self._taken()
        if name.isdigit():
            chosen = name
        elif dialect.version >= 7:
            chosen = str(uuid.uuid5(_UUIDS, "%s\0%s" % (fleet, name)))
        else:
            chosen = next(str(number) for number in range(FIRST_ID, LAST_ID) if str(number) not in taken)
        if chosen in taken and self.reserved.get(chosen) != name:
            raise Refused("the id %s of the container %s is in use: %s" % (chosen, name, self._who(chosen)), "choose another name")
        self.reserved[chosen] = name
        return chosen

    def _taken(self) -> Set[str]:
        default = read.global_settings(self.host).get("VE_PRIVATE", "/vz/private/$VEID")
        areas = set(self.host.list_dir(default.replace("/$VEID", ""))) if default.endswith("/$VEID") else set()
        return set(self.found) | areas | set(self.reserved)

    def _who(self, ident: str) -> str:
        item = self.found.get(ident)
        return "by the container %s" % item.name if item is not None else "by a private area without configuration"


Bad = Callable[..., None]


def of_power(spec: Mapping[str, Any], bad: Bad, engine: str) -> None:
    """What cannot be of state and readiness."""
    if spec.get("state") == "paused" and engine == "openvz":
        bad("state", "engine openvz cannot pause a container", "choose running or stopped")
    what = (spec.get("wait_for") or {}).get("what")
    if what in ("agent", "cloud_init"):
        bad("wait_for.what", "engine %s cannot wait for %s" % (engine, what), "choose running or address")
    if (spec.get("boot_order") or 0) >= 1 << 31:
        bad("boot_order", "is too large", "use a smaller number")


def of_limits(spec: Mapping[str, Any], bad: Bad) -> None:
    """What cannot be of memory, CPUs and disk traffic, whatever the command."""
    memory, cpus, io = spec.get("memory") or {}, spec.get("cpus") or {}, spec.get("io") or {}
    if memory.get("size") is not None and memory["size"] < LEAST_MEMORY:
        bad("memory.size", "is less than an init needs", "give it 16MiB or more")
    for name in ("size", "swap"):
        if memory.get(name) is not None and memory[name] % PAGE:
            bad("memory." + name, "is no whole number of pages of 4KiB", "give it a unit such as MiB")
        if memory.get(name) is not None and memory[name] >= 1 << 50:
            bad("memory." + name, "is more than any node has", "give it less")
    if cpus.get("shares") is not None and not 8 <= cpus["shares"] <= 500000:
        bad("cpus.shares", "must be from 8 to 500000", "1000 is what a container has by itself")
    if cpus.get("limit") is not None and Decimal(cpus["limit"]) * 100 % 1:
        bad("cpus.limit", "is no whole number of percents", "write it such as 1.5 or 150%")
    if io.get("priority") is not None and io["priority"] > 7:
        bad("io.priority", "must be from 0 to 7", "4 is what a container has by itself")
    if io.get("limit") is not None and (io["limit"] % 1024 or io["limit"] >= 1 << 41):
        bad("io.limit", "must be a whole number of KiB below 2TiB", "give it a unit such as MiB")


def of_venet(nic: Mapping[str, Any], place: str, taken: Mapping[str, str]) -> List[Problem]:
    """What is wrong with a routed interface. `taken`: addresses that others have, each with its owner."""
    found = [Problem("%s.%s" % (place, option), "a venet has no %s" % option, "remove it") for option in ("network", "bridge", "mac", "gateway")
             if nic.get(option)]
    if nic.get("dns"):
        found.append(Problem(place + ".dns", "a venet has no name servers of its own", "declare dns of the container"))
    words = nic.get("address") if isinstance(nic.get("address"), (list, tuple)) else [nic["address"]] if nic.get("address") else []
    if not words:
        found.append(Problem(place + ".address", "is required for a venet", "give it an address"))
    for word in words or []:
        try:
            address = ipaddress.ip_interface(str(word)).ip
        except ValueError:
            found.append(Problem(place + ".address", "%r is not an address" % word, "write it such as 192.0.2.10"))
            continue
        if address.is_unspecified or address.is_loopback or address.is_multicast:
            found.append(Problem(place + ".address", "%s is no address for a container" % word, "choose another one"))
        if str(address) in taken:
            found.append(Problem(place + ".address", "%s is an address of the container %s" % (word, taken[str(address)]),
                                 "choose another one, or take it away there first"))
    return found


def template_of(templates: Templates, image: str) -> str:
    """The OS template of an image: as declared, else the one of that name. A dot before it is vzpkg's, and no part of it."""
    declared = templates(image)
    return (image if declared is None else declared).lstrip(".")


def template_problems(templates: Templates, want: Mapping[str, Any], where: str,
                      missing: Callable[[str], Optional[Tuple[str, str]]]) -> List[Problem]:
    """What is wrong with the OS template that a new container is to be made from. `missing`: problem and remedy of one that is not there."""
    place = join_path(where, "image")
    if not want.get("image"):
        return [Problem(place, "is required to make a container", "name an OS template of the node, or an image with template")]
    if templates(want["image"]) == "":
        return [Problem(place, "the image %s has no template" % want["image"], "declare its template, or name an OS template of the node")]
    template = template_of(templates, want["image"])
    if not _TEMPLATE.match(template):
        return [Problem(place, "%r is not the name of an OS template" % template, "write it such as debian-12-x86_64")]
    found = missing(template)
    return [Problem(place, *found)] if found is not None else []


def of_disks(declared: Mapping[str, Any], actual: Optional[Actual], where: str, engine: str, options: Sequence[str]) -> List[Problem]:
    """What is wrong with the one disk that a container has. `options`: what can be said of it."""
    found: List[Problem] = []
    for index, (name, disk) in enumerate((declared.get("disks") or {}).items()):
        place = join_path(where, "disks[%d]" % index)
        if name != "root":
            found.append(Problem(place, "a container of engine %s has one disk, named root" % engine, "remove the others"))
        for option in disk:
            if option not in options:
                found.append(Problem(join_path(place, option), "engine %s has no such option" % engine,
                                     "say no more of the disk than " + ", ".join(options[1:3])))
        size = disk.get("size")
        now = ((actual.stored.get("disks") or {}).get("root") or {}).get("size") if actual is not None else None
        if size is not None and size % 1024:
            found.append(Problem(place + ".size", "is no whole number of KiB", "give it a unit such as GiB"))
        found += shrinking(size, now, place)
    return found


def shrinking(size: Optional[int], now: Optional[int], place: str) -> List[Problem]:
    """A disk never shrinks."""
    if size is None or now is None or size >= now:
        return []
    return [Problem(place + ".size", "a disk never shrinks (it has %s)" % schema.show(Option("", "size"), now), "declare at least that")]
