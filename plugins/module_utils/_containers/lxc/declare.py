# Copyright: (c) 2026, flotilla.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a declaration of an LXC container must satisfy on this host, and what it is completed with."""

from __future__ import annotations

import copy
from typing import Any, Dict, List, Mapping, Optional, Sequence, Tuple

from ..._reconcile import schema
from ..._reconcile.annotation import Annotation
from ..._reconcile.attachment import Networks
from ..._reconcile.contract import Request, Work
from ..._reconcile.errors import EngineError, FlotillaError, Problem, Refused, join_path, raise_if_any
from ..._reconcile.grammar import GUEST
from ..._reconcile.identity import derived_mac
from ..._reconcile.plan import Actual
from ..._reconcile.schema import Spec
from .. import images, users
from ..addresses import address_problems, interfaces, same_family
from ..host import Host
from . import edit, extras, probes, read, store, values
from .config import all_of, nets_of, pairs_of

LEAST_MEMORY = 16 << 20
"""Bytes below which no init stays up: an idle systemd of Debian 12 was killed at 8 MiB."""
LINKS = ("network", "bridge", "macvlan")
_NOT_HERE = {
    "cloud_init.packages": "nothing in a container runs them; build them into the image",
}


class Checker:
    """Validation and completion for one host."""

    def __init__(self, host: Host, rootfs: images.Images, networks: Networks, check_mode: bool = False) -> None:
        self.host = host
        self.check_mode = check_mode
        self.images = rootfs
        self.networks = networks

    def installed(self) -> bool:
        """Whether LXC's commands are on this host."""
        return any(self.host.exists(place + "/lxc-start") for place in ("/usr/bin", "/usr/local/bin", "/bin", "/usr/sbin"))

    def image_path(self, name: str) -> Optional[str]:
        """The root file system tarball of an image: as declared, else the one of that name in the image directory.

        Empty for one that is declared and, in check mode, not fetched.
        """
        return images.image_path(self.host, self.images, name)

    # -- completing -----------------------------------------------------------------------------------------------

    def complete(self, request: Request, actual: Optional[Actual]) -> Spec:
        """The declaration with derived and default values for what is new; what is there already gets none."""
        want = copy.deepcopy(dict(request.declared))
        making = actual is None or actual.handle.config is None
        if making:
            want.setdefault("state", "running")
            want.setdefault("hostname", (want.get("cloud_init") or {}).get("hostname") or request.name)
            self._complete_mapping(want, request.name)
        for name, nic in (want.get("nics") or {}).items():
            there = None if actual is None else (actual.stored.get("nics") or {}).get(name)
            self._complete_nic(request, nic, there)
        return want

    def _complete_mapping(self, want: Spec, name: str) -> None:
        """A new container is unprivileged where the host has ids for it, unless the declaration says otherwise."""
        if want.get("privileged"):
            return
        free = probes.free_ids(self.host, self.mappings_of_others(name))
        given = want.get("id_mapping") or {}
        if given.get("first"):
            want["id_mapping"] = dict(given, size=given.get("size") or probes.LEAST_IDS)
        elif free is not None and self.host.exists(edit.COMMON):
            want["id_mapping"] = dict(free, **given)
        elif want.get("privileged") is None and not given:
            want["privileged"] = True
        if want.get("id_mapping"):
            want.setdefault("privileged", False)

    def mappings_of_others(self, name: str) -> List[Tuple[int, int]]:
        """The ids of the host that other containers have: first and number of each range of users."""
        found = []
        for text in self._configs_of_others(name).values():
            for line in all_of(pairs_of(text), extras.IDMAP):
                words = line.split()
                if len(words) == 4 and words[0] == "u" and words[2].isdigit() and words[3].isdigit():
                    found.append((int(words[2]), int(words[3])))
        return found

    def _complete_nic(self, request: Request, nic: Spec, there: Optional[Mapping[str, Any]]) -> None:
        if there is not None:
            for key in ("mac",) + LINKS:
                if there.get(key) and key not in nic and not (key in LINKS and any(link in nic for link in LINKS)):
                    nic[key] = there[key]
            return
        nic.setdefault("mac", derived_mac(request.fleet, request.name, nic["name"]))
        attachment = self.networks(nic["network"]) if nic.get("network") else None
        if attachment is not None and nic.get("address"):
            if attachment.gateway and same_family(attachment.gateway, nic["address"]):
                nic.setdefault("gateway", attachment.gateway)
            if attachment.dns:
                nic.setdefault("dns", list(attachment.dns))

    # -- checking -------------------------------------------------------------------------------------------------

    def check(self, work: Work) -> None:
        """Raise DeclarationError for what cannot be, Refused for what must not be; nothing is touched."""
        where = work.request.where
        state = work.request.option("state")
        if not self.installed():
            if not self.check_mode:
                raise EngineError("LXC is not installed on this host", "install it, or run the role flotilla.virt.container_host")
            # Check mode plans against an empty host; the result says host_ready: false.
            return
        if state in ("absent", "released"):
            return
        problems = self.problems_of(work.request.declared, where)
        problems += self._nic_problems(work, where)
        problems += self._value_problems(work, where)
        making = work.actual is None or work.actual.handle.config is None
        if making:
            problems += images.image_problems(self.host, self.images, work.want, where)
        raise_if_any(problems)
        given = (work.want.get("cloud_init") or {}).get("users") or {}
        # Users are made with the container only; on one that is there `{keep: true}` may stand for a password.
        plain = [plain_user(user) if making else {key: value for key, value in user.items() if key != "hashed_password"}
                 for user in given.values()]
        users.check_users(plain, join_path(where, "cloud_init.users"))
        if work.actual is None:
            self._check_left_over(work)

    def problems_of(self, spec: Mapping[str, Any], where: str) -> List[Problem]:
        """What LXC cannot do at all, each with its place, the engine and the option."""
        problems = schema.problems_of_engine(GUEST, spec, "lxc", where)
        for option, reason in _NOT_HERE.items():
            value: Any = spec
            for part in option.split("."):
                value = (value or {}).get(part)
            if value:
                problems.append(Problem(join_path(where, option), "engine lxc has no such option", reason))
        what = (spec.get("wait_for") or {}).get("what")
        if what in ("agent", "cloud_init"):
            problems.append(Problem(join_path(where, "wait_for.what"), "engine lxc cannot wait for %s" % what,
                                    "choose running or address"))
        size = (spec.get("memory") or {}).get("size")
        if size is not None and size < LEAST_MEMORY:
            problems.append(Problem(join_path(where, "memory.size"), "is less than an init needs", "give it 16MiB or more"))
        return problems

    def _nic_problems(self, work: Work, where: str) -> List[Problem]:
        problems: List[Problem] = []
        configs = self._configs_of_others(work.name) if work.want.get("nics") else {}
        macs = self._of_nets(configs, ("hwaddr",))
        taken = self._of_nets(configs, ("ipv4.address", "ipv6.address"))
        touched = {change.route[1] for change in work.changes if change.route[:1] == ("nics",)}
        for index, (name, nic) in enumerate((work.want.get("nics") or {}).items()):
            place = join_path(where, "nics[%d]" % index)
            if work.actual is None or work.actual.handle.config is None or name in touched:
                problems += self._link_problems(nic, place)
            problems += address_problems(nic, place, self.networks(nic["network"]) if nic.get("network") else None)
            for address in interfaces(nic.get("address")):
                other = taken.get(address.partition("/")[0])
                if other:
                    problems.append(Problem(place + ".address", "%s is an address of the container %s" % (address, other),
                                            "choose a free one"))
            other = macs.get(nic.get("mac") or "")
            if other:
                problems.append(Problem(place + ".mac", "%s is the MAC address of the container %s" % (nic["mac"], other),
                                        "declare another one in quotes"))
        return problems

    def _configs_of_others(self, name: str) -> Dict[str, str]:
        """The configuration of each other container of this host, by name."""
        base = read.container_path(self.host)
        texts = self.host.read_files(["%s/%s/config" % (base, other) for other in self.host.list_dir(base) if other != name])
        return {path.split("/")[-2]: text for path, text in texts.items()}

    @staticmethod
    def _of_nets(configs: Mapping[str, str], keys: Sequence[str]) -> Dict[str, str]:
        """Each MAC address, or address, of these configurations, with the container that has it."""
        return {word.split()[0].partition("/")[0].lower(): other for other, text in configs.items()
                for net in nets_of(pairs_of(text)).values() for key in keys for word in net.get(key, []) if word}

    def _value_problems(self, work: Work, where: str) -> List[Problem]:
        making = work.actual is None or work.actual.handle.config is None
        directory = read.container_path(self.host)
        limits = values.limit_problems(self.host, work.want, directory, where)
        stored = {} if work.actual is None else work.actual.stored
        return limits + store.problems(self.host, work.want, stored, directory, where) + values.thing_problems(self.host, work, making, where) + (
            values.mapping_problems(self.host, work.want, where) if making else [])

    def _link_problems(self, nic: Mapping[str, Any], place: str) -> List[Problem]:
        named = [link for link in LINKS if nic.get(link)]
        if len(named) > 1:
            return [Problem(place, "names both a %s and a %s" % (named[0], named[1]), "keep one of them")]
        if nic.get("macvlan"):
            if not self.host.exists("/sys/class/net/%s" % nic["macvlan"]):
                return [Problem(place + ".macvlan", "there is no interface %s on this host" % nic["macvlan"], "name one that is there")]
            return []
        if nic.get("network"):
            if self.networks(nic["network"]) is None:
                return [Problem(place + ".network", "there is no network %s with a bridge on this host" % nic["network"],
                                "declare the network, or name a bridge")]
            return []
        if not nic.get("bridge"):
            return [Problem(place, "names neither a network nor a bridge", "name one, or an interface as macvlan")]
        if not self.host.exists("/sys/class/net/%s/bridge" % nic["bridge"]):
            return [Problem(place + ".bridge", "there is no bridge %s on this host" % nic["bridge"], "make it, or name another")]
        return []

    def link_of(self, nic: Mapping[str, Any]) -> str:
        """The bridge that a NIC is connected to on this host, or the interface that it shares."""
        if nic.get("macvlan"):
            return str(nic["macvlan"])
        attachment = self.networks(nic["network"]) if nic.get("network") else None
        if nic.get("network") and (attachment is None or not attachment.bridge):
            raise EngineError("the network %s of nic %s has no bridge on this host" % (nic["network"], nic["name"]), "start the network")
        return attachment.bridge if attachment is not None else str(nic["bridge"])

    def _check_left_over(self, work: Work) -> None:
        """A directory of that name that is no container: whose it is decides."""
        directory = "%s/%s" % (read.container_path(self.host), work.name)
        entries = [name for name in self.host.list_dir(directory) if name != read.ANNOTATION]
        if not entries:
            return
        text = self.host.read_file(directory + "/" + read.ANNOTATION)
        note = Annotation.from_json(text, "container %s" % work.name) if text else None
        if note is None:
            raise Refused("%s%s is there already and belongs to no container that this collection knows" % (
                work.request.where + ": " if work.request.where else "", directory),
                "move it away, or choose another name")
        raise Refused("%s/rootfs was kept when the container %s was removed" % (directory, work.name),
                      "move it away, or take it back into use with its config.removed, before a new one gets this name")


def plain_user(user: Mapping[str, Any]) -> Dict[str, Any]:
    """A user with its secrets as text, for the one place that needs them."""
    plain = dict(user)
    secret = plain.get("hashed_password")
    if secret is not None:
        if secret.keeps:
            raise FlotillaError("hashed_password of user %s is {keep: true}, and there is none to keep" % user["name"],
                                "declare the hash")
        plain["hashed_password"] = secret.reveal()
    return plain
