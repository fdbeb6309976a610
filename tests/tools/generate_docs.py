# Copyright: (c) 2026, flotilla.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Generates the doc fragments of the grammar, and the page of the domain table, from the grammar itself.

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
from ansible_collections.flotilla.virt.plugins.module_utils._libvirt.domain import live, table
from ansible_collections.flotilla.virt.plugins.module_utils._reconcile import grammar
from ansible_collections.flotilla.virt.plugins.module_utils._reconcile.fleet import grammar as fleet
from ansible_collections.flotilla.virt.plugins.module_utils._reconcile.rows import Row
from ansible_collections.flotilla.virt.plugins.module_utils._reconcile.schema import DICTS, Option

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / "plugins/doc_fragments"
WIDTH = 120
TYPES = {"int": "int", "integer": "int", "bool": "bool", "map": "dict", "tags": "dict", "dict": "dict", "one": "dict", "any": "raw", "secret_any": "raw",
         "texts": "dict", "int_map": "dict", "cpu_features": "dict", "cpusets": "dict", "huge_pages": "raw", "vlan": "raw", "hex": "raw"}
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
        lines += change_of(option)
        out: dict[str, Any] = {"description": lines}
        if outermost:
            out["type"] = "raw"
        elif option.kind in ("items", "list"):
            out.update(type="list", elements=self.elements(option))
        else:
            # A dictionary with a short form also takes the bare value.
            out["type"] = "raw" if option.short and option.kind in DICTS else TYPES.get(option.kind, "str")
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


def change_of(option: Option) -> list[str]:
    """How a change of this option reaches a running domain, as the table has it."""
    row = option.row
    if row is None or option.kind == "items" or row.rule.always or row.rule.creation:
        return []
    said = []
    if isinstance(row, Row) and row.only:
        said.append("Only where C(%s) is %s." % (row.only[0], " or ".join("V(%s)" % value for value in row.only[1:])))
    if row.rule.fixed:
        return said + ["It cannot be changed."]
    if not row.rule.live:
        return said + ["A change takes a restart."]
    return said + (["Changed while a domain runs."] if row.verb else [])


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


# -- the domain table --------------------------------------------------------------------------------------------------------

TABLE_HEAD = """.. Generated from the grammar by tests/tools/generate_docs.py: change the grammar, not this file.

What changes on a running domain
================================

Every option of a domain that stands in its document: where it stands there, and how a change reaches the running guest. This page,
the reading, editing and comparing of documents, the impact in a plan and the reason of what is pending all come from the same rows.

*live*: libvirt changes it on the running guest, by the function that is named. *restart*: it is stored, and reported as pending
with the reason until a new QEMU process runs. *fixed*: part of the guest's identity, and refused.
A change that is live can still have to wait for a value that this very guest cannot take; then the pending entry says why.

.. list-table::
   :header-rows: 1
   :widths: 30 35 35

   * - Option
     - In the document
     - Changed
"""
FUNCTION = re.compile(r"virDomain[A-Za-z]+")


def functions_of(verb: str) -> str:
    """The libvirt functions that a verb calls, from its documentation."""
    names = FUNCTION.findall(getattr(live.Guest, verb).__doc__ or "") if hasattr(live.Guest, verb) else []
    return ", ".join("``%s``" % name for name in dict.fromkeys(names)) or "by several functions"


def how_it_changes(rule: Any, verb: str) -> str:
    """The third column of the table."""
    if rule.fixed:
        return "fixed"
    if rule.creation:
        return "at creation only"
    if not rule.live:
        return "restart: %s" % (rule.reason or "fixed when the guest starts")
    return "live: %s" % functions_of(verb) if verb else "at once"


def table_page() -> str:
    """The page of the domain table."""
    rows = []
    for pattern, things in table.THINGS.items():
        plugged = how_it_changes(things.thing.rule, things.thing.verb)
        rows.append((pattern, things.thing.place, plugged if things.thing.rule.live else "restart: %s" % things.thing.rule.reason))
    for pattern, one in table.FIELDS.items():
        if one.row.place or one.shape is not None:
            outer = table.owner(pattern)
            place = "/".join(part for part in (outer.thing.place if outer else "", one.row.place) if part)
            rows.append((pattern, place, how_it_changes(one.row.rule, one.row.verb)))
    lines = []
    for option, place, change in sorted(rows):
        lines += ["   * - ``%s``" % option, "     - ``%s``" % (place or "domain"), "     - %s" % change]
    return TABLE_HEAD + "\n".join(lines) + "\n"


def main(arguments: Sequence[str]) -> int:
    """Writes the files, or says which are out of date."""
    wanted = {**{FOLDER / name: text for name, text in fragments().items()}, ROOT / "docs/domain_table.rst": table_page()}
    stale = [path for path, text in wanted.items() if not path.is_file() or path.read_text() != text]
    if "--check" in arguments:
        for path in stale:
            print("out of date: %s (run tests/tools/generate_docs.py)" % path.relative_to(ROOT))
        return 1 if stale else 0
    for path in stale:
        path.write_text(wanted[path])
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
