# Copyright: (c) 2026, flotilla.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A guest that has booted reads a changed cloud_init again only where a run says `reseed`, and then at its next start."""

from __future__ import annotations

from typing import Any

import pytest
from laws import laws
from laws.domain_lab import DomainLab

from .test_laws import CREATION, fresh_of, restart, same

pytestmark = pytest.mark.system

BOOTED = dict(CREATION, state="paused")
CHANGED = dict(BOOTED, cloud_init={"hostname": "other"})
AGAIN = dict(BOOTED, cloud_init={"hostname": "other", "reseed": True})


def seeds(lab: DomainLab) -> list[bytes]:
    """The contents of the seeds that are there."""
    pool = lab.raw.storagePoolLookupByName("fast")
    pool.refresh()
    found = []
    for volume in pool.listAllVolumes():
        if "-seed-" in volume.name():
            with open(volume.path(), "rb") as image:
                found.append(image.read())
    return found


def instance(seed: bytes) -> bytes:
    return seed.split(b'"instance-id": "')[1].split(b'"')[0]


def reasons(result: Any) -> dict[str, str]:
    return {path: reason for path, (_running, _stored, reason) in laws.pendings(result).items()}


def test_a_booted_guest_keeps_its_seed_until_it_is_told_to_read_another(lab: DomainLab) -> None:
    laws.converge(lab, "web", BOOTED)
    first = seeds(lab)
    assert set(reasons(laws.converge(lab, "web", CHANGED)).values()) == {"first boot only"}
    assert seeds(lab) == first

    result = laws.converge(lab, "web", AGAIN)
    assert laws.entries(result)["cloud_init.reseed"][2] == "restart"
    assert "runs again" in reasons(result)["cloud_init.reseed"]
    assert "reseed" not in result.spec["cloud_init"]
    new = [seed for seed in seeds(lab) if seed not in first]
    assert len(new) == 1 and instance(new[0]).startswith(instance(first[0]) + b"+")
    assert b"ssh_deletekeys" in new[0] and b"ssh_deletekeys" not in first[0]

    restart(lab, "web")
    assert laws.converge(lab, "web", AGAIN).pending == []
    assert laws.converge(lab, "web", CHANGED).pending == []


def test_on_change_restart_lets_it_read_the_seed_at_once(lab: DomainLab) -> None:
    laws.converge(lab, "web", BOOTED)
    process = lab.raw.lookupByName("web").ID()
    result = laws.converge(lab, "web", dict(AGAIN, on_change="restart", force_stop=True, stop_timeout=0))
    assert result.changed and result.pending == []
    assert lab.raw.lookupByName("web").ID() != process


def test_a_stopped_guest_reads_it_when_it_starts(lab: DomainLab) -> None:
    laws.converge(lab, "web", BOOTED)
    lab.raw.lookupByName("web").destroy()
    assert laws.converge(lab, "web", dict(AGAIN, state="stopped")).pending == []
    assert len(seeds(lab)) == 1
    assert laws.converge(lab, "web", CHANGED).pending == []


def test_without_reseed_nothing_is_reseeded(lab: DomainLab) -> None:
    laws.converge(lab, "web", BOOTED)
    first = seeds(lab)
    assert laws.converge(lab, "web", dict(BOOTED, cloud_init={**CREATION["cloud_init"], "reseed": False})).changed is False
    assert seeds(lab) == first


def test_reseeding_survives_being_killed_anywhere(lab: DomainLab) -> None:
    stopped = dict(AGAIN, state="stopped")
    earlier = [dict(BOOTED, force_stop=True, stop_timeout=0), dict(BOOTED, state="stopped", force_stop=True, stop_timeout=0)]
    assert laws.assert_killed_runs_are_finished(fresh_of(lab), "web", stopped, earlier, same) >= 3
