# Copyright: (c) 2026, flotilla.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Debian's own installer, unattended to the agent: netboot kernel and RAM disk from Debian's package, under emulation.

It takes 15 to 60 minutes, so that it is a gate of its own (`make test GATES=install`) and no part of `make test`. Its result is
kept below ~/.cache/flotilla-virt/install by what it depends on (the installer's version, the answers, the code that installs,
this file): the same is not installed twice, unless FLOTILLA_INSTALL=again says so. Which of the two it was, it prints.
"""

from __future__ import annotations

import gzip
import hashlib
import http.server
import json
import os
import re
import subprocess
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.flotilla.virt.plugins.module_utils._libvirt import xmltree
from ansible_collections.flotilla.virt.plugins.module_utils._libvirt.domain import agent, installing
from laws import laws
from laws.domain_lab import DomainLab
from support.libvirtd import PrivateLibvirtd

ROOT = Path(__file__).resolve().parents[2]
CACHE = Path(os.environ.get("XDG_CACHE_HOME", "~/.cache")).expanduser() / "flotilla-virt/install"
PACKAGE = "debian-installer-12-netboot-amd64"
INSIDE = "usr/lib/debian-installer/images/12/amd64/text/debian-installer/amd64"
CODE = ("_reconcile/installation.py", "_reconcile/kvm/install.py", "_libvirt/domain/installing.py", "_libvirt/domain/installer.py")
PARTS = ("apt-mirror-setup", "apt-setup-udeb", "bootstrap-base", "clock-setup", "finish-install", "grub-installer", "partman-ext3",
         "partman-target", "user-setup-udeb")
PASSWORD = "planted-password"
PRESEED = """\
d-i debian-installer/locale string en_US.UTF-8
d-i keyboard-configuration/xkb-keymap select us
d-i netcfg/choose_interface select auto
d-i netcfg/disable_autoconfig boolean false
d-i netcfg/get_hostname string installed
d-i netcfg/get_domain string lab
d-i hw-detect/load_firmware boolean false
d-i mirror/protocol string http
d-i mirror/country string manual
d-i mirror/http/hostname string %(host)s
d-i mirror/http/directory string %(directory)s
d-i mirror/http/proxy string http://10.0.2.2:%(port)d/
d-i mirror/suite string bookworm
d-i passwd/root-login boolean true
d-i passwd/make-user boolean false
d-i passwd/root-password password %(password)s
d-i passwd/root-password-again password %(password)s
d-i clock-setup/utc boolean true
d-i clock-setup/ntp boolean false
d-i time/zone string UTC
d-i partman-auto/disk string /dev/vda
d-i partman-auto/method string regular
d-i partman-auto/expert_recipe string root :: 1000 10000 -1 ext4 $primary{ } $bootable{ } method{ format } format{ } \
use_filesystem{ } filesystem{ ext4 } mountpoint{ / } .
d-i partman-auto/choose_recipe select root
d-i partman-basicfilesystems/no_swap boolean false
d-i partman-partitioning/confirm_write_new_label boolean true
d-i partman/choose_partition select finish
d-i partman/confirm boolean true
d-i partman/confirm_nooverwrite boolean true
d-i base-installer/install-recommends boolean false
d-i base-installer/kernel/image string linux-image-cloud-amd64
d-i apt-setup/services-select multiselect
d-i apt-setup/non-free-firmware boolean false
d-i apt-setup/enable-source-repositories boolean false
d-i apt-setup/cdrom/set-first boolean false
d-i pkgsel/run_tasksel boolean false
d-i pkgsel/include string qemu-guest-agent
d-i pkgsel/upgrade select none
d-i pkgsel/update-policy select none
popularity-contest popularity-contest/participate boolean false
d-i grub-installer/only_debian boolean true
d-i grub-installer/bootdev string /dev/vda
d-i finish-install/reboot_in_progress note
"""


class _Proxy(http.server.BaseHTTPRequestHandler):
    """The guest's way to the mirror through this process, which asks again when the mirror fails."""

    def do_GET(self) -> None:
        code, data = self._fetch()
        self.send_response(code)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def _fetch(self) -> tuple[int, bytes]:
        for last in (False, False, True):
            try:
                with urllib.request.urlopen(self.path, timeout=60) as answer:
                    return 200, answer.read()
            except urllib.error.HTTPError as error:
                return error.code, b""
            except OSError:
                if last:
                    break
        return 502, b""

    def log_message(self, format: str, *args: Any) -> None:  # pylint: disable=redefined-builtin
        """The requests would drown what the test says."""


@pytest.fixture(name="proxy")
def _proxy() -> Iterator[int]:
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Proxy)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server.server_address[1]
    server.shutdown()


def mirror() -> tuple[str, str]:
    """Host and directory of the Debian mirror that this machine uses itself."""
    places = [Path("/etc/apt/sources.list"), *Path("/etc/apt/sources.list.d").glob("*")]
    text = "\n".join(place.read_text(encoding="utf-8") for place in places if place.is_file())
    for url in re.findall(r"^(?:URIs:|deb(?: \[.*?\])?) *(http://\S+)", text, re.MULTILINE):
        if re.search(r"/debian/?$", url):
            host, _slash, directory = url[len("http://"):].rstrip("/").partition("/")
            return host, "/" + directory
    raise AssertionError("this machine's APT sources name no Debian mirror by http")


@pytest.fixture(name="netboot", scope="session")
def _netboot() -> Path:
    """Kernel and RAM disk of the installer, from Debian's package; the folder is named by its version."""
    shown = subprocess.run(["apt-cache", "show", "--no-all-versions", PACKAGE], check=True, capture_output=True, text=True).stdout
    version = next(line.split()[1] for line in shown.splitlines() if line.startswith("Version:"))
    place = CACHE / ("netboot-" + version.replace("+", "_"))
    if not (place / INSIDE / "initrd.gz").is_file():
        place.mkdir(parents=True, exist_ok=True)
        subprocess.run(["apt-get", "download", PACKAGE], check=True, cwd=place, capture_output=True)
        subprocess.run(["dpkg-deb", "-x", str(next(place.glob("*.deb"))), str(place)], check=True)
    return place


def lacking(host: str, directory: str) -> list[str]:
    """Parts of the installer that its mirror does not have: without one of these it stops and asks."""
    base = "http://%s%s/" % (host, directory)
    with urllib.request.urlopen(base + "dists/bookworm/main/debian-installer/binary-amd64/Packages.gz", timeout=60) as answer:
        index = gzip.decompress(answer.read()).decode()
    found = []
    for part in PARTS:
        path = re.search(r"^Package: %s\n(?:.+\n)*?Filename: (.+)$" % part, index, re.MULTILINE)
        assert path is not None, part
        try:
            urllib.request.urlopen(urllib.request.Request(base + path[1], method="HEAD"), timeout=60).close()
        except urllib.error.HTTPError:
            found.append(path[1])
    return found


def recipe(netboot: Path) -> str:
    """A digest of all that the result depends on."""
    digest = hashlib.sha256(netboot.name.encode())
    for path in [Path(__file__), *(ROOT / "plugins/module_utils" / name for name in CODE)]:
        digest.update(path.read_bytes())
    return digest.hexdigest()[:24]


def inside(domain: Any, *argv: str) -> str:
    code, output = agent.run(domain, argv)
    assert code == 0, output
    return output


def test_debian_installs_itself_unattended(netboot: Path, proxy: int, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    record = CACHE / (recipe(netboot) + ".json")
    if record.is_file() and os.environ.get("FLOTILLA_INSTALL") != "again":
        with capsys.disabled():
            print("\ninstalled already with the same recipe (FLOTILLA_INSTALL=again installs anew): %s" % record.read_text(encoding="utf-8"))
        return
    absent = lacking(*mirror())
    assert not absent, "this machine's mirror does not have parts of Debian's installer, which can be installed from another one only: %s" % ", ".join(absent)
    with PrivateLibvirtd(share_net=True) as daemon:
        found = install(DomainLab(daemon.uri), daemon.state, netboot / INSIDE, proxy)
    record.write_text(json.dumps(found, sort_keys=True), encoding="utf-8")
    with capsys.disabled():
        print("\ninstalled: %s" % record.read_text(encoding="utf-8"))


def install(lab: DomainLab, place: Path, files: Path, port: int) -> dict[str, Any]:
    """One installation, begun by a run that does not wait and carried on by one that does."""
    (place / "pool").mkdir()
    (place / "pool").chmod(0o755)
    for name in ("linux", "initrd.gz"):
        (place / name).write_bytes((files / name).read_bytes())  # QEMU runs as a user of its own
    lab.raw.storagePoolDefineXML("<pool type='dir'><name>fast</name><target><path>%s</path></target></pool>" % (place / "pool")).create()
    host, directory = mirror()
    answer = PRESEED % {"host": host, "directory": directory, "port": port, "password": PASSWORD}
    raw = {"virtualization": "qemu", "memory": "1536MiB", "cpus": 2, "disks": [{"name": "root", "pool": "fast", "size": "3GiB", "cache": "unsafe"}],
           "nics": [{"name": "lan", "user": True}],
           "install": {"kernel": str(place / "linux"), "initrd": str(place / "initrd.gz"), "cmdline": "console=ttyS0 DEBIAN_FRONTEND=text",
                       "answer": {"kind": "preseed", "text": answer}}}
    started = time.monotonic()
    begun = laws.assert_check_is_truthful(lab, "web", raw)
    assert not begun.failed, begun.msg
    domain = lab.raw.lookupByName("web")
    boot = domain.ID()
    waited = {**raw, "wait_for": {"what": "agent", "timeout": 5400}}
    result = lab.apply("web", waited)
    assert not result.failed, result.msg + console(place)
    assert not result.changed and result.status["ready"] == {"by": "agent", "what": "agent"}
    assert domain.ID() != boot, "the installed system runs in another process than its installer"
    for document in (lab.stored("web"), lab.live("web")):
        assert document.find("os/kernel") is None and xmltree.get(document, "on_reboot") == "restart" and not installing.drives(document)
    assert lab.volumes() == ["fast/web-root.qcow2"]
    for text in [*lab.documents().values(), str(result.to_dict())]:
        assert PASSWORD not in text
    again = laws.assert_idempotent(lab, "web", waited)
    assert again.pending == [] and "installing" not in again.status
    laws.assert_adoption(lab, "web")
    release = inside(domain, "/bin/cat", "/etc/os-release")
    assert "bookworm" in release and "root=UUID=" in inside(domain, "/bin/cat", "/proc/cmdline")
    return {"seconds": round(time.monotonic() - started), "kernel": inside(domain, "/bin/uname", "-r").strip(),
            "system": re.findall(r'PRETTY_NAME="(.*)"', release)[0]}


def console(place: Path) -> str:
    """The end of what the guest said."""
    log = place / "log/qemu/web-serial0.log"
    text = log.read_text(encoding="utf-8", errors="replace") if log.is_file() else ""
    return "\n" + re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", text)[-3000:]
