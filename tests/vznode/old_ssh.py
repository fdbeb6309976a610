# Copyright: (c) 2026, flotilla.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A real sshd on a node without Python that offers no more than OpenSSH 5.3 did, the one of RHEL 6.

ssh-rsa for host and user keys, Diffie-Hellman with SHA-1, AES in CBC and counter mode, HMAC with SHA-1; no sftp.
"""

from __future__ import annotations

import socket
import subprocess
import time
from pathlib import Path
from typing import Any

from .bare import DEADLINE, BareNode

OLD = """HostKeyAlgorithms ssh-rsa
PubkeyAcceptedAlgorithms ssh-rsa
KexAlgorithms diffie-hellman-group-exchange-sha1,diffie-hellman-group14-sha1,diffie-hellman-group1-sha1
Ciphers aes128-ctr,aes128-cbc,3des-cbc
MACs hmac-sha1,hmac-md5
"""
# What the documentation tells the user to set for such a host, and for no other.
COMMON = "-o KexAlgorithms=+diffie-hellman-group14-sha1 -o HostKeyAlgorithms=+ssh-rsa -o PubkeyAcceptedAlgorithms=ssh-rsa"


class OldSshd:
    """Runs until the node ends. Root and `ops` may log in with the key in `folder`."""

    def __init__(self, bare: BareNode, folder: Path) -> None:
        self.folder = folder
        root = bare.node.root
        for name in ("host", "user"):
            subprocess.run(["ssh-keygen", "-q", "-t", "rsa", "-b", "2048", "-m", "PEM", "-N", "", "-f", str(folder / name)], check=True)
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        (root / "etc/ssh/key").write_text((folder / "host").read_text())
        (root / "etc/ssh/key").chmod(0o600)
        (root / "etc/ssh/authorized").write_text((folder / "user.pub").read_text())
        (root / "etc/ssh/node_config").write_text(
            f"Port {self.port}\nListenAddress 127.0.0.1\nHostKey /etc/ssh/key\nAuthorizedKeysFile /etc/ssh/authorized\nPermitRootLogin yes\n"
            f"PasswordAuthentication no\nUsePAM no\nStrictModes no\nPidFile none\n{OLD}")
        (folder / "known_hosts").write_text(f"[127.0.0.1]:{self.port} {(folder / 'host.pub').read_text()}")
        self.process = subprocess.Popen(  # pylint: disable=consider-using-with
            [*bare.enter, "/usr/sbin/sshd", "-D", "-e", "-f", "/etc/ssh/node_config"], stderr=(folder / "sshd.log").open("w"))
        self._wait()

    def _wait(self) -> None:
        deadline = time.monotonic() + DEADLINE
        while True:
            try:
                with socket.create_connection(("127.0.0.1", self.port), 5) as probe:
                    if probe.recv(8).startswith(b"SSH-2.0"):
                        return
            except ConnectionError:
                pass
            assert time.monotonic() < deadline and self.process.poll() is None, (self.folder / "sshd.log").read_text()
            time.sleep(0.01)

    def variables(self, common: str = COMMON, **more: Any) -> dict[str, Any]:
        """How Ansible reaches it; without `common` as a host of today."""
        own = f"-F none -o UserKnownHostsFile={self.folder}/known_hosts -o IdentitiesOnly=yes"
        return {"ansible_connection": "ssh", "ansible_host": "127.0.0.1", "ansible_port": self.port, "ansible_user": "root",
                "ansible_ssh_private_key_file": f"{self.folder}/user", "ansible_ssh_common_args": f"{own} {common}".strip(), **more}

    @property
    def settings(self) -> dict[str, str]:
        """The environment of Ansible that goes with it."""
        return {"ANSIBLE_SSH_CONTROL_PATH_DIR": str(self.folder / "cp"), "ANSIBLE_HOST_KEY_CHECKING": "true"}

    def end(self) -> None:
        """Stop it."""
        self.process.kill()
        self.process.wait()
