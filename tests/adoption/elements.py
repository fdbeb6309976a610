# Copyright: (c) 2026, flotilla.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The elements of libvirt's domain format, each with what it takes to stand in a document.

A piece is XML for one place: `/` is the domain, `devices` its devices, `os`, `features`, `clock` and so on the element of that
name. Documents are made of one piece each, and of many drawn together.
"""

from __future__ import annotations

from typing import Iterator, NamedTuple, Sequence
from xml.etree.ElementTree import Element, SubElement, fromstring

from ansible_collections.flotilla.virt.plugins.module_utils._libvirt import xmltree

NAMESPACES = "xmlns:qemu='http://libvirt.org/schemas/domain/qemu/1.0' xmlns:t='http://example.com/tool'"


class Piece(NamedTuple):
    """One element. `group`: of those in one group a document has at most one. `machine`: where it needs one."""

    place: str
    xml: str
    group: str = ""
    machine: str = ""


def _many(place: str, *texts: str, group: str = "", machine: str = "") -> list[Piece]:
    return [Piece(place, text, group, machine) for text in texts]




def _disk(kind: str, driver: str, target: str, bus: str, more: str = "") -> str:
    return ("<disk type='file' device='disk'><driver name='qemu' type='%s' %s/><source file='/srv/%s.img'/><target dev='%s' bus='%s'/>%s</disk>"
            % (kind, driver, target, target, bus, more))


PIECES: list[Piece] = [
    *_many("/", "<title>A title</title>", group="title"),
    *_many("/", "<description>Several\nlines &amp; signs</description>", group="description"),
    *_many("/", "<genid>43dc0cf8-809b-4adb-9bea-a9abb5f3d90e</genid>", "<genid/>", group="genid"),
    *_many("/", "<metadata><t:a t:x='1'>text<t:b/></t:a></metadata>",
           "<metadata><t:list><t:one/><t:one n='2'/></t:list><o:other xmlns:o='urn:other'>5</o:other></metadata>", group="metadata"),
    *_many("/", "<memory unit='GiB'>2</memory><currentMemory unit='MB'>1000</currentMemory>", "<memory unit='KiB'>1048577</memory>",
           "<memory unit='MiB' dumpCore='off'>512</memory>", "<memory unit='b'>1073741824</memory><currentMemory unit='MiB'>256</currentMemory>", group="memory"),
    *_many("/", "<memoryBacking><hugepages/></memoryBacking>", "<memoryBacking><hugepages><page size='2' unit='M'/></hugepages></memoryBacking>",
           "<memoryBacking><nosharepages/><locked/></memoryBacking>", "<memoryBacking><source type='file'/><access mode='shared'/><allocation mode='ondemand'/></memoryBacking>",
           "<memoryBacking><source type='memfd'/><access mode='private'/><allocation mode='immediate' threads='4'/><discard/></memoryBacking>", group="backing"),
    *_many("/", "<memtune><hard_limit unit='G'>4</hard_limit><soft_limit unit='M'>128</soft_limit><swap_hard_limit unit='G'>8</swap_hard_limit></memtune>", group="memtune"),
    *_many("/", "<blkiotune><weight>800</weight></blkiotune>",
           "<blkiotune><weight>500</weight><device><path>/dev/sda</path><weight>300</weight><read_bytes_sec>10000</read_bytes_sec></device>"
           "<device><path>/dev/sdb</path><write_iops_sec>20</write_iops_sec></device></blkiotune>", group="blkiotune"),
    *_many("/", "<vcpu>4</vcpu>", "<vcpu placement='static' cpuset='0-1,^1' current='1'>2</vcpu>", "<vcpu placement='auto'>2</vcpu>", "<vcpu current='2'>4</vcpu>",
           "<vcpu current='2'>3</vcpu><vcpus><vcpu id='0' enabled='yes' hotpluggable='no' order='1'/><vcpu id='1' enabled='no' hotpluggable='yes'/>"
           "<vcpu id='2' enabled='yes' hotpluggable='yes' order='2'/></vcpus>", group="vcpu"),
    *_many("/", "<iothreads>3</iothreads>", "<iothreads>2</iothreads><iothreadids><iothread id='2'/><iothread id='5'/></iothreadids>",
           "<iothreads>2</iothreads><iothreadids><iothread id='1' thread_pool_min='8' thread_pool_max='16'/><iothread id='2'/></iothreadids>"
           "<defaultiothread thread_pool_min='8' thread_pool_max='16'/>", group="iothreads"),
    *_many("/", "<cputune><shares>2048</shares><period>1000000</period><quota>-1</quota></cputune>", "<cputune><vcpupin vcpu='0' cpuset='0'/><emulatorpin cpuset='0-1'/></cputune>",
           "<cputune><global_period>100000</global_period><global_quota>150000</global_quota><emulator_period>100000</emulator_period><emulator_quota>-1</emulator_quota></cputune>",
           "<cputune><vcpusched vcpus='0' scheduler='fifo' priority='1'/><emulatorsched scheduler='idle'/></cputune>",
           "<iothreads>1</iothreads><cputune><iothreadpin iothread='1' cpuset='1'/><iothread_period>100000</iothread_period><iothread_quota>50000</iothread_quota>"
           "<iothreadsched iothreads='1' scheduler='batch'/></cputune>", group="iothreads"),
    *_many("/", "<numatune><memory mode='strict' nodeset='0'/></numatune>", "<numatune><memory mode='preferred' nodeset='0'/></numatune>", group="numatune"),
    *_many("/", "<vcpu>4</vcpu><memory unit='MiB'>1024</memory><cpu><numa><cell id='0' cpus='0-1' memory='512' unit='MiB'/><cell id='1' cpus='2-3' memory='524288' memAccess='shared' discard='yes'/></numa></cpu>"
           "<numatune><memory mode='strict' nodeset='0'/><memnode cellid='0' mode='strict' nodeset='0'/></numatune>",
           "<vcpu>4</vcpu><cpu mode='host-model'><topology sockets='2' dies='1' cores='2' threads='1'/><numa><cell id='0' cpus='0,2' memory='256' unit='MiB'><distances><sibling id='0' value='10'/>"
           "<sibling id='1' value='21'/></distances></cell><cell id='1' cpus='1,3' memory='256' unit='MiB'/></numa></cpu>",
           "<memory unit='MiB'>512</memory><cpu><numa><cell id='0' cpus='0' memory='512' unit='MiB'><cache level='1' associativity='direct' policy='writeback'><size value='10' unit='KiB'/><line value='8' unit='B'/></cache></cell></numa></cpu>",
           "<maxMemory slots='16' unit='GiB'>4</maxMemory><memory unit='GiB'>1</memory><cpu><numa><cell id='0' cpus='0' memory='1' unit='GiB'/></numa></cpu>",
           group="vcpu"),
    *_many("/", "<maxMemory slots='4' unit='GiB'>4</maxMemory><memory unit='MiB'>1280</memory><cpu><numa><cell id='0' cpus='0' memory='1' unit='GiB'/></numa></cpu><devices><memory model='dimm'><target><size unit='MiB'>128</size><node>0</node></target></memory>"
           "<memory model='dimm' discard='yes'><source><pagesize unit='KiB'>4</pagesize></source><target><size unit='MiB'>128</size><node>0</node></target></memory></devices>",
           "<maxMemory slots='4' unit='GiB'>4</maxMemory><memory unit='GiB'>1</memory><cpu><numa><cell id='0' cpus='0' memory='1' unit='GiB'/></numa></cpu><devices><memory model='virtio-mem'>"
           "<target><size unit='MiB'>1024</size><node>0</node><block unit='MiB'>2</block><requested unit='MiB'>512</requested></target></memory></devices>",
           "<maxMemory slots='4' unit='GiB'>4</maxMemory><memory unit='GiB'>1</memory><cpu><numa><cell id='0' cpus='0' memory='1' unit='GiB'/></numa></cpu><devices><memory model='nvdimm' access='shared'>"
           "<source><path>/srv/nvdimm</path></source><target><size unit='MiB'>256</size><node>0</node><label><size unit='KiB'>128</size></label></target></memory></devices>",
           "<maxMemory slots='4' unit='GiB'>4</maxMemory><memory unit='GiB'>1</memory><cpu><numa><cell id='0' cpus='0' memory='1' unit='GiB'/></numa></cpu><devices><memory model='virtio-pmem' access='shared'>"
           "<source><path>/srv/pmem</path></source><target><size unit='MiB'>256</size></target></memory></devices>", group="vcpu"),
    *_many("/", "<resource><partition>/machine/prod</partition></resource>", "<resource><fibrechannel appid='userapp'/></resource>", group="resource"),
    *_many("/", "<cpu mode='host-passthrough' check='none' migratable='off'><cache mode='passthrough'/></cpu>", "<cpu mode='maximum'/>", "<cpu mode='host-model'><feature policy='disable' name='vmx'/></cpu>",
           "<cpu match='exact'><model fallback='allow'>Haswell</model><vendor>Intel</vendor><feature policy='optional' name='pcid'/><feature policy='require' name='aes'/></cpu>",
           "<cpu mode='custom' match='minimum' check='full'><model>qemu64</model></cpu>", "<cpu mode='host-passthrough'><cache level='3' mode='emulate'/><maxphysaddr mode='emulate' bits='42'/></cpu>",
           "<cpu><topology sockets='1' cores='1' threads='1'/></cpu>", "<cpu mode='custom'><model vendor_id='KVMKVMKVM123'>EPYC-Rome</model></cpu>", group="vcpu"),
    *_many("os", "<boot dev='network'/><boot dev='hd'/><boot dev='cdrom'/>", "<boot dev='fd'/>", group="boot"),
    *_many("os", "<bootmenu enable='yes' timeout='3000'/>", group="bootmenu"), *_many("os", "<bios rebootTimeout='0'/>", group="bios"),
    *_many("os", "<kernel>/boot/k</kernel><initrd>/boot/i</initrd><cmdline>console=ttyS0 root=/dev/vda1  quiet</cmdline>", "<kernel>/boot/k</kernel><dtb>/boot/d</dtb>", group="kernel"),
    *_many("/", *("<os>%s</os><features><acpi/><smm state='on'/></features>" % firmware for firmware in (
        "<loader type='rom'>/usr/share/seabios/bios.bin</loader>", "<loader readonly='yes' type='pflash'>/usr/share/OVMF/OVMF_CODE.fd</loader><nvram>/srv/vars.fd</nvram>",
        "<loader readonly='yes' secure='yes' type='pflash'>/usr/share/OVMF/OVMF_CODE.secboot.fd</loader><nvram template='/usr/share/OVMF/OVMF_VARS.fd'>/srv/vars.fd</nvram>")),
           group="smm", machine="q35"),
    *_many("os", "<acpi><table type='slic'>/srv/slic</table></acpi>", group="acpi"),
    *_many("features", "<acpi/><apic/><pae/>", "<acpi/><apic eoi='on'/>", "<acpi/><viridian/>", group="acpi-apic"),
    *_many("features", "<hap/>", "<pvspinlock state='off'/>", "<vmport state='on'/>", "<pmu state='on'/>", "<vmcoreinfo state='on'/>", "<privnet/>", "<vmcoreinfo/>"),
    *_many("features", "<hyperv mode='passthrough'/>", "<hyperv><relaxed state='on'/><vapic state='off'/><spinlocks state='on' retries='8191'/><vpindex state='on'/><runtime state='on'/><synic state='on'/>"
           "<stimer state='on'><direct state='on'/></stimer><reset state='on'/><vendor_id state='on' value='KVM Hv'/><frequencies state='on'/><reenlightenment state='on'/><tlbflush state='on'/><ipi state='on'/>"
           "<evmcs state='on'/><avic state='on'/></hyperv>", "<hyperv><spinlocks state='off'/><vendor_id state='off'/><stimer state='off'/></hyperv>", group="hyperv"),
    *_many("features", "<kvm><hidden state='on'/><hint-dedicated state='on'/><poll-control state='on'/><pv-ipi state='off'/></kvm>", "<kvm><hidden state='off'/></kvm>",
           "<kvm><dirty-ring state='on' size='4096'/></kvm>", group="kvm"),
    *_many("features", "<tcg><tb-cache unit='MiB'>128</tb-cache></tcg>", group="tcg"), *_many("features", "<smm state='on'><tseg unit='MiB'>48</tseg></smm>", "<smm state='on'/>", "<smm state='off'/>", group="smm", machine="q35"),
    *_many("features", "<ioapic driver='qemu'/>", group="ioapic"), *_many("features", "<msrs unknown='ignore'/>"),
    *_many("/", "<clock offset='localtime'/>", "<clock offset='timezone' timezone='Europe/Berlin'/>", "<clock offset='variable' adjustment='123456' basis='utc'/>", "<clock offset='variable' adjustment='-3600' basis='localtime'/>",
           "<clock offset='utc' adjustment='reset'/>", "<clock offset='absolute' start='1234567890'/>", "<clock offset='utc'><timer name='rtc' track='guest' tickpolicy='catchup'><catchup threshold='123' slew='120' limit='10000'/></timer>"
           "<timer name='pit' tickpolicy='delay'/><timer name='hpet' present='yes'/><timer name='kvmclock' present='no'/><timer name='tsc' frequency='2000000000' mode='native'/><timer name='hypervclock' present='yes'/></clock>", group="clock"),
    *_many("/", "<on_poweroff>destroy</on_poweroff><on_reboot>destroy</on_reboot><on_crash>coredump-restart</on_crash>", "<on_lockfailure>poweroff</on_lockfailure>", group="on"),
    *_many("/", "<pm><suspend-to-mem enabled='no'/><suspend-to-disk enabled='yes'/></pm>", group="pm"), *_many("/", "<perf><event name='cmt' enabled='yes'/><event name='mbmt' enabled='no'/></perf>", group="perf"),
    *_many("/", "<sysinfo type='smbios'><bios><entry name='vendor'>V</entry></bios><system><entry name='manufacturer'>M</entry><entry name='serial'>S-1</entry></system><baseBoard><entry name='manufacturer'>A</entry></baseBoard>"
           "<baseBoard><entry name='manufacturer'>B</entry></baseBoard><chassis><entry name='asset'>C</entry></chassis><oemStrings><entry>a:b</entry><entry>c</entry></oemStrings></sysinfo><os><smbios mode='sysinfo'/></os>",
           "<sysinfo type='fwcfg'><entry name='opt/com.example/a'>val</entry><entry name='opt/com.example/b' file='/srv/b'/></sysinfo>", group="sysinfo"),
    *_many("/", "<seclabel type='dynamic' model='dac' relabel='yes'/>", "<seclabel type='none' model='dac'/>", "<seclabel type='static' model='dac' relabel='no'><label>+107:+107</label></seclabel>",
           "<seclabel type='none' model='apparmor'/><seclabel type='dynamic' model='dac'><baselabel>+64055:+64055</baselabel></seclabel>", group="seclabel"),
    *_many("/", "<keywrap><cipher name='aes' state='off'/></keywrap>", group="keywrap"),
    *_many("/", "<qemu:commandline><qemu:arg value='-global'/><qemu:arg value='PIIX4_PM.disable_s3=1'/><qemu:env name='A' value='b'/></qemu:commandline>",
           "<qemu:capabilities><qemu:add capability='blockdev'/><qemu:del capability='drive'/></qemu:capabilities>",
           "<qemu:commandline><qemu:arg value='-s'/><qemu:arg value='-s'/></qemu:commandline><qemu:override><qemu:device alias='sata0-0-0'><qemu:frontend><qemu:property name='x' type='signed' value='-1'/></qemu:frontend></qemu:device></qemu:override>", group="qemu"),
    *_many("/", "<launchSecurity type='sev'><policy>0x0003</policy><cbitpos>47</cbitpos><reducedPhysBits>1</reducedPhysBits></launchSecurity>", group="sev"),
    # -- disks
    *_many("devices", _disk("qcow2", "cache='none' io='native' discard='unmap' detect_zeroes='unmap'", "vda", "virtio", "<serial>S1</serial>"),
           _disk("raw", "error_policy='enospace' rerror_policy='stop' event_idx='off' ioeventfd='on' copy_on_read='on' queues='4' queue_size='256'", "vdb", "virtio", "<boot order='1' loadparm='2'/>"),
           _disk("raw", "", "vdq", "virtio", "<backenddomain name='x'/>"), _disk("qcow2", "", "hda", "ide", "<geometry cyls='16383' heads='16' secs='63' trans='lba'/>"),
           _disk("raw", "", "sdb", "sata", "<blockio logical_block_size='512' physical_block_size='4096'/>"),
           _disk("raw", "", "sdc", "scsi", "<wwn>5000c50015ea71aa</wwn><vendor>SEAGATE</vendor><product>ST3146707LC</product><address type='drive' controller='0' bus='0' target='0' unit='3'/>"),
           _disk("raw", "", "sdd", "usb", "<readonly/><shareable/>"), _disk("raw", "", "vdc", "virtio", "<iotune><total_bytes_sec>10000000</total_bytes_sec><read_iops_sec>400000</read_iops_sec>"
                                                                                 "<write_iops_sec>100000</write_iops_sec></iotune>"),
           _disk("raw", "", "vdd", "virtio", "<iotune><total_iops_sec>100</total_iops_sec><total_iops_sec_max>200</total_iops_sec_max><total_iops_sec_max_length>5</total_iops_sec_max_length><size_iops_sec>4096</size_iops_sec><group_name>g</group_name></iotune>"),
           _disk("qcow2", "", "vde", "virtio", "<backingStore type='file'><format type='raw'/><source file='/srv/base.img'/><backingStore/></backingStore>"),
           _disk("qcow2", "", "vdf", "virtio", "<backingStore/>"), _disk("raw", "", "vdg", "virtio", "<transient shareBacking='yes'/>"),
           _disk("raw", "iommu='on' ats='on' packed='on'", "vdh", "virtio", ""), _disk("qcow2", "", "vdi", "virtio", "<encryption format='luks'><secret type='passphrase' uuid='0a81f5b2-8403-7b23-c8d6-21ccc2f80d6f'/></encryption>"),
           "<disk type='block' device='disk'><driver name='qemu' type='raw'/><source dev='/dev/null'/><target dev='vdj' bus='virtio'/></disk>",
           "<disk type='block' device='lun' rawio='yes' sgio='filtered'><driver name='qemu' type='raw'/><source dev='/dev/sdx'><reservations managed='yes'/></source><target dev='sde' bus='scsi'/></disk>",
           "<disk type='volume' device='disk'><driver name='qemu' type='qcow2'/><source pool='fast' volume='v1.qcow2'/><target dev='vdk' bus='virtio'/></disk>",
           "<disk type='volume' device='disk'><driver name='qemu' type='raw'/><source pool='fast' volume='v2.raw' mode='host'/><target dev='vdl' bus='virtio'/></disk>",
           "<disk type='file' device='disk' snapshot='external'><driver name='qemu' type='raw'/><source file='/srv/s.img' startupPolicy='optional'><seclabel model='dac' relabel='no'/></source><target dev='vdm' bus='virtio'/></disk>",
           "<disk type='network' device='disk'><driver name='qemu' type='raw'/><auth username='admin'><secret type='ceph' uuid='0a81f5b2-8403-7b23-c8d6-21ccc2f80d6f'/></auth><source protocol='rbd' name='pool/image'>"
           "<host name='mon1' port='6789'/><host name='mon2' port='6789'/><snapshot name='snap'/><config file='/etc/ceph/x.conf'/></source><target dev='vdn' bus='virtio'/></disk>",
           "<disk type='network' device='disk'><driver name='qemu' type='raw'/><source protocol='iscsi' name='iqn.2013-07.com.example:iscsi-nopool/2'><host name='example.com' port='3260'/><auth username='u'><secret type='iscsi' usage='libvirtiscsi'/></auth>"
           "<initiator><iqn name='iqn.2013-07.com.example:client'/></initiator></source><target dev='vdo' bus='virtio'/></disk>",
           "<disk type='network' device='disk'><driver name='qemu' type='raw'/><source protocol='nbd' name='' tls='yes' tlsHostname='t'><host transport='unix' socket='/run/nbd.sock'/></source><target dev='vdp' bus='virtio'/></disk>",
           "<disk type='network' device='disk'><driver name='qemu' type='qcow2'/><source protocol='gluster' name='vol/img'><host name='g1' port='24007' transport='tcp'/></source><target dev='vdr' bus='virtio'/></disk>",
           "<disk type='network' device='disk'><driver name='qemu' type='raw'/><source protocol='nfs' name='/srv/a'><host name='h'/><identity user='u' group='g'/></source><target dev='vds' bus='virtio'/></disk>",
           "<disk type='network' device='disk'><driver name='qemu' type='raw'/><source protocol='https' name='a/b.img' query='x=1'><host name='h' port='8443'/><ssl verify='no'/><cookies><cookie name='c'>v</cookie></cookies><readahead size='65536'/><timeout seconds='6'/></source>"
           "<target dev='vdt' bus='virtio'/></disk>",
           "<disk type='nvme' device='disk'><driver name='qemu' type='raw'/><source type='pci' managed='yes' namespace='1'><address domain='0x0000' bus='0x01' slot='0x00' function='0x0'/></source><target dev='vdu' bus='virtio'/></disk>",
           "<disk type='dir' device='disk'><driver name='qemu' type='fat'/><source dir='/srv/d'/><target dev='vdw' bus='virtio'/><readonly/></disk>",
           "<disk type='file' device='disk'><driver name='qemu' type='vmdk'/><source file='/srv/a.vmdk'/><target dev='vdx' bus='virtio'/></disk>",
           "<disk type='file' device='disk' model='virtio-transitional'><driver name='qemu' type='raw'/><source file='/srv/a'><slices><slice type='storage' offset='12345' size='123'/></slices></source><target dev='vdy' bus='virtio'/></disk>",
           "<disk type='file' device='disk'><driver name='qemu' type='raw'/><source file='/srv/r'/><target dev='sdf' bus='usb' removable='on'/></disk>", "<disk type='file' device='disk'><source file='/srv/r'/><target dev='sdg' bus='scsi' rotation_rate='1'/></disk>",
           "<disk type='file' device='disk'><driver name='qemu' type='qcow2'><metadata_cache><max_size unit='bytes'>1234</max_size></metadata_cache></driver><source file='/srv/m'/><target dev='vdz' bus='virtio'/></disk>"),
    *_many("devices", "<disk type='file' device='cdrom'><target dev='hdc' bus='ide' tray='open'/><readonly/></disk>", "<disk type='block' device='cdrom'><driver name='qemu' type='raw'/><source dev='/dev/sr0'/><target dev='sdh' bus='sata'/><readonly/></disk>",
           "<disk type='file' device='cdrom'><driver name='qemu' type='raw'/><source file='/srv/c.iso' startupPolicy='requisite'/><target dev='sdi' bus='scsi'/><readonly/><boot order='3'/></disk>",
           "<disk type='network' device='cdrom'><driver name='qemu' type='raw'/><source protocol='http' name='url_path' query='foo=bar'><host name='hostname' port='80'/></source><target dev='sdj' bus='sata'/><readonly/></disk>",
           "<disk type='volume' device='cdrom'><driver name='qemu' type='raw'/><source pool='fast' volume='v2.raw'/><target dev='sdk' bus='usb'/></disk>",
           "<disk type='file' device='floppy'><driver name='qemu' type='raw'/><source file='/srv/f.img'/><target dev='fda' bus='fdc'/></disk>", "<disk type='file' device='floppy'><target dev='fdb'/></disk>"),
    # -- NICs
    *_many("devices", "<interface type='network'><source network='lan'/><mac address='52:54:00:00:00:01'/><model type='virtio'/></interface>", "<interface type='network'><source network='default' portgroup='p'/><mac address='52:54:00:00:00:02'/><target dev='vnet7'/></interface>",
           "<interface type='bridge'><source bridge='br0'/><mac address='52:54:00:00:00:03'/><model type='e1000'/><script path='/etc/qemu-ifup'/></interface>",
           "<interface type='bridge'><source bridge='ovs'/><mac address='52:54:00:00:00:04'/><virtualport type='openvswitch'><parameters profileid='menial' interfaceid='09b11c53-8b5c-4eeb-8f00-d84eaa0aaa4f'/></virtualport>"
           "<vlan trunk='yes'><tag id='42'/><tag id='123' nativeMode='untagged'/></vlan></interface>", "<interface type='user'><mac address='52:54:00:00:00:05'/><ip family='ipv4' address='172.17.2.0' prefix='24'/></interface>",
           "<interface type='ethernet'><mac address='52:54:00:00:00:06'/><target dev='tap0' managed='no'/><model type='virtio'/></interface>", "<interface type='direct' trustGuestRxFilters='yes'><source dev='eth0' mode='vepa'/><mac address='52:54:00:00:00:07'/></interface>",
           "<interface type='direct'><source dev='eth0.2' mode='vepa'/><mac address='52:54:00:00:00:08'/><virtualport type='802.1Qbg'><parameters managerid='11' typeid='1193047' typeidversion='2' instanceid='09b11c53-8b5c-4eeb-8f00-d84eaa0aaa4f'/></virtualport></interface>",
           "<interface type='hostdev' managed='yes'><driver name='vfio'/><source><address type='pci' domain='0x0000' bus='0x07' slot='0x10' function='0x2'/></source><mac address='52:54:00:00:00:09'/><vlan><tag id='42'/></vlan></interface>",
           "<interface type='udp'><mac address='52:54:00:00:00:0b'/><source address='127.0.0.1' port='11115'><local address='127.0.0.1' port='11116'/></source></interface>", "<interface type='mcast'><mac address='52:54:00:00:00:0c'/><source address='230.0.0.1' port='5558'/></interface>",
           "<interface type='server'><mac address='52:54:00:00:00:0d'/><source address='192.168.0.1' port='5558'/></interface>", "<interface type='client'><mac address='52:54:00:00:00:0e'/><source address='192.168.0.1' port='5558'/></interface>",
           "<interface type='internal'><mac address='52:54:00:00:00:0f'/><source name='x'/></interface>", "<interface type='vdpa'><mac address='52:54:00:00:00:10'/><source dev='/dev/vhost-vdpa-0'/></interface>",
           "<interface type='network'><source network='lan'/><mac address='52:54:00:00:00:11'/><model type='virtio'/><driver name='vhost' txmode='iothread' ioeventfd='on' event_idx='off' queues='5' rx_queue_size='256' tx_queue_size='256' rss='on'>"
           "<host csum='off' gso='off' tso4='off'/><guest csum='off' tso4='off'/></driver><backend tap='/dev/net/tun' vhost='/dev/vhost-net'/></interface>",
           "<interface type='network'><source network='lan'/><mac address='52:54:00:00:00:12'/><bandwidth><inbound average='1000' peak='5000' burst='1024'/><outbound average='128' peak='256' burst='256'/></bandwidth><link state='down'/><mtu size='1500'/></interface>",
           "<interface type='bridge'><source bridge='br0'/><mac address='52:54:00:00:00:13'/><filterref filter='clean-traffic'><parameter name='IP' value='10.0.0.1'/><parameter name='IP' value='10.0.0.2'/></filterref><port isolated='yes'/></interface>",
           "<interface type='network'><source network='lan'/><mac address='52:54:00:00:00:14'/><rom bar='on' file='/etc/fake/boot.bin'/><boot order='4'/><coalesce><rx><frames max='7'/></rx></coalesce><tune><sndbuf>1600</sndbuf></tune></interface>",
           "<interface type='network'><source network='lan'/><mac address='52:54:00:00:00:15' type='static' check='no'/><model type='virtio'/><teaming type='persistent'/><alias name='ua-backup0'/></interface>",
           "<interface type='network'><source network='lan'/><mac address='52:54:00:00:00:16'/><guest dev='myeth'/><acpi index='4'/></interface>"),
    # -- everything else
    *_many("devices", "<graphics type='vnc' port='5904' sharePolicy='allow-exclusive'><listen type='address' address='1.2.3.4'/></graphics>", "<graphics type='vnc' autoport='yes' websocket='-1' keymap='de' passwd='geheim' passwdValidTo='2030-01-01T00:00:00' connected='keep'/>",
           "<graphics type='vnc'><listen type='socket' socket='/tmp/vnc.sock'/></graphics>", "<graphics type='vnc'><listen type='network' network='lan'/></graphics>", "<graphics type='vnc' powerControl='yes' listen='127.0.0.1' port='-1' autoport='yes'/>", group="vnc"),
    *_many("devices", "<graphics type='spice' port='5901' autoport='no' defaultMode='insecure'><channel name='main' mode='any'/><channel name='record' mode='any'/><image compression='auto_glz'/><jpeg compression='auto'/><zlib compression='always'/><playback compression='off'/>"
           "<streaming mode='filter'/><mouse mode='client'/><clipboard copypaste='no'/><filetransfer enable='no'/></graphics>", "<graphics type='spice'><listen type='none'/><gl enable='yes' rendernode='/dev/dri/renderD128'/></graphics>",
           "<graphics type='spice' autoport='yes' passwd='geheim'/>", group="spice"),
    *_many("devices", "<graphics type='sdl' display=':0.0' xauth='/x' fullscreen='yes'/>", group="sdl"), *_many("devices", "<graphics type='egl-headless'><gl rendernode='/dev/dri/renderD128'/></graphics>", group="egl"),
    *_many("devices", "<graphics type='dbus' p2p='yes'/>", group="dbus"),
    *_many("devices", "<video><model type='qxl' ram='65536' vram='65536' vgamem='16384' heads='1' primary='yes'/></video><video><model type='qxl' ram='65536' vram='32768'/></video>", "<video><model type='virtio' heads='2'><acceleration accel3d='yes'/><resolution x='1280' y='800'/></model></video>",
           "<video><model type='vga' vram='16384'/></video>", "<video><model type='bochs'/></video>", "<video><model type='none'/></video>", "<video><model type='cirrus' vram='9216'/></video>", "<video><driver vgaconf='io'/><model type='vga'/></video>",
           "<video><model type='virtio' blob='on'/><driver name='qemu'/></video>", "<video><model type='ramfb'/></video>", group="video"),
    *_many("devices", "<sound model='ich9'><codec type='micro'/></sound>", "<sound model='ac97'/><sound model='sb16'/>", "<sound model='usb'/>", "<sound model='ich6'><audio id='1'/></sound><audio id='1' type='none'/>", "<sound model='es1370'/>", group="sound"),
    *_many("devices", "<audio id='1' type='alsa'><input mixingEngine='yes' dev='hw:0'/><output dev='hw:1'/></audio>", "<audio id='1' type='file' path='/srv/audio.wav'/>", "<audio id='1' type='sdl' timerPeriod='100'/>", group="sound"),
    *_many("devices", "<input type='tablet' bus='usb'/><input type='tablet' bus='usb'/>", "<input type='keyboard' bus='virtio'/>", "<input type='mouse' bus='usb' />", "<input type='passthrough' bus='virtio'><source evdev='/dev/input/event1'/></input>",
           "<input type='evdev'><source dev='/dev/input/event1234' grab='all' grabToggle='ctrl-ctrl' repeat='on'/></input><input type='evdev'><source dev='/dev/input/event5'/></input>", "<input type='mouse' bus='virtio' model='virtio'/>", group="input"),
    *_many("devices", "<rng model='virtio'><rate period='2000' bytes='1234'/><backend model='random'>/dev/random</backend></rng><rng model='virtio'><backend model='builtin'/></rng>",
           "<rng model='virtio'><backend model='egd' type='udp'><source mode='bind' service='1234'/><source mode='connect' host='1.2.3.4' service='1234'/></backend></rng>", "<rng model='virtio-non-transitional'><backend model='random'>/dev/urandom</backend></rng>", group="rng"),
    *_many("devices", "<watchdog model='i6300esb' action='poweroff'/>", "<watchdog model='ib700'/>", group="watchdog"), *_many("devices", "<panic model='isa'><address type='isa' iobase='0x505'/></panic>", "<panic model='hyperv'/>", "<panic model='isa'/><panic model='hyperv'/>", "<panic/>", group="panic"),
    *_many("devices", "<memballoon model='virtio' autodeflate='on' freePageReporting='on'><stats period='10'/><driver iommu='on' ats='on'/></memballoon>", "<memballoon model='none'/>", "<memballoon model='virtio-transitional'/>", group="balloon"),
    *_many("devices", "<tpm model='tpm-tis'><backend type='passthrough'><device path='/dev/tpm0'/></backend></tpm>", "<tpm model='tpm-crb'><backend type='emulator' version='2.0' persistent_state='yes'><encryption secret='6dd3e4a5-1d76-44ce-961f-f119f5aad935'/><active_pcr_banks><sha256/></active_pcr_banks></backend></tpm>",
           "<tpm model='tpm-crb'><backend type='external'><source type='unix' mode='connect' path='/tmp/path.sock'/></backend></tpm>", "<tpm><backend type='emulator'/></tpm>", group="tpm"),
    *_many("devices", "<vsock model='virtio'><cid auto='no' address='3'/></vsock>", "<vsock><cid auto='yes'/></vsock>", "<vsock model='virtio-non-transitional'><cid auto='yes' address='7'/></vsock>", group="vsock"),
    *_many("devices", "<filesystem type='mount' accessmode='mapped' fmode='740' dmode='750'><driver type='path' wrpolicy='immediate'/><source dir='/export/a'/><target dir='a'/><readonly/></filesystem>",
           "<filesystem type='mount' multidevs='remap'><source dir='/export/b'/><target dir='b'/></filesystem>", "<filesystem type='mount' model='virtio-transitional'><source dir='/export/c'/><target dir='c'/></filesystem>"),
    *_many("devices", "<hostdev mode='subsystem' type='usb'><source startupPolicy='optional' guestReset='off'><vendor id='0x1234'/><product id='0xbeef'/></source></hostdev>", "<hostdev mode='subsystem' type='usb' managed='no'><source><address bus='3' device='4'/></source><boot order='9'/></hostdev>",
           "<hostdev mode='subsystem' type='pci' managed='yes'><driver name='vfio'/><source><address domain='0x0000' bus='0x06' slot='0x02' function='0x0'/></source><rom bar='off' file='/etc/rom'/></hostdev>",
           "<hostdev mode='subsystem' type='pci' managed='no'><source><address domain='0x0000' bus='0x06' slot='0x03' function='0x1'/></source></hostdev>",
           "<hostdev mode='subsystem' type='scsi' sgio='filtered'><source><adapter name='scsi_host0'/><address bus='0' target='0' unit='0'/></source><readonly/></hostdev>", "<hostdev mode='subsystem' type='scsi'><source protocol='iscsi' name='iqn.2014-08.com.example:a/1'><host name='example.com' port='3260'/></source></hostdev>",
           "<hostdev mode='subsystem' type='scsi_host'><source protocol='vhost' wwpn='naa.50014057667280d8'/></hostdev>", "<hostdev mode='subsystem' type='mdev' model='vfio-pci' display='off'><source><address uuid='c2177883-f1bb-47f0-914d-32a22e3a8804'/></source></hostdev>"),
    *_many("devices", "<channel type='pty'><target type='virtio' name='a.b.0'/></channel>", "<channel type='unix'><source mode='bind' path='/tmp/guestfwd'/><target type='guestfwd' address='10.0.2.1' port='4600'/></channel><channel type='unix'><source mode='bind' path='/tmp/guestfwd2'/><target type='guestfwd' address='10.0.2.2' port='4600'/></channel>",
           "<channel type='unix'><source mode='bind'/><target type='virtio' name='org.qemu.guest_agent.0'/></channel>", "<channel type='unix'><source mode='connect' path='/tmp/c'><reconnect enabled='yes' timeout='5'/></source><target type='virtio' name='c.d.1'/></channel>",
           "<channel type='tcp'><source mode='connect' host='127.0.0.1' service='2445'/><protocol type='telnet'/><target type='virtio' name='e.f.2'/></channel>", "<channel type='qemu-vdagent'><source><clipboard copypaste='yes'/><mouse mode='client'/></source><target type='virtio' name='com.redhat.spice.0'/></channel>",
           "<channel type='file'><source path='/srv/ch' append='on'/><target type='virtio'/></channel>", "<channel type='dbus'><source channel='org.qemu.x'/><target type='virtio' name='org.qemu.x'/></channel>",
           "<channel type='null'><target type='virtio' name='n.n'/><address type='virtio-serial' controller='0' bus='0' port='5'/></channel>"),
    *_many("devices", "<serial type='pty'><target type='isa-serial' port='0'><model name='isa-serial'/></target></serial>", "<serial type='file'><source path='/tmp/file' append='off'/><target port='0'/></serial><console type='pty'><target type='virtio'/></console>",
           "<serial type='tcp'><source mode='bind' host='127.0.0.1' service='2445' tls='no'/><protocol type='raw'/><target port='0'/></serial>", "<serial type='udp'><source mode='bind' host='0.0.0.0' service='2445'/><source mode='connect' host='1.1.1.1' service='2445'/><target port='0'/></serial>",
           "<serial type='pty'><target port='0'/></serial><serial type='unix'><source mode='bind' path='/tmp/s'/><target port='1'/></serial>", "<serial type='pty'><log file='/var/log/x.log' append='on'/><target type='usb-serial' port='0'/></serial>", "<serial type='nmdm'><source master='/a' slave='/b'/></serial>",
           "<serial type='pty'><target type='pci-serial' port='0'><model name='pci-serial'/></target></serial>", "<serial type='stdio'/>", "<serial type='vc'/>", "<serial type='null'/>", "<serial type='dev'><source path='/dev/ttyS0'/></serial>", "<serial type='pipe'><source path='/tmp/p'/></serial>", group="serial"),
    *_many("devices", "<console type='pty'><target type='virtio' port='0'/></console><console type='file'><source path='/tmp/con'/><target type='virtio' port='1'/></console>", group="serial"), *_many("devices", "<parallel type='pty'><target port='0'/></parallel>", "<parallel type='file'><source path='/tmp/p'/></parallel>", group="parallel"),
    *_many("devices", "<redirdev bus='usb' type='tcp'><source mode='connect' host='localhost' service='4000'/><boot order='7'/></redirdev><redirfilter><usbdev class='0x08' vendor='0x1234' product='0xBEEF' version='2.56' allow='yes'/><usbdev allow='no'/></redirfilter>", group="redir"),
    *_many("devices", "<graphics type='spice' autoport='yes'/><redirdev bus='usb' type='spicevmc'/><redirdev bus='usb' type='spicevmc'/><smartcard mode='passthrough' type='spicevmc'/><channel type='spicevmc'><target type='virtio' name='com.redhat.spice.0'/></channel>"
           "<channel type='spiceport'><source channel='org.spice-space.webdav.0'/><target type='virtio' name='org.spice-space.webdav.0'/></channel>", group="spice"),
    *_many("devices", "<smartcard mode='host'/>", "<smartcard mode='host-certificates'><certificate>cert1</certificate><certificate>cert2</certificate><certificate>cert3</certificate><database>/etc/pki/nssdb/</database></smartcard>",
           "<smartcard mode='passthrough' type='tcp'><source mode='bind' host='127.0.0.1' service='2001'/><protocol type='raw'/></smartcard>", group="smartcard"),
    *_many("devices", "<shmem name='s1'><model type='ivshmem-plain'/><size unit='M'>4</size></shmem>", "<shmem name='s2' role='peer'><model type='ivshmem-doorbell'/><server path='/tmp/s'/><msi vectors='32' ioeventfd='on'/></shmem>"),
    *_many("devices", "<hub type='usb'/>"), *_many("devices", "<emulator>/usr/bin/qemu-system-x86_64</emulator>"), *_many("devices", "<lease><lockspace>somearea</lockspace><key>somekey</key><target path='/some/lease/path' offset='1024'/></lease>"),
    *_many("devices", "<controller type='usb' index='0' model='ich9-ehci1'><address type='pci' slot='0x1d' function='0x7'/></controller><controller type='usb' index='0' model='ich9-uhci1'><master startport='0'/><address type='pci' slot='0x1d' function='0x0' multifunction='on'/></controller>"
           "<controller type='usb' index='0' model='ich9-uhci2'><master startport='2'/><address type='pci' slot='0x1d' function='0x1'/></controller><controller type='usb' index='0' model='ich9-uhci3'><master startport='4'/><address type='pci' slot='0x1d' function='0x2'/></controller>",
           "<controller type='usb' index='0' model='nec-xhci' ports='8'/><controller type='usb' index='1' model='piix3-uhci'/>", "<controller type='usb' index='0' model='none'/>", "<controller type='usb' model='qemu-xhci'/>", group="usb"),
    *_many("devices", "<controller type='scsi' index='0' model='virtio-scsi'><driver queues='4' cmd_per_lun='10' max_sectors='512' ioeventfd='on'/></controller>",
           "<controller type='scsi' index='0' model='lsilogic'/><controller type='scsi' index='1' model='virtio-scsi'/>", "<controller type='scsi' index='0' model='lsisas1068'/>", "<controller type='scsi' index='2' model='virtio-transitional'/>", group="scsi"),
    *_many("devices", "<controller type='virtio-serial' index='0' ports='16' vectors='4'/><controller type='virtio-serial' index='1'/>", group="vs"), *_many("devices", "<controller type='ccid' index='0'/>", group="ccid"), *_many("devices", "<controller type='sata' index='1'/>", group="sata"),
    *_many("devices", "<controller type='pci' index='0' model='pcie-root'><pcihole64 unit='KiB'>1048576</pcihole64></controller><controller type='pci' index='1' model='pcie-root-port'><target chassis='1' port='0x10' hotplug='off'/></controller><controller type='pci' index='2' model='dmi-to-pci-bridge'/>"
           "<controller type='pci' index='3' model='pci-bridge'><target chassisNr='3'/></controller><controller type='pci' index='4' model='pcie-switch-upstream-port'/><controller type='pci' index='5' model='pcie-switch-downstream-port'/>"
           "<controller type='pci' index='6' model='pcie-expander-bus'><target busNr='180'/></controller><controller type='pci' index='7' model='pcie-to-pci-bridge'/>", group="pci", machine="q35"),
    *_many("devices", "<controller type='pci' index='0' model='pci-root'/><controller type='pci' index='1' model='pci-bridge'/><controller type='pci' index='2' model='pci-expander-bus'><target busNr='254'/></controller>", group="pci", machine="pc"),
    *_many("/", "<devices><iommu model='intel'><driver intremap='on' caching_mode='on' iotlb='on' aw_bits='48'/></iommu></devices><features><ioapic driver='qemu'/></features>", group="ioapic", machine="q35"),
    *_many("/", *("<memoryBacking><source type='memfd'/><access mode='shared'/></memoryBacking><devices>%s</devices>" % device for device in (
        "<interface type='vhostuser'><mac address='52:54:00:00:00:0a'/><source type='unix' path='/tmp/vhost1.sock' mode='server'/><model type='virtio'/>"
        "<driver queues='2' rx_queue_size='512'/></interface>",
        "<disk type='vhostuser' device='disk'><driver name='qemu' type='raw'/><source type='unix' path='/run/vhost.sock'><reconnect enabled='yes' timeout='10'/></source>"
        "<target dev='vdv' bus='virtio'/></disk>",
        "<filesystem type='mount' accessmode='passthrough'><driver type='virtiofs' queue='1024'/><binary path='/usr/libexec/virtiofsd' xattr='on'><cache mode='always'/>"
        "<sandbox mode='chroot'/><lock posix='on' flock='on'/><thread_pool size='16'/></binary><source dir='/v'/><target dir='tag'/></filesystem>",
        "<filesystem type='mount'><driver type='virtiofs'/><source socket='/tmp/sock'/><target dir='tag2'/></filesystem>")), group="backing"),
]


def base(machine: str, kind: str = "qemu") -> Element:
    """The smallest document."""
    return fromstring("<domain type='%s'><name>x</name><memory unit='MiB'>512</memory><vcpu>1</vcpu><os><type%s>hvm</type></os><devices/></domain>"
                      % (kind, "" if kind == "test" else " arch='x86_64' machine='%s'" % machine))


def put(root: Element, piece: Piece) -> None:
    """Puts a piece into a document; what a piece brings for the domain replaces what is there, devices are added."""
    text = "<p %s>%s</p>" % (NAMESPACES, piece.xml)
    parent = root if piece.place == "/" else root.find(piece.place)
    if parent is None:
        parent = SubElement(root, piece.place)
    for child in fromstring(text):
        there = parent.find(child.tag) if piece.place == "/" and child.tag != "seclabel" else None
        if there is None:
            parent.append(child)
        elif child.tag in ("devices", "os", "cputune", "features", "cpu"):
            there.extend(list(child))
            there.attrib.update(child.attrib)
        else:
            parent.remove(there)
            parent.append(child)


def together(pieces: Sequence[Piece], machine: str, kind: str = "qemu") -> str:
    """A document of pieces, as text."""
    root = base(machine, kind)
    for piece in pieces:
        put(root, piece)
    return xmltree.tostring(root)


def singles(kind: str = "qemu") -> Iterator[tuple[str, str]]:
    """A document for each piece."""
    for number, piece in enumerate(PIECES):
        machine = piece.machine or ("q35" if number % 2 else "pc")
        yield "element-%03d" % number, together([piece], machine, kind)


def draw(chosen: Sequence[int], machine: str) -> list[Piece]:
    """The pieces of these numbers that can stand together in one document for a machine."""
    groups: set[str] = set()
    found: list[Piece] = []
    for number in chosen:
        piece = PIECES[number % len(PIECES)]
        if piece.machine not in ("", machine) or piece in found or (piece.group and piece.group in groups):
            continue
        groups.add(piece.group)
        found.append(piece)
    return found


def mixtures(count: int, size: int = 9) -> Iterator[tuple[str, str]]:
    """Documents of several pieces each, by a fixed walk over all of them."""
    for number in range(count):
        machine = "q35" if number % 3 else "pc"
        chosen = draw([number * 5 + step * (37 + number % 11) for step in range(size)], machine)
        yield "mixture-%03d" % number, together(chosen, machine)
