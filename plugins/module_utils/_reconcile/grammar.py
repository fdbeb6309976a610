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
from .kvm import devices, system
from .kvm.cpus import CPUS
from .kvm.disks import DISKS, MEDIA
from .kvm.install import INSTALL
from .kvm.memory import MEMORY, NUMA
from .kvm.nics import NICS
from .plan import Rule
from .rows import KVM, Row, kvm, later, live
from .schema import Option, Spec, parse

ENGINES = ("kvm", "lxc", "podman", "openvz", "virtuozzo")

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

WAIT_FOR = Option("wait_for", "dict", short="what", control=True, doc=(
    "Wait until the guest is ready. A wait that timed out is waited for, and fails again, in the next run.",), options=(
        Option("what", "str", choices=("running", "agent", "address", "cloud_init"), required=True, doc=(
            "What to wait for. V(cloud_init) is asked of the guest's agent, else looked for on its serial console. Where"
            " neither can tell, an SSH server that answers is taken for it, which proves less: C(status.ready) says by"
            " what it was found and what that proves.",)),
        Option("timeout", "int", minimum=1, doc=("Longest wait in seconds. 300 when nothing is declared, 3600 while the guest is being installed.",)),
))

STATE = Option("state", "str", choices=("running", "stopped", "paused", "present", "absent", "released"),
               take_back="keep", row=Row(rule=Rule(always=True), verb="set_state"), doc=(
    "V(running) (the default at creation), V(stopped), V(paused); V(present) leaves the power as it is.",
    "V(absent) removes the guest and keeps its storage, unless O(remove_storage) is set.",
    "V(released) drops our annotation and leaves the guest as it is."))

CONTROL = (
    Option("on_change", "str", choices=("live", "restart", "defer"), control=True, doc=(
        "V(live) (the default) applies what the running guest can take and reports the rest as pending. V(restart) also"
        " restarts the guest for whatever is pending. V(defer) does not touch the running guest.",)),
    Option("was", "str", control=True, once=True, engines=KVM, example="db-old", doc=(
        "Earlier name of this guest, when it is renamed. Nothing is made anew: identity, disks, volumes, seed, firmware variables and"
        " logs stay as they are, also those that are named after it, and so does the host name inside the guest.",
        "libvirt renames a guest only while it is off. A running one keeps its name, which is reported as pending, until a run finds"
        " it stopped, or stops and starts it (O(on_change=restart)).",
        "It counts while there is no guest of the new name, and may be removed once there is. Where neither is there, a guest is"
        " made. With O(state=absent) and O(state=released) only the new name counts.")),
    Option("adopt", "bool", control=True, once=True, doc=("Take over a guest that was not made by this collection.",)),
    Option("recreate", "bool", control=True, once=True, doc=("Allow changes that destroy the guest and make it anew.",)),
    Option("discard_saved", "bool", control=True, once=True, engines=KVM, doc=(
        "For one run and never stored: throw away the image of a guest that was saved while it ran (C(virsh managedsave)), with all"
        " that its memory holds, so that it starts anew or can be removed. Otherwise the guest is restored from it.",)),
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

_NOTED = Row(rule=Rule(always=True))

GUEST: Tuple[Option, ...] = (
    STATE,
    system.VIRTUALIZATION,
    system.UUID,
    kvm("title", "str", live("title", "set_metadata", same=system.same_text), "Short title.", take_back="delete"),
    kvm("description", "str", live("description", "set_metadata", same=system.same_text), "Free text.", take_back="delete"),
    CPUS, MEMORY, NUMA, system.OS, system.BOOT, DISKS, MEDIA, NICS, CLOUD_INIT, INSTALL,
    Option("image", "name", take_back="keep", doc=(
        "Image of the guest. For a domain short for the image of its disk C(root).",)),
    Option("hostname", "str", engines=("lxc", "podman", "openvz", "virtuozzo"), doc=(
        "Host name of a container. Without it the container's name.",)),
    kvm("agent", "bool", live("devices/channel", "set_agent", "agent", default=True),
        "A channel for the QEMU guest agent. Present at creation."),
    kvm("console", "bool", later("devices/serial", "console", "serial ports are fixed when the guest starts", default=True),
        "A serial console with a log. Present at creation."),
    Option("autostart", "bool", row=Row(rule=Rule(default=False, always=True)), doc=("Whether the guest starts with the host.",)),
    Option("tags", "tags", take_back="delete", row=_NOTED, doc=(
        "Tags, stored with the guest; they become groups of the inventory.",)),
    *devices.DEVICES,
    system.FEATURES, system.CLOCK, system.SMBIOS, system.LIFECYCLE, system.POWER_MANAGEMENT, system.LAUNCH_SECURITY,
    system.SECURITY_LABELS, system.PARTITION, system.IO_WEIGHT, system.XML,
) + CONTROL
GUEST = containers.extend(GUEST)

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
        "V(present) (the default) or V(absent), which removes the volume and its data. One that a domain has as a disk, or"
        " that another volume stands on, is not removed.",)),
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
