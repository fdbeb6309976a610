# Copyright: (c) 2026, flotilla.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The power of a domain: start, graceful stop, pause, and the removal of its definition."""

from __future__ import annotations

from typing import Any

from ..._reconcile.contract import Work
from ..._reconcile.errors import EngineError
from ..connection import libvirt, translated
from .live import until

STOP_SECONDS = 120


def state_of(domain: Any) -> str:
    """The state in the grammar's words; what is outside it (crashed, suspended by the guest) is `present`."""
    code = domain.state()[0]
    return {libvirt.VIR_DOMAIN_RUNNING: "running", libvirt.VIR_DOMAIN_BLOCKED: "running",
            libvirt.VIR_DOMAIN_PAUSED: "paused", libvirt.VIR_DOMAIN_SHUTDOWN: "running",
            libvirt.VIR_DOMAIN_SHUTOFF: "stopped"}.get(code, "present")


def reach(domain: Any, wanted: str, work: Work) -> None:
    """Brings the domain into `running`, `paused` or `stopped`, in steps; anything else leaves it as it is."""
    if wanted == "stopped":
        stop(domain, work)
    elif wanted in ("running", "paused"):
        _run(domain, wanted == "paused", work)


def _run(domain: Any, paused: bool, work: Work) -> None:
    with translated("start %s" % work.name):
        now = state_of(domain)
        if not domain.isActive():
            with work.step("start %s" % work.name):
                # libvirt's test driver cannot start paused: there the next step is a suspend.
                test = domain.connect().getType() == "TEST"
                domain.createWithFlags(libvirt.VIR_DOMAIN_START_PAUSED if paused and not test else 0)
            if (paused and test) or (not paused and state_of(domain) == "paused"):
                # A guest that was saved while it was paused is restored paused.
                _run(domain, paused, work)
        elif paused and now != "paused":
            with work.step("pause %s" % work.name):
                domain.suspend()
        elif not paused and now == "paused":
            with work.step("resume %s" % work.name):
                domain.resume()


def stop(domain: Any, work: Work) -> None:
    """Asks the guest to shut down (agent or ACPI), waits, and powers it off only where the declaration allows it."""
    if not domain.isActive():
        return
    seconds = work.request.option("stop_timeout", STOP_SECONDS)
    with work.step("stop %s" % work.name), translated("stop %s" % work.name):
        if state_of(domain) == "paused":
            # A paused guest cannot hear the request.
            domain.resume()
        if not _ask(domain, seconds):
            if not work.request.option("force_stop", False):
                raise EngineError("%s has not shut down within %d s" % (work.name, seconds),
                                  "raise stop_timeout, or declare force_stop: true to power it off")
            domain.destroy()


def _ask(domain: Any, seconds: float) -> bool:
    if seconds <= 0:
        return False
    domain.shutdown()
    return until(lambda: not domain.isActive(), seconds)


def discard(domain: Any, work: Work) -> None:
    """Throws away the image of a saved guest."""
    with work.step("discard the saved image of %s" % work.name), translated("discard the saved image of %s" % work.name):
        domain.managedSaveRemove(0)


def power_off(domain: Any, work: Work) -> None:
    """Ends the domain at once: for a guest that has no disk, or whose disks go with it."""
    if domain.isActive():
        with work.step("power off %s" % work.name), translated("power off %s" % work.name):
            domain.destroy()


def undefine(domain: Any, work: Work, keep_nvram: bool) -> None:
    """Removes the definition, with its managed-save image and the metadata of its snapshots."""
    flags = libvirt.VIR_DOMAIN_UNDEFINE_MANAGED_SAVE | libvirt.VIR_DOMAIN_UNDEFINE_SNAPSHOTS_METADATA
    flags |= libvirt.VIR_DOMAIN_UNDEFINE_CHECKPOINTS_METADATA
    flags |= libvirt.VIR_DOMAIN_UNDEFINE_KEEP_NVRAM if keep_nvram else libvirt.VIR_DOMAIN_UNDEFINE_NVRAM
    with work.step("undefine %s" % work.name), translated("undefine %s" % work.name):
        if domain.connect().getType() == "TEST":
            domain.undefine()
        else:
            domain.undefineFlags(flags)
