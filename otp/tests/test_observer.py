"""The rules of `otp.observer`: reads of tables, bounded, without a word to the processes."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

import otp
from first_process import first_process
from otp import (
    BadArgument,
    Children,
    DynamicSupervisor,
    GenServer,
    NoReply,
    Ok,
    Reply,
    Supervisor,
    impl,
    observer,
    sys,
    testing,
)


def here() -> Any:
    return otp.self().runtime


class Counter(GenServer[Any]):
    @impl
    def init(self, arg: Any) -> Ok[Any]:
        return Ok(arg)

    @impl
    async def handle_call(self, request: Any, caller: Any, state: Any) -> Reply[Any]:
        if request == "wait":
            await otp.receive(otp.Tag("go"))
        return Reply(state, state)

    @impl
    def handle_cast(self, request: Any, state: Any) -> NoReply[Any]:
        raise otp.Error(request)


class Inner(Supervisor):
    @impl
    def init(self, arg: Any) -> Children:
        return Children([Counter.child_spec(n, id=f"c{n}") for n in range(3)], strategy="rest_for_one")


class Outer(Supervisor):
    @impl
    def init(self, arg: Any) -> Children:
        return Children(
            [Counter.child_spec(7, name="seven"), Inner.child_spec(None, name="inner")], max_restarts=2, max_seconds=9
        )


class Unreadable:
    def __repr__(self) -> str:
        raise AssertionError("no code of a program may run")


@first_process
async def test_a_tree_shows_strategy_budget_and_children_in_start_order() -> None:
    outer = await Outer.start_link(None, name="outer")
    (root,) = observer.supervision_tree(here(), outer).roots
    assert (root.pid, root.name, root.what, root.strategy) == (outer, "outer", "Outer", "one_for_one")
    assert root.budget == observer.Budget(2, 9, 0)
    seven, inner = root.children
    assert (seven.pid, seven.name, seven.what, seven.type) == (otp.whereis("seven"), "seven", "Counter", "worker")
    assert (seven.state, seven.restart, seven.restarts, seven.last_exit) == ("running", "permanent", 0, None)
    assert inner.type == "supervisor"
    assert inner.supervisor is not None
    assert inner.supervisor.strategy == "rest_for_one"
    assert [child.id for child in inner.supervisor.children] == ["'c0'", "'c1'", "'c2'"]


@first_process
async def test_a_restart_shows_in_budget_count_and_last_exit() -> None:
    outer = await Outer.start_link(None)
    before = otp.whereis("seven")
    otp.exit(before, "kill")
    await testing.wait_all_idle()
    (root,) = observer.supervision_tree(here(), outer).roots
    seven = root.children[0]
    assert seven.pid not in (None, before)
    assert (seven.restarts, seven.last_exit, seven.last_exit_at) == (1, "'killed'", 0.0)
    assert root.budget.used == 1
    await testing.advance(9.1)
    (root,) = observer.supervision_tree(here(), outer).roots
    assert root.budget.used == 0


@first_process
async def test_a_stopped_child_is_stopped() -> None:
    outer = await Outer.start_link(None)
    await Supervisor.terminate_child(outer, Counter)
    (root,) = observer.supervision_tree(here(), outer).roots
    assert (root.children[0].state, root.children[0].pid, root.children[0].what) == ("stopped", None, "Counter")


@first_process
async def test_depth_and_limit_make_a_tree_partial() -> None:
    outer = await Outer.start_link(None)
    whole = observer.supervision_tree(here(), outer)
    assert (whole.partial, whole.size) == (False, 6)
    flat = observer.supervision_tree(here(), outer, depth=1)
    assert flat.partial
    assert flat.roots[0].children[1].supervisor is not None
    assert flat.roots[0].children[1].supervisor.more == 3
    short = observer.supervision_tree(here(), outer, limit=2)
    assert short.partial
    assert short.roots[0].more == 1


@first_process
async def test_children_of_a_dynamic_supervisor_are_read_up_to_the_limit() -> None:
    pool = await DynamicSupervisor.start_link(name="pool")
    for n in range(20):
        await DynamicSupervisor.start_child(pool, Counter.child_spec(n))
    (root,) = observer.supervision_tree(here(), pool, limit=6).roots
    assert (len(root.children), root.more) == (5, 15)
    assert {child.state for child in root.children} == {"running"}


@first_process
async def test_the_roots_are_the_supervisors_that_no_supervisor_started() -> None:
    outer = await Outer.start_link(None)
    pool = await DynamicSupervisor.start_link()
    assert {root.pid for root in observer.supervision_tree(here()).roots} >= {outer, pool}
    assert otp.whereis("inner") not in {root.pid for root in observer.supervision_tree(here()).roots}


@first_process
async def test_a_root_that_is_no_supervisor_is_refused() -> None:
    with pytest.raises(BadArgument, match="expected a living supervisor"):
        observer.supervision_tree(here(), otp.self())


@first_process
async def test_a_process_is_shown_with_its_relations() -> None:
    outer = await Outer.start_link(None)
    seven = otp.whereis("seven")
    otp.monitor(seven)
    shown = observer.process(here(), seven)
    assert shown is not None
    assert (shown.pid, shown.name, shown.kind, shown.what, shown.status) == (
        seven, "seven", "worker", "Counter", "waiting",
    )  # fmt: skip
    assert shown.module == __name__
    assert (shown.parent, shown.links, shown.monitored_by) == (outer, (outer,), (otp.self(),))
    assert shown.ancestors[:2] == (outer, otp.self())
    assert shown.state == "7"
    assert shown.child_id == repr_of_class(Counter)
    supervisor = observer.process(here(), outer)
    assert supervisor is not None
    assert supervisor.children == (seven, otp.whereis("inner"))
    me = observer.process(here(), otp.self())
    assert me is not None
    assert (me.kind, me.status, me.state) == ("coroutine", "running", None)
    assert seven in me.monitors
    assert me.children == (outer,)


def repr_of_class(cls: type) -> str:
    return cls.__qualname__


@first_process
async def test_a_busy_callback_is_named_with_its_message_and_time() -> None:
    counter = await Counter.start_link(1)

    async def ask() -> None:
        await GenServer.call(counter, "wait", timeout=60)

    otp.spawn(ask)
    await testing.wait_all_idle()
    await testing.advance(2)
    otp.send(counter, ("other", Unreadable()))
    GenServer.cast(counter, "later")
    caller = otp.spawn(GenServer.call, counter, "value")
    await testing.wait_all_idle()
    shown = observer.process(here(), counter)
    assert shown is not None
    assert (shown.callback, shown.handling, shown.busy_for) == ("handle_call", "'wait'", 2.0)
    assert shown.messages == (
        "info ('other', <Unreadable>)",
        "cast 'later'",
        f"call 'value' from {caller}",
    )
    assert shown.mailbox == 3
    assert shown.waiting_at[0].function == "Counter.handle_call"


@first_process
async def test_no_code_of_the_program_runs_and_secrets_are_hidden() -> None:
    counter = await Counter.start_link({"password": "hunter2", "thing": Unreadable()})
    shown = observer.process(here(), counter)
    assert shown is not None
    assert shown.state == "{'password': ***, 'thing': <Unreadable>}"
    open_view = observer.process(here(), counter, redact=None)
    assert open_view is not None
    assert "hunter2" in str(open_view.state)


@first_process
async def test_a_sensitive_process_hides_its_state() -> None:
    class Secretive(Counter):
        @impl
        def init(self, arg: Any) -> Ok[Any]:
            otp.process_flag("sensitive", True)
            return Ok(arg)

    shown = observer.process(here(), await Secretive.start_link("plan"))
    assert shown is not None
    assert shown.state == "<sensitive>"


@first_process
async def test_a_sensitive_process_hides_the_messages_that_wait_and_the_one_it_handles() -> None:
    """They were shown, and the mailbox of a process that hides its state is where its secrets come from."""

    class Secretive(Counter):
        @impl
        async def handle_cast(self, request: Any, state: Any) -> Any:
            otp.process_flag("sensitive", True)
            await otp.receive(otp.Is("go on"))
            return otp.NoReply(state)

    pid = await Secretive.start_link("plan")
    for _ in "12":
        GenServer.cast(pid, ("swordfish", 1))
    await testing.wait_all_idle()
    shown = observer.process(here(), pid, redact=None)
    assert shown is not None
    assert (shown.mailbox, shown.messages, shown.handling, shown.state) == (1, (), None, "<sensitive>")
    assert "swordfish" not in str(shown)


@pytest.mark.parametrize("redact", [None, lambda name: False])
def test_a_server_shows_of_its_state_what_its_format_status_lets_it(redact: Any) -> None:
    class Discreet(Counter):
        @impl
        def format_status(self, state: Any) -> Any:
            if state == "broken":
                raise ValueError("swordfish")
            return ("only", len(state))

    class Lamp(otp.GenStateMachine[str, str]):
        @impl
        def init(self, arg: Any) -> Any:
            return otp.MachineOk("off", arg)

        @impl
        def handle_event(self, event: Any, content: Any, state: str, data: str) -> Any:
            return otp.KeepState(data)

        @impl
        def format_status(self, state: str, data: str) -> Any:
            return (state, "hidden")

    async def main() -> None:
        for server, expected in (
            (await Discreet.start("swordfish"), "('only', 9)"),
            (await Lamp.start("swordfish"), "('off', 'hidden')"),
        ):
            shown = observer.process(here(), server, redact=redact)
            assert shown is not None
            assert shown.state == expected
        broken = observer.process(here(), await Discreet.start("broken"), redact=redact)
        assert broken is not None
        assert str(broken.state).startswith("('ValueError', ")
        assert "'broken'" not in str(broken.state)

    testing.Scheduler().run(main)


@first_process
async def test_a_dead_process_is_none() -> None:
    pid = otp.spawn(lambda: None)
    await otp.wait_down(pid)
    assert observer.process(here(), pid) is None


@first_process
async def test_earlier_ends_of_the_same_child_are_remembered() -> None:
    await Outer.start_link(None)
    first = otp.whereis("seven")
    GenServer.cast("seven", "boom")
    await testing.wait_all_idle()
    shown = observer.process(here(), otp.whereis("seven"))
    assert shown is not None
    assert shown.restarts == 1
    assert [(past.pid, past.reason) for past in shown.exits] == [(first, "Crash('boom')")]


@first_process
async def test_the_list_filters_sorts_and_pages() -> None:
    await Outer.start_link(None)

    async def sleeper() -> None:
        await asyncio.get_running_loop().create_future()

    for _ in range(5):
        otp.spawn_link(sleeper)
    await testing.wait_all_idle()
    node = here()
    everything = observer.processes(node)
    assert everything.total == len(everything.processes) == len(otp.processes())
    assert [p.pid.id for p in everything.processes] == sorted(p.pid.id for p in everything.processes)
    supervisors = observer.processes(node, kind="supervisor")
    assert {p.what for p in supervisors.processes} >= {"Outer", "Inner"}
    assert [p.name for p in observer.processes(node, search="SEV").processes] == ["seven"]
    sleepers = observer.processes(node, search="sleeper", status="awaiting", limit=2)
    assert (sleepers.total, len(sleepers.processes)) == (5, 2)
    latest = observer.processes(node, descending=True, limit=1, offset=1).processes[0]
    assert latest.pid == sorted(p.pid for p in everything.processes)[-2]
    by_name = observer.processes(node, sort="name").processes
    assert [p.name for p in by_name[:2]] == ["inner", "seven"]


@first_process
async def test_wrong_arguments_of_the_list_are_refused() -> None:
    with pytest.raises(BadArgument, match="expected one of pid, name"):
        observer.processes(here(), sort="memory")  # pyright: ignore[reportArgumentType]
    with pytest.raises(BadArgument, match="offset and limit >= 0"):
        observer.processes(here(), limit=-1)


@first_process
async def test_info_counts() -> None:
    await Outer.start_link(None)
    shown = observer.info(here())
    assert shown.name == here().name
    assert shown.virtual_time
    assert shown.processes == len(otp.processes())
    assert shown.supervisors >= 2
    assert shown.names >= 2


@first_process
async def test_a_suspended_server_is_seen_as_such() -> None:
    counter = await Counter.start_link(1)
    await sys.suspend(counter)
    shown = observer.process(here(), counter)
    assert shown is not None
    assert shown.status == "suspended"


@first_process
async def test_the_graph_has_supervision_links_and_monitors() -> None:
    outer = await Outer.start_link(None)
    seven, inner = otp.whereis("seven"), otp.whereis("inner")
    otp.monitor(seven)
    me = otp.self()
    shown = observer.graph(here())
    edges = {(edge.kind, edge.source, edge.target) for edge in shown.edges}
    assert ("supervises", outer, seven) in edges
    assert ("supervises", outer, inner) in edges
    assert ("link", me, outer) in edges
    assert ("monitor", me, seven) in edges
    assert ("link", outer, seven) not in edges
    assert not shown.partial
    part = observer.graph(here(), pids=[seven, me])
    assert {(edge.kind, edge.source, edge.target) for edge in part.edges} == {("monitor", me, seven)}
    assert observer.graph(here(), limit=1).partial


@first_process
async def test_a_local_view_takes_pids_names_and_texts() -> None:
    counter = await Counter.start_link(1, name="counter")
    view: observer.NodeView = observer.LocalView(here())
    for dest in (counter, "counter", str(counter)):
        shown = await view.process(dest)
        assert shown is not None
        assert shown.pid == counter
    assert await view.call("counter", "value") == 1
    await view.replace_state("counter", 2)
    assert await view.state("counter") == "2"
    with pytest.raises(BadArgument):
        await view.process("nobody")
    otp.process_flag("trap_exit", True)
    await view.exit("counter")
    assert await otp.wait_down(counter) in ("killed", "noproc")
