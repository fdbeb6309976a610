# Copyright: (c) 2026, flotilla.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""libvirt as the host has it: installed, answering, and with which storage pools. Read-only throughout."""

from __future__ import annotations

import importlib
import sys
import typing as t
import xml.etree.ElementTree as ET
from urllib.parse import urlsplit

from ansible_collections.flotilla.virt.plugins.module_utils._host import capacity, commands

# The monolithic daemon, and the one that took over the QEMU driver from it (Fedora 35, RHEL 9, SLE 15 SP6).
DAEMONS = ("libvirtd", "virtqemud")

# libvirt counts versions as major * 1,000,000 + minor * 1,000 + release (virConnectGetLibVersion).
_MAJOR, _MINOR = 1000000, 1000


def is_remote(uri: str) -> bool:
    """Say whether a libvirt URI names another machine, so that probing this one would tell nothing about it."""
    return bool(urlsplit(uri).hostname)


def version_text(number: int) -> str:
    """Write libvirt's version number as people do: 9000000 is ``9.0.0``."""
    return "%d.%d.%d" % (number // _MAJOR, number % _MAJOR // _MINOR, number % _MINOR)


def binding() -> t.Dict[str, t.Any]:
    """Return the Python that runs modules on this host, and the ``reason`` why it cannot import libvirt, if so.

    ``distribution`` says whether it is the distribution's own Python, for which libvirt's binding comes as a package.
    """
    try:
        importlib.import_module("libvirt")
        reason = None
    except ImportError as error:
        reason = "%s cannot import libvirt (%s)" % (sys.executable, error)
    return {"executable": sys.executable, "distribution": sys.prefix == "/usr", "reason": reason}


def connect(uri: str) -> t.Tuple[t.Any, t.Optional[str]]:
    """Open a read-only connection. Returns it, or None and the reason why libvirt does not answer."""
    missing = binding()["reason"]
    if missing is not None:
        return None, missing
    libvirt = importlib.import_module("libvirt")
    # Without a handler of our own, libvirt prints each error to standard error, which Ansible would show as noise.
    libvirt.registerErrorHandler(lambda context, error: None, None)
    try:
        return libvirt.openReadOnly(uri), None
    except libvirt.libvirtError as error:
        return None, "libvirt does not answer at %s: %s" % (uri, error.get_error_message())


def _pool(pool: t.Any) -> t.Dict[str, t.Any]:
    """Return one pool; an inactive one has no sizes, since libvirt does not look at its storage."""
    import libvirt

    document = ET.fromstring(pool.XMLDesc(0))
    state, total, _allocated, available = pool.info()
    active = state == libvirt.VIR_STORAGE_POOL_RUNNING
    return {
        "name": pool.name(),
        "type": document.get("type"),
        "active": active,
        "capacity": capacity.size(total) if active else None,
        "available": capacity.size(available) if active else None,
    }


def pools(connection: t.Any) -> t.List[t.Dict[str, t.Any]]:
    """Return the storage pools by name. A driver without storage (lxc) has none; a pool that vanishes meanwhile is left out."""
    import libvirt

    found = []
    try:
        listed = connection.listAllStoragePools(0)
    except libvirt.libvirtError as error:
        if error.get_error_code() == libvirt.VIR_ERR_NO_SUPPORT:
            return []
        raise
    for pool in listed:
        try:
            found.append(_pool(pool))
        except libvirt.libvirtError as error:
            if error.get_error_code() != libvirt.VIR_ERR_NO_STORAGE_POOL:
                raise
    return sorted(found, key=lambda item: item["name"])


def probe(root: str, uri: str, connection: t.Any, reason: t.Optional[str]) -> t.Dict[str, t.Any]:
    """Return ``uri``, ``installed`` (None where the URI is remote), ``answers``, ``version`` and the ``reason`` of a silence."""
    if is_remote(uri):
        installed = True if connection else None
    else:
        installed = any(commands.find(root, name) for name in DAEMONS)
    if connection is None and installed is False:
        reason = "libvirt is not installed (no %s)" % " and no ".join(DAEMONS)
    return {
        "uri": uri,
        "installed": installed,
        "answers": connection is not None,
        "version": version_text(connection.getLibVersion()) if connection else None,
        "reason": reason,
    }
