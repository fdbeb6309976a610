# Copyright: (c) 2026, flotilla.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Whether libvirt would take a document, asked without defining it, so that check mode knows and nothing is touched.

virConnectDomainXMLToNative parses, completes and validates as a definition does, and makes QEMU's command line of it
(qemuConnectDomainXMLToNative); it takes a few milliseconds. What it says about things that are yet to be made (volumes,
networks) does not count, so these are replaced by things that are always there.
"""

from __future__ import annotations

import copy
from typing import Any, Dict
from xml.etree.ElementTree import Element

from .. import xmltree
from ..connection import libvirt

# Errors about the document itself. Others come from the host's state, which may be another one when the guest starts.
_JUDGEMENTS = ("VIR_ERR_XML_ERROR", "VIR_ERR_XML_DETAIL", "VIR_ERR_CONFIG_UNSUPPORTED")
# What libvirt 9.0 says of a document and calls an internal error, as it does many a state of the host.
_OF_THE_DOCUMENT = ("Missing source ", "rotation rate is only valid", "Invalid bus type", "unsupported input bus", "passthrough input device",
                    "Cannot automatically add a new PCI bus")

_UUID = "00000000-0000-4000-8000-000000000001"


class Judge:
    """Asks one libvirt about documents; guests that are alike are asked about once."""

    def __init__(self, connection: Any) -> None:
        self._connection = connection
        self._codes = {getattr(libvirt, name) for name in _JUDGEMENTS}
        self._known: Dict[str, str] = {}

    def objection(self, root: Element) -> str:
        """What libvirt has against this document; empty for nothing."""
        text = xmltree.tostring(_alike(root))
        if text not in self._known:
            self._known[text] = self._ask(text)
        return self._known[text]

    def _ask(self, text: str) -> str:
        try:
            self._connection.domainXMLToNative("qemu-argv", text, 0)
        except libvirt.libvirtError as error:
            message = str(error.get_error_message())
            judged = error.get_error_code() in self._codes or (
                error.get_error_code() == libvirt.VIR_ERR_INTERNAL_ERROR and any(words in message for words in _OF_THE_DOCUMENT))
            return message if judged else ""
        return ""


def _alike(root: Element) -> Element:
    """The document less what tells one guest from another of its kind, and less what may not be there yet."""
    twin = copy.deepcopy(root)
    xmltree.set_annotation(twin, None)
    for tag, text in (("name", "trial"), ("uuid", _UUID), ("title", None), ("description", None)):
        xmltree.put(twin, tag, text)
    for entry in twin.iterfind("sysinfo/system/entry[@name='uuid']"):
        # Must be that of the domain (virSysinfo...UUID mismatch).
        entry.text = _UUID
    for device in twin.iterfind("devices/*"):
        for log in device.findall("log"):
            # A console's log is named after its guest.
            log.set("file", "/dev/null")
    for disk in twin.iterfind("devices/disk"):
        if disk.get("type") == "volume":
            _as_file(disk)
    for number, nic in enumerate(twin.iterfind("devices/interface")):
        if nic.find("mac") is not None:
            xmltree.put(nic, "mac/@address", "52:54:00:00:%02x:%02x" % divmod(number, 256))
        if nic.get("type") in ("network", "hostdev"):
            # libvirt 9.0 ends with an assertion where it is to say how a NIC of type hostdev would be started.
            _as_user(nic)
    return twin


def _as_file(disk: Element) -> None:
    disk.set("type", "file")
    source = disk.find("source")
    if source is not None:
        policy = source.get("startupPolicy")
        source.attrib.clear()
        source.set("file", "/dev/null")
        if policy:
            source.set("startupPolicy", policy)


def _as_user(nic: Element) -> None:
    """A network decides what its NICs become; what it cannot do is seen when the guest starts."""
    nic.set("type", "user")
    for tag in ("source", "virtualport", "vlan", "bandwidth", "filterref", "port", "target", "mtu", "coalesce", "script", "backend", "tune", "teaming"):
        for node in nic.findall(tag):
            nic.remove(node)
    for name in ("trustGuestRxFilters", "managed"):
        nic.attrib.pop(name, None)
    driver = nic.find("driver")
    if driver is not None and driver.get("name") not in (None, "qemu", "vhost"):
        nic.remove(driver)
