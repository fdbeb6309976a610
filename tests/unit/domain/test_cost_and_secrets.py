# Copyright: (c) 2026, flotilla.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Cost, failures and secrets of domains, in process; and lives of domains that nobody thought of."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from laws import laws, planted
from laws.domain_cases import USER_KEY
from laws.domain_lab import DomainLab, test_host

from ansible_collections.flotilla.virt.plugins.module_utils._libvirt.domain import elements
from ansible_collections.flotilla.virt.plugins.module_utils._reconcile.reconcile import reconcile

SMALL = {"memory": "64MiB", "state": "stopped", "nics": [{"name": "lan", "network": "lan"}], "tags": {"role": "web"}}


# -- law 9: cost, counted -----------------------------------------------------------------------------------------------------

@pytest.mark.parametrize("state", ["stopped", "running"])
def test_an_unchanged_guest_costs_one_read_of_its_documents(lab: DomainLab, state: str) -> None:
    def run(count: int) -> int:
        requests = [lab.request("n%d" % number, dict(SMALL, state=state)) for number in range(count)]
        results = reconcile(lab.driver(), requests, lab.seal)
        assert not any(result.failed for result in results)
        return sum(result.changed for result in results)

    assert run(40) == 40
    lab.wire.clear()
    assert run(20) == 0
    few = sum(lab.wire.calls.values())
    lab.wire.clear()
    assert run(40) == 0
    assert lab.wire.changes == []
    documents = 1 if state == "stopped" else 2
    assert lab.wire.calls["virDomain.XMLDesc"] == documents * 40
    listing = sum(count for call, count in lab.wire.calls.items() if call.startswith("virConnect."))
    assert listing <= 6, lab.wire.calls
    # Beside its documents a guest costs its name, whether it runs, and (running) its number and whether it is persistent.
    per_guest = (sum(lab.wire.calls.values()) - few) / 20
    assert per_guest <= documents + 8, lab.wire.calls


def test_one_change_costs_one_guest(lab: DomainLab) -> None:
    names = ["n%d" % number for number in range(30)]
    reconcile(lab.driver(), [lab.request(name, SMALL) for name in names], lab.seal)
    lab.wire.clear()
    requests = [lab.request(name, dict(SMALL, title="new") if name == "n7" else SMALL) for name in names]
    assert [result.name for result in reconcile(lab.driver(), requests, lab.seal) if result.changed] == ["n7"]
    assert lab.wire.changes == ["virDomain.setMetadata", "virConnect.defineXML"], lab.wire.changes


# -- law 8: failures ----------------------------------------------------------------------------------------------------------

@pytest.mark.parametrize("threads", [1, 4])
def test_one_guests_failure_is_its_own(lab: DomainLab, threads: int) -> None:
    lab.define("<domain type='test'><name>theirs</name><memory>65536</memory><os><type arch='i686'>hvm</type></os></domain>")
    raws: dict[str, dict[str, Any]] = {"good%d" % number: SMALL for number in range(5)}
    raws.update(theirs=dict(SMALL, title="x"), lost=dict(SMALL, nics=["nowhere"]), bad=dict(SMALL, memory={"maximum": "1GiB"}))
    requests = [lab.request(name, raw) for name, raw in raws.items()]
    results = {result.name: result for result in reconcile(lab.driver(), requests, lab.seal, threads=threads)}
    laws.assert_failure_is_its_own(results, ["theirs", "lost", "bad"])
    assert all(results["good%d" % number].changed and lab.exists("good%d" % number) for number in range(5))
    assert not lab.exists("lost") and not lab.exists("bad")


# -- law 10: secrets ----------------------------------------------------------------------------------------------------------

HASH = "$6$Kq1shopZZ$planted-password-hash"
SCRIPT = "#cloud-config\n{bootcmd: [planted-in-user-data]}\n"


def secretive(password: str, script: str) -> dict[str, Any]:
    return dict(SMALL, state="running", disks=[{"name": "root", "pool": "fast", "size": "1MiB"}],
                cloud_init={"users": [{"name": "ops", "hashed_password": password, "ssh_keys": [USER_KEY]}], "user_data": script})


def test_secrets_are_said_nowhere(lab: DomainLab) -> None:
    planted.assert_secrets_secret(lab, "web", secretive(HASH, SCRIPT), [HASH, "planted-in-user-data"])
    other, text = HASH + "-changed", SCRIPT.replace("planted", "replanted")
    planted.assert_secrets_secret(lab, "web", secretive(other, text), [HASH, other, "planted-in-user-data", "replanted-in-user-data"])
    planted.assert_secrets_secret(lab, "web", SMALL | {"state": "running"}, [HASH, other, "planted-in-user-data", "replanted-in-user-data"])


def test_a_guests_name_is_not_masked_because_it_is_a_password(lab: DomainLab) -> None:
    raw = secretive("shop-db1", "shop")
    result = laws.converge(lab, "shop-db1", raw)
    said = json.dumps(result.to_dict())
    assert result.name == "shop-db1" and '"shop-db1-root.qcow2"' in said
    changed = laws.converge(lab, "shop-db1", secretive("shop-db2", "shop"))
    assert "shop-db2" not in json.dumps(changed.to_dict())
    assert laws.entries(changed)["cloud_init.users[ops].hashed_password"][:2] == ("********", "********")


def test_a_secret_is_kept_where_the_declaration_says_so(lab: DomainLab) -> None:
    lab.must("web", secretive(HASH, SCRIPT))
    spec = lab.spec("web")
    assert spec["cloud_init"]["user_data"] == {"keep": True}
    assert spec["cloud_init"]["users"][0]["hashed_password"] == {"keep": True}
    laws.assert_adoption(lab, "web")
    assert laws.converge(lab, "web", secretive("$6$new", SCRIPT)).changed


def test_a_digest_under_another_key_changes_nothing(lab: DomainLab) -> None:
    from ansible_collections.flotilla.virt.plugins.module_utils._reconcile import secrets

    lab.must("web", secretive(HASH, SCRIPT))
    lab.seal = secrets.sealer(b"another host's key".ljust(32))  # type: ignore[assignment]
    result = lab.must("web", secretive("$6$other", SCRIPT))
    assert (result.changed, result.pending) == (False, [])


# -- lives that nobody thought of -----------------------------------------------------------------------------------------------

names = st.sampled_from(["root", "data", "a_b", "x.y", "n-1", "lan", "dmz"])
sizes = st.sampled_from(["64MiB", "96MiB", "128MiB", "1GiB"])
words = st.text(st.characters(blacklist_categories=("Cs", "Cc"), blacklist_characters="\ufffe\uffff"), max_size=12)


def unique(items: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return list({item["name"]: item for item in items}.values())


nics = st.lists(st.fixed_dictionaries({"name": names, "network": st.sampled_from(["lan", "dmz"])}, optional={
    "link": st.sampled_from(["up", "down"]), "mtu": st.integers(68, 9000), "model": st.sampled_from(["virtio", "e1000"])}), max_size=3).map(unique)
disks = st.lists(st.fixed_dictionaries({"name": names, "pool": st.just("fast"), "size": st.just("1MiB")}, optional={
    "bus": st.sampled_from(["virtio", "scsi", "sata", "usb"]), "cache": st.sampled_from(["none", "unsafe"]), "serial": st.just("S1"),
    "readonly": st.booleans()}), max_size=3).map(unique)
declarations = st.fixed_dictionaries({"memory": st.builds(lambda size, more: {"size": size} | ({"maximum": "2GiB"} if more else {}), sizes, st.booleans())},
                                     optional={
    "cpus": st.integers(1, 4) | st.builds(lambda count: {"count": count, "maximum": 8}, st.integers(1, 8)),
    "title": words, "description": words, "tags": st.dictionaries(names, words, max_size=2), "autostart": st.booleans(),
    "agent": st.booleans(), "console": st.booleans(), "nics": nics, "disks": disks,
    "cloud_init": st.fixed_dictionaries({}, optional={"hostname": st.just("h"), "packages": st.lists(names, max_size=2)}),
    "state": st.sampled_from(["stopped", "running", "paused", "present"]), "on_change": st.sampled_from(["live", "defer"])})


def devices(raw: dict[str, Any]) -> dict[str, Any]:
    """Devices of a running guest cannot be plugged on libvirt's test driver: there they change while it is stopped."""
    return dict(raw, state="stopped") if raw.get("nics") or raw.get("disks") else raw


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(declarations, min_size=2, max_size=4))
def test_any_life(life: list[dict[str, Any]]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        lab = test_host(Path(folder))
        for raw in life:
            lab.must("web", dict(life[0], state="stopped", on_change="live")) if not lab.exists("web") else None
            if lab.exists("web") and lab.raw.lookupByName("web").isActive():
                lab.raw.lookupByName("web").destroy()
            laws.converge(lab, "web", devices(raw))
        laws.assert_adoption(lab, "web")
        laws.converge(lab, "web", {"state": "absent", "remove_storage": True})
        assert not lab.volumes()


@given(st.from_regex(r"[A-Za-z0-9_][A-Za-z0-9_.+:-]{0,20}", fullmatch=True))
def test_a_name_survives_the_alias(name: str) -> None:
    device = elements.build("disk", {}, [("alias", {"name": elements.alias("disk", name)})])
    assert elements.named_by_alias("disk", device) == name
