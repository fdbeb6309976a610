# Copyright: (c) 2026, flotilla.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The laws of the domain module through real Ansible: check mode's truth, and secrets in everything that is said anywhere."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from laws import planted
from laws.ansible_run import Ansible, syslog
from laws.domain_cases import USER_KEY
from laws.domain_lab import DomainLab

pytestmark = [pytest.mark.system, pytest.mark.slow]

PASSWORD = "$6$salt$planted-hash-of-a-password"
# Words that are also a guest's name: masking them would mask the guest.
NAME = "laws-shop-db1"
SCRIPT = "#cloud-config\nbootcmd: [echo planted-in-user-data]\n"
SECRETS = [PASSWORD, "planted-in-user-data"]


@pytest.fixture(name="ansible")
def _ansible(tmp_path: Path, host: DomainLab) -> Iterator[Ansible]:
    with syslog() as log:
        yield Ansible(tmp_path, log)


def arguments(lab: DomainLab, **more: Any) -> dict[str, Any]:
    return {"uri": lab.uri, "name": NAME, "fleet": "shop", "virtualization": "qemu", "memory": "64MiB", "state": "stopped",
            "disks": [{"name": "root", "pool": "fast", "size": "1MiB"}], "nics": ["lan"],
            "cloud_init": {"users": [{"name": "ops", "hashed_password": PASSWORD, "ssh_keys": [USER_KEY]}], "user_data": SCRIPT}, **more}


def public(lab: DomainLab) -> dict[str, str]:
    """What anybody may read: the documents on a read-only connection."""
    out = subprocess.run(["virsh", "-c", lab.uri.replace("libvirt-sock", "libvirt-sock-ro"), "-r", "dumpxml", NAME], capture_output=True,
                         text=True, check=False)
    assert NAME in out.stdout, out.stderr
    return {"virsh -r dumpxml": out.stdout}


def test_check_is_truthful_and_secrets_are_said_nowhere(lab: DomainLab, ansible: Ansible) -> None:
    before = lab.documents()
    foreseen = ansible.module("domain", arguments(lab), check=True)
    assert lab.documents() == before, "check mode touched the host"
    real = ansible.module("domain", arguments(lab))
    again = ansible.module("domain", arguments(lab))
    for part in ("changed", "plan", "diff"):
        assert foreseen.result[part] == real.result[part]
    assert real.result["changed"] and not again.result["changed"] and again.result["plan"] == []
    for said in (foreseen, real, again):
        assert not said.result["failed"], said.result["msg"]
        assert "flotilla" in said.syslog, "the listener heard nothing, so it proves nothing"
        planted.assert_not_in(said.places(), SECRETS)
    planted.assert_not_in(public(lab), SECRETS)


def test_a_password_that_is_the_guests_name_masks_nothing(lab: DomainLab, ansible: Ansible) -> None:
    script = "#cloud-config\nchpasswd: {users: [{name: ops, password: %s, type: text}]}\n"
    said = ansible.module("domain", arguments(lab, cloud_init={"user_data": script % NAME}))
    assert not said.result["failed"], said.result["msg"]
    assert said.result["name"] == NAME and "***" not in said.result["status"]["uuid"]
    assert said.result["spec"]["disks"][0]["volume"] == NAME + "-root.qcow2"
    changed = ansible.module("domain", arguments(lab, cloud_init={"user_data": script % "other-planted"}))
    assert changed.result["changed"], changed.result["msg"]
    planted.assert_not_in(changed.places(), ["other-planted"])


@pytest.mark.parametrize("mistake", [
    {"cloud_init": {"users": [{"name": "ops", "hashed_passwd": "planted-secret"}]}},
    {"cloud_init": {"users": [{"name": "ops", "hashed_password": {"planted-secret": "planted-secret"}}]}},
    {"cloud_init": {"users": [{"name": "ops", "hashed_password": ["planted-secret"]}]}},
    {"cloud_init": {"user_data": ["planted-secret"]}},
    {"cloud_init": {"user_data": "#cloud-config\n{planted-secret: [\n"}},
    {"cloud_init": {"user_data": "planted-secret, and not a cloud config"}},
    {"cloud_init": {"users": [{"name": "planted/user", "hashed_password": "planted-secret"}]}},
    {"memory": 5, "cloud_init": {"user_data": "planted-secret"}},
    {"no_such_option": "planted-secret", "cloud_init": {"user_data": "planted-secret"}},
])
def test_a_mistake_beside_a_secret_does_not_print_it(lab: DomainLab, ansible: Ansible, mistake: dict[str, Any]) -> None:
    said = ansible.module("domain", arguments(lab, **mistake))
    planted.assert_not_in(said.places(), ["planted-secret"])
    assert "Traceback" not in said.output
    if said.result["failed"]:
        assert not lab.raw.listAllDomains() and lab.volumes() == []


def test_any_guest_is_adopted_by_its_own_spec(lab: DomainLab, ansible: Ansible) -> None:
    lab.define("<domain type='qemu'><name>laws old (1)</name><memory>65536</memory><os><type machine='pc'>hvm</type></os></domain>")
    found = ansible.module("domain_info", {"uri": lab.uri}, verbosity=0).result["domains"]
    assert [item["name"] for item in found] == ["laws old (1)"]
    said = ansible.module("domain", dict(found[0]["spec"], name=found[0]["name"], uri=lab.uri, fleet="shop"))
    assert not said.result["failed"], said.result["msg"]
    assert (said.result["changed"], said.result["plan"]) == (False, [])
