# Copyright: (c) 2026, flotilla.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Users in a root file system, by editing its account files (passwd(5), shadow(5), group(5)).

No command of the image runs for it: that would need the image's own useradd, and would run it as root of the host.
"""

from __future__ import annotations

import re
from typing import Any, Dict, List, Mapping, Optional, Sequence, Tuple

from .._reconcile.errors import DeclarationError
from .rootfs import RootFs

FIRST_ID, LAST_ID = 1000, 59999
"""Where ordinary users' ids lie (login.defs of the distributions; systemd's UIDS-GIDS)."""
_NAME = re.compile(r"[a-z_][a-z0-9_-]{0,31}\Z")
_NO_PASSWORD = "*"
"""No password matches it, and unlike `!` it does not mark the account as locked, so that SSH keys work without PAM too."""


class Accounts:
    """The account files of one root file system: read once, changed in memory, written back at the end."""

    def __init__(self, root: RootFs) -> None:
        self.root = root
        self.tables = {name: self._rows("/etc/" + name) for name in ("passwd", "group", "shadow", "gshadow")}

    def _rows(self, path: str) -> List[List[str]]:
        return [line.split(":") for line in (self.root.read(path) or "").splitlines() if line.strip()]

    def _row(self, table: str, name: str) -> Optional[List[str]]:
        return next((row for row in self.tables[table] if row[0] == name), None)

    def _free_id(self) -> int:
        used = {row[2] for table in ("passwd", "group") for row in self.tables[table] if len(row) > 2}
        return next(number for number in range(FIRST_ID, LAST_ID) if str(number) not in used)

    def add_group(self, name: str, gid: Optional[int] = None) -> int:
        """Make a group unless it is there; return its id."""
        row = self._row("group", name)
        if row is None:
            row = [name, "x", str(self._free_id() if gid is None else gid), ""]
            self.tables["group"].append(row)
            if self.tables["gshadow"]:
                self.tables["gshadow"].append([name, "!", "", ""])
        return int(row[2])

    def join_group(self, group: str, user: str) -> None:
        """Make the user a member of a group, which is made if need be."""
        self.add_group(group)
        for table in ("group", "gshadow"):
            row = self._row(table, group)
            if row is not None and user not in row[3].split(","):
                row[3] = ",".join([member for member in row[3].split(",") if member] + [user])

    def add_user(self, name: str, shell: Optional[str], gecos: str = "") -> Tuple[int, int, str]:
        """Make a user with its own group unless it is there; return user id, group id and home directory."""
        row = self._row("passwd", name)
        if row is None:
            number = self._free_id()
            gid = self.add_group(name, number)
            row = [name, "x", str(number), str(gid), gecos, "/home/" + name, shell or self._shell()]
            self.tables["passwd"].append(row)
            self.tables["shadow"].append([name, _NO_PASSWORD, "", "0", "99999", "7", "", "", ""])
        elif shell:
            row[6] = shell
        return int(row[2]), int(row[3]), row[5]

    def _shell(self) -> str:
        return "/bin/bash" if self.root.exists("/bin/bash") else "/bin/sh"

    def set_password(self, name: str, hashed: str) -> None:
        """Set a password's hash as crypt(5) writes it."""
        row = self._row("shadow", name)
        if row is None:
            row = [name, "", "", "0", "99999", "7", "", "", ""]
            self.tables["shadow"].append(row)
        row[1] = hashed

    def save(self) -> None:
        """Write the files back, with the modes that the distributions give them."""
        shadow_gid = next((int(row[2]) for row in self.tables["group"] if row[0] == "shadow"), 0)
        for table, rows in self.tables.items():
            secret = table in ("shadow", "gshadow")
            if rows or not secret:
                text = "".join(":".join(row) + "\n" for row in rows)
                self.root.write("/etc/" + table, text, 0o640 if secret else 0o644, 0, shadow_gid if secret else 0)


def sudo_rules(value: Any) -> List[str]:
    """The sudoers(5) rules that a declaration's `sudo` stands for."""
    if value is True:
        return ["ALL=(ALL) NOPASSWD:ALL"]
    if not value:
        return []
    return [value] if isinstance(value, str) else [str(rule) for rule in value]


def check_users(users: Sequence[Mapping[str, Any]], path: str) -> None:
    """Refuse what cannot stand in an account file. Raises DeclarationError with the place in the declaration."""
    for index, user in enumerate(users):
        place = "%s[%d]" % (path, index)
        if not _NAME.match(user["name"]):
            raise DeclarationError.at(place + ".name", "%r is not a user name" % user["name"],
                                      "use lower-case letters, digits, dash and underscore, and start with a letter")
        for group in user.get("groups") or []:
            if not _NAME.match(group):
                raise DeclarationError.at(place + ".groups", "%r is not a group name" % group)
        for option in ("shell", "gecos", "hashed_password"):
            if re.search(r"[:\n]", user.get(option) or ""):
                raise DeclarationError.at("%s.%s" % (place, option), "holds a colon or a line break",
                                          "neither can stand in an account file")
        for option in ("ssh_keys", "sudo"):
            lines = sudo_rules(user.get(option)) if option == "sudo" else user.get(option) or []
            if any("\n" in line.strip() for line in lines):
                raise DeclarationError.at("%s.%s" % (place, option), "holds a line break", "write one entry a line")


def apply_users(root: RootFs, users: Sequence[Mapping[str, Any]]) -> None:
    """Make these users: account, groups, sudo, password hash and SSH keys. Doing it again changes nothing.

    A user is a dictionary with `name` and any of `gecos`, `shell`, `groups`, `sudo` (a rule, a list of them, or true for all
    without a password), `hashed_password` (crypt(5), as text), `lock_password` and `ssh_keys`.
    """
    if not users:
        return
    accounts = Accounts(root)
    homes: List[Tuple[Mapping[str, Any], int, int, str]] = []
    for user in users:
        uid, gid, home = accounts.add_user(user["name"], user.get("shell"), user.get("gecos") or "")
        for group in user.get("groups") or []:
            accounts.join_group(group, user["name"])
        if user.get("hashed_password"):
            # usermod(8): a hash behind "!" is kept and matches no password.
            accounts.set_password(user["name"], ("!" if user.get("lock_password") else "") + user["hashed_password"])
        homes.append((user, uid, gid, home))
    accounts.save()
    for user, uid, gid, home in homes:
        _fill_home(root, user, uid, gid, home)
    _write_sudo(root, users)


def _fill_home(root: RootFs, user: Mapping[str, Any], uid: int, gid: int, home: str) -> None:
    if not root.exists(home):
        root.make_dir(home, 0o700, uid, gid)
        for name in root.list_dir("/etc/skel"):
            text = root.read("/etc/skel/" + name)
            if text is not None:
                root.write("%s/%s" % (home, name), text, 0o644, uid, gid)
    keys = [key.strip() for key in user.get("ssh_keys") or []]
    if keys:
        place = home + "/.ssh/authorized_keys"
        root.make_dir(home + "/.ssh", 0o700, uid, gid)
        there = (root.read(place) or "").splitlines()
        root.write(place, "".join(line + "\n" for line in there + [key for key in keys if key not in there]), 0o600, uid, gid)


def _write_sudo(root: RootFs, users: Sequence[Mapping[str, Any]]) -> None:
    rules: Dict[str, List[str]] = {}
    for user in users:
        for rule in sudo_rules(user.get("sudo")):
            rules.setdefault(user["name"], []).append(rule.strip())
    if rules:
        text = "".join("%s %s\n" % (name, rule) for name, lines in rules.items() for rule in lines)
        root.write("/etc/sudoers.d/90-flotilla-users", text, 0o440)


def set_root_password(root: RootFs, secret: Any) -> None:
    """Put the hash of root's password into the shadow file: an engine would want it on its command line. One that keeps changes nothing."""
    if secret is not None and not secret.keeps:
        accounts = Accounts(root)
        accounts.set_password("root", secret.reveal())
        accounts.save()
