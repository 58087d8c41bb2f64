"""`superlearner cluster test`: members for tests, checks of them and of the machine, and their logs.

They are the background members of `cluster start`, in a folder of their own: `test-cluster` in the data directory.
"""

from __future__ import annotations

import json
import signal
import sys
from collections.abc import Generator, Iterable
from contextlib import ExitStack, contextmanager
from dataclasses import asdict
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final, NoReturn

import typer

from superlearner.base.data_dir import command_with, in_data_dir
from superlearner.base.terminal import show_wait_line, stop_signals, unwritable
from superlearner.cli.cluster_scenarios import scenario
from superlearner.cli.cluster_status import (
    NO_CLUSTER,
    NOT_TRUE,
    DataDirOption,
    JsonOption,
    WaitOption,
    WaitTimeoutOption,
    count_members,
    folder_of,
    show_status,
)
from superlearner.cli.ends import USAGE, fail
from superlearner.cli.operations import Verbs
from superlearner.cli.plain import plain

if TYPE_CHECKING:
    from superlearner.cluster.checks import Check
    from superlearner.cluster.testbed import Plan, Testbed

__all__ = ["testing"]

SIZE: Final = 2
LINES: Final = 100
MARK: Final = "real_nodes"
NONE_RAN: Final = (0, 5)
"""The exit codes of pytest if all tests were skipped, and if there was none."""
REFUSED: Final = 4
"""The exit code of pytest for wrong arguments."""

testing = typer.Typer(
    cls=Verbs, help="Run tests on a cluster of test members, separate from yours.", no_args_is_help=True
)
testing.command()(scenario)

SizeOption = Annotated[int, typer.Option("--size", min=1, max=10, help="How many members.")]
TimeoutOption = Annotated[float, typer.Option(min=1, help="Seconds to wait for all members to connect.")]
AppOption = Annotated[
    str | None,
    typer.Option(
        metavar="FILE.py:Name",
        help="Supervisor or Application to run on each member [default: the shop].",
        show_default=False,
    ),
]
EmptyOption = Annotated[bool, typer.Option("--empty", help="Run no tree on the members.")]
AllowOption = Annotated[
    list[str] | None,
    typer.Option(metavar="MODULE[:NAME]", help="What tests may start or call on the members.", show_default=False),
]
TeachingOption = Annotated[bool, typer.Option("--teaching", help="Notice a silent member after at most 1 s, not 6 s.")]


@testing.command()
def preflight(
    ctx: typer.Context,
    size: SizeOption = SIZE,
    ports: Annotated[
        list[int] | None,
        typer.Option("--port", min=1, max=65535, help="Port that your tests need free.", show_default=False),
    ] = None,
    as_json: JsonOption = False,
    data_dir: DataDirOption = None,
) -> None:
    """Check this machine before a start: Python, packages, names, connections, open files, ports.

    Each check that fails comes with three things to try, and makes the exit code 1.
    """
    from superlearner.cluster.preflight import preflight

    testbed = _testbed(ctx, data_dir)
    _show_checks(testbed, preflight(testbed.folder, size, ports or []), as_json=as_json)


@testing.command()
def start(
    ctx: typer.Context,
    size: SizeOption = SIZE,
    app: AppOption = None,
    empty: EmptyOption = False,
    allow: AllowOption = None,
    teaching: TeachingOption = False,
    timeout: TimeoutOption = 30.0,
    as_json: JsonOption = False,
    data_dir: DataDirOption = None,
) -> None:
    """Start members for tests in the background, until there are as many as --size.

    Exits with 1 and ends them if they are not connected in time.
    """
    testbed = _testbed(ctx, data_dir)
    plan = plan_of(size, app, allow, empty=empty, teaching=teaching)
    with describe_failures():
        started = _start(testbed, plan, timeout)
        _show_started(testbed, started, as_json=as_json)


@testing.command()
def status(
    ctx: typer.Context,
    wait: WaitOption = None,
    timeout: WaitTimeoutOption = 10.0,
    as_json: JsonOption = False,
    data_dir: DataDirOption = None,
) -> None:
    """Show the members for tests, their health, and what is missing.

    Exits with 0 if all known members are up, 1 if not, 3 if none runs.
    """
    testbed = _testbed(ctx, data_dir)
    show_status(testbed.folder, wait, timeout, as_json=as_json, instead=_command(testbed, "start"))


@testing.command()
def health(ctx: typer.Context, as_json: JsonOption = False, data_dir: DataDirOption = None) -> None:
    """Check the members for tests: connectivity, formation, the same code, operations, latency, memory.

    Each check that fails comes with three things to try, and makes the exit code 1. Exits with 3 if no member runs.
    """
    from superlearner.cluster.health_checks import checks_of, collect_reports

    testbed = _testbed(ctx, data_dir)
    with show_wait_line("waiting for the reports of all members"):
        found = collect_reports(testbed.folder)
    if found is None:
        fail(f"no member for tests runs in {testbed.folder}; try `{_command(testbed, 'start')}`", NO_CLUSTER)
    plan = testbed.plan()
    _show_checks(testbed, checks_of(found, plan.size if plan else 1), as_json=as_json)


@testing.command()
def run(
    ctx: typer.Context,
    paths: Annotated[
        list[str] | None,
        typer.Argument(metavar="PATH", help="Files, folders or tests of pytest [default: all].", show_default=False),
    ] = None,
    size: SizeOption = SIZE,
    app: AppOption = None,
    empty: EmptyOption = False,
    allow: AllowOption = None,
    teaching: TeachingOption = False,
    timeout: TimeoutOption = 30.0,
    as_json: JsonOption = False,
    data_dir: DataDirOption = None,
) -> None:
    """Start members, run the tests marked real_nodes on them, and end the members, whatever happens.

    Members that run already, from `cluster test start`, are used and stay. Options of pytest go into PYTEST_ADDOPTS.
    Exits with 0 only if at least one test ran and all passed, 2 if pytest refuses its arguments.
    """
    testbed = _testbed(ctx, data_dir)
    plan = plan_of(size, app, allow, empty=empty, teaching=teaching)
    with describe_failures(), end_on_signals():
        if find_spec("pytest") is None:
            from superlearner.cluster.preflight import install_with_pip

            fail(f"this Python has no pytest; try `{install_with_pip('pytest')}`", NOT_TRUE)
        from superlearner.cluster.pytest_run import run_pytest

        with ExitStack() as stack:
            with _waiting(testbed, size, timeout):
                stack.enter_context(testbed.running_tests(plan, timeout))
            members = testbed.begun()
            done = run_pytest(
                paths or [], testbed.plan_file, testbed.report, output=sys.stderr.fileno() if as_json else None
            )
        document = {"status": "passed" if done.passed else "failed", "members": members, **asdict(done)}
        document["report"] = str(testbed.report)
        counts = f"{done.ran} ran, {done.failed} failed, {done.skipped} skipped on {', '.join(members)}"
        if not done.ran and done.exit_code in NONE_RAN:
            counts = f"no test ran on {', '.join(members)}; mark one with @pytest.mark.{MARK}"
        elif not done.ran:
            counts = f"pytest ended with {done.exit_code} before a test ran"
        lines = [counts if done.passed else f"{counts}; logs: `{_command(testbed, 'logs')}`"]
        _show(testbed, document, lines, as_json=as_json)
    raise typer.Exit(0 if done.passed else USAGE if done.exit_code == REFUSED else NOT_TRUE)


@testing.command()
def stop(ctx: typer.Context, as_json: JsonOption = False, data_dir: DataDirOption = None) -> None:
    """End the members that `cluster test` started, and no others.

    Exits with 1 if one still runs after 10 seconds.
    """
    testbed = _testbed(ctx, data_dir)
    with describe_failures():
        ended = testbed.stop()
        _show(testbed, {"ended": ended}, [_ended(ended)], as_json=as_json)


@testing.command()
def restart(
    ctx: typer.Context,
    size: Annotated[
        int | None,
        typer.Option("--size", min=1, max=10, help="How many members [default: as before].", show_default=False),
    ] = None,
    timeout: TimeoutOption = 30.0,
    as_json: JsonOption = False,
    data_dir: DataDirOption = None,
) -> None:
    """End the members for tests and start them again, with the options of the last start.

    Exits with 3 if none was started.
    """
    from superlearner.cluster.testbed import Plan

    testbed = _testbed(ctx, data_dir)
    with describe_failures():
        if (plan := testbed.plan()) is None:
            fail(f"no members were started for tests; try `{_command(testbed, 'start')}`", NO_CLUSTER)
        ended = testbed.stop()
        started = _start(testbed, Plan(size or plan.size, plan.options), timeout)
        _show_started(testbed, started, ended, as_json=as_json)


@testing.command()
def clean(ctx: typer.Context, as_json: JsonOption = False, data_dir: DataDirOption = None) -> None:
    """End the members that `cluster test` started, and remove their files and logs.

    Processes of others are never ended, nor is a port freed by force. Exits with 1 if members of others use the folder.
    """
    testbed = _testbed(ctx, data_dir)
    with describe_failures():
        ended = testbed.stop()
        others = bool(testbed.others())
        removed = [str(path) for path in testbed.clean()]
        lines = [_ended(ended), *(f"removed {path}" for path in removed)]
        _show(testbed, {"ended": ended, "removed": removed}, lines, as_json=as_json)
    if others:
        raise typer.Exit(NOT_TRUE)


@testing.command()
def logs(
    ctx: typer.Context,
    node: Annotated[
        str | None, typer.Argument(metavar="NODE", help="Name of a member [default: all].", show_default=False)
    ] = None,
    lines: Annotated[int, typer.Option(min=1, help="Number of last lines to show of each log.")] = LINES,
    as_json: JsonOption = False,
    data_dir: DataDirOption = None,
) -> None:
    """Show what the members for tests have printed, also after their end.

    Exits with 1 for an unknown name, 3 if there are no logs.
    """
    from superlearner.cluster.ways import BadWay, member_name

    testbed = _testbed(ctx, data_dir)
    files = testbed.logs()
    if not files:
        fail(f"no member for tests has a log in {testbed.folder}; try `{_command(testbed, 'start')}`", NO_CLUSTER)
    try:
        wanted = list(files) if node is None else [member_name(node)]
    except BadWay as error:
        fail(str(error), NOT_TRUE)
    if missing := [name for name in wanted if name not in files]:
        fail(f"expected one of {', '.join(files)}, got {missing[0]}", NOT_TRUE)
    with describe_failures():
        found = [(name, files[name], _last_lines(files[name], lines)) for name in wanted]
    if as_json:
        typer.echo(json.dumps([{"node": name, "path": str(path), "lines": text} for name, path, text in found]))
        return
    for name, path, text in found:
        typer.echo(f"{name}: {path}")
        for line in text or ["it printed nothing"]:
            typer.echo(f"  {plain(line)}")


def plan_of(size: int, app: str | None, allow: Iterable[str] | None, *, empty: bool, teaching: bool) -> Plan:
    """Return the plan for members with these options of `superlearner node`."""
    from superlearner.cluster.testbed import Plan

    options = [
        *(["--app", app] if app is not None else []),
        *(word for one in allow or () for word in ("--allow", one)),
        *(["--empty"] if empty else []),
        *(["--teaching"] if teaching else []),
    ]
    return Plan(size, tuple(options))


@contextmanager
def describe_failures() -> Generator[None]:
    """End the command with a sentence if members do not start or end, or a file cannot be used."""
    from otp import BadArgument
    from superlearner.cluster.background import NotConnected
    from superlearner.cluster.cookie import CookieError

    try:
        yield
    except (NotConnected, BadArgument, CookieError) as error:
        fail(str(error), NOT_TRUE)
    except OSError as error:
        fail(unwritable(error), NOT_TRUE)


@contextmanager
def end_on_signals() -> Generator[None]:
    """Leave the block at SIGTERM and when the terminal closes, as at Ctrl-C, so that what it started is ended."""

    def leave(number: int, _frame: object) -> NoReturn:
        raise SystemExit(128 + number)

    before = {one: signal.signal(one, leave) for one in stop_signals() if one != signal.SIGINT}
    try:
        yield
    finally:
        for one, handler in before.items():
            signal.signal(one, handler)


def _testbed(ctx: typer.Context, data_dir: Path | None) -> Testbed:
    from superlearner.cluster.testbed import Testbed

    return Testbed(folder_of(ctx, data_dir))


def _command(testbed: Testbed, verb: str) -> str:
    return command_with(f"cluster test {verb}", testbed.data_dir)


def _start(testbed: Testbed, plan: Plan, timeout: float) -> list[str]:
    with _waiting(testbed, plan.size, timeout):
        return testbed.start(plan, timeout)


@contextmanager
def _waiting(testbed: Testbed, size: int, timeout: float) -> Generator[None]:
    """Show a line while members start; if they do not, end the command with what is wrong here and what to try."""
    from superlearner.cluster.background import NotConnected
    from superlearner.cluster.preflight import preflight

    try:
        with show_wait_line(f"waiting for {count_members(size)} to connect, for up to {timeout:g} s"):
            yield
    except NotConnected as error:
        for check in preflight(testbed.folder, size, ()):
            if not check.ok:
                typer.echo("\n".join(_lines_of(check, len(check.name))), err=True)
        tried = " and ".join(f"`{_command(testbed, verb)}`" for verb in ("preflight", "logs"))
        fail(f"{error}; see {tried}, or try a longer --timeout", NOT_TRUE)


def _show_started(testbed: Testbed, started: list[str], ended: list[str] | None = None, *, as_json: bool) -> None:
    running = testbed.begun()
    what = f"started {', '.join(started)}" if started else "all are running already"
    lines = [f"{what}: {count_members(len(running))}"]
    if ended:
        lines.insert(0, _ended(ended))
    lines.append(f"next: {', '.join(f'`{_command(testbed, verb)}`' for verb in ('health', 'run', 'stop'))}")
    document = {} if ended is None else {"ended": ended}
    document |= {"started": started, "members": running, "cluster_file": str(testbed.plan_file)}
    _show(testbed, document, lines, as_json=as_json)


def _show(testbed: Testbed, document: dict[str, Any], lines: list[str], *, as_json: bool) -> None:
    """Write what was done, and the members of other commands, which were left alone."""
    others = [{"name": one.name, "os_pid": one.os_pid} for one in testbed.others()]
    if as_json:
        typer.echo(json.dumps({**document, "others": others}))
        return
    lines += [
        f"{one['name']} (process {one['os_pid']}) was started by another command, and is left alone" for one in others
    ]
    for line in lines:
        typer.echo(line)


def _ended(names: list[str]) -> str:
    return f"ended {', '.join(names)}" if names else "no members to end"


def _last_lines(path: Path, count: int) -> list[str]:
    return path.read_text(encoding="utf-8", errors="replace").splitlines()[-count:]


def _show_checks(testbed: Testbed, checks: Iterable[Check], *, as_json: bool) -> None:
    """Write the results of checks; always ends the command, with 1 if one failed."""
    found = list(checks)
    well = all(one.ok for one in found)
    if as_json:
        text = json.dumps({"status": "ok" if well else "failed", "checks": list(map(asdict, found))})
    else:
        width = max(len(one.name) for one in found)
        text = "\n".join(line for one in found for line in _lines_of(one, width))
    typer.echo(in_data_dir(text, testbed.data_dir))
    raise typer.Exit(0 if well else NOT_TRUE)


def _lines_of(check: Check, width: int) -> list[str]:
    verdict = "ok" if check.ok else "FAIL"
    lines = [f"{verdict:<4}  {check.name:<{width}}  {plain(check.evidence or check.problem or '')}"]
    if not check.ok:
        lines.append(f"      problem: {plain(check.problem or '')}")
        lines += [f"      try: {plain(solution)}" for solution in check.solutions]
    return lines
