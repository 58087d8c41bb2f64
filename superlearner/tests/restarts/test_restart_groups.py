"""Events of a restart, grouped by their first cause."""

from __future__ import annotations

import pytest

import otp
from otp import DynamicSupervisor, GenServer, NoReply, Supervisor, impl
from otp.testing import wait_all_idle
from restart_trees import (
    Group_,
    Worker,
    end,
    group,
    list_steps,
    run,
    worker,
)
from superlearner.control.supervising import restart_all
from superlearner.restarts.groups import groups
from superlearner.restarts.moments import NoSupervisor, moment_of
from superlearner.restarts.present import Running


def test_every_event_of_a_restart_leads_to_the_same_moment_and_a_stop_on_request_to_another() -> None:
    async def test(node: otp.Node) -> None:
        await Supervisor.terminate_child("top", "a")
        asked = otp.trace.history(node)[-1].seq
        await end("c")
        sorted_ = groups(otp.trace.history(node))
        assert sorted_[asked].stays_stopped and {event.seq for event in sorted_[asked].events} == {asked - 1, asked}
        assert {id(sorted_[event.seq]) for event in otp.trace.history(node, asked)} == {id(sorted_[asked + 1])}

    run(test, *map(worker, "abcd"), strategy="rest_for_one")


def test_a_restart_on_request_is_a_moment_from_the_stop_to_the_start() -> None:
    async def test(node: otp.Node) -> None:
        since = otp.trace.history(node)[-1].seq
        await Supervisor.terminate_child("top", "inner")
        await Supervisor.restart_child("top", "inner")
        events = otp.trace.history(node)
        sorted_ = groups(events)
        assert {id(sorted_[one.seq]) for one in events if one.seq > since and one.kind != "registered"} == {
            id(sorted_[since + 1])
        }
        moment = moment_of(events, sorted_[since + 1], Running(node))
        assert list_steps(moment) == [
            "stop top/inner/x by top/inner", "stop top/inner by top", "start top/inner by top",
            "start top/inner/x by top/inner",
        ]  # fmt: skip
        assert [step.kind for step in moment.steps] == ["stopped", "child_started"]

    run(test, worker("a"), group("inner", worker("x")))


def test_children_that_one_request_restarts_are_one_moment_and_those_of_two_are_two() -> None:
    async def test(node: otp.Node) -> None:
        since = otp.trace.history(node)[-1].seq
        await restart_all(node.whereis("top"), lambda: None)
        together = {id(one): one for number, one in groups(otp.trace.history(node)).items() if number > since}
        assert [[one.data["id"] for one in group.again] for group in together.values()] == [["a", "b"]]
        since = otp.trace.history(node)[-1].seq
        for child in "ab":
            await Supervisor.terminate_child("top", child)
            await Supervisor.restart_child("top", child)
        apart = {id(one): one for number, one in groups(otp.trace.history(node)).items() if number > since}
        assert [[one.data["id"] for one in group.again] for group in apart.values()] == [["a"], ["b"]]

    run(test, worker("a"), worker("b"))


class Quotes(Worker):
    @impl
    async def handle_cast(self, request: str, state: object) -> NoReply[object]:
        await GenServer.call(request, "total", timeout=60)
        return NoReply(state)

    @impl
    def handle_call(self, request: object, caller: object, state: object) -> NoReply[object]:
        return NoReply(state)


def test_the_caller_of_a_server_that_a_give_up_stops_is_part_of_the_give_up() -> None:
    """Regression: a whole tree fell in two moments, and the second one began with a bystander."""

    async def test(node: otp.Node) -> None:
        GenServer.cast("quotes", "labels")
        await wait_all_idle()
        await end("mailer")
        await wait_all_idle()
        events = otp.trace.history(node)
        ends = [one.seq for one in events if one.kind == "exited"]
        found = groups(events)
        assert len({id(found[seq]) for seq in ends}) == 1
        moment = moment_of(events, found[ends[0]], Running(node))
        assert moment.steps[0].name == "mailer"
        steps = list_steps(moment)
        assert (steps[0], "crash top/quotes" in steps) == ("crash top/office/mailer", True)

    quotes, labels = (Quotes.child_spec(None, id=name, name=name) for name in ("quotes", "labels"))
    run(test, quotes, group("office", labels, worker("mailer"), max_restarts=0))


def test_a_first_cause_that_is_no_longer_in_memory_makes_it_incomplete() -> None:
    async def test(node: otp.Node) -> None:
        await end("b")
        events = otp.trace.history(node)
        first = next(event for event in events if event.kind == "exited")
        left = [event for event in events if event.seq > first.seq]
        group = groups(left)[first.seq]
        moment = moment_of(left, group, Running(node))
        assert (moment.id, moment.complete) == (first.seq, False)
        assert list_steps(moment) == ["signal top/b to top", "decide top restart 19", "start top/b by top"]
        last = [event for event in left if event.kind == "child_restarted"]
        moment = moment_of(last, groups(last)[last[0].seq], Running(node))
        assert (moment.id, list_steps(moment)) == (first.seq, ["decide top restart 19", "start top/b by top"])
        assert [one.name for one in moment.root.children] == ["a", "b", "c"]

    run(test, *map(worker, "abc"))


def test_siblings_of_a_crash_that_is_no_longer_in_memory_were_not_restarted_on_request() -> None:
    async def test(node: otp.Node) -> None:
        await end("b")
        events = otp.trace.history(node)
        first = next(event.seq for event in events if event.kind == "exited")
        for forgotten in range(first, events[-1].seq):
            left = groups([event for event in events if event.seq > forgotten])
            assert not any(group.requested for group in left.values()), forgotten
            assert {id(one) for number, one in left.items() if number > forgotten and one.restarts} == {id(left[first])}

    run(test, *map(worker, "abc"), strategy="one_for_all")


def test_a_process_without_a_supervisor_has_no_moment() -> None:
    async def test(node: otp.Node) -> None:
        pid = await node.start(Group_, ([], {}), name="alone")
        otp.exit(pid, "kill")
        await wait_all_idle()
        events = otp.trace.history(node)
        with pytest.raises(NoSupervisor):
            moment_of(events, groups(events)[events[-1].seq], Running(node))

    run(test)


def test_a_start_on_request_is_no_restart_while_messages_are_traced() -> None:
    async def test(node: otp.Node) -> None:
        reading = otp.trace.subscribe(node, lambda _event: None, kinds={"sent", "received"})
        rooms = await DynamicSupervisor.start_link()
        since = otp.trace.history(node)[-1].seq
        await DynamicSupervisor.start_child(rooms, Worker.child_spec(None))
        reading.close()
        (started,) = [one for one in otp.trace.history(node, since) if one.kind == "child_started"]
        assert started.cause
        assert groups(otp.trace.history(node)) == {}

    run(test)
