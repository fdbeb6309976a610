# Copyright: (c) 2026, flotilla.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""prlsrvctl: what the node is, its OS templates and virtual networks."""

from __future__ import annotations

import json
import os
from typing import Any

from ..node import Ended
from . import values
from .core import Parsed, Program
from .listing import json_lines


class Prlsrvctl(Program):
    """One call of prlsrvctl."""

    name = "prlsrvctl"

    def parse(self) -> Parsed:
        words = self.argv[1:]
        if self.node.prlctl >= 2021:
            self.err.append(self.rules["warning"])
        if not words:
            self.refuse("usage")
        if words == ["--help"]:
            self.used.add(("", "--help"))
            self.out.extend(self.text("{usage}"))
            raise Ended(0)
        action, rest = words[0], words[1:]
        entry = self.rules["actions"].get(action)
        if entry is None:
            self.refuse("unknown_action", word=action)
        self.used.add((action, ""))
        parsed = Parsed(action)
        if "subs" in entry:
            sub = entry["subs"].get(rest[0]) if rest else None
            if sub is None:
                self.refuse(entry["bad_sub"], word=rest[0] if rest else action)
            parsed.ident = rest.pop(0)
            self.used.add((action, parsed.ident))
            entry = sub
        for _number in range(1 if entry.get("name") else entry.get("words", 0)):
            if not rest:
                self.refuse("no_network_name" if action == "net" else "usage")
            parsed.words.append(rest.pop(0))
        parsed.options = self.options_of(action, rest, entry["options"], entry)[0]
        return parsed

    def carry_out(self, parsed: Parsed) -> None:
        """Raises Ended."""
        if self.node.dispatcher_down:
            self.fail("no_dispatcher")
        self.act(" ".join([parsed.action, parsed.ident]).strip(), parsed)

    def _print(self, parsed: Parsed, found: Any) -> None:
        if parsed.has("-j", "--json"):
            lines = json_lines(found if isinstance(found, list) else [found])
            # One object is printed as it is; a list as prlctl's.
            self.out.extend(lines if isinstance(found, list) else [line[1:] if line.startswith("\t") else line for line in lines[1:-1]])
            return
        for one in found if isinstance(found, list) else [found]:
            self.out.extend("%s: %s" % (key, " ".join("%s=%s" % pair for pair in value.items()) if isinstance(value, dict) else value)
                            for key, value in one.items())

    # -- the node -------------------------------------------------------------------------------------------------

    def _do_info(self, parsed: Parsed) -> None:
        have = self.guests.server()
        pages = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") >> 20
        self._print(parsed, {
            "ID": "{%s}" % have["id"], "Hostname": os.uname().nodename, "Version": "Server %s" % self.version, "VM home": "/vz/vmprivate",
            "Vcmmd policy": have.get("--vcmmd-policy", "performance"), "Default backup storage": os.uname().nodename,
            "Backup path": have.get("--backup-path", "/vz/vmprivate/backups"), "Backup mode": have.get("--backup-mode", "push"),
            "Backup timeout": str(have.get("--backup-timeout", 3600)), "Backup compression": have.get("--backup-compression", "off"),
            "Backup tunnel": "on", "Traffic shaping": "off", "CPU model": "host", "CPU features": "",
            "License": {"state": "active", "name": "Virtuozzo Hybrid Server", "company": "", "key": "VZSRV.00000000.0000"},
            "Hardware info": {"cpu": "%d" % (os.cpu_count() or 1), "memory": "%dMb" % pages}})

    def _do_set(self, parsed: Parsed) -> None:
        have = self.guests.server()
        have.update(dict(parsed.options))
        self.guests.set_server(have)

    def _do_user_list(self, parsed: Parsed) -> None:
        self._print(parsed, [{"Name": "root@.", "MNG_SETTINGS": "allowed", "DEF_VM_HOME": "/vz/vmprivate"}])

    def _do_user_set(self, _parsed: Parsed) -> None:
        """Nothing here depends on it."""

    def _do_tc_restart(self, _parsed: Parsed) -> None:
        """Traffic shaping is not simulated."""

    def _do_privnet_list(self, parsed: Parsed) -> None:
        self._print(parsed, [])

    # -- templates ------------------------------------------------------------------------------------------------

    def _do_cttemplate_list(self, parsed: Parsed) -> None:
        cached = {path.name.partition(".tar")[0]: "yes" for path in (self.node.vz / "template/cache").iterdir()}
        names = {**{name: "no" for name in self.node.uncached()}, **cached}
        self._print(parsed, [{"Name": name, "Type": "os", "Arch": "x86_64", "Cached": word, "Description": "%s (for the double)" % name}
                             for name, word in sorted(names.items())])

    def _do_cttemplate_remove(self, parsed: Parsed) -> None:
        found = self.node.template(parsed.words[0])
        if found is None:
            self.fail("no_template", value=parsed.words[0])
        assert found is not None
        found.unlink()

    # -- networks -------------------------------------------------------------------------------------------------

    def _do_net_list(self, parsed: Parsed) -> None:
        self._print(parsed, self.guests.networks())

    def _do_net_info(self, parsed: Parsed) -> None:
        self._print(parsed, self._one(parsed.words[0]))

    def _one(self, name: str) -> dict[str, str]:
        found = next((one for one in self.guests.networks() if one["Network ID"] == name), None)
        if found is None:
            self.fail("absent", value=name)
        assert found is not None
        return found

    def _save(self, networks: list[dict[str, str]]) -> None:
        (self.node.state / "prl").mkdir(exist_ok=True)
        (self.node.state / "prl/networks.json").write_text(json.dumps(networks))

    def _do_net_add(self, parsed: Parsed) -> None:
        networks, name = self.guests.networks(), parsed.words[0]
        if any(one["Network ID"] == name for one in networks):
            self.fail("exists", value=name)
        bound = parsed.get("--ifname", "-i") or ""
        self._save([*networks, {"Network ID": name, "Type": "bridged" if bound else "host-only", "Bound To": bound, "Bridge": name}])

    def _do_net_set(self, parsed: Parsed) -> None:
        one = self._one(parsed.words[0])
        one["Bound To"] = parsed.get("--ifname", "-i") or one["Bound To"]
        self._save([one if each["Network ID"] == one["Network ID"] else each for each in self.guests.networks()])

    def _do_net_del(self, parsed: Parsed) -> None:
        one = self._one(parsed.words[0])
        self._save([each for each in self.guests.networks() if each != one])


def _rename(_text: str) -> str:
    raise values.Bad("renaming")


values.PARSERS.update({"rename": _rename, "vcmmd": values.choice("density", "performance")})
