# Copyright: (c) 2026, flotilla.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""`wait_for: cloud_init` of real Debian guests that no agent answers in: by the serial console, and by SSH.

Real Ansible runs the module where the guests' network is, in the namespaces of a libvirtd of these tests' own.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from laws.ansible_run import Ansible, Said, Syslog
from support import guest_image
from support.libvirtd import PrivateLibvirtd

pytestmark = [pytest.mark.system, pytest.mark.slow]

LONG = 1500  # seconds: for a machine much slower than ours
USERS = [{"name": "ops", "ssh_keys": ["ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOMqqnkVzrm0SdG6UOoqKLsabgH5C9okWi0dh2l9GKJl"]}]


class Site:
    """A host with a network and a pool, on which guests are declared through Ansible."""

    def __init__(self, ansible: Ansible, folder: Path, images: dict[str, str]) -> None:
        self.ansible, self.folder, self.images = ansible, folder, images

    def prepare(self) -> None:
        """The network and the pool."""
        self.must("network", name="lan", subnet="10.231.9.0/24", mode="isolated", bridge="fvs-wait",
                  dhcp={"start": "10.231.9.50", "end": "10.231.9.99"})
        self.must("pool", name="fast", path=str(self.folder))

    def must(self, module: str, **arguments: Any) -> Said:
        """A run that must succeed."""
        said = self.ansible.module(module, arguments)
        assert not said.result["failed"], said.result["msg"]
        return said

    def guest(self, name: str, timeout: int, **more: Any) -> dict[str, Any]:
        """One run of a guest that is waited for."""
        return self.ansible.module("domain", {
            "name": name, "fleet": "shop", "virtualization": "qemu", "cpus": 2, "memory": "768MiB",
            "images": [{"name": "debian-12", "disk": {"path": self.images["disk"]}}],
            "disks": [{"name": "root", "pool": "fast", "size": "8GiB", "image": "debian-12"}], "nics": ["lan"],
            "cloud_init": {"users": USERS}, "wait_for": {"what": "cloud_init", "timeout": timeout}, **more}).result

    def remove(self, name: str) -> None:
        """The guest and its disk."""
        self.must("domain", name=name, fleet="shop", state="absent", remove_storage=True, force_stop=True, stop_timeout=0)


@pytest.fixture(scope="module", name="site")
def _site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    folder = Path(tempfile.mkdtemp(prefix="fvs-wait-"))
    folder.chmod(0o755)  # QEMU runs as a user of its own
    try:
        with PrivateLibvirtd() as daemon:
            ansible = Ansible(tmp_path_factory.mktemp("play"), Syslog(), daemon.enter, timeout=2 * LONG)
            site = Site(ansible, folder, guest_image.images(tmp_path_factory.mktemp("role")))
            site.prepare()
            yield site
    finally:
        shutil.rmtree(folder)


def test_a_wait_that_timed_out_fails_again_and_then_finds_the_end_on_the_console(site: Site) -> None:
    """This guest has no channel for an agent."""
    first = site.guest("quiet", 1, agent=False)
    assert first["failed"] and first["changed"] and "has not reached wait_for: cloud_init within 1 s" in first["msg"]
    second = site.guest("quiet", 1, agent=False)
    assert second["failed"] and not second["changed"] and second["plan"] == [], second["msg"]
    assert "has not reached wait_for: cloud_init within 1 s" in second["msg"]
    third = site.guest("quiet", LONG, agent=False)
    assert not third["failed"] and not third["changed"], third["msg"]
    assert third["status"]["ready"] == {"what": "cloud_init", "by": "console"}
    fourth = site.guest("quiet", 1, agent=False)
    assert not fourth["failed"] and not fourth["changed"] and "ready" not in fourth["status"], "it was reached, and is not waited for again"
    site.remove("quiet")


def test_without_agent_and_console_an_ssh_server_is_found_and_no_more_is_claimed(site: Site) -> None:
    """This guest has the channel, and its agent is masked; cloud-init has something to do for long after sshd is up."""
    cmdline = site.images["cmdline"] + " systemd.mask=qemu-guest-agent.service"
    result = site.guest("mute", LONG, console=False, os={"kernel": site.images["kernel"], "initrd": site.images["initrd"], "cmdline": cmdline},
                        cloud_init={"users": USERS, "run_commands": ["sleep 100000"]})
    assert not result["failed"], result["msg"]
    ready = result["status"]["ready"]
    assert (ready["what"], ready["by"]) == ("cloud_init", "ssh") and ready["address"].startswith("10.231.9.")
    assert "may still be at work" in ready["proves"]
    site.remove("mute")
