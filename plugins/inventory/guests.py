# Copyright: (c) 2026, flotilla.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: guests
author: The flotilla.virt team (@flotilla)
version_added: 0.1.0
short_description: Virtual machines and containers of one or more hosts
description:
  - Reads the guests of hosts, libvirt domains and LXC containers, whoever made them, and adds each to the inventory with the
    variables to reach it and the groups to choose it by.
  - Guests are read where they are, by M(flotilla.virt.domain_info) and M(flotilla.virt.container_info), over a connection made
    from each host's own inventory variables (C(ansible_host), C(ansible_user), C(ansible_become) and so on, group variables
    and vaulted ones included). Hosts are read in parallel.
  - Configuration files are named C(flotilla.yml), or end in C(.flotilla.yml).
  - Ansible reads inventory sources in the order given and the files of a directory by name. Hosts that O(hosts) names must
    come from an earlier source, or stand in O(hosts) with their variables. Variables beside a playbook are not seen;
    extra variables (C(-e)) count for hosts too, while C(--user), C(--become) and other options of the command line do not.
  - "Ansible itself turns the failure of an inventory source into a warning and goes on without its hosts. Set
    C(any_unparsed_is_failed = true) in the section C([inventory]) of ansible.cfg, or E(ANSIBLE_INVENTORY_ANY_UNPARSED_IS_FAILED),
    to have it stop."
notes:
  - Each guest gets the variables C(flotilla_name), C(flotilla_engine) (V(kvm), V(lxc), V(podman), V(openvz), V(virtuozzo)),
    C(flotilla_host) (the name of its host), C(flotilla_state) (V(running), V(stopped), V(paused), V(present)), C(flotilla_fleet),
    C(flotilla_uuid), C(flotilla_tags),
    C(flotilla_spec) and C(flotilla_status) (as the info modules return them) and C(flotilla_pending) (what waits for a restart).
  - C(ansible_host) is an address that the guest's agent reports, else one that libvirt leased, else one from the host's ARP
    table. IPv4 comes first; on a remote host an address that is reachable from outside comes before one on a host-local network.
  - A container also gets C(ansible_connection) V(flotilla.virt.container), which enters it through its engine and needs no
    address; so does a virtual machine of Virtuozzo whose guest tools are installed. A domain on a remote host
    whose only addresses are on a host-local network (the modes V(nat), V(route), V(open) and
    V(isolated)) gets C(ansible_ssh_common_args) with a jump through the host.
  - With O(host_keys) or O(known_hosts) each guest has C(flotilla_host_keys), a list of its public SSH host keys as C(type data). They
    were read on the guest's host, through the agent or from the root file system, so that nobody on the network could put others in
    their place; but the guest itself may say what it likes. The list is empty where a guest did not tell them.
  - "Groups, with names made safe: C(engine_lxc), C(state_running), C(host_kvm1), C(fleet_shop) and, for the tag C(role: db),
    C(tag_role_db)."
extends_documentation_fragment:
  - constructed
  - inventory_cache
options:
  plugin:
    description: Says that the file is meant for this plugin.
    type: str
    required: true
    choices: [flotilla.virt.guests]
  hosts:
    description:
      - Hosts whose guests are read. A list of names and patterns of hosts that earlier inventory sources have (such as a
        group), or a dictionary of names, each with its variables, which are added to the inventory.
      - Without it and without O(uris), this machine is read.
    type: raw
  uris:
    description:
      - libvirt connections whose domains are read from this machine, by the name that becomes C(flotilla_host), such as
        C(qemu+ssh://root@kvm1/system). Containers cannot be read through them.
    type: dict
    default: {}
  engines:
    description:
      - Engines whose guests are read on O(hosts). A host that lacks one of them is an error.
      - Of a host whose variable C(fleet_transport) is V(command) (an OpenVZ node without Python) only V(openvz) is read, with the
        O(flotilla.virt.container_info#module:transport) of that name.
    type: list
    elements: str
    choices: [kvm, lxc, podman, openvz, virtuozzo]
    default: [kvm, lxc, podman]
  python:
    description:
      - Python interpreter for reading on this machine, for O(uris) and where no inventory variable says it. It needs
        libvirt's binding. Without it Ansible's own Python if that has the binding, else C(/usr/bin/python3).
    type: path
  become:
    description: Whether to become root on the hosts. Without it the variable C(ansible_become) of each host says so.
    type: bool
  timeout:
    description: Longest time in seconds for reading one engine's guests of one host. V(0) is no limit.
    type: int
    default: 120
  addresses:
    description: Whether to find out the addresses of running domains, which asks the agent of each.
    type: bool
    default: true
  host_keys:
    description:
      - Whether to read the SSH host keys of running guests. It asks the agent of each domain about ten questions, and reads files of
        containers. A guest that does not answer is no error.
    type: bool
    default: false
  known_hosts:
    description:
      - File that is written with the SSH host keys of the guests, relative to the inventory file; implies O(host_keys). Give each
        configuration file its own, since it is written anew whenever what it says changes. In a directory of inventory files it
        needs a name that Ansible passes over there, such as C(known_hosts.txt), or it would be read as one of them.
      - Guests whose keys are known get C(ansible_ssh_common_args) with which C(ssh) accepts these keys only, so that plays need no
        C(StrictHostKeyChecking=no) and nobody is asked. This wins over what group variables say, and comes behind a jump through the host.
        Guests whose keys are not known are left to the settings of the user.
      - "Each guest stands in it under its name in the inventory (its UUID where that has other characters than small letters, digits
        and C(._-)), which is given to C(ssh) as its C(HostKeyAlias). By hand: C(ssh -o UserKnownHostsFile=FILE -o HostKeyAlias=db1 ops@10.30.0.11)."
    type: str
  on_error:
    description:
      - What happens when a host, or one of its engines, cannot be read. V(fail) fails this whole inventory source, since an
        inventory that silently lacks guests is dangerous. V(warn) goes on without that host's guests.
    type: str
    choices: [fail, warn]
    default: fail
  names:
    description: Only guests whose names match one of these, which may hold the wildcards C(*), C(?) and C([...]).
    type: list
    elements: str
    default: []
  fleets:
    description: Only guests of these fleets.
    type: list
    elements: str
    default: []
  states:
    description: Only guests in one of these states, such as V(running).
    type: list
    elements: str
    choices: [running, stopped, paused, present, planned, unknown]
    default: []
  fleet_files:
    description:
      - YAML files of variables that hold the variable C(fleet), relative to the inventory file. Guests that they declare and
        that were not found are added with C(flotilla_state) V(planned), or V(unknown) where not every place was read where
        they could be.
      - Only C(name), C(hosts), C(defaults), C(profiles) and the options C(name), C(count), C(engine), C(host), C(profile),
        C(state) and C(tags) of guests are looked at; templates in them may use extra variables only.
    type: list
    elements: str
    default: []
  inventory_name:
    description:
      - Form of the names that guests get in the inventory, with C({name}) and, to tell guests of one name apart, C({host}),
        C({engine}), C({fleet}) or C({uuid}). Two guests with the same inventory name are an error.
    type: str
    default: "{name}"
"""

EXAMPLES = r"""
# flotilla.yml: all guests of this machine
plugin: flotilla.virt.guests

---
# inventory/20-guests.flotilla.yml: the guests of the hosts in the group hypervisors, which inventory/10-hosts.yml has;
# read at most once in five minutes
plugin: flotilla.virt.guests
hosts: [hypervisors]
cache: true
cache_plugin: ansible.builtin.jsonfile
cache_connection: ~/.cache/ansible/guests
cache_timeout: 300

---
# inventory/30-guests.flotilla.yml: guests whose SSH host keys are known before the first login, in a file beside this one
plugin: flotilla.virt.guests
hosts: [hypervisors]
known_hosts: known_hosts.txt

---
# Hosts with their variables in the same file; only what runs of one fleet, and what its file declares beside that
plugin: flotilla.virt.guests
hosts:
  kvm1: {ansible_host: 192.0.2.11, ansible_user: ops, ansible_become: true}
  kvm2: {ansible_host: 192.0.2.12, ansible_user: ops, ansible_become: true}
engines: [kvm]
fleets: [shop]
states: [running, planned]
fleet_files: [../fleets/shop.yml]

---
# OpenVZ nodes, one of them without a Python that modules can use
plugin: flotilla.virt.guests
hosts:
  vz7: {ansible_host: 192.0.2.21, ansible_user: root}
  vz6: {ansible_host: 192.0.2.22, ansible_user: root, fleet_transport: command}
engines: [openvz]

---
# Domains only, by libvirt's own remote connection; names with the host, since both have a guest of one name
plugin: flotilla.virt.guests
uris:
  kvm1: qemu+ssh://root@192.0.2.11/system
  kvm2: qemu+ssh://root@192.0.2.12/system
inventory_name: "{name}.{host}"
compose:
  ansible_user: "'debian'"
keyed_groups:
  - key: flotilla_spec.os.variant | default('unknown')
    prefix: os
groups:
  needs_restart: flotilla_pending | length > 0
"""

import importlib.util
import sys
from dataclasses import replace
from typing import Any, Dict, List, Mapping, Optional, Tuple

from ansible import constants as C
from ansible.errors import AnsibleError, AnsibleParserError
from ansible.inventory.data import InventoryData
from ansible.plugins.loader import module_loader
from ansible_collections.flotilla.virt.plugins.module_utils._containers.engines import BY_COMMAND
from ansible_collections.flotilla.virt.plugins.plugin_utils import _jump, _run
from ansible_collections.flotilla.virt.plugins.plugin_utils._guests import Source, guest_of
from ansible_collections.flotilla.virt.plugins.plugin_utils._inventory import GuestInventory, Reading, real_inventory
from ansible_collections.flotilla.virt.plugins.plugin_utils._trust import template

# The module that reads an engine's guests, and the key of its list.
MODULES = {"kvm": ("flotilla.virt.domain_info", "domains"), "lxc": ("flotilla.virt.container_info", "containers"),
           "podman": ("flotilla.virt.container_info", "containers"), "openvz": ("flotilla.virt.container_info", "containers"),
           "virtuozzo": ("flotilla.virt.container_info", "containers")}
NETWORKS = "flotilla.virt.network_info"
THIS_MACHINE = "localhost"
DISTRIBUTION_PYTHON = "/usr/bin/python3"
URI_VARIABLE = "flotilla_uri"
TRANSPORT_VARIABLE = "fleet_transport"
"""The variable of a host that the role `fleet` goes by too."""


class InventoryModule(GuestInventory):
    """Guests read by the collection's info modules, on inventory hosts or through libvirt URIs."""

    NAME = "flotilla.virt.guests"
    reads_by = ("hosts", "uris", "engines", "addresses", "host_keys", "known_hosts")

    def read(self, path: str) -> Reading:
        """Reads all hosts, this machine and all URIs that the configuration names."""
        reading = Reading()
        uris = self._uris()
        hosts, here = self._hosts(path, bool(uris))
        engines = self.get_option("engines")
        if hosts:
            way = self._way(real_inventory(self.inventory), path)
            sources = {name: self._source(way, name) for name in hosts}
            for transport, names in self._by_transport(way, hosts).items():
                some = {name: sources[name] for name in names}
                self._read_from(way, some, self._engines_by(transport, names, engines, reading), reading, transport)
        if here:
            self._read_from(self._way(self._of_this_machine({THIS_MACHINE: None}), path), {THIS_MACHINE: Source(THIS_MACHINE)},
                            engines, reading)
        if uris:
            sources = {name: _source_of_uri(name, uri) for name, uri in uris.items()}
            self._read_from(self._way(self._of_this_machine(uris), path), sources, ["kvm"], reading)
        return reading

    # -- from where -----------------------------------------------------------------------------------------------------

    def _uris(self) -> Mapping[str, str]:
        uris = self.get_option("uris")
        for name, uri in uris.items():
            if not isinstance(uri, str) or ":" not in uri:
                raise AnsibleParserError("uris.%s: %r is no libvirt URI; write it such as qemu+ssh://root@kvm1/system" % (name, uri))
        return uris

    def _hosts(self, path: str, others: bool) -> Tuple[List[str], bool]:
        """The inventory hosts to read, and whether this machine is one that the inventory does not know."""
        said = self.get_option("hosts")
        if said is None:
            said = [] if others else [THIS_MACHINE]
        if isinstance(said, Mapping):
            self._add_hosts(said)
            said = [str(name) for name in said]
        elif isinstance(said, str):
            said = [said]
        if not isinstance(said, (list, tuple)) or not all(isinstance(each, str) for each in said):
            raise AnsibleParserError("hosts: must be a list of host names and patterns, or a dictionary of names with their variables")
        here = THIS_MACHINE in said and THIS_MACHINE not in self.inventory.hosts
        patterns = [each for each in said if each != THIS_MACHINE or not here]
        return (self._matching(patterns, path) if patterns else []), here

    def _add_hosts(self, said: Mapping[str, Any]) -> None:
        for name, variables in said.items():
            if variables is not None and not isinstance(variables, Mapping):
                raise AnsibleParserError("hosts.%s: must be a dictionary of variables, or empty" % name)
            if variables is None and name in self.inventory.hosts:
                continue
            self.inventory.add_host(str(name))
            # Through the real inventory: what stands in the configuration file may be a template, as in any inventory file.
            for variable, value in (variables or {}).items():
                real_inventory(self.inventory).set_variable(str(name), variable, value)

    def _matching(self, patterns: List[str], path: str) -> List[str]:
        way = self._way(real_inventory(self.inventory), path)
        found: Dict[str, None] = {}
        for pattern in patterns:
            names = way.matching([pattern])
            if not names:
                raise AnsibleParserError(
                    "hosts: no host matches %r in the inventory sources before %s. Ansible reads sources in the order given, and"
                    " the files of a directory by name: let the hosts' file come earlier, or write the hosts here with their"
                    " variables" % (pattern, path))
            found.update(dict.fromkeys(names))
        return list(found)

    def _source(self, way: _run.Way, name: str) -> Source:
        try:
            variables = way.host_variables(name, _jump.ALL)
        except AnsibleError as error:
            raise AnsibleParserError("host %s: one of its connection variables cannot be resolved: %s" % (name, error)) from None
        default = C.DEFAULT_TRANSPORT
        return Source(name, _jump.is_remote(variables, default), _jump.through_host(name, variables, default, C.HOST_KEY_CHECKING))

    @staticmethod
    def _by_transport(way: _run.Way, hosts: List[str]) -> Dict[str, List[str]]:
        """The hosts by how modules reach them."""
        found: Dict[str, List[str]] = {}
        for name in hosts:
            try:
                said = way.host_variables(name, [TRANSPORT_VARIABLE]).get(TRANSPORT_VARIABLE, "module")
            except AnsibleError as error:
                raise AnsibleParserError("host %s: %s cannot be resolved: %s" % (name, TRANSPORT_VARIABLE, error)) from None
            if said not in ("module", "command"):
                raise AnsibleParserError("host %s: %s is %r; set it to module or command" % (name, TRANSPORT_VARIABLE, said))
            found.setdefault(str(said), []).append(name)
        return found

    @staticmethod
    def _engines_by(transport: str, hosts: List[str], engines: List[str], reading: Reading) -> List[str]:
        """Those of the engines that can be read so; a host where that is none of them has not been read."""
        if transport == "module":
            return engines
        found = [engine for engine in engines if engine in BY_COMMAND]
        if not found:
            reading.failures += ["Cannot read the guests of %s: with %s command only those of %s can be read. Add it to engines, or leave the host out."
                                 % (name, TRANSPORT_VARIABLE + ":", " and ".join(BY_COMMAND)) for name in hosts]
        return found

    # -- how ------------------------------------------------------------------------------------------------------------

    def _way(self, inventory: InventoryData, path: str) -> _run.Way:
        current = inventory.current_source
        inventory.reconcile_inventory()
        inventory.current_source = current
        files = [host.vars.get("inventory_file") for host in inventory.hosts.values()]
        sources = dict.fromkeys([str(file) for file in files if file] + [path])
        return _run.Way(inventory, self.loader, list(sources), self.get_option("become"), self.get_option("timeout"))

    def _of_this_machine(self, uris: Mapping[str, Optional[str]]) -> InventoryData:
        """An inventory of this machine alone, under one name for each URI, so that those are read in parallel."""
        inventory = InventoryData()
        for name, uri in uris.items():
            inventory.add_host(name)
            inventory.set_variable(name, "ansible_connection", "local")
            inventory.set_variable(name, "ansible_python_interpreter", self._python())
            if uri is not None:
                inventory.set_variable(name, URI_VARIABLE, uri)
        return inventory

    def _python(self) -> str:
        said = self.get_option("python")
        if said:
            return str(said)
        known = self.inventory.hosts.get(THIS_MACHINE)
        written = known.vars.get("ansible_python_interpreter") if known else None
        if written:
            return str(written)
        # In a virtual environment Ansible's own Python rarely has the binding, which distributions package for theirs.
        return sys.executable if importlib.util.find_spec("libvirt") else DISTRIBUTION_PYTHON

    def _read_from(self, way: _run.Way, sources: Mapping[str, Source], engines: List[str], reading: Reading, transport: str = "module") -> None:
        if not engines:
            return
        calls = [_run.Call(engine, MODULES[engine][0], self._arguments(engine, transport)) for engine in engines]
        asks_networks = "kvm" in engines and any(source.remote for source in sources.values())
        # Without it a leased address tells as much of most guests.
        if asks_networks and module_loader.find_plugin(NETWORKS):
            calls.append(_run.Call("networks", NETWORKS, self._uri_argument()))
        answers = _run.run(way, list(sources), calls)
        for name, source in sources.items():
            mine = {key: answer for (host, key), answer in answers.items() if host == name}
            gone = next((answer for answer in mine.values() if answer.unreachable), None)
            if gone is not None:
                reading.failures.append(
                    "Cannot read the guests of %s: %s. Correct its ansible_host, ansible_user or SSH key until"
                    " `ansible -m ansible.builtin.ping %s` answers." % (name, gone.error.rstrip("."), name))
                continue
            source = replace(source, networks=_modes(mine.get("networks")))
            for engine in engines:
                self._take(source, engine, mine.get(engine), reading)

    def _arguments(self, engine: str, transport: str) -> Dict[str, Any]:
        keys = {"host_keys": bool(self.get_option("host_keys") or self.get_option("known_hosts"))}
        if engine != "kvm":
            return {"engines": [engine], "transport": transport, **keys}
        return dict(self._uri_argument(), addresses=self.get_option("addresses"), **keys)

    @staticmethod
    def _uri_argument() -> Dict[str, Any]:
        return {"uri": template("{{ %s | default(omit) }}" % URI_VARIABLE)}

    @staticmethod
    def _take(source: Source, engine: str, answer: Optional[_run.Answer], reading: Reading) -> None:
        """Adds what one host answered about one engine, or why it did not."""
        module, plural = MODULES[engine]
        items = answer.result.get(plural) if answer is not None else None
        if answer is not None and not answer.error and isinstance(items, list):
            reading.guests.extend(guest_of(item, engine, source) for item in items)
            reading.complete.add((source.name, engine))
            return
        if answer is None:
            text, remedy = "it gave no answer", "Run ansible-inventory with -vvv to see why."
        else:
            text = answer.error or "its answer has no %s" % plural
            remedy = "If it has no guests of this engine, leave %s out of engines." % engine
        reading.failures.append("Cannot read the %s guests of %s with %s: %s. %s"
                                % (engine, source.name, module, text.rstrip("."), remedy))


def _source_of_uri(name: str, uri: str) -> Source:
    way = _jump.through_uri(uri)
    remote = bool(uri.split("://", 1)[-1].split("/", 1)[0].rsplit("@", 1)[-1] not in ("", "localhost"))
    return Source(name, remote, way)


def _modes(answer: Optional[_run.Answer]) -> Dict[str, str]:
    if answer is None or answer.error:
        return {}
    return {item["name"]: (item.get("spec") or {}).get("mode", "") for item in answer.result.get("networks") or []}
