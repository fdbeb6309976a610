# Copyright: (c) 2026, flotilla.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Rules that every file of the repository keeps."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
LICENSE_LINES = (
    "# Copyright: (c) 2026, flotilla.virt contributors",
    "# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)",
    "# SPDX-License-Identifier: GPL-3.0-or-later",
)

# Put together here, so that this file does not name them itself.
REGISTRIES = [".".join(parts) for parts in (("pypi", "org"), ("pythonhosted", "org"), ("npmjs", "org"), ("deb", "debian", "org"), ("proxy", "golang", "org"))]
FORBIDDEN = {
    "a package registry, which the machine's own settings name": re.compile("|".join(map(re.escape, REGISTRIES))),
    "a path of a developer's machine": re.compile(r"(?<![\w.$}])/" + r"work/|\.\./" + r"shared/|/home/(?!\{)[a-z]+/(?:src|git|work)"),
    "what an unresolved merge leaves": re.compile(r"^(?:<{7}|>{7}) ", re.MULTILINE),
}


def text_files() -> list[Path]:
    """Return the repository's files that are text, those not yet in git included."""
    listed = subprocess.run(
        ["git", "-C", str(ROOT), "ls-files", "-z", "--cached", "--others", "--exclude-standard"], check=True, stdout=subprocess.PIPE
    ).stdout
    paths = [ROOT / name for name in sorted(set(listed.decode().split("\0")) - {""})]
    return [path for path in paths if path.is_file() and b"\0" not in path.read_bytes()]


@pytest.mark.parametrize("what", sorted(FORBIDDEN))
def test_no_file_holds(what: str) -> None:
    """The repository works on any machine: no file names the ones that it was made on."""
    found = []
    for path in text_files():
        for hit in FORBIDDEN[what].finditer(path.read_text(encoding="utf-8")):
            found.append(f"{path.relative_to(ROOT)}: {hit.group()}")
    assert not found


def test_every_program_names_its_license() -> None:
    """Each Python file and shell script starts with whose it is and its license."""
    without = []
    for path in text_files():
        lines = path.read_text(encoding="utf-8").splitlines()[:6]
        if path.suffix in {".py", ".sh"} and lines and not set(LICENSE_LINES) <= set(lines):
            without.append(str(path.relative_to(ROOT)))
    assert not without


def test_every_example_of_a_make_target_exists() -> None:
    """Each `make TARGET` that a page tells people to type is a target of the Makefile."""
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    for page in [ROOT / "README.md", *ROOT.glob("docs/**/*.rst"), *ROOT.glob("docs/**/*.md")]:
        named = set(re.findall(r"(?:``|`|^\s+|\$ )make ([a-z-]+)", page.read_text(encoding="utf-8"), re.MULTILINE))
        assert named <= targets, page


def test_every_test_that_the_laws_page_names_exists() -> None:
    """docs/laws.md is a promise: each name there is a test's, or (with an ellipsis) the start of one."""
    named = set(re.findall(r"`(test_[a-z0-9_]+…?)`", (ROOT / "docs/laws.md").read_text(encoding="utf-8")))
    sources = "\n".join(path.read_text(encoding="utf-8") for path in text_files() if path.suffix == ".py" and "tests" in path.parts)
    defined = set(re.findall(r"def (test_[a-z0-9_]+)\(", sources))
    files = {path.stem for path in text_files() if path.name.startswith("test_")}
    missing = sorted(name for name in named if not (
        any(one.startswith(name[:-1]) for one in defined) if name.endswith("…") else name in defined | files))
    assert len(named) > 100 and not missing
