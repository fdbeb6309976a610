# Copyright: (c) 2026, flotilla.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The grammar of guests, networks, pools, volumes and images: one tree for parsing, comparing and documentation.

Documentation strings use Ansible's markup, since the doc fragments are generated from here.
"""

from __future__ import annotations

from typing import Any, Dict, List, Mapping, Tuple

from . import grammar_containers as containers
from .errors import Problem, join_path
from .schema import Option, Spec, parse

KVM: Tuple[str, ...] = ("kvm",)
ENGINES = ("kvm", "lxc", "podman", "openvz", "virtuozzo")

CPUS = Option("cpus", "dict", short="count", doc=(
    "Virtual CPUs. A bare number is short for V(count).",), example=2, options=(
        Option("count", "int", minimum=1, take_back="keep", doc=(
            "CPUs that the guest has now. Changed on the running guest, up to O(cpus.maximum).",)),
        Option("maximum", "int", minimum=1, engines=KVM, doc=(
            "Ceiling up to which O(cpus.count) can grow while the guest runs; fixed when the guest starts.",
            "Taking it back makes it equal to the count.")),
))

MEMORY = Option("memory", "dict", short="size", example="2GiB", doc=(
    "Memory. A bare size such as V(2GiB) is short for V(size).",), options=(
        Option("size", "size", take_back="keep", example="2GiB", doc=(
            "Memory that the guest has now, with a binary unit (V(MiB), V(GiB)). Changed on the running guest, up to"
            " O(memory.maximum).",)),
        Option("maximum", "size", engines=KVM, example="4GiB", doc=(
            "Ceiling up to which O(memory.size) can grow while the guest runs, with a binary unit; fixed when the guest"
            " starts. Taking it back makes it equal to the size.",)),
))

DISKS = Option("disks", "items", take_back="delete", doc=(
    "Disks, matched by name and never by position. A disk that is no longer declared is detached and its volume kept.",
), options=(
    Option("name", "name", required=True, doc=("Name of the disk within the guest.",)),
    Option("was", "name", control=True, doc=("Earlier name of this disk, when it is renamed.",)),
    Option("pool", "name", take_back="keep", doc=("Storage pool of the volume.",)),
    Option("volume", "name", take_back="keep", doc=(
        "Name of the volume. Without it C(GUEST-DISK) with the format as ending.",)),
    Option("file", "path", take_back="keep", engines=KVM, doc=(
        "Absolute path of an image file that is used as it is, instead of a volume.",)),
    Option("device", "path", take_back="keep", engines=KVM, doc=(
        "Absolute path of a block device that is used as it is, instead of a volume.",)),
    Option("size", "size", take_back="keep", example="20GiB", doc=(
        "Capacity with a binary unit. It can grow while the guest runs and never shrinks.",
        "Without it a disk made from an image has the size of the image.")),
    Option("image", "name", take_back="keep", doc=(
        "Image that the disk is made from, as a copy-on-write clone. Used only when the disk is made.",)),
    Option("format", "str", choices=("qcow2", "raw"), take_back="keep", doc=(
        "Format of the volume. V(qcow2) when it is made and nothing is declared.",)),
    Option("bus", "str", choices=("virtio", "scsi", "sata", "usb"), take_back="keep", engines=KVM, doc=(
        "Bus that the guest sees the disk on. V(virtio) at creation.",)),
    Option("cache", "str", choices=("none", "writethrough", "writeback", "directsync", "unsafe"), engines=KVM,
           doc=("Host cache mode.",)),
    Option("readonly", "bool", engines=KVM, doc=("Whether the guest may only read the disk.",)),
    Option("serial", "str", engines=KVM, doc=("Serial number that the guest sees.",)),
    Option("existing", "bool", control=True, doc=(
        "Use the volume that is already there although no declaration made it. Otherwise that is an error.",)),
))

NICS = Option("nics", "items", take_back="delete", key_from=("network", "bridge"), short="network", doc=(
    "Network interfaces, matched by name. A bare name in the list is short for a NIC of that name on that network.",
), options=(
    Option("name", "name", doc=("Name of the NIC within the guest. Without it the name of its network or bridge.",)),
    Option("network", "name", take_back="keep", doc=("Network that it is connected to.",)),
    Option("bridge", "name", take_back="keep", doc=("Host bridge that it is connected to, instead of a network.",)),
    Option("mac", "mac", take_back="keep", example="52:54:00:11:22:33", doc=(
        "MAC address in quotes. Without it one is derived from fleet, guest and NIC and stays the same.",)),
    Option("model", "str", take_back="keep", engines=KVM, doc=("Device model. V(virtio) at creation.",)),
    Option("link", "str", choices=("up", "down"), engines=KVM, doc=("Whether the cable is plugged in.",)),
    Option("mtu", "int", minimum=68, engines=KVM, doc=("Largest packet in bytes.",)),
    Option("address", "any", example="10.20.0.11/24", doc=(
        "Static address with its prefix length, such as V(10.20.0.11/24), or a list of them. Without it the guest asks"
        " a DHCP server. With C(count), C({from: 10.20.0.21/24}) gives each member the next address.",)),
    Option("gateway", "ip", doc=("Default gateway. Without it that of the network's declaration, if any.",)),
    Option("dns", "list", item="ip", doc=("Name servers. Without them those of the network's declaration, if any.",)),
))

USERS = Option("users", "items", take_back="delete", doc=("Users inside the guest.",), options=(
    Option("name", "name", required=True, doc=("Login name.",)),
    Option("ssh_keys", "list", doc=("Public SSH keys that may log in.",)),
    Option("groups", "list", doc=("Supplementary groups.",)),
    Option("sudo", "any", doc=("V(true) for sudo without a password, or a sudo rule as text.",)),
    Option("shell", "path", doc=("Login shell.",)),
    Option("hashed_password", "secret", doc=("Password as a crypt(5) hash. A secret: never shown.",)),
    Option("lock_password", "bool", doc=("Whether logging in with a password is forbidden.",)),
))

CLOUD_INIT = Option("cloud_init", "dict", take_back="delete", doc=(
    "First-boot configuration by cloud-init. A later change waits as pending with the reason V(first boot only), since"
    " it never runs again by itself on a guest that has booted.",), options=(
        Option("hostname", "str", doc=("Host name inside the guest. Without it the guest's name.",)),
        USERS,
        Option("ssh_keys", "list", doc=("Public SSH keys of the image's default user.",)),
        Option("packages", "list", doc=("Packages to install at first boot.",)),
        Option("timezone", "str", doc=("Time zone, such as V(Europe/Berlin).",)),
        Option("locale", "str", doc=("Locale, such as V(C.UTF-8).",)),
        Option("user_data", "secret_any", engines=KVM, doc=(
            "Own user-data, as text or as a dictionary, merged with the options above. Treated as a secret as a whole,"
            " since it often holds some.",)),
        Option("network_config", "map", engines=KVM, doc=(
            "Own network configuration (version 2), instead of the one made from O(nics).",)),
        Option("run_commands", "list", engines=KVM, doc=("Commands to run once, at the end of the first boot.",)),
        Option("reseed", "bool", once=True, take_back="keep", engines=KVM, doc=(
            "For one run and never stored: let the guest see a new instance at its next start, so that a changed"
            " configuration is applied.",
            "cloud-init then runs everything again that it runs once for an instance: users, SSH keys, packages, commands"
            " and the network configuration. SSH host keys stay.")),
))

OS = Option("os", "dict", short="family", engines=KVM, doc=(
    "Operating system and firmware. A bare word is short for V(family).",), options=(
        Option("family", "str", choices=("linux", "windows", "bsd", "solaris", "macos"), take_back="keep",
               doc=("Family of the operating system.",)),
        Option("variant", "str", take_back="keep", doc=("Name of the system, such as V(debian12).",)),
        Option("firmware", "str", choices=("bios", "uefi"), take_back="keep", doc=("Firmware. V(bios) at creation.",)),
        Option("machine", "str", take_back="keep", doc=("Machine type, such as V(q35) (the default at creation).",)),
        Option("kernel", "path", take_back="delete", doc=("Kernel on the host to boot directly.",)),
        Option("initrd", "path", take_back="delete", doc=("Initial RAM disk on the host for O(os.kernel).",)),
        Option("cmdline", "str", take_back="delete", doc=("Command line for O(os.kernel).",)),
))

WAIT_FOR = Option("wait_for", "dict", short="what", control=True, doc=(
    "Wait until the guest is ready. A wait that timed out is waited for, and fails again, in the next run.",), options=(
        Option("what", "str", choices=("running", "agent", "address", "cloud_init"), required=True, doc=(
            "What to wait for. V(cloud_init) is asked of the guest's agent, else looked for on its serial console. Where"
            " neither can tell, an SSH server that answers is taken for it, which proves less: C(status.ready) says by"
            " what it was found and what that proves.",)),
        Option("timeout", "int", minimum=1, doc=("Longest wait in seconds. 300 when nothing is declared.",)),
))

STATE = Option("state", "str", choices=("running", "stopped", "paused", "present", "absent", "released"),
               take_back="keep", doc=(
    "V(running) (the default at creation), V(stopped), V(paused); V(present) leaves the power as it is.",
    "V(absent) removes the guest and keeps its storage, unless O(remove_storage) is set.",
    "V(released) drops our annotation and leaves the guest as it is."))

CONTROL = (
    Option("on_change", "str", choices=("live", "restart", "defer"), control=True, doc=(
        "V(live) (the default) applies what the running guest can take and reports the rest as pending. V(restart) also"
        " restarts the guest for whatever is pending. V(defer) does not touch the running guest.",)),
    Option("adopt", "bool", control=True, once=True, doc=("Take over a guest that was not made by this collection.",)),
    Option("recreate", "bool", control=True, once=True, doc=("Allow changes that destroy the guest and make it anew.",)),
    Option("remove_storage", "bool", control=True, once=True, doc=(
        "With O(state=absent), also remove the volumes that this collection made for the guest.",)),
    Option("protect", "bool", control=True, doc=(
        "Refuse to remove the guest, to make it anew or to detach its disks, whatever else is said.",)),
    WAIT_FOR,
    Option("stop_timeout", "int", minimum=0, control=True, doc=(
        "How long a graceful stop may take, in seconds. 120 when nothing is declared.",)),
    Option("force_stop", "bool", control=True, doc=(
        "Power the guest off when it did not stop in time. Otherwise that is an error.",)),
)

GUEST: Tuple[Option, ...] = (
    STATE,
    Option("virtualization", "str", choices=("kvm", "prefer_kvm", "qemu"), engines=KVM, control=True, doc=(
        "V(kvm) (the default) uses hardware virtualization and is an error where the host cannot. V(prefer_kvm) emulates"
        " there and says so. V(qemu) always emulates. Decided at creation.",)),
    Option("title", "str", engines=KVM, take_back="delete", doc=("Short title.",)),
    Option("description", "str", engines=KVM, take_back="delete", doc=("Free text.",)),
    CPUS, MEMORY, OS, DISKS, NICS, CLOUD_INIT,
    Option("image", "name", take_back="keep", doc=(
        "Image of the guest. For a domain short for the image of its disk C(root).",)),
    Option("hostname", "str", engines=("lxc", "podman", "openvz", "virtuozzo"), doc=(
        "Host name of a container. Without it the container's name.",)),
    Option("agent", "bool", engines=KVM, doc=("A channel for the QEMU guest agent. Present at creation.",)),
    Option("console", "bool", engines=KVM, doc=("A serial console with a log. Present at creation.",)),
    Option("autostart", "bool", doc=("Whether the guest starts with the host.",)),
    Option("tags", "tags", take_back="delete", doc=(
        "Tags, stored with the guest; they become groups of the inventory.",)),
) + CONTROL
GUEST = containers.extend(GUEST)
DISKS = containers.extended(DISKS)

DHCP_HOST = Option("hosts", "items", key="mac", take_back="delete", doc=("Fixed leases.",), options=(
    Option("mac", "mac", required=True, example="52:54:00:11:22:33", doc=("MAC address in quotes.",)),
    Option("address", "ip", required=True, take_back="keep", example="10.30.0.60", doc=("Address that it gets.",)),
    Option("name", "name", take_back="delete", doc=("Host name that it gets.",)),
))

NETWORK: Tuple[Option, ...] = (
    Option("state", "str", choices=("running", "stopped", "present", "absent", "released"), take_back="keep", doc=(
        "V(running) (the default at creation) or V(stopped); V(present) leaves it running or not, as it is.",
        "V(absent) removes it, which is refused while running guests are connected to it.",
        "V(released) drops our annotation and leaves the network as it is.")),
    Option("mode", "str", choices=("nat", "route", "open", "isolated", "bridge", "macvtap", "hostdev"),
           take_back="keep", doc=(
        "How it is connected. V(nat) at creation.",
        "V(nat), V(route) and V(open) forward between guests and the host's networks: with address translation, without"
        " it, and without any firewall rules of libvirt. V(isolated) forwards nothing.",
        "V(bridge) connects guests to the host's own bridge O(bridge), V(macvtap) and V(hostdev) to the host's interface"
        " O(device). V(hostdev) gives each guest a virtual function of it, which it must have (SR-IOV); only its definition"
        " has been tested, not a guest on it.")),
    Option("bridge", "name", take_back="keep", example="br20", doc=(
        "Name of its bridge, at most 15 characters. Required for O(mode=bridge), where the bridge is the host's own and"
        " must be there. In the other modes libvirt makes the bridge, and chooses a name when nothing is declared.",)),
    Option("device", "name", take_back="keep", example="eth1", doc=(
        "Host interface. Required for O(mode=macvtap) and O(mode=hostdev) (there the physical function). For O(mode=nat)"
        " and O(mode=route) the only interface that traffic may leave by.",)),
    Option("domain", "str", take_back="delete", example="lab.example.com", doc=("DNS domain of the guests on it.",)),
    Option("mtu", "int", minimum=68, take_back="delete", doc=("Largest packet in bytes.",)),
    Option("subnet", "subnet", take_back="keep", example="10.30.0.0/24", doc=(
        "Its addresses. Required for O(mode=nat), O(mode=route) and O(mode=open); must not overlap with another network"
        " of the host.",)),
    Option("gateway", "ip", take_back="keep", example="10.30.0.1", doc=(
        "Address of the host in O(subnet) (O(mode=nat), O(mode=route), O(mode=open) and O(mode=isolated); the first one"
        " when nothing is declared), or of the router (O(mode=bridge), O(mode=macvtap), O(mode=hostdev)).",)),
    Option("dns", "list", item="ip", take_back="delete", doc=(
        "Name servers for guests with static addresses. Kept with the declaration, not in libvirt.",)),
    Option("dhcp", "dict", take_back="delete", doc=(
        "DHCP server on it (O(mode=nat), O(mode=route), O(mode=open) and O(mode=isolated)). Changed while it runs.",
    ), options=(
        Option("start", "ip", take_back="delete", example="10.30.0.50", doc=("First address of the range.",)),
        Option("end", "ip", take_back="delete", example="10.30.0.200", doc=("Last address of the range.",)),
        DHCP_HOST,
    )),
    Option("autostart", "bool", doc=("Whether it starts with the host. V(true) at creation.",)),
    Option("adopt", "bool", control=True, once=True, doc=(
        "Take over a network that was not made by this collection and differs from the declaration.",)),
    Option("on_change", "str", choices=("live", "restart", "defer"), control=True, doc=(
        "V(live) (the default) changes what the running network can take and reports the rest as pending.",
        "V(restart) also restarts the network for whatever is pending; guests lose it for that moment and are connected"
        " again.", "V(defer) does not touch the running network.")),
)

POOL_TYPES = ("dir", "fs", "netfs", "logical", "disk", "iscsi", "iscsi-direct", "rbd", "gluster", "zfs")
POOL: Tuple[Option, ...] = (
    Option("state", "str", choices=("running", "stopped", "present", "absent"), take_back="keep", doc=(
        "V(running) (the default: a pool that is not active is started) or V(stopped); V(present) leaves it as it is.",
        "V(absent) removes the definition and leaves everything that is in the pool.")),
    Option("type", "str", choices=POOL_TYPES, take_back="keep", doc=(
        "Type of storage. V(dir) at creation. It cannot be changed later.",)),
    Option("path", "path", take_back="keep", example="/srv/fast", doc=(
        "Directory on the host (the target). For O(type=dir) it is made when it is not there. For O(type=fs) and"
        " O(type=netfs) the mount point. It cannot be changed later.",)),
    Option("source", "dict", take_back="keep", doc=(
        "Where the storage comes from. Nothing is ever formatted. It cannot be changed later.",), options=(
        Option("host", "str", take_back="keep", doc=("Server: O(type=netfs), V(iscsi), V(iscsi-direct), V(rbd), V(gluster).",)),
        Option("dir", "str", take_back="keep", doc=("Directory or export on the server: O(type=netfs), O(type=gluster).",)),
        Option("device", "str", take_back="keep", doc=(
            "Device or target: O(type=fs), O(type=disk), O(type=iscsi), O(type=iscsi-direct), O(type=logical).",)),
        Option("name", "str", take_back="keep", doc=(
            "Volume group, RBD pool, Gluster volume or ZFS dataset: O(type=logical), O(type=rbd), O(type=gluster),"
            " O(type=zfs).",)),
        Option("format", "str", take_back="keep", doc=(
            "File system or partition table that is there, such as V(nfs), V(xfs) or V(lvm2).",)),
        Option("initiator", "str", take_back="keep", doc=("IQN of this host: O(type=iscsi-direct).",)),
    )),
    Option("autostart", "bool", doc=(
        "Whether it starts with the host. V(true) at creation, V(false) with O(state=stopped).",)),
)

VOLUME: Tuple[Option, ...] = (
    Option("state", "str", choices=("present", "absent"), take_back="keep", doc=(
        "V(present) (the default) or V(absent), which removes the volume and its data.",)),
    Option("pool", "name", required=True, take_back="keep", example="fast", doc=("Pool that it is in.",)),
    Option("size", "size", take_back="keep", example="20GiB", doc=(
        "Capacity with a binary unit, in whole sectors of 512 bytes. It can grow and never shrinks. Required at creation"
        " unless there is O(backing). Resize the volume of a running guest through C(flotilla.virt.domain).",)),
    Option("format", "str", choices=("qcow2", "raw", "iso"), take_back="keep", doc=(
        "Format. V(qcow2) at creation in a pool of files, V(raw) in any other. It cannot be changed later.",)),
    Option("backing", "name", take_back="keep", doc=(
        "Volume of the same pool that this one is a copy-on-write clone of. It cannot be changed later.",)),
)


def _image_source(variant: str) -> Tuple[Option, ...]:
    return (
        Option("url", "str", take_back="delete", doc=(
            "Where to download it from (http, https, file), once; needs O(%s.checksum)." % variant,)),
        Option("path", "path", take_back="delete", doc=("File on the host, used where it is.",)),
        Option("checksum", "str", take_back="delete", doc=(
            "Digest such as C(sha256:...), C(sha384:...) or C(sha512:...). Nothing is kept when it is wrong.",)),
    )


_IMAGE_FORMAT = Option("format", "str", choices=("qcow2", "raw"), take_back="delete", doc=(
    "Format that it must have. An image of another one is then refused.",))
IMAGE: Tuple[Option, ...] = (
    Option("state", "str", choices=("present", "absent"), take_back="keep", doc=(
        "V(present) (the default); V(absent) forgets the image. Guests made from it, and the volumes that they are clones"
        " of, stay.",)),
    Option("disk", "dict", short="path", take_back="delete", doc=(
        "Disk image, for domains: qcow2 or raw, which is found out. A bare path is short for V(path).",),
        options=_image_source("disk") + (_IMAGE_FORMAT,)),
    Option("rootfs", "dict", short="path", take_back="delete", doc=(
        "Tarball of a root file system, for containers. A bare path is short for V(path).",),
        options=_image_source("rootfs")),
)

GUEST_SHORT_FORMS = ("disk", "image")


def parse_guest(raw: Any, engine: str, path: str, problems: List[Problem]) -> Spec:
    """Parses a guest for one engine: short forms rewritten, types, what the engine lacks, what contradicts."""
    if isinstance(raw, Mapping):
        raw = expand_short_forms(raw, engine, path, problems)
    return parse(GUEST, raw, path, problems)


def expand_short_forms(raw: Mapping[str, Any], engine: str, path: str, problems: List[Problem]) -> Dict[str, Any]:
    """Rewrites `disk: 20GiB` and a domain's `image: debian-12` into the disk named root."""
    out = {name: value for name, value in raw.items() if value is not None}
    root: Dict[str, Any] = {}
    if "disk" in out:
        short = out.pop("disk")
        root.update(short if isinstance(short, Mapping) else {"size": short})
    if engine == "kvm" and "image" in out:
        root["image"] = out.pop("image")
    if root:
        disks = out.get("disks") or []
        if isinstance(disks, (list, tuple)) and any(
                isinstance(disk, Mapping) and disk.get("name") == "root" for disk in disks):
            problems.append(Problem(join_path(path, "disks"), "has a disk root beside the short form disk or image",
                                    "use one of the two"))
        elif isinstance(disks, (list, tuple)):
            out["disks"] = [dict({"name": "root"}, **root)] + list(disks)
    return out
