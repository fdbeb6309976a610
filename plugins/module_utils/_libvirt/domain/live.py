# Copyright: (c) 2026, flotilla.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Verbs on one running guest: each changes one thing live and nothing else. Which to call is the table's business."""

from __future__ import annotations

import copy
import time
from typing import Any, Callable
from xml.etree.ElementTree import Element

from ..._reconcile.errors import FlotillaError
from ..._reconcile.plan import Change
from .. import xmltree
from ..connection import libvirt, translated
from . import agent, elements, table

KIB = 1024
POLL_SECONDS = 0.1
# libvirt itself waits 5 s for a device to go (qemuDomainWaitForDeviceRemoval); a busy guest may need longer.
UNPLUG_SECONDS = 20.0


def until(condition: Callable[[], bool], seconds: float) -> bool:
    """Waits for a condition, at most so many seconds; returns whether it came true."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() >= deadline:
            return False
        time.sleep(POLL_SECONDS)
    return True


class Guest:
    """One domain, with the verbs that `table.Row.verb` names.

    patient: whether to wait until a device is gone. An unchanged run only asks again, and asking costs no time.
    """

    def __init__(self, domain: Any, stored: Element, renamed: elements.Names = elements.NO_NAMES,
                 patient: bool = True) -> None:
        self.patient = patient
        self.domain = domain
        self.name = domain.name()
        self.stored = stored
        self.renamed = renamed

    def live(self) -> Element:
        """The running document, with what is secret left out."""
        with translated("read the running document of %s" % self.name):
            return xmltree.parse(self.domain.XMLDesc(0))

    def apply(self, change: Change) -> None:
        """Carries out one change whose impact is live, by the verb of its row."""
        verb = table.BY_PATTERN[change.pattern].verb if change.pattern in table.BY_PATTERN else ""
        if not verb or verb == "set_state":
            return
        with translated("change %s of the running guest %s" % (change.path, self.name)):
            getattr(self, verb)(change)

    def set_vcpus(self, change: Change) -> None:
        """virDomainSetVcpusFlags; unplugging needs the guest, which may not comply."""
        try:
            self.domain.setVcpusFlags(change.want, libvirt.VIR_DOMAIN_AFFECT_LIVE)
        except libvirt.libvirtError as error:
            if error.get_error_code() not in (libvirt.VIR_ERR_OPERATION_FAILED, libvirt.VIR_ERR_OPERATION_TIMEOUT,
                                              libvirt.VIR_ERR_INTERNAL_ERROR):
                raise
            return
        self._use_vcpus(change.want)

    def _use_vcpus(self, count: int) -> None:
        """Asks the guest's agent to put plugged CPUs into use, which not every system does by itself."""
        if not agent.connected(self.live()):
            return
        try:
            self.domain.setVcpusFlags(count, libvirt.VIR_DOMAIN_AFFECT_LIVE | libvirt.VIR_DOMAIN_VCPU_GUEST)
        except libvirt.libvirtError as error:
            if error.get_error_code() not in (libvirt.VIR_ERR_AGENT_UNRESPONSIVE, libvirt.VIR_ERR_INTERNAL_ERROR,
                                              libvirt.VIR_ERR_INVALID_ARG, libvirt.VIR_ERR_OPERATION_FAILED):
                raise

    def set_memory(self, change: Change) -> None:
        """virDomainSetMemoryFlags: asks the balloon, which the guest's driver answers when it gets to it."""
        self.domain.setMemoryFlags(change.want // KIB, libvirt.VIR_DOMAIN_AFFECT_LIVE)

    def set_metadata(self, change: Change) -> None:
        """virDomainSetMetadata of title or description."""
        kind = libvirt.VIR_DOMAIN_METADATA_TITLE if change.pattern == "title" \
            else libvirt.VIR_DOMAIN_METADATA_DESCRIPTION
        self.domain.setMetadata(kind, change.want or None, None, None, libvirt.VIR_DOMAIN_AFFECT_LIVE)

    def set_agent(self, change: Change) -> None:
        """Plugs or unplugs the agent's channel."""
        if change.want:
            channel = table.agent_channel(self.stored)
            if channel is not None and table.agent_channel(self.live()) is None:
                self._attach(channel)
        else:
            there = table.agent_channel(self.live())
            if there is not None:
                self._detach(there, lambda: table.agent_channel(self.live()) is None)

    def resize(self, change: Change) -> None:
        """virDomainBlockResize to a larger size; the guest sees it at once."""
        device = elements.find(self.live(), elements.DISK, change.route[1], self.renamed)
        if device is None:
            raise FlotillaError("%s has no disk %s" % (self.name, change.route[1]))
        target = xmltree.get(device, "target/@dev")
        self.domain.blockResize(target, change.want, libvirt.VIR_DOMAIN_BLOCK_RESIZE_BYTES)

    def plug(self, change: Change) -> None:
        """Attaches or detaches a disk or a NIC (virDomainAttachDeviceFlags, virDomainDetachDeviceFlags)."""
        kind, name = (elements.DISK if change.pattern.startswith("disks") else elements.NIC), change.route[1]
        there = elements.find(self.live(), kind, name, self.renamed)
        if change.want is not None and there is None:
            stored = elements.find(self.stored, kind, name, self.renamed)
            if stored is None:
                raise FlotillaError("%s has no stored %s %s" % (self.name, kind, name))
            self._attach(stored)
        elif change.want is None and there is not None:
            self._detach(there, lambda: elements.find(self.live(), kind, name, self.renamed) is None)

    def update_nic(self, change: Change) -> None:
        """virDomainUpdateDeviceFlags with the running device, edited: a document from elsewhere would lack fields."""
        device = elements.find(self.live(), elements.NIC, change.route[1])
        if device is None:
            raise FlotillaError("%s has no NIC %s" % (self.name, change.route[1]))
        table.BY_PATTERN[change.pattern].put(device, change.want)
        self.domain.updateDeviceFlags(xmltree.tostring(device), libvirt.VIR_DOMAIN_AFFECT_LIVE)

    def _attach(self, device: Element) -> None:
        """Plugs a device in at its stored address, or at any other where the running guest has something there."""
        try:
            self.domain.attachDeviceFlags(xmltree.tostring(device), libvirt.VIR_DOMAIN_AFFECT_LIVE)
        except libvirt.libvirtError:
            elsewhere = copy.deepcopy(device)
            address = elsewhere.find("address")
            if address is None:
                raise
            elsewhere.remove(address)
            self.domain.attachDeviceFlags(xmltree.tostring(elsewhere), libvirt.VIR_DOMAIN_AFFECT_LIVE)

    def _detach(self, device: Element, gone: Callable[[], bool]) -> None:
        """A detach is a request: a guest that does not answer it keeps the device until its restart, as pending."""
        alias = xmltree.get(device, "alias/@name")
        if not self.patient and alias:
            try:
                self.domain.detachDeviceAlias(alias, libvirt.VIR_DOMAIN_AFFECT_LIVE)
            except libvirt.libvirtError as error:
                # QEMU refuses to ask twice: "already in the process of unplug".
                if error.get_error_code() not in (libvirt.VIR_ERR_OPERATION_FAILED, libvirt.VIR_ERR_INTERNAL_ERROR):
                    raise
            return
        self.domain.detachDeviceFlags(xmltree.tostring(device), libvirt.VIR_DOMAIN_AFFECT_LIVE)
        until(gone, UNPLUG_SECONDS)
