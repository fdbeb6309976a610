# Copyright: (c) 2026, flotilla.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Configurations as LXC 5 and 6 have them: what is read, what is written, and what is left alone.

LXC 6 was not run: its configurations are as its documentation and its download template write them.
"""

from __future__ import annotations

from typing import Any, Dict, List, Sequence

import pytest

from ansible_collections.flotilla.virt.plugins.module_utils._containers.host import Result
from ansible_collections.flotilla.virt.plugins.module_utils._containers.lxc import cgroup, edit, extras, probes, values
from ansible_collections.flotilla.virt.plugins.module_utils._containers.lxc.config import ConfigFile, pairs_of

SIX = """# Template used to create this container: /usr/share/lxc/templates/lxc-download
lxc.include = /usr/share/lxc/config/common.conf
lxc.include = /usr/share/lxc/config/userns.conf
lxc.arch = linux64

lxc.idmap = u 0 100000 65536
lxc.idmap = g 0 100000 65536
lxc.apparmor.profile = generated
lxc.apparmor.allow_nesting = 1
lxc.rootfs.path = dir:/var/lib/lxc/web/rootfs
lxc.uts.name = web
lxc.environment = TZ=UTC
lxc.environment.runtime = LANG=C.UTF-8
lxc.environment.hooks = SITE=north
lxc.cgroup2.memory.max = 512M
lxc.cgroup2.memory.high = 400M
lxc.cgroup2.cpu.weight = 50
lxc.mount.entry = /srv/shared srv/shared none bind,optional,create=dir 0 0
lxc.mount.entry = /srv/data srv/data none bind,ro,create=dir 0 0
"""
UNIFIED = cgroup.Hierarchies({"memory": 2, "cpu": 2, "cpuset": 2, "io": 2, "freezer": 2}, dict.fromkeys(("memory", "cpu", "io"), "/sys/fs/cgroup"))


def test_a_configuration_of_lxc_6_is_read() -> None:
    own = pairs_of(SIX)
    assert extras.read(own, set(), {}) == {
        "environment": {"TZ": "UTC"}, "nesting": False, "privileged": False, "id_mapping": {"first": 100000, "size": 65536},
        "mounts": {"/srv/data": {"target": "/srv/data", "type": "bind", "source": "/srv/data", "readonly": True}}}
    assert cgroup.stored_limits(dict(own), UNIFIED) == cgroup.Limits(memory=512 << 20, shares=512)


def test_what_only_lxc_6_knows_survives_every_edit() -> None:
    config = ConfigFile(SIX)
    extras.set_environment(config, {"TZ": "CET", "A": "b"})
    extras.set_nesting(config, True)
    extras.set_mounts(config, extras.read(pairs_of(SIX), set(), {})["mounts"], {}, lambda path: False)
    edit.set_lines(config, cgroup.config_lines(cgroup.Limits(memory=1 << 30, shares=512), UNIFIED, groups=("memory",)))
    left = set(str(config).splitlines())
    gone = {line for line in SIX.splitlines() if line not in left}
    assert gone == {"lxc.environment = TZ=UTC", "lxc.cgroup2.memory.max = 512M",
                    "lxc.mount.entry = /srv/data srv/data none bind,ro,create=dir 0 0"}
    assert {"lxc.cgroup2.memory.max = 1073741824", "lxc.environment = A=b", "lxc.include = " + extras.NESTING} <= left


def test_a_new_container_on_a_host_of_cgroup_2_with_apparmor() -> None:
    want = {"hostname": "web", "id_mapping": {"first": 100000, "size": 65536}, "memory": {"size": 1 << 29, "swap": 0}, "cpus": {"limit": "1.5"},
            "io": {"limit": 1 << 20}}
    platform = edit.Platform(apparmor=True, limits=edit.limits_of(want), hierarchies=UNIFIED, device="8:0")
    lines = edit.new_config("web", "/var/lib/lxc/web", want, {}, platform).splitlines()
    assert {"lxc.idmap = u 0 100000 65536", "lxc.idmap = g 0 100000 65536", "lxc.apparmor.profile = generated", "lxc.cgroup2.memory.max = 536870912",
            "lxc.cgroup2.memory.swap.max = 0", "lxc.cgroup2.cpu.max = 150000 100000",
            "lxc.cgroup2.io.max = 8:0 rbps=1048576 wbps=1048576 riops=max wiops=max"} <= set(lines)
    assert lines.index("lxc.include = " + extras.USERNS) < lines.index("lxc.idmap = u 0 100000 65536")
    assert not [line for line in lines if "blkio" in line], "what names a device is stored for the version that is here"


@pytest.mark.parametrize("lines", [
    "lxc.idmap = u 0 100000 1000\nlxc.idmap = g 0 100000 1000\nlxc.idmap = u 1000 1000 1\n", "lxc.idmap = u 0 100000 65536\nlxc.idmap = g 0 200000 65536\n",
])
def test_a_mapping_that_the_grammar_has_no_words_for_stays(lines: str) -> None:
    assert extras.read(pairs_of(lines), set(), {}) == {"nesting": False, "privileged": False}


@pytest.mark.parametrize("mount", [
    {"target": "/a b/c\\d", "type": "bind", "source": "/of the/host"}, {"target": "/t", "type": "tmpfs", "size": 1 << 20, "readonly": True},
    {"target": "/t", "type": "tmpfs"}, {"target": "/x", "type": "bind", "source": "/y", "readonly": True},
])
@pytest.mark.parametrize("is_file", [False, True])
def test_a_mount_reads_back(mount: Dict[str, Any], is_file: bool) -> None:
    text = "lxc.mount.entry = %s\n" % extras.mount_entry(mount, is_file)
    assert extras.read(pairs_of(text), set(), {})["mounts"] == {mount["target"]: mount}


@pytest.mark.parametrize("entry", ["/a b none bind,optional 0 0", "tmpfs t tmpfs mode=755 0 0", "proc p proc create=dir 0 0", "/a b none bind"])
def test_a_mount_that_says_more_is_nobodys(entry: str) -> None:
    assert "mounts" not in extras.read(pairs_of("lxc.mount.entry = %s\n" % entry), set(), {})


@pytest.mark.parametrize("base", [set(), {"SYS_TIME", "SYS_MODULE"}])
@pytest.mark.parametrize("add,drop", [([], []), (["SYS_TIME"], []), ([], ["MKNOD"]), (["sys_time", "NET_ADMIN"], ["CAP_MKNOD"])])
def test_capabilities_read_back(base: set[str], add: List[str], drop: List[str]) -> None:
    config = ConfigFile("lxc.include = x\nlxc.cap.drop = net_raw\n")
    extras.set_capabilities(config, base, add, drop)
    found = extras.read(pairs_of(str(config)), base, {"capabilities": {"add": add}}).get("capabilities", {})
    assert extras.same_capabilities(found.get("add"), add) and extras.same_capabilities(found.get("drop"), drop)


@pytest.mark.parametrize("stored,place", [("lxc.start.order = -7\n", 7), ("lxc.start.order = 7\n", None), ("", None)])
def test_the_order_of_starting(stored: str, place: Any) -> None:
    assert extras.boot_order(pairs_of(stored)) == place


class Files:
    """A host with these files."""

    def __init__(self, files: Dict[str, str], commands: Sequence[str] = ()) -> None:
        self.files = {**files, **dict.fromkeys(commands, "")}

    def read_file(self, path: str):
        return self.files.get(path)

    def exists(self, path: str) -> bool:
        return path in self.files

    def run(self, argv: Sequence[str], stdin: Any = None, timeout: Any = None) -> Result:
        raise AssertionError(argv)


SHADOW = ("/usr/bin/newuidmap",)
BOTH = "alice:100000:65536\nroot:1000000:131072\n"


@pytest.mark.parametrize("subuid,subgid,used,first", [
    (BOTH, BOTH, [], 1000000), (BOTH, BOTH, [(1000000, 65536)], 1065536), (BOTH, BOTH, [(1000000, 65536), (1065536, 65536)], 1000000),
    ("0:500000:65536\n", "0:500000:65536\n", [], 500000), (BOTH, "", [], None), (BOTH, "root:2000000:65536\n", [], None),
    ("root:1000000:1000\n", "root:1000000:1000\n", [], None),
])
def test_ids_that_root_was_given(subuid: str, subgid: str, used: List[Any], first: Any) -> None:
    found = probes.free_ids(Files({"/etc/subuid": subuid, "/etc/subgid": subgid}, SHADOW), used)
    assert (found or {}).get("first") == first


def test_ids_that_nobody_administers() -> None:
    host = Files({"/etc/subuid": "alice:1048576:65536\n"})
    found = probes.free_ids(host, [(1114112, 65536)])
    assert found == {"first": 1179648, "size": 65536} and probes.may_map(host, 5, 65536)


MOUNTS = """22 1 252:1 / / rw - ext4 /dev/vda1 rw
40 22 0:40 / /srv rw - tmpfs tmpfs rw
41 22 8:16 / /var/lib/lxc rw - xfs /dev/sdb rw
"""
VDA1 = {"/proc/self/mountinfo": MOUNTS, "/sys/dev/block/252:1/partition": "1\n", "/sys/dev/block/252:1/../dev": "252:0\n"}


@pytest.mark.parametrize("directory,device", [("/var/lib/lxc", "8:16"), ("/var/lib/lxc2", "252:0"), ("/srv/lxc", "")])
def test_the_disk_of_a_directory_is_a_whole_one(directory: str, device: str) -> None:
    assert probes.device_of(Files(VDA1), directory) == device


@pytest.mark.parametrize("scheduler,refused", [("mq-deadline kyber [bfq] none\n", False), ("[mq-deadline] kyber bfq none\n", True), ("[none]\n", True)])
def test_a_priority_needs_a_scheduler_that_knows_it(scheduler: str, refused: bool) -> None:
    host = Files({**VDA1, "/sys/dev/block/8:16/queue/scheduler": scheduler})
    found = values.limit_problems(host, {"io": {"priority": 6}}, "/var/lib/lxc", "guests[0]")
    assert [problem.path for problem in found] == (["guests[0].io.priority"] if refused else [])


def test_limits_of_traffic_need_a_disk() -> None:
    found = values.limit_problems(Files(VDA1), {"io": {"limit": 1 << 20}}, "/srv/lxc", "")
    assert [problem.path for problem in found] == ["io.limit"] and "lies on no disk" in found[0].problem
