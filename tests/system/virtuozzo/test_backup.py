# Copyright: (c) 2026, flotilla.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Backups of guests on a node of the contract double, whose backups are copies (a simulation)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from laws.virtuozzo_lab import VirtuozzoLab
from vznode.node import Node

from ansible_collections.flotilla.virt.plugins.module_utils._backup.run import run
from ansible_collections.flotilla.virt.plugins.module_utils._containers.virtuozzo.backup import VirtuozzoStore
from ansible_collections.flotilla.virt.plugins.module_utils._reconcile.backups import wanted_of
from ansible_collections.flotilla.virt.plugins.module_utils._reconcile.errors import DeclarationError, EngineError, FlotillaError, Refused

from .nodes import virtuozzo
from .test_driver import SMALL
from .test_machines import isos, machine

pytestmark = pytest.mark.system
__all__ = ["isos"]


class BackupLab(VirtuozzoLab):
    """A node whose guests are backed up."""

    def backup(self, name: str, check: bool = False, **params: Any) -> dict[str, Any]:
        """One run of the module's work."""
        return run(VirtuozzoStore(self.host), wanted_of({"name": name, **params}), check)

    def converge_backup(self, name: str, **params: Any) -> dict[str, Any]:
        """Check mode is true, touches nothing, and the second run changes nothing."""
        before = self.documents(), self.backups()
        foreseen = self.backup(name, True, **params)
        assert (self.documents(), self.backups()) == before
        said = self.backup(name, **params)
        assert (foreseen["changed"], foreseen["plan"]) == (said["changed"], said["plan"])
        after = self.documents(), self.backups()
        assert self.backup(name, **{**params, "new": False})["changed"] is False and (self.documents(), self.backups()) == after
        return said

    def backups(self) -> str:
        """The list as prlctl prints it."""
        return self.prlctl("backup-list", "-f", "--vmtype", "all")


@pytest.fixture
def lab(make_node: Callable[..., Node]) -> BackupLab:
    """A lab with a stopped container."""
    lab = BackupLab(virtuozzo(make_node))
    lab.must("web1", {**SMALL, "state": "stopped"})
    return lab


def write(lab: BackupLab, text: str) -> None:
    """Something that a backup keeps: written into the stopped container's root file system."""
    driver = lab.driver()
    item = driver.read(["web1"])["web1"].handle
    with driver.builder.root_of(item) as root:
        root.write("/etc/motd", text)


def read(lab: BackupLab, name: str = "web1") -> str | None:
    """What is there now."""
    driver = lab.driver()
    with driver.builder.root_of(driver.read([name])[name].handle) as root:
        return root.read("/etc/motd")


def test_a_backup_is_there_full_and_incremental(lab: BackupLab) -> None:
    first = lab.converge_backup("web1", max_age="1h", description="nightly")
    assert first["backup"]["spec"]["type"] == "full" and first["backup"]["spec"]["description"] == "nightly" and first["backup"]["status"]["age"] < 60
    second = lab.converge_backup("web1", new=True)
    assert second["backup"]["spec"]["type"] == "incremental" and second["backup"]["status"]["base"] == first["backup"]["spec"]["id"]
    third = lab.converge_backup("web1", new=True, type="full")
    assert third["backup"]["spec"]["type"] == "full" and len(third["backups"]) == 3
    assert [backup.guest for backup in VirtuozzoStore(lab.host).all(["web1"])] == ["web1"] * 3 and VirtuozzoStore(lab.host).all(["other"]) == []


def test_a_backup_is_removed_with_what_stands_on_it(lab: BackupLab) -> None:
    full = lab.backup("web1")["backup"]["spec"]["id"]
    increment = lab.backup("web1", new=True)["backup"]["spec"]["id"]
    other = lab.backup("web1", new=True, type="full")["backup"]["spec"]["id"]
    said = lab.converge_backup("web1", state="absent", id=full)
    assert [entry["path"] for entry in said["plan"]] == ["backups[%s]" % full, "backups[%s]" % increment]
    assert [each["spec"]["id"] for each in said["backups"]] == [other]
    lab.backup("web1", new=True)
    assert lab.converge_backup("web1", state="absent", all=True)["backups"] == []


def test_a_guest_is_restored_in_its_place(lab: BackupLab) -> None:
    write(lab, "before\n")
    ident = lab.backup("web1")["backup"]["spec"]["id"]
    write(lab, "after\n")
    lab.converge_backup("web1", state="restored", id=ident, fleet="shop")
    assert read(lab) == "before\n"
    write(lab, "later\n")
    assert not lab.backup("web1", state="restored", id=ident, fleet="shop")["changed"] and read(lab) == "later\n"
    assert lab.backup("web1", state="restored", id=ident, new=True, fleet="shop")["changed"] and read(lab) == "before\n"
    assert not lab.must("web1", {**SMALL, "state": "stopped"}).changed


def test_a_guest_is_restored_to_another_name(lab: BackupLab) -> None:
    write(lab, "before\n")
    lab.must("web1", {**SMALL, "state": "running"})
    lab.backup("web1")
    lab.converge_backup("web1", state="restored", to="web2")
    assert read(lab, "web2") == "before\n" and lab.shown("web1")["State"] == "running"
    assert lab.annotation("web2") is None


def test_a_guest_that_is_gone_is_restored(lab: BackupLab) -> None:
    write(lab, "before\n")
    lab.backup("web1")
    lab.must("web1", {"state": "absent", "remove_storage": True})
    lab.converge_backup("web1", state="restored")
    assert read(lab) == "before\n"


def test_a_machine_is_backed_up_too(lab: BackupLab, isos: list[str]) -> None:  # noqa: F811  pylint: disable=redefined-outer-name
    lab.must("vm1", machine(isos))
    assert lab.converge_backup("vm1", type="full")["backup"]["name"] == "vm1"


@pytest.mark.parametrize("name, params, words", [
    ("nosuch", {}, "no guest nosuch"), ("web1", {"state": "restored"}, "no backup"), ("web1", {"description": "$(id)"}, "description"),
    ("web1", {"state": "absent", "id": "x", "all": True}, "id"),
])
def test_what_is_refused(lab: BackupLab, name: str, params: dict[str, Any], words: str) -> None:
    with pytest.raises((Refused, DeclarationError), match=words):
        lab.backup(name, **params)


def test_a_running_or_protected_guest_is_not_restored_in_its_place(lab: BackupLab) -> None:
    lab.backup("web1")
    lab.must("web1", {**SMALL, "state": "stopped", "protect": True})
    with pytest.raises(Refused, match="belongs to fleet"):
        lab.backup("web1", state="restored")
    with pytest.raises(Refused, match="is protected"):
        lab.backup("web1", state="restored", fleet="shop")
    lab.must("web1", {**SMALL, "state": "running", "protect": False})
    with pytest.raises(Refused, match="only a stopped one"):
        lab.backup("web1", state="restored", fleet="shop")


def test_without_virtuozzo(lab: BackupLab) -> None:
    (lab.node.root / "usr/bin/prlctl").unlink()
    with pytest.raises(EngineError, match="not installed"):
        lab.backup("web1")
    assert VirtuozzoStore(lab.host).all(None) == []
    assert issubclass(Refused, FlotillaError)
