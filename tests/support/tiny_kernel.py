# Copyright: (c) 2026, flotilla.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A kernel of a few bytes that does what an installer does at its end: it resets the machine.

Linux' boot protocol (Documentation/arch/x86/boot.rst): a boot sector, one sector of setup code, which runs in real mode
at its own start, and the rest, which this one has no use for.
"""

from __future__ import annotations

import struct

SECTOR = 512
# mov dx, 0x3f8; mov al, 'I'; out dx, al: one letter on the serial port.
_SAY = bytes((0xBA, 0xF8, 0x03, 0xB0, 0x49, 0xEE))
# mov dx, 0xcf9; mov al, 6; out dx, al: the reset register of the chip set; then wait for it.
_RESET = bytes((0xBA, 0xF9, 0x0C, 0xB0, 0x06, 0xEE))
_WAIT = bytes((0xF4, 0xEB, 0xFD))


def kernel(resets: bool = True) -> bytes:
    """The kernel: it says I on the serial port, and resets the machine or waits for ever."""
    image = bytearray(3 * SECTOR)
    image[0x1F1] = 1                                     # sectors of setup code
    image[0x1FE:0x200] = b"\x55\xaa"
    image[0x200:0x202] = b"\xeb\x66"                     # jump over the header
    image[0x202:0x206] = b"HdrS"
    image[0x206:0x208] = struct.pack("<H", 0x0202)       # version of the protocol
    image[0x211] = 1                                     # the rest belongs above 1 MiB
    code = _SAY + (_RESET if resets else b"") + _WAIT
    image[0x268:0x268 + len(code)] = code
    return bytes(image)
