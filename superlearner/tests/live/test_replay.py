"""Recordings as frames of the live page, through the projector of live nodes."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import otp
from otp import GenServer, Ok, Supervisor, impl
from otp.testing import Scheduler, wait_all_idle
from otp.trace import Recording, Row, load, pack
from superlearner.live.replay import Replay, Replays
from superlearner.observing.tracing import Captured, Mark, Person, as_recording

Inside = Callable[..., Any]
SUP, LEDGER, CART = "<0.2.0>", "<0.3.0>", "<0.4.0>"


def made(rows: Iterable[Row], processes: Iterable[dict[str, str | None]] = ()) -> Recording:
    with tempfile.NamedTemporaryFile(suffix=".jsonl.gz") as file:
        file.write(pack(rows, node="shop", processes=processes, started=1000.0))
        file.flush()
        return load(file.name)


def numbered(*events: tuple[str, str | None, dict[str, Any]]) -> list[Row]:
    return [Row(seq, seq * 10_000_000, "shop", kind, pid, 0, data) for seq, (kind, pid, data) in enumerate(events, 1)]


PEOPLE: list[dict[str, str | None]] = [
    {"process": SUP, "parent": None, "name": "shop_sup", "what": "ShopSup"},
    {"process": LEDGER, "parent": SUP, "name": "ledger", "what": "Ledger"},
    {"process": CART, "parent": SUP, "name": "cart", "what": "Cart"},
]
BUDGET: dict[str, Any] = {"used": 1, "allowed": 3, "window": 5}
CRASH = numbered(
    ("exited", LEDGER, {"reason": "killed"}),
    ("child_terminated", SUP, {"id": "ledger", "child": LEDGER, "reason": "killed", "by": "exit"}),
    ("spawned", "<0.9.0>", {"parent": SUP, "name": "ledger", "what": "Ledger"}),
    (
        "child_restarted",
        SUP,
        {"id": "ledger", "child": "<0.9.0>", "old": LEDGER, "reason": "killed", "strategy": "one_for_one", **BUDGET},
    ),
)


class Worker(GenServer[Any]):
    @impl
    def init(self, arg: Any) -> Ok[Any]:
        return Ok(arg)


def rows_of(page: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {row["key"]: row for row in page["keyframe"]["nodes"]}


def test_the_initial_tree_follows_from_the_parents_of_the_first_processes() -> None:
    page = Replay(made(CRASH, PEOPLE)).page(0, 100)
    assert [row["key"] for row in page["keyframe"]["nodes"]] == ["shop_sup", "shop_sup/ledger", "shop_sup/cart"]
    assert rows_of(page)["shop_sup"]["kind"] == "supervisor"


def test_what_is_said_names_no_reference_and_no_class_of_a_path() -> None:
    message = "('$reply', #Ref<0.0.7>@b, PosixPath('/shop'), PurePosixPath('it'))"
    sent = numbered(("sent", SUP, {"to": CART, "way": "call", "ref": "7", "message": message}))
    [(_, _, _, _, words, _, way)] = Replay(made(sent)).page(0, 1)["events"]
    assert ("('$reply', ref, '/shop', 'it')", "call 7") == (words, way)


def test_a_crash_is_its_exception_in_events_messages_and_the_tree() -> None:
    """Regression: the reasons were `Crash(ValueError('boom'))`."""
    reason = "Crash(ValueError('boom'))"
    signal = {"to": SUP, "way": "info", "message": f"ExitSignal(pid={LEDGER}, reason={reason})"}
    rows = numbered(
        ("exited", LEDGER, {"reason": reason}), ("sent", LEDGER, signal),
        ("child_terminated", SUP, {"id": "ledger", "child": LEDGER, "reason": reason, "by": "exit"}),
    )  # fmt: skip
    page = Replay(made(rows, PEOPLE)).page(0, 100)
    crash = "ValueError('boom')"
    ended, sent, reported = page["events"]
    assert (ended[4], sent[4], reported[6]) == (crash, f"ExitSignal(pid={LEDGER}, reason={crash})", crash)
    assert page["frames"][0][1]["p"][0][1]["last"]["reason"] == crash


def test_a_crash_and_its_restart_are_deltas_after_their_events() -> None:
    page = Replay(made(CRASH, PEOPLE)).page(0, 100)
    [(down, fell), (up, rose)] = page["frames"]
    assert (down, up) == (2, 4)
    assert fell["p"][0][1]["last"]["reason"] == "killed"
    assert fell["p"][0][1]["pid"] is None
    changed = dict(rose["p"])["shop_sup/ledger"]
    assert (changed["pid"], changed["restarts"], changed["state"]) == ("0.9.0", 1, "running")


def test_a_new_supervisor_has_the_children_it_started_before_its_own_start_event() -> None:
    rows = numbered(
        ("spawned", "<0.5.0>", {"parent": SUP, "name": "orders", "what": "OrdersSup"}),
        ("spawned", "<0.6.0>", {"parent": "<0.5.0>", "name": "order", "what": "Order"}),
        ("child_started", "<0.5.0>", {"id": "order", "child": "<0.6.0>", "restart": "permanent", "type": "worker"}),
        ("child_started", SUP, {"id": "orders", "child": "<0.5.0>", "restart": "permanent", "type": "supervisor"}),
        ("exited", "<0.6.0>", {"reason": "normal"}),
    )
    replay = Replay(made(rows, PEOPLE))
    assert rows_of(replay.page(4, 10)).keys() >= {"shop_sup/orders", "shop_sup/orders/order"}
    assert "shop_sup/orders" not in rows_of(replay.page(3, 10))  # one step back begins anew


def test_the_counts_at_the_end_of_a_recording_are_those_of_the_tables(tmp_path: Path) -> None:
    """A manual start has a cause, too: the message that requested it."""
    path, counted = str(tmp_path / "run"), {}

    async def main() -> None:
        otp.process_flag("trap_exit", True)
        specs = [Worker.child_spec(None, id=name, name=name) for name in "abcd"]
        top = await Supervisor.start_link_children(specs, name="top", strategy="rest_for_one", max_restarts=10)
        with otp.trace.record(otp.node(), path):
            for name in "bcd":
                otp.exit(name, "kill")
                await wait_all_idle()
            await Supervisor.terminate_child(top, "a")
            await Supervisor.restart_child(top, "a")
            await Supervisor.terminate_child(top, "d")
            await Supervisor.delete_child(top, "d")
            await Supervisor.start_child(top, specs[3])
            otp.exit("b", "kill")
            otp.exit("c", "kill")
            await wait_all_idle()
        (view,) = otp.observer.supervision_tree(otp.node()).roots
        counted.update({child.id.strip("'"): (child.restarts, child.restarted_along) for child in view.children})

    Scheduler(seed=1).run(main)
    recording = load(path)
    last = len(recording.events)
    rows = rows_of(Replay(recording).page(last, 1))
    assert counted == {"a": (0, 0), "b": (2, 0), "c": (2, 1), "d": (0, 1)}
    shown = {row["id"]: (row.get("restarts", 0), row.get("restarted_along", 0)) for row in rows.values()}
    assert {id: counts for id, counts in shown.items() if id in counted} == counted


def test_reading_in_parts_and_a_jump_give_the_same_tree() -> None:
    rows = numbered(*((one.kind, one.pid, one.data) for _ in range(5) for one in CRASH))
    recording = made(rows, PEOPLE)
    slowly = Replay(recording)
    for place in range(len(rows) + 1):
        assert slowly.page(place, 1)["keyframe"]["nodes"] == Replay(recording).page(place, 100)["keyframe"]["nodes"]


values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**70), 2**70)
    | st.text(max_size=5)
    | st.sampled_from([SUP, LEDGER, "ledger"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=2),
    max_leaves=4,
)
KINDS = ["child_started", "child_restarted", "child_terminated", "restart_failed", "gave_up", "strategy_changed",
         "registered", "unregistered", "spawned", "exited", "sent", "nonsense"]  # fmt: skip
KEYS = ["id", "child", "old", "reason", "type", "by", "used", "allowed", "window", "name", "strategy", "to", "message",
        "restarts", "along"]  # fmt: skip


@settings(max_examples=60, deadline=None)
@given(
    st.lists(
        st.tuples(
            st.sampled_from(KINDS),
            st.sampled_from([SUP, LEDGER, CART, "", "<x>", None]),
            st.dictionaries(st.sampled_from(KEYS), values, max_size=9),
        ),
        max_size=12,
    )
)
def test_any_file_gives_frames(events: list[tuple[str, str | None, dict[str, Any]]]) -> None:
    page = Replay(made(numbered(*events), PEOPLE)).page(0, 100)
    assert len(page["events"]) == len(events)
    assert page["keyframe"]["k"] == "s"


@pytest.mark.parametrize("value", [2**70, -1, True, "7", None])
def test_an_invalid_count_is_ignored(value: Any) -> None:
    rows = numbered(*((one.kind, one.pid, {**one.data, "restarts": value}) for one in CRASH))
    assert rows_of(Replay(made(rows, PEOPLE)).page(4, 1))["shop_sup/ledger"]["restarts"] == 1


def test_an_invalid_tree_in_the_header_is_ignored() -> None:
    recording = made(CRASH, PEOPLE)
    deep: dict[str, Any] = {"id": "x"}
    for _ in range(50):
        deep = {"id": "x", "children": [deep]}
    for tree in ([1], [{"id": 3}], [deep], "tree", [{}]):
        recording.header["about"] = {"tree": tree}
        assert rows_of(Replay(recording).page(0, 10)).keys() >= {"shop_sup"}


def test_a_saved_trace_plays_with_the_tree_of_its_participants(tmp_path: Path) -> None:
    """A trace has no events of supervisors: ends and starts replace them."""
    people = {
        pid: Person(pid, name, what, above, True)
        for pid, name, what, above in (
            ("0.1.0", "shop", "Shop", None),
            ("0.2.0", "ledger", "Ledger", "shop"),
            ("0.4.0", "ledger", "Ledger", "shop"),
            ("0.3.0", None, "Order", "shop"),
        )
    }
    sell = Captured(1, 10.0, "cast", None, "0.2.0", "sell", "'sell'", "'sell'")
    marks = [
        Mark(2, 11.0, "crashed", "0.2.0", "killed", None),
        Mark(3, 11.1, "started", "0.4.0", None, None),
        Mark(4, 12.0, "exited", "0.3.0", "normal", None),
    ]
    file = tmp_path / "trace"
    file.write_bytes(as_recording([sell], marks, people, node="shop@here", started=9.0))
    replay = Replay(load(file))
    first = replay.page(0, 1)
    assert rows_of(first).keys() == {"shop", "shop/ledger", "shop/Order 0.3.0"}
    assert rows_of(replay.page(2, 0))["shop/ledger"]["state"] == "stopped"
    back = rows_of(replay.page(3, 0))["shop/ledger"]
    assert (back["state"], back["pid"], back["restarts"], back["last"]["reason"]) == ("running", "0.4.0", 1, "killed")
    assert rows_of(replay.page(4, 0)).keys() == {"shop", "shop/ledger"}


@pytest.mark.operation("recording.frames")
def test_a_recording_of_the_platform_plays_with_its_whole_tree(inside: Inside, tmp_path: Path) -> None:
    async def test(platform: Any) -> None:
        client = platform.client
        assert (await client.post("/api/v1/recordings", json={"name": "run", "states": True})).status_code == 200
        await client.delete("/api/v1/processes/counter_1", params={"reason": "kill"})
        await platform.node.wait_registered("counter_1")
        await client.post("/api/v1/recordings/run/stop")
        part = (await platform.get("/api/v1/recordings/run/frames"))["data"]
        rows = {row["name"]: row for row in part["keyframe"]["nodes"]}
        assert (rows["demo_one_for_one"]["strategy"], rows["counter_1"]["state"]) == ("one_for_one", "running")
        assert (part["next_place"], part["complete"], part["place"]) == (None, True, 0)
        restarted = [
            changed for _, frame in part["frames"] for _, changed in frame.get("p", ()) if "restarts" in changed
        ]
        assert restarted[-1]["restarts"] == 1
        assert "child_restarted" in {event[1] for event in part["events"]}
        assert part["people"]
        second = (await platform.get("/api/v1/recordings/run/frames", params={"place": 5, "limit": 2}))["data"]
        assert (len(second["events"]), second["next_place"], second["people"]) == (2, 7, [])
        gone = await client.get("/api/v1/recordings/nobody/frames")
        assert gone.json()["error"]["code"] == "recording_not_found"

    inside(test, data_dir=tmp_path)


def test_each_reader_of_a_recording_continues_at_its_position(monkeypatch: pytest.MonkeyPatch) -> None:
    begun: list[Replay] = []
    begin = Replay.__init__

    def counted(self: Replay, recording: Recording) -> None:
        begun.append(self)
        begin(self, recording)

    async def main() -> None:
        replays, recording = Replays(), made(CRASH, PEOPLE)
        for place in range(len(CRASH)):
            pages = [await replays.page(recording, place, 1) for _ in range(2)]
            assert pages[0] == pages[1]

    monkeypatch.setattr(Replay, "__init__", counted)
    otp.run(main)
    assert len(begun) == 2


def test_a_cancelled_request_leaves_no_partial_state() -> None:
    async def main() -> None:
        replays, recording = Replays(), made(CRASH, PEOPLE)
        first = await replays.page(recording, 0, 2)
        asked = asyncio.ensure_future(replays.page(recording, 2, 2))
        asked.cancel()
        await asyncio.gather(asked, return_exceptions=True)
        again = await replays.page(recording, 2, 2)
        assert (first["place"], again["place"], len(again["events"])) == (0, 2, 2)

    otp.run(main)
