"""Recordings of deterministic runs can be run again. Source: design part 1 §8, part 12 §5."""

from __future__ import annotations

import gzip
import importlib
import json
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import otp
from otp.testing import Deadlock, NotDeterministic, Scheduler, replay, wait_all_idle
from otp.trace import RecordingError, load

PROGRAM = """
import otp
from otp.testing import wait_all_idle

async def race(names):
    me = otp.self()
    for name in names:
        otp.spawn(lambda name=name: otp.send(me, name))
    got = [await otp.receive() for _ in names]
    otp.send_after(60, me, "later")
    await otp.receive()
    return "".join(got), otp.random.randrange(1_000_000)

async def fails():
    raise ValueError("as it always does")

def no_coroutine():
    return 1
"""


@pytest.fixture
def module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """A module with programs, in a separate file."""
    (tmp_path / "recorded_programs.py").write_text(PROGRAM, encoding="utf-8")
    monkeypatch.syspath_prepend(str(tmp_path))
    yield importlib.import_module("recorded_programs")
    sys.modules.pop("recorded_programs", None)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "run.jsonl.gz"


@pytest.fixture
def edit(path: Path) -> Callable[..., None]:
    """`edit(function)`: change the header of the recording."""

    def edit(change: Callable[[dict[str, Any]], object]) -> None:
        first, rest = gzip.decompress(path.read_bytes()).split(b"\n", 1)
        header = json.loads(first)
        change(header)
        path.write_bytes(gzip.compress(json.dumps(header).encode() + b"\n" + rest))

    return edit


@pytest.mark.parametrize("options", [{"seed": 1}, {"seed": 2}, {"inline": True}, {"inline": False}, {"causal": False}])
def test_a_recording_is_enough_to_run_again(module: Any, path: Path, options: dict[str, Any]) -> None:
    value = Scheduler(**options, record=path).run(module.race, "abcd")
    assert value == replay(path)


def test_the_header_says_all_that_a_run_depends_on(module: Any, path: Path) -> None:
    Scheduler(seed=3, record=path).run(module.race, "ab")
    recording = load(path)
    header = recording.header
    expected = {"program": "recorded_programs:race", "args": ["ab"], "seed": 3, "inline": None, "io": "virtual"}
    assert expected == {key: header[key] for key in expected}
    assert {"early_timers", "causal", "choices", "hash_seed", "python", "otp", "sources"} <= set(header)
    assert ["recorded_programs"] == list(header["sources"])
    assert recording.complete
    assert recording.end["outcome"].startswith("('")
    assert ["node_down"] == [row.kind for row in recording.events][-1:]


def test_the_error_of_the_program_is_recorded_and_raised_again(module: Any, path: Path) -> None:
    with pytest.raises(ValueError, match="as it always does"):
        Scheduler(record=path).run(module.fails)
    assert "ValueError('as it always does')" == load(path).end["outcome"]
    with pytest.raises(ValueError, match="as it always does"):
        replay(path)


def test_the_first_event_that_differs_is_named(module: Any, path: Path) -> None:
    Scheduler(seed=1, record=path).run(module.race, "abc")

    async def other(names: str) -> None:
        me = otp.self()
        otp.spawn(lambda: otp.send(me, names[0]))
        otp.spawn(lambda: otp.send(me, "another"))
        await wait_all_idle()

    with pytest.raises(NotDeterministic, match=r"event \d+: expected <.*>, as recorded, got <.*>") as found:
        replay(path, other, "abc")
    recording = load(path)
    assert recording.events[found.value.position].kind in str(found.value.first)
    assert found.value.first != found.value.second


def test_the_same_events_and_then_more_or_fewer_are_a_difference(path: Path) -> None:
    more = False

    async def main() -> None:
        otp.send(otp.self(), 1)
        if more:
            otp.send(otp.self(), 2)

    Scheduler(record=path).run(main)
    more = True
    with pytest.raises(NotDeterministic, match=r"expected <\d+ exited .*, as recorded, got <\d+ sent"):
        replay(path, main)
    Scheduler(record=path).run(main)
    more = False
    with pytest.raises(NotDeterministic, match=r"expected <\d+ sent .*, as recorded, got <\d+ exited"):
        replay(path, main)


def test_a_program_that_depends_on_more_than_its_seed_is_found(path: Path) -> None:
    runs: list[int] = []

    async def main() -> None:
        runs.append(1)
        otp.send(otp.self(), len(runs))

    Scheduler(record=path).run(main)
    with pytest.raises(NotDeterministic, match=r"message=1 .*, as recorded, got .*message=2"):
        replay(path, main)


def test_addresses_of_objects_are_no_difference(path: Path) -> None:
    async def main() -> None:
        otp.send(otp.self(), (object(), main))

    Scheduler(record=path).run(main)
    replay(path, main)


def test_a_changed_source_is_a_warning(module: Any, path: Path) -> None:
    Scheduler(record=path).run(module.race, "ab")
    Path(module.__file__).write_text(PROGRAM + "\n# changed\n", encoding="utf-8")
    with pytest.warns(UserWarning, match="changed since the recording: recorded_programs"):
        replay(path)


def test_a_recording_in_real_time_is_not_run_again(path: Path) -> None:
    async def main() -> None:
        pass

    Scheduler(io="real", record=path).run(main)
    assert "real" == load(path).header["io"]
    with pytest.raises(RecordingError, match="got one in real time, which cannot be run again"):
        replay(path, main)


def test_a_recording_of_no_scheduler_is_not_run_again(path: Path) -> None:
    async def main() -> None:
        otp.trace.record(otp.trace.node_of(otp.self()), path).close()

    Scheduler().run(main)
    with pytest.raises(RecordingError, match=r"expected a recording by Scheduler\(seed, record=path\)"):
        replay(path, main)


def test_a_recording_that_was_cut_off_is_compared_as_far_as_it_goes(path: Path) -> None:
    async def main(last: int) -> None:
        for number in range(3_000):
            otp.send(otp.self(), number)
        otp.send(otp.self(), last)

    Scheduler(inline=False, record=path).run(main, 1)
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 2])
    assert 500 < len(load(path).events) < 2_500
    replay(path, main, 2)


@pytest.mark.parametrize(
    ("change", "text"),
    [
        (lambda header: header.update(program=None), "expected a program with a name"),
        (lambda header: header.update(program="no_such_module:main"), "expected to find its program"),
        (lambda header: header.update(program="recorded_programs:nothing"), "to be an async function"),
        (lambda header: header.update(program="recorded_programs:no_coroutine"), "to be an async function"),
        (lambda header: header.update(program="recorded_programs:wait_all_idle"), "to be an async function"),
        (lambda header: header.update(program="shutil:rmtree"), "to be an async function"),
        (lambda header: header.update(program=":"), "expected to find its program"),
        (lambda header: header.update(args=None), "expected arguments that are JSON values"),
        (lambda header: header.update(seed="x"), "without seed"),
        (lambda header: header.update(choices=[1]), "expected choices as numbers"),
        (lambda header: header.update(kinds=7), "expected kinds as strings"),
        (lambda header: header.update(limit="x"), "expected kinds as strings"),
    ],
)
def test_a_header_that_makes_no_sense_is_said(module: Any, path: Path, edit: Any, change: Any, text: str) -> None:
    Scheduler(record=path).run(module.race, "ab")
    edit(change)
    with pytest.raises(RecordingError, match=text):
        replay(path)


def test_what_is_no_json_must_be_given_again(path: Path) -> None:
    async def main(value: Any) -> Any:
        return value

    for value in ((1, 2), object, {1: 2}):
        Scheduler(record=path).run(main, value)
        assert load(path).header["args"] is None
        assert value == replay(path, main, value)


def test_a_session_records_and_says_which_choices_were_others(path: Path, tmp_path: Path) -> None:
    async def main() -> list[Any]:
        me = otp.self()
        for name in "ab":
            otp.spawn(lambda name=name: otp.send(me, name))
        return [await otp.receive(), await otp.receive()]

    scheduler = Scheduler(inline=False, record=path)
    with scheduler.session(main) as session:
        session.step()
        with session.fork(choose=1) as fork:
            assert ["b", "a"] == fork.run()
        session.step()
        session.back()
        assert ["a", "b"] == session.run()
    assert ["a", "b"] == replay(path, main)
    assert {} == load(path).header["choices"]


async def shop() -> list[Any]:
    """Calls, which an idle server may handle on its caller's stack unless messages are read."""
    me = otp.self()
    server = await Adder.start(0)
    for name in "abc":

        async def customer(name: str = name) -> None:
            otp.send(me, (name, await otp.GenServer.call(server, 1)))

        otp.spawn(customer)
    return [await otp.receive() for _ in "abc"]


class Adder(otp.GenServer[int]):
    @otp.impl
    def init(self, arg: int) -> Any:
        return otp.Ok(arg)

    @otp.impl
    def handle_call(self, request: int, caller: Any, state: int) -> Any:
        return otp.Reply(state, state + request)


@pytest.mark.parametrize("seed", range(6))
def test_a_fork_of_a_recorded_session_does_the_same_and_may_be_recorded_too(path: Path, seed: int) -> None:
    scheduler = Scheduler(seed=seed, record=path)
    other = path.with_name("fork")
    with scheduler.session(shop) as session:
        while len(session.offered()) < 2:
            session.step()
        with session.fork() as same, session.fork(choose=1, record=other) as fork:
            assert same.run() == session.run()
            forked = fork.run()
    choices = load(other).header["choices"]
    assert [1] == list(choices.values())
    assert forked == replay(other, shop)


def test_a_fork_is_recorded_only_where_its_session_is(tmp_path: Path) -> None:
    with Scheduler().session(shop) as session, pytest.raises(otp.BadArgument, match="expected a session that records"):
        session.fork(record=tmp_path / "fork")


def test_a_run_that_was_left_is_recorded_up_to_there(path: Path) -> None:
    async def stuck() -> None:
        await otp.receive()

    with pytest.raises(Deadlock):
        Scheduler(record=path).run(stuck)
    assert "Deadlock" in load(path).end["outcome"] or "closed" in load(path).end["outcome"]
    with Scheduler(record=path).session(stuck) as session:
        session.step()
    assert "closed before its end" == load(path).end["outcome"]


def test_a_file_that_cannot_be_written_fails_before_the_program_begins(tmp_path: Path) -> None:
    ran: list[int] = []

    async def main() -> None:
        ran.append(1)

    with pytest.raises(RecordingError):
        Scheduler(record=tmp_path / "no" / "folder").run(main)
    assert [] == ran
