# Copyright: (c) 2026, flotilla.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The stored document of a domain: what a run makes of it, how it is defined, and what is noted of its fragment."""

from __future__ import annotations

from typing import Any, List, Optional, Tuple
from xml.etree.ElementTree import Element

from ..._reconcile import grammar
from ..._reconcile.contract import Work
from ..._reconcile.errors import EngineError
from ..._reconcile.plan import Actual, Change, Comparison, compare
from .. import xmltree
from ..connection import translated
from . import about, build, choices, document, elements, fragment, notes, reader, table
from .host import DomainHost, derived_nvram
from .seeds import Seeds

# Made once: the comparison remembers each list of options that it is given.
_TYPED = tuple(option for option in grammar.GUEST if option.name != "xml")


class Editor:
    """Makes the documents of one host's domains, and defines them."""

    def __init__(self, host: DomainHost, domains: reader.Reader, seeds: Seeds) -> None:
        self._host = host
        self._domains = domains
        self._seeds = seeds

    # -- the document of a run --------------------------------------------------------------------------------------------

    def document(self, work: Work, text: str = "") -> Tuple[Element, bool]:
        """The document that this run defines, and whether that is another than the stored one.

        The same way leads to the document that libvirt tries and to the one that is stored. text: the stored document, where
        it was read again since.
        """
        root, edited = self.typed(work, text)
        edited = self._merge_fragment(root, work) or edited
        edited = self._seeds.put(root, work) or edited
        return root, edited

    def typed(self, work: Work, text: str = "") -> Tuple[Element, bool]:
        """The document but for what the declared fragment and the seed say, and whether it is another than the stored one."""
        if work.actual is None:
            root = build.domain(work.name, about.uuid(work), work.want, self._host.platform(work.request)[0], work.annotation)
            self._own_files(root, work)
            return root, True
        handle: reader.Handle = work.actual.handle
        root = xmltree.parse(text or handle.text)
        taken_out = _take_fragment_out(root, work)
        renamed, live = work.annotation.facts.get("renamed", {}), handle.live()
        edited = taken_out
        for change in work.changes + (_said_by_options(root, work, renamed) if taken_out else []):
            edited = document.edit(root, change, work.want, renamed, live) or edited
        if work.renames and self._keep_nvram(root, live, work.there_as):
            edited = True
        return root, edited

    def _own_files(self, root: Element, work: Work) -> None:
        """A new guest may have the name that another had before: it gets other files than that one."""
        for log in root.iterfind("devices/serial/log"):
            if log.get("file") == build.console_log(work.name, choices.LOG_DIRECTORY):
                log.set("file", self._host.console_log(work))
        if _needs_nvram(root) and not self._host.test:
            xmltree.put(root, "os/nvram", self._host.nvram(work) or None)

    @staticmethod
    def _keep_nvram(root: Element, live: Optional[Element], name: str) -> bool:
        """Before a guest is renamed: libvirt would look for its firmware variables under the new name, and begin with fresh ones.

        Says whether there was anything to do.
        """
        place = xmltree.get(live, "os/nvram") if live is not None else derived_nvram(name)
        if not place or not _needs_nvram(root):
            return False
        xmltree.put(root, "os/nvram", place)
        return True

    @staticmethod
    def _merge_fragment(root: Element, work: Work) -> bool:
        """After all typed options: the fragment is merged over them, and they may have touched what it says."""
        wanted = work.want.get("xml")
        if not wanted or not work.changes:
            return False
        if work.actual is None:
            work.note(facts=fragment.Said(root, None, {}, None).note(wanted))
            xmltree.set_annotation(root, work.annotation.to_json())
        fragment.merge(root, fragment.parse(wanted))
        return about.changes_fragment(work)

    # -- storing it -------------------------------------------------------------------------------------------------------

    def unchanged(self, work: Work) -> str:
        """The stored text, read again right before it is edited; somebody else's change in between is an error."""
        handle: reader.Handle = work.existing.handle
        text = reader.stored_text(handle.domain, work.name)
        before, now = xmltree.parse(handle.text), xmltree.parse(text)
        for root in (before, now):
            # Our own annotation was written between the two readings.
            xmltree.set_annotation(root, None)
        if xmltree.tostring(before) != xmltree.tostring(now):
            raise EngineError("domain %s was changed by somebody else during this run" % work.name, "run again")
        return text

    def store(self, work: Work, text: str) -> Element:
        """Stores what this run makes of the stored document; returns the document that is stored then."""
        root, edited = self.document(work, text)
        if not edited:
            return root
        handle: reader.Handle = work.existing.handle
        with work.step("store the document of %s" % work.name):
            handle.domain = self.define(root)
        self.note_fragment(work, handle.domain)
        return root

    def define(self, root: Element) -> Any:
        """Defines a document and returns libvirt's domain."""
        name = xmltree.get(root, "name") or ""
        with translated("define domain %s" % name):
            defined = self._host.connection.defineXML(xmltree.tostring(root))
        self._domains.note(name, root)
        return defined

    @staticmethod
    def note_fragment(work: Work, domain: Any) -> None:
        """Notes how libvirt wrote what the fragment says: that is what it means by it, and no difference."""
        wanted = work.want.get("xml")
        means = {}
        if wanted:
            means = fragment.Said(reader.stored_text(domain, work.name), wanted, {}, None).understood(wanted)
        work.note(facts={"xml_means": means or None, "xml_last": None})
        if means:
            notes.write(domain, work.name, work.annotation)


def _needs_nvram(root: Element) -> bool:
    """Whether libvirt derives the place of the firmware's variables from the name at each start."""
    by_firmware = xmltree.get(root, "os/@firmware") == "efi" or xmltree.get(root, "os/loader/@type") == "pflash"
    return by_firmware and not xmltree.get(root, "os/nvram") and xmltree.get(root, "os/loader/@stateless") != "yes"


def _said_by_options(root: Element, work: Work, renamed: elements.Names) -> List[Change]:
    """What options declare and the fragment, which is out now, had brought so far: it stays, though nothing of it was to change."""
    spec = document.spec_of(root, lambda _pool, _volume: 0, renamed)
    comparison = Comparison(table.rule, want=work.request.declared, stored=spec)
    compare(_TYPED, work.want, {}, Actual(work.name, stored=spec), comparison)
    planned = {change.path for change in work.changes}
    return [change for change in comparison.changes if change.path not in planned]


def _take_fragment_out(root: Element, work: Work) -> bool:
    """Before anything else is edited: what the last fragment said and the new one does not is as it was before it."""
    said, wanted = work.existing.stored["xml"], work.want.get("xml")
    if not about.changes_fragment(work) or not said.applied:
        return False
    fragment.take_out(root, fragment.parse(said.applied), fragment.parse(wanted) if wanted else None, said.before)
    return True
