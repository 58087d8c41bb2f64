"""A crash is one record in the log: the process, the callback, the reason and the place.

Source: design part 1 §2, §7; `docs/logging.md`.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

import otp
from logged_servers import Machine, Server, Waiting, ended, fails, start_and_cast
from otp import GenServer, NoReply, Ok, Supervisor, Task, TaskSupervisor, impl
from otp.testing import Scheduler, wait_all_idle


def test_the_record_of_a_crashed_server_has_all_fields_and_they_are_json(seen: Any) -> None:
    async def main() -> Any:
        await Supervisor.start_link_children(
            [Server.child_spec({"n": 1}, name="till", restart="temporary")], name="shop"
        )
        till = otp.whereis("till")
        await otp.sys.suspend(till)
        Server.cast(till, "go")
        Server.cast(till, "more")
        await wait_all_idle()
        await otp.sys.resume(till)
        await ended(till)
        return str(till)

    pid = Scheduler().run(main)
    fields = seen.fields(0)
    assert json.loads(json.dumps(fields)) == fields
    assert {
        "otp_report": "crash",
        "otp_pid": pid,
        "otp_name": "till",
        "otp_what": "Server",
        "otp_behaviour": "gen_server",
        "otp_callback": "handle_cast",
        "otp_message": "'go'",
        "otp_client": None,
        "otp_reason": "Crash(ValueError('no'))",
        "otp_hint": None,
        "otp_state_name": None,
        "otp_state": "{'n': 1}",
        "otp_exception": "ValueError",
        "otp_mailbox": 1,
        "otp_callers": [],
    } == {key: fields[key] for key in fields if key not in ("otp_node", "otp_stack", "otp_ancestors")}
    assert [(Path(place["file"]).name, place["function"]) for place in fields["otp_stack"]] == [
        ("logged_servers.py", "Server.handle_cast")
    ]
    assert re.fullmatch(r"shop \(<0\.\d+\.0>\)", fields["otp_ancestors"][0])


def test_the_text_is_for_reading_and_has_no_place_of_the_runtime(seen: Any) -> None:
    async def main() -> None:
        server = await Server.start(7, name="till")
        with pytest.raises(otp.ServerDown):
            await GenServer.call(server, lambda: GenServer.reply(0, 0))  # type: ignore[arg-type]

    Scheduler().run(main)
    first, *rest = seen.text(0).splitlines()
    place = r"in handle_call\(.*\), at test_logging\.py:\d+ in <lambda>"
    assert re.fullmatch(rf"till <0\.\d+\.0> crashed: GenServer\.reply.*, {place}", first)
    assert "    state 7" in rest
    assert any(re.fullmatch(r"    called by <0\.\d+\.0>", line) for line in rest)
    places = [line for line in rest if line.startswith("  File ")]
    assert ["logged_servers.py", "test_logging.py"] == [Path(re.findall('"(.*)"', line)[0]).name for line in places]
    assert seen.records[0].exc_info is not None


@pytest.mark.parametrize(
    ("begin", "expected"),
    [
        (lambda: start_and_cast(Waiting), ("gen_server", "handle_cast", "'go'", "1", "ValueError")),
        (
            lambda: start_and_cast(Machine),
            ("gen_statem", "Machine.handle_event", "'cast', 'go'", "('open', 1)", "ValueError"),
        ),
        (lambda: otp.spawn(fails), ("process", None, None, None, "ValueError")),
        (lambda: Task.start(fails), ("process", None, None, None, "ValueError")),
    ],
    ids=["async callback", "state machine", "coroutine process", "task"],
)
def test_each_kind_of_process_is_reported_in_its_own_words(begin: Any, expected: Any, seen: Any) -> None:
    async def main() -> None:
        begun = begin()
        await ended(begun if isinstance(begun, otp.Pid) else await begun)

    Scheduler().run(main)
    assert len(seen.records) == 1
    fields = seen.fields()
    names = ("behaviour", "callback", "message", "state", "exception")
    assert expected == tuple(fields[f"otp_{name}"] for name in names)
    assert [Path(place["file"]).name for place in fields["otp_stack"]] == ["logged_servers.py"]
    assert "Traceback" in seen.text()


def test_a_task_names_for_whom_it_works(seen: Any) -> None:
    async def main() -> Any:
        tasks = await TaskSupervisor.start_link()
        task = await TaskSupervisor.async_nolink(tasks, fails)
        await otp.receive(otp.Is(otp.Down, ref=task.ref))
        return str(otp.self()), str(tasks)

    me, tasks = Scheduler().run(main)
    fields = seen.fields(0)
    assert [me] == fields["otp_callers"]
    assert [tasks, me] == fields["otp_ancestors"][:2]
    assert f"started for {me}" in seen.text(0)


@pytest.mark.parametrize("kept", [17, {"a": 1}, [1, "x"], None])
def test_what_a_program_keeps_under_the_key_of_the_callers_breaks_no_report(kept: Any, seen: Any) -> None:
    """The report was lost: its place had `its report failed with TypeError`."""

    async def main() -> None:
        def crashes() -> None:
            otp.put("$callers", kept)
            raise ValueError("no")

        await otp.wait_down(otp.spawn(crashes))

    Scheduler().run(main)
    assert (seen.fields(0)["otp_exception"], seen.fields(0)["otp_callers"]) == ("ValueError", [])


def test_a_machine_names_its_state(seen: Any) -> None:
    async def main() -> None:
        await ended(await start_and_cast(Machine))

    Scheduler().run(main)
    assert "'open'" == seen.fields()["otp_state_name"]


def test_the_report_of_a_machine_that_stops_names_its_state_function(seen: Any) -> None:
    """Regression: it named `handle_cast`, which a machine does not have."""

    class Belt(otp.GenStateMachine[Any, Any]):
        callback_mode = "state_functions"

        @otp.impl
        def init(self, arg: Any) -> Any:
            return otp.MachineOk("idle", arg)

        @otp.impl
        def idle(self, event: Any, content: Any, data: Any) -> Any:
            return otp.Stop("worn", data)

    Belt.__module__ = "belts"  # of a program, not of the library

    async def main() -> None:
        belt = await Belt.start(0)
        Belt.cast(belt, "go")
        await otp.wait_down(belt)

    otp.run(main)
    text = seen.text()
    assert "crashed: worn (idle returned Stop), in " in text
    assert ".idle('cast', 'go'), state 'idle'" in text
    assert "handle_cast" not in text


def test_a_crash_in_init_is_one_record_without_a_state(seen: Any) -> None:
    class Broken(Server):
        @impl
        def init(self, arg: Any) -> Any:
            raise ValueError("broken")

    async def main() -> None:
        with pytest.raises(otp.StartError):
            await Broken.start(1)

    Scheduler().run(main)
    assert [("init", None, None)] == [
        (fields["otp_callback"], fields["otp_message"], fields["otp_state"])
        for fields in map(seen.fields, range(len(seen.records)))
    ]


def test_a_result_that_is_none_gets_a_hint(seen: Any) -> None:
    class Forgets(Server):
        @impl
        def handle_cast(self, request: Any, state: Any) -> Any:
            return None if request == "go" else NoReply

    async def main() -> None:
        for request in ("go", "class"):
            pid = await Forgets.start(1)
            Forgets.cast(pid, request)
            await ended(pid)

    Scheduler().run(main)
    assert [
        "handle_cast returned None: did no case match, or is a return missing?",
        "return an instance, as in NoReply(…), not the class",
    ] == [seen.fields(number)["otp_hint"] for number in (0, 1)]


@pytest.mark.parametrize(
    ("result", "returned", "hint"),
    [
        (None, "None", "did no case match, or is a return missing?"),
        (7, "7", "expected a result such as NoReply(state)"),
    ],
)
def test_the_report_of_a_wrong_result_has_the_line_of_the_callback_and_says_once_what_was_expected(
    seen: Any, result: Any, returned: str, hint: str
) -> None:
    """Regression: it had no line, and the question about None three times with that of the supervisor."""

    class ForgetfulTill(GenServer[Any]):
        @impl
        def init(self, arg: Any) -> Any:
            return Ok(arg)

        @impl
        def handle_cast(self, request: Any, state: Any) -> Any:
            return result

    async def main() -> None:
        top = await Supervisor.start_link_children([ForgetfulTill.child_spec(1, id="till")])
        [(_, till, _, _)] = await Supervisor.which_children(top)
        ForgetfulTill.cast(till, "go")
        await otp.wait_down(till)
        await Supervisor.which_children(top)

    seen.records.clear()
    otp.run(main)
    end, restart = (record.getMessage() for record in seen.records[:2])
    place = f"test_logging.py:{ForgetfulTill.handle_cast.__code__.co_firstlineno + 1}"
    first, second, *_ = end.splitlines()
    assert first.endswith(f" crashed: handle_cast returned {returned}, in handle_cast('go') at {place}")
    assert second.strip() == hint
    assert f" crashed: a callback returned {returned}; " in restart


def test_a_crash_report_comes_from_the_line_that_raised(caplog: pytest.LogCaptureFixture) -> None:
    """The place that pytest shows before each record is useful to a reader."""

    def crash() -> None:
        raise ValueError("no")

    async def main() -> None:
        await otp.wait_down(otp.spawn(crash))

    otp.run(main)
    (record,) = [record for record in caplog.records if " crashed: " in record.getMessage()]
    assert (record.filename, record.lineno) == ("test_logging.py", crash.__code__.co_firstlineno + 1)


class Drops(GenServer[int]):
    @impl
    def init(self, arg: int) -> otp.Ok[int]:
        return otp.Ok(arg)

    @impl
    def handle_cast(self, request: Any, state: int) -> Any:
        if request == "raise":
            raise otp.Exit("left early")
        return NoReply


@pytest.mark.parametrize(
    ("request_", "line"),
    [
        ("raise", r"left early, in handle_cast\('raise'\) at test_logging\.py:\d+"),
        ("return", r"handle_cast returned NoReply, in handle_cast\('return'\) at test_logging\.py:\d+"),
    ],
)
def test_the_line_of_a_crash_has_its_place_or_its_callback(seen: Any, request_: str, line: str) -> None:
    """Regression: an `Exit` had no line, and *a callback returned NoReply* did not say which."""

    async def main() -> None:
        drops = await Drops.start(1, name="drops")
        GenServer.cast(drops, request_)
        await ended(drops)

    Scheduler().run(main)
    first = seen.records[0].getMessage().partition("\n")[0]
    assert re.fullmatch(rf"drops <0\.\d+\.0> crashed: {line}", first), first
