# Copyright: (c) 2026, flotilla.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The QEMU guest agent: small JSON commands over a domain's channel (qemu-ga protocol, virDomainQemuAgentCommand)."""

from __future__ import annotations

import base64
import json
import time
from typing import Any, Dict, List, Optional, Sequence, Tuple

from ..connection import libvirt

try:
    import libvirt_qemu
except ImportError:
    libvirt_qemu = None

COMMAND_SECONDS = 5
_POLL_SECONDS = 0.2


class AgentError(Exception):
    """The agent did not answer, or refused. Expected while a guest boots; never shown as it is."""


def connected(live_document: Any) -> bool:
    """Whether the guest has opened the agent's channel, as the running document says: costs no waiting."""
    for target in live_document.iterfind("devices/channel/target"):
        if target.get("name") == "org.qemu.guest_agent.0":
            return bool(target.get("state") == "connected")
    return False


def command(domain: Any, name: str, arguments: Optional[Dict[str, Any]] = None, seconds: int = COMMAND_SECONDS) -> Any:
    """Sends one command and returns its answer. Raises AgentError."""
    if libvirt_qemu is None:
        raise AgentError("libvirt_qemu is not installed")
    text = json.dumps({"execute": name, **({"arguments": arguments} if arguments else {})})
    try:
        answer = libvirt_qemu.qemuAgentCommand(domain, text, seconds, 0)
    except libvirt.libvirtError as error:
        raise AgentError(str(error)) from None
    return json.loads(answer)["return"]


def run(domain: Any, argv: Sequence[str], seconds: float = 30.0) -> Tuple[int, str]:
    """Runs a command inside the guest; returns exit code and output. Raises AgentError."""
    started = command(domain, "guest-exec", {"path": argv[0], "arg": list(argv[1:]), "capture-output": True})
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        status = command(domain, "guest-exec-status", {"pid": started["pid"]})
        if status["exited"]:
            out = base64.b64decode(status.get("out-data", "")).decode("utf-8", "replace")
            return int(status.get("exitcode", -1)), out
        time.sleep(_POLL_SECONDS)
    raise AgentError("%s did not end in %d s" % (argv[0], seconds))


def addresses(domain: Any) -> List[Dict[str, str]]:
    """The guest's own view of its addresses: a list of `mac` and `address`. Raises AgentError."""
    found = []
    for interface in command(domain, "guest-network-get-interfaces"):
        mac = interface.get("hardware-address", "")
        for entry in interface.get("ip-addresses", []):
            if mac and mac != "00:00:00:00:00:00":
                found.append({"mac": mac, "address": entry["ip-address"]})
    return found
