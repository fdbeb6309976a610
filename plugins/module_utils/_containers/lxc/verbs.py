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
from ..images import check_root
from . import read, store

START_TIMEOUT = 60.0
"""Seconds for `lxc-start` to say RUNNING: init is up in 0.05 s, but a mount hook or a busy host may take long."""
STOP_TIMEOUT = 60
"""Seconds that a container has to shut down before it is killed: what `lxc-stop` itself gives."""
PARTIAL, REMOVED = "rootfs.partial", "rootfs.removed"


def _base(directory: str) -> str:
    return os.path.dirname(directory)


def _run(host: Host, item: read.Container, command: str, *arguments: str, timeout: Optional[float] = None) -> Result:
    return host.run([command, "-P", _base(item.directory), "-n", item.name] + list(arguments), timeout=timeout)


def _fail(item: read.Container, verb: str, said: Result, remedy: str = "") -> EngineError:
    text = (said.stderr.strip() or said.stdout.strip() or "exit code %d" % said.rc)
    return EngineError("cannot %s the container %s: %s" % (verb, item.name, text), remedy)


def unpack(host: Host, item: read.Container, image: str, kind: str = "dir") -> str:
    """Unpack a root file system tarball (compressed or not) under a temporary name; return its path.

    What an earlier run that died left under that name is removed first. Raises EngineError, with nothing left behind, for
    an archive that is damaged, does not fit, holds no init, or is built for another architecture than the host's.
    """
    target = item.directory + "/" + PARTIAL
    host.remove_tree(target)
    store.make(host, kind, target)
    # Owners by number: the names are the container's. xattrs carry file capabilities (ping).
    said = host.run(["tar", "-x", "-p", "--numeric-owner", "--same-owner", "--xattrs", "--xattrs-include=*", "-f", image,
                     "-C", target], timeout=1800)
    try:
        if said.rc != 0:
            raise EngineError("cannot unpack the image %s for the container %s: %s"
                              % (image, item.name, said.stderr.strip()[-800:]), "check the archive and the free space")
        check_root(host, target, image, item.name)
    except EngineError:
        host.remove_tree(target)
        raise
    return target


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


def add_device(host: Host, item: read.Container, path: str, inside: Optional[str]) -> None:
    """Give a device of the host to a running container, with all rights."""
    said = host.run(["lxc-device", "-P", _base(item.directory), "-n", item.name, "--", "add", path] + ([inside] if inside else []))
    if said.rc != 0:
        raise _fail(item, "give %s to" % path, said)


def restart_resolved(host: Host, item: read.Container) -> None:
    """Have systemd-resolved in a running container read its configuration again, by the container's own systemctl, inside."""
    said = _run(host, item, "lxc-attach", "--clear-env", "--", "systemctl", "try-restart", "systemd-resolved.service", timeout=60)
    if said.rc != 0:
        raise _fail(item, "have the name servers of", said, "restart systemd-resolved inside, then run again")


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
