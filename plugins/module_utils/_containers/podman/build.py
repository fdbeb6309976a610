# Copyright: (c) 2026, flotilla.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Making a podman container: its image, volumes and secrets, and the options of `podman create`."""

from __future__ import annotations

import copy
import hashlib
import json
import re
from threading import Lock
from typing import Any, Dict, List, Mapping

from ..._reconcile.contract import Work
from ..._reconcile.errors import EngineError
from ..._reconcile.plan import Change
from ..._reconcile.schema import Spec
from ..._reconcile.secrets import Secret
from .. import images
from ..addresses import addresses_of
from . import limits
from .command import LONG, Podman
from .declare import Checker, mount_type, secret_name
from .read import LABEL

# What podman takes where a declaration says nothing; written down, so that declaring just that later is no difference.
HEALTH = {"interval": 30, "timeout": 30, "retries": 3, "start_period": 0}


def carried_out(stored: Mapping[str, Any], changes: List[Change]) -> Spec:
    """What there is, with these changes: a container is made anew with what nobody declared too."""
    spec: Spec = copy.deepcopy(dict(stored))
    for change in changes:
        if not change.route:
            continue
        place = spec
        for name in change.route[:-1]:
            place = place.setdefault(name, {})
        if change.want is None:
            place.pop(change.route[-1], None)
        else:
            place[change.route[-1]] = copy.deepcopy(change.want)
    return spec


def completed(spec: Mapping[str, Any]) -> Spec:
    """A specification with podman's own defaults in it, and without groups that are empty of what makes them."""
    done: Spec = copy.deepcopy(dict(spec))
    for mount in (done.get("mounts") or {}).values():
        mount["type"] = mount_type(mount)
        mount.setdefault("readonly", False)
    for device in (done.get("devices") or {}).values():
        device.setdefault("inside", device["path"])
        device.setdefault("permissions", "rwm")
    done.setdefault("restart_policy", "no")
    for group, needed, defaults in (("health", "command", HEALTH), ("id_mapping", "first", {"size": 65536})):
        if (done.get(group) or {}).get(needed):
            done[group] = {**defaults, **done[group]}
        else:
            done.pop(group, None)
    if "environment" in done:
        done["environment"] = {str(name): str(value) for name, value in done["environment"].items()}
    return {name: value for name, value in done.items() if value not in ({}, [])}


class Builder:
    """Makes containers on one host."""

    def __init__(self, podman: Podman, checker: Checker) -> None:
        self.podman = podman
        self.host = podman.host
        self.checker = checker
        # Several containers at work at a time may be made from one image.
        self._importing = Lock()

    def make(self, work: Work, target: Spec) -> None:
        """Image, volumes, secrets, container: each is found again by the next run where this one dies."""
        reference = self._image(work, target)
        there = set(self.podman.names("volume")) if volumes_of(target) else set()
        for volume in volumes_of(target):
            if volume not in there:
                with work.step("make the volume %s" % volume):
                    self.podman.run("make the volume %s" % volume, "volume", "create", volume)
        for name, secret in (target.get("secrets") or {}).items():
            if isinstance(secret.get("value"), Secret) and not secret["value"].keeps:
                with work.step("hand over the secret %s of %s" % (name, work.name)):
                    self._secret(secret_name(work.name, name), secret["value"].reveal())
        with work.step("make the container %s" % work.name):
            self.podman.run("make the container %s" % work.name, *self.create_words(work, target, reference), timeout=LONG)

    def _secret(self, name: str, value: str) -> None:
        # podman 4.3 cannot replace one. A container has its own copy, so nothing that runs loses it.
        if name in self.podman.names("secret"):
            self.podman.run("remove the secret %s" % name, "secret", "rm", name)
        self.podman.run("make the secret %s" % name, "secret", "create", name, "-", stdin=value)

    # -- images -------------------------------------------------------------------------------------------------------

    def _image(self, work: Work, target: Spec) -> str:
        """The name under which podman has the image, or gets it from its registry as it makes the container."""
        name = target["image"]
        reference = self.checker.reference(name)
        if reference is not None:
            return reference
        tarball = self.checker.tarball(name)
        if not tarball:
            raise EngineError("the image %s is gone" % name, "run again when it is there")
        reference = self.imported(name, tarball)
        with self._importing:
            if not self.podman.has_image(reference):
                with work.step("import image %s for %s" % (name, work.name)):
                    self._import(work.name, tarball, reference, needs_init=not (target.get("command") or target.get("entrypoint")))
        return reference

    def imported(self, name: str, tarball: str) -> str:
        """The name of an image that is made from a tarball: another one when the tarball changes."""
        word = re.sub(r"[^a-z0-9.-]+", "-", name.lower()).strip(".-") or "image"
        digest = hashlib.sha256(("%s %r" % (tarball, self.host.modified(tarball))).encode("utf-8", "surrogateescape")).hexdigest()[:12]
        return "localhost/flotilla/%s:%s" % (word, digest)

    def _import(self, container: str, tarball: str, reference: str, needs_init: bool) -> None:
        """Import under a passing name, look at it, and give it its name: a run that dies leaves none that was not looked at."""
        partial = reference + "-partial"
        self.podman.run("import the image %s for the container %s" % (tarball, container), "import", "--quiet", "--change",
                        'CMD ["/sbin/init"]', tarball, partial, timeout=LONG)
        try:
            root = self.podman.run("look into the image %s" % tarball, "image", "mount", partial).strip()
            try:
                images.check_root(self.host, root, tarball, container, needs_init)
            finally:
                self.podman.run("let the image %s go" % tarball, "image", "umount", partial)
        except EngineError:
            self.podman.run("remove the image %s" % tarball, "rmi", partial)
            raise
        self.podman.run("name the image %s" % tarball, "tag", partial, reference)
        self.podman.run("name the image %s" % tarball, "untag", partial, partial)

    # -- the command line ------------------------------------------------------------------------------------------

    def create_words(self, work: Work, target: Spec, reference: str) -> List[str]:
        """The command line of `podman create`, without podman itself. It holds no secret."""
        pull = "never" if reference.startswith("localhost/flotilla/") else work.request.option("pull", "missing")
        words = ["create", "--quiet", "--name", work.name, "--pull", pull, "--label", "%s=%s" % (LABEL, work.annotation.facts["token"])]
        words += limits.creation(limits.from_spec(target, work.request.declared))
        for option, value in (("hostname", target.get("hostname")), ("user", target.get("user")), ("workdir", target.get("workdir")),
                              ("restart", target.get("restart_policy"))):
            words += ["--" + option, value] if value else []
        for nic in (target.get("nics") or {}).values():
            words += ["--network", _network(nic)]
        for option, values in (("dns", target.get("dns")), ("dns-search", target.get("search")), ("publish", target.get("ports")),
                               ("mount", [_mount(mount) for mount in (target.get("mounts") or {}).values()]),
                               ("device", ["%(path)s:%(inside)s:%(permissions)s" % each for each in (target.get("devices") or {}).values()]),
                               ("cap-add", (target.get("capabilities") or {}).get("add")),
                               ("cap-drop", (target.get("capabilities") or {}).get("drop")),
                               ("env", ["%s=%s" % pair for pair in (target.get("environment") or {}).items()]),
                               ("secret", [_secret(work.name, each) for each in (target.get("secrets") or {}).values()])):
            for value in values or []:
                words += ["--" + option, str(value)]
        words += _mapping(target.get("id_mapping")) + _health(target.get("health") or {})
        if target.get("entrypoint"):
            words += ["--entrypoint", json.dumps(target["entrypoint"])]
        # Behind the image everything is the command's.
        return words + [reference] + list(target.get("command") or [])


def volumes_of(target: Mapping[str, Any]) -> List[str]:
    """The named volumes that a specification mounts."""
    return [mount["volume"] for mount in (target.get("mounts") or {}).values() if mount_type(mount) == "volume" and mount.get("volume")]


def _network(nic: Mapping[str, Any]) -> str:
    words = network_options(nic)
    return str(nic["network"]) + (":" + ",".join("%s=%s" % pair for pair in words) if words else "")


def network_options(nic: Mapping[str, Any]) -> List[Any]:
    """What podman is told about a NIC beside its network: `ip` (of either family) and `mac`."""
    words = [("ip", word.split("/")[0]) for word in addresses_of(nic.get("address"))]
    return words + ([("mac", nic["mac"])] if nic.get("mac") else [])


def _mount(mount: Mapping[str, Any]) -> str:
    kind = mount_type(mount)
    words: Dict[str, Any] = {"type": kind, "destination": mount["target"]}
    if kind != "tmpfs":
        words["source"] = mount["source"] if kind == "bind" else mount["volume"]
    elif mount.get("size"):
        words["tmpfs-size"] = mount["size"]
    # podman 4.3 takes `ro=false` for `ro` too.
    return ",".join(["%s=%s" % pair for pair in words.items()] + (["ro"] if mount.get("readonly") else []))


def _secret(container: str, secret: Mapping[str, Any]) -> str:
    name = secret_name(container, secret["name"])
    if secret.get("variable"):
        return "%s,type=env,target=%s" % (name, secret["variable"])
    return "%s,type=mount,target=%s" % (name, secret["name"])


def _mapping(mapping: Any) -> List[str]:
    if not mapping:
        return []
    text = "0:%d:%d" % (mapping["first"], mapping["size"])
    return ["--uidmap", text, "--gidmap", text]


def _health(health: Mapping[str, Any]) -> List[str]:
    if not health:
        return []
    command = health["command"]
    words = ["--health-cmd", command[0] if len(command) == 1 else json.dumps(list(command))]
    for option, unit in (("interval", "s"), ("timeout", "s"), ("start_period", "s"), ("retries", "")):
        words += ["--health-" + option.replace("_", "-"), "%d%s" % (health[option], unit)]
    return words
