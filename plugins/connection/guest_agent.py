# Copyright: (c) 2026, flotilla.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: guest_agent
author: The flotilla.virt team (@flotilla)
version_added: 0.1.0
short_description: Run tasks inside a domain through its QEMU guest agent
description:
  - Runs commands and moves files inside a KVM guest by libvirt and the guest's agent. The guest needs neither a network nor an
    SSH server; it needs the agent (qemu-guest-agent), and modules need Python in it, as everywhere.
  - For Windows set C(ansible_shell_type) to V(powershell); commands then run in its PowerShell, and C(runas) is the way to
    become another user. The agent runs as root, on Windows as SYSTEM, so that no method needs a password on Linux.
  - Some distributions (RHEL and its kin) forbid the commands C(guest-exec) and C(guest-file-*) to the agent, which is
    configured inside the guest.
  - Where the domain's host is another machine than the one on which the play runs, an inner connection is made to it from
    that host's own inventory variables (its C(ansible_connection), C(ansible_user), C(ansible_become) and so on).
  - What is run reaches the host on the standard input of a Python process there, never on a command line.
options:
  domain:
    description:
      - Name of the domain on its host.
    type: str
    default: inventory_hostname
    vars:
      - name: inventory_hostname
      - name: flotilla_name
      - name: ansible_guest_agent_domain
  uri:
    description: The libvirt connection, as seen from the host.
    type: str
    default: qemu:///system
    vars:
      - name: ansible_guest_agent_uri
  host:
    description:
      - Inventory name of the machine on which the domain runs.
      - Without it that is the machine on which the play runs.
    type: str
    vars:
      - name: flotilla_host
      - name: ansible_guest_agent_host
  host_become:
    description:
      - Whether to become root on the host, for an inner connection that logs in as another user. The method, the password
        and so on are the host's own (C(ansible_become_method), C(ansible_become_password)).
      - Without it the host's own C(ansible_become) says so.
    type: bool
    vars:
      - name: ansible_guest_agent_host_become
  python:
    description:
      - Python on the host that has libvirt-python.
      - Without it the host's own C(ansible_python_interpreter) where that is a path, else C(/usr/bin/python3); on the machine
        on which the play runs, Ansible's own.
    type: str
    vars:
      - name: ansible_guest_agent_python
extends_documentation_fragment:
  - connection_pipelining
"""

EXAMPLES = r"""
# inventory.yml: a Linux guest on this machine, and a Windows guest on a remote host that is reached by SSH and needs sudo
all:
  hosts:
    kvm1:
      ansible_host: kvm1.example.com
      ansible_user: admin
      ansible_become: true
    db1:
      ansible_connection: flotilla.virt.guest_agent
    ad1:
      ansible_connection: flotilla.virt.guest_agent
      ansible_shell_type: powershell
      flotilla_host: kvm1
"""

import base64
import json
import shlex
import sys
from typing import Any, Dict, List, Optional, Tuple

from ansible.errors import AnsibleConnectionFailure, AnsibleError
from ansible.module_utils.common.text.converters import to_bytes, to_native, to_text
from ansible.plugins.connection import ensure_connect
from ansible.plugins.shell import powershell
from ansible.utils.display import Display
from ansible_collections.flotilla.virt.plugins.plugin_utils import _agent_relay
from ansible_collections.flotilla.virt.plugins.plugin_utils._inner import ROOTS_ENVIRONMENT, InnerConnection, parts

display = Display()

CHUNK = 8 * 1024 * 1024
"""Bytes of a file that travel at once: it bounds memory, and a call costs some 100 ms."""


def relay_source() -> str:
    """The program that talks to libvirt on the host."""
    with open(_agent_relay.__file__, encoding="utf-8") as handle:
        return handle.read()


class Connection(InnerConnection):
    """A connection into a domain by its agent, through a connection to its host."""

    transport = "flotilla.virt.guest_agent"
    has_pipelining = True
    has_tty = False
    guest = "domain"
    host_variables = ("ansible_guest_agent_host", "flotilla_host")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._relay = ""
        if self._is_windows():
            # As Ansible's own connections to Windows have it: modules are PowerShell, and are always piped.
            self.has_native_async = True
            self.always_pipeline_modules = True
            self.module_implementation_preferences = (".ps1", ".exe", "")
            self.allow_executable = False

    def _is_windows(self) -> bool:
        return bool(getattr(self._shell, "_IS_WINDOWS", False))

    def _python(self) -> str:
        said = self.get_option("python")
        if said:
            return str(said)
        if not self.get_option("host"):
            return sys.executable
        own = str(self._host_vars.get("ansible_python_interpreter") or "")
        return own if own.startswith("/") else "/usr/bin/python3"

    def _ask(self, **request: Any) -> Dict[str, Any]:
        """Has the relay on the host carry out one request; a domain or an agent that cannot be asked is unreachable."""
        domain = self.get_option("domain")
        self._relay = self._relay or relay_source()
        line = " ".join(shlex.quote(word) for word in (self._python(), "-c", self._relay))
        inner, sudoable = self.inner(), False
        if self._inner_become:
            line = inner.become.build_become_command(line, inner._shell)
            sudoable = True
        else:
            inner.set_become_plugin(None)
        text = json.dumps({"uri": self.get_option("uri"), "domain": domain, **request})
        code, out, err = inner.exec_command(line, in_data=to_bytes(text), sudoable=sudoable)
        try:
            answer: Dict[str, Any] = json.loads(to_text(out).strip().splitlines()[-1])
        except (ValueError, IndexError):
            raise AnsibleConnectionFailure("cannot ask the agent of %s on its host: exit code %s: %s" % (
                domain, code, to_native(err).strip() or to_native(out).strip())) from None
        if "away" in answer:
            raise AnsibleConnectionFailure("cannot ask the agent of %s: %s" % (domain, answer["away"]))
        return answer

    def _command(self, cmd: str) -> List[str]:
        if self._is_windows():
            return [str(word) for word in self._shell._encode_script(cmd, as_list=True, strict_mode=False, preserve_rc=False)]
        return ["/bin/sh", "-c", cmd]

    @ensure_connect
    def exec_command(self, cmd: str, in_data: Optional[bytes] = None, sudoable: bool = True) -> Tuple[int, bytes, bytes]:
        """Run a shell command inside the domain; return its exit code and both streams."""
        super().exec_command(cmd, in_data=in_data, sudoable=sudoable)
        argv = self._command(to_text(cmd))
        display.vvv("EXEC %s" % to_text(cmd), host=self.get_option("domain"))
        stdin = base64.b64encode(to_bytes(in_data)).decode("ascii") if in_data else ""
        # A service such as the agent has no HOME by itself, and Ansible's `~` would stay one.
        env = [] if self._is_windows() else ["%s=%s" % pair for pair in sorted(ROOTS_ENVIRONMENT.items())]
        answer = self._ask(do="run", path=argv[0], arguments=argv[1:], stdin=stdin, env=env)
        if "refused" in answer:
            raise AnsibleConnectionFailure("the agent of %s does not run commands: %s" % (self.get_option("domain"), answer["refused"]))
        out, err = (base64.b64decode(answer[stream]) for stream in ("out", "err"))
        return int(answer["code"]), out, self._plain(err)

    def _plain(self, err: bytes) -> bytes:
        """PowerShell writes its error stream as XML; Ansible's own shell plugin knows how to read it."""
        if not self._is_windows():
            return err
        if hasattr(powershell, "_replace_stderr_clixml"):
            return bytes(powershell._replace_stderr_clixml(err))
        return bytes(powershell._parse_clixml(err)) if err.startswith(b"#< CLIXML") else err

    def _path(self, path: str) -> str:
        """A path as the agent opens it; Ansible's shell of Windows quotes some."""
        return str(self._shell._unquote(path)) if self._is_windows() else path

    @ensure_connect
    def put_file(self, in_path: str, out_path: str) -> None:
        """Copy a file of the controller into the domain."""
        super().put_file(in_path, out_path)
        for first, data in parts(in_path, CHUNK):
            answer = self._ask(do="write", path=self._path(out_path), mode="wb" if first else "ab", data=base64.b64encode(data).decode("ascii"))
            if "refused" in answer:
                raise AnsibleError("cannot write %s in the domain %s: %s" % (out_path, self.get_option("domain"), answer["refused"]))

    @ensure_connect
    def fetch_file(self, in_path: str, out_path: str) -> None:
        """Copy a file of the domain to the controller."""
        super().fetch_file(in_path, out_path)
        with open(to_bytes(out_path, errors="surrogate_or_strict"), "wb") as stream:
            while True:
                answer = self._ask(do="read", path=self._path(in_path), offset=stream.tell(), count=CHUNK)
                if "refused" in answer:
                    raise AnsibleError("cannot read %s in the domain %s: %s" % (in_path, self.get_option("domain"), answer["refused"]))
                data = base64.b64decode(answer["data"])
                stream.write(data)
                if len(data) < CHUNK:
                    return
