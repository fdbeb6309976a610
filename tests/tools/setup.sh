#!/usr/bin/env bash
# Copyright: (c) 2026, flotilla.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Makes a fresh Debian 12 ready for one of the Makefile's targets. Says nothing and takes a moment when all is there.
#
#   setup.sh tools   the virtual environment build/venv with the pinned tools, and what building it needs
#   setup.sh tests   that, and the hypervisors and helpers that the tests use for real, with their daemons running
#
# The environment lives outside the tree, under a name that is the digest of its recipe, so a new recipe is a new
# environment and an old one stays usable by another checkout.
set -euo pipefail

root=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")/../.." && pwd)
python=/usr/bin/python3   # Debian's own: another python3 may come first on PATH and know nothing of Debian's packages

tools_packages=(python3-venv python3-dev gcc libc6-dev pkg-config libvirt-dev git)
test_packages=(
    libvirt-daemon-system libvirt-daemon-driver-qemu libvirt-daemon-driver-lxc libvirt-clients
    qemu-system-x86 qemu-utils ovmf dnsmasq-base iptables iproute2 procps lxc uidmap mmdebstrap e2fsprogs btrfs-progs rsync xz-utils
    swtpm swtpm-tools virtinst genisoimage openssh-client openssh-server sudo python3-libvirt python3-lxml shellcheck
    podman conmon runc netavark catatonit
)

missing_packages() {
    local package
    for package in "$@"; do
        [ "$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null || true)" = installed ] || printf '%s\n' "$package"
    done
}

apt_install() {
    apt-get -q -y -o DPkg::Lock::Timeout=600 install --no-install-recommends "$@"
}

install_packages() {
    local missing
    mapfile -t missing < <(missing_packages "$@")
    [ "${#missing[@]}" -gt 0 ] || return 0
    if [ "$(id -u)" != 0 ]; then
        printf 'These Debian packages are needed; install them as root, then run make again: %s\n' "${missing[*]}" >&2
        exit 1
    fi
    printf 'Installing Debian packages: %s\n' "${missing[*]}" >&2
    export DEBIAN_FRONTEND=noninteractive
    # The lists are absent on a fresh machine and out of date on an old one: both show as a failed installation.
    apt_install "${missing[@]}" >&2 || { apt-get -q -o DPkg::Lock::Timeout=600 update >&2 && apt_install "${missing[@]}" >&2; }
}

recipe_digest() {
    { "$python" --version; cat "$root/tests/requirements.txt" "$root/tests/constraints.txt"; } | sha256sum | cut -c1-16
}

make_venv() {
    local target=$1
    printf 'Making the virtual environment %s\n' "$target" >&2
    rm -rf -- "$target"   # what an interrupted run left behind has no stamp
    mkdir -p -- "$(dirname -- "$target")"
    "$python" -m venv "$target"
    "$target/bin/python" -m pip --quiet --quiet --disable-pip-version-check install \
        --requirement "$root/tests/requirements.txt" --constraint "$root/tests/constraints.txt" >&2
    touch -- "$target/.complete"
}

link_venv() {
    local cache="${XDG_CACHE_HOME:-$HOME/.cache}/flotilla-virt" target
    target="$cache/venv-$(recipe_digest)"
    if [ ! -e "$target/.complete" ]; then
        mkdir -p -- "$cache"
        # Two checkouts may come here at once: the second waits and finds the work done.
        ( flock 9; [ -e "$target/.complete" ] || make_venv "$target" ) 9>"$target.lock"
    fi
    mkdir -p -- "$root/build"
    ln -sfn -- "$target" "$root/build/venv"
}

case "${1:-}" in
    tools)
        install_packages "${tools_packages[@]}"
        link_venv
        ;;
    tests)
        install_packages "${tools_packages[@]}" "${test_packages[@]}"
        link_venv
        "$root/tests/tools/services.sh"
        ;;
    *)
        printf 'usage: %s tools|tests\n' "$0" >&2
        exit 2
        ;;
esac
