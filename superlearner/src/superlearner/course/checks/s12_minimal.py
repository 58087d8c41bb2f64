"""The check of the server that session 12 writes first."""

# What learners define has no type.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false
# pyright: reportUnknownLambdaType=false, reportUnknownParameterType=false

from __future__ import annotations

import ast
import inspect
import itertools
import linecache
from collections.abc import Callable
from typing import Any, Final

import otp
from superlearner.course.engine.client import ways_in_words
from superlearner.course.engine.exercise import exercise
from superlearner.course.engine.scenario import Scenario
from superlearner.course.engine.slips import line_of_reply
from superlearner.course.engine.values import render, same
from superlearner.course.engine.verdict import Wrong


def add_one(value: int) -> int:
    """Return the next number."""
    return value + 1


def append_one(value: tuple[int, ...]) -> tuple[int, ...]:
    """Return a tuple with one more member."""
    return (*value, 1)


VALUES: Final = ("mine", 0, None, False, "", [], {}, (), ("set", 1), ("update", 2), add_one)
"""Values that a server keeps: also falsy ones, and some that look like requests."""
VALUE: Final = "`None`, `0`, an empty text and `False` are values, too: keep each one as it is."
STARTS: Final = (7, 0, (), None)
"""Arguments with which a server is restarted."""


class Client:
    """The functions of the learner's class, with what to say if they fail."""

    def __init__(self, s: Scenario, server_class: Any) -> None:
        self.s = s
        self.start, self._get, self._set, self._update = (
            s.member(server_class, name) for name in ("start", "get", "set", "update")
        )
        self.set_waits = False
        """True if `set` has returned something to await."""

    async def get(self, server: otp.Pid) -> Any:
        """Return the value of a server."""
        return await self.s.asked("get(server)", self._get(server), server)

    async def set(self, server: otp.Pid, value: Any) -> None:
        """Change the value of a server."""
        made = self._set(server, value)
        if inspect.isawaitable(made):
            self.set_waits = True
            await self.s.settled(f"set(server, {render(value)})", made, server)

    async def update(self, server: otp.Pid, function: Callable[[Any], Any]) -> Any:
        """Replace the value of a server, and return what it answers."""
        return await self.s.asked("update(server, function)", self._update(server, function), server)


@exercise("s12.minimal", reads_messages=True)
async def minimal(s: Scenario) -> None:
    """MinimalServer: a value that is kept, read and changed."""
    s.step("A server starts with 0, and `get` answers 0; after `set` with 42 it answers 42.")
    server_class = s.need("MinimalServer")
    client = Client(s, server_class)
    server = await s.start("start(0)", client.start(0), "server")
    got = await client.get(server)
    s.same(got, 0, f"expected get to answer 0, the argument of start, got {render(got)}")
    before = s.mark()
    await client.set(server, 42)
    how, after_set = [event.data["way"] for event in s.trace.sent(server, before)], s.mark()
    got = await client.get(server)
    s.same(got, 42, f"expected get to answer 42 after set(server, 42), got {render(got)}")

    s.step("`update` answers the new value and keeps it, also when two processes update at once.")
    await updates(s, client, server)

    s.step("Two servers share nothing.")
    other = await s.start("start(())", client.start(()), "other")
    s.expect(other != server, "expected start(()) to make a new process, got that of start(0)", "M6")
    third = await s.start("start(())", client.start(()), "third")
    await starts_from_its_argument(s, client, other)
    await client.update(other, append_one)
    await client.set(other, "mine")
    for each, value in ((third, ()), (server, 45)):
        got = await client.get(each)
        say = f"expected each server to have a state of its own, but one changed the other's: got {render(got)}"
        s.same(got, value, f"{say} instead of {value}", "M6")

    s.step("It keeps any value, and `update` calls its function once.")
    await keeps_any_value(s, client, other)

    s.step("Killed under a supervisor, it restarts with its initial value.")
    for initial in STARTS:
        await restarts_with(s, client, server_class.child_spec(initial), initial)

    s.step("Every call is answered.")
    for _ in range(3):
        await client.get(server)

    s.step("`set` is a cast: it returns at once, and no answer comes.")
    if how != ["cast"]:
        s.show(before, after_set)
    if set(how) == {"cast"}:
        s.expect(
            len(how) == 1,
            f"`set` sends {ways_in_words(how)}: send one, or another client may change the value in between",
        )
    needs = "setting a value needs no answer: send one cast"
    s.same(how, ["cast"], f"`set` sends {ways_in_words(how)}, but {needs}", "M14")
    waits = "set(server, 42) has to be awaited, but a cast waits for nothing: write `def set`, without `async`"
    s.expect(not client.set_waits, waits, "M14")


async def restarts_with(s: Scenario, client: Client, spec: Any, initial: Any) -> None:
    """Change the value of a supervised server, kill it, and ask the server that is started in its place."""
    supervisor = await s.supervise(spec)
    (child,) = (await s.children(supervisor)).values()
    await client.set(child, 8)
    got = await client.get(child)
    s.same(got, 8, f"expected get to answer 8 after set(server, 8), got {render(got)}")
    await client.update(child, add_one)
    await s.kill(child)
    again = list((await s.children(supervisor)).values())
    s.expect(len(again) == 1 and again[0] != child, "expected a new process after the kill")
    got = await client.get(again[0])
    loses = f"expected the start value {render(initial)} after a restart, got {render(got)}: a restart loses the state"
    s.same(got, initial, loses, "M12")


async def updates(s: Scenario, client: Client, server: otp.Pid) -> None:
    """Add 1 to 42, once and twice at the same time."""
    since = s.mark()
    got = await client.update(server, add_one)
    ways = [event.data["way"] for event in s.trace.sent(server, since) if event.pid != server]
    after_update = s.mark()
    say = f"expected update to answer the new value 43, got {render(got)}"
    if ways == ["cast"] and got is None:
        s.show(since, after_update)
        where = s.line_of("update", "cast")
        raise Wrong(f"{where}{say}: `update` sends a cast, which brings no answer; send one call", "M14")
    s.same(got, 43, reply_in(s, say, 0, "answers the old value: the answer comes first, then the new state"))
    got = await client.get(server)
    say = f"expected get to answer the new value 43 after update, got {render(got)}"
    s.same(got, 43, reply_in(s, say, 1, "keeps the old state: the new one comes second"))

    async def add() -> None:
        await client.update(server, add_one)

    s.show(s.mark())
    await s.at_once(server, add, add)
    got = await client.get(server)
    lost = f"two processes added 1 to 43 at the same time, and get answers {render(got)} instead of 45"
    s.same(got, 45, f"{lost}: one update is lost", "P3" if len(ways) > 1 else None)
    if ways != ["call"]:
        s.show(since, after_update)
        say = "between two messages another process can change the value; send one call, and let the server do both"
        raise Wrong(f"`update` sends {ways_in_words(ways)}: {say}", "P3" if len(ways) > 1 else None)


def reply_in(s: Scenario, say: str, place: int, why: str) -> str:
    """Return a sentence about `update`, with the line of the only `Reply` that can be the cause."""
    source = "".join(linecache.getlines(str(s.answer.__file__)))
    line, result = line_of_reply(source, place) if say.endswith("got 42") else ("", "")
    return f"{line}{result} {why}. In the run: {say}" if line else say


async def starts_from_its_argument(s: Scenario, client: Client, other: otp.Pid) -> None:
    """Compare the value of a server that was started with an empty tuple, after another one had 42 to 45."""
    got = await client.get(other)
    if any(same(got, value) for value in range(42, 46)):
        say = f"expected get to answer (), the argument of start, got {got}, a value of the other server"
        raise Wrong(say, "M6")
    if not same(got, ()):
        with s.unseen():  # is it only an empty argument that is not kept?
            full = await s.start("start(7)", client.start(7), "server of 7")
            kept = same(await client.get(full), 7)
        say = f"expected get to answer (), the argument of start, got {render(got)}"
        raise falsy(s, say) if kept else Wrong(say)


def falsy(s: Scenario, say: str) -> Wrong:
    """Return the fault of a server that treats a value as missing, with the test if only one can be wrong."""
    tree = ast.parse("".join(linecache.getlines(str(s.answer.__file__))))
    tests = [one.test for one in ast.walk(tree) if isinstance(one, ast.If | ast.IfExp)]
    found: list[ast.expr] = [one for one in ast.walk(tree) if isinstance(one, ast.BoolOp) and one not in tests]
    found += [one for one in tests if isinstance(one, ast.Name | ast.UnaryOp)]
    found += [one for one in tests if isinstance(one, ast.Compare) and any(map(is_falsy, (one.left, *one.comparators)))]
    if len(found) != 1:
        return Wrong(say, "V2", VALUE)
    test = ast.unparse(found[0])
    return Wrong(f"line {found[0].lineno}: `{test}` treats some values as missing. In the run: {say}", "V2", VALUE)


def is_falsy(one: ast.expr) -> bool:
    """Return whether an expression is a literal of a falsy value, or of several."""
    match one:
        case ast.Constant():
            return not one.value
        case ast.Tuple() | ast.List() | ast.Set():
            return all(map(is_falsy, one.elts))
        case _:
            return isinstance(one, ast.Dict) and not one.keys


async def keeps_any_value(s: Scenario, client: Client, server: otp.Pid) -> None:
    """Set and update to values of all kinds, and count the calls of a function."""
    for value in VALUES:
        await client.set(server, value)
        got = await client.get(server)
        if got is not value:
            say = f"expected get to answer {render(value)} after set(server, {render(value)}), got {render(got)}"
            raise Wrong(say) if value else falsy(s, say)
    given = [1]
    await client.set(server, given)
    await client.update(server, lambda value: [*value, 2])
    s.same(given, [1], f"expected the list given to set to stay [1], got {given}: the server changed it in place", "M6")
    for value in (0, None):
        got = await client.update(server, lambda _, new=value: new)
        if not same(got, value):
            raise falsy(s, f"expected update to answer {value}, the new value, got {render(got)}")
        got = await client.get(server)
        if not same(got, value):
            raise falsy(s, f"expected get to answer {value}, the result of update, got {render(got)}")
    drawn = itertools.count(1)
    await client.update(server, lambda _: next(drawn))
    times = next(drawn) - 1
    say = f"expected update to call its function once, got {times} calls, which may return different values"
    s.expect(times == 1, say)
