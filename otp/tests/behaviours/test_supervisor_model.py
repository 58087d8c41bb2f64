"""Supervisors with real processes do what a small model of OTP's documentation says, whatever happens to them.

`test_supervisor_state.py` compares the bookkeeping alone with `supervisor.erl`; this one starts, kills and asks.
Source: `supervisor(3)`; for what it leaves open, the recorded scenarios.
"""

from __future__ import annotations

from collections import deque
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import otp
from otp import (
    AlreadyPresent,
    AlreadyStarted,
    ChildSpec,
    ExitSignal,
    GenServer,
    Ignore,
    NotFound,
    Ok,
    Shared,
    StartError,
    Stop,
    Supervisor,
    impl,
)
from otp.testing import Scheduler, advance, mailbox, wait_all_idle

IDS = "abcde"

# The model: from the documentation of `supervisor`, with lists; no process, no clock, nothing of the package.
# A child is [id, restart, significant, shutdown, pid]; pid: a number, or None while it does not run.

ID, RESTART, SIGNIFICANT, SHUTDOWN, PID = range(5)
NORMAL = ("normal", "shutdown")


class Model:
    """A supervisor; `plan[id]` says how the next starts of a child go: "fail", "ignore", or well when it is empty."""

    def __init__(self, strategy: str, intensity: int, period: int, auto: str, plan: dict[str, deque[str]]) -> None:
        self.strategy, self.intensity, self.period, self.auto = strategy, intensity, period, auto
        self.plan = plan
        self.children: list[list[Any]] = []
        self.log: list[tuple[str, str]] = []
        self.restarts: list[int] = []
        self.dead: set[int] = set()  # ended, and the supervisor does not know yet
        self.restarting: list[list[Any]] = []  # about to be tried again
        self.next_pid = 0
        self.alive = True

    # Looking

    def find(self, id: str) -> list[Any] | None:
        return next((child for child in self.children if child[ID] == id), None)

    def which(self) -> list[tuple[str, bool]]:
        return [(child[ID], child[PID] is not None) for child in reversed(self.children)]

    # Starting and stopping

    def start(self, child: list[Any]) -> str:
        """A start of a child: "ok", "fail" or "ignore"."""
        outcome = self.plan[child[ID]].popleft() if self.plan[child[ID]] else "ok"
        self.log.append(("start" if outcome == "ok" else outcome, child[ID]))
        child[PID] = None
        if outcome == "ok":
            child[PID] = self.next_pid
            self.next_pid += 1
        return outcome

    def stop(self, child: list[Any]) -> None:
        pid, child[PID] = child[PID], None
        self.restarting = [other for other in self.restarting if other is not child]
        if pid is not None and pid not in self.dead and child[SHUTDOWN] != "brutal_kill":
            self.log.append(("stop", child[ID]))

    def stop_all(self) -> None:
        for child in reversed(self.children):
            self.stop(child)
        self.alive = False

    def begin(self, children: list[list[Any]]) -> str | None:
        """Start all in order; the id of the one that failed."""
        for child in children:
            self.children.append(child)
            outcome = self.start(child)
            if outcome == "fail":
                self.stop_all()
                return child[ID]
            if outcome == "ignore" and child[RESTART] == "temporary":
                self.children.remove(child)
        return None

    # Operations: what they answer

    def start_child(self, child: list[Any]) -> Any:
        present = self.find(child[ID])
        if present is not None:
            return "already_started" if present[PID] is not None else "already_present"
        self.children.append(child)
        outcome = self.start(child)
        if outcome == "fail" or (outcome == "ignore" and child[RESTART] == "temporary"):
            self.children.remove(child)
        return outcome

    def restart_child(self, id: str) -> Any:
        child = self.find(id)
        if child is None:
            return "not_found"
        if child[PID] is not None:
            return "running"
        outcome = self.start(child)
        if outcome == "ignore" and child[RESTART] == "temporary":
            self.children.remove(child)
        return outcome

    def terminate_child(self, id: str) -> Any:
        child = self.find(id)
        if child is None:
            return "not_found"
        self.stop(child)
        if child[RESTART] == "temporary":
            self.children.remove(child)
        return "ok"

    def delete_child(self, id: str) -> Any:
        child = self.find(id)
        if child is None:
            return "not_found"
        if child[PID] is not None:
            return "running"
        self.children.remove(child)
        return "ok"

    # The end of a child

    def ends(self, ends: list[tuple[str, str]], now: int) -> None:
        """End children by themselves, all before the supervisor gets the first exit; retries come after them."""
        heard = [(child[PID], reason) for id, reason in ends if (child := self.find(id)) and child[PID] is not None]
        self.dead.update(pid for pid, _ in heard)
        queue: deque[Any] = deque(heard)
        while queue and self.alive:
            pid, reason = queue.popleft()
            if reason is None:
                child = next((child for child in self.restarting if child is pid), None)
            else:
                child = next((child for child in self.children if child[PID] == pid), None)
            if child is not None:  # else it was stopped, or started again, meanwhile
                failed = self.restart(child, now) if reason is None else self.ended(child, reason, now)
                if failed is not None:
                    queue.append((failed, None))

    def ended(self, child: list[Any], reason: str, now: int) -> list[Any] | None:
        child[PID] = None
        if child[RESTART] == "permanent" or (child[RESTART] == "transient" and reason not in NORMAL):
            return self.restart(child, now)
        if child[RESTART] == "temporary":
            self.children.remove(child)
        others = any(
            other[SIGNIFICANT] and (other[PID] is not None or other in self.restarting) for other in self.children
        )
        if child[SIGNIFICANT] and (self.auto == "any_significant" or (self.auto == "all_significant" and not others)):
            self.stop_all()
        return None

    def restart(self, child: list[Any], now: int) -> list[Any] | None:
        """Restart a child and its group; who failed is tried again, and each attempt counts."""
        self.restarts = [at for at in self.restarts if now - at <= self.period] + [now]
        if len(self.restarts) > self.intensity:
            self.stop_all()
            return None
        failed = self.attempt(child)
        if failed is not None:
            self.restarting.append(failed)
        return failed

    def attempt(self, child: list[Any]) -> list[Any] | None:
        place = self.children.index(child)
        if self.strategy == "one_for_one":
            group = [child]
        elif self.strategy == "one_for_all":
            group = list(self.children)
        else:
            group = self.children[place:]
        for member in reversed(group):
            self.stop(member)
            if member[RESTART] == "temporary":
                self.children.remove(member)
        for member in group:
            if member[RESTART] != "temporary" and self.start(member) == "fail":
                return member
        return None


# The real thing


class World:
    """The shared state of the children: how their starts go, and what happened to them."""

    def __init__(self, plan: dict[str, deque[str]]) -> None:
        self.plan = plan
        self.log: list[tuple[str, str]] = []


class Child(GenServer[Any]):
    @impl
    def init(self, arg: tuple[str, World]) -> Any:
        otp.process_flag("trap_exit", True)
        id, world = arg
        outcome = world.plan[id].popleft() if world.plan[id] else "ok"
        world.log.append(("start" if outcome == "ok" else outcome, id))
        return Ok(arg) if outcome == "ok" else Ignore() if outcome == "ignore" else Stop("broken")

    @impl
    def handle_cast(self, request: Any, state: Any) -> Any:
        return Stop(request, None)

    @impl
    def terminate(self, reason: Any, state: Any) -> None:
        if state is not None:  # the supervisor's doing
            id, world = state
            world.log.append(("stop", id))


class Real:
    """A supervisor of processes, asked as the model is."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.pid: Any = None

    def spec(self, child: list[Any]) -> ChildSpec:
        id, restart, significant, shutdown, _ = child
        return Child.child_spec(
            (id, Shared(self.world)), id=id, restart=restart, significant=significant, shutdown=shutdown
        )

    async def begin(self, specs: list[ChildSpec], strategy: Any, intensity: int, auto: Any) -> None:
        self.pid = await Supervisor.start_link_children(
            specs, strategy=strategy, max_restarts=intensity, max_seconds=5, auto_shutdown=auto
        )

    async def answer(self, operation: str, argument: Any) -> Any:
        """Return the result of an operation, in the model's terms."""
        try:
            if operation == "start_child":
                pid = await Supervisor.start_child(self.pid, self.spec(argument))
                return "ignore" if isinstance(pid, Ignore) else "ok"
            found = await getattr(Supervisor, operation)(self.pid, argument)
            return "ignore" if isinstance(found, Ignore) else "ok"
        except AlreadyStarted:
            return "already_started"
        except AlreadyPresent:
            return "already_present"
        except NotFound:
            return "not_found"
        except StartError as error:
            reason: Any = error.reason
            return "fail" if reason == "broken" or reason[0] == "broken" else reason

    async def ends(self, ends: list[tuple[str, str]]) -> None:
        pids = {info.id: info.pid for info in await Supervisor.which_children(self.pid)}
        for id, reason in ends:
            pid = pids.get(id)
            if pid is not None and reason == "kill":
                otp.exit(pid, "kill")
            elif pid is not None:
                GenServer.cast(pid, reason)


restarts = st.sampled_from(["permanent", "transient", "temporary"])
shutdowns: st.SearchStrategy[Any] = st.sampled_from([5, "brutal_kill"])
kinds = st.tuples(restarts, st.booleans(), shutdowns)
reasons = st.sampled_from(["normal", "shutdown", "boom", "kill"])
outcomes = st.lists(st.sampled_from(["ok", "fail", "fail", "ignore"]), min_size=1, max_size=3)
steps = st.one_of(
    st.tuples(st.just("ends"), st.lists(st.tuples(st.sampled_from(IDS), reasons), min_size=1, max_size=1)),
    st.tuples(st.just("kills"), st.lists(st.sampled_from(IDS), min_size=1, max_size=3, unique=True)),
    st.tuples(st.just("plan"), st.tuples(st.sampled_from(IDS), outcomes)),
    st.tuples(st.sampled_from(["terminate_child", "restart_child", "delete_child"]), st.sampled_from(IDS)),
    st.tuples(st.just("start_child"), st.tuples(st.sampled_from(IDS), kinds)),
    st.tuples(st.just("advance"), st.sampled_from([1, 2, 3, 5, 6])),
    st.tuples(
        st.just("change"),
        st.tuples(st.sampled_from(["one_for_one", "one_for_all", "rest_for_one"]), st.integers(0, 5)),
    ),
)
plans = st.dictionaries(st.sampled_from(IDS), outcomes, max_size=1)


def fresh(id: str, kind: tuple[Any, bool, Any], auto: str) -> list[Any]:
    restart, wanted, shutdown = kind
    return [id, restart, wanted and restart != "permanent" and auto != "never", shutdown, None]


@settings(max_examples=600, deadline=None)
@given(
    strategy=st.sampled_from(["one_for_one", "one_for_all", "rest_for_one"]),
    intensity=st.integers(0, 5),
    auto=st.sampled_from(["never", "any_significant", "all_significant", "all_significant"]),
    first=st.lists(kinds, min_size=1, max_size=4),
    plan=plans,
    script=st.lists(steps, max_size=20),
    inline=st.booleans(),
)
def test_a_supervisor_of_processes_does_what_the_documentation_of_supervisor_says(
    strategy: Any,
    intensity: int,
    auto: Any,
    first: list[Any],
    plan: dict[str, list[str]],
    script: list[tuple[Any, Any]],
    inline: bool,
) -> None:
    def planned() -> dict[str, deque[str]]:
        return {id: deque(plan.get(id, ())) for id in IDS}

    async def main() -> None:
        otp.process_flag("trap_exit", True)
        model, real = Model(strategy, intensity, 5, auto, planned()), Real(World(planned()))
        children = [fresh(id, kind, auto) for id, kind in zip(IDS, first, strict=False)]
        specs = [real.spec(child) for child in children]
        failed = model.begin(children)
        if failed is not None:
            with pytest.raises(StartError) as refused:
                await real.begin(specs, strategy, intensity, auto)
            assert ("shutdown", ("failed_to_start_child", failed, "broken")) == refused.value.reason
            assert model.log == real.world.log
            return
        await real.begin(specs, strategy, intensity, auto)
        for operation, argument in script:
            await step(model, real, operation, argument)
            await wait_all_idle()
            assert model.log == real.world.log
            if not model.alive:
                assert [ExitSignal(real.pid, "shutdown")] == mailbox()
                return
            assert [] == mailbox()
            assert model.which() == [
                (info.id, info.pid is not None) for info in await Supervisor.which_children(real.pid)
            ]
            counts = await Supervisor.count_children(real.pid)
            assert (len(model.children), sum(alive for _, alive in model.which())) == (counts.specs, counts.active)
        await Supervisor.stop(real.pid)
        model.stop_all()
        assert model.log == real.world.log

    Scheduler(inline=inline).run(main)


async def step(model: Model, real: Real, operation: str, argument: Any) -> None:
    """Apply an event to both."""
    match operation:
        case "ends" | "kills":
            ends = argument if operation == "ends" else [(id, "kill") for id in argument]
            model.ends(ends, round(otp.monotonic()))
            await real.ends(ends)
        case "plan":
            id, outcomes = argument
            model.plan[id].extend(outcomes)
            real.world.plan[id].extend(outcomes)
        case "advance":
            await advance(argument)
        case "change":
            strategy, model.intensity = argument
            model.strategy = strategy
            await Supervisor.change_flags(real.pid, strategy=strategy, max_restarts=model.intensity)
        case "start_child":
            id, kind = argument
            expected = model.start_child(fresh(id, kind, model.auto))
            assert expected == await real.answer(operation, fresh(id, kind, model.auto))
        case _:
            assert getattr(model, operation)(argument) == await real.answer(operation, argument)
