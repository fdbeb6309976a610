# Copyright: (c) 2026, flotilla.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Real containers under a podman with storage and networks of its own."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from laws import podman_lab
from laws.podman_cases import NETWORK, OTHER, OTHER_SUBNET, SUBNET
from laws.podman_lab import PodmanLab
from support.tiny_image import INIT, make_image


@pytest.fixture(scope="session")
def images(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    place = tmp_path_factory.mktemp("images")
    stubborn = INIT.replace("trap 'exit 0' PWR TERM 37", "trap '' PWR TERM 37")
    made = {"tiny": INIT, "stubborn": stubborn, "headless": ""}
    for name in made:
        (place / name).mkdir()
    return {name: str(make_image(place / name, init)) for name, init in made.items()}


@pytest.fixture(scope="session")
def own_podman(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A podman of this session's own; whatever runs in it is ended with it."""
    place = Path("/var/tmp") / ("fltest-podman-%d" % os.getpid())
    variables = podman_lab.environment(place)
    before = {name: os.environ.get(name) for name in variables}
    os.environ.update(variables)
    try:
        for name, subnet in ((NETWORK, SUBNET), (OTHER, OTHER_SUBNET)):
            podman_lab.podman("network", "create", "--disable-dns", "--subnet", subnet + ".0/24", name)
        yield place
    finally:
        podman_lab.leave(variables, place)
        for name, value in before.items():
            os.environ.pop(name) if value is None else os.environ.update({name: value})


@pytest.fixture
def lab(own_podman: Path, images: dict[str, str]) -> Iterator[PodmanLab]:
    lab = PodmanLab(images, own_podman / "notes")
    lab.clean()
    try:
        yield lab
    finally:
        lab.clean()
