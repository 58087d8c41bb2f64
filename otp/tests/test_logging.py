"""Reports in the log (design part 1 §2, §7; `docs/logging.md`): who, in what, why, and what was decided."""

from __future__ import annotations

import asyncio
import json
import logging
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import otp
from otp import (
    ChildSpec,
    DynamicSupervisor,
    Error,
    Exit,
    GenServer,
    GenStateMachine,
    MachineOk,
    NoReply,
    Ok,
    Reply,
    Stop,
    Supervisor,
    Task,
    TaskSupervisor,
    impl,
)
from otp.testing import Scheduler, wait_all_idle

PAGE = Path(__file__).parents[2] / "docs" / "logging.md"


class Seen(logging.Handler):
    """Keeps what is logged."""

    def __init__(self) -> None:
        super().__init__()
        self.records: list[logging.LogRecord] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.records.append(record)

    def fields(self, number: int = -1) -> dict[str, Any]:
        found = vars(self.records[number])
        return {key: value for key, value in found.items() if key.startswith("otp_")}

    def text(self, number: int = -1) -> str:
        return logging.Formatter().format(self.records[number])


@pytest.fixture
def seen() -> Iterator[Seen]:
    handler = Seen()
    log = logging.getLogger("otp")
    before = log.level
    log.addHandler(handler)
    log.setLevel(logging.INFO)
    yield handler
    log.removeHandler(handler)
    log.setLevel(before)


class Server(GenServer[Any]):
    """Does what it is sent."""

    @impl
    def init(self, arg: Any) -> Any:
        return Ok(arg)

    @impl
    def handle_call(self, request: Any, caller: Any, state: Any) -> Any:
        return Reply(request(), state)

    @impl
    def handle_cast(self, request: Any, state: Any) -> Any:
        if isinstance(request, Exception):
            raise request
        raise ValueError("no") if request != "stop" else Exit("stopped")


class Waiting(GenServer[Any]):
    @impl
    def init(self, arg: Any) -> Any:
        return Ok(arg)

    @impl
    async def handle_cast(self, request: Any, state: Any) -> Any:
        await wait_all_idle()
        raise ValueError("async no")


class Machine(GenStateMachine[str, Any]):
    @impl
    def init(self, arg: Any) -> Any:
        return MachineOk("open", arg)

    @impl
    def handle_event(self, event: Any, content: Any, state: str, data: Any) -> Any:
        raise ValueError("machine no")


class Hostile:
    """What a state may be."""

    def __repr__(self) -> str:
        raise RuntimeError("no repr")

    def __str__(self) -> str:
        raise RuntimeError("no str")

    def __eq__(self, other: object) -> bool:
        raise RuntimeError("no eq")

    __hash__ = None  # type: ignore[assignment]


def recursive() -> Any:
    found: list[Any] = []
    found.append({"self": found})
    return found


async def ended(pid: otp.Pid) -> Any:
    reason = await otp.wait_down(pid)
    await wait_all_idle()
    return reason


# One crash, one record


def test_the_record_of_a_crashed_server_has_all_fields_and_they_are_json(seen: Seen) -> None:
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
        ("test_logging.py", "Server.handle_cast")
    ]
    assert re.fullmatch(r"shop \(<0\.\d+\.0>\)", fields["otp_ancestors"][0])


def test_the_text_is_for_reading_and_has_no_place_of_the_runtime(seen: Seen) -> None:
    async def main() -> None:
        server = await Server.start(7, name="till")
        with pytest.raises(otp.ServerDown):
            await GenServer.call(server, lambda: GenServer.reply(0, 0))  # type: ignore[arg-type]

    Scheduler().run(main)
    first, *rest = seen.text(0).splitlines()
    assert re.match(r"till \(<0\.\d+\.0>\), Server, ended in handle_call\(.*\): Crash\('GenServer\.reply", first)
    assert "    state 7" in rest
    assert any(re.fullmatch(r"    asked by <0\.\d+\.0>", line) for line in rest)
    places = [line for line in rest if line.startswith("  File ")]
    assert ["test_logging.py"] * 2 == [Path(re.findall('"(.*)"', line)[0]).name for line in places]
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
def test_each_kind_of_process_is_reported_in_its_own_words(begin: Any, expected: Any, seen: Seen) -> None:
    async def main() -> None:
        begun = begin()
        await ended(begun if isinstance(begun, otp.Pid) else await begun)

    Scheduler().run(main)
    assert len(seen.records) == 1
    fields = seen.fields()
    names = ("behaviour", "callback", "message", "state", "exception")
    assert expected == tuple(fields[f"otp_{name}"] for name in names)
    assert [Path(place["file"]).name for place in fields["otp_stack"]] == ["test_logging.py"]
    assert "Traceback" in seen.text()


async def start_and_cast(cls: Any) -> otp.Pid:
    pid = await cls.start(1)
    cls.cast(pid, "go")
    return pid


async def fails() -> None:
    raise ValueError("no")


def test_a_task_names_for_whom_it_works(seen: Seen) -> None:
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
def test_what_a_program_keeps_under_the_key_of_the_callers_breaks_no_report(kept: Any, seen: Seen) -> None:
    """The report was lost: its place had `its report failed with TypeError`."""

    async def main() -> None:
        def crashes() -> None:
            otp.put("$callers", kept)
            raise ValueError("no")

        await otp.wait_down(otp.spawn(crashes))

    Scheduler().run(main)
    assert (seen.fields(0)["otp_exception"], seen.fields(0)["otp_callers"]) == ("ValueError", [])


class Liar:
    """An id that raises where it is asked for its class, as a proxy may that stands for nothing."""

    __class__ = property(lambda self: 1 / 0)  # type: ignore[assignment]


class Silent(type):
    def __getattribute__(cls, name: str) -> Any:
        raise LookupError(name)


@pytest.mark.parametrize("make_id", [Liar, lambda: Silent("Nameless", (), {})], ids=["liar", "nameless"])
def test_an_id_that_will_not_be_looked_at_is_no_end_of_its_supervisor(make_id: Any, seen: Seen) -> None:
    """The report of a restart raised in the supervisor's own process, which ended with it."""

    async def main() -> Any:
        above = await Supervisor.start_link_children([ChildSpec(make_id(), (Server.start_link, 1))])
        (child,) = await Supervisor.which_children(above)
        otp.exit(child.pid, "boom")
        await wait_all_idle()
        return otp.is_alive(above), len(await Supervisor.which_children(above))

    assert Scheduler().run(main) == (True, 1)
    assert "restarted child" in seen.text(0)


def test_a_machine_names_its_state(seen: Seen) -> None:
    async def main() -> None:
        await ended(await start_and_cast(Machine))

    Scheduler().run(main)
    assert "'open'" == seen.fields()["otp_state_name"]


def test_a_crash_in_init_is_one_record_without_a_state(seen: Seen) -> None:
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


# Whatever it is that crashed


@pytest.mark.parametrize(
    "state",
    [Hostile(), [Hostile()], "x" * 10_000_000, list(range(1_000_000)), recursive(), {"a": {"b": [Hostile()] * 1000}}],
    ids=["hostile", "hostile within", "long", "wide", "recursive", "nested"],
)
def test_no_state_breaks_the_report_or_makes_it_long(state: Any, seen: Seen) -> None:
    async def main() -> Any:
        pid = await Server.start(None)
        await otp.sys.replace_state(pid, lambda _: state)
        Server.cast(pid, Error(state))
        return await ended(pid)

    Scheduler().run(main)
    assert len(seen.records) == 1
    fields = seen.fields()
    assert len(json.dumps(fields)) < 6_000
    assert len(seen.records[0].getMessage()) < 3_000
    assert fields["otp_state"] and fields["otp_reason"]


def test_an_exception_that_refuses_to_be_shown_is_reported_all_the_same(seen: Seen) -> None:
    class Silent(Exception):
        def __str__(self) -> str:
            raise RuntimeError("no")

    async def main() -> None:
        pid = await Server.start(1)
        Server.cast(pid, Silent("x" * 10_000_000))
        await ended(pid)
        pid = await Server.start(1)
        Server.cast(pid, ValueError("y" * 10_000_000))
        await ended(pid)

    Scheduler().run(main)
    assert ["Silent", "ValueError"] == [vars(record)["otp_exception"] for record in seen.records]
    assert all(len(seen.text(number)) < 4_000 for number in (0, 1))  # was 12,000: the exception's own text, uncut
    assert "ValueError: yyy" in seen.text(1)


def test_secrets_are_hidden_in_message_state_reason_and_traceback(seen: Seen) -> None:
    async def main() -> None:
        pid = await Server.start({"password": "hunter2", "n": 1})
        Server.cast(pid, Error({"token": "hunter2"}))
        await ended(pid)
        pid = await Server.start(("api_key", "hunter2"))
        Server.cast(pid, ValueError("connect failed: password=hunter2"))
        await ended(pid)
        pid = await Machine.start(1)
        Machine.cast(pid, {"password": "hunter2"})
        await ended(pid)

    Scheduler().run(main)
    assert len(seen.records) == 3
    for number in range(3):
        assert "hunter2" not in seen.text(number)
        assert "hunter2" not in json.dumps(seen.fields(number))


def test_a_sensitive_process_shows_neither_message_nor_state(seen: Seen) -> None:
    def hide() -> None:
        otp.process_flag("sensitive", True)

    class Hidden(Machine):
        @impl
        def handle_event(self, event: Any, content: Any, state: str, data: Any) -> Any:
            hide()
            raise ValueError("machine no")

    async def main() -> None:
        pid = await Server.start("swordfish")
        await GenServer.call(pid, hide)
        Server.cast(pid, "swordfish")
        await ended(pid)
        pid = await Hidden.start("swordfish")
        Hidden.cast(pid, "swordfish")
        await ended(pid)

    Scheduler().run(main)
    assert len(seen.records) == 2
    for number in range(2):
        assert "'<sensitive>'" == seen.fields(number)["otp_state"]
        assert "swordfish" not in seen.text(number) + json.dumps(seen.fields(number))


@pytest.mark.parametrize("raised", [ValueError("swordfish"), asyncio.CancelledError("swordfish")])
def test_a_format_status_that_fails_hides_the_state(raised: BaseException, seen: Seen) -> None:
    class Careless(Server):
        @impl
        def format_status(self, state: Any) -> Any:
            raise raised

    async def main() -> None:
        pid = await Careless.start("swordfish")
        Server.cast(pid, "go")
        await ended(pid)

    Scheduler().run(main)
    assert len(seen.records) == 1
    assert type(raised).__name__ in seen.fields()["otp_state"]


# Who takes it


def test_nothing_is_made_for_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    """Reports are made only if a handler takes them: a crash must not cost a picture of the state."""
    asked: list[str] = []

    class Asked(Server):
        @impl
        def format_status(self, state: Any) -> Any:
            asked.append("asked")
            return state

    async def main() -> None:
        pid = await Asked.start(1)
        Server.cast(pid, "go")
        await ended(pid)

    log = logging.getLogger("otp")
    monkeypatch.setattr(log, "propagate", False)
    monkeypatch.setattr(log, "handlers", [logging.NullHandler()])
    Scheduler().run(main)
    assert [] == asked
    taken = Seen()
    taken.setLevel(logging.CRITICAL)
    monkeypatch.setattr(log, "handlers", [taken])
    Scheduler().run(main)
    assert ([], []) == (asked, taken.records)
    taken.setLevel(logging.ERROR)
    Scheduler().run(main)
    assert ["asked"] == asked


def test_without_any_handler_the_last_resort_of_logging_gets_it(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    async def main() -> None:
        await ended(await start_and_cast(Waiting))

    log = logging.getLogger("otp")
    monkeypatch.setattr(log, "propagate", False)
    monkeypatch.setattr(log, "handlers", [])
    Scheduler().run(main)
    assert "ended in handle_cast('go')" in capsys.readouterr().err


def test_a_handler_that_raises_disturbs_nobody(seen: Seen, capsys: pytest.CaptureFixture[str]) -> None:
    def refuse(record: logging.LogRecord) -> bool:
        raise RuntimeError("a filter's own mistake")

    async def main() -> Any:
        sup = await Supervisor.start_link_children([Server.child_spec(1, name="till")])
        till = otp.whereis("till")
        Server.cast(till, "go")
        await ended(till)
        return (await Supervisor.count_children(sup)).active

    seen.addFilter(refuse)
    assert Scheduler().run(main) == 1
    assert "a filter's own mistake" in capsys.readouterr().err


# What the supervisor decided


def decisions(seen: Seen) -> list[dict[str, Any]]:
    return [fields for fields in map(seen.fields, range(len(seen.records))) if fields.get("otp_report") == "supervisor"]


def servers(names: str, **options: Any) -> list[ChildSpec]:
    return [Server.child_spec(1, id=name, name=name, **options) for name in names]


def test_a_restart_tells_who_was_restarted_why_and_how_many_are_left(seen: Seen) -> None:
    async def main() -> Any:
        await Supervisor.start_link_children(servers("abc"), strategy="rest_for_one", name="shop")
        old = otp.whereis("b")
        otp.exit(old, "boom")
        await ended(old)
        return str(old), str(otp.whereis("b"))

    old, new = Scheduler().run(main)
    (fields,) = decisions(seen)
    assert json.loads(json.dumps(fields)) == fields
    expected = {
        "otp_decision": "restarted",
        "otp_name": "shop",
        "otp_child": "'b'",
        "otp_reason": "'boom'",
        "otp_old_pid": old,
        "otp_child_pid": new,
        "otp_strategy": "rest_for_one",
        "otp_group": ["'c'"],
        "otp_used": 1,
        "otp_allowed": 3,
        "otp_window": 5,
    }
    assert expected == {key: fields[key] for key in expected}
    assert seen.text().endswith(
        f"restarted child 'b' {old} as {new}: it ended with 'boom'; restart 1 of 3 in 5 s; by rest_for_one with it: 'c'"
    )


def test_each_decision_has_its_record(seen: Seen) -> None:
    class Once(Server):
        @impl
        def init(self, arg: Any) -> Any:
            arg.append(1)
            return Ok(1) if len(arg) != 2 else Stop("not yet")

    async def main() -> None:
        otp.process_flag("trap_exit", True)
        for options, flags in [
            ({"restart": "temporary"}, {}),
            ({"restart": "temporary", "significant": True}, {"auto_shutdown": "any_significant"}),
            ({}, {"max_restarts": 0}),
        ]:
            sup = await Supervisor.start_link_children(servers("a", **options), **flags)
            old = otp.whereis("a")
            otp.exit(old, "boom")
            await ended(old)
            if otp.is_alive(sup):
                await Supervisor.stop(sup)
        sup = await Supervisor.start_link_children([Once.child_spec(otp.Shared([]), name="once")])
        otp.exit(otp.whereis("once"), "boom")
        await wait_all_idle()
        otp.send(sup, "what?")
        await wait_all_idle()
        with pytest.raises(otp.StartError):
            await Supervisor.start_link_children([ChildSpec("no", (lambda: None,))])

    Scheduler().run(main)
    assert [
        "not_restarted", "auto_shutdown", "ended", "gave_up", "retries", "restarted", "dropped", "not_started",
    ] == [fields["otp_decision"] for fields in decisions(seen)]  # fmt: skip


def test_a_dynamic_child_has_no_id(seen: Seen) -> None:
    async def main() -> None:
        sup = await DynamicSupervisor.start_link(name="many")
        pid = await DynamicSupervisor.start_child(sup, Server.child_spec(1))
        otp.exit(pid, "boom")
        await ended(pid)

    Scheduler().run(main)
    (fields,) = decisions(seen)
    assert (fields["otp_decision"], fields["otp_child"], fields["otp_name"]) == ("restarted", None, "many")
    assert "restarted child <0." in seen.text()


# The page


def test_the_page_lists_the_fields_that_there_are(seen: Seen) -> None:
    async def main() -> None:
        otp.process_flag("trap_exit", True)
        await test_program(Server)

    async def test_program(cls: Any) -> None:
        sup = await Supervisor.start_link_children([cls.child_spec(1, name="x")], max_restarts=1)
        for _ in "12":
            pid = otp.whereis("x")
            cls.cast(pid, "go")
            await ended(pid)
        await ended(sup)
        sup = await Supervisor.start_link_children([cls.child_spec(1, name="x", restart="temporary")])
        otp.send(sup, "what?")
        otp.exit(otp.whereis("x"), "boom")
        await wait_all_idle()

    Scheduler().run(main)
    crash, decision = PAGE.read_text().split("### A decision")
    assert names_of(crash) == set(seen.fields(0))
    assert names_of(decision) == {name for fields in decisions(seen) for name in fields} | {"otp_decision"}


def names_of(page: str) -> set[str]:
    rows: list[str] = re.findall(r"^\| (`otp_[^|]*) \|", page, re.MULTILINE)
    return {name for row in rows for name in re.findall(r"`(otp_\w+)`", row)}


def test_what_is_logged_can_be_pickled_into_a_queue(seen: Seen) -> None:
    """What `QueueHandler` does: another thread or process writes the record."""
    import pickle
    from logging.handlers import QueueHandler

    async def main() -> None:
        await ended(await start_and_cast(Waiting))

    Scheduler().run(main)
    prepare: Callable[[logging.LogRecord], Any] = QueueHandler(None).prepare  # type: ignore[arg-type]
    copied = pickle.loads(pickle.dumps(prepare(seen.records[0])))
    assert "ValueError: async no" in copied.getMessage()
    assert copied.otp_what == "Waiting"


def test_a_result_that_is_none_gets_a_hint(seen: Seen) -> None:
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


def test_a_crash_report_comes_from_the_line_that_raised(caplog: pytest.LogCaptureFixture) -> None:
    """What pytest shows before each record is a place where somebody can look."""

    def crash() -> None:
        raise ValueError("no")

    async def main() -> None:
        await otp.wait_down(otp.spawn(crash))

    otp.run(main)
    (record,) = [record for record in caplog.records if record.getMessage().startswith("process")]
    assert (record.filename, record.lineno) == ("test_logging.py", crash.__code__.co_firstlineno + 1)
