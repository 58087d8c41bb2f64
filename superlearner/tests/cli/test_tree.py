"""The tree in a terminal, once or updated at each change."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from superlearner.cli import tree

Run = Callable[..., subprocess.CompletedProcess[str]]


def test_the_tree_shows_a_restart_and_the_used_budget(start: Callable[..., Any], superlearner: Run) -> None:
    start()
    superlearner("process", "kill", "counter_1")
    drawn = superlearner("tree", "demo_one_for_one").stdout.splitlines()
    assert len(drawn) == 4
    assert ("of 3 restarts left in 5 s" in drawn[0], "counter_1" in drawn[1], "1 restart" in drawn[1]) == (
        True,
        True,
        True,
    )
    whole = superlearner("tree").stdout
    assert [name for name in ("playground", "shop", "ledger") if name not in whole] == []


def test_the_tree_leaves_out_the_platforms_own_and_counts_as_the_list_does(look: Run) -> None:
    *tree, empty, count = look("tree").stdout.splitlines()
    assert (tree[0].split()[0], empty) == ("playground", "")
    assert not any("services" in line or "superlearner" in line for line in tree)
    said = r"(\d+) processes besides the playground(?:, (\d+) of them without a supervisor)?; `--whose all` also .*"
    found = re.fullmatch(said, count)
    assert found is not None, count
    assert int(found[1]) == len(tree) - 1 + int(found[2] or 0)  # a line for each, and one for the playground
    for whose in ("all", "platform"):
        drawn = look("tree", "--whose", whose).stdout.splitlines()
        assert (drawn[0].split()[0], any("ledger" in line for line in drawn)) == ("superlearner", whose == "all")
        assert re.fullmatch(r"\d+ processes(, \d+ of them without a supervisor(: .+)?)?", drawn[-1])


@pytest.mark.parametrize(("format", "begins"), [("text", "playground"), ("dot", "digraph"), ("mermaid", "flowchart")])
def test_a_tree_has_many_formats(look: Run, format: str, begins: str) -> None:
    done = look("tree", "--format", format)
    assert (done.returncode, done.stdout.split()[0]) == (0, begins)
    shown = json.loads(look("tree", "playground", "--format", "json", "--depth", "1").stdout)
    assert [one["id"] for one in shown["roots"][0]["children"]] == ["demo_one_for_one", "shop"]


def test_a_subcommand_is_not_taken_as_a_root(look: Run) -> None:
    assert "demo_one_for_one" in look("tree", "ancestors", "counter_1").stdout
    unknown = look("tree", "ancestry")
    assert (unknown.returncode, "supervisor_not_found" in unknown.stderr) == (1, True)
    assert look("tree", "--format", "png").returncode == 2


SHELF = """\
from otp import Agent, Children, Registry, Supervisor, impl

class Shelf(Supervisor):
    @impl
    def init(self, arg):
        book = Agent.child_spec(lambda: [], id="book", name=Registry.via("books", "ACME"))
        return Children([Registry.child_spec(keys="unique", name="books"), book])
"""


def test_a_process_is_shown_and_addressed_by_its_registry_key(
    start: Callable[..., Any], superlearner: Run, tmp_path: Path
) -> None:
    (tmp_path / "shelf.py").write_text(SHELF)
    start("shelf.py:Shelf", "--in-process")
    assert "Agent ACME 0." in superlearner("tree").stdout
    assert superlearner("process", "kill", "Agent ACME").returncode == 0
    drawn = superlearner("tree", "playground").stdout.splitlines()
    assert "1 restart" in next(line for line in drawn if "Agent ACME" in line)


def test_json_and_node_are_common_options(look: Run) -> None:
    shown = look("tree", "--json", "--depth", "0")
    assert shown.stdout == look("tree", "--format", "json", "--depth", "0").stdout
    name = json.loads(shown.stdout)["node"]
    assert shown.stdout == look("tree", "--json", "--depth", "0", "--node", name).stdout
    assert "node_not_found" in look("tree", "--node", "moon").stderr
    gone = look("tree", "--watch", "--node", "moon")
    assert (gone.returncode, "node_not_found" in gone.stderr) == (1, True)


@contextmanager
def watching(program: Any, directory: Path, *more: str) -> Iterator[subprocess.Popen[str]]:
    command = [sys.executable, "-m", "superlearner", "tree", "demo_one_for_one", "--watch", "--format", "json"]
    with subprocess.Popen(
        [*command, "--url", program.url, *more],
        cwd=directory,
        env=program.environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def restarts(line: str) -> int:
    return json.loads(line)["roots"][0]["children"][0]["restarts"]


def test_watching_redraws_at_a_change_until_ctrl_c(
    start: Callable[..., Any], superlearner: Run, tmp_path: Path
) -> None:
    program = start()
    with watching(program, tmp_path, "--node", "superlearner@127.0.0.1") as process:
        assert process.stdout is not None
        assert restarts(process.stdout.readline()) == 0
        superlearner("process", "kill", "counter_1")
        assert next(line for line in process.stdout if restarts(line) == 1)
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=30)
    assert (process.returncode, errors) == (0, "")


def test_watching_ends_with_the_platform(start: Callable[..., Any], tmp_path: Path) -> None:
    program = start()
    with watching(program, tmp_path) as process:
        assert process.stdout is not None
        assert restarts(process.stdout.readline()) == 0
        program.end()
        _, errors = process.communicate(timeout=30)
    assert (process.returncode, "platform" in errors) == (3, True)


def test_a_node_whose_tree_gave_up_says_so(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """Regression: it printed "0 processes" and nothing else, and later only on a node that was named."""
    empty = {"drawing": {"text": "", "processes": 0, "left_out": 0}}
    note = "no supervisors are running; at 10:00:00, tree gave up: 0 of 3 left"
    answers = [SimpleNamespace(data=empty, meta={"note": note}), SimpleNamespace(data=empty, meta=None)]
    monkeypatch.setattr(tree, "ask_or_fail", lambda *_, **__: answers.pop(0))
    monkeypatch.setattr(tree, "reach", lambda *_: SimpleNamespace(begin="superlearner"))
    tree.show_tree(None, None, {"format": "text", "root": None}, None)
    assert capsys.readouterr().out == f"0 processes\n{note}\n"
    tree.show_tree(None, None, {"format": "text", "root": None}, "prices")
    assert capsys.readouterr().out == "0 processes; no supervisor is running there\n"


@pytest.mark.parametrize(
    ("alone", "which", "listed"),
    [
        (2, ", 2 of them without a supervisor: loner, waiter 0.9.0", 3),
        (1868, ", 1,868 of them without a supervisor", 3),
        (1, "", 1),  # it is in its `init`. Regression: "1 of them without a supervisor: ", and no name
    ],
)
def test_the_tree_names_a_few_processes_without_a_supervisor(
    alone: int, which: str, listed: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Regression: it said "1 of them without a supervisor", but not which."""
    answers: dict[str, Any] = {
        "tree.show": {"drawing": {"text": "cinema", "processes": alone + 1, "alone": alone, "left_out": 0}},
        "process.list": [
            {"pid": "0.2.0", "name": "cinema", "what": "Cinema", "type": "supervisor"},
            {"pid": "0.8.0", "name": "loner", "what": "waiter", "type": "worker"},
            {"pid": "0.9.0", "name": None, "what": "waiter", "type": "worker"},
        ][:listed],
    }

    def answer(_platform: Any, entry: Any, _values: Any, **_more: Any) -> SimpleNamespace:
        return SimpleNamespace(data=answers[entry["name"]], meta=None)

    monkeypatch.setattr(tree, "ask_or_fail", answer)
    monkeypatch.setattr(tree, "reach", lambda *_: None)
    tree.show_tree(None, None, {"format": "text", "root": None}, "prices")
    assert capsys.readouterr().out == f"cinema\n\n{alone + 1:,} processes{which}\n"
