"""The commands on the documentation pages work as shown."""

from __future__ import annotations

import re
import shlex
import subprocess
from collections.abc import Callable
from typing import Any

import pytest
from tools.files import ROOT

pytestmark = pytest.mark.program

PAGE = (ROOT / "docs/command-line.md").read_text(encoding="utf-8")
START = (ROOT / "docs/start.md").read_text(encoding="utf-8")
BLOCK = re.compile(r"^```sh\n(.*?)^```$", re.MULTILINE | re.DOTALL)
EXITS = re.compile(r"# exits with (\d+)")


def test_the_commands_on_the_page_end_as_documented(
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


def test_the_first_lesson_reads_41_before_the_kill_and_0_after_it(
    start: Callable[..., Any], superlearner: Callable[..., subprocess.CompletedProcess[str]]
) -> None:
    start()
    (lesson,) = [block for block in BLOCK.findall(START) if "process message counter_1" in block]
    replies: list[str] = []
    for line in lesson.splitlines():
        _, *arguments = shlex.split(line)
        done = superlearner(*arguments)
        assert done.returncode == 0, done.stderr
        replies += re.findall(r"^reply +(\S+)$", done.stdout, re.MULTILINE)
    assert ["41", "0"] == replies
