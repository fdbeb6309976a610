# Copyright: (c) 2026, flotilla.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Making a domain driver for a connection, and the names and sources of images that it needs."""

from __future__ import annotations

from typing import Any, Dict, List, Mapping, Optional, Sequence

from ..._host import cpu, kvm
from ..._reconcile import grammar, schema
from ..._reconcile.errors import Problem, raise_if_any
from ..._reconcile.plan import Actual
from ..connection import is_local
from ..storage import Storage
from . import addresses, host_keys
from .driver import DomainDriver, Surroundings


def kvm_problem() -> str:
    """Why this machine cannot run KVM guests; empty when it can (device, permissions, CPU)."""
    return kvm.probe(virtualization=cpu.probe()["hardware_virtualization"])["reason"] or ""


def image_sources(raw: Optional[Any], path: str = "images") -> Dict[str, Mapping[str, Any]]:
    """The disk variants of declared images by image name. Raises DeclarationError."""
    problems: List[Problem] = []
    whole = schema.Option("images", "items", options=(schema.Option("name", "name", required=True),) + grammar.IMAGE)
    images = schema.parse_value(whole, raw or [], path, problems) or {}
    raise_if_any(problems)
    return {name: image["disk"] for name, image in images.items() if image.get("disk")}


def make(connection: Any, uri: Optional[str], surroundings: Surroundings) -> DomainDriver:
    """The driver for a connection, or for a host without libvirt (None), which check mode plans against."""
    local = is_local(uri)
    storage = None if connection is None else Storage(connection, local)
    # Through a remote uri only libvirt's own word on kvm domains is to be had.
    return DomainDriver(connection, storage, surroundings, kvm_problem if local else lambda: "", local)


class Observer:
    """Reads domains for an info module, with addresses and SSH host keys where asked for."""

    def __init__(self, driver: DomainDriver, with_addresses: bool, with_host_keys: bool = False) -> None:
        self.driver = driver
        self.rule = driver.rule
        self.with_addresses = with_addresses
        self.with_host_keys = with_host_keys

    def read(self, names: Optional[Sequence[str]]) -> Dict[str, Actual]:
        """The domains of these names (None: all), `status` completed."""
        found = self.driver.read(names)
        leases = None
        for actual in found.values():
            if self.with_addresses and actual.live is not None:
                leases = addresses.all_leases(self.driver.connection) if leases is None else leases
                actual.status["addresses"] = addresses.of(self.driver.connection, actual.handle.domain,
                                                          actual.handle.live(), leases)
        if self.with_host_keys:
            host_keys.add(found)
        return found


__all__ = ["DomainDriver", "Observer", "Surroundings", "image_sources", "kvm_problem", "make"]
