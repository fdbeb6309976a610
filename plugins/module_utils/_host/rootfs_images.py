# Copyright: (c) 2026, flotilla.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What declared images are for containers: root file systems, fetched when a container is made from one, and OCI images."""

from __future__ import annotations

from typing import Any, Callable, Dict, List, Mapping, Optional

from .._reconcile import grammar, grammar_containers, schema
from .._reconcile.errors import Problem, raise_if_any
from .images import NotFetched, fetch


def declared_images(raw: Optional[Any], path: str = "images") -> Dict[str, Mapping[str, Any]]:
    """Declared images by name. Raises DeclarationError."""
    problems: List[Problem] = []
    whole = schema.Option("images", "items", options=(schema.Option("name", "name", required=True),) + grammar.IMAGE + grammar_containers.IMAGE)
    images: Dict[str, Mapping[str, Any]] = schema.parse_value(whole, raw or [], path, problems) or {}
    raise_if_any(problems)
    return images


def variants(images: Mapping[str, Mapping[str, Any]], variant: str) -> Dict[str, Any]:
    """One variant (`rootfs`, `oci`) of those images that have it, by image name."""
    return {name: image[variant] for name, image in images.items() if image.get(variant)}


def rootfs_images(sources: Mapping[str, Mapping[str, Any]], keep: bool) -> Callable[[str], Optional[str]]:
    """A look-up of tarballs by image name, which fetches and checks what is asked for; None for what is not declared.

    With `keep` false (check mode) nothing is downloaded, and one that would have to be is an empty path.
    """
    def find(name: str) -> Optional[str]:
        if name not in sources:
            return None
        try:
            return fetch(sources[name], disk=False, keep=keep).path
        except NotFetched:
            return ""

    return find
