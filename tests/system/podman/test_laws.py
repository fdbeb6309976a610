# Copyright: (c) 2026, flotilla.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The laws, on real podman containers: every option, and what dying, adopting, removing and resizing must leave."""

from __future__ import annotations

import json
import os
import socket
import subprocess
from pathlib import Path
from typing import Any

import pytest
from laws import laws
from laws.planted import assert_secrets_secret
from laws.podman_cases import BASE, ELSEWHERE, FIRST, LAST, LIVE, NETWORK, OTHER, OTHER_SUBNET, PORT, SECOND, SUBNET, patterns
from laws.podman_lab import PodmanLab, in_force, podman, settled

from ansible_collections.flotilla.virt.plugins.module_utils._reconcile import grammar, schema
from ansible_collections.flotilla.virt.plugins.module_utils._reconcile.plan import NOT_STORED

SERVER = """
import socket
listener = socket.create_server(("0.0.0.0", 7777))
while True:
    connection, _peer = listener.accept()
    while data := connection.recv(100):
        connection.sendall(data)
"""


def inspection(name: str = "web") -> Any:
    return json.loads(podman("inspect", name))[0]


def process(name: str = "web") -> tuple[int, str]:
    """The container's first process, and when it started: two never share both."""
    pid = inspection(name)["State"]["Pid"]
    return pid, Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[19] if pid else ""


def limit(name: str, file: str) -> str:
    words = dict(word.split("=") for word in in_force(inspection(name)["State"]["CgroupPath"]).split())
    return words[file]


def test_every_option_is_exercised() -> None:
    options: set[str] = set()
    others: set[str] = set()

    def note(pattern: str, option: schema.Option) -> None:
        foreign = option.control or option.name == "disks" or (option.engines and "podman" not in option.engines)
        if foreign or any(pattern.startswith((other + ".", other + "[]")) for other in others):
            others.add(pattern)
        elif not option.options:
            options.add(pattern)

    schema.walk(grammar.GUEST, note)
    tested = {pattern for raw in (FIRST, SECOND, *(declared for declared, _said in LIVE)) for pattern in patterns(raw)}
    assert options - tested == set(ELSEWHERE)


def test_live_options_of_a_running_container(lab: PodmanLab) -> None:
    lab.must("web", {"image": "tiny", "nics": [{"name": "lan", "network": OTHER}]})
    before = process()
    for declared, said in LIVE:
        result = laws.converge(lab, "web", declared)
        assert result.changed and {entry["impact"] for entry in result.plan} == {"live"}, result.plan
        for name, value in {**declared, **said}.items():
            found = result.spec.get(name)
            assert (sorted(found, key=lambda nic: str(nic["name"]), reverse=True) if name == "nics" else found) == value, name
        assert process() == before


def test_live_options_of_a_stopped_container(lab: PodmanLab) -> None:
    lab.must("web", {"image": "tiny", "state": "stopped"})
    for declared, _said in LIVE[:2]:
        result = laws.converge(lab, "web", {**declared, "state": "stopped"})
        # podman 4 cannot store limits, so they are set as soon as the container runs.
        assert {entry["reason"] for entry in result.pending} == {NOT_STORED} and "memory.size" in laws.pendings(result)
    started = laws.converge(lab, "web", {**LIVE[1][0], "state": "running"})
    assert [entry["path"] for entry in started.plan] == ["state"] and started.spec["memory"] == {"size": "128MiB", "swap": "0B"}
    assert limit("web", "memory.limit_in_bytes") == str(128 << 20) and limit("web", "cpu.shares") == "2048"


def test_options_that_make_the_container_anew(lab: PodmanLab) -> None:
    running = {"force_stop": True, "stop_timeout": 0, "memory": "64MiB"}
    first = {**FIRST, **running}
    laws.converge(lab, "web", first)
    for name, value in SECOND.items():
        refused = lab.check("web", {**first, name: value})
        assert refused.failed and "would have to be made anew" in refused.msg and "recreate: true" in refused.msg, (name, refused.msg)
        assert refused.plan and all(entry["path"].startswith(name) for entry in refused.plan), refused.plan
        kept = lab.check("web", {other: said for other, said in first.items() if other != name})
        assert kept.failed == (name not in LAST or name == "restart_policy"), (name, kept.msg)
    laws.assert_refused(lab, "web", {**SECOND, **running}, "would have to be made anew", "and 13 more")
    second = laws.converge(lab, "web", {**SECOND, **running, "recreate": True})
    assert {entry["impact"] for entry in second.plan} == {"recreate"} and second.spec["memory"]["size"] == "64MiB"
    last = laws.converge(lab, "web", {**running, "image": "stubborn", "command": ["/sbin/init"], "recreate": True})
    for name in FIRST:
        assert last.spec.get(name) == {**LAST, "command": ["/sbin/init"]}.get(name), name
    assert podman("secret", "ls", "--format", "{{.Name}}").split() == []


def test_users_of_its_own(lab: PodmanLab) -> None:
    laws.converge(lab, "web", {**BASE, "id_mapping": {"first": 200000, "size": 1000}})
    assert podman("exec", "web", "cat", "/proc/self/uid_map").split() == ["0", "200000", "1000"]
    for other in ({"first": 300000, "size": 1000}, {"first": 200000}):
        laws.assert_refused(lab, "web", {**BASE, "id_mapping": other}, "id_mapping", "recreate: true")
    laws.converge(lab, "web", {**BASE, "id_mapping": {"first": 200000}, "recreate": True})
    assert "id_mapping" not in laws.converge(lab, "web", {**BASE, "recreate": True}).spec


def test_what_is_declared_is_what_is_inside(lab: PodmanLab) -> None:
    laws.converge(lab, "web", {
        **BASE, "hostname": "inner", "environment": {"A": "x y"}, "dns": ["10.1.1.1"], "search": ["example.com"], "user": "0", "workdir": "/tmp",
        "secrets": [{"name": "token", "value": "in a file"}, {"name": "other", "value": "in a variable", "variable": "PW"}],
        "id_mapping": 100000, "mounts": [{"target": "/mnt", "source": "/var", "readonly": True}, {"target": "/data", "volume": "fltest-data"}],
        "command": ["/bin/sh", "/sbin/init"]})

    def inside(*words: str) -> str:
        return podman("exec", "web", *words).strip()

    assert inside("uname", "-n") == "inner"
    assert inside("sh", "-c", "echo $A,$PW,$(cat /run/secrets/token)") == "x y,in a variable,in a file"
    assert inside("cat", "/proc/self/uid_map").split() == ["0", "100000", "65536"]
    assert "10.1.1.1" in inside("cat", "/etc/resolv.conf") and "example.com" in inside("cat", "/etc/resolv.conf")
    assert inside("cat", "/proc/1/cmdline").split("\0")[:2] == ["/bin/sh", "/sbin/init"]
    assert subprocess.run(["podman", "exec", "web", "sh", "-c", ": > /mnt/x"], capture_output=True, check=False).returncode != 0
    assert inside("sh", "-c", ": > /data/x && ls /data") == "x"
    assert inspection()["NetworkSettings"]["Networks"][NETWORK]["IPAddress"] == SUBNET + ".21"


def test_a_live_resize_leaves_process_and_connection_alone(lab: PodmanLab) -> None:
    served = {**BASE, "mounts": [{"target": "/usr", "source": "/usr", "readonly": True}], "wait_for": "address",
              "environment": {"LD_LIBRARY_PATH": "/usr/lib/x86_64-linux-gnu"}, "entrypoint": ["/usr/bin/python3"], "command": ["-c", SERVER]}
    laws.converge(lab, "web", served)
    before = process()
    connection = connected(SUBNET + ".21", 7777)
    with connection:
        for memory, cpus in (("128MiB", {"count": 2}), ("80MiB", {"limit": "50%"})):
            result = laws.converge(lab, "web", {**served, "memory": memory, "cpus": cpus})
            assert all(entry["impact"] == "live" for entry in result.plan)
            assert process() == before
            connection.sendall(b"still here")
            assert connection.recv(100) == b"still here"
    assert limit("web", "memory.limit_in_bytes" if os.path.exists("/sys/fs/cgroup/memory") else "memory.max") == str(80 << 20)


def connected(address: str, port: int) -> socket.socket:
    """A connection as soon as the server listens."""
    for _attempt in range(200):
        try:
            return socket.create_connection((address, port), timeout=10)
        except ConnectionRefusedError:
            subprocess.run(["podman", "wait", "--condition", "running", "web"], capture_output=True, check=True)
    raise AssertionError("the server does not listen:\n" + podman("logs", "web"))


def test_podman_forgets_at_the_stop_what_was_set_live(lab: PodmanLab) -> None:
    laws.converge(lab, "web", BASE)
    result = laws.converge(lab, "web", {**BASE, "memory": "128MiB"})
    assert laws.pendings(result) == {"memory.size": ("128MiB", "64MiB", NOT_STORED)}
    assert laws.pendings(lab.must("web", {**BASE, "memory": "128MiB"})) == laws.pendings(result), "in every run"
    podman("restart", "--time", "0", "web")
    put_right = lab.must("web", {**BASE, "memory": "128MiB"})
    assert not put_right.changed and limit("web", "memory.limit_in_bytes") == str(128 << 20), "asked again, which is no change"
    restarted = laws.converge(lab, "web", {**BASE, "memory": "128MiB", "on_change": "restart"})
    assert not restarted.changed, "a restart would only forget it"


def test_a_limit_changed_behind_our_back_is_put_right(lab: PodmanLab) -> None:
    laws.converge(lab, "web", BASE)
    podman("update", "--cpus", "2", "web")
    assert laws.entries(laws.converge(lab, "web", BASE)) == {"cpus.count": (2, 1, "live")}


def test_memory_in_use_is_not_taken_and_waits(lab: PodmanLab) -> None:
    roomy = {**BASE, "memory": "128MiB"}
    laws.converge(lab, "web", roomy)
    with subprocess.Popen(["podman", "exec", "-i", "web", "sh", "-c", "x=$(head -c 60000000 /dev/zero | tr '\\0' x); echo full; read line"],
                          stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as hog:
        assert hog.stdout is not None and hog.stdout.readline() == "full\n"
        for _round in range(2):
            result = lab.must("web", {**BASE, "memory": "32MiB"})
            assert ("memory.size", "guest has not complied") in [(entry["path"], entry["reason"]) for entry in result.pending]
        assert not result.changed and hog.poll() is None, "nothing was killed for it"
        hog.communicate("\n")
    assert not lab.must("web", {**BASE, "memory": "32MiB"}).changed, "asking again is no change"
    assert limit("web", "memory.limit_in_bytes") == str(32 << 20)


def test_power(lab: PodmanLab) -> None:
    for state in ("running", "paused", "running", "stopped", "paused", "stopped", "running"):
        result = laws.converge(lab, "web", {**BASE, "state": state})
        assert result.spec["state"] == state
    before = process()
    assert not laws.converge(lab, "web", {**BASE, "state": "present"}).changed and process() == before


def test_a_container_that_does_not_stop_is_not_killed_unless_told(lab: PodmanLab) -> None:
    laws.converge(lab, "web", {**BASE, "image": "stubborn"})
    before = process()
    result = lab.apply("web", {"state": "stopped", "stop_timeout": 1})
    assert result.failed and "did not stop within 1 s" in result.msg and process() == before
    result = lab.must("web", {"state": "stopped", "stop_timeout": 1, "force_stop": True})
    assert result.spec["state"] == "stopped"


def test_waiting(lab: PodmanLab) -> None:
    result = lab.must("web", {**BASE, "wait_for": "address"})
    assert result.status["addresses"] == [SUBNET + ".21"] and result.status["ready"]["what"] == "address"
    lab.must("brief", {"image": "tiny", "command": ["/bin/sh", "-c", "read line"], "state": "stopped"})
    podman("start", "brief")
    podman("wait", "brief")
    late = lab.apply("brief", {"command": ["/bin/sh", "-c", "read line"], "wait_for": "address", "state": "present"})
    assert not late.failed and late.spec["state"] == "stopped", "what does not run is not waited for"


def test_health(lab: PodmanLab) -> None:
    # podman runs health checks by timers of systemd, which is not there; a stopped container has it all the same.
    base = {**BASE, "state": "stopped"}
    first = {"command": ["ls /"], "interval": 10, "timeout": 5, "retries": 2, "start_period": 7}
    laws.converge(lab, "web", {**base, "health": first})
    found = inspection()["Config"]["Healthcheck"]
    assert found == {"Test": ["CMD-SHELL", "ls /"], "Interval": 10 ** 10, "Timeout": 5 * 10 ** 9, "Retries": 2, "StartPeriod": 7 * 10 ** 9}
    laws.assert_refused(lab, "web", {**base, "health": {**first, "retries": 4}}, "health.retries")
    laws.converge(lab, "web", {**base, "health": {"command": ["ls", "/ x"]}, "recreate": True})
    assert inspection()["Config"]["Healthcheck"]["Test"] == ["CMD", "ls", "/ x"]
    assert "health" not in laws.converge(lab, "web", {**base, "recreate": True}).spec


# -- dying ------------------------------------------------------------------------------------------------------------

FULL = {**BASE, "mounts": [{"target": "/data", "volume": "fltest-data"}], "secrets": [{"name": "token", "value": "s3cret"}], "tags": {"role": "web"}}


@pytest.mark.parametrize("earlier, raw", [
    ([], FULL),
    ([FULL], {**FULL, "memory": "96MiB", "cpus": 2, "tags": {"role": "db"}, "state": "paused",
              "nics": [{"name": "lan", "network": OTHER, "address": OTHER_SUBNET + ".9/24"}]}),
    ([FULL], {**{name: value for name, value in FULL.items() if name not in ("tags", "nics")}, "hostname": "other", "recreate": True,
              "secrets": [{"name": "token", "value": "another"}], "mounts": [], "state": "stopped"}),
], ids=["making", "changing", "anew"])
def test_a_run_killed_anywhere_is_finished(lab: PodmanLab, earlier: list[Any], raw: Any) -> None:
    def fresh() -> Any:
        lab.clean()
        return lab, lab.wire

    assert laws.assert_killed_runs_are_finished(fresh, "web", raw, earlier, settled) >= 2


def test_a_removal_killed_anywhere_is_finished(lab: PodmanLab) -> None:
    gone = {"state": "absent", "remove_storage": True}
    for number in range(100):
        lab.clean()
        lab.must("web", FULL)
        lab.wire.kill_before_change(number)
        try:
            lab.must("web", gone)
        except laws.Killed:
            lab.wire.clear()
            assert not lab.unnamed()
            lab.must("web", gone)
            assert [key for key in lab.documents() if " network " not in key] == []
        else:
            assert number >= 4
            return
    raise AssertionError("the removal never ends")


def test_a_container_removed_by_hand_is_made_again(lab: PodmanLab) -> None:
    laws.converge(lab, "web", FULL)
    podman("rm", "--force", "--time", "0", "web")
    result = laws.converge(lab, "web", FULL)
    assert laws.entries(result) == {"state": ("absent", "running", "live")}
    assert lab.annotation("web").owned == ("volume/fltest-data",), "what was made for it is still its own"


# -- whose it is ----------------------------------------------------------------------------------------------------


def by_hand(*words: str, name: str = "hand", command: tuple[str, ...] = ("/sbin/init",)) -> None:
    """A container as an administrator makes it."""
    image = podman("images", "--format", "{{.Repository}}:{{.Tag}}").split()[0]
    subprocess.run(["podman", "run", "--detach", "--name", name, *words, image, *command], check=True, capture_output=True)


def test_a_container_made_by_hand_is_adopted_by_its_spec(lab: PodmanLab) -> None:
    lab.must("first", {**BASE, "state": "stopped"})
    subprocess.run(["podman", "secret", "create", "fltest-pw", "-"], input=b"h1dden", check=True, capture_output=True)
    by_hand("--memory", "96m", "--cpus", "1.5", "--cpuset-cpus", "0", "--hostname", "relay", "--network", NETWORK, "-p", "127.0.0.1:%d:90" % (PORT + 3),
            "-e", "A=1", "-v", "/var:/mnt:ro", "-v", "fltest-hand:/data", "--tmpfs", "/scratch:size=1048576", "--cap-add", "NET_ADMIN",
            "--dns", "10.1.1.1", "--dns-search", "example.com", "--restart", "on-failure", "--health-cmd", "none", "--secret", "fltest-pw,type=env,target=PW")
    laws.assert_adoption(lab, "hand")
    spec = lab.spec("hand")
    assert spec["cpus"] == {"limit": "1.5", "shares": 1024, "cpuset": "0"} and spec["environment"] == {"A": "1"}, spec
    assert "h1dden" not in json.dumps(spec)
    before = process("hand")
    result = laws.converge(lab, "hand", {**spec, "memory": {**spec["memory"], "size": "128MiB"}})
    assert laws.entries(result) == {"memory.size": ("96MiB", "128MiB", "live")} and process("hand") == before


def test_adoption_needs_consent_where_it_differs(lab: PodmanLab) -> None:
    lab.must("first", {**BASE, "state": "stopped"})
    by_hand("--memory", "96m")
    laws.assert_refused(lab, "hand", {"memory": "128MiB"}, "was not made by this collection", "memory.size 96MiB -> 128MiB", "adopt: true")
    laws.converge(lab, "hand", {"memory": "128MiB", "adopt": True})
    laws.assert_refused(lab, "hand", {"memory": "256MiB"}, "belongs to fleet 'shop'", fleet="other")
    assert not lab.annotation("hand").created


def test_making_an_adopted_container_anew_keeps_what_nobody_declared(lab: PodmanLab) -> None:
    lab.must("first", {**BASE, "state": "stopped"})
    by_hand("--memory", "96m", "-e", "A=1", "--network", NETWORK, "-v", "fltest-hand:/data")
    podman("stop", "--time", "0", "hand")
    result = laws.converge(lab, "hand", {"hostname": "relay", "adopt": True, "recreate": True})
    assert result.spec["environment"] == {"A": "1"} and result.spec["memory"]["size"] == "96MiB" and result.spec["state"] == "stopped"
    assert [mount["volume"] for mount in result.spec["mounts"]] == ["fltest-hand"] and [nic["network"] for nic in result.spec["nics"]] == [NETWORK]


def test_one_made_by_hand_under_an_earlier_name_is_not_taken_for_ours(lab: PodmanLab) -> None:
    laws.converge(lab, "web", BASE)
    podman("rm", "--force", "--time", "0", "web")
    by_hand("--memory", "96m", name="web")
    laws.assert_refused(lab, "web", BASE, "was not made by this collection")


def test_removal_keeps_volumes_unless_told_and_never_those_of_others(lab: PodmanLab) -> None:
    podman("volume", "create", "fltest-theirs")
    mounts = [{"target": "/data", "volume": "fltest-data"}, {"target": "/theirs", "volume": "fltest-theirs"}]
    laws.converge(lab, "web", {**BASE, "mounts": mounts})
    laws.converge(lab, "web", {"state": "absent"})
    assert set(podman("volume", "ls", "-q").split()) == {"fltest-data", "fltest-theirs"}
    laws.converge(lab, "web", {**BASE, "mounts": [*mounts, {"target": "/more", "volume": "fltest-more"}]})
    laws.converge(lab, "web", {"state": "absent", "remove_storage": True})
    assert set(podman("volume", "ls", "-q").split()) == {"fltest-data", "fltest-theirs"}, "only what was made for it"


def test_protect_and_released(lab: PodmanLab) -> None:
    laws.converge(lab, "web", {**BASE, "protect": True})
    laws.assert_refused(lab, "web", {"state": "absent"}, "is protected")
    laws.assert_refused(lab, "web", {**BASE, "protect": True, "hostname": "other", "recreate": True}, "is protected")
    before = process()
    lab.must("web", {"state": "released"})
    assert lab.annotation("web") is None and process() == before


def test_a_foreign_field_and_a_strangers_network_are_left_alone(lab: PodmanLab) -> None:
    laws.converge(lab, "web", BASE)
    podman("network", "connect", OTHER, "web")
    laws.converge(lab, "web", {**BASE, "memory": "96MiB"})
    assert set(inspection()["NetworkSettings"]["Networks"]) == {NETWORK, OTHER}
    laws.converge(lab, "web", {**BASE, "memory": "96MiB", "nics": []})
    assert set(inspection()["NetworkSettings"]["Networks"]) == {OTHER}


# -- secrets, failures, cost ------------------------------------------------------------------------------------------


def test_secrets_are_said_nowhere(lab: PodmanLab) -> None:
    raw = {**BASE, "secrets": [{"name": "a", "value": "web"}, {"name": "b", "value": "Pl4nted w0rd", "variable": "B"}]}
    assert_secrets_secret(lab, "guest", raw, ["Pl4nted w0rd"])
    result = lab.must("guest", {**BASE, "secrets": [{"name": "a", "value": {"keep": True}}, {"name": "b", "value": {"keep": True}, "variable": "B"}]})
    assert not result.changed
    assert result.spec["secrets"] == [{"name": "a", "value": {"keep": True}}, {"name": "b", "value": {"keep": True}, "variable": "B"}]
    kept = laws.converge(lab, "guest", {**raw, "hostname": "other", "recreate": True})
    assert kept.changed and podman("exec", "guest", "sh", "-c", "echo $B").strip() == "Pl4nted w0rd"
    laws.converge(lab, "guest", {"state": "absent"})
    assert podman("secret", "ls", "--format", "{{.Name}}").split() == []


def test_one_containers_failure_is_its_own(lab: PodmanLab) -> None:
    broken = {"image": "tiny", "command": ["/no/such/program"]}
    fine = {"image": "tiny", "memory": "64MiB"}
    # The image is not there yet: all three want it at once.
    for image in podman("images", "--quiet", "--no-trunc").split():
        podman("rmi", "--force", image)
    results = lab.run_all({"a": fine, "b": broken, "c": fine}, threads=3)
    laws.assert_failure_is_its_own(results, ["b"])
    assert "/no/such/program" in results["b"].msg


def test_nothing_to_do_costs_one_process_and_one_change_touches_one(lab: PodmanLab) -> None:
    declarations = {"c%d" % number: {"image": "tiny", "memory": "64MiB", "state": "stopped"} for number in range(5)}
    laws.assert_one_change_is_one_resource(lab, lab.wire, declarations, "c3", {**declarations["c3"], "tags": {"a": "b"}})
    lab.run_all(declarations)
    for wanted in (2, 5):
        lab.wire.clear()
        chosen = {name: declarations[name] for name in list(declarations)[:wanted]}
        lab.run_all(chosen)
        assert lab.wire.calls["host.run podman"] == 1 and lab.wire.changes == [], "one inspect for all"


# -- bad input ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("more, words", [
    ({"image": "nowhere"}, ["image", "there is no image nowhere"]),
    ({"image": "docker.io/library/nginx", "pull": "never"}, ["image", "docker.io/library/nginx:latest is not on this host, and pull is never"]),
    ({"memory": "1MiB"}, ["memory.size", "6MiB or more"]),
    ({"cpus": {"count": 1, "limit": "50%"}}, ["cpus", "has both count and limit"]),
    ({"cpus": {"cpuset": "0-4000"}}, ["cpus.cpuset", "this host has no CPU"]),
    ({"disks": [{"name": "root", "size": "1GiB"}]}, ["disks", "engine podman has no such option"]),
    ({"cloud_init": {"timezone": "UTC"}}, ["cloud_init", "engine podman has no such option", "kvm"]),
    ({"nics": [{"name": "a", "bridge": "br0"}]}, ["nics[0].bridge", "engine podman has no such option"]),
    ({"nics": [{"name": "a", "network": NETWORK, "gateway": SUBNET + ".1", "dns": ["10.0.0.1"]}]}, ["nics[0].gateway", "nics[0].dns"]),
    ({"nics": [{"name": "a", "network": "no-such"}]}, ["nics[0].network", "podman has no network no-such"]),
    ({"nics": [{"name": "a"}]}, ["nics[0]", "names no network"]),
    ({"nics": [{"name": "a", "network": NETWORK}, {"name": "b", "network": NETWORK}]}, ["nics[1].network", "is on %s already" % NETWORK]),
    ({"nics": [{"name": "a", "network": NETWORK, "address": "10.9.9.9/24"}]}, ["nics[0].address", "is in no subnet"]),
    ({"nics": [{"name": "a", "network": NETWORK, "address": SUBNET + ".9"}]}, ["nics[0].address", "prefix length"]),
    ({"nics": [{"name": "a", "network": NETWORK, "address": [SUBNET + ".8/24", SUBNET + ".9/24"]}]}, ["nics[0].address", "two addresses of one family"]),
    ({"nics": [{"name": "a", "network": NETWORK, "address": SUBNET + ".77/24"}]}, ["nics[0].address", "is the container other's"]),
    ({"mounts": [{"target": "/x", "source": "/no/such/place"}]}, ["mounts[0].source", "there is no /no/such/place"]),
    ({"mounts": [{"target": "/x", "type": "bind"}]}, ["mounts[0].source", "is required"]),
    ({"mounts": [{"target": "/x", "source": "/tmp", "volume": "v"}]}, ["mounts[0].volume", "belongs to a mount of type volume"]),
    ({"mounts": [{"target": "/"}]}, ["mounts[0].target", "own root"]),
    ({"mounts": [{"target": "/x,rw=true"}]}, ["mounts[0]", "comma"]),
    ({"devices": [{"path": "/dev/none-such"}]}, ["devices[0].path", "there is no device"]),
    ({"ports": ["80"]}, ["ports[0]", "is no published port"]),
    ({"ports": ["8080:99999"]}, ["ports[0]", "is no published port"]),
    ({"environment": {"A B": "1"}}, ["environment.A B", "is no name of a variable"]),
    ({"environment": {"A": True}}, ["environment.A", "put it in quotes"]),
    ({"hostname": "$(id)"}, ["hostname", "is no host name"]),
    ({"capabilities": {"add": ["NET-ADMIN"]}}, ["capabilities.add[0]", "is no capability"]),
    ({"health": {"interval": 3}}, ["health.command", "is required"]),
    ({"id_mapping": {"size": 3}}, ["id_mapping.first", "is required"]),
    ({"secrets": [{"name": "a", "value": {"keep": True}}]}, ["secrets[0].value", "no secret to keep"]),
    ({"wait_for": "cloud_init"}, ["wait_for.what", "engine podman cannot wait for cloud_init"]),
    ({"io": {"priority": 3}}, ["io", "engine podman has no such option"]),
    ({"autostart": True}, ["autostart", "no systemd runs on this host"]),
])
def test_bad_input(lab: PodmanLab, more: dict[str, Any], words: list[str]) -> None:
    if SUBNET + ".77/24" in json.dumps(more):
        lab.must("other", {**BASE, "state": "stopped", "nics": [{"name": "lan", "network": NETWORK, "address": SUBNET + ".77/24"}]})
    laws.assert_refused(lab, "web", {**BASE, **more}, *words)


def test_names_that_podman_does_not_take(lab: PodmanLab) -> None:
    laws.assert_refused(lab, "a+b", BASE, "is no name for a container of podman")


def test_an_image_that_cannot_run_here_is_refused_and_leaves_nothing(lab: PodmanLab) -> None:
    result = lab.apply("web", {**BASE, "image": "headless"})
    assert result.failed and "has no /sbin/init" in result.msg
    assert "headless" not in podman("images", "--format", "{{.Repository}}")


def test_an_image_of_another_architecture_or_system_is_refused_before_anything_is_touched(lab: PodmanLab, tmp_path: Path) -> None:
    empty = tmp_path / "empty.tar"
    subprocess.run(["tar", "-cf", empty, "--files-from", "/dev/null"], check=True)
    for name, options in (("arm", ["--arch", "s390x"]), ("windows", ["--os", "windows"]), ("bsd", ["--os", "freebsd"])):
        podman("import", "--quiet", *options, str(empty), f"localhost/fltest/{name}:1")
    laws.assert_refused(lab, "web", {"image": "localhost/fltest/arm:1"}, "image: localhost/fltest/arm:1 is built for s390x", "engine kvm with emulation")
    for name, system in (("windows", "windows"), ("bsd", "freebsd")):
        laws.assert_refused(lab, "web", {"image": f"localhost/fltest/{name}:1"}, f"is made for {system}", "engine kvm, which runs other systems")
    podman("rmi", *(f"localhost/fltest/{name}:1" for name in ("arm", "windows", "bsd")))


def test_pull(lab: PodmanLab) -> None:
    # No registry answers here: what is asked for from one fails as podman's own error, and leaves no container.
    result = lab.apply("web", {**BASE, "image": "127.0.0.1:1/no/such:1", "pull": "always"})
    assert result.failed and "cannot make the container web" in result.msg and "127.0.0.1:1" in result.msg
    foreseen = lab.check("web", {**BASE, "image": "127.0.0.1:1/no/such:1"})
    assert not foreseen.failed, "check mode asks no registry"
    lab.references["app"] = "localhost/fltest/app:7"
    lab.must("first", {**BASE, "state": "stopped"})
    podman("tag", podman("images", "--quiet").split()[0], "localhost/fltest/app:7")
    laws.converge(lab, "app", {"image": "app", "pull": "never"})
    assert not laws.converge(lab, "app", {"image": "localhost/fltest/app:7"}).changed, "two names of one image"
