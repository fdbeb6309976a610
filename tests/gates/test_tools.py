# Copyright: (c) 2026, flotilla.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The tools behind make do what they promise, above all when something is wrong."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests/tools"))

import collection  # noqa: E402  pylint: disable=wrong-import-position
import gates  # noqa: E402  pylint: disable=wrong-import-position
import importer  # noqa: E402  pylint: disable=wrong-import-position


@pytest.fixture
def tree(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A small git repository that collection.py takes for the working tree."""
    root = tmp_path / "tree"
    subprocess.run(["git", "init", "--quiet", str(root)], check=True)
    (root / ".gitignore").write_text("/build/\n", encoding="utf-8")
    (root / "kept.txt").write_text("one", encoding="utf-8")
    monkeypatch.setattr(collection, "ROOT", root)
    monkeypatch.setattr(collection, "BUILD", root / "build")
    monkeypatch.setattr(collection, "CHECKOUT", root / "build/checkout/c")
    return root


def test_checkout_follows_the_working_tree(tree: Path) -> None:
    """A changed file is copied again, a removed one goes with its folder, and what tools wrote for themselves stays."""
    (tree / "sub").mkdir()
    (tree / "sub/gone.txt").write_text("two", encoding="utf-8")
    copy = collection.checkout()
    assert (copy / "sub/gone.txt").read_text(encoding="utf-8") == "two"
    (copy / "tests/output").mkdir(parents=True)
    (copy / "tests/output/cache").touch()
    (tree / "sub/gone.txt").unlink()
    (tree / "kept.txt").write_text("three", encoding="utf-8")
    assert collection.checkout() == copy
    assert (copy / "kept.txt").read_text(encoding="utf-8") == "three"
    assert not (copy / "sub").exists()
    assert (copy / "tests/output/cache").exists()


def test_checkout_has_a_git_of_its_own(tree: Path) -> None:
    """git in the copy lists the copy's files; by the working tree's git they would all be ignored."""
    listed = subprocess.run(["git", "ls-files", "--others", "--exclude-standard"], cwd=collection.checkout(), capture_output=True, text=True, check=True)
    assert "kept.txt" in listed.stdout.split()


def test_a_changed_file_changes_the_digest(tree: Path) -> None:
    """The archive is built again when a file's content or name changes, and only then."""
    before = collection.digest(collection.source_files())
    os.utime(tree / "kept.txt", (1, 1))
    assert collection.digest(collection.source_files()) == before
    (tree / "kept.txt").write_text("1", encoding="utf-8")
    changed = collection.digest(collection.source_files())
    (tree / "kept.txt").rename(tree / "other.txt")
    assert len({before, changed, collection.digest(collection.source_files())}) == 3


def gate(code: str, refused: tuple[str, ...] = ()) -> gates.Gate:
    """Return a gate that runs this Python code."""
    def commands() -> list[gates.Command]:
        """Run some code."""
        return [gates.Command([sys.executable, "-c", code])]

    return gates.Gate("probe", commands, refused=refused)


@pytest.mark.parametrize(("code", "refused", "passes"), [
    ("print('fine')", (), True),
    ("raise SystemExit(3)", (), False),
    ("print('WARNING: All targets skipped.')", ("All targets skipped",), False),
])
def test_a_gate_fails_as_its_tool_does(
    code: str, refused: tuple[str, ...], passes: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A status other than 0 fails a gate, and so does a tool that says it did nothing."""
    monkeypatch.setattr(gates, "LOGS", tmp_path)
    assert gates.run_gate(gate(code, refused)) is passes
    assert ("FAILED" in capsys.readouterr().out) is not passes


def test_every_gate_runs_and_the_failed_are_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """One failure does not hide another, and the exit status tells."""
    monkeypatch.setattr(gates, "LOGS", tmp_path)
    bad, good = gate("raise SystemExit(1)"), gate("print('ran')")
    monkeypatch.setattr(gates, "GATES", (bad, good))
    monkeypatch.setattr(gates, "chosen", lambda names: [bad, good])
    assert gates.main([]) == 1
    said = capsys.readouterr().out
    assert "Failed: probe." in said
    assert said.endswith("gates: 1 passed, 1 failed\n")


def test_an_unknown_gate_is_an_error() -> None:
    """A misspelt name does not pass as nothing to do."""
    with pytest.raises(SystemExit, match="no such gate: lnt; there are: yaml"):
        gates.chosen(["lnt"])


def test_shims_are_replaced_by_real_pythons(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """ansible-test finds each Python that pyenv has, and no shim that only says "command not found"."""
    (tmp_path / "versions/3.9.18/bin").mkdir(parents=True)
    monkeypatch.setenv("PYENV_ROOT", str(tmp_path))
    monkeypatch.setenv("PATH", f"{tmp_path}/shims:/usr/bin")
    assert gates.search_path().split(":")[1:] == [f"{tmp_path}/versions/3.9.18/bin", "/usr/bin"]


def test_the_importer_refuses_what_is_no_archive(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """galaxy-importer's own complaints fail the gate."""
    broken = tmp_path / "flotilla-virt-0.1.0.tar.gz"
    broken.write_bytes(b"no archive")
    assert importer.main([str(broken)]) == 1
    assert "galaxy-importer ended with status" in capsys.readouterr().out


def test_help_lists_every_target() -> None:
    """`make` alone names each target, and make knows each as one that makes no file."""
    said = subprocess.run(["make", "--no-print-directory", "-C", str(ROOT)], capture_output=True, text=True, check=True).stdout
    listed = set(re.findall(r"^  make ([a-z-]+)", said, re.MULTILINE))
    phony = re.search(r"^\.PHONY: (.*)$", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE)
    assert phony and listed == set(phony.group(1).split())
