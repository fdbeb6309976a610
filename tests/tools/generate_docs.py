# Copyright: (c) 2026, flotilla.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Generates the doc fragments of the grammar from the grammar itself.

    PYTHONPATH=build/tree python tests/tools/generate_docs.py           writes plugins/doc_fragments/
    PYTHONPATH=build/tree python tests/tools/generate_docs.py --check   fails when a file there is out of date

A fragment is a constant string, since `ansible-test sanity` reads it without running it.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import Any, Sequence

import yaml
from ansible_collections.flotilla.virt.plugins.module_utils._reconcile import grammar
from ansible_collections.flotilla.virt.plugins.module_utils._reconcile.fleet import grammar as fleet
from ansible_collections.flotilla.virt.plugins.module_utils._reconcile.schema import Option

FOLDER = Path(__file__).resolve().parents[2] / "plugins/doc_fragments"
WIDTH = 120
TYPES = {"int": "int", "bool": "bool", "map": "dict", "tags": "dict", "dict": "dict", "any": "raw", "secret_any": "raw"}
NAME = Option("name", "name", required=True, doc=("Its name.",))
DISK = Option("disk", "any", doc=("Short for the disk C(root): its size such as V(20GiB), or its options.",))
REFERENCE = re.compile(r"O\(([^)=]+)(=[^)]*)?\)")

HEADER = '''# Copyright: (c) 2026, flotilla.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Generated from the grammar by tests/tools/generate_docs.py: change the grammar, not this file.

from __future__ import annotations


class ModuleDocFragment:
    """Options of %s, from the grammar."""

    DOCUMENTATION = r"""
%s"""
'''


class Document:
    """The documentation of one fragment; knows what references may look like there."""

    def __init__(self, prefix: str) -> None:
        self.prefix = prefix

    def reference(self, match: "re.Match[str]") -> str:
        """Rewrites a reference of the grammar for this fragment.

        The outermost option is documented as raw, and `[]` is only allowed after a documented list.
        """
        parts = match.group(1).split(".")
        whole = ([self.prefix] if self.prefix else []) + parts
        whole[0] = whole[0].replace("[]", "")
        return "O(%s%s)" % (".".join(whole), match.group(2) or "")

    def option(self, option: Option, outermost: bool) -> dict[str, Any]:
        """One option as Ansible documents it."""
        lines = [REFERENCE.sub(self.reference, line) for line in option.doc]
        if option.engines:
            lines.append("Only for engine %s." % " and ".join("V(%s)" % engine for engine in option.engines))
        if option.kind in ("secret", "secret_any"):
            lines.append("C({keep: true}) leaves it as it is.")
        if option.kind == "size":
            lines.append("A size with a binary unit, such as V(512MiB) or V(4GiB).")
        out: dict[str, Any] = {"description": lines}
        if outermost:
            out["type"] = "raw"
        elif option.kind in ("items", "list"):
            out.update(type="list", elements=self.elements(option))
        else:
            # A dictionary with a short form also takes the bare value.
            out["type"] = "raw" if option.short and option.kind == "dict" else TYPES.get(option.kind, "str")
        if option.required and not outermost:
            out["required"] = True
        if option.choices and not outermost:
            out["choices"] = list(option.choices)
        elif option.choices:
            lines.append("One of %s." % ", ".join("V(%s)" % choice for choice in option.choices))
        if option.options:
            out["suboptions"] = self.options(option.options, False)
        return out

    @staticmethod
    def elements(option: Option) -> str:
        """The type of a list's elements."""
        if option.kind == "items":
            return "raw" if option.short else "dict"
        return TYPES.get(option.item, "str")

    def options(self, options: Sequence[Option], outermost: bool) -> dict[str, Any]:
        """A level of options."""
        return {option.name: self.option(option, outermost) for option in options}


def fragment(what: str, options: dict[str, Any]) -> str:
    """The text of a fragment's file."""
    text = yaml.safe_dump({"options": options}, sort_keys=False, width=WIDTH, allow_unicode=True)
    return HEADER % (what, text)


def listed(option: Option) -> dict[str, Any]:
    """An option of a fleet that lists resources or guests: outermost raw, its items documented below it."""
    members = Document(option.name).options(option.options, False)
    return {option.name: {"description": list(option.doc), "type": "raw", "suboptions": members}}


def fleet_options() -> dict[str, Any]:
    """What a fleet declares; `defaults` and `profiles` take the options of a guest and do not repeat them."""
    out: dict[str, Any] = {}
    for option in fleet.FLEET:
        if option.name == "guests":
            out.update(listed(Option("guests", "items", doc=option.doc, options=fleet.ENTRY)))
        elif option.options:
            out.update(listed(option))
        elif option.name in fleet.DECLARING:
            out[option.name] = {"description": list(option.doc), "type": "raw"}
    return out


def fragments() -> dict[str, str]:
    """Every generated file by name."""
    one = Document("")
    files = {
        "guest": fragment("a guest", one.options(tuple(grammar.GUEST) + (DISK,), True)),
        "network": fragment("a network", one.options(grammar.NETWORK, True)),
        "pool": fragment("a pool", one.options(grammar.POOL, True)),
        "volume": fragment("a volume", one.options(grammar.VOLUME, True)),
        "image": fragment("an image", one.options(grammar.IMAGE, True)),
        "fleet": fragment("a fleet", fleet_options()),
    }
    return {"%s.py" % name: text for name, text in files.items()}


def main(arguments: Sequence[str]) -> int:
    """Writes the files, or says which are out of date."""
    stale = [name for name, text in fragments().items()
             if not (FOLDER / name).is_file() or (FOLDER / name).read_text() != text]
    if "--check" in arguments:
        for name in stale:
            print("out of date: plugins/doc_fragments/%s (run tests/tools/generate_docs.py)" % name)
        return 1 if stale else 0
    for name in stale:
        (FOLDER / name).write_text(fragments()[name])
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
