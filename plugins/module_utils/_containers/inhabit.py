# Copyright: (c) 2026, flotilla.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What `cloud_init` says, written into the root file system of a container that its engine has unpacked from a template."""

from __future__ import annotations

from typing import Any, Dict, List, Mapping

from . import personality, users
from .host import Host
from .lxc.declare import plain_user
from .rootfs import RootFs


def users_of(spec: Mapping[str, Any]) -> List[Mapping[str, Any]]:
    """The declared users."""
    return list(((spec.get("cloud_init") or {}).get("users") or {}).values())


def personalize(root: RootFs, host: Host, want: Mapping[str, Any]) -> None:
    """An identity of its own, time zone, locale, users and keys. Host name and network are the engine's business."""
    cloud = want.get("cloud_init") or {}
    personality.set_identity(root, host)
    if cloud.get("timezone"):
        personality.set_timezone(root, cloud["timezone"])
    if cloud.get("locale"):
        personality.set_locale(root, cloud["locale"])
    accounts: List[Dict[str, Any]] = [plain_user(user) for user in users_of(want)]
    if cloud.get("ssh_keys"):
        # A template has no default user but root.
        accounts.append({"name": "root", "ssh_keys": cloud["ssh_keys"]})
    users.apply_users(root, accounts)
