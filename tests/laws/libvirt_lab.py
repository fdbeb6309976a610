# Copyright: (c) 2026, flotilla.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The labs of what a libvirt host has beside its domains: networks, pools and volumes."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import libvirt
from ansible_collections.flotilla.virt.plugins.module_utils._libvirt import xmltree
from ansible_collections.flotilla.virt.plugins.module_utils._libvirt.network import NetworkDriver
from ansible_collections.flotilla.virt.plugins.module_utils._libvirt.pool import PoolDriver
from ansible_collections.flotilla.virt.plugins.module_utils._libvirt.storage import PARTIAL, Storage
from ansible_collections.flotilla.virt.plugins.module_utils._libvirt.volume import VolumeDriver

from .lab import Documents, Lab
from .wire import Wire

# What these elements say changes with every file that anybody writes there.
_FREE_SPACE = re.compile(r"\s*<(capacity|allocation|available)[^>]*>\d+</\1>")


def _silence(_context: Any, _error: Any) -> None:
    """libvirt prints errors on stderr unless it has a handler; the product sets the same one."""


class LibvirtLab(Lab):
    """One connection, seen through a wire, with everything on its host but domains."""

    def __init__(self, uri: str) -> None:
        libvirt.registerErrorHandler(_silence, None)
        self.uri = uri
        self.raw = libvirt.open(uri)
        self.wire = Wire()
        self.connection = self.wire.attach(self.raw)

    def documents(self) -> Documents:
        found: Documents = {}
        for network in self.raw.listAllNetworks():
            name = network.name()
            found["network:%s stored" % name] = self.network_text(network)
            # How many NICs are connected to it is no change of the network.
            found["network:%s live" % name] = re.sub(" connections='\\d+'", "", network.XMLDesc()) if network.isActive() else ""
            found["network:%s power" % name] = "%s autostart %s" % (
                network.isActive(), network.autostart() if network.isPersistent() else "")
        for pool in self.raw.listAllStoragePools():
            name = pool.name()
            found["pool:%s" % name] = _FREE_SPACE.sub("", pool.XMLDesc())
            found["pool:%s power" % name] = "%s autostart %s" % (pool.isActive(), pool.autostart() if pool.isPersistent() else "")
            for volume in pool.listAllVolumes() if pool.isActive() else ():
                found["volume:%s/%s" % (name, volume.name())] = "%d bytes" % volume.info()[1]
        return found

    def network_text(self, network: Any) -> str:
        """The stored document of a network; libvirt's test driver knows one document and not the flag."""
        two = network.isActive() and network.isPersistent() and self.raw.getType() != "TEST"
        return str(network.XMLDesc(libvirt.VIR_NETWORK_XML_INACTIVE if two else 0))

    def wipe(self) -> None:
        """Removes every network and every pool; the wire forgets."""
        self.wire.clear()
        for resource in self.raw.listAllNetworks() + self.raw.listAllStoragePools():
            persistent = resource.isPersistent()
            if resource.isActive():
                resource.destroy()
            if persistent:
                resource.undefine()


class NetworkLab(LibvirtLab):
    """Networks. `local` false: the daemon has another network namespace than the tests."""

    kind = "network"
    local = False

    def driver(self) -> NetworkDriver:
        return NetworkDriver(self.connection, self.local)

    def belongs(self, key: str, name: str) -> bool:
        return key.startswith("network:%s " % name)


class PoolLab(LibvirtLab):
    """Pools, whose directories the tests have below `folder`."""

    kind = "pool"

    def __init__(self, uri: str, folder: Path) -> None:
        super().__init__(uri)
        self.folder = folder

    def driver(self) -> PoolDriver:
        return PoolDriver(self.connection)

    def documents(self) -> Documents:
        files = {"file:%s" % path.relative_to(self.folder): "" if path.is_dir() else path.read_bytes().hex()
                 for path in self.folder.rglob("*")}
        return {**super().documents(), **files}

    def belongs(self, key: str, name: str) -> bool:
        # Directories below the folder are made by pools; what tests put into them is nobody's.
        return key == "pool:%s" % name or key == "pool:%s power" % name or (key.startswith("file:") and (self.folder / key[5:]).is_dir())


class VolumeLab(LibvirtLab):
    """Volumes of the pool `pool`. `local` false: as through a remote connection, where files cannot be reached."""

    kind = "volume"

    def __init__(self, uri: str, pool: str, local: bool = True) -> None:
        super().__init__(uri)
        self.pool = pool
        self.local = local

    def driver(self) -> VolumeDriver:
        return VolumeDriver(Storage(self.connection, self.local), self.pool)

    def documents(self) -> Documents:
        found = super().documents()
        for key in [key for key in found if key.startswith("volume:%s/" % self.pool)]:
            volume = self.raw.storagePoolLookupByName(self.pool).storageVolLookupByName(key.split("/", 1)[1])
            root = xmltree.parse(volume.XMLDesc())
            found[key] += " %s on %s" % (xmltree.get(root, "target/format/@type"), xmltree.get(root, "backingStore/path"))
        return found

    def belongs(self, key: str, name: str) -> bool:
        return key == "volume:%s/%s" % (self.pool, name)

    def unnamed(self) -> list[str]:
        """A volume's name is its declaration's; the temporary names are nobody's."""
        return [key for key in self.documents() if key.startswith("volume:") and key.endswith(PARTIAL)]

    def empty(self) -> None:
        """Removes every volume of the pool; the wire forgets."""
        self.wire.clear()
        pool = self.raw.storagePoolLookupByName(self.pool)
        pool.refresh()
        for volume in pool.listAllVolumes():
            volume.delete()


def settled(documents: Documents) -> Documents:
    """The documents less what libvirt makes up for each network and pool: UUIDs and a bridge's MAC; and our notes."""
    out: Documents = {}
    for key, text in documents.items():
        if text.startswith(("<network", "<pool")):
            root = xmltree.parse(text)
            xmltree.set_annotation(root, None)
            for place in ("uuid", "mac"):
                for element in root.findall(place):
                    root.remove(element)
            text = xmltree.tostring(root)
        out[key] = text
    return out
