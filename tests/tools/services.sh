#!/usr/bin/env bash
# Copyright: (c) 2026, flotilla.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Sees to it that the system's libvirt answers: through systemd where that is PID 1, by starting the daemons where it is
# not (containers, CI machines). Does nothing when they answer already.
set -euo pipefail

answers() { virsh --quiet --connect qemu:///system uri >/dev/null 2>&1; }

# A listening socket in the kernel's table: a socket file alone may be what a killed daemon left behind.
listening() { grep -q " 00010000 .* $1\$" /proc/net/unix; }

start_daemons() {
    if [ -d /run/systemd/system ]; then
        systemctl start virtlogd.socket libvirtd.socket
        return
    fi
    listening /run/libvirt/virtlogd-sock || virtlogd --daemon
    listening /run/libvirt/libvirt-sock || libvirtd --daemon
}

answers && exit 0
start_daemons
deadline=$((SECONDS + 60))
until answers; do
    if [ "$SECONDS" -ge "$deadline" ]; then
        printf 'libvirt does not answer on qemu:///system 60 s after its start; virsh says:\n' >&2
        virsh --connect qemu:///system uri >&2
        exit 1
    fi
    sleep 0.2
done
