# Copyright: (c) 2026, flotilla.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""libvirt is asked once about guests that are alike: a thousand from one declaration would take half a minute otherwise."""

from __future__ import annotations

from typing import Any

from ansible_collections.flotilla.virt.plugins.module_utils._libvirt.domain import build, choices, profiles, trial
from ansible_collections.flotilla.virt.plugins.module_utils._reconcile.annotation import Annotation
from ansible_collections.flotilla.virt.plugins.module_utils._reconcile.merge import merge_specs

PLATFORM = build.Platform("qemu", "x86_64", "q35", choices.LOG_DIRECTORY)


class Asked:
    """A connection that counts questions and objects to nothing."""

    def __init__(self) -> None:
        self.questions: list[str] = []

    def domainXMLToNative(self, _format: str, text: str, _flags: int) -> str:
        self.questions.append(text)
        return ""


def document(name: str, number: int, **more: Any) -> Any:
    """The document of one of many guests, as a run makes it."""
    profile = {part: value for part, value in profiles.profile({}, "x86_64", "q35", hardware=False).items() if part not in choices.EACH}
    want = merge_specs(profile, {
        "memory": {"size": 1 << 30, "maximum": 1 << 30}, "cpus": {"count": 1, "maximum": 1}, "title": "Guest %d" % number,
        "disks": {"root": {"name": "root", "bus": "virtio", "pool": "fast", "volume": "%s-root.qcow2" % name, "format": "qcow2"}},
        "nics": {"lan": {"name": "lan", "network": "lan", "model": "virtio", "mac": "52:54:00:00:00:%02x" % number}}, **more})
    return build.domain(name, "00000000-0000-4000-8000-0000000000%02x" % number, want, PLATFORM, Annotation(fleet="shop", facts={"instance": name}))


def test_guests_that_are_alike_are_asked_about_once() -> None:
    connection = Asked()
    judge = trial.Judge(connection)
    for number in range(5):
        assert judge.objection(document("web-%d" % number, number)) == ""
    assert len(connection.questions) == 1
    judge.objection(document("web-9", 9, panic=["isa"]))
    assert len(connection.questions) == 2
