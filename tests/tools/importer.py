# Copyright: (c) 2026, flotilla.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Puts the collection's archive through galaxy-importer and fails on its errors and warnings.

galaxy-importer ends with success whatever its linter found, so its messages are what counts.
"""

from __future__ import annotations

import re
import subprocess
import sys
import tempfile


def main(arguments: list[str]) -> int:
    """Import the archive that the first argument names, in an empty folder, and return the exit status."""
    command = [sys.executable, "-m", "galaxy_importer.main", arguments[0]]
    with tempfile.TemporaryDirectory() as folder:  # it writes its result where it runs
        done = subprocess.run(command, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    print(done.stdout)
    complaints = [line for line in done.stdout.splitlines() if re.match(r"(WARNING|ERROR|CRITICAL)\b", line)]
    if done.returncode != 0 or "completed successfully" not in done.stdout:
        print(f"galaxy-importer ended with status {done.returncode}.")
        return 1
    if complaints:
        print(f"galaxy-importer complained {len(complaints)} times.")
    return 1 if complaints else 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
