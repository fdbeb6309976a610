# Copyright: (c) 2026, flotilla.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Fixtures: nodes of the double in this process, each empty at its start, with a network of their own, and their templates."""

from __future__ import annotations

import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from support.tiny_image import INIT, make_image

from .node import Node

TOOLS = ("wc", "cut", "sort", "env", "id", "grep", "hostname", "ip", "readlink", "ps", "tty", "dash")
CHPASSWD = """#!/bin/sh
# A chpasswd of the guest: something that looks like a hash goes into the shadow file.
IFS=: read -r user password
hash=$(printf %s "$password" | md5sum | cut -d' ' -f1)
sed -i "s|^$user:[^:]*:|$user:\\$1\\$x\\$$hash:|" /etc/shadow
"""
TEMPLATE, DEBIAN = "busybox-1-x86_64", "debian-12-x86_64"


@pytest.fixture(scope="session")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The template: an init, a shell and a few tools."""
    return make_image(tmp_path_factory.mktemp("template"), tools=TOOLS, files={"etc/resolv.conf": "nameserver 10.255.255.53\n"})


@pytest.fixture(scope="session")
def debian(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What the recording's Debian template has and its small one has not: bash, passwords, a release."""
    return make_image(tmp_path_factory.mktemp("debian-template"), tools=(*TOOLS, "bash", "sed", "md5sum"),
                      files={"etc/debian_version": "12.15\n", "usr/sbin/chpasswd": CHPASSWD})


@pytest.fixture(scope="session")
def stubborn(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same with an init that never goes by itself."""
    return make_image(tmp_path_factory.mktemp("stubborn-template"), INIT.replace("trap 'exit 0'", "trap ''"))


@pytest.fixture(scope="session")
def host_network() -> Iterator[tuple[str, ...]]:
    """The network namespace that the nodes of this session have in place of the machine's."""
    with subprocess.Popen(["unshare", "-n", "sleep", "infinity"]) as holder:
        enter = ("nsenter", "-t", str(holder.pid), "-n")
        deadline = time.monotonic() + 20
        while Path(f"/proc/{holder.pid}/comm").read_text().strip() != "sleep":
            assert time.monotonic() < deadline
            time.sleep(0.002)
        subprocess.run([*enter, "ip", "link", "set", "lo", "up"], check=True)
        subprocess.run([*enter, "ip", "addr", "add", "192.0.2.254/32", "dev", "lo"], check=True)
        subprocess.run([*enter, "ip", "link", "add", "br0", "type", "bridge"], check=True)
        subprocess.run([*enter, "ip", "link", "set", "br0", "up"], check=True)
        yield enter
        holder.kill()


@pytest.fixture
def make_node(tmp_path: Path, tiny: Path, debian: Path, stubborn: Path, host_network: tuple[str, ...]) -> Iterator[Callable[..., Node]]:
    """Makes an empty node with templates; everything on it ends with the test."""
    made: list[Node] = []

    def make(version: int = 4, mainline: bool = False, strict: bool = True, prlctl: int = 2024) -> Node:
        node = Node(tmp_path / f"node{len(made)}", version, mainline, strict, host_network, prlctl)
        made.append(node)
        node.make()
        for name, tarball in ((TEMPLATE, tiny), (DEBIAN, debian), ("stubborn-1-x86_64", stubborn)):
            node.add_template(name, tarball)
        return node

    yield make
    for node in made:
        node.clean()
        shutil.rmtree(node.root, ignore_errors=True)
