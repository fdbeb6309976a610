# Copyright: (c) 2026, flotilla.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The suite of version 4 once more, through `transport: command`, on a node that has no Python at all.

The node is the root of a few processes (`vznode.bare`): bash as /bin/sh, coreutils, flock and OpenSSH, in mount and process namespaces
of their own. `vzctl` there is a small program in C that hands its words and its streams over a Unix socket to the double, which is
Python and runs outside. The driver runs in this process, and every command and file of its goes through `CommandHost`.
"""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from laws.openvz_lab import CommandLab, OpenvzLab
from vznode.bare import BareNode
from vznode.node import Node

from . import test_driver as suite

pytestmark = pytest.mark.system
Make = Callable[[], CommandLab]


@pytest.fixture
def make_lab(make_node: Callable[..., Node], bare_base: Path) -> Iterator[Make]:
    """Makes labs on nodes without Python."""
    made: list[BareNode] = []

    def make() -> CommandLab:
        made.append(BareNode(make_node(4), bare_base))
        return CommandLab(made[-1])

    yield make
    for bare in made:
        bare.node.clean()
        bare.end()


@pytest.fixture(name="lab")
def lab_(make_lab: Make) -> CommandLab:
    """A lab on an empty node without Python."""
    return make_lab()


@pytest.fixture(name="lab4")
def lab4_(lab: CommandLab) -> CommandLab:
    """The same: it is of version 4."""
    return lab


@pytest.fixture(name="fresh")
def fresh_(make_lab: Make) -> Callable[[], tuple[Any, Any]]:
    """A new node for each death; the one before is cleaned at once."""
    made: list[OpenvzLab] = []

    def make() -> tuple[Any, Any]:
        if made:
            made[-1].node.clean()
        made.append(make_lab())
        return made[-1], made[-1].wire

    return make


for _name, _test in vars(suite).items():
    if _name.startswith("test_"):
        globals()[_name] = _test


def test_there_is_no_python(lab: CommandLab) -> None:
    """Neither by its name nor anywhere in the root, nor through another process' root."""
    said = subprocess.run([*lab.bare.enter, "/bin/sh", "-c", "for word in python python2 python3 perl; do command -v $word; done; echo /proc/[0-9]*/root/usr/bin/py*"],
                          capture_output=True, text=True, check=True)
    assert said.stdout == "/proc/[0-9]*/root/usr/bin/py*\n"
    assert not [path for path in lab.node.root.rglob("*python*")]
