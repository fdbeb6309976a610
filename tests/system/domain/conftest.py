# Copyright: (c) 2026, flotilla.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A real host for domain tests: a private libvirtd with networks and a pool, emptied after each test."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import libvirt
import pytest
from laws.domain_lab import DomainLab

IMAGES = os.environ.get("FLOTILLA_IMAGES", "/var/lib/flotilla/images")
# Networks without addresses need no dnsmasq. `trunk` is one of mode bridge, on the bridge that `carrier` makes.
NETWORKS = ("<network><name>lan</name><bridge name='laws-br0'/></network>", "<network><name>dmz</name><bridge name='laws-br1'/></network>",
            "<network><name>carrier</name><bridge name='laws-br2'/></network>",
            "<network><name>trunk</name><forward mode='bridge'/><bridge name='laws-br2'/></network>")


@pytest.fixture(scope="package", name="host")
def _host(private_uri: str) -> Iterator[DomainLab]:
    """The host of these tests: gone before other ones use the same libvirtd."""
    folder = Path(tempfile.mkdtemp(prefix="laws-"))
    folder.chmod(0o755)  # QEMU runs as a user of its own
    lab = DomainLab(private_uri)
    for text in NETWORKS:
        lab.raw.networkDefineXML(text).create()
    lab.raw.storagePoolDefineXML("<pool type='dir'><name>fast</name><target><path>%s</path></target></pool>" % folder).create()
    yield lab
    lab.raw.storagePoolLookupByName("fast").destroy()
    lab.raw.storagePoolLookupByName("fast").undefine()
    for network in lab.raw.listAllNetworks():
        network.destroy()
        network.undefine()
    shutil.rmtree(folder)


def empty(lab: DomainLab) -> None:
    """Removes every domain and every volume; the wire forgets."""
    lab.wire.clear()
    for domain in lab.raw.listAllDomains():
        if domain.isActive():
            domain.destroy()
        if domain.isPersistent():
            domain.undefineFlags(libvirt.VIR_DOMAIN_UNDEFINE_NVRAM | libvirt.VIR_DOMAIN_UNDEFINE_MANAGED_SAVE)
    pool = lab.raw.storagePoolLookupByName("fast")
    pool.refresh()
    for volume in pool.listAllVolumes():
        volume.delete()


@pytest.fixture(name="lab")
def _lab(host: DomainLab) -> Iterator[DomainLab]:
    """An empty host."""
    empty(host)
    yield host
    empty(host)


@pytest.fixture(scope="session", name="image")
def _image(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The default Debian image, built by the role unless it is there."""
    play = tmp_path_factory.mktemp("image") / "play.yml"
    play.write_text("- hosts: localhost\n  connection: local\n  gather_facts: false\n  roles: [flotilla.virt.guest_image]\n")
    done = subprocess.run(["ansible-playbook", str(play), "-e", json.dumps({"guest_image_dir": IMAGES})], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return Path(IMAGES, "debian-12")
