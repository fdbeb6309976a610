# Copyright: (c) 2026, flotilla.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Everything about one host, gathered in one pass: what host_info returns."""

from __future__ import annotations

import typing as t

from ansible_collections.flotilla.virt.plugins.module_utils._host import (
    capacity,
    cgroups,
    checks,
    cpu,
    engines,
    init,
    kernel,
    kvm,
    libvirtd,
    remote,
)
from ansible_collections.flotilla.virt.plugins.module_utils._reconcile.errors import EngineError


def gather(uri: str, root: str = "/") -> t.Dict[str, t.Any]:
    """Return the facts about the host that ``uri`` belongs to. Nothing needs to be installed on it.

    Raises EngineError where a remote URI does not answer: this machine's facts would be those of the wrong host.
    """
    connection, reason = libvirtd.connect(uri)
    try:
        libvirt = libvirtd.probe(root, uri, connection, reason)
        if not libvirtd.is_remote(uri):
            return _local(root, libvirt, connection)
        if connection is None:
            raise EngineError(str(reason), "correct uri: the facts of another host can only be read through its libvirt")
        return remote.probe(connection, uri, libvirt)
    finally:
        if connection is not None:
            connection.close()


def _local(root: str, libvirt: t.Dict[str, t.Any], connection: t.Any) -> t.Dict[str, t.Any]:
    facts: t.Dict[str, t.Any] = {"kernel": kernel.probe(root), "cpu": cpu.probe(root), "libvirt": libvirt}
    facts["kvm"] = kvm.probe(root, facts["cpu"]["hardware_virtualization"])
    facts["cgroups"] = cgroups.probe(root)
    facts["service_manager"] = init.service_manager(root)
    facts["engines"] = engines.probe(root, facts)
    facts["capacity"] = capacity.probe(root, libvirtd.pools(connection) if connection else None)
    facts["checks"] = checks.probe(facts, engines.missing_namespaces(root), libvirtd.binding())
    facts["host_ready"] = ready(facts["engines"])
    return facts


def ready(found: t.Mapping[str, t.Mapping[str, t.Any]]) -> bool:
    """Say whether at least one engine can run a guest now; for kvm, emulation counts."""
    return found["kvm"]["emulation"] or any(engine["usable"] for engine in found.values())
