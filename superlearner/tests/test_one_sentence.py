"""An event has the same sentence in feed, `GET /events`, causes and log."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest

import otp
from otp import ChildSpec, GenServer, NoReply, Ok, Supervisor, impl
from superlearner.app.running import Tree
from superlearner.control.steer import kill, resolve
from superlearner.control.terms import plain_pid
from superlearner.restarts.causes import why

CRASH = "ValueError('negative amount')"
READERS = ("feed", "events", "causes", "log")


class Worker(GenServer[Any]):
    @impl
    def init(self, arg: Any) -> Ok[Any]:
        return Ok(arg)

    @impl
    def handle_cast(self, request: Any, state: Any) -> NoReply[Any]:
        raise ValueError(request)


def tree(*specs: ChildSpec, **options: Any) -> Tree:
    return Tree("sup", lambda: Supervisor.start_link_children(specs, name="sup", **options))


def workers(*names: str, **options: Any) -> list[ChildSpec]:
    return [Worker.child_spec(None, id=name, name=name, **options) for name in names]


class Sentences:
    """Sentences of each reader without pids; `causes` explains the process `about`."""

    def __init__(self, platform: Any, caplog: pytest.LogCaptureFixture, about: str) -> None:
        platform.hub.flush()
        events = platform.platform.events
        self.texts = {
            "feed": [entry.text for entry in platform.hub.feed.entries()],
            "events": [event.text for event in events.between(0, events.number)],
            "causes": [step.text for step in why(platform.node, about)],
            "log": [record.getMessage().split("\n")[0] for record in caplog.records],
        }
        self.texts = {reader: [re.sub(r" <[\d.]+>", "", one) for one in texts] for reader, texts in self.texts.items()}

    def whole(self, reader: str, *clauses: str) -> bool:
        """Return whether a reader has a text of exactly these clauses."""
        return "; ".join(clauses) in self.texts[reader]

    def find_readers(self, clause: str) -> list[str]:
        """Return the readers that have a clause, alone or as a part of a text."""
        return [reader for reader in READERS if any(clause in text for text in self.texts[reader])]


async def end(platform: Any, name: str, how: str) -> str:
    """End a process, wait until its supervisor has handled that, and return its pid."""
    pid = resolve(platform.node, name)
    if how == "crash":
        GenServer.cast(pid, "negative amount")
    elif how == "kill":
        await kill(pid)
    else:
        otp.exit(pid, how)
    await otp.wait_down(pid, timeout=5)
    if platform.node.whereis("sup") is not None:
        await Supervisor.count_children(("sup", platform.node))
    return plain_pid(pid)


ENDS = [
    ("crash", f"crashed: {CRASH}"),
    ("kill", "was killed"),
    ("boom", "crashed: boom"),
    ("shutdown", "ended: shutdown"),
]


@pytest.fixture(autouse=True)
def all_lines(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO")


@pytest.mark.parametrize(("how", "verb"), ENDS, ids=[how for how, _ in ENDS])
def test_a_restart_is_one_sentence_for_all(
    how: str, verb: str, inside: Callable[..., Any], caplog: pytest.LogCaptureFixture
) -> None:
    async def test(platform: Any) -> None:
        await end(platform, "ledger", how)
        told = Sentences(platform, caplog, plain_pid(resolve(platform.node, "ledger")))
        did, budget = "sup (rest_for_one) restarted ledger, and with it cart", "2 of 3 restarts left in 5 s"
        assert [told.whole(reader, f"ledger {verb}", did, budget) for reader in ("feed", "events", "log")] == [True] * 3
        assert told.whole("causes", did, budget)
        assert told.find_readers(f"ledger {verb}") == list(READERS)

    inside(test, tree(*workers("first", "ledger", "cart"), strategy="rest_for_one"))


def test_a_crash_names_the_callback_and_the_line_in_the_same_words(
    inside: Callable[..., Any], caplog: pytest.LogCaptureFixture
) -> None:
    async def test(platform: Any) -> None:
        old = await end(platform, "ledger", "crash")
        told = Sentences(platform, caplog, old)
        line = f"test_one_sentence.py:{Worker.handle_cast.__code__.co_firstlineno + 2}"
        crash = f"ledger crashed: {CRASH}, in handle_cast('negative amount')"
        assert [told.whole(reader, f"{crash} at {line}") for reader in ("log", "events", "causes")] == [True] * 3

    inside(test, tree(*workers("ledger")))


@pytest.mark.parametrize(("restart", "how", "verb"), [("temporary", "kill", "was killed"), ("temporary", *ENDS[0])])
def test_an_end_without_a_restart_is_one_sentence_for_all(
    restart: Any, how: str, verb: str, inside: Callable[..., Any], caplog: pytest.LogCaptureFixture
) -> None:
    async def test(platform: Any) -> None:
        old = await end(platform, "job", how)
        told = Sentences(platform, caplog, old)
        assert told.find_readers(f"job {verb}") == list(READERS)
        for reader in ("feed", "log"):  # an event does not state that a supervisor leaves a child stopped
            assert told.whole(reader, f"job {verb}", 'it is not restarted: its child spec has restart="temporary"')

    inside(test, tree(*workers("job", restart=restart)))


def test_a_give_up_is_one_sentence_for_all(inside: Callable[..., Any], caplog: pytest.LogCaptureFixture) -> None:
    async def test(platform: Any) -> None:
        sup = resolve(platform.node, "sup")
        await end(platform, "a", "kill")
        await kill(resolve(platform.node, "a"))
        await otp.wait_down(sup, timeout=5)
        told = Sentences(platform, caplog, plain_pid(sup))
        gave_up = "sup gave up: max_restarts=1 allows 1 restart in 5 s, and a 2nd was needed (last: a was killed)"
        assert told.find_readers(gave_up) == list(READERS)
        assert [told.whole(reader, "a was killed", "sup has no restart left") for reader in ("feed", "log")] == [
            True
        ] * 2
        assert told.whole("log", "sup gave up", "playground restarts it in 30 s")
        assert told.whole("events", "sup gave up", "playground restarts it in 30 s")
        assert told.whole("feed", gave_up, "playground restarts it in 30 s")

    inside(test, tree(*workers("a"), max_restarts=1), playground_restart_after=30)


def test_a_restart_that_fails_is_one_sentence_for_all(
    inside: Callable[..., Any], caplog: pytest.LogCaptureFixture
) -> None:
    starts: list[int] = []

    async def moody() -> Any:
        starts.append(1)
        if 1 < len(starts):
            raise RuntimeError("the disk is full")
        return await Worker.start_link(None, name="w")

    async def test(platform: Any) -> None:
        sup = resolve(platform.node, "sup")
        await kill(resolve(platform.node, "w"))
        await otp.wait_down(sup, timeout=5)
        told = Sentences(platform, caplog, plain_pid(sup))
        failed = "sup could not restart w: RuntimeError('the disk is full')"
        assert told.find_readers(f"{failed}; 0 of 1 restart left in 5 s") == list(READERS)
        last = "it could not restart w: RuntimeError('the disk is full')"
        assert told.find_readers(
            f"sup gave up: max_restarts=1 allows 1 restart in 5 s, and a 2nd was needed (last: {last})"
        ) == list(READERS)

    inside(test, tree(ChildSpec("w", (moody,)), max_restarts=1), playground_restart_after=30)


def test_a_stop_and_a_start_on_request_are_one_sentence_for_all(
    inside: Callable[..., Any], caplog: pytest.LogCaptureFixture
) -> None:
    async def test(platform: Any) -> None:
        await Supervisor.terminate_child("sup", "a")
        await Supervisor.restart_child("sup", "a")
        told = Sentences(platform, caplog, plain_pid(resolve(platform.node, "a")))
        assert [told.whole(reader, "sup stopped a") for reader in ("feed", "events")] == [True] * 2
        assert [told.whole(reader, "sup started a") for reader in ("feed", "events", "causes")] == [True] * 3

    inside(test, tree(*workers("a")))


def test_new_flags_are_one_sentence_for_all(inside: Callable[..., Any], caplog: pytest.LogCaptureFixture) -> None:
    async def test(platform: Any) -> None:
        await Supervisor.change_flags("sup", strategy="one_for_all")
        await Supervisor.change_flags("sup", max_restarts=7)
        told = Sentences(platform, caplog, plain_pid(resolve(platform.node, "sup")))
        changed = "sup changed its strategy from one_for_one to one_for_all"
        for text in (changed, "sup now allows 7 restarts within 5 s"):
            assert [told.whole(reader, text) for reader in ("feed", "events")] == [True] * 2

    inside(test, tree(*workers("a")))


def test_a_changed_setting_is_one_sentence_for_all(
    inside: Callable[..., Any], caplog: pytest.LogCaptureFixture
) -> None:
    async def test(platform: Any) -> None:
        configuration = platform.platform.configuration
        configuration.make(configuration.plan_set({"kill_wait": 2.5}, "the API"))
        told = Sentences(platform, caplog, "0.1.0")
        text = "kill_wait is 2.5 (was 5.0; the API)"
        assert [told.whole(reader, text) for reader in ("feed", "events", "log")] == [True] * 3

    inside(test)


def test_the_end_of_a_node_is_told_as_such(inside: Callable[..., Any]) -> None:
    async def test(platform: Any) -> None:
        events = platform.platform.events
        async with otp.Node("other", hidden=True) as node:
            events.follow(node)
        texts = [event.text for event in events.between(0, events.number)]
        assert f"node {node.name} is down" in texts

    inside(test)


@pytest.mark.parametrize("how", ["crash", "kill"])
@pytest.mark.parametrize("name", [None, "till"], ids=["unregistered", "registered"])
def test_a_sentence_has_one_name_for_a_process(
    name: str | None, how: str, inside: Callable[..., Any], caplog: pytest.LogCaptureFixture
) -> None:
    """Regression: a child was its class when it ended, and its id when it was restarted."""

    async def test(platform: Any) -> None:
        (record,) = await Supervisor.which_children("sup")
        await end(platform, plain_pid(record.pid), how)
        (record,) = await Supervisor.which_children("sup")
        told = Sentences(platform, caplog, plain_pid(record.pid))
        called, summary = name or "stock", "; ".join(told.texts["causes"])
        assert set(re.findall(r"\b(?:Worker|stock|till)\b", summary)) == {called}
        assert told.find_readers(f"restarted {called}") == list(READERS)
        (ended,) = [one for one in platform.platform.events.between(0, 10_000) if one.type == "child_terminated"]
        assert (called, called in ended.text) == (ended.name, True)  # was its id

    inside(test, tree(Worker.child_spec(None, id="stock", name=name)))
