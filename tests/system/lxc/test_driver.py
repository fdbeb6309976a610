# Copyright: (c) 2026, flotilla.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The laws, on real containers: each test names the one it proves."""

from __future__ import annotations

import os
import shutil
import socket
import stat
import subprocess
import tarfile
from pathlib import Path
from typing import Any

import pytest
from laws import laws
from laws.ansible_run import Ansible, syslog
from laws.container_lab import settled
from laws.planted import assert_not_in, assert_secrets_secret
from laws.wire import Killed

from ansible_collections.flotilla.virt.plugins.module_utils._containers.lxc import cgroup
from ansible_collections.flotilla.virt.plugins.module_utils._reconcile.errors import DeclarationError

from .conftest import BRIDGE, PREFIX, SUBNET, Place

BY_HAND = """# our mail relay, ask Anna before you touch it
lxc.include = /usr/share/lxc/config/common.conf
lxc.uts.name = {name}
lxc.rootfs.path = dir:{rootfs}
lxc.net.0.type = veth
lxc.net.0.link = {bridge}
lxc.net.0.flags = up
lxc.net.0.hwaddr = 52:54:00:77:09:01
lxc.net.0.ipv4.address = {subnet}.31/24
lxc.net.1.type = empty
# half a CPU more than one
lxc.cgroup.cpu.cfs_quota_us = 150000
lxc.cgroup2.cpu.max = 150000 100000
lxc.cgroup.memory.limit_in_bytes = 96M
lxc.cgroup2.memory.max = 96M
lxc.environment = TZ=UTC
"""


def live(place: Place, name: str = "a") -> cgroup.Limits:
    """The limits in force, read by LXC's own command."""
    def ask(setting: str) -> str:
        done = subprocess.run(["lxc-cgroup", "-n", PREFIX + name, setting], capture_output=True, text=True, check=False)
        return done.stdout.strip()
    hierarchies = cgroup.probe(place.host)
    names = (cgroup.MEMORY_V1, cgroup.QUOTA_V1, cgroup.PERIOD_V1) if hierarchies.version["memory"] == 1 \
        else (cgroup.MEMORY_V2, cgroup.CPU_V2)
    return cgroup.live_limits({setting: ask(setting) for setting in names}, hierarchies)


def test_a_container_is_made_as_declared(place: Place, base: dict[str, Any]) -> None:
    declaration = {**base, "autostart": True, "tags": {"role": "web"}, "wait_for": "address", "cloud_init": {
        "users": [{"name": "ops", "ssh_keys": ["ssh-ed25519 AAAA ops"], "sudo": True}], "timezone": "Europe/Berlin"}}
    foretold = place.run(declaration, check=True)
    assert foretold.changed and not place.directory().exists(), "check mode touches nothing"
    result = place.converge(declaration)
    assert result.status["state"] == "RUNNING" and result.status["addresses"] == [f"{SUBNET}.21"]
    assert live(place) == cgroup.Limits(128 << 20, 1.0)
    assert place.inside("uname", "-n") == PREFIX + "a"
    assert place.inside("cat", "/home/ops/.ssh/authorized_keys") == "ssh-ed25519 AAAA ops"
    assert "lxc.start.auto = 1" in place.config()
    assert "PRIVATE KEY" in place.inside("cat", "/etc/ssh/ssh_host_ed25519_key"), "not the one of the image"
    with pytest.raises(ConnectionRefusedError):  # nothing listens there, and the address answers
        socket.create_connection((f"{SUBNET}.21", 22), timeout=10)


def test_memory_and_cpus_change_while_init_stays(place: Place, base: dict[str, Any]) -> None:
    place.converge(base)
    before = place.pid(), place.started()
    result = place.converge({**base, "memory": "192MiB", "cpus": 2})
    assert [entry["impact"] for entry in result.plan] == ["live", "live"] and result.pending == []
    assert live(place) == cgroup.Limits(192 << 20, 2.0)
    assert (place.pid(), place.started()) == before
    place.converge({**base, "memory": "64MiB"})
    assert live(place) == cgroup.Limits(64 << 20, 1.0) and (place.pid(), place.started()) == before


def test_a_limit_changed_behind_our_back_is_put_right(place: Place, base: dict[str, Any]) -> None:
    place.converge(base)
    hierarchies = cgroup.probe(place.host)
    for setting, value in cgroup.live_settings("cpus", cgroup.Limits(cpus=2.0), cgroup.Limits(), hierarchies):
        subprocess.run(["lxc-cgroup", "-n", PREFIX + "a", setting, value], check=True)
    result = place.converge(base)
    assert [(entry["path"], entry["before"], entry["after"]) for entry in result.plan] == [("cpus.count", 2, 1)]


def test_memory_in_use_is_not_taken_and_waits(place: Place, base: dict[str, Any]) -> None:
    place.converge(base)
    hog = subprocess.Popen(["lxc-attach", "-n", PREFIX + "a", "--", "sh", "-c",
                            "x=$(head -c 60000000 /dev/zero | tr '\\0' x); echo full; read line"],
                           stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    try:
        assert hog.stdout.readline() == "full\n"
        for _round in range(2):
            result = place.run({**base, "memory": "32MiB"})
            assert not result.failed, result.msg
            assert [(entry["path"], entry["reason"]) for entry in result.pending] == [("memory.size", "guest has not complied")]
        assert not result.changed and hog.poll() is None, "nothing was killed for it"
    finally:
        hog.communicate("\n")
    result = place.run({**base, "memory": "32MiB"})
    assert not result.changed, "asking again is no change"
    assert live(place).memory == 32 << 20
    assert place.run({**base, "memory": "32MiB"}).pending == []


def test_what_needs_a_restart_is_pending_until_there_was_one(place: Place, base: dict[str, Any]) -> None:
    place.converge(base)
    before = place.pid()
    nic = {**base["nics"][0], "mac": "52:54:00:77:00:22"}
    edited = {**base, "environment": {"TZ": "UTC"}, "nesting": True, "nics": [nic]}
    result = place.converge(edited)
    assert {entry["path"] for entry in result.pending} >= {"nics[lan]", "environment", "nesting"}
    assert {entry["path"]: (entry["running"], entry["stored"]) for entry in result.pending}["nesting"] == (False, True)
    assert place.pid() == before
    result = place.converge({**edited, "on_change": "restart"})
    assert {entry["impact"] for entry in result.plan} == {"restart"} and result.pending == []
    assert place.pid() != before and "TZ=UTC" in Path(f"/proc/{place.pid()}/environ").read_text().split("\0")
    place.converge(base)


def test_defer_leaves_the_running_container(place: Place, base: dict[str, Any]) -> None:
    place.converge(base)
    result = place.converge({**base, "memory": "64MiB", "on_change": "defer"})
    assert live(place).memory == 128 << 20
    assert [entry["path"] for entry in result.pending] == ["memory.size"]


def test_what_is_no_longer_declared_is_taken_back_and_the_rest_left(place: Place, base: dict[str, Any]) -> None:
    more = {**base, "autostart": True, "tags": {"a": "b"}, "hostname": "other",
            "nics": base["nics"] + [{"name": "two", "bridge": base["nics"][0]["bridge"], "address": f"{SUBNET}.23/24"}]}
    place.converge(more)
    (place.directory() / "config").write_text(place.config() + "lxc.environment = BY=hand\n")
    result = place.converge(base)
    assert sorted(entry["path"] for entry in result.plan) == ["autostart", "hostname", "nics[two]", "tags"]
    assert "lxc.net.1" not in place.config() and "lxc.environment = BY=hand" in place.config()
    assert not result.spec.get("tags") and result.spec["autostart"] is False


def test_states(place: Place, base: dict[str, Any]) -> None:
    place.converge({**base, "state": "stopped"})
    assert place.pid() == 0
    place.converge({**base, "state": "running"})
    init = place.pid()
    place.converge({**base, "state": "paused"})
    assert place.run({**base, "state": "present"}).status["state"] == "FROZEN"
    place.converge({**base, "state": "running"})
    assert place.pid() == init
    place.converge(base)
    place.converge({**base, "state": "stopped"})


def test_a_container_that_will_not_stop_is_killed_only_when_that_is_said(place: Place, base: dict[str, Any]) -> None:
    place.converge({**base, "image": "stubborn"})
    init = place.pid()
    result = place.run({"state": "stopped", "stop_timeout": 1})
    assert result.failed and "did not shut down within 1 s" in result.msg
    assert place.pid() == init
    place.converge({"state": "stopped", "stop_timeout": 1, "force_stop": True})
    assert place.pid() == 0


@pytest.mark.parametrize("start", [False, True])
def test_a_container_made_by_hand_is_its_own_valid_declaration(place: Place, image: Path, start: bool) -> None:
    place.by_hand(BY_HAND, image, start=start)
    before = place.config()
    rendered = place.spec(PREFIX + "a")
    assert rendered["memory"] == {"size": "96MiB"} and rendered["cpus"] == {"limit": "1.5"} and rendered["environment"] == {"TZ": "UTC"}
    assert rendered["nics"][0]["address"] == f"{SUBNET}.31/24" and rendered["state"] == ("running" if start else "stopped")
    laws.assert_adoption(place, PREFIX + "a")
    assert place.config() == before


def test_adoption_is_asked_for_and_edits_one_line(place: Place, image: Path) -> None:
    place.by_hand(BY_HAND, image, start=True)
    before, init = place.config(), place.pid()
    laws.assert_refused(place, PREFIX + "a", {"memory": "64MiB"}, "memory.size 96MiB -> 64MiB", "adopt: true")
    assert place.config() == before and not (place.directory() / "flotilla.json").exists()
    place.converge({"memory": "64MiB", "adopt": True})
    assert live(place) == cgroup.Limits(64 << 20, 1.5) and place.pid() == init
    changed = [(old, new) for old, new in zip(before.splitlines(), place.config().splitlines()) if old != new]
    assert sorted(new.split(" = ")[1] for _old, new in changed) == ["67108864", "67108864"]
    place.converge({"state": "absent", "remove_storage": True})
    assert (place.directory() / "rootfs/sbin/init").exists(), "storage that we did not make stays"


def test_another_fleets_container_is_not_touched(place: Place, base: dict[str, Any]) -> None:
    place.converge(base)
    laws.assert_refused(place, PREFIX + "a", {**base, "memory": "64MiB", "adopt": True}, "belongs to fleet 'fltest'", fleet="other")
    assert live(place).memory == 128 << 20


def test_released_and_protected(place: Place, base: dict[str, Any]) -> None:
    place.converge({**base, "protect": True})
    laws.assert_refused(place, PREFIX + "a", {"state": "absent"}, "is protected")
    init = place.pid()
    place.run({"state": "released"})
    assert place.pid() == init and not (place.directory() / "flotilla.json").exists()
    assert not place.run({"state": "released"}).changed


def test_removing_keeps_the_root_file_system_unless_told(place: Place, base: dict[str, Any]) -> None:
    place.converge(base)
    place.converge({"state": "absent"})
    assert (place.directory() / "rootfs/sbin/init").exists() and not (place.directory() / "config").exists()
    again = place.run(base)
    assert again.failed and "was kept when the container" in again.msg
    shutil.rmtree(place.directory())
    place.converge(base)
    place.converge({"state": "absent", "remove_storage": True})
    assert not place.directory().exists()


NIC = {"name": "lan", "bridge": BRIDGE, "address": f"{SUBNET}.21/24", "gateway": f"{SUBNET}.1"}
ONE = {"image": "tiny", "cpus": 1, "memory": "128MiB", "nics": [NIC], "tags": {"a": "b"}}
OTHER = {**ONE, "memory": "64MiB", "cpus": 2, "tags": {"c": "d"}, "hostname": "other", "autostart": True,
         "nics": [{**NIC, "address": f"{SUBNET}.22/24"}, {"name": "two", "bridge": BRIDGE, "address": f"{SUBNET}.23/24"}]}
FIRST_BOOT = {"users": [{"name": "ops", "ssh_keys": ["ssh-ed25519 AAAA ops"], "sudo": True}], "timezone": "Europe/Berlin"}


def fresh_of(place: Place) -> Any:
    """Makes one host without containers of ours after the other."""
    def make() -> Any:
        place.clean()
        return place, place.wire
    return make


@pytest.mark.usefixtures("bridge")
@pytest.mark.parametrize(("earlier", "raw"), [
    ([], {**ONE, "cloud_init": FIRST_BOOT}), ([], {**ONE, "state": "stopped"}), ([], {**ONE, "state": "paused"}), ([ONE], OTHER), ([OTHER], ONE),
    ([ONE], {**OTHER, "on_change": "restart"}), ([ONE, OTHER], {**OTHER, "on_change": "restart"}),
    ([{**ONE, "state": "stopped"}], {**OTHER, "state": "running"}), ([ONE], {**OTHER, "state": "stopped"}),
    ([ONE], {"state": "absent"}), ([ONE], {"state": "absent", "remove_storage": True}), ([ONE], {"state": "released"}),
], ids=["create", "create stopped", "create paused", "change", "change back", "change and restart", "restart", "change and start",
        "change and stop", "remove", "remove storage", "release"])
def test_killed_at_every_changing_call(place: Place, earlier: list[dict[str, Any]], raw: dict[str, Any]) -> None:
    assert laws.assert_killed_runs_are_finished(fresh_of(place), PREFIX + "a", raw, earlier, settled) >= 1


@pytest.mark.usefixtures("bridge")
def test_a_creation_that_was_killed_anywhere_can_be_removed(place: Place) -> None:
    for number in range(1000):
        place.clean()
        place.wire.kill_before_change(number)
        try:
            place.run(ONE)
        except Killed as death:
            place.wire.clear()
            result = place.apply(PREFIX + "a", {"state": "absent"})
            assert not result.failed, f"{death}: {result.msg}"
            left = set(os.listdir(place.directory())) if place.directory().exists() else set()
            assert not left or "rootfs" in left, f"{death}: left {sorted(left)}"
        else:
            break
    assert number > 10


def test_somebody_elses_change_in_between_is_noticed(place: Place, base: dict[str, Any]) -> None:
    place.converge(base)
    run, decision = place.decide(PREFIX + "a", {**base, "memory": "64MiB"})
    theirs = place.config() + "# theirs\n"
    (place.directory() / "config").write_text(theirs)
    assert "was changed by somebody else" in run.apply([decision])[0].msg
    assert place.config() == theirs


@pytest.mark.parametrize("threads", [1, 4])
def test_one_containers_failure_is_its_own(place: Place, base: dict[str, Any], tmp_path: Path, threads: int) -> None:
    cut = tmp_path / "cut.tar"
    cut.write_bytes(Path(place.images["tiny"]).read_bytes()[:300000])
    place.images["cut"] = str(cut)
    plain = {**base, "nics": []}
    results = place.run_all({PREFIX + name: {**plain, **more} for name, more in (
        ("a", {}), ("bad", {"image": "nowhere"}), ("lost", {"image": "cut"}), ("c", {"state": "stopped"}))}, threads)
    laws.assert_failure_is_its_own(results, [PREFIX + "bad", PREFIX + "lost"])
    assert place.pid() and place.exists(PREFIX + "c") and not place.directory("bad").exists()


def test_an_unchanged_container_costs_a_few_reads(place: Place, base: dict[str, Any]) -> None:
    many = {PREFIX + "n%d" % number: {**base, "nics": [], "state": "stopped"} for number in range(5)}
    assert not any(result.failed for result in place.run_all(many).values())
    # For each its directory's names; the texts of all are read at once, and so is what the kernel says of processes.
    laws.assert_cost_of_nothing(place.wire, lambda: place.run_all(many), 5, 2, 16)
    laws.assert_one_change_is_one_resource(place, place.wire, many, PREFIX + "n3", {**base, "nics": [], "state": "stopped", "memory": "64MiB"})


def test_a_failed_run_says_what_was_done(place: Place, base: dict[str, Any]) -> None:
    def spoil(text: str) -> None:
        if text.startswith("start"):
            (place.directory() / "config").write_text(place.config() + "lxc.mount.entry = /nonexistent mnt none bind 0 0\n")
    result = place.run(base, hook=spoil)
    assert result.failed and result.changed and "cannot start the container" in result.msg and "/nonexistent" in result.msg
    assert result.applied_steps[-1].startswith("write the configuration")
    (place.directory() / "config").write_text(place.config().replace("lxc.mount.entry = /nonexistent mnt none bind 0 0\n", ""))
    place.converge(base)


def test_secrets_are_nowhere(place: Place, base: dict[str, Any]) -> None:
    planted = "$6$rounds$planted-secret"
    with_secret = {**base, "cloud_init": {"users": [{"name": "ops", "hashed_password": planted}]}}
    assert_secrets_secret(place, PREFIX + "a", with_secret, [planted])
    result = place.run(with_secret)
    note = place.directory() / "flotilla.json"
    assert stat.S_IMODE(note.stat().st_mode) == 0o600
    assert planted in (place.directory() / "rootfs/etc/shadow").read_text()
    keep = result.spec["cloud_init"]
    assert keep["users"][0]["hashed_password"] == {"keep": True}
    assert not place.run({**base, "cloud_init": keep}).changed
    other = place.run({**base, "nics": [], "cloud_init": keep}, name="b")
    assert other.failed and "{keep: true}" in other.msg and not place.directory("b").exists()


@pytest.mark.slow
def test_through_ansible_check_is_truthful_and_secrets_are_said_nowhere(place: Place, base: dict[str, Any], tmp_path: Path) -> None:
    hashed = "$6$salt$planted-hash-of-a-password"
    # Without a network: nothing of libvirt is asked.
    arguments = {"name": PREFIX + "a", "fleet": "fltest", "engine": "lxc", "nics": [], "memory": "128MiB", "image": "tiny",
                 "images": [{"name": "tiny", "rootfs": place.images["tiny"]}], "state": "stopped",
                 "cloud_init": {"users": [{"name": "ops", "hashed_password": hashed}]}}
    with syslog() as log:
        ansible = Ansible(tmp_path, log)
        foreseen = ansible.module("container", arguments, check=True)
        assert place.documents() == {}, "check mode touched the host"
        real, again = ansible.module("container", arguments), ansible.module("container", arguments)
        wrong = ansible.module("container", {**arguments, "cloud_init": {"users": [{"name": "ops", "hashed_passwd": hashed}]}})
    for said in (foreseen, real, again):
        assert not said.result["failed"], said.result["msg"]
    for part in ("changed", "plan", "diff"):
        assert foreseen.result[part] == real.result[part]
    assert real.result["changed"] and not again.result["changed"] and again.result["plan"] == []
    assert wrong.result["failed"] and "hashed_passwd" in wrong.result["msg"]
    for said in (foreseen, real, again, wrong):
        assert "flotilla" in said.syslog, "the listener heard nothing, so it proves nothing"
        assert_not_in(said.places(), [hashed])
    assert_not_in(place.public_documents(), [hashed])


def test_a_later_first_boot_is_pending_and_never_done(place: Place, base: dict[str, Any]) -> None:
    place.converge({**base, "cloud_init": {"users": [{"name": "ops"}], "timezone": "UTC"}})
    later = {**base, "cloud_init": {"users": [{"name": "ops", "shell": "/bin/sh"}, {"name": "new"}], "timezone": "Europe/Paris"}}
    for _round in range(2):
        result = place.run(later)
        assert not result.changed, result.plan
        assert {(entry["path"], entry["reason"]) for entry in result.pending} >= {
            ("cloud_init.timezone", "first boot only"), ("cloud_init.users[new]", "first boot only")}
    assert "new" not in (place.directory() / "rootfs/etc/passwd").read_text()


@pytest.mark.parametrize("change,path", [
    ({"os": "windows"}, "os"), ({"disk": "10GiB"}, "disks[0].size"), ({"wait_for": "agent"}, "wait_for.what"),
    ({"memory": "1MiB"}, "memory.size"), ({"image": "nowhere"}, "image"),
    ({"nics": [{"name": "lan", "bridge": "nosuchbr"}]}, "nics[0].bridge"), ({"nics": [{"name": "lan"}]}, "nics[0]"),
    ({"nics": ["nosuchnet"]}, "nics[0].network"),
    ({"nics": [{"name": "lan", "bridge": "fltestlxc0", "address": "10.0.0.1"}]}, "nics[0].address"),
    ({"cloud_init": {"packages": ["vim"]}}, "cloud_init.packages"),
    ({"cloud_init": {"users": [{"name": "Bad"}]}}, "cloud_init.users[0].name"),
])
def test_what_cannot_be_is_refused_with_its_place(place: Place, base: dict[str, Any], change: dict[str, Any], path: str) -> None:
    result = laws.assert_refused(place, PREFIX + "a", {**base, **change})
    assert path in [problem["path"] for problem in result.problems], result.msg
    assert not place.directory().exists()


def test_one_mac_address_for_two_is_refused(place: Place, base: dict[str, Any]) -> None:
    place.converge({**base, "nics": [{**base["nics"][0], "mac": "52:54:00:00:77:01"}]})
    result = place.run({**base, "nics": [{**base["nics"][0], "mac": "52:54:00:00:77:01"}]}, name="b")
    assert result.failed and "nics[0].mac" in result.msg and PREFIX + "a" in result.msg


@pytest.mark.parametrize("name", ["../x", "a/b", ".hidden", "-n", "a b", ""])
def test_a_name_that_is_none_reaches_nothing(place: Place, name: str) -> None:
    with pytest.raises(DeclarationError, match="is not a name"):
        place.driver().read([name])


def test_bad_images_leave_nothing_that_looks_like_a_container(place: Place, base: dict[str, Any], tmp_path: Path) -> None:
    cut = tmp_path / "cut.tar"
    cut.write_bytes(Path(place.images["tiny"]).read_bytes()[:300000])
    empty = tmp_path / "empty.tar"
    with tarfile.open(empty, "w"):
        pass
    foreign = tmp_path / "foreign.tar"
    (tmp_path / "sbin").mkdir()
    (tmp_path / "sbin/init").write_bytes(b"\x7fELF\x02\x01\x01" + b"\0" * 11 + (22).to_bytes(2, "little") + b"\0" * 44)
    with tarfile.open(foreign, "w") as archive:
        archive.add(tmp_path / "sbin", "sbin")
    for path, says in ((cut, "cannot unpack"), (empty, "has no /sbin/init"), (foreign, "another CPU architecture")):
        place.images["bad"] = str(path)
        result = place.run({**base, "image": "bad"})
        assert result.failed and says in result.msg
        assert os.listdir(place.directory()) == ["flotilla.json"]
        place.converge({"state": "absent"})
        assert not place.directory().exists()


def test_a_host_is_read_at_once(place: Place, base: dict[str, Any]) -> None:
    place.converge(base)
    place.converge({**base, "state": "stopped", "nics": []}, name="b")
    found = place.driver().read()
    assert found[PREFIX + "a"].status["pid"] == place.pid() and found[PREFIX + "b"].stored["state"] == "stopped"


def test_an_edit_by_hand_is_pending_and_a_start_by_hand_clears_it(place: Place, base: dict[str, Any]) -> None:
    place.converge(base)
    (place.directory() / "config").write_text(place.config().replace(f"{SUBNET}.21/24", f"{SUBNET}.24/24"))
    edited = {**base, "on_change": "defer", "nics": [{**base["nics"][0], "address": f"{SUBNET}.24/24"}]}
    pending = place.converge(edited).pending
    assert [(entry["path"], entry["running"], entry["stored"]) for entry in pending] == [
        ("nics[lan].address", f"{SUBNET}.21/24", f"{SUBNET}.24/24")]
    subprocess.run(["lxc-stop", "-n", PREFIX + "a"], check=True)
    subprocess.run(["lxc-start", "-n", PREFIX + "a"], check=True)
    assert place.converge(edited).pending == []


def test_an_edit_by_hand_is_made_true_in_the_running_container(place: Place, base: dict[str, Any]) -> None:
    place.converge(base)
    (place.directory() / "config").write_text(place.config().replace(f"{SUBNET}.21/24", f"{SUBNET}.24/24"))
    result = place.converge({**base, "nics": [{**base["nics"][0], "address": f"{SUBNET}.24/24"}]})
    assert [(entry["path"], entry["before"], entry["impact"]) for entry in result.plan] == [("nics[lan].address", f"{SUBNET}.21/24", "live")]
    assert place.run(base, check=True).status["addresses"] == [f"{SUBNET}.24"]


def test_one_that_dies_while_it_is_read_is_just_stopped(place: Place, base: dict[str, Any]) -> None:
    place.converge(base)
    driver = place.driver()
    host = place.host
    run, seen = host.run, []

    def late(argv, *rest, **more):
        if argv[0] == "nsenter" and not seen:
            seen.append(argv)
            subprocess.run(["lxc-stop", "-k", "-n", PREFIX + "a"], check=True)
        return run(argv, *rest, **more)
    (place.directory() / "config").write_text(place.config() + "# edited, so that the container is looked into\n")
    driver.host.run = late
    found = driver.read([PREFIX + "a"])
    assert seen and found[PREFIX + "a"].stored["state"] == "stopped" and found[PREFIX + "a"].live is None
