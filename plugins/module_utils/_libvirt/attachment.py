# Copyright: (c) 2026, flotilla.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a libvirt network is for a container that is connected to it: its bridge and addresses."""

from __future__ import annotations

import ipaddress
from typing import Any, List, Optional
from xml.etree import ElementTree

from .._reconcile.attachment import Attachment, Networks
from .._reconcile.errors import EngineError
from .connection import DEFAULT_URI, NotReady, connect, is_code, translated


def attachment_from_xml(text: str) -> Optional[Attachment]:
    """The bridge, the subnet and the host's address in a network's XML; None for a network without a bridge."""
    root = ElementTree.fromstring(text)
    bridge = root.find("bridge")
    if bridge is None or not bridge.get("name"):
        return None
    forward = root.find("forward")
    mode = forward.get("mode", "nat") if forward is not None else "isolated"
    place = root.find("ip")
    if place is None or not place.get("address"):
        return Attachment(str(bridge.get("name")))
    address = str(place.get("address"))
    length = place.get("prefix") or place.get("netmask") or "24"
    subnet = str(ipaddress.ip_network("%s/%s" % (address, length), strict=False))
    dns = root.find("dns")
    served = dns is None or dns.get("enable", "yes") == "yes"
    # An isolated network leads nowhere: a default route to the host would only hide that.
    gateway = "" if mode == "isolated" else address
    return Attachment(str(bridge.get("name")), subnet, gateway, (address,) if served else ())


def libvirt_networks(uri: str = DEFAULT_URI) -> Networks:
    """A look-up of networks by name that connects when it is first asked; without libvirt there are no networks."""
    opened: List[Any] = []

    def find(name: str) -> Optional[Attachment]:
        if not opened:
            try:
                opened.append(connect(uri))
            except NotReady:
                opened.append(None)
        if opened[0] is None:
            return None
        try:
            with translated("reading the network %s" % name):
                return attachment_from_xml(opened[0].networkLookupByName(name).XMLDesc())
        except EngineError as error:
            if is_code(error, "NO_NETWORK"):
                return None
            raise

    return find
