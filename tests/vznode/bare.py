# Copyright: (c) 2026, flotilla.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A node without Python: the root of a `Node` as the root of a few processes.

They are in mount and process namespaces of their own, in a root with a shell, coreutils, flock and OpenSSH and nothing else, so that
no Python of this machine can be reached, not even through /proc. `vzctl`, `vzlist` and `vzpkg` there are relay.c; the double, which
is Python, runs outside (relay.py) over the same /etc/vz and /vz.
"""

from __future__ import annotations

import os
import shutil
import stat
import subprocess
import sys
import time
from pathlib import Path

from .node import Node

COREUTILS = ("cat", "chgrp", "chmod", "chown", "cut", "date", "dd", "env", "head", "id", "ln", "ls", "mkdir", "mktemp", "mv", "printf", "pwd",
             "readlink", "rm", "rmdir", "sleep", "sort", "stat", "sync", "tail", "tee", "test", "timeout", "touch", "tr", "true", "uname", "wc")
OTHERS = ("bash", "dash", "flock", "getconf", "grep", "sed", "ssh-keygen")
SERVER = "/usr/sbin/sshd"
PROGRAMS = ("vzctl", "vzlist", "vzpkg")
HERE = Path(__file__).parent
DEADLINE = 20.0


def make_base(place: Path) -> Path:
    """The root without what is one node's own. It is linked into each node, never changed."""
    for folder in ("bin", "usr/sbin", "usr/bin", "etc/ssh", "root", "proc", "dev/pts", "sys/fs/cgroup", "run/sshd", "var/lock", "var/lib", "var/empty",
                   "tmp"):
        (place / folder).mkdir(parents=True)
    for tool in (*COREUTILS, *OTHERS):
        path = shutil.which(tool)
        assert path, f"{tool} is not on this machine"
        _copy(place, Path(os.path.realpath(path)), f"usr/bin/{tool}" if tool == "ssh-keygen" else f"bin/{tool}")
    (place / "bin/sh").symlink_to("bash")
    (place / "dev/ptmx").symlink_to("pts/ptmx")
    _copy(place, Path(SERVER), SERVER[1:])
    _add_sudo(place)
    subprocess.run(["cc", "-O1", "-static", "-o", str(place / "usr/sbin/vzctl"), str(HERE / "relay.c")], check=True)
    for name in PROGRAMS[1:]:
        os.link(place / "usr/sbin/vzctl", place / "usr/sbin" / name)
    (place / "etc/passwd").write_text("root:x:0:0:root:/root:/bin/sh\nsshd:x:74:74::/var/empty:/bin/false\nops:x:500:500::/tmp:/bin/sh\n")
    (place / "etc/group").write_text("root:x:0:\nsshd:x:74:\nops:x:500:\n")
    return place


def _add_sudo(place: Path) -> None:
    """For the user ops, without a password."""
    _copy(place, Path("/usr/bin/sudo"), "usr/bin/sudo")
    (place / "usr/bin/sudo").chmod(0o4755)
    for library in Path("/usr/libexec/sudo").glob("*.so*"):
        (place / "usr/libexec/sudo").mkdir(parents=True, exist_ok=True)
        _copy(place, library, f"usr/libexec/sudo/{library.name}")
    permit = next(Path("/").glob("lib/*/security/pam_permit.so"))
    (place / permit.parent.relative_to("/")).mkdir(parents=True)
    _copy(place, permit, str(permit.relative_to("/")))
    (place / "etc/pam.d").mkdir()
    (place / "etc/pam.d/sudo").write_text("".join(f"{kind} sufficient pam_permit.so\n" for kind in ("auth", "account", "session")))
    (place / "etc/sudoers").write_text("ops ALL=(ALL) NOPASSWD: ALL\n")
    (place / "etc/sudoers").chmod(0o440)


def _copy(place: Path, program: Path, name: str) -> None:
    shutil.copy(program, place / name)
    for word in subprocess.run(["ldd", str(program)], capture_output=True, text=True, check=True).stdout.split():
        if word.startswith("/"):
            (place / word[1:]).parent.mkdir(parents=True, exist_ok=True)
            if not (place / word[1:]).exists():
                shutil.copy(os.path.realpath(word), place / word[1:])


class BareNode:
    """A `Node` whose root is a root without Python; `enter` is the start of a command line that runs there."""

    def __init__(self, node: Node, base: Path) -> None:
        self.node = node
        root = node.root
        subprocess.run(["cp", "-al", f"{base}/.", str(root)], check=True)
        # What the double mounts outside is to be seen inside.
        subprocess.run(["mount", "--bind", str(root), str(root)], check=True)
        subprocess.run(["mount", "--make-shared", str(root)], check=True)
        for name, number in (("null", 3), ("zero", 5), ("random", 8), ("urandom", 9)):
            os.mknod(root / "dev" / name, 0o666 | stat.S_IFCHR, os.makedev(1, number))
            (root / "dev" / name).chmod(0o666)
        for bridge in ("br0", "br1"):
            (root / "sys/class/net" / bridge / "bridge").mkdir(parents=True)
        self.relay = subprocess.Popen(  # pylint: disable=consider-using-with
            [sys.executable, str(HERE / "relay.py"), str(root / "run/vznode"), str(root), str(node.version), *node.host_network],
            stdout=subprocess.PIPE)
        assert self.relay.stdout is not None and self.relay.stdout.readline() == b"up\n"
        script = f"mount -t proc proc {root}/proc && mount -t devpts -o ptmxmode=0666 pts {root}/dev/pts && "
        script += f"mount --rbind /sys/fs/cgroup {root}/sys/fs/cgroup && exec chroot {root} /bin/bash -c 'while :; do sleep 1000 & wait $!; done'"
        # An init that waits for the processes that others have left.
        self.holder = subprocess.Popen(  # pylint: disable=consider-using-with
            ["unshare", "-m", "-p", "--fork", "--kill-child", "--propagation", "slave", "sh", "-c", script])
        self.enter = ["nsenter", "-t", str(self._inside()), "-m", "-p", "-r", "-w", "--"]

    def _inside(self) -> int:
        children = Path(f"/proc/{self.holder.pid}/task/{self.holder.pid}/children")
        deadline = time.monotonic() + DEADLINE
        while True:
            pids = children.read_text().split()
            if pids and Path(f"/proc/{pids[0]}/comm").read_text() == "bash\n":
                return int(pids[0])
            assert time.monotonic() < deadline and self.holder.poll() is None
            time.sleep(0.001)

    def execute(self, line: str, data: str, _timeout: float, shell: str = "/bin/sh") -> tuple[int, str, str]:
        """What a connection does: give a line to /bin/sh there. See `shell.Execute`; what bounds its time is on the node."""
        said = subprocess.run([*self.enter, shell, "-c", line], input=data.encode("utf-8", "surrogateescape"), capture_output=True,
                              env={"PATH": "/usr/bin:/bin"}, check=False)
        return said.returncode, said.stdout.decode("utf-8", "surrogateescape"), said.stderr.decode("utf-8", "surrogateescape")

    def end(self) -> None:
        """Everything there ends."""
        for process in (self.holder, self.relay):
            process.kill()
            process.wait()
        subprocess.run(["umount", "-l", str(self.node.root)], check=True)
