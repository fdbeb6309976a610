# Copyright: (c) 2026, flotilla.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What LXC sets only when a container starts, beside its interfaces and its name: from lines of the configuration and back.

Mounts, devices, capabilities, nesting, the id mapping and init's environment. A line that says more than the grammar can is
nobody's here: it is neither read as an option nor ever written.
"""

from __future__ import annotations

import re
from typing import Any, Callable, Dict, List, Mapping, Optional, Sequence, Set

from ..._reconcile.schema import Spec
from .config import ConfigFile, Pair, all_of, last

FIXED = ("environment", "mounts", "devices", "capabilities", "nesting")
"""The options of this module that a running container keeps until it starts again."""
NESTING = "/usr/share/lxc/config/nesting.conf"
USERNS = "/usr/share/lxc/config/userns.conf"
DROP, ENVIRONMENT, ENTRY, IDMAP = "lxc.cap.drop", "lxc.environment", "lxc.mount.entry", "lxc.idmap"
_ALLOW = ("lxc.cgroup.devices.allow", "lxc.cgroup2.devices.allow")
_KNOWN_WORDS = {"bind", "ro", "rw", "create=dir", "create=file"}


def read(own: Sequence[Pair], base_drops: Set[str], facts: Mapping[str, Any]) -> Spec:
    """These options, from a container's own lines, what its included files drop, and what was noted of it."""
    spec: Spec = {}
    environment = dict(word.partition("=")[::2] for word in all_of(own, ENVIRONMENT) if "=" in word)
    if environment:
        spec["environment"] = environment
    spec["nesting"] = any(key == "lxc.include" and value == NESTING for key, value in own)
    spec.update(_mapping(own))
    capabilities = _capabilities(own, base_drops, (facts.get("capabilities") or {}))
    if capabilities:
        spec["capabilities"] = capabilities
    noted = facts.get("devices") or {}
    entries = [entry for entry in (_entry(text) for text in all_of(own, ENTRY)) if entry is not None]
    devices = {entry["source"]: noted[entry["source"]] for entry in entries if entry.get("source") in noted}
    mounts = {entry["target"]: entry for entry in entries if entry.get("source") not in noted}
    if devices:
        spec["devices"] = {path: {key: value for key, value in device.items() if key != "node"} for path, device in devices.items()}
    if mounts:
        spec["mounts"] = mounts
    return spec


def _mapping(own: Sequence[Pair]) -> Spec:
    lines = [line.split() for line in all_of(own, IDMAP)]
    if not lines:
        return {"privileged": True}
    kinds = {line[0]: line[1:] for line in lines if len(line) == 4}
    if len(lines) == 2 and set(kinds) == {"u", "g"} and kinds["u"] == kinds["g"] and kinds["u"][0] == "0":
        return {"privileged": False, "id_mapping": {"first": int(kinds["u"][1]), "size": int(kinds["u"][2])}}
    # More than the grammar has words for: it stays as it is.
    return {"privileged": False}


def mapping_lines(first: int, size: int) -> List[str]:
    """The values of `lxc.idmap`."""
    return ["%s 0 %d %d" % (kind, first, size) for kind in ("u", "g")]


# -- capabilities -----------------------------------------------------------------------------------------------------


def capability(word: str) -> str:
    """The name of a capability as the grammar has it: NET_ADMIN."""
    return re.sub(r"\ACAP_", "", word.upper())


def drops_of(pairs: Sequence[Pair]) -> Set[str]:
    """The capabilities that these settings take away."""
    return {capability(word) for text in all_of(pairs, DROP) for word in text.split()}


def same_capabilities(want: Any, have: Any) -> bool:
    """Whether two lists name the same ones."""
    return {capability(str(word)) for word in want or []} == {capability(str(word)) for word in have or []}


def _capabilities(own: Sequence[Pair], base: Set[str], noted: Mapping[str, Any]) -> Spec:
    mine = [text for key, text in own if key == DROP]
    dropped = {capability(word) for text in mine for word in text.split()} | (set() if "" in mine else base)
    # One that LXC gives anyhow leaves no line: that it was asked for is noted.
    added = (base - dropped) | {capability(word) for word in noted.get("add") or [] if capability(word) not in dropped}
    spec = {"add": sorted(added), "drop": sorted(dropped - base)}
    return {name: words for name, words in spec.items() if words}


def set_capabilities(config: ConfigFile, base: Set[str], add: Sequence[str], drop: Sequence[str]) -> None:
    """Store capabilities beside those that the included files leave."""
    added, dropped = {capability(word) for word in add}, {capability(word) for word in drop}
    config.remove(DROP)
    if base & added:
        # An empty value clears what the included files drop; then all of it is said again, less what is added.
        config.append(DROP, "")
        dropped |= base - added
    if dropped:
        config.append(DROP, " ".join(sorted(word.lower() for word in dropped)))


# -- mounts and devices -----------------------------------------------------------------------------------------------


def _escaped(path: str) -> str:
    return "".join("\\%03o" % ord(letter) if letter in " \t\n\\" else letter for letter in path)


def _unescaped(word: str) -> str:
    return re.sub(r"\\([0-7]{3})", lambda match: chr(int(match.group(1), 8)), word)


def _entry(text: str) -> Optional[Spec]:
    """A line of `lxc.mount.entry` as a mount of the grammar; None where it says something else."""
    fields = text.split()
    if len(fields) != 6 or fields[4:] != ["0", "0"]:
        return None
    source, target, words = _unescaped(fields[0]), "/" + _unescaped(fields[1]).lstrip("/"), set(fields[3].split(","))
    item: Spec = {"target": target}
    if "ro" in words:
        item["readonly"] = True
    sizes = [word[5:] for word in words if word.startswith("size=") and word[5:].isdigit()]
    if fields[2] == "tmpfs" and words - {"size=" + size for size in sizes} <= _KNOWN_WORDS - {"bind"}:
        item.update({"type": "tmpfs"}, **({"size": int(sizes[0])} if sizes else {}))
        return item
    if fields[2] == "none" and "bind" in words and words <= _KNOWN_WORDS and source.startswith("/"):
        item.update({"type": "bind", "source": source})
        return item
    return None


def _entry_with(field: str, wanted: str) -> Callable[[str], bool]:
    def is_it(text: str) -> bool:
        return bool((_entry(text) or {}).get(field) == wanted)
    return is_it


def _begins(wanted: str) -> Callable[[str], bool]:
    def does(text: str) -> bool:
        return text.startswith(wanted)
    return does


def mount_entry(mount: Mapping[str, Any], is_file: bool = False) -> str:
    """The value of `lxc.mount.entry` of a mount; `is_file`: what is bound is no directory."""
    target = _escaped(mount["target"].lstrip("/"))
    access = "ro" if mount.get("readonly") else "rw"
    if mount.get("source"):
        return "%s %s none bind,%s,create=%s 0 0" % (_escaped(mount["source"]), target, access, "file" if is_file else "dir")
    size = ",size=%d" % mount["size"] if mount.get("size") else ""
    return "tmpfs %s tmpfs %s%s,create=dir 0 0" % (target, access, size)


def device_lines(device: Mapping[str, Any], node: str) -> Dict[str, str]:
    """The lines of a device: that it may be used, and that it is there. `node` is such as `c 10:229`."""
    lines = {key: "%s %s" % (node, device.get("permissions") or "rwm") for key in _ALLOW}
    inside = device.get("inside") or device["path"]
    lines[ENTRY] = mount_entry({"target": inside, "source": device["path"]}, is_file=True)
    return lines


def set_mounts(config: ConfigFile, there: Mapping[str, Spec], want: Mapping[str, Spec], is_file: Callable[[str], bool]) -> None:
    """Store the mounts that differ from those that are there."""
    for target in set(there) | set(want):
        if there.get(target) == want.get(target):
            continue
        text = mount_entry(want[target], bool(want[target].get("source")) and is_file(want[target]["source"])) if target in want else None
        config.replace(ENTRY, _entry_with("target", target), text)


def set_devices(config: ConfigFile, there: Mapping[str, Spec], want: Mapping[str, Spec], nodes: Mapping[str, str]) -> None:
    """Store the devices that differ from those that are there; `nodes` has the numbers of each."""
    for path in set(there) | set(want):
        if there.get(path) == want.get(path):
            continue
        lines = device_lines(want[path], nodes[path]) if path in want else {}
        config.replace(ENTRY, _entry_with("source", path), lines.get(ENTRY))
        for key in _ALLOW:
            config.replace(key, _begins(nodes[path] + " "), lines.get(key))


# -- the simple ones --------------------------------------------------------------------------------------------------


def set_environment(config: ConfigFile, want: Optional[Mapping[str, Any]]) -> None:
    """Store init's environment, whole."""
    config.set_all(ENVIRONMENT, ["%s=%s" % (name, value) for name, value in (want or {}).items()])


def set_nesting(config: ConfigFile, on: bool) -> None:
    """Store whether containers may run inside."""
    config.replace("lxc.include", lambda value: value == NESTING, NESTING if on else None)


def boot_order(own: Sequence[Pair]) -> Optional[int]:
    """The place in the order of starting. LXC starts the lowest number first, so that ours are stored negative."""
    text = last(own, "lxc.start.order") or ""
    return int(text[1:]) if text[:1] == "-" and text[1:].isdigit() else 0 if text == "0" else None


def set_boot_order(config: ConfigFile, place: Optional[int]) -> None:
    """Store the place in the order of starting."""
    config.put("lxc.start.order", None if place is None else str(-place))
