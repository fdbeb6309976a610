# Copyright: (c) 2026, flotilla.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What makes an unpacked image this one container: its name, its identity, its addresses, its DNS."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Sequence, Tuple

from .._reconcile.errors import EngineError
from .host import Host
from .rootfs import RootFs

NETWORKD = "/etc/systemd/network/10-flotilla-%s.network"
_NETWORKD_UNIT = "/lib/systemd/system/systemd-networkd.service"
_RESOLVED = "/etc/systemd/resolved.conf.d/flotilla.conf"


@dataclass(frozen=True)
class Interface:
    """One interface as seen from inside; without addresses it asks by DHCP, with `manual` nothing is configured."""

    name: str
    mac: str
    addresses: Tuple[str, ...] = ()
    manual: bool = False


def set_hostname(root: RootFs, hostname: str) -> None:
    """Write /etc/hostname, and in /etc/hosts the line that lets the name resolve without DNS."""
    root.write("/etc/hostname", hostname.split(".")[0] + "\n")
    names = hostname if "." not in hostname else "%s %s" % (hostname, hostname.split(".")[0])
    kept = [line for line in (root.read("/etc/hosts") or "127.0.0.1 localhost\n::1 localhost ip6-localhost\n").splitlines()
            if not line.startswith("127.0.1.1")]
    root.write("/etc/hosts", "\n".join(kept + ["127.0.1.1 " + names]) + "\n")


def set_identity(root: RootFs, host: Host) -> None:
    """Give the container its own machine id and SSH host keys: those in an image are the same in all made from it."""
    if root.exists("/etc/machine-id"):
        root.write("/etc/machine-id", "", 0o444)  # empty: systemd makes one at the next boot (machine-id(5))
    if root.read_link("/var/lib/dbus/machine-id") is None:
        root.remove("/var/lib/dbus/machine-id")
    if not root.exists("/etc/ssh/sshd_config"):
        return
    for name in root.list_dir("/etc/ssh"):
        if name.startswith("ssh_host_") and "_key" in name:
            root.remove("/etc/ssh/" + name)
    # No RSA key: making one takes a second of CPU, and every client since OpenSSH 5.7 knows one of these. Only a host of before
    # that time, such as a node of OpenVZ 6, can make nothing else.
    made = [kind for kind in ("ed25519", "ecdsa") if _make_host_key(root, host, kind)]
    if not made:
        _make_host_key(root, host, "rsa")


def _make_host_key(root: RootFs, host: Host, kind: str) -> bool:
    """Make one, and say whether the host's ssh-keygen knows that kind."""
    # The host's ssh-keygen makes the pair beside the root file system, and it is written in from there: no program of
    # the image runs, and none of the host's writes through the image's links.
    place = "%s.key-%s" % (root.root, kind)
    for path in (place, place + ".pub"):
        host.remove_file(path)
    said = host.run(["ssh-keygen", "-q", "-t", kind, "-N", "", "-C", "root@container", "-f", place])
    try:
        if said.rc != 0 and kind != "rsa" and "unknown key type" in said.stderr:
            return False
        if said.rc != 0:
            raise EngineError("cannot make an SSH host key: " + said.stderr.strip())
        name = "/etc/ssh/ssh_host_%s_key" % kind
        root.write(name, host.read_file(place) or "", 0o600)
        root.write(name + ".pub", host.read_file(place + ".pub") or "", 0o644)
    finally:
        for path in (place, place + ".pub"):
            host.remove_file(path)
    return True


def needs_client(interfaces: Sequence[Interface]) -> bool:
    """Whether an address must be asked for from inside."""
    return any(not item.addresses and not item.manual for item in interfaces)


def set_network(root: RootFs, interfaces: Sequence[Interface], dns: Sequence[str], search: Sequence[str] = ()) -> None:
    """Configure the interfaces inside: by systemd-networkd where the image has it, else DHCP by ifupdown.

    A static address is set by the engine itself at start; networkd gets the same, so that it neither removes it nor asks by
    DHCP. Raises EngineError where DHCP is wanted and the image has neither.
    """
    networkd = root.exists(_NETWORKD_UNIT) or root.exists("/usr" + _NETWORKD_UNIT)
    if networkd:
        wanted = {NETWORKD % item.name for item in interfaces}
        for name in root.list_dir("/etc/systemd/network"):
            path = "/etc/systemd/network/" + name
            if name.startswith("10-flotilla-") and path not in wanted:
                root.remove(path)
        for item in interfaces:
            root.write(NETWORKD % item.name, networkd_unit(item, dns, search))
        if needs_client(interfaces):
            root.link("/etc/systemd/system/multi-user.target.wants/systemd-networkd.service", _NETWORKD_UNIT)
            root.link("/etc/systemd/system/sockets.target.wants/systemd-networkd.socket",
                      "/lib/systemd/system/systemd-networkd.socket")
    elif needs_client(interfaces):
        _ifupdown(root, interfaces)
    set_dns(root, dns, search)


def networkd_unit(item: Interface, dns: Sequence[str], search: Sequence[str]) -> str:
    """The systemd.network(5) file of one interface."""
    lines = ["[Match]", "Name=" + item.name, "", "[Network]"]
    if item.manual:
        lines[2:] = ["", "[Link]", "Unmanaged=yes"]
        return "\n".join(lines) + "\n"
    if not item.addresses:
        lines.append("DHCP=yes")
    lines.extend("Address=" + address for address in item.addresses)
    if item.addresses:
        # The engine's own default route stays; a second one from here would stand beside it, with another protocol.
        lines.append("KeepConfiguration=static")
    lines.extend("DNS=" + server for server in dns)
    if search:
        lines.append("Domains=" + " ".join(search))
    if not item.addresses:
        # The MAC is what a host entry of the network's DHCP is for; networkd's own default is a DUID of the machine id.
        lines.extend(["", "[DHCPv4]", "ClientIdentifier=mac"])
    return "\n".join(lines) + "\n"


def _ifupdown(root: RootFs, interfaces: Sequence[Interface]) -> None:
    if not root.exists("/sbin/ifup") and not root.exists("/usr/sbin/ifup"):
        raise EngineError("the image in %s has neither systemd-networkd nor ifupdown, so it cannot ask for an address by DHCP"
                          % root.root, "give the nic an address, or use an image with one of them")
    lines = ["auto lo", "iface lo inet loopback"]
    for item in interfaces:
        mode = "manual" if item.addresses or item.manual else "dhcp"
        lines.extend(["", "auto " + item.name, "iface %s inet %s" % (item.name, mode)])
    root.write("/etc/network/interfaces", "\n".join(lines) + "\n")


def set_dns(root: RootFs, dns: Sequence[str], search: Sequence[str] = ()) -> None:
    """Name the DNS servers: in resolv.conf, or where that is systemd-resolved's, in its configuration."""
    if not dns and not search:
        return
    if uses_resolved(root):
        lines = ["[Resolve]"] + (["DNS=" + " ".join(dns)] if dns else []) + (["Domains=" + " ".join(search)] if search else [])
        root.write(_RESOLVED, "\n".join(lines) + "\n")
        return
    lines = ["search " + " ".join(search)] if search else []
    root.write("/etc/resolv.conf", "\n".join(lines + ["nameserver " + server for server in dns]) + "\n")


def uses_resolved(root: RootFs) -> bool:
    """Whether names are looked up by systemd-resolved, which reads its configuration when it starts."""
    return "systemd/resolve" in (root.read_link("/etc/resolv.conf") or "")


def clear_dns(root: RootFs) -> None:
    """Take back what `set_dns` wrote: its own configuration of systemd-resolved, or a resolv.conf that says nothing else."""
    root.remove(_RESOLVED)
    if root.read_link("/etc/resolv.conf") is None:
        lines = (root.read("/etc/resolv.conf") or "").splitlines()
        if lines and all(line.startswith(("search ", "nameserver ")) for line in lines):
            root.write("/etc/resolv.conf", "")


def set_timezone(root: RootFs, zone: str) -> None:
    """Set the local time zone, as timedatectl does."""
    root.remove("/etc/localtime")
    root.link("/etc/localtime", "/usr/share/zoneinfo/" + zone)
    root.write("/etc/timezone", zone + "\n")


def set_locale(root: RootFs, locale: str) -> None:
    """Set the system's locale (locale.conf(5), and Debian's own file for it)."""
    for path in ("/etc/locale.conf", "/etc/default/locale"):
        root.write(path, "LANG=%s\n" % locale)
