# Copyright: (c) 2026, flotilla.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Installing a guest, on a real libvirtd and real QEMU processes. The kernel of these installers does one thing: it resets the machine."""

from __future__ import annotations

import os
import stat
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import libvirt
import pytest
from ansible_collections.flotilla.virt.plugins.module_utils._libvirt import xmltree
from ansible_collections.flotilla.virt.plugins.module_utils._libvirt.domain import installing
from ansible_collections.flotilla.virt.plugins.module_utils._libvirt.seed import build_iso
from laws import laws
from laws.domain_lab import DomainLab
from support import tiny_kernel

from .test_laws import fresh_of, same

pytestmark = pytest.mark.system

ANSWER = "d-i passwd/root-password password planted-password\n"
BASE: dict[str, Any] = {"state": "paused", "virtualization": "qemu", "memory": "64MiB", "disks": [{"name": "root", "pool": "fast", "size": "16MiB"}],
                        "nics": [{"name": "lan", "network": "lan"}]}


@pytest.fixture(scope="module", name="files")
def _files() -> Iterator[Path]:
    """A folder that QEMU may read, with a kernel, a RAM disk and a CD."""
    with tempfile.TemporaryDirectory(prefix="install-") as name:
        folder = Path(name)
        folder.chmod(0o755)
        (folder / "linux").write_bytes(tiny_kernel.kernel())
        (folder / "waits").write_bytes(tiny_kernel.kernel(resets=False))
        (folder / "initrd").write_bytes(b"a RAM disk of an odd length")
        (folder / "cd.iso").write_bytes(build_iso({"readme": b"nothing to boot"}, "CD"))
        (folder / "drivers.iso").write_bytes(build_iso({"readme": b"drivers"}, "DRIVERS"))
        yield folder


def preseeded(files: Path, kernel: str = "linux", **more: Any) -> dict[str, Any]:
    return {**BASE, "install": {"kernel": str(files / kernel), "initrd": str(files / "initrd"), "cmdline": "console=ttyS0",
                                "answer": {"kind": "preseed", "text": ANSWER}}, **more}


def from_cd(files: Path, **more: Any) -> dict[str, Any]:
    return {**BASE, "install": {"iso": str(files / "cd.iso"), "drivers": str(files / "drivers.iso"),
                                "answer": {"kind": "kickstart", "text": "rootpw planted-password\n"}}, **more}


def until(condition: Any, what: str) -> None:
    end = time.monotonic() + 120
    while not condition():
        assert time.monotonic() < end, what
        time.sleep(0.1)


def volume(lab: DomainLab, name: str) -> Path:
    pool = lab.raw.storagePoolLookupByName("fast")
    pool.refresh()
    return Path(pool.storageVolLookupByName(name).path())


def test_only_the_running_document_of_the_first_start_has_the_installer(lab: DomainLab, files: Path) -> None:
    result = laws.converge(lab, "web", preseeded(files))
    stored, live = lab.stored("web"), lab.live("web")
    assert stored.find("os/kernel") is None and xmltree.get(stored, "on_reboot") == "restart"
    assert xmltree.get(live, "os/kernel") == str(files / "linux") and xmltree.get(live, "on_reboot") == "destroy"
    assert xmltree.get(live, "os/cmdline") == "priority=critical console=ttyS0"
    assert laws.pendings(result) == {"install": ("the installer", "the installed system", "the installation is not over")}
    assert result.status["installing"] == "the installer"
    assert lab.raw.lookupByName("web").isPersistent()


def test_the_answer_is_in_the_ram_disk_for_root_alone_and_nowhere_else(lab: DomainLab, files: Path) -> None:
    result = laws.converge(lab, "web", preseeded(files))
    initrd = volume(lab, "web-install-initrd.img")
    data = initrd.read_bytes()
    assert data.startswith(b"a RAM disk of an odd length\0" + b"070701") and b"preseed.cfg\0" in data and ANSWER.encode() in data
    assert stat.S_IMODE(initrd.stat().st_mode) == 0o600
    assert result.spec["install"]["answer"] == {"kind": "preseed", "text": {"keep": True}}
    for text in [*lab.documents().values(), str(result.to_dict())]:
        assert "planted-password" not in text


def test_the_installers_reboot_ends_the_machine_and_the_next_run_boots_the_disk(lab: DomainLab, files: Path) -> None:
    raw = preseeded(files)
    del raw["state"]
    lab.must("web", raw)
    domain = lab.raw.lookupByName("web")
    until(lambda: not domain.isActive(), "the installer's reset does not end the machine")
    result = laws.converge(lab, "web", raw)
    assert laws.entries(result) == {"state": ("stopped", "running", "live")}
    assert lab.live("web").find("os/kernel") is None and xmltree.get(lab.live("web"), "on_reboot") == "restart"
    assert result.status["installing"] == "the installer, or its system for the first time"


def test_an_installer_that_was_powered_off_is_not_begun_again_by_itself(lab: DomainLab, files: Path) -> None:
    raw = preseeded(files)
    del raw["state"]
    raw["install"]["kernel"] = str(files / "waits")
    lab.must("web", raw)
    lab.raw.lookupByName("web").destroy()
    assert laws.converge(lab, "web", raw).plan == []
    assert lab.must("web", dict(raw, state="running")).status["state"] == "running"
    assert lab.live("web").find("os/kernel") is None


def test_a_cd_is_booted_after_the_empty_disk_and_hidden(lab: DomainLab, files: Path) -> None:
    result = laws.converge(lab, "web", from_cd(files))
    live = lab.live("web")
    assert [xmltree.get(drive, "source/@file") or xmltree.get(drive, "source/@volume") for drive in installing.drives(live)] == [
        str(files / "cd.iso"), str(files / "drivers.iso"), "web-install-answer.iso"]
    assert {xmltree.get(disk, "target/@dev"): xmltree.get(disk, "boot/@order") for disk in live.iterfind("devices/disk")} == {
        "vda": "1", "sda": "2", "sdb": None, "sdc": None}
    assert "media" not in result.spec and list(laws.pendings(result)) == ["install"]
    assert installing.drives(lab.stored("web")) == []


def test_media_are_ejected_and_the_empty_drives_are_no_difference(lab: DomainLab, files: Path) -> None:
    lab.must("web", from_cd(files))
    domain = lab.raw.lookupByName("web")
    assert installing.eject(domain, lab.live("web"))
    assert [xmltree.get(drive, "source/@file") or xmltree.get(drive, "source/@volume") for drive in installing.drives(lab.live("web"))] == [
        None, None, None]
    assert not installing.eject(domain, lab.live("web"))
    assert list(laws.pendings(laws.converge(lab, "web", from_cd(files)))) == ["install"]


def test_killed_anywhere_the_next_run_finishes(lab: DomainLab, files: Path) -> None:
    for raw in (preseeded(files), from_cd(files)):
        assert laws.assert_killed_runs_are_finished(fresh_of(lab), "web", raw, same=same) >= 5


def test_what_is_declared_later_is_pending(lab: DomainLab, files: Path) -> None:
    laws.converge(lab, "web", BASE)
    result = laws.converge(lab, "web", preseeded(files))
    assert result.plan == [] and laws.pendings(result)["install.kernel"] == (None, str(files / "linux"), "used at creation only")
    assert laws.pendings(result)["install.answer.text"][1] == "********"
    assert lab.live("web").find("os/kernel") is None


def test_what_is_changed_later_is_pending(lab: DomainLab, files: Path) -> None:
    laws.converge(lab, "web", preseeded(files))
    changed = preseeded(files)
    changed["install"]["cmdline"] = "other"
    assert laws.pendings(laws.converge(lab, "web", changed))["install.cmdline"] == ("console=ttyS0", "other", "used at creation only")


def test_a_stopped_guest_is_installed_at_its_first_start(lab: DomainLab, files: Path) -> None:
    result = laws.converge(lab, "web", preseeded(files, state="stopped"))
    assert result.status["installing"] == "not started" and lab.volumes() == ["fast/web-root.qcow2"]
    laws.converge(lab, "web", preseeded(files))
    assert xmltree.get(lab.live("web"), "os/kernel") == str(files / "linux")


def test_a_disk_that_was_written_to_is_not_installed_over(lab: DomainLab, files: Path) -> None:
    lab.must("web", preseeded(files, state="stopped"))
    disk = volume(lab, "web-root.qcow2")
    with disk.open("r+b") as handle:
        handle.seek(0, os.SEEK_END)
        handle.write(os.urandom(2 << 20))
    lab.must("web", preseeded(files))
    assert lab.live("web").find("os/kernel") is None


def test_removing_the_guest_removes_its_answers_even_if_it_keeps_its_storage(lab: DomainLab, files: Path) -> None:
    lab.must("web", preseeded(files))
    lab.must("web", {"state": "absent", "force_stop": True, "stop_timeout": 0})
    assert lab.volumes() == ["fast/web-root.qcow2"]


def test_while_it_is_installed_it_is_neither_released_nor_restarted(lab: DomainLab, files: Path) -> None:
    lab.must("web", preseeded(files))
    laws.assert_refused(lab, "web", {"state": "released"}, "is being installed")
    laws.assert_refused(lab, "web", preseeded(files, cpus={"count": 1, "maximum": 4}, on_change="restart"), "is being installed")
    assert laws.converge(lab, "web", preseeded(files, on_change="restart")).plan == []


def test_the_wait_boots_the_disk_and_says_when_the_system_does_not_come(lab: DomainLab, files: Path) -> None:
    raw = preseeded(files, wait_for={"what": "agent", "timeout": 20})
    del raw["state"]
    result = lab.apply("web", raw)
    assert result.failed and "is not installed within 20 s" in result.msg
    assert lab.raw.lookupByName("web").isActive() and lab.live("web").find("os/kernel") is None


@pytest.mark.slow
def test_the_agent_of_the_system_ends_the_installation(lab: DomainLab, files: Path, image: Path) -> None:
    """A real Debian stands in for what an installer would have left: on its disk without a boot loader, so that its kernel is booted for good."""
    pool = Path(xmltree.get(xmltree.parse(lab.raw.storagePoolLookupByName("fast").XMLDesc()), "target/path") or "")
    subprocess.run(["qemu-img", "create", "-q", "-f", "qcow2", "-F", "qcow2", "-b", os.path.realpath(f"{image}.qcow2"), str(pool / "system.qcow2")],
                   check=True)
    lab.raw.storagePoolLookupByName("fast").refresh()
    kernel = "<domain><os><kernel>%s</kernel><initrd>%s</initrd><cmdline>root=LABEL=root console=ttyS0 rw</cmdline></os></domain>" % (
        os.path.realpath(f"{image}.vmlinuz"), os.path.realpath(f"{image}.initrd"))
    raw = from_cd(files, memory="512MiB", xml=kernel, disks=[{"name": "root", "pool": "fast", "volume": "system.qcow2", "existing": True}])
    del raw["state"]
    begun = laws.assert_check_is_truthful(lab, "web", raw)
    assert not begun.failed and begun.status["installing"]
    process = lab.raw.lookupByName("web").ID()
    assert "fast/web-install-answer.iso" in lab.volumes()
    waited = {**raw, "wait_for": {"what": "agent", "timeout": 900}}
    result = lab.apply("web", waited)
    assert not result.failed, result.msg
    assert not result.changed and result.status["ready"] == {"by": "agent", "what": "agent"}
    assert lab.volumes() == ["fast/system.qcow2"] and not any(installing.holds(drive) for drive in installing.drives(lab.live("web")))
    again = laws.assert_idempotent(lab, "web", waited)
    assert again.pending == [] and "installing" not in again.status and lab.raw.lookupByName("web").ID() == process
    note = lab.annotation("web")
    assert note is not None and installing.FACT not in note.facts and note.facts[installing.USED]["answer"]["kind"] == "kickstart"


@pytest.mark.parametrize("change,words", [
    ({"install": {"cmdline": "x"}}, ("install", "nothing to boot")),
    ({"agent": False}, ("agent", "must be true")),
    ({"disks": []}, ("disks", "no empty disk")),
    ({"install": {"iso": "/nonexistent/cd.iso"}}, ("install.iso.file", "is not there")),
    ({"install": {"iso": {"pool": "fast", "volume": "none.iso"}}}, ("install.iso.volume", "there is no volume")),
    ({"install": {"iso": {"pool": "fast"}}}, ("install.iso", "needs one place")),
])
def test_bad_declarations_are_refused_before_anything_is_touched(lab: DomainLab, files: Path, change: dict[str, Any], words: tuple[str, ...]) -> None:
    laws.assert_refused(lab, "web", {**preseeded(files), **change}, *words)
    with pytest.raises(libvirt.libvirtError):
        lab.raw.lookupByName("web")
