# Copyright: (c) 2026, flotilla.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The lab of containers under any engine that works through a `Host`, and that of LXC.

Another engine's lab says what is LXC's here: its driver, which of its commands only ask, and where its documents are.
"""

from __future__ import annotations

import abc
import os
import shutil
import stat
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from ansible_collections.flotilla.virt.plugins.module_utils._containers.host import Host, LocalHost
from ansible_collections.flotilla.virt.plugins.module_utils._containers.lxc.driver import LxcDriver
from ansible_collections.flotilla.virt.plugins.module_utils._reconcile import grammar
from ansible_collections.flotilla.virt.plugins.module_utils._reconcile.annotation import Annotation
from ansible_collections.flotilla.virt.plugins.module_utils._reconcile.errors import Problem, raise_if_any
from ansible_collections.flotilla.virt.plugins.module_utils._reconcile.schema import Spec

from .host_wire import WiredHost
from .lab import Documents, Lab, Raw
from .wire import Wire

LXC_PATH = Path("/var/lib/lxc")
# Made anew for each container.
SECRETS_OF_ITS_OWN = ("ssh_host_",)


class ContainerLab(Lab):
    """Containers of one engine on one host, seen through a wire."""

    kind = "container"
    engine = ""

    def __init__(self, host: Host) -> None:
        self.wire = Wire()
        self.host = WiredHost(host, self.wire, self.asks)

    @abc.abstractmethod
    def asks(self, argv: Sequence[str]) -> bool:
        """Whether a command only asks. What is not known to is one that changes something, and a place to die."""

    def parse(self, raw: Raw) -> Spec:
        problems: list[Problem] = []
        spec = grammar.parse_guest(raw, self.engine, "", problems)
        raise_if_any(problems)
        return spec

    def belongs(self, key: str, name: str) -> bool:
        return key.startswith("container:%s " % name)


class LxcLab(ContainerLab):
    """Those containers of this machine whose names start with `prefix`; what others have here is not looked at."""

    engine = "lxc"
    path = LXC_PATH

    def __init__(self, images: Mapping[str, str], prefix: str) -> None:
        super().__init__(LocalHost())
        self.images = dict(images)
        self.prefix = prefix

    def asks(self, argv: Sequence[str]) -> bool:
        # Inside, what comes after "--" counts.
        words = list(argv[argv.index("--") + 1:]) if argv[0] == "nsenter" else list(argv)
        return words[0] in ("lxc-info", "uname", "stat", "findmnt") or words[:2] in (["ip", "-j"], ["sysctl", "-n"]) or words[:3:2] == ["btrfs", "show"]

    def driver(self) -> LxcDriver:
        return LxcDriver(self.host, images=self.images.get)

    def check_driver(self) -> LxcDriver:
        return LxcDriver(self.host, images=self.images.get, check_mode=True)

    def names(self) -> list[str]:
        """Everything of ours that has something in its directory. An empty one is nothing, and in nobody's way."""
        return sorted(path.name for path in self.path.glob(self.prefix + "*") if os.listdir(path))

    def documents(self) -> Documents:
        found: Documents = {}
        for name in self.names():
            found.update(self._documents(name))
        return found

    def _documents(self, name: str) -> Documents:
        place = self.path / name
        found = {"container:%s entries" % name: " ".join(sorted(os.listdir(place))), "container:%s power" % name: power(name, self.path)}
        for path in [*place.glob("*"), *place.glob("rootfs*/etc/**/*")]:
            if path.is_file() and not path.is_symlink() and not path.name.startswith(SECRETS_OF_ITS_OWN):
                found["container:%s file %s" % (name, path.relative_to(place))] = "%o %s" % (
                    stat.S_IMODE(path.stat().st_mode), path.read_text(encoding="utf-8", errors="replace"))
        return found

    def public_documents(self) -> Documents:
        """What everybody may know, and our note, which root alone may read and which holds no secret either."""
        return {key: text for key, text in self.documents().items() if "/etc/" not in key}

    def unnamed(self) -> list[str]:
        """Directories that do not say whose they are."""
        return [name for name in self.names() if not {"config", "flotilla.json"}.intersection(os.listdir(self.path / name))]

    def lasting(self, note: Annotation) -> Annotation:
        """Less the process that runs it, and the number of the subvolume that it lies in."""
        return replace(note, facts={name: value for name, value in note.facts.items() if name not in ("started", "subvolume")})

    def clean(self) -> None:
        """Removes every container of ours; the wire forgets."""
        self.wire.clear()
        for name in [path.name for path in self.path.glob(self.prefix + "*")]:
            subprocess.run(["lxc-unfreeze", "-P", str(self.path), "-n", name], capture_output=True, check=False)
            subprocess.run(["lxc-stop", "-P", str(self.path), "-k", "-n", name], capture_output=True, check=False)
            shutil.rmtree(self.path / name)


def power(name: str, path: Path = LXC_PATH) -> str:
    """State, init and the limits in force of a container, by LXC's own commands."""
    said = subprocess.run(["lxc-info", "-P", str(path), "-n", name, "-s", "-p"], capture_output=True, text=True, check=False).stdout
    limits = [subprocess.run(["lxc-cgroup", "-P", str(path), "-n", name, setting], capture_output=True, text=True, check=False).stdout.strip()
              for setting in ("memory.limit_in_bytes", "memory.max", "cpu.cfs_quota_us", "cpu.max")] if "PID" in said else []
    return " ".join(said.split() + [limit for limit in limits if limit])


def settled(documents: Documents) -> Documents:
    """The documents less our notes and the numbers of processes, in which two containers of one declaration differ."""
    out: Documents = {}
    for key, text in documents.items():
        if key.endswith(" power"):
            words = text.split()
            text = " ".join(words[:2] + words[4:]) if "PID:" in words else text
        if not key.endswith("file flotilla.json"):
            out[key] = text
    return out
