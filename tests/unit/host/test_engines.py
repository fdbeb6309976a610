# Copyright: (c) 2026, flotilla.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import pathlib
import typing as t

import pytest

from ansible_collections.flotilla.virt.plugins.module_utils._host import commands, engines
from ansible_collections.flotilla.virt.tests.unit.host import trees


def facts(**changes: t.Any) -> t.Dict[str, t.Any]:
    """Return what the other probes find on a host where everything is right, with changes."""
    found: t.Dict[str, t.Any] = {
        "cpu": {"architecture": "x86_64"},
        "kvm": {"usable": True, "reason": None},
        "cgroups": {"layout": "v2"},
        "libvirt": {"answers": True, "reason": None},
    }
    found.update(changes)
    return found


def test_nothing_installed(tmp_path: pathlib.Path) -> None:
    silent = {"answers": False, "reason": "libvirt is not installed (no libvirtd and no virtqemud)"}
    found = engines.probe(str(tmp_path), facts(libvirt=silent))
    assert list(found) == ["kvm", "lxc", "podman", "openvz", "virtuozzo"]
    for engine in found.values():
        assert (engine["present"], engine["version"], engine["usable"]) == (False, None, False)
        assert "not installed" in engine["reason"]
    assert found["kvm"]["emulation"] is False


def test_kvm(tmp_path: pathlib.Path) -> None:
    trees.command(tmp_path, "/usr/bin/qemu-system-x86_64", "echo 'QEMU emulator version 7.2.22 (Debian 1:7.2+dfsg-7+deb12u18)'")
    found = engines.kvm(str(tmp_path), facts(), commands.run)
    assert found == {"present": True, "version": "7.2.22", "usable": True, "reason": None, "emulation": True}


def test_kvm_of_the_rhel_family(tmp_path: pathlib.Path) -> None:
    trees.command(tmp_path, "/usr/libexec/qemu-kvm", "echo 'QEMU emulator version 8.2.0 (qemu-kvm-8.2.0-11.el9)'")
    assert engines.kvm(str(tmp_path), facts(), commands.run)["version"] == "8.2.0"


def test_qemu_of_another_architecture_does_not_count(tmp_path: pathlib.Path) -> None:
    trees.command(tmp_path, "/usr/bin/qemu-system-aarch64", "echo 'QEMU emulator version 7.2.22'")
    found = engines.kvm(str(tmp_path), facts(), commands.run)
    assert (found["present"], found["reason"]) == (False, "QEMU for x86_64 is not installed")


def test_kvm_unusable_still_emulates(tmp_path: pathlib.Path) -> None:
    trees.command(tmp_path, "/usr/bin/qemu-system-x86_64", "echo 'QEMU emulator version 7.2.22'")
    found = engines.kvm(str(tmp_path), facts(kvm={"usable": False, "reason": "no flag"}), commands.run)
    assert (found["usable"], found["emulation"], found["reason"]) == (False, True, "no flag")


def test_libvirt_silent(tmp_path: pathlib.Path) -> None:
    trees.command(tmp_path, "/usr/bin/qemu-system-x86_64", "echo 'QEMU emulator version 7.2.22'")
    silent = {"answers": False, "reason": "libvirt does not answer"}
    found = engines.kvm(str(tmp_path), facts(libvirt=silent), commands.run)
    assert (found["usable"], found["emulation"], found["reason"]) == (False, False, "libvirt does not answer")


def test_lxc(tmp_path: pathlib.Path) -> None:
    trees.command(tmp_path, "/usr/bin/lxc-start", "echo 5.0.2")
    root = trees.lay_out(tmp_path, trees.NAMESPACES)
    assert engines.lxc(root, facts(), commands.run) == {"present": True, "version": "5.0.2", "usable": True, "reason": None}
    bare = engines.lxc(root, facts(cgroups={"layout": "none"}), commands.run)
    assert (bare["usable"], bare["reason"]) == (False, "no control groups are mounted")


def test_lxc_without_namespaces(tmp_path: pathlib.Path) -> None:
    trees.command(tmp_path, "/usr/bin/lxc-start", "echo 5.0.2")
    root = trees.lay_out(tmp_path, {"/proc/self/ns/mnt": "", "/proc/self/ns/uts": ""})
    found = engines.lxc(root, facts(), commands.run)
    assert (found["usable"], found["reason"]) == (False, "the kernel has no ipc, net, pid namespaces")


def test_podman(tmp_path: pathlib.Path) -> None:
    trees.command(tmp_path, "/usr/bin/podman", "echo 'podman version 4.3.1'")
    found = engines.podman(trees.lay_out(tmp_path, trees.NAMESPACES), facts(), commands.run)
    assert (found["version"], found["usable"]) == ("4.3.1", True)


def test_a_podman_that_is_too_old(tmp_path: pathlib.Path) -> None:
    trees.command(tmp_path, "/usr/bin/podman", "echo 'podman version 3.4.4'")
    found = engines.podman(trees.lay_out(tmp_path, trees.NAMESPACES), facts(), commands.run)
    assert found["usable"] is False and "podman 3.4.4 cannot change a running container" in found["reason"]


@pytest.mark.parametrize(
    ("output", "version"),
    [("vzctl version 4.11.1", "4.11.1"), ("vzctl v.9.0.1", "9.0.1"), ("vzctl version unknown", None)],
)
def test_openvz_dialects(tmp_path: pathlib.Path, output: str, version: str | None) -> None:
    trees.command(tmp_path, "/usr/sbin/vzctl", "echo '%s'" % output)
    root = trees.lay_out(tmp_path, {"/proc/vz/veinfo": "", "/proc/bc/0/resources": ""})
    found = engines.openvz(root, facts(), commands.run)
    assert (found["version"], found["usable"]) == (version, True)


@pytest.mark.parametrize(
    ("tree", "reason"),
    [({}, "no OpenVZ kernel"), ({"/proc/vz/veinfo": ""}, "itself an OpenVZ container")],
)
def test_vzctl_7_without_its_kernel(tmp_path: pathlib.Path, tree: trees.Tree, reason: str) -> None:
    trees.command(tmp_path, "/usr/sbin/vzctl", "echo 'vzctl v.9.0.1'")
    found = engines.openvz(trees.lay_out(tmp_path, tree), facts(), commands.run)
    assert found["usable"] is False
    assert reason in found["reason"]


def test_vzctl_4_works_on_other_kernels_with_their_namespaces(tmp_path: pathlib.Path) -> None:
    trees.command(tmp_path, "/usr/sbin/vzctl", "echo 'vzctl version 4.11.1'")
    found = engines.openvz(trees.lay_out(tmp_path, {}), facts(), commands.run)
    assert found["usable"] is False and "namespaces" in found["reason"]
    found = engines.openvz(trees.lay_out(tmp_path, trees.NAMESPACES), facts(), commands.run)
    assert found["usable"] is True


def test_virtuozzo(tmp_path: pathlib.Path) -> None:
    trees.command(tmp_path, "/usr/bin/prlctl", "echo 'prlctl version 9.0.26'")
    assert "prlsrvctl is not" in engines.virtuozzo(str(tmp_path), facts(), commands.run)["reason"]
    trees.command(tmp_path, "/usr/bin/prlsrvctl", 'test "$*" = "info -j" && echo "{}"')
    found = engines.virtuozzo(str(tmp_path), facts(), commands.run)
    assert found == {"present": True, "version": "9.0.26", "usable": True, "reason": None}


def test_virtuozzo_without_dispatcher(tmp_path: pathlib.Path) -> None:
    trees.command(tmp_path, "/usr/bin/prlctl", "echo 'prlctl version 9.0.26'")
    trees.command(tmp_path, "/usr/bin/prlsrvctl", "echo 'Unable to connect to Virtuozzo.' >&2; exit 253")
    found = engines.virtuozzo(str(tmp_path), facts(), commands.run)
    assert found["usable"] is False
    assert "253: Unable to connect to Virtuozzo." in found["reason"]


def test_a_broken_command_has_no_version(tmp_path: pathlib.Path) -> None:
    trees.command(tmp_path, "/usr/bin/podman", "echo 'error 1.2.3'; exit 1")
    assert commands.version(str(tmp_path / "usr/bin/podman")) is None


def test_a_command_that_cannot_start() -> None:
    assert commands.run(["/nonexistent/podman"])[0] == 127


def test_a_file_that_is_not_executable_is_no_command(tmp_path: pathlib.Path) -> None:
    trees.lay_out(tmp_path, {"/usr/bin/podman": "#!/bin/sh\n"})
    assert commands.find(str(tmp_path), "podman") is None
