"""Advice about crashes of processes whose calls had no answer: it names the process that was called."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any

import otp
from node_facts import LIMITS, facts, only, supervisor
from superlearner.control.wrong_results import UnansweredCall
from superlearner.observing.analytics import Ledger
from superlearner.observing.monitoring.crashes import unsupervised_crash
from superlearner.observing.monitoring.facts import NodeFacts
from superlearner.observing.monitoring.monitor import Monitor
from superlearner.observing.monitoring.restart_detectors import crash_loop
from superlearner.settings.settings import Settings

NAMES = "`superlearner registry names` lists the names that are registered"


class CalledShelf(otp.GenServer[int]):
    @otp.impl
    def init(self, arg: object) -> otp.Ok[int]:
        return otp.Ok(0)

    @otp.impl
    async def handle_call(self, request: Any, frm: otp.From, state: int) -> otp.Reply[int, int]:
        if request == "wait":
            await asyncio.Event().wait()
        return otp.Reply(state, state)

    @otp.impl
    def handle_cast(self, message: Any, state: int) -> otp.NoReply[int]:
        raise ValueError("broken shelf")


class CallingPrices(otp.GenServer[int]):
    """Calls `shelf` for each cast: the cast is the request."""

    @otp.impl
    def init(self, arg: object) -> otp.Ok[int]:
        return otp.Ok(0)

    @otp.impl
    async def handle_cast(self, message: Any, state: int) -> otp.NoReply[int]:
        await otp.GenServer.call("shelf", message, timeout=0.01)
        return otp.NoReply(state)


def observed(prepare: Callable[[otp.Node], Awaitable[str]], *, gives_up: bool = True) -> NodeFacts:
    """Return the facts about a node in which `prices`, a child of `shop`, ended with a call of `shelf`."""

    async def main() -> NodeFacts:
        async with otp.Node("service") as node:
            monitor = Monitor(Settings, ledger := Ledger())
            ledger.watch(node)
            monitor.watch(node)
            request = await prepare(node)
            prices = CallingPrices.child_spec(name="prices")
            children = otp.Children([prices], max_restarts=0 if gives_up else 1)
            shop = await node.start(otp.Supervisor, children, name="shop")
            first = node.whereis("prices")
            assert first is not None
            otp.GenServer.cast(first, request)
            await otp.wait_down(shop if gives_up else first)
            if not gives_up:
                await node.wait_registered("prices")
            await monitor.sample()
            found = monitor.facts()
            monitor.close()
            return found

    return asyncio.run(main())


def advice(prepare: Callable[[otp.Node], Awaitable[str]], *, gives_up: bool = True) -> str:
    hint = only([one for one in crash_loop(observed(prepare, gives_up=gives_up), LIMITS) if one.name == "shop"]).hint
    return re.sub(r" \(at [\d:]+\)", " (at …)", hint)


async def start_shelf(node: otp.Node, **options: Any) -> otp.Pid:
    await node.start(
        otp.Supervisor, otp.Children([CalledShelf.child_spec(id="shelf", name="shelf", **options)]), name="store_room"
    )
    found = node.whereis("shelf")
    assert found is not None
    return found


def test_a_give_up_names_the_process_that_never_ran_and_a_similar_name() -> None:
    """Regression: the advice was to fix the line of the call."""

    async def nothing(node: otp.Node) -> str:
        return "count"

    async def misspelt(node: otp.Node) -> str:
        await node.start(CalledShelf, name="shelve")
        return "count"

    none = "prices called shelf, which was not running, and no process of this name is recorded"
    shows = "`superlearner error why shop` explains it"
    assert advice(nothing) == f"{none}: start it before prices; {NAMES}; {shows}"
    assert advice(misspelt) == f"{none}; did you mean shelve?; {NAMES}; {shows}"


def test_a_give_up_says_how_the_process_that_was_called_had_ended() -> None:
    async def crashed(node: otp.Node) -> str:
        shelf = await start_shelf(node, restart="temporary")
        otp.GenServer.cast(shelf, "break")
        await otp.wait_down(shelf)
        return "count"

    async def stopped(node: otp.Node) -> str:
        shelf = await start_shelf(node)
        await otp.Supervisor.terminate_child("store_room", "shelf")
        assert not otp.is_alive(shelf)
        return "count"

    begin = "prices called shelf, which was not running: "
    crash = advice(crashed)
    assert re.fullmatch(
        begin + r"shelf crashed: ValueError\('broken shelf'\), at test_unanswered\.py:\d+ in handle_cast \(at …\); "
        "`superlearner error why shelf` explains it",
        crash,
    ), crash
    again = "`superlearner supervisor restart-child store_room shelf` starts it"
    assert advice(stopped) == f"{begin}store_room stopped shelf on request (at …); {again}"


def test_a_crash_loop_that_is_no_give_up_names_it_as_well() -> None:
    async def nothing(node: otp.Node) -> str:
        return "count"

    assert advice(nothing, gives_up=False).startswith("prices called shelf, which was not running, and no process")


def test_a_give_up_after_calls_that_timed_out_names_the_server_and_what_it_does() -> None:
    """Regression: the advice was to fix the line of the call, although its server was suspended or hung."""

    async def suspended(node: otp.Node) -> str:
        await otp.sys.suspend(await start_shelf(node))
        return "count"

    async def hung(node: otp.Node) -> str:
        await start_shelf(node)
        return "wait"

    begin = "shelf did not answer prices"
    assert advice(suspended) == (f"{begin} because it is suspended: resume it with `superlearner process resume shelf`")
    hang = advice(hung)
    assert re.fullmatch(
        begin + r": it has been in handle_call at test_unanswered\.py:\d+ for .*; "
        "`superlearner process backtrace shelf` shows where it waits",
        hang,
    ), hang


def test_the_crash_of_an_unsupervised_process_names_the_one_that_was_not_running() -> None:
    async def alone(node: otp.Node) -> str:
        caller = await node.start(CallingPrices, name="loner")
        otp.GenServer.cast(caller, "count")
        await otp.wait_down(caller)
        return "count"

    [found] = unsupervised_crash(observed(alone), LIMITS)
    assert found.hint.startswith("loner called shelf, which was not running, and no process of this name is recorded")
    assert found.hint.endswith(". Or start it as the child of a supervisor, which restarts it")


def test_a_give_up_after_a_deadlock_has_the_advice_about_deadlocks() -> None:
    book = supervisor([4.0, 2.5], gave_up=(1.0,))
    recent = book.histories["till"].recent
    for place, one in enumerate(recent):
        recent[place] = replace(one, unanswered=UnansweredCall("stock", "stock", timed_out=True, is_deadlock=True))
    hint = only(list(crash_loop(facts(book=book), LIMITS))).hint
    assert hint.startswith("let one of the processes cast, or answer later with NoReply and GenServer.reply; ")
