# Copyright: (c) 2026, flotilla.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""prlctl: words in, exit code and two streams out, by its grammar."""

from __future__ import annotations

import re
import time
from dataclasses import dataclass, field
from typing import Any

from ..machine import enter, freeze
from ..node import Ended, Node
from ..vzctl import DANGEROUS, Vzctl, grammar
from . import values
from .guests import CT, Guest, Guests
from .network import bring_up

NOT_DONE = 250
"""The code of what the double refuses by itself."""
PARSED = 77
"""The code of the recorded parser that took the words."""


@dataclass
class Parsed:
    """What the words say."""

    action: str
    ident: str = ""
    options: list[tuple[str, Any]] = field(default_factory=list)
    words: list[str] = field(default_factory=list)
    destination: str = ""

    def get(self, *names: str) -> Any:
        """The last value of an option, None where it was not said."""
        found = [value for name, value in self.options if name in names]
        return found[-1] if found else None

    def has(self, *names: str) -> bool:
        """Whether an option was said."""
        return any(name in names for name, _value in self.options)


class Program:
    """What prlctl and prlsrvctl have in common."""

    name = ""

    def __init__(self, node: Node, argv: list[str], stdin: bytes = b"", stream: bool = False, limit: float | None = None) -> None:
        self.node = node
        self.argv = list(argv)
        self.stdin, self.stream, self.limit = stdin, stream, limit
        self.rules = grammar(self.name)
        self.guests = Guests(node)
        self.out: list[str] = []
        self.err: list[str] = []
        # What a command in a guest printed, to the byte.
        self.guests_out, self.guests_err = "", ""
        self.used: set[tuple[str, str]] = set()
        self.violations: list[str] = []

    def run(self, parse_only: bool = False) -> tuple[int, str, str]:
        """Carry the call out; `parse_only` ends it where the recording of the parser ends."""
        try:
            parsed = self.parse()
            rc = PARSED
            if not parse_only:
                self.carry_out(parsed)
                rc = 0
        except Ended as end:
            rc = end.rc
        return rc, "".join(line + "\n" for line in self.out) + self.guests_out, "".join(line + "\n" for line in self.err) + self.guests_err

    def parse(self) -> Parsed:
        """Read the words. Raises Ended."""
        raise NotImplementedError

    def carry_out(self, parsed: Parsed) -> None:
        """Do what they say. Raises Ended."""
        raise NotImplementedError

    def act(self, name: str, parsed: Parsed) -> None:
        """Do an action. Words that are known, with nothing behind them, must not look like success."""
        act = getattr(self, "_do_" + re.sub(r"[- ]", "_", name), None)
        if act is None:
            text = "the double does not do %s %s" % (self.name, name)
            self.violations.append(text)
            self.err.append("vznode: " + text)
            raise Ended(NOT_DONE)
        act(parsed)

    # -- saying ---------------------------------------------------------------------------------------------------

    @property
    def version(self) -> str:
        """The version of the program, by the year that the node has."""
        years = self.rules["versions"]
        return str(years[max(year for year in years if int(year) <= max(self.node.prlctl, 2016))])

    def text(self, template: str, **words: Any) -> list[str]:
        """A text of the grammar, in lines."""
        for name, value in {"usage": self.rules["usage"], "ostypes": self.rules.get("ostypes", ""), **words, "version": self.version}.items():
            template = template.replace("{%s}" % name, str(value))
        return template.split("\n")

    def say(self, error: str, **words: Any) -> int:
        """Print an error of the grammar and return its code."""
        entry = self.rules["errors"][error]
        for stream, lines in (("out", self.out), ("err", self.err)):
            if entry.get(stream):
                lines.extend(self.text(entry[stream], **words))
        return int(entry["rc"])

    def fail(self, error: str, **words: Any) -> None:
        """End with an error of the grammar."""
        raise Ended(self.say(error, **words))

    def refuse(self, error: str, **words: Any) -> None:
        """End with an error of the parser: no driver may send such words."""
        if self.node.strict:
            self.violations.append("%s does not take: %s" % (self.name, " ".join(self.argv[1:])))
        self.fail(error, **words)

    def violation(self, text: str) -> None:
        """Note what the real program takes and a driver must not send; a strict node refuses it."""
        if self.node.strict:
            self.violations.append(text)
            self.err.append("vznode: " + text)
            raise Ended(NOT_DONE)

    # -- options --------------------------------------------------------------------------------------------------

    def options_of(self, action: str, words: list[str], table: dict[str, Any], entry: dict[str, Any]) -> tuple[list[tuple[str, Any]], list[str]]:
        """The options in the words, with their values, and the other words, where there may be any."""
        known = {**self.rules["global_options"], **table}
        words = list(words)
        found: list[tuple[str, Any]] = []
        plain: list[str] = []
        while words:
            word = words.pop(0)
            group = re.fullmatch(r"-([A-Za-z]{2,})", word)
            if group and word not in known and all("-" + letter in known for letter in group.group(1)):
                words = ["-" + letter for letter in group.group(1)] + words
                continue
            if word not in known:
                if entry.get("words"):
                    return found, [word, *words]
                if entry.get("id") == "optional" and not word.startswith("-"):
                    plain.append(word)
                    continue
                if entry.get("loose"):
                    self._loose(action, word)
                    return found, plain
                self.refuse("unknown_option", word="(null)" if entry.get("null") else word)
            found.append(self._option(action, word, words, known))
        return found, plain

    def _loose(self, action: str, word: str) -> None:
        """The real one stops reading at what it does not know, and says nothing."""
        self.violation("%s %s ignores what it does not know: %s" % (self.name, action, word))

    def _option(self, action: str, name: str, words: list[str], known: dict[str, Any]) -> tuple[str, Any]:
        entry = known[name]
        self.used.add((action, name))
        canonical = name
        if isinstance(entry, dict) and "same" in entry:
            canonical, entry = entry["same"], known[entry["same"]]
        kind = entry["type"] if isinstance(entry, dict) else entry
        if not kind:
            return canonical, ""
        if not words:
            self.refuse("argument", option=name)
        text = words.pop(0)
        if DANGEROUS.search(text):
            self.violation("%r has characters that root's shell would read, or that break the JSON" % text)
        try:
            return canonical, values.PARSERS[kind](text)
        except values.Bad as bad:
            options = entry if isinstance(entry, dict) else {}
            self.refuse(bad.error, **{"option": options.get("bad_name", name), "value": text, **bad.words})
        raise AssertionError


class Prlctl(Program):
    """One call of prlctl. `used` are the grammar entries that it touched, `violations` what no driver may send."""

    name = "prlctl"

    # -- words ----------------------------------------------------------------------------------------------------

    def parse(self) -> Parsed:
        words = self.argv[1:]
        if words in (["--help"], ["--version"]):
            self.used.add(("", words[0]))
            self.out.extend(self.text("prlctl version {version}" if words[0] == "--version" else "{usage}"))
            raise Ended(0)
        action = ""
        try:
            parsed = self._parse(words)
            action = parsed.action
            return parsed
        finally:
            if action not in self.rules["silent"] and self.node.prlctl >= 2021:
                self.err.append(self.rules["warning"])

    def _parse(self, words: list[str]) -> Parsed:
        if not words:
            self.refuse("usage")
        action, rest = words[0], words[1:]
        entry = self.rules["actions"].get(action)
        if entry is None:
            self.refuse("unknown_action" if rest else "invalid_usage", word=action)
        self.used.add((action, ""))
        action = entry.get("same", action)
        entry = self.rules["actions"][action]
        parsed = Parsed(action)
        if entry["id"] == "needed" or (entry["id"] == "option" and rest and not rest[0].startswith("-")):
            if not rest:
                self.refuse("invalid_usage")
            parsed.ident = rest.pop(0)
        if entry["id"] == "option" and not parsed.ident and not rest:
            self.refuse("invalid_usage")
        table = self.rules["set"] if action == "set" else entry.get("options", {})
        check = getattr(self, "_words_of_" + action.replace("-", "_"), None)
        if check is not None:
            rest = check(parsed, rest)
        parsed.options, parsed.words = self.options_of(action, rest, table, entry)
        if entry["id"] == "optional" and parsed.words:
            parsed.ident = parsed.words.pop(0)
            if parsed.words:
                self._loose(action, parsed.words[0])
        after = getattr(self, "_check_" + action.replace("-", "_"), None)
        if after is not None:
            after(parsed)
        return parsed

    def _check_set(self, parsed: Parsed) -> None:
        from .setting import check_words  # pylint: disable=import-outside-toplevel,cyclic-import
        check_words(self, parsed)

    def _check_create(self, parsed: Parsed) -> None:
        said = [word for word in self.argv if word in ("c", "v")]
        if "--vmtype" not in self.argv:
            self.violation("create without --vmtype makes a virtual machine")
        if said and parsed.get("--vmtype") and self.argv[self.argv.index("--vmtype") + 1] in said:
            self.violation("an abbreviated --vmtype")
        distribution = parsed.get("-d", "--distribution")
        if distribution is not None and distribution not in self.rules["distributions"]:
            self.err.extend(self.text(self.rules["errors"]["value"]["err"], option="--distribution", value=distribution))
            self.violation("a distribution that prlctl does not know")
        if not parsed.ident or DANGEROUS.search(parsed.ident):
            self.violation("a name that is empty, or that root's shell would read")

    def _words_of_migrate(self, parsed: Parsed, rest: list[str]) -> list[str]:
        if not rest or rest[0].startswith("-"):
            self.refuse("migrate_usage")
        host = rest[0].rpartition("@")[2].partition("/")[0]
        if not re.fullmatch(r"[0-9.]+|localhost", host) and host not in self.guests.peers():
            self.refuse("destination", value=rest[0])
        parsed.destination = rest[0]
        return rest[1:]

    def _check_problem_report(self, parsed: Parsed) -> None:
        if not parsed.has("--dump", "--send"):
            self.refuse("report_usage")

    def _check_snapshot_switch(self, parsed: Parsed) -> None:
        if not parsed.has("--id"):
            self.violation("%s without an id" % parsed.action)

    def _check_snapshot_delete(self, parsed: Parsed) -> None:
        self._check_snapshot_switch(parsed)

    def _check_exec(self, parsed: Parsed) -> None:
        if not parsed.has("--without-shell"):
            self.violation("exec without --without-shell gives the words to a shell")
        if not parsed.words:
            self.violation("exec without a command")

    # -- carrying out ---------------------------------------------------------------------------------------------

    def carry_out(self, parsed: Parsed) -> None:
        """Raises Ended."""
        if self.node.dispatcher_down:
            self.fail("no_dispatcher")
        self.act(parsed.action, parsed)

    def guest(self, parsed: Parsed) -> Guest:
        """The guest that the words name; ends where there is none."""
        found = self.guests.find(parsed.ident)
        if found is None:
            self.fail("not_found")
        assert found is not None
        if found.record.get("frozen") and parsed.action not in ("list", "status"):
            self.fail("frozen")
        return found

    def vzctl(self, guest: Guest, *words: str) -> tuple[int, str]:
        """vzctl below the dispatcher: its exit code, and its last word."""
        call = Vzctl(self.node, ["vzctl", words[0], guest.ident, *words[1:]], self.stdin, False, self.limit)
        rc, out, err = call.run()
        self.violations.extend(call.violations)
        lines = (err or out).strip().splitlines()
        return rc, lines[-1] if lines else ""

    def must(self, verb: str, guest: Guest, *words: str) -> None:
        """vzctl, whose code is prlctl's where it fails."""
        rc, text = self.vzctl(guest, *words)
        if rc:
            self.say("operation", verb=verb, kind=guest.word, text=text)
            raise Ended(rc)

    # -- power ----------------------------------------------------------------------------------------------------

    def begin(self, parsed: Parsed, guest: Guest | None = None, **words: str) -> Guest:
        """Say what is done to which guest, and end where its state forbids it, as the grammar has it."""
        guest = guest or self.guest(parsed)
        entry = self.rules["actions"][parsed.action]
        if "says" in entry:
            self.out.extend(self.text(entry["says"], kind=guest.word, name=guest.name, **words))
        if guest.state not in entry.get("states", [guest.state]) and not parsed.has(entry.get("forced", "")):
            rc = self.say(entry["conflict"], verb=entry["verb"], kind=guest.word, name=guest.name)
            raise Ended(rc)
        return guest

    def end(self, parsed: Parsed, guest: Guest, text: str = "done") -> None:
        """Say that it is done."""
        self.out.extend(self.text(self.rules["actions"][parsed.action][text], kind=guest.word))

    def _do_status(self, parsed: Parsed) -> None:
        guest = self.guest(parsed)
        self.out.append("%s %s exist %s" % (guest.word, parsed.ident, guest.state))

    def _do_start(self, parsed: Parsed) -> None:
        guest = self.begin(parsed)
        if guest.state == "suspended":
            self.thaw(guest)
        else:
            self.start(guest, "start")
        self.end(parsed, guest)

    def start(self, guest: Guest, verb: str) -> None:
        """Start a guest that does not run."""
        if guest.kind == CT:
            self.must(verb, guest, "start")
            bring_up(guest)
        else:
            guest.record["state"] = "running"
            guest.record["live"] = {key: value for key, value in guest.record.items() if key != "live"}
        guest.record["since"] = time.time()
        guest.save()

    def _do_stop(self, parsed: Parsed) -> None:
        guest = self.begin(parsed)
        kill = parsed.has("--kill")
        self.stop(guest, "stop", kill or parsed.has("--fast", "--force"))
        self.end(parsed, guest, "killed" if kill else "done")

    def stop(self, guest: Guest, verb: str, fast: bool = False) -> None:
        """Stop a guest that runs."""
        if guest.kind == CT:
            if guest.state in ("paused", "suspended"):
                freeze(self.node, guest.ident, False)
            self.must(verb, guest, "stop", *(["--fast"] if fast else []))
        else:
            guest.record.pop("live", None)
            guest.record["state"] = "stopped"
        guest.record["since"] = 0
        guest.save()

    def _do_restart(self, parsed: Parsed) -> None:
        guest = self.begin(parsed)
        self.stop(guest, parsed.action, parsed.action == "reset")
        self.start(guest, parsed.action)
        self.end(parsed, guest)

    _do_reset = _do_restart

    def _do_pause(self, parsed: Parsed) -> None:
        guest = self.begin(parsed)
        suspended = parsed.action == "suspend"
        if guest.kind == CT:
            freeze(self.node, guest.ident, True)
            self.node.note(guest.ident, {**self.node.live(guest.ident), "suspended": suspended})
        else:
            guest.record["state"] = "suspended" if suspended else "paused"
            guest.save()
        self.end(parsed, guest)

    _do_suspend = _do_pause

    def _do_resume(self, parsed: Parsed) -> None:
        guest = self.begin(parsed)
        self.thaw(guest)
        self.end(parsed, guest)

    def thaw(self, guest: Guest) -> None:
        """Let a paused or suspended guest go on."""
        if guest.kind == CT:
            freeze(self.node, guest.ident, False)
            self.node.note(guest.ident, {**self.node.live(guest.ident), "suspended": False})
        else:
            guest.record["state"] = "running"
            guest.save()

    def _do_mount(self, parsed: Parsed) -> None:
        guest = self.begin(parsed)
        if guest.kind == CT:
            self.must(parsed.action, guest, parsed.action)
        elif parsed.action == "umount" and guest.state != "mounted":
            self.fail("not_started", verb="unmount", kind=guest.word, name=guest.name)
        else:
            guest.record["state"] = "mounted" if parsed.action == "mount" else "stopped"
            guest.save()
        self.end(parsed, guest)

    _do_umount = _do_mount

    # -- making and removing --------------------------------------------------------------------------------------

    def _do_create(self, parsed: Parsed) -> None:
        from .making import create  # pylint: disable=import-outside-toplevel,cyclic-import
        create(self, parsed)

    def _do_delete(self, parsed: Parsed) -> None:
        from .making import delete  # pylint: disable=import-outside-toplevel,cyclic-import
        delete(self, parsed)

    def _do_unregister(self, parsed: Parsed) -> None:
        from .making import unregister  # pylint: disable=import-outside-toplevel,cyclic-import
        unregister(self, parsed)

    def _do_register(self, parsed: Parsed) -> None:
        from .making import register  # pylint: disable=import-outside-toplevel,cyclic-import
        register(self, parsed)

    # -- looking and changing -------------------------------------------------------------------------------------

    def _do_list(self, parsed: Parsed) -> None:
        from .listing import listing  # pylint: disable=import-outside-toplevel,cyclic-import
        listing(self, parsed)

    def _do_set(self, parsed: Parsed) -> None:
        from .setting import Setting  # pylint: disable=import-outside-toplevel,cyclic-import
        Setting(self, self.guest(parsed), parsed).run()

    def _do_exec(self, parsed: Parsed) -> None:
        if self.guest(parsed).kind != CT:
            self.fail("no_session")
        guest = self.begin(parsed)
        argv = parsed.words if parsed.has("--without-shell") else ["/bin/sh", "-c", " ".join(parsed.words)]
        rc, self.guests_out, self.guests_err = enter(self.node, guest.ident, argv, self.stdin, self.stream)
        if rc:
            raise Ended(rc if rc > 0 else 128 - rc)

    # -- copies ---------------------------------------------------------------------------------------------------

    def _do_clone(self, parsed: Parsed) -> None:
        from .copies import clone  # pylint: disable=import-outside-toplevel,cyclic-import
        clone(self, parsed)

    def _do_migrate(self, parsed: Parsed) -> None:
        from .copies import migrate  # pylint: disable=import-outside-toplevel,cyclic-import
        migrate(self, parsed)

    def _snapshots(self, parsed: Parsed) -> Any:
        from .copies import Snapshots  # pylint: disable=import-outside-toplevel,cyclic-import
        return Snapshots(self, self.guest(parsed))

    def _do_snapshot(self, parsed: Parsed) -> None:
        self._snapshots(parsed).make(parsed)

    def _do_snapshot_list(self, parsed: Parsed) -> None:
        self._snapshots(parsed).print(parsed)

    def _do_snapshot_switch(self, parsed: Parsed) -> None:
        self._snapshots(parsed).switch(parsed)

    def _do_snapshot_delete(self, parsed: Parsed) -> None:
        self._snapshots(parsed).delete(parsed)

    def _backups(self) -> Any:
        from .copies import Backups  # pylint: disable=import-outside-toplevel,cyclic-import
        return Backups(self)

    def _do_backup(self, parsed: Parsed) -> None:
        self._backups().make(parsed, self.guest(parsed))

    def _do_backup_list(self, parsed: Parsed) -> None:
        self._backups().print(parsed)

    def _do_backup_delete(self, parsed: Parsed) -> None:
        self._backups().delete(parsed)

    def _do_restore(self, parsed: Parsed) -> None:
        self._backups().restore(parsed)

    # -- the rest -------------------------------------------------------------------------------------------------

    def _do_reset_uptime(self, parsed: Parsed) -> None:
        guest = self.guest(parsed)
        guest.record["since"] = time.time()
        guest.save()
