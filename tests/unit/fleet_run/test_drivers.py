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


class Reads:
    """A driver that counts how often the host is read; it has these guests."""

    def __init__(self, *names: str) -> None:
        self.names = names
        self.count = 0

    def read(self, _names: Any) -> "dict[str, Any]":
        self.count += 1
        return dict.fromkeys(self.names)


def test_the_host_is_read_for_downloads_only_where_one_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    """An unchanged fleet costs one reading of its host, which the run itself makes."""
    cached: "set[str]" = {"https://images.example/new"}
    fetched: "list[str]" = []
    monkeypatch.setattr(drivers.images, "is_cached", lambda source: source["url"] in cached)
    monkeypatch.setattr(drivers.images, "fetch", lambda source, disk: fetched.append("%s %s" % (source["url"], disk)))
    images = [{"name": name, "disk": {"url": "https://images.example/" + name, "checksum": "sha256:" + "0" * 64},
               "rootfs": {"url": "https://images.example/%s.tar" % name, "checksum": "sha256:" + "0" * 64}} for name in ("old", "new")]
    guests = [{"name": "here", "image": "old"}, {"name": "db", "image": "new"}, {"name": "gone", "image": "old", "state": "absent"}]
    pools = [{"name": "fast", "path": "/srv/fast"}]

    def prefetch(*more: Any) -> int:
        declared = [{"disks": [{"name": "root", "pool": "fast", "size": "1GiB"}], **guest} for guest in guests] + list(more)
        kvm: Any = Reads("here")
        drivers.prefetch(parse_fleet({"name": "shop", "images": images, "pools": pools, "guests": declared}), drivers.Drivers(guests={"kvm": kvm}))
        return int(kvm.count)

    cached.add("https://images.example/old")
    assert prefetch() == 0 and fetched == []
    cached.clear()
    assert prefetch() == 1 and fetched == ["https://images.example/new True"]
    del fetched[:]
    assert prefetch({"name": "web", "engine": "lxc", "image": "old", "disks": None}) == 1
    assert fetched == ["https://images.example/new True", "https://images.example/old.tar False"]


def test_a_checksum_that_is_none_is_left_to_the_guest(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(drivers.images, "_download", lambda *_arguments: pytest.fail("nothing is downloaded without a checksum"))
    images = [{"name": "deb", "disk": {"url": "https://images.example/deb", "checksum": "nonsense"}}]
    kvm: Any = Reads()
    drivers.prefetch(parse_fleet({"name": "shop", "images": images, "pools": [{"name": "fast", "path": "/srv/fast"}], "guests": [
        {"name": "db", "disks": [{"name": "root", "pool": "fast", "size": "1GiB", "image": "deb"}]}]}), drivers.Drivers(guests={"kvm": kvm}))


def test_what_hardly_a_run_needs_is_not_imported() -> None:
    """Each module costs every run on every host about 2 ms, so that what one engine or one option needs comes with it."""
    rare = ("_containers.lxc", "_containers.users", "_host.facts", "_host.checks", "_host.engines")
    code = "import sys; import %s._fleet.module; print([name for name in sys.modules if name.startswith(%r)])" % (
        COLLECTION, tuple("%s.%s" % (COLLECTION, name) for name in rare))
    root = str(Path(list(ansible_collections.__path__)[0]).parent)
    done = subprocess.run([sys.executable, "-c", "import sys; sys.path.insert(0, %r); %s" % (root, code)],
                          capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout.strip()) == (0, "[]"), done.stderr
