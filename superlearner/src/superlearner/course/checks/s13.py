"""Checks of session 13: a cache, entries that expire, slow calls, silence, and what has to be closed."""

# What learners define has no type.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false
# pyright: reportUnknownLambdaType=false, reportUnknownParameterType=false

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, Final

import otp
from otp import GenServer
from otp.testing import mailbox
from superlearner.course.engine.exercise import exercise
from superlearner.course.engine.scenario import Scenario
from superlearner.course.engine.values import render, same
from superlearner.course.engine.verdict import Wrong


@exercise("s13.cache", reads_messages=True)
async def cache(s: Scenario) -> None:
    """SimpleCache: a dictionary that counts hits and misses."""
    s.step("`get` answers what was put last; a miss is answered with None.")
    cache = s.client("SimpleCache", calls="get stats", casts="put delete clear")
    one = await cache.start(None)
    await one.get("a", gives=None)
    for value in (1, "x", 2):
        await one.put("a", value)
        await one.get("a", gives=value)

    s.step("`stats` counts hits, misses and entries; `delete` and `clear` keep the counts.")
    await one.stats(gives={"hits": 3, "misses": 1, "size": 1})
    for key, value in (("b", None), ("c", 0)):
        await one.put(key, value)
        await one.get(key, gives=value, m="V2")
    await one.stats(gives={"hits": 5, "misses": 1, "size": 3}, m="V2")
    await one.delete("a")
    await one.delete("never put")
    await one.get("a", gives=None)
    await one.stats(gives={"hits": 5, "misses": 2, "size": 2})
    await one.clear()
    await one.stats(gives={"hits": 5, "misses": 2, "size": 0})

    s.step("Two caches share nothing.", "M6")
    two = await cache.start(None, called="second cache")
    await two.stats(gives={"hits": 0, "misses": 0, "size": 0})
    await one.put("mine", 1)
    await two.get("mine", gives=None)

    s.step("Two hundred operations give what a dictionary gives.")
    model, hits, misses = dict[str, Any](), 0, 1
    for _ in range(200):
        key = s.random.choice("abcde")
        match s.random.choice(("get", "get", "put", "put", "delete", "clear")):
            case "get":
                await two.get(key, gives=model.get(key))
                hits, misses = hits + (key in model), misses + (key not in model)
            case "put":
                model[key] = s.random.choice((0, None, "x", 3))
                await two.put(key, model[key])
            case "delete":
                model.pop(key, None)
                await two.delete(key)
            case _ if s.random.random() < 0.2:
                model.clear()
                await two.clear()
            case _:
                await two.stats(gives={"hits": hits, "misses": misses, "size": len(model)})

    s.step("Changing what `stats` answered changes no cache.", "M6")
    before = dict(await one.stats())
    (await one.stats()).update(hits=-1, size=-1)
    await one.stats(gives=before)

    s.step("After a kill, its supervisor starts an empty cache that counts from 0.", "M12")
    child = await cache.supervised(None)
    await child.put("a", 1)
    await child.get("a", gives=1)
    again = await child.killed()
    await again.stats(gives={"hits": 0, "misses": 0, "size": 0})

    s.step("`put`, `delete` and `clear` are casts; `get` and `stats` are calls.")
    cache.kinds()


@exercise("s13.expiry", reads_messages=True)
async def expiry(s: Scenario) -> None:
    """ExpiringCache: each entry has its time."""
    s.step("`get` answers the value at once until its time is over, then None.")
    cache = s.client("ExpiringCache", calls="get size", casts="put")
    one = await cache.start(2)
    await one.get("a", gives=None)
    await one.put("a", 0)
    await one.get("a", gives=0)
    await one.size(gives=1)
    await s.advance(1.999)
    await one.get("a", gives=0)
    await s.advance(0.002)
    await one.get("a", gives=None)
    two = await cache.start(10, called="second cache")
    for key in "abc":
        await two.put(key, key)
    await two.size(gives=3)
    await s.advance(9.999)
    await two.size(gives=3)

    s.step("After its time an entry does not count, although no `get` asked for it.", "P15")
    await s.advance(0.002)
    await two.size(gives=0)

    s.step("A second `put` of a key starts its time again.", "P8")
    await one.put("a", 1)
    await s.advance(1.5)
    await one.put("a", 1)
    await s.advance(0.9)
    await one.get("a", gives=1)
    await s.advance(0.2)
    await one.put("a", 2)
    await s.advance(1)
    await one.get("a", gives=2)
    await one.size(gives=1)

    s.step("Each entry has a time of its own.")
    await one.put("b", 3)
    await s.advance(0.999)
    await one.get("a", gives=2)
    await s.advance(0.002)
    await one.get("a", gives=None)
    await one.get("b", gives=3)
    await s.advance(1)
    await one.get("b", gives=None)
    await one.size(gives=0)

    s.step("`put` is a cast; `get` and `size` are calls.")
    cache.kinds()


DISHES: Final = {"stew": 10, "roast": 20, "bread": 30, "tea": 1}
"""Seconds that each dish takes."""
BURNT: Final = "it burnt"


FAILS: Final[dict[str, Callable[[str], Exception]]] = {"toast": ValueError, "flan": RuntimeError}
"""The exceptions of the dishes that fail."""


async def cook(dish: str) -> str | None:
    """Cook a dish, or fail after 2 s; without tea there is no meal."""
    if dish in FAILS:
        await asyncio.sleep(2)
        raise FAILS[dish](BURNT)
    if dish == "no tea":
        await asyncio.sleep(1)
        return None
    await asyncio.sleep(DISHES[dish])
    return f"{dish}, hot"


@exercise("s13.slow", reads_messages=True)
async def slow(s: Scenario) -> None:
    """Kitchen: slow orders that hold up nothing."""
    s.step("Five orders at once: each is answered with its own dish, as soon as that is ready.")
    cooked: list[str] = []

    async def noted(dish: str) -> str | None:
        meal = await cook(dish)
        cooked.append(dish)
        return meal

    kitchen = s.client("Kitchen", calls="order open_orders")
    one = await kitchen.start(noted, called="kitchen")

    def ordered(dish: str) -> Callable[[], Awaitable[None]]:
        async def order() -> None:
            await one.order(dish, gives=f"{dish}, hot", at=DISHES[dish])

        return order

    async def ordered_nothing() -> None:
        await one.order("no tea", gives=None, at=1)

    await s.at_once(one.pid, *map(ordered, DISHES), ordered_nothing)
    await s.settle()

    s.step("`open_orders` answers at once how many orders are not ready yet.")

    async def look() -> None:
        await asyncio.sleep(0.5)
        await one.open_orders(gives=4)
        await asyncio.sleep(1)
        await one.open_orders(gives=2)

    await one.open_orders(gives=0)
    await s.at_once(one.pid, *map(ordered, ("stew", "tea", "roast", "tea")), look)
    await s.settle()
    await one.open_orders(gives=0)

    s.step('A dish that fails is answered with ("failed", reason); everything else goes on.')

    async def fails() -> None:
        for dish in FAILS:
            got = await one.order(dish, at=2)
            failed = type(got) is tuple and len(got) == 2 and got[0] == "failed"
            s.expect(failed, f'expected the answer ("failed", reason) after cook has raised, got {render(got)}')

    try:
        await s.at_once(one.pid, fails, ordered("stew"))
    except Wrong as wrong:
        if BURNT in render(s.reason_of(one.pid)):
            raise Wrong("cook raised an exception, and it ended the kitchen: every other order is lost", "M8") from None
        raise wrong from None
    await s.settle()
    await one.open_orders(gives=0)

    s.step("A client that gives up or ends disturbs nothing.", "M17")

    async def gives_up() -> None:
        begun = otp.monotonic()
        try:
            got = await kitchen.functions["order"](one.pid, "stew", timeout=1)
        except otp.CallTimeout:
            got = None
        except otp.CallExit:
            return  # the kitchen has ended, which is found below
        took = otp.monotonic() - begun
        if got is not None or round(took, 2) != 1:
            raise Wrong(
                f"expected order(server, 'stew', timeout=1) to raise CallTimeout after 1 s, not after {took:g} s"
            )
        await one.order("tea", gives="tea, hot", at=1)

    async def is_killed() -> None:
        client = s.name(otp.spawn(kitchen.functions["order"], one.pid, "roast"), "killed client")
        await asyncio.sleep(0.5)
        await s.kill(client)

    cooked.clear()
    try:
        await s.at_once(one.pid, gives_up, is_killed, ordered("bread"))
        await one.open_orders(gives=0)
    except Wrong as wrong:
        raise Wrong(wrong.say, wrong.misconception or (None if otp.is_alive(one.pid) else "M17")) from None
    for dish, client in (("stew", "gave up"), ("roast", "was killed")):
        say = f"the client of the {dish} {client}, and the {dish} was not cooked: expected it to be cooked all the same"
        s.expect(dish in cooked, say)

    s.step("`order` and `open_orders` are calls.")
    kitchen.kinds()


@exercise("s13.idle")
async def idle(s: Scenario) -> None:
    """IdleDetector: silence is reported, once."""
    s.step("After its seconds without a message it reports, once.")
    detector = s.client("IdleDetector")
    one = await detector.start((otp.self(), 5), called="detector")

    async def due(server: otp.Pid, seconds: float, m: str | None = "P14") -> None:
        """Raise `Wrong` unless the owner gets one report after this time."""
        await silent(server, seconds - 0.01, f"expected a report {seconds} s after the last message, got one earlier")
        await s.advance(0.02)
        got = mailbox()
        if not got:
            raise missing(server, f"expected a report after {seconds} s without a message, got none", m)
        s.same(got[0], ("idle", server), f'expected the report ("idle", pid), got {render(got[0])}')
        s.expect(len(got) == 1, f"expected one report, got {len(got)}")

    async def silent(server: otp.Pid, seconds: float, say: str) -> None:
        await s.settle()
        s.expect(not mailbox(), "expected a report after silence only, got one at once")
        await s.advance(seconds)
        s.expect(not mailbox(), say, "P8")
        if not otp.is_alive(server):
            raise missing(server, "", None)

    def missing(server: otp.Pid, say: str, m: str | None) -> Wrong:
        return Wrong(say, m) if otp.is_alive(server) else s.ended(server, "the detector has ended: ")

    async def ping(server: otp.Pid) -> None:
        got = await s.asked('the call "ping"', GenServer.call(server, "ping"), server)
        s.same(got, "pong", f'expected the answer "pong" to the call "ping", got {render(got)}')

    async def cast(server: otp.Pid) -> None:
        GenServer.cast(server, "a cast")

    async def send(server: otp.Pid) -> None:
        otp.send(server, "a plain message")

    await due(one.pid, 5, None)
    await s.advance(20)
    s.expect(not mailbox(), "no message came after the report, but it has reported again: expected one report")

    s.step("A call, a cast and a plain message each start the time again, also after a report.")
    for act in (ping, cast, send):
        two = await detector.start((otp.self(), 5), called=f"detector {act.__name__}")
        await s.advance(4)
        await act(two.pid)
        await due(two.pid, 5)
        for other in (send, cast, ping):
            await act(two.pid)
            await silent(two.pid, 3, "expected no report within 5 s of a message, got one")
            await other(two.pid)
            await due(two.pid, 5)

    s.step("Many messages lead to no report of an old time.")
    three = await detector.start((otp.self(), 2), called="busy detector")
    for _ in range(12):
        await s.random.choice((ping, cast, send))(three.pid)
        await silent(three.pid, 0.75, "expected no report within 2 s of a message, got one")
    await due(three.pid, 1.25)
    await silent(three.pid, 20, "expected one report after the last message, got another one")


@exercise("s13.resource")
async def resource(s: Scenario) -> None:
    """Resource: what was opened is closed."""

    async def logged() -> list[Any]:
        await s.settle()
        return mailbox()

    async def closes(pid: otp.Pid, when: str, *then: Any, m: str | None = None) -> None:
        """Raise `Wrong` unless the log has one `("close", pid)`, and then these."""
        got = await logged()
        count = sum(same(each, ("close", pid)) for each in got)
        s.expect(count > 0, f'{when}: expected ("close", pid) in the log, got {render(got) if got else "nothing"}', m)
        s.expect(count == 1, f'{when}: expected ("close", pid) once in the log, got it {count} times')
        others = [each for each in got if not same(each, ("close", pid))]
        s.same(others, [*then], f"{when}: expected no other message in the log, got {render(got)}")

    s.step('At its start the log gets ("open", pid).')
    resource = s.client("Resource")
    one = await resource.start(otp.self(), called="resource", by="start_link")
    got = await logged()
    s.same(got, [("open", one.pid)], f'expected the log to get ("open", pid), got {render(got) if got else "nothing"}')

    s.step('After `GenServer.stop` the log gets ("close", pid), once.')
    await s.settled("GenServer.stop(server)", GenServer.stop(one.pid), one.pid)
    await closes(one.pid, "after GenServer.stop")

    s.step('The call "crash" ends it: the log gets ("close", pid), and its supervisor restarts it.')
    child = await resource.supervised(otp.self())
    supervisor = child.supervisor
    assert supervisor is not None
    await logged()
    try:
        got = await GenServer.call(child.pid, "crash")
        await s.settle()
        if not otp.is_alive(child.pid):
            raise Wrong(f'expected the call "crash" to have no answer, got {render(got)}')
        raise Wrong(f'expected the call "crash" to end the server, but it answers {render(got)} and goes on', "M11")
    except otp.ServerDown:
        await s.settle()
    except otp.CallTimeout:
        say = 'expected the call "crash" to end the server, but it is alive and silent'
        raise Wrong(say, "M31") from None
    reason = s.reason_of(child.pid)
    crashed = not same(reason, "normal") and not same(reason, "shutdown")
    s.expect(crashed, f'expected the call "crash" to make the server crash, but it ended with {render(reason)}')
    again = next(iter((await s.children(supervisor)).values()), child.pid)
    s.expect(again != child.pid, "expected a new process after the crash")
    await closes(child.pid, "after the crash", ("open", again))

    s.step('When its supervisor stops it, the log gets ("close", pid), once.')
    otp.exit(supervisor, "shutdown")
    await otp.wait_down(supervisor)
    await closes(again, "the supervisor has stopped the server", m="M19")
