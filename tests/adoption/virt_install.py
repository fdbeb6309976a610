#!/usr/bin/python3
# Copyright: (c) 2026, flotilla.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Makes virt_install.xml.gz: what Debian's virt-install prints for hundreds of combinations of its options.

Runs with the system's own Python, which has virtinst, and asks a libvirt for its capabilities:

    tests/tools/sandbox.py /usr/bin/python3 tests/adoption/virt_install.py

Needs the Debian package virtinst. The result is committed, so that the tests need neither. Each axis is a list of arguments;
every value of every axis is used, each beside ever other values of the others (a fixed walk, no chance).
"""

from __future__ import annotations

import contextlib
import gzip
import io
import re
import subprocess
import sys
from pathlib import Path
from typing import Iterator

sys.path.insert(0, "/usr/share/virt-manager")

TARGET = Path(__file__).with_name("virt_install.xml.gz")
COMMON = "--connect qemu:///system --virt-type qemu --import --print-xml 1 --check all=off"
AXES: dict[str, list[str]] = {
    "machine": ["--machine q35", "--machine pc", "--arch i686 --machine pc", "--machine pc-q35-6.2", "--machine pc-i440fx-7.2"],
    "osinfo": ["--osinfo debian11", "--osinfo win10", "--osinfo detect=off,require=off", "--osinfo freebsd13.1", "--osinfo fedora36", "--osinfo win2k22",
               "--osinfo rhel9.0", "--osinfo ubuntu22.04", "--osinfo solaris11", "--osinfo macosx10.7", "--osinfo win7", "--osinfo openbsd7.0", "--osinfo generic"],
    "memory": ["--memory 1024", "--memory memory=1024,currentMemory=512", "--memory memory=2048,maxmemory=4096", "--memory 1025", "--memory memory=1024,maxMemory.slots=8,maxMemory=8388608 --cpu qemu64,cell0.id=0,cell0.cpus=0-1,cell0.memory=1048576 --vcpus 2",
               "--memory 1024 --memorybacking hugepages=yes", "--memory 1024 --memorybacking locked=yes,nosharepages=yes",
               "--memory 1024 --memorybacking source.type=memfd,access.mode=shared", "--memory 1024 --memorybacking allocation.mode=immediate,discard=yes",
               "--memory 1024 --memorybacking hugepages.page0.size=2048,hugepages.page0.unit=KiB",
               "--memory 1024 --memtune hard_limit=4194304,soft_limit=2097152,swap_hard_limit=8388608,min_guarantee=0"],
    "vcpus": ["--vcpus 2", "--vcpus 4,maxvcpus=8", "--vcpus 8,sockets=2,cores=2,threads=2", "--vcpus 2,cpuset=0-1", "--vcpus vcpu.placement=static,vcpus=3",
              "--vcpus 4,sockets=1,dies=2,cores=2,threads=1", "--vcpus 2 --iothreads 2", "--vcpus 2 --cputune vcpupin0.vcpu=0,vcpupin0.cpuset=0,emulatorpin.cpuset=1,shares=2048,period=100000,quota=50000",
              "--vcpus 2 --iothreads iothreads=2,iothreadids.iothread0.id=1,iothreadids.iothread1.id=7",
              "--vcpus 2 --cputune global_period=100000,global_quota=90000,emulator_period=50000,emulator_quota=-1,iothread_period=1000,iothread_quota=1000"],
    "cpu": ["", "--cpu host-model", "--cpu host-passthrough", "--cpu qemu64", "--cpu EPYC,+x2apic,-svm", "--cpu Skylake-Client-IBRS,disable=hle", "--cpu host-passthrough,cache.mode=passthrough",
            "--cpu mode=maximum", "--cpu Nehalem,match=strict,check=full", "--cpu Haswell-noTSX,vendor=Intel,require=vmx,optional=md-clear",
            "--cpu host-model,model.fallback=forbid"],
    "numa": ["", "", "", "--numatune nodeset=0,mode=preferred", "--numatune 0", "--numatune memory.mode=interleave,memory.nodeset=0"],
    "disk": ["--disk none", "--disk path=/var/lib/libvirt/images/a.qcow2,format=qcow2,bus=virtio", "--disk path=/var/lib/libvirt/images/a.raw,format=raw,bus=sata,cache=none,io=native,discard=unmap",
             "--disk path=/var/lib/libvirt/images/a.raw,format=raw,bus=scsi,serial=ABC123 --controller scsi,model=virtio-scsi", "--disk path=/var/lib/libvirt/images/a.raw,format=raw,bus=usb,removable=on",
             "--disk path=/var/lib/libvirt/images/a.qcow2,bus=virtio,cache=writeback,detect_zeroes=unmap,boot.order=1 --disk path=/var/lib/libvirt/images/b.qcow2,bus=virtio,readonly=on,shareable=on",
             "--disk path=/var/lib/libvirt/images/a.raw,format=raw,bus=ide --disk device=cdrom,bus=ide --machine pc", "--disk device=cdrom,path=/var/lib/libvirt/images/c.iso --disk device=floppy",
             "--disk path=/dev/null,format=raw,bus=virtio,driver.iothread=1 --iothreads 1", "--disk vol=fast/v1.qcow2,bus=virtio",
             "--disk source.protocol=rbd,source.name=pool/image,source.host0.name=mon1,source.host0.port=6789,bus=virtio,type=network,driver.type=raw",
             "--disk source.protocol=nbd,source.host0.name=10.0.0.1,source.host0.port=10809,source.name=export,type=network,bus=virtio",
             "--disk source.protocol=iscsi,source.name=iqn.2026-01.com.example:a/1,source.host0.name=10.0.0.5,source.host0.port=3260,type=network,bus=scsi",
             "--disk path=/var/lib/libvirt/images/a.qcow2,iotune.total_iops_sec=1000,iotune.read_bytes_sec=1048576", "--disk path=/var/lib/libvirt/images/a.raw,bus=virtio,target.dev=vdf,address.type=pci,address.bus=0,address.slot=0x1c",
             "--disk path=/var/lib/libvirt/images/a.qcow2,bus=virtio,driver.error_policy=stop,driver.copy_on_read=on,xpath1.set=./driver/@queues,xpath1.value=2,xpath2.set=./driver/@packed,xpath2.value=on",
             "--disk path=/var/lib/libvirt/images/a.raw,bus=scsi,wwn=0x5000c50015ea71aa,xpath1.set=./vendor,xpath1.value=VEND,xpath2.set=./product,xpath2.value=PROD,geometry.cyls=16383,geometry.heads=16,geometry.secs=63",
             "--disk path=/var/lib/libvirt/images/a.raw,blockio.logical_block_size=4096,blockio.physical_block_size=4096,startup_policy=optional",
             "--disk source.protocol=https,source.name=d/debian.iso,source.host0.name=example.com,source.host0.port=443,type=network,device=cdrom,bus=sata",
             "--disk path=/var/lib/libvirt/images/a.raw,snapshot_policy=external,transient=yes,seclabel0.model=dac,seclabel0.relabel=no",
             "--disk size=1,backing_store=/var/lib/libvirt/images/a.qcow2,path=/var/lib/libvirt/images/n.qcow2"],
    "network": ["--network none", "--network default", "--network bridge=br0,model=virtio", "--network user", "--network default,model=e1000e,mac=52:54:00:aa:bb:cc", "--network type=direct,source=eth0,source.mode=bridge",
                "--network bridge=br0,virtualport.type=openvswitch,xpath1.set=./vlan/@trunk,xpath1.value=yes,xpath2.set=./vlan/tag/@id,xpath2.value=42", "--network default,driver.name=vhost,driver.queues=4,mtu.size=9000",
                "--network default,filterref.filter=clean-traffic,link.state=down --network default", "--network network=default,boot.order=2,rom.bar=off,target.dev=tap7",
                "--network type=vhostuser,source.type=unix,source.path=/run/vhost.sock,source.mode=client --memorybacking source.type=memfd,access.mode=shared",
                "--network network=default,portgroup=eng,trustGuestRxFilters=yes", "--network default,model=rtl8139,xpath1.set=./bandwidth/inbound/@average,xpath1.value=1000"],
    "graphics": ["--graphics none", "--graphics vnc", "--graphics spice", "--graphics vnc,listen=0.0.0.0,port=5901,keymap=de", "--graphics spice,gl=on,listen=none", "--graphics vnc,listen=socket", "--graphics sdl",
                 "--graphics vnc,password=geheim", "--graphics spice --graphics vnc", "--graphics egl-headless", "--graphics spice,image.compression=off,mouse.mode=client,clipboard.copypaste=no,filetransfer.enable=no"],
    "video": ["", "--video virtio", "--video qxl", "--video vga", "--video cirrus", "--video bochs", "--video none", "--video virtio,model.acceleration.accel3d=yes", "--video model.type=qxl,model.vgamem=32768,model.heads=1 --video qxl"],
    "sound": ["", "--sound ich9", "--sound ac97", "--sound none", "--sound model=ich6,codec0.type=micro --sound usb"],
    "tpm": ["", "", "--tpm none", "--tpm emulator,model=tpm-crb,version=2.0", "--tpm emulator,model=tpm-tis", "--tpm /dev/tpm0"],
    "watchdog": ["", "--watchdog i6300esb,action=reset", "--watchdog default", "--watchdog ib700,action=poweroff"],
    "panic": ["", "--panic default", "--panic isa --panic hyperv", "--panic none"],
    "rng": ["", "--rng /dev/urandom", "--rng none", "--rng builtin", "--rng device=/dev/random,rate.bytes=1234,rate.period=1000", "--rng backend.type=udp,backend.source.host=127.0.0.1,backend.source.service=708,backend.source.mode=connect,backend.model=egd,backend.protocol.type=raw"],
    "vsock": ["", "--vsock cid.auto=yes", "--vsock cid=77"],
    "filesystem": ["", "", "--filesystem /srv,share", "--filesystem source=/srv,target=tag,accessmode=passthrough,driver.type=virtiofs --memorybacking source.type=memfd,access.mode=shared", "--filesystem /srv,ro,readonly=on,accessmode=mapped"],
    "hostdev": ["", "", "--hostdev type=usb,xpath1.set=./source/vendor/@id,xpath1.value=0x0451,xpath2.set=./source/product/@id,xpath2.value=0x1234", "--hostdev type=pci,xpath3.set=./@managed,xpath3.value=yes,xpath1.set=./source/address/@bus,xpath1.value=3,xpath2.set=./source/address/@slot,xpath2.value=0", "--hostdev type=usb,xpath1.set=./source/vendor/@id,xpath1.value=0x046d,xpath2.set=./source/product/@id,xpath2.value=0xc52b --redirdev usb,type=spicevmc --graphics spice"],
    "channel": ["", "--channel unix,target.type=virtio,target.name=org.qemu.guest_agent.0", "--channel spicevmc --graphics spice", "--channel pty,target.type=virtio,target.name=com.example.x", "--channel unix,source.path=/tmp/ch,source.mode=bind,target.type=virtio,target.name=foo.1",
                "--channel pty,target.type=guestfwd,target.address=10.0.2.5,target.port=4600"],
    "serial": ["", "--serial pty", "--serial none --console none", "--serial file,path=/tmp/serial.log", "--serial tcp,host=127.0.0.1:4444,mode=bind,protocol=telnet", "--serial unix,path=/tmp/foo.sock --serial pty", "--console pty,target_type=virtio",
               "--serial udp,host=127.0.0.1:4444,bind_host=127.0.0.1:4445", "--parallel pty", "--serial pty,log.file=/tmp/log,log.append=on", "--serial dev,path=/dev/ttyS0 --serial pty,target.port=3"],
    "controller": ["", "", "--controller usb,model=qemu-xhci", "--controller usb3", "--controller type=virtio-serial,vectors=4,xpath1.set=./@ports,xpath1.value=16", "--controller scsi,model=virtio-scsi,driver.queues=4", "--controller type=sata,index=1", "--controller usb,model=none",
                   "--controller scsi,model=lsilogic", "--controller type=ccid"],
    "input": ["", "--input tablet,bus=usb", "--input keyboard,bus=virtio --input mouse,bus=virtio", "--input type=evdev,source.dev=/dev/input/event1,source.grab=all,source.repeat=on", "--input tablet,bus=usb --input tablet,bus=usb"],
    "memballoon": ["", "--memballoon none", "--memballoon virtio,autodeflate=on,stats.period=5", "--memballoon model=virtio,freePageReporting=on"],
    "features": ["", "--features acpi=on,apic=on,pae=on", "--features hyperv.relaxed.state=on,hyperv.vapic.state=on,hyperv.spinlocks.state=on,hyperv.spinlocks.retries=8191", "--features kvm.hidden.state=on,vmport.state=off,pmu.state=off",
                 "--features smm.state=on,ioapic.driver=qemu", "--features hyperv.synic.state=on,hyperv.reset.state=on,xpath1.set=./hyperv/vendor_id/@state,xpath1.value=on,xpath2.set=./hyperv/vendor_id/@value,xpath2.value=KVM", "--features pvspinlock.state=on,vmcoreinfo.state=on,eoi=on"],
    "clock": ["", "--clock offset=localtime", "--clock offset=utc,rtc_tickpolicy=delay,hpet_present=yes", "--clock offset=timezone,xpath1.set=./@timezone,xpath1.value=Europe/Berlin", "--clock offset=utc,timer0.name=tsc,timer0.frequency=2000000000,timer0.mode=native", "--clock offset=utc,timer0.name=rtc,timer0.track=wall,timer0.tickpolicy=catchup"],
    "boot": ["", "--boot hd,cdrom,network,menu=on,useserial=on", "--boot uefi", "--boot kernel=/boot/vmlinuz,initrd=/boot/initrd.img,cmdline=console=ttyS0", "--boot firmware=efi,firmware.feature0.name=secure-boot,firmware.feature0.enabled=no",
             "--boot loader=/usr/share/OVMF/OVMF_CODE.fd,loader.readonly=yes,loader.type=pflash,nvram.template=/usr/share/OVMF/OVMF_VARS.fd,loader_secure=no", "--boot network,bootmenu.enable=yes,bootmenu.timeout=3000,rebootTimeout=500", "--boot smbios.mode=host", "--boot fd,hd"],
    "sysinfo": ["", "", "--sysinfo host", "--sysinfo bios.vendor=Acme,bios.version=1.2,system.manufacturer=M,system.product=P,system.serial=S,baseBoard.asset=A,chassis.serial=C", "--sysinfo type=fwcfg", "--sysinfo oemStrings.entry0=one,oemStrings.entry1=two"],
    "misc": ["", "--events on_poweroff=destroy,on_reboot=destroy,on_crash=preserve,on_lockfailure=pause", "--pm suspend_to_mem.enabled=no,suspend_to_disk.enabled=yes", "--resource partition=/machine/prod", "--seclabel type=none,model=dac",
             "--seclabel type=static,model=dac,label=+64055:+64055,relabel=yes", "--metadata title=Titel,description=Beschreibung", "--blkiotune weight=500", "--qemu-commandline=-no-reboot", "--qemu-commandline='-device virtio-gpu-pci,id=x' --qemu-commandline='env=FOO=bar'",
             "--metadata uuid=12345678-1234-1234-1234-123456789abc", "--smartcard passthrough,type=spicevmc --graphics spice", "--iommu model=intel,driver.intremap=on,driver.caching_mode=on --features ioapic.driver=qemu", "--shmem name=s0,model.type=ivshmem-plain,size=4,size.unit=M",
             "--memdev model=dimm,target.size=128,target.node=0 --memory memory=1024,maxMemory.slots=8,maxMemory=8388608 --cpu qemu64,cell0.id=0,cell0.cpus=0-1,cell0.memory=1048576 --vcpus 2", "--audio id=1,type=none", "--video none --graphics none --audio id=1,type=pulseaudio", "--events on_reboot=restart", "--keywrap cipher0.name=aes,cipher0.state=on", "--cpu qemu64,cell0.id=0,cell0.cpus=0-1,cell0.memory=1048576 --memory 1024 --vcpus 2"],
}


def combinations(count: int = 235) -> Iterator[list[str]]:
    """Command lines: in each, every axis takes the next of its values, by a step of its own so that pairs differ."""
    for number in range(count):
        words = [COMMON, "--name guest"]
        for place, values in enumerate(AXES.values()):
            step = 1 + (number // len(values)) * (place % 3)
            # The first rounds vary one axis against a plain guest; the later ones all at once.
            words.append(values[(number * 1 + step + place) % len(values)] if number % 2 or place in (0, 1, 2, 6, 7, number % len(AXES)) else "")
        yield [word for word in words if word]


def run(words: list[str]) -> str:
    """What virt-install prints; empty where it refuses."""
    import shlex

    from virtinst import virtinstall  # type: ignore[import-not-found]
    out, errors = io.StringIO(), io.StringIO()
    sys.argv = ["virt-install"] + shlex.split(" ".join(words))
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(errors):
        try:
            virtinstall.main()
        except (SystemExit, ValueError, RuntimeError):
            return ""
    return out.getvalue()


def prepare() -> None:
    """What the command lines name: a pool with a volume, and the folder of images."""
    import libvirt

    for folder in ("/var/lib/libvirt/images", "/var/lib/libvirt/fast"):
        Path(folder).mkdir(parents=True, exist_ok=True)
    for name in ("a.qcow2", "b.qcow2", "a.raw", "c.iso"):
        subprocess.run(["qemu-img", "create", "-q", "-f", "qcow2" if name.endswith("qcow2") else "raw", "/var/lib/libvirt/images/" + name, "1M"], check=True)
    connection = libvirt.open("qemu:///system")
    pool = connection.storagePoolDefineXML("<pool type='dir'><name>fast</name><target><path>/var/lib/libvirt/fast</path></target></pool>")
    pool.create()
    pool.createXML("<volume><name>v1.qcow2</name><capacity unit='MiB'>1</capacity><target><format type='qcow2'/></target></volume>")


def main() -> None:
    """Writes the fixture."""
    prepare()
    seen: list[str] = []
    for words in combinations():
        text = run(words)
        match = re.search(r"<domain.*?</domain>", text, re.S)
        if match is None:
            continue
        body = re.sub(r"\n\s*", "", match.group(0))
        body = re.sub(r"<uuid>.*?</uuid>", "", body)
        if body not in seen:
            seen.append(body)
    TARGET.write_bytes(gzip.compress("\n".join(seen).encode("utf-8"), 9, mtime=0))
    print("%d documents" % len(seen))


if __name__ == "__main__":
    main()
