# Copyright: (c) 2026, flotilla.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Containers of each engine: many unchanged ones in one task, and one live memory change against the engine's own command.

    containers.py [ENGINE ...]     measures these engines (all that are installed when none is named) and prints one JSON object

The frame knows no engine. One is a subclass of `Engine` in `ENGINES`: how its containers are declared, the lab of the laws that
runs them in this process, the command that changes memory, and (where there is a peer) a task that loops over the same containers.
"""

from __future__ import annotations

import abc
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "tests"), str(ROOT / "tests/tools")]

import collection  # noqa: E402  pylint: disable=wrong-import-position
from runs import Ansible, Sample  # noqa: E402  pylint: disable=wrong-import-position

COUNT = 100
TURNS = 15
FLEET = "bench"
PREFIX = "fvbench-"
PEER_COUNT = 20
"""With so many the peer's loop is measured; for more it is extrapolated, over the empty play."""
SMALL, LARGE = "64MiB", "96MiB"


class Engine(abc.ABC):
    """One engine as the benchmark needs it.

    name: as the grammar has it. program: the command by which one sees that it is installed.
    """

    name = ""
    program = ""

    def __init__(self, folder: Path) -> None:
        """Prepare what its containers are made from, below `folder`."""
        self.folder = folder

    @property
    def prefix(self) -> str:
        """What the names of its containers begin with: another engine may be measured on the same machine at the same time."""
        return f"{PREFIX}{self.name}-"

    @abc.abstractmethod
    def lab(self) -> Any:
        """The lab of `tests/laws` over these containers, for changes in this process. It cleans up too."""

    @abc.abstractmethod
    def images(self) -> list[dict[str, Any]]:
        """The images of the fleet, as its file declares them."""

    def guest(self, name: str, memory: str = SMALL) -> dict[str, Any]:
        """One container, as a fleet file declares it."""
        return {"name": name, "engine": self.name, "image": "tiny", "memory": memory, "state": "running"}

    @abc.abstractmethod
    def memory_command(self, name: str, size: int) -> list[str]:
        """The engine's own command that sets the memory of a running container, in bytes."""

    def peer_task(self, guests: Sequence[dict[str, Any]]) -> dict[str, Any] | None:
        """A task that loops with somebody else's module over the same containers; None where there is no such module."""
        del guests
        return None

    def peer_collections(self) -> Path | None:
        """Where that module's collection is."""
        return None

    def close(self) -> None:
        """Take away what preparing made outside of the folder."""


class Lxc(Engine):
    """LXC, in its own directory: containers of a name of ours."""

    name = "lxc"
    program = "lxc-start"

    def __init__(self, folder: Path) -> None:
        from support.tiny_image import make_image  # pylint: disable=import-outside-toplevel

        super().__init__(folder)
        self.image = make_image(folder)

    def lab(self) -> Any:
        from laws.container_lab import LxcLab  # pylint: disable=import-outside-toplevel

        lab = LxcLab({"tiny": str(self.image)}, self.prefix)
        lab.fleet = FLEET
        return lab

    def images(self) -> list[dict[str, Any]]:
        return [{"name": "tiny", "rootfs": str(self.image)}]

    def memory_command(self, name: str, size: int) -> list[str]:
        from ansible_collections.flotilla.virt.plugins.module_utils._containers import cgroup, host  # pylint: disable=import-outside-toplevel

        version = cgroup.probe(host.LocalHost()).version["memory"]
        return ["lxc-cgroup", "-n", name, cgroup.MEMORY_V1 if version == 1 else cgroup.MEMORY_V2, str(size)]


class Podman(Engine):
    """podman, with storage and networks of the benchmark's own; the peer is containers.podman.podman_container."""

    name = "podman"
    program = "podman"

    def __init__(self, folder: Path) -> None:
        from laws import podman_lab  # pylint: disable=import-outside-toplevel
        from support.tiny_image import make_image  # pylint: disable=import-outside-toplevel

        super().__init__(folder)
        self.image = make_image(folder)
        self.place = Path("/var/tmp") / f"fvbench-podman-{os.getpid()}"
        self.variables = podman_lab.environment(self.place)
        os.environ.update(self.variables)

    def lab(self) -> Any:
        from ansible_collections.flotilla.virt.plugins.module_utils._containers.podman import read  # pylint: disable=import-outside-toplevel
        from laws.podman_lab import PodmanLab, podman  # pylint: disable=import-outside-toplevel

        prefix = self.prefix

        class Lab(PodmanLab):
            """The module notes in the host's own directory, of which only what is ours is taken away."""

            def clean(self) -> None:
                self.wire.clear()
                podman("rm", "--all", "--force", "--time", "0", check=False)
                for note in self.directory.glob(prefix + "*.json"):
                    note.unlink()

        lab = Lab({"tiny": str(self.image)}, Path(read.DIRECTORY))
        lab.fleet = FLEET
        return lab

    def images(self) -> list[dict[str, Any]]:
        return [{"name": "tiny", "rootfs": str(self.image)}]

    def memory_command(self, name: str, size: int) -> list[str]:
        return ["podman", "update", "--memory", str(size), "--memory-swap", str(2 * size), name]

    def peer_task(self, guests: Sequence[dict[str, Any]]) -> dict[str, Any] | None:
        """Containers of the same image, memory and state under names of the peer's own: it would make ours anew."""
        from laws.podman_lab import podman  # pylint: disable=import-outside-toplevel

        image = json.loads(podman("inspect", guests[0]["name"]))[0]["ImageName"]
        options = {"name": "peer-{{ item.name }}", "image": image, "memory": SMALL.replace("MiB", "m"), "state": "started"}
        return {"containers.podman.podman_container": options, "loop": "{{ guests }}", "loop_control": {"label": "{{ item.name }}"}}

    def peer_collections(self) -> Path | None:
        import peers  # pylint: disable=import-outside-toplevel

        return peers.unpacked(Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "flotilla-virt", "containers/podman")

    def close(self) -> None:
        from laws import podman_lab  # pylint: disable=import-outside-toplevel

        podman_lab.leave(self.variables, self.place)
        for name in self.variables:
            os.environ.pop(name, None)


ENGINES: dict[str, type[Engine]] = {"lxc": Lxc, "podman": Podman}


def installed() -> list[str]:
    """The engines that can be measured here."""
    return [name for name, engine in ENGINES.items() if shutil.which(engine.program)]


def whole_runs(engine: Engine, ansible: Ansible, count: int) -> dict[str, Any]:
    """One task over that many containers: from nothing, then three times unchanged."""
    guests = [engine.guest(f"{engine.prefix}{number}") for number in range(count)]
    task = {"flotilla.virt.fleet": {"name": FLEET, "images": engine.images(), "guests": "{{ guests }}"}}
    made = ansible.run(task, {"guests": guests})
    same = [ansible.run(task, {"guests": guests}) for _turn in range(3)]
    # The same play over a task that does nothing: what is left of the difference is the task.
    floor = [ansible.nothing() for _turn in range(3)]
    if not made.changed or any(sample.changed for sample in same):
        raise SystemExit(f"{engine.name}: not what was to be measured: {made.changed} and {[sample.changed for sample in same]} changed")
    found: dict[str, Any] = {"containers": count, "made_seconds": made.seconds, "unchanged_seconds": _median(same), "empty_seconds": _median(floor)}
    return found


def peer_loop(engine: Engine, found: dict[str, Any], count: int) -> dict[str, Any]:
    """The peer's loop over the same kind of containers, unchanged, extrapolated to `count`; nothing without a peer.

    It makes them at its first run, which is not measured, beside all of ours.
    """
    guests = [engine.guest(f"{engine.prefix}{number}") for number in range(min(count, PEER_COUNT))]
    task = engine.peer_task(guests)
    if task is None:
        return {}
    loop = Ansible([], engine.peer_collections() or collection.install(), engine.folder)
    loop.run(task, {"guests": guests})
    sample = loop.run(task, {"guests": guests})
    if sample.changed:
        raise SystemExit(f"{engine.name}: the peer's second loop changes something")
    empty = found["empty_seconds"]
    return {"peer_measured": len(guests), "peer_measured_seconds": sample.seconds,
            "peer_seconds": empty + (sample.seconds - empty) * count / len(guests)}


def _median(samples: Sequence[Sample]) -> float:
    return statistics.median(sample.seconds for sample in samples)


def unchanged_in_process(engine: Engine, count: int) -> float:
    """Seconds of one bulk read and plan of that many containers, without Ansible: the median of three."""
    lab = engine.lab()
    declared = {f"{engine.prefix}{number}": _options(engine.guest(f"{engine.prefix}{number}")) for number in range(count)}
    seconds = []
    for _turn in range(3):
        start = time.perf_counter()
        results = lab.run_all(declared)
        seconds.append(time.perf_counter() - start)
        wrong = [result.msg or result.plan for result in results.values() if result.failed or result.changed]
        if wrong:
            raise SystemExit(f"{engine.name}: the second run changes something: {wrong[0]}")
    return statistics.median(seconds)


def _options(guest: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in guest.items() if name not in ("name", "engine")}


def live_memory(engine: Engine) -> dict[str, Any]:
    """One live memory change in this process (decide and change: no lock, no verification) against the engine's own command."""
    lab, name = engine.lab(), engine.prefix + "0"
    ours, bare = [], []
    for turn in range(TURNS):
        memory = (LARGE, SMALL)[turn % 2]
        bare.append(_run(engine.memory_command(name, _bytes(memory))))
        _run(engine.memory_command(name, _bytes((SMALL, LARGE)[turn % 2])))
        ours.append(_change(lab, name, _options(engine.guest(name, memory))))
    above = statistics.median(one - other for one, other in zip(ours, bare))
    return {"command": statistics.median(bare), "ours": statistics.median(ours), "above": above, "samples": TURNS}


def _bytes(text: str) -> int:
    return int(text[:-3]) << 20


def _run(command: list[str]) -> float:
    start = time.perf_counter()
    subprocess.run(command, check=True, capture_output=True)
    return time.perf_counter() - start


def _change(lab: Any, name: str, raw: dict[str, Any]) -> float:
    """Seconds of deciding and changing; the run that they are part of goes to its end."""
    start = time.perf_counter()
    run, decision = lab.decide(name, raw)
    seconds = [time.perf_counter() - start]
    change = run.driver.change

    def timed(work: Any) -> None:
        begin = time.perf_counter()
        change(work)
        seconds.append(time.perf_counter() - begin)

    run.driver.change = timed
    result = run.apply([decision])[0]
    if result.failed or [entry["impact"] for entry in result.plan] != ["live"]:
        raise SystemExit(f"not a live change: {result.msg or result.plan}")
    return sum(seconds)


def measure(name: str, count: int = COUNT) -> dict[str, Any]:
    """All figures of one engine; its containers are gone afterwards."""
    with tempfile.TemporaryDirectory(prefix="fv-bench-") as folder:
        Path(folder).chmod(0o755)
        engine = ENGINES[name](Path(folder))
        lab = engine.lab()
        try:
            lab.clean()
            found = whole_runs(engine, Ansible([], collection.install(), Path(folder)), count)
            found["in_process_seconds"] = unchanged_in_process(engine, count)
            found["live_memory"] = live_memory(engine)
            found.update(peer_loop(engine, found, count))
        finally:
            lab.clean()
            engine.close()
    return found


if __name__ == "__main__":
    # The labs import the collection into this process.
    sys.path.insert(0, str(collection.install()))
    print(json.dumps({engine: measure(engine) for engine in sys.argv[1:] or installed()}))
