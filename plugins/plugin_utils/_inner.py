# Copyright: (c) 2026, flotilla.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The way from a connection plugin into a guest: an inner connection to the guest's host, from that host's own variables."""

from __future__ import annotations

import os
from typing import Any, Dict, Iterator, Mapping, Optional, Tuple

from ansible import constants as C
from ansible.errors import AnsibleConnectionFailure, AnsibleError, AnsibleFileNotFound
from ansible.module_utils.common.text.converters import to_bytes
from ansible.module_utils.parsing.convert_bool import boolean
from ansible.plugins.connection import ConnectionBase
from ansible.plugins.loader import become_loader, connection_loader


ROOTS_ENVIRONMENT = {"HOME": "/root", "USER": "root", "LANG": "C.UTF-8",
                     "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"}
"""What root finds inside, where nobody has logged in."""


def parts(path: str, size: int) -> Iterator[Tuple[bool, bytes]]:
    """A file of the controller in parts of at most `size` bytes, at least one, each with whether it is the first.

    Raises AnsibleFileNotFound.
    """
    name = to_bytes(path, errors="surrogate_or_strict")
    if not os.path.exists(name):
        raise AnsibleFileNotFound("there is no file %s" % path)
    with open(name, "rb") as stream:
        data = stream.read(size)
        yield True, data
        while data:
            data = stream.read(size)
            if data:
                yield False, data


class InnerConnection(ConnectionBase):  # type: ignore[misc]
    """A connection into a guest, through a connection to its host.

    A subclass has the options `host` and `host_become`, says in `guest` what the guest is, and in `host_variables` which
    variables name its host.
    """

    guest = "guest"
    host_variables: Tuple[str, ...] = ()

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._inner: Optional[ConnectionBase] = None
        self._inner_become = False
        self._host_vars: Mapping[str, Any] = {}
        self._inner_kwargs = {name: value for name, value in kwargs.items() if name in ("task_uuid", "ansible_playbook_pid")}

    def _resolve_option_variables(self, variables: Any, templar: Any) -> Dict[str, Any]:
        # The one place where a connection sees the variables of other hosts.
        options: Dict[str, Any] = super()._resolve_option_variables(variables, templar)
        host = next((options[name] for name in self.host_variables if options.get(name)), None)
        hostvars = variables.get("hostvars")
        if host and hostvars is not None:
            if host not in hostvars:
                raise AnsibleError("the %s's host %r is not in the inventory; set flotilla_host to an inventory name" % (self.guest, host))
            self._host_vars = hostvars[host]
        return options

    def _connect(self) -> "InnerConnection":
        if self._inner is None:
            self._inner = self._make_inner()
        self._connected = True
        return self

    def _make_inner(self) -> ConnectionBase:
        host = self.get_option("host")
        name = self._host_vars.get("ansible_connection", C.DEFAULT_TRANSPORT) if host else "local"
        if str(name) == self.transport:
            raise AnsibleError("the %s's host %r is itself reached by %s; name the machine that runs it" % (self.guest, host, name))
        context = self._play_context.copy()
        if host:
            context.remote_addr = self._host_vars.get("ansible_host", host)
            context.remote_user = self._host_vars.get("ansible_user", None) or C.DEFAULT_REMOTE_USER
            context.port = self._host_vars.get("ansible_port", None)
        # The shell of a guest may be another one than its host's.
        context.shell = None
        inner = connection_loader.get(str(name), context, **self._inner_kwargs)
        if inner is None:
            raise AnsibleError("the connection plugin %r of the %s's host %r was not found" % (name, self.guest, host))
        self._set_options(inner, "connection")
        # A terminal would mix the streams of the command inside, and change its line ends.
        if "use_tty" in C.config.get_configuration_definitions("connection", inner._load_name):
            inner.set_option("use_tty", False)
        self._inner_become = self._wants_become()
        if self._inner_become:
            inner.set_become_plugin(self._make_become())
        return inner

    def _set_options(self, plugin: Any, kind: str) -> None:
        known = C.config.get_plugin_vars(kind, plugin._load_name)
        values = {name: self._host_vars[name] for name in known if name in self._host_vars}
        plugin.set_options(var_options=values)

    def _wants_become(self) -> bool:
        said = self.get_option("host_become")
        if said is None:
            said = boolean(self._host_vars.get("ansible_become", False), strict=False)
        return bool(said)

    def _make_become(self) -> Any:
        name = self._host_vars.get("ansible_become_method", C.DEFAULT_BECOME_METHOD)
        become = become_loader.get(str(name))
        if become is None:
            raise AnsibleError("the become plugin %r of the %s's host was not found" % (name, self.guest))
        self._set_options(become, "become")
        return become

    def inner(self) -> ConnectionBase:
        """The connection to the host. Raises AnsibleConnectionFailure where it is closed."""
        if self._inner is None:
            raise AnsibleConnectionFailure("the connection to the host of the %s is closed" % self.guest)
        return self._inner

    def reset(self) -> None:
        """Close the way to the host; the next command makes it again."""
        self.close()

    def close(self) -> None:
        """Close the inner connection."""
        if self._inner is not None:
            self._inner.close()
            self._inner = None
        self._connected = False
