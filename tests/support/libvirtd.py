# Copyright: (c) 2026, flotilla.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A libvirtd of the tests' own, kept apart from the machine's.

It runs in its own mount, process and (unless told otherwise) network namespaces with its own state below a temporary
folder. Its guests, networks and processes are invisible to the machine's libvirtd, and all of them end with it, whatever
becomes of the process that started it.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import tempfile
import time
import uuid
from pathlib import Path
from types import TracebackType

# Where libvirt and LXC keep what they know: the name below the temporary folder, and the place in the namespace.
STATE = {
    "run": "/run/libvirt",
    "lib": "/var/lib/libvirt",
    "etc": "/etc/libvirt",
    "cache": "/var/cache/libvirt",
    "log": "/var/log/libvirt",
    "lxc": "/var/lib/lxc",
    "run-lxc": "/run/lxc",
}
# The certificate authority of emulated TPMs, where swtpm is installed: its own user must be able to write there.
SWTPM = ("swtpm-localca", "/var/lib/swtpm-localca")

# PID 1 of the namespace. The shell stays there because it reaps what libvirtd leaves: a guest that has ended would
# otherwise stay a zombie, and libvirt takes a zombie for a guest that does not want to die. sysfs is mounted anew since it
# shows the interfaces of the network namespace that mounted it, and takes the control groups along. It gives itself a name
# because Ansible takes a shell as PID 1 for no answer, guesses from the installed packages, and finds systemd.
START = r"""
set -eu
echo flotilla-test > /proc/self/comm
state=$1
shift
while [ "$#" -gt 0 ]; do
    mount --bind "$state/$1" "$2"
    shift 2
done
if [ -e "$state/own-net" ]; then
    mount --rbind /sys/fs/cgroup "$state/cgroup"
    mount -t sysfs sysfs /sys
    mount --rbind "$state/cgroup" /sys/fs/cgroup
    ip link set lo up
fi
# Pid files of its own: by them one sees which daemons run.
for daemon in virtlogd libvirtd; do
    touch "/run/$daemon.pid" "$state/$daemon.pid"
    mount --bind "$state/$daemon.pid" "/run/$daemon.pid"
done
libvirtd >"$state/libvirtd.out" 2>&1 &
wait
"""


class PrivateLibvirtd:
    """A private libvirtd, started and stopped by a `with` block. Needs root.

    `uri` is what libvirt.open() and the modules' `uri` take. `enter` is the start of a command line that runs inside,
    where `qemu:///system` is this libvirtd, and paths below /var/lib/libvirt and its bridges are its own.
    """

    def __init__(self, share_net: bool = False, deadline: float = 30) -> None:
        """Prepare one; `share_net` keeps the machine's network, `deadline` is in seconds for its first answer."""
        self.share_net = share_net
        self.deadline = deadline
        self.state = Path()
        self._unshare: subprocess.Popen[bytes] | None = None

    @property
    def uri(self) -> str:
        """The connection URI that reaches it from outside."""
        return f"qemu+unix:///system?socket={self.state}/run/libvirt-sock"

    @property
    def enter(self) -> list[str]:
        """The command line prefix that runs a command in its namespaces."""
        namespaces = ["--mount", "--pid"] if self.share_net else ["--mount", "--pid", "--net"]
        return ["nsenter", "--target", str(self._init_pid()), *namespaces, "--wd=.", "--"]

    def __enter__(self) -> PrivateLibvirtd:
        """Start it and return when it answers."""
        self.state = Path(tempfile.mkdtemp(prefix="fv-"))
        self.state.chmod(0o755)  # QEMU runs as a user of its own
        try:
            self._prepare()
            self._start()
            self._wait()
        except BaseException:
            self._stop()
            raise
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        """End its guests and then itself, and remove its state."""
        self._virsh_destroy_all()
        self._stop()

    def _prepare(self) -> None:
        for name, place in STATE.items():
            (self.state / name).mkdir()
            Path(place).mkdir(parents=True, exist_ok=True)  # the mount points, on a machine where libvirt never ran
        if Path(SWTPM[1]).is_dir():
            own = Path(SWTPM[1]).stat()
            (self.state / SWTPM[0]).mkdir()
            os.chown(self.state / SWTPM[0], own.st_uid, own.st_gid)
        (self.state / "cgroup").mkdir()
        (self.state / "log/qemu").mkdir()  # the packages make it; consoles are logged there
        if not self.share_net:
            (self.state / "own-net").touch()
        for name in ("libvirtd.conf", "qemu.conf", "qemu-lockd.conf", "virtlogd.conf", "libvirt.conf", "lxc.conf"):
            if Path("/etc/libvirt", name).is_file():
                shutil.copy2(Path("/etc/libvirt", name), self.state / "etc" / name)
        if Path("/etc/libvirt/nwfilter").is_dir():
            shutil.copytree("/etc/libvirt/nwfilter", self.state / "etc/nwfilter")
        with (self.state / "etc/libvirtd.conf").open("a", encoding="utf-8") as config:
            config.write(f'\nhost_uuid = "{uuid.uuid4()}"\nauth_unix_ro = "none"\nauth_unix_rw = "none"\n')
        with (self.state / "etc/qemu.conf").open("a", encoding="utf-8") as config:
            config.write('\nstdio_handler = "file"\n')  # there is no virtlogd in there
        # What QEMU can do was asked once by the machine's libvirtd; asking again costs seconds.
        if Path("/var/cache/libvirt/qemu/capabilities").is_dir():
            shutil.copytree("/var/cache/libvirt/qemu/capabilities", self.state / "cache/qemu/capabilities")

    def _start(self) -> None:
        binds = [word for name, place in [*STATE.items(), SWTPM] if (self.state / name).is_dir() for word in (name, place)]
        net = [] if self.share_net else ["--net"]
        self._unshare = subprocess.Popen(
            ["setpriv", "--pdeathsig", "KILL", "unshare", "--mount", "--pid", *net, "--propagation", "private", "--mount-proc", "--fork"]
            + ["--kill-child", "--", "bash", "-c", START, "bash", str(self.state), *binds],
            stdin=subprocess.DEVNULL,
        )

    def _init_pid(self) -> int:
        if self._unshare is None:
            raise RuntimeError("this libvirtd is not running: use it in a with block")
        pid = self._unshare.pid
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="ascii").split()
        if not children:
            raise RuntimeError("the private libvirtd has ended")
        return int(children[0])

    def _virsh(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(["virsh", "--quiet", "--connect", self.uri, *arguments], capture_output=True, text=True, check=False)

    def _wait(self) -> None:
        end = time.monotonic() + self.deadline
        while True:
            answer = self._virsh("uri")
            if answer.returncode == 0:
                return
            if self._unshare is not None and self._unshare.poll() is not None or time.monotonic() > end:
                said = (self.state / "libvirtd.out").read_text(encoding="utf-8") if (self.state / "libvirtd.out").exists() else ""
                raise RuntimeError(f"the private libvirtd does not answer: {answer.stderr.strip()}\n{said}")
            time.sleep(0.05)

    def _virsh_destroy_all(self) -> None:
        """End the guests one by one, so that libvirt removes their control groups, which outlive the namespaces."""
        for name in self._virsh("list", "--name").stdout.split("\n"):
            if name.strip():
                self._virsh("destroy", name.strip())

    def _stop(self) -> None:
        if self._unshare is not None:
            self._unshare.send_signal(signal.SIGKILL)  # the kernel ends everything in the process namespace with it
            self._unshare.wait()
            self._unshare = None
        shutil.rmtree(self.state, ignore_errors=True)
