# Copyright: (c) 2026, flotilla.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The way to a guest through its host: what `ssh` is told, from the host's own variables or its libvirt URI. Pure."""

from __future__ import annotations

import shlex
from typing import Any, List, Mapping, Optional
from urllib.parse import parse_qs, unquote, urlsplit

from ansible.module_utils.parsing.convert_bool import boolean

SSH_CONNECTIONS = ("ssh", "ansible.builtin.ssh", "smart", "paramiko", "paramiko_ssh", "ansible.builtin.paramiko_ssh",
                   "ansible.netcommon.libssh")
LOCAL_CONNECTIONS = ("local", "ansible.builtin.local")
# The variables that are looked at, as the ssh connection names them: the first that is there counts.
ADDRESS = ("ansible_ssh_host", "ansible_host")
USER = ("ansible_ssh_user", "ansible_user")
PORT = ("ansible_ssh_port", "ansible_port")
KEY = ("ansible_ssh_private_key_file", "ansible_private_key_file")
ARGUMENTS = ("ansible_ssh_common_args", "ansible_ssh_extra_args")
CONNECTION = ("ansible_connection",)
CHECKING = ("ansible_ssh_host_key_checking", "ansible_host_key_checking")
ALL = ADDRESS + USER + PORT + KEY + ARGUMENTS + CONNECTION + CHECKING


def is_remote(variables: Mapping[str, Any], default: str = "ssh") -> bool:
    """Whether a host with these variables is another machine than this one."""
    return _first(variables, CONNECTION, default) not in LOCAL_CONNECTIONS


def through_host(name: str, variables: Mapping[str, Any], default: str = "ssh", checks_keys: bool = True) -> str:
    """The options of `ssh` that jump through an inventory host; empty where it is not reached by SSH.

    default, checks_keys: the connection, and whether host keys are checked, where no variable says it.
    """
    if _first(variables, CONNECTION, default) not in SSH_CONNECTIONS:
        return ""
    arguments = [word for option in ARGUMENTS for word in shlex.split(str(variables.get(option) or ""))]
    if not boolean(_first(variables, CHECKING, checks_keys), strict=False):
        # What Ansible itself passes to ssh for the host; the ssh of the jump knows nothing of Ansible's settings.
        arguments += ["-o", "StrictHostKeyChecking=no"]
    return jump(str(_first(variables, ADDRESS, name)), _first(variables, USER), _first(variables, PORT),
                _first(variables, KEY), arguments)


def through_uri(uri: str) -> str:
    """The options of `ssh` that jump through the machine of a libvirt URI with the transport ssh, else empty."""
    parts = urlsplit(uri)
    if "ssh" not in parts.scheme.split("+")[1:] or not parts.hostname:
        return ""
    key = parse_qs(parts.query).get("keyfile")
    return jump(parts.hostname, unquote(parts.username) if parts.username else None, parts.port, key[0] if key else None, [])


def jump(address: str, user: Optional[Any], port: Optional[Any], key: Optional[Any], arguments: List[str]) -> str:
    """The options for one jump.

    ProxyJump where it is enough. It takes no key and no options of its own for the machine between (ssh(1), -J), so
    that a host with either needs a ProxyCommand.
    """
    if not key and not arguments:
        host = "[%s]" % address if ":" in address else address
        place = "%s%s%s" % ("%s@" % user if user else "", host, ":%s" % port if port else "")
        return shlex.join(["-o", "ProxyJump=%s" % place])
    words = list(arguments)
    for flag, value in (("-i", key), ("-p", port), ("-l", user)):
        words += [flag, str(value)] if value else []
    # ssh expands % in a ProxyCommand with fewer tokens than elsewhere and dies of an unknown one (such as %C).
    words = [word.replace("%", "%%") for word in words + [address]]
    return shlex.join(["-o", "ProxyCommand=%s" % shlex.join(["ssh", "-W", "[%h]:%p"] + words)])


def _first(variables: Mapping[str, Any], names: Any, default: Any = None) -> Any:
    for name in names:
        if variables.get(name) not in (None, ""):
            return variables[name]
    return default
