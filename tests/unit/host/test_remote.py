# Copyright: (c) 2026, flotilla.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A remote URI: real capabilities of libvirt's test driver, answered as if they came from another machine."""

from __future__ import annotations

import libvirt
import pytest

from ansible_collections.flotilla.virt.plugins.module_utils._host import facts, libvirtd, remote


def test_only_what_libvirt_can_tell() -> None:
    connection = libvirt.open("test:///default")
    try:
        uri = "qemu+ssh://kvm1/system"
        found = remote.probe(connection, uri, libvirtd.probe("/", uri, connection, None))
    finally:
        connection.close()
    assert found["kernel"] == {"release": None, "version": None, "supported": None}
    assert found["cpu"]["architecture"] == "i686"
    assert found["cpu"]["hardware_virtualization"] is None
    assert found["kvm"]["usable"] is False
    assert found["kvm"]["reason"] == "libvirt at qemu+ssh://kvm1/system offers no domains of type kvm"
    assert found["engines"]["lxc"]["present"] is None
    assert "remote connection" in found["engines"]["lxc"]["reason"]
    assert found["capacity"]["cpus"] == 16 and found["capacity"]["memory"] == "3GiB"
    assert found["checks"] == [] and found["cgroups"] is None


def test_local_and_remote_have_the_same_shape(tmp_path: pytest.TempPathFactory) -> None:
    connection = libvirt.open("test:///default")
    try:
        uri = "qemu+ssh://kvm1/system"
        far = remote.probe(connection, uri, libvirtd.probe("/", uri, connection, None))
    finally:
        connection.close()
    near = facts.gather("test:///default", str(tmp_path))
    assert sorted(far) == sorted(near)
    for part in ("kernel", "cpu", "kvm", "libvirt", "capacity", "engines"):
        assert sorted(far[part]) == sorted(near[part]), part
