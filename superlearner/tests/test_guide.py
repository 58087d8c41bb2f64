"""Every line of the guide to the API is typed on a platform that has just started, and answers what the guide shows."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
GUIDE = ROOT / "docs" / "api.md"
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
ANY = "…"


def unlike(expected: Any, got: Any, at: str = "answer") -> Iterator[str]:
    """Yield the differences of `got` from the example; `…` stands for anything."""
    if expected == ANY:
        return
    if isinstance(expected, dict) and isinstance(got, dict):
        for name in expected.keys() - got.keys() - {ANY}:
            yield f"{at}.{name} is missing"
        if ANY not in expected:
            yield from (f"{at}.{name} is not shown" for name in got.keys() - expected.keys())
        for name in expected.keys() & got.keys():
            yield from unlike(expected[name], got[name], f"{at}.{name}")
    elif isinstance(expected, list) and isinstance(got, list):
        shown = expected[:-1] if expected and expected[-1] == ANY else expected
        if len(got) < len(shown) or (len(got) > len(shown) and shown is expected):
            yield f"{at} has {len(got)} items, shown are {len(shown)}"
        for place, (one, other) in enumerate(zip(shown, got, strict=False)):
            yield from unlike(one, other, f"{at}[{place}]")
    elif isinstance(expected, str) and isinstance(got, str) and ANY in expected:
        if not re.fullmatch(".*".join(map(re.escape, expected.split(ANY))), got, re.DOTALL):
            yield f"{at} is {got!r}, shown is {expected!r}"
    elif expected != got or type(expected) is not type(got):
        yield f"{at} is {got!r}, shown is {expected!r}"


def examples() -> list[tuple[str, Any]]:
    blocks = BLOCK.findall(GUIDE.read_text(encoding="utf-8"))
    assert ["sh", "json"] * (len(blocks) // 2) == [language for language, _ in blocks]
    return [(line, json.loads(answer)) for (_, line), (_, answer) in zip(blocks[::2], blocks[1::2], strict=True)]


def test_every_line_of_the_guide_answers_what_is_shown(start: Callable[..., Any]) -> None:
    if shutil.which("curl") is None:
        pytest.skip("needs curl: apt-get install curl")
    program = start()
    environment = {
        "PATH": f"{Path(sys.executable).parent}:{Path(str(shutil.which('curl'))).parent}:/bin",
        "SUPERLEARNER_DATA_DIR": str(program.data_dir),
    }
    wrong: dict[str, list[str]] = {}
    for line, expected in examples():
        typed = line.replace("http://127.0.0.1:4000", program.url)
        assert typed != line, line
        done = subprocess.run(
            ["sh", "-c", typed], env=environment, capture_output=True, text=True, check=False, timeout=30
        )
        assert 0 == done.returncode, done.stderr
        answer = done.stdout.replace(f" --data-dir {program.data_dir}", "")  # the guide's reader needs none
        if problems := list(unlike(expected, json.loads(answer))):
            wrong[line] = [*problems, done.stdout]
    assert {} == wrong


@pytest.mark.parametrize(
    ("expected", "got"),
    [
        ({"a": 1}, {"a": 2}), ({"a": 1}, {}), ({}, {"a": 1}), ([1], [1, 2]), ([1, ANY], []), ("a…", "b"), (1, True),
        (41, "41"),
    ],
)  # fmt: skip
def test_an_answer_that_is_not_as_shown_is_seen(expected: Any, got: Any) -> None:
    assert list(unlike(expected, got))


def test_what_differs_from_run_to_run_is_left_open() -> None:
    shown = {"pid": ANY, "name": "a", "list": [1, ANY], "text": "pid (…)", ANY: ANY}
    assert not list(unlike(shown, {"pid": "0.1.0", "name": "a", "list": [1, 2, 3], "text": "pid (0.1.0)", "more": 1}))
    assert 10 < len(examples())
