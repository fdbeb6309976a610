# Copyright: (c) 2026, flotilla.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The annotation: what is remembered of the last declaration, kept with the guest and never on the controller."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any, Dict, Mapping, Optional, Tuple

from .errors import FlotillaError

VERSION = 1
NAMESPACE = "urn:flotilla:virt:1"


@dataclass(frozen=True)
class Annotation:
    """The last declaration of a resource and what this collection made for it.

    applied: the declaration as `schema.seal_spec` leaves it (no secrets).
    created: this collection made the resource; an adopted one is never pruned.
    owned: volumes made for it, each `POOL/VOLUME`; only these may be removed with it.
    facts: what was chosen or noted once (instance id, image of a disk, seed at first boot, readiness not reached).
    """

    fleet: str = ""
    applied: Mapping[str, Any] = field(default_factory=dict)
    created: bool = False
    owned: Tuple[str, ...] = ()
    facts: Mapping[str, Any] = field(default_factory=dict)

    def to_json(self) -> str:
        """Deterministic JSON, so that an unchanged annotation is written only once."""
        document = {"version": VERSION, "fleet": self.fleet, "applied": self.applied, "created": self.created,
                    "owned": sorted(self.owned), "facts": self.facts}
        return json.dumps(document, sort_keys=True, separators=(",", ":"))

    @classmethod
    def from_json(cls, text: str, where: str) -> Annotation:
        """Reads `to_json`'s form; raises FlotillaError, naming `where`, for one that a newer release wrote."""
        try:
            document: Dict[str, Any] = json.loads(text)
            version = int(document["version"])
        except (ValueError, KeyError, TypeError):
            raise FlotillaError("the annotation of %s cannot be read" % where,
                                "remove it there to treat the guest as made by hand") from None
        if version > VERSION:
            raise FlotillaError("the annotation of %s was written by a newer release (format %d, this one knows %d)"
                                % (where, version, VERSION), "use that release")
        return cls(fleet=document.get("fleet", ""), applied=document.get("applied", {}),
                   created=bool(document.get("created")), owned=tuple(document.get("owned", ())),
                   facts=document.get("facts", {}))


def union(old: Optional[Annotation], new: Annotation) -> Annotation:
    """What is written before the first step: nothing that either side owns or declared is forgotten.

    A run that dies between leaves this; the next run then still takes back what the old declaration named.
    """
    if old is None:
        return new
    return Annotation(fleet=new.fleet, applied=_union(old.applied, new.applied), created=old.created,
                      owned=tuple(sorted(set(old.owned) | set(new.owned))), facts={**old.facts, **new.facts})


def _union(old: Mapping[str, Any], new: Mapping[str, Any]) -> Dict[str, Any]:
    merged = dict(old)
    for name, value in new.items():
        there = merged.get(name)
        both = isinstance(there, dict) and isinstance(value, dict)
        merged[name] = _union(there, value) if both and there is not None else value
    return merged
