# Copyright: (c) 2026, flotilla.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The SSH host keys of a domain, through its guest agent. Asking changes nothing in the guest, and whatever goes wrong is no key."""

from __future__ import annotations

import base64
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Dict, List, Mapping, Tuple

from ..._reconcile.host_keys import FILES, LONGEST, public_keys
from ..._reconcile.plan import Actual
from . import agent

DIRECTORY, WINDOWS_DIRECTORY = "/etc/ssh/", "C:\\ProgramData\\ssh\\"
# An agent that does not answer costs seconds of waiting and nothing else.
THREADS = 16
_SECONDS = 5.0


def add(found: Mapping[str, Actual]) -> None:
    """Puts the keys of each running domain into its `status.host_keys`; none where its agent does not tell them."""
    running = [actual for actual in found.values() if actual.live is not None]
    if not running:
        return
    with ThreadPoolExecutor(max_workers=min(THREADS, len(running))) as pool:
        for actual, keys in zip(running, pool.map(_of, running)):
            actual.status["host_keys"] = keys


def _of(actual: Actual) -> List[str]:
    if not agent.connected(actual.handle.live()):
        return []
    family = (actual.stored.get("os") or {}).get("family")
    directory = WINDOWS_DIRECTORY if family == "windows" else DIRECTORY
    try:
        return public_keys(_texts(actual.handle.domain, [directory + name for name in FILES]))
    except agent.AgentError:
        return []


def _texts(domain: Any, paths: List[str]) -> List[str]:
    """What is in these files, by the agent's own reading of files; where that is turned off, by a command in the guest."""
    allowed = _allowed(domain)
    if allowed.get("guest-file-open") and allowed.get("guest-file-read"):
        return [text for text in (_file(domain, path) for path in paths) if text]
    if allowed.get("guest-exec") and paths[0].startswith("/"):
        _code, said = agent.run(domain, ["/bin/cat", *paths], _SECONDS)
        return said.splitlines()
    return []


def _allowed(domain: Any) -> Dict[str, bool]:
    """The agent's commands, each with whether it may be used: distributions turn some of them off."""
    said = agent.command(domain, "guest-info")
    return {each["name"]: bool(each["enabled"]) for each in said["supported_commands"]}


def _file(domain: Any, path: str) -> str:
    """The beginning of a file; empty where there is none, or the agent may not read it."""
    handle, problem = _open(domain, path)
    if problem:
        return ""
    try:
        said = agent.command(domain, "guest-file-read", {"handle": handle, "count": LONGEST + 1})
        return base64.b64decode(said["buf-b64"]).decode("utf-8", "replace")
    finally:
        agent.command(domain, "guest-file-close", {"handle": handle})


def _open(domain: Any, path: str) -> Tuple[int, str]:
    try:
        return int(agent.command(domain, "guest-file-open", {"path": path, "mode": "r"})), ""
    except agent.AgentError as error:
        return -1, str(error)
