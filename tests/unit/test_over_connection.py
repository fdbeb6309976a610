# Copyright: (c) 2026, flotilla.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A module's body on the controller, over a connection that fails as connections do."""

from __future__ import annotations

import subprocess
import threading
from types import SimpleNamespace
from typing import Any, Callable

import pytest
from ansible.errors import AnsibleActionFail, AnsibleConnectionFailure

from ansible_collections.flotilla.virt.plugins.module_utils._reconcile.errors import EngineError
from ansible_collections.flotilla.virt.plugins.plugin_utils import _over_connection

INFO = ("_container_module", "CONTAINER_INFO_SPEC", "run_container_info")


class Action:
    """An action whose connection is a shell of this machine; `before` is called with the number of each command."""

    def __init__(self, before: Callable[[int], None] = lambda number: None, **arguments: Any) -> None:
        self.before = before
        self.commands = 0
        self.no_log: list[bool] = []
        self._task = SimpleNamespace(async_val=0, check_mode=False, args={"transport": "command", **arguments})
        self._play_context = SimpleNamespace(remote_addr="node", no_log=False)
        self._connection = SimpleNamespace(has_pipelining=True, transport="fake", _play_context=self._play_context)

    def _low_level_execute_command(self, line: str, in_data: bytes, executable: str, encoding_errors: str) -> dict[str, Any]:
        self.commands += 1
        self.no_log.append(self._play_context.no_log)
        self.before(self.commands)
        done = subprocess.run([executable, "-c", line], input=in_data, capture_output=True, check=False)
        return {"rc": done.returncode, "stdout": done.stdout.decode("utf-8", encoding_errors), "stderr": done.stderr.decode("utf-8", encoding_errors)}


def failing_at(wanted: int) -> Callable[[int], None]:
    """Fail with this command and all later ones."""
    def fail(number: int) -> None:
        if number >= wanted:
            raise AnsibleConnectionFailure("no route to host")
    return fail


def test_a_connection_that_cannot_be_made_is_raised_as_such() -> None:
    with pytest.raises(AnsibleConnectionFailure, match="no route"):
        _over_connection.run(Action(failing_at(1)), *INFO)


def test_one_that_breaks_off_later_is_an_error_of_the_run() -> None:
    action = Action(failing_at(2))
    result = _over_connection.run(action, *INFO)
    assert result["failed"] and "the connection to the node broke off: no route to host" in result["msg"]
    assert result["invocation"] == {"module_args": {"name": None}} and action.commands == 2


def test_what_the_node_answers_is_censored_but_for_the_greeting() -> None:
    action = Action(lambda number: None)
    assert _over_connection.run(action, *INFO).get("containers") == []
    assert action.no_log[0] is False and len(action.no_log) > 1 and all(action.no_log[1:])
    assert action._play_context.no_log is False


def test_a_node_that_does_not_answer_is_given_up() -> None:
    released = threading.Event()
    action = Action(lambda number: released.wait(60) and None)
    way = _over_connection._Way(action)
    try:
        with pytest.raises(EngineError, match="did not answer within 0.1 s"):
            way("true", "", 0.1)
        with pytest.raises(EngineError, match="broke off before"):
            way("true", "", 0.1)
    finally:
        released.set()


def test_a_connection_that_takes_no_input_is_refused() -> None:
    action = Action()
    action._connection.has_pipelining = False
    with pytest.raises(AnsibleActionFail, match="Use ansible.builtin.ssh"):
        _over_connection.run(action, *INFO)


def test_options_are_checked_as_for_a_module() -> None:
    result = _over_connection.run(Action(names="a,b", nonsense=1), *INFO)
    assert result["failed"] and "nonsense" in result["msg"]
