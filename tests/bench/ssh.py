# Copyright: (c) 2026, flotilla.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""An SSH server of the benchmark's own, inside the private libvirtd's namespaces, on 127.0.0.1 of their network."""

from __future__ import annotations

import shutil
import subprocess
import time
from pathlib import Path
from types import TracebackType
from typing import Any

PORT = 2222


class PrivateSshd:
    """Started and stopped by a `with` block. `variables` are those of a host in an inventory that is reached by it."""

    def __init__(self, enter: list[str], folder: Path, deadline: float = 15) -> None:
        """Prepare one that runs behind `enter`, with its keys below `folder`; `deadline` is in seconds."""
        self.enter = enter
        self.folder = folder
        self.deadline = deadline
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def variables(self) -> dict[str, Any]:
        """How Ansible reaches it: as root, with become, and with the host key known."""
        known = f"-o UserKnownHostsFile={self.folder}/known_hosts -o GlobalKnownHostsFile=/dev/null -o IdentitiesOnly=yes"
        return {
            "ansible_connection": "ssh",
            "ansible_host": "127.0.0.1",
            "ansible_port": PORT,
            "ansible_user": "root",
            "ansible_ssh_private_key_file": f"{self.folder}/user",
            "ansible_ssh_common_args": known,
            "ansible_become": True,
            "ansible_become_method": "sudo",
        }

    @property
    def settings(self) -> dict[str, str]:
        """The environment of ansible-playbook that goes with it."""
        return {"ANSIBLE_PIPELINING": "true", "ANSIBLE_SSH_CONTROL_PATH_DIR": f"{self.folder}/control"}

    def __enter__(self) -> PrivateSshd:
        """Start it and return when it answers."""
        for key in ("host", "user"):
            subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(self.folder / key)], check=True)
        shutil.copy(self.folder / "user.pub", self.folder / "authorized_keys")
        host_key = (self.folder / "host.pub").read_text(encoding="utf-8")
        (self.folder / "known_hosts").write_text(f"[127.0.0.1]:{PORT} {host_key}", encoding="utf-8")
        (self.folder / "sshd_config").write_text(
            f"Port {PORT}\nListenAddress 127.0.0.1\nHostKey {self.folder}/host\nAuthorizedKeysFile {self.folder}/authorized_keys\n"
            "PermitRootLogin prohibit-password\nPasswordAuthentication no\nUsePAM no\nStrictModes no\nPidFile none\n",
            encoding="utf-8",
        )
        Path("/run/sshd").mkdir(mode=0o755, exist_ok=True)  # OpenSSH on Debian refuses to start without it
        command = self.enter + ["/usr/sbin/sshd", "-D", "-f", f"{self.folder}/sshd_config", "-E", f"{self.folder}/log"]
        self._process = subprocess.Popen(command, stdin=subprocess.DEVNULL)
        self._wait()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        """End it; sessions that are left end with the namespaces."""
        if self._process is not None:
            self._process.terminate()
            self._process.wait()

    def _wait(self) -> None:
        probe = self.enter + ["ssh-keyscan", "-p", str(PORT), "-t", "ed25519", "127.0.0.1"]
        end = time.monotonic() + self.deadline
        while subprocess.run(probe, capture_output=True, check=False).stdout == b"":
            if time.monotonic() > end or (self._process is not None and self._process.poll() is not None):
                log = self.folder / "log"
                said = log.read_text(encoding="utf-8") if log.exists() else "it said nothing"
                raise RuntimeError(f"the private sshd does not answer: {said}")
            time.sleep(0.05)
