# Copyright: (c) 2026, flotilla.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the domain driver knows of its host, and what that says of a guest: platform, capabilities, system, profile."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any, Dict, Mapping, Optional, Set, Tuple
from xml.etree.ElementTree import Element

from ..._reconcile.contract import Request, Work
from ..._reconcile.errors import join_path
from ..._reconcile.plan import Actual
from ..connection import documents_of, libvirt, translated
from ..storage import Storage
from . import about, build, choices, profiles

NVRAM_DIRECTORY = "/var/lib/libvirt/qemu/nvram"
# Logs and firmware variables in a document.
_FILES = re.compile(r"<log file='([^']+)'|<nvram[^>]*>([^<]+)</nvram>")


@dataclass
class Surroundings:
    """What a fleet declares beside its guests, which need not be there yet when a domain is planned.

    images: disk sources by image name. pools, networks: names that this run will make.
    """

    images: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    pools: Set[str] = field(default_factory=set)
    networks: Set[str] = field(default_factory=set)


class DomainHost:
    """One host of guests. `connection` None is a host without libvirt, which check mode plans against.

    local: whether the files of the host are this machine's.
    """

    def __init__(self, connection: Any, storage: Optional[Storage], surroundings: Surroundings,
                 kvm_problem: choices.KvmProblem, local: bool) -> None:
        self.connection = connection
        self.ready = connection is not None
        self.storage = Storage(connection, local) if storage is None else storage
        self.surroundings = surroundings
        self.local = local
        self.kvm_problem = kvm_problem
        self._capabilities: Optional[choices.Capabilities] = None
        self._files: Optional[Dict[str, str]] = None

    @property
    def test(self) -> bool:
        """Whether this is libvirt's test driver, which has no hardware and no QEMU."""
        return self.ready and bool(self.connection.getType() == "TEST")

    def capable(self) -> choices.Capabilities:
        """What libvirt offers here, read when it is first asked for."""
        if self._capabilities is None:
            with translated("read the capabilities of the host"):
                self._capabilities = choices.Capabilities(self.connection, self.kvm_problem)
        return self._capabilities

    def platform(self, request: Request) -> Tuple[build.Platform, str]:
        """The platform of a new domain, and a sentence about it where it is emulated."""
        return self.capable().platform(request.option("virtualization", "kvm"), request)

    def architecture(self, spec: Mapping[str, Any]) -> str:
        """The architecture of a guest: as declared, else the host's own."""
        return str(spec.get("os", {}).get("architecture") or self.capable().architecture())

    def domain_capabilities(self, work: Work) -> Optional[Element]:
        """What QEMU can do for this guest; None where nobody can be asked. Raises DeclarationError for a machine that there is not."""
        if not self.ready or self.test:
            return None
        system = work.want.get("os", {})
        if work.actual is None:
            platform = self.platform(work.request)[0]
            kind, architecture, machine = platform.domain_type, platform.architecture, system.get("machine") or platform.machine
        else:
            stored = work.actual.stored.get("os", {})
            kind = work.actual.status["virtualization"]
            architecture, machine = stored.get("architecture"), system.get("machine") or stored.get("machine")
        return self.capable().of_domain(kind, architecture, machine, join_path(work.request.where, "os", "machine"))

    def console_log(self, work: Work) -> str:
        """Where the console of a new guest is kept: not where one that had its name before has it."""
        path = build.console_log(work.name, choices.LOG_DIRECTORY)
        return path if self._is_free(path, work) else build.console_log(_other_name(work), choices.LOG_DIRECTORY)

    def nvram(self, work: Work) -> str:
        """Where the firmware variables of a new guest are to be; empty for the place that libvirt derives from the name.

        One that had its name before still has them there.
        """
        return "" if self._is_free(derived_nvram(work.name), work) else derived_nvram(_other_name(work))

    def _is_free(self, path: str, work: Work) -> bool:
        """Whether no other domain keeps something in this file; all are read for the first that asks."""
        if self._files is None:
            self._files = {}
            for name, text in documents_of(self.connection, libvirt.VIR_DOMAIN_XML_INACTIVE) if self.ready else ():
                for log, nvram in _FILES.findall(text):
                    self._files[log or nvram] = name
        return self._files.get(path, work.name) == work.name

    def profile(self, request: Request, actual: Optional[Actual]) -> Mapping[str, Any]:
        """The defaults of this guest; of one that is there already, only those of its new devices count."""
        if not self.ready:
            return profiles.profile(request.declared.get("os", {}), "x86_64", "q35", False)
        if actual is None:
            return self.capable().profile(request)
        system = {**request.declared.get("os", {}), **actual.stored.get("os", {})}
        return profiles.profile(system, system.get("architecture", "x86_64"), system.get("machine", ""), False)


def derived_nvram(name: str) -> str:
    """Where libvirt keeps the firmware variables of a guest whose document names no place (qemuDomainNVRAMPathFormat)."""
    return "%s/%s_VARS.fd" % (NVRAM_DIRECTORY, name)


def _other_name(work: Work) -> str:
    return "%s-%s" % (work.name, about.uuid(work)[:8])
