# Copyright: (c) 2026, flotilla.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""vzlist of both versions: fields by the grammar, text with columns, and JSON as it really is (strings are not escaped)."""

from __future__ import annotations

import fnmatch
import re
from typing import Any

from . import machine, values
from .node import Config, Node, nics_of
from .setting import limit_of
from .vzctl import grammar

_BYTES = ("KMEMSIZE", "TCPSNDBUF", "TCPRCVBUF", "OTHERSOCKBUF", "DGRAMRCVBUF", "DCACHESIZE")
_PAGES = ("LOCKEDPAGES", "PRIVVMPAGES", "SHMPAGES", "PHYSPAGES", "VMGUARPAGES", "OOMGUARPAGES", "SWAPPAGES")
_SUB = {"": "held", "m": "maxheld", "b": "barrier", "l": "limit", "f": "failcnt"}
_QUOTA = {"": "usage", "s": "softlimit", "h": "hardlimit"}


class Row:
    """One container as vzlist sees it."""

    def __init__(self, node: Node, ident: str) -> None:
        self.node = node
        self.ident = ident
        self.config = node.config(ident) or Config("")
        self.pid = node.init(ident)
        self.live = node.live(ident) if self.pid else {}
        self.settings = {**self.config.values}
        if self.live:
            self.settings.update({key: value for key, value in self.live["settings"].items() if key in ("CPULIMIT", "CPUUNITS", "CPUS")})

    @property
    def status(self) -> str:
        """running, stopped, mounted, paused."""
        if self.pid:
            return "paused" if self.live.get("paused") else "running"
        return "mounted" if self.node.mounted(self.ident) else "stopped"

    def value(self, kind: str, field: str) -> Any:
        """The value of a field: text, number, list, dictionary or None."""
        name, _colon, key = kind.partition(":")
        return getattr(self, "_" + name)(key or field)

    def _id(self, _key: str) -> Any:
        return int(self.ident) if self.node.version == 4 else self.ident

    def _uuid(self, _key: str) -> Any:
        return self.settings.get("UUID")

    def _private(self, _key: str) -> Any:
        return self.node.place(self.ident, "VE_PRIVATE")

    def _root(self, _key: str) -> Any:
        return self.node.place(self.ident, "VE_ROOT")

    def _key(self, key: str) -> Any:
        return self.settings.get(key)

    def _name(self, _key: str) -> Any:
        return self.settings.get("NAME") or None

    def _smart_name(self, _key: str) -> Any:
        return self.settings.get("NAME") or self._id("")

    def _list(self, key: str) -> Any:
        return self.settings.get(key, "").split()

    def _addresses(self, _key: str) -> Any:
        found = [word if self.node.version == 4 else word.partition("/")[0] for word in self.settings.get("IP_ADDRESS", "").split()]
        # Of a running container version 4 shows them as the kernel does: the last one first.
        return list(reversed(found)) if self.pid and self.node.version == 4 else found

    def _configured(self, _key: str) -> Any:
        return [word.partition("/")[0] for word in self.settings.get("IP_ADDRESS", "").split()]

    def _status(self, _key: str) -> Any:
        return self.status

    def _ub(self, field: str) -> Any:
        key = field.upper()
        text = self.settings.get(key, "")
        unit = values.PAGE if key in _PAGES else 1
        barrier, limit = (limit_of(text.split(":")[0], unit), limit_of(text, unit)) if text else (0, 0)
        held = 0
        if self.pid:
            if key == "PHYSPAGES":
                held, limit = machine.memory_pages(self.live)
                barrier = 0
            elif key == "SWAPPAGES":
                barrier = 0 if self.node.version == 4 else barrier
            else:
                barrier = limit = values.UNLIMITED
            held = 2 if key == "NUMPROC" else held
        return {"held": held, "maxheld": held, "barrier": barrier, "limit": min(limit, values.UNLIMITED), "failcnt": 0}

    def _quota(self, field: str) -> Any:
        soft, hard = 0, 0
        if field == "diskspace" and self.settings.get("DISKSPACE"):
            words = self.settings["DISKSPACE"].split(":")
            soft, hard = limit_of(words[0], 1024), limit_of(words[-1], 1024)
        usage = 2032 if field == "diskspace" and self.node.version == 4 else 0
        return {"usage": usage, "softlimit": soft, "hardlimit": hard}

    def _laverage(self, _key: str) -> Any:
        return None

    def _uptime(self, _key: str) -> Any:
        return 0.0

    def _number(self, key: str) -> Any:
        return int(self.settings.get(key) or 0)

    _dashed = _number

    def _optional(self, key: str) -> Any:
        return int(self.settings[key]) if self.settings.get(key) else None

    def _flag(self, key: str) -> Any:
        return {"yes": True, "no": False}.get(self.settings.get(key, ""))

    def _flag_no(self, key: str) -> Any:
        return self.settings.get(key) == "yes"

    def _switches(self, key: str) -> Any:
        words = [word.partition(":") for word in self.settings.get(key, "").split(",") if word]
        return {name.lower(): value == "on" for name, _colon, value in words} or None

    def _vswap(self, _key: str) -> Any:
        return True

    def _float(self, key: str) -> Any:
        number = float(self.settings.get(key) or 0)
        return int(number) if number == int(number) else number

    def _nic(self, key: str) -> Any:
        return next((nic.get(key) for nic in nics_of(self.settings.get("NETIF", ""))), None)

    def _layout(self, _key: str) -> Any:
        return 5 if self.settings.get("VE_LAYOUT") == "ploop" else 0

    def _empty(self, _key: str) -> Any:
        return ""


class Vzlist:
    """One call of vzlist."""

    def __init__(self, node: Node, argv: list[str], strict: bool = True) -> None:
        self.node = node
        self.argv = list(argv)
        self.strict = strict and node.strict
        self.rules = grammar(f"vzlist{node.version}")
        self.fields = {field[0]: field for field in self.rules["fields"]}
        self.flags: set[str] = set()
        self.values: dict[str, str] = {}
        self.words: list[str] = []
        self.out: list[str] = []
        self.err: list[str] = []
        self.used: set[tuple[str, str]] = set()
        self.violations: list[str] = []

    def run(self) -> tuple[int, str, str]:
        """Carry the call out."""
        rc = self._main()
        return rc, "".join(line + "\n" for line in self.out), "".join(line + "\n" for line in self.err)

    def _options(self) -> bool:
        short = {**self.rules["options"], **self.rules["valued"]}
        long = {name: letter for letter, name in short.items() if name}
        words = self.argv[1:]
        while words:
            word = words.pop(0)
            if word.startswith("--"):
                name, equals, value = word.partition("=")
                close = [name] if name in long else [other for other in long if other.startswith(name)]
                if name not in long and self.strict:
                    self.violations.append(f"the option {name} is abbreviated or unknown")
                if len(close) != 1:
                    return False
                letter = long[close[0]]
            elif word.startswith("-") and len(word) > 1:
                letter, equals, value = word[:2], word[2:], word[2:]
            else:
                self.words.append(word)
                continue
            if letter not in short:
                return False
            self.used.add(("vzlist", letter))
            if letter in self.rules["valued"]:
                if not equals and not words:
                    return False
                self.values[letter] = value if equals else words.pop(0)
            else:
                self.flags.add(letter)
        return True

    def _main(self) -> int:
        if not self._options():
            lines = self.rules["help"].rstrip("\n").split("\n")
            (self.out if self.rules["help_stream"] == "out" else self.err).extend(lines)
            return int(self.rules["help_rc"])
        if "-L" in self.flags:
            self.out.extend("%-15s %-15s" % pair for pair in self._listing())
            return 0
        chosen = self._chosen()
        bad = next((name for name in chosen if not self._known(name)), None)
        if bad is not None:
            self.err.append(f"Unknown field: {bad}")
            return 1
        if "-j" in self.flags and not self.rules["json_sub_fields"]:
            sub = next((name for name in chosen if "." in name), None)
            if sub:
                self.err.append(f"Field `{sub}' is not available in JSON output")
                return 1
        return self._rows(chosen)

    def _listing(self) -> list[tuple[str, str]]:
        found = []
        for name, head, kind, _width in self.rules["fields"]:
            subs = {"ub": ("", "m", "b", "l", "f"), "quota": ("", "s", "h")}.get(kind, ("",))
            found += [(name + ("." + sub if sub else ""), head + ("." + sub.upper() if sub else "")) for sub in subs]
        return found

    def _known(self, name: str) -> bool:
        field, dot, sub = name.partition(".")
        kind = self.fields.get(field, ["", "", ""])[2]
        return field in self.fields and (not dot or sub in {"ub": _SUB, "quota": _QUOTA}.get(kind, {}))

    def _chosen(self) -> list[str]:
        if "-o" in self.values:
            chosen = self.values["-o"].split(",")
        elif "-1" in self.flags:
            chosen = [self.rules["one"]]
        elif "-j" in self.flags:
            chosen = self.rules["json_default"] or list(self.fields)
        else:
            chosen = list(self.rules["default"])
        named = self.rules["named"] if "-n" in self.flags and "-j" not in self.flags else {}
        return [named.get(name, name) for name in chosen]

    # -- rows -----------------------------------------------------------------------------------------------------

    def _asked(self) -> tuple[list[str], str]:
        found = []
        for word in self.words:
            ident = word if word.isdigit() or "-" in word and len(word) > 30 else self.node.by_name(word)
            if ident is None:
                return [], word
            found.append(ident)
        return found, ""

    def _rows(self, chosen: list[str]) -> int:
        asked, bad = self._asked()
        if bad:
            self.err.append(f"CT ID {bad} is invalid." if self.node.version == 4 else f"Container ID {bad} is invalid.")
            return 1
        every = "-a" in self.flags or "-S" in self.flags or bool(asked)
        rows = []
        for ident in self.node.idents():
            if asked and ident not in asked:
                continue
            row = Row(self.node, ident)
            self.err.extend(row.config.warnings if self.node.version == 4 else [])
            # A configuration without private area is not listed by version 4.
            if (self.node.version == 4 and not self.node.private(ident).exists()) or not self._shown(row, every):
                continue
            rows.append(row)
        if asked and self.node.version == 7:
            missing = next((ident for ident in asked if self.node.config(ident) is None), None)
            if missing:
                self.err.append(f"Container ID {missing} is invalid.")
                return 1
        unknown = bool(asked) and not any(ident in self.node.idents() for ident in asked)
        rows = self._sorted(rows)
        if rows is None:
            return 1
        return self._print(rows, chosen, unknown)

    def _shown(self, row: Row, every: bool) -> bool:
        if not (every or row.status == "running") or ("-S" in self.flags and row.status == "running"):
            return False
        filters = (("-h", row.settings.get("HOSTNAME")), ("-N", row.settings.get("NAME")), ("-d", row.settings.get("DESCRIPTION")))
        return all(letter not in self.values or (value is not None and fnmatch.fnmatchcase(value, self.values[letter]))
                   for letter, value in filters)

    def _sorted(self, rows: list[Row]) -> Any:
        word = self.values.get("-s", "")
        name = word.lstrip("-")
        if not word:
            return rows
        if not self._known(name):
            self.err.append(f"Invalid sort field name: {name}")
            return None

        def key(row: Row) -> Any:
            value = self._cell(row, name)
            if name == "status":
                return (0, {"running": 0, "stopped": 1, "mounted": 2}.get(value, 3), "")
            if name == "ip":
                return (0, 0 if value == [] else 1, "")
            if value is None or isinstance(value, (list, dict)):
                return (0, 0, "")
            return (1, value, "") if isinstance(value, (int, float)) else (1, 0, value)

        return sorted(rows, key=key, reverse=word.startswith("-"))

    def _cell(self, row: Row, name: str) -> Any:
        field, _dot, sub = name.partition(".")
        value = row.value(self.fields[field][2], field)
        if self.fields[field][2] == "ub" and (sub or "-j" not in self.flags):
            return (value[_SUB[sub]] if row.pid or sub in ("b", "l") else None) if "-j" not in self.flags else value
        if self.fields[field][2] == "quota" and "-j" not in self.flags:
            return value[_QUOTA[sub]] or (None if not sub else 0)
        return value

    # -- output ---------------------------------------------------------------------------------------------------

    def _print(self, rows: list[Row], chosen: list[str], unknown: bool) -> int:
        if "-j" in self.flags:
            return self._json(rows, chosen, unknown)
        none = not rows and self.node.version == 4 and (unknown or not {"-a", "-S"} & self.flags and not self.words
                                                        and not {"-h", "-N", "-d"} & set(self.values))
        if none and (unknown or not self.node.idents() or not self._any_running()):
            self.err.append("Container(s) not found")
            return int(unknown)
        if not {"-H", "-1"} & self.flags:
            self.out.append(self._line([self._head(name) for name in chosen], chosen))
        for row in rows:
            cells = [self._text(self._cell(row, name), name, index == len(chosen) - 1) for index, name in enumerate(chosen)]
            self.out.append(self._line(cells, chosen))
        return int(unknown)

    def _any_running(self) -> bool:
        return any(self.node.init(ident) for ident in self.node.idents())

    def _head(self, name: str) -> str:
        field, _dot, sub = name.partition(".")
        return self.fields[field][1] + ("." + sub.upper() if sub else "")

    def _line(self, cells: list[str], chosen: list[str]) -> str:
        return " ".join("%*s" % (self.fields[name.partition(".")[0]][3], cell) for name, cell in zip(chosen, cells)).rstrip()

    def _text(self, value: Any, name: str, last: bool) -> str:
        kind = self.fields[name.partition(".")[0]][2]
        if value is None or (value == 0 and not isinstance(value, bool) and kind.split(":")[0] in ("dashed", "uptime", "float")):
            return "-"
        if isinstance(value, bool):
            return "yes" if value else "no"
        if isinstance(value, list):
            return (" ".join(value) if last else value[0]) if value else "-"
        if isinstance(value, dict):
            return ",".join(f"{name}:{'on' if on else 'off'}" for name, on in value.items())
        return str(value)

    def _json(self, rows: list[Row], chosen: list[str], unknown: bool) -> int:
        if not rows and self.node.version == 4 and not {"-a", "-S"} & self.flags and not set(self.values) & {"-h", "-N", "-d"}:
            self.out.append("[]")
            return int(unknown)
        blocks = []
        for row in rows:
            lines = [f'    "{name}": {self._json_value(self._cell(row, name))}' for name in chosen]
            blocks.append("  {\n" + ",\n".join(lines) + "\n  }")
        self.out.extend(("[\n" + ",\n".join(blocks) + ("\n" if blocks else "") + "]").split("\n"))
        return int(unknown)

    def _json_value(self, value: Any) -> str:
        if value is None:
            return "null"
        if isinstance(value, bool):
            return "true" if value else "false"
        if isinstance(value, float) and not isinstance(value, int):
            return ("%.3f" % value) if value == 0 else repr(value)
        if isinstance(value, int):
            return str(value)
        if isinstance(value, list):
            return "[" + ", ".join(f'"{word}"' for word in value) + "]"
        if isinstance(value, dict):
            inner = ",\n".join(f'      "{name}": {self._json_value(word)}' for name, word in value.items())
            return "{\n" + inner + "\n    }"
        # Not escaped, as the real one: whoever reads it must know.
        return '"' + re.sub(r"\Z", "", value) + '"'
