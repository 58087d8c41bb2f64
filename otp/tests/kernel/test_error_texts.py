"""Errors are part of the interface: what was wrong, where, and what to do about it."""

import asyncio
import json
import traceback
from collections.abc import Callable
from typing import Any

import pytest

import otp
from otp import Children, Crash, ExceptionTerm, GenServer, NoReply, Ok, Reply, Stop, Supervisor, Task, impl
from otp.sentences import reason_text


class Server(GenServer[Any]):
    """A server that follows instructions."""

    @impl
    def init(self, arg: Any) -> Any:
        return arg if isinstance(arg, (Stop, Reply, tuple)) or arg == 0 else Ok(arg)

    @impl
    def handle_call(self, request: Any, caller: Any, state: Any) -> Any:
        match request:
            case "hold":
                return NoReply((state, caller))
            case "return":
                return ("reply", 0, 0)
            case "stop":
                return Stop("normal", state)
            case "raise":
                raise ValueError("no")
            case "await":
                return self.wait(state)
            case ("call", other):
                return self.ask(other, state)
            case _:
                return Reply(request, state)

    async def ask(self, other: Any, state: Any) -> Any:
        return Reply(await GenServer.call(other, "hold"), state)

    async def wait(self, state: Any) -> Any:
        return Reply(await otp.receive(lambda message: message == "never"), state)


def get_error_text(fn: Any) -> str:
    """The text of what `fn` fails with in the first process."""

    async def main() -> str:
        otp.process_flag("trap_exit", True)
        with pytest.raises(Exception) as failed:
            await fn()
        return str(failed.value)

    return otp.run(main)


def test_a_call_to_a_misspelt_name_suggests_the_name_that_is_registered() -> None:
    async def call() -> None:
        await Server.start_link(1, name="counter")
        await GenServer.call("countre", "hello")

    assert get_error_text(call) == "call to 'countre' failed: 'noproc' (request 'hello'); did you mean 'counter'?"


@pytest.mark.parametrize(
    ("what", "asked"),
    [
        (lambda: otp.send("countre", 1), "send: no process has the name 'countre'"),
        (lambda: otp.unregister("countre"), "unregister: no process has the name 'countre'"),
        (lambda: otp.exit("countre", "kill"), "exit(pid, reason): no process has the name 'countre'"),
    ],
)
def test_what_needs_a_name_suggests_a_close_one(what: Any, asked: str) -> None:
    async def use() -> None:
        await Server.start_link(1, name="counter")
        what()

    text = get_error_text(use)
    assert text.startswith(asked)
    assert text.endswith("; did you mean 'counter'?")


def test_the_reason_of_a_misspelt_name_has_no_suggestion() -> None:
    """The bare text is recorded and compared."""

    async def main() -> Any:
        await Server.start_link(1, name="counter")
        with pytest.raises(otp.BadArgument) as failed:
            otp.send("countre", 1)
        return failed.value.reason

    assert "did you mean" not in otp.run(main)


def test_sending_to_nobody_shows_no_error_of_the_runtime_itself() -> None:
    async def main() -> str:
        with pytest.raises(otp.BadArgument) as failed:
            otp.send("nobody", 1)
        return "".join(traceback.format_exception(failed.value))

    assert "AttributeError" not in otp.run(main)


def test_a_class_without_init_shows_no_error_of_the_runtime_itself() -> None:
    class Half(GenServer[Any]):
        pass

    async def main() -> str:
        with pytest.raises(TypeError) as failed:
            await Half.start_link()
        return "".join(traceback.format_exception(failed.value))

    text = otp.run(main)
    assert "try @impl above def init(self, arg)" in text
    assert "__otp_callbacks__" not in text


@pytest.mark.parametrize(
    ("request_", "timeout", "expected"),
    [
        ("hold", 0.01, "no answer within 0.01 s: the server took the request and returned NoReply"),
        ("await", 0.01, "no answer within 0.01 s: its handle_call had not finished"),
    ],
)
def test_a_call_in_vain_says_how_long_and_what_the_server_did(request_: str, timeout: float, expected: str) -> None:
    async def call() -> None:
        await GenServer.call(await Server.start_link(1), request_, timeout)

    assert expected in get_error_text(call)


def test_a_call_in_vain_from_outside_says_what_the_server_did() -> None:
    import asyncio

    async def main() -> str:
        async with otp.Node("n") as node:
            pid = await node.start(Server, 1)
            with pytest.raises(otp.CallTimeout) as failed:
                await GenServer.call(pid, "hold", 0.01)
            return str(failed.value)

    assert "returned NoReply" in asyncio.run(main())


def test_a_call_of_the_default_time_names_it() -> None:
    failed = otp.CallTimeout(("timeout", ("gen_server", "call", ["s", 1])), "s", 1)
    assert str(failed) == "call to 's' failed: 'timeout' (request 1); no answer within 5 s"


def test_a_server_that_waits_for_another_one_names_it() -> None:
    """Regression: it was only a pid, also after the end of that process."""

    class AskingServer(GenServer[Any]):
        @impl
        def init(self, arg: Any) -> Any:
            return Ok(arg)

        @impl
        async def handle_call(self, request: Any, caller: Any, state: Any) -> Any:
            return Reply(await GenServer.call(request, "hold"), state)

    async def call() -> None:
        await Server.start(1, name="quiet")
        await GenServer.call(await AskingServer.start(None), "quiet", 0.01)

    assert "the server was waiting for a reply from quiet; find out why quiet did not answer" in get_error_text(call)


def test_a_server_that_waits_for_one_in_a_deadlock_says_so() -> None:
    """Regression: `find out why that one does not answer`, which waited for the server itself."""

    class RelayServer(GenServer[Any]):
        @impl
        def init(self, arg: Any) -> Any:
            return Ok(arg)

        @impl
        async def handle_call(self, request: Any, caller: Any, state: Any) -> Any:
            return Reply(await GenServer.call(*request), state)

    async def call(whom: str) -> None:
        for name in ("left", "right", "door"):
            await RelayServer.start(None, name=name)
        otp.spawn(lambda: GenServer.call("left", ("right", ("left", "loop"))))
        await asyncio.sleep(0)
        await GenServer.call(whom, ("left", ("right", "x")) if whom == "door" else "x", 0.01)

    text = get_error_text(lambda: call("left"))
    assert "the server was in a deadlock (left -> right -> left)" in text
    text = get_error_text(lambda: call("door"))
    assert "the server was waiting for a reply from left, which was in a deadlock (left -> right -> left)" in text


def test_two_servers_that_wait_for_each_other_are_named() -> None:
    """The time-out of the one that was asked says that it is the other's own call that is waited for."""

    class Ring(GenServer[Any]):
        @impl
        def init(self, arg: Any) -> Any:
            return Ok(arg)

        @impl
        async def handle_call(self, request: Any, caller: Any, other: Any) -> Any:
            if request == "outer":
                try:
                    return Reply(await GenServer.call(other, self.pid, 0.01), other)
                except otp.CallTimeout as failed:
                    return Reply(str(failed), other)
            return Reply(await GenServer.call(request, "inner"), other)

    async def main() -> str:
        second = await Ring.start(None)
        first = await Ring.start(second)
        return await GenServer.call(first, "outer")

    assert "the server was itself waiting for the caller, a deadlock (" in otp.run(main)


def test_a_server_that_calls_itself_is_told_what_to_do() -> None:
    async def call() -> None:
        await GenServer.call(otp.self(), "hello")

    assert get_error_text(call).endswith("call the function that the callback uses, or cast to itself")


def test_a_server_that_stops_in_a_call_is_told_how_to_answer() -> None:
    async def call() -> None:
        await GenServer.call(await Server.start_link(1), "stop")

    assert get_error_text(call).endswith("to stop in a call and still reply, return Stop(reason, state, reply=value)")


def test_the_caller_of_a_server_with_a_wrong_result_reads_what_to_return() -> None:
    async def call() -> None:
        await GenServer.call(await Server.start_link(1), "return")

    assert get_error_text(call).endswith("; write Reply(value, state) in place of ('reply', 0, 0)")


def test_the_caller_of_a_server_that_crashed_reads_where() -> None:
    async def call() -> None:
        await GenServer.call(await Server.start_link(1), "raise")

    text = get_error_text(call)
    assert "raised at test_error_texts.py:" in text
    assert text.endswith("in Server.handle_call")


@pytest.mark.parametrize(
    ("arg", "expected"),
    [
        (0, "('bad_return_value', 0); expected Ok(state), Stop(reason) or Ignore()"),
        (Reply(1, 2), "; expected Ok(state), Stop(reason) or Ignore()"),
        (("ok", 1), "; expected Ok(state), Stop(reason) or Ignore(); write Ok(state) in place of ('ok', 1)"),
    ],
)
def test_a_start_with_a_wrong_result_of_init_says_what_to_return(arg: Any, expected: str) -> None:
    async def start() -> None:
        await Server.start_link(arg)

    assert get_error_text(start).endswith(expected)


def test_a_taken_name_is_named() -> None:
    async def start() -> None:
        await Server.start_link(1, name="counter")
        await Server.start_link(1, name="counter")

    assert get_error_text(start) == (
        "('already_started', <0.3.0>); 'counter' is taken by <0.3.0>, which is running; "
        "use that one, or start this under another name"
    )


def test_the_end_of_a_process_whose_start_of_another_failed_for_a_taken_name_names_that_name() -> None:
    async def start_another() -> None:
        await Server.start(1, name="counter")

    async def main() -> tuple[str, otp.Pid]:
        taken = await Server.start(1, name="counter")
        return reason_text(await otp.wait_down(otp.spawn(start_another))), taken

    said, taken = otp.run(main)
    assert said == f"a start failed: the name counter is taken by {taken}"


@pytest.mark.parametrize(
    ("operation", "expected"),
    [
        (lambda sup: Supervisor.restart_child(sup, "x"), "not_found; the supervisor has no child 'x'; "),
        (lambda sup: Supervisor.restart_child(sup, "c"), "running; restart_child('c'): the child runs; "),
        (lambda sup: Supervisor.delete_child(sup, "c"), "running; delete_child('c'): the child runs; "),
        (
            lambda sup: Supervisor.start_child(sup, Server.child_spec(1, id="c")),
            "('already_started', <0.4.0>); 'c' is taken by <0.4.0>, which is running; ",
        ),
        (
            lambda sup: Supervisor.start_child(sup, Server.child_spec(1, id="stopped")),
            "already_present; the child 'stopped' exists and is not running; ",
        ),
    ],
)
def test_a_refused_operation_of_a_supervisor_says_on_which_child(operation: Any, expected: str) -> None:
    async def operate() -> None:
        children = [Server.child_spec(1, id="c"), Server.child_spec(1, id="stopped")]
        sup = await Supervisor.start_link_children(children)
        await Supervisor.terminate_child(sup, "stopped")
        await operation(sup)

    assert get_error_text(operate).startswith(expected)


def test_a_start_function_that_returns_nothing_is_told_to_return_the_pid() -> None:
    class Top(Supervisor):
        @impl
        def init(self, arg: Any) -> Any:
            return Children([otp.ChildSpec("c", start=(lambda: None,))])

    assert "the child 'c' failed to start: its start function returned None; expected the pid" in get_error_text(
        Top.start_link
    )


def test_exit_with_a_pid_only_says_that_it_ended_the_caller() -> None:
    async def main() -> list[str]:
        pid = await Server.start(1)
        with pytest.raises(otp.Exit) as ended:
            otp.exit(pid)
        return ended.value.__notes__

    assert otp.run(main) == ["exit(pid) ended the caller, with the pid as its reason; try otp.exit(<0.3.0>, reason)"]


def test_a_task_awaited_twice_is_told_so() -> None:
    async def main() -> list[str]:
        task = Task.async_(lambda: 1)
        await Task.await_(task)
        with pytest.raises(otp.Exit) as failed:
            await Task.await_(task, 0.001)
        return failed.value.__notes__

    assert otp.run(main) == ["its result was taken before: a task can be awaited only once; keep what await_ returned"]


def test_a_reply_to_a_cast_is_told_that_it_is_for_calls(caplog: pytest.LogCaptureFixture) -> None:
    class Wrong(GenServer[Any]):
        @impl
        def init(self, arg: Any) -> Any:
            return Ok(arg)

        @impl
        def handle_cast(self, request: Any, state: Any) -> Any:
            return Reply(1, state)

    async def main() -> None:
        pid = await Wrong.start(0)
        GenServer.cast(pid, 1)
        await otp.wait_down(pid)

    otp.run(main)
    assert "Reply is for handle_call, a cast has no reply; return NoReply(state)" in caplog.text


@pytest.mark.parametrize(
    ("reason", "text"),
    [
        (("noproc", ("gen_server", "call", ["ledger", "get"])), "there is no process ledger to call (noproc)"),
        (("timeout", ("gen_statem", "call", ["door", "open", 0.2])), "door did not answer a call in 0.2 s (timeout)"),
        (("calling_self", ("gen_server", "call", ["ledger", "get"])), "ledger called itself (calling_self)"),
        (("killed", ("gen_server", "call", ["ledger", "get"])), "its call to ledger failed: killed"),
        (
            (
                Crash(ExceptionTerm("KeyError", ("a",), "'a'"), (("/code/main.py", 19, "Ledger.handle_call"),)),
                ("gen_server", "call", ["ledger", "get"]),
            ),
            "its call to ledger failed: ledger crashed at main.py:19: KeyError('a')",
        ),
        (  # Regression: it was the line of the standard library that raised
            (
                Crash("no", (("/code/main.py", 34, "Ledger.slow"), (asyncio.tasks.__file__, 639, "sleep"))),
                ("gen_server", "call", ["ledger", "get"]),
            ),
            "its call to ledger failed: ledger crashed at main.py:34: no",
        ),
        (
            ("shutdown", ("failed_to_start_child", "cart", ("noproc", ("gen_server", "call", ["ledger", "get"])))),
            "its child cart did not start: there is no process ledger to call (noproc)",
        ),
        (
            Crash(ExceptionTerm("StartError", (Crash("boom", (("/code/main.py", 7, "Ledger.init"),)),), "…")),
            "a start failed at main.py:7: boom",
        ),
        (
            Crash(ExceptionTerm("StartError", (("bad_return_value", None),), "…")),
            "a start failed: init returned None: did no case match, or is a return missing?",
        ),
        (  # Regression: Reply(…) was among its results
            Crash(ExceptionTerm("StartError", (("bad_return_value", 7),), "…")),
            "a start failed: init returned 7, which is not a result such as Ok(…), Stop(…) or Ignore()",
        ),
        (Crash(ExceptionTerm("StartError", ("no disk",), "…")), "StartError('no disk')"),
        (("noproc", ("gen_server", "call", ["ledger"])), "('noproc', ('gen_server', 'call', ['ledger']))"),
    ],
)
def test_the_reason_of_a_failed_call_is_worded(reason: Any, text: str) -> None:
    assert reason_text(reason) == text


@pytest.mark.parametrize(
    "around",
    [
        lambda inner: ("EXIT", inner),
        lambda inner: ("shutdown", ("failed_to_start_child", "cart", inner)),
        lambda inner: (inner, ("gen_server", "call", ["ledger", "get"])),
    ],
)
def test_a_reason_has_a_text_however_deep_it_is(around: Any) -> None:
    reason: Any = "no_disk"
    for _ in range(5000):
        reason = around(reason)
    assert 10 < len(reason_text(reason, 300)) <= 300


def test_the_log_names_the_callback_that_returned_stop(caplog: pytest.LogCaptureFixture) -> None:
    """Regression: it had only the reason."""

    class CloserServer(GenServer[Any]):
        __module__ = "shop"  # those of the library return Stop for others

        @impl
        def init(self, arg: Any) -> Any:
            return Ok(arg)

        @impl
        def handle_cast(self, request: Any, state: Any) -> Any:
            return Stop(request, state)

    async def main() -> None:
        for reason in ("disk full", "normal"):
            pid = await CloserServer.start(1)
            GenServer.cast(pid, reason)
            await otp.wait_down(pid)

    otp.run(main)
    [record] = caplog.records
    told = record.getMessage().splitlines()[0]
    line = CloserServer.handle_cast.__code__.co_firstlineno + 1  # below the decorator
    place = f"test_error_texts.py:{line}"
    assert told.endswith(f"crashed: disk full (handle_cast returned Stop), in handle_cast('disk full') at {place}")
    assert vars(record)["otp_callback"] == "handle_cast"


def test_the_exit_of_an_owner_of_tasks_names_the_task() -> None:
    """Regression: `('timeout', ('Task', 'await', [Task(mfa=…), 1]))`, without a word about what happened."""

    def price(of: str) -> int:
        return {"tea": 3}[of]

    async def wait_for_one() -> None:
        await Task.await_(Task.async_(otp.receive), 0.01)

    async def wait_for_several() -> None:
        await Task.await_many([Task.async_(otp.receive)], 0.01)

    async def wait_for_a_crash() -> None:
        await Task.await_(await otp.TaskSupervisor.async_nolink("tasks", price, "wine"))

    async def main() -> list[str]:
        otp.trace.subscribe(otp.node(), ends.append, kinds={"exited"})
        await otp.TaskSupervisor.start_link(name="tasks")
        owners = [wait_for_one, wait_for_several, wait_for_a_crash]
        found = [reason_text(await otp.wait_down(otp.spawn(owner))) for owner in owners]
        assert found == [reason_text(event.data["reason"]) for event in ends if event.data["what"].endswith(told)]
        return found

    ends: list[Any] = []
    told = "wait_for_one", "wait_for_several", "wait_for_a_crash"
    one, several, crash = otp.run(main)
    assert "its task receive did not end in 10 ms (timeout)" == one
    assert "one of its tasks did not end in 10 ms (timeout)" == several
    assert crash.startswith("its task price failed at test_error_texts.py:")
    assert crash.endswith(": KeyError('wine')")


def test_a_value_that_claims_to_be_a_task_is_not_read() -> None:
    assert "its task did not end in 5 s (timeout)" == reason_text(("timeout", ("Task", "await", [object(), 5])))


@pytest.mark.parametrize(
    ("why", "words"),
    [
        ("timeout", "till on shop@inn did not answer a call in 2 s (timeout)"),
        ("noproc", "there is no process till on shop@inn to call (noproc)"),
        (("nodedown", "shop@inn"), "its call to till on shop@inn failed: node shop@inn is down (nodedown)"),
        ("closed", "its call to till on shop@inn failed: closed"),
    ],
)
def test_a_failed_call_to_another_node_names_it(why: Any, words: str) -> None:
    """Regression: the destination and a node that is down were shown as tuples."""
    assert words == reason_text((why, ("gen_server", "call", [("till", "shop@inn"), "sum", 2])))


def test_a_state_function_without_a_result_is_explained() -> None:
    reason = Crash(("bad_return_from_state_function", None))
    assert "a callback returned None: did no case match, or is a return missing?" == reason_text(reason)


def test_the_members_of_a_group_have_their_arguments() -> None:
    """Regression: `KeyError("'tax'")`, the text of its text."""
    inner = (ExceptionTerm("KeyError", ("tax",), "'tax'"), ExceptionTerm("Late", (), "too late"))
    group = ExceptionTerm("ExceptionGroup", ("two", inner), "two (2 sub-exceptions)")
    assert "ExceptionGroup('two', (KeyError('tax'), Late('too late')))" == reason_text(Crash(group))
    missing = ExceptionTerm("FileNotFoundError", (2, "No such file"), "[Errno 2] No such file: '/dev/x'")
    assert "/dev/x" in reason_text(Crash(ExceptionTerm("ExceptionGroup", ("one", (missing,)), "one")))


def test_the_log_names_the_line_of_the_program_and_not_that_of_a_library_it_called(
    run: Any, errors: Callable[[], list[str]]
) -> None:
    """Regression: "at decoder.py:355 in raw_decode", where the pages had the line of the program."""

    async def reads() -> None:
        json.loads("{")

    async def main() -> None:
        await otp.wait_down(otp.spawn(reads))

    run(main)
    [said] = errors()
    assert f"at test_error_texts.py:{reads.__code__.co_firstlineno + 1} in reads" in said.splitlines()[0]
