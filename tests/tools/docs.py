# Copyright: (c) 2026, flotilla.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Builds the documentation site into build/docs/html: the pages of docs/ and one for every plugin and role.

It works offline, and every warning is an error.
"""

from __future__ import annotations

import os
import shutil
import subprocess

import collection

SITE = collection.BUILD / "docs"
SOURCE = SITE / "source"
SPHINX = collection.BUILD / "venv/bin"


def main() -> int:
    """Build the site and return the exit status."""
    collection.checkout()
    shutil.rmtree(SOURCE, ignore_errors=True)
    shutil.copytree(collection.ROOT / "docs", SOURCE)
    reference = SOURCE / "reference"
    reference.mkdir(mode=0o755)  # antsibull-docs wants a folder that others cannot write to
    env = {**os.environ, "ANSIBLE_COLLECTIONS_PATH": str(collection.BUILD / "checkout"), "PATH": f"{SPHINX}:{os.environ['PATH']}"}
    plugins = ["antsibull-docs", "--config-file", str(SOURCE / "antsibull-docs.cfg"), "collection", "--use-current", "--squash-hierarchy"]
    plugins += ["--dest-dir", str(reference), "flotilla.virt"]
    # -E: nothing is taken over from an earlier build, so a warning is seen every time and not only the first.
    sphinx = ["sphinx-build", "-b", "html", "-W", "--keep-going", "-E", "-q", "-c", str(SOURCE), str(SOURCE), str(SITE / "html")]
    for command in (plugins, sphinx):
        status = subprocess.run(command, env=env, check=False).returncode
        if status != 0:
            return status
    print(f"The documentation is in {SITE / 'html' / 'index.html'}")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
