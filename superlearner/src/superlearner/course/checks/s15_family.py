"""Checks of session 15: children that come and go, tasks, agents and applications."""

# What learners define has no type.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false
# pyright: reportUnknownLambdaType=false, reportUnknownParameterType=false

from __future__ import annotations

import asyncio
import itertools
from typing import Any, Final

import otp
from otp import Application, GenServer, observer
from otp.trace import node_of
from superlearner.course.engine.by_hand import NEAR
from superlearner.course.engine.callers import Caller
from superlearner.course.engine.ends import failed_child
from superlearner.course.engine.exercise import exercise
from superlearner.course.engine.reports import unreported
from superlearner.course.engine.scenario import Scenario
from superlearner.course.engine.values import render, same
from superlearner.course.engine.verdict import Wrong

RACES: Final = 10
"""Rounds of a race: the scheduler decides for each one whether calls can come between two calls of a process."""


@exercise("s15.pool")
@unreported
async def pool(s: Scenario) -> None:
    """Jobs that run at most so many at a time."""
    s.step("As many jobs run as the limit says; the next one is refused with 'full'.")
    pool = await Pool.start(s, 3)
    await pool.counts(0)
    jobs = [await pool.opens(seconds) for seconds in (2, 4, 4)]
    await pool.counts(3)
    await pool.is_full()
    await pool.counts(3)

    s.step("A job ends normally after its time, and its place is free; it is not started again.")
    await s.advance(1.98)
    s.expect(all(map(otp.is_alive, jobs)), "expected a job of 2 s to run for 2 s, but it has ended before")
    await s.advance(0.04)
    s.expect(not otp.is_alive(jobs[0]), "expected a job of 2 s to end after 2 s, but it runs on")
    reason = s.reason_of(jobs[0])
    s.same(reason, "normal", f"expected a job to end with 'normal', got {render(reason)}")
    await pool.counts(2, "a job ended normally after its time, and was started again")
    await pool.opens(1)
    await pool.counts(3, "a job ended normally after its time, and was started again")
    await s.advance(5)
    await pool.counts(0, "a job ended normally after its time, and was started again")

    s.step("Ten jobs are killed within a second: the pool lives, and none of them is started again.")
    for _ in range(10):
        since = s.mark()
        await s.kill(await pool.opens(60))
        s.show(since, s.mark())
        await pool.counts(0, "a job was killed, and started again")
        await s.advance(0.05)
    await pool.opens(1)
    await s.advance(2)
    await pool.counts(0)

    s.step("Five clients want the last place at once: one of them gets it.", "P3")
    users = [s.caller(f"client {number}") for number in range(1, 6)]
    for _ in range(RACES):
        since = s.mark()
        await pool.opens(4)
        await pool.opens(4)
        asked = [user.call("open_job", pool.pool, 4) for user in users]
        got = [await each.returns() for each in asked]
        started = [s.adopt(each, "job") for each in got if isinstance(each, otp.Pid)]
        pool.jobs += started
        say = f"one place is free, and {len(started)} of five clients got a job: between two calls another process asks"
        s.show(since, s.mark())
        s.expect(len(started) == 1, say)
        await s.advance(5)
        await pool.counts(0)

    s.step("A second pool has its own limit and its own jobs.")
    other = await Pool.start(s, 1)
    await other.counts(0)
    await other.opens(1)
    await other.is_full()
    await other.counts(1)


class Pool:
    """A pool of the answer, used by a process that started it."""

    def __init__(self, s: Scenario, owner: Caller, pool: Any) -> None:
        self.s = s
        self.owner = owner
        self.pool = pool
        self.jobs: list[otp.Pid] = []
        self.since = s.mark()

    @classmethod
    async def start(cls, s: Scenario, limit: int) -> Pool:
        """Start a pool."""
        owner, since = s.caller("client"), s.mark()
        pool = await owner.call("start_pool", limit).returns()
        if pool is None:
            raise Wrong(f"{s.line_of('start_pool')}start_pool returned None: is a `return` missing?")
        for pid in s.trace.started(since):
            s.running(pid, "pool" if pid == pool else "helper of the pool")
        return cls(s, owner, pool)

    async def opens(self, seconds: float) -> otp.Pid:
        """Open a job; raise `Wrong` unless it runs."""
        since = self.s.mark()
        call = self.owner.call("open_job", self.pool, seconds)
        await self.s.settle()
        slow = not call.done and any(map(is_in_init, self.s.trace.started(since)))
        pid = await call.returns(late="M18" if slow else None)
        if not isinstance(pid, otp.Pid):
            raise Wrong(f"expected open_job to start a job and return its pid, got {render(pid)}")
        self.s.running(pid, "job")
        self.jobs.append(pid)
        self.s.expect(otp.is_alive(pid), "expected open_job to return the pid of a running job, but it has ended")
        return pid

    async def is_full(self) -> None:
        """Raise `Wrong` unless the next job is refused."""
        got = await self.owner.call("open_job", self.pool, 1).returns()
        if isinstance(got, otp.Pid):
            raise Wrong("as many jobs run as the limit says, and open_job started one more: expected 'full'")
        self.s.same(got, "full", f"expected open_job to return 'full', got {render(got)}")

    def is_one_more(self) -> bool:
        """Return whether a process lives that the pool has started by itself."""
        return any(otp.is_alive(pid) and pid not in self.jobs for pid in self.s.trace.started(self.since))

    async def counts(self, wanted: int, again: str = "") -> None:
        """Raise `Wrong` unless so many jobs run; more show that one was started `again`."""
        await self.s.settle()
        if again and not otp.is_alive(self.owner.pid if not isinstance(self.pool, otp.Pid) else self.pool):
            raise Wrong(f"{again}, until the pool gave up", "M24")
        got = await self.owner.call("count", self.pool).returns()
        more = bool(again) and type(got) is int and got > wanted and self.is_one_more()
        said = f"{again}: " if more else ""
        self.s.same(got, wanted, f"{said}expected count to return {wanted}, got {render(got)}", "M24" if more else None)


def is_in_init(pid: otp.Pid) -> bool:
    """Return whether a process waits in its `init`."""
    return otp.is_alive(pid) and str(otp.process_info(pid, "current_function")).rpartition(":")[0].endswith("init")


ITEMS: Final = tuple(range(50))
RAISE: Final = (7, 30)
HANGS: Final = 13
MOST: Final = 8
TIMEOUT: Final = 5
LONGEST: Final = 12.0
GIVEN_UP: Final = 80.0
"""Seconds after which a call is taken to wait for ever."""


@exercise("s15.tasks")
@unreported
async def tasks(s: Scenario) -> None:
    """Fifty tasks: two fail, and one hangs."""
    running: dict[int, float] = {}
    most = 0

    async def fetch(item: int) -> Any:
        nonlocal most
        s.running(otp.self(), f"fetch of {item}")
        running[item] = otp.monotonic()
        most = max(most, sum(since > otp.monotonic() - TIMEOUT for since in running.values()))
        try:
            await asyncio.sleep(3600 if item == HANGS else 1)
            if item in RAISE:
                raise ValueError(f"no page {item}")
            return item * item or None
        finally:
            running.pop(item)

    s.step("It gives ('ok', value) or ('failed', item) for each item, in the order of the items.")
    caller = s.caller("caller")
    await s.settle()
    begun, since = otp.monotonic(), s.mark()
    call = caller.call("fetch_all", list(ITEMS), fetch, TIMEOUT)
    await s.settle()
    while not call.done and otp.is_alive(caller.pid) and otp.monotonic() < begun + GIVEN_UP:
        await s.advance(0.1)
    seconds = otp.monotonic() - begun
    if isinstance(call.error, Wrong):
        raise call.error
    ended = call.error if otp.is_alive(caller.pid) else s.reason_of(caller.pid)
    if ended is not None:
        line, why = s.line_of_reason(ended), render(ended)
        if "no page" in why:
            apart = bool(s.trace.started(since))
            say = "an item failed, and fetch_all failed with it: the caller needs all other results"
            raise Wrong(line + say, "M8" if apart else None)
        if "timeout" in why:
            raise Wrong(f"{line}an item took longer than {TIMEOUT} s, and fetch_all ended: expected the other results")
        raise Wrong(f"{line}fetch_all failed with {why}")
    s.expect(call.done, f"fetch_all has not returned after {GIVEN_UP:g} s: it waits for the item that hangs")
    wanted = [("failed", item) if item in (*RAISE, HANGS) else ("ok", item * item or None) for item in ITEMS]
    results = call.value
    s.expect(type(results) in (list, tuple), f"expected a list of results, got {render(results)}")
    s.expect(len(results) == len(wanted), f"expected {len(wanted)} results, got {len(results)}")
    for item, (got, right) in enumerate(zip(results, wanted, strict=True)):
        empty = right == ("ok", None) and same(got, ("failed", item))
        s.expect(same(got, right), f"expected {right} for item {item}, got {render(got)}", "V2" if empty else None)

    s.step("At most eight run at a time, and all are done within 12 s.")
    s.expect(most <= MOST, f"expected at most {MOST} at a time, got {most}")
    s.expect(seconds <= LONGEST + NEAR, f"expected it to take at most 12 s, got {seconds:.3g} s, {most} at a time")
    again = s.caller("second caller").call("fetch_all", [HANGS, 1], fetch, 2)
    await s.advance(2.1)
    s.expect(again.done, "with timeout=2, an item that takes longer than 2 s was still waited for")
    right = [("failed", HANGS), ("ok", 1)]
    s.expect(same(again.value, type(results)(right)), f"expected {right} with timeout=2, got {render(again.value)}")

    s.step("The caller goes on, and nothing is left: no process, no work, no message.")
    left = s.started_by(caller.pid)
    if running or left:
        say = "the item that hangs is still being fetched" if running else f"{len(left)} of its processes run on"
        raise Wrong(f"fetch_all has returned, and {say}: a time limit ends the wait, not the work", "M17")
    await s.advance(5)
    got = caller.messages
    late = any(not isinstance(message, otp.Down | otp.ExitSignal) for message in got)
    say = f"expected no message to be left for the caller, got {s.worded(render(got))}"
    s.expect(not got, say, "M17" if late else None)


@exercise("s15.agent_cache")
@unreported
async def agent_cache(s: Scenario) -> None:
    """A cache without a class of its own."""
    s.step("`get` gives what was put last, else the default.")
    user = s.caller("client")
    one = await cache_of(s, user, "cache")
    await user.call("get", one, "a").returns(None)
    await user.call("get", one, "a", 7).returns(7)
    for value in (1, 2, None, 0, "", False):
        await user.call("put", one, "a", value).returns()
        await user.call("get", one, "a", "no value").returns(value, m=None if value else "V2")
    await user.call("get", one, "b", default=0).returns(0)

    s.step("`get_or_put` gives what is there, else it stores what `make()` gives.")
    made: list[int] = []

    def make() -> int:
        made.append(len(made) + 1)
        return made[-1]

    await user.call("put", one, "full", 5).returns()
    await user.call("get_or_put", one, "full", make).returns(5)
    s.expect(not made, "5 is stored, but get_or_put called make all the same")
    await user.call("get_or_put", one, "a", make).returns(False, m="V2")
    s.expect(not made, "False is stored, but get_or_put called make for it", "V2")
    for _ in range(2):
        await user.call("get_or_put", one, "new", make).returns(1)
    await user.call("get", one, "new").returns(1)
    s.expect(made == [1], f"expected one call of make for one missing key, got {len(made)}")
    await user.call("get_or_put", one, "none", lambda: None).returns(None)
    await user.call("get", one, "none", "no value").returns(None, m="V2")
    await user.call("get_or_put", one, "none", make).returns(None, m="V2")

    s.step("Twenty processes ask for one missing key at once: `make` runs once.", "P3")
    users = [s.caller(f"client {number}") for number in range(1, 21)]
    for race in range(RACES):
        since = s.mark()
        made.clear()
        calls = [each.call("get_or_put", one, f"race {race}", make) for each in users]
        await s.settle()
        s.show(since, s.mark())
        s.expect(len(made) == 1, f"expected one call of make, got {len(made)}: between two calls another process asks")
        for call in calls:
            await call.returns(1)

    s.step("What `entries` gives belongs to its asker.", "M6")
    await user.call("put", one, "mine", 1).returns()
    seen = await user.call("entries", one).returns()
    if not isinstance(seen, dict) or seen.get("mine") != 1:
        raise Wrong(f"expected entries to give a dict with the key 'mine', got {render(seen)}")
    seen["mine"] = 2
    seen["other"] = 3
    await user.call("get", one, "mine").returns(1)
    await user.call("get", one, "other").returns(None)

    s.step("Two caches share nothing.", "M6")
    two = await cache_of(s, user, "second cache")
    await user.call("get", two, "mine").returns(None)
    await user.call("put", two, "mine", 5).returns()
    await user.call("get", one, "mine").returns(1)

    s.step("A cache that is killed is gone, and a new one begins empty.")
    await s.kill(one)
    await user.call("get", one, "mine").raises(otp.NoProcess)
    three = await cache_of(s, user, "new cache")
    await user.call("get", three, "mine").returns(None, m="M12")
    found = await user.call("entries", three).returns()
    s.expect(found == {}, f"a new cache holds {render(found)} from the one before", "M12")


async def cache_of(s: Scenario, user: Caller, name: str) -> otp.Pid:
    """Return the pid of a new cache, which must not be linked with the process that started it."""
    pid = await user.call("start").returns()
    if not isinstance(pid, otp.Pid):
        raise Wrong(f"expected start() to return the pid of the cache, got {render(pid)}")
    s.running(pid, name)
    links = otp.process_info(user.pid, "links") or ()
    if pid in links:
        raise Wrong("start() links the cache with the process that called it: expected no link")
    return pid


CALL_S: Final = 4
"""Seconds; a call that waits longer times out."""
URLS: Final = ("disk:", "memory:2")


@exercise("s15.application", reads_messages=True)
@unreported
async def application(s: Scenario) -> None:
    """A database, and a shop that needs it."""
    database, shop = (declared(s, name) for name in ("Database", "Shop"))
    s.step("The shop does not start without its database.")
    value = await tried(s, "Application.start(Shop)", lambda: Application.start(shop))
    if isinstance(value, Exception) and not isinstance(value, otp.StartError):
        await s.settled("Application.start(Shop)", failing(value))
    if not isinstance(value, otp.StartError):
        raise Wrong("expected Application.start(Shop) to fail while the database is not running, but it starts")
    wanted = ("not_started", "database")
    if value.reason != wanted:
        say = "the database is not running, and Shop starts its tree all the same: name what it needs in `applications`"
        raise Wrong(s.line_of("Shop", "applications") + say)

    s.step("`ensure_all_started(Shop)` starts both, and the orders have the url of the connection.")
    default = Application.get_env(database, "url")
    s.expect(
        type(default) is str,
        f"expected the env of Database to have a text under 'url', env = {{'url': …}}, got {render(default)}",
    )
    for url in (default, *URLS):
        Application.put_env(database, "url", url)
        since = s.mark()
        names = await tried(s, "ensure_all_started(Shop)", lambda: Application.ensure_all_started(shop))
        if isinstance(names, Exception):
            raise await why_not(s, "ensure_all_started(Shop)", names)
        s.same(names, ["database", "shop"], f"expected ['database', 'shop'] to start, got {render(names)}")
        await s.settle()
        connection = otp.whereis("connection")
        at_start = connection is not None and bool(s.trace.sent(connection, since))
        for name in ("connection", "orders"):
            pid = otp.whereis(name)
            if pid is None:
                raise Wrong(f"expected a process that is registered as {name!r}, got none", sent=False)
            if name == "orders" and not at_start:
                raise Wrong("the shop has started, and connection was not asked: orders should ask when it starts")
            got = await s.asked(f"the call 'url' to {name}", GenServer.call(pid, "url"), pid)
            s.same(got, url, f"expected {name} to answer {url!r}, the url of the database, got {render(got)}")
        if url != URLS[-1]:
            for app in (shop, database):
                await stopped(s, app)

    s.step("Each server is the child of a supervisor, which restarts it after a crash.")
    for app, name in ((database, "connection"), (shop, "orders")):
        killed = otp.whereis(name)
        if killed is None:
            raise Wrong(f"the connection was killed, and {name} ended with it: expected it to be started again")
        await s.kill(killed)
        say = f"{name} was killed, and it was not started again: make it a permanent child of a supervisor, and return"
        say += " the pid of the supervisor from `start`"
        s.expect(otp.whereis(name) is not None, s.line_of(app.__name__, "start") + say)
    s.name_registered()

    s.step("The shop alone is stopped and started, and asks the connection again.")
    connection = otp.whereis("connection")
    await stopped(s, shop)
    s.expect(otp.whereis("connection") == connection, "the shop was stopped, and the connection with it")
    Application.put_env(database, "url", "another one")
    names = await tried(s, "ensure_all_started(Shop)", lambda: Application.ensure_all_started(shop))
    s.same(names, ["shop"], f"expected ['shop'] to start while the database runs, got {render(names)}")
    got = await s.asked("the call 'url' to orders", GenServer.call("orders", "url"), otp.whereis("orders"))
    say = f"expected orders to ask connection, which answers {URLS[-1]!r}, got {render(got)}"
    s.same(got, URLS[-1], say)

    s.step("The database runs on when the shop is stopped.")
    await stopped(s, shop)
    s.expect(otp.whereis("orders") is None, "expected orders to stop with the shop, but it runs on")
    s.expect(otp.whereis("connection") == connection, "the shop was stopped, and the connection with it")
    left = [each.name for each in await Application.which_applications()]
    s.expect("database" in left, f"expected the database to run on, got {render(left)}")
    await stopped(s, database)
    s.expect(otp.whereis("connection") is None, "expected connection to stop with the database, but it runs on")


def declared(s: Scenario, name: str) -> Any:
    """Return an application of the answer."""
    found = s.need(name)
    if not isinstance(found, type) or not issubclass(found, Application):
        raise Wrong(f"{s.line_of(name)}expected {name} to be an application, class {name}(Application)")
    needs = getattr(found, "applications", ())
    if type(needs) not in (tuple, list) or not all(isinstance(each, type) for each in needs):
        say = f"expected applications to hold classes, such as (Database,), got {render(needs)}"
        raise Wrong(f"{s.line_of(name, 'applications')}{say}")
    wanted = name.lower()
    got = getattr(found, "name", None)
    s.same(got, wanted, f"{s.line_of(name, 'name')}expected name = {wanted!r} in {name}, got {render(got)}")
    return found


async def tried(s: Scenario, what: str, make: Any) -> Any:
    """Return what an awaitable gives or raises; raise `Wrong` if it never returns."""
    told: list[Any] = []

    async def run() -> None:
        otp.process_flag("trap_exit", True)
        try:
            told.append(await make())
        except Exception as error:
            told.append(error)

    begun, since = otp.monotonic(), s.mark()
    pid = s.name(otp.spawn(run), "starter")
    await s.settle()
    until = s.mark()
    waits = [] if told else [(each.source, each.target) for each in observer.waits(node_of(pid))]
    s.name_registered()
    cycle = list(dict.fromkeys((one, other) for one, other in waits if (other, one) in waits))
    for each in itertools.chain(*cycle):
        s.running(each, "its supervisor")
    said = " and ".join(f"{s.called(one)} waits for {s.called(other)}" for one, other in cycle)
    if not told:
        await s.advance(GIVEN_UP)
    if not told or (isinstance(told[0], Exception) and otp.monotonic() - begun > CALL_S):
        s.show(since, until)
        with s.unseen():
            for each in (pid, *itertools.chain(*cycle)):
                otp.exit(each, "kill")
            await s.settle()
        why = "an `init` calls the supervisor that waits for this `init`"
        raise Wrong(f"{what} does not return: {said or why}", "M18", why[0].upper() + why[1:] + ".")
    return told[0]


async def why_not(s: Scenario, what: str, error: Exception) -> Wrong:
    """Return the fault of an application that does not start."""
    reason = error.reason if isinstance(error, otp.StartError) else None
    match reason:
        case (str(), ("bad_return", (_, result))):
            return Wrong(f"{what} failed: its start returned {render(result)}: expected the pid of a supervisor")
        case (str(), (cause, *_)):
            child, why = failed_child(cause)
            return s.end_of(f"{what} failed: {child}", why, "init")
        case _:
            await s.settled(what, failing(error))
            return Wrong(f"{what} failed")


async def failing(error: Exception) -> None:
    """Raise an error."""
    raise error


async def stopped(s: Scenario, app: Any) -> None:
    """Stop an application."""
    value = await tried(s, f"Application.stop({app.__name__})", lambda: Application.stop(app))
    if isinstance(value, Exception):
        await s.settled(f"Application.stop({app.__name__})", failing(value))
