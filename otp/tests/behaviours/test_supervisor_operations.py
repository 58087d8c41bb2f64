"""The operations of supervisors: their results, what they refuse, and children of a template.

Sleeps take virtual time.
"""

from __future__ import annotations

import asyncio
import functools
from typing import Any

import pytest

import otp
from otp import (
    AlreadyPresent,
    AlreadyStarted,
    ChildInfo,
    Children,
    ChildSpec,
    Counts,
    GenServer,
    Ignore,
    NotFound,
    Ok,
    StartError,
    Stop,
    Supervisor,
    impl,
    process_flag,
    trace,
)
from otp.behaviours.supervisor.spec_check import InvalidChildSpec
from otp.testing import wait_all_idle
from supervised import Worker, order, template, which, worker

count = Supervisor.count_children


# Answers


def test_which_and_count_answer_with_records(run: Any) -> None:
    async def main() -> None:
        tree = await Supervisor.start_link_children(
            [worker("a"), Supervisor.child_spec(Children(), id="s"), worker("i", Ignore())]
        )
        ignored, supervisor, first = await which(tree)
        assert ignored == ChildInfo("i", None, "worker", (Worker,))
        assert (supervisor.id, supervisor.type, supervisor.modules) == ("s", "supervisor", (Supervisor,))
        assert otp.is_alive(first.pid)
        assert await count(tree) == Counts(specs=3, active=2, supervisors=1, workers=2)

    run(main)


def test_start_child_appends_and_which_lists_the_last_first(run: Any) -> None:
    async def main() -> None:
        tree = await Supervisor.start_link_children([worker("a"), worker("b")])
        pid = await Supervisor.start_child(tree, worker("c"))
        assert otp.is_alive(pid)
        assert await order(tree) == ["c", "b", "a"]
        await Supervisor.terminate_child(tree, "a")
        await Supervisor.delete_child(tree, "a")
        await Supervisor.start_child(tree, worker("a"))
        assert await order(tree) == ["a", "c", "b"]

    run(main)


def test_all_forms_of_a_child_can_be_started(run: Any) -> None:
    async def main() -> None:
        tree = await Supervisor.start_link_children([])
        pids = [
            await Supervisor.start_child(tree, (Worker, 5)),
            await Supervisor.start_child(tree, {"id": "map", "start": (Worker.start_link, 6)}),
            await Supervisor.start_child(tree, worker("spec", 7)),
        ]
        assert [await GenServer.call(pid, "state") for pid in pids] == [5, 6, 7]
        assert await order(tree) == ["spec", "map", Worker]

    run(main)


def test_a_known_id_is_already_started_or_already_present(run: Any) -> None:
    async def main() -> None:
        tree = await Supervisor.start_link_children([worker("a")])
        with pytest.raises(AlreadyStarted, match=r"give this one an id: Class\.child_spec\(arg") as failure:
            await Supervisor.start_child(tree, worker("a"))
        assert failure.value.pid is (await which(tree))[0].pid
        await Supervisor.terminate_child(tree, "a")
        with pytest.raises(AlreadyPresent, match="give this one an id"):
            await Supervisor.start_child(tree, worker("a"))

    run(main)


def test_a_failed_start_child_keeps_no_spec_and_says_which(run: Any) -> None:
    async def main() -> None:
        tree = await Supervisor.start_link_children([])
        with pytest.raises(StartError) as failure:
            await Supervisor.start_child(tree, worker("a", Stop("no")))
        reason, spec = failure.value.reason
        assert (reason, spec.id, spec.shutdown) == ("no", "a", 5)
        assert await order(tree) == []

    run(main)


def test_an_ignored_start_child_is_ignore_and_keeps_the_spec_unless_temporary(run: Any) -> None:
    async def main() -> None:
        tree = await Supervisor.start_link_children([])
        assert await Supervisor.start_child(tree, worker("a", Ignore())) == Ignore()
        assert await Supervisor.start_child(tree, worker("b", Ignore(), restart="temporary")) == Ignore()
        assert await order(tree) == ["a"]
        assert await Supervisor.restart_child(tree, "a") == Ignore()

    run(main)


@pytest.mark.parametrize("stop", ["terminate_child", "with_its_supervisor"])
def test_the_cleanup_of_a_task_has_the_time_of_its_spec(run: Any, stop: str) -> None:
    """Its `shutdown` of 10 s replaces the default of 5 s."""

    async def cleans_up() -> None:
        try:
            await otp.receive()
        finally:
            await asyncio.sleep(7)
            ended.append(otp.monotonic())

    async def main() -> None:
        spec = otp.Task.child_spec(cleans_up, id="a", shutdown=10)
        tree = await Supervisor.start_link_children([spec])
        await wait_all_idle()
        await (Supervisor.terminate_child(tree, "a") if stop == "terminate_child" else Supervisor.stop(tree))

    ended: list[float] = []
    run(main)
    assert ended == [7.0]


def test_a_spec_may_hand_options_to_the_start(run: Any) -> None:
    class Slow(Worker):
        @impl
        async def init(self, arg: Any) -> Any:
            await asyncio.sleep(10)
            return Ok(arg)

    async def main() -> Any:
        process_flag("trap_exit", True)
        with pytest.raises(StartError) as failed:
            await Supervisor.start_link_children(
                [ChildSpec(id="a", start=functools.partial(Slow.start_link, None, timeout=1))]
            )
        return "timeout" in str(failed.value.reason), otp.monotonic()

    assert run(main) == (True, 1.0)


@pytest.mark.parametrize("operation", [Supervisor.restart_child, Supervisor.delete_child])
def test_what_wants_a_stopped_child_says_how_to_stop_it(run: Any, operation: Any) -> None:
    async def main() -> None:
        tree = await Supervisor.start_link_children([worker("a")])
        with pytest.raises(StartError, match=r"\('a'\): the child runs; try Supervisor.terminate_child first"):
            await operation(tree, "a")

    run(main)


def test_a_stop_by_its_supervisor_is_caused_by_the_exit_of_the_child(run: Any) -> None:
    async def main() -> None:
        tree = await Supervisor.start_link_children([worker("a")])
        ((_, child, *_),) = await which(tree)
        await Supervisor.terminate_child(tree, "a")
        told = [event for event in trace.history(otp.self().runtime) if event.pid in (tree, child)]
        by_kind = {event.kind: event for event in told}
        assert by_kind["child_terminated"].cause == by_kind["exited"].seq
        assert by_kind["child_terminated"].data == {
            "id": "a", "child": child, "reason": "shutdown", "by": "supervisor", "by_itself": False, "requested": True,
        }  # fmt: skip

    run(main)


def test_restart_child_and_delete_child_want_a_child_that_does_not_run(run: Any) -> None:
    async def main() -> None:
        tree = await Supervisor.start_link_children([worker("a")])
        for operation in (Supervisor.restart_child, Supervisor.delete_child):
            with pytest.raises(StartError) as failure:
                await operation(tree, "a")
            assert failure.value.reason == "running"
            with pytest.raises(NotFound):
                await operation(tree, "x")
        await Supervisor.terminate_child(tree, "a")
        pid = await Supervisor.restart_child(tree, "a")
        assert otp.is_alive(pid)
        await Supervisor.terminate_child(tree, "a")
        await Supervisor.delete_child(tree, "a")
        assert await order(tree) == []

    run(main)


def test_a_failed_restart_child_keeps_the_spec_and_says_why(run: Any) -> None:
    answers: list[Any] = [None, Stop("no")]

    class Moody(Worker):
        @impl
        def init(self, arg: Any) -> Any:
            return answers.pop(0) or Ok(arg)

    async def main() -> None:
        tree = await Supervisor.start_link_children([Moody.child_spec(id="a")])
        await Supervisor.terminate_child(tree, "a")
        with pytest.raises(StartError) as failure:
            await Supervisor.restart_child(tree, "a")
        assert failure.value.reason == "no"
        assert [info.pid for info in await which(tree)] == [None]

    run(main)


def test_terminating_a_temporary_child_forgets_it(run: Any) -> None:
    async def main() -> None:
        tree = await Supervisor.start_link_children([worker("a", restart="temporary")])
        await Supervisor.terminate_child(tree, "a")
        assert await order(tree) == []

    run(main)


def test_terminate_child_is_no_crash(run: Any) -> None:
    async def main() -> None:
        tree = await Supervisor.start_link_children([worker("a"), worker("b")], strategy="one_for_all", max_restarts=0)
        before = (await which(tree))[1].pid
        await Supervisor.terminate_child(tree, "b")
        assert (await which(tree))[1].pid is before
        assert (await count(tree)).active == 1

    run(main)


def test_get_childspec_gives_the_complete_spec(run: Any) -> None:
    async def main() -> None:
        tree = await Supervisor.start_link_children([worker("a", 5, shutdown=2)])
        spec = await Supervisor.get_childspec(tree, "a")
        assert spec == worker("a", 5, shutdown=2).replace(modules=(Worker,))
        for wrong in ("x", (await which(tree))[0].pid, ["unhashable"]):
            with pytest.raises(NotFound):
                await Supervisor.get_childspec(tree, wrong)

    run(main)


def test_wrong_specs_are_refused_with_words_and_the_supervisor_goes_on(run: Any) -> None:
    async def main() -> None:
        tree = await Supervisor.start_link_children([])
        with pytest.raises(InvalidChildSpec, match="did you mean 'transient'") as failure:
            await Supervisor.start_child(tree, worker("a", restart="transiant"))
        assert failure.value.reason == ("invalid_restart_type", "transiant")
        with pytest.raises(InvalidChildSpec, match="did you mean 'restart'"):
            await Supervisor.start_child(tree, {"id": "a", "start": (Worker.start_link,), "restrat": "x"})
        with pytest.raises(InvalidChildSpec, match="extra arguments is for a simple_one_for_one"):
            await Supervisor.start_child(tree, [1])
        assert await order(tree) == []

    run(main)


def test_check_childspecs_needs_no_process() -> None:
    Supervisor.check_childspecs([worker("a"), (Worker, 1)])
    Supervisor.check_childspecs([worker("a", significant=True, restart="transient")])
    with pytest.raises(InvalidChildSpec) as failure:
        Supervisor.check_childspecs([Worker, Worker])
    assert failure.value.reason == ("duplicate_child_name", Worker)
    with pytest.raises(InvalidChildSpec) as failure:
        Supervisor.check_childspecs([worker("a", significant=True, restart="transient")], "never")
    assert failure.value.reason[0] == "bad_combination"
    with pytest.raises(InvalidChildSpec) as failure:
        Supervisor.check_childspecs([worker("a")], "some_significant")  # type: ignore[arg-type]
    assert failure.value.reason == ("badarg", "some_significant")
    for wrong in (Supervisor.check_childspecs, 5):
        with pytest.raises(InvalidChildSpec):
            Supervisor.check_childspecs(wrong)  # type: ignore[arg-type]


def test_an_operation_of_a_dead_supervisor_is_a_failed_call(run: Any) -> None:
    async def main() -> None:
        with pytest.raises(otp.NoProcess) as failure:
            await Supervisor.which_children("nobody")
        assert failure.value.reason == ("noproc", ("gen_server", "call", ["nobody", "which_children", "infinity"]))

    run(main)


def test_the_parts_of_a_mutable_spec_cannot_be_changed_behind_the_supervisors_back(run: Any) -> None:
    async def main() -> None:
        spec = worker("a")
        tree = await Supervisor.start_link_children([spec])
        with pytest.raises(AttributeError):
            spec.restart = "temporary"
        assert (await Supervisor.get_childspec(tree, "a")).restart == "permanent"

    run(main)


# simple_one_for_one


def test_children_of_a_template_get_the_extra_arguments(run: Any) -> None:
    async def main() -> None:
        tree = await template()
        pids = [await Supervisor.start_child(tree, [n]) for n in range(3)]
        assert [await GenServer.call(pid, "state") for pid in pids] == [0, 1, 2]
        assert await which(tree) == [ChildInfo(None, pid, "worker", (Worker,)) for pid in pids]
        assert await count(tree) == Counts(1, 3, 0, 3)

    run(main)


def test_a_child_of_a_template_is_restarted_with_its_own_arguments(run: Any) -> None:
    async def main() -> None:
        tree = await template()
        pid = await Supervisor.start_child(tree, [7])
        GenServer.cast(pid, "boom")
        await wait_all_idle()
        (info,) = await which(tree)
        assert info.pid is not pid
        assert await GenServer.call(info.pid, "state") == 7

    run(main)


def test_a_template_may_be_a_partial(run: Any) -> None:
    async def main() -> None:
        spec = ChildSpec("t", functools.partial(Worker.start_link, name=None))
        tree = await Supervisor.start_link_children([spec], strategy="simple_one_for_one")
        pid = await Supervisor.start_child(tree, [7])
        assert await GenServer.call(pid, "state") == 7

    run(main)


def test_the_dialect_of_simple_one_for_one(run: Any) -> None:
    async def main() -> None:
        tree = await template()
        pid = await Supervisor.start_child(tree, [1])
        for operation in (Supervisor.restart_child, Supervisor.delete_child, Supervisor.terminate_child):
            with pytest.raises(StartError) as failure:
                await operation(tree, "t")
            assert failure.value.reason == "simple_one_for_one"
        assert (await Supervisor.get_childspec(tree, "t")).id == "t"
        assert (await Supervisor.get_childspec(tree, pid)).id == "t"
        with pytest.raises(NotFound):
            await Supervisor.terminate_child(tree, otp.self())
        for wrong in (otp.self(), ["unhashable"], None):
            with pytest.raises(NotFound):
                await Supervisor.get_childspec(tree, wrong)
        await Supervisor.terminate_child(tree, pid)
        await Supervisor.terminate_child(tree, pid)
        assert (await Supervisor.get_childspec(tree, pid)).id == "t"
        assert await which(tree) == []

    run(main)


@pytest.mark.parametrize("wrong", ["t", ["unhashable"], None], ids=str)
def test_what_is_no_pid_is_no_child_of_a_template(run: Any, wrong: Any) -> None:
    async def main() -> None:
        tree = await template()
        with pytest.raises(StartError) as failure:
            await Supervisor.terminate_child(tree, wrong)
        assert failure.value.reason == "simple_one_for_one"
        assert otp.is_alive(tree)

    run(main)


def test_a_failed_start_of_a_templates_child_is_the_bare_reason(run: Any) -> None:
    async def main() -> None:
        tree = await template()
        with pytest.raises(StartError) as failure:
            await Supervisor.start_child(tree, [Stop("no")])
        assert failure.value.reason == "no"
        assert await Supervisor.start_child(tree, [Ignore()]) == Ignore()
        assert await which(tree) == []

    run(main)


def test_extra_arguments_must_be_a_list(run: Any) -> None:
    async def main() -> None:
        tree = await template()
        with pytest.raises(StartError, match="expected a list") as failure:
            await Supervisor.start_child(tree, worker("a"))
        assert failure.value.reason == ("EXIT", otp.Crash("badarg"))

    run(main)


def test_the_last_significant_child_of_a_template_stops_the_supervisor(run: Any) -> None:
    async def main() -> Any:
        process_flag("trap_exit", True)
        tree = await template(restart="temporary", significant=True, auto_shutdown="all_significant")
        first, second = [await Supervisor.start_child(tree, [n]) for n in range(2)]
        GenServer.cast(first, "boom")
        await wait_all_idle()
        assert otp.is_alive(tree)
        GenServer.cast(second, "normal")
        return (await otp.receive()).reason

    assert run(main) == "shutdown"
