# Copyright: (c) 2026, flotilla.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The one place where the engines' drivers are made for a fleet, each knowing what the fleet declares around it."""

from __future__ import annotations

import os
from typing import Any, Dict, Iterable, List, Mapping, Optional

from .._containers import engines
from .._host import commands, images
from .._libvirt.attachment import libvirt_networks
from .._libvirt.connection import DEFAULT_URI, NotReady, connect, is_local
from .._reconcile.attachment import Attachment
from .._reconcile.contract import Driver
from .._reconcile.errors import FlotillaError
from .._reconcile.fleet import Fleet, Guest, resources_here
from .._reconcile.fleet.engine import CONTAINERS
from .._reconcile.fleet.networks import Surroundings, images_of
from .items import Drivers, Facts

_REMOTE = "through a remote uri there are no containers; run the module on that host"
_DISPATCHED = "Virtuozzo's dispatcher manages the containers of this host: use engine virtuozzo"


class Host:
    """This host, as the drivers of one fleet need it."""

    def __init__(self, fleet: Fleet, uri: Optional[str], check_mode: bool) -> None:
        self.fleet = fleet
        self.uri = uri or os.environ.get("LIBVIRT_DEFAULT_URI") or DEFAULT_URI
        self.check_mode = check_mode
        self.local = is_local(self.uri)
        self.resources = resources_here(fleet)
        self.surroundings = Surroundings(fleet.networks)

    def drivers(self) -> Drivers:
        """Connects, and makes a driver for everything that this host has or the fleet needs.

        Raises NotReady where libvirt is needed and does not answer, except in check mode.
        """
        guests: Dict[str, Driver] = {}
        unusable = {engine: "it is not supported yet" for engine in CONTAINERS}
        made = Drivers(guests=guests, engines=self.engines, unusable=unusable)
        self._add_libvirt(made, guests)
        if not self.local:
            unusable.update({engine: _REMOTE for engine in CONTAINERS})
            return made
        for engine, make in engines.DRIVERS.items():
            # A host without an engine does without its modules: importing LXC's takes 37 ms, of 190 for all that is ours.
            if engine == "openvz" and commands.find("/", engines.COMMANDS["virtuozzo"]):
                unusable[engine] = _DISPATCHED
            elif self._has_or_needs(engine, engines.COMMANDS[engine]):
                guests[engine] = make(self._container_host(), self._around(), self.check_mode)
                del unusable[engine]
        return made

    def _has_or_needs(self, engine: str, command: str) -> bool:
        """Whether containers of this engine may be here, or a guest may become one."""
        return bool(commands.find("/", command)) or any(guest.wish in (engine, "auto") for guest in self.fleet.here())

    @staticmethod
    def _container_host() -> Any:
        from .._containers.host import LocalHost

        return LocalHost()

    def _around(self) -> engines.Surroundings:
        return engines.Surroundings(self.rootfs, self.reference, self.attachments(), self.template)

    def _add_libvirt(self, made: Drivers, guests: Dict[str, Driver]) -> None:
        try:
            connection: Any = connect(self.uri)
        except NotReady as error:
            if self._needs_libvirt() and not self.check_mode:
                raise
            if not self._needs_libvirt():
                made.unusable["kvm"] = str(error)
                return
            connection = None
        # A host without libvirt does without all that is ours for it, the table of domains with its 400 options first.
        from .._libvirt.domain import module as domain
        from .._libvirt.network import NetworkDriver
        from .._libvirt.pool import PoolDriver

        made.pool = PoolDriver(connection, self.local)
        made.network = NetworkDriver(connection, self.local)
        driver = domain.make(connection, self.uri, domain.Surroundings(
            images={name: spec["disk"] for name, spec in self.fleet.images.items() if spec.get("disk")},
            pools=set(self.resources["pools"]), networks=set(self.resources["networks"])))
        guests["kvm"] = driver
        if driver.storage is not None:
            made.forget = driver.storage.forget

    def _needs_libvirt(self) -> bool:
        return bool(self.resources["pools"] or self.resources["networks"]
                    or any(guest.wish not in CONTAINERS for guest in self.fleet.here()))

    def engines(self) -> Facts:
        """Which engines this host has, as `host_info` says it; through a remote uri only kvm counts."""
        if not self.local:
            return {}
        # Only `engine: auto` asks, and importing them takes 13 ms, of 190 for all that is ours.
        from .._host import facts

        found: Facts = facts.gather(self.uri)["engines"]
        return found

    # -- what containers need of images and networks --------------------------------------------------------------

    def rootfs(self, name: str) -> Optional[str]:
        """The root file system tarball of a declared image; empty for one that check mode does not fetch."""
        source = (self.fleet.images.get(name) or {}).get("rootfs")
        if not source:
            return None
        if source.get("path"):
            return str(source["path"])
        return fetched(source, self.check_mode)

    def reference(self, name: str) -> Optional[str]:
        """The OCI image of a declared image."""
        return (self.fleet.images.get(name) or {}).get("oci")

    def template(self, name: str) -> Optional[str]:
        """The OS template of a declared image; None for one that is not declared, empty for one that has none."""
        image = self.fleet.images.get(name)
        return None if image is None else str(image.get("template") or "")

    def attachments(self) -> Any:
        """What a network is to a container: as it is in libvirt, else as the fleet is about to make it."""
        there = libvirt_networks(self.uri)

        def find(name: str) -> Optional[Attachment]:
            found, declared = there(name), self._declared(name)
            if found is None or declared is None:
                return found or declared
            return Attachment(found.bridge, declared.subnet or found.subnet, declared.gateway or found.gateway,
                              declared.dns or found.dns)

        return find

    def _declared(self, name: str) -> Optional[Attachment]:
        spec = self.resources["networks"].get(name)
        if spec is None or spec.get("state") in ("absent", "released"):
            return None
        return Attachment(spec.get("bridge", ""), str(spec.get("subnet") or ""),
                          self.surroundings.gateways.get(name) or "", tuple(spec.get("dns") or ()))


def fetched(source: Mapping[str, Any], check_mode: bool) -> str:
    """The path of a downloaded root file system; check mode downloads nothing and gives the empty text instead."""
    try:
        return images.fetch(source, disk=False, keep=not check_mode).path
    except images.NotFetched:
        if check_mode:
            return ""
        raise


def prefetch(fleet: Fleet, drivers: Drivers) -> None:
    """Downloads the images of guests that are not there yet, before the host is held; no guests are touched.

    A failure is left to the guest that needs the image: it is met again there, and is that guest's own.
    """
    for source, disk in _downloads(fleet, drivers):
        try:
            images.fetch(source, disk=disk)
        except FlotillaError:
            continue


def _downloads(fleet: Fleet, drivers: Drivers) -> List["tuple[Mapping[str, Any], bool]"]:
    """What is to be downloaded for guests that are not there; the host is read for it only where something is not cached."""
    missing = [({guest.name, guest.was}, source, disk) for guest in fleet.here() if not guest.ends
               for source, disk in _remote_sources(fleet, guest) if not _is_cached(source)]
    if not missing:
        return []
    there = {name for driver in drivers.guests.values() for name in driver.read(None)}
    found: List["tuple[Mapping[str, Any], bool]"] = []
    for name, source, disk in missing:
        if not there.intersection(name) and (source, disk) not in found:
            found.append((source, disk))
    return found


def _remote_sources(fleet: Fleet, guest: Guest) -> Iterable["tuple[Mapping[str, Any], bool]"]:
    """The variants that a guest needs of images with a URL, each with whether it is for a disk."""
    if guest.wish in ("openvz", "virtuozzo"):
        # Its containers are made from templates, which are on the node.
        return
    disk = guest.wish not in CONTAINERS
    for name in images_of(guest).values():
        source = (fleet.images.get(name) or {}).get("disk" if disk else "rootfs") or {}
        if source.get("url"):
            yield source, disk


def _is_cached(source: Mapping[str, Any]) -> bool:
    try:
        return images.is_cached(source)
    except FlotillaError:
        # A checksum that is none: as said above, the guest's own error.
        return False
