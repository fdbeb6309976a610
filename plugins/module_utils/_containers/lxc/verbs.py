# Copyright: (c) 2026, flotilla.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What can be done to one LXC container, each by LXC's own command. Thin: no verb decides whether it should be done."""

from __future__ import annotations

import os
import re
import time
from typing import Optional, Sequence, Tuple

from ..._reconcile.errors import EngineError
from ..host import Host, Result
from . import cgroup, read

START_TIMEOUT = 60.0
"""Seconds for `lxc-start` to say RUNNING: init is up in 0.05 s, but a mount hook or a busy host may take long."""
STOP_TIMEOUT = 60
"""Seconds that a container has to shut down before it is killed: what `lxc-stop` itself gives."""
HEADROOM = 4 << 20
"""Bytes that must stay free under a lowered limit: at 8 MiB with 5 in use an idle systemd was killed within a second."""
PARTIAL, REMOVED = "rootfs.partial", "rootfs.removed"

_MACHINES = {"x86_64": 62, "i686": 3, "i386": 3, "aarch64": 183, "armv7l": 40, "armv6l": 40, "ppc64le": 21, "ppc64": 21, "s390x": 22,
             "riscv64": 243}
_ALSO_RUNS = {62: (3,), 183: (40,)}
"""ELF machines (elf.h) and the 32-bit ones that their kernels run too."""


def _base(directory: str) -> str:
    return os.path.dirname(directory)


def _run(host: Host, item: read.Container, command: str, *arguments: str, timeout: Optional[float] = None) -> Result:
    return host.run([command, "-P", _base(item.directory), "-n", item.name] + list(arguments), timeout=timeout)


def _fail(item: read.Container, verb: str, said: Result, remedy: str = "") -> EngineError:
    text = (said.stderr.strip() or said.stdout.strip() or "exit code %d" % said.rc)
    return EngineError("cannot %s the container %s: %s" % (verb, item.name, text), remedy)


def unpack(host: Host, item: read.Container, image: str) -> str:
    """Unpack a root file system tarball (compressed or not) under a temporary name; return its path.

    What an earlier run that died left under that name is removed first. Raises EngineError, with nothing left behind, for
    an archive that is damaged, does not fit, holds no init, or is built for another architecture than the host's.
    """
    target = item.directory + "/" + PARTIAL
    host.remove_tree(target)
    host.make_dir(target)
    # Owners by number: the names are the container's. xattrs carry file capabilities (ping).
    said = host.run(["tar", "-x", "-p", "--numeric-owner", "--same-owner", "--xattrs", "--xattrs-include=*", "-f", image,
                     "-C", target], timeout=1800)
    try:
        if said.rc != 0:
            raise EngineError("cannot unpack the image %s for the container %s: %s"
                              % (image, item.name, said.stderr.strip()[-800:]), "check the archive and the free space")
        _check_init(host, item, target, image)
    except EngineError:
        host.remove_tree(target)
        raise
    return target


def _check_init(host: Host, item: read.Container, root: str, image: str) -> None:
    inside = host.rootfs(root)
    head = inside.read_head("/sbin/init", 20) or inside.read_head("/init", 20)
    if not head:
        raise EngineError("the image %s for the container %s has no /sbin/init" % (image, item.name),
                          "a system container needs a root file system with an init, such as one built with systemd-sysv")
    wanted = _MACHINES.get(host.run(["uname", "-m"]).stdout.strip())
    if head[:4] != b"\x7fELF" or wanted is None:
        return
    machine = int.from_bytes(head[18:20], "little" if head[5] == 1 else "big")
    if machine != wanted and machine not in _ALSO_RUNS.get(wanted, ()):
        raise EngineError("the image %s is built for another CPU architecture than this host's (ELF machine %d, here %d)"
                          % (image, machine, wanted), "a container shares the host's kernel: take an image of its "
                          "architecture, or engine kvm with emulation")


def start(host: Host, item: read.Container, timeout: float = START_TIMEOUT) -> None:
    """Start a stopped container and wait until LXC says RUNNING; the error carries LXC's own log."""
    # Not in the container's own directory, where a run that dies would leave it for good.
    log = "/run/flotilla-start-%s.log" % item.name
    host.remove_file(log)
    try:
        said = _run(host, item, "lxc-start", "-d", "-l", "WARN", "-o", log, timeout=timeout)
        if said.rc != 0:
            # "lxc-start web 2026… ERROR    network - ../src/lxc/network.c:f:711 - No such file … - Failed to attach …": the first is the cause.
            lines = [re.sub(r"^.*? ERROR +\w+ - \S+ - ", "", line) for line in (host.read_file(log) or "").splitlines()
                     if " ERROR " in line]
            detail = "; ".join(lines[:2]) or said.stderr.strip()
            raise EngineError("cannot start the container %s: %s" % (item.name, detail))
    finally:
        host.remove_file(log)
    wait_for_state(host, item, (read.RUNNING,), timeout)


def stop(host: Host, item: read.Container, timeout: int = STOP_TIMEOUT, kill: bool = True) -> bool:
    """Shut a container down: ask its init, and kill it when `timeout` seconds passed and `kill` allows.

    Returns whether it went by itself. A frozen container cannot shut down: it is thawed first. Raises EngineError when it
    still runs at the deadline and must not be killed.
    """
    if item.state == read.FROZEN:
        thaw(host, item)
    said = _run(host, item, "lxc-stop", "--nokill", "-t", str(timeout), timeout=timeout + 30)
    if said.rc in (0, 2):
        # 2: it was not running any more when the command came.
        wait_for_state(host, item, (read.STOPPED,), 30)
        return True
    if not kill:
        raise EngineError("the container %s did not shut down within %d s" % (item.name, timeout),
                          "give it more time, or allow killing it")
    said = _run(host, item, "lxc-stop", "-k", timeout=60)
    if said.rc not in (0, 2):
        raise _fail(item, "kill", said)
    wait_for_state(host, item, (read.STOPPED,), 30)
    return False


def freeze(host: Host, item: read.Container) -> None:
    """Stop all processes where they are; they keep their memory."""
    said = _run(host, item, "lxc-freeze", timeout=60)
    if said.rc != 0:
        raise _fail(item, "freeze", said)
    wait_for_state(host, item, (read.FROZEN,), 30)


def thaw(host: Host, item: read.Container) -> None:
    """Let the processes of a frozen container go on."""
    said = _run(host, item, "lxc-unfreeze", timeout=60)
    if said.rc != 0:
        raise _fail(item, "unfreeze", said)
    wait_for_state(host, item, (read.RUNNING,), 30)


def wait_for_state(host: Host, item: read.Container, states: Sequence[str], timeout: float) -> None:
    """Poll LXC until the container is in one of these states; set `item.state`. Raises EngineError at the deadline."""
    deadline = time.monotonic() + timeout
    while True:
        read.ask(host, _base(item.directory), item)
        if item.state in states:
            return
        if time.monotonic() >= deadline:
            raise EngineError("the container %s is %s and not %s after %g s"
                              % (item.name, item.state, " or ".join(states), timeout))
        time.sleep(0.02)


def set_live(host: Host, item: read.Container, settings: Sequence[Tuple[str, str]]) -> None:
    """Set cgroup files of a running container through `lxc-cgroup`, which knows where its cgroup is."""
    for setting, value in settings:
        # "--" first: a value of -1 (no limit) would be read as an option.
        said = host.run(["lxc-cgroup", "-P", _base(item.directory), "-n", item.name, "--", setting, value])
        if said.rc != 0:
            raise _fail(item, "set %s = %s in" % (setting, value), said,
                        "the kernel refuses a limit below what is in use and cannot be reclaimed")


def can_shrink(host: Host, item: read.Container, size: Optional[int], hierarchies: cgroup.Hierarchies) -> bool:
    """Whether a memory limit of `size` bytes leaves room for what the container uses and the kernel cannot reclaim.

    cgroup v1 refuses such a limit with EBUSY; v2 takes it and kills processes inside until it fits, which is why it is
    asked before. Page cache does not count: it is dropped.
    """
    version = hierarchies.version.get("memory", 0)
    place = item.cgroups.get("memory" if version == 1 else "")
    if size is None or place is None or not version:
        return True
    base = hierarchies.mounts["memory"] + place.rstrip("/") + "/"
    used = cgroup.parse_bytes(host.read_file(base + ("memory.usage_in_bytes" if version == 1 else "memory.current"))) or 0
    text = host.read_file(base + "memory.stat") or ""
    values = {key: int(value) for key, _space, value in (line.partition(" ") for line in text.splitlines()) if value.isdigit()}
    prefix = "total_" if version == 1 else ""
    dropped = sum(values.get(prefix + key, 0) for key in ("active_file", "inactive_file"))
    return used - dropped + HEADROOM < size


def remove_storage(host: Host, item: read.Container) -> None:
    """Remove the root file system; a run that dies in it leaves `rootfs.removed`, which the next one finishes."""
    removed = item.directory + "/" + REMOVED
    host.remove_tree(removed)
    if host.exists(item.directory + "/rootfs"):
        host.rename(item.directory + "/rootfs", removed)
        host.remove_tree(removed)
    host.remove_tree(item.directory + "/" + PARTIAL)
    # Host keys that a creation that died has made beside it (personality.set_identity).
    for name in host.list_dir(item.directory):
        if name.startswith(PARTIAL + "."):
            host.remove_file(item.directory + "/" + name)
