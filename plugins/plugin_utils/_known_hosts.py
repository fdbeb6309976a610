# Copyright: (c) 2026, flotilla.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A known_hosts file of guests, and what makes `ssh` look a guest up in it.

A guest is looked up under a name of its own (HostKeyAlias, ssh_config(5)) and not under its address: addresses go from one guest to
the next, and a guest's agent can claim that of another, whose key must not become known by that.
"""

from __future__ import annotations

import os
import re
import shlex
import tempfile
from dataclasses import replace
from typing import Dict, Mapping

from ansible_collections.flotilla.virt.plugins.plugin_utils._guests import Guest

HEADER = "# Written by the inventory plugin flotilla.virt.guests, and anew at each reading: what is added by hand is lost.\n"
# What means nothing but itself in the first field of a line. ssh looks up in small letters.
_PLAIN = re.compile(r"[a-z0-9][a-z0-9._-]*")
SSH_ARGUMENTS = "ansible_ssh_common_args"


def aliases(named: Mapping[str, Guest]) -> Dict[str, str]:
    """The name under which the keys of each guest stand, for those that have any: its inventory name, else its UUID."""
    found: Dict[str, str] = {}
    for name, guest in named.items():
        alias = name if _PLAIN.fullmatch(name) else str(guest.variables["flotilla_uuid"] or "")
        if guest.variables["flotilla_host_keys"] and _PLAIN.fullmatch(alias):
            found[name] = alias
    return found


def text(named: Mapping[str, Guest], known: Mapping[str, str]) -> str:
    """The file's content: a line for each key (sshd(8), SSH_KNOWN_HOSTS FILE FORMAT)."""
    return HEADER + "".join("%s %s\n" % (alias, key) for name, alias in known.items()
                            for key in named[name].variables["flotilla_host_keys"])


def verified(guest: Guest, place: str, alias: str) -> Guest:
    """The guest with the options of `ssh` that accept only these keys of it, behind those that it has."""
    # Quoted for ssh, which takes several files separated by blanks, and expands % in their names.
    options = ["-o", 'UserKnownHostsFile="%s"' % place.replace("%", "%%"), "-o", "HostKeyAlias=%s" % alias,
               "-o", "StrictHostKeyChecking=yes"]
    before = guest.variables.get(SSH_ARGUMENTS, "")
    return replace(guest, variables={**guest.variables, SSH_ARGUMENTS: " ".join(filter(None, [before, shlex.join(options)]))})


def write(place: str, content: str) -> None:
    """Replaces the file at once, unless it says so already; its directory is made. Raises OSError."""
    try:
        with open(place, encoding="utf-8") as handle:
            if handle.read() == content:
                return
    except (FileNotFoundError, UnicodeDecodeError):
        pass
    folder = os.path.dirname(place)
    os.makedirs(folder, exist_ok=True)
    handle, temporary = tempfile.mkstemp(prefix=".known_hosts-", dir=folder)
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as stream:
            stream.write(content)
        os.replace(temporary, place)
    except BaseException:
        os.unlink(temporary)
        raise
