"""Reaches for files over links that it makes."""

# ends: stopped

import os
from pathlib import Path


def boot(here):
    for name in ("token", "readable"):
        os.symlink(here.args[name], name)
        try:
            print("ESCAPED", Path(name).read_text())
        except OSError as error:
            print("refused", error)
    os.symlink("/", "all")
    try:
        print("ESCAPED", os.listdir("all/etc/ssh"))
    except OSError as error:
        print("refused", error)
