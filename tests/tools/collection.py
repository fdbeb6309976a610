# Copyright: (c) 2026, flotilla.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Copies of the collection in the places where the tools want it.

    collection.py checkout   build/checkout/ansible_collections/flotilla/virt: the working tree's files;
                             ansible-test refuses a symbolic link, and judges what lies in the folder
    collection.py artifact   build/artifact/flotilla-virt-VERSION.tar.gz: what would be published
    collection.py install    build/collections: the artifact installed, as a user has it

Each is made again only when a file of the working tree has changed, and prints the path of its result.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
BUILD = ROOT / "build"
COLLECTION = Path("ansible_collections/flotilla/virt")
CHECKOUT = BUILD / "checkout" / COLLECTION
ARTIFACTS = BUILD / "artifact"
INSTALLED = BUILD / "collections"

# What the tools write into the copy: kept, since their caches make the next run faster.
KEPT = (".git", ".ansible", "tests/output")


@contextmanager
def _alone(name: str) -> Iterator[None]:
    """Let one process at a time make this copy; tests that run in parallel ask for the same one."""
    BUILD.mkdir(exist_ok=True)
    with (BUILD / f"{name}.lock").open("w", encoding="utf-8") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def source_files() -> list[Path]:
    """Return the files of the working tree, relative to its root: those in git, and new ones that git does not ignore."""
    listed = subprocess.run(
        ["git", "-C", str(ROOT), "ls-files", "-z", "--cached", "--others", "--exclude-standard"], check=True, stdout=subprocess.PIPE
    ).stdout
    names = sorted(set(listed.decode().split("\0")) - {""})
    return [Path(name) for name in names if (ROOT / name).is_file()]


def digest(files: list[Path]) -> str:
    """Return a digest of the names and contents of these files."""
    total = hashlib.sha256()
    for name in files:
        total.update(f"{name}\0{hashlib.sha256((ROOT / name).read_bytes()).hexdigest()}\n".encode())
    return total.hexdigest()


def _same(source: Path, copy: Path) -> bool:
    if not copy.is_file():
        return False
    wanted, found = source.stat(), copy.stat()
    return (wanted.st_size, wanted.st_mtime_ns, wanted.st_mode) == (found.st_size, found.st_mtime_ns, found.st_mode)


def _remove_extra(target: Path, wanted: set[Path]) -> None:
    kept = [target / name for name in KEPT]
    for path in sorted(target.rglob("*"), reverse=True):
        if any(path == keep or keep in path.parents or path in keep.parents for keep in kept):
            continue
        if path.is_dir() and not path.is_symlink():
            if not any(path.iterdir()):
                path.rmdir()
        elif path.relative_to(target) not in wanted:
            path.unlink()


def checkout() -> Path:
    """Bring build/checkout up to date with the working tree and return the collection's folder in it."""
    with _alone("checkout"):
        return _checkout()


def _checkout() -> Path:
    files = source_files()
    CHECKOUT.mkdir(parents=True, exist_ok=True)
    if not (CHECKOUT / ".git").is_dir():
        # ansible-test looks upwards for git, would find the working tree's, and take all of build/ for ignored.
        subprocess.run(["git", "init", "--quiet", "--initial-branch", "main", str(CHECKOUT)], check=True)
    _remove_extra(CHECKOUT, set(files))
    for name in files:
        if not _same(ROOT / name, CHECKOUT / name):
            (CHECKOUT / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, CHECKOUT / name)
    return CHECKOUT


def _galaxy(*arguments: str) -> None:
    command = [str(BUILD / "venv/bin/ansible-galaxy"), "collection", *arguments]
    # A copy elsewhere on the caller's path would pass for one that is installed already.
    env = {key: value for key, value in os.environ.items() if key != "ANSIBLE_COLLECTIONS_PATH"}
    done = subprocess.run(command, env=env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    if done.returncode != 0:
        raise SystemExit(f"{' '.join(command)} failed:\n{done.stdout}")


def artifact() -> Path:
    """Build the collection's archive when a file has changed, and return its path."""
    with _alone("artifact"):
        return _artifact()


def _artifact() -> Path:
    stamp = ARTIFACTS / "digest"
    wanted = digest(source_files())
    if not stamp.is_file() or stamp.read_text(encoding="utf-8") != wanted:
        shutil.rmtree(ARTIFACTS, ignore_errors=True)
        ARTIFACTS.mkdir(parents=True)
        _galaxy("build", "--output-path", str(ARTIFACTS), str(checkout()))
        stamp.write_text(wanted, encoding="utf-8")
    return next(ARTIFACTS.glob("*.tar.gz"))


def install_into(target: Path) -> Path:
    """Install the archive below this folder, from nothing, and return the collection's folder in it."""
    archive = artifact()
    shutil.rmtree(target, ignore_errors=True)
    _galaxy("install", str(archive), "--collections-path", str(target), "--offline", "--force")
    return target / COLLECTION


def install() -> Path:
    """Install the archive into build/collections when it is another than last time, and return that path."""
    wanted = hashlib.sha256(artifact().read_bytes()).hexdigest()
    stamp = INSTALLED / "digest"
    if not stamp.is_file() or stamp.read_text(encoding="utf-8") != wanted:
        install_into(INSTALLED)
        stamp.write_text(wanted, encoding="utf-8")
    return INSTALLED


def main(arguments: list[str]) -> None:
    """Make the copy that the first argument names."""
    makers = {"checkout": checkout, "artifact": artifact, "install": install}
    if len(arguments) != 1 or arguments[0] not in makers:
        raise SystemExit(f"usage: collection.py {'|'.join(makers)}")
    print(makers[arguments[0]]())


if __name__ == "__main__":
    main(sys.argv[1:])
