# Copyright: (c) 2026, flotilla.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The recorded scenarios on a real node, for whoever has one (VZ_NODE; see vznode/remote.py), and that this way of playing them works."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest
from vznode.remote import RemoteNode, ssh_to

from .test_ansible import Space, space  # noqa: F401  pylint: disable=unused-import  # a fixture
from .test_transcripts import GUESTS_OWN, SCENARIOS, SKIPPED, World, normal

pytestmark = pytest.mark.system
NODE = os.environ.get("VZ_NODE", "")
BY_HAND = [name for name in SCENARIOS if hasattr(World, "_" + "".join(letter if letter.isalnum() else "_" for letter in name[2:]))]
PLAYED = [name for name in sorted(SCENARIOS) if name.startswith("4 ") and name not in BY_HAND]


def play(node: RemoteNode, scenario: str) -> list[str]:
    """Where a node says something else than was recorded; its containers are destroyed afterwards."""
    assert node.containers() == [], "the node has containers: use one that has none"
    wrong = []
    try:
        for step in SCENARIOS[scenario]:
            place = (scenario, step["step"])
            if place in SKIPPED:
                continue
            rc, out, err = node.run(step["argv"], step.get("stdin") or "")
            want = [step["rc"], normal(step["stdout"], step["argv"]), normal(step["stderr"], step["argv"])]
            have = [rc, normal(out, step["argv"]), normal(err, step["argv"])]
            if want[:1 if place in GUESTS_OWN else 3] != have[:1 if place in GUESTS_OWN else 3]:
                wrong.append("%d$ %s\n  recorded %s\n  node     %s" % (step["step"], " ".join(step["argv"]), want, have))
    finally:
        node.clean()
    return wrong


@pytest.fixture
def remote(space: Space) -> Iterator[RemoteNode]:  # noqa: F811  pylint: disable=redefined-outer-name
    """The double behind a command line, as a real node is."""
    yield RemoteNode([*space.enter, "VZNODE_STRICT=0", "VZNODE_MAINLINE=1", "sh", "-c"])


@pytest.mark.parametrize("scenario", ["4 set-name/conflict", "4 startstop/cycle", "4 exec/stdin"])
def test_scenarios_are_played_through_a_command_line(remote: RemoteNode, space: Space, scenario: str) -> None:  # noqa: F811  pylint: disable=redefined-outer-name
    """Version 4 agrees, and version 7, which says other things, does not: what differs is found."""
    wrong = play(remote, scenario)
    assert (wrong == []) == (space.version == 4), "\n".join(wrong)


def test_the_address_of_a_node() -> None:
    assert ssh_to("ssh://root@node.example.com:2222") == ["ssh", "-o", "BatchMode=yes", "-p", "2222", "root@node.example.com"]
    with pytest.raises(ValueError, match="is not ssh://"):
        ssh_to("node.example.com")


if NODE:
    @pytest.mark.parametrize("scenario", PLAYED)
    def test_a_real_node(scenario: str) -> None:
        """A scenario on the node that VZ_NODE names."""
        wrong = play(RemoteNode(ssh_to(NODE), os.environ.get("VZ_TEMPLATE", "")), scenario)
        assert not wrong, "\n".join(wrong)
