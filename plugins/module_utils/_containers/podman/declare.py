# Copyright: (c) 2026, flotilla.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a declaration of a podman container must satisfy on this host, and what it is completed with."""

from __future__ import annotations

import copy
import ipaddress
import re
from typing import Any, Callable, Dict, List, Mapping, Optional

from ..._reconcile import kinds, schema
from ..._reconcile.contract import Request, Work
from ..._reconcile.errors import EngineError, Problem, Refused, join_path, raise_if_any
from ..._reconcile.grammar import GUEST
from ..._reconcile.identity import derived_mac
from ..._reconcile.plan import RECREATE, Actual
from ..._reconcile.schema import Spec
from ..._reconcile.secrets import Secret
from .. import images
from ..addresses import address_problems, addresses_of
from ..host import Host
from . import grammar, units
from .command import Document, Podman
from .read import Reader

References = Callable[[str], Optional[str]]
"""Gives the OCI image of a declared image; None for one that is not declared or has none."""

LEAST_MEMORY = 6 << 20
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]*\Z")
_HOSTNAME = re.compile(r"(?=.{1,253}\Z)[A-Za-z0-9]([A-Za-z0-9-]{0,62})(\.[A-Za-z0-9][A-Za-z0-9-]{0,62})*\Z")
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]*\Z")
_CAPABILITY = re.compile(r"[A-Za-z_]+\Z")
# podman's own notation separates with these, and has no way to quote them.
_SEPARATORS = re.compile(r"[,:\"\n]")
_NOT_HERE = {
    "disks": "podman's containers have no disk of their own size; what is to last goes into a volume (mounts)",
}
_NOT_ON_NICS = {
    "bridge": "podman removes a bridge when its last container leaves it: name a network of podman (podman network create)",
    "gateway": "the gateway is the network's own",
    "dns": "declare dns of the guest",
}


def is_making(work: Work) -> bool:
    """Whether the work makes a container, be it the first or one anew."""
    return work.actual is None or work.actual.begun or any(change.impact == RECREATE for change in work.changes)


class Checker:
    """Validation and completion for one host."""

    def __init__(self, podman: Podman, reader: Reader, rootfs: images.Images, references: References, check_mode: bool) -> None:
        self.podman = podman
        self.host: Host = podman.host
        self.reader = reader
        self.rootfs = rootfs
        self.references = references
        self.check_mode = check_mode

    # -- images -------------------------------------------------------------------------------------------------------

    def tarball(self, name: str) -> Optional[str]:
        """The root file system that an image name stands for; None where it is an OCI image or nothing."""
        return None if self.reference(name) else images.image_path(self.host, self.rootfs, name)

    def reference(self, name: str) -> Optional[str]:
        """The OCI image that an image name stands for, with its tag."""
        said = name if "/" in name else self.references(name)
        return grammar.reference(said) if said else None

    def same_image(self, want: Any, have: Any) -> bool:
        """Whether two names stand for the same image."""
        return bool(want == have or (want and have and (self.reference(want) or want) == (self.reference(have) or have)))

    # -- completing -----------------------------------------------------------------------------------------------

    def complete(self, request: Request, actual: Optional[Actual]) -> Spec:
        """The declaration with derived and default values for what is new; what is there already gets none."""
        want = copy.deepcopy(dict(request.declared))
        if actual is None or actual.begun:
            facts = actual.annotation.facts if actual is not None and actual.annotation is not None else {}
            want.setdefault("state", (facts.get("anew") or {}).get("state") or "running")
            want.setdefault("hostname", (facts.get("made") or {}).get("hostname") or request.name)
        for name, nic in (want.get("nics") or {}).items():
            there = None if actual is None else (actual.stored.get("nics") or {}).get(name)
            if there is None:
                nic.setdefault("mac", derived_mac(request.fleet, request.name, name))
            else:
                nic.setdefault("network", there["network"])
                if there.get("mac"):
                    nic.setdefault("mac", there["mac"])
        return want

    # -- checking -------------------------------------------------------------------------------------------------

    def check(self, work: Work, target: Spec) -> None:
        """Raise DeclarationError for what cannot be, Refused for what must not be; nothing is touched."""
        where, declared = work.request.where, work.request.declared
        if not self.podman.installed():
            if not self.check_mode:
                raise EngineError("podman is not installed on this host", "install it, or run the role flotilla.virt.container_host")
            return
        self.podman.refuse_users()
        if work.request.option("state") in ("absent", "released"):
            return
        problems = self.problems_of(declared, where)
        problems += self._host_problems(declared, where)
        if is_making(work):
            problems += self._making_problems(work, target, where)
        problems += self._nic_problems(work, where)
        raise_if_any(problems)
        running = work.actual is not None and work.actual.live is not None
        if running and work.request.option("on_change") == "defer" and any(change.route[:1] == ("nics",) for change in work.changes):
            raise Refused("%spodman stores a change of nics only by applying it to the running container"
                          % (where + ": " if where else ""), "leave on_change: defer out, or stop the container")

    def problems_of(self, spec: Mapping[str, Any], where: str) -> List[Problem]:
        """What podman cannot do at all, and what no host could."""
        problems = schema.problems_of_engine(GUEST, spec, "podman", where)
        for option, reason in _NOT_HERE.items():
            if spec.get(option):
                problems.append(Problem(join_path(where, option), "engine podman has no such option", reason))
        for index, nic in enumerate((spec.get("nics") or {}).values()):
            problems += [Problem(join_path(where, "nics[%d].%s" % (index, option)), "engine podman has no such option", reason)
                         for option, reason in _NOT_ON_NICS.items() if nic.get(option)]
        what = (spec.get("wait_for") or {}).get("what")
        if what in ("agent", "cloud_init"):
            problems.append(Problem(join_path(where, "wait_for.what"), "engine podman cannot wait for %s" % what,
                                    "choose running or address"))
        return problems + self._limit_problems(spec, where) + _process_problems(spec, where) + _list_problems(spec, where)

    def _limit_problems(self, spec: Mapping[str, Any], where: str) -> List[Problem]:
        problems = []
        cpus, size = spec.get("cpus") or {}, (spec.get("memory") or {}).get("size")
        if cpus.get("count") and cpus.get("limit"):
            problems.append(Problem(join_path(where, "cpus"), "has both count and limit, which are one and the same for podman",
                                    "declare one of them"))
        if size is not None and size < LEAST_MEMORY:
            problems.append(Problem(join_path(where, "memory.size"), "is less than a process and podman's own start need",
                                    "give it 6MiB or more"))
        every = set(kinds.numbers_of(self.reader.every_cpu()))
        missing = sorted(set(kinds.numbers_of(cpus["cpuset"])) - every) if cpus.get("cpuset") else []
        if missing:
            problems.append(Problem(join_path(where, "cpus.cpuset"), "this host has no CPU %s" % missing[0],
                                    "it has %s" % self.reader.every_cpu()))
        return problems

    def _host_problems(self, spec: Mapping[str, Any], where: str) -> List[Problem]:
        problems = []
        for index, mount in enumerate((spec.get("mounts") or {}).values()):
            place = join_path(where, "mounts[%d]" % index)
            problems += _mount_problems(mount, place)
            if mount.get("source") and not self.host.exists(mount["source"]):
                problems.append(Problem(place + ".source", "there is no %s on this host" % mount["source"], "make it, or name another"))
        for index, device in enumerate((spec.get("devices") or {}).values()):
            place = join_path(where, "devices[%d]" % index)
            if any(_SEPARATORS.search(device.get(name) or "") for name in ("path", "inside")):
                problems.append(Problem(place, "has a comma, colon, quote or line break in a path", "podman cannot be told such a path"))
            elif not self.host.exists(device["path"]):
                problems.append(Problem(place + ".path", "there is no device %s on this host" % device["path"], "name another"))
        if spec.get("autostart") and not units.booted(self.host):
            problems.append(Problem(join_path(where, "autostart"), "no systemd runs on this host that could start the container",
                                    "leave it out, and have something start podman's containers at boot"))
        return problems

    def _making_problems(self, work: Work, target: Spec, where: str) -> List[Problem]:
        problems = []
        if not _NAME.match(work.name):
            problems.append(Problem("name", "%r is no name for a container of podman" % work.name,
                                    "use letters, digits, dot, dash and underscore"))
        image = target.get("image")
        if not image or not self.reference(image):
            problems += images.image_problems(self.host, self.rootfs, target, where)
        else:
            problems += self._oci_problems(str(self.reference(image)), work.request.option("pull"), join_path(where, "image"))
        there = set(self.podman.names("secret")) if target.get("secrets") else set()
        for index, (name, secret) in enumerate((target.get("secrets") or {}).items()):
            value = secret.get("value")
            kept = not isinstance(value, Secret) or value.keeps
            if kept and secret_name(work.name, name) not in there:
                problems.append(Problem(join_path(where, "secrets[%d].value" % index), "there is no secret to keep", "declare it"))
        return problems

    def _oci_problems(self, reference: str, pull: Any, place: str) -> List[Problem]:
        """What is wrong with an OCI image, as far as the host has it: nothing is pulled to find out."""
        found = self.podman.inspect("image", [reference])
        if not found and pull == "never":
            return [Problem(place, "%s is not on this host, and pull is never" % reference, "pull it, or declare pull: missing")]
        machine = self.host.run(["uname", "-m"]).stdout.strip()
        # One that is pulled anew may be another.
        return [problem for document in found if pull != "always" for problem in images.platform_problems(document, machine, reference, place)]

    # -- nics -------------------------------------------------------------------------------------------------------

    def _nic_problems(self, work: Work, where: str) -> List[Problem]:
        touched = {change.route[1] for change in work.changes if change.route[:1] == ("nics",)}
        nics: Mapping[str, Spec] = work.want.get("nics") or {}
        wanted = {name for name in nics if is_making(work) or name in touched}
        if not wanted:
            return []
        problems: List[Problem] = []
        networks = self.podman.networks()
        used = self._used_by_others(work.name)
        seen: Dict[str, str] = {}
        for index, (name, nic) in enumerate(nics.items()):
            place = join_path(where, "nics[%d]" % index)
            network = nic.get("network")
            if network in seen:
                problems.append(Problem(place + ".network", "the nic %s is on %s already" % (seen[network], network),
                                        "podman attaches a container to a network once"))
            if network is None:
                problems.append(Problem(place, "names no network", "name one of podman's: %s" % ", ".join(sorted(networks))))
                continue
            seen[network] = name
            if name in wanted:
                problems += _network_problems(nic, networks.get(network), place)
                problems += [Problem(place + "." + option, "%s is the container %s's" % (value, used[value]), "declare another one")
                             for option, values in (("mac", [nic.get("mac")]), ("address", _plain(nic.get("address"))))
                             for value in values if value in used]
        return problems

    def _used_by_others(self, name: str) -> Dict[str, str]:
        """The MACs and addresses of the other containers, each with whose it is."""
        used: Dict[str, str] = {}
        for other, item in self.reader.read().items():
            if other == name or item.document is None:
                continue
            for nic in (item.facts.get("nics") or {}).values():
                used.update((each, other) for each in [nic.get("mac")] + _plain(nic.get("address")) if each)
            for network in (item.part("NetworkSettings", "Networks") or {}).values():
                used.update((network[key], other) for key in ("MacAddress", "IPAddress", "GlobalIPv6Address") if network.get(key))
        return used


def secret_name(container: str, name: str) -> str:
    """What podman's store calls the secret of a container."""
    return "flotilla-%s-%s" % (container, name)


def _plain(value: Any) -> List[str]:
    found = []
    for word in addresses_of(value):
        try:
            found.append(str(ipaddress.ip_interface(word).ip))
        except ValueError:
            continue
    return found


def _network_problems(nic: Mapping[str, Any], network: Optional[Document], place: str) -> List[Problem]:
    if network is None:
        return [Problem(place + ".network", "podman has no network %s on this host" % nic["network"],
                        "make it with podman network create, or name another")]
    problems = address_problems(nic, place, None)
    if problems:
        return problems
    subnets = [ipaddress.ip_network(subnet["subnet"]) for subnet in network.get("subnets") or []]
    interfaces = [ipaddress.ip_interface(word) for word in addresses_of(nic.get("address"))]
    for interface in interfaces:
        if interface.network not in subnets:
            problems.append(Problem(place + ".address", "%s is in no subnet of the network %s" % (interface, nic["network"]),
                                    "it has %s" % (", ".join(str(subnet) for subnet in subnets) or "none")))
    if len({interface.version for interface in interfaces}) < len(interfaces):
        problems.append(Problem(place + ".address", "has two addresses of one family", "podman gives a nic one IPv4 and one IPv6 address"))
    return problems


def _mount_problems(mount: Mapping[str, Any], place: str) -> List[Problem]:
    kind = mount_type(mount)
    fields = {"bind": "source", "volume": "volume", "tmpfs": "size"}
    problems = [Problem(place + "." + option, "belongs to a mount of type %s, and this is a %s" % (other, kind), "remove it")
                for other, option in fields.items() if other != kind and mount.get(option) is not None]
    if kind != "tmpfs" and not mount.get(fields[kind]):
        problems.append(Problem(place + "." + fields[kind], "is required for type %s" % kind, "declare it"))
    if mount["target"] == "/":
        problems.append(Problem(place + ".target", "is the container's own root", "choose a directory below it"))
    if any(_SEPARATORS.search(str(mount.get(name) or "")) for name in ("target", "source", "volume")):
        problems.append(Problem(place, "has a comma, colon, quote or line break in a path", "podman cannot be told such a path"))
    return problems


def mount_type(mount: Mapping[str, Any]) -> str:
    """What a mount is, where it does not say so."""
    return str(mount.get("type") or ("bind" if mount.get("source") else "volume" if mount.get("volume") else "tmpfs"))


def _process_problems(spec: Mapping[str, Any], where: str) -> List[Problem]:
    problems = []
    for name, value in (spec.get("environment") or {}).items():
        place = join_path(where, "environment.%s" % name)
        if not _VARIABLE.match(str(name)):
            problems.append(Problem(place, "is no name of a variable", "use letters, digits and underscores"))
        if isinstance(value, bool) or not isinstance(value, (str, int, float)) or "\0" in str(value):
            problems.append(Problem(place, "must be text", "put it in quotes"))
    for index, secret in enumerate((spec.get("secrets") or {}).values()):
        if secret.get("variable") and not _VARIABLE.match(secret["variable"]):
            problems.append(Problem(join_path(where, "secrets[%d].variable" % index), "is no name of a variable",
                                    "use letters, digits and underscores"))
    if spec.get("hostname") and not _HOSTNAME.match(spec["hostname"]):
        problems.append(Problem(join_path(where, "hostname"), "%r is no host name" % spec["hostname"],
                                "use letters, digits and dashes, in parts with dots between"))
    for option in ("health.command", "id_mapping.first"):
        group, needed = option.split(".")
        if spec.get(group) and not spec[group].get(needed):
            problems.append(Problem(join_path(where, option), "is required", "declare it"))
    return problems


def _list_problems(spec: Mapping[str, Any], where: str) -> List[Problem]:
    problems = [Problem(join_path(where, "ports[%d]" % index), "%r is no published port" % word, "write it such as 8080:80 or 10.0.0.1:53:53/udp")
                for index, word in enumerate(spec.get("ports") or []) if grammar.port(word) is None]
    for option in ("add", "drop"):
        problems += [Problem(join_path(where, "capabilities.%s[%d]" % (option, index)), "%r is no capability" % word, "write it such as NET_ADMIN")
                     for index, word in enumerate((spec.get("capabilities") or {}).get(option) or []) if not _CAPABILITY.match(word)]
    for option in ("command", "entrypoint"):
        problems += [Problem(join_path(where, "%s[%d]" % (option, index)), "has a NUL byte", "remove it")
                     for index, word in enumerate(spec.get(option) or []) if "\0" in word]
    return problems
