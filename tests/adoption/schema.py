# Copyright: (c) 2026, flotilla.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Domain documents drawn from libvirt's own schema (`domain.rng` of the installed libvirt).

A schema allows much that libvirt refuses, so most of what is drawn can be defined and much cannot; what can be is what any guest of
any tool may have. A number always gives the same document on the same libvirt.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from pathlib import Path
from xml.etree.ElementTree import Element, SubElement, fromstring, parse, tostring

import rstr

SCHEMAS = Path("/usr/share/libvirt/schemas")
RNG = "{http://relaxng.org/ns/structure/1.0}"
# Devices and other parts of a domain by their names in the schema; what is there twice is drawn more often.
DEVICES = ("disk", "disk", "disk", "interface", "interface", "interface", "hostdev", "filesystem", "lease", "graphic", "video", "console",
           "parallel", "serial", "channel", "smartcard", "hub", "redirdev", "redirfilter", "rng", "tpm", "shmem", "memorydev", "vsock", "crypto",
           "sound", "audio", "watchdog", "memballoon", "nvram", "panic", "iommu", "input", "controller")
PARTS = ("memtune", "numatune", "cputune", "blkiotune", "features", "clock", "pm", "seclabel", "resources", "sysinfo", "perf",
         "launchSecurity", "idmap", "keywrap", "events", "os", "guestcpu", "hvs")
DEEPEST = 12
# Values for what the schema knows by a pattern that says little about what libvirt takes.
VALUES: dict[str, Callable[[random.Random], str]] = {
    "UUID": lambda draw: "%08x-0000-4000-8000-%012x" % (draw.getrandbits(32), draw.getrandbits(48)),
    "PortNumber": lambda draw: str(draw.randint(1024, 60000)),
    "absFilePath": lambda draw: draw.choice(["/var/lib/a", "/dev/null", "/srv/b c", "/srv/%d" % draw.randint(0, 99)]),
    "absDirPath": lambda draw: "/srv/dir", "filePath": lambda draw: "/srv/f%d" % draw.randint(0, 99), "dirPath": lambda draw: "/srv/d",
    "uniMacAddr": lambda draw: "52:54:00:%02x:%02x:%02x" % tuple(draw.getrandbits(8) for _byte in range(3)),
    "macAddr": lambda draw: "52:54:00:%02x:%02x:%02x" % tuple(draw.getrandbits(8) for _byte in range(3)),
    "ipAddr": lambda draw: draw.choice(["192.0.2.%d" % draw.randint(1, 200), "fd00::%x" % draw.randint(1, 99)]),
    "ipPrefix": lambda draw: draw.choice(["24", "64"]), "dnsName": lambda draw: "h%d.example.org" % draw.randint(0, 9),
    "deviceName": lambda draw: draw.choice(["eth0", "br0", "tap%d" % draw.randint(0, 9)]),
    "cpuset": lambda draw: draw.choice(["0", "0-1", "1"]), "objectName": lambda draw: "obj%d" % draw.randint(0, 9),
    "genericName": lambda draw: "gen%d" % draw.randint(0, 9), "volName": lambda draw: "v1.qcow2", "archnames": lambda draw: "x86_64",
    "wwn": lambda draw: "%016x" % (0x5000000000000000 + draw.getrandbits(40)), "unit": lambda draw: draw.choice(["KiB", "MiB", "KB", "b"]),
    "pciDomain": lambda draw: "0x0000", "pciBus": lambda draw: "0x0%d" % draw.randint(0, 1),
    "pciSlot": lambda draw: "0x%02x" % draw.randint(3, 29), "pciFunc": lambda draw: "0x%d" % draw.choice([0, 0, 0, 1]),
    "unsignedInt": lambda draw: draw.choice(["0", "1", "2", "4", "16", "100", "1000", "65536"]),
    "positiveInteger": lambda draw: draw.choice(["1", "2", "4", "16", "100", "1000"]),
    "unsignedLong": lambda draw: draw.choice(["0", "1", "2", "1000", "1048576", str(1 << 33)]),
}
TARGETS = ("vdb", "sda", "sdb", "hda", "fda")
# Longer ones of these hang libvirt 9.0, or are of other hypervisors.
TARGET_SIZE = 4


def _kind(node: Element) -> str:
    return node.tag.removeprefix(RNG)


class Schema:
    """The definitions of a schema and of all that it includes, by name."""

    def __init__(self, name: str = "domain.rng") -> None:
        """Read the installed schema."""
        self.definitions: dict[str, tuple[bool, list[list[Element]]]] = {}
        self._read(parse(SCHEMAS / name).getroot())

    def _read(self, grammar: Element) -> None:
        for node in grammar:
            if _kind(node) == "include":
                self._read(parse(SCHEMAS / node.get("href", "")).getroot())
                self._read(node)
            elif _kind(node) == "define":
                interleaved = node.get("combine") == "interleave"
                earlier = self.definitions.get(node.get("name", ""), (False, []))[1] if node.get("combine") else []
                self.definitions[node.get("name", "")] = (interleaved, [*earlier, list(node)])


class Drawing:
    """One drawing. `rich` is how likely it is that something optional is there."""

    def __init__(self, schema: Schema, draw: random.Random) -> None:
        """Start at a state of a random generator."""
        self.schema = schema
        self.draw = draw
        self.rich = draw.choice([0.15, 0.3, 0.5])
        self.regular = rstr.Rstr(draw)
        self.depth = 0

    def put(self, name: str, parent: Element) -> None:
        """What a definition of that name makes below an element."""
        interleaved, alternatives = self.schema.definitions[name]
        for nodes in alternatives if interleaved else [self.draw.choice(alternatives)]:
            self._all(nodes, parent)

    def _all(self, nodes: Sequence[Element], parent: Element) -> None:
        for node in nodes:
            self._one(node, parent)

    def _one(self, node: Element, parent: Element) -> None:
        kind = _kind(node)
        if kind == "element":
            self._element(node, parent)
        elif kind == "attribute" and node.get("name"):
            parent.set(node.get("name", ""), self._text(node[0]) if len(node) else "a%d" % self.draw.randint(0, 9))
        elif kind == "ref":
            self.put(node.get("name", ""), parent)
        elif kind in ("optional", "zeroOrMore", "oneOrMore"):
            self._some(kind, list(node), parent)
        elif kind == "choice":
            self._one(self.draw.choice(list(node)), parent)
        elif kind in ("interleave", "group"):
            self._all(list(node), parent)
        elif kind in ("data", "text", "value", "list"):
            parent.text = (parent.text or "") + self._text(node)

    def _some(self, kind: str, nodes: Sequence[Element], parent: Element) -> None:
        if kind == "oneOrMore" or (kind == "optional" and self.draw.random() < self.rich):
            self._all(nodes, parent)
        while kind != "optional" and self.draw.random() < self.rich / 2:
            self._all(nodes, parent)

    def _element(self, node: Element, parent: Element) -> None:
        name = node.get("name") or node.findtext(RNG + "name")
        # Aliases are our own business, and elements of other namespaces QEMU's.
        if not name or name in ("alias", "privateData") or self.depth >= DEEPEST or "libvirt" in node.get("ns", ""):
            return
        self.depth += 1
        self._all([below for below in node if _kind(below) != "name"], SubElement(parent, name))
        self.depth -= 1

    def _text(self, node: Element) -> str:
        kind = _kind(node)
        if kind == "value":
            return (node.text or "").strip()
        if kind == "text":
            return "txt%d" % self.draw.randint(0, 99)
        if kind == "data":
            return self._data(node)
        if kind == "choice":
            return self._text(self.draw.choice(list(node)))
        if kind == "ref":
            name = node.get("name", "")
            if name in VALUES:
                return VALUES[name](self.draw)
            return "".join(self._text(below) for below in self.draw.choice(self.schema.definitions[name][1]))
        return " ".join(self._text(below) for below in node)

    def _data(self, node: Element) -> str:
        limits = {limit.get("name", ""): limit.text or "" for limit in node}
        if "pattern" in limits:
            # XML has no place for control characters.
            return "".join(sign for sign in self.regular.xeger(limits["pattern"]) if sign.isprintable())
        kind = node.get("type", "")
        if kind in ("string", "NCName", "token"):
            return "s%d" % self.draw.randint(0, 99)
        least = int(limits.get("minInclusive", 1 if kind == "positiveInteger" else 0))
        return str(self.draw.randint(least, min(int(limits.get("maxInclusive", least + 4096)), least + self.draw.choice([1, 3, 64, 4096]))))


def document(schema: Schema, number: int) -> str:
    """The document of that number: one or two devices, or another part of a domain, or both."""
    draw = random.Random(number)
    root = fromstring("<domain type='qemu'><name>drawn</name><memory unit='MiB'>512</memory><vcpu>4</vcpu><os><type arch='x86_64' machine='%s'>hvm"
                      "</type></os><devices><emulator>/usr/bin/qemu-system-x86_64</emulator></devices></domain>" % draw.choice(["q35", "q35", "pc"]))
    drawing = Drawing(schema, draw)
    known = schema.definitions
    devices = [draw.choice([name for name in DEVICES if name in known]) for _turn in range(draw.choice([0, 1, 1, 1, 2]))]
    for name in devices:
        drawing.put(name, root.find("devices"))  # type: ignore[arg-type]
    if not devices or draw.random() < 0.2:
        holder = Element("holder")
        drawing.put(draw.choice([name for name in PARTS if name in known]), holder)
        for part in holder:
            _replace(root, part)
    _mend(root, draw)
    return tostring(root, encoding="unicode")


def _replace(root: Element, part: Element) -> None:
    there = root.find(part.tag)
    if part.tag == "os" and there is not None:
        for kind in part.findall("type"):
            part.remove(kind)
        part.insert(0, there[0])
    if there is not None:
        root.remove(there)
    root.insert(3, part)


def _mend(root: Element, draw: random.Random) -> None:
    """What must be of this host, or of this hypervisor."""
    for target in root.iter("target"):
        if len(target.get("dev", "")) > TARGET_SIZE:
            target.set("dev", draw.choice(TARGETS))
    for source in root.iter("source"):
        if source.get("network"):
            source.set("network", "lan")
    for backend in root.iter("backend"):
        if ":\\" in (backend.text or ""):
            backend.text = "/dev/random"
