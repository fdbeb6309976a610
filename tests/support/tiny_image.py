# Copyright: (c) 2026, flotilla.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A root file system small enough to be unpacked in no time, made of this machine's own programs."""

from __future__ import annotations

import os
import shutil
import subprocess
import tarfile
from collections.abc import Mapping
from pathlib import Path

TOOLS = ("sh", "sleep", "cat", "head", "tr", "uname", "ls")
INIT = """#!/bin/sh
# An init as small as it gets: it waits for its children, and goes when the host asks (37 is SIGRTMIN+3, podman's for an init).
trap 'exit 0' PWR TERM 37
while :; do sleep 3600 & wait $!; done
"""


def make_image(place: Path, init: str = INIT, tools: tuple[str, ...] = (), files: Mapping[str, str] | None = None) -> Path:
    """A tarball with an init, a shell, a few tools and the files that accounts and names are written to."""
    root = place / "tree"
    for name in ("bin", "sbin", "etc/skel", "etc/ssh", "etc/network", "proc", "sys", "dev", "root", "home", "tmp", "usr/sbin"):
        (root / name).mkdir(parents=True)
    for tool in TOOLS + tools:
        binary = shutil.which(tool)
        assert binary, f"{tool} is not on this machine"
        shutil.copy(os.path.realpath(binary), root / "bin" / tool)
        for word in subprocess.run(["ldd", binary], capture_output=True, text=True, check=True).stdout.split():
            if word.startswith("/"):
                (root / word[1:]).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy(os.path.realpath(word), root / word[1:])
    (root / "sbin/init").write_text(init)
    (root / "sbin/init").chmod(0o755)
    (root / "usr/sbin/ifup").write_text("")
    (root / "etc/passwd").write_text("root:x:0:0:root:/root:/bin/sh\n")
    (root / "etc/group").write_text("root:x:0:\n")
    (root / "etc/shadow").write_text("root:*:1:0:99999:7:::\n")
    (root / "etc/ssh/sshd_config").write_text("")
    (root / "etc/ssh/ssh_host_ed25519_key").write_text("the same in every container\n")
    for name, text in (files or {}).items():
        (root / name).write_text(text)
        (root / name).chmod(0o755 if text.startswith("#!") else 0o644)
    tarball = place / "image.tar"
    with tarfile.open(tarball, "w") as archive:
        archive.add(root, ".")
    return tarball
