"""Programs whose output is closed, full, or without a reader: they serve, stop in order, and keep their status."""

from __future__ import annotations

import os
import pty
import select
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from warm_start import Begun, WarmStart

pytestmark = pytest.mark.program

TREE = """\
import os, sys
from otp import Children, GenServer, Ok, Supervisor, impl, process_flag

class Till(GenServer):
    @impl
    def init(self, arg):
        process_flag("trap_exit", True)
        print("open", "é" * 9000, flush=True)
        print("open", file=sys.stderr)
        os.write(os.open("story", os.O_WRONLY), b"open\\n")
        return Ok(arg)

    @impl
    def terminate(self, reason, state):
        print("closed", flush=True)
        os.write(os.open("story", os.O_WRONLY), b"closed\\n")

class Top(Supervisor):
    @impl
    def init(self, arg): return Children([Till.child_spec(0)])
"""

Streams = Mapping[int, str | None]
CLOSED: Streams = {0: None, 1: None, 2: None}
FULL: Streams = {0: "/dev/null", 1: "/dev/full", 2: "/dev/full"}
RUN = ("run", "--port", "0", "app.py:Top")


class Story:
    """The lines that the tree of a program writes into a FIFO."""

    def __init__(self, folder: Path) -> None:
        os.mkfifo(folder / "story")
        self._reading = os.open(folder / "story", os.O_RDWR)

    def next(self, program: Begun) -> bytes:
        """Return the next line; nothing if the program ends without."""
        pidfd = os.pidfd_open(program.pid)
        try:
            select.select([self._reading, pidfd], [], [], 60)
            ready, _, _ = select.select([self._reading], [], [], 0)
            return os.read(self._reading, 7) if ready else b""
        finally:
            os.close(pidfd)

    def close(self) -> None:
        os.close(self._reading)


@pytest.fixture
def story(tmp_path: Path) -> Iterator[Story]:
    (tmp_path / "app.py").write_text(TREE)
    found = Story(tmp_path)
    yield found
    found.close()


@pytest.fixture
def begin_with(tmp_path: Path, warm_start: WarmStart) -> Iterator[Callable[..., Begun]]:
    """Start a command with other streams; a buffered standard output, as services have it."""
    with ExitStack() as ending:

        def run(*arguments: str, streams: Streams | None = None, **extra: str) -> Begun:
            kept = {key: value for key, value in os.environ.items() if key != "PYTHONUNBUFFERED"}
            env = {**kept, "SUPERLEARNER_DATA_DIR": str(tmp_path / "data"), "SUPERLEARNER_BROWSER": "false", **extra}
            begun = warm_start.begin(*arguments, cwd=tmp_path, env=env, streams=streams)
            ending.callback(lambda: (begun.kill(), begun.communicate()))
            return begun

        yield run


@pytest.mark.parametrize(
    ("arguments", "streams"),
    [
        pytest.param((*RUN, "--in-process"), CLOSED, id="run, closed"),
        pytest.param((*RUN, "--in-process"), FULL, id="run, full"),
        pytest.param(("node", "b", "--app", "app.py:Top"), CLOSED, id="node, closed"),
        pytest.param(("node", "b", "--app", "app.py:Top"), FULL, id="node, full"),
    ],
)
def test_a_service_without_output_serves_and_stops_in_order(
    begin_with: Callable[..., Begun], story: Story, arguments: tuple[str, ...], streams: Streams
) -> None:
    program = begin_with(*arguments, streams=streams)
    assert b"open\n" == story.next(program)
    for number, file in streams.items():
        assert (file or os.devnull) == os.readlink(f"/proc/{program.pid}/fd/{number}")
    program.terminate()
    assert b"closed\n" == story.next(program)
    assert 0 == program.wait(30)


def read_until_started(lines: Iterable[str]) -> None:
    """Read on until the platform says that it runs, and its tree too."""
    late = False
    for line in lines:
        late = late or "; still starting: " in line
        if line.startswith("started: ") or ("SuperLearner " in line and not late):
            return
    pytest.fail("it has not started")


def test_a_tree_in_a_peer_runs_on_when_its_reader_leaves(begin_with: Callable[..., Begun], story: Story) -> None:
    program = begin_with(*RUN)
    read_until_started(program.stdout)
    assert b"open\n" == story.next(program)
    program.stdout.close()
    program.stderr.close()
    program.terminate()
    assert b"closed\n" == story.next(program)
    assert 0 == program.wait(30)


def test_a_terminal_that_closes_stops_the_platform_in_order(begin_with: Callable[..., Begun], story: Story) -> None:
    """Its children are sessions of their own: nothing else would end them."""
    master, slave = pty.openpty()
    program = begin_with(*RUN, streams=dict.fromkeys(range(3), os.ttyname(slave)))
    with open(master, errors="replace") as terminal:
        read_until_started(terminal)
        assert b"open\n" == story.next(program)
        os.close(slave)
    assert b"closed\n" == story.next(program)
    assert 0 == program.wait(30)


@pytest.mark.parametrize(
    ("streams", "words", "status"),
    [(FULL, ["--help"], 0), (CLOSED, ["config"], 0), (FULL, ["fly"], 2), (CLOSED, ["process", "list"], 3)],
    ids=["help, full", "config, closed", "usage, full", "no platform, closed"],
)
def test_the_exit_status_of_a_command_is_its_own(
    begin_with: Callable[..., Begun], streams: Streams, words: list[str], status: int
) -> None:
    assert status == begin_with(*words, streams=streams).wait(30)


def test_a_command_says_that_its_output_is_incomplete(begin_with: Callable[..., Begun]) -> None:
    program = begin_with("--version", streams={1: "/dev/full"})
    assert ("", "superlearner: a part of the output could not be written: No space left on device\n") == (
        program.communicate(30)
    )
    assert 0 == program.returncode


@pytest.mark.parametrize(
    "words",
    [
        ["process", "list"],
        ["tree", "--watch"],
        ["top"],
        ["events", "stream", "--last", "9"],
        ["console", "-c", "while True: print('line')"],
    ],
    ids=" ".join,
)
def test_a_command_whose_reader_leaves_ends_without_an_error(
    begin_with: Callable[..., Begun], untouched: Any, words: list[str]
) -> None:
    program = begin_with(*words, SUPERLEARNER_DATA_DIR=str(untouched.data_dir))
    program.stdout.close()
    assert (0, "") == (program.wait(30), program.communicate()[1])
