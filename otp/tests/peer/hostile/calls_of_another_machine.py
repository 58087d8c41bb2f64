"""Asks the kernel by the calls of a 32-bit program, which have other numbers."""

# ends: signal|stopped
# reason: SIGSYS|shut down

import ctypes
import mmap
import platform


def boot(here):
    if platform.machine() != "x86_64":
        return
    code = b"\xb8\x14\x00\x00\x00\xcd\x80\xc3"  # mov eax, 20 (getpid); int 0x80; ret
    page = mmap.mmap(-1, 4096, prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC)
    page.write(code)
    print("ESCAPED", ctypes.CFUNCTYPE(ctypes.c_int)(ctypes.addressof(ctypes.c_char.from_buffer(page)))())
