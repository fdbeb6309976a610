# Copyright: (c) 2026, flotilla.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A network's document: what it says in the grammar's terms, and how each option is written into it."""

from __future__ import annotations

import ipaddress
import xml.etree.ElementTree as ET
from typing import Any, Dict, Mapping, Optional, Sequence

from .._reconcile.plan import Change
from .._reconcile.schema import Spec
from . import xmltree

# Modes in which libvirt makes the bridge, and gives addresses on it.
ROUTED = ("nat", "route", "open", "isolated")
# Options that libvirt has no place for: they live with the declaration. In the other modes so do subnet and gateway.
KEPT_WITH_DECLARATION = ("dns",)
_MACVTAP = ("bridge", "private", "vepa", "passthrough")


def spec_of(root: ET.Element, declared: Mapping[str, Any]) -> Spec:
    """The network in the grammar's terms. `declared` is the last declaration, for what the document cannot hold."""
    spec: Spec = {"mode": _mode(root)}
    for name, value in (("bridge", xmltree.get(root, "bridge/@name")), ("device", _device(root)),
                        ("domain", xmltree.get(root, "domain/@name"))):
        if value:
            spec[name] = value
    mtu = xmltree.get(root, "mtu/@size")
    if mtu:
        spec["mtu"] = int(mtu)
    kept = KEPT_WITH_DECLARATION if spec["mode"] in ROUTED else KEPT_WITH_DECLARATION + ("subnet", "gateway")
    spec.update({name: declared[name] for name in kept if declared.get(name) is not None})
    ip = root.find("ip")
    if spec["mode"] in ROUTED and ip is not None and ip.get("address"):
        spec["gateway"] = str(ipaddress.ip_address(ip.get("address", "")))
        spec["subnet"] = str(_subnet(ip))
        dhcp = _dhcp(ip)
        if dhcp:
            spec["dhcp"] = dhcp
    return spec


def _mode(root: ET.Element) -> str:
    forward = root.find("forward")
    if forward is None:
        return "isolated"
    mode = forward.get("mode", "nat")
    if mode in _MACVTAP and root.find("bridge") is None:
        return "macvtap"
    return mode


def _device(root: ET.Element) -> Optional[str]:
    for place in ("forward/@dev", "forward/interface/@dev", "forward/pf/@dev"):
        device = xmltree.get(root, place)
        if device:
            return device
    return None


def _subnet(ip: ET.Element) -> Any:
    address = ipaddress.ip_address(ip.get("address", ""))
    length = ip.get("netmask") or ip.get("prefix") or str(address.max_prefixlen)
    return ipaddress.ip_network("%s/%s" % (address, length), strict=False)


def _dhcp(ip: ET.Element) -> Spec:
    dhcp: Spec = {}
    for name in ("start", "end"):
        value = xmltree.get(ip, "dhcp/range/@" + name)
        if value:
            dhcp[name] = value
    hosts: Dict[str, Spec] = {}
    for host in ip.findall("dhcp/host"):
        mac, address = host.get("mac"), host.get("ip")
        if mac and address:
            hosts[mac.lower()] = {"mac": mac.lower(), "address": address}
            if host.get("name"):
                hosts[mac.lower()]["name"] = host.get("name")
    if hosts:
        dhcp["hosts"] = hosts
    return dhcp


def build(name: str, want: Mapping[str, Any]) -> ET.Element:
    """The document of a new network."""
    root = ET.Element("network")
    xmltree.put(root, "name", name)
    _write_mode(root, want)
    for option in ("bridge", "device", "domain", "mtu"):
        if want.get(option) is not None:
            _WRITERS[option](root, want)
    _write_ip(root, want)
    dhcp, ip = want.get("dhcp") or {}, root.find("ip")
    if ip is not None and dhcp:
        _write_range(ip, dhcp)
        for host in dhcp.get("hosts", {}).values():
            xmltree.ensure(ip, "dhcp").append(host_element(host))
    return root


def edit(root: ET.Element, changes: Sequence[Change], target: Mapping[str, Any]) -> bool:
    """Writes the changes into a document; `target` is the whole spec that it shall say. False when none concerns it."""
    before = ET.tostring(root)
    tops = [change.route[0] for change in changes if change.route]
    if "mode" in tops:
        _write_mode(root, target)
        tops = ["bridge", "device", "subnet"] + tops
    for option in ("bridge", "device", "domain", "mtu"):
        if option in tops:
            _WRITERS[option](root, target)
    if "subnet" in tops or "gateway" in tops:
        _write_ip(root, target)
    ip = root.find("ip")
    if "dhcp" in tops and ip is not None:
        _edit_dhcp(ip, [change for change in changes if change.route[:1] == ("dhcp",)], target.get("dhcp") or {})
    return ET.tostring(root) != before


def _write_mode(root: ET.Element, target: Mapping[str, Any]) -> None:
    mode = target["mode"]
    forward = root.find("forward")
    if forward is not None:
        # What a forward element holds (addresses, interfaces) belongs to its mode.
        root.remove(forward)
    if mode != "isolated":
        xmltree.put(root, "forward/@mode", "bridge" if mode == "macvtap" else mode)
    if mode not in ROUTED:
        for tag in ("ip", "mac", "domain", "dns", "bridge"):
            for element in root.findall(tag):
                root.remove(element)


def _write_bridge(root: ET.Element, target: Mapping[str, Any]) -> None:
    if target["mode"] in ROUTED + ("bridge",):
        xmltree.put(root, "bridge/@name", target.get("bridge"))


def _write_device(root: ET.Element, target: Mapping[str, Any]) -> None:
    forward, device = root.find("forward"), target.get("device")
    if forward is None or device is None:
        return
    for element in forward.findall("interface") + forward.findall("pf"):
        forward.remove(element)
    if target["mode"] == "hostdev":
        forward.set("managed", "yes")
        ET.SubElement(forward, "pf", {"dev": device})
    else:
        forward.set("dev", device)
        ET.SubElement(forward, "interface", {"dev": device})


def _write_domain(root: ET.Element, target: Mapping[str, Any]) -> None:
    there = root.find("domain")
    if target.get("domain") is not None:
        xmltree.put(root, "domain/@name", target["domain"])
    elif there is not None:
        root.remove(there)


def _write_mtu(root: ET.Element, target: Mapping[str, Any]) -> None:
    xmltree.put(root, "mtu/@size", None if target.get("mtu") is None else str(target["mtu"]))


_WRITERS = {"bridge": _write_bridge, "device": _write_device, "domain": _write_domain, "mtu": _write_mtu}


def _write_ip(root: ET.Element, target: Mapping[str, Any]) -> None:
    if target.get("mode") not in ROUTED or target.get("subnet") is None:
        return
    subnet = ipaddress.ip_network(target["subnet"])
    ip = xmltree.ensure(root, "ip")
    ip.set("address", gateway_of(target))
    if subnet.version == 6:
        ip.set("family", "ipv6")
    else:
        ip.attrib.pop("family", None)
    # The form that is there stays.
    if ip.get("netmask") and subnet.version == 4:
        ip.set("netmask", str(subnet.netmask))
    else:
        ip.attrib.pop("netmask", None)
        ip.set("prefix", str(subnet.prefixlen))


def gateway_of(spec: Mapping[str, Any]) -> str:
    """The host's address in the subnet: as declared while it lies there, else the first one."""
    subnet = ipaddress.ip_network(spec["subnet"])
    gateway = spec.get("gateway")
    if gateway is not None and ipaddress.ip_address(gateway) in subnet:
        return str(gateway)
    return str(subnet[1] if subnet.num_addresses > 1 else subnet[0])


def _edit_dhcp(ip: ET.Element, changes: Sequence[Change], dhcp: Mapping[str, Any]) -> None:
    for change in changes:
        if change.pattern in ("dhcp.start", "dhcp.end"):
            _write_range(ip, dhcp)
        elif change.route[1:2] == ("hosts",):
            _edit_host(ip, change.route[2], dhcp.get("hosts", {}).get(change.route[2]))
    there = ip.find("dhcp")
    if there is not None and not len(there):
        ip.remove(there)


def _write_range(ip: ET.Element, dhcp: Mapping[str, Any]) -> None:
    for name in ("start", "end"):
        xmltree.put(ip, "dhcp/range/@" + name, dhcp.get(name))


def _edit_host(ip: ET.Element, mac: str, host: Optional[Mapping[str, Any]]) -> None:
    dhcp = xmltree.ensure(ip, "dhcp")
    there = find_host(ip, mac)
    if host is None:
        if there is not None:
            dhcp.remove(there)
    elif there is None:
        dhcp.append(host_element(host))
    else:
        there.set("ip", host["address"])
        xmltree.put(there, "@name", host.get("name"))


def find_host(ip: ET.Element, mac: str) -> Optional[ET.Element]:
    """The fixed lease of a MAC address."""
    return next((host for host in ip.findall("dhcp/host") if (host.get("mac") or "").lower() == mac), None)


def host_element(host: Mapping[str, Any]) -> ET.Element:
    """A fixed lease."""
    element = ET.Element("host", {"mac": host["mac"], "ip": host["address"]})
    xmltree.put(element, "@name", host.get("name"))
    return element


def targeted(stored: Mapping[str, Any], changes: Sequence[Change]) -> Spec:
    """The stored spec with the changes made to it."""
    target: Spec = _copy(stored)
    for change in changes:
        if not change.route:
            continue
        here: Spec = target
        for part in change.route[:-1]:
            here = here.setdefault(part, {})
        if change.want is None:
            here.pop(change.route[-1], None)
        else:
            here[change.route[-1]] = change.want
    return target


def _copy(value: Mapping[str, Any]) -> Spec:
    return {name: _copy(inner) if isinstance(inner, Mapping) else inner for name, inner in value.items()}
