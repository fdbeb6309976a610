# Copyright: (c) 2026, flotilla.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The contract on a real node: the recorded scenarios, played over SSH on a node that its owner names in VZ_NODE.

    VZ_NODE=ssh://root@node.example.com VZ_TEMPLATE=centos-6-x86_64 build/venv/bin/python -m pytest tests/system/openvz/test_node.py

The node must have no containers; what a scenario makes is destroyed after it. Scenarios with steps that were done by hand, and those of
programs that worked on configuration files only (version 7), are left to the double.
"""

from __future__ import annotations

import shlex
import subprocess
from collections.abc import Sequence
from urllib.parse import urlsplit

TEMPLATES = ("busybox-1-x86_64", "debian-12-x86_64")


def ssh_to(url: str) -> list[str]:
    """The start of a command line that runs the rest on the node of an `ssh://` address."""
    parts = urlsplit(url)
    if parts.scheme != "ssh" or not parts.hostname:
        raise ValueError(f"VZ_NODE={url} is not ssh://[user@]host[:port]")
    port = ["-p", str(parts.port)] if parts.port else []
    return ["ssh", "-o", "BatchMode=yes", *port, (parts.username + "@" if parts.username else "") + parts.hostname]


class RemoteNode:
    """A node behind a command line: `enter` gets one word more, the command for its shell."""

    def __init__(self, enter: Sequence[str], template: str = "") -> None:
        self.enter = list(enter)
        self.template = template

    def run(self, argv: Sequence[str], stdin: str = "") -> tuple[int, str, str]:
        """Exit code and both streams of a command, with the recording's name of the template."""
        words = [self.template if self.template and word in TEMPLATES else word for word in argv]
        done = subprocess.run([*self.enter, " ".join(shlex.quote(word) for word in words)], input=stdin.encode(), capture_output=True, check=False)
        out, err = (stream.decode("utf-8", "surrogateescape") for stream in (done.stdout, done.stderr))
        if self.template:
            out, err = out.replace(self.template, TEMPLATES[0]), err.replace(self.template, TEMPLATES[0])
        return done.returncode, out, err

    def containers(self) -> list[str]:
        """The ids of every container of the node."""
        return self.run(["vzlist", "-a", "-H", "-o", "ctid"])[1].split()

    def clean(self) -> None:
        """Destroy every container; the node had none."""
        for ident in self.containers():
            for words in (("stop", ident, "--fast"), ("umount", ident), ("destroy", ident)):
                self.run(["vzctl", *words])
