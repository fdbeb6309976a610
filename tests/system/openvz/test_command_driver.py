# Copyright: (c) 2026, flotilla.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The suite of version 4 once more, through `transport: command`, on a node that has no Python at all.

The node is the root of a few processes (`vznode.bare`): bash as /bin/sh, coreutils, flock and OpenSSH, in mount and process namespaces
of their own. `vzctl` there is a small program in C that hands its words and its streams over a Unix socket to the double, which is
Python and runs outside. The driver runs in this process, and every command and file of its goes through `CommandHost`.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from laws import laws
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


# These say nothing of the transport: what is wrong in a declaration is found before it is asked for anything, and a run that
# dies between two calls of the driver dies there whatever carries them out; what is decided is decided before. Some of them, and a
# few options, stand for all, and FLOTILLA_SUITE=whole has all of them run (three minutes).
SAME = {"test_waiting", "test_one_change_is_one_container", "test_nothing_costs_one_vzlist_whatever_there_is", "test_protect_and_released",
        "test_capabilities_of_version_4", "test_interfaces_come_and_go_on_the_running_container", "test_a_later_first_boot_is_pending_and_never_done",
        "test_bad_input_is_an_error_with_its_place", "test_bad_names", "test_every_row_has_a_case", "test_a_creation_that_was_killed_is_finished",
        "test_a_change_that_was_killed_is_finished", "test_a_restart_that_was_killed_is_finished", "test_a_removal_that_was_killed_is_finished",
        "test_everything_that_the_driver_may_send_is_sent_by_a_test", "test_every_option_is_set_changed_and_taken_back",
        "test_capabilities_of_version_7_are_refused"}
for _name, _test in vars(suite).items():
    if _name.startswith("test_") and (_name not in SAME or os.environ.get("FLOTILLA_SUITE") == "whole"):
        globals()[_name] = _test


def test_options_of_a_running_container(lab: CommandLab) -> None:
    """Set, changed and taken back."""
    base = {"image": suite.TEMPLATE, "state": "running"}
    laws.converge(lab, "web1", base)
    for case in suite.CASES[1::4]:
        suite._set_change_take_back(lab, base, *case)


def test_a_change_that_is_killed_anywhere_is_finished(fresh: Callable[[], tuple[Any, Any]]) -> None:
    """Each command and each file is whole or not there."""
    before = {**suite.SMALL, "state": "stopped"}
    changed = {**before, "memory": {"size": "192MiB", "swap": "0B"}, "container_features": {"nfs": True}, "tags": {"role": "db"}}
    assert laws.assert_killed_runs_are_finished(fresh, "web1", changed, [before], same=suite.same) >= 3


def test_there_is_no_python(lab: CommandLab) -> None:
    """Neither by its name nor anywhere in the root, nor through another process' root."""
    script = "for word in python python2 python3 perl; do command -v $word; done; echo /proc/[0-9]*/root/usr/bin/py*"
    said = subprocess.run([*lab.bare.enter, "/bin/sh", "-c", script], capture_output=True, text=True, check=True)
    assert said.stdout == "/proc/[0-9]*/root/usr/bin/py*\n"
    assert not list(lab.node.root.rglob("*python*"))


def test_a_node_whose_ssh_keygen_knows_only_rsa(lab: CommandLab) -> None:
    """As that of OpenSSH 5.3: the container gets such a host key, and no other stays of the template."""
    program = lab.node.root / "usr/bin/ssh-keygen"
    program.rename(program.with_name("new-keygen"))
    program.write_text('#!/bin/sh\ncase "$*" in *" -t rsa "*) exec /usr/bin/new-keygen "$@" ;; esac\necho "unknown key type" >&2\nexit 255\n')
    program.chmod(0o755)
    laws.converge(lab, "web1", {**suite.SMALL, "state": "stopped"})
    there = lab.node.private(lab.ident("web1")) / "etc/ssh"
    assert sorted(path.name for path in there.glob("ssh_host_*")) == ["ssh_host_rsa_key", "ssh_host_rsa_key.pub"]
    assert not list(lab.node.private(lab.ident("web1")).parent.glob("*.key-*"))


def test_an_unchanged_run_asks_as_much_whatever_there_is(lab: CommandLab) -> None:
    """Two containers or four: the questions are the same, and few."""
    raws = {"c%d" % number: {**suite.SMALL, "state": "stopped"} for number in range(4)}
    assert not any(result.failed for result in lab.run_all(raws).values())
    host = lab.bare_host
    trips = []
    for some in (dict(list(raws.items())[:2]), raws):
        before = host.shell.trips
        assert not any(result.changed or result.failed for result in lab.run_all(some).values())
        trips.append(host.shell.trips - before)
    assert trips[0] == trips[1] <= 6, trips
