# Copyright: (c) 2026, flotilla.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Everything that the driver may send is in the double's grammar and sent by a test."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from vznode.node import Node

from ansible_collections.flotilla.virt.plugins.module_utils._containers.virtuozzo import command

from vznode.fixtures import TEMPLATE
from .nodes import virtuozzo
from .test_backup import BackupLab
from .test_driver import LAN, SMALL, WAN, edited
from .test_machines import isos, machine

pytestmark = pytest.mark.system
__all__ = ["isos"]
# A word of an action, which is no option.
_WORDS = {("cttemplate", "list"), ("net", "list")}


def test_everything_that_the_driver_may_send_is_sent_by_a_test(
        make_node: Callable[..., Node], isos: list[str]) -> None:  # noqa: F811  pylint: disable=redefined-outer-name
    """A grand tour; the driver's own table and the calls on the node are compared."""
    lab = BackupLab(virtuozzo(make_node))
    _containers(lab)
    _machines(lab, isos)
    lab.backup("web1", type="full", description="tour")
    full = lab.backup("web1", new=True)["backup"]["spec"]["id"]
    lab.backup("web1", state="restored", id=full, fleet="shop", to="web2")
    lab.backup("web1", state="absent", all=True)
    lab.must("web1", {"state": "absent"})
    wanted = {(action, option) for (_program, action), options in command.USES.items() for option in ("", *options)} - _WORDS
    assert wanted - lab.used() == set()


def _containers(lab: BackupLab) -> None:
    lab.must("web1", edited(io={"limit": "10MiB", "iops": 100, "priority": 3}, cpus={"count": 1, "limit": "0.5", "shares": 500, "cpuset": "0"},
                            nics=[WAN, LAN, {"name": "back", "network": "Host-Only"}], container_features={"nfs": True}))
    lab.must("web1", edited(nics=[{**WAN, "address": "192.0.2.11"}, {**LAN, "address": "198.51.100.6/24"}], container_features={"sit": True}))
    lab.must("web1", edited(nics=[WAN], disk="12GiB", container_features={"sit": True}, wait_for="running"))
    lab.must("web1", edited(state="paused", disk="12GiB"))
    lab.must("web1", edited(state="running", disk="12GiB"))
    lab.must("web1", {"state": "stopped"})
    lab.templates["stubborn"] = "stubborn-1-x86_64"
    lab.must("gone", {**SMALL, "image": "stubborn"})
    lab.must("gone", {"state": "stopped", "force_stop": True, "stop_timeout": 1})
    lab.must("gone", {"state": "absent", "remove_storage": True})
    assert TEMPLATE


def _machines(lab: BackupLab, isos: list[str]) -> None:  # noqa: F811  pylint: disable=redefined-outer-name
    lab.must("vm1", machine(isos, media=[{"name": "cd", "file": isos[0]}, {"name": "two", "file": isos[1]}]))
    lab.must("vm1", machine(isos, disks=[{"name": "root", "size": "20GiB"}], media=[{"name": "cd", "file": isos[1]}]))
    assert Path(isos[0]).exists()
