# Copyright: (c) 2026, flotilla.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a new domain gets that nobody declares."""

from __future__ import annotations

from typing import Any

from ansible_collections.flotilla.virt.plugins.module_utils._libvirt.domain import build, choices, profiles
from ansible_collections.flotilla.virt.plugins.module_utils._reconcile.annotation import Annotation
from ansible_collections.flotilla.virt.plugins.module_utils._reconcile.merge import merge_specs

WANT = {"memory": {"size": 1 << 30, "maximum": 1 << 30}, "cpus": {"count": 2, "maximum": 2}}


def wanted(platform: build.Platform) -> dict[str, Any]:
    """The declaration with the defaults of a new guest."""
    profile = profiles.profile({}, platform.architecture, platform.machine, hardware=False)
    return merge_specs({name: value for name, value in profile.items() if name not in choices.EACH}, WANT)


def test_an_x86_guest_has_no_hpet() -> None:
    """Emulated guests hung in early boot with it."""
    platform = build.Platform("qemu", "x86_64", "q35")
    root = build.domain("g", "b9c1e2f0-0000-4000-8000-000000000000", wanted(platform), platform, Annotation())
    assert {timer.get("name"): timer.get("present") for timer in root.iterfind("clock/timer")}["hpet"] == "no"


def test_other_architectures_have_no_pc_timers() -> None:
    platform = build.Platform("qemu", "aarch64", "virt")
    root = build.domain("g", "b9c1e2f0-0000-4000-8000-000000000000", wanted(platform), platform, Annotation())
    assert root.findall("clock/timer") == []


def test_a_q35_guest_has_ports_to_plug_into() -> None:
    platform = build.Platform("qemu", "x86_64", "q35")
    root = build.domain("g", "b9c1e2f0-0000-4000-8000-000000000000", wanted(platform), platform, Annotation())
    models = [controller.get("model") for controller in root.iterfind("devices/controller")]
    assert models[0] == "pcie-root" and models.count("pcie-root-port") == profiles.SPARE_ROOT_PORTS
