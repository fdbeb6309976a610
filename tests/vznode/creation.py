# Copyright: (c) 2026, flotilla.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""`vzctl create` and `vzctl destroy`."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING, Any

from . import machine
from .node import SAMPLES, Config, Ended

if TYPE_CHECKING:
    from .vzctl import Vzctl

_KEYS = {"--hostname": "HOSTNAME", "--description": "DESCRIPTION", "--diskspace": "DISKSPACE", "--diskinodes": "DISKINODES",
         "--private": "VE_PRIVATE", "--root": "VE_ROOT"}


def create(call: Vzctl, ident: str, options: list[tuple[str, Any]]) -> None:
    """Make a container: name, template unpacked, sample and options in its configuration."""
    node, chosen = call.node, dict(options)
    if node.version == 7 and node.config(ident) is not None:
        call.fail("exists", id=ident)
    if node.private(ident).exists():
        call.fail("exists", private=node.place(ident, "VE_PRIVATE"), id=ident)
    settings = node.global_config().values
    sample = chosen.get("--config", settings["CONFIGFILE"])
    if sample not in SAMPLES:
        call.fail("no_sample", sample=sample)
    template = chosen.get("--ostemplate", settings["DEF_OSTEMPLATE"])
    if node.version == 7:
        template = "." + template.lstrip(".")
    tarball = node.template(template)
    if tarball is None:
        call.violation(f"the template {template} is not there: vzctl 4 would go to the network for it")
        call.fail("no_template", template=f"/vz/template/cache/{template}" if node.version == 4 else template)
    layout = chosen.get("--layout", settings["VE_LAYOUT"])
    name = chosen.get("--name")
    _take_name(call, ident, name)
    title = "container" if node.version == 4 else "Container"
    call.out.append(f"Creating {title} private area ({template})")
    assert tarball is not None
    machine.unpack(node, ident, tarball)
    call.out.append("Performing postcreate actions")
    config = Config((node.etc / f"conf/ve-{sample}.conf-sample").read_text())
    changed: dict[str, str | None] = {key: chosen[option] for option, key in _KEYS.items() if option in chosen}
    addresses = [address for option, value in options if option in ("--ipadd", "--ip") for address in value]
    if addresses:
        changed["IP_ADDRESS"] = " ".join(addresses)
    changed.update({"VE_ROOT": changed.get("VE_ROOT") or "/vz/root/$VEID", "VE_PRIVATE": changed.get("VE_PRIVATE") or "/vz/private/$VEID",
                    "VE_LAYOUT": layout, "OSTEMPLATE": template, "ORIGIN_SAMPLE": sample})
    if node.version == 7:
        changed["DISTRIBUTION"] = template.lstrip(".").split("-")[0]
        if not ident.isdigit():
            changed["UUID"] = ident
    if name is not None:
        changed["NAME"] = name
    config.update(changed)
    node.save(ident, config)
    if node.version == 4:
        call.out.append(f"CT configuration saved to /etc/vz/conf/{ident}.conf")
    call.out.append(f"{'Container' if node.version == 4 else 'Container'} private area was created")


def _take_name(call: Vzctl, ident: str, name: str | None) -> None:
    node = call.node
    if name is None:
        return
    if not name:
        call.out.append("Name  assigned")
        return
    if len(name.encode()) > 255:
        call.say("name_long" if node.version == 4 else "name_bad", name=name)
        call.err.append("Creation of container private area failed")
        raise Ended(131 if node.version == 4 else 21)
    other = node.by_name(name)
    if other not in (None, ident):
        rc = call.say("name_taken", name=name, other=other)
        call.err.append("Creation of container private area failed")
        raise Ended(rc)
    node.rename(ident, "", name)
    call.out.append(f"Name {name} assigned")


def destroy(call: Vzctl, ident: str, config: Config) -> None:
    """Remove the private area and the configuration; vzctl 4 keeps the latter as CTID.conf.destroyed."""
    node = call.node
    title = "container" if node.version == 4 else "Container"
    call.out.append(f"Destroying {title} private area: {node.place(ident, 'VE_PRIVATE')}")
    shutil.rmtree(node.private(ident), ignore_errors=True)
    if config.values.get("NAME"):
        node.rename(ident, config.values["NAME"], "")
    if node.version == 4:
        node.path(ident).rename(node.path(ident).with_suffix(".conf.destroyed"))
    else:
        node.path(ident).unlink()
    call.out.append(f"{'Container' if node.version == 4 else 'Container'} private area was destroyed")
