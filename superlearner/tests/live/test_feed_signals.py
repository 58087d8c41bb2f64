"""Signals of a restart in an entry of the feed: exits, links, stops and starts, in order."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import otp
from feed_trees import Group, Worker, texts, tree
from otp import Children, Ok, Supervisor, impl
from superlearner.app.running import Tree
from superlearner.control.steer import kill, resolve, terminate_child

KINDS = {"k": "kill", "l": "link", "e": "exit", "t": "stop", "s": "start", "f": "failed", "g": "gave_up"}


def drawn(entry: Any) -> list[str]:
    """Return the signals of an entry, each as `kind from>to`."""
    signals = entry.parts["signals"]
    names = [
        one[1] if isinstance(one, list) else ((entry.sup or "") + one).rpartition("/")[2] for one in signals["who"]
    ]
    return [f"{KINDS[s[0]]} {'outside' if s[1] < 0 else names[s[1]]}>{names[s[2]]}" for s in signals["list"]]


def test_the_signals_of_a_restart_are_in_order(inside: Callable[..., Any]) -> None:
    async def test(platform: Any) -> None:
        await kill(resolve(platform.node, "b"))
        await texts(platform)
        (entry,) = platform.hub.feed.entries()
        assert drawn(entry) == [
            "kill outside>b", "exit b>sup", "stop sup>d", "stop sup>c", "start sup>b", "start sup>c", "start sup>d",
        ]  # fmt: skip
        assert "open" not in entry.parts
        assert entry.parts["signals"]["who"] == ["/b", "", "/d", "/c"]
        (about,) = [event for event in otp.trace.history(platform.node) if event.seq == entry.event]
        assert (about.kind, about.data["id"], about.data["by"]) == ("child_terminated", "b", "exit")
        times = [signal[3] for signal in entry.parts["signals"]["list"]]
        assert times == sorted(times)
        assert entry.parts["signals"]["list"][-1][4] == str(platform.node.whereis("d")).strip("<>")

    inside(test, tree("a", "b", "c", "d", strategy="rest_for_one"))


def test_a_give_up_draws_its_causes_and_the_restart_of_all(inside: Callable[..., Any]) -> None:
    class Top(Supervisor):
        @impl
        def init(self, arg: Any) -> Children:
            inner = Group.child_spec((("a", "b"), {"max_restarts": 0}), id="sup", name="sup")
            return Children([inner], max_restarts=9)

    async def test(platform: Any) -> None:
        await kill(resolve(platform.node, "a"))
        await Supervisor.count_children(("top", platform.node))
        first, last = platform.hub.feed.entries()
        assert drawn(first) == ["kill outside>a", "exit a>sup"]
        assert drawn(last) == [
            "kill outside>a", "exit a>sup", "gave_up sup>sup", "stop sup>b", "exit sup>top", "start top>sup",
            "start sup>a", "start sup>b",
        ]  # fmt: skip
        assert (last.kind, "open" in last.parts, "open" in first.parts) == ("gave_up", False, False)

    inside(test, Tree("top", lambda: Top.start_link(None, name="top")))


def test_the_end_of_a_linked_process_is_a_signal_over_the_link(inside: Callable[..., Any]) -> None:
    async def test(platform: Any) -> None:
        await kill(resolve(platform.node, "a"))
        await texts(platform)
        entry = next(one for one in platform.hub.feed.entries() if one.text.startswith("linked "))
        assert drawn(entry) == ["kill outside>a", "link a>linked", "exit linked>sup", "start sup>linked"]

    class Linked(Worker):
        @impl
        def init(self, arg: Any) -> Ok[Any]:
            otp.link(resolve(otp.trace.node_of(otp.self()), "a"))
            return Ok(None)

    class Sup(Supervisor):
        @impl
        def init(self, arg: Any) -> Children:
            return Children(
                [Worker.child_spec(None, id="a", name="a"), Linked.child_spec(None, id="linked", name="linked")]
            )

    inside(test, Tree("sup", lambda: Sup.start_link(None, name="sup")))


def test_a_clean_end_of_a_transient_child_is_final_at_once(inside: Callable[..., Any]) -> None:
    class Sup(Supervisor):
        @impl
        def init(self, arg: Any) -> Children:
            children = [Worker.child_spec(None, id=name, name=name, restart="transient") for name in "ab"]
            return Children(children, strategy="one_for_all")

    async def test(platform: Any) -> None:
        await kill(resolve(platform.node, "a"), "shutdown")
        await texts(platform)
        (entry,) = platform.hub.feed.entries()
        assert (entry.kind, "open" in entry.parts) == ("stopped", False)
        assert drawn(entry) == ["kill outside>a", "exit a>sup"]
        await terminate_child(resolve(platform.node, "sup"), "b")
        assert (await texts(platform))[-1] == "sup stopped b"

    inside(test, Tree("sup", lambda: Sup.start_link(None, name="sup")))


def test_a_supervisor_that_gave_up_and_is_temporary_says_that_it_is_not_restarted(inside: Callable[..., Any]) -> None:
    """Regression: the entry of a give-up did not say why nothing followed."""

    class Room(Supervisor):
        @impl
        def init(self, arg: Any) -> Children:
            return Children([Worker.child_spec(None, id="w", name="w")], max_restarts=0)

    class House(Supervisor):
        @impl
        def init(self, arg: Any) -> Children:
            return Children([Room.child_spec(None, id="room", name="room", restart="temporary")])

    async def test(platform: Any) -> None:
        await kill(resolve(platform.node, "w"), "kill")
        await Supervisor.count_children(("house", platform.node))
        last = platform.hub.feed.entries()[-1]
        assert last.text.endswith('; it is not restarted: its child spec has restart="temporary"')
        assert "temporary" == last.parts["restart"]

    inside(test, Tree("house", lambda: House.start_link(None, name="house")))


def test_the_end_of_a_significant_child_and_its_supervisor_is_one_entry(inside: Callable[..., Any]) -> None:
    class Top(Supervisor):
        @impl
        def init(self, arg: Any) -> Children:
            return Children([Job.child_spec(None, id="sup", name="sup")], max_restarts=9)

    class Job(Supervisor):
        @impl
        def init(self, arg: Any) -> Children:
            job = Worker.child_spec(None, id="job", name="job", restart="transient", significant=True)
            return Children([job, Worker.child_spec(None, id="b", name="b")], auto_shutdown="any_significant")

    async def test(platform: Any) -> None:
        await kill(resolve(platform.node, "job"), "shutdown")
        await Supervisor.count_children(("top", platform.node))
        first, last = platform.hub.feed.entries()
        assert (first.text, last.kind) == (
            'job ended: shutdown; it ended normally and is not restarted: its child spec has restart="transient"',
            "restarted",
        )
        assert drawn(last) == [
            "kill outside>job", "exit job>sup", "stop sup>b", "exit sup>top", "start top>sup", "start sup>job",
            "start sup>b",
        ]  # fmt: skip

    inside(test, Tree("top", lambda: Top.start_link(None, name="top")))


def test_the_children_of_a_killed_supervisor_end_over_their_links(inside: Callable[..., Any]) -> None:
    class Top(Supervisor):
        @impl
        def init(self, arg: Any) -> Children:
            return Children([Group.child_spec((("a", "b"), {}), id="sup", name="sup")], max_restarts=9)

    async def test(platform: Any) -> None:
        await kill(resolve(platform.node, "sup"))
        await Supervisor.count_children(("top", platform.node))
        (entry,) = platform.hub.feed.entries()
        assert sorted(drawn(entry)[:2]) == ["exit sup>top", "kill outside>sup"]
        assert sorted(drawn(entry)[2:4]) == ["link sup>a", "link sup>b"]
        assert drawn(entry)[4:] == ["start top>sup", "start sup>a", "start sup>b"]

    inside(test, Tree("top", lambda: Top.start_link(None, name="top")))
