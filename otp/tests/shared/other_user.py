"""Code that runs as another user of the machine, in a process of its own.

Everything it needs is imported before it changes its user: the other one may not be able to read this checkout.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import Any, Final

import pytest

__all__ = ["NOBODY", "OtherUser", "needs_root"]

NOBODY: Final = 65_534
needs_root: Final = pytest.mark.skipif(
    not hasattr(os, "geteuid") or os.geteuid() != 0, reason="only root can become another user"
)
BECOME: Final = f"""
import encodings.idna, json, os, sys
def become():
    os.setgroups([])
    os.setgid({NOBODY})
    os.setuid({NOBODY})
"""


class OtherUser:
    """A program of `nobody`: `attack(*words)` is called there with each request, and returns what JSON can hold.

    Args:
        code: imports, and the function `attack`.
    """

    def __init__(self, code: str) -> None:
        loop = "become()\nfor line in sys.stdin:\n    print(json.dumps(attack(*json.loads(line))), flush=True)\n"
        self._process = subprocess.Popen(
            [sys.executable, "-c", BECOME + code + loop],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        )  # fmt: skip

    def __enter__(self) -> OtherUser:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.communicate()

    def __call__(self, *words: Any) -> Any:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(words) + "\n")
        self._process.stdin.flush()
        return json.loads(self._process.stdout.readline())
