# Copyright: (c) 2026, flotilla.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A podman container as the grammar says it: what it was made with, and what runs of it."""

from __future__ import annotations

import copy
import re
from typing import Any, Dict, List, Mapping, Optional, Sequence

from ..._reconcile import kinds
from ..._reconcile.schema import Spec
from ..addresses import addresses_of
from . import limits
from .read import Container

# What podman fixes when it makes a container, and what stands in the annotation of one that this collection made.
MADE = ("image", "hostname", "dns", "search", "mounts", "devices", "capabilities", "id_mapping", "entrypoint", "command",
        "environment", "user", "workdir", "ports", "secrets", "health", "restart_policy")
# Variables that podman itself sets in every container.
_OWN_VARIABLES = ("container", "container_uuid", "HOSTNAME", "HOME", "TERM")
_DEFAULT_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
_ANONYMOUS = re.compile(r"[0-9a-f]{64}\Z")
SECOND = 1000000000


def stored_spec(item: Container, enabled: bool) -> Spec:
    """What the next start will make of the container."""
    states = {"running": "running", "paused": "paused", "stopped": "stopped"}
    spec: Spec = {"state": states.get(item.state, "present"), "autostart": enabled}
    applied = item.note.applied if item.note is not None else {}
    spec.update(limits.to_spec(item.asked, "limit" in (applied.get("cpus") or {})))
    spec["nics"] = nics_of(item)
    spec.update(copy.deepcopy(dict(item.made)) if item.made is not None else foreign(item))
    if item.facts.get("tags"):
        spec["tags"] = dict(item.facts["tags"])
    return spec


def live_spec(item: Container, stored: Spec) -> Spec:
    """What runs: limits and addresses as they are in force, the rest as it was made."""
    live = copy.deepcopy(stored)
    for name in ("cpus", "memory"):
        live.pop(name, None)
    live.update(limits.to_spec(item.live or item.asked, "limit" in (stored.get("cpus") or {})))
    for nic in live["nics"].values():
        _as_it_runs(nic, (item.part("NetworkSettings", "Networks") or {}).get(nic["network"]) or {})
    return live


def _as_it_runs(nic: Spec, document: Mapping[str, Any]) -> None:
    """A NIC that was declared with an address or a MAC has what podman says it has."""
    there = ["%s/%s" % (document[name], document.get(length)) for name, length in
             (("IPAddress", "IPPrefixLen"), ("GlobalIPv6Address", "GlobalIPv6PrefixLen")) if document.get(name)]
    if nic.get("address") and not set(addresses_of(nic["address"])) <= set(there):
        nic["address"] = there[0] if len(there) == 1 else there
    if nic.get("mac") and document.get("MacAddress"):
        nic["mac"] = document["MacAddress"].lower()


def nics_of(item: Container) -> Dict[str, Spec]:
    """The NICs by name: as noted where that network is attached, else by the network's own name."""
    attached = item.part("NetworkSettings", "Networks") or {}
    found: Dict[str, Spec] = {}
    taken = set()
    for name, noted in (item.facts.get("nics") or {}).items():
        network = next((each for each in (noted.get("network"), noted.get("old")) if each in attached), None)
        if network is not None and network not in taken:
            taken.add(network)
            found[name] = {"name": name, "network": network}
            # On its way to another network it has its MAC still, and no address there.
            known = ("mac", "address") if network == noted.get("network") else ("mac",)
            found[name].update({key: noted[key] for key in known if noted.get(key)})
    said = _said_of_networks(item.part("Config", "CreateCommand") or [])
    for network in attached:
        if network not in taken:
            found[network] = {"name": network, "network": network, **({} if item.made is not None else said.get(network, {}))}
    return found


def _said_of_networks(command: Sequence[str]) -> Dict[str, Spec]:
    """Static addresses and MACs that whoever made the container asked for: an inspection does not tell them from given ones."""
    found: Dict[str, Spec] = {}
    for word in option_values(command, "--network", "--net"):
        network, _colon, rest = word.partition(":")
        settings = dict(part.partition("=")[::2] for part in rest.split(","))
        nic: Spec = {}
        if settings.get("mac"):
            nic["mac"] = settings["mac"].lower()
        found[network] = nic
    for network in found if len(found) == 1 else ("podman",):
        for word in option_values(command, "--mac-address"):
            found.setdefault(network, {})["mac"] = word.lower()
    return found


def option_values(command: Sequence[str], *names: str) -> List[str]:
    """The values of an option in a command line, written `--name value` or `--name=value`."""
    values = []
    for index, word in enumerate(command):
        name, equals, value = word.partition("=")
        if name in names and equals:
            values.append(value)
        elif word in names and index + 1 < len(command):
            values.append(command[index + 1])
    return values


# -- containers that somebody else made ------------------------------------------------------------------------------


def foreign(item: Container) -> Spec:
    """What a container was made with, from its inspection; what the grammar does not know stays unnamed."""
    config, host = item.part("Config") or {}, item.part("HostConfig") or {}
    spec: Spec = {}
    reference = str(item.part("ImageName") or "")
    if "/" in reference and _is(kinds.image, reference):
        spec["image"] = reference
    spec["hostname"] = config.get("Hostname") or None
    spec["dns"] = [address for address in host.get("Dns") or [] if _is(kinds.ip, address)] or None
    spec["search"] = list(host.get("DnsSearch") or []) or None
    spec["mounts"] = _mounts(item) or None
    spec["devices"] = {device["PathOnHost"]: {"path": device["PathOnHost"], "inside": device["PathInContainer"]}
                       for device in host.get("Devices") or []} or None
    spec["capabilities"] = {name: list(host[key]) for name, key in (("add", "CapAdd"), ("drop", "CapDrop")) if host.get(key)} or None
    spec["id_mapping"] = _id_mapping(host)
    spec["ports"] = _ports(host.get("PortBindings") or {}) or None
    spec["health"] = _health(config.get("Healthcheck") or {}) or None
    spec["restart_policy"] = (host.get("RestartPolicy") or {}).get("Name") or "no"
    spec.update(_process(item))
    return {name: value for name, value in spec.items() if value is not None}


def _is(kind: Any, value: Any) -> bool:
    try:
        kind(value)
    except ValueError:
        return False
    return True


def _process(item: Container) -> Spec:
    config, image = item.part("Config") or {}, item.image.get("Config") or {}
    entrypoint = config.get("Entrypoint") or []
    if isinstance(entrypoint, str):
        entrypoint = entrypoint.split(" ")
    spec: Spec = {"entrypoint": entrypoint if entrypoint != (image.get("Entrypoint") or []) else None,
                  "command": config.get("Cmd") or None, "environment": _environment(item) or None,
                  "user": config.get("User") or None, "workdir": config.get("WorkingDir") or None}
    return {name: value for name, value in spec.items() if value is not None}


def _environment(item: Container) -> Dict[str, str]:
    """The variables that neither the image nor podman sets; those that hold a secret are not shown."""
    own = dict(each.partition("=")[::2] for each in item.image.get("Config", {}).get("Env") or [])
    own.setdefault("PATH", _DEFAULT_PATH)
    hidden = set(_OWN_VARIABLES)
    for word in option_values(item.part("Config", "CreateCommand") or [], "--secret"):
        name = word.split(",")[0].partition("source=")[2] or word.split(",")[0]
        settings = dict(part.partition("=")[::2] for part in word.split(",")[1:])
        hidden.add(settings.get("target") or name)
    pairs = dict(each.partition("=")[::2] for each in item.part("Config", "Env") or [])
    return {name: value for name, value in pairs.items() if name not in hidden and own.get(name) != value}


def _mounts(item: Container) -> Dict[str, Spec]:
    found: Dict[str, Spec] = {}
    for mount in item.part("Mounts") or []:
        target = str(mount.get("Destination"))
        spec: Spec = {"target": target, "type": mount.get("Type"), "readonly": not mount.get("RW")}
        if mount.get("Type") == "bind":
            spec["source"] = mount.get("Source")
        elif mount.get("Type") == "volume" and not _ANONYMOUS.match(str(mount.get("Name"))):
            spec["volume"] = mount.get("Name")
        else:
            continue
        found[target] = spec
    for target, text in (item.part("HostConfig", "Tmpfs") or {}).items():
        words = str(text).split(",")
        size = next((word[len("size="):] for word in words if word.startswith("size=")), "")
        found[target] = {"target": target, "type": "tmpfs", "readonly": "ro" in words, **({"size": int(size)} if size.isdigit() else {})}
    return found


def _id_mapping(host: Mapping[str, Any]) -> Optional[Spec]:
    lines = (host.get("IDMappings") or {}).get("UidMap") or []
    parts = lines[0].split(":") if len(lines) == 1 else []
    return {"first": int(parts[1]), "size": int(parts[2])} if len(parts) == 3 and parts[0] == "0" else None


def _ports(bindings: Mapping[str, Any]) -> List[str]:
    found = []
    for inside, places in sorted(bindings.items()):
        for place in places or []:
            number, _slash, protocol = inside.partition("/")
            address = place.get("HostIp") or ""
            found.append("%s%s:%s%s" % (address + ":" if address else "", place.get("HostPort"), number,
                                        "" if protocol in ("", "tcp") else "/" + protocol))
    return found


def _health(check: Mapping[str, Any]) -> Spec:
    test = list(check.get("Test") or [])
    if not test or test[0] == "NONE":
        return {}
    spec: Spec = {"command": test[1:]}
    for option, key in (("interval", "Interval"), ("timeout", "Timeout"), ("start_period", "StartPeriod")):
        if check.get(key):
            spec[option] = int(check[key]) // SECOND
    if check.get("Retries"):
        spec["retries"] = int(check["Retries"])
    return spec


# -- comparing -------------------------------------------------------------------------------------------------------


def same_words(want: Any, have: Any) -> bool:
    """Whether two maps or lists of scalars say the same as text."""
    if isinstance(want, Mapping) and isinstance(have, Mapping):
        return {str(k): str(v) for k, v in want.items()} == {str(k): str(v) for k, v in have.items()}
    return [str(word) for word in want or []] == [str(word) for word in have or []]


def capability(word: str) -> str:
    """A capability as podman writes it."""
    upper = word.upper()
    return upper if upper == "ALL" or upper.startswith("CAP_") else "CAP_" + upper


def same_capabilities(want: Any, have: Any) -> bool:
    """Whether two lists name the same capabilities."""
    return {capability(word) for word in want or []} == {capability(word) for word in have or []}


_PORT = re.compile(r"(?:(?P<address>\[[0-9a-fA-F:]+\]|[0-9.]+):)?(?P<host>\d+):(?P<inside>\d+)(?:/(?P<protocol>tcp|udp|sctp))?\Z")


def port(word: Any) -> Optional[str]:
    """A published port in one form: address, host's port, container's port, protocol; None for what is none."""
    match = _PORT.match(str(word))
    if not match or not all(0 < int(match.group(name)) < 65536 for name in ("host", "inside")):
        return None
    address = match.group("address") or "0.0.0.0"
    if address != "0.0.0.0" and not _is(kinds.ip, address.strip("[]")):
        return None
    return "%s:%d:%d/%s" % (address, int(match.group("host")), int(match.group("inside")), match.group("protocol") or "tcp")


def same_ports(want: Any, have: Any) -> bool:
    """Whether two lists publish the same ports."""
    return {port(word) for word in want or []} == {port(word) for word in have or []}


def reference(name: str) -> str:
    """An OCI image's full name with its tag, which is `latest` where none is written."""
    return name if "@" in name or ":" in name.rpartition("/")[2] else name + ":latest"
