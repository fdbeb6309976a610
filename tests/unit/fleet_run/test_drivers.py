# Copyright: (c) 2026, flotilla.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which drivers a fleet's run has on a host, and what it does without."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import ansible_collections
import pytest
from ansible_collections.flotilla.virt.plugins.module_utils._fleet import drivers
from ansible_collections.flotilla.virt.plugins.module_utils._reconcile.fleet import parse_fleet

URI = "test:///default"
COLLECTION = "ansible_collections.flotilla.virt.plugins.module_utils"


def made(*guests: Any) -> drivers.Drivers:
    return drivers.Host(parse_fleet({"name": "shop", "guests": list(guests)}), URI, True).drivers()


@pytest.fixture(name="commands")
def _commands(monkeypatch: pytest.MonkeyPatch) -> "set[str]":
    """The commands that the host has."""
    present: "set[str]" = set()
    monkeypatch.setattr(drivers.commands, "find", lambda root, name: "/usr/bin/" + name if name in present else None)
    return present


@pytest.mark.usefixtures("commands")
def test_a_host_without_lxc_is_ready_for_a_fleet_that_needs_none() -> None:
    found = made({"name": "db"})
    assert list(found.guests) == ["kvm"] and found.ready


@pytest.mark.usefixtures("commands")
@pytest.mark.parametrize("engine", ["lxc", "auto"])
def test_a_guest_that_may_be_a_container_has_its_driver(engine: str) -> None:
    assert "lxc" in made({"name": "web", "engine": engine}).guests


def test_containers_that_nobody_declares_are_looked_for(commands: "set[str]") -> None:
    commands.add("lxc-start")
    assert "lxc" in made({"name": "db"}).guests


def test_what_hardly_a_run_needs_is_not_imported() -> None:
    """Each module costs every run on every host about 2 ms, so that what one engine or one option needs comes with it."""
    rare = ("_containers.lxc", "_containers.users", "_host.facts", "_host.checks", "_host.engines")
    code = "import sys; import %s._fleet.module; print([name for name in sys.modules if name.startswith(%r)])" % (
        COLLECTION, tuple("%s.%s" % (COLLECTION, name) for name in rare))
    root = str(Path(list(ansible_collections.__path__)[0]).parent)
    done = subprocess.run([sys.executable, "-c", "import sys; sys.path.insert(0, %r); %s" % (root, code)],
                          capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout.strip()) == (0, "[]"), done.stderr
