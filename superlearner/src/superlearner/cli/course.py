"""Commands of the course beside its operations: `check` (needs no platform), `list` and `open`."""

from __future__ import annotations

import contextlib
import json
import shutil
import sys
import textwrap
import time
from dataclasses import asdict, dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Annotated, Any, Final, TypeAlias

import typer

from superlearner.base.printable import printable, printable_lines
from superlearner.base.terminal import complain
from superlearner.cli.door import ask_or_fail, reach, resolve_options
from superlearner.cli.ends import FAILED, USAGE, fail
from superlearner.cli.finding import data_dir_of
from superlearner.cli.manifest import entry_of_verb
from superlearner.cli.operations import DataDir, Json, Url, WithOperations
from superlearner.cli.showing import show

__all__ = ["course"]

NOT_RUN: Final = 2
LONGEST: Final = 200_000
WIDTH: Final = 10
STORE_S: Final = 5.0
"""Seconds within which a platform stores an answer."""

Place: TypeAlias = tuple[str | None, Path | None]
"""The URL and the data directory of a platform, as given."""


@dataclass(frozen=True, slots=True)
class Record:
    """The user for whom an answer was recorded, or the reason why it was not."""

    recorded_for: str | None
    why_not: str | None


course = typer.Typer(cls=WithOperations, help="Learn: sessions, exercises and predictions.", no_args_is_help=True)


@course.callback()
def _group() -> None:
    """Learn: sessions, exercises and predictions."""


@course.command()
def check(
    ctx: typer.Context,
    exercise: Annotated[str, typer.Argument(metavar="EXERCISE", help="Exercise, such as s12.minimal.")],
    file: Annotated[Path, typer.Argument(metavar="FILE.py", help="Your answer; - reads it from standard input.")],
    as_json: Annotated[bool, typer.Option("--json", help="Write it as JSON.")] = False,
    weak_walls: Annotated[
        bool,
        typer.Option("--weak-walls", help="Run it without walls that this system lacks, for your own code."),
    ] = False,
    watch: Annotated[
        bool, typer.Option("--watch", help="Check it again after each save, until you press Ctrl-C.")
    ] = False,
    url: Url = None,
    data_dir: DataDir = None,
) -> None:
    """Check the answer of an exercise. No platform is needed.

    Your file runs on this machine, in an isolated child process, in virtual time, under several orders of events. The
    platform that your other commands use adds the answer to your progress; the last line says whether it did. Exits
    with 0 if the answer passed, 1 if it failed, 2 if it could not be checked; with --watch, with 0.
    """
    from otp.peer import WallMissing
    from superlearner.course.checking import check_file, watch_file
    from superlearner.course.course import full_id
    from superlearner.course.engine.checking import CheckNotRun

    exercise = full_id(exercise)
    source, wrong = _read(file, watch=watch)
    place = resolve_options(ctx, url, data_dir)
    if faults := [each for each in (_unknown(exercise), wrong, _wrong_url(*place)) if each]:
        fail("\n  ".join(faults), USAGE)
    try:
        if watch:
            _watch(place, exercise, file, as_json=as_json, weak=weak_walls, by=watch_file)
        checked = check_file(exercise, source, weak=weak_walls)
    except CheckNotRun as error:
        hint = "; try --weak-walls on your own machine" if isinstance(error.__cause__, WallMissing) else ""
        fail(f"it was not checked: {error}{hint}", NOT_RUN)
    _print_verdict(checked, _record(place, exercise, source, checked.verdict), _why(exercise), as_json=as_json)
    raise typer.Exit(0 if checked.verdict.ok else FAILED)


def _print_verdict(checked: Any, record: Record, why: str, *, as_json: bool) -> None:
    """Print a verdict, why a right answer is right, and whether it was recorded."""
    if as_json:
        typer.echo(json.dumps({**checked.verdict.as_json(), **asdict(record)}, ensure_ascii=False))
        return
    width = shutil.get_terminal_size().columns if sys.stdout.isatty() else None
    for line in _lines(checked.verdict, checked.printed, width, why):
        typer.echo(line)
    outcome = f"recorded for {record.recorded_for}" if record.why_not is None else f"not recorded: {record.why_not}"
    typer.echo(f"\n{printable(outcome)}")


def _wrong_url(url: str | None, data_dir: Path | None) -> str:
    """Return what is wrong with the address of a platform; "" if nothing is, or if no platform runs."""
    from superlearner.cli.finding import PlatformNotFound, WrongUrl, find

    try:
        with contextlib.suppress(PlatformNotFound, OSError):
            find(url, data_dir)
    except WrongUrl as error:
        return str(error)
    return ""


def _record(place: Place, exercise: str, source: str, verdict: Any) -> Record:
    """Add a checked answer to the progress on the platform, if one answers."""
    from superlearner.cli.asking import RequestRefused, request
    from superlearner.cli.finding import PlatformNotFound, WrongUrl, find
    from superlearner.operations import PREFIX

    done = [{"kind": "attempt", "item": exercise, "at": time.time(), "data": verdict.as_attempt(source)}]
    try:
        platform = find(*place)
        answer = request(platform, "POST", f"{PREFIX}/course/import", {"done": done}, STORE_S)
    except RequestRefused as error:
        return Record(None, "; ".join((str(error), *error.hints)))
    except (PlatformNotFound, WrongUrl, OSError) as error:
        return Record(None, str(error))
    match answer:
        case {"data": {"added": _, **facts}}:
            learner = facts.get("learner", "you")  # an older platform does not say who it is
            return Record(f"{learner} at {platform.url}", None)
        case _:
            return Record(None, f"the server at {platform.url} is not a SuperLearner platform")


def _watch(place: Place, exercise: str, file: Path, *, as_json: bool, weak: bool, by: Any) -> None:
    """Print a verdict after each save, until Ctrl-C."""

    def report(checked: Any, source: str) -> None:
        if not as_json:
            typer.echo(f"\n{time.strftime('%H:%M:%S')}  {exercise}  {file}  (Ctrl-C ends)")
        unread = Record(None, "the file could not be read")
        record = _record(place, exercise, source, checked.verdict) if source else unread
        _print_verdict(checked, record, _why(exercise), as_json=as_json)

    if not file.exists():
        complain(f"{file} is checked as soon as it is there (Ctrl-C ends)")
    with contextlib.suppress(KeyboardInterrupt):
        by(exercise, file, report, weak=weak)
    raise typer.Exit(0)


@course.command(name="list")
def list_(ctx: typer.Context, as_json: Json = False, url: Url = None, data_dir: DataDir = None) -> None:
    """List the sessions of the course, and how far you are; the same as `sessions`."""
    entry = entry_of_verb("course", "sessions")
    assert entry is not None
    show(
        ask_or_fail(reach(*resolve_options(ctx, url, data_dir)), entry, {}),
        as_json=as_json,
        short=entry.get("short", ()),
    )


@course.command(name="open")
def open_(
    ctx: typer.Context,
    number: Annotated[int, typer.Argument(metavar="NUMBER", help="Session, such as 12.")],
    browser: Annotated[bool, typer.Option("--browser/--no-browser", help="Open a browser.")] = True,
    url: Url = None,
    data_dir: DataDir = None,
) -> None:
    """Open the page of a session in a browser, and print a sign-in link to it that works once.

    For a platform that you reach by its URL, it prints the address of the page, where you sign in yourself.
    """
    from superlearner.access.links import fresh_link
    from superlearner.base.browser import open_browser

    url, data_dir = resolve_options(ctx, url, data_dir)
    platform = reach(url, data_dir)
    entry = entry_of_verb("course", "lesson")
    assert entry is not None
    ask_or_fail(platform, entry, {"number": number})
    page = f"/learn/{number}"

    def address() -> str:
        if platform.process is None:  # only a platform of this data directory may receive its token
            return f"{platform.url}{page}"
        return fresh_link(platform.url, data_dir or data_dir_of(), platform.certificate, page)

    typer.echo(address())
    if browser:  # with a separate link: the printed one stays valid for another browser
        open_browser(address(), wait=True)


def _unknown(exercise: str) -> str:
    """Return why there is no such exercise; "" if there is one."""
    from superlearner.course.course import Course, UnknownItem

    try:
        Course().exercise(exercise)
    except UnknownItem as error:
        return str(error)
    return ""


def _why(exercise: str) -> str:
    """Return why a right answer of an exercise is right."""
    from superlearner.course.course import Course

    return Course().exercise(exercise).why


def _read(file: Path, *, watch: bool) -> tuple[str, str]:
    """Return the source in a file, and "" or why it cannot be checked; a file that is watched may appear later."""
    try:
        if str(file) == "-":
            return ("", "--watch: expected a file, got standard input") if watch else (sys.stdin.read(LONGEST + 1), "")
        with file.open(encoding="utf-8-sig") as opened:
            return opened.read(LONGEST + 1), ""
    except UnicodeDecodeError:
        return "", "" if watch else f"{file}: expected a Python file in UTF-8, got other bytes"
    except IsADirectoryError:
        return "", f"{file}: expected a Python file, got a directory"
    except FileNotFoundError:
        if not file.parent.is_dir():
            return "", f"{file}: there is no folder {file.parent}"
        return "", "" if watch else f"{file}: there is no such file{_file_like(file)}"
    except OSError as error:
        return "", f"{file}: expected a readable Python file: {error.strerror or error}"


def _file_like(file: Path) -> str:
    """Return a question about a file beside it that has nearly this name."""
    with contextlib.suppress(OSError):
        near = get_close_matches(file.name, [one.name for one in file.parent.glob("*.py")], 1)
        return f"; did you mean {file.with_name(near[0])}?" if near else ""
    return ""


def _lines(verdict: Any, printed: str, width: int | None = None, why: str = "") -> list[str]:
    """Return a verdict as lines: the steps, what is wrong, and the end of the trace; `width` is that of a terminal."""
    from superlearner.course.engine.excerpt import GAP
    from superlearner.course.misconceptions import explain_misconceptions

    lines: list[str] = []

    def add(head: str, text: str, room: int = WIDTH) -> None:
        begin = head.ljust(room)
        folded = [] if width is None else textwrap.wrap(text, width, initial_indent=begin, subsequent_indent=" " * room)
        lines.extend(folded or [f"{begin}{text}"])

    for step in verdict.steps:
        add("ok" if step.ok else "FAILED", printable(step.step))
    for step in verdict.steps:
        for line in step.say.splitlines():
            add("", printable(line))
    if verdict.ok and why:
        add("Why", why)
    for one in explain_misconceptions(verdict.misconceptions, verdict.look):
        add("Note", one.fact)
    if verdict.excerpt:
        lines += ["", "The last messages:"]
        for row in verdict.excerpt:
            to = f" -> {row.to}" if row.to else ""
            if row.kind == GAP:
                add("", f"({row.text})")
                continue
            head = f"{'>' if row.marked else ' '} {row.at:>8.3f} s  "
            add(head, f"{row.of}{to}: {row.kind} {printable(row.text)}", len(head))
    if printed:
        lines += ["", "It printed:", printable_lines(printed).rstrip()]
    return lines if not verdict.ok else [*lines, "passed"]
