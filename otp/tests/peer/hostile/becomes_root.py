"""Becomes root, or somebody else."""

# ends: stopped

import os


def _become(call):
    if os.getuid() == 0:
        return "root already"
    return call(0)


def boot(here):
    for what, attempt in {
        "setuid": lambda: _become(os.setuid),
        "setgid": lambda: _become(os.setgid),
        "setreuid": lambda: os.setreuid(0, 0) if os.getuid() else _become(os.setuid),
        "groups": lambda: os.setgroups([0]),
        "chroot": lambda: os.chroot("."),
        "nice": lambda: os.nice(-20),
    }.items():
        try:
            print("ESCAPED", what, attempt())
        except (OSError, ValueError, AttributeError) as error:
            print("refused", what, error)
