# Copyright: (c) 2026, flotilla.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The lab of containers under podman: a podman with storage of its own, so that everything in it is ours."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from ansible_collections.flotilla.virt.plugins.module_utils._containers.host import LocalHost
from ansible_collections.flotilla.virt.plugins.module_utils._containers.podman.driver import VOLUME, PodmanDriver
from ansible_collections.flotilla.virt.plugins.module_utils._reconcile.annotation import Annotation

from .container_lab import ContainerLab
from .lab import Documents

# A tmp_dir and locks of its own: by the common one another podman's `system reset` makes this one believe that the host was
# booted anew, and it takes all its running containers for stopped ones.
# runc, and limits of processes that a container of this machine may have: crun refuses its mixture of cgroup v1 and v2.
CONF = """[containers]
default_ulimits = ["nofile=1024:1024", "nproc=1024:1024"]
[network]
network_config_dir = "{place}/networks"
network_backend = "netavark"
[engine]
runtime = "runc"
cgroup_manager = "cgroupfs"
events_logger = "file"
volume_path = "{place}/volumes"
tmp_dir = "{place}/tmp"
lock_type = "file"
"""
STORAGE = """[storage]
driver = "overlay"
graphroot = "{place}/storage"
runroot = "{place}/run"
"""
ASKING = {("inspect",), ("ps",), ("container", "inspect"), ("image", "inspect"), ("image", "exists"), ("network", "ls"), ("volume", "ls"),
          ("secret", "ls"), ("--version",)}
# What is another one in each container, whatever is declared.
PASSING = ("Id", "Created", "ResolvConfPath", "HostnamePath", "HostsPath", "StaticDir", "OCIConfigPath", "ConmonPidFile", "PidFile",
           "GraphDriver", "ImageDigest")


def environment(place: Path) -> dict[str, str]:
    """What leads podman to a storage of its own, which is made when it is not there."""
    (place / "networks").mkdir(parents=True, exist_ok=True)
    (place / "containers.conf").write_text(CONF.format(place=place))
    (place / "storage.conf").write_text(STORAGE.format(place=place))
    return {"CONTAINERS_CONF": str(place / "containers.conf"), "CONTAINERS_STORAGE_CONF": str(place / "storage.conf")}


def podman(*words: str, check: bool = True) -> str:
    """What podman prints, called past the wire."""
    return subprocess.run(["podman", *words], capture_output=True, text=True, check=check).stdout


class PodmanLab(ContainerLab):
    """All containers of the podman whose storage the environment names."""

    engine = "podman"

    def __init__(self, images: Mapping[str, str], directory: Path, references: Mapping[str, str] | None = None) -> None:
        super().__init__(LocalHost())
        self.images = dict(images)
        self.references = dict(references or {})
        self.directory = directory

    def asks(self, argv: Sequence[str]) -> bool:
        if argv[0] in ("uname", "id"):
            return True
        return argv[0] == "podman" and (tuple(argv[1:2]) in ASKING or tuple(argv[1:3]) in ASKING)

    def driver(self) -> PodmanDriver:
        return self._driver(False)

    def check_driver(self) -> PodmanDriver:
        return self._driver(True)

    def _driver(self, check: bool) -> PodmanDriver:
        return PodmanDriver(self.host, images=self.images.get, references=self.references.get, check_mode=check,
                            directory=str(self.directory))

    def documents(self) -> Documents:
        found: Documents = {}
        for document in json.loads(podman("inspect", *ids) if (ids := podman("ps", "-aq").split()) else "[]"):
            found["container:%s inspect" % document["Name"]] = json.dumps(document, sort_keys=True)
            if document["State"]["Pid"]:
                found["container:%s limits" % document["Name"]] = in_force(document["State"]["CgroupPath"])
        if self.directory.is_dir():
            for path in sorted(self.directory.iterdir()):
                found["container:%s note" % path.stem] = "%o %s" % (path.stat().st_mode & 0o777, path.read_text())
        found.update(("container:- volume %s" % name, "") for name in self.volumes())
        found.update(("container:%s secret %s" % (name.split("-")[1], name), "") for name in self.secrets())
        return found

    def volumes(self) -> list[str]:
        """The volumes, from podman's own folder: asking podman would cost a process each time."""
        place = self.directory.parent / "volumes"
        return sorted(data.parent.name for data in place.glob("*/_data"))

    def secrets(self) -> list[str]:
        """The secrets, from podman's own file."""
        place = self.directory.parent / "storage/secrets/secrets.json"
        return sorted(json.loads(place.read_text())["nameToID"]) if place.is_file() else []

    def public_documents(self) -> Documents:
        """Our note alone: what podman shows of a secret in a variable it shows to root only."""
        return {key: text for key, text in self.documents().items() if key.endswith(" note")}

    def unnamed(self) -> list[str]:
        """Volumes and secrets that no container has and no note names."""
        documents = self.documents()
        notes = [Annotation.from_json(text.partition(" ")[2], key) for key, text in documents.items() if key.endswith(" note")]
        owned = {name[len(VOLUME):] for note in notes for name in note.owned}
        secrets = {"flotilla-%s-%s" % (key.split()[0].partition(":")[2], name) for key, text in documents.items() if key.endswith(" note")
                   for name in json.loads(text.partition(" ")[2])["facts"].get("made", {}).get("secrets", {})}
        return [key for key in documents if (" volume " in key and key.split()[-1] not in owned)
                or (" secret " in key and key.split()[-1] not in secrets)]

    def lasting(self, note: Annotation) -> Annotation:
        """Less what is made up for each container."""
        return replace(note, facts={name: value for name, value in note.facts.items() if name not in ("token", "id")})

    def belongs(self, key: str, name: str) -> bool:
        return super().belongs(key, name) or " volume " in key

    def clean(self) -> None:
        """Removes every container, volume and secret; the wire forgets."""
        self.wire.clear()
        podman("rm", "--all", "--force", "--time", "0", check=False)
        if self.volumes():
            podman("volume", "rm", "--all", "--force")
        for name in self.secrets():
            podman("secret", "rm", name)
        shutil.rmtree(self.directory, ignore_errors=True)


def in_force(path: str) -> str:
    """The limits in force of a container, as the kernel has them."""
    said = []
    for file in ("memory/%s/memory.limit_in_bytes", "memory/%s/memory.memsw.limit_in_bytes", "cpu/%s/cpu.cfs_quota_us", "cpu/%s/cpu.shares",
                 "cpuset/%s/cpuset.cpus", "%s/memory.max", "%s/memory.swap.max", "%s/cpu.max", "%s/cpu.weight", "%s/cpuset.cpus"):
        place = Path("/sys/fs/cgroup") / (file % path.strip("/"))
        if place.exists():
            said.append("%s=%s" % (place.name, place.read_text().strip()))
    return " ".join(said)


def settled(documents: Documents) -> Documents:
    """The documents less our notes and what is another one in each container."""
    out: Documents = {}
    for key, text in documents.items():
        if key.endswith(" inspect"):
            text = json.dumps(_settled(json.loads(text)), sort_keys=True)
        if not key.endswith(" note"):
            out[key] = text
    return out


def _settled(document: dict[str, Any]) -> dict[str, Any]:
    kept = {key: value for key, value in document.items() if key not in PASSING}
    kept["State"] = document["State"]["Status"]
    own, config = document["Id"], dict(document["Config"])
    config.pop("CreateCommand")
    config["Labels"] = sorted(config["Labels"] or {})
    config["Annotations"] = sorted(config["Annotations"] or {})
    config["Env"] = sorted(word for word in config["Env"] if not word.startswith(("HOSTNAME=", "container_uuid=")))
    config["Secrets"] = sorted(each["Name"] for each in config.get("Secrets") or [])
    kept["Config"] = config
    kept["HostConfig"] = {**document["HostConfig"], "LogConfig": ""}
    networks = document["NetworkSettings"].get("Networks") or {}
    kept["NetworkSettings"] = {name: [network["IPAddress"], network["MacAddress"]] if network.get("MacAddress", "").startswith("52:54") else ""
                               for name, network in networks.items()}
    kept["Mounts"] = sorted(document["Mounts"], key=lambda mount: str(mount["Destination"]))
    return json.loads(json.dumps(kept).replace(own, "ID").replace(own[:12], "ID"))


def leave(environment_of_lab: Mapping[str, str], place: Path) -> None:
    """Takes the storage away; podman keeps layers mounted and a namespace file there."""
    subprocess.run(["podman", "system", "reset", "--force"], env={**os.environ, **environment_of_lab}, capture_output=True, check=False)
    for line in Path("/proc/self/mountinfo").read_text().splitlines()[::-1]:
        target = line.split(" ")[4]
        if target.startswith(str(place)):
            subprocess.run(["umount", target], check=False)
    shutil.rmtree(place, ignore_errors=True)
