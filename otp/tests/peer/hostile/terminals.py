"""Types into a terminal, takes one, makes one."""

# ends: stopped

import fcntl
import os
import termios


def boot(here):
    for number in (0, 1, 2):
        for what, attempt in {
            "type": lambda number=number: fcntl.ioctl(number, termios.TIOCSTI, b"x"),
            "take": lambda number=number: fcntl.ioctl(number, termios.TIOCSCTTY, 1),
            "foreground": lambda number=number: os.tcsetpgrp(number, os.getpgrp()),
        }.items():
            try:
                print("ESCAPED", what, attempt())
            except OSError as error:
                print("refused", what, error)
    try:
        print("ESCAPED", os.openpty())
    except OSError as error:
        print("refused", error)
