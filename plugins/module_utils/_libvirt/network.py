# Copyright: (c) 2026, flotilla.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The network driver: virtual networks of libvirt."""

from __future__ import annotations

import ipaddress
import xml.etree.ElementTree as ET
from dataclasses import dataclass
from typing import Any, Dict, List, Mapping, Optional, Sequence

from .._reconcile import grammar
from .._reconcile.annotation import Annotation
from .._reconcile.contract import Request, Work
from .._reconcile.errors import EngineError, FlotillaError, Problem, Refused, raise_if_any
from .._reconcile.plan import GONE, Actual, Change, Rule
from .._reconcile.schema import Spec
from . import network_checks, network_document, network_live, xmltree
from .connection import is_code, libvirt, translated
from .network_document import ROUTED

RESTARTS = "the network has to be restarted"


@dataclass
class Handle:
    """What reading a network found: libvirt's network, the stored text, and the documents."""

    network: Any
    text: str
    live: Optional[ET.Element]


def _unless_kept(_value: Any, live: Mapping[str, Any]) -> str:
    # Where libvirt does not give the addresses they only stand with the declaration.
    return RESTARTS if live.get("mode") in ROUTED else ""


def _unless_outside(value: Any, live: Mapping[str, Any]) -> str:
    # The DHCP server that runs serves the subnet that runs, and libvirt refuses any other address.
    address = value.get("address") if isinstance(value, Mapping) else value
    subnet = live.get("subnet")
    if not address or not subnet:
        return ""
    return "" if ipaddress.ip_address(address) in ipaddress.ip_network(subnet) else RESTARTS


_RESTART = Rule(live=False, reason=RESTARTS)
_RULES: Dict[str, Rule] = {
    "state": Rule(), "autostart": Rule(default=False), "dns": Rule(),
    "subnet": Rule(unless=_unless_kept), "gateway": Rule(unless=_unless_kept),
    "dhcp.start": Rule(unless=_unless_outside), "dhcp.end": Rule(unless=_unless_outside),
    "dhcp.hosts[]": Rule(unless=_unless_outside), "dhcp.hosts[].address": Rule(unless=_unless_outside),
    "dhcp.hosts[].name": Rule(),
}


class NetworkDriver:
    """Networks through libvirt. `connection` None is a host without libvirt, which check mode plans against."""

    kind = "network"
    options = grammar.NETWORK
    annotates = True

    def __init__(self, connection: Any, local: bool = True) -> None:
        self.connection = connection
        self.host_ready = connection is not None
        self.local = local
        # Networks that this run is about to make or change, which must not collide with each other either.
        self._planned: Dict[str, Spec] = {}

    # -- reading --------------------------------------------------------------------------------------------------

    def read(self, names: Optional[Sequence[str]] = None) -> Dict[str, Actual]:
        """See `Driver.read`."""
        if self.connection is None:
            return {}
        with translated("list the networks"):
            found = {network.name(): network for network in self.connection.listAllNetworks(0)}
        wanted = found if names is None else [name for name in names if name in found]
        actuals: Dict[str, Actual] = {}
        for name in wanted:
            try:
                with translated("read network %s" % name):
                    actuals[name] = self._actual(name, found[name])
            except EngineError as error:
                # It went away between listing and reading.
                if not is_code(error, "NO_NETWORK"):
                    raise
        return actuals

    def _actual(self, name: str, network: Any) -> Actual:
        active, persistent = bool(network.isActive()), bool(network.isPersistent())
        text = self._stored_text(network)
        root = xmltree.parse(text, "network %s" % name)
        live = xmltree.parse(network.XMLDesc(0), "network %s" % name) if active else None
        written = xmltree.annotation_of(root)
        annotation = Annotation.from_json(written, "network %s" % name) if written else None
        declared = annotation.applied if annotation is not None else {}
        actual = Actual(name, stored=network_document.spec_of(root, declared), annotation=annotation,
                        live=None if live is None else network_document.spec_of(live, declared),
                        handle=Handle(network, text, live))
        for spec in (actual.stored, actual.live):
            if spec is not None:
                spec["state"] = "running" if active else "stopped"
                spec["autostart"] = bool(network.autostart()) if persistent else False
        actual.status = {"active": active, "persistent": persistent, "uuid": network.UUIDString(),
                         "bridge": xmltree.get(live if live is not None else root, "bridge/@name"),
                         "fleet": annotation.fleet if annotation is not None else None,
                         "leases": _leases(network) if active and actual.stored["mode"] in ROUTED else []}
        _complete_live(actual)
        self._find_unfinished(actual)
        return actual

    def _find_unfinished(self, actual: Actual) -> None:
        """What a run that died had still to do: the state and autostart of a creation, the start of a restart."""
        making = actual.annotation.facts.get("making") if actual.annotation is not None else None
        if not making:
            return
        # Reached or not, it is noted no longer, unless the run that reads this notes it again.
        actual.facts["making"] = None
        if actual.live is not None and self.local and network_live.astray(self.connection, actual.name, actual.status["bridge"]):
            # It runs, and its guests are not on it: that is no state of the grammar.
            actual.stored["state"] = actual.live["state"] = "present"
        if any(actual.stored.get(name) != value for name, value in making.items()):
            actual.unfinished = {name: value for name, value in making.items() if value != "present"}

    def _stored_text(self, network: Any) -> str:
        """The document for the next start. libvirt's test driver knows one document and not the flag."""
        two = network.isActive() and network.isPersistent() and self.connection.getType() != "TEST"
        return str(network.XMLDesc(libvirt.VIR_NETWORK_XML_INACTIVE if two else 0))

    def rule(self, pattern: str) -> Rule:
        """See `Driver.rule`."""
        return _RULES.get(pattern, _RESTART)

    # -- preparing ------------------------------------------------------------------------------------------------

    def complete(self, request: Request, actual: Optional[Actual]) -> Spec:
        """See `Driver.complete`."""
        want: Spec = dict(request.declared)
        if actual is None:
            want.setdefault("mode", "nat")
            want.setdefault("autostart", True)
            if want.get("state", "present") == "present":
                want["state"] = "running"
        return want

    def check(self, work: Work) -> None:
        """See `Driver.check`."""
        request, actual = work.request, work.actual
        if actual is not None and not actual.status["persistent"]:
            raise Refused("network %s is transient: it has no stored document to change" % work.name,
                          "define it first (virsh net-dumpxml, virsh net-define)")
        if request.option("state") in GONE:
            if request.option("state") == "absent":
                self._refuse_in_use(work)
            return
        stored = actual.stored if actual is not None else {}
        target = network_document.targeted(stored, work.changes) if actual is not None else work.want
        problems = network_checks.problems_of(target, request.where, request.declared)
        if not problems and (actual is None or any(
                change.route[:1] in (("mode",), ("subnet",), ("bridge",), ("device",)) for change in work.changes)):
            problems = self._host_problems(work, target)
        raise_if_any(problems)
        self._planned[work.name] = target
        self._note(work)

    def _note(self, work: Work) -> None:
        """What the next run finishes, should this one die before the network is as it shall be."""
        if work.actual is None:
            making: Spec = {name: work.want[name] for name in ("state", "autostart")}
        else:
            making = dict(work.actual.unfinished)
            if work.restart:
                self._refuse_unreachable(work)
                making["state"] = "running"
        work.note(facts={"making": making or None})

    def _refuse_unreachable(self, work: Work) -> None:
        """A restart takes the guests' interfaces from the bridge, and from afar they cannot be put back."""
        users = [] if self.local else network_live.guests_on(self.connection, work.name)
        if users:
            raise Refused("a restart of network %s through a remote uri would cut off running guests: %s"
                          % (work.name, ", ".join(sorted(users))), "run on the host itself, or stop them first")

    def _host_problems(self, work: Work, target: Spec) -> List[Problem]:
        others: Dict[str, Spec] = {name: actual.stored for name, actual in self.read().items()}
        others.update(self._planned)
        problems = network_checks.collisions(work.name, target, others, work.request.where)
        if self.local and self.host_ready and self.connection.getType() != "TEST" and not problems:
            problems = network_checks.of_this_machine(target, work.request.where)
        return problems

    def _refuse_in_use(self, work: Work) -> None:
        users = network_live.guests_on(self.connection, work.name)
        if users:
            raise Refused("network %s is in use by running guests: %s" % (work.name, ", ".join(sorted(users))),
                          "stop them or connect them to another network first")

    # -- applying -------------------------------------------------------------------------------------------------

    def create(self, work: Work) -> None:
        """See `Driver.create`: definition, autostart, start."""
        root = network_document.build(work.name, work.want)
        xmltree.set_annotation(root, work.annotation.to_json())
        with work.step("define network %s" % work.name):
            network = self._define(work.name, root)
        self._finish(work, network, work.want["autostart"], work.want["state"])

    def change(self, work: Work) -> None:
        """See `Driver.change`: the stored document, the running network, then its power."""
        actual = work.existing
        handle: Handle = actual.handle
        root = xmltree.parse(self._unchanged(handle, work.name))
        if network_document.edit(root, work.changes, network_document.targeted(actual.stored, work.changes)):
            with work.step("store the document of network %s" % work.name):
                self._store(handle, work.name, root)
        values = {change.pattern: change.want for change in work.changes}
        if handle.live is not None and values.get("state") != "stopped" and not work.restart:
            if work.request.option("on_change") != "defer":
                network_live.apply(handle.network, handle.live, root, work)
        if work.restart and handle.live is not None:
            network_live.restart(handle.network, work)
            self._reconnect(work, handle.network)
        self._finish(work, handle.network, values.get("autostart"), values.get("state"))

    def _unchanged(self, handle: Handle, name: str) -> str:
        """The stored text, read again right before it is edited; somebody else's change in between is an error."""
        with translated("read network %s" % name):
            text = self._stored_text(handle.network)
        if _less_annotation(text) != _less_annotation(handle.text):
            raise EngineError("network %s was changed by somebody else during this run" % name, "run again")
        return text

    def _store(self, handle: Handle, name: str, root: ET.Element) -> None:
        handle.network = self._define(name, root)
        handle.text = self._stored_text(handle.network)

    def _define(self, name: str, root: ET.Element) -> Any:
        with translated("define network %s" % name):
            return self.connection.networkDefineXML(xmltree.tostring(root))

    def _finish(self, work: Work, network: Any, autostart: Optional[bool], state: Optional[str]) -> None:
        if autostart is not None and bool(network.autostart()) != bool(autostart):
            with work.step("set autostart of network %s" % work.name), translated("set autostart of %s" % work.name):
                network.setAutostart(1 if autostart else 0)
        if state == "running" and not network.isActive():
            with work.step("start network %s" % work.name), translated("start network %s" % work.name):
                network.create()
            self._reconnect(work, network)
        elif state == "running":
            self._reconnect(work, network)
        elif state == "stopped" and network.isActive():
            with work.step("stop network %s" % work.name), translated("stop network %s" % work.name):
                network.destroy()
        work.note(facts={"making": None})

    def _reconnect(self, work: Work, network: Any) -> None:
        if self.local:
            network_live.reconnect(self.connection, network, work)

    def remove(self, work: Work) -> None:
        """See `Driver.remove`."""
        network = work.existing.handle.network
        if network.isActive():
            with work.step("stop network %s" % work.name), translated("stop network %s" % work.name):
                network.destroy()
        with work.step("undefine network %s" % work.name), translated("undefine network %s" % work.name):
            network.undefine()

    def annotate(self, actual: Actual, annotation: Optional[Annotation]) -> None:
        """See `Driver.annotate`: in the stored document alone, which is edited in place."""
        handle: Handle = actual.handle
        if not actual.status["persistent"]:
            raise FlotillaError("network %s is transient, so that nothing can be noted with it" % actual.name,
                                "define it first (virsh net-dumpxml, virsh net-define)")
        root = xmltree.parse(self._unchanged(handle, actual.name))
        xmltree.set_annotation(root, None if annotation is None else annotation.to_json())
        self._store(handle, actual.name, root)

    def nudge(self, actual: Actual, changes: Sequence[Change]) -> None:
        """Nothing about a network needs a guest to comply."""

    def wait(self, request: Request, actual: Actual) -> Dict[str, Any]:
        """A network is ready when it runs."""
        return {"by": "state"}


def _less_annotation(text: str) -> str:
    root = xmltree.parse(text)
    xmltree.set_annotation(root, None)
    return xmltree.tostring(root)


def _leases(network: Any) -> List[Dict[str, Any]]:
    """Addresses that the network's DHCP server gave; none where this driver of libvirt cannot tell."""
    try:
        leases = network.DHCPLeases()
    except libvirt.libvirtError as error:
        if is_code(error, "NO_SUPPORT", "OPERATION_UNSUPPORTED", "OPERATION_INVALID"):
            return []
        raise
    return [{"mac": lease.get("mac"), "address": lease.get("ipaddr"), "hostname": lease.get("hostname"),
             "expires": lease.get("expirytime")} for lease in leases]


def _complete_live(actual: Actual) -> None:
    """A range that is stored and does not run is no range there, so that it can be told from what nobody can know."""
    if actual.live is not None:
        for name in ("start", "end"):
            if name in actual.stored.get("dhcp", {}):
                actual.live.setdefault("dhcp", {}).setdefault(name, "")


__all__ = ["NetworkDriver"]
