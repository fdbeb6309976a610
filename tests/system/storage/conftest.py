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

import pytest
from laws.libvirt_lab import NetworkLab

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
def clean(private_uri: str) -> Iterator[None]:
    """Removes what a test left."""
    yield
    NetworkLab(private_uri).wipe()


@pytest.fixture
def pool(connection: Any, folder: Path, clean: None) -> str:
    """A pool of type dir."""
    return make_pool(connection, folder)


def make_pool(connection: Any, folder: Path) -> str:
    """Somebody else makes a pool below a folder."""
    xml = "<pool type='dir'><name>plain</name><target><path>%s/pool</path></target></pool>" % folder
    made = connection.storagePoolDefineXML(xml, 0)
    made.build(0)
    made.create(0)
    return str(made.name())
