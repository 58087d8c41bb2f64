"""Real members of a scenario that do not begin, or send what cannot be read: the run ends and says so."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path
from typing import Any

import pytest

from otp.cluster.scenarios import ScenarioError, play_real, read_scenario

LIMIT = 10.0
PROGRAM = """#!{python} -S
import socket, sys
end = socket.socket(fileno=int(sys.argv[3]))
end.sendall(b"{line}\\n")
while end.recv(1000):
    pass
"""


def scenario_file(tmp_path: Path) -> Path:
    file = tmp_path / "it.json"
    file.write_text('{"scenario": 1, "name": "it", "members": 2, "steps": [{"do": "converge"}]}')
    return file


def play_within_limit(tmp_path: Path) -> None:
    file = scenario_file(tmp_path)

    async def main() -> None:
        async with asyncio.timeout(LIMIT):
            await play_real(read_scenario(file))

    asyncio.run(main())


@pytest.mark.parametrize("line", ["not a line (", "5", "(1, 2, 3)"])
def test_a_line_that_cannot_be_read_ends_the_run(line: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program = tmp_path / "member"
    program.write_text(PROGRAM.format(python=sys.executable, line=line))
    program.chmod(0o700)
    monkeypatch.setattr(sys, "executable", str(program))
    with pytest.raises(ScenarioError, match=r"member n[12] sent a line that cannot be read"):
        play_within_limit(tmp_path)


def test_a_member_whose_socket_fails_ends_the_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def fail(**_: Any) -> Any:
        raise OSError("no more sockets")

    monkeypatch.setattr(asyncio, "open_connection", fail)
    with pytest.raises(OSError, match="no more sockets"):
        play_within_limit(tmp_path)


def test_the_start_of_no_member_outlasts_a_run_in_which_another_fails(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = [asyncio.create_subprocess_exec]

    async def create_first(*arguments: Any, **options: Any) -> Any:
        if first:
            return await first.pop()(*arguments, **options)
        return await asyncio.get_running_loop().create_future()  # until the run ends it

    async def fail(**_: Any) -> Any:
        raise OSError("no more sockets")

    monkeypatch.setattr(asyncio, "create_subprocess_exec", create_first)
    monkeypatch.setattr(asyncio, "open_connection", fail)

    async def main() -> None:
        async with asyncio.timeout(LIMIT):
            with pytest.raises(OSError, match="no more sockets"):
                await play_real(read_scenario(scenario_file(tmp_path)))
            assert {asyncio.current_task()} == asyncio.all_tasks()

    asyncio.run(main())
