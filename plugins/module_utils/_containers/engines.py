# Copyright: (c) 2026, flotilla.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The container engines that have a driver, and how each driver is made."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Callable, Dict, Optional

from .._reconcile.attachment import Networks
from .._reconcile.contract import Driver
from .host import Host
from .images import Images
from .lxc.driver import LxcDriver
from .openvz.driver import OpenvzDriver
from .podman.driver import PodmanDriver


@dataclass(frozen=True)
class Surroundings:
    """What is declared around containers.

    rootfs: the root file system tarball of a declared image. references: its OCI image. networks: what a network is here.
    templates: its OS template (empty for a declared image that has none).
    """

    rootfs: Images = lambda name: None
    references: Callable[[str], Optional[str]] = lambda name: None
    networks: Networks = lambda name: None
    templates: Callable[[str], Optional[str]] = lambda name: None


def _lxc(host: Host, around: Surroundings, check_mode: bool) -> Driver:
    return LxcDriver(host, around.rootfs, around.networks, check_mode)


def _podman(host: Host, around: Surroundings, check_mode: bool) -> Driver:
    return PodmanDriver(host, around.rootfs, around.references, check_mode)


def _openvz(host: Host, around: Surroundings, check_mode: bool) -> Driver:
    return OpenvzDriver(host, around.templates, around.networks, check_mode)


DRIVERS: Dict[str, Callable[[Host, Surroundings, bool], Driver]] = {"lxc": _lxc, "podman": _podman, "openvz": _openvz}
