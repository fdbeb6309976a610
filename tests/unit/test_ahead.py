# Copyright: (c) 2026, flotilla.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Answers of the daemon that are asked for ahead: in order, each once, errors where they belong, never far ahead."""

from __future__ import annotations

import sys

import libvirt
import pytest
from ansible_collections.flotilla.virt.plugins.module_utils._libvirt.connection import ahead


@pytest.mark.parametrize("count", [0, 1, 50, 51, 100, 230])
def test_every_object_is_asked_once_and_in_order(count: int) -> None:
    asked: list[int] = []

    def ask(number: int) -> str:
        asked.append(number)
        return str(number)

    found = [(number, answer()) for number, answer in ahead(ask, list(range(count)))]
    assert found == [(number, str(number)) for number in range(count)]
    assert asked == list(range(count))


def test_an_error_is_raised_where_its_answer_is_looked_at() -> None:
    def ask(number: int) -> str:
        if number % 60 == 0:
            raise libvirt.libvirtError("gone")
        return str(number)

    failed = []
    for number, answer in ahead(ask, list(range(130))):
        try:
            assert answer() == str(number)
        except libvirt.libvirtError:
            failed.append(number)
    assert failed == [0, 60, 120]


def test_it_is_never_far_ahead() -> None:
    asked: list[int] = []
    usual = sys.getswitchinterval()
    for number, _answer in ahead(lambda number: asked.append(number) or "", list(range(1000))):  # type: ignore[func-returns-value]
        assert len(asked) <= number + 150
    assert sys.getswitchinterval() == usual
