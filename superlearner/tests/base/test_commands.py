"""Words of printed commands: a shell reads them back, a terminal shows all of them, and pages quote the same way."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from superlearner.base.commands import command, quoted
from superlearner.base.data_dir import default_data_dir, in_data_dir

WORDS = json.loads((Path(__file__).parent.parent / "shared" / "quoted_words.json").read_text(encoding="utf-8"))
"""Also read by `web/js/commands.test.js`."""


@pytest.mark.parametrize(("text", "expected"), WORDS, ids=[f"word-{number}" for number in range(len(WORDS))])
def test_a_word_is_quoted_as_on_pages(text: str, expected: str) -> None:
    """Control and text direction characters were printed raw."""
    assert expected == quoted(text)
    assert expected.isprintable()
    assert command("process.kill", text, node="a") == f"superlearner process kill {expected} --node a"


def test_a_shell_reads_all_words_back() -> None:
    script = "\0".join(quoted(text) for text, _ in WORDS).replace("\0", " ")
    done = subprocess.run(
        ["bash", "-c", f"printf '%s\\0' {script}"], capture_output=True, check=True, env={"LC_ALL": "C.UTF-8"}
    )
    assert [text for text, _ in WORDS] == done.stdout.decode().split("\0")[:-1]


def test_printed_commands_keep_a_data_directory_once() -> None:
    text = "try `superlearner run a.py:B`, `superlearner doctor` or `superlearner run --data-dir /b`"
    expected = (
        "try `superlearner --data-dir /a run a.py:B`, `superlearner --data-dir /a doctor` "
        "or `superlearner run --data-dir /b`"
    )
    assert expected == in_data_dir(text, Path("/a"))
    assert text == in_data_dir(text, None) == in_data_dir(text, default_data_dir())
