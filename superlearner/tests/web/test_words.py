"""The feed tells what happened in plain words, one entry for one cause: real trees, real ends."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import otp
from otp import Children, ChildSpec, GenServer, NoReply, Ok, Supervisor, impl
from superlearner.control.steer import kill, resolve, terminate_child
from superlearner.running import Tree


class Worker(GenServer[Any]):
    @impl
    def init(self, arg: Any) -> Ok[Any]:
        return Ok(arg)

    @impl
    def handle_cast(self, request: Any, state: Any) -> NoReply[Any]:
        if request == "crash":
            raise ValueError("negative amount")
        return NoReply(state)


class Group(Supervisor):
    @impl
    def init(self, arg: Any) -> Children:
        names, options = arg
        return Children([Worker.child_spec(None, id=name, name=name) for name in names], **options)


def tree(*names: str, **options: Any) -> Tree:
    return Tree("sup", lambda: Group.start_link((names, options), name="sup"))


async def texts(inside: Any) -> list[str]:
    """What the feed says when all supervisors have dealt with what was before."""
    for name in ("sup", "playground", "shop"):
        if inside.node.whereis(name) is not None:
            await Supervisor.count_children((name, inside.node))
    inside.hub.flush()
    return [entry.text for entry in inside.hub.feed.entries()]


async def crash(inside: Any, name: str) -> None:
    pid = resolve(inside.node, name)
    GenServer.cast(pid, "crash")
    await otp.wait_down(pid, timeout=5)


def test_a_crash_names_who_why_what_followed_and_what_is_left(inside: Callable[..., Any]) -> None:
    async def test(platform: Any) -> None:
        await crash(platform, "ledger")
        assert await texts(platform) == [
            "ledger crashed: ValueError('negative amount'); sup (rest_for_one) restarted ledger and the 2 after it; "
            "2 of 3 restarts left in 5 s"
        ]

    inside(test, tree("first", "ledger", "cart", "mailer", strategy="rest_for_one"))


def test_one_for_all_restarts_the_others(inside: Callable[..., Any]) -> None:
    async def test(platform: Any) -> None:
        await kill(resolve(platform.node, "b"))
        assert await texts(platform) == [
            "b was killed; sup (one_for_all) restarted b and the other 2; 0 of 1 restarts left in 9 s"
        ]

    inside(test, tree("a", "b", "c", strategy="one_for_all", max_restarts=1, max_seconds=9))


def test_a_supervisor_that_gives_up_says_how_often_and_who_brings_it_back(inside: Callable[..., Any]) -> None:
    async def test(platform: Any) -> None:
        sup = platform.node.whereis("sup")
        await kill(resolve(platform.node, "a"))
        await texts(platform)
        await kill(resolve(platform.node, "a"))
        await otp.wait_down(sup, timeout=5)
        entries = [(entry.kind, entry.text) for entry in platform.hub.feed.entries()]
        platform.hub.flush()
        last = platform.hub.feed.entries()[-1]
        assert entries[1] == ("killed", "a was killed; sup has no restart left")
        assert (last.kind, last.text) == (
            "gave_up",
            "sup gave up: 2 restarts in 5 s, allowed are 1 (last: a, killed); playground starts it again in 30 s",
        )

    inside(test, tree("a", max_restarts=1), playground_restart_after=30)


def test_a_storm_is_one_entry_that_counts(inside: Callable[..., Any]) -> None:
    async def test(platform: Any) -> None:
        for _ in range(20):
            await kill(resolve(platform.node, "a"))
            await texts(platform)
        said = await texts(platform)
        assert len(said) < 10
        assert said[-1].startswith("a ended ")
        assert "last: a was killed; sup (one_for_one) restarted a" in said[-1]

    inside(test, tree("a", max_restarts=100))


def test_a_stop_that_somebody_asked_for_is_one_entry_with_all_that_is_below(inside: Callable[..., Any]) -> None:
    async def test(platform: Any) -> None:
        await terminate_child(resolve(platform.node, "shop"), "checkout_sup")
        assert await texts(platform) == ["shop stopped checkout_sup"]

    inside(test)


def test_a_restart_that_fails_is_told_with_its_reason(inside: Callable[..., Any]) -> None:
    starts: list[int] = []

    async def once() -> Any:
        starts.append(1)
        if len(starts) == 2:
            raise RuntimeError("the disk is full")
        return await Worker.start_link(None, name="w")

    class Sup(Supervisor):
        @impl
        def init(self, arg: Any) -> Children:
            return Children([ChildSpec("w", start=(once,))], max_restarts=5)

    async def test(platform: Any) -> None:
        await kill(resolve(platform.node, "w"))
        await texts(platform)
        (said,) = await texts(platform)
        assert said == "w was killed; sup (one_for_one) restarted w; 3 of 5 restarts left in 5 s"

    inside(test, Tree("sup", lambda: Sup.start_link(None, name="sup")))
    assert len(starts) == 3


def test_a_dynamic_child_is_told_by_what_it_is(inside: Callable[..., Any]) -> None:
    async def test(platform: Any) -> None:
        node = platform.node
        spec = Worker.child_spec(None, restart="transient")
        pid = await otp.DynamicSupervisor.start_child(("orders", node), spec)
        await kill(pid)
        said = await texts(platform)
        number = str(pid).strip("<>")
        assert said == [
            f"Worker {number} was killed; orders (dynamic) restarted Worker {number}; 9 of 10 restarts left in 5 s"
        ]

    inside(test)


def test_names_are_text_and_never_html(inside: Callable[..., Any]) -> None:
    async def test(platform: Any) -> None:
        await kill(resolve(platform.node, "<b>x</b>"))
        (said,) = await texts(platform)
        assert said.startswith("<b>x</b> was killed; ")

    inside(test, tree("<b>x</b>"))
