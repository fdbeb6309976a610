# shellcheck shell=sh
# Runs inside the new root file system of a disk image, as sh -eu.
# Copyright: (c) 2026, flotilla.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# cloud-init grows the partition and the file system to the disk's size at first boot.
echo 'LABEL=root / ext4 defaults,errors=remount-ro 0 1' >/etc/fstab

# No ifupdown in the image: with it, cloud-init renders for ifupdown and a match by MAC address fails.
systemctl enable systemd-networkd.service systemd-resolved.service ssh.service serial-getty@ttyS0.service

cat >/etc/cloud/cloud.cfg.d/90-flotilla.cfg <<'CFG'
# The seed is a disk labelled cidata; looking for other data sources only costs time.
datasource_list: [NoCloud, None]
# Keep the mirrors this image was built from.
apt: {preserve_sources_list: true}
# The boot loader is GRUB's core image in front of the first partition, not the grub-pc package.
grub_dpkg: {enabled: false}
# Making RSA and DSA keys takes long on an emulated CPU, and no client of today needs them.
ssh_genkeytypes: [ed25519, ecdsa]
# Needs no locale-gen, which takes long on an emulated CPU.
locale: C.UTF-8
CFG
echo 'LANG=C.UTF-8' >/etc/default/locale

# A guest without a network card has no link to wait two minutes for.
mkdir -p /etc/systemd/system/systemd-networkd-wait-online.service.d
cat >/etc/systemd/system/systemd-networkd-wait-online.service.d/no-links.conf <<'UNIT'
[Service]
ExecCondition=/bin/sh -c 'test "$(ls /sys/class/net)" != lo'
UNIT

# The kernel package keeps /vmlinuz and /initrd.img at the newest kernel, so this file never changes.
mkdir -p /boot/grub
cat >/boot/grub/grub.cfg <<'CFG'
serial --unit=0 --speed=115200
terminal_input console serial
terminal_output console serial
set timeout=0
menuentry "Debian GNU/Linux" {
	linux /vmlinuz root=LABEL=root ro console=tty0 console=ttyS0,115200n8
	initrd /initrd.img
}
CFG
cat >/boot/grub/early.cfg <<'CFG'
search --no-floppy --label --set=root root
set prefix=($root)/boot/grub
CFG
# Everything needed to boot is inside the core image, so no module is read from the disk.
grub-mkimage -O i386-pc -o /boot/grub/core.img -p /boot/grub -c /boot/grub/early.cfg \
	biosdisk part_msdos ext2 search search_label normal linux gzio serial terminal echo test minicmd boot
cp /usr/lib/grub/i386-pc/boot.img /boot/grub/boot.img
