# Copyright: (c) 2026, flotilla.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The documentation of the grammar is generated from it, and the generated files are those of this grammar."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def test_fragments_are_up_to_date() -> None:
    done = subprocess.run([sys.executable, str(ROOT / "tests/tools/generate_docs.py"), "--check"], cwd=ROOT,
                          env={"PYTHONPATH": str(ROOT / "build/tree"), "PATH": "/usr/bin:/bin"},
                          capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
