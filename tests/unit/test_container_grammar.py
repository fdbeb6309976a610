# Copyright: (c) 2026, flotilla.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The part of the grammar that only containers have."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.flotilla.virt.plugins.module_utils._reconcile import grammar, grammar_containers, kinds, schema


@pytest.mark.parametrize("written, value", [
    ("1.5", "1.5"), (1.5, "1.5"), ("150%", "1.5"), ("150 %", "1.5"), (2, "2"), ("2.0", "2"), ("10%", "0.1"), (100, "100"), ("12.5%", "0.125"),
])
def test_a_cpu_limit_is_said_in_cpus_or_in_percent(written: Any, value: str) -> None:
    assert kinds.cores(written) == value


@pytest.mark.parametrize("written", ["0", "-1", "1.5 cores", "", True, "1e3", "%", "0.00001", [1]])
def test_what_is_no_cpu_limit(written: Any) -> None:
    with pytest.raises(ValueError, match="no CPU limit"):
        kinds.cores(written)


@pytest.mark.parametrize("written, value", [("0", "0"), (0, "0"), ("0-3", "0-3"), ("3,1,2", "1-3"), ("0, 2-3, 3", "0,2-3")])
def test_a_set_of_cpus(written: Any, value: str) -> None:
    assert kinds.number_set(written) == value


@pytest.mark.parametrize("written", ["", "a", "3-1", "0-", "0-99999999999", True, "1,,2"])
def test_what_is_no_set_of_cpus(written: Any) -> None:
    with pytest.raises(ValueError):
        kinds.number_set(written)


@pytest.mark.parametrize("written", ["debian-12", "docker.io/library/nginx:1.27", "localhost:5000/a/b@sha256:00"])
def test_names_of_images(written: str) -> None:
    assert kinds.image(written) == written


@pytest.mark.parametrize("written", ["/a", "a b/c", "a/$(id)", "../x"])
def test_what_is_no_name_of_an_image(written: str) -> None:
    with pytest.raises(ValueError):
        kinds.image(written)


def test_every_option_of_containers_says_whose_it_is() -> None:
    """An option without engines would be accepted, and passed over, by every engine."""
    names = {option.name for option in grammar_containers.OPTIONS}
    unsaid: list[str] = []
    schema.walk([option for option in grammar.GUEST if option.name in names],
                lambda pattern, option: None if option.engines else unsaid.append(pattern))
    assert unsaid == []


@pytest.mark.parametrize("engine, raw, path", [
    ("lxc", {"ports": ["80:80"]}, "ports"), ("kvm", {"cpus": {"limit": "50%"}}, "cpus.limit"), ("lxc", {"restart_policy": "always"}, "restart_policy"),
    ("podman", {"io": {"priority": 3}}, "io"), ("podman", {"cloud_init": {"users": [{"name": "a"}]}}, "cloud_init"),
    ("lxc", {"nics": [{"name": "a", "type": "venet"}]}, "nics[0].type"),
])
def test_what_an_engine_cannot_do_names_engine_and_option(engine: str, raw: dict[str, Any], path: str) -> None:
    problems: list[Any] = []
    spec = schema.parse(grammar.GUEST, raw, "", problems)
    assert problems == []
    found = schema.problems_of_engine(grammar.GUEST, spec, engine, "")
    assert [(problem.path, problem.problem) for problem in found] == [(path, "engine %s has no such option" % engine)]
