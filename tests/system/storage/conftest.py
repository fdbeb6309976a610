# Copyright: (c) 2026, flotilla.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A connection to the tests' own libvirtd, and a folder that it can use."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import libvirt
import pytest

from ansible_collections.flotilla.virt.plugins.module_utils._libvirt.connection import connect


@pytest.fixture(scope="session")
def connection(private_uri: str) -> Iterator[Any]:
    """One connection for all tests."""
    opened = connect(private_uri)
    yield opened
    opened.close()


@pytest.fixture
def folder() -> Iterator[Path]:
    """An empty folder outside of pytest's own, which QEMU may not enter."""
    place = Path(tempfile.mkdtemp(prefix="fvs-"))
    place.chmod(0o755)
    yield place
    shutil.rmtree(place)


@pytest.fixture
def clean(connection: Any) -> Iterator[None]:
    """Removes what a test left."""
    yield
    for network in connection.listAllNetworks(0):
        if network.isActive():
            network.destroy()
        network.undefine()
    for pool in connection.listAllStoragePools(0):
        if pool.isActive():
            pool.destroy()
        pool.undefine()


@pytest.fixture
def pool(connection: Any, folder: Path, clean: None) -> str:
    """A pool of type dir."""
    xml = "<pool type='dir'><name>plain</name><target><path>%s/pool</path></target></pool>" % folder
    made = connection.storagePoolDefineXML(xml, 0)
    made.build(0)
    made.create(0)
    return str(made.name())


def documents(connection: Any) -> dict[str, str]:
    """Every network and pool as libvirt stores it, with whether it is active and starts with the host."""
    found = {}
    for network in connection.listAllNetworks(0):
        flags = libvirt.VIR_NETWORK_XML_INACTIVE if network.isActive() else 0
        found["network " + network.name()] = f"{network.XMLDesc(flags)}{network.isActive()}{network.autostart()}"
        if network.isActive():
            found["live network " + network.name()] = network.XMLDesc(0)
    for pool in connection.listAllStoragePools(0):
        flags = libvirt.VIR_STORAGE_XML_INACTIVE
        found["pool " + pool.name()] = f"{pool.XMLDesc(flags)}{pool.isActive()}{pool.autostart()}"
        if pool.isActive():
            for volume in pool.listAllVolumes(0):
                found[f"volume {pool.name()}/{volume.name()}"] = str(volume.info())
    return found
