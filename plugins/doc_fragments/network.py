# Copyright: (c) 2026, flotilla.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Generated from the grammar by tests/tools/generate_docs.py: change the grammar, not this file.

from __future__ import annotations


class ModuleDocFragment:
    """Options of a network, from the grammar."""

    DOCUMENTATION = r"""
options:
  state:
    description:
    - V(running) (the default at creation) or V(stopped); V(present) leaves it running or not, as it is.
    - V(absent) removes it, which is refused while running guests are connected to it.
    - V(released) drops our annotation and leaves the network as it is.
    - One of V(running), V(stopped), V(present), V(absent), V(released).
    type: raw
  mode:
    description:
    - How it is connected. V(nat) at creation.
    - 'V(nat), V(route) and V(open) forward between guests and the host''s networks: with address translation, without it,
      and without any firewall rules of libvirt. V(isolated) forwards nothing.'
    - V(bridge) connects guests to the host's own bridge O(bridge), V(macvtap) and V(hostdev) to the host's interface O(device).
      V(hostdev) gives each guest a virtual function of it, which it must have (SR-IOV); only its definition has been tested,
      not a guest on it.
    - One of V(nat), V(route), V(open), V(isolated), V(bridge), V(macvtap), V(hostdev).
    type: raw
  bridge:
    description:
    - Name of its bridge, at most 15 characters. Required for O(mode=bridge), where the bridge is the host's own and must
      be there. In the other modes libvirt makes the bridge, and chooses a name when nothing is declared.
    type: raw
  device:
    description:
    - Host interface. Required for O(mode=macvtap) and O(mode=hostdev) (there the physical function). For O(mode=nat) and
      O(mode=route) the only interface that traffic may leave by.
    type: raw
  domain:
    description:
    - DNS domain of the guests on it.
    type: raw
  mtu:
    description:
    - Largest packet in bytes.
    type: raw
  subnet:
    description:
    - Its addresses. Required for O(mode=nat), O(mode=route) and O(mode=open); must not overlap with another network of the
      host.
    type: raw
  gateway:
    description:
    - Address of the host in O(subnet) (O(mode=nat), O(mode=route), O(mode=open) and O(mode=isolated); the first one when
      nothing is declared), or of the router (O(mode=bridge), O(mode=macvtap), O(mode=hostdev)).
    type: raw
  dns:
    description:
    - Name servers for guests with static addresses. Kept with the declaration, not in libvirt.
    type: raw
  dhcp:
    description:
    - DHCP server on it (O(mode=nat), O(mode=route), O(mode=open) and O(mode=isolated)). Changed while it runs.
    type: raw
    suboptions:
      start:
        description:
        - First address of the range.
        type: str
      end:
        description:
        - Last address of the range.
        type: str
      hosts:
        description:
        - Fixed leases.
        type: list
        elements: dict
        suboptions:
          mac:
            description:
            - MAC address in quotes.
            type: str
            required: true
          address:
            description:
            - Address that it gets.
            type: str
            required: true
          name:
            description:
            - Host name that it gets.
            type: str
  autostart:
    description:
    - Whether it starts with the host. V(true) at creation.
    type: raw
  adopt:
    description:
    - Take over a network that was not made by this collection and differs from the declaration.
    type: raw
  on_change:
    description:
    - V(live) (the default) changes what the running network can take and reports the rest as pending.
    - V(restart) also restarts the network for whatever is pending; guests lose it for that moment and are connected again.
    - V(defer) does not touch the running network.
    - One of V(live), V(restart), V(defer).
    type: raw
"""
