# Copyright: (c) 2026, flotilla.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Where a sentence of the laws does not apply to a kind of resource, this is why; should that change, a test says so."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.flotilla.virt.plugins.module_utils._containers.host import LocalHost
from ansible_collections.flotilla.virt.plugins.module_utils._containers.lxc.driver import LxcDriver
from ansible_collections.flotilla.virt.plugins.module_utils._containers.podman.driver import PodmanDriver
from ansible_collections.flotilla.virt.plugins.module_utils._reconcile import grammar, schema
from ansible_collections.flotilla.virt.plugins.module_utils._reconcile.contract import Request
from ansible_collections.flotilla.virt.plugins.module_utils._reconcile.reconcile import Run
from ansible_collections.flotilla.virt.plugins.module_utils._reconcile.secrets import sealer


def kinds_of(options: Sequence[schema.Option]) -> Iterator[str]:
    """The kind of every option, below lists and dictionaries too."""
    for option in options:
        yield option.kind
        yield from kinds_of(option.options)


@pytest.mark.parametrize("options", [grammar.NETWORK, grammar.POOL, grammar.VOLUME, grammar.IMAGE], ids=["network", "pool", "volume", "image"])
def test_only_guests_have_secrets(options: Sequence[schema.Option]) -> None:
    assert not set(kinds_of(options)) & set(schema.SECRETS)
    assert set(kinds_of(grammar.GUEST)) & set(schema.SECRETS)


class WithoutEngines(LocalHost):
    """A host on which neither LXC nor podman is installed, and where nothing may be done."""

    def exists(self, path: str) -> bool:
        return not path.endswith(("/lxc-start", "/podman")) and super().exists(path)

    def run(self, argv: Sequence[str], stdin: Any = None, timeout: Any = None) -> Any:
        raise AssertionError("check mode ran %s" % argv[0])


def test_a_host_without_lxc_is_planned_as_an_empty_one() -> None:
    assert_planned_as_an_empty_one(LxcDriver(WithoutEngines(), images=lambda name: "", check_mode=True), "lxc")


def test_a_host_without_podman_is_planned_as_an_empty_one(tmp_path: Path) -> None:
    driver = PodmanDriver(WithoutEngines(), images=lambda name: "", check_mode=True, directory=str(tmp_path / "none"))
    assert_planned_as_an_empty_one(driver, "podman")


def assert_planned_as_an_empty_one(driver: Any, engine: str) -> None:
    problems: list[Any] = []
    spec = grammar.parse_guest({"image": "tiny", "memory": "64MiB"}, engine, "", problems)
    run = Run(driver, [Request("no-such-container", spec)], sealer(b"k" * 32))
    foreseen = run.report(run.survey()[0], check_mode=True)
    assert not problems and not driver.host_ready and not foreseen.failed, foreseen.msg
    assert foreseen.plan == [{"path": "state", "before": "absent", "after": "running", "impact": "live"}]
