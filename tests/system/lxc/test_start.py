# Copyright: (c) 2026, flotilla.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What LXC sets when a container starts: id mapping, mounts, devices, capabilities, nesting; stored, pending, in force."""

from __future__ import annotations

import os
import stat
import subprocess
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from laws import laws
from laws.container_lab import settled
from laws.host_wire import WiredHost
from support.tiny_image import make_image

from ansible_collections.flotilla.virt.plugins.module_utils._containers.host import LocalHost, Result

from .conftest import PREFIX, Place
from .test_driver import fresh_of

ONE = {"image": "tiny", "memory": "64MiB"}
FIRST = 3000000


def caps(place: Place) -> int:
    """The capabilities that init can ever have."""
    line = next(line for line in Path(f"/proc/{place.pid()}/status").read_text().splitlines() if line.startswith("CapBnd"))
    return int(line.split()[1], 16)


NET_ADMIN, SYS_TIME, MKNOD = 1 << 12, 1 << 25, 1 << 27


@pytest.fixture
def source(tmp_path: Path) -> Path:
    (tmp_path / "of the host").mkdir()
    (tmp_path / "of the host/file").write_text("from outside")
    tmp_path.chmod(0o755)
    return tmp_path / "of the host"


def test_mounts_devices_capabilities_nesting_and_environment(place: Place, source: Path) -> None:
    more = {**ONE, "environment": {"PLACE": "here and there"}, "nesting": True, "capabilities": {"add": ["SYS_TIME", "NET_ADMIN"], "drop": ["MKNOD"]},
            "mounts": [{"target": "/data", "source": str(source), "readonly": True}, {"target": "/scratch", "type": "tmpfs", "size": "1MiB"},
                       {"target": "/one/file", "source": str(source / "file")}],
            "devices": [{"path": "/dev/loop-control", "inside": "/dev/control", "permissions": "rw"}]}
    place.converge(ONE)
    assert caps(place) & MKNOD and not caps(place) & SYS_TIME
    result = place.converge(more)
    assert {entry["impact"] for entry in result.plan} == {"restart"}
    assert {entry["path"] for entry in result.pending} == {
        "environment", "nesting", "capabilities.add", "capabilities.drop", "mounts[/data]", "mounts[/scratch]", "mounts[/one/file]",
        "devices[/dev/loop-control]"}
    result = place.converge({**more, "on_change": "restart"})
    assert result.pending == []
    assert place.inside("cat", "/data/file") == "from outside" == place.inside("cat", "/one/file")
    assert caps(place) & SYS_TIME and caps(place) & NET_ADMIN and not caps(place) & MKNOD
    mounts = Path(f"/proc/{place.pid()}/mounts").read_text()
    assert " /scratch tmpfs rw" in mounts and "size=1024k" in mounts and " /dev/.lxc/proc proc " in mounts
    assert "PLACE=here and there" in Path(f"/proc/{place.pid()}/environ").read_text().split("\0")
    node = os.stat(f"/proc/{place.pid()}/root/dev/control")
    assert stat.S_ISCHR(node.st_mode) and node.st_rdev == os.stat("/dev/loop-control").st_rdev
    place.converge({**more, "mounts": [{**more["mounts"][0], "readonly": False}, more["mounts"][2]], "on_change": "restart"})
    place.converge({**ONE, "on_change": "restart"})
    assert caps(place) & MKNOD and not caps(place) & SYS_TIME and "lxc.mount.entry" not in place.config() and "devices.allow" not in place.config()


def test_a_device_is_given_to_the_running_container(place: Place) -> None:
    place.converge(ONE)
    init = place.pid()
    with_device = {**ONE, "devices": [{"path": "/dev/loop-control"}]}
    result = place.converge(with_device)
    assert [(entry["path"], entry["impact"]) for entry in result.plan] == [("devices[/dev/loop-control]", "live")] and result.pending == []
    assert place.pid() == init and os.stat(f"/proc/{init}/root/dev/loop-control").st_rdev == os.stat("/dev/loop-control").st_rdev
    result = place.converge(ONE)
    assert [(entry["path"], entry["reason"]) for entry in result.pending] == [
        ("devices[/dev/loop-control]", "a device is taken away when the container starts")]
    place.converge({**with_device, "on_change": "restart"})
    assert place.converge(with_device).pending == []


def test_a_change_killed_anywhere_is_finished(place: Place, source: Path) -> None:
    raw: dict[str, Any] = {**ONE, "nesting": True, "capabilities": {"drop": ["MKNOD"]}, "mounts": [{"target": "/data", "source": str(source)}],
                           "devices": [{"path": "/dev/loop-control"}], "environment": {"A": "b"}, "on_change": "restart"}
    assert laws.assert_killed_runs_are_finished(fresh_of(place), PREFIX + "a", raw, [ONE], settled) > 3


# -- unprivileged -----------------------------------------------------------------------------------------------------


class WithIds(LocalHost):
    """This machine, where root was given ids: shadow's two files are others for whoever is run through it."""

    def __init__(self, folder: Path, text: str) -> None:
        self.files = {f"/etc/{name}": folder / name for name in ("subuid", "subgid")}
        for path in self.files.values():
            path.write_text(text)

    def run(self, argv: Sequence[str], stdin: str | None = None, timeout: float | None = None) -> Result:
        if argv[0] == "lxc-start":
            binds = "".join(f"mount --bind {path} {place} && " for place, path in self.files.items())
            argv = ["unshare", "-m", "--propagation", "slave", "sh", "-c", binds + 'exec "$@"', "sh", *argv]
        return super().run(argv, stdin, timeout)

    def read_file(self, path: str) -> str | None:
        return super().read_file(str(self.files.get(path, path)))


@pytest.fixture
def given(place: Place, tmp_path: Path) -> Iterator[Place]:
    place.host = WiredHost(WithIds(tmp_path, f"somebody:1000000:65536\nroot:{FIRST}:{3 * 65536}\n"), place.wire, place.asks)
    yield place


@pytest.fixture(scope="module")
def rich_image(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An image with what an id mapping must not lose: owners, a program that runs as its owner, a file under two names."""
    plain = make_image(tmp_path_factory.mktemp("rich"), tools=("stat", "id"))
    tree = plain.parent / "tree"
    (tree / "home/user").mkdir()
    os.chown(tree / "home/user", 1000, 1000)
    os.link(tree / "bin/cat", tree / "bin/also-cat")
    (tree / "bin/id").chmod(0o4755)
    os.setxattr(tree / "bin/stat", "security.capability", bytes.fromhex("0100000200200000000000000000000000000000"))
    subprocess.run(["tar", "-c", "--numeric-owner", "--xattrs", "--xattrs-include=*", "-f", str(plain), "-C", str(tree), "."], check=True)
    return plain


def test_a_new_container_is_unprivileged_where_root_has_ids(given: Place, rich_image: Path) -> None:
    given.images["rich"] = str(rich_image)
    raw = {**ONE, "image": "rich", "cloud_init": {"users": [{"name": "ops", "ssh_keys": ["ssh-ed25519 AAAA ops"]}]}, "root_password": "$6$a$b"}
    result = given.converge(raw)
    assert result.spec["id_mapping"] == {"first": FIRST, "size": 65536} and result.spec["privileged"] is False
    assert Path(f"/proc/{given.pid()}/uid_map").read_text().split() == ["0", str(FIRST), "65536"]
    assert os.stat(f"/proc/{given.pid()}").st_uid == FIRST, "its root is an ordinary user of the host"
    root = given.directory() / "rootfs"
    owners = {name: os.lstat(root / name).st_uid - FIRST for name in ("sbin/init", "home/user", "etc/shadow", "home/ops/.ssh/authorized_keys", "bin/cat")}
    assert owners == {"sbin/init": 0, "home/user": 1000, "etc/shadow": 0, "home/ops/.ssh/authorized_keys": 1000, "bin/cat": 0}
    assert os.stat(root / "bin/also-cat").st_uid == FIRST and stat.S_IMODE(os.stat(root / "bin/id").st_mode) == 0o4755
    assert os.getxattr(root / "bin/stat", "security.capability").hex() == "01000003" + "0020000000000000" + "0" * 16 + FIRST.to_bytes(4, "little").hex()
    assert given.inside("id", "-u") == "0" and given.inside("stat", "-c", "%u", "/home/user") == "1000"
    # Live changes reach it as they reach a privileged one.
    result = given.converge({**raw, "memory": "96MiB", "hostname": "mapped", "root_password": "$6$c$d"})
    assert {entry["impact"] for entry in result.plan} == {"live"} and given.inside("uname", "-n") == "mapped"
    assert os.stat(root / "etc/shadow").st_uid == FIRST
    # The next one gets ids of its own; what was chosen is kept; adoption by its own spec changes nothing.
    assert given.converge({**ONE, "state": "stopped"}, name="b").spec["id_mapping"]["first"] == FIRST + 65536
    laws.assert_adoption(given, PREFIX + "a")


def test_privileged_is_said_and_neither_changes_later(given: Place) -> None:
    given.converge({**ONE, "privileged": True})
    assert Path(f"/proc/{given.pid()}/uid_map").read_text().split()[1] == "0" and "idmap" not in given.config()
    laws.assert_refused(given, PREFIX + "a", {**ONE, "id_mapping": FIRST}, "id_mapping.first", "make a new container")
    given.converge(ONE)
    given.converge({**ONE, "id_mapping": {"first": FIRST + 65536}, "capabilities": {"drop": ["MKNOD"]}}, name="b")
    laws.assert_refused(given, PREFIX + "b", {**ONE, "privileged": True}, "privileged")
    given.converge(ONE, name="b")
    assert given.spec(PREFIX + "b")["id_mapping"]["first"] == FIRST + 65536
    laws.assert_refused(given, PREFIX + "c", {**ONE, "id_mapping": {"first": 1000000}}, "root may not use the ids", "root:1000000:65536")


def test_a_device_of_an_unprivileged_container_waits(given: Place) -> None:
    given.converge(ONE)
    result = given.converge({**ONE, "devices": [{"path": "/dev/loop-control"}]})
    assert [(entry["path"], entry["reason"]) for entry in result.pending] == [
        ("devices[/dev/loop-control]", "a device of an unprivileged container is bound in when it starts")]
    given.converge({**ONE, "devices": [{"path": "/dev/loop-control"}], "on_change": "restart"})
    assert os.stat(f"/proc/{given.pid()}/root/dev/loop-control").st_rdev == os.stat("/dev/loop-control").st_rdev


def test_making_an_unprivileged_one_killed_anywhere(given: Place) -> None:
    assert laws.assert_killed_runs_are_finished(fresh_of(given), PREFIX + "a", {**ONE, "state": "stopped"}, [], settled) > 8
