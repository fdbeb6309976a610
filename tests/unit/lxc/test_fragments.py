# Copyright: (c) 2026, flotilla.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The documented options are those of the grammar."""

from __future__ import annotations

import importlib.util
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]


def test_the_doc_fragments_are_up_to_date() -> None:
    spec = importlib.util.spec_from_file_location("fragments", ROOT / "tests/tools/fragments.py")
    fragments = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(fragments)
    for path, options in fragments.FRAGMENTS.items():
        assert (ROOT / path).read_text() == fragments.fragment(options), "run python tests/tools/fragments.py"
