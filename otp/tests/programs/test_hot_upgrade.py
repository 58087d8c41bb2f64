"""A running counter and a running door get new code: pids, messages and states stay, and a refusal changes nothing."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

import otp
from otp import GenServer, GenStateMachine, code
from otp.testing import advance, start_supervised, wait_all_idle

COUNTER = """
from otp import GenServer, NoReply, Ok, Reply, impl

class Counter(GenServer):
    vsn = 1

    @impl
    def init(self, start):
        return Ok(start)

    @impl
    def handle_call(self, request, caller, count):
        return Reply(count, count + 1)
"""

COUNTER_WITH_STEPS = """
from otp import GenServer, NoReply, Ok, Reply, impl

class Counter(GenServer):
    vsn = 2

    @impl
    def init(self, start):
        return Ok((start, 10))

    @impl
    def handle_call(self, request, caller, state):
        count, step = state
        return Reply(count, (count + step, step))

    @impl
    def code_change(self, old_vsn, count, extra):
        match old_vsn:
            case 1 if isinstance(extra, int):
                return Ok((count, extra))
            case _:
                raise ValueError(f"no step given, got {extra!r}")
"""

DOOR = """
from otp import GenStateMachine, KeepStateAndData, MachineOk, NextState, ReplyTo, StateTimeout, impl

class Door(GenStateMachine):
    vsn = 1
    callback_mode = "state_functions"

    @impl
    def init(self, arg):
        return MachineOk("locked", 0)

    def locked(self, event, content, opened):
        match event:
            case ("call", caller):
                return NextState("open", opened + 1, ReplyTo(caller, "open"), StateTimeout(10, "lock"))

    def open(self, event, content, opened):
        match event:
            case "state_timeout":
                return NextState("locked", opened)
            case ("call", caller):
                return KeepStateAndData(ReplyTo(caller, "is open"))
"""

DOOR_OF_EVENTS = """
from otp import GenStateMachine, KeepStateAndData, MachineOk, NextState, ReplyTo, StateTimeout, impl

class Door(GenStateMachine):
    vsn = 2
    callback_mode = "handle_event_function"

    @impl
    def init(self, arg):
        return MachineOk("shut", {"opened": 0})

    @impl
    def code_change(self, old_vsn, state, opened, extra):
        return MachineOk({"locked": "shut", "open": "open"}[state], {"opened": opened})

    @impl
    def handle_event(self, event, content, state, data):
        match event, state:
            case ("call", caller), _ if content == "how often?":
                return KeepStateAndData(ReplyTo(caller, data["opened"]))
            case "state_timeout", "open":
                return NextState("shut", data)
            case ("call", caller), "shut":
                return NextState("open", {"opened": data["opened"] + 1}, ReplyTo(caller, "open"), StateTimeout(10, 0))
            case ("call", caller), "open":
                return KeepStateAndData(ReplyTo(caller, "stands open"))
"""


class Source:
    """A module in a folder of the test, rewritten for each version."""

    def __init__(self, folder: Path, name: str) -> None:
        self.file = folder / f"{name}.py"
        self.name = name

    def write(self, text: str) -> None:
        self.file.write_text(text)

    def load(self) -> ModuleType:
        importlib.invalidate_caches()
        return importlib.import_module(self.name)


@pytest.fixture
def source(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.syspath_prepend(str(tmp_path))
    yield Source(tmp_path, "upgraded_here")
    sys.modules.pop("upgraded_here", None)


async def ask(name: str) -> Any:
    return await GenServer.call(name, "next")


@pytest.mark.otp(seed=(0, 1, 2))
async def test_a_counter_goes_on_counting_with_its_new_steps(source: Source) -> None:
    source.write(COUNTER)
    module = source.load()
    counter = await start_supervised(module.Counter.child_spec(5, name="counter"))
    assert await ask("counter") == 5
    source.write(COUNTER_WITH_STEPS)
    report = await code.reload(module, 100)
    assert [(server.pid, server.old_vsn, server.new_vsn) for server in report.servers] == [(counter, 1, 2)]
    assert [await ask("counter"), await ask("counter")] == [6, 106]


@pytest.mark.otp(seed=(0, 1, 2))
async def test_a_counter_that_refuses_goes_on_as_it_was(source: Source) -> None:
    source.write(COUNTER)
    module = source.load()
    counter = await start_supervised(module.Counter.child_spec(5, name="counter"))
    source.write(COUNTER_WITH_STEPS)
    with pytest.raises(code.UpgradeRefused, match="no step given, got None") as refused:
        await code.reload(module)
    assert refused.value.server == counter
    assert [await ask("counter"), await ask("counter"), module.Counter.vsn] == [5, 6, 1]


@pytest.mark.otp
async def test_a_file_that_cannot_be_imported_is_refused(source: Source) -> None:
    source.write(COUNTER)
    module = source.load()
    await start_supervised(module.Counter.child_spec(5, name="counter"))
    source.write("class Counter(")
    with pytest.raises(code.UpgradeRefused) as refused:
        await code.reload(module)
    assert (refused.value.server, type(refused.value.__cause__)) == (None, SyntaxError)
    assert await ask("counter") == 5


@pytest.mark.otp(seed=(0, 1, 2))
async def test_a_crash_after_the_upgrade_restarts_the_new_code(source: Source) -> None:
    source.write(COUNTER)
    module = source.load()
    counter = await start_supervised(module.Counter.child_spec(0, name="counter"))
    source.write(COUNTER_WITH_STEPS)
    await code.reload(module, 1)
    otp.exit(counter, "kill")
    await wait_all_idle()
    assert [await ask("counter"), await ask("counter")] == [0, 10]


@pytest.mark.otp(seed=(0, 1, 2))
async def test_requests_that_arrive_during_the_upgrade_are_answered_after_it(source: Source) -> None:
    source.write(COUNTER)
    module = source.load()
    await start_supervised(module.Counter.child_spec(0, name="counter"))
    source.write(COUNTER_WITH_STEPS)
    asked = [otp.Task.async_(ask, "counter") for _ in range(5)]
    await code.reload(module, 1)
    assert sorted(await otp.Task.await_many(asked)) == [0, 1, 2, 3, 4]


@pytest.mark.otp(seed=(0, 1, 2))
async def test_a_door_changes_its_mode_while_it_stands_open_and_still_shuts_in_time(source: Source) -> None:
    source.write(DOOR)
    module = source.load()
    await start_supervised(module.Door.child_spec(name="door"))
    assert await GenStateMachine.call("door", "push") == "open"
    await advance(4)
    source.write(DOOR_OF_EVENTS)
    await code.reload(module)
    assert await GenStateMachine.call("door", "push") == "stands open"
    await advance(5.9)
    assert (await otp.sys.get_state("door"))[0] == "open"
    await advance(0.1)
    assert await otp.sys.get_state("door") == ("shut", {"opened": 1})
    assert await GenStateMachine.call("door", "how often?") == 1
