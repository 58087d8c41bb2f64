"""A wrong result is shown with its callback and line wherever its end is shown."""

from __future__ import annotations

import asyncio
import inspect
import re
from collections.abc import Callable
from typing import Any

import pytest

import otp
from otp import GenServer, NoReply, Ok, Reply, Stop, Supervisor, impl
from otp.observer.hints import hint_for
from otp.testing import Scheduler, wait_all_idle
from superlearner.app.running import Tree
from superlearner.control.events import facts_of
from superlearner.control.mistakes import place_of_stop
from superlearner.control.steer import kill, resolve
from superlearner.control.terms import plain_pid
from superlearner.control.wrong_results import name_place

FILE = "test_wrong_results.py"
BROKEN: set[str] = set()


class Stall(GenServer[int]):
    @impl
    def init(self, arg: int) -> Any:
        if "stop" in BROKEN:
            return Stop("no_disk")
        if "init" not in BROKEN:
            return Ok(arg)
        return None

    @impl
    def handle_cast(self, request: Any, state: int) -> Any:
        if request == "oops":
            return None
        if type(request) is int:
            return request
        if request == "ask":
            return Reply(state, state + 1)
        if request == "fill":
            return Stop("disk_full", state)
        if request == "fill more":
            return Stop(("disk_full", state), state)
        if request == "leave":
            otp.exit("gone")
        return NoReply(state)

    @impl
    def handle_info(self, message: Any, state: int) -> Any:
        match message:
            case "tick":
                NoReply(state)
            case "end":
                return NoReply(state)


class ClosingDepot(GenServer[int]):
    @impl
    def init(self, arg: int) -> Any:
        return Ok(arg)

    @impl
    def handle_cast(self, request: Any, state: int) -> Any:
        match request:
            case ("close", reason):
                return Stop(reason, state)
            case ("refuse", item):
                return Stop(("refused", item), state)
            case ("full", n):
                return Stop(f"no room for {n}", state)


class HesitantDepot(GenServer[int]):
    @impl
    def init(self, arg: int) -> Any:
        return Ok(arg)

    @impl
    def handle_cast(self, request: Any, state: int) -> Any:
        if request == "first":
            return Stop("gone", state)
        return Stop("gone", state) if state else Stop(request, state)


class EitherDepot(GenServer[int]):
    """Only one line has the reason as it stands, but the others may have made it."""

    @impl
    def init(self, arg: int) -> Any:
        return Ok(arg)

    @impl
    def handle_cast(self, request: Any, state: int) -> Any:
        match request:
            case ("close", reason):
                return Stop(reason, state)
            case "gone":
                return Stop("gone", state)

    @impl
    def handle_info(self, message: Any, state: int) -> Any:
        match message:
            case "close":
                return self.handle_cast(("close", "gone"), state)
            case "gone":
                return Stop("gone", state)


class Tenant(GenServer[int]):
    @impl
    def init(self, arg: int) -> Any:
        return Ok(arg)

    @impl
    def handle_cast(self, request: Any, state: int) -> Any:
        match request:
            case ("close", reason):
                return Stop(reason, state)
            case ("leave", reason):
                otp.exit(reason)


async def start() -> otp.Pid:
    specs = [Stall.child_spec(1, id="store", name="store"), Stall.child_spec(1, id="other", name="other")]
    return await Supervisor.start_link_children(specs, name="shop", max_restarts=2)


def line_of(callback: Any, text: str) -> int:
    lines, first = inspect.getsourcelines(callback)
    return first + next(number for number, line in enumerate(lines) if text in line)


def reason_with(name: str, callback: Any) -> str:
    place = f"{FILE}:{line_of(callback, 'return None')}"
    return f"{name} ({place}) returned None: did no case match, or is a return missing?"


async def feed_of(platform: Any) -> list[str]:
    viewer = platform.hub.attach()
    async with asyncio.timeout(5):
        while not (found := [entry.text for entry in platform.hub.feed.entries() if "None" in entry.text]):
            await viewer.next()
    return found


def test_a_wrong_result_is_shown_with_callback_and_line_in_list_tree_and_answer(inside: Callable[..., Any]) -> None:
    """Regression: only the line under the editor said which callback it was."""
    reason = reason_with("handle_cast", Stall.handle_cast)

    async def test(platform: Any) -> None:
        store = resolve(platform.node, "store")
        GenServer.cast(store, "oops")
        await otp.wait_down(store, timeout=5)
        (text,) = await feed_of(platform)
        assert text.startswith(f"store crashed: {reason} shop (one_for_one) restarted store")
        rows = (await platform.get("/api/v1/supervisors/shop"))["data"]["children"]
        assert next(row for row in rows if row["id"] == "store")["last_exit"]["reason"] == reason
        assert (await platform.get("/api/v1/errors"))["data"][0]["reason"] == reason
        assert reason in (await platform.get("/api/v1/processes/store/errors/why"))["data"]["summary"]

    inside(test, Tree("shop", start))


def test_a_result_of_another_callback_is_shown_at_its_return(inside: Callable[..., Any]) -> None:
    """Regression: it was the line of the definition, because an event has the text of a result alone."""

    async def test(platform: Any) -> None:
        store = resolve(platform.node, "store")
        GenServer.cast(store, "ask")
        await otp.wait_down(store, timeout=5)
        (error, *_) = (await platform.get("/api/v1/errors"))["data"]
        line = line_of(Stall.handle_cast, "return Reply(state, state + 1)")
        assert error["where"] == f"{FILE}:{line} in handle_cast"

    inside(test, Tree("shop", start))


@pytest.mark.parametrize(
    ("request_", "reason", "source"),
    [
        ("fill", "disk_full (handle_cast returned Stop)", 'return Stop("disk_full", state)'),
        ("fill more", "('disk_full', 1) (handle_cast returned Stop)", 'return Stop(("disk_full", state), state)'),
        ("leave", "gone", 'otp.exit("gone")'),
    ],
)
def test_a_stop_is_shown_with_its_callback_and_line_everywhere(
    inside: Callable[..., Any], request_: str, reason: str, source: str
) -> None:
    """Regression: only the list of errors had the line, and nothing said that the callback returned Stop."""

    async def test(platform: Any) -> None:
        store = resolve(platform.node, "store")
        GenServer.cast(store, request_)
        await otp.wait_down(store, timeout=5)
        where = f"{FILE}:{line_of(Stall.handle_cast, source)} in handle_cast"
        (error,) = (await platform.get("/api/v1/errors"))["data"]
        assert (error["reason"], error["where"]) == (reason, where)
        (listed,) = (await platform.get("/api/v1/restarts?only=restarts"))["data"]
        assert (listed["reason"], listed["where"]) == (reason, where)
        facts = (await platform.get(f"/api/v1/restarts/{listed['ref']}"))["data"]["facts"]
        assert (facts["why"], facts["where"], facts["source"]) == (reason, where, source)
        story = (await platform.get("/api/v1/processes/store/errors/why"))["data"]["summary"]
        at = f" at {where.removesuffix(' in handle_cast')}"
        assert f"crashed: {reason}, in handle_cast('{request_}'){at}\nshop (one_for_one) restarted store" in story
        children = (await platform.get("/api/v1/supervisors/shop/children"))["data"]
        assert reason == next(one["last_exit"]["reason"] for one in children if one["id"] == "store")

    inside(test, Tree("shop", start))


@pytest.mark.parametrize(
    ("request_", "reason", "source"),
    [
        (("close", "disk full"), "disk full", "return Stop(reason, state)"),
        (("close", ("disk", 5)), "('disk', 5)", "return Stop(reason, state)"),
        (("refuse", "pear"), "('refused', 'pear')", 'return Stop(("refused", item), state)'),
        (("full", 3), "no room for 3", 'return Stop(f"no room for {n}", state)'),
    ],
)
def test_a_stop_with_a_computed_reason_has_its_line(
    inside: Callable[..., Any], request_: Any, reason: str, source: str
) -> None:
    """Regression: only literal reasons were found, so `Stop(reason, state)` had no place and was called a crash."""

    async def begin() -> otp.Pid:
        return await Supervisor.start_link_children([ClosingDepot.child_spec(1, id="depot", name="depot")], name="yard")

    async def test(platform: Any) -> None:
        depot = resolve(platform.node, "depot")
        GenServer.cast(depot, request_)
        await otp.wait_down(depot, timeout=5)
        where = f"{FILE}:{line_of(ClosingDepot.handle_cast, source)} in handle_cast"
        (error,) = (await platform.get("/api/v1/errors"))["data"]
        assert (error["reason"], error["where"]) == (f"{reason} (handle_cast returned Stop)", where)
        (listed,) = (await platform.get("/api/v1/restarts?only=restarts"))["data"]
        facts = (await platform.get(f"/api/v1/restarts/{listed['ref']}"))["data"]["facts"]
        assert (facts["where"], facts["source"]) == (where, source)

    inside(test, Tree("yard", begin))


def test_a_computed_reason_is_not_that_of_a_stop_if_the_class_exits_with_one() -> None:
    assert place_of_stop("ClosingDepot", "handle_cast", "gone") is not None
    assert place_of_stop("Tenant", "handle_cast", "gone") is None
    assert place_of_stop("HesitantDepot", "handle_cast", "gone") is None  # three may have done it
    for callback in ("handle_cast", "handle_info"):
        assert place_of_stop("EitherDepot", callback, "gone") is None
        found = place_of_stop("EitherDepot", callback, "gone", "'gone'")
        assert found is not None and found[1] == line_of(getattr(EitherDepot, callback), 'Stop("gone"')
    found = place_of_stop("HesitantDepot", "handle_cast", "late")
    assert found is not None and found[1] == HesitantDepot.handle_cast.__code__.co_firstlineno + 4


def test_a_stop_in_init_is_shown_with_its_line(inside: Callable[..., Any]) -> None:
    async def test(platform: Any) -> None:
        shop = resolve(platform.node, "shop")
        BROKEN.add("stop")
        try:
            await kill(resolve(platform.node, "store"))
            await otp.wait_down(shop, timeout=5)
        finally:
            BROKEN.clear()
        (listed,) = (await platform.get("/api/v1/restarts?only=restarts"))["data"]
        line = line_of(Stall.init, 'Stop("no_disk")')
        assert listed["where"] == f"{FILE}:{line} in init"
        assert "store: no_disk (init returned Stop)" in listed["story"]

    inside(test, Tree("shop", start), playground_restart_after=30)


def test_a_wrong_result_names_only_results_of_its_callback(inside: Callable[..., Any]) -> None:
    """Regression: each reason offered Ok, which is for init, and Reply, which is for handle_call."""

    async def test(platform: Any) -> None:
        store = resolve(platform.node, "store")
        GenServer.cast(store, 7)
        await otp.wait_down(store, timeout=5)
        (error, *_) = (await platform.get("/api/v1/errors"))["data"]
        assert error["reason"].endswith("returned 7, which is not a result such as NoReply(…) or Stop(…)")

    inside(test, Tree("shop", start))


def test_the_message_answers_whether_a_case_or_a_return_is_missing(inside: Callable[..., Any]) -> None:
    """Regression: each reason asked which of the two it was, although the message was known."""

    def place(text: str) -> str:
        return f"handle_info ({FILE}:{line_of(Stall.handle_info, text)}) returned None"

    async def test(platform: Any) -> None:
        for name, message in (("store", "tick"), ("other", "tock")):
            pid = resolve(platform.node, name)
            otp.send(pid, message)
            await otp.wait_down(pid, timeout=5)
        other, store = (one["reason"] for one in (await platform.get("/api/v1/errors"))["data"])
        assert store == f"{place('NoReply')}: a `return` is missing"
        assert other == f"{place('match')}: no case matches 'tock'; did you mean 'tick'?"

    inside(test, Tree("shop", start))


def test_an_init_that_returns_nothing_at_a_restart_is_shown_with_its_line(inside: Callable[..., Any]) -> None:
    """Regression: after a hot reload, the give-up named neither the callback nor the line."""
    reason = reason_with("init", Stall.init)

    async def test(platform: Any) -> None:
        shop = resolve(platform.node, "shop")
        BROKEN.add("init")
        try:
            await kill(resolve(platform.node, "store"))
            await otp.wait_down(shop, timeout=5)
        finally:
            BROKEN.clear()
        events = [one for one in otp.trace.history(platform.node) if one.kind in ("restart_failed", "gave_up")]
        assert {facts_of(one).reason for one in events} == {reason}
        assert reason in (await feed_of(platform))[0]
        assert name_place(platform.node, "it could not restart store: a callback returned None: x") == (
            f"it could not restart store: {reason.partition(' returned')[0]} returned None: x"
        )

    inside(test, Tree("shop", start), playground_restart_after=30)


class Abandoned(GenServer[int]):
    @impl
    def init(self, arg: int) -> Any:
        return Ok(arg)

    @impl
    def handle_cast(self, request: Any, state: int) -> Any:
        if request == "object":
            return Stop(ValueError("bad stock"), state)
        if request == "other object":
            return Stop(KeyError(request), state)
        if request == "raised":
            raise otp.Exit("left early")
        if request == "called":
            otp.exit(("left", request))
        if request == "class":
            return NoReply
        if request == "option":
            return NoReply(7, otp.Continue("x"))
        return NoReply(state)


class Abandons(Supervisor):
    @impl
    def init(self, arg: Any) -> otp.Children:
        return otp.Children([Abandoned.child_spec(1, id="depot", name="depot")], max_restarts=9)


@pytest.mark.parametrize(
    ("request_", "line", "reason"),
    [
        ("object", 4, "ValueError('bad stock') (handle_cast returned Stop)"),
        ("other object", 6, "KeyError('other object') (handle_cast returned Stop)"),
        ("raised", 8, "left early"),
        ("called", 10, "('left', 'called')"),
        (
            "class",
            12,
            f"handle_cast ({FILE}:LINE) returned NoReply, which is not a result such as NoReply(…) or Stop(…)",
        ),
        ("option", 14, f"handle_cast ({FILE}:LINE) returned NoReply(7, timeout=Continue(term='x')), which is not a"),
    ],
)
def test_each_event_has_the_line_of_an_exit_that_the_program_chose(request_: str, line: int, reason: str) -> None:
    """Regression: an object as the reason of `Stop`, and `raise Exit`, had no line, a wrong option that of the def."""

    async def main() -> Any:
        await Abandons.start_link(None, name="depots")
        depot = otp.whereis("depot")
        GenServer.cast(depot, request_)
        await otp.wait_down(depot)
        await wait_all_idle()
        found = [facts_of(one) for one in otp.trace.history(otp.node()) if "reason" in one.data]
        return [(one.reason, one.where) for one in found]

    found = Scheduler().run(main)
    line += Abandoned.handle_cast.__code__.co_firstlineno - 1  # of `@impl`
    assert 3 == len(found)
    for said, where in found:
        assert (f"{FILE}:{line} in handle_cast", True) == (where, said.startswith(reason.replace("LINE", str(line)))), (
            said
        )


class DeafDepot(GenServer[int]):
    @impl
    def init(self, arg: int) -> Any:
        return Ok(arg)


@pytest.mark.parametrize(
    ("message", "shown"),
    [("go", "'go'"), (("say", "a word " * 40), f"('say', '{('a word ' * 9)[:50]}…'")],
    ids=["short", "long"],
)
def test_the_reason_of_a_missing_callback_has_no_advice_and_no_open_quote(message: Any, shown: str) -> None:
    """Regression: the advice stood inside the sentence; a long message hid the line, and what was missing."""

    async def main() -> Any:
        deaf = await DeafDepot.start(1, name="deaf")
        otp.trace.subscribe(otp.node(), lambda _: None, kinds={"exited"})
        GenServer.cast(deaf, message)
        await otp.wait_down(deaf)
        end = next(one for one in otp.trace.history(otp.node()) if one.kind == "exited")
        return facts_of(end).reason, facts_of(end).where, hint_for(end.data["reason"], "handle_cast")

    reason, where, hint = Scheduler().run(main)
    assert reason == f"DeafDepot got the cast {shown}, but has no handle_cast"
    assert where is not None
    assert where.endswith(" in DeafDepot")
    assert hint == "try @impl above def handle_cast(self, request, state)"


def test_the_hint_about_a_returned_class_is_that_of_the_log() -> None:
    """Regression: the pages had *expected a result such as NoReply(state)*: events keep the class as text."""

    async def main() -> Any:
        depot = await Abandoned.start(1, name="depot")
        otp.trace.subscribe(otp.node(), lambda _: None, kinds={"exited"})
        GenServer.cast(depot, "class")
        await otp.wait_down(depot)
        end = next(one for one in otp.trace.history(otp.node()) if one.kind == "exited")
        return hint_for(end.data["reason"], "handle_cast")

    assert Scheduler().run(main) == "return an instance, as in NoReply(…), not the class"


class Van(Stall):
    @impl
    async def handle_call(self, request: Any, caller: otp.From, state: int) -> Any:
        await asyncio.Event().wait()

    @impl
    async def handle_cast(self, request: Any, state: int) -> Any:
        match request:
            case "nobody":
                await GenServer.call(request, "done")
            case ("slow", other):
                await GenServer.call(other, "done", timeout=0.01)
            case ("lock", other):
                await GenServer.call(other, "done", timeout=0.05)
        return 7


class Truck(Van):
    """Its callbacks are those of another class."""


async def drive() -> otp.Pid:
    specs = [Truck.child_spec(1, id=name, name=name) for name in ("red", "blue")]
    return await Supervisor.start_link_children(specs, name="fleet", max_restarts=20)


@pytest.mark.parametrize(
    ("message", "text"),
    [
        ("nobody", 'call(request, "done")'),
        (("slow", "blue"), "timeout=0.01"),
        (("lock", "red"), "timeout=0.05"),
        ("else", "return 7"),
    ],
)
def test_an_end_without_a_stack_has_its_line_on_each_surface(
    inside: Callable[..., Any], message: Any, text: str
) -> None:
    """Regression: it had none if the callback makes several calls, or is inherited, except in the list of errors."""

    async def test(platform: Any) -> None:
        red = resolve(platform.node, "red")
        GenServer.cast(red, message)
        await otp.wait_down(red, timeout=5)
        await platform.node.wait_registered("red")
        where = f"{FILE}:{line_of(Van.handle_cast, text)} in handle_cast"
        place, function = where.split(" in ")
        (error, *_) = (await platform.get("/api/v1/errors"))["data"]
        assert error["where"] == where
        assert (await platform.get("/api/v1/processes/red/errors/last"))["data"]["error"]["where"] == where
        why = (await platform.get("/api/v1/processes/red/errors/why"))["data"]
        line = why["steps"][0]["line"]
        assert (f"{line['file']}:{line['line']}", line["function"]) == (place, function)
        assert why["summary"].count(place) == 1, why["summary"]
        (row, *_) = (await platform.get("/api/v1/restarts?process=red"))["data"]
        assert row["where"] == where
        shown = (await platform.get(f"/api/v1/restarts/{row['ref']}"))["data"]
        assert shown["facts"]["where"] == where

    inside(test, Tree("fleet", drive))


def test_a_suspended_server_is_the_cause_of_a_call_that_timed_out_on_each_surface(inside: Callable[..., Any]) -> None:
    """Regression: only the log said so, and nothing about the server itself did."""

    async def test(platform: Any) -> None:
        red, cause = (
            resolve(platform.node, "red"),
            "blue did not answer a call in 0.01 s (timeout) because blue was suspended",
        )
        await otp.sys.suspend(resolve(platform.node, "blue"), by="a request by ada")
        GenServer.cast(red, ("slow", "blue"))
        await otp.wait_down(red, timeout=5)
        await platform.node.wait_registered("red")
        (error, *_) = (await platform.get("/api/v1/errors"))["data"]
        assert error["reason"] == cause
        why = (await platform.get("/api/v1/processes/red/errors/why"))["data"]["summary"]
        assert why.startswith(f"red <{plain_pid(red)}> crashed: {cause}"), why
        (row, *_) = (await platform.get("/api/v1/restarts?process=red"))["data"]
        assert row["reason"] == cause
        platform.platform.monitor.look()
        server = (await platform.get("/api/v1/processes/blue/errors/why"))["data"]
        last = server["summary"].splitlines()[-1]
        assert re.fullmatch(r"it has been suspended since [0-9:]{8} by a request by ada", last), last
        [problem] = server["problems"]
        assert re.fullmatch(
            "a call to blue timed out after 0.01 s in the last [0-9]+ s, from red, at .*: 'done'; blue was suspended",
            problem["line"],
        ), problem["line"]

    inside(test, Tree("fleet", drive))
