# Copyright: (c) 2026, flotilla.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Runs the gates that every change must pass: what `make test` and continuous integration do.

    gates.py                 all of them, in order; every one runs, and those that failed are named at the end
    gates.py NAME...         just these
    gates.py --list          their names
    gates.py install         Debian's own installer under emulation: only when it is named, since it takes up to an hour

A gate's output goes to build/logs/NAME.log and is shown when it fails; pytest's is always shown.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Callable

import collection

ROOT = collection.ROOT
BUILD = collection.BUILD
LOGS = BUILD / "logs"
VENV_BIN = BUILD / "venv/bin"

# ansible-test would download pip's bootstrap script for the environments of its sanity tests. Python brings the same
# with ensurepip, so this stand-in under the name that it looks for first lets it work without that server.
GET_PIP = Path("~/.ansible/test/cache/get_pip_24_2.py")
GET_PIP_TEXT = '''"""Stand-in for pip's bootstrap script: Python's own ensurepip, then what ansible-test asked for."""

import subprocess
import sys

subprocess.check_call([sys.executable, "-m", "ensurepip", "--default-pip"])
wanted = [word for word in sys.argv[1:] if word not in ("--no-setuptools", "--no-wheel")]
subprocess.check_call([sys.executable, "-m", "pip", "install", "--upgrade"] + wanted)
'''


@dataclass(frozen=True)
class Command:
    """One command of a gate, with the folder that it runs in and what its environment has besides the common part."""

    argv: list[str]
    cwd: Path = ROOT
    env: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Gate:
    """A gate: its name, and what makes its commands, called when its turn comes.

    `shown` output goes to the terminal. Output that holds a `refused` text fails the gate: some tools succeed when they did nothing.
    """

    name: str
    commands: Callable[[], list[Command]]
    shown: bool = False
    refused: tuple[str, ...] = ()


def search_path() -> str:
    """Return PATH with our tools first and every real Python that pyenv has, in place of its shims.

    A shim answers "command not found" for a Python that is not the selected one, and ansible-test takes it for a broken Python.
    """
    pyenv = Path(os.environ.get("PYENV_ROOT", "~/.pyenv")).expanduser()
    versions = sorted(str(path) for path in pyenv.glob("versions/3.*/bin"))
    inherited = [item for item in os.environ.get("PATH", os.defpath).split(os.pathsep) if item and Path(item) != pyenv / "shims"]
    return os.pathsep.join([str(VENV_BIN), *versions, *inherited])


def environment() -> dict[str, str]:
    """Return the environment of every gate: ours, not what the caller's shell happens to say about Ansible and libvirt."""
    inherited = {key: value for key, value in os.environ.items() if not key.startswith(("ANSIBLE_", "MOLECULE_", "LIBVIRT_", "PYTHON"))}
    return {
        **inherited,
        "PATH": search_path(),
        "LC_ALL": "C.UTF-8",
        "ANSIBLE_COLLECTIONS_PATH": str(BUILD / "checkout"),
        "ANSIBLE_CONFIG": str(ROOT / "tests/ansible.cfg"),
    }


def in_checkout(*argv: str, **env: str) -> list[Command]:
    """Return a command that runs in a fresh copy of the collection without git."""
    return [Command(list(argv), collection.checkout(), env)]


def sanity() -> list[Command]:
    """ansible-test's sanity tests, for every Python that is there; there is no ignore file."""
    stand_in = GET_PIP.expanduser()
    if not stand_in.exists():
        stand_in.parent.mkdir(parents=True, exist_ok=True)
        stand_in.write_text(GET_PIP_TEXT, encoding="utf-8")
    return in_checkout("ansible-test", "sanity", "--color", "no")


def lint() -> list[Command]:
    """ansible-lint's strictest profile."""
    return in_checkout("ansible-lint", "--profile", "production", "--offline", "--nocolor")


def yaml() -> list[Command]:
    """yamllint over every YAML file, not only those that ansible-test looks at."""
    return in_checkout("yamllint", "--strict", ".")


def changelog() -> list[Command]:
    """The changelog's fragments and configuration."""
    return in_checkout("antsibull-changelog", "lint")


def docs_lint() -> list[Command]:
    """The documentation of every plugin and role."""
    return in_checkout("antsibull-docs", "lint-collection-docs", "--plugin-docs", ".")


def docs() -> list[Command]:
    """The documentation site, every warning an error."""
    return [Command([sys.executable, "tests/tools/docs.py"])]


def types() -> list[Command]:
    """mypy in its strict mode, on what mypy.ini names."""
    return [Command(["mypy", "--config-file", "mypy.ini"], env={"MYPYPATH": str(collection.checkout().parents[2])})]


def importer() -> list[Command]:
    """The import gate of Galaxy and Automation Hub, on the archive; a warning fails too."""
    return [Command([sys.executable, "tests/tools/importer.py", str(collection.artifact())])]


def integration() -> list[Command]:
    """The integration targets, against a libvirt of their own."""
    inner = ["ansible-test", "integration", "--color", "no", "--allow-root", "--allow-destructive", "--python", "default"]
    sandbox = [sys.executable, str(ROOT / "tests/tools/sandbox.py")]
    return in_checkout(*sandbox, *inner)


def molecule() -> list[Command]:
    """Every molecule scenario, with the collection installed as a user has it."""
    return [Command([sys.executable, "tests/tools/molecule_run.py"])]


def pytest() -> list[Command]:
    """Unit tests and the repository's own rules in parallel, then those that share a hypervisor, one after the other."""
    parallel = [sys.executable, "-m", "pytest", "-n", "2", "tests/unit", "tests/gates"]
    serial = [sys.executable, "-m", "pytest", "tests/system"]
    return [Command(argv) for argv in (parallel, serial)]


def install() -> list[Command]:
    """Debian's own installer, unattended to the guest agent; only when it is named."""
    return [Command([sys.executable, "-m", "pytest", "tests/install"])]


GATES = (
    Gate("yaml", yaml),
    Gate("changelog", changelog),
    Gate("types", types),
    Gate("lint", lint),
    Gate("docs-lint", docs_lint),
    Gate("docs", docs),
    Gate("sanity", sanity, refused=("All targets skipped", "Required program")),
    Gate("importer", importer),
    Gate("integration", integration, refused=("All targets skipped", "Excluding targets")),
    Gate("molecule", molecule),
    Gate("pytest", pytest, shown=True),
)
# Not among those that run when none is named.
ON_DEMAND = (Gate("install", install, shown=True),)


def run_command(command: Command, shown: bool, log: Path) -> bool:
    """Run one command, its output to the terminal or appended to the log, and return whether it succeeded."""
    env = {**environment(), **command.env}
    if shown:
        return subprocess.run(command.argv, cwd=command.cwd, env=env, check=False).returncode == 0
    with log.open("ab") as output:
        output.write(f"$ {' '.join(command.argv)}\n".encode())
        output.flush()
        env.update(NO_COLOR="1", PY_COLORS="0", ANSIBLE_NOCOLOR="1")
        done = subprocess.run(command.argv, cwd=command.cwd, env=env, check=False, stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT)
    return done.returncode == 0


def run_gate(gate: Gate) -> bool:
    """Run one gate between a banner and its verdict, and return whether it passed."""
    what = (gate.commands.__doc__ or "").strip().splitlines()[0]
    print(f"\n=== {gate.name}: {what}", flush=True)
    log = LOGS / f"{gate.name}.log"
    log.write_bytes(b"")
    started = time.monotonic()
    verdicts = [run_command(command, gate.shown, log) for command in gate.commands()]
    said = log.read_text(encoding="utf-8", errors="replace")
    passed = all(verdicts) and not any(text in said for text in gate.refused)
    if not passed:
        print(said)
    print(f"--- {gate.name}: {'passed' if passed else 'FAILED'} after {time.monotonic() - started:.0f} s", flush=True)
    return passed


def chosen(names: list[str]) -> list[Gate]:
    """Return the gates of these names, all of them when there is none; a name that is no gate ends the run."""
    known = {gate.name: gate for gate in (*GATES, *ON_DEMAND)}
    unknown = [name for name in names if name not in known]
    if unknown:
        raise SystemExit(f"no such gate: {', '.join(unknown)}; there are: {', '.join(known)}")
    return [known[name] for name in names] or list(GATES)


def main(arguments: list[str]) -> int:
    """Run the gates and return the exit status."""
    if arguments == ["--list"]:
        print("\n".join(gate.name for gate in GATES))
        return 0
    LOGS.mkdir(parents=True, exist_ok=True)
    started = time.monotonic()
    gates = chosen(arguments)
    failed = [gate.name for gate in gates if not run_gate(gate)]
    if failed:
        print(f"\nFailed: {', '.join(failed)}. Run one again with: make test GATES={failed[0]}")
    print(f"\nTotal time: {time.monotonic() - started:.0f} s")
    print(f"gates: {len(gates) - len(failed)} passed, {len(failed)} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
