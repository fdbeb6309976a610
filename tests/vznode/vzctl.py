# Copyright: (c) 2026, flotilla.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""vzctl of both versions: words in, exit code and two streams out, by the grammar of the version."""

from __future__ import annotations

import contextlib
import re
import tomllib
from functools import lru_cache
from pathlib import Path
from typing import Any

from . import machine, values
from .node import Config, Ended, Locked, Node
from .setting import Set

GRAMMARS = Path(__file__).parent / "grammar"
DANGEROUS = re.compile(r"[\"$`\\\n\r\x00-\x1f\x7f]")
_UUID = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}\Z")


@lru_cache(maxsize=None)
def grammar(name: str) -> dict[str, Any]:
    """A dialect's grammar."""
    return tomllib.loads((GRAMMARS / f"{name}.toml").read_text())


class Vzctl:
    """One call of vzctl. `used` are the grammar entries that it touched, `violations` what no driver may send."""

    def __init__(self, node: Node, argv: list[str], stdin: bytes = b"", stream: bool = False, limit: float | None = None) -> None:
        self.node = node
        self.argv = list(argv)
        self.stdin = stdin
        self.stream = stream
        self.limit = limit
        self.rules = grammar(f"vzctl{node.version}")
        self.out: list[str] = []
        self.err: list[str] = []
        self.used: set[tuple[str, str]] = set()
        self.violations: list[str] = []
        self.word = ""

    # -- running --------------------------------------------------------------------------------------------------

    def run(self) -> tuple[int, str, str]:
        """Carry the call out."""
        try:
            self._main()
            rc = 0
        except Ended as end:
            rc = end.rc
        except Locked as locked:
            rc = self.say("locked", pid=locked.pid, cmdline=locked.cmdline)
        return rc, "".join(line + "\n" for line in self.out), "".join(line + "\n" for line in self.err)

    def say(self, error: str, **words: Any) -> int:
        """Print an error of the grammar and return its code."""
        entry = self.rules["errors"][error]
        return self._print(entry, words)

    def fail(self, error: str, **words: Any) -> None:
        """End with an error of the grammar."""
        raise Ended(self.say(error, **words))

    def _print(self, entry: dict[str, Any], words: dict[str, Any]) -> int:
        quiet = "--quiet" in self.argv[1:3]
        for stream, lines in (("out", self.out), ("err", self.err)):
            # Quiet hides its errors too, so that only the code is left of them.
            if entry.get(stream) and not quiet:
                text = entry[stream]
                for name, value in words.items():
                    text = text.replace("{%s}" % name, str(value))
                lines.extend(text.split("\n"))
        return int(entry.get("rc", 0))

    def violation(self, text: str) -> None:
        """Note what the real program takes and a driver must not send; a strict node refuses it."""
        if self.node.strict:
            self.violations.append(text)
            self.err.append("vznode: " + text)
            raise Ended(250)

    def _main(self) -> None:
        words = self.argv[1:]
        while words and words[0] in self.rules["global_options"]:
            self.used.add(("", words.pop(0)))
        if words == ["--version"]:
            self.used.add(("", "--version"))
            self.out.append(self.rules["version"])
            return
        if not words:
            self.fail("usage" if "usage" in self.rules["errors"] else "no_id")
        name = words.pop(0)
        entry = self.rules["commands"].get(name)
        if entry is None:
            self.fail("bad_command", word=name)
        self.used.add((name, ""))
        name = entry.get("same", name)
        entry = self.rules["commands"][name]
        if not words:
            self.fail("no_id")
        self.word = words.pop(0)
        ident = self._resolve(self.word, name)
        self._dispatch(name, entry, ident, words)

    def _dispatch(self, name: str, entry: dict[str, Any], ident: str, words: list[str]) -> None:
        options: list[tuple[str, str]] = []
        if entry.get("raw") and words:
            self._extra("invalid", words)
        if not entry.get("raw") and not entry.get("words"):
            table = self.rules["set"] if name == "set" else entry.get("options", {})
            options, words = self._getopt(words, table, entry)
            if words and not entry.get("loose"):
                self._extra("extra", words)
        values_of = self._values(name, table, options) if options else []
        handler = getattr(self, "_do_" + name.replace("-", "_"))
        skip = "--skiplock" in self.argv[1:3]
        held = self.node.lock(ident) if entry.get("lock") and not skip and ident != "0" else contextlib.nullcontext("")
        with held as said:
            if said:
                self.out.append(said)
            handler(ident, values_of if not entry.get("words") else words)

    def _extra(self, kind: str, words: list[str]) -> None:
        entry = self.rules["option_errors"].get(kind) or self.rules["option_errors"]["extra"]
        raise Ended(self._print(entry, {"words": " ".join(words)}))

    # -- words ----------------------------------------------------------------------------------------------------

    def _resolve(self, word: str, command: str) -> str:
        bare = word.strip() if word.strip().isdigit() else word
        if self.node.strict and bare.isdigit() and bare != str(int(bare)):
            self.violation(f"the id {word!r} is read as {int(bare)}")
        if self.node.version == 7:
            return self._resolve7(word, bare, command)
        if bare.isdigit() or not word:
            number = int(bare or "0")
            if number == 0 and command != "set":
                self.fail("host_id")
            if number > 2147483644:
                self.fail("bad_id", word=word)
            return str(number)
        ident = self.node.by_name(word) if command != "create" else None
        if ident is None:
            self.fail("bad_id", word=word)
        return str(ident)

    def _resolve7(self, word: str, bare: str, command: str) -> str:
        if bare.isdigit() and int(bare) <= 2147483647:
            return str(int(bare))
        if _UUID.match(word.strip("{}")):
            if word != word.lower():
                self.violation("the case of an id is not normalised")
            return word.strip("{}")
        ident = self.node.by_name(word) if command != "create" else None
        if ident is None and not word.isascii():
            # It says nothing of a word that could be a name in another language.
            raise Ended(self.rules["errors"]["bad_id"]["rc"])
        if ident is None:
            self.fail("bad_id", word=word)
        return str(ident)

    def _getopt(self, words: list[str], table: dict[str, Any], entry: dict[str, Any]) -> tuple[list[tuple[str, str]], list[str]]:
        found: list[tuple[str, str]] = []
        rest: list[str] = []
        while words:
            word = words.pop(0)
            if word == "--":
                rest += words
                break
            if not word.startswith("-") or word == "-":
                rest.append(word)
                continue
            name, equals, value = word.partition("=") if word.startswith("--") else (word, "", "")
            if entry.get("ignore_options"):
                continue
            name = self._match(name, table, entry)
            kind = table[name].get("type", "text") if isinstance(table[name], dict) and "same" not in table[name] else table[name]
            if isinstance(kind, dict):
                kind = table[kind["same"]]["type"]
            self._warn_before(name, table)
            if kind and not equals:
                if not words:
                    self.err.append(self.rules["option_errors"]["argument"].format(option=name, word=self.word))
                    raise Ended(entry["unknown"])
                value = words.pop(0)
            if isinstance(table[name], dict) and table[name].get("extra"):
                self._extra("extra", words)
            found.append((name, value))
        return found, rest

    def _warn_before(self, name: str, table: dict[str, Any]) -> None:
        warn = table[name].get("warn") if isinstance(table[name], dict) else None
        if warn and warn not in self.err:
            self.err.append(warn)

    def _match(self, name: str, table: dict[str, Any], entry: dict[str, Any]) -> str:
        texts = self.rules["option_errors"]
        if name in table:
            return name
        close = [option for option in table if option.startswith(name) and name.startswith("--")]
        same = {option if not (isinstance(table[option], dict) and "same" in table[option]) else table[option]["same"] for option in close}
        if len(same) == 1:
            self.violation(f"the option {name} is abbreviated")
            return close[0]
        if close:
            self.err.append(texts["ambiguous"].format(option=name, word=self.word, possible=" ".join(f"'{option}'" for option in close)))
        elif name.startswith("--"):
            self.err.append(texts["unknown"].format(option=name, word=self.word))
            self.err.extend(line for line in entry.get("usage", "").split("\n") if line)
        else:
            self.err.append(texts["short"].format(letter=name[1], word=self.word))
        raise Ended(entry.get("unknown", 21))

    def _values(self, command: str, table: dict[str, Any], options: list[tuple[str, str]]) -> list[tuple[str, Any]]:
        found: list[tuple[str, Any]] = []
        for name, text in options:
            entry = table[name]
            if isinstance(entry, dict) and "same" in entry:
                self.used.add((command, name))
                name = entry["same"]
                entry = table[name]
            kind = entry["type"] if isinstance(entry, dict) else entry
            self.used.add((command, name))
            if kind and DANGEROUS.search(text):
                self.violation(f"the value of {name} would be stored where root's shell reads it: {text!r}")
            try:
                found.append((name, values.PARSERS[kind](text, self.node.version) if kind else ""))
            except values.Bad as bad:
                self._bad(name, text, entry, bad)
        return found

    def _bad(self, name: str, text: str, entry: Any, bad: values.Bad) -> None:
        self.out.extend(line for line in bad.out.split("\n") if line)
        self.err.extend(line for line in bad.err.split("\n") if line)
        options = entry if isinstance(entry, dict) else {}
        if bad.error == "devnodes":
            self.say("bad_value", option=name, value=text)
            raise Ended(86)
        if not bad.error:
            raise Ended(21 if bad.err else 20)
        rc = self.say(bad.error, option=options.get("bad_name", name), value=text)
        raise Ended(options.get("bad", rc))

    # -- what several commands need -------------------------------------------------------------------------------

    def config(self, ident: str) -> Config:
        """The configuration of a container, with what vzctl says about it; ends where there is none."""
        config = self.node.config(ident)
        if config is None:
            self.fail("no_config")
        assert config is not None
        if self.node.version == 4:
            self.err.extend(config.warnings)
        return config

    def need_private(self, ident: str) -> None:
        """End where the private area is gone."""
        if not self.node.private(ident).exists():
            self.fail("no_private", private=self.node.place(ident, "VE_PRIVATE"))

    def capital(self) -> str:
        """How this version writes the word."""
        return "Container" if self.node.version == 7 else "container"

    # -- commands -------------------------------------------------------------------------------------------------

    def _do_status(self, ident: str, _options: Any) -> None:
        config = self.node.config(ident)
        if config is not None and self.node.version == 4:
            self.err.extend(config.warnings)
        node = self.node
        exists = node.exists(ident) if node.version == 4 else node.path(ident).exists() and node.private(ident).exists()
        state = "running" if node.init(ident) else "down"
        if node.live(ident).get("paused") and node.init(ident):
            state = "paused"
        self.out.append(self.rules["status"].format(id=ident, exists="exist" if exists else "deleted",
                                                    mounted="mounted" if node.mounted(ident) else "unmounted", running=state))

    def _do_create(self, ident: str, options: list[tuple[str, Any]]) -> None:
        from .creation import create  # pylint: disable=import-outside-toplevel,cyclic-import
        create(self, ident, options)

    def _do_start(self, ident: str, options: list[tuple[str, Any]]) -> None:
        config = self.config(ident)
        self.need_private(ident)
        if self.node.init(ident):
            self.fail("running")
        self.start(ident, config, force="--force" in dict(options))

    def start(self, ident: str, config: Config, force: bool = False) -> None:
        """Start a container that does not run."""
        if config.values.get("DISABLED") == "yes" and not force:
            self.fail("disabled")
        self.out.append(f"Starting {self.capital()}{'...' if self.node.version == 4 else ' ...'}")
        if self.node.mounted(ident):
            machine.umount(self.node, ident)
            self.out.append("Container is unmounted")
        self._mount(ident)
        self._check_addresses(ident, config)
        try:
            machine.start(self.node, ident, config.values)
        except machine.Failed as error:
            machine.umount(self.node, ident)
            self.err.append(str(error))
            raise Ended(7) from None
        Set(self, ident, config).bring_up()
        self.out.append(f"{'Container' if self.node.version == 7 else 'Container'} start in progress...")

    def _check_addresses(self, ident: str, config: Config) -> None:
        for address in config.values.get("IP_ADDRESS", "").split():
            if self.address_taken(ident, address):
                machine.umount(self.node, ident)
                self.out.append("Container is unmounted")
                self.fail("address_used", address=address.partition("/")[0])

    def address_taken(self, ident: str, address: str) -> bool:
        """Whether another running container has the address, which only an OpenVZ kernel minds."""
        bare = address.partition("/")[0]
        return not self.node.mainline and any(
            bare in [word.partition("/")[0] for word in self.node.live(other).get("addresses", [])]
            for other in self.node.idents() if other != ident and self.node.init(other))

    def _mount(self, ident: str) -> None:
        machine.mount(self.node, ident)
        script = self.node.etc / f"conf/{ident}.mount"
        if script.exists():
            done = machine._run("env", f"VEID={ident}", f"VE_CONFFILE=/etc/vz/conf/{ident}.conf", str(script), check=False)
            self.out.extend(done.stdout.decode().splitlines())
            if done.returncode:
                machine.umount(self.node, ident)
                self.fail("hook", script=f"/etc/vz/conf/{ident}.mount")
        self.out.append("Container is mounted")

    def _do_stop(self, ident: str, options: list[tuple[str, Any]]) -> None:
        if self.node.version == 7 and self.node.config(ident) is None:
            self.fail("stop_stopped")
        config = self.config(ident)
        if not self.node.init(ident):
            self.fail("stop_stopped")
        self.stop(ident, config, **{name.strip("-").replace("-", "_"): True for name, _value in options})

    def stop(self, ident: str, config: Config, fast: bool = False, skip_umount: bool = False) -> None:
        """Stop a running container."""
        if fast:
            self.out.append("Killing container ..." if self.node.version == 4 else "Killing the Container ...")
            machine.kill(self.node, ident)
        else:
            self.out.append("Stopping container ..." if self.node.version == 4 else "Stopping the Container ...")
            if not machine.stop(self.node, ident, float(config.values.get("STOP_TIMEOUT", machine.STOP_TIMEOUT)), self.limit):
                self.out.append("Killing container ..." if self.node.version == 4 else "Killing the Container ...")
        self.out.append("Container was stopped")
        if not skip_umount:
            machine.umount(self.node, ident)
            self.out.append("Container is unmounted")

    def _do_restart(self, ident: str, options: list[tuple[str, Any]]) -> None:
        config = self.config(ident)
        self.need_private(ident)
        self.restart(ident, config, config, fast="--fast" in dict(options), force="--force" in dict(options))

    def restart(self, ident: str, config: Config, new: Config, fast: bool = False, force: bool = False) -> None:
        """Stop and start, the second with another configuration."""
        self.out.append("Restarting container" if self.node.version == 4 else "Restarting the Container")
        if self.node.init(ident):
            self.stop(ident, config, fast=fast)
        self.start(ident, new, force)

    def _do_mount(self, ident: str, _options: Any) -> None:
        self.config(ident)
        self.need_private(ident)
        if self.node.mounted(ident):
            self.fail("already_mounted")
        self._mount(ident)

    def _do_umount(self, ident: str, _options: Any) -> None:
        self.config(ident)
        if self.node.init(ident):
            self.fail("umount_running")
        if not self.node.mounted(ident):
            self.fail("not_mounted")
        machine.umount(self.node, ident)
        self.out.append("Container is unmounted")

    def _do_destroy(self, ident: str, _options: Any) -> None:
        config = self.config(ident)
        if self.node.init(ident):
            self.fail("destroy_running")
        if self.node.mounted(ident):
            self.fail("destroy_mounted")
        from .creation import destroy  # pylint: disable=import-outside-toplevel,cyclic-import
        destroy(self, ident, config)

    def _do_unregister(self, ident: str, _options: Any) -> None:
        config = self.config(ident)
        if self.node.init(ident):
            self.fail("destroy_running")
        self.node.rename(ident, config.values.get("NAME", ""), "")
        (self.node.private(ident) / "ve.conf").write_text(str(config))
        self.node.path(ident).unlink()

    def _do_set(self, ident: str, options: list[tuple[str, Any]]) -> None:
        Set(self, ident, self.node.config(ident)).run(options)

    def _do_pause(self, ident: str, _options: Any) -> None:
        self.config(ident)
        self._running_or("exec2_stopped", ident)
        machine.freeze(self.node, ident, True)

    def _do_suspend(self, ident: str, options: list[tuple[str, Any]]) -> None:
        self.config(ident)
        named = {name for name, _value in options}
        if not self.node.init(ident):
            self.fail("resume_stopped" if named & {"--kill", "--resume"} and self.node.version == 4 else "suspend_stopped")
        self.err.append("Checkpointing failed: no criu here")
        raise Ended(16)

    def _do_resume(self, ident: str, options: list[tuple[str, Any]]) -> None:
        self.config(ident)
        named = {name for name, _value in options}
        if self.node.version == 7:
            if self.node.live(ident).get("paused"):
                machine.freeze(self.node, ident, False)
                return
            self.fail("resume_stopped")
        if named & {"--kill", "--resume"}:
            self.fail("resume_stopped")
        self.out.extend(["Container is mounted", "Container is unmounted"])
        self.err.extend(["The restore log was saved in /vz/dump/Dump.%s/restore.log" % ident,
                         'Container restore failed (try to check kernel messages, e.g. "dmesg | tail")'])
        raise Ended(17)

    # -- inside ---------------------------------------------------------------------------------------------------

    def _running_or(self, error: str, ident: str) -> None:
        if not self.node.init(ident):
            self.fail(error)

    def _inside(self, ident: str, words: list[str], shell: bool) -> int:
        if not shell:
            argv = words
        elif words == ["-"]:
            argv = ["/bin/sh"]
        else:
            argv = ["/bin/sh", "-c", " ".join(words)]
        rc, out, err = machine.enter(self.node, ident, argv, self.stdin, self.stream)
        if not shell and rc == 127 and "failed to execute" in err:
            raise Ended(4)
        self.out.extend(out.split("\n")[:-1] if out.endswith("\n") else [out] if out else [])
        self.err.extend(err.split("\n")[:-1] if err.endswith("\n") else [err] if err else [])
        if rc < 0 or rc in (137, 143) and not shell:
            self.err.append("Got signal %d" % (-rc if rc < 0 else rc - 128))
            return 3
        return rc

    def _exec(self, ident: str, words: list[str], shell: bool, first: bool = False) -> None:
        if not words:
            self.config(ident)
            self.fail("no_command")
        self.config(ident)
        self._running_or("exec_stopped" if first else "exec2_stopped", ident)
        rc = self._inside(ident, words, shell)
        if rc:
            raise Ended(8 if first else rc)

    def _do_exec(self, ident: str, words: list[str]) -> None:
        self._exec(ident, words, True, first=True)

    def _do_exec2(self, ident: str, words: list[str]) -> None:
        self._exec(ident, words, True)

    def _do_exec3(self, ident: str, words: list[str]) -> None:
        self._exec(ident, words, False)

    def _do_enter(self, ident: str, words: list[str]) -> None:
        self.config(ident)
        self._running_or("exec2_stopped", ident)
        if self.node.version == 4:
            self.out.extend(["Unable to open pty: No such device", "enter into CT %s failed" % ident])

    def _do_console(self, ident: str, _words: Any) -> None:
        self.config(ident)

    def _do_runscript(self, ident: str, words: list[str]) -> None:
        if not words:
            self.fail("no_script")
        self.config(ident)
        script = self.node.root / words[0].lstrip("/")
        if not script.exists():
            self.fail("script_absent", script=words[0])
        self._running_or("exec2_stopped", ident)
        rc, out, err = machine.enter(self.node, ident, ["/bin/sh", "-c", script.read_text()], b"")
        self.out.extend(out.splitlines())
        self.err.extend(err.splitlines())
        if rc:
            raise Ended(rc)

    def _do_setrate(self, ident: str, _options: Any) -> None:
        self.config(ident)
        self.fail("no_rate")

    def _quota(self, ident: str, code: int) -> None:
        self.config(ident)
        self.out.append("Disk quota is not enabled, skipping operation")
        raise Ended(code)

    def _do_quotaon(self, ident: str, _words: Any) -> None:
        self._quota(ident, 60)

    def _do_quotaoff(self, ident: str, _words: Any) -> None:
        self._quota(ident, 66)

    def _do_quotainit(self, ident: str, _words: Any) -> None:
        self._quota(ident, 61)

    # -- snapshots ------------------------------------------------------------------------------------------------

    def _snapshot(self, name: str, ident: str, options: list[tuple[str, Any]]) -> None:
        from .snapshots import Snapshots  # pylint: disable=import-outside-toplevel,cyclic-import
        Snapshots(self, ident).run(name, dict(options))

    def _do_snapshot(self, ident: str, options: list[tuple[str, Any]]) -> None:
        self._snapshot("create", ident, options)

    def _do_snapshot_list(self, ident: str, options: list[tuple[str, Any]]) -> None:
        self._snapshot("list", ident, options)

    def _do_snapshot_switch(self, ident: str, options: list[tuple[str, Any]]) -> None:
        self._snapshot("switch", ident, options)

    def _do_snapshot_delete(self, ident: str, options: list[tuple[str, Any]]) -> None:
        self._snapshot("delete", ident, options)

    def _do_snapshot_mount(self, ident: str, options: list[tuple[str, Any]]) -> None:
        self._snapshot("mount", ident, options)

    def _do_snapshot_umount(self, ident: str, options: list[tuple[str, Any]]) -> None:
        self._snapshot("umount", ident, options)

    def _do_compact(self, ident: str, _options: Any) -> None:
        self.config(ident)
        self.out.append("Compact only makes sense for ploop containers")

    def _do_convert(self, ident: str, options: list[tuple[str, Any]]) -> None:
        self.config(ident)
        if dict(options).get("--layout", "ploop") != "ploop":
            self.err.append("Only conversion to ploop is supported")
            raise Ended(21)
        self.err.append("vznode: no ploop here")
        raise Ended(151)
