# Copyright: (c) 2026, flotilla.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What cloud-init is told: a guest's `cloud_init` options and NICs become the files of a NoCloud seed.

Every file is JSON, which is YAML too, so that no YAML writer is needed on the host. Pure: equal input, equal bytes.
"""

from __future__ import annotations

import base64
import hashlib
import ipaddress
import json
import re
from typing import Any, Dict, List, Mapping, Optional, Sequence, Tuple

from .errors import DeclarationError
from .secrets import Secret

HEADER = "#cloud-config\n"

# What a user's own text may begin with, and how cloud-init wants it labelled
# (cloud-init documentation, "User data formats").
_TEXT_TYPES = (
    ("#!", "text/x-shellscript"),
    ("#cloud-config-archive", "text/cloud-config-archive"),
    ("#cloud-config", "text/cloud-config"),
    ("#cloud-boothook", "text/cloud-boothook"),
    ("#include", "text/x-include-url"),
    ("#part-handler", "text/part-handler"),
    ("## template: jinja", "text/jinja2"),
)

# Ours is merged into what stands there already: the user's own values stay, lists grow.
_MERGE = "dict(no_replace,recurse_list)+list(append)+str()"

# Ours but never what the user asked for: `sudo` needs the guest to resolve its own name.
_ALWAYS = {"manage_etc_hosts": "localhost"}


def render(
    cloud_init: Mapping[str, Any], *, instance_id: str, hostname: str, nics: Sequence[Mapping[str, Any]],
    keep_host_keys: bool = False, windows: bool = False,
) -> Dict[str, bytes]:
    """Returns `user-data`, `meta-data` and `network-config` of a guest.

    `cloud_init` is the grammar's option, parsed or as written; its `hostname` wins over `hostname`. A NIC has `mac`,
    and may have `name`, `address` (with its prefix length; one or a list), `gateway`, `dns`, and `dhcp`, which is
    true when there is no address. `keep_host_keys` leaves the SSH host keys of a guest that has booted before.
    `windows` is for cloudbase-init, which takes SSH keys from the metadata and reads version 1 of the network configuration
    in all its releases (cloudbase-init documentation, "NoCloud configuration drive").
    Raises DeclarationError with a path below `cloud_init` or `nics`.
    """
    meta: Dict[str, Any] = {"instance-id": instance_id, "local-hostname": str(cloud_init.get("hostname") or hostname)}
    if windows:
        meta["public-keys"] = _all_keys(cloud_init)
    network = cloud_init.get("network_config")
    if network is None:
        network = network_version_1(network_config(nics)) if windows else network_config(nics)
    elif set(network) == {"network"}:
        network = network["network"]
    config = cloud_config(cloud_init)
    if keep_host_keys:
        config["ssh_deletekeys"] = False
    return {
        "meta-data": _document(meta),
        "network-config": _document(network),
        "user-data": _user_data(config, cloud_init.get("user_data")),
    }


def _all_keys(cloud_init: Mapping[str, Any]) -> List[str]:
    """Every SSH key that is declared: cloudbase-init gives them all to its one administrator."""
    declared = cloud_init.get("users") or {}
    users = list(declared.values()) if isinstance(declared, Mapping) else list(declared)
    return list(cloud_init.get("ssh_keys") or []) + [key for user in users for key in user.get("ssh_keys") or []]


def digest(files: Mapping[str, bytes]) -> str:
    """Returns 12 hex digits that change when any file's name or contents do."""
    total = hashlib.sha256()
    for name in sorted(files):
        total.update(b"%d:%s,%d:%s," % (len(name.encode()), name.encode(), len(files[name]), files[name]))
    return total.hexdigest()[:12]


def _document(value: Any) -> bytes:
    return (json.dumps(value, indent=1, sort_keys=True) + "\n").encode("utf-8")


def _plain(value: Any, path: str) -> Any:
    """Takes a secret out of its wrapper, for the one place that needs it."""
    if not isinstance(value, Secret):
        return value
    if value.keeps:
        raise DeclarationError.at(path, "{keep: true} stands for a secret that only an existing guest has",
                                  "declare the secret itself")
    return value.reveal()


# -- cloud-config ------------------------------------------------------------------------------------------------------


def cloud_config(cloud_init: Mapping[str, Any]) -> Dict[str, Any]:
    """Returns the `#cloud-config` document that stands for all options except `user_data` and `network_config`.

    The distribution's default user is made when `ssh_keys` names keys for it, or when no users are declared.
    """
    config: Dict[str, Any] = dict(_ALWAYS)
    users = _users(cloud_init.get("users"))
    keys = list(cloud_init.get("ssh_keys") or [])
    if users:
        config["users"] = (["default"] if keys else []) + users
    if keys:
        config["ssh_authorized_keys"] = keys
    if cloud_init.get("packages"):
        config["packages"] = list(cloud_init["packages"])
        config["package_update"] = True
    for option in ("timezone", "locale"):
        if cloud_init.get(option):
            config[option] = cloud_init[option]
    if cloud_init.get("write_files"):
        config["write_files"] = [_write_file(file, number) for number, file in enumerate(cloud_init["write_files"])]
    if cloud_init.get("run_commands"):
        config["runcmd"] = list(cloud_init["run_commands"])
    return config


def _users(declared: Any) -> List[Dict[str, Any]]:
    """Users as cloud-init writes them, from a list or from a dictionary by name."""
    users = list(declared.values()) if isinstance(declared, Mapping) else list(declared or [])
    return [_user(user, "cloud_init.users[%d]" % number) for number, user in enumerate(users)]


def _user(user: Mapping[str, Any], path: str) -> Dict[str, Any]:
    result: Dict[str, Any] = {"name": user["name"]}
    for option, key in (("groups", "groups"), ("shell", "shell"), ("ssh_keys", "ssh_authorized_keys")):
        if user.get(option):
            result[key] = user[option]
    sudo = user.get("sudo")
    if sudo:
        result["sudo"] = "ALL=(ALL) NOPASSWD:ALL" if sudo is True else sudo
    password = _plain(user.get("hashed_password"), path + ".hashed_password")
    if password is not None:
        if not re.match(r"[$!*]", password):
            raise DeclarationError.at(path + ".hashed_password", "is not the hash of a password",
                                      "make one with: openssl passwd -6")
        result["hashed_passwd"] = password
    locked = user.get("lock_password")
    result["lock_passwd"] = password is None if locked is None else bool(locked)
    return result


def _write_file(file: Mapping[str, Any], number: int) -> Dict[str, Any]:
    path = "cloud_init.write_files[%d]" % number
    if not str(file.get("path", "")).startswith("/"):
        raise DeclarationError.at(path + ".path", "is required and must be absolute", "such as /etc/motd")
    if isinstance(file.get("permissions"), int):
        raise DeclarationError.at(path + ".permissions", "YAML read this mode as the number %d" % file["permissions"],
                                  'put it in quotes, such as "0644"')
    return {key: _plain(value, "%s.%s" % (path, key)) for key, value in file.items() if value is not None}


# -- user-data ---------------------------------------------------------------------------------------------------------


def _user_data(config: Mapping[str, Any], own: Any) -> bytes:
    """Combines our document with the user's: a dictionary is merged here, a text by cloud-init on the guest."""
    own = _plain(own, "cloud_init.user_data")
    # A parsed declaration carries a dictionary as a secret, in JSON; no format of cloud-init's begins with a brace.
    if isinstance(own, str) and own.startswith("{"):
        own = _dictionary(own)
    if own is None or own == "":
        return HEADER.encode() + _document(config)
    if isinstance(own, Mapping):
        return HEADER.encode() + _document(merge(own, config))
    if not isinstance(own, str):
        raise DeclarationError.at("cloud_init.user_data", "must be text or a dictionary", "write cloud-config options")
    ours = HEADER + json.dumps(config, indent=1, sort_keys=True) + "\n"
    return _multipart([(_text_type(own), own, ""), ("text/cloud-config", ours, _MERGE)])


def merge(own: Any, ours: Any) -> Any:
    """Merges as cloud-init would: dictionaries by key, lists one after the other, else the user's value stands."""
    if isinstance(own, Mapping) and isinstance(ours, Mapping):
        merged = {key: merge(value, ours[key]) if key in ours else value for key, value in own.items()}
        merged.update({key: value for key, value in ours.items() if key not in own})
        return merged
    if isinstance(own, (list, tuple)) and isinstance(ours, (list, tuple)):
        return list(own) + list(ours)
    return own


def _dictionary(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        raise DeclarationError.at("cloud_init.user_data", "begins with a brace and is not JSON",
                                  "write it as a dictionary, or begin it with #cloud-config") from None


def _text_type(text: str) -> str:
    for start, kind in _TEXT_TYPES:
        if text.startswith(start):
            return kind
    # The text itself is not shown: user-data is a secret.
    raise DeclarationError.at(
        "cloud_init.user_data", "begins with nothing that cloud-init knows",
        "begin it with one of %s, or write it as a dictionary" % ", ".join(start for start, _kind in _TEXT_TYPES),
    )


def _multipart(parts: Sequence[Tuple[str, str, str]]) -> bytes:
    """A MIME archive of (type, text, merge type); the boundary is a digest, so equal parts give equal bytes."""
    # Base64 has no dashes: a boundary can never stand inside a part.
    boundary = "flotilla-" + hashlib.sha256(repr(tuple(parts)).encode()).hexdigest()[:24]
    lines = ['Content-Type: multipart/mixed; boundary="%s"' % boundary, "MIME-Version: 1.0", ""]
    for kind, text, merging in parts:
        lines += ["--" + boundary, 'Content-Type: %s; charset="utf-8"' % kind, "MIME-Version: 1.0",
                  "Content-Transfer-Encoding: base64"]
        lines += ["Merge-Type: " + merging, ""] if merging else [""]
        lines.append(base64.encodebytes(text.encode("utf-8")).decode("ascii"))
    return "\n".join(lines + ["--%s--" % boundary, ""]).encode("ascii")


# -- network-config ----------------------------------------------------------------------------------------------------


def network_config(nics: Sequence[Mapping[str, Any]]) -> Dict[str, Any]:
    """Returns version 2 of cloud-init's network configuration, with each NIC matched by its MAC address."""
    ethernets: Dict[str, Any] = {}
    for number, nic in enumerate(nics):
        name = str(nic.get("name") or "")
        if not re.match(r"[A-Za-z0-9_-]+\Z", name) or name in ethernets:
            name = "nic%d" % number
        ethernets[name] = _ethernet(nic, "nics[%d]" % number)
    return {"version": 2, "ethernets": ethernets}


def network_version_1(network: Mapping[str, Any]) -> Dict[str, Any]:
    """The same network configuration in version 1. A card without an address of its own uses DHCP, as Windows does by itself."""
    config = []
    for name, card in network["ethernets"].items():
        subnets = [{"type": "static", "address": address, **_of_family(address, card)} for address in card.get("addresses", [])]
        config.append({"type": "physical", "name": name, "mac_address": card["match"]["macaddress"],
                       "subnets": subnets or [{"type": "dhcp"}]})
    return {"version": 1, "config": config}


def _of_family(address: str, card: Mapping[str, Any]) -> Dict[str, Any]:
    """Gateway and name servers that belong to an address: those of its own family."""
    six = ":" in address
    gateways = [route["via"] for route in card.get("routes", []) if (":" in route["via"]) == six]
    servers = [server for server in card.get("nameservers", {}).get("addresses", []) if (":" in server) == six]
    found: Dict[str, Any] = {"gateway": gateways[0]} if gateways else {}
    return {**found, "dns_nameservers": servers} if servers else found


def _ethernet(nic: Mapping[str, Any], path: str) -> Dict[str, Any]:
    if not nic.get("mac"):
        raise DeclarationError.at(path + ".mac", "is required", "cloud-init finds the card by it")
    addresses = _many(nic.get("address"))
    dhcp = nic.get("dhcp")
    result: Dict[str, Any] = {
        "match": {"macaddress": str(nic["mac"]).lower()},
        "dhcp4": not addresses if dhcp is None else bool(dhcp),
    }
    if addresses:
        result["addresses"] = [_checked(ipaddress.ip_interface, text, path + ".address") for text in addresses]
    routes = [_default_route(gateway, path) for gateway in _many(nic.get("gateway"))]
    if routes:
        result["routes"] = routes
    servers = _many(nic.get("dns"))
    if servers:
        result["nameservers"] = {"addresses": [_checked(ipaddress.ip_address, text, path + ".dns") for text in servers]}
    return result


def _default_route(gateway: str, path: str) -> Dict[str, str]:
    via = _checked(ipaddress.ip_address, gateway, path + ".gateway")
    # Written out: older cloud-init and netplan do not know the word `default`.
    return {"to": "::/0" if ":" in via else "0.0.0.0/0", "via": via}


def _many(value: Optional[Any]) -> List[str]:
    if not value:
        return []
    return [str(item) for item in value] if isinstance(value, (list, tuple)) else [str(value)]


def _checked(parse: Any, text: str, path: str) -> str:
    if parse is ipaddress.ip_interface and "/" not in text:
        raise DeclarationError.at(path, "%r has no prefix length" % text, "write it such as %s/24" % text)
    try:
        return str(parse(text))
    except ValueError:
        raise DeclarationError.at(path, "%r is not an address" % text, "write it such as 10.20.0.11") from None
