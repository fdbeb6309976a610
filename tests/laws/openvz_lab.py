# Copyright: (c) 2026, flotilla.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The lab of OpenVZ containers: the driver on a node of the contract double, both of whose versions it is put through."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from vznode import machine
from vznode.bare import BareNode
from vznode.call import call, log_of
from vznode.node import Config, Node

from ansible_collections.flotilla.virt.plugins.module_utils._containers.command.host import CommandHost
from ansible_collections.flotilla.virt.plugins.module_utils._containers.host import Host, LocalHost, Result
from ansible_collections.flotilla.virt.plugins.module_utils._containers.openvz.driver import OpenvzDriver
from ansible_collections.flotilla.virt.plugins.module_utils._containers.rootfs import RootFs
from ansible_collections.flotilla.virt.plugins.module_utils._reconcile.annotation import Annotation
from ansible_collections.flotilla.virt.plugins.module_utils._reconcile.attachment import Attachment
from ansible_collections.flotilla.virt.plugins.module_utils._reconcile.errors import EngineError

from .container_lab import ContainerLab
from .lab import Documents

PROGRAMS = ("vzctl", "vzlist", "vzpkg")
VIOLATION = 250
"""What the double ends with where a driver must not have sent that."""
_OURS = ("/etc/vz", "/vz")


class NodeHost(LocalHost):
    """A node of the double as a `Host`: its programs run in this process, its /etc/vz and /vz are below its root."""

    programs = PROGRAMS
    there = "/usr/sbin/vzctl"

    def __init__(self, node: Node, bridges: Sequence[str] = ("br0", "br1")) -> None:
        self.node = node
        self.bridges = bridges

    def at(self, path: str) -> str:
        """Where a path of the node is on this machine."""
        return str(self.node.root) + path if path.startswith((*_OURS, self.there)) else path

    def run(self, argv: Sequence[str], stdin: str | None = None, timeout: float | None = None) -> Result:
        if argv[0] not in self.programs:
            return super().run([self.at(word) for word in argv], stdin, timeout)
        if not self.exists(self.there):
            raise EngineError("the command %s is not installed on this host" % argv[0])
        try:
            said = call(self.node, list(argv), (stdin or "").encode(), limit=timeout)
        except TimeoutError:
            raise EngineError("%s did not finish within %g s" % (" ".join(argv), timeout or 0)) from None
        assert not said.violations, "a driver must not send this: %s: %s" % (argv, said.violations)
        return Result(said.rc, said.out, said.err)

    def exists(self, path: str) -> bool:
        if path.startswith("/sys/class/net/"):
            return path.split("/")[4] in self.bridges
        return super().exists(self.at(path))

    def read_file(self, path: str) -> str | None:
        return super().read_file(self.at(path))

    def write_file(self, path: str, text: str, mode: int = 0o644) -> None:
        super().write_file(self.at(path), text, mode)

    def list_dir(self, path: str) -> list[str]:
        return super().list_dir(self.at(path))

    def modified(self, path: str) -> float:
        return super().modified(self.at(path))

    def make_dir(self, path: str, mode: int = 0o755) -> None:
        super().make_dir(self.at(path), mode)

    def rename(self, old: str, new: str) -> None:
        super().rename(self.at(old), self.at(new))

    def remove_file(self, path: str) -> None:
        super().remove_file(self.at(path))

    def remove_dir(self, path: str) -> bool:
        return super().remove_dir(self.at(path))

    def remove_tree(self, path: str) -> None:
        super().remove_tree(self.at(path))

    def rootfs(self, path: str, uid_shift: int = 0, gid_shift: int = 0) -> RootFs:
        return RootFs(self.at(path), uid_shift, gid_shift)

    def read_files(self, paths: Sequence[str]) -> dict[str, str]:
        found = {path: super(NodeHost, self).read_file(self.at(path)) for path in paths}
        return {path: text for path, text in found.items() if text is not None}


class OpenvzLab(ContainerLab):
    """The containers of one node."""

    engine = "openvz"

    def __init__(self, node: Node, templates: Mapping[str, str] | None = None, host: Host | None = None) -> None:
        super().__init__(host or NodeHost(node))
        self.node = node
        self.templates = dict(templates or {})
        # Whose what is left of a removed container is.
        self.seen: dict[str, str] = {}
        program = node.root / "usr/sbin/vzctl"
        program.parent.mkdir(parents=True, exist_ok=True)
        program.touch()

    def asks(self, argv: Sequence[str]) -> bool:
        return argv[0] in ("vzlist", "vzpkg") or list(argv[1:2]) == ["--version"] or (argv[1:2] == ["exec2"] and argv[3].startswith("cat /proc"))

    @staticmethod
    def networks(name: str) -> Attachment | None:
        """Two declared networks, each a bridge of the node."""
        return {"prod": Attachment("br0"), "lab": Attachment("br1")}.get(name)

    def driver(self) -> OpenvzDriver:
        return OpenvzDriver(self.host, self.templates.get, self.networks)

    def check_driver(self) -> OpenvzDriver:
        return OpenvzDriver(self.host, self.templates.get, self.networks, check_mode=True)

    def lasting(self, note: Annotation) -> Annotation:
        """Less the start in which something was noted to wait."""
        waiting = note.facts.get("waiting")
        facts = {**note.facts, "waiting": waiting["values"]} if waiting else note.facts
        return replace(note, facts=facts)

    # -- the documents --------------------------------------------------------------------------------------------

    def idents(self) -> list[str]:
        """Everything that has a configuration, a note or a private area."""
        conf = self.node.etc / "conf"
        found = {path.name.partition(".")[0] for path in conf.iterdir() if "sample" not in path.name and path.name != "0.conf"}
        return sorted(found | {path.name.partition(".")[0] for path in (self.node.vz / "private").iterdir()})

    def name_of(self, ident: str) -> str:
        """The name by which a document belongs to a declaration."""
        path = self.node.etc / f"conf/{ident}.flotilla"
        config = self.node.config(ident) or Config("")
        noted = json.loads(path.read_text())["facts"].get("name") if path.exists() else None
        name = config.values.get("NAME") or noted or self.seen.get(ident, ident)
        self.seen[ident] = name
        return str(name)

    def documents(self) -> Documents:
        found: Documents = {}
        for ident in self.idents():
            found.update({"container:%s %s %s" % (self.name_of(ident), ident, key): text for key, text in self._documents(ident).items()})
        found["names"] = " ".join(sorted(path.name for path in (self.node.etc / "names").iterdir()))
        found["locks"] = " ".join(path.name for path in (self.node.vz / "lock").iterdir())
        return found

    def belongs(self, key: str, name: str) -> bool:
        return super().belongs(key, name) or key == "names"

    def _documents(self, ident: str) -> Documents:
        conf, private = self.node.etc / "conf", self.node.vz / "private"
        found = {"power": self.power(ident)}
        for path in [*conf.glob(ident + ".*"), *private.glob(ident + "/etc/**/*")]:
            if path.is_file() and not path.is_symlink() and not path.name.startswith("ssh_host_"):
                found["file " + str(path.relative_to(self.node.root))] = "%o %s" % (path.stat().st_mode & 0o777, path.read_text(errors="replace"))
        found["private"] = " ".join(sorted(path.name for path in private.glob(ident + "*")))
        return found

    def power(self, ident: str) -> str:
        """State, init, limits in force and addresses inside."""
        pid = self.node.init(ident)
        if not pid:
            return "mounted" if self.node.mounted(ident) else "stopped"
        live = self.node.live(ident)
        shown = subprocess.run(["nsenter", "-t", str(pid), "-n", "-u", "sh", "-c", "ip -o addr | awk '{print $2,$4}'; hostname"],
                               capture_output=True, text=True, check=True).stdout
        lines = sorted(line for line in shown.splitlines() if "fe80:" not in line)
        return "running pid %d limit %d %s %s" % (pid, machine.memory_pages(live)[1], live["settings"].get("CPULIMIT", ""), lines)

    def public_documents(self) -> Documents:
        return {key: text for key, text in self.documents().items() if "/etc/" not in key.partition("vz/private")[2]}

    def unnamed(self) -> list[str]:
        return [ident for ident in self.idents() if not any((self.node.etc / f"conf/{ident}{ending}").exists() for ending in (".conf", ".flotilla"))]

    # -- what tests look at ---------------------------------------------------------------------------------------

    def ident(self, name: str) -> str:
        """The id of a container."""
        return str(self.driver().read([name])[name].handle.ident)

    def init(self, name: str) -> tuple[int, str]:
        """Process id and start of its init: two inits never share both."""
        live = self.node.live(self.ident(name))
        return live["pid"], live["started"]

    def config(self, name: str) -> dict[str, str]:
        """The settings of its configuration."""
        config = self.node.config(self.ident(name))
        assert config is not None
        return config.values

    def inside(self, name: str, *argv: str) -> str:
        """What a program says inside."""
        rc, out, err = machine.enter(self.node, self.ident(name), list(argv), b"")
        assert rc == 0, err
        return out.strip()

    def vzctl(self, *argv: str) -> str:
        """What an administrator does by hand."""
        said = call(self.node, ["vzctl", *argv])
        assert said.rc == 0, said.err
        return said.out

    def vzctl_list(self) -> str:
        """What vzlist shows of every container."""
        return call(self.node, ["vzlist", "-a", "-o", "ctid,name"]).out

    def calls(self) -> list[list[str]]:
        """The command lines so far."""
        return [entry["argv"] for entry in log_of(self.node)]

    def used(self) -> set[tuple[str, str]]:
        """The grammar entries that were used so far."""
        return {(command, option) for entry in log_of(self.node) for command, option in entry["used"]}


class CheckedHost(CommandHost):
    """A node without Python, by commands; what a driver must not send is an error here too."""

    def run(self, argv: Sequence[str], stdin: str | None = None, timeout: float | None = None) -> Result:
        said = super().run(argv, stdin, timeout)
        assert said.rc != VIOLATION, "a driver must not send this: %s: %s" % (argv, said.stderr)
        return said


class CommandLab(OpenvzLab):
    """The containers of a node without Python, by `transport: command`, over a way that runs a line there."""

    def __init__(self, bare: BareNode) -> None:
        self.bare = bare
        self.bare_host = CheckedHost(bare.execute)
        super().__init__(bare.node, host=self.bare_host)


def settled(documents: Documents) -> Documents:
    """The documents less our notes, and the numbers of processes, in which two containers of one declaration differ."""
    out: Documents = {}
    for key, text in documents.items():
        if key.endswith(" power") and text.startswith("running"):
            text = " ".join(["running", *text.split()[3:]])
        if not key.endswith(".flotilla"):
            out[key] = text
    return out


def place_of(path: str) -> Path:
    """The absolute path of a file of the double."""
    return Path(os.path.realpath(path))


Raws = Mapping[str, Any]
