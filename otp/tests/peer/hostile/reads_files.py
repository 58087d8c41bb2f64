"""Reads the token, and other files."""

# ends: stopped

import os
from pathlib import Path


def boot(here):
    args = here.args
    for what, attempt in {
        "the token": lambda: Path(args["token"]).read_text(),
        "what everybody may read": lambda: Path(args["readable"]).read_text(),
        "its folder": lambda: os.listdir(os.path.dirname(args["token"])),
        "/etc/passwd": lambda: Path("/etc/passwd").read_text(),
        "/etc/shadow": lambda: Path("/etc/shadow").read_text(),
        "/root": lambda: os.listdir("/root"),
        "/home": lambda: os.listdir("/home"),
        "/var": lambda: os.listdir("/var"),
        "by ..": lambda: Path("../" * 20 + args["token"]).read_text(),
    }.items():
        try:
            print("ESCAPED", what, attempt())
        except (OSError, ValueError, AttributeError) as error:
            print("refused", what, error)
