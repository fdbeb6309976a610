#!/usr/bin/python3
# Copyright: (c) 2026, flotilla.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Makes virt_install.xml.gz: what Debian's virt-install prints for hundreds of combinations of its options.

Runs with the system's own Python, which has virtinst, and asks a libvirt for its capabilities:

    tests/tools/sandbox.py /usr/bin/python3 tests/adoption/virt_install.py

Needs the Debian package virtinst. The result is committed, so that the tests need neither. Each axis (virt_install.tsv) is a list of
arguments; every value of every axis is used, each beside other values of the others (a fixed walk, no chance).
"""

from __future__ import annotations

import contextlib
import gzip
import io
import re
import subprocess
import sys
from pathlib import Path
from typing import Iterator

sys.path.insert(0, "/usr/share/virt-manager")

TARGET = Path(__file__).with_name("virt_install.xml.gz")
COMMON = "--connect qemu:///system --virt-type qemu --import --print-xml 1 --check all=off"


def _axes() -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for line in TARGET.with_name("virt_install.tsv").read_text(encoding="utf-8").splitlines():
        if not line.startswith("#"):
            name, value = line.split("\t")
            found.setdefault(name, []).append(value)
    return found


AXES = _axes()


def combinations(count: int = 235) -> Iterator[list[str]]:
    """Command lines: in each, every axis takes the next of its values, by a step of its own so that pairs differ."""
    for number in range(count):
        words = [COMMON, "--name guest"]
        for place, values in enumerate(AXES.values()):
            step = 1 + (number // len(values)) * (place % 3)
            # The first rounds vary one axis against a plain guest; the later ones all at once.
            varied = number % 2 or place in (0, 1, 2, 6, 7, number % len(AXES))
            words.append(values[(number + step + place) % len(values)] if varied else "")
        yield [word for word in words if word]


def run(words: list[str]) -> str:
    """What virt-install prints; empty where it refuses."""
    import shlex

    from virtinst import virtinstall  # type: ignore[import-not-found]
    out, errors = io.StringIO(), io.StringIO()
    sys.argv = ["virt-install"] + shlex.split(" ".join(words))
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(errors):
        try:
            virtinstall.main()
        except (SystemExit, ValueError, RuntimeError):
            return ""
    return out.getvalue()


def prepare() -> None:
    """What the command lines name: a pool with a volume, and the folder of images."""
    import libvirt

    for folder in ("/var/lib/libvirt/images", "/var/lib/libvirt/fast"):
        Path(folder).mkdir(parents=True, exist_ok=True)
    for name in ("a.qcow2", "b.qcow2", "a.raw", "c.iso"):
        subprocess.run(["qemu-img", "create", "-q", "-f", "qcow2" if name.endswith("qcow2") else "raw", "/var/lib/libvirt/images/" + name, "1M"], check=True)
    connection = libvirt.open("qemu:///system")
    pool = connection.storagePoolDefineXML("<pool type='dir'><name>fast</name><target><path>/var/lib/libvirt/fast</path></target></pool>")
    pool.create()
    pool.createXML("<volume><name>v1.qcow2</name><capacity unit='MiB'>1</capacity><target><format type='qcow2'/></target></volume>")


def main() -> None:
    """Writes the fixture."""
    prepare()
    seen: list[str] = []
    for words in combinations():
        text = run(words)
        match = re.search(r"<domain.*?</domain>", text, re.S)
        if match is None:
            continue
        body = re.sub(r"\n\s*", "", match.group(0))
        body = re.sub(r"<uuid>.*?</uuid>", "", body)
        if body not in seen:
            seen.append(body)
    TARGET.write_bytes(gzip.compress("\n".join(seen).encode("utf-8"), 9, mtime=0))
    print("%d documents" % len(seen))


if __name__ == "__main__":
    main()
