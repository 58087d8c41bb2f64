"""Signals its parent, the platform, the group, and everybody."""

# ends: stopped

import os
import signal


def boot(here):
    args = here.args
    for what, attempt in {
        "parent": lambda: os.kill(args["parent"], signal.SIGKILL),
        "the platform's group": lambda: os.killpg(args["group"], signal.SIGKILL),
        "the guard": lambda: os.kill(os.getppid() or 99999, signal.SIGKILL),
        "nobody's": lambda: os.kill(args["parent"], 0),
        "by a descriptor": lambda: signal.pidfd_send_signal(os.pidfd_open(args["parent"]), signal.SIGKILL),
    }.items():
        try:
            print("ESCAPED", what, attempt())
        except (OSError, ValueError, AttributeError) as error:
            print("refused", what, error)
