# Copyright: (c) 2026, flotilla.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Logging in to a VNC server with a password, as RFC 6143 (7.1, 7.2.2) has it."""

from __future__ import annotations

import os
import socket
import subprocess

VERSION = b"RFB 003.008\n"
VNC_AUTHENTICATION = 2


def lets_in(descriptor: int, password: str) -> bool:
    """Whether the server at the other end of a socket, given by its file descriptor, takes this password."""
    with socket.socket(fileno=descriptor) as link:
        link.settimeout(30)
        stream = link.makefile("rwb")
        assert stream.read(12) == VERSION
        _send(stream, VERSION)
        kinds = stream.read(stream.read(1)[0])
        assert list(kinds) == [VNC_AUTHENTICATION], kinds
        _send(stream, bytes([VNC_AUTHENTICATION]))
        _send(stream, _answer(stream.read(16), password))
        return stream.read(4) == b"\0\0\0\0"


def _send(stream: object, data: bytes) -> None:
    stream.write(data)  # type: ignore[attr-defined]
    stream.flush()  # type: ignore[attr-defined]


def _answer(challenge: bytes, password: str) -> bytes:
    """The challenge encrypted with DES under the password, each of whose bytes is read backwards."""
    key = password.encode().ljust(8, b"\0")[:8]
    turned = bytes(int("{:08b}".format(byte)[::-1], 2) for byte in key)
    # OpenSSL keeps single DES among its legacy algorithms; three times the same key is the same.
    return subprocess.run(["openssl", "enc", "-des-ede3", "-nopad", "-K", (turned * 3).hex()], input=challenge, check=True,
                          capture_output=True, env={**os.environ, "OPENSSL_CONF": "/dev/null"}).stdout
