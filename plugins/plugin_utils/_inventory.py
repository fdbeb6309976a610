# Copyright: (c) 2026, flotilla.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""An inventory of guests, whatever reads them: configuration, cache, filters, names, groups, what was declared only."""

from __future__ import annotations

import hashlib
import json
import os
import string
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Any, Dict, Iterable, List, Mapping, Set, Tuple

from ansible.errors import AnsibleError, AnsibleParserError
from ansible.inventory.data import InventoryData
from ansible.plugins.inventory import BaseInventoryPlugin, Cacheable, Constructable, to_safe_group_name
from ansible_collections.flotilla.virt.plugins.module_utils._reconcile.errors import FlotillaError
from ansible_collections.flotilla.virt.plugins.plugin_utils import _known_hosts, _planned
from ansible_collections.flotilla.virt.plugins.plugin_utils._trust import load_with_templates, never_a_template
from ansible_collections.flotilla.virt.plugins.plugin_utils._guests import PLANNED, UNKNOWN, Guest, declared_guest

FILE_NAMES = ("flotilla.yml", "flotilla.yaml")
_NAME_FIELDS = {"name", "host", "engine", "fleet", "uuid"}


def real_inventory(inventory: Any) -> InventoryData:
    """The inventory behind the proxy that a plugin gets since 2.19.

    The proxy notes the origin of each text in each variable, which costs 1.5 s for 10,000 guests, and lets no plugin add
    the templates that a configuration file may hold.
    """
    return getattr(inventory, "__wrapped__", inventory)


@dataclass
class Reading:
    """What was read. complete: the (host, engine) pairs that were. failures: what could not be read, and why."""

    guests: List[Guest] = field(default_factory=list)
    complete: Set[Tuple[str, str]] = field(default_factory=set)
    failures: List[str] = field(default_factory=list)

    def to_json(self) -> str:
        """The form that a cache keeps: one text, since taking 10,000 guests apart costs a cache plugin several seconds.

        A reading with failures is never kept.
        """
        return json.dumps({"guests": [guest.to_dict() for guest in self.guests],
                           "complete": sorted(list(pair) for pair in self.complete)})

    @classmethod
    def from_json(cls, text: str) -> Reading:
        """Reads `to_json`'s form."""
        kept = json.loads(text)
        return cls([Guest(**guest) for guest in kept["guests"]], {(pair[0], pair[1]) for pair in kept["complete"]})


class GuestInventory(BaseInventoryPlugin, Constructable, Cacheable):
    """The base of an inventory plugin for guests; a subclass has the name, the documentation and `read`."""

    # The options of the subclass that change what is read: a cached reading under others is not used.
    reads_by: Tuple[str, ...] = ()

    def read(self, path: str) -> Reading:
        """Reads the guests. Raises AnsibleError or FlotillaError for what is wrong with the configuration."""
        raise NotImplementedError

    def verify_file(self, path: str) -> bool:
        """Whether a file is meant for this plugin: `flotilla.yml`, or a name that ends in `.flotilla.yml`."""
        name = path.rsplit("/", 1)[-1]
        return super().verify_file(path) and (name in FILE_NAMES or name.endswith(tuple("." + each for each in FILE_NAMES)))

    def parse(self, inventory: Any, loader: Any, path: str, cache: bool = True) -> None:
        """Adds the guests that a configuration file asks for. Nothing is added when something is wrong."""
        super().parse(inventory, loader, path, cache=cache)
        self._read_config_data(path)
        try:
            self._check_options()
            reading = self._reading(path, cache)
            guests = reading.guests + self._declared(reading, path)
            named = self._named([guest for guest in guests if self._is_wanted(guest)], reading)
            self._add(self._with_known_hosts(named, path))
        except FlotillaError as error:
            raise AnsibleParserError(str(error)) from None

    # -- reading, or not ----------------------------------------------------------------------------------------------

    def _reading(self, path: str, cache: bool) -> Reading:
        key = self.get_cache_key(path)
        digest = self._digest()
        if cache and self.get_option("cache"):
            kept = self._kept(key)
            if kept.get("digest") == digest:
                return Reading.from_json(kept["reading"])
        reading = self.read(path)
        if reading.failures:
            self._report(reading.failures)
        elif self.get_option("cache"):
            self._cache[key] = {"digest": digest, "reading": reading.to_json()}
        return reading

    def _kept(self, key: str) -> Mapping[str, Any]:
        try:
            kept = self._cache[key]
        except KeyError:
            return {}
        return kept if isinstance(kept, Mapping) else {}

    def _digest(self) -> str:
        asked = json.dumps({name: self.get_option(name) for name in self.reads_by}, sort_keys=True, default=str)
        return hashlib.sha256(asked.encode()).hexdigest()

    def _report(self, failures: Iterable[str]) -> None:
        """Fails, or warns where that was asked for: an inventory that lacks a host's guests looks like a smaller one."""
        if self.get_option("on_error") == "warn":
            for failure in failures:
                self.display.warning("%s Its guests are missing from the inventory." % failure)
            return
        raise AnsibleParserError("%s Set on_error: warn to go without these guests." % " ".join(failures))

    # -- which guests ---------------------------------------------------------------------------------------------------

    def _declared(self, reading: Reading, path: str) -> List[Guest]:
        """The guests that fleet files declare and that were not found."""
        files = self.get_option("fleet_files")
        if not files:
            return []
        declared = _planned.read_fleets([(name, self._fleet_file(name, path)) for name in files], self._resolve)
        there = {guest.variables["flotilla_name"] for guest in reading.guests}
        found = []
        for guest in declared.guests:
            # One that is still to be renamed is there under its earlier name.
            if guest.name not in there and guest.was not in there:
                state = PLANNED if _would_be_seen(guest, declared.hosts[guest.fleet], reading) else UNKNOWN
                found.append(declared_guest(guest.name, guest.host, guest.engine, state, guest.fleet, guest.tags))
        return found

    def _fleet_file(self, name: str, path: str) -> Any:
        file = self._beside(name, path)
        if not self.loader.is_file(file):
            raise AnsibleParserError("fleet_files: there is no file %s; paths are relative to the inventory file" % file)
        return load_with_templates(self.loader, file)

    def _resolve(self, value: Any) -> Any:
        """A value of a fleet file; templates may use extra variables."""
        self.templar.available_variables = self._vars
        try:
            return self.templar.template(value)
        except AnsibleError as error:
            raise ValueError("its template cannot be resolved here: %s" % error) from None

    def _is_wanted(self, guest: Guest) -> bool:
        names, fleets, states = (self.get_option(option) for option in ("names", "fleets", "states"))
        return ((not names or any(fnmatchcase(guest.name, pattern) for pattern in names))
                and (not fleets or guest.fleet in fleets) and (not states or guest.state in states))

    # -- their names ------------------------------------------------------------------------------------------------------

    def _check_options(self) -> None:
        form = self.get_option("inventory_name")
        try:
            fields = {name for _text, name, _spec, _conversion in string.Formatter().parse(form) if name is not None}
        except ValueError as error:
            raise AnsibleParserError("inventory_name: %r is no form (%s); write it such as {name}.{host}" % (form, error)) from None
        if "name" not in fields or fields - _NAME_FIELDS:
            raise AnsibleParserError("inventory_name: %r must hold {name}, and may hold {host}, {engine}, {fleet} and {uuid}" % form)

    def _named(self, guests: Iterable[Guest], reading: Reading) -> Dict[str, Guest]:
        """The guests by the name that each has in the inventory."""
        form = self.get_option("inventory_name")
        hosts = {host for host, _engine in reading.complete}
        named: Dict[str, Guest] = {}
        for guest in guests:
            name = guest.name if form == "{name}" else form.format(
                name=guest.name, host=guest.host, engine=guest.engine, fleet=guest.fleet, uuid=guest.variables["flotilla_uuid"] or "")
            other = named.setdefault(name, guest)
            if other is not guest:
                raise AnsibleParserError(
                    "two guests would have the inventory name %s: one of %s on %s, one of %s on %s. Set inventory_name such as"
                    " {name}.{host}, or ask for one of them with hosts, engines, names or fleets"
                    % (name, other.engine, other.host or "no host yet", guest.engine, guest.host or "no host yet"))
            if name in hosts and name in self.inventory.hosts:
                raise AnsibleParserError("the guest %s of %s has the inventory name of a host that is read. Set inventory_name such as"
                                         " {name}.{host}" % (name, guest.host))
        return named

    # -- their SSH host keys ----------------------------------------------------------------------------------------------

    def _with_known_hosts(self, named: Mapping[str, Guest], path: str) -> Mapping[str, Guest]:
        """Writes the file of known hosts that was asked for, and has `ssh` look each guest up in it."""
        file = self.get_option("known_hosts")
        if not file:
            return named
        place = self._beside(file, path)
        aliases = _known_hosts.aliases(named)
        try:
            _known_hosts.write(place, _known_hosts.text(named, aliases))
        except OSError as error:
            raise AnsibleParserError("known_hosts: cannot write %s: %s" % (place, error.strerror)) from None
        return {name: _known_hosts.verified(guest, place, aliases[name]) if name in aliases else guest for name, guest in named.items()}

    @staticmethod
    def _beside(name: str, path: str) -> str:
        """A file that the configuration names: relative to the inventory file."""
        return os.path.join(os.path.dirname(os.path.abspath(path)), os.path.expanduser(name))

    # -- into the inventory ---------------------------------------------------------------------------------------------------

    def _add(self, named: Mapping[str, Guest]) -> None:
        compose, groups, keyed = (self.get_option(option) for option in ("compose", "groups", "keyed_groups"))
        strict = self.get_option("strict")
        inventory = real_inventory(self.inventory)
        safe: Dict[str, str] = {}
        for name, guest in named.items():
            inventory.add_host(name)
            for variable, value in guest.variables.items():
                inventory.set_variable(name, variable, never_a_template(value))
            for group in guest.groups():
                if group not in safe:
                    safe[group] = inventory.add_group(to_safe_group_name(group))
                inventory.add_child(safe[group], name)
            # Templates cost a millisecond for each host, so that they run only for those who asked.
            if compose or groups or keyed:
                variables = self.inventory.get_host(name).get_vars()
                self._set_composite_vars(compose, variables, name, strict=strict)
                self._add_host_to_composed_groups(groups, variables, name, strict=strict)
                self._add_host_to_keyed_groups(keyed, variables, name, strict=strict)


def _would_be_seen(guest: _planned.Declared, hosts: Iterable[str], reading: Reading) -> bool:
    """Whether a declared guest, if it existed, would be in the reading: only then its absence says that it is planned."""
    if reading.failures:
        return bool(guest.host) and _was_read(guest.host, guest.engine, reading)
    places = [guest.host] if guest.host else list(hosts)
    return all(_was_read(place, guest.engine, reading) for place in places)


def _was_read(host: str, engine: str, reading: Reading) -> bool:
    engines = {each for place, each in reading.complete if place == host}
    return bool(engines) if engine == "auto" else engine in engines
