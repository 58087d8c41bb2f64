"""Writes, renames, removes and links outside of its folder."""

# ends: stopped

import os
from pathlib import Path


def boot(here):
    args = here.args
    for what, attempt in {
        "write": lambda: Path(args["writable"], "new").write_text("x"),
        "append": lambda: open(args["readable"], "a"),
        "remove": lambda: os.remove(args["readable"]),
        "rename": lambda: os.rename(args["readable"], args["readable"] + "2"),
        "mkdir": lambda: os.mkdir(args["writable"] + "/d"),
        "chmod": lambda: os.chmod(args["readable"], 0o777),
        "truncate": lambda: os.truncate(args["readable"], 0),
        "hard link": lambda: os.link(args["token"], "token"),
        "interpreter": lambda: Path(os.__file__).write_text(""),
        "beside the interpreter": lambda: Path(os.path.dirname(os.__file__), "sitecustomize.py").write_text(""),
        "otp": lambda: Path(__import__("otp").__file__).write_text(""),
        "devices": lambda: Path("/dev/new").write_text("x"),
    }.items():
        try:
            print("ESCAPED", what, attempt())
        except (OSError, ValueError, AttributeError) as error:
            print("refused", what, error)
