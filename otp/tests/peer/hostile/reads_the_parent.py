"""Reads what /proc knows of the platform: environment, arguments, files, memory."""

# ends: stopped

import os
from pathlib import Path


def boot(here):
    args = here.args
    for what, attempt in {
        "environ": lambda: Path(f"/proc/{args['parent']}/environ").read_bytes(),
        "cmdline": lambda: Path(f"/proc/{args['parent']}/cmdline").read_bytes(),
        "status": lambda: Path(f"/proc/{args['parent']}/status").read_bytes(),
        "maps": lambda: Path(f"/proc/{args['parent']}/maps").read_bytes(),
        "mem": lambda: Path(f"/proc/{args['parent']}/mem").read_bytes(),
        "fd": lambda: os.listdir(f"/proc/{args['parent']}/fd"),
        "root": lambda: os.listdir(f"/proc/{args['parent']}/root"),
        "cwd": lambda: os.listdir(f"/proc/{args['parent']}/cwd"),
        "the root of number 1": lambda: os.listdir(Path("/proc/1", "root", "etc", "ssh")),
    }.items():
        try:
            print("ESCAPED", what, attempt())
        except (OSError, ValueError, AttributeError) as error:
            print("refused", what, error)
