"""Output for people: tables that fit, without control sequences."""

from __future__ import annotations

import fcntl
import json
import os
import pty
import re
import struct
import subprocess
import sys
import termios
import time
from pathlib import Path
from typing import Any

import pytest
import typer

from otp import sentences
from superlearner.cli.asking import PlatformAnswer, RequestRefused
from superlearner.cli.cells import span
from superlearner.cli.door import failed
from superlearner.cli.finding import FoundPlatform
from superlearner.cli.short import shortened
from superlearner.cli.showing import show
from superlearner.operations.declaration import Operation
from superlearner.operations.engine.registry import all_operations

SHOW = """
import json, sys
from superlearner.cli.asking import PlatformAnswer
from superlearner.cli.showing import show
data, short = json.loads(sys.stdin.read())
show(PlatformAnswer(data), short=short)
"""
STEERING = re.compile(r"\x1b\[[0-9;]*m")
SHORT = [one for one in all_operations() if one.short]


def at_a_terminal(data: Any, columns: int, short: tuple[str, ...] = (), *, styled: bool = False) -> str:
    """Return the output of `show` on a terminal of this width."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 40, columns, 0, 0))
    environment = {name: value for name, value in os.environ.items() if name not in ("COLUMNS", "NO_COLOR")}
    program = subprocess.Popen(
        [sys.executable, "-c", SHOW], stdin=subprocess.PIPE, stdout=theirs, stderr=theirs,
        env={**environment, "TERM": "xterm"},
    )  # fmt: skip
    os.close(theirs)
    assert program.stdin is not None
    program.stdin.write(json.dumps([data, short]).encode())
    program.stdin.close()
    text = b""
    try:
        while part := os.read(ours, 65536):
            text += part
    except OSError:  # Linux reports a closed other side like this
        pass
    os.close(ours)
    assert 0 == program.wait()
    shown = text.decode().replace("\r\n", "\n")
    return shown if styled else STEERING.sub("", shown)


def a_sandbox(id: str, **more: Any) -> dict[str, Any]:
    limits = {"memory_mb": 512, "idle_s": 1800.0}
    walls = [{"name": name, "up": True, "required": True, "means": "no network at all", "says": "namespace (7)"}
             for name in ("files", "network")]  # fmt: skip
    return {
        "id": id, "owner": "ada", "node": f"sandbox-{id}@127.0.0.1", "os_pid": 4711, "supervisor_pid": "0.2.0",
        "status": "running", "created_at": time.time() - 180, "restart_count": 2,
        "configuration": {"origin": "demo", "title": None, "custom_config": None, "limits": limits},
        "walls": walls, **more,
    }  # fmt: skip


def declared(name: str) -> tuple[str, ...]:
    return next(one.short for one in SHORT if one.name == name)


@pytest.mark.parametrize("columns", [80, 120])
def test_a_list_of_sandboxes_shows_name_state_reason_and_age_within_the_width(columns: int) -> None:
    """Regression: the first columns were owner and pids, and the state was not shown."""
    why = "used more than 512 MiB of memory, which is what it was given at its start"
    rows = [a_sandbox("my_first"), a_sandbox("second", status="ended", reason=why)]
    head, _, *lines = at_a_terminal(rows, columns, declared("sandbox.list")).splitlines()
    assert ["id", "status", "reason", "created", "restarts"] == head.split()[:5]
    assert ["my_first", "running", "-", "3", "min", "ago", "2"] == lines[0].split()[:7]
    assert max(len(line) for line in (head, *lines) if not line.startswith("no room")) <= columns
    text = " ".join(" ".join(lines).split())
    assert all(word in text for word in why.split())


def test_a_measured_duration_reads_as_in_sentences() -> None:
    """Regression: a table had *2.17 min* for 130 s, a sentence *2 min 10 s*."""
    measured = [0.0, *(digits * 10**power for power in range(-6, 6) for digits in (1.04, 1.3, 2.96, 7.2, 9.93))]
    assert [sentences.elapsed(one) for one in measured] == [span(one) for one in measured]


def test_a_column_is_complete_or_omitted_and_omitted_ones_are_named() -> None:
    rows = [{"name": "n" * 30, "node": "o" * 30, "pid": "0.123.0", "links": 3, "why": "-"}]
    shown = at_a_terminal(rows, 60)
    assert "…" not in shown
    assert "no room here for: node; --json has all of it" in shown
    assert "0.123.0" in shown


@pytest.mark.parametrize("operation", SHORT, ids=lambda one: one.name)
def test_the_short_form_names_fields_of_the_result(operation: Operation) -> None:
    schema = operation.encode.json_schema()
    known = schema.get("$defs", {})
    assert [] == [path for path in operation.short if not _has(schema, known, path.split("."))]


def _has(schema: dict[str, Any], known: dict[str, Any], path: list[str]) -> bool:
    if "$ref" in schema:
        schema = known[schema["$ref"].rpartition("/")[2]]
    if "anyOf" in schema:
        return any(_has(one, known, path) for one in schema["anyOf"])
    if schema.get("type") == "array":
        return _has(schema["items"], known, path)
    return not path or (
        path[0] in schema.get("properties", {}) and _has(schema["properties"][path[0]], known, path[1:])
    )


def test_a_restart_is_readable_in_80_columns() -> None:
    """Regression: it was a summary on one line, without the line that raised, the states and the lost messages."""
    facts = {
        "what": "ledger was restarted", "why": "ValueError('negative amount')", "where": "shop.py:58 in handle_cast",
        "source": 'raise ValueError("negative amount")',
        "handling": "the cast ('pay', -3) that ada sent from the page at 10:07:07", "state_before": "{'cash': 41}",
        "state_after": "{'cash': 0}", "lost": "4 messages: ('pay', 1), ('pay', 2), ('pay', 3) and 1 more",
        "supervisor": "checkout_sup (rest_for_one) stopped mailer, then cart, started ledger, cart and mailer",
        "budget": "2 of 3 restarts left in 5 s",
    }  # fmt: skip
    ref, summary = "9f3a0c1b22d4.1204", "ledger crashed; " * 30
    shown = at_a_terminal({"at": time.time(), "ref": ref, "summary": summary, "facts": facts, "events": []}, 80,
                          declared("restart.show"))  # fmt: skip
    assert max(map(len, shown.splitlines())) <= 80
    heads = [line.split("  ")[0].strip() for line in shown.splitlines() if not line.startswith(" ")]
    assert heads == ["at", *(name.replace("_", " ") for name in facts), "ref"]
    assert all(text in " ".join(shown.split()) for text in (*facts.values(), ref))


def test_a_list_of_restarts_says_what_happened_and_where() -> None:
    row = {"at": time.time(), "line": "ledger crashed and was restarted", "where": "shop.py:58 in handle_cast",
           "reason": "ValueError('negative amount')", "ref": "9f3a0c1b22d4.1204"}  # fmt: skip
    shown = at_a_terminal([row], 120, declared("restart.list"))
    assert re.split(r" {2,}", shown.splitlines()[0].strip()) == ["at", "what happened", "where", "reason", "ref"]
    assert "shop.py:58 in handle_cast" in " ".join(shown.split())


@pytest.mark.parametrize("short", [declared("sandbox.output"), declared("docs.page"), declared("sandbox.source")])
def test_a_text_is_printed_as_is(short: tuple[str, ...], capsys: pytest.CaptureFixture[str]) -> None:
    show(PlatformAnswer({"id": "x", "version": 1, short[0]: "one\n\ttwo\n"}), short=short)
    assert ("one\n\ttwo\n", "") == tuple(capsys.readouterr())


def test_the_output_of_a_sandbox_cannot_control_the_terminal() -> None:
    data = {"id": "x", "text": "\x1b[2J\x1b]0;owned\x07 \u202etxt.exe\nnext", "total": 9, "cut": True}
    shown = at_a_terminal(data, 80, declared("sandbox.output"), styled=True)
    assert "\\x1b[2J\\x1b]0;owned\\x07 \\u202etxt.exe\nnext\nnot all of it: the rest was cut\n" == shown


def test_a_record_is_aligned_and_small_values_stay_on_their_line() -> None:
    data = {
        "name": "counter_1", "memory": 136_015_872, "took_ms": 35_752, "created_at": time.time() - 7200,
        "parent": {"pid": "0.7.0", "name": "shop", "what": "Shop"}, "rate": {"restarts": 2, "window_ms": 60_000},
        "trap_exit": False, "ended_at": None, "processes_looked_at": 44, "per_s": 1.25,
        "links": [{"pid": "0.7.0", "name": "shop", "what": "Shop"}],
    }  # fmt: skip
    lines = at_a_terminal(data, 80).splitlines()
    expected = {
        "name": "counter_1", "memory": "130 MiB", "took": "35.8 s", "created": "2 h ago", "parent": "shop (0.7.0)",
        "rate": "restarts 2, window 60 s", "trap_exit": "no", "ended": "-", "processes_looked_at": "44",
        "per_s": "1.25",
    }  # fmt: skip
    fields = [line.split(maxsplit=1) for line in lines[: len(expected)]]
    assert expected == {name: value.rstrip() for name, value in fields}
    assert ["", "links", "pid    name  what", "─────────────────", "0.7.0  shop  Shop"] == [
        line.rstrip() for line in lines[len(expected) :]
    ]


def test_in_a_pipe_a_short_form_is_complete_and_exact(capsys: pytest.CaptureFixture[str]) -> None:
    show(
        PlatformAnswer([a_sandbox("my_first", created_at=0.5, memory_bytes=45_000_000, reason="r" * 500)]),
        short=declared("sandbox.list"),
    )
    head, row = capsys.readouterr().out.splitlines()
    assert ["id", "status", "reason", "created_at", "restart_count", "memory_bytes", "origin", "node", "owner"] == (
        head.split()
    )
    assert ["my_first", "running", "r" * 500] == row.split()[:3]
    assert ".500" in row


def test_in_a_pipe_a_sentence_pads_no_other_row_and_moves_no_column(capsys: pytest.CaptureFixture[str]) -> None:
    """Regression: each row had the width of the longest sentence; and columns moved with the values."""
    rows = [{"name": "web", "why": "it ended", "try": "again", "at": 1}]
    show(PlatformAnswer([*rows, {"name": "till", "why": "it was busy " * 30, "try": "x" * 400, "at": 20}]))
    head, web, till = capsys.readouterr().out.splitlines()
    assert ["name  why       try    at", "web   it ended  again  1"] == [head, web]
    assert f"till  {'it was busy ' * 30}  {'x' * 400}  20" == till


def test_the_last_request_of_a_user_is_a_time(capsys: pytest.CaptureFixture[str]) -> None:
    """Regression: it was a number, 1795885604.3579643."""
    show(PlatformAnswer([{"name": "ada", "last_seen": 0.5}]), short=("name", "last_seen"))
    assert re.search(r"ada +19\d\d-\d\d-\d\d \d\d:\d\d:00\.500", capsys.readouterr().out)


def test_in_a_short_form_an_empty_list_takes_no_line(capsys: pytest.CaptureFixture[str]) -> None:
    show(PlatformAnswer({"id": "my_first", "version": 2, "still_old": []}), short=("id", "version", "still_old"))
    assert ["id       my_first", "version  2"] == capsys.readouterr().out.splitlines()


def test_a_source_in_colours_is_shown_as_text(capsys: pytest.CaptureFixture[str]) -> None:
    show(PlatformAnswer({"file": "a.py", "lines": [[["k", "def"], ["", " "], ["nf", "go"]], [["", "    ..."]]]}))
    assert "file  a.py\n\nlines\ndef go\n    ...\n" == capsys.readouterr().out


def test_the_path_of_a_file_is_relative_to_the_command(look: Any, untouched: Any, tmp_path: Path) -> None:
    """Regression: `--file tally.py` was searched in the platform's directory."""
    done = look("sandbox", "create", "x", "--file", "tally.py", "--dry-run")
    assert f"{tmp_path / 'tally.py'} cannot be read: No such file" in done.stderr
    source = tmp_path / "broken.py"
    source.write_text("class Main(:\n", encoding="utf-8")
    done = look("sandbox", "create", "x", "--source", f"@{source}", "--dry-run")
    assert (1, True) == (done.returncode, "source: line 1" in done.stderr)
    done = look("sandbox", "create", "x", "--source", "@nowhere.py")
    assert (2, True) == (done.returncode, "expected a file after @, got nowhere.py" in done.stderr)


def test_all_commands_read_a_program_with_the_same_option(look: Any, tmp_path: Path) -> None:
    """`sandbox create` has a parameter `file`; other commands send the source."""
    for verb in ("hot-reload", "restart"):
        done = look("sandbox", verb, "x", "--file", "nowhere.py")
        assert (2, True) == (done.returncode, "expected a file after @, got nowhere.py" in done.stderr), done.stderr
        (tmp_path / "tally.py").write_text("x = 1\n", encoding="utf-8")
        done = look("sandbox", verb, "x", "--file", "tally.py")
        assert (1, True) == (done.returncode, "there is no sandbox 'x'" in done.stderr), done.stderr
        done = look("sandbox", verb, "x", "--file", "tally.py", "--source", "x = 2")
        assert (2, True) == (done.returncode, "expected one value" in done.stderr)


def test_bottlenecks_have_no_line_for_what_was_not_measured() -> None:
    """Regression: `measured -` and `high_memory_count -` were in each answer."""
    [paths] = [one.short for one in SHORT if one.name == "system.bottlenecks"]
    analysis = {"total": 0, "high_memory_count": None, "large_queue_count": 0, "severity": "low"}
    answer = {"bottlenecks": [], "analysis": analysis, "measured": None}
    assert shortened(answer, paths) == {"bottlenecks": [], "total": 0, "large_queue_count": 0, "severity": "low"}


@pytest.mark.parametrize(
    ("meta", "filters", "said"),
    [
        ({}, "", "nothing"),
        ({}, "--search xyzzy", "nothing matches --search xyzzy"),
        ({"note": "there is no process 'xyzzy'"}, "--process xyzzy", "there is no process 'xyzzy'"),
        ({"total": 3, "page": 9, "total_pages": 2}, "", "nothing on page 9, the last one is 2"),
    ],
    ids=["plain", "filters", "note", "page"],
)
def test_an_empty_list_says_why(
    capsys: pytest.CaptureFixture[str], meta: dict[str, Any], filters: str, said: str
) -> None:
    """Regression: it said nothing but `nothing`."""
    show(PlatformAnswer([], meta), filters=filters)
    assert ("", f"{said}\n") == capsys.readouterr()


def test_a_list_says_what_may_be_missing(capsys: pytest.CaptureFixture[str]) -> None:
    note = "shop@127.0.0.1 did not answer within 2 s; its newest restarts may be missing"
    show(PlatformAnswer([{"line": "till gave up"}], {"note": note}))
    assert ("line\ntill gave up\n", f"{note}\n") == capsys.readouterr()


def test_an_answer_of_which_all_lists_are_empty_says_so(capsys: pytest.CaptureFixture[str]) -> None:
    """Regression: `cluster anomalies` printed not one word if all was well."""
    answer = PlatformAnswer({"anomalies": [], "nodes_queried": ["a"], "missing": []}, None)
    show(answer, short=("anomalies.node,severity", "missing.node,reason"))
    assert ("", "nothing\n") == capsys.readouterr()
    show(PlatformAnswer({"restarted": 0, "why": None}, None), short=("restarted", "why"))
    assert ("0\n", "") == capsys.readouterr()


def test_the_sentences_of_a_summary_are_lines_before_the_fields(capsys: pytest.CaptureFixture[str]) -> None:
    """Regression: they were one line of up to 700 characters."""
    show(PlatformAnswer({"restarted": True, "summary": "ledger was killed\nshop restarted ledger"}))
    assert capsys.readouterr().out == "ledger was killed\nshop restarted ledger\n\nrestarted  yes\n"


def test_a_refused_request_shows_each_hint_once(capsys: pytest.CaptureFixture[str]) -> None:
    """Regression: with the same hint for two fields, the same command stood there twice."""
    hints = ("see GET /api/v1/processes", "see `superlearner process list`", "see GET /api/v1/processes")
    with pytest.raises(typer.Exit):
        failed(RequestRefused("process_not_found", "there is no process 'x'", hints), FoundPlatform("http://x", None))
    assert capsys.readouterr().err.splitlines()[1:] == ["  see `superlearner process list`"]
