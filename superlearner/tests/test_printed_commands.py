"""Commands that the platform prints run as they are printed, and act on the node that they are about."""

from __future__ import annotations

import asyncio
import re
import shlex
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from observed_service import service
from superlearner.cli.hints import in_our_words

pytestmark = pytest.mark.program

IN_BACKTICKS = re.compile(r"`(superlearner [^`]+)`")
NODE = "Jo's $HOME@127.0.0.1"
SHOP = 'the "shop"; of Jo'
TILL = "<till> & co"
SENSITIVE = {"SUPERLEARNER_ANOMALY_RESTARTS": "1", "SUPERLEARNER_WATCHDOG_AFTER": "0"}
"""Settings with which a kill is an anomaly."""

Run = Callable[..., Any]


class Terminal:
    """A person's terminal, which runs what it reads."""

    def __init__(self, superlearner: Run, **environment: str) -> None:
        self._superlearner = superlearner
        self._environment = environment

    async def type(self, line: str) -> subprocess.CompletedProcess[str]:
        """Run a command line as a shell splits it."""
        program, *arguments = shlex.split(line)
        assert program == "superlearner", line
        return await asyncio.to_thread(self._superlearner, *arguments, **self._environment)

    async def follow(self, text: str) -> dict[str, str]:
        """Run every command in backticks of a text; return what each printed."""
        commands = IN_BACKTICKS.findall(text)
        assert commands, text
        done = {command: await self.type(command) for command in commands}
        assert {} == {command: one.stderr for command, one in done.items() if one.returncode}, text
        return {command: one.stdout for command, one in done.items()}


def test_hints_about_an_attached_service_act_on_it(
    start: Run, superlearner: Run, own_sockets: Path, tmp_path: Path
) -> None:
    program = start(**SENSITIVE)
    terminal = Terminal(superlearner, XDG_RUNTIME_DIR=str(own_sockets))
    there = f"--node {shlex.quote(NODE)}"

    async def main() -> None:
        async with service(tmp_path, named=(NODE, SHOP, TILL), permissions=("read", "operate", "code")) as shop:
            with program.client() as client:
                client.headers.update(program.owner)
                for name in ({}, {"name": "again"}):
                    attached = client.post("/api/v1/nodes/attached", json={"address": shop.address, **name})
                    assert attached.status_code == 200, attached.text

                def ask(path: str, method: str = "GET", node: str = NODE, **more: Any) -> Any:
                    return client.request(method, f"/api/v1{path}", params={"node": node}, **more).json()["data"]

                for _ in range(3):
                    ask(f"/processes/{TILL}", "DELETE")
                hints = {one["type"]: one["hint"] for one in ask("/system/anomalies")["anomalies"]}
                why, room, pause = IN_BACKTICKS.findall(hints["crash_loop"])
                assert why.startswith("superlearner error why "), why
                assert f"superlearner supervisor pause {shlex.quote(SHOP)} {there}" == pause
                printed = await terminal.follow(hints["crash_loop"])
                assert TILL in printed[why]
                assert 30 == ask(f"/supervisors/{SHOP}/flags")["max_restarts"], room
                assert "suspended" == ask(f"/processes/{SHOP}/info")["status"]
                refused = await terminal.type(f"superlearner supervisor restart {shlex.quote(SHOP)} {there}")
                await terminal.follow(refused.stderr)
                assert "waiting" == ask(f"/processes/{SHOP}/info")["status"]
                missing = await terminal.type(f"superlearner process info nobody {there}")
                assert TILL in "".join((await terminal.follow(missing.stderr)).values())
                traced = ask(f"/processes/{TILL}/debug/trace", "PUT", json={"on": True})
                watch = await terminal.type(f"{traced['watch']} --timeout-ms 1")
                assert (0, "") == (watch.returncode, watch.stderr)
                again = ask("/system/anomalies", node="again")["anomalies"]
                printed = [command for one in again for command in IN_BACKTICKS.findall(one["hint"])]
                assert printed
                assert [] == [command for command in printed if not command.endswith(" --node again")]

    asyncio.run(asyncio.wait_for(main(), 60))


@pytest.mark.parametrize(
    ("query", "command"),
    [
        ("words=x", "superlearner process list --words x"),
        ("a%3B%20touch%20x=1", "superlearner process list"),
        ("search=a%3B%20touch%20x&--force=1", "superlearner process list --search 'a; touch x'"),
    ],
)
def test_the_hint_of_a_node_puts_only_options_and_quoted_words_into_a_command(query: str, command: str) -> None:
    assert in_our_words(f"see GET /api/v1/processes?{query}") == f"see `{command}`"


def test_hints_reach_the_platform_that_was_asked(start: Run, superlearner: Run, tmp_path: Path) -> None:
    elsewhere = tmp_path / "class a"
    start(data_dir=str(elsewhere))
    nowhere = {"SUPERLEARNER_DATA_DIR": ""}
    there = f"--data-dir {shlex.quote(str(elsewhere))}"
    terminal = Terminal(superlearner, **nowhere)

    async def main() -> None:
        for line in (f"superlearner process info nobody {there}", f"superlearner {there} supervisor info nobody"):
            failed = await terminal.type(line)
            assert 1 == failed.returncode, failed.stderr
            printed = await terminal.follow(failed.stderr)
            assert [] == [command for command in printed if there not in command]
        empty = shlex.quote(str(tmp_path / "no one"))
        absent = await terminal.type(f"superlearner process list --data-dir {empty}")
        assert [f"superlearner run --data-dir {empty}"] == IN_BACKTICKS.findall(absent.stderr)

    asyncio.run(asyncio.wait_for(main(), 60))
