# Copyright: (c) 2026, flotilla.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Real containers on this machine: a bridge of their own, and an image small enough to be unpacked in no time."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from laws import laws
from laws.container_lab import LxcLab
from support.tiny_image import INIT, make_image

from ansible_collections.flotilla.virt.plugins.module_utils._reconcile.contract import Result

BRIDGE, SUBNET = "fltestlxc0", "10.213.77"
PREFIX = "fltest-"
STUBBORN = INIT.replace("trap 'exit 0' PWR TERM 37", "trap '' PWR TERM")


@pytest.fixture(scope="session")
def image(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_image(tmp_path_factory.mktemp("image"))


@pytest.fixture(scope="session")
def stubborn_image(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_image(tmp_path_factory.mktemp("stubborn"), STUBBORN)


@pytest.fixture(scope="session")
def bridge() -> Iterator[str]:
    subprocess.run(["ip", "link", "add", BRIDGE, "type", "bridge"], check=True)
    try:
        subprocess.run(["ip", "addr", "add", f"{SUBNET}.1/24", "dev", BRIDGE], check=True)
        subprocess.run(["ip", "link", "set", BRIDGE, "up"], check=True)
        yield BRIDGE
    finally:
        subprocess.run(["ip", "link", "del", BRIDGE], check=True)


class Place(LxcLab):
    """The lab with short names: container `a` is PREFIX + a."""

    fleet = "fltest"

    def run(self, raw: dict[str, Any], name: str = "a", fleet: str | None = None, check: bool = False,
            hook: Callable[[str], None] | None = None) -> Result:
        """One run of one declaration."""
        return self.check(PREFIX + name, raw, fleet) if check else self.apply(PREFIX + name, raw, hook, fleet)

    def converge(self, raw: dict[str, Any], name: str = "a") -> Result:
        """Check, apply, apply again: check mode is true, and the second run has nothing to do."""
        return laws.converge(self, PREFIX + name, raw)

    def directory(self, name: str = "a") -> Path:
        return self.path / (PREFIX + name)

    def config(self, name: str = "a") -> str:
        return (self.directory(name) / "config").read_text()

    def inside(self, *command: str, name: str = "a") -> str:
        done = subprocess.run(["lxc-attach", "-P", str(self.path), "-n", PREFIX + name, "--", *command], capture_output=True, text=True, check=True)
        return done.stdout.strip()

    def pid(self, name: str = "a") -> int:
        out = subprocess.run(["lxc-info", "-P", str(self.path), "-n", PREFIX + name, "-pH"], capture_output=True, text=True, check=True).stdout
        return int(out or 0)

    def started(self, name: str = "a") -> str:
        """Init's start in ticks since boot: two inits never share it and the process id."""
        return Path(f"/proc/{self.pid(name)}/stat").read_text().rpartition(")")[2].split()[19]

    def by_hand(self, text: str, image: Path, name: str = "a", start: bool = False) -> None:
        """A container as an administrator makes it."""
        place = self.directory(name)
        (place / "rootfs").mkdir(parents=True)
        subprocess.run(["tar", "-xf", str(image), "-C", str(place / "rootfs")], check=True)
        (place / "config").write_text(text.format(name=PREFIX + name, rootfs=place / "rootfs", bridge=BRIDGE, subnet=SUBNET))
        if start:
            subprocess.run(["lxc-start", "-n", PREFIX + name], check=True)


@pytest.fixture
def place(image: Path, stubborn_image: Path, bridge: str) -> Iterator[Place]:
    place = Place({"tiny": str(image), "stubborn": str(stubborn_image)}, PREFIX)
    try:
        yield place
    finally:
        place.clean()


@pytest.fixture
def base(bridge: str) -> dict[str, Any]:
    return {"image": "tiny", "cpus": 1, "memory": "128MiB",
            "nics": [{"name": "lan", "bridge": bridge, "address": f"{SUBNET}.21/24", "gateway": f"{SUBNET}.1"}]}
