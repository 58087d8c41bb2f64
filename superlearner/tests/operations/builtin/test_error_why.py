"""Explanations of ends and restarts by `error.why`, each after a provoked crash."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import Any, ClassVar, cast

import pytest

import otp
from ended_processes import AT, Depot, ReturnsItsState, crash, crash_vans, kill, let_warehouse_give_up, pid_of
from otp import CallExit, Children, GenServer, NoReply, Ok, Reply, Supervisor, impl, sys
from otp.observer import ViewOf, ViewServer
from owned_things import call, user
from superlearner.control.terms import plain_pid
from superlearner.operations.builtin.restart_lines import describe_row, list_open
from superlearner.store import MomentRow

Inside = Callable[..., Any]


@pytest.mark.everywhere
@pytest.mark.operation("error.why", "error.last", "error.history", "error.patterns")
@pytest.mark.parametrize("asked", ["returns_its_state", "the child"])
def test_a_process_that_is_not_running_is_still_explained(inside: Inside, asked: str) -> None:
    """Regression: a name was not found exactly while its process was down."""

    async def test(platform: Any) -> None:
        at = f"/api/v1/processes/{asked}"
        spec = otp.ChildSpec(
            "the child",
            partial(ReturnsItsState.start_link, name="returns_its_state"),
            restart="temporary",
        )
        pid = await Supervisor.start_child(("demo_one_for_one", platform.node), spec)
        GenServer.cast(pid, "number")
        await otp.wait_down(pid)
        await Supervisor.count_children(("demo_one_for_one", platform.node))
        found = (await platform.get(f"{at}/errors/why"))["data"]
        assert (found["pid"], found["alive"], found["restarted"]) == (plain_pid(pid), False, False)
        assert found["summary"].startswith(f"returns_its_state <{plain_pid(pid)}> crashed: ")
        assert found["summary"].endswith("\nit is not running")
        last = (await platform.get(f"{at}/errors/last"))["data"]
        assert (last["pid"], last["alive"], last["error"]["message"]) == (plain_pid(pid), False, "'number'")
        assert [one["pid"] for one in (await platform.get(f"{at}/errors"))["data"]] == [plain_pid(pid)]
        assert [one["count"] for one in (await platform.get(f"{at}/errors/patterns"))["data"]] == [1]
        again = await Supervisor.start_child(("demo_one_for_one", platform.node), spec)
        assert (await platform.get(f"{at}/errors/why"))["data"]["pid"] == plain_pid(again)
        assert (await platform.get(f"{at}/errors/last"))["data"]["alive"]

    inside(test)


class Slow(GenServer):
    """A server whose next start may wait."""

    waits: ClassVar[bool] = False

    @impl
    async def init(self, arg):
        if self.waits:
            await otp.receive(lambda message: message == "go on")
        return Ok(None)


class Together(Supervisor):
    @impl
    def init(self, arg):
        worker = ReturnsItsState.child_spec(0, id="worker", name="worker")
        return Children([worker, Slow.child_spec(0, id="slow", name="slow")], strategy="one_for_all")


@pytest.mark.operation("error.why")
def test_a_child_that_runs_while_the_child_that_ended_still_starts_is_explained(
    inside: Inside, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def test(platform: Any) -> None:
        await platform.node.start(Together, None, name="together")
        before, ended = platform.node.whereis("worker"), platform.node.whereis("slow")
        started = asyncio.Event()
        otp.trace.subscribe(
            platform.node,
            lambda event: started.set() if event.data["id"] == "worker" else None,
            kinds={"child_started"},
        )
        monkeypatch.setattr(Slow, "waits", True)
        otp.exit(ended, "kill")
        await started.wait()
        assert platform.node.whereis("worker") is not before
        found = (await platform.get("/api/v1/processes/worker/errors/why"))["data"]
        assert (found["restarted"], found["alive"]) == (True, True)
        otp.send(platform.node.whereis("slow"), "go on")

    inside(test)


@pytest.mark.operation("error.why")
def test_a_restart_is_explained_in_words(inside: Inside) -> None:
    async def test(platform: Any) -> None:
        before = pid_of(platform)
        first = (await platform.get(f"{AT}/errors/why"))["data"]
        assert (first["restarted"], first["known"], first["alive"]) == (False, True, True)
        assert first["summary"] == f"demo_one_for_one started counter_1 <{before}>"
        await crash(platform)
        found = (await platform.get(f"{AT}/errors/why"))["data"]
        assert (found["restarted"], found["pid"]) == (True, pid_of(platform))
        ended, started = found["steps"]
        assert (ended["kind"], ended["pid"], started["kind"]) == ("exited", before, "child_restarted")
        assert ended["text"].startswith(
            f"counter_1 <{before}> crashed: RuntimeError('crashed on request'), "
            "in handle_cast('crash') at one_for_one.py:"
        )
        assert started["text"] == (
            f"demo_one_for_one (one_for_one) restarted counter_1 <{pid_of(platform)}>; 2 of 3 restarts left in 5 s"
        )
        assert ended["at"] <= started["at"]
        gone = (await platform.get(f"/api/v1/processes/{before}/errors/why"))["data"]
        assert (gone["alive"], gone["restarted"], gone["steps"][-1]["kind"]) == (False, True, "exited")
        assert gone["summary"].endswith(f"\ndemo_one_for_one restarted it as <{pid_of(platform)}>")
        for name, code in (("nobody", 404), ("0.99999.0", 404), ("0.x.0", 400)):
            assert (await platform.client.get(f"/api/v1/processes/{name}/errors/why")).status_code == code

    inside(test)


@pytest.mark.operation("process.message")
def test_a_call_of_a_process_that_has_ended_says_why_and_where_it_runs_again(inside: Inside) -> None:
    """Regression: the answer named a path of the API, and not why the process had ended."""

    async def test(platform: Any) -> None:
        old = plain_pid(platform.node.whereis("counter_1"))
        await crash(platform)
        new = plain_pid(platform.node.whereis("counter_1"))
        path = f"/api/v1/processes/{old}/message"
        asked = await platform.client.post(path, json={"message": "get_value", "message_type": "call"})
        said = f"counter_1 ended before it answered: RuntimeError('crashed on request'); it runs again as {new}"
        assert (404, "process_not_found") == (asked.status_code, asked.json()["error"]["code"])
        assert f"ServerDown: {said}" == asked.json()["error"]["message"]
        sent = await platform.client.post(path, json={"message": "tick", "message_type": "cast"})
        assert said.replace(" before it answered", "") == sent.json()["error"]["message"]

    inside(test)


@pytest.mark.operation("error.why")
def test_a_process_that_has_not_been_restarted_says_where_earlier_restarts_are_listed(inside: Inside) -> None:
    """Regression: after a restart of the platform, the answer read as if there had been none."""

    async def test(platform: Any) -> None:
        why = (await platform.get(f"{AT}/errors/why"))["data"]
        assert re.fullmatch(
            r"not restarted in this run of its program\n"
            r"no earlier restart of its own is stored\n`superlearner restart list` lists those of others",
            why["earlier"],
        )  # fmt: skip
        root = (await platform.get("/api/v1/processes/superlearner/errors/why"))["data"]
        assert not root["known"]
        assert re.fullmatch(r"it started at \d\d:\d\d:\d\d", root["summary"])
        await kill(platform)
        assert (await platform.get(f"{AT}/errors/why"))["data"]["earlier"] is None

    inside(test)


@pytest.mark.everywhere
@pytest.mark.operation("error.why", "error.last", "error.history", "error.patterns")
def test_an_error_of_an_earlier_run_is_explained_as_one_of_that_run(inside: Inside) -> None:
    """Regression: for an attached service, the answer had the id of a stored restart, and said that none is stored."""

    async def test(platform: Any) -> None:
        line = "counter_1 crashed and was restarted"
        platform.platform.moments._add(MomentRow(platform.node.name, "9f3a0c1b22d4", 7, 9, 1.0, 1.0, line))
        why = (await platform.get(f"{AT}/errors/why"))["data"]
        assert (why["stored"]["ref"], why["restarted"]) == ("9f3a0c1b22d4.7", False)
        assert re.search(  # Regression: it had a command instead of the crash
            r"\nbefore it, at 1 January [\d:]+: counter_1 crashed and was restarted\n"
            r"`superlearner restart show 9f3a0c1b22d4\.7[^`]*` shows it$", why["earlier"],
        )  # fmt: skip
        for path in ("errors", "errors/last", "errors/patterns", "errors/why"):
            answer = await platform.client.get(f"/api/v1/processes/0.999.0/{path}")
            error = answer.json()["error"]
            assert (answer.status_code, error["message"]) == (404, "there is no process 0.999.0")
            assert re.fullmatch(
                r"each run of a program has its own pids; GET /api/v1/restarts\S* lists restarts of earlier runs, too",
                error["details"][-1]["hint"],
            )

    inside(test)


@pytest.mark.everywhere
@pytest.mark.operation("error.why")
def test_a_restart_that_has_left_the_memory_is_explained_by_what_is_stored(inside: Inside) -> None:
    """Regression: after some thousand other events, it read as if the process had never been restarted."""

    async def test(platform: Any) -> None:
        stored = asyncio.Event()
        platform.platform.moments.on_moment = lambda _row: stored.set()
        await crash(platform)
        await stored.wait()
        pid = platform.node.whereis("counter_2")
        for name in range(2_100):
            platform.node.tracer.emit("registered", pid, {"name": f"other_{name}"})
            platform.node.tracer.emit("unregistered", pid, {"name": f"other_{name}"})
        why = (await platform.get(f"{AT}/errors/why"))["data"]
        assert (True, False, []) == (why["restarted"], why["known"], why["steps"])
        line = "counter_1 crashed and was restarted: RuntimeError('crashed on request')"
        assert why["summary"].startswith(f"{line} (at ")
        assert line == why["stored"]["line"]
        shown = (await platform.get(f"/api/v1/restarts/{why['stored']['ref']}"))["data"]
        assert shown["summary"].startswith("counter_1 ")
        assert re.search(rf"\nat [\d:]+: {re.escape(line)}, at one_for_one.py:\d+ in \w+\n`", why["earlier"])

    inside(test)


@pytest.mark.everywhere
@pytest.mark.operation("error.why")
def test_a_restart_names_the_request_that_ended_the_process_on_any_node(inside: Inside) -> None:
    """Regression: on a node in another program, only *was killed* was known."""

    async def test(platform: Any) -> None:
        await platform.client.delete(AT, headers={"x-door": "page"})
        await Supervisor.count_children(("demo_one_for_one", platform.node))
        why = (await platform.get(f"{AT}/errors/why"))["data"]
        assert why["steps"][0]["request"] == "your request from the page (process.kill)"
        shown = (await platform.get(f"/api/v1/restarts/{why['steps'][0]['event']}"))["data"]
        assert "was killed, by your request from the page (process.kill)" in shown["summary"]

    inside(test)


@pytest.mark.operation("error.why")
def test_a_restart_after_a_give_up_is_explained_from_the_request_beyond_the_limit(inside: Inside) -> None:
    async def test(platform: Any) -> None:
        await let_warehouse_give_up(platform)
        found = (await platform.get("/api/v1/processes/shelves/errors/why"))["data"]
        assert (found["restarted"], [step["kind"] for step in found["steps"]]) == (
            True, ["exited", "gave_up", "child_restarted", "child_started"],
        )  # fmt: skip
        ended, gave_up, restarted, started = found["steps"]
        assert (ended["name"], ended["by"], ended["reason"]) == ("robot", "outside", "killed")
        assert ended["request"].endswith("request from the page (process.kill)")
        assert ended["text"].endswith(f"robot <{ended['pid']}> was killed, by {ended['request']}")
        assert [(one["role"], one["name"]) for one in gave_up["parties"]] == [("earlier", "robot")] * 3
        assert (gave_up["used"], gave_up["allowed"], gave_up["window"]) == (4, 3, 5)
        assert (restarted["strategy"], restarted["parties"][0]["name"]) == ("one_for_one", "warehouse_sup")
        assert started["parties"][0]["pid"] == pid_of(platform, "shelves")

    inside(test)


def sent_at(text: str) -> str:
    """Return a text without the time of day in it."""
    return re.sub(r"\d\d:\d\d:\d\d", "TIME", text)


@pytest.mark.everywhere
@pytest.mark.operation("error.why", "restart.show", "process.message")
def test_a_crash_names_who_sent_the_message_that_the_process_was_handling(inside: Inside) -> None:
    """Regression: the audit log had the sender, and no explanation did."""

    async def test(platform: Any) -> None:
        await platform.client.post(
            "/api/v1/processes/counter_1/message", json={"message": "crash", "message_type": "cast"},
            headers={"x-door": "page"},
        )  # fmt: skip
        await Supervisor.count_children(("demo_one_for_one", platform.node))
        why = (await platform.get(f"{AT}/errors/why"))["data"]
        step = why["steps"][0]
        clause = "while it handled the cast 'crash' that you sent from the page at TIME"
        assert f"crashed: RuntimeError('crashed on request'), {clause}, at one_for_one.py:" in sent_at(step["text"])
        handled = step["handled"]
        assert (handled["kind"], handled["text"]) == ("cast", "'crash'")
        assert sent_at(handled["sender"]) == "that you sent from the page at TIME"
        assert (handled["requester"]["user"], handled["requester"]["interface"]) == ("anonymous", "page")
        shown = (await platform.get(f"/api/v1/restarts/{step['event']}"))["data"]
        assert clause in sent_at(shown["summary"])
        assert sent_at(shown["facts"]["handling"]) == "the cast 'crash' that you sent from the page at TIME"

    inside(test)


@pytest.mark.operation("error.why", "process.message")
def test_the_sender_of_a_message_has_a_name_for_other_readers(inside: Inside) -> None:
    async def test(platform: Any) -> None:
        ada = user("ada", "teacher")
        await call(platform.platform, "process.message", ada, pid="counter_1", message="crash", message_type="send")
        await call(platform.platform, "process.message", ada, pid="counter_1", message="crash", message_type="cast")
        await Supervisor.count_children(("demo_one_for_one", platform.node))
        for reader, who in ((ada, "you"), (user("bob", "viewer"), "ada")):
            answer = await call(platform.platform, "error.why", reader, pid="counter_1")
            assert sent_at(answer.data["steps"][0]["handled"]["sender"]) == f"that {who} sent through test at TIME"

    inside(test)


@pytest.mark.operation("error.why", "process.message")
def test_no_sender_is_named_if_two_users_sent_the_same_message(inside: Inside) -> None:
    async def test(platform: Any) -> None:
        for name in ("ada", "bob"):  # both wait in the mailbox when the first one is handled
            await call(platform.platform, "process.message", user(name, "teacher"), pid="counter_1",
                       message="crash", message_type="cast")  # fmt: skip
        await Supervisor.count_children(("demo_one_for_one", platform.node))
        answer = await call(platform.platform, "error.why", user("eve", "viewer"), pid="counter_1")
        step = answer.data["steps"][0]
        assert (step["handled"]["text"], step["handled"]["sender"]) == ("'crash'", None)
        assert ", in handle_cast('crash') at " in step["text"]

    inside(test)


@pytest.mark.operation("error.why")
def test_a_crash_names_the_process_whose_call_it_handled_and_the_messages_that_were_lost(inside: Inside) -> None:
    async def test(platform: Any) -> None:
        async def client() -> None:
            with suppress(CallExit):
                await GenServer.call(before, "no such call")

        async def others() -> None:  # starts after the client has called
            for amount in range(4):
                GenServer.cast(before, ("add", amount))
            sent.set()

        sent = asyncio.Event()

        before = platform.node.whereis("counter_1")
        await sys.suspend(before)
        caller = platform.node.spawn(client)
        platform.node.spawn(others)
        await sent.wait()
        await sys.resume(before)
        await otp.wait_down(caller)
        await Supervisor.count_children(("demo_one_for_one", platform.node))
        step = (await platform.get(f"/api/v1/processes/{plain_pid(before)}/errors/why"))["data"]["steps"][0]
        assert step["handled"]["kind"] == "call"
        assert step["handled"]["sender"].startswith("from ") and step["handled"]["sender"].endswith(f"client {caller}")
        assert f"while it handled the call 'no such call' {step['handled']['sender']}, at " in step["text"]
        lost = "4 messages: ('add', 0), ('add', 1), ('add', 2) and 1 more"
        assert step["lost"] == {"count": 4, "first": ["('add', 0)", "('add', 1)", "('add', 2)"], "text": lost}
        shown = (await platform.get(f"/api/v1/restarts/{step['event']}"))["data"]
        assert shown["facts"]["lost"] == lost

    inside(test)


@pytest.mark.operation("error.why")
def test_a_pid_asks_about_the_end_of_that_process_alone(inside: Inside) -> None:
    """Regression: after a give-up every earlier process of the place was explained by the newest crash."""

    async def test(platform: Any) -> None:
        await platform.node.start(Depot, None, name="depot")
        pids = await crash_vans(platform.node, 2)
        first, second = [(await platform.get(f"/api/v1/processes/{one}/errors/why"))["data"] for one in pids]
        assert (first["pid"], second["pid"]) == tuple(pids)
        assert first["summary"].startswith(f"van <{pids[0]}> crashed: KeyError('bogus')")
        assert [one["pid"] for one in first["steps"]] == [pids[0]]
        assert f"<{pids[1]}> crashed" not in first["summary"]
        assert "gave up" not in first["summary"]
        # Regression: it was `not running`, and `restarted` was false
        assert first["summary"].endswith(f"\nfleet restarted it as <{pids[1]}>")
        assert (first["restarted"], second["restarted"]) == (True, False)
        assert second["summary"].startswith(f"van <{pids[1]}> crashed: KeyError('bogus')")
        assert "fleet gave up" in second["summary"]

    inside(test)


@pytest.mark.operation("error.why")
def test_a_child_that_crashed_while_its_supervisor_gave_up_has_its_own_crash(inside: Inside) -> None:
    """Regression: only the crash of the sibling that used up the restarts was told."""

    async def test(platform: Any) -> None:
        pool = otp.DynamicSupervisor.child_spec(name="pool", max_restarts=0)
        await platform.node.start(Supervisor, Children([pool]), name="pools")
        supervisor = platform.node.whereis("pool")
        carts = [await otp.DynamicSupervisor.start_child(supervisor, ReturnsItsState) for _ in range(2)]
        for one in carts:
            GenServer.cast(one, "number")
        await otp.wait_down(supervisor)
        await platform.node.wait_registered("pool")
        found = (await platform.get(f"/api/v1/processes/{plain_pid(carts[1])}/errors/why"))["data"]
        ends = [one["pid"] for one in found["steps"] if one["kind"] == "exited"]
        assert (ends, found["restarted"]) == ([plain_pid(one) for one in carts], False)

    inside(test)


class Bistro(GenServer):
    """A server whose replies fail, and so its calls to others of the kind."""

    @impl
    def init(self, arg):
        return Ok(arg)

    @impl
    def handle_call(self, request, caller, state):
        return Reply(state[request], state)

    @impl
    async def handle_cast(self, request, state):
        return NoReply(await GenServer.call(request, "soup"))


class Canteen(Supervisor):
    @impl
    def init(self, arg):
        return Children([Bistro.child_spec({}, id=id, name=id) for id in ("waiter", "cook")], max_restarts=9)


@pytest.mark.everywhere
@pytest.mark.operation("error.why", "error.history", "error.list", "restart.list", "restart.show")
def test_a_call_that_failed_with_its_server_has_the_line_of_its_caller(inside: Inside) -> None:
    """Regression: only the line of the server was told, and none if the server had been stopped."""

    async def test(platform: Any) -> None:
        await platform.node.start(Canteen, None, name="canteen")
        waiter = platform.node.whereis("waiter")
        GenServer.cast(waiter, "cook")
        await otp.wait_down(waiter)
        await Supervisor.count_children(("canteen", platform.node))
        [step] = [
            one
            for one in (await platform.get("/api/v1/processes/waiter/errors/why"))["data"]["steps"]
            if (one["name"], one["kind"]) == ("waiter", "exited")
        ]
        line = r"in handle_cast\('cook'\) at test_error_why\.py:\d+"
        assert re.search(rf"its call to cook failed: cook crashed at .*, {line}$", step["text"]), step["text"]
        assert step["line"]["source"] == 'return NoReply(await GenServer.call(request, "soup"))'
        [row] = [
            one
            for one in (await platform.get("/api/v1/restarts"))["data"]
            if "its call to cook failed" in (one["reason"] or "")
        ]
        shown = (await platform.get(f"/api/v1/restarts/{row['ref']}"))["data"]
        assert shown["line"]["function"] == "handle_cast"

    inside(test)


class Larder(GenServer):
    """A server that crashes as often as its `init` is to fail before it runs again."""

    failures = 0

    @impl
    def init(self, arg):
        if Larder.failures:
            Larder.failures -= 1
            raise OSError("it is locked")
        return Ok(arg)


class Buffet(Supervisor):
    @impl
    def init(self, arg):
        servers = [Bistro.child_spec({}, id=id, name=id) for id in ("waiter", "cook")]
        return Children([*servers, Larder.child_spec({}, id="larder", name="larder")], max_restarts=9)


@pytest.mark.operation("restart.list")
def test_a_restart_has_the_same_place_before_and_after_it_is_stored(inside: Inside) -> None:
    """Regression: only a stored one had the line of a call that failed with its server, or of a failed restart."""

    async def test(platform: Any) -> None:
        await platform.node.start(Buffet, None, name="buffet")
        waiter, larder = platform.node.whereis("waiter"), platform.node.whereis("larder")
        GenServer.cast(waiter, "cook")
        await otp.wait_down(waiter)
        Larder.failures = 1
        otp.exit(larder, "kill")
        await otp.wait_down(larder)
        await Supervisor.count_children(("buffet", platform.node))
        opened, _ = await list_open(cast("Any", None), [platform.platform.nodes.find(None)], None, None, None)
        place, stored = 0, list[Any]()
        while len(stored) < 3:
            for place, row in await platform.platform.moments.wait_for_news(place, 20.0):
                stored.append(row)
        lines = [describe_row(row, "") for row in stored]
        assert {one.ref: one.where for one in lines} == {one.ref: one.where for one in opened}
        places = [one.where or "" for one in lines]
        assert all(any(words in place for place in places) for words in ("in handle_call", "in handle_cast", "in init"))

    inside(test)


@pytest.mark.operation("restart.list", "error.list", "error.history", "error.why")
def test_a_crash_has_the_same_place_in_all_lists(inside: Inside) -> None:
    """Regression: one list had the line of a call that failed with its server, another that of a missing callback."""

    async def test(platform: Any) -> None:
        await platform.node.start(Buffet, None, name="buffet")
        waiter, larder = platform.node.whereis("waiter"), platform.node.whereis("larder")
        GenServer.cast(larder, "no such callback")
        await otp.wait_down(larder)
        await Supervisor.count_children(("buffet", platform.node))
        GenServer.cast(waiter, "cook")
        await otp.wait_down(waiter)
        await Supervisor.count_children(("buffet", platform.node))
        restarts = (await platform.get("/api/v1/restarts", params={"fold": "false"}))["data"]
        errors = (await platform.get("/api/v1/errors"))["data"]
        for name, function in (("larder", "Larder"), ("waiter", "handle_cast")):
            path = f"/api/v1/processes/{name}/errors"
            [restarted] = [one for one in restarts if one["name"] == name]
            [error] = [one for one in errors if one["name"] == name]
            [ended] = (await platform.get(path))["data"]
            [step] = [one for one in (await platform.get(f"{path}/why"))["data"]["steps"] if one["name"] == name][-1:]
            assert restarted["where"] is not None
            assert restarted["where"].endswith(f" in {function}")
            line = f"{step['line']['file']}:{step['line']['line']} in {step['line']['function']}"
            assert {ended["where"], line} == {restarted["where"]}
            # The Playground marks this line as the mistake, which a call that failed with its server is not.
            assert error["where"] == (restarted["where"] if name == "larder" else None)

    inside(test)


@pytest.mark.everywhere
@pytest.mark.operation("error.why")
@pytest.mark.parametrize(
    ("method", "sent", "told"),
    [
        ("cast", {"request": "soup"}, r"while it handled the cast 'soup' sent through otp\.observe at [\d:]+, at .*"),
        ("call", {"request": "soup"}, r"while it handled the call 'soup' sent through otp\.observe at [\d:]+, at .*"),
        ("exit", {"reason": "kaputt"}, r"by a request through otp\.observe \(view\.exit\) with reason 'kaputt'"),
        ("exit", {}, r"by a request through otp\.observe \(view\.exit\)"),
    ],
)
def test_an_end_by_what_a_view_sent_names_it(inside: Inside, method: str, sent: dict[str, Any], told: str) -> None:
    """Regression: no sender; for a call, the pid of another process; a signal was "from outside"."""

    async def test(platform: Any) -> None:
        async with otp.Node("viewer", hidden=True) as viewer:
            await platform.node.start(Canteen, None, name="canteen")
            view = await viewer.start(ViewServer, ViewOf(platform.node, ("read", "operate")))
            cook = platform.node.whereis("cook")
            with suppress(CallExit):
                await GenServer.call(view, (method, {"pid": "cook", **sent}))
            await otp.wait_down(cook)
            await Supervisor.count_children(("canteen", platform.node))
            found = (await platform.get("/api/v1/processes/cook/errors/why"))["data"]
            [step] = [one for one in found["steps"] if one["kind"] == "exited"]
            assert re.search(rf"[,d] {told}$", step["text"]), step["text"]

    inside(test)
