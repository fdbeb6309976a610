# Copyright: (c) 2026, flotilla.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The interface through which container drivers touch their host, where several threads use it at once."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from ansible_collections.flotilla.virt.plugins.module_utils._containers.host import LocalHost
from ansible_collections.flotilla.virt.plugins.module_utils._reconcile.errors import EngineError


def test_a_directory_that_another_thread_makes_meanwhile_is_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    place, seen = str(tmp_path / "notes"), []
    real = os.path.isdir

    def late(path: str) -> bool:
        """Says what was true a moment ago: the other thread comes right after the first look."""
        if path == place and not seen:
            seen.append(path)
            os.mkdir(place)
            return False
        return real(path)

    monkeypatch.setattr(os.path, "isdir", late)
    LocalHost().make_dir(place)
    assert seen and real(place)


def test_a_file_in_the_way_of_a_directory_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "notes").write_text("")
    with pytest.raises(EngineError, match="notes"):
        LocalHost().make_dir(str(tmp_path / "notes"))
