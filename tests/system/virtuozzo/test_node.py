# Copyright: (c) 2026, flotilla.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the recorded parsers of prlctl and prlsrvctl refused, on a real node, for whoever has one (VZ_NODE), and that this way of playing it works.

Refused words end before a dispatcher is asked, so that nothing is touched and no guest is needed. The rest of the recording is the formatter's, with
values fed to it, which no node would say.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest
from vznode.remote import RemoteNode, ssh_to

from .test_ansible import Space, space  # noqa: F401  pylint: disable=unused-import  # a fixture

pytestmark = pytest.mark.system
NODE = os.environ.get("VZ_NODE", "")
RECORDED = Path(__file__).parents[2] / "vznode/contracts/prlctl-parser.jsonl"
CUT = "[usage text cut]"


def refused() -> list[dict[str, Any]]:
    """The recorded steps whose words were refused."""
    steps = [json.loads(line) for line in RECORDED.read_text().splitlines()]
    return [step for step in steps if not step["accepted"] and step["rc"]]


def play(node: RemoteNode, steps: list[dict[str, Any]]) -> list[str]:
    """Where a node says something else than was recorded. A usage text is compared as far as it was recorded."""
    wrong = []
    for step in steps:
        rc, out, err = node.run(step["argv"])
        cut = step["stdout"].find(CUT)
        same = out.startswith(step["stdout"][:cut]) if cut >= 0 else out == step["stdout"]
        if (rc, err) != (step["rc"], step["stderr"]) or not same:
            wrong.append("%s\n  recorded %s\n  node     %s" % (" ".join(step["argv"]), [step["rc"], step["stderr"]], [rc, err]))
    return wrong


def test_refusals_are_played_through_a_command_line(space: Space) -> None:  # noqa: F811  pylint: disable=redefined-outer-name
    """The double agrees on a part of them, and a step that says something else is found."""
    node = RemoteNode([*space.enter, "VZNODE_STRICT=0", "sh", "-c"])
    some = refused()[::20]
    assert len(some) > 5 and play(node, some) == []
    assert len(play(node, [{**some[0], "rc": 3}])) == 1


if NODE:
    def test_a_real_node() -> None:
        """All of them, on the node that VZ_NODE names."""
        wrong = play(RemoteNode(ssh_to(NODE)), refused())
        assert not wrong, "\n".join(wrong)
