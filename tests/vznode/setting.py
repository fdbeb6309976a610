# Copyright: (c) 2026, flotilla.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""`vzctl set`: what is saved, what is applied to the running container, what waits for a restart."""

from __future__ import annotations

import re
import shlex
from typing import TYPE_CHECKING, Any

from . import machine, values
from .node import SAMPLES, UBS, Config, Ended, nics_of, random_mac

if TYPE_CHECKING:
    from .vzctl import Vzctl

_UNSAVED = {
    4: ("WARNING: Settings were not saved to config (use --save flag)",
        "WARNING: Settings were not saved to config and will be lost after CT restart (use --save flag)"),
    7: ("WARNING: Changes are not saved and will be dropped on the next start. Suspend or migrate operations may fail. "
        "Use --save to save the settings in the configuration file.",) * 2,
}
_NETWORK = ("ipadd", "ipdel")


class Set:
    """One `set` on one container, or what a start applies."""

    def __init__(self, call: Vzctl, ident: str, config: Config | None) -> None:
        self.call = call
        self.node = call.node
        self.ident = ident
        self.four = call.node.version == 4
        self.missing = config is None
        self.config = config or Config("", f"/etc/vz/conf/{ident}.conf")
        self.changed: dict[str, str | None] = {}
        self.options: list[tuple[str, Any]] = []
        self.named: dict[str, Any] = {}
        self.deleted: list[str] = []
        self.added: list[str] = []
        self.nics_added: list[dict[str, str]] = []
        self.nics_deleted: list[str] = []

    @property
    def rules(self) -> dict[str, Any]:
        """The table of options."""
        table: dict[str, Any] = self.call.rules["set"]
        return table

    @property
    def save(self) -> bool:
        """Whether `--save` was said."""
        return "--save" in self.named

    def fail(self, rc: int, *err: str) -> None:
        """End; with `--save` the real program says that it saved nothing."""
        self.call.err.extend(err)
        if self.save and self.four:
            self.call.say("not_saved")
        raise Ended(rc)

    # -- the whole ------------------------------------------------------------------------------------------------

    def run(self, options: list[tuple[str, Any]]) -> None:
        """Carry out a `set`."""
        self.options, self.named = options, dict(options)
        if self.four:
            self.call.err.extend(self.config.warnings)
        self._check_words()
        if self.missing and self.save:
            self.call.violation(f"set {self.ident} --save of a container that is not there makes a configuration file")
        self._collect()
        if self.four:
            self._run4()
        else:
            self._run7()

    def _check_words(self) -> None:
        if "--reset_ub" in self.named:
            if len(self.options) > 1:
                self.fail(20, "Error: option --reset_ub is exclusive")
            if self.four:
                self.call.out.append("UB limits were set successfully")
            raise Ended(0)
        for name, _value in self.options:
            code = self.rules[name].get("save")
            if code and not self.save:
                self._needs_save(name, code)
        if self.save:
            return
        if "--force" in self.named:
            self.fail(20, "Error: --force is useless without --save")
        if self.named.get("--setmode") == "restart":
            self.fail(20, "Error: --setmode restart doesn't make sense without --save flag" if self.four
                      else "It is not allowed to use restart mode without --save")
        if self.four and "--diskspace" in self.named and self.config.values.get("VE_LAYOUT") == "ploop":
            self.fail(20, "Error: can't use --diskspace without --save for a ploop-based container")

    def _needs_save(self, name: str, code: int) -> None:
        if self.four:
            self.fail(code, f"Error: unable to use {name} option without --save")
        if name.startswith("--bindmount"):
            self.fail(code, "The --bindmount-* options must be used together with the --save option.")
        self.fail(code, f"Unable to use the {name} option without --save")

    # -- what is to change ----------------------------------------------------------------------------------------

    def _collect(self) -> None:
        if "--offline-resize" in self.named and "--diskspace" not in self.named:
            self.fail(20, "Error: option --offline-resize can only be used with --diskspace")
        for name, value in self.options:
            entry = self.rules[name]
            key = entry.get("key")
            apply = entry.get("apply", "")
            if entry.get("many") and key:
                self._collect_list(name, key, value, entry)
            elif apply in _NETWORK or name.startswith("--ext_ip"):
                continue
            elif apply.startswith("netif"):
                self._collect_nic(apply, value)
            elif name == "--cpulimit" and not self.four:
                mhz = value.startswith("MHZ:")
                self.changed.update({"CPULIMIT": None if mhz else value, "CPULIMIT_MHZ": value[4:] if mhz else None})
            elif name == "--cpus" and not self.four and value == "0":
                self.changed["CPUS"] = None
            elif name == "--bindmount_del":
                self.changed[key] = ""
            elif key and entry.get("change") != "ignored":
                self.changed[key] = value
        if any(name in ("--ipadd", "--ipdel") for name, _value in self.options):
            self._collect_addresses()
        if "--ifname" in self.named:
            self._collect_ifname()
        if not self.four and self.named.get("--nameserver") == "":
            self.changed.pop("NAMESERVER", None)
        sample = self.named.get("--applyconfig")
        if sample is not None:
            self._collect_sample(sample)

    def _collect_list(self, name: str, key: str, value: str, entry: dict[str, Any]) -> None:
        if entry.get("empty") == "keep" and not value:
            return
        if key == "CAPABILITY":
            self.changed[key] = ",".join([word for word in (self.changed.get(key, ""), value) if word])
            return
        if not value and key not in self.config.values:
            return
        earlier = self.changed.get(key)
        self.changed[key] = f"{earlier} {value}" if earlier else value

    def _collect_addresses(self) -> None:
        present = self.config.values.get("IP_ADDRESS", "").split()
        wanted = [word for name, value in self.options if name == "--ipadd" for word in value if word != "0.0.0.0"]
        gone = [word for name, value in self.options if name == "--ipdel" for word in value]
        bare = [word.partition("/")[0] for word in wanted]
        if "all" in gone:
            self.deleted = list(present)
        else:
            again = [word for word in present if word.partition("/")[0] in bare]
            self.deleted = gone + [word for word in again if word.partition("/")[0] not in [one.partition("/")[0] for one in gone]]
        self.added = wanted
        removed = [word.partition("/")[0] for word in self.deleted]
        rest = [word for word in present if word.partition("/")[0] not in removed]
        if wanted or gone:
            text = " ".join(rest + wanted)
            if text or "IP_ADDRESS" in self.config.values:
                self.changed["IP_ADDRESS"] = text

    def _collect_nic(self, apply: str, value: Any) -> None:
        nics = nics_of(self.changed.get("NETIF") or self.config.values.get("NETIF", ""))
        if apply == "netif_del":
            self.nics_deleted += [nic["ifname"] for nic in nics] if value == "all" else [value]
            nics = [] if value == "all" else [nic for nic in nics if nic["ifname"] != value]
            if not nics and "NETIF" not in self.config.values:
                return
        else:
            for word in value:
                nic = self._new_nic(word)
                place = next((index for index, other in enumerate(nics) if other["ifname"] == nic["ifname"]), None)
                if place is None:
                    nics.append(nic)
                else:
                    nics[place] = nic
                self.nics_added.append(nic)
            if not value:
                return
        self.changed["NETIF"] = ";".join(",".join(f"{key}={text}" for key, text in nic.items() if text) for nic in nics)

    def _new_nic(self, word: str) -> dict[str, str]:
        parts = (word.split(",") + [""] * 5)[:5]
        number = re.sub(r"\D", "", parts[0]) or "0"
        nic = {"ifname": parts[0]}
        if not self.four and parts[4]:
            nic["bridge"] = parts[4]
        # An id of version 7 is too long for the name of an interface.
        host = f"veth{self.ident}.{number}" if self.ident.isdigit() else f"veth{abs(hash((self.ident, number))) % 16**8:08x}"
        nic.update({"mac": (parts[1] or random_mac()).upper(), "host_ifname": parts[2] or host, "host_mac": (parts[3] or random_mac()).upper()})
        if self.four and parts[4]:
            nic["bridge"] = parts[4]
        return nic

    def _collect_ifname(self) -> None:
        nics = nics_of(self.changed.get("NETIF") or self.config.values.get("NETIF", ""))
        nic = next((nic for nic in nics if nic["ifname"] == self.named["--ifname"]), None)
        if nic is None:
            self.fail(21, f"Unable to find the interface {self.named['--ifname']}")
        assert nic is not None
        for option, key in (("--mac", "mac"), ("--host_mac", "host_mac"), ("--host_ifname", "host_ifname"), ("--bridge", "bridge"),
                            ("--gw", "gw"), ("--gw6", "gw6"), ("--network", "network"), ("--dhcp", "dhcp")):
            if option in self.named:
                nic[key] = self.named[option]
        if not self.four and (self.added or self.deleted):
            present = nic.get("ip", "").split(":") if nic.get("ip") else []
            gone = self.deleted if "all" not in self.named.get("--ipdel", []) else present
            nic["ip"] = ":".join([word for word in present if word not in gone] + self.added)
            self.changed.pop("IP_ADDRESS", None)
            self.added, self.deleted = [], []
        self.changed["NETIF"] = ";".join(",".join(f"{key}={text}" for key, text in nic.items() if text) for nic in nics)

    def _collect_sample(self, sample: str) -> None:
        if sample not in SAMPLES:
            rc = self.call.say("no_sample_apply", sample=sample)
            raise Ended(rc)
        everything = Config((self.node.etc / f"conf/ve-{sample}.conf-sample").read_text()).values
        by_key = {entry["key"]: entry["type"] for entry in reversed(list(self.rules.values())) if entry.get("key")}
        for key, text in everything.items():
            kind = {"DISKSPACE": "blocks", "DISKINODES": "counts", "PHYSPAGES": "ub_pages", "SWAPPAGES": "ub_pages"}.get(key) or by_key.get(key)
            if kind:
                self.changed[key] = values.PARSERS[kind](text, self.node.version)
        self.changed["ORIGIN_SAMPLE"] = sample

    # -- version 4 ------------------------------------------------------------------------------------------------

    def _run4(self) -> None:
        running = bool(self.node.init(self.ident))
        self._name()
        waiting = self._waiting()
        if running:
            self._running4(waiting)
        else:
            self._stopped4()
        self._store4(running)

    def _name(self) -> None:
        new, old = self.named.get("--name"), self.config.values.get("NAME", "")
        if new is None or (new == old and old):
            return
        error = "name_taken" if self.node.by_name(new) not in (None, self.ident) else ""
        if not self.four and re.search(r"[^\w +\-.{}]", new) or len(new.encode()) > 255:
            error = "name_bad" if not self.four else "name_long"
        if error:
            rc = self.call.say(error, name=new, other=self.node.by_name(new) if error == "name_taken" else "")
            if self.four:
                self.fail(rc)
            # Version 7 saves the rest and says so, whatever its exit code.
            self.call.out.append(f"Saved parameters for Container {self.ident}")
            raise Ended(rc)
        self.node.rename(self.ident, old, new)
        self.call.out.append(f"Name {new} assigned" if new or self.four else f"Name {old} detached")

    def _waiting(self) -> list[str]:
        """What only the next start applies, as the real program says it."""
        found: list[str] = []
        for name, _value in self.options:
            entry = self.rules[name]
            if entry.get("change") in ("restart", "never"):
                text = entry.get("text", "")
                differs = self.changed.get(entry["key"]) != self.config.values.get(entry["key"])
                if differs and text not in found:
                    found.append(text)
                if entry["change"] == "never" and self.node.init(self.ident):
                    self.fail(32, text)
        return found

    def _running4(self, waiting: list[str]) -> None:
        mode = self.named.get("--setmode")
        if waiting and mode == "restart":
            self._restart4()
            return
        if waiting and mode == "ignore":
            self.fail(32, *waiting)
        self._swap_is_set()
        if "--userpasswd" in self.named:
            self._password()
        if any(key in self._merged() for key in UBS):
            self._limits()
        self._network()
        if waiting:
            self.call.err.extend(waiting)
            self.call.err.extend(["WARNING: Some of the parameters could not be applied to a running container.",
                                  "\tPlease consider using --setmode option"])

    def _restart4(self) -> None:
        new = Config(str(self.config), self.config.where)
        new.update(self.changed)
        self.call.restart(self.ident, self.config, new)

    def _merged(self) -> dict[str, Any]:
        return {**self.config.values, **self.changed}

    def _swap_is_set(self) -> None:
        if "--ram" in self.named and "SWAPPAGES" not in self._merged():
            self.fail(self.call.say("swap_missing"))

    def _stopped4(self) -> None:
        if "--userpasswd" in self.named:
            self._password_of_stopped()
        if self.save or "--userpasswd" in self.named:
            return
        self._swap_is_set()
        if any(key in self.config.values for key in UBS):
            self.call.fail("ub_stopped")
        if self.added or self.deleted:
            self.call.fail("net_stopped")
        if any(name in self.named for name in ("--hostname", "--nameserver", "--searchdomain")):
            self.call.out.append("Unable to configure container: not running")

    def _password_of_stopped(self) -> None:
        self.call.out.append("Starting container...")
        if not self.node.private(self.ident).exists():
            place = self.node.place(self.ident, "VE_PRIVATE")
            self.fail(3, f"Can't stat {place}: No such file or directory")
        self.call.out.pop()
        self.call.start(self.ident, self.config)
        try:
            self._password()
        finally:
            self.call.stop(self.ident, self.config, fast=True)

    def _store4(self, running: bool) -> None:
        if not self.save:
            if "--userpasswd" not in self.named or len(self.options) > 1:
                self.call.out.append(_UNSAVED[4][running])
            return
        if self.missing:
            self.call.err.append(f"WARNING: /etc/vz/conf/{self.ident}.conf not found: No such file or directory")
        if self.missing and not self.changed:
            self.call.out.append("No changes in CT configuration, not saving")
            return
        self.config.update(self.changed)
        self.node.save(self.ident, self.config)
        self.call.out.append(f"CT configuration saved to /etc/vz/conf/{self.ident}.conf")

    # -- version 7 ------------------------------------------------------------------------------------------------

    def _run7(self) -> None:
        if self.named.get("--capability") is not None and not self.changed:
            pass
        for name in ("--mnt", "--size"):
            if name in self.named and "--device-add" not in self.named:
                self._disk7(name)
        running = bool(self.node.init(self.ident))
        waiting = self._waiting()
        if running and waiting and self.named.get("--setmode") == "ignore":
            self.fail(32, "Unable to apply some parameters on the running Container")
        if "CPULIMIT" in self.changed or self.config.values.get("CPULIMIT"):
            for value in dict.fromkeys([self.config.values.get("CPULIMIT"), self.changed.get("CPULIMIT")]):
                if "--cpulimit" in self.named and value and int(value) > 200:
                    text = f"Warning: the specified CPU limit {value} is higher the total 200"
                    self.call.out.extend([text] if value == self.config.values.get("CPULIMIT") else [text, text])
        self._name()
        if running and not (waiting and self.named.get("--setmode") == "restart"):
            if "--userpasswd" in self.named:
                self._password()
            self._limits()
            self._network()
        if not self.save:
            if self.options != [("--reset_ub", "")]:
                self.call.out.append(_UNSAVED[7][0])
            return
        if "NAME" in self.changed and not self.changed["NAME"]:
            self.changed["NAME"] = None
        old = Config(str(self.config))
        self.config.update(self.changed)
        self.node.save(self.ident, self.config)
        if running and waiting and self.named.get("--setmode") == "restart":
            self.call.restart(self.ident, old, self.config)
        self.call.out.append(f"Saved parameters for Container {self.ident}")

    def _disk7(self, name: str) -> None:
        if name == "--mnt" and "--size" not in self.named:
            self.fail(20, "Incorrect size is specified: 0")
        self.call.out.append(f"Saved parameters for Container {self.ident}")
        self.call.fail("no_disk")

    # -- the running container ------------------------------------------------------------------------------------

    def bring_up(self) -> None:
        """What a start applies: limits, interfaces, addresses, host name, DNS."""
        settings = self.config.values
        live = self.node.live(self.ident)
        self._apply_memory(live, settings)
        self._apply_cpu(live, settings)
        live["settings"] = dict(settings)
        self.node.note(self.ident, live)
        nics = nics_of(settings.get("NETIF", ""))
        for nic in {nic["host_ifname"]: nic for nic in reversed(nics)}.values():
            machine.add_nic(self.node, self.ident, nic)
        addresses = settings.get("IP_ADDRESS", "").split()
        if addresses:
            self.call.out.append("Adding IP address(es): " + " ".join(addresses))
        for address in addresses:
            self._add_address(address)
        if nics:
            self.call.out.append("Configure veth devices: " + "".join(nic["host_ifname"] + " " for nic in nics))
        if settings.get("HOSTNAME"):
            self._inside("hostname %s; echo %s > /etc/hostname" % ((shlex.quote(settings["HOSTNAME"]),) * 2))
        self._dns(settings.get("SEARCHDOMAIN"), settings.get("NAMESERVER"))

    def _add_address(self, address: str) -> None:
        machine.add_address(self.node, self.ident, address)
        live = self.node.live(self.ident)
        live["addresses"] = [*[word for word in live["addresses"] if word != address], address]
        self.node.note(self.ident, live)

    def _apply_memory(self, live: dict[str, Any], settings: dict[str, Any]) -> None:
        pages = limit_of(settings.get("PHYSPAGES", ""), values.PAGE)
        if pages:
            machine.set_memory(live, pages)

    def _apply_cpu(self, live: dict[str, Any], settings: dict[str, Any]) -> None:
        limit, cpus = int(settings.get("CPULIMIT") or 0), int(settings.get("CPUS") or 0)
        percents = [value for value in (limit, cpus * 100) if 0 < value < 1 << 20]
        machine.set_cpu(live, int(settings.get("CPUUNITS") or 1000), min(percents) if percents else 0)

    def _limits(self) -> None:
        live = self.node.live(self.ident)
        merged = {**live["settings"], **self._changes_of("live")}
        if self.four:
            self.call.out.append("UB limits were set successfully")
        if "--cpus" in self.named and merged.get("CPUS") == "0" and self.four:
            self.fail(self.call.say("no_cpus"))
        if "--cpumask" in self.named and max([int(word) for word in re.findall(r"\d+", self.named["--cpumask"])] or [0]) > 1:
            self.fail(self.call.say("mask"))
        self._io()
        if self.four and self.node.mainline and merged.get("CPULIMIT") == "0":
            # Without an OpenVZ kernel nothing is taken back.
            merged["CPULIMIT"] = live["settings"].get("CPULIMIT", "0")
        if "PHYSPAGES" in self.changed:
            try:
                self._apply_memory(live, merged)
            except OSError as error:
                self.call.err.append(f"Failed to set limits for Memory ({error.strerror})")
                if not self.four:
                    raise Ended(226) from None
        self._apply_cpu(live, merged)
        live["settings"] = merged
        self.node.note(self.ident, live)

    def _changes_of(self, kind: str) -> dict[str, Any]:
        keys = {entry.get("key") for entry in self.rules.values() if entry.get("change") == kind}
        return {key: value for key, value in self.changed.items() if key in keys}

    def _io(self) -> None:
        for option, unit in (("--iolimit", "bytes/sec"), ("--iopslimit", "iops")):
            value = self.named.get(option)
            if value is None or not self.four:
                continue
            word = option.strip("-")
            self.call.out.append(f"Setting {word}: {value} {unit}" if int(value) else f"Setting {word}: 0 (unlimited)")
            if self.node.mainline:
                self.fail(self.call.say("io_unsupported"), f"Unable to set {word}: Bad file descriptor")
        if "--ioprio" in self.named and self.node.mainline:
            self.call.err.append("Warning: ioprio not supported by the kernel, skipping")

    def _network(self) -> None:
        if "--ipdel" in self.named or "--ipadd" in self.named:
            self._addresses()
        for name in self.nics_deleted:
            if self.named.get("--netif_del") != "all":
                self.call.out.append("Deleting veth devices:  ")
            said = machine.delete_nic(self.node, self.ident, name)
            self.call.err.extend([said] if said else [])
        if self.nics_added:
            self.call.out.append("Configure veth devices: " + "".join(nic["host_ifname"] + " " for nic in self.nics_added))
        for nic in self.nics_added:
            machine.add_nic(self.node, self.ident, nic)
        if self.named.get("--hostname"):
            self._inside("hostname %s; echo %s > /etc/hostname" % ((shlex.quote(self.named["--hostname"]),) * 2))
        if "--nameserver" in self.named or "--searchdomain" in self.named:
            self._dns(self.changed.get("SEARCHDOMAIN"), self.changed.get("NAMESERVER"))

    def _addresses(self) -> None:
        for address in self.added:
            if self.call.address_taken(self.ident, address):
                self.fail(self.call.say("address_used", address=address.partition("/")[0]))
        every = "all" in self.named.get("--ipdel", [])
        if every or self.deleted:
            self.call.out.append(("Deleting all IP address(es): " if every else "Deleting IP address(es): ") + " ".join(self.deleted))
        for address in self.deleted:
            machine.delete_address(self.node, self.ident, address)
            live = self.node.live(self.ident)
            live["addresses"] = [word for word in live["addresses"] if word.partition("/")[0] != address.partition("/")[0]]
            self.node.note(self.ident, live)
        if self.added:
            self.call.out.append("Adding IP address(es): " + " ".join(self.added))
        for address in self.added:
            self._add_address(address)

    def _inside(self, script: str, stdin: bytes = b"") -> tuple[int, str, str]:
        return machine.enter(self.node, self.ident, ["/bin/sh", "-c", script], stdin)

    def _dns(self, search: str | None, servers: str | None) -> None:
        if search is None and servers is None:
            return
        _rc, text, _err = self._inside("cat /etc/resolv.conf 2>/dev/null")
        lines = text.splitlines()
        if search:
            lines = [line for line in lines if not line.startswith("search")]
            lines.append("search " + ("(null)" if search == "inherit" else search))
        if servers:
            lines = [line for line in lines if not line.startswith("nameserver")]
            lines += ["nameserver " + word for word in servers.split() if word != "inherit"]
        self._inside("cat > /etc/resolv.conf", "".join(line + "\n" for line in lines).encode())

    def _password(self) -> None:
        for user, password in [value.split(":", 1) for name, value in self.options if name == "--userpasswd"]:
            script = "grep -q ^%s: /etc/passwd || useradd -m %s" % (user, user)
            rc, out, err = self._inside(script + (" && chpasswd -e" if "--crypted" in self.named else " && chpasswd"),
                                        f"{user}:{password}\n".encode())
            if rc:
                self.call.out.extend((out + re.sub(r"sh: \d+: ", "sh: ", err)).splitlines()[:1])
                code = self.call.say("password_failed")
                self.fail(code)


def limit_of(text: str, unit: int) -> int:
    """The limit in a stored barrier and limit, in units."""
    if not text:
        return 0
    word = text.split(":")[-1]
    if word == "unlimited":
        return values.UNLIMITED
    number = values.scaled(word)
    return int(number if word[-1:].isdigit() else number / unit)
