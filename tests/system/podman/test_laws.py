from __future__ import annotations
from typing import Any
from laws import laws
from laws.podman_lab import PodmanLab

def test_smoke(lab: PodmanLab, base: dict[str, Any]) -> None:
    r = laws.converge(lab, "web", base)
    print(r.spec)
    r = laws.converge(lab, "web", {**base, "memory": "128MiB"})
    print(r.plan, r.pending)
