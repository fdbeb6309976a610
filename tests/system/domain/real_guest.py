# Copyright: (c) 2026, flotilla.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A Debian guest that runs, seen from inside (its agent) and from outside (libvirt's calls and QEMU's own monitor)."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import libvirt_qemu
from ansible_collections.flotilla.virt.plugins.module_utils._libvirt.domain import agent
from ansible_collections.flotilla.virt.plugins.module_utils._libvirt.domain.driver import Surroundings
from ansible_collections.flotilla.virt.plugins.module_utils._reconcile.contract import Result
from ansible_collections.flotilla.virt.plugins.module_utils._reconcile.merge import merge_sources
from laws import laws
from laws.domain_lab import DomainLab
from support.until import until

Raw = Mapping[str, Any]
SECONDS = 300  # the deadline is for a machine much slower than ours
CMDLINE = "root=LABEL=root console=ttyS0 quiet cloud-init=disabled systemd.mask=systemd-networkd-wait-online.service"


def boot_files(images: Mapping[str, str], folder: Path) -> dict[str, str]:
    """Kernel and initial RAM disk where libvirt may change their owner, and the command line."""
    for part in ("kernel", "initrd"):
        shutil.copy(os.path.realpath(images[part]), folder / part)
    return {"kernel": str(folder / "kernel"), "initrd": str(folder / "initrd"), "cmdline": CMDLINE}


def base_of(system: Mapping[str, Any], **more: Any) -> dict[str, Any]:
    """The declaration of a guest that boots the image directly and answers by its agent."""
    return {"virtualization": "qemu", "state": "running", "cpus": {"count": 2, "maximum": 4}, "memory": {"size": "512MiB", "maximum": "768MiB"},
            "os": dict(system), "disks": [{"name": "root", "pool": "fast", "image": "debian-12"}],
            "nics": [{"name": "lan", "network": "lan"}], "wait_for": {"what": "agent", "timeout": 900}, **more}


def surroundings(images: Mapping[str, str]) -> Surroundings:
    """The image that the guests' disks are clones of."""
    return Surroundings(images={"debian-12": {"path": os.path.realpath(images["disk"])}})


class Guest:
    """One running guest with the declaration that it was made with."""

    def __init__(self, lab: DomainLab, name: str, base: Raw, enter: Sequence[str]) -> None:
        self.lab = lab
        self.name = name
        self.base = dict(base)
        self.enter = list(enter)
        self.boot_id = ""
        self.process = 0

    @property
    def domain(self) -> Any:
        """libvirt's object, by which the tests ask what the product says that it has done."""
        return self.lab.raw.lookupByName(self.name)

    def start(self) -> Result:
        """Makes the guest and waits for its agent."""
        result = self.lab.must(self.name, self.base)
        self.complies(self.base)
        return result

    def complies(self, raw: Raw) -> None:
        """Waits until the booted guest has done all that it was asked for (its balloon takes a while)."""
        until(lambda: not self.lab.must(self.name, raw).pending, "nothing is pending")
        self.settle()

    def settle(self) -> None:
        """From now on this boot, and this process, is the one that changes must not end."""
        self.boot_id, self.process = self.booted(), self.domain.ID()

    def booted(self) -> str:
        """The kernel's own identity of this boot."""
        return self.sh("cat /proc/sys/kernel/random/boot_id")

    def sh(self, script: str) -> str:
        """What a shell script prints inside the guest."""
        def ran() -> Any:
            try:
                return agent.run(self.domain, ["/bin/sh", "-c", script], SECONDS)
            except agent.AgentError:
                return None
        _code, output = until(ran, "the agent runs %r" % script)
        return str(output).strip()

    def sees(self, script: str, words: str) -> None:
        """Waits until a script inside the guest prints exactly these words."""
        seen = []

        def same() -> bool:
            seen[:] = [" ".join(self.sh(script).split())]
            return seen[0] == words
        try:
            until(same, "", 60)
        except AssertionError:
            raise AssertionError("%s printed %r and never %r" % (script, seen, words)) from None

    def qemu(self, command: str, **arguments: Any) -> Any:
        """QEMU's own answer (QMP)."""
        text = json.dumps({"execute": command, "arguments": arguments})
        return json.loads(libvirt_qemu.qemuMonitorCommand(self.domain, text, 0))["return"]

    def monitor(self, command: str) -> str:
        """QEMU's answer to a command for people."""
        return str(libvirt_qemu.qemuMonitorCommand(self.domain, command, libvirt_qemu.VIR_DOMAIN_QEMU_MONITOR_COMMAND_HMP))

    def on_host(self, *argv: str) -> str:
        """What a command prints in the namespaces of the guest's libvirtd."""
        return subprocess.run([*self.enter, *argv], check=True, capture_output=True, text=True).stdout

    def live(self) -> Any:
        """The running document."""
        return self.lab.live(self.name)

    def declared(self, more: Raw) -> dict[str, Any]:
        """The guest's declaration with more of it; lists of things merge by name."""
        return merge_sources([("base", self.base), ("more", more)]).value

    def has(self, more: Raw) -> Result:
        """Check, apply, again nothing: done on the running guest, nothing pending, the same process and the same boot."""
        result = laws.converge(self.lab, self.name, self.declared(more))
        assert not result.pending, result.pending
        assert all(entry["impact"] == "live" for entry in result.plan), result.plan
        self.same_boot()
        return result

    def same_boot(self) -> None:
        """Neither the process nor the guest's system has been started anew."""
        assert self.domain.ID() == self.process, "another QEMU process"
        assert self.booted() == self.boot_id, "the guest has booted again"
