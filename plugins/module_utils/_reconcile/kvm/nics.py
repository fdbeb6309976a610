# Copyright: (c) 2026, flotilla.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Network interfaces."""

from __future__ import annotations

from ..plan import Rule
from ..rows import KVM, Row, Thing, kvm, later, live
from ..schema import Option

# qemuDomainChangeNet: everything about the device itself is fixed, and so is most of how it is connected.
_CONNECTION = "how the NIC is connected is fixed when the guest starts"
_VIRTIO = ("virtio", "virtio-transitional", "virtio-non-transitional")


def _rates(direction: str) -> Option:
    return kvm(direction, "dict", None, "Limits of what the guest %s." % ("receives" if direction == "inbound" else "sends"), options=(
        kvm("average", "size", live("bandwidth/%s/@average" % direction, "update_nic", "kib_number"),
            "What may pass in a second, with a binary unit, at least V(1KiB).", example="10MiB"),
        kvm("peak", "size", live("bandwidth/%s/@peak" % direction, "update_nic", "kib_number"),
            "Most that may pass in a second of a burst."),
        kvm("burst", "size", live("bandwidth/%s/@burst" % direction, "update_nic", "kib_number"), "How much may pass at the peak."),
    ) + ((kvm("floor", "size", live("bandwidth/inbound/@floor", "update_nic", "kib_number"),
              "What is guaranteed in a second, on a network that has limits itself."),) if direction == "inbound" else ()))


BANDWIDTH = kvm("bandwidth", "dict", None, "Limits of throughput, changed while the guest runs.", options=(_rates("inbound"),
                                                                                                           _rates("outbound")))

VIRTUAL_PORT = kvm("virtual_port", "one", Thing("virtualport", rule=Rule(live=False, reason=_CONNECTION)),
                   "Port on a virtual switch: V(openvswitch) for a bridge of Open vSwitch.", short="type", take_back="delete", options=(
    kvm("type", "str", later("@type", reason=_CONNECTION), "Kind of switch.", choices=("openvswitch", "802.1Qbg", "802.1Qbh", "midonet"),
        required=True, take_back="keep"),
    kvm("interface_id", "str", later("parameters/@interfaceid", reason=_CONNECTION, assumed=True),
        "UUID of the port. Made by libvirt when nothing is declared.",
        take_back="keep"),
    kvm("profile_id", "str", later("parameters/@profileid", reason=_CONNECTION), "Port profile."),
))

NICS = Option("nics", "items", take_back="delete", key_from=("network", "bridge", "macvtap"), short="network", row=Thing(
    "devices/interface", "nic", ("mac/@address",), first=(("type", "network"),), rule=Rule(cooperative=True), verb="plug"), doc=(
    "Network interfaces, matched by name. A bare name in the list is short for a NIC of that name on that network.",
), options=(
    Option("name", "label", row=Row(rule=Rule(always=True)), doc=(
        "Name of the NIC within the guest. Without it the name of its network or bridge.",)),
    Option("network", "reference", take_back="keep", row=live("source/@network", "update_nic", "nic_network", "network"),
           doc=("Network that it is connected to.",)),
    kvm("portgroup", "str", later("source/@portgroup", reason=_CONNECTION), "Port group of the network."),
    Option("bridge", "name", take_back="keep", row=live("source/@bridge", "update_nic", "nic_bridge", "bridge"),
           doc=("Host bridge that it is connected to, instead of a network.",)),
    kvm("macvtap", "name", later("source/@dev", "nic_direct", _CONNECTION, "direct"),
        "Host interface that it is connected to directly, instead of a network.", take_back="keep", example="eth1"),
    kvm("macvtap_mode", "str", later("source/@mode", "nic_direct", _CONNECTION, "direct"),
        "How O(nics[].macvtap) is shared. V(bridge) at creation.",
        choices=("bridge", "vepa", "private", "passthrough"), take_back="keep"),
    kvm("hostdev", "pci", later("source", "nic_hostdev", _CONNECTION, "hostdev"),
        "PCI address of a virtual function that the guest gets as a whole, instead of a network. Take one from a network of mode hostdev"
        " with O(nics[].network).", take_back="keep", example="0000:03:10.0"),
    kvm("user", "bool", later("", "nic_user", _CONNECTION),
        "User-mode networking by QEMU itself: the guest reaches out and is not reached.",
        take_back="keep"),
    kvm("vhost_user", "path", later("source/@path", "nic_vhost_user", _CONNECTION, "vhostuser"),
        "Unix socket of a vhost-user switch, instead of a network. Needs O(memory.access=shared).", take_back="keep"),
    kvm("vhost_user_mode", "str", later("source/@mode", "nic_vhost_user", _CONNECTION, "vhostuser"),
        "Whether QEMU connects to the socket (V(client)) or waits there (V(server)).", choices=("client", "server"), take_back="keep"),
    kvm("vdpa", "path", later("source/@dev", "nic_vdpa", _CONNECTION, "vdpa"), "vDPA device of the host, instead of a network.",
        take_back="keep"),
    kvm("vlan", "vlan", live("vlan", "update_nic", "vlan"),
        "VLAN tag, or a list of tags for a trunk, on a switch that can do it (Open vSwitch, SR-IOV).", example=42),
    VIRTUAL_PORT,
    Option("mac", "mac", take_back="keep", example="52:54:00:11:22:33", row=later(
        "mac/@address", reason="the MAC address is fixed when the guest starts"), doc=(
        "MAC address in quotes. Without it one is derived from fleet, guest and NIC and stays the same.",)),
    Option("model", "str", take_back="keep", engines=KVM, row=later("model/@type",
                                                                    reason="the device model is fixed when the guest starts"),
           doc=("Device model. V(virtio) at creation, where the operating system has its driver.",)),
    kvm("driver", "str", later("driver/@name").only_for("model", *_VIRTIO), "Who moves the packets of a virtio NIC: the host's kernel (V(vhost)) or QEMU.",
        choices=("vhost", "qemu")),
    kvm("queues", "int", later("driver/@queues", "int").only_for("model", *_VIRTIO), "Queues of a virtio NIC.", minimum=1),
    kvm("link", "str", live("link/@state", "update_nic", "text told", default="up"), "Whether the cable is plugged in.", choices=("up", "down")),
    kvm("mtu", "int", later("mtu/@size", "int", assumed=True), "Largest packet in bytes.", minimum=68),
    BANDWIDTH,
    kvm("filter", "str", live("filterref/@filter", "update_nic"), "Network filter of libvirt, such as V(clean-traffic)."),
    kvm("filter_parameters", "texts", live("filterref", "update_nic", "pairs parameter @name @value"),
        "Parameters of O(nics[].filter) by name.",
        example={"IP": "10.20.0.11"}),
    kvm("isolated", "bool", live("port/@isolated", "update_nic", "yesno told", default=False),
        "Keep it apart from other isolated NICs of the same bridge."),
    kvm("trust_guest_rx_filters", "bool", later("@trustGuestRxFilters", "yesno told", default=False),
        "Let the guest change the filters of a macvtap or network device of the host."),
    kvm("target", "name", later("target/@dev", assumed=True),
        "Name of its device on the host. Chosen at each start when nothing is declared."),
    kvm("rom", "bool", later("rom/@bar", "onoff"), "Whether its boot ROM is visible to the guest."),
    kvm("boot_order", "int", later("boot/@order", "boot_order"), "Place in the order in which devices are tried to boot from, from 1."
        " Replaces O(boot.order).", minimum=1),
    Option("address", "any", example="10.20.0.11/24", doc=(
        "Static address with its prefix length, such as V(10.20.0.11/24), or a list of them. Without it the guest asks"
        " a DHCP server. With C(count), C({from: 10.20.0.21/24}) gives each member the next address.",)),
    Option("gateway", "ip", doc=("Default gateway. Without it that of the network's declaration, if any.",)),
    Option("dns", "list", item="ip", doc=("Name servers. Without them those of the network's declaration, if any.",)),
))
