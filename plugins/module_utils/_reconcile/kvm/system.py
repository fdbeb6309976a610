# Copyright: (c) 2026, flotilla.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The machine itself: firmware, boot, features, clock, identity, security, and what happens at its end."""

from __future__ import annotations

from typing import Any

from ..plan import Rule
from ..rows import KVM, Row, Thing, fixed, kvm, later, live
from ..schema import Option
from .cpus import no_weight

ANOTHER_GUEST = "it is part of the guest's identity: remove the guest (its storage is kept), then declare it anew with the disks as existing: true"
FAMILIES = ("linux", "windows", "bsd", "solaris", "macos", "other", "plain")


def same_text(want: Any, have: Any) -> bool:
    """Text is read without the blanks around it, and empty text is none: libvirt stores neither reliably."""
    return (want or "").strip() == (have or "").strip()


def same_machine(want: Any, have: Any) -> bool:
    """libvirt expands an alias (`q35`) to the versioned machine (`pc-q35-7.2`) when it stores the document."""
    if want == have:
        return True
    if want is None or have is None:
        return False
    if want == "pc":
        return bool(have.startswith("pc-i440fx"))
    return bool(have.startswith("pc-%s-" % want) or have.startswith("%s-" % want))


def same_family(want: Any, have: Any) -> bool:
    """Of a guest that others made nobody knows what it was made for."""
    return want == have or have in (None, "plain")


def same_virtualization(want: Any, have: Any) -> bool:
    """What prefers hardware takes either; a host of libvirt's test driver has neither."""
    return want == have or want == "prefer_kvm" or have is None


VIRTUALIZATION = kvm("virtualization", "str", fixed("@type", ANOTHER_GUEST, "domain_type", same=same_virtualization),
                     "V(kvm) (the default) uses hardware virtualization and is an error where the host cannot. V(prefer_kvm) emulates"
                     " there and says so. V(qemu) always emulates. Decided at creation.",
                     choices=("kvm", "prefer_kvm", "qemu"), take_back="keep")

UUID = kvm("uuid", "uuid", fixed("uuid", ANOTHER_GUEST), "UUID of the guest. Derived from fleet and name when nothing is declared.",
           take_back="keep")

OS = Option("os", "dict", short="family", engines=KVM, doc=(
    "Operating system, firmware and machine. A bare word is short for V(family).",), options=(
    Option("family", "str", choices=FAMILIES, take_back="keep", row=Row(rule=Rule(creation=True, same=same_family)), doc=(
        "Family of the operating system. It decides what a new guest is like where nothing else is declared: clock, bus of the disks,"
        " model of the NICs, hypervisor features, graphics. V(linux) at creation. V(plain) adds nothing to what is declared; guests"
        " that others made read as such.",)),
    Option("variant", "str", take_back="keep", row=live("metadata/libosinfo:libosinfo/libosinfo:os/@id", "set_osinfo", "osinfo"), doc=(
        "Name of the system as libosinfo has it, such as V(debian12), V(win11), V(freebsd13.1), or its address. Other tools show it.",)),
    Option("firmware", "str", choices=("bios", "uefi"), take_back="keep", row=later("os/@firmware", "firmware", capability="os/firmware"),
           doc=("Firmware. V(bios) at creation, V(uefi) where the system or the machine needs it.",)),
    kvm("secure_boot", "bool", later("os/firmware", "secure_boot", assumed=True),
        "Boot only what is signed by a key that the firmware knows. Needs O(os.firmware=uefi).", take_back="keep"),
    kvm("loader", "path", later("os/loader", assumed=True),
        "Firmware image on the host. libvirt chooses one when nothing is declared.", take_back="keep"),
    kvm("nvram", "path", later("os/nvram", assumed=True),
        "File on the host with the guest's firmware variables. libvirt chooses one when nothing is declared.", take_back="keep"),
    kvm("reset_nvram", "bool", None, "For one run and never stored: begin with fresh firmware variables at the start that this run makes.",
        control=True, once=True),
    kvm("architecture", "str", fixed("os/type/@arch", ANOTHER_GUEST),
        "Architecture of the CPU. The host's own at creation; another one is emulated.", take_back="keep",
        example="x86_64"),
    Option("machine", "str", take_back="keep", row=later("os/type/@machine",
                                                         reason="the machine type is fixed when the guest starts", same=same_machine),
           doc=("Machine type, such as V(q35) (the default at creation on x86). libvirt stores the version that it stands for.",)),
    kvm("emulator", "path", later("devices/emulator"), "QEMU binary on the host. libvirt chooses one when nothing is declared.",
        take_back="keep"),
    Option("kernel", "path", take_back="delete", row=later("os/kernel"), doc=("Kernel on the host to boot directly.",)),
    Option("initrd", "path", take_back="delete", row=later("os/initrd"), doc=("Initial RAM disk on the host for O(os.kernel).",)),
    Option("cmdline", "str", take_back="delete", row=later("os/cmdline", same=same_text), doc=("Command line for O(os.kernel).",)),
    kvm("dtb", "path", later("os/dtb"), "Device tree on the host for O(os.kernel)."),
))

BOOT = kvm("boot", "dict", None, "How the guest finds what it boots.", options=(
    kvm("order", "list", later("os", "boot_devices"),
        "Kinds of devices in the order in which they are tried. V([hd]) at creation. A C(boot_order) on a device replaces it.",
        choices=("hd", "cdrom", "network", "fd"), take_back="keep"),
    kvm("menu", "bool", later("os/bootmenu/@enable", "yesno"), "Offer a menu."),
    kvm("menu_timeout", "int", later("os/bootmenu/@timeout", "int"), "How long the menu waits, in milliseconds."),
    kvm("serial", "bool", later("os/bios/@useserial", "yesno"), "Let the BIOS use the serial port."),
    kvm("reboot_timeout", "int", later("os/bios/@rebootTimeout", "int"), "Milliseconds until another try when nothing boots."),
))


def _state(name: str, place: str, *doc: str) -> Option:
    return kvm(name, "bool", later("features/%s/@state" % place, "onoff"), *doc)


HYPERV = kvm("hyperv", "dict", None, "What Windows knows from Hyper-V and runs faster with.", options=(
    kvm("mode", "str", later("features/hyperv/@mode", default="custom"), "V(passthrough) offers all that the host can.",
        choices=("custom", "passthrough")),
    _state("relaxed", "hyperv/relaxed", "Relaxed timing of its watchdogs."),
    _state("vapic", "hyperv/vapic", "Virtual APIC."),
    kvm("spinlocks", "int", later("features/hyperv/spinlocks", "spinlocks"), "Tries until a spinlock tells the host, 4095 or more.",
        minimum=4095),
    _state("vpindex", "hyperv/vpindex", "Index of virtual processors."), _state("runtime", "hyperv/runtime", "Run time of processors."),
    _state("synic", "hyperv/synic", "Synthetic interrupt controller."),
    _state("stimer", "hyperv/stimer", "Synthetic timers."),
    kvm("stimer_direct", "bool", later("features/hyperv/stimer/direct/@state", "onoff", default=False),
        "Synthetic timers that interrupt directly."),
    _state("reset", "hyperv/reset", "Reset."), kvm("vendor_id", "str", later("features/hyperv/vendor_id/@value", "vendor_id"),
                                                   "Name of the hypervisor, at most 12 characters."),
    _state("frequencies", "hyperv/frequencies", "Frequencies of the time stamp counter."), _state("reenlightenment",
                                                                                                  "hyperv/reenlightenment", "Notice of migration."),
    _state("tlbflush", "hyperv/tlbflush", "Flush of page tables by the host."), _state("ipi", "hyperv/ipi",
                                                                                       "Interrupts between processors by the host."),
    _state("evmcs", "hyperv/evmcs", "Nesting on Intel."), _state("avic", "hyperv/avic", "APIC by hardware."),
))

FEATURES = kvm("features", "dict", None, "Features of the machine and of the hypervisor.", options=(
    kvm("acpi", "bool", later("features/acpi", "presence", default=False), "ACPI. V(true) at creation where the machine has it.",
        take_back="keep"),
    kvm("apic", "bool", later("features/apic", "presence", default=False), "APIC. V(true) at creation on x86.", take_back="keep"),
    kvm("pae", "bool", later("features/pae", "presence", default=False), "Physical address extension for 32-bit guests."),
    # qemuProcessPrepareDomain switches it on for the firmware that libvirt has chosen.
    kvm("smm", "bool", later("features/smm/@state", "onoff", assumed=True), "System management mode, which secure boot needs."),
    _state("vmport", "vmport", "The port of VMware's tools. Off is better for Windows and for Linux in SPICE."),
    _state("pmu", "pmu", "Performance counters."), _state("hap", "hap", "Hardware assisted paging."),
    _state("pvspinlock", "pvspinlock", "Spinlocks that tell the host."), _state("vmcoreinfo", "vmcoreinfo", "Notes for crash dumps."),
    kvm("ioapic", "str", later("features/ioapic/@driver"), "Where the I/O APIC is. V(qemu) for an IOMMU with interrupt remapping.",
        choices=("kvm", "qemu")),
    kvm("gic", "str", later("features/gic/@version", assumed=True), "Interrupt controller of ARM.", choices=("2", "3", "host"),
        take_back="keep"),
    kvm("kvm_hidden", "bool", later("features/kvm/hidden/@state", "onoff"), "Hide from the guest that KVM runs it."),
    kvm("kvm_hint_dedicated", "bool", later("features/kvm/hint-dedicated/@state", "onoff"),
        "Tell the guest that its CPUs are its own. Needs O(cpus.pins)."),
    HYPERV,
))

TIMERS = kvm("timers", "items", Thing("clock/timer", names=("@name",), rule=Rule(live=False,
                                                                                 reason="timers are fixed when the guest starts")),
             "Timers that the guest sees.", take_back="delete", options=(
    kvm("name", "str", later("@name"), "Timer.", choices=("platform", "hpet", "kvmclock", "pit", "rtc", "tsc", "hypervclock",
        "armvtimer"), required=True),
    kvm("present", "bool", later("@present", "yesno"), "Whether there is one."),
    kvm("tickpolicy", "str", later("@tickpolicy"), "What happens to ticks that the guest missed.", choices=("delay", "catchup",
        "merge", "discard")),
    kvm("track", "str", later("@track"), "What it follows.", choices=("boot", "guest", "wall", "realtime")),
    kvm("frequency", "int", later("@frequency", "int"), "Frequency in Hz, for V(tsc)."),
    kvm("mode", "str", later("@mode"), "Mode of V(tsc).", choices=("auto", "native", "emulate", "paravirt", "smpsafe")),
))

CLOCK = kvm("clock", "dict", None, "Clock of the guest. A bare word is short for its offset.", short="offset", options=(
    kvm("offset", "str", later("clock/@offset", "clock_offset", default="utc"), "V(utc) at creation, V(localtime) for Windows.",
        choices=("utc", "localtime", "timezone", "variable", "absolute")),
    kvm("timezone", "str", later("clock/@timezone"), "Time zone for O(clock.offset=timezone), such as V(Europe/Berlin)."),
    kvm("adjustment", "str", later("clock/@adjustment", assumed=True),
        "Seconds from the base for O(clock.offset=variable), or V(reset).", take_back="keep"),
    kvm("basis", "str", later("clock/@basis", assumed=True), "Base for O(clock.offset=variable).", choices=("utc", "localtime"),
        take_back="keep"),
    kvm("start", "str", later("clock/@start"), "Seconds since 1970 for O(clock.offset=absolute).", take_back="keep"),
    TIMERS,
))


def _table(name: str, place: str, *doc: str) -> Option:
    return kvm(name, "texts", later("sysinfo/" + place, "sysinfo"), *doc, take_back="delete")


SMBIOS = kvm("smbios", "dict", None, "What the guest's DMI tables say.", options=(
    kvm("mode", "str", later("os/smbios/@mode"), "V(host) for what the host's say, V(sysinfo) for the tables below.",
        choices=("emulate", "host", "sysinfo")),
    _table("bios", "bios", "Entries of the BIOS such as C(vendor), C(version), C(date), C(release)."),
    _table("system", "system", "Entries of the system such as C(manufacturer), C(product), C(version), C(serial), C(sku), C(family)."),
    _table("base_board", "baseBoard", "Entries of the base board such as C(manufacturer), C(product), C(serial), C(asset)."),
    _table("chassis", "chassis", "Entries of the chassis such as C(manufacturer), C(version), C(serial), C(asset), C(sku)."),
    kvm("oem_strings", "list", later("sysinfo/oemStrings", "oem_strings"), "OEM strings in order.", take_back="delete"),
))

LAUNCH_SECURITY = kvm("launch_security", "one", Thing("launchSecurity", rule=Rule(live=False,
                                                                                  reason="launch security is fixed when the guest starts")),
                      "Memory encryption that protects the guest from its host. A bare word is short for its type.", short="type",
                      take_back="delete", options=(
    kvm("type", "str", later("@type"), "Technology.", choices=("sev", "sev-snp", "s390-pv", "tdx"), required=True, take_back="keep"),
    kvm("policy", "hex", later("policy", "hex"), "Policy of the guest owner as a hexadecimal number such as V(0x0003).", take_back="keep"),
    kvm("cbitpos", "int", later("cbitpos", "int"), "Position of the encryption bit. The host's own when nothing is declared.",
        take_back="keep"),
    kvm("reduced_phys_bits", "int", later("reducedPhysBits", "int"),
        "Bits of physical addresses that encryption takes. The host's own when nothing is declared.", take_back="keep"),
    kvm("kernel_hashes", "bool", later("@kernelHashes", "yesno"), "Whether a kernel that is booted directly is measured."),
    kvm("dh_cert", "str", later("dhCert"), "Diffie-Hellman certificate of the guest owner.", take_back="keep"),
    kvm("session", "str", later("session"), "Session blob of the guest owner.", take_back="keep"),
))

_LABELS = Rule(live=False, reason="security labels are fixed when the guest starts", assumed=True)
SECURITY_LABELS = kvm("security_labels", "items", Thing("seclabel", names=("@model",), rule=_LABELS),
                      "How the host confines the guest (sVirt), by model. Dynamic labels are chosen at each start.", key="model",
                      take_back="delete", options=(
    kvm("model", "str", later("@model"), "Security model.", choices=("selinux", "apparmor", "dac", "none"), required=True),
    kvm("type", "str", later("@type", default="dynamic"), "V(none) switches it off.", choices=("dynamic", "static", "none"),
        take_back="keep"),
    kvm("relabel", "bool", later("@relabel", "yesno", assumed=True), "Whether its disks are labelled.", take_back="keep"),
    kvm("label", "str", later("label", assumed=True),
        "Label of a V(static) guest, such as V(system_u:system_r:svirt_t:s0:c392,c662) or V(+64055:+108).", take_back="keep"),
    kvm("base_label", "str", later("baselabel", assumed=True), "What a V(dynamic) label is made from.", take_back="keep"),
))

# What QEMU can do of what libvirt knows (qemuValidateLifecycleAction).
_ACTIONS = ("destroy", "restart")
LIFECYCLE = kvm("lifecycle", "dict", None, "What becomes of the guest at certain events.", options=(
    kvm("poweroff", "str", live("on_poweroff", "set_lifecycle", default="destroy"), "When it powers off.", choices=_ACTIONS),
    kvm("reboot", "str", live("on_reboot", "set_lifecycle", default="restart"), "When it reboots.", choices=_ACTIONS),
    kvm("crash", "str", live("on_crash", "set_lifecycle", default="destroy"), "When it crashes.",
        choices=_ACTIONS + ("preserve", "coredump-destroy", "coredump-restart")),
    kvm("lock_failure", "str", later("on_lockfailure"), "When it loses the lock of a disk.", choices=("poweroff", "restart",
        "pause", "ignore")),
))

POWER_MANAGEMENT = kvm("power_management", "dict", None, "Whether the guest can put itself to sleep.", options=(
    kvm("suspend_to_mem", "bool", later("pm/suspend-to-mem/@enabled", "yesno"), "Sleep with its memory powered."),
    kvm("suspend_to_disk", "bool", later("pm/suspend-to-disk/@enabled", "yesno"), "Sleep with its memory on disk."),
))

PARTITION = kvm("resource_partition", "str", later("resource/partition", assumed=True),
                "cgroup partition of the host that the guest runs in, such as V(/machine/prod).")
IO_WEIGHT = kvm("io_weight", "int", live("blkiotune/weight", "set_io_weight", "int", unless=no_weight),
                "Weight of the guest's disk requests against other guests, 10 to 1000.", minimum=10, maximum=1000)


def same_xml(want: Any, have: Any) -> bool:
    """A fragment holds when the document says all of it, and nothing any more of what only an earlier one said."""
    if hasattr(want, "holds"):
        return bool(want == have)
    return have is None and want is None or (have is not None and bool(have.holds(want)))


def shown_xml(value: Any, other: Any) -> Any:
    """A document is told by the places that differ, and so is a fragment beside one."""
    if hasattr(value, "told"):
        return value.told(other)
    return (other.differing(value)[1] or value) if value is not None and hasattr(other, "differing") else value


XML = kvm("xml", "xml", Row("", "fragment", Rule(live=False, reason="it is given as XML, which is read when the guest starts",
                                                 same=same_xml,
                                                 shown=shown_xml)),
          "A piece of domain XML, merged over all other options: elements are told apart as libvirt does (disks by target, NICs by MAC, controllers"
          " by type and index, others by their name), and attributes and text are compared by meaning. For what no option has. In the result of an"
          " info module it holds everything of the guest that the options do not say.", take_back="delete",
          example="<domain><features><kvm><poll-control state='on'/></kvm></features></domain>")
