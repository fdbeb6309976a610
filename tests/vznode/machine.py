# Copyright: (c) 2026, flotilla.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The real work behind the double: a root file system, an init in its own namespaces, control groups, interfaces.

What vzctl does in its kernel is done here with the namespaces and control groups of any kernel.
"""

from __future__ import annotations

import os
import shutil
import signal
import stat
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from .node import Node, kill_quietly, nics_of, started, token

DEADLINE = 20.0
STOP_TIMEOUT = 3
"""Seconds that a stop waits before it kills where STOP_TIMEOUT says nothing; the real one has 120."""
_ENVIRONMENT = {"HOME": "/", "TERM": "linux", "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"}
# mount the process file system, set the name, then become init: one process from fork to init, so PID 1 never changes.
_BOOT = ('mount -t proc proc "$1/proc" 2>/dev/null; hostname "$2"; cd "$1" && for init in /sbin/init /etc/init /bin/init; do '
         '[ -x ".$init" ] && exec chroot . "$init"; done; exec chroot . /bin/sh -c "while :; do sleep 3600; done"')


class Failed(Exception):
    """The work failed, as the kernel or a command says."""


def _run(*argv: str, check: bool = True, stdin: bytes | None = None) -> subprocess.CompletedProcess[bytes]:
    done = subprocess.run(argv, capture_output=True, check=False, input=stdin if stdin is not None else b"")
    if check and done.returncode:
        raise Failed(done.stderr.decode(errors="replace").strip())
    return done


def unpack(node: Node, ident: str, tarball: Path, place: Path | None = None) -> None:
    """Unpack a template under a temporary name, then put it in place: the private area itself, or another folder."""
    partial = node.private(ident).with_name(f"{ident}.tmp")
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir(parents=True)
    _run("tar", "-xpf", str(tarball), "--numeric-owner", "-C", str(partial))
    for name, minor in (("null", 3), ("zero", 5), ("random", 8), ("urandom", 9)):
        if (partial / "dev").is_dir() and not (partial / "dev" / name).exists():
            os.mknod(partial / "dev" / name, 0o666 | stat.S_IFCHR, os.makedev(1, minor))
    shift = int(node.global_config().values.get("LOCAL_UID") or 0)
    if shift:
        # An unprivileged container, as vzctl 4 makes them without an OpenVZ kernel; here only its files are.
        for folder, names, files in os.walk(partial):
            for path in [folder, *(os.path.join(folder, name) for name in names + files)]:
                owner = os.lstat(path)
                os.lchown(path, owner.st_uid + shift, owner.st_gid + shift)
    place = place or node.private(ident)
    place.parent.mkdir(parents=True, exist_ok=True)
    partial.rename(place)


def mount(node: Node, ident: str) -> None:
    """Mount the private area on the root. Raises Failed."""
    root = node.mount_point(ident)
    root.mkdir(parents=True, exist_ok=True)
    _run("mount", "--bind", str(node.rootfs(ident)), str(root))


def umount(node: Node, ident: str) -> None:
    """Unmount the root."""
    root = node.mount_point(ident)
    while node.mounted(ident):
        _run("umount", "-l", str(root))


# -- control groups -----------------------------------------------------------------------------------------------

def _cgroups(live: dict[str, Any]) -> dict[str, Path]:
    base = Path("/sys/fs/cgroup")
    name = f"vznode-{live['token']}"
    if (base / "memory").is_dir():
        return {"memory": base / "memory" / name, "cpu": base / "cpu" / name, "freezer": base / "freezer" / name}
    return {"memory": base / name, "cpu": base / name, "freezer": base / name}


def set_memory(live: dict[str, Any], pages: int) -> None:
    """Set the memory limit of a running container. Raises OSError as the kernel does."""
    group = _cgroups(live)["memory"]
    old = group / "memory.limit_in_bytes"
    limit = -1 if pages >= 1 << 50 or pages == 0 else pages * 4096
    path, text = (old, str(limit)) if old.exists() else (group / "memory.max", "max" if limit < 0 else str(limit))
    path.write_text(text)


def memory_pages(live: dict[str, Any]) -> tuple[int, int]:
    """Pages in use, and the limit, of a running container."""
    group = _cgroups(live)["memory"]
    if (group / "memory.limit_in_bytes").exists():
        used, limit = (group / "memory.usage_in_bytes").read_text(), (group / "memory.limit_in_bytes").read_text()
    else:
        used, limit = (group / "memory.current").read_text(), (group / "memory.max").read_text()
    return int(used) // 4096, (1 << 63) // 4096 - 1 if limit.strip() == "max" else int(limit) // 4096


def set_cpu(live: dict[str, Any], units: int, percent: int) -> None:
    """Set the CPU share and the quota in percent of one CPU (0: none)."""
    group = _cgroups(live)["cpu"]
    if (group / "cpu.shares").exists():
        (group / "cpu.shares").write_text(str(max(2, units)))
        (group / "cpu.cfs_quota_us").write_text(str(percent * 1000 if percent else -1))
    else:
        (group / "cpu.max").write_text(f"{percent * 1000} 100000" if percent else "max 100000")


def freeze(node: Node, ident: str, on: bool) -> None:
    """Stop all processes of a container where they are, or let them go on."""
    live = node.live(ident)
    group = _cgroups(live)["freezer"]
    if (group / "freezer.state").exists():
        (group / "freezer.state").write_text("FROZEN" if on else "THAWED")
    else:
        (group / "cgroup.freeze").write_text("1" if on else "0")
    live["paused"] = on
    node.note(ident, live)


# -- network ------------------------------------------------------------------------------------------------------

def _ip(node: Node, *words: str, check: bool = True) -> None:
    _run(*node.host_network, "ip", *words, check=check)


def _inside(live: dict[str, Any], *words: str, check: bool = True) -> None:
    _run("nsenter", "-t", str(live["pid"]), "-n", "ip", *words, check=check)


def add_address(node: Node, ident: str, address: str) -> None:
    """Give a running container a routed address on its venet0."""
    live = node.live(ident)
    host = f"vn{live['token']}"
    if not live.get("venet"):
        _ip(node, "link", "add", host, "type", "veth", "peer", "name", "venet0", "netns", str(live["pid"]))
        _ip(node, "link", "set", host, "up")
        _inside(live, "link", "set", "venet0", "up")
        _inside(live, "addr", "add", "127.0.0.2/32", "dev", "venet0")
        # A bridged interface may have brought a gateway before.
        _inside(live, "route", "add", "default", "dev", "venet0", check=False)
        live["venet"] = True
        node.note(ident, live)
    bare = address.partition("/")[0]
    length = "128" if ":" in bare else "32"
    _inside(live, "addr", "replace", f"{bare}/{length}", "dev", "venet0")
    _ip(node, *(["-6"] if ":" in bare else []), "route", "replace", f"{bare}/{length}", "dev", host)


def delete_address(node: Node, ident: str, address: str) -> None:
    """Take a routed address away; one that is not there is fine."""
    live = node.live(ident)
    bare = address.partition("/")[0]
    if live.get("venet"):
        length = "128" if ":" in bare else "32"
        _inside(live, "addr", "del", f"{bare}/{length}", "dev", "venet0", check=False)
        _ip(node, *(["-6"] if ":" in bare else []), "route", "del", f"{bare}/{length}", check=False)


def add_nic(node: Node, ident: str, nic: dict[str, str]) -> None:
    """Plug a veth interface into a running container, and its other end into the bridge where there is one."""
    live = node.live(ident)
    host = nic["host_ifname"]
    _ip(node, "link", "del", host, check=False)
    _ip(node, "link", "add", host, "address", nic["host_mac"], "type", "veth", "peer", "name", nic["ifname"], "address", nic["mac"],
        "netns", str(live["pid"]))
    _ip(node, "link", "set", host, "up")
    if nic.get("bridge"):
        _ip(node, "link", "set", host, "master", nic["bridge"], check=False)


def delete_nic(node: Node, ident: str, name: str) -> str:
    """Unplug a veth interface; returns what ip says where there is none."""
    done = _run("nsenter", "-t", str(node.live(ident)["pid"]), "-n", "ip", "link", "del", name, check=False)
    return done.stderr.decode().strip()


# -- start and stop -----------------------------------------------------------------------------------------------

def start(node: Node, ident: str, settings: dict[str, str]) -> None:
    """Start init in namespaces and control groups of its own, and wait until it is init."""
    # One that went by itself has left its control groups.
    _forget(node, ident)
    live: dict[str, Any] = {"token": token(), "addresses": [], "settings": dict(settings)}
    groups = _cgroups(live)
    for group in groups.values():
        group.mkdir(exist_ok=True)
    root = node.mount_point(ident)

    def enter() -> None:
        for group in groups.values():
            (group / "cgroup.procs").write_text("0")

    process = subprocess.Popen(  # pylint: disable=subprocess-popen-preexec-fn,consider-using-with
        ["unshare", "--fork", "--pid", "--mount", "--uts", "--net", "--ipc", "--propagation", "private", "sh", "-c", _BOOT, "boot", str(root),
         settings.get("HOSTNAME") or os.uname().nodename],
        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True, preexec_fn=enter)
    node.processes.append(process)
    live["pid"] = _wait_for_init(process, root)
    live["started"] = started(live["pid"])
    node.note(ident, live)
    _inside(live, "link", "set", "lo", "up")


def _wait_for_init(process: subprocess.Popen[bytes], root: Path) -> int:
    deadline = time.monotonic() + DEADLINE
    children = Path(f"/proc/{process.pid}/task/{process.pid}/children")
    while time.monotonic() < deadline:
        pids = children.read_text().split() if children.exists() else []
        if pids and os.path.realpath(os.readlink(f"/proc/{pids[0]}/root")) == os.path.realpath(root):
            return int(pids[0])
        if process.poll() is not None:
            raise Failed("init ended at once")
        time.sleep(0.002)
    raise Failed("init did not start")


def stop(node: Node, ident: str, timeout: float, limit: float | None = None) -> bool:
    """Ask init to end, and kill it after `timeout` seconds; returns whether it went by itself.

    limit: after how many seconds the caller ends vzctl itself, which then does nothing more (TimeoutError).
    """
    pid = node.init(ident)
    kill_quietly(pid, signal.SIGTERM)
    gone = _wait_gone(node, ident, timeout if limit is None else min(timeout, limit))
    if not gone and limit is not None and limit < timeout:
        raise TimeoutError
    if not gone:
        kill(node, ident)
    else:
        _forget(node, ident)
    return gone


def kill(node: Node, ident: str) -> None:
    """Kill a container and forget that it ran."""
    pid = node.init(ident)
    if pid:
        kill_quietly(pid)
        if not _wait_gone(node, ident, DEADLINE):
            raise Failed("cannot kill it")
    _forget(node, ident)


def _wait_gone(node: Node, ident: str, timeout: float) -> bool:
    deadline = time.monotonic() + timeout
    while node.init(ident):
        for process in node.processes:
            process.poll()
        if time.monotonic() > deadline:
            return False
        time.sleep(0.002)
    return True


def _forget(node: Node, ident: str) -> None:
    live = node.live(ident)
    if live:
        _ip(node, "link", "del", f"vn{live['token']}", check=False)
        deadline = time.monotonic() + DEADLINE
        for group in set(_cgroups(live).values()):
            while group.exists():
                try:
                    group.rmdir()
                except OSError:
                    # The last processes of the namespace are on their way out.
                    if time.monotonic() > deadline:
                        raise
                    time.sleep(0.002)
    node.note(ident, {})


def nic_names(settings: dict[str, str]) -> list[str]:
    """The host interfaces in a configuration, in order."""
    return [nic.get("host_ifname", "") for nic in nics_of(settings.get("NETIF", ""))]


# -- inside -------------------------------------------------------------------------------------------------------

def enter(node: Node, ident: str, argv: list[str], stdin: bytes, stream: bool = False) -> tuple[int, str, str]:
    """Run a program inside; 127 with nsenter's text where there is none. `stream`: with this process' own streams."""
    pid = str(node.init(ident))
    command = ["nsenter", "-t", pid, "-m", "-u", "-i", "-n", "-p", "-r/proc/%s/root" % pid, "-w/proc/%s/root" % pid, "--", *argv]
    if stream:
        sys.stdout.flush()
        done: Any = subprocess.run(command, check=False, env=_ENVIRONMENT)
        return done.returncode, "", ""
    done = subprocess.run(command, check=False, env=_ENVIRONMENT, input=stdin, capture_output=True)
    return done.returncode, done.stdout.decode(errors="surrogateescape"), done.stderr.decode(errors="surrogateescape")
