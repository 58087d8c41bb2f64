"""Plug-ins: the package in docs/plug-ins.md works at every interface."""

from __future__ import annotations

import asyncio
import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from mcp import Client, StdioServerParameters
from tools.files import ROOT

pytestmark = pytest.mark.program

Run = Callable[..., subprocess.CompletedProcess[str]]
PAGE = (ROOT / "docs/plug-ins.md").read_text(encoding="utf-8")


def block(language: str) -> str:
    found = re.search(rf"^```{language}\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
    assert found is not None
    return found[1]


def installed(folder: Path, name: str, module: str) -> dict[str, str]:
    """Install a package as pip leaves it; return the environment in which it is found."""
    info = folder / f"{name}-1.0.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(f"[superlearner.operations]\n{name} = {name}\n")
    (folder / f"{name}.py").write_text(module)
    return {"PYTHONPATH": os.pathsep.join([str(folder), os.environ.get("PYTHONPATH", "")])}


def test_the_package_on_the_page_names_its_entry_point() -> None:
    assert '[project.entry-points."superlearner.operations"]\nquietest = "quietest"' in block("toml")


def test_one_declaration_is_a_route_a_command_a_function_a_tool_and_a_form(
    start: Callable[..., Any], superlearner: Run, tmp_path: Path
) -> None:
    path = installed(tmp_path / "packages", "quietest", block("python"))
    program = start(**path)
    with program.client() as client:
        listed = client.get("/api/v1/quietest", params={"most": 2})
        assert (200, 2) == (listed.status_code, len(listed.json()["data"]))
        assert 422 == client.get("/api/v1/quietest", params={"most": 0}).status_code
        described = client.get("/api/v1/arsenal/docs").json()["paths"]
        assert "List the processes with the emptiest mailboxes" == described["/api/v1/quietest"]["get"]["summary"]
        assert {"404", "403"} <= set(described["/api/v1/quietest/{pid}/tell"]["post"]["responses"])
        forms = {line["name"]: line for line in client.get("/api/v1/arsenal/operations").json()["data"]}
    assert 100 == forms["quietest.list"]["parameters"]["properties"]["most"]["maximum"]
    assert "process" == forms["quietest.tell"]["parameters"]["properties"]["pid"]["x-picker"]

    assert "quietest" in superlearner("--help", **path).stdout
    assert "how many are shown" in superlearner("quietest", "list", "--help", **path).stdout
    assert 2 == len(json.loads(superlearner("quietest", "list", "--most", "2", "--json", **path).stdout))
    tried = superlearner("quietest", "tell", "counter_2", "--word", "hi", "--dry-run", "--json", **path)
    assert (0, "send hi to counter_2") == (tried.returncode, json.loads(tried.stdout)["would"].partition(" (")[0])
    assert 1 == superlearner("quietest", "tell", "nobody", **path).returncode

    typed = superlearner("console", "--json", "-c", 'quietest.tell("counter_2", word="hi").name', **path)
    assert (0, "") == (typed.returncode, typed.stderr)
    assert "counter_2" in json.loads(typed.stdout)

    result = asyncio.run(asyncio.wait_for(called(program.data_dir, "quietest_list", {"most": 3}), 60))
    assert 3 == len(result.structured_content["data"])


async def called(data_dir: Path, tool: str, values: dict[str, Any]) -> Any:
    """Return the answer of a tool served by a command without the package."""
    environment = {**os.environ, "SUPERLEARNER_DATA_DIR": str(data_dir)}
    command = StdioServerParameters(
        command=sys.executable, args=["-m", "superlearner", "mcp", "--all"], env=environment
    )
    async with Client(command) as client:
        assert tool in [one.name for one in (await client.list_tools()).tools]
        return await client.call_tool(tool, values)


SECOND = """\
from superlearner.operations.declaration import operation

@operation({name!r}, http=("GET", {path!r}), scope="read")
async def second(ctx) -> str:
    "Take what is taken."
    return ""
"""


@pytest.mark.parametrize(
    ("name", "path", "with_"),
    [("quietest.list", "/other", "quietest.list"), ("other.list", "/quietest", "quietest.list"),
     ("process.list", "/other", "process.list"), ("other.info", "/processes/{one}/info", "process.info")],
)  # fmt: skip
def test_conflicting_packages_prevent_the_start(
    superlearner: Run, tmp_path: Path, name: str, path: str, with_: str
) -> None:
    module = SECOND.format(name=name, path=path).replace("(ctx)", "(ctx, one: str)" if "{" in path else "(ctx)")
    packages = installed(tmp_path / "packages", "quietest", block("python"))
    installed(tmp_path / "packages", "second", module)
    done = superlearner("run", "--port", "0", "--no-browser", **packages)
    assert (1, "") == (done.returncode, done.stdout)
    assert [] == [word for word in (f"'{name}'", "second", with_, "clashes") if word not in done.stderr], done.stderr
    assert "Traceback" not in done.stderr


def test_a_broken_package_prevents_the_start_and_commands_still_work(superlearner: Run, tmp_path: Path) -> None:
    wonky = installed(tmp_path / "packages", "wonky", "1 / 0\n")
    done = superlearner("run", "--port", "0", "--no-browser", **wonky)
    assert (1, "") == (done.returncode, done.stdout)
    assert ("wonky" in done.stderr, "Traceback" in done.stderr) == (True, False)
    verb = superlearner("process", "list", **wonky)
    assert (3, False) == (verb.returncode, "wonky" in verb.stderr)
    assert "wonky" in superlearner("--help", **wonky).stderr
