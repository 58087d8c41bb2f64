"""The commands in the documentation run as they are printed; those that cannot are listed with the reason."""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final

import pytest
from tools.check_commands import OTHERS, manifest
from tools.files import ROOT, written_files

Run = Callable[..., subprocess.CompletedProcess[str]]

BLOCK: Final = re.compile(r"^```(?:sh|text|console)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
COMMAND: Final = re.compile(r"^(?:\$ )?((?:superlearner|curl) \S.*)$", re.MULTILINE)
INLINE: Final = re.compile(r"`(superlearner [a-z][^`]*)`")
SUCCESSION: Final = re.compile(r"\\\n\s*")

ELSEWHERE: Final = {
    "docs/access.md": "test_recipes.py runs the recipes; the rest needs users, tokens and certificates of the reader",
    "docs/adding-a-page.md": "test_adding.py follows the guide",
    "docs/adding-an-operation.md": "test_adding.py follows the guide",
    "docs/api.md": "test_guide.py compares every answer",
    "docs/cluster-start.md": "tests of the cluster start members; certificates need other hosts",
    "docs/command-line.md": "cli/test_page.py runs every line",
    "docs/console.md": "cli/test_console.py: prompts, and -c",
    "docs/course.md": "cli/test_course.py: needs an answer of the reader",
    "docs/observing.md": "nodes/attaching/test_attaching.py attaches and detaches a service",
    "examples/orders/README.md": "the tests of the example start the service that its lines attach",
    "docs/testing.md": "cli/test_cluster_tests.py runs the tests of the example on members",
    "docs/start.md": "cli/test_page.py reads 41 and 0",
    "docs/cluster-performance.md": "a sentence about programs of Erlang",
    "SECURITY.md": "sentences",
}
"""Pages whose commands other tests run, or that have none for a reader."""
STARTS: Final = re.compile(r"superlearner (run|mcp|console)\b")
"""Commands that do not end; other tests start them."""


def lines_of(page: str) -> list[str]:
    """Return the commands in the blocks of a page, without those that never end."""
    text = (ROOT / page).read_text(encoding="utf-8")
    blocks = [SUCCESSION.sub("", block) for block in BLOCK.findall(text)]
    return [line for block in blocks for line in COMMAND.findall(block) if not STARTS.match(line)]


PAGES: Final = sorted(
    page
    for path in written_files()
    if path.suffix == ".md" and (page := path.as_posix()) not in ELSEWHERE and "/lessons/" not in page
    if lines_of(page)
)


class Reader:
    """A reader who types the lines of one page after the other."""

    def __init__(self, program: Any, superlearner: Run, folder: Path) -> None:
        self._program = program
        self._superlearner = superlearner
        self._folder = folder
        self._environment = {**program.environment, "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}

    def type(self, line: str) -> subprocess.CompletedProcess[str]:
        """Run a line on the platform, on its port."""
        here = re.sub(r"(localhost|127\.0\.0\.1):4000", self._program.url.removeprefix("http://"), line)
        if here.startswith("curl "):
            brief = " --max-time 1" if "curl -N" in here else ""  # it would not end
            words = ["sh", "-c", here.replace("curl ", f"curl --fail-with-body --silent{brief} ", 1)]
            return subprocess.run(words, env=self._environment, capture_output=True, text=True, check=False)
        program, *arguments = shlex.split(self._filled(here), comments=True)
        if arguments[:2] == ["events", "stream"]:  # it would not end
            arguments += ["--timeout-ms", "1"]
        assert program == "superlearner"
        return self._superlearner(*arguments)

    def _filled(self, line: str) -> str:
        """Return the line with the number of an event of this platform, and with files that the test can reach."""
        line = line.replace(" examples/", f" {ROOT}/examples/")
        if "restart show" not in line and "restart export" not in line:
            return line
        [newest, *_] = json.loads(self._superlearner("restart", "list", "--json").stdout)
        return line.replace("1204", str(newest["event"])).replace("ledger.html", str(self._folder / "ledger.html"))


@pytest.mark.program
def test_the_commands_of_the_pages_run_as_printed(start: Callable[..., Any], superlearner: Run, tmp_path: Path) -> None:
    if shutil.which("curl") is None:
        pytest.skip("needs curl: apt-get install curl")
    reader = Reader(start(), superlearner, tmp_path)
    last: list[tuple[str, str]] = []
    failed: dict[str, str] = {}

    def read(page: str, line: str) -> None:
        done = reader.type(line)
        if done.returncode not in ((0, 28) if "curl -N" in line else (0,)):
            failed[f"{page}: {line}"] = done.stdout + done.stderr

    for page in PAGES:
        for line in lines_of(page):
            if "sandbox destroy" in line:
                last.append((page, line))  # a later block uses it
            else:
                read(page, line)
    for page, line in last:
        read(page, line)
    assert {} == failed


def commands_in(text: str) -> Iterator[str]:
    """Yield the commands of a page, in blocks and in sentences."""
    yield from INLINE.findall(text)
    for block in BLOCK.findall(text):
        yield from (one for one in COMMAND.findall(SUCCESSION.sub("", block)) if one.startswith("superlearner "))


OPERATIONS: Final = manifest()
OURS: Final = {"--node", "--json", "--url", "--data-dir", "--dry-run", "--help", "--no-browser"}


def problem_of(command: str) -> str | None:
    """Return why a command does not exist; None if it does."""
    words = [word for word in re.split(r"\s+", command.partition("#")[0]) if word][1:]
    while words[:1] in (["--data-dir"], ["--url"]):
        words = words[2:]
    category, verb = words[0], words[1] if len(words) > 1 else ""
    verbs = {name.partition(".")[2].replace("_", "-").replace(".", "-"): name for name in OPERATIONS
             if name.partition(".")[0] == category}  # fmt: skip
    if verb in verbs:
        entry = OPERATIONS[verbs[verb]]
        known = {f"--{one['name'].replace('_', '-')}" for one in entry["parameters"]} | OURS
        known |= {"--to"} if entry.get("saves") else set()
        known |= {"--watch", "--weak-walls"} if verbs[verb] == "course.check" else set()
        given = {word.partition("=")[0] for word in words if word.startswith("--")}
        unknown = {word for word in given if word not in known and word.replace("--no-", "--", 1) not in known}
        return f"no option {sorted(unknown)}" if unknown else None
    if category in OTHERS | {"console", "mcp", "export-history"}:
        return None
    return None if verbs and (not verb or not verb[0].islower()) else f"no command {category} {verb}"


PAST: Final = ("CHANGELOG.md", "docs/decisions/", "docs/adding-an-operation.md", "docs/plug-ins.md")
"""Pages about commands that are gone, or that the reader adds."""
TEXTS: Final = sorted(
    page for path in written_files() if path.suffix == ".md" and not (page := path.as_posix()).startswith(PAST)
)


MISTYPED: Final = "superlearner process kil counter_1      # exits with 2"
"""A mistake on purpose."""


def test_every_command_in_a_text_exists() -> None:
    found = [(page, one) for page in TEXTS for one in commands_in((ROOT / page).read_text(encoding="utf-8"))]
    assert len(found) > 100
    problems = [(page, one, problem_of(one)) for page, one in found if one != MISTYPED]
    assert [] == [problem for problem in problems if problem[2] is not None]


def test_every_command_in_a_help_text_or_a_page_exists() -> None:
    found: list[tuple[str, str]] = []
    for path in sorted((ROOT / "superlearner" / "src").rglob("*")):
        if path.suffix in (".py", ".html"):
            text = path.read_text(encoding="utf-8")
            found += [(path.name, one) for one in INLINE.findall(text) if "{" not in one]
            found += [(path.name, f"superlearner {one}") for one in re.findall(r"\{\{ cli \}\} ([^<{]+)", text)]
    assert len(found) > 30
    problems = [(page, one, problem_of(one)) for page, one in found]
    assert [] == [problem for problem in problems if problem[2] is not None]


def test_every_page_is_read_or_has_a_reason() -> None:
    assert [] == [page for page in ELSEWHERE if not (ROOT / page).exists()]
    assert len(PAGES) >= 10


@pytest.mark.parametrize(
    "command",
    ["superlearner error because till", "superlearner process kill till --becuase x", "superlearner evaluate"],
)
def test_a_command_that_does_not_exist_is_found(command: str) -> None:
    assert problem_of(command) is not None
