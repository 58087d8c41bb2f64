"""The rules of `otp.code`: new code for servers that run.

Sources: OTP's release handling (`release_handler`), Erlang's reference manual, *Code Replacement*.
"""

from __future__ import annotations

import asyncio
import importlib
import sys
import types
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

import otp
from otp import Children, Crash, ExceptionTerm, GenServer, Supervisor, code
from otp.testing import Scheduler, advance, wait_all_idle

MODES: dict[str, dict[str, Any]] = {"inline": {"inline": True}, "queued": {"inline": False}, "seed 1": {"seed": 1}}


@pytest.fixture(params=list(MODES))
def run(request: pytest.FixtureRequest) -> Callable[..., Any]:
    def run_here(fn: Callable[[], Awaitable[None]]) -> None:
        Scheduler(**MODES[request.param]).run(fn)

    return run_here


@dataclass
class Source:
    """A module that can be written again."""

    path: Path
    module: Any = None

    def write(self, text: str) -> None:
        self.path.write_text(HEAD + text, encoding="utf-8")


HEAD = (
    "import otp\nfrom otp import *\nfrom otp import GenServer, Ok, Reply, NoReply, Supervisor, Children, code, impl\n"
)

COUNTER = """
class Counter(GenServer):
    vsn = 1
    @impl
    def init(self, arg):
        return Ok(arg)
    @impl
    def handle_call(self, request, caller, state):
        return Reply(state, state + 1)
    @impl
    def handle_cast(self, request, state):
        return NoReply(state + 1)
"""

# The state becomes a dictionary; "refuse" refuses.
COUNTER_2 = """
class Counter(GenServer):
    vsn = 2
    @impl
    def init(self, arg):
        return Ok({"n": arg})
    @impl
    def handle_call(self, request, caller, state):
        return Reply(("new", state["n"]), state)
    @impl
    def code_change(self, old_vsn, state, extra):
        if extra == state:
            raise ValueError("no")
        return Ok({"n": state, "was": old_vsn, "extra": extra})
"""


@pytest.fixture
def source(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str], Source]]:
    """Writes and imports a module of one's own for the test."""
    monkeypatch.setattr(sys, "path", [str(tmp_path), *sys.path])
    made: list[str] = []

    def make(text: str, name: str = "upgraded_module") -> Source:
        made.append(name)
        source = Source(tmp_path / f"{name}.py")
        source.write(text)
        importlib.invalidate_caches()
        source.module = importlib.import_module(name)
        return source

    yield make
    for name in made:
        sys.modules.pop(name, None)


# Servers


def test_a_server_keeps_pid_mailbox_and_name_and_its_new_class_makes_its_state(source: Any, run: Any) -> None:
    shop = source(COUNTER)

    async def main() -> None:
        counter = await shop.module.Counter.start_link(41, name="counter")
        assert 41 == await GenServer.call(counter, "next")
        shop.write(COUNTER_2)
        report = await code.reload(shop.module, extra="why")
        assert ("new", 42) == await GenServer.call("counter", "next")
        assert {"n": 42, "was": 1, "extra": "why"} == await otp.sys.get_state(counter)
        assert [(counter, 1, 2)] == [(who, old, new) for who, _, old, new in report.servers]
        assert [(counter, 2)] == [(found.pid, found.vsn) for found in code.versions(shop.module)]

    run(main)


def test_what_was_sent_before_is_handled_by_the_old_code(source: Any, run: Any) -> None:
    shop = source(COUNTER)

    async def main() -> None:
        counter = await shop.module.Counter.start_link(0)
        for _ in range(3):
            GenServer.cast(counter, "increment")
        shop.write(COUNTER_2)
        await code.reload(shop.module)
        assert ("new", 3) == await GenServer.call(counter, "next")

    run(main)


def test_without_vsn_the_version_is_a_hash_of_the_source(source: Any, run: Any) -> None:
    unversioned = COUNTER.replace("vsn = 1", "")
    shop = source(unversioned)

    async def main() -> None:
        counter = await shop.module.Counter.start_link(0)
        first = code.vsn(shop.module.Counter)
        shop.write("# a comment more\n\n" + unversioned)
        await code.reload(shop.module)
        assert first == code.vsn(shop.module.Counter)
        shop.write(unversioned.replace("state + 1", "state + 2"))
        (changed,) = (await code.reload(shop.module)).servers
        assert first == changed.old_vsn
        assert changed.old_vsn != changed.new_vsn == code.vsn(shop.module.Counter)
        await GenServer.call(counter, "next")
        assert 2 == await GenServer.call(counter, "next")

    run(main)


def test_code_change_may_wait(source: Any, run: Any) -> None:
    shop = source(COUNTER)

    async def main() -> None:
        counter = await shop.module.Counter.start_link(1)
        shop.write(
            COUNTER_2.replace("def code_change", "async def code_change").replace(
                "if extra", "import asyncio; await asyncio.sleep(60)\n        if extra"
            )
        )
        await code.reload(shop.module)
        assert ("new", 1) == await GenServer.call(counter, "next")

    run(main)


def test_a_server_that_is_debugged_stays_so(source: Any, run: Any) -> None:
    shop = source(COUNTER)

    async def main() -> None:
        counter = await shop.module.Counter.start_link(1)
        await otp.sys.statistics(counter, True)
        shop.write(COUNTER_2)
        await code.reload(shop.module)
        assert ("new", 1) == await GenServer.call(counter, "next")
        found: Any = await otp.sys.statistics(counter, "get")
        assert (1, 1) == (found.messages_in, found.messages_out)

    run(main)


def test_the_upgrade_is_in_the_trace(source: Any, run: Any) -> None:
    shop = source(COUNTER)

    async def main() -> None:
        counter = await shop.module.Counter.start_link(1)
        shop.write(COUNTER_2)
        await code.reload(shop.module)
        (event,) = [event for event in otp.trace.history(counter._node) if event.kind == "code_changed"]
        assert (counter, 1, 2) == (event.pid, event.data["old"], event.data["new"])

    run(main)


def test_a_server_whose_init_waits_is_upgraded_when_it_has_started(source: Any, run: Any) -> None:
    shop = source(
        COUNTER.replace("    def init", "    async def init").replace(
            "return Ok", "import asyncio; await asyncio.sleep(1)\n        return Ok"
        )
    )

    async def main() -> None:
        starting = otp.Task.async_(shop.module.Counter.start, 1)
        await wait_all_idle()
        shop.write(COUNTER_2)
        report = await code.reload(shop.module)
        counter = await otp.Task.await_(starting)
        assert [counter] == [server.pid for server in report.servers]
        assert ("new", 1) == await GenServer.call(counter, "next")

    run(main)


def test_a_server_that_is_started_meanwhile_is_upgraded_too(source: Any, run: Any) -> None:
    shop = source(COUNTER)

    async def main() -> None:
        old = shop.module.Counter
        await old.start_link(1)
        shop.write(
            COUNTER_2.replace("def code_change", "async def code_change").replace(
                "if extra", "import asyncio; await asyncio.sleep(1)\n        if extra"
            )
        )
        upgrade = otp.Task.async_(code.reload, shop.module)
        await wait_all_idle()
        late = await old.start_link(2)
        report = await otp.Task.await_(upgrade)
        assert late == report.servers[1].pid
        assert ("new", 2) == await GenServer.call(late, "next")

    run(main)


WAITS = COUNTER_2.replace("def code_change", "async def code_change").replace(
    "if extra", "import asyncio; await asyncio.sleep(1)\n        if extra"
)


def test_a_server_that_ends_before_it_is_asked_does_not_count(source: Any, run: Any) -> None:
    shop = source(COUNTER)

    async def main() -> None:
        first, second = [await shop.module.Counter.start(n) for n in range(2)]
        shop.write(WAITS)
        upgrade = otp.Task.async_(code.reload, shop.module)
        await wait_all_idle()
        otp.exit(second, "kill")
        assert [first] == [server.pid for server in (await otp.Task.await_(upgrade)).servers]

    run(main)


def test_one_that_ends_in_its_code_change_refuses_and_the_others_keep_their_states(source: Any, run: Any) -> None:
    """It was taken for one that had ended by itself: the upgrade said that all had gone well."""
    shop = source(COUNTER)

    async def main() -> None:
        first, second, third = [await shop.module.Counter.start(n) for n in range(3)]
        shop.write(
            COUNTER_2.replace("if extra", "if state == 1:\n            otp.exit(otp.self(), 'kill')\n        if extra")
        )
        with pytest.raises(code.UpgradeRefused) as refused:
            await code.reload(shop.module)
        assert (second, "killed", True) == (refused.value.server, refused.value.reason, refused.value.ended)
        assert [(first, 1), (third, 1)] == [(found.pid, found.vsn) for found in code.versions(shop.module)]
        assert [0, 2] == [await GenServer.call(pid, "next") for pid in (first, third)]

    run(main)


def test_one_that_is_ended_by_an_interrupt_refuses_and_keeps_its_state(source: Any, run: Any) -> None:
    """As the `EndlessLoop` of a watchdog, which no `except Exception` takes."""
    shop = source(COUNTER)

    async def main() -> None:
        counter = await shop.module.Counter.start(5)
        shop.write(
            "class Enough(BaseException): ...\n"
            + COUNTER_2.replace("if extra == state", "raise Enough\n        if extra")
        )
        with pytest.raises(code.UpgradeRefused) as refused:
            await code.reload(shop.module)
        assert (counter, False) == (refused.value.server, refused.value.ended)
        assert 5 == await GenServer.call(counter, "next")

    run(main)


def test_a_code_change_that_waits_too_long_is_broken_off_and_keeps_its_state(source: Any, run: Any) -> None:
    shop = source(COUNTER)

    async def main() -> None:
        first, second = [await shop.module.Counter.start(n) for n in (5, 6)]
        shop.write(WAITS.replace("sleep(1)", "sleep(60)"))
        begun = otp.monotonic()
        with pytest.raises(code.UpgradeRefused) as refused:
            await code.reload(shop.module, timeout=2)
        assert (first, "timeout", False) == (refused.value.server, refused.value.reason, refused.value.ended)
        assert 2 == pytest.approx(otp.monotonic() - begun, abs=0.1)
        assert [5, 6] == [await GenServer.call(pid, "next") for pid in (first, second)]

    run(main)


def test_a_code_change_that_does_not_let_itself_be_broken_off_ends_with_its_server(source: Any, run: Any) -> None:
    shop = source(COUNTER)
    stubborn = "while True:\n            try:\n                await asyncio.sleep(60)\n"
    stubborn += "            except asyncio.CancelledError:\n                pass\n"

    async def main() -> None:
        counter = await shop.module.Counter.start(5)
        other = await shop.module.Counter.start(6)
        shop.write("import asyncio\n" + WAITS.replace("import asyncio; await asyncio.sleep(1)\n", stubborn))
        with pytest.raises(code.UpgradeRefused) as refused:
            await code.reload(shop.module, timeout=2)
        assert (counter, "timeout", True) == (refused.value.server, refused.value.reason, refused.value.ended)
        assert not otp.is_alive(counter)
        assert 6 == await GenServer.call(other, "next")

    run(main)


# On trial

TRIED = """
class Counter(GenServer):
    vsn = 1
    @impl
    def init(self, arg):
        return Ok(arg)
    @impl
    def handle_call(self, request, caller, state):
        return Reply(state, state)
    @impl
    def handle_cast(self, request, state):
        if request == "fail":
            pass
        return NoReply(state + 1)
    @impl
    async def code_change(self, old_vsn, state, extra):
        import asyncio
        await asyncio.sleep(1)
        return Ok(state)

class Shop(Supervisor):
    vsn = 1
    @impl
    def init(self, arg):
        specs = [Counter.child_spec(5 * n, id=name, name=name) for n, name in enumerate(("a", "b"))]
        return Children(specs, max_restarts=1)
"""
FAILS = TRIED.replace("            pass", "            raise ValueError('new')").replace("vsn = 1", "vsn = 2")


async def on_trial(shop: Any, *, sent: dict[str, Any]) -> Any:
    """Upgrade; while they are stopped, messages come. Answers the error, or None."""

    async def upgrade() -> Any:
        try:
            await code.reload(shop.module, trial=10)
        except code.UpgradeRefused as refused:
            return refused
        return None

    asked = otp.Task.async_(upgrade)
    await wait_all_idle()
    for name, message in sent.items():
        GenServer.cast(name, message)
    return await otp.Task.await_(asked, "infinity")


def test_on_trial_a_crash_takes_all_back_and_who_crashed_starts_with_the_old_code(source: Any, run: Any) -> None:
    shop = source(TRIED)

    async def main() -> None:
        sup = await shop.module.Shop.start_link()
        first, second = otp.whereis("a"), otp.whereis("b")
        shop.write(FAILS)
        refused = await on_trial(shop, sent={"a": "fail", "b": "tick"})
        assert (first, True, ()) == (refused.server, refused.ended, refused.reset)
        assert "new" in str(refused.reason)
        assert second is otp.whereis("b")
        assert 6 == await GenServer.call("b", "get")  # it has counted on
        assert first is not await otp.node().wait_registered("a")
        assert 0 == await GenServer.call("a", "get")
        assert {1} == {found.vsn for found in code.versions(shop.module)}
        GenServer.cast("a", "fail")
        assert 1 == await GenServer.call("a", "get")  # one restart of one, and no more
        assert otp.is_alive(sup)

    run(main)


def test_on_trial_a_state_that_was_made_anew_goes_back_and_is_named(source: Any, run: Any) -> None:
    shop = source(TRIED)

    async def main() -> None:
        await shop.module.Shop.start_link()
        second = otp.whereis("b")
        GenServer.cast(second, "tick")
        shop.write(FAILS.replace("return Ok(state)", "return Ok(state + 100)"))
        refused = await on_trial(shop, sent={"a": "fail", "b": "tick"})
        assert (second,) == refused.reset
        assert 6 == await GenServer.call(second, "get")

    run(main)


def test_on_trial_who_comes_through_goes_on_with_the_new_code_and_so_does_its_supervisor(source: Any, run: Any) -> None:
    shop = source(TRIED)

    async def main() -> None:
        await shop.module.Shop.start_link()
        shop.write(FAILS)
        assert None is await on_trial(shop, sent={"a": "tick"})
        assert {2} == {found.vsn for found in code.versions(shop.module)}
        assert [1, 5] == [await GenServer.call(name, "get") for name in "ab"]
        otp.exit(otp.whereis("b"), "kill")
        await wait_all_idle()
        assert 5 == await GenServer.call("b", "get")

    run(main)


def test_on_trial_one_that_still_works_when_the_time_is_over_has_not_crashed(source: Any, run: Any) -> None:
    shop = source(TRIED)

    async def main() -> None:
        await shop.module.Shop.start_link()
        slow = "            await __import__('asyncio').sleep(60)"
        shop.write(
            FAILS.replace("            raise ValueError('new')", slow).replace(
                "def handle_cast", "async def handle_cast"
            )
        )
        begun = otp.monotonic()
        assert None is await on_trial(shop, sent={"a": "fail", "b": "tick"})
        assert 12 == pytest.approx(otp.monotonic() - begun, abs=0.1)
        await advance(60)
        assert [1, 6] == [await GenServer.call(name, "get") for name in "ab"]

    run(main)


def test_on_trial_what_others_started_with_the_new_code_is_started_again_with_the_old_one(
    source: Any, run: Any
) -> None:
    """Its supervisor is of another module, so that it has not waited for the end of the trial."""
    shop = source(TRIED)

    async def main() -> None:
        spec = shop.module.Counter.child_spec
        children = [spec(5 * n, id=name, name=name) for n, name in enumerate(("a", "b"))]
        await Supervisor.start_link(Children(children, max_restarts=5))
        shop.write(FAILS)
        refused = await on_trial(shop, sent={"a": "fail", "b": "tick"})
        assert refused.ended
        await wait_all_idle()
        assert {1} == {found.vsn for found in code.versions(shop.module)}
        assert [0, 6] == [await GenServer.call(name, "get") for name in "ab"]

    run(main)


def test_one_that_somebody_resumes_meanwhile_refuses(source: Any, run: Any) -> None:
    shop = source(COUNTER)

    async def main() -> None:
        first, second = [await shop.module.Counter.start_link(n) for n in range(2)]
        shop.write(
            COUNTER_2.replace("def code_change", "async def code_change").replace(
                "if extra", "import asyncio; await asyncio.sleep(1)\n        if extra"
            )
        )
        otp.send_after(1.5, otp.self(), "now")
        refused: list[Any] = []

        async def upgrader() -> None:
            try:
                await code.reload(shop.module)
            except code.UpgradeRefused as refusal:
                refused.append((refusal.server, refusal.reason))

        pid = otp.spawn(upgrader)
        await otp.receive(otp.Is("now"))
        await otp.sys.resume(first)
        await otp.wait_down(pid)
        assert [(first, "resumed")] == refused
        assert [0, 1] == [await GenServer.call(server, "next") for server in (first, second)]

    run(main)


def test_an_upgrade_from_outside_any_process_reaches_all_nodes_of_the_loop(source: Any) -> None:
    shop = source(COUNTER)

    async def program() -> None:
        async with otp.Node("one") as one, otp.Node("two") as two:
            pids = [await node.start(shop.module.Counter, 3) for node in (one, two)]
            shop.write(COUNTER_2)
            assert pids == [server.pid for server in (await code.reload(shop.module)).servers]
            assert [("new", 3)] * 2 == [await GenServer.call(pid, "next") for pid in pids]

    asyncio.run(program())


MACHINE = """
class Door(otp.GenStateMachine):
    vsn = 1
    @impl
    def init(self, arg):
        return otp.MachineOk("open", arg, otp.NamedTimeout("later", 10, None))
    @impl
    def handle_event(self, event, content, state, data):
        match event:
            case ("call", caller):
                return otp.KeepStateAndData(otp.ReplyTo(caller, ("old", state, data)))
            case _:
                return otp.NextState("late", data)
"""


def test_a_state_machine_keeps_its_timers(source: Any, run: Any) -> None:
    shop = source(MACHINE)

    async def main() -> None:
        door = await shop.module.Door.start_link(1)
        shop.write(
            MACHINE.replace('"old"', '"new"')
            + """
    @impl
    def code_change(self, old_vsn, state, data, extra):
        return otp.MachineOk(state.upper(), (data, old_vsn, extra))
"""
        )
        await code.reload(shop.module, extra="x")
        assert ("new", "OPEN", (1, 1, "x")) == await shop.module.Door.call(door, "?")
        await advance(10)
        assert "late" == (await otp.sys.get_state(door))[0]

    run(main)


# Refusals


def test_one_that_refuses_leaves_everything_as_it_was(source: Any, run: Any) -> None:
    shop = source(COUNTER)

    async def main() -> None:
        module: types.ModuleType = shop.module
        cls: Any = shop.module.Counter
        names = dict(vars(module))
        counters = [await cls.start_link(n) for n in range(3)]
        await otp.sys.suspend(counters[0])
        shop.write(COUNTER_2)
        with pytest.raises(code.UpgradeRefused) as refused:
            await code.reload(module, extra=1)
        assert counters[1] is refused.value.server
        assert Crash(ExceptionTerm("ValueError", ("no",), "no")) == refused.value.reason
        assert isinstance(refused.value.__cause__, ValueError)
        assert sys.modules["upgraded_module"] is module
        assert (types.ModuleType, names) == (type(module), dict(vars(module)))
        assert [(n, 1) for n in counters] == [(found.pid, found.vsn) for found in code.versions(module)]
        assert [1, 2] == [await GenServer.call(pid, "next") for pid in counters[1:]]
        # who was suspended by hand stays so
        assert "suspended" == (await otp.sys.get_status(counters[0])).status
        await otp.sys.resume(counters[0])
        assert 0 == await GenServer.call(counters[0], "next")

    run(main)


def test_a_check_says_what_a_reload_would_do_and_changes_nothing(source: Any, run: Any) -> None:
    shop = source(COUNTER)

    async def main() -> None:
        counter = await shop.module.Counter.start_link(41)
        cls = shop.module.Counter
        shop.write(COUNTER_2)
        report = await code.check(shop.module)
        assert [(counter, 1, 2)] == [(who, old, new) for who, _, old, new in report.servers]
        assert cls is shop.module.Counter
        assert [(counter, cls, 1)] == list(code.versions())
        assert 41 == await GenServer.call(counter, "next")
        with pytest.raises(code.UpgradeRefused) as refused:
            await code.check(shop.module, extra=42)
        assert counter is refused.value.server
        assert 42 == await GenServer.call(counter, "next")
        assert [(counter, 1, 2)] == [(who, old, new) for who, _, old, new in (await code.reload(shop.module)).servers]

    run(main)


def test_a_state_changed_in_place_is_brought_back(source: Any, run: Any) -> None:
    listed = COUNTER.replace("Ok(arg)", "Ok([arg])")
    shop = source(listed)

    async def main() -> None:
        first = await shop.module.Counter.start_link(1)
        await shop.module.Counter.start_link(2)
        shop.write(
            listed
            + """
    @impl
    def code_change(self, old_vsn, state, extra):
        state.append("changed")
        if state[0] == 2:
            raise ValueError("no")
        return Ok(state)
"""
        )
        with pytest.raises(code.UpgradeRefused):
            await code.reload(shop.module)
        assert [1] == await otp.sys.get_state(first)

    run(main)


@pytest.mark.parametrize("broken", ["def (", "raise RuntimeError('at import')", "import not_there_at_all"])
def test_a_broken_file_is_refused_before_anybody_is_suspended(source: Any, run: Any, broken: str) -> None:
    shop = source(
        COUNTER.replace("    def handle_cast", "    async def handle_cast").replace(
            "return NoReply", "import asyncio; await asyncio.sleep(request)\n        return NoReply"
        )
    )

    async def main() -> None:
        counter = await shop.module.Counter.start_link(7)
        GenServer.cast(counter, 60)  # to suspend it would take a while
        await wait_all_idle()
        shop.write(COUNTER_2 + broken)
        before = otp.monotonic()
        with pytest.raises(code.UpgradeRefused) as refused:
            await code.reload(shop.module)
        assert before == otp.monotonic()
        assert refused.value.server is None
        assert isinstance(refused.value.__cause__, Exception)
        assert sys.modules["upgraded_module"] is shop.module
        await advance(60)
        assert 8 == await GenServer.call(counter, "next")

    run(main)


@pytest.mark.parametrize("half", ["", "class Counter: pass\n", "class Counter(GenServer): pass\n"])
def test_a_class_that_is_gone_or_half_is_refused(source: Any, run: Any, half: str) -> None:
    shop = source(COUNTER)

    async def main() -> None:
        counter = await shop.module.Counter.start_link(7)
        shop.write(half)
        with pytest.raises(code.UpgradeRefused) as refused:
            await code.reload(shop.module)
        assert counter is refused.value.server
        assert 7 == await GenServer.call(counter, "next")

    run(main)


def test_one_that_does_not_stop_in_time_refuses_and_is_not_suspended_later(source: Any, run: Any) -> None:
    shop = source(
        COUNTER.replace("    def handle_cast", "    async def handle_cast").replace(
            "return NoReply", "import asyncio; await asyncio.sleep(request)\n        return NoReply"
        )
    )

    async def main() -> None:
        busy = await shop.module.Counter.start_link(0)
        other = await shop.module.Counter.start_link(5)
        GenServer.cast(busy, 60)
        shop.write(COUNTER_2)
        with pytest.raises(code.UpgradeRefused) as refused:
            await code.reload(shop.module)
        assert (busy, "timeout") == (refused.value.server, refused.value.reason)
        assert 5 == await GenServer.call(other, "next")
        await advance(60)
        assert 1 == await GenServer.call(busy, "next")

    run(main)


def test_a_server_cannot_upgrade_itself(source: Any, run: Any) -> None:
    shop = source(
        COUNTER.replace("    def handle_call", "    async def handle_call").replace(
            "return Reply(state, state + 1)", "return Reply(await code.reload(__name__), state)"
        )
    )

    async def main() -> None:
        otp.process_flag("trap_exit", True)
        counter = await shop.module.Counter.start(0)
        with pytest.raises(otp.ServerDown):
            await GenServer.call(counter, "reload")

    run(main)


def test_two_upgrades_of_one_module_do_not_mix(source: Any, run: Any) -> None:
    shop = source(COUNTER)

    async def main() -> None:
        await shop.module.Counter.start_link(1)
        shop.write(
            COUNTER_2.replace("def code_change", "async def code_change").replace(
                "if extra", "import asyncio; await asyncio.sleep(1)\n        if extra"
            )
        )
        first = otp.Task.async_(code.reload, shop.module)
        await wait_all_idle()
        with pytest.raises(code.UpgradeRefused, match="upgrade_in_progress"):
            await code.reload(shop.module)
        assert 1 == len((await otp.Task.await_(first)).servers)

    run(main)


def test_a_caller_that_is_ended_leaves_everything_as_it_was(source: Any, run: Any) -> None:
    shop = source(COUNTER)

    async def main() -> None:
        counter = await shop.module.Counter.start_link(1)
        shop.write(
            COUNTER_2.replace("def code_change", "async def code_change").replace(
                "if extra", "import asyncio; await asyncio.sleep(1)\n        if extra"
            )
        )
        upgrader = otp.spawn(code.reload, shop.module)
        await wait_all_idle()
        otp.exit(upgrader, "kill")
        await advance(2)
        assert 1 == await GenServer.call(counter, "next")
        assert types.ModuleType is type(shop.module)

    run(main)


def test_what_is_no_imported_module_is_an_error_of_the_caller(run: Any) -> None:
    async def main() -> None:
        for wrong in ("not_imported_at_all", 7, types.ModuleType("not_imported_at_all")):
            with pytest.raises(otp.BadArgument, match="imported module"):
                await code.reload(wrong)  # type: ignore[arg-type]

    run(main)


# Supervisors


def test_a_restart_runs_the_new_code_whoever_wrote_the_spec(source: Any, run: Any) -> None:
    shop = source(COUNTER)

    async def main() -> None:
        counter = shop.module.Counter  # the old class, as `from shop import Counter` keeps it
        static = await Supervisor.start_link_children([counter.child_spec(1, name="static")], strategy="one_for_one")
        dynamic = await otp.DynamicSupervisor.start_link()
        pid = await otp.DynamicSupervisor.start_child(dynamic, counter.child_spec(2, name="dynamic"))
        many = counter.child_spec(3)
        assert 3 == await GenServer.call(await otp.DynamicSupervisor.start_child(dynamic, many), "next")
        otp.exit(otp.whereis("static"), "kill")
        await wait_all_idle()
        assert 1 == await GenServer.call("static", "next")
        shop.write(COUNTER_2)
        await code.reload(shop.module)
        for child in (otp.whereis("static"), pid):
            otp.exit(child, "kill")
        await wait_all_idle()
        assert ("new", 1) == await GenServer.call("static", "next")
        assert ("new", 2) == await GenServer.call("dynamic", "next")
        assert ("new", 3) == await GenServer.call(await otp.DynamicSupervisor.start_child(dynamic, many), "next")
        # and the new class names the same child
        await Supervisor.terminate_child(static, shop.module.Counter)
        await Supervisor.restart_child(static, counter)
        assert ("new", 1) == await GenServer.call("static", "next")

    run(main)


def test_a_restarted_task_runs_the_new_function(source: Any, run: Any) -> None:
    shop = source("async def work(parent):\n    otp.send(parent, 'old')\n    await otp.receive()\n")

    async def main() -> None:
        task = otp.ChildSpec("task", (otp.Task.start_link, shop.module.work, otp.self()), restart="permanent")
        sup = await Supervisor.start_link_children([task], strategy="one_for_one")
        assert "old" == await otp.receive()
        shop.write("async def work(parent):\n    otp.send(parent, 'new')\n    await otp.receive()\n")
        await code.reload(shop.module)
        (child,) = await Supervisor.which_children(sup)
        otp.exit(child.pid, "kill")
        assert "new" == await otp.receive()

    run(main)


SUPERVISOR = (
    COUNTER
    + """
class Shop(Supervisor):
    @impl
    def init(self, arg):
        return Children([Counter.child_spec(5, name="counter")], strategy="one_for_one", max_restarts=1)
"""
)


def test_a_supervisor_takes_over_flags_and_specs_of_its_new_init_and_keeps_its_children(source: Any, run: Any) -> None:
    shop = source(SUPERVISOR)

    async def main() -> None:
        sup = await shop.module.Shop.start_link()
        counter = otp.whereis("counter")
        shop.write(
            SUPERVISOR.replace("COUNTER", "")
            .replace("max_restarts=1", "max_restarts=9")
            .replace("child_spec(5", "child_spec(6")
            .replace("vsn = 1", "vsn = 2")
        )
        await code.reload(shop.module)
        assert 9 == (await otp.sys.get_state(sup)).max_restarts
        assert [counter] == [child.pid for child in await Supervisor.which_children(sup)]
        otp.exit(counter, "kill")
        await wait_all_idle()
        assert 6 == await GenServer.call("counter", "next")

    run(main)


def test_a_refused_upgrade_leaves_flags_and_specs_of_supervisors(source: Any, run: Any) -> None:
    shop = source(SUPERVISOR)

    async def main() -> None:
        sup = await shop.module.Shop.start_link()
        counter = otp.whereis("counter")
        shop.write(
            SUPERVISOR.replace(COUNTER, COUNTER_2)
            .replace("max_restarts=1", "max_restarts=9")
            .replace("child_spec(5", "child_spec(6")
        )
        with pytest.raises(code.UpgradeRefused):
            await code.reload(shop.module, extra=5)
        assert 1 == (await otp.sys.get_state(sup)).max_restarts
        otp.exit(counter, "kill")
        await wait_all_idle()
        assert 5 == await GenServer.call("counter", "next")

    run(main)


# Coroutine processes

LOOP = """
async def loop(parent, count):
    match await otp.receive():
        case "step":
            otp.send(parent, (VERSION(), count))
            raise otp.Become(loop, parent, count + 1)
        case "upgrade":
            raise otp.Become(code.latest(loop), parent, count)
        case "call":
            return await code.latest(loop)(parent, count)

def VERSION():
    return "old"
"""


def test_a_process_goes_on_with_old_code_until_it_asks_for_the_latest(source: Any, run: Any) -> None:
    shop = source(LOOP)

    async def main() -> None:
        me = otp.self()
        pids = [otp.spawn_link(shop.module.loop, me, 0) for _ in range(2)]
        shop.write(LOOP.replace('"old"', '"new"'))
        await wait_all_idle()
        report = await code.reload(shop.module)
        assert tuple(pids) == report.still_old
        for pid, how in zip(pids, ("upgrade", "call"), strict=True):
            otp.send(pid, "step")
            assert ("old", 0) == await otp.receive()
            otp.send(pid, how)
            otp.send(pid, "step")
            assert ("new", 1) == await otp.receive()
        assert "new" == shop.module.VERSION()

    run(main)


def test_become_keeps_the_process_and_runs_its_cleanup_first(run: Any) -> None:
    async def main() -> None:
        me = otp.self()

        async def first() -> None:
            try:
                raise otp.Become(second, "told", by="first")
            finally:
                otp.send(me, "cleanup")

        def second(what: str, by: str) -> None:  # a plain function will do
            otp.send(me, (what, by, otp.self()))

        pid, ref = otp.spawn_monitor(first)
        otp.register("it", pid)
        assert ["cleanup", ("told", "first", pid)] == [await otp.receive(), await otp.receive()]
        assert otp.Down(ref, pid, "normal") == await otp.receive()

    run(main)


def test_become_with_wrong_arguments_ends_the_process(run: Any) -> None:
    async def main() -> None:
        async def first() -> None:
            raise otp.Become(second, 1, 2)

        async def second() -> None: ...

        otp.spawn_monitor(first)
        reason: Any = (await otp.receive()).reason
        assert "TypeError" == reason[0].type_name

    run(main)


def test_become_in_a_callback_is_an_error(run: Any) -> None:
    class Wrong(GenServer[None]):
        @otp.impl
        def init(self, arg: Any) -> Any:
            raise otp.Become(print)

    async def main() -> None:
        with pytest.raises(otp.StartError) as failure:
            await Wrong.start()
        assert "Become" == failure.value.reason[0].type_name

    run(main)


def test_become_and_latest_say_what_they_want() -> None:
    with pytest.raises(otp.BadArgument, match=r"Become\(fn, …\)"):
        otp.Become(3)  # type: ignore[arg-type]
    with pytest.raises(otp.BadArgument, match="top of a module"):
        code.latest(lambda: None)


def test_latest_of_what_is_gone_is_undef(source: Any, run: Any) -> None:
    shop = source(LOOP)

    async def main() -> None:
        old = shop.module.loop
        shop.write("")
        await code.reload(shop.module)
        with pytest.raises(otp.Error) as error:
            code.latest(old)
        assert ("undef", ("upgraded_module", "loop")) == error.value.reason

    run(main)


# Messages

MESSAGES = """
from dataclasses import dataclass
@dataclass
class Add:
    n: int
class Adder(GenServer):
    @impl
    def init(self, arg):
        return Ok(arg)
    @impl
    def handle_call(self, request, caller, state):
        match request:
            case Add(n=n):
                return Reply("class", state)
            case ("add", n):
                return Reply("tuple", state)
            case _:
                return Reply("unknown", state)
"""


def test_a_message_survives_an_upgrade_if_its_class_is_not_of_the_reloaded_module(source: Any, run: Any) -> None:
    """Decided: a class statement that ran twice made two classes, as everywhere in Python."""
    shop = source(MESSAGES)

    async def main() -> None:
        old = shop.module.Add
        adder = await shop.module.Adder.start_link(0)
        assert "class" == await GenServer.call(adder, old(1))
        await code.reload(shop.module)
        assert "tuple" == await GenServer.call(adder, ("add", 1))
        assert "class" == await GenServer.call(adder, shop.module.Add(1))
        assert "class" == await GenServer.call(adder, code.latest(old)(1))
        assert "unknown" == await GenServer.call(adder, old(1))

    run(main)


def test_a_module_object_shows_the_newest_version_to_whoever_imported_it(source: Any, run: Any) -> None:
    shop = source("N = 1\nM = 1\n")

    async def main() -> None:
        shop.write("N = 2\n")
        await code.reload("upgraded_module")
        assert importlib.import_module("upgraded_module") is shop.module
        assert (2, False) == (shop.module.N, hasattr(shop.module, "M"))
        shop.module.N = 3
        assert 3 == vars(shop.module)["N"]

    run(main)


PLAIN = """
class Basket(Agent):
    vsn = {vsn}
class Rooms(DynamicSupervisor):
    vsn = {vsn}
class Tasks(TaskSupervisor):
    vsn = {vsn}
"""


def test_agents_and_dynamic_supervisors_of_a_module_go_on_as_its_new_classes(source: Any, run: Any) -> None:
    """They have no callbacks of their own; that they are none of `Behaviour` refused every upgrade of their module."""
    shop = source(PLAIN.format(vsn=1))

    async def main() -> None:
        basket = await shop.module.Basket.start_link(lambda: 1)
        rooms = await shop.module.Rooms.start_link()
        tasks = await shop.module.Tasks.start_link()
        child = await otp.DynamicSupervisor.start_child(rooms, (otp.Agent, dict))
        shop.write(PLAIN.format(vsn=2))
        report = await code.reload(shop.module)
        assert {basket, rooms, tasks} == {server.pid for server in report.servers}
        assert [2, 2, 2] == [server.new_vsn for server in report.servers]
        assert 1 == await otp.Agent.get(basket, lambda state: state)
        assert [child] == [info.pid for info in await otp.DynamicSupervisor.which_children(rooms)]
        assert [] == await otp.TaskSupervisor.children(tasks)

    shop.write(PLAIN.format(vsn=1))
    run(main)
