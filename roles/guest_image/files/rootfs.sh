# shellcheck shell=sh
# Runs inside the new root file system of a container, as sh -eu.
# Copyright: (c) 2026, flotilla.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# The engine mounts the root file system.
: >/etc/fstab

systemctl enable systemd-networkd.service systemd-resolved.service ssh.service
# A container whose addresses the engine sets has no link of networkd's own to wait for.
systemctl disable systemd-networkd-wait-online.service

# Each container makes its own host keys when it first starts.
mkdir -p /etc/systemd/system/ssh.service.d
cat >/etc/systemd/system/ssh.service.d/host-keys.conf <<'UNIT'
[Service]
ExecStartPre=
ExecStartPre=/usr/bin/ssh-keygen -A
ExecStartPre=/usr/sbin/sshd -t
UNIT
echo 'LANG=C.UTF-8' >/etc/default/locale
