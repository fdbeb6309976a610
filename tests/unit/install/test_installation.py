# Copyright: (c) 2026, flotilla.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What an installer is given: documents and media, read back by code that is not ours where there is some. No Windows was installed."""

from __future__ import annotations

import hashlib
import json
import subprocess
import xml.etree.ElementTree as ET
from pathlib import Path
from typing import Any, Iterator

import pytest
from ansible_collections.flotilla.virt.plugins.module_utils._host import isofiles, trees
from ansible_collections.flotilla.virt.plugins.module_utils._libvirt import xmltree
from ansible_collections.flotilla.virt.plugins.module_utils._libvirt.domain import agent, build, installing
from ansible_collections.flotilla.virt.plugins.module_utils._libvirt.seed import build_iso
from ansible_collections.flotilla.virt.plugins.module_utils._reconcile import cloudinit, grammar, installation
from ansible_collections.flotilla.virt.plugins.module_utils._reconcile.errors import FlotillaError, Problem
from ansible_collections.flotilla.virt.plugins.module_utils._reconcile.secrets import Secret

NS = "{urn:schemas-microsoft-com:unattend}"
UNATTEND = """<?xml version="1.0" encoding="utf-8"?>
<unattend xmlns="urn:schemas-microsoft-com:unattend" xmlns:wcm="http://schemas.microsoft.com/WMIConfig/2002/State">
 <settings pass="windowsPE"><component name="Microsoft-Windows-Setup" processorArchitecture="amd64">
  <DiskConfiguration><Disk wcm:action="add"/></DiskConfiguration>%s</component></settings>
</unattend>"""
KEY = "AAAAA-BBBBB-CCCCC-DDDDD-EEEEE"
DISK = {"name": "root", "pool": "fast", "size": "10GiB"}


def declared(install: Any, **more: Any) -> dict[str, Any]:
    problems: list[Problem] = []
    spec = grammar.parse_guest({"memory": "1GiB", "disks": [DISK], "install": install, **more}, "kvm", "", problems)
    assert problems == []
    return spec


def wrong(install: Any, family: str = "linux", **more: Any) -> dict[str, str]:
    return {problem.path: problem.problem for problem in installation.problems(declared(install, **more), family, "guests[3]")}


def answer(kind: str, text: str = "x") -> dict[str, Any]:
    return {"kind": kind, "text": text}


# -- answer files ----------------------------------------------------------------------------------------------------------

def test_the_product_key_stands_where_windows_reads_it() -> None:
    for inside in ("", "<UserData><AcceptEula>true</AcceptEula></UserData>", "<UserData><ProductKey><Key>old</Key></ProductKey></UserData>"):
        made = installation.unattended(UNATTEND % inside, Secret(KEY))
        root = ET.fromstring(made)
        assert [node.text for node in root.iter(NS + "Key")] == [KEY]
        assert root.find("%ssettings/%scomponent/%sUserData/%sProductKey/%sKey" % ((NS,) * 5)) is not None
        assert b'<unattend xmlns="urn:schemas-microsoft-com:unattend"' in made and b'wcm:action="add"' in made


def test_without_a_key_the_file_is_as_it_was_written() -> None:
    assert installation.unattended(UNATTEND % "", None) == (UNATTEND % "").encode()


@pytest.mark.parametrize("text,words", [
    ("<unattend", "not well-formed"), ("<other/>", "its root must be unattend"),
    ("<unattend xmlns='urn:schemas-microsoft-com:unattend'/>", "no component Microsoft-Windows-Setup")])
def test_an_answer_file_that_windows_would_not_read_is_an_error_that_does_not_show_it(text: str, words: str) -> None:
    found = wrong({"iso": "/w.iso", "answer": answer("unattend", text + "<!-- planted -->"), "product_key": KEY}, "windows")
    assert words in found["guests[3].install.answer.text"] and "planted" not in str(found) and KEY not in str(found)


def test_each_kind_stands_under_the_name_and_label_that_its_installer_looks_for() -> None:
    def disc(kind: str, text: str) -> Any:
        return installation.disc(declared({"iso": "/x.iso", "answer": answer(kind, text)})["install"], "iid")

    assert disc("kickstart", "text") == installation.Disc("OEMDRV", {"ks.cfg": b"text"})
    assert disc("autoinstall", "#cloud-config\n") == installation.Disc(
        "CIDATA", {"user-data": b"#cloud-config\n", "meta-data": b"instance-id: iid\n"})
    windows = disc("unattend", UNATTEND % "")
    assert (list(windows.files), windows.joliet) == (["Autounattend.xml"], True)
    assert disc("preseed", "text") is None
    assert installation.overlay(declared({"iso": "/x.iso", "answer": answer("preseed", "text")})["install"]) == {"preseed.cfg": b"text"}


def test_windows_sees_the_real_names_and_linux_too(tmp_path: Path) -> None:
    image = tmp_path / "answer.iso"
    image.write_bytes(build_iso({"Autounattend.xml": b"<a/>", "user-data": b"{}" * 5000}, "UNATTEND", joliet=True))
    for reader, names in (("-J", "/Autounattend.xml;1\n/user-data;1\n"), ("-R", "/Autounattend.xml\n/user-data\n")):
        assert subprocess.run(["isoinfo", reader, "-f", "-i", str(image)], check=True, capture_output=True, text=True).stdout == names
    shown = subprocess.run(["isoinfo", "-J", "-x", "/user-data;1", "-i", str(image)], check=True, capture_output=True).stdout
    assert shown == b"{}" * 5000
    assert "Volume id: UNATTEND" in subprocess.run(["isoinfo", "-d", "-i", str(image)], check=True, capture_output=True, text=True).stdout


def unpacked(data: bytes) -> Iterator[tuple[str, int, bytes]]:
    """The files of an archive as the kernel reads it (Documentation/driver-api/early-userspace/buffer-format)."""
    while True:
        assert data[:6] == b"070701"
        fields = [int(data[6 + 8 * number:14 + 8 * number], 16) for number in range(13)]
        name = data[110:110 + fields[11] - 1].decode()
        start = -(-(110 + fields[11]) // 4) * 4
        if name == "TRAILER!!!":
            return
        yield name, fields[1], data[start:start + fields[6]]
        data = data[-(-(start + fields[6]) // 4) * 4:]


def test_the_overlay_is_an_archive_for_root_alone_behind_the_ram_disk() -> None:
    for size in range(5):
        made = installation.with_overlay(b"g" * size, {"preseed.cfg": b"d-i x\n"})
        assert made[:size] == b"g" * size and not made[size:-(-size // 4) * 4].strip(b"\0")
        assert list(unpacked(made[-(-size // 4) * 4:])) == [("preseed.cfg", 0o100600, b"d-i x\n")]
    assert installation.with_overlay(b"abc", {}) == b"abc"


def test_what_the_kernel_is_told() -> None:
    def line(install: Any) -> str:
        return installation.command_line(declared(install)["install"])

    assert line({"kernel": "/k", "initrd": "/i", "answer": answer("preseed"), "cmdline": "console=ttyS0"}) == "priority=critical console=ttyS0"
    assert line({"tree": "http://m/f", "answer": answer("kickstart")}) == "inst.ks=hd:LABEL=OEMDRV:/ks.cfg inst.repo=http://m/f"
    assert line({"iso": "/u.iso", "answer": answer("autoinstall")}) == "autoinstall"
    assert line({"kernel": "/k", "initrd": "/i"}) == ""


# -- what does not fit together ------------------------------------------------------------------------------------------

@pytest.mark.parametrize("install,more,path", [
    ({}, {}, "install"), ({"kernel": "/k"}, {}, "install.kernel"), ({"kernel": "/k", "initrd": "/i", "tree": "http://m"}, {}, "install.tree"),
    ({"tree": "m/f"}, {}, "install.tree"), ({"iso": "/i", "cmdline": "x"}, {}, "install.cmdline"),
    ({"iso": {"file": "/i", "url": "http://i"}}, {}, "install.iso"), ({"iso": {}}, {}, "install.iso"),
    ({"iso": "/i", "drivers": {"pool": "fast"}}, {}, "install.drivers"),
    ({"iso": {"url": "http://i"}, "answer": answer("preseed")}, {}, "install.iso.url"),
    ({"iso": "/i", "answer": answer("unattend", UNATTEND % "")}, {}, "install.answer.kind"),
    ({"iso": "/i", "product_key": KEY}, {}, "install.product_key"),
    ({"iso": "/i", "answer": answer("kickstart"), "product_key": KEY}, {}, "install.product_key"),
    ({"iso": "/i", "answer": {"kind": "kickstart", "text": {"keep": True}}}, {}, "install.answer.text"),
    ({"iso": "/i", "answer": answer("autoinstall")}, {"cloud_init": {"hostname": "x"}}, "cloud_init"),
    ({"iso": "/i"}, {"agent": False}, "agent"), ({"iso": "/i"}, {"os": {"kernel": "/k"}}, "os.kernel"), ({"iso": "/i"}, {"disks": []}, "disks"),
    ({"iso": "/i"}, {"disks": [dict(DISK, image="debian-12")]}, "disks"),
])
def test_each_contradiction_is_named_with_its_path(install: Any, more: Any, path: str) -> None:
    assert list(wrong(install, **more)) == ["guests[3]." + path]


def test_what_fits_is_no_problem() -> None:
    for install, family in (({"iso": "/i"}, "linux"), ({"iso": "/i"}, "windows"), ({"iso": "/d.iso", "answer": answer("preseed")}, "linux"),
                            ({"tree": "https://m/f", "answer": answer("kickstart")}, "linux"),
                            ({"iso": {"url": "http://w.iso"}, "drivers": {"pool": "isos", "volume": "virtio-win.iso"},
                              "answer": answer("unattend", UNATTEND % ""), "product_key": KEY}, "windows")):
        assert wrong(install, family) == {}


# -- media and trees ------------------------------------------------------------------------------------------------------

@pytest.mark.parametrize("extensions", [[], ["-R"], ["-J"], ["-R", "-J"]])
def test_files_are_read_out_of_media_that_others_made(tmp_path: Path, extensions: list[str]) -> None:
    folder = tmp_path / "cd/install.amd/Some"
    folder.mkdir(parents=True)
    for number in range(60):
        (folder.parent / ("file%d" % number)).write_bytes(b"%d" % number)
    (folder.parent / "vmlinuz").write_bytes(b"kernel" * 1000)
    image = str(tmp_path / "cd.iso")
    subprocess.run(["genisoimage", "-quiet", *extensions, "-o", image, str(tmp_path / "cd")], check=True)
    assert isofiles.read(image, "install.amd/vmlinuz") == b"kernel" * 1000
    assert isofiles.read(image, "install.amd/FILE59") == b"59"
    assert isofiles.read(image, "install.amd/none") is None and isofiles.read(image, "install.amd") is None


def test_what_is_no_medium_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "x").write_bytes(b"x" * 40000)
    for name, words in (("x", "no ISO 9660 image"), ("none", "cannot be read")):
        with pytest.raises(FlotillaError, match=words):
            isofiles.read(str(tmp_path / name), "a")


def web(files: dict[str, bytes]) -> trees.Get:
    def get(url: str) -> bytes:
        if url not in files:
            raise FlotillaError("%s cannot be downloaded" % url)
        return files[url]
    return get


def sha(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def test_a_tree_with_treeinfo() -> None:
    info = "[general]\narch = x86_64\n[images-x86_64]\nkernel = images/pxeboot/vmlinuz\ninitrd = images/pxeboot/initrd.img\n[checksums]\n" \
        "images/pxeboot/vmlinuz = sha256:%s\n" % sha(b"k")
    files = {"http://m/os/.treeinfo": info.encode(), "http://m/os/images/pxeboot/vmlinuz": b"k", "http://m/os/images/pxeboot/initrd.img": b"i"}
    assert trees.fetch("http://m/os/", "x86_64", web(files)) == (b"k", b"i")
    with pytest.raises(FlotillaError, match="no kernel for aarch64"):
        trees.fetch("http://m/os", "aarch64", web(files))
    files["http://m/os/images/pxeboot/vmlinuz"] = b"other"
    with pytest.raises(FlotillaError, match="another checksum"):
        trees.fetch("http://m/os", "x86_64", web(files))


def test_a_tree_of_debian() -> None:
    base = "netboot/debian-installer/amd64/"
    files = {"http://m/images/SHA256SUMS": ("%s  ./%slinux\n%s  ./%sinitrd.gz\n" % (sha(b"k"), base, sha(b"i"), base)).encode(),
             "http://m/images/%slinux" % base: b"k", "http://m/images/%sinitrd.gz" % base: b"i"}
    assert trees.fetch("http://m/images", "x86_64", web(files)) == (b"k", b"i")
    files["http://m/images/%sinitrd.gz" % base] = b"other"
    with pytest.raises(FlotillaError, match="another checksum"):
        trees.fetch("http://m/images", "x86_64", web(files))
    with pytest.raises(FlotillaError, match="no installation tree"):
        trees.fetch("http://m/none", "x86_64", web(files))


# -- documents --------------------------------------------------------------------------------------------------------------

STORED = """<domain><os><type>hvm</type><boot dev='hd'/></os><on_reboot>restart</on_reboot><devices>
<disk type='volume' device='disk'><target dev='sda' bus='sata'/><alias name='ua-disk-root'/></disk>
<disk type='file' device='cdrom'><target dev='sdb' bus='sata'/><alias name='ua-media-tools'/></disk>
<interface type='network'><mac address='52:54:00:00:00:01'/></interface></devices></domain>"""


def test_windows_has_its_medium_its_drivers_and_its_answers_in_this_order() -> None:
    install = declared({"iso": "/w.iso", "drivers": {"url": "https://h/virtio-win.iso"}, "answer": answer("unattend", UNATTEND % "")})["install"]
    fact = installing.plan("ad1", install, "fast", "sata")
    assert KEY not in json.dumps(fact) and installing.volumes(fact) == [("fast", "ad1-install-answer.iso")]
    stored, running = xmltree.parse(STORED), xmltree.parse(STORED)
    installing.boot(running, fact)
    assert [xmltree.get(drive, "alias/@name") for drive in installing.drives(running)] == ["ua-install-iso", "ua-install-drivers", "ua-install-answer"]
    assert [xmltree.get(disk, "target/@dev") for disk in running.iterfind("devices/disk")] == ["sda", "sdb", "sdc", "sdd", "sde"]
    assert [xmltree.get(disk, "boot/@order") for disk in running.iterfind("devices/disk")] == ["1", None, "2", None, None]
    assert xmltree.get(running, "on_reboot") == "restart" and running.find("os/boot") is None
    assert xmltree.tostring(installing.stripped(running, stored, None)) == xmltree.tostring(xmltree.parse(STORED))


def test_a_boot_order_of_devices_is_kept_before_the_medium_and_comes_back() -> None:
    text = STORED.replace("<boot dev='hd'/>", "").replace("<mac", "<boot order='1'/><mac").replace(
        "<alias name='ua-disk-root'/>", "<alias name='ua-disk-root'/><boot order='2'/>")
    running = xmltree.parse(text)
    installing.boot(running, installing.plan("w", declared({"iso": "/w.iso"})["install"], None, "sata"))
    assert xmltree.get(running, "devices/interface/boot/@order") == "1"
    assert [xmltree.get(disk, "boot/@order") for disk in running.iterfind("devices/disk")] == ["2", None, "3"]
    back = installing.stripped(running, xmltree.parse(text), None)
    assert xmltree.get(back, "devices/interface/boot/@order") == "1"
    assert [xmltree.get(disk, "boot/@order") for disk in back.iterfind("devices/disk")] == ["2", None]


class Guest:
    """A domain whose agent says which file systems it has."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, *mountpoints: str) -> None:
        def command(_domain: Any, name: str) -> Any:
            return {} if name == "guest-ping" else [{"mountpoint": place} for place in mountpoints]
        monkeypatch.setattr(agent, "command", command)


@pytest.mark.parametrize("places,over", [(("/", "/boot"), True), (("C:\\", "System Reserved"), True), (("/run/install/repo",), False), (("X:\\",), False)])
def test_the_agent_of_an_installer_does_not_end_the_installation(monkeypatch: pytest.MonkeyPatch, places: Any, over: bool) -> None:
    channel = "<devices><channel><target name='org.qemu.guest_agent.0' state='connected'/></channel></devices>"
    live = xmltree.parse("<domain><os/>%s</domain>" % channel)
    assert installing.is_over(Guest(monkeypatch, *places), live, xmltree.parse("<domain/>")) is over
    by_kernel = xmltree.parse("<domain><os><kernel>/k</kernel></os>%s</domain>" % channel)
    assert not installing.is_over(Guest(monkeypatch, *places), by_kernel, xmltree.parse("<domain/>"))


# -- cloudbase-init -----------------------------------------------------------------------------------------------------------

def test_a_windows_image_gets_keys_in_its_metadata_and_version_1_of_the_network() -> None:
    nics = [{"name": "lan", "mac": "52:54:00:00:00:01", "address": ["10.0.0.2/24", "fd00::2/64"], "gateway": "10.0.0.1", "dns": ["10.0.0.3"]},
            {"name": "back", "mac": "52:54:00:00:00:02"}]
    files = cloudinit.render({"users": [{"name": "ops", "ssh_keys": ["ssh-ed25519 AAAA ops"]}], "ssh_keys": ["ssh-ed25519 BBBB"]},
                             instance_id="iid", hostname="ad1", nics=nics, windows=True)
    assert json.loads(files["meta-data"]) == {"instance-id": "iid", "local-hostname": "ad1", "public-keys": ["ssh-ed25519 BBBB", "ssh-ed25519 AAAA ops"]}
    assert json.loads(files["network-config"]) == {"version": 1, "config": [
        {"type": "physical", "name": "lan", "mac_address": "52:54:00:00:00:01", "subnets": [
            {"type": "static", "address": "10.0.0.2/24", "gateway": "10.0.0.1", "dns_nameservers": ["10.0.0.3"]},
            {"type": "static", "address": "fd00::2/64"}]},
        {"type": "physical", "name": "back", "mac_address": "52:54:00:00:00:02", "subnets": [{"type": "dhcp"}]}]}


def test_windows_finds_its_seed_in_a_cd_drive() -> None:
    root = xmltree.parse(STORED)
    build.set_seed(root, "fast", "ad1-seed-1.iso", "sata")
    seed = root.findall("devices/disk")[-1]
    assert (seed.get("device"), xmltree.get(seed, "target/@bus"), xmltree.get(seed, "target/@dev")) == ("cdrom", "sata", "sdc")
    build.set_seed(root, None, None, "sata")
    assert len(root.findall("devices/disk")) == 2
