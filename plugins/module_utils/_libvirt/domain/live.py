# Copyright: (c) 2026, flotilla.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Verbs on one running guest: each changes one thing live and nothing else. Which to call is the table's business."""

from __future__ import annotations

import copy
import functools
import time
from typing import Any, Callable, Dict, List, Optional, Tuple
from xml.etree.ElementTree import Element
from xml.sax.saxutils import quoteattr

from ..._reconcile import kinds
from ..._reconcile.errors import FlotillaError
from ..._reconcile.plan import Change
from .. import xmltree
from ..connection import libvirt, translated
from . import agent, elements, memory, osinfo, table

KIB = 1024
POLL_SECONDS = 0.1
# libvirt itself waits 5 s for a device to go (qemuDomainWaitForDeviceRemoval); a busy guest may need longer.
UNPLUG_SECONDS = 20.0
# VIR_DOMAIN_MEMORY_PARAM_UNLIMITED, which the Python binding does not have; in KiB.
UNLIMITED = 9007199254740991


def until(condition: Callable[[], bool], seconds: float) -> bool:
    """Waits for a condition, at most so many seconds; returns whether it came true."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() >= deadline:
            return False
        time.sleep(POLL_SECONDS)
    return True


def change_map(root: Element, tag: str, key: str) -> Dict[str, str]:
    """Pins by number."""
    return {node.get(key, ""): kinds.number_set(node.get("cpuset", "0")) for node in root.findall("cputune/" + tag)}


def iotune(disk: Element) -> Dict[str, Any]:
    """The limits of a disk by the names that the call has for them."""
    node = disk.find("iotune")
    texts = {child.tag: (child.text or "").strip() for child in (node if node is not None else ())}
    return {tag: text if tag == "group_name" else int(text) for tag, text in texts.items() if text}


# The groups inside the guest's own (global) come before it.
_GROUPS = (("", "vcpu_"), ("emulator_", "emulator_"), ("iothread_", "iothread_"), ("global_", "global_"))
PERIOD, NO_QUOTA = 100000, -1


def scheduling(domain: Element) -> Dict[str, int]:
    """CPU time of a stored document by the names that the call has for it; what is not stored is the kernel's default."""
    shares = xmltree.get(domain, "cputune/shares")
    found = {"cpu_shares": int(shares)} if shares else {}
    for prefix, group in _GROUPS:
        for what, default in (("period", PERIOD), ("quota", NO_QUOTA)):
            found[group + what] = int(xmltree.get(domain, "cputune/%s%s" % (prefix, what)) or default)
    return found


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
        """The running document, secrets included: an edited device is handed back whole."""
        with translated("read the running document of %s" % self.name):
            return xmltree.parse(self.domain.XMLDesc(libvirt.VIR_DOMAIN_XML_SECURE))

    def apply(self, change: Change) -> None:
        """Carries out one change whose impact is live, by the verb of its row."""
        verb = table.verb(change.pattern)
        if not verb or verb == "set_state":
            return
        with translated("change %s of the running guest %s" % (change.path, self.name)):
            getattr(self, verb)(change)

    def _device(self, root: Element, change: Change) -> Tuple[table.Things, Optional[Element]]:
        """The things that a change is about, and the one of them in a document."""
        things = table.owner(change.pattern)
        if things is None:
            raise ValueError("%s belongs to no device" % change.pattern)
        return things, things.find(root, "" if things.single else change.route[1], self.renamed if things is table.DISKS else elements.NO_NAMES)

    def set_vcpus(self, change: Change) -> None:
        """virDomainSetVcpusFlags; unplugging needs the guest, which may be slow or not comply at all.

        CPUs leave one by one, and libvirt gives up on all of them when one takes longer than 5 s (qemuDomainRemoveVcpu), so
        that it is asked again after each. It is not asked for the same one twice: libvirt 9.0 was seen to miss for good that a
        CPU had gone that took longer.
        """
        asked: List[int] = []

        def settled() -> bool:
            there = self._vcpus()
            if there == change.want or there in asked:
                return bool(there == change.want)
            asked.append(there)
            return self._ask_for_vcpus(change.want)

        if self._within(settled) and agent.connected(self.live()):
            # The guest finds new CPUs in its own time.
            self._within(lambda: self._use_vcpus(change.want))

    def _vcpus(self) -> int:
        return int(self.domain.vcpusFlags(libvirt.VIR_DOMAIN_AFFECT_LIVE))

    def _within(self, condition: Callable[[], bool]) -> bool:
        """Waits for what the guest does; asks only once where nobody waits, or where the guest is paused and does nothing."""
        waits = self.patient and self.domain.state()[0] != libvirt.VIR_DOMAIN_PAUSED
        return until(condition, UNPLUG_SECONDS if waits else 0)

    def _ask_for_vcpus(self, count: int) -> bool:
        """Asks once, and returns whether that is done."""
        try:
            self.domain.setVcpusFlags(count, libvirt.VIR_DOMAIN_AFFECT_LIVE)
        except libvirt.libvirtError as error:
            if error.get_error_code() not in (libvirt.VIR_ERR_OPERATION_FAILED, libvirt.VIR_ERR_OPERATION_TIMEOUT,
                                              libvirt.VIR_ERR_INTERNAL_ERROR):
                raise
            return False
        return True

    def _use_vcpus(self, count: int) -> bool:
        """Asks the guest's agent to use so many CPUs, which not every system does by itself; returns whether it does."""
        try:
            self.domain.setVcpusFlags(count, libvirt.VIR_DOMAIN_AFFECT_LIVE | libvirt.VIR_DOMAIN_VCPU_GUEST)
        except libvirt.libvirtError as error:
            if error.get_error_code() not in (libvirt.VIR_ERR_AGENT_UNRESPONSIVE, libvirt.VIR_ERR_INTERNAL_ERROR,
                                              libvirt.VIR_ERR_INVALID_ARG, libvirt.VIR_ERR_OPERATION_FAILED):
                raise
            return False
        return True

    def set_memory(self, change: Change) -> None:
        """The balloon (virDomainSetMemoryFlags), DIMMs, or what the virtio-mem device is asked for, as the guest is made."""
        live = self.live()
        method = memory.method_of(live)
        if method == "balloon":
            self.domain.setMemoryFlags(change.want // KIB, libvirt.VIR_DOMAIN_AFFECT_LIVE)
            self._follow_memory(change.want)
        elif method == "dimm":
            self._follow_dimms(live)
        else:
            device = live.find("devices/memory[@model='virtio-mem']")
            if device is not None:
                memory.write_size(device, "target/requested", change.want - memory.at_boot(live))
                self.domain.updateDeviceFlags(xmltree.tostring(device), libvirt.VIR_DOMAIN_AFFECT_LIVE)
                self._follow_memory(change.want)

    def _follow_memory(self, size: int) -> None:
        """Waits while the guest gives or takes memory: until it has the size, or does nothing any more."""
        there = memory.read_size(self.live())
        while there != size:
            before = there
            if not self._within(lambda: memory.read_size(self.live()) != before):  # pylint: disable=cell-var-from-loop
                return
            there = memory.read_size(self.live())

    def _follow_dimms(self, live: Element) -> None:
        """Plugs and unplugs DIMMs until the running guest has those of the stored document, told by alias or by size."""
        def labels(root: Element) -> Dict[str, Element]:
            return {elements.named_by_alias(memory.DIMM_ALIAS, device) or "at %s" % xmltree.get(device, "address/@slot"): device
                    for device in memory.dimms(root)}

        def gone(name: str) -> bool:
            return name not in labels(self.live())

        stored, running = labels(self.stored), labels(live)
        for name in [name for name in stored if name not in running]:
            self._attach(stored[name])
        for name in [name for name in running if name not in stored]:
            self._detach(running[name], functools.partial(gone, name))

    def set_metadata(self, change: Change) -> None:
        """virDomainSetMetadata of title or description."""
        kind = libvirt.VIR_DOMAIN_METADATA_TITLE if change.pattern == "title" \
            else libvirt.VIR_DOMAIN_METADATA_DESCRIPTION
        self.domain.setMetadata(kind, change.want or None, None, None, libvirt.VIR_DOMAIN_AFFECT_LIVE)

    def set_osinfo(self, change: Change) -> None:
        """virDomainSetMetadata of what libosinfo's users read."""
        uri = xmltree.NAMESPACES["libosinfo"]
        text = None
        if change.want is not None:
            text = "<libosinfo><os id=%s/></libosinfo>" % quoteattr(osinfo.address(change.want))
        self.domain.setMetadata(libvirt.VIR_DOMAIN_METADATA_ELEMENT, text, "libosinfo", uri, libvirt.VIR_DOMAIN_AFFECT_LIVE)

    def set_agent(self, change: Change) -> None:
        """Plugs or unplugs the agent's channel."""
        if change.want:
            channel = elements.agent_channel(self.stored)
            if channel is not None and elements.agent_channel(self.live()) is None:
                self._attach(channel)
        else:
            there = elements.agent_channel(self.live())
            if there is not None:
                self._detach(there, lambda: elements.agent_channel(self.live()) is None)

    def set_usb_redirection(self, change: Change) -> None:
        """Plugs and unplugs channels for redirected USB devices, one by one."""
        def channels(root: Element) -> List[Element]:
            return root.findall("devices/redirdev")
        for device in channels(self.stored)[len(channels(self.live())):]:
            self._attach(device)
        for device in channels(self.live())[change.want or 0:]:
            self._detach(device, lambda: len(channels(self.live())) <= (change.want or 0))

    # -- limits and places of CPU, memory and disks: each has a call of its own, and takes the live side alone --------------------

    def set_scheduler(self, change: Change) -> None:
        """virDomainSetSchedulerParametersFlags with all parameters, in an order that the kernel takes.

        The guest's own group must at no moment have less than a group in it (cgroup v1), so that limits are lifted first,
        and set from the inside out.
        """
        there = self.domain.schedulerParametersFlags(libvirt.VIR_DOMAIN_AFFECT_LIVE)
        wanted = {name: value for name, value in scheduling(self.stored).items() if name in there}
        changed = {name: value for name, value in wanted.items() if there[name] != value}
        # Also where the kernel has that weight by itself: it is not in the running document then.
        steps = [{"cpu_shares": change.want}] if change.route[-1] == "shares" else []
        if set(changed) - {"cpu_shares"}:
            quotas = [name for name in wanted if name.endswith("quota")]
            steps += [{name: NO_QUOTA} for name in quotas if there[name] != NO_QUOTA]
            steps += [{name: value} for name, value in changed.items() if name.endswith("period")]
            steps += [{name: wanted[name]} for name in quotas if wanted[name] != NO_QUOTA]
        for step in steps:
            self.domain.setSchedulerParametersFlags(step, libvirt.VIR_DOMAIN_AFFECT_LIVE)

    def set_memory_limits(self, _change: Change) -> None:
        """virDomainSetMemoryParameters with all limits at once: one by one, a limit would meet the one that it replaces."""
        limits = {name: memory.size_at(self.stored, "memtune/" + name) for name in ("hard_limit", "soft_limit", "swap_hard_limit")}
        self.domain.setMemoryParameters({name: UNLIMITED if size is None else size // KIB for name, size in limits.items()},
                                        libvirt.VIR_DOMAIN_AFFECT_LIVE)

    def set_balloon_period(self, change: Change) -> None:
        """virDomainSetMemoryStatsPeriod."""
        self.domain.setMemoryStatsPeriod(change.want or 0, libvirt.VIR_DOMAIN_AFFECT_LIVE)

    def set_io_weight(self, change: Change) -> None:
        """virDomainSetBlkioParameters."""
        self.domain.setBlkioParameters({"weight": change.want}, libvirt.VIR_DOMAIN_AFFECT_LIVE)

    def set_numa_nodes(self, change: Change) -> None:
        """virDomainSetNumaParameters."""
        self.domain.setNumaParameters({"numa_nodeset": change.want}, libvirt.VIR_DOMAIN_AFFECT_LIVE)

    def set_lifecycle(self, change: Change) -> None:
        """virDomainSetLifecycleAction, by the numbers of its enumerations."""
        event = ("poweroff", "reboot", "crash").index(change.route[-1])
        actions = ("destroy", "restart", "rename-restart", "preserve", "coredump-destroy", "coredump-restart")
        self.domain.setLifecycleAction(event, actions.index(change.want), libvirt.VIR_DOMAIN_AFFECT_LIVE)

    def set_iothreads(self, change: Change) -> None:
        """virDomainAddIOThread, virDomainDelIOThread: threads are numbered from 1."""
        there = [entry[0] for entry in self.domain.ioThreadInfo(libvirt.VIR_DOMAIN_AFFECT_LIVE)]
        wanted = range(1, (change.want or 0) + 1)
        for number in [number for number in wanted if number not in there]:
            self.domain.addIOThread(number, libvirt.VIR_DOMAIN_AFFECT_LIVE)
        for number in [number for number in there if number not in wanted]:
            self.domain.delIOThread(number, libvirt.VIR_DOMAIN_AFFECT_LIVE)

    def _host_cpus(self, cpus: Optional[str]) -> Tuple[bool, ...]:
        """A set of host CPUs as the calls want it: a boolean for each; None is all of them."""
        count = self.domain.connect().getCPUMap()[0]
        chosen = None if cpus is None else set(kinds.numbers_of(cpus))
        return tuple(chosen is None or number in chosen for number in range(count))

    def pin_vcpus(self, change: Change) -> None:
        """virDomainPinVcpuFlags for each virtual CPU; one that is pinned no more may run anywhere."""
        wanted, there = change.want or {}, change_map(self.live(), "vcpupin", "vcpu")
        for number in sorted(set(wanted) | set(there)):
            if wanted.get(number) != there.get(number):
                self.domain.pinVcpuFlags(int(number), self._host_cpus(wanted.get(number)), libvirt.VIR_DOMAIN_AFFECT_LIVE)

    def pin_emulator(self, change: Change) -> None:
        """virDomainPinEmulator."""
        self.domain.pinEmulator(self._host_cpus(change.want), libvirt.VIR_DOMAIN_AFFECT_LIVE)

    def pin_iothreads(self, change: Change) -> None:
        """virDomainPinIOThread for each I/O thread."""
        wanted, there = change.want or {}, change_map(self.live(), "iothreadpin", "iothread")
        for number in sorted(set(wanted) | set(there)):
            if wanted.get(number) != there.get(number):
                self.domain.pinIOThread(int(number), self._host_cpus(wanted.get(number)), libvirt.VIR_DOMAIN_AFFECT_LIVE)

    def set_block_iotune(self, change: Change) -> None:
        """virDomainSetBlockIoTune with all limits of the disk at once: one by one, a total would meet the parts it replaces."""
        _things, stored = self._device(self.stored, change)
        _things, running = self._device(self.live(), change)
        if stored is None or running is None:
            raise FlotillaError("%s has no disk %s" % (self.name, change.route[1]))
        wanted, there = iotune(stored), iotune(running)
        if wanted == there:
            return
        limits: Dict[str, Any] = {name: wanted.get(name, 0) for name in set(wanted) | set(there) if name != "group_name"}
        if wanted.get("group_name"):
            limits["group_name"] = wanted["group_name"]
        self.domain.setBlockIoTune(xmltree.get(running, "target/@dev"), limits, libvirt.VIR_DOMAIN_AFFECT_LIVE)

    # -- devices -------------------------------------------------------------------------------------------------------------

    def resize(self, change: Change) -> None:
        """virDomainBlockResize to a larger size; the guest sees it at once."""
        _things, device = self._device(self.live(), change)
        if device is None:
            raise FlotillaError("%s has no disk %s" % (self.name, change.route[1]))
        target = xmltree.get(device, "target/@dev")
        self.domain.blockResize(target, change.want, libvirt.VIR_DOMAIN_BLOCK_RESIZE_BYTES)

    def plug(self, change: Change) -> None:
        """Attaches or detaches a device (virDomainAttachDeviceFlags, virDomainDetachDeviceFlags)."""
        things, there = self._device(self.live(), change)
        if change.want is not None and there is None:
            stored = self._device(self.stored, change)[1]
            if stored is None:
                raise FlotillaError("%s has no stored %s" % (self.name, change.path))
            self._attach_controller(stored)
            self._attach(stored)
        elif change.want is None and there is not None:
            self._detach(there, lambda: self._device(self.live(), change)[1] is None)

    def update_nic(self, change: Change) -> None:
        """virDomainUpdateDeviceFlags with the running device, edited: a document from elsewhere would lack fields."""
        self._update(change)

    def update_medium(self, change: Change) -> None:
        """virDomainUpdateDeviceFlags with the source of the stored drive: all of a medium changes at once."""
        stored = self._device(self.stored, change)[1]
        running = self._device(self.live(), change)[1]
        if stored is None or running is None:
            raise FlotillaError("%s has no drive %s" % (self.name, change.route[1]))
        for node in running.findall("source"):
            running.remove(node)
        source = stored.find("source")
        running.set("type", stored.get("type", "file"))
        if source is not None:
            running.append(copy.deepcopy(source))
        # A locked tray would need the guest's consent; a person would take the medium out.
        self.domain.updateDeviceFlags(xmltree.tostring(running), libvirt.VIR_DOMAIN_AFFECT_LIVE | libvirt.VIR_DOMAIN_DEVICE_MODIFY_FORCE)

    def update_graphics(self, change: Change) -> None:
        """virDomainUpdateDeviceFlags: password and its end are all that changes on a display."""
        self._update(change)

    def _update(self, change: Change) -> None:
        things, device = self._device(self.live(), change)
        if device is None:
            raise FlotillaError("%s has no %s" % (self.name, change.path))
        table.FIELDS[change.pattern].put(device, change.want)
        self.domain.updateDeviceFlags(xmltree.tostring(device), libvirt.VIR_DOMAIN_AFFECT_LIVE)

    def _attach_controller(self, device: Element) -> None:
        """Plugs in the controller that a stored SCSI disk is to be on: libvirt would add an emulated one, for which q35 has no slot."""
        if device.tag != "disk" or xmltree.get(device, "target/@bus") != "scsi":
            return
        place = "devices/controller[@type='scsi'][@index='%s']" % (xmltree.get(device, "address/@controller") or "0")
        stored = self.stored.find(place)
        if stored is not None and self.live().find(place) is None:
            self._attach(stored)

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
        """A detach is a request: a guest that does not answer it keeps the device until its restart, as pending.

        Polled, and not by the event of a removal (or its failure): events need libvirt's own event loop, registered before the
        connection is opened and run in a thread for as long as the process lives, to save a tenth of a second here.
        """
        alias = xmltree.get(device, "alias/@name")
        if not self.patient and alias:
            try:
                self.domain.detachDeviceAlias(alias, libvirt.VIR_DOMAIN_AFFECT_LIVE)
            except libvirt.libvirtError as error:
                # QEMU refuses to ask twice: "already in the process of unplug".
                if error.get_error_code() not in (libvirt.VIR_ERR_OPERATION_FAILED, libvirt.VIR_ERR_INTERNAL_ERROR):
                    raise
            return
        try:
            self.domain.detachDeviceFlags(xmltree.tostring(device), libvirt.VIR_DOMAIN_AFFECT_LIVE)
        except libvirt.libvirtError as error:
            # What the guest refuses within the 5 s that the call waits, the call says itself: "rejected by the guest".
            if error.get_error_code() != libvirt.VIR_ERR_OPERATION_FAILED:
                raise
            return
        self._within(gone)
