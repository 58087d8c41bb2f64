"""Shorthand: the browser reads back what the server has made short, frame by frame."""

from __future__ import annotations

import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from playwright.sync_api import Browser, Page

from superlearner.control.slots import Budget, Slot, key_part
from superlearner.control.steer import kill, resolve
from superlearner.live import shorthand
from superlearner.live.frames import Frames, encode
from superlearner.live.projection import Projection, graft, patch, remove
from superlearner.live.rows import Last
from superlearner.live.shorthand import Shorthand
from superlearner.live.stories import Entry

WORDS = st.sampled_from(["a", "b", "killed", "1", "12", "0.3.0", "$", "<b>", "üb/er", "\n", "", "was", "shutdown"])
SECONDS = st.integers(0, 4_000_000_000_000).map(lambda ms: ms / 1000)


@pytest.fixture
def reader(browser: Browser, platform: Any) -> Any:
    """A page that reads frames: `read(frames)` answers them as the reducer gets them."""
    page = browser.new_page()
    page.goto(f"{platform.url}/static/icon.svg")
    page.evaluate(
        """import("/static/live/shorthand.js").then(({ Shorthand }) => {
            window.read = (frames) => { const reader = new Shorthand(); return frames.map((one) => reader.read(one)); };
        })"""
    )
    yield page
    page.close()


def read(page: Page, frames: list[bytes]) -> list[Any]:
    return page.evaluate("(frames) => read(frames)", [json.loads(frame) for frame in frames])


def rounded(value: Any, name: str = "") -> Any:
    """A plain frame with its times to the millisecond, which is what shorthand tells."""
    if isinstance(value, dict):
        return {key: rounded(item, key) for key, item in value.items()}
    if isinstance(value, list):
        return [rounded(item, name) for item in value]
    if name in {*shorthand.TIMES, "t"} and isinstance(value, int | float):
        return round(value * 1000) / 1000
    return value


def worker(name: str, number: int, at: float) -> Slot:
    return Slot(name, key_part(name), f"0.{number}.0", name, "worker", "Worker", restart="permanent", since=at)


def sup(name: str, *children: Slot) -> Slot:
    budget = Budget(1, 3, 5.0, (7.25,))
    return Slot(
        name, key_part(name), "0.1.0", None, "supervisor", "Sup", strategy="one_for_all", restart="transient",
        budget=budget, children=children, child_count=len(children), since=1.5,
    )  # fmt: skip


entries = st.fixed_dictionaries({
    "key": st.sampled_from([None, "top", "top/a", "top/gone"]), "sup": st.sampled_from([None, "top", "x"]),
    "reason": WORDS, "who": WORDS, "word": WORDS, "at": SECONDS, "us": st.integers(0, 12),
    "most": st.sampled_from([3, "infinity"]),
    "text": st.sampled_from(["{who} was {reason}; 2 of 3.5 left", "{reason}{who}{who} 0.3.0 007", "plain", ""]),
})  # fmt: skip


def entry(number: int, of: dict[str, Any]) -> Entry:
    signals = {"who": [["/a", of["who"]], "", "gone"], "list": [["k", -1, 0, 0], ["s", 1, 0, of["us"], of["word"]]]}
    parts = {
        "who": of["who"], "reason": of["reason"], "by": "top", "restarted": [of["who"], "top"], "used": of["us"],
        "max": of["most"], "window_s": 2.5, "open": True, "signals": signals | {"more": 3},
    }  # fmt: skip
    return Entry(
        id=number, at=of["at"], kind="restarted", level="warn", text=of["text"].format(**of), key=of["key"],
        sup=of["sup"], pid="0.3.0", parts=parts,
    )  # fmt: skip


steps = st.lists(st.tuples(st.sampled_from("abcd"), st.sampled_from(["come", "go", "change"]), SECONDS), max_size=5)


@given(st.lists(st.tuples(steps, st.lists(entries, max_size=3)), max_size=6), st.booleans(), st.sampled_from([3, 1000]))
@settings(
    max_examples=60, deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)  # fmt: skip
def test_shortened_frames_are_read_back_unchanged(reader: Page, history: Any, later: bool, most: int) -> None:
    """Also for viewers who join later, and for more shapes than are kept."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(shorthand, "MOST_SHAPES", most)
        model = Projection()
        graft(model, sup("top", worker("a", 3, 1.0)), None, 0.0)
        frames, short = Frames(model, {"epoch": "e"}), Shorthand()
        feed: list[Entry] = []
        health: dict[str, Any] = {"processes": 3, "restarts": 0}

        def snapshot() -> tuple[bytes, bytes]:
            frame = frames.snapshot(5.0, feed, health)
            return encode(frame), encode(short.snapshot(frame, frames.sent))

        told = [[snapshot()], [snapshot()]]  # the second one joins later, if at all
        for place, (moves, happened) in enumerate(history):
            dirty: set[str] = set()
            for number, (name, what, at) in enumerate(moves):
                key = f"top/{name}"
                if what == "come" and key not in model.rows:
                    dirty |= graft(model, worker(name, 100 * place + number, at), "top", at)
                    model.children["top"].append(key)
                elif what == "go" and key in model.rows:
                    dirty |= remove(model, key)
                elif what == "change" and key in model.rows:
                    last = Last(at, name, number % 2 == 0)
                    dirty |= patch(model, model.rows[key], pid=f"0.{100 * place + number}.1", since=at, last=last)
            new = [entry(10 * place + number, of) for number, of in enumerate(happened)]
            feed += new
            if place % 2:  # a heartbeat
                health = {"processes": 3 + place // 2, "restarts": place}
            frame = frames.delta(5.0, dirty, new, health if place % 2 else None, 3.25 if place % 3 else None)
            both = encode(frame), encode(short.delta(frame, frames.sent))
            told[0].append(both)
            if place >= 2:
                if later and place == 2:
                    told[1] = [snapshot()]
                else:
                    told[1].append(both)
        for viewer in told if later and len(history) > 2 else told[:1]:
            plain = [rounded(json.loads(frame)) for frame, _ in viewer]
            back = read(reader, [frame for _, frame in viewer])
            assert plain == back


def test_both_forms_of_the_feed_show_the_same_running_platform(reader: Page, inside: Callable[..., Any]) -> None:
    async def test(platform: Any) -> tuple[list[bytes], list[bytes]]:
        plain, short = platform.hub.attach(), platform.hub.short.attach()
        told: tuple[list[bytes], list[bytes]] = ([await plain.next()], [await short.next()])
        for name in ("counter_1", "printer_1", "counter_2", "demo_one_for_one"):
            await kill(resolve(platform.node, name))
            while len(told[0]) == 1 or name.encode() not in told[0][-1]:  # the snapshot names everybody
                told[0].append(await plain.next())
                told[1].append(await short.next())
        return told

    with ThreadPoolExecutor(1) as thread:  # the loop of the browser runs in this one
        plain, short = thread.submit(inside, test).result()
    assert len(short[0]) < len(plain[0]) / 2
    assert len(short[-1]) < len(plain[-1]) / 3  # a kill, as there has been one before
    assert [rounded(json.loads(frame)) for frame in plain] == read(reader, short)


def test_a_frame_behind_a_gap_is_handed_on_bare_and_a_plain_feed_as_it_is(reader: Page) -> None:
    usual = {"k": "s", "seq": 4, "t": 0, "row": {}, "shapes": [], "nodes": [], "feed": [], "health": None}
    assert reader.evaluate("(f) => read(f)[1]", [usual, {"k": "d", "seq": 6, "p": [[9, 9]]}]) == {"k": "d", "seq": 6}
    frames = [{"k": "s", "seq": 4, "nodes": []}, {"k": "d", "seq": 6, "p": [["a", {}]]}]
    assert reader.evaluate("(f) => read(f)", frames) == frames
