# Copyright: (c) 2026, flotilla.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Starting a container with the host: a systemd unit that this collection writes.

podman 4.3 has no Quadlet yet, and a unit of our own means the same with every version: the container that is there is
started and stopped, never made anew.
"""

from __future__ import annotations

from typing import Set

from ..._reconcile.errors import EngineError
from ..host import Host

UNITS = "/etc/systemd/system"
_PREFIX, _SUFFIX = "flotilla-podman-", ".service"
_WANTS = UNITS + "/multi-user.target.wants"
_TEXT = """# Written by flotilla.virt for the container {name}; changes are overwritten.
[Unit]
Description=Container {name}
Wants=network-online.target
After=network-online.target
RequiresMountsFor=/var/lib/containers

[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart={podman} start {name}
ExecStop={podman} stop {name}
TimeoutStopSec=180

[Install]
WantedBy=multi-user.target
"""


def unit(name: str) -> str:
    """The unit of a container."""
    return _PREFIX + name + _SUFFIX


def booted(host: Host) -> bool:
    """Whether systemd manages the services of this host (sd_booted(3))."""
    return host.exists("/run/systemd/system")


def enabled(host: Host) -> Set[str]:
    """The names of the containers whose unit starts with the host."""
    return {entry[len(_PREFIX):-len(_SUFFIX)] for entry in host.list_dir(_WANTS)
            if entry.startswith(_PREFIX) and entry.endswith(_SUFFIX)}


def exists(host: Host, name: str) -> bool:
    """Whether the container has a unit, enabled or not."""
    return host.exists("%s/%s" % (UNITS, unit(name)))


def enable(host: Host, name: str, podman: str) -> None:
    """Have the container started with the host."""
    host.write_file("%s/%s" % (UNITS, unit(name)), _TEXT.format(name=name, podman=podman))
    _systemctl(host, "enable", unit(name))
    _systemctl(host, "daemon-reload")


def disable(host: Host, name: str) -> None:
    """Have it started no more; what is not there is fine."""
    _systemctl(host, "disable", unit(name))
    host.remove_file("%s/%s" % (UNITS, unit(name)))
    _systemctl(host, "daemon-reload")


def _systemctl(host: Host, *words: str) -> None:
    said = host.run(["systemctl"] + list(words))
    if said.rc != 0:
        raise EngineError("cannot %s: %s" % (" ".join(("systemctl",) + words), said.stderr.strip()))
