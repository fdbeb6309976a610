# Copyright: (c) 2026, flotilla.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Control groups: version 1, version 2, or both (hybrid), and where each controller is."""

from __future__ import annotations

import typing as t

from ansible_collections.flotilla.virt.plugins.module_utils._host import files

# Controllers of version 1 stand among the mount options, beside these options of the file system itself.
_MOUNT_OPTIONS = frozenset(
    ["rw", "ro", "nosuid", "nodev", "noexec", "relatime", "noatime", "xattr", "noprefix", "clone_children", "cpuset_v2_mode"]
)


def _mounts(root: str) -> t.Iterator[t.Tuple[str, str, t.List[str]]]:
    """Yield mount point, file system and options of each mount."""
    text = files.read(root, "/proc/self/mounts") or files.read(root, "/proc/mounts") or ""
    for line in text.splitlines():
        fields = line.split()
        if len(fields) >= 4:
            yield fields[1], fields[2], fields[3].split(",")


def _version1(root: str) -> t.Dict[str, str]:
    """Return the mount point of each version 1 controller; named hierarchies such as systemd's are none."""
    found: t.Dict[str, str] = {}
    for point, kind, options in _mounts(root):
        if kind != "cgroup":
            continue
        for option in options:
            if option not in _MOUNT_OPTIONS and "=" not in option:
                found.setdefault(option, point)
    return found


def _version2(root: str) -> t.Tuple[t.Optional[str], t.List[str]]:
    """Return the mount point of version 2 and the controllers that it offers (none where version 1 holds them all)."""
    for point, kind, _options in _mounts(root):
        if kind == "cgroup2":
            return point, sorted((files.read(root, point + "/cgroup.controllers") or "").split())
    return None, []


def probe(root: str = "/") -> t.Dict[str, t.Any]:
    """Return ``layout`` (v1, v2, hybrid or none), the ``controllers`` of each version, and version 2's ``mount_point``.

    ``hybrid`` is version 1 controllers beside a version 2 mount, whether or not that one has controllers of its own.
    """
    version1 = _version1(root)
    mount_point, version2 = _version2(root)
    if version1:
        layout = "hybrid" if mount_point else "v1"
    else:
        layout = "v2" if mount_point else "none"
    return {
        "layout": layout,
        "mount_point": mount_point,
        "controllers": {"v1": sorted(version1), "v2": version2},
    }


def missing_controllers(cgroups: t.Mapping[str, t.Any]) -> t.List[str]:
    """Return the controllers that limiting a container's CPU and memory needs and that neither version offers."""
    offered = set(cgroups["controllers"]["v1"]) | set(cgroups["controllers"]["v2"])
    return [name for name in ("cpu", "memory") if name not in offered]
