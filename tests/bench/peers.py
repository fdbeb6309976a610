# Copyright: (c) 2026, flotilla.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What ours is measured against: the bare libvirt binding, and a loop over community.libvirt."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import time
import uuid
import zipfile
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import libvirt

import fleets
from runs import Ansible, Sample

WHEEL = "ansible==12.3.0"
COLLECTIONS = ("community/libvirt", "containers/podman")
_INACTIVE = libvirt.VIR_DOMAIN_XML_INACTIVE
_DIGITS = re.compile(r"\d+")


class Missing(Exception):
    """A contender that is not to be had here; the text says why."""


def template(connection: Any, domain: str) -> str:
    """The stored document of a domain that ours made, without its annotation: what the others define."""
    root = ElementTree.fromstring(connection.lookupByName(domain).XMLDesc(_INACTIVE))
    for child in root.findall("metadata"):
        root.remove(child)
    return ElementTree.tostring(root, encoding="unicode")


def documents(text: str, count: int, changed: bool = False) -> list[str]:
    """That many documents like this one, each with its own name, UUID and MAC address."""
    root = ElementTree.fromstring(text)
    made = []
    for index in range(count):
        _set(root, "name", fleets.name(index))
        _set(root, "uuid", str(uuid.uuid5(uuid.NAMESPACE_URL, fleets.name(index))))
        mac = root.find("devices/interface/mac")
        if mac is not None:
            mac.set("address", f"52:54:01:{index >> 16 & 255:02x}:{index >> 8 & 255:02x}:{index & 255:02x}")
        for place in ("memory", "currentMemory"):
            _set(root, place, str((384 if changed and index == count // 2 else 256) * 1024))
        log = root.find("devices/serial/log")
        if log is not None:
            log.set("file", f"/var/log/libvirt/qemu/{fleets.name(index)}-serial0.log")
        made.append(ElementTree.tostring(root, encoding="unicode"))
    return made


def _set(root: ElementTree.Element, place: str, text: str) -> None:
    node = root.find(place)
    if node is None:
        raise SystemExit(f"the document of a domain has no {place}")
    node.text = text


class Raw:
    """The bare binding in one process over one connection: as fast as anything can be that defines through libvirt."""

    def __init__(self, uri: str) -> None:
        """Connect; that and the interpreter's start are not measured."""
        self._connection = libvirt.open(uri)
        self._stored: dict[str, str] = {}
        self._written: dict[str, str] = {}

    def define(self, texts: list[str]) -> Sample:
        """Define what differs from what was written last, and look at all that is there."""
        start = time.perf_counter()
        there = {domain.name(): domain.XMLDesc(_INACTIVE) for domain in self._connection.listAllDomains(0)}
        changed = 0
        for index, text in enumerate(texts):
            name = fleets.name(index)
            if name in there and there[name] == self._stored.get(name) and text == self._written[name]:
                continue
            self._stored[name] = self._connection.defineXML(text).XMLDesc(_INACTIVE)
            self._written[name] = text
            changed += 1
        return Sample(time.perf_counter() - start, changed=changed)


class Community:
    """community.libvirt.virt in a loop over finished documents, with name, UUID and MAC given: its best case."""

    COUNT = 50
    TASK = {
        "name": "define",
        "community.libvirt.virt": {"command": "define", "xml": "{{ item.xml }}"},
        "loop": "{{ domains }}",
        "loop_control": {"label": "{{ item.name }}"},
    }

    def __init__(self, ansible: Ansible, cache: Path) -> None:
        """Fetch it, once for a machine. Raises Missing where that is not possible."""
        self.ansible = ansible
        ansible.collections = unpacked(cache, "community/libvirt")
        manifest = ansible.collections / "ansible_collections/community/libvirt/MANIFEST.json"
        self.version = str(json.loads(manifest.read_text(encoding="utf-8"))["collection_info"]["version"])

    def define(self, texts: list[str]) -> Sample:
        """One playbook, one looped task."""
        domains = [{"name": fleets.name(index), "xml": text} for index, text in enumerate(texts)]
        return self.ansible.run(self.TASK, {"domains": domains})


def unpacked(cache: Path, collection: str) -> Path:
    """The folder with this collection (`community/libvirt`) from the wheel, fetched once for a machine. Raises Missing."""
    target = cache / ("peers-" + ".".join(_DIGITS.findall(WHEEL)))
    if not (target / "ansible_collections" / collection / "MANIFEST.json").is_file():
        cache.mkdir(parents=True, exist_ok=True)
        command = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--quiet", "download", "--no-deps", "--dest", str(cache), WHEEL]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise Missing(f"pip cannot download {WHEEL}: {(done.stderr.strip().splitlines() or ['no reason given'])[-1]}")
        wheel = next(cache.glob("ansible-*.whl"))
        with zipfile.ZipFile(wheel) as archive:
            wanted = [member for member in archive.namelist() if member.startswith(tuple(f"ansible_collections/{each}/" for each in COLLECTIONS))]
            archive.extractall(target, wanted)
        wheel.unlink()  # 54 MB of which two collections are needed
    return target
