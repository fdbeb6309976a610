# Copyright: (c) 2026, flotilla.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""All probes together, with the checks made of them, and real libvirt through its test driver."""

from __future__ import annotations

import json
import pathlib
import sys
import typing as t

import libvirt
import pytest

from ansible_collections.flotilla.virt.plugins.module_utils._host import checks, facts, libvirtd
from ansible_collections.flotilla.virt.plugins.module_utils._reconcile.errors import EngineError
from ansible_collections.flotilla.virt.tests.unit.host import trees

SILENT = "qemu+unix:///system?socket=/nonexistent/libvirt-sock"


def _machine(root: pathlib.Path, cpuinfo: str, release: str = "6.18.44-fc") -> str:
    return trees.lay_out(
        root,
        {
            "/proc/sys/kernel/osrelease": release + "\n",
            "/proc/cpuinfo": cpuinfo,
            "/proc/meminfo": trees.MEMINFO,
            "/proc/self/mounts": trees.CGROUP_HYBRID,
            "/sys/fs/cgroup/unified/cgroup.controllers": "",
            **trees.NAMESPACES,
        },
    )


@pytest.fixture(autouse=True)
def x86(monkeypatch: pytest.MonkeyPatch) -> None:
    """The recorded machines are x86 whatever the tests run on."""
    monkeypatch.setattr("os.uname", lambda: type("Uname", (), {"machine": "x86_64"}))


def _checks(found: t.Dict[str, t.Any]) -> t.Dict[str, t.Dict[str, t.Any]]:
    return {check["name"]: check for check in found["checks"]}


def test_a_host_with_nothing_installed(tmp_path: pathlib.Path) -> None:
    found = facts.gather(SILENT, _machine(tmp_path, trees.INTEL))
    json.dumps(found)  # a module must be able to return it
    assert found["host_ready"] is False
    assert found["libvirt"]["installed"] is False
    assert found["libvirt"]["reason"] == "libvirt is not installed (no libvirtd and no virtqemud)"
    assert found["capacity"]["pools"] is None
    assert found["service_manager"] == "none"
    checks = _checks(found)
    assert checks["kernel"]["ok"] and checks["cpu_virtualization"]["ok"]
    # What the role puts right must not stop it: the module can be loaded, libvirt installed.
    for name in ("kvm_device", "kvm_device_access", "libvirt"):
        assert (checks[name]["ok"], checks[name]["repaired_by"]) == (False, "kvm_host")
    assert checks["lxc_installed"]["repaired_by"] == "container_host"


def test_a_cpu_without_virtualization_is_nothing_a_role_repairs(tmp_path: pathlib.Path) -> None:
    checks = _checks(facts.gather(SILENT, _machine(tmp_path, trees.AMD_GUEST)))
    for name in ("cpu_virtualization", "kvm_device"):
        assert (checks[name]["ok"], checks[name]["repaired_by"]) == (False, None)
    assert checks["cpu_virtualization"]["found"] == "none (x86_64, AuthenticAMD)"


def test_an_old_kernel(tmp_path: pathlib.Path) -> None:
    check = _checks(facts.gather(SILENT, _machine(tmp_path, trees.INTEL, "2.6.18-419.el5")))["kernel"]
    assert (check["ok"], check["found"]) == (False, "Linux 2.6.18-419.el5")
    assert "2.6.20" in check["remedy"]


def test_each_failed_check_has_a_remedy_and_no_other(tmp_path: pathlib.Path) -> None:
    for check in facts.gather(SILENT, _machine(tmp_path, trees.INTEL))["checks"]:
        assert check["found"]
        assert (check["remedy"] is None) is check["ok"]
        assert check["ok"] is False or check["repaired_by"] is None


def test_what_is_only_for_information(tmp_path: pathlib.Path) -> None:
    found = facts.gather(SILENT, _machine(tmp_path, trees.INTEL))
    assert [check["name"] for check in found["checks"] if not check["needed_for"]] == ["nested", "iommu", "cgroup_limits"]


def test_systemd_as_pid_1(tmp_path: pathlib.Path) -> None:
    (tmp_path / "run/systemd/system").mkdir(parents=True)
    assert facts.gather(SILENT, str(tmp_path))["service_manager"] == "systemd"


def test_a_silent_remote_host_is_an_error() -> None:
    with pytest.raises(EngineError, match="can only be read through its libvirt"):
        facts.gather("qemu+tcp://127.0.0.1:1/system")


@pytest.mark.parametrize(
    ("uri", "remote"),
    [
        ("qemu:///system", False),
        ("qemu+unix:///system?socket=/run/x", False),
        ("test:///default", False),
        ("qemu+ssh://root@kvm1/system", True),
        ("qemu://kvm1/system", True),
    ],
)
def test_is_remote(uri: str, remote: bool) -> None:
    assert libvirtd.is_remote(uri) is remote


def test_version_text() -> None:
    assert libvirtd.version_text(9000000) == "9.0.0"
    assert libvirtd.version_text(10010002) == "10.10.2"


def test_pools_through_libvirt(tmp_path: pathlib.Path) -> None:
    found = facts.gather("test:///default", _machine(tmp_path, trees.INTEL))
    assert found["libvirt"]["answers"] is True and found["libvirt"]["version"]
    assert found["capacity"]["pools"] == [
        {"name": "default-pool", "type": "dir", "active": True, "capacity": "100GiB", "available": "100GiB"}
    ]


def test_an_inactive_pool_has_no_sizes() -> None:
    connection = libvirt.open("test:///default")
    connection.storagePoolDefineXML("<pool type='dir'><name>asleep</name><target><path>/srv/asleep</path></target></pool>", 0)
    try:
        assert libvirtd.pools(connection)[0] == {
            "name": "asleep", "type": "dir", "active": False, "capacity": None, "available": None,
        }
    finally:
        connection.storagePoolLookupByName("asleep").undefine()
        connection.close()


@pytest.mark.parametrize(
    ("distribution", "repaired_by", "remedy"),
    [(True, "kvm_host", "python3-libvirt"), (False, None, "ansible_python_interpreter")],
)
def test_a_python_without_the_binding(distribution: bool, repaired_by: str | None, remedy: str) -> None:
    # Met by hand: the role installed everything for two minutes, and then failed because modules ran in a virtual environment.
    python = {"executable": "/opt/venv/bin/python", "distribution": distribution, "reason": "/opt/venv/bin/python cannot import libvirt"}
    check = checks._binding(python)
    assert (check["ok"], check["repaired_by"]) == (False, repaired_by)
    assert remedy in check["remedy"]


def test_the_binding_of_this_python() -> None:
    found = libvirtd.binding()
    assert found["reason"] is None and found["executable"] == sys.executable


def test_a_missing_controller_informs_and_stops_nobody(tmp_path: pathlib.Path) -> None:
    # Met by hand in a system container whose systemd could not mount the cpu controller: containers ran all the same.
    root = _machine(tmp_path, trees.INTEL)
    trees.lay_out(tmp_path, {"/proc/self/mounts": trees.CGROUP_HYBRID.replace(",cpuacct,cpu 0", ",cpuacct 0")})
    checks = _checks(facts.gather(SILENT, root))
    assert checks["cgroups"]["ok"] is True
    assert (checks["cgroup_limits"]["ok"], checks["cgroup_limits"]["found"]) == (False, "missing: cpu")
    assert checks["cgroup_limits"]["needed_for"] == []
