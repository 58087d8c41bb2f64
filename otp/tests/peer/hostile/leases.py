"""Takes leases and locks on files of the interpreter, so that whoever writes one waits for it."""

# ends: stopped

import fcntl
import os


def boot(here):
    number = os.open(os.__file__, os.O_RDONLY)
    for what, attempt in {
        "lease": lambda: fcntl.fcntl(number, fcntl.F_SETLEASE, fcntl.F_RDLCK),
        "notice": lambda: fcntl.fcntl(os.open(".", os.O_RDONLY), fcntl.F_NOTIFY, 0x1F),
        "lock to write": lambda: fcntl.lockf(number, fcntl.LOCK_EX | fcntl.LOCK_NB),
    }.items():
        try:
            print("ESCAPED", what, attempt())
        except OSError as error:
            print("refused", what, error)
