# Copyright: (c) 2026, flotilla.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The bodies of the modules `container` and `container_info`, wherever the driver runs: on the host, or beside an action plugin."""

from __future__ import annotations

from typing import Any, Dict, List, Tuple

from ._containers.engines import BY_COMMAND, DRIVERS, NOT_BY_COMMAND, TRANSPORT_SPEC, Surroundings, engines_here
from ._containers.host import LocalHost
from ._containers.host_keys import KeyReader
from ._host.rootfs_images import declared_images, rootfs_images, variants
from ._libvirt.attachment import libvirt_networks
from ._module import HERE, INFO_SPEC, Place, argument_spec, declared, fail, info, run_one
from ._reconcile.attachment import Networks
from ._reconcile.contract import Driver, Request
from ._reconcile.errors import DeclarationError
from ._reconcile.grammar import GUEST, parse_guest

CONTAINER_SPEC: Dict[str, Any] = argument_spec(
    GUEST, engine={"type": "str", "required": True, "choices": sorted(DRIVERS)}, disk={"type": "raw"}, images={"type": "raw"},
    **TRANSPORT_SPEC)
CONTAINER_INFO_SPEC: Dict[str, Any] = {
    **INFO_SPEC, "engines": {"type": "list", "elements": "str", "choices": sorted(DRIVERS)},
    "host_keys": {"type": "bool", "default": False}, **TRANSPORT_SPEC}


def run_container(module: Any, place: Place = HERE) -> None:
    """Runs the module `container` and ends it."""
    _check_transport(module, place, [module.params["engine"]], "engine")

    def make(check: bool) -> Tuple[Driver, Request]:
        engine = module.params["engine"]
        spec = declared(module, GUEST, lambda raw, path, problems: parse_guest(raw, engine, path, problems))
        images = declared_images(module.params["images"])
        around = Surroundings(rootfs_images(variants(images, "rootfs"), keep=not check), variants(images, "oci").get, _networks(place),
                              lambda name: str(images[name].get("template") or "") if name in images else None)
        driver = DRIVERS[engine](place.host or LocalHost(), around, check)
        return driver, Request(module.params["name"], spec, "", module.params["fleet"] or "")

    run_one(module, make, place=place)


def run_container_info(module: Any, place: Place = HERE) -> None:
    """Runs the module `container_info` and ends it."""
    host = place.host or LocalHost()
    asked = module.params["engines"] or (engines_here(host) if place.host is None else list(BY_COMMAND))
    _check_transport(module, place, asked, "engines")
    around = Surroundings(networks=_networks(place))
    drivers = [DRIVERS[engine](host, around, True) for engine in asked]
    info(module, "containers", GUEST, *(KeyReader(driver, host) if module.params["host_keys"] else driver for driver in drivers))


def _networks(place: Place) -> Networks:
    """What a declared network is there; by commands alone nobody can ask a libvirt, so that bridges are named as such."""
    return libvirt_networks() if place.host is None else lambda name: None


def _check_transport(module: Any, place: Place, engines: List[str], option: str) -> None:
    """Ends the module where its transport cannot be, before anything is touched."""
    if module.params["transport"] == "command" and place.host is None:
        fail(module, DeclarationError.at("transport", "command is carried out on the controller, and this module runs on the host",
                                         "run it as a task of a play"))
    for engine in engines:
        if place.host is not None and engine not in BY_COMMAND:
            why = NOT_BY_COMMAND.get(engine, "its driver works on the host itself")
            fail(module, DeclarationError.at(option, "engine %s cannot be driven with transport: command: %s" % (engine, why),
                                             "use transport: module, which needs Python 3.8 or later on the host"))
