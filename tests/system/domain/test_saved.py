# Copyright: (c) 2026, flotilla.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A guest that was saved while it ran (managed save): it is stopped, says so, and loses its memory only with consent."""

from __future__ import annotations

from typing import Any

import pytest
from laws import laws
from laws.domain_lab import DomainLab

from .test_laws import HELD

pytestmark = pytest.mark.system

STOPPED = dict(HELD, state="stopped")
# What no running guest takes, and what one does.
LATER, NOW = {"cpus": {"count": 1, "maximum": 4}}, {"cpus": {"count": 1, "emulator_pin": "0"}}
NOT_IN_IT = "the guest was saved without it, and is restored as it was"


@pytest.fixture(name="saved")
def _saved(lab: DomainLab) -> DomainLab:
    """A host with the guest `web`, saved with something pending."""
    laws.converge(lab, "web", HELD)
    assert "cpus.maximum" in laws.pendings(laws.converge(lab, "web", dict(HELD, **LATER)))
    lab.raw.lookupByName("web").managedSave()
    return lab


def image(lab: DomainLab) -> bool:
    return bool(lab.raw.lookupByName("web").hasManagedSaveImage())


def test_it_reads_as_stopped_and_saved_with_what_is_pending(saved: DomainLab) -> None:
    result = laws.converge(saved, "web", dict(STOPPED, **LATER))
    assert (result.changed, result.status["state"], result.status["saved"]) == (False, "stopped", True)
    assert laws.pendings(result)["cpus.maximum"] == (1, 4, "the CPU ceiling is fixed when the guest starts")
    assert image(saved)


def test_what_changes_meanwhile_is_stored_and_pending(saved: DomainLab) -> None:
    raw = dict(STOPPED, cpus={**LATER["cpus"], **NOW["cpus"]})
    result = laws.converge(saved, "web", raw)
    assert laws.entries(result)["cpus.emulator_pin"][2] == "restart"
    assert laws.pendings(result)["cpus.emulator_pin"] == (None, "0", NOT_IN_IT)
    assert image(saved)


def test_starting_restores_it_with_what_was_pending(saved: DomainLab) -> None:
    result = laws.converge(saved, "web", dict(HELD, **LATER))
    assert result.status["state"] == "paused" and "saved" not in result.status
    assert list(laws.pendings(result)) == ["cpus.maximum"]
    assert saved.live("web").find("vcpu").text == "1" and not image(saved)


def test_a_guest_that_was_saved_while_paused_runs_when_that_is_declared(saved: DomainLab) -> None:
    assert laws.converge(saved, "web", dict(HELD, state="running", **LATER)).status["state"] == "running"


def test_what_the_restored_guest_can_take_is_given_to_it(saved: DomainLab) -> None:
    raw = dict(HELD, title="t", cpus={**LATER["cpus"], **NOW["cpus"]}, disks=HELD["disks"] + [{"name": "more", "pool": "fast", "size": "1MiB"}])
    result = laws.converge(saved, "web", raw)
    assert {path: impact for path, (_before, _after, impact) in laws.entries(result).items()} == {
        "state": "live", "title": "live", "cpus.emulator_pin": "live", "disks[more]": "live"}
    assert list(laws.pendings(result)) == ["cpus.maximum"]
    live = saved.live("web")
    assert live.find("title").text == "t" and len(live.findall("devices/disk")) == 2


def test_on_change_restart_restores_stops_and_starts_it(saved: DomainLab) -> None:
    result = laws.converge(saved, "web", dict(HELD, on_change="restart", force_stop=True, stop_timeout=0, **LATER))
    assert result.changed and result.pending == [] and not image(saved)
    assert saved.live("web").find("vcpu").text == "4"


def test_it_does_not_end_a_restored_guest_that_does_not_stop(saved: DomainLab) -> None:
    result = saved.apply("web", dict(HELD, on_change="restart", stop_timeout=1, **LATER))
    assert result.failed and "has not shut down within 1 s" in result.msg
    assert saved.live("web").find("vcpu").text == "1"


def test_its_image_is_discarded_only_with_consent(saved: DomainLab) -> None:
    result = laws.assert_check_is_truthful(saved, "web", dict(STOPPED, discard_saved=True, **LATER))
    assert laws.entries(result) == {"saved": (True, None, "live")}
    assert not result.failed and result.pending == [] and "saved" not in result.status and not image(saved)
    assert saved.annotation("web").applied.get("discard_saved") is None
    assert not laws.converge(saved, "web", dict(STOPPED, discard_saved=True, **LATER)).changed


def test_discarding_and_starting_starts_anew(saved: DomainLab) -> None:
    result = laws.assert_check_is_truthful(saved, "web", dict(HELD, discard_saved=True, **LATER))
    assert not result.failed and result.pending == [], result.msg
    assert saved.live("web").find("vcpu").text == "4"


def test_its_removal_needs_consent(saved: DomainLab) -> None:
    laws.assert_refused(saved, "web", {"state": "absent"}, "saved while it ran", "discard_saved: true")
    assert laws.converge(saved, "web", {"state": "absent", "discard_saved": True}).changed
    assert not saved.exists("web")


def test_a_disk_does_not_grow_under_it(saved: DomainLab) -> None:
    larger = [{"name": "data", "pool": "fast", "size": "4MiB"}]
    laws.assert_refused(saved, "web", dict(STOPPED, disks=larger, **LATER), "disks[0].size", "start the guest first")
    assert not laws.converge(saved, "web", dict(HELD, disks=larger, **LATER)).failed


def test_a_broken_image_keeps_nobody_from_reading_the_host(saved: DomainLab, private_libvirtd: Any) -> None:
    place = private_libvirtd.state / "lib/qemu/save/web.save"
    place.write_bytes(b"broken" * 100)
    result = laws.converge(saved, "web", dict(STOPPED, **LATER))
    assert result.status["saved"] is True and result.pending == []
    laws.assert_refused(saved, "web", {"state": "absent"}, "saved while it ran")
