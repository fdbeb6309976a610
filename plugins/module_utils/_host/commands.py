# Copyright: (c) 2026, flotilla.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Finding and asking an engine's own command, always as an argument list and never through a shell."""

from __future__ import annotations

import os
import re
import subprocess
import typing as t

from ansible_collections.flotilla.virt.plugins.module_utils._host import files

# A fixed list, since PATH under sudo often lacks the sbin folders. /usr/libexec is where the RHEL family keeps qemu-kvm.
_FOLDERS = ("/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin", "/sbin", "/bin", "/usr/libexec")

# A dispatcher that is down makes its command wait; asking for a version takes milliseconds otherwise.
_TIMEOUT_SECONDS = 15

_VERSION = re.compile(r"\d+(?:\.\d+)+")

Run = t.Callable[[t.List[str]], t.Tuple[int, str]]


def find(root: str, name: str) -> t.Optional[str]:
    """Return the path of an executable below ``root``, or None."""
    for folder in _FOLDERS:
        path = files.at(root, os.path.join(folder, name))
        if os.path.isfile(path) and os.access(path, os.X_OK):
            return path
    return None


def run(argv: t.List[str]) -> t.Tuple[int, str]:
    """Run a command without input and return its exit code and what it printed (standard output, then standard error).

    127 stands for a command that cannot be started, 124 for one that did not end in time.
    """
    environment = dict(os.environ, LC_ALL="C")
    try:
        done = subprocess.run(
            argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
            env=environment, timeout=_TIMEOUT_SECONDS, check=False,
        )
    except subprocess.TimeoutExpired:
        return 124, "%s did not end within %d seconds" % (argv[0], _TIMEOUT_SECONDS)
    except OSError as error:
        return 127, "%s: %s" % (argv[0], error.strerror)
    return done.returncode, (done.stdout + done.stderr).decode("utf-8", "replace").strip()


def version(path: str, ask: Run = run) -> t.Optional[str]:
    """Return the first dotted number that ``PATH --version`` prints (``7.2.18``), or None."""
    code, output = ask([path, "--version"])
    match = _VERSION.search(output)
    return match.group(0) if code == 0 and match else None
