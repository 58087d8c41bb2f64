"""A run that is paused: forwards, backwards, and another way."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any

import pytest

import otp
from otp.testing import Deadlock, Scheduler, Session


async def race() -> str:
    me = otp.self()
    for name in "abc":
        otp.spawn(lambda name=name: otp.send(me, name))
    got = [await otp.receive() for _ in range(3)]
    await asyncio.sleep(10)
    return "".join(got)


@pytest.fixture
def session() -> Iterator[Session]:
    with Scheduler(seed=2).session(race) as session:
        yield session


def test_a_session_begins_before_the_first_step(session: Session) -> None:
    assert (session.position, session.done, session.steps()) == (0, False, [])
    assert session.offered() == ["run <0.2.0>"]
    with session.fork(choose=0) as other:
        assert (other.step(), session.position) == ("run <0.2.0>", 0)


def test_steps_lead_to_the_same_end_as_a_run(session: Session) -> None:
    scheduler = Scheduler(seed=2)
    value = scheduler.run(race)
    while session.step() is not None:
        pass
    assert (session.run(), session.steps()) == (value, scheduler.steps())


def test_run_until_stops_where_the_predicate_holds(session: Session) -> None:
    assert session.run_until(lambda at: len(at.node.processes()) == 4)
    assert session.position == 1
    assert not session.run_until(lambda at: False)
    assert session.done


def test_back_is_the_same_place_again(session: Session) -> None:
    session.step(5)
    steps = session.steps()
    session.step(2)
    session.back(2)
    assert (session.position, session.steps()) == (5, steps)
    session.back(5)
    assert session.position == 0
    assert session.run() == Scheduler(seed=2).run(race)


def test_a_fork_goes_another_way_from_the_same_place() -> None:
    ends = set()
    with Scheduler(inline=False).session(race) as session:
        session.step()
        for choice in range(len(session.offered())):
            with session.fork(choose=choice) as other:
                assert other.steps() == session.steps()
                assert other.step() == session.offered()[choice]
                ends.add(other.run())
        assert session.run() == "abc"
    assert ends == {"abc", "bac", "cab"}


def test_time_passes_between_steps(session: Session) -> None:
    session.run()
    assert session.now == 10.0


def test_it_runs_inside_another_loop() -> None:
    async def page() -> Any:
        with Scheduler(seed=2).session(race) as session:
            session.step(3)
            assert asyncio.get_running_loop() is loop
            return session.run()

    async def main() -> Any:
        nonlocal loop
        loop = asyncio.get_running_loop()
        return await page()

    loop: Any = None
    assert asyncio.run(main()) == Scheduler(seed=2).run(race)


def test_what_cannot_be_is_refused(session: Session) -> None:
    with pytest.raises(otp.BadArgument, match="back"):
        session.back(1)
    with pytest.raises(otp.BadArgument, match="step"):
        session.step(0)
    with pytest.raises(otp.BadArgument, match="fork"):
        session.fork(choose=99)
    with pytest.raises(otp.BadArgument, match='io="virtual"'):
        Scheduler(io="real").session(race)


def test_a_deadlock_is_told_when_it_is_reached() -> None:
    async def main() -> None:
        await otp.receive()

    with Scheduler().session(main) as session:
        assert session.step() == "run <0.2.0>"
        with pytest.raises(Deadlock):
            session.step()


def test_what_the_predicate_of_run_until_raises_is_raised_and_the_program_goes_on_after_it(session: Session) -> None:
    """Regression: it was reported as a bug of otp, and run_until returned False."""
    wrong: Any = lambda: True
    with pytest.raises(TypeError, match="takes 0 positional arguments but 1 was given"):
        session.run_until(wrong)
    assert session.position == 1
    assert session.run() == Scheduler(seed=2).run(race)


def test_a_session_and_its_scheduler_say_where_they_are(session: Session[str]) -> None:
    session.step(2)
    assert repr(session) == "<Session of <Scheduler seed=2 io='virtual' inline=None>, at 0.0 s, after 2 steps>"
    session.run()
    assert ", ended, after " in repr(session)


def test_a_fork_where_there_is_no_choice_says_why(session: Session[str]) -> None:
    with pytest.raises(otp.BadArgument, match="expected a number below 1, got 9"):
        session.fork(choose=9)
    session.run()
    with pytest.raises(otp.BadArgument, match="got none: the program has ended"):
        session.fork(choose=9)
