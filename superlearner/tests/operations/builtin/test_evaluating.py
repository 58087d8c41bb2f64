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


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("1 +", (422, "validation_error", "source: line 1, column 4: invalid syntax")),
        ("x = 1\nx / 0", (422, "eval_failed", "line 2: ZeroDivisionError: division by zero")),
        (
            "1 + '2'",
            (
                422,
                "eval_failed",
                "line 1: TypeError: unsupported operand type(s) for +: 'int' and 'str'; a number and a text do not "
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
