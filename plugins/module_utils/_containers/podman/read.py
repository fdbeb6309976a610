# Copyright: (c) 2026, flotilla.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""One bulk read of a host: every podman container with its inspection, image, annotation and limits in force.

All of it costs one `podman ps` for the ids, one `podman container inspect` for all of them and one `podman image inspect` for
the images of those that somebody else made; limits in force are read from the cgroups, without a process.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any, Dict, Iterable, List, Mapping, Optional, Sequence

from ..._reconcile import kinds
from ..._reconcile.annotation import Annotation
from .. import cgroup
from ..host import Host
from . import limits
from .command import Document, Podman

DIRECTORY = "/var/lib/containers/flotilla"
"""Where the last declarations lie: beside podman's own storage. Labels cannot change after a container was made."""
LABEL = "urn.flotilla.virt"
RUNNING, PAUSED, STOPPED, ABSENT = "running", "paused", "stopped", "absent"
# `stopping` is what podman shows of a container that was asked to stop and has not yet done so.
_STATES = {"running": RUNNING, "stopping": RUNNING, "paused": PAUSED, "created": STOPPED, "configured": STOPPED,
           "exited": STOPPED, "stopped": STOPPED, "initialized": STOPPED}


@dataclass
class Container:
    """What a host has of one container. `document` is None where only an annotation has the name."""

    name: str
    # Never printed: podman shows in it what a secret in a variable is.
    document: Optional[Document] = field(default=None, repr=False)
    image: Document = field(default_factory=dict, repr=False)
    note: Optional[Annotation] = None
    cgroups: Dict[str, str] = field(default_factory=dict)
    stored: limits.Limits = field(default_factory=dict)
    asked: limits.Limits = field(default_factory=dict)
    live: Optional[limits.Limits] = None

    def part(self, *names: str) -> Any:
        """Something of the inspection, such as `part("State", "Pid")`; None where it is not there."""
        found: Any = self.document
        for name in names:
            found = found.get(name) if isinstance(found, Mapping) else None
        return found

    @property
    def state(self) -> str:
        """Running, paused, stopped, or podman's own word for what is none of these."""
        if self.document is None:
            return ABSENT
        word = str(self.part("State", "Status") or "").lower()
        return _STATES.get(word, word)

    @property
    def init(self) -> int:
        """The process id of its first process; 0 where it does not run."""
        return int(self.part("State", "Pid") or 0) if self.state in (RUNNING, PAUSED) else 0

    @property
    def by_podman_5(self) -> bool:
        """Whether podman 5 or later showed it: since then the signal that stops it is a word, and was a number. No process is asked."""
        return isinstance(self.part("Config", "StopSignal"), str)

    @property
    def facts(self) -> Mapping[str, Any]:
        """What was noted about this very container."""
        return self.note.facts if self.note is not None else {}

    @property
    def made(self) -> Optional[Mapping[str, Any]]:
        """What it was made with, where this collection made it. podman changes none of that later."""
        return self.facts.get("made") if self.note is not None and self.facts.get("token") else None


class Reader:
    """Reads the containers of one host."""

    def __init__(self, podman: Podman, directory: str = DIRECTORY) -> None:
        self.podman = podman
        self.host: Host = podman.host
        self.directory = directory
        self._images: Dict[str, Document] = {}

    def path(self, name: str) -> str:
        """The file of a container's last declaration."""
        return "%s/%s.json" % (self.directory, name)

    def every_cpu(self) -> str:
        """The CPUs of the host that are in use, such as `0-3`."""
        return kinds.number_set((self.host.read_file("/sys/devices/system/cpu/online") or "0").strip())

    def read(self, names: Optional[Sequence[str]] = None) -> Dict[str, Container]:
        """All containers of the host, or the named ones, and what is only begun or left of one."""
        notes = self._notes(names)
        documents: List[Document] = []
        if self.podman.installed():
            asked = list(names) if names is not None else self.podman.container_ids()
            documents = [document for document in self.podman.inspect("container", asked) if not document.get("IsInfra")]
        found = {}
        for document in documents:
            # podman also takes the beginning of an id for a name.
            if names is None or document["Name"] in names:
                found[document["Name"]] = Container(document["Name"], document)
        for name, note in notes.items():
            item = found.setdefault(name, Container(name))
            item.note = note if item.document is None or is_of(note, item.document) else None
        self._add_images([item for item in found.values() if item.document is not None and item.made is None])
        for item in found.values():
            if item.document is not None:
                item.stored = limits.stored(item.part("HostConfig") or {})
                item.asked = {**item.stored, **(item.facts.get("limits") or {})}
        self._add_live(found.values())
        return found

    def _notes(self, names: Optional[Sequence[str]]) -> Dict[str, Annotation]:
        if names is None:
            # Root's notes are about root's containers, which an ordinary user's podman does not have.
            if self.podman.installed() and not self.podman.is_root():
                return {}
            names = [entry[:-len(".json")] for entry in self.host.list_dir(self.directory) if entry.endswith(".json")]
        paths = {self.path(name): name for name in names}
        texts = self.host.read_files(list(paths))
        return {paths[path]: Annotation.from_json(text, "container %s" % paths[path]) for path, text in texts.items()}

    def _add_images(self, items: Sequence[Container]) -> None:
        """The image's own defaults: what a container of somebody else's has beyond them was said when it was made.

        Ours have that in their annotation, so that for them no process is spent.
        """
        wanted = {item.part("Image"): item for item in items}
        new = [each for each in wanted if each and each not in self._images]
        for document in self.podman.inspect("image", new):
            self._images[document["Id"]] = document
        for item in items:
            item.image = self._images.get(item.part("Image") or "", {})

    def _add_live(self, items: Iterable[Container]) -> None:
        up = [item for item in items if item.init]
        if not up:
            return
        hierarchies, every_cpu = cgroup.probe(self.host), self.every_cpu()
        texts = self.host.read_files(["/proc/%d/cgroup" % item.init for item in up])
        places = {}
        for item in up:
            item.cgroups = cgroups_of(texts.get("/proc/%d/cgroup" % item.init, ""), item.part("Id"))
            places[item.name] = limits.files(item.cgroups, hierarchies)
        values = self.host.read_files([path for of_one in places.values() for path in of_one.values()])
        for item in up:
            mine = {setting: values[path] for setting, path in places[item.name].items() if path in values}
            item.live = limits.live(mine, item.asked, every_cpu)


def is_of(note: Annotation, document: Document) -> bool:
    """Whether an annotation is about this very container, and not about an earlier one of that name."""
    if note.facts.get("token"):
        labels = (document.get("Config") or {}).get("Labels") or {}
        return bool(labels.get(LABEL) == note.facts["token"])
    return bool(note.facts.get("id") == document.get("Id"))


def cgroups_of(text: str, container: str) -> Dict[str, str]:
    """The container's own cgroup in each hierarchy ('' is v2), from its first process's /proc/PID/cgroup.

    Limits stand at the one that podman made, `libpod-ID` or `libpod-ID.scope`: a systemd inside, or crun, goes further down.
    """
    pattern = re.compile(r".*?/libpod-%s(\.scope)?(?=/|\Z)" % re.escape(container))
    found = {}
    for line in text.splitlines():
        controllers, _colon, path = line.partition(":")[2].partition(":")
        match = pattern.match(path)
        for controller in controllers.split(","):
            found[controller] = match.group(0) if match else path
    return found
