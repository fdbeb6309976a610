# Copyright: (c) 2026, flotilla.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The `Host` of `transport: command` by itself, on a node without Python (`vznode.bare`), with bash and with a stricter shell."""

from __future__ import annotations

import functools
import os
import stat
import subprocess
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from support.until import until
from vznode.bare import BareNode
from vznode.node import Node

from ansible_collections.flotilla.virt.plugins.module_utils._containers.command.host import CommandHost
from ansible_collections.flotilla.virt.plugins.module_utils._containers.command.key import node_sealer
from ansible_collections.flotilla.virt.plugins.module_utils._containers.command.shell import Answer
from ansible_collections.flotilla.virt.plugins.module_utils._containers.command.turn import NodeTurn
from ansible_collections.flotilla.virt.plugins.module_utils._reconcile.errors import Busy, EngineError, FlotillaError

pytestmark = pytest.mark.system
BLOB = "first\n\nä\udcff\0$(id)'\"\\ \n\n"


@pytest.fixture(scope="module")
def bare(tmp_path_factory: pytest.TempPathFactory, bare_base: Path) -> Iterator[BareNode]:
    """One node for all tests here."""
    node = Node(tmp_path_factory.mktemp("node") / "root", 4)
    node.make()
    there = BareNode(node, bare_base)
    try:
        yield there
    finally:
        node.clean()
        there.end()


@pytest.fixture(params=["/bin/sh", "/bin/dash"])
def host(request: pytest.FixtureRequest, bare: BareNode) -> CommandHost:
    """A way to it through either shell."""
    return CommandHost(functools.partial(bare.execute, shell=request.param))


@pytest.fixture
def place(bare: BareNode, tmp_path: Path) -> tuple[str, Path]:
    """An empty folder of the node: its path there, and here."""
    name = "/tmp/" + tmp_path.name
    there = bare.node.root / name[1:]
    there.mkdir()
    return name, there


def mode(path: Path) -> int:
    """Permissions of a file."""
    return stat.S_IMODE(path.stat().st_mode)


def test_files(host: CommandHost, place: tuple[str, Path]) -> None:
    """Any name, any content; what is not there is none."""
    name, there = place
    host.make_dir(name + "/a/b c", 0o711)
    host.write_file(name + "/a/it's $(x)", BLOB, 0o640)
    host.write_file(name + "/a/empty", "")
    assert (there / "a/it's $(x)").read_bytes() == BLOB.encode("utf-8", "surrogateescape")
    assert (mode(there / "a/it's $(x)"), mode(there / "a/b c")) == (0o640, 0o711)
    assert host.read_file(name + "/a/it's $(x)") == BLOB and host.read_file(name + "/none") is None and host.read_file(name + "/a/empty/x") is None
    assert host.read_files([name + "/a/empty", name + "/none", name + "/a/it's $(x)"]) == {name + "/a/empty": "", name + "/a/it's $(x)": BLOB}
    (there / "dangling").symlink_to("nowhere")
    (there / ".hidden").touch()
    assert host.existing([name + "/a", name + "/none", name + "/dangling"]) == {name + "/a", name + "/dangling"}
    assert host.list_dir(name) == [".hidden", "a", "dangling"] and host.list_dir(name + "/none") == []
    host.rename(name + "/a/empty", name + "/a/full")
    host.remove_file(name + "/a/full")
    host.remove_file(name + "/a/full")
    assert (host.remove_dir(name + "/a"), host.remove_dir(name + "/a/b c"), host.remove_dir(name + "/none")) == (False, True, True)
    (there / "a/link").symlink_to(there)
    host.remove_tree(name + "/a")
    assert not (there / "a").exists() and there.exists()
    assert abs(host.modified(name) - there.stat().st_mtime) < 2 and host.modified(name + "/none") == 0
    assert abs(host.clock() - time.time()) < 2 and host.started(1) < host.clock() and host.started(999999) == 0


def test_errors_say_what_is_wrong(host: CommandHost, place: tuple[str, Path]) -> None:
    """What the node says, without the counts of dd."""
    name, there = place
    with pytest.raises(EngineError, match="cannot write .*none/file: .*No such file"):
        host.write_file(name + "/none/file", "x")
    with pytest.raises(EngineError, match="cannot remove .*: .*[Ii]s a directory"):
        host.remove_file(name)
    with pytest.raises(EngineError, match="cannot rename"):
        host.rename(name + "/none", name + "/other")
    with pytest.raises(EngineError, match="line break"):
        host.existing(["/a\nb"])
    (there / "plain").touch()
    with pytest.raises(EngineError, match="cannot make the directory"):
        host.make_dir(name + "/plain")


def test_a_tree_in_which_something_is_mounted_stays(host: CommandHost, bare: BareNode, place: tuple[str, Path]) -> None:
    name, there = place
    (there / "a b/c").mkdir(parents=True)
    subprocess.run(["mount", "-t", "tmpfs", "x", str(there / "a b/c")], check=True)
    try:
        with pytest.raises(EngineError, match="is mounted there"):
            host.remove_tree(name + "/a b")
    finally:
        subprocess.run(["umount", str(there / "a b/c")], check=True)
    assert (there / "a b/c").is_dir()
    assert bare.node.root.exists()


def test_a_transfer_that_breaks_off_leaves_the_old_file(bare: BareNode, place: tuple[str, Path]) -> None:
    """A connection that dies on the way looks like the end of the input."""
    name, there = place
    (there / "file").write_text("old")
    (there / "etc").mkdir()
    (there / "etc/shadow").write_text("old")

    def cut(line: str, data: str, timeout: float) -> tuple[int, str, str]:
        return bare.execute(line, data[:-3], timeout)

    host = CommandHost(cut)
    with pytest.raises(EngineError, match="the connection broke off"):
        host.write_file(name + "/file", "a new text")
    with pytest.raises(EngineError, match="the connection broke off"):
        host.rootfs(name).write("/etc/shadow", "a new text")
    with pytest.raises(FlotillaError, match="the connection broke off"):
        node_sealer(CommandHost(cut).shell, True, name + "/key")
    assert (there / "file").read_text() == (there / "etc/shadow").read_text() == "old"
    assert sorted(path.name for path in there.iterdir()) == ["etc", "file"]


def test_commands(host: CommandHost, bare: BareNode, place: tuple[str, Path]) -> None:
    """Words and streams arrive as they are, any exit code is the command's own, and time is bounded on the node."""
    said = host.run(["sh", "-c", 'cat; printf "%s|" "$@" >&2; exit 255', "sh", "$(id)", "it's", "", "a\nb"], stdin="in \udcff\n")
    assert said == (255, "in \udcff\n", "$(id)|it's||a\nb|")
    assert host.run(["cat"]).stdout == ""
    with pytest.raises(EngineError, match="no-such is not installed"):
        host.run(["no-such"])
    pids = place[0] + "/pid"
    with pytest.raises(EngineError, match="did not finish within 1 s"):
        host.run(["sh", "-c", f"echo $$ >{pids}; exec sleep 300"], timeout=0.5)
    assert not (bare.node.root / "proc" / (place[1] / "pid").read_text().strip()).exists()
    assert host.run(["sh", "-c", "kill -9 $$"], timeout=5).rc == 137
    assert host.run(["sh", "-c", "echo $LC_ALL; umask; command -v vzctl"]).stdout.splitlines() == ["C", "0022", "/usr/sbin/vzctl"]


def test_a_script_that_does_not_run_to_its_end_is_an_error() -> None:
    """Whatever the way to the node says in its place."""
    for answer in ((1, "", "sudo: a password is required\n"), (0, "This account is not available.\n", "")):
        with pytest.raises(EngineError, match="did not carry out a command to its end"):
            CommandHost(lambda line, data, timeout, answer=answer: answer).exists("/etc")


def test_tools_that_are_missing_are_named(bare: BareNode) -> None:
    """Before anything is done."""
    (bare.node.root / "bin/timeout").rename(bare.node.root / "bin/timeout.away")
    try:
        with pytest.raises(EngineError, match="is not there: timeout"):
            CommandHost(bare.execute).shell.greet()
    finally:
        (bare.node.root / "bin/timeout.away").rename(bare.node.root / "bin/timeout")
    CommandHost(bare.execute).shell.greet()


# -- a root file system -----------------------------------------------------------------------------------------------

def test_links_of_a_container_lead_nowhere_but_into_it(host: CommandHost, place: tuple[str, Path]) -> None:
    """Relative, absolute, up and away, in loops; what is written takes the place of a link."""
    name, there = place
    inner = there / "root"
    (inner / "etc").mkdir(parents=True)
    (there / "secret").write_text("of the node")
    (inner / "etc/shadow").write_text("inner")
    (inner / "up").symlink_to("../../../../../../../secret")
    (inner / "there").symlink_to("/etc")
    (inner / "loop").symlink_to("loop")
    (inner / "etc/own").symlink_to(str(there / "secret"))
    root = host.rootfs(name + "/root", 1000, 2000)
    assert root.read("/there/shadow") == "inner" and root.read("/up") is None and root.read("/etc") is None and root.read("/etc/own") is None
    root.write("/there/new/deep", BLOB, 0o600, 5, 6)
    written = (inner / "etc/new/deep").stat()
    assert (written.st_uid, written.st_gid, mode(inner / "etc/new/deep")) == (1005, 2006, 0o600) and root.read("/etc/new/deep") == BLOB
    assert ((inner / "etc/new").stat().st_uid, mode(inner / "etc/new")) == (1000, 0o755)
    root.write("/etc/own", "own")
    assert not (inner / "etc/own").is_symlink() and (there / "secret").read_text() == "of the node"
    with pytest.raises(EngineError, match="too many levels"):
        root.read("/loop")
    with pytest.raises(EngineError, match="is no directory"):
        root.write("/etc/shadow/below", "x")
    root.make_dir("/home/x", 0o750, 7, 8)
    root.make_dir("/home/x", 0o700)
    assert mode(inner / "home/x") == 0o750 and (inner / "home/x").stat().st_uid == 1007
    root.link("/etc/l", "/a target")
    root.link("/etc/l", "/another")
    assert root.read_link("/etc/l") == "/a target" and root.read_link("/etc/own") is None and root.read_link("/none/l") is None
    assert root.list_dir("/there") == ["l", "new", "own", "shadow"] and root.list_dir("/none") == []
    assert root.exists("/there/own") and not root.exists("/up") and root.read_head("/etc/shadow", 3) == b"inn"
    root.remove("/etc/l")
    root.remove("/etc/l")
    assert not os.path.lexists(inner / "etc/l")
    os.mkfifo(inner / "etc/pipe")
    assert root.read("/etc/pipe") is None


def test_a_directory_that_becomes_a_link_on_the_way_is_noticed(bare: BareNode, place: tuple[str, Path], monkeypatch: pytest.MonkeyPatch) -> None:
    """The kernel says after each step where the shell is: a link that is put in place after the look at it leads to an error."""
    name, there = place
    outside = there / "outside"
    outside.mkdir()
    (there / "root/etc").mkdir(parents=True)
    host = CommandHost(bare.execute)
    asked = host.shell.ask

    def ask(text: str, *words: str, **more: Any) -> Answer:
        # As a container could do it, between the look at the name and the step.
        swap = f'rmdir "{name}/root/etc"; ln -s "{name}/outside" "{name}/root/etc"\n  cd -P "./$part" || exit 1\n'
        assert 'cd -P "./$part" || exit 1\n' in text
        return asked(text.replace('cd -P "./$part" || exit 1\n', swap), *words, **more)

    monkeypatch.setattr(host.shell, "ask", ask)
    with pytest.raises(EngineError, match="leads out of the root file system"):
        host.rootfs(name + "/root").write("/etc/passwd", "x")
    assert not list(outside.iterdir())


# -- turns and the key ------------------------------------------------------------------------------------------------

def test_turns(host: CommandHost, bare: BareNode) -> None:
    """One at a time; the second is told who the first is, and comes when that has ended."""
    other = CommandHost(bare.execute)
    with NodeTurn(host.shell)("container \"web1\""):
        with pytest.raises(Busy, match='another run holds this host: process [0-9]+ .container "web1"'), NodeTurn(other.shell)("b", 0.1):
            pass
        assert host.run(["true"]).rc == 0
    with NodeTurn(other.shell)("b", 20):
        pass
    assert not list((bare.node.root / "var/lock").glob("*.lease"))


def test_modules_on_the_node_and_runs_of_the_controller_take_turns(host: CommandHost, bare: BareNode) -> None:
    """It is the lock file of the module transport."""
    lock = bare.node.root / "var/lock/flotilla-virt-host-0.lock"
    lock.touch()
    with subprocess.Popen(["flock", str(lock), "-c", "echo held; read word"], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as holder:
        assert holder.stdout is not None and holder.stdout.readline() == b"held\n"
        with pytest.raises(Busy), NodeTurn(host.shell)("b", 0.1):
            pass
        holder.kill()


def test_a_controller_that_dies_frees_the_node(bare: BareNode) -> None:
    """The lease ends by itself, not while a command of the run is at work; a run that comes too late is told so."""
    host = CommandHost(bare.execute)
    turn = NodeTurn(host.shell, lease=1)
    with turn("first"):
        worker = threading.Thread(target=host.run, args=(["sleep", "3"],), kwargs={"timeout": 10})
        worker.start()
        with pytest.raises(Busy), NodeTurn(CommandHost(bare.execute).shell)("second", 2):
            pass
        worker.join()
        # Nothing is heard of the first one from here on.
        with NodeTurn(CommandHost(bare.execute).shell)("second", 20):
            with pytest.raises(EngineError, match="no longer holds the node"):
                host.run(["true"])
    with NodeTurn(CommandHost(bare.execute).shell)("third", 20):
        pass


def test_a_killed_holder_is_noticed(host: CommandHost, bare: BareNode) -> None:
    turn = NodeTurn(host.shell)
    with turn("first"):
        pid = (bare.node.root / "var/lock/flotilla-virt-host-0.lock").read_text().split(":")[1].split(",")[0].strip()
        subprocess.run([*bare.enter, "/bin/sh", "-c", f"kill -9 {pid}"], check=True)
        until(lambda: _is_refused(host), "the lost turn is noticed", 20)


def _is_refused(host: CommandHost) -> bool:
    try:
        return host.run(["true"]).rc != 0
    except EngineError as error:
        return "no longer holds" in str(error)


def test_the_key(host: CommandHost, place: tuple[str, Path]) -> None:
    """Made once, readable by root only, and not in check mode."""
    name, there = place
    passing = node_sealer(host.shell, False, name + "/lib/key")
    assert passing("word") and not (there / "lib").exists()
    first = node_sealer(host.shell, True, name + "/lib/key")
    assert node_sealer(host.shell, True, name + "/lib/key")("word") == first("word") == node_sealer(host.shell, False, name + "/lib/key")("word")
    assert mode(there / "lib/key") == 0o600 and len((there / "lib/key").read_bytes()) == 32 and os.listdir(there / "lib") == ["key"]
    with pytest.raises(FlotillaError, match="cannot be read"):
        node_sealer(host.shell, True, "/proc/none/key")
