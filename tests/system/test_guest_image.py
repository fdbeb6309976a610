# Copyright: (c) 2026, flotilla.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The guest_image role for real: what it builds boots under QEMU and LXC, with a seed of ours, and is built once.

The images are kept where the role keeps them, or below FLOTILLA_IMAGES.
"""

from __future__ import annotations

import base64
import json
import os
import re
import secrets
import shutil
import signal
import socket
import subprocess
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Dict, Iterator, List

import pytest
from ansible_collections.flotilla.virt.plugins.module_utils._libvirt.seed import build_iso
from ansible_collections.flotilla.virt.plugins.module_utils._reconcile.cloudinit import render
from support import guest_image
from support.guest_image import IMAGES, play
from support.until import until

pytestmark = [pytest.mark.system, pytest.mark.slow]

ROOT = Path(__file__).resolve().parents[2]
PROGRAM = ROOT / "roles/guest_image/files/build_image.py"
MAC = "52:54:00:aa:00:01"


@pytest.fixture(scope="module")
def images(tmp_path_factory: pytest.TempPathFactory) -> Dict[str, str]:
    """The default images, built unless they are there."""
    return guest_image.images(tmp_path_factory.mktemp("role"))


# -- a disk image under QEMU -------------------------------------------------------------------------------------------


class Guest:
    """A running QEMU, and its guest agent."""

    def __init__(self, process: subprocess.Popen[bytes], agent: Path, console: Path) -> None:
        self.process, self.agent, self.console = process, agent, console

    def ask(self, command: str, **arguments: Any) -> Any:
        """Send one command to the guest agent; OSError when it does not answer yet.

        Asked to synchronize first (qemu-ga protocol, guest-sync): an answer that came too late for an earlier question is still in the line.
        """
        with socket.socket(socket.AF_UNIX) as link:
            link.settimeout(5)
            link.connect(str(self.agent))
            lines = link.makefile("rwb")
            mark = secrets.randbelow(1 << 31)
            self._send(lines, "guest-sync", {"id": mark})
            while self._line(lines).get("return") != mark:
                pass
            self._send(lines, command, arguments)
            return self._line(lines)["return"]

    @staticmethod
    def _send(lines: Any, command: str, arguments: Dict[str, Any]) -> None:
        lines.write(json.dumps({"execute": command, "arguments": arguments}).encode() + b"\n")
        lines.flush()

    @staticmethod
    def _line(lines: Any) -> Dict[str, Any]:
        line = lines.readline()
        if not line:
            raise OSError("closed")
        answer: Dict[str, Any] = json.loads(line)
        return answer

    def answers(self) -> bool:
        """Whether the guest agent answers."""
        assert self.process.poll() is None, "QEMU ended"
        try:
            return self.ask("guest-ping") is not None
        except (OSError, ValueError, KeyError):
            return False

    def run(self, script: str) -> str:
        """Run a shell script in the guest; what it printed."""
        pid = self.ask("guest-exec", path="/bin/sh", arg=["-c", script], **{"capture-output": True})["pid"]

        def ended() -> Any:
            now = self.ask("guest-exec-status", pid=pid)
            return now if now["exited"] else None

        status = until(ended, script)
        return base64.b64decode(status.get("out-data", "")).decode()


@contextmanager
def boot(images: Dict[str, str], work: Path, seed: bytes, direct: bool) -> Iterator[Guest]:
    """Boot an overlay of the image under emulation, by its own boot loader or directly."""
    overlay, iso, agent, console = work / "disk.qcow2", work / "seed.iso", work / "agent", work / "console"
    subprocess.run(["qemu-img", "create", "-q", "-f", "qcow2", "-F", "qcow2", "-b", os.path.realpath(images["disk"]), str(overlay), "8G"], check=True)
    iso.write_bytes(seed)
    argv: List[str] = [
        "qemu-system-x86_64", "-machine", "q35,accel=tcg,hpet=off", "-m", "768", "-smp", "2", "-display", "none", "-serial", "file:%s" % console,
        "-drive", "file=%s,if=virtio" % overlay, "-drive", "file=%s,if=virtio,format=raw,readonly=on" % iso,
        "-netdev", "user,id=lan", "-device", "virtio-net-pci,netdev=lan,mac=%s" % MAC, "-device", "virtio-serial",
        "-chardev", "socket,path=%s,server=on,wait=off,id=agent" % agent, "-device", "virtserialport,chardev=agent,name=org.qemu.guest_agent.0",
    ]
    if direct:
        argv += ["-kernel", images["kernel"], "-initrd", images["initrd"], "-append", images["cmdline"]]
    with subprocess.Popen(argv) as process:
        try:
            yield Guest(process, agent, console)
        finally:
            process.terminate()


SEED = {
    "users": [{"name": "ops", "ssh_keys": ["ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIFutHXE+9SdJ4cJd5mQqCJo+Z4uY++3b3kbHx2kBKuSH ops"],
               "groups": ["adm"], "sudo": True, "shell": "/bin/bash"}],
    "write_files": [{"path": "/etc/ours", "content": "written\n", "permissions": "0600"}],
    "run_commands": ["echo ours >> /root/ran"], "timezone": "UTC",
    "user_data": "#cloud-config\n# YAML, which only the guest can read\nruncmd:\n  - echo theirs >> /root/ran\ntimezone: Europe/Paris\n",
}
NIC = {"name": "lan", "mac": MAC, "address": "10.0.2.50/24", "gateway": "10.0.2.2", "dns": ["10.0.2.3"]}


@pytest.mark.parametrize("direct", [False, True], ids=["by-its-boot-loader", "direct-kernel-boot"])
def test_the_disk_boots_and_takes_the_seed(images: Dict[str, str], tmp_path: Path, direct: bool) -> None:
    files = render(SEED, instance_id="iid-test", hostname="images-vm", nics=[NIC])
    with boot(images, tmp_path, build_iso(files, "cidata"), direct) as guest:
        until(guest.answers, "the guest agent answers", 900)
        until(lambda: re.search("status: (done|error)", guest.run("cloud-init status")), "cloud-init has finished", 900)
        status = guest.run("cloud-init status --long")
        assert "status: done" in status, status
        assert "DataSourceNoCloud [seed=/dev/vd" in status
        assert guest.run("cat /etc/hostname /root/ran /etc/ours /etc/timezone").split() == ["images-vm", "theirs", "ours", "written", "Europe/Paris"]
        assert "(adm)" in guest.run("id ops")
        assert "ops" in guest.run("cat /home/ops/.ssh/authorized_keys")
        assert guest.run("su ops -c 'sudo -n id -u'").strip() == "0"
        assert "10.0.2.50/24" in guest.run("ip -brief address")
        assert "default via 10.0.2.2" in guest.run("ip route")
        assert "10.0.2.3" in guest.run("resolvectl dns")
        assert int(guest.run("df --output=size -BM / | tail -1").strip().rstrip("M")) > 7000, "the file system has grown"
        assert guest.run("systemctl --failed --no-legend").strip() == ""
        assert ("BOOT_IMAGE=/vmlinuz" in guest.run("cat /proc/cmdline")) is not direct
        until(lambda: "images-vm login:" in guest.console.read_text(errors="replace"), "a login prompt on the serial console")


# -- a root file system under LXC --------------------------------------------------------------------------------------


def attach(name: str, path: Path, *command: str) -> str:
    """Run a command in a container; what it printed."""
    return subprocess.run(["lxc-attach", "-P", str(path), "-n", name, "--", *command], capture_output=True, text=True, check=False).stdout.strip()


def test_the_root_file_system_starts_systemd(images: Dict[str, str], tmp_path: Path) -> None:
    name = "images-%d" % os.getpid()
    rootfs = tmp_path / name / "rootfs"
    rootfs.mkdir(parents=True)
    subprocess.run(["tar", "-xpf", images["rootfs"], "-C", str(rootfs), "--numeric-owner"], check=True)
    assert not list((rootfs / "etc/ssh").glob("ssh_host_*")), "no host key is shared"
    (tmp_path / name / "config").write_text(
        "lxc.include = /usr/share/lxc/config/common.conf\nlxc.rootfs.path = dir:%s\nlxc.uts.name = %s\n"
        "lxc.net.0.type = empty\nlxc.apparmor.profile = unconfined\n" % (rootfs, name))
    subprocess.run(["lxc-start", "-P", str(tmp_path), "-n", name, "-d"], check=True)
    try:
        state = until(lambda: re.fullmatch("running|degraded", attach(name, tmp_path, "systemctl", "is-system-running")),
                      "systemd has started everything")
        assert state.group() == "running", attach(name, tmp_path, "systemctl", "--failed")
        assert attach(name, tmp_path, "cat", "/proc/1/comm") == "systemd"
        assert attach(name, tmp_path, "systemctl", "is-active", "ssh", "systemd-networkd", "systemd-resolved").split() == ["active"] * 3
        assert re.fullmatch("[0-9a-f]{32}", attach(name, tmp_path, "cat", "/etc/machine-id"))
        assert attach(name, tmp_path, "python3", "-c", "print(6 * 7)") == "42"
        assert list((rootfs / "etc/ssh").glob("ssh_host_*_key"))
    finally:
        subprocess.run(["lxc-stop", "-k", "-P", str(tmp_path), "-n", name], check=False)


# -- the role ----------------------------------------------------------------------------------------------------------


def test_a_second_run_changes_nothing(images: Dict[str, str], tmp_path: Path) -> None:
    for options in ((), ("--check",)):
        done = play(tmp_path, *options)
        assert (done["changed"], done["failed"]) == (0, 0), done["said"]
        assert done["result"] == images


def test_check_mode_tells_of_a_new_recipe_and_touches_nothing(images: Dict[str, str], tmp_path: Path) -> None:
    before = sorted((path.name, path.lstat().st_mtime_ns) for path in Path(IMAGES).iterdir())
    done = play(tmp_path, "--check", guest_image_serial="another")
    assert (done["changed"], done["failed"]) == (2, 0), done["said"]
    assert sorted((path.name, path.lstat().st_mtime_ns) for path in Path(IMAGES).iterdir()) == before


def test_a_download_with_a_wrong_checksum_is_not_kept(tmp_path: Path) -> None:
    served = tmp_path / "served.qcow2"
    subprocess.run(["qemu-img", "create", "-q", "-f", "qcow2", str(served), "1G"], check=True)
    kept = tmp_path / "kept"
    variables = {"guest_image_dir": str(kept), "guest_image_name": "got", "guest_image_kinds": ["disk"]}
    wrong = play(tmp_path, **variables, guest_image_disk={"url": served.as_uri(), "checksum": "sha256:" + "0" * 64})
    assert wrong["failed"] == 1 and "checksum" in wrong["said"]
    assert list(kept.iterdir()) == []
    digest = subprocess.run(["sha256sum", str(served)], capture_output=True, text=True, check=True).stdout.split()[0]
    right = {**variables, "guest_image_disk": {"url": served.as_uri(), "checksum": "sha256:" + digest}}
    shutil.rmtree(kept)
    expected = play(tmp_path, "--check", **right)
    assert not kept.exists()
    done = play(tmp_path, **right)
    assert done["changed"] == expected["changed"] > 0, (expected["said"], done["said"])
    assert (kept / "got.qcow2").read_bytes() == served.read_bytes()
    assert play(tmp_path, **right)["changed"] == 0


# -- builds that do not end well ---------------------------------------------------------------------------------------


def recipe(directory: Path, **changes: Any) -> List[str]:
    """The command line that builds a very small root file system."""
    content = {"dir": str(directory), "name": "img", "kind": "rootfs", "source": "", "suite": "bookworm", "sources": [],
               "packages": ["sysvinit-utils"], "slim": True, "size": "", "serial": "", "customize": [], **changes}
    return ["/usr/bin/python3", str(PROGRAM), json.dumps(content)]


@pytest.mark.parametrize("changes", [
    {"sources": ["deb file:///nonexistent bookworm main"]}, {"packages": ["no-such-package-anywhere"]}, {"customize": ["exit 3\n"]},
], ids=["mirror", "package", "script"])
def test_a_failed_build_keeps_nothing_and_says_why(tmp_path: Path, changes: Dict[str, Any]) -> None:
    done = subprocess.run(recipe(tmp_path / "images", **changes), capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "mmdebstrap" in done.stderr and "Traceback" not in done.stderr
    assert [path.name for path in (tmp_path / "images").iterdir()] == [".lock"]


def test_a_killed_build_leaves_no_image_and_the_next_one_finishes(tmp_path: Path) -> None:
    directory = tmp_path / "images"
    with subprocess.Popen(recipe(directory), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        until(lambda: list(directory.glob(".build-*/root/etc")), "the build has begun")
        process.send_signal(signal.SIGKILL)
    assert not list(directory.glob("img*"))
    done = subprocess.run(recipe(directory), capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert len(list(directory.glob("img*"))) == 2
    assert not list(directory.glob(".build-*"))
