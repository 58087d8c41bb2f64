"""The page's model: a snapshot and its deltas give the later snapshot."""

from __future__ import annotations

import json
from dataclasses import dataclass, field, replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from superlearner.control.slots import MAX_CHILDREN, Budget, Slot, Suspended, key_part
from superlearner.live.alone import GROUP, MOST, stand
from superlearner.live.alone import ended as left
from superlearner.live.frames import Frames, encode
from superlearner.live.projection import Projection, graft
from superlearner.live.projector import apply, forget_deleted, measure, rest


@dataclass(frozen=True)
class Happened:
    kind: str
    pid: Any
    data: dict[str, Any] = field(default_factory=dict)
    at: int = 0
    cause: int = 0


def worker(name: str, pid: str | None, restart: str = "permanent") -> Slot:
    return Slot(id=name, part=key_part(name), pid=pid, name=name, kind="worker", what="Worker", restart=restart)


def supervisor(name: str, pid: str, *children: Slot, strategy: str = "one_for_one") -> Slot:
    budget = Budget(0, 3, 5.0)
    return Slot(
        id=name, part=key_part(name), pid=pid, name=name, kind="supervisor", what="Sup", restart="permanent",
        strategy=strategy, budget=budget, children=children, child_count=len(children),
    )  # fmt: skip


def shop() -> Slot:
    checkout = supervisor("checkout", "0.2.0", worker("ledger", "0.3.0"), worker("cart", "0.4.0", "transient"))
    return supervisor(
        "shop", "0.1.0", checkout, supervisor("orders", "0.5.0", strategy="dynamic"), worker("x", "0.6.0")
    )


def model_of(slot: Slot) -> Projection:
    model = Projection()
    graft(model, slot, None, 0.0)
    return model


def keys(model: Projection) -> list[str]:
    return [row.key for row in model.walk()]


def ended(sup: str, id: Any, child: str, reason: Any = "killed", by: str = "exit", at: int = 0) -> Happened:
    return Happened("child_terminated", sup, {"id": id, "child": child, "reason": reason, "by": by}, at)


def restarted(sup: str, id: Any, child: str, old: str, used: int = 1, at: int = 0) -> Happened:
    data = {"id": id, "child": child, "old": old, "reason": "killed", "strategy": "one_for_one", "used": used,
            "allowed": 3, "window": 5, "group": ()}  # fmt: skip
    return Happened("child_restarted", sup, data, at)


def test_a_tree_is_read_parents_first_and_siblings_in_the_order_of_their_start() -> None:
    assert keys(model_of(shop())) == [
        "shop", "shop/checkout", "shop/checkout/ledger", "shop/checkout/cart", "shop/orders", "shop/x",
    ]  # fmt: skip


def test_a_permanent_child_that_ended_is_being_restarted_and_a_restart_counts() -> None:
    model = model_of(shop())
    apply(model, ended("0.2.0", "ledger", "0.3.0", at=10**9))
    row = model.rows["shop/checkout/ledger"]
    assert (row.state, row.pid, row.last and row.last.reason) == ("restarting", None, "killed")
    fresh = replace(worker("ledger", "0.9.0"), restarts=1)
    apply(model, restarted("0.2.0", "ledger", "0.9.0", "0.3.0", at=2 * 10**9), fresh)
    row = model.rows["shop/checkout/ledger"]
    assert (row.state, row.pid, row.restarts, row.last and row.last.at) == ("running", "0.9.0", 1, 1.0)
    assert model.rows["shop/checkout"].budget == Budget(1, 3, 5.0, (2.0,))


def test_a_restart_counts_where_the_child_ended_before_its_slot_could_be_read() -> None:
    model = model_of(shop())
    for old, new in (("0.3.0", "0.9.0"), ("0.9.0", "0.10.0")):
        apply(model, ended("0.2.0", "ledger", old))
        apply(model, restarted("0.2.0", "ledger", new, old))
    assert model.rows["shop/checkout/ledger"].restarts == 2


def test_restarts_before_the_first_viewer_count_once() -> None:
    was = replace(worker("ledger", "0.3.0"), restarts=2)
    model = model_of(supervisor("shop", "0.1.0", was, worker("cart", "0.4.0")))
    assert model.rows["shop/ledger"].restarts == 2
    graft(model, supervisor("shop", "0.1.0", was, worker("cart", "0.4.0")), None, 1.0)
    apply(model, ended("0.1.0", "ledger", "0.3.0"))
    apply(model, restarted("0.1.0", "ledger", "0.9.0", "0.3.0"), replace(was, pid="0.9.0", restarts=3))
    assert model.rows["shop/ledger"].restarts == 3


def test_a_child_stopped_and_started_by_hand_is_not_restarted() -> None:
    model = model_of(shop())
    apply(model, ended("0.2.0", "ledger", "0.3.0", "shutdown", "supervisor"))
    data = {"id": "ledger", "child": "0.9.0", "restart": "permanent", "type": "worker", "old": None}
    apply(model, Happened("child_started", "0.2.0", data))
    row = model.rows["shop/checkout/ledger"]
    assert (row.state, row.restarts) == ("running", 0)


@pytest.mark.parametrize(
    ("reason", "state"), [("normal", "stopped"), (("shutdown", 1), "stopped"), ("x", "restarting")]
)
def test_a_transient_child_is_restarted_only_after_a_failure(reason: Any, state: str) -> None:
    model = model_of(shop())
    apply(model, ended("0.2.0", "cart", "0.4.0", reason))
    assert model.rows["shop/checkout/cart"].state == state


@pytest.mark.parametrize(("strategy", "state"), [("one_for_one", "stopped"), ("rest_for_one", "restarting")])
def test_a_sibling_that_a_strategy_stops_is_being_restarted_but_not_when_its_supervisor_gives_up(
    strategy: str, state: str
) -> None:
    """Regression: Start said of it that nothing starts it again."""
    cart, till = worker("cart", "0.3.0", "transient"), worker("till", "0.4.0")
    model = model_of(supervisor("shop", "0.1.0", worker("ledger", "0.2.0"), cart, till, strategy=strategy))
    apply(model, ended("0.1.0", "ledger", "0.2.0"))
    apply(model, ended("0.1.0", "till", "0.4.0", "shutdown", "supervisor"))
    assert model.rows["shop/till"].state == state
    apply(model, Happened("gave_up", "0.1.0", {"used": 4, "allowed": 3, "window": 5}))
    apply(model, ended("0.1.0", "cart", "0.3.0", "shutdown", "supervisor"))
    assert model.rows["shop/cart"].state == "stopped"


def test_a_child_that_is_stopped_on_request_while_a_later_one_does_not_start_is_stopped() -> None:
    """`rest_for_one` starts only those again that come after the one that ended."""
    children = worker("ledger", "0.2.0"), worker("till", "0.4.0")
    model = model_of(supervisor("shop", "0.1.0", *children, strategy="rest_for_one"))
    apply(model, ended("0.1.0", "till", "0.4.0"))
    apply(model, ended("0.1.0", "ledger", "0.2.0", "shutdown", "supervisor"))
    assert [model.rows[key].state for key in ("shop/till", "shop/ledger")] == ["restarting", "stopped"]


@pytest.mark.parametrize(
    ("strategy", "states"),
    [
        ("one_for_one", ["stopped", "restarting", "stopped"]),
        ("rest_for_one", ["stopped", "restarting", "restarting"]),
        ("one_for_all", ["restarting", "restarting", "restarting"]),
    ],
)
def test_a_page_that_opens_during_a_restart_shows_the_whole_group(strategy: str, states: list[str]) -> None:
    ledger, cart, till = worker("ledger", None), worker("cart", None), worker("till", None)
    model = model_of(supervisor("shop", "0.1.0", ledger, replace(cart, restarting=True), till, strategy=strategy))
    assert [row.state for row in model.walk()][1:] == states


def test_a_temporary_child_is_removed_when_it_ends() -> None:
    model = model_of(supervisor("top", "0.1.0", worker("task", "0.2.0", "temporary")))
    apply(model, ended("0.1.0", "task", "0.2.0"))
    assert keys(model) == ["top"]
    assert model.rows["top"].children == 0


def test_children_of_a_supervisor_that_is_gone_wait_in_their_slots_until_it_is_back() -> None:
    model = model_of(shop())
    apply(model, ended("0.1.0", "checkout", "0.2.0"))
    assert [(r.state, r.pid) for r in model.walk()][1:4] == [("restarting", None), ("stopped", None), ("stopped", None)]
    ledger = replace(worker("ledger", "0.21.0"), restarts=3)
    fresh = supervisor("checkout", "0.20.0", ledger, worker("cart", "0.22.0", "transient"))
    fresh = replace(fresh, restarts=1)
    apply(model, restarted("0.1.0", "checkout", "0.20.0", "0.2.0"), fresh)
    assert [(r.state, r.pid, r.restarts) for r in model.walk()][1:4] == [
        ("running", "0.20.0", 1), ("running", "0.21.0", 3), ("running", "0.22.0", 0),
    ]  # fmt: skip


def test_a_give_up_is_shown_until_the_supervisor_runs_again() -> None:
    model = model_of(shop())
    data = {"id": "ledger", "reason": "killed", "used": 4, "allowed": 3, "window": 5}
    apply(model, Happened("gave_up", "0.2.0", data))
    apply(model, ended("0.1.0", "checkout", "0.2.0", "shutdown"))
    assert model.rows["shop/checkout"].state == "restarting"  # permanent here: its supervisor restarts it
    transient = model_of(supervisor("top", "0.1.0", replace(supervisor("sub", "0.2.0"), restart="transient")))
    apply(transient, Happened("gave_up", "0.2.0", data))
    apply(transient, ended("0.1.0", "sub", "0.2.0", "shutdown"))
    rest(transient, "top", "sub", 42.0)
    row = transient.rows["top/sub"]
    assert (row.state, row.again_at) == ("gave_up", 42.0)


def test_a_dynamic_child_is_keyed_by_its_pid_and_its_history_is_removed_with_it() -> None:
    model = model_of(shop())
    data = {"supervisor": "0.5.0", "id": None, "child": "0.7.0", "restart": "transient", "type": "worker"}
    apply(model, Happened("child_started", "0.5.0", data))
    assert "shop/orders/0.7.0" in keys(model)
    apply(model, ended("0.5.0", None, "0.7.0"))
    assert "shop/orders/0.7.0" not in keys(model)
    apply(model, restarted("0.5.0", None, "0.8.0", "0.7.0"))
    row = model.rows["shop/orders/0.8.0"]
    assert (row.restarts, row.last and row.last.reason) == (1, "killed")


def test_more_children_than_the_page_shows_are_counted() -> None:
    model = model_of(shop())
    for number in range(MAX_CHILDREN + 10):
        data = {"id": None, "child": f"0.{1000 + number}.0", "restart": "permanent", "type": "worker"}
        apply(model, Happened("child_started", "0.5.0", data))
    assert (len(model.children["shop/orders"]), model.rows["shop/orders"].children) == (MAX_CHILDREN, MAX_CHILDREN + 10)
    apply(model, ended("0.5.0", None, f"0.{1000 + MAX_CHILDREN}.0"))
    assert model.rows["shop/orders"].children == MAX_CHILDREN + 9


def test_a_process_in_a_long_callback_is_stuck_until_it_answers() -> None:
    model = model_of(shop())
    started = model.rows["shop/x"].since
    for _ in range(2):
        measure(model, {"0.6.0": 7}, {"0.6.0": (3.5, "handle_call")})
    row = model.rows["shop/x"]
    assert (row.state, row.since, row.doing, row.mailbox) == ("stuck", 3.5, "handle_call", 7)
    assert model.started == {"0.6.0": started} != {"0.6.0": 3.5}
    measure(model, {"0.6.0": 0}, {})
    row = model.rows["shop/x"]
    assert (row.state, row.since, row.doing, row.mailbox) == ("running", started, None, 0)
    assert model.started == {}


def test_a_suspended_process_shows_by_whom_and_since_when_until_it_is_resumed() -> None:
    model = model_of(shop())
    started = model.rows["shop/x"].since
    assert apply(model, Happened("suspended", "0.6.0", {"by": "ada"}, 7 * 10**9)) == {"shop/x"}
    measure(model, {"0.6.0": 16}, {"0.6.0": (3.5, "handle_call")})
    measure(model, {"0.6.0": 16}, {})
    row = model.rows["shop/x"]
    assert (row.state, row.since, row.doing, row.mailbox) == ("suspended", 7.0, "ada", 16)
    apply(model, Happened("resumed", "0.6.0", {"by": None}, 9 * 10**9))
    row = model.rows["shop/x"]
    assert (row.state, row.since, row.doing) == ("running", started, None)


def test_a_process_suspended_before_the_model_is_read_is_shown_as_suspended() -> None:
    model = model_of(supervisor("top", "0.1.0", replace(worker("x", "0.2.0"), suspended=Suspended(5.0, "ada"))))
    row = model.rows["top/x"]
    assert (row.state, row.since, row.doing) == ("suspended", 5.0, "ada")


def test_the_start_time_of_a_process_that_ended_without_an_answer_is_forgotten() -> None:
    model = model_of(shop())
    measure(model, {"0.6.0": 7}, {"0.6.0": (3.5, "handle_call")})
    apply(model, ended("0.5.0", "x", "0.6.0"))
    measure(model, {}, {})
    assert model.started == {}


def test_a_stopped_child_that_was_deleted_is_removed_and_others_stay() -> None:
    model = model_of(supervisor("top", "0.1.0", *(worker(id, f"0.{2 + at}.0") for at, id in enumerate("abc"))))
    for id, pid in (("a", "0.2.0"), ("b", "0.3.0")):
        apply(model, ended("0.1.0", id, pid, "shutdown", by="supervisor"))
    assert forget_deleted(model, lambda _: None) == set()
    asked: list[str] = []
    assert forget_deleted(model, lambda pid: asked.append(pid) or {"b", "c"}) == {"top", "top/a"}
    assert (keys(model), model.removed, asked) == (["top", "top/b", "top/c"], {"top/a"}, ["0.1.0"])
    assert forget_deleted(model, lambda _: ()) == {"top", "top/b"}
    assert keys(model) == ["top", "top/c"]


def test_ids_are_escaped_in_keys_and_text_is_left_alone() -> None:
    model = model_of(supervisor("top", "0.1.0", worker("a/b%<i>", "0.2.0")))
    assert keys(model)[1] == "top/a%2Fb%25<i>"
    assert model.rows["top/a%2Fb%25<i>"].id == "a/b%<i>"


# A snapshot and the deltas after it give the later snapshot


class Browser:
    """Browser side of the wire contract: apply frames as the page does."""

    def __init__(self, snapshot: bytes) -> None:
        self.rows: dict[str, dict[str, Any]] = {}
        self.order: dict[str | None, list[str]] = {}
        frame = json.loads(snapshot)
        self.seq = frame["seq"]
        for row in frame["nodes"]:
            self.rows[row["key"]] = row
            self.order.setdefault(row["parent"], []).append(row["key"])

    def take(self, delta: bytes) -> None:
        frame = json.loads(delta)
        assert frame["seq"] == self.seq + 1
        self.seq += 1
        for key in frame.get("x", ()):
            self.remove(key)
        for row in frame.get("n", ()):
            after = row.pop("after")
            assert row["key"] not in self.rows
            assert row["parent"] is None or row["parent"] in self.rows
            siblings = self.order.setdefault(row["parent"], [])
            siblings.insert(0 if after is None else siblings.index(after) + 1, row["key"])
            self.rows[row["key"]] = row
        for key, fields in frame.get("p", ()):
            self.rows[key] = {**self.rows[key], **fields}

    def remove(self, key: str) -> None:
        for child in list(self.order.get(key, ())):
            self.remove(child)
        self.order.pop(key, None)
        row = self.rows.pop(key)
        self.order[row["parent"]].remove(key)

    def nodes(self, parent: str | None = None) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = []
        for key in self.order.get(parent, ()):
            found += [self.rows[key], *self.nodes(key)]
        return found


NAMES = ["a", "b", "c/d"]


@st.composite
def histories(draw: st.DrawFn) -> list[tuple[str, int, int]]:
    """Return steps: an action, the process it applies to, and whether a frame is due."""
    step = st.tuples(
        st.sampled_from(
            [
                "end",
                "stop",
                "restart",
                "start",
                "dynamic",
                "fail",
                "give_up",
                "replace",
                "measure",
                "frame",
                "alone",
                "leave",
            ]
        ),
        st.integers(0, 50),
        st.integers(0, 3),
    )
    return draw(st.lists(step, max_size=60))


@given(histories())
@settings(max_examples=200, deadline=None)
def test_a_snapshot_and_the_deltas_after_it_give_the_later_snapshot(history: list[tuple[str, int, int]]) -> None:
    model = model_of(shop())
    frames = Frames(model, {"epoch": "e"})
    browser = Browser(encode(frames.snapshot(0.0, (), None)))
    dirty: set[str] = set()
    fresh_pid = 100

    for at, (what, which, how) in enumerate(history):
        fresh_pid += 1
        pid = f"0.{fresh_pid}.0"
        living = sorted(model.by_pid)
        rows = [row for row in model.walk() if row.parent is not None]
        sups = [row for row in model.walk() if row.kind == "supervisor" and row.pid is not None]
        if what == "frame":
            browser.take(encode(frames.delta(0.0, dirty)))
            dirty = set()
        elif what == "alone":
            shown = model.children.get(GROUP, [])
            fresh = [supervisor("own", pid, worker("a", f"0.{fresh_pid * 1000}.0"))] if how == 0 else [worker("x", pid)]
            fresh = [replace(slot, part=pid) for slot in fresh]
            dirty |= stand(model, fresh, 0 if how == 3 and not shown else len(shown) + which, float(at))
        elif what == "leave" and living:
            dirty |= left(model, living[which % len(living)])
        elif what == "measure" and living:
            chosen = living[which % len(living)]
            dirty |= measure(model, {chosen: which}, {chosen: (1.0, "x")} if how == 0 else {})
        elif what in ("end", "stop") and rows:
            row = rows[which % len(rows)]
            parent = model.rows[row.parent or ""]
            if row.pid is not None and parent.pid is not None:
                by = "exit" if what == "end" else "supervisor"
                dirty |= apply(model, ended(parent.pid, row.id, row.pid, ["normal", "x"][how % 2], by, at))
        elif what == "restart" and rows:
            row = rows[which % len(rows)]
            parent = model.rows[row.parent or ""]
            if parent.pid is not None and parent.strategy != "dynamic":
                slot = (
                    worker(row.id, pid)
                    if row.kind == "worker"
                    else supervisor(row.id, pid, worker(NAMES[how % 3], None))
                )
                dirty |= apply(model, restarted(parent.pid, row.id, pid, row.pid or "0.0.0", at=at), slot)
        elif what in ("start", "dynamic") and sups:
            sup = sups[which % len(sups)]
            id = None if sup.strategy == "dynamic" else NAMES[how % 3]
            slot = worker(NAMES[how % 3], pid, ["permanent", "temporary"][how % 2])
            data = {"id": id, "child": pid, "restart": slot.restart, "type": "worker"}
            dirty |= apply(model, Happened("child_started", sup.pid, data, at), None if id is None else slot)
        elif what == "replace" and sups:
            sup = sups[which % len(sups)]
            if sup.parent not in (None, GROUP) and model.rows[sup.parent].strategy != "dynamic":
                children = [worker(name, f"0.{fresh_pid * 1000 + i}.0") for i, name in enumerate(NAMES[: how + 1])]
                dirty |= graft(model, supervisor(sup.id, pid, *children), sup.parent, float(at))
        elif what in ("fail", "give_up") and sups:
            sup = sups[which % len(sups)]
            data = {"id": NAMES[how % 3], "reason": "x", "used": 2, "allowed": 3, "window": 5}
            dirty |= apply(model, Happened("restart_failed" if what == "fail" else "gave_up", sup.pid, data, at))

    browser.take(encode(frames.delta(0.0, dirty)))
    assert browser.nodes() == json.loads(encode(frames.snapshot(0.0, (), None)))["nodes"]
    assert sorted(model.by_pid.values()) == sorted(row.key for row in model.walk() if row.pid is not None)


def alone(number: int) -> Slot:
    return replace(worker(f"w{number}", f"0.{number}.0"), part=f"0.{number}.0")


def test_processes_without_a_supervisor_are_in_a_group_that_is_removed_with_the_last() -> None:
    model = model_of(shop())
    assert stand(model, [], 0, 1.0) == set()
    assert stand(model, [alone(70), alone(71)], 2, 1.0) == {GROUP, f"{GROUP}/0.70.0", f"{GROUP}/0.71.0"}
    assert keys(model)[-3:] == [GROUP, f"{GROUP}/0.70.0", f"{GROUP}/0.71.0"]
    assert stand(model, [alone(70)], 2, 2.0) == set()
    assert left(model, "0.70.0") == {f"{GROUP}/0.70.0", GROUP}
    assert left(model, "0.3.0") == set()  # a child of a supervisor
    assert model.rows[GROUP].children == 1
    stand(model, [], 0, 3.0)
    assert keys(model) == keys(model_of(shop()))
    assert "0.71.0" not in model.by_pid


def test_of_many_processes_without_a_supervisor_the_oldest_are_shown_and_all_counted() -> None:
    model = model_of(shop())
    stand(model, [alone(1000 + number) for number in range(MOST + 50)], 100_000, 1.0)
    assert (len(model.children[GROUP]), model.rows[GROUP].children) == (MOST, 100_000)


def test_no_key_of_a_tree_is_the_key_of_the_group() -> None:
    assert key_part(GROUP) != GROUP


def test_children_in_a_new_order_are_sent_again() -> None:
    model = model_of(supervisor("top", "0.1.0", worker("b", "0.2.0"), worker("a", "0.3.0")))
    frames = Frames(model, {"epoch": "e"})
    browser = Browser(encode(frames.snapshot(0.0, (), None)))
    dirty = graft(model, supervisor("top", "0.4.0", worker("a", "0.5.0"), worker("b", "0.6.0")), None, 1.0)
    browser.take(encode(frames.delta(1.0, dirty)))
    assert [row["key"] for row in browser.nodes()] == ["top", "top/a", "top/b"]


@given(st.permutations(list(range(6))))
def test_the_same_events_give_the_same_model(order: list[int]) -> None:
    events = [
        ended("0.2.0", "ledger", "0.3.0"),
        ended("0.2.0", "cart", "0.4.0", "x"),
        ended("0.1.0", "x", "0.6.0"),
        Happened("registered", "0.6.0", {"name": "new"}),
        Happened("gave_up", "0.2.0", {"id": "ledger", "reason": "x", "used": 4, "allowed": 3, "window": 5}),
        Happened("unregistered", "0.4.0", {"name": "cart"}),
    ]
    models = [model_of(shop()), model_of(shop())]
    for model in models:
        for number in order:
            apply(model, events[number])
    assert models[0] == models[1]
