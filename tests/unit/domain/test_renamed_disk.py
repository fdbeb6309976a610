# Copyright: (c) 2026, flotilla.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A disk that gets a new name keeps its volume; one that is no longer declared is detached and named as orphaned."""

from __future__ import annotations

import uuid
from typing import Any, Iterator

import pytest
from ansible_collections.flotilla.virt.plugins.module_utils._libvirt.connection import connect
from ansible_collections.flotilla.virt.plugins.module_utils._libvirt.domain import module
from ansible_collections.flotilla.virt.plugins.module_utils._libvirt.domain.driver import Surroundings
from ansible_collections.flotilla.virt.plugins.module_utils._reconcile import grammar
from ansible_collections.flotilla.virt.plugins.module_utils._reconcile.contract import Request, Result
from ansible_collections.flotilla.virt.plugins.module_utils._reconcile.reconcile import reconcile
from ansible_collections.flotilla.virt.plugins.module_utils._reconcile.secrets import sealer

URI = "test:///default"
ROOT = {"name": "root", "pool": "default-pool", "size": "1GiB"}


class Host:
    """libvirt's test driver. Its state is that of the whole process, so each test has a domain of its own."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.connection = connect(URI)

    def run(self, check_mode: bool = False, **raw: Any) -> Result:
        """One run of a declaration of the domain."""
        problems: list[Any] = []
        spec = grammar.parse_guest({"memory": "64MiB", **raw}, "kvm", "", problems)
        assert not problems
        driver = module.make(self.connection, URI, Surroundings())
        return reconcile(driver, [Request(self.name, spec, fleet="f")], sealer(b"k" * 32), check_mode)[0]


@pytest.fixture
def host() -> Iterator[Host]:
    host = Host("renamed-%s" % uuid.uuid4().hex[:8])
    yield host
    host.run(state="absent", remove_storage=True)


def paths(result: Result) -> list[str]:
    assert not result.failed, result.msg
    return [entry["path"] for entry in result.plan]


@pytest.mark.parametrize("state", ["running", "stopped"])
def test_a_new_name_keeps_the_volume(host: Host, state: str) -> None:
    data = {"name": "data", "pool": "default-pool", "size": "1GiB"}
    host.run(state=state, disks=[ROOT, data])
    renamed = [ROOT, {"name": "archive", "was": "data", "pool": "default-pool", "size": "1GiB"}]
    planned = host.run(check_mode=True, state=state, disks=renamed)
    done = host.run(state=state, disks=renamed)
    assert paths(planned) == paths(done) == ["disks[archive].name"]
    assert [disk["volume"] for disk in done.spec["disks"]] == [f"{host.name}-root.qcow2", f"{host.name}-data.qcow2"]
    assert done.status["orphaned"] == []
    assert paths(host.run(state=state, disks=renamed)) == []
    # `was` may go once the name is known, and the disk can still be changed under its new name.
    assert paths(host.run(state=state, disks=[ROOT, {"name": "archive"}])) == []


def test_a_renamed_disk_no_longer_declared_is_detached(host: Host) -> None:
    data = {"name": "data", "pool": "default-pool", "size": "1GiB"}
    host.run(state="stopped", disks=[ROOT, data])
    host.run(state="stopped", disks=[ROOT, {**data, "name": "archive", "was": "data"}])
    done = host.run(state="stopped", disks=[ROOT])
    assert paths(done) == ["disks[archive]"] and [disk["name"] for disk in done.spec["disks"]] == ["root"]
    assert done.status["orphaned"] == [f"default-pool/{host.name}-data.qcow2"]
    assert paths(host.run(state="stopped", disks=[ROOT])) == []


def test_a_disk_no_longer_declared_is_detached_and_its_volume_named(host: Host) -> None:
    host.run(state="stopped", disks=[ROOT, {"name": "data", "pool": "default-pool", "size": "1GiB"}])
    done = host.run(state="stopped", disks=[ROOT])
    assert paths(done) == ["disks[data]"]
    assert done.status["orphaned"] == [f"default-pool/{host.name}-data.qcow2"]
    again = host.run(state="stopped", disks=[ROOT])
    assert paths(again) == [] and again.status["orphaned"] == [f"default-pool/{host.name}-data.qcow2"]
    assert host.connection.storagePoolLookupByName("default-pool").storageVolLookupByName(f"{host.name}-data.qcow2") is not None
