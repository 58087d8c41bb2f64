"""Python inside a node: it runs there if that is allowed, and nowhere else."""

from __future__ import annotations

import textwrap
from collections.abc import Callable
from typing import Any

import pytest

import otp
from local_link import LocalLink
from superlearner.backend import start
from superlearner.demo.one_for_one import Counter

Inside = Callable[..., Any]
API = "/api/v1"
OWNER = {"authorization": "Bearer a-token-of-the-tests-that-is-long-enough"}


async def evaluated(platform: Any, source: str, query: str = "", **body: Any) -> Any:
    json = {"source": source, **body}
    return await platform.client.post(f"{API}/nodes/eval{query}", json=json, headers=OWNER)


def failure(answer: Any) -> tuple[int, str]:
    return answer.status_code, answer.json()["error"]["code"]


@pytest.mark.operation("node.eval")
def test_code_runs_on_the_node_and_other_operations_see_its_effects(inside: Inside) -> None:
    async def test(platform: Any) -> None:
        source = """
            otp.GenServer.cast("counter_2", ("add", 5))
            print("now", await otp.GenServer.call("counter_2", "get_value"))
            {"pid": otp.self(), "set": {1}, "password": "hunter2"}
        """
        found = (await evaluated(platform, "\n".join(map(str.strip, source.splitlines())))).json()["data"]
        assert (found["node"], found["type"], found["printed"]) == (platform.node.name, "dict", "now 105\n")
        assert (found["value"]["set"], found["value"]["password"], "***" in found["text"]) == ([1], "***", True)
        state = await platform.get(f"{API}/processes/counter_2/state")
        assert state["data"]["value"] == 105
        said = (await evaluated(platform, "otp.exit('counter_2', 'kill')", "?dry_run=true")).json()["data"]
        assert said["would"] == f"evaluate 1 line of Python in {platform.node.name}"
        assert (await platform.get(f"{API}/processes/counter_2/state"))["data"]["value"] == 105
        nothing = (await evaluated(platform, "x = 1")).json()["data"]
        assert (nothing["type"], nothing["value"]) == ("NoneType", None)

    inside(test, allow_eval=True)


def test_a_crash_of_a_server_that_a_cell_calls_says_what_to_write(inside: Inside) -> None:
    source = """
class Tally(otp.GenServer):
    def init(self, start):
        return otp.Ok(start)
    def handle_call(self, request, caller, n):
        self.n += 1
        return otp.Reply(n, n)

await otp.GenServer.call(await Tally.start(0), "get")
"""

    async def test(platform: Any) -> None:
        said = (await evaluated(platform, source)).json()["error"]["message"]
        assert said.endswith("it is the last argument; return the new one, as in Reply(value, new)")

    inside(test, allow_eval=True)


AGENT = """
class Agent(otp.GenServer):
    @otp.impl
    def init(self, memory):
        return otp.Ok(memory)

    @otp.impl
    def handle_call(self, request, caller, state):
        return otp.Reply(state.get(request), state)
"""
ASK = """
agent = await Agent.start({})
await otp.GenServer.call(agent, "colour")
"""


@pytest.mark.parametrize(
    ("right", "wrong", "line", "expected"),
    [
        ("otp.Ok(memory)", "memory", 5, "init: it returned {}; expected Ok(state), Stop(reason) or Ignore()"),
        ("otp.Ok(memory)", "otp.Ok(memoy)", 5, "init: NameError: name 'memoy' is not defined"),
        ("return otp.Reply", "otp.Reply", 9, "handle_call: a `return` is missing"),
        (
            "otp.Reply(state.get(request), state)",
            "state",
            9,
            "handle_call: it returned {}; expected Reply(value, state), NoReply(state) or Stop(reason, state)",
        ),
        ("state.get(", "state.gett(", 9, "handle_call: AttributeError: 'dict' object has no attribute 'gett'; did you"),
    ],
    ids=["init", "name", "return", "result", "attribute"],
)
@pytest.mark.parametrize("start", ["start", "start_link"])
def test_the_callback_that_failed_is_named_with_its_line_and_not_the_start_or_call(
    inside: Inside, right: str, wrong: str, line: int, expected: str, start: str
) -> None:
    """Regression: it named the line of the start, which is right, and `('bad_return_value', {})`."""

    async def test(platform: Any) -> None:
        async def failed(source: str) -> tuple[str, str | None]:
            error = (await evaluated(platform, source, keep=True)).json()["error"]
            return error["message"], {one["field"]: one["problem"] for one in error["details"]}.get("line")

        source, ask = AGENT.replace(right, wrong), ASK.replace("start", start)
        said, marked = await failed(source + ask)
        assert said.startswith(f"line {line} in Agent.{expected}")
        assert marked == str(line)
        await evaluated(platform, source, keep=True)
        said, marked = await failed(ask)
        assert f"Agent.{expected.partition(': a ')[0]}" in said
        assert marked in ("2", "3", None)  # of the start or call: the callback is in another evaluation

    inside(test, allow_eval=True)


def test_the_child_that_did_not_start_is_named_with_the_line_of_its_mistake(inside: Inside) -> None:
    source = """
class Room(otp.GenServer):
    def init(self, start):
        return start

class Hotel(otp.Supervisor):
    def init(self, arg):
        return otp.Children([Room.child_spec(1, id="blue")])

await Hotel.start_link(None)
"""

    async def test(platform: Any) -> None:
        said = (await evaluated(platform, source)).json()["error"]["message"]
        assert (
            said
            == "blue did not start: line 4 in Room.init: it returned 1; expected Ok(state), Stop(reason) or Ignore()"
        )

    inside(test, allow_eval=True)


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        (
            "class Till(otp.GenServer):\n  x = 1\n  @otp.impl\n  def inti(self, arg): ...",
            (
                422,
                "eval_failed",
                "line 3: TypeError: expected the name of a callback after @impl in Till, got 'inti'; "
                "did you mean 'init'?",
            ),
        ),
        ("1 +", (422, "validation_error", "source: line 1, column 4: invalid syntax")),
        ("x = 1\nx / 0", (422, "eval_failed", "line 2: ZeroDivisionError: division by zero")),
        (
            "1 + '2'",
            (
                422,
                "eval_failed",
                "line 1: TypeError: unsupported operand type(s) for +: 'int' and 'str'; a number and a string do not "
                "mix: check what the message brought, or convert with int(…) or str(…)",
            ),
        ),
        ("raise SystemExit(3)", (422, "eval_failed", "line 1: SystemExit: 3")),
        ("otp.exit(otp.self(), 'kill')", (422, "eval_failed", "its process was ended: killed")),
        ("(" * 5000 + ")" * 5000, (422, "validation_error", None)),
        ("\0", (422, "validation_error", None)),
    ],
)
def test_errors_in_the_code_are_reported_with_their_line(
    inside: Inside, source: str, expected: tuple[int, str, str | None]
) -> None:
    async def test(platform: Any) -> None:
        answer = await evaluated(platform, source)
        status, code, words = expected
        assert failure(answer) == (status, code)
        assert words is None or answer.json()["error"]["message"] == words
        assert platform.running.ready

    inside(test, allow_eval=True)


def test_the_workbench_keeps_names_and_its_process_and_names_outlive_it(inside: Inside) -> None:
    async def test(platform: Any) -> None:
        async def cell(source: str, **body: Any) -> Any:
            return (await evaluated(platform, source, keep=True, **body)).json()

        first = (await cell("import otp\nme = otp.self()\nx = 20\nme"))["data"]["text"]
        again = await cell("x += 1\notp.send(otp.self(), 'a letter')\nprint(x)\nme is otp.self()")
        assert (again["data"]["value"], again["data"]["printed"]) == (True, "21\n")
        assert (await cell("await otp.receive()"))["data"]["value"] == "a letter"
        assert str(platform.node.whereis("workbench")) == first
        failed = (await cell("print('before')\n1 / 0"))["error"]
        details = {one["field"]: one["problem"] for one in failed["details"]}
        assert (failed["code"], details) == ("eval_failed", {"line": "2", "printed": "before\n"})
        assert (await cell("otp.whereis('workbench') is me"))["data"]["value"] is True
        assert (await cell("await otp.receive()", timeout_ms=50))["error"]["code"] == "timeout"
        assert (await cell("x, otp.whereis('workbench') is me"))["data"]["value"] == [21, False]
        assert (await cell("otp.exit(otp.self(), 'kill')"))["error"]["message"] == "its process was ended: killed"
        assert (await cell("x"))["data"]["value"] == 21
        alone = (await evaluated(platform, "'x' in globals()")).json()["data"]
        assert alone["value"] is False

    inside(test, allow_eval=True)


def test_a_supervisor_started_on_the_workbench_runs_on(inside: Inside) -> None:
    async def test(platform: Any) -> None:
        source = """
            class Own(otp.Supervisor):
                @otp.impl
                def init(self, arg):
                    return otp.Children([otp.Agent.child_spec(dict, name="kept")])
            await Own.start_link()
            [otp.exit("kept", "kill"), await otp.node().wait_registered("kept")][0]
        """
        assert "data" in (await evaluated(platform, textwrap.dedent(source).strip(), keep=True)).json()
        assert platform.node.whereis("kept") is not None

    inside(test, allow_eval=True)


def test_output_without_end_is_cut(inside: Inside) -> None:
    async def test(platform: Any) -> None:
        found = (await evaluated(platform, "for _ in range(1_000):\n    print('x' * 1_000)")).json()["data"]
        assert len(found["printed"]) <= 4_000

    inside(test, allow_eval=True)


def test_code_that_exceeds_its_time_limit_is_stopped(inside: Inside) -> None:
    async def test(platform: Any) -> None:
        before = set(platform.node.processes())
        answer = await evaluated(platform, "await otp.receive()", timeout_ms=50)
        assert failure(answer) == (504, "timeout")
        assert set(platform.node.processes()) - before == set()

    inside(test, allow_eval=True)


def test_nothing_runs_without_permission_or_credential(inside: Inside) -> None:
    async def test(platform: Any) -> None:
        source = "otp.GenServer.cast('counter_2', 'crash')"
        assert failure(await evaluated(platform, source)) == (403, "eval_not_allowed")
        assert failure(await evaluated(platform, source, "?dry_run=true")) == (403, "eval_not_allowed")
        answer = await platform.client.post(f"{API}/nodes/eval", json={"source": source})
        assert failure(answer) == (403, "missing_scope")

    inside(test)


@pytest.mark.parametrize("allowed", [True, False])
def test_a_node_in_another_process_decides_itself_about_evaluation(inside: Inside, allowed: bool) -> None:
    """A sandbox allows it, whatever the platform does; an attached service does not."""

    async def test(platform: Any) -> None:
        async with otp.Node("far@127.0.0.1") as node:
            await node.start(Counter, 7, name="till")
            services = await start(node, evaluates=allowed)
            await platform.platform.nodes.attach_remote(node.name, LocalLink(services["backend"]))
            asked = "otp.node().name, await otp.GenServer.call('till', 'get_value')"
            answer = await evaluated(platform, asked, "?node=far@127.0.0.1")
            if allowed:
                assert answer.json()["data"]["value"] == ["far@127.0.0.1", 7]
                assert failure(await evaluated(platform, "1 / 0", "?node=far@127.0.0.1")) == (422, "eval_failed")
            else:
                assert failure(answer) == (403, "eval_not_allowed")
            platform.platform.nodes.detach(node.name)

    inside(test, allow_eval=not allowed)
