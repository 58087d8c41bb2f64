"""Looks for secrets in what a program is given at its start, and in what its account owns."""

# ends: stopped

import os
from pathlib import Path


def boot(here):
    for name in ("environ", "cmdline"):
        for whose in ("self", "1"):
            try:
                text = Path(f"/proc/{whose}/{name}").read_bytes()
            except OSError:
                continue
            print("ESCAPED" if b"token" in text.lower() or b"secret" in text.lower() else "nothing", name)
    for place in (
        os.path.join("/", "root", ".ssh"),
        "/home",
        "/run/user",
        "/var/run",
        "/etc/hostname",
        os.environ["HOME"] + "/.ssh",
    ):
        try:
            print("ESCAPED", place, os.listdir(place))
        except OSError as error:
            print("refused", error)
