"""Replaying recordings of deterministic runs.

```python
>>> import otp, tempfile
>>> from otp.testing import Scheduler, replay
>>> async def main():
...     otp.send(otp.self(), "tea")
...     return await otp.receive()
>>> folder = tempfile.TemporaryDirectory()
>>> path = f"{folder.name}/tea.jsonl.gz"
>>> Scheduler(seed=3, record=path).run(main)
'tea'
>>> replay(path, main)
'tea'
>>> folder.cleanup()

```

A run is a function of its program, its arguments and its seed, which the header of a recording contains. The events are
not needed to repeat it: they show whether the repetition is the same.
"""

from __future__ import annotations

import importlib
import inspect
import os
import platform
import warnings
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any, Final

from otp.kernel.tables.tracing import Event
from otp.testing.determinism import NotDeterministic
from otp.testing.patience import MAX_STEPS
from otp.testing.recording import digests_of, found_in, hash_seed
from otp.testing.scheduler import Scheduler
from otp.trace import Recording, RecordingError, Row, load
from otp.trace._folders import Folders
from otp.trace._rows import line_of, normal

if TYPE_CHECKING:
    from otp.kernel.steps.node import Node

__all__ = ["replay"]

_OPTIONS: Final = {"seed": int, "inline": (bool, type(None)), "early_timers": bool, "causal": bool}


def replay(path: str | os.PathLike[str], program: Callable[..., Awaitable[Any]] | None = None, *args: Any) -> Any:
    """Run the program of a recording again, event for event, and return what it returns.

    The recording was written by `Scheduler(seed, record=path)`. Its header names the program; replay only files that
    you trust, or pass the `program` (and its arguments, unless they are JSON values) yourself. A changed source file of
    the program is a warning. For a truncated recording the existing events are compared.

    Raises `NotDeterministic` with the first event that differs; `RecordingError` for a file that is not a recording, or
    none of a deterministic run; otherwise what the program raises.
    """
    recording = load(path)
    where = os.fspath(path)
    header = recording.header
    options = {name: header.get(name) for name in _OPTIONS}
    if header["io"] != "virtual":
        raise RecordingError(
            f"{where}: expected a recording of a virtual run, got one in real time, which cannot be run again; it can "
            "be looked at: try otp.trace.load(path)"
        )
    if not all(isinstance(options[name], kind) for name, kind in _OPTIONS.items()):
        raise RecordingError(
            f"{where}: expected a recording by Scheduler(seed, record=path), got one without seed, inline, "
            "early_timers and causal"
        )
    kinds: Any = header.get("kinds")
    if not isinstance(kinds, list) or not isinstance(header.get("limit"), int | None):
        raise RecordingError(f"{where}: expected kinds as strings and a limit as a number, got others")
    fn = _program(header, where) if program is None else program
    values = args if args else _arguments(header, where)
    _compare_sources(header, fn)
    options["max_steps"] = header.get("max_steps", MAX_STEPS)
    scheduler = Scheduler(**options)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    run = scheduler.open(_choices(header, where))
    comparison = _Comparison(recording, run.node)
    try:
        return run.execute(fn, values, {})
    finally:
        run.close()
        comparison.end()


def _program(header: dict[str, Any], where: str) -> Callable[..., Any]:
    name = header.get("program")
    if not isinstance(name, str):
        raise RecordingError(
            f"{where}: expected a program with a name (an async function of a module), got one without; try "
            "replay(path, program)"
        )
    module, _, function = name.partition(":")
    try:
        importlib.import_module(module)
        found = found_in(module, function)
    except (ImportError, ValueError) as error:
        raise RecordingError(
            f"{where}: expected to find its program {name}, got {error}; try replay(path, program)"
        ) from error
    if not inspect.iscoroutinefunction(found) or found.__module__ != module:
        raise RecordingError(
            f"{where}: expected {name} to be an async function of that module, got {type(found).__name__}; try "
            "replay(path, program)"
        )
    return found


def _arguments(header: dict[str, Any], where: str) -> tuple[Any, ...]:
    args = header.get("args")
    if not isinstance(args, list):
        raise RecordingError(
            f"{where}: expected arguments that are JSON values, got others; try replay(path, program, *args)"
        )
    return tuple(args)  # pyright: ignore[reportUnknownArgumentType, reportUnknownVariableType]


def _choices(header: dict[str, Any], where: str) -> dict[int, int]:
    try:
        return {int(number): int(chosen) for number, chosen in header.get("choices", {}).items()}
    except (AttributeError, TypeError, ValueError):
        raise RecordingError(f"{where}: expected choices as numbers, got {header.get('choices')!r}") from None


def _compare_sources(header: dict[str, Any], fn: Callable[..., Any]) -> None:
    recorded: Any = header.get("sources")
    if not isinstance(recorded, dict):
        return
    now = digests_of(fn)
    changed = [name for name in now if name in recorded and recorded[name] != now[name]]
    if changed:
        warnings.warn(f"changed since the recording: {', '.join(changed)}; it may differ", UserWarning, stacklevel=3)


class _Comparison:
    """A comparison of a run's events with those of a recording, during the run."""

    def __init__(self, recording: Recording, node: Node) -> None:
        self._recording = recording
        self._lines = recording.events.lines
        self._node = node
        self._folders = Folders.here()
        self._count = 0
        self._different: Row | None = None
        self._limit: int | None = recording.header.get("limit")
        self._subscription = node.subscribe(self._on_event, kinds=[str(kind) for kind in recording.header["kinds"]])

    def _on_event(self, event: Event) -> None:
        if self._different is not None:
            return
        row = Row.of(event, self._node)
        place, self._count = self._count, self._count + 1
        if place < len(self._lines):
            line = self._folders.hide(line_of(row, self._node.name))[:-1]
            if normal(line, timed=True) != normal(self._lines[place], timed=True):
                self._different = row
        elif self._recording.complete:
            self._different = row
        if self._count == self._limit:
            self._subscription.close()

    def end(self) -> None:
        """Raise `NotDeterministic` if there was a difference."""
        self._subscription.close()
        place = self._count - (self._different is not None)
        if self._different is None and place >= len(self._lines):
            return
        expected = None if place >= len(self._lines) else _describe_row(self._recording.events[place])
        got = None if self._different is None else _describe_row(self._different)
        error = NotDeterministic("event", place, expected, got, recorded=True)
        header = self._recording.header
        here = {"python": platform.python_version(), "hash_seed": hash_seed()}
        for what, value in here.items():
            if header.get(what) != value:
                error.add_note(f"{what}: {header.get(what)} when it was recorded, {value} now")
        raise error


def _describe_row(row: Row) -> str:
    details = " ".join(f"{key}={value}" for key, value in row.data.items())
    return f"<{row.seq} {row.kind} {row.pid} {details}>"
