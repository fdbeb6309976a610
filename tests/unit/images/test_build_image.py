# Copyright: (c) 2026, flotilla.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The image builder's decisions: apt sources, names and links, the boot sector. Real builds are in tests/system."""

from __future__ import annotations

import importlib.util
import json
import os
import struct
import subprocess
import sys
import tarfile
from pathlib import Path
from typing import Any, Dict

import pytest

PROGRAM = Path(__file__).parents[3] / "roles/guest_image/files/build_image.py"


def load() -> Any:
    spec = importlib.util.spec_from_file_location("flotilla_build_image", str(PROGRAM))
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


build_image = load()


@pytest.mark.parametrize("line, taken", [
    ("deb http://m/debian bookworm main contrib", True),
    ("deb [signed-by=/k.gpg arch=amd64] http://m/debian bookworm-updates main", True),
    ("deb http://m/debian-security bookworm-security main # why", True),
    ("deb-src http://m/debian bookworm main", False),
    ("# deb http://m/debian bookworm main", False),
    ("deb http://m/debian trixie main", False),
    ("deb http://download.example/linux bookworm stable", False),
    ("deb http://cloud.example/apt cloud-sdk-bookworm main", False),
])
def test_lines_of_the_machine(line: str, taken: bool) -> None:
    assert (build_image.pick_line(line, "bookworm") is not None) == taken


def test_stanzas_keep_what_belongs_to_the_release() -> None:
    stanza = "# ours\nTypes: deb deb-src\nURIs: http://m/debian\nSuites: bookworm trixie bookworm-updates\nComponents: main\nSigned-By:\n -----BEGIN\n .\n x"
    taken = build_image.pick_stanza(stanza, "bookworm")
    assert "Suites: bookworm bookworm-updates\n" in taken
    assert "Types: deb\n" in taken
    assert " -----BEGIN\n .\n x" in taken
    assert build_image.pick_stanza(stanza + "\nEnabled: no", "bookworm") is None
    assert build_image.pick_stanza(stanza, "sid") is None


def test_sources_of_both_formats_are_read(tmp_path: Path) -> None:
    parts = tmp_path / "sources.list.d"
    parts.mkdir()
    (parts / "a.list").write_text("deb http://a/debian bookworm main\n\ndeb http://b/debian sid main\n")
    (parts / "b.sources").write_text("Types: deb\nURIs: http://c\nSuites: bookworm\nComponents: main\n\n"
                                     "Types: deb\nURIs: http://d\nSuites: sid\nComponents: main\n")
    lines, stanzas = build_image.machine_sources("bookworm", tmp_path)
    assert lines == ["deb http://a/debian bookworm main"]
    assert len(stanzas) == 1 and "http://c" in stanzas[0]


def test_nothing_of_the_machine_stays_in_the_image(tmp_path: Path) -> None:
    apt = tmp_path / "etc/apt"
    (apt / "sources.list.d").mkdir(parents=True)
    (apt / "apt.conf.d").mkdir()
    (apt / "apt.conf.d/99mmdebstrap").write_text('Acquire::http::Proxy "http://user:pass@proxy/";')
    (apt / "sources.list.d/x.list").write_text("deb https://user:pass@m/debian bookworm main\n")
    build_image.clean_apt(tmp_path)
    assert (apt / "sources.list.d/x.list").read_text() == "deb https://m/debian bookworm main\n"
    assert list((apt / "apt.conf.d").iterdir()) == []


def test_a_key_that_a_source_names_is_in_the_image(tmp_path: Path) -> None:
    key = tmp_path / "machine/key.gpg"
    key.parent.mkdir()
    key.write_bytes(b"key")
    root = tmp_path / "root"
    (root / "etc/apt").mkdir(parents=True)
    (root / "etc/apt/sources.list").write_text("deb [signed-by=%s] http://m/debian bookworm main\n" % key)
    build_image.clean_apt(root)
    assert (root / str(key).lstrip("/")).read_bytes() == b"key"


def test_boot_sector_has_one_active_partition_up_to_the_end() -> None:
    sector = build_image.boot_sector(b"\xeb" * 440, 3 * 2**30)
    assert len(sector) == 512 and sector[510:] == b"\x55\xaa" and sector[:440] == b"\xeb" * 440
    active, _chs, kind, _end, start, count = struct.unpack("<B3sB3sII", sector[446:462])
    assert (active, kind, start, (start + count) * 512) == (0x80, 0x83, 2048, 3 * 2**30)
    assert sector[462:510] == bytes(48)


@pytest.mark.parametrize("text", ["3", "3GB", "1MiB", "2TiB", "-1GiB", ""])
def test_impossible_sizes_are_refused(text: str) -> None:
    with pytest.raises(build_image.BuildError):
        build_image.disk_size(text)


def test_key_changes_with_recipe_and_program_only() -> None:
    recipe = {"dir": "/a", "name": "x", "kind": "disk", "packages": ["a"]}
    key = build_image.recipe_key(recipe, b"program")
    assert key == build_image.recipe_key({**recipe, "dir": "/b", "name": "y"}, b"program")
    assert key != build_image.recipe_key({**recipe, "packages": ["b"]}, b"program")
    assert key != build_image.recipe_key(recipe, b"other")


# -- the program as the role runs it, with a ready file --


def start(recipe: Dict[str, Any], *options: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run([sys.executable, str(PROGRAM), json.dumps(recipe), *options], stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, universal_newlines=True, check=False)


def ready(tmp_path: Path) -> Dict[str, Any]:
    (tmp_path / "file").write_text("x")
    with tarfile.open(str(tmp_path / "given.tar.gz"), "w:gz") as archive:
        archive.add(str(tmp_path / "file"), "file")
    return {"dir": str(tmp_path / "images"), "name": "img", "kind": "rootfs", "source": str(tmp_path / "given.tar.gz")}


def test_check_touches_nothing_and_tells_what_the_run_does(tmp_path: Path) -> None:
    recipe = ready(tmp_path)
    assert json.loads(start(recipe, "--check").stdout)["outdated"] is True
    assert not (tmp_path / "images").exists()
    assert json.loads(start(recipe).stdout)["outdated"] is True
    assert os.readlink(str(tmp_path / "images/img.tar")) == recipe["source"]
    for options in ((), ("--check",)):
        assert json.loads(start(recipe, *options).stdout)["outdated"] is False


def test_a_file_of_someone_else_is_not_replaced(tmp_path: Path) -> None:
    recipe = ready(tmp_path)
    (tmp_path / "images").mkdir()
    (tmp_path / "images/img.tar").write_text("precious")
    done = start(recipe)
    assert done.returncode == 1 and "is not a link made by this role" in done.stderr
    assert (tmp_path / "images/img.tar").read_text() == "precious"


@pytest.mark.parametrize("kind, said", [("disk", "not a qcow2 image"), ("rootfs", "not a tar file")])
def test_a_file_of_another_format_is_refused(tmp_path: Path, kind: str, said: str) -> None:
    (tmp_path / "given").write_text("neither")
    done = start({"dir": str(tmp_path / "images"), "name": "img", "kind": kind, "source": str(tmp_path / "given")})
    assert done.returncode == 1 and said in done.stderr and "Traceback" not in done.stderr
    assert not (tmp_path / "images").exists()


def test_a_missing_file_is_an_error_with_its_name(tmp_path: Path) -> None:
    done = start({"dir": str(tmp_path), "name": "img", "kind": "disk", "source": str(tmp_path / "nowhere")})
    assert done.returncode == 1 and "nowhere" in done.stderr and "Traceback" not in done.stderr


def test_a_release_without_sources_names_the_remedy(tmp_path: Path) -> None:
    (tmp_path / "etc").mkdir()
    recipe = {"suite": "no-such-release", "sources": []}
    with pytest.raises(build_image.BuildError, match="guest_image_sources"):
        build_image.write_sources(recipe, tmp_path)
    assert build_image.write_sources({**recipe, "sources": ["deb http://m x main"]}, tmp_path) == [str(tmp_path / "debian.list")]
    assert (tmp_path / "debian.list").read_text() == "deb http://m x main\n"
