#!/usr/bin/env bash
# Copyright: (c) 2026, flotilla.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Sees to it that the system's libvirt answers: through systemd where that is PID 1, by starting the daemons where it is
# not (containers, CI machines). Does nothing when they answer already.
set -euo pipefail

answers() { virsh --quiet --connect qemu:///system uri >/dev/null 2>&1; }

start_daemons() {
    if [ -d /run/systemd/system ]; then
        systemctl start virtlogd.socket libvirtd.socket
        return
    fi
    # One that runs already holds its pid file and makes this one end with an error, which only matters if nothing answers.
    said=$( { virtlogd --daemon; libvirtd --daemon; } 2>&1 ) || true
}

said=""
answers && exit 0
start_daemons
deadline=$((SECONDS + 60))
until answers; do
    if [ "$SECONDS" -ge "$deadline" ]; then
        printf 'libvirt does not answer on qemu:///system 60 s after its start.\n%s\nvirsh says:\n' "$said" >&2
        virsh --connect qemu:///system uri >&2
        exit 1
    fi
    sleep 0.2
done
