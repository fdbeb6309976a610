# Copyright: (c) 2026, flotilla.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import errno
import os
import pathlib
import stat

import pytest

from ansible_collections.flotilla.virt.plugins.module_utils._host import kvm

needs_mknod = pytest.mark.skipif(os.geteuid() != 0, reason="making device nodes takes root")


def _node(root: pathlib.Path, major: int, minor: int, mode: int = 0o660) -> str:
    (root / "dev").mkdir()
    path = root / "dev/kvm"
    os.mknod(path, stat.S_IFCHR | mode, os.makedev(major, minor))
    os.chmod(path, mode)
    return str(root)


def test_missing_without_cpu(tmp_path: pathlib.Path) -> None:
    found = kvm.probe(str(tmp_path), "none")
    assert (found["present"], found["usable"], found["mode"]) == (False, False, None)
    assert "no hardware virtualization" in found["reason"]


def test_missing_with_cpu_names_the_module(tmp_path: pathlib.Path) -> None:
    found = kvm.probe(str(tmp_path), "vmx")
    assert "kvm module is not loaded" in found["reason"]


def test_a_regular_file_is_no_device(tmp_path: pathlib.Path) -> None:
    (tmp_path / "dev").mkdir()
    (tmp_path / "dev/kvm").write_text("")
    found = kvm.probe(str(tmp_path), "vmx")
    assert (found["present"], found["usable"]) == (True, False)
    assert found["reason"] == "/dev/kvm is not a character device"


@needs_mknod
def test_another_device_under_the_name(tmp_path: pathlib.Path) -> None:
    # A real open and a real call: /dev/null opens, and does not know the call.
    found = kvm.probe(_node(tmp_path, 1, 3), "vmx")
    assert found["usable"] is False
    assert os.strerror(errno.ENOTTY) in found["reason"]
    assert "mode 0660" in found["reason"]


@needs_mknod
def test_opens_but_the_cpu_has_no_flag(tmp_path: pathlib.Path) -> None:
    found = kvm.probe(_node(tmp_path, 1, 3), "none", ask=lambda path: kvm.API_VERSION)
    assert (found["present"], found["api_version"], found["usable"]) == (True, 12, False)
    assert "the CPU shows no hardware virtualization" in found["reason"]


@needs_mknod
def test_usable(tmp_path: pathlib.Path) -> None:
    found = kvm.probe(_node(tmp_path, 1, 3), "svm", ask=lambda path: kvm.API_VERSION)
    assert (found["usable"], found["reason"], found["api_version"]) == (True, None, 12)


@needs_mknod
def test_unknown_version(tmp_path: pathlib.Path) -> None:
    found = kvm.probe(_node(tmp_path, 1, 3), "svm", ask=lambda path: 11)
    assert found["usable"] is False
    assert "API version 11" in found["reason"]


@needs_mknod
def test_permission_denied_says_who(tmp_path: pathlib.Path) -> None:
    def refuse(path: str) -> int:
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), path)

    found = kvm.probe(_node(tmp_path, 1, 3, 0o600), "svm", ask=refuse)
    assert found["reason"] == "/dev/kvm (owner root, group root, mode 0600) cannot be used by root: Permission denied"


@pytest.mark.skipif(not os.access(kvm.DEVICE, os.R_OK | os.W_OK), reason="this machine has no /dev/kvm to open")
def test_the_real_device_answers() -> None:
    assert kvm.api_version(kvm.DEVICE) == kvm.API_VERSION


@pytest.mark.parametrize(
    ("group", "mode", "shared"),
    [("kvm", "0660", True), ("root", "0660", False), ("kvm", "0600", False), ("kvm", "0640", False), ("root", "0666", True)],
)
def test_shared_with_qemu(group: str, mode: str, shared: bool) -> None:
    assert kvm.shared_with_qemu({"present": True, "group": group, "mode": mode}) is shared


def test_an_absent_node_is_not_shared() -> None:
    assert kvm.shared_with_qemu({"present": False, "group": None, "mode": None}) is False
