# Copyright: (c) 2026, flotilla.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: container
author: The flotilla.virt team (@flotilla)
version_added: 0.1.0
short_description: Run tasks inside a container through its engine
description:
  - Runs commands and moves files inside a container by the engine's own command (for LXC C(lxc-attach), for podman C(podman exec), for
    OpenVZ C(vzctl exec2), for Virtuozzo C(prlctl exec)) on the container's host.
    The container needs neither a network nor an SSH server; modules need Python in it, as everywhere.
  - Where the container's host is another machine than the one on which the play runs, an inner connection is made to it from
    that host's own inventory variables (its C(ansible_connection), C(ansible_user), C(ansible_become) and so on).
  - A virtual machine of Virtuozzo is entered in the same way where the guest tools run in it.
  - The inventory plugin P(flotilla.virt.guests#inventory) sets all options of this connection for each container.
options:
  container:
    description:
      - Name of the container on its host.
      - Where C(ansible_host) is set to something else than the container's name, such as its address, set C(flotilla_name).
    type: str
    default: inventory_hostname
    vars:
      - name: inventory_hostname
      - name: ansible_host
      - name: flotilla_name
      - name: ansible_container_name
  engine:
    description: The engine that runs the container.
    type: str
    default: lxc
    choices: [lxc, podman, openvz, virtuozzo]
    vars:
      - name: flotilla_engine
      - name: ansible_container_engine
  host:
    description:
      - Inventory name of the machine on which the container runs.
      - Without it that is the machine on which the play runs.
    type: str
    vars:
      - name: flotilla_host
      - name: ansible_container_host
  host_become:
    description:
      - Whether to become root on the host, for an inner connection that logs in as another user. The method, the password
        and so on are the host's own (C(ansible_become_method), C(ansible_become_password)).
      - Without it the host's own C(ansible_become) says so.
    type: bool
    vars:
      - name: ansible_container_host_become
  path:
    description: Directory that holds the containers of LXC, where it is not the engine's own default.
    type: path
    vars:
      - name: ansible_container_path
extends_documentation_fragment:
  - connection_pipelining
"""

EXAMPLES = r"""
# inventory.yml: one container on this machine, one on a remote host that is reached by SSH and needs sudo
all:
  hosts:
    kvm1:
      ansible_host: kvm1.example.com
      ansible_user: admin
      ansible_become: true
    web-1:
      ansible_connection: flotilla.virt.container
    web-2:
      ansible_connection: flotilla.virt.container
      flotilla_name: web
      flotilla_host: kvm1
"""

import re
import shlex
from typing import List, Optional, Tuple

from ansible.errors import AnsibleConnectionFailure, AnsibleError
from ansible.module_utils.common.text.converters import to_bytes, to_native, to_text
from ansible.plugins.connection import ensure_connect
from ansible.utils.display import Display
from ansible_collections.flotilla.virt.plugins.plugin_utils._inner import ROOTS_ENVIRONMENT, InnerConnection, parts

display = Display()

CHUNK = 16 * 1024 * 1024
"""Bytes of a file that travel at once: it bounds memory, and a call costs some 10 ms."""


def lxc_command(container: str, path: Optional[str]) -> List[str]:
    """The command line of LXC's attach, to which the command inside is appended."""
    place = ["-P", path] if path else []
    variables = ["--set-var=%s=%s" % pair for pair in sorted(ROOTS_ENVIRONMENT.items())]
    return ["lxc-attach"] + place + ["-n", container, "--clear-env"] + variables + ["--"]


def lxc_unreachable(container: str, _code: int, stderr: bytes) -> bool:
    """Whether lxc-attach itself failed: a message with its own source line, and not one of the command inside."""
    pattern = rb"^lxc-attach: %s: \S+\.c: " % re.escape(to_bytes(container))
    return re.search(pattern, stderr, re.MULTILINE) is not None


def podman_command(container: str, _path: Optional[str]) -> List[str]:
    """The command line of podman's exec, to which the command inside is appended. It reads input only with C(--interactive)."""
    variables = ["--env=%s=%s" % pair for pair in sorted(ROOTS_ENVIRONMENT.items())]
    return ["podman", "exec", "--interactive", "--user=0"] + variables + [container]


def podman_unreachable(container: str, code: int, stderr: bytes) -> bool:
    """Whether podman itself could not start the command: there is no such container (125), or it does not run (255)."""
    pattern = rb"^Error: (no container with name or ID \"%s\" found|can only create exec sessions on running containers)" % (
        re.escape(to_bytes(container)))
    return code in (125, 255) and re.search(pattern, stderr, re.MULTILINE) is not None


def openvz_command(container: str, _path: Optional[str]) -> List[str]:
    """The command line of vzctl's exec2, to which one word is appended (see `in_one_word`).

    C(--quiet) keeps vzctl's own notices out of the streams, and its errors too: the codes are what is left of them.
    """
    return ["vzctl", "--quiet", "exec2", container]


def in_one_word(argv: List[str]) -> List[str]:
    """A command for vzctl, which joins its words and gives them to a shell inside; its own environment has no home."""
    words = ["env"] + ["%s=%s" % pair for pair in sorted(ROOTS_ENVIRONMENT.items())] + argv
    return [" ".join(shlex.quote(word) for word in words)]


def openvz_unreachable(_container: str, code: int, stderr: bytes) -> bool:
    """Whether a code may be vzctl's own (no configuration 14, no such name 21, not running 31): there is no error text, or one of vzctl's.

    The command inside may end so too, so vzctl is then asked whether the container runs.
    """
    pattern = rb"^(Bad CT ID |Invalid ctid is specified|Container is not running|Container config(uration)? file does not exist)"
    return code in (14, 21, 31) and (not stderr.strip() or re.search(pattern, stderr, re.MULTILINE) is not None)


def virtuozzo_command(container: str, _path: Optional[str]) -> List[str]:
    """The command line of prlctl's exec, to which the command inside is appended: without a shell it keeps its words."""
    variables = ["%s=%s" % pair for pair in sorted(ROOTS_ENVIRONMENT.items())]
    return ["prlctl", "exec", container, "--without-shell", "env"] + variables


def virtuozzo_unreachable(_container: str, code: int, _stderr: bytes) -> bool:
    """Whether a code may be prlctl's own: no dispatcher (253), frozen (254), or an error of its library (255).

    The command inside may end so too, so prlctl is then asked whether the guest runs.
    """
    return code in (253, 254, 255)


ENGINES = {"lxc": (lxc_command, lxc_unreachable), "podman": (podman_command, podman_unreachable), "openvz": (openvz_command, openvz_unreachable),
           "virtuozzo": (virtuozzo_command, virtuozzo_unreachable)}
STATUS = {"openvz": "vzctl status ", "virtuozzo": "prlctl status "}
"""What says whether a container runs, for engines whose exit codes are the command's inside too. The last word is the state."""


class Connection(InnerConnection):
    """A connection into a container, through a connection to its host."""

    transport = "flotilla.virt.container"
    has_pipelining = True
    has_tty = False
    default_user = "root"
    guest = "container"
    host_variables = ("ansible_container_host", "flotilla_host")

    def _run(self, argv: List[str], in_data: Optional[bytes] = None, sudoable: bool = False) -> Tuple[int, bytes, bytes]:
        """Run a command inside; an engine that cannot reach the container makes it unreachable."""
        make, unreachable = ENGINES[self.get_option("engine")]
        container = self.get_option("container")
        if self.get_option("engine") == "openvz":
            argv = in_one_word(argv)
        line = " ".join(shlex.quote(word) for word in make(container, self.get_option("path")) + argv)
        inner = self.inner()
        if self._inner_become:
            line = inner.become.build_become_command(line, inner._shell)
            sudoable = True
        else:
            # Only the connection that starts the process can answer a prompt. We are root inside, so most methods ask nothing.
            sudoable = sudoable and self.become is not None and self.become.expect_prompt()
            inner.set_become_plugin(self.become if sudoable else None)
        display.vvv("EXEC %s" % line, host=container)
        code, out, err = inner.exec_command(line, in_data=in_data, sudoable=sudoable)
        if code != 0 and unreachable(container, code, to_bytes(err)) and not self._was_inside(container, out):
            raise AnsibleConnectionFailure("cannot enter the container %s: %s" % (container, to_native(err).strip()))
        return code, out, err

    def _was_inside(self, container: str, out: bytes) -> bool:
        """Whether an ambiguous code is that of the command inside: it has printed something, or the container runs."""
        question = STATUS.get(self.get_option("engine"))
        inner = self._inner
        if question is None or inner is None:
            return False
        line = question + shlex.quote(container)
        if self._inner_become:
            line = inner.become.build_become_command(line, inner._shell)
        return bool(out) or " running" in to_text(inner.exec_command(line, sudoable=self._inner_become)[1])

    @ensure_connect
    def exec_command(self, cmd: str, in_data: Optional[bytes] = None, sudoable: bool = True) -> Tuple[int, bytes, bytes]:
        """Run a shell command inside the container; return its exit code and both streams."""
        super().exec_command(cmd, in_data=in_data, sudoable=sudoable)
        return self._run(["/bin/sh", "-c", to_text(cmd)], in_data, sudoable)

    @ensure_connect
    def put_file(self, in_path: str, out_path: str) -> None:
        """Copy a file of the controller into the container."""
        super().put_file(in_path, out_path)
        for first, data in parts(in_path, CHUNK):
            sign = ">" if first else ">>"
            command = "cat %s %s" % (sign, shlex.quote(out_path)) if data else ": > " + shlex.quote(out_path)
            code, _out, err = self._run(["/bin/sh", "-c", command], data or None)
            if code != 0:
                raise AnsibleError("cannot write %s in the container %s: %s"
                                   % (out_path, self.get_option("container"), to_native(err).strip()))

    @ensure_connect
    def fetch_file(self, in_path: str, out_path: str) -> None:
        """Copy a file of the container to the controller."""
        super().fetch_file(in_path, out_path)
        with open(to_bytes(out_path, errors="surrogate_or_strict"), "wb") as stream:
            block = 0
            while True:
                code, data, err = self._run(["dd", "if=" + in_path, "bs=%d" % CHUNK, "skip=%d" % block, "count=1",
                                             "iflag=fullblock"])
                if code != 0:
                    raise AnsibleError("cannot read %s in the container %s: %s"
                                       % (in_path, self.get_option("container"), to_native(err).strip()))
                stream.write(data)
                if len(data) < CHUNK:
                    return
                block += 1
