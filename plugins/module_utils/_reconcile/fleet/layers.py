# Copyright: (c) 2026, flotilla.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""From what a user wrote about guests to layers: defaults, profile, guest, `set`. Short forms go before merging."""

from __future__ import annotations

import difflib
from typing import Any, Dict, Iterable, List, Mapping, Optional, Sequence, Tuple

from .. import schema
from ..errors import Problem, join_path
from ..kinds import describe
from ..merge import merge_specs
from ..schema import Option, Spec
from .grammar import DISK, GUEST_LAYER, SHARED_LAYER
from .model import Layer, Route


def read_layer(options: Sequence[Option], raw: Any, where: str, problems: List[Problem],
               general: bool = False) -> Layer:
    """Parses one layer; whatever is wrong in it goes to `problems` with the path in this layer."""
    spec = schema.parse(options, raw, where, problems)
    aliases: Dict[Route, str] = {}
    _place_disk(spec, where, aliases, problems)
    _lift_image(spec, where, aliases, problems)
    return Layer(where, spec, aliases, general)


def _place_disk(spec: Spec, where: str, aliases: Dict[Route, str], problems: List[Problem]) -> None:
    """`disk` becomes the disk named root, first in the list."""
    disk = spec.pop("disk", None)
    if disk is None:
        return
    disks = spec.get("disks") or {}
    if "root" in disks:
        problems.append(Problem(join_path(where, "disk"), "is short for the disk root, which is in disks too",
                                "use one of the two"))
        return
    spec["disks"] = {"root": {"name": "root", **disk}, **disks}
    aliases[("disks", "root")] = DISK.name


def _lift_image(spec: Spec, where: str, aliases: Dict[Route, str], problems: List[Problem]) -> None:
    """The root disk's image and `image` are one thing; between layers it is kept under the latter name."""
    root = (spec.get("disks") or {}).get("root") or {}
    image = root.pop("image", None)
    if image is None:
        return
    if "image" in spec:
        problems.append(Problem(join_path(where, "image"), "is short for the image of the disk root, which has one too",
                                "use one of the two"))
    spec["image"] = image
    position = list(spec["disks"]).index("root")
    aliases[("image",)] = "disk.image" if ("disks", "root") in aliases else "disks[%d].image" % position


def read_shared(defaults: Any, profiles: Any, problems: List[Problem]) -> Tuple[Layer, Dict[str, Layer]]:
    """The layers below the guests: the defaults, and each profile."""
    base = read_layer(SHARED_LAYER, defaults or {}, "defaults", problems, general=True)
    named: Dict[str, Layer] = {}
    if profiles is not None and not isinstance(profiles, Mapping):
        problems.append(Problem("profiles", "must be a dictionary, not %s" % describe(profiles),
                                "write each profile under its name"))
        return base, named
    for name, raw in (profiles or {}).items():
        named[str(name)] = read_layer(SHARED_LAYER, raw or {}, "profiles.%s" % name, problems)
    return base, named


def read_guest(raw: Any, where: str, problems: List[Problem]) -> Layer:
    """The layer of one guest as it stands in `guests`."""
    return read_layer(GUEST_LAYER, raw, where, problems)


def merge_layers(layers: Iterable[Layer], base: Optional[Mapping[str, Any]] = None) -> Spec:
    """All layers, lowest first, over `base`, in one declaration that shares nothing with any of them."""
    merged: Spec = dict(base) if base is not None else {}
    for layer in layers:
        merged = merge_specs(merged, layer.spec)
        _drop_alternatives(merged, layer.spec)
    return merged


def _drop_alternatives(merged: Spec, high: Mapping[str, Any]) -> None:
    """A NIC is on a network or on a bridge: the highest layer that says either decides."""
    for name, nic in (high.get("nics") or {}).items():
        for mine, other in (("network", "bridge"), ("bridge", "network")):
            if mine in nic and other not in nic:
                merged["nics"][name].pop(other, None)


def did_you_mean(name: str, known: Iterable[str], otherwise: str) -> str:
    """A remedy for an unknown name."""
    close = difflib.get_close_matches(name, list(known), n=1)
    return "did you mean %s?" % close[0] if close else otherwise
