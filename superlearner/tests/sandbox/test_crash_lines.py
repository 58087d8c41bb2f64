"""The line of a crash in a sandbox: one of its source, of the process that made the mistake."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

import otp
from inside_sandbox import at, within
from otp import GenServer
from superlearner.control.events import facts_of
from superlearner.operations.builtin.errors import list_all

SOURCE = """\
import otp
from otp import Children, Continue, GenServer, NoReply, Ok, Reply, Stop, Supervisor, impl


class Tally(GenServer):
    def init(self, start):
        return Ok(start)

    def handle_call(self, request, caller, n):
        return Reply(n, n)

    @impl
    def handle_cast(self, request, n):
        return NoReply(n + 1)


class Asker(GenServer):
    def init(self, arg):
        return Ok(arg)

    async def handle_info(self, message, n):
        GenServer.cast("counter", "increment")
        value = await GenServer.call("counter", "value")
        return NoReply(n + value)


class Main(Supervisor):
    def init(self, arg):
        counter = Tally.child_spec(0, name="counter")
        return Children([counter, Asker.child_spec(0, name="asker")], max_restarts=0)
"""


def failures_of(folder: Path, old: str, new: str, source: str = SOURCE) -> dict[str, Any]:
    """Return the failures after an edit, by the name of the process."""
    assert old in source

    async def look(node: otp.Node, service: otp.Pid) -> Any:
        top = at(node, "Main")
        otp.send(at(node, "asker"), "go")
        await otp.wait_down(top, timeout=5)
        listed: Any = await list_all(SimpleNamespace(node=node))  # type: ignore[arg-type]
        return {one.name: one for one in listed.items}

    return within(folder, source.replace(old, new, 1), look)


@pytest.mark.parametrize(
    ("old", "new", "where"),
    [
        ("    @impl\n    def handle_cast", "@impl\ndef handle_cast", "main.py:13 in handle_cast"),
        (
            "    @impl\n    def handle_cast(self, request, n):\n        return NoReply(n + 1)\n",
            "",
            "main.py:5 in Tally",
        ),
        (
            "    @impl\n    def handle_cast(self, request, n):\n        return",
            "        def handle_cast(self, request, n):\n            return",
            "main.py:12 in handle_cast",
        ),
        ("handle_call(", "answer(", "main.py:5 in Tally"),
        ("Ok(start)", "Ok(start, then=Continue(1))", "main.py:7 in init"),
    ],
    ids=["outside", "missing", "nested", "call", "continue"],
)
def test_a_callback_that_a_server_lacks_is_at_a_line_of_its_source(
    tmp_path: Path, old: str, new: str, where: str
) -> None:
    """Regression: the line was that of the runtime's code that said so, beyond the end of the source."""
    assert where == failures_of(tmp_path, old, new)["counter"].where


@pytest.mark.parametrize(
    ("old", "new", "server", "caller"),
    [
        (
            "NoReply(n + 1)",
            "Reply(n, n)",
            14,
            "handle_cast (main.py:14) returned Reply(0, 0), which is not a result such",
        ),
        ("Reply(n, n)", "Reply(n.x, n)", 10, "counter crashed at main.py:10: AttributeError("),
        ("Reply(n, n)", 'Stop("full", n)', 10, "full"),
    ],
    ids=["result", "exception", "stop"],
)
def test_a_call_that_failed_for_its_server_names_the_line_of_the_server(
    tmp_path: Path, old: str, new: str, server: int, caller: str
) -> None:
    """Regression: the correct line of the caller was marked, with the raw text of its exception."""
    failures = failures_of(tmp_path, old, new)
    assert f"main.py:{server} in" in failures["counter"].where
    assert failures["asker"].reason.startswith(f"its call to counter failed: {caller}")
    assert failures["asker"].where is None


def test_a_reply_in_a_cast_is_answered_with_what_a_cast_returns(tmp_path: Path) -> None:
    failures = failures_of(tmp_path, "NoReply(n + 1)", "Reply(n, n)")
    assert "Reply is for handle_call, a cast has no reply; return NoReply(state)" == failures["counter"].hint


def test_a_state_on_self_in_a_cast_is_answered_with_what_a_cast_returns(tmp_path: Path) -> None:
    failures = failures_of(tmp_path, "return NoReply(n + 1)", "self.n = n + 1")
    assert "self holds no state; return NoReply(new_state)" in failures["counter"].reason


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("return NoReply(n + 1)", "return n.x"),
        ('GenServer.cast("counter", "increment")', 'otp.exit(otp.whereis("counter"), "kill")'),
    ],
    ids=["crashed", "killed"],
)
def test_a_call_to_a_server_that_had_crashed_is_not_at_the_line_of_the_call(tmp_path: Path, old: str, new: str) -> None:
    failures = failures_of(tmp_path, old, new)
    assert ("main.py:14 in handle_cast" if "n.x" in new else None) == failures["counter"].where
    assert failures["asker"].where is None


def test_a_call_to_a_name_that_never_was_is_at_its_line(tmp_path: Path) -> None:
    failures = failures_of(tmp_path, 'call("counter"', 'call("conter"')
    assert ("main.py:23 in handle_info", "did you mean 'counter'?") == (
        failures["asker"].where,
        failures["asker"].hint,
    )


def test_a_call_to_the_server_object_says_that_it_is_no_process(tmp_path: Path) -> None:
    """Regression: no sentence said what is wrong with `self`."""
    asker = failures_of(tmp_path, 'call("counter"', "call(self")["asker"]
    assert "main.py:23 in handle_info" == asker.where
    assert (
        "expected a pid or a name, got an object such as self; "
        "to run code in the same server, call its method, or cast to self.pid"
    ) == asker.hint


def test_the_end_of_a_tree_names_the_line_of_its_last_failure(tmp_path: Path) -> None:
    async def look(node: otp.Node, service: otp.Pid) -> Any:
        GenServer.cast(at(node, "counter"), "increment")
        return (await GenServer.call(service, ("next",)))["ended"]

    assert "(last: counter crashed at main.py:14: AttributeError(" in within(
        tmp_path, SOURCE.replace("NoReply(n + 1)", "n.x"), look
    )


def test_the_end_of_a_tree_keeps_the_advice_about_its_last_failure(tmp_path: Path) -> None:
    """Regression: the page asked a node that had ended for it."""

    async def look(node: otp.Node, service: otp.Pid) -> Any:
        GenServer.cast(at(node, "counter"), "increment")
        return (await GenServer.call(service, ("next",)))["ended"]

    said = within(tmp_path, SOURCE.replace("NoReply(n + 1)", "n + '!'"), look)
    assert said.endswith(
        "; a number and a string do not mix: check what the message brought, or convert with int(…) or str(…))"
    )


def test_the_end_of_a_tree_has_no_advice_about_another_crash(tmp_path: Path) -> None:
    """Regression: the crash of a process that had ended in the same turn was explained."""

    async def look(node: otp.Node, service: otp.Pid) -> Any:
        otp.send(at(node, "asker"), "go")
        GenServer.cast(at(node, "counter"), "increment")
        return (await GenServer.call(service, ("next",)))["ended"]

    text = SOURCE.replace("value = await", "raise KeyError('no money')\n        value = await")
    text = text.replace("NoReply(n + 1)", "n + '!'")
    said = within(tmp_path, text, look)
    assert said.endswith("(last: asker crashed at main.py:23: KeyError('no money'))")


def test_a_start_that_failed_is_at_the_line_of_the_init(tmp_path: Path) -> None:
    """Regression: the correct line of the process that started it was marked, with a raw text."""
    text = SOURCE.replace("return Ok(start)", "return Ok(1 / (1 - start))")
    failures = failures_of(tmp_path, 'GenServer.call("counter", "value")', "Tally.start(1)", text)
    assert ("main.py:7 in init", "a start failed at main.py:7: ZeroDivisionError('division by zero')") == (
        failures["asker"].where,
        failures["asker"].reason,
    )


def test_the_live_event_of_a_caller_names_the_callback_of_its_server(tmp_path: Path) -> None:
    """Regression: an event has the result itself, and those in memory only its text, so that none was alike."""
    reasons: list[str] = []

    async def look(node: otp.Node, service: otp.Pid) -> None:
        top = at(node, "Main")
        node.subscribe(lambda event: reasons.append(facts_of(event).reason), kinds={"exited"})
        otp.send(at(node, "asker"), "go")
        await otp.wait_down(top, timeout=5)

    within(tmp_path, SOURCE.replace("NoReply(n + 1)", "Reply(n, n)"), look)
    assert [True] == [
        "handle_cast (main.py:14) returned Reply(0, 0)" in one
        for one in reasons
        if one.startswith("its call to counter")
    ]
