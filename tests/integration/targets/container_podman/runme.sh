#!/usr/bin/env bash
# Copyright: (c) 2026, flotilla.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# A podman with storage and networks of its own. runc, since crun refuses a mixture of cgroup v1 and v2.
set -eu

place=$(mktemp -d /var/tmp/fltarget-podman-XXXXXX)
mkdir "$place/networks"
cat > "$place/containers.conf" <<CONF
[containers]
default_ulimits = ["nofile=1024:1024", "nproc=1024:1024"]
[network]
network_backend = "netavark"
network_config_dir = "$place/networks"
[engine]
runtime = "runc"
cgroup_manager = "cgroupfs"
events_logger = "file"
volume_path = "$place/volumes"
CONF
cat > "$place/storage.conf" <<CONF
[storage]
driver = "overlay"
graphroot = "$place/storage"
runroot = "$place/run"
CONF
export CONTAINERS_CONF="$place/containers.conf" CONTAINERS_STORAGE_CONF="$place/storage.conf"

leave() {
    podman rm --all --force --time 0 > /dev/null 2>&1 || true
    podman system reset --force > /dev/null 2>&1 || true
    awk -v place="$place" 'index($2, place) == 1 { print $2 }' /proc/mounts | sort -r | xargs -r umount
    rm -rf "$place" /var/lib/containers/flotilla/fltarget-p.json
}
trap leave EXIT

podman network create --disable-dns --subnet 10.213.79.0/24 fltarget-net
ansible-playbook podman.yml -i ../../inventory "$@"
