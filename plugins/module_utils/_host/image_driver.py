# Copyright: (c) 2026, flotilla.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The image driver: which images a host knows by name. One file an image, beside the images; needs no engine."""

from __future__ import annotations

import os
from typing import Any, Dict, List, Mapping, Optional, Sequence

from .._reconcile import grammar
from .._reconcile.annotation import Annotation
from .._reconcile.contract import Request, Work
from .._reconcile.errors import DeclarationError, FlotillaError, Problem, join_path, raise_if_any
from .._reconcile.plan import GONE, Actual, Change, Rule
from .._reconcile.schema import Spec
from . import images

VARIANTS = ("disk", "rootfs")
RECORDS = "records"
_ENDING = ".json"


def source_of(name: str, variant: str, base: str = "") -> Optional[Dict[str, Any]]:
    """The source (for `images.fetch`) of an image that was declared on this host, or None."""
    record = images.read_json(_record_path(base or images.directory(), name))
    source = record.get(variant)
    return dict(source) if isinstance(source, dict) else None


def _record_path(base: str, name: str) -> str:
    return os.path.join(base, RECORDS, name + _ENDING)


class ImageDriver:
    """Images of this machine; `base` is the directory that they are kept below."""

    kind = "image"
    options = grammar.IMAGE
    annotates = True
    host_ready = True

    def __init__(self, base: str = "", check_mode: bool = False) -> None:
        self.base = base or images.directory()
        self.check_mode = check_mode

    def read(self, names: Optional[Sequence[str]] = None) -> Dict[str, Actual]:
        """See `Driver.read`. A variant whose download is no longer in the cache reads as not there."""
        if names is None:
            try:
                listed = sorted(os.listdir(os.path.join(self.base, RECORDS)))
            except FileNotFoundError:
                listed = []
            names = [name[:-len(_ENDING)] for name in listed if name.endswith(_ENDING)]
        found = {name: self._actual(name, images.read_json(_record_path(self.base, name))) for name in names}
        return {name: actual for name, actual in found.items() if actual is not None}

    def _actual(self, name: str, record: Mapping[str, Any]) -> Optional[Actual]:
        if not record:
            return None
        spec: Spec = {"state": "present"}
        status: Dict[str, Any] = {}
        for variant in VARIANTS:
            source = record.get(variant)
            place = self._place(source) if source else None
            if source and (source.get("path") or (place and os.path.isfile(place))):
                spec[variant] = dict(source)
                status[variant] = {"path": place, "present": bool(place and os.path.isfile(place))}
        written = record.get("annotation")
        return Actual(name, stored=spec, status=status, handle=dict(record),
                      annotation=Annotation.from_json(written, "image %s" % name) if written else None)

    def _place(self, source: Mapping[str, Any]) -> Optional[str]:
        """Where the file of a source is, or will be."""
        if source.get("path"):
            return os.path.realpath(str(source["path"]))
        checksum = images.parse_checksum(source.get("checksum"))
        return images.cached_path(str(source["url"]), checksum, os.path.join(self.base, "cache")) if checksum else None

    def rule(self, pattern: str) -> Rule:
        """See `Driver.rule`."""
        return Rule()

    def complete(self, request: Request, actual: Optional[Actual]) -> Spec:
        """See `Driver.complete`."""
        return {**request.declared, "state": "present"}

    def prefetch(self, request: Request) -> None:
        """Downloads what is missing. Takes no turn: others need not wait for it."""
        if request.option("state") not in GONE and not self.check_mode:
            raise_if_any(_contradictions(request))
            self._fetch(request.declared, request.where)

    def check(self, work: Work) -> None:
        """See `Driver.check`: a file that is there must be right; check mode downloads nothing."""
        if work.request.option("state") in GONE:
            return
        raise_if_any(_contradictions(work.request))
        self._fetch(work.want, work.request.where, keep=False)

    def _fetch(self, want: Mapping[str, Any], where: str, keep: bool = True) -> None:
        for variant in VARIANTS:
            if want.get(variant):
                try:
                    images.fetch(want[variant], disk=variant == "disk", base=self.base, keep=keep)
                except images.NotFetched:
                    continue
                except DeclarationError:
                    raise
                except FlotillaError as error:
                    raise DeclarationError.at(join_path(where, variant), error.message, error.remedy) from None

    def create(self, work: Work) -> None:
        """See `Driver.create`: the files first, so that a record never names what is not there."""
        self._store(work)

    def change(self, work: Work) -> None:
        """See `Driver.change`."""
        self._store(work)

    def _store(self, work: Work) -> None:
        with work.step("get image %s" % work.name):
            self._fetch(work.want, work.request.where)
        record: Dict[str, Any] = {variant: dict(work.want[variant]) for variant in VARIANTS if work.want.get(variant)}
        if work.actual is not None:
            applied = work.actual.annotation.applied if work.actual.annotation is not None else {}
            kept = {variant: source for variant, source in work.actual.handle.items()
                    if variant in VARIANTS and variant not in record and variant not in applied}
            record.update(kept)
        record["annotation"] = work.annotation.to_json()
        if work.actual is not None:
            # Before the record that names them is gone: a run that dies here leaves no file that nobody knows.
            self._drop_downloads(work.name, work.actual.handle, record)
        with work.step("note image %s" % work.name):
            self._write(work.name, record)
        if work.actual is not None:
            work.actual.handle = record

    def _write(self, name: str, record: Mapping[str, Any]) -> None:
        try:
            images.write_json(_record_path(self.base, name), record)
        except OSError as error:
            raise FlotillaError("image %s cannot be noted in %s: %s" % (name, self.base, error.strerror),
                                "free space there, or run with become: true") from None

    def _drop_downloads(self, name: str, old: Mapping[str, Any], new: Mapping[str, Any]) -> None:
        """Removes downloads that no image names once `new` stands; a file that was declared by path is never ours."""
        used = {self._place(source) for source in self._sources_of_others(name)}
        used |= {self._place(new[variant]) for variant in VARIANTS if new.get(variant)}
        for variant in VARIANTS:
            source = old.get(variant)
            place = self._place(source) if source and not source.get("path") else None
            if place and place not in used and os.path.exists(place):
                os.unlink(place)

    def _sources_of_others(self, name: str) -> List[Mapping[str, Any]]:
        return [actual.handle[variant] for other, actual in self.read().items() for variant in VARIANTS
                if other != name and actual.handle.get(variant)]

    def remove(self, work: Work) -> None:
        """See `Driver.remove`: forgets the image, and its downloads."""
        actual = work.existing
        with work.step("forget image %s" % work.name):
            self._drop_downloads(work.name, actual.handle, {})
            os.unlink(_record_path(self.base, work.name))

    def annotate(self, actual: Actual, annotation: Optional[Annotation]) -> None:
        """See `Driver.annotate`: in the image's file."""
        record = dict(actual.handle, annotation=annotation.to_json() if annotation is not None else None)
        self._write(actual.name, record)
        actual.handle = record

    def nudge(self, actual: Actual, changes: Sequence[Change]) -> None:
        """Nothing about an image needs a guest to comply."""

    def wait(self, request: Request, actual: Actual) -> Dict[str, Any]:
        """An image is ready when it is there."""
        return {"by": "state"}


def _contradictions(request: Request) -> List[Problem]:
    where, declared = request.where, request.declared
    found: List[Problem] = []
    if not any(declared.get(variant) for variant in VARIANTS):
        found.append(Problem(join_path(where, "disk"), "or rootfs is required", "declare where the image comes from"))
    for variant in VARIANTS:
        source = declared.get(variant)
        if source is None:
            continue
        place = join_path(where, variant)
        if source.get("url") and source.get("path"):
            found.append(Problem(place, "has both url and path", "declare one of them"))
        elif not source.get("url") and not source.get("path"):
            found.append(Problem(place, "has neither url nor path", "declare one of them"))
        if source.get("url") and not source.get("checksum"):
            found.append(Problem(join_path(place, "checksum"), "is required with url", 'such as "sha256:9f86..."'))
        try:
            images.parse_checksum(source.get("checksum"))
        except FlotillaError as error:
            found.append(Problem(join_path(place, "checksum"), error.message, error.remedy))
    return found
