# Copyright: (c) 2026, flotilla.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the collection offers is complete: every part is listed, documented and has its test."""

from __future__ import annotations

import ast
import json
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]
MODULES = sorted(path.stem for path in ROOT.glob("plugins/modules/*.py") if path.stem != "__init__")
ROLES = sorted(path.name for path in ROOT.glob("roles/*") if path.is_dir())
PLAYBOOKS = sorted(ROOT.glob("playbooks/*.yml"))

# AWX's own rule for what its list of playbooks shows.
AWX_PLAYBOOK = re.compile(r"^\s*?-?\s*?(?:hosts|(?:ansible\.builtin\.)?import_playbook):\s*?.*?$", re.MULTILINE)


@pytest.fixture(scope="module")
def documented() -> dict[str, Any]:
    """What ansible-doc says of every module, by its short name."""
    command = ["ansible-doc", "--type", "module", "--json", *(f"flotilla.virt.{name}" for name in MODULES)]
    said = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout
    return {name.rpartition(".")[2]: parts for name, parts in json.loads(said).items()}


def test_there_are_modules_roles_and_playbooks() -> None:
    """The tests below mean something only when they have something to look at."""
    assert MODULES and ROLES and PLAYBOOKS


def test_action_group_lists_exactly_the_modules() -> None:
    """`module_defaults: group/flotilla.virt.all` reaches every module, and names none that is not there."""
    runtime = yaml.safe_load((ROOT / "meta/runtime.yml").read_text(encoding="utf-8"))
    assert runtime["action_groups"]["all"] == MODULES


@pytest.mark.parametrize("name", MODULES)
def test_module_has_an_integration_target(name: str) -> None:
    """Each module is tested through Ansible, against the real thing.

    A target must not be named like a role: the collection's role would run in its place.
    """
    targets = ROOT / "tests/integration/targets"
    target = targets / (f"module_{name}" if (ROOT / "roles" / name).is_dir() else name)
    assert (target / "aliases").is_file()
    assert any((target / entry).is_file() for entry in ("tasks/main.yml", "runme.sh"))


def test_no_integration_target_is_hidden_by_a_role() -> None:
    targets = {path.name for path in (ROOT / "tests/integration/targets").iterdir()}
    assert not targets & {path.name for path in (ROOT / "roles").iterdir()}


@pytest.mark.parametrize("name", MODULES)
def test_module_is_documented(name: str, documented: dict[str, Any]) -> None:
    """Each module says what it does, shows tasks that use it, and lists what it returns, `changed` aside."""
    parts = documented[name]
    assert parts["doc"]["description"]
    tasks = yaml.safe_load(parts["examples"])
    assert any(f"flotilla.virt.{name}" in task for task in tasks)
    assert parts["return"]


@pytest.mark.parametrize("name", ROLES)
def test_role_has_an_argument_spec(name: str) -> None:
    """Each role validates its variables before its first task, and documents them."""
    specs = yaml.safe_load((ROOT / "roles" / name / "meta/argument_specs.yml").read_text(encoding="utf-8"))
    main = specs["argument_specs"]["main"]
    assert main["short_description"] and main["description"]


@pytest.mark.parametrize("path", PLAYBOOKS, ids=lambda path: path.name)
def test_playbook_is_listed_by_awx(path: Path) -> None:
    """Each playbook has a play of its own, by which AWX knows a playbook from a list of tasks."""
    assert AWX_PLAYBOOK.search(path.read_text(encoding="utf-8"))


# Which of our own packages each may import: imports point one way, towards the heart; the drivers may ask the host's probes.
LAYERS = {
    "_reconcile": {"_reconcile"},
    "_libvirt": {"_libvirt", "_host", "_reconcile"},
    "_containers": {"_containers", "_host", "_reconcile"},
    "_host": {"_host", "_reconcile"},
}
OURS = "ansible_collections.flotilla.virt.plugins.module_utils."
IMPURE = {"libvirt", "subprocess", "ansible", "socket", "os", "shutil"}


def imported(path: Path) -> set[str]:
    """Return the full names of the modules that this file imports, relative imports resolved."""
    names: set[str] = set()
    package = OURS + ".".join(path.relative_to(ROOT / "plugins/module_utils").parent.parts)
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = package.rsplit(".", node.level - 1)[0] + "." if node.level else ""
            base = (base + (node.module or "")).rstrip(".")
            names.add(base)
            names.update(f"{base}.{alias.name}" for alias in node.names)
    return names


@pytest.mark.parametrize("layer", sorted(LAYERS))
def test_imports_point_one_way(layer: str) -> None:
    """No package reaches back to one that is built on it."""
    for path in (ROOT / "plugins/module_utils" / layer).rglob("*.py"):
        used = {name[len(OURS):].split(".")[0] for name in imported(path) if name.startswith(OURS)} - {""}
        assert used <= LAYERS[layer], path


def test_the_heart_is_pure() -> None:
    """The planner does no I/O: it knows nothing of libvirt, commands, files or Ansible."""
    for path in (ROOT / "plugins/module_utils/_reconcile").rglob("*.py"):
        foreign = {name.split(".")[0] for name in imported(path) if not name.startswith("ansible_collections")}
        assert not foreign & IMPURE, path
