"""The fold of restarts agrees with real supervisors: with the log of their children and with their tables."""

from __future__ import annotations

import itertools
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

import otp
from otp import Children, ChildSpec, DynamicSupervisor, GenServer, NoReply, Ok, Stop, Supervisor, impl
from otp.testing import Scheduler, wait_all_idle
from superlearner.control.tree import supervisor_state
from superlearner.restarts.fold import KINDS, MOST_ACTING, MOST_CHILDREN, NOTHING, Restart, Restarts, after

STATIC = ("one_for_one", "one_for_all", "rest_for_one")
POOL = "pool"
"""A dynamic supervisor, which is given three children."""


@dataclass
class Log:
    """The starts, stops and failed starts of children, and how many of the next starts of a name fail."""

    starts: list[tuple[Any, Any]] = field(default_factory=list[tuple[Any, Any]])
    stops: list[tuple[Any, Any]] = field(default_factory=list[tuple[Any, Any]])
    failed: list[Any] = field(default_factory=list[Any])
    failing: dict[str, int] = field(default_factory=dict[str, int])
    names: dict[Any, str] = field(default_factory=dict[Any, str])

    def clear(self) -> None:
        self.starts, self.stops, self.failed, self.failing = [], [], [], {}


LOG = Log()


class Worker(GenServer[Any]):
    """A child that logs its start, and its stop by a supervisor."""

    @impl
    def init(self, name: str) -> Any:
        above = otp.process_info(self.pid, "parent")
        if LOG.failing.get(name, 0):
            LOG.failing[name] -= 1
            LOG.failed.append(above)
            return Stop("no")
        otp.process_flag("trap_exit", True)
        LOG.starts.append((above, self.pid))
        LOG.names[self.pid] = name
        return Ok(above)

    @impl
    def handle_cast(self, reason: Any, above: Any) -> Any:
        return Stop(reason, above)

    @impl
    def handle_info(self, message: Any, above: Any) -> NoReply[Any]:
        return NoReply(above)

    @impl
    def terminate(self, reason: Any, above: Any) -> None:
        if reason == "shutdown":
            LOG.stops.append((above, self.pid))


class Branch(Supervisor):
    """A supervisor of a drawn tree."""

    @impl
    def init(self, arg: Any) -> Children:
        path, (strategy, max_restarts, members) = arg
        specs = [spec(f"{path}/{at}", member) for at, member in enumerate(members)]
        significant = any(one.significant for one in specs)
        shutdown = "any_significant" if significant else "never"
        return Children(
            specs, strategy=strategy, max_restarts=max_restarts, max_seconds=60, auto_shutdown=shutdown
        )  # fmt: skip


def spec(path: str, member: Any) -> ChildSpec:
    if member == POOL:
        return DynamicSupervisor.child_spec(id=path, max_restarts=2)
    if isinstance(member, tuple):
        return Branch.child_spec((path, member), id=path)
    restart, _, significant = member.partition(" ")
    return Worker.child_spec(path, id=path, restart=restart, significant=bool(significant))


def pools(pid: Any) -> list[Any]:
    """Return the dynamic supervisors below a supervisor."""
    state = supervisor_state(pid)
    if state is None:
        return []
    if state.strategy == "dynamic":
        return [pid]
    return [pool for record in state.children if record.pid is not None for pool in pools(record.pid)]


def workers(pid: Any) -> list[Any]:
    state = supervisor_state(pid)
    if state is None:
        return [pid]
    return [one for record in state.children if record.pid is not None for one in workers(record.pid)]


RESTARTS = st.sampled_from(["permanent", "permanent", "transient", "temporary", "temporary significant"])


def trees(below: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    members = st.lists(st.one_of(RESTARTS, below), min_size=1, max_size=4)
    return st.tuples(st.sampled_from(STATIC), st.integers(0, 3), members)


TREES = trees(st.one_of(st.just(POOL), trees(RESTARTS)))
ENDS = st.tuples(
    st.integers(0, 99), st.sampled_from(["kill", "normal", "boom"]), st.lists(st.integers(0, 2), max_size=3)
)


async def round_of(top: Any, seen: list[Any], state: Restarts, drawn: Any) -> Restarts:
    """End a worker, fold what follows, and compare it with the log and the tables."""
    living = workers(top)
    at, reason, fails = drawn
    victim = living[at % len(living)]
    supervisor = otp.process_info(victim, "parent")
    LOG.clear()
    names = [LOG.names[one] for one in (victim, *living)]
    LOG.failing = dict(zip(names, fails, strict=False))
    seen.clear()
    if reason == "kill":
        otp.exit(victim, "kill")
    else:
        GenServer.cast(victim, reason)
    await wait_all_idle()
    found: dict[tuple[Any, int], Restart] = {}
    for event in seen:
        state = after(state, event)
        if state.latest is not None:
            found[state.latest.supervisor, state.latest.cause] = state.latest
    chain = [*found.values()]
    assert (chain[0].supervisor, chain[0].old) == (supervisor, victim)
    for below, restart in itertools.pairwise(chain):
        assert restart.escalated is not None
        assert (restart.escalated.cause, restart.old) == (below.cause, below.supervisor)
        check(restart.escalated)
    if chain[-1].outcome is None and not otp.is_alive(top):  # no supervisor above it reports why it ended
        chain[-1] = state.ended[top]._replace(outcome="shut_down")
    check(chain[-1])
    assert (list(state.ended) == [top]) == (not otp.is_alive(top))
    return state


def check(restart: Restart) -> None:
    by = restart.supervisor
    started, stopped = (
        [pid for above, pid in LOG.starts if above is by],
        [pid for above, pid in LOG.stops if above is by],
    )
    known = {pid for _, pid in (*LOG.starts, *LOG.stops)}
    assert [one.pid for one in restart.started if one.pid in known] == started
    if restart.id is None:  # a dynamic supervisor stops its children together
        assert {one.pid for one in restart.stopped} == set(stopped)
    else:
        assert [one.pid for one in restart.stopped if one.pid in known] == stopped
    assert len([failure for failure in restart.failures if failure.reason == "no"]) == LOG.failed.count(by)
    lives = otp.is_alive(by)
    assert lives != restart.ends_supervisor
    if lives and restart.outcome is not None:
        table = supervisor_state(by)
        assert (restart.outcome, restart.used, restart.allowed) == ("restarted", table.counted, table.max_restarts)
        assert restart.successor is None or otp.is_alive(restart.successor)
    elif lives:
        assert not started


@given(TREES, st.lists(ENDS, min_size=1, max_size=6))
@settings(max_examples=40, deadline=None)
def test_the_fold_agrees_with_real_supervisors(tree: Any, ends: list[Any]) -> None:
    async def main() -> None:
        otp.process_flag("trap_exit", True)
        LOG.clear()
        top = await Branch.start_link(("top", tree))
        for number, pool in enumerate(pools(top)):
            for at in range(3):
                await DynamicSupervisor.start_child(pool, Worker.child_spec(f"{number} {at}"))
        seen: list[Any] = []
        otp.trace.subscribe(otp.trace.node_of(top), seen.append, kinds=KINDS)
        state = NOTHING
        for drawn in ends:
            if not otp.is_alive(top) or not workers(top):
                break
            state = await round_of(top, seen, state, drawn)

    Scheduler().run(main)


def event(seq: int, kind: str, pid: Any, cause: int, **data: Any) -> Any:
    return SimpleNamespace(seq=seq, at=seq, kind=kind, pid=pid, cause=cause, data=data)


def test_a_fold_of_any_number_of_open_restarts_is_bounded() -> None:
    state = NOTHING
    for seq in range(3 * MOST_ACTING):
        state = after(
            state, event(seq, "child_terminated", f"s{seq}", seq, id=None, child=seq, reason="normal", by="exit")
        )
    assert len(state.acting) == MOST_ACTING
    for seq in range(seq, seq + 2 * MOST_CHILDREN):
        state = after(
            state, event(seq, "child_terminated", "s767", seq, id=None, child=seq, reason="x", by="supervisor")
        )
    assert len(state.acting["s767"].stopping) == MOST_CHILDREN


def test_a_stop_on_request_after_an_end_that_is_left_alone_belongs_to_no_restart() -> None:
    state = NOTHING
    ended = {"id": "a", "child": "a1", "reason": "normal", "by": "exit"}
    stopped = {"id": "b", "child": "b1", "reason": "shutdown", "by": "supervisor"}
    again = {"id": "c", "child": "c2", "old": "c1", "reason": "killed", "strategy": "one_for_one", "used": 1,
             "allowed": 3, "window": 5, "group": ()}  # fmt: skip
    for one in [
        event(2, "child_terminated", "top", 1, **ended),
        event(4, "child_terminated", "top", 3, **stopped),
        event(6, "child_terminated", "top", 5, **(ended | {"id": "c", "child": "c1", "reason": "killed"})),
        event(7, "child_restarted", "top", 5, **again),
    ]:
        state = after(state, one)
    assert state.latest is not None
    assert (state.latest.id, state.latest.outcome, state.latest.stopped) == ("c", "restarted", ())
    assert not state.acting
