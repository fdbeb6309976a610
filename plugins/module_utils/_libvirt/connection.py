# Copyright: (c) 2026, flotilla.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The one connection to libvirt of a module run, and the one place where libvirt's errors become ours."""

from __future__ import annotations

import collections
import functools
import os
import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any, Callable, Iterator, Optional, Sequence, Tuple

from .._reconcile.errors import EngineError

try:
    import libvirt
except ImportError:
    libvirt = None

DEFAULT_URI = "qemu:///system"
# Answers of the daemon that are asked for before they are needed.
_AHEAD = 50
_LOCAL_HOSTS = ("", "localhost")


class NotReady(EngineError):
    """libvirt is not installed or does not answer on this host."""


def _silence(_context: Any, _error: Any) -> None:
    """libvirt prints errors on stderr unless it has a handler; ours are raised instead."""


def connect(uri: Optional[str]) -> Any:
    """Opens the connection for a `uri` (None: the environment's LIBVIRT_DEFAULT_URI, else qemu:///system).

    Raises NotReady when the Python binding is missing or the daemon does not answer (virConnectOpen).
    """
    if libvirt is None:
        raise NotReady("libvirt's Python binding is not installed on this host",
                       "run the role flotilla.virt.kvm_host, or install python3-libvirt")
    wanted = uri or os.environ.get("LIBVIRT_DEFAULT_URI") or DEFAULT_URI
    libvirt.registerErrorHandler(_silence, None)
    try:
        return libvirt.open(wanted)
    except libvirt.libvirtError as error:
        raise NotReady("libvirt does not answer on %s: %s" % (wanted, _text(error)), _remedy_of_open(error)) from None


def _remedy_of_open(error: Any) -> str:
    text = str(error).lower()
    if "permission" in text or "polkit" in text or "authentication" in text:
        return "run with become: true, or add the user to the group libvirt"
    return "start libvirtd (the role flotilla.virt.kvm_host does), or correct uri"


def is_local(uri: Optional[str]) -> bool:
    """Whether a URI names a daemon on this machine (no host part and not over SSH, TCP or TLS)."""
    wanted = uri or os.environ.get("LIBVIRT_DEFAULT_URI") or DEFAULT_URI
    rest = wanted.split("://", 1)[-1]
    return rest.split("/", 1)[0].rsplit("@", 1)[-1].split(":")[0] in _LOCAL_HOSTS


@contextmanager
def translated(doing: str, remedy: str = "") -> Iterator[None]:
    """Turns a libvirt error raised inside into an EngineError that says what was being done."""
    try:
        yield
    except libvirt.libvirtError as error:
        raise EngineError("%s: %s" % (doing, _text(error)), remedy or _remedy_of(error)) from error


def _text(error: Any) -> str:
    return str(error.get_error_message() or error).strip()


def _remedy_of(error: Any) -> str:
    text = str(error).lower()
    if "no space left" in text:
        return "free space there, or use another pool"
    if "permission denied" in text:
        return "check the owner and mode of the file, and that libvirt may read it"
    return ""


def is_code(error: Any, *names: str) -> bool:
    """Whether a libvirt error (or the EngineError made from it) carries one of these codes.

    Names are as in virErrorNumber without the prefix, such as `NO_DOMAIN`.
    """
    cause = error.__cause__ if isinstance(error, EngineError) else error
    if libvirt is None or not isinstance(cause, libvirt.libvirtError):
        return False
    return cause.get_error_code() in [getattr(libvirt, "VIR_ERR_" + name, None) for name in names]


def documents_of(connection: Any, flags: int) -> Iterator[Tuple[str, str]]:
    """Name and document of every domain. One that goes away meanwhile, by another thread or tool, is left out."""
    with translated("read all domains"):
        domains = connection.listAllDomains(0)
    for domain, answer in ahead(lambda domain: str(domain.XMLDesc(flags)), domains):
        with translated("read domain %s" % domain.name()):
            try:
                text = answer()
            except libvirt.libvirtError as error:
                if not is_code(error, "NO_DOMAIN"):
                    raise
                continue
        yield str(domain.name()), text


def ahead(ask: Callable[[Any], str], objects: Sequence[Any]) -> Iterator[Tuple[Any, Callable[[], str]]]:
    """Each object with what returns the daemon's answer about it, or raises as the call did.

    A thread asks about the next while the caller looks at one: the daemon works on another CPU meanwhile. It is never far
    ahead, so that the answers about 10,000 domains are not in memory at once.
    """
    if len(objects) <= _AHEAD:
        for one in objects:
            yield one, functools.partial(ask, one)
        return
    with _quick_turns(), ThreadPoolExecutor(1) as pool:
        coming = collections.deque(pool.submit(ask, one) for one in objects[:_AHEAD])
        for number, one in enumerate(objects):
            coming.extend(pool.submit(ask, later) for later in objects[number + _AHEAD:number + _AHEAD + 1])
            yield one, coming.popleft().result


@contextmanager
def _quick_turns() -> Iterator[None]:
    """Python lets a thread that waits for its turn wait 5 ms, in which the daemon gives ten answers."""
    usual = sys.getswitchinterval()
    sys.setswitchinterval(0.0001)
    try:
        yield
    finally:
        sys.setswitchinterval(usual)


__all__ = ["DEFAULT_URI", "NotReady", "ahead", "connect", "documents_of", "is_code", "is_local", "libvirt", "translated"]
