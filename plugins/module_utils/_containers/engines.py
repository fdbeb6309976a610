# Copyright: (c) 2026, flotilla.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The container engines that have a driver, and how each driver is made. A driver's modules are only imported for that."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Callable, Dict, List, Mapping, Optional

from .._reconcile.attachment import Networks
from .._reconcile.contract import Driver

Lookup = Callable[[str], Optional[str]]


@dataclass(frozen=True)
class Surroundings:
    """What is declared around containers.

    rootfs: the root file system tarball of a declared image. references: its OCI image. networks: what a network is here.
    templates: its OS template (empty for a declared image that has none).
    """

    rootfs: Lookup = lambda name: None
    references: Lookup = lambda name: None
    networks: Networks = lambda name: None
    templates: Lookup = lambda name: None


def _lxc(host: Any, around: Surroundings, check_mode: bool) -> Driver:
    from .lxc.driver import LxcDriver

    return LxcDriver(host, around.rootfs, around.networks, check_mode)


def _podman(host: Any, around: Surroundings, check_mode: bool) -> Driver:
    from .podman.driver import PodmanDriver

    return PodmanDriver(host, around.rootfs, around.references, check_mode)


def _openvz(host: Any, around: Surroundings, check_mode: bool) -> Driver:
    from .openvz.driver import OpenvzDriver

    return OpenvzDriver(host, around.templates, around.networks, check_mode)


def _virtuozzo(host: Any, around: Surroundings, check_mode: bool) -> Driver:
    from .virtuozzo.driver import VirtuozzoDriver

    return VirtuozzoDriver(host, around.templates, check_mode)


DRIVERS: Dict[str, Callable[[Any, Surroundings, bool], Driver]] = {
    "lxc": _lxc, "podman": _podman, "openvz": _openvz, "virtuozzo": _virtuozzo}
COMMANDS: Mapping[str, str] = {"lxc": "lxc-start", "podman": "podman", "openvz": "vzctl", "virtuozzo": "prlctl"}
"""The command by which one sees that an engine is installed."""

TRANSPORT_SPEC: Dict[str, Any] = {"transport": {"type": "str", "choices": ["module", "command"], "default": "module"}}
BY_COMMAND = ("openvz",)
"""The engines whose driver asks nothing of its host but commands and files, so that it can run on the controller."""
NOT_BY_COMMAND: Mapping[str, str] = {
    "kvm": "libvirt is asked through its Python binding, which is on the host or reaches it by uri",
    "lxc": "its driver unpacks images and reads control groups by Python on the host itself",
    "podman": "its driver fetches and imports images by Python on the host itself",
    "virtuozzo": "nobody has tried its driver so yet",
}
"""Why the others' cannot."""


def engines_here(host: Any) -> List[str]:
    """The engines whose containers a host may have: openvz is none where Virtuozzo's dispatcher manages the same containers."""
    from .virtuozzo.command import Prlctl

    return [engine for engine in sorted(DRIVERS) if engine != "openvz" or not Prlctl(host).installed()]
