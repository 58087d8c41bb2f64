"""Stopped children that did not end as asked, and processes that others ended with a signal."""

from __future__ import annotations

import asyncio
from typing import Any

import otp
from otp import Ok, Supervisor, impl
from otp.testing import wait_all_idle
from restart_trees import Worker, newest, number, run, worker
from superlearner.control.clock import Clock
from superlearner.operations.builtin.restart_facts import describe_facts
from superlearner.operations.builtin.restarts import describe_moment
from superlearner.operations.results.restarts import MomentFacts
from superlearner.restarts.causes import why
from superlearner.restarts.moments import Moment


class Leaver(Worker):
    """A server that cleans up."""

    @impl
    def init(self, arg: Any) -> Ok[Any]:
        otp.process_flag("trap_exit", True)
        return Ok(arg)


class BadLeaver(Leaver):
    """A server with a mistake in `terminate`."""

    @impl
    def terminate(self, reason: Any, state: Any) -> None:
        raise KeyError("receipt")


class SlowLeaver(Leaver):
    """A server whose `terminate` does not end."""

    @impl
    async def terminate(self, reason: Any, state: Any) -> None:
        await asyncio.Event().wait()


PLACE = f"test_failed_stops.py:{BadLeaver.terminate.__code__.co_firstlineno + 2} in terminate"
CRASHED = f"crashed: KeyError('receipt'), at {PLACE}"
TOO_SLOW = "was killed, since it did not end within its shutdown time of 5 s"


def facts(moment: Moment) -> MomentFacts:
    step = next((one for one in moment.steps if one.kind == "exited"), None)
    return describe_facts(describe_moment(moment, Clock(), "").model_copy(update={"signal": step and step.signal}))


def test_a_stop_on_request_tells_a_crash_in_terminate() -> None:
    """Regression: only the list of failures had it, until the program ended."""

    async def test(node: otp.Node) -> None:
        a = number("a")
        await Supervisor.terminate_child("top", "a")
        assert [step.text for step in why(node, a)] == [f"top stopped a: it was asked to; it {CRASHED}"]

    run(test, BadLeaver.child_spec(None, id="a", name="a"))


def test_a_stop_because_of_a_sibling_tells_how_the_child_failed_to_end() -> None:
    """Regression: only the list of failures had a crash, and nothing said that the shutdown time had passed."""

    async def test(node: otp.Node) -> None:
        otp.exit("a", "kill")
        await otp.wait_down(otp.whereis("bad"))  # type: ignore[arg-type]
        await Supervisor.count_children("top")
        await wait_all_idle()
        _, stops, _ = (step.text for step in why(node, number("a")))
        assert stops == (
            f"top (rest_for_one) stopped b, slow, then bad: they were started after a; slow {TOO_SLOW}; bad {CRASHED}"
        )
        moment = newest(node)
        assert [None, TOO_SLOW, CRASHED] == [one.failure for one in moment.events if one.kind == "stop"]
        told = facts(moment)
        assert told.why == f"a was killed, by a signal from {otp.self()}"
        assert (told.supervisor or "").endswith(f"started a, bad, slow and b; slow {TOO_SLOW}; bad {CRASHED}")

    run(
        test,
        worker("a"),
        BadLeaver.child_spec(None, id="bad", name="bad"),
        SlowLeaver.child_spec(None, id="slow", name="slow", shutdown=5),
        worker("b"),
        strategy="rest_for_one",
    )


async def kill(name: str) -> None:
    otp.exit(name, "kill")


def test_a_process_that_has_ended_is_not_taken_for_code_outside_of_any_process() -> None:
    """Regression: a process that nobody observed had ended a child: `by a signal from outside`."""

    async def test(node: otp.Node) -> None:
        killer = otp.spawn(kill, "a")
        await wait_all_idle()
        [end, _] = why(node, number("a"))
        assert end.text.endswith(f" was killed, by a signal from {killer}")
        assert facts(newest(node)).why == f"a was killed, by a signal from {killer}"

    run(test, worker("a"))
