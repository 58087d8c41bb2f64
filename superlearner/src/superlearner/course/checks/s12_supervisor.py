"""The check of the supervisor that learners of session 12 write."""

# What learners define has no type.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false
# pyright: reportUnknownLambdaType=false, reportUnknownParameterType=false

from __future__ import annotations

import itertools
from typing import Final

import otp
from otp import GenServer, Supervisor
from superlearner.course.engine.drawn_tree import STRATEGIES
from superlearner.course.engine.exercise import exercise
from superlearner.course.engine.reports import unreported
from superlearner.course.engine.scenario import Scenario
from superlearner.course.engine.tree import TOGETHER
from superlearner.course.engine.values import render
from superlearner.course.engine.verdict import Wrong

CHECKOUT: Final = "Checkout"
NAMES: Final = ("stock", "cart", "mailer")
"""Each needs the one before it."""
CRASHES: Final = ((0, "mailer"), (1, "cart"), (2, "mailer"), (3, "stock"), (4, "mailer"))
OFTEN: Final = 50
"""Crashes of the mailer, ten a second; a supervisor must not survive all of them."""


@exercise("s12.supervisor")
@unreported
async def supervisor(s: Scenario) -> None:
    """Checkout: three children that need each other, and five crashes."""
    s.step("`Checkout` is a supervisor with three children: stock, cart and mailer.")
    checkout = s.need(CHECKOUT)
    is_class = isinstance(checkout, type)
    if is_class and issubclass(checkout, GenServer):
        say = (
            "`Checkout` is a GenServer, so your code would have to watch the children; write class Checkout(Supervisor)"
        )
        raise Wrong(f"{s.line_of(CHECKOUT)}{say}", "M25")
    if not is_class or not issubclass(checkout, Supervisor):
        wanted = "expected `Checkout` to be a supervisor, class Checkout(Supervisor)"
        raise Wrong(f"{s.line_of(CHECKOUT)}{wanted}, got {'another class' if is_class else render(checkout)}")
    pid = await s.start_linked("Checkout.start_link()", checkout.start_link(None), CHECKOUT)
    children = await named_children(s, pid)
    if set(children) != set(NAMES):
        got = ", ".join(map(render, children)) or "no child"
        where = s.line_of(CHECKOUT, "Children")
        raise Wrong(f"{where}expected children with the ids 'stock', 'cart' and 'mailer', got {got}")

    s.step("Each child starts after the one that it needs.")
    order = list(children)
    for needed, user in itertools.pairwise(NAMES):
        if order.index(user) < order.index(needed):
            say = f"children start in the order of the list, and {user} starts before {needed}, which it needs"
            raise Wrong(f"{s.line_of(CHECKOUT, user)}{say}", "M21", FIRST)

    s.step("It survives the five crashes; each restarts what needs the crashed child, and nothing else.")
    begun = otp.monotonic()
    for at, crashed in CRASHES:
        if (wait := begun + at - otp.monotonic()) > 0:
            await s.advance(wait)
        await survives(s, pid, at, crashed)

    s.step("When a child crashes again and again, it gives up.")
    s.show(s.mark())
    for _ in range(OFTEN):
        await s.advance(0.1)
        mailer = (await named_children(s, pid))["mailer"]
        await s.kill(mailer)
        if not otp.is_alive(pid):
            return
    limits = s.line_of(CHECKOUT, "max_restarts", "Children")
    say = f"the mailer crashed {OFTEN} times in {OFTEN / 10:g} seconds, and was restarted each time"
    raise Wrong(f"{limits}{say}; choose a lower limit: such a child is not cured by restarts", "M22")


async def named_children(s: Scenario, pid: otp.Pid) -> dict[str, otp.Pid]:
    """Return the living children by id, oldest first; a class as id is replaced by its name in lower case."""
    found = await s.children(pid)
    return {id.__name__.lower() if isinstance(id, type) else str(id): child for id, child in found.items()}


async def survives(s: Scenario, pid: otp.Pid, at: int, crashed: str) -> None:
    """Crash a child; raise `Wrong` unless exactly this child and those that need it are restarted."""
    before = await named_children(s, pid)
    since = s.mark()
    s.show(since)
    await s.kill(before[crashed])
    if not otp.is_alive(pid):
        limits = s.line_of(CHECKOUT, "max_restarts", "Children")
        say = f"the crash of {crashed} at {at} s was one too many, and Checkout gave up"
        raise Wrong(f"{limits}{say}: the five crashes come within 4 seconds", "M22", LIMIT)
    after = await named_children(s, pid)
    s.show(since, s.mark())
    for name in NAMES:
        if name not in after:
            where = s.line_of(CHECKOUT, "temporary")
            which = "it" if name == crashed else name
            s.happens("is not started again", before[name])
            s.show(since, s.mark())
            raise Wrong(f"{where}{crashed} crashed, and {which} was not started again", "M24")
    needs_it = NAMES[NAMES.index(crashed) :]
    strategy = s.line_of(CHECKOUT, *STRATEGIES, "Children")
    for name in NAMES:
        new = after[name] != before[name]
        if name in needs_it and not new:
            s.happens("goes on as before", before[name])
            s.show(since, s.mark())
            unwritten = s.line_of(CHECKOUT, "strategy") == s.line_of(CHECKOUT)
            default = ": without a strategy, a supervisor is one_for_one" if unwritten else ""
            say = f"{strategy}{crashed} crashed, and {name}, which needs it, went on as before{default}"
            raise Wrong(say, "M21", AFTER).without_fact()
        if new and name not in needs_it:
            say = f"{strategy}{crashed} crashed, and {name}, which does not need it, was restarted"
            raise Wrong(say, "M20", TOGETHER).without_fact()


FIRST = "A list of children is their start order: what is needed comes first."
AFTER = "`rest_for_one` restarts the child that crashed and those started after it; `one_for_one` restarts no other."
LIMIT = "A supervisor survives `max_restarts` restarts within `max_seconds`; without these options, 3 within 5 seconds."
