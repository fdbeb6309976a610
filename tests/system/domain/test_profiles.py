# Copyright: (c) 2026, flotilla.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Guests of other systems, declared as a user would: defined, and started as far as their firmware, under emulation.

Nothing is installed in them: QEMU takes the whole of what their profile makes, and their firmware runs.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import libvirt_qemu
import pytest
from laws import laws
from laws.domain_lab import DomainLab
from support.until import until

from .conftest import empty

pytestmark = pytest.mark.system

SMALL = {"virtualization": "qemu", "state": "running", "memory": "256MiB", "disks": [{"name": "root", "pool": "fast", "size": "64MiB"}],
         "nics": ["lan"], "media": [{"name": "cd"}], "stop_timeout": 0, "force_stop": True}
SYSTEMS: dict[str, Any] = {
    "windows": "windows", "windows 11": {"variant": "win11"}, "bsd": "bsd", "freebsd": {"variant": "freebsd13.1"}, "solaris": "solaris",
    "macos": "macos", "linux with secure boot": {"family": "linux", "firmware": "uefi", "secure_boot": True}, "other": "other",
}


@pytest.fixture(name="wide")
def _wide(lab: DomainLab) -> Iterator[DomainLab]:
    """The host, emptied of what has its own files beside volumes."""
    yield lab
    empty(lab)


def qemu(lab: DomainLab, command: str, **arguments: Any) -> Any:
    text = json.dumps({"execute": command, "arguments": arguments})
    return json.loads(libvirt_qemu.qemuMonitorCommand(lab.raw.lookupByName("pet"), text, 0))["return"]


def instructions(lab: DomainLab) -> str:
    """Where the guest's first CPU is."""
    said = libvirt_qemu.qemuMonitorCommand(lab.raw.lookupByName("pet"), "info registers", libvirt_qemu.VIR_DOMAIN_QEMU_MONITOR_COMMAND_HMP)
    return str(next(word for word in said.split() if word.startswith(("RIP=", "EIP="))))


@pytest.mark.parametrize("system", list(SYSTEMS))
def test_a_guest_of_this_system_runs_its_firmware(wide: DomainLab, system: str) -> None:
    raw = dict(SMALL, os=SYSTEMS[system])
    result = laws.converge(wide, "pet", raw)
    assert result.pending == [] and result.status["state"] == "running"
    # Out of the reset vector, which is the last thing below 4 GiB: firmware runs.
    until(lambda: instructions(wide).rsplit("=", 1)[1].lstrip("0") not in ("fff0", "fffffff0"), "the firmware runs", 60)
    assert qemu(wide, "query-status")["running"]
    laws.converge(wide, "pet", dict(raw, state="stopped"))
    assert not laws.converge(wide, "pet", dict(wide.spec("pet"), stop_timeout=0, force_stop=True)).changed


def test_windows_11_has_secure_boot_and_a_tpm_that_answer(wide: DomainLab) -> None:
    laws.converge(wide, "pet", dict(SMALL, os={"variant": "win11"}))
    assert [one["model"] for one in qemu(wide, "query-tpm")] == ["tpm-crb"]
    live = wide.live("pet")
    assert live.find("os/loader").get("secure") == "yes" and live.find("features/smm").get("state") == "on"
    assert "pflash" in json.dumps(qemu(wide, "query-block")) and live.find("os/nvram") is not None
