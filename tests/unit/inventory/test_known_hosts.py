# Copyright: (c) 2026, flotilla.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""SSH host keys: what is kept of a guest's word, and the file that is made of them, as OpenSSH itself reads it."""

from __future__ import annotations

import shlex
import subprocess
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.flotilla.virt.plugins.module_utils._reconcile.host_keys import LONGEST, public_keys
from ansible_collections.flotilla.virt.plugins.plugin_utils import _known_hosts
from ansible_collections.flotilla.virt.plugins.plugin_utils._guests import Guest, Source, guest_of

ED25519 = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOMqqnkVzrm0SdG6UOoqKLsabgH5C9okWi0dh2l9GKJl"
OTHER = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOMqqnkVzrm0SdG6UOoqKLsabgH5C9okWi0dh2l9GKJm"


def guest(name: str, *keys: Any, uuid: str | None = "0c9c3d1e-0000-4000-8000-000000000001", jump: str = "") -> Guest:
    addresses = [{"address": "10.30.0.5", "mac": "", "source": "lease"}]
    status = {"uuid": uuid, "addresses": addresses, "host_keys": list(keys)}
    return guest_of({"name": name, "spec": {"state": "running"}, "status": status}, "kvm", Source("kvm1", bool(jump), jump))


@pytest.mark.parametrize("kind", ["ed25519", "ecdsa", "rsa"])
def test_what_sshd_has_is_a_key_without_its_comment(tmp_path: Path, kind: str) -> None:
    subprocess.run(["ssh-keygen", "-q", "-t", kind, "-N", "", "-C", "root@db1 and more", "-f", str(tmp_path / "key")], check=True)
    text = (tmp_path / "key.pub").read_text()
    assert public_keys([text]) == [" ".join(text.split()[:2])]


@pytest.mark.parametrize("text", [
    "", "ssh-ed25519", "* " + ED25519, "@cert-authority * " + ED25519, ED25519 + "\nbank.example " + OTHER, "{{ lookup('pipe', 'id') }}",
    "ssh-rsa " + ED25519.split()[1], ED25519[:-1], ED25519.replace("AAAAC3", "=AAAC3"), ED25519 + " x" * LONGEST, None, 7, ["x"],
])
def test_anything_else_is_none(text: Any) -> None:
    assert public_keys([text]) == []


def test_a_guest_is_looked_up_under_its_name_and_nothing_else(tmp_path: Path) -> None:
    named = {"db1": guest("db1", ED25519), "quiet": guest("quiet")}
    known = _known_hosts.aliases(named)
    assert known == {"db1": "db1"}
    file = tmp_path / "known_hosts"
    _known_hosts.write(str(file), _known_hosts.text(named, known))
    assert _find(file, "db1") == ["db1 " + ED25519]
    assert _find(file, "10.30.0.5") == _find(file, "quiet") == []


@pytest.mark.parametrize("name", ["*", "db1,bank.example", "!x", "|1|x", "@revoked", "#", "Web", "a b"])
def test_a_name_that_would_mean_more_gives_way_to_the_uuid(tmp_path: Path, name: str) -> None:
    named = {name: guest(name, ED25519)}
    known = _known_hosts.aliases(named)
    assert known == {name: named[name].variables["flotilla_uuid"]}
    file = tmp_path / "known_hosts"
    _known_hosts.write(str(file), _known_hosts.text(named, known))
    assert len(_find(file, known[name])) == 1 and _find(file, "bank.example") == []
    assert _known_hosts.aliases({name: guest(name, ED25519, uuid=None)}) == {}


def test_ssh_takes_the_options_whatever_the_files_name(tmp_path: Path) -> None:
    """As `ssh` itself understands them; those of a jump stay in front."""
    place = str(tmp_path / "a folder" / "100%h" / "known_hosts")
    said = _known_hosts.verified(guest("db1", ED25519, jump="-o ProxyJump=ops@192.0.2.11"), place, "db1").variables
    words = shlex.split(said["ansible_ssh_common_args"])
    assert words[:2] == ["-o", "ProxyJump=ops@192.0.2.11"]
    shown = subprocess.run(["ssh", "-G", "-F", "none", *words, "10.30.0.5"], capture_output=True, text=True, check=True).stdout.lower().splitlines()
    assert "userknownhostsfile %s" % place.lower() in [line.replace('"', "").replace("%%", "%") for line in shown]
    assert "hostkeyalias db1" in shown and "stricthostkeychecking true" in shown and "proxyjump ops@[192.0.2.11]" in shown


def test_the_file_is_only_written_when_it_would_say_something_else(tmp_path: Path) -> None:
    place = tmp_path / "new" / "known_hosts"
    _known_hosts.write(str(place), "one\n")
    before = place.stat()
    _known_hosts.write(str(place), "one\n")
    assert place.stat().st_ino == before.st_ino
    _known_hosts.write(str(place), "two\n")
    assert place.read_text() == "two\n" and [each.name for each in place.parent.iterdir()] == ["known_hosts"]


def _find(file: Path, host: str) -> list[str]:
    """The lines in which OpenSSH finds this host."""
    done = subprocess.run(["ssh-keygen", "-F", host, "-f", str(file)], capture_output=True, text=True, check=False)
    return [line for line in done.stdout.splitlines() if not line.startswith("#")]
