# Copyright: (c) 2026, flotilla.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The part of the grammar that only containers have. `extend` puts it into the tree of the guest.

`engines` of an option names exactly those whose driver carries it out; what an engine cannot do is an error that names the
engine and the option. A name means the same on every engine, whatever the engine's own command calls it.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Dict, Iterable, Tuple

from .schema import Option

PODMAN: Tuple[str, ...] = ("podman",)
OPENVZ: Tuple[str, ...] = ("openvz",)
VIRTUOZZO: Tuple[str, ...] = ("virtuozzo",)
VZ: Tuple[str, ...] = OPENVZ + VIRTUOZZO
LXC: Tuple[str, ...] = ("lxc",)

# Options that are left to a driver which is not finished are marked "left to"; one that nobody carries out goes.

CPUS = (
    Option("limit", "cores", engines=PODMAN + VZ + LXC, example="1.5", doc=(
        "Most CPU time that the container gets, in CPUs (V(1.5)) or as a percentage of one CPU (V(150%)). Changed while it"
        " runs. Taking it back removes the limit.",
        "For podman and LXC O(cpus.count) and this are one and the same limit, so only one of them can be declared.")),
)

MEMORY = (
    Option("swap", "size", engines=PODMAN + VZ + LXC, example="512MiB", doc=(
        "Swap that the container may use beside O(memory.size). V(0B) is none. Changed while it runs. Taking it back leaves it"
        " to the engine.",)),
)

DISKS = (
    Option("store", "str", choices=("dir", "btrfs"), take_back="keep", engines=LXC, doc=(
        "Where LXC keeps the root file system, the disk C(root): in a directory (V(dir), the default without O(disks[].size)), or in a"
        " subvolume (V(btrfs), the default with a size, which is its quota), for which the containers' directory must lie on btrfs."
        " It cannot be changed later.",)),
    Option("inodes", "int", minimum=1, engines=OPENVZ, doc=(
        "Most files and directories on the disk. Changed while the container runs.",)),
)

NICS = (
    Option("macvlan", "name", take_back="keep", engines=LXC, example="eth1", doc=(
        "Interface of the host that the NIC shares, with a MAC address of its own, instead of a bridge. The host itself does not"
        " reach the container over it.",)),
    Option("macvlan_mode", "str", choices=("bridge", "private", "vepa", "passthru"), engines=LXC, doc=(
        "How O(nics[].macvlan) is shared. V(bridge) when nothing is declared.",)),
    Option("type", "str", choices=("veth", "venet"), take_back="keep", engines=VZ, doc=(
        "V(veth) (the default) is one end of a pair whose other end is in a bridge of the host. V(venet) has no MAC address: the"
        " host routes to the addresses of the container.",)),
)

IO = Option("io", "dict", engines=VZ + LXC, doc=("Limits of the container's disk traffic.",), options=(
    Option("limit", "size", engines=VZ + LXC, example="10MiB", doc=(
        "Most data a second, read and written. V(0B) is none. Changed while the container runs.",
        "For LXC this is of reading and of writing each, on the disk that the container's root file system lies on.")),
    Option("iops", "int", engines=VZ + LXC, doc=(
        "Most operations a second. V(0) is none. Changed while the container runs. For LXC as O(io.limit).",)),
    Option("priority", "int", engines=VZ + LXC, doc=(
        "Priority from V(0) to V(7), the highest. V(4) is the engine's default. Changed while the container runs.",
        "For LXC a weight of the disk's scheduler, which must be bfq: no other one knows of weights.")),
))

CAPABILITIES = Option("capabilities", "dict", engines=PODMAN + OPENVZ + LXC, doc=(
    "Linux capabilities beside those that the engine gives every container.",), options=(
        Option("add", "list", take_back="delete", engines=PODMAN + OPENVZ + LXC, doc=(
            "Capabilities that it gets too, such as V(NET_ADMIN).",)),
        Option("drop", "list", take_back="delete", engines=PODMAN + OPENVZ + LXC, doc=(
            "Capabilities that it does not get, or V(ALL) (podman).",)),
))

MOUNTS = Option("mounts", "items", key="target", take_back="delete", engines=PODMAN + LXC, doc=(
    "What is mounted in the container, matched by O(mounts[].target). Changing it makes a container of podman anew; LXC mounts it"
    " when the container starts.",), options=(
        Option("target", "path", required=True, doc=("Absolute path inside the container.",)),
        Option("type", "str", choices=("bind", "volume", "tmpfs"), take_back="keep", doc=(
            "V(bind) mounts the host's directory or file O(mounts[].source), V(volume) the engine's named volume"
            " O(mounts[].volume), which is made when it is not there, V(tmpfs) an empty file system in memory. Without it"
            " what O(mounts[].source) or O(mounts[].volume) says, else V(tmpfs).",)),
        Option("source", "path", take_back="keep", doc=("Absolute path on the host, which must be there.",)),
        Option("volume", "name", take_back="keep", engines=PODMAN, doc=("Name of the volume.",)),
        Option("size", "size", doc=("Most that a V(tmpfs) holds.",)),
        Option("readonly", "bool", doc=("Whether the container may only read it.",)),
))

DEVICES = Option("devices", "items", key="path", take_back="delete", engines=PODMAN + LXC, doc=(
    "Device nodes of the host that the container may use, matched by O(devices[].path). LXC gives one to a running privileged"
    " container, and takes it away; an unprivileged one gets it at its next start.",), options=(
        Option("path", "path", required=True, doc=("The device node on the host.",)),
        Option("inside", "path", engines=PODMAN + LXC, take_back="keep", doc=(
            "Its path inside. Without it that on the host.",)),
        Option("permissions", "str", choices=("r", "w", "rw", "rm", "wm", "rwm"), doc=(
            "Read (V(r)), write (V(w)) and make the node (V(m)). V(rwm) when nothing is declared.",)),
))

SECRETS = Option("secrets", "items", take_back="delete", engines=PODMAN, doc=(
    "Secrets that the engine hands to the container, as a file or as a variable of its environment. Changing one makes the"
    " container anew.",), options=(
        Option("name", "name", required=True, doc=("Name of the secret, and of the file below C(/run/secrets).",)),
        Option("value", "secret", required=True, doc=("The secret itself: never shown.",)),
        Option("variable", "name", doc=("Variable of the environment that holds it, instead of a file.",)),
))

HEALTH = Option("health", "dict", engines=PODMAN, doc=("How the engine finds out whether the container is healthy.",), options=(
    Option("command", "list", take_back="delete", doc=(
        "Command that is run inside; its exit code 0 says that the container is healthy. One word alone is given to the"
        " container's shell.",)),
    Option("interval", "int", minimum=1, doc=(
        "Seconds between two runs. V(30) when nothing is declared.",)),
    Option("timeout", "int", minimum=1, doc=(
        "Seconds after which a run has failed. V(30) when nothing is declared.",)),
    Option("retries", "int", minimum=1, doc=(
        "Failed runs in a row that make it unhealthy. V(3) when nothing is declared.",)),
    Option("start_period", "int", doc=(
        "Seconds after the start in which a failed run does not count.",)),
))

VMTYPE = Option("vmtype", "str", choices=("ct", "vm"), take_back="keep", engines=VIRTUOZZO, doc=(
    "Whether the guest of Virtuozzo is a container (V(ct), the default at creation) or a virtual machine (V(vm)), in prlctl's own word. It is"
    " part of the identity: one of the two never becomes the other.",
    "A virtual machine has O(cpus), O(memory), O(disks), O(nics), O(io), O(media), O(boot), O(os) V(family), O(autostart), O(tags) and O(state).",))

OPTIONS: Tuple[Option, ...] = (
    VMTYPE, IO,
    Option("dns", "list", item="ip", take_back="delete", engines=PODMAN + VZ + LXC, doc=(
        "Name servers of the container. Without them those of its networks' declarations, if any, else those of the host.",)),
    Option("search", "list", take_back="delete", engines=PODMAN + VZ + LXC, doc=("Domains in which short names are looked up.",)),
    Option("root_password", "secret", take_back="keep", engines=VZ + LXC, doc=(
        "Password of root inside, as a crypt(5) hash. A secret: never shown.",)),
    MOUNTS, DEVICES, CAPABILITIES,
    Option("container_features", "map", take_back="delete", engines=VZ, doc=(
        "Features of the engine by name, each V(true) or V(false), such as C({nfs: true, fuse: false}).",)),
    Option("id_mapping", "dict", short="first", engines=PODMAN + LXC, doc=(
        "Makes the container unprivileged: its users, root too, are ordinary users of the host.",
        "A new container of LXC has it by itself where the host has ids for it: those that C(/etc/subuid) and C(/etc/subgid) give"
        " root, or free ones where C(newuidmap) is not installed. Containers get different ones as long as there are enough. It"
        " owns the root file system, so it cannot be changed later; taking it back leaves it."), options=(
            Option("first", "int", minimum=1, engines=PODMAN + LXC, example=100000, doc=(
                "User and group id of the host that root inside is.",)),
            Option("size", "int", minimum=1, example=65536, doc=(
                "How many ids it has. V(65536) when nothing is declared.",)),
    )),
    Option("privileged", "bool", take_back="keep", engines=LXC, doc=(
        "V(true) makes a container without O(id_mapping): its root is the host's root, with less capabilities. V(false) insists on"
        " an id mapping. Without it a new container has a mapping where the host has ids for one. It cannot be changed later.",)),
    Option("nesting", "bool", engines=LXC, doc=(
        "Whether containers may run inside the container. In force at its next start.",)),
    Option("entrypoint", "list", take_back="delete", engines=PODMAN, doc=(
        "What is run instead of the image's entry point.",)),
    Option("command", "list", take_back="delete", engines=PODMAN, doc=(
        "The command and its arguments, or the arguments of the entry point. Without it the image's own; for an image made"
        " from a root file system its C(/sbin/init).",)),
    Option("environment", "map", take_back="delete", engines=PODMAN + LXC, doc=(
        "Variables of the environment by name. They can be read on the host: use O(secrets) for secrets.",
        "For LXC they are init's, which decides what it hands on.")),
    Option("user", "str", take_back="delete", engines=PODMAN, doc=("User, and group after a colon, that the command runs as.",)),
    Option("workdir", "path", take_back="delete", engines=PODMAN, doc=("Directory in which the command runs.",)),
    Option("ports", "list", take_back="delete", engines=PODMAN, example=["8080:80"], doc=(
        "Ports of the host that lead into the container, each as V(HOST:CONTAINER), V(ADDRESS:HOST:CONTAINER), with V(/udp)"
        " after it where it is not TCP.",)),
    SECRETS, HEALTH,
    Option("restart_policy", "str", choices=("no", "on-failure", "always", "unless-stopped"), engines=PODMAN, doc=(
        "When the engine starts it again after it has ended by itself. V(no) (in quotes) when nothing is declared.",)),
    Option("boot_order", "int", take_back="delete", engines=OPENVZ + LXC, doc=(
        "Place in the order in which containers with O(autostart) start with the host: a higher number is earlier, and those"
        " without one come last.",)),
    Option("pull", "str", choices=("missing", "always", "newer", "never"), control=True, engines=PODMAN, doc=(
        "When an OCI image is fetched from its registry as the container is made. V(missing) (the default): when it is not on"
        " the host; V(always); V(newer): when the registry has a newer one; V(never): one that is not there is an error.",)),
)

IMAGE: Tuple[Option, ...] = (
    Option("oci", "str", take_back="delete", example="docker.io/library/nginx:1.27", doc=(
        "OCI image by its full name with registry, for podman.",)),
    Option("template", "name", take_back="delete", doc=(
        "OS template by its exact name, for OpenVZ and Virtuozzo. It must be on the host: none is fetched.",)),
)

_INTO: Dict[str, Tuple[Option, ...]] = {"cpus": CPUS, "memory": MEMORY, "disks": DISKS, "nics": NICS}


def _inherited(option: Option, engines: Tuple[str, ...] = ()) -> Option:
    """The option with its engines in everything below it that names none."""
    engines = option.engines or engines
    return replace(option, engines=engines, options=tuple(_inherited(below, engines) for below in option.options))


def _widened(option: Option) -> Option:
    """An option that domains have and containers too, with the same meaning: `cpus.shares` and `cpus.cpuset`."""
    return replace(option, engines=option.engines + PODMAN + VZ + LXC) if option.name in ("shares", "cpuset") else option


MACHINES: Dict[str, Tuple[str, ...]] = {"os": ("family",), "boot": ("order",), "media": ("name", "file")}
"""What domains have and virtual machines of Virtuozzo too, with the same meaning, and which part of it."""


def _of_machine(option: Option, names: Tuple[str, ...]) -> Option:
    below = tuple(replace(each, engines=("kvm",) + (VIRTUOZZO if each.name in names else ())) for each in option.options)
    return replace(option, engines=("kvm",) + VIRTUOZZO, options=below)


def extended(option: Option) -> Option:
    """An option of every guest with what containers have below it; any other one as it is."""
    if option.name == "image":
        # The registry's name of an OCI image has slashes.
        return replace(option, kind="image")
    if option.name == "cloud_init":
        # podman runs one command, not a system with users.
        return replace(option, engines=("kvm", "lxc") + VZ)
    if option.name in MACHINES:
        return _of_machine(option, MACHINES[option.name])
    if option.name == "cpus":
        option = replace(option, options=tuple(_widened(below) for below in option.options))
    return replace(option, options=option.options + _INTO[option.name]) if option.name in _INTO else option


def extend(options: Iterable[Option]) -> Tuple[Option, ...]:
    """The options of a guest with those of containers."""
    return tuple(extended(option) for option in options) + tuple(_inherited(option) for option in OPTIONS)
