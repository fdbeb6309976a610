# Copyright: (c) 2026, flotilla.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Runs modules on hosts while an inventory is being parsed, through Ansible's own run of a play.

It is the way for which there is a documented interface, and it brings what a host's variables may ask for: connection,
become, interpreter, vault, forks, time limits. It runs in this process, so that vault secrets need not leave it.
"""

from __future__ import annotations

import os
import signal
import threading
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Dict, Iterator, List, Mapping, Optional, Sequence, Tuple

from ansible import constants as C
from ansible import context
from ansible.errors import AnsibleError
from ansible.executor.task_queue_manager import TaskQueueManager
from ansible.inventory.data import InventoryData
from ansible.inventory.manager import InventoryManager
from ansible.parsing.dataloader import DataLoader
from ansible.playbook.play import Play
from ansible.plugins.callback import CallbackBase
from ansible.template import Templar
from ansible.utils.context_objects import CLIArgs
from ansible.vars.manager import VariableManager


def _command_line() -> Dict[str, Any]:
    """The options of a command line for this run: those of the configuration.

    What the user's command line says is about another play: `--tags` would skip every task of this one, and `--user` is
    meant for the guests. ansible-inventory has no such options at all.
    """
    return {
        "check": False, "diff": False, "start_at_task": None, "step": False, "syntax": False, "tags": ["all"], "skip_tags": [],
        "connection": C.DEFAULT_TRANSPORT, "remote_user": C.DEFAULT_REMOTE_USER, "timeout": C.DEFAULT_TIMEOUT,
        "private_key_file": C.DEFAULT_PRIVATE_KEY_FILE, "become": C.DEFAULT_BECOME, "become_method": C.DEFAULT_BECOME_METHOD,
        "become_user": C.DEFAULT_BECOME_USER, "ssh_common_args": None, "ssh_extra_args": None, "sftp_extra_args": None,
        "scp_extra_args": None,
    }


@dataclass(frozen=True)
class Call:
    """One module to run on hosts; its answer is filed under `key`."""

    key: str
    module: str
    arguments: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Answer:
    """What one call returned on one host; `error` is empty when it succeeded."""

    result: Mapping[str, Any]
    error: str = ""
    unreachable: bool = False


@dataclass
class Way:
    """How hosts are reached: the inventory that knows them, and what overrides it."""

    inventory: InventoryData
    loader: DataLoader
    sources: Sequence[str] = ()
    become: Optional[bool] = None
    timeout: int = 0

    def __post_init__(self) -> None:
        self.manager = InventoryManager(loader=self.loader, sources=list(self.sources), parse=False)
        # The manager would read the sources again, and with them this plugin's own.
        self.manager._inventory = self.inventory
        self.variables = VariableManager(loader=self.loader, inventory=self.manager)

    def matching(self, patterns: Sequence[str]) -> List[str]:
        """The names of the hosts that these patterns mean, in the inventory's order."""
        return [host.name for host in self.manager.get_hosts(":".join(patterns))]

    def host_variables(self, name: str, wanted: Sequence[str]) -> Dict[str, Any]:
        """Those of the wanted variables that a host has, templates resolved. Raises AnsibleError."""
        known = self.variables.get_vars(host=self.manager.get_host(name))
        templar = Templar(loader=self.loader, variables=known)
        return {each: templar.template(known[each]) for each in wanted if each in known}


def run(way: Way, hosts: Sequence[str], calls: Sequence[Call]) -> Dict[Tuple[str, str], Answer]:
    """Runs every call on every host, hosts in parallel; returns the answers by (host, key).

    An unreachable host is asked once, and has no other answers. Raises AnsibleError for what is wrong with the whole run.
    """
    tasks = [_task(way, call) for call in calls]
    keys = {task["name"]: call.key for task, call in zip(tasks, calls)}
    collector = _Collector(keys)
    with _own_command_line(), _kept_process():
        play = Play.load(_play(way, hosts, tasks), variable_manager=way.variables, loader=way.loader)
        manager = TaskQueueManager(inventory=way.manager, variable_manager=way.variables, loader=way.loader, passwords={},
                                   run_additional_callbacks=False, forks=context.CLIARGS.get("forks") or C.DEFAULT_FORKS)
        try:
            # Callbacks are loaded unless there are some; those of the user's play are none of this run's business.
            manager._callbacks_loaded = True
            manager._stdout_callback = collector
            manager._callback_plugins = [collector]
            manager.run(play)
        finally:
            manager.cleanup()
            way.loader.cleanup_all_tmp_files()
    return collector.answers


def _play(way: Way, hosts: Sequence[str], tasks: Sequence[Mapping[str, Any]]) -> Dict[str, Any]:
    play: Dict[str, Any] = {"name": "read guests", "hosts": list(hosts), "gather_facts": False, "strategy": "linear",
                            "tasks": list(tasks)}
    if way.become is not None:
        play["become"] = way.become
    return play


def _task(way: Way, call: Call) -> Dict[str, Any]:
    # One engine that fails must not hide what the others say.
    task: Dict[str, Any] = {"name": "read %s" % call.key, call.module: dict(call.arguments), "check_mode": False,
                            "ignore_errors": True, "any_errors_fatal": False}
    if way.timeout:
        task["timeout"] = way.timeout
    return task


class _Collector(CallbackBase):
    """Keeps what each task returned, and shows nothing."""

    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "stdout"
    CALLBACK_NAME = "flotilla_collector"

    def __init__(self, keys: Mapping[str, str]) -> None:
        super().__init__()
        self.keys = keys
        self.answers: Dict[Tuple[str, str], Answer] = {}
        # Where it is there (2.19), Ansible calls only the methods that this has found.
        getattr(self, "_init_callback_methods", lambda: None)()

    def _keep(self, result: Any, error: str = "", unreachable: bool = False) -> None:
        key = self.keys.get(result._task.name)
        if key is not None:
            # `_result` is a converted copy since 2.19, which costs more than a second for 10,000 guests.
            returned = getattr(result, "_return_data", None) or result._result
            self.answers[(result._host.name, key)] = Answer(returned, error, unreachable)

    def v2_runner_on_ok(self, result: Any) -> None:
        """A module answered."""
        self._keep(result)

    def v2_runner_on_failed(self, result: Any, ignore_errors: bool = False) -> None:
        """A module failed, or could not be run."""
        self._keep(result, _text(result._result))

    def v2_runner_on_unreachable(self, result: Any) -> None:
        """The host could not be reached."""
        self._keep(result, _text(result._result), unreachable=True)


def _text(result: Mapping[str, Any]) -> str:
    said = str(result.get("msg") or "").strip()
    detail = str(result.get("module_stderr") or "").strip().splitlines()
    # A module that could not even start says so on its standard error; its last line is the error itself.
    return "%s (%s)" % (said, detail[-1]) if detail and detail[-1] not in said else said or "it gave no reason"


@contextmanager
def _own_command_line() -> Iterator[None]:
    """Replaces the options of the command line for a while."""
    before = context.CLIARGS
    context.CLIARGS = CLIArgs(dict(before, **_command_line()))
    try:
        yield
    finally:
        context.CLIARGS = before


@contextmanager
def _kept_process() -> Iterator[None]:
    """Puts back what a run of a play changes in its process: signal handlers, and which files children inherit."""
    if threading.current_thread() is not threading.main_thread():
        raise AnsibleError("guests can only be read in the main thread of a program, where Ansible runs plays")
    signals = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}
    streams = {number: os.get_inheritable(number) for number in (0, 1, 2) if _is_open(number)}
    try:
        yield
    finally:
        for number, handler in signals.items():
            signal.signal(number, handler)
        for number, inheritable in streams.items():
            os.set_inheritable(number, inheritable)


def _is_open(number: int) -> bool:
    try:
        os.fstat(number)
    except OSError:
        return False
    return True
