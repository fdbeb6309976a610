# Copyright: (c) 2026, flotilla.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A root file system's own links never lead a read or a write of ours out of it."""

from __future__ import annotations

import os
import stat

import pytest

from ansible_collections.flotilla.virt.plugins.module_utils._containers import personality, users
from ansible_collections.flotilla.virt.plugins.module_utils._containers.host import LocalHost
from ansible_collections.flotilla.virt.plugins.module_utils._containers.rootfs import RootFs
from ansible_collections.flotilla.virt.plugins.module_utils._reconcile.errors import DeclarationError, EngineError


@pytest.fixture
def outside(tmp_path):
    place = tmp_path / "host"
    place.mkdir()
    (place / "secret").write_text("host's own\n")
    return place


@pytest.fixture
def root(tmp_path) -> RootFs:
    place = tmp_path / "rootfs"
    for name in ("etc", "home", "usr/lib", "bin"):
        (place / name).mkdir(parents=True)
    (place / "etc/passwd").write_text("root:x:0:0:root:/root:/bin/bash\ndaemon:x:1000:1:d:/:/bin/sh\n")
    (place / "etc/group").write_text("root:x:0:\nsudo:x:27:\nshadow:x:42:\n")
    (place / "etc/shadow").write_text("root:*:1:0:99999:7:::\n")
    (place / "bin/bash").write_text("")
    return RootFs(str(place))


@pytest.mark.parametrize("link", ["{outside}", "../../../../../../../../../..{outside}"])
def test_a_directory_link_is_followed_inside_only(root: RootFs, outside, link: str) -> None:
    os.rmdir(root.root + "/home")
    os.symlink(link.format(outside=outside), root.root + "/home")
    assert root.read("/home/secret") is None
    root.write("/home/secret", "container's\n")
    assert (outside / "secret").read_text() == "host's own\n"
    assert open(root.root + str(outside) + "/secret").read() == "container's\n"


def test_a_file_link_is_replaced_and_not_written_through(root: RootFs, outside) -> None:
    os.symlink(str(outside / "secret"), root.root + "/etc/hostname")
    root.write("/etc/hostname", "web\n")
    assert (outside / "secret").read_text() == "host's own\n"
    assert not os.path.islink(root.root + "/etc/hostname")
    os.symlink(str(outside / "secret"), root.root + "/etc/other")
    assert root.read("/etc/other") is None


def test_dotdot_stops_at_the_root(root: RootFs, outside) -> None:
    assert root.read("/../host/secret") is None
    assert root.read("/etc/../../etc/passwd").startswith("root:")


def test_an_inner_link_works_as_inside(root: RootFs) -> None:
    os.symlink("/usr/lib", root.root + "/lib")
    root.write("/lib/os-release", "ID=x\n")
    assert open(root.root + "/usr/lib/os-release").read() == "ID=x\n"
    os.symlink("../usr/lib/os-release", root.root + "/etc/os-release")
    assert root.read("/etc/os-release") == "ID=x\n"
    assert root.read_link("/etc/os-release") == "../usr/lib/os-release"
    assert root.exists("/etc/os-release") and not root.exists("/etc/nothing")
    assert root.list_dir("/lib") == ["os-release"]


def test_a_loop_of_links_is_an_error_and_no_hang(root: RootFs) -> None:
    os.symlink("b", root.root + "/a")
    os.symlink("a", root.root + "/b")
    with pytest.raises(EngineError, match="symbolic links"):
        root.write("/a/x", "")


def test_a_pipe_does_not_hang_a_read(root: RootFs) -> None:
    os.mkfifo(root.root + "/etc/machine-id")
    assert root.read("/etc/machine-id") is None


def test_users_are_made_once_with_what_they_need(root: RootFs) -> None:
    wanted = [{"name": "ops", "ssh_keys": ["ssh-ed25519 AAAA ops"], "groups": ["sudo", "wheel"],
               "sudo": "ALL=(ALL) NOPASSWD:ALL", "hashed_password": "$6$x$y"}]
    users.apply_users(root, wanted)
    first = {name: open(root.root + "/etc/" + name).read() for name in ("passwd", "group", "shadow", "sudoers.d/90-flotilla-users")}
    assert "ops:x:1001:1001::/home/ops:/bin/bash\n" in first["passwd"], "1000 is taken"
    assert "sudo:x:27:ops\n" in first["group"] and "wheel:x:1002:ops\n" in first["group"]
    assert "ops:$6$x$y:" in first["shadow"]
    assert first["sudoers.d/90-flotilla-users"] == "ops ALL=(ALL) NOPASSWD:ALL\n"
    keys = root.root + "/home/ops/.ssh/authorized_keys"
    assert open(keys).read() == "ssh-ed25519 AAAA ops\n"
    assert stat.S_IMODE(os.stat(keys).st_mode) == 0o600 and os.stat(keys).st_uid == 1001
    assert stat.S_IMODE(os.stat(root.root + "/etc/shadow").st_mode) == 0o640 and os.stat(root.root + "/etc/shadow").st_gid == 42
    users.apply_users(root, wanted)
    assert {name: open(root.root + "/etc/" + name).read() for name in first} == first
    assert open(keys).read() == "ssh-ed25519 AAAA ops\n"


@pytest.mark.parametrize("user,place", [
    ({"name": "Ops:0"}, r"users\[0\]\.name"),
    ({"name": "ops", "shell": "/bin/sh\nroot2:x:0:0::/:/bin/sh"}, r"users\[0\]\.shell"),
    ({"name": "ops", "ssh_keys": ["a\nb"]}, r"users\[0\]\.ssh_keys"),
    ({"name": "ops", "groups": ["a:b"]}, r"users\[0\]\.groups"),
])
def test_what_would_break_an_account_file_is_refused(user, place: str) -> None:
    with pytest.raises(DeclarationError, match=place):
        users.check_users([user], "users")


def test_dns_goes_where_the_image_reads_it(root: RootFs) -> None:
    personality.set_dns(root, ["10.0.0.1"], ["lab"])
    assert root.read("/etc/resolv.conf") == "search lab\nnameserver 10.0.0.1\n"
    root.remove("/etc/resolv.conf")
    os.symlink("../run/systemd/resolve/stub-resolv.conf", root.root + "/etc/resolv.conf")
    personality.set_dns(root, ["10.0.0.1"])
    assert root.read_link("/etc/resolv.conf") == "../run/systemd/resolve/stub-resolv.conf"
    assert "DNS=10.0.0.1" in root.read("/etc/systemd/resolved.conf.d/flotilla.conf")


def test_dhcp_without_any_client_is_an_error(root: RootFs) -> None:
    with pytest.raises(EngineError, match="neither systemd-networkd nor ifupdown"):
        personality.set_network(root, [personality.Interface("eth0", "52:54:00:00:00:01")], [])


def test_a_mount_inside_keeps_a_tree_from_being_removed(tmp_path, monkeypatch) -> None:
    host = LocalHost()
    (tmp_path / "tree" / "data").mkdir(parents=True)
    monkeypatch.setattr(host, "_mounts", lambda: ["/", str(tmp_path / "tree" / "data")])
    with pytest.raises(EngineError, match="is mounted there"):
        host.remove_tree(str(tmp_path / "tree"))
    assert (tmp_path / "tree" / "data").is_dir()


def test_a_write_is_atomic_and_has_its_mode(tmp_path) -> None:
    host, path = LocalHost(), str(tmp_path / "flotilla.json")
    host.write_file(path, "{}", 0o600)
    assert stat.S_IMODE(os.stat(path).st_mode) == 0o600 and os.listdir(tmp_path) == ["flotilla.json"]
    with pytest.raises(EngineError, match="cannot write"):
        host.write_file(str(tmp_path / "no" / "x"), "")
