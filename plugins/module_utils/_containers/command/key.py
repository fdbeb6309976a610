# Copyright: (c) 2026, flotilla.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The node's own key for remembering secrets: the same file as `_host.key`, so that either transport knows what the other noted."""

from __future__ import annotations

import secrets

from ..._host.key import BYTES, PATH
from ..._reconcile.errors import FlotillaError
from ..._reconcile.secrets import Seal, sealer
from .shell import Shell

# Of two runs at once the first one's key stays: ln refuses a name that is there.
_KEY = """if ! [ -e "$1" ]; then
  [ "$2" = 1 ] || { verdict=absent; exit; }
  mkdir -p -m 755 -- "${1%/*}" && tmp=$(mktemp "$1.XXXXXXXX") || exit 1
  dd of="$tmp" bs=4096 conv=notrunc,fsync && whole "$tmp" "$3" && { ln -T -- "$tmp" "$1" || [ -e "$1" ]; }
  made=$?
  rm -f -- "$tmp"
  [ "$made" -eq 0 ] || exit 1
fi
cat -- "$1"
"""


def node_sealer(shell: Shell, create: bool, path: str = PATH) -> Seal:
    """The sealing function of a node; see `_host.key.host_sealer`."""
    new = secrets.token_bytes(BYTES)
    text = new.decode("utf-8", "surrogateescape")
    said = shell.ask(_KEY, path, str(int(create)), str(BYTES), stdin=text if create else "")
    if said.code != 0:
        raise FlotillaError("the key %s cannot be read: %s" % (path, said.reason()), "run with become: true")
    return sealer(new if said.verdict else said.out.encode("utf-8", "surrogateescape"))
