# Copyright: (c) 2026, flotilla.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The driver against the contract double, version 4 and 7, through the one laws harness."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from laws import laws
from laws.openvz_lab import OpenvzLab
from vznode.node import Node

from .conftest import TEMPLATE

pytestmark = pytest.mark.system

BASE: dict[str, Any] = {"image": TEMPLATE, "memory": {"size": "128MiB", "swap": "64MiB"}, "cpus": {"count": 1, "limit": "0.5", "units": 500},
                        "disk": {"size": "1GiB", "inodes": 100000}, "hostname": "web1.example.com", "dns": ["192.0.2.53"],
                        "search": ["example.com"], "nics": [{"name": "wan", "type": "venet", "address": "192.0.2.10"}],
                        "autostart": True, "tags": {"role": "web"}}


@pytest.fixture(params=[4, 7])
def lab(request: pytest.FixtureRequest, make_node: Callable[..., Node]) -> Iterator[OpenvzLab]:
    """A lab on an empty node of each version."""
    yield OpenvzLab(make_node(request.param))


def edited(**changes: Any) -> dict[str, Any]:
    """The base declaration with some options said otherwise; None takes one away."""
    return {name: value for name, value in {**BASE, **changes}.items() if value is not None}


def test_a_container_is_made_and_the_second_run_changes_nothing(lab: OpenvzLab) -> None:
    result = laws.converge(lab, "web1", BASE)
    assert result.pending == []
    settings = lab.config("web1")
    assert settings["NAME"] == "web1" and settings["ONBOOT"] == "yes" and settings["IP_ADDRESS"] == "192.0.2.10"
    assert settings["PHYSPAGES"] == ("0:32768" if lab.node.version == 4 else "32768:32768")
    assert lab.inside("web1", "hostname") == "web1.example.com"
    assert "192.0.2.10/32" in lab.inside("web1", "ip", "-o", "addr")
