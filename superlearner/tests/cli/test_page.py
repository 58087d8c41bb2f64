"""The page about the command line tells the truth: what it shows is run."""

from __future__ import annotations

import re
import shlex
import subprocess
from collections.abc import Callable
from typing import Any

from tools.files import ROOT

PAGE = (ROOT / "docs/command-line.md").read_text(encoding="utf-8")
BLOCK = re.compile(r"^```sh\n(.*?)^```$", re.MULTILINE | re.DOTALL)
EXITS = re.compile(r"# exits with (\d+)")


def test_the_commands_on_the_page_end_as_it_says(
    start: Callable[..., Any], superlearner: Callable[..., subprocess.CompletedProcess[str]]
) -> None:
    start()
    lines = [line for block in BLOCK.findall(PAGE) for line in block.splitlines()]
    assert lines
    ended: list[tuple[str, int]] = []
    promised: list[tuple[str, int]] = []
    for line in lines:
        program, *arguments = shlex.split(line, comments=True)
        assert program == "superlearner"
        found = EXITS.search(line)
        promised.append((line, int(found[1]) if found else 0))
        ended.append((line, superlearner(*arguments).returncode))
    assert promised == ended
