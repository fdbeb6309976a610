# Copyright: (c) 2026, flotilla.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A module's body in this process, with the host's own connection in place of the host: `transport: command`."""

from __future__ import annotations

import contextvars
import importlib
import threading
from contextlib import contextmanager
from typing import Any, Dict, Iterator, List, Mapping, NoReturn, Tuple

from ansible.errors import AnsibleActionFail, AnsibleConnectionFailure
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator
from ansible.utils.display import Display
from ansible_collections.flotilla.virt.plugins.module_utils._containers.command.host import CommandHost
from ansible_collections.flotilla.virt.plugins.module_utils._containers.command.key import node_sealer
from ansible_collections.flotilla.virt.plugins.module_utils._containers.command.turn import NodeTurn
from ansible_collections.flotilla.virt.plugins.module_utils._module import Place
from ansible_collections.flotilla.virt.plugins.module_utils._reconcile.errors import EngineError, FlotillaError

display = Display()
_HOME = "ansible_collections.flotilla.virt.plugins.module_utils."


class _Ended(Exception):
    """A body has ended its module."""

    def __init__(self, result: Mapping[str, Any]) -> None:
        super().__init__()
        self.result = dict(result)


class Module:
    """What a body needs of an AnsibleModule: checked parameters, and ways to end.

    Like `_module.Module` it repeats of the parameters no more than the name.
    """

    def __init__(self, spec: Mapping[str, Any], arguments: Mapping[str, Any], check_mode: bool) -> None:
        self.check_mode = check_mode
        self.params: Dict[str, Any] = {"name": arguments.get("name")}
        checked = ArgumentSpecValidator(dict(spec)).validate(dict(arguments))
        if checked.error_messages:
            self.fail_json(msg="; ".join(checked.error_messages))
        self.params = checked.validated_parameters

    def exit_json(self, **result: Any) -> NoReturn:
        """End well."""
        result.setdefault("invocation", {"module_args": {"name": self.params.get("name")}})
        raise _Ended(result)

    def fail_json(self, msg: str, **result: Any) -> NoReturn:
        """End in an error."""
        self.exit_json(**{"changed": False, **result, "failed": True, "msg": msg})


def run(action: Any, home: str, spec: str, body: str) -> Dict[str, Any]:
    """The result of a task whose module's body is `home`.`body`. What makes the host unreachable is raised as such."""
    if action._task.async_val:
        raise AnsibleActionFail("transport: command works on the controller, where async has no meaning. Leave async out.")
    _check_connection(action._connection)
    module = importlib.import_module(_HOME + home)
    try:
        ground = Module(getattr(module, spec), action._task.args, bool(action._task.check_mode))
        way = _Way(action)
        host = CommandHost(way, lambda line: display.vvv("COMMAND %s" % line, host=action._play_context.remote_addr))
        try:
            # Without the censorship: what keeps a connection from being made is to be read, and the answer has no secret.
            host.shell.greet()
            way.greeted = True
            with _censored(action._connection):
                getattr(module, body)(ground, Place(lambda create: node_sealer(host.shell, create), NodeTurn(host.shell), host))
        except FlotillaError as error:
            ground.fail_json(msg=str(error))
    except _Ended as ended:
        return ended.result
    raise AssertionError("%s ended without a result" % body)


def _check_connection(connection: Any) -> None:
    if not connection.has_pipelining:
        raise AnsibleActionFail("transport: command gives each command its input, which the connection plugin %s cannot. Use ansible.builtin.ssh."
                                % connection.transport)


@contextmanager
def _censored(connection: Any) -> Iterator[None]:
    """Has the connection show nothing of what its commands say: among it are a key, password hashes, private keys of containers."""
    context = connection._play_context
    before = context.no_log
    context.no_log = True
    try:
        yield
    finally:
        context.no_log = before


class _Way:
    """Runs a command line over the connection of an action, with its become.

    Where the connection cannot be made the host is unreachable. One that breaks off later, once `greeted`, is an error like any
    other, so that the result says what was done before; nothing more is tried over it then.
    """

    def __init__(self, action: Any) -> None:
        self.action = action
        self.greeted = False
        self.broken = False

    def __call__(self, line: str, data: str, timeout: float) -> Tuple[int, str, str]:
        """See `shell.Execute`. A connection itself knows no limit, so each command has a thread, which is waited for as long as that."""
        if self.broken:
            raise EngineError("the connection to the node broke off before", "run again")
        said: List[Any] = []
        context = contextvars.copy_context()
        worker = threading.Thread(target=context.run, args=(self._ask, line, data, said), daemon=True)
        worker.start()
        worker.join(timeout)
        if not said:
            self.broken = True
            raise EngineError("the node did not answer within %g s" % timeout, "see whether it is up, and run again")
        if isinstance(said[0], AnsibleConnectionFailure) and self.greeted:
            self.broken = True
            raise EngineError("the connection to the node broke off: %s" % said[0], "see whether it is up, and run again") from said[0]
        if isinstance(said[0], BaseException):
            raise said[0]
        return int(said[0]["rc"]), said[0]["stdout"], said[0]["stderr"]

    def _ask(self, line: str, data: str, said: List[Any]) -> None:
        try:
            said.append(self.action._low_level_execute_command(
                line, in_data=data.encode("utf-8", "surrogateescape"), executable="/bin/sh", encoding_errors="surrogateescape"))
        except BaseException as error:  # pylint: disable=broad-exception-caught
            # It is raised where it was asked for.
            said.append(error)
