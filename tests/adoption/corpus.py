# Copyright: (c) 2026, flotilla.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Domain documents of others, by name: what the tests of adoption are made of."""

from __future__ import annotations

import gzip
from pathlib import Path
from typing import Iterator

from ansible_collections.flotilla.virt.plugins.module_utils._libvirt import xmltree

from . import elements

HERE = Path(__file__).parent


def virt_install() -> Iterator[tuple[str, str]]:
    """What virt-install prints for hundreds of combinations of its options (see virt_install.py)."""
    text = gzip.decompress((HERE / "virt_install.xml.gz").read_bytes()).decode("utf-8")
    for number, line in enumerate(line for line in text.splitlines() if line.startswith("<domain ")):
        yield "virt-install-%03d" % number, line


def written() -> Iterator[tuple[str, str]]:
    """What other tools write, and libvirt's elements one by one, written for these tests."""
    for place in sorted((HERE / "documents").glob("*.xml")):
        for number, domain in enumerate(xmltree.parse(place.read_text(encoding="utf-8"), place.name)):
            yield "%s-%s" % (place.stem, domain.findtext("name") or number), xmltree.tostring(domain)


def singles() -> Iterator[tuple[str, str]]:
    """libvirt's elements one by one."""
    yield from elements.singles()


def mixtures() -> Iterator[tuple[str, str]]:
    """Several of them together."""
    yield from elements.mixtures(60)
