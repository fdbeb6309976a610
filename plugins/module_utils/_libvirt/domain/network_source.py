# Copyright: (c) 2026, flotilla.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Where a disk, a NIC or a host device is connected: network disks, web addresses, PCI, USB and VLANs."""

from __future__ import annotations

from typing import Any, Callable, Dict, Optional, Sequence, Tuple
from urllib.parse import urlsplit
from xml.etree.ElementTree import Element, SubElement

from .. import xmltree
from . import elements

WEB = ("http", "https", "ftp", "ftps", "tftp")
_PORTS = {"https": 443, "http": 80, "ftp": 21, "ftps": 990, "tftp": 69}
_SECRET_TYPES = {"rbd": "ceph", "iscsi": "iscsi"}
Functions = Tuple[Callable[[Element, str, Sequence[str]], Any], Callable[[Element, str, Sequence[str], Any], None]]


def _is_web(device: Element) -> bool:
    return xmltree.get(device, "source/@protocol") in WEB


def _net(read: Callable[[Element, str], Any], write: Callable[[Element, str, Any], None]) -> Functions:
    """Reads what a network disk says, unless it is a web address, which is an option of its own."""
    return (lambda device, place, _arguments: None if _is_web(device) else read(device, place),
            lambda device, place, _arguments, value: write(device, place, value))


def _read_text(device: Element, place: str) -> Any:
    return xmltree.get(device, place) or None


def _write_text(device: Element, place: str, value: Any) -> None:
    xmltree.put(device, place, value)


def _read_yesno(device: Element, place: str) -> Any:
    return {"yes": True, "no": False}.get(xmltree.get(device, place) or "")


def _write_yesno(device: Element, place: str, value: Any) -> None:
    xmltree.put(device, place, None if value is None else "yes" if value else "no")


def _read_hosts(device: Element, _place: str) -> Any:
    hosts = [_host_text(node) for node in device.findall("source/host")]
    return hosts or None


def _host_text(node: Element) -> str:
    if node.get("socket"):
        return node.get("socket", "")
    name = node.get("name", "")
    return "%s:%s" % ("[%s]" % name if ":" in name else name, node.get("port")) if node.get("port") else name


def _write_hosts(device: Element, _place: str, value: Any) -> None:
    source = elements.required(device, "source")
    for node in source.findall("host"):
        source.remove(node)
    for word in value or ():
        SubElement(source, "host", _host_attributes(word))


def _host_attributes(word: str) -> Dict[str, str]:
    if word.startswith("/"):
        return {"transport": "unix", "socket": word}
    parts = urlsplit("//" + word)
    return {"name": parts.hostname or word, **({"port": str(parts.port)} if parts.port else {})}


def _read_secret(device: Element, place: str) -> Any:
    return xmltree.get(device, place + "/@uuid") or xmltree.get(device, place + "/@usage")


def _write_secret(device: Element, place: str, value: Any) -> None:
    for attribute in ("@uuid", "@usage", "@type"):
        xmltree.put(device, "%s/%s" % (place, attribute), None)
    if value is not None:
        looks_like_uuid = len(value) == 36 and value.count("-") == 4
        xmltree.put(device, place + ("/@uuid" if looks_like_uuid else "/@usage"), value)
        xmltree.put(device, place + "/@type", _SECRET_TYPES.get(xmltree.get(device, "source/@protocol") or "", "iscsi"))


def _read_url(device: Element, _place: str, _arguments: Sequence[str]) -> Any:
    source = device.find("source")
    if source is None or not _is_web(device):
        return None
    host = source.find("host")
    if host is not None and host.get("port") == str(_PORTS.get(source.get("protocol", ""))):
        host = Element("host", {"name": host.get("name", "")})
    query = "?" + source.get("query", "") if source.get("query") else ""
    return "%s://%s/%s%s" % (source.get("protocol"), _host_text(host) if host is not None else "", source.get("name", "").lstrip("/"), query)


def _write_url(device: Element, _place: str, _arguments: Sequence[str], value: Any) -> None:
    source = elements.required(device, "source")
    source.clear()
    if value is None:
        device.remove(source)
        return
    parts = urlsplit(value)
    source.attrib.update({"protocol": parts.scheme, "name": parts.path.lstrip("/"), **({"query": parts.query} if parts.query else {})})
    port = parts.port or _PORTS.get(parts.scheme, 80)
    SubElement(source, "host", {"name": parts.hostname or "", "port": str(port)})


# -- NICs ------------------------------------------------------------------------------------------------------------------

def _read_nic_network(nic: Element, place: str, _arguments: Sequence[str]) -> Any:
    """A running NIC on a network of mode bridge says type bridge, and still names its network."""
    return xmltree.get(nic, place)


def _unless_of_a_network(kind: str) -> Functions:
    def read(nic: Element, place: str, _arguments: Sequence[str]) -> Any:
        ours = nic.get("type") == kind and xmltree.get(nic, "source/@network") is None
        return xmltree.get(nic, place) if ours else None

    def write(nic: Element, place: str, _arguments: Sequence[str], value: Any) -> None:
        xmltree.put(nic, place, value)
        if kind == "vhostuser" and value is not None:
            xmltree.put(nic, "source/@type", "unix")
    return read, write


def _read_user(nic: Element, _place: str, _arguments: Sequence[str]) -> Any:
    return True if nic.get("type") == "user" else None


def _write_user(nic: Element, _place: str, _arguments: Sequence[str], value: Any) -> None:
    if value:
        nic.set("type", "user")
        for source in nic.findall("source"):
            nic.remove(source)


def pci_text(address: Optional[Element]) -> Optional[str]:
    """An address element of type pci as `0000:03:00.0`."""
    if address is None or address.get("bus") is None:
        return None
    number = {part: int(address.get(part, "0"), 0) for part in ("domain", "bus", "slot", "function")}
    return "%04x:%02x:%02x.%x" % (number["domain"], number["bus"], number["slot"], number["function"])


def pci_attributes(text: str) -> Dict[str, str]:
    """`0000:03:00.0` as the attributes of an address element."""
    domain, bus, rest = text.split(":")
    slot, function = rest.split(".")
    return {"domain": "0x" + domain, "bus": "0x" + bus, "slot": "0x" + slot, "function": "0x" + function}


def _read_nic_hostdev(nic: Element, _place: str, _arguments: Sequence[str]) -> Any:
    ours = nic.get("type") == "hostdev" and xmltree.get(nic, "source/@network") is None
    return pci_text(nic.find("source/address")) if ours else None


def _write_nic_hostdev(nic: Element, _place: str, _arguments: Sequence[str], value: Any) -> None:
    for source in nic.findall("source"):
        nic.remove(source)
    if value is not None:
        nic.set("managed", "yes")
        SubElement(SubElement(nic, "source"), "address", {"type": "pci", **pci_attributes(value)})


def _read_vlan(nic: Element, _place: str, _arguments: Sequence[str]) -> Any:
    node = nic.find("vlan")
    tags = [int(tag.get("id", "0")) for tag in node.findall("tag")] if node is not None else []
    if node is None or not tags:
        return None
    return tags if node.get("trunk") == "yes" or len(tags) > 1 else tags[0]


def _write_vlan(nic: Element, _place: str, _arguments: Sequence[str], value: Any) -> None:
    for node in nic.findall("vlan"):
        nic.remove(node)
    if value is None:
        return
    node = SubElement(nic, "vlan", {"trunk": "yes"} if isinstance(value, list) else {})
    for tag in value if isinstance(value, list) else [value]:
        SubElement(node, "tag", {"id": str(tag)})


# -- devices of the host -----------------------------------------------------------------------------------------------------

def _read_hostdev_pci(device: Element, _place: str, _arguments: Sequence[str]) -> Any:
    return pci_text(device.find("source/address")) if device.get("type") == "pci" else None


def _write_hostdev_pci(device: Element, _place: str, _arguments: Sequence[str], value: Any) -> None:
    if value is not None:
        SubElement(elements.required(device, "source"), "address", pci_attributes(value))
    else:
        xmltree.put(device, "source", None)


def _read_hostdev_usb(device: Element, _place: str, _arguments: Sequence[str]) -> Any:
    if device.get("type") != "usb":
        return None
    vendor, product = xmltree.get(device, "source/vendor/@id"), xmltree.get(device, "source/product/@id")
    if vendor and product:
        return "%04x:%04x" % (int(vendor, 0), int(product, 0))
    address = device.find("source/address")
    return None if address is None else "%s.%s" % (int(address.get("bus", "0"), 0), int(address.get("device", "0"), 0))


def _write_hostdev_usb(device: Element, _place: str, _arguments: Sequence[str], value: Any) -> None:
    if value is None:
        xmltree.put(device, "source", None)
        return
    source = elements.required(device, "source")
    if ":" in value:
        vendor, product = value.split(":")
        SubElement(source, "vendor", {"id": "0x" + vendor})
        SubElement(source, "product", {"id": "0x" + product})
    else:
        bus, number = value.split(".")
        SubElement(source, "address", {"bus": bus, "device": number})


def _read_mdev(device: Element, place: str, _arguments: Sequence[str]) -> Any:
    return xmltree.get(device, place) if device.get("type") == "mdev" else None


def _write_mdev(device: Element, place: str, _arguments: Sequence[str], value: Any) -> None:
    xmltree.put(device, place, value)
    if value is not None:
        device.set("model", device.get("model", "vfio-pci"))


SHAPES: Dict[str, Functions] = {
    "net_protocol": _net(_read_text, _write_text), "net_name": _net(_read_text, _write_text), "net_text": _net(_read_text, _write_text),
    "net_yesno": _net(_read_yesno, _write_yesno), "net_hosts": _net(_read_hosts, _write_hosts), "net_secret": _net(_read_secret, _write_secret),
    "url": (_read_url, _write_url), "nic_network": (_read_nic_network, lambda nic, place, _arguments, value: xmltree.put(nic, place, value)),
    "nic_bridge": _unless_of_a_network("bridge"), "nic_direct": _unless_of_a_network("direct"), "nic_vhost_user": _unless_of_a_network("vhostuser"),
    "nic_vdpa": _unless_of_a_network("vdpa"), "nic_user": (_read_user, _write_user), "nic_hostdev": (_read_nic_hostdev, _write_nic_hostdev),
    "vlan": (_read_vlan, _write_vlan), "hostdev_pci": (_read_hostdev_pci, _write_hostdev_pci), "hostdev_usb": (_read_hostdev_usb, _write_hostdev_usb),
    "mdev": (_read_mdev, _write_mdev),
}
