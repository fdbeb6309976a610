# Copyright: (c) 2026, flotilla.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Virtual CPUs: how many, which model, where they run and how much time they get."""

from __future__ import annotations

from typing import Any, Mapping

from ..rows import KVM, Thing, kvm, later, live
from ..plan import Rule
from ..schema import Option, Spec


def above_ceiling(count: Any, running: Mapping[str, Any]) -> str:
    """Why the running guest cannot have this many CPUs."""
    ceiling = running.get("cpus", {}).get("maximum", 0)
    return "above cpus.maximum of the running guest, which is fixed when it starts" if count > ceiling else ""


def count_of(spec: Spec) -> Any:
    """What the ceiling is when nobody declares one."""
    topology = spec.get("cpus", {}).get("topology")
    if topology:
        return topology.get("sockets", 1) * topology.get("dies", 1) * topology.get("cores", 1) * topology.get("threads", 1)
    return spec.get("cpus", {}).get("count")


def no_weight(weight: Any, _running: Mapping[str, Any]) -> str:
    """The kernel's default weight is another for cgroup v1 and v2, so only a new process has it for certain."""
    return "" if weight is not None else "the kernel's own weight comes back when the guest starts"


def _time(name: str, *doc: str) -> Option:
    """virDomainSetSchedulerParametersFlags by name of the parameter; libvirt keeps them in cgroups."""
    if name == "shares":
        return kvm(name, "integer", live("cputune/shares", "set_scheduler", "int", unless=no_weight), *doc, minimum=2, maximum=262144)
    # VIR_CGROUP_CPU_PERIOD_MIN and its like; a quota below 0 is none, and one from 0 to 999 is refused (virDomainDefCputuneValidate).
    if name.endswith("quota"):
        return kvm(name, "integer", live("cputune/" + name, "set_scheduler", "int told", default=-1), *doc, maximum=17592186044415)
    return kvm(name, "integer", live("cputune/" + name, "set_scheduler", "int told", default=100000), *doc, minimum=1000, maximum=1000000)


TOPOLOGY = kvm("topology", "one", Thing("cpu/topology", rule=Rule(live=False, reason="the CPU topology is fixed when the guest starts")),
               "How the CPUs look to the guest. Sockets times dies times cores times threads must be O(cpus.maximum).",
               take_back="delete", options=(
    kvm("sockets", "int", later("@sockets", "int", default=1), "Sockets. 1 when nothing is declared.", minimum=1),
    kvm("dies", "int", later("@dies", "int", default=1), "Dies in each socket. 1 when nothing is declared.", minimum=1),
    kvm("cores", "int", later("@cores", "int", default=1), "Cores in each die. 1 when nothing is declared.", minimum=1),
    kvm("threads", "int", later("@threads", "int", default=1), "Threads in each core. 1 when nothing is declared.", minimum=1),
))

CPUS = Option("cpus", "dict", short="count", doc=(
    "Virtual CPUs. A bare number is short for V(count).",), example=2, options=(
    Option("count", "int", minimum=1, take_back="keep", row=live(
        "vcpu/@current", "set_vcpus", "vcpu_count", cooperative=True, unless=above_ceiling), doc=(
        "CPUs that the guest has now. Changed on the running guest, up to O(cpus.maximum).",)),
    Option("maximum", "int", minimum=1, engines=KVM, row=later(
        "vcpu", "vcpu_maximum", "the CPU ceiling is fixed when the guest starts", default=count_of), doc=(
        "Ceiling up to which O(cpus.count) can grow while the guest runs; fixed when the guest starts.",
        "Taking it back makes it equal to the count, or to what O(cpus.topology) has.")),
    TOPOLOGY,
    kvm("model", "str", later("cpu/@mode", "cpu_model", "the CPU model is fixed when the guest starts", assumed=True),
        "CPU that the guest sees: V(host-model) (the default at creation on KVM), V(host-passthrough), V(maximum), or a name"
        " such as V(EPYC) or V(Skylake-Server) that C(virsh cpu-models x86_64) lists.", take_back="keep"),
    kvm("features", "cpu_features", later("cpu", "pairs feature @name @policy",
                                          "CPU features are fixed when the guest starts"),
        "CPU features by name: V(require), V(disable), V(optional), V(force) or V(forbid). V(true) is short for V(require) and"
        " V(false) for V(disable).", example={"vmx": "disable"}),
    kvm("migratable", "bool", later("cpu/@migratable", "onoff"),
        "Whether V(host-passthrough) leaves out features that would prevent migration."),
    kvm("cache", "str", later("cpu/cache/@mode"), "CPU cache that the guest sees.", choices=("emulate", "passthrough", "disable")),
    kvm("placement", "str", later("vcpu/@placement", default="static"), "V(auto) lets numad choose host CPUs at each start.",
        choices=("static", "auto")),
    kvm("cpuset", "cpuset", later("vcpu/@cpuset", "cpuset"), "Host CPUs that the guest may use at all, such as V(0-3,8).",
        example="0-3"),
    kvm("pins", "cpusets", live("cputune", "pin_vcpus", "pairs vcpupin @vcpu @cpuset"),
        "Host CPUs for each virtual CPU, by its number from 0.", example={"0": "2", "1": "3"}),
    kvm("emulator_pin", "cpuset", live("cputune/emulatorpin/@cpuset", "pin_emulator", "cpuset"),
        "Host CPUs for QEMU's own threads.", example="0-1"),
    kvm("iothreads", "int", live("iothreads", "set_iothreads", "iothreads", default=0),
        "I/O threads, numbered from 1. Disks and controllers name theirs with C(iothread)."),
    kvm("iothread_pins", "cpusets", live("cputune", "pin_iothreads", "pairs iothreadpin @iothread @cpuset"),
        "Host CPUs for each I/O thread, by its number from 1.", example={"1": "0-1"}),
    _time("shares", "Weight against other guests when CPU time is short. The kernel's own default is 1024."),
    _time("period", "Interval of O(cpus.quota) in microseconds, 1000 to 1000000."),
    _time("quota", "CPU time that each virtual CPU may use in a period, in microseconds; V(-1) is no limit."),
    _time("global_period", "Interval of O(cpus.global_quota) in microseconds."),
    _time("global_quota", "CPU time that the whole guest may use in a period, in microseconds; V(-1) is no limit."),
    _time("emulator_period", "Interval of O(cpus.emulator_quota) in microseconds."),
    _time("emulator_quota", "CPU time for QEMU's own threads in a period, in microseconds; V(-1) is no limit."),
    _time("iothread_period", "Interval of O(cpus.iothread_quota) in microseconds."),
    _time("iothread_quota", "CPU time for each I/O thread in a period, in microseconds; V(-1) is no limit."),
))

__all__ = ["CPUS"]
