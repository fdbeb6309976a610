# Copyright: (c) 2026, flotilla.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The archive as a user has it, with nothing but meta/, plugins/, roles/ and playbooks/ left, still works."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests/tools"))

import collection  # noqa: E402  pylint: disable=wrong-import-position

LEFT = {"meta", "plugins", "roles", "playbooks"}


@pytest.fixture(scope="module")
def stripped(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A collections path with the archive installed and everything else of it removed."""
    target = tmp_path_factory.mktemp("stripped")
    installed = collection.install_into(target)
    for entry in installed.iterdir():
        if entry.name not in LEFT:
            shutil.rmtree(entry) if entry.is_dir() else entry.unlink()
    return target


def run(stripped: Path, *command: str, stdin: str | None = None) -> subprocess.CompletedProcess[str]:
    """Run an Ansible command that finds only that copy, far from the repository, and libvirt's test driver."""
    ours = {"ANSIBLE_COLLECTIONS_PATH": str(stripped), "LIBVIRT_DEFAULT_URI": "test:///default"}
    env = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
    return subprocess.run(command, cwd=stripped, env={**env, **ours}, input=stdin, capture_output=True, text=True, check=False)


def test_every_module_is_documented(stripped: Path) -> None:
    """ansible-doc shows every module: no fragment is missing."""
    listed = run(stripped, "ansible-doc", "--list", "--json", "flotilla.virt")
    names = sorted(path.stem for path in (ROOT / "plugins/modules").glob("*.py") if path.stem != "__init__")
    assert sorted(json.loads(listed.stdout)) == [f"flotilla.virt.{name}" for name in names]
    shown = run(stripped, "ansible-doc", *json.loads(listed.stdout))
    assert shown.returncode == 0, shown.stderr


@pytest.mark.parametrize("path", sorted(ROOT.glob("playbooks/*.yml")), ids=lambda path: path.stem)
def test_playbook_is_found_by_its_name(stripped: Path, path: Path) -> None:
    """Each playbook runs as flotilla.virt.NAME: its roles and modules are all there."""
    checked = run(stripped, "ansible-playbook", "-i", "localhost,", "--syntax-check", f"flotilla.virt.{path.stem}")
    assert checked.returncode == 0, checked.stdout + checked.stderr


def test_host_info_runs(stripped: Path) -> None:
    """A module runs with all that it imports, and answers with what the design promises."""
    asked = run(stripped, "ansible", "localhost", "-i", "localhost,", "-c", "local", "-m", "flotilla.virt.host_info")
    assert asked.returncode == 0, asked.stdout + asked.stderr
    answer = json.loads(asked.stdout[asked.stdout.index("{"):])
    assert {"kernel", "cpu", "kvm", "engines"} <= set(answer)


FLEET = """
- hosts: all
  gather_facts: false
  tasks:
    - flotilla.virt.fleet:
        uri: test:///default
        name: artifact
        host: localhost
        guests: [{name: one, virtualization: qemu, memory: 64MiB}]
      register: planned
    - ansible.builtin.assert:
        that: planned is changed
"""


def test_fleet_plans_in_check_mode(stripped: Path) -> None:
    """The fleet module plans a guest on libvirt's test driver."""
    book = stripped / "fleet.yml"
    book.write_text(FLEET, encoding="utf-8")
    done = run(stripped, "ansible-playbook", "-i", "localhost,", "-c", "local", "--check", str(book))
    assert done.returncode == 0, done.stdout + done.stderr
