# Copyright: (c) 2026, flotilla.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Build a Debian disk image or container root file system, once for each recipe.

usage: build_image.py RECIPE [--check]

RECIPE is a JSON object:
  dir        where images are kept
  name       the image's name
  kind       disk or rootfs
  source     a file to use instead of building one, or an empty text; with --check it may still be missing
and, without a source:
  suite, packages, sources (lines of sources.list; empty: this machine's own), slim, serial,
  size (of the disk, such as 3GiB), customize (shell scripts, run in order inside the new root)

The finished file is NAME-KEY.qcow2 or NAME-KEY.tar, where KEY is a digest of everything above and of this program;
NAME.qcow2 or NAME.tar is a link to it. A disk comes with its kernel and initial RAM disk (NAME.vmlinuz, NAME.initrd).
Prints one JSON object: outdated, missing (commands that a build needs and that are not installed), and the paths.
With --check nothing is touched; outdated says whether a run would do anything.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import json
import os
import re
import shlex
import shutil
import signal
import struct
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path
from typing import Any, Dict, Iterator, List, Mapping, Optional, Sequence, Tuple

SUFFIX = {"disk": "qcow2", "rootfs": "tar"}
TOOLS = {
    "disk": ("mmdebstrap", "mkfs.ext4", "qemu-img", "unshare"),
    "rootfs": ("mmdebstrap", "tar", "unshare"),
}
PARTITION_START = 1024 * 1024
SECTOR = 512

# Boot code only: the bytes after it in sector 0 are the disk's signature and partition table.
BOOT_CODE_SIZE = 440

# Spelled out, because the defaults of newer mke2fs contain features that GRUB 2.06 cannot read.
EXT4_FEATURES = (
    "none,has_journal,ext_attr,resize_inode,dir_index,filetype,extent,64bit,flex_bg,"
    "sparse_super,large_file,huge_file,dir_nlink,extra_isize,metadata_csum"
)

# The machine's apt settings that decide how packages are reached; the others are about the machine itself.
APT_SETTINGS = re.compile(
    r"^(Acquire::(https?|ftp|Check-|Retries|Force|AllowInsecure|AllowWeak|AllowDowngrade)|APT::Get::AllowUnauthenticated)"
)
SLIM = (
    "path-exclude=/usr/share/man/*",
    "path-exclude=/usr/share/info/*",
    "path-exclude=/usr/share/locale/*",
    "path-exclude=/usr/share/doc/*",
    "path-include=/usr/share/doc/*/copyright",
)
# Saves the usrmerge package, and all of Perl with it.
MERGED_USR_HOOK = "/usr/share/mmdebstrap/hooks/maybe-merged-usr"
USERINFO = re.compile(r"(://)[^/@\s]+@")


class BuildError(Exception):
    """What is wrong and what to do, for the person who ran the role."""


def recipe_key(recipe: Mapping[str, Any], program: bytes) -> str:
    """Name a recipe: equal for equal contents, wherever the image is kept."""
    content = {key: value for key, value in recipe.items() if key not in ("dir", "name")}
    text = json.dumps(content, sort_keys=True, separators=(",", ":")).encode()
    return hashlib.sha256(program + b"\0" + text).hexdigest()[:16]


# -- apt ---------------------------------------------------------------------------------------------------------------


def wanted_suites(suite: str) -> Tuple[str, ...]:
    """Name the suites of the Debian archive that belong to a release."""
    return (suite, suite + "-updates", suite + "-security", suite + "/updates")


def pick_line(line: str, suite: str) -> Optional[str]:
    """Return a line of sources.list when it offers main for the suite."""
    match = re.match(r"deb\s+(\[[^\]]*\]\s+)?(\S+)\s+(\S+)\s+(.+)$", line.split("#")[0].strip())
    if match and match.group(3) in wanted_suites(suite) and "main" in match.group(4).split():
        return match.group(0)
    return None


def parse_stanza(stanza: str) -> Dict[str, str]:
    """Read one deb822 stanza; continuation lines keep their line breaks."""
    fields: Dict[str, str] = {}
    last = ""
    for line in stanza.splitlines():
        if line.startswith("#"):
            continue
        if line[:1].isspace():
            fields[last] = fields.get(last, "") + "\n" + line
        elif ":" in line:
            last, _sep, value = line.partition(":")
            fields[last] = value.strip()
    return fields


def pick_stanza(stanza: str, suite: str) -> Optional[str]:
    """Return a deb822 stanza, reduced to packages of the suite, when it offers main for it."""
    fields = parse_stanza(stanza)
    suites = [name for name in fields.get("Suites", "").split() if name in wanted_suites(suite)]
    enabled = fields.get("Enabled", "yes").lower() not in ("no", "false", "0")
    if not (enabled and suites and "deb" in fields.get("Types", "").split() and "main" in fields.get("Components", "").split()):
        return None
    fields.update({"Types": "deb", "Suites": " ".join(suites)})
    return "".join("%s: %s\n" % item for item in fields.items())


def machine_sources(suite: str, etc: Path) -> Tuple[List[str], List[str]]:
    """Read this machine's own apt sources for a suite: lines, and deb822 stanzas."""
    lines: List[str] = []
    stanzas: List[str] = []
    for path in [etc / "sources.list"] + sorted((etc / "sources.list.d").glob("*.list")):
        if path.is_file():
            lines += [line for line in (pick_line(text, suite) for text in path.read_text().splitlines()) if line]
    for path in sorted((etc / "sources.list.d").glob("*.sources")):
        stanzas += [text for text in (pick_stanza(part, suite) for part in re.split(r"\n\s*\n", path.read_text())) if text]
    return lines, stanzas


def write_sources(recipe: Mapping[str, Any], work: Path) -> List[str]:
    """Write the sources to build from where mmdebstrap can take them; their file names are returned."""
    lines, stanzas = machine_sources(recipe["suite"], Path("/etc/apt"))
    if recipe["sources"]:
        lines, stanzas = recipe["sources"], []
    if not lines and not stanzas:
        raise BuildError(
            "no apt source of this machine offers main for suite %s: set guest_image_sources, for example "
            '["deb http://MIRROR/debian %s main"]' % (recipe["suite"], recipe["suite"])
        )
    written = []
    for name, text in (("debian.list", "\n".join(lines)), ("debian.sources", "\n".join(stanzas))):
        if text:
            (work / name).write_text(text + "\n")
            written.append(str(work / name))
    return written


def write_apt_settings(work: Path) -> str:
    """Write this machine's apt settings for reaching packages (proxy, certificates, logins) to a file."""
    dump = run(["apt-config", "dump"]).splitlines()
    chosen = [line for line in dump if APT_SETTINGS.match(line)]
    chosen += ['Dir::Etc::netrc "/etc/apt/auth.conf";', 'Dir::Etc::netrcparts "/etc/apt/auth.conf.d";']
    path = work / "apt.conf"
    path.write_text("\n".join(chosen) + "\n")
    return str(path)


def clean_apt(root: Path) -> None:
    """Leave nothing of the building machine in the image's apt: no proxy, no login; add keys its sources name."""
    for path in [root / "etc/apt/sources.list"] + sorted((root / "etc/apt/sources.list.d").glob("*")):
        if not path.is_file():
            continue
        text = USERINFO.sub(r"\1", path.read_text())
        path.write_text(text)
        for key in re.findall(r"(?i)signed-by\s*[:=]\s*(/[^\s\],]+)", text):
            inside = root / key.lstrip("/")
            if not inside.exists() and Path(key).is_file():
                inside.parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(key, str(inside))
    for name in ("apt.conf.d/99mmdebstrap", "auth.conf"):
        with contextlib.suppress(FileNotFoundError):
            (root / "etc/apt" / name).unlink()


# -- building ----------------------------------------------------------------------------------------------------------


def run(argv: Sequence[str], merge: bool = False) -> str:
    """Run a command; when it fails, the end of what it said becomes the error."""
    done = subprocess.run(
        list(argv), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, universal_newlines=True, check=False,
        stderr=subprocess.STDOUT if merge else subprocess.PIPE, close_fds=False,
    )
    if done.returncode:
        said = (done.stdout if merge else done.stderr).strip().splitlines()[-25:]
        raise BuildError("%s failed with status %d:\n%s" % (argv[0], done.returncode, "\n".join(said)))
    return done.stdout


def disk_size(text: str) -> int:
    """Read a size with its unit, in bytes."""
    match = re.match(r"([0-9]+)(MiB|GiB|TiB)$", text)
    if not match:
        raise BuildError("%r is no size: write it such as 3GiB" % text)
    size = int(match.group(1)) * {"MiB": 2**20, "GiB": 2**30, "TiB": 2**40}[match.group(2)]
    # The partition table counts 512-byte sectors in 32 bits.
    if not 2**30 <= size < 2**41:
        raise BuildError("a disk of %s is not possible: choose 1GiB or more, and less than 2TiB" % text)
    return size


def bootstrap(recipe: Mapping[str, Any], work: Path) -> Path:
    """Make the root file system as a directory."""
    root = work / "root"
    # Namespaces of its own: whatever kills the build leaves no process, and no mount below the directory that the
    # next run removes.
    argv = ["unshare", "--mount", "--propagation", "private", "--pid", "--fork", "--kill-child", "--mount-proc",
            "mmdebstrap", "--mode=root", "--format=directory", "--variant=minbase",
            "--include=" + ",".join(recipe["packages"]), "--aptopt=" + write_apt_settings(work)]
    if Path(MERGED_USR_HOOK).is_dir():
        argv.append("--hook-dir=" + MERGED_USR_HOOK)
    if recipe["slim"]:
        argv += ["--dpkgopt=" + option for option in SLIM]
    for number, script in enumerate(recipe["customize"]):
        path = work / ("customize-%d.sh" % number)
        path.write_text(script)
        argv.append('--customize-hook=chroot "$1" /bin/sh -eu <' + shlex.quote(str(path)))
    run(argv + [recipe["suite"], str(root)] + write_sources(recipe, work), merge=True)
    clean_apt(root)
    settle(root)
    return root


def settle(root: Path) -> None:
    """Take out what must differ between guests, and point name resolution at systemd-resolved."""
    for key in (root / "etc/ssh").glob("ssh_host_*"):
        key.unlink()
    # Empty, not absent: each guest makes its own, without systemd's first-boot questions.
    (root / "etc/machine-id").write_text("")
    for name in ("etc/hostname", "etc/resolv.conf", "var/lib/dbus/machine-id"):
        with contextlib.suppress(FileNotFoundError):
            (root / name).unlink()
    if (root / "lib/systemd/systemd-resolved").exists():
        (root / "etc/resolv.conf").symlink_to("../run/systemd/resolve/stub-resolv.conf")


def pack_rootfs(root: Path, work: Path, _recipe: Mapping[str, Any]) -> Dict[str, Path]:
    """Pack the directory as a tar file."""
    target = work / "image.tar"
    run(["tar", "--create", "--file", str(target), "--directory", str(root), "--numeric-owner", "--xattrs",
         "--xattrs-include=security.capability", "--acls", "--sort=name", "--exclude=./dev/*", "."])
    return {"tar": target}


def pack_disk(root: Path, work: Path, recipe: Mapping[str, Any]) -> Dict[str, Path]:
    """Make a bootable disk out of the directory, without mounting anything."""
    boot = root / "boot"
    # Both are in the file system too, but the boot loader's core is read from the gap before the partition.
    code = (boot / "grub/boot.img").read_bytes()[:BOOT_CODE_SIZE]
    core = (boot / "grub/core.img").read_bytes()
    if len(core) > PARTITION_START - SECTOR:
        raise BuildError("the boot loader's core (%d bytes) does not fit before the first partition" % len(core))
    raw, size = work / "image.raw", disk_size(recipe["size"])
    with raw.open("wb") as disk:
        disk.truncate(size)
    blocks = (size - PARTITION_START) // 4096
    run(["mkfs.ext4", "-q", "-F", "-L", "root", "-b", "4096", "-O", EXT4_FEATURES,
         "-E", "offset=%d,lazy_itable_init=1,lazy_journal_init=1" % PARTITION_START, "-d", str(root), str(raw), str(blocks)])
    with raw.open("r+b") as disk:
        disk.write(boot_sector(code, size))
        disk.write(core)
    target = work / "image.qcow2"
    run(["qemu-img", "convert", "-O", "qcow2", str(raw), str(target)])
    return {"vmlinuz": newest(boot, "vmlinuz-*"), "initrd": newest(boot, "initrd.img-*"), "qcow2": target}


def boot_sector(code: bytes, size: int) -> bytes:
    """Make sector 0 of a disk of so many bytes: boot code, disk signature, one Linux partition, marked bootable.

    Addresses are by logical block only: the fields for cylinder, head and sector hold the value that says so.
    """
    start = PARTITION_START // SECTOR
    entry = struct.pack("<B3sB3sII", 0x80, b"\xfe\xff\xff", 0x83, b"\xfe\xff\xff", start, size // SECTOR - start)
    signature = hashlib.sha256(code + entry).digest()[:4]
    return code.ljust(BOOT_CODE_SIZE, b"\0") + signature + b"\0\0" + entry + bytes(48) + b"\x55\xaa"


def newest(boot: Path, pattern: str) -> Path:
    """Return the one kernel file that matches."""
    found = sorted(boot.glob(pattern))
    if not found:
        raise BuildError("the packages contain no kernel (no %s in /boot): name one in guest_image_packages" % pattern)
    return found[-1]


@contextlib.contextmanager
def locked(directory: Path) -> Iterator[None]:
    """Let one builder at a time work in a directory.

    The commands that a build starts inherit the lock: those that outlive a killed build hold it until they end.
    """
    directory.mkdir(parents=True, exist_ok=True)
    with (directory / ".lock").open("w") as lock:
        os.set_inheritable(lock.fileno(), True)
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


@contextlib.contextmanager
def workspace(directory: Path) -> Iterator[Path]:
    """Give the holder of the lock a place to work; what a killed build left is removed."""
    for left in directory.glob(".build-*"):
        shutil.rmtree(str(left))
    work = Path(tempfile.mkdtemp(prefix=".build-", dir=str(directory)))
    try:
        # The package manager's own user must be able to enter it.
        work.chmod(0o755)
        yield work
    finally:
        # Processes of a build that was just killed may still write; the next run removes the rest.
        shutil.rmtree(str(work), ignore_errors=True)


def build(recipe: Mapping[str, Any], stem: Path) -> None:
    """Build the image under temporary names; the file that stands for the whole gets its name last."""
    pack = {"disk": pack_disk, "rootfs": pack_rootfs}[recipe["kind"]]
    with workspace(stem.parent) as work:
        for suffix, path in pack(bootstrap(recipe, work), work, recipe).items():
            with path.open("rb") as finished:
                os.fsync(finished.fileno())
            path.chmod(0o644)
            path.rename(keyed(stem, suffix))


# -- names and links ---------------------------------------------------------------------------------------------------


def keyed(stem: Path, suffix: str) -> Path:
    """Return the name of one of an image's files."""
    return stem.parent / ("%s.%s" % (stem.name, suffix))


def check_format(path: Path, kind: str) -> None:
    """Refuse a file that is not what it is used as."""
    if not path.is_file():
        raise BuildError("%s: there is no such file" % path)
    if kind == "disk":
        with path.open("rb") as image:
            if image.read(4) != b"QFI\xfb":
                raise BuildError("%s is not a qcow2 image: convert it with qemu-img convert -O qcow2" % path)
    elif not tarfile.is_tarfile(str(path)):
        raise BuildError("%s is not a tar file that this machine can read" % path)


def wanted_links(recipe: Mapping[str, Any], key: str) -> Dict[str, Path]:
    """Map each stable suffix to the file that it leads to."""
    suffix = SUFFIX[recipe["kind"]]
    if recipe["source"]:
        return {suffix: Path(recipe["source"])}
    suffixes = ("vmlinuz", "initrd", suffix) if recipe["kind"] == "disk" else (suffix,)
    return {name: Path("%s-%s.%s" % (recipe["name"], key, name)) for name in suffixes}


def outdated_links(stem: Path, links: Mapping[str, Path]) -> Dict[Path, Path]:
    """Return the links to make; a file of someone else's in their place is an error."""
    todo = {}
    for suffix, target in links.items():
        link = keyed(stem, suffix)
        if link == target:
            continue
        if link.exists() and not link.is_symlink():
            raise BuildError("%s exists and is not a link made by this role: move it, or choose another guest_image_name" % link)
        if not link.is_symlink() or os.readlink(str(link)) != str(target):
            todo[link] = target
    return todo


def relink(todo: Mapping[Path, Path]) -> None:
    """Point each link at its file in one step, so that a reader never finds it missing."""
    for link, target in todo.items():
        temporary = link.parent / (".link-" + link.name)
        with contextlib.suppress(FileNotFoundError):
            temporary.unlink()
        temporary.symlink_to(target)
        temporary.rename(link)


def provide(recipe: Mapping[str, Any], key: str, check: bool) -> Dict[str, Any]:
    """Bring the image up to its recipe, or say what that would take."""
    directory, kind = Path(recipe["dir"]), recipe["kind"]
    stem = directory / ("%s-%s" % (recipe["name"], key))
    absent = not recipe["source"] and not keyed(stem, SUFFIX[kind]).exists()
    links = wanted_links(recipe, key)
    todo = outdated_links(directory / recipe["name"], links)
    missing = [tool for tool in TOOLS[kind] if absent and not shutil.which(tool)]
    if recipe["source"] and not (check and not os.path.exists(recipe["source"])):
        check_format(Path(recipe["source"]), kind)
    if not check and (absent or todo):
        if missing:
            raise BuildError("these commands are needed and not installed: " + ", ".join(missing))
        with locked(directory):
            # Another run may have built it while this one waited for its turn.
            if absent and not keyed(stem, SUFFIX[kind]).exists():
                build(recipe, stem)
            relink(todo)
    paths = {suffix: str(directory / ("%s.%s" % (recipe["name"], suffix))) for suffix in links}
    return {"outdated": bool(absent or todo), "build": absent, "missing": missing, "paths": paths}


def main(argv: Sequence[str]) -> int:
    """Run from the command line; errors go to standard error as one message."""
    signal.signal(signal.SIGTERM, lambda _signal, _frame: sys.exit(143))
    recipe = json.loads(argv[1])
    os.environ["PATH"] = os.environ.get("PATH", "/usr/bin:/bin") + ":/usr/local/sbin:/usr/sbin:/sbin"
    os.environ["LC_ALL"] = "C.UTF-8"
    try:
        result = provide(recipe, recipe_key(recipe, Path(__file__).read_bytes()), "--check" in argv[2:])
    except (BuildError, OSError) as error:
        print("image %s (%s): %s" % (recipe["name"], recipe["kind"], error), file=sys.stderr)
        return 1
    print(json.dumps(result, sort_keys=True))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv))
